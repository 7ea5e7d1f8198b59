#include "house/qc/reports.h"
#include "house/assets/originals.h"
#include "formats/profile/profile.h"
#include "house/assets/assets.h"
#include "house/captions/captions.h"
#include "house/jobs/jobs.h"
#include "house/qc/qc.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "time/timecode.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { RULES_BYTES = 1 << 20, NAMES_BYTES = 4096 };

// ---- rules, read from the folder they lie in each time

static bool read_set(const char *path, json_t **rules, struct error *err)
{
    struct buf content = BUF_LIMIT(RULES_BYTES);
    bool ok = file_read(path, &content, err) &&
              qc_rules_read(path, (text){content.at, content.size}, rules, err);
    buf_free(&content);
    return ok;
}

// With its base, which lies beside it.
static bool read_one(const char *path, json_t **rules, struct error *err)
{
    char beside[PATH_MAX];
    json_t *set, *base = NULL;
    if (!read_set(path, &set, err))
        return false;
    const char *name = json_string_value(json_object_get(set, "base"));
    const char *slash = strrchr(path, '/');
    bool ok = true;
    if (name) {
        snprintf(beside, sizeof(beside), "%.*s%s.json", slash ? (int)(slash - path) + 1 : 0, path,
                 name);
        ok = read_set(beside, &base, err) && qc_rules_on(base, &set, err);
    }
    json_decref(base);
    if (ok)
        *rules = set;
    else
        json_decref(set);
    return ok;
}

static bool list_one(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    json_t *list = context, *rules;
    *enter = !f->relative[0];
    if (f->kind != FILE_PLAIN || !text_ends(text_of(f->relative), ".json"))
        return true;
    if (!read_one(f->path, &rules, err))
        return false;
    json_t *codes = json_object_get(rules, "codes");
    json_array_append_new(
        list, json_pack("{s:O, s:O, s:O, s:s, s:O*, s:o}", "name", json_object_get(rules, "name"),
                        "title", json_object_get(rules, "title"), "description",
                        json_object_get(rules, "description"), "standing", profile_standing(rules),
                        "source", json_object_get(rules, "source"), "codes",
                        codes ? json_incref(codes) : json_array()));
    json_decref(rules);
    return true;
}

bool qc_rules_list(const char *folder, json_t **list, struct error *err)
{
    *list = json_array();
    if (folder_walk(folder, &(struct walk_wish){.depth = 2, .seen = list_one, .context = *list},
                    err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

bool qc_rules_load(const char *folder, const char *name, json_t **rules, struct error *err)
{
    char path[PATH_MAX], file[128];
    struct error missing;
    snprintf(file, sizeof(file), "%.100s.json", name);
    bool plain = *name && *name != '.' && strlen(name) < 100 && !strpbrk(name, "/\\");
    if (plain && path_join(path, sizeof(path), folder, file)) {
        if (read_one(path, rules, &missing))
            return true;
        if (missing.kind != ERROR_NOT_FOUND) {
            *err = missing;
            return false;
        }
    }
    error_set(err, ERROR_NOT_FOUND, "there is no set of rules %.100s", name);
    return error_fix(err, "GET /qc-rules lists them");
}

// ---- asking

bool qc_say_changed(struct db_tx *tx, const char *report, struct error *err)
{
    json_t *json;
    if (!qc_report_get(tx, report, &json, err))
        return false;
    json_object_set_new(json, "findings", json_array()); // news is small
    char *body = json_dumps(json, JSON_COMPACT);
    bool ok = db_event(tx, "qc.changed", json_string_value(json_object_get(json, "project")),
                       report, body, err);
    free(body);
    json_decref(json);
    return ok;
}

bool qc_report_make(struct db_tx *tx, const char *version, const json_t *rules, const char *by,
                    int64_t now_ms, id *report, struct error *err)
{
    struct arena *a = arena_open(64 << 20);
    struct version_source v;
    id job;
    bool ok = version_source(tx, version, a, &v, err);
    if (ok && !v.facts) {
        ok = error_set(err, ERROR_CONFLICT, "%s cannot be checked yet", v.name);
        error_why(err, "the house has not looked into it, or could not");
        error_fix(err, "wait until it is ready, or see what its job says");
    }
    ok = ok && original_usable(v.facts, v.name, err);
    char *spec = json_dumps(rules, JSON_COMPACT);
    json_t *ticket = json_pack("{s:s}", "kind", "measure");
    *report = id_new();
    if (ok) {
        struct job_wish wish = {.project = v.project,
                                .kind = "qc",
                                .title = arena_format(a, "Checking %s", v.name),
                                .by = by,
                                .asset = v.asset,
                                .version = v.id,
                                .subject = report->text,
                                .cause = arena_format(a, "qc %s", report->text),
                                .ticket = ticket,
                                .priority = JOBS_PRIORITY,
                                .reads_bytes = v.size};
        ok =
            job_make(tx, &wish, now_ms, &job, err) &&
            db_run(tx, err,
                   "insert into qc_reports values (?1, ?2, ?3, ?4, ?5, ?6, 'waiting', ?7, null, "
                   "null, null, 0, ?8, ?9, null, 0)",
                   "ssssssssi", report->text, v.project, v.asset, v.id,
                   json_string_value(json_object_get(rules, "name")), spec, job.text, by, now_ms) &&
            qc_say_changed(tx, report->text, err);
    }
    json_decref(ticket);
    free(spec);
    arena_close(a);
    return ok;
}

// ---- looking

#define COLUMNS                                                                                    \
    "id, version, asset, project, rules, state, job, report, problem, made_by, created_ms, "       \
    "approved_by, approved_ms"

static json_t *row_json(struct db_rows *rows)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id",
                             db_text(rows, 0), "version", db_text(rows, 1), "asset",
                             db_text(rows, 2), "project", db_text(rows, 3), "rules",
                             db_text(rows, 4), "state", db_text(rows, 5), "job", db_text(rows, 6),
                             "by", db_text(rows, 9), "created", clock_text(db_int(rows, 10)).text);
    json_t *report = db_null(rows, 7) ? NULL : json_loads(db_text(rows, 7), 0, NULL);
    static const char *const kept[] = {"verdict",
                                       "title",
                                       "rate",
                                       "frames",
                                       "start",
                                       "sound",
                                       "bytes",
                                       "captions",
                                       "standing",
                                       "source",
                                       "pse",
                                       "certificate_needed",
                                       "light",
                                       "interlaced_frames",
                                       "top_first_frames"};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        if (json_object_get(report, kept[i]))
            json_object_set(json, kept[i], json_object_get(report, kept[i]));
    json_t *findings = json_object_get(report, "findings");
    json_object_set_new(json, "findings",
                        json_is_array(findings) ? json_incref(findings) : json_array());
    if (!db_null(rows, 8))
        json_object_set_new(json, "problem", json_loads(db_text(rows, 8), 0, NULL));
    if (!db_null(rows, 11)) {
        json_object_set_new(json, "approved_by", json_string(db_text(rows, 11)));
        json_object_set_new(json, "approved", json_string(clock_text(db_int(rows, 12)).text));
    }
    json_decref(report);
    return json;
}

static bool add_papers(struct db_tx *tx, json_t *json, struct error *err)
{
    struct arena *a = arena_open(16 << 20);
    const char *report = json_string_value(json_object_get(json, "id"));
    struct qc_certificate c;
    struct qc_picture_file *list;
    size_t count, i;
    json_t *f;
    bool ok =
        qc_certificate(tx, report, a, &c, err) && qc_pictures(tx, report, a, &list, &count, err);
    if (ok && c.name) {
        json_object_set_new(json, "certificate", qc_certificate_json(&c));
        json_object_set_new(json, "pse", json_string("certificate"));
    }
    json_array_foreach(json_object_get(json, "findings"), i, f)
    {
        const json_t *from = json_object_get(f, "from");
        for (size_t k = 0; ok && from && k < count; k++)
            if (list[k].frame == json_integer_value(from))
                json_object_set_new(f, "picture", json_true());
    }
    arena_close(a);
    return ok;
}

static bool add_waivers(struct db_tx *tx, json_t *json, struct error *err)
{
    json_t *findings = json_object_get(json, "findings"), *f;
    size_t i;
    json_array_foreach(findings, i, f)
        json_object_set_new(f, "number", json_integer((json_int_t)i));
    struct db_rows *rows = db_query(tx,
                                    "select finding, made_by, reason, made_ms from qc_waivers "
                                    "where report = ?1 order by finding",
                                    "s", json_string_value(json_object_get(json, "id")));
    while (db_next(rows)) {
        f = json_array_get(findings, (size_t)db_int(rows, 0));
        json_object_set_new(f, "waived_by", json_string(db_text(rows, 1)));
        json_object_set_new(f, "waived_for", json_string(db_text(rows, 2)));
        json_object_set_new(f, "waived", json_string(clock_text(db_int(rows, 3)).text));
    }
    for (size_t k = json_array_size(findings); k-- > 0;) // numbers stay: places in the whole list
        if (json_object_get(json_array_get(findings, k), "withdrawn"))
            json_array_remove(findings, k);
    return db_end(rows, err);
}

bool qc_report_get(struct db_tx *tx, const char *report, json_t **json, struct error *err)
{
    *json = NULL;
    struct db_rows *rows =
        db_query(tx, "select " COLUMNS " from qc_reports where id = ?1", "s", report);
    if (db_next(rows))
        *json = row_json(rows);
    bool ok = db_end(rows, err) &&
              (*json || error_set(err, ERROR_NOT_FOUND, "there is no such report")) &&
              add_waivers(tx, *json, err) && add_papers(tx, *json, err);
    if (!ok)
        json_decref(*json), *json = NULL;
    return ok;
}

bool qc_report_list(struct db_tx *tx, const char *version, int64_t limit, json_t **list,
                    struct error *err)
{
    *list = json_array();
    struct db_rows *rows =
        db_query(tx,
                 "select " COLUMNS " from qc_reports where version = ?1 order by "
                 "created_ms desc, id desc limit ?2",
                 "si", version, limit);
    while (db_next(rows)) {
        json_t *row = row_json(rows);
        json_object_set_new(row, "findings", json_array());
        json_array_append_new(*list, row);
    }
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

// Whether other captions belong to its film now than those that were looked at.
static bool captions_changed(struct db_tx *tx, const json_t *report, bool *changed,
                             struct error *err)
{
    const json_t *seen = json_object_get(report, "captions"), *one;
    const char *film = json_string_value(json_object_get(report, "asset"));
    struct arena *a = arena_open(64 << 20);
    struct caption_source *list = NULL;
    size_t count = 0, i;
    bool ok = !seen || captions_sources(tx, film, a, &list, &count, err);
    *changed = ok && seen && json_array_size(seen) != count;
    json_array_foreach(seen, i, one)
    {
        const char *version = json_string_value(json_object_get(one, "version"));
        bool there = false;
        for (size_t k = 0; k < count; k++)
            there |= version && strcmp(list[k].v.id, version) == 0;
        *changed |= ok && !there;
    }
    arena_close(a);
    return ok;
}

// Whether the set wants a device's certificate and nobody has attached one.
static bool certificate_lacks(struct db_tx *tx, const json_t *report, bool *lacks,
                              struct error *err)
{
    int64_t there = 1;
    bool needed = json_is_true(json_object_get(report, "certificate_needed"));
    bool ok = !needed || db_one_int(tx, &there, 0, err,
                                    "select count(*) from qc_certificates where report = ?1", "s",
                                    json_string_value(json_object_get(report, "id")));
    *lacks = ok && !there;
    return ok;
}

static bool report_done(const json_t *report)
{
    const char *state = json_string_value(json_object_get(report, "state"));
    return state && strcmp(state, "done") == 0 && json_object_get(report, "verdict");
}

// `report` may be NULL. False: *why says what is wanted, what is there and the way out.
static bool clears(const json_t *report, bool changed, bool lacks, const char *rules,
                   struct error *why)
{
    const char *verdict = json_string_value(json_object_get(report, "verdict"));
    bool done = report_done(report), passed = done && strcmp(verdict, "pass") == 0;
    error_set(why, ERROR_CONFLICT, "quality control (%s) has not been passed", rules);
    if (!report) {
        error_why(why, "the version has no report by these rules");
        return error_fix(why, "have it checked by them: Quality, beside its picture");
    }
    if (!done) {
        error_why(why, "its report is %s", json_string_value(json_object_get(report, "state")));
        return error_fix(why, "wait for the report, or try its job again");
    }
    if (changed) {
        error_why(why, "its captions are not those that were checked");
        return error_fix(why, "check the version again");
    }
    if (lacks) {
        error_why(why, "no certificate of a listed device for flashing pictures is attached");
        return error_fix(why, "have a device pass it, and attach its certificate to the report");
    }
    if (passed || json_object_get(report, "approved_by"))
        return true;
    error_why(why, "its report says \"%s\" and nobody has approved it", verdict);
    return error_fix(why, "mend the master, or waive the findings and approve the report");
}

bool qc_cleared(struct db_tx *tx, const char *version, const char *rules, bool *cleared,
                struct error *why, struct error *err)
{
    json_t *report = NULL;
    bool changed = false, lacks = false;
    *cleared = false;
    struct db_rows *rows =
        db_query(tx,
                 "select " COLUMNS " from qc_reports where version = ?1 and rules "
                 "= ?2 order by created_ms desc, id desc limit 1",
                 "ss", version, rules);
    if (db_next(rows))
        report = row_json(rows);
    if (!db_end(rows, err)) {
        json_decref(report);
        return false;
    }
    bool ok = !report_done(report) || (captions_changed(tx, report, &changed, err) &&
                                       certificate_lacks(tx, report, &lacks, err));
    if (ok)
        *cleared = clears(report, changed, lacks, rules, why);
    json_decref(report);
    return ok;
}

// ---- people's word

static bool finding_of(const json_t *report, int64_t number, const json_t **finding,
                       struct error *err)
{
    size_t i;
    const json_t *f;
    *finding = NULL;
    json_array_foreach(json_object_get(report, "findings"), i, f)
    {
        if (json_integer_value(json_object_get(f, "number")) == number)
            *finding = f;
    }
    return *finding ||
           error_set(err, ERROR_NOT_FOUND, "the report has no finding %lld", (long long)number);
}

bool qc_waive(struct db_tx *tx, const char *report, int64_t number, const char *reason,
              const char *by, int64_t now_ms, struct error *err)
{
    json_t *json;
    const json_t *finding;
    if (!qc_report_get(tx, report, &json, err))
        return false;
    bool ok = finding_of(json, number, &finding, err);
    const char *before = json_string_value(json_object_get(ok ? finding : NULL, "waived_by"));
    if (ok && before)
        ok = error_set(err, ERROR_CONFLICT, "the finding was waived by %s", before);
    ok = ok &&
         db_run(tx, err, "insert into qc_waivers values (?1, ?2, ?3, ?4, ?5)", "sissi", report,
                number, by, reason, now_ms) &&
         qc_say_changed(tx, report, err);
    json_decref(json);
    return ok;
}

static bool nothing_left(const json_t *report, struct error *err)
{
    size_t i, left = 0;
    json_t *f;
    json_array_foreach(json_object_get(report, "findings"), i, f)
    {
        const char *severity = json_string_value(json_object_get(f, "severity"));
        left += severity && !strcmp(severity, "fix") && !json_object_get(f, "waived_by");
    }
    if (!left)
        return true;
    error_set(err, ERROR_CONFLICT, "the report cannot be approved");
    error_why(err, "%zu findings to fix are not waived", left);
    return error_fix(err, "have them mended, or waive each by name and reason");
}

bool qc_approve(struct db_tx *tx, const char *report, const char *by, int64_t now_ms,
                struct error *err)
{
    json_t *json;
    if (!qc_report_get(tx, report, &json, err))
        return false;
    const char *state = json_string_value(json_object_get(json, "state"));
    const char *before = json_string_value(json_object_get(json, "approved_by"));
    bool ok = true;
    if (strcmp(state, "done") != 0)
        ok = error_set(err, ERROR_CONFLICT, "the report is not there yet");
    else if (before)
        ok = error_set(err, ERROR_CONFLICT, "the report was approved by %s", before);
    ok = ok && nothing_left(json, err) &&
         db_run(tx, err, "update qc_reports set approved_by = ?2, approved_ms = ?3 where id = ?1",
                "ssi", report, by, now_ms) &&
         qc_say_changed(tx, report, err);
    json_decref(json);
    return ok;
}

// ---- a person's own look

struct logging { // a report as it is kept, that a person changes
    json_t *report;
    char version[27];
};

static bool open_for_logging(struct db_tx *tx, const char *report, struct logging *l,
                             struct error *err)
{
    bool approved = false;
    *l = (struct logging){0};
    struct db_rows *rows = db_query(
        tx, "select report, version, approved_by is not null from qc_reports where id = ?1", "s",
        report);
    bool there = db_next(rows);
    if (there) {
        l->report = db_null(rows, 0) ? NULL : json_loads(db_text(rows, 0), 0, NULL);
        text_copy(text_of(db_text(rows, 1)), l->version, sizeof(l->version));
        approved = db_int(rows, 2) != 0;
    }
    if (!db_end(rows, err))
        return false;
    if (!there)
        return error_set(err, ERROR_NOT_FOUND, "there is no such report");
    if (l->report && !approved)
        return true;
    error_set(err, ERROR_CONFLICT, "the report takes no findings");
    error_why(err, approved ? "it was approved" : "it is not done yet");
    return error_fix(err, approved ? "check the version again: that makes a new report"
                                   : "wait until the version is measured");
}

// What all findings that stand come to.
static void judge_again(json_t *report)
{
    size_t i;
    json_t *f;
    int worst = 2;
    json_array_foreach(json_object_get(report, "findings"), i, f)
    {
        int severity = qc_severity(json_string_value(json_object_get(f, "severity")));
        if (!json_object_get(f, "withdrawn") && severity >= 0 && severity < worst)
            worst = severity;
    }
    json_object_set_new(report, "verdict",
                        json_string(worst == 0   ? "fix"
                                    : worst == 1 ? "look"
                                                 : "pass"));
}

static bool keep_report(struct db_tx *tx, const char *report, struct logging *l, struct error *err)
{
    judge_again(l->report);
    char *dumped = json_dumps(l->report, JSON_COMPACT);
    bool ok =
        db_run(tx, err, "update qc_reports set report = ?2 where id = ?1", "ss", report, dumped) &&
        qc_say_changed(tx, report, err);
    free(dumped);
    return ok;
}

static bool label_of(struct db_tx *tx, const char *version, int64_t frame, tc_label *label,
                     struct error *err)
{
    struct arena *a = arena_open(16 << 20);
    struct version_source v;
    struct error ignored;
    struct tc_rate rate;
    rational fps;
    *label = (tc_label){""};
    bool ok = version_source(tx, version, a, &v, err);
    json_t *facts = ok && v.facts ? json_loads(v.facts, 0, NULL) : NULL;
    const json_t *tc = json_object_get(facts, "timecode");
    const char *written = json_string_value(json_object_get(facts, "rate"));
    int base = (int)json_integer_value(json_object_get(tc, "base"));
    bool drop = json_is_true(json_object_get(tc, "drop"));
    if (written && rational_parse(text_of(written), &fps, &ignored) &&
        (base > 0 ? tc_rate_with_base(fps, base, drop, &rate, &ignored)
                  : tc_rate_make(fps, false, &rate, &ignored)))
        *label = tc_format(json_integer_value(json_object_get(tc, "start_frame")) + frame, &rate);
    json_decref(facts);
    arena_close(a);
    return ok;
}

static bool wish_good(const json_t *report, const json_t *wish, struct error *err)
{
    const char *said = json_string_value(json_object_get(wish, "title"));
    int64_t frames = json_integer_value(json_object_get(report, "frames"));
    int64_t from = json_integer_value(json_object_get(wish, "from"));
    const json_t *end = json_object_get(wish, "to");
    int64_t to = json_is_integer(end) ? json_integer_value(end) : from;
    if (!said || !text_trim(text_of(said)).size) {
        error_set(err, ERROR_INPUT, "the finding says nothing");
        return error_fix(err, "choose a code, or write what is seen");
    }
    if (from >= 0 && to >= from && to < frames)
        return true;
    error_set(err, ERROR_INPUT, "the finding lies outside the picture");
    return error_why(err, "frames %lld to %lld of %lld", (long long)from, (long long)to,
                     (long long)frames);
}

bool qc_log(struct db_tx *tx, const char *report, const json_t *wish, const char *by,
            struct error *err)
{
    struct logging l;
    tc_label label;
    int64_t from = json_integer_value(json_object_get(wish, "from"));
    const json_t *to = json_object_get(wish, "to");
    const char *code = json_string_value(json_object_get(wish, "code"));
    const char *note = json_string_value(json_object_get(wish, "note"));
    bool ok = open_for_logging(tx, report, &l, err) && wish_good(l.report, wish, err) &&
              label_of(tx, l.version, from, &label, err);
    if (ok) {
        json_array_append_new(
            json_object_get(l.report, "findings"),
            json_pack("{s:s, s:s, s:s, s:s, s:O, s:s*, s:O, s:s, s:s, s:I, s:I, s:s*}", "rule",
                      code && *code ? code : "seen", "check", "person", "clause", "", "source", by,
                      "severity", json_object_get(wish, "severity"), "note",
                      note && *note ? note : NULL, "seen", json_object_get(wish, "title"),
                      "allowed", "", "where", "", "from", (json_int_t)from, "to",
                      json_is_integer(to) ? json_integer_value(to) : (json_int_t)from, "timecode",
                      label.text[0] ? label.text : NULL));
        ok = keep_report(tx, report, &l, err);
    }
    json_decref(l.report);
    return ok;
}

bool qc_unlog(struct db_tx *tx, const char *report, int64_t number, struct error *err)
{
    struct logging l;
    bool ok = open_for_logging(tx, report, &l, err);
    json_t *f = ok ? json_array_get(json_object_get(l.report, "findings"), (size_t)number) : NULL;
    const char *check = json_string_value(json_object_get(f, "check"));
    if (ok && (!f || json_object_get(f, "withdrawn")))
        ok = error_set(err, ERROR_NOT_FOUND, "the report has no finding %lld", (long long)number);
    else if (ok && (!check || strcmp(check, "person") != 0)) {
        error_set(err, ERROR_CONFLICT, "the finding cannot be taken back");
        error_why(err, "a measurement made it");
        ok = error_fix(err, "waive it, with a reason");
    }
    if (ok) {
        json_object_set_new(f, "withdrawn", json_true());
        ok = keep_report(tx, report, &l, err);
    }
    json_decref(l.report);
    return ok;
}

// ---- for flow

static bool of_job(struct db_tx *tx, const char *job, char report[27], struct error *err)
{
    report[0] = 0;
    struct db_rows *rows = db_query(tx, "select id from qc_reports where job = ?1", "s", job);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), report, 27);
    return db_end(rows, err);
}

bool qc_state_set(struct db_tx *tx, const char *job, const char *state, const char *problem,
                  struct error *err)
{
    char report[27];
    if (!of_job(tx, job, report, err))
        return false;
    return !report[0] ||
           (db_run(tx, err,
                   "update qc_reports set state = ?2, problem = ?3 where id = ?1 and state <> "
                   "'done' and (state <> ?2 or coalesce(problem, '') <> coalesce(?3, ''))",
                   "sss", report, state, problem) &&
            (!db_changed(tx) || qc_say_changed(tx, report, err)));
}

bool qc_rules_of(struct db_tx *tx, const char *job, json_t **rules, struct error *err)
{
    *rules = NULL;
    struct db_rows *rows =
        db_query(tx, "select rules_spec from qc_reports where job = ?1", "s", job);
    if (db_next(rows))
        *rules = json_loads(db_text(rows, 0), 0, NULL);
    return db_end(rows, err);
}

bool qc_timeline_get(struct db_tx *tx, const char *report, json_t **timeline, struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select timeline from qc_timelines where report = ?1", "s", report);
    *timeline = db_next(rows) ? json_loads(db_text(rows, 0), 0, NULL) : NULL;
    if (!db_end(rows, err)) {
        json_decref(*timeline), *timeline = NULL;
        return false;
    }
    if (*timeline)
        return true;
    error_set(err, ERROR_NOT_FOUND, "the report has no loudness over time");
    error_why(err, "there was no sound, it is not done yet, or an older Posthouse measured it");
    return error_fix(err, "check the version again");
}

static bool keep_timeline(struct db_tx *tx, const char *report, const json_t *timeline,
                          struct error *err)
{
    char *text = timeline ? json_dumps(timeline, JSON_COMPACT) : NULL;
    bool ok = !text || db_run(tx, err,
                              "insert into qc_timelines values (?1, ?2) on conflict (report) do "
                              "update set timeline = ?2",
                              "ss", report, text);
    free(text);
    return ok;
}

bool qc_done(struct db_tx *tx, const char *job, const char *version, const json_t *report,
             const sha256 *measurement, int64_t size, int64_t now_ms, struct error *err)
{
    char name[27];
    if (!of_job(tx, job, name, err))
        return false;
    json_t *plain = json_copy((json_t *)(uintptr_t)report);
    json_object_del(plain, "timeline");
    char *text = json_dumps(plain, JSON_COMPACT);
    json_decref(plain);
    bool ok =
        !name[0] ||
        (db_run(tx, err,
                "update qc_reports set state = 'done', problem = null, report = ?2, content = "
                "?3, size = ?4 where id = ?1",
                "ssbi", name, text, (const void *)measurement->at, (size_t)SHA256_SIZE, size) &&
         keep_timeline(tx, name, json_object_get(report, "timeline"), err) &&
         qc_pictures_ask(tx, name, version, report, now_ms, err) && qc_say_changed(tx, name, err));
    free(text);
    return ok;
}
