// A table of metadata: any bytes give one, or an error that says why.
#include "formats/metadata/metadata.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open((size_t)1 << 30);
    struct metadata_table *t;
    struct metadata_report report;
    struct metadata_source none = {.person = "fuzz"};
    struct error err;
    json_t *entries = NULL;
    error_clear(&err);
    if (metadata_table_read(a, "it", (text){(const char *)at, size}, &t, &err)) {
        struct metadata *m = metadata_new(a);
        (void)metadata_put(m, "work.title", 0, "Nächt", &none);
        (void)metadata_put(m, "person.role", 0, "director", &none);
        (void)metadata_put(m, "person.name", 0, "Ann", &none);
        (void)metadata_put(m, "localised.language", 0, "fr", &none);
        (void)metadata_put(m, "localised.title", 0, "Nuit", &none);
        metadata_map(a, m, t, &report, &entries);
        json_decref(entries);
    } else if (!err.why[0]) {
        abort();
    }
    arena_close(a);
    return 0;
}
