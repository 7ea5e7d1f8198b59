/*
 * cmd/command: subcommands as a table. Each is a file that exports one `struct command`; the help
 * texts and the man pages are made from the same rows.
 *
 * Exit status: 0 done, 1 the answer is no (failed checks, not verified), 2 used wrongly, 3 could
 * not be done.
 */
#pragma once
#include "base/arena.h"
#include "base/config.h"

// A list may be given again and again: option_text has all of them, a line each. OPTION_MAYBE is a
// flag that takes a value only behind '='; without one it is "".
enum option_type { OPTION_FLAG, OPTION_TEXT, OPTION_INT, OPTION_LIST, OPTION_MAYBE };

struct option_row {
    const char *name; // long, without the dashes; NULL ends the table
    enum option_type type;
    const char *value; // what stands for the value in help ("DIR"); NULL for flags
    const char *help;
};

struct command_call {
    const struct command *command;
    struct config *config;    // the house's settings, from file, environment and --name=value
    const char *const *words; // what is not an option
    size_t word_count;
    const struct option_row *options; // the command's
    const char **values;              // one an option; NULL: not given; "" for a flag that was
    struct arena *arena;
};

struct command {
    const char *name;
    const char *words;   // "FILE...", for the usage line
    const char *summary; // one line
    const char *about;   // paragraphs for `--help` and the man page
    const struct option_row *options;
    size_t least_words, most_words; // most 0: any number
    int (*run)(struct command_call *call);
};

// What was given for an option; NULL when it was not. The name must be in the table.
const char *option_text(const struct command_call *call, const char *name);
bool option_flag(const struct command_call *call, const char *name);
// `none` when not given. Prints what is wrong and returns false when it is not a whole number.
bool option_int(const struct command_call *call, const char *name, int64_t none, int64_t *value);

// Prints what, why and fix on standard error; returns the exit status of its kind.
int command_failed(const struct error *err);

// As `options` of a command that takes its arguments apart itself: all of them are words.
extern const struct option_row own_arguments[];

extern const struct command *const commands[];
extern const size_t command_count;
