// Shared inside store/ only.
#pragma once
#include "plat/disk.h"
#include "plat/ids.h"
#include "store/place.h"
#include "store/store.h"

#include <limits.h>
#include <pthread.h>

enum { UPLOAD_SLOTS = 256, MAP_SLOTS = 64, SILENT_MOST = 64 }; // volumes that do not answer

// Several threads that want one file durable share one sync. A ticket is taken after the write.
// After a sync that failed, every ticket not yet told it is durable fails.
struct sync_group {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    // guarded by lock
    uint64_t written, synced, failed;
    bool running;
    int errno_value;
};
void sync_group_open(struct sync_group *g);
void sync_group_close(struct sync_group *g);
uint64_t sync_group_ticket(struct sync_group *g);
// 0, or a negative errno value.
int sync_group_wait(struct sync_group *g, uint64_t ticket, struct disk *disk, int fd);

struct piece_of { // one chunk of finished bytes
    sha256 hash;
    uint64_t xxh3;
    int64_t at, length;
    bool used; // lies elsewhere in the store already
};
struct made_file {
    sha256 content;
    int64_t size;
    struct piece_of *pieces;
    size_t count;
};
struct store_bytes {
    struct made_file *files;
    size_t count;
    char extent[27], path[64]; // "" without own bytes
    const char *kind;
    int64_t extent_size;
    char upload[27];         // "" when it was not one
    const char *remove_path; // a copy was taken of it: goes when settled
    bool adopted;
};

struct upload;
struct map_kept;
struct fd_kept;

struct store {
    struct asides *asides; // opening what lies in places
    char folder[PATH_MAX];
    struct db *db;
    struct disk *disk;
    int64_t reserve;
    bool look_only;
    pthread_mutex_t lock;
    // guarded by lock: the open uploads
    struct upload *uploads;
    // guarded by pack_lock: the pack that is written now
    pthread_mutex_t pack_lock;
    char pack[27];
    int pack_fd; // -1: none
    int64_t pack_size;
    int pack_users; // finished bytes in any pack that are not settled
    struct sync_group *pack_group;
    // guarded by map_lock
    pthread_mutex_t map_lock;
    struct map_kept *maps;
    struct fd_kept *fds;
    uint64_t uses;
};

bool store_disk_error(struct store *s, struct error *err, int code, const char *doing);
bool store_room(struct store *s, int64_t size, struct error *err); // with reserve
void extent_path(const struct store *s, const char *id, const char *kind, char to[PATH_MAX]);
void extent_name(const char *id, const char *kind, char to[64]); // below the volume
int extent_folder(struct store *s, const char *id);              // makes extents/ab; 0 or -errno
sha256 content_of(const struct piece_of *pieces, size_t count);
void store_maps_forget(struct store *s); // those in use live on until they are closed
void store_bytes_free(struct store_bytes *b);

// check.c: all chunks, by where they lie
enum { CHECK_BATCH = 512 };
struct check_row {
    sha256 hash;
    char extent[27], kind[8], path[64];
    int64_t at, length, xxh3, extent_size;
};
struct check_page {
    struct check_row rows[CHECK_BATCH];
    size_t count;
    char after_extent[27]; // where the last page ended: begin with "" and -1
    int64_t after_at;
};
bool store_page_read(struct db_tx *tx, void *page, struct error *err); // for db_read
// Reads a chunk into `bytes`. NULL when it is what it was, else what is wrong with it.
const char *store_row_look(const struct check_row *r, int fd, char *bytes, bool quick);

// copy.c: the lock of store_hold for whoever gives space back. -1: somebody holds it
int store_hold_alone(const char *folder);

// place.c: opens a content that lies in a place. `path` is a name of it that is ASCII.
bool place_open(struct store *s, const sha256 *content, int *fd, char path[PATH_MAX],
                struct error *err);
void place_links_tidy(struct store *s); // names that nobody has used for long

// upload.c
bool uploads_recover(struct store *s, struct error *err);
bool upload_is_open(struct store *s, const char *id);
void upload_forget_log(struct store *s, const char *id);
void uploads_close(struct store *s);
void upload_recorded(struct store *s, const char *id, bool own_bytes);
int64_t uploads_count(struct store *s);
void upload_recheck(struct store *s, const char *id);
