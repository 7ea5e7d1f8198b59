#include "places.h"

static const char told[] =
    "[{\"at\": \"bext/Description\", \"value\": \"Night\"}, {\"at\": \"bext/UMID\", \"value\": "
    "\"060A\"}, {\"at\": \"info/INAM\", \"value\": \"Night\"}, {\"at\": \"ixml/PROJECT\", "
    "\"value\": \"Night\"}, {\"at\": \"ixml/USER/EIDR\", \"value\": \"x\"}, {\"at\": "
    "\"bext/CodingHistory\", \"value\": \"A=PCM\"}, {\"at\": \"xmp/dc:title\", \"value\": "
    "\"Night\"}]";

static void once(struct arena *a, struct bytes b, const json_t *pairs, int again)
{
    struct place_file f = {bytes_read, &b, (int64_t)b.size, "it"};
    struct place_edit edit;
    struct error err;
    json_t *read = json_array();
    if (!wave_pairs(&f, a, read, &err))
        abort();
    json_decref(read);
    if (!wave_is(b.at, b.size) || !wave_edit(&f, a, pairs, &edit, &err))
        return;
    struct bytes made = bytes_made(a, &b, &edit);
    struct place_file g = {bytes_read, &made, (int64_t)made.size, "it"};
    read = json_array();
    if (!wave_pairs(&g, a, read, &err) || !says(read, "info/INAM", "Night"))
        abort();
    json_decref(read);
    if (again)
        once(a, made, pairs, again - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open((size_t)2 << 30);
    json_t *pairs = json_loads(told, 0, NULL);
    if (!pairs)
        abort();
    once(a, (struct bytes){at, size}, pairs, 1);
    json_decref(pairs);
    arena_close(a);
    return 0;
}
