/*
 * Workers as processes of this machine. The list is /proc: a process is one of ours when its
 * program's words are `posthouse work ... --name=local-<house>-<number>`.
 */
#include "farm/launch/launcher.h"
#include "plat/child.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

struct local {
    struct launcher door;
    struct launch_house house;
    char prefix[64];
    int started;     // grows, so that two of one millisecond differ
    pid_t *children; // of ours that were not waited for yet
    size_t child_count;
};

enum { COMMAND_MOST = 64 << 10, LIST_MOST = 4096 };

static void wait_for_ended(struct local *l)
{
    int status;
    for (size_t i = 0; i < l->child_count;)
        if (child_wait(l->children[i], 0, &status))
            l->children[i] = l->children[--l->child_count];
        else
            i++;
}

// The worker's name among a process's words, when it is one of this house's.
static const char *name_among(const struct local *l, text words, struct arena *a)
{
    bool work = false;
    const char *found = NULL;
    for (size_t i = 0; words.size; i++) {
        text word = text_cut(&words, 0);
        work |= i == 1 && text_is(word, "work");
        if (text_starts(word, "--name=")) {
            text name = {word.at + 7, word.size - 7};
            if (text_starts(name, l->prefix))
                found = arena_copy(a, name.at, name.size);
        }
    }
    return work ? found : NULL;
}

static bool list(struct launcher *door, struct arena *a, struct launched **out, size_t *count,
                 struct error *err)
{
    struct local *l = (struct local *)door;
    DIR *d = opendir("/proc");
    char path[64];
    if (!d)
        return error_errno(err, errno, "cannot see this machine's processes");
    *out = ARENA_ARRAY(a, struct launched, LIST_MOST);
    *count = 0;
    wait_for_ended(l);
    for (struct dirent *e; (e = readdir(d)) && *count < LIST_MOST;) {
        struct buf words = BUF_LIMIT(COMMAND_MOST);
        struct stat seen;
        int64_t pid;
        if (!text_int(text_of(e->d_name), &pid))
            continue;
        snprintf(path, sizeof(path), "/proc/%lld/cmdline", (long long)pid);
        struct error gone;
        const char *name = file_read(path, &words, &gone) && words.size
                               ? name_among(l, (text){words.at, words.size}, a)
                               : NULL;
        snprintf(path, sizeof(path), "/proc/%lld", (long long)pid);
        if (name && stat(path, &seen) == 0 && child_began((pid_t)pid)) {
            int64_t began = (int64_t)seen.st_ctim.tv_sec * 1000;
            (*out)[(*count)++] = (struct launched){.id = arena_text(a, e->d_name),
                                                   .worker = name,
                                                   .state = LAUNCH_RUNS,
                                                   .asked_ms = began,
                                                   .began_ms = began,
                                                   .node = "this machine",
                                                   .why = ""};
        }
        buf_free(&words);
    }
    closedir(d);
    return true;
}

static bool start(struct local *l, enum launch_kind kind, struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    const char *words[20];
    size_t n = 0;
    words[n++] = l->house.program;
    words[n++] = "work";
    words[n++] = arena_format(a, "--house=%s", l->house.url);
    words[n++] = arena_format(a, "--token-file=%s", l->house.token_file);
    words[n++] =
        arena_format(a, "--name=%s%llx-%d", l->prefix, (long long)clock_now_ms(), l->started++);
    if (l->house.fingerprint[0])
        words[n++] = arena_format(a, "--fingerprint=%s", l->house.fingerprint);
    words[n++] = arena_format(a, "--worker.slots=%d", kind == LAUNCH_NATIVE ? 1 : l->house.slots);
    words[n++] = arena_format(a, "--worker.idle=%lld s", (long long)l->house.idle_s);
    if (kind == LAUNCH_NATIVE)
        words[n++] = "--worker.tasks=1";
    if (l->house.price && l->house.price[0])
        words[n++] = arena_format(a, "--worker.price=%s", l->house.price);
    if (l->house.notice[0])
        words[n++] = arena_format(a, "--notice=%s", l->house.notice);
    words[n] = NULL;
    struct child_wish wish = {.arguments = words,
                              .environment = (const char *const *)environ,
                              .pass = (const int[]){-1, -1, -1},
                              .pass_count = 3,
                              .outlive = true,
                              .session = true};
    pid_t pid;
    bool ok = child_start(&wish, &pid, err);
    if (ok) {
        l->children = realloc(l->children, (l->child_count + 1) * sizeof(pid_t));
        if (!l->children)
            abort();
        l->children[l->child_count++] = pid;
    }
    arena_close(a);
    return ok;
}

static bool want(struct launcher *door, int count, enum launch_kind kind, struct error *err)
{
    for (int i = 0; i < count; i++)
        if (!start((struct local *)door, kind, err))
            return false;
    return true;
}

// A pid may have been given to another process since the list: only one of ours is signalled.
static bool tell(struct launcher *door, const char *id, int signal_number, struct error *err)
{
    struct arena *a = arena_open(16 << 20);
    struct launched *all;
    size_t count = 0;
    bool ok = list(door, a, &all, &count, err);
    for (size_t i = 0; ok && i < count; i++)
        if (strcmp(all[i].id, id) == 0 && kill((pid_t)atoi(id), signal_number) != 0 &&
            errno != ESRCH)
            ok = error_errno(err, errno, "cannot end the worker %s", all[i].worker);
    arena_close(a);
    return ok;
}

static bool drain(struct launcher *door, const char *id, struct error *err)
{
    return tell(door, id, SIGUSR1, err);
}

static bool end(struct launcher *door, const char *id, struct error *err)
{
    return tell(door, id, SIGTERM, err);
}

static bool preflight(struct launcher *door, int count, struct arena *a,
                      struct launch_finding **out, size_t *findings, struct error *err)
{
    (void)door, (void)err;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *out = ARENA_ARRAY(a, struct launch_finding, 1);
    *findings = count > cores;
    if (*findings)
        **out =
            (struct launch_finding){.what = "there are fewer cores here than workers",
                                    .why = arena_format(a, "%d workers on %ld cores", count, cores),
                                    .fix = "ask for fewer, or use launch=slurm for other machines"};
    return true;
}

static void close_local(struct launcher *door)
{
    free(((struct local *)door)->children);
    free(door);
}

struct launcher *launch_local(const struct launch_house *house)
{
    struct local *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    l->door = (struct launcher){"local", want, list, drain, end, preflight, close_local};
    l->house = *house;
    snprintf(l->prefix, sizeof(l->prefix), "local-%.40s-", house->name);
    return &l->door;
}
