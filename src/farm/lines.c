#include "farm/lines.h"

#include <string.h>

void lines_begin(struct lines *l, lines_heard *heard, void *context)
{
    *l = (struct lines){.heard = heard,
                        .context = context,
                        .waiting = BUF_LIMIT(LINE_MOST),
                        .safe = BUF_LIMIT((size_t)LINE_MOST * 4 + 1)};
}

// The bytes of the character that begins here; 0 when it is none, -1 when more must come to know.
static int character(const unsigned char *at, size_t size)
{
    int need = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (at[0] == 0 || at[0] > 0xf4)
        return 0;
    for (int i = 1; i < need; i++) {
        if ((size_t)i == size)
            return -1;
        unsigned char low = 0x80, high = 0xbf;
        if (i == 1) { // no overlong forms, no surrogates, nothing over U+10FFFF
            low = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
            high = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;
        }
        if (at[i] < low || at[i] > high)
            return 0;
    }
    return need;
}

// Hands out the first `size` bytes that wait. With `continues` a character that is cut in two
// stays for the next piece.
static void hand_out(struct lines *l, size_t size, bool continues)
{
    const unsigned char *at = (const unsigned char *)l->waiting.at;
    size_t i = 0;
    l->safe.size = 0;
    while (i < size) {
        int n = character(at + i, size - i);
        if (n < 0 && continues && i)
            break;
        if (n > 0)
            buf_add(&l->safe, at + i, (size_t)n);
        else
            buf_format(&l->safe, "\\x%02x", at[i]);
        i += n > 0 ? (size_t)n : 1;
    }
    l->heard(l->context, (text){l->safe.at ? l->safe.at : "", l->safe.size}, continues);
    buf_drop_front(&l->waiting, i);
}

void lines_add(struct lines *l, const void *bytes, size_t size)
{
    const char *at = bytes, *end = at + size;
    while (at < end) {
        if (l->after_cr && *at == '\n') // the second half of CRLF
            at++;
        l->after_cr = false;
        const char *stop = at;
        while (stop < end && *stop != '\n' && *stop != '\r')
            stop++;
        while (at < stop) {
            size_t room = LINE_MOST - l->waiting.size, part = (size_t)(stop - at);
            if (part > room)
                part = room;
            buf_add(&l->waiting, at, part);
            at += part;
            if (l->waiting.size == LINE_MOST && (at < stop || stop == end))
                hand_out(l, LINE_MOST, true);
        }
        if (stop < end) {
            hand_out(l, l->waiting.size, false);
            l->after_cr = *stop == '\r';
            at = stop + 1;
        }
    }
}

void lines_end(struct lines *l)
{
    if (l->waiting.size)
        hand_out(l, l->waiting.size, false);
    buf_free(&l->waiting);
    buf_free(&l->safe);
}
