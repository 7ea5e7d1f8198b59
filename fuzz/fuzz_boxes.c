#include "places.h"

static const char told[] =
    "[{\"at\": \"ilst/\xc2\xa9nam\", \"value\": \"Night\"}, {\"at\": \"mdta/a.b\", \"value\": "
    "\"C\"},"
    " {\"at\": \"ilst/----:com.apple.iTunes:EIDR\", \"value\": \"10.5240/x\"},"
    " {\"at\": \"trak/elng\", \"track\": 0, \"value\": \"fr-CA\"},"
    " {\"at\": \"trak/mdhd\", \"track\": 0, \"value\": \"fr\"},"
    " {\"at\": \"trak/kind\", \"track\": 0, \"value\": \"main\"},"
    " {\"at\": \"udta/\xc2\xa9nam\", \"value\": null},"
    " {\"at\": \"xmp/dc:title\", \"value\": \"Night\"}]";

static const char chapters[] =
    "{\"at\": \"chapters\", \"list\": [{\"start\": 0, \"title\": \"One\"}, {\"start\": 720000, "
    "\"title\": \"Two\"}]}";

static void once(struct arena *a, struct bytes b, const json_t *pairs, bool stay, int again)
{
    struct place_file f = {bytes_read, &b, (int64_t)b.size, "it"};
    struct place_edit edit;
    struct error err;
    json_t *read = json_array();
    if (!boxes_pairs(&f, a, read, &err))
        abort();
    json_decref(read);
    if (!boxes_edit(&f, a, pairs, stay, &edit, &err))
        return;
    struct bytes made = bytes_made(a, &b, &edit);
    struct place_file g = {bytes_read, &made, (int64_t)made.size, "it"};
    read = json_array();
    if (!boxes_pairs(&g, a, read, &err))
        abort();
    json_decref(read);
    if (again)
        once(a, made, pairs, !stay && json_array_size(pairs) < 9, again - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open((size_t)2 << 30);
    json_t *pairs = json_loads(told, 0, NULL);
    if (!pairs)
        abort();
    once(a, (struct bytes){at, size}, pairs, size % 2, 1);
    json_array_append_new(pairs, json_loads(chapters, 0, NULL));
    once(a, (struct bytes){at, size}, pairs, false, 1);
    json_decref(pairs);
    arena_close(a);
    return 0;
}
