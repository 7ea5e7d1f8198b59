/*
 * A .cube is lines: a word and its values, or three numbers. Words come before numbers, but DOMAIN
 * and TITLE are taken wherever they stand, since old programs write them last. With both sizes the
 * table's rows come first, then the cube's.
 *
 * The house's own form, little-endian: "PHLU", u16 version 1, u16 scale, u32 size1, u32 size3, f32
 * low1[3] high1[3] low3[3] high3[3], 64 bytes of title, then size1 x 3 and size3^3 x 3 f32.
 */
#include "formats/lut/lut.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MOST = 512, HEAD = 16 + 48 + 64 };

void lut_free(struct lut *l)
{
    free(l->at1);
    free(l->at3);
    *l = (struct lut){0};
}

static size_t nodes_of(size_t size3)
{
    return size3 * size3 * size3;
}

static bool room_for(struct lut *l, struct error *err)
{
    l->at1 = l->size1 ? calloc(l->size1 * 3, sizeof(float)) : NULL;
    l->at3 = l->size3 ? calloc(nodes_of(l->size3) * 3, sizeof(float)) : NULL;
    if ((!l->size1 || l->at1) && (!l->size3 || l->at3))
        return true;
    lut_free(l);
    return error_set(err, ERROR_TOO_BIG, "no memory for the table");
}

bool lut_make(struct lut *l, size_t size1, size_t size3, struct error *err)
{
    *l = (struct lut){.size1 = size1, .size3 = size3, .high1 = {1, 1, 1}, .high3 = {1, 1, 1}};
    if (!room_for(l, err))
        return false;
    for (size_t i = 0; i < size1; i++)
        for (int c = 0; c < 3; c++)
            l->at1[i * 3 + (size_t)c] = (float)i / (float)(size1 - 1);
    for (size_t i = 0; i < nodes_of(size3); i++) {
        l->at3[i * 3] = (float)(i % size3) / (float)(size3 - 1);
        l->at3[i * 3 + 1] = (float)(i / size3 % size3) / (float)(size3 - 1);
        l->at3[i * 3 + 2] = (float)(i / size3 / size3) / (float)(size3 - 1);
    }
    return true;
}

// ---- reading .cube

struct reading {
    struct lut *l;
    size_t line, wanted, got; // rows
    bool domain;              // of DOMAIN_MIN, DOMAIN_MAX
    float low[3], high[3];
    struct error *err;
};

static bool wrong(struct reading *r, const char *why, ...) PRINTF_LIKE(2, 3);
static bool wrong(struct reading *r, const char *why, ...)
{
    char said[300];
    va_list list;
    va_start(list, why);
    vsnprintf(said, sizeof(said), why, list);
    va_end(list);
    error_set(r->err, ERROR_INPUT, "this is no .cube that can be used");
    if (r->line)
        error_why(r->err, "line %zu: %s", r->line, said);
    else
        error_why(r->err, "%s", said);
    return error_fix(r->err, "export the table again as .cube");
}

static text next_word(text *line)
{
    while (line->size && (*line->at == ' ' || *line->at == '\t'))
        line->at++, line->size--;
    text word = {line->at, 0};
    while (word.size < line->size && word.at[word.size] != ' ' && word.at[word.size] != '\t')
        word.size++;
    line->at += word.size, line->size -= word.size;
    return word;
}

// Decimal as in C, whatever the process's locale says: programs write "0.5", "1e-3", ".5", "-0".
static bool number_of(text word, float *to)
{
    double value = 0, scale = 1;
    size_t i = 0, digits = 0;
    bool minus = word.size && word.at[0] == '-';
    int power = 0;
    i += word.size && (word.at[0] == '-' || word.at[0] == '+');
    for (; i < word.size && word.at[i] >= '0' && word.at[i] <= '9'; i++, digits++)
        value = value * 10 + (word.at[i] - '0');
    if (i < word.size && word.at[i] == '.')
        for (i++; i < word.size && word.at[i] >= '0' && word.at[i] <= '9'; i++, digits++)
            value = value * 10 + (word.at[i] - '0'), scale *= 10;
    if (i < word.size && digits && (word.at[i] == 'e' || word.at[i] == 'E')) {
        bool less = ++i < word.size && word.at[i] == '-';
        size_t from = i += i < word.size && (word.at[i] == '-' || word.at[i] == '+');
        for (; i < word.size && word.at[i] >= '0' && word.at[i] <= '9'; i++)
            power = power < 1000 ? power * 10 + (word.at[i] - '0') : power;
        if (i == from)
            return false;
        power = less ? -power : power;
    }
    value = value / scale * pow(10, power) * (minus ? -1 : 1);
    *to = (float)value;
    return digits && i == word.size && isfinite(*to);
}

static bool numbers(struct reading *r, text rest, size_t count, float *to)
{
    size_t got = 0;
    for (text word = next_word(&rest); word.size; word = next_word(&rest)) {
        if (got < count && !number_of(word, &to[got]))
            return wrong(r, "'%.*s' is no number", (int)(word.size < 40 ? word.size : 40), word.at);
        got++;
    }
    return got == count || wrong(r, "%zu numbers are wanted here, there are %zu", count, got);
}

static bool size_word(struct reading *r, text rest, size_t *to, size_t most)
{
    float value;
    if (!numbers(r, rest, 1, &value))
        return false;
    if (*to)
        return wrong(r, "the size is said twice");
    if (r->got)
        return wrong(r, "the size comes after the numbers");
    if (value < 2 || value != floorf(value))
        return wrong(r, "a table has at least 2 entries");
    if (value > (float)most) {
        error_set(r->err, ERROR_TOO_BIG, "the .cube is too large");
        error_why(r->err, "line %zu: its size is %.0f, at most %zu can be used", r->line,
                  (double)value, most);
        return error_fix(r->err, "export it with fewer steps, 33 or 65 for a cube");
    }
    *to = (size_t)value;
    return true;
}

static bool range_word(struct reading *r, text rest, float low[3], float high[3])
{
    float two[2];
    if (!numbers(r, rest, 2, two))
        return false;
    for (int c = 0; c < 3; c++)
        low[c] = two[0], high[c] = two[1];
    return true;
}

static bool title_word(struct reading *r, text rest)
{
    rest = text_trim(rest);
    if (rest.size >= 2 && rest.at[0] == '"' && rest.at[rest.size - 1] == '"')
        rest = (text){rest.at + 1, rest.size - 2};
    if (text_utf8(rest)) {
        size_t size = rest.size < sizeof(r->l->title) ? rest.size : sizeof(r->l->title) - 1;
        while (size && size < rest.size && ((uint8_t)rest.at[size] & 0xc0) == 0x80)
            size--; // not half a letter
        text_copy((text){rest.at, size}, r->l->title, sizeof(r->l->title));
    }
    return true;
}

static bool worded(struct reading *r, text word, text rest)
{
    struct lut *l = r->l;
    if (text_is(word, "TITLE"))
        return title_word(r, rest);
    if (text_is(word, "LUT_1D_SIZE"))
        return size_word(r, rest, &l->size1, LUT_SIZE1);
    if (text_is(word, "LUT_3D_SIZE"))
        return size_word(r, rest, &l->size3, LUT_SIZE3);
    if (text_is(word, "DOMAIN_MIN") || text_is(word, "DOMAIN_MAX")) {
        r->domain = true;
        return numbers(r, rest, 3, text_is(word, "DOMAIN_MIN") ? r->low : r->high);
    }
    if (text_is(word, "LUT_1D_INPUT_RANGE"))
        return range_word(r, rest, l->low1, l->high1);
    if (text_is(word, "LUT_3D_INPUT_RANGE"))
        return range_word(r, rest, l->low3, l->high3);
    // Words of other makers are passed over, as the specification asks.
    return (*word.at >= 'A' && *word.at <= 'Z') || (*word.at >= 'a' && *word.at <= 'z') ||
           wrong(r, "'%.*s' is neither a word nor a number", (int)(word.size < 40 ? word.size : 40),
                 word.at);
}

static bool begin_rows(struct reading *r)
{
    struct lut *l = r->l;
    if (!l->size1 && !l->size3)
        return wrong(r, "numbers come before LUT_1D_SIZE or LUT_3D_SIZE");
    r->wanted = l->size1 + nodes_of(l->size3);
    return room_for(l, r->err);
}

static bool row(struct reading *r, text line)
{
    struct lut *l = r->l;
    float three[3];
    if (!numbers(r, line, 3, three) || (!r->got && !begin_rows(r)))
        return false;
    if (r->got == r->wanted)
        return wrong(r, "there are more than %zu rows", r->wanted);
    float *to = r->got < l->size1 ? l->at1 + r->got * 3 : l->at3 + (r->got - l->size1) * 3;
    memcpy(to, three, sizeof(three));
    r->got++;
    return true;
}

static bool one_line(struct reading *r, text line)
{
    line = text_trim(line);
    if (!line.size || *line.at == '#')
        return true;
    if (line.size > LINE_MOST)
        return wrong(r, "the line has more than %d letters", LINE_MOST);
    bool letter = (*line.at >= 'A' && *line.at <= 'Z') || (*line.at >= 'a' && *line.at <= 'z');
    if (!letter)
        return row(r, line);
    text rest = line, word = next_word(&rest);
    return worded(r, word, rest);
}

static bool domains_good(struct reading *r)
{
    struct lut *l = r->l;
    r->line = 0;
    for (int c = 0; c < 3; c++) {
        if (r->domain && l->size1)
            l->low1[c] = r->low[c], l->high1[c] = r->high[c];
        else if (r->domain)
            l->low3[c] = r->low[c], l->high3[c] = r->high[c];
        if (!l->size1)
            l->low1[c] = 0, l->high1[c] = 1;
        if (!l->size3)
            l->low3[c] = 0, l->high3[c] = 1;
        if (!(l->low1[c] < l->high1[c]) || !(l->low3[c] < l->high3[c]))
            return wrong(r, "the domain ends before it begins");
    }
    return true;
}

static bool read_lines(struct reading *r, text bytes)
{
    if (text_starts(bytes, "\xef\xbb\xbf"))
        bytes.at += 3, bytes.size -= 3;
    while (bytes.size) {
        size_t end = 0;
        while (end < bytes.size && bytes.at[end] != '\n' && bytes.at[end] != '\r')
            end++;
        text line = {bytes.at, end};
        end += end + 1 < bytes.size && bytes.at[end] == '\r' && bytes.at[end + 1] == '\n';
        end += end < bytes.size;
        bytes.at += end, bytes.size -= end;
        r->line++;
        if (!one_line(r, line))
            return false;
    }
    if (!r->got)
        return r->line = 0, wrong(r, "it holds no numbers");
    if (r->got < r->wanted)
        return wrong(r, "it ends after %zu rows, %zu are wanted", r->got, r->wanted);
    return domains_good(r);
}

bool lut_read(text bytes, struct lut *l, struct error *err)
{
    *l = (struct lut){.high1 = {1, 1, 1}, .high3 = {1, 1, 1}};
    struct reading r = {.l = l, .high = {1, 1, 1}, .err = err};
    if (bytes.size > LUT_FILE_BYTES) {
        error_set(err, ERROR_TOO_BIG, "the .cube is too large");
        error_why(err, "it has %s, at most %s are read", size_text((int64_t)bytes.size).text,
                  size_text(LUT_FILE_BYTES).text);
        return error_fix(err, "export it with fewer steps");
    }
    bool done = read_lines(&r, bytes);
    if (!done)
        lut_free(l);
    return done;
}

// ---- writing .cube

static void write_domain(const char *kind, const float low[3], const float high[3], struct buf *to)
{
    bool plain = true, even = true;
    for (int c = 0; c < 3; c++) {
        plain = plain && low[c] == 0 && high[c] == 1;
        even = even && low[c] == low[0] && high[c] == high[0];
    }
    if (!plain && even)
        buf_format(to, "LUT_%s_INPUT_RANGE %.9g %.9g\n", kind, (double)low[0], (double)high[0]);
    else if (!plain)
        buf_format(to, "DOMAIN_MIN %.9g %.9g %.9g\nDOMAIN_MAX %.9g %.9g %.9g\n", (double)low[0],
                   (double)low[1], (double)low[2], (double)high[0], (double)high[1],
                   (double)high[2]);
}

bool lut_write(const struct lut *l, struct buf *to, struct error *err)
{
    if (l->scale != LUT_PLAIN)
        return error_set(err, ERROR_INPUT, "a .cube can not begin in light");
    if (*l->title && !strchr(l->title, '"'))
        buf_format(to, "TITLE \"%s\"\n", l->title);
    if (l->size1)
        buf_format(to, "LUT_1D_SIZE %zu\n", l->size1);
    if (l->size1)
        write_domain("1D", l->low1, l->high1, to);
    if (l->size3)
        buf_format(to, "LUT_3D_SIZE %zu\n", l->size3);
    if (l->size3)
        write_domain("3D", l->low3, l->high3, to);
    for (size_t i = 0; i < l->size1 + nodes_of(l->size3); i++) {
        const float *v = i < l->size1 ? l->at1 + i * 3 : l->at3 + (i - l->size1) * 3;
        buf_format(to, "%.9g %.9g %.9g\n", (double)v[0], (double)v[1], (double)v[2]);
    }
    return !to->over || error_set(err, ERROR_TOO_BIG, "the .cube is too large");
}

// ---- our own form

static uint32_t number_at(const char *at)
{
    uint32_t v;
    memcpy(&v, at, 4);
    return v;
}

static bool floats_at(const char *at, size_t count, float *to)
{
    if (count)
        memcpy(to, at, count * sizeof(float));
    for (size_t i = 0; i < count; i++)
        if (!isfinite(to[i]))
            return false;
    return true;
}

static bool unpack(text bytes, struct lut *l, struct error *err)
{
    const char *at = bytes.at;
    if (bytes.size < HEAD || memcmp(at, "PHLU\1", 6) != 0)
        return false;
    uint32_t scale = number_at(at + 4) >> 16, size1 = number_at(at + 8), size3 = number_at(at + 12);
    if (scale > LUT_LOG || size1 == 1 || size1 > LUT_SIZE1 || size3 == 1 || size3 > LUT_SIZE3 ||
        bytes.size != HEAD + 12 * (size1 + nodes_of(size3)))
        return false;
    l->scale = (enum lut_scale)scale;
    l->size1 = size1, l->size3 = size3;
    if (!floats_at(at + 16, 3, l->low1) || !floats_at(at + 28, 3, l->high1) ||
        !floats_at(at + 40, 3, l->low3) || !floats_at(at + 52, 3, l->high3))
        return false;
    for (int c = 0; c < 3; c++)
        if (!(l->low1[c] < l->high1[c]) || !(l->low3[c] < l->high3[c]))
            return false;
    text title = {at + 64, strnlen(at + 64, 63)};
    if (!text_utf8(title))
        return false;
    text_copy(title, l->title, sizeof(l->title));
    return room_for(l, err) && floats_at(at + HEAD, size1 * 3, l->at1) &&
           floats_at(at + HEAD + 12 * (size_t)size1, nodes_of(size3) * 3, l->at3);
}

bool lut_unpack(text bytes, struct lut *l, struct error *err)
{
    *l = (struct lut){0};
    error_set(err, ERROR_DAMAGED, "the viewing transform can not be read");
    error_why(err, "its table is not one that this program made");
    error_fix(err, "set the transform again");
    if (unpack(bytes, l, err)) {
        error_clear(err);
        return true;
    }
    lut_free(l);
    return false;
}

bool lut_pack(const struct lut *l, struct buf *to, struct error *err)
{
    char title[64] = "";
    uint32_t head[4] = {0, 1 | (uint32_t)l->scale << 16, (uint32_t)l->size1, (uint32_t)l->size3};
    memcpy(head, "PHLU", 4);
    size_t size = strlen(l->title) < 63 ? strlen(l->title) : 63;
    while (size && size < strlen(l->title) && ((uint8_t)l->title[size] & 0xc0) == 0x80)
        size--;
    memcpy(title, l->title, size);
    buf_add(to, head, sizeof(head));
    buf_add(to, l->low1, 12);
    buf_add(to, l->high1, 12);
    buf_add(to, l->low3, 12);
    buf_add(to, l->high3, 12);
    buf_add(to, title, sizeof(title));
    if (l->size1)
        buf_add(to, l->at1, l->size1 * 12);
    if (l->size3)
        buf_add(to, l->at3, nodes_of(l->size3) * 12);
    return !to->over || error_set(err, ERROR_TOO_BIG, "the table is too large");
}

// ---- one colour

float lut_scale_of(float v)
{
    float s = v > 0 ? (log2f(v + 0x1p-12f) + 12) / 20 : 0;
    return s < 1 ? s : 1;
}

float lut_unscale_of(float v)
{
    return exp2f(v * 20 - 12) - 0x1p-12f;
}

// Where a value lies in a table: the entry below it and how far it is to the next one.
static size_t place_of(float v, float low, float high, size_t size, float *part)
{
    float at = (v - low) / (high - low) * (float)(size - 1);
    at = at > 0 ? at : 0; // and NaN
    at = at < (float)(size - 1) ? at : (float)(size - 1);
    size_t below = (size_t)at;
    below = below < size - 1 ? below : size - 2;
    *part = at - (float)below;
    return below;
}

static void through_table(const struct lut *l, float v[3])
{
    for (size_t c = 0; c < 3; c++) {
        float part;
        const float *at = l->at1 + place_of(v[c], l->low1[c], l->high1[c], l->size1, &part) * 3 + c;
        v[c] = at[0] + part * (at[3] - at[0]);
    }
}

// From black's corner of the cell to white's along its edges, the channel that is farthest first:
// four corners, weighed by the steps between.
static void through_cube(const struct lut *l, float v[3])
{
    size_t n = l->size3, step[3] = {3, 3 * n, 3 * n * n}, at = 0, order[3] = {0, 1, 2};
    float part[3];
    for (size_t c = 0; c < 3; c++)
        at += place_of(v[c], l->low3[c], l->high3[c], n, &part[c]) * step[c];
    for (size_t i = 0; i < 2; i++)
        for (size_t k = i + 1; k < 3; k++)
            if (part[order[k]] > part[order[i]]) {
                size_t other = order[i];
                order[i] = order[k], order[k] = other;
            }
    float before = 1, sum[3] = {0, 0, 0};
    for (size_t i = 0; i < 4; i++) {
        float next = i < 3 ? part[order[i]] : 0;
        for (size_t c = 0; c < 3; c++)
            sum[c] += (before - next) * l->at3[at + c];
        before = next;
        at += i < 3 ? step[order[i]] : 0;
    }
    memcpy(v, sum, sizeof(sum));
}

void lut_apply(const struct lut *l, const float in[3], float out[3])
{
    float v[3];
    for (size_t c = 0; c < 3; c++)
        v[c] = l->scale == LUT_LOG ? lut_scale_of(in[c]) : in[c];
    if (l->size1)
        through_table(l, v);
    if (l->size3)
        through_cube(l, v);
    memcpy(out, v, sizeof(v));
}
