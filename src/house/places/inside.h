// What the files of this room share.
#pragma once
#include "house/places/places.h"
#include "plat/aside.h"
#include "plat/beneath.h"
#include "plat/ids.h"
#include "plat/watch.h"
#include "store/place.h"

#include <limits.h>
#include <pthread.h>

enum lane { LANE_LOOK, LANE_HASH, LANES }; // looking and taking; hashing and copying

enum {
    PLACES_MOST = 256,
    ROOTS_MOST = 64,
    TOUCHED_MOST = 4096,
    ACTS = 2000,
    TAKE_FILES = 200,
    ASIDES_MOST = 16
};

// What is known of a place only while the house runs.
struct place_run {
    char id[27];
    // guarded by lock of `places`
    bool scanning, rescan, moved;
    int64_t scan_files, scan_began_ms;
    int64_t hash_window_us, hash_window_bytes, hash_bytes_s; // of the last seconds
    bool held[LANES];        // a hand is at it: others leave it alone
    int64_t asked_us[LANES]; // since when its volume has not answered a call; 0: none is out
    // of the hand that looks
    struct watch *watch;
    bool scan_due;
    bool slow;          // to ask its server for each file would take too long
    int64_t take_after; // the folder that was taken last
    int64_t next_scan_us, next_watch_us;
    char *touched[TOUCHED_MOST]; // folders
    bool deep[TOUCHED_MOST];     // and all below
    size_t touched_count;
    int64_t touched_us; // the first of them
};

// Where a place may be.
struct bounds {
    char roots[ROOTS_MOST][PATH_MAX];
    size_t root_count;
    char house[PATH_MAX];
};

struct places {
    struct db *db;
    struct store *store;
    struct bounds *bounds;
    int64_t every_ms, settle_ms;
    bool (*on)(void *context);
    bool (*busy)(void *context);
    bool (*again)(void *context, const char *job, struct error *err);
    void (*asks)(void *context, const char *place);
    void *context;
    int64_t answer_us, people_ms;
    struct asides *asides; // what people ask of volumes
    pthread_mutex_t lock;
    // guarded by lock
    int hands[LANES], asking[LANES]; // that have not ended; of these, that wait for a volume
    bool over[LANES];                // hands that wait for a volume never go on
    struct place_run *runs[PLACES_MOST];
    size_t run_count;
};

// ---- hands.c
// Around each call that may wait for a volume. Not within a transaction.
void volume_ask(struct places *p, struct place_run *r, enum lane lane);
// One that is many calls in truth, such as setting watches in all folders.
void volume_ask_much(struct places *p, struct place_run *r, enum lane lane);
void volume_answered(struct places *p, struct place_run *r, enum lane lane);
bool place_held(struct places *p, struct place_run *r, enum lane lane);
// Takes a place for a lane, if no other hand is at it.
bool place_hold(struct places *p, struct place_run *r, enum lane lane);
void place_let_go(struct places *p, struct place_run *r, enum lane lane);
// Hands do `work` until `on` says no: one at a time, and another for each that waits for a volume.
// `work` returns when `given_up` says that another hand has taken its place.
struct hand;
void hands_work(struct places *p, enum lane lane, void (*work)(struct places *p, struct hand *h));
bool given_up(struct hand *h);
// When the volume last stopped answering, 0: it does answer. By the clock.
int64_t place_silent_since(struct places *p, struct place_run *r);

bool places_go_on(const struct places *p);
struct place_run *place_run(struct places *p,
                            const char *place); // made when there is none; NULL: too many

struct place_row {
    char id[27], project[27], folder[27], path[PATH_MAX], state[16], made_by[64];
    int64_t number, root_inode, files, gone, scanned_ms, seen_ms;
    bool root_mounted;
};
bool place_row(struct db_tx *tx, const char *place, struct place_row *row, struct error *err);
bool place_row_read(struct places *p, const char *place, struct place_row *row, struct error *err);
// Event place.changed.
bool place_say(struct db_tx *tx, const struct place_row *row, struct error *err);

// Adds to the counts of a place; those that are 0 stay.
struct place_counts {
    int64_t files, bytes, hashed_files, hashed_bytes, waiting, gone;
};
bool place_count(struct db_tx *tx, int64_t place, const struct place_counts *c, struct error *err);
// A file in this state leaves (-1) or joins (+1) the counts.
void place_counted(struct place_counts *c, const char *state, int64_t hashed, int64_t size,
                   int sign);

bool place_allowed(const struct places *p, const char *path); // still below a root
// places_allow, however long it takes.
bool bounds_allow(const struct bounds *b, const char *path, const struct places_use *use,
                  char whole[PATH_MAX], struct error *err);

// ---- people.c: what people ask of a folder is answered within people_ms: TIMEOUT

// Allowed, and what is in it; *f is freed by the caller.
bool places_browse(struct places *p, const char *path, const struct places_use *use,
                   char whole[PATH_MAX], struct beneath_folder *f, struct error *err);
enum { KNOWN_SOME = 500 };
struct place_known {
    struct arena *a;
    struct known_one {
        const char *path;
        int64_t size;
    } list[KNOWN_SOME];
    size_t count;
};
struct place_known *place_known_new(void);
void place_known_free(struct place_known *known);
// Allowed, and one of the files is there, if there are any, or `anyway`. CONFLICT. Takes `known`
// over.
bool places_fits(struct places *p, const char *path, const struct places_use *use,
                 struct place_known *known, bool anyway, char whole[PATH_MAX], struct error *err);

// ---- list.c: files that were seen first, packed
struct list_entry {
    const char *name;
    struct beneath_file is;
};
void list_add(struct buf *list, const char *name, const struct beneath_file *is);
bool list_next(text *rest, struct list_entry *e); // false: that was all
bool list_keep(struct db_tx *tx, int64_t place, int64_t folder, int64_t part, text entries,
               int64_t now_ms, struct error *err);
// The folder's lists become rows, if it has any.
bool list_unpack(struct db_tx *tx, int64_t folder, struct error *err);
// A row of a file that is new; one that is there already stays.
bool place_file_new(struct db_tx *tx, int64_t place, int64_t folder, const struct list_entry *e,
                    int64_t since_ms, struct error *err);

// ---- again.c: jobs that failed since then are to be tried again
// Of a place; those of any reason when it was away and is back, else of files that were not there.
bool again_place(struct db_tx *tx, int64_t place, int64_t since_ms, bool back, struct error *err);
bool again_version(struct db_tx *tx, const char *version, int64_t since_ms, struct error *err);

// ---- scan.c: folders, each alone or with all below; the paths stay the caller's
bool places_look_at(struct places *p, const struct place_row *row, char *const *paths,
                    const bool *deep, size_t count, struct place_looked *looked, struct error *err);

// Those that could not be read are tried again.
bool files_asked_again(struct db_tx *tx, int64_t place, struct error *err);

// ---- take.c
bool places_tell(struct places *p, struct error *err); // some versions go on their way
// A place that is being forgotten; *more: there is more to do.
bool places_leave(struct places *p, const struct place_row *row, bool *more, struct error *err);
