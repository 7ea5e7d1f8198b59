/*
 * cmd/get_growing: a recording that still comes into a house is taken out as it grows.
 *
 * What is there is fetched chunk by chunk into a hidden file, each proven by its hash, then what
 * comes, until it is closed. It has no other name before that: the version that it has become then
 * is taken out as any other, which proves what lies in the hidden file, and fetches anew what its
 * recorder wrote anew (cmd/get).
 */
#pragma once
#include "cmd/client.h"

struct get_growing {
    struct command_call *call;
    struct client *client;
    const char *out;     // the folder, which is there
    int64_t patience_us; // for a house that is away
    bool quiet;          // no progress
    // Answers.
    char version[27]; // that it became; "" when no such recording grows
    int64_t received; // bytes
};
// `named`: PROJECT/FOLDER/NAME, or the id of the file. NOT_FOUND when it was dropped meanwhile.
MUST_CHECK bool get_growing(struct get_growing *g, const char *named, struct error *err);
// One that comes in just now, as the API says it; NULL with kind NONE when there is none. The
// caller's.
json_t *growing_named(struct client *c, struct arena *a, const char *named, struct error *err);
// What its hidden file is called below `folder`, by its own name.
MUST_CHECK bool get_growing_part(const char *folder, const char *name, char *to, size_t room);
