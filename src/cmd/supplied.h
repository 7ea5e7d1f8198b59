// cmd/supplied: what goes with a master that is only looked at: captions, and what is known of it.
#pragma once
#include "cmd/film_captions.h"

#define SUPPLIED_OPTIONS                                                                           \
    {"captions", OPTION_LIST, "FILE[:LANG[:ROLE]]",                                                \
     "captions that go with it, again for each file: read, and held against its length"},          \
        {"captions-offset", OPTION_TEXT, "FRAMES", "so much later (-: earlier), or as a label"},   \
        {"captions-speed", OPTION_TEXT, "FROM:TO",                                                 \
         "a frame of FROM is a frame of TO, such as 24:25"},                                       \
    {                                                                                              \
        "record", OPTION_TEXT, "FILE",                                                             \
            "a record (JSON) of what is known of it besides: whether the profile's sidecars and "  \
            "required fields can be written of it"                                                 \
    }

struct supplied {
    struct film_captions captions;
    json_t *rows;  // of the captions, as profile_fit has them
    bool fits;     // all of those
    bool recorded; // a record was given
    json_t *told;
    const char *rules;
};
// Reads what the options name, and puts the captions that are of this film into the facts.
MUST_CHECK bool supplied_read(struct command_call *call, json_t *facts, struct supplied *s,
                              struct error *err);
// Adds to the rows of a profile's fit what was supplied, and what of the profile's sidecars and
// required fields can not be written of it. False: something does not fit.
bool supplied_rows(const struct command_call *call, const struct supplied *s, const json_t *profile,
                   const json_t *facts, const char *name, json_t *rows);
// One line of what is held against each profile.
void supplied_print(const struct command_call *call, const struct supplied *s);
void supplied_close(struct supplied *s);
