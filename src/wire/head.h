/*
 * wire/head: what stands before and around a request's body: the request line, the fields, and the
 * chunks (RFC 9112, 2, 3, 5 to 7). Inside wire only; it takes bytes and knows no sockets.
 *
 * It is strict where a proxy before us might read the same bytes in another way: lines end in CR
 * LF, no folded fields, no space before a colon, one length or chunks but never both, one Host.
 */
#pragma once
#include "base/arena.h"
#include "base/text.h"
#include <stdint.h>

enum {
    HEAD_LIMIT = 24 << 10, // of the whole head; over it 431
    URI_LIMIT = 8 << 10,   // of the address; over it 414
    FIELD_LIMIT = 200,     // how many; over it 431
};

struct field {
    const char *name, *value; // value without the spaces around it
};

struct head {
    const char *method, *uri;
    int minor; // of HTTP/1.minor: 0 or 1
    struct field *fields;
    size_t count;
    int64_t length; // Content-Length, 0 without one, -1 chunked
    bool close;     // the line is to be closed after the answer, by the version and Connection
};

// How a head is refused: the status, and why in words. status 0: it is fine.
struct head_fault {
    int status;
    const char *what, *why, *fix;
};

// Where the head ends. Looks from *seen on (0 at first; it moves forward, so that a head which
// comes byte by byte is looked at once). Gives its size with the empty line, 0 while it is not
// whole, -1 when it never will be, with the fault.
int64_t head_find(text in, size_t *seen, struct head_fault *fault);
// Reads a whole head, as head_find gave it. False: the fault says why. `h` lies in the arena; on a
// fault it holds what could be read (method and uri are never NULL).
bool head_read(struct arena *a, text whole, struct head *h, struct head_fault *fault);
// The first field of that name, in any case; NULL when there is none.
const char *head_field(const struct head *h, const char *name);
// Does a list such as "keep-alive, Upgrade" name this word?
bool head_listed(const char *list, const char *word);

// Chunks. Start with zeros.
struct chunks {
    int state;
    bool digits;
    int64_t left;     // of this chunk
    size_t extra;     // bytes of extensions and trailers so far
    size_t line_size; // of a trailer
};
// Decodes what is in `in` to `to`: *taken bytes of it gave *given bytes. False: malformed. Over
// when chunks_ended.
bool chunks_read(struct chunks *c, text in, size_t *taken, char *to, size_t room, size_t *given);
bool chunks_ended(const struct chunks *c);
