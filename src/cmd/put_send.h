/*
 * cmd/put_send: the bytes of a put on their way.
 *
 * Two threads read and hash, four send (eight by UDP, as each waits until its chunk is durable over
 * there); between them are eight buffers of a chunk each (twelve), so that memory does not grow
 * with the files. A hashed chunk is claimed first (many at once when the line is slower than the
 * hashing) and sent only when the house lacks it. Files under 1 MiB go together, up to 8 MiB at
 * once. Whoever is done with a file's last chunk looks whether it has changed meanwhile and commits
 * it, saying what its content must be: the house answers only when it has exactly that, durably.
 *
 * When the house can not be reached everything waits and goes on by itself, up to `patience_s`.
 */
#pragma once
#include "cmd/put_journal.h"
#include "cmd/way.h"
#include "farm/speed.h"
#include "wire/client.h"

struct sending;

struct sending_wish {
    struct client *client;
    struct journal *journal;
    const char *transfer;
    int64_t patience_s;
    struct way_wish way; // kind, policy, rate, url
};
struct sending *sending_open(const struct sending_wish *wish);
// Waits for room, at most 200 ms: false when there is none yet (call it again) or it has stopped.
// `as`: its path in the transfer.
bool sending_add(struct sending *s, const struct file_seen *f, const char *as);
// No more files will come.
void sending_end(struct sending *s);
// Waits at most 200 ms; true when all is done or it has stopped.
bool sending_done(struct sending *s);
// Ends its threads, at once when it is not done. Numbers and failures stay until it is closed.
void sending_halt(struct sending *s);
void sending_close(struct sending *s);

struct sending_numbers {
    int64_t files, bytes;            // that the house has now
    int64_t sent_bytes, there_bytes; // of these: sent; in the house already
    int64_t moving_bytes;            // on the line now
    int64_t failed;                  // files
    bool waiting;                    // for the house to come back
    const char *via;                 // "UDP", "TCP", "HTTPS": how they go now
};
struct sending_numbers sending_numbers(struct sending *s);
// Tells the house how fast it went, when enough was sent to say. Only after sending_halt.
void sending_tell_speed(struct sending *s);
// Set when it stopped before its time: nothing more can be sent.
bool sending_stopped(struct sending *s, struct error *err);

// Of files that could not be sent, the first 1,000. Only after sending_halt.
struct sending_failure {
    const char *path;
    const struct error *err;
};
bool sending_failure(struct sending *s, size_t index, struct sending_failure *f);
// Adds one that somebody else found.
void sending_fail(struct sending *s, const char *path, const struct error *err);
