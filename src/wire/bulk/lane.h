/*
 * wire/bulk/lane: one end of a session as a machine without socket and clock: datagrams and the
 * time go in, datagrams come out. bulk.c gives it both; a test gives it a bad line and a million
 * packets a second.
 *
 * Every packet has a number of its own, also when it carries bytes for the second time. The
 * receiver reports, several times a round trip, which numbers came; what was sent before one that
 * came, by more than packets change places, is lost and goes out again under a new number. So each
 * hole is mended once a round trip, whatever gets lost, also of the reports.
 */
#pragma once
#include "wire/bulk/bulk.h"
#include "wire/bulk/packet.h"

struct lane;

struct lane_peer { // an address as the socket knows it
    uint8_t at[28];
    size_t size;
};

struct lane_wish {
    bool server; // waits to be met
    struct bulk_meeting meeting;
    const struct bulk_calls *calls; // copied
    int64_t now_us;
};
struct lane *lane_open(const struct lane_wish *wish);
void lane_close(struct lane *l); // drops what is open

// A datagram for this connection, opened in place. `arrived_us`: when it came, at most `now_us`.
void lane_datagram(struct lane *l, int64_t now_us, int64_t arrived_us, const struct lane_peer *from,
                   uint8_t *at, size_t size);
// The next datagrams, to `*to`: all of `*segment` bytes, save the last, which may be shorter. 0:
// none now.
size_t lane_fill(struct lane *l, int64_t now_us, uint8_t *at, size_t room, size_t *segment,
                 struct lane_peer *to);
// When to ask again if nothing comes before. INT64_MAX: never.
int64_t lane_due(struct lane *l, int64_t now_us);
// A datagram of this size was too large for the machine's own network.
void lane_too_large(struct lane *l, size_t size);

bool lane_met(const struct lane *l);   // both have heard each other
bool lane_ended(const struct lane *l); // `ended` was called, or it was closed kindly
bool lane_send(struct lane *l, int64_t size, text meta, void *user);
void lane_answer(struct lane *l, uint64_t item, unsigned code, text answer);
// How both send from now on.
void lane_policy(struct lane *l, enum bulk_policy policy, int64_t bytes_a_second);
// Says good-bye; lane_ended once that was heard.
void lane_bye(struct lane *l, int64_t now_us);
struct bulk_numbers lane_numbers(const struct lane *l, int64_t now_us);
