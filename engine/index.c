/*
 * The plan: which frames of the deliverable are a segment, and where in the source to begin.
 *
 * Every packet of the picture is read (of QuickTime and MP4 with frames that stand alone the sample
 * table is), as probe does. Its display times in order are the places of the source; the number of
 * a frame is its place, whatever the decoder makes of damage later.
 *
 * There are profile_segments of about the same length. Its end is moved to a key frame of the
 * source when one is near, so that nothing is decoded for nothing; cuts are mostly there too. Where
 * the profile fixes its groups of pictures it is not moved.
 *
 * A segment is decoded from the last key frame at or before its first place. "From" a key frame is
 * only right when nothing that was sent before it is shown at or after that place, and when it is
 * one: the flags of files are not believed, the parser looks. The one before is told too: when the
 * first frame is damaged, the frame before it is needed in its stead.
 *
 * When fields are to be put together otherwise than they are (engine/cadence), the frames of the
 * deliverable are made of other places than their own, and the plan says of which.
 */
#include "engine/cadence.h"
#include "engine/deliverable.h"
#include "formats/profile/profile.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

enum { REORDER_MOST = 256, MANY = 16 };

struct entry { // a frame of the source, in the order of the file
    int64_t time, dts, pos;
    int64_t latest; // of the times before it
    bool key;
};

struct indexing {
    struct order o;
    struct media *m;
    struct entry *entries;
    size_t count, room;
    int64_t *times; // rising
    int64_t *keys;  // frames of the deliverable at which key frames begin
    size_t key_count;
    bool timeless;  // frames say nothing of when they are displayed
    bool unordered; // not all do: only all of them in a row tell which is which
    AVCodecParserContext *parser;
    AVCodecContext *parser_codec;
    int64_t said_us;
    struct cadence cadence; // frames NULL: each frame is its place
};

static void add(struct indexing *x, int64_t time, int64_t dts, int64_t pos, bool key)
{
    if (x->count == x->room) {
        x->room = x->room ? x->room * 2 : 4096;
        x->entries = realloc(x->entries, x->room * sizeof(*x->entries));
        if (!x->entries)
            abort();
    }
    int64_t latest = INT64_MIN;
    if (x->count) {
        const struct entry *last = &x->entries[x->count - 1];
        latest = last->latest > last->time ? last->latest : last->time;
    }
    x->entries[x->count++] = (struct entry){time, dts, pos, latest, key};
}

// ---- reading

static bool stands_alone(const AVCodecParameters *p)
{
    const AVCodecDescriptor *d = avcodec_descriptor_get(p->codec_id);
    return d && (d->props & AV_CODEC_PROP_INTRA_ONLY);
}

static bool read_table(struct indexing *x)
{
    const struct media *m = x->m;
    if (m->pictures || !strstr(m->format->iformat->name, "mov") || !stands_alone(media_video(m)))
        return false;
    AVStream *s = m->format->streams[m->video];
    int count = avformat_index_get_entries_count(s);
    for (int i = 0; i < count; i++) {
        const AVIndexEntry *e = avformat_index_get_entry(s, i);
        if (!(e->flags & AVINDEX_DISCARD_FRAME) && e->pos < input_size(m->in))
            add(x, e->timestamp, e->timestamp, e->pos, true);
    }
    return count > 0;
}

static void read_pictures(struct indexing *x)
{
    struct media *m = x->m;
    for (size_t i = 0; i < m->ticket->input_count; i++) {
        int64_t at = m->numbers[i] - m->first;
        while ((int64_t)x->count < at)
            add(x, (int64_t)x->count, AV_NOPTS_VALUE, -1, false); // the missing ones
        add(x, at, at, (int64_t)i, true);
    }
}

static void open_parser(struct indexing *x)
{
    const AVCodecParameters *p = media_video(x->m);
    if (p->codec_id != AV_CODEC_ID_H264 && p->codec_id != AV_CODEC_ID_HEVC &&
        p->codec_id != AV_CODEC_ID_MPEG2VIDEO && p->codec_id != AV_CODEC_ID_MPEG4)
        return;
    x->parser = av_parser_init(p->codec_id);
    x->parser_codec = avcodec_alloc_context3(avcodec_find_decoder(p->codec_id));
    avcodec_parameters_to_context(x->parser_codec, p);
    if (x->parser)
        x->parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
}

static bool is_key(struct indexing *x, const AVPacket *p)
{
    uint8_t *out;
    int size;
    if (!(p->flags & AV_PKT_FLAG_KEY) || (p->flags & AV_PKT_FLAG_CORRUPT))
        return false;
    if (!x->parser)
        return true;
    av_parser_parse2(x->parser, x->parser_codec, &out, &size, p->data, p->size, p->pts, p->dts,
                     p->pos);
    return x->parser->key_frame != 0 && x->parser->pict_type == AV_PICTURE_TYPE_I;
}

static void progress(struct indexing *x)
{
    int64_t now = clock_tick_us();
    if (now - x->said_us < 1000000)
        return;
    x->said_us = now;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done", (json_int_t)x->m->at, "total",
                       (json_int_t)input_size(x->m->in), "unit", "bytes"));
}

static void read_packets(struct indexing *x)
{
    struct media *m = x->m;
    AVPacket *p = av_packet_alloc();
    open_parser(x);
    for (unsigned i = 0; i < m->format->nb_streams; i++)
        if ((int)i != m->video)
            m->format->streams[i]->discard = AVDISCARD_ALL;
    while (media_read(m, p) >= 0) {
        progress(x);
        if (p->stream_index == m->video && !(p->flags & AV_PKT_FLAG_DISCARD) &&
            !media_second_field(m, p)) {
            int64_t time = p->pts != AV_NOPTS_VALUE ? p->pts : p->dts;
            x->timeless |= time == AV_NOPTS_VALUE;
            x->unordered |= p->pts == AV_NOPTS_VALUE;
            add(x, time, p->dts, p->pos, is_key(x, p));
        }
        av_packet_unref(p);
    }
    av_packet_free(&p);
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool read_all(struct indexing *x, struct error *err)
{
    if (x->m->pictures)
        read_pictures(x);
    else if (!read_table(x))
        read_packets(x);
    if (!x->count) {
        error_set(err, ERROR_DAMAGED, "no frame of %s can be decoded", x->o.t->inputs[0].name);
        return error_why(err, "it has none");
    }
    x->times = malloc(x->count * sizeof(*x->times));
    for (size_t i = 0; i < x->count; i++)
        x->times[i] = x->entries[i].time;
    if (!x->timeless)
        qsort(x->times, x->count, sizeof(*x->times), by_number);
    return true;
}

// ---- planning

// Where a time of the source begins in the deliverable.
static int64_t frame_at(const struct indexing *x, int64_t time)
{
    AVRational base = media_video_base(x->m);
    return rescale(time - x->times[0], (rational){base.den, base.num}, x->o.rate, ROUND_NEAREST);
}

// The first place at which `frame` or a later one begins.
static size_t place_from(const struct indexing *x, int64_t frame)
{
    if (x->cadence.film)
        frame = frame * 5 / 4;
    if (!x->o.vfr)
        return frame < (int64_t)x->count ? (size_t)frame : x->count;
    size_t low = 0, high = x->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (frame_at(x, x->times[middle]) >= frame)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static size_t place_of(const struct indexing *x, int64_t time)
{
    size_t low = 0, high = x->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->times[middle] >= time)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

// The frames at which key frames begin, rising.
static void list_keys(struct indexing *x)
{
    x->keys = malloc(x->count * sizeof(*x->keys));
    for (size_t i = 0; i < x->count; i++) {
        const struct entry *e = &x->entries[i];
        if (e->key && e->latest < e->time)
            x->keys[x->key_count++] = x->o.vfr ? frame_at(x, e->time)
                                      : x->cadence.film
                                          ? ((int64_t)place_of(x, e->time) * 4 + 4) / 5
                                          : (int64_t)place_of(x, e->time);
    }
    qsort(x->keys, x->key_count, sizeof(*x->keys), by_number);
}

// The frame at which a key frame near `frame` begins; `frame` itself when there is none.
static int64_t near_key(const struct indexing *x, int64_t frame, int64_t within)
{
    size_t low = 0, high = x->key_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->keys[middle] >= frame)
            high = middle;
        else
            low = middle + 1;
    }
    int64_t after = low < x->key_count ? x->keys[low] - frame : INT64_MAX;
    int64_t before = low > 0 ? frame - x->keys[low - 1] : INT64_MAX;
    if (after > within && before > within)
        return frame;
    return after <= before ? frame + after : frame - before;
}

// The key frame from which `time` can be shown, and the one before it. Files keep frames near the
// place at which they are shown, so the look begins a little behind it.
static json_t *starts(const struct indexing *x, size_t place)
{
    json_t *list = json_array();
    int64_t time = x->times[place];
    size_t behind = place + REORDER_MOST < x->count ? place + REORDER_MOST : x->count;
    for (size_t i = behind; i-- > 1 && json_array_size(list) < 2;) {
        const struct entry *e = &x->entries[i];
        if (!e->key || e->time > time || e->latest >= time)
            continue;
        json_t *one =
            json_pack("{s:I, s:I}", "time", (json_int_t)e->time, "pos", (json_int_t)e->pos);
        if (e->dts != AV_NOPTS_VALUE)
            json_object_set_new(one, "dts", json_integer(e->dts));
        json_array_append_new(list, one);
    }
    return list;
}

// What the frames are made of, and the places that are needed for it.
static json_t *made_of(const struct indexing *x, int64_t first, int64_t count, size_t *place,
                       size_t *end)
{
    json_t *list = json_array();
    int64_t low = INT64_MAX, high = 0, last = (int64_t)x->count - 1;
    for (int64_t i = first; i < first + count; i++) {
        const struct cadence_frame *f = &x->cadence.frames[i];
        int64_t least = f->top < f->bottom ? f->top : f->bottom,
                most = f->top > f->bottom ? f->top : f->bottom;
        low = least - f->lace < low ? least - f->lace : low;
        high = most + f->lace > high ? most + f->lace : high;
        json_array_append_new(list, json_integer(f->top));
        json_array_append_new(list, json_integer(f->lace ? -1 : f->bottom));
    }
    *place = x->unordered || low < 0 ? 0 : (size_t)low;
    *end = x->unordered || high > last ? x->count : (size_t)high + 1;
    return list;
}

// How much of the source lies in these places, about: what is shown together lies together. Of what
// is not one file nothing is known (positions of pictures are their numbers).
static int64_t bytes_of(const struct indexing *x, size_t place, size_t end)
{
    const struct entry *last = &x->entries[end < x->count ? end : x->count - 1];
    return x->m->pictures || end <= place ? 0 : last->pos - x->entries[place].pos;
}

static json_t *row(const struct indexing *x, int64_t first, int64_t count)
{
    size_t place = place_from(x, first), end = place_from(x, first + count);
    json_t *to = json_pack("{s:I, s:I}", "first", (json_int_t)first, "count", (json_int_t)count);
    if (count && x->cadence.frames) {
        json_object_set_new(to, "fields", made_of(x, first, count, &place, &end));
        json_object_set_new(to, "place", json_integer((json_int_t)place));
        json_object_set_new(to, "places", json_integer((json_int_t)(end - place)));
    }
    if (!count || x->unordered)
        return to;
    // Without a constant rate it may begin while a frame is shown that began before.
    while (x->o.vfr && place > 0 && (place == x->count || frame_at(x, x->times[place]) > first))
        place--;
    while (x->o.vfr && place + 1 < x->count && frame_at(x, x->times[place + 1]) <= first)
        place++;
    int64_t time = x->times[place];
    json_object_set_new(to, "place", json_integer((json_int_t)place));
    json_object_set_new(to, "places", json_integer((json_int_t)(end - place)));
    json_object_set_new(to, "time", json_integer(time));
    if (end < x->count)
        json_object_set_new(to, "end_time", json_integer(x->times[end]));
    int64_t bytes = bytes_of(x, place, end);
    if (bytes > 0)
        json_object_set_new(to, "bytes", json_integer(bytes));
    json_object_set_new(to, "from", starts(x, place));
    return to;
}

// Where there are many segments it matters less that they are as long as one another.
static int64_t boundary(const struct indexing *x, int64_t nominal, int64_t count, int64_t total)
{
    bool fixed = strcmp(order_word(x->o.video, "gop"), "fixed") == 0;
    int64_t within = total / count / (count < MANY ? 4 : 2);
    int64_t at = fixed ? nominal : near_key(x, nominal, within);
    // Two frames of the same time have no order that a decoder could be asked for.
    while (!x->o.vfr && at > 0 && at < (int64_t)x->count && x->times[at - 1] == x->times[at])
        at++;
    return at < total ? at : total;
}

// All about as long, so that no worker is left with a short one at the end: whole groups of
// pictures, divided as evenly as they can be.
static int64_t nominal(const struct indexing *x, int64_t number, int64_t count, int64_t total)
{
    int64_t gop = profile_gop_frames(x->o.profile, x->o.rate), groups = (total + gop - 1) / gop;
    return (number * groups + count / 2) / count * gop;
}

static json_t *segments(const struct indexing *x, int64_t total)
{
    int64_t count = profile_segments(x->o.profile, x->o.facts), first = 0;
    json_t *list = json_array();
    for (int64_t i = 1; i <= count; i++) {
        int64_t end = nominal(x, i, count, total);
        end = i == count || x->unordered || end >= total ? total : boundary(x, end, count, total);
        end = end < first ? first : end;
        json_array_append_new(list, row(x, first, end - first));
        first = end;
    }
    return list;
}

static json_t *constant(const struct indexing *x, int64_t total)
{
    int64_t dropped = 0;
    for (size_t i = 0; i < x->count; i++) {
        int64_t next = i + 1 < x->count ? frame_at(x, x->times[i + 1]) : total;
        dropped += next <= frame_at(x, x->times[i]);
    }
    const json_t *said = json_object_get(x->o.facts, "constant");
    return json_pack("{s:O, s:O, s:I, s:I}", "rate", json_object_get(said, "rate"), "rule",
                     json_object_get(said, "rule"), "repeated",
                     (json_int_t)(total - (int64_t)x->count + dropped), "dropped",
                     (json_int_t)dropped);
}

static json_t *plan_of(struct indexing *x)
{
    if (!x->timeless)
        list_keys(x);
    int64_t total = x->o.vfr            ? x->o.total
                    : x->cadence.frames ? x->cadence.count
                                        : (int64_t)x->count;
    json_t *plan = json_pack("{s:i, s:s, s:I, s:o, s:o}", "version", 1, "rate",
                             rational_text(x->o.rate).text, "frames", (json_int_t)total, "encoder",
                             encoder_of(&x->o), "segments", segments(x, total));
    if (!x->timeless)
        json_object_set_new(plan, "first_time", json_integer(x->times[0]));
    if (x->o.vfr)
        json_object_set_new(plan, "constant", constant(x, total));
    if (x->cadence.frames) {
        json_object_set(plan, "cadence", x->cadence.found);
        json_object_set_new(x->cadence.found, "film", json_boolean(x->cadence.film));
    }
    return plan;
}

static bool rate_allowed(const struct indexing *x, struct error *err)
{
    const json_t *list =
        json_object_get(json_object_get(json_object_get(x->o.profile, "master"), "video"), "rates");
    size_t i;
    const json_t *it;
    rational rate;
    bool found = !list;
    json_array_foreach(list, i, it)
    {
        found = found || (rational_parse(text_of(json_string_value(it)), &rate, err) &&
                          rational_equal(rate, x->o.rate));
    }
    if (found)
        return true;
    error_set(err, ERROR_INPUT, "%s has no rate that the profile allows", x->o.t->inputs[0].name);
    error_why(err, "its fields are %s, which makes %s frames a second",
              order_word(x->cadence.found, "found"), rational_text(x->o.rate).text);
    return error_fix(err, "supply a master at one of the profile's rates");
}

static bool find_cadence(struct indexing *x, struct error *err)
{
    if (x->timeless || !cadence_find(&x->o, (int64_t)x->count, &x->cadence, err))
        return x->timeless;
    if (!x->cadence.frames)
        return true;
    x->o.rate = x->cadence.rate;
    return rate_allowed(x, err);
}

bool index_source(const struct ticket *t, json_t **result, struct error *err)
{
    struct indexing x = {0};
    bool done = order_open(t, &x.o, err) && media_open(t, &x.m, err);
    if (done && (!x.o.video || x.m->video < 0)) {
        error_set(err, ERROR_UNSUPPORTED, "%s can not be made of %s",
                  order_word(t->profile, "title"), t->inputs[0].name);
        done = error_why(err, "it has no picture");
    }
    if (done && read_all(&x, err) && (!x.m->encrypted || media_locked(x.m, err)) &&
        find_cadence(&x, err))
        *result = json_pack("{s:o}", "plan", plan_of(&x));
    else
        done = false;
    av_parser_close(x.parser);
    avcodec_free_context(&x.parser_codec);
    media_close(x.m);
    order_close(&x.o);
    cadence_free(&x.cadence);
    free(x.entries);
    free(x.times);
    free(x.keys);
    return done;
}
