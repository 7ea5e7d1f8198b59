// Words in nested styles, as SRT and WebVTT have them: a stack of what is open.
#include "formats/captions/inside.h"

#include <strings.h>

enum { DEEP = 32 };

void markup_line(struct markup *m)
{
    m->line = cue_line(m->c, m->cue);
}

void markup_words(struct markup *m, text words)
{
    static const struct caption_style plain;
    line_add(m->c, m->line, words, m->depth ? &m->stack[m->depth - 1] : &plain);
}

void markup_open(struct markup *m, text name, struct caption_style style)
{
    if (m->depth == DEEP)
        return; // deeper than anybody writes: the words stay
    m->names[m->depth].at = name.at, m->names[m->depth].size = name.size;
    m->stack[m->depth++] = style;
}

void markup_close(struct markup *m, text name)
{
    for (size_t i = m->depth; i > 0; i--)
        if (m->names[i - 1].size == name.size &&
            strncasecmp(m->names[i - 1].at, name.at, name.size) == 0) {
            m->depth = i - 1;
            return;
        }
}
