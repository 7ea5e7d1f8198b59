// A batch of small files, and the paths in it: what is taken lies within what came.
#include "house/transfer/transfer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_open((size_t)64 << 20);
    struct small_file *list;
    size_t count, bytes = 0;
    struct error err;
    text body = {(const char *)data, size};
    if (small_parse(body, a, &list, &count, &err)) {
        for (size_t i = 0; i < count; i++) {
            const char *at = list[i].bytes.at;
            bytes += list[i].bytes.size;
            if (at < body.at || at + list[i].bytes.size > body.at + size)
                abort();
            if (transfer_path_check(text_of(list[i].path), &err) &&
                (list[i].path[0] == '/' || strstr(list[i].path, "//") ||
                 strncmp(list[i].path, "../", 3) == 0 || strstr(list[i].path, "/../")))
                abort();
        }
        if (bytes > size)
            abort();
    } else if (!err.what[0] || !err.why[0]) {
        if (err.kind != ERROR_TOO_BIG)
            abort();
    }
    (void)!transfer_path_check(body, &err);
    arena_close(a);
    return 0;
}
