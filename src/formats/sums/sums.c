#include "formats/sums/sums.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name; // as in lists
    size_t digits;
} kinds[] = {{"md5", 32}, {"sha1", 40}, {"xxh64", 16}, {"xxh3", 16}, {"xxh128", 32}};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const char *kind_of(text word, size_t digits)
{
    for (size_t i = 0; i < KINDS; i++)
        if (word.size == strlen(kinds[i].name) &&
            strncasecmp(word.at, kinds[i].name, word.size) == 0 &&
            (!digits || kinds[i].digits == digits))
            return kinds[i].name;
    return NULL;
}

static const char *kind_by_size(size_t digits)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].digits == digits)
            return kinds[i].name;
    return NULL;
}

static size_t hex_digits(text t)
{
    size_t n = 0;
    while (n < t.size && isxdigit((unsigned char)t.at[n]))
        n++;
    return n;
}

static const char *digest_of(struct arena *a, text hex)
{
    char *to = arena_copy(a, hex.at, hex.size);
    for (char *c = to; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return to;
}

// Names from Windows have '\' between; "./" in front says nothing.
static const char *path_of(struct arena *a, text name, bool escaped)
{
    char *to = arena_copy(a, name.at, name.size), *out = to;
    for (const char *c = to; *c; c++) {
        if (escaped && *c == '\\' && c[1]) {
            c++;
            *out++ = *c == 'n' ? '\n' : *c == 'r' ? '\r' : *c;
        } else {
            *out++ = !escaped && *c == '\\' ? '/' : *c;
        }
    }
    *out = 0;
    while (to[0] == '.' && to[1] == '/')
        to += 2;
    return to;
}

// "MD5 (NAME) = DIGEST"
static bool tagged(text line, struct arena *a, struct sum *row)
{
    text rest = line, word = text_cut(&rest, ' ');
    row->kind = kind_of(word, 0);
    if (!row->kind || !rest.size || rest.at[0] != '(')
        return false;
    for (size_t i = rest.size; i-- > 4;) {
        text end = {rest.at + i, rest.size - i};
        if (!text_starts((text){rest.at + i - 4, end.size + 4}, ") = "))
            continue;
        row->digest = digest_of(a, end);
        row->path = path_of(a, (text){rest.at + 1, i - 5}, false);
        return hex_digits(end) == end.size && kind_of(word, end.size) && *row->path;
    }
    return false;
}

static bool plain(text line, const char *kind, struct arena *a, struct sum *row)
{
    bool escaped = line.at[0] == '\\';
    text rest = {line.at + escaped, line.size - escaped};
    if (text_starts(rest, "XXH3_")) // xxhsum -H3 says so itself
        kind = "xxh3", rest = (text){rest.at + 5, rest.size - 5};
    size_t digits = hex_digits(rest);
    row->digest = digest_of(a, (text){rest.at, digits});
    row->kind = kind && digits ? kind_of(text_of(kind), digits) : NULL;
    row->kind = row->kind ? row->kind : kind_by_size(digits);
    rest = (text){rest.at + digits, rest.size - digits};
    row->path = NULL;
    if (!row->kind)
        return false;
    if (!rest.size)
        return true;
    if (rest.at[0] != ' ' && rest.at[0] != '\t')
        return false;
    while (rest.size && (rest.at[0] == ' ' || rest.at[0] == '\t'))
        rest.at++, rest.size--;
    if (rest.size && rest.at[0] == '*')
        rest.at++, rest.size--;
    row->path = path_of(a, rest, escaped);
    return *row->path;
}

bool sums_read(text bytes, const char *kind, struct arena *a, struct sum **rows, size_t *count,
               struct error *err)
{
    size_t lines = 1, number = 0;
    *count = 0;
    if (bytes.size > SUMS_BYTES)
        return error_set(err, ERROR_TOO_BIG, "the list of digests is larger than 64 MB");
    if (bytes.size && memchr(bytes.at, 0, bytes.size))
        return error_set(err, ERROR_DAMAGED, "this is no list of digests");
    for (size_t i = 0; i < bytes.size; i++)
        lines += bytes.at[i] == '\n';
    *rows = ARENA_ARRAY(a, struct sum, lines);
    if (text_starts(bytes, "\xef\xbb\xbf"))
        bytes.at += 3, bytes.size -= 3;
    while (bytes.size) {
        text line = text_trim(text_cut(&bytes, '\n'));
        number++;
        if (!line.size || line.at[0] == '#' || line.at[0] == ';')
            continue;
        if (!tagged(line, a, &(*rows)[*count]) && !plain(line, kind, a, &(*rows)[*count])) {
            error_set(err, ERROR_DAMAGED, "this is no list of digests");
            return error_why(err, "line %zu is none of md5sum, sha1sum or xxhsum", number);
        }
        ++*count;
    }
    return true;
}

bool sums_named(const char *name, const char **kind)
{
    static const struct {
        const char *ending, *kind;
    } endings[] = {{".md5", "md5"},      {"md5sum.txt", "md5"},   {"md5sums.txt", "md5"},
                   {"md5sums", "md5"},   {".md5sum", "md5"},      {".sha1", "sha1"},
                   {"sha1sums", "sha1"}, {"sha1sum.txt", "sha1"}, {".xxh64", "xxh64"},
                   {".xxh3", "xxh3"},    {".xxh128", "xxh128"},   {".xxhash", NULL},
                   {".xxh", NULL},       {"xxhsum.txt", NULL}};
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t end = strlen(endings[i].ending);
        if (size >= end && strcasecmp(name + size - end, endings[i].ending) == 0) {
            *kind = endings[i].kind;
            return true;
        }
    }
    return false;
}
