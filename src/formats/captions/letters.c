/*
 * Bytes to lines of UTF-8, letters, entities and colours: what several formats need.
 */
#include "formats/captions/inside.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

// What Windows-1252 has where ISO 8859-1 has control characters.
static const uint16_t windows[32] = {
    0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
};

size_t put_letter(uint32_t l, char to[4])
{
    if (l > 0x10ffff || (l >= 0xd800 && l < 0xe000))
        l = 0xfffd;
    if (l < 0x80) {
        to[0] = (char)l;
        return 1;
    }
    size_t more = l < 0x800 ? 1 : l < 0x10000 ? 2 : 3;
    static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
    to[0] = (char)(first[more] | l >> (6 * more));
    for (size_t i = 1; i <= more; i++)
        to[i] = (char)(0x80 | (l >> (6 * (more - i)) & 0x3f));
    return more + 1;
}

uint32_t take_letter(text *t)
{
    uint8_t c = (uint8_t)t->at[0];
    size_t more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : 9;
    uint32_t l = more == 0 ? c : more == 1 ? c & 0x1f : more == 2 ? c & 0x0f : c & 0x07;
    bool good = more < 9 && more < t->size;
    for (size_t i = 1; good && i <= more; i++) {
        good = ((uint8_t)t->at[i] & 0xc0) == 0x80;
        l = l << 6 | ((uint8_t)t->at[i] & 0x3f);
    }
    size_t used = good ? more + 1 : 1;
    t->at += used, t->size -= used;
    return good ? l : 0xfffd;
}

static text of_utf16(struct arena *a, text bytes, bool big)
{
    char *to = arena_take(a, bytes.size / 2 * 3 + 4);
    size_t used = 0;
    for (size_t i = 0; i + 1 < bytes.size; i += 2) {
        const uint8_t *p = (const uint8_t *)bytes.at + i;
        uint32_t l = big ? (uint32_t)(p[0] << 8 | p[1]) : (uint32_t)(p[1] << 8 | p[0]);
        if (l >= 0xd800 && l < 0xdc00 && i + 3 < bytes.size) {
            uint32_t low = big ? (uint32_t)(p[2] << 8 | p[3]) : (uint32_t)(p[3] << 8 | p[2]);
            if (low >= 0xdc00 && low < 0xe000) {
                l = 0x10000 + ((l - 0xd800) << 10) + (low - 0xdc00);
                i += 2;
            }
        }
        used += put_letter(l ? l : 0xfffd, to + used);
    }
    return (text){to, used};
}

text text_as_utf8(struct arena *a, text bytes, struct caption_report *report)
{
    const uint8_t *b = (const uint8_t *)bytes.at;
    if (bytes.size >= 2 && ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff)))
        return of_utf16(a, (text){bytes.at + 2, bytes.size - 2}, b[0] == 0xfe);
    if (text_starts(bytes, "\xef\xbb\xbf"))
        bytes.at += 3, bytes.size -= 3;
    if (!bytes.size || text_utf8(bytes))
        return bytes;
    caption_note(report, "encoding", NULL, NULL, "the file is not UTF-8: read as Windows-1252");
    char *to = arena_take(a, bytes.size * 3 + 4);
    size_t used = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t c = (uint8_t)bytes.at[i];
        used += put_letter(c == 0                  ? 0xfffd
                           : c >= 0x80 && c < 0xa0 ? windows[c - 0x80]
                                                   : c,
                           to + used);
    }
    return (text){to, used};
}

bool take_line(text *rest, text *line)
{
    if (!rest->size)
        return false;
    size_t n = 0;
    while (n < rest->size && rest->at[n] != '\n' && rest->at[n] != '\r')
        n++;
    *line = (text){rest->at, n};
    if (n + 1 < rest->size && rest->at[n] == '\r' && rest->at[n + 1] == '\n')
        n++;
    n += n < rest->size;
    rest->at += n, rest->size -= n;
    return true;
}

uint32_t entity(text name)
{
    static const struct {
        const char *name;
        uint32_t letter;
    } known[] = {{"amp", '&'},       {"lt", '<'},       {"gt", '>'},      {"quot", '"'},
                 {"apos", '\''},     {"nbsp", 0xa0},    {"lrm", 0x200e},  {"rlm", 0x200f},
                 {"hellip", 0x2026}, {"mdash", 0x2014}, {"ndash", 0x2013}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (text_is(name, known[i].name))
            return known[i].letter;
    if (name.size < 2 || name.at[0] != '#' || name.size > 9)
        return 0;
    uint32_t l = 0;
    bool hex = (name.at[1] | 0x20) == 'x';
    for (size_t i = hex ? 2 : 1; i < name.size; i++) {
        int c = (unsigned char)name.at[i];
        if (hex ? !isxdigit(c) : !isdigit(c))
            return 0;
        l = l * (hex ? 16 : 10) + (uint32_t)(isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return l <= 0x10ffff ? l : 0xfffd;
}

uint32_t letter_base(uint32_t l)
{
    // Latin-1 and Latin Extended-A: the letter without what is on it. '.' has none.
    static const char latin[] = "AAAAAAACEEEEIIIIDNOOOOO.OUUUUYTsaaaaaaaceeeeiiiidnooooo.ouuuuyty";
    static const char more[] =
        "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlLlLlNnNnNnnNnOoOoOoOoRrRrRr"
        "SsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";
    char c = '.';
    if (l >= 0xc0 && l < 0x100)
        c = latin[l - 0xc0];
    else if (l >= 0x100 && l < 0x100 + sizeof(more) - 1)
        c = more[l - 0x100];
    else if (l == 0x218 || l == 0x219)
        c = l == 0x218 ? 'S' : 's';
    else if (l == 0x21a || l == 0x21b)
        c = l == 0x21a ? 'T' : 't';
    return c == '.' ? 0 : (uint32_t)c;
}

// ---- colours

static const struct {
    const char *name;
    uint32_t rgba;
} names[] = {
    {"black", 0x000000ff},       {"red", 0xff0000ff},     {"lime", 0x00ff00ff},
    {"yellow", 0xffff00ff},      {"blue", 0x0000ffff},    {"magenta", 0xff00ffff},
    {"cyan", 0x00ffffff},        {"white", 0xffffffff},   {"green", 0x008000ff},
    {"aqua", 0x00ffffff},        {"fuchsia", 0xff00ffff}, {"gray", 0x808080ff},
    {"silver", 0xc0c0c0ff},      {"maroon", 0x800000ff},  {"purple", 0x800080ff},
    {"navy", 0x000080ff},        {"teal", 0x008080ff},    {"olive", 0x808000ff},
    {"transparent", 0x00000000}, {"orange", 0xffa500ff},
};

static bool hex_colour(text t, uint32_t *rgba)
{
    uint32_t value = 0;
    for (size_t i = 0; i < t.size; i++) {
        int c = (unsigned char)t.at[i];
        if (!isxdigit(c))
            return false;
        value = value << 4 | (uint32_t)(isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    if (t.size == 3) {
        uint32_t r = value >> 8 & 15, g = value >> 4 & 15, b = value & 15;
        value = r * 17 << 16 | g * 17 << 8 | b * 17;
    } else if (t.size == 8) {
        *rgba = value;
        return true;
    } else if (t.size != 6) {
        return false;
    }
    *rgba = value << 8 | 0xff;
    return true;
}

static bool call_colour(text t, uint32_t *rgba) // rgb(1,2,3) and rgba(1,2,3,4)
{
    bool alpha = text_starts(t, "rgba(");
    if (!alpha && !text_starts(t, "rgb("))
        return false;
    t.at += alpha ? 5 : 4, t.size -= alpha ? 5 : 4;
    text inner = text_cut(&t, ')');
    uint32_t value = 0;
    for (int i = 0; i < 3 + alpha; i++) {
        int64_t part;
        if (!text_int(text_trim(text_cut(&inner, ',')), &part) || part < 0 || part > 255)
            return false;
        value = value << 8 | (uint32_t)part;
    }
    *rgba = alpha ? value : value << 8 | 0xff;
    return !inner.size;
}

bool colour_named(text name, uint32_t *rgba)
{
    name = text_trim(name);
    if (name.size && name.at[0] == '#')
        return hex_colour((text){name.at + 1, name.size - 1}, rgba);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (name.size == strlen(names[i].name) &&
            strncasecmp(name.at, names[i].name, name.size) == 0) {
            *rgba = names[i].rgba;
            return true;
        }
    return call_colour(name, rgba);
}

int colour_index8(uint32_t rgba)
{
    return (rgba >> 24 >= 0x80 ? 1 : 0) | ((rgba >> 16 & 0xff) >= 0x80 ? 2 : 0) |
           ((rgba >> 8 & 0xff) >= 0x80 ? 4 : 0);
}

const char *colour_name8(uint32_t rgba)
{
    return names[colour_index8(rgba)].name;
}
