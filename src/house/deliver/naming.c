// What a deliverable is called.
#include "formats/naming/naming.h"
#include "house/deliver/deliver.h"
#include "plat/clock.h"
#include "time/rational.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static void set(json_t *values, const char *name, const char *value)
{
    if (*value)
        json_object_set_new(values, name, json_string(value));
}

static void set_number(json_t *values, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    if (value > 0)
        set(values, name, text);
}

// "S01E02", wherever it stands in a name between other things.
static void episode(json_t *values, const char *name)
{
    for (const char *c = name; *c; c++) {
        int season, number, end = 0;
        if (tolower((unsigned char)*c) != 's' || (c > name && isalnum((unsigned char)c[-1])))
            continue;
        if ((sscanf(c, "%*1[sS]%3d%*1[eE]%5d%n", &season, &number, &end) == 2) && end) {
            set_number(values, "season", season);
            set_number(values, "episode", number);
            return;
        }
    }
}

static const char *rate_word(const char *rate, char room[24])
{
    rational r;
    struct error ignored;
    *room = 0;
    if (!rational_parse(text_of(rate), &r, &ignored) || r.num <= 0 || r.den <= 0)
        return room;
    if (r.num % r.den == 0)
        snprintf(room, 24, "%lld", (long long)(r.num / r.den));
    else // 23.976, 29.97, 59.94, as people write them
        snprintf(room, 24, r.num / r.den == 23 ? "%lld%03lld" : "%lld%02lld",
                 (long long)(r.num / r.den),
                 (long long)(r.num % r.den * (r.num / r.den == 23 ? 1000 : 100) / r.den));
    return room;
}

static const char *size_word(int64_t width, int64_t height)
{
    return width <= 0                       ? ""
           : width > 3840                   ? "4K"
           : width > 1920                   ? "UHD"
           : height >= 720 || width >= 1280 ? "HD"
                                            : "SD";
}

static const char *range_word(const json_t *video)
{
    const char *transfer = word(video, "transfer");
    return !*transfer || strcmp(transfer, "unknown") == 0 ? ""
           : strcmp(transfer, "smpte2084") == 0           ? "HDR10"
           : strcmp(transfer, "arib-std-b67") == 0        ? "HLG"
                                                          : "SDR";
}

static void layout(json_t *values, const json_t *sound)
{
    const char *said = word(sound, "layout");
    int64_t channels = json_integer_value(json_object_get(sound, "channels"));
    char text[16] = "";
    if (strncmp(said, "5.1", 3) == 0 || strncmp(said, "7.1", 3) == 0)
        snprintf(text, sizeof(text), "%c1", *said);
    else if (channels == 2)
        strcpy(text, "20");
    else if (channels == 1)
        strcpy(text, "mono");
    else if (channels > 0)
        snprintf(text, sizeof(text), "%lldch", (long long)channels);
    set(values, "layout", text);
}

json_t *naming_values(const json_t *profile, const json_t *facts, const char *asset,
                      const char *project, int64_t version, int64_t now_ms)
{
    json_t *values = json_object();
    const json_t *video = json_array_get(json_object_get(facts, "video"), 0),
                 *sound = json_array_get(json_object_get(facts, "audio"), 0),
                 *asked = json_object_get(profile, "video");
    int64_t width = json_integer_value(json_object_get(video, "display_width")),
            height = json_integer_value(json_object_get(video, "display_height"));
    int64_t most = json_integer_value(json_object_get(asked, "width"));
    char text[300], rate[24], date[16];
    const char *dot = strrchr(asset, '.');
    snprintf(text, sizeof(text), "%.*s",
             (int)(dot && dot != asset && strlen(dot) <= 8 ? (size_t)(dot - asset) : strlen(asset)),
             asset);
    size_t size = strlen(text);
    while (size && strchr("#._ ", text[size - 1]))
        text[--size] = 0;
    set(values, "title", text);
    episode(values, text);
    set(values, "project", project);
    set(values, "profile", word(profile, "name"));
    set_number(values, "version", version);
    if (strcmp(word(sound, "language"), "und") != 0)
        set(values, "language", word(sound, "language"));
    layout(values, sound);
    set(values, "rate", rate_word(word(facts, "rate"), rate));
    if (most && width > most) {
        height = height * most / width;
        width = most;
    }
    if (asked || !profile) {
        set_number(values, "width", width);
        set_number(values, "height", height);
        set(values, "size", size_word(width, height));
        const char *scan = word(video, "field_order");
        set(values, "scan", !*scan ? "" : strcmp(scan, "progressive") == 0 ? "p" : "i");
        set(values, "range",
            json_is_true(json_object_get(asked, "sdr")) ? "SDR" : range_word(video));
    }
    const char *codec = word(asked ? asked : json_object_get(profile, "audio"), "codec");
    set(values, "codec", strncmp(codec, "lib", 3) == 0 ? codec + 3 : codec);
    time_t now = (time_t)(now_ms / 1000);
    struct tm day;
    gmtime_r(&now, &day);
    strftime(date, sizeof(date), "%Y%m%d", &day);
    set(values, "date", date);
    return values;
}

bool naming_free(struct db_tx *tx, const char *project, const char *version, const char *profile,
                 const char *name, struct error *err)
{
    char other[128] = "";
    struct db_rows *rows = db_query(
        tx,
        "select profile from deliveries where project = ?1 and lower(name) = lower(?4) and "
        "state <> 'failed' and not (version = ?2 and profile = ?3) limit 1",
        "ssss", project, version, profile, name);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), other, sizeof(other));
    if (!db_end(rows, err))
        return false;
    if (!*other)
        return true;
    error_set(err, ERROR_CONFLICT, "there is a deliverable called %s already", name);
    error_why(err,
              "it is another version, or of the profile %s; the outlet could not tell them apart",
              other);
    return error_fix(err, "give another title or number with the order");
}
