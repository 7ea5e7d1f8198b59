/*
 * plat/files: whole files and folders, for those who do not write media.
 *
 * Media bytes and everything that must survive a power cut in small steps go through plat/disk;
 * settings, journals, results of helpers and listings come through here.
 */
#pragma once
#include "base/text.h"

// The whole file into `out`. TOO_BIG when it is longer than out->limit; NOT_FOUND when missing.
MUST_CHECK bool file_read(const char *path, struct buf *out, struct error *err);
// Under a temporary name in the same folder, synced, renamed, folder synced: after it the file is
// there whole, before it the old one is. `mode` such as 0644.
MUST_CHECK bool file_write(const char *path, const void *at, size_t size, int mode,
                           struct error *err);

// The file's bytes as they lie on disk, to be read in any order without taking them into memory.
// *at is NULL when it is empty. A disk that fails later ends the process: for scenes, not for media.
MUST_CHECK bool file_map(const char *path, const uint8_t **at, size_t *size, struct error *err);
void file_unmap(const uint8_t *at, size_t size);

// All of a piece of an open file, however little a call moves at once. `offset` -1: where it stands
// (sockets, pipes). What was read, less at the end of the file; -1: see errno. Writing: false, with
// errno.
int64_t fd_read_all(int fd, void *to, size_t size, int64_t offset);
MUST_CHECK bool fd_write_all(int fd, const void *at, size_t size, int64_t offset);

// What is at a path; false when nothing is. Either answer may be NULL.
bool file_look(const char *path, bool *folder, int64_t *size);

// Calls for each file that fits a shell pattern, in the order of names.
void files_like(const char *pattern, void (*found)(void *context, const char *path, int64_t size),
                void *context);

// mkdir -p. Fine when it is there; CONFLICT when something else is.
MUST_CHECK bool folder_make(const char *path, int mode, struct error *err);
// Removes a folder with all that is in it. Follows no symlink and stays on its file system. Fine
// when it is not there.
MUST_CHECK bool folder_remove(const char *path, struct error *err);

// Whether somebody has a file open for writing, here or, where the file system can tell, on another
// machine: asked by a lease (fcntl F_SETLEASE), which only its owner or root may have.
enum file_writer { WRITER_NONE, WRITER_SOME, WRITER_UNKNOWN };
enum file_writer file_writer(const char *path);

// "<folder>/<name>" in a buffer of `room`; false when it does not fit.
bool path_join(char *to, size_t room, const char *folder, const char *name);
// The folder above: "a/b" -> "a", "a" -> ".", "/a" -> "/".
void path_folder(const char *path, char *to, size_t room);

enum file_kind { FILE_PLAIN, FILE_FOLDER, FILE_LINK, FILE_OTHER };
struct file_seen {
    const char *path;     // as it can be opened: the root given, then `relative`
    const char *relative; // below the root, '/' between; "" for the root itself
    enum file_kind kind;  // of what a symlink points at when links are followed
    int64_t size, modified_ms;
    int64_t modified_ns; // whole modification time, to see changes
    int64_t changed_ns;  // of the inode: what keeps the times of its source changes it, too
    uint64_t device, inode;
};
struct walk_wish {
    bool follow_links; // else a FILE_LINK is shown and not entered. Loops are refused
    bool one_disk;     // does not go into other file systems
    int depth;         // most folders inside one another; 0: 64
    // Shown in the order of names, a folder before what is in it; false ends the walk (with *err
    // set it fails, else it is just over). A folder may be left out by *enter = false.
    bool (*seen)(void *context, const struct file_seen *f, bool *enter, struct error *err);
    void *context;
};
MUST_CHECK bool folder_walk(const char *root, const struct walk_wish *wish, struct error *err);

// What an unprivileged writer may still use, and the size of all, of the file system of a path.
MUST_CHECK bool disk_space(const char *path, int64_t *free_bytes, int64_t *total_bytes,
                           struct error *err);
// False also when one of them is not there.
bool same_file_system(const char *a, const char *b);
