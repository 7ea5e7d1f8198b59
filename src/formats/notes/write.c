// Notes as files of editing programs.
#include "formats/notes/notes.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct notes_facts facts[NOTES_FORMATS] = {
    [NOTES_RESOLVE_EDL] = {"resolve-edl", ".edl", "DaVinci Resolve markers (EDL)", "text/plain",
                           true},
    [NOTES_AVID] = {"avid", ".txt", "Avid markers", "text/plain", true},
    [NOTES_XMEML] = {"xmeml", ".xml", "Premiere Pro, Final Cut Pro 7 (XML)", "application/xml",
                     false},
    [NOTES_FCPXML] = {"fcpxml", ".fcpxml", "Final Cut Pro (FCPXML)", "application/xml", false},
    [NOTES_OTIO] = {"otio", ".otio", "OpenTimelineIO", "application/json", false},
    [NOTES_CSV] = {"csv", ".csv", "Table (CSV)", "text/csv", true},
};

const struct notes_facts *notes_facts(enum notes_format format)
{
    return &facts[format];
}

bool notes_format_named(const char *name, enum notes_format *format)
{
    for (int i = 0; i < NOTES_FORMATS; i++)
        if (name && strcmp(facts[i].name, name) == 0) {
            *format = (enum notes_format)i;
            return true;
        }
    return false;
}

struct writing {
    const struct notes *n;
    struct buf *to;
    struct notes_changed *changed;
};

// ---- labels and words

static int pair(const struct tc_rate *rate)
{
    return rate->frames_per_label > 1 ? rate->frames_per_label : 1;
}

// The label of a frame, counted from the programme's first. Pairs of frames share theirs.
static tc_label label_of(const struct notes *n, int64_t frame)
{
    tc_label label = tc_format(n->start + frame, &n->rate);
    char *half = strchr(label.text, '.');
    if (half && n->rate.frames_per_label > 1)
        *half = 0;
    return label;
}

static void count_half(struct writing *w, const struct note *note)
{
    int each = pair(&w->n->rate);
    if ((w->n->start + note->frame) % each)
        w->changed->halves++;
}

// Bytes at `c` that end a line for some reader (U+0085, U+2028, U+2029 too), are a tab or another
// control; 0: none.
static size_t breaks(const char *c)
{
    const unsigned char *at = (const unsigned char *)c;
    if (*at < ' ' || *at == 127)
        return 1;
    if (at[0] == 0xc2 && at[1] == 0x85)
        return 2;
    return at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9) ? 3 : 0;
}

// What a note says, with its answers, on one line; `marks` become spaces. Adds to *changed.
static void add_line(struct writing *w, const struct note *note, const char *marks)
{
    bool other = false;
    const char *parts[] = {note->text, note->answers};
    for (size_t p = 0; p < 2; p++) {
        if (!parts[p] || !*parts[p])
            continue;
        if (p)
            buf_text(w->to, " / ");
        for (const char *c = parts[p]; *c;) {
            size_t end = breaks(c), size = end ? end : 1;
            bool mark = strchr(marks, *c) != NULL;
            other |= end || mark;
            if (end && p && c[size])
                buf_text(w->to, *c == '\n' ? " / " : *c == '\r' ? "" : " ");
            else
                buf_add(w->to, end || mark ? " " : c, 1);
            c += size;
        }
    }
    w->changed->reworded += other;
}

static void add_name(struct buf *to, const char *name, const char *marks)
{
    for (const char *c = name; *c;) {
        size_t end = breaks(c);
        buf_add(to, end || strchr(marks, *c) ? " " : c, 1);
        c += end ? end : 1;
    }
}

static void add_xml_note(struct buf *to, const struct note *note)
{
    buf_xml(to, note->text);
    if (note->answers && *note->answers) {
        buf_text(to, "&#10;");
        buf_xml(to, note->answers);
    }
}

static const char *author_of(const struct note *note)
{
    return note->author && *note->author ? note->author : "Note";
}

// ---- Resolve

static void write_resolve(struct writing *w)
{
    const struct notes *n = w->n;
    buf_text(w->to, "TITLE: ");
    add_name(w->to, n->title, "");
    buf_format(w->to, "\nFCM: %s\n\n", n->rate.drop ? "DROP FRAME" : "NON-DROP FRAME");
    for (size_t i = 0; i < n->count; i++) {
        const struct note *note = &n->notes[i];
        tc_label in = label_of(n, note->frame);
        tc_label out = label_of(n, note->frame + pair(&n->rate));
        count_half(w, note);
        buf_format(w->to, "%03zu  001      V     C        %s %s %s %s  \n", i + 1, in.text, out.text,
                   in.text, out.text);
        add_line(w, note, "|");
        buf_format(w->to, " |C:%s |M:", note->resolved ? "ResolveColorGreen" : "ResolveColorYellow");
        add_name(w->to, author_of(note), "|");
        buf_format(w->to, " |D:%" PRId64 "\n\n", note->frames);
    }
}

// ---- Avid

static void write_avid(struct writing *w)
{
    const struct notes *n = w->n;
    for (size_t i = 0; i < n->count; i++) {
        const struct note *note = &n->notes[i];
        count_half(w, note);
        add_name(w->to, author_of(note), "");
        buf_format(w->to, "\t%s\tV1\t%s\t", label_of(n, note->frame).text,
                   note->resolved ? "green" : "yellow");
        add_line(w, note, "");
        buf_format(w->to, "\t%" PRId64 "\n", note->frames);
    }
}

// ---- xmeml

static void xmeml_rate(struct buf *to, const struct tc_rate *rate)
{
    bool ntsc = rate->fps.den == 1001;
    buf_format(to, "<rate><timebase>%d</timebase><ntsc>%s</ntsc></rate>",
               rate->base * pair(rate), ntsc ? "TRUE" : "FALSE");
}

static void xmeml_timecode(struct buf *to, const struct notes *n)
{
    buf_text(to, "<timecode>");
    xmeml_rate(to, &n->rate);
    buf_format(to, "<string>%s</string><frame>%" PRId64 "</frame><displayformat>%s</displayformat></timecode>\n",
               label_of(n, 0).text, n->start, n->rate.drop ? "DF" : "NDF");
}

static void xmeml_clip(struct buf *to, const struct notes *n)
{
    buf_text(to, "<media><video>");
    if (n->width > 0) {
        buf_text(to, "<format><samplecharacteristics>");
        xmeml_rate(to, &n->rate);
        buf_format(to, "<width>%d</width><height>%d</height></samplecharacteristics></format>", n->width, n->height);
    }
    buf_text(to, "<track><clipitem id=\"clip-1\"><name>");
    buf_xml(to, n->file);
    buf_format(to, "</name><duration>%" PRId64 "</duration>", n->frames);
    xmeml_rate(to, &n->rate);
    buf_format(to, "<start>0</start><end>%" PRId64 "</end><in>0</in><out>%" PRId64 "</out><file id=\"file-1\"><name>",
               n->frames, n->frames);
    buf_xml(to, n->file);
    buf_format(to, "</name><duration>%" PRId64 "</duration>", n->frames);
    xmeml_rate(to, &n->rate);
    xmeml_timecode(to, n);
    buf_text(to, "<media><video/></media></file></clipitem></track></video></media>\n");
}

static void write_xmeml(struct writing *w)
{
    const struct notes *n = w->n;
    buf_text(w->to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE xmeml>\n<xmeml version=\"5\">\n"
                    "<sequence id=\"sequence-1\"><name>");
    buf_xml(w->to, n->title);
    buf_format(w->to, "</name><duration>%" PRId64 "</duration>", n->frames);
    xmeml_rate(w->to, &n->rate);
    xmeml_timecode(w->to, n);
    xmeml_clip(w->to, n);
    for (size_t i = 0; i < n->count; i++) {
        const struct note *note = &n->notes[i];
        buf_text(w->to, "<marker><name>");
        buf_xml(w->to, author_of(note));
        buf_text(w->to, "</name><comment>");
        add_xml_note(w->to, note);
        buf_format(w->to, "</comment><in>%" PRId64 "</in><out>%" PRId64 "</out></marker>\n", note->frame,
                   note->frames > 1 ? note->frame + note->frames : -1);
    }
    buf_text(w->to, "</sequence>\n</xmeml>\n");
}

// ---- FCPXML

// Seconds as FCPXML says them: exact, a multiple of the frame.
static void add_seconds(struct buf *to, const char *name, int64_t frames, rational fps)
{
    buf_format(to, " %s=\"%" PRId64 "/%" PRId64 "s\"", name, frames * fps.den, fps.num);
}

static void write_fcpxml(struct writing *w)
{
    const struct notes *n = w->n;
    rational fps = n->rate.fps;
    const char *counting = n->rate.drop ? "DF" : "NDF";
    buf_text(w->to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE fcpxml>\n<fcpxml version=\"1.9\">\n<resources>\n<format id=\"r1\"");
    add_seconds(w->to, "frameDuration", 1, fps);
    if (n->width > 0)
        buf_format(w->to, " width=\"%d\" height=\"%d\"", n->width, n->height);
    buf_text(w->to, "/>\n</resources>\n<event name=\"");
    buf_xml(w->to, n->title);
    buf_text(w->to, "\">\n<project name=\"");
    buf_xml(w->to, n->title);
    buf_format(w->to, "\">\n<sequence format=\"r1\" tcFormat=\"%s\"", counting);
    add_seconds(w->to, "tcStart", n->start, fps);
    add_seconds(w->to, "duration", n->frames, fps);
    buf_text(w->to, ">\n<spine>\n<gap name=\"");
    buf_xml(w->to, n->file);
    buf_text(w->to, "\"");
    add_seconds(w->to, "offset", n->start, fps);
    add_seconds(w->to, "start", n->start, fps);
    add_seconds(w->to, "duration", n->frames, fps);
    buf_text(w->to, ">\n");
    for (size_t i = 0; i < n->count; i++) {
        const struct note *note = &n->notes[i];
        buf_text(w->to, "<marker");
        add_seconds(w->to, "start", n->start + note->frame, fps);
        add_seconds(w->to, "duration", note->frames, fps);
        buf_text(w->to, " value=\"");
        add_xml_note(w->to, note);
        buf_format(w->to, "\" completed=\"%d\" note=\"", note->resolved);
        buf_xml(w->to, author_of(note));
        buf_text(w->to, "\"/>\n");
    }
    buf_text(w->to, "</gap>\n</spine>\n</sequence>\n</project>\n</event>\n</fcpxml>\n");
}

// ---- OpenTimelineIO

static json_t *otio_time(int64_t frames, rational fps)
{
    return json_pack("{s:s, s:f, s:f}", "OTIO_SCHEMA", "RationalTime.1", "value", (double)frames,
                     "rate", (double)fps.num / (double)fps.den);
}

static json_t *otio_range(int64_t from, int64_t frames, rational fps)
{
    return json_pack("{s:s, s:o, s:o}", "OTIO_SCHEMA", "TimeRange.1", "start_time",
                     otio_time(from, fps), "duration", otio_time(frames, fps));
}

static json_t *otio_marker(const struct note *note, rational fps)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:{s:{s:s, s:i, s:b, s:s*, s:s*}}}", "OTIO_SCHEMA",
                     "Marker.2", "name", author_of(note), "comment", note->text, "color",
                     note->resolved ? "GREEN" : "YELLOW", "marked_range",
                     otio_range(note->frame, note->frames, fps), "metadata", "posthouse", "author",
                     author_of(note), "number", (int)note->number, "resolved", note->resolved,
                     "answers", note->answers, "made", note->made);
}

static bool write_otio(struct writing *w, struct error *err)
{
    const struct notes *n = w->n;
    rational fps = n->rate.fps;
    json_t *markers = json_array();
    bool all = true;
    for (size_t i = 0; i < n->count; i++)
        all = json_array_append_new(markers, otio_marker(&n->notes[i], fps)) == 0 && all;
    json_t *clip = json_pack(
        "{s:s, s:s, s:{}, s:o, s:[], s:[], s:b, s:{s:{s:s, s:s, s:{}, s:s, s:o}}, s:s}",
        "OTIO_SCHEMA", "Clip.2", "name", n->file, "metadata", "source_range",
        otio_range(n->start, n->frames, fps), "effects", "markers", "enabled", 1,
        "media_references", "DEFAULT_MEDIA", "OTIO_SCHEMA", "ExternalReference.1", "name", n->file,
        "metadata", "target_url", n->file, "available_range", otio_range(n->start, n->frames, fps),
        "active_media_reference_key", "DEFAULT_MEDIA");
    json_t *root = json_pack(
        "{s:s, s:s, s:{}, s:o, s:{s:s, s:s, s:{}, s:n, s:[], s:o, s:b, s:[{s:s, s:s, s:s, s:{}, "
        "s:n, s:[], s:[], s:b, s:[o]}]}}",
        "OTIO_SCHEMA", "Timeline.1", "name", n->title, "metadata", "global_start_time",
        otio_time(n->start, fps), "tracks", "OTIO_SCHEMA", "Stack.1", "name", "tracks", "metadata",
        "source_range", "effects", "markers", markers, "enabled", 1, "children", "OTIO_SCHEMA",
        "Track.1", "name", "V1", "kind", "Video", "metadata", "source_range", "effects", "markers",
        "enabled", 1, "children", clip);
    char *dumped = root && all ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    if (!dumped)
        return error_set(err, ERROR_INTERNAL, "the notes cannot be written as OpenTimelineIO");
    buf_text(w->to, dumped);
    buf_text(w->to, "\n");
    free(dumped);
    return true;
}

// ---- CSV

// One cell. What a spreadsheet would take for a formula gets an apostrophe in front.
static void add_cell(struct buf *to, const char *words, bool last)
{
    buf_text(to, "\"");
    if (*words && strchr("=+-@\t\r", *words))
        buf_text(to, "'");
    for (const char *c = words; *c; c++)
        buf_add(to, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    buf_text(to, last ? "\"\r\n" : "\",");
}

static void write_csv(struct writing *w)
{
    const struct notes *n = w->n;
    buf_text(w->to, "\xef\xbb\xbfnumber,timecode,out,frame,frames,author,note,answers,state,made\r\n");
    for (size_t i = 0; i < n->count; i++) {
        const struct note *note = &n->notes[i];
        buf_format(w->to, "%zu,\"%s\",\"%s\",%" PRId64 ",%" PRId64 ",", note->number,
                   tc_format(n->start + note->frame, &n->rate).text,
                   tc_format(n->start + note->frame + note->frames, &n->rate).text, note->frame,
                   note->frames);
        add_cell(w->to, note->author ? note->author : "", false);
        add_cell(w->to, note->text, false);
        add_cell(w->to, note->answers ? note->answers : "", false);
        buf_format(w->to, "%s,%s\r\n", note->resolved ? "resolved" : "open",
                   note->made ? note->made : "");
    }
}

bool notes_write(enum notes_format format, const struct notes *n, struct buf *to,
                 struct notes_changed *changed, struct error *err)
{
    struct writing w = {n, to, changed};
    *changed = (struct notes_changed){0};
    switch (format) {
    case NOTES_RESOLVE_EDL: write_resolve(&w); break;
    case NOTES_AVID: write_avid(&w); break;
    case NOTES_XMEML: write_xmeml(&w); break;
    case NOTES_FCPXML: write_fcpxml(&w); break;
    case NOTES_CSV: write_csv(&w); break;
    case NOTES_OTIO:
        if (!write_otio(&w, err))
            return false;
        break;
    case NOTES_FORMATS: return error_set(err, ERROR_INTERNAL, "this is no format of notes");
    }
    if (!to->over)
        return true;
    error_set(err, ERROR_TOO_BIG, "the notes are too long for one file");
    return error_fix(err, "export them as a table (csv), or fewer of them");
}
