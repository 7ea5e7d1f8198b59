#include "formats/measure/measure.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct measure *m, *again;
    struct error err;
    if (!measure_read((text){(const char *)data, size}, &m, &err))
        return 0;
    struct buf written = BUF_LIMIT(64 << 20);
    measure_write(m, &written);
    if (!measure_read((text){written.at, written.size}, &again, &err) ||
        again->frames != m->frames ||
        memcmp(again->at, m->at, (size_t)m->frames * sizeof(*m->at)) != 0)
        abort();
    measure_close(again);
    measure_close(m);
    buf_free(&written);
    return 0;
}
