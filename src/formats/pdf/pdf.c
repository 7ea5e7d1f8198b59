#include "formats/pdf/pdf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_W = PDF_WIDTH, MARGIN = PDF_MARGIN, PAGE_H = 842, OBJECTS_MOST = 20000, LINE = 13 };

struct pdf {
    struct buf *to;
    size_t start;
    size_t *offsets; // of object n + 1
    int objects;
    struct buf page;   // what is drawn on the one under way
    struct buf images; // its resources
    int *pages;
    int page_count, y;
    int clear; // what is below the picture beside the text; 0: there is none
};

static int begin_object(struct pdf *p)
{
    p->offsets[p->objects++] = p->to->size - p->start;
    buf_format(p->to, "%d 0 obj\n", p->objects);
    return p->objects;
}

// Objects 1 to 3 are the catalogue, the list of pages and the font; they are written at the end.
static void end_page(struct pdf *p)
{
    p->clear = 0;
    if (!p->page.size || p->objects > OBJECTS_MOST - 8)
        return;
    int content = begin_object(p);
    buf_format(p->to, "<</Length %zu>>stream\n", p->page.size);
    buf_add(p->to, p->page.at, p->page.size);
    buf_text(p->to, "\nendstream endobj\n");
    p->pages[p->page_count++] = begin_object(p);
    buf_format(
        p->to,
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents %d 0 R/Resources<</Font<</F1 3 "
        "0 R>>/XObject<<%s>>>>>>endobj\n",
        PAGE_W, PAGE_H, content, p->images.size ? p->images.at : "");
    buf_free(&p->page);
    buf_free(&p->images);
    p->y = PAGE_H - MARGIN;
}

void pdf_room(struct pdf *p, int height)
{
    if (p->y - height < MARGIN)
        end_page(p);
}

void pdf_space(struct pdf *p, int height)
{
    p->y -= height;
}

// The next letter in Helvetica's encoding; '?' when it has none.
static unsigned char letter(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    if (at[0] < 0x80) {
        ++*text;
        return at[0] < ' ' ? '?' : at[0];
    }
    bool latin = (at[0] == 0xc2 && at[1] >= 0xa0) || at[0] == 0xc3;
    if (latin && at[1] >= 0x80 && at[1] < 0xc0) {
        *text += 2;
        return (unsigned char)((at[0] & 3) << 6 | (at[1] & 0x3f));
    }
    do
        ++*text;
    while (((unsigned char)**text & 0xc0) == 0x80);
    return '?';
}

static void line_out(struct pdf *p, int x, int size, const char *text, size_t count)
{
    const char *end = text + count;
    buf_format(&p->page, "BT /F1 %d Tf %d %d Td (", size, x, p->y);
    while (text < end) {
        unsigned char c = letter(&text);
        if (c == '(' || c == ')' || c == '\\')
            buf_text(&p->page, "\\");
        buf_add(&p->page, &c, 1);
    }
    buf_text(&p->page, ") Tj ET\n");
}

void pdf_paragraph(struct pdf *p, int x, int size, const char *text)
{
    size_t most = (size_t)((PAGE_W - MARGIN - x) * 2 / size), left = strlen(text);
    while (left) {
        size_t some = left < most ? left : most;
        for (size_t k = some; some < left && k > most / 2; k--)
            if (text[k] == ' ') {
                some = k;
                break;
            }
        while (some < left && ((unsigned char)text[some] & 0xc0) == 0x80)
            some++; // letters stay whole
        pdf_room(p, LINE + size - 9);
        p->y -= LINE + size - 9;
        line_out(p, x, size, text, some);
        text += some, left -= some;
        while (left && *text == ' ')
            text++, left--;
    }
}

void pdf_bar(struct pdf *p, unsigned colour, const char *text)
{
    pdf_room(p, 40);
    p->y -= 34;
    buf_format(&p->page, "q %.3f %.3f %.3f rg %d %d %d 28 re f Q 1 g\n",
               (double)(colour >> 16 & 255) / 255, (double)(colour >> 8 & 255) / 255,
               (double)(colour & 255) / 255, MARGIN, p->y, PAGE_W - 2 * MARGIN);
    p->y += 9;
    line_out(p, MARGIN + 10, 14, text, strlen(text));
    buf_text(&p->page, "0 g\n");
    p->y -= 15;
}

// Size of a JPEG from its frame header (ITU-T T.81, B.2.2).
static bool jpeg_size(const struct buf *jpeg, int *w, int *h)
{
    const uint8_t *at = (const uint8_t *)jpeg->at;
    for (size_t i = 2; i + 9 < jpeg->size && at[i] == 0xff;) {
        size_t length = (size_t)at[i + 2] << 8 | at[i + 3];
        if (at[i + 1] >= 0xc0 && at[i + 1] <= 0xc2) {
            *h = at[i + 5] << 8 | at[i + 6], *w = at[i + 7] << 8 | at[i + 8];
            return *w > 0 && *h > 0;
        }
        i += 2 + length;
    }
    return false;
}

// Its height; 0 when nothing was drawn.
static int draw(struct pdf *p, const struct buf *jpeg, int width)
{
    int w, h;
    if (!jpeg || !jpeg_size(jpeg, &w, &h) || p->objects > OBJECTS_MOST - 8)
        return 0;
    int height = width * h / w;
    pdf_room(p, height + 8);
    int object = begin_object(p);
    buf_format(p->to,
               "<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB/"
               "BitsPerComponent 8/Filter/DCTDecode/Length %zu>>stream\n",
               w, h, jpeg->size);
    buf_add(p->to, jpeg->at, jpeg->size);
    buf_text(p->to, "\nendstream endobj\n");
    buf_format(&p->images, "/I%d %d 0 R", object, object);
    buf_format(&p->page, "q %d 0 0 %d %d %d cm /I%d Do Q\n", width, height, MARGIN,
               p->y - height - 6, object);
    return height + 6;
}

void pdf_picture(struct pdf *p, const struct buf *jpeg, int width)
{
    p->y -= draw(p, jpeg, width);
}

void pdf_picture_beside(struct pdf *p, const struct buf *jpeg, int width)
{
    int height = draw(p, jpeg, width);
    p->clear = height ? p->y - height : 0;
}

void pdf_clear(struct pdf *p)
{
    if (p->clear && p->clear < p->y)
        p->y = p->clear;
    p->clear = 0;
}

struct pdf *pdf_open(struct buf *to)
{
    struct pdf *p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    *p = (struct pdf){.to = to,
                      .start = to->size,
                      .objects = 3,
                      .y = PAGE_H - MARGIN,
                      .page = BUF_LIMIT(16 << 20),
                      .images = BUF_LIMIT(1 << 20)};
    p->offsets = calloc(OBJECTS_MOST + 1, sizeof(*p->offsets));
    p->pages = calloc(OBJECTS_MOST + 1, sizeof(*p->pages));
    if (!p->offsets || !p->pages)
        abort();
    buf_text(to, "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n");
    return p;
}

static void write_end(struct pdf *p)
{
    end_page(p);
    p->offsets[0] = p->to->size - p->start;
    buf_text(p->to, "1 0 obj\n<</Type/Catalog/Pages 2 0 R>>endobj\n");
    p->offsets[1] = p->to->size - p->start;
    buf_text(p->to, "2 0 obj\n<</Type/Pages/Kids[");
    for (int i = 0; i < p->page_count; i++)
        buf_format(p->to, "%d 0 R ", p->pages[i]);
    buf_format(p->to, "]/Count %d>>endobj\n", p->page_count);
    p->offsets[2] = p->to->size - p->start;
    buf_text(p->to, "3 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/"
                    "WinAnsiEncoding>>endobj\n");
    size_t table = p->to->size - p->start;
    buf_format(p->to, "xref\n0 %d\n0000000000 65535 f \n", p->objects + 1);
    for (int i = 0; i < p->objects; i++)
        buf_format(p->to, "%010zu 00000 n \n", p->offsets[i]);
    buf_format(p->to, "trailer<</Size %d/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n", p->objects + 1,
               table);
}

void pdf_close(struct pdf *p)
{
    write_end(p);
    buf_free(&p->page);
    buf_free(&p->images);
    free(p->offsets);
    free(p->pages);
    free(p);
}
