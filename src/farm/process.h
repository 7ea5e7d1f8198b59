/*
 * farm/process: one program of a task, from its start to its end for certain.
 *
 * The program runs under a keeper (plat/keeper): its whole tree is watched and, when need be,
 * killed. Its two outputs come as one stream of lines, in the order in which they were written.
 * Whoever asked hears each line at once and may cancel at any time.
 */
#pragma once
#include "plat/keeper.h"

// PAUSE: all of the keeper's programs are stopped until it says something else; that time counts
// for no limit.
enum process_ask { PROCESS_GO_ON, PROCESS_CANCEL, PROCESS_CANCEL_NOW, PROCESS_PAUSE };

struct process_wish {
    const char *const *arguments;   // ends in NULL; [0] is looked up along PATH
    const char *const *environment; // ends in NULL
    const char *folder;             // where it works

    // 0: no limit, for all of these
    int64_t timeout_ms;
    int64_t memory_bytes;   // of the whole tree; shared pages count once
    int64_t file_bytes;     // no file may grow over this
    int processes;          // in the tree at one time
    int silence_s;          // frozen: neither output nor computing for so long
    const cpu_set_t *cores; // NULL: any
    int nice;

    // How it is cancelled, by its timeout too: `notice_ms` 0 kills at once; else the program gets
    // SIGTERM, and what still lives after so long is killed.
    int64_t notice_ms;
    void (*noticed)(void *context, int64_t notice_ms); // before that SIGTERM; may be NULL

    // All called from the thread of process_run; any may be NULL. `line`: continues when the line
    // is over LINE_MOST bytes and more of it follows. `ask` is called at least five times a second.
    void (*began)(void *context, int pid);
    void (*line)(void *context, text line, bool continues);
    enum process_ask (*ask)(void *context);
    void *context;
};

enum process_why {
    PROCESS_ENDED, // by itself: `status` tells how
    PROCESS_CANCELLED,
    PROCESS_TIMED_OUT,
    PROCESS_FROZEN,
    PROCESS_OVER_MEMORY,
    PROCESS_OVER_COUNT,
};

struct process_end {
    enum process_why why;
    int pid, status;       // as of waitpid
    bool output_left_open; // what it left behind holds its output; nobody listens any more
    int64_t wall_ms, cpu_ms, memory_peak_bytes;
};

// Runs it to its end. False when it could not be started (NOT_FOUND, DENIED, ...). Whatever else
// happens is an answer, in *end. After any end but PROCESS_ENDED nothing of the program's work is
// left; after that one, what it left behind goes on until the keeper is closed.
MUST_CHECK bool process_run(struct keeper *k, const struct process_wish *wish,
                            struct process_end *end, struct error *err);

// What happened, as error: a process that ended with status 0 gives none and true.
bool process_good(const struct process_wish *wish, const struct process_end *end,
                  struct error *err);

// A folder of its own (owner only) below `parent`, for one piece of work. Refuses with NO_SPACE
// when the disk has less than `need_bytes` free. The caller removes it with folder_remove.
MUST_CHECK bool scratch_make(const char *parent, int64_t need_bytes, char *to, size_t room,
                             struct error *err);
