/*
 * house/captions: caption files as assets, and the films they belong to.
 *
 * A caption file is an asset of the kind "captions" with versions like any other. It is read by our
 * own readers (formats/captions), never by the engine; one that can not be read is kept and says
 * why. A link says of which film it is, in which language and role. Its times are the film's: rate,
 * first label and length come from the film's newest version whenever it is read.
 */
#pragma once
#include "db/db.h"
#include "formats/captions/embed.h"
#include "house/assets/assets.h"
#include "store/store.h"

#include <jansson.h>

struct caption_source { // a version of captions; texts in the arena
    struct version_source v;
    struct asset_file file;
    const char *film, *language, *role; // film NULL: of none
    const char *film_name, *film_facts; // of its newest version; NULL: not known
    const json_t *found, *row;          // of what lies in the film itself; NULL: it is a file
};
// What the film's own file has (profile_within), out of what the engine found there; both stay the
// caller's as long as the list is used. `name`: the film's.
void captions_within(const json_t *found, const json_t *rows, const char *name, struct arena *a,
                     struct caption_source **list, size_t *count);
// NOT_FOUND, or INPUT when it is not captions.
MUST_CHECK bool captions_source(struct db_tx *tx, const char *version, struct arena *a,
                                struct caption_source *s, struct error *err);
// The newest versions of all captions of a film, closed captions first, then as they were brought.
MUST_CHECK bool captions_sources(struct db_tx *tx, const char *film, struct arena *a,
                                 struct caption_source **list, size_t *count, struct error *err);
// Caption[] of the API; `asset` may be the film, or captions (then one).
MUST_CHECK bool captions_list(struct db_tx *tx, const char *asset, json_t **list,
                              struct error *err);
// Says of which film an asset is, or something else than before. CONFLICT when they are not of one
// project, INPUT when the asset is no captions. Event asset.changed of both, with
// "captions" true.
MUST_CHECK bool captions_link(struct db_tx *tx, const char *captions, const char *film,
                              const char *language, const char *role, const char *by,
                              int64_t now_ms, struct error *err);
MUST_CHECK bool captions_unlink(struct db_tx *tx, const char *captions, struct error *err);

// What bytes are, as Facts: "kind" captions (document when they are of no caption format), what is
// wrong with them in "tags". `facts_of_film` may be NULL. A new reference.
json_t *captions_facts(text bytes, const char *name, const json_t *facts_of_film);
// Facts of a version, by its bytes in the store.
MUST_CHECK bool captions_look(struct store *s, const struct version_source *v,
                              const struct asset_file *file, json_t **facts, struct error *err);

struct caption_opened_source {
    struct captions *c;
    enum caption_format format;
    struct caption_programme film; // frames 0: of none
    struct caption_report report;
};
#define CAPTIONS_ARENA_BYTES ((size_t)1 << 30) // what the two below may need of theirs
// Reads it for the film with these facts (NULL: those that it has).
MUST_CHECK bool captions_open(struct store *s, const struct caption_source *from,
                              const json_t *film_facts, struct arena *a,
                              struct caption_opened_source *to, struct error *err);
// What a deliverable of this profile carries of them: NULL when it carries none. Says which does
// not fit the film. `planned`: the deliverable's plan (an index's); NULL: as the facts say.
MUST_CHECK bool captions_plan(struct store *s, const struct caption_source *list, size_t count,
                              const json_t *profile, const json_t *film_facts,
                              const json_t *planned, struct arena *a, json_t **plan,
                              struct error *err);
// As a delivery's ticket keeps them: [{"version", "language", "role"}], and back.
json_t *captions_frozen(const struct caption_source *list, size_t count);
MUST_CHECK bool captions_thaw(struct db_tx *tx, const json_t *frozen, struct arena *a,
                              struct caption_source **list, size_t *count, struct error *err);
