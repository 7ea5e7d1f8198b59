/*
 * formats/table: tables of text as other programs write them: CSV in all its ways, and Avid's ALE.
 *
 * Read: RFC 4180 and what people really have: a comma, semicolon, tab or bar between cells (Excel's
 * "sep=;" counts; else the mark that parts the first lines most evenly), any line end, quotes with
 * line ends in them; UTF-8 with or without its mark, UTF-16 with one, and what is not UTF-8 as
 * Windows-1252. Nothing is lost silently: what was wrong is said by line.
 *
 * Written: RFC 4180, UTF-8 with its mark so that Excel reads it, CR LF. A cell that a spreadsheet
 * would take for a formula (= + - @, tab, CR in front; a number is none) gets a ' before it;
 * reading takes that away again. An ALE has no quotes: tabs and line ends become spaces there.
 */
#pragma once
#include "base/arena.h"

enum { TABLE_BYTES = 64 << 20, TABLE_ROWS = 500000, TABLE_COLUMNS = 400, TABLE_SAID = 200 };

struct table_row {
    size_t line;        // of the file, from 1
    const char **cells; // `columns` of the table, each at least ""
};
struct table_said { // what was not as it should be
    size_t line;
    const char *what;
};
struct table_pair {
    const char *name, *value;
};
struct table {
    const char *format;   // "csv", "ale"
    const char *encoding; // "UTF-8", "UTF-16", "Windows-1252"
    char mark;            // between cells
    const char **heads;   // of the columns; "" for one without a name
    size_t columns;
    struct table_row *rows;
    size_t count;
    struct table_pair *about; // of an ALE: what stands under Heading ("FPS", "VIDEO_FORMAT", ...)
    size_t about_count;
    struct table_said *said; // the first TABLE_SAID of them
    size_t said_count;
};

struct table_wish {
    char mark;     // 0: found out
    bool headless; // the first row is data: columns are called 1, 2, 3, ...
};
// Texts live in `a`. INPUT when there is nothing in it, TOO_BIG over the limits.
MUST_CHECK bool csv_read(text bytes, const struct table_wish *wish, struct arena *a,
                         struct table *t, struct error *err);
// Avid Log Exchange: "Heading", "Column" and "Data" on lines of their own, tabs between cells.
MUST_CHECK bool ale_read(text bytes, struct arena *a, struct table *t, struct error *err);
bool ale_is(text bytes); // by its first line
// Whichever it is.
MUST_CHECK bool table_read(text bytes, const struct table_wish *wish, struct arena *a,
                           struct table *t, struct error *err);

// `guarded`: cells that got a ' before them; `reworded`: cells of an ALE whose tabs or line ends
// are spaces now. False when `to` is full.
MUST_CHECK bool csv_write(const struct table *t, struct buf *to, size_t *guarded,
                          struct error *err);
// Heading from `about`; FIELD_DELIM is written by itself.
MUST_CHECK bool ale_write(const struct table *t, struct buf *to, size_t *reworded,
                          struct error *err);

// The column called so, case and spaces aside; -1: none.
int table_column(const struct table *t, const char *name);
const char *table_about(const struct table *t, const char *name); // NULL: not said

// ---- for the readers
// As UTF-8 without a mark; *encoding says what it was.
MUST_CHECK bool table_utf8(text bytes, struct arena *a, text *out, const char **encoding,
                           struct error *err);
void table_say(struct table *t, struct arena *a, size_t line, const char *what, ...)
    PRINTF_LIKE(4, 5);
