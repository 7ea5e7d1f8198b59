#include "house/captions/captions.h"
#include "formats/captions/within.h"
#include "formats/metadata/metadata.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

// A file may grow tenfold while it is parsed; a film's captions are all in memory at once.
enum { MOST = 64, FILE_BYTES = 8 << 20, FILM_BYTES = 16 << 20 };

// ---- rows

static bool film_of(struct db_tx *tx, struct arena *a, struct caption_source *s, struct error *err)
{
    struct db_rows *rows =
        db_query(tx,
                 "select l.film, l.language, l.role, f.name, v.facts from caption_links l join "
                 "assets f on f.id = l.film join versions v on v.id = f.newest where l.captions "
                 "= ?1",
                 "s", s->v.asset);
    s->language = s->role = "";
    if (db_next(rows)) {
        s->film = arena_text(a, db_text(rows, 0));
        s->language = arena_text(a, db_text(rows, 1));
        s->role = arena_text(a, db_text(rows, 2));
        s->film_name = arena_text(a, db_text(rows, 3));
        s->film_facts = db_null(rows, 4) ? NULL : arena_text(a, db_text(rows, 4));
    }
    return db_end(rows, err);
}

bool captions_source(struct db_tx *tx, const char *version, struct arena *a,
                     struct caption_source *s, struct error *err)
{
    *s = (struct caption_source){0};
    if (!version_source(tx, version, a, &s->v, err))
        return false;
    if (strcmp(s->v.kind, "captions") != 0) {
        error_set(err, ERROR_INPUT, "%s is no caption file", s->v.name);
        return error_fix(err, "bring it as captions of a film");
    }
    return version_file(tx, version, 1, a, &s->file, err) && film_of(tx, a, s, err);
}

bool captions_sources(struct db_tx *tx, const char *film, struct arena *a,
                      struct caption_source **list, size_t *count, struct error *err)
{
    const char *versions[MOST];
    size_t found = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select a.newest from caption_links l join assets a on a.id = l.captions where "
                 "l.film = ?1 and a.deleted = 0 order by case l.role when 'cc' then 0 else 1 end, "
                 "l.made_ms, l.captions limit ?2",
                 "si", film, (int64_t)MOST);
    while (db_next(rows) && found < MOST)
        versions[found++] = arena_text(a, db_text(rows, 0));
    if (!db_end(rows, err))
        return false;
    *list = ARENA_ARRAY(a, struct caption_source, found + 1);
    for (*count = 0; *count < found; ++*count)
        if (!captions_source(tx, versions[*count], a, &(*list)[*count], err))
            return false;
    return true;
}

static json_t *row_json(struct db_rows *rows)
{
    json_t *facts = db_null(rows, 8) ? NULL : json_loads(db_text(rows, 8), 0, NULL);
    const json_t *tags = json_object_get(facts, "tags");
    const char *problem = json_string_value(json_object_get(tags, "problem"));
    const char *format = json_string_value(json_object_get(facts, "container"));
    json_t *to =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:I}", "asset",
                  db_text(rows, 0), "film", db_text(rows, 1), "name", db_text(rows, 2), "language",
                  db_text(rows, 3), "role", db_text(rows, 4), "version", db_text(rows, 5), "number",
                  (json_int_t)db_int(rows, 6), "by", db_text(rows, 7), "created",
                  clock_text(db_int(rows, 9)).text, "format", format ? format : "", "cues",
                  (json_int_t)json_integer_value(json_object_get(tags, "cues")));
    if (problem)
        json_object_set_new(to, "problem", json_string(problem));
    json_decref(facts);
    return to;
}

bool captions_list(struct db_tx *tx, const char *asset, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows =
        db_query(tx,
                 "select a.id, l.film, a.name, l.language, l.role, v.id, v.number, v.made_by, "
                 "v.facts, v.created_ms from caption_links l join assets a on a.id = l.captions "
                 "join versions v on v.id = a.newest where (l.film = ?1 or l.captions = ?1) and "
                 "a.deleted = 0 order by case l.role when 'cc' then 0 else 1 end, l.made_ms, "
                 "l.captions",
                 "s", asset);
    while (db_next(rows))
        json_array_append_new(*list, row_json(rows));
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

static bool changed(struct db_tx *tx, const char *asset, const struct asset_brief *s,
                    struct error *err)
{
    char body[120];
    snprintf(body, sizeof(body), "{\"asset\":\"%.26s\",\"version\":\"%.26s\",\"captions\":true}",
             asset, s->newest);
    return db_event(tx, "asset.changed", s->project, asset, body, err);
}

bool captions_link(struct db_tx *tx, const char *captions, const char *film, const char *language,
                   const char *role, const char *by, int64_t now_ms, struct error *err)
{
    struct asset_brief c, f;
    enum caption_kind kind;
    if (!asset_brief(tx, captions, &c, err) || !asset_brief(tx, film, &f, err))
        return false;
    if (strcmp(c.project, f.project) != 0)
        return error_set(err, ERROR_NOT_FOUND, "there is no such film in the project");
    if (strcmp(c.kind, "captions") != 0)
        return error_set(err, ERROR_INPUT, "%s is no caption file", c.name);
    if (strcmp(f.kind, "clip") != 0 && strcmp(f.kind, "sequence") != 0) {
        error_set(err, ERROR_INPUT, "captions can not belong to %s", f.name);
        return error_fix(err, "choose a film");
    }
    if (!caption_kind_named(role, &kind)) {
        error_set(err, ERROR_INPUT, "captions can not be '%.40s'", role);
        return error_fix(err, "a role is one of cc, sdh, subtitle, forced");
    }
    return db_run(tx, err,
                  "insert into caption_links values (?1, ?2, ?3, ?4, ?5, ?6) on conflict "
                  "(captions) do update set film = ?2, language = ?3, role = ?4",
                  "sssssi", captions, film, language, role, by, now_ms) &&
           changed(tx, captions, &c, err) && changed(tx, film, &f, err);
}

bool captions_unlink(struct db_tx *tx, const char *captions, struct error *err)
{
    struct asset_brief c;
    return asset_brief(tx, captions, &c, err) &&
           db_run(tx, err, "delete from caption_links where captions = ?1", "s", captions) &&
           changed(tx, captions, &c, err);
}

// ---- bytes

static bool read_bytes(struct store *s, const sha256 *content, struct arena *a, text *bytes,
                       struct error *err)
{
    const struct store_map *map;
    if (!store_map_open(s, content, &map, err))
        return false;
    bool ok =
        map->size <= FILE_BYTES ||
        error_set(err, ERROR_TOO_BIG, "a caption file has at most %s", size_text(FILE_BYTES).text);
    if (ok) {
        char *at = arena_take(a, (size_t)map->size + 1);
        *bytes = (text){at, (size_t)map->size};
        ok = store_map_read(map, 0, at, (size_t)map->size, err);
    }
    store_map_close(s, map);
    return ok;
}

static bool programme(const json_t *facts, struct caption_programme *p)
{
    struct error ignored;
    *p = (struct caption_programme){0};
    if (facts && caption_programme_of(facts, p, &ignored))
        return true;
    *p = (struct caption_programme){.rate = {{30000, 1001}, 30, 1, false}};
    return false;
}

static bool parse(text bytes, const char *name, const char *language, const json_t *film_facts,
                  struct arena *a, struct caption_opened_source *to, struct error *err)
{
    bool known = programme(film_facts, &to->film);
    struct caption_wish wish = {.name = name,
                                .rate_said = known,
                                .rate = to->film.rate,
                                .start_said = known,
                                .start = to->film.start,
                                .language = *language ? language : NULL};
    to->report = (struct caption_report){.arena = a};
    if (!caption_format_of(bytes, name, &to->format)) {
        error_set(err, ERROR_UNSUPPORTED, "%s is no caption file that the house knows", name);
        return error_fix(err, "bring SRT, WebVTT, SCC, MCC, TTML, iTT, EBU STL or Spruce STL");
    }
    return captions_read(a, bytes, to->format, &wish, &to->c, &to->report, err);
}

json_t *captions_facts(text bytes, const char *name, const json_t *film_facts)
{
    struct arena *a = arena_open((size_t)1 << 30);
    struct caption_opened_source o = {0};
    struct error err;
    bool known = caption_format_of(bytes, name, &o.format), good = false;
    if (known)
        good = parse(bytes, name, "", film_facts, a, &o, &err);
    json_t *tags = json_object();
    int64_t frames = 0;
    rational rate = good ? o.c->rate.fps : o.film.rate.base ? o.film.rate.fps : (rational){25, 1};
    if (good && o.c->count)
        frames = caption_frames(o.c->cues[o.c->count - 1].out, rate, ROUND_NEAREST);
    json_object_set_new(tags, "cues", json_integer(good ? (json_int_t)o.c->count : 0));
    if (known && !good) {
        char why[700];
        snprintf(why, sizeof(why), "%s: %s", err.what, err.why);
        json_object_set_new(tags, "problem", json_string(why));
    }
    json_t *captions = json_array();
    const char *format = known ? caption_format_facts(o.format)->name : "";
    if (good)
        json_array_append_new(captions, json_pack("{s:i, s:s}", "index", 0, "kind", format));
    if (good && o.c->language.size)
        json_object_set_new(json_array_get(captions, 0), "language",
                            json_stringn(o.c->language.at, o.c->language.size));
    json_t *facts =
        json_pack("{s:s, s:s, s:I, s:s, s:b, s:s, s:[], s:[], s:o, s:[], s:s, s:o}", "container",
                  format, "kind", known ? "captions" : "document", "duration_frames",
                  (json_int_t)frames, "rate", rational_text(rate).text, "vfr", false, "rate_from",
                  "none", "video", "audio", "captions", captions, "damage", "duration_text",
                  time_text(frames * rate.den / rate.num).text, "tags", tags);
    arena_close(a);
    return facts;
}

bool captions_look(struct store *s, const struct version_source *v, const struct asset_file *file,
                   json_t **facts, struct error *err)
{
    struct arena *a = arena_open((size_t)256 << 20);
    text bytes;
    bool ok = read_bytes(s, &file->content, a, &bytes, err);
    if (ok)
        *facts = captions_facts(bytes, v->name, NULL);
    arena_close(a);
    return ok;
}

static bool take_out(const struct caption_source *from, const json_t *film_facts, struct arena *a,
                     struct caption_opened_source *to, struct error *err)
{
    const struct caption_within w = caption_within_of(from->row);
    bool known = programme(film_facts, &to->film);
    struct caption_wish wish = {.name = from->v.name,
                                .rate_said = known,
                                .rate = to->film.rate,
                                .start_said = known,
                                .start = to->film.start,
                                .language = *from->language ? from->language : NULL};
    to->report = (struct caption_report){.arena = a};
    to->format = w.text ? CAPTION_SRT : CAPTION_SCC;
    if (!captions_take(a, from->found, &w, &wish, &to->c, &to->report, err))
        return false;
    if (to->c->count)
        return true;
    error_set(err, ERROR_CONFLICT, "the captions in %s can not be taken out of it", from->v.name);
    error_why(err, "%s: it says that they are there, and they say nothing",
              json_string_value(json_object_get(from->row, "from")));
    return error_fix(err, "bring its captions as a file of their own");
}

void captions_within(const json_t *found, const json_t *rows, const char *name, struct arena *a,
                     struct caption_source **list, size_t *count)
{
    size_t i;
    const json_t *row;
    *list = ARENA_ARRAY(a, struct caption_source, json_array_size(rows) + 1);
    *count = 0;
    json_array_foreach(rows, i, row)
    {
        char language[64];
        if (!metadata_language(text_of(json_string_value(json_object_get(row, "language"))),
                               language))
            language[0] = 0;
        (*list)[(*count)++] = (struct caption_source){
            .v = {.name = arena_text(a, name)},
            .language = arena_text(a, language),
            .role = arena_text(a, json_string_value(json_object_get(row, "role"))),
            .found = found,
            .row = row};
    }
}

bool captions_open(struct store *s, const struct caption_source *from, const json_t *film_facts,
                   struct arena *a, struct caption_opened_source *to, struct error *err)
{
    if (from->row)
        return take_out(from, film_facts, a, to, err);
    text bytes;
    json_t *own = film_facts || !from->film_facts ? NULL : json_loads(from->film_facts, 0, NULL);
    bool ok = read_bytes(s, &from->file.content, a, &bytes, err) &&
              parse(bytes, from->v.name, from->language, film_facts ? film_facts : own, a, to, err);
    if (ok) {
        struct caption_given g = {from->v.name, from->language, from->role, to->c};
        caption_given_complete(&g, to->format);
    }
    json_decref(own);
    return ok;
}

// ---- deliverables

bool captions_plan(struct store *s, const struct caption_source *list, size_t count,
                   const json_t *profile, const json_t *film_facts, const json_t *planned,
                   struct arena *a, json_t **plan, struct error *err)
{
    const json_t *ways = json_object_get(json_object_get(profile, "captions"), "embed");
    const char *names[8];
    struct caption_given *given = ARENA_ARRAY(a, struct caption_given, count + 1);
    struct caption_film film = {
        .container = json_string_value(json_object_get(profile, "container")),
        .codec = json_string_value(json_object_get(json_object_get(profile, "video"), "codec")),
        .ways = names};
    struct caption_report report = {.arena = a};
    struct caption_film said; // by the plan
    const char *conform = json_string_value(json_object_get(profile, "conform"));
    bool known = caption_film_planned(planned, &said);
    *plan = NULL;
    if (!count || !json_array_size(json_object_get(film_facts, "video")))
        return true;
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += list[i].file.size;
    if (bytes > FILM_BYTES) {
        error_set(err, ERROR_TOO_BIG, "the film has more captions than can go into one");
        return error_fix(err, "take those that are not wanted off the film");
    }
    for (size_t i = 0; i < count; i++) {
        struct caption_opened_source o = {0};
        if (!captions_open(s, &list[i], film_facts, a, &o, err) ||
            !caption_fits(o.c, o.film.frames, list[i].v.name, err) ||
            !caption_conform(o.c, known ? said.rate : o.film.rate.fps, conform, &o.report, err))
            return false;
        given[i] = (struct caption_given){list[i].v.name, list[i].language, list[i].role, o.c};
        film.rate = o.film.rate.fps, film.frames = o.film.frames;
    }
    (void)caption_film_planned(planned, &film);
    caption_film_conformed(conform, &film);
    for (size_t i = 0; i < json_array_size(ways) && film.way_count < 8; i++)
        names[film.way_count++] = json_string_value(json_array_get(ways, i));
    return !film.way_count || captions_embed(a, given, count, &film, plan, &report, err);
}

json_t *captions_frozen(const struct caption_source *list, size_t count)
{
    json_t *to = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(to, json_pack("{s:s, s:s, s:s}", "version", list[i].v.id, "language",
                                            list[i].language, "role", list[i].role));
    return to;
}

bool captions_thaw(struct db_tx *tx, const json_t *frozen, struct arena *a,
                   struct caption_source **list, size_t *count, struct error *err)
{
    *list = ARENA_ARRAY(a, struct caption_source, json_array_size(frozen) + 1);
    for (*count = 0; *count < json_array_size(frozen); ++*count) {
        const json_t *one = json_array_get(frozen, *count);
        struct caption_source *s = &(*list)[*count];
        const char *language = json_string_value(json_object_get(one, "language"));
        const char *role = json_string_value(json_object_get(one, "role"));
        if (!captions_source(tx, json_string_value(json_object_get(one, "version")), a, s, err))
            return false;
        s->language = language ? arena_copy(a, language, strlen(language)) : "";
        s->role = role ? arena_copy(a, role, strlen(role)) : "cc";
    }
    return true;
}
