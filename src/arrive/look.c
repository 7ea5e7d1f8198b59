#include "arrive/arrive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
    struct arrive_file *at;
    size_t count, room;
};
struct arrive {
    const struct arrive_rules *rules;
    struct list now, before; // both in order once a look has ended
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static void list_clear(struct list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->at[i].path);
        free(l->at[i].problem);
    }
    l->count = 0;
}

// '/' before everything, so that a folder and what is in it stand together.
static int path_order(const char *a, const char *b)
{
    for (; *a && *a == *b; a++)
        b++;
    int x = *a == '/' ? 1 : *a ? (unsigned char)*a + 1 : 0;
    int y = *b == '/' ? 1 : *b ? (unsigned char)*b + 1 : 0;
    return x - y;
}

static int by_path(const void *a, const void *b)
{
    return path_order(((const struct arrive_file *)a)->path, ((const struct arrive_file *)b)->path);
}

static struct arrive_file *find(struct list *l, const char *path)
{
    struct arrive_file key = {.path = (char *)(uintptr_t)path};
    return l->count ? bsearch(&key, l->at, l->count, sizeof(*l->at), by_path) : NULL;
}

struct arrive *arrive_open(const struct arrive_rules *rules)
{
    struct arrive *a = must(calloc(1, sizeof(*a)));
    a->rules = rules;
    return a;
}

void arrive_close(struct arrive *a)
{
    if (!a)
        return;
    list_clear(&a->now);
    list_clear(&a->before);
    free(a->now.at);
    free(a->before.at);
    free(a);
}

void arrive_begin(struct arrive *a)
{
    struct list l = a->before;
    list_clear(&l);
    a->before = a->now;
    a->now = l;
}

void arrive_undo(struct arrive *a)
{
    struct list l = a->now;
    list_clear(&l);
    a->now = a->before;
    a->before = l;
}

void arrive_see(struct arrive *a, const struct file_seen *f)
{
    struct list *l = &a->now;
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 256;
        l->at = must(realloc(l->at, l->room * sizeof(*l->at)));
    }
    l->at[l->count++] = (struct arrive_file){.path = must(strdup(f->relative)),
                                             .folder = f->kind == FILE_FOLDER,
                                             .size = f->kind == FILE_FOLDER ? 0 : f->size,
                                             .modified_ns = f->modified_ns,
                                             .changed_ns = f->changed_ns,
                                             .inode = f->inode,
                                             .same = 1};
}

static void go_on(struct arrive_file *f, struct arrive_file *before)
{
    if (!before || f->folder != before->folder || f->size != before->size ||
        f->modified_ns != before->modified_ns || f->inode != before->inode)
        return;
    f->taken = before->taken;
    f->again_ms = before->again_ms;
    f->problem = before->problem;
    before->problem = NULL;
    if (f->changed_ns == before->changed_ns)
        f->same = before->same + 1;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static enum arrive_state state_of(const struct arrive *a, const struct arrive_file *f,
                                  const char *root, int64_t now_ms)
{
    const struct arrive_rules *r = a->rules;
    char path[8192];
    if (!f->folder && !arrive_wanted(r, f->path))
        return ARRIVE_LEFT_OUT;
    if (!f->folder && arrive_name_unfinished(name_of(f->path)))
        return ARRIVE_NAMED;
    if (f->same < r->looks)
        return ARRIVE_CHANGING;
    int64_t changed_ms =
        (f->changed_ns > f->modified_ns ? f->changed_ns : f->modified_ns) / 1000000;
    // A time of the future is of a clock that goes wrong: looks alone count then.
    if (r->age_ms && changed_ms <= now_ms && now_ms - changed_ms < r->age_ms)
        return ARRIVE_YOUNG;
    // The first look at which it could be taken asks, and each while somebody writes.
    if (!f->folder && !f->taken && r->writer && path_join(path, sizeof(path), root, f->path) &&
        r->writer(path) == WRITER_SOME)
        return ARRIVE_WRITTEN;
    return ARRIVE_READY;
}

// What a lock lies beside waits: the project, the bin.
static void lock(struct arrive *a, const struct arrive_file *of)
{
    char stem[256];
    const char *name = name_of(of->path);
    size_t above = (size_t)(name - of->path);
    if (of->folder || !arrive_name_lock(name, stem, sizeof(stem)))
        return;
    for (size_t i = 0; i < a->now.count; i++) {
        struct arrive_file *f = &a->now.at[i];
        const char *other = name_of(f->path);
        bool beside = (size_t)(other - f->path) == above && strncmp(f->path, of->path, above) == 0;
        size_t size = strlen(stem);
        if (!f->folder && beside && f->state == ARRIVE_READY && strncmp(other, stem, size) == 0 &&
            (other[size] == 0 || other[size] == '.'))
            f->state = ARRIVE_LOCKED;
    }
}

void arrive_end(struct arrive *a, const char *root, int64_t now_ms)
{
    if (a->now.count)
        qsort(a->now.at, a->now.count, sizeof(*a->now.at), by_path);
    for (size_t i = 0; i < a->now.count; i++)
        go_on(&a->now.at[i], find(&a->before, a->now.at[i].path));
    for (size_t i = 0; i < a->now.count; i++)
        a->now.at[i].state = state_of(a, &a->now.at[i], root, now_ms);
    for (size_t i = 0; i < a->now.count; i++)
        lock(a, &a->now.at[i]);
    list_clear(&a->before);
}

struct arrive_file *arrive_files(struct arrive *a, size_t *count)
{
    *count = a->now.count;
    return a->now.at;
}

struct arrive_file *arrive_file(struct arrive *a, const char *path)
{
    return find(&a->now, path);
}

size_t arrive_inside(const struct arrive *a, size_t index)
{
    const char *folder = a->now.at[index].path;
    size_t size = strlen(folder), count = 0;
    while (index + 1 + count < a->now.count) {
        const char *path = a->now.at[index + 1 + count].path;
        if (size && (strncmp(path, folder, size) != 0 || path[size] != '/'))
            break;
        count++;
    }
    return count;
}
