// posthouse transcode: a file made into a profile, probed and compared, without a server.
#include "cmd/beside.h"
#include "cmd/film_captions.h"
#include "cmd/ladder.h"
#include "cmd/master.h"
#include "cmd/record.h"
#include "formats/profile/burn.h"
#include "formats/profile/profile.h"
#include "house/deliver/checks.h"
#include "house/deliver/record.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "tickets/make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

// "Reel 2.mov" and ".mxf" give "Reel 2.mxf"; "shot.####.exr" gives "shot.mxf".
static const char *output_name(struct command_call *call, const char *from, const char *extension)
{
    const char *name = strrchr(from, '/');
    name = name ? name + 1 : from;
    const char *end = strrchr(name, '.');
    size_t size = end && end != name ? (size_t)(end - name) : strlen(name);
    while (size && (name[size - 1] == '#' || name[size - 1] == '.' || name[size - 1] == '_'))
        size--;
    return arena_format(call->arena, "%.*s%s", (int)size, name, extension);
}

static void print_checks(const json_t *checks)
{
    size_t i;
    const json_t *c;
    json_array_foreach(checks, i, c) printf("  %-4s %-24s wanted %-28s seen %s\n",
                                            json_is_true(json_object_get(c, "ok")) ? "ok" : "NO",
                                            json_string_value(json_object_get(c, "what")),
                                            json_string_value(json_object_get(c, "wanted")),
                                            json_string_value(json_object_get(c, "seen")));
}

// What was found in the fields, and where it changed: "2:3 from frame 1204, 2:3 from frame 3310".
static void print_cadence(const json_t *cadence)
{
    size_t i;
    const json_t *section, *sections = json_object_get(cadence, "sections");
    if (!cadence)
        return;
    printf("fields: %s, %s first; made into %s frames a second\n",
           json_string_value(json_object_get(cadence, "found")),
           json_string_value(json_object_get(cadence, "fields")),
           json_string_value(json_object_get(cadence, "rate")));
    json_array_foreach(sections, i, section)
    {
        printf("  %s from frame %lld%s\n", json_string_value(json_object_get(section, "kind")),
               (long long)json_integer_value(json_object_get(section, "from")),
               i ? " (a break)" : "");
    }
    long long laced = json_integer_value(json_object_get(cadence, "deinterlaced"));
    if (laced)
        printf("  %lld frames are deinterlaced\n", laced);
}

// Two at the same file would tread on each other. The descriptor is the lock, until we end.
static bool lock(const char *folder, const char *final, struct error *err)
{
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return error_errno(err, errno, "cannot write into %s", folder);
    if (flock(file, LOCK_EX | LOCK_NB) == 0)
        return true;
    close(file);
    error_set(err, ERROR_CONFLICT, "%s is being made already", final);
    return error_fix(err, "wait for the other one, or name another folder with --out");
}

// A ladder is a folder, which no other one takes the place of by a change of its name.
static bool remove_old(const char *path, struct error *err)
{
    bool folder = false;
    int64_t size;
    return !file_look(path, &folder, &size) || !folder || folder_remove(path, err);
}

static bool look_at(struct command_call *call, const char *path, json_t **facts, struct error *err)
{
    const char *name = strrchr(path, '/');
    struct media check = {.name = name ? name + 1 : path, .paths = &path, .count = 1};
    return media_probe(call, &check, facts, err);
}

struct making {
    struct command_call *call;
    const struct media *m;
    const json_t *facts, *profile;
    json_t *carried; // what it is to say of itself, or NULL
    struct film_captions *captions;
    const char *folder, *name; // where it goes; its name
    const char *work, *made;   // until then: folder/.posthouse-NAME, and NAME in it
    int workers;
    // what is told of it
    json_t *checks, *cadence, *files; // names; files NULL: it is one file
    bool all;
};

static bool encode(struct making *k, const char *output, json_t **result, struct error *err)
{
    struct media_encode wish = {.facts = k->facts,
                                .profile = k->profile,
                                .captions = k->captions->count ? film_captions_plan : NULL,
                                .captions_context = k->captions,
                                .folder = k->work,
                                .output = output,
                                .workers = k->workers,
                                .metadata = k->carried,
                                .quiet = option_flag(k->call, "json")};
    return media_encode(k->call, k->m, &wish, result, err);
}

static bool make_ladder(struct making *k, struct error *err)
{
    json_t *about = NULL;
    struct ladder_wish wish = {.facts = k->facts,
                               .profile = k->profile,
                               .folder = k->folder,
                               .name = k->name,
                               .captions = k->captions,
                               .workers = k->workers,
                               .quiet = option_flag(k->call, "json")};
    if (!ladder_make(k->call, k->m, &wish, &about, &k->all, err))
        return false;
    k->checks = json_incref(json_object_get(about, "checks"));
    json_decref(about);
    return true;
}

// Each track of the sound is a file in the folder.
static bool make_stems(struct making *k, struct error *err)
{
    json_t *result = NULL, *seen = NULL, *one;
    const char *extension = json_string_value(json_object_get(k->profile, "extension"));
    size_t i;
    bool done = folder_remove(k->made, err) && folder_make(k->made, 0755, err) &&
                encode(k, arena_format(k->call->arena, "%s%s", k->name, extension), &result, err);
    k->files = json_array();
    json_array_foreach(json_object_get(result, "output"), i, one)
    {
        const char *name = json_string_value(json_object_get(one, "name"));
        const char *path = arena_format(k->call->arena, "%s/%s", k->made, name);
        json_t *facts = NULL;
        done = done &&
               (rename(arena_format(k->call->arena, "%s/%s", k->work, name), path) == 0 ||
                error_errno(err, errno, "cannot give %s its name", name)) &&
               look_at(k->call, path, &facts, err);
        if (done)
            make_facts_add(&seen, facts);
        json_array_append_new(k->files, json_string(name));
    }
    if (done)
        k->checks =
            deliver_checks(k->profile, k->facts, seen, json_object_get(result, "tracks"), &k->all);
    json_decref(result);
    json_decref(seen);
    return done;
}

static bool make_file_of_it(struct making *k, struct error *err)
{
    json_t *result = NULL, *seen = NULL;
    bool done =
        encode(k, k->name, &result, err) && look_at(k->call, k->made, &seen, err) &&
        film_captions_beside(k->call, k->captions, k->profile, seen, k->folder, k->name, err);
    if (done) {
        k->checks =
            deliver_checks(k->profile, k->facts, seen, json_object_get(result, "tracks"), &k->all);
        k->cadence = json_incref(json_object_get(result, "cadence"));
        film_captions_check(k->captions, seen, k->checks, &k->all);
    }
    json_decref(result);
    json_decref(seen);
    return done;
}

// Encodes under a hidden folder, probes, and only then gives the file, or the folder of several,
// its name. What is left of a run that was cut off is in that folder, and the next one goes on with
// it.
static bool make(struct making *k, struct error *err)
{
    const char *final = arena_format(k->call->arena, "%s/%s", k->folder, k->name);
    bool over = option_flag(k->call, "overwrite");
    k->work = arena_format(k->call->arena, "%s/.posthouse-%s", k->folder, k->name);
    k->made = arena_format(k->call->arena, "%s/%s", k->work, k->name);
    if (access(final, F_OK) == 0 && !over) {
        error_set(err, ERROR_CONFLICT, "%s is there already", final);
        return error_fix(err, "name another folder with --out, or say --overwrite");
    }
    if (!folder_make(k->work, 0755, err) || !lock(k->work, final, err))
        return false;
    bool done =
        (json_object_get(k->profile, "ladder") ? make_ladder(k, err)
         : profile_several(k->profile)         ? make_stems(k, err)
                                               : make_file_of_it(k, err)) &&
        (!over || remove_old(final, err)) &&
        (rename(k->made, final) == 0 || error_errno(err, errno, "cannot give %s its name", final));
    struct error ignored;
    bool again = !done && error_facts(err->kind)->retry; // what was made may be of use
    if (!again && !folder_remove(k->work, &ignored))
        fprintf(stderr, "posthouse: %s is left behind: %s\n", k->work, ignored.why);
    return done;
}

// What goes beside it has to be of this picture.
static bool beside(struct command_call *call, const json_t *facts, struct error *err)
{
    json_t *rows;
    bool fits, done = beside_fit(call, facts, &rows, &fits, err);
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (!done || fits || strcmp(json_string_value(json_object_get(row, "state")), "no") != 0)
            continue;
        error_set(err, ERROR_INPUT, "what goes beside it is not of this picture");
        error_why(err, "%s: wanted %s, seen %s", json_string_value(json_object_get(row, "what")),
                  json_string_value(json_object_get(row, "wanted")),
                  json_string_value(json_object_get(row, "seen")));
        done = error_fix(err, "%s", json_string_value(json_object_get(row, "fix")));
    }
    json_decref(rows);
    return done;
}

static bool suits(const json_t *profile, const json_t *facts, const struct film_captions *captions,
                  const char *name, struct error *err)
{
    json_t *supplied = json_copy((json_t *)(uintptr_t)facts), *list = json_array();
    for (size_t i = 0; i < captions->count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "language", captions->list[i].language,
                                              "role", captions->list[i].role));
    profile_supply(supplied, list);
    bool ok = profile_makes(profile, supplied, name, err);
    json_decref(list);
    json_decref(supplied);
    return ok;
}

static bool burn(struct command_call *call, json_t *profile, struct error *err)
{
    const char *line = option_text(call, "burn");
    return !line ||
           (profile_burn(profile, line, err) && profile_check(profile, "with --burn", err));
}

// What is known of the master goes into the deliverable; it is refused when the profile requires
// what is not known, or has no place for.
static bool carry(struct command_call *call, const struct media *m, const json_t *facts,
                  const json_t *profile, json_t **told, json_t **carried, struct error *err)
{
    const char *rules;
    return record_rules(call, &rules, err) &&
           record_told(call, option_text(call, "record"), NULL, 0, told, err) &&
           record_suits(rules, profile, facts, *told, m->name, err) &&
           record_carried(rules, profile, facts, *told, m->name, carried, err);
}

// What has no home in the file, or not all of it, is kept beside it.
static bool keep_beside(struct command_call *call, const struct media *m, const json_t *facts,
                        const json_t *profile, const json_t *told, const char *path,
                        struct error *err)
{
    const char *rules;
    json_t *record = NULL;
    bool ok = record_rules(call, &rules, err) &&
              record_left_over(rules, profile, facts, told, m->name, &record, err);
    char *text = record ? json_dumps(record, JSON_INDENT(2)) : NULL;
    if (ok && text)
        ok = file_write(arena_format(call->arena, "%s.metadata.json", path), text, strlen(text),
                        0644, err);
    free(text);
    json_decref(record);
    return ok;
}

static bool made_here(const json_t *profile, struct error *err)
{
    if (!json_object_get(json_object_get(profile, "video"), "encoder"))
        return true;
    error_set(err, ERROR_UNSUPPORTED, "this profile is encoded by a program of the house");
    return error_fix(err, "bring it into a house, and `posthouse deliver` it there");
}

static bool asked_profile(struct command_call *call, const char *name, json_t **profile,
                          struct error *err)
{
    json_t *plain = NULL;
    struct profile_wish wish = {.map = option_text(call, "map"),
                                .loudness = option_text(call, "loudness"),
                                .limiter = option_text(call, "limiter"),
                                .conform = option_text(call, "conform"),
                                .pitch = option_text(call, "pitch"),
                                .when = arena_text(call->arena, clock_text(clock_now_ms()).text)};
    bool ok = media_profile(call, name, &plain, err) && profile_ask(plain, &wish, profile, err);
    json_decref(plain);
    return ok;
}

static void tell(const struct making *k)
{
    size_t i;
    const json_t *file;
    if (option_flag(k->call, "json")) {
        json_t *answer =
            json_pack("{s:s, s:s, s:b, s:O, s:O*, s:O*}", "folder", k->folder, "name", k->name,
                      "ok", k->all, "checks", k->checks, "files", k->files, "cadence", k->cadence);
        film_captions_json(k->captions, answer);
        json_dumpf(answer, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(answer);
        return;
    }
    printf("%s/%s\n", k->folder, k->name);
    json_array_foreach(k->files, i, file) printf("  %s\n", json_string_value(file));
    print_cadence(k->cadence);
    film_captions_print(k->captions);
    print_checks(k->checks);
    if (!k->all)
        printf("not every check is ok: look before you send it\n");
}

static int run(struct command_call *call)
{
    struct media m = {0};
    struct film_captions captions = {0};
    struct error err;
    json_t *facts = NULL, *profile = NULL, *told = NULL;
    struct making k = {.call = call, .m = &m, .captions = &captions};
    int status = 0;
    int64_t workers;
    const char *folder = option_text(call, "out") ? option_text(call, "out") : ".";
    const char *wanted = option_text(call, "profile");
    if (!wanted) {
        error_set(&err, ERROR_USAGE, "transcode needs --profile");
        error_fix(&err, "`posthouse profile list` shows them");
        return command_failed(&err);
    }
    if (!option_int(call, "workers", 0, &workers))
        return 2;
    if (workers < 0 || workers > 256) {
        error_set(&err, ERROR_USAGE, "--workers is a number from 1 to 256");
        return command_failed(&err);
    }
    if (!asked_profile(call, wanted, &profile, &err) || !burn(call, profile, &err) ||
        !media_open(call, call->words[0], &m, &err) || !media_probe(call, &m, &facts, &err) ||
        !folder_make(folder, 0755, &err) || !master_state(call, &m, folder, facts, &err) ||
        !made_here(profile, &err) ||
        !film_captions_read(call, &m, profile, facts, &captions, &err) ||
        !suits(profile, facts, &captions, m.name, &err) || !beside(call, facts, &err) ||
        !carry(call, &m, facts, profile, &told, &k.carried, &err)) {
        status = command_failed(&err);
        goto out;
    }
    bool several = profile_several(profile), ladder = json_object_get(profile, "ladder") != NULL;
    k.facts = facts, k.profile = profile, k.folder = folder, k.workers = (int)workers;
    k.name = output_name(call, m.name,
                         several ? "" : json_string_value(json_object_get(profile, "extension")));
    if (!make(&k, &err) ||
        (!ladder && !keep_beside(call, &m, facts, profile, told,
                                 arena_format(call->arena, "%s/%s", folder, k.name), &err)) ||
        !beside_deliver(call, folder, &err)) {
        status = command_failed(&err);
        goto out;
    }
    tell(&k);
    status = k.all ? 0 : 1;
out:
    json_decref(told);
    json_decref(k.carried);
    film_captions_close(&captions);
    json_decref(k.checks);
    json_decref(k.cadence);
    json_decref(k.files);
    json_decref(facts);
    json_decref(profile);
    media_close(&m);
    return status;
}

static const struct option_row options[] = {
    {"profile", OPTION_TEXT, "NAME",
     "what to make: a name from `posthouse profile list`, or a profile's file"},
    {"map", OPTION_TEXT, "MAP",
     "which channels become which tracks: `5.1=1-6 stereo:eng=7,8` (docs/formats/profile.md)"},
    {"loudness", OPTION_TEXT, "HOW",
     "`report` (as it is), or `gain`: raise or lower it to the target"},
    {"limiter", OPTION_TEXT, "NAME",
     "NAME consents to a true-peak limiter; it is written into the report"},
    {"conform", OPTION_TEXT, "RATE",
     "show all frames at this rate (25, 23.976), the sound as much faster or slower"},
    {"pitch", OPTION_TEXT, "HOW", "of such sound: `follow` the speed, or `keep` it by stretching"},
    {"out", OPTION_TEXT, "DIR", "where the result goes; here unless given"},
    {"workers", OPTION_INT, "N",
     "engines at a time, one for each core unless given; the result is the same for any number"},
    {"burn", OPTION_TEXT, "WHAT",
     "into the picture: timecode | timecode=record,start=01:00:00:00 | text=WORDS | "
     "watermark=NAME, each with at=bottom,size=5,opacity=80 behind it; several between |"},
    MASTER_OPTIONS,
    {"record", OPTION_TEXT, "FILE",
     "a record (JSON) of what is known of it besides; `posthouse map` makes one"},
    BESIDE_OPTIONS,
    {"captions", OPTION_LIST, "FILE[:LANG[:ROLE]]",
     "captions for it, again for each file; role cc, sdh, subtitle or forced"},
    {"captions-in", OPTION_TEXT, "WAYS",
     "how they go in: cc,c608,text,ttml,webvtt; else as the profile says"},
    {"captions-as", OPTION_TEXT, "FORMATS",
     "written beside it as srt,scc,...; else as the profile says"},
    {"captions-offset", OPTION_TEXT, "FRAMES", "so much later (-: earlier), or as a label"},
    {"captions-speed", OPTION_TEXT, "FROM:TO", "a frame of FROM is a frame of TO, such as 24:25"},
    {"overwrite", OPTION_FLAG, NULL, "replace a file of the same name"},
    {"json", OPTION_FLAG, NULL, "print the result as JSON, for scripts"},
    {0},
};
const struct command command_transcode = {
    "transcode",
    "FILE",
    "make a file into a profile, and check it",
    "Encodes FILE (or an image sequence) as the profile says, carrying over rate, start timecode, "
    "colour\n"
    "tags, channel layout and language, then probes the result and compares. The exit status is 1 "
    "when a\n"
    "check says no. What is known of FILE (`posthouse map`) goes with it; what has no home in the "
    "container\n"
    "lies beside it as NAME.metadata.json. The picture is encoded in segments, by as many engines "
    "as --workers says, and "
    "the\n"
    "result is the same to the byte for any number of them. Nothing half made is ever seen under "
    "the\n"
    "result's name; the same command again goes on after a crash.\n"
    "\n"
    "--captions brings captions that go into it (`cc`: 608 and 708 in the pictures, a second file "
    "as\n"
    "CC3; `c608`: a track of QuickTime; `text`, `ttml`, `webvtt`: text tracks) and beside it, as "
    "the\n"
    "profile or --captions-in and --captions-as say; without it a profile that wants captions has "
    "those in\n"
    "FILE itself. Their labels count from the film's timecode; "
    "a "
    "file\n"
    "of another programme is refused.\n"
    "\n"
    "Stems (audio.files of the profile) are a folder with a file for each track of the sound, "
    "all of\n"
    "one start and length. A ladder is a folder: a file in fragments for each rung and the sound, "
    "master.m3u8 (HLS),\n"
    "manifest.mpd (DASH), SHA256SUMS; each of --captions goes into it as WebVTT.",
    options,
    1,
    1,
    run,
};
