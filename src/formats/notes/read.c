// Notes out of files of editing programs.
#include "formats/notes/notes.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct reading {
    const struct notes *programme;
    struct arena *a;
    struct notes_read *read;
    size_t room, left_room;
};

static void leave(struct reading *r, size_t line, const char *why)
{
    struct notes_read *to = r->read;
    if (to->left_count >= NOTES_MOST)
        return;
    if (to->left_count == r->left_room) {
        size_t room = r->left_room ? r->left_room * 2 : 16;
        struct notes_left *more = ARENA_ARRAY(r->a, struct notes_left, room);
        if (to->left_count)
            memcpy(more, to->left, to->left_count * sizeof(*more));
        to->left = more, r->left_room = room;
    }
    to->left[to->left_count++] = (struct notes_left){line, why};
}

static const char *kept(struct reading *r, text words)
{
    words = text_trim(words);
    return arena_copy(r->a, words.at ? words.at : "", words.size);
}

// Adds one, when it lies in the programme and says something.
static void take(struct reading *r, size_t line, struct note note)
{
    struct notes_read *to = r->read;
    int64_t frames = r->programme->frames;
    if (!*note.text)
        return leave(r, line, "it says nothing");
    if (!text_utf8(text_of(note.text)) || !text_utf8(text_of(note.author)))
        return leave(r, line, "it is not UTF-8: save the file as UTF-8");
    if (note.frame < 0 || (frames > 0 && note.frame >= frames))
        return leave(r, line, "its place is not in the programme");
    if (note.frames < 1)
        note.frames = 1;
    if (frames > 0 && note.frames > frames - note.frame)
        note.frames = frames - note.frame;
    if (to->count >= NOTES_MOST)
        return leave(r, line, "there are more than 10,000 notes");
    if (to->count == r->room) {
        size_t room = r->room ? r->room * 2 : 64;
        struct note *more = ARENA_ARRAY(r->a, struct note, room);
        if (to->count)
            memcpy(more, to->notes, to->count * sizeof(*more));
        to->notes = more, r->room = room;
    }
    to->notes[to->count++] = note;
}

// A label as a frame of the programme, over midnight too.
static bool frame_of(const struct reading *r, text label, int64_t *frame)
{
    struct error ignored;
    int64_t at;
    if (!tc_parse(text_trim(label), &r->programme->rate, &at, &ignored))
        return false;
    *frame = at - r->programme->start;
    if (*frame < 0)
        *frame += tc_frames_per_day(&r->programme->rate);
    return true;
}

static text next_line(text *rest)
{
    text line = text_cut(rest, '\n');
    while (line.size && line.at[line.size - 1] == '\r')
        line.size--;
    return line;
}

// ---- Resolve

static size_t words_of(text line, text *words, size_t most)
{
    size_t count = 0;
    while (line.size && count < most) {
        text word = text_cut(&line, ' ');
        if (word.size)
            words[count++] = word;
    }
    return count;
}

// "001  001      V     C        in out in out": the record side counts.
static bool event_line(text line, text *in)
{
    text words[9];
    if (!line.size || !isdigit((unsigned char)line.at[0]) || words_of(line, words, 9) != 8)
        return false;
    *in = words[6];
    return true;
}

// "NOTE |C:colour |M:name |D:frames".
static struct note resolve_note(struct reading *r, text line)
{
    struct note note = {.frames = 1, .author = "", .text = kept(r, text_cut(&line, '|'))};
    while (line.size) {
        text part = text_trim(text_cut(&line, '|'));
        if (text_starts(part, "M:"))
            note.author = kept(r, (text){part.at + 2, part.size - 2});
        else if (text_starts(part, "D:") &&
                 !text_int((text){part.at + 2, part.size - 2}, &note.frames))
            note.frames = 1;
        else if (text_is(part, "C:ResolveColorGreen"))
            note.resolved = true;
    }
    if (!*note.text) // a marker with a name only
        note.text = note.author, note.author = "";
    return note;
}

static bool has_marks(text line)
{
    for (size_t i = 0; i + 2 < line.size; i++)
        if (line.at[i] == '|' && strchr("CMD", line.at[i + 1]) && line.at[i + 2] == ':')
            return true;
    return false;
}

static bool read_resolve(struct reading *r, text rest, struct error *err)
{
    text in = {0};
    size_t event = 0, number = 0, events = 0;
    while (rest.size) {
        text line = next_line(&rest);
        number++;
        bool marks = has_marks(line);
        if (!marks && event_line(text_trim(line), &in)) {
            event = number, events++;
        } else if (event && marks) {
            struct note note = resolve_note(r, line);
            if (frame_of(r, in, &note.frame))
                take(r, event, note);
            else
                leave(r, event, "its timecode is none of this counting");
            event = 0;
        }
    }
    if (events && (r->read->count || r->read->left_count))
        return true;
    error_set(err, ERROR_INPUT, "this is no list of Resolve markers");
    error_why(err, events ? "it has events but no marker below any" : "it has no events of an EDL");
    return error_fix(err, "in Resolve: Timelines, Export, Timeline Markers to EDL");
}

// ---- Avid

static bool read_avid(struct reading *r, text rest, struct error *err)
{
    size_t number = 0, lines = 0;
    while (rest.size) {
        text line = next_line(&rest), fields[6];
        size_t count = 0;
        number++;
        if (!text_trim(line).size)
            continue;
        while (count < 6 && line.size)
            fields[count++] = text_cut(&line, '\t');
        if (count < 5) {
            leave(r, number, "it has fewer than five fields with tabs between");
            continue;
        }
        lines++;
        struct note note = {.frames = 1, .author = kept(r, fields[0]), .text = kept(r, fields[4])};
        note.resolved = text_is(text_trim(fields[3]), "green");
        if (count > 5 && !text_int(text_trim(fields[5]), &note.frames))
            note.frames = 1;
        if (frame_of(r, fields[1], &note.frame))
            take(r, number, note);
        else
            leave(r, number, "its timecode is none of this counting");
    }
    if (lines)
        return true;
    error_set(err, ERROR_INPUT, "this is no list of Avid markers");
    error_why(err, "no line has author, timecode, track, colour and comment with tabs between");
    return error_fix(err, "in Media Composer: Tools, Markers, Export Markers, as text");
}

// ---- CSV

enum column { IN, OUT, FRAME, FRAMES, AUTHOR, NOTE, ANSWERS, STATE, COLUMNS };
static const struct {
    const char *name;
    enum column column;
} headings[] = {
    {"timecode", IN},      {"timecode in", IN}, {"tc", IN},          {"in", IN},
    {"start", IN},         {"out", OUT},        {"timecode out", OUT}, {"end", OUT},
    {"frame", FRAME},      {"frames", FRAMES},  {"duration", FRAMES}, {"author", AUTHOR},
    {"by", AUTHOR},        {"user", AUTHOR},    {"name", AUTHOR},     {"note", NOTE},
    {"notes", NOTE},       {"comment", NOTE},   {"comments", NOTE},   {"text", NOTE},
    {"answers", ANSWERS},  {"state", STATE},    {"status", STATE},
};
enum { CELLS_MOST = 200 };

struct table {
    text rest;
    char mark; // between cells
    size_t line, row_line;
    text cells[CELLS_MOST];
    size_t count;
};

static text quoted_cell(struct reading *r, struct table *t)
{
    size_t size = 0, i = 1, most = 1;
    while (most < t->rest.size && (t->rest.at[most] != '"' || (most + 1 < t->rest.size && t->rest.at[most + 1] == '"')))
        most += t->rest.at[most] == '"' ? 2 : 1;
    char *to = arena_take(r->a, most + 1);
    for (; i < t->rest.size; i++) {
        if (t->rest.at[i] == '"') {
            if (i + 1 >= t->rest.size || t->rest.at[i + 1] != '"')
                break;
            i++;
        }
        t->line += t->rest.at[i] == '\n';
        to[size++] = t->rest.at[i];
    }
    i = i < t->rest.size ? i + 1 : i;
    t->rest.at += i, t->rest.size -= i;
    return (text){to, size};
}

static text plain_cell(struct table *t)
{
    size_t size = 0;
    while (size < t->rest.size && t->rest.at[size] != t->mark && t->rest.at[size] != '\n')
        size++;
    text cell = {t->rest.at, size};
    t->rest.at += size, t->rest.size -= size;
    return cell;
}

// The next row; false at the end.
static bool next_row(struct reading *r, struct table *t)
{
    t->count = 0;
    if (!t->rest.size)
        return false;
    t->row_line = ++t->line;
    for (;;) {
        text cell = t->rest.size && t->rest.at[0] == '"' ? quoted_cell(r, t) : plain_cell(t);
        plain_cell(t); // what stands behind a closing quote
        if (t->count < CELLS_MOST)
            t->cells[t->count++] = text_trim(cell);
        if (!t->rest.size)
            return true;
        char end = t->rest.at[0];
        t->rest.at++, t->rest.size--;
        if (end == '\n')
            return true;
    }
}

static bool place_columns(const struct table *t, int *at, struct error *err)
{
    for (int c = 0; c < COLUMNS; c++)
        at[c] = -1;
    for (size_t i = 0; i < t->count; i++)
        for (size_t h = 0; h < sizeof(headings) / sizeof(headings[0]); h++) {
            text cell = t->cells[i];
            if (cell.size != strlen(headings[h].name) ||
                strncasecmp(cell.at, headings[h].name, cell.size) != 0)
                continue;
            if (at[headings[h].column] >= 0) {
                error_set(err, ERROR_INPUT, "the table of notes can be read in two ways");
                error_why(err, "its columns \"%.*s\" and \"%.*s\" mean the same",
                          (int)t->cells[at[headings[h].column]].size,
                          t->cells[at[headings[h].column]].at, (int)cell.size, cell.at);
                return error_fix(err, "take one of them out");
            }
            at[headings[h].column] = (int)i;
        }
    if (at[NOTE] >= 0 && (at[IN] >= 0 || at[FRAME] >= 0))
        return true;
    error_set(err, ERROR_INPUT, "this is no table of notes");
    error_why(err, "its first line has no column \"%s\"", at[NOTE] < 0 ? "note" : "timecode");
    return error_fix(err, "the first line names the columns: timecode or frame, note; out, frames, "
                          "author, state if you like");
}

static text cell_at(const struct table *t, int column)
{
    return column >= 0 && (size_t)column < t->count ? t->cells[column] : (text){0};
}

// As a person wrote it, without the apostrophe that keeps spreadsheets from calculating.
static const char *said(struct reading *r, text cell)
{
    if (cell.size > 1 && cell.at[0] == '\'' && strchr("=+-@", cell.at[1]))
        cell.at++, cell.size--;
    return kept(r, cell);
}

static void take_row(struct reading *r, const struct table *t, const int *at)
{
    text in = cell_at(t, at[IN]), frame = cell_at(t, at[FRAME]), out = cell_at(t, at[OUT]);
    text frames = cell_at(t, at[FRAMES]);
    struct note note = {.frames = 1,
                        .author = said(r, cell_at(t, at[AUTHOR])),
                        .text = said(r, cell_at(t, at[NOTE])),
                        .answers = said(r, cell_at(t, at[ANSWERS])),
                        .resolved = text_is(cell_at(t, at[STATE]), "resolved")};
    int64_t counted = 0, end;
    bool labelled = in.size > 0;
    if (!in.size && !frame.size)
        return leave(r, t->row_line, "it has neither timecode nor frame");
    if (labelled && !frame_of(r, in, &note.frame))
        return leave(r, t->row_line, "its timecode is none of this counting");
    if (frame.size && !text_int(frame, &counted))
        return leave(r, t->row_line, "its frame is no whole number");
    if (frame.size && labelled && counted != note.frame)
        return leave(r, t->row_line, "its timecode and its frame are two places");
    if (frame.size)
        note.frame = counted;
    if (frames.size && (!text_int(frames, &note.frames) || note.frames < 1))
        return leave(r, t->row_line, "its length is no whole number of frames");
    if (!frames.size && out.size) {
        if (!frame_of(r, out, &end) || end < note.frame)
            return leave(r, t->row_line, "its end is before its beginning, or no timecode");
        note.frames = end > note.frame ? end - note.frame : 1;
    }
    take(r, t->row_line, note);
}

static bool read_csv(struct reading *r, text rest, struct error *err)
{
    int at[COLUMNS];
    if (text_starts(rest, "\xef\xbb\xbf"))
        rest.at += 3, rest.size -= 3;
    struct table *t = ARENA_NEW(r->a, struct table);
    text copy = rest, heading = next_line(&copy);
    t->rest = rest;
    t->mark = memchr(heading.at ? heading.at : "", '\t', heading.size)  ? '\t'
              : memchr(heading.at ? heading.at : "", ';', heading.size) ? ';'
                                                                         : ',';
    if (!next_row(r, t)) {
        error_set(err, ERROR_INPUT, "this is no table of notes");
        error_why(err, "it is empty");
        return error_fix(err, "the first line names the columns: timecode or frame, note");
    }
    if (!place_columns(t, at, err))
        return false;
    while (next_row(r, t))
        if (t->count > 1 || (t->count && t->cells[0].size))
            take_row(r, t, at);
    return true;
}

bool notes_read(enum notes_format format, text bytes, const struct notes *programme,
                struct arena *a, struct notes_read *read, struct error *err)
{
    *read = (struct notes_read){0};
    struct reading r = {.programme = programme, .a = a, .read = read};
    if (bytes.size > NOTES_INPUT_BYTES) {
        error_set(err, ERROR_TOO_BIG, "this file of notes is too large");
        return error_why(err, "notes have at most 4 MiB");
    }
    switch (format) {
    case NOTES_RESOLVE_EDL: return read_resolve(&r, bytes, err);
    case NOTES_AVID: return read_avid(&r, bytes, err);
    case NOTES_CSV: return read_csv(&r, bytes, err);
    default: break;
    }
    error_set(err, ERROR_UNSUPPORTED, "notes of this format cannot be read");
    return error_fix(err, "give Resolve's marker EDL, Avid's marker text or a table (csv)");
}
