#include "wire/address.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

// A cookie's value that was read can be written and reads the same.
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    if (size > 4096)
        return 0;
    struct arena *a = arena_open(1 << 20);
    const char *value = cookie_value(a, (text){(const char *)at, size}, "posthouse");
    if (value) {
        char *line = cookie_format(a, &(struct cookie){.name = "posthouse", .value = value});
        const char *again = line ? cookie_value(a, text_of(line), "posthouse") : NULL;
        if (!again || strcmp(again, value) != 0)
            abort();
    }
    arena_close(a);
    return 0;
}
