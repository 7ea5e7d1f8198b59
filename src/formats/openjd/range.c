// Range expressions: sets of whole numbers as spans with a step (§3.4.1.1.1).
//
// Spans are kept in increasing order and do not overlap; neighbours that continue each other with
// the same step are one. `before` holds how many numbers lie in earlier spans, so that the n-th
// number is a binary search and a division. All ends are below 2^62, so that no sum overflows.
#include "formats/openjd/inside.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RANGE_END ((int64_t)1 << 62)

struct reader {
    text left;
    const char *start;
    struct error *err;
};

static bool bad(struct reader *r, const char *why)
{
    error_set(r->err, ERROR_INPUT, "not a range expression");
    return error_why(r->err, "%s at character %td", why, r->left.at - r->start + 1);
}

static void skip_spaces(struct reader *r)
{
    while (r->left.size && strchr(" \t\r\n", r->left.at[0]) && r->left.at[0])
        r->left = (text){r->left.at + 1, r->left.size - 1};
}

static bool take(struct reader *r, char mark)
{
    skip_spaces(r);
    if (!r->left.size || r->left.at[0] != mark)
        return false;
    r->left = (text){r->left.at + 1, r->left.size - 1};
    return true;
}

static bool read_number(struct reader *r, int64_t *number)
{
    bool minus = take(r, '-');
    skip_spaces(r);
    int64_t n = 0;
    size_t digits = 0;
    for (; digits < r->left.size && r->left.at[digits] >= '0' && r->left.at[digits] <= '9';
         digits++) {
        n = n * 10 + (r->left.at[digits] - '0');
        if (n >= RANGE_END)
            return bad(r, "a number is 2^62 or more");
    }
    if (!digits)
        return bad(r, "a whole number is missing");
    r->left = (text){r->left.at + digits, r->left.size - digits};
    *number = minus ? -n : n;
    return true;
}

// Turns a descending span round, cuts `last` to a number that is in it.
static bool span_make(int64_t first, int64_t last, int64_t step, struct openjd_span *span,
                      const char **why)
{
    *why = step == 0                  ? "a step is 0"
           : step > 0 && first > last ? "a range that goes down needs a negative step"
           : step < 0 && first < last ? "a range that goes up needs a positive step"
                                      : NULL;
    if (*why)
        return false;
    if (step < 0) {
        int64_t low = first - (first - last) / -step * -step;
        *span = (struct openjd_span){low, first, -step, 0};
    } else {
        *span = (struct openjd_span){first, first + (last - first) / step * step, step, 0};
    }
    if (span->first == span->last)
        span->step = 1;
    return true;
}

static bool read_span(struct reader *r, struct openjd_span *span)
{
    int64_t first, last, step = 1;
    const char *why;
    if (!read_number(r, &first))
        return false;
    last = first;
    // A single number has nothing that could be wrong in span_make.
    if (take(r, '-') && (!read_number(r, &last) || (take(r, ':') && !read_number(r, &step))))
        return false;
    return span_make(first, last, step, span, &why) || bad(r, why);
}

static int by_first(const void *a, const void *b)
{
    const struct openjd_span *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->last < y->last ? -1 : x->last > y->last;
}

// Joins what continues and counts. False when two overlap.
static bool settle(struct openjd_span *spans, size_t count, struct openjd_range *range)
{
    size_t kept = 0;
    for (size_t i = 1; i < count; i++) {
        struct openjd_span *last = &spans[kept], next = spans[i];
        if (next.first <= last->last)
            return false;
        if (last->step == next.step && last->last + last->step == next.first)
            last->last = next.last;
        else
            spans[++kept] = next;
    }
    uint64_t before = 0;
    for (size_t i = 0; i <= kept; i++) {
        spans[i].before = before;
        before += (uint64_t)((spans[i].last - spans[i].first) / spans[i].step) + 1;
    }
    *range = (struct openjd_range){.spans = spans, .span_count = kept + 1, .count = before};
    return true;
}

bool openjd_range_parse(struct arena *a, text words, struct openjd_range *range, struct error *err)
{
    struct reader r = {words, words.at, err};
    size_t most = 1, count = 0;
    for (size_t i = 0; i < words.size; i++)
        most += words.at[i] == ',';
    if (most > OPENJD_SPANS_MOST)
        return bad(&r, "it has more than 10000 parts");
    struct openjd_span *spans = ARENA_ARRAY(a, struct openjd_span, most);
    do {
        if (!read_span(&r, &spans[count++]))
            return false;
    } while (take(&r, ','));
    skip_spaces(&r);
    if (r.left.size)
        return bad(&r, "a comma is missing, or this does not belong there");
    qsort(spans, count, sizeof(*spans), by_first);
    if (!settle(spans, count, range)) {
        r.left = words;
        return bad(&r, "two of its parts overlap");
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

// Greedy: each span takes as many numbers as keep the distance of its first two.
static size_t spans_of(const int64_t *n, size_t count, struct openjd_span *spans)
{
    size_t made = 0;
    for (size_t i = 0; i < count;) {
        size_t last = i;
        int64_t step = 1;
        if (i + 1 < count) {
            step = n[i + 1] - n[i];
            while (last + 1 < count && n[last + 1] - n[last] == step)
                last++;
        }
        if (made < OPENJD_SPANS_MOST)
            spans[made] = (struct openjd_span){n[i], n[last], last > i ? step : 1, 0};
        made++;
        i = last + 1;
    }
    return made;
}

bool openjd_range_of(struct arena *a, const int64_t *numbers, size_t count,
                     struct openjd_range *range, struct error *err)
{
    error_set(err, ERROR_INPUT, "not a range expression");
    if (!count)
        return error_why(err, "it holds no number");
    int64_t *sorted = ARENA_ARRAY(a, int64_t, count);
    memcpy(sorted, numbers, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), by_value);
    size_t different = 0;
    for (size_t i = 0; i < count; i++)
        if (!i || sorted[i] != sorted[i - 1])
            sorted[different++] = sorted[i];
    if (sorted[0] <= -RANGE_END || sorted[different - 1] >= RANGE_END)
        return error_why(err, "a number is 2^62 or more");
    size_t most = different < OPENJD_SPANS_MOST ? different : OPENJD_SPANS_MOST;
    struct openjd_span *spans = ARENA_ARRAY(a, struct openjd_span, most);
    size_t made = spans_of(sorted, different, spans);
    if (made > OPENJD_SPANS_MOST)
        return error_why(err, "it needs more than 10000 parts");
    return settle(spans, made, range);
}

static const struct openjd_span *span_with(const struct openjd_range *range, uint64_t index)
{
    size_t low = 0, high = range->span_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (range->spans[middle].before <= index)
            low = middle;
        else
            high = middle;
    }
    return &range->spans[low];
}

int64_t openjd_range_at(const struct openjd_range *range, uint64_t index)
{
    const struct openjd_span *s = span_with(range, index);
    return s->first + (int64_t)(index - s->before) * s->step;
}

bool openjd_range_has(const struct openjd_range *range, int64_t number)
{
    size_t low = 0, high = range->span_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (range->spans[middle].last < number)
            low = middle + 1;
        else
            high = middle;
    }
    const struct openjd_span *s = &range->spans[low];
    return low < range->span_count && s->first <= number &&
           ((uint64_t)number - (uint64_t)s->first) % (uint64_t)s->step == 0;
}

struct openjd_range openjd_range_part(struct arena *a, const struct openjd_range *range,
                                      uint64_t index, uint64_t count)
{
    const struct openjd_span *s = span_with(range, index);
    const struct openjd_span *end = span_with(range, index + count - 1);
    size_t most = (size_t)(end - s) + 1;
    struct openjd_span *spans = ARENA_ARRAY(a, struct openjd_span, most);
    for (size_t i = 0; i < most; i++) {
        spans[i] = s[i];
        if (i == 0)
            spans[i].first = openjd_range_at(range, index);
        if (i + 1 == most)
            spans[i].last = openjd_range_at(range, index + count - 1);
        if (spans[i].first == spans[i].last)
            spans[i].step = 1;
    }
    struct openjd_range part;
    settle(spans, most, &part); // parts of what did not overlap
    part.as_chunk = range->as_chunk;
    return part;
}

// Two numbers of a span are written one by one: "1,3" is shorter than "1-3:2".
text openjd_range_text(struct arena *a, const struct openjd_range *range)
{
    struct buf b = BUF_LIMIT((size_t)OPENJD_SPANS_MOST * 80);
    for (size_t i = 0; i < range->span_count; i++) {
        const struct openjd_span *s = &range->spans[i];
        const char *comma = i ? "," : "";
        if (range->as_chunk && s->step == 1)
            buf_format(&b, "%s%" PRId64 "-%" PRId64, comma, s->first, s->last);
        else if (s->first == s->last)
            buf_format(&b, "%s%" PRId64, comma, s->first);
        else if (s->first + s->step == s->last)
            buf_format(&b, "%s%" PRId64 ",%" PRId64, comma, s->first, s->last);
        else if (s->step == 1)
            buf_format(&b, "%s%" PRId64 "-%" PRId64, comma, s->first, s->last);
        else
            buf_format(&b, "%s%" PRId64 "-%" PRId64 ":%" PRId64, comma, s->first, s->last, s->step);
    }
    text t = {arena_copy(a, b.at ? b.at : "", b.size), b.size};
    buf_free(&b);
    return t;
}
