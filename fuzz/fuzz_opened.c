// The first bytes of recordings: any give an answer, and enough of them never ask for more.
#include "formats/opened/opened.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    static char enough[OPENED_BYTES];
    opened_look((text){(const char *)at, size});
    memset(enough, 0, sizeof(enough));
    memcpy(enough, at, size < sizeof(enough) ? size : sizeof(enough));
    if (opened_look((text){enough, sizeof(enough)}) == OPENED_MORE)
        abort();
    return 0;
}
