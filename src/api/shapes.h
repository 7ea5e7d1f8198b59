/*
 * api/shapes: what goes over the wire, as a table.
 *
 * One row a JSON object. Bodies from outside are checked against it before a handler sees them; the
 * page's types (TypeScript) and the OpenAPI document are printed from it.
 *
 * Fields are written "name:type", separated by spaces. A type is text, int, number, bool, id, time
 * (RFC 3339 UTC), json (anything), one of several words in quotes with | between, or another shape.
 * "[]" behind a type makes a list, "?" behind the name's type says it may be absent or null.
 */
#pragma once
#include "base/text.h"

struct shape {
    const char *name;
    const char *fields;
    const char *help;
};

extern const struct shape shapes[];
extern const size_t shape_count;

const struct shape *shape_named(const char *name); // NULL when there is none

// One field of a shape, taken apart.
struct shape_field {
    text name, type; // type without "[]" and "?"
    bool list, optional;
};
// Takes the next field off *rest (begin with text_of(shape->fields)); false at the end.
bool shape_field_next(text *rest, struct shape_field *field);

// The page's types, all of them.
void shapes_typescript(struct buf *out);
