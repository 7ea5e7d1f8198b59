#include "formats/peaks/peaks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peaks_file f;
    struct error err;
    volatile int sum = 0;
    if (!peaks_read(data, size, &f, &err))
        return 0;
    for (int i = 0; i < f.level_count; i++) // every point that it promises can be read
        for (size_t k = 0; k < (size_t)f.levels[i].points * 2 * (size_t)f.channels; k += 97)
            sum += f.levels[i].at[k];
    return 0;
}
