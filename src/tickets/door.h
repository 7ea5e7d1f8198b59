/*
 * tickets/door: the engine's side of tickets/run: asking for inputs and outputs by descriptor.
 *
 * The door is a stream socket on descriptor 3. A request is 4 bytes, little-endian: the number of
 * an input; or DOOR_OUTPUT | size of a name, and then the name. The answer is `u32 count`, then for
 * an input so many {u32 which descriptor of those passed, u32 0, i64 offset, i64 length}; for an
 * output count is 1 and one descriptor comes with it. Count 0xffffffff: refused; the parent knows
 * why. Descriptors may come in several messages of one answer.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <jansson.h>

#define DOOR_DESCRIPTOR 3
#define DOOR_OUTPUT 0x80000000u
#define DOOR_REFUSED 0xffffffffu
// The size of an input that is still being written. Its two pieces have a descriptor each: the bytes
// (and this length), and 16 bytes (length 0): i64 how many are there, i64 1 when no more will come.
#define DOOR_GROWS ((int64_t)1 << 60)
#define DOOR_PIECES 2000000u // of one input at most
#define DOOR_FILES 2000u     // different descriptors of one input at most
#define DOOR_AT_ONCE 200u    // descriptors a message

struct door_piece {
    uint32_t which, zero;
    int64_t offset, length;
};

struct input; // an open input: its pieces read as one file

// All of this is safe from several threads; one asks at a time.
MUST_CHECK bool input_open(size_t number, int64_t size, struct input **in, struct error *err);
void input_close(struct input *in);
int64_t input_size(const struct input *in); // of one that grows: so far
bool input_grows(const struct input *in);
// Reads up to `size` bytes at `offset`; *got less than size only at the end. Of one that grows: waits
// for the first of them, and gives what is there.
MUST_CHECK bool input_read(const struct input *in, int64_t offset, void *to, size_t size,
                           size_t *got, struct error *err);
// Tells the kernel what will be read soon.
void input_expect(const struct input *in, int64_t offset, int64_t size);

// A new empty file of that name in the output folder, open for reading and writing.
MUST_CHECK bool output_open(const char *name, int *descriptor, struct error *err);

// One line of JSON on standard output, at once. Takes over the reference.
void door_say(json_t *line);
