// What the files of a lane share. Nobody else includes it.
#pragma once
#include "wire/bulk/lane.h"
#include "wire/bulk/ranges.h"
#include "wire/bulk/rate.h"

enum {
    MS = 1000,
    CAME_BITS = 1 << 19,      // packet numbers that the receiver looks back
    ITEMS_MOST = 1 << 16,     // of one direction, not answered
    SENT_MOST = 1 << 20,      // packets under way
    CREDIT_FIRST = 1 << 20,   // bytes that may be sent before the other side has said anything
    CONTROL_TRIES = 4,        // copies of one control frame under way
    IDLE_US = 30 * 1000 * MS, // then the other one is gone
    TRAIN_BYTES = 128 << 10,
    ALIVE_US = 8 * 1000 * MS, // a word from time to time, so that firewalls keep the way open
    BYE_US = 1000 * MS,
};

// ---- what goes

enum { SENT_DATA = 1, SENT_CONTROL = 2, SENT_TRIAL = 4, SENT_PING = 8 }; // 0: not reported
enum sent_state { SENT_WAITING, SENT_CAME, SENT_LOST };

struct sent { // a packet
    int64_t at_us;
    uint64_t total; // bytes sent up to its end
    uint64_t item, offset;
    uint32_t starved; // how often there was nothing to send, by then
    uint16_t length;  // of data
    uint16_t size;    // of the datagram
    uint8_t kind, state;
    bool copied; // its bytes went out once more at the end, in
    bool copy;   // such a packet
};

struct out {             // an item
    uint64_t id;         // first, for the table
    struct out *next;    // with bytes that were never sent
    int64_t size, first; // bytes sent once
    void *user;
    struct ranges came; // as reported
    struct control *open;
};

struct control { // a frame that must arrive
    struct control *next;
    struct out *open; // the item that it opens
    uint8_t *at;
    size_t size;
    uint64_t numbers[CONTROL_TRIES]; // of the packets that carried it
    size_t tries;
    int64_t last_us;
    bool waiting; // to be sent
};

struct again { // bytes that were lost
    uint64_t item, offset, number;
    uint32_t length;
};

// ---- what comes

struct in {
    uint64_t id;
    int64_t size, counted; // counted: given back as credit
    void *user;
    struct ranges came;
    bool whole;
};

struct table { // of items by number, which count up: power-of-two array
    void **at;
    size_t room, count;
};

struct lane {
    bool server, met, ended, leaving, left;
    uint32_t connection;
    struct bulk_calls calls;
    struct packet_keys *out_keys, *in_keys;
    int64_t began_us, heard_us, bye_us;
    struct rate rate;
    // how both want to send
    enum bulk_policy own_policy, their_policy;
    int64_t own_cap, their_cap;
    // meeting
    struct lane_peer peer, candidate;
    uint8_t cookie[PACKET_COOKIE];
    int64_t cookie_us, challenge_us;
    bool challenge, answer_cookie; // to be sent
    uint8_t their_cookie[PACKET_COOKIE];
    int64_t hello_us, hello_sent_us; // next one, first one
    int hellos;
    // what goes
    struct sent *ring;
    size_t ring_room;
    uint64_t first, next;   // packet numbers: oldest that counts, and the next
    uint64_t total;         // bytes
    uint64_t flight;        // bytes under way
    uint64_t newest_came;   // highest that was reported
    int64_t newest_sent_us; // when that one was sent
    int64_t disorder_us;    // how much packets change places
    struct table outs;
    struct out *out_first, *out_last; // with bytes that were never sent
    uint64_t out_next;
    struct control *controls, **control_end;
    size_t control_waiting;
    struct again *agains; // a ring
    size_t again_room, again_first, again_count;
    uint64_t credit, first_bytes; // that may be sent once, that were
    // copies at the end: the next packet to look at, going down; down to which; from where
    uint64_t copy_at, copied_to, copy_top, copied_bytes;
    uint32_t starved, starved_heard;
    double tokens; // bytes
    int64_t tokens_us;
    int64_t elicit_us; // when something that will be reported was last sent
    int64_t spoke_us;  // when anything was
    int probes;        // asked in vain whether anything came
    bool floor_due, first_flight;
    // size of datagrams
    size_t datagram;
    size_t trial_row; // larger ones being tried
    int trial_round;
    int64_t trial_us;
    uint64_t big_lost;   // in a row
    int64_t big_came_us; // the last
    // what comes
    uint8_t *came; // a bit a packet, a ring of CAME_BITS
    uint64_t came_floor, came_newest;
    int64_t came_newest_us;
    uint64_t came_bytes, came_newest_bytes; // of datagrams
    int64_t train_from_us, train_last_us;   // of the first packets
    uint64_t train_bytes;
    bool train_over;
    struct table ins;
    struct ranges finished; // items
    uint64_t consumed;
    bool report_wanted;
    int64_t report_us; // of the last one
    struct bulk_numbers numbers;
};

// lane.c
void lane_end(struct lane *l, const struct error *why);
void *table_get(const struct table *t, uint64_t id);
bool table_put(struct table *t, uint64_t id, void *item); // false: too many
void table_take(struct table *t, uint64_t id);
void control_add(struct lane *l, const struct frame *frame, struct out *open);
void control_free(struct control *c);
int64_t report_every_us(const struct lane *l);
void rate_choose(struct lane *l);

// lane_send.c
void sent_reported(struct lane *l, int64_t now_us, struct report *r);
void out_free(struct out *o);
void out_answered(struct lane *l, const struct frame *f);

// lane_receive.c
void in_free(struct in *i);
bool report_make(struct lane *l, int64_t now_us, struct run_room *runs, struct report *r);
