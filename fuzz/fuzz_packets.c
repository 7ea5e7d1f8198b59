#include "engine/packets.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take(void *context, int64_t offset, void *to, size_t size, size_t *got,
                 struct error *err)
{
    (void)err;
    memcpy(to, (const uint8_t *)context + offset, size);
    *got = size;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct packets_reader *r;
    struct packets_row row;
    struct packets_end end;
    struct error err;
    const json_t *head;
    bool ended = false;
    int64_t rows = 0;
    error_clear(&err);
    struct packets_source from = {take, (void *)(uintptr_t)data, (int64_t)size};
    if (!packets_open(&from, &r, &head, &end, &err))
        return 0;
    if (!json_is_object(head))
        abort();
    while (!ended && packets_next(r, &row, &ended, &err)) {
        if (!ended && (row.size > size || ++rows > end.rows + (int64_t)size))
            abort();
    }
    if (ended && err.kind == ERROR_NONE && rows != end.rows)
        abort();
    packets_close(r);
    return 0;
}
