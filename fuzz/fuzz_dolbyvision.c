#include "formats/dolbyvision/dolbyvision.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    struct dolby *d;
    bool fits;
    json_t *facts = json_pack("{s:s, s:i}", "rate", "24/1", "duration_frames", 48);
    if (dolby_read("fuzz", (text){(const char *)data, size}, &d, &err)) {
        json_t *list = dolby_fit(d, facts, &fits);
        if (!d->count || json_array_size(list) != 5)
            abort();
        json_decref(list);
        dolby_close(d);
    }
    json_decref(facts);
    return 0;
}
