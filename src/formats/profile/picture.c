#include "formats/profile/picture.h"

#include <stdio.h>
#include <string.h>

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static int number(const json_t *object, const char *name, int otherwise)
{
    const json_t *v = json_object_get(object, name);
    return json_is_integer(v) ? (int)json_integer_value(v) : otherwise;
}

static bool yes(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

// ---- colour

static const struct {
    const char *name, *primaries, *transfer, *matrix;
} colours[] = {
    {"bt709", "bt709", "bt709", "bt709"},
    {"bt601-525", "smpte170m", "smpte170m", "smpte170m"},
    {"bt601-625", "bt470bg", "smpte170m", "bt470bg"},
    {"bt2020", "bt2020", "bt2020-10", "bt2020nc"},
};

static const char *said(const json_t *fact, const char *name)
{
    const char *value = word(fact, name);
    return *value ? value : "unknown";
}

static bool is_hdr(const char *transfer)
{
    return strcmp(transfer, "smpte2084") == 0 || strcmp(transfer, "arib-std-b67") == 0;
}

static bool find_colour(const json_t *video, const json_t *fact, struct profile_picture *p,
                        struct error *err)
{
    const char *asked = yes(video, "sdr") ? "bt709" : word(video, "colour");
    p->source_primaries = p->primaries = said(fact, "primaries");
    p->source_transfer = p->transfer = said(fact, "transfer");
    p->source_matrix = p->matrix = said(fact, "matrix");
    p->source_full = strcmp(word(fact, "range"), "full") == 0;
    p->full = strcmp(word(video, "range"), "full") == 0;
    if (strcmp(p->matrix, "gbr") == 0)
        p->matrix = strcmp(p->primaries, "bt2020") == 0 ? "bt2020nc" : "bt709";
    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
        if (strcmp(colours[i].name, asked) == 0) {
            p->primaries = colours[i].primaries;
            p->transfer = colours[i].transfer;
            p->matrix = colours[i].matrix;
        }
    if (!*asked || yes(video, "sdr") || !is_hdr(p->source_transfer))
        return true;
    error_set(err, ERROR_INPUT, "an SDR deliverable can not be made of an HDR master");
    error_why(err, "its transfer is %s; tone mapping by machine is no grade", p->source_transfer);
    return error_fix(err, "supply the SDR grade; a proxy (\"sdr\": true) may be tone-mapped");
}

// ---- size

static int even(int64_t value, int step)
{
    return (int)(value / step * step);
}

static bool refuse(struct error *err, const char *why, const char *fix)
{
    error_set(err, ERROR_INPUT, "the picture does not fit the frame");
    error_why(err, "%s", why);
    return error_fix(err, "%s", fix);
}

// "At most width x height", in its own shape.
static void inside(const json_t *video, struct profile_picture *p, int64_t w, int64_t h)
{
    int most_w = number(video, "width", (int)w), most_h = number(video, "height", (int)h);
    if (w > most_w || h > most_h || (yes(video, "enlarge") && w < most_w && h < most_h)) {
        bool wide = w * most_h >= h * most_w;
        int64_t nw = wide ? most_w : w * most_h / h;
        h = wide ? h * most_w / w : most_h;
        w = nw;
    }
    p->width = even(w, 2), p->height = even(h, 2);
    p->width = p->width < 2 ? 2 : p->width;
    p->height = p->height < 2 ? 2 : p->height;
    p->at = (struct profile_box){0, 0, p->width, p->height};
    // One line too many is left out, not squeezed in.
    if (p->from.width - p->width == 1)
        p->from.width--;
    if (p->from.height - p->height == 1)
        p->from.height--;
}

// The largest part of `room_w` x `room_h` that has the shape w : h.
static void shaped(int64_t room_w, int64_t room_h, int64_t w, int64_t h, int step, int *to_w,
                   int *to_h)
{
    bool wide = w * room_h >= h * room_w;
    int64_t fw = wide ? room_w : (room_h * w + h / 2) / h;
    int64_t fh = wide ? (room_w * h + w / 2) / w : room_h;
    // Within half a percent it is the room's shape: lines that are an eyelash apart are no bars.
    *to_w = (room_w - fw) * 200 <= room_w ? (int)room_w : even(fw, 2);
    *to_h = (room_h - fh) * 200 <= room_h ? (int)room_h : even(fh, step);
}

// Exactly width x height. `w` x `h`: of the master in pixels of the deliverable's shape.
static bool framed(const json_t *video, struct profile_picture *p, int64_t w, int64_t h,
                   struct error *err)
{
    const char *fit = word(video, "fit");
    int step = strcmp(p->scan, "progressive") == 0 ? 2 : 4, pw, ph;
    bool crop = strcmp(fit, "crop") == 0;
    char why[200];
    p->width = number(video, "width", 2), p->height = number(video, "height", 2);
    p->at = (struct profile_box){0, 0, p->width, p->height};
    if (crop) {
        shaped(w, h, p->width, p->height, step, &pw, &ph);
        p->from.width = even((int64_t)p->from.width * pw / w, 2);
        p->from.height = even((int64_t)p->from.height * ph / h, step);
        p->from.x = even((w - pw) / 2 * p->from.width / pw, 2);
        p->from.y = even((h - ph) / 2 * p->from.height / ph, step);
    } else {
        shaped(p->width, p->height, w, h, step, &pw, &ph);
        p->at = (struct profile_box){even((p->width - pw) / 2, 2), even((p->height - ph) / 2, step),
                                     pw, ph};
        if (strcmp(fit, "refuse") == 0 && (pw != p->width || ph != p->height)) {
            snprintf(why, sizeof(why), "it is %lld x %lld in shape, the frame is %d x %d",
                     (long long)w, (long long)h, p->width, p->height);
            return refuse(err, why, "supply a master of that shape, or allow \"fit\": \"pad\"");
        }
    }
    int64_t whole_w = crop ? pw : w, whole_h = crop ? ph : h;
    if (yes(video, "enlarge") || (p->at.width <= whole_w + 4 || p->at.height <= whole_h + 4))
        return true;
    snprintf(why, sizeof(why), "%lld x %lld would be blown up to %d x %d", (long long)whole_w,
             (long long)whole_h, p->at.width, p->at.height);
    return refuse(err, why, "supply a larger master; only \"enlarge\": true allows it");
}

static void ratio(const json_t *from, const char *name, int64_t *num, int64_t *den)
{
    long long a = 0, b = 0;
    *num = *den = 1;
    if (sscanf(word(from, name), "%6lld:%6lld", &a, &b) == 2 && a > 0 && b > 0)
        *num = a, *den = b;
}

static bool find_size(const json_t *video, const json_t *fact, struct profile_picture *p,
                      struct error *err)
{
    bool sdr = yes(video, "sdr");
    int64_t w = number(fact, sdr ? "display_width" : "width", 2),
            h = number(fact, sdr ? "display_height" : "height", 2), num, den, to_num = 1,
            to_den = 1;
    ratio(fact, "pixel_aspect", &num, &den);
    p->from = (struct profile_box){0, 0, (int)w, (int)h};
    if (sdr)
        num = den = 1;
    bool frame = *word(video, "fit") && strcmp(word(video, "fit"), "inside") != 0;
    if (frame)
        ratio(video, "pixel_aspect", &to_num, &to_den);
    if (frame || yes(video, "square")) { // pixels of the deliverable's shape
        int64_t a = num * to_den, b = den * to_num;
        if (a > b)
            w = (w * a + b / 2) / b;
        else
            h = (h * b + a / 2) / a;
        num = to_num, den = to_den;
    }
    p->aspect_num = (int)num, p->aspect_den = (int)den;
    if (frame)
        return framed(video, p, w, h, err);
    inside(video, p, w, h);
    return true;
}

// ---- together

static const char *scan_of(const json_t *fact)
{
    const char *order = word(fact, "field_order");
    return strcmp(order, "top") == 0      ? "top"
           : strcmp(order, "bottom") == 0 ? "bottom"
                                          : "progressive";
}

bool profile_picture(const json_t *profile, const json_t *facts, struct profile_picture *to,
                     struct error *err)
{
    const json_t *video = json_object_get(profile, "video"),
                 *fact = json_array_get(json_object_get(facts, "video"), 0);
    *to = (struct profile_picture){.source_scan = scan_of(fact)};
    to->scan = yes(video, "sdr")      ? "progressive"
               : *word(video, "scan") ? word(video, "scan")
                                      : to->source_scan;
    return find_colour(video, fact, to, err) && find_size(video, fact, to, err);
}

bool profile_unlaces(const json_t *profile, const json_t *facts)
{
    const json_t *video = json_object_get(profile, "video"),
                 *fact = json_array_get(json_object_get(facts, "video"), 0);
    return !yes(video, "sdr") && strcmp(word(video, "scan"), "progressive") == 0 &&
           strcmp(scan_of(fact), "progressive") != 0;
}
