// The boxes of closed captions, and the decoders of 608 and 708 behind them: any bytes.
#include "formats/captions/cc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static void triples(struct cc_decoder *d, struct cc_708_decoder *d708, const uint8_t *t, int count,
                    int64_t ticks)
{
    struct error err;
    for (int i = 0; i < count; i++, t += 3) {
        bool ok = (t[0] & 3) < 2 ? cc_decode_pair(d, ticks, t[1], t[2], 1, &err)
                                 : cc_708_triple(d708, ticks, t[0] & 3, t[1], t[2], 1, &err);
        if (!ok)
            abort(); // so few bytes reach no limit
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open((size_t)1 << 30);
    struct captions c = {.arena = a, .rate = {{25, 1}, 25, 1, false}, .rate_said = true};
    struct caption_report report = {.arena = a};
    struct cc_decoder *d = cc_decoder_open(&c, 1 + (int)(size % 4), &report);
    struct cc_708_decoder *d708 = cc_708_open(&c, &report);
    struct error err;
    const uint8_t *t;
    int count;
    size_t pairs;
    volatile unsigned sum = 0;
    if (cc_cdp_read(at, size, &t, &count) || cc_a53_read(at, size, &t, &count))
        triples(d, d708, t, count, 0);
    for (int field = 1; field < 3; field++)
        if (cc_c608_read(at, size, field, &t, &pairs))
            for (size_t i = 0; i < pairs * 2; i++)
                sum += t[i];
    for (size_t i = 0; i + 3 <= size && i < 60000; i += 3) // and as triples, whatever they are
        triples(d, d708, at + i, 1, (int64_t)i * 9600);
    if (!cc_decode_end(d, &err) || !cc_708_end(d708, &err))
        abort();
    for (size_t i = 0; i < c.count; i++)
        if (c.cues[i].out < c.cues[i].in)
            abort();
    arena_close(a);
    return 0;
}
