#include "farm/speed.h"

bool speed_begin(struct speed *s, int64_t bytes, int64_t now_us)
{
    if (bytes < SPEED_CALL_BYTES)
        return false;
    if (!s->calls++)
        s->since_us = now_us;
    return true;
}

void speed_add(struct speed *s, int64_t bytes)
{
    s->bytes += bytes;
}

void speed_end(struct speed *s, int64_t now_us)
{
    if (!--s->calls)
        s->busy_us += now_us - s->since_us;
}

// While calls are under way a short time says little: they fill what lies between first.
bool speed_take(struct speed *s, int64_t now_us, int64_t *bytes, int64_t *ms)
{
    int64_t busy_us = s->busy_us + (s->calls ? now_us - s->since_us : 0);
    if (s->bytes < SPEED_SAMPLE_BYTES || busy_us < 1000 || (s->calls && busy_us < SPEED_SAMPLE_US))
        return false;
    *bytes = s->bytes;
    *ms = busy_us / 1000;
    *s = (struct speed){.since_us = now_us, .calls = s->calls};
    return true;
}
