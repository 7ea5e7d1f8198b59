#include "formats/adm/adm.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    struct adm *a;
    bool fits;
    json_t *facts = json_pack("{s:s, s:i}", "rate", "24/1", "duration_frames", 48);
    if (adm_read("fuzz", (text){(const char *)data, size}, &a, &err)) {
        json_t *list = adm_fit(a, facts, &fits);
        if (!a->channels || !json_array_size(list))
            abort();
        json_decref(list);
        adm_close(a);
    }
    json_decref(facts);
    return 0;
}
