#include "wire/address.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

// Nobody without the key makes an address that verifies.
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    if (size > 4096)
        return 0;
    static const struct address_key key = {{4, 8, 15, 16, 23, 42}};
    struct arena *a = arena_open(1 << 20);
    text rest = {(const char *)at, size}, extra;
    text signature = text_cut(&rest, '/');
    bool expired;
    if (address_verify(a, &key, signature, rest, 1, &extra, &expired))
        abort();
    arena_close(a);
    return 0;
}
