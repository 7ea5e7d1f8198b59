/*
 * cmd/watch_recordings: the recordings of a watched folder that go while they are written, each on
 * a thread of its own (cmd/put_growing).
 */
#pragma once
#include "arrive/arrive.h"
#include "cmd/put_growing.h"

struct recordings;
struct recordings_wish {
    struct command_call *call;
    const char *root, *project, *folder;
    struct way_wish way;
    int64_t patience_ms, quiet_ms; // quiet: without a change and a writer it has ended
    void (*say)(void *context, const char *event, const char *path, const char *words);
    void *context; // calls come from several threads
};
struct recordings *recordings_open(const struct recordings_wish *wish);
void recordings_close(struct recordings *r); // they stop, and go on with the next watcher

// Whether a file that is not taken yet is one of them: begun now when it is being written to, or
// when an earlier watcher has begun it. *why: what is said of it, in `a`.
bool recordings_has(struct recordings *r, const struct arrive_file *f, struct arena *a,
                    const char **why);
// Whether the house has it, as it lies there now. Its journal is dropped by recordings_forget.
bool recordings_came(struct recordings *r, const struct file_seen *f);
bool recordings_any_came(struct recordings *r);
void recordings_forget(struct recordings *r, const char *path);
