/*
 * Logging in, and who holds a secret.
 *
 * A log-in always makes a new session (nothing that came with the request is taken over), does the
 * same work for accounts that do not exist, and is slowed down per address and per account seen
 * from that address: an attacker never shuts an account for its owner elsewhere.
 */
#include "inside.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEN_STEP_MS = 600 * 1000 }; // how exactly "last used" is kept: a write for each is too many

// IPv6 addresses are counted by their /64, which is what one household gets.
text peer_key(const char *address)
{
    text t = text_of(address ? address : "");
    size_t colons = 0;
    if (!strchr(t.at, ':') || strstr(t.at, "::ffff:"))
        return t;
    for (size_t i = 0; i < t.size; i++)
        if (t.at[i] == ':' && ++colons == 4)
            return (text){t.at, i};
    return t;
}

bool people_link_password(struct people *p, const char *share, const char *stored,
                          const char *password, const char *address, bool *right,
                          struct error *err)
{
    char key[400];
    text peer = peer_key(address);
    *right = false;
    snprintf(key, sizeof(key), "%.*s %s", (int)peer.size, peer.at, share);
    int wait_s = rate_limit_take(p->by_link, text_of(key), 1);
    if (wait_s) {
        error_set(err, ERROR_TOO_MANY, "too many tries");
        error_why(err, "from your address came too many passwords that were wrong");
        return error_fix(err, "try again in %s", time_text(wait_s).text);
    }
    bool late = rate_limit_take(p->by_wrong, peer, 1) > 0;
    bool checked = password_check(p, stored, password, late, right, err);
    if (!checked || *right) { // what was not looked at is no guess
        rate_limit_give_back(p->by_link, text_of(key), 1);
        if (!late)
            rate_limit_give_back(p->by_wrong, peer, 1);
    }
    return checked;
}

static bool slow_down(struct error *err, int seconds)
{
    error_set(err, ERROR_TOO_MANY, "too many tries");
    error_why(err, "this address has tried too often in the last minute");
    return error_fix(err, "wait %d s, then try again", seconds);
}

int people_guess(struct people *p, const char *address)
{
    return rate_limit_take(p->by_address, peer_key(address), 1);
}

void people_guess_right(struct people *p, const char *address)
{
    rate_limit_give_back(p->by_address, peer_key(address), 1);
}

// ---- sessions

bool session_add(struct db_tx *tx, struct people *p, const char *person, const char *share,
                 const char *visitor, int64_t expires_ms, const struct entry *from, bool factor,
                 struct session_made *made, struct error *err)
{
    int64_t now = clock_now_ms(), until = now + p->session_ms;
    if (expires_ms > 0 && expires_ms < until)
        until = expires_ms;
    secret s = secret_new();
    id session = id_new();
    sha256 hash = secret_hash(s.text);
    memcpy(made->secret, s.text, sizeof(s.text));
    memcpy(made->session, session.text, sizeof(session.text));
    text_copy(text_of(person), made->person, sizeof(made->person));
    made->max_age_s = (until - now) / 1000;
    return db_run(tx, err,
                  "insert into sessions values (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10)",
                  "sbsssiissi", session.text, hash.at, sizeof(hash.at), person, share,
                  visitor ? visitor : "", now, until, from->address ? from->address : "",
                  from->device ? from->device : "", (int64_t)factor);
}

struct asking {
    struct people *p;
    sha256 hash;
    bool cookie;
    struct arena *a;
    struct who *who;
    bool stale; // last seen long ago: to be written
};

static bool who_cookie_in(struct db_tx *tx, struct asking *q, struct error *err)
{
    struct who *w = q->who;
    int64_t now = clock_now_ms();
    struct db_rows *rows = db_query(
        tx,
        "select s.id, s.person, s.share, s.visitor, s.seen_ms, s.expires_ms, p.name, "
        "p.email, p.admin, s.factor, coalesce((select f.since_ms from second_factors f where "
        "f.person = s.person), 0) from sessions s left join people p on p.id = s.person "
        "where s.secret = ?1 and s.expires_ms > ?2 and (p.disabled = 0 or s.share is not null)",
        "bi", q->hash.at, sizeof(q->hash.at), now);
    if (db_next(rows)) {
        bool person = !db_null(rows, 1);
        w->kind = person ? WHO_PERSON : WHO_SHARE;
        w->scope = SCOPE_ALL;
        w->by_cookie = true;
        w->session = arena_text(q->a, db_text(rows, 0));
        w->person = arena_text(q->a, db_text(rows, 1));
        w->share = arena_text(q->a, db_text(rows, 2));
        w->name = arena_text(q->a, db_text(rows, person ? 6 : 3));
        w->email = arena_text(q->a, db_text(rows, 7));
        w->admin = person && db_int(rows, 8) != 0;
        w->expires_ms = db_int(rows, 5);
        w->factor = db_int(rows, 9) != 0;
        w->factor_owed = person && db_int(rows, 10) == 0 &&
                         (q->p->factor_for == FACTOR_EVERYBODY ||
                          (q->p->factor_for == FACTOR_ADMINS && w->admin));
        q->stale = now - db_int(rows, 4) > SEEN_STEP_MS;
    }
    if (!db_end(rows, err))
        return false;
    if (w->kind != WHO_SHARE)
        return true;
    // A share that was revoked or has expired ends its sessions by itself.
    rows =
        db_query(tx,
                 "select project, permission, download, kind from shares where id = ?1 and revoked = 0 "
                 "and (expires_ms is null or expires_ms = 0 or expires_ms > ?2)",
                 "si", w->share, now);
    if (db_next(rows)) {
        w->project = arena_text(q->a, db_text(rows, 0));
        const char *permission = db_text(rows, 1);
        w->share_may = MAY_VIEW;
        if (permission && strcmp(permission, "comment") == 0)
            w->share_may |= MAY_COMMENT;
        if (db_int(rows, 2))
            w->share_may |= MAY_DOWNLOAD;
        if (db_text(rows, 3) && strcmp(db_text(rows, 3), "request") == 0)
            w->share_may = 0; // by it files come in, and nothing is seen
    }
    if (!db_end(rows, err))
        return false;
    if (!w->project)
        *w = (struct who){.session = "", .csrf = ""};
    return true;
}

static bool who_token_in(struct db_tx *tx, struct asking *q, struct error *err)
{
    struct who *w = q->who;
    int64_t now = clock_now_ms();
    struct db_rows *rows = db_query(
        tx,
        "select t.id, t.person, t.scope, t.used_ms, t.expires_ms, p.name, p.email, p.admin, "
        "t.factor "
        "from tokens t join people p on p.id = t.person where t.secret = ?1 and "
        "(t.expires_ms = 0 or t.expires_ms > ?2) and p.disabled = 0",
        "bi", q->hash.at, sizeof(q->hash.at), now);
    if (db_next(rows) && scope_named(db_text(rows, 2), &w->scope)) {
        w->kind = WHO_PERSON;
        w->session = arena_text(q->a, db_text(rows, 0));
        w->person = arena_text(q->a, db_text(rows, 1));
        w->name = arena_text(q->a, db_text(rows, 5));
        w->email = arena_text(q->a, db_text(rows, 6));
        w->admin = db_int(rows, 7) != 0;
        w->expires_ms = db_int(rows, 4);
        w->factor = db_int(rows, 8) != 0;
        q->stale = now - db_int(rows, 3) > SEEN_STEP_MS;
    }
    return db_end(rows, err);
}

static bool who_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return q->cookie ? who_cookie_in(tx, q, err) : who_token_in(tx, q, err);
}

static bool seen_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    int64_t now = clock_now_ms();
    if (!q->cookie)
        return db_run(tx, err, "update tokens set used_ms = ?2 where id = ?1", "si",
                      q->who->session, now);
    int64_t until = q->who->kind == WHO_SHARE ? q->who->expires_ms : now + q->p->session_ms;
    return db_run(tx, err, "update sessions set seen_ms = ?2, expires_ms = ?3 where id = ?1", "sii",
                  q->who->session, now, until);
}

bool people_who(struct people *p, const char *secret, bool cookie, struct arena *a, struct who *who,
                struct error *err)
{
    *who = (struct who){.session = "", .csrf = ""};
    if (!secret || strlen(secret) != 43)
        return true;
    struct asking q = {.p = p, .hash = secret_hash(secret), .cookie = cookie, .a = a, .who = who};
    if (!db_read(p->db, who_in, &q, err))
        return false;
    if (who->kind == WHO_NOBODY)
        return true;
    if (cookie) {
        // Only the cookie's holder can work this out, and it tells nothing about the cookie.
        char key[64], csrf[44];
        snprintf(key, sizeof(key), "csrf %s", secret);
        sha256 hash = sha256_of(key, strlen(key));
        base64url_format(hash.at, sizeof(hash.at), csrf, sizeof(csrf));
        who->csrf = arena_text(a, csrf);
    }
    return !q.stale || db_write(p->db, seen_in, &q, err);
}

static bool logout_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct who *who = context;
    return db_run(tx, err, "delete from sessions where id = ?1", "s", who->session);
}

bool people_logout(struct people *p, const struct who *who, struct error *err)
{
    if (!who->by_cookie)
        return true;
    bool ok = db_write(p->db, logout_in, (void *)who, err);
    people_changed(p);
    return ok;
}

struct visiting {
    struct people *p;
    const char *share, *visitor;
    const struct entry *from;
    int64_t expires_ms;
    struct session_made *made;
};

static bool visit_in(struct db_tx *tx, void *context, struct error *err)
{
    struct visiting *v = context;
    struct who by = {.kind = WHO_SHARE, .share = v->share, .device = v->from->device};
    return session_add(tx, v->p, NULL, v->share, v->visitor, v->expires_ms, v->from, false, v->made,
                       err) &&
           audit_add(tx, &by, v->from->address, "share.opened", v->share, v->visitor, err);
}

bool people_visit(struct people *p, const char *share, const char *visitor_name, int64_t expires_ms,
                  const struct entry *from, struct session_made *made, struct error *err)
{
    char clean[NAME_MAX_BYTES + 1] = "";
    if (visitor_name && *visitor_name && !name_clean(visitor_name, clean, err))
        return false;
    struct visiting v = {p, share, clean, from, expires_ms, made};
    return db_write(p->db, visit_in, &v, err);
}

// ---- passwords

struct entering {
    struct people *p;
    struct arena *a;
    const char *email;
    const char *person, *stored, *action;
    const struct entry *from;
    // for setup and welcome
    const char *name, *hash;
    sha256 token;
    struct session_made *made;
};

static bool account_in(struct db_tx *tx, void *context, struct error *err)
{
    struct entering *e = context;
    struct db_rows *rows = db_query(
        tx, "select id, password from people where email = ?1 and disabled = 0", "s", e->email);
    if (db_next(rows)) {
        e->person = arena_text(e->a, db_text(rows, 0));
        e->stored = arena_text(e->a, db_text(rows, 1));
    }
    return db_end(rows, err);
}

static bool enter_in(struct db_tx *tx, void *context, struct error *err)
{
    struct entering *e = context;
    int64_t good = 0; // it may have been disabled while the hash was worked out
    if (!db_one_int(tx, &good, 0, err, "select count(*) from people where id = ?1 and disabled = 0",
                    "s", e->person))
        return false;
    if (!good)
        return error_set(err, ERROR_LOGIN, "this log-in does not work");
    struct who by = {.kind = WHO_PERSON, .person = e->person, .device = e->from->device};
    bool factor = false;
    return factor_passed_in(tx, e->p, e->person, e->from->code, &by, e->from->address, &factor,
                            err) &&
           session_add(tx, e->p, e->person, NULL, NULL, 0, e->from, factor, e->made, err) &&
           audit_add(tx, &by, e->from->address, e->action, e->person, NULL, err);
}

static bool failed_in(struct db_tx *tx, void *context, struct error *err)
{
    struct entering *e = context;
    // The person is the subject, not the actor; what was typed may be a password, so it is not
    // kept.
    struct who by = {.device = e->from->device};
    return audit_add(tx, &by, e->from->address, "login.failed", e->person,
                     e->from->code ? "the code" : NULL, err);
}

static bool wrong(struct error *err)
{
    error_set(err, ERROR_LOGIN, "this log-in does not work");
    error_why(err, "e-mail or password is wrong");
    return error_fix(err, "try again, or ask an administrator for a new link");
}

// The password was right. A wrong code is written down like a wrong password.
static bool enter(struct people *p, struct entering *e, struct error *err)
{
    const char *code = e->from->code;
    int wait_s = factor_wait(p, e->person, code);
    if (wait_s)
        return factor_slow_down(err, wait_s);
    if (db_write(p->db, enter_in, e, err)) {
        factor_right(p, e->person, code);
        return true;
    }
    if (err->kind != ERROR_FACTOR || !code)
        return false;
    struct error keep = *err;
    if (db_write(p->db, failed_in, e, err))
        *err = keep;
    return false;
}

bool people_login(struct people *p, const char *email, const char *password,
                  const struct entry *from, struct session_made *made, struct error *err)
{
    char clean[EMAIL_MAX_BYTES + 1];
    if (!email_clean(email, clean, err) || strlen(password) > 512)
        return wrong(err);
    text peer = peer_key(from->address);
    char account[400];
    snprintf(account, sizeof(account), "%.*s %s", (int)peer.size, peer.at, clean);
    int wait_s = rate_limit_take(p->by_address, peer, 1);
    if (wait_s)
        return slow_down(err, wait_s);
    wait_s = rate_limit_take(p->by_account, text_of(account), 1);
    if (wait_s)
        return slow_down(err, wait_s);
    struct arena *a = arena_open(64 << 10);
    struct entering e = {
        .p = p, .a = a, .email = clean, .from = from, .action = "login", .made = made};
    bool right = false, ok = db_read(p->db, account_in, &e, err) &&
                             people_password_check(p, e.stored, password, &right, err);
    if (ok && right) {
        ok = enter(p, &e, err);
        if (ok || !from->code) {
            rate_limit_give_back(p->by_address, peer, 1);
            rate_limit_give_back(p->by_account, text_of(account), 1);
        }
    } else if (ok) {
        // Written for accounts that do not exist too, or the time would tell.
        ok = db_write(p->db, failed_in, &e, err) && wrong(err);
    }
    arena_close(a);
    return ok;
}

// ---- the first administrator, and invitations

static bool needed_in(struct db_tx *tx, void *context, struct error *err)
{
    int64_t count = 0;
    bool ok = db_one_int(tx, &count, 0, err,
                         "select count(*) from people where password is not null", "");
    *(bool *)context = count == 0;
    return ok;
}

bool people_setup_needed(struct people *p, bool *needed, struct error *err)
{
    return db_read(p->db, needed_in, needed, err);
}

static bool set_up_already(struct error *err)
{
    error_set(err, ERROR_CONFLICT, "the house is set up already");
    error_why(err, "it has an administrator");
    return error_fix(err, "log in, or make a link: posthouse user link <e-mail>");
}

static bool setup_link_in(struct db_tx *tx, void *context, struct error *err)
{
    bool needed = false;
    if (!needed_in(tx, &needed, err))
        return false;
    return needed ? link_add(tx, NULL, 7, context, err) : set_up_already(err);
}

bool people_setup_link(struct people *p, char token[44], struct error *err)
{
    return db_write(p->db, setup_link_in, token, err);
}

static bool link_is_over(struct error *err)
{
    error_set(err, ERROR_DENIED, "this link does not work any more");
    error_why(err, "it was used, replaced by a newer one, or is too old");
    return error_fix(err,
                     "ask for a new one: posthouse user link <e-mail>, or start the house again "
                     "for the first administrator's");
}

static bool link_good_in(struct db_tx *tx, void *context, struct error *err)
{
    struct entering *e = context;
    bool good = false;
    struct db_rows *rows = db_query(
        tx,
        "select l.person, p.name, p.email from links l left join people p on p.id = l.person "
        "where l.secret = ?1 and l.expires_ms > ?2 and (l.person is null or p.disabled = 0)",
        "bi", e->token.at, sizeof(e->token.at), clock_now_ms());
    if (db_next(rows)) {
        good =
            db_null(rows, 0) == (e->email != NULL); // a setup link sets up, an invitation welcomes
        e->person = e->email ? e->person : arena_text(e->a, db_text(rows, 0));
        if (!e->email)
            e->name = arena_text(e->a, db_text(rows, 1));
        e->stored =
            arena_text(e->a, db_text(rows, 2)); // here: the e-mail, for the password's check
    }
    if (!db_end(rows, err))
        return false;
    return good || link_is_over(err);
}

static bool use_link_in(struct db_tx *tx, struct entering *e, struct error *err)
{
    if (!link_good_in(tx, e, err))
        return false;
    return db_run(tx, err, "delete from links where secret = ?1", "b", e->token.at,
                  sizeof(e->token.at));
}

static bool setup_in(struct db_tx *tx, void *context, struct error *err)
{
    struct entering *e = context;
    bool needed = false;
    if (!needed_in(tx, &needed, err))
        return false;
    if (!needed)
        return set_up_already(err);
    if (!use_link_in(tx, e, err))
        return false;
    // Somebody invited on the command line but never welcomed may have this e-mail.
    return db_run(tx, err,
                  "delete from links where person in (select id from people where email = ?1)", "s",
                  e->email) &&
           db_run(
               tx, err,
               "insert into people values (?1, ?2, ?3, ?4, 1, 0, ?5) on conflict (email) do update "
               "set name = excluded.name, password = excluded.password, admin = 1, disabled = 0",
               "ssssi", e->person, e->name, e->email, e->hash, clock_now_ms()) &&
           account_in(tx, e, err) && enter_in(tx, e, err);
}

static bool welcome_in(struct db_tx *tx, void *context, struct error *err)
{
    struct entering *e = context;
    return use_link_in(tx, e, err) &&
           // A new password ends whoever is logged in with the old one.
           db_run(tx, err, "delete from sessions where person = ?1", "s", e->person) &&
           db_run(tx, err, "update people set password = ?2 where id = ?1", "ss", e->person,
                  e->hash) &&
           person_said(tx, e->person, err) && enter_in(tx, e, err);
}

static bool enter_by_link(struct people *p, struct entering *e, const char *password, db_work *work,
                          struct error *err)
{
    const char *address = e->from->address, *code = e->from->code;
    int wait_s = people_guess(p, address);
    if (wait_s)
        return slow_down(err, wait_s);
    char hash[128];
    e->hash = hash;
    // Looked at before the hash is worked out, so that guessing costs us little; again when used.
    bool ok = db_read(p->db, link_good_in, e, err);
    if (ok)
        people_guess_right(p, address);
    wait_s = ok && e->person ? factor_wait(p, e->person, code) : 0;
    if (wait_s)
        return factor_slow_down(err, wait_s);
    ok = ok && password_acceptable(password, e->name, e->email ? e->email : e->stored, err) &&
         people_password_hash(p, password, hash, err) && db_write(p->db, work, e, err);
    if (ok)
        factor_right(p, e->person, code);
    people_changed(p);
    return ok;
}

bool people_setup(struct people *p, const char *token, const char *name, const char *email,
                  const char *password, const struct entry *from, struct session_made *made,
                  struct error *err)
{
    char clean_name[NAME_MAX_BYTES + 1], clean_email[EMAIL_MAX_BYTES + 1];
    if (!name_clean(name, clean_name, err) || !email_clean(email, clean_email, err) ||
        email_is_house(clean_email, err))
        return false;
    bool needed = false;
    if (!people_setup_needed(p, &needed, err))
        return false;
    if (!needed)
        return set_up_already(err);
    id person = id_new();
    struct arena *a = arena_open(64 << 10);
    struct entering e = {.p = p,
                         .a = a,
                         .email = clean_email,
                         .name = clean_name,
                         .person = person.text,
                         .from = from,
                         .action = "setup",
                         .token = secret_hash(token),
                         .made = made};
    bool ok = enter_by_link(p, &e, password, setup_in, err);
    arena_close(a);
    return ok;
}

bool people_welcome(struct people *p, const char *token, const char *password,
                    const struct entry *from, struct session_made *made, struct error *err)
{
    struct arena *a = arena_open(64 << 10);
    struct entering e = {.p = p,
                         .a = a,
                         .from = from,
                         .action = "welcome",
                         .token = secret_hash(token),
                         .made = made};
    bool ok = enter_by_link(p, &e, password, welcome_in, err);
    arena_close(a);
    return ok;
}
