/*
 * formats/xmltree: small helps to read somebody's XML with libxml2: nothing is fetched, a document
 * with a DOCTYPE is refused (entities are how files attack), elements are known by their local
 * names.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <libxml/tree.h>

// The caller's, by xmlFreeDoc; NULL with DAMAGED and the line.
xmlDoc *xmltree_open(const char *name, text bytes, struct error *err);
// "line 12: why". Always false.
bool xmltree_wrong(struct error *err, const char *name, const xmlNode *at, const char *why);

// All of these take NULL and then find nothing.
bool xmltree_named(const xmlNode *node, const char *name);
const xmlNode *xmltree_child(const xmlNode *of, const char *name);
const xmlNode *xmltree_next(const xmlNode *after, const char *name); // among its siblings
const xmlNode *xmltree_within(const xmlNode *of, const char *name);  // the first one at any depth
const xmlNode *xmltree_further(const xmlNode *of, const xmlNode *after,
                               const char *name); // and so on
// Its text without spaces around it; false when it has none or it does not fit.
bool xmltree_words(const xmlNode *node, char *to, size_t room);
bool xmltree_number(const xmlNode *node, int64_t *to);
bool xmltree_real(const xmlNode *node, double *to);
bool xmltree_attribute(const xmlNode *node, const char *name, char *to, size_t room);
