#include "house/deliver/looks.h"
#include "house/deliver/inside.h"
#include "house/jobs/jobs.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_MOST = 35 };

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

// ---- where its frames are from

// Of frames put together from fields the top one says which; NULL when one lies before the last.
static json_t *listed(const json_t *segments)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    struct buf steps = BUF_LIMIT(64 << 20);
    int64_t first = -1, last = 0;
    bool well = true;
    size_t i;
    const json_t *row;
    json_array_foreach(segments, i, row)
    {
        const json_t *fields = json_object_get(row, "fields");
        well = well && (fields || !number(row, "count"));
        for (size_t k = 0; well && k + 1 < json_array_size(fields); k += 2) {
            int64_t place = json_integer_value(json_array_get(fields, k)), step = place - last;
            if (first < 0)
                first = place;
            else if (step < 0 || step > STEP_MOST)
                well = false;
            else
                buf_add(&steps, &digits[step], 1);
            last = place;
        }
    }
    json_t *to = well && first >= 0 && !steps.over
                     ? json_pack("{s:s, s:I, s:s%}", "kind", "list", "first", (json_int_t)first,
                                 "steps", steps.size ? steps.at : "", steps.size)
                     : json_pack("{s:s}", "kind", "time");
    buf_free(&steps);
    return to;
}

static json_t *in_runs(const json_t *segments)
{
    json_t *runs = json_array(), *last = NULL;
    bool same = true;
    int64_t away = 0;
    size_t i;
    const json_t *row;
    json_array_foreach(segments, i, row)
    {
        int64_t first = number(row, "first"), count = number(row, "count");
        const json_t *at = json_object_get(row, "place");
        int64_t place = at ? json_integer_value(at) : first;
        if (!count)
            continue;
        same = same && place == first;
        if (last && place - first == away) {
            json_array_set_new(last, 2,
                               json_integer(number(row, "first") + count -
                                            json_integer_value(json_array_get(last, 0))));
            continue;
        }
        away = place - first;
        last = json_pack("[I, I, I]", (json_int_t)first, (json_int_t)place, (json_int_t)count);
        json_array_append_new(runs, last);
    }
    if (!same)
        return json_pack("{s:s, s:o}", "kind", "runs", "runs", runs);
    json_decref(runs);
    return json_pack("{s:s}", "kind", "same");
}

json_t *look_origin(const json_t *plan)
{
    const json_t *segments = json_object_get(plan, "segments");
    if (json_object_get(plan, "constant"))
        return json_pack("{s:s}", "kind", "time");
    return json_object_get(plan, "cadence") ? listed(segments) : in_runs(segments);
}

bool look_keep(struct db_tx *tx, const char *delivery, const json_t *facts, const json_t *plan,
               struct error *err)
{
    static const char *const names[] = {"cadence", "constant"};
    json_t *found = json_object(), *origin = look_origin(plan);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (json_object_get(plan, names[i]))
            json_object_set(found, names[i], json_object_get(plan, names[i]));
    json_t *plain = json_copy((json_t *)(uintptr_t)facts);
    json_object_del(plain, "begins"); // is for the checks of stems, no Fact
    char *texts[] = {json_dumps(plain, JSON_COMPACT), json_dumps(found, JSON_COMPACT),
                     json_dumps(origin, JSON_COMPACT)};
    bool ok = texts[0] && texts[1] && texts[2]
                  ? db_run(tx, err,
                           "insert into delivery_looks values (?1, ?2, ?3, ?4, '', null, '', null) "
                           "on conflict (delivery) do update set facts = ?2, found = ?3, origin = "
                           "?4, state = '', job = null, recipe = '', problem = null",
                           "ssss", delivery, texts[0], texts[1], texts[2])
                  : error_set(err, ERROR_INTERNAL, "what was found in it can not be written down");
    for (size_t i = 0; i < 3; i++)
        free(texts[i]);
    json_decref(plain);
    json_decref(found);
    json_decref(origin);
    return ok;
}

// ---- asking

struct row {
    char delivery[27], project[27], asset[27], version[27], state[16], name[300];
    sha256 content;
    int64_t size;
    bool there, done, made, kept; // made: of one file that can be shown
};

static bool row_of(struct db_tx *tx, const char *delivery, struct row *r, struct error *err)
{
    *r = (struct row){0};
    struct db_rows *rows = db_query(
        tx,
        "select d.id, d.project, d.asset, d.version, d.name, d.content, d.size, l.state, d.state "
        "from deliveries d left join delivery_looks l on l.delivery = d.id where d.id = ?1",
        "s", delivery);
    if (db_next(rows)) {
        size_t size;
        const void *at = db_blob(rows, 5, &size);
        text_copy(text_of(db_text(rows, 0)), r->delivery, sizeof(r->delivery));
        text_copy(text_of(db_text(rows, 1)), r->project, sizeof(r->project));
        text_copy(text_of(db_text(rows, 2)), r->asset, sizeof(r->asset));
        text_copy(text_of(db_text(rows, 3)), r->version, sizeof(r->version));
        text_copy(text_of(db_text(rows, 4)), r->name, sizeof(r->name));
        r->there = true;
        r->done = strcmp(db_text(rows, 8), "done") == 0;
        r->made = at && size == SHA256_SIZE;
        if (r->made)
            memcpy(r->content.at, at, SHA256_SIZE);
        r->size = db_int(rows, 6);
        r->kept = !db_null(rows, 7);
        text_copy(text_of(r->kept ? db_text(rows, 7) : ""), r->state, sizeof(r->state));
    }
    return db_end(rows, err) &&
           (r->there || error_set(err, ERROR_NOT_FOUND, "there is no such delivery"));
}

static bool can_be_looked_at(const struct row *r, struct error *err)
{
    if (r->made && r->kept)
        return true;
    error_set(err, ERROR_CONFLICT, "%s cannot be looked at here", r->name);
    if (r->made) {
        error_why(err, "it was made before the house kept what is needed for that");
        return error_fix(err, "order it again, or download it");
    }
    error_why(err, r->done ? "it is a folder of several files" : "it is not made yet");
    return error_fix(err, r->done ? "bring the one that you want to see into the library"
                                  : "wait until its job is done");
}

static bool queue(struct db_tx *tx, const struct row *r, const char *by, int64_t now_ms, id *job,
                  struct error *err)
{
    struct arena *a = arena_open(1 << 16);
    json_t *ticket = json_pack("{s:s}", "kind", "proxy");
    struct job_wish wish = {.project = r->project,
                            .kind = "look",
                            .title = arena_format(a, "Proxies of %s", r->name),
                            .by = by,
                            .asset = r->asset,
                            .version = r->version,
                            .subject = r->delivery,
                            .ticket = ticket,
                            .priority = JOBS_PRIORITY,
                            .reads_bytes = r->size};
    bool ok = job_make(tx, &wish, now_ms, job, err);
    json_decref(ticket);
    arena_close(a);
    return ok;
}

bool look_ask(struct db_tx *tx, const char *delivery, const char *recipe, const char *by,
              int64_t now_ms, struct error *err)
{
    struct row r;
    struct derived_file *files;
    size_t count;
    id job;
    if (!row_of(tx, delivery, &r, err) || !can_be_looked_at(&r, err))
        return false;
    if (strstr(" waiting running ready ", r.state) && r.state[0])
        return true;
    struct arena *a = arena_open(16 << 20);
    bool ok = derived_find(tx, &r.content, recipe, a, &files, &count, err);
    arena_close(a);
    if (ok && count)
        return db_run(tx, err,
                      "update delivery_looks set state = 'ready', recipe = ?2 where delivery = ?1",
                      "ss", delivery, recipe) &&
               delivery_say(tx, delivery, err);
    return ok && queue(tx, &r, by, now_ms, &job, err) &&
           db_run(tx, err,
                  "update delivery_looks set state = 'waiting', job = ?2, recipe = ?3, problem = "
                  "null where delivery = ?1",
                  "sss", delivery, job.text, recipe) &&
           delivery_say(tx, delivery, err);
}

// ---- looking

static bool add_derived(struct db_tx *tx, json_t *look, const sha256 *content, const char *recipe,
                        struct error *err)
{
    struct arena *a = arena_open(16 << 20);
    struct derived_file *files;
    size_t count = 0;
    json_t *list = json_array();
    bool ok = derived_find(tx, content, recipe, a, &files, &count, err);
    for (size_t i = 0; ok && i < count; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:I, s:b, s:s}", "kind", files[i].kind, "name",
                                        files[i].name, "size", (json_int_t)files[i].size, "growing",
                                        0, "url", sha256_text(&files[i].content).text));
    json_object_set_new(look, "derived", list);
    arena_close(a);
    return ok;
}

bool look_get(struct db_tx *tx, const char *delivery, json_t **look, struct error *err)
{
    struct row r;
    char recipe[64] = "";
    *look = NULL;
    if (!row_of(tx, delivery, &r, err) || !can_be_looked_at(&r, err))
        return false;
    struct db_rows *rows = db_query(tx,
                                    "select facts, found, origin, job, recipe, problem from "
                                    "delivery_looks where delivery = ?1",
                                    "s", delivery);
    if (db_next(rows)) {
        *look = json_pack(
            "{s:s, s:s, s:s, s:s, s:s, s:s, s:o?, s:o?, s:o?}", "delivery", delivery, "project",
            r.project, "asset", r.asset, "version", r.version, "name", r.name, "state",
            r.state[0] ? r.state : "none", "facts", json_loads(db_text(rows, 0), 0, NULL), "found",
            json_loads(db_text(rows, 1), 0, NULL), "origin", json_loads(db_text(rows, 2), 0, NULL));
        if (!db_null(rows, 3))
            json_object_set_new(*look, "job", json_string(db_text(rows, 3)));
        text_copy(text_of(db_text(rows, 4)), recipe, sizeof(recipe));
        if (!db_null(rows, 5))
            json_object_set_new(*look, "problem", json_loads(db_text(rows, 5), 0, NULL));
    }
    if (db_end(rows, err) && add_derived(tx, *look, &r.content, recipe, err))
        return true;
    json_decref(*look), *look = NULL;
    return false;
}

// ---- for flow

bool look_source(struct db_tx *tx, const char *job, struct arena *a, struct look_source *s,
                 struct error *err)
{
    struct db_rows *rows =
        db_query(tx,
                 "select d.id, d.name, l.facts, d.content, coalesce((select f.size from "
                 "delivery_files f where f.delivery = d.id and f.content = d.content "
                 "limit 1), d.size) from "
                 "delivery_looks l join deliveries d on d.id = l.delivery where "
                 "l.job = ?1 and d.content is not null",
                 "s", job);
    bool there = db_next(rows);
    if (there) {
        size_t size;
        const void *at = db_blob(rows, 3, &size);
        *s = (struct look_source){.delivery = arena_text(a, db_text(rows, 0)),
                                  .name = arena_text(a, db_text(rows, 1)),
                                  .facts = arena_text(a, db_text(rows, 2)),
                                  .size = db_int(rows, 4)};
        memcpy(s->content.at, at, size < SHA256_SIZE ? size : SHA256_SIZE);
    }
    return db_end(rows, err) &&
           (there || error_set(err, ERROR_NOT_FOUND, "nobody wants to look at that deliverable"));
}

static bool of_job(struct db_tx *tx, const char *job, char delivery[27], struct error *err)
{
    delivery[0] = 0;
    struct db_rows *rows =
        db_query(tx, "select delivery from delivery_looks where job = ?1", "s", job);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), delivery, 27);
    return db_end(rows, err);
}

bool look_state_set(struct db_tx *tx, const char *job, const char *state, const char *problem,
                    struct error *err)
{
    char delivery[27];
    return of_job(tx, job, delivery, err) &&
           (!delivery[0] ||
            (db_run(tx, err,
                    "update delivery_looks set state = ?2, problem = ?3 where delivery = ?1 and "
                    "state <> 'ready' and (state <> ?2 or coalesce(problem, '') <> coalesce(?3, "
                    "''))",
                    "sss", delivery, state, problem) &&
             (!db_changed(tx) || delivery_say(tx, delivery, err))));
}

bool look_made(struct db_tx *tx, const char *job, const struct derived_file *files, size_t count,
               bool *used, struct error *err)
{
    struct arena *a = arena_open(16 << 20);
    struct look_source s;
    char recipe[64] = "";
    bool ok = look_source(tx, job, a, &s, err);
    struct db_rows *rows =
        db_query(tx, "select recipe from delivery_looks where job = ?1", "s", job);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), recipe, sizeof(recipe));
    ok = db_end(rows, ok ? err : &(struct error){0}) && ok &&
         derived_add(tx, &s.content, recipe, files, count, used, err) &&
         db_run(tx, err,
                "update delivery_looks set state = 'ready', problem = null where delivery = ?1",
                "s", s.delivery) &&
         delivery_say(tx, s.delivery, err);
    arena_close(a);
    return ok;
}
