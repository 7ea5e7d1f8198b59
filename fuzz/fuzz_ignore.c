// Lines of .posthouse-ignore, then after a NUL a path that is held against them.
#include "sync/names.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    char path[512];
    const uint8_t *end = size ? memchr(at, 0, size) : NULL;
    size_t lines = end ? (size_t)(end - at) : size;
    text rest = {(const char *)at + lines, size - lines};
    if (rest.size > 1)
        rest = (text){rest.at + 1, rest.size - 1};
    (void)text_copy(rest, path, sizeof(path));
    struct sync_ignore *g = sync_ignore_open((text){(const char *)at, lines});
    // The same question has one answer, and what a folder is left out by leaves out no file alone.
    if (sync_ignored(g, path, false) != sync_ignored(g, path, false))
        abort();
    (void)sync_ignored(g, path, true);
    sync_ignore_close(g);
    return 0;
}
