// posthouse place: folders of volumes whose media is in place; and put --in-place.
#include "cmd/place.h"
#include "cmd/client.h"
#include "cmd/put.h"
#include "plat/clock.h"
#include "wire/outside.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 300 };

static void print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
}

// ---- telling

static bool looked_at(const json_t *p)
{
    return *json_word(p, "scanned") && !json_is_true(json_object_get(p, "scanning"));
}

static const char *day(const json_t *p, const char *name, char to[24])
{
    const char *at = json_word(p, name);
    snprintf(to, 24, "%.10s %.5s", at, strlen(at) > 16 ? at + 11 : "");
    return *at ? to : "never";
}

static void print_state(const json_t *p)
{
    char since[24], seen[24];
    int64_t left = json_count(p, "files") - json_count(p, "hashed_files");
    if (*json_word(p, "unanswered"))
        printf("  does not answer since %s: its volume hangs; the other places go on\n",
               day(p, "unanswered", since));
    if (strcmp(json_word(p, "state"), "offline") == 0) {
        printf("  offline since %s, last seen at %s: %s\n", day(p, "since", since),
               day(p, "seen", seen), json_word(p, "problem"));
        if (json_is_true(json_object_get(p, "scanning")))
            printf("  is being looked at again\n");
        else
            printf(
                "  mount it again, and nothing else is needed; if it is elsewhere now: posthouse "
                "place move %s DIR\n",
                json_word(p, "id"));
        return;
    }
    if (strcmp(json_word(p, "state"), "leaving") == 0)
        printf("  is being forgotten\n");
    else if (json_is_true(json_object_get(p, "scanning")))
        printf("  is being looked at: %s so far\n", files_text(json_count(p, "scan_files")).text);
    else if (!looked_at(p))
        printf("  waits to be looked at\n");
    if (left > 0 && json_count(p, "hash_bytes_s"))
        printf("  %s to hash: %s, about %s left\n", files_text(left).text,
               rate_text(json_count(p, "hash_bytes_s")).text,
               time_text(json_count(p, "hash_left_s")).text);
    else if (left > 0)
        printf("  %s to hash\n", files_text(left).text);
}

static void print_place(const json_t *p)
{
    printf("%s  %s  (%s)\n", json_word(p, "id"), json_word(p, "path"),
           json_word(p, "project_name"));
    printf("  %s, %s in place; %s of it hashed\n", files_text(json_count(p, "files")).text,
           size_text(json_count(p, "bytes")).text, size_text(json_count(p, "hashed_bytes")).text);
    print_state(p);
    if (json_count(p, "waiting"))
        printf("  %s seen, not yet taken\n", files_text(json_count(p, "waiting")).text);
    if (json_count(p, "gone"))
        printf("  %s not there any more\n", files_text(json_count(p, "gone")).text);
    if (json_count(p, "unreadable"))
        printf("  %s could not be looked at, the first: %s\n",
               count_text(json_count(p, "unreadable")).text, json_word(p, "unreadable_path"));
    if (json_count(p, "unread"))
        printf("  %s could not be read; they are tried again\n",
               files_text(json_count(p, "unread")).text);
    if (json_count(p, "links"))
        printf("  left out: symbolic links, %s\n", count_text(json_count(p, "links")).text);
}

static bool told(struct command_call *call, json_t *place)
{
    if (!place)
        return false;
    if (option_flag(call, "json"))
        print_json(place);
    else
        print_place(place);
    json_decref(place);
    return true;
}

// ---- acts

static bool list(struct command_call *call, struct house *h, struct error *err)
{
    json_t *all = house_ask(h->client, "GET", NULL, err, "/places"), *one;
    size_t i;
    if (!all)
        return false;
    if (option_flag(call, "json"))
        print_json(all);
    else
        json_array_foreach(all, i, one) print_place(one);
    if (!option_flag(call, "json") && !json_array_size(all))
        printf("No media is in place: posthouse put --in-place DIR --project NAME\n");
    json_decref(all);
    return true;
}

static bool show(struct command_call *call, struct house *h, struct error *err)
{
    return told(call, house_ask(h->client, "GET", NULL, err, "/places/%s", call->words[1]));
}

static bool rescan(struct command_call *call, struct house *h, struct error *err)
{
    return told(call, house_ask(h->client, "POST", NULL, err, "/places/%s/scan", call->words[1]));
}

// As the house is to see it, which may be another machine, and see what this one does not. A whole
// path is not looked at here: its volume may not answer, which the house says.
static void folder_said(const char *word, char path[PATH_MAX])
{
    bool whole = word[0] == '/' && !strstr(word, "/..");
    if (whole || !realpath(word, path))
        snprintf(path, PATH_MAX, "%s", word);
}

static bool move(struct command_call *call, struct house *h, struct error *err)
{
    char path[PATH_MAX];
    folder_said(call->words[2], path);
    json_t *body =
        json_pack("{s:s, s:b}", "path", path, "anyway", option_flag(call, "anyway") ? 1 : 0);
    if (!body)
        return error_set(err, ERROR_INPUT, "the name of this folder is not UTF-8");
    json_t *place = house_ask(h->client, "PATCH", body, err, "/places/%s", call->words[1]);
    json_decref(body);
    return told(call, place);
}

static void print_file(const json_t *f)
{
    const char *state = json_word(f, "state");
    char at[24];
    printf("%14lld  %s  %-8s %s\n", (long long)json_count(f, "size"), day(f, "modified", at),
           strcmp(state, "here") == 0 ? json_is_true(json_object_get(f, "hashed")) ? "hashed" : ""
                                      : state,
           json_word(f, "name"));
}

static bool files(struct command_call *call, struct house *h, struct error *err)
{
    char cursor[600] = "";
    struct buf folder = BUF_LIMIT(3 * PATH_MAX);
    bool more = true;
    outside_encode(call->word_count > 2 ? call->words[2] : "", false, &folder);
    for (bool first = true; more; first = false) {
        json_t *page = house_ask(h->client, "GET", NULL, err, "/places/%s/files?path=%s&cursor=%s",
                                 call->words[1], folder.at ? folder.at : "", cursor),
               *one;
        size_t i;
        if (!page)
            break;
        text_copy(text_of(json_word(page, "cursor")), cursor, sizeof(cursor));
        more = *cursor != 0;
        if (option_flag(call, "json")) {
            print_json(page);
        } else {
            json_array_foreach(json_object_get(page, "folders"), i, one) if (first)
                printf("%14s  %16s  %-8s %s/\n", "", "", "", json_string_value(one));
            json_array_foreach(json_object_get(page, "files"), i, one) print_file(one);
        }
        json_decref(page);
    }
    buf_free(&folder);
    return !more;
}

static bool forget(struct command_call *call, struct house *h, struct error *err)
{
    return told(call, house_ask(h->client, "DELETE", NULL, err, "/places/%s", call->words[1]));
}

// Looked at, taken and hashed, save what can not be read.
static bool is_done(const json_t *p)
{
    return strcmp(json_word(p, "state"), "online") == 0 && looked_at(p) &&
           !json_count(p, "waiting") &&
           json_count(p, "hashed_files") + json_count(p, "unread") >= json_count(p, "files");
}

static bool wait_for(struct command_call *call, struct house *h, const char *id, struct error *err)
{
    int64_t until = clock_tick_us(), patience;
    if (!option_int(call, "patience", 24 * 3600, &patience))
        return error_set(err, ERROR_USAGE, "this can not be waited for");
    for (until += patience * 1000000;; clock_sleep_ms(WAIT_MS)) {
        json_t *p = house_ask(h->client, "GET", NULL, err, "/places/%s", id);
        if (!p || is_done(p))
            return told(call, p);
        bool late = clock_tick_us() > until;
        if (late && !option_flag(call, "json"))
            print_place(p);
        json_decref(p);
        if (late) {
            error_set(err, ERROR_TIMEOUT, "the place is not done");
            return error_fix(err, "wait on: posthouse place wait %s", id);
        }
    }
}

static bool wait(struct command_call *call, struct house *h, struct error *err)
{
    return wait_for(call, h, call->words[1], err);
}

static bool keep(struct command_call *call, struct house *h, struct error *err)
{
    json_t *asset = house_asset(h->client, call->arena, call->words[1], err);
    json_t *said = asset ? house_ask(h->client, "POST", NULL, err, "/versions/%s/keep",
                                     json_word(json_object_get(asset, "version"), "id"))
                         : NULL;
    if (said && !option_flag(call, "json"))
        printf("%s is being copied into the house\n", json_word(asset, "name"));
    json_decref(asset);
    json_decref(said);
    return said != NULL;
}

static int run(struct command_call *call)
{
    static const struct {
        const char *name;
        bool (*run)(struct command_call *call, struct house *h, struct error *err);
        size_t words, most;
    } verbs[] = {{"list", list, 1, 1}, {"show", show, 2, 2},     {"wait", wait, 2, 2},
                 {"keep", keep, 2, 2}, {"rescan", rescan, 2, 2}, {"forget", forget, 2, 2},
                 {"move", move, 3, 3}, {"files", files, 2, 3}};
    size_t words = call->word_count ? call->word_count : 1;
    struct error err;
    struct house h = {0};
    const char *verb = call->word_count ? call->words[0] : "list";
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, verb) != 0 || words < verbs[i].words || words > verbs[i].most)
            continue;
        bool ok = house_open(call, 1, &h, &err) && verbs[i].run(call, &h, &err);
        house_close(&h);
        return ok ? 0 : command_failed(&err);
    }
    error_set(&err, ERROR_USAGE, "posthouse place does not know '%s'", verb);
    error_fix(&err, "`posthouse place --help` lists what it does");
    return command_failed(&err);
}

// ---- put --in-place

static bool put(struct command_call *call, struct house *h, struct error *err)
{
    const char *folder = option_text(call, "folder"), *named = put_project(call);
    char path[PATH_MAX], id[27] = "", into[27] = "";
    if (!named) {
        error_set(err, ERROR_USAGE, "put --in-place needs a project");
        return error_fix(err, "say --project NAME; `posthouse ls` lists them");
    }
    if (call->word_count != 1) {
        error_set(err, ERROR_USAGE, "one folder at a time can be taken in place");
        return error_fix(err, "name one that the house's machine sees");
    }
    folder_said(call->words[0], path);
    json_t *project = house_project(h->client, named, err);
    const char *to = project ? arena_text(call->arena, json_word(project, "id")) : NULL;
    json_decref(project);
    if (!to || (folder && !house_folder(h->client, to, folder, true, into, err)))
        return false;
    json_t *body = json_pack("{s:s}", "path", path);
    if (!body)
        return error_set(err, ERROR_INPUT, "the name of this folder is not UTF-8");
    if (*into)
        json_object_set_new(body, "folder", json_string(into));
    json_t *place = house_ask(h->client, "POST", body, err, "/projects/%s/places", to);
    json_decref(body);
    if (place)
        text_copy(text_of(json_word(place, "id")), id, sizeof(id));
    if (!place || !option_flag(call, "wait"))
        return told(call, place);
    json_decref(place);
    return wait_for(call, h, id, err);
}

int put_in_place(struct command_call *call)
{
    struct error err;
    struct house h = {0};
    error_clear(&err);
    bool ok = house_open(call, 1, &h, &err) && put(call, &h, &err);
    house_close(&h);
    return ok ? 0 : command_failed(&err);
}

static const struct option_row options[] = {
    {"patience", OPTION_INT, "SECONDS", "wait: how long at most (a day)"},
    {"anyway", OPTION_FLAG, NULL, "move: though none of its files is there"},
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_place = {
    "place",
    "[list] | show ID | files ID [FOLDER] | wait ID | rescan ID | keep ASSET | move ID DIR | "
    "forget "
    "ID",
    "media in place: folders of volumes that a project takes as they lie",
    "`posthouse put --in-place DIR --project NAME` adds one. Its files are only ever read: they "
    "are\n"
    "hashed in the background; what is new, moved, changed or gone is noticed and said. Nothing "
    "is\n"
    "copied until it is asked for: keep copies one asset (an id, or PROJECT/FOLDER/NAME) into the\n"
    "house, proven as it is read. wait ends when all of a place was looked at, taken and hashed.\n"
    "rescan looks at all of it now. files lists what is known of a folder of it, also what is seen "
    "and\n"
    "not an asset yet. move says that its folder is DIR now, as on another machine after a "
    "restore.\n"
    "forget puts its assets among the deleted ones and leaves the files as they are.\n"
    "Folders may be taken below those that the setting places.roots names.",
    options,
    0,
    0,
    run,
};
