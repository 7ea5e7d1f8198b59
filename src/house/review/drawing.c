// What may be drawn on a picture.
#include "house/review/review.h"

#include <string.h>

// How far outside the picture a stroke may go: a pen that leaves it at the edge.
static const double MARGIN = 0.1;

enum { NUMBERS_A_POINT = 3 }; // x, y, pressure

static bool refuse(struct error *err, size_t stroke, const char *why)
{
    error_set(err, ERROR_INPUT, "this drawing cannot be kept");
    error_why(err, "stroke %zu: %s", stroke + 1, why);
    return error_fix(err, "draw it again");
}

static bool colour_good(const char *colour)
{
    return colour && strlen(colour) == 7 && colour[0] == '#' &&
           strspn(colour + 1, "0123456789abcdefABCDEF") == 6;
}

static const char *points_wrong(const json_t *points, const char *tool)
{
    size_t count = json_array_size(points);
    bool pen = strcmp(tool, "pen") == 0;
    if (!json_is_array(points) || !count || count % NUMBERS_A_POINT)
        return "its points are not x, y and pressure in turn";
    if (!pen && count != 2 * NUMBERS_A_POINT)
        return "an arrow or a box has two points";
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_array_get(points, i);
        double n = json_number_value(value);
        bool pressure = i % NUMBERS_A_POINT == 2;
        if (!json_is_number(value))
            return "a point is not a number";
        if (!(pressure ? n >= 0 && n <= 1 : n >= -MARGIN && n <= 1 + MARGIN))
            return "a point lies outside of the picture";
    }
    return NULL;
}

bool drawing_acceptable(const json_t *drawing, struct error *err)
{
    size_t numbers = 0;
    if (!json_is_array(drawing))
        return refuse(err, 0, "it is not a list");
    if (json_array_size(drawing) > STROKES_MAX)
        return refuse(err, STROKES_MAX, "a drawing has at most 200");
    for (size_t i = 0; i < json_array_size(drawing); i++) {
        const json_t *stroke = json_array_get(drawing, i);
        const char *tool = json_string_value(json_object_get(stroke, "tool"));
        const json_t *width = json_object_get(stroke, "width");
        const json_t *points = json_object_get(stroke, "points");
        if (!tool || (strcmp(tool, "pen") && strcmp(tool, "arrow") && strcmp(tool, "box")))
            return refuse(err, i, "its tool is not pen, arrow or box");
        if (!colour_good(json_string_value(json_object_get(stroke, "colour"))))
            return refuse(err, i, "its colour is not written as #rrggbb");
        if (!json_is_number(width) || !(json_number_value(width) > 0) ||
            json_number_value(width) > 0.25)
            return refuse(err, i, "its width is not between 0 and a quarter of the picture");
        const char *wrong = points_wrong(points, tool);
        if (wrong)
            return refuse(err, i, wrong);
        numbers += json_array_size(points);
        if (numbers > DRAWING_NUMBERS_MAX)
            return refuse(err, i, "a drawing has at most 10,000 points");
        if (json_object_size(stroke) != 4)
            return refuse(err, i, "it has something that strokes do not have");
    }
    return true;
}
