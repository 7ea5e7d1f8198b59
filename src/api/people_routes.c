// Logging in and out, people, tokens, members, the audit log.
#include "api/inside.h"
#include "house/review/review.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

// ---- JSON of things

static json_t *person_json(const struct person *p, bool with_email)
{
    json_t *j = json_pack("{s:s, s:o, s:b, s:o, s:b}", "id", p->id, "name", json_text(p->name),
                          "admin", p->admin, "created", json_string(clock_text(p->created_ms).text),
                          "disabled", p->disabled);
    if (with_email)
        json_object_set_new(j, "email", json_text(p->email));
    return j;
}

static bool person_get(struct call *c, const char *id, json_t **json, struct error *err)
{
    struct person person;
    if (!people_get(c->api->people, id, c->arena, &person, err))
        return false;
    *json = person_json(&person, true);
    return true;
}

static json_t *token_json(const struct token *t)
{
    return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o}", "id", t->id, "name", json_text(t->name),
                     "scope", t->scope, "created", json_time(t->created_ms), "expires",
                     json_time(t->expires_ms), "last_used", json_time(t->last_used_ms));
}

static json_t *member_json(const struct member *m, bool with_email)
{
    return json_pack("{s:o, s:s}", "person", person_json(&m->person, with_email), "role", m->role);
}

// ---- who am I

struct seen_work {
    struct call *c;
    const struct who *who;
    json_t *json;
};

static bool share_in(struct db_tx *tx, void *context, struct error *err)
{
    struct seen_work *s = context;
    return share_seen(tx, s->who->share, s->who->name, &s->json, err);
}

bool call_me(struct call *c, const struct who *who, struct error *err)
{
    bool needed = false;
    json_t *person = NULL, *projects = NULL;
    struct factor_state factor = {0};
    struct seen_work share = {c, who, NULL};
    if (!people_setup_needed(c->api->people, &needed, err) ||
        (who->kind == WHO_PERSON && (!person_get(c, who->person, &person, err) ||
                                     !factor_get(c->api->people, who->person, &factor, err))) ||
        (who->kind == WHO_SHARE && !db_read(c->api->db, share_in, &share, err)) ||
        (who->kind == WHO_PERSON && who->scope != SCOPE_WORKER &&
         !projects_json(c, who, &projects, err))) {
        json_decref(person);
        json_decref(share.json);
        return false;
    }
    json_t *me =
        json_pack("{s:s, s:o, s:s, s:s, s:b, s:b, s:o}", "csrf", who->csrf, "house",
                  json_text(c->api->wish.house_name ? c->api->wish.house_name : "Posthouse"),
                  "version", c->api->wish.version ? c->api->wish.version : "", "media",
                  media_base(c->api, c->request, c->arena), "setup_needed", needed, "secure",
                  c->request && c->request->secure, "projects", projects ? projects : json_array());
    if (person) {
        json_object_set_new(me, "person", person);
        json_object_set_new(me, "factor",
                            json_pack("{s:b, s:o, s:i, s:b, s:b}", "on", factor.since_ms > 0,
                                      "since", json_time(factor.since_ms), "codes_left",
                                      factor.codes_left, "owed", who->factor_owed, "session",
                                      who->factor));
    }
    if (share.json)
        json_object_set_new(me, "share", share.json);
    call_header_set(c, "Cache-Control", "no-store");
    call_json(c, me);
    return true;
}

static bool me(struct call *c, struct error *err)
{
    return call_me(c, &c->who, err);
}

// After a session was made: the cookie, and Me as whoever it is now.
static bool entered(struct call *c, const struct session_made *made, struct error *err)
{
    struct who who;
    struct error trouble;
    error_clear(&trouble);
    // Whoever was logged in with this browser before is logged out: nothing of it lives on.
    if (c->who.by_cookie && !people_logout(c->api->people, &c->who, err))
        return false;
    if (!people_who(c->api->people, made->secret, true, c->arena, &who, err))
        return false;
    call_session(c, made);
    return call_me(c, &who, err);
}

static struct entry entry_of(struct call *c)
{
    return (struct entry){c->address, c->who.device, body_text(c, "code")};
}

static bool setup(struct call *c, struct error *err)
{
    struct session_made made;
    struct entry from = entry_of(c);
    return people_setup(c->api->people, body_text(c, "token"), body_text(c, "name"),
                        body_text(c, "email"), body_text(c, "password"), &from, &made, err) &&
           entered(c, &made, err);
}

static bool login(struct call *c, struct error *err)
{
    struct session_made made;
    struct entry from = entry_of(c);
    return people_login(c->api->people, body_text(c, "email"), body_text(c, "password"), &from,
                        &made, err) &&
           entered(c, &made, err);
}

static bool welcome(struct call *c, struct error *err)
{
    struct session_made made;
    struct entry from = entry_of(c);
    return people_welcome(c->api->people, body_text(c, "token"), body_text(c, "password"), &from,
                          &made, err) &&
           entered(c, &made, err);
}

static bool logout(struct call *c, struct error *err)
{
    if (!people_logout(c->api->people, &c->who, err))
        return false;
    call_session(c, NULL);
    return true;
}

// ---- second factors and sessions

static bool factor_start(struct call *c, struct error *err)
{
    char secret[FACTOR_SECRET_ROOM];
    if (!factor_begin(c->api->people, &c->who, secret, err))
        return false;
    const char *house = c->api->wish.house_name ? c->api->wish.house_name : "Posthouse";
    call_json(c, json_pack("{s:s, s:s}", "secret", secret, "uri",
                           arena_format(c->arena, "otpauth://totp/%s:%s?secret=%s&issuer=%s",
                                        address_encode(c->arena, text_of(house)),
                                        address_encode(c->arena, text_of(c->who.email)), secret,
                                        address_encode(c->arena, text_of(house)))));
    call_status(c, 201);
    call_header_set(c, "Cache-Control", "no-store");
    return true;
}

static bool factor_shown(struct call *c, struct error *err)
{
    char codes[RECOVERY_CODE_COUNT][RECOVERY_CODE_ROOM];
    if (!factor_confirm(c->api->people, &c->who, body_text(c, "code"), c->address, codes, err))
        return false;
    json_t *list = json_array();
    for (int i = 0; i < RECOVERY_CODE_COUNT; i++)
        json_array_append_new(list, json_string(codes[i]));
    call_json(c, json_pack("{s:o}", "codes", list));
    call_header_set(c, "Cache-Control", "no-store");
    return true;
}

static bool factor_drop(struct call *c, struct error *err)
{
    return factor_end(c->api->people, &c->who, body_text(c, "code"), c->address, err);
}

static bool factor_lost(struct call *c, struct error *err)
{
    return factor_reset(c->api->people, c->person, &c->who, c->address, err);
}

static bool sessions_of(struct call *c, const char *person, struct error *err)
{
    struct session *all;
    size_t count = 0;
    if (!session_list(c->api->people, person, c->arena, &all, &count, err))
        return false;
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            out, json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:b, s:b}", "id", all[i].id, "device",
                           json_text(all[i].device), "address", all[i].address, "created",
                           json_time(all[i].created_ms), "seen", json_time(all[i].seen_ms),
                           "expires", json_time(all[i].expires_ms), "factor", all[i].factor, "this",
                           strcmp(all[i].id, c->who.session) == 0));
    call_json(c, out);
    return true;
}

static bool sessions(struct call *c, struct error *err)
{
    return sessions_of(c, c->who.person, err);
}

static bool sessions_other(struct call *c, struct error *err)
{
    return sessions_of(c, c->person, err);
}

static bool session_drop(struct call *c, struct error *err)
{
    return session_end(c->api->people, c->who.person, c->session, NULL, &c->who, c->address, err);
}

static bool sessions_drop(struct call *c, struct error *err)
{
    return session_end(c->api->people, c->who.person, NULL, c->who.session, &c->who, c->address,
                       err);
}

static bool sessions_drop_other(struct call *c, struct error *err)
{
    return session_end(c->api->people, c->person, NULL, c->who.session, &c->who, c->address, err);
}

// ---- people

static bool list(struct call *c, struct error *err)
{
    struct person *people;
    size_t count = 0;
    if (!people_list(c->api->people, c->arena, &people, &count, err))
        return false;
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(out, person_json(&people[i], true));
    call_json(c, out);
    return true;
}

static const char *link_to(struct call *c, const char *token)
{
    // The token rides behind the #, which browsers send to nobody.
    const char *host = c->request ? c->request->host : "";
    if (!*host)
        return arena_format(c->arena, "/welcome#%s", token);
    return arena_format(c->arena, "%s://%s/welcome#%s", c->request->secure ? "https" : "http", host,
                        token);
}

static bool add(struct call *c, struct error *err)
{
    char id[27], token[44];
    json_t *person = NULL;
    if (!people_add(c->api->people, body_text(c, "name"), body_text(c, "email"),
                    body_bool(c, "admin", false), &c->who, c->address, id, token, err) ||
        !person_get(c, id, &person, err))
        return false;
    call_json(c, json_pack("{s:o, s:s}", "person", person, "link", link_to(c, token)));
    call_status(c, 201);
    return true;
}

static bool change(struct call *c, struct error *err)
{
    json_t *admin = body_field(c, "admin"), *disabled = body_field(c, "disabled"), *person = NULL;
    struct person_change change = {.name = body_text(c, "name"),
                                   .admin = admin ? json_is_true(admin) : -1,
                                   .disabled = disabled ? json_is_true(disabled) : -1};
    if (!people_change(c->api->people, c->person, &change, &c->who, c->address, err) ||
        !person_get(c, c->person, &person, err))
        return false;
    call_json(c, person);
    return true;
}

static bool relink(struct call *c, struct error *err)
{
    char token[44];
    json_t *person = NULL;
    if (!people_link(c->api->people, c->person, &c->who, c->address, token, err) ||
        !person_get(c, c->person, &person, err))
        return false;
    call_json(c, json_pack("{s:o, s:s}", "person", person, "link", link_to(c, token)));
    return true;
}

// ---- tokens

static bool tokens(struct call *c, struct error *err)
{
    struct token *all;
    size_t count = 0;
    if (!token_list(c->api->people, c->who.person, c->arena, &all, &count, err))
        return false;
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(out, token_json(&all[i]));
    call_json(c, out);
    return true;
}

static bool token_add(struct call *c, struct error *err)
{
    char id[27], secret[44];
    struct token token;
    const char *scope = body_text(c, "scope");
    // A worker's token opens any medium to its machine, so it is an administrator's to give.
    if (strcmp(scope, "worker") == 0 && !c->who.admin)
        return call_denied(c, NEED_ADMIN, err);
    if (!token_make(c->api->people, c->who.person, body_text(c, "name"), scope,
                    body_int(c, "days", 0), c->who.factor, c->address, id, secret, err) ||
        !token_get(c->api->people, c->who.person, id, c->arena, &token, err))
        return false;
    call_json(c, json_pack("{s:o, s:s}", "token", token_json(&token), "secret", secret));
    call_status(c, 201);
    call_header_set(c, "Cache-Control", "no-store");
    return true;
}

static bool token_drop(struct call *c, struct error *err)
{
    return token_end(c->api->people, c->who.person, c->token, c->address, err);
}

// ---- audit

static bool audit(struct call *c, struct error *err)
{
    struct audit_row *rows;
    size_t count = 0;
    int limit;
    bool had;
    const char *key = NULL;
    int64_t before = 0;
    if (!call_limit(c, &limit, err) || !call_cursor(c, &key, 1, &had, err))
        return false;
    if (had && !text_int(text_of(key), &before))
        return error_set(err, ERROR_INPUT, "this cursor is not one of this list");
    if (!audit_list(c->api->people, before, limit, c->arena, &rows, &count, err))
        return false;
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            items, json_pack("{s:I, s:o, s:o, s:s, s:o, s:s, s:o, s:o}", "number",
                             (json_int_t)rows[i].number, "at", json_time(rows[i].at_ms), "person",
                             json_text(rows[i].person), "address", rows[i].address, "device",
                             json_text(rows[i].device), "action", rows[i].action, "subject",
                             json_text(rows[i].subject), "detail", json_text(rows[i].detail)));
    json_t *out = json_pack("{s:o}", "items", items);
    if (count == (size_t)limit) {
        const char *next = arena_format(c->arena, "%lld", (long long)rows[count - 1].number);
        json_object_set_new(out, "cursor", call_cursor_next(c, &next, 1));
    }
    call_json(c, out);
    return true;
}

// The whole log as a table, in pieces: it may be long.
enum { EXPORT_ROWS = 500 };
struct export
{
    struct people *people;
    int64_t before;
    bool begun, over;
    struct buf text;
    size_t given;
};

static void csv_value(struct buf *b, const char *value, const char *end)
{
    // A table program takes a value that begins so for a formula.
    buf_text(b, value && *value && strchr("=+-@\t\r", *value) ? "\"'" : "\"");
    for (const char *at = value ? value : ""; *at; at++)
        buf_format(b, *at == '"' ? "\"\"" : "%c", *at);
    buf_format(b, "\"%s", end);
}

static bool export_more(struct export *e, struct error *err)
{
    struct arena *a = arena_open(8 << 20);
    struct audit_row *rows;
    size_t count = 0;
    bool ok = audit_list(e->people, e->before, EXPORT_ROWS, a, &rows, &count, err);
    buf_free(&e->text);
    e->given = 0;
    if (!e->begun)
        buf_text(&e->text, "number,at,person,address,device,action,subject,detail\r\n");
    e->begun = true;
    for (size_t i = 0; ok && i < count; i++) {
        buf_format(&e->text, "%lld,", (long long)rows[i].number);
        csv_value(&e->text, clock_text(rows[i].at_ms).text, ",");
        csv_value(&e->text, rows[i].person, ",");
        csv_value(&e->text, rows[i].address, ",");
        csv_value(&e->text, rows[i].device, ",");
        csv_value(&e->text, rows[i].action, ",");
        csv_value(&e->text, rows[i].subject, ",");
        csv_value(&e->text, rows[i].detail, "\r\n");
        e->before = rows[i].number;
    }
    e->over = count < EXPORT_ROWS;
    arena_close(a);
    return ok;
}

static int64_t export_pull(void *context, void *to, size_t room, struct error *err)
{
    struct export *e = context;
    while (e->given == e->text.size && !e->over)
        if (!export_more(e, err))
            return -1;
    size_t size = e->text.size - e->given < room ? e->text.size - e->given : room;
    if (size)
        memcpy(to, e->text.at + e->given, size);
    e->given += size;
    return (int64_t)size;
}

static void export_close(void *context)
{
    struct export *e = context;
    buf_free(&e->text);
    free(e);
}

static bool audit_export(struct call *c, struct error *err)
{
    (void)err;
    struct export *e = calloc(1, sizeof(*e));
    if (!e)
        abort();
    e->people = c->api->people;
    e->text.limit = 16 << 20;
    call_pull(c,
              &(struct pull_answer){.size = -1,
                                    .type = "text/csv; charset=utf-8",
                                    .pull = export_pull,
                                    .close = export_close,
                                    .context = e},
              "audit.csv");
    return true;
}

// ---- members

// Guests and reviewers see each other's names; e-mails are for those who manage.
static bool members(struct call *c, struct error *err)
{
    struct member *all;
    size_t count = 0;
    if (!members_list(c->api->people, c->project, c->arena, &all, &count, err))
        return false;
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(out, member_json(&all[i], c->may & MAY_MANAGE));
    call_json(c, out);
    return true;
}

static bool member_answer(struct call *c, const char *person, const char *role, struct error *err)
{
    struct member m = {.role = role};
    if (!people_get(c->api->people, person, c->arena, &m.person, err))
        return false;
    call_json(c, member_json(&m, true));
    return true;
}

static bool member_add(struct call *c, struct error *err)
{
    const char *person = NULL, *role = body_text(c, "role");
    if (!people_by_email(c->api->people, body_text(c, "email"), c->arena, &person, err))
        return false;
    if (!person) {
        error_set(err, ERROR_INPUT, "there is nobody with the e-mail %.100s",
                  body_text(c, "email"));
        return error_fix(err, "ask an administrator to invite them to the house first");
    }
    call_status(c, 201);
    return members_set(c->api->people, c->project, person, role, false, &c->who, c->address, err) &&
           member_answer(c, person, role, err);
}

static bool member_role(struct call *c, struct error *err)
{
    const char *role = body_text(c, "role");
    return members_set(c->api->people, c->project, c->person, role, true, &c->who, c->address,
                       err) &&
           member_answer(c, c->person, role, err);
}

static bool member_drop(struct call *c, struct error *err)
{
    return members_drop(c->api->people, c->project, c->person, &c->who, c->address, err);
}

const struct route people_routes[] = {
    {"GET", "/me", NEED_PUBLIC, me, NULL, "Me", 0, "who is asking", NULL},
    {"POST", "/setup", NEED_PUBLIC, setup, "Setup", "Me", 0, "the first administrator, once", NULL},
    {"POST", "/session", NEED_PUBLIC, login, "Login", "Me", 0, "log in", NULL},
    {"DELETE", "/session", NEED_PUBLIC, logout, NULL, NULL, 0, "log out", NULL},
    {"POST", "/factor", NEED_PERSON, factor_start, NULL, "FactorBegun", ROUTE_ENROLS,
     "a secret for an authenticator; counts once it is confirmed", NULL},
    {"POST", "/factor/confirm", NEED_PERSON, factor_shown, "FactorCode", "RecoveryCodes",
     ROUTE_ENROLS, "switch the second factor on, or make new recovery codes", NULL},
    {"POST", "/factor/end", NEED_PERSON, factor_drop, "FactorCode", NULL, 0,
     "take the second factor away", NULL},
    {"GET", "/sessions", NEED_PERSON, sessions, NULL, "Session[]", ROUTE_ENROLS,
     "where I am logged in", NULL},
    {"DELETE", "/sessions", NEED_PERSON, sessions_drop, NULL, NULL, 0,
     "log out everywhere but here", NULL},
    {"DELETE", "/sessions/{session}", NEED_PERSON, session_drop, NULL, NULL, 0, "log out there",
     NULL},
    {"POST", "/welcome", NEED_PUBLIC, welcome, "Welcome", "Me", 0,
     "set a password with a one-time link", NULL},
    {"GET", "/people", NEED_ADMIN, list, NULL, "Person[]", 0, "everybody", NULL},
    {"POST", "/people", NEED_ADMIN, add, "NewPerson", "PersonMade", 0, "invite somebody", NULL},
    {"PATCH", "/people/{person}", NEED_ADMIN, change, "PersonChange", "Person", 0,
     "change or disable somebody", NULL},
    {"POST", "/people/{person}/link", NEED_ADMIN, relink, NULL, "PersonMade", 0,
     "a new link for a lost password", NULL},
    {"DELETE", "/people/{person}/factor", NEED_ADMIN, factor_lost, NULL, NULL, 0,
     "take somebody's second factor away: phone and codes are lost", NULL},
    {"GET", "/people/{person}/sessions", NEED_ADMIN, sessions_other, NULL, "Session[]", 0,
     "where somebody is logged in", NULL},
    {"DELETE", "/people/{person}/sessions", NEED_ADMIN, sessions_drop_other, NULL, NULL, 0,
     "log somebody out everywhere", NULL},
    {"GET", "/tokens", NEED_PERSON, tokens, NULL, "Token[]", 0, "my tokens", NULL},
    {"POST", "/tokens", NEED_PERSON, token_add, "NewToken", "TokenMade", 0, "make a token", NULL},
    {"DELETE", "/tokens/{token}", NEED_PERSON, token_drop, NULL, NULL, 0, "end a token", NULL},
    {"GET", "/audit", NEED_ADMIN, audit, NULL, "AuditList", 0, "who did what, newest first", NULL},
    {"GET", "/audit.csv", NEED_ADMIN, audit_export, NULL, "bytes", 0,
     "all of it as a table, newest first", NULL},
    {"GET", "/projects/{project}/members", MAY_VIEW, members, NULL, "Member[]", 0,
     "who is in the project", NULL},
    {"POST", "/projects/{project}/members", MAY_MANAGE, member_add, "NewMember", "Member", 0,
     "add somebody", NULL},
    {"PATCH", "/projects/{project}/members/{person}", MAY_MANAGE, member_role, "MemberRole",
     "Member", 0, "change a role", NULL},
    {"DELETE", "/projects/{project}/members/{person}", MAY_MANAGE, member_drop, NULL, NULL, 0,
     "take somebody out", NULL},
};
const size_t people_route_count = sizeof(people_routes) / sizeof(people_routes[0]);
