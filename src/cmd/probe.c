// posthouse probe: what a file is, without a server.
#include "cmd/media.h"

#include <stdio.h>
#include <string.h>

static const char *word(const json_t *o, const char *name)
{
    const char *value = json_string_value(json_object_get(o, name));
    return value ? value : "";
}

static long long number(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static void row(const char *name, const char *value)
{
    if (value[0])
        printf("  %-12s %s\n", name, value);
}

static void print_video(const json_t *v)
{
    char line[256];
    snprintf(line, sizeof(line), "%s%s%s, %lld x %lld%s%s, %s, %lld bit %s", word(v, "codec"),
             word(v, "profile")[0] ? " " : "", word(v, "profile"), number(v, "width"),
             number(v, "height"),
             strcmp(word(v, "pixel_aspect"), "1/1") && strcmp(word(v, "pixel_aspect"), "1:1") &&
                     word(v, "pixel_aspect")[0]
                 ? ", pixel aspect "
                 : "",
             strcmp(word(v, "pixel_aspect"), "1/1") && strcmp(word(v, "pixel_aspect"), "1:1")
                 ? word(v, "pixel_aspect")
                 : "",
             word(v, "field_order"), number(v, "bits"), word(v, "chroma"));
    row("picture", line);
    snprintf(line, sizeof(line), "%s / %s / %s, %s range", word(v, "primaries"),
             word(v, "transfer"), word(v, "matrix"), word(v, "range"));
    row("colour", line);
    if (strcmp(word(v, "transfer"), "unknown") == 0)
        row("", "not stated: what it looks like is not guessed (posthouse colour)");
    if (number(v, "rotation")) {
        snprintf(line, sizeof(line), "%lld degrees: shown as %lld x %lld", number(v, "rotation"),
                 number(v, "display_width"), number(v, "display_height"));
        row("rotated", line);
    }
    const json_t *hdr = json_object_get(v, "hdr");
    if (json_is_object(hdr)) {
        snprintf(line, sizeof(line), "MaxCLL %lld, MaxFALL %lld, %s", number(hdr, "max_cll"),
                 number(hdr, "max_fall"), word(hdr, "mastering"));
        row("HDR", line);
    }
}

// What a maker's file says, and what it takes to see it.
static void print_camera(const json_t *c)
{
    char line[400];
    static const char *const words[] = {"reel", "clip"};
    for (size_t i = 0; i < 2; i++) {
        char from[16];
        snprintf(from, sizeof(from), "%s_from", words[i]);
        if (!*word(c, words[i]))
            continue;
        snprintf(line, sizeof(line), "%s, from the %s", word(c, words[i]), word(c, from));
        row(words[i], line);
    }
    row("camera", word(c, "model"));
    if (json_is_false(json_object_get(c, "picture"))) {
        snprintf(line, sizeof(line), "%s: no picture without the maker's SDK (%s)",
                 word(c, "format"), word(c, "sdk"));
        row("state", line);
    }
}

static void print_facts(const char *name, const json_t *facts)
{
    char line[400];
    size_t i;
    const json_t *item;
    printf("%s\n", name);
    row("container", word(facts, "container"));
    print_camera(json_object_get(facts, "camera"));
    const json_t *camera = json_object_get(facts, "camera");
    bool unseen = json_is_false(json_object_get(camera, "picture"));
    if (unseen && !number(facts, "duration_frames")) {
        bool rate = strcmp(word(facts, "rate_from"), "none") != 0;
        snprintf(line, sizeof(line), "%s%s%s", rate ? "at " : "their number is not said",
                 rate ? word(facts, "rate") : "", rate ? ", their number is not said" : "");
        row("frames", line);
    } else if (json_array_size(json_object_get(facts, "video"))) {
        snprintf(line, sizeof(line), "%lld frames at %s (%s)%s", number(facts, "duration_frames"),
                 word(facts, "rate"), word(facts, "rate_from"),
                 json_is_true(json_object_get(facts, "vfr")) ? ", variable" : "");
        row("frames", line);
    }
    row("duration", word(facts, "duration_text"));
    const json_t *tc = json_object_get(facts, "timecode");
    if (json_is_object(tc)) {
        snprintf(line, sizeof(line), "%s, %lld a second%s, from %s", word(tc, "start"),
                 number(tc, "base"), json_is_true(json_object_get(tc, "drop")) ? " drop-frame" : "",
                 word(tc, "from"));
        row("timecode", line);
    }
    json_array_foreach(json_object_get(facts, "video"), i, item)
    {
        snprintf(line, sizeof(line), "%s, %lld x %lld", word(item, "codec"), number(item, "width"),
                 number(item, "height"));
        if (unseen)
            row("picture", line);
        else
            print_video(item);
    }
    json_array_foreach(json_object_get(facts, "audio"), i, item)
    {
        snprintf(line, sizeof(line), "%s, %lld Hz, %lld channels (%s)%s%s", word(item, "codec"),
                 number(item, "sample_rate"), number(item, "channels"), word(item, "layout"),
                 word(item, "language")[0] ? ", " : "", word(item, "language"));
        row("sound", line);
    }
    json_array_foreach(json_object_get(facts, "captions"), i, item)
    {
        snprintf(line, sizeof(line), "%s %s", word(item, "kind"), word(item, "language"));
        row("captions", line);
    }
    const json_t *s = json_object_get(facts, "sequence");
    if (json_is_object(s)) {
        snprintf(line, sizeof(line), "%lld files, %lld to %lld, %zu missing", number(s, "count"),
                 number(s, "first"), number(s, "last"),
                 json_array_size(json_object_get(s, "missing")));
        row("sequence", line);
    }
    json_array_foreach(json_object_get(facts, "damage"), i, item)
    {
        snprintf(line, sizeof(line), "%s: %s", word(item, "where"), word(item, "what"));
        row("damage", line);
    }
}

static int run(struct command_call *call)
{
    int worst = 0;
    for (size_t i = 0; i < call->word_count; i++) {
        struct media m;
        struct error err;
        json_t *facts = NULL;
        bool opened = media_open(call, call->words[i], &m, &err);
        if (opened && media_probe(call, &m, &facts, &err)) {
            if (option_flag(call, "json")) {
                json_dumpf(facts, stdout, JSON_INDENT(2));
                printf("\n");
            } else {
                print_facts(m.name, facts);
            }
        } else {
            int status = command_failed(&err);
            worst = status > worst ? status : worst;
        }
        json_decref(facts);
        media_close(&m);
    }
    return worst;
}

static const struct option_row options[] = {
    {"json", OPTION_FLAG, NULL, "print the facts as JSON, for scripts"}, {0}};
const struct command command_probe = {
    "probe",
    "FILE...",
    "say what a media file is",
    "Opens each file in the sandboxed engine and prints its facts: container, streams, exact rate "
    "and\n"
    "number of frames, start timecode, colour, HDR, channels, languages, captions, and damage "
    "found on\n"
    "the way. An image sequence is named by its folder, by any of its files, or as name.####.exr.",
    options,
    1,
    0,
    run,
};
