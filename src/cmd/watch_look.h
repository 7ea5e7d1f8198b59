/*
 * cmd/watch_look: what of a watched folder may go now, and why the rest waits.
 *
 * What is taken as a whole is a unit: a camera card (formats/cards), or a folder with a list of
 * hashes (ASC MHL). Everything else goes file by file, save numbered pictures: they wait for all of
 * their folder, since together they are one sequence.
 */
#pragma once
#include "arrive/arrive.h"
#include "cmd/command.h"

#include <jansson.h>

enum watch_lists { LISTS_VERIFY, LISTS_MAKE, LISTS_OFF };

struct watch_unit {
    const char *path;    // of its folder, or of the file
    size_t first, count; // of arrive_files
    bool whole;          // all of it has been taken
};
struct watch_look {
    // asked
    struct command_call *call; // its arena lives as long as the answers
    const char *root, *done;   // done: the folder of what was moved away, left out; NULL: none
    bool stays;                // what was taken is left where it is
    struct arrive *arrive;
    enum watch_lists lists;
    const char *const *as_it_is; // units that a person orders in though they are not complete
    size_t as_it_is_count;
    json_t *proven; // unit: what was found of it last, kept from look to look
    // answered
    bool *go;      // one a file of arrive_files
    size_t going;  // of these
    size_t coming; // files that time alone keeps
    struct watch_unit *units;
    size_t unit_count;
    json_t *waits; // [{"path", "why", "fix", "soon"}], the first 200
    size_t waiting;
};
enum { WATCH_WAITS_MOST = 200 };

// Walks the folder and judges. False when it can not be read: nothing is forgotten then.
MUST_CHECK bool watch_look(struct watch_look *w, int64_t now_ms, struct error *err);
// `soon`: time alone brings it.
void watch_look_wait(struct watch_look *w, const char *path, const char *why, const char *fix,
                     bool soon);
