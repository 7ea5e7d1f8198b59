/*
 * formats/scenepaths: which files a scene names, for scenes that are text or have text in them.
 *
 * Maya ASCII, Arnold .ass, V-Ray .vrscene, RenderMan .rib, USD ASCII, POV-Ray, Nuke, MLT, Houdini: what
 * looks like the path of a file that renderers read is taken, comments aside. That finds too much
 * rather than too little, and nothing that a scene computes.
 */
#pragma once
#include "base/arena.h"
#include "base/text.h"

struct scenepath {
    const char *path; // as written, backslashes as slashes
    bool numbered;    // it has <UDIM>, ####, %04d, $F4 or the like: see scenepath_glob
    bool scene;       // another scene, which may name more
    bool found_by_name; // no folder in it: the renderer may have it on its own search path
};

#define SCENEPATHS_MOST 200000

// `ending` of the scene's name ("ma"), lower case: tells what comments look like. Each path once.
void scenepaths_find(struct arena *a, const char *ending, const uint8_t *at, size_t size,
                     const struct scenepath **paths, size_t *count);

// The numbered parts of a path as a shell pattern: "tex/a.<UDIM>.exr" -> "tex/a.[0-9][0-9][0-9][0-9].exr". NULL
// when it has none.
const char *scenepath_glob(struct arena *a, const char *path);
