/*
 * Orders of a shelf: places sorted by something, kept until they are wanted again. What changed is
 * taken out and put in where it belongs now, so that a house at work sorts 200,000 once.
 *
 * Sorting goes by 8 bytes of the key first: most comparisons look no further.
 */
#include "house/assets/assets.h"
#include "house/fields/inside.h"

#include <stdlib.h>
#include <string.h>

enum { ORDERS = sizeof(((struct shelf *)0)->orders) / sizeof(struct order), MEND_MOST = 5000 };

struct key {
    uint64_t first;   // compares as the key does, as far as it goes
    const char *text; // the whole of it; NULL: the first is all
    const char *name; // sort key of the name: ties, and what has no value
    uint32_t place;
    bool none;
};

static uint64_t first_of_text(const char *t)
{
    uint64_t first = 0;
    for (int i = 0; i < 8; i++)
        first = first << 8 | (unsigned char)(*t ? *t++ : 0);
    return first;
}

static uint64_t first_of_number(double n)
{
    uint64_t bits;
    n += 0.0; // one zero
    memcpy(&bits, &n, 8);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static int by_key(const void *x, const void *y)
{
    const struct key *a = x, *b = y;
    if (a->none != b->none)
        return a->none - b->none;
    int way = a->none ? 0 : (a->first > b->first) - (a->first < b->first);
    if (!way && !a->none && a->text)
        way = strcmp(a->text, b->text);
    if (!way)
        way = strcmp(a->name, b->name);
    return way ? way : (a->place > b->place) - (a->place < b->place);
}

// ---- keys

enum what { BY_NAME, BY_CREATED, BY_SIZE, BY_DURATION, BY_TIMECODE, BY_FIELD, BY_NOTHING };

static enum what what_of(const struct shelf *s, const char *by, int *column)
{
    static const char *const names[] = {"name", "created", "size", "duration", "timecode"};
    for (int i = 0; i < BY_FIELD; i++)
        if (strcmp(names[i], by) == 0)
            return (enum what)i;
    *column = shelf_column(s, field_number(by));
    return *column >= 0 ? BY_FIELD : BY_NOTHING;
}

static void number_key(struct key *k, double n, bool none)
{
    k->first = first_of_number(n);
    k->none = none;
}

static struct key key_of(const struct shelf *s, enum what what, int column, uint32_t place,
                         struct arena *a)
{
    const struct item *item = s->items[place];
    struct key k = {.name = item->sort, .place = place};
    if (what == BY_NAME) {
        k.first = first_of_text(item->sort);
    } else if (what == BY_CREATED) {
        number_key(&k, (double)item->created_ms, false);
    } else if (what == BY_SIZE) {
        number_key(&k, (double)item->size, false);
    } else if (what == BY_DURATION) {
        number_key(&k, (double)item->duration_ms, item->duration_ms == 0);
    } else if (what == BY_TIMECODE) {
        number_key(&k, item->label, item->label < 0);
    } else {
        const struct column *c = &s->columns[column];
        const struct cell *cell = place < c->room ? &c->cells[place] : NULL;
        bool text_like = c->type == FIELD_TEXT || c->type == FIELD_CHOICE;
        k.none = !cell || !cell->value;
        if (!k.none && text_like) {
            k.text = name_sort_key(a, cell->value);
            k.first = first_of_text(k.text);
        } else if (!k.none) {
            k.first = first_of_number(cell->at);
        }
    }
    return k;
}

// ---- making

static void make(const struct shelf *s, enum what what, int column, struct order *o)
{
    struct arena *a = arena_open((size_t)4 << 30);
    struct key *keys = malloc((s->count + 1) * sizeof(*keys));
    o->places = malloc((s->count + 1) * sizeof(*o->places));
    if (!keys || !o->places)
        abort();
    size_t count = 0;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->items[i]->there)
            keys[count++] = key_of(s, what, column, i, a);
    qsort(keys, count, sizeof(*keys), by_key);
    o->count = count;
    o->with_value = 0;
    for (size_t i = 0; i < count; i++) {
        o->places[i] = keys[i].place;
        o->with_value += !keys[i].none;
    }
    free(keys);
    arena_close(a);
}

bool shelf_order(struct shelf *s, const char *by, const struct order **order, struct error *err)
{
    int column = -1;
    enum what what = what_of(s, by, &column);
    if (what == BY_NOTHING) {
        error_set(err, ERROR_INPUT, "a list can not be sorted by '%.40s'", by);
        return error_fix(err, "sort by name, created, size, duration, timecode or a field (f1)");
    }
    for (size_t i = 0; i < s->order_count; i++)
        if (strcmp(s->orders[i].by, by) == 0) {
            *order = &s->orders[i];
            return true;
        }
    if (s->order_count == ORDERS) { // the first one goes
        free(s->orders[0].places);
        memmove(s->orders, s->orders + 1, (ORDERS - 1) * sizeof(s->orders[0]));
        s->order_count--;
    }
    struct order *o = &s->orders[s->order_count++];
    *o = (struct order){0};
    text_copy(text_of(by), o->by, sizeof(o->by));
    make(s, what, column, o);
    *order = o;
    return true;
}

void shelf_orders_drop(struct shelf *s)
{
    for (size_t i = 0; i < s->order_count; i++)
        free(s->orders[i].places);
    s->order_count = 0;
}

// ---- mending

// Those that stay, in their order; `changed` has a byte a place.
static size_t without(struct order *o, const uint8_t *changed)
{
    size_t kept = 0;
    for (size_t i = 0; i < o->count; i++)
        if (!changed[o->places[i]])
            o->places[kept++] = o->places[i];
    return kept;
}

static size_t spot_of(const struct shelf *s, const struct order *o, size_t count, enum what what,
                      int column, const struct key *key, struct arena *a)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        struct key other = key_of(s, what, column, o->places[middle], a);
        if (by_key(&other, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void put_in(const struct shelf *s, struct order *o, size_t kept, const uint32_t *places,
                   size_t count)
{
    int column = -1;
    enum what what = what_of(s, o->by, &column);
    struct arena *a = arena_open((size_t)1 << 30);
    struct key *keys = ARENA_ARRAY(a, struct key, count + 1);
    size_t coming = 0;
    for (size_t i = 0; i < count; i++)
        if (s->items[places[i]]->there)
            keys[coming++] = key_of(s, what, column, places[i], a);
    qsort(keys, coming, sizeof(*keys), by_key);
    uint32_t *whole = malloc((kept + coming + 1) * sizeof(*whole));
    if (!whole)
        abort();
    size_t from = 0, to = 0;
    for (size_t i = 0; i < coming; i++) {
        size_t at = spot_of(s, o, kept, what, column, &keys[i], a);
        memcpy(whole + to, o->places + from, (at - from) * sizeof(*whole));
        to += at - from;
        from = at;
        whole[to++] = keys[i].place;
    }
    memcpy(whole + to, o->places + from, (kept - from) * sizeof(*whole));
    free(o->places);
    o->places = whole;
    o->count = kept + coming;
    o->with_value = 0;
    size_t low = 0, high = o->count; // values first: the border is found by halves
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (key_of(s, what, column, o->places[middle], a).none)
            high = middle;
        else
            low = middle + 1;
    }
    o->with_value = low;
    arena_close(a);
}

void shelf_orders_mend(struct shelf *s, const uint32_t *places, size_t count)
{
    if (count > MEND_MOST || count > s->count / 4 + 10) {
        shelf_orders_drop(s);
        return;
    }
    uint8_t *changed = calloc(s->count + 1, 1);
    uint32_t *once = malloc((count + 1) * sizeof(*once));
    if (!changed || !once)
        abort();
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++)
        if (!changed[places[i]]++)
            once[distinct++] = places[i];
    for (size_t i = 0; i < s->order_count; i++)
        put_in(s, &s->orders[i], without(&s->orders[i], changed), once, distinct);
    free(once);
    free(changed);
}
