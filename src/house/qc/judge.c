// Going through the rules, and what all checks share.
#include "formats/profile/profile.h"
#include "house/qc/inside.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { FINDINGS_MOST = 5000 };

double number(const struct judging *j, const char *name)
{
    return json_number_value(json_object_get(j->rule, name));
}

int64_t frames_of_ms(const struct judging *j, const char *name)
{
    int64_t frames = llround(number(j, name) * j->fps / 1000);
    return frames > 0 ? frames : 1;
}

short_text texted(const char *format, ...)
{
    short_text t;
    va_list list;
    va_start(list, format);
    vsnprintf(t.text, sizeof(t.text), format, list);
    va_end(list);
    return t;
}

short_text long_text(const struct judging *j, int64_t frames)
{
    if (frames == 1)
        return texted("1 frame");
    if ((double)frames < 2 * j->fps)
        return texted("%lld frames", (long long)frames);
    return texted("%.1f s", (double)frames / j->fps);
}

void find(struct judging *j, int64_t from, int64_t to, const char *where, const char *allowed,
          const char *format, ...)
{
    char seen[300];
    va_list list;
    va_start(list, format);
    vsnprintf(seen, sizeof(seen), format, list);
    va_end(list);
    if (json_array_size(j->findings) >= FINDINGS_MOST)
        return;
    json_t *f = json_object();
    static const char *const kept[] = {"id", "check", "clause", "source", "severity", "note"};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        json_t *value = json_object_get(j->rule, kept[i]);
        if (value)
            json_object_set(f, strcmp(kept[i], "id") == 0 ? "rule" : kept[i], value);
    }
    if (j->severity)
        json_object_set_new(f, "severity", json_string(j->severity));
    json_object_set_new(f, "seen", json_string(seen));
    json_object_set_new(f, "allowed", json_string(allowed));
    json_object_set_new(f, "where", json_string(where));
    if (from >= 0) {
        json_object_set_new(f, "from", json_integer(from));
        json_object_set_new(f, "to", json_integer(to < from ? from : to));
        json_object_set_new(f, "timecode", json_string(tc_format(j->start + from, &j->rate).text));
    }
    json_array_append_new(j->findings, f);
}

void find_within(struct judging *j, bool within)
{
    const char *own = json_string_value(json_object_get(j->rule, "severity"));
    j->severity = within && qc_severity(own) < qc_severity("issue") ? "issue" : NULL;
}

// ---- shots

static void mark(struct judging *j)
{
    for (int64_t i = 0; i < j->frames; i++) {
        const struct measure_frame *f = &j->at[i];
        j->black[i] = !(f->flags & MEASURE_LOST) && f->lit <= 200;
        // A new shot has little to do with the frame before, and is not that frame's own noise.
        j->cut[i] = i == 0 || (f->alike < 7500 && f->cell_change > 8000) ||
                    (f->cell_change > 30000 && f->alike < 9000);
    }
}

// ---- the order of findings

static int by_place(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    int sx = qc_severity(json_string_value(json_object_get(x, "severity")));
    int sy = qc_severity(json_string_value(json_object_get(y, "severity")));
    json_int_t fx = json_integer_value(json_object_get(x, "from"));
    json_int_t fy = json_integer_value(json_object_get(y, "from"));
    return sx != sy ? sx - sy : fx < fy ? -1 : fx > fy;
}

static void sum_up(json_t *report)
{
    json_t *list = json_object_get(report, "findings");
    size_t count = json_array_size(list);
    json_t **rows = calloc(count + 1, sizeof(*rows)), *sorted = json_array();
    int64_t counts[3] = {0};
    for (size_t i = 0; rows && i < count; i++)
        rows[i] = json_array_get(list, i);
    if (rows)
        qsort(rows, count, sizeof(*rows), by_place);
    for (size_t i = 0; rows && i < count; i++) {
        json_array_append(sorted, rows[i]);
        int s = qc_severity(json_string_value(json_object_get(rows[i], "severity")));
        counts[s < 0 ? 2 : s]++;
    }
    free(rows);
    json_object_set_new(report, "findings", sorted);
    json_object_set_new(report, "counts",
                        json_pack("{s:I, s:I, s:I}", "fix", (json_int_t)counts[0], "issue",
                                  (json_int_t)counts[1], "information", (json_int_t)counts[2]));
    json_object_set_new(report, "verdict",
                        json_string(counts[0]   ? "fix"
                                    : counts[1] ? "look"
                                                : "pass"));
}

void qc_report_add(json_t *report, json_t *findings)
{
    json_t *list = json_object_get(report, "findings");
    if (json_is_array(findings)) {
        json_array_extend(list, findings);
        json_decref(findings);
    } else {
        json_array_append_new(list, findings);
    }
    sum_up(report);
}

size_t qc_cuts(const struct measure *m, int64_t **frames)
{
    struct judging j = {.m = m, .at = m->at, .frames = m->frames};
    size_t count = 0;
    j.cut = calloc((size_t)m->frames + 1, 1);
    j.black = calloc((size_t)m->frames + 1, 1);
    *frames = calloc((size_t)m->frames + 1, sizeof(**frames));
    if (!j.cut || !j.black || !*frames)
        abort();
    mark(&j);
    for (int64_t i = 1; i < j.frames; i++)
        if (j.cut[i])
            (*frames)[count++] = i;
    free(j.cut);
    free(j.black);
    return count;
}

json_t *qc_report_frames(const json_t *report, size_t most)
{
    const json_t *list = json_object_get(report, "findings"), *f;
    json_t *to = json_array();
    int64_t *all = calloc(most + 1, sizeof(*all));
    size_t count = 0, i;
    json_array_foreach(list, i, f)
    {
        const json_t *from = json_object_get(f, "from");
        if (!from || count == most)
            continue;
        int64_t frame = json_integer_value(from);
        size_t at = 0;
        while (at < count && all[at] < frame)
            at++;
        if (at < count && all[at] == frame)
            continue;
        memmove(all + at + 1, all + at, (count - at) * sizeof(*all));
        all[at] = frame;
        count++;
    }
    for (i = 0; i < count; i++)
        json_array_append_new(to, json_integer(all[i]));
    free(all);
    return to;
}

// ---- the whole

static void set_rate(struct judging *j)
{
    const json_t *tc = json_object_get(json_object_get(j->m->summary, "facts"), "timecode");
    struct error err;
    int base = (int)json_integer_value(json_object_get(tc, "base"));
    bool drop = json_is_true(json_object_get(tc, "drop"));
    j->fps = (double)j->m->rate.num / (double)j->m->rate.den;
    j->start = json_integer_value(json_object_get(tc, "start_frame"));
    if (base > 0 && tc_rate_with_base(j->m->rate, base, drop, &j->rate, &err))
        return;
    if (!tc_rate_make(j->m->rate, false, &j->rate, &err))
        j->rate = (struct tc_rate){{25, 1}, 25, 1, false};
}

// Loudness over detected speech, of sound that has any; the share of speech always.
static json_t *with_dialogue(json_t *row, const json_t *loudness)
{
    double dialogue = json_number_value(json_object_get(loudness, "dialogue"));
    const json_t *speech = json_object_get(loudness, "speech");
    if (speech)
        json_object_set_new(row, "speech_percent", json_real(json_number_value(speech) * 100));
    if (speech && dialogue > -100)
        json_object_set_new(row, "dialogue_lufs", json_real(dialogue));
    return row;
}

// Mono tracks together.
static json_t *programme_row(const json_t *all, const json_t *l, const json_t *tracks)
{
    long long of = json_integer_value(json_object_get(all, "tracks"));
    double most = MEASURE_SILENT / 100.0;
    for (long long i = 0; i < of; i++)
        most = fmax(most, json_number_value(json_object_get(json_array_get(tracks, (size_t)i),
                                                            "true_peak_dbtp")));
    return with_dialogue(
        json_pack("{s:i, s:s, s:f, s:f, s:f, s:f, s:f}", "track", 0, "layout",
                  texted("1 to %lld together", of).text, "loudness_lufs",
                  json_number_value(json_object_get(l, "integrated")), "range_lu",
                  json_number_value(json_object_get(l, "range")), "true_peak_dbtp", most,
                  "momentary_lufs", json_number_value(json_object_get(l, "momentary")),
                  "short_term_lufs", json_number_value(json_object_get(l, "short_term"))),
        l);
}

// What was measured of sound, for the head of the report.
static json_t *measured(const struct measure *m)
{
    json_t *to = json_array(), *row;
    size_t i;
    json_array_foreach(json_object_get(m->summary, "tracks"), i, row)
    {
        int most = MEASURE_SILENT;
        const struct measure_track *t = &m->tracks[i];
        for (int64_t k = 0; k < t->windows * t->channels; k++)
            most = t->at[k].true_peak > most ? t->at[k].true_peak : most;
        const json_t *l = json_object_get(row, "loudness");
        json_array_append_new(
            to, with_dialogue(
                    json_pack("{s:I, s:s, s:f, s:f, s:f, s:f, s:f}", "track", (json_int_t)i + 1,
                              "layout", json_string_value(json_object_get(row, "layout")) ?: "",
                              "loudness_lufs", json_number_value(json_object_get(l, "integrated")),
                              "range_lu", json_number_value(json_object_get(l, "range")),
                              "true_peak_dbtp", most / 100.0, "momentary_lufs",
                              json_number_value(json_object_get(l, "momentary")), "short_term_lufs",
                              json_number_value(json_object_get(l, "short_term"))),
                    l));
    }
    const json_t *all = json_object_get(m->summary, "programme"),
                 *l = json_object_get(all, "loudness");
    if (all)
        json_array_append_new(to, programme_row(all, l, to));
    return to;
}

json_t *qc_judge(const struct measure *m, const json_t *rules)
{
    struct judging j = {.m = m, .at = m->at, .frames = m->frames, .findings = json_array()};
    size_t i;
    bool flashes = false;
    const json_t *list = json_object_get(rules, "rules");
    set_rate(&j);
    j.cut = calloc((size_t)m->frames + 1, 1);
    j.black = calloc((size_t)m->frames + 1, 1);
    mark(&j);
    json_array_foreach(list, i, j.rule)
    {
        const char *name = json_string_value(json_object_get(j.rule, "check"));
        flashes |= name && strstr(name, "flash");
        for (size_t k = 0; k < check_count; k++)
            if (name && strcmp(checks[k].name, name) == 0)
                checks[k].run(&j);
    }
    free(j.cut);
    free(j.black);
    json_t *report =
        json_pack("{s:O, s:O, s:s, s:I, s:s, s:o, s:o}", "rules", json_object_get(rules, "name"),
                  "title", json_object_get(rules, "title"), "rate", rational_text(m->rate).text,
                  "frames", (json_int_t)m->frames, "start", tc_format(j.start, &j.rate).text,
                  "sound", measured(m), "findings", j.findings);
    if (flashes)
        json_object_set_new(report, "pse", json_string("pre-check"));
    if (json_is_true(json_object_get(rules, "certificate")))
        json_object_set_new(report, "certificate_needed", json_true());
    const char *standing = profile_standing(rules);
    if (*standing) {
        json_object_set_new(report, "standing", json_string(standing));
        json_object_set(report, "source", json_object_get(rules, "source"));
    }
    static const char *const kept[] = {"light", "interlaced_frames", "top_first_frames"};
    for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (json_object_get(m->summary, kept[i]))
            json_object_set(report, kept[i], json_object_get(m->summary, kept[i]));
    sum_up(report);
    return report;
}
