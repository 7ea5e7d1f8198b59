// XMP and iXML: what is set is found again, whatever was there.
#include "places.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    static const char told[] =
        "[{\"at\": \"xmp/dc:title\", \"value\": \"Night\"}, {\"at\": \"xmp/dc:title@fr\", "
        "\"value\": \"Nuit\"}, {\"at\": \"xmp/xmpDM:scene\", \"value\": \"4\"}, {\"at\": "
        "\"ixml/PROJECT\", \"value\": \"Night\"}, {\"at\": \"xmp/xmpDM:Tracks/startTime\", "
        "\"track\": 0, "
        "\"value\": \"30030\"}]";
    struct arena *a = arena_open((size_t)1 << 30);
    json_t *pairs = json_loads(told, 0, NULL), *read = json_array();
    text t = {(const char *)at, size};
    xmp_pairs(t, read);
    ixml_pairs(t, read);
    json_array_clear(read);
    const char *xmp = xmp_edit(t, pairs, a), *ixml = ixml_edit(t, pairs, a);
    if (xmp)
        xmp_pairs(text_of(xmp), read);
    if (xmp && json_array_size(read) < 2000 &&
        (!says(read, "xmp/dc:title", "Night") ||
         !says(read, "xmp/xmpDM:Tracks/startTime", "30030") || !says(read, "xmp/xmpDM:scene", "4")))
        abort();
    json_array_clear(read);
    if (ixml)
        ixml_pairs(text_of(ixml), read);
    if (ixml && json_array_size(read) < 2000 && !says(read, "ixml/PROJECT", "Night"))
        abort();
    json_decref(read);
    json_decref(pairs);
    arena_close(a);
    return 0;
}
