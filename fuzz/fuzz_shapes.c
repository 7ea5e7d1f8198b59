// Bodies of requests: whatever is read, the check says yes or says why; what it lets in has the
// shape (so that handlers may trust it), and checking twice gives the same.
#include "api/api.h"
#include "api/shapes.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // The first byte picks the shape, the rest is the body.
    if (size < 1)
        return 0;
    const struct shape *shape = &shapes[data[0] % shape_count];
    struct error err;
    error_clear(&err);
    json_t *value = api_body_read(shape->name, (text){(const char *)data + 1, size - 1}, &err);
    if (!value) {
        if (!err.what[0])
            abort();
        return 0;
    }
    text rest = text_of(shape->fields);
    for (struct shape_field f; shape_field_next(&rest, &f);) {
        char name[64];
        text_copy(f.name, name, sizeof(name));
        json_t *field = json_object_get(value, name);
        bool there = field && !json_is_null(field);
        if (!f.optional && !there && !text_is(f.type, "json"))
            abort();
        if (there && f.list && !json_is_array(field))
            abort();
        if (there && !f.list && text_is(f.type, "text") && !json_is_string(field))
            abort();
        if (there && !f.list && text_is(f.type, "int") && !json_is_integer(field))
            abort();
    }
    char *written = json_dumps(value, JSON_COMPACT);
    json_t *again = api_body_read(shape->name, text_of(written), &err);
    if (!again || !json_equal(value, again))
        abort();
    free(written);
    json_decref(value);
    json_decref(again);
    return 0;
}
