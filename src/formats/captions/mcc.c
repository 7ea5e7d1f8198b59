/*
 * MacCaption MCC 1.0: after a head of comments and "Name=value" lines, a line a frame: a label, a
 * tab, and an ancillary packet (DID 61, SDID 01) with a caption distribution packet in hex. Runs of
 * bytes that come often are single letters:
 *
 *   G..O  FA 00 00, once to nine times    P  FB 80 80    Q  FC 80 80    R  FD 80 80
 *   S  96 69    T  61 01    U  E1 00 00 00    Z  00
 *
 * Written are the frames that carry something: 608 as CC1 and 708 as service 1, both.
 */
#include "formats/captions/cc.h"
#include "formats/captions/inside.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    struct tc_rate rate;
} rates[] = {
    {"24", {{24000, 1001}, 24, 1, false}},  {"25", {{25, 1}, 25, 1, false}},
    {"30", {{30000, 1001}, 30, 1, false}},  {"30DF", {{30000, 1001}, 30, 1, true}},
    {"50", {{50, 1}, 50, 1, false}},        {"60", {{60000, 1001}, 60, 1, false}},
    {"60DF", {{60000, 1001}, 60, 1, true}},
};
#define RATES (sizeof(rates) / sizeof(rates[0]))

struct mcc {
    struct captions *c, *c708;
    const struct caption_wish *wish;
    struct caption_report *report;
    struct cc_decoder *d608;
    struct cc_708_decoder *d708;
    struct tc_rate rate;
    bool rate_said;
    int64_t start, last;
    size_t at;
    bool damage_noted;
};

static size_t unpack(text t, uint8_t *to, size_t room)
{
    static const struct {
        char letter;
        uint8_t size, at[4];
    } short_for[] = {{'P', 3, {0xfb, 0x80, 0x80}},
                     {'Q', 3, {0xfc, 0x80, 0x80}},
                     {'R', 3, {0xfd, 0x80, 0x80}},
                     {'S', 2, {0x96, 0x69}},
                     {'T', 2, {0x61, 0x01}},
                     {'U', 4, {0xe1, 0, 0, 0}},
                     {'Z', 1, {0}}};
    size_t n = 0;
    for (size_t i = 0; i < t.size; i++) {
        char c = t.at[i];
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 32);
        if (c >= 'G' && c <= 'O') {
            for (int k = 0; k <= c - 'G' && n + 3 <= room; k++)
                memcpy(to + n, "\xfa\0\0", 3), n += 3;
            continue;
        }
        size_t s = 0;
        while (s < sizeof(short_for) / sizeof(short_for[0]) && short_for[s].letter != c)
            s++;
        if (s < sizeof(short_for) / sizeof(short_for[0])) {
            if (n + short_for[s].size <= room)
                memcpy(to + n, short_for[s].at, short_for[s].size), n += short_for[s].size;
            continue;
        }
        int digits[2];
        for (int k = 0; k < 2; k++) {
            char x = i + (size_t)k < t.size ? t.at[i + (size_t)k] : 0;
            x = x >= 'a' && x <= 'z' ? (char)(x - 32) : x;
            digits[k] = x >= '0' && x <= '9' ? x - '0' : x >= 'A' && x <= 'F' ? x - 'A' + 10 : -1;
        }
        if (digits[0] < 0 || digits[1] < 0)
            return 0;
        if (n < room)
            to[n++] = (uint8_t)(digits[0] << 4 | digits[1]);
        i++;
    }
    return n;
}

static bool begin(struct mcc *m)
{
    // "24" is written for 23.976 and 24, "30" for 29.97 and 30: the programme knows.
    const struct tc_rate *asked = &m->wish->rate;
    if (m->wish->rate_said && asked->base == m->rate.base && asked->frames_per_label == 1)
        m->rate.fps = asked->fps, m->rate.drop = m->rate.drop && asked->fps.den == 1001;
    if (!m->wish->rate_said)
        captions_counted(m->c, &m->rate);
    m->start = label_frames(m->c->start, &m->c->rate, &m->rate);
    m->last = INT64_MIN;
    m->rate_said = true;
    return true;
}

static bool head_line(struct mcc *m, text line)
{
    text value = line;
    text name = text_trim(text_cut(&value, '='));
    value = text_trim(value);
    if (!text_is(name, "Time Code Rate"))
        return true;
    for (size_t i = 0; i < RATES; i++)
        if (text_is(value, rates[i].name)) {
            m->rate = rates[i].rate;
            return true;
        }
    return false;
}

static bool triples(struct mcc *m, int64_t frame, const uint8_t *t, int count, struct error *err)
{
    int64_t ticks = caption_ticks(frame - m->start, m->rate.fps);
    int field = m->wish->channel > 2 ? 1 : 0;
    for (int i = 0; i < count; i++, t += 3) {
        int type = t[0] & 3;
        if (!(t[0] & 4))
            continue;
        if (type < 2 ? type == field && !cc_decode_pair(m->d608, ticks, t[1], t[2], m->at, err)
                     : !cc_708_triple(m->d708, ticks, type, t[1], t[2], m->at, err))
            return false;
    }
    return true;
}

static bool data_line(struct mcc *m, text line, struct error *err)
{
    text words = line;
    text label = text_cut(&words, '\t');
    int64_t frame;
    struct error why;
    struct tc_rate of = m->rate;
    of.drop = of.drop ||
              (label.size > 8 && label.at[8] == ';' && of.base % 30 == 0 && of.fps.den == 1001);
    // Some have a ".0" or ",1" (field, line) behind the label.
    text first = label;
    if (label.size > 11)
        first.size = 11;
    if (!tc_parse(first, &of, &frame, &why))
        return caption_damaged(err, m->wish, m->at, "%s: %s", why.what, why.why);
    if (frame < m->last)
        return caption_damaged(err, m->wish, m->at, "its time is before that of the line above");
    m->last = frame;
    uint8_t bytes[300];
    const uint8_t *t;
    int count;
    size_t size = unpack(text_trim(words), bytes, sizeof(bytes));
    if (!size)
        return caption_damaged(err, m->wish, m->at, "what follows the time is not hex");
    if (size < 4 || bytes[0] != 0x61 || bytes[1] != 0x01)
        return true; // ancillary data of another kind
    if (!cc_cdp_read(bytes + 3, size - 3, &t, &count)) {
        if (!m->damage_noted)
            caption_note(m->report, "damage", m->c, NULL,
                         "line %zu: its caption packet can not be read and is left out", m->at);
        m->damage_noted = true;
        return true;
    }
    return triples(m, frame, t, count, err);
}

static void on_frames(struct captions *c, const struct tc_rate *counted)
{
    if (!c->rate_said || rational_equal(c->rate.fps, counted->fps))
        return;
    for (size_t i = 0; i < c->count; i++) {
        struct caption_cue *cue = &c->cues[i];
        cue->in = caption_ticks(caption_frames(cue->in, c->rate.fps, ROUND_NEAREST), c->rate.fps);
        cue->out = caption_ticks(caption_frames(cue->out, c->rate.fps, ROUND_NEAREST), c->rate.fps);
    }
}

bool mcc_read(struct captions *c, text bytes, const struct caption_wish *wish,
              struct caption_report *report, struct error *err)
{
    struct mcc m = {.c = c, .wish = wish, .report = report, .rate = rates[2].rate};
    text rest = text_as_utf8(c->arena, bytes, report), line;
    c->kind = CAPTION_KIND_CC;
    m.c708 = captions_new(c->arena, wish);
    m.d608 = cc_decoder_open(c, wish->channel, report);
    m.d708 = cc_708_open(m.c708, report);
    if (!take_line(&rest, &line) || !text_starts(text_trim(line), "File Format=MacCaption_MCC"))
        return caption_damaged(err, wish, 1, "an MCC file begins with File Format=MacCaption_MCC");
    for (m.at = 2; take_line(&rest, &line); m.at++) {
        line = text_trim(line);
        if (!line.size || text_starts(line, "//"))
            continue;
        if (line.at[0] < '0' || line.at[0] > '9') {
            if (!head_line(&m, line))
                return caption_damaged(err, wish, m.at, "its time code rate is not known");
            continue;
        }
        if (!m.rate_said && !begin(&m))
            return false;
        if (!data_line(&m, line, err))
            return false;
    }
    if (!cc_decode_end(m.d608, err) || !cc_708_end(m.d708, err))
        return false;
    if (wish->service_708 || (!c->count && m.c708->count))
        c->cues = m.c708->cues, c->count = m.c708->count, c->room = m.c708->room;
    on_frames(c, &m.rate);
    return true;
}

// ---- writing

static void pack(struct buf *to, const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t left = size - i, n = 0;
        while (n < 9 && left >= 3 * (n + 1) && memcmp(at + i + 3 * n, "\xfa\0\0", 3) == 0)
            n++;
        if (n) {
            buf_format(to, "%c", (char)('F' + n));
            i += 3 * n;
        } else if (left >= 3 && memcmp(at + i, "\xfc\x80\x80", 3) == 0) {
            buf_text(to, "Q"), i += 3;
        } else if (left >= 3 && memcmp(at + i, "\xfd\x80\x80", 3) == 0) {
            buf_text(to, "R"), i += 3;
        } else if (left >= 2 && memcmp(at + i, "\x96\x69", 2) == 0) {
            buf_text(to, "S"), i += 2;
        } else if (left >= 2 && memcmp(at + i, "\x61\x01", 2) == 0) {
            buf_text(to, "T"), i += 2;
        } else if (at[i] == 0) {
            buf_text(to, "Z"), i++;
        } else {
            buf_format(to, "%02X", at[i++]);
        }
    }
}

static const char *rate_word(const struct tc_rate *rate)
{
    for (size_t i = 0; i < RATES; i++)
        if (rates[i].rate.base == rate->base && rates[i].rate.drop == rate->drop)
            return rates[i].name;
    return NULL;
}

static void write_frame(const struct captions *c, struct buf *to, int64_t frame,
                        const uint8_t *first, const uint8_t *second, const struct cc_block *block,
                        int *packets, int number)
{
    uint8_t triples_[CC_TRIPLES * 3], bytes[300];
    int count = cc_triples_a_frame(c->rate.fps);
    cc_data_make(triples_, count, first, second, block, *packets & 3);
    *packets += block && block->size;
    bytes[0] = 0x61, bytes[1] = 0x01;
    size_t size = cc_cdp_make(bytes + 3, c->rate.fps, triples_, count, number & 0xffff);
    bytes[2] = (uint8_t)size;
    uint8_t sum = 0;
    for (size_t i = 0; i < size + 3; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[size + 3] = sum;
    buf_format(to, "%s\t", tc_format(c->start + frame, &c->rate).text);
    pack(to, bytes, size + 4);
    buf_text(to, "\n");
}

// The format's makers (Computer Prompting and Captioning Company) let others write it on condition
// that this text stands in every file.
static const char conditions[] =
    "///////////////////////////////////////////////////////////////////////////////////\n"
    "// Computer Prompting and Captioning Company\n"
    "// Ancillary Data Packet Transfer File\n"
    "//\n"
    "// Permission to generate this format is granted provided that\n"
    "//   1. This ANC Transfer file format is used on an as-is basis and no warranty is given, "
    "and\n"
    "//   2. This entire descriptive information text is included in a generated .mcc file.\n"
    "//\n"
    "// General file format:\n"
    "//   HH:MM:SS:FF(tab)[Hexadecimal ANC data in groups of 2 characters]\n"
    "//     Hexadecimal data starts with the Ancillary Data Packet DID (Data ID defined in S291M)\n"
    "//       and concludes with the Check Sum following the User Data Words.\n"
    "//     Each time code line must contain at most one complete ancillary data packet.\n"
    "//     To transfer additional ANC Data successive lines may contain identical time code.\n"
    "//     Time Code Rate=[24, 25, 30, 30DF, 50, 60]\n"
    "//\n"
    "//   ANC data bytes may be represented by one ASCII character according to the following "
    "schema:\n"
    "//     G  FAh 00h 00h\n//     H  2 x (FAh 00h 00h)\n//     I  3 x (FAh 00h 00h)\n"
    "//     J  4 x (FAh 00h 00h)\n//     K  5 x (FAh 00h 00h)\n//     L  6 x (FAh 00h 00h)\n"
    "//     M  7 x (FAh 00h 00h)\n//     N  8 x (FAh 00h 00h)\n//     O  9 x (FAh 00h 00h)\n"
    "//     P  FBh 80h 80h\n//     Q  FCh 80h 80h\n//     R  FDh 80h 80h\n//     S  96h 69h\n"
    "//     T  61h 01h\n//     U  E1h 00h 00h 00h\n//     Z  00h\n//\n"
    "///////////////////////////////////////////////////////////////////////////////////\n";

// The same captions have the same id (a UUID of version 8).
static void add_uuid(const struct captions *c, struct buf *to)
{
    uint64_t a = 0xcbf29ce484222325u, b = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < c->count; i++) {
        char words[512];
        size_t size = caption_words(&c->cues[i], words, sizeof(words));
        for (size_t k = 0; k < size; k++)
            a = (a ^ (uint8_t)words[k]) * 0x100000001b3u;
        b = (b ^ (uint64_t)c->cues[i].in ^ a) * 0x100000001b3u;
    }
    buf_format(to, "UUID=%08X-%04X-8%03X-%04X-%012llX\n", (unsigned)(a >> 32),
               (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff,
               0x8000 | ((unsigned)(b >> 48) & 0x3fff), (unsigned long long)(b & 0xffffffffffffu));
}

static void head(const struct captions *c, const struct caption_wish *wish, const char *rate,
                 struct buf *to)
{
    char day[64], hour[32];
    time_t at = (time_t)(wish->made_ms / 1000);
    struct tm parts;
    gmtime_r(&at, &parts);
    strftime(day, sizeof(day), "%A, %B %d, %Y", &parts);
    strftime(hour, sizeof(hour), "%H:%M:%S", &parts);
    buf_text(to, "File Format=MacCaption_MCC V1.0\n\n");
    buf_text(to, conditions);
    buf_text(to, "\n");
    add_uuid(c, to);
    buf_format(to, "Creation Program=Posthouse\nCreation Date=%s\nCreation Time=%s\n", day, hour);
    buf_format(to, "Time Code Rate=%s\n\n", rate);
}

bool mcc_write(const struct captions *c, const struct caption_wish *wish, struct buf *to,
               struct caption_report *report, struct error *err)
{
    const char *word = c->rate_said && c->rate.frames_per_label == 1 ? rate_word(&c->rate) : NULL;
    if (!word) {
        error_set(err, ERROR_INPUT,
                  "MCC needs a programme at 23.976, 24, 25, 29.97, 30, 50, 59.94 or 60");
        return error_fix(err, "say it with --rate");
    }
    // 608 has a pair for two frames of 50 and 60.
    bool halves = c->rate.base > 30;
    rational pair_rate = {c->rate.fps.num, c->rate.fps.den * (halves ? 2 : 1)};
    int64_t lead = c->start < 900 ? c->start : 900;
    lead -= halves ? lead % 2 : 0;
    struct cc_608 pairs;
    struct cc_708 blocks;
    if (!cc_encode_608(c, pair_rate, halves ? lead / 2 : lead, &pairs, report, err) ||
        !cc_encode_708(c, c->rate.fps, lead, &blocks, report, err))
        return false;
    head(c, wish, word, to);
    int packets = 0, number = 0;
    for (int64_t i = 0; i < blocks.count; i++) {
        int64_t pair = halves ? (i % 2 ? -1 : i / 2) : i;
        const uint8_t *p = pair >= 0 && pair < pairs.count ? pairs.at[pair] : NULL;
        bool idle = !p || (p[0] == 0x80 && p[1] == 0x80);
        if (!idle || blocks.at[i].size)
            write_frame(c, to, i - lead, !idle ? p : halves && i % 2 ? NULL : CC_NOTHING,
                        halves && i % 2 == 0 ? NULL : CC_NOTHING, &blocks.at[i], &packets,
                        number++);
    }
    return true;
}
