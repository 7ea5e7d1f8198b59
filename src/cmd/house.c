// posthouse house, send, fetch: other houses, and what goes there and comes from there.
#include "cmd/client.h"
#include "cmd/progress.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_MOST = 8192, LOOK_MS = 300 };

static void print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
}

// ---- other houses

static bool list(struct command_call *call, struct house *h, struct error *err)
{
    json_t *all = house_ask(h->client, "GET", NULL, err, "/houses"), *one;
    size_t i;
    if (!all)
        return false;
    if (option_flag(call, "json"))
        print_json(all);
    json_array_foreach(all, i, one) if (!option_flag(call, "json"))
        printf("%s  %-24s %s\n", json_word(one, "id"), json_word(one, "name"),
               json_word(one, "url"));
    if (!json_array_size(all) && !option_flag(call, "json"))
        printf("There are no other houses. posthouse house add NAME URL adds one.\n");
    json_decref(all);
    return true;
}

static bool add(struct command_call *call, struct house *h, struct error *err)
{
    const char *path = option_text(call, "their-token"), *print = option_text(call, "their-print");
    struct buf b = BUF_LIMIT(TOKEN_MOST);
    if (call->word_count != 3 || !path) {
        error_set(err, ERROR_USAGE, "a house needs a name, an address and a token");
        return error_fix(err, "posthouse house add NAME https://house.example:8480 --their-token "
                              "FILE --their-print HEX");
    }
    if (!file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &b, err))
        return false;
    text token = text_trim((text){b.at, b.size});
    json_t *body = json_pack("{s:s, s:s, s:s, s:o}", "name", call->words[1], "url", call->words[2],
                             "fingerprint", print ? print : "", "token",
                             json_stringn(token.at ? token.at : "", token.size));
    json_t *made = house_ask(h->client, "POST", body, err, "/houses");
    if (b.at)
        explicit_bzero(b.at, b.size);
    buf_free(&b);
    json_decref(body);
    if (made && option_flag(call, "json"))
        print_json(made);
    else if (made)
        printf("%s\n", json_word(made, "id"));
    json_decref(made);
    return made != NULL;
}

// By its id or its name.
static const char *find(struct command_call *call, struct house *h, const char *named,
                        struct error *err)
{
    const char *found = NULL;
    json_t *all = house_ask(h->client, "GET", NULL, err, "/houses"), *one;
    size_t i;
    if (!all)
        return NULL;
    json_array_foreach(all, i, one) if (strcmp(json_word(one, "id"), named) == 0 ||
                                        strcmp(json_word(one, "name"), named) == 0) found =
        arena_text(call->arena, json_word(one, "id"));
    json_decref(all);
    if (!found) {
        error_set(err, ERROR_NOT_FOUND, "there is no house \"%s\"", named);
        error_fix(err, "`posthouse house list` shows them");
    }
    return found;
}

static bool test(struct command_call *call, struct house *h, struct error *err)
{
    const char *id = find(call, h, call->word_count > 1 ? call->words[1] : "", err);
    json_t *said = id ? house_ask(h->client, "POST", NULL, err, "/houses/%s/test", id) : NULL;
    if (said && option_flag(call, "json"))
        print_json(said);
    else if (said)
        printf("%s, posthouse %s; the account there is %s\n", json_word(said, "name"),
               json_word(said, "version"), json_word(said, "account"));
    json_decref(said);
    return said != NULL;
}

static bool forget(struct command_call *call, struct house *h, struct error *err)
{
    const char *id = find(call, h, call->word_count > 1 ? call->words[1] : "", err);
    json_t *said = id ? house_ask(h->client, "DELETE", NULL, err, "/houses/%s", id) : NULL;
    json_decref(said);
    return said != NULL;
}

static int run_house(struct command_call *call)
{
    static const struct {
        const char *name;
        bool (*run)(struct command_call *call, struct house *h, struct error *err);
    } verbs[] = {{"list", list}, {"add", add}, {"test", test}, {"forget", forget}};
    struct error err;
    struct house h = {0};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, call->words[0]) != 0)
            continue;
        bool ok = house_open(call, 1, &h, &err) && verbs[i].run(call, &h, &err);
        house_close(&h);
        return ok ? 0 : command_failed(&err);
    }
    error_set(&err, ERROR_USAGE, "posthouse house does not know '%s'", call->words[0]);
    error_fix(&err, "write list, add, test or forget");
    return command_failed(&err);
}

// ---- orders

static void say_result(const json_t *p)
{
    const json_t *r = json_object_get(p, "result");
    const char *via = json_word(r, "via");
    size_t i;
    json_t *line;
    int64_t took_ms = json_count(r, "took_ms"), moved = json_count(r, "moved");
    printf("%lld assets, %lld new versions, %lld new notes, %s",
           (long long)json_count(r, "assets"), (long long)json_count(r, "versions"),
           (long long)json_count(r, "notes"), files_text(json_count(r, "files")).text);
    printf("; %s moved%s%s", size_text(moved).text, *via ? " by " : "", via);
    if (moved && took_ms)
        printf(", %s", rate_text(moved * 1000 / took_ms).text);
    printf(". Every file is verified there.\n");
    json_array_foreach(json_object_get(r, "renumbered"), i, line)
        printf("  %s\n", json_string_value(line));
    if (json_count(r, "renamed") || json_count(r, "placed") || json_count(r, "notes_changed") ||
        json_count(r, "notes_gone"))
        printf("  %lld assets renamed, %lld moved; %lld notes changed, %lld deleted\n",
               (long long)json_count(r, "renamed"), (long long)json_count(r, "placed"),
               (long long)json_count(r, "notes_changed"), (long long)json_count(r, "notes_gone"));
    if (json_count(r, "names_kept"))
        printf("  %lld assets keep their names and places: the account there may not edit\n",
               (long long)json_count(r, "names_kept"));
    if (json_count(r, "told_kept"))
        printf("  people told something else of %lld assets at both houses; both were left so\n",
               (long long)json_count(r, "told_kept"));
}

static bool failed(const json_t *p, struct error *err)
{
    const json_t *why = json_object_get(p, "problem");
    if (strcmp(json_word(p, "state"), "cancelled") == 0)
        return error_set(err, ERROR_CANCELLED, "it was cancelled");
    error_set(err, error_kind_named(json_word(why, "kind")), "%s", json_word(why, "title"));
    error_why(err, "%s", json_word(why, "detail"));
    return error_fix(err, "%s", json_word(why, "fix"));
}

static bool keep_receipt(struct command_call *call, struct house *h, const char *parcel,
                         struct error *err)
{
    const char *path = option_text(call, "receipt");
    json_t *receipt =
        path ? house_ask(h->client, "GET", NULL, err, "/parcels/%s/receipt", parcel) : NULL;
    char *text = receipt ? json_dumps(receipt, JSON_INDENT(2)) : NULL;
    bool ok = !path || (text && file_write(path, text, strlen(text), 0644, err));
    free(text);
    json_decref(receipt);
    return ok;
}

// Until it is there. Whoever stops waiting stops nothing.
static bool follow(struct command_call *call, struct house *h, const json_t *order,
                   struct error *err)
{
    bool json = option_flag(call, "json");
    struct progress progress = progress_begin("moving", "bytes", json);
    const char *id = json_word(order, "id"), *job = json_word(order, "job");
    for (;;) {
        json_t *p = house_ask(h->client, "GET", NULL, err, "/parcels/%s", id);
        const char *state = json_word(p, "state");
        bool done = json_is_object(json_object_get(p, "result")),
             over = strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
        if (!p || done || over) {
            progress_end(&progress);
            if (done && json)
                print_json(p);
            else if (done)
                say_result(p);
            bool ok = p && (done || failed(p, err)) && keep_receipt(call, h, id, err);
            json_decref(p);
            return ok;
        }
        json_decref(p);
        json_t *j = house_ask(h->client, "GET", NULL, err, "/jobs/%s", job);
        if (!j)
            return false;
        progress_show(&progress, json_count(j, "done"), json_count(j, "total"));
        json_decref(j);
        clock_sleep_ms(LOOK_MS);
    }
}

// "HOUSE:PROJECT" or "HOUSE".
static const char *house_of(struct command_call *call, const char *said, const char **project)
{
    text rest = text_of(said), name = text_cut(&rest, ':');
    *project = rest.size ? rest.at : NULL;
    return arena_copy(call->arena, name.at, name.size);
}

// PROJECT[/PATH] words of one project: its name, and the paths (none: all of it).
static bool words_of(struct command_call *call, const char **project, json_t *paths,
                     struct error *err)
{
    bool all = false;
    *project = NULL;
    for (size_t i = 0; i < call->word_count; i++) {
        text rest = text_of(call->words[i]), name = text_cut(&rest, '/');
        const char *named = arena_copy(call->arena, name.at, name.size);
        if (*project && strcmp(*project, named) != 0) {
            error_set(err, ERROR_USAGE, "one order moves things of one project");
            return error_fix(err, "give an order for each");
        }
        *project = named;
        all = all || !rest.size;
        json_array_append_new(paths, json_stringn(rest.size ? rest.at : "", rest.size));
    }
    if (all)
        json_array_clear(paths);
    return true;
}

static bool order(struct command_call *call, struct house *h, bool in, struct error *err)
{
    const char *option = in ? "from" : "to", *said = option_text(call, option), *there, *named;
    json_t *paths = json_array();
    if (!said) {
        json_decref(paths);
        error_set(err, ERROR_USAGE, "say which house: --%s HOUSE%s", option, in ? "" : "[:PROJECT]");
        return error_fix(err, "`posthouse house list` shows them");
    }
    const char *house = find(call, h, house_of(call, said, &there), err);
    if (!house || !words_of(call, &named, paths, err)) {
        json_decref(paths);
        return false;
    }
    const char *into = in ? option_text(call, "into") : NULL;
    json_t *project = house_project(h->client, into ? into : named, err);
    if (in)
        there = named;
    if (!there)
        there = json_word(project, "name");
    json_t *body = json_pack("{s:s, s:s, s:s, s:o}", "house", house, "way", in ? "in" : "out",
                             "there", there, "paths", paths);
    json_t *made = project ? house_ask(h->client, "POST", body, err, "/projects/%s/parcels",
                                       json_word(project, "id"))
                           : NULL;
    bool ok = made != NULL;
    if (ok && option_flag(call, "no-wait"))
        printf("%s\n", json_word(made, "id"));
    else if (ok)
        ok = follow(call, h, made, err);
    json_decref(made);
    json_decref(body);
    json_decref(project);
    return ok;
}

static int run_order(struct command_call *call, bool in)
{
    struct error err;
    struct house h = {0};
    bool ok = house_open(call, 1, &h, &err) && order(call, &h, in, &err);
    house_close(&h);
    return ok ? 0 : command_failed(&err);
}

static int run_send(struct command_call *call)
{
    return run_order(call, false);
}

static int run_fetch(struct command_call *call)
{
    return run_order(call, true);
}

static const struct option_row house_options[] = {
    {"their-token", OPTION_TEXT, "FILE", "add: a file with a token made there; - reads standard input"},
    {"their-print", OPTION_TEXT, "HEX", "add: SHA-256 of its certificate, which alone is trusted"},
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_house = {
    "house",
    "list | add NAME URL | test NAME | forget NAME",
    "other houses that this one sends to and fetches from",
    "A house is another Posthouse: its address, the fingerprint of its certificate as it prints it "
    "when it starts,\nand a token of an account there. What that account may do there is all that "
    "this house may do there. The\ntoken is kept sealed and never shown again. `test` says who is "
    "there.",
    house_options,
    1,
    0,
    run_house,
};

static const struct option_row send_options[] = {
    {"to", OPTION_TEXT, "HOUSE[:PROJECT]", "which house; PROJECT: its project, else the same name"},
    {"receipt", OPTION_TEXT, "FILE", "write the receipt that the receiving house signs there"},
    {"no-wait", OPTION_FLAG, NULL, "give the order and print its id"},
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_send = {
    "send",
    "PROJECT[/PATH]... --to HOUSE[:PROJECT]",
    "send projects and assets to another house, with versions and notes",
    "The house carries it out by itself, also when this command is ended. All versions travel with "
    "their status,\nthe notes with replies and drawings, and what people told of the assets. What is "
    "there already is not sent:\nsending again sends what is new. Where both houses made versions, "
    "the ones that come are put behind and\nthe new numbers are said; nothing is overwritten. A "
    "project that is not there yet is made when the account\nthere may. Each file is verified at the "
    "other house, which signs a receipt.",
    send_options,
    1,
    0,
    run_send,
};

static const struct option_row fetch_options[] = {
    {"from", OPTION_TEXT, "HOUSE", "which house"},
    {"into", OPTION_TEXT, "PROJECT", "the project here, else the one of the same name"},
    {"receipt", OPTION_TEXT, "FILE", "write the receipt that the receiving house signs there"},
    {"no-wait", OPTION_FLAG, NULL, "give the order and print its id"},
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_fetch = {
    "fetch",
    "PROJECT[/PATH]... --from HOUSE [--into PROJECT]",
    "fetch projects and assets from another house, with versions and notes",
    "As `posthouse send`, the other way round; for administrators, as the account at the other house "
    "may show\nmore than the people here may see.",
    fetch_options,
    1,
    0,
    run_fetch,
};
