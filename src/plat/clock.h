/*
 * plat/clock: time as the rest of the house asks for it, so that a test can make it midnight.
 */
#pragma once
#include "base/text.h"

// Wall-clock milliseconds since 1970 UTC: for people and records. May jump.
int64_t clock_now_ms(void);
// Monotonic microseconds: for measuring and waiting.
int64_t clock_tick_us(void);
// Test only: adds to what clock_now_ms says from now on (env POSTHOUSE_TEST_CLOCK_MS does at
// start).
void clock_shift_ms(int64_t by_ms);
void clock_sleep_ms(int64_t ms);

// "2026-11-24T00:01:39.123Z" (RFC 3339, UTC) and back.
short_text clock_text(int64_t at_ms);
bool clock_parse(text t, int64_t *at_ms);
