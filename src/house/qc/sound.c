/*
 * Checks of the sound. A window is a frame long, so that a window's number is the frame's.
 */
#include "house/qc/inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct hearing {
    struct judging *j;
    const struct measure_track *t;
    size_t number;
    const char *layout;
    bool labelled;
    int lfe; // its channel, or -1
};

static const struct measure_sound *at(const struct hearing *h, int64_t window, int channel)
{
    return &h->t->at[window * h->t->channels + channel];
}

static short_text track_text(const struct hearing *h)
{
    return texted("sound %zu", h->number + 1);
}

static short_text channel_text(const struct hearing *h, int channel)
{
    return h->t->channels == 1 ? track_text(h)
                               : texted("sound %zu, channel %d", h->number + 1, channel + 1);
}

static bool surround(const struct hearing *h)
{
    return strncmp(h->layout, "5.1", 3) == 0 || strncmp(h->layout, "7.1", 3) == 0;
}

static void each_track(struct judging *j, void (*run)(struct hearing *h))
{
    const json_t *list = json_object_get(j->m->summary, "tracks");
    for (size_t i = 0; i < j->m->track_count; i++) {
        const json_t *row = json_array_get(list, i);
        struct hearing h = {.j = j, .t = &j->m->tracks[i], .number = i, .lfe = -1};
        const char *layout = json_string_value(json_object_get(row, "layout"));
        h.layout = layout ? layout : "";
        h.labelled = json_is_true(json_object_get(row, "labelled"));
        h.lfe = surround(&h) && h.t->channels >= 6 ? 3 : -1;
        if (h.t->windows)
            run(&h);
    }
}

// Frames for which `holds`, as findings when they are at least so many.
typedef bool holds(const struct hearing *h, int64_t window, int channel);

static int64_t run_of(const struct hearing *h, holds *is, int64_t from, int channel)
{
    while (from < h->t->windows && is(h, from, channel))
        from++;
    return from;
}

static int peak_of(const struct hearing *h, int64_t window)
{
    int most = MEASURE_SILENT;
    for (int c = 0; c < h->t->channels; c++)
        most = at(h, window, c)->peak > most ? at(h, window, c)->peak : most;
    return most;
}

// ---- silence

static bool silent(const struct hearing *h, int64_t window, int channel)
{
    (void)channel;
    return peak_of(h, window) <= number(h->j, "level_db") * 100;
}

static bool any_sound(const struct hearing *h)
{
    for (int64_t i = 0; i < h->t->windows; i++)
        if (peak_of(h, i) > -6000)
            return true;
    return false;
}

// At head and tail silence is usual, and with a black picture too.
static void track_silence(struct hearing *h)
{
    struct judging *j = h->j;
    int64_t least = frames_of_ms(j, "least_ms");
    if (!any_sound(h)) {
        find(j, -1, -1, track_text(h).text, "sound", "it is silent from begin to end");
        return;
    }
    for (int64_t i = 0; i < h->t->windows; i++) {
        int64_t end = run_of(h, silent, i, 0), lit = 0;
        for (int64_t k = i; k < end && k < j->frames; k++)
            lit += !j->black[k];
        if (end - i >= least && i > 0 && end < h->t->windows && (lit * 4 > end - i || !j->frames))
            find(j, i, end - 1, track_text(h).text,
                 texted("less than %s", long_text(j, least).text).text, "silence for %s",
                 long_text(j, end - i).text);
        i = end > i ? end - 1 : i;
    }
}

void check_silence(struct judging *j)
{
    each_track(j, track_silence);
}

// Surrounds and LFE may rest; a channel of the front may not while the others sound.
static void track_dead(struct hearing *h)
{
    int front = surround(h) ? 3 : h->t->channels <= 2 ? h->t->channels : 0;
    if (h->t->channels < 2 || !any_sound(h))
        return;
    for (int c = 0; c < front; c++) {
        int most = MEASURE_SILENT;
        for (int64_t i = 0; i < h->t->windows; i++)
            most = at(h, i, c)->peak > most ? at(h, i, c)->peak : most;
        if (most <= number(h->j, "level_db") * 100)
            find(h->j, -1, -1, channel_text(h, c).text, "sound in each channel of the front",
                 "the channel is silent from begin to end");
    }
}

void check_dead_channel(struct judging *j)
{
    each_track(j, track_dead);
}

// ---- samples

// The same fault in several channels is told once, of the first.
static bool told(const struct hearing *h, int64_t window, int channel, holds *is)
{
    for (int c = 0; c < channel; c++)
        if (is(h, window, c))
            return true;
    return false;
}

static bool drops(const struct hearing *h, int64_t window, int channel)
{
    double least = number(h->j, "least_us") * h->t->sample_rate / 1e6;
    const struct measure_sound *s = at(h, window, channel);
    return s->zeros >= least && s->zeros < h->t->sample_rate / 2;
}

static void track_dropout(struct hearing *h)
{
    for (int64_t i = 0; i < h->t->windows; i++)
        for (int c = 0; c < h->t->channels; c++)
            if (drops(h, i, c) && !told(h, i, c, drops))
                find(h->j, i, i, channel_text(h, c).text, "sound without holes",
                     "a hole of %.1f ms", at(h, i, c)->zeros * 1000.0 / h->t->sample_rate);
}

void check_dropout(struct judging *j)
{
    each_track(j, track_dropout);
}

static bool clips(const struct hearing *h, int64_t window, int channel)
{
    return at(h, window, channel)->flat >= number(h->j, "runs");
}

static void runs_of(struct hearing *h, holds *is, int64_t bridge, const char *allowed,
                    const char *seen)
{
    for (int c = 0; c < h->t->channels; c++)
        for (int64_t i = 0; i < h->t->windows; i++) {
            if (!is(h, i, c) || told(h, i, c, is))
                continue;
            int64_t last = i;
            for (int64_t k = i; k < h->t->windows && k - last <= bridge; k++)
                last = is(h, k, c) ? k : last;
            find(h->j, i, last, channel_text(h, c).text, allowed, "%s", seen);
            i = last;
        }
}

static void track_clipping(struct hearing *h)
{
    runs_of(h, clips, 12, "no samples in a row at full scale", "the sound is clipped");
}

void check_clipping(struct judging *j)
{
    each_track(j, track_clipping);
}

static bool clicks(const struct hearing *h, int64_t window, int channel)
{
    return at(h, window, channel)->click >= number(h->j, "ratio");
}

static void track_click(struct hearing *h)
{
    runs_of(h, clicks, 0, "no clicks", "a click");
}

void check_click(struct judging *j)
{
    each_track(j, track_click);
}

// ---- pairs

static bool sounds(const struct hearing *h, int64_t window, int channel)
{
    return at(h, window, channel)->rms > -5000;
}

static bool against(const struct hearing *h, int64_t window, int channel)
{
    return sounds(h, window, channel) && sounds(h, window, channel + 1) &&
           at(h, window, channel)->with <= number(h->j, "correlation") * 1000;
}

static void track_phase(struct hearing *h)
{
    int64_t least = frames_of_ms(h->j, "least_ms");
    if (h->t->channels < 2)
        return;
    for (int64_t i = 0; i < h->t->windows; i++) {
        int64_t last = i, count = 0;
        if (!against(h, i, 0))
            continue;
        for (int64_t k = i; k < h->t->windows && k - last <= 3; k++)
            if (against(h, k, 0))
                last = k, count++;
        if (last - i + 1 >= least && count * 10 >= (last - i + 1) * 9)
            find(h->j, i, last, track_text(h).text, "left and right in phase",
                 "left and right are in opposite phase for %s", long_text(h->j, last - i + 1).text);
        i = last;
    }
}

void check_phase(struct judging *j)
{
    each_track(j, track_phase);
}

static void track_dual_mono(struct hearing *h)
{
    int64_t same = 0, sounding = 0;
    if (h->t->channels != 2)
        return;
    for (int64_t i = 0; i < h->t->windows; i++)
        if (sounds(h, i, 0) || sounds(h, i, 1))
            sounding++, same += at(h, i, 0)->same;
    if (sounding > 10 && same * 100 >= sounding * 99)
        find(h->j, -1, -1, track_text(h).text, "two channels of their own",
             "left and right are the same: it is mono on two channels");
}

void check_dual_mono(struct judging *j)
{
    each_track(j, track_dual_mono);
}

// How much of a channel is below 120 Hz: sums of energy.
static double low_part(const struct hearing *h, int channel, double *all)
{
    double low = 0;
    *all = 0;
    for (int64_t i = 0; i < h->t->windows; i++) {
        const struct measure_sound *s = at(h, i, channel);
        low += s->low > -9000 ? pow(10, s->low / 1000.0) : 0;
        *all += s->rms > -9000 ? pow(10, s->rms / 1000.0) : 0;
    }
    return *all > 0 ? low / *all : 0;
}

// A channel that has nothing but low sound belongs where LFE is; when LFE has other sound, two
// channels are swapped.
static void surround_swapped(struct hearing *h)
{
    double of_lfe, all, lfe = low_part(h, h->lfe, &of_lfe);
    if (of_lfe < 1e-7 * (double)h->t->windows || lfe > 0.4)
        return;
    for (int c = 0; c < h->t->channels && c < 6; c++)
        if (c != h->lfe && low_part(h, c, &all) > 0.6 && all > 1e-7 * (double)h->t->windows)
            find(h->j, -1, -1, channel_text(h, c).text, "LFE in channel 4",
                 "only low sound here, and full sound in channel 4: the channels are swapped");
}

// In the EBU's stereo line-up tone the left channel is interrupted every 3 seconds.
static void ident_swapped(struct hearing *h)
{
    int64_t last = -1, breaks = 0, tone = 0, every = llround(3 * h->j->fps), first = -1;
    for (int64_t i = 1; i < h->t->windows; i++) {
        const struct measure_sound *l = at(h, i, 0), *r = at(h, i, 1), *p = at(h, i - 1, 1);
        tone += l->rms > -4000 && abs(l->rms - at(h, i - 1, 0)->rms) < 100;
        if (l->rms < -4000 || r->rms > -6000 || p->rms < -6000)
            continue;
        first = first < 0 ? i : first;
        breaks += last >= 0 && llabs((long long)(i - last - every)) <= 2;
        last = i;
    }
    if (breaks >= 2 && tone * 10 >= (last - first) * 9)
        find(h->j, first, last, track_text(h).text, "the left channel is the interrupted one",
             "the right channel of the line-up tone is interrupted: left and right are swapped");
}

static void track_swapped(struct hearing *h)
{
    if (h->lfe >= 0)
        surround_swapped(h);
    else if (h->t->channels == 2)
        ident_swapped(h);
}

void check_swapped(struct judging *j)
{
    each_track(j, track_swapped);
}

static void track_dc(struct hearing *h)
{
    for (int c = 0; c < h->t->channels; c++) {
        double sum = 0;
        for (int64_t i = 0; i < h->t->windows; i++)
            sum += at(h, i, c)->dc;
        double percent = sum / (double)h->t->windows / 100;
        if (fabs(percent) > number(h->j, "percent"))
            find(h->j, -1, -1, channel_text(h, c).text,
                 texted("%.1f %%", number(h->j, "percent")).text, "an offset of %.1f %%", percent);
    }
}

void check_dc(struct judging *j)
{
    each_track(j, track_dc);
}

// ---- true peak

static bool over(const struct hearing *h, int64_t window)
{
    for (int c = 0; c < h->t->channels; c++)
        if (at(h, window, c)->true_peak > number(h->j, "most_dbtp") * 100 + 5)
            return true;
    return false;
}

static void track_true_peak(struct hearing *h)
{
    int64_t second = (int64_t)(h->j->fps + 0.5);
    for (int64_t i = 0; i < h->t->windows; i++) {
        int64_t last = i;
        int most = MEASURE_SILENT;
        if (!over(h, i))
            continue;
        for (int64_t k = i; k < h->t->windows && k - last <= second; k++) {
            last = over(h, k) ? k : last;
            for (int c = 0; c < h->t->channels; c++)
                most = at(h, k, c)->true_peak > most ? at(h, k, c)->true_peak : most;
        }
        double flag = number(h->j, "flag_dbtp");
        bool flags = json_object_get(h->j->rule, "flag_dbtp") != NULL;
        find_within(h->j, flags && most <= flag * 100 + 5);
        find(h->j, i, last, track_text(h).text,
             flags ? texted("%.1f dBTP, flag %.1f dBTP", number(h->j, "most_dbtp"), flag).text
                   : texted("%.1f dBTP", number(h->j, "most_dbtp")).text,
             "true peak %.1f dBTP", most / 100.0);
        h->j->severity = NULL;
        i = last;
    }
}

void check_true_peak(struct judging *j)
{
    each_track(j, track_true_peak);
}

// ---- sound and picture

static void track_length(struct hearing *h)
{
    struct judging *j = h->j;
    const json_t *row = json_array_get(json_object_get(j->m->summary, "tracks"), h->number);
    int64_t samples = json_integer_value(json_object_get(row, "samples"));
    int64_t wanted =
        rescale(j->frames, j->m->rate, (rational){h->t->sample_rate, 1}, ROUND_NEAREST);
    double away = (double)(samples - wanted) * 1000 / h->t->sample_rate;
    if (!j->frames || fabs(away) <= number(j, "most_ms"))
        return;
    int64_t from = away < 0 ? h->t->windows : j->frames - 1;
    from = from < j->frames ? from : j->frames - 1;
    find(j, from, j->frames - 1, track_text(h).text,
         texted("within %.0f ms", number(j, "most_ms")).text, "the sound is %.0f ms %s the picture",
         fabs(away), away < 0 ? "shorter than" : "longer than");
}

void check_length(struct judging *j)
{
    each_track(j, track_length);
}

// A pop of the picture: bright for at most three frames, dark on both sides.
static bool flash_at(const struct judging *j, int64_t i)
{
    const uint32_t dark = 16 * (64 + 60), bright = 16 * (64 + 350);
    if (i < 5 || i + 4 >= j->frames || j->at[i].mean < bright)
        return false;
    for (int64_t k = i - 5; k < i; k++)
        if (j->at[k].mean > dark)
            return false;
    return j->at[i + 1].mean <= dark || j->at[i + 2].mean <= dark || j->at[i + 3].mean <= dark;
}

// A pop of the sound: it begins after silence and is over in at most six frames.
static bool pop_at(const struct hearing *h, int64_t i)
{
    bool begins = false;
    if (i + 7 >= h->t->windows)
        return false;
    for (int c = 0; c < h->t->channels; c++)
        begins |= at(h, i, c)->onset > 0;
    return begins && peak_of(h, i) > -3500 && peak_of(h, i + 7) < -5000;
}

static void track_sync(struct hearing *h)
{
    struct judging *j = h->j;
    int64_t reach = (int64_t)(j->fps + 0.5);
    for (int64_t i = 0; i < j->frames; i++) {
        if (!flash_at(j, i))
            continue;
        for (int64_t d = 0; d <= reach; d++)
            for (int side = -1; side <= 1; side += 2) {
                int64_t k = i + side * d;
                if (k < 0 || k >= h->t->windows || !pop_at(h, k))
                    continue;
                int onset = 0;
                for (int c = 0; c < h->t->channels; c++)
                    onset = at(h, k, c)->onset > onset ? at(h, k, c)->onset : onset;
                double late =
                    (double)(k - i) * 1000 / j->fps + (onset - 1) * 1000.0 / h->t->sample_rate;
                if (late > number(j, "late_ms") || -late > number(j, "early_ms"))
                    find(j, i < k ? i : k, i < k ? k : i, track_text(h).text,
                         texted("%.0f ms early, %.0f late", number(j, "early_ms"),
                                number(j, "late_ms"))
                             .text,
                         "the sound of a clap is %.0f ms %s its picture", fabs(late),
                         late > 0 ? "after" : "before");
                d = reach;
                break;
            }
    }
}

void check_sync(struct judging *j)
{
    if (j->frames)
        each_track(j, track_sync);
}
