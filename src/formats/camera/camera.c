/*
 * What a camera's file is and what its header and its name say.
 *
 * RED R3D: blocks of {u32be size, four letters}. RED1 has its rate, size and name at fixed places
 * of the first block, RED2 in its first image record ("rdi"). Both carry a list of {u16 size with
 * these four bytes, u16 tag, value} that begins with tag 1000; the tag's upper four bits are the
 * value's form, 1 being text. (As ExifTool's authors found it, and FFmpeg's demuxer of RED ONE
 * files.)
 *
 * ARRIRAW (SMPTE RDD 30): little-endian; "ARRI", 0x78563412, size of the header, version. Sections
 * follow, each with its size without the size itself in front: of the image at 16 (width, height at
 * 20), of the camera at 352 (project rate in thousandths at 420, master timecode as frames,
 * seconds, minutes, hours in BCD at 424, model at 668), of the clip at 1264 (reel at 1272, 8
 * letters; the camera's name of the clip at 1688, 24). These places are as the readers of others
 * have them that are public; nobody here has the document. So only version 3 is read, a section
 * only when it says that it is there, a rate only when it is one of the trade, a timecode only when
 * it is one at that rate, reel and clip only when they are named by ARRI's rule and go together.
 * What does not hold is not said, and the file's name speaks.
 *
 * Canon: CR3 stills and CRM clips are ISO files of brand "crx "; a box "uuid" in "moov" has CNCV,
 * whose text begins with CanonCR3 or CanonCRM, and CMT1, a TIFF directory with the model.
 *
 * CinemaDNG: a TIFF whose first directory has DNGVersion (C612). TimeCodes are eight bytes as of
 * SMPTE ST 331: frames, seconds, minutes, hours in BCD, flags in the upper bits.
 */
#include "formats/camera/camera.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- formats

static const struct known {
    const char *entry, *ending; // of QuickTime; of names: only where a beginning tells nothing
    const char *format, *codec, *sdk;
} formats[] = {
    {NULL, NULL, "RED R3D", "r3d", "RED's R3D SDK"},
    {NULL, NULL, "ARRIRAW", "arriraw", "ARRI's Image SDK"},
    {NULL, NULL, "Sony X-OCN", "x-ocn", "Sony's RAW SDK"},
    {NULL, NULL, "CinemaDNG", "cinemadng", NULL},
    {"aprn", NULL, "ProRes RAW", "prores_raw", "Apple's ProRes RAW SDK"},
    {"aprh", NULL, "ProRes RAW HQ", "prores_raw", "Apple's ProRes RAW SDK"},
    {"CRAW", NULL, "Canon Cinema RAW Light", "crm", "Canon's RAW SDK"},
    {NULL, NULL, "Canon RAW still", "cr3", "Canon's RAW SDK"},
    {"braw", NULL, "Blackmagic RAW", "braw", "Blackmagic's RAW SDK"},
    {"brxq", NULL, "Blackmagic RAW", "braw", "Blackmagic's RAW SDK"},
    {"brst", NULL, "Blackmagic RAW", "braw", "Blackmagic's RAW SDK"},
    {"brvn", NULL, "Blackmagic RAW", "braw", "Blackmagic's RAW SDK"},
    {"brvl", NULL, "Blackmagic RAW", "braw", "Blackmagic's RAW SDK"},
    {"brvm", NULL, "Blackmagic RAW", "braw", "Blackmagic's RAW SDK"},
    {"brhq", NULL, "Blackmagic RAW", "braw", "Blackmagic's RAW SDK"},
    {"brlt", NULL, "Blackmagic RAW", "braw", "Blackmagic's RAW SDK"},
    {NULL, "rmf", "Canon Cinema RAW", "rmf", "Canon's RAW SDK"},
};
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

static bool is(struct camera *c, const char *codec)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (strcmp(formats[i].codec, codec) == 0) {
            c->format = formats[i].format;
            c->codec = formats[i].codec;
            c->sdk = formats[i].sdk;
            return true;
        }
    return false;
}

bool camera_of_entry(const char entry[4], struct camera *c)
{
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i].entry && memcmp(formats[i].entry, entry, 4) == 0) {
            c->format = formats[i].format;
            c->codec = formats[i].codec;
            c->sdk = formats[i].sdk;
            return true;
        }
    return false;
}

// ---- values

static uint32_t u16be(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t u32be(const uint8_t *at)
{
    return u16be(at) << 16 | u16be(at + 2);
}

static uint32_t u32le(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

// Text of a header, up to its first 0; nothing where it holds what is no letter of ASCII.
static void set_word(struct camera_word *w, const void *at, size_t size, const char *from)
{
    const char *text = at;
    size_t n = strnlen(text, size);
    while (n && text[n - 1] == ' ')
        n--;
    if (!n || n >= sizeof(w->text) || w->from)
        return;
    for (size_t i = 0; i < n; i++)
        if (text[i] < ' ' || text[i] > '~')
            return;
    memcpy(w->text, text, n);
    w->text[n] = 0;
    w->from = from;
}

static void set_size(struct camera *c, uint32_t width, uint32_t height, const char *from)
{
    if (c->width || !width || !height || width > 65535 || height > 65535)
        return;
    c->width = (int)width, c->height = (int)height;
    c->size_from = from;
}

static void set_rate(struct camera *c, int64_t num, int64_t den, const char *from)
{
    if (c->rate.num || num <= 0 || den <= 0 || num / den > 1000 || num < den)
        return;
    rational exact = rational_make(num, den), near;
    c->rate = rate_nearest(exact, &near) ? near : exact;
    c->rate_from = from;
}

static bool is_label(const char *t)
{
    int h, m, s, f, end = 0;
    return sscanf(t, "%2d%*1[:]%2d%*1[:]%2d%*1[:;.]%3d%n", &h, &m, &s, &f, &end) == 4 &&
           (size_t)end == strlen(t) && strlen(t) >= 11 && h >= 0 && h < 24 && m >= 0 && m < 60 &&
           s >= 0 && s < 60 && f >= 0;
}

static void set_label(struct camera_word *w, const void *at, size_t size, const char *from)
{
    struct camera_word said = {.from = NULL};
    set_word(&said, at, size, from);
    if (!w->from && said.from && is_label(said.text))
        *w = said;
}

// Four bytes of BCD: frames, seconds, minutes, hours.
static void set_bcd(struct camera_word *w, const uint8_t *at, const char *from)
{
    static const uint8_t masks[4] = {0x3f, 0x7f, 0x7f, 0x3f};
    unsigned v[4];
    char label[16];
    for (int i = 0; i < 4; i++) {
        unsigned b = at[i] & masks[i];
        if ((b & 15) > 9)
            return;
        v[i] = (b >> 4) * 10 + (b & 15);
    }
    snprintf(label, sizeof(label), "%02u:%02u:%02u%c%02u", v[3] % 100, v[2] % 100, v[1] % 100,
             at[0] & 0x40 ? ';' : ':', v[0] % 100);
    set_label(w, label, sizeof(label), from);
}

// ---- RED

struct red {
    struct camera *c;
    struct camera_word letter, number; // of the camera and its roll: "A", "106"
};

static void red_tag(struct red *r, uint32_t tag, const uint8_t *at, size_t size)
{
    const struct {
        uint32_t tag;
        struct camera_word *word;
        bool label;
    } words[] = {
        {0x1001, &r->c->timecode, true}, {0x1019, &r->letter, false},   {0x101a, &r->number, false},
        {0x1071, &r->c->model, false},   {0x10a0, &r->c->model, false},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].tag == tag)
            (words[i].label ? set_label : set_word)(words[i].word, at, size, "header");
    struct camera *c = r->c;
    if (tag == 0x1056) { // the name that the camera gave it
        struct camera named = {.part = -1};
        struct camera_word name = {.from = NULL};
        set_word(&name, at, size, "header");
        if (name.from && camera_name(name.text, &named) && named.clip.from)
            set_word(&c->clip, named.clip.text, sizeof(named.clip.text), "header");
    }
    if (tag == 0x2066 && size >= 4) {
        float rate;
        uint32_t bits = u32be(at);
        memcpy(&rate, &bits, sizeof(rate));
        if (isfinite(rate) && rate >= 1 && rate <= 1000)
            set_rate(c, (int64_t)llround((double)rate * 1000), 1000, "header");
    }
}

static bool all(int is_one(int), const char *text)
{
    while (*text && is_one((unsigned char)*text))
        text++;
    return !*text;
}

// The roll has a name of its own ("A001"), or is a number and is called after its camera as well.
static void red_reel(const struct red *r)
{
    char reel[8];
    if (!r->number.from || strlen(r->number.text) > 3 || !all(isdigit, r->number.text)) {
        set_word(&r->c->reel, r->number.text, sizeof(r->number.text), r->number.from);
    } else if (r->letter.from && strlen(r->letter.text) == 1 && all(isalpha, r->letter.text)) {
        snprintf(reel, sizeof(reel), "%s%s", r->letter.text, r->number.text);
        set_word(&r->c->reel, reel, sizeof(reel), "header");
    }
}

static void red_tags(struct camera *c, const uint8_t *at, size_t size)
{
    struct red r = {.c = c};
    size_t pos = 0x20;
    while (pos + 6 < size && !(u16be(at + pos) <= 64 && u16be(at + pos) >= 6 &&
                               u16be(at + pos + 2) == 0x1000 && isdigit(at[pos + 4])))
        pos++;
    while (pos + 4 <= size) {
        size_t own = u16be(at + pos);
        if (own < 4 || own > size - pos)
            break;
        red_tag(&r, u16be(at + pos + 2), at + pos + 4, own - 4);
        pos += own;
    }
    red_reel(&r);
}

static bool read_red(struct camera *c, const uint8_t *at, size_t size)
{
    if (size < 0x100 || memcmp(at + 4, "RED", 3) != 0 || (at[7] != '1' && at[7] != '2'))
        return false;
    size_t block = u32be(at);
    is(c, "r3d");
    if (at[7] == '1') {
        set_size(c, u32be(at + 0x34), u32be(at + 0x38), "header");
        set_rate(c, u16be(at + 0x3e), u16be(at + 0x40), "header");
        struct camera named = {.part = -1};
        struct camera_word name = {.from = NULL};
        set_word(&name, at + 0x43, 96, "header");
        if (name.from && camera_name(name.text, &named) && named.clip.from)
            set_word(&c->clip, named.clip.text, sizeof(named.clip.text), "header");
        if (block < size) // the tags are in the block behind
            red_tags(c, at + block, size - block < 0x10000 ? size - block : 0x10000);
    } else {
        set_size(c, u32be(at + 0x4c), u32be(at + 0x50), "header");
        set_rate(c, u32be(at + 0x58), u16be(at + 0x56), "header");
        red_tags(c, at, block < size ? block : size);
    }
    return true;
}

// ---- ARRIRAW

enum { ARRI_VERSION = 3, ARRI_CAMERA = 0x160, ARRI_CLIP = 0x4f0, ARRI_HEAD = 0x71c };

static void arri_camera(struct camera *c, const uint8_t *at)
{
    static const uint8_t unset[16] = {0};
    rational near;
    if (!rate_nearest(rational_make(u32le(at + 0x1a4), 1000), &near))
        return;
    set_rate(c, near.num, near.den, "header");
    struct camera_word code = {.from = NULL};
    struct tc_rate counting;
    struct error ignored;
    int64_t frame;
    bool drop = at[0x1a8] & 0x40;
    if (memcmp(at + 0x1a8, unset, sizeof(unset)) == 0)
        return;
    set_bcd(&code, at + 0x1a8, "header");
    if (code.from && tc_rate_make(c->rate, drop, &counting, &ignored) &&
        tc_parse(text_of(code.text), &counting, &frame, &ignored))
        c->timecode = code;
}

static void arri_clip(struct camera *c, const uint8_t *at)
{
    struct camera named = {.part = -1};
    struct camera_word reel = {.from = NULL}, clip = {.from = NULL};
    set_word(&reel, at + 0x4f8, 8, "header");
    set_word(&clip, at + 0x698, 24, "header");
    if (!clip.from || !camera_name(clip.text, &named) || !named.clip.from)
        return;
    memcpy(clip.text, named.clip.text, sizeof(clip.text));
    c->clip = clip;
    if (reel.from && strncmp(reel.text, named.reel.text, strlen(named.reel.text)) == 0)
        c->reel = reel;
}

static bool read_arri(struct camera *c, const uint8_t *at, size_t size)
{
    if (size < 700 || memcmp(at, "ARRI\x12\x34\x56\x78", 8) != 0)
        return false;
    is(c, "arriraw");
    set_size(c, u32le(at + 20), u32le(at + 24), "header");
    set_word(&c->model, at + 668, 8, "header");
    if (size < ARRI_HEAD || u32le(at + 12) != ARRI_VERSION)
        return true;
    if (u32le(at + ARRI_CAMERA))
        arri_camera(c, at);
    if (u32le(at + ARRI_CLIP))
        arri_clip(c, at);
    return true;
}

// ---- MXF

static const uint8_t label_head[] = {0x06, 0x0e, 0x2b, 0x34, 0x04, 0x01, 0x01};

static bool coded(const struct mxf_head *m, const uint8_t *tail, size_t size)
{
    return memcmp(m->coding, label_head, sizeof(label_head)) == 0 &&
           memcmp(m->coding + 8, tail, size) == 0;
}

// What Sony's cameras write of a clip into its header (RDD 18) is XML; it names X-OCN by its word.
static bool says_xocn(text head)
{
    static const char opens[] = "<NonRealTimeMeta", word[] = "X-OCN";
    const char *at = memmem(head.at, head.size, opens, sizeof(opens) - 1);
    size_t rest = at ? head.size - (size_t)(at - head.at) : 0;
    return at && memmem(at, rest < 65536 ? rest : 65536, word, sizeof(word) - 1);
}

static bool read_mxf(struct camera *c, text head)
{
    static const uint8_t sony[] = {0x0e, 0x06, 0x04, 0x01, 0x02, 0x04};
    static const uint8_t arri[] = {0x04, 0x01, 0x02, 0x01, 0x02, 0x01};
    struct mxf_head m;
    struct error ignored;
    if (!mxf_read(head, &m, &ignored))
        return false;
    bool raw = coded(&m, arri, sizeof(arri))                      ? is(c, "arriraw")
               : coded(&m, sony, sizeof(sony)) || says_xocn(head) ? is(c, "x-ocn")
                                                                  : false;
    if (!raw)
        return false;
    set_size(c, (uint32_t)m.width, (uint32_t)m.height, "header");
    set_rate(c, m.rate.num, m.rate.den, "header");
    set_word(&c->reel, m.reel, sizeof(m.reel), "header");
    c->frames = m.duration;
    if (m.start >= 0 && m.base > 0) {
        struct tc_rate counting;
        if (tc_rate_make((rational){m.drop ? m.base * 1000 : m.base, m.drop ? 1001 : 1}, m.drop,
                         &counting, &ignored))
            set_label(&c->timecode, tc_format(m.start, &counting).text, sizeof(tc_label), "header");
    }
    return true;
}

// ---- DNG, and the TIFF directory in Canon's files

struct tiff {
    const uint8_t *at;
    size_t size;
    bool big;
};

static uint32_t number(const struct tiff *t, size_t pos, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes && pos + (size_t)i < t->size; i++)
        value |= (uint32_t)t->at[pos + (size_t)i] << 8 * (t->big ? bytes - 1 - i : i);
    return value;
}

struct field {
    uint32_t tag, type, count;
    size_t pos; // of its first value
};

static bool field_at(const struct tiff *t, size_t ifd, uint32_t n, struct field *f)
{
    static const uint8_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8};
    size_t pos = ifd + 2 + 12 * (size_t)n;
    if (pos + 12 > t->size || n >= number(t, ifd, 2))
        return false;
    *f = (struct field){number(t, pos, 2), number(t, pos + 2, 2), number(t, pos + 4, 4), pos + 8};
    uint64_t bytes = f->type < sizeof(sizes) ? (uint64_t)sizes[f->type] * f->count : 0;
    if (bytes > 4)
        f->pos = number(t, pos + 8, 4);
    if (!bytes || bytes > t->size || f->pos > t->size - bytes)
        f->count = 0;
    return true;
}

static uint32_t field_number(const struct tiff *t, const struct field *f)
{
    return f->count ? number(t, f->pos, f->type == 3 ? 2 : f->type == 1 ? 1 : 4) : 0;
}

// The whole picture is in the directory whose NewSubfileType (FE) is 0; previews are elsewhere.
static void dng_size(struct camera *c, const struct tiff *t, size_t ifd)
{
    struct field f;
    uint32_t kind = 0, width = 0, height = 0;
    for (uint32_t n = 0; n < 256 && field_at(t, ifd, n, &f); n++) {
        kind = f.tag == 0xfe ? field_number(t, &f) : kind;
        width = f.tag == 0x100 ? field_number(t, &f) : width;
        height = f.tag == 0x101 ? field_number(t, &f) : height;
    }
    if (!kind)
        set_size(c, width, height, "header");
}

static bool read_dng(struct camera *c, const uint8_t *at, size_t size)
{
    struct tiff t = {at, size, size && *at == 'M'};
    struct field f;
    bool dng = false;
    if (size < 16 || (memcmp(at, "II*\0", 4) != 0 && memcmp(at, "MM\0*", 4) != 0))
        return false;
    size_t ifd = number(&t, 4, 4);
    for (uint32_t n = 0; n < 256 && field_at(&t, ifd, n, &f); n++)
        dng = dng || f.tag == 0xc612;
    if (!dng)
        return false;
    is(c, "cinemadng");
    for (uint32_t n = 0; n < 256 && field_at(&t, ifd, n, &f); n++) {
        if (f.tag == 0xc763 && f.type == 1 && f.count >= 8)
            set_bcd(&c->timecode, at + f.pos, "header");
        if (f.tag == 0xc764 && f.type == 10 && f.count)
            set_rate(c, (int32_t)number(&t, f.pos, 4), (int32_t)number(&t, f.pos + 4, 4), "header");
        if (f.tag == 0xc789 && f.type == 2)
            set_word(&c->reel, at + f.pos, f.count, "header");
        if (f.tag == 0xc614 && f.type == 2)
            set_word(&c->model, at + f.pos, f.count, "header");
        for (uint32_t k = 0; f.tag == 0x14a && f.type == 4 && k < f.count && k < 8; k++)
            dng_size(c, &t, number(&t, f.pos + 4 * (size_t)k, 4));
    }
    dng_size(c, &t, ifd);
    return true;
}

// ---- Canon

struct box {
    const uint8_t *at;
    size_t size;
};

// The first box of this kind among those in `in`; false: there is none, or it is cut off.
static bool box_in(struct box in, const char kind[4], struct box *found)
{
    while (in.size >= 8) {
        size_t size = u32be(in.at);
        if (size < 8 || size > in.size)
            return false;
        if (memcmp(in.at + 4, kind, 4) == 0) {
            *found = (struct box){in.at + 8, size - 8};
            return true;
        }
        in.at += size, in.size -= size;
    }
    return false;
}

// Whoever opens the container knows that it is Canon's by its sample entry; whether it is a still
// or a film, and of which camera, stands here.
static void read_canon(struct camera *c, const uint8_t *at, size_t size)
{
    static const uint8_t canon[16] = {0x85, 0xc0, 0xb6, 0x87, 0x82, 0x0f, 0x11, 0xe0,
                                      0x81, 0x11, 0xf4, 0xce, 0x46, 0x2b, 0x6a, 0x48};
    struct box moov, own, version, model;
    if (size < 16 || memcmp(at + 4, "ftypcrx ", 8) != 0 ||
        !box_in((struct box){at, size}, "moov", &moov) || !box_in(moov, "uuid", &own) ||
        own.size < sizeof(canon) || memcmp(own.at, canon, sizeof(canon)) != 0)
        return;
    own.at += sizeof(canon), own.size -= sizeof(canon);
    if (box_in(own, "CNCV", &version) && version.size >= 8)
        is(c, memcmp(version.at, "CanonCRM", 8) == 0 ? "crm" : "cr3");
    if (!box_in(own, "CMT1", &model) || model.size < 16)
        return;
    struct tiff t = {model.at, model.size, *model.at == 'M'};
    struct field f;
    size_t ifd = number(&t, 4, 4);
    for (uint32_t n = 0; n < 256 && field_at(&t, ifd, n, &f); n++)
        if (f.tag == 0x110 && f.type == 2)
            set_word(&c->model, model.at + f.pos, f.count, "header");
}

// ---- names

static const char *plain(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

static bool ends(const char *name, const char *endings)
{
    const char *dot = strrchr(name, '.');
    char word[16];
    if (!dot || strlen(dot) > 8)
        return false;
    snprintf(word, sizeof(word), " %s ", dot + 1);
    for (char *ch = word; *ch; ch++)
        *ch = (char)tolower((unsigned char)*ch);
    return strstr(endings, word) != NULL;
}

// 'A' stands for a letter, '9' for a digit, all else for itself (without case).
static bool begins(const char *name, const char *pattern)
{
    for (; *pattern; pattern++, name++)
        if (*pattern == 'A'   ? !isalpha((unsigned char)*name)
            : *pattern == '9' ? !isdigit((unsigned char)*name)
                              : toupper((unsigned char)*name) != *pattern)
            return false;
    return true;
}

// The name without its ending, its number in a span (RED) or of a frame.
static size_t stem(const char *name, int *part)
{
    const char *dot = strrchr(name, '.');
    size_t size = dot && dot != name ? (size_t)(dot - name) : strlen(name);
    *part = -1;
    if (ends(name, " r3d ") && size > 4 && begins(name + size - 4, "_999")) {
        *part = atoi(name + size - 3);
        return size - 4;
    }
    if (ends(name, " ari arx dng ")) {
        size_t digits = size;
        while (digits && isdigit((unsigned char)name[digits - 1]))
            digits--;
        if (digits > 1 && size - digits >= 3)
            return digits - (strchr("._-", name[digits - 1]) ? 1 : 0);
    }
    return size;
}

bool camera_name(const char *name, struct camera *c)
{
    static const struct {
        const char *pattern;
        size_t reel;
    } names[] = {
        {"A999_A999_9999", 4},     // RED
        {"A999_99999999_C999", 4}, // Blackmagic
        {"A999C999_", 4},          // ARRI, Sony, Canon
        {"A_9999C999_", 6},        // ARRI since ALEXA 35
    };
    int part;
    name = plain(name);
    size_t size = stem(name, &part);
    c->part = part;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (begins(name, names[i].pattern) && size < sizeof(c->clip.text)) {
            set_word(&c->clip, name, size, "file name");
            set_word(&c->reel, name, names[i].reel, "file name");
            return true;
        }
    return false;
}

void camera_key(const char *name, char key[96])
{
    int part;
    name = plain(name);
    size_t size = stem(name, &part);
    *key = 0;
    if (size >= 96)
        return;
    for (size_t i = 0; i < size; i++)
        key[i] = (char)toupper((unsigned char)name[i]);
    key[size] = 0;
}

bool camera_key_shorter(char key[96])
{
    size_t size = strlen(key);
    while (size && !strchr("_- .", key[size - 1]))
        size--;
    while (size && strchr("_- .", key[size - 1]))
        size--;
    key[size] = 0;
    return size >= 4;
}

bool camera_read(const char *name, text head, struct camera *c)
{
    const uint8_t *at = (const uint8_t *)head.at;
    *c = (struct camera){.part = -1};
    bool known = read_red(c, at, head.size) || read_arri(c, at, head.size) || read_mxf(c, head) ||
                 read_dng(c, at, head.size) ||
                 (head.size && ends(plain(name), " rmf ") && is(c, "rmf"));
    if (!known)
        read_canon(c, at, head.size);
    camera_name(name, c); // what the header did not say
    return known;
}
