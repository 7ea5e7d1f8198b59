/*
 * make_media: the media of the engine's tests, made on the spot with ffmpeg and kept in the build
 * folder under a hash of how they are made. Nothing is stored with the source.
 *
 * Every frame carries its own number in 16 black or white bars across its top tenth, the highest
 * bit first, so that whoever shows a frame can be asked which one it is.
 */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define MEDIA_BITS 16
#define MEDIA_PATH 400

enum media_look {
    LOOK_FRAMES,    // each line of a frame is of one moment
    LOOK_TOP_FIRST, // lines 0, 2, ... are half a frame earlier than lines 1, 3, ...
    LOOK_BOTTOM_FIRST,
    LOOK_PATCHES, // below the bars eight grey patches, luma 16 + 27 n, that stay
};

struct clip {
    const char *name; // with %04d: a sequence, from 1001
    const char *rate;
    int width, height, frames; // 0: 320, 180, 12
    const char *options;       // of ffmpeg, for the output
    enum media_look look;
};

// Makes it when it is not there yet. `path`: of the file, or the pattern of a sequence.
void media_make(const struct clip *c, char path[MEDIA_PATH]);
// The same by any shell command that writes to "$OUT".
void media_make_by(const char *name, const char *command, char path[MEDIA_PATH]);

// Asks the engine. `more` (a reference is taken over; may be NULL) is added to the ticket.
bool media_ask(const char *kind, const char *const *paths, size_t count, json_t *more,
               const char *output_folder, json_t **result, struct error *err);

// A deliverable by all its steps; `profile` (a reference is taken over). Its pieces are in
// FOLDER/.made-OUTPUT, the file is in FOLDER: media_folder().
bool media_deliver(const char *const *paths, size_t count, json_t *profile, const char *output,
                   int workers, json_t **result, struct error *err);

// Says what is wrong and goes on; the test fails by its teardown.
void media_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
int media_none_wrong(void **state);
#define MEDIA_TEST(f) cmocka_unit_test_teardown(f, media_none_wrong)

// It is wrong unless all of `wanted` (JSON text) is in `got`: objects may have more members, arrays
// more rows.
void media_expect(const char *who, const json_t *got, const char *wanted);

// Decodes a film with ffmpeg; frame n is to carry numbers[n].
void media_expect_numbers(const char *path, const int *numbers, int frames, int width, int height);
// The same where frame n carries the number n (held:
// the one that shows the frame before; -1: none).
void media_expect_bars(const char *path, int frames, int width, int height, int held);
// The size that fits w x h without being larger, even.
void media_fit(int width, int height, int w, int h, int *to_w, int *to_h);
// What a command prints, as a malloc'd text. Fails when its exit status is not 0.
char *media_output(const char *command);

// A test program may run as two at once, each with every second row of its tables: MEDIA_HALF is 0
// or 1. True when row `i` is this one's.
bool media_mine(size_t i);

const char *media_folder(void); // a temporary one of this process for what is made by the engine
int media_begin(void **state);
int media_end(void **state);
