/*
 * The house as folders and files (house/tree), for doors that are programs of their own: SFTP, a
 * mount. Things are named by paths ("/Film/Day 1/a.mov") in the query or the body. WebDAV goes its
 * own way (dav/).
 */
#include "api/inside.h"
#include "dav/dav.h"
#include "house/tree/tree.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_ARENA = 1 << 30 };

static struct tree *room(struct call *c)
{
    return c->api->wish.rooms.tree;
}

static struct tree_asker asker(struct call *c)
{
    const char *growing = call_query(c, "growing");
    return (struct tree_asker){&c->who, c->address, growing && strcmp(growing, "yes") == 0};
}

static json_t *node_json(const struct tree_node *n)
{
    static const char *const kinds[] = {[TREE_TOP] = "top",
                                        [TREE_PROJECT] = "project",
                                        [TREE_FOLDER] = "folder",
                                        [TREE_FILE] = "file"};
    json_t *may = json_array();
    for (int i = 0; i < PERMISSION_COUNT; i++)
        if (n->may & 1u << i)
            json_array_append_new(may, json_string(permission_names[i]));
    bool file = n->kind == TREE_FILE, grows = file && n->origin == TREE_GROWING;
    return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:I, s:b, s:b, s:o}", "kind",
                     kinds[n->kind], "id", json_text(n->id), "name", json_text(n->name), "path", json_text(n->path), "size",
                     (json_int_t)n->size, "modified_ms", (json_int_t)n->modified_ms, "created_ms",
                     (json_int_t)n->created_ms, "content",
                     file && !grows ? json_string(sha256_text(&n->content).text) : json_null(),
                     "version", json_text(n->version), "number", (json_int_t)n->number, "kept",
                     file && !grows && n->origin >= TREE_WAITING, "growing", grows, "permissions",
                     may);
}

static bool path_of(struct call *c, const char *given, const char **path, struct error *err)
{
    return tree_path(text_of(given ? given : "/"), c->arena, path, err);
}

// *content NULL when it is not given.
static bool content_of(const json_t *in, const char *name, sha256 *room, const sha256 **content,
                       struct error *err)
{
    const char *given = json_string_value(json_object_get(in, name));
    *content = given ? room : NULL;
    return !given || sha256_parse(text_of(given), room) ||
           error_set(err, ERROR_INPUT, "%s is no SHA-256 in hex", name);
}

static bool find(struct call *c, struct tree_node *node, struct error *err)
{
    struct tree_asker by = asker(c);
    const char *path;
    return path_of(c, call_query(c, "path"), &path, err) &&
           tree_find(room(c), &by, path, c->arena, node, err);
}

static bool node_get(struct call *c, struct error *err)
{
    struct tree_node node;
    if (!find(c, &node, err))
        return false;
    call_json(c, node_json(&node));
    return true;
}

static bool list_get(struct call *c, struct error *err)
{
    struct tree_asker by = asker(c);
    struct tree_node node, *list;
    size_t count;
    if (!find(c, &node, err))
        return false;
    struct arena *a = arena_open(LIST_ARENA);
    bool ok = tree_list(room(c), &by, &node, a, &list, &count, err);
    json_t *all = json_array();
    for (size_t i = 0; ok && i < count; i++)
        json_array_append_new(all, node_json(&list[i]));
    arena_close(a);
    if (ok)
        call_json(c, all);
    else
        json_decref(all);
    return ok;
}

struct opened {
    struct store *store;
    const struct store_map *map;
};

static void opened_close(void *context)
{
    struct opened *o = context;
    store_map_close(o->store, o->map);
    free(o);
}

static bool bytes_get(struct call *c, struct error *err)
{
    struct tree_node node;
    const struct store_map *map;
    const char *content = call_query(c, "content");
    if (!find(c, &node, err))
        return false;
    if (content && strcmp(content, sha256_text(&node.content).text) != 0) {
        error_set(err, ERROR_CONFLICT, "%.200s is another file by now", node.path);
        return error_fix(err, "open it again");
    }
    if (!tree_read(room(c), &node, &map, err))
        return false;
    struct opened *o = malloc(sizeof(*o));
    if (!o)
        abort();
    *o = (struct opened){tree_store(room(c)), map};
    struct file_run *runs = ARENA_ARRAY(c->arena, struct file_run, map->count + 1);
    for (size_t i = 0; i < map->count; i++)
        runs[i] = (struct file_run){map->runs[i].fd, map->runs[i].offset, map->runs[i].length};
    call_meter(c, &(struct meter){.kind = "download",
                                  .key = arena_format(c->arena, "tree out %s %.40s", c->who.session,
                                                      sha256_text(&node.content).text),
                                  .title = node.name,
                                  .subject = node.id,
                                  .project = node.project,
                                  .total_bytes = map->size,
                                  .priority = 50});
    call_files(c,
               &(struct file_answer){
                   .runs = runs,
                   .count = map->count,
                   .type = "application/octet-stream",
                   .etag = arena_format(c->arena, "\"%s\"", sha256_text(&node.content).text),
                   .release = opened_close,
                   .context = o},
               node.name);
    return true;
}

// ---- WebDAV, which has calls of its own

void api_dav_moves(void *context, struct request *r, const struct dav_move *m)
{
    request_metered(
        context, r,
        &(struct meter){.kind = m->in ? "upload" : "download",
                        .key = arena_format(r->arena, "dav %s %s %s", m->in ? "in" : "out",
                                            m->who->session, m->id),
                        .title = m->name,
                        .who = m->who->name,
                        .subject = m->id,
                        .project = m->project,
                        .person = m->who->person,
                        .total_bytes = m->size,
                        .priority = 50},
        m->in);
}

// ---- changing

static bool folder_post(struct call *c, struct error *err)
{
    struct tree_asker by = asker(c);
    const char *path;
    struct tree_node made;
    if (!path_of(c, body_text(c, "path"), &path, err) ||
        !tree_folder_make(room(c), &by, path, err) ||
        !tree_find(room(c), &by, path, c->arena, &made, err))
        return false;
    call_status(c, 201);
    call_json(c, node_json(&made));
    return true;
}

static bool move_post(struct call *c, struct error *err)
{
    struct tree_asker by = asker(c);
    struct tree_move m = {.overwrite = body_bool(c, "overwrite", false),
                          .copy = body_bool(c, "copy", false)};
    struct tree_node made;
    bool there;
    sha256 content;
    if (!content_of(c->body, "content", &content, &m.content, err) ||
        !path_of(c, body_text(c, "from"), &m.from, err) ||
        !path_of(c, body_text(c, "to"), &m.to, err) || !tree_move(room(c), &by, &m, &there, err) ||
        !tree_find(room(c), &by, m.to, c->arena, &made, err))
        return false;
    call_json(c, node_json(&made));
    return true;
}

static bool touch_post(struct call *c, struct error *err)
{
    struct tree_asker by = asker(c);
    const char *path;
    return path_of(c, body_text(c, "path"), &path, err) &&
           tree_touch(room(c), &by, path, body_int(c, "modified_ms", 0), err);
}

static bool delete_post(struct call *c, struct error *err)
{
    struct tree_asker by = asker(c);
    const char *path;
    const sha256 *content;
    sha256 given;
    if (!content_of(c->body, "content", &given, &content, err) ||
        !path_of(c, body_text(c, "path"), &path, err))
        return false;
    return content || body_bool(c, "empty", false)
               ? tree_delete_exactly(room(c), &by, path, content, err)
               : tree_delete(room(c), &by, path, err);
}

// ---- what a sync folder has sent

static json_t *placed_json(const struct tree_placed *p)
{
    if (p->refused.kind == ERROR_NONE)
        return json_pack("{s:o, s:n}", "node", node_json(&p->node), "refused");
    return json_pack("{s:n, s:{s:s, s:s, s:s, s:s}}", "node", "refused", "kind",
                     error_facts(p->refused.kind)->name, "what", p->refused.what, "why",
                     p->refused.why, "fix", p->refused.fix);
}

static bool place_post(struct call *c, struct error *err)
{
    struct tree_asker by = asker(c);
    json_t *files = json_object_get(c->body, "files"), *one, *all = json_array();
    size_t i, count = json_array_size(files);
    struct arena *a = arena_open(LIST_ARENA);
    struct tree_place *list = ARENA_ARRAY(a, struct tree_place, count + 1);
    struct tree_placed *out = ARENA_ARRAY(a, struct tree_placed, count + 1);
    bool ok = true;
    json_array_foreach(files, i, one)
    {
        const sha256 *instead = NULL;
        const char *as = json_string_value(json_object_get(one, "as"));
        list[i].as = as ? as : "";
        ok = ok &&
             path_of(c, json_string_value(json_object_get(one, "path")), &list[i].path, err) &&
             content_of(one, "instead", &list[i].instead, &instead, err);
        list[i].fresh = instead == NULL;
    }
    ok = ok &&
         tree_place_all(room(c), &by, body_text(c, "transfer"), list, count, a, out, err);
    for (i = 0; ok && i < count; i++)
        json_array_append_new(all, placed_json(&out[i]));
    if (ok)
        call_json(c, all);
    else
        json_decref(all);
    arena_close(a);
    return ok;
}

// ---- writing

static void answer_write(struct call *c, const struct tree_write *w)
{
    call_json(c, json_pack("{s:s, s:I}", "id", w->id, "offset", (json_int_t)w->offset));
}

static bool write_post(struct call *c, struct error *err)
{
    struct tree_asker by = asker(c);
    struct tree_write w;
    struct tree_write_wish wish = {.size = body_int(c, "size", -1),
                                   .modified_ms = body_int(c, "modified_ms", 0),
                                   .fresh = body_bool(c, "fresh", false)};
    if (wish.size < -1)
        return error_set(err, ERROR_INPUT, "a file's size can not be below 0");
    if (!path_of(c, body_text(c, "path"), &wish.path, err) ||
        !tree_write_begin(room(c), &by, &wish, &w, err))
        return false;
    call_status(c, 201);
    answer_write(c, &w);
    return true;
}

static bool write_get(struct call *c, struct error *err)
{
    struct tree_asker by = asker(c);
    struct tree_write w;
    const char *path;
    if (!path_of(c, call_query(c, "path"), &path, err) ||
        !tree_write_at(room(c), &by, path, &w, err))
        return false;
    answer_write(c, &w);
    return true;
}

static bool bytes_begin(struct call *c, struct error *err)
{
    struct tree_asker by = asker(c);
    struct tree_write *w = c->own = ARENA_NEW(c->arena, struct tree_write);
    const char *id = call_query(c, "id"), *at = call_query(c, "offset");
    int64_t offset;
    if (!id || !at || !text_int(text_of(at), &offset))
        return error_set(err, ERROR_INPUT, "id and offset of the file on its way are missing");
    if (!tree_write_find(room(c), &by, id, w, err))
        return false;
    if (w->offset == offset) {
        request_metered(c->api, c->request,
                        &(struct meter){.kind = "upload",
                                        .key = arena_format(c->arena, "tree in %s", w->id),
                                        .title = "by a door",
                                        .who = c->who.name,
                                        .subject = w->id,
                                        .project = w->project,
                                        .person = c->who.person,
                                        .total_bytes = -1,
                                        .priority = 50},
                        true);
        return true;
    }
    error_set(err, ERROR_CONFLICT, "these bytes do not follow what is there");
    error_why(err, "they begin at %lld, the file stands at %lld", (long long)offset,
              (long long)w->offset);
    return error_fix(err, "ask where it stands, and go on from there");
}

static bool bytes_piece(struct call *c, const void *at, size_t size, struct error *err)
{
    struct tree_write *w = c->own;
    if (!tree_write_append(room(c), w->id, w->offset, at, size, err))
        return false;
    w->offset += (int64_t)size;
    w->there = true; // not yet durable
    return true;
}

static bool bytes_put(struct call *c, struct error *err)
{
    struct tree_write *w = c->own;
    w->there = false;
    if (!tree_write_sync(room(c), w->id, &w->offset, err))
        return false;
    answer_write(c, w);
    return true;
}

static void bytes_done(struct call *c)
{
    struct tree_write *w = c->own;
    struct error none;
    if (w && w->id[0] && w->there) // the line was cut: what came is kept
        (void)!tree_write_sync(room(c), w->id, &w->offset, &none);
}

static bool finish_post(struct call *c, struct error *err)
{
    struct tree_asker by = asker(c);
    struct tree_write w;
    return tree_write_find(room(c), &by, body_text(c, "id"), &w, err) &&
           tree_write_finish(room(c), &by, w.id, body_int(c, "size", -1),
                             body_int(c, "modified_ms", 0), err);
}

static bool drop_post(struct call *c, struct error *err)
{
    struct tree_asker by = asker(c);
    struct tree_write w;
    return tree_write_find(room(c), &by, body_text(c, "id"), &w, err) &&
           tree_write_drop(room(c), w.id, err);
}

static const struct stream_calls bytes_stream = {
    .begin = bytes_begin, .piece = bytes_piece, .done = bytes_done};

const struct route tree_routes[] = {
    {"GET", "/tree", NEED_PERSON, node_get, NULL, "TreeNode", 0,
     "what is at ?path= (/ is the top, projects lie in it); ?growing=yes: recordings that still come "
     "in, too",
     NULL},
    {"GET", "/tree/list", NEED_PERSON, list_get, NULL, "TreeNode[]", 0,
     "what lies in the folder at ?path=; ?growing=yes: recordings that still come in, too", NULL},
    {"GET", "/tree/bytes", NEED_PERSON, bytes_get, NULL, "bytes", 0,
     "the file at ?path=; ranges; 409 when ?content= is given and it is another one by now", NULL},
    {"POST", "/tree/folder", NEED_PERSON, folder_post, "TreePath", "TreeNode", 0, "makes a folder",
     NULL},
    {"POST", "/tree/move", NEED_PERSON, move_post, "TreeMove", "TreeNode", 0,
     "renames, moves or copies; over a file it makes a further version of it; 409 when content is "
     "given and it is another file by now",
     NULL},
    {"POST", "/tree/place", NEED_PERSON, place_post, "TreePlace", "TreePlaced[]", 0,
     "gives names to files that a transfer of origin sync has brought, each only when what it "
     "replaces is still there; at most 500",
     NULL},
    {"POST", "/tree/touch", NEED_PERSON, touch_post, "TreeTouch", NULL, 0,
     "sets when a file was last modified", NULL},
    {"POST", "/tree/delete", NEED_PERSON, delete_post, "TreeDelete", NULL, 0,
     "deletes a file, or a folder with all that is in it; 409 when content is given and it is "
     "another file, or empty and it is no empty folder",
     NULL},
    {"GET", "/tree/write", NEED_PERSON, write_get, NULL, "TreeWrite", 0,
     "how far the file at ?path= has come that you are sending", NULL},
    {"POST", "/tree/write", NEED_PERSON, write_post, "NewTreeWrite", "TreeWrite", 0,
     "begins a file, or goes on with it", NULL},
    {"PUT", "/tree/write/bytes", NEED_PERSON, bytes_put, NULL, "TreeWrite", ROUTE_STREAM,
     "the next bytes of ?id= at ?offset=; durable when answered", &bytes_stream},
    {"POST", "/tree/write/finish", NEED_PERSON, finish_post, "TreeWriteEnd", NULL, 0,
     "all bytes are there: from here on it is a file", NULL},
    {"POST", "/tree/write/drop", NEED_PERSON, drop_post, "TreeWriteEnd", NULL, 0,
     "throws away what came", NULL},
};
const size_t tree_route_count = sizeof(tree_routes) / sizeof(tree_routes[0]);
