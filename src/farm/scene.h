/*
 * farm/scene: all files that a scene needs, found before anything is queued.
 *
 * Blender's files are read exactly, with the libraries that they link and those of the libraries; other
 * scenes are searched for paths, with the scenes that they include. Tiles, sequences and numbered names
 * are the files that are there.
 */
#pragma once
#include "base/arena.h"

#include <stdint.h>

enum scene_there {
    SCENE_THERE,
    SCENE_MISSING,
    SCENE_PERHAPS // not there, but it need not be: the renderer may have it, or it is made while rendering
};

struct scene_file {
    const char *path;    // whole
    const char *written; // as the scene says it
    const char *kind;    // "image", "library", ...; "file" where only its ending is known
    const char *of;      // the scene that names it
    enum scene_there there;
    int64_t size;
};

struct scene_files {
    const struct scene_file *files; // the scene itself is the first
    size_t count, missing;
    int64_t bytes;
    // what a Blender scene renders; width 0: not known
    int first, last, step, width, height;
    const char *output;
    bool has_camera;
};

#define SCENE_DEPTH_MOST 32
#define SCENE_TEXT_MOST (512LL << 20) // of a scene that is searched for paths

MUST_CHECK bool scene_files(struct arena *a, const char *path, struct scene_files *to,
                            struct error *err);
// One error that names the first few that are missing, for a person; false always.
bool scene_missing(const struct scene_files *files, struct error *err);
