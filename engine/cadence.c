#include "engine/cadence.h"
#include "engine/picture.h"
#include "engine/places.h"
#include "formats/profile/picture.h"
#include "plat/clock.h"

#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>

enum { SECTIONS_MOST = 1000 };

struct looking {
    const struct order *o;
    struct media *m;
    AVCodecContext *decoder;
    struct places places;
    struct cadence_field *fields;
    int64_t count, total; // frames
    bool top_first;
    AVFrame *before, *frame;
    struct SwsContext *grey;
    int64_t said_us;
};

// ---- looking

static void progress(struct looking *l)
{
    int64_t now = clock_tick_us();
    if (now - l->said_us < 200000)
        return;
    l->said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)l->count, "total",
                       (json_int_t)l->total, "unit", "frames"));
}

// Luma alone, as bytes or words.
static AVFrame *luma(struct looking *l, const AVFrame *f)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    bool as_is = d && (d->flags & AV_PIX_FMT_FLAG_PLANAR) && !(d->flags & AV_PIX_FMT_FLAG_RGB) &&
                 !(d->flags & (AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_FLOAT)) && !d->comp[0].shift;
    if (as_is)
        return av_frame_clone(f);
    AVFrame *to = frame_new(AV_PIX_FMT_GRAY8, f->width, f->height);
    l->grey = sws_getCachedContext(l->grey, f->width, f->height, f->format, f->width, f->height,
                                   AV_PIX_FMT_GRAY8, SWS_POINT, NULL, NULL, NULL);
    if (!to || !l->grey ||
        sws_scale(l->grey, (const uint8_t *const *)f->data, f->linesize, 0, f->height, to->data,
                  to->linesize) < 0)
        av_frame_free(&to);
    return to;
}

// NULL: a lost one, for which the one before is shown.
static bool look(struct looking *l, const AVFrame *f, struct error *err)
{
    if (l->count >= l->total)
        return true;
    AVFrame *now = f ? luma(l, f) : l->before ? av_frame_clone(l->before) : NULL;
    struct cadence_field *first = &l->fields[2 * l->count++];
    progress(l);
    if (!now)
        return !f || error_set(err, ERROR_TOO_BIG, "no memory for a frame");
    AVFrame *was = l->before;
    bool same =
        was && was->width == now->width && was->height == now->height && was->format == now->format;
    struct cadence_view v = {.now = now->data[0],
                             .before = same ? was->data[0] : NULL,
                             .now_stride = now->linesize[0],
                             .before_stride = same ? was->linesize[0] : 0,
                             .width = now->width,
                             .height = now->height,
                             .bits = av_pix_fmt_desc_get(now->format)->comp[0].depth,
                             .top_first = l->top_first};
    cadence_look(&v, first);
    av_frame_free(&l->before);
    l->before = now;
    return true;
}

static bool lose(struct looking *l, int64_t before, struct error *err)
{
    int64_t time;
    bool done = true;
    while (done && places_lost(&l->places, before, &time))
        done = look(l, NULL, err);
    return done;
}

static bool drain(struct looking *l, struct error *err)
{
    bool done = true;
    while (done && avcodec_receive_frame(l->decoder, l->frame) >= 0) {
        int64_t time;
        if (places_find(&l->places, l->frame, &time)) {
            done = lose(l, time, err);
            places_took(&l->places);
            done = done && look(l, l->frame, err);
        }
        av_frame_unref(l->frame);
    }
    return done;
}

static bool look_at_all(struct looking *l, struct error *err)
{
    AVPacket *p = av_packet_alloc();
    bool done = decoder_open(media_video(l->m), media_video_base(l->m), 2, &l->decoder, err);
    while (done && media_read(l->m, p) >= 0) {
        if (p->stream_index == l->m->video) {
            places_expect(&l->places, l->m, p);
            if (avcodec_send_packet(l->decoder, p) == AVERROR(EAGAIN)) {
                done = drain(l, err);
                avcodec_send_packet(l->decoder, p);
            }
            done = done && drain(l, err);
        }
        av_packet_unref(p);
    }
    if (done) {
        avcodec_send_packet(l->decoder, NULL);
        done = drain(l, err) && lose(l, INT64_MAX, err);
    }
    av_packet_free(&p);
    return done;
}

// ---- what was found

// "2:3", "2:3:3:2", "2:2:2:4", "progressive" (frames are whole), "2:2 late" (they lie a field
// late), "interlaced".
static const char *name_of(const struct cadence_run *r)
{
    return r->mode == CADENCE_FILM       ? "2:3"
           : r->mode == CADENCE_ADVANCED ? "2:3:3:2"
           : r->mode == CADENCE_DOUBLED  ? "2:2:2:4"
           : r->mode == CADENCE_FIELDS   ? "interlaced"
           : r->field % 2                ? "2:2 late"
                                         : "progressive";
}

static bool goes_on(const struct cadence_run *a, const struct cadence_run *b)
{
    return b->mode == a->mode && (a->mode != CADENCE_FILM || a->length != b->length) &&
           (a->mode != CADENCE_WHOLE || a->field % 2 == b->field % 2) &&
           (a->mode != CADENCE_DOUBLED || !b->edit);
}

// Sections without a break, in frames of the source.
static json_t *sections(const struct cadence_run *runs, size_t count)
{
    json_t *list = json_array();
    const struct cadence_run *last = NULL, *begin = NULL;
    bool left = false;
    for (size_t i = 0; i < count && json_array_size(list) < SECTIONS_MOST; i++) {
        if (runs[i].mode == CADENCE_LEFT) {
            left = true;
            continue;
        }
        bool ends = i + 1 == count && last && last->mode == runs[i].mode; // the film, not a run
        if (!last || (!ends && (left || !goes_on(last, &runs[i])))) {
            // What is left of a run before and behind an edit is part of one break.
            if (begin && json_array_size(list) > 1 && runs[i].field - begin->field < 5)
                json_array_remove(list, json_array_size(list) - 1);
            json_array_append_new(list, json_pack("{s:s, s:I}", "kind", name_of(&runs[i]), "from",
                                                  (json_int_t)(runs[i].field / 2)));
            begin = &runs[i];
        }
        last = &runs[i], left = false;
    }
    return list;
}

static bool may_be_film(rational rate)
{
    return rational_equal(rate, (rational){30000, 1001}) || rational_equal(rate, (rational){30, 1});
}

static const char *most_of(const struct cadence_run *runs, size_t count, bool film)
{
    int64_t fields[CADENCE_MODES] = {0}, late = 0;
    for (size_t i = 0; i < count; i++) {
        fields[runs[i].mode] += runs[i].length;
        late += runs[i].mode == CADENCE_WHOLE && runs[i].field % 2 ? runs[i].length : 0;
    }
    if (film)
        return fields[CADENCE_DOUBLED] > fields[CADENCE_FILM] + fields[CADENCE_ADVANCED] ? "2:2:2:4"
               : fields[CADENCE_ADVANCED] > fields[CADENCE_FILM]                         ? "2:3:3:2"
                                                                                         : "2:3";
    if (fields[CADENCE_FIELDS] > fields[CADENCE_WHOLE] + fields[CADENCE_FILM] +
                                     fields[CADENCE_ADVANCED] + fields[CADENCE_DOUBLED])
        return "interlaced";
    return late * 2 > fields[CADENCE_WHOLE] ? "2:2 late" : "progressive";
}

static bool mostly_film(const struct cadence_run *runs, size_t count)
{
    int64_t film = 0, all = 0;
    for (size_t i = 0; i < count; i++) {
        film += cadence_is_film(runs[i].mode) ? runs[i].length : 0;
        all += runs[i].length;
    }
    return film * 2 > all;
}

static void conclude(const struct looking *l, struct cadence *to)
{
    size_t count, laced = 0;
    struct cadence_run *runs = cadence_solve(l->fields, 2 * l->total, &count);
    to->film = may_be_film(l->o->rate) && mostly_film(runs, count);
    to->rate = to->film ? rational_make(l->o->rate.num * 4, l->o->rate.den * 5) : l->o->rate;
    to->frames = cadence_frames(runs, count, l->total, l->top_first, to->film, &to->count);
    for (int64_t i = 0; i < to->count; i++)
        laced += to->frames[i].lace != 0;
    to->found = json_pack("{s:s, s:s, s:s, s:I, s:I, s:o}", "found", most_of(runs, count, to->film),
                          "fields", l->top_first ? "top" : "bottom", "rate",
                          rational_text(to->rate).text, "frames", (json_int_t)to->count,
                          "deinterlaced", (json_int_t)laced, "sections", sections(runs, count));
    free(runs);
}

// ---- fields in the other order

// The same fields in the same order of time, begun one field later: nothing has to be looked at.
static void other_order(const struct order *o, int64_t places, bool top_first, struct cadence *to)
{
    to->rate = o->rate;
    to->count = places;
    to->frames = calloc((size_t)places + 1, sizeof(*to->frames));
    if (!to->frames)
        abort();
    for (int64_t i = 0; i < places; i++) {
        int64_t next = i + 1 < places ? i + 1 : i;
        to->frames[i] =
            top_first ? (struct cadence_frame){next, i, 0} : (struct cadence_frame){i, next, 0};
    }
    to->found = json_pack("{s:s, s:s, s:s, s:I}", "found", "fields in the other order", "fields",
                          top_first ? "top" : "bottom", "rate", rational_text(o->rate).text,
                          "frames", (json_int_t)places);
}

bool cadence_find(const struct order *o, int64_t places, struct cadence *to, struct error *err)
{
    struct profile_picture p;
    *to = (struct cadence){0};
    if (!profile_picture(o->t->profile, o->facts, &p, err))
        return false;
    bool top = strcmp(p.source_scan, "top") == 0;
    bool laced = top || strcmp(p.source_scan, "bottom") == 0;
    if (o->vfr || !laced || strcmp(p.scan, p.source_scan) == 0 ||
        json_is_true(json_object_get(o->video, "sdr")))
        return true;
    if (!profile_unlaces(o->t->profile, o->facts)) {
        other_order(o, places, top, to);
        return true;
    }
    struct looking l = {.o = o, .total = places, .top_first = top, .frame = av_frame_alloc()};
    l.fields = calloc((size_t)places * 2 + 2, sizeof(*l.fields));
    bool done = (l.fields && l.frame) || error_set(err, ERROR_TOO_BIG, "no memory for its fields");
    done = done && media_open(o->t, &l.m, err) && look_at_all(&l, err);
    if (done)
        conclude(&l, to);
    avcodec_free_context(&l.decoder);
    places_free(&l.places);
    av_frame_free(&l.before);
    av_frame_free(&l.frame);
    sws_freeContext(l.grey);
    media_close(l.m);
    free(l.fields);
    return done;
}

// ---- at a glance

enum { GLANCES = 3, GLANCE_FRAMES = 40 };

// So many frames from somewhere near a time on.
static bool glance_at(struct looking *l, int64_t time)
{
    struct error ignored;
    AVPacket *p = av_packet_alloc();
    avcodec_free_context(&l->decoder);
    av_frame_free(&l->before);
    l->count = 0;
    memset(l->fields, 0, (2 * GLANCE_FRAMES + 2) * sizeof(*l->fields));
    bool done = media_seek(l->m, l->m->video, time, AVSEEK_FLAG_BACKWARD) >= 0 &&
                decoder_open(media_video(l->m), media_video_base(l->m), 2, &l->decoder, &ignored);
    while (done && l->count < GLANCE_FRAMES && media_read(l->m, p) >= 0) {
        if (p->stream_index == l->m->video)
            avcodec_send_packet(l->decoder, p);
        av_packet_unref(p);
        while (done && avcodec_receive_frame(l->decoder, l->frame) >= 0) {
            done = look(l, l->frame, &ignored);
            av_frame_unref(l->frame);
        }
    }
    av_packet_free(&p);
    return done && l->count == GLANCE_FRAMES;
}

static const char *glanced(const struct looking *l)
{
    size_t count;
    struct cadence_run *runs = cadence_solve(l->fields, 2 * GLANCE_FRAMES, &count);
    const char *found = most_of(runs, count, may_be_film(l->o->rate) && mostly_film(runs, count));
    free(runs);
    return found;
}

json_t *cadence_glance(const struct ticket *t, const json_t *facts)
{
    const json_t *video = json_array_get(json_object_get(facts, "video"), 0);
    const char *order = order_word(video, "field_order"), *found = NULL;
    struct order o = {.t = t};
    struct error ignored;
    int64_t frames = json_integer_value(json_object_get(facts, "duration_frames")), looked = 0;
    int glances = frames < GLANCES * GLANCE_FRAMES ? 1 : GLANCES;
    if ((strcmp(order, "top") != 0 && strcmp(order, "bottom") != 0) || frames < GLANCE_FRAMES ||
        !rational_parse(text_of(order_word(facts, "rate")), &o.rate, &ignored))
        return NULL;
    struct looking l = {.o = &o, .total = GLANCE_FRAMES, .frame = av_frame_alloc()};
    l.top_first = strcmp(order, "top") == 0;
    l.said_us = INT64_MAX / 2; // it is no progress of the probe's
    l.fields = calloc(2 * GLANCE_FRAMES + 2, sizeof(*l.fields));
    bool done = l.fields && l.frame && media_open(t, &l.m, &ignored) && l.m->video >= 0;
    AVRational base = done ? media_video_base(l.m) : (AVRational){1, 1};
    for (int i = 0; done && i < glances; i++) {
        int64_t time = rescale((frames - GLANCE_FRAMES) * (2 * i + 1) / (2 * glances), o.rate,
                               (rational){base.den, base.num}, ROUND_DOWN);
        int64_t start = l.m->format && l.m->format->streams[l.m->video]->start_time > 0
                            ? l.m->format->streams[l.m->video]->start_time
                            : 0;
        if (!glance_at(&l, start + time))
            continue;
        const char *here = glanced(&l);
        found = !found || strcmp(found, here) == 0 ? here : "mixed";
        looked += GLANCE_FRAMES;
    }
    avcodec_free_context(&l.decoder);
    av_frame_free(&l.before);
    av_frame_free(&l.frame);
    sws_freeContext(l.grey);
    media_close(l.m);
    free(l.fields);
    return found ? json_pack("{s:s, s:I}", "found", found, "looked", (json_int_t)looked) : NULL;
}

void cadence_free(struct cadence *c)
{
    free(c->frames);
    json_decref(c->found);
}
