// Checks of loudness, by programme: ITU-R BS.1770, EBU R 128 (sound/loudness).
#include "house/qc/inside.h"

#include <math.h>
#include <string.h>

// Mono tracks that belong together are one programme; else each track is one.
static void each_programme(struct judging *j, void (*run)(struct judging *j, const json_t *loudness,
                                                          const char *where))
{
    const json_t *all = json_object_get(j->m->summary, "programme"), *row;
    size_t i;
    if (all) {
        run(j, json_object_get(all, "loudness"),
            texted("sound 1 to %lld", json_integer_value(json_object_get(all, "tracks"))).text);
        return;
    }
    json_array_foreach(json_object_get(j->m->summary, "tracks"), i, row)
    {
        const json_t *l = json_object_get(row, "loudness");
        if (json_number_value(json_object_get(l, "integrated")) > -70)
            run(j, l, texted("sound %zu", i + 1).text);
    }
}

// Rounded as a meter shows it, so that a programme at the edge is not refused for a rounding.
static bool held(struct judging *j, double seen, double target, short_text *allowed)
{
    double tolerance = number(j, "tolerance_lu");
    double flag = json_object_get(j->rule, "flag_lu") ? number(j, "flag_lu") : tolerance;
    double away = round(fabs(seen - target) * 10) / 10;
    *allowed = flag > tolerance ? texted("%.1f +-%.1f LUFS, flag %.1f LU", target, tolerance, flag)
                                : texted("%.1f +-%.1f LUFS", target, tolerance);
    find_within(j, away <= flag + 1e-9);
    return away <= tolerance + 1e-9;
}

static void programme_loudness(struct judging *j, const json_t *l, const char *where)
{
    double seen = json_number_value(json_object_get(l, "integrated"));
    short_text allowed;
    if (!held(j, seen, number(j, "target_lufs"), &allowed))
        find(j, -1, -1, where, allowed.text, "programme loudness %.1f LUFS", seen);
    j->severity = NULL;
}

void check_loudness(struct judging *j)
{
    each_programme(j, programme_loudness);
}

// Too little dialogue: its loudness says nothing. The rule says what then.
static void little_dialogue(struct judging *j, const json_t *l, const char *where, double percent)
{
    const char *then = json_string_value(json_object_get(j->rule, "little"));
    bool programme = then && strcmp(then, "programme") == 0;
    double seen = json_number_value(json_object_get(l, "integrated"));
    short_text allowed = texted("at least %.0f %% speech", number(j, "least_speech_percent"));
    j->severity = programme ? "information" : "issue";
    find(j, -1, -1, where, allowed.text,
         "too little dialogue: a detector takes %.0f %% for speech (approximate); %s", percent,
         programme ? "the programme's gated loudness counts" : "no verdict on its loudness");
    const char *own =
        json_object_get(j->rule, "little_target_lufs") ? "little_target_lufs" : "target_lufs";
    if (programme && !held(j, seen, number(j, own), &allowed))
        find(j, -1, -1, where, allowed.text, "programme loudness %.1f LUFS", seen);
    j->severity = NULL;
}

// BS.1770-1 without a gate, over what a detector takes for speech.
static void programme_dialogue(struct judging *j, const json_t *l, const char *where)
{
    double seen = json_number_value(json_object_get(l, "dialogue")),
           percent = json_number_value(json_object_get(l, "speech")) * 100;
    short_text allowed;
    if (percent < number(j, "least_speech_percent") || seen < -100) {
        little_dialogue(j, l, where, percent);
        return;
    }
    if (!held(j, seen, number(j, "target_lufs"), &allowed))
        find(j, -1, -1, where, allowed.text,
             "dialogue loudness %.1f LUFS over %.0f %% speech (approximate)", seen, percent);
    j->severity = NULL;
}

void check_dialogue(struct judging *j)
{
    each_programme(j, programme_dialogue);
}

static void programme_range(struct judging *j, const json_t *l, const char *where)
{
    double seen = json_number_value(json_object_get(l, "range"));
    if (seen > number(j, "most_lu"))
        find(j, -1, -1, where, texted("%.1f LU", number(j, "most_lu")).text,
             "loudness range %.1f LU", seen);
}

void check_range(struct judging *j)
{
    each_programme(j, programme_range);
}

static void programme_short_term(struct judging *j, const json_t *l, const char *where)
{
    double seen = json_number_value(json_object_get(l, "short_term"));
    int64_t ms = json_integer_value(json_object_get(l, "short_term_ms"));
    int64_t from = (int64_t)((double)ms * j->fps / 1000),
            to = (int64_t)((double)(ms + 3000) * j->fps / 1000);
    if (seen > number(j, "most_lufs"))
        find(j, from, to - 1, where, texted("%.1f LUFS", number(j, "most_lufs")).text,
             "short-term loudness %.1f LUFS", seen);
}

void check_short_term(struct judging *j)
{
    each_programme(j, programme_short_term);
}
