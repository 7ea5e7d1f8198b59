#include "cmd/progress.h"
#include "base/text.h"
#include "plat/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct progress progress_begin(const char *what, const char *unit, bool quiet)
{
    return (struct progress){what,  unit, clock_tick_us(), 0, isatty(STDERR_FILENO) == 1,
                             quiet, false};
}

// ", 31/s", or ", 4 s each" of what takes longer than a second; nothing before the first.
static void pace_text(bool bytes, double rate, char *to, size_t size)
{
    if (bytes)
        snprintf(to, size, ", %s", rate_text((int64_t)rate).text);
    else if (rate >= 1)
        snprintf(to, size, ", %s/s", count_text((int64_t)rate).text);
    else if (rate > 0)
        snprintf(to, size, ", %s each", time_text((int64_t)(1 / rate + 0.5)).text);
    else
        to[0] = 0;
}

void progress_show(struct progress *p, int64_t done, int64_t total)
{
    int64_t now = clock_tick_us(), every = p->terminal ? 200000 : 10000000;
    if (p->quiet || now - (p->shown_us ? p->shown_us : p->began_us) < every)
        return;
    p->shown_us = now;
    p->shown = true;
    bool bytes = strcmp(p->unit, "bytes") == 0;
    double seconds = (double)(now - p->began_us) / 1e6,
           rate = (double)done / (seconds > 0.001 ? seconds : 0.001);
    char bar[31], rest[80] = "";
    int full = total > 0 ? (int)(done * 30 / total) : 0;
    for (int i = 0; i < 30; i++)
        bar[i] = i < full ? '=' : i == full ? '>' : ' ';
    bar[30] = 0;
    if (total > 0 && rate > 0 && seconds > 1)
        snprintf(rest, sizeof(rest), ", %s left",
                 time_text((int64_t)((double)(total - done) / rate)).text);
    short_text a = bytes ? size_text(done) : count_text(done),
               b = bytes ? size_text(total) : count_text(total);
    char pace[48];
    pace_text(bytes, rate, pace, sizeof(pace));
    if (p->terminal)
        fprintf(stderr, "\r\033[K%s [%s] %s of %s %s%s%s", p->what, bar, a.text, b.text,
                bytes ? "" : p->unit, pace, rest);
    else
        fprintf(stderr, "%s: %s of %s %s%s%s\n", p->what, a.text, b.text, bytes ? "" : p->unit,
                pace, rest);
}

void progress_end(struct progress *p)
{
    if (p->shown && p->terminal)
        fprintf(stderr, "\r\033[K");
}
