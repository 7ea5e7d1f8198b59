#include "formats/xmltree/xmltree.h"

#include <libxml/parser.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    const char *name;
    struct error *err;
};

static void remember(void *context, xmlError *e)
{
    struct reading *r = context;
    if (r->err->kind || e->level < XML_ERR_ERROR)
        return;
    error_set(r->err, ERROR_DAMAGED, "%s can not be read", r->name);
    error_why(r->err, "line %d: %.*s", e->line, e->message ? (int)strcspn(e->message, "\n") : 0,
              e->message ? e->message : "");
}

xmlDoc *xmltree_open(const char *name, text bytes, struct error *err)
{
    struct reading r = {name, err};
    error_clear(err);
    xmlParserCtxt *parser = xmlNewParserCtxt();
    if (!parser)
        abort();
    xmlSetStructuredErrorFunc(&r, remember);
    xmlDoc *doc =
        bytes.size && bytes.size < INT_MAX && !memmem(bytes.at, bytes.size, "<!DOCTYPE", 9)
            ? xmlCtxtReadMemory(parser, bytes.at, (int)bytes.size, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_BIG_LINES)
            : NULL;
    xmlSetStructuredErrorFunc(NULL, NULL);
    xmlFreeParserCtxt(parser);
    bool ok = doc && !err->kind && !doc->intSubset && xmlDocGetRootElement(doc);
    if (!ok && !err->kind) {
        error_set(err, ERROR_DAMAGED, "%s can not be read", name);
        error_why(err, "it is no XML, or has a DOCTYPE");
    }
    if (!ok)
        xmlFreeDoc(doc);
    return ok ? doc : NULL;
}

bool xmltree_wrong(struct error *err, const char *name, const xmlNode *at, const char *why)
{
    error_set(err, ERROR_DAMAGED, "%s can not be used", name);
    error_why(err, "line %ld: %s", xmlGetLineNo((xmlNode *)(uintptr_t)at), why);
    return error_fix(err, "export it again from where it was made");
}

bool xmltree_named(const xmlNode *node, const char *name)
{
    return node && node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static const xmlNode *from(const xmlNode *node, const char *name)
{
    while (node && !xmltree_named(node, name))
        node = node->next;
    return node;
}

const xmlNode *xmltree_child(const xmlNode *of, const char *name)
{
    return of ? from(of->children, name) : NULL;
}

const xmlNode *xmltree_next(const xmlNode *after, const char *name)
{
    return after ? from(after->next, name) : NULL;
}

// The next one in order of the document, inside `of`. Without recursion: trees may be deep.
static const xmlNode *step(const xmlNode *of, const xmlNode *at)
{
    if (at->type == XML_ELEMENT_NODE && at->children)
        return at->children;
    while (at && at != of && !at->next)
        at = at->parent;
    return at && at != of ? at->next : NULL;
}

const xmlNode *xmltree_further(const xmlNode *of, const xmlNode *after, const char *name)
{
    const xmlNode *at = of ? step(of, after ? after : of) : NULL;
    while (at && !xmltree_named(at, name))
        at = step(of, at);
    return at;
}

const xmlNode *xmltree_within(const xmlNode *of, const char *name)
{
    return xmltree_further(of, NULL, name);
}

static bool copy(xmlChar *words, char *to, size_t room)
{
    text t = text_trim(text_of((const char *)words));
    bool fits = t.size > 0 && text_copy(t, to, room);
    xmlFree(words);
    return fits;
}

bool xmltree_words(const xmlNode *node, char *to, size_t room)
{
    xmlChar *words = node ? xmlNodeGetContent(node) : NULL;
    return words && copy(words, to, room);
}

bool xmltree_number(const xmlNode *node, int64_t *to)
{
    char words[32];
    return xmltree_words(node, words, sizeof(words)) && text_int(text_of(words), to);
}

bool xmltree_real(const xmlNode *node, double *to)
{
    char words[64], *end;
    if (!xmltree_words(node, words, sizeof(words)))
        return false;
    *to = strtod(words, &end);
    return !*end && *to == *to;
}

bool xmltree_attribute(const xmlNode *node, const char *name, char *to, size_t room)
{
    xmlChar *words =
        node ? xmlGetNoNsProp((xmlNode *)(uintptr_t)node, (const xmlChar *)name) : NULL;
    return words && copy(words, to, room);
}
