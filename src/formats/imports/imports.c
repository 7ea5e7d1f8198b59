#include "formats/imports/imports.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LOST_MOST = 1000, NAME_CHARACTERS = 64 };

void import_begin(struct import *im)
{
    *im = (struct import){.template_json = json_object(),
                          .options = json_object(),
                          .lost = json_array(),
                          .said = json_object()};
    json_object_set_new(im->template_json, "specificationVersion",
                        json_string("jobtemplate-2023-09"));
}

void import_free(struct import *im)
{
    json_decref(im->template_json);
    json_decref(im->options);
    json_decref(im->lost);
    json_decref(im->said);
    *im = (struct import){0};
}

void import_finish(struct import *im)
{
    static const char *const order[] = {
        "specificationVersion", "extensions",      "name", "description",
        "parameterDefinitions", "jobEnvironments", "steps"};
    json_t *sorted = json_object(), *extensions = json_array();
    if (im->chunking)
        json_array_append_new(extensions, json_string("TASK_CHUNKING"));
    if (im->expressions)
        json_array_append_new(extensions, json_string("EXPR"));
    if (json_array_size(extensions))
        json_object_set(im->template_json, "extensions", extensions);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        json_t *member = json_object_get(im->template_json, order[i]);
        if (member)
            json_object_set(sorted, order[i], member);
    }
    json_decref(extensions);
    json_decref(im->template_json);
    im->template_json = sorted;
}

json_t *import_json(const struct import *im)
{
    return json_pack("{s:O, s:O, s:O}", "template", im->template_json, "options", im->options,
                     "not_carried", im->lost);
}

// The same thing is said once, however often it stands in a file.
void import_lost(struct import *im, text what, text value, const char *why, ...)
{
    char said[400];
    va_list list;
    if (json_array_size(im->lost) >= LOST_MOST)
        return;
    va_start(list, why);
    vsnprintf(said, sizeof(said), why, list);
    va_end(list);
    json_t *one = json_object();
    json_object_set_new(one, "what", import_string(what));
    json_object_set_new(one, "value",
                        import_string((text){value.at, value.size < 1000 ? value.size : 1000}));
    json_object_set_new(one, "why", import_string(text_of(said)));
    char *key = json_dumps(one, JSON_SORT_KEYS);
    if (!json_object_get(im->said, key))
        json_array_append(im->lost, one);
    json_object_set_new(im->said, key, json_true());
    free(key);
    json_decref(one);
}

// ---- text

json_t *import_string(text t)
{
    json_t *s =
        memchr(t.size ? t.at : "", 0, t.size) ? NULL : json_stringn(t.size ? t.at : "", t.size);
    if (s)
        return s;
    struct buf b = BUF_LIMIT((size_t)64 << 20);
    for (size_t i = 0; i < t.size; i++) {
        unsigned char c = (unsigned char)t.at[i];
        char two[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};
        if (c >= 0x80)
            buf_add(&b, two, 2);
        else if (c)
            buf_add(&b, &t.at[i], 1);
    }
    s = json_stringn(b.at ? b.at : "", b.size);
    buf_free(&b);
    return s ? s : json_string("");
}

// One brace alone is itself; two would begin or end an expression, and one at the end may become
// two.
void import_literal_add(struct import *im, struct buf *to, text t, bool one_line)
{
    for (size_t i = 0; i < t.size; i++) {
        char c = t.at[i], next = i + 1 < t.size ? t.at[i + 1] : 0, before = i ? t.at[i - 1] : 0;
        bool pair = (c == '{' || c == '}') && (next == c || before == c);
        if (pair || (c == '{' && !next)) {
            buf_format(to, "{{ '%c' }}", c);
            im->expressions = true;
        } else {
            buf_add(to, one_line && (unsigned char)c < 0x20 ? " " : &c, 1);
        }
    }
}

json_t *import_literal(struct import *im, text t, bool one_line)
{
    struct buf b = BUF_LIMIT((size_t)64 << 20);
    import_literal_add(im, &b, t, one_line);
    json_t *s = import_string((text){b.at ? b.at : "", b.size});
    buf_free(&b);
    return s;
}

static void add_utf8(struct buf *b, uint32_t c)
{
    char out[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(first[n == 1 ? 0 : n] | c);
    buf_add(b, out, n);
}

bool import_text(struct arena *a, text bytes, text *out, struct error *err)
{
    const unsigned char *at = (const unsigned char *)bytes.at;
    bool little = bytes.size >= 2 && at[0] == 0xff && at[1] == 0xfe;
    bool big = bytes.size >= 2 && at[0] == 0xfe && at[1] == 0xff;
    if (!little && !big) {
        size_t skip = bytes.size >= 3 && at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf ? 3 : 0;
        *out = (text){bytes.at + skip, bytes.size - skip};
        return true;
    }
    struct buf b = BUF_LIMIT((size_t)64 << 20);
    bool ok = bytes.size % 2 == 0;
    for (size_t i = 2; ok && i + 1 < bytes.size; i += 2) {
        uint32_t c = little ? at[i] | (uint32_t)at[i + 1] << 8 : at[i + 1] | (uint32_t)at[i] << 8;
        if (c >= 0xd800 && c < 0xdc00 && i + 3 < bytes.size) {
            uint32_t d = little ? at[i + 2] | (uint32_t)at[i + 3] << 8
                                : at[i + 3] | (uint32_t)at[i + 2] << 8;
            ok = d >= 0xdc00 && d < 0xe000;
            c = 0x10000 + ((c - 0xd800) << 10) + (d - 0xdc00);
            i += 2;
        } else {
            ok = c < 0xd800 || c >= 0xe000;
        }
        if (ok && c)
            add_utf8(&b, c);
    }
    *out = (text){arena_copy(a, b.at ? b.at : "", b.size), b.size};
    ok = ok && !b.over;
    buf_free(&b);
    return ok || error_set(err, ERROR_INPUT, "the file is UTF-16 and cut off or damaged");
}

// ---- names and words

static bool step_known(const struct import *im, const char *name)
{
    size_t i;
    const json_t *step;
    json_array_foreach(json_object_get(im->template_json, "steps"), i, step)
    {
        const char *other = json_string_value(json_object_get(step, "name"));
        if (other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

// UTF-8 of at most so many characters; control characters and braces become blanks.
static size_t cut_name(const char *from, size_t size, size_t most, char *to)
{
    size_t n = 0, characters = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)from[i];
        if ((c & 0xc0) != 0x80 && characters++ == most)
            break;
        bool plain = c >= 0x20 && c != 0x7f && c != '{' && c != '}' && c != 0xc2;
        if (c == 0xc2 && i + 1 < size && (unsigned char)from[i + 1] < 0xa0) { // C1 controls
            to[n++] = ' ';
            i++;
            continue;
        }
        to[n++] = plain || c == 0xc2 ? (char)c : ' ';
    }
    to[n] = 0;
    return n;
}

json_t *import_job_name(struct import *im, text wanted)
{
    char name[128 * 4 + 1];
    json_t *utf8 = import_string(wanted.size < 4096 ? wanted : (text){wanted.at, 4096});
    text t = text_trim(text_of(json_string_value(utf8)));
    size_t n = cut_name(t.at, t.size, 128, name);
    json_decref(utf8);
    t = text_trim((text){name, n});
    return import_literal(im, t.size ? t : text_of("Untitled"), true);
}

json_t *import_step_name(struct import *im, text wanted)
{
    char name[NAME_CHARACTERS * 4 + 1], tried[NAME_CHARACTERS * 4 + 32];
    json_t *utf8 = import_string(wanted.size < 4096 ? wanted : (text){wanted.at, 4096});
    text t = text_trim(text_of(json_string_value(utf8)));
    size_t n = cut_name(t.at, t.size, NAME_CHARACTERS, name);
    json_decref(utf8);
    text clean = text_trim((text){name, n});
    char base[NAME_CHARACTERS * 4 + 1];
    snprintf(base, sizeof(base), "%.*s", (int)clean.size, clean.at);
    if (!base[0])
        snprintf(base, sizeof(base), "Step");
    snprintf(tried, sizeof(tried), "%s", base);
    for (int i = 2; step_known(im, tried); i++) {
        char cut[NAME_CHARACTERS * 4 + 1];
        cut_name(base, strlen(base), NAME_CHARACTERS - 10, cut);
        snprintf(tried, sizeof(tried), "%s (%d)", cut, i);
    }
    return json_string(tried);
}

bool import_words(struct arena *a, text line, size_t most, text **words, size_t *count,
                  struct error *err)
{
    text *out = ARENA_ARRAY(a, text, most);
    char *kept = arena_take(a, line.size + 1);
    size_t n = 0, used = 0, i = 0;
    while (i < line.size) {
        while (i < line.size && strchr(" \t\r\n", line.at[i]))
            i++;
        if (i == line.size)
            break;
        if (n == most)
            return error_set(err, ERROR_TOO_BIG, "a command has more than %zu words", most);
        size_t begin = used;
        bool quoted = false;
        for (; i < line.size && (quoted || !strchr(" \t\r\n", line.at[i])); i++) {
            char c = line.at[i];
            if (c == '\\' && i + 1 < line.size && line.at[i + 1] == '"')
                kept[used++] = line.at[++i];
            else if (c == '"')
                quoted = !quoted;
            else
                kept[used++] = c;
        }
        out[n++] = (text){kept + begin, used - begin};
    }
    *words = out;
    *count = n;
    return true;
}

// ---- frames

text import_frames_text(struct arena *a, const struct import_frames *f)
{
    struct buf b = BUF_LIMIT((size_t)64 << 20);
    for (size_t i = 0; i < f->count;) {
        size_t end = i + 1;
        int64_t step = end < f->count ? f->at[end] - f->at[i] : 1;
        while (end < f->count && f->at[end] - f->at[end - 1] == step)
            end++;
        if (end - i < 3) // two are no run; the second may begin a better one
            end = i + 1;
        buf_text(&b, i ? "," : "");
        buf_format(&b, "%lld", (long long)f->at[i]);
        if (end - i > 1)
            buf_format(&b, "-%lld", (long long)f->at[end - 1]);
        if (end - i > 1 && step > 1)
            buf_format(&b, ":%lld", (long long)step);
        i = end;
    }
    text out = {arena_copy(a, b.at ? b.at : "", b.size), b.size};
    buf_free(&b);
    return out;
}
