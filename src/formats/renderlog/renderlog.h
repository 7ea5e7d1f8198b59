/*
 * formats/renderlog: what a renderer's log says, by patterns that are data (data/renderers).
 *
 *   name, title   for people; name as in `--renderer`, and as the file's name
 *   extensions    of scenes that it is the first choice for: [".blend"]; may be empty
 *   also          of scenes that it can render too, when it is asked for by name
 *   commands      names of its programs: a task that runs one of them is its own
 *   template      the job template beside it (Open Job Description)
 *   verified      "run in tests" or "not run against the product"
 *   needs         "windows": a worker that Posthouse does not build yet; absent: linux
 *   silence_s     it counts as frozen when it neither says nor computes anything for so long
 *   proof         what a run that ended well has said for every frame: "frame_done" or "file"; or,
 * once at least: "end". Absent: its exit status is believed lines         rules, tried in order:
 * the first that matches a line is its meaning match       a regular expression (PCRE2). Named
 * groups: percent; done and total; frame; file means       progress      how far the frame is
 *                 job_progress  how far the whole task is
 *                 frame         work on a frame begins
 *                 frame_done    a frame is finished
 *                 file          a file is finished
 *                 end           the renderer says that all went well
 *                 error         the task has failed, whatever the exit status will be
 *                 warning       worth showing, no more
 *     class       of an error: licence, memory, missing, device, disk, scene, crash, failed
 *     says        of an error: in plain words, what it means
 *     stop        of an error: true when waiting for the end is in vain
 *
 * A hostile line can not hold it up: only LINE_LOOKED bytes are looked at, and matching has limits.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

enum { RENDERLOG_LINE_LOOKED = 4096, RENDERLOG_RULES_MOST = 100 };

// Why a render failed; what is done about it differs.
enum render_class {
    RENDER_FAILED,  // by its exit status alone
    RENDER_LICENCE, // capacity, no fault: it is tried later
    RENDER_MEMORY,  // it is tried where there is more
    RENDER_MISSING, // a file that the scene wants
    RENDER_DEVICE,  // the host's GPU or driver
    RENDER_DISK,    // no room, or a share that is gone
    RENDER_SCENE,   // the scene itself
    RENDER_CRASH,
    RENDER_UNPROVED, // it ended well, but does not say that what it was to make is made
    RENDER_CLASS_COUNT
};
struct render_class_facts {
    const char *name; // "licence"
    const char *what; // "no licence was to be had"
    const char *fix;
    bool host, scene; // whose fault it may be: counted against the host, against the scene
};
const struct render_class_facts *render_class_facts(enum render_class c);

struct renderer;
// A mistake names the line. Nothing of `content` is kept.
MUST_CHECK bool renderer_parse(const char *file_name, text content, struct renderer **r,
                               struct error *err);
void renderer_close(struct renderer *r); // NULL is fine
const char *renderer_name(const struct renderer *r);
const char *renderer_template(const struct renderer *r); // a file's name
const char *renderer_verified(const struct renderer *r);
bool renderer_needs_windows(const struct renderer *r);
int renderer_silence_s(const struct renderer *r);
// 2: it is the first choice for a scene of this name; 1: it can render it; 0: it can not.
int renderer_fits(const struct renderer *r, const char *scene);

// Whether argv[0] is one of its commands, wherever it lies.
bool renderer_runs(const struct renderer *r, const char *command);

struct renderlog; // of one run; one thread
struct renderlog *renderlog_open(const struct renderer *r,
                                 int64_t frames); // frames >= 1 of the task
void renderlog_close(struct renderlog *l);

struct renderlog_heard {
    bool progress; // it may have moved
    bool stop;     // an error after which waiting is in vain
    bool error, warning;
    text file; // that is finished; empty: none. Points into the line
};
void renderlog_line(struct renderlog *l, text line, struct renderlog_heard *heard);
double renderlog_progress(const struct renderlog *l); // of the task, 0 .. 100; never goes back
int64_t renderlog_frames_done(const struct renderlog *l);

struct render_verdict {
    enum render_class class;
    char line[512];   // of the log, that tells; "" when none does
    const char *says; // in plain words; belongs to the renderer
};
// True when it ended well: `exit_good`, no error was said, and the proof is there.
bool renderlog_verdict(const struct renderlog *l, bool exit_good, bool signalled,
                       struct render_verdict *verdict);
