// One FTP session over TLS, and the door.
#include "doors/ftps.h"

#include "base/log.h"
#include "doors/far.h"
#include "doors/sftp.h"
#include "plat/ids.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_ROOM = 5000,
    PATH_ROOM = 4100,
    PIECE = 32 << 20,
    IDLE_SECONDS = 600,
    DATA_SECONDS = 60,
};

struct settings { // of the door
    SSL_CTX *tls;
    int first_port, last_port;
};

struct ftp {
    const struct settings *settings;
    const struct door_guest *guest;
    SSL *tls; // NULL: not yet
    char in[LINE_ROOM];
    size_t in_size;
    char user[GUARD_USER];
    struct client *house; // NULL: nobody is in
    int tries;
    char folder[PATH_ROOM], from[PATH_ROOM]; // of a renaming
    bool private_data;
    int listener; // for data; -1
    int64_t rest;
    bool over;
};

// ---- the control line

static void send_text(struct ftp *f, const char *at, size_t size)
{
    int done =
        f->tls ? SSL_write(f->tls, at, (int)size) : (int)send(f->guest->fd, at, size, MSG_NOSIGNAL);
    f->over = f->over || done != (int)size;
}

static void reply(struct ftp *f, int code, const char *format, ...) PRINTF_LIKE(3, 4);
static void reply(struct ftp *f, int code, const char *format, ...)
{
    char line[LINE_ROOM + 64];
    int size = snprintf(line, sizeof(line), "%d ", code);
    va_list list;
    va_start(list, format);
    size += vsnprintf(line + size, sizeof(line) - (size_t)size - 2, format, list);
    va_end(list);
    if (size > (int)sizeof(line) - 3)
        size = (int)sizeof(line) - 3;
    for (int i = 0; i < size; i++)
        line[i] = line[i] == '\r' || line[i] == '\n' ? ' ' : line[i];
    memcpy(line + size, "\r\n", 2);
    send_text(f, line, (size_t)size + 2);
}

static void reply_error(struct ftp *f, const struct error *err)
{
    int code = err->kind == ERROR_NO_SPACE ? 452 : err->kind == ERROR_NETWORK ? 451 : 550;
    reply(f, code, "%s%s%s", err->what, err->why[0] ? ": " : "", err->why);
}

// The next line without its end; false when the client is gone or says too much at once.
static bool next_line(struct ftp *f, char line[LINE_ROOM])
{
    for (;;) {
        char *end = memchr(f->in, '\n', f->in_size);
        if (end) {
            size_t size = (size_t)(end - f->in), taken = size + 1;
            while (size && f->in[size - 1] == '\r')
                size--;
            memcpy(line, f->in, size);
            line[size] = 0;
            f->in_size -= taken;
            memmove(f->in, f->in + taken, f->in_size);
            return true;
        }
        if (f->in_size == sizeof(f->in) - 1)
            return false;
        size_t room = sizeof(f->in) - 1 - f->in_size;
        ssize_t got = f->tls ? SSL_read(f->tls, f->in + f->in_size, (int)room)
                             : recv(f->guest->fd, f->in + f->in_size, room, 0);
        if (got <= 0)
            return false;
        f->in_size += (size_t)got;
    }
}

// ---- data connections

static void data_close(struct ftp *f)
{
    if (f->listener >= 0)
        close(f->listener);
    f->listener = -1;
}

static bool bind_some(struct ftp *f, int fd, struct sockaddr_storage *at, socklen_t size)
{
    int first = f->settings->first_port, last = f->settings->last_port, count = last - first + 1;
    uint32_t begin;
    random_bytes(&begin, sizeof(begin));
    for (int i = 0; i < count; i++) {
        int port = first ? first + (int)((begin + (uint32_t)i) % (uint32_t)count) : 0;
        if (at->ss_family == AF_INET6)
            ((struct sockaddr_in6 *)at)->sin6_port = htons((uint16_t)port);
        else
            ((struct sockaddr_in *)at)->sin_port = htons((uint16_t)port);
        if (bind(fd, (struct sockaddr *)at, size) == 0)
            return true;
    }
    return false;
}

static void passive(struct ftp *f, bool extended)
{
    struct sockaddr_storage at;
    socklen_t size = sizeof(at);
    data_close(f);
    if (!f->private_data) {
        reply(f, 521, "data goes over TLS only: say PBSZ 0 and PROT P first");
        return;
    }
    if (getsockname(f->guest->fd, (struct sockaddr *)&at, &size) == 0)
        f->listener = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (f->listener < 0 || !bind_some(f, f->listener, &at, size) || listen(f->listener, 1) != 0 ||
        getsockname(f->listener, (struct sockaddr *)&at, &size) != 0) {
        data_close(f);
        reply(f, 425, "no port for data is free");
        return;
    }
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&at;
    struct sockaddr_in *four = (struct sockaddr_in *)&at;
    int port = ntohs(at.ss_family == AF_INET6 ? six->sin6_port : four->sin_port);
    const uint8_t *host =
        at.ss_family == AF_INET6 ? six->sin6_addr.s6_addr + 12 : (const uint8_t *)&four->sin_addr;
    if (extended)
        reply(f, 229, "the port is there (|||%d|)", port);
    else if (at.ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        reply(f, 425, "use EPSV over IPv6");
    else
        reply(f, 227, "the port is there (%d,%d,%d,%d,%d,%d)", host[0], host[1], host[2], host[3],
              port >> 8, port & 255);
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    return a->ss_family == AF_INET6 ? memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
                                             &((const struct sockaddr_in6 *)b)->sin6_addr, 16) == 0
                                    : ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
                                          ((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

static void wait_at_most(int fd, int seconds)
{
    struct timeval t = {.tv_sec = seconds};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

// Takes the client's connection for data: 150 was said. NULL: it did not come; said.
static SSL *data_open(struct ftp *f)
{
    struct sockaddr_storage client, from;
    socklen_t size = sizeof(client);
    if (f->listener < 0) {
        reply(f, 425, "say PASV or EPSV first");
        return NULL;
    }
    reply(f, 150, "here it comes");
    int fd = -1;
    if (getpeername(f->guest->fd, (struct sockaddr *)&client, &size) == 0)
        while (fd < 0) {
            struct pollfd wait = {f->listener, POLLIN, 0};
            if (poll(&wait, 1, DATA_SECONDS * 1000) <= 0)
                break;
            size = sizeof(from);
            fd = accept4(f->listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC);
            if (fd >= 0 && !same_host(&client, &from)) { // somebody else's
                close(fd);
                fd = -1;
            }
        }
    data_close(f);
    SSL *tls = fd >= 0 ? SSL_new(f->settings->tls) : NULL;
    if (tls) {
        wait_at_most(fd, IDLE_SECONDS);
        SSL_set_fd(tls, fd);
        if (SSL_accept(tls) == 1)
            return tls;
        SSL_free(tls);
    }
    if (fd >= 0)
        close(fd);
    reply(f, 425, "the connection for data did not come, or without TLS");
    return NULL;
}

static void data_end(SSL *tls)
{
    int fd = SSL_get_fd(tls);
    SSL_shutdown(tls);
    SSL_free(tls);
    close(fd);
}

static bool data_send(SSL *tls, const char *at, size_t size)
{
    return !size || SSL_write(tls, at, (int)size) == (int)size;
}

// ---- listings

static void stamp(int64_t ms, const char *format, char to[32])
{
    time_t at = (time_t)(ms / 1000);
    struct tm parts;
    gmtime_r(&at, &parts);
    strftime(to, 32, format, &parts);
}

static const char *facts(struct arena *a, const struct far_node *n)
{
    char when[32];
    stamp(n->modified_ms, "%Y%m%d%H%M%S", when);
    const char *may = n->folder ? (n->may_upload ? "elcm" : "el") : (n->may_upload ? "rw" : "r");
    return n->folder ? arena_format(a, "type=dir;modify=%s;perm=%s;", when, may)
                     : arena_format(a, "type=file;size=%lld;modify=%s;perm=%s;", (long long)n->size,
                                    when, may);
}

static const char *list_line(struct arena *a, const char *verb, const struct far_node *n)
{
    char when[32];
    if (strcmp(verb, "NLST") == 0)
        return arena_format(a, "%s\r\n", n->name);
    if (strcmp(verb, "MLSD") == 0)
        return arena_format(a, "%s %s\r\n", facts(a, n), n->name);
    stamp(n->modified_ms, "%b %e  %Y", when);
    return arena_format(a, "%s 1 house house %lld %s %s\r\n",
                        n->folder ? "drwxr-xr-x" : "-rw-r--r--", (long long)n->size, when, n->name);
}

static void list(struct ftp *f, const char *verb, const char *path)
{
    struct error err;
    struct far_node *all;
    size_t count;
    struct arena *a = arena_open((size_t)1 << 30);
    struct buf out = BUF_LIMIT((size_t)512 << 20);
    if (!far_list(f->house, path, a, &all, &count, &err)) {
        reply_error(f, &err);
    } else {
        for (size_t i = 0; i < count; i++)
            buf_text(&out, list_line(a, verb, &all[i]));
        SSL *data = data_open(f);
        if (data) {
            bool ok = data_send(data, out.at, out.size) && !out.over;
            data_end(data);
            reply(f, ok ? 226 : 426, ok ? "that is all" : "the connection for data broke");
        }
    }
    buf_free(&out);
    arena_close(a);
}

// What is at a path; a file that is on its way from this person with what came of it.
static bool look(struct ftp *f, const char *path, struct arena *a, struct far_node *n,
                 struct error *err)
{
    struct far_write w;
    struct error none;
    if (far_find(f->house, path, a, n, err))
        return true;
    if (err->kind != ERROR_NOT_FOUND || !far_write_at(f->house, path, &w, &none))
        return false;
    *n = (struct far_node){.may_upload = true, .size = w.offset, .name = ""};
    return true;
}

static void tell(struct ftp *f, const char *verb, const char *path)
{
    struct error err;
    struct far_node n;
    char when[32];
    struct arena *a = arena_open(1 << 20);
    if (!look(f, path, a, &n, &err)) {
        reply_error(f, &err);
    } else if (strcmp(verb, "MLST") == 0) {
        const char *lines =
            arena_format(a, "250-here it is\r\n %s %s\r\n250 end\r\n", facts(a, &n), path);
        send_text(f, lines, strlen(lines));
    } else if (n.folder) {
        reply(f, 550, "this is a folder");
    } else if (strcmp(verb, "SIZE") == 0) {
        reply(f, 213, "%lld", (long long)n.size);
    } else {
        stamp(n.modified_ms, "%Y%m%d%H%M%S", when);
        reply(f, 213, "%s", when);
    }
    arena_close(a);
}

// ---- files

static void retrieve(struct ftp *f, const char *path)
{
    struct error err;
    struct far_node n;
    int64_t at = f->rest;
    struct arena *a = arena_open(1 << 20);
    char *piece = malloc(PIECE);
    SSL *data = NULL;
    f->rest = 0;
    error_clear(&err);
    if (!piece || !far_find(f->house, path, a, &n, &err))
        reply_error(f, &err);
    else if (n.folder || !n.may_download || at > n.size)
        reply(f, 550,
              n.folder      ? "this is a folder"
              : at > n.size ? "it is shorter than that"
                            : "you may not download this");
    else
        data = data_open(f);
    bool ok = data != NULL;
    while (ok && at < n.size) {
        size_t size = n.size - at < PIECE ? (size_t)(n.size - at) : PIECE;
        ok = far_read(f->house, &n, at, piece, size, &err) && data_send(data, piece, size);
        at += (int64_t)size;
    }
    if (data && ok) {
        data_end(data);
        reply(f, 226, "that is all");
    } else if (data) { // without the end that TLS wants: nobody takes half for the whole
        close(SSL_get_fd(data));
        SSL_free(data);
        reply(f, 426, "it broke off");
    }
    free(piece);
    arena_close(a);
}

// Reads the data connection to its end, piece by piece to the house. *whole: it ended properly.
static bool take_in(struct ftp *f, SSL *data, struct far_write *w, bool *whole, struct error *err)
{
    char *piece = malloc(PIECE);
    size_t have = 0;
    bool ok = piece != NULL;
    *whole = false;
    while (ok) {
        int got = SSL_read(data, piece + have, (int)(PIECE - have));
        if (got <= 0) {
            *whole = SSL_get_error(data, got) == SSL_ERROR_ZERO_RETURN;
            break;
        }
        have += (size_t)got;
        if (have == PIECE) {
            ok = far_write_bytes(f->house, w, piece, have, err);
            have = 0;
        }
    }
    ok = ok && (!have || far_write_bytes(f->house, w, piece, have, err));
    free(piece);
    return ok;
}

static void store(struct ftp *f, const char *path, bool append)
{
    struct error err;
    struct far_write w;
    bool whole;
    int64_t at = f->rest;
    f->rest = 0;
    if (!far_write_begin(f->house, path, -1, !append && !at, &w, &err)) {
        reply_error(f, &err);
        return;
    }
    if (at && at != w.offset) {
        reply(f, 554, "of this file %lld bytes are here", (long long)w.offset);
        return;
    }
    SSL *data = data_open(f);
    if (!data)
        return;
    bool ok = take_in(f, data, &w, &whole, &err);
    if (ok && whole)
        ok = far_write_finish(f->house, &w, 0, &err);
    data_end(data);
    if (!ok)
        reply_error(f, &err);
    else if (!whole)
        reply(f, 426, "it broke off; %lld bytes are here to go on from", (long long)w.offset);
    else
        reply(f, 226, "it is in the house, durable");
}

static void set_time(struct ftp *f, char *rest)
{
    struct error err;
    struct tm parts = {0};
    char path[PATH_ROOM];
    char *space = strchr(rest, ' ');
    if (space)
        *space = 0;
    char *end = space ? strptime(rest, "%Y%m%d%H%M%S", &parts) : NULL;
    if (!end || (*end && *end != '.') || !ftp_path(f->folder, space + 1, path, sizeof(path)))
        reply(f, 501, "say MFMT YYYYMMDDhhmmss NAME");
    else if (!far_touch(f->house, path, (int64_t)timegm(&parts) * 1000, &err))
        reply_error(f, &err);
    else
        reply(f, 213, "Modify=%s; %s", rest, path);
}

static void remove_thing(struct ftp *f, const char *path, bool folder)
{
    struct error err;
    struct far_node n, *all;
    struct far_write w;
    size_t count = 0;
    struct arena *a = arena_open((size_t)1 << 30);
    bool ok = far_find(f->house, path, a, &n, &err);
    if (!ok && !folder && err.kind == ERROR_NOT_FOUND && far_write_at(f->house, path, &w, &err)) {
        ok = far_write_drop(f->house, &w, &err);
    } else if (ok) {
        ok = n.folder == folder ||
             error_set(&err, ERROR_CONFLICT, folder ? "this is no folder" : "this is a folder");
        ok = ok && (!folder || far_list(f->house, path, a, &all, &count, &err));
        ok = ok && (!count || error_set(&err, ERROR_CONFLICT, "the folder is not empty"));
        ok = ok && far_delete(f->house, path, &err);
    }
    if (ok)
        reply(f, 250, "it is gone");
    else
        reply_error(f, &err);
    arena_close(a);
}

static void change_folder(struct ftp *f, const char *path)
{
    struct error err;
    struct far_node n;
    struct arena *a = arena_open(1 << 20);
    if (!far_find(f->house, path, a, &n, &err)) {
        reply_error(f, &err);
    } else if (!n.folder) {
        reply(f, 550, "this is a file");
    } else {
        text_copy(text_of(path), f->folder, sizeof(f->folder));
        reply(f, 250, "you are in %s", f->folder);
    }
    arena_close(a);
}

// ---- getting in

static void begin_tls(struct ftp *f, const char *kind)
{
    if (f->tls || (strcasecmp(kind, "TLS") != 0 && strcasecmp(kind, "SSL") != 0)) {
        reply(f, 504, "only AUTH TLS, once");
        return;
    }
    reply(f, 234, "TLS it is");
    f->in_size = 0; // what came in the open with it was anybody's
    f->tls = SSL_new(f->settings->tls);
    if (!f->tls)
        abort();
    SSL_set_fd(f->tls, f->guest->fd);
    f->over = SSL_accept(f->tls) != 1;
}

static void enter(struct ftp *f, const char *password)
{
    char token[44];
    struct error err;
    if (!f->user[0]) {
        reply(f, 503, "say USER first");
        return;
    }
    if (f->tries++ < GUARD_TRIES &&
        guard_ask(f->guest->guard, ASK_PASSWORD, f->user, password, token))
        f->house = client_open(&(struct client_wish){.url = f->guest->url,
                                                     .fingerprint = f->guest->fingerprint,
                                                     .bearer = token,
                                                     .lines = 2},
                               &err);
    explicit_bzero(token, sizeof(token));
    if (!f->house) {
        reply(f, 530, "this log-in does not work");
        f->over = f->tries >= GUARD_TRIES;
        return;
    }
    alarm(0);
    reply(f, 230, "you are in");
}

// ---- commands

static void features(struct ftp *f)
{
    static const char lines[] =
        "211-what is spoken here\r\n AUTH TLS\r\n PBSZ\r\n PROT\r\n EPSV\r\n"
        " SIZE\r\n MDTM\r\n MFMT\r\n MLST type*;size*;modify*;perm*;\r\n"
        " REST STREAM\r\n UTF8\r\n TVFS\r\n211 end\r\n";
    send_text(f, lines, sizeof(lines) - 1);
}

// What anybody may say. False: none of it.
static bool before_login(struct ftp *f, const char *verb, const char *rest)
{
    static const char *const fine[] = {"NOOP", "ALLO", "CLNT", "ACCT"};
    if (strcmp(verb, "AUTH") == 0)
        begin_tls(f, rest);
    else if (strcmp(verb, "FEAT") == 0)
        features(f);
    else if (strcmp(verb, "QUIT") == 0)
        reply(f, 221, "good-bye"), f->over = true;
    else if (strcmp(verb, "SYST") == 0)
        reply(f, 215, "UNIX Type: L8");
    else if (strcmp(verb, "OPTS") == 0)
        reply(f, 200, "names are UTF-8");
    else if (!f->tls)
        reply(f, 530, "say AUTH TLS first: nothing goes over a plain line here");
    else if (strcmp(verb, "PBSZ") == 0)
        reply(f, 200, "PBSZ=0");
    else if (strcmp(verb, "PROT") == 0)
        f->private_data = f->private_data || strcasecmp(rest, "P") == 0,
        reply(f, strcasecmp(rest, "P") == 0 ? 200 : 536, "data goes over TLS");
    else if (strcmp(verb, "USER") == 0)
        text_copy(text_of(rest), f->user, sizeof(f->user)), reply(f, 331, "and the password?");
    else if (strcmp(verb, "PASS") == 0)
        enter(f, rest);
    else {
        for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
            if (strcmp(verb, fine[i]) == 0) {
                reply(f, 200, "fine");
                return true;
            }
        return false;
    }
    return true;
}

// What needs no path.
static bool plain(struct ftp *f, const char *verb, char *rest)
{
    if (strcmp(verb, "PWD") == 0 || strcmp(verb, "XPWD") == 0)
        reply(f, 257, "\"%s\" is where you are", f->folder);
    else if (strcmp(verb, "PASV") == 0 || strcmp(verb, "EPSV") == 0)
        passive(f, verb[0] == 'E');
    else if (strcmp(verb, "TYPE") == 0 || strcmp(verb, "MODE") == 0 || strcmp(verb, "STRU") == 0)
        reply(f, 200, "bytes stay as they are");
    else if (strcmp(verb, "REST") == 0)
        reply(f, text_int(text_of(rest), &f->rest) && f->rest >= 0 ? 350 : 501, "and then?");
    else if (strcmp(verb, "MFMT") == 0)
        set_time(f, rest);
    else if (strcmp(verb, "ABOR") == 0)
        data_close(f), reply(f, 226, "nothing is going on");
    else if (strcmp(verb, "PORT") == 0 || strcmp(verb, "EPRT") == 0)
        reply(f, 522, "only passive connections: say EPSV");
    else if (strcmp(verb, "SITE") == 0)
        reply(f, 202, "owners and modes are the house's own");
    else
        return false;
    return true;
}

static void with_path(struct ftp *f, const char *verb, const char *rest)
{
    char path[PATH_ROOM];
    struct error err;
    bool lists =
        strcmp(verb, "LIST") == 0 || strcmp(verb, "NLST") == 0 || strcmp(verb, "MLSD") == 0;
    if (lists && rest[0] == '-') // "LIST -a": as of ls
        rest = strchr(rest, ' ') ? strchr(rest, ' ') + 1 : "";
    if (!ftp_path(f->folder, strcmp(verb, "CDUP") == 0 ? ".." : rest, path, sizeof(path)))
        reply(f, 553, "this path can not be used");
    else if (lists)
        list(f, verb, path);
    else if (strcmp(verb, "CWD") == 0 || strcmp(verb, "CDUP") == 0 || strcmp(verb, "XCWD") == 0)
        change_folder(f, path);
    else if (strcmp(verb, "SIZE") == 0 || strcmp(verb, "MDTM") == 0 || strcmp(verb, "MLST") == 0)
        tell(f, verb, path);
    else if (strcmp(verb, "RETR") == 0)
        retrieve(f, path);
    else if (strcmp(verb, "STOR") == 0 || strcmp(verb, "APPE") == 0)
        store(f, path, verb[0] == 'A');
    else if (strcmp(verb, "DELE") == 0 || strcmp(verb, "RMD") == 0 || strcmp(verb, "XRMD") == 0)
        remove_thing(f, path, verb[0] != 'D');
    else if (strcmp(verb, "MKD") == 0 || strcmp(verb, "XMKD") == 0)
        far_folder_make(f->house, path, &err) ? reply(f, 257, "\"%s\" is made", path)
                                              : reply_error(f, &err);
    else if (strcmp(verb, "RNFR") == 0)
        text_copy(text_of(path), f->from, sizeof(f->from)), reply(f, 350, "and to what?");
    else if (strcmp(verb, "RNTO") == 0 && f->from[0])
        far_move(f->house, f->from, path, true, &err) ? reply(f, 250, "it is renamed")
                                                      : reply_error(f, &err);
    else
        reply(f, 502, "this is not something that files here can do");
    if (strcmp(verb, "RNFR") != 0)
        f->from[0] = 0;
}

static void guest(void *context, const struct door_guest *g)
{
    struct ftp *f = calloc(1, sizeof(*f));
    char line[LINE_ROOM], rest[LINE_ROOM], verb[8];
    if (!f)
        _exit(1);
    *f = (struct ftp){.settings = context, .guest = g, .listener = -1, .folder = "/"};
    door_give_up_rights();
    wait_at_most(g->fd, IDLE_SECONDS);
    reply(f, 220, "Posthouse. Say AUTH TLS first");
    while (!f->over && next_line(f, line)) {
        if (!ftp_command(text_of(line), verb, rest, sizeof(rest)))
            reply(f, 500, "this is no command");
        else if (before_login(f, verb, rest))
            continue;
        else if (!f->house)
            reply(f, 530, "say USER and PASS first");
        else if (!plain(f, verb, rest))
            with_path(f, verb, rest);
    }
    explicit_bzero(line, sizeof(line));
    client_close(f->house);
    if (f->tls)
        SSL_shutdown(f->tls);
    // Everything goes with the process; what checks leaks in tests may not start here.
    _exit(0);
}

bool ftps_serve(const struct ftps_wish *w, struct error *err)
{
    struct settings s = {.tls = SSL_CTX_new(TLS_server_method())};
    if (!ftp_ports(w->ports, &s.first_port, &s.last_port)) {
        error_set(err, ERROR_INPUT, "ftps.ports can not be \"%s\"", w->ports);
        return error_fix(err, "write two ports, as 30000-30099");
    }
    if (!s.tls || !SSL_CTX_set_min_proto_version(s.tls, TLS1_2_VERSION) ||
        SSL_CTX_use_certificate_chain_file(s.tls, w->certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(s.tls, w->key, SSL_FILETYPE_PEM) != 1) {
        error_set(err, ERROR_DAMAGED, "the certificate of the FTPS door can not be used");
        error_why(err, "%s", ERR_reason_error_string(ERR_peek_last_error()));
        return error_fix(err, "see %s and %s", w->certificate, w->key);
    }
    SSL_CTX_set_mode(s.tls, SSL_MODE_AUTO_RETRY);
    // A ticket is never read by a client that only sends: when it closes, the system would throw
    // away what is still on its way (seen with rclone 1.60).
    SSL_CTX_set_num_tickets(s.tls, 0);
    SSL_CTX_set_options(s.tls, SSL_OP_NO_TICKET);
    struct door_wish door = w->door;
    door.name = "FTPS";
    door.guest = guest;
    door.context = &s;
    return door_serve(&door, err);
}
