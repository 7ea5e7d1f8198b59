/*
 * DolbyLabsMDF
 *   Outputs > Output > CompositionName
 *     Video > Track > EditRate "24000 1001" (2.0.5: Rate > n, d)
 *       PluginNode > DVGlobalData | DolbyEDR... > MasteringDisplay > PeakBrightness,
 * MinimumBrightness > Level6 > MaxCLL, MaxFALL Shot > Record > In, Duration Frame > EditOffset
 * (from the shot's first one)
 *
 * Elements are known by their local names: each version has a namespace of its own. A document with
 * a DOCTYPE is refused.
 */
#include "formats/dolbyvision/dolbyvision.h"
#include "formats/xmltree/xmltree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOTS_MOST = 200000 };

static void read_rate(struct dolby *d, const xmlNode *track)
{
    struct error ignored;
    char text_[64];
    const xmlNode *edit = xmltree_child(track, "EditRate"), *rate = xmltree_child(track, "Rate");
    int64_t num = 0, den = 0;
    if (edit && xmltree_words(edit, text_, sizeof(text_))) {
        for (char *c = text_; *c; c++)
            *c = *c == ' ' ? '/' : *c;
        if (!rational_parse(text_of(text_), &d->rate, &ignored))
            d->rate = (rational){0, 0};
    } else if (rate && xmltree_number(xmltree_child(rate, "n"), &num) &&
               xmltree_number(xmltree_child(rate, "d"), &den) && num > 0 && den > 0) {
        d->rate = rational_make(num, den);
    }
    if (d->rate.num <= 0)
        d->rate = (rational){0, 0};
}

static void read_display(struct dolby *d, const xmlNode *global)
{
    double value;
    int64_t whole;
    const xmlNode *display = xmltree_within(global, "MasteringDisplay"),
                  *level = xmltree_within(global, "Level6");
    if (xmltree_real(xmltree_child(display, "PeakBrightness"), &value))
        d->mastering_peak = value;
    if (xmltree_real(xmltree_child(display, "MinimumBrightness"), &value))
        d->mastering_black = value;
    if (xmltree_number(xmltree_child(level, "MaxCLL"), &whole) && whole >= 0 && whole <= 10000)
        d->max_cll = (int)whole;
    if (xmltree_number(xmltree_child(level, "MaxFALL"), &whole) && whole >= 0 && whole <= 10000)
        d->max_fall = (int)whole;
}

static bool read_shot(struct dolby *d, const char *name, const xmlNode *shot, struct error *err)
{
    const xmlNode *record = xmltree_child(shot, "Record");
    struct dolby_shot to = {0, 0, 0};
    int64_t offset;
    if (!xmltree_number(xmltree_child(record, "In"), &to.in) ||
        !xmltree_number(xmltree_child(record, "Duration"), &to.duration) || to.in < 0 ||
        to.duration <= 0 || to.in > INT32_MAX || to.duration > INT32_MAX)
        return xmltree_wrong(err, name, shot, "a shot has no in and no duration above 0");
    if (d->count >= SHOTS_MOST)
        return xmltree_wrong(err, name, shot, "it has too many shots");
    for (const xmlNode *f = xmltree_child(shot, "Frame"); f; f = xmltree_next(f, "Frame"))
        to.outside += !xmltree_number(xmltree_child(f, "EditOffset"), &offset) || offset < 0 ||
                      offset >= to.duration;
    if ((d->count & (d->count + 1)) == 0) {
        struct dolby_shot *more = realloc(d->shots, (2 * d->count + 2) * sizeof(*more));
        if (!more)
            abort();
        d->shots = more;
    }
    d->shots[d->count++] = to;
    return true;
}

static bool read_track(struct dolby *d, const char *name, const xmlNode *track, struct error *err)
{
    bool done = true;
    read_rate(d, track);
    read_display(d, xmltree_child(track, "PluginNode"));
    for (const xmlNode *s = xmltree_child(track, "Shot"); done && s; s = xmltree_next(s, "Shot"))
        done = read_shot(d, name, s, err);
    return done && (d->count || xmltree_wrong(err, name, track,
                                              "its track has no shots: no frame is described"));
}

bool dolby_read(const char *name, text bytes, struct dolby **to, struct error *err)
{
    xmlDoc *doc = xmltree_open(name, bytes, err);
    if (!doc)
        return false;
    const xmlNode *root = xmlDocGetRootElement(doc);
    const xmlNode *output = xmltree_within(root, "Output"),
                  *track = xmltree_within(output, "Track");
    struct dolby *d = calloc(1, sizeof(*d));
    if (!d)
        abort();
    d->max_cll = d->max_fall = -1;
    xmltree_attribute(root, "version", d->version, sizeof(d->version));
    const xmlNode *title = xmltree_child(output, "CompositionName");
    if (title)
        (void)xmltree_words(title, d->title, sizeof(d->title));
    bool done = false;
    if (!xmltree_named(root, "DolbyLabsMDF")) {
        error_set(err, ERROR_UNSUPPORTED, "%s is no Dolby Vision metadata", name);
        error_why(err, "its first element is not DolbyLabsMDF");
        error_fix(err, "export it from the grading system as Dolby Vision XML");
    } else if (!track) {
        xmltree_wrong(err, name, root, "it has no output with a video track");
    } else {
        done = read_track(d, name, track, err);
    }
    xmlFreeDoc(doc);
    if (done)
        *to = d;
    else
        dolby_close(d);
    return done;
}

void dolby_close(struct dolby *d)
{
    if (!d)
        return;
    free(d->shots);
    free(d);
}

// ---- beside a picture

static void add(json_t *list, bool *fits, const char *what, const char *wanted, const char *seen,
                bool ok, const char *fix)
{
    json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "what", what, "wanted", wanted, "seen", seen,
                            "state", ok ? "ok" : "no");
    if (!ok)
        json_object_set_new(row, "fix", json_string(fix));
    json_array_append_new(list, row);
    *fits = *fits && ok;
}

static int by_place(const void *a, const void *b)
{
    const struct dolby_shot *x = a, *y = b;
    return (x->in > y->in) - (x->in < y->in);
}

static void shots(const struct dolby *d, int64_t frames, json_t *list, bool *fits)
{
    struct dolby_shot *in_order = malloc(d->count * sizeof(*in_order));
    char seen[160], wanted[64];
    if (!in_order)
        abort();
    memcpy(in_order, d->shots, d->count * sizeof(*in_order));
    qsort(in_order, d->count, sizeof(*in_order), by_place);
    int64_t first = in_order[0].in, end = first, gaps = 0, overlaps = 0, at = -1, outside = 0;
    for (size_t i = 0; i < d->count; i++) {
        const struct dolby_shot *s = &in_order[i];
        gaps += s->in > end, overlaps += s->in < end;
        at = at < 0 && s->in != end ? s->in - first : at;
        outside += s->outside;
        end = s->in + s->duration > end ? s->in + s->duration : end;
    }
    free(in_order);
    snprintf(seen, sizeof(seen), "%zu shots, %" PRId64 " gaps, %" PRId64 " overlaps", d->count,
             gaps, overlaps);
    if (at >= 0)
        snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), ", the first at frame %" PRId64,
                 at);
    add(list, fits, "Dolby Vision: shots", "each frame in one", seen, !gaps && !overlaps,
        "analyse the shots again in the grading system");
    snprintf(wanted, sizeof(wanted), "%" PRId64 " frames", frames);
    snprintf(seen, sizeof(seen), "%" PRId64 " frames", end - first);
    add(list, fits, "Dolby Vision: length", wanted, seen, end - first == frames,
        "export it for this cut of the picture");
    snprintf(seen, sizeof(seen), "%" PRId64 " outside", outside);
    add(list, fits, "Dolby Vision: frames of shots", "within their shots", seen, outside == 0,
        "export it again: what is said of a frame lies outside its shot");
}

static void sync(const struct dolby *d, const json_t *facts, json_t *list, bool *fits)
{
    int64_t first = d->shots[0].in;
    const json_t *tc = json_object_get(facts, "timecode");
    int64_t start = json_integer_value(json_object_get(tc, "start_frame"));
    char wanted[64], seen[32];
    for (size_t i = 1; i < d->count; i++)
        first = d->shots[i].in < first ? d->shots[i].in : first;
    snprintf(wanted, sizeof(wanted), tc ? "frame 0, or %" PRId64 " (its timecode)" : "frame 0",
             start);
    snprintf(seen, sizeof(seen), "frame %" PRId64, first);
    add(list, fits, "Dolby Vision: start", wanted, seen, first == 0 || (tc && first == start),
        "export it from the picture's first frame on");
}

json_t *dolby_fit(const struct dolby *d, const json_t *facts, bool *fits)
{
    json_t *list = json_array();
    struct error ignored;
    rational rate;
    const json_t *constant = json_object_get(facts, "constant");
    const json_t *timing = constant ? constant : facts;
    const char *said = json_string_value(json_object_get(timing, "rate"));
    bool known = said && rational_parse(text_of(said), &rate, &ignored);
    *fits = true;
    add(list, fits, "Dolby Vision: rate", known ? rational_text(rate).text : "a picture",
        d->rate.num > 0 ? rational_text(d->rate).text : "not said",
        known && d->rate.num > 0 && rational_equal(rate, d->rate),
        "export it at the picture's rate");
    sync(d, facts, list, fits);
    shots(d, json_integer_value(json_object_get(timing, constant ? "frames" : "duration_frames")),
          list, fits);
    return list;
}
