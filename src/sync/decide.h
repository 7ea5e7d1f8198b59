/*
 * sync/decide: what is to be done with one path, out of what is here (the folder), what is there
 * (the house) and what both were when they last were equal. Nothing here touches a disk or a line.
 *
 * Files and folders of one name are two paths: a file that became a folder is a file that went and
 * a folder that came.
 */
#pragma once
#include <stdbool.h>

enum sync_now {
    SYNC_GONE,  // nothing is there
    SYNC_SAME,  // as both last were; only when that is known
    SYNC_OTHER, // new, or changed
};
enum sync_alike { SYNC_UNKNOWN, SYNC_ALIKE, SYNC_UNLIKE }; // the bytes of both sides, now

struct sync_case {
    bool known; // both were equal once
    enum sync_now here, there;
    enum sync_alike alike; // when both are there and neither is as it was
};

enum sync_do {
    SYNC_NOTHING,
    SYNC_FORGET,       // it is on neither side
    SYNC_COMPARE,      // the bytes must be known first
    SYNC_ADOPT,        // both are equal: from here on they were equal once
    SYNC_SEND,         // to the house
    SYNC_FETCH,        // from it
    SYNC_DELETE_THERE, // only if it still is what both were
    SYNC_DELETE_HERE,  // the same
    SYNC_CONFLICT,     // both stay: the house's under the name, the other one beside it
    SYNC_WRONG,        // no such case
};
enum sync_do sync_decide(const struct sync_case *c);
const char *sync_do_text(enum sync_do what); // one word for lists and logs

// Whether so many deletions, of so many known paths, are for a person to allow: over 1,000, or over
// 20 and more than a quarter of all.
bool sync_deletes_many(long long deletes, long long known);
