/*
 * formats/metadata: XML is written through these. Elements without a value are left out.
 */
#pragma once
#include "base/text.h"

struct xml {
    struct buf *to;
    int depth;
};
void xml_begin(struct xml *x, struct buf *to);
// Attributes: name, value, ..., NULL. One whose value is NULL or empty is left out.
void xml_open(struct xml *x, const char *name, ...) __attribute__((sentinel));
void xml_leaf(struct xml *x, const char *name, const char *value, ...) __attribute__((sentinel));
void xml_empty(struct xml *x, const char *name, ...) __attribute__((sentinel)); // <name .../>
void xml_close(struct xml *x, const char *name);
