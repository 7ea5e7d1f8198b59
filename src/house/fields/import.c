/*
 * Tables brought in: rows find their assets, cells become values.
 *
 * A row finds its asset by the house's own id, else by name (with or without the ending), else by
 * reel and start timecode, else by start timecode alone. Of several that fit by name, reel and
 * timecode say which; what is still more than one is ambiguous and is not applied: the plan shows
 * the candidates, and whoever brings it in may choose. Two rows for one asset that differ are both
 * left out, too: nobody can know which is right.
 *
 * A plan is made on what the house is now. It is named by a digest of all that it would change, so
 * that what is applied is what was shown.
 */
#include "house/fields/inside.h"
#include "plat/clock.h"
#include "plat/hash.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SHOWN = 500, CANDIDATES = 20, MAKE_MOST = 50 };

enum role { ROLE_NONE, ROLE_ID, ROLE_NAME, ROLE_REEL, ROLE_START, ROLE_FIELD };

struct column_as {
    enum role role;   // what finds the asset
    int64_t field;    // what is set; 0: nothing
    bool make;        // a field that is not there yet
    const char *made; // its name
};

static const struct {
    const char *column;
    enum role role;
} finders[] = {
    {"id", ROLE_ID},
    {"posthouse id", ROLE_ID},
    {"name", ROLE_NAME},
    {"clip name", ROLE_NAME},
    {"clip", ROLE_NAME},
    {"file", ROLE_NAME},
    {"file name", ROLE_NAME},
    {"source file", ROLE_NAME},
    {"reel", ROLE_REEL},
    {"tape", ROLE_REEL},
    {"tape name", ROLE_REEL},
    {"reel name", ROLE_REEL},
    {"start", ROLE_START},
    {"start tc", ROLE_START},
    {"timecode", ROLE_START},
    {"source tc", ROLE_START},
    {"start timecode", ROLE_START},
    {"tc in", ROLE_START},
};
// What other programs call our usual fields.
static const struct {
    const char *column, *field;
} synonyms[] = {{"tape", "reel"},          {"tape name", "reel"},  {"reel name", "reel"},
                {"comments", "notes"},     {"comment", "notes"},   {"description", "notes"},
                {"note", "notes"},         {"cam", "camera"},      {"slate", "scene"},
                {"scene number", "scene"}, {"take number", "take"}};
// What files say of themselves; nobody can set it.
static const char *const known[] = {"tracks", "end",  "end tc", "duration",
                                    "fps",    "rate", "folder", "kind"};

struct planning {
    const struct import_wish *wish;
    const struct teller *by;
    struct arena *a;
    struct table table;
    struct column_as *as;
    struct shelf *s;
    json_t *answer;
    struct name_key *names; // of all assets, sorted
    size_t name_count;
    struct time_key *times; // sorted
    size_t time_count;
    struct field_set *sets;
    size_t set_count, set_room;
    size_t *row_of;        // by place: the row that found it + 1
    uint8_t *contradicted; // by place
    int64_t matched, unmatched, ambiguous, same, bad;
    char plan[65], change[27];
    int64_t applied;
};

struct name_key {
    const char *key;
    uint32_t place;
};
struct time_key { // of what has timecode, by reel ("": all, again) and first label
    const char *reel;
    double label;
    uint32_t place;
};

// ---- columns

static bool same_name(const char *x, const char *y)
{
    for (;; x++, y++) {
        x += strspn(x, " _-.");
        y += strspn(y, " _-.");
        if (tolower((unsigned char)*x) != tolower((unsigned char)*y))
            return false;
        if (!*x)
            return true;
    }
}

static int64_t field_called(const struct shelf *s, const char *column)
{
    for (size_t i = 0; i < s->field_count; i++)
        if (same_name(s->fields[i].name, column))
            return s->fields[i].number;
    for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
        if (same_name(synonyms[i].column, column))
            return shelf_named(s, synonyms[i].field);
    return 0;
}

static enum role role_called(const char *column)
{
    for (size_t i = 0; i < sizeof(finders) / sizeof(finders[0]); i++)
        if (same_name(finders[i].column, column))
            return finders[i].role;
    return ROLE_NONE;
}

static bool is_known(const char *column)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (same_name(known[i], column))
            return true;
    return false;
}

static bool column_said(struct planning *p, size_t i, const char *said, struct error *err)
{
    static const struct {
        const char *word;
        enum role role;
    } words[] = {{"id", ROLE_ID}, {"name", ROLE_NAME}, {"reel", ROLE_REEL}, {"start", ROLE_START}};
    struct column_as *as = &p->as[i];
    if (!*said)
        return true;
    for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
        if (strcmp(words[k].word, said) == 0) {
            as->role = words[k].role;
            as->field = as->role == ROLE_REEL ? shelf_named(p->s, "reel") : 0;
            return true;
        }
    int64_t number = field_number(said);
    as->field = shelf_column(p->s, number) >= 0 ? number : field_called(p->s, said);
    as->role = as->field ? ROLE_FIELD : ROLE_NONE;
    if (as->field)
        return true;
    error_set(err, ERROR_INPUT, "the column %.60s can not be taken as \"%.60s\"", p->table.heads[i],
              said);
    return error_fix(err, "take it as id, name, reel, start or one of the project's fields");
}

static const char *column_word(const struct planning *p, size_t i)
{
    static const char *const roles[] = {"", "id", "name", "reel", "start", ""};
    const struct column_as *as = &p->as[i];
    return as->make                              ? "new"
           : as->field && as->role == ROLE_FIELD ? arena_format(p->a, "f%lld", (long long)as->field)
                                                 : roles[as->role];
}

static bool columns_read(struct planning *p, struct error *err)
{
    json_t *list = json_array();
    bool finds = false, ok = true;
    size_t making = 0;
    p->as = ARENA_ARRAY(p->a, struct column_as, p->table.columns + 1);
    for (size_t i = 0; ok && i < p->table.columns; i++) {
        const char *head = p->table.heads[i];
        json_t *said = *head ? json_object_get(p->wish->columns, head) : NULL;
        if (json_is_string(said)) {
            ok = column_said(p, i, json_string_value(said), err);
        } else if (*head) {
            p->as[i].role = role_called(head);
            p->as[i].field = field_called(p->s, head);
            if (!p->as[i].role && p->as[i].field)
                p->as[i].role = ROLE_FIELD;
            p->as[i].make = p->wish->make && !p->as[i].role && !is_known(head) &&
                            strlen(head) <= FIELD_NAME_MOST && making++ < MAKE_MOST;
            p->as[i].made = head;
        }
        finds = finds || (p->as[i].role != ROLE_NONE && p->as[i].role != ROLE_FIELD);
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", head, "as", column_word(p, i)));
    }
    json_object_set_new(p->answer, "columns", list);
    if (!ok || finds)
        return ok;
    error_set(err, ERROR_INPUT, "no column of %s says which asset a row is of", p->wish->name);
    error_why(err, "its columns are: %.400s", p->table.columns ? p->table.heads[0] : "none");
    return error_fix(err, "the first line has to name the columns: Name, Reel and Start, or Id; or "
                          "say which column is what");
}

// ---- finding assets

// A name as people write it in tables: in lower case, without folders and ending.
static const char *stem_of(struct arena *a, const char *name)
{
    const char *slash = strrchr(name, '/'), *back = strrchr(name, '\\');
    name = slash ? slash + 1 : back ? back + 1 : name;
    char *key = arena_text(a, folded_name(a, name));
    char *dot = strrchr(key, '.');
    if (dot && dot != key && strlen(dot) <= 5 && strlen(dot) >= 3 &&
        !isdigit((unsigned char)dot[1]))
        *dot = 0;
    return key;
}

static int by_name_key(const void *x, const void *y)
{
    const struct name_key *a = x, *b = y;
    int way = strcmp(a->key, b->key);
    return way ? way : (a->place > b->place) - (a->place < b->place);
}

static void names_read(struct planning *p)
{
    p->names = ARENA_ARRAY(p->a, struct name_key, p->s->count + 1);
    for (uint32_t i = 0; i < p->s->count; i++)
        if (p->s->items[i]->there)
            p->names[p->name_count++] = (struct name_key){stem_of(p->a, p->s->items[i]->name), i};
    qsort(p->names, p->name_count, sizeof(*p->names), by_name_key);
}

struct candidates {
    uint32_t places[CANDIDATES];
    size_t count; // may be more than there is room for
};

static void candidate(struct candidates *c, uint32_t place)
{
    if (c->count < CANDIDATES)
        c->places[c->count] = place;
    c->count++;
}

static const char *cell_of(const struct planning *p, size_t row, enum role role)
{
    for (size_t i = 0; i < p->table.columns; i++)
        if (p->as[i].role == role && *p->table.rows[row].cells[i])
            return p->table.rows[row].cells[i];
    return NULL;
}

// Does the label lie in the asset? *exact: it is its first frame.
static bool holds_label(const struct item *item, const char *label, bool *exact)
{
    struct tc_rate rate;
    struct error ignored;
    int64_t frame;
    *exact = false;
    if (item->starts_us < 0 || !item_counting(item, &rate) ||
        !tc_parse(text_trim(text_of(label)), &rate, &frame, &ignored))
        return false;
    int64_t first = rescale(item->starts_us, (rational){1000000, 1}, rate.fps, ROUND_NEAREST);
    int64_t frames = rescale(item->lasts_us, (rational){1000000, 1}, rate.fps, ROUND_NEAREST);
    *exact = frame == first;
    return *exact || (frame > first && frame < first + frames);
}

static const char *reel_of(const struct planning *p, uint32_t place)
{
    const struct cell *cell = shelf_cell(p->s, shelf_named(p->s, "reel"), place);
    return cell ? cell->value : "";
}

// Those whose label fits; the ones that begin there before those that only hold it.
static void by_label(const struct planning *p, const struct candidates *from, const char *label,
                     struct candidates *to)
{
    struct candidates exact = {.count = 0}, within = {.count = 0};
    for (size_t i = 0; i < from->count && i < CANDIDATES; i++) {
        bool first;
        if (!holds_label(p->s->items[from->places[i]], label, &first))
            continue;
        candidate(first ? &exact : &within, from->places[i]);
    }
    *to = exact.count ? exact : within;
}

static void find_by_name(const struct planning *p, const char *name, struct candidates *c)
{
    struct name_key key = {stem_of(p->a, name), 0};
    size_t low = 0, high = p->name_count, whole = 0;
    const char *full = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (by_name_key(&p->names[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    for (; end < p->name_count && strcmp(p->names[end].key, key.key) == 0; end++)
        whole += strcasecmp(p->s->items[p->names[end].place]->name, full) == 0;
    for (; low < end; low++) // one that has the ending too goes before the others
        if (!whole || strcasecmp(p->s->items[p->names[low].place]->name, full) == 0)
            candidate(c, p->names[low].place);
}

static int by_time_key(const void *x, const void *y)
{
    const struct time_key *a = x, *b = y;
    int way = strcasecmp(a->reel, b->reel);
    if (!way)
        way = (a->label > b->label) - (a->label < b->label);
    return way ? way : (a->place > b->place) - (a->place < b->place);
}

static void times_read(struct planning *p)
{
    p->times = ARENA_ARRAY(p->a, struct time_key, 2 * p->s->count + 1);
    for (uint32_t i = 0; i < p->s->count; i++) {
        const struct item *item = p->s->items[i];
        const char *reel = reel_of(p, i);
        if (!item->there || item->label < 0)
            continue;
        p->times[p->time_count++] = (struct time_key){"", item->label, i};
        if (*reel)
            p->times[p->time_count++] = (struct time_key){reel, item->label, i};
    }
    qsort(p->times, p->time_count, sizeof(*p->times), by_time_key);
}

// All of this reel whose timecode holds the label; without a reel, those that begin at it.
static void find_by_time(const struct planning *p, const char *reel, const char *label,
                         struct candidates *c)
{
    struct candidates exact = {.count = 0}, within = {.count = 0};
    struct time_key key = {reel ? reel : "", -1, 0};
    double at;
    if (!label_value(label, &at))
        return;
    if (!reel)
        key.label = at;
    size_t low = 0, high = p->time_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (by_time_key(&p->times[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < p->time_count; low++) {
        const struct time_key *t = &p->times[low];
        bool first;
        if (strcasecmp(t->reel, key.reel) != 0 || t->label > at)
            break;
        if (holds_label(p->s->items[t->place], label, &first))
            candidate(first ? &exact : &within, t->place);
    }
    *c = exact.count ? exact : within;
}

static void narrow_by(const struct planning *p, struct candidates *c, const char *reel,
                      const char *label)
{
    struct candidates fewer = {.count = 0};
    if (c->count > 1 && reel) {
        for (size_t i = 0; i < c->count && i < CANDIDATES; i++)
            if (strcasecmp(reel_of(p, c->places[i]), reel) == 0)
                candidate(&fewer, c->places[i]);
        if (fewer.count)
            *c = fewer;
    }
    if (c->count > 1 && label) {
        by_label(p, c, label, &fewer);
        if (fewer.count)
            *c = fewer;
    }
}

// *why: how they were found, or why none was.
static void find(const struct planning *p, size_t row, struct candidates *c, const char **why)
{
    const char *id = cell_of(p, row, ROLE_ID), *name = cell_of(p, row, ROLE_NAME);
    const char *reel = cell_of(p, row, ROLE_REEL), *label = cell_of(p, row, ROLE_START);
    *c = (struct candidates){.count = 0};
    if (id) {
        uint32_t place = shelf_place(p->s, id);
        if (place != UINT32_MAX && p->s->items[place]->there)
            candidate(c, place);
        *why = "no asset has this id";
        if (c->count || !name)
            return;
    }
    *why = name ? "nothing is called so" : "nothing has this reel and timecode";
    if (name)
        find_by_name(p, name, c);
    narrow_by(p, c, reel, label);
    if (!c->count && label)
        find_by_time(p, reel, label, c);
    if (!name && !label)
        *why = "it has no name, and no timecode";
}

// The asset that a person chose for the row; NULL: nobody did.
static const char *choice_of(const struct planning *p, size_t row)
{
    char line[24];
    snprintf(line, sizeof(line), "%zu", p->table.rows[row].line);
    return json_string_value(json_object_get(p->wish->choose, line));
}

// ---- the plan

static void add_set(struct planning *p, struct field_set set)
{
    if (p->set_count == p->set_room) {
        size_t room = p->set_room ? p->set_room * 2 : 1024;
        struct field_set *sets = ARENA_ARRAY(p->a, struct field_set, room);
        if (p->set_count)
            memcpy(sets, p->sets, p->set_count * sizeof(*sets));
        p->sets = sets, p->set_room = room;
    }
    p->sets[p->set_count++] = set;
}

static json_t *list_of(struct planning *p, const char *name)
{
    json_t *list = json_object_get(p->answer, name);
    if (!list) {
        list = json_array();
        json_object_set_new(p->answer, name, list);
    }
    return list;
}

// What a row is called in the plan: the first thing that it says of itself.
static const char *row_name(const struct planning *p, size_t row)
{
    static const enum role roles[] = {ROLE_NAME, ROLE_ID, ROLE_REEL, ROLE_START};
    for (size_t i = 0; i < 4; i++) {
        const char *cell = cell_of(p, row, roles[i]);
        if (cell)
            return cell;
    }
    return "";
}

static void say_unmatched(struct planning *p, size_t row, const char *why)
{
    p->unmatched++;
    json_t *list = list_of(p, "unmatched");
    if (json_array_size(list) < SHOWN)
        json_array_append_new(list, json_pack("{s:I, s:s, s:s}", "line",
                                              (json_int_t)p->table.rows[row].line, "name",
                                              row_name(p, row), "why", why));
}

// A row that several assets fit, `asset` being the one that was chosen ("": none was).
static void say_several(struct planning *p, const char *name, size_t row,
                        const struct candidates *c, const char *asset)
{
    json_t *of = json_array(), *list = list_of(p, name);
    if (json_array_size(list) >= SHOWN) {
        json_decref(of);
        return;
    }
    for (size_t i = 0; i < c->count && i < CANDIDATES; i++) {
        const struct item *item = p->s->items[c->places[i]];
        tc_label label = {""};
        (void)item_label(item, &label);
        json_array_append_new(of,
                              json_pack("{s:s, s:s, s:s, s:s, s:s}", "asset", item->id, "name",
                                        item->name, "folder", item->folder, "timecode", label.text,
                                        "created", clock_text(item->created_ms).text));
    }
    json_array_append_new(list,
                          json_pack("{s:I, s:s, s:s, s:s, s:o}", "line",
                                    (json_int_t)p->table.rows[row].line, "name", row_name(p, row),
                                    "why", arena_format(p->a, "%zu assets fit", c->count), "asset",
                                    asset, "candidates", of));
}

static void say_bad(struct planning *p, size_t row, const char *column, const char *value,
                    const char *why)
{
    p->bad++;
    json_t *list = list_of(p, "bad");
    if (json_array_size(list) < SHOWN)
        json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:s}", "line",
                                              (json_int_t)p->table.rows[row].line, "column", column,
                                              "value", value, "why", why));
}

static void say_change(struct planning *p, const struct field_set *set, uint32_t place,
                       const char *field, const char *was)
{
    json_t *list = list_of(p, "changes");
    if (json_array_size(list) < SHOWN)
        json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "line",
                                              (json_int_t)set->line, "asset", set->asset, "name",
                                              p->s->items[place]->name, "field", field, "was", was,
                                              "to", set->value));
}

// What the row sets; `place` is its asset.
static void take_row(struct planning *p, size_t row, uint32_t place)
{
    static const struct field made = {.type = FIELD_TEXT};
    const struct table_row *r = &p->table.rows[row];
    for (size_t i = 0; i < p->table.columns; i++) {
        const struct column_as *as = &p->as[i];
        const char *value, *why;
        double at;
        if ((!as->field && !as->make) || (!*r->cells[i] && !p->wish->blanks))
            continue;
        const struct field *f =
            as->make ? &made : field_of(p->s->fields, p->s->field_count, as->field);
        if (!field_value(f, r->cells[i], p->a, &value, &at, &why)) {
            say_bad(p, row, p->table.heads[i], r->cells[i], why);
            continue;
        }
        const struct cell *cell = as->make ? NULL : shelf_cell(p->s, as->field, place);
        const char *was = cell ? cell->value : "";
        if (strcmp(was, value) == 0) {
            p->same += *value != 0;
            continue;
        }
        struct field_set set = {.asset = arena_text(p->a, p->s->items[place]->id),
                                .field = as->make ? -(int64_t)i - 1 : as->field,
                                .line = (int64_t)r->line,
                                .value = value,
                                .was = arena_text(p->a, was)};
        add_set(p, set);
        say_change(p, &set, place, as->make ? as->made : f->name, was);
    }
}

// Rows of one asset that say different things.
static bool contradicts(const struct planning *p, size_t row, size_t other)
{
    for (size_t i = 0; i < p->table.columns; i++) {
        const char *x = p->table.rows[row].cells[i], *y = p->table.rows[other].cells[i];
        if ((p->as[i].field || p->as[i].make) && *x && *y && strcmp(x, y) != 0)
            return true;
    }
    return false;
}

// What was chosen stays beside what else fits, so that another one can be chosen.
static void choose(struct planning *p, size_t row, const char *asset, struct candidates *c,
                   const char **why)
{
    uint32_t place = shelf_place(p->s, asset);
    if (c->count > 1)
        say_several(p, "chosen", row, c, asset);
    *c = (struct candidates){.count = 0};
    *why = "no asset has this id";
    if (place != UINT32_MAX && p->s->items[place]->there)
        candidate(c, place);
}

static void plan_rows(struct planning *p)
{
    size_t count = p->table.count;
    uint32_t *place_of = ARENA_ARRAY(p->a, uint32_t, count + 1);
    p->row_of = ARENA_ARRAY(p->a, size_t, p->s->count + 1);
    p->contradicted = arena_take(p->a, p->s->count + 1);
    for (size_t i = 0; i < count; i++) {
        struct candidates c;
        const char *why, *chosen = choice_of(p, i);
        find(p, i, &c, &why);
        if (chosen)
            choose(p, i, chosen, &c, &why);
        place_of[i] = c.count == 1 ? c.places[0] : UINT32_MAX;
        if (c.count == 1) {
            size_t before = p->row_of[c.places[0]];
            if (before && contradicts(p, i, before - 1))
                p->contradicted[c.places[0]] = 1;
            p->row_of[c.places[0]] = i + 1;
        } else if (c.count) {
            p->ambiguous++;
            say_several(p, "ambiguous", i, &c, "");
        } else {
            say_unmatched(p, i, why);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (place_of[i] == UINT32_MAX)
            continue;
        if (p->contradicted[place_of[i]]) {
            say_unmatched(p, i, "another row of the file says something else of the same asset");
        } else {
            p->matched++;
            take_row(p, i, place_of[i]);
        }
    }
}

static void digest(struct planning *p)
{
    struct hasher *h = hasher_open("sha256");
    uint8_t out[64];
    for (size_t i = 0; i < p->set_count; i++) {
        const struct field_set *set = &p->sets[i];
        hasher_add(h, set->asset, 27);
        hasher_add(h, &set->field, sizeof(set->field));
        hasher_add(h, set->value, strlen(set->value) + 1);
        uint32_t place = shelf_place(p->s, set->asset);
        const struct cell *cell = set->field > 0 ? shelf_cell(p->s, set->field, place) : NULL;
        const char *was = cell ? cell->value : "";
        hasher_add(h, was, strlen(was) + 1);
    }
    hasher_end(h, out);
    for (int i = 0; i < 32; i++)
        snprintf(p->plan + 2 * i, 3, "%02x", out[i]);
}

static void sum_up(struct planning *p)
{
    json_t *said = json_array();
    const char *mark = p->table.mark == '\t' ? "tab" : arena_format(p->a, "%c", p->table.mark);
    for (size_t i = 0; i < p->table.said_count; i++)
        json_array_append_new(said,
                              json_pack("{s:I, s:s}", "line", (json_int_t)p->table.said[i].line,
                                        "why", p->table.said[i].what));
    json_object_set_new(p->answer, "said", said);
    json_object_set_new(p->answer, "file", json_string(p->wish->name));
    json_object_set_new(p->answer, "format", json_string(p->table.format));
    json_object_set_new(p->answer, "encoding", json_string(p->table.encoding));
    json_object_set_new(p->answer, "mark", json_string(mark));
    json_object_set_new(p->answer, "rows", json_integer((json_int_t)p->table.count));
    json_object_set_new(p->answer, "matched", json_integer(p->matched));
    json_object_set_new(p->answer, "unmatched_count", json_integer(p->unmatched));
    json_object_set_new(p->answer, "ambiguous_count", json_integer(p->ambiguous));
    json_object_set_new(p->answer, "bad_count", json_integer(p->bad));
    json_object_set_new(p->answer, "same", json_integer(p->same));
    json_object_set_new(p->answer, "change_count", json_integer((json_int_t)p->set_count));
    json_object_set_new(p->answer, "plan", json_string(p->plan));
    for (const char *const *n =
             (const char *const[]){"unmatched", "ambiguous", "chosen", "bad", "changes", NULL};
         *n; n++)
        (void)list_of(p, *n);
}

static bool plan_in(struct db_tx *tx, struct shelves *all, struct planning *p, struct error *err)
{
    p->s = shelf_take(all, tx, p->wish->project, err);
    if (!p->s)
        return false;
    bool ok = columns_read(p, err);
    if (ok) {
        names_read(p);
        times_read(p);
        plan_rows(p);
        digest(p);
        sum_up(p);
    }
    p->s = NULL;
    shelf_give_back(all);
    return ok;
}

struct importing {
    struct shelves *all;
    struct planning *p;
};

static bool look_in(struct db_tx *tx, void *context, struct error *err)
{
    struct importing *i = context;
    return plan_in(tx, i->all, i->p, err);
}

// Fields that are made get their numbers, and the values them.
static bool make_fields(struct db_tx *tx, struct planning *p, struct error *err)
{
    int64_t *numbers = ARENA_ARRAY(p->a, int64_t, p->table.columns + 1);
    for (size_t i = 0; i < p->table.columns; i++)
        if (p->as[i].make &&
            !field_add(tx, p->wish->project, p->as[i].made, "text", NULL, &numbers[i], err))
            return error_while(err, "making a field of the column %.60s", p->as[i].made);
    for (size_t i = 0; i < p->set_count; i++)
        if (p->sets[i].field < 0)
            p->sets[i].field = numbers[-p->sets[i].field - 1];
    return true;
}

static bool still_so(struct db_tx *tx, struct planning *p, struct error *err)
{
    int64_t changes = 0;
    if (!db_one_int(tx, &changes, 0, err,
                    "select count(*) from events where number > ?1 and project = ?2 and kind in "
                    "('fields.changed', 'asset.changed', 'asset.deleted')",
                    "is", p->applied, p->wish->project))
        return false;
    if (!changes)
        return true;
    error_set(err, ERROR_CONFLICT, "%s was not brought in", p->wish->name);
    error_why(err, "the project changed at the same moment");
    return error_fix(err, "look at the plan again, then bring it in");
}

static bool apply_in(struct db_tx *tx, void *context, struct error *err)
{
    struct importing *i = context;
    struct planning *p = i->p;
    int64_t count;
    if (!still_so(tx, p, err) || !make_fields(tx, p, err))
        return false;
    return p->set_count > RUN_LEAST ? run_begin(tx, p->wish->project, p->by, p->wish->name, p->sets,
                                                p->set_count, p->change, err)
                                    : values_set(tx, p->wish->project, p->by, p->wish->name,
                                                 p->sets, p->set_count, p->change, &count, err);
}

static bool last_in(struct db_tx *tx, void *context, struct error *err)
{
    struct importing *i = context;
    return db_one_int(tx, &i->p->applied, 0, err, "select max(number) from events", "");
}

static bool number_in(struct db_tx *tx, void *context, struct error *err)
{
    struct importing *i = context;
    return db_one_int(tx, &i->p->applied, 0, err, "select number from field_changes where id = ?1",
                      "s", i->p->change);
}

static bool apply(struct db *db, struct importing *i, struct error *err)
{
    struct planning *p = i->p;
    if (strcmp(p->wish->plan, p->plan) != 0) {
        error_set(err, ERROR_CONFLICT, "%s was not brought in", p->wish->name);
        error_why(err, "it would do something else now than what was shown: the project or the "
                       "file has changed since");
        return error_fix(err, "look at the plan again, then bring it in");
    }
    if (!db_write(db, apply_in, i, err) || !db_read(db, number_in, i, err))
        return false;
    json_object_set_new(p->answer, "change", json_integer(p->applied));
    return true;
}

bool fields_import(struct db *db, struct shelves *s, const struct import_wish *wish,
                   const struct teller *by, struct arena *a, json_t **answer, struct error *err)
{
    struct planning p = {.wish = wish, .by = by, .a = a, .answer = json_object()};
    struct importing i = {s, &p};
    *answer = NULL;
    // The newest event is looked at first: what comes between it and the plan is seen when
    // applying.
    bool ok = table_read(wish->bytes, &wish->table, a, &p.table, err) &&
              db_read(db, last_in, &i, err) && db_read(db, look_in, &i, err) &&
              (!wish->plan || apply(db, &i, err));
    if (ok)
        *answer = p.answer;
    else
        json_decref(p.answer);
    return ok;
}
