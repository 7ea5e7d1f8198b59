#include "formats/sequence/sequence.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_picture(text ending)
{
    static const char *const endings[] = {"exr", "dpx",  "cin", "tif", "tiff", "png",
                                          "jpg", "jpeg", "jp2", "j2k", "tga",  "bmp",
                                          "dng", "ari", "arx"};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        if (strlen(endings[i]) == ending.size &&
            strncasecmp(endings[i], ending.at, ending.size) == 0)
            return true;
    return false;
}

// "_v002", ".V12", " v3": a version, not a frame.
static bool is_version(text before)
{
    size_t n = before.size;
    if (n < 1 || (before.at[n - 1] != 'v' && before.at[n - 1] != 'V'))
        return false;
    return n == 1 || strchr("_-. ", before.at[n - 2]) != NULL;
}

bool sequence_name_parse(text name, struct sequence_name *parts)
{
    size_t dot = name.size;
    while (dot > 0 && name.at[dot - 1] != '.')
        dot--;
    if (dot < 2 || !is_picture((text){name.at + dot, name.size - dot}))
        return false;
    size_t end = dot - 1, begin = end;
    while (begin > 0 && isdigit((unsigned char)name.at[begin - 1]))
        begin--;
    size_t digits = end - begin;
    if (!digits || digits > 12 || is_version((text){name.at, begin}))
        return false;
    int64_t number = 0;
    if (!text_int((text){name.at + begin, digits}, &number))
        return false;
    // A sign only where something else separates: "a.-0005.exr", not "take-0005.exr".
    bool negative = begin >= 2 && name.at[begin - 1] == '-' && strchr("._", name.at[begin - 2]);
    begin -= negative ? 1 : 0;
    *parts = (struct sequence_name){.before = {name.at, begin},
                                    .after = {name.at + end, name.size - end},
                                    .number = negative ? -number : number,
                                    .padding = (int)digits};
    return true;
}

static bool same_text(text a, text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

static int digits_of(int64_t number)
{
    int count = 1;
    for (number = number < 0 ? -number : number; number > 9; number /= 10)
        count++;
    return count;
}

// Longer only because the number is: 10000 fits "####", 00100 does not.
static bool padding_fits(const struct sequence_name *longer, const struct sequence_name *other)
{
    return longer->padding == other->padding ||
           (longer->padding == digits_of(longer->number) && longer->padding > other->padding);
}

bool sequence_same(const struct sequence_name *a, const struct sequence_name *b)
{
    return same_text(a->before, b->before) && same_text(a->after, b->after) &&
           (padding_fits(a, b) || padding_fits(b, a));
}

bool sequence_pattern(const struct sequence_name *parts, char *to, size_t room)
{
    static const char marks[] = "############";
    int size = snprintf(to, room, "%.*s%.*s%.*s", (int)parts->before.size, parts->before.at,
                        parts->padding, marks, (int)parts->after.size, parts->after.at);
    return size >= 0 && (size_t)size < room;
}

bool sequence_file(const struct sequence_name *parts, int64_t number, char *to, size_t room)
{
    int size = snprintf(to, room, "%.*s%s%0*" PRId64 "%.*s", (int)parts->before.size,
                        parts->before.at, number < 0 ? "-" : "", parts->padding,
                        number < 0 ? -number : number, (int)parts->after.size, parts->after.at);
    return size >= 0 && (size_t)size < room;
}

const char *sequence_frame(struct arena *a, const char *pattern, int64_t frame)
{
    const char *at = strpbrk(pattern, "#%$");
    size_t size = 0;
    int digits = 0;
    if (!at)
        return pattern;
    if (*at == '#') {
        size = strspn(at, "#");
        digits = (int)size;
    } else if (*at == '%') {
        char *end;
        digits = (int)strtol(at + 1, &end, 10);
        size = *end == 'd' ? (size_t)(end + 1 - at) : 0;
    } else if (at[1] == 'F') {
        char *end;
        digits = (int)strtol(at + 2, &end, 10);
        size = (size_t)(end - at);
    }
    if (!size || digits < 0 || digits > 18)
        return pattern;
    return arena_format(a, "%.*s%0*lld%s", (int)(at - pattern), pattern, digits, (long long)frame,
                        at + size);
}

const char *sequence_tile(struct arena *a, const char *pattern, int64_t tile)
{
    static const char mark[] = "{tile}";
    const char *at = strstr(pattern, mark);
    return at ? arena_format(a, "%.*s%lld%s", (int)(at - pattern), pattern, (long long)tile,
                             at + sizeof(mark) - 1)
              : pattern;
}
