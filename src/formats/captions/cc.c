/*
 * The boxes of closed captions: cc_data, CDP (ST 334-2), A/53 user data, QuickTime's c608.
 */
#include "formats/captions/cc.h"

#include <string.h>

static const struct {
    rational fps;
    int code, triples;
} rates[] = {{{24000, 1001}, 1, 25}, {{24, 1}, 2, 25}, {{25, 1}, 3, 24},
             {{30000, 1001}, 4, 20}, {{30, 1}, 5, 20}, {{50, 1}, 6, 12},
             {{60000, 1001}, 7, 10}, {{60, 1}, 8, 10}};

static size_t rate_index(rational fps)
{
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
        if (rational_equal(rates[i].fps, fps))
            return i;
    return 3;
}

int cc_triples_a_frame(rational fps)
{
    return rates[rate_index(fps)].triples;
}

static void triple(uint8_t *to, bool valid, int type, uint8_t a, uint8_t b)
{
    to[0] = (uint8_t)(0xf8 | (valid ? 4 : 0) | type), to[1] = a, to[2] = b;
}

void cc_data_make(uint8_t *to, int count, const uint8_t first[2], const uint8_t second[2],
                  const struct cc_block *block, int sequence)
{
    int at = 0;
    if (first)
        triple(to, true, 0, first[0], first[1]), at++;
    if (second)
        triple(to + 3 * at, true, 1, second[0], second[1]), at++;
    if (block && block->size) { // header, service header, block, up to an even size
        uint8_t packet[34] = {0};
        int size = 2 + block->size, even = (size + 1) & ~1;
        packet[0] = (uint8_t)(sequence << 6 | even / 2);
        packet[1] = (uint8_t)(1 << 5 | block->size);
        memcpy(packet + 2, block->at, block->size);
        for (int i = 0; i < even && at < count; i += 2, at++)
            triple(to + 3 * at, true, i ? 2 : 3, packet[i], packet[i + 1]);
    }
    for (; at < count; at++)
        triple(to + 3 * at, false, 2, 0, 0);
}

size_t cc_cdp_make(uint8_t *to, rational fps, const uint8_t *triples, int count, int sequence)
{
    size_t n = 0, body = (size_t)count * 3;
    to[n++] = 0x96, to[n++] = 0x69;
    to[n++] = (uint8_t)(13 + body);
    to[n++] = (uint8_t)(rates[rate_index(fps)].code << 4 | 0x0f);
    to[n++] = 0x43; // cc_data is there, the service is on
    to[n++] = (uint8_t)(sequence >> 8), to[n++] = (uint8_t)sequence;
    to[n++] = 0x72;
    to[n++] = (uint8_t)(0xe0 | count);
    memcpy(to + n, triples, body);
    n += body;
    to[n++] = 0x74;
    to[n++] = (uint8_t)(sequence >> 8), to[n++] = (uint8_t)sequence;
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + to[i]);
    to[n++] = (uint8_t)-sum;
    return n;
}

bool cc_cdp_read(const uint8_t *at, size_t size, const uint8_t **triples, int *count)
{
    if (size < 9 || at[0] != 0x96 || at[1] != 0x69)
        return false;
    size_t n = 7;
    while (n + 2 <= size) {
        if (at[n] == 0x71) { // time code
            n += 5;
        } else if (at[n] == 0x72) {
            *count = at[n + 1] & 0x1f;
            *triples = at + n + 2;
            return n + 2 + (size_t)*count * 3 <= size;
        } else {
            return false;
        }
    }
    return false;
}

size_t cc_a53_make(uint8_t *to, const uint8_t *triples, int count, bool mpeg2)
{
    size_t n = 0;
    if (!mpeg2)
        to[n++] = 0xb5, to[n++] = 0x00, to[n++] = 0x31;
    memcpy(to + n, "GA94", 4);
    n += 4;
    to[n++] = 3;
    to[n++] = (uint8_t)(0xc0 | count); // process_em_data (reserved, 1), process_cc_data
    to[n++] = 0xff;
    memcpy(to + n, triples, (size_t)count * 3);
    n += (size_t)count * 3;
    to[n++] = 0xff;
    return n;
}

bool cc_a53_read(const uint8_t *at, size_t size, const uint8_t **triples, int *count)
{
    if (size >= 3 && at[0] == 0xb5 && at[1] == 0 && at[2] == 0x31)
        at += 3, size -= 3;
    if (size < 7 || memcmp(at, "GA94", 4) != 0 || at[4] != 3 || !(at[5] & 0x40))
        return false;
    *count = at[5] & 0x1f;
    *triples = at + 7;
    return 7 + (size_t)*count * 3 <= size;
}

static size_t atom(uint8_t *to, const char *name, const uint8_t (*pairs)[2], size_t count)
{
    size_t size = 8 + count * 2;
    to[0] = (uint8_t)(size >> 24), to[1] = (uint8_t)(size >> 16), to[2] = (uint8_t)(size >> 8),
    to[3] = (uint8_t)size;
    memcpy(to + 4, name, 4);
    memcpy(to + 8, pairs, count * 2);
    return size;
}

size_t cc_c608_make(uint8_t *to, const uint8_t (*first)[2], size_t first_count,
                    const uint8_t (*second)[2], size_t second_count)
{
    size_t n = first_count ? atom(to, "cdat", first, first_count) : 0;
    return n + (second_count ? atom(to + n, "cdt2", second, second_count) : 0);
}

bool cc_c608_read(const uint8_t *at, size_t size, int field, const uint8_t **pairs, size_t *count)
{
    const char *name = field == 2 ? "cdt2" : "cdat";
    while (size >= 8) {
        size_t n = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
        if (n < 8 || n > size)
            return false;
        if (memcmp(at + 4, name, 4) == 0) {
            *pairs = at + 8, *count = (n - 8) / 2;
            return *count > 0;
        }
        at += n, size -= n;
    }
    return false;
}
