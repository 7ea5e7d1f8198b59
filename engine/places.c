#include "engine/places.h"

#include <stdlib.h>
#include <string.h>

static void wait_for(struct places *p, int64_t time)
{
    if (p->count == p->room) {
        p->room = p->room ? p->room * 2 : 256;
        p->waiting = realloc(p->waiting, p->room * sizeof(*p->waiting));
    }
    size_t i = p->count++;
    for (; i > 0 && p->waiting[i - 1] > time; i--)
        p->waiting[i] = p->waiting[i - 1];
    p->waiting[i] = time;
}

void places_expect(struct places *p, struct media *m, const AVPacket *packet)
{
    if (packet->flags & AV_PKT_FLAG_DISCARD || media_second_field(m, packet))
        return;
    int64_t time = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    if (!p->began)
        p->timed = packet->pts != AV_NOPTS_VALUE;
    p->began = true;
    if (m->pictures)
        for (; p->next < time; p->next++)
            wait_for(p, p->next);
    wait_for(p, time != AV_NOPTS_VALUE ? time : p->next);
    p->next++;
}

bool places_find(const struct places *p, const AVFrame *f, int64_t *time)
{
    *time = f->best_effort_timestamp;
    // Without times, or with those of decoding only (AVI), they come in order of display, each for
    // the first place that waits.
    if ((*time == AV_NOPTS_VALUE || !p->timed) && p->count)
        *time = p->waiting[0];
    if (!p->count || *time < p->waiting[0])
        return false;
    for (size_t i = 0; i < p->count; i++)
        if (p->waiting[i] == *time)
            return true;
    *time = p->waiting[0];
    return true;
}

void places_took(struct places *p)
{
    memmove(p->waiting, p->waiting + 1, --p->count * sizeof(*p->waiting));
}

bool places_lost(struct places *p, int64_t before, int64_t *time)
{
    if (!p->count || (before != INT64_MAX && p->waiting[0] >= before))
        return false;
    *time = p->waiting[0];
    places_took(p);
    return true;
}

void places_free(struct places *p)
{
    free(p->waiting);
    *p = (struct places){0};
}
