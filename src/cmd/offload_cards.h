/*
 * cmd/offload_cards: what kind of card lies in a folder, by the descriptions in data/cards.
 */
#pragma once
#include "cmd/command.h"
#include "formats/cards/cards.h"

// Everything in *card lives in the call's arena. `folder` is what the files' paths are below.
MUST_CHECK bool card_in_folder(struct command_call *call, const char *folder,
                               const struct card_file *files, size_t count, struct card *card,
                               struct error *err);
// Of a card of no kind that we know: each file that is called like a film or a sound is a clip.
void card_plain_clips(const struct card_file *files, size_t count, struct arena *a,
                      struct card *card);
