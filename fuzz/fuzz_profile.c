#include "formats/profile/profile.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    json_t *profile;
    if (!profile_read("fuzz", (text){(const char *)data, size}, &profile, &err))
        return 0;
    if (!profile_check(profile, "fuzz", &err))
        abort();
    json_decref(profile);
    return 0;
}
