/*
 * formats/blend: what a Blender file renders and which other files it needs.
 *
 * A .blend is a run of blocks and, at its end, a description of all structs in it (SDNA): so files
 * of any version since 2.5 are read by the names of their fields, of either byte order and pointer
 * size, plain, gzip (before 3.0) or zstd. Nothing of Blender's own is asked, and geometry is skipped.
 *
 * Paths are as the file says them: "//tex/wood.png" is beside the file. What is packed into the file
 * needs no other file and is not told.
 */
#pragma once
#include "base/arena.h"
#include "base/text.h"

enum blend_kind {
    BLEND_IMAGE,
    BLEND_LIBRARY, // another .blend, whose own needs count too
    BLEND_SOUND,
    BLEND_FONT,
    BLEND_MOVIE,
    BLEND_CACHE, // Alembic, USD, MDD
    BLEND_VOLUME,
    BLEND_LIGHT,  // IES
    BLEND_SCRIPT, // OSL
    BLEND_SIMULATION,
    BLEND_KINDS
};
const char *blend_kind_name(enum blend_kind kind); // "image"

enum blend_many {
    BLEND_ONE,
    BLEND_TILES,   // the path has <UDIM> or <UVTILE>; the numbers are in `tiles`
    BLEND_NUMBERS, // a sequence: the last digits in the name count
    BLEND_FOLDER
};

struct blend_needs {
    enum blend_kind kind;
    enum blend_many many;
    const char *name; // of the datablock, or of the struct where there is none
    const char *path;
    const int *tiles; // 1001, ...
    size_t tile_count;
};

struct blend_scene {
    const char *name;
    int first, last, step; // frames, both ends included
    int width, height;     // with the percentage applied
    int rate_num, rate_den;
    const char *output; // as set: "//out/f_####"
    const char *engine; // "CYCLES", "BLENDER_EEVEE"
    bool has_camera;
};

struct blend {
    int version; // 304: 3.4
    const struct blend_scene *scenes;
    size_t scene_count;
    const struct blend_needs *needs;
    size_t need_count;
};

#define BLEND_NEEDS_MOST 200000
#define BLEND_UNPACKED_MOST (64LL << 30) // of a compressed file

// Everything lives in `a`. DAMAGED when it is none or is cut off; UNSUPPORTED for forms not known.
MUST_CHECK bool blend_read(struct arena *a, const uint8_t *at, size_t size, struct blend *to,
                           struct error *err);
