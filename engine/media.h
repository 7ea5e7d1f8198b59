/*
 * engine/media: a version's bytes as packets, whether it is a movie file, sound or numbered
 * pictures.
 *
 * libav reads only through our own AVIO over the door's pieces; it knows no protocol and only the
 * demuxers of a list, so that a file can not make it open another one.
 */
#pragma once
#include "base/error.h"
#include "tickets/door.h"
#include "tickets/ticket.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#define MEDIA_SIDE_PX 16384    // longest side of a picture
#define MEDIA_PIXELS 268435456 // 16384 x 16384
#define MEDIA_STREAMS 256

struct span;
struct made;
struct media {
    const struct ticket *ticket;
    size_t number;     // which of its inputs
    struct span *span; // files that are one clip; then format, io and in are its own or the first's
    // a container
    AVFormatContext *format; // NULL for pictures
    AVIOContext *io;
    struct input *in;
    int64_t at;
    bool unreadable;   // our own reading failed: not all that libav calls an i/o error
    bool encrypted;    // a packet that was read can only be opened with a key
    struct made *made; // a maker's file (engine/maker); format and in are its
    // numbered pictures, or one
    bool pictures;
    enum AVCodecID picture_codec;
    size_t next_input;
    int64_t *numbers;    // file number of each input; NULL: 0, 1, ...
    int64_t first, last; // file numbers
    AVCodecParameters *picture;
    AVRational picture_base;
    // fields that are packets of their own
    AVCodecParserContext *parser;
    AVCodecContext *parser_codec;
    int64_t fields;
    // Is told of the bytes that are read, of one file or of pictures; NULL: nobody is.
    void (*saw)(void *context, size_t number, int64_t offset, const uint8_t *at, size_t size);
    void *saw_context;
    // the streams that count; -1 when there is none
    int video, audio;
    // what the container's header alone said of its pictures; NULL when it said nothing
    AVCodecParameters *declared;
};

MUST_CHECK bool media_open(const struct ticket *t, struct media **m, struct error *err);
void media_close(struct media *m);
// By how a file begins, else by its name's ending; AV_CODEC_ID_NONE: it is no still picture. `head`
// has 16 bytes.
enum AVCodecID media_picture_codec(const uint8_t *head, const char *name);
// 0, AVERROR_EOF, or another error of libav. A picture's pts is its number less the first one's.
int media_read(struct media *m, AVPacket *p);
// Says that it is encrypted, for a file of which media_read found it. Always false.
bool media_locked(const struct media *m, struct error *err);
// As av_seek_frame.
int media_seek(struct media *m, int stream, int64_t time, int flags);
// In a transport stream each field of a field-coded picture may be a packet of its own: true for
// the second one. Ask once for each packet of the picture stream, in order.
bool media_second_field(struct media *m, const AVPacket *p);
const AVCodecParameters *media_video(const struct media *m);
AVRational media_video_base(const struct media *m);
// The number of pictures that the sequence has places for, with the missing ones.
int64_t media_places(const struct media *m);

// `threads` 0: one.
MUST_CHECK bool decoder_open(const AVCodecParameters *p, AVRational base, int threads,
                             AVCodecContext **to, struct error *err);

// What libav's error means for the person's file.
bool media_error(struct error *err, int code, const struct media *m, const char *doing);

bool probe(const struct ticket *t, json_t **facts, struct error *err);
// The same, and `saw` (may be NULL) is called with the first frame that was decoded, when all is
// well.
typedef void probe_saw(const struct ticket *t, const AVFrame *frame);
bool probe_seeing(const struct ticket *t, probe_saw *saw, json_t **facts, struct error *err);
// What a ticket to probe asks for: the same with a small picture (look.c).
bool probe_and_look(const struct ticket *t, json_t **facts, struct error *err);
bool proxy(const struct ticket *t, json_t **result, struct error *err);
bool measure(const struct ticket *t, json_t **result, struct error *err);
bool stills(const struct ticket *t, json_t **result, struct error *err);
bool verify(const struct ticket *t, json_t **result, struct error *err);
bool assemble(const struct ticket *t, json_t **result, struct error *err);
bool one_picture(const struct ticket *t, json_t **result, struct error *err);
bool captions(const struct ticket *t, json_t **result, struct error *err);
