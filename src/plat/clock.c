#include "plat/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static _Atomic int64_t shift_ms;

__attribute__((constructor)) static void shift_from_environment(void)
{
    const char *by = getenv("POSTHOUSE_TEST_CLOCK_MS");
    int64_t ms;
    if (by && text_int(text_of(by), &ms))
        shift_ms = ms;
}

int64_t clock_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + shift_ms;
}

int64_t clock_tick_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_shift_ms(int64_t by_ms)
{
    shift_ms += by_ms;
}

void clock_sleep_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

short_text clock_text(int64_t at_ms)
{
    short_text out;
    struct tm utc;
    int64_t ms = at_ms % 1000;
    time_t s = (time_t)(at_ms / 1000 - (ms < 0 ? 1 : 0));
    ms += ms < 0 ? 1000 : 0;
    if (!gmtime_r(&s, &utc) || utc.tm_year > 8099 || utc.tm_year < -1900) {
        snprintf(out.text, sizeof(out.text), "9999-12-31T23:59:59.999Z");
        return out;
    }
    size_t used = strftime(out.text, sizeof(out.text), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out.text + used, sizeof(out.text) - used, ".%03dZ", (int)ms);
    return out;
}

bool clock_parse(text t, int64_t *at_ms)
{
    char copy[40], *rest;
    struct tm utc = {0};
    if (!text_copy(t, copy, sizeof(copy)) || !(rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &utc)))
        return false;
    int64_t ms = 0, scale = 100;
    if (*rest == '.')
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, scale /= 10)
            ms += (*rest - '0') * scale;
    if (rest[0] != 'Z' || rest[1])
        return false;
    *at_ms = (int64_t)timegm(&utc) * 1000 + ms;
    return true;
}
