/*
 * By SFTP. The package goes into .posthouse-MARK in the folder there, a cut file goes on where it
 * ends there, each is read back and compared (SFTP has no checksums that servers agree on), and
 * then all of it is renamed: one step for a package with a folder of its own, one a file without.
 * SFTP's rename does not write over what is there.
 *
 * The server proves itself by its host key, which is a setting: without the right one not even the
 * user's name is sent.
 */
#include "farend/inside.h"
#include "plat/hash.h"

#include <stdlib.h>
#include <string.h>

struct sftp {
    struct send *s;
    const json_t *settings, *secrets;
    struct arena *a;
    const char *folder; // as the server's commands take it, no slash at the end
    size_t number;
    bool stop; // after the first bytes: only the size is wanted
};

static const char *folder_of(struct arena *a, const json_t *settings)
{
    const char *path = word_of(settings, "path");
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    return arena_copy(a, path, size);
}

// "/a/b" is of the root, "a/b" of the user's home.
static const char *url_of(struct sftp *p, const char *path)
{
    struct buf b = BUF_LIMIT(8192);
    const char *host = word_of(p->settings, "host");
    bool six = strchr(host, ':') != NULL;
    buf_format(&b, "sftp://%s%s%s:%lld", six ? "[" : "", host, six ? "]" : "",
               (long long)number_of(p->settings, "port", 22));
    buf_text(&b, *path == '/' ? "" : "/~/");
    outside_encode(path, true, &b);
    const char *url = arena_text(p->a, b.at);
    buf_free(&b);
    return url;
}

static struct outside_wish wish_of(struct sftp *p, const char *path)
{
    const char *password = word_of(p->secrets, "password"),
               *key = word_of(p->secrets, "private_key");
    return (struct outside_wish){.url = url_of(p, path),
                                 .user = word_of(p->settings, "user"),
                                 .password = *password ? password : NULL,
                                 .key = *key ? key : NULL,
                                 .passphrase = word_of(p->secrets, "passphrase"),
                                 .host_key = word_of(p->settings, "host_key"),
                                 .context = p};
}

static const char *quoted(struct arena *a, const char *path)
{
    struct buf b = BUF_LIMIT(8192);
    buf_text(&b, "\"");
    for (const char *c = path; *c; c++) {
        if (*c == '"' || *c == '\\')
            buf_text(&b, "\\");
        buf_add(&b, c, 1);
    }
    buf_text(&b, "\"");
    const char *made = arena_text(a, b.at);
    buf_free(&b);
    return made;
}

static bool first_bytes(void *context, const void *at, size_t size, struct error *err)
{
    (void)context, (void)at, (void)size;
    return error_set(err, ERROR_CANCELLED, "that was all");
}

// -1: it is not there.
static bool size_there(struct sftp *p, const char *path, int64_t *size, struct error *err)
{
    struct outside_reply reply;
    struct outside_wish w = wish_of(p, path);
    w.download = first_bytes;
    bool ok = outside_call(&w, &reply, err) || err->kind == ERROR_CANCELLED;
    *size = ok ? reply.size : -1;
    if (!ok && err->kind == ERROR_NOT_FOUND)
        ok = true;
    if (ok && *size < 0 && err->kind == ERROR_CANCELLED)
        *size = 0;
    outside_free(&reply);
    return ok;
}

static bool give(void *context, int64_t offset, void *to, size_t size, struct error *err)
{
    struct sftp *p = context;
    return p->s->w->read(p->s->w->context, p->number, offset, to, size, err);
}

static bool sent_some(void *context, int64_t sent)
{
    struct sftp *p = context;
    (void)sent;
    return !p->s || moved_to(p->s, p->s->now);
}

static bool upload(struct sftp *p, const char *path, struct error *err)
{
    const struct farend_file *f = &p->s->w->files[p->number];
    struct outside_reply reply;
    int64_t there = 0;
    if (!size_there(p, path, &there, err))
        return false;
    if (there == f->size)
        return true;
    struct outside_wish w = wish_of(p, path);
    w.upload = give;
    w.upload_from = there > 0 && there < f->size ? there : 0;
    w.upload_size = f->size - w.upload_from;
    w.moved = sent_some;
    bool ok = outside_call(&w, &reply, err);
    outside_free(&reply);
    return ok;
}

static bool read_back(struct sftp *p, const struct farend_file *f, const char *path,
                      struct error *err)
{
    struct comparing c = {.s = p->s, .hash = hasher_open("sha256")};
    struct outside_reply reply;
    struct outside_wish w = wish_of(p, path);
    w.download = compare_piece;
    w.context = &c;
    bool ok = outside_call(&w, &reply, err);
    outside_free(&reply);
    if (!ok) {
        hasher_close(c.hash);
        return false;
    }
    return compare_end(&c, f, err);
}

// A command alone: there is no call of SFTP without a listing or a file.
static bool command(struct sftp *p, const char *text, struct error *err)
{
    const char *list[] = {text, NULL};
    struct outside_reply reply;
    const char *dir =
        *p->folder == '/' && !p->folder[1] ? "/" : arena_format(p->a, "%s/", p->folder);
    struct outside_wish w = wish_of(p, dir);
    w.before = list;
    bool ok = outside_call(&w, &reply, err);
    outside_free(&reply);
    return ok;
}

static const char *below(struct sftp *p, const char *a, const char *b)
{
    return strcmp(p->folder, "/") == 0
               ? arena_format(p->a, "/%s%s%s", a, *a ? "/" : "", b)
               : arena_format(p->a, "%s/%s%s%s", p->folder, a, *a ? "/" : "", b);
}

static bool all_there(struct sftp *p, bool *all, bool *any, struct error *err)
{
    const struct farend_wish *w = p->s->w;
    *all = true;
    *any = false;
    for (size_t i = 0; i < w->count; i++) {
        int64_t size;
        const char *path = below(p, w->folder, w->files[i].name);
        struct error ignored;
        if (!size_there(p, path, &size, err))
            return false;
        *any = *any || size >= 0;
        *all = *all && size == w->files[i].size && read_back(p, &w->files[i], path, &ignored);
    }
    return true;
}

static bool rename_it(struct sftp *p, const char *from, const char *to, struct error *err)
{
    const char *text = arena_format(p->a, "rename %s %s", quoted(p->a, from), quoted(p->a, to));
    if (command(p, text, err))
        return true;
    return err->kind == ERROR_CONFLICT ? lies_there(to, err) : false;
}

bool sftp_send(struct send *s, struct error *err)
{
    const struct farend_wish *w = s->w;
    struct sftp p = {.s = s, .settings = w->settings, .secrets = w->secrets, .a = s->a};
    const char *part = arena_format(s->a, ".posthouse-%s", w->mark);
    bool all = false, any = false, ok;
    p.folder = folder_of(s->a, w->settings);
    s->place = arena_format(
        s->a, "sftp://%s%s%s", word_of(w->settings, "host"), *p.folder == '/' ? "" : "/~/",
        *w->folder ? below(&p, "", w->folder) : below(&p, "", w->files[0].name));
    ok = all_there(&p, &all, &any, err);
    if (ok && any && !all)
        return lies_there(s->place, err);
    for (size_t i = 0; ok && i < w->count; i++) {
        const char *path = below(&p, part, w->files[i].name);
        p.number = i;
        ok = all || (upload(&p, path, err) && read_back(&p, &w->files[i], path, err));
        if (!ok && err->kind == ERROR_DAMAGED) {
            struct error second; // the next try begins anew
            (void)!command(&p, arena_format(s->a, "*rm %s", quoted(s->a, path)), &second);
        }
        s->before += w->files[i].size;
        ok = ok && (moved_to(s, 0) || stopped(err));
        if (ok)
            proven(s, w->files[i].name, "read back, SHA-256 compared");
    }
    if (ok && !all && *w->folder)
        return rename_it(&p, below(&p, "", part), below(&p, "", w->folder), err);
    for (size_t i = 0; ok && !all && i < w->count; i++)
        ok = rename_it(&p, below(&p, part, w->files[i].name), below(&p, "", w->files[i].name), err);
    struct error second; // it is empty now; one that stays is no fault
    if (ok && !all)
        (void)!command(&p, arena_format(s->a, "*rmdir %s", quoted(s->a, below(&p, "", part))),
                       &second);
    return ok;
}

bool sftp_test(const json_t *settings, const json_t *secrets, struct arena *a, const char **answer,
               struct error *err)
{
    struct sftp p = {.settings = settings, .secrets = secrets, .a = a};
    struct outside_reply reply;
    p.folder = folder_of(a, settings);
    const char *path = below(&p, "", ".posthouse-test");
    const char *after[] = {arena_format(a, "rm %s", quoted(a, path)), NULL};
    struct outside_wish w = wish_of(&p, path);
    w.body = text_of("posthouse");
    w.after = after;
    bool ok = outside_call(&w, &reply, err);
    outside_free(&reply);
    *answer = "the server's key is the right one, and it can be written";
    return ok;
}
