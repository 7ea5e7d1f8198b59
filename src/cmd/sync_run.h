// cmd/sync_run: one folder and one house kept the same, until it is stopped or once.
#pragma once
#include "cmd/command.h"
#include "cmd/way.h"

struct sync_wish {
    struct command_call *call; // its options say which house
    const char *dir;           // absolute
    const char *id;            // of the folder, as in its marker
    const char *state;         // its folder of state
    const char *migrations;    // data/sync
    const char *root;          // in the house: "/Film/Edit"
    struct way_wish way;
    bool once, allow_deletes, json;
    int64_t quiet_ms, scan_s, trash_days;
};
int sync_run(const struct sync_wish *wish); // the exit status; has said what failed
