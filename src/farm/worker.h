/*
 * farm/worker: a machine's hands. Asks the house for work over one WebSocket, runs an engine for
 * each task, and hands the result in (docs/formats/workers.md).
 *
 * A worker is not tied to the server: when the line is cut it goes on, keeps its results, and comes
 * back with what it has; the house says what still counts. A result is kept and said again until
 * the house has said that it is taken (or stale).
 */
#pragma once
#include "base/error.h"
#include "farm/gpus.h"
#include "plat/sandbox.h"

#include <stdint.h>

struct worker;
struct renderers;

struct worker_house { // where the house is just now; asked anew before each try to reach it
    char url[512], bearer[128], fingerprint[128]; // fingerprint "": none
};

struct stage;
struct openjd_path_rules;
struct worker_wish {
    const char *id;    // plat/ids: the same for each life of this worker
    const char *name;  // for people
    int slots;         // tasks at once; 0: as many as cores
    int64_t orphan_ms; // leaves after so long without a house
    int64_t idle_ms;   // leaves after so long without a task; 0: never
    int64_t tasks;     // leaves after so many; 0: any number
    enum sandbox_mode sandbox;
    const char *engine; // NULL: as tickets/run finds it
    struct gpus gpus;
    double price;                      // of this machine for an hour; 0: it costs nothing
    const char *currency;              // of the price
    const char *scratch;               // where sessions of renders have their folders
    const struct renderers *renderers; // whose logs are known; NULL: none
    bool no_disks;                     // it shares none with the house: all goes over the wire
    bool no_tickets;                   // templates only, nothing for engines
    struct stage *stage;               // as of render_wish, both
    const struct openjd_path_rules *paths;
    bool (*find_house)(void *context, struct worker_house *house, struct error *err);
    void *context;
};

// Starts its threads and returns.
MUST_CHECK bool worker_open(const struct worker_wish *wish, struct worker **worker,
                            struct error *err);
// Works until worker_stop or until it leaves by itself (true), or until the house was away for too
// long (false, TIMEOUT).
MUST_CHECK bool worker_run(struct worker *w, struct error *err);
enum worker_desk { WORKER_FREE, WORKER_USER_BACK, WORKER_OUT_OF_HOURS };
// Of a machine at which somebody works: while it is not free nothing is begun, and what runs is
// stopped where it is; the house is told, and its leases go on. Any thread.
void worker_desk(struct worker *w, enum worker_desk desk);
// What is stopped now is given back: others do it. Any thread.
void worker_give_back(struct worker *w);
// Takes no more tasks and leaves, as if stopped, when what it has is done and taken. Any thread.
void worker_drain(struct worker *w);
void worker_stop(struct worker *w);  // any thread: engines are stopped, what they made is lost
void worker_close(struct worker *w); // after worker_run; NULL is fine
