#include "formats/blend/unpack.h"
#include "formats/blend/blend.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum packing { PLAIN, GZIP, ZSTD };
enum { PART = 1 << 17 };

struct unpack {
    enum packing packing;
    const uint8_t *at;
    size_t size, used;
    z_stream gzip;
    ZSTD_DStream *zstd;
    size_t zstd_wants; // 0: between frames
    uint8_t *part;     // unpacked, not taken yet
    size_t part_at, part_size;
    int64_t given;
};

static bool cut_off(struct error *err)
{
    error_set(err, ERROR_DAMAGED, "the Blender file can not be read");
    error_why(err, "it ends in the middle or its compressed bytes are not whole");
    return error_fix(err, "save it again, or copy it again from where it came");
}

bool unpack_open(const uint8_t *at, size_t size, struct unpack **out, struct error *err)
{
    static const uint8_t gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    struct unpack *u = calloc(1, sizeof(*u));
    if (!u || !(u->part = malloc(PART)))
        abort();
    u->at = at;
    u->size = size;
    u->packing = size > 2 && memcmp(at, gzip, 2) == 0   ? GZIP
                 : size > 4 && memcmp(at, zstd, 4) == 0 ? ZSTD
                                                        : PLAIN;
    bool ready = u->packing == PLAIN ||
                 (u->packing == GZIP && inflateInit2(&u->gzip, 15 + 16) == Z_OK) ||
                 (u->packing == ZSTD && (u->zstd = ZSTD_createDStream()) != NULL);
    if (!ready) {
        unpack_close(u);
        return error_set(err, ERROR_INTERNAL, "no room to unpack the Blender file");
    }
    *out = u;
    return true;
}

void unpack_close(struct unpack *u)
{
    if (!u)
        return;
    if (u->packing == GZIP)
        inflateEnd(&u->gzip);
    ZSTD_freeDStream(u->zstd);
    free(u->part);
    free(u);
}

static bool more_gzip(struct unpack *u, struct error *err)
{
    u->gzip.next_in = (Bytef *)(uintptr_t)(u->at + u->used);
    u->gzip.avail_in = u->size - u->used > INT32_MAX ? INT32_MAX : (uInt)(u->size - u->used);
    uInt before = u->gzip.avail_in;
    u->gzip.next_out = u->part;
    u->gzip.avail_out = PART;
    int code = inflate(&u->gzip, Z_NO_FLUSH);
    u->used += before - u->gzip.avail_in;
    u->part_size = PART - u->gzip.avail_out;
    if (code == Z_STREAM_END && inflateReset(&u->gzip) != Z_OK)
        return cut_off(err);
    return (code == Z_OK || code == Z_STREAM_END) && u->part_size > 0 ? true : cut_off(err);
}

static bool more_zstd(struct unpack *u, struct error *err)
{
    ZSTD_inBuffer in = {u->at, u->size, u->used};
    ZSTD_outBuffer out = {u->part, PART, 0};
    while (out.pos == 0) {
        size_t at = in.pos, code = ZSTD_decompressStream(u->zstd, &out, &in);
        if (ZSTD_isError(code) || (out.pos == 0 && in.pos == at))
            return cut_off(err);
    }
    u->used = in.pos;
    u->part_size = out.pos;
    return true;
}

static bool refill(struct unpack *u, struct error *err)
{
    u->part_at = 0;
    if (!(u->packing == GZIP ? more_gzip(u, err) : more_zstd(u, err)))
        return false;
    u->given += (int64_t)u->part_size;
    if (u->given <= BLEND_UNPACKED_MOST)
        return true;
    error_set(err, ERROR_TOO_BIG, "the Blender file is too big");
    return error_why(err, "unpacked it is over %s", size_text(BLEND_UNPACKED_MOST).text);
}

bool unpack_read(struct unpack *u, void *to, int64_t size, struct error *err)
{
    if (size < 0)
        return cut_off(err);
    if (u->packing == PLAIN) {
        if ((uint64_t)size > u->size - u->used)
            return cut_off(err);
        if (to)
            memcpy(to, u->at + u->used, (size_t)size);
        u->used += (size_t)size;
        return true;
    }
    uint8_t *put = to;
    while (size > 0) {
        if (u->part_at == u->part_size && !refill(u, err))
            return false;
        size_t some = u->part_size - u->part_at;
        some = (int64_t)some > size ? (size_t)size : some;
        if (put) {
            memcpy(put, u->part + u->part_at, some);
            put += some;
        }
        u->part_at += some;
        size -= (int64_t)some;
    }
    return true;
}
