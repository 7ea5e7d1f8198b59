/*
 * What is chosen, as a table: CSV with the fields of the project, or an Avid log. The last column,
 * Id, lets the same file find its assets again when it comes back.
 */
#include "house/fields/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct exporting {
    struct shelves *all;
    const struct export_wish *wish;
    const char **ids;
    size_t id_count;
    struct arena *a;
    struct table table;
    bool ale;
};

static const char *end_label(struct arena *a, const struct item *item)
{
    struct tc_rate rate;
    if (item->starts_us < 0 || !item_counting(item, &rate))
        return "";
    int64_t end =
        rescale(item->starts_us + item->lasts_us, (rational){1000000, 1}, rate.fps, ROUND_NEAREST);
    return arena_text(a, tc_format(end, &rate).text);
}

static const char *start_label(struct arena *a, const struct item *item)
{
    tc_label label;
    return item_label(item, &label) ? arena_text(a, label.text) : "";
}

// Picture is V, sound A1A2 and so on, as Avid's own logs say it.
static const char *tracks_of(struct arena *a, const struct item *item)
{
    struct buf to = BUF_LIMIT(400);
    if (item->width)
        buf_text(&to, "V");
    for (int i = 1; i <= item->channels && i <= 24; i++)
        buf_format(&to, "A%d", i);
    const char *made = arena_copy(a, to.at ? to.at : "", to.size);
    buf_free(&to);
    return made;
}

enum { BEFORE_CSV = 5, BEFORE_ALE = 4 };
static const char *const csv_heads[BEFORE_CSV] = {"Name", "Kind", "Start", "End", "Rate"};
static const char *const ale_heads[BEFORE_ALE] = {"Name", "Tracks", "Start", "End"};

static void heads(struct exporting *e, const struct shelf *s)
{
    struct table *t = &e->table;
    size_t before = e->ale ? BEFORE_ALE : BEFORE_CSV;
    t->columns = before + s->field_count + 1;
    t->heads = ARENA_ARRAY(e->a, const char *, t->columns + 1);
    for (size_t i = 0; i < before; i++)
        t->heads[i] = e->ale ? ale_heads[i] : csv_heads[i];
    for (size_t i = 0; i < s->field_count; i++) // Avid calls a reel a tape
        t->heads[before + i] = e->ale && strcmp(s->fields[i].folded, "reel") == 0
                                   ? "Tape"
                                   : arena_text(e->a, s->fields[i].name);
    t->heads[t->columns - 1] = e->ale ? "Posthouse Id" : "Id";
}

static void row(struct exporting *e, const struct shelf *s, uint32_t place)
{
    const struct item *item = s->items[place];
    struct table *t = &e->table;
    const char **c = ARENA_ARRAY(e->a, const char *, t->columns + 1);
    size_t at = 0;
    c[at++] = arena_text(e->a, item->name);
    c[at++] = e->ale ? tracks_of(e->a, item) : kind_words[item->kind];
    c[at++] = start_label(e->a, item);
    c[at++] = end_label(e->a, item);
    if (!e->ale)
        c[at++] = arena_text(e->a, item->rate);
    for (size_t i = 0; i < s->field_count; i++) {
        const struct cell *cell = shelf_cell(s, s->fields[i].number, place);
        c[at++] = cell ? arena_text(e->a, cell->value) : "";
    }
    c[at] = arena_text(e->a, item->id);
    t->rows[t->count++] = (struct table_row){.cells = c};
}

// FPS is of the whole log: the rate that most of them have.
static void about(struct exporting *e, const struct shelf *s)
{
    const char *rates[64];
    int counts[64] = {0}, best = 0, height = 0;
    size_t known = 0;
    for (size_t i = 0; i < e->id_count; i++) {
        uint32_t place = shelf_place(s, e->ids[i]);
        if (place == UINT32_MAX || !*s->items[place]->rate)
            continue;
        size_t k = 0;
        while (k < known && strcmp(rates[k], s->items[place]->rate) != 0)
            k++;
        if (k == known && known < 64)
            rates[known++] = s->items[place]->rate;
        if (k < known && ++counts[k] > counts[best])
            best = (int)k;
        height = s->items[place]->height > height ? s->items[place]->height : height;
    }
    rational fps = {24, 1};
    struct error ignored;
    if (known && !rational_parse(text_of(rates[best]), &fps, &ignored))
        fps = (rational){24, 1};
    struct table_pair *list = ARENA_ARRAY(e->a, struct table_pair, 3);
    list[0] = (struct table_pair){"VIDEO_FORMAT", height > 1080   ? "CUSTOM"
                                                  : height == 720 ? "720"
                                                                  : "1080"};
    list[1] = (struct table_pair){"AUDIO_FORMAT", "48khz"};
    list[2] = (struct table_pair){
        "FPS", fps.den == 1 ? arena_format(e->a, "%lld", (long long)fps.num)
                            : arena_format(e->a, "%.2f", (double)fps.num / (double)fps.den)};
    if (fps.den == 1001 && fps.num == 24000)
        list[2].value = "23.976";
    e->table.about = list;
    e->table.about_count = 3;
}

static bool export_in(struct db_tx *tx, void *context, struct error *err)
{
    struct exporting *e = context;
    struct shelf *s = shelf_take(e->all, tx, e->wish->project, err);
    if (!s)
        return false;
    e->table.rows = ARENA_ARRAY(e->a, struct table_row, e->id_count + 1);
    heads(e, s);
    for (size_t i = 0; i < e->id_count; i++) {
        uint32_t place = shelf_place(s, e->ids[i]);
        if (place != UINT32_MAX && s->items[place]->there)
            row(e, s, place);
    }
    if (e->ale)
        about(e, s);
    shelf_give_back(e->all);
    return true;
}

bool fields_export(struct db *db, struct shelves *s, const struct export_wish *wish,
                   struct arena *a, struct buf *to, size_t *count, size_t *changed,
                   struct error *err)
{
    struct exporting e = {.all = s, .wish = wish, .a = a, .ale = strcmp(wish->format, "ale") == 0};
    if (!e.ale && strcmp(wish->format, "csv") != 0) {
        error_set(err, ERROR_INPUT, "there is no format \"%.40s\" of tables", wish->format);
        return error_fix(err, "take csv or ale");
    }
    if (wish->assets) {
        e.ids = ARENA_ARRAY(a, const char *, json_array_size(wish->assets) + 1);
        for (size_t i = 0; i < json_array_size(wish->assets); i++)
            e.ids[e.id_count++] = json_string_value(json_array_get(wish->assets, i));
    } else {
        struct found found;
        if (!shelves_find(s, wish->find, a, &found, err))
            return false;
        e.ids = found.ids;
        e.id_count = found.count;
    }
    if (!db_read(db, export_in, &e, err))
        return false;
    *count = e.table.count;
    return e.ale ? ale_write(&e.table, to, changed, err) : csv_write(&e.table, to, changed, err);
}
