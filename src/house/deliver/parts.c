#include "house/deliver/parts.h"
#include "formats/ladder/ladder.h"
#include "formats/profile/profile.h"
#include "house/deliver/outside.h"

#include <string.h>

#define MUX_TRAVELS_MOST ((int64_t)16 << 30)

static bool has(const json_t *facts, const char *list)
{
    return json_array_size(json_object_get(facts, list)) > 0;
}

static json_t *tracks_of(const json_t *profile, const json_t *facts)
{
    if (json_object_get(profile, "ladder"))
        return ladder_tracks(profile, facts);
    bool sound = json_object_get(profile, "audio") && has(facts, "audio");
    return json_pack("[{s:s, s:O, s:b}]", "name", "", "profile", profile, "sound", sound);
}

struct counts { // tasks of a step
    int64_t index, sound, weigh, segment, captions, mux;
};

static struct counts counts_of(const json_t *track, const json_t *facts)
{
    const json_t *profile = json_object_get(track, "profile");
    int64_t segments = profile_segments(profile, facts);
    return (struct counts){.index = segments > 0,
                           .sound = json_is_true(json_object_get(track, "sound")),
                           .weigh = profile_measured(profile) ? segments : 0,
                           .segment = segments,
                           .mux = 1};
}

static int64_t of_step(const struct counts *c, const char *step)
{
    return strcmp(step, "index") == 0      ? c->index
           : strcmp(step, "sound") == 0    ? c->sound
           : strcmp(step, "weigh") == 0    ? c->weigh
           : strcmp(step, "segment") == 0  ? c->segment
           : strcmp(step, "captions") == 0 ? c->captions
           : strcmp(step, "mux") == 0      ? c->mux
                                           : 0;
}

bool delivery_part_of(const json_t *profile, const json_t *facts, const char *step, int64_t task,
                      struct delivery_part *part)
{
    struct counts before = {0};
    json_t *tracks = tracks_of(profile, facts), *track;
    size_t i;
    *part = (struct delivery_part){.name = ""};
    json_array_foreach(tracks, i, track)
    {
        struct counts c = counts_of(track, facts);
        c.captions = i == 0; // of the master, whatever is made of it
        int64_t number = task - of_step(&before, step);
        if (number >= 0 && number < of_step(&c, step)) {
            *part =
                (struct delivery_part){.profile = json_incref(json_object_get(track, "profile")),
                                       .name = json_string_value(json_object_get(track, "name")),
                                       .tracks = tracks,
                                       .number = number,
                                       .index = c.index ? before.index : -1,
                                       .weigh = before.weigh,
                                       .weighs = c.weigh,
                                       .segment = before.segment,
                                       .segments = c.segment,
                                       .sound = c.sound ? before.sound : -1};
            return true;
        }
        before.index += c.index, before.sound += c.sound, before.weigh += c.weigh;
        before.segment += c.segment, before.mux += c.mux;
    }
    json_decref(tracks);
    return false;
}

void delivery_part_close(struct delivery_part *part)
{
    json_decref(part->profile);
    json_decref(part->tracks);
    *part = (struct delivery_part){.name = ""};
}

// After `count` steps from `first`, which count from 1.
static json_t *after(size_t first, size_t count)
{
    json_t *list = json_array();
    for (size_t i = first; i < first + count; i++)
        json_array_append_new(list, json_pack("{s:i}", "step", (int)i));
    return json_pack("{s:i, s:o}", "chunk", 1, "after", list);
}

// About how large the picture of it becomes: by its bit rate; else by what such codecs take of a
// pixel.
static int64_t made_bytes(const json_t *profile, const json_t *facts)
{
    static const struct {
        const char *codec;
        double bits;
    } known[] = {{"prores", 4}, {"dnxh", 4}, {"v210", 22}, {"ffv1", 12}, {"", 0.4}};
    const json_t *wanted = json_object_get(profile, "video");
    const json_t *seen = json_array_get(json_object_get(facts, "video"), 0);
    const char *codec = json_string_value(json_object_get(wanted, "codec"));
    double frames = json_number_value(json_object_get(facts, "duration_frames")), pixels = 1;
    double bit_rate = json_number_value(json_object_get(wanted, "bit_rate"));
    static const char *const sides[] = {"width", "height"};
    for (size_t i = 0; i < 2; i++) {
        const json_t *side = json_object_get(wanted, sides[i]);
        pixels *= json_number_value(side ? side : json_object_get(seen, sides[i]));
    }
    size_t k = 0;
    while (known[k].codec[0] && (!codec || strncmp(codec, known[k].codec, strlen(known[k].codec))))
        k++;
    double frame_bits =
        bit_rate > 0 ? bit_rate / 24 : pixels * known[k].bits; // 24 a second at least
    return (int64_t)(frames * frame_bits / 8);
}

static struct job_step *add(struct delivery_steps *s, const char *name, int64_t tasks, json_t *plan)
{
    s->at[s->count] = (struct job_step){.name = name, .tasks = tasks, .plan = plan};
    return &s->at[s->count++];
}

// A courier does it, after what is there so far.
static void add_errand(struct delivery_steps *s, const char *name)
{
    json_t *plan = after(s->count, 1);
    json_object_set_new(plan, "hands", json_string("courier"));
    add(s, name, 1, plan);
}

// The sound goes first: it takes its time to be read, and nothing waits for it but the muxer.
void delivery_steps_make(const json_t *profile, const json_t *facts, bool bind, bool within,
                         struct delivery_steps *s)
{
    struct counts all = {0};
    json_t *tracks = tracks_of(profile, facts), *track;
    int64_t bytes = 0;
    size_t i;
    *s = (struct delivery_steps){0};
    json_array_foreach(tracks, i, track)
    {
        struct counts c = counts_of(track, facts);
        int64_t made = made_bytes(json_object_get(track, "profile"), facts);
        all.index += c.index, all.sound += c.sound, all.weigh += c.weigh;
        all.segment += c.segment, all.mux += c.mux;
        bytes = made > bytes ? made : bytes;
    }
    if (all.index)
        add(s, "index", all.index, after(1, 0));
    if (all.sound)
        add(s, "sound", all.sound, after(1, 0));
    if (all.weigh)
        add(s, "weigh", all.weigh, after(1, 1));
    if (all.segment)
        add(s, "segment", all.segment, after(all.weigh ? s->count : 1, 1));
    if (within)
        add(s, "captions", 1, after(1, 0));
    // All of a mux's work is carrying: a large one is not carried to a worker and back.
    add(s, "mux", all.mux, after(1, s->count))->reads_bytes =
        bytes > MUX_TRAVELS_MOST ? JOBS_TRAVELS_MOST + 1 : bytes + 1;
    if (outside_wanted(profile))
        add_errand(s, "outside");
    if (bind)
        add_errand(s, "bind");
    json_decref(tracks);
}

void delivery_steps_free(struct delivery_steps *s)
{
    for (size_t i = 0; i < s->count; i++)
        json_decref((json_t *)(uintptr_t)s->at[i].plan);
    s->count = 0;
}
