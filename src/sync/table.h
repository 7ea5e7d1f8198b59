/*
 * sync/table: every path of a folder, in memory: what it is here, what it is there, and what both
 * were when they last were equal. About 600 bytes a path.
 */
#pragma once
#include "sync/decide.h"
#include "sync/here.h"
#include "sync/state.h"

struct sync_path {
    struct sync_path *next; // in the table
    char *key;              // ends in '/' for a folder
    char *here, *there;     // as each side spells it, now or last; NULL: never
    bool folder;
    bool known, is_here, is_there;
    bool respelled_here, respelled_there; // another spelling than when both were equal
    bool unsure;                          // a folder above can not be read: leave it alone
    bool hashed;                          // here_content is of what is here now
    unsigned seen_here, seen_there;       // the round that last saw it
    unsigned listed;                      // a folder's: the round that last listed it there
    int64_t gone_us;                      // when it was found missing here
    struct here_seen last, now;           // here: when both were equal; now
    sha256 content;                       // when both were equal
    sha256 here_content, there_content;
    int64_t there_size, there_ms, number;
    char thing[27], version[27]; // of what is there
    char *held;                  // why it waits; NULL: it does not
    int64_t again_us;            // when a held one is tried again
    int tries;                   // how often it was held since it last changed
    enum sync_do what;           // as last decided
    int kids_here, kids_there;   // a folder's, as last counted
};

struct sync_table;
struct sync_table *sync_table_open(void);
void sync_table_close(struct sync_table *t);
size_t sync_table_count(const struct sync_table *t);
// The one of a path as somebody spells it; `make`: a new one when there is none.
struct sync_path *sync_table_at(struct sync_table *t, const char *path, bool folder, bool make);
// The folder that it lies in; NULL: the top, or the folder is not known.
struct sync_path *sync_table_above(struct sync_table *t, const struct sync_path *p);
// One after another, from *at = 0; NULL: no more. Nothing may be made meanwhile.
struct sync_path *sync_table_next(struct sync_table *t, size_t *at);
// Forgets those that are on neither side and were never equal, or are no more.
void sync_table_tidy(struct sync_table *t);

// What was seen. False: another spelling of the same name is there too, and that one counts.
bool sync_path_here(struct sync_path *p, const struct here_item *item, unsigned round);
struct sync_there {
    const char *path, *thing, *version;
    bool folder;
    int64_t number, size, modified_ms;
    sha256 content;
};
bool sync_path_there(struct sync_path *p, const struct sync_there *n, unsigned round);
// What is known of `from` is known of `to` from here on, which lies at `path` on one side (`there`,
// else here), where `from` lay; the other side's spelling is `path` too unless it has its own.
void sync_path_follow(struct sync_path *from, struct sync_path *to, const char *path, bool there,
                      unsigned round);
// Both are equal: what is here now and what is there.
void sync_path_equal(struct sync_path *p);
struct sync_row sync_path_row(const struct sync_path *p); // to be written; borrowed
void sync_path_load(struct sync_table *t, const struct sync_row *r);
// Decides into p->what. SYNC_COMPARE: the file here is to be hashed first.
enum sync_do sync_path_decide(struct sync_path *p);
void sync_path_hold(struct sync_path *p, int64_t until_us, const char *why); // NULL: no more
