// Shared by the files of house/people only.
#pragma once
#include "house/people/people.h"
#include "plat/hash.h"
#include "plat/ids.h"
#include "plat/seal.h"
#include "wire/limit.h"

#include <pthread.h>
#include <stdatomic.h>

enum { HASHES_AT_ONCE = 2, HASHES_WAITING = 16, HASHES_WAITING_LATE = 2, HASH_WAIT_S = 5 };
enum { CODE_COST = 3 }; // so that a limiter of one a minute gives 20 an hour
enum { NAME_MAX_BYTES = 200, EMAIL_MAX_BYTES = 254 };
#define DAY_MS (24 * 3600 * 1000LL)

struct people {
    struct db *db;
    int64_t session_ms;
    bool quick_hash;
    struct rate_limiter *by_address; // tries at a password or key
    struct rate_limiter
        *by_account; // keyed by address and account: an account is never shut for all
    struct rate_limiter *codes; // wrong codes of second factors, by account
    const struct seal *seal;
    enum factor_for factor_for;
    struct rate_limiter *by_link;  // keyed by address and link: likewise
    struct rate_limiter *by_wrong; // an address that has been wrong lately, at links
    atomic_llong changes;
    pthread_mutex_t lock; // guards the counts
    pthread_cond_t hash_free;
    int hashing, waiting, peak;
    int hashing_late, waiting_late; // of those who have been wrong lately
    char nobody[128]; // a hash that no password fits, for accounts that do not exist
};

// Lower case, trimmed. INPUT when it can not be an address.
MUST_CHECK bool email_clean(const char *email, char clean[EMAIL_MAX_BYTES + 1], struct error *err);
MUST_CHECK bool name_clean(const char *name, char clean[NAME_MAX_BYTES + 1], struct error *err);
sha256 secret_hash(const char *secret);
text peer_key(const char *address); // what of an address one household has
MUST_CHECK bool session_add(struct db_tx *tx, struct people *p, const char *person,
                            const char *share, const char *visitor, int64_t expires_ms,
                            const struct entry *from, bool factor, struct session_made *made,
                            struct error *err);
MUST_CHECK bool link_add(struct db_tx *tx, const char *person, int64_t days, char token[44],
                         struct error *err);
// `late`: behind everybody who has not been wrong lately.
MUST_CHECK bool password_check(struct people *p, const char *stored, const char *password, bool late,
                               bool *right, struct error *err);
// In the transaction that takes a right away: the event person.changed, by which this process and
// others (`posthouse user` beside `serve`) find out that open connections must be looked at.
MUST_CHECK bool person_said(struct db_tx *tx, const char *person, struct error *err);
bool no_such_person(struct error *err);
// In the transaction that logs somebody in: is the second factor shown, where there is one (*had)?
// FACTOR when the code is missing or wrong; a right one is used up.
MUST_CHECK bool factor_passed_in(struct db_tx *tx, struct people *p, const char *person,
                                 const char *code, const struct who *by, const char *address,
                                 bool *had, struct error *err);
// 0, or the seconds until codes are looked at again; afterwards a right one is given back.
int factor_wait(struct people *p, const char *person, const char *code);
void factor_right(struct people *p, const char *person, const char *code);
bool factor_slow_down(struct error *err, int seconds);
// True, with *err set, for the e-mail of the house's own person.
bool email_is_house(const char *email, struct error *err);
