// Task parameter spaces (§3.4): how many tasks there are and which is the n-th, without a list.
//
// A combination is a tree: names, all with all (*), together ( , ). Each part has a length, and the
// n-th element of the whole is found by division, the last part moving fastest. A chunked parameter
// has chunks for elements. Chunks of CONTIGUOUS are cut from runs without a gap; in each run their
// sizes differ by one at most, the bigger ones spread evenly, so that the n-th is arithmetic too:
// runs are few, since a run is a span with step 1.
#include "formats/openjd/inside.h"

#include <inttypes.h>
#include <string.h>

// --- combination expressions (§3.4.3) ---

struct combining {
    struct arena *a;
    text left;
    int depth;
    struct error *err;
};

static bool bad(struct combining *c, const char *why)
{
    error_set(c->err, ERROR_INPUT, "not a combination expression");
    return error_why(c->err, "%s before '%.*s'", why, (int)(c->left.size > 40 ? 40 : c->left.size),
                     c->left.at ? c->left.at : "");
}

static bool take(struct combining *c, char mark)
{
    while (c->left.size && c->left.at[0] == ' ')
        c->left = (text){c->left.at + 1, c->left.size - 1};
    if (!c->left.size || c->left.at[0] != mark)
        return false;
    c->left = (text){c->left.at + 1, c->left.size - 1};
    return true;
}

static bool read_all(struct combining *c, struct openjd_combination *to);

// Parts of one level, kept in a growing array.
static bool read_parts(struct combining *c, char between, struct openjd_combination *to,
                       bool (*read)(struct combining *, struct openjd_combination *))
{
    struct openjd_combination *parts = NULL;
    size_t count = 0, room = 0;
    do {
        if (count == room) {
            room = room ? room * 2 : 4;
            struct openjd_combination *more = ARENA_ARRAY(c->a, struct openjd_combination, room);
            if (count)
                memcpy(more, parts, count * sizeof(*parts));
            parts = more;
        }
        if (!read(c, &parts[count++]))
            return false;
    } while (take(c, between));
    to->parts = parts;
    to->count = count;
    return true;
}

static bool read_element(struct combining *c, struct openjd_combination *to)
{
    if (take(c, '(')) {
        to->kind = COMBINE_TOGETHER;
        if (++c->depth > OPENJD_DEPTH_MOST)
            return bad(c, "it is nested more than 64 deep");
        if (!read_parts(c, ',', to, read_all))
            return false;
        c->depth--;
        return take(c, ')') || bad(c, "a ')' is missing");
    }
    size_t size = 0;
    while (size < c->left.size && name_is_identifier((text){c->left.at, size + 1}))
        size++;
    if (!size)
        return bad(c, "a parameter's name is missing");
    to->kind = COMBINE_NAME;
    to->name = (text){c->left.at, size};
    c->left = (text){c->left.at + size, c->left.size - size};
    return true;
}

static bool read_all(struct combining *c, struct openjd_combination *to)
{
    to->kind = COMBINE_ALL;
    return read_parts(c, '*', to, read_element);
}

bool combination_parse(struct arena *a, text words, struct openjd_combination **combination,
                       struct error *err)
{
    struct combining c = {a, words, 0, err};
    *combination = ARENA_NEW(a, struct openjd_combination);
    if (!read_all(&c, *combination))
        return false;
    take(&c, ' ');
    return !c.left.size || bad(&c, "a '*' is missing");
}

// --- spaces ---

enum { PARTS_MOST = 64 };

struct part {
    enum combination_kind kind;
    size_t parameter; // NAME: index
    const struct part *parts;
    size_t count;
    bool has_chunk;
};
struct openjd_space {
    const struct space_range *ranges;
    size_t count;
    struct part *root;                 // as the combination says
    struct part *rows_root;            // the same without what is chunked
    const struct space_range *chunked; // or NULL
    uint64_t tasks, rows;
};

static uint64_t range_length(const struct space_range *r)
{
    return r->is_range ? r->range.count : r->value_count;
}

// Chunks of a run of `length` numbers: how many.
static uint64_t chunks_of(uint64_t length, uint64_t size)
{
    return length / size + (length % size != 0);
}

// Runs without a gap: a span with step 1, joined with neighbours that go on; others are single
// numbers. Spans were settled, so that only spans of different steps can touch.
struct run {
    uint64_t from, length; // indexes into the range
};

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

// The run that begins at `index`.
static struct run run_at(const struct openjd_range *range, uint64_t index)
{
    const struct openjd_span *s = span_with(range, index);
    struct run run = {index, 1};
    for (;;) {
        int64_t last = openjd_range_at(range, run.from + run.length - 1);
        if (s->step == 1) {
            run.length += (uint64_t)(s->last - last);
            last = s->last;
        } else if (last != s->last) {
            return run; // the next of this span is further away
        }
        size_t next = (size_t)(s - range->spans) + 1;
        if (next == range->span_count || range->spans[next].first != last + 1)
            return run;
        s++;
        run.length++;
    }
}

// Calls for each run, but for single numbers of a stepped span once with how many they are.
struct runs {
    const struct openjd_range *range;
    uint64_t at;
};

static bool next_runs(struct runs *r, struct run *run, uint64_t *times)
{
    if (r->at >= r->range->count)
        return false;
    *run = run_at(r->range, r->at);
    *times = 1;
    const struct openjd_span *s = span_with(r->range, r->at);
    uint64_t length = (uint64_t)((s->last - s->first) / s->step) + 1, inside = r->at - s->before;
    // All but the last number of a stepped span stand alone.
    if (s->step > 1 && run->length == 1 && inside + 1 < length)
        *times = length - 1 - inside;
    r->at += run->length * *times;
    return true;
}

static uint64_t chunk_total(const struct space_range *r, uint64_t size)
{
    if (!r->chunking.contiguous)
        return chunks_of(r->range.count, size);
    struct runs runs = {&r->range, 0};
    struct run run;
    uint64_t total = 0, times;
    while (next_runs(&runs, &run, &times))
        total += chunks_of(run.length, size) * times;
    return total;
}

// The chunk with this index of `length` numbers in `chunks` chunks: the bigger ones are spread, the
// i-th of them is chunk i * chunks / bigger.
static struct run chunk_in(uint64_t length, uint64_t chunks, uint64_t index)
{
    uint64_t small = length / chunks, bigger = length % chunks, before = 0;
    bool big = false;
    if (bigger) {
        // How many bigger ones lie before: the i with i * chunks / bigger < index.
        unsigned __int128 product = (unsigned __int128)index * bigger;
        before = (uint64_t)((product + chunks - 1) / chunks);
        big = before < bigger && (uint64_t)((unsigned __int128)before * chunks / bigger) == index;
    }
    return (struct run){index * small + before, small + big};
}

static struct run chunk_at(const struct space_range *r, uint64_t size, uint64_t index)
{
    if (!r->chunking.contiguous)
        return chunk_in(r->range.count, chunks_of(r->range.count, size), index);
    struct runs runs = {&r->range, 0};
    struct run run = {0, 0};
    uint64_t times = 1;
    while (next_runs(&runs, &run, &times)) {
        uint64_t chunks = chunks_of(run.length, size);
        if (index < chunks * times) {
            uint64_t which = index / chunks;
            struct run chunk = chunk_in(run.length, chunks, index % chunks);
            chunk.from += run.from + which * run.length;
            return chunk;
        }
        index -= chunks * times;
    }
    return (struct run){0, 1};
}

// `size` 0: single tasks; else chunks of that size.
static uint64_t part_length(const struct openjd_space *s, const struct part *p, uint64_t size)
{
    if (p->kind == COMBINE_NAME) {
        const struct space_range *r = &s->ranges[p->parameter];
        return r->chunked && size ? chunk_total(r, size) : range_length(r);
    }
    if (p->kind == COMBINE_TOGETHER)
        return part_length(s, &p->parts[0], size);
    uint64_t length = 1;
    for (size_t i = 0; i < p->count; i++)
        length *= part_length(s, &p->parts[i], size); // checked when the space was made
    return length;
}

static struct openjd_value value_at(struct arena *a, const struct space_range *r, uint64_t index)
{
    (void)a;
    return r->is_range ? openjd_whole(openjd_range_at(&r->range, index)) : r->values[index];
}

static void set_chunk(struct arena *a, const struct space_range *r, struct run chunk,
                      struct openjd_task *task, size_t parameter)
{
    struct openjd_range part = openjd_range_part(a, &r->range, chunk.from, chunk.length);
    struct openjd_task_value *v = (struct openjd_task_value *)&task->values[parameter];
    part.as_chunk = r->chunking.contiguous;
    v->value = value_range(a, part);
    task->task_count = chunk.length;
}

static void fill(struct arena *a, const struct openjd_space *s, const struct part *p, uint64_t size,
                 uint64_t index, struct openjd_task *task)
{
    if (p->kind == COMBINE_NAME) {
        const struct space_range *r = &s->ranges[p->parameter];
        if (r->chunked) {
            struct run chunk = size ? chunk_at(r, size, index) : (struct run){index, 1};
            set_chunk(a, r, chunk, task, p->parameter);
        } else {
            ((struct openjd_task_value *)&task->values[p->parameter])->value =
                value_at(a, r, index);
        }
        return;
    }
    for (size_t i = p->count; i-- > 0;) {
        if (p->kind == COMBINE_TOGETHER) {
            fill(a, s, &p->parts[i], size, index, task);
            continue;
        }
        uint64_t length = part_length(s, &p->parts[i], size);
        fill(a, s, &p->parts[i], size, index % length, task);
        index /= length;
    }
}

static void begin_task(struct arena *a, const struct openjd_space *s, struct openjd_task *task)
{
    struct openjd_task_value *values = ARENA_ARRAY(a, struct openjd_task_value, s->count);
    for (size_t i = 0; i < s->count; i++) {
        values[i].name = s->ranges[i].name;
        values[i].type = s->ranges[i].chunked ? OPENJD_T_RANGE : s->ranges[i].type;
    }
    *task = (struct openjd_task){values, s->count, 1};
}

// --- making ---

static bool part_make(struct arena *a, struct openjd_space *s, const struct openjd_combination *c,
                      struct part *p, uint64_t *length, struct error *err)
{
    p->kind = c->kind;
    if (c->kind == COMBINE_NAME) {
        while (p->parameter < s->count && !text_same(s->ranges[p->parameter].name, c->name))
            p->parameter++;
        p->has_chunk = s->ranges[p->parameter].chunked;
        *length = range_length(&s->ranges[p->parameter]);
        return true;
    }
    struct part *parts = ARENA_ARRAY(a, struct part, c->count);
    uint64_t total = 1;
    for (size_t i = 0; i < c->count; i++) {
        uint64_t one;
        if (!part_make(a, s, &c->parts[i], &parts[i], &one, err))
            return false;
        p->has_chunk |= parts[i].has_chunk;
        if (c->kind == COMBINE_TOGETHER && i && one != total) {
            error_set(err, ERROR_INPUT, "the combination can not be made");
            return error_why(err, "in ( , ) one side has %" PRIu64 " values and another %" PRIu64,
                             total, one);
        }
        if (c->kind == COMBINE_TOGETHER)
            total = one;
        else if (__builtin_mul_overflow(total, one, &total) || total > INT64_MAX) {
            error_set(err, ERROR_TOO_BIG, "the parameter space is too big");
            return error_why(err, "it has 2^63 tasks or more");
        }
    }
    p->parts = parts;
    p->count = c->count;
    *length = total;
    return true;
}

// A copy of the tree without the chunked name. It is never inside of ( , ) with another.
static struct part without_chunk(struct arena *a, const struct part *p)
{
    struct part copy = *p;
    if (p->kind == COMBINE_NAME || !p->has_chunk)
        return copy;
    struct part *parts = ARENA_ARRAY(a, struct part, p->count);
    copy.kind = COMBINE_ALL; // a ( ) of one
    copy.count = 0;
    for (size_t i = 0; i < p->count; i++)
        if (!(p->parts[i].kind == COMBINE_NAME && p->parts[i].has_chunk))
            parts[copy.count++] = without_chunk(a, &p->parts[i]);
    copy.parts = parts;
    return copy;
}

bool space_make(struct arena *a, const struct space_range *ranges, size_t count,
                const struct openjd_combination *combination, struct openjd_space **space,
                struct error *err)
{
    struct openjd_space *s = ARENA_NEW(a, struct openjd_space);
    struct openjd_combination *all = ARENA_NEW(a, struct openjd_combination);
    s->ranges = ranges;
    s->count = count;
    *space = s;
    if (!combination) {
        struct openjd_combination *parts = ARENA_ARRAY(a, struct openjd_combination, count);
        for (size_t i = 0; i < count; i++)
            parts[i] = (struct openjd_combination){.kind = COMBINE_NAME, .name = ranges[i].name};
        *all = (struct openjd_combination){.kind = COMBINE_ALL, .parts = parts, .count = count};
        combination = all;
    }
    for (size_t i = 0; i < count; i++)
        if (ranges[i].chunked)
            s->chunked = &ranges[i];
    s->root = ARENA_NEW(a, struct part);
    s->rows_root = ARENA_NEW(a, struct part);
    if (!part_make(a, s, combination, s->root, &s->tasks, err))
        return false;
    *s->rows_root = without_chunk(a, s->root);
    s->rows = s->chunked ? s->tasks / range_length(s->chunked) : s->tasks;
    return true;
}

// --- the public functions ---

uint64_t openjd_space_tasks(const struct openjd_space *space)
{
    return space->tasks;
}

static uint64_t chunk_size(const struct openjd_space *s, uint64_t chunk)
{
    return !s->chunked ? 0 : chunk ? chunk : s->chunked->chunking.default_count;
}

uint64_t openjd_space_items(const struct openjd_space *space, uint64_t chunk)
{
    return part_length(space, space->root, chunk_size(space, chunk));
}

void openjd_space_item(struct arena *a, const struct openjd_space *space, uint64_t chunk,
                       uint64_t index, struct openjd_task *task)
{
    begin_task(a, space, task);
    fill(a, space, space->root, chunk_size(space, chunk), index, task);
}

uint64_t openjd_space_rows(const struct openjd_space *space)
{
    return space->rows;
}

uint64_t openjd_space_row_tasks(const struct openjd_space *space)
{
    return space->chunked ? range_length(space->chunked) : 1;
}

const struct openjd_task_value *openjd_task_frame(const struct openjd_task *t)
{
    const struct openjd_task_value *first = NULL;
    for (size_t i = 0; i < t->count; i++) {
        const struct openjd_task_value *v = &t->values[i];
        if (v->type != OPENJD_T_INT && v->type != OPENJD_T_RANGE)
            continue;
        if (text_is(v->name, "Frame"))
            return v;
        first = first ? first : v;
    }
    return first;
}

void openjd_space_cut(struct arena *a, const struct openjd_space *space, uint64_t row,
                      uint64_t place, uint64_t most, struct openjd_task *task)
{
    begin_task(a, space, task);
    fill(a, space, space->rows_root, 0, row, task);
    if (!space->chunked)
        return;
    const struct space_range *r = space->chunked;
    struct run chunk = {place, range_length(r) - place};
    if (r->chunking.contiguous)
        chunk = run_at(&r->range, place);
    if (chunk.length > most)
        chunk.length = most ? most : 1;
    set_chunk(a, r, chunk, task, (size_t)(r - space->ranges));
}

static void lay_axes(const struct openjd_space *s, const struct part *p, uint64_t span,
                     struct openjd_axis *axes)
{
    if (p->kind == COMBINE_NAME)
        axes[p->parameter].span = span;
    for (size_t i = p->kind == COMBINE_NAME ? 0 : p->count; i-- > 0;) {
        lay_axes(s, &p->parts[i], span, axes);
        if (p->kind == COMBINE_ALL)
            span *= part_length(s, &p->parts[i], 0);
    }
}

static size_t frame_axis(const struct openjd_space *s)
{
    size_t first = s->count;
    for (size_t i = s->count; i-- > 0;) {
        if (s->ranges[i].type != OPENJD_T_INT && !s->ranges[i].chunked)
            continue;
        first = i;
        if (text_is(s->ranges[i].name, "Frame"))
            break;
    }
    return first;
}

size_t openjd_space_axes(struct arena *a, const struct openjd_space *s,
                         const struct openjd_axis **to)
{
    struct openjd_axis *axes = ARENA_ARRAY(a, struct openjd_axis, s->count + 1);
    size_t frame = frame_axis(s);
    for (size_t i = 0; i < s->count; i++) {
        const struct space_range *r = &s->ranges[i];
        axes[i] = (struct openjd_axis){
            r->name, 1, range_length(r), r->is_range ? &r->range : NULL, r->values, i == frame};
    }
    lay_axes(s, s->rows_root, openjd_space_row_tasks(s), axes);
    *to = axes;
    return s->count;
}

struct openjd_chunking openjd_space_chunking(const struct openjd_space *space)
{
    return space->chunked ? space->chunked->chunking : (struct openjd_chunking){.default_count = 1};
}

uint64_t openjd_chunk_next(const struct openjd_chunking *chunking, uint64_t tasks, int64_t took_ms)
{
    if (!chunking->chunked || chunking->target_s <= 0 || !tasks || took_ms <= 0)
        return chunking->default_count ? chunking->default_count : 1;
    unsigned __int128 wanted =
        (unsigned __int128)chunking->target_s * 1000 * tasks / (uint64_t)took_ms;
    return wanted < 1 ? 1 : wanted > INT64_MAX ? INT64_MAX : (uint64_t)wanted;
}

// --- one task by its values ---

static const struct openjd_given *given_for(const struct openjd_given *given, size_t count,
                                            text name)
{
    const struct openjd_given *found = NULL;
    for (size_t i = 0; i < count; i++)
        if (text_same(given[i].name, name))
            found = &given[i];
    return found;
}

static bool misfit(struct error *err, text name, const char *why)
{
    error_set(err, ERROR_INPUT, "there is no such task");
    return error_why(err, "the task parameter '%.*s' %s", TEXT_ARGS(name), why);
}

// Where the value lies in the range, or false. A chunk must be a part of it.
static bool place_of(struct arena *a, const struct space_range *r, const struct openjd_value *v,
                     uint64_t *index, struct openjd_value *chunk, struct error *err)
{
    struct openjd_value turned;
    if (r->chunked) {
        struct openjd_range range;
        text words = openjd_value_text(a, v);
        if (!openjd_range_parse(a, words, &range, err))
            return misfit(err, r->name, "is not a range expression");
        for (uint64_t i = 0; i < range.count; i++)
            if (!openjd_range_has(&r->range, openjd_range_at(&range, i)))
                return misfit(err, r->name, "has numbers that its range does not have");
        range.as_chunk = r->chunking.contiguous;
        if (range.as_chunk && (range.span_count != 1 || range.spans[0].step != 1))
            return misfit(err, r->name, "must be without a gap (CONTIGUOUS)");
        *chunk = value_range(a, range);
        return true;
    }
    if (!value_coerce(a, v, r->type, &turned, err))
        return misfit(err, r->name, "has the wrong type");
    for (*index = 0; *index < range_length(r); (*index)++) {
        if (r->is_range && !openjd_range_has(&r->range, turned.whole))
            break;
        struct openjd_value at = value_at(a, r, *index);
        if (value_same(&at, &turned))
            return true;
    }
    return misfit(err, r->name, "does not have this value");
}

// The elements of ( , ) must lie at one place.
static bool place_in(const struct openjd_space *s, const struct part *p, const uint64_t *places,
                     uint64_t *index, bool *fits)
{
    if (p->kind == COMBINE_NAME) {
        *index = s->ranges[p->parameter].chunked ? 0 : places[p->parameter];
        return true;
    }
    *index = 0;
    for (size_t i = 0; i < p->count; i++) {
        uint64_t one;
        place_in(s, &p->parts[i], places, &one, fits);
        if (p->kind == COMBINE_TOGETHER) {
            *fits &= !i || one == *index;
            *index = one;
        } else {
            *index = *index * part_length(s, &p->parts[i], 0) + one;
        }
    }
    return true;
}

bool openjd_space_find(struct arena *a, const struct openjd_space *space,
                       const struct openjd_given *given, size_t count, struct openjd_task *task,
                       struct error *err)
{
    uint64_t places[PARTS_MOST] = {0}, index;
    struct openjd_value chunk = value_null();
    bool fits = true;
    begin_task(a, space, task);
    for (size_t i = 0; i < count; i++) {
        bool known = false;
        for (size_t k = 0; k < space->count; k++)
            known |= text_same(given[i].name, space->ranges[k].name);
        if (!known)
            return misfit(err, given[i].name, "is none of this step");
    }
    for (size_t i = 0; i < space->count; i++) {
        const struct space_range *r = &space->ranges[i];
        const struct openjd_given *g = given_for(given, count, r->name);
        if (!g)
            return misfit(err, r->name, "has no value");
        if (!place_of(a, r, &g->value, &places[i], &chunk, err))
            return false;
        struct openjd_task_value *v = (struct openjd_task_value *)&task->values[i];
        v->value = r->chunked ? chunk : value_at(a, r, places[i]);
        if (r->chunked)
            task->task_count = chunk.range->count;
    }
    place_in(space, space->root, places, &index, &fits);
    if (!fits) {
        error_set(err, ERROR_INPUT, "there is no such task");
        return error_why(err, "the combination does not have these values together");
    }
    return true;
}
