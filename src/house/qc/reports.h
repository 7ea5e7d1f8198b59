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

// A report that is done as a page that needs nothing else ("html") or for paper ("pdf"), with
// waivers and approval, without pictures. `name` is what it is saved as, in the arena.
MUST_CHECK bool qc_report_paper(struct db_tx *tx, const char *report, const char *form,
                                struct buf *to, const char **name, struct arena *a,
                                struct error *err);

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
MUST_CHECK bool qc_done(struct db_tx *tx, const char *job, const json_t *report,
                        const sha256 *measurement, int64_t size, struct error *err);
