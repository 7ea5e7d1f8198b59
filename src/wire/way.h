/*
 * wire/way: by which way bytes go to a house and come from it.
 *
 * By UDP (wire/bulk) whenever it passes, which is tried when the way is opened and takes a round
 * trip, at most a second; else as ever by HTTP, on several TCP streams or on one. A session that
 * falls silent is replaced by a new one; what it had not acknowledged goes again. While there is
 * none, callers use HTTP, which waits for a house that is away.
 */
#pragma once
#include "wire/bulk/bulk.h"
#include "wire/client.h"

enum way_kind { WAY_AUTO, WAY_UDP, WAY_TCP, WAY_HTTPS };

struct way_wish {
    enum way_kind kind;
    enum bulk_policy policy;
    int64_t bytes_a_second; // 0: as the line can
    struct client *client;
    const char *url;         // of the house
    char path[64];           // where a session is asked for: "/transfers/ID/bulk"
    text ask;                // what is sent there, JSON; {}: nothing. Lives as long as the way
    _Atomic int64_t *moving; // counts bytes of pieces that are under way
};

struct way;
// The rate holds for the client's calls too (client_pace).
struct way *way_open(const struct way_wish *wish);
void way_stop(struct way *w);  // ends waiting, for good
void way_close(struct way *w); // NULL is fine
bool way_udp(const struct way *w);
int way_lines(const struct way *w, int many); // how many HTTP lines to use of `many`
const char *way_word(const struct way *w);    // "UDP", "TCP", "HTTPS"

enum way_end {
    WAY_DONE,
    WAY_FAILED, // the house said so: *err
    WAY_NOT,    // not by UDP now: use HTTP
};
// One item: `words` and `size` bytes to the house, and waits until it has done with them what it
// must. With `to` an item of the same words and to_size bytes comes back, and no other item of
// these words may be under way. From several threads.
struct way_item {
    text words;
    const void *at;
    size_t size;
    void *to;
    size_t to_size;
    bool (*asked)(void *context); // NULL; else whether to go on: CANCELLED when not
    void *context;
};
enum way_end way_run(struct way *w, const struct way_item *item, struct error *err);
enum way_end way_put(struct way *w, text words, const void *at, size_t size, struct error *err);

// A piece of a file of the house: by UDP, else a range by HTTP.
struct way_piece {
    struct way *way; // NULL: by HTTP
    struct client *client;
    char words[200];     // what it is called in a session
    const char *path;    // what gives ranges of the file
    char of_version[96]; // such a path
    int64_t offset;      // where in the file it begins
    bool once;           // by HTTP: one try, else as a call that is repeatable
    // All may be NULL. Whether to go on, asked often; whether to try again by HTTP after *err,
    // asked when that failed (it may wait).
    bool (*asked)(void *context);
    bool (*again)(void *context, const struct error *err);
    void *context;
};
// Names a chunk of a file of a version.
void way_piece_of(struct way_piece *p, const char *version, int64_t number, int64_t chunk);
// `size` bytes of it. NETWORK when fewer come.
MUST_CHECK bool way_piece_get(const struct way_piece *p, void *to, size_t size, struct error *err);
