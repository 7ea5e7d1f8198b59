// Names: what may be one, how they sort, what they are found by.
#include "house/assets/inside.h"
#include "plat/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool name_acceptable(const char *what, const char *name, struct error *err)
{
    text t = text_of(name);
    const char *why = NULL;
    if (text_trim(t).size == 0)
        why = "it is empty";
    else if (t.size > 255)
        why = "it is longer than 255 bytes";
    else if (!text_utf8(t))
        why = "it is not valid UTF-8";
    else if (strchr(name, '/'))
        why = "it has a / in it";
    else if (text_is(t, ".") || text_is(t, ".."))
        why = "it stands for a folder of the system";
    for (size_t i = 0; i < t.size && !why; i++)
        if ((unsigned char)t.at[i] < ' ' || t.at[i] == 127)
            why = "it has a control character in it, such as a line end";
    for (size_t i = 0; i + 1 < t.size && !why; i++) // U+0080..U+009F
        if ((unsigned char)t.at[i] == 0xc2 && (unsigned char)t.at[i + 1] < 0xa0)
            why = "it has a control character in it";
    if (!why)
        return true;
    error_set(err, ERROR_INPUT, "that can not be the name of a %s", what);
    error_why(err, "%s", why);
    return error_fix(err, "choose another name");
}

// ---- letters

static uint32_t letter(const char **at, const char *end) // of valid UTF-8
{
    const unsigned char *c = (const unsigned char *)*at;
    int more = *c < 0x80 ? 0 : *c < 0xe0 ? 1 : *c < 0xf0 ? 2 : 3;
    uint32_t value = more == 0 ? *c : *c & (0x3f >> more);
    if (end - *at <= more) { // broken, or cut: bytes count one by one
        (*at)++;
        return *c;
    }
    for (int i = 1; i <= more; i++)
        value = value << 6 | (c[i] & 0x3f);
    *at += more + 1;
    return value;
}

// U+00C0..U+017F, each as the letter it sorts with.
static const char latin[] = "aaaaaaaceeeeiiiidnooooox" // C0..D7
                            "ouuuuytsaaaaaaaceeeeiiii" // D8..EF
                            "dnooooo/ouuuuyty"         // F0..FF
                            "aaaaaaccccccccddddeeeeee" // 100..117
                            "eeeegggggggghhhhiiiiiiii" // 118..12F
                            "iiiijjkkkllllllllllnnnnn" // 130..147
                            "nnnnoooooooorrrrrrssssss" // 148..15F
                            "ssttttttuuuuuuuuuuuuwwyy" // 160..177
                            "yzzzzzzs";                // 178..17F
_Static_assert(sizeof(latin) == 0x180 - 0xc0 + 1, "one letter each");

static uint32_t folded(uint32_t c) // 0: counts for nothing
{
    if (c >= 'A' && c <= 'Z')
        return c + 32;
    if (c >= 0xc0 && c < 0x180)
        return (uint32_t)latin[c - 0xc0];
    if (c >= 0x300 && c < 0x370) // accents as the Mac writes them, behind their letter
        return 0;
    if ((c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f)) // Greek, Cyrillic
        return c + 0x20;
    if (c >= 0x400 && c <= 0x40f)
        return c + 0x50;
    return c;
}

static size_t write_utf8(uint32_t c, uint8_t to[4])
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    for (size_t i = more; i > 0; i--, c >>= 6)
        to[i] = (uint8_t)(0x80 | (c & 0x3f));
    to[0] = (uint8_t)((0xf00 >> more & 0xff) | c);
    return more + 1;
}

// In lower case and without accents; each run of digits becomes its length (three digits) and the
// digits without leading zeros: numbers of any size compare as numbers. The name itself follows, so
// that different names differ.
const char *name_sort_key(struct arena *a, const char *name)
{
    struct buf key = BUF_LIMIT(SORT_KEY_LIMIT);
    const char *end = name + strlen(name);
    for (const char *at = name; at < end;) {
        if (!isdigit((unsigned char)*at)) {
            uint8_t part[4];
            uint32_t c = folded(letter(&at, end));
            buf_add(&key, part, c ? write_utf8(c, part) : 0);
            continue;
        }
        size_t size = strspn(at, "0123456789"), zeros = strspn(at, "0");
        buf_format(&key, "%03zu%.*s", size - zeros, (int)(size - zeros), at + zeros);
        at += size;
    }
    buf_format(&key, "\x01%s", name);
    const char *made = arena_copy(a, key.at, key.size);
    buf_free(&key);
    return made;
}

// ---- what others say with

bool say(struct db_tx *tx, const char *kind, const char *project, const char *subject,
         struct error *err)
{
    return db_event(tx, kind, project, subject, NULL, err);
}

bool say_asset(struct db_tx *tx, const char *kind, const char *project, const char *asset,
               const char *version, struct error *err)
{
    char body[128];
    snprintf(body, sizeof(body), "{\"asset\":\"%s\",\"version\":\"%s\"}", asset, version);
    bool about_version = strncmp(kind, "version.", strlen("version.")) == 0;
    return db_event(tx, kind, project, about_version ? version : asset, body, err);
}

bool not_there(struct error *err, const char *what)
{
    error_set(err, ERROR_NOT_FOUND, "there is no such %s", what);
    error_why(err, "it was never made here, or it is gone");
    return error_fix(err, "load the list again");
}

json_t *hash_json(struct db_rows *rows, int column)
{
    size_t size;
    const void *at = db_blob(rows, column, &size);
    sha256 hash;
    if (!at || size != SHA256_SIZE)
        return json_null();
    memcpy(hash.at, at, SHA256_SIZE);
    return json_string(sha256_text(&hash).text);
}

json_t *time_json(int64_t at_ms)
{
    return at_ms ? json_string(clock_text(at_ms).text) : json_null();
}

// ---- kinds

const char *asset_kind_of_name(const char *file_name)
{
    static const struct {
        const char *endings;
        const char *kind;
    } known[] = {
        {" wav bwf rf64 w64 flac mp3 aac m4a aif aiff caf ogg opus ac3 eac3 ec3 wma ", "sound"},
        {" exr dpx cin tif tiff png jpg jpeg jp2 j2k tga bmp gif webp heic psd ", "still"},
        {" srt vtt scc mcc stl ttml dfxp itt ", "captions"},
        {" txt pdf doc docx xls xlsx csv md rtf xml edl aaf otio fcpxml json ale sub cdl cc ccc cube "
         "3dl lut zip tar gz mhl md5 sha1 xxh html htm ",
         "document"},
    };
    const char *dot = strrchr(file_name, '.');
    char ending[16];
    if (!dot || dot == file_name || !dot[1] || strlen(dot) > 9)
        return "clip";
    snprintf(ending, sizeof(ending), " %s ", dot + 1);
    for (char *at = ending; *at; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strstr(known[i].endings, ending))
            return known[i].kind;
    return "clip";
}
