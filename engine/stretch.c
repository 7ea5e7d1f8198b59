#include "engine/stretch.h"
#include "engine/ahead.h"

#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 64, PIECE = 65536 };

struct stretch {
    const struct ahead_stretcher *l;
    RubberBandState state;
    int channels;
    int64_t wanted, left, made; // to come in; come out
    float *out[CHANNELS], *silence;
    bool ended;
};

bool stretch_open(int channels, int rate, int64_t samples, int64_t made, struct stretch **to,
                  struct error *err)
{
    const struct ahead_stretcher *l = ahead_stretcher();
    struct stretch *s = calloc(1, sizeof(*s));
    bool done = l && s && channels > 0 && channels <= CHANNELS && samples > 0 && made > 0 &&
                samples <= UINT32_MAX;
    if (done) {
        s->l = l, s->channels = channels, s->wanted = made, s->left = samples;
        s->state = l->open((unsigned)rate, (unsigned)channels,
                           RubberBandOptionProcessOffline | RubberBandOptionEngineFiner |
                               RubberBandOptionThreadingNever | RubberBandOptionChannelsTogether,
                           (double)made / (double)samples, 1);
        l->expect(s->state, (unsigned)samples);
        l->most(s->state, PIECE);
        s->silence = calloc(PIECE, sizeof(float));
        for (int c = 0; c < channels; c++)
            done = (s->out[c] = malloc(PIECE * sizeof(float))) && done;
        done = done && s->state && s->silence;
    }
    *to = s;
    if (done)
        return true;
    error_set(err, ERROR_TOO_BIG, "its sound can not be stretched");
    return error_why(err, "%d channels, %lld samples", channels, (long long)samples);
}

void stretch_close(struct stretch *s)
{
    if (!s)
        return;
    if (s->state)
        s->l->close(s->state);
    for (int c = 0; c < s->channels; c++)
        free(s->out[c]);
    free(s->silence);
    free(s);
}

void stretch_add(struct stretch *s, const float *const *planes, int64_t count)
{
    const float *silence[CHANNELS];
    for (int c = 0; c < s->channels; c++)
        silence[c] = s->silence;
    if (s->ended)
        return;
    if (planes) {
        count = count < s->left ? count : s->left;
        s->left -= count;
        s->ended = !s->left;
        s->l->process(s->state, planes, (unsigned)count, s->ended);
        return;
    }
    // It has been told how much comes; what does not is silent.
    do {
        int64_t some = s->left < PIECE ? s->left : PIECE;
        s->left -= some;
        s->ended = !s->left;
        s->l->process(s->state, silence, (unsigned)some, s->ended);
    } while (!s->ended);
}

int64_t stretch_take(struct stretch *s, const float *const **planes)
{
    int ready = s->l->available(s->state);
    int64_t left = s->wanted - s->made, some = ready < PIECE ? ready : PIECE;
    *planes = (const float *const *)s->out;
    if (ready > 0 && left > 0) {
        some = (int64_t)s->l->retrieve(s->state, s->out, (unsigned)(some < left ? some : left));
        s->made += some;
        return some;
    }
    if (!s->ended || left <= 0)
        return 0;
    some = left < PIECE ? left : PIECE; // what rounding may leave over
    for (int c = 0; c < s->channels; c++)
        memset(s->out[c], 0, (size_t)some * sizeof(float));
    s->made += some;
    return some;
}
