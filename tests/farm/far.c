#include "far.h"

#include "wire/way.h"

#include <stdio.h>
#include <stdlib.h>

struct far {
    struct client *client;
    struct way *way;
    _Atomic int64_t moving;
    char ask[64];
};

struct far *far_open(const char *url, const char *bearer, const char *worker, struct error *err)
{
    struct far *f = calloc(1, sizeof(*f));
    snprintf(f->ask, sizeof(f->ask), "{\"worker\":\"%s\"}", worker);
    f->client = client_open(&(struct client_wish){.url = url, .bearer = bearer}, err);
    json_t *said = f->client ? far_post(f, "/api/v1/work/bulk", f->ask, err) : NULL;
    if (!said) {
        far_close(f);
        return NULL;
    }
    json_decref(said); // that one is left alone; a way asks for its own
    f->way = way_open(&(struct way_wish){.kind = WAY_UDP,
                                         .client = f->client,
                                         .url = url,
                                         .path = "/work/bulk",
                                         .ask = text_of(f->ask),
                                         .moving = &f->moving});
    return f;
}

void far_close(struct far *f)
{
    way_close(f->way);
    client_close(f->client);
    free(f);
}

enum error_kind far_item(struct far *f, const char *words, const void *at, size_t size, void *to,
                         size_t bytes)
{
    struct error err;
    struct way_item item = {
        .words = text_of(words), .at = at, .size = size, .to = to, .to_size = bytes};
    error_clear(&err);
    return way_run(f->way, &item, &err) == WAY_DONE ? ERROR_NONE : err.kind;
}

json_t *far_post(struct far *f, const char *path, const char *body, struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    struct reply reply;
    struct call call = {.path = path, .body = text_of(body)};
    json_t *answer = client_call(f->client, &call, a, &reply, err)
                         ? json_loadb(reply.body.at, reply.body.size, 0, NULL)
                         : NULL;
    arena_close(a);
    return answer;
}
