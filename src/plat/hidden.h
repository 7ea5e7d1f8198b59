/*
 * plat/hidden: a folder beside the place of what is being made, until it is whole:
 * <folder>/.posthouse-<mark>.
 *
 * Whoever has one holds a lock on the file ".lock" in it; the system lets it go when that process
 * is killed, on shared disks too (NFS since Linux 2.6.12 carries flock to its server). So the
 * next one that works in the same folder removes those that nobody holds, and can not take one that
 * is in use. Without locks (some file systems have none) nothing of others is removed; what has no
 * lock file at all goes when it has not been touched for a day.
 */
#pragma once
#include "base/error.h"

struct hidden;

// Made with what is above it; empty, whatever an earlier life left there. `mark`: letters, digits
// and '-'. CONFLICT when another process has one of this mark.
MUST_CHECK struct hidden *hidden_open(const char *folder, const char *mark, struct error *err);
const char *hidden_path(const struct hidden *h);
// The same as <folder>/<front><mark>: folders of work of a process, for one that ends without
// cleaning up.
MUST_CHECK struct hidden *hidden_open_as(const char *folder, const char *front, const char *mark,
                                         struct error *err);
// Removed with what is left in it; false only says that it could not be. NULL is fine.
bool hidden_close(struct hidden *h, struct error *err);
