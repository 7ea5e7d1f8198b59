// posthouse notes: comments as files of editing programs, and such files as comments.
#include "cmd/client.h"
#include "formats/notes/notes.h"
#include "plat/files.h"

#include <stdio.h>
#include <string.h>

struct notes_call {
    struct command_call *call;
    struct house house;
    char asset[27], version[27];
    const char *format; // NULL: by the file's name
};

// The asset that is meant, and its version: the newest, or --version N.
static bool find(struct notes_call *n, struct error *err)
{
    int64_t number;
    if (!option_int(n->call, "version", 0, &number))
        return error_set(err, ERROR_USAGE, "--version takes a number");
    json_t *asset = house_asset(n->house.client, n->call->arena, n->call->words[1], err);
    if (!asset)
        return false;
    text_copy(text_of(json_word(asset, "id")), n->asset, sizeof(n->asset));
    text_copy(text_of(json_word(json_object_get(asset, "version"), "id")), n->version,
              sizeof(n->version));
    json_decref(asset);
    if (!number)
        return true;
    n->version[0] = 0;
    json_t *list = house_ask(n->house.client, "GET", NULL, err, "/assets/%s/versions", n->asset);
    if (!list)
        return false;
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        if (json_count(one, "number") == number)
            text_copy(text_of(json_word(one, "id")), n->version, sizeof(n->version));
    }
    json_decref(list);
    if (n->version[0])
        return true;
    error_set(err, ERROR_NOT_FOUND, "%s has no version %lld", n->call->words[1], (long long)number);
    return error_fix(err, "leave --version out for the newest");
}

// By --format, else by what the file is called.
static bool format_of(struct notes_call *n, const char *file, enum notes_format *format,
                      struct error *err)
{
    const char *said = option_text(n->call, "format");
    if (said && notes_format_named(said, format))
        return true;
    for (int i = 0; !said && file && i < NOTES_FORMATS; i++)
        if (text_ends(text_of(file), notes_facts((enum notes_format)i)->ending)) {
            *format = (enum notes_format)i;
            return true;
        }
    error_set(err, ERROR_INPUT, said ? "there is no format \"%s\" of notes"
                                     : "the format of the notes is not said", said);
    return error_fix(err, "--format resolve-edl, avid, xmeml, fcpxml, otio or csv");
}

// ---- out

static bool fetch(struct notes_call *n, enum notes_format format, struct reply *reply,
                  struct error *err)
{
    struct call call = {
        .path = arena_format(n->call->arena, "/api/v1/assets/%s/notes?version=%s&format=%s%s",
                             n->asset, n->version, notes_facts(format)->name,
                             option_flag(n->call, "open") ? "&open=1" : ""),
        .repeatable = true};
    return client_call(n->house.client, &call, n->call->arena, reply, err);
}

// "count=12, halves=0, reworded=3" of the answer, for people.
static void say(struct notes_call *n, const struct reply *reply, const char *file)
{
    size_t count = 0, halves = 0, reworded = 0;
    const char *said = reply_header(reply, n->call->arena, "Posthouse-Notes");
    if (said)
        sscanf(said, "count=%zu, halves=%zu, reworded=%zu", &count, &halves, &reworded);
    fprintf(stderr, "%zu note%s in %s\n", count, count == 1 ? "" : "s", file);
    if (reworded)
        fprintf(stderr, "%zu of them had line ends or marks of this format: they are spaces now\n",
                reworded);
    if (halves)
        fprintf(stderr, "%zu of them stand at the second frame of a label: the label is the "
                        "first's\n", halves);
}

static bool export_notes(struct notes_call *n, struct error *err)
{
    enum notes_format format;
    struct reply reply;
    const char *file = n->call->word_count > 2 ? n->call->words[2] : NULL;
    if (!format_of(n, file, &format, err) || !find(n, err) || !fetch(n, format, &reply, err))
        return false;
    if (!file || strcmp(file, "-") == 0) {
        if (fwrite(reply.body.at, 1, reply.body.size, stdout) == reply.body.size &&
            fflush(stdout) == 0)
            return true;
        return error_set(err, ERROR_IO, "the notes cannot be written");
    }
    if (!file_write(file, reply.body.at, reply.body.size, 0644, err))
        return false;
    say(n, &reply, file);
    return true;
}

// ---- in

static void say_taken(const json_t *taken)
{
    json_t *left = json_object_get(taken, "left"), *one;
    size_t i;
    printf("%lld new, %lld already there\n", (long long)json_count(taken, "made"),
           (long long)json_count(taken, "same"));
    json_array_foreach(left, i, one)
    {
        printf("  line %lld is left out: %s\n", (long long)json_count(one, "line"),
               json_word(one, "why"));
    }
    int64_t more = json_count(taken, "left_count") - (int64_t)json_array_size(left);
    if (more > 0)
        printf("  and %lld lines more\n", (long long)more);
}

static bool import_notes(struct notes_call *n, int *status, struct error *err)
{
    enum notes_format format;
    struct buf bytes = BUF_LIMIT(NOTES_INPUT_BYTES);
    if (n->call->word_count < 3)
        return error_set(err, ERROR_USAGE, "say which file: posthouse notes import ASSET FILE");
    const char *file = n->call->words[2];
    if (!format_of(n, file, &format, err) || !file_read(file, &bytes, err) || !find(n, err)) {
        buf_free(&bytes);
        return false;
    }
    json_t *body = json_pack("{s:s, s:s, s:s%}", "version", n->version, "format",
                             notes_facts(format)->name, "file", bytes.at ? bytes.at : "",
                             bytes.size);
    buf_free(&bytes);
    if (!body) {
        error_set(err, ERROR_INPUT, "%s cannot be read", file);
        error_why(err, "it is not UTF-8");
        return error_fix(err, "save it as UTF-8 and try again");
    }
    json_t *taken = house_ask(n->house.client, "POST", body, err, "/assets/%s/notes", n->asset);
    json_decref(body);
    if (!taken)
        return false;
    if (option_flag(n->call, "json"))
        json_dumpf(taken, stdout, JSON_INDENT(2)), printf("\n");
    else
        say_taken(taken);
    *status = json_count(taken, "left_count") ? 1 : 0;
    json_decref(taken);
    return true;
}

static int run(struct command_call *call)
{
    struct error err;
    struct notes_call n = {.call = call};
    int status = 0;
    bool in = strcmp(call->words[0], "import") == 0;
    error_clear(&err);
    if (!in && strcmp(call->words[0], "export") != 0) {
        error_set(&err, ERROR_USAGE, "notes knows no \"%s\"", call->words[0]);
        error_fix(&err, "posthouse notes export|import ASSET FILE");
        return command_failed(&err);
    }
    bool ok = house_open(call, 0, &n.house, &err) &&
              (in ? import_notes(&n, &status, &err) : export_notes(&n, &err));
    house_close(&n.house);
    return ok ? status : command_failed(&err);
}

static const struct option_row options[] = {
    {"format", OPTION_TEXT, "FORMAT",
     "resolve-edl, avid, xmeml, fcpxml, otio or csv (else by the file's ending)"},
    {"version", OPTION_INT, "N", "of the asset (else the newest)"},
    {"open", OPTION_FLAG, NULL, "export only what is not resolved"},
    {"json", OPTION_FLAG, NULL, "the answer of import as JSON"},
    CLIENT_OPTIONS,
    {0},
};

const struct command command_notes = {
    .name = "notes",
    .words = "export|import ASSET [FILE]",
    .summary = "comments to and from editing programs",
    .about =
        "export writes the comments on a version as a file that an editing program reads, each at "
        "its own timecode: DaVinci Resolve (resolve-edl, .edl), Media Composer (avid, .txt), "
        "Premiere Pro and Final Cut Pro 7 (xmeml, .xml), Final Cut Pro (fcpxml), OpenTimelineIO "
        "(otio) or a table (csv). Without FILE it goes to standard output. Replies are part of "
        "their note.\n\n"
        "import reads resolve-edl, avid and csv, and makes a comment of each note that is not "
        "there yet; bringing a file twice changes nothing. Lines that do not fit are said, with "
        "why, and the exit status is 1. A table's first line names its columns: timecode or frame, "
        "and note; out, frames, author and state if you like.",
    .options = options,
    .least_words = 2,
    .most_words = 3,
    .run = run,
};
