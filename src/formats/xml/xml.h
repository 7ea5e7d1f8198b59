/*
 * formats/xml: small helps to read somebody's XML with libxml2: nothing is fetched, a document with
 * a DOCTYPE is refused (entities are how files attack), elements are known by their local names.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <libxml/tree.h>

// The caller's, by xmlFreeDoc; NULL with DAMAGED and the line.
xmlDoc *xml_open(const char *name, text bytes, struct error *err);
// "line 12: why". Always false.
bool xml_wrong(struct error *err, const char *name, const xmlNode *at, const char *why);

// All of these take NULL and then find nothing.
bool xml_named(const xmlNode *node, const char *name);
const xmlNode *xml_child(const xmlNode *of, const char *name);
const xmlNode *xml_next(const xmlNode *after, const char *name); // among its siblings
const xmlNode *xml_within(const xmlNode *of, const char *name);  // the first one at any depth
const xmlNode *xml_further(const xmlNode *of, const xmlNode *after, const char *name); // and so on
// Its text without spaces around it; false when it has none or it does not fit.
bool xml_words(const xmlNode *node, char *to, size_t room);
bool xml_number(const xmlNode *node, int64_t *to);
bool xml_real(const xmlNode *node, double *to);
bool xml_attribute(const xmlNode *node, const char *name, char *to, size_t room);
