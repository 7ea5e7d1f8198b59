#include "house/assets/spans.h"
#include "house/assets/inside.h"

#include <stdlib.h>
#include <string.h>

#define SEVERAL "several files"
enum { FILES_MOST = 10000, PUT_AWAY = 2 }; // of `deleted`: shown nowhere

static json_t *span_json(const char *kind, size_t files, const json_t *missing, const json_t *parts)
{
    json_t *span = json_pack("{s:s, s:I, s:o}", "kind", kind, "files", (json_int_t)files, "missing",
                             missing ? json_deep_copy(missing) : json_array());
    if (json_array_size(parts))
        json_object_set_new(span, "parts", json_deep_copy(parts));
    return span;
}

// Takes the span over.
static char *facts_with(json_t *span)
{
    json_t *facts = json_pack("{s:s,s:s,s:i,s:s,s:b,s:s,s:[],s:[],s:[],s:[],s:s,s:{},s:o}",
                              "container", SEVERAL, "kind", "clip", "duration_frames", 0, "rate",
                              "25", "vfr", 0, "rate_from", "none", "video", "audio", "captions",
                              "damage", "duration_text", "", "tags", "span", span);
    char *written = json_dumps(facts, JSON_COMPACT);
    json_decref(facts);
    return written;
}

char *span_facts(const char *kind, size_t files, const json_t *missing)
{
    return facts_with(span_json(kind, files, missing, NULL));
}

static bool files_of(struct db_tx *tx, const char *asset, struct arena *a,
                     struct asset_file **files, size_t *count, struct error *err)
{
    int64_t rooms = 0;
    *count = 0;
    if (!db_one_int(tx, &rooms, 0, err,
                    "select count(*) from version_files f join assets a on a.newest = f.version "
                    "where a.id = ?1",
                    "s", asset))
        return false;
    *files = ARENA_ARRAY(a, struct asset_file, (size_t)rooms + 1);
    struct db_rows *rows =
        db_query(tx,
                 "select f.name, f.size, f.content, f.modified_ms from version_files f join assets "
                 "a on a.newest = f.version where a.id = ?1 order by f.number limit ?2",
                 "si", asset, (int64_t)FILES_MOST);
    while (db_next(rows) && *count < (size_t)rooms)
        (*files)[(*count)++] = (struct asset_file){.name = arena_text(a, db_text(rows, 0)),
                                                   .size = db_int(rows, 1),
                                                   .content = db_hash(rows, 2),
                                                   .modified_ms = db_int(rows, 3)};
    return db_end(rows, err);
}

bool span_find(struct db_tx *tx, const char *project, const char *folder, const char *span,
               char asset[27], struct arena *a, struct asset_file **files, size_t *count,
               struct error *err)
{
    *asset = 0;
    *count = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select s.asset from span_parts s join assets a on a.id = s.asset and a.deleted = "
                 "0 where s.project = ?1 and s.folder = ?2 and s.span = ?3 order by s.part limit 1",
                 "sss", project, folder, span);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), asset, 27);
    return db_end(rows, err) && (!*asset || files_of(tx, asset, a, files, count, err));
}

bool span_note(struct db_tx *tx, const char *project, const char *folder, const char *span,
               int64_t part, const char *asset, struct error *err)
{
    return db_run(tx, err,
                  "insert into span_parts (project, folder, span, part, asset) values (?1, ?2, ?3, "
                  "?4, ?5) on conflict (project, folder, span, part) do update set asset = ?5",
                  "sssis", project, folder, span, part, asset);
}

// ---- joining what came as assets of their own

static bool put_away(struct db_tx *tx, const char *asset, const char *into, struct error *err)
{
    struct where w;
    return asset_where(tx, asset, &w, err) &&
           db_run(tx, err, "update assets set deleted = ?2 where id = ?1", "si", asset,
                  (int64_t)PUT_AWAY) &&
           db_run(tx, err, "update transfer_files set asset = ?2 where asset = ?1", "ss", asset,
                  into) &&
           db_run(tx, err, "update span_parts set asset = ?2 where asset = ?1", "ss", asset,
                  into) &&
           db_run(tx, err, "update shot_parts set asset = ?2 where asset = ?1", "ss", asset,
                  into) &&
           count_in(tx, w.project, w.folder, -1, -w.bytes, err) &&
           say_asset(tx, "asset.deleted", w.project, asset, w.newest, err);
}

static bool has(const struct asset_file *list, size_t count, const struct asset_file *f)
{
    for (size_t i = 0; i < count; i++)
        if (sha256_equal(&list[i].content, &f->content) && strcmp(list[i].name, f->name) == 0)
            return true;
    return false;
}

static void put_in_order(struct asset_file *all, size_t total, const sha256 *order, size_t count)
{
    size_t done = 0;
    for (size_t i = 0; i < count && done < total; i++)
        for (size_t k = done; k < total; k++) {
            if (!sha256_equal(&all[k].content, &order[i]))
                continue;
            struct asset_file f = all[k];
            memmove(&all[done + 1], &all[done], (k - done) * sizeof(*all));
            all[done++] = f;
            break;
        }
}

bool span_join(struct db_tx *tx, const char *const *assets, size_t count, const char *kind,
               const json_t *missing, struct error *err)
{
    return span_join_in_order(tx, assets, count, kind, missing, NULL, 0, err);
}

bool span_join_in_order(struct db_tx *tx, const char *const *assets, size_t count, const char *kind,
                        const json_t *missing, const sha256 *order, size_t order_count,
                        struct error *err)
{
    struct arena *a = arena_open(256 << 20);
    struct asset_file *all = ARENA_ARRAY(a, struct asset_file, FILES_MOST), *some;
    size_t total = 0, had = 0, got;
    char by[300] = "";
    bool ok = true, whole = true;
    for (size_t i = 0; ok && whole && i < count; i++) {
        struct where w;
        ok = asset_where(tx, assets[i], &w, err) && files_of(tx, assets[i], a, &some, &got, err);
        // Media that lies in a place is that place's: its versions are not made of others' files.
        int64_t lies = 0;
        ok = ok &&
             db_one_int(tx, &lies, 0, err, "select count(*) from place_versions where version = ?1",
                        "s", w.newest);
        whole = ok && !w.deleted && !lies && total + got <= FILES_MOST;
        for (size_t k = 0; whole && k < got; k++)
            if (!has(all, total, &some[k]))
                all[total++] = some[k];
        had = i ? had : total;
    }
    put_in_order(all, total, order, order_count);
    if (ok && whole && total > had) {
        struct db_rows *rows =
            db_query(tx, "select made_by from assets where id = ?1", "s", assets[0]);
        text_copy(text_of(db_next(rows) ? db_text(rows, 0) : ""), by, sizeof(by));
        struct asset_made made;
        char *facts = span_facts(kind, total, missing);
        struct asset_wish wish = {
            .kind = "clip", .by = by, .files = all, .file_count = total, .facts = facts};
        ok = db_end(rows, err) && version_add(tx, assets[0], &wish, &made, err);
        free(facts);
        for (size_t i = 1; ok && i < count; i++)
            ok = put_away(tx, assets[i], assets[0], err);
    }
    arena_close(a);
    return ok;
}

// ---- what is not there

struct spanned { // an asset's newest version
    char version[27], project[27];
    json_t *facts, *known;
    size_t files;
    bool in_place;
};

static bool spanned_get(struct db_tx *tx, const char *asset, struct spanned *s, struct error *err)
{
    *s = (struct spanned){.facts = NULL};
    struct db_rows *rows = db_query(
        tx,
        "select v.id, a.project, v.facts, v.known, v.file_count, (select count(*) from "
        "place_versions p where p.version = v.id) from assets a join versions v on v.id = a.newest "
        "where a.id = ?1",
        "s", asset);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), s->version, sizeof(s->version));
        text_copy(text_of(db_text(rows, 1)), s->project, sizeof(s->project));
        s->facts = db_text(rows, 2) ? json_loads(db_text(rows, 2), 0, NULL) : NULL;
        s->known = db_text(rows, 3) ? json_loads(db_text(rows, 3), 0, NULL) : NULL;
        s->files = (size_t)db_int(rows, 4);
        s->in_place = db_int(rows, 5) != 0;
    }
    return db_end(rows, err);
}

static void spanned_end(struct spanned *s)
{
    json_decref(s->facts);
    json_decref(s->known);
}

static const json_t *span_of(const struct spanned *s)
{
    return json_object_get(s->known, "span");
}

static bool write_span(struct db_tx *tx, struct spanned *s, const char *asset, json_t *span,
                       struct error *err)
{
    const char *container = json_string_value(json_object_get(s->known, "container"));
    char *known = NULL, *facts = NULL;
    if (s->facts && span)
        json_object_set(s->facts, "span", span);
    else if (s->facts)
        json_object_del(s->facts, "span");
    if (span && !s->known) {
        known = facts_with(json_incref(span));
    } else if (s->known && (span || !container || strcmp(container, SEVERAL) != 0)) {
        if (span)
            json_object_set(s->known, "span", span);
        else
            json_object_del(s->known, "span");
        known = json_dumps(s->known, JSON_COMPACT);
    }
    facts = s->facts ? json_dumps(s->facts, JSON_COMPACT) : NULL;
    bool ok = db_run(tx, err, "update versions set facts = ?2, known = ?3 where id = ?1", "sss",
                     s->version, facts, known) &&
              say_asset(tx, "asset.changed", s->project, asset, s->version, err);
    free(known);
    free(facts);
    return ok;
}

bool span_say(struct db_tx *tx, const char *asset, const char *kind, const json_t *missing,
              struct error *err)
{
    struct spanned s;
    if (!spanned_get(tx, asset, &s, err))
        return false;
    const json_t *had = span_of(&s), *own = json_object_get(had, "kind");
    json_t *span = NULL;
    if (s.files > 1 || json_array_size(missing))
        span = span_json(own ? json_string_value(own) : kind, s.files, missing,
                         json_object_get(had, "parts"));
    bool same = !*s.version || (span ? had && json_equal(span, had) : !had);
    bool ok = same || write_span(tx, &s, asset, span, err);
    json_decref(span);
    spanned_end(&s);
    return ok;
}

bool span_lacks(struct db_tx *tx, const char *asset, bool *lacks, struct error *err)
{
    struct spanned s;
    bool ok = spanned_get(tx, asset, &s, err);
    *lacks = ok && json_array_size(json_object_get(span_of(&s), "missing"));
    if (ok)
        spanned_end(&s);
    return ok;
}

// ---- MXF OP-Atom

enum { ATOM_MOST = 64 };

struct atom {
    char ids[ATOM_MOST][27];
    const char *list[ATOM_MOST]; // assets, in the order of their tracks
    size_t count;
    int64_t have[ATOM_MOST];
    size_t have_count;
};

static bool atom_parts(struct db_tx *tx, const char *project, const char *package, struct atom *x,
                       struct error *err)
{
    x->count = x->have_count = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select s.asset, s.part from span_parts s join assets a on a.id = s.asset and "
                 "a.deleted = 0 where s.project = ?1 and s.folder = '' and s.span = ?2 order by "
                 "s.part",
                 "ss", project, package);
    while (db_next(rows) && x->have_count < ATOM_MOST) {
        bool again = false;
        x->have[x->have_count++] = db_int(rows, 1);
        for (size_t i = 0; i < x->count; i++)
            again = again || strcmp(x->ids[i], db_text(rows, 0)) == 0;
        if (!again) {
            text_copy(text_of(db_text(rows, 0)), x->ids[x->count], 27);
            x->list[x->count] = x->ids[x->count];
            x->count++;
        }
    }
    return db_end(rows, err);
}

// "picture", "sound 2 of 4".
static json_t *atom_missing(const struct span_set *set, const struct atom *x)
{
    json_t *missing = json_array();
    size_t all[2] = {0, 0}, number[2] = {0, 0};
    for (size_t i = 0; i < set->count; i++)
        all[set->tracks[i].picture]++;
    for (size_t i = 0; i < set->count; i++) {
        bool there = false, picture = set->tracks[i].picture;
        number[picture]++;
        for (size_t k = 0; k < x->have_count; k++)
            there = there || x->have[k] == set->tracks[i].number;
        const char *word = picture ? "picture" : "sound";
        if (!there && all[picture] > 1)
            json_array_append_new(
                missing, json_sprintf("%s %zu of %zu", word, number[picture], all[picture]));
        else if (!there)
            json_array_append_new(missing, json_string(word));
    }
    return missing;
}

static bool atom_whole(const struct span_set *set, const struct atom *x)
{
    json_t *missing = atom_missing(set, x);
    bool whole = !json_array_size(missing);
    json_decref(missing);
    return whole;
}

// One of its files went into a recording of several clips: that is whole by itself.
static bool atom_taken(struct db_tx *tx, const struct atom *x, bool *taken, struct error *err)
{
    *taken = false;
    for (size_t i = 0; i < x->count; i++) {
        struct spanned s;
        if (!spanned_get(tx, x->list[i], &s, err))
            return false;
        *taken = *taken || json_object_get(span_of(&s), "parts");
        spanned_end(&s);
    }
    return true;
}

bool span_atom(struct db_tx *tx, const char *asset, const struct span_set *set, struct error *err)
{
    struct atom x;
    char project[27] = "";
    bool taken;
    struct db_rows *rows =
        db_query(tx, "select project from assets where id = ?1 and deleted = 0", "s", asset);
    bool there = db_next(rows);
    if (there)
        text_copy(text_of(db_text(rows, 0)), project, sizeof(project));
    if (!db_end(rows, err))
        return false;
    if (!there)
        return true;
    // Sets are of one folder, or of two beside each other (P2: VIDEO and AUDIO): the package is
    // unique.
    if (!span_note(tx, project, "", set->package, set->track, asset, err) ||
        !atom_parts(tx, project, set->package, &x, err) || !atom_taken(tx, &x, &taken, err))
        return false;
    if (taken)
        return true;
    if (atom_whole(set, &x))
        return x.count < 2 || span_join(tx, x.list, x.count, "tracks", NULL, err);
    if (!set->over)
        return true;
    json_t *missing = atom_missing(set, &x);
    bool ok = x.count < 2 || !set->several ||
              (span_join(tx, x.list, x.count, "tracks", missing, err) &&
               atom_parts(tx, project, set->package, &x, err));
    for (size_t i = 0; ok && i < x.count; i++)
        ok = span_say(tx, x.list[i], "tracks", missing, err);
    json_decref(missing);
    return ok;
}

// ---- recordings of several clips

enum { CLIPS_MOST = 200 };

struct shot_row {
    char asset[27];
    struct span_clip clip;
    size_t first, count; // of its asset's files
};
struct shot {
    struct arena *a;
    struct shot_row at[CLIPS_MOST];
    size_t count, assets;
    const char *into; // the asset that all become
    bool ready;       // none lacks a track, or lies in a place
};

bool span_shot_note(struct db_tx *tx, const char *project, const struct span_clip *c,
                    const char *asset, struct error *err)
{
    return db_run(tx, err,
                  "insert into shot_parts (project, shot, part, asset, clip, frames, id, "
                  "before_id, before_name, after_id, after_name) values (?1, ?2, ?3, ?4, ?5, ?6, "
                  "?7, ?8, ?9, ?10, ?11) on conflict (project, shot, part) do update set asset = "
                  "excluded.asset where (select a.deleted from assets a where a.id = "
                  "shot_parts.asset) <> 0",
                  "ssississsss", project, c->shot, c->offset, asset, c->clip, c->frames, c->id,
                  c->before_id, c->before, c->after_id, c->after);
}

static const char *kept(struct arena *a, const char *text)
{
    return text ? arena_text(a, text) : NULL;
}

static bool shot_rows(struct db_tx *tx, const char *project, const char *shot, struct shot *x,
                      struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select s.asset, s.part, s.frames, s.clip, s.id, s.before_id, s.before_name, s.after_id, "
        "s.after_name from shot_parts s join assets a on a.id = s.asset and a.deleted = 0 where "
        "s.project = ?1 and s.shot = ?2 order by s.part limit ?3",
        "ssi", project, shot, (int64_t)CLIPS_MOST);
    while (db_next(rows)) {
        struct shot_row *r = &x->at[x->count++];
        text_copy(text_of(db_text(rows, 0)), r->asset, sizeof(r->asset));
        r->clip = (struct span_clip){.shot = shot,
                                     .clip = kept(x->a, db_text(rows, 3)),
                                     .id = kept(x->a, db_text(rows, 4)),
                                     .offset = db_int(rows, 1),
                                     .frames = db_int(rows, 2),
                                     .before_id = kept(x->a, db_text(rows, 5)),
                                     .before = kept(x->a, db_text(rows, 6)),
                                     .after_id = kept(x->a, db_text(rows, 7)),
                                     .after = kept(x->a, db_text(rows, 8))};
    }
    return db_end(rows, err);
}

// As atom_missing says it; what span_shot says is of whole clips.
static bool lacks_track(const json_t *span)
{
    const char *first = json_string_value(json_array_get(json_object_get(span, "missing"), 0));
    return first &&
           (text_starts(text_of(first), "picture") || text_starts(text_of(first), "sound"));
}

// Which files of its asset each clip is; an asset that is several of them already keeps its notes.
static bool shot_files(struct db_tx *tx, struct shot *x, struct error *err)
{
    x->ready = true;
    for (size_t i = 0; i < x->count; i++) {
        struct shot_row *r = &x->at[i];
        size_t before = 0;
        for (size_t k = 0; k < i; k++)
            before += strcmp(x->at[k].asset, r->asset) == 0;
        struct spanned s;
        if (!spanned_get(tx, r->asset, &s, err))
            return false;
        const json_t *span = span_of(&s), *parts = json_object_get(span, "parts");
        const char *kind = json_string_value(json_object_get(span, "kind"));
        r->count = s.files;
        for (size_t k = 0; parts && k <= before; k++) {
            r->first += k ? r->count : 0;
            r->count = (size_t)json_integer_value(json_array_get(parts, k));
        }
        if (parts && !x->into)
            x->into = r->asset;
        x->assets += !before;
        x->ready = x->ready && !s.in_place && r->count &&
                   (parts || !kind || strcmp(kind, "tracks") != 0 || !lacks_track(span));
        spanned_end(&s);
    }
    x->into = x->into || !x->count ? x->into : x->at[0].asset;
    return true;
}

static json_t *shot_missing(const struct shot *x)
{
    json_t *missing = json_array();
    for (size_t i = 0; i < x->count; i++) {
        const struct span_clip *c = &x->at[i].clip;
        const struct span_clip *next = i + 1 < x->count ? &x->at[i + 1].clip : NULL;
        if (!i && c->before)
            json_array_append_new(missing, json_sprintf("%s before it", c->before));
        if (next && c->after_id && *c->after_id && *next->id
                ? strcmp(c->after_id, next->id) != 0
                : next && c->frames && c->offset + c->frames < next->offset)
            json_array_append_new(missing, c->after
                                               ? json_string(c->after)
                                               : json_sprintf("what follows clip %s", c->clip));
        if (!next && c->after)
            json_array_append_new(missing, json_sprintf("%s, in which it goes on", c->after));
    }
    return missing;
}

static bool shot_join(struct db_tx *tx, struct shot *x, const json_t *missing, struct error *err)
{
    struct asset_file *all = ARENA_ARRAY(x->a, struct asset_file, FILES_MOST), *own;
    size_t total = 0, got;
    char by[300] = "";
    json_t *parts = json_array();
    bool ok = true;
    for (size_t i = 0; ok && i < x->count; i++) {
        const struct shot_row *r = &x->at[i];
        ok = files_of(tx, r->asset, x->a, &own, &got, err);
        if (ok && (r->first + r->count > got || total + r->count > FILES_MOST)) {
            json_decref(parts);
            return true; // a person has made another version of it
        }
        if (ok)
            memcpy(all + total, own + r->first, r->count * sizeof(*all));
        total += r->count;
        json_array_append_new(parts, json_integer((json_int_t)r->count));
    }
    struct db_rows *rows = db_query(tx, "select made_by from assets where id = ?1", "s", x->into);
    text_copy(text_of(db_next(rows) ? db_text(rows, 0) : ""), by, sizeof(by));
    ok = db_end(rows, err) && ok;
    char *facts = facts_with(span_json("follow", total, missing, parts));
    struct asset_made made;
    struct asset_wish wish = {
        .kind = "clip", .by = by, .files = all, .file_count = total, .facts = facts};
    ok = ok && version_add(tx, x->into, &wish, &made, err);
    for (size_t i = 0; ok && i < x->count; i++) {
        bool done = strcmp(x->at[i].asset, x->into) == 0;
        for (size_t k = 0; k < i; k++)
            done = done || strcmp(x->at[k].asset, x->at[i].asset) == 0;
        ok = done || put_away(tx, x->at[i].asset, x->into, err);
    }
    free(facts);
    json_decref(parts);
    return ok;
}

bool span_shot(struct db_tx *tx, const char *project, const char *shot, struct error *err)
{
    struct shot *x = calloc(1, sizeof(*x));
    if (!x)
        return error_set(err, ERROR_INTERNAL, "no memory for a recording of several clips");
    x->a = arena_open(256 << 20);
    bool ok = shot_rows(tx, project, shot, x, err) && shot_files(tx, x, err);
    if (ok && x->count && x->ready) {
        json_t *missing = shot_missing(x);
        ok = x->assets > 1 ? shot_join(tx, x, missing, err)
                           : span_say(tx, x->into, "follow", missing, err);
        json_decref(missing);
    }
    arena_close(x->a);
    free(x);
    return ok;
}
