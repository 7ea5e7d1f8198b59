/*
 * house/fields: what people add to assets, and finding assets by it.
 *
 * A project has fields (Scene, Take, Reel, Camera, Notes from its first day, and any of one's own);
 * a field has a type, and is called f1, f2, ... in the API. An asset has at most one value of a
 * field that holds; all that it ever had stay, each with who or what said it: a person, a line of a
 * file that was brought in, or the media file itself. What is set together is one change, which can
 * be undone as one step; what was set again since stays as it is then.
 *
 * People and files that were brought in go over what media files say, never the other way.
 *
 * Finding (struct shelves) keeps what lists need of a project in memory and follows the event log,
 * so that filters, orders and jumps over 200,000 assets take milliseconds.
 */
#pragma once
#include "db/db.h"
#include "formats/table/table.h"

#include <jansson.h>

enum {
    FIELDS_MOST = 100,        // of a project
    FIELD_NAME_MOST = 60,     // bytes
    FIELD_CHOICES_MOST = 200, // of one field
    FIELD_VALUE_MOST = 4000,  // bytes
    SEARCHES_MOST = 500,
};

enum field_type {
    FIELD_TEXT,
    FIELD_NUMBER,
    FIELD_CHOICE,
    FIELD_DATE,
    FIELD_YESNO,
    FIELD_TIMECODE,
    FIELD_TYPES
};
extern const char *const field_type_names[FIELD_TYPES];

struct field {
    int64_t number, position;
    const char *name, *folded;
    enum field_type type;
    const char *const *choices; // NULL-ended
};

// ---- Fields
// Scene, Take, Reel, Camera and Notes, unless the project had them once.
MUST_CHECK bool fields_ensure(struct db_tx *tx, const char *project, struct error *err);
MUST_CHECK bool fields_load(struct db_tx *tx, const char *project, struct arena *a,
                            struct field **list, size_t *count, struct error *err);
// Field[], in their order.
MUST_CHECK bool fields_list(struct db_tx *tx, const char *project, json_t **list,
                            struct error *err);
// INPUT for a bad name or type, CONFLICT for a name that is taken. choices: texts, of a choice.
MUST_CHECK bool field_add(struct db_tx *tx, const char *project, const char *name, const char *type,
                          const json_t *choices, int64_t *number, struct error *err);
// NULL and -1: stays. A choice that has values is kept among the choices.
MUST_CHECK bool field_change(struct db_tx *tx, const char *project, int64_t number,
                             const char *name, const json_t *choices, int64_t position,
                             struct error *err);
MUST_CHECK bool field_remove(struct db_tx *tx, const char *project, int64_t number,
                             struct error *err);

// A value as it is kept: numbers with a point, dates as 2026-11-24, yes or no, 01:00:00:00. What it
// sorts and is compared by is in *at, of all types but text and choice. False: it is no value of
// this field, and why.
bool field_value(const struct field *f, const char *said, struct arena *a, const char **value,
                 double *at, const char **why);

// ---- Values
struct teller {         // who or what says so
    const char *kind;   // "person", "import", "file"
    const char *person; // id; NULL: none
    const char *name;   // of the person, or the place in the file
};
struct field_set { // one value
    const char *asset;
    int64_t field, line; // line of a file, else 0
    const char *value;   // as kept; "": taken away
    const char *was;     // what stood when it was planned; only of changes in slices
};
// One change; those that change nothing are left out, *count is of the others. *change "": nothing
// changed. Event fields.changed.
MUST_CHECK bool values_set(struct db_tx *tx, const char *project, const struct teller *by,
                           const char *title, const struct field_set *sets, size_t set_count,
                           char change[27], int64_t *count, struct error *err);
// `set`: [{"field": "f1", "value": text, "was": {asset: text}}] for each of `assets` (ids of the
// project; others are left out). FieldChange. `was` may be missing: what whoever sets it saw; if
// one of them is another by now, nothing is set and it is a CONFLICT that names who set it.
MUST_CHECK bool values_bulk(struct db_tx *tx, const char *project, const struct teller *by,
                            const json_t *assets, const json_t *set, json_t **change,
                            struct error *err);
// What a media file says of itself, by its Facts: scene, take, reel. Over nothing that others said.
MUST_CHECK bool values_of_file(struct db_tx *tx, const char *asset, struct error *err);
// Sets "fields" ({"f1": value}) in each Asset of a list.
MUST_CHECK bool values_fill(struct db_tx *tx, json_t *const *assets, size_t count,
                            struct error *err);
// FieldValue[] of an asset: each with its source and all that it was before.
MUST_CHECK bool values_of(struct db_tx *tx, const char *asset, json_t **list, struct error *err);
// FieldChange[], newest first.
MUST_CHECK bool changes_list(struct db_tx *tx, const char *project, json_t **list,
                             struct error *err);
// Puts back what was before change `number`; values that were set again since stay, `left` of the
// FieldChange counts them. CONFLICT when it is undone already. `look`, of a read before, spares
// other writers the reading of a large one; NULL: it is read here. It lives in its arena.
struct undo_plan;
MUST_CHECK bool change_undo_look(struct db_tx *tx, const char *project, int64_t number,
                                 struct arena *a, const struct undo_plan **plan, struct error *err);
MUST_CHECK bool change_undo(struct db_tx *tx, const char *project, int64_t number,
                            const struct undo_plan *look, const struct teller *by, json_t **change,
                            struct error *err);

// ---- Changes of many values: they are written down as one step, and set in slices by a thread, so
// that nobody waits for them. A house that was killed goes on with them.
struct runs;
struct runs *runs_open(struct db *db);
void runs_wake(struct runs *r);  // after what may have begun one; NULL is fine
void runs_close(struct runs *r); // NULL is fine; what is left goes on when it is opened again
// ValueChange of one; its `run` says how far it is.
MUST_CHECK bool change_get(struct db_tx *tx, const char *project, int64_t number, json_t **change,
                           struct error *err);

// ---- Saved searches: SavedSearch[] of the project's and the person's own
MUST_CHECK bool searches_list(struct db_tx *tx, const char *project, const char *person,
                              json_t **list, struct error *err);
MUST_CHECK bool search_save(struct db_tx *tx, const char *project, const char *person,
                            const char *name, const json_t *query, bool shared, int64_t *number,
                            struct error *err);
// Own ones; of all those of the project when `manages`.
MUST_CHECK bool search_remove(struct db_tx *tx, const char *project, const char *person,
                              int64_t number, bool manages, struct error *err);

// ---- Finding
struct shelves;
struct shelves *shelves_open(struct db *db);
void shelves_close(struct shelves *s); // NULL is fine

struct find_wish {
    const char *project;
    const char *folder;     // NULL: all; "top": in no folder
    const char *kind;       // NULL: all
    const char *search;     // words of names; NULL: all
    const char *sort;       // name, created, size, duration, timecode or f1, f2, ...; NULL: name
    const json_t *where;    // a condition (docs/formats/fields.md); NULL: none
    bool descending, takes; // takes: sound that belongs to a picture here is not listed by itself
    int64_t limit, offset;
};
struct found {
    const char **ids; // of the page, in the caller's arena
    size_t count;
    int64_t total;
};
// INPUT for a condition or order that can not be used. What has no value comes last.
MUST_CHECK bool shelves_find(struct shelves *s, const struct find_wish *wish, struct arena *a,
                             struct found *found, struct error *err);
// How many each of the conditions finds.
MUST_CHECK bool shelves_count(struct shelves *s, const char *project, const json_t *const *wheres,
                              size_t count, int64_t *totals, struct error *err);

// ---- Takes: sound and picture with one scene and take, whose timecode overlaps
// Sets "take" in each Asset of a list that belongs to one: Take.
MUST_CHECK bool takes_fill(struct shelves *s, struct db_tx *tx, const char *project,
                           json_t *const *assets, size_t count, struct error *err);
// By hand: `together` or not, whatever they say of themselves. INPUT unless one is sound and the
// other picture, both of the project.
MUST_CHECK bool take_say(struct db_tx *tx, const char *project, const char *one, const char *other,
                         bool together, const char *by, struct error *err);

// ---- In and out
struct import_wish {
    const char *project, *name; // of the file
    text bytes;
    struct table_wish table;
    const json_t
        *columns;         // {"column": "f1" | "name" | "reel" | "start" | "id" | ""}; NULL: by name
    const json_t *choose; // {"line": asset}: of rows that more than one asset fits; NULL: none
    bool make;            // a text field of each column that is none
    bool blanks;          // an empty cell takes the value away; else it says nothing
    const char *plan;     // apply, if this is still what it would do; NULL: only look
};
// FieldImport. Nothing is changed unless `plan` is given; then all of it in one transaction, or,
// when that are more than some thousand values, in slices (`change` says which change; runs_wake).
// CONFLICT when the project has changed since the plan was made.
MUST_CHECK bool fields_import(struct db *db, struct shelves *s, const struct import_wish *wish,
                              const struct teller *by, struct arena *a, json_t **answer,
                              struct error *err);
struct export_wish {
    const char *project, *format; // "csv", "ale"
    const json_t *assets;         // ids; NULL: all that `find` finds
    const struct find_wish *find;
};
// Bytes in *to; *count rows. `changed`: cells that were guarded, or had to be reworded.
MUST_CHECK bool fields_export(struct db *db, struct shelves *s, const struct export_wish *wish,
                              struct arena *a, struct buf *to, size_t *count, size_t *changed,
                              struct error *err);
