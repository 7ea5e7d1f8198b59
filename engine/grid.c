#include "engine/grid.h"

#include <string.h>

bool grid_parse(const json_t *from, size_t tiles, struct grid *to, struct error *err)
{
    static const char *const crops[] = {"part", "whole", "window"};
    const char *crop = json_string_value(json_object_get(from, "crop"));
    json_int_t columns = json_integer_value(json_object_get(from, "columns"));
    json_int_t rows = json_integer_value(json_object_get(from, "rows"));
    int found = -1;
    for (int i = 0; crop && i < 3; i++)
        found = strcmp(crop, crops[i]) == 0 ? i : found;
    *to = (struct grid){(int)columns, (int)rows, (enum grid_crop)(found < 0 ? 0 : found)};
    if (found >= 0 && columns > 0 && rows > 0 && columns <= 1000 && rows <= 1000 &&
        (size_t)(columns * rows) == tiles)
        return true;
    error_set(err, ERROR_INPUT, "the tiles can not be put together");
    return error_why(err, "%zu tiles are no grid of %lld columns and %lld rows", tiles,
                     (long long)columns, (long long)rows);
}

struct box grid_box(const struct grid *g, size_t index, int64_t width, int64_t height)
{
    int64_t c = (int64_t)index % g->columns, r = (int64_t)index / g->columns;
    int64_t x = c * width / g->columns, y = r * height / g->rows;
    return (struct box){x, y, (c + 1) * width / g->columns - x, (r + 1) * height / g->rows - y};
}

bool grid_lay(const struct grid *g, struct box *boxes, struct box *whole, struct error *err)
{
    int64_t y = 0;
    for (int r = 0; r < g->rows; r++) {
        int64_t x = 0, height = boxes[r * g->columns].height;
        for (int c = 0; c < g->columns; c++) {
            struct box *b = &boxes[r * g->columns + c];
            b->x = x;
            b->y = y;
            if (b->height != height || b->width != boxes[c].width) {
                error_set(err, ERROR_DAMAGED, "the tiles do not fit edge to edge");
                return error_why(err,
                                 "tile %d is %lld x %lld; its row has the height %lld, its column "
                                 "the width %lld",
                                 r * g->columns + c + 1, (long long)b->width, (long long)b->height,
                                 (long long)height, (long long)boxes[c].width);
            }
            x += b->width;
        }
        y += height;
        *whole = (struct box){0, 0, x, y};
    }
    return true;
}

static int64_t shared(int64_t a, int64_t a_size, int64_t b, int64_t b_size)
{
    int64_t from = a > b ? a : b, to = a + a_size < b + b_size ? a + a_size : b + b_size;
    return to - from;
}

bool boxes_fit(const struct box *boxes, size_t count, struct box *whole, struct error *err)
{
    int64_t area = 0, x = boxes[0].x, y = boxes[0].y;
    int64_t right = x + boxes[0].width, bottom = y + boxes[0].height;
    for (size_t i = 0; i < count; i++) {
        const struct box *b = &boxes[i];
        area += b->width * b->height;
        x = b->x < x ? b->x : x;
        y = b->y < y ? b->y : y;
        right = b->x + b->width > right ? b->x + b->width : right;
        bottom = b->y + b->height > bottom ? b->y + b->height : bottom;
        for (size_t k = 0; k < i; k++)
            if (shared(b->x, b->width, boxes[k].x, boxes[k].width) > 0 &&
                shared(b->y, b->height, boxes[k].y, boxes[k].height) > 0) {
                error_set(err, ERROR_DAMAGED, "the tiles overlap");
                return error_why(err, "tiles %zu and %zu both have column %lld, row %lld", k + 1,
                                 i + 1, (long long)(b->x > boxes[k].x ? b->x : boxes[k].x),
                                 (long long)(b->y > boxes[k].y ? b->y : boxes[k].y));
            }
    }
    *whole = (struct box){x, y, right - x, bottom - y};
    if (area == whole->width * whole->height)
        return true;
    error_set(err, ERROR_DAMAGED, "the tiles leave a gap");
    return error_why(err, "they cover %lld of the %lld pixels of %lld x %lld", (long long)area,
                     (long long)(whole->width * whole->height), (long long)whole->width,
                     (long long)whole->height);
}
