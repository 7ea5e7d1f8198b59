// Other houses: an address, a certificate, and a sealed token.
#include "house/parcels/inside.h"
#include "plat/clock.h"
#include "wire/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TOKEN_MOST = 4096 };

static bool no_house(struct error *err)
{
    error_set(err, ERROR_NOT_FOUND, "there is no such house");
    return error_fix(err, "`posthouse house list` shows them");
}

static bool line_fits(const char *what, const char *said, size_t most, struct error *err)
{
    text t = text_of(said);
    bool ok = text_trim(t).size == t.size && t.size && t.size <= most && text_utf8(t);
    for (size_t i = 0; ok && i < t.size; i++)
        ok = (unsigned char)t.at[i] >= ' ' && t.at[i] != 127;
    return ok ||
           error_set(err, ERROR_INPUT, "%s of a house is one line of 1 to %zu bytes", what, most);
}

// A token goes over TLS, or not further than this machine.
static bool url_fits(const char *url, struct error *err)
{
    static const char *const here[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    bool ok = strncmp(url, "https://", 8) == 0 && url[8];
    for (size_t i = 0; i < sizeof(here) / sizeof(here[0]) && !ok; i++) {
        size_t size = strlen(here[i]);
        ok = strncmp(url, here[i], size) == 0 && (!url[size] || strchr(":/", url[size]));
    }
    if (ok)
        return line_fits("the address", url, 300, err);
    error_set(err, ERROR_INPUT, "a house can not be reached at %.200s", url);
    error_why(err, "an address begins with https://, as a token must not be read on its way");
    return error_fix(err, "say it as https://house.example:8480");
}

// 64 hex digits in lower case; "" stays.
static bool fingerprint_of(const char *said, char to[65], struct error *err)
{
    size_t count = 0;
    for (; *said && count < 65; said++)
        if (*said != ':' && *said != ' ')
            to[count < 64 ? count : 64] = (char)(*said >= 'A' && *said <= 'F' ? *said + 32 : *said),
                                    count++;
    to[count < 64 ? count : 64] = 0;
    if (!count || (count == 64 && strspn(to, "0123456789abcdef") == 64))
        return true;
    error_set(err, ERROR_INPUT, "the certificate's fingerprint can not be read");
    return error_fix(err, "say its SHA-256, 64 hex digits, as the other house prints it when it "
                          "starts");
}

bool houses_add(struct db_tx *tx, const struct seal *seal, const struct house_wish *w,
                int64_t now_ms, id *made, struct error *err)
{
    char fingerprint[65];
    int64_t taken = 0;
    struct buf sealed = BUF_LIMIT(TOKEN_MOST * 2);
    *made = id_new();
    if (!line_fits("the name", w->name, 100, err) || !url_fits(w->url, err) ||
        !line_fits("the token", w->token, TOKEN_MOST, err) ||
        !fingerprint_of(w->fingerprint ? w->fingerprint : "", fingerprint, err) ||
        !db_one_int(tx, &taken, 0, err, "select count(*) from houses where name = ?1", "s",
                    w->name))
        return false;
    if (taken) {
        error_set(err, ERROR_CONFLICT, "there is a house called %s already", w->name);
        return error_fix(err, "forget that one first, or choose another name");
    }
    bool ok = seal_put(seal, made->text, text_of(w->token), &sealed, err) &&
              db_run(tx, err, "insert into houses values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
                     "ssssbsi", made->text, w->name, w->url, fingerprint, (const void *)sealed.at,
                     sealed.size, w->by, now_ms) &&
              db_event(tx, "house.changed", NULL, made->text, NULL, err);
    buf_free(&sealed);
    return ok;
}

bool houses_forget(struct db_tx *tx, const char *house, struct error *err)
{
    int64_t busy = 0;
    if (!db_one_int(tx, &busy, 0, err,
                    "select count(*) from parcels p join jobs j on j.id = p.job where p.house = ?1 "
                    "and j.state in ('waiting', 'running')",
                    "s", house))
        return false;
    if (busy) {
        error_set(err, ERROR_CONFLICT, "something is on its way to this house or from it");
        return error_fix(err, "wait for it, or cancel its job");
    }
    return db_run(tx, err,
                  "update houses set gone = 1, secret = null, name = name || ' (' || id || ')' "
                  "where id = ?1 and gone = 0",
                  "s", house) &&
           (db_changed(tx) || no_house(err)) &&
           db_event(tx, "house.changed", NULL, house, NULL, err);
}

#define COLUMNS "id, name, url, fingerprint, made_by, created_ms"

static json_t *row_json(struct db_rows *rows, bool whole)
{
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s}", "id", db_text(rows, 0), "name", db_text(rows, 1), "by",
                  db_text(rows, 4), "created", clock_text(db_int(rows, 5)).text);
    if (whole) {
        json_object_set_new(json, "url", json_string(db_text(rows, 2)));
        json_object_set_new(json, "fingerprint", json_string(db_text(rows, 3)));
    }
    return json;
}

bool houses_get(struct db_tx *tx, const char *house, json_t **json, struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select " COLUMNS " from houses where id = ?1 and gone = 0", "s", house);
    *json = db_next(rows) ? row_json(rows, true) : NULL;
    if (!db_end(rows, err)) {
        json_decref(*json), *json = NULL;
        return false;
    }
    return *json || no_house(err);
}

bool houses_list(struct db_tx *tx, bool whole, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows =
        db_query(tx, "select " COLUMNS " from houses where gone = 0 order by name", "");
    while (db_next(rows))
        json_array_append_new(*list, row_json(rows, whole));
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

bool houses_open(struct db_tx *tx, const struct seal *seal, const char *house, struct arena *a,
                 struct other_house *h, struct error *err)
{
    struct buf sealed = BUF_LIMIT(TOKEN_MOST * 2), plain = BUF_LIMIT(TOKEN_MOST);
    *h = (struct other_house){.id = arena_text(a, house)};
    struct db_rows *rows =
        db_query(tx, "select name, url, fingerprint, secret from houses where id = ?1 and gone = 0",
                 "s", house);
    bool there = db_next(rows);
    if (there) {
        size_t size = 0;
        h->name = arena_text(a, db_text(rows, 0));
        h->url = arena_text(a, db_text(rows, 1));
        h->fingerprint = *db_text(rows, 2) ? arena_text(a, db_text(rows, 2)) : NULL;
        const void *at = db_blob(rows, 3, &size);
        if (at)
            buf_add(&sealed, at, size);
    }
    bool ok = db_end(rows, err) && (there || no_house(err)) &&
              seal_take(seal, house, sealed.at, sealed.size, &plain, err);
    if (ok)
        h->token = arena_copy(a, plain.at, plain.size);
    if (plain.at)
        explicit_bzero(plain.at, plain.size);
    buf_free(&plain);
    buf_free(&sealed);
    return ok;
}

// ---- who is there

static json_t *ask(struct client *c, const char *path, struct error *err)
{
    struct arena *a = arena_open((size_t)8 << 20);
    struct reply reply;
    struct call call = {.path = path, .timeout_ms = 30000};
    bool ok = client_call(c, &call, a, &reply, err);
    json_t *json = ok ? json_loadb(reply.body.at, reply.body.size, 0, NULL) : NULL;
    if (ok && !json)
        error_set(err, ERROR_NETWORK, "cannot understand the house's answer");
    arena_close(a);
    return json;
}

static bool versions_fit(const struct other_house *h, const json_t *me, const json_t *self,
                         const char *own_version, const struct error *why, struct error *err)
{
    int64_t format = parcel_count(self, "parcels");
    if (self && format == PARCEL_FORMAT)
        return true;
    if (!self && why->kind != ERROR_NOT_FOUND) {
        *err = *why;
        return false;
    }
    error_set(err, ERROR_UNSUPPORTED, "%s runs posthouse %.40s, this house %s", h->name,
              parcel_word(me, "version"), own_version);
    if (!self)
        error_why(err, "that version does not take projects from other houses");
    else
        error_why(err, "they write what is known of an asset differently (%lld there, %d here)",
                  (long long)format, PARCEL_FORMAT);
    return error_fix(err, "bring both houses to the same version");
}

bool houses_try(const struct other_house *h, const char *own_version, json_t **said,
                struct error *err)
{
    struct client_wish w = {
        .url = h->url, .bearer = h->token, .fingerprint = h->fingerprint, .lines = 1};
    struct client *c = client_open(&w, err);
    struct error why;
    error_clear(&why);
    if (!c)
        return false;
    json_t *me = ask(c, "/api/v1/me", err);
    json_t *self = me ? ask(c, "/api/v1/houses/self", &why) : NULL;
    const json_t *person = json_object_get(me, "person");
    bool ok = me != NULL;
    if (ok && !json_is_object(person)) {
        error_set(err, ERROR_LOGIN, "%s does not know the token", h->name);
        ok = error_fix(err, "make one there (My account, tokens), and add the house here again");
    }
    ok = ok && versions_fit(h, me, self, own_version, &why, err);
    if (ok)
        *said = json_pack("{s:s, s:s, s:s, s:s, s:I}", "house", parcel_word(self, "house"), "name",
                          parcel_word(self, "name"), "version", parcel_word(self, "version"),
                          "account", parcel_word(person, "name"), "together",
                          (json_int_t)parcel_count(self, "parcels_together"));
    json_decref(me);
    json_decref(self);
    client_close(c);
    return ok;
}
