// Files in a buffer that are taken apart and changed: what an edit makes can be taken apart and
// changed again, says what it was told, and holds the same essence.
#pragma once
#include "formats/metadata/places.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

struct bytes {
    const uint8_t *at;
    size_t size;
};

static inline bool bytes_read(void *context, int64_t offset, void *to, size_t size, size_t *got,
                              struct error *err)
{
    const struct bytes *b = context;
    size_t left = offset < (int64_t)b->size ? b->size - (size_t)offset : 0;
    (void)err;
    *got = size < left ? size : left;
    if (*got)
        memcpy(to, b->at + offset, *got);
    return true;
}

static inline struct bytes bytes_made(struct arena *a, const struct bytes *old,
                                      const struct place_edit *edit)
{
    size_t size = 0;
    for (size_t i = 0; i < edit->count; i++)
        size += (size_t)edit->parts[i].size;
    uint8_t *to = arena_take(a, size + 1);
    struct bytes made = {to, size};
    for (size_t i = 0; i < edit->count; i++) {
        const struct place_part *p = &edit->parts[i];
        if (!p->bytes && (p->from < 0 || p->from + p->size > (int64_t)old->size))
            abort();
        memcpy(to, p->bytes ? p->bytes : old->at + p->from, (size_t)p->size);
        to += p->size;
    }
    return made;
}

static inline bool says(const json_t *pairs, const char *at, const char *value)
{
    size_t i;
    const json_t *one;
    json_array_foreach(pairs, i, one)
    {
        if (!strcmp(json_string_value(json_object_get(one, "at")), at) &&
            !strcmp(json_string_value(json_object_get(one, "value")), value))
            return true;
    }
    return false;
}
