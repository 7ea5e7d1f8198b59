#include "engine/media.h"
#include "engine/layers.h"
#include "engine/made.h"
#include "engine/span.h"
#include "formats/sequence/sequence.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define IO_BYTES (1 << 20)
#define PICTURE_BYTES (1LL << 30)

static const char demuxers[] =
    "mov,mxf,matroska,avi,mpegts,mpeg,mpegvideo,wav,w64,flac,mp3,aac,aiff,"
    "caf,ogg,gxf,dv,ac3,eac3,flv,asf,lxf,m4v,h264,hevc";

static int io_read(void *opaque, uint8_t *to, int size)
{
    struct media *m = opaque;
    struct error err;
    size_t got;
    if (!input_read(m->in, m->at, to, (size_t)size, &got, &err)) {
        m->unreadable = true;
        return AVERROR(EIO);
    }
    if (m->saw)
        m->saw(m->saw_context, m->number, m->at, to, got);
    m->at += (int64_t)got;
    return got ? (int)got : AVERROR_EOF;
}

static int64_t io_seek(void *opaque, int64_t offset, int whence)
{
    struct media *m = opaque;
    int64_t size = input_size(m->in);
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
        return size;
    int64_t to = whence == SEEK_SET ? offset : whence == SEEK_CUR ? m->at + offset : size + offset;
    if (to < 0)
        return AVERROR(EINVAL);
    return m->at = to;
}

// A file that names others (a reference movie, a playlist) gets none.
static int open_no_other(AVFormatContext *f, AVIOContext **pb, const char *url, int flags,
                         AVDictionary **options)
{
    (void)f, (void)pb, (void)url, (void)flags, (void)options;
    return AVERROR(EPERM);
}

bool media_error(struct error *err, int code, const struct media *m, const char *doing)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    const char *name = m->ticket->inputs[m->number].name;
    av_strerror(code, text, sizeof(text));
    if (code == AVERROR(ENOMEM)) {
        // libav says so too when there are more streams than it may make.
        error_set(err, ERROR_TOO_BIG, "%s needs too much memory, or has too many streams", name);
        error_why(err, "while %s; at most %d streams are read", doing, MEDIA_STREAMS - 1);
        return error_fix(err,
                         "if the file is right, bring in one with the streams that are needed");
    }
    if (code == AVERROR(ENOSPC) || code == AVERROR(EFBIG) ||
        (code == AVERROR(EIO) && (m->unreadable || !m->in))) {
        error_set(err, code == AVERROR(ENOSPC) ? ERROR_NO_SPACE : ERROR_IO, "%s failed for %s",
                  doing, name);
        return error_why(err, "%s", text);
    }
    error_set(err, ERROR_DAMAGED, "%s can not be read", name);
    error_why(err, "%s failed: %s", doing, text);
    return error_fix(err, "check that it plays where it came from, and bring it in again");
}

static bool is_text(const uint8_t *at, size_t size)
{
    size_t odd = 0;
    for (size_t i = 0; i < size; i++)
        odd += at[i] < 9 || (at[i] > 13 && at[i] < 32);
    return size > 0 && odd == 0;
}

// libav has not recognised it: say as much as can be seen.
static bool unknown(struct media *m, struct error *err)
{
    uint8_t head[4096];
    size_t got = 0;
    const char *name = m->ticket->inputs[m->number].name;
    if (!input_read(m->in, 0, head, sizeof(head), &got, err))
        return false;
    bool zeros = true;
    for (size_t i = 0; i < got; i++)
        zeros = zeros && !head[i];
    bool boxes = got > 8 && (!memcmp(head + 4, "ftyp", 4) || !memcmp(head + 4, "mdat", 4) ||
                             !memcmp(head + 4, "wide", 4));
    error_set(err, boxes || zeros ? ERROR_DAMAGED : ERROR_UNSUPPORTED, "%s is not media", name);
    if (zeros)
        error_why(err, "its first %zu bytes are all zero", got);
    else if (is_text(head, got))
        error_why(err, "it holds text");
    else if (boxes)
        error_why(err, "it begins as a QuickTime or MP4 file, but its index (moov) is missing: the "
                       "recording or the copy was cut off");
    else
        error_why(err, "it begins as no format that is known here");
    return error_fix(err, boxes || zeros ? "bring it in again from where it was recorded"
                                         : "if it is media, its format is not read here yet");
}

// Asked of the header too, since libav forgets a size that is too much for it.
static bool sizes_hold(const struct media *m, struct error *err)
{
    for (unsigned i = 0; i < m->format->nb_streams; i++) {
        const AVCodecParameters *p = m->format->streams[i]->codecpar;
        if (p->codec_type != AVMEDIA_TYPE_VIDEO ||
            (p->width <= MEDIA_SIDE_PX && p->height <= MEDIA_SIDE_PX))
            continue;
        error_set(err, ERROR_TOO_BIG, "the picture of %s is too large",
                  m->ticket->inputs[m->number].name);
        error_why(err, "it says %d x %d, and at most %d a side are read", p->width, p->height,
                  MEDIA_SIDE_PX);
        return error_fix(err, "if the file is right, make a smaller picture of it");
    }
    return true;
}

static void keep_declared(struct media *m)
{
    for (unsigned i = 0; i < m->format->nb_streams && !m->declared; i++) {
        const AVStream *s = m->format->streams[i];
        if (s->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
            continue;
        m->declared = avcodec_parameters_alloc();
        avcodec_parameters_copy(m->declared, s->codecpar);
        if (s->sample_aspect_ratio.num)
            m->declared->sample_aspect_ratio = s->sample_aspect_ratio;
    }
}

static bool open_container(struct media *m, struct error *err)
{
    const struct ticket_input *input = &m->ticket->inputs[m->number];
    if (!input_open(m->number, input->size, &m->in, err))
        return false;
    uint8_t *room = av_malloc(IO_BYTES);
    // What still grows is read from its beginning on, as from a line: its end is not there yet.
    m->io = avio_alloc_context(room, IO_BYTES, 0, m, io_read, NULL,
                               input_grows(m->in) ? NULL : io_seek);
    m->format = avformat_alloc_context();
    m->format->pb = m->io;
    m->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    m->format->io_open = open_no_other;
    m->format->format_whitelist = av_strdup(demuxers);
    m->format->protocol_whitelist = av_strdup("none");
    m->format->max_streams = MEDIA_STREAMS;
    m->format->probesize = 16 << 20;
    m->format->max_analyze_duration = 10 * AV_TIME_BASE;
    if (input_grows(m->in)) { // what is there may be all for a while; its facts are known
        m->format->probesize = 2 << 20;
        m->format->max_analyze_duration = AV_TIME_BASE / 2;
    }
    // The name helps to tell formats apart that have no mark; no path is behind it.
    int code = avformat_open_input(&m->format, input->name, NULL, NULL);
    if (code < 0) {
        // libav frees a context that it could not open, and leaves our io.
        if (code == AVERROR_INVALIDDATA || code == AVERROR(EINVAL) || code == AVERROR_EOF)
            return unknown(m, err);
        return media_error(err, code, m, "reading its header");
    }
    if (m->format->nb_streams >= MEDIA_STREAMS) {
        error_set(err, ERROR_TOO_BIG, "%s has too many streams", input->name);
        error_why(err, "at most %d are read", MEDIA_STREAMS - 1);
        return error_fix(err, "bring in a file with the streams that are needed");
    }
    if (!sizes_hold(m, err))
        return false;
    keep_declared(m);
    code = avformat_find_stream_info(m->format, NULL);
    return (code >= 0 || media_error(err, code, m, "looking for its streams")) &&
           sizes_hold(m, err);
}

bool media_locked(const struct media *m, struct error *err)
{
    error_set(err, ERROR_UNSUPPORTED, "%s is encrypted", m->ticket->inputs[0].name);
    error_why(err, "its picture or sound can only be opened with a key");
    return error_fix(err, "bring in a file without copy protection");
}

static bool sound_or_picture(struct media *m, struct error *err)
{
    const char *name = m->ticket->inputs[m->number].name;
    for (unsigned i = 0; i < m->format->nb_streams; i++) {
        const AVStream *s = m->format->streams[i];
        const AVCodecParameters *p = s->codecpar;
        bool cover = s->disposition & AV_DISPOSITION_ATTACHED_PIC;
        if (p->codec_type == AVMEDIA_TYPE_VIDEO && !cover && m->video < 0)
            m->video = (int)i;
        if (p->codec_type == AVMEDIA_TYPE_AUDIO && p->sample_rate > 0 && m->audio < 0)
            m->audio = (int)i;
        if (p->codec_tag == MKTAG('d', 'r', 'm', 'i') ||
            av_dict_get(s->metadata, "enc_key_id", NULL, 0) ||
            av_stream_get_side_data(s, AV_PKT_DATA_ENCRYPTION_INIT_INFO, NULL))
            return media_locked(m, err);
    }
    if (m->video >= 0 || m->audio >= 0)
        return true;
    error_set(err, ERROR_UNSUPPORTED, "%s is not media", name);
    return error_why(err, "it has neither picture nor sound");
}

// ---- pictures

// A picture is known by how it begins; what has no such mark (TGA) by its name's ending.
static const struct {
    const char *mark;
    size_t size, at;
    enum AVCodecID codec;
} marks[] = {
    {"\x89PNG\r\n\x1a\n", 8, 0, AV_CODEC_ID_PNG},
    {"\xff\xd8\xff", 3, 0, AV_CODEC_ID_MJPEG},
    {"\x76\x2f\x31\x01", 4, 0, AV_CODEC_ID_EXR},
    {"SDPX", 4, 0, AV_CODEC_ID_DPX},
    {"XPDS", 4, 0, AV_CODEC_ID_DPX},
    {"II*\0", 4, 0, AV_CODEC_ID_TIFF},
    {"MM\0*", 4, 0, AV_CODEC_ID_TIFF},
    {"\0\0\0\x0cjP  \r\n\x87\n", 12, 0, AV_CODEC_ID_JPEG2000},
    {"\xff\x4f\xff\x51", 4, 0, AV_CODEC_ID_JPEG2000},
    {"WEBP", 4, 8, AV_CODEC_ID_WEBP},
};
static const struct {
    const char *ending;
    enum AVCodecID codec;
} pictures[] = {
    {"exr", AV_CODEC_ID_EXR},    {"dpx", AV_CODEC_ID_DPX},      {"tif", AV_CODEC_ID_TIFF},
    {"tiff", AV_CODEC_ID_TIFF},  {"png", AV_CODEC_ID_PNG},      {"jpg", AV_CODEC_ID_MJPEG},
    {"jpeg", AV_CODEC_ID_MJPEG}, {"jp2", AV_CODEC_ID_JPEG2000}, {"j2k", AV_CODEC_ID_JPEG2000},
    {"tga", AV_CODEC_ID_TARGA},  {"bmp", AV_CODEC_ID_BMP},      {"webp", AV_CODEC_ID_WEBP},
};

static enum AVCodecID by_ending(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof(pictures) / sizeof(pictures[0]); i++)
        if (strcasecmp(dot + 1, pictures[i].ending) == 0)
            return pictures[i].codec;
    return AV_CODEC_ID_NONE;
}

enum AVCodecID media_picture_codec(const uint8_t *head, const char *name)
{
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (memcmp(head + marks[i].at, marks[i].mark, marks[i].size) == 0)
            return marks[i].codec;
    return by_ending(name);
}

static bool find_picture(struct media *m, struct error *err)
{
    const struct ticket_input *first = &m->ticket->inputs[0];
    uint8_t head[16] = {0};
    struct input *in = NULL;
    size_t got = 0;
    bool done =
        input_open(0, first->size, &in, err) && input_read(in, 0, head, sizeof(head), &got, err);
    input_close(in);
    m->picture_codec = AV_CODEC_ID_NONE;
    for (size_t i = 0; done && i < sizeof(marks) / sizeof(marks[0]); i++)
        if (memcmp(head + marks[i].at, marks[i].mark, marks[i].size) == 0)
            m->picture_codec = marks[i].codec;
    enum AVCodecID named = by_ending(first->name);
    bool numbered = m->ticket->input_count > 1 || m->ticket->sequence;
    if (!m->picture_codec && (numbered || named == AV_CODEC_ID_TARGA || named == AV_CODEC_ID_BMP))
        m->picture_codec = named;
    return done;
}

// libav knows no deep samples.
static bool make_flat(size_t number, const struct ticket_input *input, AVPacket *p,
                      struct error *err)
{
    uint8_t *at = NULL;
    size_t size = 0;
    bool done = layers_flat(number, input, &at, &size, err);
    if (done) {
        av_packet_unref(p);
        done =
            (size < INT_MAX - AV_INPUT_BUFFER_PADDING_SIZE && av_new_packet(p, (int)size) == 0) ||
            error_set(err, ERROR_TOO_BIG, "no memory for %s", input->name);
        if (done)
            memcpy(p->data, at, size);
    }
    free(at);
    return done;
}

static bool read_picture(struct media *m, size_t number, AVPacket *p, struct error *err)
{
    const struct ticket_input *input = &m->ticket->inputs[number];
    struct input *in = NULL;
    size_t got = 0;
    if (input->size < 4 || input->size > PICTURE_BYTES) {
        error_set(err, ERROR_DAMAGED, "%s is not a picture", input->name);
        return error_why(err, "it has %s", size_text(input->size).text);
    }
    bool done = input_open(number, input->size, &in, err) &&
                (av_new_packet(p, (int)input->size) == 0 ||
                 error_set(err, ERROR_TOO_BIG, "no memory for %s", input->name)) &&
                input_read(in, 0, p->data, (size_t)input->size, &got, err);
    if (done && m->saw)
        m->saw(m->saw_context, number, 0, p->data, got);
    input_close(in);
    done = done && (m->picture_codec != AV_CODEC_ID_EXR || !layers_deep(p->data, got) ||
                    make_flat(number, input, p, err));
    if (!done)
        av_packet_unref(p);
    return done;
}

static bool open_pictures(struct media *m, struct error *err)
{
    const struct ticket *t = m->ticket;
    m->pictures = true;
    m->video = 0;
    m->numbers = calloc(t->input_count, sizeof(*m->numbers));
    for (size_t i = 0; i < t->input_count; i++) {
        struct sequence_name parts;
        bool numbered = t->input_count > 1 || t->sequence;
        m->numbers[i] = (int64_t)i;
        if (numbered && sequence_name_parse(text_of(t->inputs[i].name), &parts))
            m->numbers[i] = parts.number;
        if (i && m->numbers[i] <= m->numbers[i - 1])
            return error_set(err, ERROR_INPUT, "the files of the sequence are not in order");
    }
    m->first = m->numbers[0];
    m->last = m->numbers[t->input_count - 1];
    if (m->last - m->first > 10000000) {
        error_set(err, ERROR_TOO_BIG, "the sequence is too long");
        return error_why(err, "its numbers go from %lld to %lld", (long long)m->first,
                         (long long)m->last);
    }
    m->picture = avcodec_parameters_alloc();
    m->picture->codec_type = AVMEDIA_TYPE_VIDEO;
    m->picture->codec_id = m->picture_codec;
    m->picture_base = (AVRational){1, 24};
    return true;
}

// ---- both

// One of the files that are a clip together.
static bool open_one(const struct ticket *t, size_t number, struct media **to, struct error *err)
{
    struct media *m = calloc(1, sizeof(*m));
    if (!m)
        return error_set(err, ERROR_TOO_BIG, "no memory for %s", t->inputs[number].name);
    m->ticket = t;
    m->number = number;
    m->video = m->audio = -1;
    if (t->inputs[number].size > 0 && open_container(m, err) && sound_or_picture(m, err))
        return *to = m, true;
    if (t->inputs[number].size == 0) {
        error_set(err, ERROR_DAMAGED, "%s is empty", t->inputs[number].name);
        error_fix(err, "bring it in again from where it was recorded");
    }
    media_close(m);
    return false;
}

static bool open_some(const struct ticket *t, size_t first, size_t count, struct media **to,
                      struct error *err);

static bool open_span(struct media *m, const struct span_wish *wish, struct error *err)
{
    if (!span_open(wish, &m->span, err))
        return false;
    m->format = span_format(m->span);
    m->in = span_first(m->span)->in;
    if (span_first(m->span)->declared) {
        m->declared = avcodec_parameters_alloc();
        avcodec_parameters_copy(m->declared, span_first(m->span)->declared);
    }
    return sound_or_picture(m, err);
}

// A part of a clip: one file, or files that hold a track each.
static bool open_some(const struct ticket *t, size_t first, size_t count, struct media **to,
                      struct error *err)
{
    if (count == 1)
        return open_one(t, first, to, err);
    struct media *m = calloc(1, sizeof(*m));
    if (!m)
        return error_set(err, ERROR_TOO_BIG, "no memory for %s", t->inputs[first].name);
    m->ticket = t;
    m->number = first;
    m->video = m->audio = -1;
    if (open_span(m, &(struct span_wish){t, first, count, true, NULL, open_some}, err))
        return *to = m, true;
    media_close(m);
    return false;
}

bool media_open(const struct ticket *t, struct media **to, struct error *err)
{
    struct media *m = calloc(1, sizeof(*m));
    m->ticket = t;
    m->video = m->audio = -1;
    const struct maker *maker = maker_of(t);
    bool done;
    if (maker) {
        done = made_open(maker, t, &m->made, err);
        if (done) {
            m->format = made_format(m->made);
            m->in = made_input(m->made);
            done = sizes_hold(m, err) && sound_or_picture(m, err);
        }
    } else if (t->inputs[0].size == 0) {
        error_set(err, ERROR_DAMAGED, "%s is empty", t->inputs[0].name);
        error_why(err, "it has no bytes");
        done = error_fix(err, "bring it in again from where it was recorded");
    } else if (t->span) {
        bool tracks = strcmp(t->span, "tracks") == 0;
        done = open_span(
            m, &(struct span_wish){t, 0, t->input_count, tracks, t->span_parts, open_some}, err);
    } else {
        done = find_picture(m, err);
        if (done && m->picture_codec != AV_CODEC_ID_NONE)
            done = open_pictures(m, err);
        else
            done = done && open_container(m, err) && sound_or_picture(m, err);
    }
    if (done)
        *to = m;
    else
        media_close(m);
    return done;
}

void media_close(struct media *m)
{
    if (!m)
        return;
    av_parser_close(m->parser);
    avcodec_free_context(&m->parser_codec);
    if (m->span || m->made) {
        span_close(m->span);
        made_close(m->made);
    } else {
        avformat_close_input(&m->format);
        if (m->io)
            av_freep(&m->io->buffer);
        avio_context_free(&m->io);
        input_close(m->in);
    }
    avcodec_parameters_free(&m->picture);
    avcodec_parameters_free(&m->declared);
    free(m->numbers);
    free(m);
}

int media_read(struct media *m, AVPacket *p)
{
    struct error err;
    if (!m->pictures) {
        int code = m->span   ? span_read(m->span, p)
                   : m->made ? made_read(m->made, p)
                             : av_read_frame(m->format, p);
        m->encrypted = m->encrypted ||
                       (code >= 0 && av_packet_get_side_data(p, AV_PKT_DATA_ENCRYPTION_INFO, NULL));
        return code;
    }
    if (m->next_input >= m->ticket->input_count)
        return AVERROR_EOF;
    size_t number = m->next_input++;
    if (!read_picture(m, number, p, &err)) {
        if (err.kind != ERROR_DAMAGED)
            return AVERROR(EIO);
        av_new_packet(p, 1); // nothing that decodes: the frame is held and counted as damaged
    }
    p->stream_index = 0;
    p->pts = p->dts = m->numbers[number] - m->first;
    p->duration = 1;
    p->flags = AV_PKT_FLAG_KEY;
    return 0;
}

int media_seek(struct media *m, int stream, int64_t time, int flags)
{
    if (m->made)
        return made_seek(m->made, time), 0;
    return m->span ? span_seek(m->span, stream, time, flags)
                   : av_seek_frame(m->format, stream, time, flags);
}

bool media_second_field(struct media *m, const AVPacket *p)
{
    const AVCodecParameters *par = media_video(m);
    uint8_t *out;
    int out_size;
    if (m->pictures ||
        (par->codec_id != AV_CODEC_ID_H264 && par->codec_id != AV_CODEC_ID_MPEG2VIDEO))
        return false;
    if (!m->parser_codec) {
        m->parser = av_parser_init(par->codec_id);
        m->parser_codec = avcodec_alloc_context3(avcodec_find_decoder(par->codec_id));
        avcodec_parameters_to_context(m->parser_codec, par);
        if (m->parser)
            m->parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
    }
    if (!m->parser)
        return false;
    av_parser_parse2(m->parser, m->parser_codec, &out, &out_size, p->data, p->size, p->pts, p->dts,
                     p->pos);
    bool field = m->parser->picture_structure == AV_PICTURE_STRUCTURE_TOP_FIELD ||
                 m->parser->picture_structure == AV_PICTURE_STRUCTURE_BOTTOM_FIELD;
    // A packet of both fields is as large as its neighbours; the parser shows its first one only.
    if (!field || strcmp(m->format->iformat->name, "mpegts") != 0)
        return false;
    m->fields++;
    return m->fields % 2 == 0;
}

const AVCodecParameters *media_video(const struct media *m)
{
    return m->pictures ? m->picture : m->format->streams[m->video]->codecpar;
}

AVRational media_video_base(const struct media *m)
{
    return m->pictures ? m->picture_base : m->format->streams[m->video]->time_base;
}

int64_t media_places(const struct media *m)
{
    return m->last - m->first + 1;
}

bool decoder_open(const AVCodecParameters *p, AVRational base, int threads, AVCodecContext **to,
                  struct error *err)
{
    const AVCodec *codec = avcodec_find_decoder(p->codec_id);
    if (!codec) {
        error_set(err, ERROR_UNSUPPORTED, "no decoder for %s", avcodec_get_name(p->codec_id));
        error_why(err, "the media library here does not read this codec");
        return error_fix(err, "bring in a file in another codec, such as ProRes");
    }
    AVCodecContext *c = avcodec_alloc_context3(codec);
    avcodec_parameters_to_context(c, p);
    c->pkt_timebase = base;
    c->thread_count = threads > 0 ? threads : 1;
    c->thread_type = FF_THREAD_FRAME | FF_THREAD_SLICE;
    c->max_pixels = MEDIA_PIXELS;
    c->err_recognition = 0;
    int code = avcodec_open2(c, codec, NULL);
    if (code >= 0) {
        *to = c;
        return true;
    }
    avcodec_free_context(&c);
    error_set(err, ERROR_DAMAGED, "its %s can not be decoded", avcodec_get_name(p->codec_id));
    return error_why(err, "the decoder refuses its header");
}
