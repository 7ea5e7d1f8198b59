#include "formats/profile/burn.h"
#include "formats/profile/hdr.h"
#include "formats/profile/profile.h"

#include <stdlib.h>
#include <string.h>

// What people write in one line.
static void lines(const uint8_t *data, size_t size)
{
    char line[512], again[160];
    struct error err;
    struct hdr_display d, e;
    struct hdr_light l;
    json_t *profile = json_object();
    size = size < sizeof(line) - 1 ? size : sizeof(line) - 1;
    memcpy(line, data, size);
    line[size] = 0;
    if (profile_burn(profile, line, &err) && !json_array_size(json_object_get(profile, "burn")))
        abort();
    if (hdr_display_parse(line, &d, &err)) {
        hdr_display_format(&d, again);
        if (!hdr_display_parse(again, &e, &err) || memcmp(&d, &e, sizeof(d)) != 0)
            abort();
    }
    if (hdr_light_parse(line, &l, &err) && l.max_fall > l.max_cll)
        abort();
    json_decref(profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    json_t *profile;
    lines(data, size);
    if (!profile_read("fuzz", (text){(const char *)data, size}, &profile, &err))
        return 0;
    if (!profile_check(profile, "fuzz", &err))
        abort();
    json_decref(profile);
    return 0;
}
