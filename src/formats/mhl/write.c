// Writes ASC MHL 2.0: elements in the order of its schema.
#include "formats/mhl/mhl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void element(struct buf *to, const char *indent, const char *name, const char *words)
{
    if (!words)
        return;
    buf_format(to, "%s<%s>", indent, name);
    buf_xml(to, words);
    buf_format(to, "</%s>\n", name);
}

static void digests(struct buf *to, const char *indent, const struct mhl_digest *all)
{
    static const char *const actions[] = {NULL, "original", "verified", "failed"};
    for (int k = 0; k < MHL_KINDS; k++) {
        if (!all[k].text)
            continue;
        buf_format(to, "%s<%s", indent, mhl_names[k]);
        if (all[k].action)
            buf_format(to, " action=\"%s\"", actions[all[k].action]);
        if (all[k].date)
            buf_format(to, " hashdate=\"%s\"", all[k].date);
        buf_format(to, ">%s</%s>\n", all[k].text, mhl_names[k]);
    }
}

static void both(struct buf *to, const char *indent, const struct mhl_entry *e)
{
    char deeper[16];
    snprintf(deeper, sizeof(deeper), "%s  ", indent);
    buf_format(to, "%s<content>\n", indent);
    digests(to, deeper, e->digests);
    buf_format(to, "%s</content>\n%s<structure>\n", indent, indent);
    digests(to, deeper, e->structure);
    buf_format(to, "%s</structure>\n", indent);
}

static void head(const struct mhl_list *l, struct buf *to)
{
    buf_text(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<hashlist version=\"2.0\" "
                 "xmlns=\"urn:ASC:MHL:v2.0\">\n  <creatorinfo>\n");
    element(to, "    ", "creationdate", l->created);
    element(to, "    ", "hostname", l->host);
    buf_format(to, "    <tool version=\"%s\">", l->tool_version);
    buf_xml(to, l->tool);
    buf_text(to, "</tool>\n");
    if (l->author) {
        buf_text(to, "    <author>\n");
        element(to, "      ", "name", l->author);
        buf_text(to, "    </author>\n");
    }
    element(to, "    ", "location", l->location);
    element(to, "    ", "comment", l->comment);
    buf_text(to, "  </creatorinfo>\n  <processinfo>\n");
    element(to, "    ", "process", l->process);
    buf_text(to, "    <roothash>\n");
    both(to, "      ", &l->root);
    buf_text(to, "    </roothash>\n    <ignore>\n");
    for (size_t i = 0; i < l->ignore_count; i++)
        element(to, "      ", "pattern", l->ignore[i]);
    buf_text(to, "    </ignore>\n  </processinfo>\n");
}

static void entry(const struct mhl_entry *e, struct buf *to)
{
    const char *name = e->folder ? "directoryhash" : "hash";
    buf_format(to, "    <%s>\n      <path", name);
    if (!e->folder && e->size > 0) // the schema has no size 0
        buf_format(to, " size=\"%" PRId64 "\"", e->size);
    if (e->modified)
        buf_format(to, " lastmodificationdate=\"%s\"", e->modified);
    buf_text(to, ">");
    buf_xml(to, e->path);
    buf_text(to, "</path>\n");
    if (e->folder)
        both(to, "      ", e);
    else
        digests(to, "      ", e->digests);
    element(to, "      ", "previousPath", e->previous);
    buf_format(to, "    </%s>\n", name);
}

bool mhl_write(const struct mhl_list *l, struct buf *to, struct error *err)
{
    head(l, to);
    if (l->count)
        buf_text(to, "  <hashes>\n");
    for (size_t i = 0; i < l->count; i++)
        entry(&l->entries[i], to);
    if (l->count)
        buf_text(to, "  </hashes>\n");
    if (l->reference_count)
        buf_text(to, "  <references>\n");
    for (size_t i = 0; i < l->reference_count; i++) {
        buf_text(to, "    <hashlistreference>\n");
        element(to, "      ", "path", l->references[i].path);
        element(to, "      ", "c4", l->references[i].c4);
        buf_text(to, "    </hashlistreference>\n");
    }
    if (l->reference_count)
        buf_text(to, "  </references>\n");
    buf_text(to, "</hashlist>\n");
    return !to->over || error_set(err, ERROR_TOO_BIG, "the hash list is longer than 256 MiB");
}

void mhl_chain_write(const struct mhl_chain_row *rows, size_t count, struct buf *to)
{
    buf_text(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ascmhldirectory "
                 "xmlns=\"urn:ASC:MHL:DIRECTORY:v2.0\">\n");
    for (size_t i = 0; i < count; i++) {
        buf_format(to, "  <hashlist sequencenr=\"%" PRId64 "\">\n", rows[i].number);
        element(to, "    ", "path", rows[i].path);
        element(to, "    ", "c4", rows[i].c4);
        buf_text(to, "  </hashlist>\n");
    }
    buf_text(to, "</ascmhldirectory>\n");
}
