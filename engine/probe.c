/*
 * Facts of a version (shape Facts of the API).
 *
 * Frames are counted, not believed: every packet of the first picture stream is read (of QuickTime
 * and MP4 the sample table is, which is as exact), and the rate is checked against their times. A
 * few frames are decoded for what only they tell: captions in the picture, field order, HDR.
 */
#include "engine/camera.h"
#include "engine/layers.h"
#include "engine/maker.h"
#include "engine/media.h"
#include "engine/metadata.h"
#include "formats/sequence/sequence.h"
#include "plat/clock.h"
#include "time/timecode.h"

#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/dovi_meta.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAMAGE_ROWS 200
// Frames that stand alone carry no captions, and are all alike.
enum { FRAMES_LOOKED_AT = 24, LOOKED_AT_ALONE = 4, LOOKING_THREADS = 4 };

struct counted {
    int64_t frames, audio_samples;
    int64_t *times;
    size_t time_count, time_room;
    // How long the stream's own flags say that frames are shown (a pull-down that is only said:
    // repeat_first_field of MPEG-2, pic_struct of H.264), in fields.
    int64_t fields, longer; // of all; frames of more than two
    bool unsteady[2];       // is not five fields for two frames all the way, nor ten
};

struct probing {
    struct media *m;
    json_t *damage;
    struct counted c;
    AVFrame *first;       // a decoded one, or NULL
    bool cc608[2], cc708; // seen in decoded frames
    int interlaced_frames, looked, top_first;
    rational rate;
    bool vfr, pulled; // pulled: the flags' pull-down is left out
    char rate_from[32];
    rational constant_rate; // of a deliverable, when vfr
    int64_t constant_frames;
    struct camera camera; // what its maker says
    bool undecoded;       // only its maker's software has its picture
};

static void damage(json_t *list, const char *where, const char *what, int64_t frame)
{
    if (json_array_size(list) >= DAMAGE_ROWS)
        return;
    json_t *row = json_pack("{s:s, s:s}", "where", where, "what", what);
    if (frame >= 0)
        json_object_set_new(row, "frame", json_integer(frame));
    json_array_append_new(list, row);
}

// ---- counting

static void add_time(struct counted *c, int64_t time)
{
    if (c->time_count == c->time_room) {
        size_t room = c->time_room ? c->time_room * 2 : 4096;
        int64_t *more = realloc(c->times, room * sizeof(*more));
        if (!more)
            return;
        c->times = more, c->time_room = room;
    }
    c->times[c->time_count++] = time;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool has_sample_table(const struct media *m)
{
    return m->format && strstr(m->format->iformat->name, "mov") &&
           avformat_index_get_entries_count(m->format->streams[m->video]) > 0;
}

// The sample table gives decode times; with a constant rate their steps are those of the frames.
static void count_table(struct probing *p)
{
    struct media *m = p->m;
    AVStream *s = m->format->streams[m->video];
    int count = avformat_index_get_entries_count(s);
    int64_t size = input_size(m->in), missing = 0;
    bool cut = false;
    for (int i = 0; i < count; i++) {
        const AVIndexEntry *e = avformat_index_get_entry(s, i);
        if (e->flags & AVINDEX_DISCARD_FRAME)
            continue;
        if (e->pos >= size) {
            missing++;
            continue;
        }
        cut = cut || e->pos + e->size > size;
        add_time(&p->c, e->timestamp);
        p->c.frames++;
    }
    if (missing || cut) {
        char what[160];
        snprintf(what, sizeof(what), "the file ends early: %lld of its %lld frames are %s",
                 (long long)(missing ? missing : 1), (long long)(p->c.frames + missing),
                 missing ? "not in it" : "cut off");
        damage(p->damage, "container", what, p->c.frames - cut);
    }
}

// Counting 200 GB takes a while, and who is silent is taken for hung.
static void progress(const struct media *m, int64_t *said_us)
{
    int64_t now = clock_tick_us();
    if (now - *said_us < 1000000)
        return;
    *said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)m->at, "total",
                       (json_int_t)input_size(m->in), "unit", "bytes"));
}

// Packets are in another order than frames are shown: by a few frames it may be ahead or behind.
static void count_fields(struct counted *c, const struct media *m)
{
    enum { BESIDE = 6 };
    int lasting = m->parser ? m->parser->repeat_pict + 1 : 2;
    c->fields += lasting;
    c->longer += lasting > 2;
    for (int i = 0; i < 2; i++) {
        int64_t off = 2 * c->fields - 5 * (1 + i) * (c->frames + 1);
        c->unsteady[i] = c->unsteady[i] || off > 2 * BESIDE || off < -2 * BESIDE;
    }
}

static void count_packets(struct probing *p)
{
    struct media *m = p->m;
    AVPacket *packet = av_packet_alloc();
    int64_t said_us = clock_tick_us();
    int code;
    while ((code = media_read(m, packet)) >= 0) {
        progress(m, &said_us);
        if (packet->stream_index == m->video && !(packet->flags & AV_PKT_FLAG_DISCARD)) {
            if (!media_second_field(m, packet)) {
                int64_t time = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
                if (time != AV_NOPTS_VALUE)
                    add_time(&p->c, time);
                if (packet->flags & AV_PKT_FLAG_CORRUPT)
                    damage(p->damage, "picture", "the container says that this frame is damaged",
                           p->c.frames);
                count_fields(&p->c, m);
                p->c.frames++;
            }
        } else if (packet->stream_index == m->audio && m->format) {
            p->c.audio_samples += packet->duration;
        }
        av_packet_unref(packet);
    }
    if (code != AVERROR_EOF)
        damage(p->damage, "container", "the file can not be read to its end", p->c.frames);
    av_packet_free(&packet);
}

// The most common duration of a frame, as a mean of those within a millisecond: what was written in
// whole milliseconds has 33 and 34 for 29.97.
static rational common_rate(const struct counted *c, AVRational base)
{
    size_t count = c->time_count - 1, best = 0, first = 0;
    int64_t *steps = malloc(count * sizeof(*steps)), sum = 0;
    int64_t near = rescale(1, (rational){1000, 1}, (rational){base.den, base.num}, ROUND_UP);
    for (size_t i = 0; i < count; i++)
        steps[i] = c->times[i + 1] - c->times[i];
    qsort(steps, count, sizeof(*steps), by_number);
    for (size_t low = 0, high = 0; high < count; high++) {
        while (steps[high] - steps[low] > near)
            low++;
        if (high - low + 1 > best)
            best = high - low + 1, first = low;
    }
    for (size_t i = first; i < first + best; i++)
        sum += steps[i];
    free(steps);
    return sum > 0 ? rational_make((int64_t)best * base.den, sum * base.num) : (rational){25, 1};
}

// The rate that the stream itself says, when flags let some frames last longer.
static bool flagged_rate(const struct probing *p, rational *rate)
{
    AVRational said = p->m->parser_codec ? p->m->parser_codec->framerate : (AVRational){0, 1};
    return p->c.longer && said.num > 0 && said.den > 0 &&
           rate_nearest(rational_make(said.num, said.den), rate);
}

static void find_constant(struct probing *p, AVRational base)
{
    const struct counted *c = &p->c;
    rational common = common_rate(c, base), ticks = {base.den, base.num};
    int64_t span = c->times[c->time_count - 1] - c->times[0];
    if (!flagged_rate(p, &p->constant_rate))
        p->constant_rate = rate_standard(common);
    p->constant_frames = rescale(span + rescale(1, common, ticks, ROUND_NEAREST), ticks,
                                 p->constant_rate, ROUND_NEAREST);
    p->constant_frames = p->constant_frames > 0 ? p->constant_frames : 1;
}

// Whether no frame is further than a tick and a bit from its place.
static bool holds(const struct counted *c, AVRational base, rational r)
{
    double step = (double)r.den * base.den / ((double)r.num * base.num);
    for (size_t i = 0; i < c->time_count; i++) {
        double off = (double)(c->times[i] - c->times[0]) - step * (double)i;
        if (off <= -1.51 || off >= 1.51)
            return false;
    }
    return true;
}

// Film in a stream of fields of which each third or so is only said to be shown once more: its
// frames are the film's, all of them, at four fifths of the rate (or two fifths, where a frame is
// shown two or three times).
static bool find_pull_down(struct probing *p)
{
    const struct counted *c = &p->c;
    rational whole;
    int times = !c->unsteady[0] ? 1 : 2;
    if (!flagged_rate(p, &whole) || c->frames < 8 || (c->unsteady[0] && c->unsteady[1]))
        return false;
    p->rate = rational_make(whole.num * 4, whole.den * 5 * times);
    p->pulled = true;
    snprintf(p->rate_from, sizeof(p->rate_from), "repeat flags");
    return true;
}

// The rate that the times show: constant when every frame is within a tick of its place.
static void find_rate(struct probing *p)
{
    struct media *m = p->m;
    AVStream *s = m->format->streams[m->video];
    AVRational said = s->avg_frame_rate.num ? s->avg_frame_rate : s->r_frame_rate;
    struct counted *c = &p->c;
    rational rate = {0, 1};
    snprintf(p->rate_from, sizeof(p->rate_from), "container");
    if (said.num > 0 && said.den > 0)
        rate = rational_make(said.num, said.den);
    if (find_pull_down(p)) {
        if (c->time_count)
            qsort(c->times, c->time_count, sizeof(*c->times), by_number);
        return;
    }
    if (c->time_count)
        qsort(c->times, c->time_count, sizeof(*c->times), by_number);
    if (c->time_count > 1 && s->time_base.num > 0) {
        int64_t span = c->times[c->time_count - 1] - c->times[0];
        if (span > 0) {
            rational measured = rational_make((int64_t)(c->time_count - 1) * s->time_base.den,
                                              span * s->time_base.num);
            rational r_frame = s->r_frame_rate.num > 0 && s->r_frame_rate.den > 0
                                   ? rational_make(s->r_frame_rate.num, s->r_frame_rate.den)
                                   : rate;
            // A candidate holds when no frame is further than a tick and a bit from its place.
            rational candidates[4] = {rate, r_frame, measured, measured};
            if (!rate_nearest(measured, &candidates[3]))
                candidates[3] = measured;
            p->vfr = true;
            for (int k = 0; k < 4 && p->vfr; k++) {
                rational r = candidates[k];
                if (r.num <= 0)
                    continue;
                if (holds(c, s->time_base, r)) {
                    p->vfr = false;
                    rate = r;
                    if (k == 2 && !rate_nearest(r, &rate))
                        rate = r;
                    if (k >= 2)
                        snprintf(p->rate_from, sizeof(p->rate_from), "timestamps");
                }
            }
            if (p->vfr) {
                rate = measured;
                snprintf(p->rate_from, sizeof(p->rate_from), "timestamps, average");
                find_constant(p, s->time_base);
            }
        }
    }
    rational near;
    // What a container says of 59.94 in whole nanoseconds is 19001/317: near a rate that is in use,
    // and the times hold for both.
    if (!p->vfr && rate.num > 0 && rate_nearest(rate, &near) &&
        (rate.den > 1001 ||
         (c->time_count > 1 && s->time_base.num > 0 && holds(c, s->time_base, near))))
        rate = near;
    if (rate.num <= 0 || rate.num / rate.den > 1000) {
        rate = (rational){25, 1};
        snprintf(p->rate_from, sizeof(p->rate_from), "none");
    }
    p->rate = rate;
}

// ---- looking at a few frames

static void look_at_captions(struct probing *p, const AVFrame *f)
{
    const AVFrameSideData *d = av_frame_get_side_data(f, AV_FRAME_DATA_A53_CC);
    for (size_t i = 0; d && i + 2 < d->size; i += 3) {
        int type = d->data[i] & 3;
        bool valid = d->data[i] & 4, filled = (d->data[i + 1] & 0x7f) || (d->data[i + 2] & 0x7f);
        if (type < 2 && valid && filled)
            p->cc608[type] = true;
        if (type >= 2 && valid && filled)
            p->cc708 = true;
    }
}

static void take_frame(struct probing *p, AVFrame *f)
{
    look_at_captions(p, f);
    p->looked++;
    p->interlaced_frames += f->interlaced_frame;
    p->top_first += f->interlaced_frame && f->top_field_first;
    if (!p->first)
        p->first = av_frame_clone(f);
}

static void look(struct probing *p)
{
    struct media *m = p->m;
    struct error err;
    AVCodecContext *decoder = NULL;
    clock_t began = clock();
    if (p->undecoded)
        return;
    if (!decoder_open(media_video(m), media_video_base(m), LOOKING_THREADS, &decoder, &err)) {
        damage(p->damage, "picture", err.what, -1);
        return;
    }
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    bool ended = false;
    const AVCodecDescriptor *about = avcodec_descriptor_get(media_video(m)->codec_id);
    bool alone = about && about->props & AV_CODEC_PROP_INTRA_ONLY;
    int most = alone ? LOOKED_AT_ALONE : FRAMES_LOOKED_AT;
    for (int sent = 0; p->looked < most && !ended;) {
        bool late = clock() - began > CLOCKS_PER_SEC && p->first;
        int code = late || sent >= 4 * FRAMES_LOOKED_AT ? AVERROR_EOF : media_read(m, packet);
        ended = code < 0;
        if (ended)
            avcodec_send_packet(decoder, NULL);
        else if (packet->stream_index == m->video) {
            sent++;
            avcodec_send_packet(decoder, packet);
        }
        av_packet_unref(packet);
        while (avcodec_receive_frame(decoder, frame) >= 0) {
            take_frame(p, frame);
            av_frame_unref(frame);
        }
    }
    if (m->pictures && p->first && decoder->framerate.num > 0 && decoder->framerate.den > 0) {
        rational found = rational_make(decoder->framerate.num, decoder->framerate.den), near;
        p->rate = rate_nearest(found, &near) ? near : found;
        snprintf(p->rate_from, sizeof(p->rate_from), "file header");
    }
    if (!p->first)
        damage(p->damage, "picture", "none of its first frames can be decoded", 0);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&decoder);
}

// ---- facts

static void set_text(json_t *to, const char *name, const char *value)
{
    if (value && *value && text_utf8(text_of(value)))
        json_object_set_new(to, name, json_string(value));
}

static const char *tag(const AVDictionary *d, const char *name)
{
    const AVDictionaryEntry *e = av_dict_get(d, name, NULL, 0);
    return e ? e->value : NULL;
}

static json_t *tags(const AVDictionary *d)
{
    json_t *to = json_object();
    const AVDictionaryEntry *e = NULL;
    while ((e = av_dict_get(d, "", e, AV_DICT_IGNORE_SUFFIX)) && json_object_size(to) < 200)
        if (text_utf8(text_of(e->key)) && strlen(e->value) < 4096)
            set_text(to, e->key, e->value);
    return to;
}

static const char *field_name(const struct probing *p, enum AVFieldOrder order)
{
    if (order == AV_FIELD_TT || order == AV_FIELD_TB)
        return "top";
    if (order == AV_FIELD_BB || order == AV_FIELD_BT)
        return "bottom";
    if (p->looked && p->interlaced_frames * 2 > p->looked)
        return p->top_first * 2 > p->interlaced_frames ? "top" : "bottom";
    return order == AV_FIELD_PROGRESSIVE || p->looked ? "progressive" : "unknown";
}

static const char *chroma_name(const AVPixFmtDescriptor *d)
{
    if (!d || d->nb_components < 3)
        return d ? "mono" : "unknown";
    if (d->flags & AV_PIX_FMT_FLAG_RGB)
        return "rgb";
    return d->log2_chroma_w == 0   ? "4:4:4"
           : d->log2_chroma_w == 2 ? "4:1:1"
           : d->log2_chroma_h      ? "4:2:0"
                                   : "4:2:2";
}

static const void *stream_side(const AVStream *s, enum AVPacketSideDataType type)
{
    return s ? av_stream_get_side_data(s, type, NULL) : NULL;
}

static const void *frame_side(const AVFrame *f, enum AVFrameSideDataType type)
{
    const AVFrameSideData *d = f ? av_frame_get_side_data(f, type) : NULL;
    return d ? d->data : NULL;
}

static json_t *hdr_fact(const struct probing *p, const AVStream *s, int transfer)
{
    const AVMasteringDisplayMetadata *m = stream_side(s, AV_PKT_DATA_MASTERING_DISPLAY_METADATA);
    const AVContentLightMetadata *l = stream_side(s, AV_PKT_DATA_CONTENT_LIGHT_LEVEL);
    bool dolby = stream_side(s, AV_PKT_DATA_DOVI_CONF) != NULL ||
                 frame_side(p->first, AV_FRAME_DATA_DOVI_METADATA) != NULL;
    m = m ? m : frame_side(p->first, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);
    l = l ? l : frame_side(p->first, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
    if (!m && !l && !dolby && transfer != AVCOL_TRC_SMPTE2084 && transfer != AVCOL_TRC_ARIB_STD_B67)
        return NULL;
    json_t *to = json_pack("{s:b}", "dolby_vision", dolby);
    if (l) {
        json_object_set_new(to, "max_cll", json_integer(l->MaxCLL));
        json_object_set_new(to, "max_fall", json_integer(l->MaxFALL));
    }
    if (m && m->has_primaries && m->has_luminance) {
        char t[200];
#define P(v) (long)(av_q2d(v) * 50000 + 0.5)
#define L(v) (long)(av_q2d(v) * 10000 + 0.5)
        snprintf(t, sizeof(t), "G(%ld,%ld)B(%ld,%ld)R(%ld,%ld)WP(%ld,%ld)L(%ld,%ld)",
                 P(m->display_primaries[1][0]), P(m->display_primaries[1][1]),
                 P(m->display_primaries[2][0]), P(m->display_primaries[2][1]),
                 P(m->display_primaries[0][0]), P(m->display_primaries[0][1]), P(m->white_point[0]),
                 P(m->white_point[1]), L(m->max_luminance), L(m->min_luminance));
        set_text(to, "mastering", t);
    }
    return to;
}

static int rotation_of(const AVStream *s)
{
    const void *matrix = stream_side(s, AV_PKT_DATA_DISPLAYMATRIX);
    double angle = matrix ? -av_display_rotation_get(matrix) : 0;
    if (!(angle > -1000 && angle < 1000)) // NaN of a matrix that is none
        return 0;
    int whole = (int)(angle < 0 ? angle - 45 : angle + 45) / 90 * 90;
    return ((whole % 360) + 360) % 360;
}

static void disagree(json_t *list, const char *what, const char *box, const char *inside)
{
    static const char *const nothing[] = {"unknown", "unspecified", "reserved"};
    char text[160];
    if (!box || !inside || strcmp(box, inside) == 0)
        return;
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
        if (strcmp(box, nothing[i]) == 0 || strcmp(inside, nothing[i]) == 0)
            return;
    bool one = strcmp(box, "bt470bg") == 0 || strcmp(box, "smpte170m") == 0;
    bool other = strcmp(inside, "bt470bg") == 0 || strcmp(inside, "smpte170m") == 0;
    if (one && other) // the two matrices of BT.601 are one
        return;
    snprintf(text, sizeof(text), "%s: the container says %s, the picture %s", what, box, inside);
    json_array_append_new(list, json_string(text));
}

// MXF says what is stored, in whole blocks: 1088 lines of 1080.
static bool same_size(int box, int inside)
{
    return box == inside || box == (inside + 15) / 16 * 16;
}

// What the container's header says otherwise than the first picture itself.
static json_t *disagreements(const AVCodecParameters *box, const AVFrame *f)
{
    json_t *list = json_array();
    char said[2][32];
    snprintf(said[0], sizeof(said[0]), "%dx%d", box->width, box->height);
    snprintf(said[1], sizeof(said[1]), "%dx%d", f->width, f->height);
    if (box->width > 0 && !(same_size(box->width, f->width) && same_size(box->height, f->height)))
        disagree(list, "size", said[0], said[1]);
    disagree(list, "primaries", av_color_primaries_name(box->color_primaries),
             av_color_primaries_name(f->color_primaries));
    disagree(list, "transfer", av_color_transfer_name(box->color_trc),
             av_color_transfer_name(f->color_trc));
    disagree(list, "matrix", av_color_space_name(box->color_space),
             av_color_space_name(f->colorspace));
    disagree(list, "range", av_color_range_name(box->color_range),
             av_color_range_name(f->color_range));
    return list;
}

static json_t *video_fact(const struct probing *p, int index)
{
    const struct media *m = p->m;
    const AVStream *s = m->pictures ? NULL : m->format->streams[index];
    const AVCodecParameters *par = m->pictures ? m->picture : s->codecpar;
    const AVFrame *f = index == m->video ? p->first : NULL;
    int format = f ? f->format : par->format;
    const AVPixFmtDescriptor *d = format >= 0 ? av_pix_fmt_desc_get(format) : NULL;
    int width = f ? f->width : par->width, height = f ? f->height : par->height;
    AVRational aspect = s && s->sample_aspect_ratio.num ? s->sample_aspect_ratio
                        : f                             ? f->sample_aspect_ratio
                                                        : par->sample_aspect_ratio;
    if (aspect.num <= 0 || aspect.den <= 0 || av_q2d(aspect) > 10 || av_q2d(aspect) < 0.1)
        aspect = (AVRational){1, 1};
    av_reduce(&aspect.num, &aspect.den, aspect.num, aspect.den, 65535);
    int rotation = rotation_of(s);
    int shown_w = aspect.num > aspect.den ? (int)av_rescale(width, aspect.num, aspect.den) : width;
    int shown_h =
        aspect.num < aspect.den ? (int)av_rescale(height, aspect.den, aspect.num) : height;
    int primaries = f && f->color_primaries != AVCOL_PRI_UNSPECIFIED ? (int)f->color_primaries
                                                                     : (int)par->color_primaries;
    int transfer =
        f && f->color_trc != AVCOL_TRC_UNSPECIFIED ? (int)f->color_trc : (int)par->color_trc;
    int matrix =
        f && f->colorspace != AVCOL_SPC_UNSPECIFIED ? (int)f->colorspace : (int)par->color_space;
    int range = f && f->color_range != AVCOL_RANGE_UNSPECIFIED ? (int)f->color_range
                                                               : (int)par->color_range;
    char aspect_text[32];
    snprintf(aspect_text, sizeof(aspect_text), "%d:%d", aspect.num, aspect.den);
    bool turned = rotation == 90 || rotation == 270;
    const char *primaries_name = av_color_primaries_name(primaries);
    const char *transfer_name = av_color_transfer_name(transfer);
    const char *matrix_name = av_color_space_name(matrix);
    const char *range_name = range == AVCOL_RANGE_JPEG               ? "full"
                             : range == AVCOL_RANGE_MPEG             ? "limited"
                             : d && (d->flags & AV_PIX_FMT_FLAG_RGB) ? "full"
                                                                     : "unknown";
#define NAME(n) (n) && strcmp(n, "unknown") ? (n) : "unknown"
    json_t *to = json_pack(
        "{s:i, s:s, s:i, s:i, s:i, s:i, s:s, s:i, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "index",
        index, "codec", avcodec_get_name(par->codec_id), "width", width, "height", height,
        "display_width", turned ? shown_h : shown_w, "display_height", turned ? shown_w : shown_h,
        "pixel_aspect", aspect_text, "rotation", rotation, "field_order",
        field_name(p, par->field_order), "pixel_format", d ? d->name : "unknown", "bits",
        d ? d->comp[0].depth : 0, "chroma", chroma_name(d), "primaries", NAME(primaries_name),
        "transfer", NAME(transfer_name), "matrix", NAME(matrix_name), "range", range_name);
    const char *profile = avcodec_profile_name(par->codec_id, par->profile);
    set_text(to, "profile", profile);
    json_t *hdr = hdr_fact(p, s, transfer);
    if (hdr)
        json_object_set_new(to, "hdr", hdr);
    bool same = m->declared && m->declared->codec_id == par->codec_id;
    json_t *wrong = f && same ? disagreements(m->declared, f) : NULL;
    if (json_array_size(wrong))
        json_object_set(to, "disagree", wrong);
    json_decref(wrong);
    if (par->bit_rate > 0)
        json_object_set_new(to, "bit_rate", json_integer(par->bit_rate));
    const char *language = s ? tag(s->metadata, "language") : NULL;
    if (language && strcmp(language, "und"))
        set_text(to, "language", language);
    return to;
}

static int64_t audio_length(const struct probing *p, const AVStream *s)
{
    int64_t length = s->duration;
    if (length == AV_NOPTS_VALUE && s->index == p->m->audio)
        length = p->c.audio_samples;
    if (length <= 0)
        length = p->m->format->duration > 0
                     ? av_rescale_q(p->m->format->duration, AV_TIME_BASE_Q, s->time_base)
                     : 0;
    return av_rescale_q(length, s->time_base, (AVRational){1, s->codecpar->sample_rate});
}

static json_t *audio_fact(const struct probing *p, const AVStream *s)
{
    const AVCodecParameters *par = s->codecpar;
    char layout[128] = "unknown";
    if (par->ch_layout.order != AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_describe(&par->ch_layout, layout, sizeof(layout));
    json_t *to = json_pack("{s:i, s:s, s:i, s:i, s:s, s:I}", "index", s->index, "codec",
                           avcodec_get_name(par->codec_id), "sample_rate", par->sample_rate,
                           "channels", par->ch_layout.nb_channels, "layout", layout,
                           "duration_samples", (json_int_t)audio_length(p, s));
    int bits =
        par->bits_per_raw_sample ? par->bits_per_raw_sample : av_get_bits_per_sample(par->codec_id);
    if (bits)
        json_object_set_new(to, "bits", json_integer(bits));
    const char *language = tag(s->metadata, "language");
    if (language && strcmp(language, "und"))
        set_text(to, "language", language);
    const char *title = tag(s->metadata, "title");
    set_text(to, "title", title ? title : tag(s->metadata, "handler_name"));
    return to;
}

static void add_captions(const struct probing *p, json_t *to)
{
    for (unsigned i = 0; p->m->format && i < p->m->format->nb_streams; i++) {
        const AVStream *s = p->m->format->streams[i];
        bool ttml =
            s->codecpar->codec_tag == MKTAG('s', 't', 'p', 'p'); // libav knows no such codec
        if (s->codecpar->codec_type != AVMEDIA_TYPE_SUBTITLE && !ttml)
            continue;
        bool c608 = s->codecpar->codec_id == AV_CODEC_ID_EIA_608;
        json_t *row = json_pack("{s:i, s:s}", "index", (int)i, "kind",
                                c608   ? "608"
                                : ttml ? "ttml"
                                       : avcodec_get_name(s->codecpar->codec_id));
        const char *language = tag(s->metadata, "language");
        if (language && strcmp(language, "und"))
            set_text(row, "language", language);
        json_array_append_new(to, row);
    }
    if (p->cc608[0] || p->cc608[1])
        json_array_append_new(to, json_pack("{s:i, s:s, s:s}", "index", p->m->video, "kind", "608",
                                            "channels",
                                            p->cc608[0] && p->cc608[1] ? "CC1 CC3"
                                            : p->cc608[0]              ? "CC1"
                                                                       : "CC3"));
    if (p->cc708)
        json_array_append_new(to, json_pack("{s:i, s:s}", "index", p->m->video, "kind", "708"));
}

// ---- timecode

static json_t *timecode_fact(const char *label, const struct tc_rate *rate, const char *from)
{
    struct error err;
    int64_t frame;
    if (!tc_parse(text_of(label), rate, &frame, &err))
        return NULL;
    return json_pack("{s:s, s:I, s:i, s:i, s:b, s:s}", "start", tc_format(frame, rate).text,
                     "start_frame", (json_int_t)frame, "base", rate->base, "frames_per_label",
                     rate->frames_per_label, "drop", rate->drop, "from", from);
}

// A label as written: ';' says that it drops.
static json_t *labelled(const struct probing *p, const char *label, int base, const char *from)
{
    struct tc_rate rate;
    struct error err;
    bool drop = strchr(label, ';') || (strchr(label, '.') && !strchr(label, ','));
    if (!(base > 0 && tc_rate_with_base(p->rate, base, drop, &rate, &err)) &&
        !tc_rate_make(p->rate, drop, &rate, &err) && !tc_rate_make(p->rate, false, &rate, &err))
        return NULL;
    return timecode_fact(label, &rate, from);
}

static json_t *find_timecode(const struct probing *p)
{
    const AVFormatContext *f = p->m->format;
    const char *label;
    for (unsigned i = 0; f && i < f->nb_streams; i++) {
        const AVStream *s = f->streams[i];
        const AVCodecParameters *par = s->codecpar;
        label = tag(s->metadata, "timecode");
        if (par->codec_tag == MKTAG('t', 'm', 'c', 'd') && label) {
            // The sample description: flags, time scale, frame duration, numbers a second.
            int base = par->extradata_size >= 17 ? par->extradata[16] : 0;
            return labelled(p, label, base, "tmcd");
        }
    }
    label = f ? tag(f->metadata, "timecode") : NULL;
    if (label)
        return labelled(p, label, 0, strstr(f->iformat->name, "mxf") ? "mxf" : "stream tag");
    for (unsigned i = 0; f && i < f->nb_streams; i++)
        if ((label = tag(f->streams[i]->metadata, "timecode")))
            return labelled(p, label, 0, strstr(f->iformat->name, "mxf") ? "mxf" : "stream tag");
    if (p->first && (label = tag(p->first->metadata, "timecode")) && strcmp(label, "00:00:00:00"))
        return labelled(p, label, 0, "file header");
    struct tc_rate rate;
    struct error err;
    if (p->m->pictures && p->m->ticket->sequence && tc_rate_make(p->rate, false, &rate, &err)) {
        tc_label at = tc_format(p->m->first, &rate);
        return timecode_fact(at.text, &rate, "file number");
    }
    return NULL;
}

// Sound's start is a count of samples since midnight (EBU Tech 3285, TimeReference).
static json_t *sound_timecode(const struct probing *p, json_t *facts)
{
    const AVFormatContext *f = p->m->format;
    const char *reference = f ? tag(f->metadata, "time_reference") : NULL;
    struct tc_rate rate;
    struct error err;
    int64_t samples;
    if (!reference || !text_int(text_of(reference), &samples) || p->m->audio < 0)
        return NULL;
    rational fps = {25, 1};
    if (p->m->ticket->sequence_rate.den)
        fps = p->m->ticket->sequence_rate;
    if (!tc_rate_make(fps, false, &rate, &err))
        return NULL;
    int64_t frame = tc_from_samples(samples, f->streams[p->m->audio]->codecpar->sample_rate, &rate);
    json_object_set_new(json_object_get(facts, "tags"), "time_reference", json_string(reference));
    return timecode_fact(tc_format(frame, &rate).text, &rate, "bwf");
}

// ---- together

static json_t *sequence_fact(const struct media *m)
{
    struct sequence_name parts;
    char pattern[512];
    const struct ticket *t = m->ticket;
    if (!m->pictures || !t->sequence || !sequence_name_parse(text_of(t->inputs[0].name), &parts) ||
        !sequence_pattern(&parts, pattern, sizeof(pattern)))
        return NULL;
    json_t *missing = json_array();
    for (size_t i = 1; i < t->input_count; i++)
        for (int64_t n = m->numbers[i - 1] + 1;
             n < m->numbers[i] && json_array_size(missing) < 10000; n++)
            json_array_append_new(missing, json_integer(n));
    return json_pack("{s:I, s:I, s:I, s:o, s:i, s:s}", "first", (json_int_t)m->first, "last",
                     (json_int_t)m->last, "count", (json_int_t)t->input_count, "missing", missing,
                     "padding", parts.padding, "pattern", pattern);
}

static const char *container_name(const struct media *m)
{
    if (m->pictures)
        return avcodec_get_name(m->picture_codec);
    const char *name = m->format->iformat->name;
    const char *brand = tag(m->format->metadata, "major_brand");
    if (strstr(name, "mov"))
        return brand && strncmp(brand, "qt", 2) ? "mp4" : "mov";
    if (strstr(name, "matroska"))
        return m->video >= 0 && (media_video(m)->codec_id == AV_CODEC_ID_VP8 ||
                                 media_video(m)->codec_id == AV_CODEC_ID_VP9)
                   ? "webm"
                   : "mkv";
    return !strcmp(name, "mpegts") ? "ts" : name;
}

static void duration(const struct probing *p, json_t *facts)
{
    const struct media *m = p->m;
    int64_t frames = m->pictures ? media_places(m) : p->c.frames;
    rational rate = p->rate;
    const char *from = p->rate_from;
    if (m->video < 0) {
        const AVStream *s = m->format->streams[m->audio];
        frames = audio_length(p, s);
        rate = (rational){s->codecpar->sample_rate, 1};
        from = "container";
    }
    json_object_set_new(facts, "duration_frames", json_integer(frames));
    json_object_set_new(facts, "rate", json_string(rational_text(rate).text));
    json_object_set_new(facts, "rate_from", json_string(from));
    json_object_set_new(facts, "vfr", json_boolean(p->vfr));
    if (p->pulled)
        json_object_set_new(facts, "pulldown", json_string("2:3, only said by its flags"));
    if (p->vfr && p->constant_frames)
        json_object_set_new(facts, "constant",
                            json_pack("{s:s, s:I, s:s}", "rate",
                                      rational_text(p->constant_rate).text, "frames",
                                      (json_int_t)p->constant_frames, "rule",
                                      "the standard rate nearest to the most common frame "
                                      "duration; frames are repeated or dropped by time"));
    json_object_set_new(
        facts, "duration_text",
        json_string(time_text(rescale(frames, rate, (rational){1, 1}, ROUND_NEAREST)).text));
}

static json_t *facts_of(const struct probing *p)
{
    const struct media *m = p->m;
    json_t *video = json_array(), *audio = json_array(), *captions = json_array();
    if (m->pictures)
        json_array_append_new(video, video_fact(p, 0));
    for (unsigned i = 0; m->format && i < m->format->nb_streams; i++) {
        const AVStream *s = m->format->streams[i];
        if (s->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
            !(s->disposition & AV_DISPOSITION_ATTACHED_PIC))
            json_array_append_new(video, video_fact(p, (int)i));
        if (s->codecpar->codec_type == AVMEDIA_TYPE_AUDIO && s->codecpar->sample_rate > 0)
            json_array_append_new(audio, audio_fact(p, s));
    }
    add_captions(p, captions);
    const char *kind = m->video < 0                                   ? "sound"
                       : m->pictures && (m->ticket->sequence != NULL) ? "sequence"
                       : m->pictures                                  ? "still"
                                                                      : "clip";
    json_t *facts =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:O, s:o}", "container", container_name(m), "kind",
                  kind, "video", video, "audio", audio, "captions", captions, "damage", p->damage,
                  "tags", m->format ? tags(m->format->metadata) : json_object());
    duration(p, facts);
    json_t *timecode = m->video >= 0 ? find_timecode(p) : sound_timecode(p, facts);
    if (timecode)
        json_object_set_new(facts, "timecode", timecode);
    metadata_facts(m, facts);
    json_t *sequence = sequence_fact(m);
    if (sequence)
        json_object_set_new(facts, "sequence", sequence);
    struct camera camera = p->camera;
    camera_add_facts(m, &camera, !p->undecoded, facts);
    json_t *exr = NULL;
    struct error ignored; // the picture was read: that its layers are not listed is no reason to stop
    if (m->pictures && m->picture_codec == AV_CODEC_ID_EXR &&
        layers_list(0, &m->ticket->inputs[0], &exr, &ignored))
        json_object_set_new(facts, "exr", exr);
    return facts;
}

static bool count_all(struct probing *p, struct error *err)
{
    struct media *m = p->m;
    if (m->pictures) {
        p->rate = m->ticket->sequence_rate.den ? m->ticket->sequence_rate : (rational){24, 1};
        snprintf(p->rate_from, sizeof(p->rate_from), "%s",
                 m->ticket->sequence_rate.den ? "project" : "none");
        if (p->camera.rate.num > 0) {
            p->rate = p->camera.rate;
            snprintf(p->rate_from, sizeof(p->rate_from), "file header");
        }
        look(p);
        if (!p->first && p->camera.format) { // a DNG that libav does not develop
            p->undecoded = true;
            p->camera.sdk = "software that develops it";
            json_array_clear(p->damage);
            return true;
        }
        return p->first ||
               (error_set(err, ERROR_DAMAGED, "%s can not be read", m->ticket->inputs[0].name),
                error_why(err, "it is not a picture, or it is cut off"),
                error_fix(err, "check that it opens where it came from, and bring it in again"));
    }
    const char *sound = m->format->iformat->name;
    bool counted_by_header = m->video < 0 && (!strcmp(sound, "wav") || !strcmp(sound, "w64") ||
                                              !strcmp(sound, "flac") || strstr(sound, "mov"));
    bool table = m->video >= 0 && has_sample_table(m);
    if (table) {
        count_table(p);
        look(p);
        find_rate(p);
        return true;
    }
    if (counted_by_header) {
        AVPacket *first = av_packet_alloc();
        media_read(m, first); // shows whether it is encrypted
        av_packet_free(&first);
        return true;
    }
    if (m->video >= 0) {
        look(p);
        const struct ticket *t = m->ticket;
        media_close(m); // from the beginning: some formats can not seek there
        p->m = NULL;
        return media_open(t, &p->m, err);
    }
    return true;
}

bool probe(const struct ticket *t, json_t **facts, struct error *err)
{
    return probe_seeing(t, NULL, facts, err);
}

bool probe_seeing(const struct ticket *t, probe_saw *saw, json_t **facts, struct error *err)
{
    struct probing p = {.damage = json_array(), .rate = {25, 1}};
    bool own = false, done = !t->inputs[0].size || camera_look(t, &p.camera, &own, err);
    if (done && own && !maker_of(t)) {
        *facts = camera_facts(t, &p.camera);
        json_decref(p.damage);
        return true;
    }
    done = done && media_open(t, &p.m, err);
    p.undecoded = done && !camera_decoded(p.m, &p.camera);
    done = done && count_all(&p, err) && (!p.m->encrypted || media_locked(p.m, err));
    if (done && p.m->format && !(p.m->video >= 0 && has_sample_table(p.m)) &&
        (p.m->video >= 0 || p.m->format->streams[p.m->audio]->duration == AV_NOPTS_VALUE ||
         !strcmp(p.m->format->iformat->name, "mp3") ||
         !strcmp(p.m->format->iformat->name, "aac"))) {
        count_packets(&p);
        if (p.m->video >= 0)
            find_rate(&p);
    }
    if (done && p.m->video >= 0 && !p.m->pictures && !p.c.frames) {
        error_set(err, ERROR_DAMAGED, "%s has no frames", t->inputs[0].name);
        error_why(err, "its header is there, but no picture follows");
        done = error_fix(err, "bring it in again from where it was recorded");
    }
    if (done)
        *facts = facts_of(&p);
    if (done && saw && p.first)
        saw(t, p.first);
    av_frame_free(&p.first);
    media_close(p.m);
    free(p.c.times);
    json_decref(p.damage);
    return done;
}
