/*
 * wire/limit: who may do how much how often: a token bucket for each key (an address, an account).
 *
 * Memory is bounded: past `keys` the bucket used longest ago is forgotten (it is fullest).
 */
#pragma once
#include "base/text.h"
#include <stdint.h>

struct rate_limiter;
// `burst` at once, then `per_minute` a minute.
struct rate_limiter *rate_limiter_open(int64_t burst, int64_t per_minute, size_t keys);
void rate_limiter_close(struct rate_limiter *l);
// 0: taken. Else not taken: the seconds after which `cost` will be there. Any thread. The time is
// clock_tick_us() unless a test gives one.
int rate_limit_take(struct rate_limiter *l, text key, int64_t cost);
int rate_limit_take_at(struct rate_limiter *l, text key, int64_t cost, int64_t now_us);
// Gives back (a log-in that succeeded does not count).
void rate_limit_give_back(struct rate_limiter *l, text key, int64_t cost);
