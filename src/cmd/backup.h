/*
 * cmd/backup: what lies in a backup's folder.
 *
 *   TO/2026-11-27_031500Z/   one backup: house.db, the house's small files, bytes.list,
 * manifest.json (last: with it the backup is whole) TO/store/                the bytes of all of
 * them, each once
 */
#pragma once
#include "base/error.h"
#include <jansson.h>

#define BACKUP_FORMAT 1

// The manifest of the backup `name` below `to`, or NULL with *err set. New reference.
json_t *backup_manifest(const char *to, const char *name, struct error *err);
// Names of the whole backups in `to`, oldest first by the number in their manifests (a clock may have
// been set back), as a JSON list of text. NULL with *err set.
json_t *backup_list(const char *to, struct error *err);
// Hex SHA-256 of a file's bytes.
MUST_CHECK bool backup_digest(const char *path, char hex[65], struct error *err);
MUST_CHECK bool backup_copy_file(const char *from, const char *to, struct error *err);
