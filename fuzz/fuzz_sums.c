// Lists of digests: any bytes give rows or an error; digests are of their kind, paths are not
// empty.
#include "formats/sums/sums.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    static const char *const hints[] = {NULL, "xxh3", "xxh128"};
    struct error err;
    for (size_t h = 0; h < 3; h++) {
        struct arena *a = arena_open((size_t)1 << 30);
        struct sum *rows;
        size_t count;
        if (sums_read((text){(const char *)at, size}, hints[h], a, &rows, &count, &err))
            for (size_t i = 0; i < count; i++) {
                size_t digits = strspn(rows[i].digest, "0123456789abcdef");
                if (digits != strlen(rows[i].digest) ||
                    (digits != 16 && digits != 32 && digits != 40) ||
                    (rows[i].path && !*rows[i].path))
                    abort();
            }
        arena_close(a);
    }
    return 0;
}
