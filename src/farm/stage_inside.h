// The line from a worker to its house, shared by the files of farm/stage*.
#pragma once
#include "farm/stage.h"
#include "wire/client.h"
#include "wire/way.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#define STAGE_CHUNK ((int64_t)8 << 20) // of the house's store
#define STAGE_LIST_BYTES ((size_t)512 << 20)
enum { STAGE_RETRY_FIRST_MS = 200 };

struct stage {
    struct stage_wish wish;
    struct cache *cache;
    char ask[64]; // what is sent for a session
    _Atomic int64_t moving;
    atomic_uint packs;       // asked for so far
    pthread_mutex_t opening; // one opens the session; taken before `lock`
    pthread_mutex_t lock;    // guards what follows
    pthread_cond_t changed;
    struct client *client;
    struct way *way;           // of the client; NULL: nobody has wanted it yet
    struct worker_house house; // that the client is for
    int users;                 // of both
    int pieces;                // under way
    struct speed speed[2];     // to the house, out of it
};

// ---- how fast it goes; `out` of the house

bool stage_moves(struct stage *s, bool out, int64_t bytes); // true: what follows is told
void stage_moved(struct stage *s, bool out, int64_t bytes);
void stage_moves_no_more(struct stage *s, bool out);

// ---- asking

// A try, for those that go on by themselves.
bool stage_try(struct stage *s, struct call *call, struct arena *a, struct reply *reply,
               struct error *err);
bool stage_passes(struct error *err); // the house is away, or has too much to do
// Waits, longer each time; false: it was stopped, or has been tried for ten minutes.
bool stage_wait_again(const struct stage_of *of, int64_t since_ms, int64_t *wait_ms);
// A call whose answer is JSON, until there is one. The JSON is the caller's.
json_t *stage_ask(struct stage *s, const struct stage_of *of, const struct call *wanted,
                  struct error *err);
const char *stage_path(struct stage *s, const struct stage_of *of, struct arena *a,
                       const char *what, const char *more);

// ---- pieces, by UDP when it passes

// An item of the session; *err NETWORK where waiting helps. WAY_NOT: by HTTP.
enum way_end stage_item(struct stage *s, const struct stage_of *of, const struct way_item *item,
                        struct error *err);
// A chunk of a file, by either; one try.
bool stage_piece(struct stage *s, const struct stage_of *of, struct way_piece *piece, void *to,
                 size_t size, struct error *err);
const char *stage_way(struct stage *s); // "UDP", "TCP"
int stage_lines(struct stage *s);       // how many pieces of a file at once
