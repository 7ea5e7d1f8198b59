// Orders: what is to go to another house or come from it, and its receipt.
#include "house/jobs/jobs.h"
#include "house/parcels/inside.h"
#include "offload/receipt.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool no_parcel(struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "there is no such order");
}

static bool assets_fit(struct db_tx *tx, const struct parcel_order *o, struct error *err)
{
    size_t i;
    const json_t *one;
    if (json_array_size(o->assets) > PARCEL_ASSETS_MOST)
        return error_set(err, ERROR_TOO_BIG, "one order has at most %d assets",
                         PARCEL_ASSETS_MOST);
    json_array_foreach(o->assets, i, one)
    {
        int64_t here = 0;
        const char *asset = json_string_value(one);
        if (!asset || !id_valid(text_of(asset)))
            return error_set(err, ERROR_INPUT, "an asset of the order has no id");
        if (!o->in && !db_one_int(tx, &here, 0, err,
                                  "select count(*) from assets where id = ?1 and project = ?2 and "
                                  "deleted = 0",
                                  "ss", asset, o->project))
            return false;
        if (!o->in && !here)
            return error_set(err, ERROR_NOT_FOUND, "an asset of the order is not in the project");
    }
    return true;
}

static bool make_job(struct db_tx *tx, const struct parcel_order *o, const char *parcel,
                     const char *house, int64_t now_ms, id *job, struct error *err)
{
    char title[400], cause[48];
    snprintf(title, sizeof(title), "%.150s %s %.100s", *o->there ? o->there : "the project",
             o->in ? "from" : "to", house);
    snprintf(cause, sizeof(cause), "parcel %s", parcel);
    json_t *options = json_pack("{s:i}", "tries", 12);
    struct job_step step = {.name = "parcel", .tasks = 1};
    struct job_wish wish = {.project = o->project,
                            .kind = "send",
                            .title = title,
                            .by = o->by,
                            .subject = parcel,
                            .cause = cause,
                            .options = options,
                            .priority = JOBS_PRIORITY,
                            .tier = JOBS_TIER_TICKETS,
                            .steps = &step,
                            .step_count = 1,
                            .hands = "courier"};
    bool ok = job_make(tx, &wish, now_ms, job, err);
    json_decref(options);
    return ok;
}

static bool say(struct db_tx *tx, const char *parcel, struct error *err)
{
    char project[27] = "";
    struct db_rows *rows = db_query(tx, "select project from parcels where id = ?1", "s", parcel);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), project, sizeof(project));
    return db_end(rows, err) && db_event(tx, "parcel.changed", project, parcel, NULL, err);
}

// What is called as ours there follows our name.
static bool is_named_so(struct db_tx *tx, const struct parcel_order *o, bool *same,
                        struct error *err)
{
    int64_t named = 0;
    bool ok = o->in || db_one_int(tx, &named, 0, err,
                                  "select count(*) from projects where id = ?1 and name = ?2", "ss",
                                  o->project, o->there);
    *same = named > 0;
    return ok;
}

bool parcel_make(struct db_tx *tx, const struct parcel_order *o, int64_t now_ms, id *made,
                 struct error *err)
{
    json_t *house = NULL;
    id job;
    bool same;
    *made = id_new();
    if (!is_named_so(tx, o, &same, err) || !houses_get(tx, o->house, &house, err))
        return false;
    const char *name = parcel_word(house, "name");
    json_t *wish = json_pack("{s:O*, s:O*}", "assets", o->assets, "paths", o->paths);
    char *text = json_dumps(wish, JSON_COMPACT);
    bool ok = assets_fit(tx, o, err) && make_job(tx, o, made->text, name, now_ms, &job, err) &&
              db_run(tx, err,
                     "insert into parcels values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, null, null, ?9, "
                     "?10, ?11)",
                     "ssssssssssi", made->text, o->project, o->house, name, o->in ? "in" : "out",
                     same ? "" : o->there, text, job.text, o->person, o->by, now_ms) &&
              say(tx, made->text, err);
    free(text);
    json_decref(wish);
    json_decref(house);
    return ok;
}

#define PARCEL                                                                                     \
    "select p.id, p.project, p.house, p.name, p.way, case when p.there = '' then o.name else "     \
    "p.there end, p.job, p.result, p.receipt is not null, p.made_by, p.created_ms, j.state, "      \
    "j.problem from parcels p join projects o on o.id = p.project left join jobs j on j.id = "     \
    "p.job "

static json_t *row_json(struct db_rows *rows)
{
    json_t *result = db_null(rows, 7) ? NULL : json_loads(db_text(rows, 7), 0, NULL);
    const char *state = db_null(rows, 11) ? "done" : db_text(rows, 11);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "id",
                             db_text(rows, 0), "project", db_text(rows, 1), "house",
                             db_text(rows, 2), "name", db_text(rows, 3), "way", db_text(rows, 4),
                             "there", db_text(rows, 5), "job", db_text(rows, 6), "receipt",
                             (int)db_int(rows, 8), "by", db_text(rows, 9), "created",
                             clock_text(db_int(rows, 10)).text, "state", result ? "done" : state);
    if (result)
        json_object_set_new(json, "result", result);
    else if (!db_null(rows, 12) && strcmp(state, "failed") == 0)
        json_object_set_new(json, "problem", json_loads(db_text(rows, 12), 0, NULL));
    return json;
}

bool parcel_get(struct db_tx *tx, const char *parcel, json_t **json, struct error *err)
{
    struct db_rows *rows = db_query(tx, PARCEL "where p.id = ?1", "s", parcel);
    *json = db_next(rows) ? row_json(rows) : NULL;
    if (!db_end(rows, err)) {
        json_decref(*json), *json = NULL;
        return false;
    }
    return *json || no_parcel(err);
}

bool parcel_list(struct db_tx *tx, const char *project, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(
        tx, PARCEL "where p.project = ?1 order by p.created_ms desc, p.id desc limit 200", "s",
        project);
    while (db_next(rows))
        json_array_append_new(*list, row_json(rows));
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

bool parcel_receipt_of(struct db_tx *tx, const char *parcel, json_t **receipt, struct error *err)
{
    *receipt = NULL;
    struct db_rows *rows = db_query(tx, "select receipt from parcels where id = ?1", "s", parcel);
    bool there = db_next(rows);
    if (there && !db_null(rows, 0))
        *receipt = json_loads(db_text(rows, 0), 0, NULL);
    if (!db_end(rows, err)) {
        json_decref(*receipt), *receipt = NULL;
        return false;
    }
    if (*receipt)
        return true;
    if (!there)
        return no_parcel(err);
    error_set(err, ERROR_CONFLICT, "there is no receipt yet");
    return error_fix(err, "wait until it is there");
}

bool parcel_done(struct db_tx *tx, const char *parcel, const json_t *result, const json_t *receipt,
                 struct error *err)
{
    char *said = json_dumps(result, JSON_COMPACT);
    char *paper = receipt ? json_dumps(receipt, JSON_COMPACT) : NULL;
    bool ok = db_run(tx, err, "update parcels set result = ?2, receipt = ?3 where id = ?1", "sss",
                     parcel, said, paper) &&
              say(tx, parcel, err);
    free(said);
    free(paper);
    return ok;
}

// The files of what was taken, in one list.
static void add_files(json_t *files, const json_t *taken)
{
    size_t i, k;
    json_t *version, *file;
    json_array_foreach(json_object_get(taken, "versions"), i, version)
    {
        json_array_foreach(json_object_get(version, "files"), k, file)
        {
            char path[600];
            snprintf(path, sizeof(path), "%.250s/v%lld/%.300s", parcel_word(taken, "name"),
                     (long long)parcel_count(version, "number"), parcel_word(file, "name"));
            text t = text_of(path);
            while (t.size && !text_utf8(t)) // a name that was cut
                t.size--;
            json_array_append_new(files, json_pack("{s:s%, s:O, s:O}", "path", t.at, t.size, "size",
                                                   json_object_get(file, "size"), "content",
                                                   json_object_get(file, "content")));
        }
        json_object_del(version, "files");
    }
}

bool parcel_receipt(struct db_tx *tx, const struct sign_key *sign, const char *transfer,
                    const char *house_name, const char *from, json_t **receipt, struct error *err)
{
    int64_t files = 0, bytes = 0;
    json_t *assets = json_array(), *list = json_array();
    char by[300] = "", project[300] = "";
    *receipt = NULL;
    struct db_rows *rows = db_query(
        tx, "select taken from parcel_takes where transfer = ?1 order by asset", "s", transfer);
    while (db_next(rows)) {
        json_t *taken = json_loads(db_text(rows, 0), 0, NULL);
        files += parcel_count(taken, "count");
        bytes += parcel_count(taken, "bytes");
        add_files(list, taken);
        json_array_append_new(assets, taken);
    }
    bool ok = db_end(rows, err);
    rows = db_query(tx,
                    "select coalesce(p.name, ''), j.name from transfers t join projects j on j.id "
                    "= t.project left join people p on p.id = t.person where t.id = ?1",
                    "s", transfer);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), by, sizeof(by));
        text_copy(text_of(db_text(rows, 1)), project, sizeof(project));
    }
    ok = db_end(rows, err) && ok;
    json_t *said =
        json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}, s:s, s:I, s:I, s:s, s:o, s:o}", "kind",
                  "parcel", "from", from, "delivery", "name", project, "to", house_name, "by",
                  "person", by, "host", house_name, "transfer", transfer, "count",
                  (json_int_t)files, "bytes", (json_int_t)bytes, "made",
                  clock_text(clock_now_ms()).text, "assets", assets, "files", list);
    ok = ok && (sign ? receipt_sign(sign, said, receipt, err)
                     : error_set(err, ERROR_NOT_FOUND, "this house signs nothing"));
    json_decref(said);
    return ok;
}
