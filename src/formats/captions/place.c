/*
 * Where a cue stands. 608 has a grid of 15 rows and 32 columns over the safe title area, the middle
 * 80 % of the picture both ways (CTA-608-E 4.2; ST 2052-10 maps it so): column c begins at
 * 10 % + 2.5 % c, row r at 10 % + 80/15 % (r - 1).
 */
#include "formats/captions/inside.h"

#include <stdlib.h>

static int width_of(const struct caption_line *line)
{
    size_t n = caption_line_letters(line);
    return n > CAPTION_COLUMNS ? CAPTION_COLUMNS : (int)n;
}

void cue_align_by_cells(struct caption_cue *cue)
{
    if (!cue->count)
        return;
    bool middle = true, left = true, right = true, same_middle = true;
    int column = cue->lines[0].column, first = width_of(&cue->lines[0]);
    for (size_t i = 0; i < cue->count; i++) {
        int at = cue->lines[i].column, wide = width_of(&cue->lines[i]);
        middle = middle && abs(2 * at + wide - CAPTION_COLUMNS) <= 2;
        same_middle = same_middle && abs(2 * at + wide - 2 * column - first) <= 2;
        left = left && at == column;
        right = right && at + wide == column + first;
    }
    cue->align = middle                          ? CAPTION_CENTRE
                 : left                          ? CAPTION_LEFT
                 : right                         ? CAPTION_RIGHT
                 : same_middle && cue->count > 1 ? CAPTION_CENTRE
                                                 : CAPTION_LEFT;
    int top = cue->lines[0].row, bottom = cue->lines[cue->count - 1].row;
    cue->vertical = bottom >= 12 ? CAPTION_BOTTOM : top <= 4 ? CAPTION_TOP : CAPTION_MIDDLE;
}

static struct caption_box cells_box(const struct caption_cue *cue)
{
    int left = CAPTION_COLUMNS, right = 0, top = CAPTION_ROWS, bottom = 1;
    for (size_t i = 0; i < cue->count; i++) {
        const struct caption_line *l = &cue->lines[i];
        int end = l->column + width_of(l);
        left = l->column < left ? l->column : left;
        right = end > right ? end : right;
        top = l->row < top ? l->row : top;
        bottom = l->row > bottom ? l->row : bottom;
    }
    return (struct caption_box){true, CELL_X(left), CELL_Y(top), CELL_X(right) - CELL_X(left),
                                CELL_Y(bottom + 1) - CELL_Y(top)};
}

struct caption_place cue_place(const struct caption_cue *cue)
{
    struct caption_place p = {.align = cue->align, .vertical = cue->vertical};
    bool cells = cue->count > 0 && cue->lines[0].row > 0;
    if (cue->box.said) {
        p.box = cue->box;
    } else if (cells) {
        p.box = cells_box(cue);
        int middle = 2 * p.box.x + p.box.width;
        bool at_bottom = cue->lines[cue->count - 1].row >= 14;
        p.usual = cue->align == CAPTION_CENTRE && at_bottom && abs(middle - CAPTION_GRID) <= 600 &&
                  cue->writing == CAPTION_ACROSS;
        p.vertical = p.box.y < 3000 ? CAPTION_TOP : CAPTION_BOTTOM;
        bool at_side = cue->align == CAPTION_LEFT    ? p.box.x == CELL_X(0)
                       : cue->align == CAPTION_RIGHT ? p.box.x + p.box.width == CELL_X(32)
                                                     : abs(middle - CAPTION_GRID) <= 600;
        p.nine = at_side && (at_bottom || cue->lines[0].row <= 2);
    } else {
        p.nine = true;
        p.box = (struct caption_box){true, 1000, 1000, 8000, 8000};
        p.usual = cue->align == CAPTION_CENTRE && cue->vertical == CAPTION_BOTTOM &&
                  cue->writing == CAPTION_ACROSS;
    }
    return p;
}

static int between(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

void cue_cell(const struct caption_cue *cue, size_t i, int *row, int *column)
{
    const struct caption_line *line = &cue->lines[i];
    if (line->row > 0) {
        *row = line->row, *column = line->column;
        return;
    }
    struct caption_place p = cue_place(cue);
    int lines = (int)cue->count, wide = width_of(line);
    int top = (p.box.y - 1000) * CAPTION_ROWS / 8000 + 1;
    int high = (p.box.height * CAPTION_ROWS + 4000) / 8000;
    int first = p.vertical == CAPTION_TOP      ? top
                : p.vertical == CAPTION_MIDDLE ? top + (high - lines) / 2
                                               : top + high - lines;
    *row = between(first, 1, CAPTION_ROWS - lines + 1 > 1 ? CAPTION_ROWS - lines + 1 : 1) + (int)i;
    *row = between(*row, 1, CAPTION_ROWS);
    int left = p.box.x - 1000, right = left + p.box.width;
    int at = p.align == CAPTION_LEFT || p.align == CAPTION_START ? (left + 125) / 250
             : p.align == CAPTION_RIGHT || p.align == CAPTION_END
                 ? (right + 125) / 250 - wide
                 : ((left + right) / 2 - wide * 125) / 250;
    *column = between(at, 0, CAPTION_COLUMNS - wide > 0 ? CAPTION_COLUMNS - wide : 0);
}
