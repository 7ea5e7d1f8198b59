// Functions on lists and ranges, and conversion between types (E§2.1, E§2.2).
#include "formats/openjd/functions.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

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
    size_t at = 0, length;
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
        return give_same(e, args, count, out);
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
        truth = value_number(&args[0]) != 0;
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
    if (!eval_spend(e, value_weight(&args[0])))
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

#define SLICE_END (INT | NUL)
const struct function_row list_functions[] = {
    {"+", {LIST_ANY, LIST_ANY}, 2, GIVES_JOINED, 0, join_lists},
    {"+", {RNG, LIST_ANY}, 2, GIVES_JOINED, 0, join_lists},
    {"+", {LIST_ANY, RNG}, 2, GIVES_JOINED, 0, join_lists},
    {"+", {RNG, RNG}, 2, GIVES, LIST_OF(INT), join_lists},
    {"*", {LIST_ANY, INT}, 2, GIVES_FIRST, 0, repeat_list},
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
    {"range", {INT}, 1, GIVES, LIST_OF(INT), range_run},
    {"range", {INT, INT}, 2, GIVES, LIST_OF(INT), range_run},
    {"range", {INT, INT, INT}, 3, GIVES, LIST_OF(INT), range_run},
    {"flatten", {LIST_ANY}, 1, GIVES_FLAT, 0, flatten_run},
    {"sorted", {LIST_ANY}, 1, GIVES_FIRST, 0, sorted_run},
    {"reversed", {LIST_ANY}, 1, GIVES_FIRST, 0, reversed_run},
    {"unique", {LIST_ANY}, 1, GIVES_FIRST, 0, unique_run},
    {"any", {LIST_OF(BOO | NUL)}, 1, GIVES, BOO, any_run},
    {"all", {LIST_OF(BOO | NUL)}, 1, GIVES, BOO, all_run},
    {0},
};
