/*
 * The inner wall is a list of what may be done, everything else answers EPERM: a library that asks
 * for something harmless we did not think of gets an error it must handle anyway, not a death.
 */
#include "plat/sandbox.h"
#include "plat/child.h"

#include <errno.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char bwrap[] = "/usr/bin/bwrap";

static size_t bwrap_arguments(bool proc, const char *program, const char **to)
{
    static const char *const fixed[] = {
        bwrap, "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--ro-bind", "/usr",
        "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
        // Debian chooses BLAS and others through links here; the loader finds them by its cache.
        "--ro-bind-try", "/etc/alternatives", "/etc/alternatives", "--ro-bind-try",
        "/etc/ld.so.cache", "/etc/ld.so.cache", "--dev", "/dev", "--chdir", "/"};
    size_t count = sizeof(fixed) / sizeof(fixed[0]);
    memcpy(to, fixed, sizeof(fixed));
    if (proc) {
        to[count++] = "--proc";
        to[count++] = "/proc";
    }
    to[count++] = "--ro-bind";
    to[count++] = program;
    to[count++] = program;
    to[count++] = "--";
    return count;
}

static bool bwrap_works(bool proc)
{
    const char *arguments[SANDBOX_ARGUMENTS];
    size_t count = bwrap_arguments(proc, "/usr/bin/true", arguments);
    arguments[count++] = "/usr/bin/true";
    arguments[count] = NULL;
    struct child_wish wish = {.arguments = arguments, .pass = (int[]){-1, -1, -1}, .pass_count = 3};
    struct error err;
    pid_t pid;
    int status = -1;
    if (access(bwrap, X_OK) != 0 || !child_start(&wish, &pid, &err))
        return false;
    if (!child_wait(pid, 5000, &status))
        status = child_end(pid, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int landlock_version(void)
{
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static struct sandbox_state state;

static void find_out(void)
{
    state.bwrap = state.bwrap_proc = bwrap_works(true);
    if (!state.bwrap)
        state.bwrap = bwrap_works(false);
    // A filter that is not valid answers EFAULT where filters exist.
    state.seccomp = prctl(PR_SET_SECCOMP, 2 /* filter */, NULL, 0, 0) < 0 && errno == EFAULT;
    state.landlock = landlock_version() > 0;
}

struct sandbox_state sandbox_probe(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_out);
    return state;
}

short_text sandbox_text(void)
{
    struct sandbox_state s = sandbox_probe();
    short_text t;
    snprintf(t.text, sizeof(t.text), "%s%s%s", s.bwrap ? "bubblewrap" : "",
             s.seccomp ? s.bwrap ? ", seccomp" : "seccomp" : "", s.landlock ? ", Landlock" : "");
    if (!s.bwrap && !s.seccomp)
        snprintf(t.text, sizeof(t.text), "none");
    return t;
}

size_t sandbox_prefix(const char *program, const char **to)
{
    struct sandbox_state s = sandbox_probe();
    return s.bwrap ? bwrap_arguments(s.bwrap_proc, program, to) : 0;
}

// Without a rule nothing may be opened, made or removed by path.
static void close_paths(void)
{
    int version = landlock_version();
    if (version <= 0)
        return;
    struct {
        uint64_t files, net, scope;
    } rules = {.files = (1ULL << 13) - 1};
    rules.files |= version >= 2 ? 1ULL << 13 : 0;
    rules.files |= version >= 3 ? 1ULL << 14 : 0;
    rules.net = version >= 4 ? 3 : 0;
    rules.scope = version >= 6 ? 3 : 0;
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    int set = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (set >= 0) {
        syscall(SYS_landlock_restrict_self, set, 0);
        close(set);
    }
}

static const char *const allowed[] = {
    // descriptors it already has
    "read",
    "write",
    "pread64",
    "pwrite64",
    "readv",
    "writev",
    "preadv",
    "pwritev",
    "lseek",
    "fstat",
    "newfstatat",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "fadvise64",
    "close",
    "dup",
    "dup2",
    "dup3",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "recvmsg",
    "sendmsg",
    "copy_file_range",
    "sync_file_range",
    // memory
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "brk",
    "membarrier",
    // threads, time, itself
    "futex",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "sched_yield",
    "sched_getaffinity",
    "sched_setaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_setscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getpriority",
    "setpriority",
    "getcpu",
    "gettid",
    "getpid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getrusage",
    "times",
    "sysinfo",
    "uname",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "getrandom",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sigaltstack",
    "tgkill",
    "exit",
    "exit_group",
    "restart_syscall",
    "arch_prctl",
};

static bool allow_all(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        int number = seccomp_syscall_resolve_name(allowed[i]);
        // Calls that this architecture does not have need no permission.
        if (number >= 0 && seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) < 0)
            return false;
    }
    const unsigned thread = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
    // clone3 hides its flags from the filter: ENOSYS sends the C library to clone.
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, thread, thread)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                            SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                            SCMP_A1(SCMP_CMP_EQ, 3 /* F_GETFL */)) == 0 &&
           // Its own limits may be read, not set.
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
                            SCMP_A2(SCMP_CMP_EQ, 0)) == 0;
}

static bool close_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool done = filter && seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
                allow_all(filter) && seccomp_load(filter) == 0;
    if (filter)
        seccomp_release(filter);
    return done;
}

bool sandbox_enter(bool outside, struct error *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return error_errno(err, errno, "the engine can not give up its rights");
    close_paths();
    if (close_calls() || outside)
        return true;
    error_set(err, ERROR_UNSUPPORTED, "the engine has no sandbox on this machine");
    error_why(err, "neither user namespaces (bubblewrap) nor seccomp work here, so that it could "
                   "reach the network");
    return error_fix(err, "install bubblewrap and allow user namespaces, or, knowing that media "
                          "files are then opened unguarded, set sandbox=off");
}
