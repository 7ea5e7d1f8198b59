// One walk through the text along the path; what is beside it is skipped. The text was parsed
// before, so that here nothing is checked but the end.
#include "formats/profile/lines.h"

#include <stdlib.h>
#include <string.h>

struct walk {
    const char *at, *end;
    int line;
};

static void space(struct walk *w)
{
    for (; w->at < w->end && strchr(" \t\r\n", *w->at) && *w->at; w->at++)
        w->line += *w->at == '\n';
}

// Over the next token; a text with its quotes.
static text token(struct walk *w)
{
    space(w);
    const char *from = w->at;
    if (w->at < w->end && *w->at == '"') {
        for (w->at++; w->at < w->end && *w->at != '"'; w->at++)
            if (*w->at == '\\' && w->at + 1 < w->end)
                w->at++;
        w->at += w->at < w->end;
    } else if (w->at < w->end && strchr("{}[],:", *w->at)) {
        w->at++;
    } else {
        while (w->at < w->end && !strchr("{}[],: \t\r\n", *w->at))
            w->at++;
    }
    return (text){from, (size_t)(w->at - from)};
}

static bool is(text t, char sign)
{
    return t.size == 1 && *t.at == sign;
}

static void skip_value(struct walk *w)
{
    int depth = 0;
    do {
        text t = token(w);
        if (!t.size)
            return;
        depth += (is(t, '{') || is(t, '[')) - (is(t, '}') || is(t, ']'));
    } while (depth > 0);
}

// To the value of a name, or of a number in a list; false: it is not there.
static bool enter(struct walk *w, const char *name, size_t size, long number)
{
    text open = token(w);
    if (!is(open, number < 0 ? '{' : '['))
        return false;
    for (long i = 0; w->at < w->end; i++) {
        struct walk before = *w;
        text t = token(w);
        if (!t.size || is(t, '}') || is(t, ']'))
            return false;
        if (is(t, ',')) {
            i--;
            continue;
        }
        if (number >= 0) {
            *w = before;
            if (i == number) {
                space(w);
                return true;
            }
        } else {
            token(w); // the colon
            if (t.size == size + 2 && memcmp(t.at + 1, name, size) == 0) {
                space(w);
                return true;
            }
        }
        skip_value(w);
    }
    return false;
}

int json_line(text content, const char *path)
{
    struct walk w = {content.at, content.at + content.size, 1};
    space(&w);
    int line = w.line;
    while (*path) {
        size_t size = strcspn(path, ".[");
        bool found = size ? enter(&w, path, size, -1)
                          : *path == '[' && enter(&w, "", 0, strtol(path + 1, NULL, 10));
        if (!found)
            break;
        line = w.line;
        path += size ? size : strcspn(path, "]") + 1;
        path += *path == '.';
    }
    return line;
}
