/*
 * wire/traffic: who may send how much now, and who is sending what.
 *
 * A stream is one transfer, over as many requests, connections or datagrams as it takes. It counts
 * against some buckets by name (the whole line, a project, a person, a link); each has a rate for
 * bytes in and one for bytes out, which may change at any time, or none. Whoever moves bytes asks
 * before:
 *
 *   size_t may = stream_take(s, want, &wait_ms);   // 0: ask again after wait_ms, or, < 0: stop
 *   ... moves n <= may bytes ...
 *   stream_give_back(s, may - n);
 *
 * so that any kind of transport, of bytes or of datagrams, keeps the same limits. Among streams
 * that share a bucket the one with the higher priority goes first; the others get what it leaves,
 * and never less than a trickle. A stream that is paused gets nothing.
 *
 * Everything is kept in memory and may be called from any thread; nothing waits.
 */
#pragma once
#include "base/arena.h"
#include "base/text.h"
#include <stdint.h>

enum traffic_way { TRAFFIC_IN, TRAFFIC_OUT };
enum {
    TRAFFIC_BUCKETS = 4,      // that one stream counts against
    TRAFFIC_PRIORITY = 50,    // the usual one, of 0 to 100
    TRAFFIC_HISTORY_S = 3600, // how far back traffic_line looks
};

struct traffic;
struct stream;
struct traffic *traffic_open(void);
void traffic_close(struct traffic *t); // every stream was left; NULL is fine

// Bytes a second that a bucket lets through, 0: any. Counts at once, for streams under way too.
void traffic_cap(struct traffic *t, const char *bucket, enum traffic_way way, int64_t bytes_s);
int64_t traffic_cap_of(struct traffic *t, const char *bucket, enum traffic_way way);
// How many bytes have counted against a cap since there is one.
int64_t traffic_counted(struct traffic *t, const char *bucket, enum traffic_way way);

struct stream_wish {
    const char *key;  // names the transfer: the same key is the same stream
    const char *kind; // a word for people: "upload", "download", "zip"
    enum traffic_way way;
    const char *buckets[TRAFFIC_BUCKETS]; // ends early at NULL
    const char *via; // "udp"; NULL: by requests, one at a time ("https") or several ("tcp")
    const char *title, *who, *project, *subject; // "" where there is none
    int64_t total_bytes;                         // -1: not known
    int priority;                                // of a stream that is new
};
// All texts are copied.
struct stream *traffic_join(struct traffic *t, const struct stream_wish *wish);
// How many bytes may be moved now, at most `want`. 0: *wait_ms says when to ask again; below 0: it
// was ended by traffic_cut, and the connection is to be cut.
size_t stream_take(struct stream *s, size_t want, int *wait_ms);
void stream_give_back(struct stream *s, size_t unused);
void stream_leave(struct stream *s); // NULL is fine
// By which way it goes, when that is known only now.
void stream_goes_by(struct stream *s, const char *via);

// ---- Looking, and changing what runs

struct stream_seen {
    const char *id, *key, *kind, *title, *who, *project, *subject;
    const char *via; // "udp", "tcp" (several connections), "https", or what was said
    enum traffic_way way;
    int64_t total_bytes, moved_bytes, bytes_s, peak_bytes_s;
    int64_t began_ms, moved_ms; // clock_now_ms
    int priority, joined;       // joined: how often somebody began or took it up again
    bool paused, moving;        // moving: a connection is open
};
// Those that move or rest, newest first; in the arena.
void traffic_list(struct traffic *t, struct arena *a, struct stream_seen **list, size_t *count);
// By id. -1: stays as it is. False: there is none.
bool traffic_change(struct traffic *t, const char *id, int priority, int paused);
// What a stream of this key begins with whenever it is new: as somebody has said of it before.
void traffic_recall(struct traffic *t, const char *key, int priority, bool paused);
// Whoever moves bytes against this bucket stops.
void traffic_cut(struct traffic *t, const char *bucket);
// Those that have rested so long since they last moved, and have not been given here since: what
// goes into a history. Those that rest ten minutes are forgotten, save when they are paused.
void traffic_rested(struct traffic *t, int64_t rest_ms, struct arena *a, struct stream_seen **list,
                    size_t *count);
// Bytes moved in each of the last `seconds` (<= TRAFFIC_HISTORY_S), oldest first, without the
// second that still runs.
void traffic_line(struct traffic *t, enum traffic_way way, int64_t *bytes, int seconds);
// The time is clock_tick_us unless a test gives one.
void traffic_clock(struct traffic *t, int64_t (*now_us)(void));
