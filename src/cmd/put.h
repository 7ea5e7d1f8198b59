/*
 * cmd/put: the command put, for commands that bring something into a house among other things.
 */
#pragma once
#include "cmd/command.h"
#include "plat/files.h"

#include <jansson.h>

extern const struct command command_put;
// As the command does; returns its exit status and says what failed. With `told` the result (as of
// --json, NULL when it did not come so far) goes there, a new reference.
int put_run(struct command_call *call, json_t **told);
// What a watcher wants of a put: some of what lies in a folder, once.
struct put_choice {
    // Asked of each file that the journal does not know (`relative` is below the path).
    bool (*takes)(void *context, const struct file_seen *f);
    // Told of each that it knows: the house has it as it lies there.
    void (*has)(void *context, const struct file_seen *f);
    // Whether one that it does not know came into the house another way: it is noted then. May be
    // NULL.
    bool (*came)(void *context, const struct file_seen *f);
    void *context;
    // Answers.
    int64_t chosen;      // files that were to be sent
    struct error failed; // kind ERROR_NONE: the put came to its end
};
// As put_run, of the one folder of the call: what lies in it goes in, not the folder itself. The
// journal stays, so that what came into the house once never comes again, whoever is killed when;
// a transfer is closed though some of its files could not be sent, since they go with a later one.
// It prints nothing.
int put_chosen(struct command_call *call, struct put_choice *choice, json_t **told);
const char *put_project(const struct command_call *call); // as it was named; NULL: it was not
// A call of it on one path. Values, in the order of its options, are set by put_option.
struct command_call put_call(struct command_call *from, const char *path);
void put_option(struct command_call *put, const char *name, const char *value);
