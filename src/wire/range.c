#include "wire/range.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

// Digits only; a number past 2^63 counts as the largest, as it lies behind every file.
static bool digits(text t, int64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < t.size; i++) {
        int digit = t.at[i] - '0';
        if (digit < 0 || digit > 9)
            return false;
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, digit, value))
            *value = INT64_MAX;
        if (*value == INT64_MAX) { // stay there, but every character must be a digit
            for (; i < t.size; i++)
                if (t.at[i] < '0' || t.at[i] > '9')
                    return false;
            break;
        }
    }
    return t.size > 0;
}

enum range_kind range_parse(text header, int64_t size, int64_t *first, int64_t *last)
{
    if (header.size < 6 || strncasecmp(header.at, "bytes=", 6) != 0)
        return RANGE_WHOLE;
    text to = text_trim((text){header.at + 6, header.size - 6});
    if (memchr(to.at, ',', to.size) || !memchr(to.at, '-', to.size))
        return RANGE_WHOLE;
    text from = text_cut(&to, '-');
    if (from.size == 0) { // the last n bytes
        int64_t count;
        if (!digits(to, &count))
            return RANGE_WHOLE;
        if (count == 0 || size == 0)
            return RANGE_OUT;
        *first = count >= size ? 0 : size - count;
        *last = size - 1;
        return RANGE_PART;
    }
    if (!digits(from, first))
        return RANGE_WHOLE;
    if (to.size == 0)
        *last = INT64_MAX;
    else if (!digits(to, last) || *last < *first)
        return RANGE_WHOLE;
    if (*first >= size)
        return RANGE_OUT;
    if (*last >= size)
        *last = size - 1;
    return RANGE_PART;
}

bool etag_listed(text list, const char *etag, bool weak)
{
    bool own_weak = strncmp(etag, "W/", 2) == 0;
    text own = text_of(own_weak ? etag + 2 : etag);
    list = text_trim(list);
    if (text_is(list, "*"))
        return true;
    // Tags may hold commas, so cut at quotes.
    while (list.size) {
        bool its_weak = text_starts(list, "W/");
        if (its_weak)
            list = (text){list.at + 2, list.size - 2};
        if (!list.size || list.at[0] != '"')
            return false;
        const char *end = memchr(list.at + 1, '"', list.size - 1);
        if (!end)
            return false;
        size_t size = (size_t)(end - list.at) + 1;
        if (size == own.size && memcmp(list.at, own.at, size) == 0 &&
            (weak || (!own_weak && !its_weak)))
            return true;
        list = text_trim((text){list.at + size, list.size - size});
        if (list.size && list.at[0] == ',')
            list = text_trim((text){list.at + 1, list.size - 1});
        else if (list.size)
            return false;
    }
    return false;
}

static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static void two_digits(char *to, int number)
{
    to[0] = (char)('0' + number / 10);
    to[1] = (char)('0' + number % 10);
}

short_text http_date(int64_t at_ms)
{
    time_t at = (time_t)(at_ms / 1000);
    struct tm tm;
    gmtime_r(&at, &tm);
    short_text out;
    // By hand: two of them stand in every answer, and the locale must not show.
    memcpy(out.text, "Sun, 06 Nov 1994 08:49:37 GMT", 30);
    memcpy(out.text, days[tm.tm_wday], 3);
    two_digits(out.text + 5, tm.tm_mday);
    memcpy(out.text + 8, months[tm.tm_mon], 3);
    two_digits(out.text + 12, (tm.tm_year + 1900) / 100 % 100);
    two_digits(out.text + 14, (tm.tm_year + 1900) % 100);
    two_digits(out.text + 17, tm.tm_hour);
    two_digits(out.text + 20, tm.tm_min);
    two_digits(out.text + 23, tm.tm_sec);
    return out;
}

bool http_date_parse(text t, int64_t *at_ms)
{
    char copy[40], day[4], month[4], zone[4];
    struct tm tm = {0};
    int used = 0;
    if (!text_copy(t, copy, sizeof(copy)) ||
        sscanf(copy, "%3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %3[A-Z]%n", day, &tm.tm_mday,
               month, &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, zone, &used) != 8 ||
        copy[used] != 0 || strcmp(zone, "GMT") != 0)
        return false;
    int m = 0;
    while (m < 12 && strcmp(months[m], month) != 0)
        m++;
    if (m == 12 || tm.tm_year < 1970 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
        tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    tm.tm_mon = m;
    tm.tm_year -= 1900;
    *at_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}
