// What a person or nvidia-smi says of GPUs: a count that fits, or a no.
#include "farm/gpus.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct gpus g;
    text said = {(const char *)at, size};
    bool (*const readers[])(text, struct gpus *) = {gpus_said, gpus_smi};
    for (int i = 0; i < 2; i++) {
        bool ok = readers[i](said, &g);
        if (g.count < 0 || g.count > GPUS_MOST || (ok && gpus_least_mib(&g) < 0))
            abort();
    }
    return 0;
}
