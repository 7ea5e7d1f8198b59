#include "cmd/put_journal.h"

#include "plat/clock.h"
#include "plat/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_SIZE = 256, MARK_SIZE = 16, HASHES_HEAD = 64 };
#define KEEP_S ((int64_t)60 * 24 * 3600) // what nobody went on with in so long is dropped

struct mark {
    uint8_t at[MARK_SIZE];
};

struct journal {
    char folder[PATH_MAX]; // "" without a place
    char key[27], transfer[27];
    int fd; // -1 without a place
    bool resumes;
    struct mark *before; // sorted: what was marked when it was opened
    size_t before_count;
    pthread_mutex_t lock; // guards the end of the file
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

// ---- the place

static bool place(char to[PATH_MAX], const char *of)
{
    const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    struct error err;
    int size = base && base[0] == '/' ? snprintf(to, PATH_MAX, "%s/posthouse/%s", base, of)
               : home && home[0] ? snprintf(to, PATH_MAX, "%s/.local/state/posthouse/%s", home, of)
                                 : -1;
    return size > 0 && size < PATH_MAX - 64 && folder_make(to, 0700, &err);
}

static bool drop_old(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    (void)context;
    *enter = f->relative[0] == 0;
    struct stat seen;
    char path[PATH_MAX];
    if (f->relative[0] && f->kind == FILE_FOLDER && path_join(path, sizeof(path), f->path, "put") &&
        stat(path, &seen) == 0 && seen.st_mtim.tv_sec < clock_now_ms() / 1000 - KEEP_S &&
        !folder_remove(f->path, err))
        error_clear(err);
    return true;
}

static void write_head(struct journal *j)
{
    char head[HEAD_SIZE] = "";
    if (j->fd < 0)
        return;
    snprintf(head, sizeof(head), "posthouse put 1\nkey %s\ntransfer %s\n", j->key, j->transfer);
    if (pwrite(j->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
        j->resumes = false; // then it is of no use later; this put is none the worse
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, MARK_SIZE);
}

static void read_marks(struct journal *j)
{
    struct stat seen;
    if (fstat(j->fd, &seen) != 0 || seen.st_size < HEAD_SIZE + MARK_SIZE)
        return;
    size_t count = (size_t)(seen.st_size - HEAD_SIZE) / MARK_SIZE;
    j->before = must(malloc(count * MARK_SIZE));
    for (size_t have = 0; have < count * MARK_SIZE;) {
        ssize_t got = pread(j->fd, (char *)j->before + have, count * MARK_SIZE - have,
                            HEAD_SIZE + (off_t)have);
        if (got <= 0) {
            count = have / MARK_SIZE;
            break;
        }
        have += (size_t)got;
    }
    qsort(j->before, count, MARK_SIZE, by_bytes);
    j->before_count = count;
}

static void read_journal(struct journal *j)
{
    char head[HEAD_SIZE + 1] = "", key[28] = "", transfer[28] = "";
    ssize_t got = pread(j->fd, head, HEAD_SIZE, 0);
    j->resumes = got == HEAD_SIZE &&
                 sscanf(head, "posthouse put 1\nkey %27s\ntransfer %27s\n", key, transfer) >= 1 &&
                 id_valid(text_of(key));
    if (j->resumes) {
        memcpy(j->key, key, sizeof(j->key));
        if (id_valid(text_of(transfer)))
            memcpy(j->transfer, transfer, sizeof(j->transfer));
        read_marks(j);
        futimens(j->fd, NULL); // somebody still goes on with it
    } else if (ftruncate(j->fd, 0) == 0) {
        write_head(j);
    }
}

static struct journal *open_in(const char *of, const char *what, struct error *err)
{
    struct journal *j = must(calloc(1, sizeof(*j)));
    char top[PATH_MAX], path[PATH_MAX + 8];
    struct error none;
    id fresh = id_new();
    memcpy(j->key, fresh.text, sizeof(j->key));
    j->fd = -1;
    pthread_mutex_init(&j->lock, NULL);
    if (!place(top, of))
        return j;
    struct walk_wish wish = {.seen = drop_old};
    if (strcmp(of, "put") == 0 && !folder_walk(top, &wish, &none))
        error_clear(&none);
    sha256 name = sha256_of(what, strlen(what));
    snprintf(j->folder, sizeof(j->folder), "%.4000s/%.32s", top, sha256_text(&name).text);
    snprintf(path, sizeof(path), "%s/put", j->folder);
    if (!folder_make(j->folder, 0700, &none) ||
        (j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0) {
        j->folder[0] = 0;
        return j;
    }
    if (flock(j->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        error_set(err, ERROR_CONFLICT, "another put of the same to the same place is running");
        error_why(err, "it holds the journal %s", j->folder);
        error_fix(err, "wait until it is done, or end it");
        journal_close(j, false);
        return NULL;
    }
    read_journal(j);
    return j;
}

struct journal *journal_open(const char *what, struct error *err)
{
    return open_in("put", what, err);
}

bool journal_there(const char *what)
{
    char top[PATH_MAX], path[PATH_MAX + 8];
    sha256 name = sha256_of(what, strlen(what));
    return place(top, "put") &&
           snprintf(path, sizeof(path), "%.4000s/%.32s/put", top, sha256_text(&name).text) > 0 &&
           access(path, F_OK) == 0;
}

struct journal *journal_open_lasting(const char *what, struct error *err)
{
    struct journal *j = open_in("watch", what, err);
    if (!j || journal_kept(j))
        return j;
    journal_close(j, false);
    error_set(err, ERROR_IO, "there is no place for a journal");
    error_why(err, "without one what was taken would be taken again");
    error_fix(err, "set XDG_STATE_HOME to a folder that can be written, on a disk with room");
    return NULL;
}

void journal_close(struct journal *j, bool done)
{
    struct error err;
    if (!j)
        return;
    if (done && j->folder[0] && !folder_remove(j->folder, &err))
        error_clear(&err); // found again next time: then everything in it is marked
    if (j->fd >= 0)
        close(j->fd);
    pthread_mutex_destroy(&j->lock);
    free(j->before);
    free(j);
}

void journal_keep(struct journal *j)
{
    if (j->fd >= 0 && fdatasync(j->fd) != 0)
        j->resumes = false;
}

bool journal_kept(const struct journal *j)
{
    return j->fd >= 0;
}

bool journal_resumes(const struct journal *j)
{
    return j->resumes;
}

const char *journal_key(const struct journal *j)
{
    return j->key;
}

void journal_transfer(struct journal *j, const char *transfer)
{
    if (strcmp(j->transfer, transfer) == 0)
        return;
    if (j->transfer[0] && j->fd >= 0) {
        j->before_count = 0;
        if (ftruncate(j->fd, HEAD_SIZE) != 0)
            j->resumes = false;
    }
    snprintf(j->transfer, sizeof(j->transfer), "%s", transfer);
    write_head(j);
}

void journal_key_anew(struct journal *j)
{
    id fresh = id_new();
    memcpy(j->key, fresh.text, sizeof(j->key));
    j->transfer[0] = 0;
    write_head(j);
}

// ---- files that the house has

static struct mark mark_of(const struct file_seen *f, const char *as)
{
    struct mark m;
    struct buf all = BUF_LIMIT(64 << 10);
    buf_format(&all, "%lld %lld %llu ", (long long)f->size, (long long)f->modified_ns,
               (unsigned long long)f->inode);
    buf_text(&all, as);
    sha256 hash = sha256_of(all.at, all.size);
    memcpy(m.at, hash.at, MARK_SIZE);
    buf_free(&all);
    return m;
}

bool journal_has(struct journal *j, const struct file_seen *f, const char *as)
{
    if (!j->before_count)
        return false;
    struct mark m = mark_of(f, as);
    return bsearch(&m, j->before, j->before_count, MARK_SIZE, by_bytes) != NULL;
}

void journal_mark(struct journal *j, const struct file_seen *f, const char *as)
{
    if (j->fd < 0)
        return;
    struct mark m = mark_of(f, as);
    pthread_mutex_lock(&j->lock);
    off_t end = lseek(j->fd, 0, SEEK_END);
    end -= (end - HEAD_SIZE) % MARK_SIZE; // a mark that a kill or a full disk has torn
    if (end < HEAD_SIZE || pwrite(j->fd, &m, sizeof(m), end) != (ssize_t)sizeof(m))
        j->resumes = false;
    pthread_mutex_unlock(&j->lock);
}

// ---- hashes of chunks

struct hash_kept {
    sha256 hash;
    uint64_t check;
};
struct hashes_head {
    char magic[8];
    int64_t size, modified_ns;
    uint64_t inode, device;
    uint8_t zero[HASHES_HEAD - 40];
};
_Static_assert(sizeof(struct hashes_head) == HASHES_HEAD, "the head has no holes");

struct hashes {
    struct hash_kept *at;
    size_t count, mapped; // mapped 0: from malloc
    void *map;
    char path[PATH_MAX];
};

static uint64_t check_of(const sha256 *hash, size_t number)
{
    return xxh3_of(hash->at, sizeof(hash->at)) + number + 1;
}

// Maps the file of the journal, of the right length; with its disk space taken, so that writing
// into it can not fail later. False: it can not be had.
static bool map_kept(struct hashes *h, const struct file_seen *f, size_t count)
{
    struct hashes_head head = {.magic = "PHPUT1",
                               .size = f->size,
                               .modified_ns = f->modified_ns,
                               .inode = f->inode,
                               .device = f->device};
    struct hashes_head seen;
    size_t size = HASHES_HEAD + count * sizeof(struct hash_kept);
    int fd = open(h->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool same = pread(fd, &seen, sizeof(seen), 0) == (ssize_t)sizeof(seen) &&
                memcmp(&seen, &head, sizeof(head)) == 0;
    bool ok = same || (ftruncate(fd, 0) == 0 &&
                       pwrite(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head));
    ok = ok && ftruncate(fd, (off_t)size) == 0 && posix_fallocate(fd, 0, (off_t)size) == 0;
    void *map = ok ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    close(fd);
    if (map == MAP_FAILED)
        return false;
    h->map = map;
    h->mapped = size;
    h->at = (struct hash_kept *)((char *)map + HASHES_HEAD);
    return true;
}

struct hashes *hashes_open(struct journal *j, const struct file_seen *f, size_t count)
{
    struct hashes *h = must(calloc(1, sizeof(*h)));
    sha256 name = sha256_of(f->path, strlen(f->path));
    h->count = count;
    if (j->folder[0])
        snprintf(h->path, sizeof(h->path), "%.4000s/%.32s.hash", j->folder,
                 sha256_text(&name).text);
    if (!j->folder[0] || !map_kept(h, f, count))
        h->at = must(calloc(count ? count : 1, sizeof(*h->at)));
    return h;
}

void hashes_close(struct hashes *h, bool done)
{
    if (!h)
        return;
    if (h->mapped)
        munmap(h->map, h->mapped);
    else
        free(h->at);
    if (done && h->path[0])
        unlink(h->path);
    free(h);
}

bool hashes_get(const struct hashes *h, size_t number, sha256 *hash)
{
    *hash = h->at[number].hash;
    return h->at[number].check == check_of(hash, number);
}

void hashes_set(struct hashes *h, size_t number, const sha256 *hash)
{
    h->at[number].hash = *hash;
    h->at[number].check = check_of(hash, number);
}

sha256 hashes_content(const struct hashes *h)
{
    sha256 content;
    uint8_t digest[64];
    struct hasher *all = hasher_open("sha256");
    for (size_t i = 0; i < h->count; i++)
        hasher_add(all, h->at[i].hash.at, SHA256_SIZE);
    hasher_end(all, digest);
    memcpy(content.at, digest, SHA256_SIZE);
    return content;
}
