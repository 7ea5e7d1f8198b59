/*
 * Matroska and MXF are written again by libavformat: their index and their tags lie all over the
 * file. Packets are copied; the copy is read back, and every stream must have the same bytes.
 *
 * What this writer would lose keeps the file as it is: data tracks (ST 436 captions), descriptive
 * metadata (AS-11), sound labels (MCA), operational patterns with several files, times finer than
 * a millisecond.
 */
#include "engine/metadata.h"
#include "engine/output.h"
#include "engine/umid.h"
#include "plat/clock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { IO_BYTES = 1 << 20, HEAD_BYTES = 4 << 20 };

struct rewrap {
    const struct ticket *t;
    struct media *m;
    AVFormatContext *out;
    AVPacket *packet;
    const char *format; // of libavformat
    int file, write_error;
    int64_t at, read_at, size, said_us;
    XXH3_state_t *hashes[MEDIA_STREAMS];
    int64_t bytes[MEDIA_STREAMS];
};

static int io_write(void *opaque, uint8_t *at, int size)
{
    struct rewrap *x = opaque;
    struct error err;
    if (!output_write(x->file, at, (size_t)size, x->at, &err)) {
        x->write_error = errno ? errno : EIO;
        return AVERROR(x->write_error);
    }
    x->at += size;
    x->size = x->at > x->size ? x->at : x->size;
    return size;
}

static int64_t io_seek(void *opaque, int64_t offset, int whence)
{
    struct rewrap *x = opaque;
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
        return x->size;
    return x->at = whence == SEEK_CUR ? x->at + offset : offset;
}

static int io_read(void *opaque, uint8_t *to, int size)
{
    struct rewrap *x = opaque;
    ssize_t n = pread(x->file, to, (size_t)size, x->read_at);
    x->read_at += n > 0 ? n : 0;
    return n > 0 ? (int)n : n ? AVERROR(errno) : AVERROR_EOF;
}

static int64_t io_seek_read(void *opaque, int64_t offset, int whence)
{
    struct rewrap *x = opaque;
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
        return x->size;
    return x->read_at = whence == SEEK_CUR   ? x->read_at + offset
                        : whence == SEEK_END ? x->size + offset
                                             : offset;
}

// ---- what would be lost

static bool can_not(const struct rewrap *x, const char *why, struct error *err)
{
    error_set(err, ERROR_UNSUPPORTED, "what %s says of itself can not be changed",
              x->t->inputs[0].name);
    error_why(err, "%s", why);
    return error_fix(err, "keep a sidecar beside it, or make it anew: posthouse transcode");
}

static bool failed(const struct rewrap *x, int code, struct error *err)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    if (x->write_error)
        return error_errno(err, x->write_error, "cannot write %s", x->t->output);
    av_strerror(code, text, sizeof(text));
    return can_not(x, text, err);
}

static bool streams_hold(const struct rewrap *x, struct error *err)
{
    const AVFormatContext *f = x->m->format;
    for (unsigned i = 0; i < f->nb_streams; i++) {
        const AVCodecParameters *p = f->streams[i]->codecpar;
        bool attached = p->codec_type == AVMEDIA_TYPE_ATTACHMENT && strcmp(x->format, "mxf") != 0;
        if (!attached &&
            (p->codec_type == AVMEDIA_TYPE_DATA || p->codec_type == AVMEDIA_TYPE_UNKNOWN ||
             p->codec_type == AVMEDIA_TYPE_ATTACHMENT || !p->codec_id))
            return can_not(x, "it has a track of data that would be lost", err);
        if (strcmp(x->format, "mxf") && f->streams[i]->time_base.den > 1000 &&
            p->codec_type != AVMEDIA_TYPE_ATTACHMENT)
            return can_not(x, "its times are finer than a millisecond", err);
    }
    return true;
}

// The sets of the header that libavformat does not write, by the keys of their classes (ST 377-1,
// ST 377-4).
static bool header_holds(const struct rewrap *x, struct error *err)
{
    static const uint8_t before[14] = {0x06, 0x0e, 0x2b, 0x34, 0x02, 0x53, 0x01,
                                       0x01, 0x0d, 0x01, 0x01, 0x01, 0x01, 0x01};
    static const struct {
        uint8_t set;
        const char *why;
    } sets[] = {{0x41, "it has descriptive metadata (AS-11) that would be lost"},
                {0x6a, "it has labels of sound (MCA) that would be lost"},
                {0x6b, "it has labels of sound (MCA) that would be lost"},
                {0x6c, "it has labels of sound (MCA) that would be lost"},
                {0x6d, "it has labels of sound (MCA) that would be lost"}};
    const AVDictionaryEntry *pattern =
        av_dict_get(x->m->format->metadata, "operational_pattern_ul", NULL, 0);
    // OP1a: one item, one package (ST 378); its last bytes are qualifiers.
    if (pattern && strncmp(pattern->value, "060e2b34.04010101.0d010201.0101", 31) != 0)
        return can_not(x, "it has another operational pattern than OP1a", err);
    size_t most = x->t->inputs[0].size < HEAD_BYTES ? (size_t)x->t->inputs[0].size : HEAD_BYTES;
    uint8_t *head = av_malloc(most + 16), *at = head;
    size_t got = 0;
    const char *why = NULL;
    bool done = head ? input_read(x->m->in, 0, head, most, &got, err)
                     : error_set(err, ERROR_TOO_BIG, "no memory to read a header");
    while (done && !why && (at = memmem(at, got - (size_t)(at - head), before, 14))) {
        for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
            if (at + 15 < head + got && at[14] == sets[i].set)
                why = sets[i].why;
        at += 14;
    }
    av_free(head);
    return done && (!why || can_not(x, why, err));
}

// ---- writing

static const char *word(const json_t *o, const char *name)
{
    const char *t = json_string_value(json_object_get(o, name));
    return t ? t : "";
}

static bool add_streams(struct rewrap *x)
{
    for (unsigned i = 0; i < x->m->format->nb_streams; i++) {
        const AVStream *from = x->m->format->streams[i];
        AVStream *to = avformat_new_stream(x->out, NULL);
        x->hashes[i] = XXH3_createState();
        if (!to || !x->hashes[i] || avcodec_parameters_copy(to->codecpar, from->codecpar) < 0)
            return false;
        XXH3_64bits_reset(x->hashes[i]);
        to->codecpar->codec_tag = 0;
        to->time_base = from->time_base;
        to->avg_frame_rate = from->avg_frame_rate;
        to->r_frame_rate = from->r_frame_rate;
        to->sample_aspect_ratio = from->sample_aspect_ratio;
        to->disposition = from->disposition;
        av_dict_copy(&to->metadata, from->metadata, 0);
        for (int k = 0; k < from->nb_side_data; k++) {
            const AVPacketSideData *d = &from->side_data[k];
            uint8_t *room = av_stream_new_side_data(to, d->type, d->size);
            if (!room)
                return false;
            memcpy(room, d->data, d->size);
        }
    }
    return true;
}

static bool copy_chapters(struct rewrap *x)
{
    const AVFormatContext *f = x->m->format;
    for (unsigned i = 0; i < f->nb_chapters; i++) {
        AVChapter **list = av_realloc_array(x->out->chapters, i + 1, sizeof(*list));
        AVChapter *c = av_mallocz(sizeof(*c));
        x->out->chapters = list ? list : x->out->chapters;
        if (!list || !c) {
            av_free(c);
            return false;
        }
        c->id = f->chapters[i]->id;
        c->time_base = f->chapters[i]->time_base;
        c->start = f->chapters[i]->start, c->end = f->chapters[i]->end;
        av_dict_copy(&c->metadata, f->chapters[i]->metadata, 0);
        list[x->out->nb_chapters++] = c;
    }
    return true;
}

// The file's own words, and over them what it is told.
static bool say(struct rewrap *x, struct error *err)
{
    size_t i;
    const json_t *one;
    av_dict_copy(&x->out->metadata, x->m->format->metadata, 0);
    json_array_foreach(json_object_get(x->t->metadata, "entries"), i, one)
    {
        if (strncmp(word(one, "at"), "av/", 3) == 0 && !json_object_get(one, "track"))
            av_dict_set(&x->out->metadata, word(one, "at") + 3, NULL, 0);
    }
    if (!json_object_get(x->t->metadata, "chapters") && !copy_chapters(x))
        return error_set(err, ERROR_TOO_BIG, "no memory for chapters");
    return metadata_announce(x->t, x->out, err);
}

static bool open_output(struct rewrap *x, struct error *err)
{
    int code = avformat_alloc_output_context2(&x->out, NULL, x->format, NULL);
    if (code < 0 || !output_open(x->t->output, &x->file, err))
        return code < 0 ? failed(x, code, err) : false;
    x->out->pb = avio_alloc_context(av_malloc(IO_BYTES), IO_BYTES, 1, x, NULL, io_write, io_seek);
    x->out->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
    x->out->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    if (!add_streams(x))
        return error_set(err, ERROR_TOO_BIG, "no memory for its streams");
    if (!say(x, err))
        return false;
    code = avformat_write_header(x->out, NULL);
    return code >= 0 || failed(x, code, err);
}

static void progress(struct rewrap *x)
{
    int64_t now = clock_tick_us();
    if (now - x->said_us < 200000)
        return;
    x->said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)x->m->at, "total",
                       (json_int_t)x->t->inputs[0].size, "unit", "bytes"));
}

static bool copy_packets(struct rewrap *x, struct error *err)
{
    int code;
    // av_read_frame itself: media_read joins fields and drops what is no picture or sound.
    while ((code = av_read_frame(x->m->format, x->packet)) >= 0) {
        AVPacket *p = x->packet;
        int i = p->stream_index;
        XXH3_64bits_update(x->hashes[i], p->data, (size_t)p->size);
        x->bytes[i] += p->size;
        av_packet_rescale_ts(p, x->m->format->streams[i]->time_base, x->out->streams[i]->time_base);
        p->pos = -1;
        code = av_interleaved_write_frame(x->out, p);
        av_packet_unref(p);
        if (code < 0)
            return failed(x, code, err);
        progress(x);
    }
    if (code != AVERROR_EOF)
        return media_error(err, code, x->m, "reading it");
    code = av_write_trailer(x->out);
    avio_flush(x->out->pb);
    return (code >= 0 && !x->write_error) || failed(x, code, err);
}

// The copy is another file than the one it was made of, and than any that says something else.
static bool name_packages(struct rewrap *x, struct error *err)
{
    struct hasher *of = hasher_open("sha256");
    char *said = json_dumps(x->t->metadata, JSON_COMPACT | JSON_SORT_KEYS);
    for (unsigned i = 0; i < x->m->format->nb_streams; i++) {
        uint64_t is = XXH3_64bits_digest(x->hashes[i]);
        hasher_add(of, &is, sizeof(is));
    }
    if (said)
        hasher_add(of, said, strlen(said));
    free(said);
    return umid_number(x->file, of, err);
}

// ---- reading it back

static bool compare(struct rewrap *x, AVFormatContext *f, struct error *err)
{
    uint64_t was[MEDIA_STREAMS];
    int64_t bytes[MEDIA_STREAMS] = {0};
    bool same = f->nb_streams == x->m->format->nb_streams;
    for (unsigned i = 0; i < x->m->format->nb_streams; i++) {
        was[i] = XXH3_64bits_digest(x->hashes[i]);
        XXH3_64bits_reset(x->hashes[i]);
    }
    while (same && av_read_frame(f, x->packet) >= 0) {
        int i = x->packet->stream_index;
        XXH3_64bits_update(x->hashes[i], x->packet->data, (size_t)x->packet->size);
        bytes[i] += x->packet->size;
        av_packet_unref(x->packet);
    }
    for (unsigned i = 0; same && i < f->nb_streams; i++)
        same = bytes[i] == x->bytes[i] && XXH3_64bits_digest(x->hashes[i]) == was[i];
    return same || can_not(x, "the copy would not hold the same picture and sound", err);
}

static bool read_back(struct rewrap *x, struct error *err)
{
    AVFormatContext *f = avformat_alloc_context();
    AVIOContext *io =
        avio_alloc_context(av_malloc(IO_BYTES), IO_BYTES, 0, x, io_read, NULL, io_seek_read);
    f->pb = io;
    f->flags |= AVFMT_FLAG_CUSTOM_IO;
    f->format_whitelist = av_strdup("matroska,mxf");
    int code = avformat_open_input(&f, NULL, NULL, NULL);
    if (code >= 0) // packets come as they did from the file that was copied
        code = avformat_find_stream_info(f, NULL);
    bool done = code >= 0 ? compare(x, f, err) : failed(x, code, err);
    avformat_close_input(&f);
    av_freep(&io->buffer);
    avio_context_free(&io);
    return done;
}

static const char *writer_of(const struct rewrap *x, char head[64])
{
    const char *name = x->m->format ? x->m->format->iformat->name : "";
    if (x->m->span || x->m->made) // several files, or none of a format that is written
        return NULL;
    if (strcmp(name, "mxf") == 0)
        return "mxf";
    if (!strstr(name, "matroska"))
        return NULL;
    return memmem(head, 64, "webm", 4) ? "webm" : "matroska"; // DocType
}

bool metadata_rewrap(const struct ticket *t, int64_t *size, struct error *err)
{
    struct rewrap x = {.t = t, .file = -1, .packet = av_packet_alloc()};
    char head[64] = "";
    size_t got;
    bool done = media_open(t, &x.m, err) &&
                (!x.m->in || input_read(x.m->in, 0, head, sizeof(head), &got, err));
    if (done && !(x.format = writer_of(&x, head)))
        done = can_not(&x, "that is done in finished MP4, QuickTime, WAV, Matroska and MXF files",
                       err);
    done = done && streams_hold(&x, err) &&
           (strcmp(x.format, "mxf") != 0 || header_holds(&x, err)) && open_output(&x, err) &&
           copy_packets(&x, err) && (strcmp(x.format, "mxf") != 0 || name_packages(&x, err)) &&
           read_back(&x, err) &&
           (fsync(x.file) == 0 || error_errno(err, errno, "cannot make %s durable", t->output));
    *size = x.size;
    for (size_t i = 0; i < MEDIA_STREAMS; i++)
        XXH3_freeState(x.hashes[i]);
    if (x.out) {
        if (x.out->pb)
            av_freep(&x.out->pb->buffer);
        avio_context_free(&x.out->pb);
        avformat_free_context(x.out);
    }
    av_packet_free(&x.packet);
    media_close(x.m);
    if (x.file >= 0)
        close(x.file);
    return done;
}
