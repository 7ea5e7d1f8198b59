// What a worker says of an item: it is refused, or what is read of it keeps to its bounds.
#include "api/staged_words.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // The first byte is how many bytes the item has, as a power of two; 255: none.
    if (size < 1)
        return 0;
    int64_t bytes = data[0] == 255 ? 0 : (int64_t)1 << data[0] % 40;
    struct staged_piece p;
    memset(&p, 0, sizeof(p));
    if (!staging_read(&p, (text){(const char *)data + 1, size - 1}, bytes))
        return 0;
    bool named = memchr(p.name, 0, sizeof(p.name)) && memchr(p.attempt, 0, sizeof(p.attempt));
    bool asks = p.in || (p.bytes > 0 && p.bytes <= STAGED_PACK_BYTES && p.chunk >= 0);
    if (!named || !asks || (p.in && (!bytes || bytes > (int64_t)8 << 20)) ||
        (!p.in && !p.pack && bytes))
        abort();
    return 0;
}
