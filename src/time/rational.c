#include "time/rational.h"

#include <stdio.h>

rational rational_make(int64_t num, int64_t den)
{
    if (den == 0 || num == INT64_MIN || den == INT64_MIN)
        return (rational){0, 1};
    if (den < 0)
        num = -num, den = -den;
    int64_t a = num < 0 ? -num : num, b = den;
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return (rational){num / a, den / a};
}

int rational_compare(rational a, rational b)
{
    __int128 left = (__int128)a.num * b.den, right = (__int128)b.num * a.den;
    return left < right ? -1 : left > right;
}

bool rational_equal(rational a, rational b)
{
    return rational_compare(a, b) == 0;
}

// The decimals that the trade writes for n * 1000/1001.
static const struct {
    const char *name;
    int64_t num;
} decimals[] = {
    {"23.976", 24000}, {"23.98", 24000}, {"29.97", 30000},   {"47.952", 48000},
    {"47.95", 48000},  {"59.94", 60000}, {"119.88", 120000},
};
#define DECIMALS (sizeof(decimals) / sizeof(decimals[0]))

bool rational_parse(text t, rational *rate, struct error *err)
{
    t = text_trim(t);
    for (size_t i = 0; i < DECIMALS; i++)
        if (text_is(t, decimals[i].name)) {
            *rate = (rational){decimals[i].num, 1001};
            return true;
        }
    text den = t, num = text_cut(&den, '/');
    int64_t n, d = 1;
    bool whole = num.size == t.size;
    if (text_int(num, &n) && (whole || text_int(den, &d)) && n > 0 && d > 0) {
        *rate = rational_make(n, d);
        return true;
    }
    error_set(err, ERROR_INPUT, "'%.*s' is not a rate", (int)(t.size < 40 ? t.size : 40), t.at);
    error_why(err,
              "a rate is a whole number, a fraction, or one of 23.976 29.97 47.952 59.94 119.88");
    return error_fix(err, "write it as a fraction, such as 24000/1001");
}

short_text rational_text(rational rate)
{
    short_text out;
    if (rate.den == 1)
        snprintf(out.text, sizeof(out.text), "%lld", (long long)rate.num);
    else
        snprintf(out.text, sizeof(out.text), "%lld/%lld", (long long)rate.num, (long long)rate.den);
    return out;
}

short_text rate_name(rational rate)
{
    short_text out;
    for (size_t i = 0; i < DECIMALS; i++)
        if (rational_equal(rate, (rational){decimals[i].num, 1001})) {
            snprintf(out.text, sizeof(out.text), "%s", decimals[i].name);
            return out;
        }
    if (rate.den == 1)
        return rational_text(rate);
    snprintf(out.text, sizeof(out.text), "%.3f", (double)rate.num / (double)rate.den);
    return out;
}

int64_t rescale(int64_t count, rational from, rational to, enum rounding how)
{
    // count * to.num * from.den can pass 128 bits only when the rates are absurd: take them apart.
    __int128 up = (__int128)to.num * from.den, down = (__int128)to.den * from.num;
    if (down == 0)
        return 0;
    if (down < 0)
        up = -up, down = -down;
    __int128 a = up < 0 ? -up : up, b = down;
    while (b) {
        __int128 rest = a % b;
        a = b;
        b = rest;
    }
    if (a > 1)
        up /= a, down /= a;
    __int128 whole, product;
    if (__builtin_mul_overflow((__int128)count, up, &product))
        return (count < 0) == (up < 0) ? INT64_MAX : INT64_MIN;
    if (how == ROUND_NEAREST)
        product += down / 2;
    else if (how == ROUND_UP)
        product += down - 1;
    whole = product / down;
    if (product % down < 0) // C divides towards zero, we mean down
        whole--;
    return whole > INT64_MAX ? INT64_MAX : whole < INT64_MIN ? INT64_MIN : (int64_t)whole;
}

static bool nearest_within(rational measured, double most, rational *rate)
{
    static const rational known[] = {
        {24000, 1001}, {24, 1}, {25, 1},  {30000, 1001},  {30, 1},  {48000, 1001}, {48, 1}, {50, 1},
        {60000, 1001}, {60, 1}, {100, 1}, {120000, 1001}, {120, 1}, {15, 1},       {12, 1},
    };
    if (measured.num <= 0 || measured.den <= 0)
        return false;
    double value = (double)measured.num / (double)measured.den;
    bool found = false;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        double want = (double)known[i].num / (double)known[i].den;
        double off = value > want ? value / want - 1 : want / value - 1;
        if (off < most) {
            most = off;
            *rate = known[i];
            found = true;
        }
    }
    return found;
}

bool rate_nearest(rational measured, rational *rate)
{
    return nearest_within(measured, 0.0005, rate);
}

rational rate_standard(rational measured)
{
    rational rate = {25, 1};
    nearest_within(measured, 1e18, &rate);
    return rate;
}
