/*
 * A version's proxies with their viewer's name in them.
 *
 * They are derived files like all others, through the viewing transform that is set, by a recipe
 * that names the words, so that one set is made for each viewer. Sets that nobody has asked for in
 * two weeks go, and the oldest when all of them take more than their room.
 */
#include "house/flow/burnt.h"
#include "house/assets/originals.h"
#include "house/colour/colour.h"
#include "house/flow/inside.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

#define REST_MS (14LL * 24 * 3600 * 1000)
#define ROOM_BYTES (200LL << 30)
enum { PRIORITY = 75, SWEPT_AT_ONCE = 100, WORDS_HASH = 24 };

json_t *burn_list(const char *who, const char *words)
{
    return json_pack("[{s:s, s:s, s:s, s:i, s:i, s:b}, {s:s, s:s, s:s, s:i, s:i, s:b}]", "what",
                     "text", "text", words, "at", "bottom", "size", 4, "opacity", 80, "whole", 1,
                     "what", "watermark", "text", who, "at", "centre", "size", 6, "opacity", 18,
                     "whole", 1);
}

struct row {
    bool there;
    char recipe[250], state[16], job[27];
    const char *words;
};

static bool row_of(struct db_tx *tx, const char *version, const char *viewer, struct arena *a,
                   struct row *r, struct error *err)
{
    *r = (struct row){.words = ""};
    struct db_rows *rows =
        db_query(tx,
                 "select recipe, state, coalesce(job, ''), words from burnt where version = ?1 and "
                 "viewer = ?2",
                 "ss", version, viewer);
    if ((r->there = db_next(rows))) {
        text_copy(text_of(db_text(rows, 0)), r->recipe, sizeof(r->recipe));
        text_copy(text_of(db_text(rows, 1)), r->state, sizeof(r->state));
        text_copy(text_of(db_text(rows, 2)), r->job, sizeof(r->job));
        r->words = arena_text(a, db_text(rows, 3));
    }
    return db_end(rows, err);
}

static bool say(struct db_tx *tx, const char *version, struct error *err)
{
    struct arena *a = arena_open(4 << 20);
    struct version_source v;
    bool ok =
        version_source(tx, version, a, &v, err) &&
        db_event(tx, "version.burnt", v.project, version,
                 arena_format(a, "{\"asset\":\"%s\",\"version\":\"%s\"}", v.asset, version), err);
    arena_close(a);
    return ok;
}

static bool set_there(struct db_tx *tx, const struct version_source *v, const char *recipe,
                      int64_t *bytes, struct error *err)
{
    return db_one_int(
        tx, bytes, 0, err,
        "select coalesce(sum(size), 0) from derived where source = ?1 and recipe = ?2", "bs",
        (const void *)v->content.at, (size_t)SHA256_SIZE, recipe);
}

static bool queue(struct db_tx *tx, const struct version_source *v,
                  const struct transform_wanted *through, const char *who, const char *words,
                  struct arena *a, id *job, struct error *err)
{
    json_t *ticket = json_pack("{s:s, s:o}", "kind", "proxy", "burn", burn_list(who, words));
    json_t *more = ticket_through(through);
    json_object_update_missing(ticket, more);
    json_decref(more);
    struct job_wish wish = {.project = v->project,
                            .kind = "burn",
                            .title = arena_format(a, "%s for %s", v->name, who),
                            .by = "Posthouse",
                            .asset = v->asset,
                            .version = v->id,
                            .ticket = ticket,
                            .priority = PRIORITY,
                            .reads_bytes = v->size};
    bool ok = job_make(tx, &wish, clock_now_ms(), job, err);
    json_decref(ticket);
    return ok;
}

// A set that is not wanted any more, unless somebody else has the same.
static bool drop_set(struct db_tx *tx, const char *version, const char *viewer, struct arena *a,
                     struct error *err)
{
    struct row r;
    struct version_source v;
    struct derived_file *files;
    size_t count = 0;
    int64_t others = 0, freed;
    if (!row_of(tx, version, viewer, a, &r, err) || !version_source(tx, version, a, &v, err) ||
        !derived_find(tx, &v.content, r.recipe, a, &files, &count, err) ||
        !db_run(tx, err, "delete from burnt where version = ?1 and viewer = ?2", "ss", version,
                viewer) ||
        !db_one_int(tx, &others, 0, err, "select count(*) from burnt where recipe = ?1", "s",
                    r.recipe))
        return false;
    if (others)
        return true;
    bool ok = db_run(tx, err, "delete from derived where source = ?1 and recipe = ?2", "bs",
                     (const void *)v.content.at, (size_t)SHA256_SIZE, r.recipe);
    for (size_t i = 0; ok && i < count; i++)
        ok = flow_forget(tx, &files[i].content, &freed, err);
    return ok;
}

// What is looked at: of a camera original without a picture the transcode that stands for it; ""
// when there is none.
static bool seen_in(struct db_tx *tx, const char *version, struct arena *a, const char **seen,
                    struct error *err)
{
    struct version_source v;
    *seen = version;
    if (!version_source(tx, version, a, &v, err))
        return false;
    if (!original_without_picture(v.facts))
        return true;
    *seen = "";
    struct db_rows *rows =
        db_query(tx,
                 "select t.newest from original_transcodes x join assets t on t.id = x.transcode "
                 "and t.deleted = 0 where x.original = ?1 and x.attached = 1",
                 "s", v.asset);
    if (db_next(rows))
        *seen = arena_text(a, db_text(rows, 0));
    return db_end(rows, err);
}

bool burnt_ask(struct db_tx *tx, const char *asked, const char *viewer, const char *who,
               struct arena *a, struct error *err)
{
    struct version_source v;
    struct row r;
    int64_t now = clock_now_ms(), bytes = 0;
    id job = {""};
    const char *version;
    if (!seen_in(tx, asked, a, &version, err))
        return false;
    if (!*version)
        return true;
    if (!version_source(tx, version, a, &v, err) || !row_of(tx, version, viewer, a, &r, err))
        return false;
    struct transform_wanted through;
    if (!transform_for(tx, v.asset, a, &through, err))
        return false;
    json_t *facts = v.facts ? json_loads(v.facts, 0, NULL) : NULL;
    bool picture = json_array_size(json_object_get(facts, "video")) > 0;
    const char *base = recipe_through(a, recipe_of(a, facts), &through);
    json_decref(facts);
    bool same = r.there && strncmp(r.words, who, strlen(who)) == 0 &&
                strncmp(r.recipe, base, strlen(base)) == 0 &&
                strlen(r.recipe) == strlen(base) + 1 + WORDS_HASH;
    if (same && strcmp(r.state, "ready") == 0 && !set_there(tx, &v, r.recipe, &bytes, err))
        return false;
    if (same && (bytes || strcmp(r.state, "waiting") == 0 || strcmp(r.state, "running") == 0))
        return db_run(tx, err, "update burnt set used_ms = ?3 where version = ?1 and viewer = ?2",
                      "ssi", version, viewer, now);
    if (!picture || strcmp(v.state, "ready") != 0)
        return true; // nothing to see yet, or at all
    const char *words = arena_format(a, "%s %.10s", who, clock_text(now).text);
    sha256 hash = sha256_of(words, strlen(words));
    const char *recipe = arena_format(a, "%s+%.*s", base, WORDS_HASH, sha256_text(&hash).text);
    if ((r.there && strcmp(r.recipe, recipe) != 0 && !drop_set(tx, version, viewer, a, err)) ||
        !set_there(tx, &v, recipe, &bytes, err) ||
        (!bytes && !queue(tx, &v, &through, who, words, a, &job, err)))
        return false;
    return db_run(tx, err,
                  "insert into burnt (version, viewer, recipe, words, state, job, bytes, used_ms) "
                  "values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) on conflict (version, viewer) do update "
                  "set recipe = ?3, words = ?4, state = ?5, job = ?6, bytes = ?7, used_ms = ?8, "
                  "problem = null",
                  "ssssssii", version, viewer, recipe, words, bytes ? "ready" : "waiting",
                  bytes ? NULL : job.text, bytes, now) &&
           say(tx, version, err);
}

bool burnt_get(struct db_tx *tx, const char *asked, const char *viewer, struct arena *a,
               json_t **burn, struct derived_file **files, size_t *count, struct error *err)
{
    struct row r;
    struct version_source v;
    int64_t done = 0, total = 0;
    const char *version;
    *count = 0;
    *burn = NULL;
    if (!seen_in(tx, asked, a, &version, err) || !row_of(tx, version, viewer, a, &r, err) ||
        (r.there && !version_source(tx, version, a, &v, err)))
        return false;
    if (r.there && strcmp(r.state, "ready") == 0 &&
        !derived_find(tx, &v.content, r.recipe, a, files, count, err))
        return false;
    struct db_rows *rows = db_query(tx, "select done, total from jobs where id = ?1", "s", r.job);
    if (db_next(rows))
        done = db_int(rows, 0), total = db_int(rows, 1);
    if (!db_end(rows, err))
        return false;
    const char *state = !r.there                                   ? "none"
                        : strcmp(r.state, "ready") == 0 && !*count ? "none"
                                                                   : r.state;
    *burn = json_pack("{s:s, s:s, s:f}", "state", state, "words", r.words, "progress",
                      total > 0 ? (double)done / (double)total : 0.0);
    return true;
}

// ---- for flow, by job

bool burnt_state_set(struct db_tx *tx, const char *job, const char *state, const char *problem,
                     struct error *err)
{
    char version[27] = "";
    struct db_rows *rows = db_query(tx, "select version from burnt where job = ?1", "s", job);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), version, sizeof(version));
    return db_end(rows, err) &&
           (!version[0] ||
            (db_run(tx, err,
                    "update burnt set state = ?2, problem = ?3 where job = ?1 and state <> 'ready' "
                    "and state <> ?2",
                    "sss", job, state, problem) &&
             (!db_changed(tx) || say(tx, version, err))));
}

bool burnt_made(struct db_tx *tx, const char *job, const struct derived_file *files, size_t count,
                bool *used, struct error *err)
{
    char version[27] = "", recipe[250] = "";
    int64_t bytes = 0;
    struct arena *a = arena_open(4 << 20);
    struct version_source v;
    struct db_rows *rows =
        db_query(tx, "select version, recipe from burnt where job = ?1", "s", job);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), version, sizeof(version));
        text_copy(text_of(db_text(rows, 1)), recipe, sizeof(recipe));
    }
    bool ok = db_end(rows, err);
    *used = false;
    for (size_t i = 0; i < count; i++)
        bytes += files[i].size;
    if (ok && version[0]) // else it was asked for anew with other words
        ok = version_source(tx, version, a, &v, err) &&
             derived_add(tx, &v.content, recipe, files, count, used, err) &&
             db_run(tx, err,
                    "update burnt set state = 'ready', problem = null, bytes = ?2 where job = ?1",
                    "si", job, bytes) &&
             say(tx, version, err);
    arena_close(a);
    return ok;
}

// ---- what nobody looks at any more

struct sweeping {
    bool more;
};

static bool sweep_in(struct db_tx *tx, void *context, struct error *err)
{
    struct sweeping *s = context;
    struct arena *a = arena_open(64 << 20);
    const char *pairs[SWEPT_AT_ONCE][2];
    size_t count = 0;
    int64_t over = 0, before = clock_now_ms() - REST_MS;
    bool ok = db_one_int(tx, &over, 0, err, "select coalesce(sum(bytes), 0) from burnt", "");
    over -= ROOM_BYTES;
    struct db_rows *rows = db_query(tx,
                                    "select version, viewer, bytes, used_ms from burnt where state "
                                    "in ('ready', 'failed') order by used_ms limit 100",
                                    "");
    while (db_next(rows) && count < SWEPT_AT_ONCE) {
        if (db_int(rows, 3) >= before && over <= 0)
            break;
        over -= db_int(rows, 2);
        pairs[count][0] = arena_text(a, db_text(rows, 0));
        pairs[count++][1] = arena_text(a, db_text(rows, 1));
    }
    ok = db_end(rows, ok ? err : &(struct error){0}) && ok;
    for (size_t i = 0; ok && i < count; i++)
        ok = drop_set(tx, pairs[i][0], pairs[i][1], a, err);
    s->more = count == SWEPT_AT_ONCE;
    arena_close(a);
    return ok;
}

bool burnt_sweep(struct flow *f, struct error *err)
{
    struct sweeping s = {.more = true};
    bool ok = true;
    while (ok && s.more)
        ok = db_write(f->db, sweep_in, &s, err);
    return ok;
}
