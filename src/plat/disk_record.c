/*
 * The recording disk, and what a power cut leaves of a recording.
 *
 * Replay keeps a small model of a file system: names lead to files; a file has its bytes as durable
 * and the writes since its last sync. Names made, moved or taken away are durable after a sync of
 * their folder. At the cut each unsynced write is lost, kept or torn, in any choice of them (disks
 * reorder); of names not synced a folder keeps the first few in order (journals do not reorder).
 */
#include "plat/disk.h"
#include "plat/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TORN = 512, OPEN_MOST = 4096 };

struct disk_record {
    struct disk disk; // first: the calls find the rest by it
    pthread_mutex_t lock;
    struct disk_step *steps;
    size_t count, room;
    char *paths[OPEN_MOST]; // of open descriptors
    int64_t good;           // steps until one fails; -1: none
    int errno_value;
    bool keep, failed;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static void keep_step(struct disk_record *r, const struct disk_step *s)
{
    if (r->count == r->room) {
        r->room = r->room ? r->room * 2 : 256;
        r->steps = must(realloc(r->steps, r->room * sizeof(*r->steps)));
    }
    struct disk_step *mine = &r->steps[r->count++];
    *mine = *s;
    mine->path = s->path ? must(strdup(s->path)) : NULL;
    mine->to = s->to ? must(strdup(s->to)) : NULL;
    if (s->bytes) {
        mine->bytes = must(malloc((size_t)s->size + 1));
        memcpy(mine->bytes, s->bytes, (size_t)s->size);
    }
}

// Whether the step that comes fails. With the lock.
static bool fails(struct disk_record *r)
{
    if (r->good < 0)
        return false;
    if (r->good > 0) {
        r->good--;
        return false;
    }
    r->failed = true;
    if (!r->keep)
        r->good = -1;
    return true;
}

// Writes the step down, then does it; one that fails is not done. Writes tear in half.
#define STEP(r, code, doing, ...)                                                                  \
    do {                                                                                           \
        pthread_mutex_lock(&(r)->lock);                                                            \
        struct disk_step step_ = {__VA_ARGS__};                                                    \
        if (fails(r)) {                                                                            \
            code = -(r)->errno_value;                                                              \
        } else {                                                                                   \
            code = doing;                                                                          \
            if (code >= 0)                                                                         \
                keep_step(r, &step_);                                                              \
        }                                                                                          \
        pthread_mutex_unlock(&(r)->lock);                                                          \
    } while (0)

static struct disk_record *of(struct disk *d)
{
    return (struct disk_record *)d;
}

static int rec_open(struct disk *d, const char *path, int flags)
{
    struct disk_record *r = of(d);
    struct disk *sys = disk_system();
    int fd;
    if (!(flags & (O_CREAT | O_TRUNC)))
        fd = sys->open(sys, path, flags); // changes nothing
    else
        STEP(r, fd, sys->open(sys, path, flags), .act = ACT_OPEN, .path = path,
             .create = flags & O_CREAT, .cut = flags & O_TRUNC);
    if (fd >= OPEN_MOST) {
        close(fd);
        return -EMFILE;
    }
    if (fd >= 0) {
        pthread_mutex_lock(&r->lock);
        free(r->paths[fd]);
        r->paths[fd] = must(strdup(path));
        pthread_mutex_unlock(&r->lock);
    }
    return fd;
}

static int rec_pwrite(struct disk *d, int fd, const void *at, size_t size, int64_t offset)
{
    struct disk_record *r = of(d);
    struct disk *sys = disk_system();
    int code;
    STEP(r, code, sys->pwrite(sys, fd, at, size, offset), .act = ACT_WRITE, .path = r->paths[fd],
         .bytes = (void *)at, .offset = offset, .size = (int64_t)size);
    if (code < 0 && size > 1) { // half of it went out before the disk said no
        pthread_mutex_lock(&r->lock);
        keep_step(r, &(struct disk_step){.act = ACT_WRITE,
                                         .path = r->paths[fd],
                                         .bytes = (void *)at,
                                         .offset = offset,
                                         .size = (int64_t)size / 2});
        (void)sys->pwrite(sys, fd, at, size / 2, offset);
        pthread_mutex_unlock(&r->lock);
    }
    return code;
}

static int rec_datasync(struct disk *d, int fd)
{
    struct disk_record *r = of(d);
    int code;
    // The system's own sync would only cost time: what counts is the record.
    STEP(r, code, 0, .act = ACT_SYNC, .path = r->paths[fd]);
    if (code < 0) { // the system drops the pages: what was pending never gets there
        pthread_mutex_lock(&r->lock);
        keep_step(r, &(struct disk_step){.act = ACT_SYNC, .path = r->paths[fd], .size = -1});
        pthread_mutex_unlock(&r->lock);
    }
    return code;
}

static int rec_truncate(struct disk *d, int fd, int64_t size)
{
    struct disk_record *r = of(d);
    struct disk *sys = disk_system();
    int code;
    STEP(r, code, sys->truncate(sys, fd, size), .act = ACT_TRUNCATE, .path = r->paths[fd],
         .size = size);
    return code;
}

static int rec_rename(struct disk *d, const char *from, const char *to)
{
    struct disk_record *r = of(d);
    struct disk *sys = disk_system();
    int code;
    STEP(r, code, sys->rename(sys, from, to), .act = ACT_RENAME, .path = from, .to = to);
    pthread_mutex_lock(&r->lock);
    for (int fd = 0; code >= 0 && fd < OPEN_MOST; fd++) { // open descriptors go with the name
        if (r->paths[fd] && strcmp(r->paths[fd], from) == 0) {
            free(r->paths[fd]);
            r->paths[fd] = must(strdup(to));
        }
    }
    pthread_mutex_unlock(&r->lock);
    return code;
}

static int rec_unlink(struct disk *d, const char *path)
{
    struct disk_record *r = of(d);
    struct disk *sys = disk_system();
    int code;
    STEP(r, code, sys->unlink(sys, path), .act = ACT_UNLINK, .path = path);
    return code;
}

static int rec_mkdir(struct disk *d, const char *path)
{
    struct disk_record *r = of(d);
    struct disk *sys = disk_system();
    int code;
    STEP(r, code, sys->mkdir(sys, path), .act = ACT_MKDIR, .path = path);
    return code;
}

static int rec_sync_folder(struct disk *d, const char *path)
{
    struct disk_record *r = of(d);
    int code;
    STEP(r, code, 0, .act = ACT_SYNC_FOLDER, .path = path);
    return code;
}

static void rec_push(struct disk *d, int fd, int64_t offset, int64_t size)
{
    (void)d;
    (void)fd;
    (void)offset;
    (void)size;
}

static int rec_space(struct disk *d, const char *path, int64_t *free_bytes, int64_t *total_bytes)
{
    (void)d;
    struct disk *sys = disk_system();
    return sys->space(sys, path, free_bytes, total_bytes);
}

static void rec_close(struct disk *d, int fd)
{
    struct disk_record *r = of(d);
    pthread_mutex_lock(&r->lock);
    free(r->paths[fd]);
    r->paths[fd] = NULL;
    pthread_mutex_unlock(&r->lock);
    close(fd);
}

struct disk_record *disk_record_open(void)
{
    struct disk_record *r = must(calloc(1, sizeof(*r)));
    r->disk = (struct disk){rec_open,   rec_pwrite, rec_datasync, rec_truncate,
                            rec_rename, rec_unlink, rec_mkdir,    rec_sync_folder,
                            rec_push,   rec_space,  rec_close};
    r->good = -1;
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void disk_record_close(struct disk_record *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++) {
        free((char *)r->steps[i].path);
        free((char *)r->steps[i].to);
        free(r->steps[i].bytes);
    }
    for (int i = 0; i < OPEN_MOST; i++)
        free(r->paths[i]);
    free(r->steps);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

struct disk *disk_record_disk(struct disk_record *r)
{
    return &r->disk;
}

void disk_record_fail(struct disk_record *r, int64_t good, int errno_value, bool keep)
{
    pthread_mutex_lock(&r->lock);
    r->good = good;
    r->errno_value = errno_value;
    r->keep = keep;
    r->failed = false;
    pthread_mutex_unlock(&r->lock);
}

bool disk_record_failed(const struct disk_record *r)
{
    return r->failed;
}

void disk_record_mark(struct disk_record *r, const char *format, ...)
{
    char *said = NULL;
    va_list list;
    va_start(list, format);
    if (vasprintf(&said, format, list) < 0)
        abort();
    va_end(list);
    pthread_mutex_lock(&r->lock);
    keep_step(r, &(struct disk_step){.act = ACT_MARK, .path = said});
    pthread_mutex_unlock(&r->lock);
    free(said);
}

size_t disk_record_count(const struct disk_record *r)
{
    return r->count;
}

const struct disk_step *disk_record_at(const struct disk_record *r, size_t index)
{
    return &r->steps[index];
}

// ---- replay

struct node { // a file's bytes
    uint8_t *at;
    int64_t size, room;
    const struct disk_step **pending; // writes and truncates since the last sync
    size_t pending_count, pending_room;
};

struct name { // a name now, and on the durable disk
    char *path;
    struct node *now, *durable; // NULL: no file of that name
    bool folder;
};

struct change { // of a name, not durable yet
    size_t name;
    struct node *node; // what the name leads to afterwards
    char *folder;
    size_t partner; // the other half of a rename: both or neither; SIZE_MAX: none
    bool done;
};

struct model {
    struct name *names;
    size_t name_count, name_room;
    struct change *changes;
    size_t change_count, change_room;
    struct node **nodes;
    size_t node_count, node_room;
    uint64_t seed;
};

static uint64_t draw(struct model *m) // splitmix64
{
    uint64_t z = m->seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t name_of(struct model *m, const char *path)
{
    for (size_t i = 0; i < m->name_count; i++)
        if (strcmp(m->names[i].path, path) == 0)
            return i;
    if (m->name_count == m->name_room) {
        m->name_room = m->name_room ? m->name_room * 2 : 64;
        m->names = must(realloc(m->names, m->name_room * sizeof(*m->names)));
    }
    m->names[m->name_count] = (struct name){.path = must(strdup(path))};
    return m->name_count++;
}

static struct node *node_new(struct model *m)
{
    if (m->node_count == m->node_room) {
        m->node_room = m->node_room ? m->node_room * 2 : 64;
        m->nodes = must(realloc(m->nodes, m->node_room * sizeof(struct node *)));
    }
    struct node *n = must(calloc(1, sizeof(*n)));
    return m->nodes[m->node_count++] = n;
}

static size_t change_add(struct model *m, size_t name, struct node *node)
{
    if (m->change_count == m->change_room) {
        m->change_room = m->change_room ? m->change_room * 2 : 64;
        m->changes = must(realloc(m->changes, m->change_room * sizeof(*m->changes)));
    }
    char folder[PATH_MAX];
    path_folder(m->names[name].path, folder, sizeof(folder));
    m->changes[m->change_count] = (struct change){
        .name = name, .node = node, .folder = must(strdup(folder)), .partner = SIZE_MAX};
    m->names[name].now = node;
    return m->change_count++;
}

static void node_size(struct node *n, int64_t size)
{
    if (size > n->room) {
        n->room = size * 2;
        n->at = must(realloc(n->at, (size_t)n->room));
    }
    if (size > n->size)
        memset(n->at + n->size, 0, (size_t)(size - n->size));
    n->size = size;
}

static void node_do(struct node *n, const struct disk_step *s, int64_t from, int64_t size)
{
    if (s->act == ACT_TRUNCATE) {
        node_size(n, s->size);
        return;
    }
    if (s->offset + from + size > n->size)
        node_size(n, s->offset + from + size);
    memcpy(n->at + s->offset + from, (const uint8_t *)s->bytes + from, (size_t)size);
}

static void node_sync(struct node *n)
{
    for (size_t i = 0; i < n->pending_count; i++)
        node_do(n, n->pending[i], 0, n->pending[i]->size);
    n->pending_count = 0;
}

static void node_pend(struct node *n, const struct disk_step *s)
{
    if (n->pending_count == n->pending_room) {
        n->pending_room = n->pending_room ? n->pending_room * 2 : 16;
        n->pending = must(realloc(n->pending, n->pending_room * sizeof(struct disk_step *)));
    }
    n->pending[n->pending_count++] = s;
}

static void change_settle(struct model *m, size_t index)
{
    struct change *c = &m->changes[index];
    if (c->done)
        return;
    c->done = true;
    m->names[c->name].durable = c->node;
    if (c->partner != SIZE_MAX)
        change_settle(m, c->partner);
}

static void play(struct model *m, const struct disk_step *s)
{
    if (s->act == ACT_MARK)
        return;
    size_t at = name_of(m, s->path);
    struct node *node = m->names[at].now;
    switch (s->act) {
    case ACT_OPEN:
        if (!node) {
            node = node_new(m);
            change_add(m, at, node);
        } else if (s->cut) {
            static const struct disk_step to_nothing = {.act = ACT_TRUNCATE};
            node_pend(node, &to_nothing);
        }
        break;
    case ACT_WRITE:
    case ACT_TRUNCATE:
        if (node)
            node_pend(node, s);
        break;
    case ACT_SYNC:
        if (node && s->size < 0)
            node->pending_count = 0;
        else if (node)
            node_sync(node);
        break;
    case ACT_RENAME: {
        size_t to = name_of(m, s->to);
        size_t one = change_add(m, to, node), two = change_add(m, at, NULL);
        m->changes[one].partner = two;
        m->changes[two].partner = one;
        break;
    }
    case ACT_UNLINK:
        change_add(m, at, NULL);
        break;
    case ACT_MKDIR:
        m->names[at].folder = true; // folders are made at the start; their loss tells nothing
        break;
    case ACT_SYNC_FOLDER:
        for (size_t i = 0; i < m->change_count; i++)
            if (strcmp(m->changes[i].folder, s->path) == 0)
                change_settle(m, i);
        break;
    case ACT_MARK:
        break;
    }
}

static void cut_power(struct model *m, uint64_t seed)
{
    m->seed = seed * 0x2545f4914f6cdd1du;
    // Names: a folder keeps the first few of its unsynced changes.
    size_t keep = seed == 0 ? 0 : seed == 1 ? m->change_count : draw(m) % (m->change_count + 1);
    for (size_t i = 0; i < m->change_count && i < keep; i++)
        change_settle(m, i);
    for (size_t i = 0; i < m->node_count; i++) {
        struct node *n = m->nodes[i];
        if (seed == 1) {
            node_sync(n);
            continue;
        }
        for (size_t w = 0; seed && w < n->pending_count; w++) {
            const struct disk_step *s = n->pending[w];
            switch (draw(m) % 3) {
            case 0:
                break;
            case 1:
                node_do(n, s, 0, s->size);
                break;
            case 2: // torn: some sectors of it
                for (int64_t from = 0; s->act == ACT_WRITE && from < s->size; from += TORN) {
                    int64_t size = s->size - from < TORN ? s->size - from : TORN;
                    if (draw(m) & 1)
                        node_do(n, s, from, size);
                }
                break;
            }
        }
    }
}

static bool lay_out(struct model *m, const char *from, const char *to, struct error *err)
{
    size_t skip = strlen(from);
    char path[PATH_MAX], folder[PATH_MAX];
    if (!folder_make(to, 0755, err))
        return false;
    for (size_t i = 0; i < m->name_count; i++) {
        struct name *n = &m->names[i];
        if (strncmp(n->path, from, skip) != 0 || (!n->folder && !n->durable))
            continue;
        snprintf(path, sizeof(path), "%s%s", to, n->path + skip);
        path_folder(path, folder, sizeof(folder));
        if (!folder_make(n->folder ? path : folder, 0755, err))
            return false;
        if (n->folder)
            continue;
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
        struct disk *sys = disk_system();
        int code =
            fd < 0 ? -errno : sys->pwrite(sys, fd, n->durable->at, (size_t)n->durable->size, 0);
        if (fd >= 0)
            close(fd);
        if (code < 0)
            return error_errno(err, -code, "cannot lay out %s", path);
    }
    return true;
}

bool disk_record_replay(const struct disk_record *r, size_t count, uint64_t seed, const char *from,
                        const char *to, struct error *err)
{
    struct model m = {0};
    for (size_t i = 0; i < count && i < r->count; i++)
        play(&m, &r->steps[i]);
    cut_power(&m, seed);
    bool ok = lay_out(&m, from, to, err);
    for (size_t i = 0; i < m.name_count; i++)
        free(m.names[i].path);
    for (size_t i = 0; i < m.change_count; i++)
        free(m.changes[i].folder);
    for (size_t i = 0; i < m.node_count; i++) {
        free(m.nodes[i]->at);
        free(m.nodes[i]->pending);
        free(m.nodes[i]);
    }
    free(m.names);
    free(m.changes);
    free(m.nodes);
    return ok;
}
