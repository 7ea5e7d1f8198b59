/*
 * All derived files of a version in one pass over it: reading and decoding here, the showing and
 * each film on a line of its own (line.h).
 *
 * A frame's number in the proxies is its place in display order (places.h). What was lost is shown
 * as the frame before, held, and flagged.
 */
#include "engine/burn.h"
#include "engine/film.h"
#include "engine/line.h"
#include "engine/media.h"
#include "engine/output.h"
#include "engine/picture.h"
#include "engine/places.h"
#include "engine/sound.h"
#include "engine/stills.h"
#include "engine/through.h"
#include "formats/prints/prints.h"
#include "plat/clock.h"

#include <libswresample/swresample.h>
#include <stdlib.h>
#include <string.h>

#define DAMAGE_ROWS 200

// What is shown goes through a line of its own: scaled once, then to both films and the stills.
struct showing {
    struct line *line;
    struct shaper *shaper;
    struct burn *burn; // NULL: nothing
    struct SwsContext *smaller;
    struct film *scrub, *review; // review: NULL for a still; both where only prints are made
    struct stills *stills;       // NULL: only prints are made
    struct buf prints;           // limit 0: none are made
    int width, height;           // of the scrub film
    bool vfr;
    int64_t step, first_time, before, frames;
    int64_t early; // lost before the first frame that could be shown
    AVFrame *last;
    json_t *damage;
    const char *held; // what is said of a frame that is held
    int64_t total, said_us;
};

struct proxying {
    const struct ticket *t;
    json_t *facts;
    struct media *m;
    AVCodecContext *decoder, *sound;
    struct showing show;
    // time
    rational rate;
    uint32_t timescale;
    int64_t total;
    // frames
    struct places places;
    AVFrame *frame;
    struct colour *through; // NULL: seen as it is
    // sound
    struct aac *all, *stereo; // stereo: NULL when all are no more than two
    struct fmp4 *audio_file;
    struct peaks *peaks;
    SwrContext *planar;
    int64_t sound_at; // samples that went in, silence too
    json_t *outputs;
};

// ---- facts

static const json_t *video_fact(const struct proxying *p)
{
    const json_t *list = json_object_get(p->facts, "video"), *row;
    size_t i;
    json_array_foreach(list, i, row)
    {
        if (json_integer_value(json_object_get(row, "index")) == p->m->video)
            return row;
    }
    return json_array_get(list, 0);
}

static int whole(const json_t *o, const char *name)
{
    return (int)json_integer_value(json_object_get(o, name));
}

static bool find_times(struct proxying *p, struct error *err)
{
    const char *rate = json_string_value(json_object_get(p->facts, "rate"));
    if (!rate || !rational_parse(text_of(rate), &p->rate, err) || p->rate.num <= 0)
        return error_set(err, ERROR_INPUT, "the facts have no rate");
    p->show.vfr = json_is_true(json_object_get(p->facts, "vfr"));
    p->total = json_integer_value(json_object_get(p->facts, "duration_frames"));
    if (p->show.vfr) {
        AVRational base = media_video_base(p->m);
        p->timescale = (uint32_t)base.den;
        p->show.step = rescale(1, p->rate, (rational){base.den, 1}, ROUND_NEAREST);
        p->show.step = p->show.step > 0 ? p->show.step : 1;
        return true;
    }
    // Every time exact: the rate's own terms, in steps fine enough for players.
    int64_t k = 1;
    while (p->rate.num * k < 10000)
        k *= 2;
    if (p->rate.num * k > UINT32_MAX || p->rate.den * k > UINT32_MAX)
        return error_set(err, ERROR_UNSUPPORTED, "the rate %s can not be kept", rate);
    p->timescale = (uint32_t)(p->rate.num * k);
    p->show.step = p->rate.den * k;
    return true;
}

// ---- the line that shows

static void progress(int64_t done, int64_t total, int64_t *said_us)
{
    int64_t now = clock_tick_us();
    if (now - *said_us < 200000)
        return;
    *said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)done, "total",
                       (json_int_t)total, "unit", "frames"));
}

// `f` is upright and of the review's size.
static bool show(struct showing *s, const AVFrame *f, int64_t time, int flags, struct error *err)
{
    int64_t number = s->frames++;
    time = !s->vfr ? number * s->step : number ? time - s->first_time : 0;
    // Times rise by one at least, or players show neither of two.
    time = number && time <= s->before ? s->before + 1 : time;
    s->before = time;
    if (flags & FRAME_CONCEALED && json_array_size(s->damage) < DAMAGE_ROWS)
        json_array_append_new(s->damage, json_pack("{s:s, s:s, s:I}", "where", "picture", "what",
                                                   s->held, "frame", (json_int_t)number));
    bool same = f->width == s->width && f->height == s->height;
    AVFrame *small = same ? av_frame_clone(f) : frame_new(AV_PIX_FMT_YUV420P, s->width, s->height);
    AVFrame *large = s->review ? av_frame_clone(f) : NULL;
    bool done =
        small && (large || !s->review) && (same || scale_into(&s->smaller, f, small, false));
    if (!done)
        error_set(err, ERROR_TOO_BIG, "no memory for the proxies");
    done = done && (!s->stills || stills_add(s->stills, f, small, err));
    if (done && s->prints.limit) {
        uint8_t bytes[PRINT_BYTES];
        print_write(print_of(small->data[0], small->width, small->height, small->linesize[0]),
                    bytes);
        buf_add(&s->prints, bytes, sizeof(bytes));
    }
    if (done && s->review) {
        done = film_show(s->review, large, time, flags, err);
        large = NULL;
    }
    if (done && s->scrub) {
        done = film_show(s->scrub, small, time, flags, err);
        small = NULL;
    }
    av_frame_free(&small);
    av_frame_free(&large);
    progress(s->frames, s->total, &s->said_us);
    return done;
}

// A piece: a decoded frame and its time; without a frame it was lost and the one before is held. Or
// a packet of the review's sound: it comes this way too, so that how picture and sound lie in each
// other is a matter of the file and not of whose thread was faster.
static bool show_piece(void *context, struct piece *p, struct error *err)
{
    struct showing *s = context;
    if (p->packet)
        return film_sound(s->review, p->packet, (int)p->time, err);
    AVFrame *picture = p->frame ? shaper_make(s->shaper, p->frame) : NULL;
    if (picture && s->burn && !burn_draw(s->burn, picture, 0, 0, err)) {
        av_frame_free(&picture);
        return false;
    }
    if (!picture && !s->last)
        return s->early++, true;
    if (!picture)
        return show(s, s->last, p->time, FRAME_CONCEALED, err);
    if (!s->last)
        s->first_time = p->time;
    av_frame_free(&s->last);
    s->last = picture;
    bool done = true;
    for (; done && s->early; s->early--)
        done = show(s, picture, p->time, FRAME_CONCEALED, err);
    return done && show(s, picture, p->time, p->flags, err);
}

static bool open_film(struct proxying *p, struct film_wish *w, struct film **to, struct error *err)
{
    const json_t *timecode = json_object_get(p->facts, "timecode");
    const json_t *sequence = json_object_get(p->facts, "sequence");
    w->threads = p->t->threads;
    w->frames = p->total;
    w->header = (struct frameindex_header){
        .flags = (p->show.vfr ? FRAMEINDEX_VFR : 0) |
                 (json_is_true(json_object_get(timecode, "drop")) ? FRAMEINDEX_DROP : 0),
        .rate = p->rate,
        .timescale = p->timescale,
        .start_timecode = json_integer_value(json_object_get(timecode, "start_frame")),
        .base = timecode ? whole(timecode, "base")
                         : (int)rescale(1, (rational){1, 1}, p->rate, ROUND_NEAREST),
        .frames_per_label = timecode ? whole(timecode, "frames_per_label") : 1,
        .first_number = sequence ? (int32_t)whole(sequence, "first") : FRAMEINDEX_NO_NUMBER,
    };
    return film_open(w, to, err);
}

static bool no_picture(const struct proxying *p, struct error *err)
{
    error_set(err, ERROR_DAMAGED, "no frame of %s can be decoded", p->t->inputs[0].name);
    error_why(err, "the decoder made no picture of any of it");
    return error_fix(err, "check that it plays where it came from, and bring it in again");
}

static bool open_showing(struct proxying *p, struct error *err)
{
    struct showing *s = &p->show;
    const json_t *v = video_fact(p);
    const char *kind = json_string_value(json_object_get(p->facts, "kind"));
    int w = whole(v, "display_width"), h = whole(v, "display_height"), tile_w, tile_h;
    if (w <= 0 || h <= 0)
        return no_picture(p, err);
    struct film_wish scrub = {"scrub", "scrub.mp4", "scrub.idx", "scrub_index", .intra = true};
    struct fmp4_audio sound = {0};
    if (p->all)
        aac_describe(p->stereo ? p->stereo : p->all, &sound);
    struct film_wish review = {"review", "review.mp4", "review.idx", "review_index",
                               .sound = sound};
    picture_fit(w, h, 1280, 720, &review.width, &review.height);
    picture_fit(w, h, 960, 540, &scrub.width, &scrub.height);
    picture_fit(w, h, 160, 90, &tile_w, &tile_h);
    s->width = scrub.width, s->height = scrub.height;
    s->total = p->total;
    s->held = p->m->pictures ? "the file is missing or damaged: held" : "the frame is damaged";
    s->shaper = shaper_open(&(struct shape){.rotation = whole(v, "rotation"),
                                            .width = review.width,
                                            .height = review.height,
                                            .through = p->through});
    if (!kind || strcmp(kind, "still") != 0) {
        static const uint8_t head[PRINTS_HEAD];
        s->prints = (struct buf)BUF_LIMIT((size_t)64 << 20);
        buf_add(&s->prints, head, sizeof(head));
    }
    if (p->t->prints)
        return line_open(show_piece, s, &s->line, err);
    s->stills = stills_open(tile_w, tile_h,
                            (int)rescale(1, (rational){1, 1}, p->rate, ROUND_NEAREST), p->outputs);
    return (!p->t->burn || burn_open(p->t->burn, p->facts, p->rate, &s->burn, err)) &&
           open_film(p, &scrub, &s->scrub, err) &&
           ((kind && !strcmp(kind, "still")) || open_film(p, &review, &s->review, err)) &&
           line_open(show_piece, s, &s->line, err);
}

static void close_showing(struct showing *s)
{
    line_close(s->line);
    film_close(s->scrub);
    film_close(s->review);
    stills_close(s->stills);
    buf_free(&s->prints);
    shaper_close(s->shaper);
    burn_close(s->burn);
    sws_freeContext(s->smaller);
    av_frame_free(&s->last);
}

static bool end_film(struct proxying *p, struct film *f, const char *kind, const char *name,
                     const char *index_kind, const char *index_name, struct error *err)
{
    int64_t size, index_size;
    if (!f)
        return true;
    if (!film_finish(f, p->show.before + p->show.step, &size, &index_size, err))
        return false;
    output_made(p->outputs, kind, name, size);
    output_made(p->outputs, index_kind, index_name, index_size);
    return true;
}

// ---- frames

static bool lose(struct proxying *p, int64_t before, struct error *err)
{
    int64_t time;
    bool done = true;
    while (done && places_lost(&p->places, before, &time))
        done = line_give(p->show.line, (struct piece){.time = time, .flags = FRAME_CONCEALED}, err);
    return done;
}

static bool take_frame(struct proxying *p, AVFrame *f, struct error *err)
{
    int64_t time;
    if (!places_find(&p->places, f, &time))
        return true;
    if (!lose(p, time, err))
        return false;
    places_took(&p->places);
    bool hurt = (f->flags & AV_FRAME_FLAG_CORRUPT) || f->decode_error_flags;
    AVFrame *kept = av_frame_clone(f);
    return (kept || error_set(err, ERROR_TOO_BIG, "no memory for a frame")) &&
           line_give(
               p->show.line,
               (struct piece){.frame = kept, .time = time, .flags = hurt ? FRAME_CONCEALED : 0},
               err);
}

static bool drain(struct proxying *p, struct error *err)
{
    bool done = true;
    while (done && avcodec_receive_frame(p->decoder, p->frame) >= 0) {
        done = take_frame(p, p->frame, err);
        av_frame_unref(p->frame);
    }
    return done;
}

static bool take_video(struct proxying *p, AVPacket *packet, struct error *err)
{
    places_expect(&p->places, p->m, packet);
    int code = avcodec_send_packet(p->decoder, packet);
    if (code == AVERROR(EAGAIN)) {
        if (!drain(p, err))
            return false;
        avcodec_send_packet(p->decoder, packet);
    }
    return drain(p, err);
}

// ---- sound

static bool keep_stereo(void *context, const AVPacket *packet, int samples, struct error *err)
{
    const struct proxying *p = context;
    struct piece sound = {.time = samples};
    if (!p->show.review)
        return true;
    sound.packet = av_packet_clone(packet);
    return (sound.packet || error_set(err, ERROR_TOO_BIG, "no memory for its sound")) &&
           line_give(p->show.line, sound, err);
}

static bool keep_all(void *context, const AVPacket *packet, int samples, struct error *err)
{
    struct proxying *p = context;
    const struct fmp4_sample *none;
    size_t count;
    fmp4_add_audio(p->audio_file, packet->data, (size_t)packet->size, (uint32_t)samples);
    if (fmp4_queued(p->audio_file, true) >= 47 && !fmp4_flush(p->audio_file, 0, &none, &count, err))
        return false;
    return p->stereo || keep_stereo(p, packet, samples, err);
}

static bool hear(struct proxying *p, AVFrame *f, struct error *err)
{
    int64_t skip, silence;
    if (!sound_place(p->m, p->m->audio, f, p->sound_at, &skip, &silence))
        return true;
    uint8_t **planes = NULL;
    int room = f->nb_samples + 32;
    if (av_samples_alloc_array_and_samples(&planes, NULL, p->sound->ch_layout.nb_channels, room,
                                           AV_SAMPLE_FMT_FLTP, 0) >= 0) {
        av_samples_set_silence(planes, 0, room, p->sound->ch_layout.nb_channels,
                               AV_SAMPLE_FMT_FLTP);
        for (int64_t left = silence; left > 0; left -= room)
            peaks_add(p->peaks, (const float *const *)planes, (size_t)(left < room ? left : room));
        int got =
            swr_convert(p->planar, planes, room, (const uint8_t **)f->extended_data, f->nb_samples);
        const float *from[64];
        int channels = p->sound->ch_layout.nb_channels;
        for (int c = 0; c < channels && c < 64; c++)
            from[c] = (const float *)planes[c] + (skip < got ? skip : 0);
        if (got > skip)
            peaks_add(p->peaks, from, (size_t)(got - skip));
        av_freep(&planes[0]);
        av_freep(&planes);
    }
    p->sound_at += silence + f->nb_samples - skip;
    return aac_add(p->all, f, skip, silence, err) &&
           (!p->stereo || aac_add(p->stereo, f, skip, silence, err));
}

static bool take_audio(struct proxying *p, AVPacket *packet, struct error *err)
{
    bool done = true;
    avcodec_send_packet(p->sound, packet); // what is damaged leaves a gap, which is filled
    while (done && avcodec_receive_frame(p->sound, p->frame) >= 0) {
        bool same = p->frame->ch_layout.nb_channels == p->sound->ch_layout.nb_channels &&
                    p->frame->format == p->sound->sample_fmt && p->frame->nb_samples > 0;
        done = !same || hear(p, p->frame, err);
        av_frame_unref(p->frame);
    }
    return done;
}

static bool open_sound(struct proxying *p, struct error *err)
{
    struct error ignored;
    const AVStream *s = p->m->audio >= 0 ? p->m->format->streams[p->m->audio] : NULL;
    if (p->t->prints)
        return true;
    if (!s || !s->codecpar->sample_rate ||
        !decoder_open(s->codecpar, s->time_base, 1, &p->sound, &ignored) ||
        p->sound->ch_layout.nb_channels < 1 || p->sound->ch_layout.nb_channels > 64 ||
        p->sound->sample_fmt == AV_SAMPLE_FMT_NONE) {
        if (s)
            json_array_append_new(p->show.damage, json_pack("{s:s, s:s}", "where", "sound", "what",
                                                            "its sound can not be decoded"));
        avcodec_free_context(&p->sound);
        return true;
    }
    struct fmp4_audio describe;
    int file;
    p->peaks = peaks_open(p->sound->ch_layout.nb_channels, p->sound->sample_rate);
    if (swr_alloc_set_opts2(&p->planar, &p->sound->ch_layout, AV_SAMPLE_FMT_FLTP,
                            p->sound->sample_rate, &p->sound->ch_layout, p->sound->sample_fmt,
                            p->sound->sample_rate, 0, NULL) < 0 ||
        swr_init(p->planar) < 0)
        return error_set(err, ERROR_UNSUPPORTED, "its sound can not be converted");
    // The review's sound is the same packets where no mix is needed.
    if (!aac_open(p->sound, 0, keep_all, p, &p->all, err) ||
        (aac_channels(p->all) > 2 && !aac_open(p->sound, 2, keep_stereo, p, &p->stereo, err)))
        return false;
    aac_describe(p->all, &describe);
    const AVDictionaryEntry *language = av_dict_get(s->metadata, "language", NULL, 0);
    describe.language = language ? language->value : NULL;
    int64_t seconds =
        rescale(p->total, p->m->video >= 0 ? p->rate : (rational){p->sound->sample_rate, 1},
                (rational){1, 1}, ROUND_UP);
    if (!output_open("audio.mp4", &file, err) ||
        !fmp4_open(file, NULL, &describe, seconds + 2, &p->audio_file, err))
        return false;
    output_grows("audio", "audio.mp4");
    return true;
}

static bool end_sound(struct proxying *p, struct error *err)
{
    const struct fmp4_sample *none;
    size_t count;
    int64_t size;
    if (!p->sound)
        return true;
    struct buf file = BUF_LIMIT(1u << 31);
    if (!aac_end(p->all, err) || (p->stereo && !aac_end(p->stereo, err)) ||
        !fmp4_flush(p->audio_file, 0, &none, &count, err) ||
        !fmp4_finish(p->audio_file, &size, err))
        return false;
    output_made(p->outputs, "audio", "audio.mp4", size);
    peaks_write(p->peaks, &file);
    bool done = output_whole(p->outputs, "peaks", "peaks.dat", file.at, file.size, err);
    buf_free(&file);
    return done;
}

// ---- the whole

static bool whole_pass(struct proxying *p, struct error *err)
{
    AVPacket *packet = av_packet_alloc();
    bool done = true;
    int code = 0;
    while (done && (code = media_read(p->m, packet)) >= 0) {
        if (packet->stream_index == p->m->video && p->decoder)
            done = take_video(p, packet, err);
        else if (packet->stream_index == p->m->audio && p->sound)
            done = take_audio(p, packet, err);
        if (p->m->video < 0)
            progress(p->sound_at, p->total, &p->show.said_us);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    if (done && code == AVERROR(EIO))
        return media_error(err, code, p->m, "reading it");
    if (done && p->decoder) {
        avcodec_send_packet(p->decoder, NULL);
        done = drain(p, err) && lose(p, INT64_MAX, err);
    }
    if (done && p->sound)
        done = take_audio(p, NULL, err);
    return done;
}

// What each frame looks like, for notes that go on to a next version.
static bool end_prints(struct proxying *p, struct error *err)
{
    struct buf *b = &p->show.prints;
    if (!b->limit || b->over)
        return true;
    prints_head((uint32_t)((b->size - PRINTS_HEAD) / PRINT_BYTES), (uint8_t *)b->at);
    return output_whole(p->outputs, "prints", "prints.dat", b->at, b->size, err);
}

static bool finish(struct proxying *p, struct error *err)
{
    struct showing *s = &p->show;
    if (!p->decoder)
        return end_sound(p, err);
    return end_sound(p, err) && line_wait(s->line, err) && (s->frames || no_picture(p, err)) &&
           (!s->stills || stills_finish(s->stills, s->last, err)) && end_prints(p, err) &&
           end_film(p, s->scrub, "scrub", "scrub.mp4", "scrub_index", "scrub.idx", err) &&
           end_film(p, s->review, "review", "review.mp4", "review_index", "review.idx", err);
}

static json_t *result_of(struct proxying *p)
{
    json_t *to = json_pack("{s:O, s:I, s:O}", "outputs", p->outputs, "frames",
                           (json_int_t)(p->decoder ? p->show.frames : p->sound_at), "damage",
                           p->show.damage);
    json_t *sprite = p->show.stills ? stills_fact(p->show.stills) : NULL;
    if (sprite)
        json_object_set_new(to, "sprite", sprite);
    return to;
}

bool proxy(const struct ticket *t, json_t **result, struct error *err)
{
    struct proxying p = {.t = t,
                         .facts = json_incref(t->facts),
                         .show.damage = json_array(),
                         .outputs = json_array(),
                         .frame = av_frame_alloc()};
    bool done = (p.facts || probe(t, &p.facts, err)) && media_open(t, &p.m, err) &&
                through_open(t, &p.through, err);
    if (done && p.m->video < 0)
        p.total = json_integer_value(json_object_get(p.facts, "duration_frames"));
    else
        done = done && find_times(&p, err) &&
               decoder_open(media_video(p.m), media_video_base(p.m), t->threads, &p.decoder, err);
    done = done && open_sound(&p, err) && (!p.decoder || open_showing(&p, err)) &&
           whole_pass(&p, err) && finish(&p, err);
    if (done)
        *result = result_of(&p);
    close_showing(&p.show);
    colour_close(p.through);
    aac_close(p.stereo);
    aac_close(p.all);
    fmp4_close(p.audio_file);
    peaks_close(p.peaks);
    swr_free(&p.planar);
    avcodec_free_context(&p.decoder);
    avcodec_free_context(&p.sound);
    av_frame_free(&p.frame);
    media_close(p.m);
    places_free(&p.places);
    json_decref(p.facts);
    json_decref(p.outputs);
    json_decref(p.show.damage);
    return done;
}
