// Sets of tasks: pages of bits, where they are mixed.
#include "sched/set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BITS = 4096, PAGE_WORDS = PAGE_BITS / 64 };

struct set_page {
    int64_t members;
    uint64_t words[PAGE_WORDS];
};

static struct set_page full; // its address alone: all of the page are members

static int64_t page_count(const struct set *t)
{
    return (t->count + PAGE_BITS - 1) / PAGE_BITS;
}

static int64_t page_size(const struct set *t, int64_t page)
{
    int64_t left = t->count - page * PAGE_BITS;
    return left < PAGE_BITS ? left : PAGE_BITS;
}

void set_open(struct set *t, int64_t count)
{
    *t = (struct set){.count = count};
    t->pages = &t->only;
    if (page_count(t) > 1) {
        t->pages = calloc((size_t)page_count(t), sizeof(*t->pages));
        assert(t->pages);
    }
    t->low = page_count(t);
}

static bool mixed(const struct set_page *p)
{
    return p && p != &full;
}

void set_close(struct set *t)
{
    for (int64_t i = 0; i < page_count(t); i++)
        if (mixed(t->pages[i]))
            free(t->pages[i]);
    if (t->pages != &t->only)
        free(t->pages);
    *t = (struct set){0};
}

int64_t set_memory(const struct set *t)
{
    int64_t size = t->pages == &t->only ? 0 : page_count(t) * (int64_t)sizeof(*t->pages);
    for (int64_t i = 0; i < page_count(t); i++)
        size += mixed(t->pages[i]) ? (int64_t)sizeof(struct set_page) : 0;
    return size;
}

bool set_has(const struct set *t, int64_t i)
{
    const struct set_page *p = t->pages[i / PAGE_BITS];
    return p == &full || (p && p->words[i % PAGE_BITS / 64] >> (i % 64) & 1);
}

// The bits of word w that lie within first..last of the page.
static uint64_t word_mask(int64_t w, int64_t first, int64_t last)
{
    int64_t a = first - w * 64, b = last - w * 64;
    uint64_t from = a <= 0 ? ~0ull : ~0ull << a, to = b >= 63 ? ~0ull : (2ull << b) - 1;
    return from & to;
}

static struct set_page *page_mix(struct set *t, int64_t page)
{
    struct set_page *p = calloc(1, sizeof(*p));
    assert(p);
    if (t->pages[page] == &full) {
        p->members = page_size(t, page);
        for (int64_t w = 0; w * 64 < p->members; w++)
            p->words[w] = word_mask(w, 0, p->members - 1);
    }
    return t->pages[page] = p;
}

static int64_t page_members(const struct set *t, int64_t page)
{
    const struct set_page *p = t->pages[page];
    return p == &full ? page_size(t, page) : p ? p->members : 0;
}

static void page_put(struct set *t, int64_t page, int64_t first, int64_t last, bool in)
{
    int64_t before = page_members(t, page), size = page_size(t, page);
    struct set_page *p = t->pages[page];
    if (before == (in ? size : 0))
        return;
    if (first > 0 || last < size - 1) {
        if (!mixed(p))
            p = page_mix(t, page);
        for (int64_t w = first / 64; w <= last / 64; w++) {
            uint64_t old = p->words[w], mask = word_mask(w, first, last);
            p->words[w] = in ? old | mask : old & ~mask;
            p->members += __builtin_popcountll(p->words[w]) - __builtin_popcountll(old);
        }
    }
    int64_t after = first > 0 || last < size - 1 ? p->members : in ? size : 0;
    if (after == 0 || after == size) {
        if (mixed(p))
            free(p);
        t->pages[page] = after ? &full : NULL;
    }
    t->members += after - before;
}

void set_put(struct set *t, int64_t first, int64_t last, bool in)
{
    assert(first >= 0 && last < t->count);
    for (int64_t page = first / PAGE_BITS; page <= last / PAGE_BITS && first <= last; page++) {
        int64_t base = page * PAGE_BITS, a = first > base ? first - base : 0;
        int64_t b = last < base + PAGE_BITS ? last - base : PAGE_BITS - 1;
        if (b >= page_size(t, page))
            b = page_size(t, page) - 1;
        page_put(t, page, a, b, in);
    }
    if (in && first <= last && first / PAGE_BITS < t->low)
        t->low = first / PAGE_BITS;
    while (!in && t->low < page_count(t) && !t->pages[t->low])
        t->low++;
}

static int64_t next_in_page(const struct set *t, int64_t page, int64_t from, bool in)
{
    const struct set_page *p = t->pages[page];
    int64_t size = page_size(t, page);
    if (!mixed(p))
        return (p == &full) == in ? from : size;
    for (int64_t w = from / 64; w * 64 < size; w++) {
        uint64_t bits = (in ? p->words[w] : ~p->words[w]) & word_mask(w, from, size - 1);
        if (bits)
            return w * 64 + __builtin_ctzll(bits);
    }
    return size;
}

int64_t set_next(const struct set *t, int64_t from, bool in)
{
    if (t->members == (in ? 0 : t->count))
        return t->count; // many sets are empty all their life
    if (in && from < t->low * PAGE_BITS)
        from = t->low * PAGE_BITS;
    while (from < t->count) {
        int64_t page = from / PAGE_BITS;
        int64_t found = next_in_page(t, page, from % PAGE_BITS, in);
        if (found < page_size(t, page))
            return page * PAGE_BITS + found;
        from = (page + 1) * PAGE_BITS;
    }
    return t->count;
}

bool set_all(const struct set *t, int64_t first, int64_t last)
{
    return first > last || set_next(t, first, false) > last;
}

bool set_none(const struct set *t, int64_t first, int64_t last)
{
    return first > last || set_next(t, first, true) > last;
}
