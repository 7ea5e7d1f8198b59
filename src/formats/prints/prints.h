/*
 * formats/prints: what each frame of a picture looks like, in 16 bytes, so that a frame is found
 * again in another version (docs/formats/derived-files.md, "Prints").
 *
 * The picture is a grid of 9 x 9 means of luma. A bit says whether a cell is lighter than its
 * neighbour, to the right (64) and below (64), by more than a little: so a grade, a scale or
 * another codec changes few bits, and a flat picture has none.
 */
#pragma once
#include "base/arena.h"

#include <stdint.h>

enum {
    PRINT_BYTES = 16,
    PRINTS_HEAD = 16,
    PRINT_NEAR = 14, // of 128 bits: the same picture, perhaps graded or coded again
    PRINTS_MOST = 50000000,
};

typedef struct {
    uint64_t across, down;
} print;

// Of a plane of luma.
print print_of(const uint8_t *luma, int width, int height, int stride_bytes);
int print_apart(print x, print y); // 0 to 128

void prints_head(uint32_t count, uint8_t to[PRINTS_HEAD]);
void print_write(print p, uint8_t to[PRINT_BYTES]);

struct prints {
    const uint8_t *at; // into the bytes read
    int64_t count;
};
MUST_CHECK bool prints_read(text bytes, struct prints *to, struct error *err);
print prints_at(const struct prints *p, int64_t frame); // 0 <= frame < count

// How far two frames and the twelve on each side of them are apart, all together; 0: the same.
int prints_around(const struct prints *from, int64_t frame, const struct prints *to, int64_t at);
// Where a frame of `from` is in `to`: of all frames that look the same, and whose neighbours on one
// side do (a cut may have taken the others), the one whose neighbours do best; of equal ones the
// nearest to `near`. -1: nowhere. *left is how many comparisons may still be made; when they run
// out only half a minute around `near` is looked at.
int64_t prints_find(const struct prints *from, int64_t frame, const struct prints *to, int64_t near,
                    int64_t *left);
