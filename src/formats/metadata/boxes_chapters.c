/*
 * Chapters of a finished MP4 or QuickTime file. Both kinds are written, as libavformat's muxer
 * does:
 *
 * - a track of text (QuickTime File Format, "Chapter Lists"): a sample a chapter, which lasts until
 *   the next one begins; picture and sound name it in tref/chap. It is not enabled, so that nobody
 *   shows it as text. Its samples are a "mdat" of their own at the end of the file.
 * - "chpl" in moov/udta (Nero's): 255 at most, each with its start in 100 ns.
 *
 * Their clock is 120,000 a second: of that the frames of all usual rates are whole numbers.
 */
#include "formats/metadata/boxes_inside.h"
#include "formats/metadata/metadata.h"

#include <string.h>

enum { CLOCK = 120000, CLOCK_COARSE = 1000, CHPL_MOST = 255, TITLE_MOST = 60000 };

struct listing {
    struct tree *t;
    const json_t *list;
    size_t count;
    int64_t end;   // ticks
    int64_t clock; // of the track
    uint32_t movie_clock, track;
    uint64_t movie_duration;
};

static int64_t start_of(const struct listing *l, size_t i)
{
    return i < l->count ? json_integer_value(json_object_get(json_array_get(l->list, i), "start"))
                        : l->end;
}

static const char *title_of(const struct listing *l, size_t i)
{
    const char *t = json_string_value(json_object_get(json_array_get(l->list, i), "title"));
    return t ? t : "";
}

// At most so many bytes of it, whole letters.
static size_t cut_at(const char *words, size_t most)
{
    size_t size = strlen(words);
    if (size <= most)
        return size;
    while (most && ((uint8_t)words[most] & 0xc0) == 0x80)
        most--;
    return most;
}

// ---- what was there

static bool is_text(const struct box *trak)
{
    const struct box *h =
        box_child(box_child(trak, NAME('m', 'd', 'i', 'a')), NAME('h', 'd', 'l', 'r'));
    return h && h->size >= 12 &&
           (be32(h->body + 8) == NAME('t', 'e', 'x', 't') ||
            be32(h->body + 8) == NAME('s', 'b', 't', 'l'));
}

static uint32_t id_of(const struct box *trak)
{
    const struct box *h = box_child(trak, NAME('t', 'k', 'h', 'd'));
    size_t at = h && h->size && h->body[0] == 1 ? 20 : 12;
    return h && !h->parent && h->size >= at + 4 ? be32(h->body + at) : 0;
}

static void drop_track(struct tree *t, uint32_t id)
{
    for (struct box *b = t->root->first, *next; b; b = next) {
        next = b->next;
        if (b->name == NAME('t', 'r', 'a', 'k') && b->parent && id_of(b) == id && is_text(b))
            box_take_out(t->root, b);
    }
}

static void drop_old(struct tree *t)
{
    struct box *udta = box_child(t->root, NAME('u', 'd', 't', 'a'));
    struct box *old = udta && udta->parent ? box_child(udta, NAME('c', 'h', 'p', 'l')) : NULL;
    if (old)
        box_take_out(udta, old);
    for (struct box *b = t->root->first; b; b = b->next) {
        struct box *tref = b->name == NAME('t', 'r', 'a', 'k') && b->parent
                               ? box_child(b, NAME('t', 'r', 'e', 'f'))
                               : NULL;
        struct box *chap = tref && tref->parent ? box_child(tref, NAME('c', 'h', 'a', 'p')) : NULL;
        if (!chap || chap->parent)
            continue;
        for (size_t at = 0; at + 4 <= chap->size; at += 4)
            drop_track(t, be32(chap->body + at));
        box_take_out(tref, chap);
        if (!tref->first)
            box_take_out(b, tref);
    }
}

// ---- the track

static struct box *leaf32(struct listing *l, struct box *in, uint32_t name, const uint32_t *words,
                          size_t count)
{
    uint8_t *body = arena_take(l->t->a, count * 4 + 1);
    for (size_t i = 0; i < count; i++)
        put32(body + 4 * i, words[i]);
    struct box *b = box_leaf(l->t->a, name, body, count * 4);
    box_append(in, b);
    return b;
}

static uint32_t high(uint64_t v)
{
    return (uint32_t)(v >> 32);
}

static void add_header(struct listing *l, struct box *trak)
{
    const uint64_t d = l->movie_duration;
    // Version 1; in the movie, not enabled. The matrix changes nothing.
    const uint32_t words[24] = {1u << 24 | 2,
                                0,
                                0,
                                0,
                                0,
                                l->track,
                                0,
                                high(d),
                                (uint32_t)d,
                                [13] = 0x10000,
                                [17] = 0x10000,
                                [21] = 0x40000000};
    leaf32(l, trak, NAME('t', 'k', 'h', 'd'), words, 24);
}

// The first chapter begins later than the film: nothing is shown until then.
static void add_edit(struct listing *l, struct box *trak)
{
    const uint64_t wait =
        ((uint64_t)start_of(l, 0) * l->movie_clock + METADATA_TICKS / 2) / METADATA_TICKS;
    const uint64_t left = l->movie_duration > wait ? l->movie_duration - wait : 0;
    const uint32_t words[] = {1u << 24,       2,          high(wait), (uint32_t)wait,
                              UINT32_MAX,     UINT32_MAX, 0x10000,    high(left),
                              (uint32_t)left, 0,          0,          0x10000};
    if (wait)
        leaf32(l, box_made(l->t->a, trak, NAME('e', 'd', 't', 's')), NAME('e', 'l', 's', 't'),
               words, 12);
}

static uint32_t lasting(const struct listing *l, size_t i)
{
    int64_t from = start_of(l, i) * l->clock / METADATA_TICKS;
    int64_t to = start_of(l, i + 1) * l->clock / METADATA_TICKS;
    return to > from ? (uint32_t)(to - from) : 1;
}

static void add_samples(struct listing *l, struct box *stbl)
{
    static const uint8_t utf8[12] = {0, 0, 0, 12, 'e', 'n', 'c', 'd', 0, 0, 1, 0};
    struct buf *to = &l->t->samples;
    uint32_t *times = ARENA_ARRAY(l->t->a, uint32_t, 2 + 2 * l->count);
    uint32_t *sizes = ARENA_ARRAY(l->t->a, uint32_t, 3 + l->count);
    const uint32_t chunk[] = {0, 1, 1, (uint32_t)l->count, 1}, at[] = {0, 1, 0, 0};
    times[1] = sizes[2] = (uint32_t)l->count;
    for (size_t i = 0; i < l->count; i++) {
        const char *title = title_of(l, i);
        size_t size = cut_at(title, TITLE_MOST);
        const uint8_t length[2] = {(uint8_t)(size >> 8), (uint8_t)size};
        buf_add(to, length, 2);
        buf_add(to, title, size);
        buf_add(to, utf8, sizeof(utf8));
        times[2 + 2 * i] = 1, times[3 + 2 * i] = lasting(l, i);
        sizes[3 + i] = (uint32_t)(2 + size + sizeof(utf8));
    }
    leaf32(l, stbl, NAME('s', 't', 't', 's'), times, 2 + 2 * l->count);
    leaf32(l, stbl, NAME('s', 't', 's', 'c'), chunk, 5);
    leaf32(l, stbl, NAME('s', 't', 's', 'z'), sizes, 3 + l->count);
    l->t->late = leaf32(l, stbl, NAME('c', 'o', '6', '4'), at, 4);
}

static void add_media_information(struct listing *l, struct box *minf)
{
    struct arena *a = l->t->a;
    static const uint32_t graphics[] = {0, 0x00408000, 0x80008000, 0},
                          matrix[] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000},
                          here[] = {0, 1, 12, NAME('u', 'r', 'l', ' '), 1};
    uint8_t description[8 + 60] = {0};
    struct box *gmhd = box_made(a, minf, NAME('g', 'm', 'h', 'd'));
    leaf32(l, gmhd, NAME('g', 'm', 'i', 'n'), graphics, 4);
    leaf32(l, gmhd, NAME('t', 'e', 'x', 't'), matrix, 9);
    leaf32(l, box_made(a, minf, NAME('d', 'i', 'n', 'f')), NAME('d', 'r', 'e', 'f'), here, 5);
    struct box *stbl = box_made(a, minf, NAME('s', 't', 'b', 'l'));
    put32(description + 4, 1);
    put32(description + 8, 60);
    memcpy(description + 12, "text", 4);
    description[8 + 15] = 1; // reference to the data of this file
    description[8 + 19] = 1; // displayed as it is
    box_append(stbl, box_leaf(a, NAME('s', 't', 's', 'd'), description, sizeof(description)));
    add_samples(l, stbl);
}

static void add_track(struct listing *l)
{
    struct arena *a = l->t->a;
    struct box *trak = box_made(a, l->t->root, NAME('t', 'r', 'a', 'k'));
    uint8_t hdlr[25] = {0};
    uint64_t lasts = 0;
    for (size_t i = 0; i < l->count; i++)
        lasts += lasting(l, i);
    const uint32_t mdhd[9] = {1u << 24,        0,         0, 0, 0, (uint32_t)l->clock, high(lasts),
                              (uint32_t)lasts, 0x55c40000}; // no language
    add_header(l, trak);
    add_edit(l, trak);
    struct box *mdia = box_made(a, trak, NAME('m', 'd', 'i', 'a'));
    leaf32(l, mdia, NAME('m', 'd', 'h', 'd'), mdhd, 9);
    memcpy(hdlr + 4, l->t->quicktime ? "mhlr" : "\0\0\0\0", 4);
    memcpy(hdlr + 8, "text", 4);
    box_append(mdia, box_leaf(a, NAME('h', 'd', 'l', 'r'), hdlr, sizeof(hdlr)));
    add_media_information(l, box_made(a, mdia, NAME('m', 'i', 'n', 'f')));
}

// Picture and sound say where their chapters are.
static void refer(struct listing *l)
{
    for (struct box *b = l->t->root->first; b; b = b->next) {
        const struct box *h =
            box_child(box_child(b, NAME('m', 'd', 'i', 'a')), NAME('h', 'd', 'l', 'r'));
        uint32_t kind = h && h->size >= 12 ? be32(h->body + 8) : 0;
        if (b->name == NAME('t', 'r', 'a', 'k') && b->parent &&
            (kind == NAME('v', 'i', 'd', 'e') || kind == NAME('s', 'o', 'u', 'n')))
            leaf32(l, box_wanted(l->t->a, b, NAME('t', 'r', 'e', 'f')), NAME('c', 'h', 'a', 'p'),
                   &l->track, 1);
    }
}

static void add_chpl(struct listing *l)
{
    size_t count = l->count < CHPL_MOST ? l->count : CHPL_MOST;
    struct buf to = BUF_LIMIT(CHPL_MOST * 270);
    const uint8_t head[9] = {1, 0, 0, 0, 0, 0, 0, 0, (uint8_t)count};
    buf_add(&to, head, sizeof(head));
    for (size_t i = 0; i < count; i++) {
        uint8_t row[9];
        size_t size = cut_at(title_of(l, i), 255);
        put64(row, (uint64_t)start_of(l, i) * 125 / 9);
        row[8] = (uint8_t)size;
        buf_add(&to, row, 9);
        buf_add(&to, title_of(l, i), size);
    }
    box_append(box_wanted(l->t->a, l->t->root, NAME('u', 'd', 't', 'a')),
               box_leaf(l->t->a, NAME('c', 'h', 'p', 'l'), to.at, to.size));
    buf_free(&to);
}

// ---- all of it

static bool can_not(const struct tree *t, enum error_kind kind, const char *why, struct error *err)
{
    error_set(err, kind, "the chapters of %s can not be changed", t->f->name);
    error_why(err, "%s", why);
    return error_fix(err, "make the file anew: posthouse transcode");
}

// Its clock and length; the number of the new track is taken from it.
static bool read_movie(struct listing *l, struct error *err)
{
    struct box *h = box_child(l->t->root, NAME('m', 'v', 'h', 'd'));
    bool wide = h && !h->parent && h->size && h->body[0] == 1;
    size_t at = wide ? 20 : 12;
    if (!h || h->parent || h->size < (wide ? 112u : 100u) || !be32(h->body + at) ||
        be32(h->body + h->size - 4) == UINT32_MAX)
        return can_not(l->t, ERROR_DAMAGED, "its head (mvhd) can not be read", err);
    uint8_t *body = (uint8_t *)arena_copy(l->t->a, (const char *)h->body, h->size);
    l->movie_clock = be32(body + at);
    l->movie_duration = wide ? be64(body + at + 4) : be32(body + at + 4);
    l->track = be32(body + h->size - 4);
    put32(body + h->size - 4, l->track + 1);
    h->body = body;
    if (!l->track || l->movie_duration > INT64_MAX / METADATA_TICKS)
        return can_not(l->t, ERROR_DAMAGED, "its head (mvhd) can not be read", err);
    l->end = (int64_t)(l->movie_duration * METADATA_TICKS / l->movie_clock);
    return true;
}

static bool in_order(struct listing *l, struct error *err)
{
    int64_t last = -1;
    l->clock = CLOCK;
    for (size_t i = 0; i < l->count; i++) {
        int64_t at = start_of(l, i);
        if (at <= last || at > (int64_t)1 << 50)
            return can_not(l->t, ERROR_INPUT, "each has to begin after the one before", err);
        last = at;
    }
    l->end = l->end > last ? l->end : last + METADATA_TICKS / 1000;
    for (size_t i = 0; i < l->count; i++)
        if (start_of(l, i + 1) - start_of(l, i) > (int64_t)INT32_MAX * (METADATA_TICKS / CLOCK))
            l->clock = CLOCK_COARSE;
    return true;
}

bool chapters_set(struct tree *t, const json_t *list, struct error *err)
{
    struct listing l = {.t = t, .list = list, .count = json_array_size(list)};
    if (t->fragments)
        return can_not(t, ERROR_UNSUPPORTED, "it is made of fragments", err);
    if (!read_movie(&l, err) || !in_order(&l, err))
        return false;
    drop_old(t);
    if (!l.count)
        return true;
    refer(&l);
    add_track(&l);
    add_chpl(&l);
    return true;
}
