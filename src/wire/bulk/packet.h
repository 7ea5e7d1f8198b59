/*
 * wire/bulk/packet: datagrams of the bulk transport and what is in them (docs/formats/bulk.md).
 *
 *   u32 connection | u32 low half of the packet number | sealed frames | 16 bytes of tag
 *
 * Little-endian. Sealed with AES-256-GCM; the eight bytes in front are authenticated. The nonce is
 * the whole 64-bit packet number, which a session counts up in each direction and never takes
 * twice. Each direction has keys of its own, made from the session's secret; a new key follows
 * after every 2^26 packets, by the number alone.
 *
 * Reading takes bytes and gives structs: no socket, no clock.
 */
#pragma once
#include "base/text.h"

enum {
    PACKET_HEAD = 8,
    PACKET_TAG = 16,
    PACKET_OVER = PACKET_HEAD + PACKET_TAG,
    PACKET_LEAST = 1200, // what every path carries
    PACKET_MOST = 8972,  // 9,000 of a jumbo frame, less IPv4 and UDP
    PACKET_SECRET = 32,
    PACKET_META_MOST = 1000, // of an item's description and answer: fits into PACKET_LEAST
    PACKET_COOKIE = 8,
};

// ---- sealing

struct packet_keys; // of one direction; one thread at a time
struct packet_keys *packet_keys_open(const uint8_t secret[PACKET_SECRET], bool from_server);
void packet_keys_close(struct packet_keys *k); // NULL is fine

// `plain_size` bytes lie at datagram + PACKET_HEAD; there is room for the tag behind them. Returns
// the datagram's size.
size_t packet_seal(struct packet_keys *k, uint32_t connection, uint64_t number, uint8_t *datagram,
                   size_t plain_size);
// The connection that a datagram names; false when it is too short to be one.
bool packet_connection(const uint8_t *datagram, size_t size, uint32_t *connection);
// Opens in place. `newest`: the highest number that was opened so far; the number is the one
// nearest to it. False: it is not from who has the key, or was changed.
bool packet_open(struct packet_keys *k, uint64_t newest, uint8_t *datagram, size_t size,
                 uint64_t *number, text *plain);

// ---- frames

enum frame_kind {
    FRAME_PAD, // and nothing behind it counts
    FRAME_PING,
    FRAME_HELLO,
    FRAME_CHALLENGE,
    FRAME_RESPONSE,
    FRAME_REPORT,
    FRAME_OPEN,
    FRAME_DONE,
    FRAME_WISH,
    FRAME_CLOSE,
    FRAME_FLOOR,
    FRAME_DATA, // to the end of the packet
    FRAME_KINDS
};

// What a receiver tells of what came.
struct report {
    uint64_t newest;   // highest packet number that came
    uint64_t clock_us; // when it came, by the receiver's clock
    uint64_t age_us;   // from then to this report
    uint64_t bytes;    // of all datagrams that had come by then
    uint64_t credit;   // bytes of items that may be sent in all, each counted once
    uint64_t twice;    // bytes that came although they were there
    // The first packets of a session leave at once: how far they came apart says how fast the line
    // is. Bytes behind the first, and from its coming to that of the last.
    uint64_t train_bytes, train_us;
    // From `newest` down: so many came, so many did not, so many came ... What is below all of them
    // was told before.
    text runs;
    uint64_t run_count;
};

struct frame {
    enum frame_kind kind;
    uint64_t item;   // OPEN, DONE, DATA
    uint64_t number; // OPEN: size; DATA: offset; FLOOR: packet number; WISH: bytes a second;
                     // HELLO: version
    unsigned code;   // DONE, CLOSE, WISH
    text bytes;      // OPEN, DONE, CLOSE, DATA; cookies
    struct report report;
};

// Reads the next frame of an opened packet; `bytes` and `runs` point into it. False at its end, and
// with *bad when it is malformed. Items stay below 2^48 and so do offsets and their ends.
bool frame_read(text *rest, struct frame *f, bool *bad);
// One step through the runs of a report. False at their end.
bool report_run(struct report *r, uint64_t *came, uint64_t *missing);

// Writing: false and nothing written when there is no room.
struct frame_room {
    uint8_t *at;
    size_t size, room;
};
bool frame_write(struct frame_room *to, const struct frame *f);
size_t frame_size(const struct frame *f); // not of reports

// A report's runs are added one by one to those bytes; false when there is no more room.
struct run_room {
    uint8_t at[1400];
    size_t size, room;
    uint64_t count;
};
bool run_add(struct run_room *to, uint64_t came, uint64_t missing);
