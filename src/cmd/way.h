// cmd/way: the options of a command that moves bytes (wire/way).
#pragma once
#include "cmd/command.h"
#include "wire/way.h"

// Rows for the option table of a command that moves bytes.
#define WAY_OPTIONS                                                                                \
    {"via", OPTION_TEXT, "WAY",                                                                    \
     "auto, udp, tcp (several streams) or https (one); auto tries udp"},                           \
        {"policy", OPTION_TEXT, "POLICY",                                                          \
         "fair, fixed (at --rate) or background (by TCP: one connection)"},                        \
    {                                                                                              \
        "rate", OPTION_INT, "MBIT", "Mbit/s at most, whatever the way"                             \
    }

// False with *err when an option says what it can not.
MUST_CHECK bool way_options(const struct command_call *call, struct way_wish *w, struct error *err);
