/*
 * base/config: settings as a table.
 *
 * A setting is a row: name, type, default, one line of help. A file, the environment and flags fill
 * the same rows, in that order; `posthouse config` shows each value and where it came from.
 * A file has lines `name = value`, `#` starts a comment. The environment's name for `media.port` is
 * POSTHOUSE_MEDIA_PORT; the flag's is --media.port=8481 (or two words).
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

enum setting_type { SETTING_TEXT, SETTING_INT, SETTING_BOOL, SETTING_SIZE, SETTING_TIME_MS };

struct setting {
    const char *name;
    enum setting_type type;
    const char *value; // the default in the table; what was set afterwards
    const char *help;
    const char *source; // "default", "file", "environment", "flag": filled by the calls below
    int64_t number;     // value of all types but text; bool is 0 or 1
};

struct config;

// Copies the table; checks that every default is valid (our own mistake if not).
struct config *config_open(const struct setting *table, size_t count);
void config_close(struct config *c);

// Refuses an unknown name or a bad value, naming file, line and the nearest known name.
MUST_CHECK bool config_read(struct config *c, const char *file_name, text content,
                            struct error *err);
MUST_CHECK bool config_environment(struct config *c, char *const *environment, struct error *err);
MUST_CHECK bool config_set(struct config *c, const char *name, const char *value,
                           const char *source, struct error *err);

// For names in the table only: another name is our own mistake and ends the process.
const char *config_text(const struct config *c, const char *name);
int64_t config_int(const struct config *c, const char *name);
bool config_bool(const struct config *c, const char *name);
size_t config_count(const struct config *c);
const struct setting *config_row(const struct config *c, size_t index);
// "64 MiB", "10 GB", as in a setting of that type.
bool config_size(text t, int64_t *size_bytes);
