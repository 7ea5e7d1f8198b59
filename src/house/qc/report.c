/*
 * A report for people: a page that needs nothing else, and a PDF.
 *
 * The PDF is version 1.4: one font that every reader has (Helvetica, WinAnsi), pictures as the
 * JPEGs they are, objects in order with a table of their offsets (ISO 32000-1, 7.5).
 */
#include "house/qc/inside.h"

#include <stdlib.h>
#include <string.h>

static const char *word(const json_t *o, const char *name)
{
    const char *value = json_string_value(json_object_get(o, name));
    return value ? value : "";
}

static long long whole(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static const char *verdict(const json_t *report)
{
    const char *v = word(report, "verdict");
    return strcmp(v, "fix") == 0    ? "Not fit to go out: there is something to fix"
           : strcmp(v, "look") == 0 ? "Someone must look: there are issues"
                                    : "Passed: nothing to fix and no issues";
}

static void place_text(const json_t *f, char *to, size_t room)
{
    const char *where = word(f, "where");
    if (!json_object_get(f, "from"))
        snprintf(to, room, "%s", *where ? where : "whole file");
    else if (whole(f, "from") == whole(f, "to"))
        snprintf(to, room, "%s, frame %lld%s%s", word(f, "timecode"), whole(f, "from"),
                 *where ? ", " : "", where);
    else
        snprintf(to, room, "%s, frames %lld to %lld%s%s", word(f, "timecode"), whole(f, "from"),
                 whole(f, "to"), *where ? ", " : "", where);
}

void qc_sound_text(const json_t *f, char to[QC_SOUND_ROOM])
{
    char name[40] = "Sound";
    const json_t *dialogue = json_object_get(f, "dialogue_lufs"),
                 *speech = json_object_get(f, "speech_percent");
    if (whole(f, "track"))
        snprintf(name, sizeof(name), "Sound %lld", whole(f, "track"));
    int used =
        snprintf(to, QC_SOUND_ROOM,
                 "%s (%s): %.1f LUFS, range %.1f LU, true peak %.1f dBTP, at most %.1f LUFS "
                 "momentary and %.1f short-term",
                 name, word(f, "layout"), json_number_value(json_object_get(f, "loudness_lufs")),
                 json_number_value(json_object_get(f, "range_lu")),
                 json_number_value(json_object_get(f, "true_peak_dbtp")),
                 json_number_value(json_object_get(f, "momentary_lufs")),
                 json_number_value(json_object_get(f, "short_term_lufs")));
    if (dialogue && used > 0 && used < QC_SOUND_ROOM)
        snprintf(to + used, QC_SOUND_ROOM - (size_t)used,
                 "; dialogue %.1f LUFS over %.0f %% speech (approximate)",
                 json_number_value(dialogue), json_number_value(speech));
}

// Whose rules, and whether somebody has read them where they stand.
static void rules_text(const json_t *report, char *to, size_t room)
{
    const json_t *source = json_object_get(report, "source");
    int used = snprintf(to, room, "Rules: %s", word(report, "title"));
    if (source && used > 0 && (size_t)used < room)
        snprintf(to + used, room - (size_t)used, " (%s: %s, %s, %s)", word(report, "standing"),
                 word(source, "title"), word(source, "clause"), word(source, "date"));
}

// What stands between the verdict and the sound: line `number` of it; false: there is no more.
static bool head_line(const json_t *report, int number, char *to, size_t room)
{
    const json_t *bytes = json_object_get(report, "bytes"),
                 *holds = json_object_get(bytes, "holds"),
                 *c = json_object_get(report, "certificate");
    const char *hash = *word(bytes, "sha256") ? word(bytes, "sha256") : word(bytes, "content");
    *to = 0;
    switch (number) {
    case 0:
        rules_text(report, to, room);
        return true;
    case 1:
        if (bytes)
            snprintf(to, room, "SHA-256%s %s, of %lld bytes in %lld file%s%s",
                     *word(bytes, "sha256") ? "" : " of contents", hash, whole(bytes, "size"),
                     whole(bytes, "files"), whole(bytes, "files") == 1 ? "" : "s",
                     json_is_true(holds)    ? ", which are what was stored"
                     : json_is_false(holds) ? ", which are NOT what was stored"
                                            : "");
        return true;
    case 2:
        if (c)
            snprintf(to, room, "Flashing pictures: certificate of %s, %s, %s; attached by %s (%s)",
                     word(c, "device"), word(c, "number"), word(c, "date"), word(c, "by"),
                     word(c, "name"));
        else if (strcmp(word(report, "pse"), "pre-check") == 0)
            snprintf(
                to, room,
                "Flashing pictures: a pre-check, no certificate of a listed device is attached%s",
                json_is_true(json_object_get(report, "certificate_needed"))
                    ? ", which the outlet wants"
                    : "");
        return true;
    case 3:
        if (*word(report, "approved_by"))
            snprintf(to, room, "Approved by %s, %s", word(report, "approved_by"),
                     word(report, "approved"));
        return true;
    default:
        return false;
    }
}

// ---- the page

static void base64(struct buf *to, const struct buf *from)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *at = (const uint8_t *)from->at;
    for (size_t i = 0; i < from->size; i += 3) {
        uint32_t three = (uint32_t)at[i] << 16;
        three |= i + 1 < from->size ? (uint32_t)at[i + 1] << 8 : 0;
        three |= i + 2 < from->size ? at[i + 2] : 0;
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
                        i + 1 < from->size ? digits[three >> 6 & 63] : '=',
                        i + 2 < from->size ? digits[three & 63] : '='};
        buf_add(to, four, 4);
    }
}

static void cell(struct buf *to, const char *text)
{
    buf_text(to, "<td>");
    buf_xml(to, text);
    buf_text(to, "</td>");
}

static void html_finding(const json_t *f, qc_picture *picture, void *context, struct buf *to)
{
    char place[200];
    const json_t *from = json_object_get(f, "from");
    const struct buf *jpeg = picture && from ? picture(context, json_integer_value(from)) : NULL;
    place_text(f, place, sizeof(place));
    buf_format(to, "<tr class=\"%s\">", word(f, "severity"));
    cell(to, word(f, "severity"));
    cell(to, place);
    buf_text(to, "<td>");
    if (jpeg) {
        buf_text(to, "<img alt=\"\" width=\"240\" src=\"data:image/jpeg;base64,");
        base64(to, jpeg);
        buf_text(to, "\">");
    }
    buf_text(to, "</td><td><b>");
    buf_xml(to, word(f, "seen"));
    buf_text(to, *word(f, "allowed") ? "</b><br>allowed: " : "</b><br>seen by ");
    buf_xml(to, *word(f, "allowed") ? word(f, "allowed") : word(f, "source"));
    buf_text(to, "</td><td>");
    buf_xml(to, word(f, "rule"));
    buf_text(to, "<br><small>");
    buf_xml(to, word(f, "clause"));
    if (*word(f, "note")) {
        buf_text(to, "<br>");
        buf_xml(to, word(f, "note"));
    }
    if (*word(f, "waived_by")) {
        buf_text(to, "<br>waived by ");
        buf_xml(to, word(f, "waived_by"));
        buf_text(to, ": ");
        buf_xml(to, word(f, "waived_for"));
    }
    buf_text(to, "</small></td></tr>\n");
}

static void html_line(struct buf *to, const char *line)
{
    if (!*line)
        return;
    buf_text(to, "<p>");
    buf_xml(to, line);
    buf_text(to, ".</p>");
}

void qc_report_html(const json_t *report, const char *title, qc_picture *picture, void *context,
                    struct buf *to)
{
    const json_t *counts = json_object_get(report, "counts"), *f;
    char line[1200];
    size_t i;
    buf_text(to, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>");
    buf_xml(to, title);
    buf_text(
        to,
        "</title><style>body{font:15px/1.4 "
        "sans-serif;margin:2em;max-width:75em;color:#222;background:#fff}"
        "table{border-collapse:collapse;width:100%}td,th{border-top:1px solid #ccc;padding:.5em;"
        "text-align:left;vertical-align:top}tr.fix td:first-child{color:#b00;font-weight:bold}"
        "tr.issue td:first-child{color:#850;font-weight:bold}small{color:#555}</style><h1>");
    buf_xml(to, title);
    buf_format(to, "</h1><p><b>%s.</b> %lld to fix, %lld issues, %lld for information. ",
               verdict(report), whole(counts, "fix"), whole(counts, "issue"),
               whole(counts, "information"));
    buf_format(to, "%lld frames at %s, from %s.</p>", whole(report, "frames"), word(report, "rate"),
               word(report, "start"));
    for (int k = 0; head_line(report, k, line, sizeof(line)); k++)
        html_line(to, line);
    json_array_foreach(json_object_get(report, "sound"), i, f)
    {
        qc_sound_text(f, line);
        html_line(to, line);
    }
    buf_text(to, "<table><tr><th>Severity<th>Where<th>Picture<th>Seen<th>Rule</tr>\n");
    json_array_foreach(json_object_get(report, "findings"), i, f)
        html_finding(f, picture, context, to);
    buf_text(to, "</table></html>\n");
}

// ---- the PDF

enum { PAGE_W = 595, PAGE_H = 842, MARGIN = 50, OBJECTS_MOST = 20000, LINE = 13 };

struct pdf {
    struct buf *to;
    size_t start;
    size_t *offsets; // of object n + 1
    int objects;
    struct buf page;   // what is drawn on the one under way
    struct buf images; // its resources
    int *pages;
    int page_count, y;
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

static void room_for(struct pdf *p, int height)
{
    if (p->y - height < MARGIN)
        end_page(p);
}

// One line; what Helvetica's encoding has not is a question mark.
static void line_out(struct pdf *p, int x, int size, const char *text, size_t count)
{
    buf_format(&p->page, "BT /F1 %d Tf %d %d Td (", size, x, p->y);
    for (size_t i = 0; i < count; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '(' || c == ')' || c == '\\')
            buf_text(&p->page, "\\");
        if (c >= ' ' && c < 127)
            buf_add(&p->page, &text[i], 1);
        else if (c >= 0xc0 || c < ' ')
            buf_text(&p->page, "?");
    }
    buf_text(&p->page, ") Tj ET\n");
}

static void paragraph(struct pdf *p, int x, int size, const char *text)
{
    size_t most = (size_t)((PAGE_W - MARGIN - x) * 2 / size), left = strlen(text);
    while (left) {
        size_t some = left < most ? left : most;
        for (size_t k = some; some < left && k > most / 2; k--)
            if (text[k] == ' ') {
                some = k;
                break;
            }
        room_for(p, LINE + size - 9);
        p->y -= LINE + size - 9;
        line_out(p, x, size, text, some);
        text += some, left -= some;
        while (left && *text == ' ')
            text++, left--;
    }
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

static void picture_out(struct pdf *p, const struct buf *jpeg)
{
    int w, h;
    if (!jpeg || !jpeg_size(jpeg, &w, &h) || p->objects > OBJECTS_MOST - 8)
        return;
    int width = 200, height = 200 * h / w;
    room_for(p, height + 8);
    int object = begin_object(p);
    buf_format(p->to,
               "<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB/"
               "BitsPerComponent 8/Filter/DCTDecode/Length %zu>>stream\n",
               w, h, jpeg->size);
    buf_add(p->to, jpeg->at, jpeg->size);
    buf_text(p->to, "\nendstream endobj\n");
    buf_format(&p->images, "/I%d %d 0 R", object, object);
    p->y -= height + 6;
    buf_format(&p->page, "q %d 0 0 %d %d %d cm /I%d Do Q\n", width, height, MARGIN, p->y, object);
}

static void pdf_finding(struct pdf *p, const json_t *f, const struct buf *jpeg)
{
    char line[700], place[200];
    place_text(f, place, sizeof(place));
    room_for(p, 60);
    p->y -= 8;
    snprintf(line, sizeof(line), "%s: %s", word(f, "severity"), place);
    paragraph(p, MARGIN, 11, line);
    if (*word(f, "allowed"))
        snprintf(line, sizeof(line), "%s (allowed: %s)", word(f, "seen"), word(f, "allowed"));
    else
        snprintf(line, sizeof(line), "%s (seen by %s)", word(f, "seen"), word(f, "source"));
    paragraph(p, MARGIN, 10, line);
    snprintf(line, sizeof(line), "rule %s, %s%s%s", word(f, "rule"), word(f, "clause"),
             *word(f, "note") ? "; " : "", word(f, "note"));
    paragraph(p, MARGIN, 9, line);
    if (*word(f, "waived_by")) {
        snprintf(line, sizeof(line), "waived by %s: %s", word(f, "waived_by"),
                 word(f, "waived_for"));
        paragraph(p, MARGIN, 9, line);
    }
    picture_out(p, jpeg);
}

static void pdf_head(struct pdf *p, const json_t *report, const char *title)
{
    char line[1200];
    const json_t *counts = json_object_get(report, "counts"), *f;
    size_t i;
    paragraph(p, MARGIN, 16, title);
    snprintf(line, sizeof(line), "%s. %lld to fix, %lld issues, %lld for information.",
             verdict(report), whole(counts, "fix"), whole(counts, "issue"),
             whole(counts, "information"));
    paragraph(p, MARGIN, 11, line);
    snprintf(line, sizeof(line), "%lld frames at %s, from %s.", whole(report, "frames"),
             word(report, "rate"), word(report, "start"));
    paragraph(p, MARGIN, 10, line);
    for (int k = 0; head_line(report, k, line, sizeof(line)); k++)
        paragraph(p, MARGIN, 10, line);
    json_array_foreach(json_object_get(report, "sound"), i, f)
    {
        qc_sound_text(f, line);
        paragraph(p, MARGIN, 10, line);
    }
}

static void pdf_end(struct pdf *p)
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

void qc_report_pdf(const json_t *report, const char *title, qc_picture *picture, void *context,
                   struct buf *to)
{
    struct pdf p = {.to = to,
                    .start = to->size,
                    .objects = 3,
                    .y = PAGE_H - MARGIN,
                    .page = BUF_LIMIT(16 << 20),
                    .images = BUF_LIMIT(1 << 20)};
    const json_t *f;
    size_t i;
    p.offsets = calloc(OBJECTS_MOST + 1, sizeof(*p.offsets));
    p.pages = calloc(OBJECTS_MOST + 1, sizeof(*p.pages));
    buf_text(to, "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n");
    pdf_head(&p, report, title);
    json_array_foreach(json_object_get(report, "findings"), i, f)
    {
        const json_t *from = json_object_get(f, "from");
        pdf_finding(&p, f, picture && from ? picture(context, json_integer_value(from)) : NULL);
    }
    pdf_end(&p);
    buf_free(&p.page);
    buf_free(&p.images);
    free(p.offsets);
    free(p.pages);
}
