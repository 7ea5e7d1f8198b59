// Lists of machines: names that are names, or an error.
#include "cloud/cloud.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open(64 << 20);
    const char *names[1000];
    struct error err;
    size_t count;
    if (hosts_expand(a, (text){(const char *)at, size}, names, 1000, &count, &err))
        for (size_t i = 0; i < count; i++)
            if (!host_name(text_of(names[i])))
                abort();
    arena_close(a);
    return 0;
}
