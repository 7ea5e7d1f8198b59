/*
 * wire/client: an HTTP client for one server, safe for several threads at once.
 *
 * Lines are kept and used again. A call that is marked `repeatable` is tried again with back-off
 * when the line breaks or the server is busy (429, 502, 503, 504; Retry-After is obeyed). A problem
 * document (RFC 9457) becomes the error: its what, why and fix stay as the server said them.
 */
#pragma once
#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include <stdint.h>

struct client;

struct client_wish {
    const char *url;    // "https://house.example:8480": paths are put behind it
    const char *bearer; // Authorization: Bearer; NULL for none
    const char
        *fingerprint;       // SHA-256 of the certificate (with or without ':'): trust this one only
    const char *ca_file;    // PEM; NULL: the system's
    int lines;              // at once; 0: 8. More calls wait
    int connect_timeout_ms; // 0: 10,000
    int stall_timeout_s;    // without a byte moving; 0: 60
    int attempts;           // of a repeatable call; 0: 5 (about 8 s of back-off in all)
};

struct client *client_open(const struct client_wish *wish, struct error *err);
void client_close(struct client *c);
// Bytes a second of all bodies together, each way; 0: as the line can. Before the first call.
void client_pace(struct client *c, int64_t bytes_a_second);
// Ends calls under way with ERROR_CANCELLED and refuses new ones. Safe in any thread.
void client_interrupt(struct client *c);

struct client_header {
    const char *name, *value;
};

struct call {
    const char *method; // NULL: GET, or POST with a body
    const char *path;   // "/api/v1/me?x=1", encoded as it must be (wire/address.h helps)
    const struct client_header *headers;
    size_t header_count;
    const char *content_type; // NULL with a body: application/json
    text body;                // from memory, or
    // from a function: gives the next bytes from `offset` on; returns how many, -1 with *err set.
    // It is asked from 0 again when the call is repeated.
    int64_t (*upload)(void *context, int64_t offset, void *to, size_t room, struct error *err);
    int64_t upload_size; // -1: unknown, sent chunked
    // Answer bodies go to `download` when it is set and the status is 2xx; false ends the call.
    // `offset` is where in the answer's body `at` begins (0 again when repeated).
    bool (*download)(void *context, int64_t offset, const void *at, size_t size, struct error *err);
    void *context;
    // Bytes moved so far, both ways, now and then; false cancels.
    bool (*progress)(void *context, int64_t sent, int64_t received);
    int64_t timeout_ms;  // whole call; 0: none (the stall timeout holds)
    size_t answer_limit; // of an answer kept in memory; 0: 64 MiB
    bool repeatable;
    bool any_status; // a status that is not 2xx is not an error: look at reply.status
};

// A `download` of what goes whole into memory of its size; `have`: how far it is. DAMAGED when more
// comes.
struct client_piece {
    char *at;
    size_t size, have;
    const void *context; // of whoever asks
};
bool client_piece_came(void *context, int64_t offset, const void *at, size_t size,
                       struct error *err);

struct reply {
    int status;
    text body;          // in the arena
    text headers;       // as they came, lines end in \r\n; see reply_header
    int attempts;       // how often it was tried
    int problem_status; // set with an error that the server answered: its status; else 0
};

// True when the status is 2xx (or any_status). What is in *reply lives in the arena.
MUST_CHECK bool client_call(struct client *c, const struct call *call, struct arena *arena,
                            struct reply *reply, struct error *err);
// The value of the first such header, in the arena, or NULL.
const char *reply_header(const struct reply *reply, struct arena *arena, const char *name);

// A problem document as an error: title, detail, fix and kind. False when it is none (then *err
// says the status). Used by socket_client too.
bool problem_read(int status, text body, struct error *err);
