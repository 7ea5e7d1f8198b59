// Avid logs: any bytes give rows of as many cells as there are columns, or an error; what was read
// is written, and read again it is the same.
#include "formats/table/table.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct error err;
    struct table t, again;
    size_t changed;
    struct arena *a = arena_open((size_t)1 << 30);
    struct buf out = BUF_LIMIT(64 << 20);
    if (!ale_read((text){(const char *)at, size}, a, &t, &err)) {
        if (!err.what[0])
            abort();
    } else if (ale_write(&t, &out, &changed, &err)) {
        if (!ale_read((text){out.at, out.size}, a, &again, &err) || again.columns != t.columns)
            abort();
        size_t row = 0;
        for (size_t i = 0; i < t.count; i++) {
            bool any = false; // an empty line is no row
            for (size_t k = 0; k < t.columns; k++)
                any = any || *t.rows[i].cells[k];
            if (!any)
                continue;
            if (row >= again.count)
                abort();
            for (size_t k = 0; k < t.columns; k++)
                if (strcmp(t.rows[i].cells[k], again.rows[row].cells[k]) != 0)
                    abort();
            row++;
        }
    }
    buf_free(&out);
    arena_close(a);
    return 0;
}
