/*
 * The container, from packet files: the picture's segments in order and the sound, whole. It is
 * written from packets, never put together from containers, so that joins leave no trace: one
 * header, one index, times that go on. Nothing of this moment or machine goes in.
 *
 * Times of the picture are frame numbers. A packet's decoding time is its number in the order of
 * the file, less the longest delay of any segment: the same rule for every coder.
 */
#include "engine/boxes.h"
#include "engine/carried.h"
#include "engine/cmaf.h"
#include "engine/deliverable.h"
#include "engine/metadata.h"
#include "engine/umid.h"
#include "formats/profile/profile.h"
#include "plat/clock.h"
#include "time/timecode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STREAMS 65
enum { BEGIN_AT = 16 << 20 }; // bytes

struct piece {
    size_t input;
    struct input *in;
    struct packets_reader *reader;
    const json_t *head;
    struct packets_end end;
};

struct muxing {
    struct order o;
    AVFormatContext *out;
    int file;
    int64_t at, begun; // the disk was asked to begin with what lies before `begun`
    int write_error;
    json_t *picture; // the stream of all segments; NULL: none
    size_t segments; // they are the first inputs; the sound, when there is any, is the last
    bool sound;
    int only; // stream of the sound that this file is of; -1: it is of all
    char name[256];
    int64_t frames, delay;
    AVRational bases[STREAMS];
    struct piece picture_at, sound_at; // being read
    struct packets_row row[2];         // of the picture, of the sound
    bool have[2];
    struct carried *captions; // NULL: none
    int64_t shown;            // frames that were written
    // One track in fragments ("fragment_s" of the profile), see cmaf.h
    bool fragments;
    struct buf head;           // while it is written
    struct cmaf *cmaf;         // once it is
    int64_t fragment, lasting; // of the packet that began it; so far, in packets' time
    json_t *about;
    struct hasher *essence; // of MXF: what its packages are named by; else NULL
    int64_t said_us;
};

static int io_write(void *opaque, uint8_t *at, int size)
{
    struct muxing *x = opaque;
    if (x->fragments && !x->cmaf)
        buf_add(&x->head, at, (size_t)size);
    for (int done = 0; done < size;) {
        ssize_t n = pwrite(x->file, at + done, (size_t)(size - done), x->at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            x->write_error = n ? errno : EIO;
            return AVERROR(x->write_error);
        }
        done += (int)n, x->at += n;
    }
    // The disk writes while the rest is read, so that it is soon durable in the end.
    if (x->at - x->begun >= BEGIN_AT) {
        sync_file_range(x->file, x->begun, x->at - x->begun, SYNC_FILE_RANGE_WRITE);
        x->begun = x->at;
    }
    return size;
}

static int64_t io_seek(void *opaque, int64_t offset, int whence)
{
    struct muxing *x = opaque;
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
        return lseek(x->file, 0, SEEK_END);
    return x->at = whence == SEEK_CUR ? x->at + offset : offset;
}

static bool failed(struct muxing *x, int code, struct error *err)
{
    if (x->write_error)
        return error_errno(err, x->write_error, "cannot write %s", x->name);
    return order_refused(&x->o, code, err);
}

// ---- pieces

static bool read_piece(void *context, int64_t offset, void *to, size_t size, size_t *got,
                       struct error *err)
{
    return input_read(context, offset, to, size, got, err);
}

static bool open_piece(struct muxing *x, size_t number, struct piece *p, struct error *err)
{
    int64_t size = x->o.t->inputs[number].size;
    *p = (struct piece){.input = number};
    return input_open(number, size, &p->in, err) &&
           packets_open(&(struct packets_source){read_piece, p->in, size}, &p->reader, &p->head,
                        &p->end, err);
}

static void close_piece(struct piece *p)
{
    packets_close(p->reader);
    input_close(p->in);
    *p = (struct piece){0};
}

static bool misfit(struct error *err, size_t number, const char *why)
{
    error_set(err, ERROR_DAMAGED, "the pieces of the deliverable do not fit together");
    error_why(err, "segment %zu %s", number + 1, why);
    return error_fix(err, "ask for it again");
}

static bool look_at_piece(struct muxing *x, size_t number, struct piece *p, struct error *err)
{
    json_t *streams = json_object_get(p->head, "streams");
    json_t *first = json_array_get(streams, 0);
    bool picture = strcmp(order_word(first, "kind"), "picture") == 0;
    if (!picture) {
        x->sound = true;
        return number + 1 == x->o.t->input_count || misfit(err, number, "is sound");
    }
    if (!x->picture)
        x->picture = json_incref(first);
    if (!json_equal(x->picture, first))
        return misfit(err, number, "was encoded otherwise than the first one");
    if (json_integer_value(json_object_get(p->head, "first")) != x->frames)
        return misfit(err, number, "does not begin where the one before ends");
    if (p->end.rows != json_integer_value(json_object_get(p->head, "count")))
        return misfit(err, number, "does not hold all its frames");
    x->frames += p->end.rows;
    x->delay = p->end.delay > x->delay ? p->end.delay : x->delay;
    x->segments++;
    return true;
}

static bool look_at_all(struct muxing *x, struct error *err)
{
    bool done = true;
    for (size_t i = 0; done && i < x->o.t->input_count; i++) {
        struct piece p;
        done = open_piece(x, i, &p, err) && look_at_piece(x, i, &p, err);
        close_piece(&p);
    }
    const json_t *planned = json_object_get(x->o.t->plan, "frames");
    if (done && x->picture && planned && json_integer_value(planned) != x->frames)
        return misfit(err, x->segments, "is missing");
    return done;
}

// ---- the file

static void carry_timecode(struct muxing *x, AVStream *to)
{
    const char *start = order_word(json_object_get(x->o.facts, "timecode"), "start");
    // QuickTime's and MXF's labels count whole labels: the ".1" of a pair's second frame has no
    // place.
    char label[12];
    int h, m, sec, f;
    if (!*start || x->fragments) // a CMAF track file has one track (ISO/IEC 23000-19)
        return;
    snprintf(label, sizeof(label), "%.11s", start);
    // Of a film whose pull-down is undone: the same second, its frames counted by 24 (ST 12-1 has
    // no drop-frame there).
    if (json_is_true(json_object_get(json_object_get(x->o.t->plan, "cadence"), "film")) &&
        sscanf(label, "%2d:%2d:%2d%*c%2d", &h, &m, &sec, &f) == 4)
        snprintf(label, sizeof(label), "%02u:%02u:%02u:%02u", (unsigned)h % 24, (unsigned)m % 60,
                 (unsigned)sec % 60, (unsigned)f * 4 / 5 % 24);
    av_dict_set(&to->metadata, "timecode", label, 0);
}

static bool carry_sound_time(struct muxing *x, struct error *err)
{
    const json_t *tc = json_object_get(x->o.facts, "timecode");
    const json_t *fact = json_array_get(json_object_get(x->o.facts, "audio"), 0);
    const char *exact =
        json_string_value(json_object_get(json_object_get(x->o.facts, "tags"), "time_reference"));
    int out_rate = order_number(x->o.audio, "rate", 48000);
    int64_t samples = 0;
    struct tc_rate rate;
    char text[32];
    if (x->picture || !tc)
        return true;
    int in_rate = order_number(fact, "sample_rate", 0);
    if (exact && text_int(text_of(exact), &samples) && in_rate > 0)
        samples = rescale(samples, (rational){in_rate, 1}, (rational){out_rate, 1}, ROUND_NEAREST);
    else if (tc_rate_make(x->o.rate, json_is_true(json_object_get(tc, "drop")), &rate, err))
        samples =
            tc_to_samples(json_integer_value(json_object_get(tc, "start_frame")), out_rate, &rate);
    snprintf(text, sizeof(text), "%lld", (long long)samples);
    av_dict_set(&x->out->metadata, "time_reference", text, 0);
    return true;
}

static bool add_stream(struct muxing *x, const json_t *from, struct error *err)
{
    AVStream *s = avformat_new_stream(x->out, NULL);
    if (!s || x->out->nb_streams > STREAMS)
        return error_set(err, ERROR_TOO_BIG, "the deliverable has too many streams");
    AVRational *base = &x->bases[s->index];
    if (!stream_make(from, s, base, err))
        return false;
    s->time_base = *base;
    if (s->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
        return true;
    if (x->fragments && s->codecpar->codec_id == AV_CODEC_ID_HEVC)
        s->codecpar->codec_tag = MKTAG('h', 'v', 'c', '1'); // its parameters are in the head alone
    s->avg_frame_rate = s->r_frame_rate = av_inv_q(*base);
    s->sample_aspect_ratio = s->codecpar->sample_aspect_ratio;
    carry_timecode(x, s);
    return true;
}

static bool open_sound(struct muxing *x, struct error *err)
{
    size_t i;
    const json_t *s;
    if (!x->sound || !open_piece(x, x->segments, &x->sound_at, err))
        return !x->sound;
    json_array_foreach(json_object_get(x->sound_at.head, "streams"), i, s)
    {
        if ((x->only < 0 || x->only == (int)i) && !add_stream(x, s, err))
            return false;
    }
    return true;
}

static bool open_file(struct muxing *x, struct error *err)
{
    const char *container = order_word(x->o.profile, "container");
    if (!output_open(x->name, &x->file, err))
        return false;
    int code = avformat_alloc_output_context2(&x->out, x->o.container, NULL, NULL);
    if (code < 0)
        return failed(x, code, err);
    x->out->pb = avio_alloc_context(av_malloc(1 << 20), 1 << 20, 1, x, NULL, io_write, io_seek);
    x->out->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
    // FLAC in MP4 is registered since (RFC 9639, appendix); this libavformat calls it experimental.
    x->out->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    if (x->fragments)
        x->out->pb->seekable = 0;
    if ((x->picture && !add_stream(x, x->picture, err)) || !open_sound(x, err))
        return false;
    if (x->picture) {
        const AVCodecParameters *p = x->out->streams[0]->codecpar;
        if (!carried_open(&x->o, x->o.t->captions, p->codec_id, &x->captions, err) ||
            !carried_streams(x->captions, x->out, p->width, p->height, err))
            return false;
    }
    if (x->picture || (x->out->nb_streams &&
                       !(json_object_get(x->o.profile, "video") && strcmp(container, "mxf") == 0)))
        return carry_sound_time(x, err);
    error_set(err, ERROR_UNSUPPORTED, "%s can not be made of %s", order_word(x->o.profile, "title"),
              x->o.t->inputs[0].name);
    return error_why(err, json_object_get(x->o.profile, "video") ? "it has no picture"
                                                                 : "it has no sound");
}

static void set_options(const struct muxing *x, AVDictionary **to)
{
    char size[32];
    if (!x->fragments && strcmp(order_word(x->o.profile, "container"), "mp4") == 0) {
        // Room for the index at the front, so that it plays from a web site at once.
        snprintf(size, sizeof(size), "%lld", 65536 + (long long)x->o.total * 40);
        av_dict_set(to, "moov_size", size, 0);
    }
    av_dict_set(to, "movflags", "write_colr", 0);
    if (x->fragments) {
        av_dict_set(to, "movflags",
                    "+cmaf+frag_custom+empty_moov+default_base_moof+skip_trailer+delay_moov",
                    AV_DICT_APPEND);
        av_dict_set(to, "use_editlist", "1", 0); // the first frame, and sample, is at 0
    }
    av_dict_set(to, "rf64", "auto", 0);
    av_dict_set(to, "write_bext", "1", 0);
}

static bool write_header(struct muxing *x, struct error *err)
{
    AVDictionary *options = NULL;
    if (!metadata_announce(x->o.t, x->out, err))
        return false;
    if (x->fragments && x->out->nb_streams != 1)
        return error_set(err, ERROR_INPUT, "fragments are of one track");
    set_options(x, &options);
    int code = avformat_write_header(x->out, &options);
    av_dict_free(&options);
    return code >= 0 || failed(x, code, err);
}

// ---- fragments

static bool flush(struct muxing *x, struct error *err)
{
    int code = av_write_frame(x->out, NULL);
    avio_flush(x->out->pb);
    return (code >= 0 && !x->write_error) || failed(x, code, err);
}

// The first time libavformat is asked for a fragment, it gives the head.
static bool end_head(struct muxing *x, struct error *err)
{
    // Of sound there are 20 packets a second or more.
    int64_t rows = x->picture ? x->frames : x->sound_at.end.rows;
    int64_t each = x->picture ? profile_gop_frames(x->o.profile, x->o.rate)
                              : 20 * order_number(x->o.profile, "fragment_s", 1);
    if (!flush(x, err))
        return false;
    x->cmaf = cmaf_open(x->out->streams[0], x->bases[0], rows / each + 8, x->head.at, x->head.size);
    if (!x->cmaf || x->head.over)
        return error_set(err, ERROR_TOO_BIG, "no memory for an index");
    x->at += cmaf_room(x->cmaf);
    return true;
}

// A group of pictures, or as much sound, is complete.
static bool end_fragment(struct muxing *x, struct error *err)
{
    if (!x->lasting)
        return true;
    if ((!x->cmaf && !end_head(x, err)) || !flush(x, err))
        return false;
    cmaf_add(x->cmaf, x->at, x->lasting);
    x->lasting = 0;
    return true;
}

static bool begin_fragment(struct muxing *x, const struct packets_row *row, struct error *err)
{
    int64_t each = (int64_t)order_number(x->o.profile, "fragment_s", 1) * x->bases[0].den;
    bool due = x->picture ? row->key : row->pts - x->fragment >= each;
    if (x->fragments && due && x->lasting) {
        if (!end_fragment(x, err))
            return false;
        x->fragment += x->picture ? 0 : each;
    }
    return true;
}

// ---- packets

// The next of the picture, through the segments one after another.
static bool next_picture(struct muxing *x, struct error *err)
{
    struct piece *p = &x->picture_at;
    x->have[0] = false;
    for (bool ended = true; !x->have[0];) {
        if (p->reader && !packets_next(p->reader, &x->row[0], &ended, err))
            return false;
        x->have[0] = p->reader && !ended;
        if (x->have[0])
            break;
        size_t next = p->reader ? p->input + 1 : 0;
        close_piece(p);
        if (next >= x->segments)
            return true;
        if (!open_piece(x, next, p, err))
            return false;
    }
    x->row[0].dts = x->shown++ - x->delay;
    return true;
}

static bool next_sound(struct muxing *x, struct error *err)
{
    bool ended = true;
    do {
        if (x->sound_at.reader && !packets_next(x->sound_at.reader, &x->row[1], &ended, err))
            return false;
    } while (!ended && x->only >= 0 && x->row[1].stream != x->only);
    x->have[1] = !ended;
    x->row[1].stream = x->only >= 0 ? 0 : x->row[1].stream;
    x->row[1].stream = (uint16_t)(x->row[1].stream + (x->picture ? 1 : 0));
    return ended || x->row[1].stream < x->out->nb_streams ||
           error_set(err, ERROR_DAMAGED, "the sound of the deliverable is damaged");
}

static bool write_row(struct muxing *x, const struct packets_row *row, struct error *err)
{
    AVPacket *p = av_packet_alloc();
    int code = p ? av_new_packet(p, (int)row->size) : AVERROR(ENOMEM);
    if (code >= 0) {
        memcpy(p->data, row->at, row->size);
        p->stream_index = row->stream;
        p->pts = row->pts, p->dts = row->dts, p->duration = row->duration;
        p->flags = row->key ? AV_PKT_FLAG_KEY : 0;
        if (x->essence)
            hasher_add(x->essence, row->at, row->size);
        bool picture = x->picture && row->stream == 0;
        if (picture && !carried_picture(x->captions, p, row->pts, err)) {
            av_packet_free(&p);
            return false;
        }
        av_packet_rescale_ts(p, x->bases[row->stream], x->out->streams[row->stream]->time_base);
        x->lasting += row->duration;
        code = picture ? carried_write(x->captions, x->out, row->dts) : 0;
        if (code >= 0)
            code = x->fragments ? av_write_frame(x->out, p) : av_interleaved_write_frame(x->out, p);
    }
    av_packet_free(&p);
    return code >= 0 || failed(x, code, err);
}

static void progress(struct muxing *x)
{
    int64_t now = clock_tick_us();
    if (now - x->said_us < 200000)
        return;
    x->said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)x->shown, "total",
                       (json_int_t)x->frames, "unit", x->picture ? "frames" : "samples"));
}

static bool write_all(struct muxing *x, struct error *err)
{
    bool done = next_picture(x, err) && next_sound(x, err);
    while (done && (x->have[0] || x->have[1])) {
        bool picture =
            x->have[0] && (!x->have[1] || av_compare_ts(x->row[0].dts, x->bases[0], x->row[1].dts,
                                                        x->bases[x->row[1].stream]) <= 0);
        done = begin_fragment(x, &x->row[!picture], err) && write_row(x, &x->row[!picture], err) &&
               (picture ? next_picture(x, err) : next_sound(x, err));
        progress(x);
    }
    done = done && (!x->fragments || end_fragment(x, err));
    int code = done ? carried_write(x->captions, x->out, INT64_MAX) : 0;
    if (done && code >= 0)
        code = av_write_trailer(x->out);
    if (done)
        avio_flush(x->out->pb);
    if (code < 0 || (done && x->write_error))
        return failed(x, code, err);
    done = done && (!x->cmaf || cmaf_finish(x->cmaf, x->file, &x->about, err));
    return done && metadata_complete(x->o.t, x->out, x->file, err);
}

// By its essence and what it says of itself.
static bool name_packages(struct muxing *x, struct error *err)
{
    char *said = json_dumps(x->o.t->metadata, JSON_COMPACT | JSON_SORT_KEYS);
    struct hasher *of = x->essence;
    x->essence = NULL;
    if (said)
        hasher_add(of, said, strlen(said));
    free(said);
    return umid_number(x->file, of, err);
}

// What libavformat leaves out.
static bool complete(struct muxing *x, struct error *err)
{
    int64_t size = lseek(x->file, 0, SEEK_END);
    if (x->essence)
        return name_packages(x, err);
    if (!x->picture || strcmp(order_word(x->o.profile, "container"), "mov") != 0)
        return true;
    return boxes_add_clap(x->file, order_number(x->picture, "width", 0),
                          order_number(x->picture, "height", 0), &size, err);
}

static bool make_durable(const struct muxing *x, struct error *err)
{
    return fsync(x->file) == 0 || error_errno(err, errno, "cannot make %s durable", x->name);
}

struct muxed {
    json_t *outputs; // {"name", "size"} of each file
    int64_t frames;
    json_t *about; // of fragments, or NULL
};

// `only`: the file is of one stream of the sound; -1: of all there is.
static bool mux_file(const struct ticket *t, int only, const char *name, struct muxed *made,
                     struct error *err)
{
    struct muxing x = {.file = -1, .only = only, .head = BUF_LIMIT(1 << 20)};
    text_copy(text_of(name), x.name, sizeof(x.name));
    x.fragments = json_object_get(t->profile, "fragment_s") != NULL;
    x.essence = strcmp(order_word(t->profile, "container"), "mxf") ? NULL : hasher_open("sha256");
    bool done = order_open(t, &x.o, err) && look_at_all(&x, err) && open_file(&x, err) &&
                write_header(&x, err) && write_all(&x, err) && complete(&x, err) &&
                make_durable(&x, err);
    if (done)
        json_array_append_new(made->outputs, json_pack("{s:s, s:I}", "name", name, "size",
                                                       (json_int_t)lseek(x.file, 0, SEEK_END)));
    made->frames = x.frames;
    made->about = x.about;
    cmaf_close(x.cmaf);
    buf_free(&x.head);
    close_piece(&x.picture_at);
    close_piece(&x.sound_at);
    carried_close(x.captions);
    hasher_close(x.essence);
    if (x.out) {
        if (x.out->pb)
            av_freep(&x.out->pb->buffer);
        avio_context_free(&x.out->pb);
        avformat_free_context(x.out);
    }
    json_decref(x.picture);
    if (x.file >= 0)
        close(x.file);
    order_close(&x.o);
    return done;
}

// "Reel 2.wav" and "5.1-eng" give "Reel 2.5.1-eng.wav".
static void name_stem(const char *output, const char *stem, char to[256])
{
    const char *dot = strrchr(output, '.');
    int size = dot ? (int)(dot - output) : (int)strlen(output);
    int most = 250 - (int)strlen(stem) - (int)strlen(output + size);
    for (size = size < most ? size : most; size > 0 && (output[size] & 0xc0) == 0x80;)
        size--; // never within a letter
    snprintf(to, 256, "%.*s.%s%s", size, output, stem, dot ? dot : "");
}

// A WAV has one track, and says of it what a file with several can only say of its first.
static json_t *metadata_of_stem(const json_t *metadata, const json_t *stream)
{
    static const char *const of_track[][2] = {{"info/ILNG", "language"},
                                              {"ixml/USER/TRACK_TITLE", "title"},
                                              {"ixml/USER/TRACK_ROLE", "role"},
                                              {"ixml/USER/ISRC", ""}};
    json_t *to = metadata ? json_copy((json_t *)(uintptr_t)metadata) : json_object();
    json_t *entries = json_array(), *one;
    size_t i;
    json_array_foreach(json_object_get(metadata, "entries"), i, one)
    {
        bool own = false;
        for (size_t k = 0; k < sizeof(of_track) / sizeof(of_track[0]); k++)
            own = own || strcmp(order_word(one, "at"), of_track[k][0]) == 0;
        if (!own)
            json_array_append(entries, one);
    }
    for (size_t k = 0; k < sizeof(of_track) / sizeof(of_track[0]); k++)
        if (*order_word(stream, of_track[k][1]))
            json_array_append_new(entries,
                                  json_pack("{s:s, s:s, s:O}", "by", "box", "at", of_track[k][0],
                                            "value", json_object_get(stream, of_track[k][1])));
    json_object_set_new(to, "entries", entries);
    return to;
}

// Each track of the sound is a file of its own, from the same packets.
static bool mux_stems(const struct ticket *t, struct muxed *made, struct error *err)
{
    struct muxing x = {.o.t = t};
    struct piece p = {0};
    json_t *streams = NULL, *stream;
    size_t i;
    bool done = t->input_count
                    ? open_piece(&x, t->input_count - 1, &p, err)
                    : error_set(err, ERROR_INPUT, "there is no sound to be put into files");
    if (done)
        streams = json_incref(json_object_get(p.head, "streams"));
    close_piece(&p);
    json_array_foreach(streams, i, stream)
    {
        char name[256];
        struct ticket own = *t;
        name_stem(t->output, order_word(stream, "stem"), name);
        own.metadata = metadata_of_stem(t->metadata, stream);
        done = done && mux_file(&own, (int)i, name, made, err);
        json_decref(own.metadata);
    }
    json_decref(streams);
    return done;
}

bool mux(const struct ticket *t, json_t **result, struct error *err)
{
    struct muxed made = {.outputs = json_array()};
    if (!t->facts)
        return error_set(err, ERROR_INPUT, "what the pieces were made of is not said");
    bool stems = json_object_get(json_object_get(t->profile, "audio"), "files") != NULL;
    bool done = stems ? mux_stems(t, &made, err) : mux_file(t, -1, t->output, &made, err);
    if (done)
        *result = json_pack("{s:O, s:I, s:O*}", "output",
                            stems ? made.outputs : json_array_get(made.outputs, 0), "frames",
                            (json_int_t)made.frames, "cmaf", made.about);
    json_decref(made.outputs);
    json_decref(made.about);
    return done;
}
