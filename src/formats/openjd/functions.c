// The function library (E§2): one table of names, argument types and what comes out.
//
// Operators are functions with the operator for a name ("u-" is the unary one, "[]" an index). A
// call looks for a row that takes the arguments as they are, then for one that takes them after a
// conversion that loses nothing: int to float, path to string, range to list. With an argument that
// is not known the same search is done on types and the answer is what all rows that fit could
// give.
#include "formats/openjd/inside.h"

#include <ctype.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#define NUL OPENJD_T_NULL
#define BOO OPENJD_T_BOOL
#define INT OPENJD_T_INT
#define FLO OPENJD_T_FLOAT
#define STR OPENJD_T_STRING
#define PAT OPENJD_T_PATH
#define RNG OPENJD_T_RANGE
#define ANY OPENJD_T_ANY
#define LIST_ANY OPENJD_T_LISTS
#define LIST_OF(t) OPENJD_T_LIST(t)
#define EMPTY OPENJD_T_LIST(OPENJD_T_NULL)
#define LISTS_OF_LISTS OPENJD_T_LIST(OPENJD_T_LIST(0x7f))

enum gives { GIVES, GIVES_FIRST, GIVES_ITEM, GIVES_FLAT, GIVES_JOINED };

struct row {
    const char *name;
    openjd_types takes[4];
    size_t count;
    enum gives how;
    openjd_types gives; // GIVES
    bool (*run)(struct eval *e, const struct openjd_value *args, size_t count,
                struct openjd_value *out);
};

typedef const struct openjd_value *args_t;
#define RUN(name)                                                                                  \
    static bool name(struct eval *e, args_t args, size_t count, struct openjd_value *out)
#define UNUSED_COUNT (void)count

// --- numbers ---

static bool too_big(struct eval *e)
{
    return eval_fail(e, "a whole number is beyond 64 bits");
}

static bool give_real(struct eval *e, double real, struct openjd_value *out)
{
    if (isnan(real))
        return eval_fail(e, "a number would be none (NaN)");
    if (isinf(real))
        return eval_fail(e, "a number would be infinite");
    *out = value_real(real, (text){NULL, 0});
    return true;
}

static bool give_whole(struct eval *e, double real, struct openjd_value *out)
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

RUN(same)
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
    return args[0].whole < 0 ? neg_int(e, args, count, out) : same(e, args, count, out);
}

RUN(abs_real)
{
    return args[0].real < 0 ? neg_real(e, args, count, out) : same(e, args, count, out);
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
        return same(e, args, 1, out);
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

static double number_of(args_t v)
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
            real += number_of(&args[0].items[i]);
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

static size_t weight(args_t v)
{
    return v->type & LIST_ANY ? v->item_count : v->type & (STR | PAT) ? v->words.size / 256 : 1;
}

RUN(equal)
{
    UNUSED_COUNT;
    if (!eval_spend(e, weight(&args[0]) + weight(&args[1])))
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

static const char *find_text(text in, text what, bool last)
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
        found = !what->words.size || find_text(in->words, what->words, false);
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

// --- lists ---

// The common type of two items of a list, or 0 (E§1.2.6).
static openjd_types common(openjd_types a, openjd_types b)
{
    if (a == b)
        return a;
    if ((a | b) == (INT | FLO))
        return FLO;
    if ((a | b) == (STR | PAT))
        return STR;
    if (a & LIST_ANY && b & LIST_ANY) {
        if (a == EMPTY || b == EMPTY)
            return a == EMPTY ? b : a;
        openjd_types inner = common(types_item(a), types_item(b));
        return inner ? OPENJD_T_LIST(inner) : 0;
    }
    return 0;
}

bool value_list_of(struct eval *e, struct openjd_value *items, size_t count,
                   struct openjd_value *out)
{
    openjd_types item = count ? items[0].type : NUL;
    bool known = true;
    for (size_t i = 0; i < count; i++) {
        known &= items[i].known;
        if (items[i].type == NUL)
            return eval_fail(e, "null can not be in a list");
    }
    if (!known) {
        openjd_types could = 0;
        for (size_t i = 0; i < count; i++)
            could |= items[i].type & ~NUL;
        if ((could & (INT | FLO)) == (INT | FLO) && !(could & ~(INT | FLO)))
            could = FLO;
        if (!(could & 0x3fff) && could)
            return eval_fail(e, "lists are two deep at most");
        *out = openjd_unknown(OPENJD_T_LIST(could & 0x3fff));
        return true;
    }
    for (size_t i = 1; i < count; i++) {
        openjd_types both = common(item, items[i].type);
        if (!both) {
            text one = openjd_types_text(e->arena, item);
            text other = openjd_types_text(e->arena, items[i].type);
            return eval_fail(e, "a list holds one type, not %.*s and %.*s", TEXT_ARGS(one),
                             TEXT_ARGS(other));
        }
        item = both;
    }
    if (item & LISTS_OF_LISTS)
        return eval_fail(e, "lists are two deep at most");
    for (size_t i = 0; count && i < count; i++)
        if (items[i].type != item && !value_coerce(e->arena, &items[i], item, &items[i], e->err))
            return false;
    *out = (struct openjd_value){
        .type = OPENJD_T_LIST(item), .known = true, .item_count = count, .items = items};
    return true;
}

static struct openjd_value item_of(args_t v, uint64_t index)
{
    return v->type & RNG ? openjd_whole(openjd_range_at(v->range, index)) : v->items[index];
}

static size_t length_of(args_t v)
{
    return v->type & RNG ? (size_t)v->range->count : v->item_count;
}

RUN(join_lists)
{
    UNUSED_COUNT;
    size_t left = length_of(&args[0]), right = length_of(&args[1]);
    if (!eval_spend(e, left) || !eval_spend(e, right))
        return false;
    struct openjd_value *items = eval_take(e, (left + right) * sizeof(*items));
    if (!items)
        return false;
    for (size_t i = 0; i < left; i++)
        items[i] = item_of(&args[0], i);
    for (size_t i = 0; i < right; i++)
        items[left + i] = item_of(&args[1], i);
    if (left + right)
        return value_list_of(e, items, left + right, out);
    *out = args[args[0].type == EMPTY ? 1 : 0];
    return true;
}

RUN(repeat_list)
{
    UNUSED_COUNT;
    size_t times = args[1].whole > 0 ? (size_t)args[1].whole : 0, total;
    if (__builtin_mul_overflow(times, args[0].item_count, &total))
        return eval_fail(e, "a list would be too long");
    if (!eval_spend(e, total))
        return false;
    struct openjd_value *items = eval_take(e, total * sizeof(*items));
    if (!items)
        return false;
    for (size_t i = 0; i < total; i++)
        items[i] = args[0].items[i % args[0].item_count];
    *out = args[0];
    out->items = items;
    out->item_count = total;
    return true;
}

static size_t step_character(text t, size_t at)
{
    unsigned char c = (unsigned char)t.at[at];
    size_t more = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return at + more < t.size ? at + more : t.size;
}

// Where each character begins, and the end.
static size_t *characters(struct eval *e, text t, size_t *count)
{
    *count = utf8_length(t);
    size_t *starts = eval_take(e, (*count + 1) * sizeof(*starts));
    if (!starts)
        return NULL;
    for (size_t i = 0, n = 0; i < t.size; i = step_character(t, i))
        starts[n++] = i;
    starts[*count] = t.size;
    return starts;
}

static bool index_in(struct eval *e, int64_t asked, size_t length, size_t *index)
{
    int64_t at = asked < 0 ? asked + (int64_t)length : asked;
    if (at < 0 || at >= (int64_t)length)
        return eval_fail(e, "the index %" PRId64 " is outside of %zu items", asked, length);
    *index = (size_t)at;
    return true;
}

RUN(index_run)
{
    UNUSED_COUNT;
    size_t at, length;
    if (args[0].type & STR) {
        size_t *starts = characters(e, args[0].words, &length);
        if (!starts || !index_in(e, args[1].whole, length, &at))
            return false;
        *out = openjd_string((text){args[0].words.at + starts[at], starts[at + 1] - starts[at]});
        return true;
    }
    if (!index_in(e, args[1].whole, length_of(&args[0]), &at))
        return false;
    *out = item_of(&args[0], at);
    return true;
}

struct slice {
    int64_t start, step;
    size_t count;
};

// As Python clamps the ends.
static bool slice_of(struct eval *e, args_t args, size_t length, struct slice *s)
{
    int64_t n = (int64_t)length, step = args[3].type & NUL ? 1 : args[3].whole;
    if (!step)
        return eval_fail(e, "the step of a slice is 0");
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? n - 1 : n;
    int64_t ends[2] = {step < 0 ? high : low, step < 0 ? low : high};
    for (int i = 0; i < 2; i++) {
        if (args[i + 1].type & NUL)
            continue;
        int64_t at = args[i + 1].whole;
        if (at < 0)
            at = at < -n ? low : at + n;
        ends[i] = at < low ? low : at > high ? high : at;
    }
    int64_t distance = step > 0 ? ends[1] - ends[0] : ends[0] - ends[1];
    uint64_t size = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    s->start = ends[0];
    s->step = step;
    s->count = distance <= 0 ? 0 : ((uint64_t)distance + size - 1) / size;
    return eval_spend(e, s->count);
}

// Only positive steps stay a range (E§2.1.8); an empty one can not be a range either.
static bool slice_range(struct eval *e, args_t v, const struct slice *s, struct openjd_value *out)
{
    int64_t *numbers = eval_take(e, s->count * sizeof(*numbers));
    struct openjd_range range;
    if (!numbers)
        return false;
    for (size_t i = 0; i < s->count; i++)
        numbers[i] = openjd_range_at(v->range, (uint64_t)(s->start + (int64_t)i * s->step));
    if (!openjd_range_of(e->arena, numbers, s->count, &range, e->err))
        return false;
    *out = value_range(e->arena, range);
    return true;
}

RUN(slice_run)
{
    UNUSED_COUNT;
    struct slice s;
    if (args[0].type & STR) {
        size_t length, *starts = characters(e, args[0].words, &length), size = 0;
        char *to = starts ? eval_take(e, args[0].words.size + 1) : NULL;
        if (!to || !slice_of(e, args, length, &s))
            return false;
        for (size_t i = 0; i < s.count; i++) {
            size_t at = (size_t)(s.start + (int64_t)i * s.step);
            memcpy(to + size, args[0].words.at + starts[at], starts[at + 1] - starts[at]);
            size += starts[at + 1] - starts[at];
        }
        *out = openjd_string((text){to, size});
        return true;
    }
    if (!slice_of(e, args, length_of(&args[0]), &s))
        return false;
    if (args[0].type & RNG && s.step > 0 && s.count)
        return slice_range(e, &args[0], &s, out);
    struct openjd_value *items = eval_take(e, s.count * sizeof(*items));
    if (!items)
        return false;
    for (size_t i = 0; i < s.count; i++)
        items[i] = item_of(&args[0], (uint64_t)(s.start + (int64_t)i * s.step));
    *out = (struct openjd_value){.type = args[0].type & RNG ? LIST_OF(INT) : args[0].type,
                                 .known = true,
                                 .item_count = s.count,
                                 .items = items};
    return true;
}

RUN(range_run)
{
    int64_t start = count > 1 ? args[0].whole : 0, stop = args[count > 1 ? 1 : 0].whole;
    int64_t step = count > 2 ? args[2].whole : 1;
    if (!step)
        return eval_fail(e, "the step of a range is 0");
    unsigned __int128 distance = step > 0 ? (__int128)stop - start : (__int128)start - stop;
    uint64_t size = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    bool none = step > 0 ? stop <= start : start <= stop;
    unsigned __int128 n = none ? 0 : (distance + size - 1) / size;
    if (n > OPENJD_OPERATIONS_MOST)
        return eval_fail(e, "a range would have more than 10 million numbers");
    struct openjd_value *items =
        eval_spend(e, (uint64_t)n) ? eval_take(e, (size_t)n * sizeof(*items)) : NULL;
    if (!items)
        return false;
    for (size_t i = 0; i < (size_t)n; i++)
        items[i] = openjd_whole(start + (int64_t)i * step);
    *out = value_list(INT, items, (size_t)n);
    return true;
}

RUN(list_run)
{
    UNUSED_COUNT;
    size_t n = (size_t)args[0].range->count;
    struct openjd_value *items = eval_spend(e, n) ? eval_take(e, n * sizeof(*items)) : NULL;
    if (!items)
        return false;
    for (size_t i = 0; i < n; i++)
        items[i] = item_of(&args[0], i);
    *out = value_list(INT, items, n);
    return true;
}

RUN(flatten_run)
{
    size_t total = 0;
    if (!(args[0].type & LISTS_OF_LISTS))
        return same(e, args, count, out);
    for (size_t i = 0; i < args[0].item_count; i++)
        total += args[0].items[i].item_count;
    struct openjd_value *items =
        eval_spend(e, total + args[0].item_count) ? eval_take(e, total * sizeof(*items)) : NULL;
    if (!items)
        return false;
    total = 0;
    for (size_t i = 0; i < args[0].item_count; i++)
        for (size_t k = 0; k < args[0].items[i].item_count; k++)
            items[total++] = args[0].items[i].items[k];
    *out = value_list(types_item(types_item(args[0].type)), items, total);
    return true;
}

// Merging, since it keeps the order of equal ones and can stop at an error.
static bool sort_items(struct eval *e, struct openjd_value *items, struct openjd_value *spare,
                       size_t count)
{
    if (count < 2)
        return true;
    size_t half = count / 2, left = 0, right = half, to = 0;
    if (!sort_items(e, items, spare, half) ||
        !sort_items(e, items + half, spare + half, count - half) || !eval_spend(e, count))
        return false;
    while (left < half && right < count) {
        int order;
        if (!value_compare(e, &items[left], &items[right], &order))
            return false;
        spare[to++] = order <= 0 ? items[left++] : items[right++];
    }
    while (left < half)
        spare[to++] = items[left++];
    memcpy(items, spare, to * sizeof(*items));
    return true;
}

static struct openjd_value *copy_items(struct eval *e, args_t list)
{
    struct openjd_value *items = eval_take(e, list->item_count * sizeof(*items));
    if (items && list->item_count)
        memcpy(items, list->items, list->item_count * sizeof(*items));
    return items;
}

RUN(sorted_run)
{
    UNUSED_COUNT;
    struct openjd_value *items = copy_items(e, &args[0]), *spare = copy_items(e, &args[0]);
    if (!items || !spare || !sort_items(e, items, spare, args[0].item_count))
        return false;
    *out = args[0];
    out->items = items;
    return true;
}

RUN(reversed_run)
{
    UNUSED_COUNT;
    size_t n = args[0].item_count;
    struct openjd_value *items = eval_spend(e, n) ? copy_items(e, &args[0]) : NULL;
    if (!items)
        return false;
    for (size_t i = 0; i < n; i++)
        items[i] = args[0].items[n - 1 - i];
    *out = args[0];
    out->items = items;
    return true;
}

RUN(unique_run)
{
    UNUSED_COUNT;
    struct openjd_value *items = copy_items(e, &args[0]);
    size_t kept = 0;
    if (!items)
        return false;
    for (size_t i = 0; i < args[0].item_count; i++) {
        bool seen = false;
        if (!eval_spend(e, kept + 1))
            return false;
        for (size_t k = 0; k < kept && !seen; k++)
            seen = value_same(&items[k], &args[0].items[i]);
        if (!seen)
            items[kept++] = args[0].items[i];
    }
    *out = args[0];
    out->items = items;
    out->item_count = kept;
    return true;
}

RUN(any_run)
{
    UNUSED_COUNT;
    bool any = false;
    for (size_t i = 0; i < args[0].item_count; i++)
        any |= args[0].items[i].truth;
    *out = openjd_truth(any);
    return eval_spend(e, args[0].item_count);
}

RUN(all_run)
{
    UNUSED_COUNT;
    bool all = true;
    for (size_t i = 0; i < args[0].item_count; i++)
        all &= args[0].items[i].truth;
    *out = openjd_truth(all);
    return eval_spend(e, args[0].item_count);
}

RUN(len_run)
{
    UNUSED_COUNT;
    (void)e;
    *out = openjd_whole(args[0].type & (STR | PAT) ? (int64_t)utf8_length(args[0].words)
                                                   : (int64_t)length_of(&args[0]));
    return true;
}

// --- conversion ---

static bool not_that(struct eval *e, args_t v, const char *what)
{
    text shown = openjd_value_json(e->arena, v);
    return eval_fail(e, "%.*s is not %s", (int)(shown.size > 80 ? 80 : shown.size), shown.at, what);
}

RUN(bool_run)
{
    UNUSED_COUNT;
    bool truth = false;
    if (args[0].type & (PAT | LIST_ANY))
        return eval_fail(e, "a %s is neither true nor false", args[0].type & PAT ? "path" : "list");
    if (args[0].type & STR && !truth_read(args[0].words, &truth))
        return not_that(e, &args[0], "true or false (true, yes, on, 1, false, no, off, 0)");
    if (args[0].type & (INT | FLO))
        truth = number_of(&args[0]) != 0;
    if (args[0].type & BOO)
        truth = args[0].truth;
    *out = openjd_truth(truth);
    return true;
}

static bool has_underscore(text t)
{
    return t.size && memchr(t.at, '_', t.size);
}

RUN(int_run)
{
    UNUSED_COUNT;
    int64_t whole;
    if (args[0].type & INT) {
        *out = args[0];
        return true;
    }
    if (args[0].type & FLO) {
        if (args[0].real != floor(args[0].real))
            return not_that(e, &args[0], "a whole number; floor, ceil and round make one of it");
        return give_whole(e, args[0].real, out);
    }
    if (has_underscore(args[0].words) || !number_whole(args[0].words, &whole))
        return not_that(e, &args[0], "a whole number");
    *out = openjd_whole(whole);
    return true;
}

RUN(float_run)
{
    UNUSED_COUNT;
    double real;
    if (args[0].type & FLO) {
        *out = args[0];
        return true;
    }
    if (args[0].type & INT)
        return give_real(e, (double)args[0].whole, out);
    if (has_underscore(args[0].words) || !number_real(args[0].words, &real))
        return not_that(e, &args[0], "a number");
    return give_real(e, real, out);
}

RUN(string_run)
{
    UNUSED_COUNT;
    if (args[0].type & NUL) {
        *out = openjd_string(text_of("null"));
        return true;
    }
    if (!eval_spend(e, weight(&args[0])))
        return false;
    *out = openjd_string(openjd_value_text(e->arena, &args[0]));
    return true;
}

RUN(range_of_text)
{
    UNUSED_COUNT;
    struct openjd_range range;
    struct error err;
    if (!openjd_range_parse(e->arena, args[0].words, &range, &err))
        return eval_fail(e, "a range expression can not be read: %.200s", err.why);
    *out = value_range(e->arena, range);
    return true;
}

RUN(range_of_list)
{
    UNUSED_COUNT;
    size_t n = args[0].item_count;
    int64_t *numbers = eval_spend(e, n) ? eval_take(e, n * sizeof(*numbers)) : NULL;
    struct openjd_range range;
    struct error err;
    if (!numbers)
        return false;
    for (size_t i = 0; i < n; i++)
        numbers[i] = args[0].items[i].whole;
    if (!openjd_range_of(e->arena, numbers, n, &range, &err))
        return eval_fail(e, "a list makes no range expression: %.200s", err.why);
    *out = value_range(e->arena, range);
    return true;
}

RUN(fail_run)
{
    UNUSED_COUNT;
    (void)out;
    return eval_fail(e, "%.*s", TEXT_ARGS(args[0].words));
}

// --- strings ---

static bool give_text(struct eval *e, text made, struct openjd_value *out)
{
    (void)e;
    *out = openjd_string(made);
    return true;
}

RUN(join_text)
{
    UNUSED_COUNT;
    text left = openjd_value_text(e->arena, &args[0]),
         right = openjd_value_text(e->arena, &args[1]);
    if (!eval_spend_text(e, left.size + right.size))
        return false;
    char *to = eval_take(e, left.size + right.size + 1);
    if (!to)
        return false;
    if (left.size)
        memcpy(to, left.at, left.size);
    if (right.size)
        memcpy(to + left.size, right.at, right.size);
    return give_text(e, (text){to, left.size + right.size}, out);
}

RUN(repeat_text)
{
    UNUSED_COUNT;
    size_t times = args[1].whole > 0 ? (size_t)args[1].whole : 0, total;
    if (__builtin_mul_overflow(times, args[0].words.size, &total))
        return eval_fail(e, "a string would be too long");
    char *to = eval_take(e, total + 1);
    if (!to || !eval_spend_text(e, total))
        return false;
    for (size_t i = 0; i < total; i += args[0].words.size)
        memcpy(to + i, args[0].words.at, args[0].words.size);
    return give_text(e, (text){to, total}, out);
}

static uint32_t character(text t, size_t *at)
{
    unsigned char c = (unsigned char)t.at[(*at)++];
    if (c < 0x80)
        return c;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    uint32_t code = c & (0x3fu >> more);
    while (more-- && *at < t.size)
        code = code << 6 | ((unsigned char)t.at[(*at)++] & 0x3f);
    return code;
}

// Letters of all alphabets, by the C library's table of characters.
struct letters {
    locale_t locale;
};

static struct letters letters_open(void)
{
    return (struct letters){newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0)};
}

static void letters_close(struct letters *l)
{
    if (l->locale)
        freelocale(l->locale);
}

static uint32_t letter_case(const struct letters *l, uint32_t c, bool upper)
{
    if (c < 0x80 || !l->locale)
        return upper && c >= 'a' && c <= 'z' ? c - 32 : !upper && c >= 'A' && c <= 'Z' ? c + 32 : c;
    return upper ? towupper_l((wint_t)c, l->locale) : towlower_l((wint_t)c, l->locale);
}

enum { LETTER_ALPHA, LETTER_DIGIT, LETTER_SPACE, LETTER_UPPER, LETTER_LOWER };
static bool letter_is(const struct letters *l, uint32_t c, int what)
{
    static const char *const names[] = {"alpha", "digit", "space", "upper", "lower"};
    if (what == LETTER_SPACE && (c == 0xa0 || (c >= 0x1c && c <= 0x1f) || c == 0x85))
        return true;
    if (c < 0x80 || !l->locale)
        return c < 0x80 && (what == LETTER_ALPHA   ? isalpha((int)c)
                            : what == LETTER_DIGIT ? isdigit((int)c)
                            : what == LETTER_SPACE ? isspace((int)c)
                            : what == LETTER_UPPER ? isupper((int)c)
                                                   : islower((int)c));
    return iswctype_l((wint_t)c, wctype_l(names[what], l->locale), l->locale);
}

enum change { CHANGE_UPPER, CHANGE_LOWER, CHANGE_CAPITALIZE, CHANGE_TITLE };
static bool change_case(struct eval *e, text t, enum change how, struct openjd_value *out)
{
    char *to = eval_take(e, t.size * 3 + 8);
    size_t size = 0;
    if (!to || !eval_spend_text(e, t.size))
        return false;
    struct letters l = letters_open();
    bool first = true;
    for (size_t i = 0; i < t.size;) {
        uint32_t c = character(t, &i);
        bool upper = how == CHANGE_UPPER || (how != CHANGE_LOWER && first);
        if (upper && c == 0xdf) { // the one letter of ours that becomes two
            memcpy(to + size, how == CHANGE_UPPER ? "SS" : "Ss", 2);
            size += 2;
        } else {
            size += utf8_put(to + size, letter_case(&l, c, upper));
        }
        first = how == CHANGE_TITLE && !letter_is(&l, c, LETTER_ALPHA);
    }
    letters_close(&l);
    return give_text(e, (text){to, size}, out);
}

#define CASED(name, how)                                                                           \
    RUN(name)                                                                                      \
    {                                                                                              \
        UNUSED_COUNT;                                                                              \
        return change_case(e, args[0].words, how, out);                                            \
    }
CASED(upper_run, CHANGE_UPPER)
CASED(lower_run, CHANGE_LOWER)
CASED(capitalize_run, CHANGE_CAPITALIZE)
CASED(title_run, CHANGE_TITLE)

static bool in_set(const struct letters *l, uint32_t c, text set, bool spaces)
{
    if (spaces)
        return letter_is(l, c, LETTER_SPACE);
    for (size_t i = 0; i < set.size;)
        if (character(set, &i) == c)
            return true;
    return false;
}

static bool strip(struct eval *e, args_t args, size_t count, bool left, bool right,
                  struct openjd_value *out)
{
    text t = args[0].words, set = count > 1 ? args[1].words : (text){NULL, 0};
    if (!eval_spend_text(e, t.size * (1 + set.size / 256)))
        return false;
    struct letters l = letters_open();
    size_t start = 0, end = 0, i = 0;
    bool leading = true;
    while (i < t.size) {
        size_t from = i;
        bool strips = in_set(&l, character(t, &i), set, count < 2);
        if (leading && !strips) {
            start = from;
            leading = false;
        }
        if (!strips)
            end = i;
    }
    letters_close(&l);
    if (leading)
        start = end = left ? t.size : 0;
    size_t from = left ? start : 0, to = right ? end : t.size;
    if (leading)
        from = to = 0;
    return give_text(e, (text){t.at + from, to - from}, out);
}

RUN(strip_run)
{
    return strip(e, args, count, true, true, out);
}

RUN(lstrip_run)
{
    return strip(e, args, count, true, false, out);
}

RUN(rstrip_run)
{
    return strip(e, args, count, false, true, out);
}

static bool begins(text t, text with)
{
    return t.size >= with.size && (!with.size || memcmp(t.at, with.at, with.size) == 0);
}

static bool ends(text t, text with)
{
    return t.size >= with.size &&
           (!with.size || memcmp(t.at + t.size - with.size, with.at, with.size) == 0);
}

RUN(startswith_run)
{
    UNUSED_COUNT;
    *out = openjd_truth(begins(args[0].words, args[1].words));
    return eval_spend_text(e, args[1].words.size);
}

RUN(endswith_run)
{
    UNUSED_COUNT;
    *out = openjd_truth(ends(args[0].words, args[1].words));
    return eval_spend_text(e, args[1].words.size);
}

RUN(removeprefix_run)
{
    UNUSED_COUNT;
    text t = args[0].words;
    size_t cut = begins(t, args[1].words) ? args[1].words.size : 0;
    return eval_spend_text(e, t.size) && give_text(e, (text){t.at + cut, t.size - cut}, out);
}

RUN(removesuffix_run)
{
    UNUSED_COUNT;
    text t = args[0].words;
    size_t cut = ends(t, args[1].words) ? args[1].words.size : 0;
    return eval_spend_text(e, t.size) && give_text(e, (text){t.at, t.size - cut}, out);
}

static bool all_letters(struct eval *e, text t, int one, int other, struct openjd_value *out)
{
    struct letters l = letters_open();
    bool all = t.size > 0;
    for (size_t i = 0; i < t.size && all;) {
        uint32_t c = character(t, &i);
        all = letter_is(&l, c, one) || (other >= 0 && letter_is(&l, c, other));
    }
    letters_close(&l);
    *out = openjd_truth(all);
    return eval_spend_text(e, t.size);
}

// No letter of the wrong case, and one of the right one.
static bool all_cased(struct eval *e, text t, int right, int wrong, struct openjd_value *out)
{
    struct letters l = letters_open();
    bool any = false, bad = false;
    for (size_t i = 0; i < t.size;) {
        uint32_t c = character(t, &i);
        any |= letter_is(&l, c, right);
        bad |= letter_is(&l, c, wrong);
    }
    letters_close(&l);
    *out = openjd_truth(any && !bad);
    return eval_spend_text(e, t.size);
}

RUN(isdigit_run)
{
    UNUSED_COUNT;
    return all_letters(e, args[0].words, LETTER_DIGIT, -1, out);
}

RUN(isalpha_run)
{
    UNUSED_COUNT;
    return all_letters(e, args[0].words, LETTER_ALPHA, -1, out);
}

RUN(isalnum_run)
{
    UNUSED_COUNT;
    return all_letters(e, args[0].words, LETTER_ALPHA, LETTER_DIGIT, out);
}

RUN(isspace_run)
{
    UNUSED_COUNT;
    return all_letters(e, args[0].words, LETTER_SPACE, -1, out);
}

RUN(isupper_run)
{
    UNUSED_COUNT;
    return all_cased(e, args[0].words, LETTER_UPPER, LETTER_LOWER, out);
}

RUN(islower_run)
{
    UNUSED_COUNT;
    return all_cased(e, args[0].words, LETTER_LOWER, LETTER_UPPER, out);
}

RUN(isascii_run)
{
    UNUSED_COUNT;
    bool all = true;
    for (size_t i = 0; i < args[0].words.size; i++)
        all &= (unsigned char)args[0].words.at[i] < 0x80;
    *out = openjd_truth(all);
    return eval_spend_text(e, args[0].words.size);
}

RUN(count_run)
{
    UNUSED_COUNT;
    text t = args[0].words, what = args[1].words;
    int64_t n = 0;
    if (!what.size)
        return eval_fail(e, "what is counted is empty");
    for (const char *p; (p = find_text(t, what, false)); n++)
        t = (text){p + what.size, (size_t)(t.at + t.size - p) - what.size};
    *out = openjd_whole(n);
    return eval_spend_text(e, args[0].words.size);
}

static bool find(struct eval *e, args_t args, bool last, bool must, struct openjd_value *out)
{
    text t = args[0].words, what = args[1].words;
    if (!what.size)
        return eval_fail(e, "what is looked for is empty");
    const char *found = find_text(t, what, last);
    if (!found && must)
        return eval_fail(e, "'%.*s' is not in the string", (int)(what.size > 80 ? 80 : what.size),
                         what.at);
    *out = openjd_whole(found ? (int64_t)utf8_length((text){t.at, (size_t)(found - t.at)}) : -1);
    return eval_spend_text(e, t.size);
}

RUN(find_run)
{
    UNUSED_COUNT;
    return find(e, args, false, false, out);
}

RUN(rfind_run)
{
    UNUSED_COUNT;
    return find(e, args, true, false, out);
}

RUN(index_text_run)
{
    UNUSED_COUNT;
    return find(e, args, false, true, out);
}

RUN(rindex_run)
{
    UNUSED_COUNT;
    return find(e, args, true, true, out);
}

RUN(replace_run)
{
    UNUSED_COUNT;
    text t = args[0].words, old = args[1].words, with = args[2].words;
    struct openjd_value n;
    if (!old.size)
        return eval_fail(e, "what is replaced is empty");
    if (!count_run(e, args, 2, &n))
        return false;
    size_t grown, total = t.size - (size_t)n.whole * old.size;
    if (__builtin_mul_overflow((size_t)n.whole, with.size, &grown) ||
        __builtin_add_overflow(total, grown, &total))
        return eval_fail(e, "a string would be too long");
    char *to = eval_take(e, total + 1), *at = to;
    if (!to || !eval_spend_text(e, total))
        return false;
    for (const char *p; (p = find_text(t, old, false));) {
        memcpy(at, t.at, (size_t)(p - t.at));
        at += p - t.at;
        if (with.size)
            memcpy(at, with.at, with.size);
        at += with.size;
        t = (text){p + old.size, (size_t)(t.at + t.size - p) - old.size};
    }
    if (t.size)
        memcpy(at, t.at, t.size);
    return give_text(e, (text){to, total}, out);
}

static bool give_texts(struct eval *e, const text *parts, size_t n, struct openjd_value *out)
{
    struct openjd_value *items = eval_spend(e, n) ? eval_take(e, n * sizeof(*items)) : NULL;
    if (!items)
        return false;
    for (size_t i = 0; i < n; i++)
        items[i] = openjd_string(parts[i]);
    *out = value_list(STR, items, n);
    return true;
}

static bool split_spaces(struct eval *e, text t, struct openjd_value *out)
{
    text *parts = eval_take(e, (t.size / 2 + 1) * sizeof(*parts));
    size_t n = 0, start = 0;
    if (!parts)
        return false;
    struct letters l = letters_open();
    bool inside = false;
    for (size_t i = 0; i < t.size;) {
        size_t from = i;
        bool space = letter_is(&l, character(t, &i), LETTER_SPACE);
        if (inside && space)
            parts[n++] = (text){t.at + start, from - start};
        else if (!inside && !space)
            start = from;
        inside = !space;
    }
    letters_close(&l);
    if (inside)
        parts[n++] = (text){t.at + start, t.size - start};
    return give_texts(e, parts, n, out);
}

static bool split(struct eval *e, args_t args, size_t count, bool right, struct openjd_value *out)
{
    text t = args[0].words;
    if (!eval_spend_text(e, t.size))
        return false;
    if (count < 2)
        return split_spaces(e, t, out);
    text by = args[1].words;
    int64_t most = count > 2 && args[2].whole >= 0 ? args[2].whole : INT64_MAX;
    if (!by.size)
        return eval_fail(e, "a separator is empty");
    size_t room = t.size / by.size + 2, n = 0;
    text *parts = eval_take(e, room * sizeof(*parts));
    if (!parts)
        return false;
    for (const char *p; (int64_t)n < most && (p = find_text(t, by, right)); n++) {
        text before = {t.at, (size_t)(p - t.at)};
        text after = {p + by.size, t.size - before.size - by.size};
        parts[n] = right ? after : before;
        t = right ? before : after;
    }
    parts[n++] = t;
    for (size_t i = 0; right && i < n / 2; i++) {
        text swap = parts[i];
        parts[i] = parts[n - 1 - i];
        parts[n - 1 - i] = swap;
    }
    return give_texts(e, parts, n, out);
}

RUN(split_run)
{
    return split(e, args, count, false, out);
}

RUN(rsplit_run)
{
    return split(e, args, count, true, out);
}

RUN(join_run)
{
    UNUSED_COUNT;
    text by = args[1].words;
    size_t total = 0, n = args[0].item_count;
    for (size_t i = 0; i < n; i++)
        total += args[0].items[i].words.size + (i ? by.size : 0);
    if (!eval_spend(e, n) || !eval_spend_text(e, total))
        return false;
    char *to = eval_take(e, total + 1), *at = to;
    if (!to)
        return false;
    for (size_t i = 0; i < n; i++) {
        text parts[2] = {by, args[0].items[i].words};
        for (int k = i ? 0 : 1; k < 2; k++) {
            if (parts[k].size)
                memcpy(at, parts[k].at, parts[k].size);
            at += parts[k].size;
        }
    }
    return give_text(e, (text){to, total}, out);
}

static bool pad(struct eval *e, text t, size_t before, size_t after, char with,
                struct openjd_value *out)
{
    char *to = eval_take(e, t.size + before + after + 1);
    if (!to || !eval_spend_text(e, t.size + before + after))
        return false;
    memset(to, with, before);
    if (t.size)
        memcpy(to + before, t.at, t.size);
    memset(to + before + t.size, with, after);
    return give_text(e, (text){to, before + t.size + after}, out);
}

static size_t lacking(text t, int64_t width)
{
    int64_t has = (int64_t)utf8_length(t);
    return width > has ? (size_t)(width - has) : 0;
}

RUN(ljust_run)
{
    UNUSED_COUNT;
    return pad(e, args[0].words, 0, lacking(args[0].words, args[1].whole), ' ', out);
}

RUN(rjust_run)
{
    UNUSED_COUNT;
    return pad(e, args[0].words, lacking(args[0].words, args[1].whole), 0, ' ', out);
}

// The odd space goes left only when the width is odd too, as in Python.
RUN(center_run)
{
    UNUSED_COUNT;
    size_t all = lacking(args[0].words, args[1].whole);
    size_t left = all / 2 + (all & (size_t)args[1].whole & 1);
    return pad(e, args[0].words, left, all - left, ' ', out);
}

RUN(zfill_run)
{
    UNUSED_COUNT;
    text t = openjd_value_text(e->arena, &args[0]);
    bool sign = t.size && (t.at[0] == '-' || t.at[0] == '+');
    text rest = sign ? (text){t.at + 1, t.size - 1} : t;
    size_t zeros = lacking(t, args[1].whole);
    if (!pad(e, rest, zeros + sign, 0, '0', out))
        return false;
    if (sign)
        ((char *)out->words.at)[0] = t.at[0]; // our own fresh bytes
    return true;
}

// --- text for other languages (E§2.2.6) ---

static bool finish(struct eval *e, struct buf *b, struct openjd_value *out)
{
    char *to = b->over ? NULL : eval_take(e, b->size + 1);
    if (b->over)
        eval_fail(e, "a string would be too long");
    if (to && b->size)
        memcpy(to, b->at, b->size);
    size_t size = b->size;
    buf_free(b);
    return to && eval_spend_text(e, size) && give_text(e, (text){to, size}, out);
}

#define BUF_OF_EVAL BUF_LIMIT(OPENJD_VALUES_MOST)

static void quote_sh(struct buf *b, text t)
{
    bool safe = t.size > 0;
    for (size_t i = 0; i < t.size; i++)
        safe &= (isalnum((unsigned char)t.at[i]) || strchr("@%+=:,./-_", t.at[i])) && t.at[i];
    if (safe) {
        buf_add(b, t.at, t.size);
        return;
    }
    buf_text(b, "'");
    for (size_t i = 0; i < t.size; i++) {
        if (t.at[i] == '\'')
            buf_text(b, "'\"'\"'");
        else
            buf_add(b, &t.at[i], 1);
    }
    buf_text(b, "'");
}

static void quote_cmd(struct buf *b, text t)
{
    bool safe = t.size > 0;
    for (size_t i = 0; i < t.size; i++)
        safe &= !strchr("&|<>^\"()%! \t\r\n\v\f", t.at[i]) && t.at[i];
    if (safe) {
        buf_add(b, t.at, t.size);
        return;
    }
    buf_text(b, "\"");
    for (size_t i = 0; i < t.size; i++) {
        if (t.at[i] == '^' || t.at[i] == '"')
            buf_text(b, "^");
        if (t.at[i] == '%')
            buf_text(b, "%");
        buf_add(b, &t.at[i], 1);
    }
    buf_text(b, "\"");
}

static bool quote_words(struct eval *e, args_t v, void (*quote)(struct buf *, text),
                        struct openjd_value *out)
{
    struct buf b = BUF_OF_EVAL;
    if (!(v->type & LIST_ANY))
        quote(&b, v->words);
    for (size_t i = 0; v->type & LIST_ANY && i < v->item_count; i++) {
        buf_text(&b, i ? " " : "");
        quote(&b, v->items[i].words);
    }
    return eval_spend(e, weight(v)) & finish(e, &b, out);
}

RUN(sh_run)
{
    UNUSED_COUNT;
    return quote_words(e, &args[0], quote_sh, out);
}

RUN(cmd_run)
{
    UNUSED_COUNT;
    return quote_words(e, &args[0], quote_cmd, out);
}

static text shown(struct eval *e, args_t v)
{
    return v->type & RNG ? openjd_range_text(e->arena, v->range) : v->words;
}

static void write_pwsh(struct eval *e, struct buf *b, args_t v)
{
    if (v->type & LIST_ANY) {
        // A lone inner array would be taken apart without the comma.
        buf_text(b, v->item_count == 1 && v->items[0].type & LIST_ANY ? "@(," : "@(");
        for (size_t i = 0; i < v->item_count; i++) {
            buf_text(b, i ? ", " : "");
            write_pwsh(e, b, &v->items[i]);
        }
        buf_text(b, ")");
    } else if (v->type & (STR | PAT | RNG)) {
        text t = shown(e, v);
        buf_text(b, "'");
        for (size_t i = 0; i < t.size; i++)
            buf_add(b, t.at[i] == '\'' ? "''" : &t.at[i], t.at[i] == '\'' ? 2 : 1);
        buf_text(b, "'");
    } else if (v->type & (BOO | NUL)) {
        buf_text(b, v->type & NUL ? "$null" : v->truth ? "$true" : "$false");
    } else {
        text t = openjd_value_text(e->arena, v);
        buf_add(b, t.at, t.size);
    }
}

// As Python's repr(): single quotes unless that needs an escape.
static void quote_py(struct buf *b, text t)
{
    bool single = t.size && memchr(t.at, '\'', t.size), twin = t.size && memchr(t.at, '"', t.size);
    char mark = single && !twin ? '"' : '\'';
    buf_add(b, &mark, 1);
    for (size_t i = 0; i < t.size;) {
        size_t from = i;
        uint32_t c = character(t, &i);
        if (c == '\\' || c == (uint32_t)mark)
            buf_format(b, "\\%c", (char)c);
        else if (c == '\n' || c == '\r' || c == '\t')
            buf_text(b, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        else if (c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad)
            buf_format(b, "\\x%02x", (unsigned)c);
        else
            buf_add(b, t.at + from, i - from);
    }
    buf_add(b, &mark, 1);
}

static void write_literal(struct eval *e, struct buf *b, args_t v, bool python)
{
    if (v->type & LIST_ANY) {
        buf_text(b, "[");
        for (size_t i = 0; i < v->item_count; i++) {
            buf_text(b, i ? ", " : "");
            write_literal(e, b, &v->items[i], python);
        }
        buf_text(b, "]");
    } else if (v->type & (STR | PAT | RNG)) {
        if (python)
            quote_py(b, shown(e, v));
        else
            json_quote(b, shown(e, v), true);
    } else if (v->type & NUL) {
        buf_text(b, python ? "None" : "null");
    } else if (v->type & BOO && python) {
        buf_text(b, v->truth ? "True" : "False");
    } else {
        text t = openjd_value_text(e->arena, v);
        buf_add(b, t.at, t.size);
    }
}

RUN(pwsh_run)
{
    UNUSED_COUNT;
    struct buf b = BUF_OF_EVAL;
    write_pwsh(e, &b, &args[0]);
    return eval_spend(e, weight(&args[0])) & finish(e, &b, out);
}

RUN(py_run)
{
    UNUSED_COUNT;
    struct buf b = BUF_OF_EVAL;
    write_literal(e, &b, &args[0], true);
    return eval_spend(e, weight(&args[0])) & finish(e, &b, out);
}

RUN(json_run)
{
    UNUSED_COUNT;
    struct buf b = BUF_OF_EVAL;
    write_literal(e, &b, &args[0], false);
    return eval_spend(e, weight(&args[0])) & finish(e, &b, out);
}

// --- paths (E§2.3) ---

static bool give_path(text made, struct openjd_value *out)
{
    *out = openjd_path(made);
    return true;
}

RUN(path_run)
{
    UNUSED_COUNT;
    if (args[0].type & STR)
        return eval_spend_text(e, args[0].words.size) &&
               give_path(pure_clean(e->arena, args[0].words, e->form), out);
    if (!args[0].item_count)
        return eval_fail(e, "a path is made of one part at least");
    text all = pure_clean(e->arena, args[0].items[0].words, e->form);
    // A URI's own parts are joined as they are: empty ones count.
    if (uri_is(all)) {
        for (size_t i = 1; i < args[0].item_count; i++)
            all =
                text_join(e->arena, "%.*s/%.*s", TEXT_ARGS(all), TEXT_ARGS(args[0].items[i].words));
        return eval_spend_text(e, all.size) && give_path(all, out);
    }
    for (size_t i = 1; i < args[0].item_count; i++) {
        all = pure_join(e->arena, all, args[0].items[i].words, e->form);
        if (!eval_spend_text(e, all.size) || arena_used(e->arena) > OPENJD_VALUES_MOST)
            return eval_fail(e, "a path would be too long");
    }
    return give_path(all, out);
}

RUN(path_div)
{
    UNUSED_COUNT;
    return eval_spend_text(e, args[0].words.size + args[1].words.size) &&
           give_path(pure_join(e->arena, args[0].words, args[1].words, e->form), out);
}

RUN(path_add)
{
    if (!join_text(e, args, count, out))
        return false;
    return give_path(pure_clean(e->arena, out->words, e->form), out);
}

// The end of a name from its last dot on; a dot at either end makes none.
static text suffix_of(text name)
{
    const char *dot = name.size > 1 ? memrchr(name.at, '.', name.size) : NULL;
    bool leads = true;
    for (const char *p = name.at; dot && p < dot; p++)
        leads &= *p == '.';
    if (!dot || leads || dot == name.at + name.size - 1)
        return (text){name.at + name.size, 0};
    return (text){dot, (size_t)(name.at + name.size - dot)};
}

static bool property_suffixes(struct eval *e, text name, struct openjd_value *out)
{
    text parts[64] = {{NULL, 0}}, t = name;
    size_t n = 0;
    if (name.size && name.at[name.size - 1] == '.')
        return give_texts(e, parts, 0, out);
    while (t.size && t.at[0] == '.')
        t = (text){t.at + 1, t.size - 1};
    text_cut(&t, '.');
    const char *dot = t.size ? t.at - 1 : NULL;
    while (dot && n < 64) {
        const char *next = t.size ? memchr(t.at, '.', t.size) : NULL;
        const char *end = next ? next : name.at + name.size;
        parts[n++] = (text){dot, (size_t)(end - dot)};
        dot = next;
        if (next)
            t = (text){next + 1, (size_t)(name.at + name.size - next - 1)};
    }
    return give_texts(e, parts, n, out);
}

static bool property_parts(struct eval *e, const struct pure_path *p, struct openjd_value *out)
{
    text *parts = eval_take(e, (p->count + 1) * sizeof(*parts));
    size_t n = 0;
    if (!parts)
        return false;
    if (p->anchor.size)
        parts[n++] = p->anchor;
    for (size_t i = 0; i < p->count; i++)
        parts[n++] = p->part[i];
    return give_texts(e, parts, n, out);
}

bool function_property(struct eval *e, const struct openjd_value *of, text name,
                       struct openjd_value *out)
{
    static const struct {
        const char *name;
        openjd_types gives;
    } properties[] = {{"name", STR},   {"stem", STR},
                      {"suffix", STR}, {"suffixes", LIST_OF(STR)},
                      {"parent", PAT}, {"parts", LIST_OF(STR)}};
    size_t which = 0;
    while (which < 6 && !text_is(name, properties[which].name))
        which++;
    if (which == 6 || !(of->type & PAT)) {
        text is = openjd_types_text(e->arena, of->type);
        if (function_known(name))
            return eval_fail(e, "'%.*s' is a function: write '%.*s()'", TEXT_ARGS(name),
                             TEXT_ARGS(name));
        return eval_fail(e, "%.*s has no property '%.*s'", TEXT_ARGS(is), TEXT_ARGS(name));
    }
    if (!of->known) {
        *out = openjd_unknown(properties[which].gives);
        return eval_spend(e, 1);
    }
    struct pure_path p = pure_split(e->arena, of->words, e->form);
    text last = pure_name(&p), suffix = suffix_of(last);
    if (!eval_spend(e, 1) || !eval_spend_text(e, of->words.size))
        return false;
    switch (which) {
    case 0:
        return give_text(e, last, out);
    case 1:
        return give_text(e, (text){last.at, last.size - suffix.size}, out);
    case 2:
        return give_text(e, suffix, out);
    case 3:
        return property_suffixes(e, last, out);
    case 4:
        p.count -= p.count > 0;
        return give_path(pure_build(e->arena, &p, e->form), out);
    default:
        return property_parts(e, &p, out);
    }
}

// The path with another last part.
static bool with_last(struct eval *e, args_t path, text last, struct openjd_value *out)
{
    struct pure_path p = pure_split(e->arena, path->words, e->form);
    text *parts = eval_take(e, (p.count + 1) * sizeof(*parts));
    if (!parts)
        return false;
    if (!p.count || !pure_name(&p).size)
        return eval_fail(e, "'%.*s' has no last part to change", TEXT_ARGS(path->words));
    memcpy(parts, p.part, p.count * sizeof(*parts));
    parts[p.count - 1] = last;
    p.part = parts;
    text made = pure_build(e->arena, &p, e->form);
    // A relative "x:y" would name a drive.
    if (e->form == OPENJD_WINDOWS && !p.anchor.size && p.count == 1 && last.size > 1 &&
        last.at[1] == ':')
        made = text_join(e->arena, ".\\%.*s", TEXT_ARGS(made));
    return eval_spend_text(e, made.size) && give_path(made, out);
}

static bool is_last_part(struct eval *e, text name)
{
    bool bad = !name.size || text_is(name, ".") || memchr(name.at, '/', name.size) ||
               (e->form == OPENJD_WINDOWS && memchr(name.at, '\\', name.size));
    return !bad || eval_fail(e, "'%.*s' can not be the name of a file", TEXT_ARGS(name));
}

static text last_of(struct eval *e, args_t path)
{
    struct pure_path p = pure_split(e->arena, path->words, e->form);
    return pure_name(&p);
}

RUN(with_name_run)
{
    UNUSED_COUNT;
    return is_last_part(e, args[1].words) && with_last(e, &args[0], args[1].words, out);
}

RUN(with_stem_run)
{
    UNUSED_COUNT;
    text suffix = suffix_of(last_of(e, &args[0]));
    if (!args[1].words.size && suffix.size)
        return eval_fail(e, "a name can not be an ending alone");
    text last = text_join(e->arena, "%.*s%.*s", TEXT_ARGS(args[1].words), TEXT_ARGS(suffix));
    return is_last_part(e, last) && with_last(e, &args[0], last, out);
}

RUN(with_suffix_run)
{
    UNUSED_COUNT;
    text last = last_of(e, &args[0]), old = suffix_of(last), fresh = args[1].words;
    if (fresh.size && (fresh.at[0] != '.' || fresh.size == 1 || memchr(fresh.at, '/', fresh.size) ||
                       (e->form == OPENJD_WINDOWS && memchr(fresh.at, '\\', fresh.size))))
        return eval_fail(e, "'%.*s' is not an ending such as '.png'", TEXT_ARGS(fresh));
    last = text_join(e->arena, "%.*s%.*s", (int)(last.size - old.size), last.at, TEXT_ARGS(fresh));
    return with_last(e, &args[0], last, out);
}

// "003" -> "072", "####", "%04d": the last pattern at the end of the stem (E§2.3.2).
static bool number_stem(struct eval *e, text stem, int64_t number, text *made)
{
    size_t keep = stem.size;
    int width = 4;
    bool appended = false;
    const char *percent = stem.size ? memrchr(stem.at, '%', stem.size) : NULL;
    size_t after = percent ? (size_t)(stem.at + stem.size - percent) - 1 : 0;
    const char *hash = stem.size ? memrchr(stem.at, '#', stem.size) : NULL;
    bool zeros = after > 2 && percent[1] == '0' && percent[after] == 'd';
    for (size_t i = 1; zeros && i < after; i++)
        zeros &= isdigit((unsigned char)percent[i]) != 0;
    if (after == 1 && percent[1] == 'd') {
        *made = text_join(e->arena, "%.*s%" PRId64, (int)(percent - stem.at), stem.at, number);
        return true;
    }
    if (zeros) {
        width = after > 6 ? 1000 : atoi(percent + 1);
        keep = (size_t)(percent - stem.at);
    } else if (hash) {
        size_t end = (size_t)(hash - stem.at) + 1;
        keep = end;
        while (keep && stem.at[keep - 1] == '#')
            keep--;
        width = end - keep > 1000 ? 1000 : (int)(end - keep);
    } else {
        while (keep && isdigit((unsigned char)stem.at[keep - 1]))
            keep--;
        appended = keep == stem.size;
        width = appended ? 4 : stem.size - keep > 1000 ? 1000 : (int)(stem.size - keep);
    }
    if ((zeros || hash) && width > 32)
        return eval_fail(e, "a frame number is padded to 32 characters at most");
    text tail = {NULL, 0};
    if (hash && !zeros)
        tail = (text){hash + 1, (size_t)(stem.at + stem.size - hash) - 1};
    *made = text_join(e->arena, "%.*s%s%0*" PRId64 "%.*s", (int)keep, stem.at, appended ? "_" : "",
                      width, number, TEXT_ARGS(tail));
    return true;
}

RUN(with_number_run)
{
    UNUSED_COUNT;
    bool string = args[0].type & STR;
    text last = last_of(e, &args[0]), suffix = suffix_of(last), stem;
    if (!number_stem(e, (text){last.at, last.size - suffix.size}, args[1].whole, &stem))
        return false;
    last = text_join(e->arena, "%.*s%.*s", TEXT_ARGS(stem), TEXT_ARGS(suffix));
    if (!with_last(e, &args[0], last, out))
        return false;
    if (string)
        out->type = STR;
    return true;
}

RUN(as_posix_run)
{
    UNUSED_COUNT;
    char *to = eval_take(e, args[0].words.size + 1);
    if (!to)
        return false;
    for (size_t i = 0; i < args[0].words.size; i++)
        to[i] =
            args[0].words.at[i] == '\\' && e->form == OPENJD_WINDOWS ? '/' : args[0].words.at[i];
    return eval_spend_text(e, args[0].words.size) &&
           give_text(e, (text){to, args[0].words.size}, out);
}

RUN(is_absolute_run)
{
    UNUSED_COUNT;
    struct pure_path p = pure_split(e->arena, args[0].words, e->form);
    *out = openjd_truth(p.absolute);
    return eval_spend_text(e, args[0].words.size);
}

static bool lies_below(const struct pure_path *p, const struct pure_path *above,
                       enum openjd_paths form)
{
    bool any_case = form == OPENJD_WINDOWS && !p->uri;
    bool (*alike)(text, text) = any_case ? text_same_any_case : text_same;
    bool below =
        p->uri == above->uri && p->count >= above->count && alike(p->anchor, above->anchor);
    for (size_t i = 0; below && i < above->count; i++)
        below = alike(p->part[i], above->part[i]);
    return below;
}

RUN(is_relative_to_run)
{
    UNUSED_COUNT;
    struct pure_path p = pure_split(e->arena, args[0].words, e->form);
    struct pure_path above = pure_split(e->arena, args[1].words, e->form);
    *out = openjd_truth(lies_below(&p, &above, e->form));
    return eval_spend_text(e, args[0].words.size + args[1].words.size);
}

RUN(relative_to_run)
{
    UNUSED_COUNT;
    struct pure_path p = pure_split(e->arena, args[0].words, e->form);
    struct pure_path above = pure_split(e->arena, args[1].words, e->form);
    if (!lies_below(&p, &above, e->form))
        return eval_fail(e, "'%.*s' does not lie below '%.*s'", TEXT_ARGS(args[0].words),
                         TEXT_ARGS(args[1].words));
    struct pure_path rest = {.part = p.part + above.count, .count = p.count - above.count};
    text made = pure_build(e->arena, &rest, p.uri ? OPENJD_POSIX : e->form);
    return eval_spend_text(e, args[0].words.size) && give_path(made, out);
}

RUN(map_run)
{
    UNUSED_COUNT;
    static const struct openjd_path_rules none;
    text mapped;
    openjd_path_map(e->arena, e->rules ? e->rules : &none, args[0].words, e->form, &mapped);
    return eval_spend_text(e, args[0].words.size) && give_path(mapped, out);
}

#define REGEX(name, word)                                                                          \
    RUN(name)                                                                                      \
    {                                                                                              \
        return regex_function(e, text_of(word), args, count, out);                                 \
    }
REGEX(re_match_run, "re_match")
REGEX(re_search_run, "re_search")
REGEX(re_findall_run, "re_findall")
REGEX(re_sub_run, "re_sub")
REGEX(re_split_run, "re_split")
REGEX(re_escape_run, "re_escape")

// --- the table ---

#define SLICE_END (INT | NUL)
static const struct row rows[] = {
    {"+", {INT, INT}, 2, GIVES, INT, add_int},
    {"+", {FLO, FLO}, 2, GIVES, FLO, add_real},
    {"+", {STR, STR}, 2, GIVES, STR, join_text},
    {"+", {STR, RNG}, 2, GIVES, STR, join_text},
    {"+", {RNG, STR}, 2, GIVES, STR, join_text},
    {"+", {PAT, STR}, 2, GIVES, PAT, path_add},
    {"+", {LIST_ANY, LIST_ANY}, 2, GIVES_JOINED, 0, join_lists},
    {"+", {RNG, LIST_ANY}, 2, GIVES_JOINED, 0, join_lists},
    {"+", {LIST_ANY, RNG}, 2, GIVES_JOINED, 0, join_lists},
    {"+", {RNG, RNG}, 2, GIVES, LIST_OF(INT), join_lists},
    {"-", {INT, INT}, 2, GIVES, INT, sub_int},
    {"-", {FLO, FLO}, 2, GIVES, FLO, sub_real},
    {"*", {INT, INT}, 2, GIVES, INT, mul_int},
    {"*", {FLO, FLO}, 2, GIVES, FLO, mul_real},
    {"*", {STR, INT}, 2, GIVES, STR, repeat_text},
    {"*", {LIST_ANY, INT}, 2, GIVES_FIRST, 0, repeat_list},
    {"/", {INT, INT}, 2, GIVES, FLO, div_int},
    {"/", {FLO, FLO}, 2, GIVES, FLO, div_real},
    {"/", {PAT, STR | PAT}, 2, GIVES, PAT, path_div},
    {"//", {INT, INT}, 2, GIVES, INT, floordiv_int},
    {"//", {FLO, FLO}, 2, GIVES, INT, floordiv_real},
    {"%", {INT, INT}, 2, GIVES, INT, mod_int},
    {"%", {FLO, FLO}, 2, GIVES, FLO, mod_real},
    {"**", {INT, INT}, 2, GIVES, INT | FLO, pow_int},
    {"**", {FLO, FLO}, 2, GIVES, FLO, pow_real},
    {"u-", {INT}, 1, GIVES, INT, neg_int},
    {"u-", {FLO}, 1, GIVES, FLO, neg_real},
    {"u+", {INT}, 1, GIVES, INT, same},
    {"u+", {FLO}, 1, GIVES, FLO, same},
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
    {"[]", {LIST_ANY, INT}, 2, GIVES_ITEM, 0, index_run},
    {"[]", {RNG, INT}, 2, GIVES, INT, index_run},
    {"[]", {STR, INT}, 2, GIVES, STR, index_run},
    {"[:]", {LIST_ANY, SLICE_END, SLICE_END, SLICE_END}, 4, GIVES_FIRST, 0, slice_run},
    {"[:]", {RNG, SLICE_END, SLICE_END, SLICE_END}, 4, GIVES, RNG | LIST_OF(INT), slice_run},
    {"[:]", {STR, SLICE_END, SLICE_END, SLICE_END}, 4, GIVES, STR, slice_run},

    {"len", {LIST_ANY | STR | PAT | RNG}, 1, GIVES, INT, len_run},
    {"bool", {BOO | NUL | INT | FLO | STR}, 1, GIVES, BOO, bool_run},
    {"bool", {PAT | LIST_ANY}, 1, GIVES, 0, bool_run},
    {"string", {ANY}, 1, GIVES, STR, string_run},
    {"int", {INT | FLO | STR}, 1, GIVES, INT, int_run},
    {"float", {INT | FLO | STR}, 1, GIVES, FLO, float_run},
    {"list", {RNG}, 1, GIVES, LIST_OF(INT), list_run},
    {"range_expr", {STR}, 1, GIVES, RNG, range_of_text},
    {"range_expr", {LIST_OF(INT)}, 1, GIVES, RNG, range_of_list},
    {"range_expr", {EMPTY}, 1, GIVES, 0, range_of_list},
    {"fail", {STR}, 1, GIVES, 0, fail_run},

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
    {"floor", {INT}, 1, GIVES, INT, same},
    {"floor", {FLO}, 1, GIVES, INT, floor_real},
    {"ceil", {INT}, 1, GIVES, INT, same},
    {"ceil", {FLO}, 1, GIVES, INT, ceil_real},
    {"round", {INT}, 1, GIVES, INT, same},
    {"round", {FLO}, 1, GIVES, INT, round_real},
    {"round", {INT, INT}, 2, GIVES, INT, round_int},
    {"round", {FLO, INT}, 2, GIVES, INT | FLO, round_real},

    {"range", {INT}, 1, GIVES, LIST_OF(INT), range_run},
    {"range", {INT, INT}, 2, GIVES, LIST_OF(INT), range_run},
    {"range", {INT, INT, INT}, 3, GIVES, LIST_OF(INT), range_run},
    {"flatten", {LIST_ANY}, 1, GIVES_FLAT, 0, flatten_run},
    {"sorted", {LIST_ANY}, 1, GIVES_FIRST, 0, sorted_run},
    {"reversed", {LIST_ANY}, 1, GIVES_FIRST, 0, reversed_run},
    {"unique", {LIST_ANY}, 1, GIVES_FIRST, 0, unique_run},
    {"any", {LIST_OF(BOO | NUL)}, 1, GIVES, BOO, any_run},
    {"all", {LIST_OF(BOO | NUL)}, 1, GIVES, BOO, all_run},

    {"upper", {STR}, 1, GIVES, STR, upper_run},
    {"lower", {STR}, 1, GIVES, STR, lower_run},
    {"capitalize", {STR}, 1, GIVES, STR, capitalize_run},
    {"title", {STR}, 1, GIVES, STR, title_run},
    {"strip", {STR}, 1, GIVES, STR, strip_run},
    {"strip", {STR, STR}, 2, GIVES, STR, strip_run},
    {"lstrip", {STR}, 1, GIVES, STR, lstrip_run},
    {"lstrip", {STR, STR}, 2, GIVES, STR, lstrip_run},
    {"rstrip", {STR}, 1, GIVES, STR, rstrip_run},
    {"rstrip", {STR, STR}, 2, GIVES, STR, rstrip_run},
    {"removeprefix", {STR, STR}, 2, GIVES, STR, removeprefix_run},
    {"removesuffix", {STR, STR}, 2, GIVES, STR, removesuffix_run},
    {"startswith", {STR, STR}, 2, GIVES, BOO, startswith_run},
    {"endswith", {STR, STR}, 2, GIVES, BOO, endswith_run},
    {"isdigit", {STR}, 1, GIVES, BOO, isdigit_run},
    {"isalpha", {STR}, 1, GIVES, BOO, isalpha_run},
    {"isalnum", {STR}, 1, GIVES, BOO, isalnum_run},
    {"isspace", {STR}, 1, GIVES, BOO, isspace_run},
    {"isupper", {STR}, 1, GIVES, BOO, isupper_run},
    {"islower", {STR}, 1, GIVES, BOO, islower_run},
    {"isascii", {STR}, 1, GIVES, BOO, isascii_run},
    {"count", {STR, STR}, 2, GIVES, INT, count_run},
    {"find", {STR, STR}, 2, GIVES, INT, find_run},
    {"rfind", {STR, STR}, 2, GIVES, INT, rfind_run},
    {"index", {STR, STR}, 2, GIVES, INT, index_text_run},
    {"rindex", {STR, STR}, 2, GIVES, INT, rindex_run},
    {"replace", {STR, STR, STR}, 3, GIVES, STR, replace_run},
    {"split", {STR}, 1, GIVES, LIST_OF(STR), split_run},
    {"split", {STR, STR}, 2, GIVES, LIST_OF(STR), split_run},
    {"split", {STR, STR, INT}, 3, GIVES, LIST_OF(STR), split_run},
    {"rsplit", {STR}, 1, GIVES, LIST_OF(STR), rsplit_run},
    {"rsplit", {STR, STR}, 2, GIVES, LIST_OF(STR), rsplit_run},
    {"rsplit", {STR, STR, INT}, 3, GIVES, LIST_OF(STR), rsplit_run},
    {"join", {LIST_OF(STR | PAT | NUL), STR}, 2, GIVES, STR, join_run},
    {"ljust", {STR, INT}, 2, GIVES, STR, ljust_run},
    {"rjust", {STR, INT}, 2, GIVES, STR, rjust_run},
    {"center", {STR, INT}, 2, GIVES, STR, center_run},
    {"zfill", {STR | INT | FLO, INT}, 2, GIVES, STR, zfill_run},

    {"re_match", {STR, STR}, 2, GIVES, LIST_OF(STR) | NUL, re_match_run},
    {"re_search", {STR, STR}, 2, GIVES, LIST_OF(STR) | NUL, re_search_run},
    {"re_findall", {STR, STR}, 2, GIVES, LIST_OF(STR) | LIST_OF(LIST_OF(STR)), re_findall_run},
    {"re_sub", {STR, STR, STR}, 3, GIVES, STR, re_sub_run},
    {"re_split", {STR, STR}, 2, GIVES, LIST_OF(STR), re_split_run},
    {"re_split", {STR, STR, INT}, 3, GIVES, LIST_OF(STR), re_split_run},
    {"re_escape", {STR}, 1, GIVES, STR, re_escape_run},

    {"repr_sh", {STR | PAT | LIST_OF(STR | PAT | NUL)}, 1, GIVES, STR, sh_run},
    {"repr_cmd", {STR | PAT | LIST_OF(STR | PAT | NUL)}, 1, GIVES, STR, cmd_run},
    {"repr_pwsh", {ANY}, 1, GIVES, STR, pwsh_run},
    {"repr_py", {ANY}, 1, GIVES, STR, py_run},
    {"repr_json", {ANY}, 1, GIVES, STR, json_run},

    {"path", {STR}, 1, GIVES, PAT, path_run},
    {"path", {LIST_OF(STR)}, 1, GIVES, PAT, path_run},
    {"with_name", {PAT, STR}, 2, GIVES, PAT, with_name_run},
    {"with_stem", {PAT, STR}, 2, GIVES, PAT, with_stem_run},
    {"with_suffix", {PAT, STR}, 2, GIVES, PAT, with_suffix_run},
    {"with_number", {PAT, INT}, 2, GIVES, PAT, with_number_run},
    {"with_number", {STR, INT}, 2, GIVES, STR, with_number_run},
    {"as_posix", {PAT}, 1, GIVES, STR, as_posix_run},
    {"is_absolute", {PAT}, 1, GIVES, BOO, is_absolute_run},
    {"is_relative_to", {PAT, PAT | STR}, 2, GIVES, BOO, is_relative_to_run},
    {"relative_to", {PAT, PAT | STR}, 2, GIVES, PAT, relative_to_run},
    {"apply_path_mapping", {STR}, 1, GIVES, PAT, map_run},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static bool is_operator(const char *name)
{
    return !islower((unsigned char)name[0]) || strcmp(name, "in") == 0 ||
           strcmp(name, "not in") == 0 || strcmp(name, "not") == 0 || strcmp(name, "u-") == 0 ||
           strcmp(name, "u+") == 0;
}

bool function_known(text name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (text_is(name, rows[i].name))
            return true;
    return false;
}

// What an argument of these types can be turned into on its way into a function.
static openjd_types widened(openjd_types t)
{
    if (t & INT)
        t |= FLO;
    if (t & PAT)
        t |= STR;
    if (t & LIST_OF(INT))
        t |= LIST_OF(FLO);
    if (t & LIST_OF(PAT))
        t |= LIST_OF(STR);
    if (t & EMPTY)
        t |= LIST_ANY;
    return t;
}

static openjd_types result_of(const struct row *row, const openjd_types *matched)
{
    openjd_types item;
    switch (row->how) {
    case GIVES_FIRST:
        return matched[0];
    case GIVES_ITEM:
        return types_item(matched[0]);
    case GIVES_FLAT:
        return (matched[0] & OPENJD_T_LIST(0x7f)) | (matched[0] >> 7 & OPENJD_T_LIST(0x7f));
    case GIVES_JOINED:
        // Either side's type, floats and strings when the sides differ.
        item = types_item(matched[0]) | types_item(matched[1]) |
               ((matched[0] | matched[1]) & RNG ? INT : 0);
        if (item & ~NUL)
            item &= ~NUL;
        return OPENJD_T_LIST(item);
    default:
        return row->gives;
    }
}

static bool can_join(openjd_types a, openjd_types b)
{
    openjd_types x = types_item(a) | (a & RNG ? INT : 0), y = types_item(b) | (b & RNG ? INT : 0);
    if ((x | y) & NUL || x & y)
        return true;
    return ((x & (INT | FLO)) && (y & (INT | FLO))) || ((x & (STR | PAT)) && (y & (STR | PAT))) ||
           (x & LIST_ANY && y & LIST_ANY);
}

static bool row_takes(const struct row *row, args_t args, size_t count, bool widen, bool method,
                      openjd_types *matched)
{
    if (row->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        openjd_types have = widen && !(method && i == 0) ? widened(args[i].type) : args[i].type;
        matched[i] = have & row->takes[i];
        if (!matched[i] && args[i].type) // what never returns fits everywhere
            return false;
    }
    return row->how != GIVES_JOINED || can_join(args[0].type, args[1].type);
}

static bool no_such_call(struct eval *e, text name, args_t args, size_t count)
{
    const char *names[ROWS];
    size_t n = 0;
    text list = {"", 0};
    for (size_t i = 0; i < ROWS; i++)
        if (!is_operator(rows[i].name))
            names[n++] = rows[i].name;
    if (!function_known(name) || (text_is(name, "apply_path_mapping") && !e->on_host)) {
        const char *near = text_nearest(arena_copy(e->arena, name.at, name.size), names, n);
        if (text_is(name, "apply_path_mapping"))
            return eval_fail(e, "apply_path_mapping() exists on the host that runs a task only");
        return eval_fail(e, "there is no function '%.*s'%s%s%s", TEXT_ARGS(name),
                         near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    for (size_t i = 0; i < count; i++) {
        text one = openjd_types_text(e->arena, args[i].type);
        list = text_join(e->arena, "%.*s%s%.*s", TEXT_ARGS(list), i ? ", " : "", TEXT_ARGS(one));
    }
    return eval_fail(e, "'%.*s' does not take (%.*s)", TEXT_ARGS(name), TEXT_ARGS(list));
}

static bool run_row(struct eval *e, const struct row *row, args_t args, const openjd_types *matched,
                    struct openjd_value *out)
{
    struct openjd_value turned[4];
    for (size_t i = 0; i < row->count; i++)
        if (!value_coerce(e->arena, &args[i], matched[i], &turned[i], e->err))
            return false;
    return row->run(e, turned, row->count, out);
}

bool function_call(struct eval *e, text name, const struct openjd_value *args, size_t count,
                   bool method, struct openjd_value *out)
{
    openjd_types matched[4], could = 0;
    bool known = true, fits = false;
    bool hidden = text_is(name, "apply_path_mapping") && !e->on_host;
    if (!eval_spend(e, 1))
        return false;
    for (size_t i = 0; i < count; i++)
        known &= args[i].known;
    for (int widen = 0; widen < 2 && !hidden; widen++) {
        for (size_t i = 0; i < ROWS; i++) {
            const struct row *row = &rows[i];
            if (!text_is(name, row->name) || !row_takes(row, args, count, widen, method, matched))
                continue;
            if (known)
                return run_row(e, row, args, matched, out);
            fits = true;
            could |= result_of(row, matched);
        }
    }
    if (!fits)
        return no_such_call(e, name, args, count);
    *out = openjd_unknown(could);
    return true;
}
