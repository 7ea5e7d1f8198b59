// Calls that move many bytes, as streams of wire/traffic: who they are of, and
// what they count against.
#include "api/inside.h"

#include "house/transfer/line.h"
#include "house/transfer/transfer.h"

#include <stdio.h>

static const char *bucket(struct arena *a, const char *scope, const char *subject)
{
    return arena_format(a, "%s %s", scope, subject);
}

struct stream *meter_stream(struct api *api, struct arena *a, const struct meter *m, bool in)
{
    struct line *line = api->wish.rooms.line;
    if (!line)
        return NULL;
    struct stream_wish w = {.key = m->key,
                            .kind = m->kind,
                            .way = in ? TRAFFIC_IN : TRAFFIC_OUT,
                            .buckets = {"line"},
                            .title = m->title,
                            .who = m->who,
                            .project = m->project,
                            .subject = m->subject,
                            .via = m->via,
                            .total_bytes = m->total_bytes,
                            .priority = m->priority};
    size_t count = 1;
    if (m->project)
        w.buckets[count++] = bucket(a, "project", m->project);
    if (m->person)
        w.buckets[count++] = bucket(a, "person", m->person);
    if (m->share)
        w.buckets[count++] = bucket(a, "link", m->share);
    return traffic_join(line_traffic(line), &w);
}

void request_metered(struct api *api, struct request *r, const struct meter *m, bool in)
{
    if (api->wish.rooms.line && r)
        request_meter(r, meter_stream(api, r->arena, m, in));
}

void call_meter(struct call *c, const struct meter *m)
{
    struct meter own = *m;
    own.share = m->share ? m->share : c->who.share;
    own.person = m->person ? m->person : c->who.person;
    own.who = m->who ? m->who : c->who.name;
    request_metered(c->api, c->request, &own, false);
}

static bool meter_in(struct call *c, const char *file, const char *transfer, struct meter *m,
                     struct error *err)
{
    struct transfer_brief t;
    if (!transfer_brief(c->api->wish.rooms.transfer, file, transfer, c->arena, &t, err))
        return false;
    *m = (struct meter){.kind = "upload",
                        .key = arena_format(c->arena, "in %s", t.id),
                        .title = t.name,
                        .who = t.by,
                        .subject = t.id,
                        .project = t.project,
                        .person = t.person,
                        .share = t.share,
                        .total_bytes = -1,
                        .priority = TRAFFIC_PRIORITY};
    return true;
}

bool call_meter_in(struct call *c, const char *file, const char *transfer, struct error *err)
{
    struct meter m;
    if (!c->api->wish.rooms.line || !c->request)
        return true;
    if (!meter_in(c, file, transfer, &m, err))
        return false;
    request_metered(c->api, c->request, &m, true);
    return true;
}

bool call_stream_in(struct call *c, struct stream **stream, struct error *err)
{
    struct meter m;
    *stream = NULL;
    if (!c->api->wish.rooms.line)
        return true;
    if (!meter_in(c, NULL, c->transfer, &m, err))
        return false;
    m.via = "udp";
    *stream = meter_stream(c->api, c->arena, &m, true);
    return true;
}
