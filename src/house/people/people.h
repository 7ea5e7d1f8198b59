/*
 * house/people: who is asking, and what they may do.
 *
 * A person logs in with a password (Argon2id) and gets a session: a random secret in a cookie, kept
 * here only as its SHA-256. Scripts and workers carry a token, kept the same way. A visitor of a
 * share link gets a session of the share. In each project a person has one role; a role is a set of
 * permissions. An administrator has all of them everywhere.
 *
 * Whatever makes somebody lose a right (disabled, removed, logged out) counts at once: nothing here
 * is cached, and people_changes says that open connections must be looked at again. The event
 * person.changed (about the house) says so to another process.
 */
#pragma once
#include "db/db.h"

struct people;
struct seal;

// ---- Permissions in a project, and the roles that are made of them

enum permission {
    MAY_VIEW = 1 << 0,
    MAY_COMMENT = 1 << 1,
    MAY_DOWNLOAD = 1 << 2,
    MAY_UPLOAD = 1 << 3,
    MAY_EDIT = 1 << 4,
    MAY_SHARE = 1 << 5,
    MAY_DELIVER = 1 << 6,
    MAY_MANAGE = 1 << 7,
    MAY_ALL = 255
};
#define PERMISSION_COUNT 8
extern const char *const permission_names[PERMISSION_COUNT]; // "view" is bit 0, and so on

bool role_valid(const char *role);           // owner, editor, reviewer, guest
unsigned role_permissions(const char *role); // 0 for NULL or another word

// ---- Who is asking

enum who_kind { WHO_NOBODY, WHO_PERSON, WHO_SHARE };
enum who_scope { SCOPE_ALL, SCOPE_READ, SCOPE_WORKER };

struct who {
    enum who_kind kind;
    enum who_scope scope; // of a token; a session has all
    bool by_cookie;       // a session: writes need the CSRF header
    bool admin;
    const char *session; // id of the session or token; "" for nobody
    const char *person;  // id; NULL unless WHO_PERSON
    const char *name;    // of the person, or what the share's visitor wants to be called
    const char *email;   // NULL unless WHO_PERSON
    const char *csrf;    // what the CSRF header must say; "" without a cookie
    const char *share;   // id; NULL unless WHO_SHARE
    const char *project; // of the share
    unsigned share_may;  // permissions that the share gives, on its assets only
    int64_t expires_ms;  // of the session or token; 0: never
    const char *device;  // what asks, in a few words ("Firefox 128 on Windows"); NULL: not known
    bool factor;         // the session began with a second factor, or the token was made in one
    bool factor_owed;    // the house demands one, and this person has none yet: only setting it up
};

enum factor_for { FACTOR_OPTIONAL, FACTOR_ADMINS, FACTOR_EVERYBODY }; // who must have one

struct people_wish {
    struct db *db;
    const struct seal *seal; // of second factors; NULL: whoever has one can not log in
    enum factor_for factor_for;
    int session_days; // without a request; 0: 30
    bool quick_hash;  // tests only: Argon2id with the least work
};
// "optional", "admins", "everybody"; INPUT for another word.
MUST_CHECK bool factor_for_named(const char *name, enum factor_for *who, struct error *err);
MUST_CHECK struct people *people_open(const struct people_wish *wish, struct error *err);
void people_close(struct people *p); // NULL is fine

// Who holds this secret, as sent in the session cookie or behind "Bearer". An unknown, ended or
// disabled one gives WHO_NOBODY and true. Texts live in `a`. Moves the session's end on.
MUST_CHECK bool people_who(struct people *p, const char *secret, bool cookie, struct arena *a,
                           struct who *who, struct error *err);
// Permissions of `who` in a project; a share's are those it gives (on its assets: share_assets has
// the last word). A worker's token has none, a read token only view and download.
MUST_CHECK bool people_may(struct db_tx *tx, const struct who *who, const char *project,
                           unsigned *may, struct error *err);
// The same by role's name; NULL when the person is not a member.
MUST_CHECK bool people_role(struct db_tx *tx, const char *person, const char *project,
                            struct arena *a, const char **role, struct error *err);
// Whether the project wants the viewer's name in every picture that `who` is shown, and what stands
// there before the date: "Name <e-mail>", or "link: its title". In `a`.
MUST_CHECK bool people_burn(struct db_tx *tx, const struct who *who, const char *project,
                            bool *burns, struct error *err);
MUST_CHECK bool people_burn_words(struct db_tx *tx, const struct who *who, struct arena *a,
                                  const char **words, struct error *err);
// Grows whenever somebody may have lost or gained a right. Any thread.
int64_t people_changes(const struct people *p);
void people_changed(struct people *p); // for rooms that take rights away themselves (shares)

// ---- Logging in

// Where somebody comes in from.
struct entry {
    const char *address, *device; // may be NULL
    const char *code;             // of the second factor; NULL: none was given
};

struct session_made {
    char secret[44]; // for the cookie
    char session[27];
    char person[27];
    int64_t max_age_s;
};

MUST_CHECK bool people_setup_needed(struct people *p, bool *needed, struct error *err);
// A fresh one-time token for the first administrator (any earlier one ends); its link is
// <house>/setup#TOKEN. CONFLICT when there is a person already.
MUST_CHECK bool people_setup_link(struct people *p, char token[44], struct error *err);
MUST_CHECK bool people_setup(struct people *p, const char *token, const char *name,
                             const char *email, const char *password, const struct entry *from,
                             struct session_made *made, struct error *err);
// LOGIN with the same words and the same work whether the e-mail or the password is wrong. TOO_MANY
// for an address that tried too often; an account is never locked for other addresses. FACTOR when
// the password is right and a code is missing or wrong.
MUST_CHECK bool people_login(struct people *p, const char *email, const char *password,
                             const struct entry *from, struct session_made *made,
                             struct error *err);
// The one-time link of an invitation or a forgotten password. It takes the place of the password
// only: with a second factor FACTOR as above, and the link still works.
MUST_CHECK bool people_welcome(struct people *p, const char *token, const char *password,
                               const struct entry *from, struct session_made *made,
                               struct error *err);
// A visitor of a share; whoever calls has checked key and password. Ends when the share does.
MUST_CHECK bool people_visit(struct people *p, const char *share, const char *visitor_name,
                             int64_t expires_ms, const struct entry *from,
                             struct session_made *made, struct error *err);
MUST_CHECK bool people_logout(struct people *p, const struct who *who, struct error *err);

// ---- Second factors (RFC 6238) and sessions

enum { FACTOR_SECRET_ROOM = 33, RECOVERY_CODE_ROOM = 20, RECOVERY_CODE_COUNT = 10 };
// A fresh secret, base32, for the authenticator; it counts only when a code of it was confirmed.
// CONFLICT when the person has a factor.
MUST_CHECK bool factor_begin(struct people *p, const struct who *who,
                             char secret[FACTOR_SECRET_ROOM], struct error *err);
// From now on log-ins need it: other sessions of the person end. Gives RECOVERY_CODE_COUNT recovery
// codes, shown once; with a factor that is on already it makes new ones. FACTOR for a wrong code.
MUST_CHECK bool factor_confirm(struct people *p, const struct who *who, const char *code,
                               const char *address, char recovery[][RECOVERY_CODE_ROOM],
                               struct error *err);
MUST_CHECK bool factor_end(struct people *p, const struct who *who, const char *code,
                           const char *address, struct error *err);
// An administrator's way out for somebody who has lost phone and codes. CONFLICT when there is none.
MUST_CHECK bool factor_reset(struct people *p, const char *person, const struct who *by,
                             const char *address, struct error *err);
struct factor_state {
    int64_t since_ms; // 0: there is none
    int codes_left;
};
MUST_CHECK bool factor_get(struct people *p, const char *person, struct factor_state *state,
                           struct error *err);
// The six digits of a time step (unix time / 30 s).
void totp_code(const void *secret, size_t size, int64_t step, char code[7]);

struct session {
    const char *id;
    int64_t created_ms, seen_ms, expires_ms;
    const char *address, *device;
    bool factor;
};
// Seen last comes first.
MUST_CHECK bool session_list(struct people *p, const char *person, struct arena *a,
                             struct session **list, size_t *count, struct error *err);
// One (NOT_FOUND), or with NULL all but `keep` (NULL: none is kept).
MUST_CHECK bool session_end(struct people *p, const char *person, const char *id, const char *keep,
                            const struct who *by, const char *address, struct error *err);

// Argon2id, at most two at once; the rest wait a moment, then TOO_MANY. For shares' passwords too.
// The text holds salt and work factors. `right` is false for a wrong password, and for stored NULL
// after the same work.
MUST_CHECK bool people_password_hash(struct people *p, const char *password, char stored[128],
                                     struct error *err);
MUST_CHECK bool people_password_check(struct people *p, const char *stored, const char *password,
                                      bool *right, struct error *err);
// The password of a link, tried from an address. TOO_MANY when this address was wrong too often at
// this link. A crowd of guessers stops nobody else: whoever was wrong lately waits behind all who
// were not, on one of the two places, few at a time.
MUST_CHECK bool people_link_password(struct people *p, const char *share, const char *stored,
                                     const char *password, const char *address, bool *right,
                                     struct error *err);
int people_hashes_peak(struct people *p); // most that were worked out at once so far
// INPUT when it is too short, too long, the person's own name or e-mail, or among the worst known.
MUST_CHECK bool password_acceptable(const char *password, const char *name, const char *email,
                                    struct error *err);
// 0, or the seconds that this address has to wait before it may try another key or password.
int people_guess(struct people *p, const char *address);
void people_guess_right(struct people *p, const char *address); // gives the try back

// ---- People

struct person {
    const char *id, *name, *email;
    bool admin, disabled;
    int64_t created_ms;
};
MUST_CHECK bool people_list(struct people *p, struct arena *a, struct person **list, size_t *count,
                            struct error *err);
// NOT_FOUND when there is none.
MUST_CHECK bool people_get(struct people *p, const char *id, struct arena *a, struct person *person,
                           struct error *err);
// An id for an e-mail in any case; *id NULL when there is none.
MUST_CHECK bool people_by_email(struct people *p, const char *email, struct arena *a,
                                const char **id, struct error *err);
// Makes a person without a password and the token of the link that sets it. `by` may be NULL.
MUST_CHECK bool people_add(struct people *p, const char *name, const char *email, bool admin,
                           const struct who *by, const char *address, char id[27], char token[44],
                           struct error *err);
// The person that this machine's own programs are, made when missing: an administrator called "This
// house" without a password, for whom there are tokens and no link; it can not be disabled.
MUST_CHECK bool people_house(struct people *p, char id[27], struct error *err);
// A new link for somebody who has forgotten the password; earlier links end.
MUST_CHECK bool people_link(struct people *p, const char *id, const struct who *by,
                            const char *address, char token[44], struct error *err);
struct person_change {
    const char *name; // NULL: stays
    int admin;        // -1: stays
    int disabled;     // -1: stays; 1 ends sessions and tokens at once
};
// CONFLICT when nobody would be left to administer.
MUST_CHECK bool people_change(struct people *p, const char *id, const struct person_change *change,
                              const struct who *by, const char *address, struct error *err);

// ---- Sessions and tokens

struct token {
    const char *id, *name, *scope;
    int64_t created_ms, expires_ms, last_used_ms; // 0: none
};
bool scope_named(const char *name, enum who_scope *scope);
// `id` may be NULL. days 0: never ends.
MUST_CHECK bool token_make(struct people *p, const char *person, const char *name,
                           const char *scope, int64_t days, bool factor, const char *address,
                           char id[27], char secret[44], struct error *err);
MUST_CHECK bool token_list(struct people *p, const char *person, struct arena *a,
                           struct token **list, size_t *count, struct error *err);
MUST_CHECK bool token_get(struct people *p, const char *person, const char *id, struct arena *a,
                          struct token *token, struct error *err);
// NOT_FOUND unless it is this person's.
MUST_CHECK bool token_end(struct people *p, const char *person, const char *id, const char *address,
                          struct error *err);

// ---- Members of a project

struct member {
    struct person person;
    const char *role;
};
MUST_CHECK bool members_list(struct people *p, const char *project, struct arena *a,
                             struct member **list, size_t *count, struct error *err);
// In the transaction that makes a project: its maker becomes owner.
MUST_CHECK bool members_first(struct db_tx *tx, const char *project, const char *person,
                              struct error *err);
// Adds or changes. CONFLICT when the project would be left without an owner.
MUST_CHECK bool members_set(struct people *p, const char *project, const char *person,
                            const char *role, bool must_exist, const struct who *by,
                            const char *address, struct error *err);
MUST_CHECK bool members_drop(struct people *p, const char *project, const char *person,
                             const struct who *by, const char *address, struct error *err);

// ---- The audit log

// One row in the running transaction. `who`, subject, detail may be NULL. No secrets.
MUST_CHECK bool audit_add(struct db_tx *tx, const struct who *who, const char *address,
                          const char *action, const char *subject, const char *detail,
                          struct error *err);
struct audit_row {
    int64_t number, at_ms;
    const char *person; // name; NULL when nobody was logged in
    const char *address, *device, *action, *subject, *detail;
};
// Newest first, those before number `before` (0: from the newest).
MUST_CHECK bool audit_list(struct people *p, int64_t before, int limit, struct arena *a,
                           struct audit_row **rows, size_t *count, struct error *err);
// Forgets ended sessions, used links and old stored answers. Call it about once an hour.
MUST_CHECK bool people_tidy(struct people *p, struct error *err);

// ---- Public keys (SSH)

enum { PERSON_KEY_BODY = 4096, PERSON_KEYS_MOST = 64 };
struct people_key {
    char id[27], kind[32], body[PERSON_KEY_BODY], name[128]; // body: base64
    int64_t created_ms, used_ms;                             // used 0: never
};
// A line of a .pub file: kind, body and name. INPUT when it is none.
MUST_CHECK bool people_key_read(text line, struct people_key *key, struct error *err);
// Fills key->id. CONFLICT when somebody has it.
MUST_CHECK bool people_key_add(struct people *p, const char *person, struct people_key *key,
                               const char *address, struct error *err);
MUST_CHECK bool people_key_list(struct people *p, const char *person, struct arena *a,
                                struct people_key **list, size_t *count, struct error *err);
MUST_CHECK bool people_key_drop(struct people *p, const char *person, const char *key,
                                const char *address, struct error *err);
// Whose key it is, when it is of the person with that e-mail; else *person NULL. `entering`: its
// holder has shown the secret half and comes in, which the audit log remembers.
MUST_CHECK bool people_key_person(struct people *p, const char *email, const char *body,
                                  const char *address, bool entering, struct arena *a,
                                  const char **person, struct error *err);
