/*
 * cmd/ladder: a film as a folder of rungs, sound, subtitles, HLS and DASH, for `posthouse
 * transcode`.
 */
#pragma once
#include "cmd/film_captions.h"
#include "cmd/media.h"

struct ladder_wish {
    const json_t *facts, *profile;
    const char *folder, *name;            // where the result goes; its name
    const struct film_captions *captions; // each of them becomes WebVTT
    int workers;
    bool quiet;
};
// Works in folder/.posthouse-NAME, which exists, and gives the result its name there:
// .posthouse-NAME/NAME. *about as in formats/ladder, with "checks".
MUST_CHECK bool ladder_make(struct command_call *call, const struct media *m,
                            const struct ladder_wish *wish, json_t **about, bool *all,
                            struct error *err);
