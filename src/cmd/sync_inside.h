// Shared by cmd/sync_*.c only.
#pragma once
#include "cmd/progress.h"
#include "cmd/sync_house.h"
#include "cmd/sync_run.h"

struct sync_numbers {
    int64_t sent, sent_bytes, fetched, fetched_bytes, moved, deleted_there, deleted_here, folders,
        conflicts;
};

struct sync_list { // of paths, borrowed from the table
    struct sync_path **at;
    size_t count, room;
};
void sync_list_add(struct sync_list *l, struct sync_path *p);

enum { SYNC_SAID_MOST = 50 };
struct sync_run {
    const struct sync_wish *wish;
    struct house house;
    struct sync_root root;
    char project[27], folder[27]; // ids: of the project; of the root's folder ("" at the top)
    struct sync_table *table;
    struct sync_state *state;
    struct sync_ignore *ignore;
    struct sync_events *events;
    struct watch *watch;
    bool watch_said;
    unsigned round;
    // here
    bool scan_due;
    int64_t scanned_us;
    char **touched; // paths that the watch has told of
    size_t touched_count;
    struct sync_list unsure;
    json_t *left_out; // path: why (enum here_left), of all that is not kept in the house
    int64_t left[HERE_LEFT_COUNT]; // how many of each
    int64_t left_said, left_said_us; // how many were told of last, of which look
    // there
    bool list_due, listed, distrust; // distrust: the house was restored, deletions are asked about
    unsigned listed_round, top_listed; // when all, and the top, were listed last
    int64_t lists;                     // folders that were listed
    int64_t listed_us, refreshed_us, refresh_cost_us, event, event_kept;
    // the pass
    int64_t waiting, held, deletes;
    bool asks; // whether so many deletions are meant
    bool allowed, paused, offline;
    struct sync_numbers numbers;
    struct progress bar;
    int64_t bar_before, bar_all; // bytes of this kind of work: done in earlier rounds, in all
    bool stirred;                // something was seen that may have to be done
    json_t *said, *waits; // what is left out, what is held: [{path, why}], SYNC_SAID_MOST of each
    char what[200];       // offline: why
};

// A kind of work begins, of so many bytes; then how far this round of it is.
void sync_bar(struct sync_run *r, const char *what, int64_t all);
void sync_bar_show(struct sync_run *r, int64_t done);
bool sync_offline(const struct error *err); // the house can not be reached; all waits
void sync_say(json_t *list, const char *path, const char *why);

// ---- sync_look.c
void sync_read_ignore(struct sync_run *r);
MUST_CHECK bool sync_look_here(struct sync_run *r, struct error *err);
MUST_CHECK bool sync_look_there(struct sync_run *r, struct error *err);
// The house's folder is where it was by its path; else (it, or one above it, was renamed or moved)
// its path is found again. NOT_FOUND: it is gone.
MUST_CHECK bool sync_root_still(struct sync_run *r, struct error *err);
// Whether what is gone from the house's listing lies in another of its folders that is kept here.
MUST_CHECK bool sync_moved_there(struct sync_run *r, const struct sync_path *p, bool *moved,
                                 struct error *err);
// A path that patterns or passing names leave out, or that lies below one.
bool sync_left_out(struct sync_run *r, const char *path, bool folder);
int64_t sync_left_count(const struct sync_run *r); // things that are left out
// [{why, count, first: [path]}], one of each reason that there is.
json_t *sync_left_json(const struct sync_run *r);
// "12 left out: 10 hidden, lock or temporary names (.git, .cache, ...); 2 ..."; "" for none.
void sync_left_text(const struct sync_run *r, struct buf *to);

// ---- sync_act.c
// Does what is to be done. *done: how many things were. False: nothing more can be done now.
MUST_CHECK bool sync_act(struct sync_run *r, int64_t *done, struct error *err);

// ---- sync_folders.c: those that got another name or place, moved on the other side as a whole
MUST_CHECK bool sync_folders_moved(struct sync_run *r, int64_t *done, struct error *err);

// ---- sync_move.c: bytes. What came through is known in the table and in the state.
MUST_CHECK bool sync_send_all(struct sync_run *r, struct sync_list *list, int64_t *done,
                              struct error *err);
MUST_CHECK bool sync_fetch_all(struct sync_run *r, struct sync_list *list, int64_t *done,
                               struct error *err);

// ---- of sync_act.c, for the others
// The folder, and those above it, on the other side.
MUST_CHECK bool sync_folder_there(struct sync_run *r, struct sync_path *p, struct error *err);
MUST_CHECK bool sync_folder_here(struct sync_run *r, struct sync_path *p, struct error *err);
// What could not be done waits. False: nothing more can be done now.
MUST_CHECK bool sync_go_on(struct sync_run *r, struct sync_path *p, const struct error *err);
MUST_CHECK bool sync_keep(struct sync_run *r, struct sync_path **list, size_t count,
                          struct error *err);
void sync_hold(struct sync_run *r, struct sync_path *p, const struct error *err);
// Where it goes: NULL when the folder above is not there. In `a`.
const char *sync_path_to_there(struct sync_run *r, const struct sync_path *p, struct arena *a);
const char *sync_path_to_here(struct sync_run *r, const struct sync_path *p, struct arena *a);
