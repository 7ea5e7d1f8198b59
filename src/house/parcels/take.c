/*
 * Taking a document: all of it in one transaction, or nothing.
 *
 * A thing that is known (origins) is the one that is here; else a new one is made, under its own id
 * when that is free, so that ids are mostly the same everywhere. Both houses may have added
 * versions meanwhile: those that are new here come behind those that are here, in their order.
 * Notes are told by where they were written; their words change only when they were changed there,
 * where their author is. Names, places, and what became of notes: later.c.
 */
#include "formats/metadata/metadata.h"
#include "house/assets/assets.h"
#include "house/parcels/inside.h"
#include "house/review/review.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STAMP_MOST ((int64_t)1 << 53) // of when something changed
enum {
    FOLDERS_MOST = 100,
    VERSIONS_MOST = 10000,
    FILES_MOST = 1000000,
    NOTES_MOST = 10000,
    DECISIONS_MOST = 1000
};

// ---- reading

static bool odd(struct error *err, const char *what)
{
    error_set(err, ERROR_INPUT, "what another house says of an asset can not be read");
    error_why(err, "%s is not as it must be", what);
    return error_fix(err, "both houses should run the same version of posthouse");
}

static bool is_text(const json_t *object, const char *name, size_t most)
{
    const json_t *at = json_object_get(object, name);
    return json_is_string(at) && json_string_length(at) <= most &&
           strlen(json_string_value(at)) == json_string_length(at);
}

static bool is_count(const json_t *object, const char *name, int64_t least)
{
    const json_t *at = json_object_get(object, name);
    return json_is_integer(at) && json_integer_value(at) >= least;
}

// Of a document of an older house it is not there.
static bool is_stamp(const json_t *object, const char *name)
{
    return !json_object_get(object, name) ||
           (is_count(object, name, 0) && parcel_count(object, name) <= STAMP_MOST);
}

static bool is_list(const json_t *object, const char *name, size_t most)
{
    const json_t *at = json_object_get(object, name);
    return json_is_array(at) && json_array_size(at) <= most;
}

static bool is_thing(const json_t *object)
{
    return id_valid(text_of(parcel_word(object, "house"))) &&
           id_valid(text_of(parcel_word(object, "thing")));
}

static bool is_object_or_null(const json_t *object, const char *name)
{
    const json_t *at = json_object_get(object, name);
    return json_is_object(at) || json_is_null(at);
}

static bool file_reads(const json_t *file)
{
    sha256 content;
    return is_text(file, "name", 4096) && is_count(file, "size", 0) &&
           is_count(file, "modified_ms", 0) &&
           sha256_parse(text_of(parcel_word(file, "content")), &content);
}

static bool decision_reads(const json_t *d)
{
    return is_text(d, "status", 16) && is_text(d, "by", 255) && is_text(d, "note", 2000) &&
           is_count(d, "at_ms", 0);
}

static bool version_reads(const json_t *v, struct error *err)
{
    size_t i;
    const json_t *one;
    bool ok = is_thing(v) && id_valid(text_of(parcel_word(v, "at"))) && is_count(v, "number", 1) &&
              is_count(v, "created_ms", 0) && is_text(v, "by", 500) &&
              is_object_or_null(v, "known") && is_list(v, "files", FILES_MOST) &&
              json_array_size(json_object_get(v, "files")) &&
              is_list(v, "decisions", DECISIONS_MOST);
    json_array_foreach(json_object_get(v, "files"), i, one) ok = ok && file_reads(one);
    json_array_foreach(json_object_get(v, "decisions"), i, one) ok = ok && decision_reads(one);
    return ok || odd(err, "a version");
}

static bool note_reads(const json_t *n, size_t place, size_t versions, struct error *err)
{
    const json_t *drawing = json_object_get(n, "drawing"), *end = json_object_get(n, "end_frame");
    int64_t version = parcel_count(n, "version"), parent = parcel_count(n, "parent");
    bool ok = is_thing(n) && is_count(n, "version", 0) && version < (int64_t)versions &&
              is_count(n, "parent", -1) && parent < (int64_t)place && is_count(n, "frame", 0) &&
              (json_is_null(end) || (json_is_integer(end) && json_integer_value(end) >= 0)) &&
              is_text(n, "text", COMMENT_TEXT_MAX) && is_text(n, "by", 500) &&
              (json_is_null(drawing) || json_is_array(drawing)) &&
              json_is_boolean(json_object_get(n, "resolved")) && is_text(n, "resolved_by", 500) &&
              is_count(n, "created_ms", 0) && is_count(n, "edited_ms", 0) &&
              is_stamp(n, "resolved_ms") && is_stamp(n, "deleted_ms");
    return ok || odd(err, "a note");
}

static bool folders_read(const json_t *asset)
{
    const json_t *list = json_object_get(asset, "folders"), *one;
    size_t i;
    bool ok = !list || is_list(asset, "folders", FOLDERS_MOST);
    json_array_foreach(list, i, one) ok = ok && is_thing(one) && is_text(one, "name", 255) &&
                                          is_stamp(one, "name_ms") && is_stamp(one, "place_ms");
    return ok;
}

static bool gone_reads(const json_t *parcel, struct error *err)
{
    const json_t *list = json_object_get(parcel, "gone"), *one;
    size_t i;
    bool ok = !list || is_list(parcel, "gone", NOTES_MOST);
    json_array_foreach(list, i, one) ok = ok && is_thing(one) && is_stamp(one, "deleted_ms");
    return ok || odd(err, "a deleted note");
}

static bool asset_reads(const json_t *a, struct error *err)
{
    static const char *const kinds[] = {"clip",  "sound",    "sequence",
                                        "still", "captions", "document"};
    bool known = false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        known = known || strcmp(kinds[i], parcel_word(a, "kind")) == 0;
    bool ok = known && is_thing(a) && is_text(a, "name", 255) && is_text(a, "folder", 4096) &&
              is_text(a, "by", 500) && is_count(a, "created_ms", 0) &&
              is_object_or_null(a, "told") && is_stamp(a, "name_ms") && is_stamp(a, "place_ms") &&
              folders_read(a);
    return ok || odd(err, "the asset");
}

bool parcel_check(const json_t *p, struct error *err)
{
    size_t i;
    const json_t *one, *versions = json_object_get(p, "versions"),
                       *from = json_object_get(p, "from");
    if (parcel_count(p, "format") > PARCEL_FORMAT) {
        error_set(err, ERROR_UNSUPPORTED, "the other house runs a newer version of posthouse");
        return error_fix(err, "bring this house up to that version first");
    }
    bool ok =
        (parcel_count(p, "format") == PARCEL_FORMAT && is_text(from, "name", 255) &&
         id_valid(text_of(parcel_word(from, "house"))) && is_list(p, "versions", VERSIONS_MOST) &&
         json_array_size(versions) && is_list(p, "notes", NOTES_MOST)) ||
        odd(err, "the document");
    ok = ok && asset_reads(json_object_get(p, "asset"), err);
    json_array_foreach(versions, i, one) ok = ok && version_reads(one, err);
    json_array_foreach(json_object_get(p, "notes"), i, one) ok =
        ok && note_reads(one, i, json_array_size(versions), err);
    return ok && gone_reads(p, err);
}

bool parcel_read(text bytes, json_t **parcel, struct error *err)
{
    *parcel = json_loadb(bytes.at, bytes.size, JSON_REJECT_DUPLICATES, NULL);
    bool ok = parcel_check(*parcel, err);
    if (!ok)
        json_decref(*parcel), *parcel = NULL;
    return ok;
}

bool parcel_wants(struct db_tx *tx, const char *self, const char *project, const json_t *versions,
                  json_t **places, struct error *err)
{
    size_t i;
    json_t *one;
    char local[27];
    bool ok = true;
    *places = json_array();
    json_array_foreach(versions, i, one)
    {
        ok = ok && origin_find(tx, self, project, "version", parcel_word(one, "house"),
                               parcel_word(one, "thing"), local, err);
        if (ok && !*local)
            json_array_append_new(*places, json_integer((json_int_t)i));
    }
    if (!ok)
        json_decref(*places), *places = NULL;
    return ok;
}

// ---- documents that did not change

sha256 parcel_digest(const json_t *parcel, size_t *bytes)
{
    char *written = json_dumps(parcel, JSON_COMPACT | JSON_SORT_KEYS);
    if (!written)
        abort();
    size_t size = strlen(written);
    sha256 digest = sha256_of(written, size);
    if (bytes)
        *bytes = size;
    free(written);
    return digest;
}

// What was not allowed once may be now: then the same document does more.
static void seen_text(const char *digest, unsigned may, char to[100])
{
    snprintf(to, 100, "%.64s %x", digest, may);
}

bool parcel_unseen(struct db_tx *tx, const struct parcel_wish *w, const json_t *documents,
                   json_t **places, struct error *err)
{
    size_t i;
    json_t *one;
    char local[27], said[100];
    bool ok = true;
    *places = json_array();
    json_array_foreach(documents, i, one)
    {
        int64_t seen = 0;
        seen_text(parcel_word(one, "document"), w->may, said);
        ok = ok && origin_find(tx, w->self, w->project, "asset", parcel_word(one, "house"),
                               parcel_word(one, "thing"), local, err);
        ok = ok && db_one_int(tx, &seen, 0, err,
                              "select count(*) from parcel_seen where asset = ?1 and document = ?2",
                              "ss", local, said);
        if (ok && !seen)
            json_array_append_new(*places, json_integer((json_int_t)i));
    }
    if (!ok)
        json_decref(*places), *places = NULL;
    return ok;
}

// ---- taking

struct taking {
    struct db_tx *tx;
    const struct parcel_wish *w;
    struct arena *a;
    const json_t *asset, *versions;
    char local[27]; // the asset here; "": not yet
    const char **version_ids, **note_ids;
    json_t *said; // ParcelTaken
    int64_t files, bytes;
};

// Its own id when nothing here has it.
static bool free_id(struct taking *t, const char *table, const char *thing, char to[27],
                    struct error *err)
{
    int64_t used = 0;
    const char *sql = strcmp(table, "asset") == 0 ? "select count(*) from assets where id = ?1"
                      : strcmp(table, "version") == 0
                          ? "select count(*) from versions where id = ?1"
                          : "select count(*) from comments where id = ?1";
    text_copy(text_of(thing), to, 27);
    if (!db_one_int(t->tx, &used, 0, err, sql, "s", thing))
        return false;
    if (used)
        text_copy(text_of(id_new().text), to, 27);
    return true;
}

static bool find(struct taking *t, const char *kind, const json_t *thing, char local[27],
                 struct error *err)
{
    return origin_find(t->tx, t->w->self, t->w->project, kind, parcel_word(thing, "house"),
                       parcel_word(thing, "thing"), local, err);
}

static bool keep(struct taking *t, const char *kind, const json_t *thing, const char *local,
                 struct error *err)
{
    return origin_keep(t->tx, t->w->self, t->w->project, kind, parcel_word(thing, "house"),
                       parcel_word(thing, "thing"), local, err);
}

static bool arrived(struct taking *t, const json_t *version, int64_t number,
                    const struct asset_file *f, struct error *err)
{
    char path[64];
    int64_t there = 0;
    parcel_path(parcel_word(version, "thing"), number, path);
    if (!db_one_int(t->tx, &there, 0, err,
                    "select count(*) from transfer_files where transfer = ?1 and path = ?2 and "
                    "state = 'stored' and content = ?3 and size = ?4",
                    "ssbi", t->w->transfer, path, (const void *)f->content.at, (size_t)SHA256_SIZE,
                    f->size))
        return false;
    if (there)
        return true;
    error_set(err, ERROR_CONFLICT, "%s has not arrived", f->name);
    return error_fix(err, "send it again: what is here is not sent twice");
}

static bool files_of(struct taking *t, const json_t *version, struct asset_wish *w, json_t *said,
                     struct error *err)
{
    const json_t *files = json_object_get(version, "files"), *one;
    size_t i, count = json_array_size(files);
    struct asset_file *list = ARENA_ARRAY(t->a, struct asset_file, count);
    json_array_foreach(files, i, one)
    {
        list[i] = (struct asset_file){.name = parcel_word(one, "name"),
                                      .size = parcel_count(one, "size"),
                                      .modified_ms = parcel_count(one, "modified_ms")};
        if (!sha256_parse(text_of(parcel_word(one, "content")), &list[i].content) ||
            !arrived(t, version, (int64_t)i + 1, &list[i], err))
            return false;
        json_array_append_new(said, json_pack("{s:s, s:I, s:s}", "name", list[i].name, "size",
                                              (json_int_t)list[i].size, "content",
                                              parcel_word(one, "content")));
        t->files++;
        t->bytes += list[i].size;
    }
    w->files = list;
    w->file_count = count;
    return true;
}

static bool make_asset(struct taking *t, struct asset_wish *w, struct asset_made *made,
                       struct error *err)
{
    char own[27], folder[27];
    bool found;
    w->name = parcel_word(t->asset, "name");
    w->asset_id = own;
    if (!free_id(t, "asset", parcel_word(t->asset, "thing"), own, err) ||
        !later_folder(t->tx, t->w, true, folder, &found, err))
        return false;
    w->folder = folder;
    // Its name and place are as old as they are there.
    if (!asset_add(t->tx, w, made, err) ||
        !db_run(t->tx, err,
                "update assets set created_ms = ?2, made_by = ?3, named_ms = ?4, placed_ms = ?5 "
                "where id = ?1",
                "sisii", made->asset.text, parcel_count(t->asset, "created_ms"),
                parcel_word(t->asset, "by"), parcel_count(t->asset, "name_ms"),
                parcel_count(t->asset, "place_ms")))
        return false;
    text_copy(text_of(made->asset.text), t->local, sizeof(t->local));
    return keep(t, "asset", t->asset, t->local, err);
}

static bool make_version(struct taking *t, const json_t *v, struct asset_made *made, json_t *files,
                         struct error *err)
{
    char own[27];
    const json_t *known = json_object_get(v, "known");
    char *facts = json_is_object(known) ? json_dumps(known, JSON_COMPACT) : NULL;
    struct asset_wish w = {.project = t->w->project,
                           .kind = parcel_word(t->asset, "kind"),
                           .by = parcel_word(v, "by"),
                           .facts = facts,
                           .version_id = own};
    bool ok =
        free_id(t, "version", parcel_word(v, "thing"), own, err) &&
        files_of(t, v, &w, files, err) &&
        (*t->local ? version_add(t->tx, t->local, &w, made, err) : make_asset(t, &w, made, err)) &&
        db_run(t->tx, err, "update versions set created_ms = ?2 where id = ?1", "si",
               made->version.text, parcel_count(v, "created_ms")) &&
        keep(t, "version", v, made->version.text, err);
    free(facts);
    return ok;
}

static bool take_decisions(struct taking *t, const json_t *v, const char *version, int64_t *added,
                           struct error *err)
{
    const json_t *list = json_object_get(v, "decisions"), *one;
    size_t i, count = json_array_size(list);
    struct decision_brought *d = ARENA_ARRAY(t->a, struct decision_brought, count + 1);
    json_array_foreach(list, i, one) d[i] =
        (struct decision_brought){parcel_word(one, "status"), parcel_word(one, "by"),
                                  parcel_word(one, "note"), parcel_count(one, "at_ms")};
    return decisions_bring(t->tx, version, d, count, added, err);
}

static bool take_version(struct taking *t, size_t i, struct error *err)
{
    const json_t *v = json_array_get(t->versions, i);
    char local[27];
    struct asset_made made = {0};
    int64_t number = 0, decisions = 0;
    json_t *files = json_array();
    bool ok = find(t, "version", v, local, err), fresh = ok && !*local;
    if (fresh) {
        ok = make_version(t, v, &made, files, err);
        text_copy(text_of(made.version.text), local, sizeof(local));
    }
    ok = ok &&
         db_one_int(t->tx, &number, 0, err, "select number from versions where id = ?1", "s",
                    local) &&
         take_decisions(t, v, local, &decisions, err);
    t->version_ids[i] = arena_text(t->a, local);
    json_array_append_new(json_object_get(t->said, "versions"),
                          json_pack("{s:s, s:I, s:I, s:b, s:I, s:o}", "version", local, "number",
                                    (json_int_t)number, "was",
                                    (json_int_t)parcel_count(v, "number"), "made", fresh,
                                    "decisions", (json_int_t)decisions, "files", files));
    return ok;
}

static bool take_note(struct taking *t, const json_t *n, size_t i, int64_t *made, int64_t *changed,
                      struct error *err)
{
    char local[27];
    const json_t *end = json_object_get(n, "end_frame"), *drawing = json_object_get(n, "drawing");
    int64_t parent = parcel_count(n, "parent");
    struct comment_brought c = {
        .asset = t->local,
        .version = t->version_ids[parcel_count(n, "version")],
        .parent = parent >= 0 ? t->note_ids[parent] : NULL,
        .frame = parcel_count(n, "frame"),
        .end_frame = json_is_integer(end) ? json_integer_value(end) : -1,
        .text = parcel_word(n, "text"),
        .name = *parcel_word(n, "by") ? parcel_word(n, "by") : "Guest",
        .drawing = json_is_array(drawing) && json_array_size(drawing) ? drawing : NULL,
        .resolved = json_is_true(json_object_get(n, "resolved")),
        .resolved_by = parcel_word(n, "resolved_by"),
        .created_ms = parcel_count(n, "created_ms"),
        .edited_ms = parcel_count(n, "edited_ms"),
        .resolved_ms = parcel_count(n, "resolved_ms"),
        .deleted_ms = parcel_count(n, "deleted_ms")};
    if (!find(t, "note", n, local, err))
        return false;
    if (*local) {
        bool moved, home = strcmp(parcel_word(n, "house"), t->w->self) == 0;
        t->note_ids[i] = arena_text(t->a, local);
        if (!comment_bring_again(t->tx, local, !home, &c, &moved, err))
            return false;
        *changed += moved;
        return true;
    }
    *made += 1;
    if (!free_id(t, "note", parcel_word(n, "thing"), local, err))
        return false;
    c.id = t->note_ids[i] = arena_text(t->a, local);
    return comment_bring(t->tx, &c, err) && keep(t, "note", n, local, err);
}

static bool take_notes(struct taking *t, struct error *err)
{
    const json_t *notes = json_object_get(t->w->parcel, "notes"), *one;
    size_t i;
    int64_t made = 0, changed = 0, gone = 0;
    t->note_ids = ARENA_ARRAY(t->a, const char *, json_array_size(notes) + 1);
    json_array_foreach(notes, i, one) if (!take_note(t, one, i, &made, &changed, err)) return false;
    if (!later_gone(t->tx, t->w, &gone, err))
        return false;
    json_object_set_new(t->said, "notes", json_integer(made));
    json_object_set_new(t->said, "notes_changed", json_integer(changed));
    json_object_set_new(t->said, "notes_gone", json_integer(gone));
    if (made + changed + gone && !(t->w->may & MAY_COMMENT)) {
        error_set(err, ERROR_DENIED, "this account may not write notes here");
        return error_fix(err, "give it a role that may comment, or send without notes");
    }
    return true;
}

// What people told there goes in where nobody told anything else here since it came last.
static bool take_told(struct taking *t, struct error *err)
{
    const json_t *told = json_object_get(t->asset, "told");
    char *text = json_is_object(told) ? json_dumps(told, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    char *here = NULL, *seen = NULL;
    const char *word = "none";
    struct metadata *record;
    bool ok = !text || metadata_parse(t->a, told, &record, err);
    if (ok && text) {
        struct db_rows *rows = db_query(
            t->tx,
            "select r.record, o.seen from assets a left join records r on r.asset = a.id left join "
            "origins o on o.kind = 'asset' and o.local = a.id where a.id = ?1",
            "s", t->local);
        if (db_next(rows)) {
            json_t *now = db_null(rows, 0) ? NULL : json_loads(db_text(rows, 0), 0, NULL);
            here = now ? json_dumps(now, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
            seen = db_null(rows, 1) ? NULL : arena_text(t->a, db_text(rows, 1));
            json_decref(now);
        }
        ok = db_end(rows, err);
        bool same = here && strcmp(here, text) == 0;
        bool ours = here && (!seen || strcmp(seen, here) != 0);
        word = same ? "same" : ours ? "kept" : "taken";
        if (ok && !same && !ours && !(t->w->may & MAY_EDIT)) {
            error_set(err, ERROR_DENIED, "this account may not tell facts of an asset here");
            ok = error_fix(err, "give it a role that may edit");
        }
        if (ok && !same && !ours)
            ok = db_run(t->tx, err,
                        "insert into records values (?1, ?2, ?3, ?4) on conflict (asset) do update "
                        "set record = ?2, changed_by = ?3, changed_ms = ?4",
                        "sssi", t->local, text, parcel_word(t->asset, "by"), clock_now_ms()) &&
                 db_run(t->tx, err,
                        "update origins set seen = ?2 where kind = 'asset' and local = ?1", "ss",
                        t->local, text);
    }
    json_object_set_new(t->said, "told", json_string(word));
    free(text);
    free(here);
    return ok;
}

static bool take_names(struct taking *t, bool fresh, struct error *err)
{
    static const char *const none[] = {"renamed", "placed", "names_kept"};
    for (size_t i = 0; fresh && i < sizeof(none) / sizeof(none[0]); i++)
        json_object_set_new(t->said, none[i], json_false());
    return fresh || later_take(t->tx, t->w, t->local, t->said, err);
}

static bool say_asset(struct taking *t, bool fresh, struct error *err)
{
    struct db_rows *rows = db_query(t->tx, "select name from assets where id = ?1", "s", t->local);
    bool there = db_next(rows);
    json_object_set_new(t->said, "asset", json_string(t->local));
    json_object_set_new(t->said, "name", json_string(there ? db_text(rows, 0) : ""));
    if (!db_end(rows, err))
        return false;
    json_object_set_new(t->said, "made", json_boolean(fresh));
    json_object_set_new(t->said, "count", json_integer(t->files));
    json_object_set_new(t->said, "bytes", json_integer(t->bytes));
    return true;
}

// A repeated take must not forget in the receipt what the first one brought.
static bool keep_taken(struct taking *t, struct error *err)
{
    char *text = json_dumps(t->said, JSON_COMPACT);
    bool ok = db_run(t->tx, err,
                     t->files ? "insert into parcel_takes values (?1, ?2, ?3) on conflict "
                                "(transfer, asset) do update set taken = ?3"
                              : "insert into parcel_takes values (?1, ?2, ?3) on conflict "
                                "(transfer, asset) do nothing",
                     "sss", t->w->transfer, t->local, text);
    free(text);
    return ok;
}

// What was kept back of a document is looked at again when it comes again.
static bool keep_seen(struct taking *t, struct error *err)
{
    char said[100];
    bool whole = !json_is_true(json_object_get(t->said, "names_kept")) &&
                 strcmp(parcel_word(t->said, "told"), "kept") != 0;
    seen_text(whole ? sha256_text(&t->w->digest).text : "", t->w->may, said);
    return db_run(t->tx, err,
                  "insert into parcel_seen values (?1, ?2) on conflict (asset) do update set "
                  "document = ?2",
                  "ss", t->local, said);
}

bool parcel_take(struct db_tx *tx, const struct parcel_wish *wish, json_t **taken,
                 struct error *err)
{
    struct taking t = {.tx = tx,
                       .w = wish,
                       .a = arena_open((size_t)1 << 30),
                       .asset = json_object_get(wish->parcel, "asset"),
                       .versions = json_object_get(wish->parcel, "versions"),
                       .said = json_pack("{s:[]}", "versions")};
    size_t count = json_array_size(t.versions);
    t.version_ids = ARENA_ARRAY(t.a, const char *, count + 1);
    bool ok = find(&t, "asset", t.asset, t.local, err), fresh = ok && !*t.local;
    for (size_t i = 0; ok && i < count; i++)
        ok = take_version(&t, i, err);
    ok = ok && take_notes(&t, err) && take_told(&t, err) && take_names(&t, fresh, err) &&
         say_asset(&t, fresh, err) && keep_taken(&t, err) && keep_seen(&t, err);
    arena_close(t.a);
    if (ok)
        *taken = t.said;
    else
        json_decref(t.said);
    return ok;
}
