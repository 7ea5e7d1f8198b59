// posthouse ls: projects, and what lies in their folders.
#include "cmd/client.h"

#include <stdio.h>
#include <string.h>

static const char *state_word(const json_t *asset)
{
    const char *state = json_word(json_object_get(asset, "version"), "state");
    return strcmp(state, "ready") == 0 ? "" : state;
}

// What a list of hashes that came along says, when it is that the file is another one.
static bool is_wrong(const json_t *asset)
{
    const json_t *hashes = json_object_get(json_object_get(asset, "version"), "hashes");
    return json_is_object(hashes) && !json_is_true(json_object_get(hashes, "right"));
}

static json_t *projects(struct house *h, struct error *err)
{
    return house_ask(h->client, "GET", NULL, err, "/projects");
}

static void print_projects(const json_t *list)
{
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        printf("%-40s %8s assets %10s  %s\n", json_word(one, "name"),
               count_text(json_count(one, "assets")).text, size_text(json_count(one, "bytes")).text,
               json_word(one, "role"));
    }
}

// Those of a folder ("" is the top) out of all folders of a project.
static json_t *folders_in(json_t *all, const char *parent)
{
    json_t *one, *list = json_array();
    size_t i;
    json_array_foreach(all, i, one)
    {
        if (strcmp(json_word(one, "parent"), parent) == 0)
            json_array_append(list, one);
    }
    return list;
}

static void print_lines(const char *what, const json_t *lines)
{
    const json_t *line;
    size_t i;
    json_array_foreach(lines, i, line) printf("%-26s  %s: %s\n", "", what, json_string_value(line));
}

// What came from a card here, as its newest transfer knows it.
static void print_card(const json_t *card)
{
    if (!json_is_object(card))
        return;
    printf("%-26s  a card: %s, %s clips%s\n", "", json_word(card, "title"),
           count_text(json_count(card, "clips")).text,
           json_array_size(json_object_get(card, "missing")) ? ", not complete" : "");
    print_lines("missing on the card", json_object_get(card, "missing"));
    print_lines("note", json_object_get(card, "notes"));
}

static void print_place(const json_t *place)
{
    json_t *one;
    size_t i;
    print_card(json_object_get(place, "card"));
    json_array_foreach(json_object_get(place, "folders"), i, one)
    {
        printf("%-26s  %-8s %10s  %s/\n", json_word(one, "id"), "folder",
               count_text(json_count(one, "assets")).text, json_word(one, "name"));
    }
    json_array_foreach(json_object_get(place, "growing"), i, one)
    {
        bool grows = strcmp(json_word(one, "state"), "growing") == 0;
        printf("%-26s  %-8s %10s  %s  still %s\n", json_word(one, "file"), "growing",
               size_text(json_count(one, "arrived")).text, json_word(one, "path"),
               grows ? "growing" : "not closed");
    }
    json_array_foreach(json_object_get(place, "assets"), i, one)
    {
        printf("%-26s  %-8s %10s  %s%s%s%s\n", json_word(one, "id"), json_word(one, "kind"),
               size_text(json_count(json_object_get(one, "version"), "size")).text,
               json_word(one, "name"), is_wrong(one) ? "  wrong hash" : "",
               state_word(one)[0] ? "  " : "", state_word(one));
        const json_t *facts = json_object_get(json_object_get(one, "version"), "facts");
        print_lines("missing", json_object_get(json_object_get(facts, "span"), "missing"));
    }
}

static json_t *card_at(const json_t *cards, const char *folder)
{
    json_t *one;
    size_t i;
    json_array_foreach(cards, i, one)
    {
        json_t *card = json_object_get(one, "card");
        if (*folder && strcmp(json_word(card, "folder"), folder) == 0)
            return json_incref(card);
    }
    return json_null();
}

// Recordings that still come into a folder.
static json_t *growing_in(struct house *h, const char *project, const char *folder)
{
    struct error ignored;
    json_t *all = house_ask(h->client, "GET", NULL, &ignored, "/projects/%s/growing", project),
           *one, *list = json_array();
    size_t i;
    json_array_foreach(all, i, one)
    {
        if (strcmp(json_word(one, "folder"), folder) == 0 &&
            strcmp(json_word(one, "state"), "stored") != 0)
            json_array_append(list, one);
    }
    json_decref(all);
    return list;
}

// What lies at PROJECT/FOLDER/...: {"folders":[...],"assets":[...],"growing":[...],"card":...}.
static json_t *place_at(struct command_call *call, struct house *h, const char *path,
                        struct error *err)
{
    text rest = text_of(path), named = text_cut(&rest, '/');
    char folder[27];
    json_t *project = house_project(h->client, arena_copy(call->arena, named.at, named.size), err);
    if (!project)
        return NULL;
    const char *id = arena_text(call->arena, json_word(project, "id"));
    json_decref(project);
    json_t *all = house_ask(h->client, "GET", NULL, err, "/projects/%s/folders", id);
    json_t *assets = json_array();
    bool ok = all && house_folder(h->client, id, rest.size ? rest.at : "", false, folder, err) &&
              house_assets(h->client, id, folder, assets, err);
    json_t *cards = ok ? house_ask(h->client, "GET", NULL, err, "/projects/%s/cards", id) : NULL;
    json_t *place = cards ? json_pack("{s:s,s:o,s:O,s:o,s:o}", "project", id, "folders",
                                      folders_in(all, folder), "assets", assets, "growing",
                                      growing_in(h, id, folder), "card", card_at(cards, folder))
                          : NULL;
    json_decref(cards);
    json_decref(assets);
    json_decref(all);
    return place;
}

static int run(struct command_call *call)
{
    struct house h;
    struct error err;
    error_clear(&err);
    bool one = call->word_count == 1;
    json_t *seen = !house_open(call, 2, &h, &err) ? NULL
                   : one                          ? place_at(call, &h, call->words[0], &err)
                                                  : projects(&h, &err);
    if (seen && option_flag(call, "json")) {
        json_dumpf(seen, stdout, JSON_INDENT(2));
        printf("\n");
    } else if (seen) {
        (one ? print_place : print_projects)(seen);
    }
    int status = seen ? 0 : command_failed(&err);
    json_decref(seen);
    house_close(&h);
    return status;
}

static const struct option_row options[] = {
    {"json", OPTION_FLAG, NULL, "print what the API says, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_ls = {
    "ls",
    "[PROJECT[/FOLDER...]]",
    "list projects, or what lies in a folder",
    "Without a word: the projects that you may see. With one: the folders and assets in it, each\n"
    "with its id, kind and size, how far it is when it is not ready yet, and what is missing of a\n"
    "clip of several files or of a camera card. `posthouse get` "
    "takes\n"
    "an asset out by its id or by its path as it is written here.",
    options,
    0,
    1,
    run,
};
