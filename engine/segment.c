/*
 * Exactly the frames of one segment, with a group of pictures that is closed and begins anew.
 *
 * Decoding begins at the key frame that the plan names. What comes before the segment's first place
 * is only kept, in case that place is lost: then the frame before it is shown in its stead, as it
 * would be had the film been decoded from its start. When there is no such frame either, decoding
 * begins once more, further back. Frames are told apart by their times in the source, which the
 * plan has, so it does not matter how well a container seeks: packets are read from wherever it
 * landed until the planned one comes, else from the start.
 *
 * A source without a constant rate gets one: a frame begins at the frame of the deliverable that is
 * nearest to its time and stays until the next one begins.
 *
 * A segment that is measured goes the same way into three encoders that write nothing: all of it
 * quickly, and its first frames as they will be encoded, at three qualities. That tells what the
 * quick way is off by, and how many bits less a quality is (tickets/make.c solves for the one
 * quality at which all segments come to the bit rate together).
 *
 * What was encoded is decoded again as it is written, the beginning of each group of pictures and
 * of frames that stand alone some: a segment that does not hold the frames that it should is no
 * segment.
 */
#include "engine/burn.h"
#include "engine/convert.h"
#include "engine/deliverable.h"
#include "engine/fields.h"
#include "engine/own.h"
#include "engine/picture.h"
#include "engine/places.h"
#include "formats/profile/hdr.h"
#include "formats/profile/picture.h"
#include "plat/clock.h"

#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAMAGE_ROWS 200
// Of frames that stand alone, and from each key frame on.
enum { LOOKED_AT_EVERY = 24, LOOKED_AT_FROM_KEY = 8 };

enum { QUICK, GOOD, FAIR, POOR, MEASURES, MEASURED_LEAST = 24 };
enum { KEPT = 512, LAG = 32 }; // more than an encoder keeps back; between two of them
// What tickets/make.c counts from.
static const char *const measured_at[MEASURES] = {"23", "18", "26", "34"};

struct measuring {
    AVCodecContext *encoder;
    int64_t most;             // frames
    int64_t bits, first_bits; // first: of the frames that all of them get
    // When the deliverable is to come to a likeness: what was encoded is shown, and compared.
    AVCodecContext *decoder;
    int64_t error, first_error; // squared, of luma
};

struct cutting {
    struct order o;
    struct media *m;
    AVCodecContext *decoder, *encoder, *proof;
    struct own_encoder *own; // does what `encoder` only describes
    struct profile_picture picture;
    struct shaper *shaper;         // of proxies
    struct conversion *conversion; // of all others
    struct fields *fields;         // NULL: frames are as they are
    struct burn *burn;             // NULL: nothing
    struct places places;
    // of the plan
    int64_t first, count; // frames of the deliverable
    int64_t time, end_time, first_time;
    int64_t next_place;
    int64_t source; // place of the frame that is shown
    size_t start;   // which of segment.from
    const json_t *from;
    // as it goes
    int64_t shown, early, packets, proven, delay;
    int64_t since_key;    // packets, with the key frame
    bool over;            // all places were seen
    bool again;           // it has to begin further back
    AVFrame *last, *made; // to be shown; as it is encoded, once that was needed
    AVFrame *decoded;     // of fields: the last of the source
    json_t *damage;
    int file;
    struct packets_writer *writer;
    struct measuring measures[MEASURES]; // of a segment that is measured
    AVFrame *kept[KEPT];                 // frames that are not compared with all yet, by number
    bool measured;
    int64_t said_us;
    AVPacket *packet, *out; // of the source; of the encoder
    AVFrame *frame;
};

static int64_t whole(const json_t *object, const char *name, int64_t otherwise)
{
    const json_t *v = json_object_get(object, name);
    return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

static bool no_memory(struct error *err)
{
    return error_set(err, ERROR_TOO_BIG, "no memory for a frame");
}

// ---- the encoder

static int colour(const char *name, int (*from)(const char *), int otherwise)
{
    int value = from(name);
    return value < 0 ? otherwise : value;
}

// All of it from the facts: it has to be the same for every segment.
static void set_shape(struct cutting *x, AVCodecContext *c)
{
    const struct profile_picture *p = &x->picture;
    c->color_primaries = colour(p->primaries, av_color_primaries_from_name, AVCOL_PRI_UNSPECIFIED);
    c->color_trc = colour(p->transfer, av_color_transfer_from_name, AVCOL_TRC_UNSPECIFIED);
    c->colorspace = colour(p->matrix, av_color_space_from_name, AVCOL_SPC_UNSPECIFIED);
    c->color_range = p->full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    c->chroma_sample_location = media_video(x->m)->chroma_location;
    c->sample_aspect_ratio = (AVRational){p->aspect_num, p->aspect_den};
    c->width = p->width, c->height = p->height;
    c->field_order = AV_FIELD_PROGRESSIVE;
    if (strcmp(p->scan, "progressive") != 0) {
        c->flags |= AV_CODEC_FLAG_INTERLACED_DCT | AV_CODEC_FLAG_INTERLACED_ME;
        c->field_order = *p->scan == 't' ? AV_FIELD_TT : AV_FIELD_BB;
    }
}

// What becomes of frames before they are encoded.
static bool open_treatment(struct cutting *x, struct error *err)
{
    const json_t *fact = json_array_get(json_object_get(x->o.facts, "video"), 0),
                 *burns = json_object_get(x->o.profile, "burn");
    const struct profile_picture *p = &x->picture;
    if (json_is_true(json_object_get(x->o.video, "sdr")))
        x->shaper = shaper_open(&(struct shape){
            .rotation = order_number(fact, "rotation", 0), .width = p->width, .height = p->height});
    x->conversion = conversion_open(
        &(struct conversion_wish){.picture = *p,
                                  .format = av_get_pix_fmt(order_word(x->o.video, "pixel_format")),
                                  .dither = order_word(x->o.video, "dither")});
    return (!json_object_get(x->o.t->segment, "fields") ||
            fields_open(x->o.t->segment, strcmp(p->source_scan, "top") == 0, p->scan, &x->fields,
                        err)) &&
           (!json_array_size(burns) || burn_open(burns, x->o.facts, x->o.rate, &x->burn, err));
}

// Their own form of what stands beside the stream as well.
static void add_light(const struct cutting *x, const char *encoder, char *to, size_t size)
{
    struct hdr_display d;
    struct hdr_light l;
    char display[160];
    size_t used = strlen(to);
    bool has = hdr_of_facts(x->o.facts, &d), lit = hdr_light_of_facts(x->o.facts, &l);
    if (x->shaper || strcmp(x->picture.transfer, "smpte2084") != 0)
        return;
    hdr_display_format(&d, display);
    if (strcmp(encoder, "libsvtav1") == 0 && has) {
        snprintf(to + used, size - used,
                 ":mastering-display=G(%.5f,%.5f)B(%.5f,%.5f)R(%.5f,%.5f)WP(%.5f,%.5f)L(%.4f,%.4f)",
                 d.x[1] / 5e4, d.y[1] / 5e4, d.x[2] / 5e4, d.y[2] / 5e4, d.x[0] / 5e4, d.y[0] / 5e4,
                 d.white_x / 5e4, d.white_y / 5e4, (double)d.highest / 1e4, (double)d.lowest / 1e4);
    } else if (has) {
        bool hevc = strcmp(encoder, "libx265") == 0;
        snprintf(to + used, size - used, "%s%s",
                 hevc ? ":hdr10=1:master-display=" : ":mastering-display=", display);
    }
    used = strlen(to);
    if (lit)
        snprintf(to + used, size - used, ":%s=%d,%d",
                 strcmp(encoder, "libx265") == 0     ? "max-cll"
                 : strcmp(encoder, "libsvtav1") == 0 ? "content-light"
                                                     : "cll",
                 l.max_cll, l.max_fall);
}

static void set_options(const struct cutting *x, AVCodecContext *c, const char *crf, bool quick,
                        AVDictionary **to)
{
    const struct encoder_rule *rule = encoder_rule(order_word(x->o.video, "codec"));
    const char *name;
    const json_t *option;
    json_object_foreach(json_object_get((json_t *)(uintptr_t)x->o.video, "options"), name, option)
        av_dict_set(to, name, json_string_value(option), 0);
    if (rule->list) {
        const AVDictionaryEntry *have = av_dict_get(*to, rule->list, NULL, 0);
        char all[1700];
        snprintf(all, sizeof(all), "%.1000s%s%s%s%s", have ? have->value : "", have ? ":" : "",
                 rule->add, quick && rule->quick ? ":" : "",
                 quick && rule->quick ? rule->quick : "");
        add_light(x, rule->name, all, sizeof(all) - 16);
        if (strcmp(rule->name, "libx264") == 0 && c->field_order != AV_FIELD_PROGRESSIVE)
            strcat(all, c->field_order == AV_FIELD_TT ? ":tff=1" : ":bff=1");
        av_dict_set(to, rule->list, all, 0);
    }
    if (*crf)
        av_dict_set(to, "crf", crf, 0);
    else
        c->bit_rate = order_number(x->o.video, "bit_rate", 0);
    if (strcmp(order_word(x->o.video, "gop"), "fixed") == 0) {
        c->keyint_min = c->gop_size;
        av_dict_set(to, "sc_threshold", "0", 0);
    }
    // Its groups are closed, and it has no closed ones that begin at a cut.
    if (strcmp(rule->name, "mpeg2video") == 0)
        av_dict_set(to, "sc_threshold", "1000000000", 0);
}

static bool open_encoder(struct cutting *x, const char *crf, bool quick, struct error *err)
{
    const char *name = order_word(x->o.video, "codec");
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    enum AVCodecID own = own_codec(name);
    AVCodecContext *c = x->encoder = codec || own ? avcodec_alloc_context3(codec) : NULL;
    AVDictionary *options = NULL;
    if (!c)
        return error_set(err, ERROR_UNSUPPORTED, "no encoder %s is there", name);
    if (own)
        c->codec_id = own, c->codec_type = AVMEDIA_TYPE_VIDEO;
    if (!order_holds(&x->o, c->codec_id, err))
        return false;
    const rational rate = x->o.shown;
    c->pix_fmt = av_get_pix_fmt(order_word(x->o.video, "pixel_format"));
    c->time_base = (AVRational){(int)rate.den, (int)rate.num};
    c->framerate = (AVRational){(int)rate.num, (int)rate.den};
    c->thread_count = order_number(json_object_get(x->o.t->plan, "encoder"), "threads", 1);
    c->flags |= AV_CODEC_FLAG_CLOSED_GOP;
    set_shape(x, c);
    int gop_s = order_number(x->o.video, "gop_s", 0);
    if (gop_s)
        c->gop_size = (int)rescale(gop_s, (rational){1, 1}, rate, ROUND_DOWN);
    if (x->o.container->flags & AVFMT_GLOBALHEADER)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (own)
        return own_open(c, json_object_get(x->o.video, "options"), &x->own, err);
    set_options(x, c, crf, quick, &options);
    int code = avcodec_open2(c, codec, &options);
    av_dict_free(&options);
    return code >= 0 || order_refused(&x->o, code, err);
}

static bool open_writer(struct cutting *x, struct error *err)
{
    const AVStream *side = x->m->format && !x->shaper ? x->m->format->streams[x->m->video] : NULL;
    json_t *stream = stream_describe(x->encoder, side, NULL);
    if (!x->shaper && strcmp(x->picture.transfer, "smpte2084") == 0)
        stream_light(stream, x->o.facts);
    json_t *head = json_pack("{s:[o], s:I, s:I}", "streams", stream, "first", (json_int_t)x->first,
                             "count", (json_int_t)x->count);
    bool done =
        output_open(x->o.t->output, &x->file, err) && packets_begin(x->file, head, &x->writer, err);
    json_decref(head);
    return done;
}

// ---- proving

static bool open_proof(struct cutting *x, struct error *err)
{
    AVCodecParameters *p = avcodec_parameters_alloc();
    avcodec_parameters_from_context(p, x->encoder);
    bool done = decoder_open(p, x->encoder->time_base, 1, &x->proof, err);
    if (done) {
        x->proof->err_recognition = AV_EF_CAREFUL;
        x->proof->skip_loop_filter = AVDISCARD_ALL; // the pictures are not looked at
        // libav's fast way through MPEG-2 decodes six blocks of each macroblock, and 4:2:2 has eight.
        if (x->encoder->codec_id != AV_CODEC_ID_MPEG2VIDEO)
            x->proof->flags2 |= AV_CODEC_FLAG2_FAST;
    }
    avcodec_parameters_free(&p);
    return done;
}

static bool looked_at(struct cutting *x, const AVPacket *p)
{
    bool alone = encoder_rule(order_word(x->o.video, "codec"))->intra;
    x->since_key = p->flags & AV_PKT_FLAG_KEY ? 1 : x->since_key + 1;
    return alone ? x->packets % LOOKED_AT_EVERY == 0 || x->packets + 1 == x->count
                 : x->since_key <= LOOKED_AT_FROM_KEY;
}

static bool prove(struct cutting *x, const AVPacket *p, struct error *err)
{
    if (p && !looked_at(x, p)) {
        x->proven++;
        return true;
    }
    int code = avcodec_send_packet(x->proof, p);
    AVFrame *f = av_frame_alloc();
    while (code >= 0 && avcodec_receive_frame(x->proof, f) >= 0) {
        if (f->decode_error_flags || (f->flags & AV_FRAME_FLAG_CORRUPT))
            code = AVERROR_INVALIDDATA;
        x->proven++;
        av_frame_unref(f);
    }
    av_frame_free(&f);
    if (code >= 0 || code == AVERROR_EOF)
        return true;
    error_set(err, ERROR_CHILD, "what was encoded can not be decoded");
    return error_why(err, "frame %lld of %s", (long long)(x->first + x->packets),
                     x->o.t->inputs[0].name);
}

// ---- measuring

static bool open_comparison(struct measuring *m, struct error *err)
{
    AVCodecParameters *p = avcodec_parameters_alloc();
    avcodec_parameters_from_context(p, m->encoder);
    bool done = decoder_open(p, m->encoder->time_base, 1, &m->decoder, err);
    avcodec_parameters_free(&p);
    return done;
}

static bool open_measures(struct cutting *x, struct error *err)
{
    int64_t some = x->count / 8 > MEASURED_LEAST ? x->count / 8 : MEASURED_LEAST;
    for (int i = 0; i < MEASURES; i++) {
        struct measuring *m = &x->measures[i];
        if (!open_encoder(x, measured_at[i], i == QUICK, err))
            return false;
        m->encoder = x->encoder;
        m->most = i == QUICK || some > x->count ? x->count : some;
        if (json_object_get(x->o.video, "psnr_db") && !open_comparison(m, err))
            return false;
    }
    return true; // x->encoder says how frames are to be
}

static int64_t squares(const AVFrame *a, const AVFrame *b)
{
    int64_t sum = 0;
    for (int y = 0; y < a->height; y++) {
        const uint8_t *p = a->data[0] + y * a->linesize[0], *q = b->data[0] + y * b->linesize[0];
        uint32_t line = 0; // of 8192 pixels at most 2^29
        for (int i = 0; i < a->width; i++)
            line += (uint32_t)((p[i] - q[i]) * (p[i] - q[i]));
        sum += line;
    }
    return sum;
}

static void compare(struct cutting *x, struct measuring *m, const AVPacket *p)
{
    AVFrame *f = av_frame_alloc();
    avcodec_send_packet(m->decoder, p);
    while (avcodec_receive_frame(m->decoder, f) >= 0) {
        const AVFrame *was = f->pts >= 0 ? x->kept[f->pts % KEPT] : NULL;
        if (was && was->pts == f->pts && was->width == f->width && was->height == f->height) {
            int64_t error = squares(was, f);
            m->error += error;
            m->first_error += f->pts < x->measures[GOOD].most ? error : 0;
        }
        if (m == &x->measures[QUICK] && f->pts >= LAG)
            av_frame_free(&x->kept[(f->pts - LAG) % KEPT]);
        av_frame_unref(f);
    }
    av_frame_free(&f);
}

static bool count_bits(struct cutting *x, struct measuring *m, const AVFrame *f, struct error *err)
{
    int code = avcodec_send_frame(m->encoder, f);
    while (code >= 0 && avcodec_receive_packet(m->encoder, x->out) >= 0) {
        m->bits += x->out->size * 8LL;
        m->first_bits += x->out->pts < x->measures[GOOD].most ? x->out->size * 8LL : 0;
        if (m->decoder)
            compare(x, m, x->out);
        av_packet_unref(x->out);
    }
    if (m->decoder && !f)
        compare(x, m, NULL);
    return code >= 0 || order_refused(&x->o, code, err);
}

static bool measure_frame(struct cutting *x, const AVFrame *f, struct error *err)
{
    bool done = true;
    if (f && x->measures[QUICK].decoder) {
        av_frame_free(&x->kept[f->pts % KEPT]);
        x->kept[f->pts % KEPT] = av_frame_clone(f);
    }
    for (int i = 0; done && i < MEASURES; i++)
        if (!f || f->pts < x->measures[i].most)
            done = count_bits(x, &x->measures[i], f, err);
    return done;
}

static json_t *measures_of(const struct cutting *x)
{
    const struct measuring *m = x->measures;
    json_t *to = json_pack("{s:I, s:I, s:I, s:[I,I,I]}", "frames", (json_int_t)x->count, "quick",
                           (json_int_t)m[QUICK].bits, "quick_first",
                           (json_int_t)m[QUICK].first_bits, "first", (json_int_t)m[GOOD].bits,
                           (json_int_t)m[FAIR].bits, (json_int_t)m[POOR].bits);
    int64_t samples = (int64_t)x->encoder->width * x->encoder->height;
    if (m[QUICK].error)
        json_object_set_new(
            to, "error",
            json_pack("{s:I, s:I, s:I, s:I, s:[I,I,I]}", "samples",
                      (json_int_t)(samples * x->count), "first_samples",
                      (json_int_t)(samples * (m[GOOD].most < x->count ? m[GOOD].most : x->count)),
                      "quick", (json_int_t)m[QUICK].error, "quick_first",
                      (json_int_t)m[QUICK].first_error, "first", (json_int_t)m[GOOD].error,
                      (json_int_t)m[FAIR].error, (json_int_t)m[POOR].error));
    return to;
}

// ---- encoding

static bool write_packet(struct cutting *x, AVPacket *p, struct error *err)
{
    bool done =
        prove(x, p, err) && packets_add(x->writer,
                                        &(struct packets_row){.key = p->flags & AV_PKT_FLAG_KEY,
                                                              .pts = x->first + p->pts,
                                                              .dts = x->first + x->packets,
                                                              .duration = 1,
                                                              .at = p->data,
                                                              .size = (size_t)p->size},
                                        err);
    if (x->packets - p->pts > x->delay)
        x->delay = x->packets - p->pts;
    if (x->packets++ == 0 && !(p->flags & AV_PKT_FLAG_KEY))
        done = done && error_set(err, ERROR_CHILD, "a segment does not begin with a key frame");
    av_packet_unref(p);
    return done;
}

// `f`: NULL ends it.
static bool encode_frame(struct cutting *x, const AVFrame *f, struct error *err)
{
    if (x->own)
        return !f ||
               (own_encode(x->own, f, x->out) ? write_packet(x, x->out, err) : no_memory(err));
    int code = avcodec_send_frame(x->encoder, f);
    while (code >= 0 && (code = avcodec_receive_packet(x->encoder, x->out)) >= 0)
        if (!write_packet(x, x->out, err))
            return false;
    return code == AVERROR(EAGAIN) || code == AVERROR_EOF || order_refused(&x->o, code, err);
}

static void progress(struct cutting *x)
{
    int64_t now = clock_tick_us();
    if (now - x->said_us < 200000)
        return;
    x->said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)x->shown, "total",
                       (json_int_t)x->count, "unit", "frames"));
}

// Nothing of the source's own coding goes into the encoder: no type of picture, no messages.
static AVFrame *converted(struct cutting *x, const AVFrame *f, struct error *err)
{
    const AVCodecContext *c = x->encoder;
    bool laced = c->field_order != AV_FIELD_PROGRESSIVE;
    if (x->shaper) {
        AVFrame *shaped = shaper_make(x->shaper, f);
        if (!shaped)
            (void)no_memory(err);
        return shaped;
    }
    AVFrame *to = conversion_make(x->conversion, f, laced, err);
    if (!to)
        return NULL;
    while (to->nb_side_data)
        av_frame_remove_side_data(to, to->side_data[0]->type);
    to->pict_type = AV_PICTURE_TYPE_NONE;
    to->key_frame = to->repeat_pict = 0;
    to->interlaced_frame = laced;
    to->top_field_first = c->field_order == AV_FIELD_TT;
    // The ProRes encoder writes a frame's own colour into its header.
    to->color_primaries = c->color_primaries;
    to->color_trc = c->color_trc;
    to->colorspace = c->colorspace;
    to->color_range = c->color_range;
    return to;
}

static bool keep(struct cutting *x, const AVFrame *f, struct error *err)
{
    av_frame_free(&x->made);
    av_frame_free(&x->last);
    x->last = av_frame_clone(f);
    return x->last || no_memory(err);
}

// The last frame once more, at the next place of the deliverable.
static bool show(struct cutting *x, struct error *err)
{
    if (x->shown >= x->count)
        return true;
    if (!x->made && !(x->made = converted(x, x->last, err)))
        return false;
    AVFrame *f = av_frame_clone(x->made);
    if (!f)
        return no_memory(err);
    if (x->burn && !burn_draw(x->burn, f, x->first + x->shown, x->source, err)) {
        av_frame_free(&f);
        return false;
    }
    f->pts = x->shown++;
    if (x->encoder && (f->format != x->encoder->pix_fmt || f->width != x->encoder->width ||
                       f->height != x->encoder->height)) {
        av_frame_free(&f); // an encoder reads it as what it was told, whatever it is
        return error_set(err, ERROR_INTERNAL, "a frame is not what its encoder was told");
    }
    bool done = x->measured ? measure_frame(x, f, err) : encode_frame(x, f, err);
    av_frame_free(&f);
    progress(x);
    return done;
}

// Shows the last frame up to `end`, where the next one begins.
static bool show_until(struct cutting *x, int64_t end, struct error *err)
{
    bool done = true;
    while (done && x->shown < x->count && x->first + x->shown < end)
        done = show(x, err);
    return done;
}

static int64_t frame_at(const struct cutting *x, int64_t time)
{
    AVRational base = media_video_base(x->m);
    return rescale(time - x->first_time, (rational){base.den, base.num}, x->o.rate, ROUND_NEAREST);
}

// ---- places

static void hurt(struct cutting *x, const char *what)
{
    if (json_array_size(x->damage) < DAMAGE_ROWS)
        json_array_append_new(x->damage, json_pack("{s:s, s:s, s:I}", "where", "picture", "what",
                                                   what, "frame", (json_int_t)x->next_place));
}

// The frames that can be made once this one is there.
static bool weave(struct cutting *x, const AVFrame *f, struct error *err)
{
    AVFrame *made;
    bool done = fields_take(x->fields, f, err);
    while (done && (done = fields_next(x->fields, &made, &x->source, err)) && made) {
        av_frame_free(&x->made);
        av_frame_free(&x->last);
        x->last = made;
        done = show(x, err);
    }
    return done;
}

// Of a film whose first frames are lost the first that can be decoded is shown for them.
static bool show_early(struct cutting *x, struct error *err)
{
    bool done = true;
    for (; !x->o.vfr && done && x->early; x->early--)
        done = show(x, err);
    return done;
}

// In fields' stead of a lost frame the one before it is taken.
static bool take_fields(struct cutting *x, const AVFrame *f, struct error *err)
{
    AVFrame *now = av_frame_clone(f ? f : x->decoded);
    bool done = now || no_memory(err);
    for (; done && x->early; x->early--)
        done = weave(x, now, err);
    av_frame_free(&x->decoded);
    x->decoded = now;
    return done && weave(x, now, err);
}

// A frame of the source, or NULL for one that is lost, in order of display.
static bool take_place(struct cutting *x, AVFrame *f, int64_t time, struct error *err)
{
    if (time < x->time) {
        if (f && x->fields) {
            av_frame_free(&x->decoded);
            x->decoded = av_frame_clone(f);
        }
        return !f || keep(x, f, err);
    }
    if (time >= x->end_time) {
        if (f && !x->last && (!keep(x, f, err) || !show_early(x, err)))
            return false;
        x->over = x->last != NULL;
        return true;
    }
    if (!f && !x->last && x->start < json_array_size(x->from)) {
        x->again = true;
        return true;
    }
    if (!f || (f->flags & AV_FRAME_FLAG_CORRUPT) || f->decode_error_flags)
        hurt(x, f ? "the frame is damaged" : "the frame is lost: the one before is repeated");
    x->source = x->next_place++;
    if (!f && !x->last)
        return x->early++, true;
    if (x->fields)
        return take_fields(x, f, err);
    if (!f)
        return x->o.vfr || show(x, err);
    if (x->o.vfr && x->last && !show_until(x, frame_at(x, time), err))
        return false;
    return keep(x, f, err) && show_early(x, err) && (x->o.vfr || show(x, err));
}

static bool lose(struct cutting *x, int64_t before, struct error *err)
{
    int64_t time;
    bool done = true;
    while (done && !x->over && !x->again && places_lost(&x->places, before, &time))
        done = take_place(x, NULL, time, err);
    return done;
}

static bool take_frames(struct cutting *x, struct error *err)
{
    bool done = true;
    while (done && !x->over && !x->again && avcodec_receive_frame(x->decoder, x->frame) >= 0) {
        int64_t time;
        if (places_find(&x->places, x->frame, &time)) {
            done = lose(x, time, err);
            if (done && !x->over && !x->again) {
                places_took(&x->places);
                done = take_place(x, x->frame, time, err);
            }
        }
        av_frame_unref(x->frame);
    }
    return done;
}

// ---- from a key frame

static bool is_it(const AVPacket *p, const json_t *from)
{
    int64_t pos = whole(from, "pos", -1);
    int64_t time = p->pts != AV_NOPTS_VALUE ? p->pts : p->dts;
    return time == whole(from, "time", 0) && (pos < 0 || p->pos < 0 || p->pos == pos);
}

static bool past_it(const AVPacket *p, const json_t *from)
{
    int64_t dts = whole(from, "dts", AV_NOPTS_VALUE);
    return dts != AV_NOPTS_VALUE && p->dts != AV_NOPTS_VALUE && p->dts > dts;
}

// Reads up to the planned packet; *found says whether it is in x->packet.
static bool read_to(struct cutting *x, const json_t *from, bool all, bool *found)
{
    *found = false;
    while (media_read(x->m, x->packet) >= 0) {
        bool picture = x->packet->stream_index == x->m->video;
        *found = picture && is_it(x->packet, from);
        if (*found || (picture && !all && past_it(x->packet, from)))
            break;
        av_packet_unref(x->packet);
    }
    if (!*found)
        av_packet_unref(x->packet);
    return *found;
}

static void only_pictures(struct media *m)
{
    for (unsigned i = 0; m->format && i < m->format->nb_streams; i++)
        m->format->streams[i]->discard = (int)i == m->video ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
}

static bool reopen(struct cutting *x, struct error *err)
{
    media_close(x->m);
    x->m = NULL;
    if (!media_open(x->o.t, &x->m, err))
        return false;
    only_pictures(x->m);
    return true;
}

// Stands where decoding is to begin; *first: the packet is in x->packet already.
static bool find_start(struct cutting *x, bool *first, struct error *err)
{
    const json_t *from = json_array_get(x->from, x->start);
    *first = false;
    if (!from)
        return reopen(x, err);
    if (x->m->pictures) {
        x->m->next_input = (size_t)whole(from, "pos", 0);
        x->places.next = whole(from, "time", 0);
        return true;
    }
    int64_t at = whole(from, "dts", whole(from, "time", 0));
    if (media_seek(x->m, x->m->video, at, AVSEEK_FLAG_BACKWARD) >= 0 &&
        read_to(x, from, false, first))
        return true;
    if (!reopen(x, err) || read_to(x, from, true, first))
        return x->m != NULL;
    error_set(err, ERROR_DAMAGED, "%s is not what it was when it was planned",
              x->o.t->inputs[0].name);
    return error_fix(err, "ask for it again");
}

static bool take_packet(struct cutting *x, AVPacket *p, struct error *err)
{
    bool done = true;
    places_expect(&x->places, x->m, p);
    if (avcodec_send_packet(x->decoder, p) == AVERROR(EAGAIN)) {
        done = take_frames(x, err);
        avcodec_send_packet(x->decoder, p);
    }
    return done && take_frames(x, err);
}

static bool decode(struct cutting *x, struct error *err)
{
    bool first;
    avcodec_free_context(&x->decoder);
    places_free(&x->places);
    av_frame_free(&x->last);
    if (x->fields)
        fields_again(x->fields);
    int threads = order_number(json_object_get(x->o.t->plan, "encoder"), "threads", 1);
    bool done = find_start(x, &first, err) &&
                decoder_open(media_video(x->m), media_video_base(x->m), threads, &x->decoder, err);
    while (done && !x->over && !x->again && (first || media_read(x->m, x->packet) >= 0)) {
        first = false;
        if (x->packet->stream_index == x->m->video)
            done = take_packet(x, x->packet, err);
        av_packet_unref(x->packet);
    }
    if (done && !x->over && !x->again) {
        avcodec_send_packet(x->decoder, NULL);
        done = take_frames(x, err) && lose(x, INT64_MAX, err);
    }
    return done;
}

static bool all_frames(struct cutting *x, struct error *err)
{
    bool done = true;
    do {
        x->again = false;
        done = decode(x, err);
        x->start++;
    } while (done && x->again);
    if (done && !x->last) {
        error_set(err, ERROR_DAMAGED, "no frame of %s can be decoded", x->o.t->inputs[0].name);
        return error_why(err, "from frame %lld on nothing came", (long long)x->first);
    }
    return done && (!x->o.vfr || show_until(x, x->first + x->count, err));
}

static bool ends_well(struct cutting *x, struct error *err)
{
    if (x->shown != x->count) {
        error_set(err, ERROR_DAMAGED, "%s is not what it was when it was planned",
                  x->o.t->inputs[0].name);
        return error_why(err, "frames %lld to %lld were planned, and %lld came",
                         (long long)x->first, (long long)(x->first + x->count - 1),
                         (long long)x->shown);
    }
    if (x->measured)
        return measure_frame(x, NULL, err);
    if (!encode_frame(x, NULL, err) || !prove(x, NULL, err))
        return false;
    if (x->packets == x->count && x->proven == x->count)
        return true;
    error_set(err, ERROR_CHILD, "the encoder did not give back what it was given");
    return error_why(err, "%lld frames went in, %lld came out, %lld can be decoded",
                     (long long)x->count, (long long)x->packets, (long long)x->proven);
}

static bool read_plan(struct cutting *x, struct error *err)
{
    const json_t *row = x->o.t->segment, *plan = x->o.t->plan;
    rational rate;
    x->first = whole(row, "first", -1), x->count = whole(row, "count", -1);
    x->time = whole(row, "time", INT64_MIN), x->end_time = whole(row, "end_time", INT64_MAX);
    x->first_time = whole(plan, "first_time", 0);
    x->next_place = whole(row, "place", 0);
    x->from = json_object_get(row, "from");
    if (x->first < 0 || x->count < 0 || whole(plan, "version", 0) != 1 ||
        !rational_parse(text_of(order_word(plan, "rate")), &rate, err))
        return error_set(err, ERROR_INPUT, "the plan of the segment can not be used");
    x->o.rate = rate;
    x->o.shown = rational_make(rate.num * x->o.speed.num, rate.den * x->o.speed.den);
    x->o.vfr = json_object_get(plan, "constant") != NULL;
    return encoder_is(&x->o, plan, err) &&
           profile_picture(x->o.profile, x->o.facts, &x->picture, err);
}

static bool encode(struct cutting *x, json_t **result, struct error *err)
{
    int64_t size = 0;
    if (!open_encoder(x, order_word(x->o.t->segment, "crf"), false, err) || !open_proof(x, err) ||
        !open_writer(x, err) || (x->count && (!all_frames(x, err) || !ends_well(x, err))) ||
        !packets_finish(x->writer, x->delay, &size, err))
        return false;
    *result = json_pack("{s:{s:s, s:I}, s:I, s:O}", "output", "name", x->o.t->output, "size",
                        (json_int_t)size, "frames", (json_int_t)x->count, "damage", x->damage);
    return true;
}

static bool only_weigh(struct cutting *x, json_t **result, struct error *err)
{
    x->measured = true;
    if (!open_measures(x, err) || (x->count && (!all_frames(x, err) || !ends_well(x, err))))
        return false;
    *result = measures_of(x);
    return true;
}

static bool cut(const struct ticket *t, bool (*to)(struct cutting *, json_t **, struct error *),
                json_t **result, struct error *err)
{
    struct cutting x = {.file = -1,
                        .damage = json_array(),
                        .packet = av_packet_alloc(),
                        .out = av_packet_alloc(),
                        .frame = av_frame_alloc()};
    bool done = order_open(t, &x.o, err) && read_plan(&x, err) && media_open(t, &x.m, err);
    if (done && x.m->video < 0)
        done = error_set(err, ERROR_INPUT, "the source of the segment has no picture");
    if (done)
        only_pictures(x.m);
    done = done && open_treatment(&x, err) && to(&x, result, err);
    packets_writer_close(x.writer);
    avcodec_free_context(&x.decoder);
    for (int i = 0; i < MEASURES; i++) {
        if (x.measures[i].encoder != x.encoder)
            avcodec_free_context(&x.measures[i].encoder);
        avcodec_free_context(&x.measures[i].decoder);
    }
    for (int i = 0; i < KEPT; i++)
        av_frame_free(&x.kept[i]);
    avcodec_free_context(&x.encoder);
    avcodec_free_context(&x.proof);
    own_close(x.own);
    shaper_close(x.shaper);
    conversion_close(x.conversion);
    fields_close(x.fields);
    burn_close(x.burn);
    av_frame_free(&x.frame);
    av_frame_free(&x.last);
    av_frame_free(&x.made);
    av_frame_free(&x.decoded);
    av_packet_free(&x.packet);
    av_packet_free(&x.out);
    places_free(&x.places);
    media_close(x.m);
    if (x.file >= 0)
        close(x.file);
    json_decref(x.damage);
    order_close(&x.o);
    return done;
}

bool segment(const struct ticket *t, json_t **result, struct error *err)
{
    return cut(t, encode, result, err);
}

bool weigh(const struct ticket *t, json_t **result, struct error *err)
{
    return cut(t, only_weigh, result, err);
}
