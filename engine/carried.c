/*
 * Captions carried by a film.
 *
 * A/53: in H.264 and HEVC a message of its own (SEI, registered by ITU-T T.35) before the first
 * slice of the picture; in MPEG-2 user data between the picture's headers and its first slice.
 * Every picture has one, of so many triples as its rate asks, whether there is something to say or
 * not: a receiver counts on that.
 *
 * c608: a sample for each pair; libav's muxer makes its atom. Text samples (tx3g) are a length, the
 * words and a box of styles. What is between two of them the muxer fills.
 */
#include "engine/carried.h"
#include "formats/captions/cc.h"

#include <stdlib.h>
#include <string.h>

enum { TRACKS = 32, WORDS_MOST = 65000 };

struct track {
    const json_t *plan;
    const char *kind;
    int stream;
    AVRational base;
    int64_t next, count; // samples
    int letters;         // how high those of text are
};
struct carried {
    const struct order *o;
    rational rate; // of the deliverable
    int64_t frames;
    const json_t *cc;
    enum AVCodecID codec;
    bool halves; // a pair for two frames
    struct track tracks[TRACKS];
    int track_count;
};

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

static uint8_t hex_byte(const char *at)
{
    return (uint8_t)(nibble(at[0]) << 4 | nibble(at[1]));
}

// The last row whose number is not above `number`; SIZE_MAX: none.
static size_t row_at(const json_t *rows, int64_t number)
{
    size_t low = 0, high = json_array_size(rows);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (json_integer_value(json_array_get(json_array_get(rows, middle), 0)) > number)
            high = middle;
        else
            low = middle + 1;
    }
    return low ? low - 1 : SIZE_MAX;
}

// The pair of a number out of runs of pairs; what stands for nothing when none is there.
static void pair_at(const json_t *runs, int64_t number, uint8_t pair[2])
{
    size_t i = row_at(runs, number);
    const json_t *row = i != SIZE_MAX ? json_array_get(runs, i) : NULL;
    const char *hex = json_string_value(json_array_get(row, 1));
    int64_t at = number - json_integer_value(json_array_get(row, 0));
    pair[0] = pair[1] = 0x80;
    if (!hex || at < 0 || (size_t)at >= json_string_length(json_array_get(row, 1)) / 4)
        return;
    pair[0] = hex_byte(hex + 4 * at), pair[1] = hex_byte(hex + 4 * at + 2);
}

// The block of a frame; its packet's number is how many went before.
static int block_of(const json_t *rows, int64_t frame, struct cc_block *block)
{
    size_t i = row_at(rows, frame);
    const json_t *row = i != SIZE_MAX ? json_array_get(rows, i) : NULL;
    const char *hex = json_string_value(json_array_get(row, 1));
    *block = (struct cc_block){0};
    if (!hex || json_integer_value(json_array_get(row, 0)) != frame)
        return 0;
    size_t size = json_string_length(json_array_get(row, 1)) / 2;
    block->size = (uint8_t)(size < sizeof(block->at) ? size : sizeof(block->at));
    for (size_t k = 0; k < block->size; k++)
        block->at[k] = hex_byte(hex + 2 * k);
    return (int)(i & 3);
}

static size_t picture_data(const struct carried *c, int64_t frame, uint8_t *to)
{
    uint8_t triples[CC_TRIPLES * 3], first[2], second[2];
    struct cc_block block;
    int count = cc_triples_a_frame(c->rate);
    int64_t number = c->halves ? frame / 2 : frame;
    bool odd = c->halves && frame % 2;
    pair_at(json_object_get(c->cc, "first"), number, first);
    pair_at(json_object_get(c->cc, "second"), number, second);
    int sequence = block_of(json_object_get(c->cc, "blocks"), frame, &block);
    cc_data_make(triples, count, odd ? NULL : first, c->halves && !odd ? NULL : second, &block,
                 sequence);
    return cc_a53_make(to, triples, count, c->codec == AV_CODEC_ID_MPEG2VIDEO);
}

// ---- into a picture

// A NAL unit with its start code; emulation of start codes prevented.
static size_t sei(enum AVCodecID codec, const uint8_t *data, size_t size, uint8_t *to)
{
    size_t n = 0, zeros = 0;
    memcpy(to, "\0\0\0\1", 4), n = 4;
    if (codec == AV_CODEC_ID_HEVC)
        to[n++] = 39 << 1, to[n++] = 1;
    else
        to[n++] = 6;
    to[n++] = 4, to[n++] = (uint8_t)size; // user_data_registered_itu_t_t35; under 255
    for (size_t i = 0; i < size; i++) {
        if (zeros == 2 && data[i] <= 3)
            to[n++] = 3, zeros = 0;
        zeros = data[i] ? 0 : zeros + 1;
        to[n++] = data[i];
    }
    to[n++] = 0x80;
    return n;
}

static bool begins_slice(enum AVCodecID codec, uint8_t head)
{
    if (codec == AV_CODEC_ID_MPEG2VIDEO)
        return head >= 0x01 && head <= 0xaf;
    if (codec == AV_CODEC_ID_HEVC)
        return (head >> 1 & 63) < 32;
    return (head & 31) >= 1 && (head & 31) <= 5;
}

// Where the first slice's start code is; `size` when there is none.
static size_t first_slice(enum AVCodecID codec, const uint8_t *at, size_t size)
{
    for (size_t i = 0; i + 3 < size; i++)
        if (!at[i] && !at[i + 1] && at[i + 2] == 1 && begins_slice(codec, at[i + 3]))
            return i && !at[i - 1] && codec != AV_CODEC_ID_MPEG2VIDEO ? i - 1 : i;
    return size;
}

bool carried_picture(struct carried *c, AVPacket *p, int64_t frame, struct error *err)
{
    uint8_t data[128], unit[300];
    if (!c || !c->cc)
        return true;
    size_t have = (size_t)p->size, size = picture_data(c, frame, data);
    size_t at = first_slice(c->codec, p->data, have);
    if (at == have) {
        error_set(err, ERROR_INTERNAL, "captions can not be put into frame %lld", (long long)frame);
        return error_why(err, "its packet holds no slice");
    }
    if (c->codec == AV_CODEC_ID_MPEG2VIDEO) {
        memcpy(unit, "\0\0\1\xb2", 4);
        memcpy(unit + 4, data, size);
        size += 4;
    } else {
        size = sei(c->codec, data, size, unit);
    }
    if (av_grow_packet(p, (int)size) < 0)
        return error_set(err, ERROR_TOO_BIG, "no memory for a packet");
    memmove(p->data + at + size, p->data + at, have - at);
    memcpy(p->data + at, unit, size);
    return true;
}

// ---- tracks

static void put16(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)(value >> 8), to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
    put16(to, value >> 16), put16(to + 2, value & 0xffff);
}

// The sample description of tx3g (3GPP TS 26.245, 5.16): white on nothing, at the bottom, centred.
static bool text_head(AVCodecParameters *p, int letters, bool forced)
{
    enum { SIZE = 48 };
    uint8_t *to = av_mallocz(SIZE + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!to)
        return false;
    put32(to, forced ? 0xc0000000u : 0);
    to[4] = 1, to[5] = 0xff; // centred; at the bottom
    put16(to + 14, (unsigned)p->height), put16(to + 16, (unsigned)p->width); // the box: all of it
    put16(to + 22, 1);                                                       // the style's font
    to[25] = (uint8_t)letters;
    put32(to + 26, 0xffffffff);
    put32(to + 30, 18), memcpy(to + 34, "ftab", 4);
    put16(to + 38, 1), put16(to + 40, 1);
    to[42] = 5, memcpy(to + 43, "Serif", 5);
    p->extradata = to, p->extradata_size = SIZE;
    return true;
}

static enum AVCodecID codec_of(const char *kind)
{
    static const struct {
        const char *kind;
        enum AVCodecID codec;
    } codecs[] = {{"c608", AV_CODEC_ID_EIA_608},
                  {"text", AV_CODEC_ID_MOV_TEXT},
                  {"ttml", AV_CODEC_ID_TTML},
                  {"webvtt", AV_CODEC_ID_WEBVTT}};
    for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
        if (strcmp(codecs[i].kind, kind) == 0)
            return codecs[i].codec;
    return AV_CODEC_ID_NONE;
}

static void describe(AVStream *s, const json_t *plan, bool first)
{
    const char *role = order_word(plan, "role");
    char title[80];
    bool cc = strcmp(role, "cc") == 0, sdh = strcmp(role, "sdh") == 0,
         forced = strcmp(role, "forced") == 0;
    av_dict_set(&s->metadata, "language", order_word(plan, "language"), 0);
    snprintf(title, sizeof(title), "%.30s%s%s", order_word(plan, "tag"),
             *order_word(plan, "tag") ? " " : "",
             cc       ? "closed captions"
             : sdh    ? "SDH"
             : forced ? "forced"
                      : "subtitles");
    av_dict_set(&s->metadata, "handler_name", title, 0);
    s->disposition = (first ? AV_DISPOSITION_DEFAULT : 0) |
                     (cc || sdh ? AV_DISPOSITION_HEARING_IMPAIRED : 0) |
                     (forced ? AV_DISPOSITION_FORCED : 0);
}

static bool add_track(struct carried *c, AVFormatContext *out, const json_t *plan, int width,
                      int height, struct error *err)
{
    struct track *t = &c->tracks[c->track_count];
    *t = (struct track){.plan = plan, .kind = order_word(plan, "kind")};
    bool pairs = strcmp(t->kind, "c608") == 0;
    rational rate = c->rate;
    if (pairs && !rational_parse(text_of(order_word(plan, "rate")), &rate, err))
        return false;
    AVStream *s = c->track_count < TRACKS - 1 ? avformat_new_stream(out, NULL) : NULL;
    if (!s || codec_of(t->kind) == AV_CODEC_ID_NONE)
        return error_set(err, ERROR_TOO_BIG, "the deliverable has too many tracks of captions");
    AVCodecParameters *p = s->codecpar;
    p->codec_type = AVMEDIA_TYPE_SUBTITLE;
    p->codec_id = codec_of(t->kind);
    if (!order_holds(c->o, p->codec_id, err))
        return false;
    p->width = width, p->height = height;
    t->letters = height / 18 < 4 ? 4 : height / 18 > 255 ? 255 : height / 18;
    if (p->codec_id == AV_CODEC_ID_MOV_TEXT &&
        !text_head(p, t->letters, strcmp(order_word(plan, "role"), "forced") == 0))
        return error_set(err, ERROR_TOO_BIG, "no memory for a track");
    s->time_base = t->base = (AVRational){(int)rate.den, (int)rate.num};
    t->stream = s->index;
    t->count = pairs ? json_integer_value(json_object_get(plan, "count"))
               : json_object_get(plan, "document")
                   ? 1
                   : (int64_t)json_array_size(json_object_get(plan, "rows"));
    describe(s, plan, c->track_count == 0);
    c->track_count++;
    return true;
}

bool carried_streams(struct carried *c, AVFormatContext *out, int width, int height,
                     struct error *err)
{
    size_t i;
    json_t *plan;
    if (!c)
        return true;
    json_array_foreach(json_object_get(c->o->t->captions, "tracks"), i, plan)
    {
        if (!add_track(c, out, plan, width, height, err))
            return false;
    }
    return true;
}

struct sample {
    int64_t at, duration;
    uint8_t *bytes; // malloc'd
    size_t size;
    const char *settings;
};

static uint8_t *room(size_t size)
{
    uint8_t *at = calloc(1, size ? size : 1);
    if (!at)
        abort();
    return at;
}

static void text_sample(const struct track *t, const json_t *row, struct sample *s)
{
    const char *words = json_string_value(json_array_get(row, 2));
    const json_t *styles = json_array_get(row, 3);
    size_t size = words ? strlen(words) : 0, count = json_array_size(styles);
    size = size < WORDS_MOST ? size : WORDS_MOST;
    s->size = 2 + size + (count ? 10 + 12 * count : 0);
    uint8_t *to = s->bytes = room(s->size);
    put16(to, (unsigned)size);
    memcpy(to + 2, words ? words : "", size);
    to += 2 + size;
    if (!count)
        return;
    put32(to, (uint32_t)(10 + 12 * count)), memcpy(to + 4, "styl", 4);
    put16(to + 8, (unsigned)count);
    to += 10;
    for (size_t i = 0; i < count; i++, to += 12) {
        const json_t *one = json_array_get(styles, i);
        put16(to, (unsigned)json_integer_value(json_array_get(one, 0)));
        put16(to + 2, (unsigned)json_integer_value(json_array_get(one, 1)));
        put16(to + 4, 1);
        to[6] = (uint8_t)json_integer_value(json_array_get(one, 2));
        to[7] = (uint8_t)t->letters;
        put32(to + 8, (uint32_t)json_integer_value(json_array_get(one, 3)));
    }
}

static void make_sample(const struct carried *c, const struct track *t, struct sample *s)
{
    const json_t *rows = json_object_get(t->plan, "rows");
    const json_t *row = json_array_get(rows, (size_t)t->next);
    const json_t *document = json_object_get(t->plan, "document");
    *s = (struct sample){.at = json_integer_value(json_array_get(row, 0))};
    s->duration = json_integer_value(json_array_get(row, 1)) - s->at;
    if (strcmp(t->kind, "c608") == 0) {
        s->at = t->next, s->duration = 1;
        s->size = 3, s->bytes = room(3);
        s->bytes[0] = 0xfc; // as libav's muxer takes them
        pair_at(rows, t->next, s->bytes + 1);
    } else if (document) {
        *s = (struct sample){.at = 0, .duration = c->frames};
        s->size = json_string_length(document), s->bytes = room(s->size);
        memcpy(s->bytes, json_string_value(document), s->size);
    } else if (strcmp(t->kind, "text") == 0) {
        text_sample(t, row, s);
    } else {
        const json_t *words = json_array_get(row, 2);
        s->size = json_string_length(words), s->bytes = room(s->size);
        memcpy(s->bytes, json_string_value(words), s->size);
        s->settings = json_string_value(json_array_get(row, 3));
    }
}

static int write_sample(struct track *t, AVFormatContext *out, const struct sample *s)
{
    AVPacket *p = av_packet_alloc();
    int code = p ? av_new_packet(p, (int)s->size) : AVERROR(ENOMEM);
    if (code >= 0) {
        memcpy(p->data, s->bytes, s->size);
        p->stream_index = t->stream;
        p->pts = p->dts = s->at, p->duration = s->duration;
        p->flags = AV_PKT_FLAG_KEY;
        size_t size = s->settings ? strlen(s->settings) : 0;
        uint8_t *to = size ? av_packet_new_side_data(p, AV_PKT_DATA_WEBVTT_SETTINGS, size) : NULL;
        if (to)
            memcpy(to, s->settings, size);
        av_packet_rescale_ts(p, t->base, out->streams[t->stream]->time_base);
        code = av_interleaved_write_frame(out, p);
    }
    av_packet_free(&p);
    return code;
}

int carried_write(struct carried *c, AVFormatContext *out, int64_t frame)
{
    int code = 0;
    for (int i = 0; c && code >= 0 && i < c->track_count; i++) {
        struct track *t = &c->tracks[i];
        while (code >= 0 && t->next < t->count) {
            struct sample s;
            make_sample(c, t, &s);
            bool due = av_compare_ts(s.at, t->base, frame,
                                     (AVRational){(int)c->rate.den, (int)c->rate.num}) <= 0;
            code = due ? write_sample(t, out, &s) : 0;
            free(s.bytes);
            if (!due)
                break;
            t->next++;
        }
    }
    return code;
}

bool carried_open(const struct order *o, const json_t *plan, enum AVCodecID codec,
                  struct carried **to, struct error *err)
{
    struct carried *c = *to = plan ? calloc(1, sizeof(*c)) : NULL;
    if (!plan)
        return true;
    if (!c)
        return error_set(err, ERROR_TOO_BIG, "no memory for captions");
    *c = (struct carried){.o = o,
                          .frames = json_integer_value(json_object_get(plan, "frames")),
                          .cc = json_object_get(plan, "cc"),
                          .codec = codec};
    if (!rational_parse(text_of(order_word(plan, "rate")), &c->rate, err))
        return error_while(err, "the plan of the captions");
    c->halves = c->rate.num > 31 * c->rate.den;
    if (!c->cc || codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_HEVC ||
        codec == AV_CODEC_ID_MPEG2VIDEO)
        return true;
    return error_set(err, ERROR_UNSUPPORTED, "captions can not go into pictures of %s",
                     avcodec_get_name(codec));
}

void carried_close(struct carried *c)
{
    free(c);
}
