/*
 * farm/desk: whether a machine at which somebody works may be used just now.
 *
 * Two things keep it from work: it is not its hour (`hours`), or its user is there. He is there
 * when keyboard or mouse were used less than `idle_ms` ago. That is asked of, in this order:
 *
 *   - a program of the site's own: it prints the seconds since the last input (xprintidle shows
 *     them in milliseconds: name its unit), or says by its exit status: 0 idle, else not;
 *   - terminals: when one was last read from;
 *   - the kernel's counts of keyboard and mouse interrupts (PS/2; USB ones can not be told apart);
 *   - logind, when there is a seat with somebody at it.
 *
 * The newest sign of life of the last three counts.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <stdint.h>

struct desk;

enum desk_state { DESK_FREE, DESK_USER, DESK_HOURS };

struct desk_wish {
    const char *hours;   // "19:00-08:00, Sat, Sun": when it may work; "": always
    int64_t idle_ms;     // without input, before its user counts as gone
    const char *command; // of the site's own, with its words; "": none
};
// USAGE when the hours can not be read. The wish's texts are copied.
MUST_CHECK bool desk_open(const struct desk_wish *wish, struct desk **desk, struct error *err);
void desk_close(struct desk *d); // NULL is fine
// May ask other programs: takes up to seconds.
enum desk_state desk_look(struct desk *d, int64_t now_ms);

// Parts of it, apart for tests and fuzzing.

enum { DESK_WEEK = 7 * 24 * 60 }; // minutes, from Monday 00:00
// "Mon-Fri 19:00-08:00, Sat": days, times, or both; a time that ends before it begins goes on into
// the next day. Sets the minutes that are in it. False: not readable.
bool desk_hours(text said, bool minutes[DESK_WEEK]);
// Interrupts of keyboard and mouse so far, in /proc/interrupts.
int64_t desk_interrupts(text said);
// What a program says: "12", "12 s", "12000 ms". -1: nothing that can be read.
int64_t desk_idle_ms(text said);
// `loginctl show-seat` with ActiveSession, IdleHint and IdleSinceHint: since when (microseconds
// since 1970) nobody was active; 0: somebody is; INT64_MAX: nobody is there or it is not known.
int64_t desk_idle_since_us(text said);
