/*
 * MP4 and QuickTime: boxes of a 32-bit size, a name of four bytes and a body; size 1 means that 64
 * bits follow, 0 that it goes to the end. All that is looked for is in "moov" (but the XMP of MP4,
 * which is a "uuid" of its own), so moov is taken into memory as a tree, changed there, and written
 * again. What is not understood is kept byte by byte.
 *
 * iTunes: moov/udta/meta/ilst, items named by four bytes, each with a "data"; "----" has a domain
 * and a name. QuickTime: moov/meta with "keys" and an ilst whose items are named by a key's number.
 * In MP4 "meta" begins with four bytes of version and flags, in QuickTime it does not.
 *
 * A new moov that is larger than the old one: at the end of the file it just grows. Before the
 * essence it takes the "free" behind it; if that is too small the essence moves and the chunk
 * offsets (stco, co64) with it, or, when it must not move, the old one becomes "free" and the new
 * one comes to the end.
 */
#include "formats/metadata/boxes_inside.h"
#include "formats/metadata/metadata.h"

#include <stdlib.h>
#include <string.h>

#define MOOV_MOST (256u << 20)
#define XMP_MOST 4 // packets of one file that are looked at
#define TOPS_MOST 100000
#define BOXES_MOST 200000
#define DEPTH_MOST 8
#define VALUE_MOST 16384 // bytes of one that is read
#define PAIRS_MOST 2000

static const uint8_t xmp_uuid[16] = {0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8,
                                     0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac};
static const char role_scheme[] = "urn:mpeg:dash:role:2011";

uint32_t be32(const uint8_t *p)
{
    return NAME(p[0], p[1], p[2], p[3]);
}

uint64_t be64(const uint8_t *p)
{
    return (uint64_t)be32(p) << 32 | be32(p + 4);
}

void put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16), p[2] = (uint8_t)(v >> 8),
    p[3] = (uint8_t)v;
}

void put64(uint8_t *p, uint64_t v)
{
    put32(p, (uint32_t)(v >> 32));
    put32(p + 4, (uint32_t)v);
}

bool boxes_is(const uint8_t *head, size_t size)
{
    static const char names[] = "ftyp moov mdat free skip wide pnot styp ";
    for (const char *n = names; size >= 8 && *n; n += 5)
        if (memcmp(head + 4, n, 4) == 0)
            return true;
    return false;
}

// ---- taking apart

static bool exact(const struct tree *t, int64_t at, void *to, size_t size, bool *there,
                  struct error *err)
{
    size_t got = 0;
    if (!t->f->read(t->f->context, at, to, size, &got, err))
        return false;
    *there = got == size;
    return true;
}

static bool list_tops(struct tree *t, struct error *err)
{
    size_t room = 64;
    t->tops = ARENA_ARRAY(t->a, struct top, room);
    for (int64_t at = 0; at + 8 <= t->f->size && t->top_count < TOPS_MOST;) {
        uint8_t head[32] = {0};
        size_t want = t->f->size - at < 32 ? (size_t)(t->f->size - at) : 32;
        bool there;
        if (!exact(t, at, head, want, &there, err))
            return false;
        struct top one = {.name = be32(head + 4), .at = at, .size = be32(head), .head = 8};
        if (one.size == 1 && want >= 16)
            one.size = be64(head + 8) > INT64_MAX ? -1 : (int64_t)be64(head + 8), one.head = 16;
        else if (one.size == 0)
            one.size = t->f->size - at;
        if (!there || one.size < one.head || one.size > t->f->size - at)
            break;
        one.xmp = one.name == NAME('u', 'u', 'i', 'd') && one.size >= one.head + 16 &&
                  memcmp(head + one.head, xmp_uuid, 16) == 0;
        t->fragments = t->fragments || one.name == NAME('m', 'o', 'o', 'f');
        if (one.name == NAME('f', 't', 'y', 'p'))
            t->quicktime = be32(head + 8) == NAME('q', 't', ' ', ' ');
        if (one.name == NAME('m', 'o', 'o', 'v') && t->moov == SIZE_MAX)
            t->moov = t->top_count;
        if (t->top_count == room) {
            struct top *more = ARENA_ARRAY(t->a, struct top, room * 2);
            memcpy(more, t->tops, room * sizeof(*more));
            t->tops = more, room *= 2;
        }
        t->tops[t->top_count++] = one;
        at += one.size;
    }
    if (t->top_count && t->tops[0].name != NAME('f', 't', 'y', 'p'))
        t->quicktime = true; // older than ftyp
    return true;
}

static bool parent(uint32_t name, uint32_t above)
{
    static const uint32_t names[] = {
        NAME('m', 'o', 'o', 'v'), NAME('t', 'r', 'a', 'k'), NAME('m', 'd', 'i', 'a'),
        NAME('m', 'i', 'n', 'f'), NAME('s', 't', 'b', 'l'), NAME('u', 'd', 't', 'a'),
        NAME('m', 'e', 't', 'a'), NAME('i', 'l', 's', 't'), NAME('t', 'r', 'e', 'f')};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i] == name)
            return true;
    return above == NAME('i', 'l', 's', 't');
}

static bool children(struct tree *t, struct box *b, int depth);

static struct box *parse(struct tree *t, const uint8_t *at, size_t size, uint32_t name,
                         uint32_t above, int depth)
{
    struct box *b = ARENA_NEW(t->a, struct box);
    *b = (struct box){.name = name, .body = at, .size = size};
    b->parent = depth < DEPTH_MOST && parent(name, above) && children(t, b, depth);
    return b;
}

// False: it is none, after all, and stays a leaf.
static bool children(struct tree *t, struct box *b, int depth)
{
    size_t at = 0;
    struct box **link = &b->first;
    if (b->name == NAME('m', 'e', 't', 'a') && b->size >= 8 &&
        be32(b->body + 4) != NAME('h', 'd', 'l', 'r'))
        at = 4;
    size_t before = at;
    while (at + 8 <= b->size) {
        uint64_t size = be32(b->body + at);
        size_t head = 8;
        if (size == 1 && at + 16 <= b->size)
            size = be64(b->body + at + 8), head = 16;
        if (size == 0 && b->name == NAME('u', 'd', 't', 'a'))
            break; // QuickTime ends its user data so
        if (size < head || size > b->size - at || ++t->boxes > BOXES_MOST) {
            b->first = NULL;
            return false;
        }
        *link = parse(t, b->body + at + head, (size_t)size - head, be32(b->body + at + 4), b->name,
                      depth + 1);
        link = &(*link)->next;
        at += (size_t)size;
    }
    if (at != b->size && b->name != NAME('u', 'd', 't', 'a')) {
        b->first = NULL;
        return false;
    }
    b->size = before;
    return true;
}

static bool take_apart(struct tree *t, struct error *err)
{
    bool there;
    t->moov = SIZE_MAX;
    if (!list_tops(t, err))
        return false;
    if (t->moov == SIZE_MAX || t->tops[t->moov].size > MOOV_MOST)
        return true;
    const struct top *m = &t->tops[t->moov];
    size_t size = (size_t)(m->size - m->head);
    uint8_t *all = arena_take(t->a, size + 1);
    if (!exact(t, m->at + m->head, all, size, &there, err))
        return false;
    if (there)
        t->root = parse(t, all, size, m->name, 0, 0);
    if (t->root && !t->root->parent)
        t->root = NULL;
    return true;
}

struct box *box_child(const struct box *b, uint32_t name)
{
    for (struct box *c = b ? b->first : NULL; c; c = c->next)
        if (c->name == name)
            return c;
    return NULL;
}

static uint32_t handler(const struct box *meta)
{
    const struct box *h = box_child(meta, NAME('h', 'd', 'l', 'r'));
    return h && !h->parent && h->size >= 12 ? be32(h->body + 8) : 0;
}

static struct box *meta_of(const struct box *b, uint32_t kind)
{
    for (struct box *c = b ? b->first : NULL; c; c = c->next)
        if (c->name == NAME('m', 'e', 't', 'a') && c->parent && handler(c) == kind)
            return c;
    return NULL;
}

// ---- reading

struct found {
    struct tree *t;
    json_t *pairs;
};

static void add(struct found *f, const char *at, int track, text value)
{
    value = text_trim(value);
    while (value.size && !value.at[value.size - 1])
        value.size--;
    if (!value.size || value.size > VALUE_MOST || !text_utf8(value) || !text_utf8(text_of(at)) ||
        json_array_size(f->pairs) >= PAIRS_MOST)
        return;
    json_t *pair = json_pack("{s:s, s:o}", "at", at, "value", json_stringn(value.at, value.size));
    if (track >= 0)
        json_object_set_new(pair, "track", json_integer(track));
    json_array_append_new(f->pairs, pair);
}

static text latin1(struct arena *a, const uint8_t *at, size_t size)
{
    char *to = arena_take(a, 2 * size + 1);
    size_t used = 0;
    for (size_t i = 0; i < size; i++)
        if (at[i] < 0x80) {
            to[used++] = (char)at[i];
        } else {
            to[used++] = (char)(0xc0 | at[i] >> 6);
            to[used++] = (char)(0x80 | (at[i] & 0x3f));
        }
    return (text){to, used};
}

static const char *name_text(struct arena *a, const char *before, uint32_t name)
{
    uint8_t four[4];
    put32(four, name);
    text t = latin1(a, four, 4);
    return arena_format(a, "%s%.*s", before, (int)t.size, t.at);
}

static text utf16(struct arena *a, const uint8_t *at, size_t size)
{
    char *to = arena_take(a, 2 * size + 1);
    size_t used = 0;
    for (size_t i = 0; i + 2 <= size; i += 2) {
        uint32_t c = (uint32_t)at[i] << 8 | at[i + 1];
        if (c >= 0xd800 && c < 0xdc00 && i + 4 <= size) {
            uint32_t low = (uint32_t)at[i + 2] << 8 | at[i + 3];
            c = 0x10000 + ((c - 0xd800) << 10) + ((low - 0xdc00) & 0x3ff), i += 2;
        }
        if (c < 0x80)
            to[used++] = (char)c;
        else if (c < 0x800)
            to[used++] = (char)(0xc0 | c >> 6), to[used++] = (char)(0x80 | (c & 0x3f));
        else if (c < 0x10000)
            to[used++] = (char)(0xe0 | c >> 12), to[used++] = (char)(0x80 | (c >> 6 & 0x3f)),
            to[used++] = (char)(0x80 | (c & 0x3f));
        else
            to[used++] = (char)(0xf0 | c >> 18), to[used++] = (char)(0x80 | (c >> 12 & 0x3f)),
            to[used++] = (char)(0x80 | (c >> 6 & 0x3f)), to[used++] = (char)(0x80 | (c & 0x3f));
    }
    return (text){to, used};
}

// The text of an item's "data"; empty when it is none (a picture, a table).
static text item_value(struct arena *a, const struct box *item)
{
    const struct box *d = box_child(item, NAME('d', 'a', 't', 'a'));
    if (!d || d->parent || d->size < 8 || d->size > VALUE_MOST)
        return (text){0};
    uint32_t type = be32(d->body) & 0xffffff;
    const uint8_t *at = d->body + 8;
    size_t size = d->size - 8;
    if (type == 1)
        return (text){(const char *)at, size};
    if (type == 2)
        return utf16(a, at, size);
    bool number = (type == 21 || type == 22 || (type == 0 && (size == 1 || size == 2)));
    if (!number || !size || size > 8)
        return (text){0};
    int64_t value = type == 21 && (at[0] & 0x80) ? -1 : 0;
    for (size_t i = 0; i < size; i++)
        value = (int64_t)((uint64_t)value << 8 | at[i]);
    return text_of(arena_format(a, "%lld", (long long)value));
}

static text free_name(const struct box *item, uint32_t part)
{
    const struct box *b = box_child(item, part);
    return b && !b->parent && b->size > 4 && b->size < 300
               ? (text){(const char *)b->body + 4, b->size - 4}
               : (text){"", 0};
}

static const char *item_name(struct arena *a, const struct box *item)
{
    if (item->name != NAME('-', '-', '-', '-'))
        return name_text(a, "ilst/", item->name);
    text mean = free_name(item, NAME('m', 'e', 'a', 'n'));
    text name = free_name(item, NAME('n', 'a', 'm', 'e'));
    return arena_format(a, "ilst/----:%.*s:%.*s", (int)mean.size, mean.at, (int)name.size, name.at);
}

static void read_ilst(struct found *f, const struct box *meta)
{
    const struct box *list = box_child(meta, NAME('i', 'l', 's', 't'));
    for (const struct box *i = list && list->parent ? list->first : NULL; i; i = i->next)
        if (i->parent)
            add(f, item_name(f->t->a, i), -1, item_value(f->t->a, i));
}

// Key number n (from 1) of "keys"; empty: none.
static text key(const struct box *meta, uint32_t number)
{
    const struct box *k = box_child(meta, NAME('k', 'e', 'y', 's'));
    size_t at = 8;
    for (uint32_t n = 1; k && !k->parent && at + 8 <= k->size; n++) {
        uint32_t size = be32(k->body + at);
        if (size < 8 || size > k->size - at)
            break;
        if (n == number)
            return (text){(const char *)k->body + at + 8, size - 8};
        at += size;
    }
    return (text){"", 0};
}

static void read_mdta(struct found *f, const struct box *meta, const char *before, int track)
{
    const struct box *list = box_child(meta, NAME('i', 'l', 's', 't'));
    for (const struct box *i = list && list->parent ? list->first : NULL; i; i = i->next) {
        text name = key(meta, i->name);
        if (name.size && name.size < 300 && i->parent)
            add(f, arena_format(f->t->a, "%s%.*s", before, (int)name.size, name.at), track,
                item_value(f->t->a, i));
    }
}

// QuickTime's texts: a size, a language (from 0x400 on packed ISO 639, and then UTF-8), the bytes.
static void read_udta_text(struct found *f, const struct box *b)
{
    if (b->size < 4)
        return;
    size_t size = (size_t)b->body[0] << 8 | b->body[1];
    uint32_t language = (uint32_t)b->body[2] << 8 | b->body[3];
    if (size > b->size - 4 || size > VALUE_MOST)
        return;
    text value = {(const char *)b->body + 4, size};
    if (language < 0x400 && !text_utf8(value))
        value = latin1(f->t->a, b->body + 4, size);
    add(f, name_text(f->t->a, "udta/", b->name), -1, value);
}

static void read_udta(struct found *f, const struct box *udta)
{
    for (const struct box *b = udta && udta->parent ? udta->first : NULL; b; b = b->next) {
        if (b->name == NAME('X', 'M', 'P', '_') && !b->parent)
            xmp_pairs((text){(const char *)b->body, b->size}, f->pairs);
        else if (b->name >> 24 == 0xa9 && !b->parent)
            read_udta_text(f, b);
        else if ((b->name == NAME('t', 'i', 't', 'l') || b->name == NAME('d', 's', 'c', 'p') ||
                  b->name == NAME('c', 'p', 'r', 't') || b->name == NAME('a', 'u', 't', 'h')) &&
                 b->size > 6 && !b->parent) // 3GPP TS 26.244
            add(f, name_text(f->t->a, "udta/", b->name), -1,
                (text){(const char *)b->body + 6, b->size - 6});
    }
}

static void read_language(struct found *f, const struct box *mdia, int track)
{
    const struct box *h = box_child(mdia, NAME('m', 'd', 'h', 'd'));
    const struct box *e = box_child(mdia, NAME('e', 'l', 'n', 'g'));
    if (e && !e->parent && e->size > 4)
        add(f, "trak/elng", track, (text){(const char *)e->body + 4, e->size - 4});
    size_t at = h && h->size && h->body[0] == 1 ? 32 : 20;
    if (!h || h->parent || h->size < at + 2)
        return;
    uint32_t packed = (uint32_t)h->body[at] << 8 | h->body[at + 1];
    char three[4] = {(char)((packed >> 10 & 31) + 0x60), (char)((packed >> 5 & 31) + 0x60),
                     (char)((packed & 31) + 0x60), 0};
    if (packed >= 0x400 && packed != 0x7fff)
        add(f, "trak/mdhd", track, text_of(three));
}

// colr, pasp, clap, fiel, mdcv and clli of the first sample description.
static void read_description(struct found *f, const struct box *mdia, int track)
{
    const struct box *stbl =
        box_child(box_child(mdia, NAME('m', 'i', 'n', 'f')), NAME('s', 't', 'b', 'l'));
    const struct box *d = box_child(stbl, NAME('s', 't', 's', 'd'));
    const struct box *h = box_child(mdia, NAME('h', 'd', 'l', 'r'));
    if (!d || d->parent || d->size < 8 + 86 || !h || h->size < 12 ||
        be32(h->body + 8) != NAME('v', 'i', 'd', 'e'))
        return;
    size_t end = be32(d->body + 8);
    end = end < 86 || end > d->size - 8 ? d->size : 8 + end;
    for (size_t at = 8 + 86; at + 8 <= end;) {
        const uint8_t *b = d->body + at + 8;
        size_t size = be32(d->body + at);
        if (size < 8 || size > end - at)
            break;
        uint32_t name = be32(d->body + at + 4);
        const char *said = NULL;
        if (name == NAME('c', 'o', 'l', 'r') && size >= 18)
            said = arena_format(
                f->t->a, "%.4s %u-%u-%u%s", (const char *)b, b[4] << 8 | b[5], b[6] << 8 | b[7],
                b[8] << 8 | b[9],
                size >= 19 && !memcmp(b, "nclx", 4) ? b[10] & 0x80 ? " full" : " limited" : "");
        else if (name == NAME('p', 'a', 's', 'p') && size >= 16)
            said = arena_format(f->t->a, "%u:%u", be32(b), be32(b + 4));
        else if (name == NAME('f', 'i', 'e', 'l') && size >= 10)
            said = arena_format(f->t->a, "%u %u", b[0], b[1]);
        else if (name == NAME('c', 'l', 'a', 'p') && size >= 40 && be32(b + 4) && be32(b + 12))
            said = arena_format(f->t->a, "%u/%u x %u/%u", be32(b), be32(b + 4), be32(b + 8),
                                be32(b + 12));
        else if (name == NAME('c', 'l', 'l', 'i') && size >= 12)
            said = arena_format(f->t->a, "%u %u", b[0] << 8 | b[1], b[2] << 8 | b[3]);
        else if (name == NAME('m', 'd', 'c', 'v') && size >= 32)
            said = arena_format(f->t->a, "G(%u,%u)B(%u,%u)R(%u,%u)WP(%u,%u)L(%u,%u)",
                                b[0] << 8 | b[1], b[2] << 8 | b[3], b[4] << 8 | b[5],
                                b[6] << 8 | b[7], b[8] << 8 | b[9], b[10] << 8 | b[11],
                                b[12] << 8 | b[13], b[14] << 8 | b[15], be32(b + 16), be32(b + 20));
        if (said)
            add(f, name_text(f->t->a, "trak/", name), track, text_of(said));
        at += size;
    }
}

static void read_track(struct found *f, const struct box *trak, int track)
{
    const struct box *udta = box_child(trak, NAME('u', 'd', 't', 'a'));
    const struct box *mdia = box_child(trak, NAME('m', 'd', 'i', 'a'));
    const char *channels = channels_text(f->t->a, mdia);
    read_language(f, mdia, track);
    if (channels)
        add(f, "trak/chnl", track, text_of(channels));
    read_description(f, mdia, track);
    read_mdta(f, meta_of(trak, NAME('m', 'd', 't', 'a')), "trak/mdta/", track);
    for (const struct box *b = udta && udta->parent ? udta->first : NULL; b; b = b->next) {
        text all = {(const char *)b->body, b->size};
        if (b->parent)
            continue;
        if (b->name == NAME('n', 'a', 'm', 'e'))
            add(f, "trak/name", track, all);
        else if (b->name == NAME('t', 'a', 'g', 'c'))
            add(f, "trak/tagc", track, all);
        else if (b->name == NAME('k', 'i', 'n', 'd') && b->size > 4 + sizeof(role_scheme) &&
                 !memcmp(b->body + 4, role_scheme, sizeof(role_scheme)))
            add(f, "trak/kind", track,
                (text){all.at + 4 + sizeof(role_scheme), all.size - 4 - sizeof(role_scheme)});
    }
}

static bool read_xmp(struct found *f, struct error *err)
{
    struct tree *t = f->t;
    for (size_t i = 0, seen = 0; i < t->top_count && seen < XMP_MOST; i++) {
        const struct top *x = &t->tops[i];
        int64_t size = x->size - x->head - 16;
        bool there;
        if (!x->xmp || size > (4 << 20))
            continue;
        seen++;
        char *packet = arena_take(t->a, (size_t)size + 1);
        if (!exact(t, x->at + x->head + 16, packet, (size_t)size, &there, err))
            return false;
        if (there)
            xmp_pairs((text){packet, (size_t)size}, f->pairs);
    }
    return true;
}

bool boxes_pairs(const struct place_file *file, struct arena *a, json_t *pairs, struct error *err)
{
    struct tree t = {.f = file, .a = a};
    struct found f = {.t = &t, .pairs = pairs};
    if (!take_apart(&t, err) || !read_xmp(&f, err))
        return false;
    const struct box *udta = box_child(t.root, NAME('u', 'd', 't', 'a'));
    int track = 0;
    read_ilst(&f, meta_of(udta, NAME('m', 'd', 'i', 'r')));
    read_mdta(&f, meta_of(t.root, NAME('m', 'd', 't', 'a')), "mdta/", -1);
    read_mdta(&f, meta_of(udta, NAME('m', 'd', 't', 'a')), "mdta/", -1);
    read_udta(&f, udta);
    for (const struct box *b = t.root ? t.root->first : NULL; b; b = b->next)
        if (b->name == NAME('t', 'r', 'a', 'k'))
            read_track(&f, b, track++);
    return true;
}

// ---- changing the tree

struct box *box_leaf(struct arena *a, uint32_t name, const void *body, size_t size)
{
    struct box *b = ARENA_NEW(a, struct box);
    *b = (struct box){
        .name = name, .body = (const uint8_t *)arena_copy(a, body, size), .size = size};
    return b;
}

void box_append(struct box *to, struct box *b)
{
    struct box **link = &to->first;
    while (*link)
        link = &(*link)->next;
    *link = b;
}

void box_take_out(struct box *from, const struct box *b)
{
    for (struct box **link = &from->first; *link; link = &(*link)->next)
        if (*link == b) {
            *link = b->next;
            return;
        }
}

struct box *box_made(struct arena *a, struct box *in, uint32_t name)
{
    struct box *b = ARENA_NEW(a, struct box);
    *b = (struct box){.name = name, .parent = true};
    box_append(in, b);
    return b;
}

struct box *box_wanted(struct arena *a, struct box *in, uint32_t name)
{
    struct box *b = box_child(in, name);
    return b && b->parent ? b : box_made(a, in, name);
}

// The "meta" of that handler in `in`.
static struct box *wanted_meta(struct tree *t, struct box *in, uint32_t kind)
{
    static const uint8_t flags[4] = {0};
    uint8_t hdlr[25] = {0};
    struct box *meta = meta_of(in, kind);
    if (meta)
        return meta;
    meta = box_made(t->a, in, NAME('m', 'e', 't', 'a'));
    if (!t->quicktime || kind == NAME('m', 'd', 'i', 'r'))
        meta->body = flags, meta->size = 4;
    put32(hdlr + 8, kind);
    if (kind == NAME('m', 'd', 'i', 'r'))
        memcpy(hdlr + 12, "appl", 4);
    box_append(meta, box_leaf(t->a, NAME('h', 'd', 'l', 'r'), hdlr, sizeof(hdlr)));
    return meta;
}

static void add_data(struct tree *t, struct box *item, const char *value, size_t number_size)
{
    size_t size = strlen(value);
    uint8_t *body = arena_take(t->a, 8 + size + 8);
    put32(body, number_size ? 21 : 1);
    memcpy(body + 8, value, size);
    if (number_size) {
        uint64_t n = strtoull(value, NULL, 10);
        for (size_t i = 0; i < number_size; i++)
            body[8 + i] = (uint8_t)(n >> (8 * (number_size - 1 - i)));
        size = number_size;
    }
    box_append(item, box_leaf(t->a, NAME('d', 'a', 't', 'a'), body, 8 + size));
}

static size_t number_size(text name)
{
    return text_is(name, "tvsn") || text_is(name, "tves") ? 4 : text_is(name, "stik") ? 1 : 0;
}

static uint32_t four(text name)
{
    uint8_t bytes[4] = {' ', ' ', ' ', ' '};
    for (size_t i = 0, used = 0; i < name.size && used < 4; i++, used++) {
        uint8_t c = (uint8_t)name.at[i];
        if (c >= 0xc0 && i + 1 < name.size) // two bytes of a Latin letter: the sign in ©nam
            c = (uint8_t)(c << 6 | ((uint8_t)name.at[++i] & 0x3f));
        bytes[used] = c;
    }
    return be32(bytes);
}

static void set_ilst(struct tree *t, const char *at, const char *value)
{
    struct box *meta = wanted_meta(t, box_wanted(t->a, t->root, NAME('u', 'd', 't', 'a')),
                                   NAME('m', 'd', 'i', 'r'));
    struct box *list = box_wanted(t->a, meta, NAME('i', 'l', 's', 't'));
    text name = text_of(at + 5);
    for (struct box *i = list->first, *next; i; i = next) {
        next = i->next;
        if (strcmp(item_name(t->a, i), at) == 0)
            box_take_out(list, i);
    }
    if (!value)
        return;
    if (!text_starts(name, "----:")) {
        add_data(t, box_made(t->a, list, four(name)), value, number_size(name));
        return;
    }
    struct box *item = box_made(t->a, list, NAME('-', '-', '-', '-'));
    text_cut(&name, ':');
    text mean = text_cut(&name, ':');
    const char *parts[2] = {arena_format(t->a, "....%.*s", (int)mean.size, mean.at),
                            arena_format(t->a, "....%.*s", (int)name.size, name.at)};
    for (int i = 0; i < 2; i++) {
        struct box *part = box_leaf(t->a, i ? NAME('n', 'a', 'm', 'e') : NAME('m', 'e', 'a', 'n'),
                                    parts[i], strlen(parts[i]));
        memset((uint8_t *)(uintptr_t)part->body, 0, 4);
        box_append(item, part);
    }
    add_data(t, item, value, 0);
}

struct keys {
    struct buf names;
    uint32_t count;
    struct box *last;
};

static void add_key(struct keys *k, struct box *list, text name, struct box *item)
{
    uint8_t head[8] = {0};
    put32(head, (uint32_t)name.size + 8);
    memcpy(head + 4, "mdta", 4);
    buf_add(&k->names, head, 8);
    buf_add(&k->names, name.at, name.size);
    item->name = ++k->count, item->next = NULL;
    if (k->last)
        k->last->next = item;
    else
        list->first = item;
    k->last = item;
}

// "keys" and its ilst are written anew: an item's name is the number of its key.
static void set_mdta(struct tree *t, const char *at, const char *value)
{
    struct box *meta = wanted_meta(t, t->root, NAME('m', 'd', 't', 'a'));
    struct box *list = box_wanted(t->a, meta, NAME('i', 'l', 's', 't'));
    struct box *old = box_child(meta, NAME('k', 'e', 'y', 's')), *i = list->first;
    struct keys k = {.names = BUF_LIMIT(4 << 20)};
    buf_add(&k.names, "\0\0\0\0\0\0\0\0", 8);
    list->first = NULL;
    for (struct box *next; i; i = next) {
        text name = key(meta, i->name);
        next = i->next;
        if (name.size && !text_is(name, at + 5))
            add_key(&k, list, name, i);
    }
    if (value) {
        struct box *item = ARENA_NEW(t->a, struct box);
        item->parent = true;
        add_data(t, item, value, 0);
        add_key(&k, list, text_of(at + 5), item);
    }
    put32((uint8_t *)k.names.at + 4, k.count);
    if (old)
        box_take_out(meta, old);
    struct box *new = box_leaf(t->a, NAME('k', 'e', 'y', 's'), k.names.at, k.names.size);
    struct box *hdlr = box_child(meta, NAME('h', 'd', 'l', 'r'));
    new->next = hdlr->next, hdlr->next = new;
    buf_free(&k.names);
}

// User data that only says it once more is taken out, never written.
static void drop_udta(struct tree *t, const char *at)
{
    struct box *udta = box_child(t->root, NAME('u', 'd', 't', 'a'));
    uint32_t name = four(text_of(at + 5));
    for (struct box *b = udta && udta->parent ? udta->first : NULL, *next; b; b = next) {
        next = b->next;
        if (b->name == name)
            box_take_out(udta, b);
    }
}

static struct box *track_of(const struct tree *t, int64_t number)
{
    for (struct box *b = t->root->first; b; b = b->next)
        if (b->name == NAME('t', 'r', 'a', 'k') && number-- == 0)
            return b->parent ? b : NULL;
    return NULL;
}

static void set_mdhd(struct tree *t, struct box *mdia, const char *value)
{
    struct box *h = box_child(mdia, NAME('m', 'd', 'h', 'd'));
    const char *three = value ? metadata_language3(value) : "und";
    size_t at = h && h->size && h->body[0] == 1 ? 32 : 20;
    if (!h || h->parent || h->size < at + 2)
        return;
    uint32_t packed = (uint32_t)(three[0] - 0x60) << 10 | (uint32_t)(three[1] - 0x60) << 5 |
                      (uint32_t)(three[2] - 0x60);
    uint8_t *body = (uint8_t *)arena_copy(t->a, (const char *)h->body, h->size);
    body[at] = (uint8_t)(packed >> 8), body[at + 1] = (uint8_t)packed;
    h->body = body;
}

static void set_elng(struct tree *t, struct box *mdia, const char *value)
{
    struct box *h = box_child(mdia, NAME('m', 'd', 'h', 'd'));
    struct box *e = box_child(mdia, NAME('e', 'l', 'n', 'g'));
    if (e)
        box_take_out(mdia, e);
    if (!h || !value)
        return;
    char *body = arena_format(t->a, "....%s", value);
    memset(body, 0, 4);
    e = box_leaf(t->a, NAME('e', 'l', 'n', 'g'), body, 4 + strlen(value) + 1);
    e->next = h->next, h->next = e;
}

// A box of a track's user data: texts of the same kind are replaced.
static void set_track_text(struct tree *t, struct box *trak, uint32_t name, const char *before,
                           size_t before_size, const char *value)
{
    struct box *udta = box_wanted(t->a, trak, NAME('u', 'd', 't', 'a'));
    for (struct box *b = udta->first, *next; b; b = next) {
        next = b->next;
        if (b->name == name && b->size >= before_size && !memcmp(b->body, before, before_size))
            box_take_out(udta, b);
    }
    if (!value)
        return;
    bool ended = name == NAME('k', 'i', 'n', 'd');
    size_t size = strlen(value) + ended;
    uint8_t *body = arena_take(t->a, before_size + size + 1);
    memcpy(body, before, before_size);
    memcpy(body + before_size, value, size);
    box_append(udta, box_leaf(t->a, name, body, before_size + size));
}

static void set_track(struct tree *t, const char *at, int64_t number, const char *value)
{
    struct box *trak = track_of(t, number);
    struct box *mdia = box_child(trak, NAME('m', 'd', 'i', 'a'));
    char kind[4 + sizeof(role_scheme)] = {0};
    memcpy(kind + 4, role_scheme, sizeof(role_scheme));
    if (!trak || !mdia || !mdia->parent)
        return;
    if (strcmp(at, "trak/mdhd") == 0)
        set_mdhd(t, mdia, value);
    else if (strcmp(at, "trak/elng") == 0)
        set_elng(t, mdia, value);
    else if (strcmp(at, "trak/chnl") == 0 && value)
        channels_set(t, mdia, value);
    else if (strcmp(at, "trak/name") == 0)
        set_track_text(t, trak, NAME('n', 'a', 'm', 'e'), "", 0, value);
    else if (strcmp(at, "trak/tagc") == 0)
        set_track_text(t, trak, NAME('t', 'a', 'g', 'c'), "", 0, value);
    else if (strcmp(at, "trak/kind") == 0)
        set_track_text(t, trak, NAME('k', 'i', 'n', 'd'), kind, sizeof(kind), value);
}

static void change(struct tree *t, const json_t *pairs)
{
    size_t i;
    const json_t *pair;
    json_array_foreach(pairs, i, pair)
    {
        const char *at = json_string_value(json_object_get(pair, "at"));
        const char *value = json_string_value(json_object_get(pair, "value"));
        if (!at)
            continue;
        if (strncmp(at, "ilst/", 5) == 0 && at[5])
            set_ilst(t, at, value);
        else if (strncmp(at, "mdta/", 5) == 0 && at[5])
            set_mdta(t, at, value);
        else if (strncmp(at, "udta/", 5) == 0 && !value)
            drop_udta(t, at);
        else if (strncmp(at, "trak/", 5) == 0)
            set_track(t, at, json_integer_value(json_object_get(pair, "track")), value);
    }
}

// {"at": "chapters", "list": [{"start", "title"}]}; NULL: they stay as they are.
static const json_t *chapters_of(const json_t *pairs)
{
    size_t i;
    const json_t *pair;
    json_array_foreach(pairs, i, pair)
    {
        const char *at = json_string_value(json_object_get(pair, "at"));
        if (at && strcmp(at, "chapters") == 0)
            return json_object_get(pair, "list");
    }
    return NULL;
}

// ---- XMP: in QuickTime a box of moov/udta, in MP4 one of the file

static bool about_xmp(const json_t *pairs)
{
    size_t i;
    const json_t *pair;
    json_array_foreach(pairs, i, pair)
    {
        const char *at = json_string_value(json_object_get(pair, "at"));
        if (at && strncmp(at, "xmp/", 4) == 0)
            return true;
    }
    return false;
}

static void change_udta_xmp(struct tree *t, const json_t *pairs)
{
    struct box *udta = box_wanted(t->a, t->root, NAME('u', 'd', 't', 'a'));
    struct box *old = box_child(udta, NAME('X', 'M', 'P', '_'));
    text before = old && !old->parent ? (text){(const char *)old->body, old->size} : (text){0};
    const char *packet = xmp_edit(before, pairs, t->a);
    if (old)
        box_take_out(udta, old);
    if (packet)
        box_append(udta, box_leaf(t->a, NAME('X', 'M', 'P', '_'), packet, strlen(packet)));
}

// The new packet of an MP4, "" when there is nothing to change; *old: the index of the one before.
static bool new_uuid(struct tree *t, const json_t *pairs, struct buf *to, size_t *old,
                     struct error *err)
{
    text before = {0};
    *old = SIZE_MAX;
    if (t->quicktime || !about_xmp(pairs))
        return true;
    for (size_t i = 0; i < t->top_count; i++)
        if (t->tops[i].xmp && t->tops[i].size < (4 << 20))
            *old = i;
    if (*old != SIZE_MAX) {
        const struct top *x = &t->tops[*old];
        size_t size = (size_t)(x->size - x->head - 16);
        char *packet = arena_take(t->a, size + 1);
        bool there;
        if (!exact(t, x->at + x->head + 16, packet, size, &there, err))
            return false;
        before = (text){packet, there ? size : 0};
    }
    const char *packet = xmp_edit(before, pairs, t->a);
    if (packet) {
        uint8_t head[8];
        put32(head, (uint32_t)strlen(packet) + 24);
        memcpy(head + 4, "uuid", 4);
        buf_add(to, head, 8);
        buf_add(to, xmp_uuid, 16);
        buf_text(to, packet);
    }
    return true;
}

// ---- writing the tree

static uint64_t size_of(const struct box *b)
{
    uint64_t size = 8 + b->size;
    for (const struct box *c = b->parent ? b->first : NULL; c; c = c->next)
        size += size_of(c);
    return size;
}

static uint8_t *put_box(struct tree *t, const struct box *b, uint8_t *to)
{
    put32(to, (uint32_t)size_of(b));
    put32(to + 4, b->name);
    if (b->size)
        memcpy(to + 8, b->body, b->size);
    if (b == t->late)
        t->late_at = to + 16; // behind version, flags and the count
    to += 8 + b->size;
    for (const struct box *c = b->parent ? b->first : NULL; c; c = c->next)
        to = put_box(t, c, to);
    return to;
}

// Adds to the chunk offsets from `from` on. False: one has no room.
static bool shift(struct tree *t, struct box *b, int64_t from, int64_t by)
{
    bool wide = b->name == NAME('c', 'o', '6', '4');
    for (struct box *c = b->parent ? b->first : NULL; c; c = c->next)
        if (!shift(t, c, from, by))
            return false;
    if (b->parent || (!wide && b->name != NAME('s', 't', 'c', 'o')) || b->size < 8)
        return true;
    uint8_t *body = (uint8_t *)arena_copy(t->a, (const char *)b->body, b->size);
    size_t step = wide ? 8 : 4, count = be32(body + 4);
    for (size_t i = 0; i < count && 8 + (i + 1) * step <= b->size; i++) {
        uint8_t *p = body + 8 + i * step;
        uint64_t at = wide ? be64(p) : be32(p);
        if (at < (uint64_t)from)
            continue;
        at += (uint64_t)by;
        if (!wide && at > UINT32_MAX)
            return false;
        if (wide)
            put64(p, at);
        else
            put32(p, (uint32_t)at);
    }
    b->body = body;
    return true;
}

struct editing {
    struct tree t;
    struct place_edit *edit;
};

static void old_part(struct editing *e, int64_t from, int64_t to)
{
    if (to > from)
        e->edit->parts[e->edit->count++] = (struct place_part){.from = from, .size = to - from};
}

static void new_part(struct editing *e, const void *at, size_t size)
{
    if (size)
        e->edit->parts[e->edit->count++] = (struct place_part){.bytes = at, .size = (int64_t)size};
}

static void free_part(struct editing *e, int64_t size)
{
    if (size < 8)
        return;
    uint8_t *at = arena_take(e->t.a, (size_t)size);
    put32(at, (uint32_t)size);
    memcpy(at + 4, "free", 4);
    new_part(e, at, (size_t)size);
}

// The old packet where it lay is blanked, whatever comes before or behind.
static void old_parts(struct editing *e, size_t xmp, int64_t from, int64_t to)
{
    const struct top *x = xmp == SIZE_MAX ? NULL : &e->t.tops[xmp];
    if (!x || x->at < from || x->at >= to) {
        old_part(e, from, to);
        return;
    }
    old_part(e, from, x->at);
    free_part(e, x->size);
    old_part(e, x->at + x->size, to);
}

static bool essence_behind(const struct tree *t)
{
    for (size_t i = t->moov + 1; i < t->top_count; i++)
        if (t->tops[i].name == NAME('m', 'd', 'a', 't'))
            return true;
    return false;
}

static int64_t free_behind(const struct tree *t)
{
    int64_t size = 0;
    for (size_t i = t->moov + 1; i < t->top_count && (t->tops[i].name == NAME('f', 'r', 'e', 'e') ||
                                                      t->tops[i].name == NAME('s', 'k', 'i', 'p'));
         i++)
        size += t->tops[i].size;
    return size;
}

static bool can_not(const struct tree *t, enum error_kind kind, const char *why, struct error *err)
{
    error_set(err, kind, "what %s says of itself can not be changed", t->f->name);
    error_why(err, "%s", why);
    return error_fix(err, "make the file anew, or keep a sidecar beside it");
}

enum { PADDING = 2048 }; // behind a moov that had to move the essence: the next change finds room

static bool lay_out(struct editing *e, bool stay, size_t xmp, struct error *err)
{
    struct tree *t = &e->t;
    const struct top *m = &t->tops[t->moov];
    int64_t room = m->size + free_behind(t), size = (int64_t)size_of(t->root);
    bool behind = essence_behind(t);
    bool fits = size == room || size + 8 <= room, moved = false;
    if (size > MOOV_MOST)
        return can_not(t, ERROR_TOO_BIG, "its index is larger than 256 MB", err);
    if (behind && !fits && t->fragments)
        return can_not(t, ERROR_UNSUPPORTED, "it is made of fragments, and has no room before them",
                       err);
    if (behind && !fits && !stay)
        moved = shift(t, t->root, m->at + m->size, size + PADDING - room);
    uint8_t *moov = arena_take(t->a, (size_t)size);
    put_box(t, t->root, moov);
    if (!behind || fits || moved) {
        old_parts(e, xmp, 0, m->at);
        new_part(e, moov, (size_t)size);
        if (behind && fits)
            free_part(e, room - size);
        if (moved)
            free_part(e, PADDING);
        old_parts(e, xmp, m->at + (behind ? room : m->size), t->f->size);
        return true;
    }
    old_parts(e, xmp, 0, m->at);
    free_part(e, m->size);
    old_parts(e, xmp, m->at + m->size, t->f->size);
    new_part(e, moov, (size_t)size);
    return true;
}

// Samples of our own come last of all, and only now it is known where that is.
static void put_samples(struct editing *e)
{
    struct tree *t = &e->t;
    int64_t at = 0;
    uint8_t head[8];
    if (!t->samples.size)
        return;
    for (size_t i = 0; i < e->edit->count; i++)
        at += e->edit->parts[i].size;
    put64(t->late_at, (uint64_t)at + 8);
    put32(head, (uint32_t)t->samples.size + 8);
    memcpy(head + 4, "mdat", 4);
    new_part(e, arena_copy(t->a, (const char *)head, 8), 8);
    new_part(e, arena_copy(t->a, t->samples.at, t->samples.size), t->samples.size);
}

bool boxes_edit(const struct place_file *f, struct arena *a, const json_t *pairs, bool stay,
                struct place_edit *edit, struct error *err)
{
    struct editing e = {.t = {.f = f, .a = a, .samples = BUF_LIMIT(256 << 20)}, .edit = edit};
    const json_t *chapters = chapters_of(pairs);
    struct buf uuid = BUF_LIMIT(8 << 20);
    size_t xmp;
    *edit = (struct place_edit){.parts = ARENA_ARRAY(a, struct place_part, 16)};
    if (!take_apart(&e.t, err))
        return false;
    if (!e.t.root)
        return can_not(&e.t, ERROR_DAMAGED, "its index (moov) can not be taken apart", err);
    change(&e.t, pairs);
    if (e.t.quicktime && about_xmp(pairs))
        change_udta_xmp(&e.t, pairs);
    bool done = (!chapters || chapters_set(&e.t, chapters, err)) &&
                new_uuid(&e.t, pairs, &uuid, &xmp, err) && lay_out(&e, stay, xmp, err);
    if (done && uuid.size)
        new_part(&e, arena_copy(a, uuid.at, uuid.size), uuid.size);
    if (done)
        put_samples(&e);
    buf_free(&uuid);
    buf_free(&e.t.samples);
    return done;
}
