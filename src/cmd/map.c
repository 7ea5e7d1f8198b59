// posthouse map: what a file says of itself, what of it another container keeps, sidecars, and
// saying something else.
#include "cmd/record.h"
#include "formats/metadata/sidecar.h"
#include "house/deliver/record.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "plat/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDECAR_BYTES = 16 << 20 };

struct mapping {
    struct command_call *call;
    struct media media;
    const char *rules, *to;
    json_t *facts, *told, *profile, *entries, *lacks;
    struct metadata *record;  // all that is known
    struct metadata *carried; // what of it goes into the other container
    struct metadata_table *table;
    struct metadata_report report;
};

// ---- for people

static const char *shown_name(struct mapping *x, const struct metadata_value *v)
{
    if (v->field->group < METADATA_LOCALISED)
        return v->field->name;
    const char *dot = strchr(v->field->name, '.');
    return arena_format(x->call->arena, "%.*s[%zu]%s", (int)(dot - v->field->name), v->field->name,
                        v->item + 1, dot);
}

static const char *one_line(struct mapping *x, const char *value, size_t most)
{
    char *to = arena_text(x->call->arena, value);
    size_t letters = 0;
    for (char *c = to; *c; c++) {
        *c = *c == '\n' || *c == '\t' ? ' ' : *c;
        if (((unsigned char)*c & 0xc0) != 0x80 && letters++ == most) {
            *c = 0;
            return arena_format(x->call->arena, "%s...", to);
        }
    }
    return to;
}

static const char *source(struct mapping *x, const struct metadata_source *s)
{
    if (s->person)
        return arena_format(x->call->arena, "%s, %s", s->person, s->at ? s->at : "");
    return s->where ? s->where : "";
}

static void print_report(struct mapping *x)
{
    size_t counts[4] = {0};
    printf("%s as %s\n", x->media.name, x->table->title);
    for (size_t i = 0; i < x->report.count; i++) {
        const struct metadata_report_row *r = &x->report.rows[i];
        counts[r->fate]++;
        printf("  %-9s %-24s %s\n", metadata_fates[r->fate], shown_name(x, r->value),
               one_line(x, r->value->value, 60));
        if (r->fate != METADATA_HOMELESS && r->fate != METADATA_KEPT)
            printf("            -> %s\n", one_line(x, r->seen, 80));
        const char *from = source(x, &r->value->from);
        printf("            %s%s%s%s%s\n", *r->at ? r->at : "nowhere", *from ? "; known from " : "",
               from, *r->note ? "; " : "", r->note);
    }
    printf("%zu kept, %zu changed, %zu truncated, %zu without a home\n", counts[0], counts[1],
           counts[2], counts[3]);
    size_t i;
    const json_t *one;
    json_array_foreach(x->lacks, i, one)
        printf("  required: %s has %s: %s\n", json_string_value(json_object_get(one, "field")),
               json_string_value(json_object_get(one, "state")),
               json_string_value(json_object_get(one, "fix")));
}

static void print_json(struct mapping *x)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < x->report.count; i++) {
        const struct metadata_report_row *r = &x->report.rows[i];
        json_t *row =
            json_pack("{s:s, s:I, s:s, s:s, s:s, s:s?, s:s}", "field", r->value->field->name,
                      "number", (json_int_t)r->value->item + 1, "value", r->value->value, "fate",
                      metadata_fates[r->fate], "at", r->at, "seen", r->seen, "note", r->note);
        json_array_append_new(rows, row);
    }
    json_t *to = json_pack("{s:s, s:s, s:o, s:o}", "file", x->media.name, "to", x->to, "record",
                           metadata_json(x->record), "rows", rows);
    if (x->lacks)
        json_object_set(to, "lacks", x->lacks);
    json_dumpf(to, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(to);
}

// ---- reading and mapping

static bool read_all(struct mapping *x, struct error *err)
{
    struct command_call *call = x->call;
    const char *profile = option_text(call, "profile");
    return record_rules(call, &x->rules, err) &&
           record_told(call, option_text(call, "record"), call->words + 1, call->word_count - 1,
                       &x->told, err) &&
           (!profile || media_profile(call, profile, &x->profile, err)) &&
           media_open(call, call->words[0], &x->media, err) &&
           media_probe(call, &x->media, &x->facts, err) &&
           record_of_master(x->rules, x->facts, x->told, x->media.name, call->arena, &x->record,
                            err);
}

static bool map(struct mapping *x, struct error *err)
{
    struct arena *a = x->call->arena;
    const char *own = json_string_value(json_object_get(x->facts, "container"));
    const char *asked = option_text(x->call, "to");
    x->to = asked        ? asked
            : x->profile ? json_string_value(json_object_get(x->profile, "container"))
                         : own;
    if (!record_table(x->rules, x->to ? x->to : "", a, &x->table, err))
        return false;
    if (!x->table && option_flag(x->call, "write")) {
        error_set(err, ERROR_UNSUPPORTED, "what %s says of itself can not be changed",
                  x->media.name);
        error_why(err, "that is done in MP4, QuickTime, WAV, Matroska and MXF files");
        return error_fix(err, "keep a sidecar beside it: --sidecar json");
    }
    if (!x->table) {
        error_set(err, ERROR_INPUT, "no table says what %s keeps", x->to ? x->to : "this file");
        return error_fix(err, "name one with --to: mp4, mov, mxf, wav or mkv");
    }
    x->carried = x->profile ? metadata_for_profile(a, x->record, x->profile) : x->record;
    metadata_map(a, x->carried, x->table, &x->report, &x->entries);
    if (x->profile)
        x->lacks = metadata_lacks(x->profile, x->carried, &x->report, record_kept_beside);
    return true;
}

// ---- sidecars

static bool md5_of(struct mapping *x, const char **md5, struct error *err)
{
    struct hasher *h = hasher_open("md5");
    FILE *f = fopen(x->media.paths[0], "rb");
    static char room[1 << 20];
    uint8_t digest[64];
    char *hex = arena_take(x->call->arena, 129);
    size_t n;
    if (!f || !h) {
        hasher_close(h);
        if (f)
            fclose(f);
        return error_errno(err, errno, "cannot open %s", x->media.paths[0]);
    }
    while ((n = fread(room, 1, sizeof(room), f)) > 0)
        hasher_add(h, room, n);
    bool read = !ferror(f);
    fclose(f);
    size_t size = hasher_end(h, digest);
    for (size_t i = 0; i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    *md5 = hex;
    return read || error_errno(err, EIO, "cannot read %s", x->media.paths[0]);
}

static bool write_out(struct mapping *x, const struct buf *text, struct error *err)
{
    const char *path = option_text(x->call, "out");
    if (path)
        return file_write(path, text->at, text->size, 0644, err);
    if (fwrite(text->at, 1, text->size, stdout) == text->size && fflush(stdout) == 0)
        return true;
    return error_errno(err, errno, "cannot write the sidecar");
}

static bool sidecar(struct mapping *x, const char *name, struct error *err)
{
    struct buf text = BUF_LIMIT(SIDECAR_BYTES), list = BUF_LIMIT(400);
    struct stat is = {0};
    enum sidecar_kind kind;
    const char *last = strrchr(x->media.paths[0], '/'), *md5 = NULL;
    if (!sidecar_named(text_of(name), &kind)) {
        for (int i = 0; i < SIDECAR_KINDS; i++)
            buf_format(&list, "%s%s", i ? ", " : "", sidecar_facts((enum sidecar_kind)i)->name);
        error_set(err, ERROR_USAGE, "there is no sidecar %s", name);
        error_fix(err, "choose one of %s", list.at);
        buf_free(&list);
        return false;
    }
    if (stat(x->media.paths[0], &is) != 0)
        return error_errno(err, errno, "cannot open %s", x->media.paths[0]);
    if ((kind == SIDECAR_ITUNES || kind == SIDECAR_MMC) && !md5_of(x, &md5, err))
        return false;
    struct sidecar_file file = {.name = last ? last + 1 : x->media.paths[0],
                                .use = "source",
                                .size = is.st_size,
                                .md5 = md5};
    struct sidecar_wish wish = {.files = &file,
                                .file_count = 1,
                                .made_ms = clock_now_ms(),
                                .provider = option_text(x->call, "provider")};
    bool ok = sidecar_write(kind, x->record, &wish, &text, err) && write_out(x, &text, err);
    buf_free(&text);
    return ok;
}

// ---- saying something else in the file

static bool rewrite(struct mapping *x, struct error *err)
{
    char folder[4096];
    const char *path = x->media.paths[0], *last = strrchr(path, '/');
    const char *name = last ? last + 1 : path;
    struct stat is;
    json_t *result = NULL, *seen = NULL;
    bool done = false;
    if (x->media.count != 1 || x->media.sequence)
        return error_set(err, ERROR_UNSUPPORTED, "a sequence of pictures has no place for this");
    if (stat(path, &is) != 0)
        return error_errno(err, errno, "cannot open %s", path);
    path_folder(path, folder, sizeof(folder));
    const char *work = arena_format(x->call->arena, "%s/.posthouse-%s", folder, name);
    const char *made = arena_format(x->call->arena, "%s/%s", work, name);
    struct media copy = {.name = name, .paths = &made, .count = 1};
    if (!folder_make(work, 0755, err))
        return false;
    if (!json_object_get(x->told, "chapters")) // they stay as they are
        json_object_del(x->entries, "chapters");
    // The copy is looked at before it takes the file's place.
    if (media_retag(x->call, &x->media, x->entries, work, name, option_flag(x->call, "json"),
                    &result, err) &&
        media_probe(x->call, &copy, &seen, err)) {
        if (!json_equal(json_object_get(seen, "duration_frames"),
                        json_object_get(x->facts, "duration_frames")))
            error_set(err, ERROR_INTERNAL, "the copy of %s is not as long as it", name);
        else if (chmod(made, is.st_mode & 07777) != 0 || rename(made, path) != 0)
            error_errno(err, errno, "cannot give %s its name", path);
        else
            done = true;
    }
    struct error ignored;
    if (!folder_remove(work, &ignored))
        fprintf(stderr, "posthouse: %s is left behind: %s\n", work, ignored.why);
    json_decref(result);
    json_decref(seen);
    return done;
}

// ---- the command

static int print_fields(void)
{
    size_t count;
    const struct metadata_field *f = metadata_fields(&count);
    for (size_t i = 0; i < count; i++)
        printf("%-28s %s%s%s%s\n", f[i].name, f[i].help, f[i].words ? " (" : "",
               f[i].words ? f[i].words : "", f[i].words ? ")" : "");
    return 0;
}

static bool act(struct mapping *x, bool *lacking, struct error *err)
{
    const char *kind = option_text(x->call, "sidecar");
    if (!read_all(x, err))
        return false;
    if (kind)
        return sidecar(x, kind, err);
    if (!map(x, err))
        return false;
    if (option_flag(x->call, "write") && !rewrite(x, err))
        return false;
    if (option_flag(x->call, "json"))
        print_json(x);
    else
        print_report(x);
    *lacking = json_array_size(x->lacks) > 0;
    return true;
}

static int run(struct command_call *call)
{
    struct mapping x = {.call = call};
    struct error err;
    bool lacking = false;
    if (option_flag(call, "fields"))
        return print_fields();
    if (!call->word_count) {
        error_set(&err, ERROR_USAGE, "map needs a file");
        error_fix(&err, "posthouse map FILE, or posthouse map --fields");
        return command_failed(&err);
    }
    if (option_flag(call, "write") && (option_text(call, "to") || option_text(call, "profile"))) {
        error_set(&err, ERROR_USAGE,
                  "--write changes the file as it is, without --to or --profile");
        return command_failed(&err);
    }
    bool ok = act(&x, &lacking, &err);
    json_decref(x.facts);
    json_decref(x.told);
    json_decref(x.profile);
    json_decref(x.entries);
    json_decref(x.lacks);
    media_close(&x.media);
    return ok ? lacking : command_failed(&err);
}

static const struct option_row options[] = {
    {"to", OPTION_TEXT, "CONTAINER", "into which: mp4, mov, mxf, wav or mkv; its own unless given"},
    {"profile", OPTION_TEXT, "NAME",
     "for a deliverable by this profile: its container, its tracks, and what it requires"},
    {"record", OPTION_TEXT, "FILE", "a record (JSON) of what is known besides, over the file's"},
    {"sidecar", OPTION_TEXT, "KIND",
     "write a sidecar: json, csv, itunes, mec, mmc, ebucore, mediarss or as11"},
    {"provider", OPTION_TEXT, "NAME", "who delivers, for sidecars that say it; else work.provider"},
    {"out", OPTION_TEXT, "FILE", "where the sidecar goes; standard output unless given"},
    {"write", OPTION_FLAG, NULL,
     "write what is known into the file: a copy beside it takes its place; essence stays"},
    {"fields", OPTION_FLAG, NULL, "list the fields of a record"},
    {"json", OPTION_FLAG, NULL, "print the record and the map as JSON, for scripts"},
    {0},
};
const struct command command_map = {
    "map",
    "FILE [FIELD=VALUE...]",
    "what a file says of itself, and what becomes of it elsewhere",
    "Reads the record of FILE (work, version, tracks with language and role, colour, timecode,\n"
    "chapters, ids, rights; each value with its source) and shows what becomes of each value in a\n"
    "container or a deliverable: kept, changed, truncated, or without a home. FIELD=VALUE says "
    "what\n"
    "the file does not (work.title=Night, track[2].language=fr, chapter[1].start=0); --write puts\n"
    "it into finished MP4, QuickTime and WAV files without touching a byte of picture and sound,\n"
    "and writes Matroska and MXF (OP1a) again around the same packets; what that would lose is\n"
    "refused. The exit status is 1 when a field that the profile requires has no value or no home.",
    options,
    0,
    0,
    run,
};
