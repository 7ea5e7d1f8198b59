/*
 * sync/names: which names of a folder go to the house, and what they are called on both sides.
 *
 * A path is relative, '/' between. Two spellings of one name (composed and decomposed letters,
 * another case) are one path: its key.
 */
#pragma once
#include "base/arena.h"
#include "base/text.h"

// The key of a path. In `a`.
const char *sync_key(struct arena *a, const char *path);
const char *sync_name_of(const char *path); // behind the last '/'

// Why a name can not go to the house, "" when it can: not UTF-8, control characters, over 255
// bytes.
const char *sync_name_bad(const char *name);
// Why Windows can not have a name, "" when it can (Naming Files, Paths, and Namespaces). It goes to
// the house all the same.
const char *sync_name_awkward(const char *name);

// "cut (conflict of ann at desk 2026-11-27 14.03.12).prproj", at most 255 bytes; the `number`th of
// that second. In `a`.
const char *sync_conflict_name(struct arena *a, const char *name, const char *user,
                               const char *host, int64_t at_ms, int number);

/*
 * What is left out. Lines as in .gitignore, of which this much is read: "#" comments, "!" takes
 * back, "/" at the end is for folders only, "/" elsewhere ties to the top, "*" and "?" stop at "/",
 * "**" does not, "[a-z]" and "[!a-z]", "\" takes the next as it is. The last line that fits counts;
 * nothing comes back below a folder that is left out. Case does not matter. At most 1,000 lines of
 * 255 bytes.
 */
struct sync_ignore;
struct sync_ignore *sync_ignore_open(text lines); // after those that always are there
void sync_ignore_close(struct sync_ignore *g);    // NULL is fine
// Whether the path itself is named; folders above it were asked before.
bool sync_ignored(const struct sync_ignore *g, const char *path, bool folder);
extern const char sync_ignore_always[]; // the lines that are there before those of a folder
bool sync_glob(const char *pattern, const char *path); // one pattern, for tests
