#include "formats/prices/prices.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open(64 << 20);
    struct prices p;
    struct error err;
    if (prices_read(a, "fuzz", (text){(const char *)at, size}, &p, &err))
        for (size_t i = 0; i < p.machine_count; i++)
            if (!(p.machines[i].cores > 0 && p.machines[i].speed > 0) ||
                p.machines[i].spot.low > p.machines[i].spot.high)
                abort();
    arena_close(a);
    return 0;
}
