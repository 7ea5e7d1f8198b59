// Indexes of cards: any bytes give rows or an error; what they list stays below its folder.
#include "formats/cards/cards.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    static const char *const kinds[] = {"p2", "sony", "avchd", "ale"};
    struct error err;
    for (size_t k = 0; k < 4; k++) {
        struct arena *a = arena_open((size_t)1 << 30);
        struct card_index x;
        if (card_index_read(kinds[k], (text){(const char *)at, size}, a, &x, &err))
            for (size_t i = 0; i < x.count; i++)
                if (!*x.rows[i].name || strchr(x.rows[i].name, '/') ||
                    (x.rows[i].file && (x.rows[i].file[0] == '/' || strstr(x.rows[i].file, "../"))))
                    abort();
        arena_close(a);
    }
    return 0;
}
