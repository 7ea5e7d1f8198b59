/*
 * formats/sums: lists of digests as md5sum, sha1sum and xxhsum write them, and sidecars that hold
 * one digest alone.
 *
 * Lines are "DIGEST  NAME" or "DIGEST *NAME" (GNU; a '\' in front says that the name is escaped),
 * "MD5 (NAME) = DIGEST" (BSD), or a digest alone. Lines that begin with '#' or ';' and empty ones
 * say nothing. What kind a digest is says its line, else `kind`, else its length: 32 digits are
 * MD5, 40 SHA-1, 16 XXH64.
 */
#pragma once
#include "base/arena.h"

enum { SUMS_BYTES = 64 << 20 };

struct sum {
    const char *kind;   // "md5", "sha1", "xxh64", "xxh3", "xxh128"
    const char *digest; // lower-case hex
    const char *path;   // '/' between; NULL: the line has no name
};
// `kind`: of this list by its name, or NULL. Everything lives in the arena. DAMAGED naming the line
// when one is none of these; TOO_BIG.
MUST_CHECK bool sums_read(text bytes, const char *kind, struct arena *a, struct sum **rows,
                          size_t *count, struct error *err);
// The kind that a file's name says: "clip.mov.md5", "MD5SUMS", "card.xxh64". *kind NULL: it says
// that it is a list, not of which. False: it is no list.
bool sums_named(const char *name, const char **kind);
