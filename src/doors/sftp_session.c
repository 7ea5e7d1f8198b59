/*
 * One SFTP session: the process that speaks with a stranger. It begins without rights (another
 * user, no new programs, nothing to be written on this machine) and gets those of a person, at the
 * house, when the guard says so.
 */
#include "doors/sftp_session.h"
#include "doors/far.h"

#include "base/log.h"

#include <errno.h>
#include <libssh/callbacks.h>
#define WITH_SERVER
#include <libssh/sftp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    PIECE = 32 << 20, // bytes are sent to the house so many at once
    AHEAD_LEAST = 256 << 10,
    AHEAD_MOST = 8 << 20,
    READ_MOST = 256 << 10, // of one answer
    EARLY_MOST = 64,       // pieces that came before those that belong before them,
    EARLY_BYTES = 32 << 20,
    NAMES_AT_ONCE = 64,
    PATH_ROOM = 4100,
    GOODBYE_SECONDS = 10,
};

struct session {
    ssh_session ssh;
    ssh_channel channel;
    struct ssh_server_callbacks_struct server;
    struct ssh_channel_callbacks_struct on_channel;
    int guard, tries;
    bool in, sftp_wanted;
    char secret[44];
    struct client *house;
};

// ---- logging in

static bool asked(struct session *s, enum guard_ask kind, const char *user, const char *secret)
{
    return s->tries++ < GUARD_TRIES && guard_ask(s->guard, kind, user, secret, s->secret);
}

static int on_password(ssh_session ssh, const char *user, const char *password, void *context)
{
    struct session *s = context;
    (void)ssh;
    s->in = asked(s, ASK_PASSWORD, user, password) && s->secret[0];
    return s->in ? SSH_AUTH_SUCCESS : SSH_AUTH_DENIED;
}

static int on_key(ssh_session ssh, const char *user, struct ssh_key_struct *key, char state,
                  void *context)
{
    struct session *s = context;
    char *body = NULL;
    (void)ssh;
    if (state != SSH_PUBLICKEY_STATE_NONE && state != SSH_PUBLICKEY_STATE_VALID)
        return SSH_AUTH_DENIED;
    if (ssh_pki_export_pubkey_base64(key, &body) != SSH_OK)
        return SSH_AUTH_DENIED;
    bool proven = state == SSH_PUBLICKEY_STATE_VALID; // libssh has checked the signature
    bool right = asked(s, proven ? ASK_KEY_PROVEN : ASK_KEY_KNOWN, user, body);
    ssh_string_free_char(body);
    s->in = proven && right && s->secret[0];
    return right ? SSH_AUTH_SUCCESS : SSH_AUTH_DENIED;
}

static int on_subsystem(ssh_session ssh, ssh_channel channel, const char *name, void *context)
{
    struct session *s = context;
    (void)ssh, (void)channel;
    s->sftp_wanted = strcmp(name, "sftp") == 0;
    return s->sftp_wanted ? 0 : 1;
}

static ssh_channel on_channel(ssh_session ssh, void *context)
{
    struct session *s = context;
    if (s->channel || !s->in)
        return NULL;
    s->channel = ssh_channel_new(ssh);
    if (s->channel)
        ssh_set_channel_callbacks(s->channel, &s->on_channel);
    return s->channel;
}

static bool log_in(struct session *s, ssh_bind bind, int fd)
{
    s->ssh = ssh_new();
    if (!s->ssh || ssh_bind_accept_fd(bind, s->ssh, fd) != SSH_OK)
        return false;
    door_give_up_rights();
    s->server =
        (struct ssh_server_callbacks_struct){.userdata = s,
                                             .auth_password_function = on_password,
                                             .auth_pubkey_function = on_key,
                                             .channel_open_request_session_function = on_channel};
    s->on_channel = (struct ssh_channel_callbacks_struct){
        .userdata = s, .channel_subsystem_request_function = on_subsystem};
    ssh_callbacks_init(&s->server);
    ssh_callbacks_init(&s->on_channel);
    ssh_set_server_callbacks(s->ssh, &s->server);
    ssh_set_auth_methods(s->ssh, SSH_AUTH_METHOD_PASSWORD | SSH_AUTH_METHOD_PUBLICKEY);
    if (ssh_handle_key_exchange(s->ssh) != SSH_OK)
        return false;
    ssh_event event = ssh_event_new();
    bool alive = event && ssh_event_add_session(event, s->ssh) == SSH_OK;
    while (alive && !s->sftp_wanted)
        alive = ssh_event_dopoll(event, -1) == SSH_OK && s->tries < GUARD_TRIES;
    if (event) {
        ssh_event_remove_session(event, s->ssh);
        ssh_event_free(event);
    }
    alarm(0);
    return alive && s->in;
}

// ---- files

struct early {
    int64_t offset;
    size_t size;
    char *at;
};

struct open_file {
    bool writing, listing, broken;
    char path[PATH_ROOM];
    struct arena *a;
    struct far_node node;
    // reading
    char *ahead;
    int64_t ahead_at;
    size_t ahead_size, ahead_wish;
    // writing
    struct far_write write;
    char *piece;
    size_t piece_size;
    struct early early[EARLY_MOST];
    size_t early_count, early_bytes;
    int64_t modified_ms;
    // listing
    struct far_node *list;
    size_t count, next;
};

static void file_close(struct open_file *f)
{
    for (size_t i = 0; i < f->early_count; i++)
        free(f->early[i].at);
    free(f->ahead);
    free(f->piece);
    arena_close(f->a);
    free(f);
}

static struct open_file *file_new(const char *path)
{
    struct open_file *f = calloc(1, sizeof(*f));
    if (!f)
        abort();
    f->a = arena_open((size_t)1 << 30);
    text_copy(text_of(path), f->path, sizeof(f->path));
    return f;
}

static void reply_error(sftp_client_message m, const struct error *err)
{
    uint32_t status = err->kind == ERROR_NOT_FOUND ? SSH_FX_NO_SUCH_FILE
                      : err->kind == ERROR_DENIED || err->kind == ERROR_LOGIN
                          ? SSH_FX_PERMISSION_DENIED
                          : SSH_FX_FAILURE;
    char words[1024];
    snprintf(words, sizeof(words), "%s%s%s", err->what, err->why[0] ? ": " : "", err->why);
    sftp_reply_status(m, status, words);
}

static void reply_ok(sftp_client_message m)
{
    sftp_reply_status(m, SSH_FX_OK, "");
}

static void attributes_of(const struct far_node *n, struct sftp_attributes_struct *to)
{
    uint32_t mode = n->folder ? (n->may_upload ? 0755 : 0555) : (n->may_upload ? 0644 : 0444);
    memset(to, 0, sizeof(*to));
    to->flags = SSH_FILEXFER_ATTR_SIZE | SSH_FILEXFER_ATTR_PERMISSIONS |
                SSH_FILEXFER_ATTR_ACMODTIME | SSH_FILEXFER_ATTR_UIDGID;
    to->size = (uint64_t)n->size;
    to->permissions = mode | (n->folder ? S_IFDIR : S_IFREG);
    to->mtime = to->atime = (uint32_t)(n->modified_ms / 1000);
}

// What is at a path; a file that is on its way from this person is shown with what came of it.
static bool look(struct session *s, const char *path, struct arena *a, struct far_node *n,
                 struct error *err)
{
    struct far_write w;
    struct error none;
    if (far_find(s->house, path, a, n, err))
        return true;
    if (err->kind != ERROR_NOT_FOUND || !far_write_at(s->house, path, &w, &none))
        return false;
    *n = (struct far_node){.may_upload = true, .size = w.offset, .path = arena_text(a, path)};
    return true;
}

static void give_handle(sftp_session sftp, sftp_client_message m, struct open_file *f)
{
    ssh_string handle = sftp_handle_alloc(sftp, f);
    if (!handle) {
        file_close(f);
        sftp_reply_status(m, SSH_FX_FAILURE, "too many files are open");
        return;
    }
    sftp_reply_handle(m, handle);
    ssh_string_free(handle);
}

// ---- reading

static bool fill_ahead(struct session *s, struct open_file *f, int64_t offset, struct error *err)
{
    bool follows = f->ahead && offset == f->ahead_at + (int64_t)f->ahead_size;
    size_t wish = follows ? f->ahead_wish * 2 : AHEAD_LEAST;
    f->ahead_wish = wish > AHEAD_MOST ? AHEAD_MOST : wish;
    int64_t left = f->node.size - offset;
    size_t size = left < (int64_t)f->ahead_wish ? (size_t)left : f->ahead_wish;
    if (!f->ahead && !(f->ahead = malloc(AHEAD_MOST)))
        return error_set(err, ERROR_INTERNAL, "no memory to read");
    f->ahead_size = 0;
    if (!far_read(s->house, &f->node, offset, f->ahead, size, err))
        return false;
    f->ahead_at = offset;
    f->ahead_size = size;
    return true;
}

static void on_read(struct session *s, sftp_client_message m, struct open_file *f)
{
    struct error err;
    int64_t offset = (int64_t)m->offset;
    if (!f || f->writing || f->listing) {
        sftp_reply_status(m, SSH_FX_FAILURE, "this is not open for reading");
    } else if (offset < 0 || offset >= f->node.size) {
        sftp_reply_status(m, SSH_FX_EOF, "");
    } else if ((offset < f->ahead_at || offset >= f->ahead_at + (int64_t)f->ahead_size) &&
               !fill_ahead(s, f, offset, &err)) {
        reply_error(m, &err);
    } else {
        size_t from = (size_t)(offset - f->ahead_at), size = f->ahead_size - from;
        size = size > m->len ? m->len : size;
        sftp_reply_data(m, f->ahead + from, (int)(size > READ_MOST ? READ_MOST : size));
    }
}

// ---- writing

static bool send_piece(struct session *s, struct open_file *f, struct error *err)
{
    bool ok = !f->piece_size || far_write_bytes(s->house, &f->write, f->piece, f->piece_size, err);
    if (ok)
        f->piece_size = 0;
    return ok;
}

static bool add_bytes(struct session *s, struct open_file *f, const char *at, size_t size,
                      struct error *err)
{
    while (size) {
        size_t room = PIECE - f->piece_size, some = size < room ? size : room;
        memcpy(f->piece + f->piece_size, at, some);
        f->piece_size += some;
        at += some;
        size -= some;
        if (f->piece_size == PIECE && !send_piece(s, f, err))
            return false;
    }
    return true;
}

static bool add_early(struct open_file *f, int64_t offset, const char *at, size_t size,
                      struct error *err)
{
    if (f->early_count == EARLY_MOST || f->early_bytes + size > EARLY_BYTES) {
        error_set(err, ERROR_UNSUPPORTED, "the file is not written in order");
        return error_why(err, "bytes far ahead of %lld came", (long long)f->write.offset);
    }
    char *copy = malloc(size ? size : 1);
    if (!copy)
        return error_set(err, ERROR_INTERNAL, "no memory to write");
    memcpy(copy, at, size);
    f->early[f->early_count++] = (struct early){offset, size, copy};
    f->early_bytes += size;
    return true;
}

static int64_t stands_at(const struct open_file *f)
{
    return f->write.offset + (int64_t)f->piece_size;
}

static bool add_those_that_follow(struct session *s, struct open_file *f, struct error *err)
{
    for (size_t i = 0; i < f->early_count;) {
        struct early e = f->early[i];
        if (e.offset != stands_at(f)) {
            i++;
            continue;
        }
        f->early[i] = f->early[--f->early_count];
        f->early_bytes -= e.size;
        bool ok = add_bytes(s, f, e.at, e.size, err);
        free(e.at);
        if (!ok)
            return false;
        i = 0;
    }
    return true;
}

static bool write_at(struct session *s, struct open_file *f, int64_t offset, const char *at,
                     size_t size, struct error *err)
{
    int64_t now = stands_at(f);
    if (offset > now)
        return add_early(f, offset, at, size, err);
    if (offset < now) {
        if (offset < f->write.offset || offset + (int64_t)size > now) {
            error_set(err, ERROR_UNSUPPORTED, "the file is not written in order");
            error_why(err, "it stands at %lld, bytes from %lld on came", (long long)now,
                      (long long)offset);
            return error_fix(err, "send it whole");
        }
        memcpy(f->piece + (offset - f->write.offset), at, size);
        return true;
    }
    return add_bytes(s, f, at, size, err) && add_those_that_follow(s, f, err);
}

static void on_write(struct session *s, sftp_client_message m, struct open_file *f)
{
    struct error err;
    if (!f || !f->writing || f->broken) {
        sftp_reply_status(m, SSH_FX_FAILURE, "this is not open for writing");
        return;
    }
    f->broken = !write_at(s, f, (int64_t)m->offset, ssh_string_data(m->data),
                          ssh_string_len(m->data), &err);
    if (f->broken)
        reply_error(m, &err);
    else
        reply_ok(m);
}

// The client says that it is whole: from here on it is a file of the house.
static bool finish(struct session *s, struct open_file *f, struct error *err)
{
    if (f->broken || f->early_count) {
        error_set(err, ERROR_CONFLICT, "the file is not complete");
        return error_fix(err, "send it again");
    }
    return send_piece(s, f, err) && far_write_finish(s->house, &f->write, f->modified_ms, err);
}

static void on_close(struct session *s, sftp_session sftp, sftp_client_message m,
                     struct open_file *f)
{
    struct error err;
    if (!f) {
        sftp_reply_status(m, SSH_FX_FAILURE, "this is not open");
        return;
    }
    sftp_handle_remove(sftp, f);
    if (f->writing && !finish(s, f, &err))
        reply_error(m, &err);
    else
        reply_ok(m);
    file_close(f);
}

static void on_open(struct session *s, sftp_session sftp, sftp_client_message m, const char *path)
{
    struct error err;
    struct open_file *f = file_new(path);
    bool there = far_find(s->house, path, f->a, &f->node, &err);
    bool writes = m->flags & (SSH_FXF_WRITE | SSH_FXF_APPEND);
    if (!there && (err.kind != ERROR_NOT_FOUND || !writes || !(m->flags & SSH_FXF_CREAT))) {
        reply_error(m, &err);
        file_close(f);
        return;
    }
    if (there && (f->node.folder || (m->flags & SSH_FXF_EXCL && writes))) {
        sftp_reply_status(m, SSH_FX_FAILURE,
                          f->node.folder ? "this is a folder" : "there is such a file already");
        file_close(f);
        return;
    }
    if (writes) {
        f->writing = true;
        f->piece = malloc(PIECE);
        if (!f->piece)
            abort();
        if (!far_write_begin(s->house, path, -1, m->flags & SSH_FXF_TRUNC, &f->write, &err)) {
            reply_error(m, &err);
            file_close(f);
            return;
        }
    } else if (!f->node.may_download) {
        sftp_reply_status(m, SSH_FX_PERMISSION_DENIED, "you may not download this");
        file_close(f);
        return;
    }
    give_handle(sftp, m, f);
}

// ---- folders

static void on_opendir(struct session *s, sftp_session sftp, sftp_client_message m,
                       const char *path)
{
    struct error err;
    struct open_file *f = file_new(path);
    if (far_find(s->house, path, f->a, &f->node, &err) && !f->node.folder)
        error_set(&err, ERROR_CONFLICT, "this is a file, no folder");
    else if (f->node.path && far_list(s->house, path, f->a, &f->list, &f->count, &err)) {
        f->listing = true;
        give_handle(sftp, m, f);
        return;
    }
    reply_error(m, &err);
    file_close(f);
}

static const char *long_name(struct arena *a, const struct far_node *n)
{
    char when[32];
    time_t at = (time_t)(n->modified_ms / 1000);
    struct tm parts;
    gmtime_r(&at, &parts);
    strftime(when, sizeof(when), "%b %e  %Y", &parts);
    return arena_format(a, "%s 1 house house %12lld %s %s", n->folder ? "drwxr-xr-x" : "-rw-r--r--",
                        (long long)n->size, when, n->name);
}

static void on_readdir(sftp_client_message m, struct open_file *f)
{
    if (!f || !f->listing) {
        sftp_reply_status(m, SSH_FX_FAILURE, "this is no folder that is open");
        return;
    }
    if (f->next == f->count) {
        sftp_reply_status(m, SSH_FX_EOF, "");
        return;
    }
    for (int i = 0; i < NAMES_AT_ONCE && f->next < f->count; i++) {
        struct sftp_attributes_struct attributes;
        const struct far_node *n = &f->list[f->next++];
        attributes_of(n, &attributes);
        sftp_reply_names_add(m, n->name, long_name(f->a, n), &attributes);
    }
    sftp_reply_names(m);
}

static bool empty_folder(struct session *s, const char *path, struct arena *a, struct error *err)
{
    struct far_node n, *list;
    size_t count;
    if (!far_find(s->house, path, a, &n, err) || !far_list(s->house, path, a, &list, &count, err))
        return false;
    if (n.folder && !count)
        return true;
    error_set(err, ERROR_CONFLICT, n.folder ? "the folder is not empty" : "this is no folder");
    return false;
}

static void act(struct session *s, sftp_client_message m, const char *path)
{
    struct error err;
    struct far_node n;
    struct far_write w;
    char to[PATH_ROOM];
    struct arena *a = arena_open((size_t)1 << 30);
    bool ok = false;
    switch (sftp_client_message_get_type(m)) {
    case SSH_FXP_MKDIR:
        ok = far_folder_make(s->house, path, &err);
        break;
    case SSH_FXP_RMDIR:
        ok = empty_folder(s, path, a, &err) && far_delete(s->house, path, &err);
        break;
    case SSH_FXP_REMOVE:
        if (far_find(s->house, path, a, &n, &err))
            ok = n.folder ? error_set(&err, ERROR_CONFLICT, "this is a folder")
                          : far_delete(s->house, path, &err);
        else if (err.kind == ERROR_NOT_FOUND && far_write_at(s->house, path, &w, &err))
            ok = far_write_drop(s->house, &w, &err);
        break;
    default: // renaming; over a file only when the client says so
        ok = sftp_path(sftp_client_message_get_data(m), to, sizeof(to))
                 ? far_move(s->house, path, to, sftp_client_message_get_type(m) == SSH_FXP_EXTENDED,
                            &err)
                 : error_set(&err, ERROR_INPUT, "this path can not be used");
    }
    arena_close(a);
    if (ok)
        reply_ok(m);
    else
        reply_error(m, &err);
}

static void on_stat(struct session *s, sftp_client_message m, const char *path)
{
    struct error err;
    struct far_node n;
    struct sftp_attributes_struct attributes;
    struct arena *a = arena_open(1 << 20);
    if (look(s, path, a, &n, &err)) {
        attributes_of(&n, &attributes);
        sftp_reply_attr(m, &attributes);
    } else {
        reply_error(m, &err);
    }
    arena_close(a);
}

static void on_fstat(sftp_client_message m, struct open_file *f)
{
    struct sftp_attributes_struct attributes;
    if (!f) {
        sftp_reply_status(m, SSH_FX_FAILURE, "this is not open");
        return;
    }
    struct far_node n = f->node;
    if (f->writing)
        n = (struct far_node){.may_upload = true, .size = stands_at(f)};
    attributes_of(&n, &attributes);
    sftp_reply_attr(m, &attributes);
}

// Owners and modes are the house's own; times are kept.
static void on_set(struct session *s, sftp_client_message m, const char *path, struct open_file *f)
{
    struct error err;
    bool timed = m->attr && m->attr->flags & SSH_FILEXFER_ATTR_ACMODTIME && m->attr->mtime;
    int64_t modified_ms = timed ? (int64_t)m->attr->mtime * 1000 : 0;
    if (f && f->writing)
        f->modified_ms = timed ? modified_ms : f->modified_ms;
    else if (timed && !far_touch(s->house, f ? f->path : path, modified_ms, &err)) {
        reply_error(m, &err);
        return;
    }
    reply_ok(m);
}

// ---- the loop

static void answer(struct session *s, sftp_session sftp, sftp_client_message m)
{
    char path[PATH_ROOM];
    uint8_t type = sftp_client_message_get_type(m);
    const char *name = sftp_client_message_get_filename(m);
    struct open_file *f = m->handle ? sftp_handle(sftp, m->handle) : NULL;
    if (name && !sftp_path(name, path, sizeof(path))) {
        sftp_reply_status(m, SSH_FX_BAD_MESSAGE, "this path can not be used");
        return;
    }
    bool rename = type == SSH_FXP_RENAME ||
                  (type == SSH_FXP_EXTENDED && sftp_client_message_get_submessage(m) &&
                   strcmp(sftp_client_message_get_submessage(m), "posix-rename@openssh.com") == 0);
    if (name &&
        (type == SSH_FXP_MKDIR || type == SSH_FXP_RMDIR || type == SSH_FXP_REMOVE || rename))
        act(s, m, path);
    else if (type == SSH_FXP_OPEN && name)
        on_open(s, sftp, m, path);
    else if (type == SSH_FXP_OPENDIR && name)
        on_opendir(s, sftp, m, path);
    else if ((type == SSH_FXP_STAT || type == SSH_FXP_LSTAT) && name)
        on_stat(s, m, path);
    else if (type == SSH_FXP_REALPATH && name)
        sftp_reply_name(m, path, NULL);
    else if (type == SSH_FXP_SETSTAT && name)
        on_set(s, m, path, NULL);
    else if (type == SSH_FXP_READ)
        on_read(s, m, f);
    else if (type == SSH_FXP_WRITE && m->data)
        on_write(s, m, f);
    else if (type == SSH_FXP_CLOSE)
        on_close(s, sftp, m, f);
    else if (type == SSH_FXP_READDIR)
        on_readdir(m, f);
    else if (type == SSH_FXP_FSTAT)
        on_fstat(m, f);
    else if (type == SSH_FXP_FSETSTAT && f)
        on_set(s, m, NULL, f);
    else
        sftp_reply_status(m, SSH_FX_OP_UNSUPPORTED, "this is not something that files here can do");
}

// The line was cut: what came of files that were open stays for going on.
static void keep_what_came(struct session *s, sftp_session sftp)
{
    struct error none;
    for (int i = 0; sftp->handles && i < 256; i++) { // as many as libssh has (sftp_handle_alloc)
        struct open_file *f = sftp->handles[i];
        if (f && f->writing && !f->broken)
            (void)!send_piece(s, f, &none);
    }
}

// The client hangs up, as with OpenSSH's server: some take it for a fault when we do.
static void say_goodbye(struct session *s)
{
    ssh_event event = ssh_event_new();
    alarm(GOODBYE_SECONDS);
    ssh_channel_request_send_exit_status(s->channel, 0);
    ssh_channel_send_eof(s->channel);
    ssh_channel_close(s->channel);
    if (event && ssh_event_add_session(event, s->ssh) == SSH_OK)
        while (ssh_event_dopoll(event, -1) == SSH_OK && ssh_is_connected(s->ssh))
            continue;
}

void sftp_guest(void *context, const struct door_guest *g)
{
    struct session *s = calloc(1, sizeof(*s));
    struct error err;
    if (!s)
        _exit(1);
    s->guard = g->guard;
    if (!log_in(s, context, g->fd))
        _exit(0);
    s->house = client_open(
        &(struct client_wish){
            .url = g->url, .fingerprint = g->fingerprint, .bearer = s->secret, .lines = 2},
        &err);
    sftp_session sftp = s->house ? sftp_server_new(s->ssh, s->channel) : NULL;
    if (!sftp || sftp_server_init(sftp) != SSH_OK)
        _exit(1);
    for (sftp_client_message m; (m = sftp_get_client_message(sftp));) {
        answer(s, sftp, m);
        sftp_client_message_free(m);
    }
    keep_what_came(s, sftp);
    client_close(s->house);
    say_goodbye(s);
    // Everything goes with the process; what checks leaks in tests may not start here.
    _exit(0);
}
