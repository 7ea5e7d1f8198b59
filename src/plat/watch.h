/*
 * plat/watch: what changes under a folder, told by the kernel (inotify on every folder below it).
 *
 * It tells early; it does not tell everything: on NFS and SMB the changes of others are not seen,
 * the kernel's queue can run over and its number of watches can run out. Who needs all of it scans
 * at intervals as well, and at once after WATCH_LOST.
 *
 * One thread uses a watch at a time. Symbolic links are not followed; other file systems that are
 * mounted below the root are.
 */
#pragma once
#include "base/error.h"
#include <stdint.h>

struct watch;

enum watch_what {
    WATCH_CHANGED,    // a file was made, written to, touched or moved here
    WATCH_CLOSED,     // a file that was open for writing was closed
    WATCH_GONE,       // a file or folder was deleted or moved away
    WATCH_NEW_FOLDER, // a folder came (made or moved here): list it, for what it held is not told
    WATCH_LOST,       // news were lost, or the root itself went: a scan is due
};

struct watch_news {
    enum watch_what what;
    const char *path; // relative to the root, no "./"; "" for WATCH_LOST; valid until the next call
};

// Watches `root` and every folder below. Where the kernel has no more watches (ERROR_NO_SPACE
// inside), it goes on with what it has: watch_whole() is false and the first news is WATCH_LOST.
MUST_CHECK bool watch_open(const char *root, struct watch **out, struct error *err);
// 1: *news is set; 0: none within wait_ns (0: only looks, below 0: for ever); -1: an error.
int watch_next(struct watch *watch, int64_t wait_ns, struct watch_news *news, struct error *err);
// All folders below the root are watched. If not: /proc/sys/fs/inotify/max_user_watches is too low.
bool watch_whole(const struct watch *watch);
int watch_fd(const struct watch *watch); // readable when watch_next may have news
void watch_close(struct watch *watch);   // NULL is fine
