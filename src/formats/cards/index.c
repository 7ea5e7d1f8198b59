// The lists that cameras write of what is on their cards.
#include "formats/cards/cards.h"
#include "formats/xmltree/xmltree.h"

#include <stdint.h>
#include <string.h>

static struct card_listed *add(struct card_index *x, struct arena *a)
{
    if (x->count == x->room) {
        size_t room = x->room ? x->room * 2 : 32;
        struct card_listed *more = ARENA_ARRAY(a, struct card_listed, room);
        if (x->count)
            memcpy(more, x->rows, x->count * sizeof(*more));
        x->rows = more, x->room = room;
    }
    x->rows[x->count] = (struct card_listed){0};
    return &x->rows[x->count++];
}

// Below its folder, and nowhere else.
static bool path_good(const char *path)
{
    if (!*path || *path == '/')
        return false;
    for (const char *at = path; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
        size_t size = strcspn(at, "/");
        if (!size || (size == 1 && at[0] == '.') || (size == 2 && strncmp(at, "..", 2) == 0))
            return false;
    }
    for (const char *c = path; *c; c++)
        if ((unsigned char)*c < ' ')
            return false;
    return true;
}

static bool name_good(const char *name)
{
    return path_good(name) && !strchr(name, '/');
}

static bool too_many(struct error *err)
{
    return error_set(err, ERROR_TOO_BIG, "the index lists more than %d files", CARD_LISTED);
}

// ---- Panasonic P2: P2Main > ClipContent (ClipName, GlobalClipID, Duration, EssenceList,
// Relation). Relation has OffsetInShot, GlobalShotID and Connection: which clips the recording goes
// on in, with the serial number of their cards.

static const char *word_in(const xmlNode *of, const char *name, struct arena *a)
{
    char word[256];
    return xmltree_words(xmltree_child(of, name), word, sizeof(word)) ? arena_text(a, word) : "";
}

static void connected(const xmlNode *to, struct arena *a, const char **id, const char **name)
{
    if (!to)
        return;
    const char *clip = word_in(to, "ClipName", a), *card = word_in(to, "P2SerialNo.", a);
    *id = word_in(to, "GlobalClipID", a);
    *name = arena_format(a, "clip %s%s%s%s", *clip ? clip : "not named", *card ? " (card " : "",
                         card, *card ? ")" : "");
}

static void read_relation(const xmlNode *content, const char *clip, struct arena *a,
                          struct card_shot *s)
{
    const xmlNode *relation = xmltree_child(content, "Relation");
    const xmlNode *connection = xmltree_child(relation, "Connection");
    const char *shot = word_in(relation, "GlobalShotID", a);
    if (!connection || !*shot)
        return;
    *s = (struct card_shot){.clip = clip, .shot = shot, .id = word_in(content, "GlobalClipID", a)};
    if (!xmltree_number(xmltree_child(relation, "OffsetInShot"), &s->offset) || s->offset < 0)
        s->offset = 0;
    if (!xmltree_number(xmltree_child(content, "Duration"), &s->frames) || s->frames < 0 ||
        s->frames > INT32_MAX)
        s->frames = 0;
    connected(xmltree_child(connection, "Previous"), a, &s->before_id, &s->before);
    connected(xmltree_child(connection, "Next"), a, &s->after_id, &s->after);
}

static void read_essence(const xmlNode *content, const char *clip, struct arena *a,
                         struct card_index *x)
{
    char word[64] = "MXF";
    const struct card_shot *s = &x->shot;
    const xmlNode *essence = xmltree_child(content, "EssenceList");
    const xmlNode *video = xmltree_child(essence, "Video");
    int sounds = 0;
    struct card_listed row = {clip, NULL, s->shot, s->offset, s->before != NULL, s->after != NULL};
    for (const xmlNode *n = xmltree_child(essence, "Audio"); n && sounds < 100;
         n = xmltree_next(n, "Audio")) {
        row.file = arena_format(a, "CONTENTS/AUDIO/%s%02d.MXF", clip, sounds++);
        *add(x, a) = row;
    }
    if (video && xmltree_words(xmltree_child(video, "VideoFormat"), word, sizeof(word)) &&
        name_good(word)) {
        row.file = arena_format(a, "CONTENTS/VIDEO/%s.%s", clip, word);
        *add(x, a) = row;
    }
}

static bool read_p2(text bytes, struct arena *a, struct card_index *x, struct error *err)
{
    char name[256];
    xmlDoc *doc = xmltree_open("the clip's XML", bytes, err);
    if (!doc)
        return false;
    const xmlNode *content = xmltree_child(xmlDocGetRootElement(doc), "ClipContent");
    bool ok =
        xmltree_words(xmltree_child(content, "ClipName"), name, sizeof(name)) && name_good(name);
    if (ok) {
        const char *clip = arena_text(a, name);
        read_relation(content, clip, a, &x->shot);
        read_essence(content, clip, a, x);
    } else {
        error_set(err, ERROR_DAMAGED, "the clip's XML names no clip");
    }
    xmlFreeDoc(doc);
    return ok;
}

// ---- Sony: MediaProfile > Contents > Material uri, with Component uri and RelevantInfo uri

static bool read_sony(text bytes, struct arena *a, struct card_index *x, struct error *err)
{
    static const char *const inner[] = {"Component", "RelevantInfo"};
    char uri[1024];
    xmlDoc *doc = xmltree_open("MEDIAPRO.XML", bytes, err);
    if (!doc)
        return false;
    const xmlNode *root = xmlDocGetRootElement(doc);
    bool ok = xmltree_named(root, "MediaProfile") ||
              error_set(err, ERROR_DAMAGED, "MEDIAPRO.XML is no MediaProfile");
    const xmlNode *contents = xmltree_child(root, "Contents");
    for (const xmlNode *m = xmltree_child(contents, "Material"); m && ok;
         m = xmltree_next(m, "Material")) {
        const char *clip = NULL;
        const xmlNode *nodes[3] = {m, NULL, NULL};
        for (size_t kind = 0; kind < 3 && ok; kind++) {
            if (kind)
                nodes[kind] = xmltree_child(m, inner[kind - 1]);
            for (const xmlNode *n = nodes[kind]; n && ok;
                 n = kind ? xmltree_next(n, inner[kind - 1]) : NULL) {
                const char *path = uri;
                if (!xmltree_attribute(n, "uri", uri, sizeof(uri)))
                    continue;
                path += strncmp(path, "./", 2) == 0 ? 2 : *path == '/';
                if (!path_good(path))
                    continue;
                if (!clip) {
                    const char *slash = strrchr(path, '/');
                    text stem = text_of(slash ? slash + 1 : path);
                    clip = arena_copy(a, stem.at, strcspn(stem.at, "."));
                }
                *add(x, a) = (struct card_listed){.name = clip, .file = arena_text(a, path)};
                ok = x->count < CARD_LISTED || too_many(err);
            }
        }
    }
    xmlFreeDoc(doc);
    return ok;
}

// ---- AVCHD: a playlist as of Blu-ray. "MPLS", version, u32 where PlayList() begins; there u32 its
// length, 2 bytes, u16 how many items, u16; an item: u16 its length, 5 digits, "M2TS", u16 whose
// last four bits say how it is joined to the one before (6: without a seam, the same recording).

struct cursor {
    const uint8_t *at;
    size_t size, pos;
};

static bool take(struct cursor *c, size_t count, uint32_t *value)
{
    if (c->size - c->pos < count)
        return false;
    *value = 0;
    while (count--)
        *value = *value << 8 | c->at[c->pos++];
    return true;
}

static bool digits(const uint8_t *at)
{
    for (int i = 0; i < 5; i++)
        if (at[i] < '0' || at[i] > '9')
            return false;
    return true;
}

static bool read_playlist(text bytes, struct arena *a, struct card_index *x)
{
    struct cursor c = {(const uint8_t *)bytes.at, bytes.size, 0};
    uint32_t start, length, count, skipped;
    const char *shot = NULL;
    if (!text_starts(bytes, "MPLS") || bytes.size < 20)
        return false;
    c.pos = 8;
    if (!take(&c, 4, &start) || start > c.size)
        return false;
    c.pos = start;
    if (!take(&c, 4, &length) || !take(&c, 2, &skipped) || !take(&c, 2, &count) ||
        !take(&c, 2, &skipped))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size, joined;
        if (!take(&c, 2, &size) || size < 11 || c.size - c.pos < size || !digits(c.at + c.pos))
            return false;
        const char *name = arena_copy(a, (const char *)c.at + c.pos, 5);
        struct cursor flags = {c.at, c.size, c.pos + 9};
        if (!take(&flags, 2, &joined))
            return false;
        c.pos += size;
        // The first of a recording is named, the rest goes with it.
        if ((joined & 15) == 6 && x->count) {
            shot = shot ? shot : x->rows[x->count - 1].name;
            for (size_t k = x->count; k-- > 0 && strcmp(x->rows[k].name, shot) == 0;)
                x->rows[k].shot = shot;
        } else {
            shot = NULL;
        }
        *add(x, a) = (struct card_listed){
            .name = name, .file = arena_format(a, "BDMV/STREAM/%s.MTS", name), .shot = shot};
        *add(x, a) = (struct card_listed){
            .name = name, .file = arena_format(a, "BDMV/CLIPINF/%s.CPI", name), .shot = shot};
    }
    return true;
}

// ---- ALE: after a line "Column" the names of the columns, after a line "Data" rows, by tabs

static bool read_ale(text bytes, struct arena *a, struct card_index *x)
{
    enum { HEAD, COLUMN, BETWEEN, DATA } where = HEAD;
    size_t column = 0;
    bool found = false;
    while (bytes.size && x->count < CARD_LISTED) {
        text line = text_cut(&bytes, '\n');
        while (line.size && (line.at[line.size - 1] == '\r' || line.at[line.size - 1] == 0))
            line.size--;
        if (where == HEAD && text_is(line, "Column")) {
            where = COLUMN;
        } else if (where == COLUMN) {
            for (size_t i = 0; line.size && !found; i++)
                if (text_is(text_cut(&line, '\t'), "Name"))
                    column = i, found = true;
            where = BETWEEN;
        } else if (where == BETWEEN && text_is(line, "Data")) {
            where = DATA;
        } else if (where == DATA && line.size && found) {
            text cell = text_cut(&line, '\t');
            for (size_t i = 0; i < column; i++)
                cell = text_cut(&line, '\t');
            char *name = arena_copy(a, cell.at, cell.size);
            size_t size = strlen(name), dot = size > 4 ? size - 4 : size;
            if (name[dot] == '.') // ".mov" and ".mxf" are not of the name
                name[dot] = 0;
            if (name_good(name))
                add(x, a)->name = name;
        }
    }
    return where == DATA && found;
}

bool card_index_read(const char *kind, text bytes, struct arena *a, struct card_index *index,
                     struct error *err)
{
    *index = (struct card_index){0};
    if (bytes.size > CARD_INDEX_BYTES)
        return error_set(err, ERROR_TOO_BIG, "an index of more than 32 MB");
    if (strcmp(kind, "p2") == 0)
        return read_p2(bytes, a, index, err);
    if (strcmp(kind, "sony") == 0)
        return read_sony(bytes, a, index, err);
    if (strcmp(kind, "avchd") == 0)
        return read_playlist(bytes, a, index) ||
               error_set(err, ERROR_DAMAGED, "this is no playlist of AVCHD");
    return read_ale(bytes, a, index) || error_set(err, ERROR_DAMAGED, "this is no ALE");
}
