/*
 * house/qc/reports: quality control of versions: asked for by people, measured by workers, judged
 * here.
 *
 * A report belongs to a version. It keeps the rules as they were when it was asked for, and the
 * measurement by its content, so that it can be judged again. A waiver is a named person's yes to a
 * finding, with a reason; a report without unwaived findings to fix may be approved.
 */
#pragma once
#include "db/db.h"
#include "plat/hash.h"
#include "plat/ids.h"

#include <jansson.h>

// The names and titles of the rules in a folder (RuleSet[]); one by name. NOT_FOUND lists them.
MUST_CHECK bool qc_rules_list(const char *folder, json_t **list, struct error *err);
MUST_CHECK bool qc_rules_load(const char *folder, const char *name, json_t **rules,
                              struct error *err);

// Queues the measuring, in the caller's transaction. CONFLICT while the version has no facts.
MUST_CHECK bool qc_report_make(struct db_tx *tx, const char *version, const json_t *rules,
                               const char *by, int64_t now_ms, id *report, struct error *err);
MUST_CHECK bool qc_report_get(struct db_tx *tx, const char *report, json_t **json,
                              struct error *err);
// Of a version, newest first, without their findings.
MUST_CHECK bool qc_report_list(struct db_tx *tx, const char *version, int64_t limit, json_t **list,
                               struct error *err);

// Its loudness over time (qc_timeline), a new reference. NOT_FOUND: there is none.
MUST_CHECK bool qc_timeline_get(struct db_tx *tx, const char *report, json_t **timeline,
                                struct error *err);
// ---- papers.c: what lies with a report

struct qc_picture_file {
    int64_t frame;
    sha256 content; // a JPEG
    int64_t size;
};
// Pictures of findings that are there, rising; in the arena.
MUST_CHECK bool qc_pictures(struct db_tx *tx, const char *report, struct arena *a,
                            struct qc_picture_file **list, size_t *count, struct error *err);

// A pass for flashing pictures comes from a device; ours is a pre-check. Texts in the arena.
struct qc_certificate {
    const char *name; // of its file; NULL: there is none
    const char *device, *number, *date, *by;
    sha256 content;
    int64_t size, attached_ms;
};
// CONFLICT when there is one; INPUT when device, number, date (YYYY-MM-DD) or file are missing.
MUST_CHECK bool qc_certificate_add(struct db_tx *tx, const char *report,
                                   const struct qc_certificate *c, const char *by, int64_t now_ms,
                                   struct error *err);
// CONFLICT when the report was approved.
MUST_CHECK bool qc_certificate_drop(struct db_tx *tx, const char *report, struct error *err);
MUST_CHECK bool qc_certificate(struct db_tx *tx, const char *report, struct arena *a,
                               struct qc_certificate *c, struct error *err);
// Of the newest report of a version by these rules that has one.
MUST_CHECK bool qc_certificate_of(struct db_tx *tx, const char *version, const char *rules,
                                  struct arena *a, struct qc_certificate *c, struct error *err);
json_t *qc_certificate_json(const struct qc_certificate *c); // QcCertificate

// A report that is done, for a page that needs nothing else ("html") or for paper ("pdf"), with
// waivers, approval, certificate: qc_report_html and _pdf write it. `report` is a new reference.
struct qc_paper {
    json_t *report;
    const char *title, *name; // of the asset; what it is saved as
    struct qc_picture_file *pictures;
    size_t picture_count;
};
MUST_CHECK bool qc_paper_read(struct db_tx *tx, const char *report, const char *form,
                              struct arena *a, struct qc_paper *p, struct error *err);

// ---- people's word

// A yes to finding `number` (from 0). Once; CONFLICT when it was waived before.
MUST_CHECK bool qc_waive(struct db_tx *tx, const char *report, int64_t number, const char *reason,
                         const char *by, int64_t now_ms, struct error *err);
// CONFLICT while a finding to fix is not waived, or it was approved before.
MUST_CHECK bool qc_approve(struct db_tx *tx, const char *report, const char *by, int64_t now_ms,
                           struct error *err);
// Whether the newest report of a version by these rules has passed or was approved. *cleared false:
// *why says what is wanted, what is there and the way out.
MUST_CHECK bool qc_cleared(struct db_tx *tx, const char *version, const char *rules, bool *cleared,
                           struct error *why, struct error *err);

// A person's own look: a finding that a measurement does not make, beside the others. `wish` is a
// NewQcFinding; frames in the version. CONFLICT when the report is not done, or was approved.
MUST_CHECK bool qc_log(struct db_tx *tx, const char *report, const json_t *wish, const char *by,
                       struct error *err);
// Takes such a finding back. CONFLICT when a measurement made it, or the report was approved.
MUST_CHECK bool qc_unlog(struct db_tx *tx, const char *report, int64_t number, struct error *err);

// ---- For flow, by job. Each writes qc.changed when something changed.
MUST_CHECK bool qc_state_set(struct db_tx *tx, const char *job, const char *state,
                             const char *problem, struct error *err);
// The rules that a job's measurement is to be judged by; NULL when there is no such report.
MUST_CHECK bool qc_rules_of(struct db_tx *tx, const char *job, json_t **rules, struct error *err);
// Its "timeline" (qc_timeline), when there is one, is kept apart: lists of reports stay small.
// Pictures of its findings are asked for in a job of their own ("stills", its subject the report).
MUST_CHECK bool qc_done(struct db_tx *tx, const char *job, const char *version,
                        const json_t *report, const sha256 *measurement, int64_t size,
                        int64_t now_ms, struct error *err);
MUST_CHECK bool qc_pictures_ask(struct db_tx *tx, const char *report, const char *version,
                                const json_t *judged, int64_t now_ms, struct error *err);
MUST_CHECK bool qc_pictures_done(struct db_tx *tx, const char *report,
                                 const struct qc_picture_file *list, size_t count,
                                 struct error *err);
// Writes qc.changed.
MUST_CHECK bool qc_say_changed(struct db_tx *tx, const char *report, struct error *err);
