// Renderers that the house knows (data/renderers), with their job templates: what submitters fill in.
#include "api/inside.h"
#include "plat/files.h"

#include <limits.h>
#include <string.h>

enum { FILE_MOST = 1 << 20, LIST_MOST = 1000 };

struct listing {
    const char *folder;
    json_t *list;
};

static bool read_one(const char *path, struct buf *to, struct error *err)
{
    to->size = 0;
    return file_read(path, to, err);
}

// A file that can not be read is left out of a list: one bad file does not take the others with it.
static json_t *renderer_of(const char *folder, const char *path, struct error *err)
{
    struct buf b = BUF_LIMIT(FILE_MOST);
    char at[PATH_MAX];
    json_t *made = NULL, *r = read_one(path, &b, err) ? json_loads(b.at, 0, NULL) : NULL;
    const char *template = json_string_value(json_object_get(r, "template"));
    if (template && !strchr(template, '/') && path_join(at, sizeof(at), folder, template) &&
        read_one(at, &b, err))
        made = json_pack("{s:O?, s:O?, s:O?, s:O?, s:s, s:s}", "name", json_object_get(r, "name"),
                         "title", json_object_get(r, "title"), "extensions",
                         json_object_get(r, "extensions"), "verified",
                         json_object_get(r, "verified"), "needs",
                         json_string_value(json_object_get(r, "needs")) ? "windows" : "linux",
                         "template", b.at);
    json_decref(r);
    buf_free(&b);
    return made;
}

static bool seen(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct listing *l = context;
    size_t size = strlen(f->relative);
    (void)enter;
    bool wanted = f->kind == FILE_PLAIN && size > 5 && strcmp(f->relative + size - 5, ".json") == 0 &&
                  !strchr(f->relative, '/') && json_array_size(l->list) < LIST_MOST;
    json_t *r = wanted ? renderer_of(l->folder, f->path, err) : NULL;
    if (r)
        json_array_append_new(l->list, r);
    return true;
}

static bool renderers_get(struct call *c, struct error *err)
{
    struct listing l = {.folder = c->api->wish.renderers_folder};
    if (!l.folder)
        return error_set(err, ERROR_NOT_FOUND, "this house knows no renderers");
    l.list = json_array();
    if (!folder_walk(l.folder, &(struct walk_wish){.seen = seen, .context = &l, .depth = 1}, err)) {
        json_decref(l.list);
        return false;
    }
    call_json(c, l.list);
    return true;
}

const struct route renderer_routes[] = {
    {"GET", "/renderers", NEED_PERSON, renderers_get, NULL, "Renderer[]", 0,
     "renderers that the house knows, with their job templates", NULL},
};
const size_t renderer_route_count = sizeof(renderer_routes) / sizeof(renderer_routes[0]);
