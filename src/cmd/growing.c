// posthouse growing: recordings that come into a house while they are written, and what a person
// may do about one that nobody closes.
#include "cmd/get_growing.h"
#include "plat/clock.h"
#include "plat/ids.h"

#include <stdio.h>
#include <string.h>

enum { LOOK_MS = 300 };

// ---- telling

static const char *far(struct arena *a, const json_t *g)
{
    return arena_format(a, "%s of %s here", size_text(json_count(g, "arrived")).text,
                        size_text(json_count(g, "written")).text);
}

static const char *state_of(struct arena *a, const json_t *g)
{
    const char *state = json_word(g, "state"), *by = json_word(g, "unclosed_by");
    if (strcmp(state, "stored") == 0)
        return arena_format(a, "never closed by its recorder; taken by the word of %s",
                            by[0] ? by : "its sender");
    if (strcmp(state, "closing") == 0)
        return arena_format(a, "closed; its last bytes are on their way, %s", far(a, g));
    if (strcmp(state, "growing") == 0)
        return arena_format(a, "still growing, %s", far(a, g));
    const char *since = json_word(g, "grew");
    return strcmp(state, "lost") == 0
               ? arena_format(
                     a, "not closed since %s, and nothing is heard of its sender since %s; %s",
                     since, json_word(g, "heard"), far(a, g))
               : arena_format(a, "not closed, though it does not grow since %s; %s", since,
                              far(a, g));
}

static bool stuck(const json_t *g)
{
    const char *state = json_word(g, "state");
    return strcmp(state, "silent") == 0 || strcmp(state, "lost") == 0;
}

static void print_row(struct arena *a, const json_t *g)
{
    const char *file = json_word(g, "file");
    printf("%-26s  %s  %s\n", file, json_word(g, "path"), state_of(a, g));
    if (stuck(g))
        printf("%-26s  wait for its recorder; take it as it is: posthouse growing %s --close; or "
               "throw "
               "it away: --drop\n",
               "", file);
}

// ---- doing

static bool until_stored(struct house *h, const char *file, int64_t patience_us, json_t **came,
                         struct error *err)
{
    int64_t since = clock_tick_us();
    for (;;) {
        json_t *seen = house_ask(h->client, "GET", NULL, err, "/files/%s/came", file);
        bool stored = seen && strcmp(json_word(seen, "state"), "stored") == 0;
        if (stored)
            *came = seen;
        if (!seen || stored)
            return stored;
        bool empty = strcmp(json_word(seen, "state"), "lost") == 0 && !json_count(seen, "size");
        json_decref(seen);
        if (empty) {
            error_set(err, ERROR_CONFLICT, "nothing of it is here, and its sender is away");
            return error_fix(err, "drop it: posthouse growing %s --drop", file);
        }
        if (clock_tick_us() - since > patience_us) {
            error_set(err, ERROR_TIMEOUT, "it was said, and is not done yet");
            error_why(err,
                      "its sender does it when it is heard again, or the house when it is lost");
            return error_fix(err, "look again: posthouse growing %s", file);
        }
        clock_sleep_ms(LOOK_MS);
    }
}

static bool close_it(struct command_call *call, struct house *h, const json_t *g, bool json,
                     struct error *err)
{
    const char *file = json_word(g, "file");
    int64_t patience;
    json_t *came = NULL;
    if (!option_int(call, "patience", 600, &patience))
        return error_set(err, ERROR_USAGE, "nothing was done");
    json_t *said = house_ask(h->client, "POST", NULL, err, "/files/%s/finish", file);
    bool ok = said && until_stored(h, file, patience * 1000000, &came, err);
    if (ok && json) {
        json_dumpf(came, stdout, JSON_INDENT(2));
        printf("\n");
    } else if (ok) {
        printf("%s is a version as it was: %s of %s that its recorder had written\n",
               json_word(g, "path"), size_text(json_count(came, "size")).text,
               size_text(json_count(came, "written")).text);
    }
    json_decref(said);
    json_decref(came);
    return ok;
}

static bool drop_it(struct house *h, const json_t *g, struct error *err)
{
    json_t *done = house_ask(h->client, "POST", NULL, err, "/files/%s/drop", json_word(g, "file"));
    if (done)
        printf("%s was dropped: %s are gone from the house\n", json_word(g, "path"),
               size_text(json_count(g, "arrived")).text);
    json_decref(done);
    return done != NULL;
}

static bool of_one(struct command_call *call, struct house *h, struct error *err)
{
    const char *named = call->words[0];
    bool closes = option_flag(call, "close"), drops = option_flag(call, "drop"),
         json = option_flag(call, "json");
    json_t *g = growing_named(h->client, call->arena, named, err);
    if (!g && err->kind == ERROR_NONE) {
        error_set(err, ERROR_NOT_FOUND, "no recording %s comes in just now", named);
        error_fix(err, "`posthouse growing PROJECT` lists them; a closed one is an asset");
    }
    if (!g)
        return false;
    bool ok = closes ? close_it(call, h, g, json, err) : drops ? drop_it(h, g, err) : true;
    if (ok && !closes && !drops && json) {
        json_dumpf(g, stdout, JSON_INDENT(2));
        printf("\n");
    } else if (ok && !closes && !drops) {
        print_row(call->arena, g);
    }
    json_decref(g);
    return ok;
}

static bool of_project(struct command_call *call, struct house *h, struct error *err)
{
    json_t *project = house_project(h->client, call->words[0], err), *row;
    json_t *list = project ? house_ask(h->client, "GET", NULL, err, "/projects/%s/growing",
                                       json_word(project, "id"))
                           : NULL;
    size_t i;
    if (list && option_flag(call, "json")) {
        json_dumpf(list, stdout, JSON_INDENT(2));
        printf("\n");
    } else {
        json_array_foreach(list, i, row) print_row(call->arena, row);
    }
    if (list && !json_array_size(list) && !option_flag(call, "json"))
        printf("nothing comes in just now that is still being written\n");
    bool ok = list != NULL;
    json_decref(project);
    json_decref(list);
    return ok;
}

static int run(struct command_call *call)
{
    struct house h = {0};
    struct error err;
    error_clear(&err);
    const char *named = call->words[0];
    bool acts = option_flag(call, "close") || option_flag(call, "drop");
    bool one = acts || strchr(named, '/');
    bool ok = house_open(call, 2, &h, &err);
    if (ok && !one && id_valid(text_of(named))) { // of a file, or of a project
        json_t *g = growing_named(h.client, call->arena, named, &err);
        one = g != NULL;
        json_decref(g);
    }
    ok = ok && (one ? of_one(call, &h, &err) : of_project(call, &h, &err));
    house_close(&h);
    return ok ? 0 : command_failed(&err);
}

static const struct option_row options[] = {
    {"close", OPTION_FLAG, NULL,
     "it is over though its recorder has not closed it: what is there becomes a version"},
    {"drop", OPTION_FLAG, NULL, "what came of it is thrown away"},
    {"patience", OPTION_INT, "SECONDS", "with --close: how long to wait until it is done (600)"},
    {"json", OPTION_FLAG, NULL, "print what the API says, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_growing = {
    "growing",
    "PROJECT|FILE",
    "recordings that come in while they are written, and what to do with one that nobody closes",
    "With a project: those that come in, how far they are, and since when one that is not closed\n"
    "does not grow any more. FILE is the id that stands there, or PROJECT/FOLDER/NAME. One of "
    "which\n"
    "nothing comes any more can be waited for, taken as it is (--close: a version, marked as "
    "never\n"
    "closed by its recorder; also when its sender is gone, then without what only that one has), "
    "or\n"
    "thrown away (--drop). `posthouse get` takes one out as it grows.",
    options,
    1,
    1,
    run,
};
