/*
 * offload: a camera card copied to several places, and what may be said of it afterwards.
 *
 * The card is read once. Each copy is read back and compared (plat/copies.h); what lists on the
 * card say of its files (MHL 1, ASC MHL, md5sum and the like) is held against the same reading.
 * Nothing is taken on trust: a copy that is there already, of a run that was killed or not, is read
 * and compared with the card again, and half copies are thrown away.
 *
 * Folders, empty ones too, zero-byte and hidden files, names and times are kept. Links and devices
 * are not copied and are said.
 */
#pragma once
#include "base/arena.h"
#include "formats/mhl/mhl.h"
#include "plat/copies.h"

enum { OFFLOAD_FILES = 2000000 };

struct offload_file {
    const char *path; // below the card
    bool folder;
    int64_t size, modified_ns;
    const char *wanted[MHL_KINDS];  // what lists on the card say; NULL: nothing
    const char *list;               // the first that says something
    const char *digests[MHL_KINDS]; // of the reading
    bool differs;                   // from what the lists say
    struct error *problem;          // it could not be read, or changed; NULL: it was read
    sha256 content;                 // when it was asked for
    struct copy *copies;            // one a place; of files only
};
struct offload_place {
    const char *name;           // of the place: of the user, or the disk's
    bool named;                 // by the user
    const char *folder;         // absolute
    const char *target;         // folder/CARD
    const char *disk;           // "disk sda"; what is the same is one piece of hardware
    int64_t made, there, wrong; // files; wrong: failed, something else, or not the same
    bool direct;                // all that was read back came past the cache
    bool whole;                 // all files of the card are there and right
    bool lost;                  // full, gone: nothing more was tried
    struct error *problem;      // the first one
};
struct offload_paths {
    const char **at;
    size_t count, room;
};
struct offload {
    struct arena *a;
    const char *card, *name; // absolute; what its copies are called
    uint64_t device;         // of the card
    struct offload_file *files;
    size_t count;
    int64_t file_count, bytes;
    struct offload_file **by_path; // sorted
    struct offload_place places[COPIES_PLACES];
    size_t place_count;
    struct offload_paths skipped;   // links and devices
    struct offload_paths lists;     // on the card, that were read
    struct offload_paths not_read;  // lists that we do not understand: "PATH: why"
    struct offload_paths not_there; // files that a list has and the card has not
    int64_t compared, differing;    // with the lists
    int64_t unread;                 // files that could not be read, or changed
};
void offload_path_add(struct offload_paths *p, struct arena *a, const char *path);

// "NAME=FOLDER", or a folder. The folder must be there. Adds a place.
MUST_CHECK bool offload_place_add(struct offload *o, const char *said, struct error *err);
// What is on the card; `name` NULL: the card's own. After the places. Refused: a place that is on
// the card, the same twice, a copy's folder that has files which this card has not (CONFLICT), and
// a place without room for it (NO_SPACE).
MUST_CHECK bool offload_plan(struct offload *o, const char *card, const char *name,
                             struct error *err);
struct offload_file *offload_file_at(const struct offload *o, const char *path); // or NULL

struct offload_wish {
    const bool *kinds; // MHL_KINDS; at least one
    bool content;
    // As copies_wish. Calls never overlap.
    bool (*going)(void *context, int64_t more_bytes);
    void *context;
    void (*synced)(void *context, const char *path); // tests
};
// Copies. What became of it stands in the rows and the places; false when the card is gone, nothing
// can be written any more, or it was cancelled (what is finished stays).
MUST_CHECK bool offload_run(struct offload *o, const struct offload_wish *wish, struct error *err);
// Times of the copies' folders, again after something was written into them.
void offload_folder_times(const struct offload *o, const struct offload_place *p);
