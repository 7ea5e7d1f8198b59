// A record as JSON: what was read is written and read again; each sidecar of it is well-formed XML.
#include "formats/metadata/sidecar.h"

#include <libxml/parser.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static void sidecars(const struct metadata *m)
{
    struct sidecar_file file = {.name = "film.mov", .use = "source", .size = 12, .md5 = "00"};
    struct sidecar_wish wish = {.files = &file, .file_count = 1, .provider = "House"};
    for (int k = 0; k < SIDECAR_KINDS; k++) {
        struct buf to = BUF_LIMIT(16 << 20);
        struct error err;
        if (sidecar_write((enum sidecar_kind)k, m, &wish, &to, &err) && k > SIDECAR_CSV) {
            xmlDoc *doc = xmlReadMemory(to.at, (int)to.size, NULL, NULL, XML_PARSE_NONET);
            if (!doc)
                abort();
            xmlFreeDoc(doc);
        }
        buf_free(&to);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open((size_t)1 << 30);
    json_t *json = json_loadb((const char *)at, size, 0, NULL);
    struct metadata *m, *again;
    struct error err;
    if (json && metadata_parse(a, json, &m, &err)) {
        json_t *wrote = metadata_json(m);
        if (!metadata_parse(a, wrote, &again, &err) || again->count != m->count)
            abort();
        json_decref(wrote);
        sidecars(m);
    }
    json_decref(json);
    arena_close(a);
    return 0;
}
