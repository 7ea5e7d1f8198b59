#include "plat/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };
#define CHUNK ((int64_t)8 << 20)

void content_begin(struct content *h)
{
    *h = (struct content){.whole = hasher_open("sha256")};
}

static void list_add(struct content_list *list, const uint8_t *digest)
{
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 16;
        list->at = realloc(list->at, list->room * sizeof(*list->at));
        if (!list->at)
            abort();
    }
    memcpy(list->at[list->count++].at, digest, SHA256_SIZE);
}

static void chunk_end(struct content *h)
{
    uint8_t digest[64];
    if (!h->chunk)
        return;
    size_t size = hasher_end(h->chunk, digest);
    hasher_add(h->whole, digest, size);
    if (h->list)
        list_add(h->list, digest);
    h->chunk = NULL;
    h->in_chunk = 0;
}

void content_add(struct content *h, const void *at, size_t size)
{
    const uint8_t *next = at;
    while (size) {
        size_t room = (size_t)(CHUNK - h->in_chunk), part = size < room ? size : room;
        if (!h->chunk)
            h->chunk = hasher_open("sha256");
        hasher_add(h->chunk, next, part);
        h->in_chunk += (int64_t)part;
        next += part;
        size -= part;
        if (h->in_chunk == CHUNK)
            chunk_end(h);
    }
}

sha256 content_end(struct content *h)
{
    uint8_t digest[64];
    sha256 content;
    chunk_end(h);
    hasher_end(h->whole, digest);
    memcpy(content.at, digest, SHA256_SIZE);
    return content;
}

static bool read_all(int from, int to, struct content_list *list, sha256 *content, int64_t *size,
                     struct error *err)
{
    struct content h;
    char *piece = malloc(PIECE);
    bool ok = piece != NULL;
    if (!ok)
        abort();
    content_begin(&h);
    h.list = list;
    for (*size = 0; ok;) {
        ssize_t got = pread(from, piece, PIECE, *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            ok = got == 0 || error_errno(err, errno, "cannot read a file");
            break;
        }
        content_add(&h, piece, (size_t)got);
        for (ssize_t done = 0; ok && to >= 0 && done < got;) {
            ssize_t put = write(to, piece + done, (size_t)(got - done));
            ok = put > 0 || (put < 0 && errno == EINTR) ||
                 error_errno(err, put < 0 ? errno : ENOSPC, "cannot write a file");
            done += put > 0 ? put : 0;
        }
        *size += got;
    }
    *content = content_end(&h);
    free(piece);
    return ok;
}

bool content_copy(int from, int to, sha256 *content, int64_t *size, struct error *err)
{
    return read_all(from, to, NULL, content, size, err);
}

bool content_chunks(int from, sha256 *content, int64_t *size, struct content_list *list,
                    struct error *err)
{
    return read_all(from, -1, list, content, size, err);
}

bool content_of_file(const char *path, sha256 *content, int64_t *size, struct error *err)
{
    int f = open(path, O_RDONLY | O_CLOEXEC);
    if (f < 0)
        return error_errno(err, errno, "cannot read %s", path);
    bool ok = content_copy(f, -1, content, size, err) || error_while(err, "%s", path);
    close(f);
    return ok;
}
