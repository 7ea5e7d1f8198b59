/*
 * The second factor: time-based one-time passwords (RFC 6238: HMAC-SHA-1, 30 s, six digits) from an
 * authenticator on the person's phone, and recovery codes for when the phone is lost.
 *
 * A code works once, and one step (30 s) early or late. Whoever gets this far knows the password,
 * so many wrong codes in an hour shut the codes of that account, not the recovery codes, which
 * nobody guesses.
 */
#include "inside.h"
#include "plat/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_S = 30, SECRET_BYTES = 20, RECOVERY_CODES = 10, RECOVERY_BYTES = 10 };

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; // RFC 4648

// size is a multiple of 5: no padding.
static void base32_format(const uint8_t *at, size_t size, char *to)
{
    for (size_t i = 0; i < size; i += 5) {
        uint64_t five = 0;
        for (size_t n = 0; n < 5; n++)
            five = five << 8 | at[i + n];
        for (int shift = 35; shift >= 0; shift -= 5)
            *to++ = base32[five >> shift & 31];
    }
    *to = 0;
}

void totp_code(const void *secret, size_t size, int64_t step, char code[7])
{
    uint8_t count[8], mac[20];
    for (int i = 0; i < 8; i++)
        count[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
    hmac_sha1(secret, size, count, sizeof(count), mac);
    const uint8_t *at = mac + (mac[19] & 15); // RFC 4226, 5.3
    uint32_t number = (uint32_t)(at[0] & 127) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
                      (uint32_t)at[3];
    snprintf(code, 7, "%06u", number % 1000000);
}

// What was typed, without blanks and dashes, in upper case. False when it is too long.
static bool code_clean(const char *typed, char clean[64])
{
    size_t size = 0;
    for (; *typed; typed++) {
        if (*typed == ' ' || *typed == '-')
            continue;
        if (size == 63)
            return false;
        clean[size++] = (char)toupper((unsigned char)*typed);
    }
    clean[size] = 0;
    return size > 0;
}

bool factor_for_named(const char *name, enum factor_for *who, struct error *err)
{
    static const char *const names[] = {"optional", "admins", "everybody"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0) {
            *who = (enum factor_for)i;
            return true;
        }
    error_set(err, ERROR_INPUT, "people.second_factor can not be %s", name);
    return error_fix(err, "set it to optional, admins or everybody");
}

struct factor {
    struct people *p;
    const char *person;
    const struct who *by;
    const char *address;
    struct arena *a;
    const char *code;
    uint8_t secret[SECRET_BYTES];
    char (*recovery)[RECOVERY_CODE_ROOM];
    struct factor_state *state;
    bool proved; // the code was looked at before
};

static bool no_seal(struct error *err)
{
    error_set(err, ERROR_UNSUPPORTED, "second factors can not be used here");
    return error_why(err,
                     "the house was opened without the key that their secrets are sealed with");
}

// *since_ms -1: there is none.
static bool factor_read(struct db_tx *tx, struct factor *f, int64_t *since_ms, int64_t *step,
                        struct error *err)
{
    *since_ms = -1;
    struct db_rows *rows = db_query(
        tx, "select secret, since_ms, step from second_factors where person = ?1", "s", f->person);
    bool ok = true;
    if (db_next(rows)) {
        size_t size = 0;
        const void *sealed = db_blob(rows, 0, &size);
        struct buf plain = BUF_LIMIT(1024);
        ok =
            f->p->seal ? seal_take(f->p->seal, f->person, sealed, size, &plain, err) : no_seal(err);
        if (ok && plain.size == SECRET_BYTES)
            memcpy(f->secret, plain.at, SECRET_BYTES);
        *since_ms = db_int(rows, 1);
        *step = db_int(rows, 2);
        buf_free(&plain);
    }
    return db_end(rows, err) && ok;
}

static bool wrong_code(struct error *err)
{
    error_set(err, ERROR_FACTOR, "this code does not work");
    error_why(err, "it is wrong, was used already, or the clocks differ by more than 30 s");
    return error_fix(err,
                     "wait for the next code, check the phone's clock, or use a recovery code");
}

// Uses up the code. True with *right false: another one is needed.
static bool code_used(struct db_tx *tx, struct factor *f, int64_t last_step, bool *right,
                      struct error *err)
{
    char clean[64], should[7];
    *right = false;
    if (!f->code || !code_clean(f->code, clean))
        return true;
    if (strlen(clean) == 6) {
        int64_t now = clock_now_ms() / 1000 / STEP_S;
        for (int64_t step = now - 1; step <= now + 1 && !*right; step++) {
            totp_code(f->secret, SECRET_BYTES, step, should);
            if (step <= last_step || !same_secret(should, clean, 6))
                continue;
            *right = true;
            if (!db_run(tx, err, "update second_factors set step = ?2 where person = ?1", "si",
                        f->person, step))
                return false;
        }
        return true;
    }
    sha256 hash = secret_hash(clean);
    if (!db_run(tx, err, "delete from recovery_codes where person = ?1 and code = ?2", "sb",
                f->person, hash.at, sizeof(hash.at)))
        return false;
    *right = db_changed(tx) > 0;
    struct who by = {
        .kind = WHO_PERSON, .person = f->person, .device = f->by ? f->by->device : NULL};
    return !*right || audit_add(tx, &by, f->address, "recovery_code.used", f->person, NULL, err);
}

bool factor_passed_in(struct db_tx *tx, struct people *p, const char *person, const char *code,
                      const struct who *by, const char *address, bool *had, struct error *err)
{
    struct factor f = {.p = p, .person = person, .code = code, .by = by, .address = address};
    int64_t since = 0, step = 0;
    bool right = false;
    if (!factor_read(tx, &f, &since, &step, err))
        return false;
    *had = since > 0;
    if (!*had)
        return true;
    if (!code || !*code) {
        error_set(err, ERROR_FACTOR, "a code is needed");
        error_why(err, "this account has a second factor");
        return error_fix(err, "give the six digits of your authenticator, or a recovery code");
    }
    return code_used(tx, &f, step, &right, err) && (right || wrong_code(err));
}

int factor_wait(struct people *p, const char *person, const char *code)
{
    char clean[64];
    if (!code || !code_clean(code, clean) || strlen(clean) != 6)
        return 0;
    return rate_limit_take(p->codes, text_of(person), CODE_COST);
}

void factor_right(struct people *p, const char *person, const char *code)
{
    char clean[64];
    if (code && code_clean(code, clean) && strlen(clean) == 6)
        rate_limit_give_back(p->codes, text_of(person), CODE_COST);
}

// ---- set up and taken away

static bool begin_in(struct db_tx *tx, void *context, struct error *err)
{
    struct factor *f = context;
    int64_t on = 0;
    if (!db_one_int(tx, &on, 0, err,
                    "select count(*) from second_factors where person = ?1 and since_ms > 0", "s",
                    f->person))
        return false;
    if (on) {
        error_set(err, ERROR_CONFLICT, "you have a second factor already");
        return error_fix(err, "take it away first, then set up the new one");
    }
    struct buf sealed = BUF_LIMIT(1024);
    bool ok = seal_put(f->p->seal, f->person, (text){(const char *)f->secret, sizeof(f->secret)},
                       &sealed, err) &&
              db_run(tx, err,
                     "insert into second_factors values (?1, ?2, 0, 0) on conflict (person) do "
                     "update set secret = excluded.secret, step = 0",
                     "sb", f->person, sealed.at, sealed.size);
    buf_free(&sealed);
    return ok;
}

bool factor_begin(struct people *p, const struct who *who, char secret[FACTOR_SECRET_ROOM],
                  struct error *err)
{
    struct factor f = {.p = p, .person = who->person};
    if (!p->seal)
        return no_seal(err);
    random_bytes(f.secret, sizeof(f.secret));
    base32_format(f.secret, sizeof(f.secret), secret);
    return db_write(p->db, begin_in, &f, err);
}

static bool codes_made(struct db_tx *tx, struct factor *f, struct error *err)
{
    if (!db_run(tx, err, "delete from recovery_codes where person = ?1", "s", f->person))
        return false;
    for (int i = 0; i < RECOVERY_CODES; i++) {
        uint8_t random[RECOVERY_BYTES];
        char plain[17];
        random_bytes(random, sizeof(random));
        base32_format(random, sizeof(random), plain);
        snprintf(f->recovery[i], RECOVERY_CODE_ROOM, "%.4s-%.4s-%.4s-%.4s", plain, plain + 4,
                 plain + 8, plain + 12);
        sha256 hash = secret_hash(plain);
        if (!db_run(tx, err, "insert into recovery_codes values (?1, ?2)", "sb", f->person, hash.at,
                    sizeof(hash.at)))
            return false;
    }
    return true;
}

static bool nothing_set_up(struct error *err)
{
    error_set(err, ERROR_CONFLICT, "there is no second factor");
    return error_fix(err, "set one up first");
}

static bool confirm_in(struct db_tx *tx, void *context, struct error *err)
{
    struct factor *f = context;
    int64_t since = 0, step = 0;
    bool right = false;
    if (!factor_read(tx, f, &since, &step, err))
        return false;
    if (since < 0)
        return nothing_set_up(err);
    if (!code_used(tx, f, step, &right, err))
        return false;
    if (!right)
        return wrong_code(err);
    // With a new factor whoever is logged in elsewhere has to show it; new codes keep the others.
    return codes_made(tx, f, err) &&
           (since > 0 ||
            (db_run(tx, err, "update second_factors set since_ms = ?2 where person = ?1", "si",
                    f->person, clock_now_ms()) &&
             db_run(tx, err, "delete from sessions where person = ?1 and id <> ?2", "ss", f->person,
                    f->by->session) &&
             db_run(tx, err, "update sessions set factor = 1 where id = ?1", "s", f->by->session) &&
             person_said(tx, f->person, err))) &&
           audit_add(tx, f->by, f->address, since > 0 ? "recovery_codes.made" : "factor.on",
                     f->person, NULL, err);
}

static bool guarded(struct people *p, const char *person, const char *code, struct error *err)
{
    int wait_s = factor_wait(p, person, code);
    return !wait_s || factor_slow_down(err, wait_s);
}

bool factor_slow_down(struct error *err, int seconds)
{
    error_set(err, ERROR_TOO_MANY, "too many wrong codes");
    error_why(err, "this account has been given too many of them in the last hour");
    return error_fix(err, "wait %d min, or use a recovery code", seconds / 60 + 1);
}

bool factor_confirm(struct people *p, const struct who *who, const char *code, const char *address,
                    char recovery[][RECOVERY_CODE_ROOM], struct error *err)
{
    struct factor f = {.p = p,
                       .person = who->person,
                       .by = who,
                       .code = code,
                       .address = address,
                       .recovery = recovery};
    if (!guarded(p, who->person, code, err) || !db_write(p->db, confirm_in, &f, err))
        return false;
    factor_right(p, who->person, code);
    people_changed(p);
    return true;
}

static bool end_in(struct db_tx *tx, void *context, struct error *err)
{
    struct factor *f = context;
    int64_t since = 0, step = 0;
    bool right = f->proved;
    if (!f->proved && (!factor_read(tx, f, &since, &step, err) ||
                       (since > 0 && !code_used(tx, f, step, &right, err))))
        return false;
    if (!f->proved && since <= 0)
        return nothing_set_up(err);
    if (!right)
        return wrong_code(err);
    if (!db_run(tx, err, "delete from second_factors where person = ?1", "s", f->person))
        return false;
    if (!db_changed(tx))
        return nothing_set_up(err);
    return db_run(tx, err, "delete from recovery_codes where person = ?1", "s", f->person) &&
           db_run(tx, err, "update sessions set factor = 0 where person = ?1", "s", f->person) &&
           person_said(tx, f->person, err) &&
           audit_add(tx, f->by, f->address, "factor.off", f->person, NULL, err);
}

bool factor_end(struct people *p, const struct who *who, const char *code, const char *address,
                struct error *err)
{
    struct factor f = {.p = p, .person = who->person, .by = who, .code = code, .address = address};
    if (!guarded(p, who->person, code, err) || !db_write(p->db, end_in, &f, err))
        return false;
    factor_right(p, who->person, code);
    people_changed(p);
    return true;
}

bool factor_reset(struct people *p, const char *person, const struct who *by, const char *address,
                  struct error *err)
{
    struct factor f = {.p = p, .person = person, .by = by, .address = address, .proved = true};
    bool ok = db_write(p->db, end_in, &f, err);
    people_changed(p);
    return ok;
}

static bool state_in(struct db_tx *tx, void *context, struct error *err)
{
    struct factor *f = context;
    int64_t codes = 0;
    *f->state = (struct factor_state){0};
    if (!db_one_int(tx, &f->state->since_ms, 0, err,
                    "select max(since_ms) from second_factors where person = ?1", "s", f->person) ||
        !db_one_int(tx, &codes, 0, err, "select count(*) from recovery_codes where person = ?1",
                    "s", f->person))
        return false;
    f->state->codes_left = (int)codes;
    return true;
}

bool factor_get(struct people *p, const char *person, struct factor_state *state, struct error *err)
{
    struct factor f = {.person = person, .state = state};
    return db_read(p->db, state_in, &f, err);
}
