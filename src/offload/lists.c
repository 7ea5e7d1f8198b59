// What lists on the card say of its files. A list that cannot be understood is said and is no
// error: the card is copied all the same.
#include "formats/sums/sums.h"
#include "offload/inside.h"
#include "plat/files.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

// The folder of a list below the card, with the '/' behind; "" for the card itself.
static const char *folder_of(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_copy(a, path, (size_t)(slash - path) + 1) : "";
}

static void want(struct offload *o, const char *list, const char *folder, const char *path,
                 enum mhl_kind kind, const char *digest, bool tell_missing)
{
    const char *whole = arena_format(o->a, "%s%s", folder, path);
    struct offload_file *f = mhl_path_good(whole) ? offload_file_at(o, whole) : NULL;
    if (!f && mhl_path_good(path)) // some say it from the top of the card
        f = offload_file_at(o, path);
    if (!f || f->folder) {
        if (tell_missing)
            offload_path_add(&o->not_there, o->a, arena_format(o->a, "%s (by %s)", whole, list));
        return;
    }
    if (!f->wanted[kind])
        f->wanted[kind] = digest;
    if (!f->list)
        f->list = list;
}

// Generations of a history are checked as a whole on the copies; here only their digests count.
static void take_mhl(struct offload *o, const char *path, const struct mhl_list *l)
{
    const char *folder = folder_of(o->a, path);
    size_t size = strlen(folder);
    if (!l->legacy) {
        if (size < 7 || strcmp(folder + size - 7, "ascmhl/") != 0)
            return;
        folder = arena_copy(o->a, folder, size - 7);
    }
    for (size_t i = 0; i < l->count; i++) {
        const struct mhl_entry *e = &l->entries[i];
        bool told = false;
        for (int k = 0; k < MHL_KINDS && !e->folder; k++)
            if (e->digests[k].text && e->digests[k].action != MHL_FAILED) {
                want(o, path, folder, e->path, (enum mhl_kind)k, e->digests[k].text,
                     l->legacy && !told);
                told = true;
            }
    }
}

static void take_sums(struct offload *o, const char *path, const struct sum *rows, size_t count)
{
    const char *folder = folder_of(o->a, path), *name = path + strlen(folder);
    const char *dot = strrchr(name, '.');
    enum mhl_kind kind;
    for (size_t i = 0; i < count; i++) {
        const char *of = rows[i].path;
        if (!of && dot && count == 1) // a sidecar: clip.mov.md5
            of = arena_copy(o->a, name, (size_t)(dot - name));
        if (of && mhl_kind_named(text_of(rows[i].kind), &kind))
            want(o, path, folder, of, kind, rows[i].digest, rows[i].path != NULL);
    }
}

static bool read_one(struct offload *o, const char *path, bool is_mhl, const char *kind,
                     struct error *err)
{
    char full[PATH_MAX];
    struct buf bytes = BUF_LIMIT(MHL_INPUT_BYTES);
    struct mhl_list list;
    struct sum *rows;
    size_t count;
    bool ok = (path_join(full, sizeof(full), o->card, path) ||
               error_set(err, ERROR_INPUT, "a path is too long")) &&
              file_read(full, &bytes, err);
    text all = {bytes.at, bytes.size};
    if (ok && is_mhl && (ok = mhl_read(all, o->a, &list, err)))
        take_mhl(o, path, &list);
    if (ok && !is_mhl && (ok = sums_read(all, kind, o->a, &rows, &count, err)))
        take_sums(o, path, rows, count);
    buf_free(&bytes);
    return ok;
}

void offload_lists(struct offload *o)
{
    struct error bad;
    for (size_t i = 0; i < o->count; i++) {
        const char *path = o->files[i].path, *dot = strrchr(path, '.'), *kind;
        const char *slash = strrchr(path, '/');
        bool is_mhl = dot && strcasecmp(dot, ".mhl") == 0;
        if (o->files[i].folder || (!is_mhl && !sums_named(slash ? slash + 1 : path, &kind)))
            continue;
        if (strncmp(slash ? slash + 1 : path, "._", 2) == 0)
            continue; // what a Mac leaves beside a file
        if (read_one(o, path, is_mhl, is_mhl ? NULL : kind, &bad))
            offload_path_add(&o->lists, o->a, path);
        else
            offload_path_add(&o->not_read, o->a,
                             arena_format(o->a, "%s: %s", path, *bad.why ? bad.why : bad.what));
    }
}
