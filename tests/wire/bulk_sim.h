/*
 * Two lanes and a line between them in made-up time: a bottleneck with a queue, delay, loss,
 * packets that change places, come twice, come changed, or are too large to pass. The same seed
 * gives the same run.
 */
#pragma once
#include "wire/bulk/lane.h"

struct sim_line {          // one direction
    double bytes_a_second; // 0: without end
    int64_t delay_us, queue_us, jitter_us;
    double loss, twice, changed, late; // shares of packets; late: by up to late_us
    int64_t late_us;
    size_t most;                   // larger ones vanish
    int64_t dead_from, dead_until; // nothing passes
};

struct sim;
struct sim_end { // what one side brings in
    struct lane *lane;
    struct bulk_calls calls;
};
struct sim_numbers {
    int64_t packets, lost, dropped, queue_most_us;
    double queue_sum_us;
};

struct sim *sim_open(uint64_t seed);
void sim_close(struct sim *s);
// A pair of lanes that share the line `there` (from the client) and `back`; returns its index.
int sim_pair(struct sim *s, const struct bulk_calls *client, const struct bulk_calls *server);
struct lane *sim_lane(struct sim *s, int pair, bool server);
struct sim_line *sim_there(struct sim *s);
struct sim_line *sim_back(struct sim *s);
struct sim_numbers *sim_numbers_there(struct sim *s);
// The machine has other things to do: a share of wake-ups comes late, by up to most_us.
void sim_busy(struct sim *s, double share, int64_t most_us);
int64_t sim_now(const struct sim *s);
// Until `done` says so (asked now and then) or the time is over; true when done.
bool sim_run(struct sim *s, int64_t until_us, bool (*done)(void *context), void *context);
