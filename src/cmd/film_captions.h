// cmd/film_captions: the captions that `posthouse transcode` was given, for a film and beside it.
#pragma once
#include "cmd/command.h"
#include "cmd/media.h"
#include "formats/captions/embed.h"

struct film_captions {
    struct caption_given *list;
    size_t count;
    const json_t *profile;
    struct arena *arena;
    const char *ways[8]; // how they go in
    size_t way_count;
    json_t *plan;   // of captions_embed, or NULL
    json_t *beside; // names of the files written beside it
    json_t *within; // of profile_within, when they are the master's own; their words are borrowed
    const char *taken; // from where in it; NULL: none are
    struct caption_programme film;
    struct caption_report report;
};

// The same in steps, for whoever only looks at them: `rest` begins as all of --captions. The last
// of the list is the one that was read, or could not be.
MUST_CHECK bool film_captions_begin(struct command_call *call, const json_t *facts,
                                    struct film_captions *f, struct error *err);
MUST_CHECK bool film_captions_next(struct command_call *call, text *rest, struct film_captions *f,
                                   struct error *err);
// Reads all of --captions for a film with these facts, retimes them, and plans how they go in. When
// none were brought and the profile wants some, those in the film itself are taken out of it.
MUST_CHECK bool film_captions_read(struct command_call *call, const struct media *m,
                                   const json_t *profile, const json_t *facts,
                                   struct film_captions *f, struct error *err);
// For make_wish: as the deliverable was planned.
MUST_CHECK bool film_captions_plan(void *captions, const json_t *plan, json_t **to,
                                   struct error *err);
// `seen`: facts of the film made. Writes them beside `name`: "Film.en.cc.scc".
MUST_CHECK bool film_captions_beside(struct command_call *call, struct film_captions *f,
                                     const json_t *profile, const json_t *seen, const char *folder,
                                     const char *name, struct error *err);
// Whether the tracks are in the film as it was probed: rows of checks.
void film_captions_check(const struct film_captions *f, const json_t *seen, json_t *checks,
                         bool *all);
void film_captions_print(const struct film_captions *f);
void film_captions_json(const struct film_captions *f, json_t *to);
void film_captions_close(struct film_captions *f);
