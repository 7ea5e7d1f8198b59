#include "formats/profile/profile.h"

#include <stdio.h>
#include <string.h>

struct field {
    const char *part, *name; // part "" is the top
    char type;               // t text, i number above 0, b yes or no, o object
    bool needed;
    const char *values; // allowed texts between spaces, or NULL
};

static const struct field fields[] = {
    {"", "name", 't', true, NULL},
    {"", "title", 't', true, NULL},
    {"", "description", 't', true, NULL},
    {"", "container", 't', true, " mp4 mov mxf wav "},
    {"", "extension", 't', true, " .mp4 .mov .mxf .wav "},
    {"", "video", 'o', false, NULL},
    {"", "audio", 'o', false, NULL},
    {"video", "codec", 't', true,
     " libx264 libx265 libsvtav1 prores_aw prores_ks dnxhd mpeg2video "},
    {"video", "pixel_format", 't', true, " yuv420p yuv422p yuv422p10le yuv420p10le yuv444p10le "},
    {"video", "width", 'i', false, NULL},
    {"video", "height", 'i', false, NULL},
    {"video", "sdr", 'b', false, NULL},
    {"video", "gop_s", 'i', false, NULL},
    {"video", "gop", 't', false, " fixed "},
    {"video", "segment_s", 'i', false, NULL},
    {"video", "bit_rate", 'i', false, NULL},
    {"video", "options", 'o', false, NULL},
    {"audio", "codec", 't', true, " aac pcm_s24le "},
    {"audio", "rate", 'i', true, NULL},
    {"audio", "channels", 'i', false, NULL},
    {"audio", "streams", 'i', false, NULL},
    {"audio", "bit_rate", 'i', false, NULL},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static bool wrong(struct error *err, const char *file, const char *part, const char *name,
                  const char *why)
{
    error_set(err, ERROR_INPUT, "the profile %s can not be used", file);
    error_why(err, "\"%s%s%s\" %s", part, *part ? "." : "", name, why);
    return error_fix(err, "the fields of a profile are in src/formats/profile/profile.h");
}

static bool fits(const struct field *f, const json_t *value)
{
    char word[128];
    switch (f->type) {
    case 't':
        if (!json_is_string(value) || strlen(json_string_value(value)) > 100 + 900 * !f->values)
            return false;
        snprintf(word, sizeof(word), " %.100s ", json_string_value(value));
        return !f->values || strstr(f->values, word);
    case 'i':
        return json_is_integer(value) && json_integer_value(value) > 0 &&
               json_integer_value(value) < 1000000000;
    case 'b':
        return json_is_boolean(value);
    default:
        return json_is_object(value);
    }
}

static bool check_part(const json_t *object, const char *part, const char *file, struct error *err)
{
    const char *name, *known[FIELDS];
    json_t *value;
    size_t count = 0;
    for (size_t i = 0; i < FIELDS; i++)
        if (strcmp(fields[i].part, part) == 0) {
            const json_t *it = json_object_get(object, fields[i].name);
            known[count++] = fields[i].name;
            if (!it && fields[i].needed)
                return wrong(err, file, part, fields[i].name, "is missing");
            if (it && !fits(&fields[i], it))
                return wrong(err, file, part, fields[i].name, "has a value it can not have");
        }
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        bool found = false;
        for (size_t i = 0; i < count && !found; i++)
            found = strcmp(known[i], name) == 0;
        const char *near = found ? NULL : text_nearest(name, known, count);
        if (!found) {
            char why[128];
            snprintf(why, sizeof(why), "is not a field%s%s", near ? "; did you mean " : "",
                     near ? near : "");
            return wrong(err, file, part, name, why);
        }
    }
    return true;
}

static int64_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

bool profile_check(const json_t *profile, const char *file, struct error *err)
{
    const json_t *video = json_object_get(profile, "video"),
                 *audio = json_object_get(profile, "audio");
    if (!json_is_object(profile))
        return wrong(err, file, "", "profile", "is not a JSON object");
    if (!check_part(profile, "", file, err) || (video && !check_part(video, "video", file, err)) ||
        (audio && !check_part(audio, "audio", file, err)))
        return false;
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(video, "options"), name, value)
    {
        if (!json_is_string(value))
            return wrong(err, file, "video.options", name, "is not a text");
    }
    if (profile_measured(profile) && json_object_get(json_object_get(video, "options"), "crf"))
        return wrong(err, file, "video", "bit_rate", "can not be held with a crf beside it");
    return video || audio || wrong(err, file, "", "video", "and audio are both missing");
}

bool profile_read(const char *file, text content, json_t **profile, struct error *err)
{
    json_error_t where;
    json_t *p =
        json_loadb(content.at ? content.at : "", content.size, JSON_REJECT_DUPLICATES, &where);
    if (!p) {
        error_set(err, ERROR_INPUT, "the profile %s can not be read", file);
        error_why(err, "line %d: %s", where.line, where.text);
        return error_fix(err, "it is JSON: a comma or a quote may be missing near there");
    }
    if (profile_check(p, file, err)) {
        *profile = p;
        return true;
    }
    json_decref(p);
    return false;
}

// ---- segments

enum { SEGMENT_S = 5, SEGMENTS_MOST = 100000 };

bool profile_strict(const json_t *profile)
{
    static const char *const of_a_buffer[] = {"bufsize", "maxrate", "minrate"};
    const json_t *options = json_object_get(json_object_get(profile, "video"), "options");
    for (size_t i = 0; i < sizeof(of_a_buffer) / sizeof(of_a_buffer[0]); i++)
        if (json_object_get(options, of_a_buffer[i]))
            return true;
    return false;
}

bool profile_measured(const json_t *profile)
{
    const json_t *video = json_object_get(profile, "video");
    const char *codec = json_string_value(json_object_get(video, "codec"));
    return number_of(video, "bit_rate") > 0 && !profile_strict(profile) && codec &&
           (strcmp(codec, "libx264") == 0 || strcmp(codec, "libx265") == 0);
}

int64_t profile_gop_frames(const json_t *profile, rational rate)
{
    int64_t gop_s = number_of(json_object_get(profile, "video"), "gop_s");
    int64_t frames = rescale(gop_s, (rational){1, 1}, rate, ROUND_DOWN);
    return frames > 0 ? frames : 1;
}

// Of a segment: whole groups of pictures; 0: all of them.
static int64_t segment_frames(const json_t *profile, rational rate)
{
    int64_t seconds = number_of(json_object_get(profile, "video"), "segment_s");
    int64_t gop = profile_gop_frames(profile, rate);
    if (profile_strict(profile))
        return 0;
    int64_t frames = rescale(seconds ? seconds : SEGMENT_S, (rational){1, 1}, rate, ROUND_NEAREST);
    return ((frames > 0 ? frames : 1) + gop - 1) / gop * gop;
}

int64_t profile_segments(const json_t *profile, const json_t *facts)
{
    rational rate;
    struct error err;
    const json_t *constant = json_object_get(facts, "constant");
    const json_t *timing = constant ? constant : facts;
    const char *said = json_string_value(json_object_get(timing, "rate"));
    int64_t frames = number_of(timing, constant ? "frames" : "duration_frames");
    if (!json_object_get(profile, "video") || !json_array_size(json_object_get(facts, "video")))
        return 0;
    int64_t each = said && rational_parse(text_of(said), &rate, &err) && rate.num > 0
                       ? segment_frames(profile, rate)
                       : 0;
    int64_t count = each && frames > 0 ? (frames + each - 1) / each : 1;
    return count < SEGMENTS_MOST ? count : SEGMENTS_MOST;
}
