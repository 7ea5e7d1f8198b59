// Prints of frames: any bytes are refused, or every frame is found where it is.
#include "formats/prints/prints.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct prints p;
    struct error err;
    if (!prints_read((text){(const char *)at, size}, &p, &err))
        return 0;
    for (int64_t i = 0; i < p.count && i < 200; i++) {
        int64_t left = 100000;
        if (prints_find(&p, i, &p, i, &left) != i)
            abort();
    }
    return 0;
}
