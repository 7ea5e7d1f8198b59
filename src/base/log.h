/*
 * base/log: one event a line, `key=value`, on standard error; people read it and so does grep.
 *
 *   2026-11-24T00:01:39.123Z info job.done job=01J.. kind=proxy took_ms=812
 *
 * error = somebody must act, warn = someone should look, info = what a day looks like, debug = for
 * us. No secrets, no media content. An error is logged once, where it is handled. Values with
 * spaces, quotes or control characters are written by log_quote. The level is the process's.
 */
#pragma once
#include "base/error.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
bool log_level_named(const char *name, enum log_level *level);

void log_line(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);
#define log_error(event, ...) log_line(LOG_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...) log_line(LOG_WARN, event, __VA_ARGS__)
#define log_info(event, ...) log_line(LOG_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_line(LOG_DEBUG, event, __VA_ARGS__)

// An error that is handled here, with a short reference (8 letters and digits) that the person is
// shown too. Returns the reference.
typedef struct {
    char text[16];
} log_reference;
log_reference log_problem(const char *event, const struct error *err);

// `value` with quotes when it needs them, cut at 200 bytes.
typedef struct {
    char text[512];
} log_value;
log_value log_quote(const char *value);
