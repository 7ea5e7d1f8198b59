/*
 * Prints of frames, for notes that go on to a next version (house/review, formats/prints).
 *
 * They are made with the proxies. Proxies that an older program made have none: those of a version
 * whose notes are to go on, or that they go on to, are made then, in a job that makes nothing else,
 * and the notes wait for it. When it fails they go on without, by timecode alone.
 */
#include "formats/prints/prints.h"
#include "house/flow/inside.h"
#include "house/review/review.h"
#include "store/store.h"

#include <string.h>

enum { PRINTS_BYTES = 64 << 20, PRIORITY = 45 };

struct side {
    struct version_source v;
    const struct derived_file *prints; // NULL: none are there
    bool could;                        // there are proxies of a moving picture
};

static bool moves(const struct version_source *v)
{
    json_t *facts = v->facts ? json_loads(v->facts, 0, NULL) : NULL;
    const char *kind = json_string_value(json_object_get(facts, "kind"));
    bool yes =
        json_array_size(json_object_get(facts, "video")) > 0 && kind && strcmp(kind, "still") != 0;
    json_decref(facts);
    return yes;
}

static bool side_of(struct db_tx *tx, const char *version, struct arena *a, struct side *s,
                    struct error *err)
{
    struct derived_file *list;
    size_t count;
    *s = (struct side){.prints = NULL};
    if (!version_source(tx, version, a, &s->v, err))
        return false;
    if (!s->v.recipe)
        return true;
    if (!derived_find(tx, &s->v.content, s->v.recipe, a, &list, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        s->could |= strcmp(list[i].kind, "scrub") == 0 && moves(&s->v);
        if (strcmp(list[i].kind, "prints") == 0)
            s->prints = &list[i];
    }
    return true;
}

// In the arena; none there is no error.
static struct prints read_prints(struct flow *f, const struct side *s, struct arena *a)
{
    struct prints p = {0};
    struct error ignored;
    const struct store_map *map;
    if (!s->prints || s->prints->size > PRINTS_BYTES ||
        !store_map_open(f->store, &s->prints->content, &map, &ignored))
        return p;
    char *at = arena_take(a, (size_t)map->size + 1);
    if (!store_map_read(map, 0, at, (size_t)map->size, &ignored) ||
        !prints_read((text){at, (size_t)map->size}, &p, &ignored))
        p = (struct prints){0};
    store_map_close(f->store, map);
    return p;
}

// *wait: a job makes them. One that has ended is not begun again.
static bool make_prints(struct db_tx *tx, const struct side *s, struct arena *a, int64_t now_ms,
                        bool *wait, struct error *err)
{
    struct transform_wanted through;
    int64_t open = 0;
    id job;
    if (s->prints || !s->could)
        return true;
    if (!transform_for(tx, s->v.asset, a, &through, err))
        return false;
    json_t *ticket = json_pack("{s:s, s:b}", "kind", "proxy", "prints", 1);
    json_t *more = ticket_through(&through);
    json_object_update_missing(ticket, more);
    json_decref(more);
    struct job_wish wish = {.project = s->v.project,
                            .kind = "prints",
                            .title = arena_format(a, "Frames of %s, for its notes", s->v.name),
                            .by = "Posthouse",
                            .asset = s->v.asset,
                            .version = s->v.id,
                            .subject = s->v.recipe,
                            .ticket = ticket,
                            .cause = arena_format(a, "prints %s %s", s->v.id, s->v.recipe),
                            .priority = PRIORITY,
                            .reads_bytes = s->v.size};
    bool ok = job_make(tx, &wish, now_ms, &job, err) &&
              db_one_int(tx, &open, 0, err,
                         "select count(*) from jobs where id = ?1 and state not in ('done', "
                         "'failed', 'cancelled')",
                         "s", job.text);
    json_decref(ticket);
    *wait |= open > 0;
    return ok;
}

static bool beside(struct db_tx *tx, const char *version, int step, id *other, struct error *err)
{
    *other = (id){""};
    struct db_rows *rows = db_query(tx,
                                    "select b.id from versions v join versions b on b.asset = "
                                    "v.asset and b.number = v.number + ?2 where v.id = ?1",
                                    "si", version, (int64_t)step);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), other->text, sizeof(other->text));
    return db_end(rows, err);
}

bool prints_carry(struct flow *f, struct db_tx *tx, const char *version, struct arena *a,
                  int64_t now_ms, struct error *err)
{
    bool wanted, wait = false;
    int64_t carried;
    id before;
    struct side then, now;
    if (!notes_carry_wanted(tx, version, &wanted, err))
        return false;
    if (!wanted)
        return true;
    if (!beside(tx, version, -1, &before, err) || !side_of(tx, before.text, a, &then, err) ||
        !side_of(tx, version, a, &now, err))
        return false;
    if (strcmp(now.v.state, "ready") != 0) // its proxies are still made
        return true;
    if (!make_prints(tx, &then, a, now_ms, &wait, err) ||
        !make_prints(tx, &now, a, now_ms, &wait, err))
        return false;
    if (wait)
        return true;
    struct prints from = read_prints(f, &then, a), to = read_prints(f, &now, a);
    return notes_carry(tx, version, &from, &to, &carried, err);
}

bool prints_ended(struct flow *f, struct db_tx *tx, const char *version, struct arena *a,
                  int64_t now_ms, struct error *err)
{
    id next;
    return prints_carry(f, tx, version, a, now_ms, err) && beside(tx, version, 1, &next, err) &&
           (!next.text[0] || prints_carry(f, tx, next.text, a, now_ms, err));
}
