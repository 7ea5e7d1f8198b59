// posthouse mhl: media hash lists of folders, without a house.
#include "cmd/command.h"
#include "cmd/mhl_folder.h"
#include "plat/files.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN = 50 };

static const char *const *patterns(struct command_call *call, size_t *count)
{
    text rest = text_of(option_text(call, "ignore"));
    const char **list = ARENA_ARRAY(call->arena, const char *, rest.size + 1);
    *count = 0;
    while (rest.size) {
        text word = text_trim(text_cut(&rest, ','));
        if (word.size)
            list[(*count)++] = arena_copy(call->arena, word.at, word.size);
    }
    return list;
}

// ---- what was found

static void say_paths(const char *what, const struct mhl_paths *p)
{
    if (!p->count)
        return;
    printf("%s: %s\n", what, count_text((int64_t)p->count).text);
    for (size_t i = 0; i < p->count && i < SHOWN; i++)
        printf("  %s\n", p->at[i]);
    if (p->count > SHOWN)
        printf("  and %s more\n", count_text((int64_t)(p->count - SHOWN)).text);
}

static json_t *paths_json(const struct mhl_paths *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->count; i++)
        json_array_append_new(list, json_string(p->at[i]));
    return list;
}

static void print_json(json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(json);
}

static void say(const struct command_call *call, const struct mhl_result *r, bool looked)
{
    if (option_flag(call, "json")) {
        print_json(json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:s?}", "files",
                             (json_int_t)r->files, "bytes", (json_int_t)r->bytes, "verified",
                             (json_int_t)r->verified, "original", (json_int_t)r->original, "failed",
                             paths_json(&r->failed), "missing", paths_json(&r->missing), "new",
                             paths_json(&r->added), "changed", paths_json(&r->changed), "skipped",
                             paths_json(&r->skipped), "generation", r->generation));
        return;
    }
    say_paths("NOT THE SAME", &r->failed);
    say_paths("missing", &r->missing);
    say_paths("changed size or time", &r->changed);
    if (!r->generation)
        say_paths("new, not in the history", &r->added);
    say_paths("links and devices, left out", &r->skipped);
    if (looked)
        printf("%s files looked at, none read\n", count_text(r->files).text);
    else
        printf("%s files, %s: %s verified, %s new, %zu failed, %zu missing\n",
               count_text(r->files).text, size_text(r->bytes).text, count_text(r->verified).text,
               count_text(r->original).text, r->failed.count, r->missing.count);
    if (r->generation)
        printf("wrote %s\n", r->generation);
}

static bool clean(const struct mhl_result *r, bool looked)
{
    return !r->failed.count && !r->missing.count &&
           !(looked && (r->added.count || r->changed.count));
}

// ---- info

static const char *action_word(enum mhl_action action)
{
    static const char *const words[] = {"", "original", "verified", "FAILED"};
    return words[action];
}

static void say_file(const struct mhl_generation *g, const char *path)
{
    for (size_t i = 0; i < g->list.count; i++) {
        const struct mhl_entry *e = &g->list.entries[i];
        if (strcmp(e->path, path) != 0)
            continue;
        for (int k = 0; k < MHL_KINDS; k++)
            if (e->digests[k].text)
                printf("  generation %lld  %s  %-6s %s  %s\n", (long long)g->row.number,
                       g->list.created ? g->list.created : "", mhl_names[k], e->digests[k].text,
                       action_word(e->digests[k].action));
    }
}

static json_t *generation_json(const struct mhl_generation *g)
{
    return json_pack("{s:I, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:I}", "number",
                     (json_int_t)g->row.number, "path", g->row.path, "c4", g->row.c4, "created",
                     g->list.created, "host", g->list.host, "tool", g->list.tool, "process",
                     g->list.process, "entries", (json_int_t)g->list.count);
}

static bool info(struct command_call *call, struct error *err)
{
    struct mhl_history h;
    json_t *all = json_array();
    bool json = option_flag(call, "json");
    const char *file = call->word_count > 2 ? call->words[2] : NULL;
    bool ok = mhl_history_open(call->words[1], call->arena, &h, err);
    if (ok && !h.count) {
        error_set(err, ERROR_NOT_FOUND, "%s has no history of hashes", call->words[1]);
        ok = error_fix(err, "posthouse mhl create %s", call->words[1]);
    }
    for (size_t i = 0; ok && i < h.count; i++) {
        const struct mhl_generation *g = &h.generations[i];
        if (json)
            json_array_append_new(all, generation_json(g));
        else if (file)
            say_file(g, file);
        else
            printf("generation %lld  %s  %s %s on %s  %zu files and folders  %s\n",
                   (long long)g->row.number, g->list.created ? g->list.created : "",
                   g->list.tool ? g->list.tool : "",
                   g->list.tool_version ? g->list.tool_version : "",
                   g->list.host ? g->list.host : "?", g->list.count, g->row.path);
    }
    if (ok && json)
        print_json(json_incref(all));
    json_decref(all);
    return ok;
}

// ---- the command

static bool work(struct command_call *call, int *status, struct error *err)
{
    const char *verb = call->words[0], *place = call->words[1];
    struct mhl_result result;
    int64_t size;
    bool folder = false, looks = strcmp(verb, "diff") == 0;
    if (strcmp(verb, "info") == 0)
        return info(call, err);
    if (!file_look(place, &folder, &size))
        return error_set(err, ERROR_NOT_FOUND, "there is no %s", place);
    struct mhl_wish wish = {.folder = place,
                            .record = strcmp(verb, "create") == 0,
                            .look_only = looks,
                            .author = option_text(call, "author"),
                            .location = option_text(call, "location"),
                            .comment = option_text(call, "comment"),
                            .version = POSTHOUSE_VERSION,
                            .quiet = option_flag(call, "json")};
    wish.ignore = patterns(call, &wish.ignore_count);
    if (!wish.record && !looks && strcmp(verb, "verify") != 0) {
        error_set(err, ERROR_USAGE, "mhl knows no \"%s\"", verb);
        return error_fix(err, "posthouse mhl create|verify|diff|info FOLDER");
    }
    if (wish.record && !mhl_kinds_read(option_text(call, "hash"), wish.kinds, err))
        return false;
    if (!folder && strcmp(verb, "verify") != 0) {
        error_set(err, ERROR_INPUT, "%s is no folder", place);
        return error_fix(err, "name the folder of the media; verify takes a list, too");
    }
    if (!(folder ? mhl_folder(&wish, call->arena, &result, err)
                 : mhl_verify_list(place, wish.quiet, call->arena, &result, err)))
        return false;
    say(call, &result, looks);
    *status = clean(&result, looks) ? 0 : 1;
    return true;
}

static int run(struct command_call *call)
{
    struct error err;
    int status = 0;
    error_clear(&err);
    return work(call, &status, &err) ? status : command_failed(&err);
}

static const struct option_row options[] = {
    {"hash", OPTION_TEXT, "KINDS",
     "create: digests to make, with commas: c4, md5, sha1, xxh128, xxh3, xxh64 (xxh64)"},
    {"ignore", OPTION_TEXT, "PATTERNS", "names to leave out, with commas: \"*.tmp,Cache/\""},
    {"author", OPTION_TEXT, "NAME", "create: who did it, for the list"},
    {"location", OPTION_TEXT, "PLACE", "create: where, for the list"},
    {"comment", OPTION_TEXT, "WORDS", "create: why, for the list"},
    {"json", OPTION_FLAG, NULL, "the answer as JSON"},
    {0},
};

const struct command command_mhl = {
    .name = "mhl",
    .words = "create|verify|diff|info FOLDER [FILE]",
    .summary = "media hash lists (ASC MHL) of a folder, without a house",
    .about =
        "create reads every file of a folder once, verifies those that its history knows, and "
        "writes a new generation into FOLDER/ascmhl: digests of files and folders, and the chain "
        "that names every generation by its C4 ID. Generations are never changed. What failed is "
        "recorded as failed; a digest of another kind is added only to what was verified. A "
        "folder inside with an ascmhl of its own keeps its own history, and is referred to.\n\n"
        "verify reads everything and writes nothing. It takes a list of the older MHL 1, too, "
        "which lies beside its files. diff looks at names, sizes and times only. info says the "
        "generations, or with FILE (its path below FOLDER) the history of that file.\n\n"
        "The exit status is 1 when a file is not what it was, or missing; of diff also when one "
        "is new or changed.",
    .options = options,
    .least_words = 2,
    .most_words = 3,
    .run = run,
};
