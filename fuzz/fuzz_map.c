#include "formats/profile/routes.h"

#include <stdlib.h>
#include <string.h>

// What could be read is a row that a profile may hold, and leads somewhere or is refused.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    json_t *tracks, *row;
    size_t i;
    char *map = calloc(1, size + 1);
    if (size)
        memcpy(map, data, size);
    if (routes_parse(map, &tracks, &err)) {
        json_t *profile = json_pack("{s:{s:O}}", "audio", "tracks", tracks);
        json_t *facts =
            json_pack("{s:[{s:i, s:s}, {s:i, s:s}, {s:i, s:s}]}", "audio", "channels", 6, "layout",
                      "5.1", "channels", 1, "layout", "mono", "channels", 2, "layout", "unknown");
        json_array_foreach(tracks, i, row)
        {
            const char *field, *why;
            if (!routes_row_check(row, &field, &why))
                abort();
        }
        struct routes *r = routes_make(profile, facts);
        for (i = 0; i < r->count; i++)
            if (r->at[i].channels < 1 || r->at[i].channels > LAYOUT_DISCRETE)
                abort();
        routes_close(r);
        json_decref(facts);
        json_decref(profile);
        json_decref(tracks);
    }
    free(map);
    return 0;
}
