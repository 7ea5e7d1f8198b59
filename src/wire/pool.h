// wire/pool: a bounded number of threads for work that may wait. Inside wire only.
#pragma once
#include <stdbool.h>

struct pool;
// A task is part of what it works on; it is queued without taking memory.
struct task {
    struct task *next;
    void (*run)(struct task *t);
};

// Threads start when they are first needed and stay.
struct pool *pool_open(int threads, int waiting_limit, const char *name);
// False when closing, or when `waiting_limit` tasks wait already (0: no limit) and not `always`.
bool pool_add(struct pool *p, struct task *t, bool always);
void pool_numbers(struct pool *p, int *busy, int *waiting);
void pool_stop(struct pool *p);  // runs what waits; nothing more is taken, other calls stay valid
void pool_close(struct pool *p); // stops it first; NULL is fine
