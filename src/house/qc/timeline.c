/*
 * Loudness over time, from the energies of pieces of 100 ms that the engine measured (BS.1770):
 * momentary is four of them, short-term thirty (EBU Tech 3341), each told where its window ends. So
 * that an hour stays small, what lies under one point of the picture is told by its highest value.
 */
#include "house/qc/qc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS_MOST = 1200, POINTS_LEAST = 300, POINTS_ALL = 2400, OVER_MOST = 400, NONE = -999 };
enum { MOMENTARY = 4, SHORT_TERM = 30, BLOCK_MS = 100, PROGRAMMES_MOST = 8 };

struct programme {
    char name[100];
    const json_t *loudness;
    double *energy;
    size_t count;
    size_t first, tracks; // of the measurement
};

static double energy_of(const json_t *block)
{
    int64_t hundredths = json_integer_value(block);
    return hundredths <= -19000 ? 0 : pow(10, ((double)hundredths / 100 + 0.691) / 10);
}

static int tenths(double energy)
{
    double lufs = energy > 1e-10 ? -0.691 + 10 * log10(energy) : NONE;
    return lufs < -90 ? NONE : (int)lround(lufs * 10);
}

static void add_energy(struct programme *p, const json_t *blocks, double weight)
{
    size_t i;
    const json_t *block;
    p->count = json_array_size(blocks) < p->count ? json_array_size(blocks) : p->count;
    json_array_foreach(blocks, i, block) if (i < p->count) p->energy[i] +=
        weight * energy_of(block);
}

// Mono tracks that are one programme together, else each that sounds.
static size_t programmes_of(const struct measure *m, struct programme *to)
{
    static const double six[6] = {1, 1, 1, 0, 1.41253754, 1.41253754};
    const json_t *tracks = json_object_get(m->summary, "tracks"), *row,
                 *all = json_object_get(m->summary, "programme");
    size_t count = 0, i;
    if (all) {
        size_t of = (size_t)json_integer_value(json_object_get(all, "tracks"));
        of = of < json_array_size(tracks) ? of : json_array_size(tracks);
        snprintf(to->name, sizeof(to->name), "sound 1 to %zu", of);
        to->loudness = json_object_get(all, "loudness");
        to->tracks = of;
        to->count = json_array_size(json_object_get(json_array_get(tracks, 0), "blocks"));
        to->energy = calloc(to->count + 1, sizeof(double));
        for (i = 0; i < of; i++)
            add_energy(to, json_object_get(json_array_get(tracks, i), "blocks"),
                       of == 6 ? six[i] : 1);
        return to->count > 0;
    }
    json_array_foreach(tracks, i, row)
    {
        const json_t *l = json_object_get(row, "loudness"),
                     *blocks = json_object_get(row, "blocks");
        const char *layout = json_string_value(json_object_get(row, "layout"));
        if (count == PROGRAMMES_MOST || !json_array_size(blocks) ||
            json_number_value(json_object_get(l, "integrated")) <= -70)
            continue;
        struct programme *p = &to[count++];
        snprintf(p->name, sizeof(p->name), "sound %zu %.80s", i + 1, layout ? layout : "");
        p->loudness = l;
        p->first = i, p->tracks = 1;
        p->count = json_array_size(blocks);
        p->energy = calloc(p->count + 1, sizeof(double));
        add_energy(p, blocks, 1);
    }
    return count;
}

// The highest mean of `size` pieces whose last lies under each point. Until there are so many,
// there is none.
static json_t *curve(const struct programme *p, size_t size, size_t step)
{
    json_t *to = json_array();
    for (size_t at = 0; at < p->count; at += step) {
        int best = NONE;
        for (size_t i = at; i < at + step && i < p->count; i++) {
            double sum = 0;
            for (size_t k = 0; k < size && i + 1 >= size; k++)
                sum += p->energy[i - k];
            int here = i + 1 >= size ? tenths(sum / (double)size) : NONE;
            best = here > best ? here : best;
        }
        json_array_append_new(to, json_integer(best));
    }
    return to;
}

// In hundredths of a decibel; MEASURE_SILENT after the end.
static int peak_at(const struct measure *m, const struct programme *p, int64_t window)
{
    int most = MEASURE_SILENT;
    for (size_t i = p->first; i < p->first + p->tracks && i < m->track_count; i++) {
        const struct measure_track *t = &m->tracks[i];
        for (int c = 0; window < t->windows && c < t->channels; c++) {
            int here = t->at[window * t->channels + c].true_peak;
            most = here > most ? here : most;
        }
    }
    return most;
}

static int64_t windows_of(const struct measure *m, const struct programme *p)
{
    int64_t most = 0;
    for (size_t i = p->first; i < p->first + p->tracks && i < m->track_count; i++)
        most = m->tracks[i].windows > most ? m->tracks[i].windows : most;
    return most;
}

static json_t *peaks(const struct measure *m, const struct programme *p, size_t step)
{
    size_t points = (p->count + step - 1) / step;
    int *most = malloc((points + 1) * sizeof(int));
    double a_second = (double)m->rate.num / (double)m->rate.den,
           point_s = (double)step * BLOCK_MS / 1000;
    json_t *to = json_array();
    for (size_t i = 0; i < points; i++)
        most[i] = MEASURE_SILENT;
    for (int64_t w = 0, all = windows_of(m, p); points && w < all; w++) {
        size_t at = (size_t)((double)w / a_second / point_s);
        int here = peak_at(m, p, w);
        at = at < points ? at : points - 1;
        most[at] = here > most[at] ? here : most[at];
    }
    for (size_t i = 0; i < points; i++)
        json_array_append_new(
            to, json_integer(most[i] <= -9000 ? NONE : (json_int_t)lround(most[i] / 10.0)));
    free(most);
    return to;
}

// The highest of each second in which it is over the limit: [frame, hundredths of dBTP].
static json_t *over(const struct measure *m, const struct programme *p, double limit_dbtp)
{
    json_t *to = json_array();
    int64_t second = (m->rate.num + m->rate.den - 1) / m->rate.den;
    for (int64_t w = 0, all = windows_of(m, p); w < all; w += second) {
        int64_t where = -1;
        int best = MEASURE_SILENT;
        for (int64_t k = w; k < w + second && k < all; k++) {
            int here = peak_at(m, p, k);
            if (here > limit_dbtp * 100 + 5 && here > best)
                best = here, where = k;
        }
        if (where >= 0 && json_array_size(to) < OVER_MOST)
            json_array_append_new(to, json_pack("[I, i]", (json_int_t)where, best));
    }
    return to;
}

// A threshold of the first rule that checks `check`; NULL: there is none.
static json_t *threshold(const json_t *rules, const char *check, const char *name)
{
    size_t i;
    const json_t *rule;
    json_array_foreach(json_object_get(rules, "rules"), i, rule)
    {
        const char *is = json_string_value(json_object_get(rule, "check"));
        if (is && strcmp(is, check) == 0)
            return json_object_get(rule, name);
    }
    return NULL;
}

static json_t *limits(const json_t *rules)
{
    static const char *const kept[][2] = {{"loudness", "target_lufs"},
                                          {"loudness", "tolerance_lu"},
                                          {"short-term", "most_lufs"},
                                          {"true-peak", "most_dbtp"}};
    json_t *to = json_object();
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        json_t *value = threshold(rules, kept[i][0], kept[i][1]);
        if (value)
            json_object_set(to, kept[i][1], value);
    }
    return to;
}

json_t *qc_timeline(const struct measure *m, const json_t *rules)
{
    struct programme of[PROGRAMMES_MOST] = {0};
    size_t count = programmes_of(m, of), points = POINTS_MOST;
    const json_t *most = threshold(rules, "true-peak", "most_dbtp");
    json_t *list = json_array();
    if (!count) {
        free(of[0].energy);
        json_decref(list);
        return NULL;
    }
    points = POINTS_ALL / count < points ? POINTS_ALL / count : points;
    points = points < POINTS_LEAST ? POINTS_LEAST : points;
    for (size_t i = 0; i < count; i++) {
        struct programme *p = &of[i];
        size_t step = (p->count + points - 1) / points;
        step = step ? step : 1;
        json_array_append_new(
            list,
            json_pack("{s:s, s:f, s:f, s:I, s:I, s:o, s:o, s:o, s:o}", "name", p->name,
                      "integrated", json_number_value(json_object_get(p->loudness, "integrated")),
                      "range", json_number_value(json_object_get(p->loudness, "range")), "point_ms",
                      (json_int_t)step * BLOCK_MS, "length_ms", (json_int_t)p->count * BLOCK_MS,
                      "momentary", curve(p, MOMENTARY, step), "short", curve(p, SHORT_TERM, step),
                      "peaks", peaks(m, p, step), "over",
                      most ? over(m, p, json_number_value(most)) : json_array()));
        free(p->energy);
    }
    return json_pack("{s:s, s:I, s:o, s:o}", "rate", rational_text(m->rate).text, "frames",
                     (json_int_t)m->frames, "limits", limits(rules), "programmes", list);
}
