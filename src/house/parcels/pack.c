/*
 * The document of an asset (docs/formats/parcel.md): what is known of it, for another house.
 *
 * Things are named by the house where they were made and their id there. Versions are in order,
 * each with its id at the house that writes this ("at": whoever fetches asks for its files by it);
 * notes name their version and their parent by place in the lists.
 */
#include "house/parcels/inside.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct packing {
    struct db_tx *tx;
    const char *self, *name;
    json_t *version_places, *note_places; // id -> place
};

const char *parcel_word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

int64_t parcel_count(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

void parcel_path(const char *thing, int64_t number, char to[64])
{
    snprintf(to, 64, "%.26s/%06lld", thing, (long long)number);
}

// A person of this house becomes "Anna Berg (at House A)"; one of another has that already.
static json_t *by(const struct packing *p, const char *who, bool own)
{
    char said[256];
    if (!who || !*who)
        return json_string("");
    if (!own)
        return json_string(who);
    snprintf(said, sizeof(said), "%.150s (at %.80s)", who, p->name);
    text t = text_of(said);
    while (t.size && !text_utf8(t)) // a name that was cut
        t.size--;
    return json_stringn(t.at, t.size);
}

static bool name_thing(const struct packing *p, const char *kind, const char *local, json_t *to,
                       bool *own, struct error *err)
{
    char house[27], thing[27];
    if (!origin_of(p->tx, p->self, kind, local, house, thing, err))
        return false;
    json_object_set_new(to, "house", json_string(house));
    json_object_set_new(to, "thing", json_string(thing));
    *own = strcmp(house, p->self) == 0;
    return true;
}

static json_t *loads(const char *text)
{
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    return json ? json : json_null();
}

// ---- versions

static bool add_files(const struct packing *p, const char *version, json_t *to, struct error *err)
{
    json_t *files = json_array();
    struct db_rows *rows = db_query(p->tx,
                                    "select name, size, content, modified_ms from version_files "
                                    "where version = ?1 order by number",
                                    "s", version);
    while (db_next(rows)) {
        sha256 content = db_hash(rows, 2);
        json_array_append_new(files, json_pack("{s:s, s:I, s:s, s:I}", "name", db_text(rows, 0),
                                               "size", (json_int_t)db_int(rows, 1), "content",
                                               sha256_text(&content).text, "modified_ms",
                                               (json_int_t)db_int(rows, 3)));
    }
    json_object_set_new(to, "files", files);
    return db_end(rows, err);
}

static bool add_decisions(const struct packing *p, const char *version, json_t *to,
                          struct error *err)
{
    json_t *list = json_array();
    struct db_rows *rows =
        db_query(p->tx,
                 "select s.status, coalesce(p.name, s.name), s.note, s.at_ms, s.person is not null "
                 "or s.share is not null from version_statuses s left join people p on p.id = "
                 "s.person where s.version = ?1 order by s.number",
                 "s", version);
    while (db_next(rows))
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:s, s:I}", "status", db_text(rows, 0), "by",
                                        by(p, db_text(rows, 1), db_int(rows, 4) != 0), "note",
                                        db_text(rows, 2), "at_ms", (json_int_t)db_int(rows, 3)));
    json_object_set_new(to, "decisions", list);
    return db_end(rows, err);
}

struct version_rows {
    char id[27];
    int64_t number, created_ms;
    char by[300];
    json_t *known;
};

static bool add_version(struct packing *p, const char *asset, int64_t after, json_t *list,
                        int64_t *number, struct error *err)
{
    struct version_rows v = {0};
    bool own = false;
    *number = 0;
    struct db_rows *rows =
        db_query(p->tx,
                 "select v.id, v.number, v.created_ms, coalesce(p.name, v.made_by), v.known from "
                 "versions v left join people p on p.id = v.made_by where v.asset = ?1 and "
                 "v.number > ?2 order by v.number limit 1",
                 "si", asset, after);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), v.id, sizeof(v.id));
        *number = v.number = db_int(rows, 1);
        v.created_ms = db_int(rows, 2);
        text_copy(text_of(db_text(rows, 3)), v.by, sizeof(v.by));
        v.known = loads(db_text(rows, 4));
    }
    if (!db_end(rows, err))
        return false;
    if (!*number)
        return true;
    json_t *json = json_pack("{s:s, s:I, s:I, s:o}", "at", v.id, "number", (json_int_t)v.number,
                             "created_ms", (json_int_t)v.created_ms, "known", v.known);
    bool ok = name_thing(p, "version", v.id, json, &own, err) && add_files(p, v.id, json, err) &&
              add_decisions(p, v.id, json, err);
    json_object_set_new(json, "by", by(p, v.by, own));
    json_object_set_new(p->version_places, v.id, json_integer((json_int_t)json_array_size(list)));
    json_array_append_new(list, json);
    return ok;
}

static bool add_versions(struct packing *p, const char *asset, json_t *to, struct error *err)
{
    json_t *list = json_array();
    json_object_set_new(to, "versions", list);
    for (int64_t after = 0, number = 1; number; after = number)
        if (!add_version(p, asset, after, list, &number, err))
            return false;
    return true;
}

// ---- notes

static json_t *place(const json_t *places, const char *id)
{
    json_t *at = id ? json_object_get(places, id) : NULL;
    return at ? json_incref(at) : json_integer(-1);
}

static json_t *note_row(const struct packing *p, struct db_rows *rows)
{
    bool own = db_int(rows, 14) != 0;
    const char *resolver = db_text(rows, 10);
    return json_pack("{s:o, s:o, s:I, s:o, s:s, s:o, s:o, s:b, s:o, s:I, s:I, s:I, s:I, s:s}",
                     "version", place(p->version_places, db_text(rows, 1)), "parent",
                     place(p->note_places, db_text(rows, 2)), "frame", (json_int_t)db_int(rows, 3),
                     "end_frame", db_null(rows, 4) ? json_null() : json_integer(db_int(rows, 4)),
                     "text", db_text(rows, 5), "drawing", loads(db_text(rows, 6)), "by",
                     by(p, db_text(rows, 7), own), "resolved", (int)db_int(rows, 9), "resolved_by",
                     by(p, resolver, resolver && !strstr(resolver, " (at ")), "created_ms",
                     (json_int_t)db_int(rows, 11), "edited_ms", (json_int_t)db_int(rows, 12),
                     "resolved_ms", (json_int_t)db_int(rows, 15), "deleted_ms",
                     (json_int_t)db_int(rows, 16), "local", db_text(rows, 0));
}

// Each by the house where it was written, instead of its id here ("local").
static bool name_notes(const struct packing *p, json_t *list, struct error *err)
{
    json_t *note;
    size_t i;
    bool own = false, ok = true;
    json_array_foreach(list, i, note)
    {
        ok = ok && name_thing(p, "note", parcel_word(note, "local"), note, &own, err);
        json_object_del(note, "local");
    }
    return ok;
}

// In the order of their numbers: a reply comes behind what it answers.
static bool add_notes(struct packing *p, const char *asset, json_t *to, struct error *err)
{
    json_t *list = json_array();
    json_object_set_new(to, "notes", list);
    struct db_rows *rows =
        db_query(p->tx,
                 "select c.id, c.version, c.parent, c.frame, c.end_frame, c.text, c.drawing, "
                 "coalesce(p.name, c.name), c.person, c.resolved, c.resolved_by, c.created_ms, "
                 "c.edited_ms, c.number, case when exists (select 1 from origins o where o.kind = "
                 "'note' and o.local = c.id) then 0 else 1 end, c.resolved_ms, c.deleted_ms from "
                 "comments c left join people p "
                 "on p.id = c.person left join comments up on up.id = c.parent where c.asset = ?1 "
                 "and c.deleted = 0 and coalesce(up.deleted, 0) = 0 order by c.number",
                 "s", asset);
    while (db_next(rows)) {
        json_array_append_new(list, note_row(p, rows));
        json_object_set_new(p->note_places, db_text(rows, 0),
                            json_integer((json_int_t)json_array_size(list) - 1));
    }
    return db_end(rows, err) && name_notes(p, list, err);
}

// Notes that were deleted here: whoever has them may want to know.
static bool add_gone(const struct packing *p, const char *asset, json_t *to, struct error *err)
{
    json_t *list = json_array();
    json_object_set_new(to, "gone", list);
    struct db_rows *rows =
        db_query(p->tx,
                 "select id, deleted_ms from comments where asset = ?1 and deleted = 1 order by "
                 "number",
                 "s", asset);
    while (db_next(rows))
        json_array_append_new(list, json_pack("{s:s, s:I}", "local", db_text(rows, 0), "deleted_ms",
                                              (json_int_t)db_int(rows, 1)));
    return db_end(rows, err) && name_notes(p, list, err);
}

// ---- the asset

// The folders that it lies in, the top one first, and their path.
static bool add_folders(const struct packing *p, const char *folder, json_t *to, struct error *err)
{
    char at[27], path[4097] = "", longer[4097];
    json_t *list = json_array();
    bool own = false;
    json_object_set_new(to, "folders", list);
    text_copy(text_of(folder), at, sizeof(at));
    for (int depth = 0; *at && depth < 100; depth++) {
        char parent[27] = "", name[256] = "";
        json_t *one = json_object();
        struct db_rows *rows = db_query(
            p->tx, "select parent, name, named_ms, placed_ms from folders where id = ?1", "s", at);
        json_array_insert_new(list, 0, one);
        if (db_next(rows)) {
            text_copy(text_of(db_text(rows, 0)), parent, sizeof(parent));
            text_copy(text_of(db_text(rows, 1)), name, sizeof(name));
            json_object_set_new(one, "name_ms", json_integer(db_int(rows, 2)));
            json_object_set_new(one, "place_ms", json_integer(db_int(rows, 3)));
        }
        json_object_set_new(one, "name", json_string(name));
        if (!db_end(rows, err) || !name_thing(p, "folder", at, one, &own, err))
            return false;
        snprintf(longer, sizeof(longer), "%s%s%.3800s", name, *path ? "/" : "", path);
        memcpy(path, longer, sizeof(path));
        memcpy(at, parent, sizeof(at));
    }
    return json_object_set_new(to, "folder", json_string(path)) == 0 ||
           error_set(err, ERROR_TOO_BIG, "the path of a folder is too long");
}

static bool add_asset(struct packing *p, const char *asset, json_t *to, struct error *err)
{
    char folder[27] = "", made_by[300] = "";
    bool there, own = false;
    struct db_rows *rows =
        db_query(p->tx,
                 "select a.name, a.kind, a.folder, a.created_ms, coalesce(p.name, a.made_by), "
                 "r.record, a.named_ms, a.placed_ms from assets a left join people p on p.id = "
                 "a.made_by left join records "
                 "r on r.asset = a.id where a.id = ?1",
                 "s", asset);
    there = db_next(rows);
    if (there) {
        json_object_set_new(to, "name", json_string(db_text(rows, 0)));
        json_object_set_new(to, "kind", json_string(db_text(rows, 1)));
        text_copy(text_of(db_text(rows, 2)), folder, sizeof(folder));
        json_object_set_new(to, "created_ms", json_integer(db_int(rows, 3)));
        text_copy(text_of(db_text(rows, 4)), made_by, sizeof(made_by));
        json_object_set_new(to, "told", loads(db_text(rows, 5)));
        json_object_set_new(to, "name_ms", json_integer(db_int(rows, 6)));
        json_object_set_new(to, "place_ms", json_integer(db_int(rows, 7)));
    }
    if (!db_end(rows, err))
        return false;
    if (!there)
        return error_set(err, ERROR_NOT_FOUND, "there is no such asset");
    if (!add_folders(p, folder, to, err) || !name_thing(p, "asset", asset, to, &own, err))
        return false;
    json_object_set_new(to, "by", by(p, made_by, own));
    return true;
}

bool parcel_pack(struct db_tx *tx, const char *self, const char *name, const char *asset,
                 json_t **parcel, struct error *err)
{
    struct packing p = {.tx = tx,
                        .self = self,
                        .name = name && *name ? name : "another house",
                        .version_places = json_object(),
                        .note_places = json_object()};
    json_t *of = json_object();
    *parcel = json_pack("{s:i, s:{s:s, s:s}, s:o}", "format", PARCEL_FORMAT, "from", "house", self,
                        "name", p.name, "asset", of);
    bool ok = add_asset(&p, asset, of, err) && add_versions(&p, asset, *parcel, err) &&
              add_notes(&p, asset, *parcel, err) && add_gone(&p, asset, *parcel, err);
    json_decref(p.version_places);
    json_decref(p.note_places);
    if (ok)
        return true;
    json_decref(*parcel), *parcel = NULL;
    return false;
}
