// Checks of the file: what the container says against what is in it, and its timecode.
#include "house/qc/inside.h"

#include <string.h>

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "unknown";
}

static bool said(const char *value)
{
    return strcmp(value, "unknown") != 0 && strcmp(value, "reserved") != 0;
}

// Names of libav that mean the same: limited range is "tv", and BT.601's two matrices are one.
static bool means_same(const char *a, const char *b)
{
    static const char *const alike[][2] = {{"bt470bg", "smpte170m"}, {"smpte170m", "bt470bg"}};
    for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++)
        if (strcmp(a, alike[i][0]) == 0 && strcmp(b, alike[i][1]) == 0)
            return true;
    return strcmp(a, b) == 0;
}

void check_container(struct judging *j)
{
    static const char *const tags[] = {"primaries", "transfer", "matrix", "range", "pixel_aspect"};
    const json_t *box = json_object_get(j->m->summary, "container"),
                 *inside = json_object_get(j->m->summary, "essence");
    static const char *const sizes[] = {"width", "height"};
    for (size_t i = 0; box && inside && i < 2; i++) {
        int64_t a = json_integer_value(json_object_get(box, sizes[i]));
        int64_t b = json_integer_value(json_object_get(inside, sizes[i]));
        if (a != b && a != (b + 15) / 16 * 16) // MXF says what is stored, in whole blocks
            find(j, -1, -1, "", texted("%s %lld, as the essence", sizes[i], (long long)b).text,
                 "the container says %s %lld", sizes[i], (long long)a);
    }
    for (size_t i = 0; box && inside && i < sizeof(tags) / sizeof(tags[0]); i++) {
        const char *a = word(box, tags[i]), *b = word(inside, tags[i]);
        if (said(a) && said(b) && !means_same(a, b))
            find(j, -1, -1, "", "the container and the essence agree",
                 "%s: the container says %s, the essence %s", tags[i], a, b);
    }
    int64_t changed = json_integer_value(json_object_get(j->m->summary, "changed_frames"));
    if (changed)
        find(j, -1, -1, "", "one size of picture", "%lld frames have another size than the first",
             (long long)changed);
    const json_t *facts = json_object_get(j->m->summary, "facts");
    const char *from = word(facts, "frames_from");
    int64_t frames = json_integer_value(json_object_get(facts, "duration_frames"));
    if (j->frames && frames && frames != j->frames && strcmp(from, "estimate") != 0)
        find(j, -1, -1, "", texted("%lld frames, as counted", (long long)j->frames).text,
             "the container says %lld frames", (long long)frames);
}

// Timecode that frames carry themselves counts on with them.
void check_timecode(struct judging *j)
{
    int64_t last = -1, day = tc_frames_per_day(&j->rate);
    for (int64_t i = 0; i < j->frames; i++) {
        if (!(j->at[i].flags & MEASURE_TIMECODE))
            continue;
        if (last >= 0) {
            int64_t wanted =
                ((int64_t)j->at[last].timecode + (i - last) / j->rate.frames_per_label) % day;
            if (j->at[i].timecode != wanted && day)
                find(j, i, i, "", tc_format(wanted, &j->rate).text, "the timecode jumps to %s",
                     tc_format(j->at[i].timecode, &j->rate).text);
        }
        last = i;
    }
}
