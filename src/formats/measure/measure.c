/*
 * "PHMEAS01", u32 size of the summary, the summary (JSON), then each frame as 35 u32, then the
 * windows of each track as 11 u16 a channel. Little-endian.
 */
#include "formats/measure/measure.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC "PHMEAS01"
enum {
    FRAME_WORDS = sizeof(struct measure_frame) / 4,
    SOUND_WORDS = sizeof(struct measure_sound) / 2,
    FRAMES_MOST = 20000000,
    TRACKS_MOST = 256,
    CHANNELS_MOST = 64,
};
_Static_assert(FRAME_WORDS * 4 == sizeof(struct measure_frame), "no holes");
_Static_assert(SOUND_WORDS == 11, "eleven words a channel");

// Words go in and out through bytes: on this side of the file they are as the machine has them.
static void put32(struct buf *to, const uint32_t *at, size_t count)
{
    uint8_t *room = (uint8_t *)buf_reserve(to, count * 4);
    for (size_t i = 0; room && i < count; i++)
        for (int k = 0; k < 4; k++)
            room[4 * i + (size_t)k] = (uint8_t)(at[i] >> (8 * k));
    to->size += room ? count * 4 : 0;
}

static void put16(struct buf *to, const uint16_t *at, size_t count)
{
    uint8_t *room = (uint8_t *)buf_reserve(to, count * 2);
    for (size_t i = 0; room && i < count; i++) {
        room[2 * i] = (uint8_t)at[i];
        room[2 * i + 1] = (uint8_t)(at[i] >> 8);
    }
    to->size += room ? count * 2 : 0;
}

void measure_write(const struct measure *m, struct buf *to)
{
    json_t *summary = json_copy(m->summary), *tracks = json_array(), *row;
    size_t i;
    json_array_foreach(json_object_get(m->summary, "tracks"), i, row)
    {
        json_t *track = json_copy(row);
        json_object_set_new(track, "windows", json_integer(m->tracks[i].windows));
        json_object_set_new(track, "channels", json_integer(m->tracks[i].channels));
        json_object_set_new(track, "sample_rate", json_integer(m->tracks[i].sample_rate));
        json_array_append_new(tracks, track);
    }
    json_object_set_new(summary, "tracks", tracks);
    json_object_set_new(summary, "frames", json_integer(m->frames));
    json_object_set_new(summary, "rate", json_string(rational_text(m->rate).text));
    char *text = json_dumps(summary, JSON_COMPACT);
    uint32_t size = (uint32_t)strlen(text);
    buf_add(to, MAGIC, 8);
    put32(to, &size, 1);
    buf_add(to, text, size);
    put32(to, (const uint32_t *)m->at, (size_t)m->frames * FRAME_WORDS);
    for (i = 0; i < m->track_count; i++)
        put16(to, (const uint16_t *)m->tracks[i].at,
              (size_t)m->tracks[i].windows * (size_t)m->tracks[i].channels * SOUND_WORDS);
    free(text);
    json_decref(summary);
}

// ---- reading

static bool refuse(struct error *err, const char *why)
{
    error_set(err, ERROR_DAMAGED, "the measurement can not be read");
    error_why(err, "%s", why);
    return error_fix(err, "measure the file again");
}

static const uint8_t *take(text *from, size_t size)
{
    const uint8_t *at = (const uint8_t *)from->at;
    if (from->size < size)
        return NULL;
    from->at += size, from->size -= size;
    return at;
}

static uint32_t word_at(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static bool read_frames(struct measure *m, text *from, struct error *err)
{
    size_t words = (size_t)m->frames * FRAME_WORDS;
    const uint8_t *at = take(from, words * 4);
    if (!at)
        return refuse(err, "it ends among the frames");
    uint32_t *to = malloc(words * 4 + 1);
    for (size_t i = 0; to && i < words; i++)
        to[i] = word_at(at + 4 * i);
    m->at = (struct measure_frame *)to;
    return to || error_set(err, ERROR_TOO_BIG, "no memory for the measurement");
}

static bool read_track(struct measure_track *t, const json_t *row, text *from, struct error *err)
{
    int64_t channels = json_integer_value(json_object_get(row, "channels"));
    int64_t rate = json_integer_value(json_object_get(row, "sample_rate"));
    t->windows = json_integer_value(json_object_get(row, "windows"));
    if (channels < 1 || channels > CHANNELS_MOST || rate < 1 || rate > 1000000 || t->windows < 0 ||
        t->windows > FRAMES_MOST)
        return refuse(err, "the numbers of a track can not be");
    t->channels = (int)channels, t->sample_rate = (int)rate;
    size_t words = (size_t)t->windows * (size_t)channels * SOUND_WORDS;
    const uint8_t *at = take(from, words * 2);
    if (!at)
        return refuse(err, "it ends within a track");
    uint16_t *to = malloc(words * 2 + 1);
    for (size_t i = 0; to && i < words; i++)
        to[i] = (uint16_t)(at[2 * i] | at[2 * i + 1] << 8);
    t->at = (struct measure_sound *)to;
    return to || error_set(err, ERROR_TOO_BIG, "no memory for the measurement");
}

static bool read_all(struct measure *m, text from, struct error *err)
{
    const uint8_t *head = take(&from, 12);
    if (!head || memcmp(head, MAGIC, 8) != 0)
        return refuse(err, "it does not begin as one");
    uint32_t size = word_at(head + 8);
    const uint8_t *json = take(&from, size);
    m->summary = json ? json_loadb((const char *)json, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_object(m->summary))
        return refuse(err, "its summary is not a JSON object");
    const char *rate = json_string_value(json_object_get(m->summary, "rate"));
    m->frames = json_integer_value(json_object_get(m->summary, "frames"));
    if (!rate || !rational_parse(text_of(rate), &m->rate, err) || m->rate.num <= 0 ||
        m->rate.den <= 0 || m->rate.num / m->rate.den > 1000 || m->frames < 0 ||
        m->frames > FRAMES_MOST)
        return refuse(err, "its rate or its number of frames can not be");
    const json_t *tracks = json_object_get(m->summary, "tracks");
    m->track_count = json_array_size(tracks);
    if (m->track_count > TRACKS_MOST)
        return refuse(err, "it has too many tracks");
    m->tracks = calloc(m->track_count + 1, sizeof(*m->tracks));
    bool ok = read_frames(m, &from, err);
    for (size_t i = 0; ok && i < m->track_count; i++)
        ok = read_track(&m->tracks[i], json_array_get(tracks, i), &from, err);
    return ok && (!from.size || refuse(err, "there is more after its end"));
}

bool measure_read(text from, struct measure **to, struct error *err)
{
    struct measure *m = calloc(1, sizeof(*m));
    if (!m)
        abort();
    if (read_all(m, from, err)) {
        *to = m;
        return true;
    }
    measure_close(m);
    return false;
}

void measure_close(struct measure *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->track_count && m->tracks; i++)
        free((void *)(uintptr_t)m->tracks[i].at);
    free(m->tracks);
    free((void *)(uintptr_t)m->at);
    json_decref(m->summary);
    free(m);
}
