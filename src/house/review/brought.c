// Comments and decisions that were made at another house.
#include "house/review/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DECISION_NOTE_MAX = 2000, DECISIONS_MAX = 1000 };

static bool acceptable(const struct comment_brought *c, struct error *err)
{
    return comment_text_good(c->text, c->drawing != NULL, err) &&
           (!c->drawing || drawing_acceptable(c->drawing, err)) &&
           title_acceptable("the name of an author", c->name, err) &&
           (!c->resolved || !*c->resolved_by ||
            title_acceptable("the name of a person", c->resolved_by, err)) &&
           ((c->frame >= 0 && (c->end_frame == -1 || c->end_frame >= c->frame)) ||
            error_set(err, ERROR_INPUT, "the frames of a note are no range"));
}

bool comment_bring(struct db_tx *tx, const struct comment_brought *c, struct error *err)
{
    int64_t number = 0;
    char end[24];
    if (!acceptable(c, err) ||
        !db_one_int(tx, &number, 0, err, "select max(number) from comments where asset = ?1", "s",
                    c->asset))
        return false;
    if (number >= COMMENTS_MAX)
        return error_set(err, ERROR_TOO_BIG, "an asset has at most %d comments", COMMENTS_MAX);
    char *drawing =
        c->drawing ? json_dumps(c->drawing, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    snprintf(end, sizeof(end), "%lld", (long long)c->end_frame);
    bool ok =
        db_run(tx, err,
               "insert into comments (id, asset, version, number, parent, frame, end_frame, text, "
               "drawing, name, resolved, resolved_by, created_ms, edited_ms, resolved_ms, "
               "deleted_ms) values (?1, ?2, ?3, ?4, ?5, ?6, cast(?7 as integer), ?8, ?9, ?10, ?11, "
               "?12, ?13, ?14, ?15, ?16)",
               "sssisissssisiiii", c->id, c->asset, c->version, number + 1, c->parent, c->frame,
               c->end_frame >= 0 ? end : NULL, c->text, drawing, c->name, (int64_t)c->resolved,
               c->resolved && *c->resolved_by ? c->resolved_by : NULL, c->created_ms, c->edited_ms,
               c->resolved_ms, c->deleted_ms);
    free(drawing);
    return ok && comment_say(tx, "comment.made", c->id, NULL, NULL, err);
}

bool comment_bring_again(struct db_tx *tx, const char *comment, bool words,
                         const struct comment_brought *c, bool *changed, struct error *err)
{
    *changed = false;
    if (!acceptable(c, err))
        return false;
    char *drawing =
        c->drawing ? json_dumps(c->drawing, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    bool ok = !words || db_run(tx, err,
                               "update comments set text = ?2, drawing = ?3, edited_ms = ?4 where "
                               "id = ?1 and edited_ms < ?4",
                               "sssi", comment, c->text, drawing, c->edited_ms);
    *changed = ok && words && db_changed(tx) > 0;
    // The later one counts; of two at once, that it is resolved.
    ok = ok && db_run(tx, err,
                      "update comments set resolved = ?2, resolved_by = ?3, resolved_ms = ?4 where "
                      "id = ?1 and resolved <> ?2 and (resolved_ms < ?4 or (resolved_ms = ?4 and "
                      "?2 = 1))",
                      "sisi", comment, (int64_t)c->resolved,
                      c->resolved && *c->resolved_by ? c->resolved_by : NULL, c->resolved_ms);
    *changed = ok && (*changed || db_changed(tx) > 0);
    ok = ok && db_run(tx, err,
                      "update comments set deleted = 0, deleted_ms = ?2 where id = ?1 and deleted "
                      "= 1 and deleted_ms < ?2",
                      "si", comment, c->deleted_ms);
    *changed = ok && (*changed || db_changed(tx) > 0);
    free(drawing);
    return ok && (!*changed || comment_say(tx, "comment.changed", comment, NULL, NULL, err));
}

bool comment_bring_gone(struct db_tx *tx, const char *comment, int64_t deleted_ms, bool *changed,
                        struct error *err)
{
    bool ok = db_run(tx, err,
                     "update comments set deleted = 1, deleted_ms = ?2 where id = ?1 and deleted = "
                     "0 and deleted_ms <= ?2",
                     "si", comment, deleted_ms);
    *changed = ok && db_changed(tx) > 0;
    return ok && (!*changed || comment_say(tx, "comment.deleted", comment, NULL, NULL, err));
}

static bool status_known(const char *status)
{
    static const char *const known[] = {"none", "review", "changes", "approved"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], status) == 0)
            return true;
    return false;
}

static bool decision_add(struct db_tx *tx, const char *version, const struct decision_brought *d,
                         int64_t *added, struct error *err)
{
    int64_t there = 0, number = 0;
    if (!status_known(d->status) || strlen(d->note) > DECISION_NOTE_MAX ||
        !text_utf8(text_of(d->note)))
        return error_set(err, ERROR_INPUT, "a decision about a version can not be read");
    if (!title_acceptable("the name of a person", d->name, err) ||
        !db_one_int(tx, &there, 0, err,
                    "select count(*) from version_statuses where version = ?1 and at_ms = ?2 and "
                    "status = ?3 and note = ?4",
                    "siss", version, d->at_ms, d->status, d->note) ||
        !db_one_int(tx, &number, 0, err,
                    "select max(number) from version_statuses where version = ?1", "s", version))
        return false;
    if (there)
        return true;
    if (number >= DECISIONS_MAX)
        return error_set(err, ERROR_TOO_BIG, "a version has too many decisions");
    *added += 1;
    return db_run(tx, err,
                  "insert into version_statuses values (?1, ?2, ?3, null, null, ?4, ?5, ?6)",
                  "sisssi", version, number + 1, d->status, d->name, d->note, d->at_ms);
}

bool decisions_bring(struct db_tx *tx, const char *version, const struct decision_brought *list,
                     size_t count, int64_t *added, struct error *err)
{
    *added = 0;
    for (size_t i = 0; i < count; i++)
        if (!decision_add(tx, version, &list[i], added, err))
            return false;
    if (!*added)
        return true;
    char project[27] = "", asset[27] = "", body[128];
    struct db_rows *rows = db_query(tx,
                                    "select a.project, a.id from versions v join assets a on a.id "
                                    "= v.asset where v.id = ?1",
                                    "s", version);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), project, sizeof(project));
        text_copy(text_of(db_text(rows, 1)), asset, sizeof(asset));
    }
    snprintf(body, sizeof(body), "{\"asset\":\"%s\",\"version\":\"%s\"}", asset, version);
    return db_end(rows, err) &&
           db_run(tx, err,
                  "update versions set status = (select status from version_statuses where version "
                  "= ?1 order by at_ms desc, number desc limit 1) where id = ?1",
                  "s", version) &&
           db_event(tx, "version.status", project, version, body, err) &&
           db_event(tx, "asset.changed", project, asset, body, err);
}
