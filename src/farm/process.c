/*
 * One loop: it waits for output, for the end, and for the next look at the tree. Looking costs a
 * pass over /proc, so that the time between two looks grows with what one took.
 *
 * Frozen: at each look the computing since the last sign of life is compared with the time since
 * then. A program that polls a licence server uses a little; under one hundredth of a core counts
 * as nothing.
 */
#include "farm/process.h"
#include "farm/lines.h"
#include "plat/clock.h"
#include "plat/disk.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TICK_MS = 100,
    LOOK_MS = 500,      // between looks at the tree, at least
    LINGER_MS = 1000,   // for output that what it left behind holds open
    KILLED_WAIT_S = 20, // until a killed program must be gone
    READ_BYTES = 65536
};

struct watched {
    struct keeper *k;
    const struct process_wish *wish;
    struct process_end *end;
    struct lines lines;
    int output;
    pid_t pid;
    int64_t began_us, looked_us, look_cost_us;
    int64_t alive_us, alive_cpu_ms; // the last sign of life
    int64_t first_cpu_ms;           // what the keeper's tree had used before
    int64_t notice_us, killed_us;   // when it was asked to end, when it was killed; 0: not yet
    int64_t ended_us;
    int64_t paused_us, stopped_us; // since when it is paused, when it was stopped last; 0: it runs
};

static void heard(void *context, text line, bool continues)
{
    struct watched *w = context;
    if (w->wish->line)
        w->wish->line(w->wish->context, line, continues);
}

static void kill_it(struct watched *w)
{
    if (w->killed_us)
        return;
    w->killed_us = clock_tick_us();
    keeper_signal(w->k, w->pid, SIGKILL, KEEPER_WORK);
}

// The first reason stands.
static void stop_it(struct watched *w, enum process_why why, bool now)
{
    if (w->end->why == PROCESS_ENDED)
        w->end->why = why;
    if (now || w->wish->notice_ms <= 0) {
        kill_it(w);
    } else if (!w->notice_us) {
        w->notice_us = clock_tick_us();
        if (w->wish->noticed)
            w->wish->noticed(w->wish->context, w->wish->notice_ms);
        keeper_signal(w->k, w->pid, SIGTERM, KEEPER_PROCESS);
    }
}

static void check_memory(struct watched *w, struct keeper_facts *facts)
{
    int64_t most = w->wish->memory_bytes;
    if (most && facts->memory_bytes > most) // shared pages were counted more than once
        keeper_look(w->k, true, facts);
    if (facts->memory_bytes > w->end->memory_peak_bytes)
        w->end->memory_peak_bytes = facts->memory_bytes;
    if (most && facts->memory_bytes > most)
        stop_it(w, PROCESS_OVER_MEMORY, true);
}

static void look(struct watched *w, int64_t now)
{
    struct keeper_facts facts;
    keeper_look(w->k, false, &facts);
    w->looked_us = clock_tick_us();
    w->look_cost_us = w->looked_us - now;
    w->end->cpu_ms = facts.cpu_ms - w->first_cpu_ms;
    check_memory(w, &facts);
    if (w->wish->processes && facts.processes > w->wish->processes)
        stop_it(w, PROCESS_OVER_COUNT, true);
    int64_t quiet_ms = (now - w->alive_us) / 1000, used_ms = facts.cpu_ms - w->alive_cpu_ms;
    if (used_ms * 100 > quiet_ms || used_ms < 0) {
        w->alive_us = now;
        w->alive_cpu_ms = facts.cpu_ms;
    } else if (w->wish->silence_s && quiet_ms > (int64_t)w->wish->silence_s * 1000) {
        stop_it(w, PROCESS_FROZEN, true);
    }
}

// What forks while it is being stopped is stopped the next time.
static void pause_it(struct watched *w, int64_t now)
{
    if (!w->paused_us)
        w->paused_us = now;
    if (w->stopped_us && now - w->stopped_us < LOOK_MS * 1000)
        return;
    keeper_signal(w->k, w->pid, SIGSTOP, KEEPER_ALL);
    w->stopped_us = now;
}

static void resume_it(struct watched *w, int64_t now)
{
    if (!w->paused_us)
        return;
    keeper_signal(w->k, w->pid, SIGCONT, KEEPER_ALL);
    w->began_us += now - w->paused_us;
    w->alive_us = w->looked_us = now;
    w->paused_us = w->stopped_us = 0;
}

static void watch(struct watched *w)
{
    int64_t now = clock_tick_us();
    enum process_ask ask = w->wish->ask ? w->wish->ask(w->wish->context) : PROCESS_GO_ON;
    if (ask == PROCESS_PAUSE && !w->notice_us && !w->killed_us) {
        pause_it(w, now);
        return;
    }
    resume_it(w, now);
    if (ask == PROCESS_CANCEL || ask == PROCESS_CANCEL_NOW)
        stop_it(w, PROCESS_CANCELLED, ask == PROCESS_CANCEL_NOW);
    if (w->wish->timeout_ms && now - w->began_us > w->wish->timeout_ms * 1000)
        stop_it(w, PROCESS_TIMED_OUT, false);
    if (w->notice_us && now - w->notice_us > w->wish->notice_ms * 1000)
        kill_it(w);
    int64_t wait_us = w->look_cost_us * 50;
    if (now - w->looked_us > (wait_us > LOOK_MS * 1000 ? wait_us : LOOK_MS * 1000))
        look(w, now);
}

static void read_output(struct watched *w)
{
    char some[READ_BYTES];
    ssize_t got = read(w->output, some, sizeof(some));
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        close(w->output);
        w->output = -1;
        return;
    }
    w->alive_us = clock_tick_us();
    lines_add(&w->lines, some, (size_t)got);
}

// Until it has ended and its output too, or what is left is not worth waiting for.
static void attend(struct watched *w)
{
    for (;;) {
        struct pollfd p[2] = {{.fd = w->output, .events = POLLIN},
                              {.fd = keeper_descriptor(w->k), .events = POLLIN}};
        poll(p, w->ended_us ? 1 : 2, TICK_MS);
        if (w->output >= 0 && p[0].revents)
            read_output(w);
        if (!w->ended_us && keeper_ended(w->k, w->pid, &w->end->status)) {
            w->ended_us = clock_tick_us();
            resume_it(w, w->ended_us); // it was killed: what it left behind goes on
        }
        int64_t now = clock_tick_us();
        if (w->ended_us) {
            if (w->output < 0 || (!p[0].revents && now - w->ended_us > LINGER_MS * 1000) ||
                now - w->ended_us > 30 * LINGER_MS * 1000)
                return;
            // what it left behind must not keep us from being cancelled
            if (w->wish->ask && w->wish->ask(w->wish->context) == PROCESS_CANCEL_NOW)
                return;
        } else {
            watch(w);
        }
        if (w->killed_us && now - w->killed_us > (int64_t)KILLED_WAIT_S * 1000000)
            return; // it hangs in the kernel
    }
}

bool process_run(struct keeper *k, const struct process_wish *wish, struct process_end *end,
                 struct error *err)
{
    struct watched w = {.k = k, .wish = wish, .end = end, .output = -1};
    int ends[2];
    *end = (struct process_end){0};
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_errno(err, errno, "cannot run %s", wish->arguments[0]);
    struct keeper_wish start = {.arguments = wish->arguments,
                                .environment = wish->environment,
                                .folder = wish->folder,
                                .input = -1,
                                .output = ends[1],
                                .cores = wish->cores,
                                .file_bytes = wish->file_bytes,
                                .nice = wish->nice};
    struct keeper_facts facts;
    keeper_look(k, false, &facts);
    w.first_cpu_ms = w.alive_cpu_ms = facts.cpu_ms;
    bool started = keeper_start(k, &start, &w.pid, err);
    close(ends[1]);
    w.output = ends[0];
    if (!started) {
        close(w.output);
        return false;
    }
    fcntl(w.output, F_SETFL, O_NONBLOCK);
    lines_begin(&w.lines, heard, &w);
    w.began_us = w.alive_us = w.looked_us = clock_tick_us();
    end->pid = w.pid;
    end->status = SIGKILL;
    if (wish->began)
        wish->began(wish->context, w.pid);
    attend(&w);
    if (end->why != PROCESS_ENDED)
        keeper_signal(k, w.pid, SIGKILL, KEEPER_WORK); // what outlived its SIGTERM
    keeper_look(k, false, &facts);
    end->cpu_ms = facts.cpu_ms - w.first_cpu_ms;
    end->wall_ms = ((w.ended_us ? w.ended_us : clock_tick_us()) - w.began_us) / 1000;
    end->output_left_open = w.output >= 0;
    lines_end(&w.lines);
    if (w.output >= 0)
        close(w.output);
    return true;
}

bool process_good(const struct process_wish *wish, const struct process_end *end, struct error *err)
{
    const char *name = wish->arguments[0];
    switch (end->why) {
    case PROCESS_CANCELLED:
        return error_set(err, ERROR_CANCELLED, "%s was cancelled", name);
    case PROCESS_TIMED_OUT:
        error_set(err, ERROR_TIMEOUT, "%s took too long and was stopped", name);
        error_why(err, "it may take %s", time_text(wish->timeout_ms / 1000).text);
        return error_fix(err, "raise the timeout of its action, or give it less to do at a time");
    case PROCESS_FROZEN:
        error_set(err, ERROR_TIMEOUT, "%s froze and was stopped", name);
        error_why(err, "it neither said nor computed anything for %d s", wish->silence_s);
        return error_fix(err, "see what it waits for at the end of its log (a licence, a dialog)");
    case PROCESS_OVER_MEMORY:
        error_set(err, ERROR_TOO_BIG, "%s needed too much memory and was stopped", name);
        error_why(err, "it and its children held %s of the %s they may have",
                  size_text(end->memory_peak_bytes).text, size_text(wish->memory_bytes).text);
        return error_fix(err, "ask for more with amount.worker.memory, or make the scene lighter");
    case PROCESS_OVER_COUNT:
        error_set(err, ERROR_TOO_MANY, "%s started too many processes and was stopped", name);
        return error_why(err, "it may have %d at a time", wish->processes);
    case PROCESS_ENDED:
        break;
    }
    if (WIFEXITED(end->status) && WEXITSTATUS(end->status) == 0)
        return true;
    error_set(err, ERROR_CHILD, "%s failed", name);
    if (WIFEXITED(end->status))
        return error_why(err, "it ended with exit status %d", WEXITSTATUS(end->status));
    return error_why(err, "it was ended by signal %d (%s)", WTERMSIG(end->status),
                     strsignal(WTERMSIG(end->status)));
}

bool scratch_make(const char *parent, int64_t need_bytes, char *to, size_t room, struct error *err)
{
    struct disk *d = disk_system();
    int64_t free_bytes, total_bytes;
    if (!folder_make(parent, 0755, err))
        return false;
    int failed = d->space(d, parent, &free_bytes, &total_bytes);
    if (failed < 0)
        return error_errno(err, -failed, "cannot use %s for scratch", parent);
    if (free_bytes < need_bytes) {
        error_set(err, ERROR_NO_SPACE, "there is no room for scratch files in %s", parent);
        error_why(err, "its disk has %s free, this work wants %s", size_text(free_bytes).text,
                  size_text(need_bytes).text);
        return error_fix(err, "free space there, or name another folder for scratch files");
    }
    if (!path_join(to, room, parent, "XXXXXX") || !mkdtemp(to))
        return error_errno(err, errno ? errno : ENAMETOOLONG, "cannot make a folder in %s", parent);
    return true;
}
