#include "formats/frameindex/frameindex.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frameindex_header h, again;
    struct error err;
    size_t at, at2;
    uint8_t bytes[64 + FRAMEINDEX_AVCC_MAX + 16];
    if (!frameindex_header_read(data, size, &h, &at, &err))
        return 0;
    frameindex_header_write(&h, bytes);
    if (!frameindex_header_read(bytes, at, &again, &at2, &err) || at != at2 ||
        memcmp(h.avcc, again.avcc, h.avcc_size) != 0 || h.start_timecode != again.start_timecode)
        abort();
    for (; at + FRAMEINDEX_RECORD <= size; at += FRAMEINDEX_RECORD) {
        struct frameindex_record r;
        uint8_t record[FRAMEINDEX_RECORD];
        frameindex_record_read(data + at, &r);
        frameindex_record_write(&r, record);
        if (memcmp(record, data + at, FRAMEINDEX_RECORD) != 0)
            abort();
    }
    return 0;
}
