/*
 * cmd/master: what a person states about a master that its file does not say, as options of the
 * commands that make something of it.
 */
#pragma once
#include "cmd/media.h"

#define MASTER_OPTIONS                                                                             \
    {"mastering-display", OPTION_TEXT, "DISPLAY",                                                  \
     "what an HDR master was graded on, as the colourist says: \"p3-d65 1000 0.0001\" or "         \
     "G(x,y)B(x,y)R(x,y)WP(x,y)L(highest,lowest)"},                                                \
    {                                                                                              \
        "light", OPTION_TEXT, "LEVELS",                                                            \
            "MaxCLL and MaxFALL of an HDR master in cd/m2 (1000,400), or measure: over all of it"  \
    }

// Puts into the facts what the options state. Measuring writes into a folder of its own under
// `folder`, which exists; NULL: under TMPDIR.
MUST_CHECK bool master_state(struct command_call *call, const struct media *m, const char *folder,
                             json_t *facts, struct error *err);
