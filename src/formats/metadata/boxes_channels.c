/*
 * "chnl" of a sound's sample description (ISO/IEC 14496-12, 12.2.4, version 0): which loudspeaker
 * each channel is for, by ISO/IEC 23091-3: the number of a layout of its table, or a number for
 * each channel. As text: "6", or "0 1 2 3 4 5".
 */
#include "formats/metadata/boxes_inside.h"

#include <string.h>

enum { ENTRY = 8, HEAD = 36, CHANNELS_MOST = 64 }; // of stsd: its only entry; the fields of a sound

// The bytes of the entry; 0: it is none that is understood.
static size_t entry_size(const struct box *stsd)
{
    if (!stsd || stsd->parent || stsd->size < ENTRY + HEAD || be32(stsd->body + 4) != 1)
        return 0;
    const uint8_t *entry = stsd->body + ENTRY;
    size_t size = be32(entry);
    bool plain = !entry[16] && !entry[17]; // QuickTime has longer ones, of version 1 and 2
    return plain && size >= HEAD && size <= stsd->size - ENTRY ? size : 0;
}

static struct box *description(const struct box *mdia)
{
    const struct box *h = box_child(mdia, NAME('h', 'd', 'l', 'r'));
    bool sound = h && h->size >= 12 && be32(h->body + 8) == NAME('s', 'o', 'u', 'n');
    return sound ? box_child(box_child(box_child(mdia, NAME('m', 'i', 'n', 'f')),
                                       NAME('s', 't', 'b', 'l')),
                             NAME('s', 't', 's', 'd'))
                 : NULL;
}

static size_t body_of(const char *value, uint8_t to[CHANNELS_MOST + 6])
{
    uint8_t numbers[CHANNELS_MOST];
    size_t count = 0;
    text left = text_of(value);
    int64_t n;
    while (left.size && count < CHANNELS_MOST) {
        if (!text_int(text_cut(&left, ' '), &n) || n < 0 || n > 127)
            return 0;
        numbers[count++] = (uint8_t)n;
    }
    memset(to, 0, 14);
    to[4] = 1; // of channels, not of objects
    if (count == 1) {
        to[5] = numbers[0]; // and no channel of it is left out
        return 14;
    }
    memcpy(to + 6, numbers, count);
    return count ? 6 + count : 0;
}

void channels_set(struct tree *t, struct box *mdia, const char *value)
{
    struct box *stsd = description(mdia);
    size_t size = entry_size(stsd), used = 0, body;
    uint8_t chnl[CHANNELS_MOST + 6 + 8];
    if (!size || !(body = body_of(value, chnl)))
        return;
    uint8_t *to = arena_take(t->a, stsd->size + 8 + body);
    memcpy(to, stsd->body, ENTRY + HEAD);
    used = ENTRY + HEAD;
    for (size_t at = ENTRY + HEAD; at + 8 <= ENTRY + size;) {
        size_t one = be32(stsd->body + at);
        if (one < 8 || one > ENTRY + size - at)
            return;
        if (be32(stsd->body + at + 4) != NAME('c', 'h', 'n', 'l')) {
            memcpy(to + used, stsd->body + at, one);
            used += one;
        }
        at += one;
    }
    put32(to + used, (uint32_t)body + 8);
    memcpy(to + used + 4, "chnl", 4);
    memcpy(to + used + 8, chnl, body);
    used += 8 + body;
    put32(to + ENTRY, (uint32_t)(used - ENTRY));
    stsd->body = to, stsd->size = used;
}

const char *channels_text(struct arena *a, const struct box *mdia)
{
    const struct box *stsd = description(mdia);
    size_t size = entry_size(stsd);
    for (size_t at = ENTRY + HEAD; at + 8 <= ENTRY + size;) {
        const uint8_t *b = stsd->body + at + 8;
        size_t one = be32(stsd->body + at), body = one - 8;
        if (one < 8 || one > ENTRY + size - at)
            break;
        at += one;
        if (be32(b - 4) != NAME('c', 'h', 'n', 'l') || body < 7 || b[0] || b[4] != 1)
            continue;
        if (b[5])
            return arena_format(a, "%d", b[5]);
        const char *to = "";
        for (size_t i = 6; i < body && i < 6 + CHANNELS_MOST; i++)
            to = arena_format(a, "%s%s%d", to, *to ? " " : "", b[i]);
        return to;
    }
    return NULL;
}
