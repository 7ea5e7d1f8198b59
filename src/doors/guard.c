/*
 * Listener, guards, and what sessions of every kind share: the questions to the guard, and giving
 * up the rights of this process.
 */
#include "doors/guard.h"

#include "base/log.h"
#include "base/text.h"
#include "plat/files.h"
#include "wire/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <jansson.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SESSIONS_MOST = 256, SESSIONS_OF_ONE = 16, LOGIN_SECONDS = 120 };

struct guard_question {
    enum guard_ask kind;
    char user[GUARD_USER], secret[GUARD_SECRET]; // a password, or a key's body in base64
};
struct guard_answer {
    bool right;
    char secret[44]; // of a token, when somebody is in
};

// ---- rights

// Nothing of this machine is changed, started or looked into from here. What is not forbidden is
// what libssh, libcurl and OpenSSL need, which nobody has a list of.
void door_give_up_rights(void)
{
    static const char *const never[] = {"execve",
                                        "execveat",
                                        "ptrace",
                                        "process_vm_readv",
                                        "process_vm_writev",
                                        "mount",
                                        "umount2",
                                        "pivot_root",
                                        "chroot",
                                        "unshare",
                                        "setns",
                                        "bpf",
                                        "kexec_load",
                                        "init_module",
                                        "finit_module",
                                        "delete_module",
                                        "perf_event_open",
                                        "keyctl",
                                        "add_key",
                                        "request_key",
                                        "userfaultfd",
                                        "io_uring_setup",
                                        "io_uring_enter",
                                        "unlink",
                                        "unlinkat",
                                        "rename",
                                        "renameat",
                                        "renameat2",
                                        "mkdir",
                                        "mkdirat",
                                        "rmdir",
                                        "link",
                                        "linkat",
                                        "symlink",
                                        "symlinkat",
                                        "chmod",
                                        "fchmod",
                                        "fchmodat",
                                        "chown",
                                        "fchown",
                                        "lchown",
                                        "fchownat",
                                        "truncate",
                                        "creat",
                                        "mknod",
                                        "mknodat",
                                        "setuid",
                                        "setgid",
                                        "setreuid",
                                        "setresuid",
                                        "reboot",
                                        "swapon"};
    if (geteuid() == 0 &&
        (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)) { // nobody
        log_warn("door.rights", "the session keeps the rights of root");
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool done = filter != NULL;
    for (size_t i = 0; done && i < sizeof(never) / sizeof(never[0]); i++) {
        int number = seccomp_syscall_resolve_name(never[i]);
        done = number < 0 || seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0) == 0;
    }
    // Files are opened for reading only (O_WRONLY and O_RDWR are the lowest bits).
    for (uint64_t way = 1; done && way <= 2; way++)
        done = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 1,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, 3, way)) == 0 &&
               seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(open), 1,
                                SCMP_A1(SCMP_CMP_MASKED_EQ, 3, way)) == 0;
    if (!done || seccomp_load(filter) != 0)
        log_warn("door.rights", "this machine has no seccomp for the session");
    if (filter)
        seccomp_release(filter);
}

// ---- the session's side of the guard

bool guard_ask(int guard, enum guard_ask kind, const char *user, const char *secret, char token[44])
{
    struct guard_question q = {.kind = kind};
    struct guard_answer a;
    if (strlen(user) >= sizeof(q.user) || strlen(secret) >= sizeof(q.secret))
        return false;
    strcpy(q.user, user);
    strcpy(q.secret, secret);
    size_t size = sizeof(q), got = 0;
    bool told = write(guard, &q, size) == (ssize_t)size;
    explicit_bzero(&q, sizeof(q));
    while (told && got < sizeof(a)) {
        ssize_t n = read(guard, (char *)&a + got, sizeof(a) - got);
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    if (!told || !a.right)
        return false;
    memcpy(token, a.secret, sizeof(a.secret));
    return true;
}

// ---- the guard

struct guard {
    struct client *house;
    const char *door, *peer;
    char token[27]; // id of the one that was given; "" for none of ours
    char secret[44];
};

static json_t *enter(struct guard *g, const struct guard_question *q, struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    struct reply reply;
    json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:b}", "door", g->door, "user", q->user,
                             q->kind == ASK_PASSWORD ? "password" : "key", q->secret, "address",
                             g->peer, "enter", q->kind != ASK_KEY_KNOWN);
    char *written = body ? json_dumps(body, JSON_COMPACT) : NULL; // NULL: no text
    struct call call = {.path = "/api/v1/doors/enter", .body = text_of(written)};
    json_t *answer = NULL;
    if (!written)
        error_set(err, ERROR_LOGIN, "this log-in does not work");
    else if (client_call(g->house, &call, a, &reply, err))
        answer = json_loadb(reply.body.at, reply.body.size, 0, NULL);
    if (written)
        explicit_bzero(written, strlen(written));
    free(written);
    json_decref(body);
    arena_close(a);
    return answer;
}

static struct guard_answer answer_to(struct guard *g, struct guard_question *q)
{
    struct guard_answer out = {0};
    struct error err;
    q->user[GUARD_USER - 1] = q->secret[GUARD_SECRET - 1] = 0;
    error_clear(&err);
    json_t *j = enter(g, q, &err);
    const char *secret = json_string_value(json_object_get(j, "secret"));
    const char *token = json_string_value(json_object_get(j, "token"));
    out.right = secret != NULL;
    text_copy(text_of(secret), out.secret, sizeof(out.secret));
    text_copy(text_of(token), g->token, sizeof(g->token));
    memcpy(g->secret, out.secret, sizeof(g->secret));
    if (out.right && q->kind != ASK_KEY_KNOWN)
        log_info("door.login", "door=%s user=%s from=%s by=%s", g->door, log_quote(q->user).text,
                 g->peer, q->kind == ASK_PASSWORD ? "password" : "key");
    else if (!out.right && q->kind == ASK_PASSWORD)
        log_warn("door.refused", "door=%s user=%s from=%s why=%s", g->door, log_quote(q->user).text,
                 g->peer, log_quote(err.what).text);
    json_decref(j);
    return out;
}

static void end_token(const struct guard *g, const struct door_wish *w)
{
    struct error err;
    struct client *c = client_open(
        &(struct client_wish){
            .url = w->url, .fingerprint = w->fingerprint, .bearer = g->secret, .lines = 1},
        &err);
    struct arena *a = arena_open(1 << 20);
    struct reply reply;
    struct call call = {.method = "DELETE",
                        .path = arena_format(a, "/api/v1/tokens/%s", g->token),
                        .repeatable = true};
    if (!c || !client_call(c, &call, a, &reply, &err))
        log_problem("door.token_stays", &err);
    client_close(c);
    arena_close(a);
}

// Answers the session's questions until it is gone.
static void guard_it(int session, const char *peer, const struct door_wish *w)
{
    struct error err;
    struct guard g = {.door = w->name, .peer = peer};
    struct guard_question q;
    g.house = client_open(
        &(struct client_wish){
            .url = w->url, .fingerprint = w->fingerprint, .bearer = w->token, .lines = 1},
        &err);
    if (!g.house) {
        log_problem("door.guard", &err);
        return;
    }
    for (int tries = 0; tries < GUARD_TRIES && fd_read_all(session, &q, sizeof(q), -1) == (int64_t)sizeof(q); tries++) {
        struct guard_answer answer = answer_to(&g, &q);
        explicit_bzero(&q, sizeof(q));
        if (!fd_write_all(session, &answer, sizeof(answer), -1) || answer.secret[0])
            break;
    }
    client_close(g.house);
    char end;
    while (read(session, &end, 1) < 0 && errno == EINTR)
        continue; // until the session's end of the pair is closed
    if (g.token[0])
        end_token(&g, w);
}

static void connection(int fd, const char *peer, const struct door_wish *w)
{
    int pair[2], on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); // answers are small
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_DFL);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        _exit(1);
    pid_t session = fork();
    if (session == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pair[0]);
        alarm(LOGIN_SECONDS);
        // The house's own token stays with the guard.
        explicit_bzero(w->token, strlen(w->token));
        w->guest(w->context, &(struct door_guest){.fd = fd,
                                                  .guard = pair[1],
                                                  .peer = peer,
                                                  .url = w->url,
                                                  .fingerprint = w->fingerprint});
        _exit(0);
    }
    close(fd);
    close(pair[1]);
    if (session > 0)
        guard_it(pair[0], peer, w);
    close(pair[0]);
    if (session > 0) {
        kill(session, SIGKILL);
        waitpid(session, NULL, 0);
    }
    _exit(0);
}

// ---- the listener

static int listen_at(const char *name, const char *address, int port, int *bound, struct error *err)
{
    struct addrinfo *found = NULL,
                    hint = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct sockaddr_storage at;
    socklen_t size = sizeof(at);
    char service[16];
    int on = 1, off = 0, fd = -1;
    snprintf(service, sizeof(service), "%d", port);
    if (getaddrinfo(address, service, &hint, &found) == 0)
        fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (found->ai_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0) {
        error_errno(err, errno, "cannot listen for %s on %s port %d", name, address, port);
        error_fix(err, "set another port");
        if (fd >= 0)
            close(fd);
        fd = -1;
    } else {
        *bound = ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                                : ((struct sockaddr_in *)&at)->sin_port);
    }
    if (found)
        freeaddrinfo(found);
    return fd;
}

static void peer_name(const struct sockaddr_storage *from, char to[INET6_ADDRSTRLEN])
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
    to[0] = 0;
    if (from->ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, to, INET6_ADDRSTRLEN);
    else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, to, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, &six->sin6_addr, to, INET6_ADDRSTRLEN);
}

struct guest {
    pid_t pid; // 0: free
    char peer[INET6_ADDRSTRLEN];
};

// A free place, or NULL when there are too many, or too many of one address.
static struct guest *place_for(struct guest *all, const char *peer)
{
    struct guest *free_one = NULL;
    int same = 0;
    for (int i = 0; i < SESSIONS_MOST; i++) {
        if (all[i].pid && waitpid(all[i].pid, NULL, WNOHANG) == all[i].pid)
            all[i].pid = 0;
        if (!all[i].pid)
            free_one = &all[i];
        else
            same += strcmp(all[i].peer, peer) == 0;
    }
    return same < SESSIONS_OF_ONE ? free_one : NULL;
}

bool door_serve(const struct door_wish *w, struct error *err)
{
    static struct guest guests[SESSIONS_MOST];
    int port = 0;
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_at(w->name, w->address, w->port, &port, err);
    if (listener < 0)
        return false;
    char written[16];
    snprintf(written, sizeof(written), "%d\n", port);
    if (w->port_file && !file_write(w->port_file, written, strlen(written), 0644, err))
        return false;
    log_info("door.open", "door=%s address=%s port=%d", w->name, w->address, port);
    for (;;) {
        struct sockaddr_storage from;
        socklen_t size = sizeof(from);
        char peer[INET6_ADDRSTRLEN];
        int fd = accept4(listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC);
        if (fd < 0) {
            poll(NULL, 0, 50);
            continue;
        }
        peer_name(&from, peer);
        struct guest *g = place_for(guests, peer);
        pid_t pid = g ? fork() : -1;
        if (pid == 0) {
            close(listener);
            connection(fd, peer, w);
        }
        if (pid > 0) {
            g->pid = pid;
            memcpy(g->peer, peer, sizeof(peer));
        } else {
            log_warn("door.full", "door=%s from=%s", w->name, peer);
        }
        close(fd);
    }
}
