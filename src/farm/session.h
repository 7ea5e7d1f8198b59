/*
 * farm/session: Open Job Description on a host: a working folder, environments that are entered and
 * left, and tasks that run between them ("How Jobs Are Run", 2023-09).
 *
 * A session belongs to one job and one thread. Its calls come in the order of the specification:
 * enter environments, run tasks, leave environments last first; after a call that failed only
 * session_leave may follow. All that its programs started dies with it.
 *
 * Whatever there is to tell comes as lines, through `said`, as it happens: what programs print, and
 * what the session does. Secrets (openjd_redacted_env) are already hidden in them.
 */
#pragma once
#include "farm/process.h"
#include "farm/renderers.h"
#include "formats/openjd/openjd.h"

struct session;

enum session_voice {
    SESSION_OUTPUT, // a line of a program
    SESSION_NOTE,   // what the session does
    SESSION_DETAIL, // more than most want to know
};

struct session_news {   // of the action that runs
    double progress;    // 0 .. 100; less than 0: not told yet
    const char *status; // "" before it is told
};

struct session_wish {
    const struct openjd_job *job;
    const struct openjd_path_rules *rules; // NULL: none
    const char *scratch;                   // the working folder is made below it
    int64_t scratch_bytes;                 // that must be free there; 0: does not matter
    bool keep_folder;                      // when the session ends
    const char *const *environment;        // of every program, "NAME=value"; ends in NULL
    const char *gpus; // "0,2": CUDA_VISIBLE_DEVICES, HIP_...; NULL: left as it is

    // Whose lines tell how a task goes: the one named, else the one whose command a task runs.
    const struct renderers *renderers; // NULL: nobody looks
    const char *renderer;              // NULL: by the command

    // As of process_wish; 0: no limit.
    int64_t memory_bytes, file_bytes;
    int processes, nice;
    int silence_s; // 0: as its renderer says; less: never frozen
    const cpu_set_t *cores;

    // From the thread that calls; any may be NULL. `ask`: whether the action is to be cancelled.
    void (*said)(void *context, enum session_voice voice, text line);
    void (*news)(void *context, const struct session_news *news);
    enum process_ask (*ask)(void *context);
    void *context;
};

// The wish and what it points to must outlive the session.
MUST_CHECK struct session *session_open(const struct session_wish *wish, struct error *err);
// Ends all programs and removes the folder. NULL is fine.
void session_close(struct session *s);
const char *session_folder(const struct session *s);

// Each runs at most one action to its end. False: it failed (*err says how: CANCELLED, TIMEOUT,
// CHILD, ...). `step`: of a step's environment; NULL for others. An environment whose entering
// failed counts as entered: it is left like the others.
MUST_CHECK bool session_enter(struct session *s, const struct openjd_environment *environment,
                              const struct openjd_step *step, struct error *err);
MUST_CHECK bool session_task(struct session *s, const struct openjd_step *step,
                             const struct openjd_task *task, struct error *err);
// The one that was entered last. There must be one.
MUST_CHECK bool session_leave(struct session *s, struct error *err);
size_t session_depth(const struct session *s); // environments entered
const struct openjd_environment *session_environment(const struct session *s, size_t index);

// Of the action that ran last.
struct session_action {
    bool ran; // there was one, and it was started
    struct process_end end;
    double progress;           // less than 0: none was told
    const char *status, *fail; // what it said; "" when it did not. Until the next action
    bool judged;               // by its renderer's lines; then the verdict of a task that failed:
    struct render_verdict verdict;
};
const struct session_action *session_last(const struct session *s);
