// What the files about MP4 and QuickTime share: the tree of "moov".
#pragma once
#include "formats/metadata/places.h"

#define NAME(a, b, c, d)                                                                           \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

struct box {
    uint32_t name;
    const uint8_t *body; // of a leaf; of others what is before the children
    size_t size;
    bool parent;
    struct box *first, *next;
};

struct top {
    uint32_t name;
    int64_t at, size; // with its head
    int head;
    bool xmp;
};

struct tree {
    const struct place_file *f;
    struct arena *a;
    struct top *tops;
    size_t top_count, boxes;
    size_t moov; // index; top_count: none
    bool fragments, quicktime;
    struct box *root;
    struct buf samples; // of a track that is new: a "mdat" of its own at the end of the file
    struct box *late;   // its chunk offset (co64), known when all is laid out
    uint8_t *late_at;   // where that was written
};

uint32_t be32(const uint8_t *p);
uint64_t be64(const uint8_t *p);
void put32(uint8_t *p, uint32_t v);
void put64(uint8_t *p, uint64_t v);
struct box *box_child(const struct box *b, uint32_t name); // NULL: none
struct box *box_leaf(struct arena *a, uint32_t name, const void *body, size_t size);
struct box *box_made(struct arena *a, struct box *in, uint32_t name); // behind what is in it
struct box *box_wanted(struct arena *a, struct box *in, uint32_t name);
void box_append(struct box *to, struct box *b);
void box_take_out(struct box *from, const struct box *b);

// Chapters as a list [{"start", "title"}]: QuickTime's track of text that the others refer to, and
// Nero's "chpl", over what was there. UNSUPPORTED: the file is made of fragments.
MUST_CHECK bool chapters_set(struct tree *t, const json_t *list, struct error *err);

// "chnl" of a track's sound, as boxes_channels.c writes it down; NULL: it has none.
const char *channels_text(struct arena *a, const struct box *mdia);
void channels_set(struct tree *t, struct box *mdia, const char *value);
