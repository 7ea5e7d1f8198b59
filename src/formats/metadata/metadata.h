/*
 * formats/metadata: what is known of a work, its version, its tracks and its rights, in one record
 * (docs/formats/metadata.md).
 *
 * A record is a list of values. Each has a field of the table below ("work.title",
 * "track.language"), the number of its item where a group has several (tracks, chapters, people),
 * and its source: a place in a file, or a person and when. All values are text in one canonical
 * form each: languages as BCP 47, dates as ISO 8601, times as whole ticks of 1/720000 s
 * (formats/captions), flags as "yes" and "no".
 *
 * What a container can hold is data: data/rules/metadata/NAME.json says for each field where it
 * lies there and how long it may be. The same rows read and write, so that nothing is kept one way
 * only, and a report says of every value what becomes of it.
 */
#pragma once
#include "base/arena.h"

#include <jansson.h>

#define METADATA_VALUES 4000  // most in a record
#define METADATA_BYTES 65536  // most of one value
#define METADATA_TICKS 720000 // a second

enum metadata_group {
    METADATA_WORK,
    METADATA_VERSION,
    METADATA_RIGHTS,
    METADATA_TIMECODE,
    METADATA_BROADCAST, // what a broadcaster asks for besides (AS-11 UK DPP)
    METADATA_LOCALISED, // from here on: several items
    METADATA_PERSON,
    METADATA_TRACK,
    METADATA_CHAPTER,
    METADATA_MARKER,
    METADATA_GROUPS
};

enum metadata_form {
    METADATA_TEXT,
    METADATA_WHOLE,    // a number of 0 or more
    METADATA_DATE,     // 2026, 2026-11, 2026-11-23, 2026-11-23T10:20:30Z
    METADATA_LANGUAGE, // BCP 47; ISO 639-2 is turned into it
    METADATA_FLAG,     // yes, no
    METADATA_WORD      // one of `words`
};

struct metadata_field {
    const char *name; // "work.title"
    enum metadata_group group;
    enum metadata_form form;
    const char *words; // of METADATA_WORD: those allowed, parted by spaces
    const char *help;
};
const struct metadata_field *metadata_field_named(text name); // NULL: there is none
const struct metadata_field *metadata_fields(size_t *count);
const char *metadata_group_name(enum metadata_group group); // "work"; lists: "tracks", "people"

struct metadata_source { // of a file: file and where; of a person: person and at
    const char *file, *where;
    const char *person, *at; // at: ISO 8601, UTC
};

struct metadata_value {
    const struct metadata_field *field;
    size_t item; // from 0
    const char *value;
    struct metadata_source from;
};

struct metadata {
    struct arena *arena;
    struct metadata_value *values; // in the order they came
    size_t count, room;
};

// Lives in the arena.
struct metadata *metadata_new(struct arena *a);
// Sets a value, put into its field's form, over one that is there. False: the form does not take
// it, or it is empty, not UTF-8, or one too many. What `from` points to is copied.
bool metadata_set(struct metadata *m, const struct metadata_field *field, size_t item, text value,
                  const struct metadata_source *from);
// The same by name; our own names only.
bool metadata_put(struct metadata *m, const char *field, size_t item, const char *value,
                  const struct metadata_source *from);
const struct metadata_value *metadata_find(const struct metadata *m, const char *field,
                                           size_t item);                             // NULL: none
const char *metadata_text(const struct metadata *m, const char *field, size_t item); // "": none
int64_t metadata_whole(const struct metadata *m, const char *field, size_t item, int64_t otherwise);
size_t metadata_items(const struct metadata *m, enum metadata_group group);
// Takes over what `from` has and `to` has not; `over`: all of it. Items are joined by their number.
void metadata_merge(struct metadata *to, const struct metadata *from, bool over);

json_t *metadata_json(const struct metadata *m); // a new reference
// Errors name the field.
MUST_CHECK bool metadata_parse(struct arena *a, const json_t *from, struct metadata **m,
                               struct error *err);

// ---- forms

// "eng", "fre", "pt-br" as "en", "fr", "pt-BR"; false: it is no language ("und", "zxx", rubbish).
bool metadata_language(text from, char to[64]);
const char *metadata_language3(const char *bcp47); // ISO 639-2/T of it, "und" when it has none

// ---- a container's table

struct metadata_row {
    const struct metadata_field *field;
    const char *role; // of person.name: only those; else NULL
    const char *at;   // where it lies, as the reader names it ("ilst/©nam"); "": no home
    size_t most;      // bytes; 0: no limit of its own
    bool ascii, only_read, first; // first: of the first sound track alone
    const char *as;               // how it is written there (docs/formats/metadata.md), or ""
    const char *by;               // "box", "av" (libav's dictionary), "muxer", "later"
    const char *note;
};
struct metadata_table {
    const char *container, *title;
    const char *tracks; // kinds of tracks that it holds, parted by spaces; NULL: all
    struct metadata_row *rows;
    size_t count;
};
// data/rules/metadata/NAME.json. Names the row and the field of a mistake.
MUST_CHECK bool metadata_table_read(struct arena *a, const char *name, text content,
                                    struct metadata_table **t, struct error *err);

// The record of a file, of its Facts (engine/probe.c) by its container's table. `file`: its name,
// for the sources. `t` NULL: what any file says (tracks, timecode).
struct metadata *metadata_of_facts(struct arena *a, const json_t *facts,
                                   const struct metadata_table *t, const char *file);

// What of a master's record is a deliverable's by that profile: its first picture and as many sound
// tracks as it takes, numbered as they lie in it. Colour is BT.709 where the profile makes SDR.
struct metadata *metadata_for_profile(struct arena *a, const struct metadata *m,
                                      const json_t *profile);

// What becomes of each value in that container.
enum metadata_fate { METADATA_KEPT, METADATA_CHANGED, METADATA_CUT, METADATA_HOMELESS };
extern const char *const metadata_fates[]; // "kept", "changed", "truncated", "no home"
struct metadata_report_row {
    const struct metadata_value *value;
    enum metadata_fate fate;
    const char *at;   // the home
    const char *seen; // what a reader will find; NULL: no home
    const char *note; // why, or ""
};
struct metadata_report {
    struct metadata_report_row *rows;
    size_t count;
};
// What is to be written, {"entries": [{"at", "by", "track"?, "value"}], "chapters": [{"start",
// "title"}]}, a new reference, for a ticket (mux, retag); NULL `entries`: only the report.
void metadata_map(struct arena *a, const struct metadata *m, const struct metadata_table *t,
                  struct metadata_report *report, json_t **entries);

// What a profile's "metadata": {"required": [...]} lacks in this record and container: [{"field",
// "state": "no value" | "no home", "fix"}], a new reference. `kept_by` names fields that a sidecar
// of the profile keeps; NULL: none.
json_t *metadata_lacks(const json_t *profile, const struct metadata *m,
                       const struct metadata_report *report,
                       bool (*kept_by)(const json_t *profile, const struct metadata_field *field));
