// Quality control of versions: asking, looking, waiving, approving.
#include "api/inside.h"
#include "house/assets/assets.h"
#include "house/qc/qc.h"
#include "house/qc/reports.h"
#include "plat/clock.h"
#include "store/store.h"

#include <string.h>

enum { PAPER_BYTES = 64 << 20, PICTURE_BYTES = 4 << 20, CERTIFICATE_BYTES = 16 << 20 };

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

static bool timeline_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return qc_timeline_get(tx, q->c->report, &q->json, err);
}

static bool timeline_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_read(c->api->db, timeline_in, &q, err));
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

// ---- what lies with a report

static bool read_stored(struct call *c, const sha256 *content, struct buf *to, struct error *err)
{
    const struct store_map *map;
    if (!store_map_open(c->api->store, content, &map, err))
        return false;
    char *room = buf_reserve(to, (size_t)map->size);
    bool ok = (room || error_set(err, ERROR_TOO_BIG, "it is too large")) &&
              store_map_read(map, 0, room, (size_t)map->size, err);
    to->size += ok ? (size_t)map->size : 0;
    store_map_close(c->api->store, map);
    return ok;
}

static void give_bytes(struct call *c, const char *type, const struct buf *b)
{
    call_bytes(c, type, arena_copy(c->arena, b->at ? b->at : "", b->size), b->size);
}

static bool stored_get(struct call *c, const char *type, const sha256 *content, struct error *err)
{
    struct buf bytes = BUF_LIMIT(PAPER_BYTES);
    bool ok = read_stored(c, content, &bytes, err);
    if (ok)
        give_bytes(c, type, &bytes);
    buf_free(&bytes);
    return ok;
}

struct paper {
    struct call *c;
    const char *form;
    struct qc_paper p;
    struct buf jpeg;
};

static bool paper_in(struct db_tx *tx, void *context, struct error *err)
{
    struct paper *p = context;
    json_decref(p->p.report);
    p->p.report = NULL;
    return qc_paper_read(tx, p->c->report, p->form, p->c->arena, &p->p, err);
}

static const struct buf *picture_of(void *context, int64_t frame)
{
    struct paper *p = context;
    struct error ignored; // a picture that is not there is left out
    buf_free(&p->jpeg);
    for (size_t i = 0; i < p->p.picture_count; i++)
        if (p->p.pictures[i].frame == frame)
            return read_stored(p->c, &p->p.pictures[i].content, &p->jpeg, &ignored) ? &p->jpeg
                                                                                    : NULL;
    return NULL;
}

static bool paper_get(struct call *c, struct error *err)
{
    const char *form = call_query(c, "form");
    bool pdf = form && strcmp(form, "pdf") == 0;
    struct paper p = {.c = c, .form = pdf ? "pdf" : "html", .jpeg = BUF_LIMIT(PICTURE_BYTES)};
    struct buf bytes = BUF_LIMIT(PAPER_BYTES);
    bool ok = call_unburnt(c, err) && db_read(c->api->db, paper_in, &p, err);
    if (ok) {
        (pdf ? qc_report_pdf : qc_report_html)(p.p.report, p.p.title, picture_of, &p, &bytes);
        ok = !bytes.over || error_set(err, ERROR_TOO_BIG, "the report is too long for a page");
    }
    if (ok) {
        call_saved_as(c, p.p.name);
        give_bytes(c, pdf ? "application/pdf" : "text/html; charset=utf-8", &bytes);
    }
    buf_free(&bytes);
    buf_free(&p.jpeg);
    json_decref(p.p.report);
    return ok;
}

struct looking {
    struct call *c;
    struct qc_picture_file *pictures;
    size_t count;
    struct qc_certificate certificate;
};

static bool pictures_in(struct db_tx *tx, void *context, struct error *err)
{
    struct looking *l = context;
    return qc_pictures(tx, l->c->report, l->c->arena, &l->pictures, &l->count, err);
}

static bool picture_get(struct call *c, struct error *err)
{
    struct looking l = {.c = c};
    if (!call_unburnt(c, err) || !db_read(c->api->db, pictures_in, &l, err))
        return false;
    for (size_t i = 0; i < l.count; i++)
        if (l.pictures[i].frame == c->number)
            return stored_get(c, "image/jpeg", &l.pictures[i].content, err);
    return error_set(err, ERROR_NOT_FOUND, "the report has no picture of frame %lld",
                     (long long)c->number);
}

static bool certificate_in(struct db_tx *tx, void *context, struct error *err)
{
    struct looking *l = context;
    return qc_certificate(tx, l->c->report, l->c->arena, &l->certificate, err) &&
           (l->certificate.name ||
            error_set(err, ERROR_NOT_FOUND, "the report has no certificate"));
}

static bool certificate_get(struct call *c, struct error *err)
{
    struct looking l = {.c = c};
    if (!db_read(c->api->db, certificate_in, &l, err))
        return false;
    call_saved_as(c, l.certificate.name);
    return stored_get(c, "application/octet-stream", &l.certificate.content, err);
}

// ---- a certificate comes: the body is its file

struct attaching {
    struct asking q;
    struct qc_certificate certificate;
    struct store_bytes *bytes;
};

static bool file_begin(struct call *c, struct error *err)
{
    struct buf *b = c->own = ARENA_NEW(c->arena, struct buf);
    *b = (struct buf)BUF_LIMIT(CERTIFICATE_BYTES);
    (void)err;
    return true;
}

static bool file_piece(struct call *c, const void *at, size_t size, struct error *err)
{
    return buf_add(c->own, at, size) ||
           error_set(err, ERROR_TOO_BIG, "a certificate's file has at most %s",
                     size_text(CERTIFICATE_BYTES).text);
}

static void file_done(struct call *c)
{
    buf_free(c->own);
}

static const struct stream_calls file_stream = {
    .limit = CERTIFICATE_BYTES, .begin = file_begin, .piece = file_piece, .done = file_done};

static const char *word_of(struct call *c, const char *name)
{
    const char *value = call_query(c, name);
    return value ? value : "";
}

static bool attach_in(struct db_tx *tx, void *context, struct error *err)
{
    struct attaching *w = context;
    struct call *c = w->q.c;
    fresh(&w->q);
    return store_record(tx, w->bytes, err) &&
           qc_certificate_add(tx, c->report, &w->certificate, c->who.name, clock_now_ms(), err) &&
           call_audit(c, tx, "qc.certificate", c->report, w->certificate.number, err) &&
           qc_report_get(tx, c->report, &w->q.json, err);
}

static bool certificate_post(struct call *c, struct error *err)
{
    struct buf *held = c->own;
    struct attaching w = {.q = {.c = c},
                          .certificate = {.name = word_of(c, "name"),
                                          .device = word_of(c, "device"),
                                          .number = word_of(c, "number"),
                                          .date = word_of(c, "date"),
                                          .size = (int64_t)held->size}};
    text bytes = {held->at ? held->at : "", held->size};
    if (!name_acceptable("certificate", w.certificate.name, err) ||
        !store_put_small(c->api->store, &bytes, 1, &w.bytes, err))
        return false;
    w.certificate.content = *store_bytes_content(w.bytes, 0);
    bool ok = db_write(c->api->db, attach_in, &w, err);
    store_settle(c->api->store, w.bytes, ok);
    return answer(&w.q, ok);
}

static bool detach_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return qc_certificate_drop(tx, q->c->report, err) &&
           call_audit(q->c, tx, "qc.certificate_off", q->c->report, "", err) &&
           qc_report_get(tx, q->c->report, &q->json, err);
}

static bool certificate_delete(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return answer(&q, db_write(c->api->db, detach_in, &q, err));
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
    {"GET", "/qc/{report}/timeline", MAY_VIEW, timeline_get, NULL, "QcTimeline", 0,
     "loudness and true peaks over time, with the limits of its rules", NULL},
    {"GET", "/qc/{report}/paper", MAY_VIEW, paper_get, NULL, "bytes", 0,
     "a report that is done as a page, or for paper with ?form=pdf", NULL},
    {"GET", "/qc/{report}/pictures/{number}", MAY_VIEW, picture_get, NULL, "bytes", 0,
     "the frame of this number, where a finding begins (JPEG)", NULL},
    {"POST", "/qc/{report}/certificate", MAY_DELIVER, certificate_post, NULL, "QcReport",
     ROUTE_STREAM,
     "attaches a device's certificate of flashing pictures (the body; ?name=, device, number, "
     "date)",
     &file_stream},
    {"GET", "/qc/{report}/certificate", MAY_VIEW, certificate_get, NULL, "bytes", 0, "its file",
     NULL},
    {"DELETE", "/qc/{report}/certificate", MAY_DELIVER, certificate_delete, NULL, "QcReport", 0,
     "takes it off a report that is not approved", NULL},
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
