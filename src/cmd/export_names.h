/*
 * cmd/export_names: the path that each exported file has, and the list that says so.
 *
 * A file has the path that it wants unless another has it: then a number stands before its ending,
 * "A.mov", "A (2).mov". Who comes first keeps the plain name; files come in the order in which the
 * house got them, so that every run decides the same. What was decided is kept in the folder's own
 * list, one JSON object a line: a file finds its path there again whatever came or went in between,
 * its newer version takes its place, and what the list does not name is a stranger's, over which
 * nothing is written.
 */
#pragma once
#include "base/arena.h"
#include "plat/hash.h"

#include <jansson.h>

#define EXPORT_LIST "posthouse-export.jsonl"

struct export_names;
struct export_file {
    const char *wanted;        // below the folder, '/' between, each part by export_part
    const char *asset;         // its id
    const char *version;       // its id when it is an older one; "" of the newest
    int64_t size, modified_ms; // modified_ms 0: not known
    const sha256 *content;     // may be NULL where only a path is asked for
};

// A name as one part of a path: no '/', no control characters, not "." or "..", at most 255 bytes.
const char *export_part(struct arena *a, const char *name);
// "A.mov" as "A (2).mov", at most 255 bytes; 1 is the name itself.
const char *export_numbered(struct arena *a, const char *name, int number);

// The folder `to` is made, its list is read. NULL on error.
struct export_names *export_names_open(const char *to, struct error *err);
// A folder in another ("" for the top). `owner` NULL: one that all of that name share; else only
// who says the same owner again gets it again.
const char *export_names_folder(struct export_names *n, struct arena *a, const char *parent,
                                const char *name, const char *owner);
// Whether a path is kept for it, by this run or an earlier one, and it has not taken it so far.
bool export_names_kept(struct export_names *n, struct arena *a, const struct export_file *f);
// Keeps paths for files that belong together: all have the same number, the smallest up to `most`
// that is free for each. False: there is none, nothing is kept.
bool export_names_keep(struct export_names *n, struct arena *a, const struct export_file *list,
                       size_t count, int most);
// The path of a file: one that was kept for it, or one of its own. *number: 1, or that in the name.
// *there: a whole one is there already.
const char *export_names_take(struct export_names *n, struct arena *a, const struct export_file *f,
                              int *number, bool *there);
// Says in the list what lies at the path that a file took, before it does. Takes over `line`.
MUST_CHECK bool export_names_say(struct export_names *n, const struct export_file *f,
                                 const char *path, json_t *line, struct error *err);
// Leaves out of the list what is not there any more, when all went `well`. NULL is fine.
MUST_CHECK bool export_names_close(struct export_names *n, bool well, struct error *err);
