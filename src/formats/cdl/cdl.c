#include "formats/cdl/cdl.h"
#include "formats/xmltree/xmltree.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { COLUMNS = 256 };

struct reading {
    const char *name;
    struct cdl_list *list;
    size_t room;
    struct error *err;
};

void cdl_list_free(struct cdl_list *list)
{
    free(list->at);
    *list = (struct cdl_list){0};
}

static bool wrong(struct reading *r, size_t line, const char *why, ...) PRINTF_LIKE(3, 4);
static bool wrong(struct reading *r, size_t line, const char *why, ...)
{
    char said[300];
    va_list list;
    va_start(list, why);
    vsnprintf(said, sizeof(said), why, list);
    va_end(list);
    error_set(r->err, ERROR_INPUT, "%.200s holds no colour decisions that can be used", r->name);
    if (line)
        error_why(r->err, "line %zu: %s", line, said);
    else
        error_why(r->err, "%s", said);
    return error_fix(r->err, "export it again as .cdl, .cc or .ccc");
}

static struct cdl *add(struct reading *r, size_t line)
{
    struct cdl_list *list = r->list;
    if (list->count == r->room) {
        size_t room = r->room ? r->room * 2 : 16;
        struct cdl *more = list->count < CDL_MOST ? realloc(list->at, room * sizeof(*more)) : NULL;
        if (!more)
            return wrong(r, line, "there are more than %d corrections", CDL_MOST), NULL;
        list->at = more, r->room = room;
    }
    struct cdl *c = &list->at[list->count++];
    *c = (struct cdl){.line = line, .slope = {1, 1, 1}, .power = {1, 1, 1}, .saturation = 1};
    return c;
}

// Names are shown, and written as XML: what can not be is left out.
static void keep(text words, char *to, size_t room)
{
    words = text_trim(words);
    if (!text_utf8(words))
        return;
    size_t size = words.size < room ? words.size : room - 1;
    while (size && size < words.size && ((uint8_t)words.at[size] & 0xc0) == 0x80)
        size--;
    text_copy((text){words.at, size}, to, room);
    for (char *at = to; *at; at++)
        *at = (uint8_t)*at < ' ' || *at == 127 ? ' ' : *at;
}

// ---- numbers

static bool next_number(text *rest, double *to)
{
    char word[64];
    *rest = text_trim(*rest);
    size_t size = 0;
    while (size < rest->size && strchr("+-.0123456789eE", rest->at[size]) && rest->at[size])
        size++;
    if (!size || !text_copy((text){rest->at, size}, word, sizeof(word)))
        return false;
    rest->at += size, rest->size -= size;
    char *end;
    *to = strtod(word, &end);
    return !*end && isfinite(*to);
}

static bool three(struct reading *r, size_t line, text said, double to[3], const char *of)
{
    for (int c = 0; c < 3; c++)
        if (!next_number(&said, &to[c]))
            return wrong(r, line, "%s wants three numbers", of);
    return !text_trim(said).size || wrong(r, line, "%s has more than three numbers", of);
}

static bool sensible(struct reading *r, const struct cdl *c, size_t line)
{
    for (int i = 0; i < 3; i++) {
        if (c->slope[i] < 0)
            return wrong(r, line, "a slope is below 0: %g", c->slope[i]);
        if (c->power[i] <= 0)
            return wrong(r, line, "a power is not above 0: %g", c->power[i]);
    }
    return c->saturation >= 0 || wrong(r, line, "the saturation is below 0: %g", c->saturation);
}

// ---- XML

static bool element_three(struct reading *r, const xmlNode *of, const char *name, double to[3])
{
    char words[256];
    const xmlNode *node = xmltree_child(of, name);
    size_t line = node ? (size_t)xmlGetLineNo(node) : 0;
    if (!node)
        return true;
    return (xmltree_words(node, words, sizeof(words)) ||
            wrong(r, line, "%s is empty, or too long", name)) &&
           three(r, line, text_of(words), to, name);
}

static bool correction(struct reading *r, const xmlNode *node, const xmlNode *decision)
{
    char id[128] = "", words[64];
    size_t line = (size_t)xmlGetLineNo(node);
    struct cdl *c = add(r, line);
    if (!c)
        return false;
    if (!xmltree_attribute(node, "id", id, sizeof(id)))
        (void)xmltree_attribute(decision, "id", id, sizeof(id));
    keep(text_of(id), c->id, sizeof(c->id));
    const xmlNode *sop = xmltree_child(node, "SOPNode"), *sat = xmltree_child(node, "SatNode");
    sat = sat ? sat : xmltree_child(node, "SATNode");
    const xmlNode *value = xmltree_child(sat, "Saturation");
    if (!sop && !sat)
        return wrong(r, line, "the correction has neither SOPNode nor SatNode");
    if (!element_three(r, sop, "Slope", c->slope) || !element_three(r, sop, "Offset", c->offset) ||
        !element_three(r, sop, "Power", c->power))
        return false;
    if (value) {
        text said = text_of(xmltree_words(value, words, sizeof(words)) ? words : "");
        if (!next_number(&said, &c->saturation) || text_trim(said).size)
            return wrong(r, (size_t)xmlGetLineNo(value), "Saturation wants one number");
    }
    return sensible(r, c, line);
}

static bool corrections(struct reading *r, const xmlNode *of)
{
    bool good = true;
    const xmlNode *n = xmltree_child(of, "ColorCorrection");
    for (; good && n; n = xmltree_next(n, "ColorCorrection"))
        good = correction(r, n, of);
    return good;
}

static bool read_xml(struct reading *r, text bytes)
{
    xmlDoc *doc = xmltree_open(r->name, bytes, r->err);
    if (!doc)
        return false;
    const xmlNode *root = xmlDocGetRootElement(doc);
    bool good = true;
    if (xmltree_named(root, "ColorCorrection")) {
        r->list->form = "cc";
        good = correction(r, root, NULL);
    } else if (xmltree_named(root, "ColorCorrectionCollection")) {
        r->list->form = "ccc";
        good = corrections(r, root);
    } else if (xmltree_named(root, "ColorDecisionList")) {
        r->list->form = "cdl";
        const xmlNode *d = xmltree_child(root, "ColorDecision");
        for (; good && d; d = xmltree_next(d, "ColorDecision"))
            good = corrections(r, d);
        good = good && corrections(r, root);
    } else {
        good = wrong(r, 1,
                     "the XML is neither ColorDecisionList, ColorCorrectionCollection nor "
                     "ColorCorrection");
    }
    xmlFreeDoc(doc);
    return good;
}

// ---- what EDL and ALE say

static bool group(text *rest, text *inside)
{
    *rest = text_trim(*rest);
    if (!rest->size || *rest->at != '(')
        return false;
    const char *end = memchr(rest->at, ')', rest->size);
    if (!end)
        return false;
    *inside = (text){rest->at + 1, (size_t)(end - rest->at) - 1};
    size_t used = (size_t)(end - rest->at) + 1;
    rest->at += used, rest->size -= used;
    return true;
}

static bool sop_of(struct reading *r, size_t line, text said, struct cdl *c)
{
    text slope, offset, power;
    if (!group(&said, &slope) || !group(&said, &offset) || !group(&said, &power))
        return wrong(r, line, "ASC_SOP wants (slope)(offset)(power), three numbers each");
    return three(r, line, slope, c->slope, "slope") &&
           three(r, line, offset, c->offset, "offset") &&
           three(r, line, power, c->power, "power") && sensible(r, c, line);
}

static bool sat_of(struct reading *r, size_t line, text said, struct cdl *c)
{
    if (!next_number(&said, &c->saturation) || text_trim(said).size)
        return wrong(r, line, "ASC_SAT wants one number");
    return sensible(r, c, line);
}

static text next_line(text *rest, size_t *number)
{
    text line = text_cut(rest, '\n');
    ++*number;
    if (line.size && line.at[line.size - 1] == '\r')
        line.size--;
    return line;
}

static bool word_begins(text t, const char *with)
{
    size_t size = strlen(with);
    return t.size >= size && strncasecmp(t.at, with, size) == 0;
}

static text after(text t, size_t size)
{
    t = (text){t.at + size, t.size - size};
    t = text_trim(t);
    if (t.size && *t.at == ':')
        t.at++, t.size--;
    return text_trim(t);
}

struct event { // of an EDL
    bool any, used;
    text reel, clip;
};

static bool edl_comment(struct reading *r, size_t line, text said, struct event *e,
                        struct cdl **now)
{
    bool sop = word_begins(said, "ASC_SOP"), sat = word_begins(said, "ASC_SAT");
    if (word_begins(said, "FROM CLIP NAME")) {
        e->clip = after(said, strlen("FROM CLIP NAME"));
        if (*now)
            keep(e->clip, (*now)->id, sizeof((*now)->id));
    }
    if (!sop && !sat)
        return true;
    if (!*now) {
        *now = add(r, line);
        if (!*now)
            return false;
        keep(e->reel, (*now)->reel, sizeof((*now)->reel));
        keep(e->clip, (*now)->id, sizeof((*now)->id));
    }
    return sop ? sop_of(r, line, after(said, 7), *now) : sat_of(r, line, after(said, 7), *now);
}

static bool read_edl(struct reading *r, text bytes)
{
    struct event e = {0};
    struct cdl *now = NULL;
    size_t line = 0;
    r->list->form = "edl";
    while (bytes.size) {
        text said = text_trim(next_line(&bytes, &line));
        if (said.size && *said.at >= '0' && *said.at <= '9') {
            text rest = said;
            text_cut(&rest, ' ');
            rest = text_trim(rest);
            e = (struct event){.reel = text_cut(&rest, ' ')};
            now = NULL;
        } else if (said.size && *said.at == '*') {
            said = text_trim((text){said.at + 1, said.size - 1});
            if (!edl_comment(r, line, said, &e, &now))
                return false;
        }
    }
    return true;
}

static int column_of(text heads, const char *name)
{
    for (int i = 0; heads.size && i < COLUMNS; i++)
        if (text_is(text_trim(text_cut(&heads, '\t')), name))
            return i;
    return -1;
}

static text cell(text row, int column)
{
    text found = {"", 0};
    for (int i = 0; i <= column; i++)
        found = text_cut(&row, '\t');
    return text_trim(found);
}

static bool ale_row(struct reading *r, size_t line, text heads, text row)
{
    int name = column_of(heads, "Name"), tape = column_of(heads, "Tape");
    text sop = cell(row, column_of(heads, "ASC_SOP")), sat = cell(row, column_of(heads, "ASC_SAT"));
    if (!sop.size && !sat.size)
        return true;
    struct cdl *c = add(r, line);
    if (!c)
        return false;
    keep(cell(row, name), c->id, sizeof(c->id));
    keep(cell(row, tape), c->reel, sizeof(c->reel));
    return (!sop.size || sop_of(r, line, sop, c)) && (!sat.size || sat_of(r, line, sat, c));
}

static bool read_ale(struct reading *r, text bytes)
{
    text heads = {0};
    bool rows = false;
    size_t line = 0;
    r->list->form = "ale";
    while (bytes.size) {
        text said = next_line(&bytes, &line);
        if (!text_trim(said).size)
            continue;
        if (text_is(text_trim(said), "Column")) {
            heads = next_line(&bytes, &line);
            if (column_of(heads, "ASC_SOP") < 0 && column_of(heads, "ASC_SAT") < 0)
                return wrong(r, line, "the ALE has no column ASC_SOP or ASC_SAT");
        } else if (text_is(text_trim(said), "Data")) {
            rows = true;
        } else if (rows && heads.size && !ale_row(r, line, heads, said)) {
            return false;
        }
    }
    return true;
}

// ---- all of them

bool cdl_read(const char *name, text bytes, struct cdl_list *list, struct error *err)
{
    struct reading r = {.name = name, .list = list, .err = err};
    *list = (struct cdl_list){0};
    if (bytes.size > CDL_FILE_BYTES) {
        error_set(err, ERROR_TOO_BIG, "%.200s is too large", name);
        error_why(err, "at most %s of colour decisions are read", size_text(CDL_FILE_BYTES).text);
        return error_fix(err, "export fewer clips");
    }
    if (text_starts(bytes, "\xef\xbb\xbf"))
        bytes.at += 3, bytes.size -= 3;
    text begins = text_trim(bytes);
    bool good = begins.size && *begins.at == '<' ? read_xml(&r, bytes)
                : word_begins(begins, "Heading") || word_begins(begins, "Column")
                    ? read_ale(&r, bytes)
                    : read_edl(&r, bytes);
    if (good && !list->count)
        good = wrong(&r, 0, "there is no correction in it");
    if (!good)
        cdl_list_free(list);
    return good;
}

static bool same_stem(const char *a, const char *b) // "A001C003.mov" is the clip A001C003
{
    const char *dot = strrchr(b, '.');
    size_t size = dot ? (size_t)(dot - b) : 0;
    return size && strlen(a) == size && strncasecmp(a, b, size) == 0;
}

const struct cdl *cdl_find(const struct cdl_list *list, const char *id)
{
    if (!*id)
        return list->count ? &list->at[0] : NULL;
    for (size_t i = 0; i < list->count; i++)
        if (strcasecmp(list->at[i].id, id) == 0)
            return &list->at[i];
    for (size_t i = 0; i < list->count; i++)
        if (strcasecmp(list->at[i].reel, id) == 0 || same_stem(id, list->at[i].id) ||
            same_stem(list->at[i].id, id))
            return &list->at[i];
    return NULL;
}

static void write_three(struct buf *to, const char *name, const double v[3])
{
    buf_format(to, "      <%s>%.17g %.17g %.17g</%s>\n", name, v[0], v[1], v[2], name);
}

void cdl_write(const struct cdl_list *list, struct buf *to)
{
    buf_text(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ColorCorrectionCollection "
                 "xmlns=\"urn:ASC:CDL:v1.2\">\n");
    for (size_t i = 0; i < list->count; i++) {
        const struct cdl *c = &list->at[i];
        buf_text(to, "  <ColorCorrection");
        if (*c->id) {
            buf_text(to, " id=\"");
            buf_xml(to, c->id);
            buf_text(to, "\"");
        }
        buf_text(to, ">\n    <SOPNode>\n");
        write_three(to, "Slope", c->slope);
        write_three(to, "Offset", c->offset);
        write_three(to, "Power", c->power);
        buf_format(to,
                   "    </SOPNode>\n    <SatNode>\n      <Saturation>%.17g</Saturation>\n    "
                   "</SatNode>\n  </ColorCorrection>\n",
                   c->saturation);
    }
    buf_text(to, "</ColorCorrectionCollection>\n");
}

static double held(double v)
{
    return v > 0 ? v < 1 ? v : 1 : 0;
}

void cdl_apply(const struct cdl *c, const float in[3], float out[3])
{
    double v[3];
    for (int i = 0; i < 3; i++)
        v[i] = pow(held((double)in[i] * c->slope[i] + c->offset[i]), c->power[i]);
    double luma = 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
    for (int i = 0; i < 3; i++)
        out[i] = (float)held(luma + c->saturation * (v[i] - luma));
}
