#include "wire/range.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

// Whatever comes in: a range lies within the file, and dates that are read are written alike.
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    text t = {(const char *)at, size};
    static const int64_t sizes[] = {0, 1, 1000, INT64_MAX};
    for (int i = 0; i < 4; i++) {
        int64_t first = -1, last = -1;
        if (range_parse(t, sizes[i], &first, &last) == RANGE_PART &&
            (first < 0 || first > last || last >= sizes[i]))
            abort();
    }
    (void)etag_listed(t, "\"abc\"", true);
    (void)etag_listed(t, "W/\"abc\"", false);
    int64_t ms, again;
    if (http_date_parse(t, &ms) &&
        (!http_date_parse(text_of(http_date(ms).text), &again) || again != ms))
        abort();
    return 0;
}
