// posthouse caption: captions and subtitles read, written, checked and retimed, without a server.
#include "cmd/caption.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <stdio.h>
#include <string.h>

enum { OUTPUT_BYTES = 256 << 20, SHOWN_GROUPS = 40 };

// ---- what is read, and as what

static bool label_option(const struct command_call *call, const char *name,
                         const struct tc_rate *rate, bool *said, int64_t *frames, struct error *err)
{
    const char *given = option_text(call, name);
    *said = given != NULL;
    if (!given || strcmp(given, "0") == 0) {
        *frames = 0;
        return true;
    }
    return tc_parse(text_of(given), rate, frames, err) || error_while(err, "--%s", name);
}

static bool format_option(const struct command_call *call, const char *name,
                          enum caption_format *format, struct error *err)
{
    const char *given = option_text(call, name);
    if (caption_format_named(text_of(given), format))
        return true;
    struct buf names = BUF_LIMIT(1024);
    for (int i = 0; i < CAPTION_FORMATS; i++)
        buf_format(&names, "%s%s", i ? ", " : "",
                   caption_format_facts((enum caption_format)i)->name);
    error_set(err, ERROR_USAGE, "--%s can not be '%s'", name, given);
    error_fix(err, "choose one of %s", names.at);
    buf_free(&names);
    return false;
}

bool caption_wish_of(const struct command_call *call, const char *path, struct caption_wish *wish,
                     struct error *err)
{
    const char *rate = option_text(call, "rate"), *scc = option_text(call, "scc-count");
    int64_t channel;
    *wish = (struct caption_wish){.name = path,
                                  .language = option_text(call, "language"),
                                  .made_ms = clock_now_ms(),
                                  .service_708 = option_flag(call, "708")};
    wish->rate = (struct tc_rate){{30000, 1001}, 30, 1, false};
    if (!option_int(call, "channel", 1, &channel) || channel < 1 || channel > 4) {
        error_set(err, ERROR_USAGE, "--channel is a number from 1 to 4");
        return error_fix(err, "1 is CC1, 3 is CC3");
    }
    wish->channel = (int)channel;
    if (scc && strcmp(scc, "df") != 0 && strcmp(scc, "ndf") != 0)
        return error_set(err, ERROR_USAGE, "--scc-count is df or ndf");
    wish->scc = !scc                     ? CAPTION_SCC_USUAL
                : strcmp(scc, "df") == 0 ? CAPTION_SCC_DROP
                                         : CAPTION_SCC_NON_DROP;
    wish->rate_said = rate != NULL;
    return (!rate || caption_rate_parse(text_of(rate), &wish->rate, err)) &&
           label_option(call, "start", &wish->rate, &wish->start_said, &wish->start, err);
}

bool caption_bytes(struct command_call *call, const char *path, text *bytes, struct error *err)
{
    struct buf content = BUF_LIMIT(CAPTION_INPUT_BYTES + 1);
    bool ok = file_read(path, &content, err);
    if (ok)
        *bytes = (text){arena_copy(call->arena, content.at ? content.at : "", content.size),
                        content.size};
    buf_free(&content);
    return ok;
}

bool caption_open(struct command_call *call, const char *path, struct caption_opened *o,
                  struct error *err)
{
    text bytes;
    *o = (struct caption_opened){.report = {.arena = call->arena}};
    if (!caption_wish_of(call, path, &o->wish, err) ||
        !caption_film(call, &o->wish, &o->film_frames, err) ||
        !caption_bytes(call, path, &bytes, err))
        return false;
    if (option_text(call, "from")) {
        if (!format_option(call, "from", &o->format, err))
            return false;
    } else if (!caption_format_of(bytes, path, &o->format)) {
        error_set(err, ERROR_UNSUPPORTED, "%s is no caption file that Posthouse knows", path);
        return error_fix(err, "say what it is with --from; `posthouse caption --help` lists all");
    }
    if (!captions_read(call->arena, bytes, o->format, &o->wish, &o->c, &o->report, err))
        return false;
    if (!o->c->rate_said && strcmp(call->words[0], "convert") != 0)
        caption_note_whole(&o->report, "rate",
                           "no rate is said: where frames are counted it is at 29.97; say --rate");
    return true;
}

// ---- the report

json_t *caption_notes_json(const struct caption_report *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->count; i++) {
        const struct caption_note *n = &r->notes[i];
        json_t *row = json_pack("{s:s, s:s}", "group", n->group, "what", n->what);
        if (n->cue)
            json_object_set_new(row, "cue", json_integer((json_int_t)n->cue));
        if (n->source)
            json_object_set_new(row, "line", json_integer((json_int_t)n->source));
        json_array_append_new(list, row);
    }
    return list;
}

// One line a group: how many, and the first as an example.
void caption_notes_print(const struct caption_report *r)
{
    const char *seen[SHOWN_GROUPS];
    size_t groups = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct caption_note *n = &r->notes[i];
        size_t k = 0, count = 0;
        while (k < groups && strcmp(seen[k], n->group) != 0)
            k++;
        if (k < groups || groups == SHOWN_GROUPS)
            continue;
        seen[groups++] = n->group;
        for (size_t j = i; j < r->count; j++)
            count += strcmp(r->notes[j].group, n->group) == 0;
        fprintf(stderr, "  %s: ", n->group);
        if (n->cue)
            fprintf(stderr, "cue %zu", n->cue);
        if (n->source)
            fprintf(stderr, " (line %zu)", n->source);
        fprintf(stderr, "%s%s", n->cue ? ": " : "", n->what);
        if (count > 1)
            fprintf(stderr, "; and %zu more", count - 1);
        fprintf(stderr, "\n");
    }
    if (r->more)
        fprintf(stderr, "  and %zu notes more\n", r->more);
}

// ---- convert

static bool output_format(struct command_call *call, const char *path, enum caption_format *format,
                          struct error *err)
{
    if (option_text(call, "to"))
        return format_option(call, "to", format, err);
    if (caption_format_of((text){0}, path, format))
        return true;
    error_set(err, ERROR_USAGE, "what %s is to be is not said", path);
    return error_fix(err, "say it with --to");
}

// The label that the target begins with: the input's, unless --to-start says another.
static bool target_start(const struct command_call *call, struct captions *c, struct error *err)
{
    bool said;
    int64_t start;
    if (!label_option(call, "to-start", &c->rate, &said, &start, err))
        return false;
    c->start = said ? start : c->start;
    return true;
}

bool caption_save(struct command_call *call, struct caption_opened *o, const char *path,
                  struct error *err)
{
    enum caption_format format;
    bool folder;
    int64_t size;
    struct buf out = BUF_LIMIT(OUTPUT_BYTES);
    if (!output_format(call, path, &format, err) || !target_start(call, o->c, err))
        return false;
    if (strcmp(path, "-") != 0 && file_look(path, &folder, &size) &&
        !option_flag(call, "overwrite")) {
        error_set(err, ERROR_CONFLICT, "%s is there already", path);
        return error_fix(err, "give another name, or --overwrite");
    }
    bool ok = captions_write(o->c, format, &o->wish, &out, &o->report, err);
    if (ok && strcmp(path, "-") == 0)
        ok = fwrite(out.at ? out.at : "", 1, out.size, stdout) == out.size && fflush(stdout) == 0;
    else if (ok)
        ok = file_write(path, out.at ? out.at : "", out.size, 0644, err);
    buf_free(&out);
    return ok;
}

int caption_finish(const struct command_call *call, const struct caption_opened *o,
                   const char *path)
{
    const struct caption_report *r = &o->report;
    if (option_flag(call, "json") && strcmp(path, "-") != 0) {
        json_t *all =
            json_pack("{s:s, s:I, s:o, s:I}", "file", path, "cues", (json_int_t)o->c->count,
                      "notes", caption_notes_json(r), "more", (json_int_t)r->more);
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(all);
    } else {
        fprintf(stderr, "%s: %zu cues%s\n", path, o->c->count,
                r->count ? ", not all of it can be said there:" : "");
        caption_notes_print(r);
    }
    return r->count && option_flag(call, "strict") ? 1 : 0;
}

static int convert(struct command_call *call)
{
    struct error err;
    struct caption_opened o;
    if (!caption_open(call, call->words[1], &o, &err) ||
        !caption_save(call, &o, call->words[2], &err))
        return command_failed(&err);
    return caption_finish(call, &o, call->words[2]);
}

// ---- info

static const char *const kinds[] = {"subtitles", "sdh", "forced", "captions"};

static json_t *cue_json(const struct captions *c, const struct caption_cue *cue, size_t number)
{
    char words[1000];
    caption_words(cue, words, sizeof(words));
    int64_t in = caption_frames(cue->in, c->rate.fps, ROUND_NEAREST),
            out = caption_frames(cue->out, c->rate.fps, ROUND_NEAREST);
    return json_pack("{s:I, s:I, s:I, s:I, s:s, s:s, s:s}", "cue", (json_int_t)number, "line",
                     (json_int_t)cue->source, "in", (json_int_t)in, "out", (json_int_t)out,
                     "in_timecode", tc_format(c->start + in, &c->rate).text, "out_timecode",
                     tc_format(c->start + out, &c->rate).text, "text", words);
}

static int info(struct command_call *call)
{
    int worst = 0;
    for (size_t i = 1; i < call->word_count; i++) {
        struct error err;
        struct caption_opened o;
        if (!caption_open(call, call->words[i], &o, &err)) {
            int status = command_failed(&err);
            worst = status > worst ? status : worst;
            continue;
        }
        const struct captions *c = o.c;
        const struct caption_cue *last = c->count ? &c->cues[c->count - 1] : NULL;
        if (option_flag(call, "json")) {
            json_t *cues = json_array();
            for (size_t k = 0; k < c->count; k++)
                json_array_append_new(cues, cue_json(c, &c->cues[k], k + 1));
            json_t *all =
                json_pack("{s:s, s:s, s:s, s:s%, s:s, s:o, s:o}", "file", call->words[i], "format",
                          caption_format_facts(o.format)->name, "kind", kinds[c->kind], "language",
                          c->language.at ? c->language.at : "", c->language.size, "rate",
                          rational_text(c->rate.fps).text, "cues", cues, "notes",
                          caption_notes_json(&o.report));
            json_dumpf(all, stdout, JSON_INDENT(2));
            printf("\n");
            json_decref(all);
            continue;
        }
        printf("%s: %s, %s, %zu cues%s%.*s\n", call->words[i],
               caption_format_facts(o.format)->title, kinds[c->kind], c->count,
               c->language.size ? ", in " : "", (int)c->language.size,
               c->language.size ? c->language.at : "");
        if (last)
            printf("  from %s to %s at %s%s%s\n",
                   tc_format(c->start + caption_frames(c->cues[0].in, c->rate.fps, ROUND_NEAREST),
                             &c->rate)
                       .text,
                   tc_format(c->start + caption_frames(last->out, c->rate.fps, ROUND_NEAREST),
                             &c->rate)
                       .text,
                   rate_name(c->rate.fps).text, c->rate.drop ? " drop-frame" : "",
                   c->rate_said ? "" : " (not said: give --rate)");
        caption_notes_print(&o.report);
    }
    return worst;
}

static int run(struct command_call *call)
{
    static const struct {
        const char *name;
        size_t least, most;
        int (*run)(struct command_call *call);
        const char *form;
    } verbs[] = {
        {"convert", 3, 3, convert, "convert IN OUT"},
        {"extract", 3, 3, caption_extract, "extract FILM OUT"},
        {"info", 2, 1000, info, "info FILE..."},
        {"check", 2, 1000, caption_check, "check FILE... --rules RULES"},
        {"retime", 3, 3, caption_retime,
         "retime IN OUT --speed 24:25 --offset FRAMES --keep PARTS"},
    };
    struct error err;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(call->words[0], verbs[i].name) != 0)
            continue;
        if (call->word_count >= verbs[i].least && call->word_count <= verbs[i].most)
            return verbs[i].run(call);
        error_set(&err, ERROR_USAGE, "caption %s is written otherwise", verbs[i].name);
        error_fix(&err, "its form is: posthouse caption %s", verbs[i].form);
        return command_failed(&err);
    }
    error_set(&err, ERROR_USAGE, "posthouse caption does not know '%s'", call->words[0]);
    error_fix(&err, "`posthouse caption --help` tells what there is");
    return command_failed(&err);
}

static const struct option_row options[] = {
    {"to", OPTION_TEXT, "FORMAT", "what to write; else as the ending of OUT says"},
    {"from", OPTION_TEXT, "FORMAT", "what the file is; else as its first bytes say"},
    {"rate", OPTION_TEXT, "RATE",
     "the programme's: 23.976, 24, 25, 29.97, 29.97df, 50, 59.94, ..."},
    {"start", OPTION_TEXT, "LABEL", "timecode of the programme's first frame, such as 00:59:58:00"},
    {"film", OPTION_TEXT, "FILE", "rate, start and length as this film has them"},
    {"to-start", OPTION_TEXT, "LABEL", "the same in the file written; else as in the file read"},
    {"language", OPTION_TEXT, "TAG", "language of the words (BCP 47), such as en-GB"},
    {"channel", OPTION_INT, "N", "reading 608: CC1 to CC4; 1"},
    {"708", OPTION_FLAG, NULL, "reading MCC and films: the 708 service and not 608"},
    {"scc-count", OPTION_TEXT, "df|ndf",
     "writing SCC: how its labels count; else as the rate asks"},
    {"rules", OPTION_TEXT, "RULES", "check: rules of data/rules/captions or a file; house"},
    {"cuts", OPTION_TEXT, "FILE", "check: where shots begin, a frame or a label a line"},
    {"duration", OPTION_TEXT, "FRAMES", "check: length of the programme, or as a label"},
    {"children", OPTION_FLAG, NULL, "check: children's reading speed"},
    {"speed", OPTION_TEXT, "FROM:TO", "retime: a frame of FROM is a frame of TO, such as 24:25"},
    {"offset", OPTION_TEXT, "FRAMES", "retime: so much later (-: earlier), or as a label"},
    {"keep", OPTION_TEXT, "PARTS", "retime: the parts kept, IN-OUT,IN-OUT,... in frames or labels"},
    {"strict", OPTION_FLAG, NULL, "exit status 1 when the target can not say everything"},
    {"overwrite", OPTION_FLAG, NULL, "write over OUT when it is there"},
    {"json", OPTION_FLAG, NULL, "print what was done and lost as JSON, for scripts"},
    {0}};
const struct command command_caption = {
    "caption",
    "convert IN OUT | check FILE... | retime IN OUT | extract FILM OUT | info FILE...",
    "convert and check captions and subtitles",
    "convert  reads captions of one format and writes another. What the target can not say is "
    "listed,\n"
    "         cue by cue with --json; nothing goes away unnoticed. OUT may be - (standard "
    "output).\n"
    "check    tests captions against rules, which are data: reading speed, gaps, overlaps, "
    "lengths, cuts,\n"
    "         letters. Each finding names file, line, cue and timecode; exit status 1 when there "
    "is one.\n"
    "retime   lets captions follow their picture: parts kept (OUT is behind the last frame), "
    "another\n"
    "         speed, an offset.\n"
    "extract  takes the closed captions out of a film: 608 and 708 in its pictures, or a track of "
    "608\n"
    "         (c608); else its first track of text. Rate and start come from the film.\n"
    "info     says what a caption file is; with --json all its cues.\n"
    "\n"
    "FORMAT is one of srt, vtt (WebVTT), scc (608), mcc (608 and 708), ttml, dfxp, imsc (IMSC 1.1\n"
    "text), itt (iTunes), ebu-stl, spruce-stl.\n"
    "Times are frames of the programme. Formats with labels (scc, mcc, itt, both stl) count from\n"
    "--start, the timecode of its first frame; the others count media time from 0. SCC counts "
    "29.97\n"
    "frames a second whatever --rate is; its labels go through real time. Apple wants iTT that\n"
    "begins at 0: --to-start 0.",
    options,
    2,
    0,
    run,
};
