/*
 * base/error: the one error type of the house.
 *
 * An error holds its own text and lives on the stack of whoever began the work; it is never NULL.
 * It says what could not be done (the person's thing), why (a fact) and the fix (a step). Its kind
 * decides the HTTP status, the exit status and whether a job is tried again, by one table.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text_at, first) __attribute__((format(printf, text_at, first)))

enum error_kind {
    ERROR_NONE,
    ERROR_USAGE,  // the command or request is malformed
    ERROR_INPUT,  // a value in it is not acceptable
    ERROR_LOGIN,  // nobody is logged in, or with wrong credentials
    ERROR_DENIED, // somebody is, and has no right to it
    ERROR_NOT_FOUND,
    ERROR_CONFLICT, // the thing is in a state that forbids it
    ERROR_TOO_BIG,  // over a stated limit of size or count
    ERROR_TOO_MANY, // over a rate limit; try later
    ERROR_NO_SPACE,
    ERROR_DAMAGED,     // bytes are not what they should be
    ERROR_UNSUPPORTED, // a format or feature that we do not have
    ERROR_NETWORK,     // the other side can not be reached or hung up
    ERROR_TIMEOUT,
    ERROR_CANCELLED,
    ERROR_IO,       // a disk or a system call failed
    ERROR_CHILD,    // a helper process died
    ERROR_INTERNAL, // our own mistake
    ERROR_EXPIRED,  // a link whose time is over
    ERROR_REVOKED,  // a link that was taken back
    ERROR_PASSWORD, // a link that needs a password, or another one
    ERROR_STORAGE,  // a disk that many write to is full
    ERROR_FACTOR,   // a log-in that needs a code of the second factor, or another one
    ERROR_OUTPUT,   // what a renderer made is not what was asked
    ERROR_KIND_COUNT
};

struct error {
    enum error_kind kind;
    char what[320]; // one line, no full stop
    char why[640];
    char fix[320];
};

// What a kind means to the outside.
struct error_facts {
    const char *name; // "no_space", as in JSON and the log
    int http_status;
    int exit_status; // 0 done, 1 the answer is no, 2 used wrongly, 3 could not be done
    bool retry;      // a job that failed so may succeed when tried again
};

void error_clear(struct error *err);

// Starts an error afresh. Always returns false, so that a function can end with it.
bool error_set(struct error *err, enum error_kind kind, const char *what, ...) PRINTF_LIKE(3, 4);
bool error_why(struct error *err, const char *why, ...) PRINTF_LIKE(2, 3);
bool error_fix(struct error *err, const char *fix, ...) PRINTF_LIKE(2, 3);

// Sets kind and why from errno (ENOSPC, EDQUOT -> ERROR_NO_SPACE, ENOENT -> ERROR_NOT_FOUND, ...).
bool error_errno(struct error *err, int errno_value, const char *what, ...) PRINTF_LIKE(3, 4);

// A caller that knows more: "what" becomes "<doing>: <what>" ("packaging Reel 2: cannot write
// ...").
bool error_while(struct error *err, const char *doing, ...) PRINTF_LIKE(2, 3);

const struct error_facts *error_facts(enum error_kind kind);
// The kind of a name in the table; ERROR_INTERNAL when there is none.
enum error_kind error_kind_named(const char *name);
