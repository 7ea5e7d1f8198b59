/*
 * Conditions (docs/formats/fields.md): {"of": what, "is": how, "value": text, "to": text}, several
 * as {"all": [...]} or {"any": [...]}.
 */
#include "house/assets/assets.h"
#include "house/fields/inside.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONDITIONS_MOST = 100 };

enum sort { AS_TEXT, AS_NUMBER, AS_DATE, AS_LABEL };

// What can be asked of every asset.
static const struct fact {
    const char *name;
    enum sort sort;
} facts[] = {{"name", AS_TEXT},       {"kind", AS_TEXT},     {"codec", AS_TEXT},
             {"rate", AS_TEXT},       {"state", AS_TEXT},    {"status", AS_TEXT},
             {"by", AS_TEXT},         {"width", AS_NUMBER},  {"height", AS_NUMBER},
             {"channels", AS_NUMBER}, {"size", AS_NUMBER},   {"duration", AS_NUMBER},
             {"created", AS_DATE},    {"timecode", AS_LABEL}};
enum { FACTS = sizeof(facts) / sizeof(facts[0]) };

struct asked {
    int fact;   // -1: a field
    int column; // of a field
    enum sort sort;
    const char *is, *folded; // value, as it is compared
    const char *value;
    double from, to;
};

static bool wrong(struct error *err, const char *why, ...) PRINTF_LIKE(2, 3);
static bool wrong(struct error *err, const char *why, ...)
{
    char words[300];
    va_list list;
    va_start(list, why);
    vsnprintf(words, sizeof(words), why, list);
    va_end(list);
    error_set(err, ERROR_INPUT, "this filter cannot be used");
    error_why(err, "%s", words);
    return error_fix(err, "change it, or take the condition out");
}

// ---- what an item says

static const char *text_of_item(const struct shelf *s, const struct asked *q, uint32_t place)
{
    const struct item *item = s->items[place];
    if (q->fact < 0) {
        const struct column *c = &s->columns[q->column];
        return place < c->room && c->cells[place].value ? c->cells[place].value : "";
    }
    switch (q->fact) {
    case 0:
        return item->name;
    case 1:
        return kind_words[item->kind];
    case 2:
        return item->codec;
    case 3:
        return item->rate;
    case 4:
        return item->state;
    case 5:
        return item->status;
    default:
        return item->by;
    }
}

static double day_of(int64_t at_ms)
{
    short_text t = clock_text(at_ms);
    int y = 0, m = 0, d = 0;
    sscanf(t.text, "%4d-%2d-%2d", &y, &m, &d);
    return y * 10000 + m * 100 + d;
}

static bool number_of_item(const struct shelf *s, const struct asked *q, uint32_t place, double *n)
{
    const struct item *item = s->items[place];
    if (q->fact < 0) {
        const struct column *c = &s->columns[q->column];
        bool has = place < c->room && c->cells[place].value;
        *n = has ? c->cells[place].at : 0;
        return has;
    }
    const double values[] = {item->width, item->height, item->channels, (double)item->size,
                             (double)item->duration_ms / 1000.0};
    if (q->fact < FACTS - 2) {
        *n = values[q->fact - 7];
        return *n > 0 || q->fact == 10;
    }
    *n = q->fact == FACTS - 2 ? day_of(item->created_ms) : item->label;
    return *n >= 0;
}

// ---- one condition

static bool folded_in(const char *whole, const char *part, bool from_start, bool to_end)
{
    size_t size = strlen(part);
    for (const char *at = whole;; at++) {
        size_t i = 0;
        while (i < size && at[i]) {
            char c = at[i] >= 'A' && at[i] <= 'Z' ? (char)(at[i] + 32) : at[i];
            if (c != part[i])
                break;
            i++;
        }
        if (i == size && (!to_end || !at[i]))
            return true;
        if (!*at || from_start)
            return false;
    }
}

static bool text_holds(const struct shelf *s, const struct asked *q, uint32_t place)
{
    const char *t = text_of_item(s, q, place);
    switch (q->is[0]) {
    case 'c': // contains
        return folded_in(t, q->folded, false, false);
    case 's': // starts
        return folded_in(t, q->folded, true, false);
    case 'n': // not
        return !folded_in(t, q->folded, true, true);
    default: // equals
        return folded_in(t, q->folded, true, true);
    }
}

// A clip is between two labels when some of it is.
static bool label_holds(const struct item *item, const struct asked *q)
{
    if (item->label < 0)
        return false;
    double end = item->label + (double)item->lasts_us / 1e6;
    return q->is[0] == 'b'   ? item->label <= q->to && end > q->from
           : q->is[0] == 'o' ? item->label > q->from
           : q->is[0] == 'u' ? item->label < q->from
           : q->is[0] == 'n' ? item->label != q->from
                             : item->label == q->from;
}

static bool number_holds(const struct shelf *s, const struct asked *q, uint32_t place)
{
    double n;
    if (q->fact >= 0 && q->sort == AS_LABEL)
        return label_holds(s->items[place], q);
    if (!number_of_item(s, q, place, &n))
        return q->is[0] == 'n';
    return q->is[0] == 'b'   ? n >= q->from && n <= q->to
           : q->is[0] == 'o' ? n > q->from
           : q->is[0] == 'u' ? n < q->from
           : q->is[0] == 'n' ? n != q->from
                             : n == q->from;
}

static bool empty(const struct shelf *s, const struct asked *q, uint32_t place)
{
    double n;
    return q->fact < 0 || q->sort == AS_TEXT ? !*text_of_item(s, q, place)
                                             : !number_of_item(s, q, place, &n);
}

static void lay(const struct shelf *s, const struct asked *q, uint8_t *hits)
{
    bool is_empty = strcmp(q->is, "empty") == 0, filled = strcmp(q->is, "filled") == 0;
    for (uint32_t i = 0; i < s->count; i++)
        if (hits[i])
            hits[i] = is_empty || filled   ? empty(s, q, i) == is_empty
                      : q->sort == AS_TEXT ? text_holds(s, q, i)
                                           : number_holds(s, q, i);
}

// ---- taking a condition apart

static bool is_word(const char *is, enum sort sort)
{
    static const char *const words[] = {"contains", "starts",  "equals", "not",   "over",
                                        "under",    "between", "empty",  "filled"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (is && strcmp(words[i], is) == 0)
            return sort == AS_TEXT ? i < 4 || i > 6 : i > 1;
    return false;
}

static bool number_from(const struct shelf *s, const struct asked *q, const char *said,
                        struct arena *a, double *to, struct error *err)
{
    static const enum field_type types[] = {FIELD_TEXT, FIELD_NUMBER, FIELD_DATE, FIELD_TIMECODE};
    struct field plain = {.name = "it", .type = types[q->sort]};
    const struct field *f = q->fact < 0 ? &s->fields[q->column] : &plain;
    const char *kept, *why = NULL;
    if (said && *said && field_value(f, said, a, &kept, to, &why) && *kept)
        return true;
    return wrong(err, "\"%.60s\": %s", said ? said : "", why ? why : "a value is missing");
}

static bool asked_of(const struct shelf *s, const json_t *where, struct arena *a, struct asked *q,
                     struct error *err)
{
    const char *of = json_string_value(json_object_get(where, "of"));
    const char *value = json_string_value(json_object_get(where, "value"));
    *q = (struct asked){.fact = -1,
                        .column = shelf_column(s, field_number(of)),
                        .is = json_string_value(json_object_get(where, "is")),
                        .value = value};
    for (int i = 0; of && i < FACTS; i++)
        if (strcmp(facts[i].name, of) == 0)
            q->fact = i, q->sort = facts[i].sort;
    if (q->fact < 0 && q->column < 0)
        return wrong(err, "there is no field \"%.40s\" (any more)", of ? of : "");
    if (q->fact < 0) {
        enum field_type type = s->fields[q->column].type;
        q->sort = type == FIELD_NUMBER     ? AS_NUMBER
                  : type == FIELD_DATE     ? AS_DATE
                  : type == FIELD_TIMECODE ? AS_LABEL
                                           : AS_TEXT;
    }
    if (!is_word(q->is, q->sort))
        return wrong(err, "%s can not be asked so", of);
    if (strcmp(q->is, "empty") == 0 || strcmp(q->is, "filled") == 0)
        return true;
    if (q->sort == AS_TEXT) {
        q->folded = folded_name(a, value ? value : "");
        return value || wrong(err, "a value is missing");
    }
    return number_from(s, q, value, a, &q->from, err) &&
           (q->is[0] != 'b' ||
            number_from(s, q, json_string_value(json_object_get(where, "to")), a, &q->to, err));
}

// Delivered by a profile: that is in no shelf.
static bool lay_delivered(const struct shelf *s, struct db_tx *tx, const json_t *where,
                          uint8_t *hits, struct error *err)
{
    const char *profile = json_string_value(json_object_get(where, "value"));
    uint8_t *made = calloc(s->count + 1, 1);
    if (!made)
        abort();
    struct db_rows *rows = db_query(tx,
                                    "select distinct asset from deliveries where project = ?1 and "
                                    "state = 'done' and (?2 = '' or profile = ?2)",
                                    "ss", s->project, profile ? profile : "");
    while (db_next(rows)) {
        uint32_t place = shelf_place(s, db_text(rows, 0));
        if (place != UINT32_MAX)
            made[place] = 1;
    }
    const char *is = json_string_value(json_object_get(where, "is"));
    bool not_made = is && (strcmp(is, "not") == 0 || strcmp(is, "empty") == 0);
    for (size_t i = 0; i < s->count; i++)
        hits[i] = hits[i] && (bool)made[i] != not_made;
    free(made);
    return db_end(rows, err);
}

// In a take of sound and picture, or alone.
static bool lay_take(struct shelf *s, struct db_tx *tx, const json_t *where, uint8_t *hits,
                     struct error *err)
{
    const char *is = json_string_value(json_object_get(where, "is"));
    bool alone = is && strcmp(is, "empty") == 0;
    if (!shelf_pairs(s, tx, err))
        return false;
    uint8_t *in = calloc(s->count + 1, 1);
    if (!in)
        abort();
    for (size_t i = 0; i < s->pair_count; i++)
        in[s->pairs[i].sound] = in[s->pairs[i].picture] = 1;
    for (size_t i = 0; i < s->count; i++)
        hits[i] = hits[i] && (bool)in[i] != alone;
    free(in);
    return true;
}

struct laying {
    struct shelf *s;
    struct db_tx *tx;
    int conditions;
};

static bool lay_any(struct laying *l, const json_t *where, uint8_t *hits, int depth,
                    struct error *err);

static bool lay_one(struct laying *l, const json_t *where, uint8_t *hits, struct error *err)
{
    const char *of = json_string_value(json_object_get(where, "of"));
    struct asked q;
    if (++l->conditions > CONDITIONS_MOST)
        return wrong(err, "it has more than 100 conditions");
    if (of && strcmp(of, "delivered") == 0)
        return lay_delivered(l->s, l->tx, where, hits, err);
    if (of && strcmp(of, "synced") == 0)
        return lay_take(l->s, l->tx, where, hits, err);
    struct arena *a = arena_open(1 << 20);
    bool ok = asked_of(l->s, where, a, &q, err);
    if (ok)
        lay(l->s, &q, hits);
    arena_close(a);
    return ok;
}

static bool lay_several(struct laying *l, const json_t *list, bool any, uint8_t *hits, int depth,
                        struct error *err)
{
    size_t i, count = l->s->count;
    const json_t *one;
    uint8_t *sum = calloc(count + 1, 1), *each = malloc(count + 1);
    if (!sum || !each)
        abort();
    bool ok = true;
    json_array_foreach(list, i, one)
    {
        memcpy(each, hits, count);
        ok = ok && lay_any(l, one, any ? each : hits, depth + 1, err);
        for (size_t k = 0; ok && any && k < count; k++)
            sum[k] |= each[k];
    }
    if (ok && any && json_array_size(list))
        memcpy(hits, sum, count);
    free(sum);
    free(each);
    return ok;
}

static bool lay_any(struct laying *l, const json_t *where, uint8_t *hits, int depth,
                    struct error *err)
{
    const json_t *all = json_object_get(where, "all"), *any = json_object_get(where, "any");
    if (depth > WHERE_DEPTH)
        return wrong(err, "its conditions are nested deeper than %d", WHERE_DEPTH);
    if (json_is_array(all) || json_is_array(any))
        return lay_several(l, json_is_array(all) ? all : any, !json_is_array(all), hits, depth,
                           err);
    return lay_one(l, where, hits, err);
}

bool shelf_where(struct shelf *s, struct db_tx *tx, const json_t *where, uint8_t *hits,
                 struct error *err)
{
    struct laying l = {.s = s, .tx = tx};
    return lay_any(&l, where, hits, 0, err);
}
