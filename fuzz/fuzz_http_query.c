#include "wire/address.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

// A value that was read can be written into a query and reads the same, unless it holds a NUL.
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    if (size > 4096)
        return 0;
    struct arena *a = arena_open(4 << 20);
    struct buf b = BUF_LIMIT(64 << 10);
    const char *value = query_value(a, (text){(const char *)at, size}, "q");
    if (value) {
        query_add(&b, "q", value);
        const char *again = query_value(a, (text){b.at + 1, b.size - 1}, "q");
        if (!again || strcmp(again, value) != 0)
            abort();
    }
    buf_free(&b);
    arena_close(a);
    return 0;
}
