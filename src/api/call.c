// What handlers use: headers and queries, answers, cursors, JSON, rights.
#include "api/inside.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *call_header(struct call *c, const char *name)
{
    if (c->request)
        return request_header(c->request, name);
    size_t size = strlen(name);
    for (const char *const *h = c->inside->headers; h && *h; h++)
        if (strncasecmp(*h, name, size) == 0 && (*h)[size] == ':')
            return *h + size + 1 + strspn(*h + size + 1, " ");
    return NULL;
}

const char *call_query(struct call *c, const char *name)
{
    const char *value = c->request ? request_query(c->request, name)
                                   : query_value(c->arena, text_of(c->inside->query), name);
    return value && *value ? value : NULL;
}

// ---- answers

void call_status(struct call *c, int status)
{
    c->reply.status = status;
    if (c->reply.kind == REPLY_NONE)
        c->reply.kind = REPLY_BYTES; // an empty one until a body is given
}

void call_json(struct call *c, json_t *take_over)
{
    json_decref(c->reply.json);
    c->reply.json = take_over;
    c->reply.kind = REPLY_JSON;
}

void json_fresh(json_t **json)
{
    json_decref(*json);
    *json = NULL;
}

bool call_answer(struct call *c, json_t **json, bool ok)
{
    if (ok)
        call_json(c, *json);
    else
        json_decref(*json);
    *json = NULL;
    return ok;
}

bool call_read(struct call *c, db_work *in, void *asking, json_t **json, struct error *err)
{
    return call_answer(c, json, db_read(c->api->db, in, asking, err));
}

bool call_write(struct call *c, db_work *in, void *asking, json_t **json, struct error *err)
{
    return call_answer(c, json, db_write(c->api->db, in, asking, err));
}

const struct seal *call_seal(struct call *c, struct error *err)
{
    if (!c->api->wish.seal)
        error_set(err, ERROR_NOT_FOUND, "this house keeps no secrets");
    return c->api->wish.seal;
}

void call_header_set(struct call *c, const char *name, const char *value)
{
    struct reply *r = &c->reply;
    if (r->header_count == sizeof(r->headers) / sizeof(r->headers[0]))
        return;
    r->headers[r->header_count].name = arena_text(c->arena, name);
    r->headers[r->header_count++].value = arena_text(c->arena, value);
}

void call_bytes(struct call *c, const char *type, const void *in_arena, size_t size)
{
    c->reply.kind = REPLY_BYTES;
    c->reply.type = type;
    c->reply.bytes = in_arena;
    c->reply.size = size;
}

// RFC 6266: the plain form for old programs, the UTF-8 form for the others.
void call_saved_as(struct call *c, const char *name)
{
    if (!name)
        return;
    char *plain = arena_text(c->arena, name);
    for (char *at = plain; *at; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~' || strchr("\"\\%;", *at))
            *at = '_';
    call_header_set(c, "Content-Disposition",
                    arena_format(c->arena, "attachment; filename=\"%s\"; filename*=UTF-8''%s",
                                 plain, address_encode(c->arena, text_of(name))));
}

void call_files(struct call *c, const struct file_answer *f, const char *name)
{
    c->reply.kind = REPLY_FILES;
    c->reply.files = *f;
    struct file_run *runs = ARENA_ARRAY(c->arena, struct file_run, f->count + 1);
    if (f->count)
        memcpy(runs, f->runs, f->count * sizeof(*runs));
    c->reply.files.runs = runs;
    call_saved_as(c, name);
}

void call_pull(struct call *c, const struct pull_answer *p, const char *name)
{
    c->reply.kind = REPLY_PULL;
    c->reply.pull = *p;
    call_saved_as(c, name);
}

void call_socket(struct call *c, const struct socket_calls *calls, void *context)
{
    c->reply.kind = REPLY_SOCKET;
    c->reply.socket = calls;
    c->reply.socket_user = context;
}

// ---- lists

bool call_limit(struct call *c, int *limit, struct error *err)
{
    const char *value = call_query(c, "limit");
    int64_t wanted = 100;
    *limit = 100;
    if (value && (!text_int(text_of(value), &wanted) || wanted < 1 || wanted > 1000)) {
        error_set(err, ERROR_INPUT, "limit cannot be used");
        return error_why(err, "it must be a number from 1 to 1000");
    }
    *limit = (int)wanted;
    return true;
}

// A cursor is the keys as a JSON list, in base64url: not secret, only not worth looking into.
bool call_cursor(struct call *c, const char **keys, size_t count, bool *had, struct error *err)
{
    const char *cursor = call_query(c, "cursor");
    *had = cursor != NULL;
    if (!cursor)
        return true;
    char plain[2048];
    size_t size = 0;
    json_t *list = NULL;
    if (base64url_parse(text_of(cursor), plain, sizeof(plain), &size))
        list = json_loadb(plain, size, 0, NULL);
    bool good = json_is_array(list) && json_array_size(list) == count;
    for (size_t i = 0; good && i < count; i++) {
        const char *key = json_string_value(json_array_get(list, i));
        keys[i] = arena_text(c->arena, key);
        good = key != NULL;
    }
    json_decref(list);
    if (good)
        return true;
    error_set(err, ERROR_INPUT, "this cursor is not one of this list");
    return error_fix(err, "begin again without a cursor");
}

json_t *call_cursor_next(struct call *c, const char *const *keys, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_text(keys[i] ? keys[i] : ""));
    char *plain = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    size_t room = strlen(plain) * 4 / 3 + 8;
    char *cursor = arena_take(c->arena, room);
    json_t *made =
        base64url_format(plain, strlen(plain), cursor, room) ? json_string(cursor) : json_null();
    free(plain);
    return made;
}

// ---- JSON

json_t *body_field(struct call *c, const char *field)
{
    json_t *value = json_object_get(c->body, field);
    return json_is_null(value) ? NULL : value;
}

const char *body_text(struct call *c, const char *field)
{
    return json_string_value(body_field(c, field));
}

int64_t body_int(struct call *c, const char *field, int64_t none)
{
    json_t *value = body_field(c, field);
    return json_is_integer(value) ? json_integer_value(value) : none;
}

bool body_bool(struct call *c, const char *field, bool none)
{
    json_t *value = body_field(c, field);
    return value ? json_is_true(value) : none;
}

json_t *json_time(int64_t at_ms)
{
    return at_ms ? json_string(clock_text(at_ms).text) : json_null();
}

json_t *json_text(const char *t)
{
    if (!t)
        return json_null();
    json_t *value = json_string(t);
    if (value)
        return value;
    char *mended = strdup(t);
    for (char *at = mended; mended && *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    value = json_string(mended ? mended : "");
    free(mended);
    return value;
}

static json_t *problem_with(const struct error *err, int status, const char *reference)
{
    const struct error_facts *facts = error_facts(err->kind);
    json_t *p = json_pack("{s:s, s:o, s:o, s:i, s:s}", "type", "about:blank", "title",
                          json_text(err->what), "detail", json_text(err->why), "status",
                          status ? status : facts->http_status, "kind", facts->name);
    if (err->fix[0])
        json_object_set_new(p, "fix", json_text(err->fix));
    if (reference)
        json_object_set_new(p, "reference", json_text(reference));
    return p;
}

json_t *problem_json(const struct error *err)
{
    return problem_with(err, 0, NULL);
}

// ---- rights

struct may {
    struct call *c;
    const char *project, *asset;
    unsigned *may;
    bool *holds;
};

static bool may_in(struct db_tx *tx, void *context, struct error *err)
{
    struct may *m = context;
    return people_may(tx, &m->c->who, m->project, m->may, err);
}

bool call_may(struct call *c, const char *project, unsigned *may, struct error *err)
{
    struct may m = {.c = c, .project = project, .may = may};
    return db_read(c->api->db, may_in, &m, err);
}

static bool holds_in(struct db_tx *tx, void *context, struct error *err)
{
    struct may *m = context;
    int64_t count = 0;
    bool ok = db_one_int(tx, &count, 0, err,
                         "select count(*) from share_assets where share = ?1 and asset = ?2", "ss",
                         m->c->who.share, m->asset);
    *m->holds = count > 0;
    return ok;
}

bool call_share_holds(struct call *c, const char *asset, bool *holds, struct error *err)
{
    *holds = c->who.kind != WHO_SHARE;
    struct may m = {.c = c, .asset = asset, .holds = holds};
    return *holds || db_read(c->api->db, holds_in, &m, err);
}

bool call_denied(struct call *c, unsigned need, struct error *err)
{
    const char *verb = "do this";
    for (int i = 0; i < PERMISSION_COUNT; i++)
        if (need == 1u << i)
            verb = permission_names[i];
    error_set(err, ERROR_DENIED, "you may not %s here", verb);
    if (need == NEED_ADMIN) {
        error_set(err, ERROR_DENIED, "you may not do this");
        error_why(err, "only an administrator of the house may");
    } else if (need == NEED_WORKER) {
        error_why(err, "only a worker's token may");
        return error_fix(err, "make one: posthouse user token <e-mail> --scope worker");
    } else if (c->who.kind == WHO_SHARE) {
        error_why(err, "the share link does not include it");
        return error_fix(err, "ask whoever sent you the link");
    } else if (c->who.scope != SCOPE_ALL) {
        error_why(err, "this token is for %s only",
                  c->who.scope == SCOPE_READ ? "reading" : "workers");
        return error_fix(err, "use a token of scope all");
    } else {
        error_why(err, need == MAY_DOWNLOAD
                           ? "your role, or what the project asks of downloads, does not allow it"
                           : "your role in this project does not include it");
    }
    return error_fix(err, "ask an owner of the project or an administrator");
}

bool call_audit(struct call *c, struct db_tx *tx, const char *action, const char *subject,
                const char *detail, struct error *err)
{
    return audit_add(tx, &c->who, c->address, action, subject, detail, err);
}

void call_session(struct call *c, const struct session_made *made)
{
    struct cookie cookie = {.name = "posthouse",
                            .value = made ? made->secret : "",
                            .max_age_s = made ? made->max_age_s : -1,
                            .secure = c->request && c->request->secure,
                            .http_only = true};
    call_header_set(c, "Set-Cookie", cookie_format(c->arena, &cookie));
    call_header_set(c, "Cache-Control", "no-store");
}
