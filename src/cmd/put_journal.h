/*
 * cmd/put_journal: what a put has found out, so that one that was killed goes on where it stood
 * without hashing or sending again.
 *
 * A put of the same paths to the same place finds the same journal, a folder under
 * $XDG_STATE_HOME/posthouse/put (else ~/.local/state/...). In it:
 *
 *   put      256 bytes of text (the transfer's key and id, with zeros behind), then 16 bytes for
 *            each file that the house has: the beginning of the SHA-256 over its path, size, time
 *            of change and inode
 *   ID.hash  of a file under way: 64 bytes of head, then for each chunk its SHA-256 and a check
 *            value; a hash that was not written whole counts as not there
 *
 * Nothing here is synced: after a power cut at worst some is hashed and asked for again. Without
 * a place to write, a put works all the same and starts anew when it was killed.
 */
#pragma once
#include "base/error.h"
#include "plat/files.h"
#include "plat/hash.h"

struct journal;

// `what`: everything that says what goes where. CONFLICT when another put of it is running.
struct journal *journal_open(const char *what, struct error *err);
// `done`: nothing is left to go on with; it is removed.
// One that is never dropped (.../posthouse/watch): an error without a place for it.
struct journal *journal_open_lasting(const char *what, struct error *err);
// Whether there is one for it (of journal_open), and nobody else is asked.
bool journal_there(const char *what);
void journal_close(struct journal *j, bool done); // NULL is fine
void journal_keep(struct journal *j); // what was marked outlives a power cut
bool journal_kept(const struct journal *j);       // false: there is no place to write
bool journal_resumes(const struct journal *j);    // there was one

const char *journal_key(const struct journal *j);
// The transfer that the house answered for the key. Another one than before (the house has
// forgotten the first) forgets what was marked.
void journal_transfer(struct journal *j, const char *transfer);
// A new key, for a new transfer; marks stay.
void journal_key_anew(struct journal *j);

// Whether the house has this file, unchanged since. Safe in any thread, as all below.
bool journal_has(struct journal *j, const struct file_seen *f, const char *as);
void journal_mark(struct journal *j, const struct file_seen *f, const char *as);

// The hashes of a large file's chunks.
struct hashes;
struct hashes *hashes_open(struct journal *j, const struct file_seen *f, size_t count);
void hashes_close(struct hashes *h, bool done); // NULL is fine; done: not needed any more
// False: not known yet.
bool hashes_get(const struct hashes *h, size_t number, sha256 *hash);
void hashes_set(struct hashes *h, size_t number, const sha256 *hash);
sha256 hashes_content(const struct hashes *h); // over all
