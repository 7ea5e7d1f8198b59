/*
 * An Atmos master is gigabytes of sound, of which only what stands round the sound is read: its
 * chunks are copied into memory as large as the file in which the samples are never touched, and so
 * take no room.
 */
#include "house/deliver/beside.h"
#include "formats/adm/adm.h"
#include "formats/dolbyvision/dolbyvision.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MOST = 16, XML_BYTES = 256 << 20, CHUNK_MOST = 256 << 20, CHUNKS_MOST = 10000 };

// ---- rows

#define FROM                                                                                       \
    " from beside_links l join assets a on a.id = l.file join versions v on v.id = a.newest join " \
    "version_files f on f.version = v.id and f.number = 1 "

static void source_of(struct db_rows *rows, struct arena *a, struct beside_source *s)
{
    size_t size;
    const void *at = db_blob(rows, 7, &size);
    *s = (struct beside_source){.kind = arena_text(a, db_text(rows, 0)),
                                .asset = arena_text(a, db_text(rows, 1)),
                                .version = arena_text(a, db_text(rows, 2)),
                                .name = arena_text(a, db_text(rows, 3)),
                                .by = arena_text(a, db_text(rows, 4)),
                                .number = db_int(rows, 5),
                                .size = db_int(rows, 6),
                                .linked_ms = db_int(rows, 8)};
    memcpy(s->content.at, at, size < SHA256_SIZE ? size : SHA256_SIZE);
}

bool beside_sources(struct db_tx *tx, const char *film, struct arena *a,
                    struct beside_source **list, size_t *count, struct error *err)
{
    *list = ARENA_ARRAY(a, struct beside_source, MOST);
    *count = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select l.kind, a.id, v.id, a.name, l.made_by, v.number, f.size, f.content, "
                 "l.made_ms" FROM "where (l.film = ?1 or l.file = ?1) and a.deleted = 0 order by "
                 "l.made_ms, l.file limit ?2",
                 "si", film, (int64_t)MOST);
    while (db_next(rows) && *count < MOST)
        source_of(rows, a, &(*list)[(*count)++]);
    return db_end(rows, err);
}

bool beside_candidate(struct db_tx *tx, const char *asset, struct arena *a, struct beside_source *s,
                      struct error *err)
{
    struct db_rows *rows =
        db_query(tx,
                 "select '', a.id, v.id, a.name, '', v.number, f.size, f.content, 0, v.file_count "
                 "from assets a join versions v on v.id = a.newest join version_files f on "
                 "f.version = v.id and f.number = 1 where a.id = ?1 and a.deleted = 0",
                 "s", asset);
    bool there = db_next(rows), one = there && db_int(rows, 9) == 1;
    if (there)
        source_of(rows, a, s);
    s->kind = NULL;
    if (!db_end(rows, err))
        return false;
    if (!there)
        return error_set(err, ERROR_NOT_FOUND, "there is no such file");
    return one || error_set(err, ERROR_INPUT, "%s is more than one file", s->name);
}

static bool changed(struct db_tx *tx, const char *asset, const struct asset_brief *s,
                    struct error *err)
{
    char body[100];
    snprintf(body, sizeof(body), "{\"asset\":\"%.26s\",\"version\":\"%.26s\"}", asset, s->newest);
    return db_event(tx, "asset.changed", s->project, asset, body, err);
}

bool beside_link(struct db_tx *tx, const struct beside_source *s, const char *film, const char *by,
                 int64_t now_ms, struct error *err)
{
    struct asset_brief file, of;
    if (!asset_brief(tx, s->asset, &file, err) || !asset_brief(tx, film, &of, err))
        return false;
    if (strcmp(file.project, of.project) != 0)
        return error_set(err, ERROR_NOT_FOUND, "there is no such film in the project");
    if (strcmp(of.kind, "clip") != 0 && strcmp(of.kind, "sequence") != 0) {
        error_set(err, ERROR_INPUT, "nothing can go beside %s", of.name);
        return error_fix(err, "choose a film");
    }
    if (strcmp(s->asset, film) == 0)
        return error_set(err, ERROR_INPUT, "%s can not go beside itself", of.name);
    return db_run(tx, err,
                  "insert into beside_links values (?1, ?2, ?3, ?4, ?5) on conflict (file) do "
                  "update set film = ?2, kind = ?3",
                  "ssssi", s->asset, film, s->kind, by, now_ms) &&
           changed(tx, s->asset, &file, err) && changed(tx, film, &of, err);
}

bool beside_unlink(struct db_tx *tx, const char *file, struct error *err)
{
    struct asset_brief is;
    return asset_brief(tx, file, &is, err) &&
           db_run(tx, err, "delete from beside_links where file = ?1", "s", file) &&
           changed(tx, file, &is, err);
}

// ---- bytes

static bool xml_bytes(const struct store_map *map, char **at, struct error *err)
{
    if (map->size > XML_BYTES)
        return error_set(err, ERROR_TOO_BIG, "Dolby Vision metadata has at most %s",
                         size_text(XML_BYTES).text);
    *at = malloc((size_t)map->size + 1);
    if (!*at)
        abort();
    return store_map_read(map, 0, *at, (size_t)map->size, err);
}

static uint32_t u32(const char *at)
{
    const uint8_t *p = (const uint8_t *)at;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

// Everything but what is in "data". A file that does not hold together is for its reader to refuse.
static bool round_the_sound(const struct store_map *map, char *to, struct error *err)
{
    uint64_t size = (uint64_t)map->size, long_data = 0;
    if (size < 12)
        return store_map_read(map, 0, to, (size_t)size, err);
    if (!store_map_read(map, 0, to, 12, err))
        return false;
    for (uint64_t i = 12, n = 0; i + 8 <= size && n < CHUNKS_MOST; n++) {
        if (!store_map_read(map, (int64_t)i, to + i, 8, err))
            return false;
        uint64_t chunk = u32(to + i + 4);
        bool data = memcmp(to + i, "data", 4) == 0;
        if (data && chunk == UINT32_MAX)
            chunk = long_data;
        if (chunk > size - i - 8 || (!data && chunk > CHUNK_MOST))
            return true;
        if (!data && !store_map_read(map, (int64_t)i + 8, to + i + 8, (size_t)chunk, err))
            return false;
        if (memcmp(to + i, "ds64", 4) == 0 && chunk >= 16)
            long_data = u32(to + i + 16) | (uint64_t)u32(to + i + 20) << 32;
        i += 8 + chunk + (chunk & 1);
    }
    return true;
}

static bool dolby_rows(const struct store_map *map, const char *name, const json_t *facts,
                       json_t **rows, bool *fits, struct error *err)
{
    char *at = NULL;
    struct dolby *d = NULL;
    bool ok = xml_bytes(map, &at, err) && dolby_read(name, (text){at, (size_t)map->size}, &d, err);
    if (ok)
        *rows = dolby_fit(d, facts, fits);
    dolby_close(d);
    free(at);
    return ok;
}

static bool adm_rows(const struct store_map *map, const char *name, const json_t *facts,
                     json_t **rows, bool *fits, struct error *err)
{
    struct adm *a = NULL;
    size_t size = (size_t)map->size;
    char *at = mmap(NULL, size + 1, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return error_set(err, ERROR_TOO_BIG, "%s is too large to be looked at", name);
    bool ok = round_the_sound(map, at, err) && adm_read(name, (text){at, size}, &a, err);
    if (ok)
        *rows = adm_fit(a, facts, fits);
    adm_close(a);
    munmap(at, size + 1);
    return ok;
}

static const char *kind_of(const struct store_map *map)
{
    char head[12] = "";
    struct error ignored;
    size_t size = map->size < 12 ? (size_t)map->size : 12;
    if (!store_map_read(map, 0, head, size, &ignored))
        return "";
    bool wave = !memcmp(head, "RIFF", 4) || !memcmp(head, "RF64", 4) || !memcmp(head, "BW64", 4);
    return wave ? "adm" : "dolby-vision";
}

bool beside_check(struct store *store, struct beside_source *s, const json_t *facts, json_t **rows,
                  bool *fits, struct error *err)
{
    const struct store_map *map;
    *rows = NULL;
    *fits = false;
    if (!store_map_open(store, &s->content, &map, err))
        return error_while(err, "%s", s->name);
    s->kind = s->kind && *s->kind ? s->kind : kind_of(map);
    bool ok =
        (strcmp(s->kind, "adm") == 0 ? adm_rows : dolby_rows)(map, s->name, facts, rows, fits, err);
    store_map_close(store, map);
    return ok;
}

// ---- orders

bool beside_goes(const char *kind, const json_t *profile)
{
    const json_t *video = json_object_get(profile, "video");
    return strcmp(kind, "adm") == 0 ? json_object_get(profile, "audio") != NULL
                                    : video && !json_is_true(json_object_get(video, "sdr"));
}

bool beside_fits(struct store *store, struct beside_source *list, size_t count, const json_t *facts,
                 struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        json_t *rows = NULL;
        const json_t *row;
        size_t k;
        bool fits, ok = beside_check(store, &list[i], facts, &rows, &fits, err);
        if (ok && !fits) {
            error_set(err, ERROR_CONFLICT, "%s does not fit its film", list[i].name);
            json_array_foreach(rows, k, row)
            {
                const char *state = json_string_value(json_object_get(row, "state"));
                if (!state || strcmp(state, "no") != 0)
                    continue;
                error_why(err, "%s: wanted is %s, seen is %s",
                          json_string_value(json_object_get(row, "what")),
                          json_string_value(json_object_get(row, "wanted")),
                          json_string_value(json_object_get(row, "seen")));
                break;
            }
            ok = error_fix(err,
                           "bring the right one as a new version, or leave it out of the order");
        }
        json_decref(rows);
        if (!ok)
            return false;
    }
    return true;
}

bool beside_freeze(struct db_tx *tx, const char *delivery, const struct beside_source *list,
                   size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!db_run(tx, err, "insert into delivery_beside values (?1, ?2, ?3, ?4, ?5, ?6)",
                    "sissbi", delivery, (int64_t)i, list[i].kind, list[i].name,
                    (const void *)list[i].content.at, (size_t)SHA256_SIZE, list[i].size))
            return false;
    return true;
}

bool beside_frozen(struct db_tx *tx, const char *delivery, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(tx,
                                    "select kind, name, content, size from delivery_beside where "
                                    "delivery = ?1 order by position",
                                    "s", delivery);
    while (db_next(rows)) {
        size_t size;
        sha256 content = {0};
        const void *at = db_blob(rows, 2, &size);
        memcpy(content.at, at, size < SHA256_SIZE ? size : SHA256_SIZE);
        json_array_append_new(*list,
                              json_pack("{s:s, s:s, s:s, s:I}", "kind", db_text(rows, 0), "name",
                                        db_text(rows, 1), "content", sha256_text(&content).text,
                                        "size", (json_int_t)db_int(rows, 3)));
    }
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}
