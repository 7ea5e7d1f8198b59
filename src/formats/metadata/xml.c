#include "formats/metadata/xml.h"

#include <stdarg.h>
#include <string.h>

// What XML 1.0 can not hold (controls, U+FFFE, U+FFFF) is a space.
static void escaped(struct buf *to, const char *value)
{
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        if (*c == '&')
            buf_text(to, "&amp;");
        else if (*c == '<')
            buf_text(to, "&lt;");
        else if (*c == '>')
            buf_text(to, "&gt;");
        else if (*c == '"')
            buf_text(to, "&quot;");
        else if (*c < ' ' && *c != '\n' && *c != '\t')
            buf_text(to, " ");
        else if (c[0] == 0xef && c[1] == 0xbf && c[2] >= 0xbe)
            buf_text(to, " "), c += 2;
        else
            buf_add(to, c, 1);
    }
}

static void start(struct xml *x, const char *name, va_list list, const char *end)
{
    buf_format(x->to, "%*s<%s", 2 * x->depth, "", name);
    for (const char *key; (key = va_arg(list, const char *));) {
        const char *value = va_arg(list, const char *);
        if (!value || !*value)
            continue;
        buf_format(x->to, " %s=\"", key);
        escaped(x->to, value);
        buf_text(x->to, "\"");
    }
    buf_text(x->to, end);
}

void xml_begin(struct xml *x, struct buf *to)
{
    *x = (struct xml){.to = to};
    buf_text(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

void xml_open(struct xml *x, const char *name, ...)
{
    va_list list;
    va_start(list, name);
    start(x, name, list, ">\n");
    va_end(list);
    x->depth++;
}

void xml_empty(struct xml *x, const char *name, ...)
{
    va_list list;
    va_start(list, name);
    start(x, name, list, "/>\n");
    va_end(list);
}

void xml_leaf(struct xml *x, const char *name, const char *value, ...)
{
    va_list list;
    if (!value || !*value)
        return;
    va_start(list, value);
    start(x, name, list, ">");
    va_end(list);
    escaped(x->to, value);
    buf_format(x->to, "</%s>\n", name);
}

void xml_close(struct xml *x, const char *name)
{
    x->depth--;
    buf_format(x->to, "%*s</%s>\n", 2 * x->depth, "", name);
}
