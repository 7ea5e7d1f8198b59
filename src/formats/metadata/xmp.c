/*
 * XMP and iXML. Both are changed as trees, so that what we do not know of stays as it was.
 *
 * An XMP property stands in an rdf:Description, as an attribute or an element; a list is an rdf:Bag
 * or rdf:Seq of rdf:li, a text in several languages an rdf:Alt whose first li is "x-default". Lists
 * are one value here, parted by "; ".
 *
 * Markers lie in xmpDM:Tracks, a list of structs with a frame rate and a list of markers each (XMP
 * part 2, "Dynamic Media"). Read are all of them, in ticks of 1/720000 s; one track is written, in
 * the place of those that were there.
 */
#include "formats/metadata/metadata.h"
#include "formats/metadata/places.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

#define PACKET_MOST (4u << 20)
#define PAIRS_MOST 2000
#define XML (const xmlChar *)
#define DM "http://ns.adobe.com/xmp/1.0/DynamicMedia/"
#define MARKERS "xmp/xmpDM:Tracks/"
#define RDF "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

static const struct {
    const char *prefix, *uri;
} spaces[] = {
    {"dc", "http://purl.org/dc/elements/1.1/"},
    {"xmp", "http://ns.adobe.com/xap/1.0/"},
    {"xmpRights", "http://ns.adobe.com/xap/1.0/rights/"},
    {"xmpDM", DM},
    {"xmpMM", "http://ns.adobe.com/xap/1.0/mm/"},
    {"photoshop", "http://ns.adobe.com/photoshop/1.0/"},
    {"Iptc4xmpExt", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"},
    {"plus", "http://ns.useplus.org/ldf/xmp/1.0/"},
};
enum { SPACES = sizeof(spaces) / sizeof(spaces[0]) };

static const struct {
    const char *name, *list;
} lists[] = {{"dc:title", "Alt"},   {"dc:description", "Alt"},  {"dc:rights", "Alt"},
             {"dc:subject", "Bag"}, {"dc:publisher", "Bag"},    {"dc:language", "Bag"},
             {"dc:creator", "Seq"}, {"dc:contributor", "Bag"},  {"dc:date", "Seq"},
             {"dc:type", "Bag"},    {"xmpRights:Owner", "Bag"}, {"xmpRights:UsageTerms", "Alt"}};

static const char *list_of(const char *name)
{
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (strcmp(lists[i].name, name) == 0)
            return lists[i].list;
    return NULL;
}

static void silent(void *context, xmlErrorPtr e)
{
    (void)context, (void)e;
}

static xmlDoc *document(text t)
{
    while (t.size && !t.at[t.size - 1])
        t.size--;
    if (!t.size || t.size > PACKET_MOST)
        return NULL;
    xmlParserCtxt *parser = xmlNewParserCtxt();
    xmlSetStructuredErrorFunc(NULL, silent);
    xmlDoc *doc = parser ? xmlCtxtReadMemory(parser, t.at, (int)t.size, NULL, NULL,
                                             XML_PARSE_NONET | XML_PARSE_NOCDATA)
                         : NULL;
    xmlSetStructuredErrorFunc(NULL, NULL);
    xmlFreeParserCtxt(parser);
    if (doc && (doc->intSubset || !xmlDocGetRootElement(doc))) {
        xmlFreeDoc(doc);
        doc = NULL;
    }
    return doc;
}

static bool is(const xmlNode *n, const char *uri, const char *name)
{
    return n->type == XML_ELEMENT_NODE && (!uri || (n->ns && !strcmp((char *)n->ns->href, uri))) &&
           strcmp((const char *)n->name, name) == 0;
}

static const char *prefix_of(const xmlNs *ns)
{
    for (size_t i = 0; ns && i < SPACES; i++)
        if (strcmp((const char *)ns->href, spaces[i].uri) == 0)
            return spaces[i].prefix;
    return NULL;
}

static void add(json_t *pairs, const char *at, const char *value)
{
    text t = text_trim(text_of(value));
    if (t.size && t.size < 65536 && text_utf8(t) && json_array_size(pairs) < PAIRS_MOST)
        json_array_append_new(
            pairs, json_pack("{s:s, s:o}", "at", at, "value", json_stringn(t.at, t.size)));
}

static xmlNode *list_in(const xmlNode *property)
{
    for (xmlNode *n = property->children; n; n = n->next)
        if (is(n, RDF, "Alt") || is(n, RDF, "Bag") || is(n, RDF, "Seq"))
            return n;
    return NULL;
}

static bool simple(const xmlNode *n)
{
    for (const xmlNode *c = n->children; c; c = c->next)
        if (c->type == XML_ELEMENT_NODE)
            return false;
    return true;
}

static void read_list(const xmlNode *list, const char *at, json_t *pairs)
{
    bool alt = strcmp((const char *)list->name, "Alt") == 0;
    struct buf all = BUF_LIMIT(65536);
    for (xmlNode *li = list->children; li; li = li->next) {
        if (!is(li, RDF, "li") || !simple(li))
            continue;
        xmlChar *words = xmlNodeGetContent(li), *lang = alt ? xmlNodeGetLang(li) : NULL;
        char name[200];
        bool plain = !lang || !strcmp((char *)lang, "x-default");
        snprintf(name, sizeof(name), "%s@%.40s", at, lang ? (char *)lang : "");
        if (alt)
            add(pairs, plain ? at : name, (char *)words);
        else
            buf_format(&all, "%s%s", all.size ? "; " : "", words ? (char *)words : "");
        xmlFree(words);
        xmlFree(lang);
    }
    if (all.size)
        add(pairs, at, all.at);
    buf_free(&all);
}

static void read_description(const xmlNode *d, json_t *pairs)
{
    char at[160];
    for (const xmlAttr *p = d->properties; p; p = p->next) {
        const char *prefix = prefix_of(p->ns);
        xmlChar *value = prefix ? xmlNodeGetContent((const xmlNode *)p) : NULL;
        snprintf(at, sizeof(at), "xmp/%s:%.100s", prefix ? prefix : "", p->name);
        if (value)
            add(pairs, at, (char *)value);
        xmlFree(value);
    }
    for (const xmlNode *n = d->children; n; n = n->next) {
        const char *prefix = n->type == XML_ELEMENT_NODE ? prefix_of(n->ns) : NULL;
        if (!prefix)
            continue;
        snprintf(at, sizeof(at), "xmp/%s:%.100s", prefix, n->name);
        const xmlNode *list = list_in(n);
        if (list) {
            read_list(list, at, pairs);
        } else if (simple(n)) {
            xmlChar *value = xmlNodeGetContent(n);
            add(pairs, at, (char *)value);
            xmlFree(value);
        }
    }
}

// rdf:RDF, at the root or in x:xmpmeta.
static xmlNode *rdf(xmlDoc *doc)
{
    xmlNode *root = xmlDocGetRootElement(doc);
    if (is(root, RDF, "RDF"))
        return root;
    for (xmlNode *n = root->children; n; n = n->next)
        if (is(n, RDF, "RDF"))
            return n;
    return NULL;
}

// ---- markers

// A field of a struct: an element or an attribute, of itself or of an rdf:Description in it. Freed
// by the caller.
static xmlChar *field_of(const xmlNode *n, const char *name)
{
    xmlChar *value = xmlGetNsProp((xmlNode *)(uintptr_t)n, XML name, XML DM);
    for (const xmlNode *c = n->children; c && !value; c = c->next)
        value = is(c, DM, name)             ? xmlNodeGetContent(c)
                : is(c, RDF, "Description") ? field_of(c, name)
                                            : NULL;
    return value;
}

static const xmlNode *list_of_field(const xmlNode *n, const char *name)
{
    const xmlNode *list = NULL;
    for (const xmlNode *c = n->children; c && !list; c = c->next)
        list = is(c, DM, name)             ? list_in(c)
               : is(c, RDF, "Description") ? list_of_field(c, name)
                                           : NULL;
    return list;
}

// "f24000s1001": 24000 units in 1001 seconds; "f25".
static bool units(const char *rate, int64_t *in, int64_t *seconds)
{
    long long n, s = 1;
    if (!rate || sscanf(rate, "f%18llds%9lld", &n, &s) < 1 || n <= 0 || s <= 0)
        return false;
    *in = n, *seconds = s;
    return true;
}

static void add_marker(json_t *pairs, const char *at, size_t number, const char *value)
{
    if (value && *value && json_array_size(pairs) < PAIRS_MOST)
        json_array_append_new(pairs, json_pack("{s:s, s:I, s:s}", "at", at, "track",
                                               (json_int_t)number, "value", value));
}

static void read_marker(const xmlNode *li, const char *rate, size_t *number, json_t *pairs)
{
    xmlChar *start = field_of(li, "startTime"), *name = field_of(li, "name"),
            *type = field_of(li, "type");
    const char *own = start ? strchr((char *)start, 'f') : NULL;
    long long at;
    int64_t in, seconds;
    char ticks[32];
    // A number has its own units when they stand behind it.
    if (start && sscanf((char *)start, "%18lld", &at) == 1 && at >= 0 &&
        units(own ? own : rate, &in, &seconds)) {
        __int128 exact = (__int128)at * seconds * METADATA_TICKS + in / 2;
        snprintf(ticks, sizeof(ticks), "%lld", (long long)(exact / in));
        add_marker(pairs, MARKERS "startTime", *number, ticks);
        add_marker(pairs, MARKERS "name", *number, (char *)name);
        add_marker(pairs, MARKERS "type", *number, (char *)type);
        ++*number;
    }
    xmlFree(start);
    xmlFree(name);
    xmlFree(type);
}

static void read_markers(const xmlNode *description, size_t *number, json_t *pairs)
{
    const xmlNode *tracks = list_of_field(description, "Tracks");
    for (const xmlNode *t = tracks ? tracks->children : NULL; t; t = t->next) {
        const xmlNode *list = is(t, RDF, "li") ? list_of_field(t, "markers") : NULL;
        xmlChar *rate = list ? field_of(t, "frameRate") : NULL;
        for (const xmlNode *li = list ? list->children : NULL; li; li = li->next)
            if (is(li, RDF, "li"))
                read_marker(li, (char *)rate, number, pairs);
        xmlFree(rate);
    }
}

void xmp_pairs(text packet, json_t *pairs)
{
    size_t markers = 0;
    xmlDoc *doc = document(packet);
    xmlNode *r = doc ? rdf(doc) : NULL;
    for (xmlNode *n = r ? r->children : NULL; n; n = n->next)
        if (is(n, RDF, "Description")) {
            read_description(n, pairs);
            read_markers(n, &markers, pairs);
        }
    xmlFreeDoc(doc);
}

// ---- changing XMP

static xmlDoc *empty_packet(void)
{
    static const char start[] = "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"" RDF
                                "\"><rdf:Description rdf:about=\"\"/></rdf:RDF></x:xmpmeta>";
    return document(text_of(start));
}

static xmlNode *property(xmlNode *r, const char *uri, const char *name)
{
    for (xmlNode *d = r->children; d; d = d->next)
        for (xmlNode *n = is(d, RDF, "Description") ? d->children : NULL; n; n = n->next)
            if (is(n, uri, name))
                return n;
    return NULL;
}

static void drop_attribute(xmlNode *r, const char *uri, const char *name)
{
    for (xmlNode *d = r->children; d; d = d->next) {
        xmlAttr *p = is(d, RDF, "Description") ? xmlHasNsProp(d, XML name, XML uri) : NULL;
        if (p)
            xmlRemoveProp(p);
    }
}

static xmlNs *space_of(xmlDoc *doc, xmlNode *at, const char *prefix, const char *uri)
{
    xmlNs *ns = xmlSearchNsByHref(doc, at, XML uri);
    char other[40];
    for (int i = 0; !ns && i < 100; i++) { // a prefix that is somebody else's already
        snprintf(other, sizeof(other), i ? "%.20s%d" : "%.20s", prefix, i);
        ns = xmlNewNs(at, XML uri, XML other);
    }
    return ns;
}

static void add_item(xmlDoc *doc, xmlNode *list, const char *lang, text words)
{
    xmlNode *li = xmlNewChild(list, xmlSearchNsByHref(doc, list, XML RDF), XML "li", NULL);
    xmlNodeAddContentLen(li, XML words.at, (int)words.size);
    if (lang)
        xmlNodeSetLang(li, XML lang);
}

// A text in another language is one li of the list that is there.
static void set_language(xmlDoc *doc, xmlNode *n, const char *lang, const char *value)
{
    xmlNode *list = list_in(n);
    for (xmlNode *li = list ? list->children : NULL, *next; li; li = next) {
        xmlChar *own = is(li, RDF, "li") ? xmlNodeGetLang(li) : NULL;
        next = li->next;
        if (own && strcmp((char *)own, lang) == 0) {
            xmlUnlinkNode(li);
            xmlFreeNode(li);
        }
        xmlFree(own);
    }
    if (list && value)
        add_item(doc, list, lang, text_of(value));
}

static void fill(xmlDoc *doc, xmlNode *n, const char *name, const char *value)
{
    const char *kind = list_of(name);
    if (!kind) {
        xmlNodeAddContent(n, XML value);
        return;
    }
    xmlNode *list = xmlNewChild(n, xmlSearchNsByHref(doc, n, XML RDF), XML kind, NULL);
    text left = text_of(value);
    if (strcmp(kind, "Alt") == 0) {
        add_item(doc, list, "x-default", left);
        return;
    }
    while (left.size)
        add_item(doc, list, NULL, text_trim(text_cut(&left, ';')));
}

static void set_xmp(xmlDoc *doc, xmlNode *r, const char *at, const char *value)
{
    text name = text_of(at);
    text prefix = text_cut(&name, ':');
    text lang = name, plain = text_cut(&lang, '@');
    char words[80], whole[120], language[48] = "x-default";
    if (!text_copy(plain, words, sizeof(words)) || !words[0])
        return;
    if (strchr(words, '/')) // of a struct
        return;
    snprintf(whole, sizeof(whole), "%.*s:%s", (int)prefix.size, prefix.at, words);
    for (size_t i = 0; i < SPACES; i++) {
        if (!text_is(prefix, spaces[i].prefix))
            continue;
        xmlNode *n = property(r, spaces[i].uri, words);
        drop_attribute(r, spaces[i].uri, words);
        bool alt = list_of(whole) && !strcmp(list_of(whole), "Alt");
        if (lang.size && !text_copy(lang, language, sizeof(language)))
            return;
        if (n && alt && list_in(n) && (lang.size || value)) {
            set_language(doc, n, language, value);
            return;
        }
        if (n && !lang.size) {
            xmlUnlinkNode(n);
            xmlFreeNode(n);
            n = NULL;
        }
        if (!value || n)
            return;
        xmlNode *d = r->children;
        while (d && !is(d, RDF, "Description"))
            d = d->next;
        if (!d) {
            d = xmlNewChild(r, r->ns, XML "Description", NULL);
            xmlNewNsProp(d, r->ns, XML "about", XML "");
        }
        n = xmlNewChild(d, space_of(doc, d, spaces[i].prefix, spaces[i].uri), XML words, NULL);
        if (lang.size && alt)
            xmlNewChild(n, xmlSearchNsByHref(doc, n, XML RDF), XML "Alt", NULL);
        if (lang.size)
            set_language(doc, n, language, value);
        else
            fill(doc, n, whole, value);
        return;
    }
}

static const char *marker_field(const json_t *pairs, const char *at, size_t number)
{
    size_t i;
    const json_t *pair;
    json_array_foreach(pairs, i, pair)
    {
        const char *a = json_string_value(json_object_get(pair, "at"));
        if (a && strcmp(a, at) == 0 &&
            json_integer_value(json_object_get(pair, "track")) == (json_int_t)number)
            return json_string_value(json_object_get(pair, "value"));
    }
    return NULL;
}

static xmlNode *resource(xmlNode *in, xmlNs *r)
{
    xmlNode *n = xmlNewChild(in, r, XML "li", NULL);
    xmlNewNsProp(n, r, XML "parseType", XML "Resource");
    return n;
}

static void set_markers(xmlDoc *doc, xmlNode *r, const json_t *pairs)
{
    static const char *const fields[] = {"startTime", "name", "type"};
    const char *start = marker_field(pairs, MARKERS "startTime", 0);
    set_xmp(doc, r, "xmpDM:Tracks", start ? "" : NULL);
    xmlNode *n = start ? property(r, DM, "Tracks") : NULL;
    if (!n)
        return;
    xmlNs *rns = xmlSearchNsByHref(doc, n, XML RDF), *dm = n->ns;
    xmlNode *track = resource(xmlNewChild(n, rns, XML "Bag", NULL), rns);
    xmlNewTextChild(track, dm, XML "trackName", XML "Markers");
    xmlNewTextChild(track, dm, XML "frameRate", XML "f720000");
    xmlNode *list = xmlNewChild(xmlNewChild(track, dm, XML "markers", NULL), rns, XML "Seq", NULL);
    for (size_t i = 0; i < PAIRS_MOST && start; i++) {
        xmlNode *li = resource(list, rns);
        for (size_t k = 0; k < 3; k++) {
            char at[60];
            snprintf(at, sizeof(at), MARKERS "%s", fields[k]);
            const char *value = marker_field(pairs, at, i);
            if (value)
                xmlNewTextChild(li, dm, XML fields[k], XML value);
        }
        start = marker_field(pairs, MARKERS "startTime", i + 1);
    }
}

static bool about_markers(const json_t *pairs)
{
    size_t i;
    const json_t *pair;
    json_array_foreach(pairs, i, pair)
    {
        const char *at = json_string_value(json_object_get(pair, "at"));
        if (at && strncmp(at, MARKERS, strlen(MARKERS)) == 0)
            return true;
    }
    return false;
}

static bool any(const xmlNode *r)
{
    for (const xmlNode *d = r->children; d; d = d->next)
        if (is(d, RDF, "Description") && (d->children || (d->properties && d->properties->next)))
            return true;
    return false;
}

static void each(const json_t *pairs, const char *before, xmlDoc *doc, xmlNode *root,
                 void (*set)(xmlDoc *, xmlNode *, const char *, const char *))
{
    size_t i;
    const json_t *pair;
    json_array_foreach(pairs, i, pair)
    {
        const char *at = json_string_value(json_object_get(pair, "at"));
        if (at && strncmp(at, before, strlen(before)) == 0)
            set(doc, root, at + strlen(before), json_string_value(json_object_get(pair, "value")));
    }
}

static const char *dumped(xmlDoc *doc, struct arena *a, const char *before, const char *after)
{
    xmlBuffer *b = xmlBufferCreate();
    const char *to = NULL;
    if (b && xmlNodeDump(b, doc, xmlDocGetRootElement(doc), 0, 0) >= 0)
        to = arena_format(a, "%s%s%s", before, (const char *)xmlBufferContent(b), after);
    xmlBufferFree(b);
    return to;
}

const char *xmp_edit(text packet, const json_t *pairs, struct arena *a)
{
    xmlDoc *doc = document(packet);
    if (doc && !rdf(doc)) {
        xmlFreeDoc(doc);
        doc = NULL;
    }
    doc = doc ? doc : empty_packet();
    xmlNode *r = doc ? rdf(doc) : NULL;
    const char *to = NULL;
    if (r)
        each(pairs, "xmp/", doc, r, set_xmp);
    if (r && about_markers(pairs))
        set_markers(doc, r, pairs);
    if (r && any(r))
        to = dumped(doc, a, "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n",
                    "\n<?xpacket end=\"w\"?>");
    xmlFreeDoc(doc);
    return to;
}

// ---- iXML

static void read_ixml(const xmlNode *n, const char *path, int depth, json_t *pairs)
{
    char at[200];
    for (const xmlNode *c = n->children; c; c = c->next) {
        if (c->type != XML_ELEMENT_NODE)
            continue;
        snprintf(at, sizeof(at), "%s%s%.60s", path, depth ? "/" : "", c->name);
        if (simple(c)) {
            xmlChar *value = xmlNodeGetContent(c);
            add(pairs, at, (char *)value);
            xmlFree(value);
        } else if (depth < 1) {
            read_ixml(c, at, depth + 1, pairs);
        }
    }
}

void ixml_pairs(text t, json_t *pairs)
{
    xmlDoc *doc = document(t);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    if (root && is(root, NULL, "BWFXML"))
        read_ixml(root, "ixml/", 0, pairs);
    xmlFreeDoc(doc);
}

static xmlNode *named(const xmlNode *in, const char *name)
{
    for (xmlNode *n = in->children; n; n = n->next)
        if (is(n, NULL, name))
            return n;
    return NULL;
}

static void set_ixml(xmlDoc *doc, xmlNode *root, const char *at, const char *value)
{
    text left = text_of(at);
    xmlNode *n = root;
    (void)doc;
    while (n && left.size) {
        char name[64];
        if (!text_copy(text_cut(&left, '/'), name, sizeof(name)) || xmlValidateNCName(XML name, 0))
            return;
        xmlNode *next = named(n, name);
        n = next || !value ? next : xmlNewChild(n, NULL, XML name, NULL);
    }
    if (!n || n == root)
        return;
    if (!value) {
        xmlUnlinkNode(n);
        xmlFreeNode(n);
        return;
    }
    xmlNodeSetContent(n, NULL);
    xmlNodeAddContent(n, XML value);
}

const char *ixml_edit(text t, const json_t *pairs, struct arena *a)
{
    static const char start[] = "<BWFXML><IXML_VERSION>2.10</IXML_VERSION></BWFXML>";
    xmlDoc *doc = document(t);
    if (doc && !is(xmlDocGetRootElement(doc), NULL, "BWFXML")) {
        xmlFreeDoc(doc);
        doc = NULL;
    }
    doc = doc ? doc : document(text_of(start));
    if (!doc)
        return NULL;
    each(pairs, "ixml/", doc, xmlDocGetRootElement(doc), set_ixml);
    const char *to = dumped(doc, a, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "\n");
    xmlFreeDoc(doc);
    return to;
}
