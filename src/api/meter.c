// Calls that move many bytes, as streams of wire/traffic: who they are of, and what they count against.
#include "api/inside.h"

#include "house/transfer/line.h"
#include "house/transfer/transfer.h"

#include <stdio.h>

static const char *bucket(struct arena *a, const char *scope, const char *subject)
{
    return arena_format(a, "%s %s", scope, subject);
}

void request_metered(struct api *api, struct request *r, const struct meter *m, bool in)
{
    struct line *line = api->wish.rooms.line;
    if (!line || !r)
        return;
    struct stream_wish w = {.key = m->key,
                            .kind = m->kind,
                            .way = in ? TRAFFIC_IN : TRAFFIC_OUT,
                            .buckets = {"line"},
                            .title = m->title,
                            .who = m->who,
                            .project = m->project,
                            .subject = m->subject,
                            .total_bytes = m->total_bytes,
                            .priority = m->priority};
    size_t count = 1;
    if (m->project)
        w.buckets[count++] = bucket(r->arena, "project", m->project);
    if (m->person)
        w.buckets[count++] = bucket(r->arena, "person", m->person);
    if (m->share)
        w.buckets[count++] = bucket(r->arena, "link", m->share);
    request_meter(r, traffic_join(line_traffic(line), &w));
}

void call_meter(struct call *c, const struct meter *m)
{
    struct meter own = *m;
    own.share = m->share ? m->share : c->who.share;
    own.person = m->person ? m->person : c->who.person;
    own.who = m->who ? m->who : c->who.name;
    request_metered(c->api, c->request, &own, false);
}

bool call_meter_in(struct call *c, const char *file, const char *transfer, struct error *err)
{
    struct transfer_brief t;
    if (!c->api->wish.rooms.line || !c->request)
        return true;
    if (!transfer_brief(c->api->wish.rooms.transfer, file, transfer, c->arena, &t, err))
        return false;
    struct meter m = {.kind = "upload",
                      .key = arena_format(c->arena, "in %s", t.id),
                      .title = t.name,
                      .who = t.by,
                      .subject = t.id,
                      .project = t.project,
                      .person = t.person,
                      .share = t.share,
                      .total_bytes = -1,
                      .priority = TRAFFIC_PRIORITY};
    request_metered(c->api, c->request, &m, true);
    return true;
}
