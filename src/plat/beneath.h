/*
 * plat/beneath: looking at and opening what lies below a folder that belongs to others, who may
 * change it at any moment.
 *
 * Nothing here leaves the root: a symbolic link in a path, or a path that leads out, is not
 * followed, whenever it was put there. Names are bytes as the disk says them, not always UTF-8.
 */
#pragma once
#include "plat/files.h"

struct beneath_entry {
    const char *name;
    enum file_kind kind;
    bool unseen;            // it is there, but could not be looked at: what it is is not known
    int64_t size, mtime_ns; // of a plain file
    uint64_t inode;
};
struct beneath_folder {
    uint64_t device, inode;
    bool mounted;                  // something is mounted at it
    struct beneath_entry *entries; // by name
    size_t count;
    size_t unseen; // how many of them are
    char *names;
};
// All that is in the folder at `path` below `root` ("": the root itself). 0, or a negative errno
// value, also when reading it broke off, or its server stopped answering: then nothing is told.
// A client of a server remembers sizes and times for a while (NFS: up to a minute); `anew`: the
// server is asked for each of them. The folder's own are always asked for, so what came and went
// is seen.
int beneath_look(const char *root, const char *path, bool anew, struct beneath_folder *folder);
void beneath_free(struct beneath_folder *folder);
// Whether a negative errno value says that a volume or its server does not give what it has (NFS:
// ESTALE, EIO, ETIMEDOUT), and nothing of the file.
bool beneath_away(int code);
// Whether the root is there, as its server says now. 0, or a negative errno value.
int beneath_ask(const char *root, uint64_t *inode);

// Whether the kernel of this machine makes all changes below the root itself: false of NFS, SMB and
// other file systems that are shared, and of what is not known.
bool beneath_is_local(const char *root);
// Whether a file keeps its inode number, so that it can be told by it: false of what a program
// makes up (FUSE), where another file may have it after a while.
bool beneath_inodes_last(const char *root);
// The same of a kind of file system, as statfs(2) tells it.
bool beneath_type_is_local(uint64_t type);
bool beneath_type_inodes_last(uint64_t type);

struct beneath_file {
    int64_t size, mtime_ns;
    uint64_t inode;
};
// Opens a plain file for reading. The descriptor, or a negative errno value (ELOOP or EXDEV: a link
// is in the way; EISDIR: it is no plain file).
int beneath_open(const char *root, const char *path, struct beneath_file *seen);
// The same of a descriptor that is open; false when it can not be looked at.
bool beneath_seen(int fd, struct beneath_file *seen);

// From now on this thread does not get in the way of others: of the processor and of disks.
void thread_yields(void);
