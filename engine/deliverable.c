#include "engine/deliverable.h"
#include "engine/own.h"
#include "formats/profile/hdr.h"
#include "formats/profile/profile.h"

#include <libavutil/display.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>

int order_number(const json_t *object, const char *name, int otherwise)
{
    const json_t *v = json_object_get(object, name);
    return v ? (int)json_integer_value(v) : otherwise;
}

const char *order_word(const json_t *object, const char *name)
{
    const char *t = json_string_value(json_object_get(object, name));
    return t ? t : "";
}

bool order_refused(const struct order *o, int code, struct error *err)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, text, sizeof(text));
    error_set(err, ERROR_UNSUPPORTED, "%s can not be made as %s", o->t->inputs[0].name,
              order_word(o->profile, "title"));
    error_why(err, "the encoder or the container refuses it: %s", text);
    return error_fix(err, "choose another profile");
}

bool order_holds(const struct order *o, enum AVCodecID codec, struct error *err)
{
    if (avformat_query_codec(o->container, codec, FF_COMPLIANCE_NORMAL) != 0)
        return true;
    error_set(err, ERROR_UNSUPPORTED, "%s can not be made as %s", o->t->inputs[0].name,
              order_word(o->profile, "title"));
    error_why(err, "%s can not lie in %s", avcodec_get_name(codec),
              order_word(o->profile, "container"));
    return error_fix(err, "choose another profile, or another codec or container in it");
}

// Facts of a time before the rule for frames without a constant rate are found again.
static bool have_facts(struct order *o, struct error *err)
{
    if (json_is_true(json_object_get(o->facts, "vfr")) && !json_object_get(o->facts, "constant")) {
        json_decref(o->facts);
        o->facts = NULL;
    }
    return o->facts || probe(o->t, &o->facts, err);
}

bool order_open(const struct ticket *t, struct order *o, struct error *err)
{
    *o = (struct order){.t = t,
                        .profile = t->profile,
                        .video = json_object_get(t->profile, "video"),
                        .audio = json_object_get(t->profile, "audio"),
                        .facts = json_incref(t->facts)};
    if (!profile_check(t->profile, order_word(t->profile, "name"), err) || !have_facts(o, err))
        return false;
    json_t *said = o->facts;
    o->facts = hdr_stated(t->profile, said);
    json_decref(said);
    const json_t *timing = json_object_get(o->facts, "constant");
    bool picture = json_array_size(json_object_get(o->facts, "video")) > 0;
    o->video = picture ? o->video : NULL;
    o->vfr = timing && picture;
    o->total = json_integer_value(o->vfr ? json_object_get(timing, "frames")
                                         : json_object_get(o->facts, "duration_frames"));
    o->container = av_guess_format(order_word(t->profile, "container"), NULL, NULL);
    const char *conform = order_word(t->profile, "conform");
    if (!o->container)
        return error_set(err, ERROR_UNSUPPORTED, "no container %s is there",
                         order_word(t->profile, "container"));
    if (!rational_parse(text_of(order_word(o->vfr ? timing : o->facts, "rate")), &o->rate, err))
        return false;
    o->shown = o->rate;
    if (*conform && picture && !rational_parse(text_of(conform), &o->shown, err))
        return false;
    o->speed = rational_make(o->shown.num * o->rate.den, o->shown.den * o->rate.num);
    o->keep_pitch = o->speed.num != o->speed.den &&
                    strcmp(order_word(t->profile, "pitch"), "keep") == 0;
    return true;
}

void order_close(struct order *o)
{
    json_decref(o->facts);
}

// ---- encoders

static const struct encoder_rule rules[] = {
    // x264 chooses other, faster ways where a processor has them, and its frame threads see less of
    // the frame before.
    {"libx264", false, "x264-params", "cpu-independent=1",
     "subme=2:ref=1:me=dia:trellis=0:8x8dct=0"},
    {"libx265", false, "x265-params",
     "frame-threads=1:pools=none:open-gop=0:info=0:log-level=error", "rd=2:ref=1:me=dia:subme=1"},
    {"libsvtav1", false, "svtav1-params", "lp=1", NULL},
    {"mpeg2video", false, NULL, NULL, NULL},
    {"prores_house", true, NULL, NULL, NULL},
    {"prores_aw", true, NULL, NULL, NULL},
    {"prores_ks", true, NULL, NULL, NULL},
    {"dnxhd", true, NULL, NULL, NULL},
    {"v210", true, NULL, NULL, NULL},
};

const struct encoder_rule *encoder_rule(const char *name)
{
    static const struct encoder_rule none = {"", false, NULL, NULL, NULL};
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (strcmp(rules[i].name, name) == 0)
            return &rules[i];
    return &none;
}

// The number of threads is the plan's, not the machine's. Of many segments each has a core. One
// segment could have a machine to itself, but x264's threads, when they keep to a decoder's buffer,
// look at how far the others are: they never make the same bytes twice.
json_t *encoder_of(const struct order *o)
{
    const char *name = order_word(o->video, "codec");
    char library[32];
    unsigned v = avcodec_version();
    snprintf(library, sizeof(library), "%u.%u.%u%s", v >> 16, v >> 8 & 255, v & 255,
             own_codec(name) ? OWN_VERSION : "");
    bool slices = profile_strict(o->profile) && strcmp(name, "mpeg2video") == 0;
    return json_pack("{s:s, s:s, s:i}", "name", name, "library", library, "threads",
                     slices ? 4 : 1);
}

bool encoder_is(const struct order *o, const json_t *plan, struct error *err)
{
    json_t *mine = encoder_of(o);
    const json_t *wanted = json_object_get(plan, "encoder");
    bool same = json_equal(mine, (json_t *)(uintptr_t)wanted);
    if (!same) {
        error_set(err, ERROR_UNSUPPORTED, "this machine encodes otherwise than was planned");
        error_why(err, "it has libavcodec %s, the plan was made with %s",
                  order_word(mine, "library"), order_word(wanted, "library"));
        error_fix(err, "use workers of one version, or ask for it again");
    }
    json_decref(mine);
    return same;
}

// ---- streams

static void set_hex(json_t *to, const char *name, const uint8_t *at, size_t size)
{
    struct buf hex = BUF_LIMIT(PACKETS_HEAD_MOST);
    for (size_t i = 0; i < size; i++)
        buf_format(&hex, "%02x", at[i]);
    json_object_set_new(to, name, json_string(hex.size ? hex.at : ""));
    buf_free(&hex);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Into malloc'd bytes of libav with the padding that it wants.
static uint8_t *get_hex(const json_t *from, size_t *size)
{
    const char *hex = json_string_value(from);
    size_t length = hex ? strlen(hex) : 0;
    *size = length / 2;
    uint8_t *to =
        length && length % 2 == 0 ? av_mallocz(*size + AV_INPUT_BUFFER_PADDING_SIZE) : NULL;
    for (size_t i = 0; to && i < *size; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            av_freep(&to);
        else
            to[i] = (uint8_t)(high << 4 | low);
    }
    return to;
}

static const struct {
    const char *name;
    enum AVPacketSideDataType type;
} sides[] = {
    {"mastering", AV_PKT_DATA_MASTERING_DISPLAY_METADATA},
    {"light", AV_PKT_DATA_CONTENT_LIGHT_LEVEL},
    {"matrix", AV_PKT_DATA_DISPLAYMATRIX},
};
enum { SIDES = sizeof(sides) / sizeof(sides[0]) };

// Numbers of AVCodecParameters that are carried as they are.
#define FIELDS(X)                                                                                  \
    X(format)                                                                                      \
    X(profile)                                                                                     \
    X(level)                                                                                       \
    X(width)                                                                                       \
    X(height) X(field_order) X(color_range) X(color_primaries) X(color_trc) X(color_space)         \
        X(chroma_location) X(video_delay) X(bits_per_coded_sample) X(bits_per_raw_sample)          \
            X(sample_rate) X(block_align) X(frame_size) X(initial_padding) X(trailing_padding)     \
                X(seek_preroll)

json_t *stream_describe(const AVCodecContext *c, const AVStream *side, const char *language)
{
    AVCodecParameters *p = avcodec_parameters_alloc();
    avcodec_parameters_from_context(p, c);
    json_t *to =
        json_pack("{s:s, s:s, s:I, s:I, s:[i,i], s:[i,i]}", "kind",
                  p->codec_type == AVMEDIA_TYPE_VIDEO ? "picture" : "sound", "codec",
                  avcodec_get_name(p->codec_id), "tag", (json_int_t)p->codec_tag, "bit_rate",
                  (json_int_t)p->bit_rate, "base", c->time_base.num, c->time_base.den, "aspect",
                  p->sample_aspect_ratio.num, p->sample_aspect_ratio.den);
#define PUT(field) json_object_set_new(to, #field, json_integer((json_int_t)p->field));
    FIELDS(PUT)
#undef PUT
    if (p->codec_type == AVMEDIA_TYPE_AUDIO)
        json_object_set_new(to, "channels",
                            json_pack("[i,i,I]", (int)p->ch_layout.order, p->ch_layout.nb_channels,
                                      (json_int_t)(p->ch_layout.order == AV_CHANNEL_ORDER_NATIVE
                                                       ? p->ch_layout.u.mask
                                                       : 0)));
    if (p->extradata_size)
        set_hex(to, "extradata", p->extradata, (size_t)p->extradata_size);
    if (language)
        json_object_set_new(to, "language", json_string(language));
    size_t size;
    const uint8_t *matrix =
        side ? av_stream_get_side_data(side, AV_PKT_DATA_DISPLAYMATRIX, &size) : NULL;
    if (matrix)
        set_hex(to, "matrix", matrix, size);
    avcodec_parameters_free(&p);
    return to;
}

static void light(json_t *stream, const json_t *facts)
{
    struct hdr_light l;
    size_t size;
    if (!hdr_light_of_facts(facts, &l))
        return;
    AVContentLightMetadata *m = av_content_light_metadata_alloc(&size);
    if (!m)
        abort();
    m->MaxCLL = (unsigned)l.max_cll, m->MaxFALL = (unsigned)l.max_fall;
    set_hex(stream, "light", (const uint8_t *)m, size);
    av_free(m);
}

void stream_light(json_t *stream, const json_t *facts)
{
    struct hdr_display d;
    light(stream, facts);
    AVMasteringDisplayMetadata *m =
        hdr_of_facts(facts, &d) ? av_mastering_display_metadata_alloc() : NULL;
    if (!m)
        return;
    for (int i = 0; i < 3; i++) {
        m->display_primaries[i][0] = (AVRational){d.x[i], 50000};
        m->display_primaries[i][1] = (AVRational){d.y[i], 50000};
    }
    m->white_point[0] = (AVRational){d.white_x, 50000};
    m->white_point[1] = (AVRational){d.white_y, 50000};
    m->max_luminance = (AVRational){(int)d.highest, 10000};
    m->min_luminance = (AVRational){(int)d.lowest, 10000};
    m->has_primaries = m->has_luminance = 1;
    set_hex(stream, "mastering", (const uint8_t *)m, sizeof(*m));
    av_free(m);
}

static int pair(const json_t *from, const char *name, size_t index)
{
    return (int)json_integer_value(json_array_get(json_object_get(from, name), index));
}

static bool channels(const json_t *from, AVCodecParameters *p)
{
    const json_t *c = json_object_get(from, "channels");
    int count = pair(from, "channels", 1);
    if (count < 1 || count > 64 || p->sample_rate <= 0)
        return false;
    if (pair(from, "channels", 0) == AV_CHANNEL_ORDER_NATIVE)
        return av_channel_layout_from_mask(&p->ch_layout,
                                           (uint64_t)json_integer_value(json_array_get(c, 2))) >= 0;
    p->ch_layout.order = AV_CHANNEL_ORDER_UNSPEC;
    p->ch_layout.nb_channels = count;
    return true;
}

bool stream_make(const json_t *from, AVStream *to, AVRational *base, struct error *err)
{
    AVCodecParameters *p = to->codecpar;
    const AVCodecDescriptor *codec = avcodec_descriptor_get_by_name(order_word(from, "codec"));
    bool picture = strcmp(order_word(from, "kind"), "picture") == 0;
    size_t size;
    *base = (AVRational){pair(from, "base", 0), pair(from, "base", 1)};
    p->codec_id = codec ? codec->id : AV_CODEC_ID_NONE;
    p->codec_type = picture ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO;
    p->codec_tag = (uint32_t)json_integer_value(json_object_get(from, "tag"));
    p->bit_rate = json_integer_value(json_object_get(from, "bit_rate"));
    p->sample_aspect_ratio = (AVRational){pair(from, "aspect", 0), pair(from, "aspect", 1)};
#define GET(field) p->field = order_number(from, #field, 0);
    FIELDS(GET)
#undef GET
    bool good = codec && base->num > 0 && base->den > 0 &&
                (picture ? p->width > 0 && p->height > 0 : channels(from, p));
    p->extradata = get_hex(json_object_get(from, "extradata"), &size);
    p->extradata_size = p->extradata ? (int)size : 0;
    const char *language = json_string_value(json_object_get(from, "language"));
    if (language)
        av_dict_set(&to->metadata, "language", language, 0);
    if (*order_word(from, "title"))
        av_dict_set(&to->metadata, "title", order_word(from, "title"), 0);
    for (int i = 0; i < SIDES; i++) {
        uint8_t *at = get_hex(json_object_get(from, sides[i].name), &size);
        if (at && av_stream_add_side_data(to, sides[i].type, at, size) < 0)
            av_free(at);
    }
    return good || error_set(err, ERROR_DAMAGED, "a piece of the deliverable says what it can not");
}
