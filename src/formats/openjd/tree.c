// A YAML or JSON document as a tree of values that know their line.
//
// YAML is 1.2 with the core schema (YAML 1.2.2, 10.3): `yes` and `on` are text, 0o17 is 15, 1e3 is
// a number, a date is text, there are no merge keys, keys are unique. libyaml reads the events, and
// what a plain scalar means is decided here. An alias counts as often as it is used, so that a
// small document can not become a huge one. JSON (ECMA-404) has a reader of its own since libyaml
// refuses some of its escapes.
#include "formats/openjd/inside.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct building {
    struct arena *a;
    size_t nodes;
    int64_t line;
    const char *rule; // set when it went wrong
};

static struct node *fail(struct building *b, int64_t line, const char *rule)
{
    if (!b->rule) {
        b->line = line;
        b->rule = rule;
    }
    return NULL;
}

static struct node *fresh(struct building *b, enum node_kind kind, int64_t line)
{
    if (++b->nodes > OPENJD_NODES_MOST)
        return fail(b, line, "the document has more than 500000 values");
    struct node *n = ARENA_NEW(b->a, struct node);
    n->kind = kind;
    n->line = line;
    n->weight = 1;
    n->depth = 1;
    return n;
}

// Items of a list or map while their number is not known: a list of growing pieces.
struct growing {
    struct node **items;
    text *keys;
    int64_t *key_lines;
    size_t count, room;
};

static void grow(struct building *b, struct growing *g, text key, int64_t key_line,
                 struct node *item)
{
    if (g->count == g->room) {
        size_t room = g->room ? g->room * 2 : 8;
        struct growing more = {ARENA_ARRAY(b->a, struct node *, room),
                               ARENA_ARRAY(b->a, text, room), ARENA_ARRAY(b->a, int64_t, room),
                               g->count, room};
        if (g->count) {
            memcpy(more.items, g->items, g->count * sizeof(*g->items));
            memcpy(more.keys, g->keys, g->count * sizeof(*g->keys));
            memcpy(more.key_lines, g->key_lines, g->count * sizeof(*g->key_lines));
        }
        *g = more;
    }
    g->items[g->count] = item;
    g->keys[g->count] = key;
    g->key_lines[g->count++] = key_line;
}

static int by_text(const void *a, const void *b)
{
    const text *x = a, *y = b;
    size_t least = x->size < y->size ? x->size : y->size;
    int order = least ? memcmp(x->at, y->at, least) : 0;
    return order ? order : x->size < y->size ? -1 : x->size > y->size;
}

// True when no key is twice there; big maps are sorted for it.
static bool unique(struct building *b, const struct growing *g)
{
    if (g->count < 2)
        return true;
    text *sorted = ARENA_ARRAY(b->a, text, g->count);
    memcpy(sorted, g->keys, g->count * sizeof(*sorted));
    qsort(sorted, g->count, sizeof(*sorted), by_text);
    for (size_t i = 1; i < g->count; i++)
        if (text_same(sorted[i], sorted[i - 1]))
            return false;
    return true;
}

static struct node *finish(struct building *b, struct node *n, struct growing *g)
{
    n->items = g->items;
    n->count = g->count;
    if (n->kind == NODE_MAP) {
        n->keys = g->keys;
        n->key_lines = g->key_lines;
        if (!unique(b, g))
            return fail(b, n->line, "a key stands twice in the mapping that begins here");
    }
    for (size_t i = 0; i < g->count; i++) {
        n->weight += g->items[i]->weight;
        n->depth = g->items[i]->depth >= n->depth ? g->items[i]->depth + 1 : n->depth;
    }
    if (n->weight > OPENJD_NODES_MOST)
        return fail(b, n->line, "with its aliases the document has more than 500000 values");
    if (n->depth > OPENJD_DEPTH_MOST)
        return fail(b, n->line, "it is nested more than 64 deep");
    return n;
}

// --- what a plain scalar means ---

static bool is_one_of(text t, const char *const *names)
{
    for (; *names; names++)
        if (text_is(t, *names))
            return true;
    return false;
}

static bool all_of(text t, const char *set)
{
    for (size_t i = 0; i < t.size; i++)
        if (!t.at[i] || !strchr(set, t.at[i]))
            return false;
    return t.size > 0;
}

static bool based(text t, int64_t *whole, bool *fits)
{
    bool octal = text_starts(t, "0o"), hex = text_starts(t, "0x");
    text after = {t.at + 2, t.size > 2 ? t.size - 2 : 0};
    if (!(octal && all_of(after, "01234567")) && !(hex && all_of(after, "0123456789abcdefABCDEF")))
        return false;
    uint64_t n = 0;
    *fits = true;
    for (size_t i = 0; i < after.size; i++) {
        char c = after.at[i];
        *fits = *fits && n < ((uint64_t)1 << 59);
        n = n * (octal ? 8 : 16) + (uint64_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    *whole = (int64_t)n;
    return true;
}

static void as_number(struct node *n, enum node_kind kind)
{
    n->kind = kind;
    text plain = n->words;
    if (plain.size && plain.at[0] == '+')
        plain = (text){plain.at + 1, plain.size - 1};
    if (kind == NODE_INT && text_int(plain, &n->whole)) {
        n->fits = true;
        n->real = (double)n->whole;
    } else if (!number_real(n->words, &n->real)) {
        n->real = NAN; // .inf, .nan or out of range
    }
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
static enum node_kind number_kind(text t)
{
    size_t i = t.size && strchr("+-", t.at[0]) && t.at[0] ? 1 : 0, before = 0, after = 0;
    enum node_kind kind = NODE_INT;
    while (i < t.size && t.at[i] >= '0' && t.at[i] <= '9')
        i++, before++;
    if (i < t.size && t.at[i] == '.') {
        kind = NODE_FLOAT;
        for (i++; i < t.size && t.at[i] >= '0' && t.at[i] <= '9'; i++)
            after++;
    }
    if (!before && !after)
        return NODE_TEXT;
    if (i < t.size && (t.at[i] == 'e' || t.at[i] == 'E')) {
        kind = NODE_FLOAT;
        i++;
        if (i < t.size && (t.at[i] == '+' || t.at[i] == '-'))
            i++;
        size_t start = i;
        while (i < t.size && t.at[i] >= '0' && t.at[i] <= '9')
            i++;
        if (i == start)
            return NODE_TEXT;
    }
    return i == t.size ? kind : NODE_TEXT;
}

static void resolve(struct node *n)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    static const char *const odd[] = {".inf",  ".Inf",  ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
                                      "-.Inf", "-.INF", ".nan", ".NaN",  ".NAN",  NULL};
    if (is_one_of(n->words, nulls)) {
        n->kind = NODE_NULL;
    } else if (is_one_of(n->words, trues) || is_one_of(n->words, falses)) {
        n->kind = NODE_BOOL;
        n->truth = is_one_of(n->words, trues);
    } else if (based(n->words, &n->whole, &n->fits)) {
        n->kind = NODE_INT;
        n->real = (double)n->whole;
    } else if (is_one_of(n->words, odd)) {
        as_number(n, NODE_FLOAT);
    } else {
        enum node_kind kind = number_kind(n->words);
        if (kind != NODE_TEXT)
            as_number(n, kind);
    }
}

// --- YAML ---

struct anchor {
    struct anchor *next;
    const char *name;
    struct node *node; // NULL until it is whole
};
struct yaml {
    struct building b;
    yaml_parser_t parser;
    struct anchor *anchors;
};

static bool next_event(struct yaml *y, yaml_event_t *event)
{
    if (yaml_parser_parse(&y->parser, event))
        return true;
    const char *problem = y->parser.problem ? y->parser.problem : "it is not YAML";
    fail(&y->b, (int64_t)y->parser.problem_mark.line + 1,
         arena_format(y->b.a, "it is not YAML 1.2: %s", problem));
    memset(event, 0, sizeof(*event));
    return false;
}

static struct anchor *remember(struct yaml *y, const yaml_char_t *name)
{
    if (!name)
        return NULL;
    struct anchor *n = ARENA_NEW(y->b.a, struct anchor);
    n->name = arena_text(y->b.a, (const char *)name);
    n->next = y->anchors;
    y->anchors = n;
    return n;
}

static struct node *yaml_alias(struct yaml *y, const char *name, int64_t line)
{
    for (struct anchor *n = y->anchors; n; n = n->next) {
        if (strcmp(n->name, name) != 0)
            continue;
        return n->node ? n->node : fail(&y->b, line, "an alias stands inside of what it names");
    }
    return fail(&y->b, line, "an alias has no anchor before it");
}

#define YAML_TAG "tag:yaml.org,2002:"
static struct node *yaml_scalar(struct yaml *y, const yaml_event_t *event, int64_t line)
{
    const char *tag = (const char *)event->data.scalar.tag;
    struct node *n = fresh(&y->b, NODE_TEXT, line);
    if (!n)
        return NULL;
    n->words.size = event->data.scalar.length;
    n->words.at =
        arena_copy(y->b.a, (const char *)event->data.scalar.value, event->data.scalar.length);
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (tag && strncmp(tag, YAML_TAG, sizeof(YAML_TAG) - 1) == 0) {
        static const char *const kinds[] = {"null", "bool", "int", "float", "str"};
        const char *name = tag + sizeof(YAML_TAG) - 1;
        if (strcmp(name, "str") == 0)
            return n;
        resolve(n);
        if (strcmp(name, "float") == 0 && n->kind == NODE_INT)
            n->kind = NODE_FLOAT;
        for (int kind = 0; kind < 5; kind++)
            if (strcmp(name, kinds[kind]) == 0 && n->kind == (enum node_kind)kind)
                return n;
        return fail(&y->b, line, "a tag does not fit its value");
    }
    if (tag && strcmp(tag, "!") != 0)
        return fail(&y->b, line, "tags of one's own are not in the core schema of YAML");
    if (plain && !tag)
        resolve(n);
    return n;
}

static struct node *yaml_node(struct yaml *y, yaml_event_t *event, int depth);

static struct node *yaml_list(struct yaml *y, struct node *n, int depth)
{
    struct growing g = {0};
    for (;;) {
        yaml_event_t event;
        if (!next_event(y, &event))
            return NULL;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        struct node *item = end ? NULL : yaml_node(y, &event, depth);
        yaml_event_delete(&event);
        if (end)
            return finish(&y->b, n, &g);
        if (!item)
            return NULL;
        grow(&y->b, &g, (text){NULL, 0}, 0, item);
    }
}

static struct node *yaml_map(struct yaml *y, struct node *n, int depth)
{
    struct growing g = {0};
    for (;;) {
        yaml_event_t event;
        if (!next_event(y, &event))
            return NULL;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        struct node *key = end ? NULL : yaml_node(y, &event, depth);
        yaml_event_delete(&event);
        if (end)
            return finish(&y->b, n, &g);
        if (!key)
            return NULL;
        if (key->kind != NODE_TEXT)
            return fail(&y->b, key->line, "a key is not text");
        if (!next_event(y, &event))
            return NULL;
        struct node *item = yaml_node(y, &event, depth);
        yaml_event_delete(&event);
        if (!item)
            return NULL;
        grow(&y->b, &g, key->words, key->line, item);
    }
}

static struct node *yaml_node(struct yaml *y, yaml_event_t *event, int depth)
{
    int64_t line = (int64_t)event->start_mark.line + 1;
    if (depth > OPENJD_DEPTH_MOST)
        return fail(&y->b, line, "it is nested more than 64 deep");
    struct anchor *anchor;
    struct node *n;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return yaml_alias(y, (const char *)event->data.alias.anchor, line);
    case YAML_SCALAR_EVENT:
        anchor = remember(y, event->data.scalar.anchor);
        n = yaml_scalar(y, event, line);
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = remember(y, event->data.sequence_start.anchor);
        n = fresh(&y->b, NODE_LIST, line);
        n = n ? yaml_list(y, n, depth + 1) : NULL;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = remember(y, event->data.mapping_start.anchor);
        n = fresh(&y->b, NODE_MAP, line);
        n = n ? yaml_map(y, n, depth + 1) : NULL;
        break;
    default:
        return fail(&y->b, line, "it is not YAML: a value is missing");
    }
    if (anchor)
        anchor->node = n;
    return n;
}

static struct node *yaml_document(struct yaml *y)
{
    struct node *root = NULL;
    for (bool done = false; !done && !y->b.rule;) {
        yaml_event_t event;
        if (!next_event(y, &event))
            return NULL;
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_STREAM_END_EVENT:
            done = true;
            break;
        default:
            if (root)
                fail(&y->b, (int64_t)event.start_mark.line + 1, "there is a second document");
            else
                root = yaml_node(y, &event, 1);
        }
        yaml_event_delete(&event);
    }
    return root ? root : fail(&y->b, 1, "the document is empty");
}

// --- JSON ---

struct json {
    struct building b;
    const char *at, *end;
    int64_t line;
};

static void json_spaces(struct json *j)
{
    for (; j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\r' || *j->at == '\n');
         j->at++)
        j->line += *j->at == '\n';
}

static int hex4(const char *at, const char *end)
{
    int code = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i] | 32;
        int digit = at[i] >= '0' && at[i] <= '9' ? at[i] - '0'
                    : c >= 'a' && c <= 'f'       ? c - 'a' + 10
                                                 : -1;
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

// Behind the backslash. 0: not an escape.
static size_t json_escape(struct json *j, char *to)
{
    static const char marks[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    char c = j->at < j->end ? *j->at++ : 0;
    const char *found = c ? strchr(marks, c) : NULL;
    if (found) {
        to[0] = means[found - marks];
        return 1;
    }
    int code = c == 'u' ? hex4(j->at, j->end) : -1;
    if (code <= 0) // a NUL is in no text of ours
        return 0;
    j->at += 4;
    if (code >= 0xd800 && code < 0xdc00 && j->end - j->at >= 6 && j->at[0] == '\\' &&
        j->at[1] == 'u') {
        int low = hex4(j->at + 2, j->end);
        if (low >= 0xdc00 && low < 0xe000) {
            j->at += 6;
            return utf8_put(to,
                            0x10000 + ((uint32_t)(code - 0xd800) << 10) + (uint32_t)(low - 0xdc00));
        }
    }
    return code >= 0xd800 && code < 0xe000 ? 0 : utf8_put(to, (uint32_t)code);
}

static bool json_text(struct json *j, text *t)
{
    const char *start = ++j->at, *p = start;
    while (p < j->end && *p != '"')
        p += *p == '\\' && p + 1 < j->end ? 2 : 1;
    char *to = arena_take(j->b.a, (size_t)(p - start) + 4);
    size_t size = 0;
    while (j->at < j->end && *j->at != '"') {
        if ((unsigned char)*j->at < 0x20) {
            fail(&j->b, j->line, "it is not JSON: a control character stands in a string");
            return false;
        }
        if (*j->at != '\\') {
            to[size++] = *j->at++;
            continue;
        }
        j->at++;
        size_t more = json_escape(j, to + size);
        if (!more) {
            fail(&j->b, j->line, "it is not JSON: an escape in a string is none");
            return false;
        }
        size += more;
    }
    if (j->at == j->end) {
        fail(&j->b, j->line, "it is not JSON: a string has no end");
        return false;
    }
    j->at++;
    *t = (text){to, size};
    return true;
}

static struct node *json_number(struct json *j, struct node *n)
{
    const char *start = j->at;
    while (j->at < j->end && *j->at && strchr("0123456789+-.eE", *j->at))
        j->at++;
    n->words = (text){arena_copy(j->b.a, start, (size_t)(j->at - start)), (size_t)(j->at - start)};
    text t = n->words;
    if (t.size && t.at[0] == '-')
        t = (text){t.at + 1, t.size - 1};
    const char *point = t.size ? memchr(t.at, '.', t.size) : NULL;
    bool good = t.size && t.at[0] >= '0' && t.at[0] <= '9' &&
                !(t.at[0] == '0' && t.size > 1 && t.at[1] >= '0' && t.at[1] <= '9') &&
                !(point && (point + 1 == t.at + t.size || point[1] < '0' || point[1] > '9'));
    enum node_kind kind = good ? number_kind(n->words) : NODE_TEXT;
    if (kind == NODE_TEXT)
        return fail(&j->b, j->line, "it is not JSON: a number is malformed");
    as_number(n, kind);
    return n;
}

static struct node *json_word(struct json *j, struct node *n)
{
    static const struct {
        const char *word;
        enum node_kind kind;
        bool truth;
    } words[] = {
        {"null", NODE_NULL, false}, {"true", NODE_BOOL, true}, {"false", NODE_BOOL, false}};
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(words[i].word);
        if ((size_t)(j->end - j->at) >= size && memcmp(j->at, words[i].word, size) == 0) {
            j->at += size;
            n->kind = words[i].kind;
            n->truth = words[i].truth;
            return n;
        }
    }
    return fail(&j->b, j->line, "it is not JSON: a value is missing");
}

static struct node *json_node(struct json *j, int depth);

static struct node *json_members(struct json *j, struct node *n, char close, int depth)
{
    struct growing g = {0};
    j->at++;
    json_spaces(j);
    if (j->at < j->end && *j->at == close) {
        j->at++;
        return finish(&j->b, n, &g);
    }
    for (;;) {
        text key = {NULL, 0};
        int64_t key_line = 0;
        json_spaces(j);
        if (close == '}') {
            key_line = j->line;
            if (j->at == j->end || *j->at != '"')
                return fail(&j->b, j->line, "it is not JSON: a key in quotes is missing");
            if (!json_text(j, &key))
                return NULL;
            json_spaces(j);
            if (j->at == j->end || *j->at++ != ':')
                return fail(&j->b, j->line, "it is not JSON: a ':' is missing");
        }
        struct node *item = json_node(j, depth);
        if (!item)
            return NULL;
        grow(&j->b, &g, key, key_line, item);
        json_spaces(j);
        char mark = j->at < j->end ? *j->at++ : 0;
        if (mark == close)
            return finish(&j->b, n, &g);
        if (mark != ',')
            return fail(&j->b, j->line, "it is not JSON: a ',' or the end of a list is missing");
    }
}

static struct node *json_node(struct json *j, int depth)
{
    json_spaces(j);
    if (depth > OPENJD_DEPTH_MOST)
        return fail(&j->b, j->line, "it is nested more than 64 deep");
    struct node *n = fresh(&j->b, NODE_NULL, j->line);
    char mark = j->at < j->end ? *j->at : 0;
    if (!n)
        return NULL;
    if (mark == '{' || mark == '[') {
        n->kind = mark == '{' ? NODE_MAP : NODE_LIST;
        return json_members(j, n, mark == '{' ? '}' : ']', depth + 1);
    }
    if (mark == '"') {
        n->kind = NODE_TEXT;
        return json_text(j, &n->words) ? n : NULL;
    }
    return mark == '-' || (mark >= '0' && mark <= '9') ? json_number(j, n) : json_word(j, n);
}

static struct node *json_document(struct json *j)
{
    struct node *root = json_node(j, 1);
    json_spaces(j);
    if (root && j->at != j->end)
        return fail(&j->b, j->line, "it is not JSON: something follows the document");
    return root;
}

// --- both ---

bool tree_parse(struct arena *a, text document, enum openjd_form form, struct node **root,
                int64_t *line, const char **rule)
{
    struct building none = {.a = a};
    *root = NULL;
    if (document.size > OPENJD_DOCUMENT_MOST)
        fail(&none, 0, "the document is bigger than 16 MB");
    else if (!text_utf8(document))
        fail(&none, 0, "the document is not UTF-8");
    if (!none.rule && form == OPENJD_JSON) {
        struct json j = {{.a = a}, document.at, document.at + document.size, 1};
        *root = json_document(&j);
        none = j.b;
    } else if (!none.rule) {
        struct yaml y = {.b = {.a = a}};
        if (!yaml_parser_initialize(&y.parser))
            abort(); // no memory
        yaml_parser_set_encoding(&y.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&y.parser, (const unsigned char *)document.at, document.size);
        *root = yaml_document(&y);
        yaml_parser_delete(&y.parser);
        none = y.b;
    }
    *line = none.line;
    *rule = none.rule;
    return *root && !none.rule;
}

const struct node *tree_field(const struct node *map, const char *name)
{
    for (size_t i = 0; map->kind == NODE_MAP && i < map->count; i++)
        if (text_is(map->keys[i], name))
            return map->items[i];
    return NULL;
}

const char *tree_kind_name(const struct node *n)
{
    static const char *const names[] = {"null",     "true or false", "a whole number", "a number",
                                        "a string", "a list",        "an object"};
    return names[n->kind];
}

static void write_json(struct buf *b, const struct node *n)
{
    switch (n->kind) {
    case NODE_NULL:
        buf_text(b, "null");
        break;
    case NODE_BOOL:
        buf_text(b, n->truth ? "true" : "false");
        break;
    case NODE_INT:
        if (n->fits) {
            buf_format(b, "%" PRId64, n->whole);
            break;
        } // fall through
    case NODE_FLOAT:
        buf_format(b, isfinite(n->real) ? "%.17g" : "null", n->real);
        break;
    case NODE_TEXT:
        json_quote(b, n->words, false);
        break;
    default:
        buf_text(b, n->kind == NODE_MAP ? "{" : "[");
        for (size_t i = 0; i < n->count; i++) {
            buf_text(b, i ? ", " : "");
            if (n->kind == NODE_MAP) {
                json_quote(b, n->keys[i], false);
                buf_text(b, ": ");
            }
            write_json(b, n->items[i]);
        }
        buf_text(b, n->kind == NODE_MAP ? "}" : "]");
    }
}

text tree_json(struct arena *a, const struct node *n)
{
    struct buf b = BUF_LIMIT(64 << 20);
    write_json(&b, n);
    text t = {arena_copy(a, b.at ? b.at : "", b.size), b.size};
    buf_free(&b);
    return t;
}
