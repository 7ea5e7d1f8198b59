/*
 * "PHPACKET" | u32 version 1 | u32 size of the head | the head, JSON | rows | the end
 *
 * A row is u32 size, u16 stream, u16 flags (1: a key frame), i64 pts, i64 dts, i64 duration, u64
 * XXH3 of all of the row but itself, and then its bytes. The end is a row of the size 0xffffffff
 * without bytes: pts is the number of rows, dts the delay. All numbers are little-endian.
 */
#include "engine/packets.h"
#include "plat/hash.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "PHPACKET"
#define ENDS 0xffffffffu
#define BUFFER (1 << 20)

enum { FRONT = 16, ROW = 40, SUM_AT = 32, KEY = 1 };

static void put16(uint8_t *to, uint16_t v)
{
    v = htole16(v);
    memcpy(to, &v, 2);
}

static void put32(uint8_t *to, uint32_t v)
{
    v = htole32(v);
    memcpy(to, &v, 4);
}

static void put64(uint8_t *to, uint64_t v)
{
    v = htole64(v);
    memcpy(to, &v, 8);
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, 4);
    return le32toh(v);
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, 8);
    return le64toh(v);
}

static uint16_t get16(const uint8_t *at)
{
    uint16_t v;
    memcpy(&v, at, 2);
    return le16toh(v);
}

// Of the row without its sum; the bytes follow it at `row + ROW`.
static uint64_t sum_of(const uint8_t *row, size_t size)
{
    uint64_t of[2] = {htole64(xxh3_of(row, SUM_AT)), htole64(xxh3_of(row + ROW, size))};
    return xxh3_of(of, sizeof(of));
}

static void *room_for(uint8_t **at, size_t *room, size_t size)
{
    if (size > *room) {
        uint8_t *more = realloc(*at, size);
        if (!more)
            return NULL;
        *at = more;
        *room = size;
    }
    return *at;
}

// ---- writing

struct packets_writer {
    int file;
    int64_t at, rows;
    uint8_t *waiting; // not written yet
    size_t size, room;
};

static bool flush(struct packets_writer *w, struct error *err)
{
    for (size_t done = 0; done < w->size;) {
        ssize_t n = pwrite(w->file, w->waiting + done, w->size - done, w->at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_errno(err, n ? errno : EIO, "cannot write what was encoded");
        done += (size_t)n, w->at += n;
    }
    w->size = 0;
    return true;
}

static bool add(struct packets_writer *w, uint32_t size, const struct packets_row *row,
                struct error *err)
{
    if (w->size && w->size + ROW + row->size > BUFFER && !flush(w, err))
        return false;
    if (!room_for(&w->waiting, &w->room, w->size + ROW + row->size))
        return error_set(err, ERROR_TOO_BIG, "no memory for what was encoded");
    uint8_t *to = w->waiting + w->size;
    put32(to, size);
    put16(to + 4, row->stream);
    put16(to + 6, row->key ? KEY : 0);
    put64(to + 8, (uint64_t)row->pts);
    put64(to + 16, (uint64_t)row->dts);
    put64(to + 24, (uint64_t)row->duration);
    if (row->size)
        memcpy(to + ROW, row->at, row->size);
    put64(to + SUM_AT, sum_of(to, row->size));
    w->size += ROW + row->size;
    return true;
}

bool packets_begin(int file, const json_t *head, struct packets_writer **to, struct error *err)
{
    struct packets_writer *w = calloc(1, sizeof(*w));
    char *text = json_dumps(head, JSON_COMPACT | JSON_SORT_KEYS);
    size_t size = text ? strlen(text) : 0;
    bool done = w && size && size <= PACKETS_HEAD_MOST &&
                room_for(&w->waiting, &w->room, BUFFER + FRONT + size);
    if (done) {
        w->file = file;
        memcpy(w->waiting, MAGIC, 8);
        put32(w->waiting + 8, 1);
        put32(w->waiting + 12, (uint32_t)size);
        memcpy(w->waiting + FRONT, text, size);
        w->size = FRONT + size;
        *to = w;
    } else {
        packets_writer_close(w);
        error_set(err, ERROR_INTERNAL, "what is encoded can not be described");
    }
    free(text);
    return done;
}

bool packets_add(struct packets_writer *w, const struct packets_row *row, struct error *err)
{
    if (row->size > PACKETS_ROW_MOST) {
        error_set(err, ERROR_TOO_BIG, "an encoded frame is too large");
        return error_why(err, "it has %s", size_text((int64_t)row->size).text);
    }
    w->rows++;
    return add(w, (uint32_t)row->size, row, err);
}

bool packets_finish(struct packets_writer *w, int64_t delay, int64_t *size, struct error *err)
{
    struct packets_row end = {.pts = w->rows, .dts = delay};
    if (!add(w, ENDS, &end, err) || !flush(w, err))
        return false;
    *size = w->at;
    return fsync(w->file) == 0 || error_errno(err, errno, "cannot make what was encoded durable");
}

void packets_writer_close(struct packets_writer *w)
{
    if (!w)
        return;
    free(w->waiting);
    free(w);
}

// ---- reading

struct packets_reader {
    struct packets_source from;
    json_t *head;
    struct packets_end end;
    int64_t at, rows;
    uint8_t *row;
    size_t room;
};

static bool damaged(struct error *err, const char *why)
{
    error_set(err, ERROR_DAMAGED, "a piece of the deliverable is damaged");
    error_why(err, "%s", why);
    return error_fix(err, "ask for it again: all of it is then encoded anew");
}

static bool take(struct packets_reader *r, int64_t offset, void *to, size_t size, struct error *err)
{
    size_t got = 0;
    if (offset < 0 || (int64_t)size > r->from.size || offset > r->from.size - (int64_t)size)
        return damaged(err, "it ends early");
    return r->from.read(r->from.context, offset, to, size, &got, err) &&
           (got == size || damaged(err, "it ends early"));
}

static bool read_end(struct packets_reader *r, struct error *err)
{
    uint8_t row[ROW];
    if (!take(r, r->from.size - ROW, row, ROW, err))
        return false;
    r->end = (struct packets_end){(int64_t)get64(row + 8), (int64_t)get64(row + 16)};
    return (get32(row) == ENDS && get64(row + SUM_AT) == sum_of(row, 0) && r->end.rows >= 0 &&
            r->end.delay >= 0 && r->end.delay < 1 << 20) ||
           damaged(err, "it has no end");
}

static bool read_head(struct packets_reader *r, struct error *err)
{
    uint8_t front[FRONT];
    if (!take(r, 0, front, FRONT, err))
        return false;
    uint32_t size = get32(front + 12);
    if (memcmp(front, MAGIC, 8) != 0 || get32(front + 8) != 1 || size > PACKETS_HEAD_MOST)
        return damaged(err, "it does not begin as one");
    if (!room_for(&r->row, &r->room, size + 1))
        return error_set(err, ERROR_TOO_BIG, "no memory for the head of a piece");
    if (!take(r, FRONT, r->row, size, err))
        return false;
    r->head = json_loadb((const char *)r->row, size, JSON_REJECT_DUPLICATES, NULL);
    r->at = FRONT + (int64_t)size;
    return json_is_object(r->head) || damaged(err, "its head can not be read");
}

bool packets_open(const struct packets_source *from, struct packets_reader **to,
                  const json_t **head, struct packets_end *end, struct error *err)
{
    struct packets_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return error_set(err, ERROR_TOO_BIG, "no memory to read a piece");
    r->from = *from;
    if (read_end(r, err) && read_head(r, err)) {
        *to = r;
        *head = r->head;
        *end = r->end;
        return true;
    }
    packets_close(r);
    return false;
}

bool packets_next(struct packets_reader *r, struct packets_row *row, bool *ended, struct error *err)
{
    if (!room_for(&r->row, &r->room, BUFFER))
        return error_set(err, ERROR_TOO_BIG, "no memory for a frame");
    if (!take(r, r->at, r->row, ROW, err))
        return false;
    uint32_t size = get32(r->row);
    *ended = size == ENDS;
    size = *ended ? 0 : size;
    if (size > PACKETS_ROW_MOST || (int64_t)size > r->from.size - r->at - ROW)
        return damaged(err, "a frame is larger than what is left of it");
    if (!room_for(&r->row, &r->room, ROW + (size_t)size))
        return error_set(err, ERROR_TOO_BIG, "no memory for a frame");
    if (!take(r, r->at + ROW, r->row + ROW, size, err))
        return false;
    if (get64(r->row + SUM_AT) != sum_of(r->row, size))
        return damaged(err, "a frame's checksum is wrong");
    r->at += ROW + (int64_t)size;
    *row = (struct packets_row){.stream = get16(r->row + 4),
                                .key = get16(r->row + 6) & KEY,
                                .pts = (int64_t)get64(r->row + 8),
                                .dts = (int64_t)get64(r->row + 16),
                                .duration = (int64_t)get64(r->row + 24),
                                .at = r->row + ROW,
                                .size = size};
    if (*ended)
        return (r->at == r->from.size && r->rows == r->end.rows) ||
               damaged(err, "frames are missing in it");
    r->rows++;
    return true;
}

void packets_close(struct packets_reader *r)
{
    if (!r)
        return;
    json_decref(r->head);
    free(r->row);
    free(r);
}
