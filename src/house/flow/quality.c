// What a measurement comes to: rules are laid on it, the bytes it is of are held against those that
// were stored, and captions that belong to the film are read and checked. All of it before the
// transaction that writes the report: nobody waits for that.
#include "house/captions/captions.h"
#include "house/flow/inside.h"
#include "house/qc/captions.h"
#include "house/qc/qc.h"
#include "house/qc/reports.h"
#include "plat/files.h"

#include <stdlib.h>
#include <string.h>

enum { FILES_AT_ONCE = 1000, RULES_BYTES = 1 << 20 };
#define MEASURE_BYTES 2000000000

struct judging {
    struct flow *f;
    const char *job, *version;
    struct arena *a;
    json_t *rules, *files;
    struct version_source v;
    struct caption_source *captions;
    size_t caption_count;
};

static bool files_in(struct db_tx *tx, struct judging *j, struct error *err)
{
    json_decref(j->files);
    j->files = json_array();
    for (int64_t after = 0; after < j->v.file_count; after += FILES_AT_ONCE) {
        json_t *some;
        int64_t total;
        if (!version_files(tx, j->v.id, after, FILES_AT_ONCE, &some, &total, err))
            return false;
        json_array_extend(j->files, some);
        json_decref(some);
    }
    return true;
}

static bool look_in(struct db_tx *tx, void *context, struct error *err)
{
    struct judging *j = context;
    json_decref(j->rules);
    return qc_rules_of(tx, j->job, &j->rules, err) &&
           version_source(tx, j->version, j->a, &j->v, err) && files_in(tx, j, err) &&
           captions_sources(tx, j->v.asset, j->a, &j->captions, &j->caption_count, err);
}

// ---- captions

static bool caption_rules(struct judging *j, struct caption_rules **rules, struct error *err)
{
    char path[PATH_MAX], file[160];
    struct buf content = BUF_LIMIT(RULES_BYTES);
    const char *name = json_string_value(json_object_get(j->rules, "captions"));
    snprintf(file, sizeof(file), "../rules/captions/%.100s.json", name ? name : "house");
    bool ok = (path_join(path, sizeof(path), j->f->profiles, file) ||
               error_set(err, ERROR_INPUT, "the folder's name is too long")) &&
              file_read(path, &content, err);
    if (ok) {
        const char *kept = arena_copy(j->a, content.at ? content.at : "", content.size);
        ok = caption_rules_read(j->a, path, (text){kept, content.size}, rules, err);
    }
    buf_free(&content);
    return ok;
}

static void one_file(const struct judging *j, const struct qc_captions *q,
                     const struct caption_source *from, const json_t *facts)
{
    struct arena *a = arena_open(CAPTIONS_ARENA_BYTES);
    struct caption_opened_source o = {0};
    struct qc_captions own = *q;
    struct error why;
    bool ok = captions_open(j->f->store, from, facts, a, &o, &why);
    own.arena = a;
    qc_captions_add(&own, from->v.name, ok ? o.c : NULL, &why);
    arena_close(a);
}

// What was looked at stands in the report, so that it is known when captions change afterwards.
static void look_at_captions(struct judging *j, const struct measure *m, json_t *report)
{
    struct qc_captions q = {.arena = j->a};
    struct error why, ignored;
    int64_t *cuts = NULL;
    json_t *facts = j->v.facts ? json_loads(j->v.facts, 0, NULL) : NULL;
    bool film = *j->f->profiles && facts && caption_programme_of(facts, &q.film, &ignored);
    if (!film) {
        json_decref(facts);
        return;
    }
    json_t *seen = json_array();
    q.found = json_array();
    q.cut_count = qc_cuts(m, &cuts);
    q.cuts = cuts;
    if (j->caption_count && !caption_rules(j, &q.rules, &why))
        qc_captions_refused(&q, "caption-rules", &why);
    for (size_t i = 0; i < j->caption_count && q.rules; i++) {
        const struct caption_source *s = &j->captions[i];
        one_file(j, &q, s, facts);
        json_array_append_new(seen, json_pack("{s:s, s:s, s:s, s:s}", "version", s->v.id, "name",
                                              s->v.name, "language", s->language, "role", s->role));
    }
    json_object_set_new(report, "captions", seen);
    qc_report_add(report, q.found);
    free(cuts);
    json_decref(facts);
}

// ---- the whole

bool quality_judge(struct flow *f, const char *job, const char *version, const char *path,
                   const json_t *result, json_t **report, struct error *err)
{
    struct judging j = {.f = f, .job = job, .version = version, .a = arena_open(256 << 20)};
    struct buf content = BUF_LIMIT(MEASURE_BYTES);
    struct measure *m = NULL;
    bool ok = file_read(path, &content, err) &&
              measure_read((text){content.at, content.size}, &m, err) &&
              db_read(f->db, look_in, &j, err);
    buf_free(&content);
    if (ok && !j.rules) {
        error_set(err, ERROR_CHILD, "the result can not be used");
        ok = error_why(err, "nobody has asked for it");
    }
    if (ok) {
        *report = qc_judge(m, j.rules);
        qc_report_bytes(*report, json_object_get(result, "bytes"), j.files);
        look_at_captions(&j, m, *report);
        json_t *timeline = qc_timeline(m, j.rules);
        if (timeline)
            json_object_set_new(*report, "timeline", timeline);
    }
    measure_close(m);
    json_decref(j.rules);
    json_decref(j.files);
    arena_close(j.a);
    return ok;
}
