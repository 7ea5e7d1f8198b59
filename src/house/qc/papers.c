// What lies with a report: a picture of each finding, a device's certificate; and the report on
// paper.
#include "base/arena.h"
#include "house/assets/assets.h"
#include "house/jobs/jobs.h"
#include "house/qc/inside.h"
#include "house/qc/reports.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <string.h>

enum { PICTURES_MOST = 200 };

// ---- pictures

bool qc_pictures_ask(struct db_tx *tx, const char *report, const char *version,
                     const json_t *judged, int64_t now_ms, struct error *err)
{
    struct arena *a = arena_open(64 << 20);
    struct version_source v;
    id job;
    json_t *frames = qc_report_frames(judged, PICTURES_MOST);
    bool ok = version_source(tx, version, a, &v, err);
    json_t *facts = ok && v.facts ? json_loads(v.facts, 0, NULL) : NULL;
    if (ok && json_array_size(frames) && json_array_size(json_object_get(facts, "video"))) {
        json_t *ticket = json_pack("{s:s, s:O}", "kind", "stills", "frames", frames);
        ok = job_make(
            tx,
            &(struct job_wish){.project = v.project,
                               .kind = "stills",
                               .title = arena_format(a, "Pictures of findings in %s", v.name),
                               .by = "the house",
                               .asset = v.asset,
                               .version = v.id,
                               .subject = report,
                               .cause = arena_format(a, "stills %s", report),
                               .ticket = ticket,
                               .priority = JOBS_PRIORITY,
                               .reads_bytes = v.size},
            now_ms, &job, err);
        json_decref(ticket);
    }
    json_decref(facts);
    json_decref(frames);
    arena_close(a);
    return ok;
}

bool qc_pictures_done(struct db_tx *tx, const char *report, const struct qc_picture_file *list,
                      size_t count, struct error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok =
            db_run(tx, err,
                   "insert into qc_pictures values (?1, ?2, ?3, ?4) on conflict (report, frame) do "
                   "update set content = ?3, size = ?4",
                   "sibi", report, list[i].frame, (const void *)list[i].content.at,
                   (size_t)SHA256_SIZE, list[i].size);
    return ok && qc_say_changed(tx, report, err);
}

static bool read_content(struct db_rows *rows, int column, sha256 *to)
{
    size_t size;
    const void *at = db_blob(rows, column, &size);
    if (!at || size != SHA256_SIZE)
        return false;
    memcpy(to->at, at, SHA256_SIZE);
    return true;
}

bool qc_pictures(struct db_tx *tx, const char *report, struct arena *a,
                 struct qc_picture_file **list, size_t *count, struct error *err)
{
    *list = ARENA_ARRAY(a, struct qc_picture_file, PICTURES_MOST);
    *count = 0;
    struct db_rows *rows = db_query(
        tx, "select frame, content, size from qc_pictures where report = ?1 order by frame", "s",
        report);
    while (db_next(rows) && *count < PICTURES_MOST) {
        struct qc_picture_file *p = &(*list)[*count];
        *p = (struct qc_picture_file){.frame = db_int(rows, 0), .size = db_int(rows, 2)};
        *count += read_content(rows, 1, &p->content);
    }
    return db_end(rows, err);
}

// ---- certificates

static bool good_date(const char *date)
{
    int y, m, d, end = 0;
    return sscanf(date, "%4d-%2d-%2d%n", &y, &m, &d, &end) == 3 && end == 10 && !date[end] &&
           y > 1990 && m >= 1 && m <= 12 && d >= 1 && d <= 31;
}

static bool good_certificate(const struct qc_certificate *c, struct error *err)
{
    const char *missing = !*c->device           ? "the device that has passed it"
                          : !*c->number         ? "the number of the certificate"
                          : !good_date(c->date) ? "its date, as 2026-11-30"
                          : !c->size            ? "the certificate itself, as a file"
                                                : NULL;
    if (!missing)
        return true;
    error_set(err, ERROR_INPUT, "the certificate is not complete");
    error_why(err, "what is missing is %s", missing);
    return error_fix(err, "a pass counts when a device of the outlet's list gave it: say which");
}

bool qc_certificate_add(struct db_tx *tx, const char *report, const struct qc_certificate *c,
                        const char *by, int64_t now_ms, struct error *err)
{
    int64_t there;
    if (!good_certificate(c, err) ||
        !db_one_int(tx, &there, 0, err, "select count(*) from qc_certificates where report = ?1",
                    "s", report))
        return false;
    if (there) {
        error_set(err, ERROR_CONFLICT, "the report has a certificate");
        return error_fix(err, "take it off first");
    }
    return db_run(tx, err,
                  "insert into qc_certificates values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                  "ssbissssi", report, c->name, (const void *)c->content.at, (size_t)SHA256_SIZE,
                  c->size, c->device, c->number, c->date, by, now_ms) &&
           qc_say_changed(tx, report, err);
}

bool qc_certificate_drop(struct db_tx *tx, const char *report, struct error *err)
{
    int64_t approved;
    if (!db_one_int(tx, &approved, 0, err,
                    "select count(*) from qc_reports where id = ?1 and approved_by is not null",
                    "s", report))
        return false;
    if (approved) {
        error_set(err, ERROR_CONFLICT, "the certificate stays");
        return error_why(err, "the report was approved with it");
    }
    return db_run(tx, err, "delete from qc_certificates where report = ?1", "s", report) &&
           (db_changed(tx) || error_set(err, ERROR_NOT_FOUND, "the report has no certificate")) &&
           qc_say_changed(tx, report, err);
}

static bool read_certificate(struct db_rows *rows, struct arena *a, struct qc_certificate *c,
                             struct error *err)
{
    *c = (struct qc_certificate){0};
    if (db_next(rows) && read_content(rows, 1, &c->content)) {
        const char **texts[] = {&c->device, &c->number, &c->date, &c->by};
        c->name = arena_copy(a, db_text(rows, 0), strlen(db_text(rows, 0)));
        c->size = db_int(rows, 2);
        for (int i = 0; i < 4; i++)
            *texts[i] = arena_copy(a, db_text(rows, 3 + i), strlen(db_text(rows, 3 + i)));
        c->attached_ms = db_int(rows, 7);
    }
    return db_end(rows, err);
}

#define CERTIFICATE "c.name, c.content, c.size, c.device, c.number, c.date, c.made_by, c.made_ms "

bool qc_certificate(struct db_tx *tx, const char *report, struct arena *a, struct qc_certificate *c,
                    struct error *err)
{
    return read_certificate(
        db_query(tx, "select " CERTIFICATE "from qc_certificates c where c.report = ?1", "s",
                 report),
        a, c, err);
}

bool qc_certificate_of(struct db_tx *tx, const char *version, const char *rules, struct arena *a,
                       struct qc_certificate *c, struct error *err)
{
    return read_certificate(
        db_query(tx,
                 "select " CERTIFICATE
                 "from qc_certificates c join qc_reports r on r.id = c.report where r.version = ?1 "
                 "and r.rules = ?2 order by r.created_ms desc, r.id desc limit 1",
                 "ss", version, rules),
        a, c, err);
}

json_t *qc_certificate_json(const struct qc_certificate *c)
{
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "name", c->name, "size",
                     (json_int_t)c->size, "device", c->device, "number", c->number, "date", c->date,
                     "by", c->by, "attached", clock_text(c->attached_ms).text, "content",
                     sha256_text(&c->content).text);
}

// ---- paper

bool qc_paper_read(struct db_tx *tx, const char *report, const char *form, struct arena *a,
                   struct qc_paper *p, struct error *err)
{
    json_t *json, *f;
    size_t i;
    long long counts[3] = {0};
    struct version_source v;
    if (!qc_report_get(tx, report, &json, err))
        return false;
    bool ok = json_object_get(json, "verdict") != NULL;
    if (!ok) {
        error_set(err, ERROR_CONFLICT, "there is no report yet");
        error_fix(err, "wait until it is done");
    }
    ok = ok &&
         version_source(tx, json_string_value(json_object_get(json, "version")), a, &v, err) &&
         qc_pictures(tx, report, a, &p->pictures, &p->picture_count, err);
    json_array_foreach(json_object_get(json, "findings"), i, f)
    {
        int severity = qc_severity(json_string_value(json_object_get(f, "severity")));
        counts[severity < 0 ? 2 : severity]++;
    }
    if (!ok) {
        json_decref(json);
        return false;
    }
    json_object_set_new(json, "counts",
                        json_pack("{s:I, s:I, s:I}", "fix", counts[0], "issue", counts[1],
                                  "information", counts[2]));
    if (!json_object_get(json, "title"))
        json_object_set(json, "title", json_object_get(json, "rules"));
    p->report = json;
    p->title = arena_copy(a, v.name, strlen(v.name));
    p->name = arena_format(a, "%s quality.%s", v.name, form);
    return true;
}
