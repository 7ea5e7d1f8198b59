// Bodies and headers of WebDAV: any bytes are read or refused. What a client had remembered stands
// for itself: put into a document again it is read as the same.
#include "base/arena.h"
#include "dav/dav.h"

#include <stdlib.h>
#include <string.h>

static void again(const struct tree_property *p, struct arena *a)
{
    struct tree_property *list;
    size_t count;
    struct error err;
    const char *body = arena_format(
        a,
        "<d:propertyupdate xmlns:d=\"DAV:\"><d:set><d:prop><x:%s xmlns:x=\"urn:x\">%s</x:%s>"
        "</d:prop></d:set></d:propertyupdate>",
        p->name, p->value, p->name);
    if (!dav_proppatch_read(text_of(body), a, &list, &count, &err)) {
        if (err.kind != ERROR_TOO_BIG) // written out it may have grown over the limit
            abort();
    } else if (count != 1 || strcmp(list[0].value, p->value) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open((size_t)1 << 30);
    struct error err;
    struct dav_propfind find;
    struct dav_lockinfo lock;
    struct dav_if header;
    struct tree_property *list;
    size_t count;
    const char *path;
    text bytes = {(const char *)at, size};
    if (dav_propfind_read(bytes, a, &find, &err) && find.count > DAV_NAMES_MOST)
        abort();
    if (dav_lockinfo_read(bytes, a, &lock, &err) && !lock.owner)
        abort();
    if (dav_if_read(bytes, a, &header, &err))
        for (size_t i = 0; i < header.count; i++)
            for (size_t k = 0; k < header.lists[i].count; k++)
                if (!header.lists[i].conditions[k].token == !header.lists[i].conditions[k].etag)
                    abort();
    if (dav_proppatch_read(bytes, a, &list, &count, &err))
        for (size_t i = 0; i < count; i++)
            if (list[i].value)
                again(&list[i], a);
    // A path that is fine stays as it is.
    if (tree_path(bytes, a, &path, &err)) {
        const char *same;
        if (!tree_path(text_of(path), a, &same, &err) || strcmp(path, same) != 0 || *path != '/' ||
            strstr(path, "/../") || strstr(path, "//"))
            abort();
    }
    arena_close(a);
    return 0;
}
