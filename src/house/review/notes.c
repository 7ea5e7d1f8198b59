/*
 * Notes in and out: the comments of a version as a file for an editing program, and such a file as
 * comments. A thread is one note; its replies are the note's answers.
 */
#include "formats/notes/notes.h"
#include "house/review/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_FILE_BYTES = 64 << 20, LEFT_SHOWN = 100 };

// ---- the programme of a version

static bool programme_of(struct db_tx *tx, const char *asset, const char *version,
                         struct arena *a, struct notes *n, struct error *err)
{
    json_t *facts = NULL;
    struct db_rows *rows = db_query(
        tx,
        "select coalesce(v.facts, v.known), x.name from versions v join assets x on x.id = v.asset "
        "where v.id = ?1 and v.asset = ?2",
        "ss", version, asset);
    bool there = db_next(rows);
    if (there) {
        facts = db_null(rows, 0) ? NULL : json_loads(db_text(rows, 0), 0, NULL);
        n->file = n->title = arena_text(a, db_text(rows, 1));
    }
    if (!db_end(rows, err)) {
        json_decref(facts);
        return false;
    }
    if (!there) {
        error_set(err, ERROR_NOT_FOUND, "there is no such version of this asset");
        return error_fix(err, "load the page again");
    }
    const json_t *picture = json_array_get(json_object_get(facts, "video"), 0);
    n->frames = json_integer_value(json_object_get(facts, "duration_frames"));
    n->start = json_integer_value(json_object_get(json_object_get(facts, "timecode"), "start_frame"));
    n->width = (int)json_integer_value(json_object_get(picture, "display_width"));
    n->height = (int)json_integer_value(json_object_get(picture, "display_height"));
    bool counted = facts_counting(facts, &n->rate);
    json_decref(facts);
    if (counted)
        return true;
    error_set(err, ERROR_CONFLICT, "notes on this asset have no timecode to stand at");
    error_why(err, "its frame rate is not known, or no timecode counts it");
    return error_fix(err, "wait until it was looked at; the table (csv) of a sound says its frames");
}

// ---- out

static void add_answer(struct arena *a, struct note *to, const char *by, const char *words)
{
    to->answers = to->answers ? arena_format(a, "%s\n%s: %s", to->answers, by, words)
                              : arena_format(a, "%s: %s", by, words);
}

static struct note note_of(const json_t *comment, struct arena *a)
{
    const json_t *end = json_object_get(comment, "end_frame");
    int64_t frame = json_integer_value(json_object_get(comment, "frame"));
    const char *words = json_string_value(json_object_get(comment, "text"));
    return (struct note){
        .frame = frame,
        .frames = json_is_integer(end) ? json_integer_value(end) - frame + 1 : 1,
        .number = (size_t)json_integer_value(json_object_get(comment, "number")),
        .author = arena_text(a, json_string_value(json_object_get(comment, "by"))),
        .text = *words ? arena_text(a, words) : "(a drawing)",
        .made = arena_text(a, json_string_value(json_object_get(comment, "created"))),
        .resolved = json_is_true(json_object_get(comment, "resolved")),
    };
}

// Those of one version, replies with what they answer.
static void gather(const json_t *list, const char *version, bool open, struct arena *a,
                   struct notes *n)
{
    json_t *comment;
    size_t i;
    n->notes = ARENA_ARRAY(a, struct note, json_array_size(list) + 1);
    const char *head = NULL;
    json_array_foreach(list, i, comment)
    {
        const char *parent = json_string_value(json_object_get(comment, "parent"));
        if (parent) {
            if (head && strcmp(parent, head) == 0)
                add_answer(a, &n->notes[n->count - 1],
                           json_string_value(json_object_get(comment, "by")),
                           json_string_value(json_object_get(comment, "text")));
            continue;
        }
        head = NULL;
        if (strcmp(json_string_value(json_object_get(comment, "version")), version) != 0 ||
            (open && json_is_true(json_object_get(comment, "resolved"))))
            continue;
        head = json_string_value(json_object_get(comment, "id"));
        n->notes[n->count++] = note_of(comment, a);
    }
}

bool notes_out(struct db_tx *tx, const struct notes_wish *wish, struct arena *a,
               struct notes_file *file, struct error *err)
{
    enum notes_format format;
    json_t *list = NULL;
    struct notes n = {0};
    struct notes_changed changed;
    struct buf bytes = BUF_LIMIT(NOTES_FILE_BYTES);
    if (!notes_format_named(wish->format, &format)) {
        error_set(err, ERROR_INPUT, "there is no format \"%s\" of notes", wish->format);
        return error_fix(err, "take resolve-edl, avid, xmeml, fcpxml, otio or csv");
    }
    if (!programme_of(tx, wish->asset, wish->version, a, &n, err) ||
        !comment_list(tx, wish->asset, NULL, &list, err))
        return false;
    gather(list, wish->version, wish->open, a, &n);
    bool ok = notes_write(format, &n, &bytes, &changed, err);
    if (ok)
        *file = (struct notes_file){
            .bytes = arena_copy(a, bytes.at ? bytes.at : "", bytes.size),
            .size = bytes.size,
            .type = notes_facts(format)->type,
            .name = arena_format(a, "%s notes%s", n.title, notes_facts(format)->ending),
            .halves = changed.halves,
            .reworded = changed.reworded,
            .count = n.count,
        };
    buf_free(&bytes);
    json_decref(list);
    return ok;
}

// ---- in

// Somebody else's words say whose they are.
static const char *words_of(struct arena *a, const struct note *note, const struct who *who)
{
    const char *own = who->name ? who->name : "";
    const char *words = *note->author && strcmp(note->author, own) != 0
                            ? arena_format(a, "%s: %s", note->author, note->text)
                            : note->text;
    return note->answers && *note->answers ? arena_format(a, "%s\n%s", words, note->answers)
                                           : words;
}

// Is it there already? Then the same file came twice, or it went out of here.
static bool there_already(struct db_tx *tx, const struct notes_wish *wish, const struct note *note,
                          const char *words, bool *there, struct error *err)
{
    int64_t count = 0;
    bool ok = db_one_int(
        tx, &count, 0, err,
        "select count(*) from comments c left join people p on p.id = c.person where c.version = "
        "?1 and c.frame = ?2 and c.parent is null and c.deleted = 0 and (c.text = ?3 or (c.text = "
        "?4 and coalesce(p.name, c.name) = ?5))",
        "sisss", wish->version, note->frame, words, note->text, note->author);
    *there = count > 0;
    return ok;
}

static bool add_one(struct db_tx *tx, const struct notes_wish *wish, const struct who *who,
                    const struct note *note, const char *words, struct error *err)
{
    json_t *made = NULL;
    json_t *json = json_pack("{s:s, s:I, s:s}", "version", wish->version, "frame",
                             (json_int_t)note->frame, "text", words);
    if (note->frames > 1)
        json_object_set_new(json, "end_frame", json_integer(note->frame + note->frames - 1));
    bool ok = comment_add(tx, wish->asset, who, json, &made, err);
    const char *id = ok ? json_string_value(json_object_get(made, "id")) : NULL;
    if (ok && note->resolved)
        ok = db_run(tx, err,
                    "update comments set resolved = 1, resolved_by = ?2, resolved_ms = created_ms "
                    "where id = ?1",
                    "ss", id, who->name ? who->name : "");
    json_decref(made);
    json_decref(json);
    return ok;
}

static json_t *left_json(const struct notes_read *read)
{
    json_t *left = json_array();
    for (size_t i = 0; i < read->left_count && i < LEFT_SHOWN; i++)
        json_array_append_new(left, json_pack("{s:I, s:s}", "line", (json_int_t)read->left[i].line,
                                              "why", read->left[i].why));
    return left;
}

bool notes_in(struct db_tx *tx, const struct notes_wish *wish, text bytes, const struct who *who,
              struct arena *a, json_t **answer, struct error *err)
{
    enum notes_format format;
    struct notes programme = {0};
    struct notes_read read;
    int64_t made = 0, same = 0;
    if (!notes_format_named(wish->format, &format) || !notes_facts(format)->read) {
        error_set(err, ERROR_INPUT, "notes cannot be read from \"%s\"", wish->format);
        return error_fix(err, "take resolve-edl, avid or csv");
    }
    if (!programme_of(tx, wish->asset, wish->version, a, &programme, err) ||
        !notes_read(format, bytes, &programme, a, &read, err))
        return false;
    for (size_t i = 0; i < read.count; i++) {
        bool there;
        const char *words = words_of(a, &read.notes[i], who);
        if (!there_already(tx, wish, &read.notes[i], words, &there, err) ||
            (!there && !add_one(tx, wish, who, &read.notes[i], words, err)))
            return false;
        made += !there, same += there;
    }
    *answer = json_pack("{s:I, s:I, s:I, s:o}", "made", (json_int_t)made, "same", (json_int_t)same,
                        "left_count", (json_int_t)read.left_count, "left", left_json(&read));
    return true;
}
