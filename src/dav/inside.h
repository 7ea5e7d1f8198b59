// Shared inside dav/ only.
#pragma once
#include "dav/dav.h"

#include <pthread.h>

// ---- locks, in memory (locks.c)

#define LOCK_SECONDS_MOST 3600
struct lock {
    char token[64]; // "urn:uuid:..."
    char person[27];
    char *path;  // folded, for comparing
    char *owner; // XML
    char *root;  // as the house spells the path
    bool shared, deep;
    int64_t until_ms;
};
struct locks;
struct locks *locks_open(void);
void locks_close(struct locks *l);

struct lock_wish {
    const char *path, *root, *owner, *person; // path folded
    bool shared, deep;
    int seconds;
};
// CONFLICT when another lock is in the way.
MUST_CHECK bool locks_take(struct locks *l, const struct lock_wish *w, char token[64],
                           struct error *err);
// Prolongs; false when there is no such lock on the path.
bool locks_refresh(struct locks *l, const char *path, const char *token, int seconds);
// False when there is no such lock on the path or somebody else has it.
bool locks_give_back(struct locks *l, const char *path, const char *token, const char *person);
void locks_forget(struct locks *l, const char *path); // of the path and all below
// Copies of those that hold for a path (its own and deep ones above); in `a`.
size_t locks_of(struct locks *l, const char *path, struct arena *a, struct lock **list);
bool locks_hold(struct locks *l, const char *path, const char *token);

// Whether a change of `path` (and what is below, and of what its folder has) may go on with these
// tokens of this person. False: one of the locks in the way lies at *root (in `a`).
struct lock_question {
    const char *path; // folded
    bool below;       // what lies in it changes too
    bool member;      // it comes into or goes from its folder
    const char *const *tokens;
    size_t token_count;
    const char *person;
};
bool locks_allow(struct locks *l, const struct lock_question *q, struct arena *a,
                 const char **root);

// ---- who asks (login.c)

struct logins;
struct logins *logins_open(struct people *people);
void logins_close(struct logins *l);
// The person of the Authorization header. LOGIN when there is none or it does not fit.
MUST_CHECK bool logins_who(struct logins *l, struct request *r, struct arena *a, struct who *who,
                           struct error *err);
