#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic int shown_level = LOG_INFO;
static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_set_level(enum log_level level)
{
    atomic_store(&shown_level, (int)level);
}

bool log_level_named(const char *name, enum log_level *level)
{
    for (int i = 0; i <= LOG_DEBUG; i++)
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    return false;
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    if ((int)level > atomic_load(&shown_level))
        return;
    char line[4096];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t used = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &utc);
    used += (size_t)snprintf(line + used, sizeof(line) - used, ".%03ldZ %s %s ",
                             now.tv_nsec / 1000000, level_names[level], event);
    va_list list;
    va_start(list, format);
    int need = vsnprintf(line + used, sizeof(line) - used - 1, format, list);
    va_end(list);
    used += need < 0                                 ? 0
            : (size_t)need < sizeof(line) - used - 1 ? (size_t)need
                                                     : sizeof(line) - used - 2;
    line[used++] = '\n';
    // One write a line, so that lines of several threads and processes do not mix.
    ssize_t wrote = write(STDERR_FILENO, line, used);
    (void)wrote; // nowhere to say it
}

log_value log_quote(const char *value)
{
    log_value out;
    size_t to = 0;
    bool plain = value && value[0];
    for (const char *c = value; plain && *c; c++)
        plain = (unsigned char)*c > ' ' && *c != '"' && *c != '=' && *c != 127;
    if (!plain)
        out.text[to++] = '"';
    for (size_t i = 0; value && value[i] && i < 200 && to < sizeof(out.text) - 8; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c < ' ' || c == 127)
            to += (size_t)snprintf(out.text + to, 8, "\\x%02x", c);
        else {
            if (c == '"' || c == '\\')
                out.text[to++] = '\\';
            out.text[to++] = (char)c;
        }
    }
    if (!plain)
        out.text[to++] = '"';
    out.text[to] = 0;
    return out;
}

log_reference log_problem(const char *event, const struct error *err)
{
    static const char letters[] = "abcdefghjkmnpqrstvwxyz0123456789"; // 32 of them
    static _Atomic uint64_t count;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t mix = ((uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 30 ^ (uint64_t)getpid() << 50) +
                   atomic_fetch_add(&count, 1) * 0x9e3779b97f4a7c15u;
    mix *= 0xbf58476d1ce4e5b9u;
    mix ^= mix >> 31;
    log_reference ref;
    for (int i = 0; i < 8; i++, mix >>= 5)
        ref.text[i] = letters[mix & 31];
    ref.text[8] = 0;
    const struct error_facts *f = error_facts(err->kind);
    enum log_level level = f->http_status >= 500 ? LOG_ERROR : LOG_INFO;
    log_line(level, event, "reference=%s kind=%s what=%s why=%s", ref.text, f->name,
             log_quote(err->what).text, log_quote(err->why).text);
    return ref;
}
