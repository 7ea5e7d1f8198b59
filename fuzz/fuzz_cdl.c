// Colour decisions: any bytes give corrections within their limits or an error; what was read is
// written as a .ccc and is the same when it is read again.
#include "formats/cdl/cdl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void again(const struct cdl_list *list)
{
    struct error err;
    struct cdl_list other;
    struct buf to = BUF_LIMIT(64 << 20);
    cdl_write(list, &to);
    if (to.size <= CDL_FILE_BYTES) {
        if (!cdl_read("again.ccc", (text){to.at, to.size}, &other, &err) ||
            other.count != list->count)
            abort();
        for (size_t i = 0; i < other.count; i++)
            if (memcmp(other.at[i].slope, list->at[i].slope, sizeof(double) * 10) != 0)
                abort();
        cdl_list_free(&other);
    }
    buf_free(&to);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct error err;
    struct cdl_list list;
    error_clear(&err);
    if (!cdl_read("fuzz", (text){(const char *)at, size}, &list, &err)) {
        if (!err.what[0])
            abort();
        return 0;
    }
    for (size_t i = 0; i < list.count; i++) {
        float out[3];
        cdl_apply(&list.at[i], (const float[3]){-.5f, .5f, 7}, out);
        for (int c = 0; c < 3; c++)
            if (!(out[c] >= 0 && out[c] <= 1))
                abort();
    }
    again(&list);
    (void)cdl_find(&list, "A001C003");
    cdl_list_free(&list);
    return 0;
}
