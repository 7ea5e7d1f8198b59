#include "engine/burn.h"
#include "engine/ahead.h"
#include "time/timecode.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>

enum { BURNS_MOST = 16, LETTERS_MOST = 400, BOX_OPACITY = 60 };

struct line {
    const char *text; // of timecode: NULL
    bool record, boxed;
    bool whole; // made smaller until all of it stands in the picture
    int64_t start;
    struct tc_rate counting;
    const char *at;
    int size, opacity; // per cent
};
struct burn {
    FT_Library library;
    FT_Face face;
    struct line lines[BURNS_MOST];
    size_t count;
};

struct mask { // how much of the colour a pixel gets, 0 to 255
    int width, height;
    uint8_t *letters;
};

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static int number(const json_t *object, const char *name, int otherwise)
{
    const json_t *v = json_object_get(object, name);
    return json_is_integer(v) ? (int)json_integer_value(v) : otherwise;
}

// ---- what is to be written

static bool source_timecode(struct line *l, const json_t *facts, struct error *err)
{
    const json_t *tc = json_object_get(facts, "timecode");
    rational rate;
    l->start = json_integer_value(json_object_get(tc, "start_frame"));
    if (tc && rational_parse(text_of(word(facts, "rate")), &rate, err) &&
        tc_rate_with_base(rate, number(tc, "base", 0), json_is_true(json_object_get(tc, "drop")),
                          &l->counting, err))
        return true;
    error_set(err, ERROR_INPUT, "its timecode can not be burnt in");
    error_why(err, "the master has none");
    return error_fix(err, "burn in a record timecode with a start: --burn "
                          "timecode=record,start=01:00:00:00");
}

static bool timecode(struct line *l, const json_t *burn, const json_t *facts, rational rate,
                     struct error *err)
{
    const char *start = word(burn, "start");
    l->record = strcmp(word(burn, "timecode"), "record") == 0;
    if (!l->record)
        return source_timecode(l, facts, err);
    return (tc_rate_make(rate, strchr(start, ';') != NULL, &l->counting, err) &&
            tc_parse(text_of(start), &l->counting, &l->start, err)) ||
           error_while(err, "burning in a timecode from %.20s", start);
}

static bool read_line(struct line *l, const json_t *burn, const json_t *facts, rational rate,
                      struct error *err)
{
    const char *what = word(burn, "what");
    bool mark = strcmp(what, "watermark") == 0, label = strcmp(what, "timecode") == 0;
    *l = (struct line){.text = label ? NULL : word(burn, "text"),
                       .boxed = !mark,
                       .whole = json_is_true(json_object_get(burn, "whole")),
                       .at = *word(burn, "at") ? word(burn, "at")
                             : mark            ? "centre"
                             : label           ? "bottom"
                                               : "top",
                       .size = number(burn, "size", 5),
                       .opacity = number(burn, "opacity", mark ? 30 : 100)};
    return !label || timecode(l, burn, facts, rate, err);
}

bool burn_open(const json_t *burns, const json_t *facts, rational rate, struct burn **to,
               struct error *err)
{
    struct burn *b = *to = calloc(1, sizeof(*b));
    size_t i, size;
    const json_t *burn;
    const unsigned char *font = ahead_font(&size);
    if (!b)
        abort();
    if (json_array_size(burns) > BURNS_MOST)
        return error_set(err, ERROR_TOO_BIG, "more than %d things are to be burnt in", BURNS_MOST);
    if (!font || FT_Init_FreeType(&b->library) ||
        FT_New_Memory_Face(b->library, font, (FT_Long)size, 0, &b->face))
        return error_set(err, ERROR_UNSUPPORTED, "the font to burn text in with can not be read");
    bool done = true;
    json_array_foreach(burns, i, burn)
    {
        done = done && read_line(&b->lines[b->count++], burn, facts, rate, err);
    }
    return done;
}

void burn_close(struct burn *b)
{
    if (!b)
        return;
    FT_Done_Face(b->face);
    FT_Done_FreeType(b->library);
    free(b);
}

// ---- letters

// The next letter of UTF-8; what is none is U+FFFD.
static unsigned long letter(const unsigned char **at)
{
    const unsigned char *s = *at;
    int more = *s < 0x80 ? 0 : *s >> 5 == 6 ? 1 : *s >> 4 == 14 ? 2 : *s >> 3 == 30 ? 3 : -1;
    unsigned long c = more < 0 ? 0xFFFD : more ? *s & (0x3Fu >> more) : *s;
    for (s++; more > 0; more--, s++) {
        if ((*s & 0xC0) != 0x80) {
            c = 0xFFFD;
            break;
        }
        c = c << 6 | (*s & 0x3F);
    }
    *at = s;
    return c;
}

static int width_of(FT_Face face, const char *text)
{
    long width = 0;
    const unsigned char *at = (const unsigned char *)text;
    for (int i = 0; *at && i < LETTERS_MOST; i++)
        if (!FT_Load_Char(face, letter(&at), FT_LOAD_DEFAULT))
            width += face->glyph->advance.x;
    return (int)(width >> 6);
}

// The size at which it is no wider than that; not so small that nobody can read it.
static int fitting(FT_Face face, const char *text, int px, int most_w)
{
    for (; px > 6; px--)
        if (FT_Set_Pixel_Sizes(face, 0, (unsigned)px) || width_of(face, text) <= most_w)
            break;
    return px;
}

static void put(const FT_GlyphSlot g, int x, int y, struct mask *m)
{
    for (int row = 0; row < (int)g->bitmap.rows; row++)
        for (int k = 0; k < (int)g->bitmap.width; k++) {
            int tx = x + k, ty = y + row;
            uint8_t ink = g->bitmap.buffer[row * g->bitmap.pitch + k];
            if (tx < 0 || ty < 0 || tx >= m->width || ty >= m->height)
                continue;
            uint8_t *to = &m->letters[ty * m->width + tx];
            *to = ink > *to ? ink : *to;
        }
}

// A mask with a margin around the letters, at most as large as the frame.
static bool write_text(FT_Face face, const char *text, int px, int most_w, int most_h,
                       struct mask *m)
{
    if (FT_Set_Pixel_Sizes(face, 0, (unsigned)px))
        return false;
    int margin = px / 4, width = width_of(face, text) + 2 * margin;
    int height = px + 2 * margin, base = margin + px * 4 / 5;
    m->width = width < most_w ? width : most_w;
    m->height = height < most_h ? height : most_h;
    m->letters = calloc(1, (size_t)m->width * (size_t)m->height);
    if (!m->letters)
        return false;
    long pen = (long)margin << 6;
    const unsigned char *at = (const unsigned char *)text;
    for (int i = 0; *at && i < LETTERS_MOST; i++) {
        if (FT_Load_Char(face, letter(&at), FT_LOAD_RENDER))
            continue;
        put(face->glyph, (int)(pen >> 6) + face->glyph->bitmap_left, base - face->glyph->bitmap_top,
            m);
        pen += face->glyph->advance.x;
    }
    return true;
}

// ---- into the picture

static int place(const char *at, const char *low, const char *high, int room, int size)
{
    int edge = room / 20;
    int to = strstr(at, low) ? edge : strstr(at, high) ? room - edge - size : (room - size) / 2;
    to = to + size > room ? room - size : to;
    return to < 0 ? 0 : to & ~1;
}

struct ink {                     // of one plane
    int box, letters;            // values
    int box_share, letter_share; // of 255
    int shift_x, shift_y;
    bool deep;
};

static int blend(int value, const struct mask *m, int x, int y, const struct ink *k)
{
    int sum = 0, count = 0;
    for (int dy = 0; dy < 1 << k->shift_y; dy++)
        for (int dx = 0; dx < 1 << k->shift_x; dx++) {
            int tx = (x << k->shift_x) + dx, ty = (y << k->shift_y) + dy;
            if (tx < m->width && ty < m->height)
                sum += m->letters[ty * m->width + tx], count++;
        }
    int letters = count ? sum / count * k->letter_share / 255 : 0;
    value += (k->box - value) * k->box_share / 255;
    return value + (k->letters - value) * letters / 255;
}

static void into_plane(AVFrame *f, int plane, const struct mask *m, int x, int y,
                       const struct ink *k)
{
    int width = AV_CEIL_RSHIFT(m->width, k->shift_x),
        height = AV_CEIL_RSHIFT(m->height, k->shift_y);
    int most_w = AV_CEIL_RSHIFT(f->width, k->shift_x),
        most_h = AV_CEIL_RSHIFT(f->height, k->shift_y);
    x >>= k->shift_x, y >>= k->shift_y;
    for (int row = 0; row < height && y + row < most_h; row++) {
        uint8_t *at = f->data[plane] + (ptrdiff_t)(y + row) * f->linesize[plane];
        for (int i = 0; i < width && x + i < most_w; i++) {
            if (k->deep)
                ((uint16_t *)at)[x + i] = (uint16_t)blend(((uint16_t *)at)[x + i], m, i, row, k);
            else
                at[x + i] = (uint8_t)blend(at[x + i], m, i, row, k);
        }
    }
}

static void into_frame(AVFrame *f, const struct mask *m, const struct line *l)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    bool full = f->color_range == AVCOL_RANGE_JPEG;
    int x = place(l->at, "left", "right", f->width, m->width);
    int y = place(l->at, "top", "bottom", f->height, m->height);
    for (int i = 0; i < 3 && i < d->nb_components; i++) {
        int depth = d->comp[i].depth, up = depth - 8;
        struct ink k = {
            .box = i      ? 128 << up
                   : full ? 0
                          : 16 << up,
            .letters = i      ? 128 << up
                       : full ? (1 << depth) - 1
                              : 235 << up,
            .box_share = l->boxed ? 255 * BOX_OPACITY / 100 * l->opacity / 100 : 0,
            .letter_share = 255 * l->opacity / 100,
            .shift_x = i ? d->log2_chroma_w : 0,
            .shift_y = i ? d->log2_chroma_h : 0,
            .deep = depth > 8,
        };
        into_plane(f, d->comp[i].plane, m, x, y, &k);
    }
}

bool burn_draw(struct burn *b, AVFrame *f, int64_t frame, int64_t source, struct error *err)
{
    bool done = av_frame_make_writable(f) >= 0;
    for (size_t i = 0; done && i < b->count; i++) {
        const struct line *l = &b->lines[i];
        struct mask m = {0};
        tc_label label = {""};
        if (!l->text)
            label = tc_format(l->start + (l->record ? frame : source), &l->counting);
        int px = f->height * l->size / 100;
        px = px < 8 ? 8 : px;
        if (l->whole)
            px = fitting(b->face, l->text ? l->text : label.text, px, f->width * 9 / 10);
        done = write_text(b->face, l->text ? l->text : label.text, px, f->width, f->height, &m);
        if (done)
            into_frame(f, &m, l);
        free(m.letters);
    }
    return done || error_set(err, ERROR_TOO_BIG, "no memory to burn text in");
}
