// Tables: any bytes give rows of as many cells as there are columns, or an error; what was read is
// written, and read again it is the same.
#include "formats/table/table.h"

#include <stdlib.h>
#include <string.h>

static void same(const struct table *x, const struct table *y)
{
    if (y->count != x->count || y->columns != x->columns)
        abort();
    for (size_t i = 0; i < x->count; i++)
        for (size_t k = 0; k < x->columns; k++)
            if (strcmp(x->rows[i].cells[k], y->rows[i].cells[k]) != 0)
                abort();
}

static bool full(const struct table *t) // no row and no end of a row that is only empty cells
{
    if (!t->columns || !*t->heads[t->columns - 1])
        return false;
    for (size_t i = 0; i < t->count; i++) {
        bool any = false;
        for (size_t k = 0; k < t->columns; k++)
            any = any || *t->rows[i].cells[k];
        if (!any)
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct error err;
    struct table t, again;
    size_t changed;
    struct arena *a = arena_open((size_t)1 << 30);
    struct table_wish wish = {.headless = size && at[size - 1] == 'H'};
    struct buf out = BUF_LIMIT(64 << 20);
    if (!csv_read((text){(const char *)at, size}, &wish, a, &t, &err)) {
        if (!err.what[0])
            abort();
    } else if (csv_write(&t, &out, &changed, &err) && full(&t)) {
        if (!csv_read((text){out.at, out.size}, &(struct table_wish){.mark = ','}, a, &again, &err))
            abort();
        same(&t, &again);
    }
    buf_free(&out);
    arena_close(a);
    return 0;
}
