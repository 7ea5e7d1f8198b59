/*
 * Takes: sound and picture that belong together, because both say the same scene and take and were
 * recorded at the same time of day by their timecode, or because somebody said so. Nothing is
 * written into any file.
 */
#include "house/fields/inside.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct slate { // of an asset that has scene and take
    const char *scene, *take;
    uint32_t place;
    bool sound;
};

static int by_slate(const void *x, const void *y)
{
    const struct slate *a = x, *b = y;
    int way = strcasecmp(a->scene, b->scene);
    if (!way)
        way = strcasecmp(a->take, b->take);
    if (!way)
        way = a->sound - b->sound;
    return way ? way : (a->place > b->place) - (a->place < b->place);
}

static int by_picture(const void *x, const void *y)
{
    const struct take_pair *a = x, *b = y;
    if (a->picture != b->picture)
        return a->picture > b->picture ? 1 : -1;
    return (a->sound > b->sound) - (a->sound < b->sound);
}

static bool overlaps(const struct item *x, const struct item *y)
{
    return x->starts_us >= 0 && y->starts_us >= 0 && x->starts_us < y->starts_us + y->lasts_us &&
           y->starts_us < x->starts_us + x->lasts_us;
}

static bool is_sound(const struct item *item)
{
    return strcmp(kind_words[item->kind], "sound") == 0;
}

static bool is_picture(const struct item *item)
{
    const char *kind = kind_words[item->kind];
    return strcmp(kind, "clip") == 0 || strcmp(kind, "sequence") == 0;
}

static void add(struct shelf *s, size_t *room, struct take_pair pair)
{
    if (s->pair_count == *room) {
        *room = *room ? *room * 2 : 256;
        s->pairs = realloc(s->pairs, *room * sizeof(*s->pairs));
        if (!s->pairs)
            abort();
    }
    s->pairs[s->pair_count++] = pair;
}

// What people said: pairs of ids, in the shelf's places.
struct by_hand {
    struct take_pair *apart;
    size_t apart_count;
};

static bool load_by_hand(struct shelf *s, struct db_tx *tx, struct by_hand *hand, size_t *room,
                         struct error *err)
{
    int64_t most = 0;
    if (!db_one_int(tx, &most, 0, err,
                    "select count(*) from takes t join assets a on a.id = t.picture where "
                    "a.project = ?1",
                    "s", s->project))
        return false;
    hand->apart = calloc((size_t)most + 1, sizeof(*hand->apart));
    if (!hand->apart)
        abort();
    struct db_rows *rows = db_query(tx,
                                    "select t.sound, t.picture, t.together from takes t join "
                                    "assets a on a.id = t.picture where a.project = ?1",
                                    "s", s->project);
    while (db_next(rows)) {
        struct take_pair p = {shelf_place(s, db_text(rows, 0)), shelf_place(s, db_text(rows, 1)),
                              true};
        if (p.sound == UINT32_MAX || p.picture == UINT32_MAX || !s->items[p.sound]->there ||
            !s->items[p.picture]->there)
            continue;
        if (db_int(rows, 2))
            add(s, room, p);
        else if (hand->apart_count < (size_t)most)
            hand->apart[hand->apart_count++] = p;
    }
    return db_end(rows, err);
}

static bool told_apart(const struct by_hand *hand, uint32_t sound, uint32_t picture)
{
    for (size_t i = 0; i < hand->apart_count; i++)
        if (hand->apart[i].sound == sound && hand->apart[i].picture == picture)
            return true;
    return false;
}

static size_t slates_of(const struct shelf *s, struct slate *to)
{
    int64_t scene = shelf_named(s, "scene"), take = shelf_named(s, "take");
    size_t count = 0;
    for (uint32_t i = 0; scene && take && i < s->count; i++) {
        const struct item *item = s->items[i];
        const struct cell *sc = shelf_cell(s, scene, i), *tk = shelf_cell(s, take, i);
        if (item->there && sc && tk && (is_sound(item) || is_picture(item)))
            to[count++] = (struct slate){sc->value, tk->value, i, is_sound(item)};
    }
    return count;
}

// Of one slate, sounds stand behind pictures.
static void pair_slate(struct shelf *s, const struct slate *list, size_t count,
                       const struct by_hand *hand, size_t *room)
{
    size_t pictures = 0;
    while (pictures < count && !list[pictures].sound)
        pictures++;
    for (size_t p = 0; p < pictures; p++)
        for (size_t k = pictures; k < count; k++)
            if (overlaps(s->items[list[p].place], s->items[list[k].place]) &&
                !told_apart(hand, list[k].place, list[p].place))
                add(s, room, (struct take_pair){list[k].place, list[p].place, false});
}

bool shelf_pairs(struct shelf *s, struct db_tx *tx, struct error *err)
{
    struct by_hand hand = {0};
    size_t room = 0;
    if (s->pairs_known)
        return true;
    free(s->pairs);
    s->pairs = NULL;
    s->pair_count = 0;
    bool ok = load_by_hand(s, tx, &hand, &room, err);
    struct slate *slates = malloc((s->count + 1) * sizeof(*slates));
    if (!slates)
        abort();
    size_t count = ok ? slates_of(s, slates) : 0, from = 0;
    qsort(slates, count, sizeof(*slates), by_slate);
    for (size_t i = 1; i <= count; i++)
        if (i == count || strcasecmp(slates[i].scene, slates[from].scene) != 0 ||
            strcasecmp(slates[i].take, slates[from].take) != 0) {
            pair_slate(s, slates + from, i - from, &hand, &room);
            from = i;
        }
    free(slates);
    free(hand.apart);
    if (s->pair_count)
        qsort(s->pairs, s->pair_count, sizeof(*s->pairs), by_picture);
    size_t kept = 0; // said by hand and by themselves: once
    for (size_t i = 0; i < s->pair_count; i++)
        if (kept && by_picture(&s->pairs[kept - 1], &s->pairs[i]) == 0)
            s->pairs[kept - 1].by_hand |= s->pairs[i].by_hand;
        else
            s->pairs[kept++] = s->pairs[i];
    s->pair_count = kept;
    s->pairs_known = ok;
    return ok;
}

// ---- showing

static json_t *member(const struct shelf *s, uint32_t place, bool by_hand)
{
    tc_label label = {""};
    (void)item_label(s->items[place], &label);
    return json_pack("{s:s, s:s, s:s, s:s, s:b}", "asset", s->items[place]->id, "name",
                     s->items[place]->name, "kind", kind_words[s->items[place]->kind], "timecode",
                     label.text, "by_hand", (int)by_hand);
}

// Of the picture's frames: where the sound's first sample is, from the picture's first frame.
static json_t *offset_of(const struct item *sound, const struct item *picture)
{
    struct tc_rate rate;
    if (sound->starts_us < 0 || picture->starts_us < 0 || !item_counting(picture, &rate))
        return json_null();
    return json_integer(rescale(sound->starts_us - picture->starts_us, (rational){1000000, 1},
                                rate.fps, ROUND_NEAREST));
}

static json_t *take_of(const struct shelf *s, uint32_t place)
{
    json_t *others = json_array();
    bool sound = is_sound(s->items[place]);
    int64_t scene = shelf_named(s, "scene"), take = shelf_named(s, "take");
    for (size_t i = 0; i < s->pair_count; i++) {
        const struct take_pair *p = &s->pairs[i];
        if (p->sound != place && p->picture != place)
            continue;
        json_t *one = member(s, sound ? p->picture : p->sound, p->by_hand);
        json_object_set_new(one, "offset_frames",
                            offset_of(s->items[p->sound], s->items[p->picture]));
        json_array_append_new(others, one);
    }
    if (!json_array_size(others)) {
        json_decref(others);
        return NULL;
    }
    const struct cell *sc = shelf_cell(s, scene, place), *tk = shelf_cell(s, take, place);
    return json_pack("{s:s, s:s, s:o}", "scene", sc ? sc->value : "", "take", tk ? tk->value : "",
                     "with", others);
}

bool takes_fill(struct shelves *all, struct db_tx *tx, const char *project, json_t *const *assets,
                size_t count, struct error *err)
{
    struct shelf *s = count ? shelf_take(all, tx, project, err) : NULL;
    if (!s)
        return !count;
    bool ok = shelf_pairs(s, tx, err);
    // Which of them are in a take at all: one walk over the pairs, not one each.
    uint8_t *in = calloc(s->count + 1, 1);
    if (!in)
        abort();
    for (size_t i = 0; i < s->pair_count; i++)
        in[s->pairs[i].sound] = in[s->pairs[i].picture] = 1;
    for (size_t i = 0; ok && i < count; i++) {
        uint32_t place = shelf_place(s, json_string_value(json_object_get(assets[i], "id")));
        json_t *take = place != UINT32_MAX && in[place] ? take_of(s, place) : NULL;
        if (take)
            json_object_set_new(assets[i], "take", take);
    }
    free(in);
    shelf_give_back(all);
    return ok;
}

// ---- by hand

static bool kind_in(struct db_tx *tx, const char *project, const char *asset, char kind[16],
                    struct error *err)
{
    kind[0] = 0;
    struct db_rows *rows = db_query(tx, "select kind from assets where id = ?1 and project = ?2",
                                    "ss", asset, project);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), kind, 16);
    return db_end(rows, err);
}

static bool shows(const char *kind)
{
    return strcmp(kind, "clip") == 0 || strcmp(kind, "sequence") == 0;
}

bool take_say(struct db_tx *tx, const char *project, const char *one, const char *other,
              bool together, const char *by, struct error *err)
{
    char first[16], second[16];
    if (!kind_in(tx, project, one, first, err) || !kind_in(tx, project, other, second, err))
        return false;
    bool sound_first = strcmp(first, "sound") == 0 && shows(second);
    if (!sound_first && !(shows(first) && strcmp(second, "sound") == 0)) {
        error_set(err, ERROR_INPUT, "these two make no take");
        error_why(err, "one has to be sound and the other a picture that moves, of this project");
        return error_fix(err, "choose a sound and a clip");
    }
    return db_run(tx, err,
                  "insert into takes (sound, picture, together, by_name, at_ms) values (?1, ?2, "
                  "?3, ?4, ?5) on conflict (sound, picture) do update set together = ?3, by_name "
                  "= ?4, at_ms = ?5",
                  "ssisi", sound_first ? one : other, sound_first ? other : one, (int64_t)together,
                  by, clock_now_ms()) &&
           db_event(tx, "takes.changed", project, project, NULL, err);
}
