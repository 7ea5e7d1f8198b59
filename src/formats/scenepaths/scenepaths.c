/*
 * Words are cut at quotes, at @ (USD), at < and > (XML) and, outside quotes, at white space; a quoted word
 * may have spaces. A word is a path when it ends in one of `endings`, behind which only a fragment may
 * come ("x.usd:SDF_FORMAT_ARGS..."), and when it was quoted or has a slash in it.
 */
#include "formats/scenepaths/scenepaths.h"

#include <ctype.h>
#include <string.h>

enum { WORD_MOST = 1024 };

static const char endings[] =
    " exr tif tiff tx tex rat png jpg jpeg hdr tga bmp dpx cin psd gif sgi iff pic webp rla "
    "abc usd usda usdc usdz vdb obj fbx ply stl ptc ptex ptx bgeo sc gz mc mcx mdd pc2 "
    "ass rib vrscene vrmesh rs rsproxy xgen pdb prt geo hip hiplc mdl osl oso ies cube csp 3dl lut "
    "wav aif aiff mp3 mov mp4 mxf avi mkv ma mb inc pov ini ttf otf txt nk mlt xml kdenlive ";
static const char scenes[] = " ass rib vrscene ma usda usd inc pov mlt xgen ";

static const struct {
    const char *ending, *line, *open, *close;
    bool spaces; // in words that are not quoted: between the tags of XML
} comments[] = {
    {"ma", "//", "/*", "*/", false},      {"pov", "//", "/*", "*/", false},
    {"inc", "//", "/*", "*/", false},     {"vrscene", "//", "/*", "*/", false},
    {"ass", "#", NULL, NULL, false},      {"rib", "#", NULL, NULL, false},
    {"usda", "#", NULL, NULL, false},     {"mlt", NULL, "<!--", "-->", true},
    {"xml", NULL, "<!--", "-->", true},   {"kdenlive", NULL, "<!--", "-->", true},
};

struct finding {
    struct arena *a;
    struct scenepath *paths;
    size_t count, room;
    size_t *slots; // of a table by hash: index + 1
    size_t slot_count;
};

static bool listed(const char *list, text word)
{
    char padded[16];
    if (!word.size || word.size > 12)
        return false;
    padded[0] = ' ';
    for (size_t i = 0; i < word.size; i++)
        padded[i + 1] = (char)tolower((unsigned char)word.at[i]);
    memcpy(padded + word.size + 1, " ", 2);
    return strstr(list, padded) != NULL;
}

static text ending_of(text path)
{
    for (size_t i = path.size; i > 0 && path.at[i - 1] != '/'; i--)
        if (path.at[i - 1] == '.')
            return (text){path.at + i, path.size - i};
    return (text){0};
}

static size_t hash(const char *at)
{
    size_t h = 5381;
    for (; *at; at++)
        h = h * 33 + (unsigned char)*at;
    return h;
}

static void grow(struct finding *f)
{
    size_t room = f->room ? f->room * 2 : 64;
    struct scenepath *paths = ARENA_ARRAY(f->a, struct scenepath, room);
    if (f->count)
        memcpy(paths, f->paths, f->count * sizeof(*paths));
    f->paths = paths;
    f->room = room;
    f->slot_count = room * 2;
    f->slots = ARENA_ARRAY(f->a, size_t, f->slot_count);
    for (size_t i = 0; i < f->count; i++) {
        size_t at = hash(paths[i].path) % f->slot_count;
        while (f->slots[at])
            at = (at + 1) % f->slot_count;
        f->slots[at] = i + 1;
    }
}

static void add(struct finding *f, text word, text ending)
{
    if (f->count == f->room)
        grow(f);
    char *path = arena_copy(f->a, word.at, word.size);
    for (char *c = path; *c; c++)
        *c = *c == '\\' ? '/' : *c;
    size_t at = hash(path) % f->slot_count;
    for (; f->slots[at]; at = (at + 1) % f->slot_count)
        if (strcmp(f->paths[f->slots[at] - 1].path, path) == 0)
            return;
    f->slots[at] = f->count + 1;
    f->paths[f->count++] = (struct scenepath){.path = path,
                                              .numbered = scenepath_glob(f->a, path) != NULL,
                                              .scene = listed(scenes, ending),
                                              .found_by_name = !strchr(path, '/')};
}

static void consider(struct finding *f, text word, bool quoted)
{
    word = text_trim(word);
    if (word.size < 3 || word.size > WORD_MOST || f->count == SCENEPATHS_MOST)
        return;
    bool folder = false;
    for (size_t i = 0; i < word.size; i++) {
        unsigned char c = (unsigned char)word.at[i];
        if (c < ' ' || c == 127 || (c == ':' && i > 1 && word.size - i > 2 &&
                                    word.at[i + 1] == '/' && word.at[i + 2] == '/'))
            return; // no text, or an address of the net
        folder = folder || c == '/' || c == '\\';
    }
    text ending = ending_of(word);
    if ((quoted || folder) && listed(endings, ending) && ending.at - word.at > 1)
        add(f, word, ending);
}

static bool starts(const uint8_t *at, size_t left, const char *with)
{
    return with && strlen(with) <= left && memcmp(at, with, strlen(with)) == 0;
}

void scenepaths_find(struct arena *a, const char *ending, const uint8_t *at, size_t size,
                     const struct scenepath **paths, size_t *count)
{
    struct finding f = {.a = a};
    const char *line = NULL, *open = NULL, *close = NULL;
    bool spaces = false;
    for (size_t i = 0; i < sizeof(comments) / sizeof(comments[0]); i++)
        if (strcmp(comments[i].ending, ending) == 0) {
            line = comments[i].line;
            open = comments[i].open;
            close = comments[i].close;
            spaces = comments[i].spaces;
        }
    size_t word = 0; // where the word under way began
    uint8_t quote = 0;
    for (size_t i = 0; i <= size; i++) {
        uint8_t c = i < size ? at[i] : '\n';
        if (quote) {
            bool over = c == '\n' || c == 0 || i - word > WORD_MOST;
            if (c != quote && !over)
                continue;
            if (c == quote)
                consider(&f, (text){(const char *)at + word, i - word}, true);
            quote = 0;
            word = i + 1;
        } else if (i < size && (starts(at + i, size - i, open) ||
                                (starts(at + i, size - i, line) && (i == 0 || at[i - 1] != ':')))) {
            consider(&f, (text){(const char *)at + word, i - word}, false);
            bool block = starts(at + i, size - i, open);
            while (i < size && (block ? !starts(at + i, size - i, close) : at[i] != '\n'))
                i++;
            word = i + 1;
        } else if ((c <= ' ' && !(spaces && c == ' ')) || c == '"' || c == '\'' || c == '@' || c == '<' || c == '>' ||
                   c == '(' || c == ')' || c == ';' || c == ',' || c == '=' || c == '{' ||
                   c == '}' || c == 127) {
            consider(&f, (text){(const char *)at + word, i - word}, false);
            quote = c == '"' || c == '\'' || c == '@' ? c : 0;
            word = i + 1;
        }
    }
    *paths = f.paths;
    *count = f.count;
}

// How many bytes of a numbered part stand here, and how many digits it means (0: any).
static size_t numbered_part(const char *at, int *digits)
{
    static const char *const tiles[] = {"<UDIM>", "<udim>", "<UVTILE>", "<uvtile>", "<tile>",
                                        "<f>",    "<frame>", "MAPID"};
    for (size_t i = 0; i < sizeof(tiles) / sizeof(tiles[0]); i++)
        if (strncmp(at, tiles[i], strlen(tiles[i])) == 0) {
            *digits = i < 2 || i == 7 ? 4 : 0;
            return strlen(tiles[i]);
        }
    if (*at == '#') {
        size_t n = strspn(at, "#");
        *digits = n > 1 ? (int)n : 0;
        return n;
    }
    if (*at == '%' && at[1] == '0' && isdigit((unsigned char)at[2]) && at[3] == 'd') {
        *digits = at[2] - '0';
        return 4;
    }
    if (*at == '%' && at[1] == 'd') {
        *digits = 0;
        return 2;
    }
    if (*at == '$' && at[1] == 'F') {
        *digits = isdigit((unsigned char)at[2]) ? at[2] - '0' : 0;
        return *digits ? 3 : 2;
    }
    return 0;
}

const char *scenepath_glob(struct arena *a, const char *path)
{
    struct buf b = BUF_LIMIT(16 << 10);
    bool any = false;
    for (const char *at = path; *at;) {
        int digits = 0;
        size_t size = numbered_part(at, &digits);
        if (!size) {
            if (strchr("*?[\\", *at))
                buf_text(&b, "\\");
            buf_add(&b, at++, 1);
            continue;
        }
        any = true;
        for (int i = 0; i < digits; i++)
            buf_text(&b, "[0-9]");
        if (!digits)
            buf_text(&b, "[0-9]*");
        at += size;
    }
    const char *glob = any && !b.over ? arena_text(a, b.at) : NULL;
    buf_free(&b);
    return glob;
}
