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
               b = bytes ? size_text(total) : count_text(total),
               r = bytes ? rate_text((int64_t)rate) : count_text((int64_t)rate);
    if (p->terminal)
        fprintf(stderr, "\r\033[K%s [%s] %s of %s %s, %s%s%s", p->what, bar, a.text, b.text,
                bytes ? "" : p->unit, r.text, bytes ? "" : "/s", rest);
    else
        fprintf(stderr, "%s: %s of %s %s, %s%s%s\n", p->what, a.text, b.text, bytes ? "" : p->unit,
                r.text, bytes ? "" : "/s", rest);
}

void progress_end(struct progress *p)
{
    if (p->shown && p->terminal)
        fprintf(stderr, "\r\033[K");
}
