// Reads ASC MHL 2.0, its chains, and MHL 1. A document with a DOCTYPE is refused.
#include "formats/mhl/mhl.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct arena *a;
    struct mhl_list *list;
    struct error *err;
};

static bool wrong(struct error *err, const xmlNode *at, const char *why)
{
    error_set(err, ERROR_DAMAGED, "this hash list cannot be read");
    if (at)
        error_why(err, "line %ld: %s", xmlGetLineNo(at), why);
    else
        error_why(err, "%s", why);
    return error_fix(err, "take the list as its maker wrote it; a list that was edited is none");
}

static xmlDoc *parse(text bytes, const char *root, struct error *err)
{
    if (bytes.size > MHL_INPUT_BYTES) {
        wrong(err, NULL, "it is longer than 256 MiB");
        return NULL;
    }
    xmlDoc *doc = xmlReadMemory(bytes.at ? bytes.at : "", (int)bytes.size, "list.mhl", NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                    XML_PARSE_NOBLANKS | XML_PARSE_BIG_LINES | XML_PARSE_HUGE);
    const xmlNode *top = doc ? xmlDocGetRootElement(doc) : NULL;
    if (top && !xmlGetIntSubset(doc) && strcmp((const char *)top->name, root) == 0)
        return doc;
    wrong(err, NULL, !top                   ? "it is no well-formed XML"
                     : xmlGetIntSubset(doc) ? "it has a DOCTYPE, which hash lists have not"
                                            : "it is another kind of document");
    xmlFreeDoc(doc);
    return NULL;
}

static bool is(const xmlNode *n, const char *name)
{
    return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

static const char *words(struct arena *a, const xmlNode *n)
{
    xmlChar *got = xmlNodeGetContent(n);
    text trimmed = text_trim(text_of((const char *)got));
    const char *kept = arena_copy(a, trimmed.at ? trimmed.at : "", trimmed.size);
    xmlFree(got);
    return kept;
}

static const char *attribute(struct arena *a, const xmlNode *n, const char *name)
{
    xmlChar *got = xmlGetNoNsProp(n, (const xmlChar *)name);
    const char *kept = arena_text(a, (const char *)got);
    xmlFree(got);
    return kept;
}

// ---- digests

static enum mhl_action action_of(const char *word)
{
    return !word                          ? MHL_NONE
           : strcmp(word, "original") == 0 ? MHL_ORIGINAL
           : strcmp(word, "verified") == 0 ? MHL_VERIFIED
           : strcmp(word, "failed") == 0   ? MHL_FAILED
                                           : MHL_NONE;
}

// xxHash of MHL 1 has the bytes turned round; "be" has them as everybody else.
static bool legacy_name(const char *name, enum mhl_kind *kind, bool *turned)
{
    *turned = strcmp(name, "xxhash64") == 0;
    *kind = MHL_XXH64;
    return *turned || strcmp(name, "xxhash64be") == 0;
}

static bool take_digest(struct reading *r, const xmlNode *n, struct mhl_digest *to)
{
    enum mhl_kind kind;
    bool turned = false;
    uint8_t bytes[64];
    size_t size;
    const char *name = (const char *)n->name;
    if (!mhl_kind_named(text_of(name), &kind) && !legacy_name(name, &kind, &turned))
        return true; // another kind of another program
    char *said = arena_text(r->a, words(r->a, n));
    if (!mhl_digest_bytes(kind, text_of(said), bytes, &size))
        return wrong(r->err, n, "the digest is not one of its kind");
    for (char *c = said; kind != MHL_C4 && *c; c++)
        if (*c >= 'A' && *c <= 'F')
            *c = (char)(*c - 'A' + 'a');
    for (size_t i = 0; turned && i < 4; i++) {
        char pair[2] = {said[2 * i], said[2 * i + 1]};
        memcpy(&said[2 * i], &said[14 - 2 * i], 2);
        memcpy(&said[14 - 2 * i], pair, 2);
    }
    if (!to[kind].text)
        to[kind] = (struct mhl_digest){said, action_of(attribute(r->a, n, "action")),
                                       attribute(r->a, n, "hashdate")};
    return true;
}

static bool take_digests(struct reading *r, const xmlNode *of, struct mhl_digest *to)
{
    for (const xmlNode *n = of->children; n; n = n->next)
        if (n->type == XML_ELEMENT_NODE && !take_digest(r, n, to))
            return false;
    return true;
}

static bool take_both(struct reading *r, const xmlNode *of, struct mhl_entry *e)
{
    for (const xmlNode *n = of->children; n; n = n->next)
        if ((is(n, "content") && !take_digests(r, n, e->digests)) ||
            (is(n, "structure") && !take_digests(r, n, e->structure)))
            return false;
    return true;
}

// ---- entries

static bool take_path(struct reading *r, const xmlNode *n, struct mhl_entry *e)
{
    char *path = arena_text(r->a, words(r->a, n));
    if (r->list->legacy)
        for (char *c = path; *c; c++)
            *c = *c == '\\' ? '/' : *c;
    if (!mhl_path_good(path))
        return wrong(r->err, n, "a path leads out of the folder");
    e->path = path;
    const char *size = attribute(r->a, n, "size");
    if (size && (!text_int(text_of(size), &e->size) || e->size < 0))
        return wrong(r->err, n, "a size is no number");
    if (!size && !e->folder && !r->list->legacy)
        e->size = 0; // what is empty has no size in version 2
    e->modified = attribute(r->a, n, "lastmodificationdate");
    return true;
}

static bool take_legacy_size(struct reading *r, const xmlNode *n, struct mhl_entry *e)
{
    return (text_int(text_of(words(r->a, n)), &e->size) && e->size >= 0) ||
           wrong(r->err, n, "a size is no number");
}

static bool take_entry(struct reading *r, const xmlNode *of, bool folder)
{
    if (r->list->count >= MHL_ENTRIES)
        return wrong(r->err, of, "it lists more than 2,000,000 files");
    struct mhl_entry *e = mhl_add(r->list, r->a);
    e->folder = folder;
    for (const xmlNode *n = of->children; n; n = n->next) {
        bool ok = n->type != XML_ELEMENT_NODE                  ? true
                  : is(n, r->list->legacy ? "file" : "path")   ? take_path(r, n, e)
                  : r->list->legacy && is(n, "size")           ? take_legacy_size(r, n, e)
                  : is(n, "previousPath")                      ? (e->previous = words(r->a, n), true)
                  : r->list->legacy && is(n, "lastmodificationdate")
                      ? (e->modified = words(r->a, n), true)
                  : folder ? true
                           : take_digest(r, n, e->digests);
        if (!ok)
            return false;
    }
    if (!e->path)
        return wrong(r->err, of, "a hash has no path");
    return !folder || take_both(r, of, e);
}

static bool take_hashes(struct reading *r, const xmlNode *of)
{
    for (const xmlNode *n = of->children; n; n = n->next)
        if ((is(n, "hash") && !take_entry(r, n, false)) ||
            (is(n, "directoryhash") && !take_entry(r, n, true)))
            return false;
    return true;
}

// ---- what stands before and behind

static void take_creator(struct reading *r, const xmlNode *of)
{
    struct mhl_list *l = r->list;
    for (const xmlNode *n = of->children; n; n = n->next) {
        if (is(n, "creationdate"))
            l->created = words(r->a, n);
        else if (is(n, "hostname"))
            l->host = words(r->a, n);
        else if (is(n, "tool"))
            l->tool = words(r->a, n), l->tool_version = attribute(r->a, n, "version");
        else if (is(n, "location"))
            l->location = words(r->a, n);
        else if (is(n, "comment"))
            l->comment = words(r->a, n);
    }
}

static size_t children(const xmlNode *of, const char *name)
{
    size_t count = 0;
    for (const xmlNode *n = of->children; n; n = n->next)
        count += is(n, name);
    return count;
}

static bool take_process(struct reading *r, const xmlNode *of)
{
    struct mhl_list *l = r->list;
    for (const xmlNode *n = of->children; n; n = n->next) {
        if (is(n, "process"))
            l->process = words(r->a, n);
        else if (is(n, "roothash") && !take_both(r, n, &l->root))
            return false;
        else if (is(n, "ignore")) {
            l->ignore = ARENA_ARRAY(r->a, const char *, children(n, "pattern") + 1);
            l->ignore_count = 0;
            for (const xmlNode *p = n->children; p; p = p->next)
                if (is(p, "pattern"))
                    l->ignore[l->ignore_count++] = words(r->a, p);
        }
    }
    return true;
}

static bool take_references(struct reading *r, const xmlNode *of)
{
    struct mhl_list *l = r->list;
    l->references = ARENA_ARRAY(r->a, struct mhl_reference, children(of, "hashlistreference") + 1);
    for (const xmlNode *n = of->children; n; n = n->next) {
        struct mhl_reference ref = {0};
        for (const xmlNode *p = is(n, "hashlistreference") ? n->children : NULL; p; p = p->next) {
            if (is(p, "path"))
                ref.path = words(r->a, p);
            else if (is(p, "c4"))
                ref.c4 = words(r->a, p);
        }
        if (!is(n, "hashlistreference"))
            continue;
        if (!ref.path || !ref.c4 || !mhl_path_good(ref.path))
            return wrong(r->err, n, "a reference has no path in the folder, or no C4 ID");
        l->references[l->reference_count++] = ref;
    }
    return true;
}

bool mhl_read(text bytes, struct arena *a, struct mhl_list *list, struct error *err)
{
    *list = (struct mhl_list){0};
    list->root = (struct mhl_entry){.path = "", .folder = true, .size = -1};
    struct reading r = {a, list, err};
    xmlDoc *doc = parse(bytes, "hashlist", err);
    if (!doc)
        return false;
    const xmlNode *top = xmlDocGetRootElement(doc);
    const char *version = attribute(a, top, "version");
    list->legacy = version && version[0] == '1' && version[1] == '.';
    bool ok = list->legacy || (version && strcmp(version, "2.0") == 0) ||
              wrong(err, top, "its version is neither 1 nor 2.0");
    for (const xmlNode *n = top->children; n && ok; n = n->next) {
        if (is(n, "creatorinfo"))
            take_creator(&r, n);
        else if (is(n, "processinfo"))
            ok = take_process(&r, n);
        else if (is(n, "hashes"))
            ok = take_hashes(&r, n);
        else if (is(n, "references"))
            ok = take_references(&r, n);
        else if (list->legacy && is(n, "hash"))
            ok = take_entry(&r, n, false);
    }
    xmlFreeDoc(doc);
    return ok;
}

bool mhl_chain_read(text bytes, struct arena *a, struct mhl_chain_row **rows, size_t *count,
                    struct error *err)
{
    xmlDoc *doc = parse(bytes, "ascmhldirectory", err);
    if (!doc)
        return false;
    const xmlNode *top = xmlDocGetRootElement(doc);
    bool ok = true;
    *count = 0;
    *rows = ARENA_ARRAY(a, struct mhl_chain_row, children(top, "hashlist") + 1);
    for (const xmlNode *n = top->children; n && ok; n = n->next) {
        struct mhl_chain_row row = {0};
        uint8_t ignored[64];
        if (!is(n, "hashlist"))
            continue;
        const char *number = attribute(a, n, "sequencenr");
        for (const xmlNode *p = n->children; p; p = p->next) {
            if (is(p, "path"))
                row.path = words(a, p);
            else if (is(p, "c4"))
                row.c4 = words(a, p);
        }
        ok = (number && text_int(text_of(number), &row.number) &&
              row.number == (int64_t)*count + 1 && row.path && row.c4 &&
              mhl_path_good(row.path) && !strchr(row.path, '/') &&
              c4_bytes(text_of(row.c4), ignored)) ||
             wrong(err, n, "a generation has no number in order, no path or no C4 ID");
        if (ok)
            (*rows)[(*count)++] = row;
    }
    xmlFreeDoc(doc);
    return ok;
}
