/*
 * wire/bulk/rate: how fast to send.
 *
 * A line is full when packets wait in it, and not when one is lost: media travels over lines that
 * lose packets by themselves. So the rate follows what the receiver says came, by its own clock
 * (the line's speed, lost packets counted in), and a queue of a few milliseconds is kept at the
 * narrowest place: enough that it never runs dry, little enough that nobody notices. How large the
 * queue is says the one-way delay over the least that was seen; the least is looked for again every
 * few seconds by a pause that lets the queue run empty.
 *
 * Pure sums over numbers that are given: no clock, no socket.
 */
#pragma once
#include "wire/bulk/bulk.h"

struct rate_news { // what a report says
    int64_t now_us;
    int64_t clock_us; // the receiver's, when the newest packet came
    int64_t delay_us; // clock_us less when it was sent, by our clock: only differences count
    int64_t rtt_us;
    uint64_t came;                  // bytes of datagrams that had come by then
    uint64_t sent;                  // bytes that were sent up to that packet
    uint64_t train_bytes, train_us; // of the first packets (struct report)
    uint64_t arrived, lost;         // packets, since the last report
    bool idle;                      // there was too little to send meanwhile
};

enum { RATE_HISTORY = 256, RATE_ROUNDS = 4 };
struct rate {
    enum bulk_policy policy;
    double cap;    // bytes a second; 0: none
    double pace;   // what the policy makes of it all
    bool starting; // until the line is full for the first time
    double guess;  // of the line, by how far apart the first packets came; 0: none yet, 1: none
    int64_t opened_us;
    int64_t rtt_us, least_rtt_us, pause_until_us, paused_us;
    // one-way delay: the least of two spans of ten seconds
    int64_t base_us[2], base_since_us;
    double queue_us; // least of the last half RTT
    struct delay_seen {
        int64_t at_us, delay_us;
    } delays[RATE_HISTORY];
    size_t delay_count;
    struct rate_point {
        int64_t now_us, clock_us;
        uint64_t came, sent;
        bool idle;
    } points[RATE_HISTORY];
    size_t point_count;
    // a round is about one RTT
    int64_t round_us;
    int rounds;
    double peaks[RATE_ROUNDS];        // fastest in each of the last rounds: what the line carries
    double round_queue_us;            // least in it
    double last_queue_us;             // of the one before
    uint64_t loss_arrived, loss_lost; // packets, until they are enough to say
    double loss;                      // what the line loses by itself
    double last_loss;                 // when it was last worked out
    int suspect; // more is lost than before, for so many rounds: do we send too much?
    double suspect_pace;
    double boost;      // while the line is not full
    bool rival;        // somebody else keeps the queue full
    double rival_pace; // that we had beside him before we gave way
    int stuck;         // rounds in which the queue did not fall though it should have
};

void rate_open(struct rate *r, int64_t now_us, int64_t rtt_us);
void rate_wish(struct rate *r, enum bulk_policy policy, double bytes_a_second);
void rate_heard(struct rate *r, const struct rate_news *n);
// Nothing was heard for long: begins anew, carefully.
void rate_silent(struct rate *r);
double rate_pace(const struct rate *r, int64_t now_us); // bytes a second; 0 in a pause
double rate_window(const struct rate *r);               // bytes under way at most
