/*
 * The shelf of a project: its assets and their values in memory. It is read whole when it is first
 * wanted; afterwards it hears the event log, and reads again only what changed. One lock over all
 * of them: a question takes milliseconds.
 */
#include "house/fields/inside.h"
#include "time/timecode.h"

#include <stdlib.h>
#include <string.h>

enum { SHELVES = 16, NEWS_MOST = 20000 };

struct shelves {
    struct db *db;
    pthread_mutex_t lock; // guards all below
    struct shelf *list[SHELVES];
    size_t count;
    int64_t asked;
};

const char *const kind_words[] = {"clip",     "sound",    "sequence", "still",
                                  "captions", "document", NULL};

struct shelves *shelves_open(struct db *db)
{
    struct shelves *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->db = db;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

static void *more(void *at, size_t count, size_t size)
{
    void *grown = realloc(at, (count ? count : 1) * size);
    if (!grown)
        abort();
    return grown;
}

static void columns_drop(struct shelf *s)
{
    for (size_t i = 0; s->columns && i < s->field_count; i++) {
        for (size_t k = 0; k < s->columns[i].room; k++)
            free(s->columns[i].cells[k].value);
        free(s->columns[i].cells);
    }
    free(s->columns);
    s->columns = NULL;
    arena_close(s->fields_arena);
    s->fields_arena = NULL;
    s->fields = NULL;
    s->field_count = 0;
}

static void shelf_empty(struct shelf *s)
{
    columns_drop(s);
    shelf_orders_drop(s);
    for (size_t i = 0; i < s->count; i++)
        free(s->items[i]);
    free(s->items);
    free(s->by_id);
    free(s->pairs);
    s->items = NULL;
    s->by_id = NULL;
    s->pairs = NULL;
    s->count = s->room = s->by_id_size = s->pair_count = 0;
    s->pairs_known = false;
    s->event = 0;
}

void shelves_close(struct shelves *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++) {
        shelf_empty(s->list[i]);
        free(s->list[i]);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

// ---- places by id

static size_t spot(const struct shelf *s, const char *id)
{
    uint64_t h = 1469598103934665603u;
    for (const char *c = id; *c; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211u;
    size_t at = (size_t)(h >> 20) % s->by_id_size;
    while (s->by_id[at] != UINT32_MAX && strcmp(s->items[s->by_id[at]]->id, id) != 0)
        at = at + 1 == s->by_id_size ? 0 : at + 1;
    return at;
}

uint32_t shelf_place(const struct shelf *s, const char *id)
{
    return s->by_id_size && id ? s->by_id[spot(s, id)] : UINT32_MAX;
}

static void grow(struct shelf *s)
{
    s->room = s->room ? s->room * 2 : 1024;
    s->items = more(s->items, s->room, sizeof(*s->items));
    s->by_id_size = s->room * 2;
    s->by_id = more(s->by_id, s->by_id_size, sizeof(*s->by_id));
    memset(s->by_id, 0xff, s->by_id_size * sizeof(*s->by_id));
    for (uint32_t i = 0; i < s->count; i++)
        s->by_id[spot(s, s->items[i]->id)] = i;
}

static uint32_t place_for(struct shelf *s, struct item *item)
{
    uint32_t at = shelf_place(s, item->id);
    if (at != UINT32_MAX) {
        free(s->items[at]);
        s->items[at] = item;
        return at;
    }
    if (s->count == s->room)
        grow(s);
    size_t free_spot = spot(s, item->id);
    at = (uint32_t)s->count++;
    s->items[at] = item;
    s->by_id[free_spot] = at;
    return at;
}

// ---- reading

#define ITEM                                                                                       \
    "select a.id, a.folder, a.deleted, a.kind, a.words, a.created_ms, a.size, a.duration_ms, "     \
    "a.starts_us, a.lasts_us, a.width, a.height, a.channels, a.tc_base, a.tc_drop, a.name, "       \
    "a.sort_name, a.codec, a.rate, v.state, v.status, coalesce((select p.name from people p "      \
    "where p.id = a.made_by), a.made_by) from assets a join versions v on v.id = a.newest "

static uint8_t kind_of(const char *word)
{
    uint8_t kind = 0;
    while (kind_words[kind + 1] && strcmp(kind_words[kind], word) != 0)
        kind++;
    return kind;
}

bool item_counting(const struct item *item, struct tc_rate *rate)
{
    rational fps;
    struct error ignored;
    return rational_parse(text_of(item->rate), &fps, &ignored) && fps.num > 0 &&
           (item->tc_base ? tc_rate_with_base(fps, item->tc_base, item->tc_drop, rate, &ignored)
                          : tc_rate_make(fps, false, rate, &ignored));
}

bool item_label(const struct item *item, tc_label *label)
{
    struct tc_rate rate;
    if (item->starts_us < 0 || !item_counting(item, &rate))
        return false;
    *label =
        tc_format(rescale(item->starts_us, (rational){1000000, 1}, rate.fps, ROUND_NEAREST), &rate);
    return true;
}

static double label_at(const struct item *item)
{
    tc_label label;
    double at = -1;
    if (!item_label(item, &label))
        return -1;
    label.text[strcspn(label.text, ".")] = 0; // the second frame of a label counts as the first
    return label_value(label.text, &at) ? at : -1;
}

static struct item *item_of(struct db_rows *rows)
{
    enum { TEXTS = 7 };
    size_t size = sizeof(struct item), sizes[TEXTS];
    for (int i = 0; i < TEXTS; i++)
        size += sizes[i] = strlen(db_text(rows, 15 + i)) + 1;
    struct item *item = calloc(1, size);
    if (!item)
        abort();
    char *at = (char *)(item + 1);
    const char **texts[TEXTS] = {&item->name,  &item->sort,   &item->codec, &item->rate,
                                 &item->state, &item->status, &item->by};
    for (int i = 0; i < TEXTS; at += sizes[i++])
        *texts[i] = memcpy(at, db_text(rows, 15 + i), sizes[i]);
    text_copy(text_of(db_text(rows, 0)), item->id, sizeof(item->id));
    text_copy(text_of(db_text(rows, 1)), item->folder, sizeof(item->folder));
    item->there = db_int(rows, 2) == 0;
    item->kind = kind_of(db_text(rows, 3));
    item->words = db_int(rows, 4);
    item->created_ms = db_int(rows, 5);
    item->size = db_int(rows, 6);
    item->duration_ms = db_int(rows, 7);
    item->starts_us = db_int(rows, 8);
    item->lasts_us = db_int(rows, 9);
    item->width = (int)db_int(rows, 10);
    item->height = (int)db_int(rows, 11);
    item->channels = (int)db_int(rows, 12);
    item->tc_base = (int)db_int(rows, 13);
    item->tc_drop = (int)db_int(rows, 14);
    item->label = label_at(item);
    return item;
}

int shelf_column(const struct shelf *s, int64_t field)
{
    for (size_t i = 0; i < s->field_count; i++)
        if (s->fields[i].number == field)
            return (int)i;
    return -1;
}

int64_t shelf_named(const struct shelf *s, const char *folded)
{
    for (size_t i = 0; i < s->field_count; i++)
        if (strcmp(s->fields[i].folded, folded) == 0)
            return s->fields[i].number;
    return 0;
}

const struct cell *shelf_cell(const struct shelf *s, int64_t field, uint32_t place)
{
    int at = shelf_column(s, field);
    return at >= 0 && place < s->columns[at].room && s->columns[at].cells[place].value
               ? &s->columns[at].cells[place]
               : NULL;
}

static void cell_set(struct shelf *s, size_t column, uint32_t place, const char *value)
{
    struct column *c = &s->columns[column];
    if (place >= c->room) {
        size_t room = s->room > place ? s->room : place + 1;
        c->cells = more(c->cells, room, sizeof(*c->cells));
        memset(c->cells + c->room, 0, (room - c->room) * sizeof(*c->cells));
        c->room = room;
    }
    struct cell *cell = &c->cells[place];
    free(cell->value);
    *cell = (struct cell){0};
    if (!*value)
        return;
    cell->value = strdup(value);
    if (s->fields[column].type == FIELD_TEXT)
        return;
    // What was a choice once and is none now sorts last.
    struct arena *a = arena_open(1 << 16);
    const char *kept, *why;
    if (!field_value(&s->fields[column], value, a, &kept, &cell->at, &why))
        cell->at = 1e300;
    arena_close(a);
}

static bool load_column(struct shelf *s, struct db_tx *tx, size_t i, struct error *err)
{
    struct db_rows *rows = db_query(tx,
                                    "select asset, value from field_values where project = ?1 "
                                    "and field = ?2 and now = 1",
                                    "si", s->project, s->fields[i].number);
    while (db_next(rows)) {
        uint32_t place = shelf_place(s, db_text(rows, 0));
        if (place != UINT32_MAX)
            cell_set(s, i, place, db_text(rows, 1));
    }
    return db_end(rows, err);
}

static bool load_fields(struct shelf *s, struct db_tx *tx, struct error *err)
{
    columns_drop(s);
    shelf_orders_drop(s);
    s->pairs_known = false;
    s->fields_arena = arena_open(16 << 20);
    if (!fields_load(tx, s->project, s->fields_arena, &s->fields, &s->field_count, err))
        return false;
    s->columns = calloc(s->field_count + 1, sizeof(*s->columns));
    if (!s->columns)
        abort();
    for (size_t i = 0; i < s->field_count; i++)
        if (!load_column(s, tx, i, err))
            return false;
    return true;
}

static bool load(struct shelf *s, struct db_tx *tx, struct error *err)
{
    shelf_empty(s);
    struct db_rows *rows = db_query(tx, ITEM "where a.project = ?1", "s", s->project);
    while (db_next(rows))
        place_for(s, item_of(rows));
    return db_end(rows, err) && load_fields(s, tx, err);
}

// ---- hearing

struct news {
    char (*ids)[27]; // of assets that changed
    size_t count;
    bool fields, all;
};

static void heard(struct news *n, const char *asset)
{
    if (!asset || strlen(asset) != 26)
        return;
    if (n->count == NEWS_MOST) {
        n->all = true;
        return;
    }
    text_copy(text_of(asset), n->ids[n->count++], 27);
}

static bool hear_fields(struct news *n, struct db_tx *tx, const char *body, struct error *err)
{
    json_t *json = json_loads(body, 0, NULL);
    const char *change = json_string_value(json_object_get(json, "change"));
    n->fields = n->fields || !change;
    struct db_rows *rows = db_query(tx, "select distinct asset from field_values where change = ?1",
                                    "s", change ? change : "");
    while (db_next(rows))
        heard(n, db_text(rows, 0));
    json_decref(json);
    return db_end(rows, err);
}

// What happened up to `last`.
static bool hear(struct shelf *s, struct db_tx *tx, struct news *n, struct error *err)
{
    int64_t first = 0;
    if (!db_one_int(tx, &first, 0, err, "select min(number) from events", ""))
        return false;
    n->all = first > s->event + 1; // forgotten by now
    struct arena *a = arena_open(256 << 20);
    const char **changes = ARENA_ARRAY(a, const char *, NEWS_MOST);
    size_t change_count = 0;
    struct db_rows *rows = db_query(tx,
                                    "select kind, subject, body from events where number > ?1 and "
                                    "project = ?2",
                                    "is", s->event, s->project);
    while (db_next(rows)) {
        const char *kind = db_text(rows, 0);
        if (strcmp(kind, "asset.changed") == 0 || strcmp(kind, "asset.deleted") == 0)
            heard(n, db_text(rows, 1));
        else if (strcmp(kind, "takes.changed") == 0)
            s->pairs_known = false;
        else if (strcmp(kind, "fields.changed") == 0 && change_count < NEWS_MOST)
            changes[change_count++] = arena_text(a, db_text(rows, 2));
    }
    bool ok = db_end(rows, err);
    n->all = n->all || change_count == NEWS_MOST;
    for (size_t i = 0; ok && !n->all && i < change_count; i++)
        ok = hear_fields(n, tx, changes[i], err);
    arena_close(a);
    return ok;
}

static bool read_again(struct shelf *s, struct db_tx *tx, const char *asset, uint32_t *place,
                       struct error *err)
{
    struct db_rows *rows =
        db_query(tx, ITEM "where a.id = ?1 and a.project = ?2", "ss", asset, s->project);
    *place = db_next(rows) ? place_for(s, item_of(rows)) : UINT32_MAX;
    if (!db_end(rows, err))
        return false;
    if (*place == UINT32_MAX)
        return true;
    for (size_t i = 0; i < s->field_count; i++)
        if (*place < s->columns[i].room)
            cell_set(s, i, *place, "");
    rows = db_query(tx, "select field, value from field_values where asset = ?1 and now = 1", "s",
                    asset);
    while (db_next(rows)) {
        int column = shelf_column(s, db_int(rows, 0));
        if (column >= 0)
            cell_set(s, (size_t)column, *place, db_text(rows, 1));
    }
    return db_end(rows, err);
}

static bool mend(struct shelf *s, struct db_tx *tx, const struct news *n, struct error *err)
{
    uint32_t *places = more(NULL, n->count, sizeof(*places));
    size_t count = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < n->count; i++) {
        ok = read_again(s, tx, n->ids[i], &places[count], err);
        count += ok && places[count] != UINT32_MAX;
    }
    if (count) {
        shelf_orders_mend(s, places, count);
        s->pairs_known = false;
    }
    free(places);
    return ok;
}

static bool catch_up(struct shelf *s, struct db_tx *tx, struct error *err)
{
    int64_t last = 0;
    if (!db_one_int(tx, &last, 0, err, "select max(number) from events", ""))
        return false;
    if (s->event && last <= s->event)
        return true;
    struct news n = {.ids = more(NULL, NEWS_MOST, 27), .all = !s->event};
    bool ok = n.all || hear(s, tx, &n, err);
    if (ok)
        ok = n.all || n.count > s->count / 4 + 100 ? load(s, tx, err)
             : n.fields                            ? load_fields(s, tx, err)
                                                   : true;
    ok = ok && (n.all || mend(s, tx, &n, err));
    if (ok)
        s->event = last ? last : 1;
    free(n.ids);
    return ok;
}

// ---- taking

static struct shelf *shelf_for(struct shelves *all, const char *project)
{
    size_t oldest = 0;
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->list[i]->project, project) == 0)
            return all->list[i];
        if (all->list[i]->used < all->list[oldest]->used)
            oldest = i;
    }
    if (all->count < SHELVES)
        all->list[oldest = all->count++] =
            memset(more(NULL, 1, sizeof(struct shelf)), 0, sizeof(struct shelf));
    else
        shelf_empty(all->list[oldest]);
    text_copy(text_of(project), all->list[oldest]->project, 27);
    return all->list[oldest];
}

struct shelf *shelf_take(struct shelves *all, struct db_tx *tx, const char *project,
                         struct error *err)
{
    pthread_mutex_lock(&all->lock);
    struct shelf *s = shelf_for(all, project);
    s->used = ++all->asked;
    if (catch_up(s, tx, err))
        return s;
    shelf_empty(s); // half of it is none
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

void shelf_give_back(struct shelves *all)
{
    pthread_mutex_unlock(&all->lock);
}

// ---- finding

struct finding {
    struct shelves *all;
    const struct find_wish *wish;
    struct arena *a;
    struct found *found;
    const json_t *const *wheres; // of counting
    size_t where_count;
    int64_t *totals;
};

static void narrow(const struct shelf *s, const struct find_wish *w, uint8_t *hits)
{
    const char *folder = w->folder && strcmp(w->folder, "top") == 0 ? "" : w->folder;
    int kind = w->kind ? kind_of(w->kind) : -1;
    for (size_t i = 0; i < s->count; i++)
        hits[i] = s->items[i]->there && (!folder || strcmp(s->items[i]->folder, folder) == 0) &&
                  (kind < 0 || s->items[i]->kind == kind);
}

// Names are found by the same words as everywhere in the house.
static bool narrow_by_words(const struct shelf *s, struct db_tx *tx, const char *typed,
                            struct arena *a, uint8_t *hits, struct error *err)
{
    int64_t most = 0;
    for (size_t i = 0; i < s->count; i++)
        most = s->items[i]->words > most ? s->items[i]->words : most;
    uint8_t *found = arena_take(a, (size_t)most + 1);
    struct db_rows *rows = db_query(tx, db_search_all(a, "assets"), "s", db_search_words(a, typed));
    while (db_next(rows)) {
        int64_t row = db_int(rows, 0);
        if (row >= 0 && row <= most)
            found[row] = 1;
    }
    for (size_t i = 0; i < s->count; i++)
        hits[i] = hits[i] && found[s->items[i]->words];
    return db_end(rows, err);
}

// A sound whose picture is in the list as well is shown with it.
static void fold_takes(const struct shelf *s, uint8_t *hits)
{
    for (size_t i = 0; i < s->pair_count; i++)
        if (hits[s->pairs[i].picture] == 1 && hits[s->pairs[i].sound])
            hits[s->pairs[i].sound] = 2;
    for (size_t i = 0; i < s->count; i++)
        hits[i] = hits[i] == 1;
}

static void pick(const struct shelf *s, const struct order *order, const struct find_wish *w,
                 const uint8_t *hits, struct arena *a, struct found *found)
{
    found->ids = ARENA_ARRAY(a, const char *, (size_t)w->limit + 1);
    int64_t at = 0;
    for (size_t i = 0; i < order->count; i++) {
        // Descending goes round those that have a value; the others stay last.
        size_t k = w->descending && i < order->with_value ? order->with_value - 1 - i : i;
        uint32_t place = order->places[k];
        if (!hits[place])
            continue;
        if (at >= w->offset && (int64_t)found->count < w->limit)
            found->ids[found->count++] = arena_text(a, s->items[place]->id);
        at++;
    }
    found->total = at;
}

static bool find_in(struct db_tx *tx, void *context, struct error *err)
{
    struct finding *f = context;
    const struct find_wish *w = f->wish;
    const struct order *order;
    *f->found = (struct found){0};
    struct shelf *s = shelf_take(f->all, tx, w->project, err);
    if (!s)
        return false;
    uint8_t *hits = arena_take(f->a, s->count + 1);
    narrow(s, w, hits);
    bool ok = (!w->search || narrow_by_words(s, tx, w->search, f->a, hits, err)) &&
              (!w->where || shelf_where(s, tx, w->where, hits, err)) &&
              (!w->takes || shelf_pairs(s, tx, err)) &&
              shelf_order(s, w->sort ? w->sort : "name", &order, err);
    if (ok && w->takes)
        fold_takes(s, hits);
    if (ok)
        pick(s, order, w, hits, f->a, f->found);
    shelf_give_back(f->all);
    return ok;
}

bool shelves_find(struct shelves *s, const struct find_wish *wish, struct arena *a,
                  struct found *found, struct error *err)
{
    struct finding f = {.all = s, .wish = wish, .a = a, .found = found};
    return db_read(s->db, find_in, &f, err);
}

static bool count_in(struct db_tx *tx, void *context, struct error *err)
{
    struct finding *f = context;
    struct shelf *s = shelf_take(f->all, tx, f->wish->project, err);
    if (!s)
        return false;
    uint8_t *hits = more(NULL, s->count, 1);
    for (size_t i = 0; i < f->where_count; i++) {
        struct error ignored; // a search that can not be used any more finds nothing
        f->totals[i] = 0;
        narrow(s, f->wish, hits);
        if (f->wheres[i] && !shelf_where(s, tx, f->wheres[i], hits, &ignored))
            continue;
        for (size_t k = 0; k < s->count; k++)
            f->totals[i] += hits[k];
    }
    free(hits);
    shelf_give_back(f->all);
    return true;
}

bool shelves_count(struct shelves *s, const char *project, const json_t *const *wheres,
                   size_t count, int64_t *totals, struct error *err)
{
    struct find_wish wish = {.project = project};
    struct finding f = {
        .all = s, .wish = &wish, .wheres = wheres, .where_count = count, .totals = totals};
    return db_read(s->db, count_in, &f, err);
}
