// What a delivery's job makes on the way.
#include "house/deliver/deliver.h"
#include "house/deliver/parts.h"

#include <stdlib.h>
#include <string.h>

bool delivery_piece_add(struct db_tx *tx, const struct delivery_piece *p, int64_t now_ms,
                        struct error *err)
{
    char *result = json_dumps(p->result, JSON_COMPACT);
    bool ok = result ? db_run(tx, err,
                              "insert into delivery_pieces values (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
                              "?8) on conflict (job, step, task) do update set content = ?4, size "
                              "= ?5, result = ?6, created_ms = ?7, name = ?8",
                              "ssibisis", p->job, p->step, p->task,
                              p->has_content ? (const void *)p->content.at : NULL,
                              (size_t)SHA256_SIZE, p->size, result, now_ms, p->name)
                     : error_set(err, ERROR_INTERNAL, "a piece can not be written down");
    free(result);
    return ok;
}

static void add_file(json_t *files, struct db_rows *rows, const char *step)
{
    size_t size;
    const void *at = db_blob(rows, 2, &size);
    sha256 content;
    if (!at || size != SHA256_SIZE)
        return;
    memcpy(content.at, at, SHA256_SIZE);
    char name[64];
    snprintf(name, sizeof(name), "%.20s-%lld.packets", step, (long long)db_int(rows, 1) + 1);
    json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "content", sha256_text(&content).text,
                                           "size", (json_int_t)db_int(rows, 3), "name", name));
}

bool delivery_pieces(struct db_tx *tx, const char *job, const struct delivery_part *part, bool all,
                     json_t **pieces, struct error *err)
{
    int64_t seen = 0,
            wanted = (part->index >= 0) + part->weighs + part->segments + (part->sound >= 0);
    json_t *measures = json_array(), *segments = json_array(), *files = json_array();
    *pieces = json_pack("{s:n, s:o, s:o, s:n, s:o}", "plan", "measures", measures, "segments",
                        segments, "sound", "files", files);
    // "segment" is before "sound", as the muxer wants it; a segment needs what was before.
    struct db_rows *rows = db_query(
        tx,
        "select step, task, content, size, result from delivery_pieces where job = ?1 and ((step = "
        "'index' and task = ?2) or (step = 'weigh' and task >= ?3 and task < ?4) or (step = "
        "'segment' and task >= ?5 and task < ?6) or (step = 'sound' and task = ?7)) order by step, "
        "task",
        "siiiiii", job, part->index, part->weigh, part->weigh + part->weighs, part->segment,
        part->segment + (all ? part->segments : 0), all ? part->sound : -1);
    for (; db_next(rows); seen++) {
        const char *step = db_text(rows, 0);
        json_t *result = json_loads(db_text(rows, 4), 0, NULL);
        if (strcmp(step, "index") == 0)
            json_object_set(*pieces, "plan", json_object_get(result, "plan"));
        else if (strcmp(step, "weigh") == 0)
            json_array_append(measures, result);
        else if (strcmp(step, "segment") == 0)
            json_array_append(segments, result);
        else
            json_object_set(*pieces, "sound", result);
        add_file(files, rows, step);
        json_decref(result);
    }
    bool ok = db_end(rows, err);
    if (ok && (all ? seen != wanted : !seen)) { // what is being weighed is not all there
        error_set(err, ERROR_CONFLICT, "what was encoded for it is not kept any more");
        ok = error_fix(err, "ask for the delivery again");
    }
    if (!ok) {
        json_decref(*pieces);
        *pieces = NULL; // whoever asked lets go of what there is
    }
    return ok;
}

bool delivery_within(struct db_tx *tx, const char *job, json_t **found, struct error *err)
{
    struct db_rows *rows = db_query(
        tx, "select result from delivery_pieces where job = ?1 and step = 'captions'", "s", job);
    *found = db_next(rows) ? json_loads(db_text(rows, 0), 0, NULL) : NULL;
    if (db_end(rows, err))
        return true;
    json_decref(*found), *found = NULL;
    return false;
}

bool delivery_pieces_forget(struct db_tx *tx, const char *job, int64_t before_ms, struct arena *a,
                            sha256 **contents, size_t *count, struct error *err)
{
    static const char of[] =
        "(job = ?1 or (?1 is null and job in (select id from jobs where ended = 1 and ended_ms < "
        "?2)))";
    int64_t most = 0;
    const char *names = arena_format(
        a,
        "select distinct content from delivery_pieces p where content is not null and %s and not "
        "exists (select 1 from delivery_files d where d.content = p.content) and not exists "
        "(select 1 "
        "from delivery_pieces o where o.content = p.content and o.job <> p.job)",
        of);
    const char *sum = arena_format(a, "select count(*) from delivery_pieces where %s", of);
    *count = 0;
    if (!db_one_int(tx, &most, 0, err, sum, "si", job, before_ms))
        return false;
    *contents = ARENA_ARRAY(a, sha256, (size_t)most + 1);
    struct db_rows *rows = db_query(tx, names, "si", job, before_ms);
    while (db_next(rows) && *count < (size_t)most) {
        size_t size;
        const void *at = db_blob(rows, 0, &size);
        if (at && size == SHA256_SIZE)
            memcpy((*contents)[(*count)++].at, at, SHA256_SIZE);
    }
    return db_end(rows, err) &&
           (!most || db_run(tx, err, arena_format(a, "delete from delivery_pieces where %s", of),
                            "si", job, before_ms));
}
