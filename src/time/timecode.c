/*
 * Drop-frame counting: of each 30 labels of the base, 2 are left out at the start of every minute
 * but the tenth ones. A ten-minute block so has base * 600 - drop * 9 labels: one minute of
 * base * 60 followed by nine of base * 60 - drop. To label a count, find its block and minute and
 * add what was left out before it; to read a label, subtract it.
 */
#include "time/timecode.h"

#include <stdio.h>

static int dropped_a_minute(const struct tc_rate *rate)
{
    return rate->drop ? rate->base / 15 : 0;
}

bool tc_rate_make(rational fps, bool drop, struct tc_rate *rate, struct error *err)
{
    if (fps.num <= 0 || fps.den <= 0 || fps.num / fps.den > 1000 || fps.num < fps.den) {
        error_set(err, ERROR_INPUT, "no timecode at %s frames a second", rational_text(fps).text);
        error_why(err, "timecode counts 1 to 1000 frames a second");
        return error_fix(err, "give the clip a rate, such as 24000/1001");
    }
    int base = (int)rescale(1, (rational){1, 1}, fps, ROUND_NEAREST);
    return tc_rate_with_base(fps, base, drop, rate, err);
}

bool tc_rate_with_base(rational fps, int base, bool drop, struct tc_rate *rate, struct error *err)
{
    int64_t rounded = fps.den > 0 ? rescale(1, (rational){1, 1}, fps, ROUND_NEAREST) : 0;
    if (base <= 0 || base > 1000 || rounded < base || rounded % base != 0) {
        error_set(err, ERROR_INPUT, "timecode of %d a second does not fit %s frames a second", base,
                  rational_text(fps).text);
        error_why(err, "each label must stand for the same whole number of frames");
        return error_fix(err, "use a base that divides %lld", (long long)rounded);
    }
    // 30000/1001 times 1, 2 or 4
    bool may_drop = base % 30 == 0 && rational_equal(fps, rational_make(rounded * 1000, 1001));
    if (drop && !may_drop) {
        error_set(err, ERROR_INPUT, "there is no drop-frame timecode at %s", rate_name(fps).text);
        error_why(err, "drop-frame is defined for 29.97 and its multiples only (SMPTE ST 12-1)");
        return error_fix(err, "use non-drop timecode");
    }
    *rate = (struct tc_rate){fps, base, (int)(rounded / base), drop};
    return true;
}

static int64_t labels_per_day(const struct tc_rate *rate)
{
    return (int64_t)rate->base * 86400 - (int64_t)dropped_a_minute(rate) * 9 * 6 * 24;
}

int64_t tc_frames_per_day(const struct tc_rate *rate)
{
    return labels_per_day(rate) * rate->frames_per_label;
}

tc_label tc_format(int64_t frames, const struct tc_rate *rate)
{
    int64_t day = tc_frames_per_day(rate);
    frames %= day;
    if (frames < 0)
        frames += day;
    int64_t n = frames / rate->frames_per_label;
    int part = (int)(frames % rate->frames_per_label);
    int drop = dropped_a_minute(rate);
    if (drop) {
        int64_t block = (int64_t)rate->base * 600 - drop * 9,
                minute = (int64_t)rate->base * 60 - drop;
        int64_t blocks = n / block, rest = n % block;
        n += blocks * drop * 9;
        if (rest >= (int64_t)rate->base * 60)
            n += drop * (1 + (rest - (int64_t)rate->base * 60) / minute);
    }
    int64_t seconds = n / rate->base;
    tc_label out;
    int used = snprintf(out.text, sizeof(out.text), "%02d:%02d:%02d%c%0*d",
                        (int)(seconds / 3600 % 24), (int)(seconds / 60 % 60), (int)(seconds % 60),
                        drop ? ';' : ':', rate->base > 100 ? 3 : 2, (int)(n % rate->base));
    if (part)
        snprintf(out.text + used, sizeof(out.text) - (size_t)used, ".%d", part);
    return out;
}

static bool refuse(text label, const char *why, struct error *err)
{
    error_set(err, ERROR_INPUT, "'%.*s' is not a timecode here",
              (int)(label.size < 40 ? label.size : 40), label.at);
    error_why(err, "%s", why);
    return error_fix(err, "write hours:minutes:seconds:frames, such as 01:00:00:00");
}

// One number of `digits` digits at most, followed by one of `marks` (or by the end if "").
static bool part_of(text *t, size_t digits, const char *marks, int64_t *value)
{
    size_t n = 0;
    while (n < t->size && n <= digits && t->at[n] >= '0' && t->at[n] <= '9')
        n++;
    if (n == 0 || n > digits || !text_int((text){t->at, n}, value))
        return false;
    t->at += n;
    t->size -= n;
    if (!*marks)
        return true;
    for (; *marks; marks++)
        if (t->size && t->at[0] == *marks) {
            t->at++;
            t->size--;
            return true;
        }
    return false;
}

bool tc_parse(text label, const struct tc_rate *rate, int64_t *frames, struct error *err)
{
    int64_t h, m, s, f, part = 0;
    text t = text_trim(label);
    int drop = dropped_a_minute(rate);
    if (!part_of(&t, 2, ":", &h) || !part_of(&t, 2, ":", &m) ||
        !part_of(&t, 2, drop ? ":;,." : ":", &s) || !part_of(&t, 3, "", &f))
        return refuse(label,
                      drop ? "it has not the form HH:MM:SS;FF" : "it has not the form HH:MM:SS:FF",
                      err);
    if (t.size && t.at[0] == '.') {
        t.at++;
        t.size--;
        if (!part_of(&t, 1, "", &part) || part >= rate->frames_per_label)
            return refuse(label, "a label has fewer frames than that here", err);
    }
    if (t.size)
        return refuse(label, "something follows the frames", err);
    if (h > 23 || m > 59 || s > 59 || f >= rate->base)
        return refuse(label, "a part is over its limit (23:59:59 and the frames of a second)", err);
    if (drop && s == 0 && f < drop && m % 10 != 0)
        return refuse(label, "drop-frame counting leaves this label out", err);
    int64_t minutes = h * 60 + m;
    int64_t n = (minutes * 60 + s) * rate->base + f - drop * (minutes - minutes / 10);
    *frames = n * rate->frames_per_label + part;
    return true;
}

int64_t tc_from_samples(int64_t samples, int64_t samples_a_second, const struct tc_rate *rate)
{
    return rescale(samples, (rational){samples_a_second, 1}, rate->fps, ROUND_DOWN);
}

int64_t tc_to_samples(int64_t frames, int64_t samples_a_second, const struct tc_rate *rate)
{
    return rescale(frames, rate->fps, (rational){samples_a_second, 1}, ROUND_UP);
}
