#include "formats/metadata/xml.h"

#include <stdarg.h>

static void start(struct xml *x, const char *name, va_list list, const char *end)
{
    buf_format(x->to, "%*s<%s", 2 * x->depth, "", name);
    for (const char *key; (key = va_arg(list, const char *));) {
        const char *value = va_arg(list, const char *);
        if (!value || !*value)
            continue;
        buf_format(x->to, " %s=\"", key);
        buf_xml(x->to, value);
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
    buf_xml(x->to, value);
    buf_format(x->to, "</%s>\n", name);
}

void xml_close(struct xml *x, const char *name)
{
    x->depth--;
    buf_format(x->to, "%*s</%s>\n", 2 * x->depth, "", name);
}
