// Readers of captions: any bytes give a document or an error; a document can be written in every
// format, and what its own format wrote is read again.
#pragma once
#include "formats/captions/captions.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static inline void captions_fuzz(const uint8_t *at, size_t size, enum caption_format format)
{
    struct arena *a = arena_open((size_t)1 << 30);
    struct caption_report report = {0};
    struct captions *c, *again;
    struct error err;
    struct caption_wish wish = {.name = "it", .rate_said = true, .start_said = true};
    if (!caption_rate_parse(text_of(size % 2 ? "29.97df" : "25"), &wish.rate, &err))
        abort();
    if (captions_read(a, (text){(const char *)at, size}, format, &wish, &c, &report, &err)) {
        bool days = c->count && c->cues[c->count - 1].out > (int64_t)CAPTION_TICKS * 600;
        for (int f = 0; f < CAPTION_FORMATS; f++) {
            if (days && (f == CAPTION_SCC || f == CAPTION_MCC)) // a frame each: slow, and the same
                continue;
            struct buf to = BUF_LIMIT(64 << 20);
            struct error why;
            bool wrote = captions_write(c, (enum caption_format)f, &wish, &to, &report, &why);
            if (wrote && (enum caption_format)f == format &&
                !captions_read(a, (text){to.at, to.size}, format, &wish, &again, &report, &why))
                abort();
            buf_free(&to);
        }
    }
    arena_close(a);
}

#define CAPTIONS_FUZZ(format)                                                                      \
    int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)                                     \
    {                                                                                              \
        captions_fuzz(at, size, format);                                                           \
        return 0;                                                                                  \
    }
