/*
 * formats/captions/embed: captions as a film carries them, planned as a whole before it is put
 * together (docs/formats/ticket.md, mux).
 *
 * All bytes follow from the captions, the rate and the number of frames: they do not depend on who
 * encodes which part, and other captions need no other encoding.
 *
 * Ways: "cc" (608 and 708 in the pictures: A/53), "c608" (a track of QuickTime), "text" (tx3g),
 * "ttml" (IMSC 1.1 as stpp), "webvtt".
 */
#pragma once
#include "formats/captions/captions.h"

#include <jansson.h>

// A caption file of a film, as people name it: FILE[:LANGUAGE[:ROLE]], role cc, sdh, subtitle or
// forced.
struct caption_given {
    const char *file, *language, *role; // language "": as the file says; role "": as its format is
    struct captions *c;                 // NULL: not read yet
};
// Takes the words after the last colons off a file's name when they are a language and a role.
struct caption_given caption_given_parse(struct arena *a, text said);
// What is not said: from what was read.
void caption_given_complete(struct caption_given *g, enum caption_format format);
bool caption_kind_named(const char *name, enum caption_kind *kind);
// ISO 639-2/T of a BCP 47 tag, as containers write it; "und" when not known.
const char *caption_language_code(text tag);

// Rate, first label and length of a film as its facts say: that of `constant` when it has none of
// its own. False with an error for facts that say no rate.
struct caption_programme {
    struct tc_rate rate;
    int64_t start, frames;
};
MUST_CHECK bool caption_programme_of(const json_t *facts, struct caption_programme *p,
                                     struct error *err);

// Whether captions can be of a programme of so many frames: INPUT when one begins after its end.
MUST_CHECK bool caption_fits(const struct captions *c, int64_t frames, const char *name,
                             struct error *err);

// For a profile that shows the frames of a master of that rate at another (its "conform"; NULL or "":
// at their own): each caption stays at its frame.
MUST_CHECK bool caption_conform(struct captions *c, rational rate, const char *conform,
                                struct caption_report *report, struct error *err);

struct caption_film {
    rational rate;
    int64_t frames;
    const char *container;   // "mov", "mp4", "matroska", "mxf"
    const char *codec;       // the picture's encoder: "libx264"
    const char *const *ways; // as above
    size_t way_count;
};
// Rate and frames of a deliverable that was planned (docs/formats/ticket.md, index): they are not
// the source's where its fields are put together otherwise, or it has no constant rate. False: the
// plan says neither, and *film stays.
bool caption_film_planned(const json_t *plan, struct caption_film *film);
// The rate at which a profile with "conform" (see above) shows them.
void caption_film_conformed(const char *conform, struct caption_film *film);
// {"rate", "frames", "cc": {...}, "tracks": [...]} for the muxer's ticket. UNSUPPORTED: a way that
// the codec or the container has not. A new reference.
MUST_CHECK bool captions_embed(struct arena *a, const struct caption_given *list, size_t count,
                               const struct caption_film *film, json_t **to,
                               struct caption_report *report, struct error *err);

// The format of `formats` (a profile's list) in which captions of this kind go beside a film:
// closed captions as the first that is (scc, mcc), others as the first that is not, else the first.
// False: there are none.
bool caption_sidecar_format(const json_t *formats, enum caption_kind kind,
                            enum caption_format *format);
// What a caption file beside a film is called: by `pattern` (NULL: "{name}.{language}.{role}") with
// the format's ending; {name}: `film` without its ending. What is not said is left out with the sign
// before it. `number` over 1: one more of the same.
void caption_beside_name(const char *pattern, const char *film, const char *language,
                         const char *role, size_t number, enum caption_format format,
                         char to[256]);
// Whether a profile's pattern can be used.
bool caption_pattern_ok(const char *pattern);
