/*
 * cmd/caption: what the verbs of `posthouse caption` share.
 */
#pragma once
#include "cmd/command.h"
#include "formats/captions/captions.h"

#include <jansson.h>

struct caption_opened {
    struct captions *c;
    int64_t film_frames; // of --film; 0: not given
    enum caption_format format;
    struct caption_wish wish;
    struct caption_report report;
};

// What the options say about the programme and the reading of its captions.
MUST_CHECK bool caption_wish_of(const struct command_call *call, const char *path,
                                struct caption_wish *wish, struct error *err);
// Of --film when it is given: its rate and first label into the wish, and how long it is.
MUST_CHECK bool caption_film(struct command_call *call, struct caption_wish *wish, int64_t *frames,
                             struct error *err);
// The same from a probe's facts; --rate and --start outrank them.
MUST_CHECK bool caption_programme(const struct command_call *call, const json_t *facts,
                                  struct caption_wish *wish, struct error *err);
MUST_CHECK bool caption_bytes(struct command_call *call, const char *path, text *bytes,
                              struct error *err);
MUST_CHECK bool caption_open(struct command_call *call, const char *path, struct caption_opened *o,
                             struct error *err);
// Writes OUT as --to or its ending says; - is standard output.
MUST_CHECK bool caption_save(struct command_call *call, struct caption_opened *o, const char *path,
                             struct error *err);
// Says what was written and what of it could not be said; returns the exit status.
int caption_finish(const struct command_call *call, const struct caption_opened *o,
                   const char *path);

json_t *caption_notes_json(const struct caption_report *r);
void caption_notes_print(const struct caption_report *r);

// The verbs that have files of their own.
int caption_check(struct command_call *call);
int caption_retime(struct command_call *call);
int caption_extract(struct command_call *call);

// Rules of data/rules/captions by their name, or of a file.
MUST_CHECK bool caption_rules_of(struct command_call *call, const char *name,
                                 struct caption_rules **rules, struct error *err);

// "24:25"; NULL: no change.
MUST_CHECK bool caption_speed(const char *given, struct caption_retime *how, struct error *err);

// "1440" or "01:00:00:00": frames of the programme. A label counts from its first frame when
// `absolute`, and is a length otherwise ("-00:00:01:00" too).
MUST_CHECK bool caption_position(const struct captions *c, text t, bool absolute, int64_t *frames,
                                 struct error *err);
