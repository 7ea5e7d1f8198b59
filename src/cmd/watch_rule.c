// posthouse watch-rule: what lands in a folder becomes these deliverables and goes there.
#include "cmd/client.h"

#include <stdio.h>
#include <string.h>

static void print_rules(struct command_call *call, const json_t *all)
{
    size_t i, k;
    const json_t *one, *profile;
    if (option_flag(call, "json")) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
        return;
    }
    json_array_foreach(all, i, one)
    {
        printf("%s  %s%s: %s becomes", json_word(one, "id"), json_word(one, "name"),
               json_is_true(json_object_get(one, "enabled")) ? "" : " (rests)",
               json_word(one, "where"));
        json_array_foreach(json_object_get(one, "profiles"), k, profile)
            printf("%s %s", k ? "," : "", json_string_value(profile));
        printf("%s%s", *json_word(one, "to") ? " and goes to " : "", json_word(one, "to"));
        printf("; %lld done, %lld could not\n",
               (long long)(json_count(one, "runs") - json_count(one, "problems")),
               (long long)json_count(one, "problems"));
    }
    if (!json_array_size(all))
        printf("The project has no watch rules.\n");
}

static bool shown(struct command_call *call, json_t *all)
{
    if (all)
        print_rules(call, all);
    json_decref(all);
    return all != NULL;
}

static bool list(struct command_call *call, struct house *h, const char *project, struct error *err)
{
    return shown(call, house_ask(h->client, "GET", NULL, err, "/projects/%s/watch-rules", project));
}

static const char *destination(struct command_call *call, struct house *h, const char *named,
                               struct error *err)
{
    const char *found = NULL;
    json_t *all = house_ask(h->client, "GET", NULL, err, "/destinations"), *one;
    size_t i;
    json_array_foreach(all, i, one) if (strcmp(json_word(one, "id"), named) == 0 ||
                                        strcmp(json_word(one, "name"), named) == 0) found =
        arena_text(call->arena, json_word(one, "id"));
    if (all && !found)
        error_set(err, ERROR_NOT_FOUND, "there is no destination \"%s\"", named);
    json_decref(all);
    return found;
}

static bool add(struct command_call *call, struct house *h, const char *project, struct error *err)
{
    const char *folder = option_text(call, "folder"), *to = option_text(call, "to"), *id = NULL;
    const char *profiles = option_text(call, "profiles");
    char folder_id[27] = "";
    if (call->word_count != 3 || !profiles) {
        error_set(err, ERROR_USAGE, "a rule needs a name and --profiles");
        return error_fix(err, "posthouse watch-rule add PROJECT NAME --profiles web-h264-1080p");
    }
    if ((folder && !house_folder(h->client, project, folder, false, folder_id, err)) ||
        (to && !(id = destination(call, h, to, err))))
        return false;
    json_t *names = json_array();
    for (text rest = text_of(profiles); rest.size;) {
        text one = text_trim(text_cut(&rest, ','));
        json_array_append_new(names, json_stringn(one.at, one.size));
    }
    json_t *body = json_pack("{s:s, s:o}", "name", call->words[2], "profiles", names);
    if (*folder_id)
        json_object_set_new(body, "folder", json_string(folder_id));
    if (id)
        json_object_set_new(body, "destination", json_string(id));
    json_t *all = house_ask(h->client, "POST", body, err, "/projects/%s/watch-rules", project);
    json_decref(body);
    return shown(call, all);
}

static bool of_rule(struct command_call *call, struct house *h, struct error *err)
{
    const char *verb = call->words[0];
    bool on = strcmp(verb, "resume") == 0;
    json_t *body = json_pack("{s:b}", "enabled", on), *said;
    if (call->word_count != 2) {
        json_decref(body);
        error_set(err, ERROR_USAGE, "%s needs the id of a rule", verb);
        return error_fix(err, "`posthouse watch-rule list PROJECT` shows them");
    }
    if (strcmp(verb, "remove") == 0)
        said = house_ask(h->client, "DELETE", NULL, err, "/watch-rules/%s", call->words[1]);
    else if (strcmp(verb, "again") == 0)
        said = house_ask(h->client, "POST", NULL, err, "/watch-rules/%s/again", call->words[1]);
    else
        said = house_ask(h->client, "PATCH", body, err, "/watch-rules/%s", call->words[1]);
    json_decref(body);
    json_decref(said);
    return said != NULL;
}

static int run(struct command_call *call)
{
    static const char *const of_rules[] = {"remove", "rest", "resume", "again"};
    struct error err;
    struct house h = {0};
    const char *verb = call->words[0];
    bool rule = false, ok, of_project = strcmp(verb, "list") == 0 || strcmp(verb, "add") == 0;
    for (size_t i = 0; i < sizeof(of_rules) / sizeof(of_rules[0]); i++)
        rule = rule || strcmp(verb, of_rules[i]) == 0;
    if ((!rule && !of_project) || call->word_count < 2) {
        error_set(&err, ERROR_USAGE, "posthouse watch-rule does not know what to do");
        error_fix(&err, "write list PROJECT, add PROJECT NAME, rest, resume, again or remove RULE");
        return command_failed(&err);
    }
    ok = house_open(call, 1, &h, &err);
    if (ok && rule) {
        ok = of_rule(call, &h, &err);
    } else if (ok) {
        json_t *project = house_project(h.client, call->words[1], &err);
        const char *id = project ? arena_text(call->arena, json_word(project, "id")) : "";
        ok = project && (strcmp(verb, "list") == 0 ? list : add)(call, &h, id, &err);
        json_decref(project);
    }
    house_close(&h);
    return ok ? 0 : command_failed(&err);
}

static const struct option_row options[] = {
    {"folder", OPTION_TEXT, "A/B",
     "add: the folder it watches, with those in it (all of the project)"},
    {"profiles", OPTION_TEXT, "NAMES", "add: what it becomes, commas between"},
    {"to", OPTION_TEXT, "NAME", "add: the destination it goes to (it stays in the house)"},
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_watch_rule = {
    "watch-rule",
    "list PROJECT | add PROJECT NAME | rest RULE | resume RULE | again RULE | remove RULE",
    "what lands in a folder becomes these deliverables and goes there",
    "A rule looks at each version once, when it is whole and looked into. What the house "
    "delivered\n"
    "itself does not trigger it, wherever it comes in again. `again` asks once more for what "
    "could\n"
    "not be asked for.",
    options,
    1,
    0,
    run,
};
