// Asking the other house, and how fast bytes may go.
#include "house/parcels/carry.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>

bool carry_ask(struct carry *c, struct call *call, struct arena *a, struct reply *reply,
               struct error *err)
{
    call->repeatable = true;
    return client_call(c->client, call, a, reply, err) || error_while(err, "%s", c->other.name);
}

json_t *carry_ask_json(struct carry *c, const json_t *body, struct error *err, const char *form,
                       ...)
{
    char path[600];
    struct reply reply;
    struct arena *a = arena_open((size_t)600 << 20);
    va_list list;
    size_t before = (size_t)snprintf(path, sizeof(path), "/api/v1");
    va_start(list, form);
    vsnprintf(path + before, sizeof(path) - before, form, list);
    va_end(list);
    char *written = body ? must(json_dumps(body, JSON_COMPACT)) : NULL;
    struct call call = {.path = path, .body = text_of(written), .answer_limit = PARCEL_BYTES};
    json_t *answer = NULL;
    if (carry_ask(c, &call, a, &reply, err)) {
        answer = json_loadb(reply.body.at, reply.body.size, JSON_DECODE_ANY, NULL);
        if (!answer)
            error_set(err, ERROR_NETWORK, "cannot understand the answer of %s", c->other.name);
    }
    free(written);
    arena_close(a);
    return answer;
}

// ---- how far it is, and how fast it may go

bool carry_still(void *context)
{
    struct carry *c = context;
    return c->w->moved(c->w->context, atomic_load(&c->done), c->total);
}

static bool room_in_turn(struct carry *c, size_t size, struct error *err)
{
    while (size) {
        int wait_ms = 0;
        size_t may = stream_take(c->stream, size, &wait_ms);
        size -= may;
        if (!may && (wait_ms < 0 || !carry_still(c)))
            return error_set(err, ERROR_CANCELLED, "it was stopped");
        if (!may)
            clock_sleep_ms(wait_ms > 200 ? 200 : wait_ms > 0 ? wait_ms : 1);
    }
    return true;
}

bool carry_room(struct carry *c, size_t size, struct error *err)
{
    if (!c->stream)
        return true;
    pthread_mutex_lock(&c->turn);
    bool ok = room_in_turn(c, size, err);
    pthread_mutex_unlock(&c->turn);
    return ok;
}

void carry_count(struct carry *c, int64_t bytes, bool moved)
{
    atomic_fetch_add(&c->done, bytes);
    if (moved)
        atomic_fetch_add(&c->moved, bytes);
    (void)carry_still(c);
}
