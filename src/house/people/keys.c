// Public keys that people log in with, as OpenSSH writes them into a file: "KIND BASE64 NAME".
#include "house/people/inside.h"
#include "plat/clock.h"

#include <string.h>

bool people_key_read(text line, struct people_key *key, struct error *err)
{
    static const char *const kinds[] = {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                                        "ecdsa-sha2-nistp521", "ssh-rsa"};
    text rest = text_trim(line);
    text kind = text_cut(&rest, ' ');
    rest = text_trim(rest);
    text body = text_cut(&rest, ' ');
    text name = text_trim(rest);
    uint8_t plain[PERSON_KEY_BODY];
    char url[PERSON_KEY_BODY];
    size_t known = 0, count = sizeof(kinds) / sizeof(kinds[0]), size = 0;
    while (known < count && !text_is(kind, kinds[known]))
        known++;
    bool fine = known < count && text_copy(body, key->body, sizeof(key->body));
    // The same text in the alphabet that base64url_parse reads.
    size_t length = fine ? body.size : 0;
    while (length && body.at[length - 1] == '=')
        length--;
    for (size_t i = 0; i < length; i++)
        url[i] = body.at[i] == '+' ? '-' : body.at[i] == '/' ? '_' : body.at[i];
    fine = fine && base64url_parse((text){url, length}, plain, sizeof(plain), &size);
    // Inside of it stands the kind again, behind its length.
    size_t inside = size >= 4 ? (size_t)plain[0] << 24 | (size_t)plain[1] << 16 |
                                    (size_t)plain[2] << 8 | plain[3]
                              : 0;
    fine =
        fine && inside == kind.size && size > 4 + inside && memcmp(plain + 4, kind.at, inside) == 0;
    if (!fine) {
        error_set(err, ERROR_INPUT, "this is no public key that can be used");
        error_why(err, "a line such as \"ssh-ed25519 AAAA... name\" is meant; kinds are ed25519, "
                       "ecdsa and rsa");
        return error_fix(err, "make one with ssh-keygen -t ed25519 and give its .pub file");
    }
    text_copy(kind, key->kind, sizeof(key->kind));
    if (!text_utf8(name) || !name.size)
        name = text_of("key");
    (void)text_copy(name, key->name, sizeof(key->name)); // cut when it is long
    for (char *at = key->name; *at; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at >= 127)
            *at = '?';
    return true;
}

struct keys {
    const char *person, *address, *email;
    struct arena *a;
    struct people_key *key, *list;
    size_t count;
    const char *found;
};

static bool add_in(struct db_tx *tx, void *context, struct error *err)
{
    struct keys *k = context;
    int64_t there = 0;
    if (!db_one_int(tx, &there, 0, err, "select count(*) from door_keys where body = ?1", "s",
                    k->key->body))
        return false;
    if (there) {
        error_set(err, ERROR_CONFLICT, "this key is somebody's already");
        return error_fix(err, "remove it there first: posthouse user key EMAIL");
    }
    return db_run(tx, err,
                  "insert into door_keys (id, person, kind, body, name, created_ms, used_ms) "
                  "values (?1, ?2, ?3, ?4, ?5, ?6, 0)",
                  "sssssi", k->key->id, k->person, k->key->kind, k->key->body, k->key->name,
                  clock_now_ms()) &&
           audit_add(tx, NULL, k->address, "key.added", k->person, k->key->name, err);
}

bool people_key_add(struct people *p, const char *person, struct people_key *key,
                    const char *address, struct error *err)
{
    struct keys k = {.person = person, .address = address, .key = key};
    id made = id_new();
    memcpy(key->id, made.text, sizeof(key->id));
    return db_write(p->db, add_in, &k, err);
}

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct keys *k = context;
    k->count = 0;
    struct db_rows *rows = db_query(tx,
                                    "select id, kind, body, name, created_ms, used_ms from "
                                    "door_keys where person = ?1 order by created_ms, id limit ?2",
                                    "si", k->person, (int64_t)PERSON_KEYS_MOST);
    while (db_next(rows) && k->count < PERSON_KEYS_MOST) {
        struct people_key *to = &k->list[k->count++];
        text_copy(text_of(db_text(rows, 0)), to->id, sizeof(to->id));
        text_copy(text_of(db_text(rows, 1)), to->kind, sizeof(to->kind));
        text_copy(text_of(db_text(rows, 2)), to->body, sizeof(to->body));
        text_copy(text_of(db_text(rows, 3)), to->name, sizeof(to->name));
        to->created_ms = db_int(rows, 4);
        to->used_ms = db_int(rows, 5);
    }
    return db_end(rows, err);
}

bool people_key_list(struct people *p, const char *person, struct arena *a,
                     struct people_key **list, size_t *count, struct error *err)
{
    struct keys k = {.person = person, .a = a};
    k.list = ARENA_ARRAY(a, struct people_key, PERSON_KEYS_MOST);
    bool ok = db_read(p->db, list_in, &k, err);
    *list = k.list;
    *count = k.count;
    return ok;
}

static bool drop_in(struct db_tx *tx, void *context, struct error *err)
{
    struct keys *k = context;
    if (!db_run(tx, err, "delete from door_keys where id = ?1 and person = ?2", "ss", k->found,
                k->person))
        return false;
    if (!db_changed(tx))
        return error_set(err, ERROR_NOT_FOUND, "there is no such key");
    return audit_add(tx, NULL, k->address, "key.removed", k->person, NULL, err) &&
           person_said(tx, k->person, err);
}

bool people_key_drop(struct people *p, const char *person, const char *key, const char *address,
                     struct error *err)
{
    struct keys k = {.person = person, .found = key, .address = address};
    return db_write(p->db, drop_in, &k, err);
}

static bool whose_in(struct db_tx *tx, void *context, struct error *err)
{
    struct keys *k = context;
    struct db_rows *rows =
        db_query(tx,
                 "select p.id from door_keys k join people p on p.id = k.person where k.body = ?1 "
                 "and p.email = ?2 and p.disabled = 0",
                 "ss", k->key->body, k->email);
    k->found = db_next(rows) ? arena_text(k->a, db_text(rows, 0)) : NULL;
    return db_end(rows, err);
}

static bool used_in(struct db_tx *tx, void *context, struct error *err)
{
    struct keys *k = context;
    struct who by = {.kind = WHO_PERSON, .person = k->found};
    return db_run(tx, err, "update door_keys set used_ms = ?2 where body = ?1", "si", k->key->body,
                  clock_now_ms()) &&
           audit_add(tx, &by, k->address, "login", k->found, "by key", err);
}

bool people_key_person(struct people *p, const char *email, const char *body, const char *address,
                       bool entering, struct arena *a, const char **person, struct error *err)
{
    char clean[EMAIL_MAX_BYTES + 1];
    struct people_key key;
    *person = NULL;
    if (!email_clean(email, clean, err) || !text_copy(text_of(body), key.body, sizeof(key.body)))
        return true; // nobody's
    struct keys k = {.email = clean, .key = &key, .address = address, .a = a};
    if (!db_read(p->db, whose_in, &k, err))
        return false;
    *person = k.found;
    return !k.found || !entering || db_write(p->db, used_in, &k, err);
}
