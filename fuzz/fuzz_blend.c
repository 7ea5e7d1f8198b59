#include "formats/blend/blend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_open((size_t)1 << 30);
    struct blend b;
    struct error err;
    volatile size_t sum = 0;
    if (blend_read(a, data, size, &b, &err))
        for (size_t i = 0; i < b.need_count; i++) // all that it tells can be read
            for (const char *c = b.needs[i].path; *c; c++)
                sum += (size_t)*c + b.needs[i].tile_count;
    arena_close(a);
    return 0;
}
