// An OpenEXR file that is open, and its chunks: for engine/exr and engine/layers.
#pragma once
#include "base/error.h"
#include "engine/exr_plus.h"
#include "tickets/door.h"
#include "tickets/ticket.h"

#include <OpenEXR/openexr.h>

enum { EXR_PARTS_MOST = 256, EXR_CHANNELS_MOST = 4096 };

struct exr_file {
    exr_context_t c; // NULL: closed
    struct input *in;
    const char *name;
    char said[300]; // by the library, of what failed
};
MUST_CHECK bool exr_file_open(struct exr_file *f, size_t number, const struct ticket_input *input,
                              struct error *err);
void exr_file_close(struct exr_file *f);
// The same file for the C++ library, as long as it is open.
struct exr_plus_file exr_file_plus(struct exr_file *f);
// DAMAGED, with where and what the library said. False.
bool exr_damaged(struct error *err, const struct exr_file *f, exr_result_t code, const char *where);

struct part {
    int index;
    const char *name;
    exr_storage_t storage;
    exr_compression_t compression;
    exr_attr_box2i_t data, display;
    const exr_attr_chlist_t *channels;
};
MUST_CHECK bool exr_parts_count(struct exr_file *f, int *count, struct error *err);
MUST_CHECK bool exr_part_read(struct exr_file *f, int index, struct part *p, struct error *err);

static inline bool exr_deep(const struct part *p)
{
    return p->storage == EXR_STORAGE_DEEP_SCANLINE || p->storage == EXR_STORAGE_DEEP_TILED;
}
static inline bool exr_tiled(const struct part *p)
{
    return p->storage == EXR_STORAGE_TILED || p->storage == EXR_STORAGE_DEEP_TILED;
}

// Every chunk of every level: `before` it is decoded (gives the channels their places; one without
// is left out) and `after` (may be NULL). `packed`: set where the library can not unpack; NULL:
// that is an error.
typedef bool exr_on_chunk(void *context, struct exr_file *f, const struct part *p,
                          exr_decode_pipeline_t *d, struct error *err);
MUST_CHECK bool exr_part_walk(struct exr_file *f, const struct part *p, exr_on_chunk *before,
                              exr_on_chunk *after, void *context, bool *packed, struct error *err);
