#include "make_camera.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void byte(struct buf *b, unsigned value)
{
    uint8_t one = (uint8_t)value;
    buf_add(b, &one, 1);
}

static void be(struct buf *b, uint64_t value, int bytes)
{
    while (bytes--)
        byte(b, bytes < 8 ? (unsigned)(value >> 8 * bytes) & 255 : 0);
}

static void le(struct buf *b, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        byte(b, (unsigned)(value >> 8 * i) & 255);
}

static void zeros(struct buf *b, size_t until)
{
    while (b->size < until)
        byte(b, 0);
}

static void put_be(struct buf *b, size_t at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        b->at[at + (size_t)i] = (char)(value >> 8 * (bytes - 1 - i));
}

// ---- RED

static void red_word(struct buf *b, unsigned tag, const char *value)
{
    if (!value)
        return;
    be(b, strlen(value) + 5, 2);
    be(b, tag, 2);
    buf_add(b, value, strlen(value) + 1);
}

static void red_tags(struct buf *b, const struct camera_made *m)
{
    red_word(b, 0x1000, "01:00:00:00");
    red_word(b, 0x1001, m->timecode);
    red_word(b, 0x1019, "A");
    red_word(b, 0x101a, m->reel);
    red_word(b, 0x1056, m->name);
    red_word(b, 0x10a0, "KOMODO");
    be(b, 0, 2);
}

void make_red(struct buf *b, char version, const struct camera_made *m)
{
    size_t start = b->size;
    be(b, 0, 4);
    buf_add(b, "RED", 3);
    byte(b, (unsigned)version);
    if (version == '1') {
        zeros(b, start + 0x34);
        be(b, (uint64_t)m->width, 4);
        be(b, (uint64_t)m->height, 4);
        be(b, 0, 2);
        be(b, (uint64_t)m->rate_num, 2);
        be(b, (uint64_t)m->rate_den, 2);
        byte(b, 2);
        buf_text(b, m->name);
        zeros(b, start + 0x150);
        put_be(b, start, b->size - start, 4);
        size_t second = b->size;
        be(b, 0x1000, 4);
        buf_text(b, "REDV");
        zeros(b, second + 0x22);
        be(b, 400, 2);
        red_tags(b, m);
        zeros(b, second + 0x1000);
        return;
    }
    zeros(b, start + 0x40);
    byte(b, 1);
    zeros(b, start + 0x4c);
    be(b, (uint64_t)m->width, 4);
    be(b, (uint64_t)m->height, 4);
    be(b, 0, 2);
    be(b, (uint64_t)m->rate_den, 2);
    be(b, (uint64_t)m->rate_num, 4);
    be(b, 400, 2);
    red_tags(b, m);
    zeros(b, start + 0x1000);
    put_be(b, start, 0x4b2, 4);
}

// ---- ARRIRAW, CinemaDNG

void make_arri(struct buf *b, const struct camera_made *m)
{
    buf_add(b, "ARRI\x12\x34\x56\x78", 8);
    le(b, 4096, 4);
    le(b, 3, 4);
    le(b, 60, 4);
    le(b, (uint64_t)m->width, 4);
    le(b, (uint64_t)m->height, 4);
    unsigned h, min, sec, f;
    zeros(b, 0x160);
    le(b, 0x20c, 4);
    zeros(b, 0x1a4);
    le(b, (uint64_t)m->rate_num * 1000 / (uint64_t)m->rate_den, 4);
    if (m->timecode && sscanf(m->timecode, "%u:%u:%u:%u", &h, &min, &sec, &f) == 4) {
        const unsigned parts[4] = {f, sec, min, h};
        for (int i = 0; i < 4; i++)
            byte(b, parts[i] / 10 << 4 | parts[i] % 10);
    }
    zeros(b, 668);
    buf_text(b, "ALEXA");
    zeros(b, 0x4f0);
    le(b, 0x228, 4);
    le(b, 0, 4);
    buf_text(b, m->reel);
    zeros(b, 0x698);
    buf_text(b, m->name);
    zeros(b, 8192);
}

// The box that says which camera of Canon's it is.
static void canon_box(struct buf *b, const char *version, const char *model)
{
    static const uint8_t canon[16] = {0x85, 0xc0, 0xb6, 0x87, 0x82, 0x0f, 0x11, 0xe0,
                                      0x81, 0x11, 0xf4, 0xce, 0x46, 0x2b, 0x6a, 0x48};
    size_t says = strlen(version), named = strlen(model) + 1, tiff = 26 + named;
    be(b, 24 + 8 + says + 8 + tiff, 4);
    buf_text(b, "uuid");
    buf_add(b, canon, sizeof(canon));
    be(b, 8 + says, 4);
    buf_text(b, "CNCV");
    buf_text(b, version);
    be(b, 8 + tiff, 4);
    buf_text(b, "CMT1");
    buf_add(b, "II*\0\x08\0\0\0\x01\0", 10);
    le(b, 0x110, 2);
    le(b, 2, 2);
    le(b, named, 4);
    le(b, 26, 4);
    le(b, 0, 4);
    buf_add(b, model, named);
}

static void canon_brand(struct buf *b)
{
    be(b, 24, 4);
    buf_text(b, "ftypcrx ");
    be(b, 1, 4);
    buf_text(b, "crx isom");
}

void make_crx(struct buf *b, const char *version, const char *model)
{
    canon_brand(b);
    size_t moov = b->size;
    be(b, 0, 4);
    buf_text(b, "moov");
    canon_box(b, version, model);
    put_be(b, moov, b->size - moov, 4);
}

static void tag(struct buf *b, unsigned id, unsigned type, uint32_t count, uint32_t value)
{
    le(b, id, 2);
    le(b, type, 2);
    le(b, count, 4);
    le(b, value, 4);
}

void make_dng(struct buf *b, const struct camera_made *m)
{
    enum {
        TAGS = 14,
        AFTER = 8 + 2 + 12 * TAGS + 4,
        CODE = AFTER,
        RATE = AFTER + 8,
        REEL = AFTER + 16,
        DATA = AFTER + 64
    };
    unsigned h = 0, min = 0, s = 0, f = 0;
    sscanf(m->timecode, "%2u:%2u:%2u:%2u", &h, &min, &s, &f);
    buf_add(b, "II*\0", 4);
    le(b, 8, 4);
    le(b, TAGS, 2);
    tag(b, 0x100, 4, 1, (uint32_t)m->width);
    tag(b, 0x101, 4, 1, (uint32_t)m->height);
    tag(b, 0x102, 3, 1, 16);
    tag(b, 0x103, 3, 1, 1);
    tag(b, 0x106, 3, 1, 32803); // a colour filter over each pixel
    tag(b, 0x111, 4, 1, DATA);
    tag(b, 0x115, 3, 1, 1);
    tag(b, 0x116, 4, 1, (uint32_t)m->height);
    tag(b, 0x117, 4, 1, (uint32_t)(m->width * m->height * 2));
    tag(b, 0x828e, 1, 4, 0x02010100);
    tag(b, 0xc612, 1, 4, 0x0401);
    tag(b, 0xc763, 1, 8, CODE);
    tag(b, 0xc764, 10, 1, RATE);
    tag(b, 0xc789, 2, (uint32_t)strlen(m->reel) + 1, REEL);
    le(b, 0, 4);
    const unsigned parts[4] = {f, s, min, h};
    for (int i = 0; i < 4; i++)
        byte(b, parts[i] / 10 << 4 | parts[i] % 10);
    zeros(b, RATE);
    le(b, (uint64_t)m->rate_num, 4);
    le(b, (uint64_t)m->rate_den, 4);
    buf_text(b, m->reel);
    zeros(b, DATA);
    for (int i = 0; i < m->width * m->height; i++)
        le(b, (uint64_t)(i * 37 & 0x3fff), 2);
}

// ---- MXF

static size_t packet(struct buf *b, const uint8_t key[16])
{
    buf_add(b, key, 16);
    byte(b, 0x83);
    be(b, 0, 3);
    return b->size;
}

static void packet_end(struct buf *b, size_t start)
{
    put_be(b, start - 3, b->size - start, 3);
}

static size_t set(struct buf *b, uint8_t kind, uint8_t id)
{
    const uint8_t key[16] = {6, 14, 43, 52, 2, 0x53, 1, 1, 13, 1, 1, 1, 1, 1, kind, 0};
    size_t start = packet(b, key);
    be(b, 0x3c0a, 2);
    be(b, 16, 2);
    be(b, 0, 8);
    be(b, id, 8);
    return start;
}

static void property(struct buf *b, unsigned id, uint64_t value, int bytes)
{
    be(b, id, 2);
    be(b, (uint64_t)bytes, 2);
    be(b, value, bytes);
}

static void reference(struct buf *b, unsigned id, uint8_t first, int count)
{
    be(b, id, 2);
    be(b, count ? (uint64_t)(8 + 16 * count) : 16, 2);
    if (count)
        be(b, (uint64_t)count, 4), be(b, 16, 4);
    for (int i = 0; i < (count ? count : 1); i++)
        be(b, 0, 8), be(b, first + (unsigned)i, 8);
}

static void umid(struct buf *b, unsigned id, uint8_t package, uint8_t of)
{
    be(b, id, 2);
    be(b, 32, 2);
    for (int i = 0; i < 30; i++)
        byte(b, (unsigned)i);
    byte(b, package);
    byte(b, of);
}

static void utf16(struct buf *b, unsigned id, const char *value)
{
    be(b, id, 2);
    be(b, 2 * strlen(value), 2);
    for (; *value; value++)
        be(b, (unsigned char)*value, 2);
}

static void data_kind(struct buf *b, int kind) // 0 timecode, 1 picture, 2 sound
{
    const uint8_t label[16] = {
        6, 14, 43, 52, 4, 1, 1, 1, 1, 3, 2, kind ? 2 : 1, kind ? (uint8_t)kind : 1};
    be(b, 0x0201, 2);
    be(b, 16, 2);
    buf_add(b, label, 16);
}

void make_mxf(struct buf *b, const struct mxf_made *m)
{
    const uint8_t head[16] = {6, 14, 43, 52, 2, 5, 1, 1, 13, 1, 2, 1, 1, 2, 4, 0};
    const uint8_t op[16] = {
        6, 14, 43, 52, 4, 1, 1, 2, 13, 1, 2, 1, m->atom ? 0x10 : 1, m->atom ? 2 : 1};
    int tracks = m->pictures + m->sounds;
    size_t at = packet(b, head);
    be(b, 0x00010003, 4);
    while (b->size - at < 64)
        byte(b, 0);
    buf_add(b, op, 16);
    be(b, 0, 8);
    packet_end(b, at);
    at = set(b, 0x36, 1); // the material package
    umid(b, 0x4401, m->package, 0);
    utf16(b, 0x4402, "clip");
    reference(b, 0x4403, 10, tracks + 1);
    packet_end(b, at);
    for (int i = 0; i <= tracks; i++) { // the last is the timecode
        int kind = i == tracks ? 0 : i < m->pictures ? 1 : 2;
        at = set(b, 0x3b, (uint8_t)(10 + i));
        property(b, 0x4801, (unsigned)i + 1, 4);
        property(b, 0x4b01, (uint64_t)m->rate << 32 | 1, 8);
        reference(b, 0x4803, (uint8_t)(40 + i), 0);
        packet_end(b, at);
        at = set(b, 0x0f, (uint8_t)(40 + i));
        data_kind(b, kind);
        property(b, 0x0202, (unsigned)m->duration, 8);
        reference(b, 0x1001, (uint8_t)(70 + i), 1);
        packet_end(b, at);
        at = set(b, kind ? 0x11 : 0x14, (uint8_t)(70 + i));
        if (kind) {
            umid(b, 0x1101, m->package, (uint8_t)(i + 1));
        } else {
            property(b, 0x1501, (unsigned)m->start, 8);
            property(b, 0x1502, (unsigned)m->rate, 2);
            property(b, 0x1503, 0, 1);
        }
        packet_end(b, at);
    }
    at = set(b, 0x37, 2); // what is in this file
    umid(b, 0x4401, m->package, (uint8_t)(m->track + 1));
    reference(b, 0x4701, 3, 0);
    packet_end(b, at);
    at = set(b, 0x28, 3);
    property(b, 0x3001, (uint64_t)m->rate << 32 | 1, 8);
    if (m->coding) {
        be(b, 0x3201, 2), be(b, 16, 2);
        buf_add(b, m->coding, 16);
    }
    if (m->width)
        property(b, 0x3203, (unsigned)m->width, 4), property(b, 0x3202, (unsigned)m->height, 4);
    packet_end(b, at);
    if (m->tape) {
        at = set(b, 0x37, 4);
        umid(b, 0x4401, m->package, 200);
        utf16(b, 0x4402, m->tape);
        reference(b, 0x4701, 5, 0);
        packet_end(b, at);
        at = set(b, 0x2e, 5);
        packet_end(b, at);
    }
    zeros(b, b->size + 4096);
}

// ---- QuickTime

static size_t box(struct buf *b, const char *kind)
{
    be(b, 0, 4);
    buf_text(b, kind);
    return b->size - 8;
}

static void box_end(struct buf *b, size_t start)
{
    put_be(b, start, b->size - start, 4);
}

static const uint8_t matrix[36] = {0, 1, 0, 0, [16] = 0, 1, [32] = 0x40};

static void track_head(struct buf *b, int id, int duration, int width, int height)
{
    size_t at = box(b, "tkhd");
    be(b, 7, 4);
    be(b, 0, 8);
    be(b, (unsigned)id, 4);
    be(b, 0, 4);
    be(b, (unsigned)duration, 4);
    be(b, 0, 16);
    buf_add(b, matrix, 36);
    be(b, (uint64_t)width << 16, 4);
    be(b, (uint64_t)height << 16, 4);
    box_end(b, at);
}

static void table(struct buf *b, const char *kind, int count, ...);
static void table(struct buf *b, const char *kind, int count, ...)
{
    va_list list;
    size_t at = box(b, kind);
    be(b, 0, 4);
    va_start(list, count);
    for (int i = 0; i < count; i++)
        be(b, va_arg(list, unsigned), 4);
    va_end(list);
    box_end(b, at);
}

static void handler(struct buf *b, const char *kind)
{
    size_t at = box(b, "hdlr");
    be(b, 0, 4);
    buf_text(b, "mhlr");
    buf_text(b, kind);
    be(b, 0, 13);
    box_end(b, at);
}

void make_mov(struct buf *b, const char *entry, const struct camera_made *m, int frames)
{
    enum { FRAME = 64 };
    unsigned h = 0, min = 0, s = 0, f = 0, num = (unsigned)m->rate_num, den = (unsigned)m->rate_den;
    unsigned base = (num + den / 2) / den, length = (unsigned)frames * den;
    sscanf(m->timecode, "%2u:%2u:%2u:%2u", &h, &min, &s, &f);
    bool canon = strcmp(entry, "CRAW") == 0;
    size_t at = b->size;
    if (canon) {
        canon_brand(b);
    } else {
        at = box(b, "ftyp");
        buf_text(b, "qt  ");
        be(b, 0, 4);
        buf_text(b, "qt  ");
        box_end(b, at);
    }
    at = box(b, "mdat");
    size_t data = b->size;
    be(b, ((h * 60 + min) * 60 + s) * base + f, 4);
    zeros(b, data + 4 + FRAME * (size_t)frames);
    box_end(b, at);
    size_t moov = box(b, "moov");
    if (canon)
        canon_box(b, "CanonCRM0001/02.09.00/00.00.00", "Canon EOS C300 Mark III");
    at = box(b, "mvhd");
    be(b, 0, 12);
    be(b, num, 4);
    be(b, length, 4);
    be(b, 0x00010000, 4);
    be(b, 0x0100, 2);
    be(b, 0, 10);
    buf_add(b, matrix, 36);
    be(b, 0, 24);
    be(b, 3, 4);
    box_end(b, at);
    for (int i = 0; i < 2; i++) {
        size_t trak = box(b, "trak");
        track_head(b, i + 1, (int)length, i ? 0 : m->width, i ? 0 : m->height);
        if (!i) {
            size_t refs = box(b, "tref"), one = box(b, "tmcd");
            be(b, 2, 4);
            box_end(b, one);
            box_end(b, refs);
        }
        size_t mdia = box(b, "mdia");
        at = box(b, "mdhd");
        be(b, 0, 12);
        be(b, num, 4);
        be(b, length, 4);
        be(b, 0, 4);
        box_end(b, at);
        handler(b, i ? "tmcd" : "vide");
        size_t minf = box(b, "minf");
        table(b, i ? "gmhd" : "vmhd", 2, 0u, 0u);
        size_t stbl = box(b, "stbl"), stsd = box(b, "stsd");
        be(b, 0, 4);
        be(b, 1, 4);
        at = box(b, i ? "tmcd" : entry);
        be(b, 0, 6);
        be(b, 1, 2);
        if (i) {
            be(b, 0, 8);
            be(b, num, 4);
            be(b, den, 4);
            be(b, base, 1);
            be(b, 0, 1);
            if (m->reel) {
                size_t name = box(b, "name");
                be(b, strlen(m->reel), 2);
                be(b, 0, 2);
                buf_text(b, m->reel);
                box_end(b, name);
            }
        } else {
            be(b, 0, 16);
            be(b, (unsigned)m->width, 2);
            be(b, (unsigned)m->height, 2);
            be(b, 0x00480000, 4);
            be(b, 0x00480000, 4);
            be(b, 0, 4);
            be(b, 1, 2);
            be(b, 0, 32);
            be(b, 24, 2);
            be(b, 0xffff, 2);
        }
        box_end(b, at);
        box_end(b, stsd);
        if (i) {
            table(b, "stts", 3, 1u, 1u, length);
            table(b, "stsc", 4, 1u, 1u, 1u, 1u);
            table(b, "stsz", 2, 4u, 1u);
            table(b, "stco", 2, 1u, (unsigned)data);
        } else {
            table(b, "stts", 3, 1u, (unsigned)frames, den);
            table(b, "stsc", 4, 1u, 1u, (unsigned)frames, 1u);
            table(b, "stsz", 2, (unsigned)FRAME, (unsigned)frames);
            table(b, "stco", 2, 1u, (unsigned)data + 4);
        }
        box_end(b, stbl);
        box_end(b, minf);
        box_end(b, mdia);
        box_end(b, trak);
    }
    box_end(b, moov);
}
