/*
 * What a name is found by, and what a person typed.
 *
 * The words of a name: the name itself; then its runs of letters and of digits, numbers as they
 * are and without leading zeros; then each run of letters with the number behind it as one word, as
 * it is and without zeros ("shot012", "shot12"). A search matches words by their beginnings.
 */
#include "db/db.h"

#include <ctype.h>
#include <string.h>

enum sort_of { BETWEEN, LETTERS, DIGITS };

static enum sort_of sort_at(const char *at)
{
    unsigned char c = (unsigned char)*at;
    return isdigit((unsigned char)*at)                                     ? DIGITS
           : c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? LETTERS
                                                                           : BETWEEN;
}

const char *db_search_name(struct arena *a, const char *of)
{
    text name = text_of(of);
    struct buf out = BUF_LIMIT(8192);
    struct buf joined = BUF_LIMIT(8192);
    buf_add(&out, name.at, name.size);
    text letters = {0};
    for (size_t i = 0; i < name.size;) {
        enum sort_of sort = sort_at(name.at + i);
        size_t from = i;
        while (i < name.size && sort_at(name.at + i) == sort)
            i++;
        if (sort == BETWEEN)
            continue;
        text run = {name.at + from, i - from};
        if (sort == DIGITS && letters.size)
            buf_format(&joined, " %.*s%.*s", (int)letters.size, letters.at, (int)run.size, run.at);
        if (sort == DIGITS && run.at[0] == '0')
            buf_format(&joined, " %.*s", (int)run.size, run.at);
        while (sort == DIGITS && run.size > 1 && run.at[0] == '0')
            run.at++, run.size--;
        buf_format(&out, " %.*s", (int)run.size, run.at);
        if (sort == DIGITS && letters.size)
            buf_format(&joined, " %.*s%.*s", (int)letters.size, letters.at, (int)run.size, run.at);
        letters = sort == LETTERS ? run : (text){0};
    }
    if (joined.size)
        buf_add(&out, joined.at, joined.size);
    char *words = arena_copy(a, out.at ? out.at : "", out.size);
    buf_free(&out);
    buf_free(&joined);
    return words;
}

// Each word in quotes, with * behind: FTS5's syntax characters lose their meaning. Words of signs
// alone are no words to it.
const char *db_search_words(struct arena *a, const char *typed)
{
    struct buf out = BUF_LIMIT(4096);
    for (const char *at = typed; *at;) {
        size_t skip = strspn(at, " \t\r\n\"");
        size_t size = strcspn(at += skip, " \t\r\n\"");
        bool means = false;
        for (size_t i = 0; i < size; i++)
            means = means || sort_at(at + i) != BETWEEN;
        if (means)
            buf_format(&out, "%s\"%.*s\"*", out.size ? " " : "", (int)size, at);
        at += size;
    }
    char *words = arena_copy(a, out.at ? out.at : "\"\"", out.at ? out.size : 2);
    buf_free(&out);
    return words;
}
