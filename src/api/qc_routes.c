// Quality control of versions: asking, looking, waiving, approving.
#include "api/inside.h"
#include "house/qc/reports.h"
#include "plat/clock.h"

#include <string.h>

enum { PAPER_BYTES = 32 << 20 };

struct asking {
    struct call *c;
    json_t *rules, *json;
    int limit;
};

static void fresh(struct asking *q)
{
    json_decref(q->json);
    q->json = NULL;
}

static const char *folder_of(struct call *c, struct error *err)
{
    const char *folder = c->api->wish.rules_folder;
    if (!folder)
        error_set(err, ERROR_NOT_FOUND, "this house has no rules");
    return folder;
}

static bool rules_get(struct call *c, struct error *err)
{
    json_t *list;
    const char *folder = folder_of(c, err);
    if (!folder || !qc_rules_list(folder, &list, err))
        return false;
    call_json(c, list);
    return true;
}

static bool make_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    id made;
    fresh(q);
    return qc_report_make(tx, q->c->version, q->rules, q->c->who.name, clock_now_ms(), &made,
                          err) &&
           call_audit(q->c, tx, "qc.asked", made.text,
                      json_string_value(json_object_get(q->rules, "name")), err) &&
           qc_report_get(tx, made.text, &q->json, err);
}

static bool answer(struct asking *q, bool ok)
{
    if (ok)
        call_json(q->c, q->json);
    else
        json_decref(q->json);
    return ok;
}

static bool reports_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    const char *folder = folder_of(c, err);
    if (!folder || !qc_rules_load(folder, body_text(c, "rules"), &q.rules, err))
        return false;
    bool ok = db_write(c->api->db, make_in, &q, err);
    json_decref(q.rules);
    return answer(&q, ok);
}

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return qc_report_list(tx, q->c->version, q->limit, &q->json, err);
}

static bool reports_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return call_limit(c, &q.limit, err) && answer(&q, db_read(c->api->db, list_in, &q, err));
}

static bool get_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return qc_report_get(tx, q->c->report, &q->json, err);
}

static bool report_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_read(c->api->db, get_in, &q, err));
}

static bool waive_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    const char *reason = body_text(q->c, "reason");
    fresh(q);
    return qc_waive(tx, q->c->report, q->c->number, reason, q->c->who.name, clock_now_ms(), err) &&
           call_audit(q->c, tx, "qc.waived", q->c->report, reason, err) &&
           qc_report_get(tx, q->c->report, &q->json, err);
}

static bool waiver_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    if (!*body_text(c, "reason")) {
        error_set(err, ERROR_INPUT, "a waiver needs a reason");
        return error_fix(err, "say why the finding may stay");
    }
    return answer(&q, db_write(c->api->db, waive_in, &q, err));
}

static bool approve_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return qc_approve(tx, q->c->report, q->c->who.name, clock_now_ms(), err) &&
           call_audit(q->c, tx, "qc.approved", q->c->report, "", err) &&
           qc_report_get(tx, q->c->report, &q->json, err);
}

static bool approval_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_write(c->api->db, approve_in, &q, err));
}

static bool log_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return qc_log(tx, q->c->report, q->c->body, q->c->who.name, err) &&
           qc_report_get(tx, q->c->report, &q->json, err);
}

static bool finding_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_write(c->api->db, log_in, &q, err));
}

static bool unlog_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return qc_unlog(tx, q->c->report, q->c->number, err) &&
           call_audit(q->c, tx, "qc.taken_back", q->c->report, "", err) &&
           qc_report_get(tx, q->c->report, &q->json, err);
}

static bool finding_delete(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_write(c->api->db, unlog_in, &q, err));
}

struct paper {
    struct call *c;
    const char *form, *name;
    struct buf bytes;
};

static bool paper_in(struct db_tx *tx, void *context, struct error *err)
{
    struct paper *p = context;
    buf_free(&p->bytes);
    return qc_report_paper(tx, p->c->report, p->form, &p->bytes, &p->name, p->c->arena, err);
}

static bool paper_get(struct call *c, struct error *err)
{
    const char *form = call_query(c, "form");
    bool pdf = form && strcmp(form, "pdf") == 0;
    struct paper p = {.c = c, .form = pdf ? "pdf" : "html", .bytes = BUF_LIMIT(PAPER_BYTES)};
    bool ok = db_read(c->api->db, paper_in, &p, err);
    if (ok) {
        call_saved_as(c, p.name);
        call_bytes(c, pdf ? "application/pdf" : "text/html; charset=utf-8",
                   arena_copy(c->arena, p.bytes.at, p.bytes.size), p.bytes.size);
    }
    buf_free(&p.bytes);
    return ok;
}

const struct route qc_routes[] = {
    {"GET", "/qc-rules", NEED_PERSON, rules_get, NULL, "RuleSet[]", 0,
     "what versions can be checked by", NULL},
    {"POST", "/versions/{version}/qc", MAY_DELIVER, reports_post, "NewQcReport", "QcReport", 0,
     "measures a version and lays rules on it", NULL},
    {"GET", "/versions/{version}/qc", MAY_VIEW, reports_get, NULL, "QcReport[]", 0,
     "newest first, without their findings", NULL},
    {"GET", "/qc/{report}", MAY_VIEW, report_get, NULL, "QcReport", 0, "a report with its findings",
     NULL},
    {"GET", "/qc/{report}/paper", MAY_VIEW, paper_get, NULL, "bytes", 0,
     "a report that is done as a page, or for paper with ?form=pdf", NULL},
    {"POST", "/qc/{report}/findings", MAY_DELIVER, finding_post, "NewQcFinding", "QcReport", 0,
     "a finding of a person who looked, beside those measured", NULL},
    {"DELETE", "/qc/{report}/findings/{number}", MAY_DELIVER, finding_delete, NULL, "QcReport", 0,
     "takes such a finding back", NULL},
    {"POST", "/qc/{report}/findings/{number}/waiver", MAY_DELIVER, waiver_post, "QcReason",
     "QcReport", 0, "a named person's yes to a finding", NULL},
    {"POST", "/qc/{report}/approval", MAY_DELIVER, approval_post, NULL, "QcReport", 0,
     "approves a report whose findings to fix are all waived", NULL},
};
const size_t qc_route_count = sizeof(qc_routes) / sizeof(qc_routes[0]);
