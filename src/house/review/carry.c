/*
 * Notes go on to the next version, each to the frame that shows what it was written on.
 *
 * Source timecode says where that is when both versions state it, as long as the picture does not
 * say otherwise; else the picture is looked for (formats/prints). When neither knows, the note is
 * listed as not carried, and a person places it or leaves it. What is resolved stays where it is;
 * answers stay with the note that they answer.
 *
 * A carried note is a note of its own with a link to its origin: whoever wrote it is still its
 * author, and the origin counts as gone on, not as open on another version.
 */
#include "house/review/inside.h"
#include "plat/clock.h"

#include <stdio.h>
#include <string.h>

// A frame at the same timecode may differ by so much more than the one that looks most alike.
enum { COMPARISONS = 50000000, DOUBT = 50 };

struct side { // a version
    char id[27];
    int64_t number, frames, start;
    rational rate;
    bool rated, labelled;
    struct tc_rate counting;
    struct prints prints; // count 0: none
};

static json_t *facts_read(const char *at)
{
    json_t *json = at ? json_loads(at, 0, NULL) : NULL;
    return json ? json : json_null();
}

static void side_of(struct db_rows *rows, struct side *s)
{
    struct error ignored;
    json_t *facts = facts_read(db_text(rows, 2));
    const json_t *tc = json_object_get(facts, "timecode");
    const char *rate = json_string_value(json_object_get(facts, "rate"));
    text_copy(text_of(db_text(rows, 0)), s->id, sizeof(s->id));
    s->number = db_int(rows, 1);
    s->frames = json_integer_value(json_object_get(facts, "duration_frames"));
    s->start = json_integer_value(json_object_get(tc, "start_frame"));
    s->rated = rate && rational_parse(text_of(rate), &s->rate, &ignored) && s->rate.num > 0;
    s->labelled = json_is_object(tc) && facts_counting(facts, &s->counting);
    json_decref(facts);
}

static bool sides_read(struct db_tx *tx, const char *version, struct side *from, struct side *to,
                       char asset[27], char project[27], bool *both, struct error *err)
{
    bool have_to = false, have_from = false;
    struct db_rows *rows = db_query(
        tx,
        "select v.id, v.number, coalesce(v.facts, v.known), a.id, a.project, v.id = ?1 from "
        "versions n join versions v on v.asset = n.asset and v.number in (n.number, n.number - 1) "
        "join assets a on a.id = v.asset where n.id = ?1",
        "s", version);
    while (db_next(rows)) {
        bool is_to = db_int(rows, 5) != 0;
        side_of(rows, is_to ? to : from);
        *(is_to ? &have_to : &have_from) = true;
        text_copy(text_of(db_text(rows, 3)), asset, 27);
        text_copy(text_of(db_text(rows, 4)), project, 27);
    }
    *both = have_to && have_from;
    return db_end(rows, err);
}

// ---- where a frame went

static bool same_counting(const struct side *x, const struct side *y)
{
    return x->labelled && y->labelled && x->rate.num == y->rate.num && x->rate.den == y->rate.den &&
           x->counting.base == y->counting.base && x->counting.drop == y->counting.drop;
}

struct placed {
    int64_t frame; // -1: nowhere
    const char *how, *why;
};

static struct placed place(const struct side *from, const struct side *to, int64_t frame,
                           int64_t *shift, int64_t *left)
{
    bool counted = same_counting(from, to), seen = from->prints.count && to->prints.count;
    int64_t by_label = counted ? frame + from->start - to->start : -1;
    bool within = by_label >= 0 && by_label < to->frames;
    if (within && !seen)
        return (struct placed){by_label, "timecode", NULL};
    if (!seen)
        return (struct placed){-1, NULL,
                               counted ? "its timecode is not in this version"
                                       : "nothing says where its frame went"};
    if (frame >= from->prints.count)
        return (struct placed){-1, NULL, "its frame was not in the proxies of the version before"};
    int64_t found =
        prints_find(&from->prints, frame, &to->prints, within ? by_label : frame + *shift, left);
    bool labelled = within && by_label < to->prints.count && found >= 0 && found < to->frames;
    if (labelled && prints_around(&from->prints, frame, &to->prints, by_label) <=
                        prints_around(&from->prints, frame, &to->prints, found) + DOUBT)
        return (struct placed){by_label, "timecode", NULL};
    if (found >= 0 && found < to->frames) {
        *shift = found - frame;
        return (struct placed){found, "picture", NULL};
    }
    // The same places in a film of the same length: it was made again, and looks different now.
    if (within && from->start == to->start && from->frames == to->frames)
        return (struct placed){by_label, "timecode", NULL};
    return (struct placed){-1, NULL, "its frame is gone: no frame of this version looks like it"};
}

// ---- carrying

struct noted {
    char id[27];
    int64_t frame, end_frame; // end -1: none
};

static bool notes_of(struct db_tx *tx, const char *version, struct arena *a, struct noted **list,
                     size_t *count, struct error *err)
{
    *list = ARENA_ARRAY(a, struct noted, COMMENTS_MAX + 1);
    *count = 0;
    struct db_rows *rows = db_query(tx,
                                    "select id, frame, end_frame from comments where version = ?1 "
                                    "and parent is null and deleted = 0 and resolved = 0 order by "
                                    "frame, number limit ?2",
                                    "si", version, (int64_t)COMMENTS_MAX);
    while (db_next(rows)) {
        struct noted *n = &(*list)[(*count)++];
        text_copy(text_of(db_text(rows, 0)), n->id, sizeof(n->id));
        n->frame = db_int(rows, 1);
        n->end_frame = db_null(rows, 2) ? -1 : db_int(rows, 2);
    }
    return db_end(rows, err);
}

static bool copy_note(struct db_tx *tx, const char *origin, const char *version, int64_t frames,
                      int64_t frame, const char *how, id *made, struct error *err)
{
    int64_t number = 0, length = 0;
    *made = id_new();
    if (!db_one_int(tx, &number, 0, err,
                    "select max(number) from comments where asset = (select asset from comments "
                    "where id = ?1)",
                    "s", origin) ||
        !db_one_int(tx, &length, -1, err,
                    "select coalesce(end_frame - frame, -1) from comments where id = ?1", "s",
                    origin))
        return false;
    int64_t end = frame + length;
    if (frames > 0 && end >= frames)
        end = frames - 1;
    return db_run(tx, err,
                  "insert into comments (id, asset, version, number, parent, frame, end_frame, "
                  "text, drawing, person, share, session, name, created_ms, origin, carried) "
                  "select ?2, asset, ?3, ?4, null, ?5, case when ?6 < 0 then null else ?7 end, "
                  "text, drawing, person, share, session, name, created_ms, id, ?8 from comments "
                  "where id = ?1",
                  "sssiiiis", origin, made->text, version, number + 1, frame, length, end, how) &&
           db_run(tx, err, "delete from comments_left where version = ?1 and comment = ?2", "ss",
                  version, origin);
}

static bool carry_all(struct db_tx *tx, const struct side *from, const struct side *to,
                      const struct noted *list, size_t count, int64_t *carried, struct error *err)
{
    int64_t shift = 0, left = COMPARISONS;
    for (size_t i = 0; i < count; i++) {
        struct placed p = place(from, to, list[i].frame, &shift, &left);
        id made;
        bool ok = p.frame >= 0
                      ? copy_note(tx, list[i].id, to->id, to->frames, p.frame, p.how, &made, err)
                      : db_run(tx, err,
                               "insert into comments_left (version, comment, why) values (?1, ?2, "
                               "?3)",
                               "sss", to->id, list[i].id, p.why);
        if (!ok)
            return false;
        *carried += p.frame >= 0;
    }
    return true;
}

bool notes_carry_wanted(struct db_tx *tx, const char *version, bool *wanted, struct error *err)
{
    int64_t notes = 0;
    bool ok = db_one_int(
        tx, &notes, 0, err,
        "select count(*) from versions n join versions b on b.asset = n.asset and b.number = "
        "n.number - 1 join comments c on c.version = b.id and c.parent is null and c.deleted = 0 "
        "and c.resolved = 0 where n.id = ?1 and not exists (select 1 from comments_carried where "
        "version = ?1)",
        "s", version);
    *wanted = notes > 0;
    return ok;
}

bool notes_carry(struct db_tx *tx, const char *version, const struct prints *before,
                 const struct prints *now, int64_t *carried, struct error *err)
{
    struct side from = {.frames = 0}, to = {.frames = 0};
    char asset[27] = "", project[27] = "";
    struct noted *list;
    size_t count;
    bool both;
    *carried = 0;
    if (!sides_read(tx, version, &from, &to, asset, project, &both, err))
        return false;
    if (!both)
        return true;
    from.prints = *before;
    to.prints = *now;
    struct arena *a = arena_open(16 << 20);
    bool ok = notes_of(tx, from.id, a, &list, &count, err) &&
              carry_all(tx, &from, &to, list, count, carried, err) &&
              db_run(tx, err, "insert into comments_carried (version, at_ms) values (?1, ?2)", "si",
                     version, clock_now_ms());
    arena_close(a);
    if (!ok || !count)
        return ok;
    char body[100];
    snprintf(body, sizeof(body), "{\"asset\":\"%s\",\"version\":\"%s\"}", asset, version);
    return db_event(tx, "comments.carried", project, version, body, err);
}

// ---- what could not be carried

bool notes_left(struct db_tx *tx, const char *version, const struct who *who, json_t **list,
                struct error *err)
{
    struct arena *a = arena_open(16 << 20);
    const char **ids = ARENA_ARRAY(a, const char *, COMMENTS_MAX + 1);
    const char **whys = ARENA_ARRAY(a, const char *, COMMENTS_MAX + 1);
    size_t count = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select l.comment, l.why from comments_left l join comments c on c.id = l.comment "
                 "where l.version = ?1 and l.settled = 0 and c.deleted = 0 and c.resolved = 0 "
                 "order by c.frame, c.number limit ?2",
                 "si", version, (int64_t)COMMENTS_MAX);
    while (db_next(rows)) {
        ids[count] = arena_text(a, db_text(rows, 0));
        whys[count++] = arena_text(a, db_text(rows, 1));
    }
    bool ok = db_end(rows, err);
    *list = json_array();
    for (size_t i = 0; ok && i < count; i++) {
        json_t *comment = NULL;
        ok = comment_get(tx, ids[i], who, &comment, err);
        if (ok)
            json_array_append_new(*list,
                                  json_pack("{s:o, s:s}", "comment", comment, "why", whys[i]));
    }
    arena_close(a);
    return ok;
}

static bool left_there(struct db_tx *tx, const char *version, const char *comment,
                       struct error *err)
{
    int64_t there = 0;
    if (!db_one_int(tx, &there, 0, err,
                    "select count(*) from comments_left where version = ?1 and comment = ?2 and "
                    "settled = 0",
                    "ss", version, comment))
        return false;
    if (there)
        return true;
    error_set(err, ERROR_CONFLICT, "this note does not wait for a place");
    return error_fix(err, "somebody has placed it already: load the notes again");
}

bool notes_place(struct db_tx *tx, const char *version, const char *comment, int64_t frame,
                 const struct who *who, json_t **made, struct error *err)
{
    struct side from, to = {.frames = 0};
    char asset[27], project[27];
    bool both;
    id copy;
    *made = NULL;
    if (!left_there(tx, version, comment, err) ||
        !sides_read(tx, version, &from, &to, asset, project, &both, err))
        return false;
    if (frame < 0)
        return db_run(tx, err,
                      "update comments_left set settled = 1 where version = ?1 and comment = ?2",
                      "ss", version, comment) &&
               comment_get(tx, comment, who, made, err);
    if (to.frames > 0 && frame >= to.frames) {
        error_set(err, ERROR_INPUT, "the note can not be placed there");
        error_why(err, "the last frame is %lld", (long long)to.frames - 1);
        return error_fix(err, "place it on a frame of the version");
    }
    return copy_note(tx, comment, version, to.frames, frame, "hand", &copy, err) &&
           comment_say(tx, "comment.made", copy.text, who, made, err);
}
