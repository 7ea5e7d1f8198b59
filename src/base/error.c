#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct error_facts facts[ERROR_KIND_COUNT] = {
    // name, HTTP, exit, retry
    [ERROR_NONE] = {"none", 200, 0, false},
    [ERROR_USAGE] = {"usage", 400, 2, false},
    [ERROR_INPUT] = {"input", 422, 2, false},
    [ERROR_LOGIN] = {"login", 401, 3, false},
    [ERROR_DENIED] = {"denied", 403, 3, false},
    [ERROR_NOT_FOUND] = {"not_found", 404, 3, false},
    [ERROR_CONFLICT] = {"conflict", 409, 3, false},
    [ERROR_TOO_BIG] = {"too_big", 413, 3, false},
    [ERROR_TOO_MANY] = {"too_many", 429, 3, true},
    [ERROR_NO_SPACE] = {"no_space", 507, 3, true},
    [ERROR_DAMAGED] = {"damaged", 422, 3, false},
    [ERROR_UNSUPPORTED] = {"unsupported", 415, 3, false},
    [ERROR_NETWORK] = {"network", 502, 3, true},
    [ERROR_TIMEOUT] = {"timeout", 504, 3, true},
    [ERROR_CANCELLED] = {"cancelled", 409, 3, false},
    [ERROR_IO] = {"io", 500, 3, true},
    [ERROR_CHILD] = {"child", 500, 3, true},
    [ERROR_INTERNAL] = {"internal", 500, 3, false},
    [ERROR_EXPIRED] = {"expired", 410, 3, false},
    [ERROR_REVOKED] = {"revoked", 410, 3, false},
    [ERROR_PASSWORD] = {"password", 401, 3, false},
    [ERROR_STORAGE] = {"storage", 507, 3, true},
    [ERROR_FACTOR] = {"second_factor", 401, 3, false},
    [ERROR_OUTPUT] = {"bad_output", 422, 3, true},
};

static const struct {
    int number;
    enum error_kind kind;
} errno_kinds[] = {
    {ENOSPC, ERROR_NO_SPACE},      {EDQUOT, ERROR_NO_SPACE},     {ENOENT, ERROR_NOT_FOUND},
    {ENOTDIR, ERROR_NOT_FOUND},    {EACCES, ERROR_DENIED},       {EPERM, ERROR_DENIED},
    {EROFS, ERROR_DENIED},         {EEXIST, ERROR_CONFLICT},     {EISDIR, ERROR_CONFLICT},
    {ENOTEMPTY, ERROR_CONFLICT},   {EFBIG, ERROR_TOO_BIG},       {ENAMETOOLONG, ERROR_INPUT},
    {ECONNREFUSED, ERROR_NETWORK}, {ECONNRESET, ERROR_NETWORK},  {EPIPE, ERROR_NETWORK},
    {EHOSTUNREACH, ERROR_NETWORK}, {ENETUNREACH, ERROR_NETWORK}, {ETIMEDOUT, ERROR_TIMEOUT},
};

void error_clear(struct error *err)
{
    err->kind = ERROR_NONE;
    err->what[0] = err->why[0] = err->fix[0] = 0;
}

// The three texts travel through JSON, so a cut must not fall inside a UTF-8 character.
static void fill(char *at, size_t size, const char *format, va_list list)
{
    int need = vsnprintf(at, size, format, list);
    if (need < 0) {
        at[0] = 0;
    } else if ((size_t)need >= size) {
        size_t end = size - 1;
        while (end > 0 && ((unsigned char)at[end - 1] & 0xc0) == 0x80)
            end--;
        if (end > 0 && (unsigned char)at[end - 1] >= 0xc0)
            end--;
        at[end] = 0;
    }
}

#define FILL(field, format)                                                                        \
    do {                                                                                           \
        va_list list;                                                                              \
        va_start(list, format);                                                                    \
        fill(field, sizeof(field), format, list);                                                  \
        va_end(list);                                                                              \
    } while (0)

bool error_set(struct error *err, enum error_kind kind, const char *what, ...)
{
    struct error fresh = {.kind = kind};
    FILL(fresh.what, what); // the arguments may point into *err
    *err = fresh;
    return false;
}

bool error_why(struct error *err, const char *why, ...)
{
    char text[sizeof(err->why)];
    FILL(text, why);
    memcpy(err->why, text, sizeof(text));
    return false;
}

bool error_fix(struct error *err, const char *fix, ...)
{
    char text[sizeof(err->fix)];
    FILL(text, fix);
    memcpy(err->fix, text, sizeof(text));
    return false;
}

bool error_errno(struct error *err, int errno_value, const char *what, ...)
{
    struct error fresh = {.kind = ERROR_IO};
    for (size_t i = 0; i < sizeof(errno_kinds) / sizeof(errno_kinds[0]); i++)
        if (errno_kinds[i].number == errno_value)
            fresh.kind = errno_kinds[i].kind;
    FILL(fresh.what, what);
    snprintf(fresh.why, sizeof(fresh.why), "%s", strerror(errno_value));
    *err = fresh;
    return false;
}

bool error_while(struct error *err, const char *doing, ...)
{
    char before[sizeof(err->what)], whole[2 * sizeof(err->what)];
    FILL(before, doing);
    snprintf(whole, sizeof(whole), "%s: %s", before, err->what);
    snprintf(err->what, sizeof(err->what), "%.*s", (int)sizeof(err->what) - 1, whole);
    return false;
}

const struct error_facts *error_facts(enum error_kind kind)
{
    return &facts[kind < ERROR_KIND_COUNT ? kind : ERROR_INTERNAL];
}

enum error_kind error_kind_named(const char *name)
{
    for (int kind = 0; kind < ERROR_KIND_COUNT; kind++)
        if (strcmp(facts[kind].name, name) == 0)
            return (enum error_kind)kind;
    return ERROR_INTERNAL;
}
