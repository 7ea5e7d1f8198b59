// Job files of Deadline: any bytes give a template or an error; a template is whole JSON.
#include "formats/deadline/deadline.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open((size_t)1 << 30);
    struct import im = {0};
    struct error err;
    // Two files behind one another, parted by a zero byte.
    const uint8_t *cut = size ? memchr(at, 0, size) : NULL;
    size_t first = cut && !(size > 1 && at[0] >= 0xfe) ? (size_t)(cut - at) : size;
    text job = {(const char *)at, first}, plugin = {"", 0};
    if (first < size)
        plugin = (text){(const char *)at + first + 1, size - first - 1};
    deadline_is_job(a, job);
    if (deadline_import(a, job, plugin, &im, &err)) {
        const json_t *step = json_array_get(json_object_get(im.template_json, "steps"), 0);
        char *whole = json_dumps(im.template_json, 0);
        if (!whole || !json_string_length(json_object_get(im.template_json, "name")) || !step)
            abort();
        free(whole);
    }
    import_free(&im);
    arena_close(a);
    return 0;
}
