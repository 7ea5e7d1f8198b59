#include "cmd/mhl_folder.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "plat/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 4 << 20, ROOTS = 1000 };
static const char *const usual_ignore[] = {".DS_Store", "ascmhl", "ascmhl/"};

static void add_path(struct mhl_paths *p, struct arena *a, const char *path)
{
    if (p->count == p->room) {
        size_t room = p->room ? p->room * 2 : 16;
        const char **more = ARENA_ARRAY(a, const char *, room);
        if (p->count)
            memcpy(more, p->at, p->count * sizeof(*more));
        p->at = more, p->room = room;
    }
    p->at[p->count++] = path;
}

static const char *date_text(struct arena *a, int64_t ms)
{
    char to[40];
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(to, sizeof(to), "%Y-%m-%dT%H:%M:%S+00:00", &tm);
    return arena_text(a, to);
}

// ---- digests

static const char *algorithm(int kind)
{
    return kind == MHL_C4 ? "sha512" : mhl_names[kind];
}

static const char *digest_text(struct arena *a, int kind, const uint8_t *bytes, size_t size)
{
    char to[130];
    if (kind == MHL_C4)
        c4_text(bytes, to);
    else
        for (size_t i = 0; i < size; i++)
            snprintf(&to[2 * i], 3, "%02x", bytes[i]);
    return arena_text(a, to);
}

struct hashing { // of bytes, by several kinds at once
    struct hasher *by[MHL_KINDS];
};

static void begin_hashing(struct hashing *h, const bool *kinds)
{
    for (int k = 0; k < MHL_KINDS; k++)
        h->by[k] = kinds[k] ? hasher_open(algorithm(k)) : NULL;
}

static void add_bytes(struct hashing *h, const void *at, size_t size)
{
    for (int k = 0; k < MHL_KINDS; k++)
        if (h->by[k])
            hasher_add(h->by[k], at, size);
}

static void end_hashing(struct hashing *h, struct arena *a, const char **texts)
{
    uint8_t bytes[64];
    for (int k = 0; k < MHL_KINDS; k++) {
        texts[k] = NULL;
        if (h->by[k])
            texts[k] = digest_text(a, k, bytes, hasher_end(h->by[k], bytes));
    }
}

struct reader {
    char *room; // READ_BYTES
    struct progress progress;
    int64_t done, total;
};

static bool hash_open_file(int fd, const char *path, struct reader *r, struct hashing *h,
                           struct error *err)
{
    struct stat before, after;
    if (fstat(fd, &before) != 0)
        return error_errno(err, errno, "%s cannot be looked at", path);
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    for (;;) {
        ssize_t got = read(fd, r->room, READ_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(err, errno, "%s cannot be read", path);
        if (!got)
            break;
        add_bytes(h, r->room, (size_t)got);
        r->done += got;
        progress_show(&r->progress, r->done, r->total);
    }
    if (fstat(fd, &after) == 0 && after.st_size == before.st_size &&
        after.st_mtim.tv_sec == before.st_mtim.tv_sec &&
        after.st_mtim.tv_nsec == before.st_mtim.tv_nsec)
        return true;
    error_set(err, ERROR_CONFLICT, "%s changed while it was read", path);
    return error_fix(err, "wait until nothing writes to it, then try again");
}

static bool hash_file(const char *path, const bool *kinds, struct reader *r, struct arena *a,
                      const char **texts, struct error *err)
{
    struct hashing h;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_errno(err, errno, "%s cannot be opened", path);
    begin_hashing(&h, kinds);
    bool ok = hash_open_file(fd, path, r, &h, err);
    close(fd);
    end_hashing(&h, a, texts);
    return ok;
}

// ---- a history

static const char *c4_of(text bytes, char to[C4_SIZE])
{
    uint8_t digest[64];
    struct hasher *h = hasher_open("sha512");
    hasher_add(h, bytes.at, bytes.size);
    hasher_end(h, digest);
    c4_text(digest, to);
    return to;
}

static bool read_generation(const char *folder, struct mhl_generation *g, struct arena *a,
                            struct error *err)
{
    char path[PATH_MAX], c4[C4_SIZE];
    struct buf bytes = BUF_LIMIT(MHL_INPUT_BYTES);
    if (!path_join(path, sizeof(path), folder, g->row.path))
        return error_set(err, ERROR_INPUT, "a path is too long");
    bool ok = file_read(path, &bytes, err);
    if (ok && strcmp(c4_of((text){bytes.at, bytes.size}, c4), g->row.c4) != 0) {
        error_set(err, ERROR_DAMAGED, "the history of hashes is not whole");
        error_why(err, "%s is not the one that the chain names", path);
        ok = error_fix(err, "bring the folder \"ascmhl\" back as it was; do not trust these files");
    }
    ok = ok &&
         (mhl_read((text){bytes.at, bytes.size}, a, &g->list, err) || error_while(err, "%s", path));
    buf_free(&bytes);
    return ok;
}

bool mhl_history_open(const char *folder, struct arena *a, struct mhl_history *h, struct error *err)
{
    char below[PATH_MAX], chain[PATH_MAX];
    struct buf bytes = BUF_LIMIT(MHL_INPUT_BYTES);
    struct mhl_chain_row *rows;
    bool is_folder;
    int64_t size;
    *h = (struct mhl_history){0};
    if (!path_join(below, sizeof(below), folder, "ascmhl") ||
        !path_join(chain, sizeof(chain), below, "ascmhl_chain.xml"))
        return error_set(err, ERROR_INPUT, "a path is too long");
    if (!file_look(chain, &is_folder, &size))
        return true;
    bool ok = file_read(chain, &bytes, err) &&
              mhl_chain_read((text){bytes.at, bytes.size}, a, &rows, &h->count, err);
    buf_free(&bytes);
    if (!ok)
        return false;
    h->generations = ARENA_ARRAY(a, struct mhl_generation, h->count + 1);
    for (size_t i = 0; i < h->count; i++) {
        h->generations[i].row = rows[i];
        if (!read_generation(below, &h->generations[i], a, err))
            return false;
    }
    return true;
}

// What a history knows of its files: the first good digest of each kind.
struct known {
    const char *path;
    int64_t size;
    const char *modified;
    const char *digests[MHL_KINDS];
    size_t order; // as they came
    bool seen, gone;
};
struct knowledge {
    struct known *all; // by path
    size_t count;
};

static int by_path(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    int way = strcmp(x->path, y->path);
    return way ? way : x->order < y->order ? -1 : x->order > y->order;
}

static struct known *known_at(const struct knowledge *k, const char *path)
{
    size_t low = 0, high = k->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int way = strcmp(k->all[middle].path, path);
        if (!way)
            return &k->all[middle];
        if (way < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void learn(struct known *to, const struct known *from)
{
    for (int k = 0; k < MHL_KINDS; k++)
        if (!to->digests[k])
            to->digests[k] = from->digests[k];
    to->size = from->size, to->modified = from->modified;
}

static struct knowledge knowledge_of(const struct mhl_history *h, struct arena *a)
{
    struct knowledge k = {0};
    size_t most = 0, unique = 0;
    for (size_t g = 0; g < h->count; g++)
        most += h->generations[g].list.count;
    k.all = ARENA_ARRAY(a, struct known, most + 1);
    for (size_t g = 0; g < h->count; g++)
        for (size_t i = 0; i < h->generations[g].list.count; i++) {
            const struct mhl_entry *e = &h->generations[g].list.entries[i];
            if (e->folder)
                continue;
            struct known *n = &k.all[k.count];
            *n = (struct known){e->path, e->size, e->modified, {0}, k.count, false, false};
            for (int d = 0; d < MHL_KINDS; d++)
                if (e->digests[d].action != MHL_FAILED)
                    n->digests[d] = e->digests[d].text;
            k.count++;
        }
    qsort(k.all, k.count, sizeof(*k.all), by_path);
    for (size_t i = 0; i < k.count; i++) {
        if (unique && strcmp(k.all[unique - 1].path, k.all[i].path) == 0)
            learn(&k.all[unique - 1], &k.all[i]);
        else
            k.all[unique++] = k.all[i];
    }
    k.count = unique;
    for (size_t g = 0; g < h->count; g++) // what was renamed is not missed under its old name
        for (size_t i = 0; i < h->generations[g].list.count; i++) {
            const char *previous = h->generations[g].list.entries[i].previous;
            struct known *old = previous ? known_at(&k, previous) : NULL;
            if (old)
                old->gone = true;
        }
    return k;
}

// ---- what lies in the folder

struct node {
    const char *path, *name; // path below the folder that was named
    bool folder;
    int64_t size, modified_ms;
    size_t parent, root; // of `roots`: whose history it is in
    struct mhl_digest digests[MHL_KINDS], structure[MHL_KINDS];
};
struct root {           // a folder with a history
    size_t node, above; // above: the root it lies in; itself for the first
    size_t below;       // bytes of its path, with the '/' behind
    struct mhl_history history;
    struct knowledge known;
    const char *generation, *c4; // newest, below the folder that was named
};
struct tree {
    const struct mhl_wish *wish;
    struct arena *a;
    struct mhl_result *result;
    struct node *nodes; // a folder before what is in it
    size_t count, room;
    size_t within[128], inside; // the folders that the walk is in, by node
    struct root *roots;
    size_t root_count;
    struct mhl_paths ignore;
    int64_t bytes;
};

static bool ignored(const struct tree *t, const char *path, bool folder)
{
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    for (size_t i = 0; i < t->ignore.count; i++) {
        const char *pattern = t->ignore.at[i];
        size_t size = strlen(pattern);
        char plain[PATH_MAX];
        bool folders = size && pattern[size - 1] == '/';
        if (folders && !folder)
            continue;
        text_copy((text){pattern, size - folders}, plain, sizeof(plain));
        if (fnmatch(plain, strchr(plain, '/') ? path : name, 0) == 0)
            return true;
    }
    return false;
}

// The folder that a path lies in: one of those that the walk is inside of.
static size_t folder_of(struct tree *t, const char *path)
{
    while (t->inside > 1) {
        const char *folder = t->nodes[t->within[t->inside - 1]].path;
        size_t size = strlen(folder);
        if (strncmp(folder, path, size) == 0 && path[size] == '/')
            break;
        t->inside--;
    }
    return t->within[t->inside - 1];
}

static bool open_root(struct tree *t, size_t node, size_t above, const char *full,
                      struct error *err)
{
    if (t->root_count >= ROOTS)
        return error_set(err, ERROR_TOO_BIG, "there are more than 1,000 histories in the folder");
    struct root *r = &t->roots[t->root_count];
    size_t size = strlen(t->nodes[node].path);
    *r = (struct root){.node = node, .above = above, .below = size ? size + 1 : 0};
    t->nodes[node].root = t->root_count++;
    if (!mhl_history_open(full, t->a, &r->history, err))
        return false;
    r->known = knowledge_of(&r->history, t->a);
    const struct mhl_history *h = &r->history;
    for (size_t i = 0; h->count && i < h->generations[h->count - 1].list.ignore_count; i++) {
        const char *pattern = h->generations[h->count - 1].list.ignore[i];
        bool there = false;
        for (size_t k = 0; k < t->ignore.count; k++)
            there |= strcmp(t->ignore.at[k], pattern) == 0;
        if (!there)
            add_path(&t->ignore, t->a, pattern);
    }
    return true;
}

static bool name_good(const char *path, struct error *err)
{
    bool plain = text_utf8(text_of(path));
    for (const char *c = path; *c && plain; c++)
        plain = (unsigned char)*c >= ' ';
    if (plain)
        return true;
    error_set(err, ERROR_INPUT, "a name cannot stand in a hash list");
    error_why(err, "%s is not UTF-8, or has a control character", path);
    return error_fix(err, "rename it, or leave it out with --ignore");
}

static bool see(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct tree *t = context;
    char inside[PATH_MAX];
    bool folder = f->kind == FILE_FOLDER, is_folder = false;
    int64_t size;
    if (*f->relative && ignored(t, f->relative, folder)) {
        *enter = false;
        return true;
    }
    if (!folder && f->kind != FILE_PLAIN) {
        add_path(&t->result->skipped, t->a, arena_text(t->a, f->relative));
        return true;
    }
    if (!name_good(f->relative, err))
        return false;
    if (t->count == t->room) {
        size_t room = t->room ? t->room * 2 : 1024;
        struct node *more = realloc(t->nodes, room * sizeof(*more));
        if (!more)
            abort();
        t->nodes = more, t->room = room;
    }
    struct node n = {.path = arena_text(t->a, f->relative),
                     .folder = folder,
                     .size = f->size,
                     .modified_ms = f->modified_ms};
    const char *last = strrchr(n.path, '/');
    n.name = last ? last + 1 : n.path;
    n.parent = t->count ? folder_of(t, n.path) : 0;
    n.root = t->count ? t->nodes[n.parent].root : 0;
    if (folder && t->inside < sizeof(t->within) / sizeof(t->within[0]))
        t->within[t->inside++] = t->count;
    t->nodes[t->count++] = n;
    t->bytes += folder ? 0 : f->size;
    if (!folder || !path_join(inside, sizeof(inside), f->path, "ascmhl"))
        return true;
    if (t->count == 1)
        return open_root(t, 0, 0, f->path, err);
    return !file_look(inside, &is_folder, &size) || !is_folder ||
           open_root(t, t->count - 1, n.root, f->path, err);
}

// ---- files

static void judge(struct tree *t, struct node *n, const struct known *known,
                  const char *const *texts)
{
    const char *now = date_text(t->a, clock_now_ms());
    bool good = true, compared = false;
    for (int k = 0; k < MHL_KINDS; k++)
        if (known && texts[k] && known->digests[k]) {
            compared = true;
            good &= strcmp(texts[k], known->digests[k]) == 0;
        }
    for (int k = 0; k < MHL_KINDS; k++) {
        bool here = known && known->digests[k];
        if (!texts[k] || (!good && !here))
            continue; // no new kind for what failed
        n->digests[k] =
            (struct mhl_digest){texts[k],
                                !compared                                          ? MHL_ORIGINAL
                                : here && strcmp(texts[k], known->digests[k]) != 0 ? MHL_FAILED
                                                                                   : MHL_VERIFIED,
                                now};
    }
    if (!good)
        add_path(&t->result->failed, t->a, n->path);
    t->result->verified += compared && good;
    t->result->original += !compared;
}

static bool read_already(const struct mhl_wish *wish, const char *path, const bool *kinds,
                         const char **texts)
{
    const char *const *had = wish->read_already ? wish->read_already(wish->context, path) : NULL;
    for (int k = 0; k < MHL_KINDS && had; k++) {
        if (kinds[k] && !had[k])
            return false;
        texts[k] = kinds[k] ? had[k] : NULL;
    }
    return had != NULL;
}

static bool do_file(struct tree *t, struct node *n, struct reader *r, struct error *err)
{
    char path[PATH_MAX];
    const char *texts[MHL_KINDS];
    const struct root *root = &t->roots[n->root];
    struct known *known = known_at(&root->known, n->path + root->below);
    bool kinds[MHL_KINDS], some = false;
    t->result->files++;
    t->result->bytes += n->size;
    if (known)
        known->seen = true;
    else
        add_path(&t->result->added, t->a, n->path);
    if (t->wish->look_only) {
        const char *modified = date_text(t->a, n->modified_ms);
        if (known && (known->size != n->size ||
                      (known->modified && strncmp(known->modified, modified, 19) != 0)))
            add_path(&t->result->changed, t->a, n->path);
        return true;
    }
    for (int k = 0; k < MHL_KINDS; k++) {
        kinds[k] = t->wish->kinds[k];
        some |= kinds[k] && known && known->digests[k];
    }
    for (int k = MHL_KINDS - 1; k >= 0 && known && !some; k--) // the quickest that is known
        if (known->digests[k])
            kinds[k] = some = true;
    if (!some && !t->wish->record)
        return true; // nothing to verify it by
    if (!path_join(path, sizeof(path), t->wish->folder, n->path))
        return error_set(err, ERROR_INPUT, "a path is too long");
    if (!read_already(t->wish, n->path, kinds, texts) &&
        !hash_file(path, kinds, r, t->a, texts, err))
        return false;
    judge(t, n, known, texts);
    return true;
}

// ---- folders: digests of what is in them, and of how it is called

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// Over the digests of what is in it, in the order of their texts.
static struct mhl_digest folder_digest(struct tree *t, int kind, const char **texts, size_t count)
{
    uint8_t digest[64];
    size_t size;
    struct hasher *h = hasher_open(algorithm(kind));
    qsort(texts, count, sizeof(*texts), by_text);
    for (size_t i = 0; i < count; i++)
        if (mhl_digest_bytes((enum mhl_kind)kind, text_of(texts[i]), digest, &size))
            hasher_add(h, digest, size);
    size = hasher_end(h, digest);
    return (struct mhl_digest){digest_text(t->a, kind, digest, size), MHL_NONE,
                               date_text(t->a, clock_now_ms())};
}

// Of one name: its bytes, then its digest.
static const char *named_digest(struct tree *t, const struct node *n, int kind)
{
    uint8_t digest[64];
    size_t size;
    const char *own = n->folder ? n->structure[kind].text : n->digests[kind].text;
    struct hasher *h = hasher_open(algorithm(kind));
    hasher_add(h, n->name, strlen(n->name));
    if (mhl_digest_bytes((enum mhl_kind)kind, text_of(own), digest, &size))
        hasher_add(h, digest, size);
    return digest_text(t->a, kind, digest, hasher_end(h, digest));
}

static void do_folder(struct tree *t, size_t at, const size_t *first, const size_t *next)
{
    struct node *n = &t->nodes[at];
    size_t count = 0;
    for (size_t i = first[at]; i; i = next[i])
        count++;
    const char **texts = calloc(count + 1, sizeof(*texts));
    if (!texts)
        abort();
    for (int k = 0; k < MHL_KINDS; k++) {
        if (!t->wish->kinds[k])
            continue;
        size_t some = 0;
        for (size_t i = first[at]; i; i = next[i])
            if (t->nodes[i].digests[k].text)
                texts[some++] = t->nodes[i].digests[k].text;
        n->digests[k] = folder_digest(t, k, texts, some);
        some = 0;
        for (size_t i = first[at]; i; i = next[i])
            if (t->nodes[i].digests[k].text)
                texts[some++] = named_digest(t, &t->nodes[i], k);
        n->structure[k] = folder_digest(t, k, texts, some);
    }
    free(texts);
}

// ---- generations

static struct mhl_list list_of(struct tree *t, size_t root)
{
    struct mhl_list l = {0};
    struct root *r = &t->roots[root];
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    l.created = date_text(t->a, clock_now_ms());
    l.host = arena_text(t->a, host);
    l.tool = "posthouse", l.tool_version = t->wish->version,
    l.process = t->wish->process ? t->wish->process : "in-place";
    l.author = t->wish->author, l.location = t->wish->location, l.comment = t->wish->comment;
    l.ignore = t->ignore.at, l.ignore_count = t->ignore.count;
    l.references = ARENA_ARRAY(t->a, struct mhl_reference, t->root_count);
    for (size_t i = 1; i < t->root_count; i++)
        if (i != root && t->roots[i].above == root && t->roots[i].generation)
            l.references[l.reference_count++] =
                (struct mhl_reference){t->roots[i].generation + r->below, t->roots[i].c4};
    l.root = (struct mhl_entry){.path = "", .folder = true};
    memcpy(l.root.digests, t->nodes[r->node].digests, sizeof(l.root.digests));
    memcpy(l.root.structure, t->nodes[r->node].structure, sizeof(l.root.structure));
    for (size_t i = 1; i < t->count; i++) {
        const struct node *n = &t->nodes[i];
        bool inner = i == t->roots[n->root].node; // a root is listed by the one above it
        if (i == r->node || (inner ? t->roots[n->root].above : n->root) != root)
            continue;
        struct mhl_entry *e = mhl_add(&l, t->a);
        e->path = n->path + r->below, e->folder = n->folder, e->size = n->size;
        e->modified = date_text(t->a, n->modified_ms);
        memcpy(e->digests, n->digests, sizeof(e->digests));
        memcpy(e->structure, n->structure, sizeof(e->structure));
    }
    return l;
}

static const char *generation_name(struct tree *t, const struct root *r, const char *full)
{
    char stamp[40];
    time_t now = (time_t)(clock_now_ms() / 1000);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(stamp, sizeof(stamp), "%Y-%m-%d_%H%M%SZ", &tm);
    const char *last = strrchr(full, '/');
    return arena_format(t->a, "%04zu_%s_%s.mhl", r->history.count + 1, last ? last + 1 : full,
                        stamp);
}

static bool write_chain(struct tree *t, const struct root *r, const char *folder, const char *name,
                        const char *c4, struct error *err)
{
    char path[PATH_MAX];
    struct buf bytes = BUF_LIMIT(MHL_INPUT_BYTES);
    size_t count = r->history.count;
    struct mhl_chain_row *rows = ARENA_ARRAY(t->a, struct mhl_chain_row, count + 1);
    for (size_t i = 0; i < count; i++)
        rows[i] = r->history.generations[i].row;
    rows[count] = (struct mhl_chain_row){(int64_t)count + 1, name, c4};
    mhl_chain_write(rows, count + 1, &bytes);
    bool ok = path_join(path, sizeof(path), folder, "ascmhl_chain.xml") &&
              file_write(path, bytes.at, bytes.size, 0644, err);
    buf_free(&bytes);
    return ok;
}

static bool write_generation(struct tree *t, size_t root, struct error *err)
{
    char full[PATH_MAX], folder[PATH_MAX], path[PATH_MAX], real[PATH_MAX], c4[C4_SIZE];
    struct root *r = &t->roots[root];
    struct buf bytes = BUF_LIMIT(MHL_INPUT_BYTES);
    const char *below = t->nodes[r->node].path;
    bool fits = *below ? path_join(full, sizeof(full), t->wish->folder, below)
                       : text_copy(text_of(t->wish->folder), full, sizeof(full));
    if (!fits || !path_join(folder, sizeof(folder), full, "ascmhl"))
        return error_set(err, ERROR_INPUT, "a path is too long");
    if (!realpath(full, real))
        return error_errno(err, errno, "%s cannot be found", full);
    const char *name = generation_name(t, r, real);
    struct mhl_list l = list_of(t, root);
    bool ok = mhl_write(&l, &bytes, err) && folder_make(folder, 0755, err) &&
              (path_join(path, sizeof(path), folder, name) ||
               error_set(err, ERROR_INPUT, "a path is too long")) &&
              file_write(path, bytes.at, bytes.size, 0644, err) &&
              write_chain(t, r, folder, name, c4_of((text){bytes.at, bytes.size}, c4), err);
    buf_free(&bytes);
    if (ok) {
        r->generation = *below ? arena_format(t->a, "%s/ascmhl/%s", below, name)
                               : arena_format(t->a, "ascmhl/%s", name);
        r->c4 = arena_text(t->a, c4);
    }
    return ok;
}

// ---- the whole

static void find_missing(struct tree *t)
{
    for (size_t r = 0; r < t->root_count; r++)
        for (size_t i = 0; i < t->roots[r].known.count; i++) {
            const struct known *k = &t->roots[r].known.all[i];
            const char *below = t->nodes[t->roots[r].node].path;
            const char *path = *below ? arena_format(t->a, "%s/%s", below, k->path) : k->path;
            bool elsewhere = false; // an inner history has it now
            for (size_t o = 0; o < t->root_count; o++)
                elsewhere |=
                    o != r && t->roots[o].above == r && t->roots[o].below &&
                    strncmp(path, t->nodes[t->roots[o].node].path, t->roots[o].below - 1) == 0 &&
                    path[t->roots[o].below - 1] == '/';
            if (!k->seen && !k->gone && !elsewhere && !ignored(t, k->path, false))
                add_path(&t->result->missing, t->a, path);
        }
}

static void do_folders(struct tree *t)
{
    size_t *first = calloc(t->count + 1, sizeof(*first)),
           *next = calloc(t->count + 1, sizeof(*next));
    if (!first || !next)
        abort();
    for (size_t i = t->count; i-- > 1;)
        next[i] = first[t->nodes[i].parent], first[t->nodes[i].parent] = i;
    for (size_t i = t->count; i-- > 0;)
        if (t->nodes[i].folder)
            do_folder(t, i, first, next);
    free(first);
    free(next);
}

static bool do_files(struct tree *t, struct error *err)
{
    struct reader r = {.room = malloc(READ_BYTES), .total = t->bytes};
    if (!r.room)
        abort();
    r.progress = progress_begin("hashing", "bytes", t->wish->quiet || t->wish->look_only);
    bool ok = true;
    for (size_t i = 0; i < t->count && ok; i++)
        ok = t->nodes[i].folder || do_file(t, &t->nodes[i], &r, err);
    progress_end(&r.progress);
    free(r.room);
    return ok;
}

static bool record(struct tree *t, struct error *err)
{
    do_folders(t);
    for (size_t r = t->root_count; r-- > 0;) // the inner ones first
        if (!write_generation(t, r, err))
            return false;
    t->result->generation = t->roots[0].generation;
    return true;
}

bool mhl_folder(const struct mhl_wish *wish, struct arena *a, struct mhl_result *result,
                struct error *err)
{
    struct tree t = {.wish = wish, .a = a, .result = result};
    struct walk_wish walk = {.seen = see, .context = &t};
    *result = (struct mhl_result){0};
    t.roots = ARENA_ARRAY(a, struct root, ROOTS);
    for (size_t i = 0; i < sizeof(usual_ignore) / sizeof(usual_ignore[0]); i++)
        add_path(&t.ignore, a, usual_ignore[i]);
    for (size_t i = 0; i < wish->ignore_count; i++)
        add_path(&t.ignore, a, wish->ignore[i]);
    bool ok = folder_walk(wish->folder, &walk, err);
    if (ok && !wish->record && !t.roots[0].history.count) {
        error_set(err, ERROR_NOT_FOUND, "%s has no history of hashes", wish->folder);
        ok = error_fix(err, "posthouse mhl create %s", wish->folder);
    }
    ok = ok && do_files(&t, err);
    if (ok)
        find_missing(&t);
    ok = ok && (!wish->record || record(&t, err));
    free(t.nodes);
    return ok;
}

// ---- a list that stands alone

static bool verify_entry(const char *folder, const struct mhl_entry *e, struct reader *r,
                         struct arena *a, struct mhl_result *result, struct error *err)
{
    char path[PATH_MAX];
    bool kinds[MHL_KINDS], is_folder, good = true, some = false;
    int64_t size;
    const char *texts[MHL_KINDS];
    if (!path_join(path, sizeof(path), folder, e->path))
        return error_set(err, ERROR_INPUT, "a path is too long");
    for (int k = 0; k < MHL_KINDS; k++)
        some |= kinds[k] = e->digests[k].text != NULL;
    if (!file_look(path, &is_folder, &size) || is_folder) {
        add_path(&result->missing, a, e->path);
        return true;
    }
    if (!some) {
        add_path(&result->skipped, a, e->path);
        return true;
    }
    if (!hash_file(path, kinds, r, a, texts, err))
        return false;
    const char *how = "";
    for (int k = 0; k < MHL_KINDS; k++)
        if (kinds[k] && strcmp(texts[k], e->digests[k].text) != 0) {
            how = good ? arena_format(a, "%s was to be %s and is %s", mhl_names[k],
                                      e->digests[k].text, texts[k])
                       : how;
            good = false;
        }
    if (!good)
        add_path(&result->failed_how, a, how);
    result->files++;
    result->verified += good;
    if (!good)
        add_path(&result->failed, a, e->path);
    return true;
}

bool mhl_verify_list(const char *file, bool quiet, struct arena *a, struct mhl_result *result,
                     struct error *err)
{
    char folder[PATH_MAX];
    struct buf bytes = BUF_LIMIT(MHL_INPUT_BYTES);
    struct mhl_list list;
    *result = (struct mhl_result){0};
    bool ok = file_read(file, &bytes, err) && mhl_read((text){bytes.at, bytes.size}, a, &list, err);
    buf_free(&bytes);
    if (!ok)
        return false;
    path_folder(file, folder, sizeof(folder));
    const char *last = strrchr(folder, '/');
    if (!list.legacy && strcmp(last ? last + 1 : folder, "ascmhl") == 0)
        path_folder(folder, folder, sizeof(folder));
    struct reader r = {.room = malloc(READ_BYTES)};
    if (!r.room)
        abort();
    for (size_t i = 0; i < list.count; i++)
        r.total += list.entries[i].size > 0 ? list.entries[i].size : 0;
    r.progress = progress_begin("verifying", "bytes", quiet);
    for (size_t i = 0; i < list.count && ok; i++)
        ok = list.entries[i].folder || verify_entry(folder, &list.entries[i], &r, a, result, err);
    result->bytes = r.done;
    progress_end(&r.progress);
    free(r.room);
    return ok;
}
