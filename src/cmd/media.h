/*
 * cmd/media: the engine on plain files, for the commands that need no server.
 */
#pragma once
#include "cmd/command.h"

#include <jansson.h>

struct media {
    const char *name;   // as people call it: the file, or the sequence's pattern
    const char **paths; // in order; a sequence has many
    size_t count;
    json_t *sequence; // SequenceFact, or NULL
};

// A file; or an image sequence, by its folder, its pattern (name.####.exr) or any file of it when
// there are others beside it. Lives in the call's arena; media_close gives back the JSON.
MUST_CHECK bool media_open(struct command_call *call, const char *path, struct media *m,
                           struct error *err);
void media_close(struct media *m);

MUST_CHECK bool media_probe(struct command_call *call, const struct media *m, json_t **facts,
                            struct error *err);

// The same, and a small JPEG of the first frame in `folder`, left out when it can not be made.
MUST_CHECK bool media_probe_picture(struct command_call *call, const struct media *m,
                                    const char *folder, const char *name, json_t **facts,
                                    struct error *err);

struct media_encode {
    const json_t *facts, *profile;
    // As make_wish's.
    bool (*captions)(void *context, const json_t *plan, json_t **to, struct error *err);
    void *captions_context;
    const char *folder, *output; // exists, see tickets/make.h; name of the file in it
    int workers;                 // 0: one for each core
    json_t *metadata;            // what it is to say of itself (house/deliver/record.h), or NULL
    bool quiet;
};
MUST_CHECK bool media_encode(struct command_call *call, const struct media *m,
                             const struct media_encode *wish, json_t **result, struct error *err);
// A copy of a finished file, named `output` in `folder`, that says of itself what `metadata` tells.
MUST_CHECK bool media_retag(struct command_call *call, const struct media *m, json_t *metadata,
                            const char *folder, const char *output, bool quiet, json_t **result,
                            struct error *err);
// Its closed captions, frame by frame (docs/formats/ticket.md, captions).
MUST_CHECK bool media_captions(struct command_call *call, const struct media *m, json_t **result,
                               struct error *err);
// Reads data/profiles/NAME.json, or a file when the name has a / or ends in .json. The error of an
// unknown name lists those there are.
MUST_CHECK bool media_profile(struct command_call *call, const char *name, json_t **profile,
                              struct error *err);

// Measures all of it: writes measure.phm (formats/measure) into `folder`.
MUST_CHECK bool media_measure(struct command_call *call, const struct media *m, const json_t *facts,
                              const char *folder, bool quiet, json_t **result, struct error *err);
// Pictures of frames (numbers that rise) as frame-0000000.jpg in `folder`.
MUST_CHECK bool media_stills(struct command_call *call, const struct media *m, const json_t *facts,
                             const json_t *frames, const char *folder, bool quiet, json_t **result,
                             struct error *err);
// As media_profile, for the rules of quality control: data/rules/qc/NAME.json, or a file.
MUST_CHECK bool media_rules(struct command_call *call, const char *name, json_t **rules,
                            struct error *err);
