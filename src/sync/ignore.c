/*
 * Patterns are matched with one point to come back to for the last "*" and one for the last "**":
 * a later star makes the earlier ones settled, so no pattern takes more than the product of both
 * lengths.
 */
#include "sync/names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MOST = 1000, LINE_SIZE = 256 };

const char sync_ignore_always[] = "# media caches and databases, which programs make again\n"
                                  "*.pek\n*.cfa\n*.mpgindex\n"
                                  "Media Cache/\nMedia Cache Files/\nPeak Files/\n"
                                  "Adobe Premiere Pro Video Previews/\n"
                                  "Adobe Premiere Pro Audio Previews/\nCacheClip/\n"
                                  "msmMMOB.mdb\nmsmFMID.pmr\n"
                                  "# transfers of other programs that are not whole yet\n"
                                  "*.!sync\n*.bts\n*.syncthing.*\n";

struct line {
    char pattern[LINE_SIZE];
    bool back, folder, tied;
};

struct sync_ignore {
    struct line lines[LINES_MOST];
    size_t count;
};

static int low(char c)
{
    return tolower((unsigned char)c);
}

// One sign of the pattern against one of the path; *next is behind it in the pattern.
static bool sign(const char *p, const char *s, const char **next)
{
    if (*p == '?') {
        *next = p + 1;
        return *s && *s != '/';
    }
    const char *end = *p == '[' ? strchr(p + (p[1] == '!') + 2 - (p[1] == 0), ']') : NULL;
    if (end) {
        bool not = p[1] == '!', in = false;
        for (const char *c = p + 1 + not ; c < end; c++) {
            if (c[1] == '-' && c + 2 < end) {
                in |= low(*s) >= low(c[0]) && low(*s) <= low(c[2]);
                c += 2;
            } else {
                in |= low(*s) == low(*c);
            }
        }
        *next = end + 1;
        return *s && *s != '/' && in != not ;
    }
    if (*p == '\\' && p[1])
        p++;
    *next = p + 1;
    return *s && low(*p) == low(*s);
}

bool sync_glob(const char *p, const char *s)
{
    const char *star = NULL, *star_at = NULL, *deep = NULL, *deep_at = NULL, *next;
    bool folders = false;
    for (;;) {
        if (p[0] == '*' && p[1] == '*') {
            p += 2;
            folders = *p == '/'; // "**/" is any number of whole folders
            p += folders;
            deep = p;
            deep_at = s;
            star = NULL;
        } else if (*p == '*') {
            star = ++p;
            star_at = s;
        } else if (!*p && !*s) {
            return true;
        } else if (*p && sign(p, s, &next)) {
            p = next;
            s++;
        } else if (star && *star_at && *star_at != '/') {
            p = star;
            s = ++star_at;
        } else if (deep && *deep_at && (!folders || strchr(deep_at, '/'))) {
            p = deep;
            s = deep_at = folders ? strchr(deep_at, '/') + 1 : deep_at + 1;
            star = NULL;
        } else {
            return false;
        }
    }
}

static void add(struct sync_ignore *g, text t)
{
    struct line l = {.back = false};
    while (t.size && strchr(" \t\r", t.at[t.size - 1]))
        t.size--;
    if (!t.size || t.at[0] == '#' || g->count == LINES_MOST)
        return;
    if (t.at[0] == '!') {
        l.back = true;
        t.at++;
        t.size--;
    }
    if (t.size && t.at[t.size - 1] == '/') {
        l.folder = true;
        t.size--;
    }
    l.tied = t.size && memchr(t.at, '/', t.size);
    if (t.size && t.at[0] == '/') {
        t.at++;
        t.size--;
    }
    if (t.size && text_copy(t, l.pattern, sizeof(l.pattern)))
        g->lines[g->count++] = l;
}

struct sync_ignore *sync_ignore_open(text lines)
{
    struct sync_ignore *g = calloc(1, sizeof(*g));
    if (!g)
        abort();
    for (text t = text_of(sync_ignore_always); t.size;)
        add(g, text_cut(&t, '\n'));
    while (lines.size)
        add(g, text_cut(&lines, '\n'));
    return g;
}

void sync_ignore_close(struct sync_ignore *g)
{
    free(g);
}

bool sync_ignored(const struct sync_ignore *g, const char *path, bool folder)
{
    const char *name = sync_name_of(path);
    for (size_t i = g->count; i-- > 0;) {
        const struct line *l = &g->lines[i];
        if ((!l->folder || folder) && sync_glob(l->pattern, l->tied ? path : name))
            return !l->back;
    }
    return false;
}
