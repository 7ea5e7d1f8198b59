/*
 * A part's times are counted from where it begins; the whole's are those and the lengths of the
 * parts before, in the time base of each stream of the first part. The picture says how long a part
 * is (sound, where there is none): so no frame moves, and sound is at most a packet early or late.
 */
#include "engine/span.h"

#include <stdlib.h>
#include <string.h>

struct part {
    struct media *m;
    size_t input, inputs; // of the ticket
    int first;            // number of its first stream in the whole
    int64_t before;       // of the parts before, in `base`; -1: not known yet
    int64_t length;       // its own; 0: not known before it is read
    int64_t size;         // bytes of the parts before, for packets' places
    AVPacket *ahead;      // side by side: read, not given yet
    bool over, used;      // side by side: at its end; following: was read, so that it must go back
};
struct span {
    bool tracks;
    struct part *at;
    size_t count, now;
    AVFormatContext *format;
    AVRational base; // of the stream that says how long a part is
    int measure;     // its number
};

static int measured(const struct media *m)
{
    return m->video >= 0 ? m->video : m->audio;
}

static int64_t length_of(const struct media *m)
{
    const AVStream *s = m->format->streams[measured(m)];
    if (s->duration > 0)
        return s->duration;
    return m->format->duration > 0 ? av_rescale_q(m->format->duration, AV_TIME_BASE_Q, s->time_base)
                                   : 0;
}

static int64_t start_of(const struct media *m, int stream)
{
    int64_t start = m->format->streams[stream]->start_time;
    return start == AV_NOPTS_VALUE ? 0 : start;
}

static bool copy_stream(struct span *s, const AVStream *from)
{
    AVStream *to = avformat_new_stream(s->format, NULL);
    if (!to || avcodec_parameters_copy(to->codecpar, from->codecpar) < 0)
        return false;
    to->id = from->id;
    to->time_base = from->time_base;
    to->avg_frame_rate = from->avg_frame_rate;
    to->r_frame_rate = from->r_frame_rate;
    to->sample_aspect_ratio = from->sample_aspect_ratio;
    to->disposition = from->disposition;
    to->start_time = from->start_time;
    to->duration = from->duration;
    av_dict_copy(&to->metadata, from->metadata, 0);
    for (int i = 0; i < from->nb_side_data; i++) {
        const AVPacketSideData *d = &from->side_data[i];
        uint8_t *room = av_stream_new_side_data(to, d->type, d->size);
        if (room && d->size)
            memcpy(room, d->data, d->size);
    }
    return true;
}

// Parts of one recording have the same streams; what differs is another clip.
static bool fits(const struct media *a, const struct media *b)
{
    const AVCodecParameters *x = a->format->streams[measured(a)]->codecpar,
                            *y = b->format->streams[measured(b)]->codecpar;
    return x->codec_id == y->codec_id && x->width == y->width && x->height == y->height &&
           x->codec_tag == y->codec_tag && measured(a) == measured(b);
}

static const char *name_of(const struct ticket *t, const struct part *p)
{
    return t->inputs[p->input].name;
}

static bool refuse(const struct span *s, const struct ticket *t, const struct part *p,
                   struct error *err)
{
    error_set(err, ERROR_DAMAGED, "%s is no part of the clip", name_of(t, p));
    error_why(err, "its picture is of another size or coding than that of %s",
              name_of(t, &s->at[0]));
    return error_fix(err, "bring the files in as they were on the card");
}

static int64_t bytes_of(const struct ticket *t, const struct part *p)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < p->inputs; i++)
        bytes += t->inputs[p->input + i].size;
    return bytes;
}

static bool add_part(struct span *s, const struct ticket *t, size_t number, struct error *err)
{
    struct part *p = &s->at[number];
    bool first = number == 0;
    if (!s->tracks && !first && !fits(s->at[0].m, p->m))
        return refuse(s, t, p, err);
    p->first = s->tracks ? (int)s->format->nb_streams : 0;
    p->length = length_of(p->m);
    p->before = first ? 0 : -1;
    if (!first && s->at[number - 1].before >= 0 && s->at[number - 1].length > 0)
        p->before =
            s->at[number - 1].before +
            av_rescale_q(s->at[number - 1].length,
                         s->at[number - 1].m->format->streams[s->measure]->time_base, s->base);
    p->size = first ? 0 : s->at[number - 1].size + bytes_of(t, &s->at[number - 1]);
    for (unsigned i = 0; (s->tracks || first) && i < p->m->format->nb_streams; i++)
        if (s->format->nb_streams >= MEDIA_STREAMS || !copy_stream(s, p->m->format->streams[i]))
            return error_set(err, ERROR_TOO_BIG, "%s has too many streams", name_of(t, p));
    return !s->tracks || (p->ahead = av_packet_alloc()) != NULL ||
           error_set(err, ERROR_TOO_BIG, "no memory for %s", name_of(t, p));
}

// How long all of it is: the streams' own durations are the first part's.
static void set_lengths(struct span *s)
{
    int64_t all = 0;
    for (size_t i = 0; i < s->count && !s->tracks; i++) {
        all = s->at[i].length > 0 && all >= 0 ? all + s->at[i].m->format->duration : -1;
    }
    s->format->duration = s->tracks ? s->at[0].m->format->duration : all > 0 ? all : AV_NOPTS_VALUE;
    for (unsigned i = 0; i < s->format->nb_streams && !s->tracks; i++) {
        AVStream *st = s->format->streams[i];
        int64_t sum = 0;
        for (size_t k = 0; k < s->count && sum >= 0; k++) {
            const AVStream *own =
                i < s->at[k].m->format->nb_streams ? s->at[k].m->format->streams[i] : NULL;
            sum = own && own->duration > 0
                      ? sum + av_rescale_q(own->duration, own->time_base, st->time_base)
                      : -1;
        }
        st->duration = sum > 0 ? sum : AV_NOPTS_VALUE;
        st->nb_frames = 0;
    }
}

bool span_open(const struct span_wish *w, struct span **to, struct error *err)
{
    struct span *s = calloc(1, sizeof(*s));
    size_t parts = w->parts ? json_array_size(w->parts) : w->count, input = w->first;
    bool ok = s && (s->at = calloc(parts, sizeof(*s->at))) != NULL &&
              (s->format = avformat_alloc_context()) != NULL;
    if (!ok)
        error_set(err, ERROR_TOO_BIG, "no memory for a clip of %zu files", w->count);
    for (size_t i = 0; ok && i < parts; i++) {
        struct part *p = &s->at[i];
        p->input = input;
        p->inputs = w->parts ? (size_t)json_integer_value(json_array_get(w->parts, i)) : 1;
        input += p->inputs;
        ok = w->open(w->ticket, p->input, p->inputs, &p->m, err);
        s->count += ok;
        if (ok && i == 0) {
            s->tracks = w->tracks;
            s->measure = measured(s->at[0].m);
            s->base = s->at[0].m->format->streams[s->measure]->time_base;
        }
        ok = ok && add_part(s, w->ticket, i, err);
    }
    if (ok) {
        const AVFormatContext *first = s->at[0].m->format;
        s->format->iformat = first->iformat;
        s->format->start_time = first->start_time;
        av_dict_copy(&s->format->metadata, first->metadata, 0);
        set_lengths(s);
        *to = s;
    } else {
        span_close(s);
    }
    return ok;
}

void span_close(struct span *s)
{
    for (size_t i = 0; s && i < s->count; i++) {
        av_packet_free(&s->at[i].ahead);
        media_close(s->at[i].m);
    }
    if (s) {
        avformat_free_context(s->format);
        free(s->at);
    }
    free(s);
}

AVFormatContext *span_format(struct span *s)
{
    return s->format;
}

struct media *span_first(struct span *s)
{
    return s->at[0].m;
}

static bool wanted(const struct span *s, int stream)
{
    return stream >= 0 && stream < (int)s->format->nb_streams &&
           s->format->streams[stream]->discard < AVDISCARD_ALL;
}

// ---- one after another

static int64_t shift_of(const struct span *s, const struct part *p, int stream)
{
    AVRational own = s->format->streams[stream]->time_base;
    return av_rescale_q(p->before, s->base, own) + start_of(s->at[0].m, stream) -
           av_rescale_q(start_of(p->m, stream), p->m->format->streams[stream]->time_base, own);
}

static void place(const struct span *s, struct part *p, AVPacket *packet)
{
    int stream = packet->stream_index;
    AVRational own = s->format->streams[stream]->time_base;
    int64_t shift = shift_of(s, p, stream);
    if (stream == s->measure && p->length <= 0 && packet->pts != AV_NOPTS_VALUE) {
        int64_t end = packet->pts + packet->duration - start_of(p->m, stream);
        p->length = -1 - (end > -1 - p->length ? end : -1 - p->length); // grows while it is read
    }
    av_packet_rescale_ts(packet, p->m->format->streams[stream]->time_base, own);
    if (packet->pts != AV_NOPTS_VALUE)
        packet->pts += shift;
    if (packet->dts != AV_NOPTS_VALUE)
        packet->dts += shift;
    if (packet->pos >= 0)
        packet->pos += p->size;
}

static int read_following(struct span *s, AVPacket *packet)
{
    for (;;) {
        struct part *p = &s->at[s->now];
        int code = media_read(p->m, packet);
        p->used = true;
        if (code == AVERROR_EOF && s->now + 1 < s->count) {
            struct part *next = &s->at[s->now + 1];
            int64_t length = p->length > 0 ? p->length : p->length < 0 ? -1 - p->length : 0;
            if (next->before < 0)
                next->before =
                    p->before +
                    av_rescale_q(length, p->m->format->streams[s->measure]->time_base, s->base);
            s->now++;
            if (next->used)
                media_seek(next->m, s->measure, start_of(next->m, s->measure),
                           AVSEEK_FLAG_BACKWARD);
            continue;
        }
        if (code < 0)
            return code;
        if (packet->stream_index < (int)s->format->nb_streams) {
            bool take = wanted(s, packet->stream_index);
            place(s, p, packet);
            if (take)
                return 0;
        }
        av_packet_unref(packet);
    }
}

// ---- side by side

static bool fill(struct span *s, struct part *p)
{
    while (!p->over && !p->ahead->data) {
        if (media_read(p->m, p->ahead) < 0) {
            p->over = true;
        } else {
            p->ahead->stream_index += p->first;
            if (!wanted(s, p->ahead->stream_index))
                av_packet_unref(p->ahead);
            else if (p->ahead->pos >= 0)
                p->ahead->pos += p->size;
        }
    }
    return !p->over;
}

static bool any_wanted(const struct span *s, const struct part *p)
{
    for (unsigned i = 0; i < p->m->format->nb_streams; i++)
        if (wanted(s, p->first + (int)i))
            return true;
    return false;
}

static int64_t time_of(const AVPacket *p)
{
    return p->dts != AV_NOPTS_VALUE ? p->dts : p->pts != AV_NOPTS_VALUE ? p->pts : 0;
}

static int read_beside(struct span *s, AVPacket *packet)
{
    struct part *best = NULL;
    for (size_t i = 0; i < s->count; i++) {
        struct part *p = &s->at[i];
        if (!any_wanted(s, p) || !fill(s, p))
            continue;
        if (!best ||
            av_compare_ts(time_of(p->ahead), s->format->streams[p->ahead->stream_index]->time_base,
                          time_of(best->ahead),
                          s->format->streams[best->ahead->stream_index]->time_base) < 0)
            best = p;
    }
    if (!best)
        return AVERROR_EOF;
    av_packet_move_ref(packet, best->ahead);
    return 0;
}

int span_read(struct span *s, AVPacket *p)
{
    return s->tracks ? read_beside(s, p) : read_following(s, p);
}

// ---- seeking

static int seek_beside(struct span *s, int stream, int64_t time, int flags)
{
    AVRational base = s->format->streams[stream]->time_base;
    int code = 0;
    for (size_t i = 0; i < s->count && code >= 0; i++) {
        struct part *p = &s->at[i];
        int own = p->first <= stream && stream < p->first + (int)p->m->format->nb_streams
                      ? stream - p->first
                      : 0;
        av_packet_unref(p->ahead);
        p->over = false;
        code = media_seek(p->m, own,
                          av_rescale_q(time, base, p->m->format->streams[own]->time_base), flags);
    }
    return code;
}

int span_seek(struct span *s, int stream, int64_t time, int flags)
{
    if (s->tracks)
        return seek_beside(s, stream, time, flags);
    size_t found = 0;
    int64_t first = start_of(s->at[0].m, stream);
    AVRational base = s->format->streams[stream]->time_base;
    for (size_t i = 1; i < s->count && s->at[i].before >= 0; i++)
        if (time - first >= av_rescale_q(s->at[i].before, s->base, base))
            found = i;
    // A part whose place is not known has not been read to: reading goes there.
    if (found + 1 < s->count && s->at[found + 1].before < 0 && found)
        found = 0;
    struct part *p = &s->at[found];
    s->now = found;
    return media_seek(
        p->m, stream,
        av_rescale_q(time - shift_of(s, p, stream), base, p->m->format->streams[stream]->time_base),
        flags);
}
