/*
 * Comments. A row keeps what was said; the Comment that is shown is made from it, the facts of its
 * version (for the timecode) and who is looking (`mine`).
 */
#include "house/review/inside.h"
#include "plat/clock.h"
#include "time/timecode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool refuse(struct error *err, enum error_kind kind, const char *what, const char *why,
                   const char *fix)
{
    error_set(err, kind, "%s", what);
    error_why(err, "%s", why);
    return error_fix(err, "%s", fix);
}

static bool no_comment(struct error *err)
{
    return refuse(err, ERROR_NOT_FOUND, "there is no such comment",
                  "it was never made, or its asset is gone", "load the comments again");
}

// ---- frames and labels

static bool rate_of(const json_t *facts, rational *rate)
{
    struct error ignored;
    const char *written = json_string_value(json_object_get(facts, "rate"));
    return written && rational_parse(text_of(written), rate, &ignored) && rate->num > 0;
}

static short_text clock_label(int64_t frame, rational rate)
{
    short_text label;
    int64_t ms = rescale(frame, rate, (rational){1000, 1}, ROUND_DOWN);
    snprintf(label.text, sizeof(label.text), "%02d:%02d:%02d.%03d", (int)(ms / 3600000 % 100),
             (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
    return label;
}

bool facts_counting(const json_t *facts, struct tc_rate *counting)
{
    struct error ignored;
    rational rate;
    const json_t *tc = json_object_get(facts, "timecode");
    int base = (int)json_integer_value(json_object_get(tc, "base"));
    bool drop = json_is_true(json_object_get(tc, "drop"));
    return rate_of(facts, &rate) &&
           (base > 0 ? tc_rate_with_base(rate, base, drop, counting, &ignored)
                     : tc_rate_make(rate, false, counting, &ignored));
}

short_text comment_label(const json_t *facts, int64_t frame)
{
    short_text label;
    struct tc_rate counting;
    rational rate;
    snprintf(label.text, sizeof(label.text), "frame %lld", (long long)frame);
    if (!rate_of(facts, &rate))
        return label;
    const json_t *tc = json_object_get(facts, "timecode");
    int64_t start = json_integer_value(json_object_get(tc, "start_frame"));
    if (!facts_counting(facts, &counting))
        return clock_label(frame, rate);
    text_copy(text_of(tc_format(start + frame, &counting).text), label.text, sizeof(label.text));
    return label;
}

// ---- showing

#define COMMENT                                                                                    \
    "select c.id, c.asset, c.version, c.number, coalesce(p.name, c.name), c.person, c.session, "   \
    "c.frame, c.end_frame, c.text, c.drawing, c.parent, c.resolved, c.resolved_by, c.created_ms, " \
    "c.edited_ms, c.deleted, coalesce(v.facts, v.known), c.origin, c.carried, o.version, o.frame, " \
    "ov.number, coalesce(ov.facts, ov.known), exists (select 1 from comments k where k.origin = "  \
    "c.id and k.deleted = 0) from comments c left join people p on p.id = c.person join versions " \
    "v on v.id = c.version left join comments o on o.id = c.origin left join versions ov on "      \
    "ov.id = o.version"

static json_t *text_or_null(const char *at)
{
    return at ? json_string(at) : json_null();
}

static json_t *read_json(const char *at)
{
    json_t *json = at ? json_loads(at, 0, NULL) : NULL;
    return json ? json : json_null();
}

// Persons are told apart by their id, visitors of a share by their visit.
static bool wrote(const struct who *who, const char *person, const char *session)
{
    if (!who)
        return false;
    if (who->kind == WHO_PERSON)
        return person && strcmp(person, who->person) == 0;
    return who->kind == WHO_SHARE && !person && session && strcmp(session, who->session) == 0;
}

// Where a note was carried from; null for one that was written here.
static json_t *origin_of(struct db_rows *rows)
{
    if (db_null(rows, 18) || db_null(rows, 20))
        return json_null();
    json_t *facts = read_json(db_text(rows, 23));
    json_t *origin = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "comment", db_text(rows, 18), "how",
                               db_text(rows, 19), "version", db_text(rows, 20), "frame",
                               (json_int_t)db_int(rows, 21), "number",
                               (json_int_t)db_int(rows, 22), "timecode",
                               comment_label(facts, db_int(rows, 21)).text);
    json_decref(facts);
    return origin;
}

static json_t *comment_row(struct db_rows *rows, const struct who *who, const json_t *facts)
{
    const char *person = db_text(rows, 5), *session = db_text(rows, 6);
    return json_pack(
        "{s:s, s:s, s:s, s:I, s:s, s:s, s:b, s:I, s:o, s:s, s:s, s:o, s:o, s:b, s:o, s:o, s:o, "
        "s:b, s:o, s:b}",
        "id", db_text(rows, 0), "asset", db_text(rows, 1), "version", db_text(rows, 2), "number",
        (json_int_t)db_int(rows, 3), "by", db_text(rows, 4), "by_id",
        person    ? person
        : session ? session
                  : "",
        "mine", wrote(who, person, session), "frame", (json_int_t)db_int(rows, 7), "end_frame",
        db_null(rows, 8) ? json_null() : json_integer(db_int(rows, 8)), "timecode",
        comment_label(facts, db_int(rows, 7)).text, "text", db_text(rows, 9), "drawing",
        read_json(db_text(rows, 10)), "parent", text_or_null(db_text(rows, 11)), "resolved",
        (int)db_int(rows, 12), "resolved_by", text_or_null(db_text(rows, 13)), "created",
        time_or_null(db_int(rows, 14)), "edited", time_or_null(db_int(rows, 15)), "deleted",
        (int)db_int(rows, 16), "origin", origin_of(rows), "carried_on", (int)db_int(rows, 24));
}

// One at a time is read where it is; a list reads the facts of a version once.
struct facts_kept {
    char version[27];
    json_t *facts;
};

static const json_t *facts_for(struct facts_kept *kept, struct db_rows *rows)
{
    const char *version = db_text(rows, 2);
    if (kept->facts && strcmp(kept->version, version) == 0)
        return kept->facts;
    json_decref(kept->facts);
    text_copy(text_of(version), kept->version, sizeof(kept->version));
    return kept->facts = read_json(db_text(rows, 17));
}

bool comment_list(struct db_tx *tx, const char *asset, const struct who *who, json_t **list,
                  struct error *err)
{
    // A reply sorts with its parent: by the parent's frame and number, then by its own number.
    struct db_rows *rows = db_query(
        tx,
        COMMENT " left join comments up on up.id = c.parent where c.asset = ?1 and c.deleted = 0 "
                "and coalesce(up.deleted, 0) = 0 order by coalesce(up.frame, c.frame), "
                "coalesce(up.number, c.number), case when up.id is null then 0 else 1 end, "
                "c.number",
        "s", asset);
    struct facts_kept kept = {0};
    json_t *read = json_array();
    while (db_next(rows))
        json_array_append_new(read, comment_row(rows, who, facts_for(&kept, rows)));
    json_decref(kept.facts);
    bool ok = db_end(rows, err);
    *list = ok ? read : NULL;
    if (!ok)
        json_decref(read);
    return ok;
}

bool comment_get(struct db_tx *tx, const char *comment, const struct who *who, json_t **json,
                 struct error *err)
{
    struct facts_kept kept = {0};
    struct db_rows *rows = db_query(tx, COMMENT " where c.id = ?1", "s", comment);
    json_t *read = db_next(rows) ? comment_row(rows, who, facts_for(&kept, rows)) : NULL;
    json_decref(kept.facts);
    bool ok = db_end(rows, err);
    if (!ok)
        json_decref(read);
    *json = ok ? read : NULL;
    return ok && (read || no_comment(err));
}

// The event's body is what somebody else sees; `shown`, what the caller sees, may be NULL.
bool comment_say(struct db_tx *tx, const char *kind, const char *comment, const struct who *who,
                 json_t **shown, struct error *err)
{
    json_t *for_all = NULL;
    char project[27] = "";
    struct db_rows *rows = db_query(
        tx, "select a.project from comments c join assets a on a.id = c.asset where c.id = ?1", "s",
        comment);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), project, sizeof(project));
    if (!db_end(rows, err) || !comment_get(tx, comment, NULL, &for_all, err))
        return false;
    char *body = json_dumps(for_all, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(for_all);
    bool ok = db_event(tx, kind, project, comment, body, err);
    free(body);
    return ok && (!shown || comment_get(tx, comment, who, shown, err));
}

// ---- writing

bool comment_text_good(const char *written, bool drawn, struct error *err)
{
    text t = text_of(written);
    const char *why = NULL;
    if (!text_trim(t).size && !drawn)
        why = "it is empty";
    else if (t.size > COMMENT_TEXT_MAX)
        why = "it is longer than 10,000 bytes";
    else if (!text_utf8(t))
        why = "it is not UTF-8";
    for (size_t i = 0; i < t.size && !why; i++)
        if (((unsigned char)t.at[i] < ' ' && !strchr("\n\t\r", t.at[i])) || t.at[i] == 0x7f)
            why = "it holds a control character";
    return !why || refuse(err, ERROR_INPUT, "this comment cannot be kept", why,
                          "change the text and send it again");
}

struct placing { // of a new comment
    const char *id, *version, *parent, *text;
    int64_t frame, end_frame; // end_frame -1: none
    const json_t *drawing;    // NULL: none
};

static bool frames_good(struct db_tx *tx, const char *asset, const struct placing *p,
                        struct error *err)
{
    bool there = false;
    int64_t duration = 0;
    struct db_rows *rows = db_query(tx,
                                    "select coalesce(facts, known) from versions where id = ?1 and "
                                    "asset = ?2",
                                    "ss", p->version, asset);
    if (db_next(rows)) {
        json_t *facts = read_json(db_text(rows, 0));
        there = true;
        duration = json_integer_value(json_object_get(facts, "duration_frames"));
        json_decref(facts);
    }
    if (!db_end(rows, err))
        return false;
    if (!there)
        return refuse(err, ERROR_INPUT, "this comment cannot be kept",
                      "its version is not one of this asset", "load the page again");
    int64_t last = p->end_frame >= 0 ? p->end_frame : p->frame;
    if (p->frame >= 0 && last >= p->frame && (duration <= 0 || last < duration))
        return true;
    error_set(err, ERROR_INPUT, "this comment cannot be kept");
    if (p->frame < 0 || last < p->frame)
        error_why(err, "its frames %lld to %lld are no range", (long long)p->frame,
                  (long long)last);
    else
        error_why(err, "frame %lld is not in the picture: the last one is %lld", (long long)last,
                  (long long)duration - 1);
    return error_fix(err, "put it on a frame of the version");
}

static bool parent_good(struct db_tx *tx, const char *asset, const char *parent, struct error *err)
{
    int64_t good = 1;
    if (parent && !db_one_int(tx, &good, 0, err,
                              "select count(*) from comments where id = ?1 and asset = ?2 and "
                              "parent is null and deleted = 0",
                              "ss", parent, asset))
        return false;
    return good ||
           refuse(err, ERROR_CONFLICT, "this reply cannot be kept",
                  "what it answers is gone, or is a reply itself", "answer the comment above it");
}

// Was it sent before? Then it must be the same person's, on the same asset.
static bool sent_before(struct db_tx *tx, const char *asset, const struct who *who,
                        const char *comment, bool *again, struct error *err)
{
    bool same = false;
    struct db_rows *rows =
        db_query(tx, "select asset, person, session from comments where id = ?1", "s", comment);
    *again = db_next(rows);
    if (*again)
        same =
            strcmp(db_text(rows, 0), asset) == 0 && wrote(who, db_text(rows, 1), db_text(rows, 2));
    if (!db_end(rows, err))
        return false;
    return !*again || same ||
           refuse(err, ERROR_CONFLICT, "this comment cannot be kept",
                  "its id is that of another one", "load the page again");
}

static const char *author_name(const struct who *who, const json_t *wish)
{
    const char *said = json_string_value(json_object_get(wish, "name"));
    if (who->kind == WHO_SHARE && said && text_trim(text_of(said)).size)
        return said;
    return who->name && *who->name ? who->name : "Guest";
}

static bool insert(struct db_tx *tx, const char *asset, const struct who *who,
                   const struct placing *p, const json_t *wish, struct error *err)
{
    int64_t number = 0;
    const char *name = author_name(who, wish);
    bool person = who->kind == WHO_PERSON;
    if (!title_acceptable("your name", name, err) ||
        !db_one_int(tx, &number, 0, err, "select max(number) from comments where asset = ?1", "s",
                    asset))
        return false;
    if (number >= COMMENTS_MAX)
        return refuse(err, ERROR_TOO_BIG, "this comment cannot be kept",
                      "an asset has at most 10,000 comments", "begin a new asset for it");
    char *drawing =
        p->drawing ? json_dumps(p->drawing, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    char end[24];
    snprintf(end, sizeof(end), "%lld", (long long)p->end_frame);
    bool ok =
        db_run(tx, err,
               "insert into comments (id, asset, version, number, parent, frame, end_frame, text, "
               "drawing, person, share, session, name, created_ms) values (?1, ?2, ?3, ?4, ?5, ?6, "
               "cast(?7 as integer), ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
               "sssisisssssssi", p->id, asset, p->version, number + 1, p->parent, p->frame,
               p->end_frame >= 0 ? end : NULL, p->text, drawing, person ? who->person : NULL,
               person ? NULL : who->share, person ? NULL : who->session, name, clock_now_ms());
    free(drawing);
    return ok;
}

// An empty list of strokes is no drawing.
static const json_t *drawing_in(const json_t *object)
{
    const json_t *drawing = json_object_get(object, "drawing");
    return drawing && !json_is_null(drawing) &&
                   !(json_is_array(drawing) && !json_array_size(drawing))
               ? drawing
               : NULL;
}

bool comment_add(struct db_tx *tx, const char *asset, const struct who *who, const json_t *wish,
                 json_t **made, struct error *err)
{
    id own = id_new();
    bool again;
    const json_t *end = json_object_get(wish, "end_frame");
    const char *text_sent = json_string_value(json_object_get(wish, "text"));
    const char *id_sent = json_string_value(json_object_get(wish, "id"));
    struct placing p = {
        .id = id_sent ? id_sent : own.text,
        .version = json_string_value(json_object_get(wish, "version")),
        .parent = json_string_value(json_object_get(wish, "parent")),
        .text = text_sent ? text_sent : "",
        .frame = json_integer_value(json_object_get(wish, "frame")),
        .end_frame = json_is_integer(end) ? json_integer_value(end) : -1,
        .drawing = drawing_in(wish),
    };
    if (json_is_integer(end) && p.end_frame < p.frame)
        return refuse(err, ERROR_INPUT, "this comment cannot be kept",
                      "its range ends before it begins", "set the range again");
    if (!sent_before(tx, asset, who, p.id, &again, err))
        return false;
    if (again)
        return comment_get(tx, p.id, who, made, err);
    return comment_text_good(p.text, p.drawing != NULL, err) &&
           (!p.drawing || drawing_acceptable(p.drawing, err)) && frames_good(tx, asset, &p, err) &&
           parent_good(tx, asset, p.parent, err) && insert(tx, asset, who, &p, wish, err) &&
           comment_say(tx, "comment.made", p.id, who, made, err);
}

// ---- changing

struct standing { // of a comment
    bool mine, deleted, drawn, texted;
};

static bool standing_of(struct db_tx *tx, const char *comment, const struct who *who,
                        struct standing *s, struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select person, session, deleted, drawing is not null, text from comments where id = ?1",
        "s", comment);
    bool there = db_next(rows);
    if (there)
        *s = (struct standing){.mine = wrote(who, db_text(rows, 0), db_text(rows, 1)),
                               .deleted = db_int(rows, 2) != 0,
                               .drawn = db_int(rows, 3) != 0,
                               .texted = text_trim(text_of(db_text(rows, 4))).size > 0};
    return db_end(rows, err) && (there || no_comment(err));
}

static bool words_change(struct db_tx *tx, const char *comment, const struct standing *s,
                         const json_t *change, struct error *err)
{
    const json_t *drawing_sent = json_object_get(change, "drawing");
    const char *written = json_string_value(json_object_get(change, "text"));
    const json_t *drawing = drawing_in(change);
    bool draws = drawing_sent && !json_is_null(drawing_sent); // [] takes the drawing away
    bool drawn = draws ? drawing != NULL : s->drawn;
    if (!written && !draws)
        return true;
    if ((written && !comment_text_good(written, drawn, err)) ||
        (!written && !s->texted && !comment_text_good("", drawn, err)) ||
        (drawing && !drawing_acceptable(drawing, err)))
        return false;
    char *dumped = drawing ? json_dumps(drawing, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    bool ok = db_run(tx, err,
                     "update comments set text = coalesce(?2, text), drawing = case when ?3 = 1 "
                     "then ?4 else drawing end, edited_ms = ?5 where id = ?1",
                     "ssisi", comment, written, (int64_t)draws, dumped, clock_now_ms());
    free(dumped);
    return ok;
}

bool comment_change(struct db_tx *tx, const char *comment, const struct who *who, unsigned may,
                    const json_t *change, json_t **changed, struct error *err)
{
    struct standing s;
    const json_t *resolved = json_object_get(change, "resolved");
    const json_t *deleted = json_object_get(change, "deleted");
    if (!standing_of(tx, comment, who, &s, err))
        return false;
    bool words = json_is_string(json_object_get(change, "text")) ||
                 json_is_array(json_object_get(change, "drawing"));
    if (words && !s.mine)
        return refuse(err, ERROR_DENIED, "you may not change this comment",
                      "only its author may change what it says", "reply to it instead");
    if (json_is_boolean(deleted) && json_is_true(deleted) != s.deleted) {
        if (!comment_delete(tx, comment, who, may, json_is_true(deleted), err))
            return false;
    } else if (s.deleted) {
        return refuse(err, ERROR_CONFLICT, "this comment cannot be changed", "it was deleted",
                      "bring it back first");
    }
    if (json_is_boolean(resolved) &&
        !db_run(tx, err,
                "update comments set resolved = ?2, resolved_by = ?3, resolved_ms = "
                "max(resolved_ms + 1, ?4) where id = ?1",
                "sisi", comment, (int64_t)json_is_true(resolved),
                json_is_true(resolved) ? (who->name && *who->name ? who->name : "Guest") : NULL,
                clock_now_ms()))
        return false;
    return words_change(tx, comment, &s, change, err) &&
           comment_say(tx, "comment.changed", comment, who, changed, err);
}

bool comment_delete(struct db_tx *tx, const char *comment, const struct who *who, unsigned may,
                    bool deleted, struct error *err)
{
    struct standing s;
    if (!standing_of(tx, comment, who, &s, err))
        return false;
    if (!s.mine && !(may & MAY_MANAGE))
        return refuse(err, ERROR_DENIED, "you may not delete this comment",
                      "only its author and those who manage the project may",
                      "ask one of them, or resolve it");
    return s.deleted == deleted ||
           (db_run(tx, err,
                   "update comments set deleted = ?2, deleted_ms = max(deleted_ms + 1, ?3) where "
                   "id = ?1",
                   "sii", comment, (int64_t)deleted, clock_now_ms()) &&
            comment_say(tx, deleted ? "comment.deleted" : "comment.changed", comment, who, NULL,
                        err));
}

// ---- counting

bool comments_count(struct db_tx *tx, json_t *const *assets, size_t count, struct error *err)
{
    struct buf ids = BUF_LIMIT(1 << 20);
    if (!count)
        return true;
    for (size_t i = 0; i < count; i++) {
        buf_text(&ids, json_string_value(json_object_get(assets[i], "id")));
        json_object_set_new(assets[i], "comments", json_integer(0));
        json_object_set_new(assets[i], "open_comments", json_integer(0));
    }
    struct db_rows *rows = db_query(
        tx,
        "with recursive ids (n, id) as (select 0, substr(?1, 1, 26) union all select n + 1, "
        "substr(?1, 26 * (n + 1) + 1, 26) from ids where n + 1 < ?2) select ids.n, count(*), "
        "sum(case when c.parent is null and c.resolved = 0 and not exists (select 1 from comments "
        "k where k.origin = c.id and k.deleted = 0) then 1 else 0 end) from ids join "
        "comments c on c.asset = ids.id left join comments up on up.id = c.parent where c.deleted "
        "= 0 and coalesce(up.deleted, 0) = 0 group by ids.n",
        "si", ids.at, (int64_t)count);
    while (db_next(rows)) {
        json_t *asset = assets[db_int(rows, 0)];
        json_object_set_new(asset, "comments", json_integer(db_int(rows, 1)));
        json_object_set_new(asset, "open_comments", json_integer(db_int(rows, 2)));
    }
    buf_free(&ids);
    return db_end(rows, err);
}
