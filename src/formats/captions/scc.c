/*
 * Scenarist closed captions: "Scenarist_SCC V1.0", then lines of a label, a tab, and words of four
 * hex digits: pairs of 608 of field 1, a pair a frame.
 *
 * Labels always count 30000/1001 frames a second, whatever the picture runs at: drop-frame when the
 * mark before the frames is ';', else not. So a label is turned into real time since the
 * programme's first label read the same way, and that is laid on the nearest frame of the
 * programme. At 23.976 non-drop labels and the picture's go second for second; drop-frame ones keep
 * to the clock.
 *
 * A line whose words are not all sent when the next line's time comes delays that one, as it does
 * in an encoder.
 */
#include "formats/captions/c608.h"
#include "formats/captions/cc.h"
#include "formats/captions/inside.h"

static const rational scc_rate = {30000, 1001};

static struct tc_rate counting(bool drop)
{
    return (struct tc_rate){scc_rate, 30, 1, drop};
}

// The programme's first label, in SCC's counting.
static int64_t start_of(const struct captions *c, bool drop)
{
    struct tc_rate of = counting(drop);
    return label_frames(c->start, &c->rate, &of);
}

// ---- reading

static bool hex_word(text t, uint8_t to[2])
{
    if (t.size != 4)
        return false;
    unsigned value = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = t.at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return false;
        value = value << 4 | (unsigned)digit;
    }
    to[0] = (uint8_t)(value >> 8), to[1] = (uint8_t)value;
    return true;
}

struct reading {
    struct captions *c;
    const struct caption_wish *wish;
    struct caption_report *report;
    struct cc_decoder *decoder;
    bool begun, drop, mixed, late;
    int64_t start, next, last; // frames of SCC: of the programme's start, free, of the last line
    size_t at;
};

static bool read_label(struct reading *r, text label, int64_t *frame, struct error *err)
{
    bool drop = label.size > 8 && label.at[8] != ':';
    struct tc_rate of = counting(drop);
    struct error why;
    if (!tc_parse(label, &of, frame, &why))
        return caption_damaged(err, r->wish, r->at, "%s: %s", why.what, why.why);
    if (!r->begun) {
        r->begun = true, r->drop = drop;
        if (!r->wish->rate_said)
            captions_counted(r->c, &of);
        r->start = r->last = start_of(r->c, drop);
        r->next = INT64_MIN;
    } else if (drop != r->drop && !r->mixed) {
        caption_note(r->report, "time", r->c, NULL,
                     "line %zu: drop-frame and other labels are mixed", r->at);
        r->mixed = true;
    }
    return true;
}

static bool read_words(struct reading *r, int64_t frame, text words, struct error *err)
{
    while (words.size) {
        size_t n = 0;
        while (n < words.size && words.at[n] != ' ' && words.at[n] != '\t')
            n++;
        uint8_t pair[2];
        if (n) {
            if (!hex_word((text){words.at, n}, pair))
                return caption_damaged(err, r->wish, r->at,
                                       "'%.*s' is not a word of four hex digits",
                                       (int)(n < 20 ? n : 20), words.at);
            int64_t ticks = caption_ticks(frame - r->start, scc_rate);
            if (!cc_decode_pair(r->decoder, ticks, pair[0], pair[1], r->at, err))
                return false;
            frame++;
        }
        words.at += n + (n < words.size), words.size -= n + (n < words.size);
    }
    r->next = frame;
    return true;
}

static bool read_line(struct reading *r, text line, struct error *err)
{
    size_t n = 0;
    while (n < line.size && line.at[n] != ' ' && line.at[n] != '\t')
        n++;
    int64_t frame;
    if (!read_label(r, (text){line.at, n}, &frame, err))
        return false;
    if (r->next != INT64_MIN && frame < r->last)
        return caption_damaged(err, r->wish, r->at, "its time is before that of the line above");
    r->last = frame;
    if (r->next != INT64_MIN && frame < r->next) {
        if (!r->late)
            caption_note(r->report, "load time", r->c, NULL,
                         "line %zu begins while the one above is still being sent (%lld frames): "
                         "such lines come late, as they do on air",
                         r->at, (long long)(r->next - frame));
        r->late = true;
        frame = r->next;
    }
    return read_words(r, frame, (text){line.at + n, line.size - n}, err);
}

bool scc_read(struct captions *c, text bytes, const struct caption_wish *wish,
              struct caption_report *report, struct error *err)
{
    text rest = text_as_utf8(c->arena, bytes, report), line;
    struct reading r = {.c = c, .wish = wish, .report = report};
    c->kind = CAPTION_KIND_CC;
    if (!take_line(&rest, &line) || !text_starts(text_trim(line), "Scenarist_SCC"))
        return caption_damaged(err, wish, 1, "an SCC file begins with the line Scenarist_SCC V1.0");
    r.decoder = cc_decoder_open(c, wish->channel > 2 ? wish->channel - 2 : wish->channel, report);
    for (r.at = 2; take_line(&rest, &line); r.at++)
        if (text_trim(line).size && !read_line(&r, text_trim(line), err))
            return false;
    if (!cc_decode_end(r.decoder, err))
        return false;
    if (wish->rate_said && !rational_equal(wish->rate.fps, scc_rate))
        for (size_t i = 0; i < c->count; i++) {
            struct caption_cue *cue = &c->cues[i];
            cue->in =
                caption_ticks(caption_frames(cue->in, c->rate.fps, ROUND_NEAREST), c->rate.fps);
            cue->out =
                caption_ticks(caption_frames(cue->out, c->rate.fps, ROUND_NEAREST), c->rate.fps);
        }
    return true;
}

// ---- writing

bool scc_write(const struct captions *c, const struct caption_wish *wish, struct buf *to,
               struct caption_report *report, struct error *err)
{
    bool drop = wish->scc == CAPTION_SCC_DROP ||
                (wish->scc == CAPTION_SCC_USUAL &&
                 (c->rate.drop || rational_equal(c->rate.fps, (rational){25, 1}) ||
                  rational_equal(c->rate.fps, (rational){50, 1})));
    struct tc_rate of = counting(drop);
    int64_t start = start_of(c, drop);
    struct cc_608 pairs;
    if (!cc_encode_608(c, scc_rate, start < 1800 ? start : 1800, &pairs, report, err))
        return false;
    buf_text(to, "Scenarist_SCC V1.0\n");
    for (int64_t i = 0; i < pairs.count; i++) {
        const uint8_t *p = pairs.at[i];
        bool idle = p[0] == 0x80 && p[1] == 0x80;
        if (idle)
            continue;
        bool begins = i == 0 || (pairs.at[i - 1][0] == 0x80 && pairs.at[i - 1][1] == 0x80);
        if (begins)
            buf_format(to, "\n%s\t", tc_format(start + i - pairs.lead, &of).text);
        bool ends =
            i + 1 == pairs.count || (pairs.at[i + 1][0] == 0x80 && pairs.at[i + 1][1] == 0x80);
        buf_format(to, "%02x%02x%s", p[0], p[1], ends ? "\n" : " ");
    }
    return true;
}
