#include "formats/profile/hdr.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// Chromaticities in 1/50000: SMPTE ST 428-1 / RP 431-2 P3 with D65, ITU-R BT.2020, BT.709.
static const struct {
    const char *name;
    struct hdr_display d;
} gamuts[] = {
    {"p3-d65", {{34000, 13250, 7500}, {16000, 34500, 3000}, 15635, 16450, 0, 0}},
    {"bt2020", {{35400, 8500, 6550}, {14600, 39850, 2300}, 15635, 16450, 0, 0}},
    {"bt709", {{32000, 15000, 7500}, {16500, 30000, 3000}, 15635, 16450, 0, 0}},
};

static bool refuse(const char *from, const char *why, struct error *err)
{
    error_set(err, ERROR_INPUT, "\"%.100s\" is no mastering display", from);
    error_why(err, "%s", why);
    return error_fix(err, "as the colourist states it: \"p3-d65 1000 0.0001\" (gamut, highest and "
                          "lowest cd/m2), or G(x,y)B(x,y)R(x,y)WP(x,y)L(highest,lowest)");
}

static bool by_name(const char *from, struct hdr_display *to)
{
    char name[16];
    double high, low;
    int end = 0;
    if (sscanf(from, "%15s %lf %lf%n", name, &high, &low, &end) != 3 || from[end] ||
        !(high > 0 && high <= 10000 && low >= 0 && low < high))
        return false;
    for (size_t i = 0; i < sizeof(gamuts) / sizeof(gamuts[0]); i++)
        if (strcmp(gamuts[i].name, name) == 0) {
            *to = gamuts[i].d;
            to->highest = llround(high * 10000);
            to->lowest = llround(low * 10000);
            return true;
        }
    return false;
}

bool hdr_display_parse(const char *from, struct hdr_display *to, struct error *err)
{
    struct hdr_display d = {{0}, {0}, 0, 0, 0, 0};
    int end = 0;
    if (by_name(from, to))
        return true;
    if (strlen(from) > 150 ||
        sscanf(from,
               "G(%7" SCNd32 ",%7" SCNd32 ")B(%7" SCNd32 ",%7" SCNd32 ")R(%7" SCNd32 ",%7" SCNd32
               ")WP(%7" SCNd32 ",%7" SCNd32 ")L(%12" SCNd64 ",%12" SCNd64 ")%n",
               &d.x[1], &d.y[1], &d.x[2], &d.y[2], &d.x[0], &d.y[0], &d.white_x, &d.white_y,
               &d.highest, &d.lowest, &end) != 10 ||
        !end || from[end])
        return refuse(from, "it can not be read", err);
    for (int i = 0; i < 3; i++)
        if (d.x[i] < 0 || d.x[i] > 50000 || d.y[i] < 0 || d.y[i] > 50000)
            return refuse(from, "a chromaticity lies between 0 and 50000 (in 1/50000)", err);
    if (d.white_x < 0 || d.white_x > 50000 || d.white_y < 0 || d.white_y > 50000)
        return refuse(from, "its white lies between 0 and 50000 (in 1/50000)", err);
    if (d.highest <= d.lowest || d.lowest < 0 || d.highest > 100000000)
        return refuse(from, "its highest luminance is above its lowest and at most 10000 cd/m2",
                      err);
    *to = d;
    return true;
}

void hdr_display_format(const struct hdr_display *d, char to[160])
{
    snprintf(to, 160,
             "G(%" PRId32 ",%" PRId32 ")B(%" PRId32 ",%" PRId32 ")R(%" PRId32 ",%" PRId32
             ")WP(%" PRId32 ",%" PRId32 ")L(%" PRId64 ",%" PRId64 ")",
             d->x[1], d->y[1], d->x[2], d->y[2], d->x[0], d->y[0], d->white_x, d->white_y,
             d->highest, d->lowest);
}

bool hdr_light_parse(const char *from, struct hdr_light *to, struct error *err)
{
    int end = 0;
    if (sscanf(from, "%5d,%5d%n", &to->max_cll, &to->max_fall, &end) == 2 && !from[end] &&
        to->max_cll > 0 && to->max_cll <= 10000 && to->max_fall > 0 && to->max_fall <= to->max_cll)
        return true;
    error_set(err, ERROR_INPUT, "\"%.60s\" are no light levels", from);
    error_why(err, "they are MaxCLL and MaxFALL in cd/m2, the second not above the first");
    return error_fix(err, "write them as 1000,400, or let them be measured: --light measure");
}

static json_t *first_picture(const json_t *facts)
{
    return json_array_get(json_object_get(facts, "video"), 0);
}

bool hdr_of_facts(const json_t *facts, struct hdr_display *d)
{
    struct error ignored;
    const json_t *hdr = json_object_get(first_picture(facts), "hdr");
    const char *said = json_string_value(json_object_get(hdr, "mastering"));
    return said && hdr_display_parse(said, d, &ignored);
}

bool hdr_light_of_facts(const json_t *facts, struct hdr_light *l)
{
    const json_t *hdr = json_object_get(first_picture(facts), "hdr");
    int64_t cll = json_integer_value(json_object_get(hdr, "max_cll")),
            fall = json_integer_value(json_object_get(hdr, "max_fall"));
    *l = (struct hdr_light){(int)cll, (int)fall};
    return cll > 0 && cll <= 65535 && fall >= 0 && fall <= 65535;
}

void hdr_state(json_t *facts, const struct hdr_display *d, const struct hdr_light *l)
{
    json_t *video = first_picture(facts), *hdr = json_object_get(video, "hdr");
    char text[160];
    if (!json_is_object(video))
        return;
    if (!hdr)
        json_object_set_new(video, "hdr", hdr = json_pack("{s:b}", "dolby_vision", 0));
    if (d) {
        hdr_display_format(d, text);
        json_object_set_new(hdr, "mastering", json_string(text));
    }
    if (l) {
        json_object_set_new(hdr, "max_cll", json_integer(l->max_cll));
        json_object_set_new(hdr, "max_fall", json_integer(l->max_fall));
    }
}

json_t *hdr_stated(const json_t *profile, const json_t *facts)
{
    const json_t *stated = json_object_get(profile, "stated"),
                 *cll = json_object_get(stated, "max_cll");
    const char *display = json_string_value(json_object_get(stated, "mastering"));
    struct hdr_display d;
    struct error ignored;
    if (!stated)
        return json_incref((json_t *)(uintptr_t)facts);
    json_t *to = json_deep_copy(facts);
    struct hdr_light l = {
        (int)json_integer_value(cll),
        (int)json_integer_value(json_object_get(stated, "max_fall")),
    };
    bool has = display && hdr_display_parse(display, &d, &ignored);
    hdr_state(to, has ? &d : NULL, cll ? &l : NULL);
    return to;
}

bool hdr_order(json_t *profile, const char *display, const char *light, struct error *err)
{
    json_t *stated = json_object();
    struct hdr_display d;
    struct hdr_light l;
    char text[160];
    bool done = (!display || hdr_display_parse(display, &d, err)) &&
                (!light || hdr_light_parse(light, &l, err));
    if (done && display) {
        hdr_display_format(&d, text);
        json_object_set_new(stated, "mastering", json_string(text));
    }
    if (done && light) {
        json_object_set_new(stated, "max_cll", json_integer(l.max_cll));
        json_object_set_new(stated, "max_fall", json_integer(l.max_fall));
    }
    if (done && json_object_size(stated))
        json_object_set(profile, "stated", stated);
    json_decref(stated);
    return done;
}
