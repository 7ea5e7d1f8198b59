// People themselves: adding, changing, disabling, finding, and the links that set a password.
#include "inside.h"
#include "plat/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INVITATION_DAYS = 14 };

static void bad_text(struct error *err, const char *what, const char *why)
{
    error_set(err, ERROR_INPUT, "%s", what);
    error_why(err, "%s", why);
}

static bool printable(text t)
{
    for (size_t i = 0; i < t.size; i++)
        if ((unsigned char)t.at[i] < ' ' || t.at[i] == 127)
            return false;
    return text_utf8(t);
}

bool name_clean(const char *name, char clean[NAME_MAX_BYTES + 1], struct error *err)
{
    text t = text_trim(text_of(name));
    if (t.size && printable(t) && text_copy(t, clean, NAME_MAX_BYTES + 1))
        return true;
    bad_text(err, "this name can not be used",
             !t.size         ? "it is empty"
             : !printable(t) ? "it holds characters that can not be shown"
                             : "it is longer than 200 bytes");
    return error_fix(err, "give the name that others should see");
}

bool email_clean(const char *email, char clean[EMAIL_MAX_BYTES + 1], struct error *err)
{
    text t = text_trim(text_of(email));
    bool fits = printable(t) && text_copy(t, clean, EMAIL_MAX_BYTES + 1);
    if (fits) {
        for (char *c = clean; *c; c++)
            *c = (char)((*c >= 'A' && *c <= 'Z') ? *c + 32 : *c);
        const char *at = strchr(clean, '@');
        if (at && at > clean && at[1] && !strchr(at + 1, '@') && !strpbrk(clean, " \t,;<>()\""))
            return true;
    }
    bad_text(err, "this is not an e-mail address", "it should look like name@example.org");
    return error_fix(err, "check it for spaces and the @");
}

sha256 secret_hash(const char *secret)
{
    return sha256_of(secret, strlen(secret));
}

bool no_such_person(struct error *err)
{
    error_set(err, ERROR_NOT_FOUND, "there is no such person");
    return error_fix(err, "list people with `posthouse user list`");
}

struct people *people_open(const struct people_wish *wish, struct error *err)
{
    struct people *p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    p->db = wish->db;
    p->session_ms = (wish->session_days > 0 ? wish->session_days : 30) * DAY_MS;
    p->quick_hash = wish->quick_hash;
    p->by_address = rate_limiter_open(20, 20, 20000);
    p->by_account = rate_limiter_open(5, 6, 20000);
    p->codes = rate_limiter_open(20 * CODE_COST, 1, 20000); // 20, and 20 more in an hour
    p->seal = wish->seal;
    p->factor_for = wish->factor_for;
    p->by_link = rate_limiter_open(5, 6, 20000);
    p->by_wrong = rate_limiter_open(1, 1, 20000);
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->hash_free, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (people_password_hash(p, secret_new().text, p->nobody, err))
        return p;
    people_close(p);
    return NULL;
}

void people_close(struct people *p)
{
    if (!p)
        return;
    rate_limiter_close(p->by_address);
    rate_limiter_close(p->by_account);
    rate_limiter_close(p->codes);
    rate_limiter_close(p->by_link);
    rate_limiter_close(p->by_wrong);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->hash_free);
    free(p);
}

int64_t people_changes(const struct people *p)
{
    return atomic_load(&((struct people *)p)->changes);
}

bool person_said(struct db_tx *tx, const char *person, struct error *err)
{
    return db_event(tx, "person.changed", NULL, person ? person : "", NULL, err);
}

void people_changed(struct people *p)
{
    atomic_fetch_add(&p->changes, 1);
}

// ---- finding

#define PERSON_COLUMNS "id, name, email, admin, disabled, created_ms"

static struct person person_of(struct db_rows *rows, struct arena *a)
{
    return (struct person){.id = arena_text(a, db_text(rows, 0)),
                           .name = arena_text(a, db_text(rows, 1)),
                           .email = arena_text(a, db_text(rows, 2)),
                           .admin = db_int(rows, 3) != 0,
                           .disabled = db_int(rows, 4) != 0,
                           .created_ms = db_int(rows, 5)};
}

struct finding {
    const char *id, *email;
    struct arena *a;
    struct person *list;
    size_t count;
};

static bool find_in(struct db_tx *tx, void *context, struct error *err)
{
    struct finding *f = context;
    int64_t count = 0;
    if (!db_one_int(tx, &count, 0, err, "select count(*) from people", ""))
        return false;
    bool one = f->id || f->email;
    f->list = ARENA_ARRAY(f->a, struct person, one ? 2 : (size_t)count + 1);
    struct db_rows *rows =
        one ? db_query(tx, "select " PERSON_COLUMNS " from people where id = ?1 or email = ?2",
                       "ss", f->id, f->email)
            : db_query(tx, "select " PERSON_COLUMNS " from people order by name, id", "");
    while (db_next(rows))
        f->list[f->count++] = person_of(rows, f->a);
    return db_end(rows, err);
}

bool people_list(struct people *p, struct arena *a, struct person **list, size_t *count,
                 struct error *err)
{
    struct finding f = {.a = a};
    bool ok = db_read(p->db, find_in, &f, err);
    *list = f.list;
    *count = f.count;
    return ok;
}

bool people_get(struct people *p, const char *id, struct arena *a, struct person *person,
                struct error *err)
{
    struct finding f = {.id = id, .a = a};
    if (!db_read(p->db, find_in, &f, err))
        return false;
    if (!f.count)
        return no_such_person(err);
    *person = f.list[0];
    return true;
}

bool people_by_email(struct people *p, const char *email, struct arena *a, const char **id,
                     struct error *err)
{
    char clean[EMAIL_MAX_BYTES + 1];
    *id = NULL;
    if (!email_clean(email, clean, err))
        return false;
    struct finding f = {.email = clean, .a = a};
    if (!db_read(p->db, find_in, &f, err))
        return false;
    *id = f.count ? f.list[0].id : NULL;
    return true;
}

// ---- adding and changing

bool link_add(struct db_tx *tx, const char *person, int64_t days, char token[44], struct error *err)
{
    secret s = secret_new();
    sha256 hash = secret_hash(s.text);
    memcpy(token, s.text, sizeof(s.text));
    bool ok = person ? db_run(tx, err, "delete from links where person = ?1", "s", person)
                     : db_run(tx, err, "delete from links where person is null", "");
    return ok && db_run(tx, err, "insert into links values (?1, ?2, ?3)", "bsi", hash.at,
                        sizeof(hash.at), person, clock_now_ms() + days * DAY_MS);
}

struct adding {
    const char *id, *name, *email;
    bool admin;
    const struct who *by;
    const char *address;
    char *token;
};

static bool add_in(struct db_tx *tx, void *context, struct error *err)
{
    struct adding *d = context;
    int64_t there = 0;
    if (!db_one_int(tx, &there, 0, err, "select count(*) from people where email = ?1", "s",
                    d->email))
        return false;
    if (there) {
        error_set(err, ERROR_CONFLICT, "%s is here already", d->email);
        error_why(err, "each e-mail belongs to one person");
        return error_fix(err, "make a new link for them instead");
    }
    return db_run(tx, err, "insert into people values (?1, ?2, ?3, null, ?4, 0, ?5)", "sssii",
                  d->id, d->name, d->email, (int64_t)d->admin, clock_now_ms()) &&
           link_add(tx, d->id, INVITATION_DAYS, d->token, err) &&
           audit_add(tx, d->by, d->address, "person.added", d->id, d->email, err);
}

bool people_add(struct people *p, const char *name, const char *email, bool admin,
                const struct who *by, const char *address, char id_out[27], char token[44],
                struct error *err)
{
    char clean_name[NAME_MAX_BYTES + 1], clean_email[EMAIL_MAX_BYTES + 1];
    if (!name_clean(name, clean_name, err) || !email_clean(email, clean_email, err))
        return false;
    id made = id_new();
    struct adding d = {made.text, clean_name, clean_email, admin, by, address, token};
    memcpy(id_out, made.text, sizeof(made.text));
    return db_write(p->db, add_in, &d, err);
}

// ---- the house's own person

#define HOUSE_EMAIL "this-house@posthouse.invalid" // RFC 2606: nobody's

bool email_is_house(const char *email, struct error *err)
{
    if (strcmp(email, HOUSE_EMAIL) != 0)
        return false;
    error_set(err, ERROR_CONFLICT, "%s is this house itself", email);
    error_why(err, "its own programs use it; nobody logs in with it");
    error_fix(err, "choose a person");
    return true;
}

static bool is_house(struct db_tx *tx, const char *person, bool *is, struct error *err)
{
    int64_t count = 0;
    bool ok =
        db_one_int(tx, &count, 0, err, "select count(*) from people where id = ?1 and email = ?2",
                   "ss", person, HOUSE_EMAIL);
    *is = count > 0;
    return ok;
}

static bool house_in(struct db_tx *tx, void *context, struct error *err)
{
    char *id = context;
    struct db_rows *rows = db_query(tx, "select id from people where email = ?1", "s", HOUSE_EMAIL);
    bool there = db_next(rows);
    if (there)
        text_copy(text_of(db_text(rows, 0)), id, 27);
    if (!db_end(rows, err) || there)
        return there;
    memcpy(id, id_new().text, 27);
    return db_run(tx, err, "insert into people values (?1, 'This house', ?2, null, 1, 0, ?3)",
                  "ssi", id, HOUSE_EMAIL, clock_now_ms()) &&
           audit_add(tx, NULL, "", "person.added", id, HOUSE_EMAIL, err);
}

bool people_house(struct people *p, char id[27], struct error *err)
{
    return db_write(p->db, house_in, id, err);
}

struct linking {
    const char *id;
    const struct who *by;
    const char *address;
    char *token;
};

static bool link_in(struct db_tx *tx, void *context, struct error *err)
{
    struct linking *l = context;
    int64_t there = 0, disabled = 0;
    if (!db_one_int(tx, &there, 0, err, "select count(*) from people where id = ?1", "s", l->id) ||
        !db_one_int(tx, &disabled, 0, err, "select disabled from people where id = ?1", "s", l->id))
        return false;
    bool house;
    if (!there)
        return no_such_person(err);
    if (!is_house(tx, l->id, &house, err) || (house && email_is_house(HOUSE_EMAIL, err)))
        return false;
    if (disabled) {
        error_set(err, ERROR_CONFLICT, "cannot make a link for somebody who is disabled");
        return error_fix(err, "enable the person first");
    }
    return link_add(tx, l->id, INVITATION_DAYS, l->token, err) &&
           audit_add(tx, l->by, l->address, "person.link", l->id, NULL, err);
}

bool people_link(struct people *p, const char *id, const struct who *by, const char *address,
                 char token[44], struct error *err)
{
    struct linking l = {id, by, address, token};
    return db_write(p->db, link_in, &l, err);
}

struct changing {
    const char *id;
    const struct person_change *change;
    const struct who *by;
    const char *address;
};

static bool change_in(struct db_tx *tx, void *context, struct error *err)
{
    struct changing *d = context;
    const struct person_change *c = d->change;
    int64_t there = 0, other_admins = 0;
    if (!db_one_int(tx, &there, 0, err, "select count(*) from people where id = ?1", "s", d->id) ||
        !db_one_int(tx, &other_admins, 0, err,
                    "select count(*) from people where id <> ?1 and admin = 1 and disabled = 0 and "
                    "password is not null",
                    "s", d->id))
        return false;
    bool house;
    if (!there)
        return no_such_person(err);
    if (!is_house(tx, d->id, &house, err) || (house && email_is_house(HOUSE_EMAIL, err)))
        return false;
    int64_t is_admin = 0;
    if (!db_one_int(tx, &is_admin, 0, err,
                    "select admin from people where id = ?1 and disabled = 0", "s", d->id))
        return false;
    if (is_admin && !other_admins && (c->admin == 0 || c->disabled == 1)) {
        error_set(err, ERROR_CONFLICT, "the last administrator must stay");
        error_why(err, "nobody could look after the house afterwards");
        return error_fix(err, "make somebody else administrator first");
    }
    if (c->name &&
        !db_run(tx, err, "update people set name = ?2 where id = ?1", "ss", d->id, c->name))
        return false;
    if (c->admin >= 0 && !db_run(tx, err, "update people set admin = ?2 where id = ?1", "si", d->id,
                                 (int64_t)c->admin))
        return false;
    if (c->disabled >= 0 && !db_run(tx, err, "update people set disabled = ?2 where id = ?1", "si",
                                    d->id, (int64_t)c->disabled))
        return false;
    if (c->disabled == 1 &&
        (!db_run(tx, err, "delete from sessions where person = ?1", "s", d->id) ||
         !db_run(tx, err, "delete from tokens where person = ?1", "s", d->id) ||
         !db_run(tx, err, "delete from links where person = ?1", "s", d->id)))
        return false;
    char detail[80];
    snprintf(detail, sizeof(detail), "%s%s%s%s%s", c->name ? "name " : "",
             c->admin == 1 ? "admin " : "", c->admin == 0 ? "no-admin " : "",
             c->disabled == 1 ? "disabled" : "", c->disabled == 0 ? "enabled" : "");
    return audit_add(tx, d->by, d->address, "person.changed", d->id, detail, err) &&
           person_said(tx, d->id, err);
}

bool people_change(struct people *p, const char *id, const struct person_change *change,
                   const struct who *by, const char *address, struct error *err)
{
    char clean[NAME_MAX_BYTES + 1];
    struct person_change c = *change;
    if (c.name) {
        if (!name_clean(c.name, clean, err))
            return false;
        c.name = clean;
    }
    struct changing d = {id, &c, by, address};
    bool ok = db_write(p->db, change_in, &d, err);
    people_changed(p);
    return ok;
}

static bool tidy_in(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    int64_t now = clock_now_ms();
    return db_run(tx, err, "delete from sessions where expires_ms <= ?1", "i", now) &&
           db_run(tx, err, "delete from tokens where expires_ms > 0 and expires_ms <= ?1", "i",
                  now) &&
           db_run(tx, err, "delete from links where expires_ms <= ?1", "i", now) &&
           db_run(tx, err, "delete from stored_answers where at_ms <= ?1", "i", now - DAY_MS);
}

bool people_tidy(struct people *p, struct error *err)
{
    return db_write(p->db, tidy_in, NULL, err);
}
