/*
 * house/deliver: what is known of a master (formats/metadata), carried over to what is made of it.
 */
#pragma once
#include "db/db.h"
#include "formats/metadata/metadata.h"

#define RECORD_ITEMS 1000 // tracks, people, ... of which somebody can tell

// A container's table from <rules>/NAME.json. "webm" is Matroska. *t NULL: there is none for it.
MUST_CHECK bool record_table(const char *rules, const char *container, struct arena *a,
                             struct metadata_table **t, struct error *err);
// Of a master by its Facts; what people told (a record as JSON; NULL: nothing) goes over it.
MUST_CHECK bool record_of_master(const char *rules, const json_t *facts, const json_t *told,
                                 const char *name, struct arena *a, struct metadata **record,
                                 struct error *err);
// What of a master's record (metadata_for_profile) is a deliverable's, its sound as the profile
// lists it: each track is of the master's that its channels come from, in the language that was
// asked for.
struct metadata *record_for_profile(struct arena *a, const struct metadata *m,
                                    const json_t *profile, const json_t *facts);
// What the muxer is told (a ticket's "metadata"), a new reference.
MUST_CHECK bool record_carried(const char *rules, const json_t *profile, const json_t *facts,
                               const json_t *told, const char *name, json_t **carried,
                               struct error *err);
// The record of the deliverable, when the file keeps not all of it; else *record is NULL.
MUST_CHECK bool record_left_over(const char *rules, const json_t *profile, const json_t *facts,
                                 const json_t *told, const char *name, json_t **record,
                                 struct error *err);
// Refuses when a field that the profile requires has no value, or no home in the container and in
// no sidecar of the profile. INPUT; all of them are in the error.
MUST_CHECK bool record_suits(const char *rules, const json_t *profile, const json_t *facts,
                             const json_t *told, const char *name, struct error *err);
// What people told of an asset, a record as JSON; a new reference. *told NULL: nothing.
MUST_CHECK bool record_told_get(struct db_tx *tx, const char *asset, json_t **told,
                                struct error *err);
// What people told of a master's light, as hdr_order reads it; "": nothing.
struct record_light {
    char display[160], light[32];
};
MUST_CHECK bool record_light_told(struct db_tx *tx, const char *asset, struct record_light *to,
                                  struct error *err);
struct record_told {
    const char *field;
    size_t item;       // from 0
    const char *value; // "": what was told is taken back
    const char *by;    // a name for people
};
// INPUT for what is no value of the field.
MUST_CHECK bool record_told_change(struct db_tx *tx, const char *asset,
                                   const struct record_told *change, int64_t now_ms,
                                   struct error *err);
// Whether a sidecar that the profile asks for keeps it (for metadata_lacks).
bool record_kept_beside(const json_t *profile, const struct metadata_field *field);
