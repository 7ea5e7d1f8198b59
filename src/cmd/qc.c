// posthouse qc: a file measured and judged, without a server.
#include "house/qc/qc.h"
#include "cmd/media.h"
#include "cmd/qc_captions.h"
#include "cmd/settings.h"
#include "house/deliver/checks.h"
#include "plat/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PICTURES_MOST = 200, MEASURE_BYTES = 2000000000 };

struct checking {
    struct command_call *call;
    struct media media;
    json_t *facts, *profile, *rules, *report, *frames;
    char folder[4096]; // for what the engine writes; removed at the end
    int64_t *cuts;
    size_t cut_count;
    const char *pictures; // where pictures are; NULL: none were made
    struct buf jpeg;
};

static bool read_measure(struct checking *c, struct measure **m, struct error *err)
{
    char path[4200];
    struct buf content = BUF_LIMIT(MEASURE_BYTES);
    snprintf(path, sizeof(path), "%s/measure.phm", c->folder);
    bool ok =
        file_read(path, &content, err) && measure_read((text){content.at, content.size}, m, err);
    buf_free(&content);
    unlink(path);
    return ok;
}

static bool judge(struct checking *c, struct error *err)
{
    struct measure *m = NULL;
    json_t *result = NULL;
    bool ok = media_measure(c->call, &c->media, c->facts, c->folder, option_flag(c->call, "json"),
                            &result, err) &&
              read_measure(c, &m, err);
    if (ok) {
        c->report = qc_judge(m, c->rules);
        c->cut_count = qc_cuts(m, &c->cuts);
        qc_report_bytes(c->report, json_object_get(result, "bytes"), NULL);
    }
    json_decref(result);
    measure_close(m);
    return ok;
}

// What a profile asks is held against what the file is; a difference is a finding.
static bool check_captions(struct checking *c, struct error *err)
{
    return qc_captions(
        c->call,
        &(struct qc_captions_wish){c->facts, c->profile,
                                   json_string_value(json_object_get(c->rules, "captions")),
                                   c->cuts, c->cut_count},
        c->report, err);
}

static void check_profile(struct checking *c)
{
    const char *name = option_text(c->call, "profile");
    json_t *row;
    size_t i;
    bool all;
    if (!name)
        return;
    json_t *checks = deliver_profile_checks(c->profile, c->facts, &all);
    json_array_foreach(checks, i, row)
    {
        if (!json_is_false(json_object_get(row, "ok")))
            continue;
        char seen[300];
        snprintf(seen, sizeof(seen), "%s: %s", json_string_value(json_object_get(row, "what")),
                 json_string_value(json_object_get(row, "seen")));
        qc_report_add(c->report,
                      json_pack("{s:s, s:s, s:s, s:O, s:s, s:s, s:O, s:s}", "rule", "profile",
                                "check", "profile", "clause", name, "source",
                                json_object_get(c->profile, "title"), "severity", "fix", "seen",
                                seen, "allowed", json_object_get(row, "wanted"), "where", ""));
    }
    json_decref(checks);
}

static bool make_pictures(struct checking *c, struct error *err)
{
    const char *wanted = option_text(c->call, "pictures");
    bool paper = option_text(c->call, "html") || option_text(c->call, "pdf");
    json_t *result = NULL;
    c->frames = qc_report_frames(c->report, PICTURES_MOST);
    bool film = json_array_size(json_object_get(c->facts, "video")) > 0;
    if ((!wanted && !paper) || !json_array_size(c->frames) || !film)
        return true;
    c->pictures = wanted ? wanted : c->folder;
    if (!folder_make(c->pictures, 0755, err))
        return false;
    bool ok = media_stills(c->call, &c->media, c->facts, c->frames, c->pictures,
                           option_flag(c->call, "json"), &result, err);
    json_decref(result);
    return ok;
}

static const struct buf *picture_of(void *context, int64_t frame)
{
    struct checking *c = context;
    char path[4300];
    struct error none;
    buf_free(&c->jpeg);
    if (!c->pictures)
        return NULL;
    snprintf(path, sizeof(path), "%s/frame-%07lld.jpg", c->pictures, (long long)frame);
    return file_read(path, &c->jpeg, &none) ? &c->jpeg : NULL;
}

static bool write_paper(struct checking *c, const char *option,
                        void (*make)(const json_t *, const char *, qc_picture *, void *,
                                     struct buf *),
                        struct error *err)
{
    const char *path = option_text(c->call, option);
    const char *name = strrchr(c->media.name, '/');
    struct buf paper = BUF_LIMIT(1 << 30);
    if (!path)
        return true;
    make(c->report, name ? name + 1 : c->media.name, picture_of, c, &paper);
    bool ok = file_write(path, paper.at, paper.size, 0644, err);
    buf_free(&paper);
    return ok;
}

static const char *word(const json_t *o, const char *name)
{
    const char *value = json_string_value(json_object_get(o, name));
    return value ? value : "";
}

static void print_report(const struct checking *c)
{
    const json_t *f, *counts = json_object_get(c->report, "counts");
    size_t i;
    printf("%s\n", c->media.name);
    const json_t *bytes = json_object_get(c->report, "bytes");
    if (bytes && *word(bytes, "sha256"))
        printf("  SHA-256      %s\n", word(bytes, "sha256"));
    if (*word(c->report, "standing"))
        printf("  rules        %s, %s: %s\n", word(c->report, "title"), word(c->report, "standing"),
               word(json_object_get(c->report, "source"), "title"));
    json_array_foreach(json_object_get(c->report, "sound"), i, f)
    {
        char line[QC_SOUND_ROOM];
        qc_sound_text(f, line);
        printf("  %s\n", line);
    }
    json_array_foreach(json_object_get(c->report, "findings"), i, f)
    {
        char place[100] = "whole file";
        if (json_object_get(f, "from"))
            snprintf(place, sizeof(place), "%s frames %lld-%lld", word(f, "timecode"),
                     json_integer_value(json_object_get(f, "from")),
                     json_integer_value(json_object_get(f, "to")));
        printf("  %-12s %s%s%s: %s\n  %12s allowed: %s (%s, %s)\n", word(f, "severity"), place,
               *word(f, "where") ? ", " : "", word(f, "where"), word(f, "seen"), "",
               word(f, "allowed"), word(f, "rule"), word(f, "clause"));
    }
    printf("%s: %lld to fix, %lld issues, %lld for information\n", word(c->report, "verdict"),
           json_integer_value(json_object_get(counts, "fix")),
           json_integer_value(json_object_get(counts, "issue")),
           json_integer_value(json_object_get(counts, "information")));
}

// The set that is asked for, else the profile's, else the house's; of loudness what the profile
// says.
static bool choose_rules(struct checking *c, struct error *err)
{
    const char *rules = option_text(c->call, "rules"), *profile = option_text(c->call, "profile");
    if (profile && !media_profile(c->call, profile, &c->profile, err))
        return false;
    const char *its = json_string_value(json_object_get(c->profile, "qc"));
    if (!media_rules(c->call, rules ? rules : its ? its : "broadcast", &c->rules, err))
        return false;
    json_t *whole = qc_rules_for(c->rules, c->profile);
    json_decref(c->rules);
    c->rules = whole;
    return true;
}

static bool work(struct checking *c, struct error *err)
{
    return choose_rules(c, err) && media_open(c->call, c->call->words[0], &c->media, err) &&
           media_probe(c->call, &c->media, &c->facts, err) && judge(c, err) &&
           check_captions(c, err) && (check_profile(c), true) && make_pictures(c, err) &&
           write_paper(c, "html", qc_report_html, err) && write_paper(c, "pdf", qc_report_pdf, err);
}

static int run(struct command_call *call)
{
    struct checking c = {.call = call, .jpeg = BUF_LIMIT(64 << 20)};
    struct error err, ignored;
    const char *base = getenv("TMPDIR");
    snprintf(c.folder, sizeof(c.folder), "%s/posthouse-qc-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(c.folder)) {
        error_set(&err, ERROR_IO, "cannot make a folder in %s", base && *base ? base : "/tmp");
        return command_failed(&err);
    }
    int status;
    if (!work(&c, &err)) {
        status = command_failed(&err);
    } else {
        if (option_flag(call, "json")) {
            json_dumpf(c.report, stdout, JSON_INDENT(2));
            printf("\n");
        } else {
            print_report(&c);
        }
        status = strcmp(word(c.report, "verdict"), "fix") == 0 ? 1 : 0;
    }
    (void)!folder_remove(c.folder, &ignored);
    buf_free(&c.jpeg);
    json_decref(c.report);
    json_decref(c.frames);
    free(c.cuts);
    json_decref(c.rules);
    json_decref(c.profile);
    json_decref(c.facts);
    media_close(&c.media);
    return status;
}

static const struct option_row options[] = {
    {"rules", OPTION_TEXT, "NAME",
     "the rules: a name in data/rules/qc, or a file; those of the profile, or broadcast, unless "
     "given"},
    {"profile", OPTION_TEXT, "NAME",
     "hold the file against a profile too (`posthouse profile list`), and its loudness"},
    {"captions", OPTION_LIST, "FILE[:LANG[:ROLE]]",
     "captions that go with it, again for each file; a profile says which languages must be"},
    {"caption-rules", OPTION_TEXT, "RULES",
     "what they are checked by: a name in data/rules/captions, or a file; those of the rules, or "
     "house"},
    {"html", OPTION_TEXT, "FILE", "write the report as a page, with pictures"},
    {"pdf", OPTION_TEXT, "FILE", "write the report as a PDF, with pictures"},
    {"pictures", OPTION_TEXT, "DIR", "keep a picture of each finding there"},
    {"json", OPTION_FLAG, NULL, "print the report as JSON, for scripts"},
    {0},
};
const struct command command_qc = {
    "qc",
    "FILE",
    "check a master: picture, sound, container",
    "Measures every frame and every sample of FILE (or an image sequence) in the sandboxed engine "
    "and\n"
    "lays rules on the numbers: black, frozen, repeated, missing and broken frames, flashes (a "
    "pre-check\n"
    "of ITU-R BT.1702, no certificate), levels, interlace and cadence, dead pixels, letterbox, "
    "silence,\n"
    "holes, clipping, clicks, phase, channels, loudness, true peak, lengths, sync, container, "
    "timecode.\n"
    "Loudness is the programme's (gated), or with a profile or rules that ask for it that of "
    "dialogue: over "
    "what\na detector takes for speech, which is approximate and said, with its share.\n"
    "Captions that go with it are findings too: of another programme, unreadable, missing, against "
    "rules.\n"
    "Each finding says the rule and its clause, where to the frame, what was seen and what is "
    "allowed.\n"
    "Exit status: 0 nothing to fix, 1 something to fix, 3 it could not be checked.",
    options,
    1,
    1,
    run,
};
