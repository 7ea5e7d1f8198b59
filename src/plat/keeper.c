/*
 * We and the keeper talk over a pair of sockets that keep messages whole. The keeper is forked and
 * does not exec, and we have threads: so it may call only what is safe between fork and exec. It
 * takes no memory from the heap; what it needs is on its stack or mapped; /proc is read with plain
 * system calls. A program's arguments come to it in a memory file, with offsets in the place of
 * pointers.
 *
 * Telling whose a process is: all descendants of the keeper belong to it. Among them, the work of a
 * program is what descends from that program, or from a child of the keeper that began after it
 * (orphans come to the keeper). A process that an older daemon starts meanwhile descends from that
 * daemon, and is spared.
 *
 * A hang-up on the socket means that our side is gone: the keeper then kills and ends. When the
 * keeper itself is killed, the programs that it started die by their death signal; their orphans
 * are looked for by session number, which is the best that is left.
 */
#include "plat/keeper.h"
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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PROGRAMS_MOST = 64,   // that have not been asked for yet
    SEEN_MOST = 65536,    // processes on the machine
    KILL_TRIES = 3000,    // rounds of 10 ms
    START_WAIT_MS = 60000 // exec from a network disk may take a while
};

enum { ASK_START = 1, ASK_SIGNAL, ASK_END };
enum { SAY_STARTED = 1, SAY_ENDED, SAY_EMPTY };

struct message {
    int what;
    int pid;
    int value; // a signal; the wait status; errno of a start that failed
    int whom;
};

// The head of the memory file; texts lie behind it. Offsets from its beginning; 0: none.
struct image {
    uint64_t size;
    uint64_t program, folder;
    uint64_t arguments, environment; // of arrays of offsets, ended by 0
    int64_t file_bytes;
    int nice;
    bool has_cores;
    cpu_set_t cores;
};

// ---- the keeper's side: nothing from the heap, no stdio, no locks

struct seen {
    int pid, parent, session;
    uint64_t began;
    bool ours;
};

struct keeping {
    int line, children;
    struct seen *seen;
    size_t seen_count;
    struct {
        int pid;
        uint64_t began;
        bool ended; // kept, for the work that it left, until the place is wanted
    } programs[PROGRAMS_MOST];
    size_t next_program;
};

static void nap_ms(int ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

static size_t put_number(char *to, int n)
{
    char digits[12];
    size_t count = 0, at = 0;
    do {
        digits[count++] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    while (count)
        to[at++] = digits[--count];
    return at;
}

static uint64_t take_number(const char **at)
{
    uint64_t n = 0;
    while (**at == ' ')
        (*at)++;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        n = n * 10 + (uint64_t)(**at - '0');
    return n;
}

// "/proc/PID/stat": the name in brackets may hold anything; then state, parent, group, session and,
// 22nd, when it began. False when there is no such process, or only what is left of one.
static bool read_stat(int pid, struct seen *s)
{
    char path[32] = "/proc/", line[1024];
    size_t at = 6 + put_number(path + 6, pid);
    memcpy(path + at, "/stat", 6);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t got = read(file, line, sizeof(line) - 1);
    close(file);
    const char *name_end = NULL;
    for (ssize_t i = 0; i < got; i++)
        if (line[i] == ')')
            name_end = line + i;
    if (!name_end || name_end + 4 > line + got)
        return false;
    line[got] = 0;
    char state = name_end[2];
    const char *p = name_end + 3;
    *s = (struct seen){.pid = pid};
    s->parent = (int)take_number(&p);
    take_number(&p); // group
    s->session = (int)take_number(&p);
    // Some of the numbers between have a sign.
    for (int field = 7; field < 22 && *p; field++) {
        p++;
        while (*p && *p != ' ')
            p++;
    }
    s->began = take_number(&p);
    return state != 'Z' && state != 'X';
}

struct entry { // of getdents64
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
};

static struct seen *find_seen(struct keeping *k, int pid)
{
    size_t low = 0, high = k->seen_count; // the kernel lists them by rising number
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (k->seen[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < k->seen_count && k->seen[low].pid == pid ? &k->seen[low] : NULL;
}

static void see_all(struct keeping *k)
{
    _Alignas(struct entry) char some[8192];
    int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    k->seen_count = 0;
    for (long got; folder >= 0 && (got = syscall(SYS_getdents64, folder, some, sizeof(some))) > 0;)
        for (long at = 0; at < got;) {
            const struct entry *e = (const struct entry *)(some + at);
            const char *name = e->name;
            at += e->size;
            if (name[0] < '1' || name[0] > '9' || k->seen_count == SEEN_MOST)
                continue;
            int pid = (int)take_number(&name);
            if (read_stat(pid, &k->seen[k->seen_count]))
                k->seen_count++;
        }
    if (folder >= 0)
        close(folder);
}

// Marks those of the work of `program` (0: all descendants). Returns how many.
static size_t mark(struct keeping *k, int program, uint64_t since)
{
    int own = getpid();
    size_t count = 0;
    for (size_t i = 0; i < k->seen_count; i++) {
        struct seen *top = &k->seen[i];
        bool below = top->pid == program;
        for (int depth = 0; depth < 256 && top && top->parent != own; depth++) {
            top = find_seen(k, top->parent);
            below |= top && top->pid == program;
        }
        bool descends = top && top->parent == own;
        k->seen[i].ours =
            descends && (!program || below || top->began >= since || k->seen[i].session == program);
        count += k->seen[i].ours;
    }
    return count;
}

static void say(struct keeping *k, int what, int pid, int value)
{
    struct message m = {.what = what, .pid = pid, .value = value};
    while (send(k->line, &m, sizeof(m), MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

// Waits for all that have ended; false when there is no child left.
static bool reap(struct keeping *k)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
        if (pid < 0)
            return errno != ECHILD;
        if (pid == 0)
            return true;
        for (size_t i = 0; i < PROGRAMS_MOST; i++)
            if (k->programs[i].pid == pid && !k->programs[i].ended) {
                k->programs[i].ended = true;
                say(k, SAY_ENDED, pid, status);
            }
    }
}

static size_t signal_marked(struct keeping *k, int program, uint64_t since, int signal_number)
{
    see_all(k);
    size_t count = mark(k, program, since);
    for (size_t i = 0; i < k->seen_count; i++)
        if (k->seen[i].ours)
            kill(k->seen[i].pid, signal_number);
    return count;
}

// Stops them so that none forks while the others are killed; repeats for those that came between.
static void kill_work(struct keeping *k, int program, uint64_t since, int tries)
{
    for (int i = 0; i < tries; i++) {
        signal_marked(k, program, since, SIGSTOP);
        size_t left = signal_marked(k, program, since, SIGKILL);
        if (!reap(k) || !left)
            return;
        nap_ms(i < 10 ? 1 : 10);
    }
}

static void hear_signal(struct keeping *k, const struct message *m)
{
    size_t i = 0;
    if (m->whom == KEEPER_ALL) {
        signal_marked(k, 0, 0, m->value);
        return;
    }
    while (i < PROGRAMS_MOST && k->programs[i].pid != m->pid)
        i++;
    if (i == PROGRAMS_MOST || m->pid <= 1) // 0, 1 and less would be more than one program
        return;
    if (m->whom == KEEPER_PROCESS && !k->programs[i].ended)
        kill(m->pid, m->value);
    else if (m->whom == KEEPER_GROUP)
        kill(-m->pid, m->value);
    else if (m->whom == KEEPER_WORK && m->value == SIGKILL)
        kill_work(k, m->pid, k->programs[i].began, 100);
    else if (m->whom == KEEPER_WORK)
        signal_marked(k, m->pid, k->programs[i].began, m->value);
}

static void limit_files(int64_t bytes)
{
    struct rlimit l = {.rlim_cur = (rlim_t)bytes, .rlim_max = (rlim_t)bytes}, now;
    if (getrlimit(RLIMIT_FSIZE, &now) == 0 && l.rlim_max > now.rlim_max)
        l.rlim_cur = l.rlim_max = now.rlim_max;
    setrlimit(RLIMIT_FSIZE, &l);
}

static char **pointers(char *base, uint64_t at)
{
    uint64_t *offsets = (uint64_t *)(base + at);
    for (size_t i = 0; offsets[i]; i++)
        offsets[i] = (uint64_t)(uintptr_t)(base + offsets[i]);
    return (char **)offsets;
}

// The program's own process. `report` closes by exec; what goes wrong before is written to it.
_Noreturn static void become(char *base, const int io[3], pid_t keeper)
{
    const struct image *image = (const struct image *)base;
    int report = io[2];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper)
        _exit(127);
    if (image->file_bytes)
        limit_files(image->file_bytes);
    if (image->has_cores)
        sched_setaffinity(0, sizeof(image->cores), &image->cores);
    if (image->nice)
        setpriority(PRIO_PROCESS, 0, image->nice);
    char **arguments = pointers(base, image->arguments);
    char **environment = pointers(base, image->environment);
    if (chdir(base + image->folder) == 0 && dup2(io[0], 0) >= 0 && dup2(io[1], 1) >= 0 &&
        dup2(io[1], 2) >= 0 && syscall(SYS_close_range, 3u, UINT_MAX, 4 /* CLOEXEC */) == 0) {
        // Another thread's fork may hold a script open for writing for a moment longer.
        for (int i = 0; i < 200; i++) {
            execve(base + image->program, arguments, environment);
            if (errno != ETXTBSY)
                break;
            nap_ms(5);
        }
        if (errno == ENOEXEC) { // arguments[-1] is room that was left for this
            arguments[0] = base + image->program;
            arguments[-1] = (char *)"sh";
            execve("/bin/sh", arguments - 1, environment);
        }
    }
    int why = errno;
    if (write(report, &why, sizeof(why)) < 0)
        _exit(126);
    _exit(127);
}

// Descriptors that came with a message: the memory file, input, output, report.
static void hear_start(struct keeping *k, const int fds[4])
{
    struct image head;
    char *base = MAP_FAILED;
    size_t slot = k->next_program, tried = 0;
    while (tried < PROGRAMS_MOST && k->programs[slot].pid && !k->programs[slot].ended) {
        slot = (slot + 1) % PROGRAMS_MOST;
        tried++;
    }
    if (tried < PROGRAMS_MOST && pread(fds[0], &head, sizeof(head), 0) == sizeof(head))
        base = mmap(NULL, head.size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fds[0], 0);
    if (base == MAP_FAILED) {
        say(k, SAY_STARTED, 0, tried == PROGRAMS_MOST ? EAGAIN : errno ? errno : ENOMEM);
        return;
    }
    pid_t own = getpid(), child = fork();
    if (child == 0)
        become(base, fds + 1, own);
    int failed = child < 0 ? errno : 0;
    munmap(base, head.size);
    if (child > 0) {
        struct seen s = {0};
        read_stat(child, &s); // it is there or a zombie: nobody but us waits for it
        k->programs[slot].pid = child;
        k->programs[slot].began = s.began;
        k->programs[slot].ended = false;
        k->next_program = (slot + 1) % PROGRAMS_MOST;
    }
    say(k, SAY_STARTED, child > 0 ? child : 0, failed);
}

// False at a hang-up.
static bool hear(struct keeping *k)
{
    struct message m;
    union {
        char room[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {&m, sizeof(m)};
    struct msghdr h = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof(control.room)};
    ssize_t got = recvmsg(k->line, &h, MSG_CMSG_CLOEXEC);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN;
    if (got != sizeof(m))
        return false;
    int fds[4] = {-1, -1, -1, -1};
    const struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(fds)))
        memcpy(fds, CMSG_DATA(c), sizeof(fds));
    if (m.what == ASK_START)
        hear_start(k, fds);
    else if (m.what == ASK_SIGNAL)
        hear_signal(k, &m);
    for (size_t i = 0; i < 4; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return m.what != ASK_END;
}

_Noreturn static void keep(int line)
{
    struct keeping k = {.line = line};
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "posthouse-keep");
    k.line = fcntl(line, F_DUPFD_CLOEXEC, 3);
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3 && null >= 0; i++)
        dup2(null, i);
    if (k.line != 3) {
        dup2(k.line, 3);
        k.line = 3;
    }
    fcntl(3, F_SETFD, FD_CLOEXEC);
    syscall(SYS_close_range, 4u, UINT_MAX, 0);
    if (chdir("/") < 0)
        _exit(1);
    k.children = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    k.seen = mmap(NULL, SEEN_MOST * sizeof(*k.seen), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (k.children < 0 || k.seen == MAP_FAILED)
        _exit(1);
    for (bool on = true; on;) {
        struct pollfd p[2] = {{.fd = k.line, .events = POLLIN},
                              {.fd = k.children, .events = POLLIN}};
        struct signalfd_siginfo info[8];
        if (poll(p, 2, -1) < 0)
            continue;
        while (p[1].revents && read(k.children, info, sizeof(info)) > 0)
            ;
        reap(&k);
        if (p[0].revents)
            on = hear(&k);
    }
    kill_work(&k, 0, 0, KILL_TRIES);
    say(&k, SAY_EMPTY, 0, 0);
    _exit(0);
}

// ---- our side

struct keeper {
    pid_t pid;
    int line;
    bool gone;
    struct message ended[PROGRAMS_MOST]; // not asked for yet
    size_t ended_count;
    pid_t running[PROGRAMS_MOST];
};

struct keeper *keeper_open(struct error *err)
{
    int line[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0) {
        error_errno(err, errno, "cannot make a process that keeps others");
        return NULL;
    }
    struct keeper *k = calloc(1, sizeof(*k));
    if (!k)
        abort();
    k->line = line[0];
    k->pid = fork();
    if (k->pid == 0)
        keep(line[1]);
    int failed = errno;
    close(line[1]);
    if (k->pid > 0)
        return k;
    error_errno(err, failed, "cannot make a process that keeps others");
    close(line[0]);
    free(k);
    return NULL;
}

// The keeper was killed: what it started died with it; what those left behind may still have
// their session's number.
static void sweep(struct keeper *k)
{
    DIR *folder = opendir("/proc");
    for (struct dirent *e; folder && (e = readdir(folder));) {
        struct seen s;
        if (!isdigit((unsigned char)e->d_name[0]) ||
            !read_stat((int)strtol(e->d_name, NULL, 10), &s))
            continue;
        for (size_t i = 0; i < PROGRAMS_MOST; i++)
            if (k->running[i] && k->running[i] == s.session)
                kill(s.pid, SIGKILL);
    }
    if (folder)
        closedir(folder);
}

// One message, within `wait_ms`. False when none came.
static bool receive(struct keeper *k, int wait_ms, struct message *m)
{
    if (k->gone)
        return false;
    struct pollfd p = {.fd = k->line, .events = POLLIN};
    int64_t until = clock_tick_us() + (int64_t)wait_ms * 1000;
    int ready;
    while ((ready = poll(&p, 1, wait_ms)) < 0 && errno == EINTR)
        wait_ms = clock_tick_us() < until ? (int)((until - clock_tick_us()) / 1000) : 0;
    if (ready <= 0)
        return false;
    if (recv(k->line, m, sizeof(*m), 0) == sizeof(*m))
        return true;
    k->gone = true;
    sweep(k);
    return false;
}

static void note(struct keeper *k, const struct message *m)
{
    if (m->what == SAY_ENDED && k->ended_count < PROGRAMS_MOST)
        k->ended[k->ended_count++] = *m;
}

bool keeper_close(struct keeper *k, int wait_ms)
{
    if (!k)
        return true;
    struct message m = {.what = ASK_END};
    int64_t until = clock_tick_us() + (int64_t)wait_ms * 1000;
    bool empty = false;
    if (!k->gone)
        send(k->line, &m, sizeof(m), MSG_NOSIGNAL);
    while (!k->gone && !empty) {
        int64_t left_ms = (until - clock_tick_us()) / 1000;
        if (left_ms <= 0 || !receive(k, (int)left_ms, &m))
            break;
        empty = m.what == SAY_EMPTY;
    }
    close(k->line);
    if (empty || k->gone)
        waitpid(k->pid, NULL, 0);
    bool done = empty || k->gone;
    free(k);
    return done;
}

static const char *value_of(const char *const *environment, const char *name)
{
    size_t size = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
            return *environment + size + 1;
    return NULL;
}

// As a shell looks: with a slash as it is (from the working folder), else along PATH.
static bool find_program(const struct keeper_wish *wish, char *to, size_t room, struct error *err)
{
    const char *name = wish->arguments[0];
    const char *along = value_of(wish->environment, "PATH");
    text rest = text_of(along ? along : "/usr/local/bin:/usr/bin:/bin");
    bool denied = false;
    if (strchr(name, '/'))
        return snprintf(to, room, "%s", name) < (int)room;
    while (name[0] && rest.size) {
        text folder = text_cut(&rest, ':');
        bool whole = folder.size && folder.at[0] == '/';
        int size = snprintf(to, room, "%s%s%.*s/%s", whole ? "" : wish->folder, whole ? "" : "/",
                            (int)folder.size, folder.at, name);
        if (size > 0 && (size_t)size < room && access(to, X_OK) == 0)
            return true;
        denied |= errno == EACCES;
    }
    error_set(err, denied ? ERROR_DENIED : ERROR_NOT_FOUND, "cannot run %s", name);
    error_why(err, denied ? "it may not be run (no x)" : "no folder of PATH has such a program");
    return error_fix(err, "install it, or give its whole path");
}

static uint64_t add_text(struct buf *b, const char *zero_ended)
{
    uint64_t at = b->size;
    buf_add(b, zero_ended, strlen(zero_ended) + 1);
    return at;
}

static uint64_t add_texts(struct buf *b, const char *const *texts)
{
    size_t count = 0;
    while (texts[count])
        count++;
    uint64_t *offsets = calloc(count + 2, sizeof(*offsets)); // [0] is room for an interpreter
    if (!offsets)
        abort();
    for (size_t i = 0; i < count; i++)
        offsets[i + 1] = add_text(b, texts[i]);
    buf_add(b, "\0\0\0\0\0\0\0", 8 - b->size % 8);
    uint64_t at = b->size + sizeof(*offsets);
    buf_add(b, offsets, (count + 2) * sizeof(*offsets));
    free(offsets);
    return at;
}

static int image_file(const struct keeper_wish *wish, const char *program, struct error *err)
{
    struct image image = {.file_bytes = wish->file_bytes, .nice = wish->nice};
    struct buf b = BUF_LIMIT(8 << 20); // more than the kernel takes for arguments and environment
    buf_add(&b, &image, sizeof(image));
    image.program = add_text(&b, program);
    image.folder = add_text(&b, wish->folder);
    image.arguments = add_texts(&b, wish->arguments);
    image.environment = add_texts(&b, wish->environment);
    image.size = b.size;
    image.has_cores = wish->cores != NULL;
    if (wish->cores)
        image.cores = *wish->cores;
    int file = -1;
    if (b.over) {
        error_set(err, ERROR_TOO_BIG, "cannot run %s", wish->arguments[0]);
        error_why(err, "its arguments and variables are over %s", size_text((int64_t)b.limit).text);
    } else if ((file = memfd_create("arguments", MFD_CLOEXEC)) < 0 ||
               pwrite(file, b.at, b.size, 0) != (ssize_t)b.size ||
               pwrite(file, &image, sizeof(image), 0) != sizeof(image)) {
        error_errno(err, errno, "cannot run %s", wish->arguments[0]);
        if (file >= 0)
            close(file);
        file = -1;
    }
    buf_free(&b);
    return file;
}

static bool send_start(struct keeper *k, const int fds[4])
{
    struct message m = {.what = ASK_START};
    union {
        char room[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec part = {&m, sizeof(m)};
    struct msghdr h = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof(control.room)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(4 * sizeof(int));
    memcpy(CMSG_DATA(c), fds, 4 * sizeof(int));
    return sendmsg(k->line, &h, MSG_NOSIGNAL) == sizeof(m);
}

// What the program's process says before it becomes the program: nothing, or an errno.
static int heard_report(int report)
{
    struct pollfd p = {.fd = report, .events = POLLIN};
    int failed = 0, ready;
    while ((ready = poll(&p, 1, START_WAIT_MS)) < 0 && errno == EINTR)
        ;
    if (ready == 0)
        return ETIMEDOUT;
    ssize_t got = read(report, &failed, sizeof(failed));
    return got == sizeof(failed) ? failed : 0;
}

static bool started(struct keeper *k, pid_t *pid, int *failed)
{
    struct message m;
    while (receive(k, START_WAIT_MS, &m)) {
        note(k, &m);
        if (m.what != SAY_STARTED)
            continue;
        *pid = m.pid;
        *failed = m.value;
        return m.pid > 0;
    }
    *failed = k->gone ? ECHILD : ETIMEDOUT;
    return false;
}

bool keeper_start(struct keeper *k, const struct keeper_wish *wish, pid_t *pid, struct error *err)
{
    char program[PATH_MAX];
    int null = -1, report[2] = {-1, -1}, file = -1, failed = 0, status;
    size_t slot = 0;
    bool good = false;
    while (slot < PROGRAMS_MOST && k->running[slot])
        slot++;
    if (slot == PROGRAMS_MOST)
        return error_set(err, ERROR_INTERNAL, "a keeper runs %d programs at most", PROGRAMS_MOST);
    if (!find_program(wish, program, sizeof(program), err) ||
        (file = image_file(wish, program, err)) < 0)
        goto out;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || pipe2(report, O_CLOEXEC) < 0) {
        error_errno(err, errno, "cannot run %s", wish->arguments[0]);
        goto out;
    }
    int fds[4] = {file, wish->input < 0 ? null : wish->input,
                  wish->output < 0 ? null : wish->output, report[1]};
    if (k->gone || !send_start(k, fds))
        failed = ECHILD;
    close(report[1]);
    report[1] = -1;
    if (failed || !started(k, pid, &failed)) {
        error_errno(err, failed, "cannot run %s", wish->arguments[0]);
        goto out;
    }
    k->running[slot] = *pid;
    failed = heard_report(report[0]);
    if (failed) {
        keeper_signal(k, *pid, SIGKILL, KEEPER_PROCESS);
        for (int i = 0; i < 500 && !keeper_ended(k, *pid, &status); i++)
            poll(&(struct pollfd){.fd = k->line, .events = POLLIN}, 1, 10);
        error_errno(err, failed, "cannot run %s", wish->arguments[0]);
        goto out;
    }
    good = true;
out:
    for (int *one = (int[]){null, report[0], report[1], file, -2}; *one != -2; one++)
        if (*one >= 0)
            close(*one);
    return good;
}

void keeper_signal(struct keeper *k, pid_t pid, int signal_number, enum keeper_whom whom)
{
    struct message m = {.what = ASK_SIGNAL, .pid = pid, .value = signal_number, .whom = (int)whom};
    if (!k->gone)
        send(k->line, &m, sizeof(m), MSG_NOSIGNAL);
}

int keeper_descriptor(const struct keeper *k)
{
    return k->line;
}

bool keeper_ended(struct keeper *k, pid_t pid, int *status)
{
    struct message m;
    while (receive(k, 0, &m))
        note(k, &m);
    bool ended = k->gone;
    *status = SIGKILL;
    for (size_t i = 0; i < k->ended_count; i++)
        if (k->ended[i].pid == pid) {
            *status = k->ended[i].value;
            k->ended[i] = k->ended[--k->ended_count];
            ended = true;
        }
    for (size_t i = 0; i < PROGRAMS_MOST && ended; i++)
        if (k->running[i] == pid)
            k->running[i] = 0;
    return ended;
}

// ---- looking at the tree

struct measured {
    int pid, parent;
    int64_t own_ticks, waited_ticks, pages;
};

static bool measure(int pid, struct measured *m)
{
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, line, sizeof(line) - 1);
    if (file >= 0)
        close(file);
    if (got <= 0)
        return false;
    line[got] = 0;
    const char *after = strrchr(line, ')');
    long long user, system, user_waited, system_waited, pages;
    if (!after || sscanf(after + 1,
                         " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld %lld %lld %*d %*d "
                         "%*d %*d %*u %*u %lld",
                         &m->parent, &user, &system, &user_waited, &system_waited, &pages) != 6)
        return false;
    m->pid = pid;
    m->own_ticks = user + system;
    m->waited_ticks = user_waited + system_waited;
    m->pages = pages;
    return true;
}

// Memory with shared pages counted in parts; -1 when it can not be had.
static int64_t proportional_bytes(int pid)
{
    char path[64], some[2048];
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, some, sizeof(some) - 1);
    if (file >= 0)
        close(file);
    if (got <= 0)
        return -1;
    some[got] = 0;
    const char *at = strstr(some, "\nPss:");
    return at ? strtoll(at + 5, NULL, 10) * 1024 : -1;
}

static int by_pid(const void *a, const void *b)
{
    return ((const struct measured *)a)->pid - ((const struct measured *)b)->pid;
}

static bool below_keeper(const struct measured *all, size_t count, int pid, int keeper)
{
    for (int depth = 0; depth < 256 && pid > 1 && pid != keeper; depth++) {
        struct measured key = {.pid = pid};
        const struct measured *m = bsearch(&key, all, count, sizeof(*all), by_pid);
        pid = m ? m->parent : 0;
    }
    return pid == keeper;
}

void keeper_look(struct keeper *k, bool exact, struct keeper_facts *facts)
{
    struct measured *all = NULL;
    size_t count = 0, room = 0;
    DIR *folder = opendir("/proc");
    for (struct dirent *e; folder && (e = readdir(folder));) {
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        if (count == room) {
            room = room ? room * 2 : 512;
            all = realloc(all, room * sizeof(*all));
            if (!all)
                abort();
        }
        count += measure((int)strtol(e->d_name, NULL, 10), &all[count]);
    }
    if (folder)
        closedir(folder);
    if (count)
        qsort(all, count, sizeof(*all), by_pid);
    int64_t ticks = 0;
    *facts = (struct keeper_facts){0};
    for (size_t i = 0; i < count; i++) {
        const struct measured *m = &all[i];
        if (!below_keeper(all, count, m->pid, k->pid))
            continue;
        ticks += m->waited_ticks; // the keeper's too: of those that ended below it
        if (m->pid == k->pid)
            continue;
        int64_t bytes = exact ? proportional_bytes(m->pid) : -1;
        ticks += m->own_ticks;
        facts->memory_bytes += bytes >= 0 ? bytes : m->pages * sysconf(_SC_PAGESIZE);
        facts->processes++;
    }
    facts->cpu_ms = ticks * 1000 / sysconf(_SC_CLK_TCK);
    free(all);
}
