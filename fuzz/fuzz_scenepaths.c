#include "formats/scenepaths/scenepaths.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const endings[] = {"ma", "ass", "mlt", "nk", "hip"};
    struct arena *a = arena_open((size_t)1 << 30);
    const struct scenepath *paths;
    size_t count;
    scenepaths_find(a, endings[size % 5], data, size, &paths, &count);
    for (size_t i = 0; i < count; i++)
        if (paths[i].numbered != (scenepath_glob(a, paths[i].path) != NULL) ||
            strchr(paths[i].path, '\\'))
            abort();
    arena_close(a);
    return 0;
}
