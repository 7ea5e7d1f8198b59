// Bodies of PROPFIND, PROPPATCH and LOCK, and the If header.
#include "dav/dav.h"

#include "formats/xmltree/xmltree.h"

#include <string.h>

#define DAV "DAV:"
enum { DEPTH_MOST = 32, VALUE_MOST = 8192, LISTS_MOST = 64, CONDITIONS_MOST = 64 };

static bool wrong(struct error *err, const char *why)
{
    error_set(err, ERROR_USAGE, "this request can not be understood");
    error_why(err, "%s", why);
    return error_fix(err, "send what RFC 4918 describes");
}

static const char *space_of(const xmlNode *node)
{
    return node->ns && node->ns->href ? (const char *)node->ns->href : "";
}

static bool is_dav(const xmlNode *node, const char *name)
{
    return node && node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0 &&
           strcmp(space_of(node), DAV) == 0;
}

static const xmlNode *dav_child(const xmlNode *of, const char *name)
{
    for (const xmlNode *n = of->children; n; n = n->next)
        if (is_dav(n, name))
            return n;
    return NULL;
}

static xmlDoc *read_body(text body, const char *root, struct error *err)
{
    xmlDoc *doc = xmltree_open("the body", body, err);
    if (!doc) {
        err->kind = ERROR_USAGE;
        return NULL;
    }
    if (is_dav(xmlDocGetRootElement(doc), root))
        return doc;
    xmlFreeDoc(doc);
    wrong(err, "the body is another element than this method takes");
    return NULL;
}

// ---- XML as text that stands for itself

static void escaped(struct buf *to, const char *at)
{
    for (; *at; at++)
        switch (*at) {
        case '&':
            buf_text(to, "&amp;");
            break;
        case '<':
            buf_text(to, "&lt;");
            break;
        case '>':
            buf_text(to, "&gt;");
            break;
        case '"':
            buf_text(to, "&quot;");
            break;
        case '\r':
            buf_text(to, "&#13;");
            break;
        default:
            buf_add(to, at, 1);
        }
}

static void attribute(struct buf *to, const xmlAttr *a, int number)
{
    xmlChar *value = xmlNodeListGetString(a->doc, a->children, 1);
    const char *space = a->ns && a->ns->href ? (const char *)a->ns->href : "";
    bool own = strcmp(space, "http://www.w3.org/XML/1998/namespace") == 0;
    if (own) {
        buf_format(to, " xml:%s=\"", (const char *)a->name);
    } else if (*space) {
        buf_format(to, " xmlns:a%d=\"", number);
        escaped(to, space);
        buf_format(to, "\" a%d:%s=\"", number, (const char *)a->name);
    } else {
        buf_format(to, " %s=\"", (const char *)a->name);
    }
    escaped(to, value ? (const char *)value : "");
    buf_text(to, "\"");
    xmlFree(value);
}

static void inside(struct buf *to, const xmlNode *of, int depth);

static void element(struct buf *to, const xmlNode *n, int depth)
{
    int number = 0;
    buf_format(to, "<%s xmlns=\"", (const char *)n->name);
    escaped(to, space_of(n));
    buf_text(to, "\"");
    for (const xmlAttr *a = n->properties; a; a = a->next)
        attribute(to, a, number++);
    buf_text(to, ">");
    inside(to, n, depth + 1);
    buf_format(to, "</%s>", (const char *)n->name);
}

static void inside(struct buf *to, const xmlNode *of, int depth)
{
    if (depth > DEPTH_MOST)
        to->over = true;
    for (const xmlNode *n = of->children; n && !to->over; n = n->next)
        if (n->type == XML_ELEMENT_NODE)
            element(to, n, depth);
        else if ((n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) && n->content)
            escaped(to, (const char *)n->content);
}

static bool inside_text(const xmlNode *of, struct arena *a, const char **value, struct error *err)
{
    struct buf to = BUF_LIMIT(VALUE_MOST);
    inside(&to, of, 0);
    bool fits = !to.over;
    *value = fits ? arena_copy(a, to.at ? to.at : "", to.size) : NULL;
    buf_free(&to);
    if (fits)
        return true;
    error_set(err, ERROR_TOO_BIG, "a property is too big");
    return error_why(err, "a property may have 8 KiB of XML, 32 deep");
}

// ---- bodies

static bool names_read(const xmlNode *prop, struct arena *a, struct dav_propfind *p,
                       struct error *err)
{
    p->names = ARENA_ARRAY(a, struct dav_name, DAV_NAMES_MOST);
    for (const xmlNode *n = prop->children; n; n = n->next) {
        if (n->type != XML_ELEMENT_NODE)
            continue;
        if (p->count == DAV_NAMES_MOST)
            return wrong(err, "it asks for more than 256 properties");
        p->names[p->count++] =
            (struct dav_name){arena_text(a, space_of(n)), arena_text(a, (const char *)n->name)};
    }
    return true;
}

bool dav_propfind_read(text body, struct arena *a, struct dav_propfind *p, struct error *err)
{
    *p = (struct dav_propfind){.wanted = DAV_ALL};
    if (!body.size)
        return true;
    xmlDoc *doc = read_body(body, "propfind", err);
    if (!doc)
        return false;
    const xmlNode *root = xmlDocGetRootElement(doc), *prop = dav_child(root, "prop");
    bool ok = true;
    if (prop) {
        p->wanted = DAV_SOME;
        ok = names_read(prop, a, p, err);
    } else if (dav_child(root, "propname")) {
        p->wanted = DAV_NAMES;
    } else if (!dav_child(root, "allprop")) {
        ok = wrong(err, "it asks for neither prop, propname nor allprop");
    }
    xmlFreeDoc(doc);
    return ok;
}

static bool act_read(const xmlNode *act, bool set, struct arena *a, struct tree_property *list,
                     size_t *count, struct error *err)
{
    const xmlNode *prop = dav_child(act, "prop");
    for (const xmlNode *n = prop ? prop->children : NULL; n; n = n->next) {
        if (n->type != XML_ELEMENT_NODE)
            continue;
        if (*count == TREE_PROPERTIES_MOST)
            return wrong(err, "it changes more than 64 properties");
        struct tree_property *to = &list[(*count)++];
        to->space = arena_text(a, space_of(n));
        to->name = arena_text(a, (const char *)n->name);
        if (set && !inside_text(n, a, &to->value, err))
            return false;
    }
    return true;
}

bool dav_proppatch_read(text body, struct arena *a, struct tree_property **list, size_t *count,
                        struct error *err)
{
    xmlDoc *doc = read_body(body, "propertyupdate", err);
    bool ok = doc != NULL;
    *count = 0;
    *list = ARENA_ARRAY(a, struct tree_property, TREE_PROPERTIES_MOST);
    for (const xmlNode *n = ok ? xmlDocGetRootElement(doc)->children : NULL; ok && n; n = n->next)
        if (is_dav(n, "set") || is_dav(n, "remove"))
            ok = act_read(n, is_dav(n, "set"), a, *list, count, err);
    if (ok && !*count)
        ok = wrong(err, "it changes nothing");
    xmlFreeDoc(doc);
    return ok;
}

bool dav_lockinfo_read(text body, struct arena *a, struct dav_lockinfo *l, struct error *err)
{
    *l = (struct dav_lockinfo){.owner = ""};
    xmlDoc *doc = read_body(body, "lockinfo", err);
    if (!doc)
        return false;
    const xmlNode *root = xmlDocGetRootElement(doc), *scope = dav_child(root, "lockscope"),
                  *type = dav_child(root, "locktype"), *owner = dav_child(root, "owner");
    bool ok = scope && type && dav_child(type, "write");
    l->shared = ok && dav_child(scope, "shared");
    ok = ok && (l->shared || dav_child(scope, "exclusive"));
    if (!ok)
        wrong(err, "a lock is exclusive or shared, and for writing");
    ok = ok && (!owner || inside_text(owner, a, &l->owner, err));
    xmlFreeDoc(doc);
    return ok;
}

// ---- the If header

static void spaces(text *t)
{
    while (t->size && (*t->at == ' ' || *t->at == '\t'))
        t->at++, t->size--;
}

// What stands between two marks, without them; false when it does not begin or end so.
static bool between(text *rest, char begin, char end, struct arena *a, const char **found)
{
    const char *close =
        rest->size && *rest->at == begin ? memchr(rest->at + 1, end, rest->size - 1) : NULL;
    if (!close || close == rest->at + 1)
        return false;
    *found = arena_copy(a, rest->at + 1, (size_t)(close - rest->at - 1));
    rest->size -= (size_t)(close + 1 - rest->at);
    rest->at = close + 1;
    return true;
}

static bool condition_read(text *rest, struct arena *a, struct dav_condition *c)
{
    if (text_starts(*rest, "Not")) {
        c->negated = true;
        rest->at += 3, rest->size -= 3;
        spaces(rest);
    }
    return between(rest, '<', '>', a, &c->token) || between(rest, '[', ']', a, &c->etag);
}

bool dav_if_read(text header, struct arena *a, struct dav_if *to, struct error *err)
{
    const char *resource = NULL;
    *to = (struct dav_if){.lists = ARENA_ARRAY(a, struct dav_list, LISTS_MOST)};
    for (text rest = header;;) {
        spaces(&rest);
        if (!rest.size)
            break;
        if (*rest.at == '<') {
            if (!between(&rest, '<', '>', a, &resource))
                return wrong(err, "the If header has a broken tag");
            continue;
        }
        if (*rest.at != '(' || to->count == LISTS_MOST)
            return wrong(err, "the If header is no list of conditions, or too long");
        rest.at++, rest.size--;
        struct dav_list *list = &to->lists[to->count++];
        list->resource = resource;
        list->conditions = ARENA_ARRAY(a, struct dav_condition, CONDITIONS_MOST);
        for (spaces(&rest); rest.size && *rest.at != ')'; spaces(&rest))
            if (list->count == CONDITIONS_MOST ||
                !condition_read(&rest, a, &list->conditions[list->count++]))
                return wrong(err, "the If header has a broken condition");
        if (!rest.size || !list->count)
            return wrong(err, "the If header has a list that is empty or does not end");
        rest.at++, rest.size--;
    }
    return to->count || wrong(err, "the If header is empty");
}
