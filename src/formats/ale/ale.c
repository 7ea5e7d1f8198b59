/*
 * Avid Log Exchange, as Media Composer and everybody beside it write and read it:
 *
 *   Heading
 *   FIELD_DELIM	TABS
 *   VIDEO_FORMAT	1080
 *   FPS	24
 *   (an empty line)
 *   Column
 *   Name	Tracks	Start	End	Tape
 *   (an empty line)
 *   Data
 *   A001C001	VA1A2	01:00:00:00	01:00:10:00	A001
 *
 * Lines end in LF, CR LF or CR; some writers leave the empty lines out, or a tab at the end of each
 * line. There are no quotes: what stands between two tabs is the cell.
 */
#include "formats/table/table.h"

#include <string.h>
#include <strings.h>

bool ale_is(text bytes)
{
    struct arena *a = arena_open(1 << 20);
    struct error ignored;
    const char *encoding;
    text head = {bytes.at, bytes.size < 4096 ? bytes.size & ~(size_t)1 : bytes.size};
    if (head.size > 4096)
        head.size = 4096;
    bool is = false;
    if (table_utf8(head, a, &head, &encoding, &ignored)) {
        head = text_trim(head);
        size_t line = 0;
        while (line < head.size && head.at[line] != '\n' && head.at[line] != '\r')
            line++;
        text first = text_trim((text){head.at, line});
        is = first.size == 7 && strncasecmp(first.at, "Heading", 7) == 0;
    }
    arena_close(a);
    return is;
}

struct reading {
    text rest;
    size_t line;
};

static bool next_line(struct reading *r, text *line)
{
    if (!r->rest.size)
        return false;
    size_t size = 0;
    while (size < r->rest.size && r->rest.at[size] != '\n' && r->rest.at[size] != '\r')
        size++;
    *line = (text){r->rest.at, size};
    if (size + 1 < r->rest.size && r->rest.at[size] == '\r' && r->rest.at[size + 1] == '\n')
        size++;
    size += size < r->rest.size;
    r->rest = (text){r->rest.at + size, r->rest.size - size};
    r->line++;
    return true;
}

static bool is(text line, const char *word)
{
    line = text_trim(line);
    return line.size == strlen(word) && strncasecmp(line.at, word, line.size) == 0;
}

static const char *kept(struct arena *a, text t)
{
    t = text_trim(t);
    return t.size ? arena_copy(a, t.at, t.size) : "";
}

static void take_about(struct table *t, struct arena *a, text line)
{
    if (!t->about)
        t->about = ARENA_ARRAY(a, struct table_pair, TABLE_COLUMNS);
    const char *name = kept(a, text_cut(&line, '\t'));
    if (*name && t->about_count < TABLE_COLUMNS)
        t->about[t->about_count++] = (struct table_pair){name, kept(a, line)};
}

static void take_columns(struct table *t, struct arena *a, text line, size_t number)
{
    const char **heads = ARENA_ARRAY(a, const char *, TABLE_COLUMNS + 1);
    while (line.size && t->columns < TABLE_COLUMNS) {
        const char *head = kept(a, text_cut(&line, '\t'));
        for (size_t k = 0; *head && k < t->columns; k++)
            if (strcasecmp(heads[k], head) == 0) {
                table_say(t, a, number, "the column %.60s is there twice: the second is not taken",
                          head);
                head = "";
            }
        heads[t->columns++] = head;
    }
    while (t->columns && !*heads[t->columns - 1])
        t->columns--;
    t->heads = heads;
}

static void take_row(struct table *t, struct arena *a, text line, size_t number, size_t *room)
{
    if (t->count == *room) {
        size_t more = *room ? *room * 2 : 256;
        struct table_row *rows = ARENA_ARRAY(a, struct table_row, more);
        if (t->count)
            memcpy(rows, t->rows, t->count * sizeof(*rows));
        t->rows = rows, *room = more;
    }
    const char **cells = ARENA_ARRAY(a, const char *, t->columns + 1);
    for (size_t i = 0; i < t->columns; i++)
        cells[i] = kept(a, text_cut(&line, '\t'));
    if (text_trim(line).size)
        table_say(t, a, number, "it has more cells than there are columns: the rest is left out");
    t->rows[t->count++] = (struct table_row){number, cells};
}

static bool not_one(struct error *err, const char *why)
{
    error_set(err, ERROR_INPUT, "this Avid log (ALE) cannot be read");
    error_why(err, "%s", why);
    return error_fix(err, "export it again: Heading, Column and Data, with tabs between");
}

bool ale_read(text bytes, struct arena *a, struct table *t, struct error *err)
{
    enum { NOWHERE, HEADING, COLUMN, DATA } part = NOWHERE;
    struct reading r = {0};
    text line;
    size_t room = 0;
    *t = (struct table){.format = "ale", .mark = '\t'};
    if (!table_utf8(bytes, a, &r.rest, &t->encoding, err))
        return false;
    while (next_line(&r, &line)) {
        if (!text_trim(line).size)
            continue;
        if (part == NOWHERE && is(line, "Heading")) {
            part = HEADING;
        } else if (part == HEADING && is(line, "Column")) {
            part = COLUMN;
        } else if (part == COLUMN && t->columns && is(line, "Data")) {
            part = DATA;
        } else if (part == HEADING) {
            take_about(t, a, line);
        } else if (part == COLUMN) {
            if (t->columns)
                return not_one(err, "it has two lines of columns");
            take_columns(t, a, line, r.line);
        } else if (part == DATA) {
            if (t->count >= TABLE_ROWS)
                return not_one(err, "it has more than 500,000 rows");
            take_row(t, a, line, r.line, &room);
        } else {
            return not_one(err, "it does not begin with Heading");
        }
    }
    const char *mark = table_about(t, "FIELD_DELIM");
    if (mark && strncasecmp(mark, "TAB", 3) != 0)
        return not_one(err, "its FIELD_DELIM is not TABS");
    return (part == DATA && t->columns) || not_one(err, "it has no Column or no Data");
}

// ---- writing

static void write_cell(struct buf *to, const char *cell, size_t *reworded)
{
    bool changed = false;
    for (const char *at = cell; *at; at++) {
        bool plain = !strchr("\t\r\n", *at);
        buf_add(to, plain ? at : " ", 1);
        changed = changed || !plain;
    }
    *reworded += changed;
}

static void write_line(struct buf *to, const char *const *cells, size_t count, size_t *reworded)
{
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_text(to, "\t");
        write_cell(to, cells[i], reworded);
    }
    buf_text(to, "\r\n");
}

bool ale_write(const struct table *t, struct buf *to, size_t *reworded, struct error *err)
{
    *reworded = 0;
    buf_text(to, "Heading\r\nFIELD_DELIM\tTABS\r\n");
    for (size_t i = 0; i < t->about_count; i++) {
        if (strcasecmp(t->about[i].name, "FIELD_DELIM") == 0)
            continue;
        const char *pair[] = {t->about[i].name, t->about[i].value};
        write_line(to, pair, 2, reworded);
    }
    buf_text(to, "\r\nColumn\r\n");
    write_line(to, t->heads, t->columns, reworded);
    buf_text(to, "\r\nData\r\n");
    for (size_t i = 0; i < t->count; i++)
        write_line(to, t->rows[i].cells, t->columns, reworded);
    if (!to->over)
        return true;
    error_set(err, ERROR_TOO_BIG, "the log would be larger than it may be");
    return error_fix(err, "choose fewer assets");
}
