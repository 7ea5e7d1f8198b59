// Which bytes a report is of, and whether they are still what was stored.
#include "house/qc/qc.h"
#include "plat/hash.h"

#include <string.h>

enum { FINDINGS_MOST = 100 };

static const char *word(const json_t *o, const char *name)
{
    const char *value = json_string_value(json_object_get(o, name));
    return value ? value : "";
}

// One file is named by its own content; several by their names and contents, as a version is.
static sha256 content_of(const json_t *read, const json_t *stored)
{
    sha256 one = {{0}};
    uint8_t digest[64];
    size_t i, count = json_array_size(read);
    const json_t *row;
    struct hasher *h = hasher_open("sha256");
    json_array_foreach(read, i, row)
    {
        const char *name = word(stored ? json_array_get(stored, i) : row, "name");
        if (!sha256_parse(text_of(word(row, "content")), &one))
            one = (sha256){{0}};
        hasher_add(h, name, strlen(name) + 1);
        hasher_add(h, one.at, SHA256_SIZE);
    }
    hasher_end(h, digest);
    if (count != 1)
        memcpy(one.at, digest, SHA256_SIZE);
    return one;
}

static json_t *finding(const char *name, const char *seen, const char *allowed)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "rule", "hash", "check", "hash",
                     "clause", "the file's own hash, made when it was stored", "source",
                     "Posthouse", "severity", "fix", "seen", seen, "allowed", allowed, "where",
                     name);
}

static json_t *differences(const json_t *read, const json_t *stored)
{
    json_t *found = json_array();
    const json_t *row;
    size_t i;
    json_array_foreach(read, i, row)
    {
        char seen[120], allowed[100];
        const json_t *kept = json_array_get(stored, i);
        if (strcmp(word(row, "content"), word(kept, "content")) == 0 ||
            json_array_size(found) >= FINDINGS_MOST)
            continue;
        snprintf(seen, sizeof(seen), "its bytes are not what was stored: %s", word(row, "content"));
        snprintf(allowed, sizeof(allowed), "%s", word(kept, "content"));
        json_array_append_new(found, finding(word(kept, "name"), seen, allowed));
    }
    return found;
}

void qc_report_bytes(json_t *report, const json_t *read, const json_t *stored)
{
    const json_t *row;
    size_t i, count = json_array_size(read);
    json_int_t size = 0;
    if (!count || (stored && json_array_size(stored) != count))
        return; // of a worker that does not say what it read
    json_array_foreach(read, i, row) size += json_integer_value(json_object_get(row, "size"));
    sha256 content = content_of(read, stored);
    json_t *bytes = json_pack("{s:I, s:I, s:s}", "files", (json_int_t)count, "size", size,
                              "content", sha256_text(&content).text);
    const char *plain = count == 1 ? word(json_array_get(read, 0), "sha256") : "";
    if (*plain)
        json_object_set_new(bytes, "sha256", json_string(plain));
    json_object_set_new(report, "bytes", bytes);
    if (!stored)
        return;
    json_t *found = differences(read, stored);
    json_object_set_new(bytes, "holds", json_boolean(!json_array_size(found)));
    qc_report_add(report, found);
}
