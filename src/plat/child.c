/*
 * Starting a child: between fork and exec only calls that are safe there (the house has threads).
 * What goes wrong before exec comes back through a pipe that exec closes.
 */
#include "plat/child.h"
#include "plat/clock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSED_MAX 64

static void limit(int which, int64_t value)
{
    struct rlimit l = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};
    struct rlimit now;
    if (getrlimit(which, &now) == 0 && now.rlim_max != RLIM_INFINITY && l.rlim_max > now.rlim_max)
        l.rlim_cur = l.rlim_max = now.rlim_max;
    setrlimit(which, &l);
}

static void set_limits(const struct child_limits *l)
{
    if (l->memory_bytes)
        limit(RLIMIT_AS, l->memory_bytes);
    if (l->file_bytes)
        limit(RLIMIT_FSIZE, l->file_bytes);
    if (l->cpu_s)
        limit(RLIMIT_CPU, l->cpu_s);
    if (l->files)
        limit(RLIMIT_NOFILE, l->files);
    if (l->no_core)
        limit(RLIMIT_CORE, 0);
}

// Descriptors go up out of the way first, so that putting one in its place covers no other.
static bool place_descriptors(const struct child_wish *wish)
{
    int high[PASSED_MAX];
    for (size_t i = 0; i < wish->pass_count; i++) {
        int from = wish->pass[i] >= 0 ? wish->pass[i] : open("/dev/null", O_RDWR | O_CLOEXEC);
        high[i] = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, 256);
        if (high[i] < 0)
            return false;
    }
    for (size_t i = 0; i < wish->pass_count; i++)
        if (dup2(high[i], (int)i) < 0)
            return false;
    return syscall(SYS_close_range, (unsigned)wish->pass_count, UINT_MAX, 4 /* CLOEXEC */) == 0;
}

_Noreturn static void become(const struct child_wish *wish, char *const *environment, pid_t parent,
                             int report)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    if (!wish->session || setsid() < 0)
        setpgid(0, 0);
    if (!wish->outlive) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) // it died while we were being made
            _exit(127);
    }
    set_limits(&wish->limits);
    if (chdir(wish->folder ? wish->folder : "/") == 0 && place_descriptors(wish))
        execve(wish->arguments[0], (char *const *)wish->arguments, environment);
    int why = errno;
    // place_descriptors may have left `report` only marked for closing, so it still works.
    if (write(report, &why, sizeof(why)) < 0)
        _exit(126);
    _exit(127);
}

static size_t few_variables(const char *to[8], char texts[4][PATH_MAX])
{
    static const char *const names[] = {"PATH", "HOME", "LANG", "TMPDIR"};
    size_t count = 0;
    for (size_t i = 0; i < 4; i++) {
        const char *value = getenv(names[i]);
        if (value && snprintf(texts[i], PATH_MAX, "%s=%s", names[i], value) < PATH_MAX)
            to[count++] = texts[i];
    }
    to[count] = NULL;
    return count;
}

bool child_start(const struct child_wish *wish, pid_t *pid, struct error *err)
{
    int report[2];
    if (wish->pass_count > PASSED_MAX)
        return error_set(err, ERROR_INTERNAL, "cannot start %s with %zu descriptors",
                         wish->arguments[0], wish->pass_count);
    if (pipe2(report, O_CLOEXEC) < 0)
        return error_errno(err, errno, "cannot start %s", wish->arguments[0]);
    // Above every place that will be filled, so that none of the passed ones lands on it.
    int high = fcntl(report[1], F_DUPFD_CLOEXEC, 200);
    if (high >= 0) {
        close(report[1]);
        report[1] = high;
    }
    char texts[4][PATH_MAX];
    const char *few[8];
    few_variables(few, texts);
    char *const *environment = (char *const *)(wish->environment ? wish->environment : few);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0)
        become(wish, environment, parent, report[1]);
    int failed = child < 0 ? errno : 0;
    close(report[1]);
    if (child > 0) {
        ssize_t got;
        do {
            got = read(report[0], &failed, sizeof(failed));
        } while (got < 0 && errno == EINTR);
        if (got != sizeof(failed))
            failed = 0;
        else
            child_end(child, 0);
    }
    close(report[0]);
    if (failed)
        return error_errno(err, failed, "cannot start %s", wish->arguments[0]);
    *pid = child;
    return true;
}

bool child_wait(pid_t pid, int timeout_ms, int *status)
{
    int64_t until = clock_tick_us() + (int64_t)timeout_ms * 1000;
    int descriptor = timeout_ms ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    pid_t got;
    for (;;) {
        got = waitpid(pid, status, timeout_ms < 0 && descriptor < 0 ? 0 : WNOHANG);
        int64_t left_us = until - clock_tick_us();
        if (got == pid || (got < 0 && errno != EINTR) || (timeout_ms >= 0 && left_us <= 0))
            break;
        struct pollfd p = {.fd = descriptor, .events = POLLIN};
        int wait_ms = timeout_ms < 0 ? -1 : (int)(left_us / 1000) + 1;
        if (descriptor >= 0)
            poll(&p, 1, wait_ms);
        else if (timeout_ms >= 0)
            poll(NULL, 0, wait_ms < 5 ? wait_ms : 5);
    }
    if (descriptor >= 0)
        close(descriptor);
    if (got < 0) // somebody else has waited for it: it is gone, and how is not known
        *status = 0;
    return got != 0;
}

void child_signal(pid_t pid, int signal_number)
{
    if (pid <= 1) // never: it would be everybody
        return;
    if (kill(-pid, signal_number) < 0)
        kill(pid, signal_number);
}

int child_end(pid_t pid, int grace_ms)
{
    int status = 0;
    if (pid <= 1)
        return SIGKILL;
    if (grace_ms > 0) {
        child_signal(pid, SIGTERM);
        if (child_wait(pid, grace_ms, &status)) {
            kill(-pid, SIGKILL); // what it left behind of its group
            return status;
        }
    }
    child_signal(pid, SIGKILL);
    child_wait(pid, -1, &status);
    return status;
}

child_status child_status_text(int status)
{
    child_status t;
    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        const char *meaning = sigdescr_np(WTERMSIG(status));
        snprintf(t.text, sizeof(t.text), "signal SIG%s (%s)", name ? name : "?",
                 meaning ? meaning : "unknown");
    } else {
        snprintf(t.text, sizeof(t.text), "exit status %d", WEXITSTATUS(status));
    }
    return t;
}

// One line of /proc/PID/stat: parent and resident pages. The name in it may hold anything.
static bool process_facts(long pid, long *parent, int64_t *pages)
{
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t got = fread(line, 1, sizeof(line) - 1, f);
    fclose(f);
    line[got] = 0;
    char *after = strrchr(line, ')');
    long long resident = 0;
    if (!after || sscanf(after + 1,
                         " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                         "%*d %*d %*u %*u %lld",
                         parent, &resident) != 2)
        return false;
    *pages = resident;
    return true;
}

#define PROCESSES_MAX 8192

// For kernels that do not list a process's children: all processes are gone through.
static int64_t pages_by_parents(pid_t pid)
{
    struct process {
        long pid, parent;
        int64_t pages;
    } *all = malloc(PROCESSES_MAX * sizeof(*all));
    DIR *folder = opendir("/proc");
    size_t count = 0;
    for (struct dirent *e; all && folder && count < PROCESSES_MAX && (e = readdir(folder));)
        if (isdigit((unsigned char)e->d_name[0])) {
            struct process *p = &all[count];
            p->pid = strtol(e->d_name, NULL, 10);
            count += process_facts(p->pid, &p->parent, &p->pages);
        }
    if (folder)
        closedir(folder);
    int64_t pages = 0;
    for (size_t i = 0; i < count; i++) {
        long up = all[i].pid;
        for (int depth = 0; depth < 8 && up > 1 && up != pid; depth++) {
            long next = 0;
            for (size_t k = 0; k < count && !next; k++)
                next = all[k].pid == up ? all[k].parent : 0;
            up = next;
        }
        pages += up == pid ? all[i].pages : 0;
    }
    free(all);
    return pages;
}

// False when the kernel does not list children.
static bool add_pages(long pid, int depth, int64_t *sum);

// Those that one thread has started.
static bool add_children(long pid, const char *thread, int depth, int64_t *sum)
{
    char path[320];
    snprintf(path, sizeof(path), "/proc/%ld/task/%s/children", pid, thread);
    FILE *f = fopen(path, "re");
    long child;
    bool known = true;
    if (!f) // a thread may have ended; the first one is there as long as its process
        return strtol(thread, NULL, 10) != pid;
    while (fscanf(f, "%ld", &child) == 1)
        known = add_pages(child, depth + 1, sum) && known;
    fclose(f);
    return known;
}

static bool add_pages(long pid, int depth, int64_t *sum)
{
    char path[64];
    long parent;
    int64_t pages;
    bool known = true;
    if (depth > 8 || !process_facts(pid, &parent, &pages))
        return true; // it is gone
    *sum += pages;
    snprintf(path, sizeof(path), "/proc/%ld/task", pid);
    DIR *threads = opendir(path);
    for (struct dirent *e; threads && (e = readdir(threads));)
        if (isdigit((unsigned char)e->d_name[0]))
            known = add_children(pid, e->d_name, depth, sum) && known;
    if (threads)
        closedir(threads);
    return known;
}

int64_t child_memory(pid_t pid)
{
    int64_t pages = 0;
    if (!add_pages(pid, 0, &pages))
        pages = pages_by_parents(pid);
    return pages * sysconf(_SC_PAGESIZE);
}

int64_t child_began(pid_t pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    size_t got = fread(line, 1, sizeof(line) - 1, f);
    fclose(f);
    line[got] = 0;
    char *after = strrchr(line, ')'), state = 'X';
    long long began = 0;
    if (!after || sscanf(after + 1,
                         " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
                         "%*d %lld",
                         &state, &began) != 2)
        return 0;
    return state == 'Z' || state == 'X' ? 0 : began;
}

bool child_own_folder(char *to, size_t room)
{
    ssize_t size = readlink("/proc/self/exe", to, room - 1);
    if (size <= 0 || (size_t)size >= room - 1)
        return false;
    to[size] = 0;
    char *slash = strrchr(to, '/');
    if (slash)
        *slash = 0;
    return slash != NULL;
}
