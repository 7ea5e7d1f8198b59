#include "engine/made.h"
#include "tickets/ticket.h"

#include <stdlib.h>
#include <string.h>

struct made {
    const struct maker *maker;
    struct maker_clip clip;
    void *state;
    struct input *in;
    AVFormatContext *format;
    int64_t next;
};

static const struct maker *given; // set once, before the first thread

void maker_use(const struct maker *maker)
{
    given = maker;
}

const struct maker *maker_of(const struct ticket *t)
{
    uint8_t head[4096];
    size_t got = 0;
    struct input *in = NULL;
    struct error ignored;
    bool ok = given && !t->span && !t->sequence && t->inputs[0].size > 0 &&
              input_open(0, t->inputs[0].size, &in, &ignored) &&
              input_read(in, 0, head, sizeof(head), &got, &ignored);
    input_close(in);
    return ok && given->knows(head, got) ? given : NULL;
}

static bool holds(const struct maker_clip *c)
{
    return c->width > 0 && c->height > 0 && c->width <= 16384 && c->height <= 16384 &&
           c->frames > 0 && c->rate.num > 0 && c->rate.den > 0 && c->rate.num <= INT32_MAX &&
           c->rate.den <= INT32_MAX;
}

static bool describe(struct made *f)
{
    f->format = avformat_alloc_context();
    AVStream *s = f->format ? avformat_new_stream(f->format, NULL) : NULL;
    if (!s)
        return false;
    f->format->iformat = av_find_input_format("rawvideo");
    s->time_base = (AVRational){(int)f->clip.rate.den, (int)f->clip.rate.num};
    s->avg_frame_rate = s->r_frame_rate =
        (AVRational){(int)f->clip.rate.num, (int)f->clip.rate.den};
    s->start_time = 0;
    s->duration = f->clip.frames;
    s->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
    s->codecpar->codec_id = AV_CODEC_ID_RAWVIDEO;
    s->codecpar->format = AV_PIX_FMT_RGB48LE;
    s->codecpar->width = f->clip.width;
    s->codecpar->height = f->clip.height;
    f->format->duration = av_rescale_q(f->clip.frames, s->time_base, AV_TIME_BASE_Q);
    f->clip.timecode[sizeof(f->clip.timecode) - 1] = 0;
    f->clip.reel[sizeof(f->clip.reel) - 1] = 0;
    if (*f->clip.timecode)
        av_dict_set(&f->format->metadata, "timecode", f->clip.timecode, 0);
    if (*f->clip.reel)
        av_dict_set(&f->format->metadata, "reel_name", f->clip.reel, 0);
    return true;
}

bool made_open(const struct maker *maker, const struct ticket *t, struct made **to,
               struct error *err)
{
    struct made *f = calloc(1, sizeof(*f));
    bool ok = f ? input_open(0, t->inputs[0].size, &f->in, err)
                : error_set(err, ERROR_TOO_BIG, "no memory for %s", t->inputs[0].name);
    if (ok) {
        f->maker = maker;
        ok = maker->open(f->in, &f->clip, &f->state, err) &&
             (holds(&f->clip) || error_set(err, ERROR_DAMAGED,
                                           "%s says no size, rate or length that "
                                           "can be",
                                           t->inputs[0].name)) &&
             (describe(f) || error_set(err, ERROR_TOO_BIG, "no memory for %s", t->inputs[0].name));
    }
    if (ok)
        *to = f;
    else
        made_close(f);
    return ok;
}

void made_close(struct made *f)
{
    if (!f)
        return;
    if (f->state)
        f->maker->close(f->state);
    avformat_free_context(f->format);
    input_close(f->in);
    free(f);
}

AVFormatContext *made_format(struct made *f)
{
    return f->format;
}

struct input *made_input(struct made *f)
{
    return f->in;
}

void made_seek(struct made *f, int64_t frame)
{
    f->next = frame < 0 ? 0 : frame;
}

int made_read(struct made *f, AVPacket *p)
{
    struct error err;
    int64_t size = (int64_t)f->clip.width * f->clip.height * 6;
    if (f->next >= f->clip.frames)
        return AVERROR_EOF;
    if (size > INT32_MAX || av_new_packet(p, (int)size) < 0)
        return AVERROR(ENOMEM);
    int64_t frame = f->next++;
    p->stream_index = 0;
    p->pts = p->dts = frame;
    p->duration = 1;
    p->flags = AV_PKT_FLAG_KEY;
    p->pos = -1;
    if (!f->maker->frame(f->state, frame, (uint16_t *)(void *)p->data, &err)) {
        p->flags |= AV_PKT_FLAG_CORRUPT;
        av_shrink_packet(p,
                         1); // nothing that decodes: the frame before is held, and this one counted
    }
    return 0;
}
