/*
 * engine/packets: encoded pieces of a deliverable on their way to the muxer, in a file of our own
 * (docs/formats/ticket.md). It holds packets, not a container: pieces can be put one after another
 * without losing a frame, a sample or a time.
 *
 * Nothing here knows libav. Every row carries its own checksum, and the end says how many there
 * were, so that a file that was cut or hurt on the way is refused and not delivered.
 */
#pragma once
#include "base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define PACKETS_HEAD_MOST (16 << 20)
#define PACKETS_ROW_MOST (1 << 29)

struct packets_row {
    uint16_t stream;
    bool key;
    int64_t pts, dts, duration; // in the stream's time base
    const uint8_t *at;
    size_t size;
};
struct packets_end {
    int64_t rows;
    int64_t delay; // of the picture: how many packets a frame's comes after its place, at most
};

// ---- Writing

struct packets_writer;
// `file` is borrowed and empty. `head` is any object; of its "streams" row.stream is an index.
MUST_CHECK bool packets_begin(int file, const json_t *head, struct packets_writer **w,
                              struct error *err);
MUST_CHECK bool packets_add(struct packets_writer *w, const struct packets_row *row,
                            struct error *err);
// Durable when it returns true.
MUST_CHECK bool packets_finish(struct packets_writer *w, int64_t delay, int64_t *size,
                               struct error *err);
void packets_writer_close(struct packets_writer *w); // NULL is fine

// ---- Reading

struct packets_source {
    // As input_read: *got is less than `size` only at the end.
    bool (*read)(void *context, int64_t offset, void *to, size_t size, size_t *got,
                 struct error *err);
    void *context;
    int64_t size;
};
struct packets_reader;
// Reads head and end. `*head` belongs to the reader. DAMAGED when it is not what was written.
MUST_CHECK bool packets_open(const struct packets_source *from, struct packets_reader **r,
                             const json_t **head, struct packets_end *end, struct error *err);
// The next row, which is the reader's until the one after it; `*ended` after the last.
MUST_CHECK bool packets_next(struct packets_reader *r, struct packets_row *row, bool *ended,
                             struct error *err);
void packets_close(struct packets_reader *r); // NULL is fine
