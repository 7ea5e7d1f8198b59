// Job scripts of Tractor: any bytes give a template or an error; steps have names of their own and
// depend on earlier steps only.
#include "formats/tractor/tractor.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open((size_t)1 << 30);
    struct import im = {0};
    struct error err;
    text script = {(const char *)at, size};
    tractor_is_job(script);
    if (tractor_import(a, script, &im, &err)) {
        json_t *known = json_object(), *steps = json_object_get(im.template_json, "steps");
        size_t i, n;
        const json_t *step, *need;
        json_array_foreach(steps, i, step)
        {
            const char *name = json_string_value(json_object_get(step, "name"));
            json_array_foreach(json_object_get(step, "dependencies"), n, need)
            {
                if (!json_object_get(known, json_string_value(json_object_get(need, "dependsOn"))))
                    abort();
            }
            if (!name || !name[0] || json_object_get(known, name))
                abort();
            json_object_set_new(known, name, json_true());
        }
        if (!i)
            abort();
        json_decref(known);
    }
    import_free(&im);
    arena_close(a);
    return 0;
}
