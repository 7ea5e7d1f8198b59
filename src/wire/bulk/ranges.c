#include "wire/bulk/ranges.h"

#include <stdlib.h>
#include <string.h>

// The first that ends at `from` or behind it.
static size_t place(const struct ranges *r, uint64_t from)
{
    size_t low = 0, high = r->count;
    if (high && r->list[high - 1].until < from)
        return high;
    if (high && r->list[high - 1].from <= from)
        return high - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->list[middle].until < from)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool make_room(struct ranges *r)
{
    if (r->count < r->room)
        return true;
    if (r->count >= RANGES_MOST)
        return false;
    r->room = r->room ? r->room * 2 : 8;
    r->list = realloc(r->list, r->room * sizeof(*r->list));
    if (!r->list)
        abort();
    return true;
}

bool ranges_add(struct ranges *r, uint64_t from, uint64_t until, uint64_t *fresh)
{
    size_t at = place(r, from), last = at;
    uint64_t held = 0;
    struct range whole = {from, until};
    *fresh = 0;
    if (from >= until)
        return true;
    for (; last < r->count && r->list[last].from <= until; last++) {
        const struct range *o = &r->list[last];
        held += o->until - o->from;
        whole.from = o->from < whole.from ? o->from : whole.from;
        whole.until = o->until > whole.until ? o->until : whole.until;
    }
    if (last == at) {
        if (!make_room(r))
            return false;
        memmove(r->list + at + 1, r->list + at, (r->count - at) * sizeof(*r->list));
        r->count++;
    } else if (last > at + 1) {
        memmove(r->list + at + 1, r->list + last, (r->count - last) * sizeof(*r->list));
        r->count -= last - at - 1;
    }
    r->list[at] = whole;
    *fresh = whole.until - whole.from - held;
    r->total += *fresh;
    return true;
}

bool ranges_hold(const struct ranges *r, uint64_t from, uint64_t until)
{
    size_t at = place(r, from);
    if (at < r->count && r->list[at].until == from && from < until)
        at++;
    return at < r->count && r->list[at].from <= from && r->list[at].until >= until;
}

void ranges_free(struct ranges *r)
{
    free(r->list);
    *r = (struct ranges){0};
}
