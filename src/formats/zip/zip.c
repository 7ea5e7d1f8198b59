#include "formats/zip/zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utf8proc.h>
#include <zlib.h>

enum {
    HEAD = 30,
    ENTRY = 46,
    STAMP = 9,       // extended timestamp
    SIZES64 = 20,    // zip64 extra of a local header
    END = 22,
    END64 = 56 + 20, // with its locator
    FLAGS = 1 << 3 | 1 << 11,
    FROM_UNIX = 3 << 8 | 63,
};
#define MOST32 0xffffffffLL

struct place {
    const char *name;
    size_t name_size;
    int64_t at, size, modified_s;
    uint16_t dos_date, dos_time;
};

struct zip {
    struct place *places;
    size_t count;
    int64_t catalogue_at, catalogue_size; // without what ends it
    int64_t size;
};

static bool large(const struct place *p)
{
    return p->size >= MOST32;
}

static int64_t head_size(const struct place *p)
{
    return HEAD + (int64_t)p->name_size + STAMP + (large(p) ? SIZES64 : 0);
}

static int64_t tail_size(const struct place *p)
{
    return large(p) ? 24 : 16;
}

static int64_t extra64_size(const struct place *p)
{
    int64_t size = (large(p) ? 16 : 0) + (p->at >= MOST32 ? 8 : 0);
    return size ? size + 4 : 0;
}

static int64_t entry_size(const struct place *p)
{
    return ENTRY + (int64_t)p->name_size + STAMP + extra64_size(p);
}

static bool needs64(const struct zip *z)
{
    return z->count >= 0xffff || z->catalogue_at >= MOST32 || z->catalogue_size >= MOST32;
}

// ---- names

static bool bad_name(const char *name, const char *why, struct error *err)
{
    error_set(err, ERROR_INPUT, "%.200s can not be put into an archive", name);
    error_why(err, "%s", why);
    return error_fix(err, "give it another name");
}

static bool name_safe(const char *name, struct error *err)
{
    if (!*name || *name == '/' || strlen(name) > ZIP_NAME_MOST || !text_utf8(text_of(name)))
        return bad_name(name, "its name is empty, absolute, too long or not UTF-8", err);
    for (text rest = text_of(name); rest.size;) {
        text part = text_cut(&rest, '/');
        if (!part.size || text_is(part, ".") || text_is(part, ".."))
            return bad_name(name, "a part of its path is empty, \".\" or \"..\"", err);
    }
    return true;
}

// What Windows can not write becomes '_': the archive is for whoever gets it.
static char *name_made(struct arena *a, const char *from)
{
    utf8proc_uint8_t *nfc = utf8proc_NFC((const utf8proc_uint8_t *)from);
    char *name = arena_text(a, nfc ? (const char *)nfc : from);
    free(nfc);
    for (char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f || strchr("\\:*?\"<>|", *c))
            *c = '_';
    return name;
}

// Two names that are one for a Mac or Windows.
static uint64_t folded(const char *name)
{
    utf8proc_uint8_t *fold = NULL;
    uint64_t hash = 0xcbf29ce484222325;
    utf8proc_map((const utf8proc_uint8_t *)name, 0, &fold,
                 UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
    for (const unsigned char *c = fold ? fold : (const unsigned char *)name; *c; c++)
        hash = (hash ^ *c) * 0x100000001b3;
    free(fold);
    return hash ? hash : 1;
}

struct names {
    uint64_t *taken; // hashes; 0: free
    int *next;       // the number to try when the name comes again
    size_t room;
};

// Its slot; *fresh: nobody had it.
static size_t take_name(struct names *n, const char *name, bool *fresh)
{
    uint64_t hash = folded(name);
    size_t at = hash % n->room;
    while (n->taken[at] && n->taken[at] != hash)
        at = (at + 1) % n->room;
    *fresh = !n->taken[at];
    n->taken[at] = hash;
    return at;
}

static const char *name_own(struct arena *a, struct names *n, const char *from)
{
    bool fresh;
    char *name = name_made(a, from), other[ZIP_NAME_MOST * 3 + 32];
    size_t first = take_name(n, name, &fresh);
    if (fresh)
        return name;
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    const char *dot = strrchr(base, '.');
    int stem = (int)(dot && dot > base ? (size_t)(dot - name) : strlen(name));
    for (int number = n->next[first] ? n->next[first] : 2; !fresh; number++) {
        snprintf(other, sizeof(other), "%.*s (%d)%s", stem, name, number, name + stem);
        take_name(n, other, &fresh);
        n->next[first] = number + 1;
    }
    return arena_text(a, other);
}

// ---- dates

static void dos_of(struct place *p)
{
    struct tm t;
    time_t at = (time_t)p->modified_s;
    gmtime_r(&at, &t);
    if (t.tm_year < 80 || t.tm_year > 207) { // 1980 to 2107 is what there is room for
        p->dos_date = 1 << 5 | 1;
        p->dos_time = 0;
        return;
    }
    p->dos_date = (uint16_t)((t.tm_year - 80) << 9 | (t.tm_mon + 1) << 5 | t.tm_mday);
    p->dos_time = (uint16_t)(t.tm_hour << 11 | t.tm_min << 5 | t.tm_sec / 2);
}

// ---- the layout

bool zip_lay_out(struct arena *a, const struct zip_member *list, size_t count, struct zip **made,
                 struct error *err)
{
    struct zip *z = ARENA_NEW(a, struct zip);
    if (count > ZIP_MEMBERS_MOST) {
        error_set(err, ERROR_TOO_BIG, "this is too much for one archive");
        error_why(err, "it has %s files, %s is the most", count_text((int64_t)count).text,
                  count_text(ZIP_MEMBERS_MOST).text);
        return error_fix(err, "take its folders one by one");
    }
    struct names names = {.room = count * 2 + 7};
    names.taken = ARENA_ARRAY(a, uint64_t, names.room);
    names.next = ARENA_ARRAY(a, int, names.room);
    z->places = ARENA_ARRAY(a, struct place, count + 1);
    z->count = count;
    int64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        struct place *p = &z->places[i];
        if (!name_safe(list[i].name, err))
            return false;
        p->name = name_own(a, &names, list[i].name);
        p->name_size = strlen(p->name);
        p->size = list[i].size;
        p->modified_s = list[i].modified_ms / 1000;
        p->at = at;
        dos_of(p);
        at += head_size(p) + p->size + tail_size(p);
        z->catalogue_size += entry_size(p);
    }
    z->places[count].at = z->catalogue_at = at;
    z->size = at + z->catalogue_size + END + (needs64(z) ? END64 : 0);
    *made = z;
    return true;
}

int64_t zip_size(const struct zip *z)
{
    return z->size;
}

const char *zip_name(const struct zip *z, size_t member)
{
    return z->places[member].name;
}

struct zip_part zip_part_at(const struct zip *z, int64_t offset)
{
    if (offset < 0 || offset >= z->size)
        return (struct zip_part){.kind = ZIP_END};
    if (offset >= z->catalogue_at)
        return (struct zip_part){ZIP_CATALOGUE, z->count, offset - z->catalogue_at,
                                 z->size - z->catalogue_at};
    size_t low = 0, high = z->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(z->places[middle].at <= offset ? &low : &high) = middle;
    }
    const struct place *p = &z->places[low];
    int64_t at = offset - p->at, head = head_size(p);
    if (at < head)
        return (struct zip_part){ZIP_HEAD, low, at, head};
    if (at < head + p->size)
        return (struct zip_part){ZIP_BYTES, low, at - head, p->size};
    return (struct zip_part){ZIP_TAIL, low, at - head - p->size, tail_size(p)};
}

// ---- the bytes, all little-endian

static uint8_t *put(uint8_t *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *to++ = (uint8_t)(value >> 8 * i);
    return to;
}

static uint64_t or_most(int64_t value, int bytes)
{
    uint64_t most = bytes == 2 ? 0xffff : MOST32;
    return (uint64_t)value < most ? (uint64_t)value : most;
}

static uint8_t *put_name(uint8_t *to, const struct place *p)
{
    memcpy(to, p->name, p->name_size);
    return to + p->name_size;
}

static uint8_t *put_stamp(uint8_t *to, const struct place *p)
{
    to = put(to, 0x5455, 2);
    to = put(to, 5, 2);
    to = put(to, 1, 1); // the time of modification follows
    return put(to, (uint32_t)p->modified_s, 4);
}

void zip_head(const struct zip *z, size_t member, uint8_t *to)
{
    const struct place *p = &z->places[member];
    to = put(to, 0x04034b50, 4);
    to = put(to, large(p) ? 45 : 20, 2);
    to = put(to, FLAGS, 2);
    to = put(to, 0, 2); // stored
    to = put(to, p->dos_time, 2);
    to = put(to, p->dos_date, 2);
    to = put(to, 0, 4); // the CRC comes behind
    // The sizes are known, and whoever reads from a pipe can use them.
    to = put(to, large(p) ? MOST32 : p->size, 4);
    to = put(to, large(p) ? MOST32 : p->size, 4);
    to = put(to, p->name_size, 2);
    to = put(to, (uint64_t)(STAMP + (large(p) ? SIZES64 : 0)), 2);
    to = put_name(to, p);
    if (large(p)) {
        to = put(to, 1, 2);
        to = put(to, 16, 2);
        to = put(to, (uint64_t)p->size, 8);
        to = put(to, (uint64_t)p->size, 8);
    }
    put_stamp(to, p);
}

void zip_tail(const struct zip *z, size_t member, uint32_t crc, uint8_t *to)
{
    const struct place *p = &z->places[member];
    int width = large(p) ? 8 : 4;
    to = put(to, 0x08074b50, 4);
    to = put(to, crc, 4);
    to = put(to, (uint64_t)p->size, width);
    put(to, (uint64_t)p->size, width);
}

static uint8_t *put_entry(uint8_t *to, const struct place *p, uint32_t crc)
{
    int64_t extra64 = extra64_size(p);
    to = put(to, 0x02014b50, 4);
    to = put(to, FROM_UNIX, 2);
    to = put(to, extra64 ? 45 : 20, 2);
    to = put(to, FLAGS, 2);
    to = put(to, 0, 2);
    to = put(to, p->dos_time, 2);
    to = put(to, p->dos_date, 2);
    to = put(to, crc, 4);
    to = put(to, large(p) ? MOST32 : p->size, 4);
    to = put(to, large(p) ? MOST32 : p->size, 4);
    to = put(to, p->name_size, 2);
    to = put(to, (uint64_t)(STAMP + extra64), 2);
    to = put(to, 0, 2); // no comment
    to = put(to, 0, 2); // first disk
    to = put(to, 0, 2);
    to = put(to, (uint64_t)0100644 << 16, 4);
    to = put(to, or_most(p->at, 4), 4);
    to = put_name(to, p);
    if (extra64) {
        to = put(to, 1, 2);
        to = put(to, (uint64_t)extra64 - 4, 2);
        if (large(p)) {
            to = put(to, (uint64_t)p->size, 8);
            to = put(to, (uint64_t)p->size, 8);
        }
        if (p->at >= MOST32)
            to = put(to, (uint64_t)p->at, 8);
    }
    return put_stamp(to, p);
}

void zip_catalogue(const struct zip *z, const uint32_t *crcs, uint8_t *to)
{
    for (size_t i = 0; i < z->count; i++)
        to = put_entry(to, &z->places[i], crcs[i]);
    if (needs64(z)) {
        uint64_t end64_at = (uint64_t)(z->catalogue_at + z->catalogue_size);
        to = put(to, 0x06064b50, 4);
        to = put(to, 44, 8); // what follows
        to = put(to, FROM_UNIX, 2);
        to = put(to, 45, 2);
        to = put(to, 0, 4);
        to = put(to, 0, 4);
        to = put(to, z->count, 8);
        to = put(to, z->count, 8);
        to = put(to, (uint64_t)z->catalogue_size, 8);
        to = put(to, (uint64_t)z->catalogue_at, 8);
        to = put(to, 0x07064b50, 4);
        to = put(to, 0, 4);
        to = put(to, end64_at, 8);
        to = put(to, 1, 4);
    }
    to = put(to, 0x06054b50, 4);
    to = put(to, 0, 2);
    to = put(to, 0, 2);
    to = put(to, or_most((int64_t)z->count, 2), 2);
    to = put(to, or_most((int64_t)z->count, 2), 2);
    to = put(to, or_most(z->catalogue_size, 4), 4);
    to = put(to, or_most(z->catalogue_at, 4), 4);
    put(to, 0, 2);
}

uint32_t zip_crc(uint32_t crc, const void *at, size_t size)
{
    return (uint32_t)crc32_z(crc, at, size);
}
