// Functions and operators on numbers, and comparison of all things (E§2.1, E§1.2.5).
#include "formats/openjd/functions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- numbers ---

static bool too_big(struct eval *e)
{
    return eval_fail(e, "a whole number is beyond 64 bits");
}

bool give_real(struct eval *e, double real, struct openjd_value *out)
{
    if (isnan(real))
        return eval_fail(e, "a number would be none (NaN)");
    if (isinf(real))
        return eval_fail(e, "a number would be infinite");
    *out = value_real(real, (text){NULL, 0});
    return true;
}

bool give_whole(struct eval *e, double real, struct openjd_value *out)
{
    if (!(real >= -0x1p63 && real < 0x1p63))
        return too_big(e);
    *out = openjd_whole((int64_t)real);
    return true;
}

RUN(add_int)
{
    UNUSED_COUNT;
    int64_t n;
    if (__builtin_add_overflow(args[0].whole, args[1].whole, &n))
        return too_big(e);
    *out = openjd_whole(n);
    return true;
}

RUN(sub_int)
{
    UNUSED_COUNT;
    int64_t n;
    if (__builtin_sub_overflow(args[0].whole, args[1].whole, &n))
        return too_big(e);
    *out = openjd_whole(n);
    return true;
}

RUN(mul_int)
{
    UNUSED_COUNT;
    int64_t n;
    if (__builtin_mul_overflow(args[0].whole, args[1].whole, &n))
        return too_big(e);
    *out = openjd_whole(n);
    return true;
}

RUN(div_int)
{
    UNUSED_COUNT;
    if (!args[1].whole)
        return eval_fail(e, "a division by zero");
    return give_real(e, (double)args[0].whole / (double)args[1].whole, out);
}

// Towards minus infinity, as Python (E§2.1.1).
RUN(floordiv_int)
{
    UNUSED_COUNT;
    int64_t a = args[0].whole, b = args[1].whole;
    if (!b)
        return eval_fail(e, "a division by zero");
    if (a == INT64_MIN && b == -1)
        return too_big(e);
    *out = openjd_whole(a / b - (a % b != 0 && (a < 0) != (b < 0)));
    return true;
}

RUN(mod_int)
{
    UNUSED_COUNT;
    int64_t a = args[0].whole, b = args[1].whole;
    if (!b)
        return eval_fail(e, "a remainder by zero");
    int64_t rest = b == -1 ? 0 : a % b;
    *out = openjd_whole(rest && (rest < 0) != (b < 0) ? rest + b : rest);
    return true;
}

RUN(pow_int)
{
    UNUSED_COUNT;
    int64_t base = args[0].whole, power = args[1].whole, n = 1;
    if (power < 0)
        return base ? give_real(e, pow((double)base, (double)power), out)
                    : eval_fail(e, "zero to a negative power");
    if (base == 0 || base == 1 || base == -1) {
        *out = openjd_whole(power == 0 ? 1 : base == -1 && power % 2 == 0 ? 1 : base);
        return true;
    }
    for (int64_t i = 0; i < power; i++)
        if (__builtin_mul_overflow(n, base, &n)) // at the latest after 64 rounds
            return too_big(e);
    *out = openjd_whole(n);
    return true;
}

RUN(neg_int)
{
    UNUSED_COUNT;
    if (args[0].whole == INT64_MIN)
        return too_big(e);
    *out = openjd_whole(-args[0].whole);
    return true;
}

bool give_same(struct eval *e, args_t args, size_t count, struct openjd_value *out)
{
    UNUSED_COUNT;
    (void)e;
    *out = args[0];
    return true;
}

RUN(add_real)
{
    UNUSED_COUNT;
    return give_real(e, args[0].real + args[1].real, out);
}

RUN(sub_real)
{
    UNUSED_COUNT;
    return give_real(e, args[0].real - args[1].real, out);
}

RUN(mul_real)
{
    UNUSED_COUNT;
    return give_real(e, args[0].real * args[1].real, out);
}

RUN(div_real)
{
    UNUSED_COUNT;
    if (args[1].real == 0)
        return eval_fail(e, "a division by zero");
    return give_real(e, args[0].real / args[1].real, out);
}

RUN(floordiv_real)
{
    UNUSED_COUNT;
    if (args[1].real == 0)
        return eval_fail(e, "a division by zero");
    return give_whole(e, floor(args[0].real / args[1].real), out);
}

RUN(mod_real)
{
    UNUSED_COUNT;
    if (args[1].real == 0)
        return eval_fail(e, "a remainder by zero");
    double rest = fmod(args[0].real, args[1].real);
    return give_real(e, rest != 0 && (rest < 0) != (args[1].real < 0) ? rest + args[1].real : rest,
                     out);
}

RUN(pow_real)
{
    UNUSED_COUNT;
    double base = args[0].real, power = args[1].real;
    if (base == 0 && power < 0)
        return eval_fail(e, "zero to a negative power");
    if (base < 0 && power != floor(power))
        return eval_fail(e, "a negative number to a fractional power");
    return give_real(e, pow(base, power), out);
}

RUN(neg_real)
{
    UNUSED_COUNT;
    return give_real(e, -args[0].real, out);
}

RUN(abs_int)
{
    return args[0].whole < 0 ? neg_int(e, args, count, out) : give_same(e, args, count, out);
}

RUN(abs_real)
{
    return args[0].real < 0 ? neg_real(e, args, count, out) : give_same(e, args, count, out);
}

RUN(floor_real)
{
    UNUSED_COUNT;
    return give_whole(e, floor(args[0].real), out);
}

RUN(ceil_real)
{
    UNUSED_COUNT;
    return give_whole(e, ceil(args[0].real), out);
}

// To a power of ten, ties to even.
static bool round_places(struct eval *e, int64_t n, int64_t places, struct openjd_value *out)
{
    if (places < -18) {
        *out = openjd_whole(0);
        return true;
    }
    int64_t unit = 1;
    for (int64_t i = places; i < 0; i++)
        unit *= 10;
    int64_t rest = n % unit, down = n - rest, twice;
    if (rest < 0)
        rest = -rest;
    bool up = __builtin_mul_overflow(rest, 2, &twice) || twice > unit ||
              (twice == unit && down / unit % 2);
    if (up && (n < 0 ? __builtin_sub_overflow(down, unit, &down)
                     : __builtin_add_overflow(down, unit, &down)))
        return too_big(e);
    *out = openjd_whole(down);
    return true;
}

RUN(round_int)
{
    UNUSED_COUNT;
    if (args[1].whole >= 0)
        return give_same(e, args, 1, out);
    return round_places(e, args[0].whole, args[1].whole, out);
}

// The decimals asked for stay visible: round(3.5, 2) is "3.50" (E§2.2.2).
RUN(round_real)
{
    int64_t places = count > 1 ? args[1].whole : 0;
    if (places <= 0) {
        struct openjd_value whole;
        double near = rint(args[0].real);
        if (places == 0)
            return give_whole(e, near, out);
        double fraction = args[0].real - trunc(args[0].real);
        if (!give_whole(e, trunc(args[0].real), &whole))
            return false;
        // A tie is one only without a fraction behind it.
        if (!round_places(e, whole.whole, places, out))
            return false;
        int64_t unit = 1;
        for (int64_t i = places; i < 0 && i > places - 18 && unit < INT64_C(100000000000000000);
             i++)
            unit *= 10;
        if (fraction != 0 && llabs(whole.whole - out->whole) * 2 == unit &&
            (fraction > 0) == (whole.whole > out->whole))
            *out = openjd_whole(out->whole + (fraction > 0 ? unit : -unit));
        return true;
    }
    if (places > 300)
        places = 300;
    char plain[700];
    snprintf(plain, sizeof(plain), "%.*f", (int)places, args[0].real);
    double real = strtod(plain, NULL);
    text kept = text_of(real == 0 && plain[0] == '-' ? plain + 1 : plain);
    kept.at = arena_copy(e->arena, kept.at, kept.size);
    *out = value_real(real, kept);
    return true;
}

double value_number(args_t v)
{
    return v->type & INT ? (double)v->whole : v->real;
}

// min and max of two, three, or a list; `sign` -1: the least.
static bool extreme(struct eval *e, args_t items, size_t count, int sign, struct openjd_value *out)
{
    if (!count)
        return eval_fail(e, "the least or most of an empty list");
    *out = items[0];
    if (!eval_spend(e, count))
        return false;
    for (size_t i = 1; i < count; i++) {
        int order;
        if (!value_compare(e, &items[i], out, &order))
            return false;
        if (order * sign > 0)
            *out = items[i];
    }
    return true;
}

RUN(min_run)
{
    if (args[0].type & RNG) {
        *out = openjd_whole(openjd_range_at(args[0].range, 0));
        return true;
    }
    return args[0].type & LIST_ANY ? extreme(e, args[0].items, args[0].item_count, -1, out)
                                   : extreme(e, args, count, -1, out);
}

RUN(max_run)
{
    if (args[0].type & RNG) {
        *out = openjd_whole(openjd_range_at(args[0].range, args[0].range->count - 1));
        return true;
    }
    return args[0].type & LIST_ANY ? extreme(e, args[0].items, args[0].item_count, 1, out)
                                   : extreme(e, args, count, 1, out);
}

RUN(sum_run)
{
    UNUSED_COUNT;
    bool range = args[0].type & RNG;
    size_t n = range ? (size_t)args[0].range->count : args[0].item_count;
    int64_t whole = 0;
    double real = 0;
    if (!eval_spend(e, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (args[0].type & LIST_OF(FLO))
            real += value_number(&args[0].items[i]);
        else if (__builtin_add_overflow(
                     whole, range ? openjd_range_at(args[0].range, i) : args[0].items[i].whole,
                     &whole))
            return too_big(e);
    }
    if (args[0].type & LIST_OF(FLO))
        return give_real(e, real, out);
    *out = openjd_whole(whole);
    return true;
}

// --- comparison ---

static int text_order(text a, text b)
{
    size_t least = a.size < b.size ? a.size : b.size;
    int order = least ? memcmp(a.at, b.at, least) : 0; // UTF-8 sorts as its characters do
    return order ? order : a.size < b.size ? -1 : a.size > b.size;
}

// Exact: a whole number is not rounded first.
static int number_order(args_t a, args_t b)
{
    if (a->type & INT && b->type & INT)
        return a->whole < b->whole ? -1 : a->whole > b->whole;
    if (a->type & FLO && b->type & FLO)
        return a->real < b->real ? -1 : a->real > b->real;
    if (a->type & FLO)
        return -number_order(b, a);
    if (b->real >= 0x1p63)
        return -1;
    if (b->real < -0x1p63)
        return 1;
    int64_t cut = (int64_t)b->real;
    if (a->whole != cut)
        return a->whole < cut ? -1 : 1;
    double rest = b->real - (double)cut;
    return rest > 0 ? -1 : rest < 0;
}

bool value_compare(struct eval *e, const struct openjd_value *a, const struct openjd_value *b,
                   int *order)
{
    if (a->type & (INT | FLO) && b->type & (INT | FLO)) {
        *order = number_order(a, b);
        return true;
    }
    if (a->type & (STR | PAT) && b->type & (STR | PAT)) {
        *order = text_order(a->words, b->words);
        return true;
    }
    if (a->type & BOO && b->type & BOO) {
        *order = a->truth - b->truth;
        return true;
    }
    if (a->type & LIST_ANY && b->type & LIST_ANY) {
        size_t least = a->item_count < b->item_count ? a->item_count : b->item_count;
        *order = 0;
        for (size_t i = 0; i < least && !*order; i++)
            if (!eval_spend(e, 1) || !value_compare(e, &a->items[i], &b->items[i], order))
                return false;
        if (!*order)
            *order = a->item_count < b->item_count ? -1 : a->item_count > b->item_count;
        return true;
    }
    text one = openjd_types_text(e->arena, a->type), other = openjd_types_text(e->arena, b->type);
    return eval_fail(e, "%.*s and %.*s have no order", TEXT_ARGS(one), TEXT_ARGS(other));
}

size_t value_weight(args_t v)
{
    return v->type & LIST_ANY ? v->item_count : v->type & (STR | PAT) ? v->words.size / 256 : 1;
}

RUN(equal)
{
    UNUSED_COUNT;
    if (!eval_spend(e, value_weight(&args[0]) + value_weight(&args[1])))
        return false;
    *out = openjd_truth(value_same(&args[0], &args[1]));
    return true;
}

RUN(unequal)
{
    if (!equal(e, args, count, out))
        return false;
    out->truth = !out->truth;
    return true;
}

#define ORDERED(name, test)                                                                        \
    RUN(name)                                                                                      \
    {                                                                                              \
        UNUSED_COUNT;                                                                              \
        int order;                                                                                 \
        if (!value_compare(e, &args[0], &args[1], &order))                                         \
            return false;                                                                          \
        *out = openjd_truth(order test 0);                                                         \
        return true;                                                                               \
    }
ORDERED(less, <)
ORDERED(at_most, <=)
ORDERED(more, >)
ORDERED(at_least, >=)

const char *text_find(text in, text what, bool last)
{
    const char *found = NULL;
    if (what.size > in.size)
        return NULL;
    for (const char *p = in.at; p + what.size <= in.at + in.size; p++) {
        if (!last) {
            p = memmem(p, (size_t)(in.at + in.size - p), what.at, what.size);
            return p;
        }
        if (memcmp(p, what.at, what.size) == 0)
            found = p;
    }
    return found;
}

RUN(contains)
{
    UNUSED_COUNT;
    args_t in = &args[0], what = &args[1];
    bool found = false;
    if (in->type & (STR | PAT)) {
        if (!eval_spend_text(e, in->words.size))
            return false;
        found = !what->words.size || text_find(in->words, what->words, false);
    } else if (in->type & RNG) {
        found = what->type & INT ? openjd_range_has(in->range, what->whole)
                                 : what->real == floor(what->real) && fabs(what->real) < 0x1p62 &&
                                       openjd_range_has(in->range, (int64_t)what->real);
    } else {
        if (!eval_spend(e, in->item_count))
            return false;
        for (size_t i = 0; i < in->item_count && !found; i++)
            found = value_same(&in->items[i], what);
    }
    *out = openjd_truth(found);
    return true;
}

RUN(contains_not)
{
    if (!contains(e, args, count, out))
        return false;
    out->truth = !out->truth;
    return true;
}

RUN(not_run)
{
    UNUSED_COUNT;
    (void)e;
    *out = openjd_truth(!args[0].truth);
    return true;
}

const struct function_row number_functions[] = {
    {"+", {INT, INT}, 2, GIVES, INT, add_int},
    {"+", {FLO, FLO}, 2, GIVES, FLO, add_real},
    {"-", {INT, INT}, 2, GIVES, INT, sub_int},
    {"-", {FLO, FLO}, 2, GIVES, FLO, sub_real},
    {"*", {INT, INT}, 2, GIVES, INT, mul_int},
    {"*", {FLO, FLO}, 2, GIVES, FLO, mul_real},
    {"/", {INT, INT}, 2, GIVES, FLO, div_int},
    {"/", {FLO, FLO}, 2, GIVES, FLO, div_real},
    {"//", {INT, INT}, 2, GIVES, INT, floordiv_int},
    {"//", {FLO, FLO}, 2, GIVES, INT, floordiv_real},
    {"%", {INT, INT}, 2, GIVES, INT, mod_int},
    {"%", {FLO, FLO}, 2, GIVES, FLO, mod_real},
    {"**", {INT, INT}, 2, GIVES, INT | FLO, pow_int},
    {"**", {FLO, FLO}, 2, GIVES, FLO, pow_real},
    {"u-", {INT}, 1, GIVES, INT, neg_int},
    {"u-", {FLO}, 1, GIVES, FLO, neg_real},
    {"u+", {INT}, 1, GIVES, INT, give_same},
    {"u+", {FLO}, 1, GIVES, FLO, give_same},
    {"not", {BOO}, 1, GIVES, BOO, not_run},
    {"==", {ANY, ANY}, 2, GIVES, BOO, equal},
    {"!=", {ANY, ANY}, 2, GIVES, BOO, unequal},
    {"<", {INT | FLO, INT | FLO}, 2, GIVES, BOO, less},
    {"<", {STR | PAT, STR | PAT}, 2, GIVES, BOO, less},
    {"<", {BOO, BOO}, 2, GIVES, BOO, less},
    {"<", {LIST_ANY, LIST_ANY}, 2, GIVES, BOO, less},
    {"<=", {INT | FLO, INT | FLO}, 2, GIVES, BOO, at_most},
    {"<=", {STR | PAT, STR | PAT}, 2, GIVES, BOO, at_most},
    {"<=", {BOO, BOO}, 2, GIVES, BOO, at_most},
    {"<=", {LIST_ANY, LIST_ANY}, 2, GIVES, BOO, at_most},
    {">", {INT | FLO, INT | FLO}, 2, GIVES, BOO, more},
    {">", {STR | PAT, STR | PAT}, 2, GIVES, BOO, more},
    {">", {BOO, BOO}, 2, GIVES, BOO, more},
    {">", {LIST_ANY, LIST_ANY}, 2, GIVES, BOO, more},
    {">=", {INT | FLO, INT | FLO}, 2, GIVES, BOO, at_least},
    {">=", {STR | PAT, STR | PAT}, 2, GIVES, BOO, at_least},
    {">=", {BOO, BOO}, 2, GIVES, BOO, at_least},
    {">=", {LIST_ANY, LIST_ANY}, 2, GIVES, BOO, at_least},
    {"in", {STR | PAT, STR | PAT}, 2, GIVES, BOO, contains},
    {"in", {RNG, INT | FLO}, 2, GIVES, BOO, contains},
    {"in", {LIST_OF(INT | FLO), INT | FLO}, 2, GIVES, BOO, contains},
    {"in", {LIST_OF(STR | PAT), STR | PAT}, 2, GIVES, BOO, contains},
    {"in", {LIST_OF(BOO), BOO}, 2, GIVES, BOO, contains},
    {"in", {LIST_OF(RNG), RNG}, 2, GIVES, BOO, contains},
    {"in", {EMPTY, ANY}, 2, GIVES, BOO, contains},
    {"in", {LISTS_OF_LISTS, LIST_ANY}, 2, GIVES, BOO, contains},
    {"not in", {STR | PAT, STR | PAT}, 2, GIVES, BOO, contains_not},
    {"not in", {RNG, INT | FLO}, 2, GIVES, BOO, contains_not},
    {"not in", {LIST_OF(INT | FLO), INT | FLO}, 2, GIVES, BOO, contains_not},
    {"not in", {LIST_OF(STR | PAT), STR | PAT}, 2, GIVES, BOO, contains_not},
    {"not in", {LIST_OF(BOO), BOO}, 2, GIVES, BOO, contains_not},
    {"not in", {LIST_OF(RNG), RNG}, 2, GIVES, BOO, contains_not},
    {"not in", {EMPTY, ANY}, 2, GIVES, BOO, contains_not},
    {"not in", {LISTS_OF_LISTS, LIST_ANY}, 2, GIVES, BOO, contains_not},
    {"abs", {INT}, 1, GIVES, INT, abs_int},
    {"abs", {FLO}, 1, GIVES, FLO, abs_real},
    {"min", {INT, INT}, 2, GIVES, INT, min_run},
    {"min", {FLO, FLO}, 2, GIVES, FLO, min_run},
    {"min", {INT, INT, INT}, 3, GIVES, INT, min_run},
    {"min", {FLO, FLO, FLO}, 3, GIVES, FLO, min_run},
    {"min", {LIST_OF(INT | FLO)}, 1, GIVES_ITEM, 0, min_run},
    {"min", {RNG}, 1, GIVES, INT, min_run},
    {"min", {EMPTY}, 1, GIVES, 0, min_run},
    {"max", {INT, INT}, 2, GIVES, INT, max_run},
    {"max", {FLO, FLO}, 2, GIVES, FLO, max_run},
    {"max", {INT, INT, INT}, 3, GIVES, INT, max_run},
    {"max", {FLO, FLO, FLO}, 3, GIVES, FLO, max_run},
    {"max", {LIST_OF(INT | FLO)}, 1, GIVES_ITEM, 0, max_run},
    {"max", {RNG}, 1, GIVES, INT, max_run},
    {"max", {EMPTY}, 1, GIVES, 0, max_run},
    {"sum", {LIST_OF(INT) | EMPTY | RNG}, 1, GIVES, INT, sum_run},
    {"sum", {LIST_OF(FLO)}, 1, GIVES, FLO, sum_run},
    {"floor", {INT}, 1, GIVES, INT, give_same},
    {"floor", {FLO}, 1, GIVES, INT, floor_real},
    {"ceil", {INT}, 1, GIVES, INT, give_same},
    {"ceil", {FLO}, 1, GIVES, INT, ceil_real},
    {"round", {INT}, 1, GIVES, INT, give_same},
    {"round", {FLO}, 1, GIVES, INT, round_real},
    {"round", {INT, INT}, 2, GIVES, INT, round_int},
    {"round", {FLO, INT}, 2, GIVES, INT | FLO, round_real},
    {0},
};
