/*
 * house/assets/originals: camera originals that only their maker's software decodes, and the
 * transcodes that stand for them.
 *
 * An original keeps its facts, its timecode and the notes on it; what is seen is the transcode's.
 * One transcode is of one original. It is attached by itself when there is exactly one candidate on
 * both sides; else a person chooses, and what a person took off stays off. Whatever brings a file
 * in calls original_found once its facts are known; the order in which original and transcode come
 * is all one.
 *
 * A candidate has the original's clip in its name ("A001_C002_0101AB_proxy.mov"), or its reel and
 * start timecode; where timecode and length of both are known, they must agree.
 */
#pragma once
#include "house/assets/assets.h"

// By the facts of a version (JSON; NULL: none): nothing but its maker's software shows it.
bool original_without_picture(const char *facts);
// Refuses (false, UNSUPPORTED) work on the picture of such a file, and says the way out. True:
// anything else.
MUST_CHECK bool original_usable(const char *facts, const char *name, struct error *err);

// The facts of an asset's newest version are known: what belongs together is attached. Event
// asset.changed of the original when something was.
MUST_CHECK bool original_found(struct db_tx *tx, const char *version, struct error *err);

// What lies beside clips says of one: {"reel", "timecode", "rate", "width", "height", "frames",
// "model"}, all optional. It fills what the original's own header does not say, whichever comes first.
MUST_CHECK bool original_told(struct db_tx *tx, const char *project, const char *clip,
                              const json_t *row, struct error *err);

// OriginalTranscode: {"attached", "candidates", "claims"}; of any asset.
MUST_CHECK bool original_get(struct db_tx *tx, const char *asset, json_t **json, struct error *err);
// Instead of one that is attached. CONFLICT: it is no original, the other is none that can be seen,
// or is attached to another one. `by`: a person's name.
MUST_CHECK bool original_attach(struct db_tx *tx, const char *asset, const char *transcode,
                                const char *by, struct error *err);
// NOT_FOUND: nothing is attached.
MUST_CHECK bool original_detach(struct db_tx *tx, const char *asset, struct error *err);
