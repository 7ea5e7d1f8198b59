/*
 * cmd/put: the command put, for commands that bring something into a house among other things.
 */
#pragma once
#include "cmd/command.h"

#include <jansson.h>

extern const struct command command_put;
// As the command does; returns its exit status and says what failed. With `told` the result (as of
// --json, NULL when it did not come so far) goes there, a new reference.
int put_run(struct command_call *call, json_t **told);
// A call of it on one path. Values, in the order of its options, are set by put_option.
struct command_call put_call(struct command_call *from, const char *path);
void put_option(struct command_call *put, const char *name, const char *value);
