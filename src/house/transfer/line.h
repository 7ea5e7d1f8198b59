/*
 * house/transfer/line: what the house keeps of wire/traffic: caps with their timetables, how much
 * may be brought in, and what has moved.
 *
 * A cap is of the whole line, a project, a person or a link; of those that hold at a moment the
 * narrowest counts. A quota counts what a project holds, what a person or a link brought in, and
 * what is on its way. Buckets of wire/traffic are named "line", "project ID", "person ID", "link
 * ID".
 */
#pragma once
#include "db/db.h"
#include "plat/ids.h"
#include "wire/traffic.h"

#include <jansson.h>

struct line;
// Reads the caps and follows them from now on.
MUST_CHECK struct line *line_open(struct db *db, struct traffic *traffic, int64_t now_ms,
                                  struct error *err);
void line_close(struct line *l); // NULL is fine
struct traffic *line_traffic(struct line *l);
// Caps as the timetable says at `now_ms`, and moves that have rested into the history: about once a
// second, and after a cap was changed.
MUST_CHECK bool line_turn(struct line *l, int64_t now_ms, struct error *err);

// What somebody said of a stream (its key): kept, and it holds whenever such a stream is new, also
// after a restart. Forgotten when it is the usual, or was said half a year ago.
MUST_CHECK bool line_order(struct line *l, const char *key, int priority, bool paused,
                           int64_t now_ms, struct error *err);

struct cap_wish { // a row of the timetable
    const char *scope, *subject; // "line" and "", or project, person, link and an id
    int64_t in_bits, out_bits;   // a second; 0: no limit that way
    int days;                    // a bit a day, 1 Monday, ... 64 Sunday
    int from_minute, to_minute;  // of the day, local time; the same: all day
};
MUST_CHECK bool cap_add(struct db_tx *tx, const struct cap_wish *wish, id *made, struct error *err);
MUST_CHECK bool cap_drop(struct db_tx *tx, const char *cap, struct error *err);
// Cap[]; `now` is true for those that hold now.
MUST_CHECK bool cap_list(struct db_tx *tx, int64_t now_ms, json_t **list, struct error *err);

MUST_CHECK bool quota_set(struct db_tx *tx, const char *scope, const char *subject, int64_t bytes,
                          struct error *err); // 0: none any more
// Quota[] with what is used of each.
MUST_CHECK bool quota_list(struct db_tx *tx, json_t **list, struct error *err);

// TrafficMove[], the last ones first, before `before` (an id, NULL: from the newest). `project` NULL: all.
MUST_CHECK bool move_list(struct db_tx *tx, const char *project, const char *before, int64_t limit,
                          json_t **list, struct error *err);

// Whether so many bytes may come into a project from a person besides what is there and on its way
// (but for the file `without`, "" for none): NO_SPACE when a quota says no.
MUST_CHECK bool line_lets_bytes(struct db_tx *tx, const char *project, const char *person,
                                const char *without, int64_t bytes, struct error *err);
