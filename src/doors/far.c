#include "doors/far.h"

#include "wire/address.h"
#include "wire/way.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

enum { ARENA_BYTES = 256 << 20 };

static bool asked(struct client *c, const char *method, const char *path, json_t *body,
                  struct arena *a, json_t **answer, struct error *err)
{
    char *written = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct call call = {.method = method,
                        .path = path,
                        .body = text_of(written),
                        .answer_limit = ARENA_BYTES / 2,
                        .repeatable = strcmp(method, "GET") == 0};
    struct reply reply;
    bool ok = client_call(c, &call, a, &reply, err);
    free(written);
    json_decref(body);
    if (answer)
        *answer = NULL;
    if (!ok || !answer)
        return ok;
    *answer = json_loadb(reply.body.at, reply.body.size, 0, NULL);
    return *answer || error_set(err, ERROR_DAMAGED, "the house's answer can not be read");
}

static const char *word(const json_t *j, const char *name)
{
    const char *value = json_string_value(json_object_get(j, name));
    return value ? value : "";
}

static bool may(const json_t *j, const char *what)
{
    json_t *list = json_object_get(j, "permissions");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));
        if (one && strcmp(one, what) == 0)
            return true;
    }
    return false;
}

static void node_read(const json_t *j, struct arena *a, struct far_node *n)
{
    *n = (struct far_node){.folder = strcmp(word(j, "kind"), "file") != 0,
                           .kept = json_is_true(json_object_get(j, "kept")),
                           .may_upload = may(j, "upload"),
                           .may_download = may(j, "download"),
                           .may_edit = may(j, "edit"),
                           .name = arena_text(a, word(j, "name")),
                           .path = arena_text(a, word(j, "path")),
                           .size = json_integer_value(json_object_get(j, "size")),
                           .modified_ms = json_integer_value(json_object_get(j, "modified_ms")),
                           .number = json_integer_value(json_object_get(j, "number"))};
    text_copy(text_of(word(j, "content")), n->content, sizeof(n->content));
    text_copy(text_of(word(j, "version")), n->version, sizeof(n->version));
    if (json_is_true(json_object_get(j, "growing")))
        text_copy(text_of(word(j, "id")), n->growing, sizeof(n->growing));
}

static const char *with_path(struct arena *a, const char *address, const char *path)
{
    return arena_format(a, "/api/v1/tree%s?growing=yes&path=%s", address,
                        address_encode(a, text_of(path)));
}

bool far_find(struct client *c, const char *path, struct arena *a, struct far_node *node,
              struct error *err)
{
    json_t *j;
    if (!asked(c, "GET", with_path(a, "", path), NULL, a, &j, err))
        return false;
    node_read(j, a, node);
    json_decref(j);
    return true;
}

bool far_list(struct client *c, const char *path, struct arena *a, struct far_node **list,
              size_t *count, struct error *err)
{
    json_t *j;
    *count = 0;
    if (!asked(c, "GET", with_path(a, "/list", path), NULL, a, &j, err))
        return false;
    *count = json_array_size(j);
    *list = ARENA_ARRAY(a, struct far_node, *count + 1);
    for (size_t i = 0; i < *count; i++)
        node_read(json_array_get(j, i), a, &(*list)[i]);
    json_decref(j);
    return true;
}

bool far_read(struct client *c, const struct far_node *file, int64_t offset, void *to, size_t size,
              struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    struct way_piece piece = {.client = c, .offset = offset};
    if (file->growing[0])
        piece.path = arena_format(a, "/api/v1/files/%s/bytes", file->growing);
    else if (file->version[0])
        way_piece_of(&piece, file->version, file->number, 0);
    else
        piece.path =
            arena_format(a, "%s&content=%s", with_path(a, "/bytes", file->path), file->content);
    bool ok = !size || way_piece_get(&piece, to, size, err);
    arena_close(a);
    return ok || error_while(err, "%.200s", file->path);
}

bool far_grown(struct client *c, struct far_node *file, struct error *err)
{
    struct arena *a = arena_open(8 << 20);
    json_t *j;
    // No chunk has so high a number: only what became of it is asked.
    bool ok =
        asked(c, "GET", arena_format(a, "/api/v1/files/%s/came?from=%d", file->growing, 1 << 30),
              NULL, a, &j, err);
    if (ok) {
        file->size = json_integer_value(json_object_get(j, "size"));
        file->modified_ms = json_integer_value(json_object_get(j, "modified_ms"));
    }
    if (ok && strcmp(word(j, "state"), "stored") == 0) {
        text_copy(text_of(word(j, "content")), file->content, sizeof(file->content));
        text_copy(text_of(word(j, "version")), file->version, sizeof(file->version));
        file->number = json_integer_value(json_object_get(j, "number"));
        file->growing[0] = 0;
    }
    json_decref(j);
    arena_close(a);
    return ok;
}

// ---- changing

static bool tell(struct client *c, const char *path, json_t *body, struct far_write *w,
                 struct error *err)
{
    struct arena *a = arena_open(ARENA_BYTES);
    json_t *answer = NULL;
    bool ok = asked(c, "POST", path, body, a, w ? &answer : NULL, err);
    if (ok && w) {
        text_copy(text_of(word(answer, "id")), w->id, sizeof(w->id));
        w->offset = json_integer_value(json_object_get(answer, "offset"));
    }
    json_decref(answer);
    arena_close(a);
    return ok;
}

bool far_folder_make(struct client *c, const char *path, struct error *err)
{
    return tell(c, "/api/v1/tree/folder", json_pack("{s:s}", "path", path), NULL, err);
}

bool far_delete(struct client *c, const char *path, struct error *err)
{
    return tell(c, "/api/v1/tree/delete", json_pack("{s:s}", "path", path), NULL, err);
}

bool far_move(struct client *c, const char *from, const char *to, bool overwrite, struct error *err)
{
    return tell(c, "/api/v1/tree/move",
                json_pack("{s:s, s:s, s:b}", "from", from, "to", to, "overwrite", overwrite), NULL,
                err);
}

bool far_write_begin(struct client *c, const char *path, int64_t size, bool fresh,
                     struct far_write *w, struct error *err)
{
    return tell(
        c, "/api/v1/tree/write",
        json_pack("{s:s, s:I, s:b}", "path", path, "size", (json_int_t)size, "fresh", fresh), w,
        err);
}

bool far_write_at(struct client *c, const char *path, struct far_write *w, struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    json_t *j = NULL;
    bool ok = asked(c, "GET", with_path(a, "/write", path), NULL, a, &j, err);
    if (ok) {
        text_copy(text_of(word(j, "id")), w->id, sizeof(w->id));
        w->offset = json_integer_value(json_object_get(j, "offset"));
    }
    json_decref(j);
    arena_close(a);
    return ok;
}

bool far_write_bytes(struct client *c, struct far_write *w, const void *at, size_t size,
                     struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    struct reply reply;
    struct call call = {
        .method = "PUT",
        .path = arena_format(a, "/api/v1/tree/write/bytes?id=%s&offset=%" PRId64, w->id, w->offset),
        .content_type = "application/octet-stream",
        .body = {at, size}};
    bool ok = client_call(c, &call, a, &reply, err);
    if (ok)
        w->offset += (int64_t)size;
    arena_close(a);
    return ok;
}

bool far_write_finish(struct client *c, const struct far_write *w, int64_t modified_ms,
                      struct error *err)
{
    return tell(c, "/api/v1/tree/write/finish",
                json_pack("{s:s, s:I, s:I}", "id", w->id, "size", (json_int_t)w->offset,
                          "modified_ms", (json_int_t)modified_ms),
                NULL, err);
}

bool far_write_drop(struct client *c, const struct far_write *w, struct error *err)
{
    return tell(c, "/api/v1/tree/write/drop", json_pack("{s:s}", "id", w->id), NULL, err);
}

bool far_touch(struct client *c, const char *path, int64_t modified_ms, struct error *err)
{
    return tell(c, "/api/v1/tree/touch",
                json_pack("{s:s, s:I}", "path", path, "modified_ms", (json_int_t)modified_ms), NULL,
                err);
}
