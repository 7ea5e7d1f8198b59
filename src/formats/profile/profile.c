#include "formats/profile/profile.h"
#include "formats/captions/embed.h"
#include "formats/naming/naming.h"
#include "formats/profile/lines.h"
#include "formats/profile/routes.h"

#include <stdio.h>
#include <string.h>

struct field {
    const char *part, *name; // part "" is the top, "a.b" an object in an object
    // t text, i number above 0, n any number, b yes or no, o object; a list of: T texts, R rates,
    // S sizes, L objects, whose fields are of the part with [] behind
    char type;
    bool needed;
    const char *values; // allowed texts between spaces, or NULL
};

#define PRIMARIES " bt709 bt470bg smpte170m smpte432 bt2020 "
#define TRANSFERS " bt709 smpte170m smpte2084 arib-std-b67 bt2020-10 bt2020-12 "
#define MATRICES " bt709 smpte170m bt470bg bt2020nc gbr "
#define CODECS " aac ac3 eac3 flac libopus pcm_s16le pcm_s24le pcm_f32le "
#define LAYOUTS " mono stereo lt-rt lcr quad 5.0 5.1 6.1 7.1 7.1sds 5.1.2 5.1.4 7.1.4 discrete "
#define ORDERS " smpte itu film dts mpeg "
#define ROLES " main music-and-effects described commentary dialogue music effects "

static const struct field fields[] = {
    {"", "name", 't', true, NULL},
    {"", "title", 't', true, NULL},
    {"", "description", 't', true, NULL},
    {"", "container", 't', true, " mp4 mov mxf wav matroska webm flac ogg ac3 eac3 "},
    {"", "extension", 't', true,
     " .mp4 .m4a .mov .mxf .wav .mkv .mka .webm .flac .ogg .opus .ac3 .eac3 .ec3 "},
    {"", "video", 'o', false, NULL},
    {"", "audio", 'o', false, NULL},
    {"", "checks_only", 't', false, NULL},
    {"", "fragment_s", 'i', false, NULL},
    {"", "ladder", 'L', false, NULL},
    {"", "source", 'o', false, NULL},
    {"", "notes", 'T', false, NULL},
    {"", "master", 'o', false, NULL},
    {"", "conform", 't', false, NULL},
    {"", "pitch", 't', false, " follow keep "},
    {"", "loudness", 'o', false, NULL},
    {"", "captions", 'o', false, NULL},
    {"", "length", 'o', false, NULL},
    {"", "qc", 't', false, NULL},
    {"", "package", 't', false, " file folder itmsp mmc "},
    {"", "checksums", 'T', false, " md5 sha1 sha256 xxh64 "},
    {"", "sidecars", 'T', false, " itunes-metadata mmc mec as11-xml "},
    {"", "naming", 'o', false, NULL},
    {"", "burn", 'L', false, NULL},
    {"", "metadata", 'o', false, NULL},
    {"", "stated", 'o', false, NULL},
    {"video", "codec", 't', true,
     " libx264 libx265 libsvtav1 prores_house prores_aw prores_ks dnxhd mpeg2video v210 "},
    {"video", "encoder", 'o', false, NULL},
    {"video.encoder", "program", 't', true, NULL},
    {"video.encoder", "arguments", 'T', true, NULL},
    {"video.encoder", "makes", 't', true, NULL},
    {"video", "pixel_format", 't', true,
     " yuv420p yuv422p yuv420p10le yuv422p10le yuv444p10le yuva444p10le yuv420p12le yuv422p12le "
     "yuv444p12le "},
    {"video", "width", 'i', false, NULL},
    {"video", "height", 'i', false, NULL},
    {"video", "sdr", 'b', false, NULL},
    {"video", "fit", 't', false, " inside pad crop refuse "},
    {"video", "enlarge", 'b', false, NULL},
    {"video", "square", 'b', false, NULL},
    {"video", "pixel_aspect", 't', false, NULL},
    {"video", "scan", 't', false, " progressive top bottom "},
    {"video", "colour", 't', false, " bt709 bt601-525 bt601-625 bt2020 "},
    {"video", "range", 't', false, " limited full "},
    {"video", "dither", 't', false, " error-diffusion ordered none "},
    {"video", "gop_s", 'i', false, NULL},
    {"video", "gop", 't', false, " fixed "},
    {"video", "segment_s", 'i', false, NULL},
    {"video", "bit_rate", 'i', false, NULL},
    {"video", "psnr_db", 'n', false, NULL},
    {"video", "options", 'o', false, NULL},
    {"ladder[]", "name", 't', true, NULL},
    {"ladder[]", "width", 'i', true, NULL},
    {"ladder[]", "height", 'i', true, NULL},
    {"ladder[]", "codec", 't', false, " libx264 libx265 libsvtav1 "},
    {"ladder[]", "bit_rate", 'i', false, NULL},
    {"ladder[]", "options", 'o', false, NULL},
    {"audio", "codec", 't', true, CODECS},
    {"audio", "rate", 'i', true, NULL},
    {"audio", "source", 'i', false, NULL},
    {"audio", "channels", 'i', false, NULL},
    {"audio", "streams", 'i', false, NULL},
    {"audio", "bit_rate", 'i', false, NULL},
    {"audio", "tracks", 'L', false, NULL},
    {"audio", "files", 't', false, " track "},
    {"audio.tracks[]", "layout", 't', true, LAYOUTS},
    {"audio.tracks[]", "split", 'b', false, NULL},
    {"audio.tracks[]", "order", 't', false, ORDERS},
    {"audio.tracks[]", "from", 't', false, NULL},
    {"audio.tracks[]", "from_order", 't', false, ORDERS},
    {"audio.tracks[]", "downmix", 't', false, " lo-ro lt-rt lt-rt-ii mono surround "},
    {"audio.tracks[]", "language", 't', false, NULL},
    {"audio.tracks[]", "role", 't', false, ROLES},
    {"audio.tracks[]", "title", 't', false, NULL},
    {"audio.tracks[]", "needed", 'b', false, NULL},
    {"audio.tracks[]", "codec", 't', false, CODECS},
    {"audio.tracks[]", "bit_rate", 'i', false, NULL},
    {"source", "title", 't', true, NULL},
    {"source", "url", 't', false, NULL},
    {"source", "date", 't', true, NULL},
    {"source", "clause", 't', false, NULL},
    {"source", "confirmed_by", 't', false, NULL},
    {"source", "confirmed", 't', false, NULL},
    {"master", "video", 'o', false, NULL},
    {"master", "audio", 'L', false, NULL},
    {"master", "sample_rate", 'i', false, NULL},
    {"master", "timecode", 'b', false, NULL},
    {"master", "drop", 'b', false, NULL},
    {"master.video", "sizes", 'S', false, NULL},
    {"master.video", "rates", 'R', false, NULL},
    {"master.video", "scan", 'T', false, " progressive top bottom "},
    {"master.video", "bits", 'i', false, NULL},
    {"master.video", "chroma", 'T', false, " 4:2:0 4:2:2 4:4:4 "},
    {"master.video", "primaries", 'T', false, PRIMARIES},
    {"master.video", "transfer", 'T', false, TRANSFERS},
    {"master.video", "matrix", 'T', false, MATRICES},
    {"master.video", "range", 'T', false, " limited full "},
    {"master.video", "square", 'b', false, NULL},
    {"master.video", "constant", 'b', false, NULL},
    {"master.video", "hdr", 'b', false, NULL},
    {"master.audio[]", "layout", 't', true, LAYOUTS},
    {"master.audio[]", "language", 't', false, NULL},
    {"master.audio[]", "role", 't', false, ROLES},
    {"master.audio[]", "needed", 'b', false, NULL},
    {"loudness", "method", 't', true, " bs1770-4 bs1770-5 bs1770-1-dialogue "},
    {"loudness", "target", 'n', false, NULL},
    {"loudness", "within", 'n', false, NULL},
    {"loudness", "flag", 'n', false, NULL},
    {"loudness", "true_peak", 'n', false, NULL},
    {"loudness", "true_peak_flag", 'n', false, NULL},
    {"loudness", "speech", 'n', false, NULL},
    {"loudness", "little", 't', false, " programme say "},
    {"loudness", "little_target", 'n', false, NULL},
    {"loudness", "apply", 't', false, " report gain "},
    {"loudness", "limiter", 'o', false, NULL},
    {"loudness.limiter", "by", 't', true, NULL},
    {"loudness.limiter", "when", 't', true, NULL},
    {"captions", "formats", 'T', false, " scc srt vtt ttml dfxp imsc itt ebu-stl spruce-stl mcc "},
    {"captions", "embed", 'T', false, " cc c608 text ttml webvtt "},
    {"captions", "languages", 'T', false, NULL},
    {"captions", "name", 't', false, NULL},
    {"captions", "needed", 'b', false, NULL},
    {"length", "av_ms", 'i', false, NULL},
    {"length", "shortest_s", 'i', false, NULL},
    {"length", "longest_s", 'i', false, NULL},
    {"burn[]", "what", 't', true, " timecode text watermark "},
    {"burn[]", "text", 't', false, NULL},
    {"burn[]", "timecode", 't', false, " source record "},
    {"burn[]", "start", 't', false, NULL},
    {"burn[]", "at", 't', false,
     " top-left top top-right left centre right bottom-left bottom bottom-right "},
    {"burn[]", "size", 'i', false, NULL},
    {"burn[]", "opacity", 'i', false, NULL},
    {"stated", "mastering", 't', false, NULL},
    {"stated", "max_cll", 'i', false, NULL},
    {"stated", "max_fall", 'i', false, NULL},
    {"naming", "pattern", 't', true, NULL},
    {"naming", "example", 't', false, NULL},
    {"naming", "characters", 't', false, NULL},
    {"naming", "replace", 't', false, NULL},
    {"naming", "case", 't', false, " upper lower "},
    {"naming", "length", 'i', false, NULL},
    {"metadata", "required", 'T', true, NULL},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

// What is wrong with a profile, and where.
struct fault {
    char path[128], why[200]; // path: "master.video.rates[2]"
};

static bool wrong(struct fault *f, const char *part, const char *name, const char *why)
{
    snprintf(f->path, sizeof(f->path), "%s%s%s", part, *part && *name ? "." : "", name);
    snprintf(f->why, sizeof(f->why), "%s", why);
    return false;
}

static bool text_fits(const struct field *f, const json_t *value)
{
    char word[128];
    size_t most = f->values ? 100 : 1000;
    if (!json_is_string(value) || !json_string_length(value) || json_string_length(value) > most)
        return false;
    snprintf(word, sizeof(word), " %.100s ", json_string_value(value));
    return !f->values || strstr(f->values, word);
}

static bool size_fits(const json_t *value)
{
    int width, height, end = 0;
    const char *at = json_string_value(value);
    return at && sscanf(at, "%5dx%5d%n", &width, &height, &end) == 2 && !at[end] && width > 0 &&
           height > 0;
}

static bool rate_fits(const json_t *value)
{
    rational rate;
    struct error err;
    return json_is_string(value) &&
           rational_parse(text_of(json_string_value(value)), &rate, &err) && rate.num > 0;
}

static bool fits(const struct field *f, const json_t *value)
{
    switch (f->type) {
    case 't':
    case 'T':
        return text_fits(f, value);
    case 'i':
        return json_is_integer(value) && json_integer_value(value) > 0 &&
               json_integer_value(value) < 1000000000;
    case 'n':
        return json_is_number(value);
    case 'b':
        return json_is_boolean(value);
    case 'R':
        return rate_fits(value);
    case 'S':
        return size_fits(value);
    default:
        return json_is_object(value);
    }
}

static bool can_not(const struct field *f, const char *part, const char *name, struct fault *fault)
{
    char why[200];
    if (f->values)
        snprintf(why, sizeof(why), "has a value it can not have; it is one of%.160s", f->values);
    else
        snprintf(why, sizeof(why), "has a value it can not have");
    return wrong(fault, part, name, why);
}

static bool check_object(const json_t *object, const char *part, const char *path, struct fault *f);

static bool check_list(const struct field *field, const json_t *list, const char *path,
                       struct fault *f)
{
    size_t i;
    const json_t *value;
    char part[128];
    if (!json_is_array(list) || !json_array_size(list))
        return wrong(f, path, "", "is a list with something in it");
    json_array_foreach(list, i, value)
    {
        char at[160];
        snprintf(at, sizeof(at), "%s[%zu]", path, i);
        snprintf(part, sizeof(part), "%s%s%s[]", field->part, *field->part ? "." : "", field->name);
        if (!fits(field, value))
            return can_not(field, at, "", f);
        if (field->type == 'L' && !check_object(value, part, at, f))
            return false;
    }
    return true;
}

static bool check_field(const struct field *field, const json_t *value, const char *path,
                        struct fault *f)
{
    char at[160];
    snprintf(at, sizeof(at), "%s%s%s", path, *path ? "." : "", field->name);
    if (strchr("TRSL", field->type))
        return check_list(field, value, at, f);
    if (!fits(field, value))
        return can_not(field, path, field->name, f);
    // What is in "options" is the encoder's.
    return field->type != 'o' || strcmp(field->name, "options") == 0 ||
           check_object(value, at, at, f);
}

static bool unknown(const char *name, const char *path, const char *const *known, size_t count,
                    struct fault *f)
{
    char why[128];
    const char *near = text_nearest(name, known, count);
    snprintf(why, sizeof(why), "is not a field%s%s", near ? "; did you mean " : "",
             near ? near : "");
    return wrong(f, path, name, why);
}

// `part` as in the table, `path` where it lies.
static bool check_object(const json_t *object, const char *part, const char *path, struct fault *f)
{
    const char *name, *known[FIELDS];
    json_t *value;
    size_t count = 0;
    for (size_t i = 0; i < FIELDS; i++) {
        if (strcmp(fields[i].part, part) != 0)
            continue;
        const json_t *it = json_object_get(object, fields[i].name);
        known[count++] = fields[i].name;
        if (!it && fields[i].needed)
            return wrong(f, path, fields[i].name, "is missing");
        if (it && !check_field(&fields[i], it, path, f))
            return false;
    }
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        bool found = false;
        for (size_t i = 0; i < count && !found; i++)
            found = strcmp(known[i], name) == 0;
        if (!found)
            return unknown(name, path, known, count, f);
    }
    return true;
}

static int64_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static bool check_burns(const json_t *profile, struct fault *f)
{
    size_t i;
    const json_t *burn;
    json_array_foreach(json_object_get(profile, "burn"), i, burn)
    {
        char at[32];
        const char *what = json_string_value(json_object_get(burn, "what")),
                   *kind = json_string_value(json_object_get(burn, "timecode"));
        bool timecode = strcmp(what, "timecode") == 0;
        bool record = kind && strcmp(kind, "record") == 0;
        snprintf(at, sizeof(at), "burn[%zu]", i);
        if (!timecode && !json_object_get(burn, "text"))
            return wrong(f, at, "text", "is missing: what is to be burnt in");
        if (timecode && record != (json_object_get(burn, "start") != NULL))
            return wrong(f, at, "start", "goes with a record timecode, and only with one");
        if (number_of(burn, "opacity") > 100 || number_of(burn, "size") > 50)
            return wrong(f, at, "",
                         "has opacity up to 100 and size up to 50 per cent of the height");
    }
    return true;
}

static bool check_options(const json_t *of, const char *part, struct fault *f)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(of, "options"), name, value)
    {
        if (!json_is_string(value))
            return wrong(f, part, name, "is not a text");
    }
    return true;
}

static bool check_rungs(const json_t *profile, struct fault *f)
{
    const json_t *rung;
    size_t i;
    char part[40];
    if (json_object_get(profile, "ladder") && !json_object_get(profile, "video"))
        return wrong(f, "", "ladder", "needs a \"video\" that its rungs change");
    json_array_foreach(json_object_get(profile, "ladder"), i, rung)
    {
        const char *name = json_string_value(json_object_get(rung, "name"));
        snprintf(part, sizeof(part), "ladder[%zu]", i);
        if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] || strlen(name) > 40 ||
            strcmp(name, "sound") == 0)
            return wrong(f, part, "name",
                         "names a file: small letters, figures and -, not \"sound\"");
        snprintf(part, sizeof(part), "ladder[%zu].options", i);
        if (!check_options(rung, part, f))
            return false;
    }
    return true;
}

// Of a program of the operator's: it is named by its whole path and told both files.
static bool encoder_fits(const json_t *encoder, struct fault *f)
{
    size_t i;
    const json_t *one;
    bool in = false, out = false;
    const char *program = json_string_value(json_object_get(encoder, "program"));
    if (!encoder)
        return true;
    json_array_foreach(json_object_get(encoder, "arguments"), i, one)
    {
        in = in || strstr(json_string_value(one), "{input}");
        out = out || strstr(json_string_value(one), "{output}");
    }
    if (!program || *program != '/')
        return wrong(f, "video.encoder", "program", "is a whole path: it begins with /");
    return (in && out) ||
           wrong(f, "video.encoder", "arguments", "name {input} and {output}, once at least");
}

// Which sound lies where: a container's standard, and what players and libav know of it.
static bool takes(const char *container, const char *codec)
{
    static const char *const in[][2] = {
        {"mp4", " aac ac3 eac3 flac libopus "},
        {"mov", " aac ac3 eac3 pcm_s16le pcm_s24le pcm_f32le "},
        {"mxf", " pcm_s16le pcm_s24le "},
        {"wav", " pcm_s16le pcm_s24le pcm_f32le "},
        {"matroska", CODECS},
        {"webm", " libopus "},
        {"flac", " flac "},
        {"ogg", " flac libopus "},
        {"ac3", " ac3 "},
        {"eac3", " eac3 "},
    };
    char word[40];
    snprintf(word, sizeof(word), " %.30s ", codec);
    for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
        if (strcmp(in[i][0], container) == 0)
            return strstr(in[i][1], word);
    return true;
}

static bool check_sound_codec(const json_t *profile, const json_t *from, const char *path,
                              struct fault *f)
{
    const char *container = json_string_value(json_object_get(profile, "container"));
    const char *codec = json_string_value(json_object_get(from, "codec"));
    int64_t rate = number_of(json_object_get(profile, "audio"), "rate");
    char why[160];
    if (!codec)
        return true;
    snprintf(why, sizeof(why), "%s does not lie in %s", codec, container);
    if (!takes(container, codec))
        return wrong(f, path, "codec", why);
    bool dolby = strcmp(codec, "ac3") == 0 || strcmp(codec, "eac3") == 0;
    if ((dolby || strcmp(codec, "libopus") == 0) && rate != 48000)
        return wrong(f, "audio", "rate", "is 48000 for this codec");
    return true;
}

static bool check_sound(const json_t *profile, struct fault *f)
{
    const json_t *audio = json_object_get(profile, "audio"), *row;
    const json_t *tracks = json_object_get(audio, "tracks");
    size_t i;
    if (!check_sound_codec(profile, audio, "audio", f))
        return false;
    if (tracks && (json_object_get(audio, "channels") || json_object_get(audio, "streams")))
        return wrong(f, "audio", json_object_get(audio, "channels") ? "channels" : "streams",
                     "is said by \"tracks\" already");
    json_array_foreach(tracks, i, row)
    {
        char path[64];
        const char *field, *why;
        snprintf(path, sizeof(path), "audio.tracks[%zu]", i);
        if (!check_sound_codec(profile, row, path, f))
            return false;
        if (!routes_row_check(row, &field, &why))
            return wrong(f, path, field, why);
    }
    if (json_object_get(audio, "files") && json_object_get(profile, "video"))
        return wrong(f, "audio", "files", "are of deliverables without a picture");
    const json_t *loudness = json_object_get(profile, "loudness");
    const char *apply = json_string_value(json_object_get(loudness, "apply"));
    if (apply && strcmp(apply, "gain") == 0 && !json_object_get(loudness, "target"))
        return wrong(f, "loudness", "target", "is missing: sound is raised or lowered to it");
    return true;
}

static bool check(const json_t *profile, struct fault *f)
{
    const json_t *video = json_object_get(profile, "video"),
                 *audio = json_object_get(profile, "audio");
    if (!json_is_object(profile))
        return wrong(f, "", "", "is not a JSON object");
    if (!check_object(profile, "", "", f))
        return false;
    if (!check_options(video, "video.options", f) || !check_rungs(profile, f))
        return false;
    const char *format = json_string_value(json_object_get(video, "pixel_format"));
    if (json_is_true(json_object_get(video, "sdr")) && strcmp(format, "yuv420p") != 0)
        return wrong(f, "video", "pixel_format", "is yuv420p where \"sdr\" is true");
    const char *fit = json_string_value(json_object_get(video, "fit"));
    if (fit && strcmp(fit, "inside") != 0 &&
        (!json_object_get(video, "width") || !json_object_get(video, "height")))
        return wrong(f, "video", "fit", "needs width and height, which are the frame");
    if (json_is_true(json_object_get(video, "sdr")) &&
        (json_object_get(video, "scan") || json_object_get(video, "colour") ||
         json_object_get(video, "range")))
        return wrong(f, "video", "sdr", "says scan, colour and range already");
    const char *scan = json_string_value(json_object_get(video, "scan")),
               *codec = json_string_value(json_object_get(video, "codec"));
    if (scan && strcmp(scan, "progressive") != 0 &&
        (strcmp(codec, "libx265") == 0 || strcmp(codec, "libsvtav1") == 0))
        return wrong(f, "video", "scan", "of fields is nothing that this codec has");
    if (!check_burns(profile, f))
        return false;
    if (profile_measured(profile) && json_object_get(json_object_get(video, "options"), "crf"))
        return wrong(f, "video", json_object_get(video, "psnr_db") ? "psnr_db" : "bit_rate",
                     "can not be held with a crf beside it");
    const json_t *psnr = json_object_get(video, "psnr_db");
    if (psnr && (json_object_get(video, "bit_rate") || profile_strict(profile) ||
                 strcmp(json_string_value(json_object_get(video, "codec")), "libx264") != 0 ||
                 strcmp(json_string_value(json_object_get(video, "pixel_format")), "yuv420p") != 0))
        return wrong(f, "video", "psnr_db",
                     "is for libx264 of 8 bits, without bit_rate, bufsize, maxrate and minrate");
    if (!video && !audio)
        return wrong(f, "", "video", "and audio are both missing");
    char why[200];
    if (json_object_get(profile, "naming") &&
        !naming_check(json_object_get(profile, "naming"), why))
        return wrong(f, "naming", "pattern", why);
    const json_t *beside = json_object_get(json_object_get(profile, "captions"), "name");
    if (beside && !caption_pattern_ok(json_string_value(beside)))
        return wrong(f, "captions", "name",
                     "is a file's name of {name}, {language}, {role}; it holds {name}");
    if (!encoder_fits(json_object_get(video, "encoder"), f))
        return false;
    if (!check_sound(profile, f))
        return false;
    if (json_object_get(profile, "conform") && !rate_fits(json_object_get(profile, "conform")))
        return wrong(f, "", "conform", "is a rate such as 25 or 23.976");
    if (json_object_get(profile, "pitch") && !json_object_get(profile, "conform"))
        return wrong(f, "", "pitch", "goes with conform: without it nothing is shown faster");
    const json_t *source = json_object_get(profile, "source");
    if (!json_object_get(source, "confirmed_by") != !json_object_get(source, "confirmed"))
        return wrong(f, "source", "confirmed",
                     "and confirmed_by go together: who read it, and when");
    return true;
}

static bool refuse(struct error *err, const char *file, const struct fault *f, int line)
{
    error_set(err, ERROR_INPUT, "the profile %s can not be used", file);
    if (line)
        error_why(err, "line %d: \"%s\" %s", line, f->path, f->why);
    else
        error_why(err, "\"%s\" %s", *f->path ? f->path : "profile", f->why);
    return error_fix(err, "the fields of a profile are in docs/formats/profile.md");
}

bool profile_check(const json_t *profile, const char *file, struct error *err)
{
    struct fault f;
    return check(profile, &f) || refuse(err, file, &f, 0);
}

bool profile_read(const char *file, text content, json_t **profile, struct error *err)
{
    json_error_t where;
    struct fault f;
    json_t *p =
        json_loadb(content.at ? content.at : "", content.size, JSON_REJECT_DUPLICATES, &where);
    if (!p) {
        error_set(err, ERROR_INPUT, "the profile %s can not be read", file);
        error_why(err, "line %d: %s", where.line, where.text);
        return error_fix(err, "it is JSON: a comma or a quote may be missing near there");
    }
    if (check(p, &f) && (!json_object_get(json_object_get(p, "loudness"), "limiter") ||
                         wrong(&f, "loudness", "limiter",
                               "is a person's consent: it is given with each request"))) {
        *profile = p;
        return true;
    }
    json_decref(p);
    return refuse(err, file, &f, json_line(content, f.path));
}

bool profile_ask(const json_t *profile, const struct profile_wish *w, json_t **asked,
                 struct error *err)
{
    json_t *to = json_deep_copy((json_t *)(uintptr_t)profile), *tracks;
    json_t *audio = json_object_get(to, "audio"), *loudness = json_object_get(to, "loudness");
    bool done = true;
    if (w->map && !audio) {
        error_set(err, ERROR_INPUT, "there is no sound in %s to map",
                  json_string_value(json_object_get(profile, "title")));
        done = error_fix(err, "leave the map out, or choose another profile");
    } else if (w->map && (done = routes_parse(w->map, &tracks, err))) {
        json_object_set_new(audio, "tracks", tracks);
        json_object_del(audio, "channels");
        json_object_del(audio, "streams");
    }
    if (done && (w->loudness || w->limiter) && !loudness) {
        json_object_set_new(to, "loudness", json_pack("{s:s}", "method", "bs1770-5"));
        loudness = json_object_get(to, "loudness");
    }
    if (done && w->loudness)
        json_object_set_new(loudness, "apply", json_string(w->loudness));
    if (done && w->limiter)
        json_object_set_new(loudness, "limiter",
                            json_pack("{s:s, s:s}", "by", w->limiter, "when", w->when));
    if (done && w->conform)
        json_object_set_new(to, "conform", json_string(w->conform));
    if (done && w->pitch)
        json_object_set_new(to, "pitch", json_string(w->pitch));
    done = done && profile_check(to, json_string_value(json_object_get(to, "name")), err);
    if (done)
        *asked = to;
    else
        json_decref(to);
    return done;
}

const char *profile_standing(const json_t *profile)
{
    const json_t *source = json_object_get(profile, "source");
    if (!source)
        return "";
    return json_object_get(source, "confirmed") ? "confirmed" : "unconfirmed";
}

bool profile_several(const json_t *profile)
{
    return json_object_get(profile, "ladder") ||
           json_object_get(json_object_get(profile, "audio"), "files");
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
    return (number_of(video, "bit_rate") > 0 || json_object_get(video, "psnr_db")) &&
           !profile_strict(profile) && codec &&
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
