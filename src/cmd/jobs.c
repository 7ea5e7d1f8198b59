// posthouse jobs: what the house is doing.
#include "cmd/client.h"

#include <stdio.h>
#include <string.h>

static void print_job(const json_t *j)
{
    double progress = json_number_value(json_object_get(j, "progress"));
    const json_t *problem = json_object_get(j, "problem");
    int64_t left = json_count(j, "left_s");
    printf("%s  %-9s %3d%%  %s%s%s\n", json_word(j, "id"), json_word(j, "state"),
           (int)(progress * 100), json_word(j, "title"), left ? ", left: " : "",
           left ? time_text(left).text : "");
    if (json_is_object(problem) && strcmp(json_word(j, "state"), "done") != 0)
        printf("%28s%s%s%s\n", "", json_word(problem, "title"),
               json_word(problem, "detail")[0] ? ": " : "", json_word(problem, "detail"));
}

static bool list(struct command_call *call, struct house *h, struct error *err)
{
    const char *named = option_text(call, "project");
    json_t *project = named ? house_project(h->client, named, err) : NULL;
    if (named && !project)
        return false;
    json_t *jobs = house_ask(h->client, "GET", NULL, err, "/jobs?limit=200%s%s%s",
                             option_flag(call, "all") ? "" : "&state=active",
                             project ? "&project=" : "", project ? json_word(project, "id") : "");
    json_decref(project);
    if (!jobs)
        return false;
    const json_t *items = json_object_get(jobs, "items"), *one;
    size_t i;
    if (option_flag(call, "json")) {
        json_dumpf(items, stdout, JSON_INDENT(2));
        printf("\n");
    } else {
        json_array_foreach(items, i, one) print_job(one);
        if (!json_array_size(items))
            printf("%s\n", option_flag(call, "all") ? "There are no jobs."
                                                    : "Nothing waits and nothing runs.");
    }
    json_decref(jobs);
    return true;
}

static bool change(struct command_call *call, struct house *h, struct error *err)
{
    const char *verb = call->words[0];
    if (call->word_count != 2 || (strcmp(verb, "cancel") != 0 && strcmp(verb, "retry") != 0)) {
        error_set(err, ERROR_USAGE, "posthouse jobs does not know '%s'", verb);
        return error_fix(err, "say `posthouse jobs cancel JOB`, `posthouse jobs retry JOB`, or "
                              "nothing for a list");
    }
    json_t *job = house_ask(h->client, "POST", NULL, err, "/jobs/%s/%s", call->words[1], verb);
    if (!job)
        return false;
    print_job(job);
    json_decref(job);
    return true;
}

static int run(struct command_call *call)
{
    struct house h = {0};
    struct error err;
    bool ok = house_open(call, 1, &h, &err) &&
              (call->word_count ? change(call, &h, &err) : list(call, &h, &err));
    house_close(&h);
    return ok ? 0 : command_failed(&err);
}

static const struct option_row options[] = {
    {"project", OPTION_TEXT, "NAME", "only those of a project"},
    {"all", OPTION_FLAG, NULL, "those that have ended too"},
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_jobs = {
    "jobs",
    "[cancel|retry JOB]",
    "what the house is doing",
    "Without words: what waits and runs, newest first; --all: what has ended too.\n"
    "cancel JOB  stops it\nretry JOB   does again what failed or was cancelled",
    options,
    0,
    2,
    run,
};
