/*
 * arrive: which files of a folder may be taken, seen look by look.
 *
 * A file may be taken when it has been the same for so many looks one after another (size, times
 * and inode: a copy that keeps the times of its source still changes the last of them), is old
 * enough, nobody has it open for writing, and its name is not one that programs give to what is not
 * finished. The one idea behind it: nothing is remembered but the look before, so a watcher that is
 * started anew only waits a little longer.
 *
 * Not safe for several threads.
 */
#pragma once
#include "base/text.h"
#include "plat/files.h"

enum arrive_state {
    ARRIVE_READY,
    ARRIVE_CHANGING, // it was not the same for enough looks yet
    ARRIVE_YOUNG,    // its last change is not long enough ago
    ARRIVE_WRITTEN,  // somebody has it open for writing
    ARRIVE_NAMED,    // its name says that it is not finished
    ARRIVE_LOCKED,   // a lock of an editing program lies beside it
    ARRIVE_LEFT_OUT, // by the rules' patterns, or what file managers leave behind
};

struct arrive_rules {
    const char *include, *exclude; // shell patterns, a line each; NULL: all, none
    int looks;                     // at least 1
    int64_t age_ms;                // since its last change
    // Whether somebody has it open for writing; NULL: nobody can tell.
    enum file_writer (*writer)(const char *path);
};

struct arrive_file {
    char *path; // below the folder, '/' between
    bool folder;
    int64_t size, modified_ns, changed_ns;
    uint64_t inode;
    int same; // looks
    enum arrive_state state;
    // Of the caller, kept from look to look while the file stays the same.
    bool taken;
    int64_t again_ms; // not before
    char *problem;    // malloc'd, or NULL
};

struct arrive;
struct arrive *arrive_open(const struct arrive_rules *rules); // the rules stay the caller's
void arrive_close(struct arrive *a);                          // NULL is fine

// A look: begin, see each file and folder, end. What was not seen is forgotten.
void arrive_begin(struct arrive *a);
void arrive_see(struct arrive *a, const struct file_seen *f);
void arrive_end(struct arrive *a, const char *root, int64_t now_ms);
// A look that could not be ended (the folder is away): the one before stays.
void arrive_undo(struct arrive *a);

// A folder before what is in it, and that all together. Valid until the next arrive_end.
struct arrive_file *arrive_files(struct arrive *a, size_t *count);
// NULL when it was not seen.
struct arrive_file *arrive_file(struct arrive *a, const char *path);
// How many of those behind `index` lie in that folder.
size_t arrive_inside(const struct arrive *a, size_t index);

// ---- Names by themselves

// What programs call a file that they are still writing: .part, .tmp, .crdownload, ~ and the like,
// rsync's .NAME.XXXXXX; and the locks of editing programs.
bool arrive_name_unfinished(const char *name);
// The lock of a project (Premiere .prlock, Avid .lck, InDesign .idlk): what it is a lock of,
// without ending, into `stem`. False: it is none.
bool arrive_name_lock(const char *name, char *stem, size_t room);
// By the patterns of the rules: a pattern with '/' is of the path, else of the name.
bool arrive_wanted(const struct arrive_rules *rules, const char *path);
// "is still changing", "has a name of ...": why it waits.
const char *arrive_why(enum arrive_state state);
