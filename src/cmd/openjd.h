/*
 * cmd/openjd: `posthouse openjd run|check|...` speaks as the reference command line of Open Job
 * Description does, options, output and exit status, so that a script named `openjd` which runs
 * `posthouse openjd "$@"` can stand in for it. That line's habits are not the house's: options come
 * before or after words, may be shortened while only one fits, short ones have one dash.
 *
 * Exit status: 0 done, 1 the answer is no or it could not be done, 2 used wrongly.
 */
#pragma once
#include "base/arena.h"

#include <jansson.h>

struct openjd_option {
    const char *name, *other; // "--environment", "--env"; other may be NULL. A NULL name ends
    const char *value;        // what stands for it in help; NULL: a flag
    const char *help;
    const char *const *choices; // ends in NULL; NULL: anything
};

struct openjd_given_option {
    const struct openjd_option *option;
    const char *value; // NULL for a flag
};

struct openjd_call {
    struct arena *arena;
    const struct openjd_verb *verb;
    const char *path; // the template; the first of `paths`, of which only `import` takes several
    const char *const *paths;
    size_t path_count;
    const struct openjd_given_option *given;
    size_t given_count;
};

extern const struct openjd_verb openjd_run, openjd_check, openjd_summary, openjd_import;
struct openjd_verb {
    const char *name, *summary;
    const struct openjd_option *options;
    int (*run)(struct openjd_call *call);
};

// The last value of an option, or NULL; "" for a flag that was given. `name` as in the table.
const char *openjd_given_text(const struct openjd_call *call, const char *name);

// A result, of scalars and lists of objects and scalars, as --output asks: `human` as it is, or the object
// as JSON or YAML (members that are empty, 0 or null are left out).
void openjd_print(const struct openjd_call *call, const char *human, json_t *result);
#define OPENJD_OUTPUT                                                                              \
    {                                                                                              \
        "--output", NULL, "{human-readable,json,yaml}", "how to format what is printed",           \
            openjd_outputs                                                                         \
    }
extern const char *const openjd_outputs[];

int openjd_wrong_use(const struct openjd_verb *verb, const char *format, ...) PRINTF_LIKE(2, 3);
