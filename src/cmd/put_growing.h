/*
 * cmd/put_growing: a file that is still being written goes to a house as it grows.
 *
 * Whole chunks go as they are written. It has ended when nobody has it open for writing and it was
 * quiet for a while, or when a person says so; then all of it is read again, and what is not what
 * was sent goes again: recorders write their headers anew. The file in the house has the hash of
 * the file as it was closed. One that was killed asks the house what is there and goes on.
 */
#pragma once
#include "cmd/way.h"

#include <stdatomic.h>

struct put_growing {
    struct command_call *call;           // for its house
    const char *path;                    // absolute
    const char *project, *folder, *name; // folder "": the top; name: in the house
    int64_t quiet_ms;                    // without a change, nobody writing: it has ended
    int64_t silence_ms;                  // without a change though it is open: that is said
    int64_t patience_ms;                 // for a house that is away
    bool unclosed; // it is taken as it is when it is quiet, though it is open for writing
    struct way_wish way;
    // What happens, in words; may be NULL.
    void (*say)(void *context, const char *event, const char *words);
    void *context;
    const atomic_bool *stop; // NULL: never
};
struct put_grown { // as it was closed
    int64_t size, modified_ns;
};
// Until it is in the house. True: it is, and its journal stays until put_growing_forget.
MUST_CHECK bool put_growing(const struct put_growing *g, struct put_grown *closed,
                            struct error *err);
void put_growing_forget(const struct put_growing *g);
// Whether one was begun and not forgotten.
bool put_growing_begun(const struct put_growing *g);

int put_growing_run(struct command_call *call); // `posthouse put --growing FILE`
