/*
 * Passwords: Argon2id (RFC 9106) with 19 MiB and two passes, as OWASP's cheat sheet of 2023 says
 * for one lane. At most two are worked out at once, so that a flood of log-ins costs 38 MiB and two
 * cores at most; the others wait a moment and are then told to come back.
 */
#include "inside.h"

#include <argon2.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { HASH_KIB = 19 * 1024, HASH_PASSES = 2, SALT_BYTES = 16, HASH_BYTES = 32 };
enum { PASSWORD_MIN = 10, PASSWORD_MAX = 512 };

// The worst of ten characters and more in the lists of stolen passwords.
static const char *const worst[] = {
    "1234567890",    "0123456789",       "12345678910",      "123456789a",
    "1q2w3e4r5t",    "1qaz2wsx3edc",     "password12",       "password123",
    "password1234",  "passw0rd123",      "p@ssw0rd123",      "qwertyuiop",
    "qwerty1234",    "qwerty12345",      "asdfghjkl1",       "iloveyou12",
    "iloveyou123",   "administrator",    "admin12345",       "adminadmin",
    "letmein123",    "letmein1234",      "welcome123",       "welcome1234",
    "changeme123",   "abcdefghij",       "abcdefghijk",      "abc1234567",
    "football123",   "baseball123",      "superman123",      "sunshine123",
    "princess123",   "posthouse1",       "posthouse123",     "0987654321",
    "9876543210",    "1111111111",       "0000000000",       "123123123123",
    "qwertyuiop123", "trustno1trustno1", "passwordpassword", "correcthorsebatterystaple"};

static bool all_one(const char *t)
{
    return strspn(t, (char[]){t[0], 0}) == strlen(t);
}

static bool refused(struct error *err, const char *why)
{
    error_set(err, ERROR_INPUT, "this password can not be used");
    error_why(err, "%s", why);
    return error_fix(err, "choose at least %d characters; a few unrelated words are good and easy",
                     PASSWORD_MIN);
}

static size_t characters(const char *utf8)
{
    size_t count = 0;
    for (; *utf8; utf8++)
        count += ((unsigned char)*utf8 & 0xc0) != 0x80;
    return count;
}

bool password_acceptable(const char *password, const char *name, const char *email,
                         struct error *err)
{
    if (characters(password) < PASSWORD_MIN)
        return refused(err, "it is too short");
    if (strlen(password) > PASSWORD_MAX)
        return refused(err, "it is longer than 512 bytes");
    if ((name && strcasecmp(password, name) == 0) || (email && strcasecmp(password, email) == 0))
        return refused(err, "it is your own name or e-mail");
    if (email) {
        const char *at = strchr(email, '@');
        if (at && strlen(password) == (size_t)(at - email) &&
            strncasecmp(password, email, (size_t)(at - email)) == 0)
            return refused(err, "it is your own e-mail");
    }
    if (all_one(password))
        return refused(err, "it is one character again and again");
    for (size_t i = 0; i < sizeof(worst) / sizeof(worst[0]); i++)
        if (strcasecmp(password, worst[i]) == 0)
            return refused(err, "it is among the first that attackers try");
    return true;
}

// Those who were wrong lately have one of the places, when nobody else waits for it.
static bool place_free(const struct people *p, bool late)
{
    return p->hashing < HASHES_AT_ONCE && (!late || (!p->hashing_late && !p->waiting));
}

static bool take_turn(struct people *p, bool late, struct error *err)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += HASH_WAIT_S;
    pthread_mutex_lock(&p->lock);
    int *waiting = late ? &p->waiting_late : &p->waiting;
    bool turn = place_free(p, late);
    if (!turn && *waiting < (late ? HASHES_WAITING_LATE : HASHES_WAITING)) {
        int code = 0;
        ++*waiting;
        while (!(turn = late ? place_free(p, true) : p->hashing < HASHES_AT_ONCE) &&
               code != ETIMEDOUT)
            code = pthread_cond_timedwait(&p->hash_free, &p->lock, &until);
        --*waiting;
    }
    p->hashing += turn;
    p->hashing_late += turn && late;
    if (p->hashing > p->peak)
        p->peak = p->hashing;
    pthread_mutex_unlock(&p->lock);
    if (turn)
        return true;
    error_set(err, ERROR_TOO_MANY, "cannot check the password just now");
    error_why(err, "many people are logging in at this moment");
    return error_fix(err, "try again in some seconds");
}

static void give_turn(struct people *p, bool late)
{
    pthread_mutex_lock(&p->lock);
    p->hashing--;
    p->hashing_late -= late;
    pthread_cond_broadcast(&p->hash_free);
    pthread_mutex_unlock(&p->lock);
}

int people_hashes_peak(struct people *p)
{
    pthread_mutex_lock(&p->lock);
    int peak = p->peak;
    pthread_mutex_unlock(&p->lock);
    return peak;
}

bool people_password_hash(struct people *p, const char *password, char stored[128],
                          struct error *err)
{
    uint8_t salt[SALT_BYTES];
    random_bytes(salt, sizeof(salt));
    if (!take_turn(p, false, err))
        return false;
    int code = argon2id_hash_encoded(p->quick_hash ? 1 : HASH_PASSES, p->quick_hash ? 8 : HASH_KIB,
                                     1, password, strlen(password), salt, sizeof(salt), HASH_BYTES,
                                     stored, 128);
    give_turn(p, false);
    if (code == ARGON2_OK)
        return true;
    error_set(err, ERROR_INTERNAL, "cannot hash the password");
    return error_why(err, "%s", argon2_error_message(code));
}

bool people_password_check(struct people *p, const char *stored, const char *password, bool *right,
                           struct error *err)
{
    return password_check(p, stored, password, false, right, err);
}

bool password_check(struct people *p, const char *stored, const char *password, bool late,
                    bool *right, struct error *err)
{
    *right = false;
    if (!take_turn(p, late, err))
        return false;
    // Without an account the same work is done, so that the time does not tell.
    int code = argon2id_verify(stored ? stored : p->nobody, password, strlen(password));
    give_turn(p, late);
    *right = stored && code == ARGON2_OK;
    if (code == ARGON2_OK || code == ARGON2_VERIFY_MISMATCH)
        return true;
    error_set(err, ERROR_DAMAGED, "cannot check the password");
    return error_why(err, "the stored hash is damaged: %s", argon2_error_message(code));
}
