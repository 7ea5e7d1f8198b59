/*
 * Names, places and deleted notes of what both houses have: the later change counts, in both.
 *
 * Each says when it last changed, in the house that changed it; a change is always later than the
 * one it changes, whatever the clocks say, so whoever knew the other's answers it. What was changed
 * in both without knowing of the other goes by the clocks. A folder is known by where it was made,
 * as an asset is: renamed there, it is renamed here and not made a second time.
 */
#include "house/assets/assets.h"
#include "house/parcels/inside.h"
#include "house/review/review.h"

#include <stdio.h>
#include <string.h>

struct standing { // of a folder or an asset here
    char name[256], above[27];
    int64_t named_ms, placed_ms;
    bool there;
};

static bool look(struct db_tx *tx, const char *kind, const char *id, struct standing *s,
                 struct error *err)
{
    struct db_rows *rows =
        db_query(tx,
                 strcmp(kind, "asset") == 0
                     ? "select name, folder, named_ms, placed_ms from assets where id = ?1"
                     : "select name, parent, named_ms, placed_ms from folders where id = ?1",
                 "s", id);
    *s = (struct standing){.there = db_next(rows)};
    if (s->there) {
        text_copy(text_of(db_text(rows, 0)), s->name, sizeof(s->name));
        text_copy(text_of(db_text(rows, 1)), s->above, sizeof(s->above));
        s->named_ms = db_int(rows, 2);
        s->placed_ms = db_int(rows, 3);
    }
    return db_end(rows, err);
}

static bool stamp(struct db_tx *tx, const char *kind, const char *id, const json_t *there,
                  bool name, bool place, struct error *err)
{
    bool asset = strcmp(kind, "asset") == 0;
    return (!name || db_run(tx, err,
                            asset ? "update assets set named_ms = ?2 where id = ?1"
                                  : "update folders set named_ms = ?2 where id = ?1",
                            "si", id, parcel_count(there, "name_ms"))) &&
           (!place || db_run(tx, err,
                             asset ? "update assets set placed_ms = ?2 where id = ?1"
                                   : "update folders set placed_ms = ?2 where id = ?1",
                             "si", id, parcel_count(there, "place_ms")));
}

// ---- folders

static bool folder_known(struct db_tx *tx, const struct parcel_wish *w, const json_t *folder,
                         char local[27], struct error *err)
{
    struct standing s = {0};
    if (!origin_find(tx, w->self, w->project, "folder", parcel_word(folder, "house"),
                     parcel_word(folder, "thing"), local, err) ||
        (*local && !look(tx, "folder", local, &s, err)))
        return false;
    if (!s.there) // it was deleted here
        *local = 0;
    return true;
}

// Changed there later than here. A name that is taken, or a place inside itself, is left.
static bool folder_follow(struct db_tx *tx, const char *local, const char *above,
                          const json_t *there, struct error *err)
{
    struct standing s;
    const char *name = parcel_word(there, "name");
    if (!look(tx, "folder", local, &s, err))
        return false;
    bool renamed = parcel_count(there, "name_ms") > s.named_ms && strcmp(name, s.name) != 0;
    bool moved = parcel_count(there, "place_ms") > s.placed_ms && strcmp(above, s.above) != 0;
    if (!renamed && !moved)
        return true;
    if (folder_change(tx, local, renamed ? name : NULL, moved ? above : NULL, err))
        return stamp(tx, "folder", local, there, renamed, moved, err);
    if (err->kind != ERROR_CONFLICT && err->kind != ERROR_TOO_BIG)
        return false;
    error_clear(err);
    return true;
}

static bool folder_new(struct db_tx *tx, const struct parcel_wish *w, const json_t *folder,
                       const char *above, char local[27], struct error *err)
{
    id made;
    int64_t there = 0, told = 0;
    const char *name = parcel_word(folder, "name"), *house = parcel_word(folder, "house"),
               *thing = parcel_word(folder, "thing");
    if (strchr(name, '/'))
        return name_acceptable("folder", name, err);
    if (!db_one_int(tx, &there, 0, err, "select count(*) from folders where project = ?1", "s",
                    w->project) ||
        !folder_ensure(tx, w->project, above, name, &made, err) ||
        !db_run(tx, err,
                "delete from origins where project = ?1 and kind = 'folder' and house = ?2 and "
                "thing = ?3",
                "sss", w->project, house, thing) ||
        !db_one_int(tx, &told, 0, err,
                    "select count(*) from origins where kind = 'folder' and local = ?1", "s",
                    made.text))
        return false;
    text_copy(text_of(made.text), local, 27);
    int64_t now = there;
    return db_one_int(tx, &now, 0, err, "select count(*) from folders where project = ?1", "s",
                      w->project) &&
           (now == there || stamp(tx, "folder", local, folder, true, true, err)) &&
           (told || origin_keep(tx, w->self, w->project, "folder", house, thing, local, err));
}

bool later_folder(struct db_tx *tx, const struct parcel_wish *w, bool make, char to[27],
                  bool *found, struct error *err)
{
    const json_t *asset = json_object_get(w->parcel, "asset"), *one,
                 *chain = json_object_get(asset, "folders");
    const char *path = parcel_word(asset, "folder");
    size_t i;
    id made = {""};
    *found = true;
    to[0] = 0;
    if (!chain && make && *path) { // an older house only says where it lies
        bool ok = folder_ensure(tx, w->project, NULL, path, &made, err);
        text_copy(text_of(made.text), to, 27);
        return ok;
    }
    *found = chain != NULL || make;
    json_array_foreach(chain, i, one)
    {
        char local[27];
        if (!folder_known(tx, w, one, local, err))
            return false;
        *found = *local || make;
        if (!*found)
            return true;
        if (*local ? (w->may & MAY_EDIT) && !folder_follow(tx, local, to, one, err)
                   : !folder_new(tx, w, one, to, local, err))
            return false;
        memcpy(to, local, sizeof(local));
    }
    return true;
}

// ---- assets

bool later_take(struct db_tx *tx, const struct parcel_wish *w, const char *asset, json_t *said,
                struct error *err)
{
    const json_t *there = json_object_get(w->parcel, "asset");
    const char *name = parcel_word(there, "name");
    struct standing s;
    char folder[27];
    bool found;
    if (!look(tx, "asset", asset, &s, err))
        return false;
    bool renamed = parcel_count(there, "name_ms") > s.named_ms && strcmp(name, s.name) != 0;
    bool later = parcel_count(there, "place_ms") > s.placed_ms;
    bool kept = (renamed || later) && !(w->may & MAY_EDIT);
    json_object_set_new(said, "names_kept", json_boolean(kept));
    if (kept)
        renamed = later = false;
    if (!later_folder(tx, w, later, folder, &found, err))
        return false;
    bool moved = later && found && strcmp(folder, s.above) != 0;
    json_object_set_new(said, "renamed", json_boolean(renamed));
    json_object_set_new(said, "placed", json_boolean(moved));
    return (!(renamed || moved) ||
            asset_change(tx, asset, renamed ? name : NULL, moved ? folder : NULL, err)) &&
           stamp(tx, "asset", asset, there, renamed, moved, err);
}

// ---- notes that were deleted

// A note goes when the house says so where it was written, or an account that manages here.
bool later_gone(struct db_tx *tx, const struct parcel_wish *w, int64_t *count, struct error *err)
{
    const json_t *one, *from = json_object_get(w->parcel, "from");
    size_t i;
    json_array_foreach(json_object_get(w->parcel, "gone"), i, one)
    {
        char local[27];
        bool changed = false;
        const char *house = parcel_word(one, "house");
        bool may = (w->may & MAY_MANAGE) ||
                   (strcmp(house, parcel_word(from, "house")) == 0 && strcmp(house, w->self) != 0);
        if (!origin_find(tx, w->self, w->project, "note", house, parcel_word(one, "thing"), local,
                         err) ||
            (*local && may &&
             !comment_bring_gone(tx, local, parcel_count(one, "deleted_ms"), &changed, err)))
            return false;
        *count += changed;
    }
    return true;
}
