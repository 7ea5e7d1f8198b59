#include "engine/cmaf.h"
#include "engine/output.h"

#include <stdlib.h>
#include <string.h>

enum { INDEX_HEAD = 32, INDEX_ROW = 12, BOX = 8 };

struct fragment {
    int64_t offset, size, duration;
};

struct cmaf {
    AVRational base, scale; // of packets, of the track
    int64_t head, room, at;
    struct fragment *fragments;
    int64_t count, most, time; // time: in the packets' base, of the next fragment
    char codecs[48];
    int64_t width, height, channels, sample_rate;
};

static const uint8_t *find(const uint8_t *at, size_t size, const char *name, size_t least)
{
    const uint8_t *found = memmem(at, size, name, 4);
    return found && (size_t)(at + size - found) >= 4 + least ? found + 4 : NULL;
}

// Bits in the opposite order, as HEVC's compatibility flags are written (14496-15 E.3).
static uint32_t turned(const uint8_t at[4])
{
    uint32_t v = 0;
    for (int i = 0; i < 32; i++)
        v |= (uint32_t)(at[i / 8] >> (7 - i % 8) & 1) << i;
    return v;
}

static void hevc_codecs(const uint8_t *c, char *to, size_t room)
{
    static const char *const spaces[] = {"", "A", "B", "C"};
    int n = snprintf(to, room, "hvc1.%s%d.%X.%c%d", spaces[c[1] >> 6], c[1] & 31, turned(c + 2),
                     c[1] & 32 ? 'H' : 'L', c[12]);
    int last = 5;
    while (last >= 0 && !c[6 + last])
        last--;
    for (int i = 0; i <= last; i++)
        n += snprintf(to + n, room - (size_t)n, ".%X", c[6 + i]);
}

// RFC 6381 as the codecs' own papers go on with it: 14496-15, AV1 in ISOBMFF.
static void name_codecs(struct cmaf *c, const uint8_t *head, size_t size)
{
    const uint8_t *at;
    if ((at = find(head, size, "avcC", 4)))
        snprintf(c->codecs, sizeof(c->codecs), "avc1.%02x%02x%02x", at[1], at[2], at[3]);
    else if ((at = find(head, size, "hvcC", 13)))
        hevc_codecs(at, c->codecs, sizeof(c->codecs));
    else if ((at = find(head, size, "av1C", 3)))
        snprintf(c->codecs, sizeof(c->codecs), "av01.%d.%02d%c.%02d", at[1] >> 5, at[1] & 31,
                 at[2] & 128 ? 'H' : 'M',
                 at[2] & 32   ? 12
                 : at[2] & 64 ? 10
                              : 8);
    else if (find(head, size, "esds", 0))
        snprintf(c->codecs, sizeof(c->codecs), "mp4a.40.2");
}

struct cmaf *cmaf_open(const AVStream *stream, AVRational base, int64_t most, const void *head,
                       size_t size)
{
    struct cmaf *c = calloc(1, sizeof(*c));
    const AVCodecParameters *p = stream->codecpar;
    if (!c)
        return NULL;
    c->base = base, c->scale = stream->time_base;
    c->most = most < 65535 ? most : 65535; // the index counts them in 16 bits
    c->head = (int64_t)size;
    c->room = INDEX_HEAD + c->most * INDEX_ROW + BOX;
    c->at = c->head + c->room;
    c->fragments = calloc((size_t)c->most, sizeof(*c->fragments));
    c->width = p->width, c->height = p->height;
    c->channels = p->ch_layout.nb_channels, c->sample_rate = p->sample_rate;
    name_codecs(c, head, size);
    if (c->fragments)
        return c;
    cmaf_close(c);
    return NULL;
}

void cmaf_close(struct cmaf *c)
{
    if (!c)
        return;
    free(c->fragments);
    free(c);
}

int64_t cmaf_room(const struct cmaf *c)
{
    return c->room;
}

static int64_t scaled(const struct cmaf *c, int64_t time)
{
    return av_rescale_q(time, c->base, c->scale);
}

void cmaf_add(struct cmaf *c, int64_t end, int64_t duration)
{
    if (end <= c->at)
        return;
    if (c->count == c->most) { // it stays with the one before
        struct fragment *last = &c->fragments[c->count - 1];
        last->size += end - c->at;
        last->duration += scaled(c, c->time + duration) - scaled(c, c->time);
    } else {
        c->fragments[c->count++] = (struct fragment){
            c->at, end - c->at, scaled(c, c->time + duration) - scaled(c, c->time)};
    }
    c->at = end, c->time += duration;
}

static void put32(uint8_t **at, uint32_t v)
{
    for (int i = 3; i >= 0; i--)
        *(*at)++ = (uint8_t)(v >> 8 * i);
}

static bool write_index(const struct cmaf *c, int file, struct error *err)
{
    int64_t size = INDEX_HEAD + c->count * INDEX_ROW;
    uint8_t *bytes = calloc(1, (size_t)c->room), *at = bytes;
    if (!bytes)
        return error_set(err, ERROR_TOO_BIG, "no memory for an index");
    put32(&at, (uint32_t)size);
    memcpy(at, "sidx", 4), at += 4;
    put32(&at, 0);
    put32(&at, 1);
    put32(&at, (uint32_t)c->scale.den);
    put32(&at, 0);                          // the first time
    put32(&at, (uint32_t)(c->room - size)); // from here to the first fragment
    put32(&at, (uint32_t)c->count);
    for (int64_t i = 0; i < c->count; i++) {
        put32(&at, (uint32_t)c->fragments[i].size);
        put32(&at, (uint32_t)c->fragments[i].duration);
        put32(&at, 0x90000000); // begins with a frame from which all that follow can be shown
    }
    put32(&at, (uint32_t)(c->room - size));
    memcpy(at, "free", 4);
    bool done = output_write(file, bytes, (size_t)c->room, c->head, err);
    free(bytes);
    return done;
}

bool cmaf_finish(struct cmaf *c, int file, json_t **about, struct error *err)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < c->count; i++) {
        const struct fragment *f = &c->fragments[i];
        if (f->size > INT32_MAX) {
            json_decref(list);
            error_set(err, ERROR_TOO_BIG, "a group of pictures is too large for an index");
            return error_fix(err, "ask for fewer seconds between key frames");
        }
        json_array_append_new(list, json_pack("[I,I,I]", (json_int_t)f->offset, (json_int_t)f->size,
                                              (json_int_t)f->duration));
    }
    *about = json_pack("{s:I, s:[I,I], s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "head",
                       (json_int_t)c->head, "index", (json_int_t)c->head,
                       (json_int_t)(INDEX_HEAD + c->count * INDEX_ROW), "codecs", c->codecs,
                       "timescale", (json_int_t)c->scale.den, "width", (json_int_t)c->width,
                       "height", (json_int_t)c->height, "channels", (json_int_t)c->channels,
                       "sample_rate", (json_int_t)c->sample_rate, "fragments", list);
    return write_index(c, file, err);
}
