// Tokens of scripts and workers. A token is "ph_" and 43 letters; only its SHA-256 is kept.
#include "inside.h"
#include "plat/clock.h"

#include <string.h>

static const char *const scopes[] = {
    [SCOPE_ALL] = "all", [SCOPE_READ] = "read", [SCOPE_WORKER] = "worker"};

bool scope_named(const char *name, enum who_scope *scope)
{
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
        if (strcmp(scopes[i], name) == 0) {
            *scope = (enum who_scope)i;
            return true;
        }
    return false;
}

struct making {
    const char *person, *name, *scope, *address, *id;
    int64_t days;
    bool factor;
    sha256 hash;
};

static bool make_in(struct db_tx *tx, void *context, struct error *err)
{
    struct making *m = context;
    int64_t now = clock_now_ms(), there = 0;
    if (!db_one_int(tx, &there, 0, err,
                    "select count(*) from people where id = ?1 and disabled = 0", "s", m->person))
        return false;
    if (!there)
        return no_such_person(err);
    struct who by = {.kind = WHO_PERSON, .person = m->person};
    return db_run(tx, err, "insert into tokens values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)", "sbsssiii",
                  m->id, m->hash.at, sizeof(m->hash.at), m->person, m->name, m->scope, now,
                  m->days > 0 ? now + m->days * DAY_MS : (int64_t)0, (int64_t)m->factor) &&
           audit_add(tx, &by, m->address, "token.made", m->id, m->name, err);
}

bool token_make(struct people *p, const char *person, const char *name, const char *scope,
                int64_t days, bool factor, const char *address, char id_out[27], char secret_out[44],
                struct error *err)
{
    char clean[NAME_MAX_BYTES + 1];
    enum who_scope known;
    if (!name_clean(name, clean, err))
        return false;
    if (!scope_named(scope, &known)) {
        error_set(err, ERROR_INPUT, "cannot make a token of scope %s", scope);
        error_why(err, "there is no such scope");
        return error_fix(err, "use all, read or worker");
    }
    if (days < 0 || days > 3650) {
        error_set(err, ERROR_INPUT, "a token can not last %lld days", (long long)days);
        return error_fix(err, "give 1 to 3650 days, or none for a token that does not end");
    }
    id made = id_new();
    secret s = secret_new();
    struct making m = {person, clean,  scope,  address, made.text,
                       days,   factor, secret_hash(s.text)};
    if (!db_write(p->db, make_in, &m, err))
        return false;
    memcpy(id_out, made.text, sizeof(made.text));
    memcpy(secret_out, s.text, sizeof(s.text));
    return true;
}

struct listing {
    const char *person, *id;
    struct arena *a;
    struct token *list;
    size_t count;
};

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct listing *l = context;
    int64_t count = 0;
    if (!db_one_int(tx, &count, 0, err, "select count(*) from tokens where person = ?1", "s",
                    l->person))
        return false;
    l->list = ARENA_ARRAY(l->a, struct token, (size_t)count + 1);
    struct db_rows *rows =
        db_query(tx,
                 "select id, name, scope, created_ms, expires_ms, used_ms from tokens "
                 "where person = ?1 and (?2 is null or id = ?2) order by created_ms, id",
                 "ss", l->person, l->id);
    while (db_next(rows))
        l->list[l->count++] = (struct token){arena_text(l->a, db_text(rows, 0)),
                                             arena_text(l->a, db_text(rows, 1)),
                                             arena_text(l->a, db_text(rows, 2)),
                                             db_int(rows, 3),
                                             db_int(rows, 4),
                                             db_int(rows, 5)};
    return db_end(rows, err);
}

bool token_list(struct people *p, const char *person, struct arena *a, struct token **list,
                size_t *count, struct error *err)
{
    struct listing l = {.person = person, .a = a};
    bool ok = db_read(p->db, list_in, &l, err);
    *list = l.list;
    *count = l.count;
    return ok;
}

static bool no_such_token(struct error *err)
{
    error_set(err, ERROR_NOT_FOUND, "there is no such token");
    return error_why(err, "it was taken away, or it is somebody else's");
}

bool token_get(struct people *p, const char *person, const char *id, struct arena *a,
               struct token *token, struct error *err)
{
    struct listing l = {.person = person, .id = id, .a = a};
    if (!db_read(p->db, list_in, &l, err))
        return false;
    if (!l.count)
        return no_such_token(err);
    *token = l.list[0];
    return true;
}

static bool end_in(struct db_tx *tx, void *context, struct error *err)
{
    struct making *m = context;
    if (!db_run(tx, err, "delete from tokens where id = ?1 and person = ?2", "ss", m->id,
                m->person))
        return false;
    if (!db_changed(tx))
        return no_such_token(err);
    struct who by = {.kind = WHO_PERSON, .person = m->person};
    return audit_add(tx, &by, m->address, "token.ended", m->id, NULL, err) &&
           person_said(tx, m->person, err);
}

bool token_end(struct people *p, const char *person, const char *id, const char *address,
               struct error *err)
{
    struct making m = {.person = person, .id = id, .address = address};
    bool ok = db_write(p->db, end_in, &m, err);
    people_changed(p);
    return ok;
}
