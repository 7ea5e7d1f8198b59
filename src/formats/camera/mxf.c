/*
 * The header partition of an MXF file, as far as clips are told apart by it.
 *
 * A file is a row of KLV packets: a key of 16 bytes, a length as BER (one byte under 128, else 0x80
 * | how many bytes follow), the value. The first is the header partition pack; its operational
 * pattern stands at byte 64 of the value. Sets of metadata have keys 06 0E 2B 34 02 53 01 01 0D 01
 * 01 01 01 01 KIND 00 and are rows of {u16 tag, u16 size, value}; one refers to another by its
 * instance id (tag 3C0A). ContentStorage is not needed: packages are found by their kind.
 *
 *   package  4401 its UMID, 4402 name, 4403 tracks, 4701 descriptor (of a source package)
 *   track    4801 id, 4803 its sequence, 4B01 edit rate
 *   sequence 0201 data definition, 0202 duration, 1001 components
 *   clip     1101 package that it is from    timecode  1501 start, 1502 base, 1503 drop
 *   picture  3201 coding, 3202/3203 stored height and width, 3208/3209 of them that are shown
 */
#include "formats/camera/camera.h"

#include <string.h>

enum { SETS_MOST = 4096, PARTS_MOST = 64 };
enum {
    SET_SEQUENCE = 0x0f,
    SET_CLIP = 0x11,
    SET_TIMECODE = 0x14,
    SET_TAPE = 0x2e,
    SET_MATERIAL = 0x36,
    SET_SOURCE = 0x37,
    SET_TRACK = 0x3b,
};

static const uint8_t smpte[4] = {0x06, 0x0e, 0x2b, 0x34};
static const uint8_t partition[10] = {0x02, 0x05, 0x01, 0x01, 0x0d, 0x01, 0x02, 0x01, 0x01, 0x02};
static const uint8_t set_key[10] = {0x02, 0x53, 0x01, 0x01, 0x0d, 0x01, 0x01, 0x01, 0x01, 0x01};

struct piece {
    const uint8_t *at;
    size_t size;
};
struct set {
    uint8_t kind;
    struct piece value;
};
struct sets {
    struct set at[SETS_MOST];
    size_t count;
};

static uint64_t number(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

// The next packet; false at the end, or when what follows is none.
static bool next(struct piece *rest, const uint8_t **key, struct piece *value)
{
    if (rest->size < 17 || memcmp(rest->at, smpte, 4) != 0)
        return false;
    size_t head = 17, size = rest->at[16];
    if (size & 0x80) {
        size_t bytes = size & 0x7f;
        if (!bytes || bytes > 8 || rest->size < 17 + bytes)
            return false;
        uint64_t said = number(rest->at + 17, bytes);
        if (said > rest->size)
            return false;
        head += bytes, size = (size_t)said;
    }
    if (size > rest->size - head)
        return false;
    *key = rest->at;
    *value = (struct piece){rest->at + head, size};
    rest->at += head + size, rest->size -= head + size;
    return true;
}

// A property of a set; empty: it has none.
static struct piece property(const struct set *s, uint16_t tag)
{
    struct piece rest = s ? s->value : (struct piece){NULL, 0};
    while (rest.size >= 4) {
        size_t size = (size_t)number(rest.at + 2, 2);
        if (size > rest.size - 4)
            break;
        if (number(rest.at, 2) == tag)
            return (struct piece){rest.at + 4, size};
        rest.at += 4 + size, rest.size -= 4 + size;
    }
    return (struct piece){NULL, 0};
}

static uint64_t property_number(const struct set *s, uint16_t tag, uint64_t otherwise)
{
    struct piece p = property(s, tag);
    return p.size && p.size <= 8 ? number(p.at, p.size) : otherwise;
}

// Whom 16 bytes refer to; NULL: nobody that is here.
static const struct set *referred(const struct sets *all, struct piece id)
{
    for (size_t i = 0; id.size == 16 && i < all->count; i++) {
        struct piece own = property(&all->at[i], 0x3c0a);
        if (own.size == 16 && memcmp(own.at, id.at, 16) == 0)
            return &all->at[i];
    }
    return NULL;
}

// The n-th of a batch of references: u32 count, u32 size of each.
static const struct set *batched(const struct sets *all, struct piece batch, size_t n)
{
    if (batch.size < 8 || number(batch.at + 4, 4) != 16 || n >= number(batch.at, 4) ||
        n >= PARTS_MOST || batch.size - 8 < 16 * (n + 1))
        return NULL;
    return referred(all, (struct piece){batch.at + 8 + 16 * n, 16});
}

// UTF-16, big-endian; letters outside of ASCII become '?'.
static void words(struct piece p, char *to, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i + 1 < p.size && n + 1 < room; i += 2) {
        unsigned letter = (unsigned)number(p.at + i, 2);
        if (!letter)
            break;
        to[n++] = letter >= ' ' && letter < 127 ? (char)letter : '?';
    }
    to[n] = 0;
}

static bool rate_of(struct piece p, rational *rate)
{
    if (p.size != 8 || !number(p.at, 4) || !number(p.at + 4, 4) || number(p.at, 4) >> 31 ||
        number(p.at + 4, 4) >> 31)
        return false;
    *rate = rational_make((int64_t)number(p.at, 4), (int64_t)number(p.at + 4, 4));
    return true;
}

// 'v' picture, 'a' sound, 't' timecode, 'd' of another kind (ST 377-1, data definitions).
static char data_kind(const struct set *sequence)
{
    static const uint8_t start[] = {0x01, 0x03, 0x02};
    struct piece p = property(sequence, 0x0201);
    if (p.size != 16 || memcmp(p.at, smpte, 4) != 0 || memcmp(p.at + 8, start, 3) != 0)
        return 'd';
    return p.at[11] == 1                    ? 't'
           : p.at[11] == 2 && p.at[12] == 1 ? 'v'
           : p.at[11] == 2 && p.at[12] == 2 ? 'a'
                                            : 'd';
}

static const struct set *first_part(const struct sets *all, const struct set *sequence)
{
    if (sequence && sequence->kind != SET_SEQUENCE)
        return sequence; // a track may have its one component in the sequence's place
    return batched(all, property(sequence, 0x1001), 0);
}

static bool same(struct piece a, struct piece b)
{
    return a.size && a.size == b.size && memcmp(a.at, b.at, a.size) == 0;
}

static void read_timecode(const struct set *part, struct mxf_head *m)
{
    if (!part || part->kind != SET_TIMECODE || m->start >= 0)
        return;
    uint64_t start = property_number(part, 0x1501, UINT64_MAX),
             base = property_number(part, 0x1502, 0);
    if (start > (uint64_t)INT32_MAX || !base || base > 240)
        return;
    m->start = (int64_t)start;
    m->base = (int)base;
    m->drop = property_number(part, 0x1503, 0) != 0;
}

static void read_track(const struct sets *all, const struct set *track, struct piece own,
                       struct mxf_head *m)
{
    const struct set *sequence = referred(all, property(track, 0x4803));
    const struct set *part = first_part(all, sequence);
    char kind = data_kind(sequence);
    rational rate;
    m->pictures += kind == 'v';
    m->sounds += kind == 'a';
    m->others += kind == 'd';
    if ((kind == 'v' || kind == 'a') && m->track_count < MXF_TRACKS_MOST) {
        m->tracks[m->track_count].number = (uint32_t)property_number(track, 0x4801, 0);
        m->tracks[m->track_count++].kind = kind;
    }
    read_timecode(part, m);
    if ((kind == 'v' || (kind == 'a' && !m->pictures)) && rate_of(property(track, 0x4b01), &rate)) {
        uint64_t duration = property_number(sequence, 0x0202, 0);
        m->rate = rate;
        m->duration = duration <= INT32_MAX ? (int64_t)duration : 0;
    }
    if (part && same(property(part, 0x1101), own)) {
        m->track = (uint32_t)property_number(track, 0x4801, 0);
        m->kind = kind == 'v' || kind == 'a' ? kind : 0;
    }
}

// What is stored here says its own package; a tape is a roll's name.
static void read_sources(const struct sets *all, struct mxf_head *m, struct piece *own)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct set *s = &all->at[i];
        if (s->kind != SET_SOURCE)
            continue;
        const struct set *about = referred(all, property(s, 0x4701));
        if (about && about->kind == SET_TAPE)
            words(property(s, 0x4402), m->reel, sizeof(m->reel));
        else if (about && property(about, 0x3001).size == 8 && !own->size)
            *own = property(s, 0x4401);
    }
}

static void read_picture(const struct sets *all, struct mxf_head *m)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct set *s = &all->at[i];
        struct piece coding = property(s, 0x3201);
        uint64_t width = property_number(s, 0x3209, property_number(s, 0x3203, 0));
        uint64_t height = property_number(s, 0x3208, property_number(s, 0x3202, 0));
        if (coding.size == 16)
            memcpy(m->coding, coding.at, 16);
        if (width && width <= 65535 && height && height <= 65535 && !m->width) {
            bool fields = property_number(s, 0x320c, 0) == 1; // two fields, each half as high
            m->width = (int)width;
            m->height = (int)height * (fields ? 2 : 1);
        }
    }
}

static bool read_partition(const uint8_t *key, struct piece value, struct mxf_head *m)
{
    static const uint8_t pattern[] = {0x0d, 0x01, 0x02, 0x01};
    if (memcmp(key + 4, partition, sizeof(partition)) != 0 || value.size < 88)
        return false;
    const uint8_t *op = value.at + 64;
    m->atom = memcmp(op, smpte, 4) == 0 && memcmp(op + 8, pattern, 4) == 0 && op[12] == 0x10;
    return true;
}

bool mxf_read(text head, struct mxf_head *m, struct error *err)
{
    struct sets all = {.count = 0};
    struct piece rest = {(const uint8_t *)head.at, head.size}, value, own = {NULL, 0};
    const uint8_t *key;
    *m = (struct mxf_head){.start = -1};
    if (head.size < 17 || memcmp(head.at, smpte, 4) != 0 ||
        memcmp(head.at + 4, partition, sizeof(partition)) != 0)
        return error_set(err, ERROR_INPUT, "this does not begin as MXF");
    if (!next(&rest, &key, &value) || !read_partition(key, value, m))
        return error_set(err, ERROR_DAMAGED, "the header of the MXF file is cut off");
    while (all.count < SETS_MOST && next(&rest, &key, &value))
        if (memcmp(key + 4, set_key, sizeof(set_key)) == 0)
            all.at[all.count++] = (struct set){key[14], value};
    read_sources(&all, m, &own);
    read_picture(&all, m);
    for (size_t i = 0; i < all.count && !m->has_package; i++) {
        struct piece id = property(&all.at[i], 0x4401);
        if (all.at[i].kind != SET_MATERIAL || id.size != sizeof(m->package))
            continue;
        memcpy(m->package, id.at, sizeof(m->package));
        m->has_package = true;
        words(property(&all.at[i], 0x4402), m->name, sizeof(m->name));
        const struct set *track;
        for (size_t n = 0; n < MXF_TRACKS_MOST; n++)
            if ((track = batched(&all, property(&all.at[i], 0x4403), n)) != NULL)
                read_track(&all, track, own, m);
    }
    return true;
}
