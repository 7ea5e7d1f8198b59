/*
 * A report for people: a page that needs nothing else, and a PDF.
 */
#include "formats/pdf/pdf.h"
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

static void pdf_finding(struct pdf *p, const json_t *f, const struct buf *jpeg)
{
    char line[700], place[200];
    place_text(f, place, sizeof(place));
    pdf_room(p, 60);
    pdf_space(p, 8);
    snprintf(line, sizeof(line), "%s: %s", word(f, "severity"), place);
    pdf_paragraph(p, PDF_MARGIN, 11, line);
    if (*word(f, "allowed"))
        snprintf(line, sizeof(line), "%s (allowed: %s)", word(f, "seen"), word(f, "allowed"));
    else
        snprintf(line, sizeof(line), "%s (seen by %s)", word(f, "seen"), word(f, "source"));
    pdf_paragraph(p, PDF_MARGIN, 10, line);
    snprintf(line, sizeof(line), "rule %s, %s%s%s", word(f, "rule"), word(f, "clause"),
             *word(f, "note") ? "; " : "", word(f, "note"));
    pdf_paragraph(p, PDF_MARGIN, 9, line);
    if (*word(f, "waived_by")) {
        snprintf(line, sizeof(line), "waived by %s: %s", word(f, "waived_by"),
                 word(f, "waived_for"));
        pdf_paragraph(p, PDF_MARGIN, 9, line);
    }
    pdf_picture(p, jpeg, 200);
}

static void pdf_head(struct pdf *p, const json_t *report, const char *title)
{
    char line[1200];
    const json_t *counts = json_object_get(report, "counts"), *f;
    size_t i;
    pdf_paragraph(p, PDF_MARGIN, 16, title);
    snprintf(line, sizeof(line), "%s. %lld to fix, %lld issues, %lld for information.",
             verdict(report), whole(counts, "fix"), whole(counts, "issue"),
             whole(counts, "information"));
    pdf_paragraph(p, PDF_MARGIN, 11, line);
    snprintf(line, sizeof(line), "%lld frames at %s, from %s.", whole(report, "frames"),
             word(report, "rate"), word(report, "start"));
    pdf_paragraph(p, PDF_MARGIN, 10, line);
    for (int k = 0; head_line(report, k, line, sizeof(line)); k++)
        pdf_paragraph(p, PDF_MARGIN, 10, line);
    json_array_foreach(json_object_get(report, "sound"), i, f)
    {
        qc_sound_text(f, line);
        pdf_paragraph(p, PDF_MARGIN, 10, line);
    }
}

void qc_report_pdf(const json_t *report, const char *title, qc_picture *picture, void *context,
                   struct buf *to)
{
    struct pdf *p = pdf_open(to);
    const json_t *f;
    size_t i;
    pdf_head(p, report, title);
    json_array_foreach(json_object_get(report, "findings"), i, f)
    {
        const json_t *from = json_object_get(f, "from");
        pdf_finding(p, f, picture && from ? picture(context, json_integer_value(from)) : NULL);
    }
    pdf_close(p);
}
