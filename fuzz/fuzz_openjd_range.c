// A range expression: what is read, written and read again is the same set.
#include "formats/openjd/openjd.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_open(OPENJD_ARENA_BYTES);
    struct openjd_range range, again;
    struct error err;
    if (openjd_range_parse(a, (text){(const char *)data, size}, &range, &err)) {
        if (!openjd_range_parse(a, openjd_range_text(a, &range), &again, &err) ||
            again.count != range.count ||
            openjd_range_at(&again, again.count - 1) != openjd_range_at(&range, range.count - 1) ||
            !openjd_range_has(&range, openjd_range_at(&range, range.count / 2)))
            abort();
    }
    arena_close(a);
    return 0;
}
