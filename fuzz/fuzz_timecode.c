// First byte: the rate. The rest: a label. What parses must be written back and parse to the same.
#include "time/timecode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tc_rate rates[] = {
        {{24000, 1001}, 24, 1, false},  {{25, 1}, 25, 1, false},
        {{30000, 1001}, 30, 1, true},   {{60000, 1001}, 30, 2, true},
        {{60000, 1001}, 60, 1, true},   {{120000, 1001}, 120, 1, true},
        {{120000, 1001}, 30, 4, false}, {{120, 1}, 120, 1, false},
    };
    if (size == 0)
        return 0;
    struct error err;
    const struct tc_rate *rate = &rates[data[0] % 8];
    int64_t frames, again;
    rational r, r2;
    text label = {(const char *)data + 1, size - 1};
    if (tc_parse(label, rate, &frames, &err)) {
        tc_label made = tc_format(frames, rate);
        if (!tc_parse(text_of(made.text), rate, &again, &err) || again != frames)
            abort();
    }
    if (rational_parse(label, &r, &err) &&
        (!rational_parse(text_of(rational_text(r).text), &r2, &err) || !rational_equal(r, r2)))
        abort();
    return 0;
}
