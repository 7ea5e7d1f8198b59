#include "wire/address.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

// Bytes encoded and decoded are the same bytes; a safe path encoded again is the same safe path.
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    if (size > 4096)
        return 0;
    struct arena *a = arena_open(4 << 20);
    text in = {(const char *)at, size}, back;
    if (!address_decode(a, text_of(address_encode(a, in)), true, &back) || back.size != size ||
        (size && memcmp(back.at, at, size) != 0))
        abort();
    char *path = address_safe_path(a, in);
    if (path) {
        text parts[8];
        if (strstr(path, "/../") || address_split(path, parts, 8) == 0)
            abort();
        char *again = address_safe_path(a, text_of(address_path(a, text_of(path))));
        if (!again || strcmp(again, path) != 0)
            abort();
    }
    arena_close(a);
    return 0;
}
