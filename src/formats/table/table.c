/*
 * CSV in and out, and what all readers of tables share.
 *
 * The mark between cells is the one of , ; tab | that gives the first lines the same number of
 * cells, at least two; of several the one that gives most. Quotes only count at the beginning of a
 * cell, as everybody writes them: 5" stays 5".
 */
#include "formats/table/table.h"
#include "formats/imports/imports.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { LOOKED_AT = 20, CELL_BYTES = 1 << 20 };

// ---- letters

// U+0080..U+009F of Windows-1252; 0 has no letter and stays as it is.
static const uint16_t windows[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

static void add_letter(struct buf *to, unsigned c)
{
    unsigned char part[3];
    if (c < 0x80) {
        part[0] = (unsigned char)c;
        buf_add(to, part, 1);
    } else if (c < 0x800) {
        part[0] = (unsigned char)(0xc0 | c >> 6), part[1] = (unsigned char)(0x80 | (c & 0x3f));
        buf_add(to, part, 2);
    } else {
        part[0] = (unsigned char)(0xe0 | c >> 12);
        part[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        part[2] = (unsigned char)(0x80 | (c & 0x3f));
        buf_add(to, part, 3);
    }
}

static text from_windows(text t, struct arena *a)
{
    struct buf out = BUF_LIMIT((size_t)TABLE_BYTES * 3);
    for (size_t i = 0; i < t.size; i++) {
        unsigned char c = (unsigned char)t.at[i];
        add_letter(&out, c >= 0x80 && c < 0xa0 && windows[c - 0x80] ? windows[c - 0x80] : c);
    }
    text made = {arena_copy(a, out.at ? out.at : "", out.size), out.size};
    buf_free(&out);
    return made;
}

bool table_utf8(text bytes, struct arena *a, text *out, const char **encoding, struct error *err)
{
    const unsigned char *at = (const unsigned char *)bytes.at;
    bool wide =
        bytes.size >= 2 && ((at[0] == 0xff && at[1] == 0xfe) || (at[0] == 0xfe && at[1] == 0xff));
    if (bytes.size > TABLE_BYTES) {
        error_set(err, ERROR_TOO_BIG, "this table cannot be read");
        error_why(err, "it has %s, the most is %s", size_text((int64_t)bytes.size).text,
                  size_text(TABLE_BYTES).text);
        return error_fix(err, "bring it in several parts");
    }
    if (!import_text(a, bytes, out, err))
        return error_fix(err, "export it again, as UTF-8");
    *encoding = wide ? "UTF-16" : "UTF-8";
    if (memchr(out->at ? out->at : "", 0, out->size)) {
        error_set(err, ERROR_INPUT, "this is no table of text");
        error_why(err, "it has NUL bytes in it");
        return error_fix(err, "export it as CSV; a spreadsheet's own file (.xlsx) is none");
    }
    if (!text_utf8(*out)) {
        *encoding = "Windows-1252";
        *out = from_windows(*out, a);
    }
    return true;
}

// ---- what tables share

void table_say(struct table *t, struct arena *a, size_t line, const char *what, ...)
{
    char words[300];
    va_list list;
    if (t->said_count >= TABLE_SAID)
        return;
    if (!t->said)
        t->said = ARENA_ARRAY(a, struct table_said, TABLE_SAID);
    va_start(list, what);
    vsnprintf(words, sizeof(words), what, list);
    va_end(list);
    t->said[t->said_count++] = (struct table_said){line, arena_text(a, words)};
}

static bool same_name(const char *x, const char *y)
{
    for (;; x++, y++) {
        x += strspn(x, " _-.");
        y += strspn(y, " _-.");
        if (tolower((unsigned char)*x) != tolower((unsigned char)*y))
            return false;
        if (!*x)
            return true;
    }
}

int table_column(const struct table *t, const char *name)
{
    for (size_t i = 0; i < t->columns; i++)
        if (*t->heads[i] && same_name(t->heads[i], name))
            return (int)i;
    return -1;
}

const char *table_about(const struct table *t, const char *name)
{
    for (size_t i = 0; i < t->about_count; i++)
        if (strcasecmp(t->about[i].name, name) == 0)
            return t->about[i].value;
    return NULL;
}

// ---- reading

struct reading {
    text rest;
    char mark;
    size_t line; // of the row being read
    size_t next; // line of the rest
    struct buf cell;
    bool unclosed, too_long;
};

// Takes a cell; *last when the row ends behind it. Its text stays in r->cell.
static void take_cell(struct reading *r, bool *last)
{
    const char *at = r->rest.at, *end = at + r->rest.size;
    r->cell.size = 0;
    if (at < end && *at == '"') {
        bool open = true;
        for (at++; at < end && open; at++) {
            if (*at == '\n' || (*at == '\r' && !(at + 1 < end && at[1] == '\n')))
                r->next++;
            if (*at != '"')
                buf_add(&r->cell, at, 1);
            else if (at + 1 < end && at[1] == '"')
                buf_add(&r->cell, at++, 1);
            else
                open = false;
        }
        r->unclosed = r->unclosed || open;
    }
    const char *from = at;
    while (at < end && *at != r->mark && *at != '\n' && *at != '\r')
        at++;
    buf_add(&r->cell, from, (size_t)(at - from));
    r->too_long = r->too_long || r->cell.over;
    r->cell.over = false;
    *last = at >= end || *at != r->mark;
    if (at < end && *at == '\r' && at + 1 < end && at[1] == '\n')
        at++;
    if (at < end && *last)
        r->next++;
    if (at < end)
        at++;
    r->rest = (text){at, (size_t)(end - at)};
}

static const char *cell_kept(struct reading *r, struct arena *a)
{
    const char *at = r->cell.size ? r->cell.at : "";
    text t = text_trim((text){at, r->cell.size});
    if (t.size > 1 && *t.at == '\'' && strchr("=+-@\t\r'", t.at[1])) // the guard of csv_write
        t.at++, t.size--;
    return t.size ? arena_copy(a, t.at, t.size) : "";
}

// How many cells the next row would have by this mark; 0 at the end.
static size_t cells_of_row(struct reading *r)
{
    bool last = false;
    size_t count = 0;
    if (!r->rest.size)
        return 0;
    for (; !last && count < TABLE_COLUMNS; count++)
        take_cell(r, &last);
    return count;
}

static char mark_of(text t)
{
    static const char marks[] = ",;\t|";
    char best = ',';
    size_t best_worth = 0;
    for (const char *m = marks; *m; m++) {
        struct reading r = {.rest = t, .mark = *m, .cell = BUF_LIMIT(CELL_BYTES)};
        size_t first = cells_of_row(&r), same = 1, rows = 1, count;
        for (; rows < LOOKED_AT && (count = cells_of_row(&r)); rows++)
            same += count == first;
        buf_free(&r.cell);
        // Evenness first: a comma in half of the notes is no mark.
        size_t worth = first > 1 ? 1 + same * 100 / rows * 1000 + first : 0;
        if (worth > best_worth)
            best = *m, best_worth = worth;
    }
    return best;
}

static bool too_big(struct error *err, const char *why)
{
    error_set(err, ERROR_TOO_BIG, "this table cannot be read");
    error_why(err, "%s", why);
    return error_fix(err, "bring it in several parts");
}

static void add_row(struct table *t, struct arena *a, size_t *room, struct table_row row)
{
    if (t->count == *room) {
        size_t more = *room ? *room * 2 : 256;
        struct table_row *rows = ARENA_ARRAY(a, struct table_row, more);
        if (t->count)
            memcpy(rows, t->rows, t->count * sizeof(*rows));
        t->rows = rows, *room = more;
    }
    t->rows[t->count++] = row;
}

static void number_columns(struct table *t, struct arena *a)
{
    t->heads = ARENA_ARRAY(a, const char *, t->columns + 1);
    for (size_t i = 0; i < t->columns; i++)
        t->heads[i] = arena_format(a, "%zu", i + 1);
}

// One row; false when the rows are at their end. `cells` has room for TABLE_COLUMNS.
static bool next_row(struct reading *r, struct table *t, struct arena *a, const char **cells,
                     size_t *count)
{
    bool last = false;
    *count = 0;
    if (!r->rest.size)
        return false;
    r->line = r->next;
    while (!last) {
        take_cell(r, &last);
        if (*count < TABLE_COLUMNS)
            cells[(*count)++] = cell_kept(r, a);
        else if (last)
            table_say(t, a, r->line, "it has more than %d cells: the rest is left out",
                      TABLE_COLUMNS);
    }
    if (r->unclosed)
        table_say(t, a, r->line, "a quote is never closed: the rest of the file is in one cell");
    if (r->too_long)
        table_say(t, a, r->line, "a cell is longer than 1 MiB: its end is left out");
    r->unclosed = r->too_long = false;
    return true;
}

static bool empty_row(const char *const *cells, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (*cells[i])
            return false;
    return true;
}

static void keep_row(struct reading *r, struct table *t, struct arena *a, const char **cells,
                     size_t count, size_t *room)
{
    const char **kept = ARENA_ARRAY(a, const char *, t->columns + 1);
    for (size_t i = 0; i < t->columns; i++)
        kept[i] = i < count ? cells[i] : "";
    size_t used = count;
    while (used > t->columns && !*cells[used - 1])
        used--;
    if (used > t->columns)
        table_say(t, a, r->line, "it has %zu cells, the heading %zu: the rest is left out", used,
                  t->columns);
    add_row(t, a, room, (struct table_row){r->line, kept});
}

static void take_heads(struct reading *r, struct table *t, struct arena *a, const char **cells,
                       size_t count)
{
    t->columns = count;
    while (t->columns > 1 && !*cells[t->columns - 1])
        t->columns--;
    t->heads = ARENA_ARRAY(a, const char *, t->columns + 1);
    for (size_t i = 0; i < t->columns; i++) {
        t->heads[i] = cells[i];
        for (size_t k = 0; *cells[i] && k < i; k++)
            if (*t->heads[k] && same_name(t->heads[k], cells[i])) {
                table_say(t, a, r->line, "the column %.60s is there twice: the second is not taken",
                          cells[i]);
                t->heads[i] = "";
                break;
            }
    }
}

bool csv_read(text bytes, const struct table_wish *wish, struct arena *a, struct table *t,
              struct error *err)
{
    text all;
    *t = (struct table){.format = "csv"};
    if (!table_utf8(bytes, a, &all, &t->encoding, err))
        return false;
    struct reading r = {.rest = all, .next = 1, .cell = BUF_LIMIT(CELL_BYTES)};
    if (text_starts(all, "sep=") && all.size > 4) { // of Excel
        r.mark = all.at[4];
        text_cut(&r.rest, '\n');
        r.next = 2;
    }
    r.mark = t->mark = wish->mark ? wish->mark : r.mark ? r.mark : mark_of(r.rest);
    const char **cells = ARENA_ARRAY(a, const char *, TABLE_COLUMNS);
    size_t count, room = 0;
    bool began = false, fits = true;
    while (fits && next_row(&r, t, a, cells, &count)) {
        if (empty_row(cells, count))
            continue;
        if (!began && !wish->headless) {
            take_heads(&r, t, a, cells, count);
        } else {
            if (!began) {
                t->columns = count;
                number_columns(t, a);
            }
            fits = t->count < TABLE_ROWS || too_big(err, "it has more than 500,000 rows");
            if (fits)
                keep_row(&r, t, a, cells, count, &room);
        }
        began = true;
    }
    buf_free(&r.cell);
    if (!fits || began)
        return fits;
    error_set(err, ERROR_INPUT, "there is nothing in this table");
    return error_fix(err, "take the file that has rows in it");
}

bool table_read(text bytes, const struct table_wish *wish, struct arena *a, struct table *t,
                struct error *err)
{
    return ale_is(bytes) ? ale_read(bytes, a, t, err) : csv_read(bytes, wish, a, t, err);
}

// ---- writing

// Would a spreadsheet take it for a formula? Numbers, also negative ones, are none.
static bool formula(const char *cell)
{
    if (!*cell || !strchr("=+-@\t\r", *cell))
        return false;
    const char *at = cell + (*cell == '-' || *cell == '+');
    return at == cell || !*at || at[strspn(at, "0123456789.,")] != 0;
}

static void write_cell(struct buf *to, const char *cell, size_t *guarded)
{
    bool guard = formula(cell);
    // A cell that has the guard's form by itself is guarded too, so that reading gives it back.
    guard = guard || (cell[0] == '\'' && cell[1] && strchr("=+-@\t\r'", cell[1]));
    bool quote = cell[strcspn(cell, "\",;\t\r\n")] || strncmp(cell, "sep=", 4) == 0 ||
                 isspace((unsigned char)*cell) ||
                 (*cell && isspace((unsigned char)cell[strlen(cell) - 1]));
    *guarded += guard;
    if (quote)
        buf_text(to, "\"");
    if (guard)
        buf_text(to, "'");
    for (const char *at = cell; *at; at++)
        buf_add(to, *at == '"' ? "\"\"" : at, *at == '"' ? 2 : 1);
    if (quote)
        buf_text(to, "\"");
}

static void write_row(struct buf *to, const char *const *cells, size_t columns, size_t *guarded)
{
    for (size_t i = 0; i < columns; i++) {
        if (i)
            buf_text(to, ",");
        write_cell(to, cells[i], guarded);
    }
    if (columns == 1 && !*cells[0]) // an empty line is no row
        buf_text(to, "\"\"");
    buf_text(to, "\r\n");
}

bool csv_write(const struct table *t, struct buf *to, size_t *guarded, struct error *err)
{
    *guarded = 0;
    buf_text(to, "\xef\xbb\xbf");
    write_row(to, t->heads, t->columns, guarded);
    for (size_t i = 0; i < t->count; i++)
        write_row(to, t->rows[i].cells, t->columns, guarded);
    return !to->over || too_big(err, "the file would be larger than it may be");
}
