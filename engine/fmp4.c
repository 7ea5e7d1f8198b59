#include "engine/fmp4.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAGMENT_BYTES (512u << 20)

struct sample {
    int64_t time;
    uint32_t size, duration;
    bool key;
    int flags;
};

struct track {
    struct buf bytes;
    struct sample *samples;
    size_t count, room;
    int64_t time; // of the fragment's first sample
};

struct segment { // a fragment, for the index
    uint32_t size, duration;
};

struct fmp4 {
    int descriptor;
    int64_t at, index_at, index_room;
    uint32_t timescale, sequence;
    struct fmp4_audio audio;
    bool has_video;
    struct track tracks[2]; // picture, sound
    struct segment *segments;
    size_t segment_count, segment_room;
    struct fmp4_sample *written;
    int64_t duration_at; // of mehd, in the file
    int64_t end_time;
};

// ---- boxes

static void u8(struct buf *b, unsigned v)
{
    char c = (char)v;
    buf_add(b, &c, 1);
}
static void u16(struct buf *b, unsigned v)
{
    u8(b, v >> 8);
    u8(b, v);
}
static void u32(struct buf *b, uint32_t v)
{
    u16(b, v >> 16);
    u16(b, v & 0xffff);
}
static void u64(struct buf *b, uint64_t v)
{
    u32(b, (uint32_t)(v >> 32));
    u32(b, (uint32_t)v);
}
static void zeros(struct buf *b, int count)
{
    while (count--)
        u8(b, 0);
}
static size_t box(struct buf *b, const char *type)
{
    size_t at = b->size;
    u32(b, 0);
    buf_add(b, type, 4);
    return at;
}
static size_t full(struct buf *b, const char *type, unsigned version, uint32_t flags)
{
    size_t at = box(b, type);
    u32(b, version << 24 | flags);
    return at;
}
static void patch32(struct buf *b, size_t at, uint32_t v)
{
    if (b->over)
        return;
    for (int i = 0; i < 4; i++)
        b->at[at + (size_t)i] = (char)(v >> (24 - 8 * i));
}
static void end(struct buf *b, size_t at)
{
    patch32(b, at, (uint32_t)(b->size - at));
}

static void matrix(struct buf *b)
{
    static const uint32_t unity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    for (int i = 0; i < 9; i++)
        u32(b, unity[i]);
}

static void descriptor(struct buf *b, int tag, size_t size)
{
    u8(b, (unsigned)tag);
    u8(b, 0x80), u8(b, 0x80), u8(b, 0x80), u8(b, (unsigned)size);
}

static void video_entry(struct buf *b, const struct fmp4_video *v)
{
    size_t entry = box(b, "avc1");
    zeros(b, 6);
    u16(b, 1);
    zeros(b, 16);
    u16(b, (unsigned)v->width);
    u16(b, (unsigned)v->height);
    u32(b, 0x480000), u32(b, 0x480000), u32(b, 0);
    u16(b, 1);
    zeros(b, 32);
    u16(b, 0x18);
    u16(b, 0xffff);
    size_t c = box(b, "avcC");
    buf_add(b, v->avcc, v->avcc_size);
    end(b, c);
    c = box(b, "colr"); // BT.709, limited
    buf_add(b, "nclx", 4);
    u16(b, 1), u16(b, 1), u16(b, 1), u8(b, 0);
    end(b, c);
    c = box(b, "pasp");
    u32(b, 1), u32(b, 1);
    end(b, c);
    end(b, entry);
}

static void audio_entry(struct buf *b, const struct fmp4_audio *a)
{
    size_t entry = box(b, "mp4a");
    zeros(b, 6);
    u16(b, 1);
    zeros(b, 8);
    u16(b, (unsigned)a->channels);
    u16(b, 16);
    u32(b, 0);
    u32(b, (uint32_t)a->rate << 16);
    size_t esds = full(b, "esds", 0, 0);
    descriptor(b, 3, 3 + 5 + 13 + 5 + a->config_size + 5 + 1);
    u16(b, 1), u8(b, 0);
    descriptor(b, 4, 13 + 5 + a->config_size);
    u8(b, 0x40), u8(b, 0x15), zeros(b, 3), u32(b, 0), u32(b, 0);
    descriptor(b, 5, a->config_size);
    buf_add(b, a->config, a->config_size);
    descriptor(b, 6, 1);
    u8(b, 2);
    end(b, esds);
    end(b, entry);
}

static unsigned language_code(const char *language)
{
    const char *l = language && strlen(language) == 3 ? language : "und";
    unsigned code = 0;
    for (int i = 0; i < 3; i++)
        code = code << 5 | (((unsigned)l[i] - 0x60) & 31);
    return code;
}

static void track_box(struct buf *b, int id, uint32_t timescale, const struct fmp4_video *v,
                      const struct fmp4_audio *a)
{
    size_t trak = box(b, "trak"), at = full(b, "tkhd", 0, 3);
    u32(b, 0), u32(b, 0), u32(b, (uint32_t)id), u32(b, 0), u32(b, 0);
    zeros(b, 8);
    u16(b, 0), u16(b, a ? 1 : 0), u16(b, a ? 0x100 : 0), u16(b, 0);
    matrix(b);
    u32(b, v ? (uint32_t)v->width << 16 : 0), u32(b, v ? (uint32_t)v->height << 16 : 0);
    end(b, at);
    size_t mdia = box(b, "mdia");
    at = full(b, "mdhd", 0, 0);
    u32(b, 0), u32(b, 0), u32(b, timescale), u32(b, 0);
    u16(b, language_code(a ? a->language : NULL)), u16(b, 0);
    end(b, at);
    at = full(b, "hdlr", 0, 0);
    u32(b, 0);
    buf_add(b, v ? "vide" : "soun", 4);
    zeros(b, 13);
    end(b, at);
    size_t minf = box(b, "minf");
    at = full(b, v ? "vmhd" : "smhd", 0, v ? 1 : 0);
    zeros(b, v ? 8 : 4);
    end(b, at);
    size_t dinf = box(b, "dinf"), dref = full(b, "dref", 0, 0);
    u32(b, 1);
    at = full(b, "url ", 0, 1);
    end(b, at), end(b, dref), end(b, dinf);
    size_t stbl = box(b, "stbl"), stsd = full(b, "stsd", 0, 0);
    u32(b, 1);
    if (v)
        video_entry(b, v);
    else
        audio_entry(b, a);
    end(b, stsd);
    static const char *const empty[] = {"stts", "stsc", "stco"};
    for (int i = 0; i < 3; i++) {
        at = full(b, empty[i], 0, 0);
        u32(b, 0);
        end(b, at);
    }
    at = full(b, "stsz", 0, 0);
    u32(b, 0), u32(b, 0);
    end(b, at), end(b, stbl), end(b, minf), end(b, mdia), end(b, trak);
}

static size_t head(struct buf *b, const struct fmp4_video *v, const struct fmp4_audio *a)
{
    size_t at = box(b, "ftyp");
    buf_add(b, "iso5\0\0\2\0iso5iso6mp41", 20);
    end(b, at);
    size_t moov = box(b, "moov");
    at = full(b, "mvhd", 0, 0);
    u32(b, 0), u32(b, 0), u32(b, v ? v->timescale : (uint32_t)a->rate), u32(b, 0);
    u32(b, 0x10000), u16(b, 0x100), zeros(b, 10);
    matrix(b);
    zeros(b, 24);
    u32(b, 3);
    end(b, at);
    if (v)
        track_box(b, 1, v->timescale, v, NULL);
    if (a)
        track_box(b, v ? 2 : 1, (uint32_t)a->rate, NULL, a);
    size_t mvex = box(b, "mvex");
    at = full(b, "mehd", 1, 0);
    size_t duration_at = b->size;
    u64(b, 0);
    end(b, at);
    for (int id = 1; id <= (v && a ? 2 : 1); id++) {
        at = full(b, "trex", 0, 0);
        u32(b, (uint32_t)id), u32(b, 1), u32(b, 0), u32(b, 0), u32(b, 0);
        end(b, at);
    }
    end(b, mvex), end(b, moov);
    return duration_at;
}

static bool write_at(const struct fmp4 *w, const void *at, size_t size, int64_t offset,
                     struct error *err)
{
    while (size) {
        ssize_t n = pwrite(w->descriptor, at, size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_errno(err, n ? errno : EIO, "cannot write the proxy");
        at = (const char *)at + n, size -= (size_t)n, offset += n;
    }
    return true;
}

// A free box of `size` bytes (8 at least): its header is all that is written.
static bool write_free(const struct fmp4 *w, int64_t size, int64_t offset, struct error *err)
{
    struct buf b = BUF_LIMIT(64);
    u32(&b, (uint32_t)size);
    buf_add(&b, "free", 4);
    bool done = write_at(w, b.at, b.size, offset, err);
    buf_free(&b);
    return done;
}

bool fmp4_open(int file, const struct fmp4_video *v, const struct fmp4_audio *a, int64_t fragments,
               struct fmp4 **to, struct error *err)
{
    struct buf b = BUF_LIMIT(1 << 16);
    struct fmp4 *w = calloc(1, sizeof(*w));
    w->descriptor = file;
    w->has_video = v != NULL;
    w->timescale = v ? v->timescale : (uint32_t)a->rate;
    w->tracks[0].bytes = w->tracks[1].bytes = (struct buf)BUF_LIMIT(FRAGMENT_BYTES);
    w->duration_at = (int64_t)head(&b, v, a);
    w->index_at = (int64_t)b.size;
    fragments = fragments < 16 ? 16 : fragments > 60000 ? 60000 : fragments;
    w->index_room = 12 * (fragments + 4) + 40 + 8;
    w->at = w->index_at + w->index_room;
    bool done = !b.over && write_at(w, b.at, b.size, 0, err) &&
                write_free(w, w->index_room, w->index_at, err);
    // The hole is behind the free box's header: the file is as long as it says.
    if (done && ftruncate(file, w->at) < 0)
        done = error_errno(err, errno, "cannot write the proxy");
    buf_free(&b);
    if (done)
        *to = w;
    else
        fmp4_close(w);
    return done;
}

void fmp4_close(struct fmp4 *w)
{
    if (!w)
        return;
    close(w->descriptor);
    for (int i = 0; i < 2; i++) {
        buf_free(&w->tracks[i].bytes);
        free(w->tracks[i].samples);
    }
    free(w->segments);
    free(w->written);
    free(w);
}

// ---- samples

static struct sample *add(struct track *t)
{
    if (t->count == t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->samples = realloc(t->samples, t->room * sizeof(*t->samples));
    }
    struct sample *s = &t->samples[t->count++];
    *s = (struct sample){0};
    return s;
}

// The next NAL unit of an Annex B stream: true while there is one.
static bool next_nal(const uint8_t **at, const uint8_t *limit, const uint8_t **nal, size_t *size)
{
    const uint8_t *p = *at;
    while (p + 3 <= limit && !(p[0] == 0 && p[1] == 0 && p[2] == 1))
        p++;
    if (p + 3 > limit)
        return false;
    p += 3;
    const uint8_t *q = p;
    while (q + 3 <= limit && !(q[0] == 0 && q[1] == 0 && q[2] <= 1))
        q++;
    q = q + 3 <= limit ? q : limit;
    *nal = p, *size = (size_t)(q - p), *at = q;
    return true;
}

void fmp4_add_video(struct fmp4 *w, const uint8_t *annex_b, size_t size, int64_t time, bool key,
                    int flags)
{
    struct track *t = &w->tracks[0];
    const uint8_t *at = annex_b, *nal;
    size_t before = t->bytes.size, nal_size;
    while (next_nal(&at, annex_b + size, &nal, &nal_size)) {
        int type = nal[0] & 31;
        if (!nal_size || type == 7 || type == 8 || type == 6) // in avcC, or only about the encoder
            continue;
        u32(&t->bytes, (uint32_t)nal_size);
        buf_add(&t->bytes, nal, nal_size);
    }
    if (!t->count)
        t->time = time;
    struct sample *s = add(t);
    *s = (struct sample){time, (uint32_t)(t->bytes.size - before), 0, key, flags};
}

void fmp4_add_audio(struct fmp4 *w, const uint8_t *at, size_t size, uint32_t duration)
{
    struct track *t = &w->tracks[1];
    buf_add(&t->bytes, at, size);
    *add(t) = (struct sample){0, (uint32_t)size, duration, true, 0};
}

size_t fmp4_queued(const struct fmp4 *w, bool audio)
{
    return w->tracks[audio].count;
}

static size_t traf(struct buf *b, int id, const struct track *t, bool video)
{
    size_t box_at = box(b, "traf"), at = full(b, "tfhd", 0, 0x20000 /* from the moof */);
    u32(b, (uint32_t)id);
    end(b, at);
    at = full(b, "tfdt", 1, 0);
    u64(b, (uint64_t)t->time);
    end(b, at);
    at = full(b, "trun", 0, 0x1 | 0x100 | 0x200 | (video ? 0x400 : 0));
    u32(b, (uint32_t)t->count);
    size_t offset_at = b->size;
    u32(b, 0);
    for (size_t i = 0; i < t->count; i++) {
        u32(b, t->samples[i].duration);
        u32(b, t->samples[i].size);
        if (video)
            u32(b, t->samples[i].key ? 0x02000000 : 0x01010000);
    }
    end(b, at);
    end(b, box_at);
    return offset_at;
}

static void remember(struct fmp4 *w, uint32_t size, uint32_t duration)
{
    if (w->segment_count == w->segment_room) {
        w->segment_room = w->segment_room ? w->segment_room * 2 : 256;
        w->segments = realloc(w->segments, w->segment_room * sizeof(*w->segments));
    }
    w->segments[w->segment_count++] = (struct segment){size, duration};
}

bool fmp4_flush(struct fmp4 *w, int64_t end_time, const struct fmp4_sample **samples, size_t *count,
                struct error *err)
{
    struct track *v = &w->tracks[0], *a = &w->tracks[1];
    *count = 0;
    if (!v->count && !a->count)
        return true;
    for (size_t i = 0; i < v->count; i++)
        v->samples[i].duration =
            (uint32_t)((i + 1 < v->count ? v->samples[i + 1].time : end_time) - v->samples[i].time);
    struct buf b = BUF_LIMIT(FRAGMENT_BYTES);
    size_t moof = box(&b, "moof"), at = full(&b, "mfhd", 0, 0), offsets[2] = {0};
    u32(&b, ++w->sequence);
    end(&b, at);
    if (v->count)
        offsets[0] = traf(&b, 1, v, true);
    if (a->count)
        offsets[1] = traf(&b, w->has_video ? 2 : 1, a, false);
    end(&b, moof);
    size_t data = b.size + 8;
    if (v->count)
        patch32(&b, offsets[0], (uint32_t)data);
    if (a->count)
        patch32(&b, offsets[1], (uint32_t)(data + v->bytes.size));
    u32(&b, (uint32_t)(8 + v->bytes.size + a->bytes.size));
    buf_add(&b, "mdat", 4);
    buf_add(&b, v->bytes.at, v->bytes.size);
    buf_add(&b, a->bytes.at, a->bytes.size);
    bool over = b.over || v->bytes.over || a->bytes.over;
    bool done = over ? error_set(err, ERROR_TOO_BIG, "a fragment of the proxy is too large")
                     : write_at(w, b.at, b.size, w->at, err);
    uint32_t audio_duration = 0;
    for (size_t i = 0; i < a->count; i++)
        audio_duration += a->samples[i].duration;
    uint32_t duration =
        w->has_video ? v->count ? (uint32_t)(end_time - v->time) : 0 : audio_duration;
    if (done) {
        remember(w, (uint32_t)b.size, duration);
        free(w->written);
        w->written = calloc(v->count + 1, sizeof(*w->written));
        int64_t place = w->at + (int64_t)data;
        for (size_t i = 0; i < v->count; i++) {
            const struct sample *s = &v->samples[i];
            w->written[i] = (struct fmp4_sample){place, s->time, s->size, s->flags};
            place += s->size;
        }
        *samples = w->written;
        *count = v->count;
        w->at += (int64_t)b.size;
        w->end_time = w->has_video ? end_time : w->end_time + audio_duration;
    }
    a->time += audio_duration;
    for (int i = 0; i < 2; i++)
        w->tracks[i].count = w->tracks[i].bytes.size = 0;
    buf_free(&b);
    return done;
}

bool fmp4_finish(struct fmp4 *w, int64_t *size, struct error *err)
{
    struct buf b = BUF_LIMIT(1 << 20);
    // As many fragments to a reference as makes them fit the room that was kept.
    size_t room = (size_t)(w->index_room - 40 - 8) / 12, together = 1;
    while ((w->segment_count + together - 1) / together > room)
        together++;
    size_t count = (w->segment_count + together - 1) / together;
    size_t at = full(&b, "sidx", 1, 0);
    u32(&b, 1), u32(&b, w->timescale), u64(&b, 0);
    int64_t index_size = 40 + 12 * (int64_t)count;
    u64(&b, (uint64_t)(w->index_room - index_size)); // the rest of the room lies between
    u16(&b, 0), u16(&b, (unsigned)count);
    for (size_t i = 0; i < w->segment_count; i += together) {
        uint32_t bytes = 0, duration = 0;
        for (size_t k = i; k < i + together && k < w->segment_count; k++)
            bytes += w->segments[k].size, duration += w->segments[k].duration;
        u32(&b, bytes), u32(&b, duration), u32(&b, 0x90000000);
    }
    end(&b, at);
    uint8_t duration[8];
    for (int i = 0; i < 8; i++)
        duration[i] = (uint8_t)((uint64_t)w->end_time >> (56 - 8 * i));
    // First the rest is made free, so that a reader in between still finds whole boxes.
    bool done = write_free(w, w->index_room - index_size, w->index_at + index_size, err) &&
                write_at(w, b.at, b.size, w->index_at, err) &&
                write_at(w, duration, 8, w->duration_at, err);
    if (done && fsync(w->descriptor) < 0)
        done = error_errno(err, errno, "cannot make the proxy durable");
    *size = w->at;
    buf_free(&b);
    return done;
}

size_t avcc_of(const uint8_t *annex_b, size_t size, uint8_t *to, size_t room)
{
    const uint8_t *at = annex_b, *nal, *sps = NULL, *pps = NULL;
    size_t nal_size, sps_size = 0, pps_size = 0;
    while (next_nal(&at, annex_b + size, &nal, &nal_size)) {
        while (nal_size && !nal[nal_size - 1]) // zeros before the next start code
            nal_size--;
        if (nal_size && (nal[0] & 31) == 7)
            sps = nal, sps_size = nal_size;
        if (nal_size && (nal[0] & 31) == 8)
            pps = nal, pps_size = nal_size;
    }
    if (sps_size < 4 || !pps_size || 11 + sps_size + pps_size + 4 > room)
        return 0;
    uint8_t *p = to;
    *p++ = 1, *p++ = sps[1], *p++ = sps[2], *p++ = sps[3], *p++ = 0xff, *p++ = 0xe1;
    *p++ = (uint8_t)(sps_size >> 8), *p++ = (uint8_t)sps_size;
    memcpy(p, sps, sps_size), p += sps_size;
    *p++ = 1, *p++ = (uint8_t)(pps_size >> 8), *p++ = (uint8_t)pps_size;
    memcpy(p, pps, pps_size), p += pps_size;
    if (sps[1] == 100) // High: 4:2:0, 8 bit
        *p++ = 0xfd, *p++ = 0xf8, *p++ = 0xf8, *p++ = 0;
    return (size_t)(p - to);
}
