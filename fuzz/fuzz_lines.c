// Lines of any bytes: the same however they arrive, always text, never longer than a piece may be.
#include "farm/lines.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static void hear(void *context, text line, bool continues)
{
    struct buf *b = context;
    if (line.size > LINE_MOST * 4 || (line.size && !text_utf8(line)) ||
        memchr(line.at, '\n', line.size) || memchr(line.at, '\r', line.size))
        abort();
    buf_add(b, line.at, line.size);
    buf_text(b, continues ? "+" : "\n");
}

static void split(const uint8_t *at, size_t size, size_t step, struct buf *b)
{
    struct lines l;
    *b = (struct buf)BUF_LIMIT(64 << 20);
    lines_begin(&l, hear, b);
    for (size_t done = 0; done < size; done += step)
        lines_add(&l, at + done, size - done < step ? size - done : step);
    lines_end(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct buf whole, parts;
    split(at, size, size ? size : 1, &whole);
    split(at, size, size ? at[0] % 7 + 1 : 1, &parts);
    if (whole.size != parts.size || (whole.size && memcmp(whole.at, parts.at, whole.size) != 0))
        abort();
    buf_free(&whole);
    buf_free(&parts);
    return 0;
}
