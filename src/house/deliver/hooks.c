#include "house/deliver/hooks.h"
#include "house/deliver/deliver.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "wire/outside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_WAIT_MS = 2000, TIMEOUT_MS = 20000 };
#define MOST_WAIT_MS (3600 * 1000LL)
#define GIVE_UP_MS (24 * 3600 * 1000LL)

// ---- the rows

static bool target_fits(const char *kind, const char *target, struct error *err)
{
    bool web = strcmp(kind, "webhook") == 0;
    bool fits =
        text_utf8(text_of(target)) && strlen(target) < 2000 && !strpbrk(target, "\r\n\t <>\"");
    if (web)
        fits = fits && (strncmp(target, "https://", 8) == 0 || strncmp(target, "http://", 7) == 0);
    else
        fits = fits && strchr(target, '@') && target[0] != '@';
    if (fits && (web || strcmp(kind, "mail") == 0))
        return true;
    error_set(err, ERROR_INPUT, "%.200s can not be told anything", target);
    return error_fix(err, "a webhook is an address that begins with https:// or http://, mail one "
                          "like ada@house.example");
}

bool hook_make(struct db_tx *tx, const struct seal *seal, const struct hook_wish *w, int64_t now_ms,
               id *made, char key[44], struct error *err)
{
    struct buf sealed = BUF_LIMIT(1024);
    bool web = strcmp(w->kind, "webhook") == 0;
    secret s = secret_new();
    *made = id_new();
    *key = 0;
    bool ok = target_fits(w->kind, w->target, err) &&
              (!web || seal_put(seal, made->text, text_of(s.text), &sealed, err)) &&
              db_run(tx, err, "insert into hooks values (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7)", "ssssbsi",
                     made->text, w->kind, w->target, w->project,
                     web ? (const void *)sealed.at : NULL, sealed.size, w->by, now_ms);
    if (ok && web)
        memcpy(key, s.text, sizeof(s.text));
    buf_free(&sealed);
    return ok;
}

static bool no_hook(struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "there is no such address");
}

bool hook_drop(struct db_tx *tx, const char *hook, struct error *err)
{
    return db_run(tx, err, "delete from hooks where id = ?1", "s", hook) &&
           (db_changed(tx) || no_hook(err)) &&
           db_run(tx, err, "delete from notices where hook = ?1 and state = 'waiting'", "s", hook);
}

bool hook_list(struct db_tx *tx, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(
        tx,
        "select h.id, h.kind, h.target, h.project, h.made_by, h.created_ms, (select count(*) from "
        "notices n where n.hook = h.id and n.state = 'waiting'), (select count(*) from notices n "
        "where n.hook = h.id and n.state = 'failed') from hooks h order by h.created_ms, h.id",
        "");
    while (db_next(rows))
        json_array_append_new(
            *list, json_pack("{s:s, s:s, s:s, s:s?, s:s, s:s, s:I, s:I}", "id", db_text(rows, 0),
                             "kind", db_text(rows, 1), "target", db_text(rows, 2), "project",
                             db_text(rows, 3), "by", db_text(rows, 4), "created",
                             clock_text(db_int(rows, 5)).text, "waiting",
                             (json_int_t)db_int(rows, 6), "failed", (json_int_t)db_int(rows, 7)));
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

bool notice_list(struct db_tx *tx, const char *hook, int64_t limit, json_t **list,
                 struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(
        tx,
        "select n.id, n.hook, n.event, n.state, n.tries, n.answer, n.created_ms, n.ended_ms, "
        "coalesce(n.target, h.target, '') from notices n left join hooks h on h.id = n.hook where ?1 is null "
        "or n.hook = ?1 order by n.created_ms desc, n.id desc limit ?2",
        "si", hook, limit);
    while (db_next(rows)) {
        json_t *row =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s}", "id", db_text(rows, 0), "hook",
                      db_text(rows, 1), "target", db_text(rows, 8), "event", db_text(rows, 2),
                      "state", db_text(rows, 3), "tries", (json_int_t)db_int(rows, 4), "answer",
                      db_text(rows, 5), "created", clock_text(db_int(rows, 6)).text);
        if (db_int(rows, 7))
            json_object_set_new(row, "ended", json_string(clock_text(db_int(rows, 7)).text));
        json_array_append_new(*list, row);
    }
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

bool notice_again(struct db_tx *tx, const char *notice, int64_t now_ms, struct error *err)
{
    if (!db_run(tx, err,
                "update notices set state = 'waiting', next_ms = ?2, created_ms = ?2 where id = ?1 "
                "and state <> 'told'",
                "si", notice, now_ms))
        return false;
    return db_changed(tx) ||
           error_set(err, ERROR_CONFLICT, "it was told already, or there is none");
}

bool hooks_tell(struct db_tx *tx, const char *event, const char *delivery, const json_t *extra,
                int64_t now_ms, struct error *err)
{
    int64_t any;
    json_t *json;
    if (!db_one_int(tx, &any, 0, err, "select count(*) from hooks where enabled = 1", "") || !any)
        return any == 0;
    if (!delivery_get(tx, delivery, &json, err))
        return false;
    const char *project = json_string_value(json_object_get(json, "project"));
    json_t *body = json_pack("{s:s, s:s, s:O}", "event", event, "at", clock_text(now_ms).text,
                             "delivery", json);
    if (extra)
        json_object_update(body, (json_t *)(uintptr_t)extra);
    struct arena *a = arena_open(1 << 20);
    char hooks[64][27];
    size_t count = 0;
    struct db_rows *rows =
        db_query(tx, "select id from hooks where enabled = 1 and (project is null or project = ?1)",
                 "s", project);
    while (db_next(rows) && count < 64)
        text_copy(text_of(db_text(rows, 0)), hooks[count++], 27);
    bool ok = db_end(rows, err);
    for (size_t i = 0; ok && i < count; i++) {
        id notice = id_new();
        json_object_set_new(body, "id", json_string(notice.text));
        char *text = json_dumps(body, JSON_COMPACT);
        ok = db_run(tx, err,
                    "insert into notices values (?1, ?2, ?3, ?4, 'waiting', 0, ?5, '', ?5, 0, "
                    "null)",
                    "ssssi", notice.text, hooks[i], event, text, now_ms);
        free(text);
    }
    arena_close(a);
    json_decref(body);
    json_decref(json);
    return ok;
}

bool mail_add(struct db_tx *tx, const char *to, const char *event, const char *subject,
              const char *words, int64_t now_ms, struct error *err)
{
    id notice = id_new();
    if (!target_fits("mail", to, err))
        return false;
    json_t *body = json_pack("{s:s, s:s}", "subject", subject, "text", words);
    char *plain = json_dumps(body, JSON_COMPACT);
    bool ok = plain && db_run(tx, err,
                              "insert into notices values (?1, '', ?2, ?3, 'waiting', 0, ?4, '', "
                              "?4, 0, ?5)",
                              "sssis", notice.text, event, plain, now_ms, to);
    free(plain);
    json_decref(body);
    return ok;
}

// ---- telling

struct telling {
    const struct teller_wish *w;
    struct arena *a;
    const char *notice, *event, *body, *kind, *target;
    char secret[64];
    int64_t tries, created_ms, now_ms;
    bool found, told, gave_up;
    char answer[300];
};

static bool next_in(struct db_tx *tx, void *context, struct error *err)
{
    struct telling *t = context;
    struct buf sealed = BUF_LIMIT(1024), plain = BUF_LIMIT(256);
    char hook[27] = "";
    t->found = false;
    struct db_rows *rows = db_query(tx,
                                    "select n.id, n.event, n.body, n.tries, n.created_ms, "
                                    "coalesce(h.kind, 'mail'), coalesce(n.target, h.target), "
                                    "h.secret, coalesce(h.id, '') from notices n left join hooks h "
                                    "on h.id = n.hook where n.state = 'waiting' and n.next_ms <= "
                                    "?1 and (h.id is not null or n.target is not null) order by "
                                    "n.next_ms limit 1",
                                    "i", t->now_ms);
    if (db_next(rows)) {
        size_t size;
        t->found = true;
        t->notice = arena_text(t->a, db_text(rows, 0));
        t->event = arena_text(t->a, db_text(rows, 1));
        t->body = arena_text(t->a, db_text(rows, 2));
        t->tries = db_int(rows, 3);
        t->created_ms = db_int(rows, 4);
        t->kind = arena_text(t->a, db_text(rows, 5));
        t->target = arena_text(t->a, db_text(rows, 6));
        const void *at = db_blob(rows, 7, &size);
        if (at)
            buf_add(&sealed, at, size);
        text_copy(text_of(db_text(rows, 8)), hook, sizeof(hook));
    }
    struct error shut;
    bool ok = db_end(rows, err);
    if (ok && sealed.size && !seal_take(t->w->seal, hook, sealed.at, sealed.size, &plain, &shut))
        snprintf(t->answer, sizeof(t->answer), "%.140s: %.140s", shut.what, shut.why);
    if (ok && plain.size)
        text_copy((text){plain.at, plain.size}, t->secret, sizeof(t->secret));
    buf_free(&sealed);
    buf_free(&plain);
    return ok;
}

static bool kept_in(struct db_tx *tx, void *context, struct error *err)
{
    struct telling *t = context;
    int64_t wait = FIRST_WAIT_MS << (t->tries < 11 ? t->tries : 11);
    if (wait > MOST_WAIT_MS)
        wait = MOST_WAIT_MS;
    int64_t now = clock_now_ms();
    t->gave_up = !t->told && now - t->created_ms > GIVE_UP_MS;
    return db_run(tx, err,
                  "update notices set state = ?2, tries = tries + 1, next_ms = ?3, answer = ?4, "
                  "ended_ms = ?5 where id = ?1",
                  "ssisi", t->notice,
                  t->told      ? "told"
                  : t->gave_up ? "failed"
                               : "waiting",
                  now + wait, t->answer, t->told || t->gave_up ? now : (int64_t)0);
}

static bool going(void *context, int64_t sent)
{
    const struct telling *t = context;
    (void)sent;
    return !t->w->on || t->w->on(t->w->context);
}

static void tell_web(struct telling *t)
{
    struct outside_reply reply;
    struct error err;
    long long now_s = (long long)(clock_now_ms() / 1000);
    const char *signed_text = arena_format(t->a, "%lld.%s", now_s, t->body);
    sha256 mac = hmac_sha256(t->secret, strlen(t->secret), signed_text, strlen(signed_text));
    const char *headers[] = {
        "Content-Type: application/json", arena_format(t->a, "Posthouse-Event: %s", t->event),
        arena_format(t->a, "Posthouse-Notice: %s", t->notice),
        arena_format(t->a, "Posthouse-Signature: t=%lld,v1=%s", now_s, sha256_text(&mac).text),
        NULL};
    struct outside_wish w = {.url = t->target,
                             .headers = headers,
                             .body = text_of(t->body),
                             .timeout_ms = TIMEOUT_MS,
                             .moved = going,
                             .context = t};
    bool ok = outside_call(&w, &reply, &err);
    t->told = ok && reply.status / 100 == 2;
    if (ok)
        snprintf(t->answer, sizeof(t->answer), "HTTP %d", reply.status);
    else
        snprintf(t->answer, sizeof(t->answer), "%.140s: %.140s", err.what, err.why);
    outside_free(&reply);
}

// ---- mail

static const char *mail_text(struct telling *t)
{
    json_t *body = json_loads(t->body, 0, NULL);
    const json_t *d = json_object_get(body, "delivery");
    const char *name = json_string_value(json_object_get(d, "name"));
    const char *profile = json_string_value(json_object_get(d, "profile"));
    const char *note = json_string_value(json_object_get(body, "note"));
    const char *by = json_string_value(json_object_get(body, "by"));
    const char *to = json_string_value(json_object_get(body, "destination"));
    const char *what = strchr(t->event, '.') ? strchr(t->event, '.') + 1 : t->event;
    struct buf b = BUF_LIMIT(64 << 10);
    buf_format(&b, "From: %s\r\nTo: %s\r\nSubject: =?UTF-8?Q?", t->w->mail.from, t->target);
    const char *own = json_string_value(json_object_get(body, "text"));
    char subject[300];
    if (own)
        text_copy(text_of(json_string_value(json_object_get(body, "subject"))), subject, 250);
    else
        snprintf(subject, sizeof(subject), "%.120s: %s", name ? name : "a deliverable", what);
    for (const unsigned char *c = (const unsigned char *)subject; *c; c++)
        buf_format(&b, "=%02X", *c);
    buf_format(&b,
               "?=\r\nMessage-ID: <%s@posthouse>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
               "charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
               t->notice);
    for (const char *c = own; c && *c; c++)
        buf_format(&b, "%s%c", *c == '\n' ? "\r" : "", *c);
    if (!own)
        buf_format(&b, "%s (%s): %s\r\n", name ? name : "", profile ? profile : "", what);
    if (to)
        buf_format(&b, "Destination: %s\r\n", to);
    if (note && *note)
        buf_format(&b, "Note: %s\r\n", note);
    if (by)
        buf_format(&b, "By: %s\r\n", by);
    buf_format(&b, "\r\n-- \r\n%s\r\n", t->w->house_name);
    const char *made = arena_text(t->a, b.at ? b.at : "");
    buf_free(&b);
    json_decref(body);
    return made;
}

static void tell_mail(struct telling *t)
{
    const struct mail_wish *m = &t->w->mail;
    struct outside_reply reply;
    struct error err;
    struct buf password = BUF_LIMIT(4096);
    if (!m->server || !*m->server) {
        snprintf(t->answer, sizeof(t->answer), "no mail server is set (mail.server)");
        return;
    }
    bool ok =
        !m->password_file || !*m->password_file || file_read(m->password_file, &password, &err);
    const char *to[] = {t->target, NULL};
    text secret = text_trim((text){password.at, password.size});
    struct outside_wish w = {.url = m->server,
                             .user = m->user && *m->user ? m->user : NULL,
                             .password =
                                 secret.size ? arena_copy(t->a, secret.at, secret.size) : NULL,
                             .from = m->from,
                             .to = to,
                             .body = text_of(ok ? mail_text(t) : ""),
                             .timeout_ms = TIMEOUT_MS,
                             .moved = going,
                             .context = t};
    if (ok) {
        ok = outside_call(&w, &reply, &err);
        outside_free(&reply);
    }
    buf_free(&password);
    t->told = ok;
    if (ok)
        snprintf(t->answer, sizeof(t->answer), "taken by %s", m->server);
    else
        snprintf(t->answer, sizeof(t->answer), "%.140s: %.140s", err.what, err.why);
}

bool hooks_turn(const struct teller_wish *w, bool *more, struct error *err)
{
    struct telling t = {.w = w, .a = arena_open(16 << 20), .now_ms = clock_now_ms()};
    bool ok = db_read(w->db, next_in, &t, err);
    *more = ok && t.found;
    if (*more) {
        if (strcmp(t.kind, "mail") == 0)
            tell_mail(&t);
        else if (t.secret[0]) // else its secret can not be opened: that is the answer
            tell_web(&t);
        ok = (w->on && !w->on(w->context) && !t.told) || db_write(w->db, kept_in, &t, err);
    }
    explicit_bzero(t.secret, sizeof(t.secret));
    arena_close(t.a);
    return ok;
}
