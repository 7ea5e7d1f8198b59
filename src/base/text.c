#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

text text_of(const char *zero_ended)
{
    return (text){zero_ended, zero_ended ? strlen(zero_ended) : 0};
}

bool text_is(text t, const char *zero_ended)
{
    size_t size = strlen(zero_ended);
    return t.size == size && (size == 0 || memcmp(t.at, zero_ended, size) == 0);
}

bool text_starts(text t, const char *with)
{
    size_t size = strlen(with);
    return t.size >= size && (size == 0 || memcmp(t.at, with, size) == 0);
}

bool text_ends(text t, const char *with)
{
    size_t size = strlen(with);
    return t.size >= size && (size == 0 || memcmp(t.at + t.size - size, with, size) == 0);
}

text text_cut(text *t, char mark)
{
    const char *found = t->size ? memchr(t->at, mark, t->size) : NULL;
    text before = {t->at, found ? (size_t)(found - t->at) : t->size};
    size_t used = before.size + (found ? 1 : 0);
    *t = (text){t->size ? t->at + used : t->at, t->size - used};
    return before;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

text text_trim(text t)
{
    while (t.size && is_space(t.at[0]))
        t.at++, t.size--;
    while (t.size && is_space(t.at[t.size - 1]))
        t.size--;
    return t;
}

bool text_int(text t, int64_t *value)
{
    bool negative = t.size && t.at[0] == '-';
    size_t i = negative ? 1 : 0;
    int64_t sum = 0; // kept negative: there is one more number on that side
    if (i == t.size)
        return false;
    for (; i < t.size; i++) {
        if (t.at[i] < '0' || t.at[i] > '9')
            return false;
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_sub_overflow(sum, t.at[i] - '0', &sum))
            return false;
    }
    if (!negative && sum == INT64_MIN)
        return false;
    *value = negative ? sum : -sum;
    return true;
}

bool text_utf8(text t)
{
    for (size_t i = 0; i < t.size;) {
        unsigned char c = (unsigned char)t.at[i];
        int more = c < 0x80                ? 0
                   : c >= 0xc2 && c < 0xe0 ? 1
                   : c >= 0xe0 && c < 0xf0 ? 2
                   : c >= 0xf0 && c < 0xf5 ? 3
                                           : -1;
        if (c == 0 || more < 0 || t.size - i <= (size_t)more)
            return false;
        uint32_t code = more == 0 ? c : c & (0x3fu >> more);
        for (int k = 1; k <= more; k++) {
            unsigned char d = (unsigned char)t.at[i + (size_t)k];
            if ((d & 0xc0) != 0x80)
                return false;
            code = code << 6 | (d & 0x3f);
        }
        if ((more == 2 && code < 0x800) || (more == 3 && (code < 0x10000 || code > 0x10ffff)) ||
            (code >= 0xd800 && code < 0xe000))
            return false;
        i += 1 + (size_t)more;
    }
    return true;
}

bool text_copy(text t, char *to, size_t room)
{
    size_t size = t.size < room ? t.size : room - 1;
    if (size)
        memcpy(to, t.at, size);
    to[size] = 0;
    return size == t.size;
}

char *buf_reserve(struct buf *b, size_t size)
{
    if (b->over || size > b->limit || b->size > b->limit - size) {
        b->over = true;
        return NULL;
    }
    if (b->room - b->size <= size) { // one byte stays for the 0
        size_t room = b->room ? b->room : 64;
        while (room - b->size <= size)
            room *= 2;
        char *at = realloc(b->at, room);
        if (!at) {
            b->over = true;
            return NULL;
        }
        b->at = at;
        b->room = room;
    }
    return b->at + b->size;
}

bool buf_add(struct buf *b, const void *at, size_t size)
{
    char *to = buf_reserve(b, size);
    if (!to)
        return false;
    if (size)
        memcpy(to, at, size);
    b->size += size;
    b->at[b->size] = 0;
    return true;
}

bool buf_text(struct buf *b, const char *zero_ended)
{
    return buf_add(b, zero_ended, strlen(zero_ended));
}

bool buf_xml(struct buf *b, const char *zero_ended)
{
    for (const unsigned char *c = (const unsigned char *)zero_ended; *c; c++)
        switch (*c) {
        case '&':
            buf_text(b, "&amp;");
            break;
        case '<':
            buf_text(b, "&lt;");
            break;
        case '>':
            buf_text(b, "&gt;");
            break;
        case '"':
            buf_text(b, "&quot;");
            break;
        case '\n': // an attribute would make a space of it
            buf_text(b, "&#10;");
            break;
        case '\t':
            buf_text(b, "&#9;");
            break;
        case 0xef:
            if (c[1] == 0xbf && c[2] >= 0xbe) {
                buf_text(b, " ");
                c += 2;
                break;
            }
            // fall through
        default:
            buf_add(b, *c < ' ' ? (const void *)" " : c, 1);
        }
    return !b->over;
}

bool buf_format(struct buf *b, const char *format, ...)
{
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int need = vsnprintf(NULL, 0, format, list);
    va_end(list);
    char *to = need < 0 ? NULL : buf_reserve(b, (size_t)need);
    if (to) {
        vsnprintf(to, (size_t)need + 1, format, again);
        b->size += (size_t)need;
    }
    va_end(again);
    return to != NULL;
}

void buf_drop_front(struct buf *b, size_t size)
{
    size = size < b->size ? size : b->size;
    if (!size)
        return;
    memmove(b->at, b->at + size, b->size - size);
    b->size -= size;
    b->at[b->size] = 0;
}

void buf_free(struct buf *b)
{
    free(b->at);
    *b = (struct buf){.limit = b->limit};
}

short_text size_text(int64_t size_bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    short_text out;
    double value = (double)size_bytes;
    size_t unit = 0;
    // 999.5 would be written as 1000
    while ((value >= 999.5 || value <= -999.5) && unit + 1 < sizeof(units) / sizeof(units[0]))
        value /= 1000, unit++;
    if (unit == 0)
        snprintf(out.text, sizeof(out.text), "%lld B", (long long)size_bytes);
    else
        snprintf(out.text, sizeof(out.text), "%.*f %s", value < 99.95 && value > -99.95 ? 1 : 0,
                 value, units[unit]);
    return out;
}

short_text rate_text(int64_t bytes_a_second)
{
    short_text size = size_text(bytes_a_second), out;
    snprintf(out.text, sizeof(out.text), "%.28s/s", size.text);
    return out;
}

short_text time_text(int64_t seconds)
{
    short_text out;
    long long s = seconds;
    if (s < 60)
        snprintf(out.text, sizeof(out.text), "%lld s", s);
    else if (s < 3600)
        snprintf(out.text, sizeof(out.text), "%lld min %02lld s", s / 60, s % 60);
    else
        snprintf(out.text, sizeof(out.text), "%lld h %02lld min", s / 3600, s / 60 % 60);
    return out;
}

short_text count_text(int64_t count)
{
    char digits[24];
    short_text out;
    int size = snprintf(digits, sizeof(digits), "%lld", (long long)count);
    int start = digits[0] == '-' ? 1 : 0, to = 0;
    for (int i = 0; i < size; i++) {
        if (i > start && (size - i) % 3 == 0)
            out.text[to++] = ',';
        out.text[to++] = digits[i];
    }
    out.text[to] = 0;
    return out;
}

int text_distance(const char *a, const char *b)
{
    int row[64];
    int width = (int)strlen(b), height = (int)strlen(a);
    if (width >= 64 || height >= 64)
        return 64;
    for (int x = 0; x <= width; x++)
        row[x] = x;
    for (int y = 1; y <= height; y++) {
        int corner = row[0];
        row[0] = y;
        for (int x = 1; x <= width; x++) {
            int cost = corner + (a[y - 1] != b[x - 1]);
            corner = row[x];
            int best = corner < row[x - 1] ? corner + 1 : row[x - 1] + 1;
            row[x] = cost < best ? cost : best;
        }
    }
    return row[width];
}

const char *text_nearest(const char *wrong, const char *const *names, size_t count)
{
    const char *best = NULL;
    int best_distance = (int)strlen(wrong) / 2 + 1;
    for (size_t i = 0; i < count; i++) {
        int distance = text_distance(wrong, names[i]);
        if (distance < best_distance) {
            best_distance = distance;
            best = names[i];
        }
    }
    return best;
}
