/*
 * plat/disk: the few things that a writer of precious bytes asks of a disk, so that a test can hand
 * in one that is full, breaks, or loses what was never synced.
 *
 * What is promised is what POSIX promises and no more: bytes are durable after datasync of the
 * file, a new, renamed or removed name is durable after sync_folder of its folder. After a datasync
 * that failed, whatever was written since the last good one counts as not written, even if a later
 * datasync says yes (the system may have dropped the pages).
 */
#pragma once
#include "base/text.h"

// Every call returns 0 or more, or a negative errno value. `open` makes files 0640.
struct disk {
    int (*open)(struct disk *d, const char *path, int flags);
    int (*pwrite)(struct disk *d, int fd, const void *at, size_t size, int64_t offset); // all of it
    int (*datasync)(struct disk *d, int fd);
    int (*truncate)(struct disk *d, int fd, int64_t size);
    int (*rename)(struct disk *d, const char *from, const char *to);
    int (*unlink)(struct disk *d, const char *path);
    int (*mkdir)(struct disk *d, const char *path); // fine when it is there
    int (*sync_folder)(struct disk *d, const char *path);
    // A hint: begin to write these bytes back, so that the sync that follows has less to do.
    void (*push)(struct disk *d, int fd, int64_t offset, int64_t size);
    // Bytes that may still be used on the disk of `path`.
    int (*space)(struct disk *d, const char *path, int64_t *free_bytes, int64_t *total_bytes);
    void (*close)(struct disk *d, int fd);
};

struct disk *disk_system(void); // the real one; needs no closing

// ---- Tests: a disk that writes down what is done, and one that fails

enum disk_act {
    ACT_OPEN,
    ACT_WRITE,
    ACT_SYNC,
    ACT_TRUNCATE,
    ACT_RENAME,
    ACT_UNLINK,
    ACT_MKDIR,
    ACT_SYNC_FOLDER,
    ACT_MARK
};
struct disk_step {
    enum disk_act act;
    const char *path, *to; // to: of a rename; the text of a mark is in path
    void *bytes;
    int64_t offset, size;
    bool create, cut; // of an open
};

struct disk_record;
// Does all of it in the system's file system too. Shared by several threads.
struct disk_record *disk_record_open(void);
void disk_record_close(struct disk_record *r);
struct disk *disk_record_disk(struct disk_record *r);
// The step that comes is the `good`+1st failing one: fails with -errno_value; `keep`: all later
// ones too. A write that fails has written half. -1: none fails.
void disk_record_fail(struct disk_record *r, int64_t good, int errno_value, bool keep);
bool disk_record_failed(const struct disk_record *r); // one has
// Something that the test was told (an acknowledgement), in order with the rest.
void disk_record_mark(struct disk_record *r, const char *format, ...) PRINTF_LIKE(2, 3);
size_t disk_record_count(const struct disk_record *r);
const struct disk_step *disk_record_at(const struct disk_record *r, size_t index);

// What the disk would hold had the power gone after the first `count` steps. `seed` chooses, for
// everything not synced, what is lost, kept or torn at 512 bytes; 0: all of it is lost, 1: all of
// it is kept. Paths below `from` are made below `to` (an empty or missing folder).
MUST_CHECK bool disk_record_replay(const struct disk_record *r, size_t count, uint64_t seed,
                                   const char *from, const char *to, struct error *err);
