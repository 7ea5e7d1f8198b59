// The editor's document: any bytes give captions or an error; what was read is written and read again.
#include "formats/captions/document.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open((size_t)1 << 28);
    json_t *from = json_loadb((const char *)at, size, 0, NULL);
    struct tc_rate rate;
    struct captions *c, *again;
    struct error err;
    if (!caption_rate_parse(text_of(size % 2 ? "29.97df" : "25"), &rate, &err))
        abort();
    if (from && caption_document_read(a, from, &rate, 0, &c, &err)) {
        json_t *to = caption_document(c);
        if (!to || !caption_document_read(a, to, &rate, 0, &again, &err) || again->count != c->count)
            abort();
        json_decref(to);
    }
    json_decref(from);
    arena_close(a);
    return 0;
}
