#include "cmd/sync_house.h"

#include "house/tree/tree.h"
#include "plat/clock.h"
#include "wire/address.h"
#include "wire/socket_client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_FIRST_MS = 500, AGAIN_MOST_MS = 10000, HEAR_MS = 500 };

// ---- news

struct sync_events {
    struct sync_events_wish wish;
    pthread_t thread;
    pthread_mutex_t lock; // guards the rest
    bool stopped;
    struct socket_client *line; // while there is one
    struct sync_news news;
};

static void note(char list[SYNC_NEWS_MOST][27], int *count, const char *id, bool *all)
{
    for (int i = 0; i < *count; i++)
        if (strcmp(list[i], id) == 0)
            return;
    if (*count == SYNC_NEWS_MOST)
        *all = true;
    else
        text_copy(text_of(id), list[(*count)++], 27);
}

static void note_turned(struct sync_news *n, const char *folder, const char *above)
{
    for (int i = 0; i < n->turned_count; i++)
        if (strcmp(n->turned[i].folder, folder) == 0 && strcmp(n->turned[i].above, above) == 0)
            return;
    if (n->turned_count == SYNC_NEWS_MOST) {
        n->all = true;
        return;
    }
    struct sync_turned *t = &n->turned[n->turned_count++];
    text_copy(text_of(folder), t->folder, sizeof(t->folder));
    text_copy(text_of(above), t->above, sizeof(t->above));
}

static void event(struct sync_news *n, const json_t *j)
{
    const char *kind = json_word(j, "kind"), *subject = json_word(j, "subject");
    const json_t *body = json_object_get(j, "body");
    const char *asset = json_word(body, "asset");
    bool of_asset = strncmp(kind, "asset.", 6) == 0;
    n->number = json_count(j, "number");
    if (of_asset || strcmp(kind, "version.stored") == 0)
        note(n->assets, &n->asset_count, of_asset ? subject : asset, &n->all);
    else if (strcmp(kind, "project.changed") == 0)
        n->root = true;
    else if (strcmp(kind, "tree.changed") == 0)
        note(n->folders, &n->folder_count, subject, &n->all);
    else if (strcmp(kind, "folder.changed") == 0 && json_is_string(json_object_get(body, "parent")))
        note_turned(n, subject, json_word(body, "parent"));
    else if (strcmp(kind, "folder.changed") == 0) // an older house does not say where
        n->all = true;
}

static void hear(struct sync_events *e, text message)
{
    json_t *j = json_loadb(message.at, message.size, 0, NULL);
    pthread_mutex_lock(&e->lock);
    struct sync_news *n = &e->news;
    if (json_object_get(j, "now")) {
        n->live = true;
        n->number = json_count(j, "now");
    } else if (json_object_get(j, "reset")) {
        n->all = true;
        n->back |= json_count(j, "reset") < n->number;
        n->number = json_count(j, "reset");
    } else if (json_object_get(j, "kind")) {
        event(n, j);
    }
    pthread_mutex_unlock(&e->lock);
    json_decref(j);
}

static bool is_stopped(struct sync_events *e)
{
    pthread_mutex_lock(&e->lock);
    bool stopped = e->stopped;
    pthread_mutex_unlock(&e->lock);
    return stopped;
}

static void line_is(struct sync_events *e, struct socket_client *s)
{
    pthread_mutex_lock(&e->lock);
    e->line = s;
    e->news.live = false;
    pthread_mutex_unlock(&e->lock);
}

static bool subscribe(struct sync_events *e, struct socket_client *s, struct error *err)
{
    pthread_mutex_lock(&e->lock);
    int64_t after = e->news.number;
    pthread_mutex_unlock(&e->lock);
    json_t *wish = json_pack("{s:{s:s}}", "subscribe", "project", e->wish.project);
    if (after)
        json_object_set_new(json_object_get(wish, "subscribe"), "after", json_integer(after));
    char *written = json_dumps(wish, JSON_COMPACT);
    bool ok = written && socket_client_send(s, written, strlen(written), err);
    free(written);
    json_decref(wish);
    return ok;
}

// One line, until it breaks. True: it has told something.
static bool listen_to(struct sync_events *e)
{
    struct error err;
    struct arena *a = arena_open(1 << 16);
    text message;
    bool heard = false;
    struct socket_client_wish wish = {.url = arena_format(a, "%s/api/v1/events", e->wish.url),
                                      .bearer = e->wish.token,
                                      .fingerprint = e->wish.fingerprint};
    struct socket_client *s = socket_client_open(&wish, &err);
    line_is(e, s);
    bool ok = s && subscribe(e, s, &err);
    while (ok && !is_stopped(e)) {
        if (socket_client_receive(s, HEAR_MS, &message, &err)) {
            hear(e, message);
            heard = true;
        } else {
            ok = err.kind == ERROR_TIMEOUT;
        }
    }
    line_is(e, NULL);
    socket_client_close(s);
    arena_close(a);
    return heard;
}

static void *events_thread(void *context)
{
    struct sync_events *e = context;
    int64_t again_ms = AGAIN_FIRST_MS;
    while (!is_stopped(e)) {
        again_ms = listen_to(e) ? AGAIN_FIRST_MS : again_ms * 2;
        again_ms = again_ms < AGAIN_MOST_MS ? again_ms : AGAIN_MOST_MS;
        for (int64_t ms = 0; ms < again_ms && !is_stopped(e); ms += 100)
            clock_sleep_ms(100);
    }
    return NULL;
}

struct sync_events *sync_events_open(const struct sync_events_wish *wish)
{
    struct sync_events *e = calloc(1, sizeof(*e));
    if (!e)
        abort();
    e->wish = *wish;
    e->news.number = wish->after;
    e->news.all = !wish->after;
    pthread_mutex_init(&e->lock, NULL);
    if (pthread_create(&e->thread, NULL, events_thread, e) != 0)
        abort();
    return e;
}

void sync_events_close(struct sync_events *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->stopped = true;
    if (e->line)
        socket_client_interrupt(e->line);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

bool sync_events_live(struct sync_events *e)
{
    pthread_mutex_lock(&e->lock);
    bool live = e->news.live;
    pthread_mutex_unlock(&e->lock);
    return live;
}

void sync_events_take(struct sync_events *e, struct sync_news *news)
{
    pthread_mutex_lock(&e->lock);
    *news = e->news;
    e->news.all = e->news.root = e->news.back = false;
    e->news.asset_count = e->news.folder_count = e->news.turned_count = 0;
    pthread_mutex_unlock(&e->lock);
}

// ---- looking

static const char *whole(const struct sync_root *root, struct arena *a, const char *path)
{
    return *path ? arena_format(a, "%s/%s", root->path, path) : root->path;
}

// False when the answer is not of a thing below the root.
static bool read_node(const struct sync_root *root, const json_t *j, struct arena *a,
                      struct sync_there *n)
{
    const char *path = json_word(j, "path");
    size_t size = strlen(root->path);
    if (strncmp(path, root->path, size) != 0 || path[size] != '/')
        return false;
    *n = (struct sync_there){.path = arena_text(a, path + size + 1),
                             .thing = arena_text(a, json_word(j, "id")),
                             .version = arena_text(a, json_word(j, "version")),
                             .folder = strcmp(json_word(j, "kind"), "file") != 0,
                             .number = json_count(j, "number"),
                             .size = json_count(j, "size"),
                             .modified_ms = json_count(j, "modified_ms")};
    return n->folder || sha256_parse(text_of(json_word(j, "content")), &n->content);
}

static bool strange(struct error *err)
{
    error_set(err, ERROR_NETWORK, "cannot understand the house's answer");
    return error_fix(err, "check that the house is of this version");
}

bool sync_house_list(const struct sync_root *root, const char *path, struct arena *a,
                     struct sync_there **list, size_t *count, struct error *err)
{
    json_t *all = house_ask(root->client, "GET", NULL, err, "/tree/list?path=%s",
                            address_encode(a, text_of(whole(root, a, path)))),
           *one;
    size_t i;
    *count = 0;
    if (!all)
        return false;
    *list = ARENA_ARRAY(a, struct sync_there, json_array_size(all) + 1);
    bool ok = json_is_array(all);
    json_array_foreach(all, i, one)
    {
        struct sync_there *n = &(*list)[*count];
        ok = ok && read_node(root, one, a, n);
        if (ok && !tree_name_passing(sync_name_of(n->path)))
            (*count)++;
    }
    json_decref(all);
    return ok || strange(err);
}

bool sync_house_place_of(const struct sync_root *root, const char *asset, char folder[27],
                         bool *there, struct error *err)
{
    json_t *j = house_ask(root->client, "GET", NULL, err, "/assets/%s", asset);
    *there = j && !json_is_true(json_object_get(j, "deleted"));
    folder[0] = 0;
    if (j)
        text_copy(text_of(json_word(j, "folder")), folder, 27);
    json_decref(j);
    return j || err->kind == ERROR_NOT_FOUND;
}

// ---- changing

static bool tell(const struct sync_root *root, const char *address, json_t *body, struct arena *a,
                 struct sync_there *node, struct error *err)
{
    char *written = json_dumps(body, JSON_COMPACT);
    struct reply reply;
    struct call call = {.method = "POST",
                        .path = arena_format(a, "/api/v1/tree/%s", address),
                        .body = text_of(written),
                        .repeatable = true};
    bool ok = (written || strange(err)) && client_call(root->client, &call, a, &reply, err);
    free(written);
    json_decref(body);
    if (!ok || !node)
        return ok;
    json_t *j = json_loadb(reply.body.at, reply.body.size, 0, NULL);
    ok = read_node(root, j, a, node) || strange(err);
    json_decref(j);
    return ok;
}

bool sync_house_folder(const struct sync_root *root, const char *path, struct arena *a,
                       struct sync_there *made, struct error *err)
{
    const char *at = whole(root, a, path);
    if (tell(root, "folder", json_pack("{s:s}", "path", at), a, made, err))
        return true;
    if (err->kind != ERROR_CONFLICT)
        return false;
    struct error first = *err;
    json_t *j =
        house_ask(root->client, "GET", NULL, err, "/tree?path=%s", address_encode(a, text_of(at)));
    bool ok = j && read_node(root, j, a, made) && made->folder;
    json_decref(j);
    if (!ok)
        *err = first;
    return ok;
}

static json_t *exactly(json_t *body, const sha256 *content)
{
    if (content)
        json_object_set_new(body, "content", json_string(sha256_text(content).text));
    return body;
}

bool sync_house_move(const struct sync_root *root, const char *from, const char *to,
                     const sha256 *content, struct arena *a, struct sync_there *moved,
                     struct error *err)
{
    json_t *body = json_pack("{s:s, s:s, s:b}", "from", whole(root, a, from), "to",
                             whole(root, a, to), "overwrite", 0);
    return tell(root, "move", exactly(body, content), a, moved, err);
}

bool sync_house_delete(const struct sync_root *root, const char *path, const sha256 *content,
                       struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    json_t *body = json_pack("{s:s, s:b}", "path", whole(root, a, path), "empty", content == NULL);
    bool ok =
        tell(root, "delete", exactly(body, content), a, NULL, err) || err->kind == ERROR_NOT_FOUND;
    arena_close(a);
    return ok;
}

static bool read_placed(const struct sync_root *root, const json_t *j, struct arena *a,
                        struct sync_placing *p)
{
    const json_t *refused = json_object_get(j, "refused");
    p->placed = json_is_null(refused);
    if (p->placed)
        return read_node(root, json_object_get(j, "node"), a, &p->node);
    error_set(&p->refused, error_kind_named(json_word(refused, "kind")), "%s",
              json_word(refused, "what"));
    error_why(&p->refused, "%s", json_word(refused, "why"));
    error_fix(&p->refused, "%s", json_word(refused, "fix"));
    return true;
}

bool sync_house_place(const struct sync_root *root, const char *transfer, struct sync_placing *list,
                      size_t count, struct arena *a, struct error *err)
{
    json_t *files = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *one =
            json_pack("{s:s, s:s}", "path", whole(root, a, list[i].path), "as", list[i].as);
        if (list[i].instead)
            json_object_set_new(one, "instead", json_string(sha256_text(list[i].instead).text));
        json_array_append_new(files, one);
    }
    json_t *body = json_pack("{s:s, s:o}", "transfer", transfer, "files", files);
    json_t *all = house_ask(root->client, "POST", body, err, "/tree/place");
    json_decref(body);
    if (!all)
        return false;
    bool ok = json_array_size(all) == count;
    for (size_t i = 0; ok && i < count; i++)
        ok = read_placed(root, json_array_get(all, i), a, &list[i]);
    json_decref(all);
    return ok || strange(err);
}
