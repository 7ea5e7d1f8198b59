// posthouse submit: a template with values, or a scene, becomes a job of the farm.
#include "cmd/money.h"
#include "cmd/progress.h"
#include "cmd/submit_scene.h"
#include "cmd/submit_stage.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "plat/ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEMPLATE_MOST = 4 << 20 };

static bool usage(struct error *err, const char *what, const char *why)
{
    error_set(err, ERROR_USAGE, "%s", what);
    return error_why(err, "%s", why);
}

// NAME=VALUE, each perhaps with -p before it.
static bool read_values(struct command_call *call, json_t *values, struct error *err)
{
    for (size_t i = 1; i < call->word_count; i++) {
        const char *word = call->words[i], *equals = strchr(word, '=');
        if (strcmp(word, "-p") == 0)
            continue;
        if (!equals || equals == word)
            return usage(err, arena_format(call->arena, "%s is no value", word),
                         "values of parameters are NAME=VALUE");
        json_object_set_new(values, arena_copy(call->arena, word, (size_t)(equals - word)),
                            json_string(equals + 1));
    }
    return true;
}

// "ID" or "ID,ID": jobs that have to end before.
static void add_after(json_t *options, const char *jobs, bool anyhow)
{
    json_t *all = json_object_get(options, "after_jobs");
    if (!json_is_array(all))
        json_object_set_new(options, "after_jobs", all = json_array());
    for (text rest = text_of(jobs); rest.size;) {
        text one = text_trim(text_cut(&rest, ','));
        json_array_append_new(
            all, json_pack("{s:s%, s:b}", "job", one.at, one.size, "anyhow", (int)anyhow));
    }
}

static bool read_policy(struct command_call *call, json_t *options, struct error *err)
{
    const char *after = option_text(call, "after"), *anyhow = option_text(call, "after-anyhow");
    const char *deadline = option_text(call, "deadline"), *budget = option_text(call, "budget");
    struct money money;
    if (after)
        add_after(options, after, false);
    if (anyhow)
        add_after(options, anyhow, true);
    if (deadline)
        json_object_set_new(options, "deadline", json_string(deadline));
    if (!budget)
        return true;
    if (!money_parse(budget, &money) || !money.currency[0])
        return usage(err, arena_format(call->arena, "the budget can not be '%s'", budget),
                     "it is an amount and its currency, such as '120 USD'");
    json_object_set_new(
        options, "budget",
        json_pack("{s:f, s:s}", "amount", money.amount, "currency", money.currency));
    return true;
}

// Options from a file first; what is said on the command line counts more.
static bool read_options(struct command_call *call, json_t *options, struct error *err)
{
    static const char *const numbers[] = {"priority", "tier", "tries"};
    const char *file = option_text(call, "options"), *pool = option_text(call, "pool");
    const char *output = option_text(call, "output"), *size = option_text(call, "size");
    int width = 0, height = 0;
    if (file) {
        json_error_t why;
        json_t *from = json_load_file(file, 0, &why);
        if (!json_is_object(from)) {
            json_decref(from);
            return usage(err, arena_format(call->arena, "%s holds no options", file), why.text);
        }
        json_object_update(options, from);
        json_decref(from);
    }
    for (int i = 0; i < 3; i++) {
        int64_t value;
        if (option_text(call, numbers[i]) && !option_int(call, numbers[i], 0, &value))
            return usage(err, "that is no number", numbers[i]);
        if (option_text(call, numbers[i]))
            json_object_set_new(options, numbers[i], json_integer(value));
    }
    if (!read_policy(call, options, err))
        return false;
    if (pool)
        json_object_set_new(options, "pool", json_string(pool));
    if (option_flag(call, "suspended"))
        json_object_set_new(options, "suspended", json_true());
    if (size && sscanf(size, "%dx%d", &width, &height) != 2)
        return usage(err, "the size can not be read", "it is like 1920x1080");
    if (!output)
        return true; // of a scene: by what its renderer writes
    char whole[4096];
    json_t *one = json_object();
    if (output[0] != '/' && realpath(".", whole))
        output = arena_format(call->arena, "%s/%s", whole, output);
    json_object_set_new(one, "path", json_string(output));
    if (width && height) {
        json_object_set_new(one, "width", json_integer(width));
        json_object_set_new(one, "height", json_integer(height));
    }
    json_object_set_new(options, "outputs", json_pack("[o]", one));
    return true;
}

// What is asked of the outputs beside their place: of those that say nothing of it themselves.
static bool ask_of_outputs(struct command_call *call, json_t *options, struct error *err)
{
    const char *asset = option_text(call, "asset"), *movie = option_text(call, "movie");
    const char *folder = option_text(call, "asset-folder"), *rate = option_text(call, "rate");
    json_t *outputs = json_object_get(options, "outputs"), *one;
    size_t i;
    if ((movie || folder || rate) && !asset)
        return usage(err, "what comes into the library has no name", "say --asset NAME");
    if ((asset || option_flag(call, "not-black")) && !json_array_size(outputs))
        return usage(err, "it is not known which files the job makes",
                     "say --output /folder/name.####.exr");
    json_array_foreach(outputs, i, one)
    {
        if (option_flag(call, "not-black"))
            json_object_set_new(one, "not_black", json_true());
        if (asset && !json_object_get(one, "asset"))
            json_object_set_new(one, "asset",
                                json_pack("{s:s, s:s, s:s*, s:s*, s:s*}", "name", asset, "as",
                                          movie ? "movie" : "sequence", "folder", folder, "rate",
                                          rate, "profile", movie));
    }
    return true;
}

static json_t *submission(struct command_call *call, struct house *h, const char *project,
                          struct error *err)
{
    struct buf read = BUF_LIMIT(TEMPLATE_MOST);
    json_t *values = json_object(), *options = json_object(), *body = NULL;
    const char *name = option_text(call, "name"), *template = NULL, *own = NULL;
    bool ok = read_values(call, values, err) && read_options(call, options, err);
    if (ok && submit_is_template(call->words[0])) {
        ok = file_read(call->words[0], &read, err);
        template = read.at ? read.at : "";
    } else if (ok) {
        ok = submit_scene(call, h, call->words[0], values, options, &template, &own, err);
    }
    ok = ok && ask_of_outputs(call, options, err);
    if (ok && option_flag(call, "stage"))
        ok = submit_stage(call, h, project, call->words[0], template, values, options, err);
    if (ok) {
        body = json_pack("{s:s, s:s, s:O, s:O}", "id", id_new().text, "template", template,
                         "parameters", values, "options", options);
        if (!body)
            usage(err, "the template can not be sent", "it is not UTF-8 text");
        else if (name || own)
            json_object_set_new(body, "name", json_string(name ? name : own));
    }
    json_decref(values);
    json_decref(options);
    buf_free(&read);
    return body;
}

// What it asked for is not in the library yet, and may come.
static bool gathers(const json_t *job, bool asked)
{
    const json_t *assets = json_object_get(job, "assets"), *one;
    size_t i;
    bool waits = asked && strcmp(json_word(job, "state"), "done") == 0 && !assets;
    json_array_foreach(assets, i, one) waits =
        waits || strcmp(json_word(one, "state"), "done") != 0;
    return waits && !json_object_get(job, "problem");
}

// Until it has ended and is in the library if that was asked, or waits for a person. Takes over the
// job and gives it as it is then; NULL when the house can not be asked.
static json_t *wait_for(struct house *h, json_t *job, bool asked, bool quiet, struct error *err)
{
    static const char *const over[] = {"done",    "failed",   "cancelled",
                                       "stopped", "approval", "suspended"};
    char title[200];
    text_copy(text_of(json_word(job, "title")), title, sizeof(title));
    struct progress bar = progress_begin(title, "tasks", quiet);
    bool ended = false;
    while (job && !ended) {
        json_t *now = house_ask(h->client, "GET", NULL, err, "/jobs/%s", json_word(job, "id"));
        json_decref(job);
        job = now;
        for (size_t i = 0; job && i < sizeof(over) / sizeof(over[0]); i++)
            ended = ended || strcmp(json_word(job, "state"), over[i]) == 0;
        ended = ended && !gathers(job, asked);
        if (job)
            progress_show(&bar, json_count(job, "done"), json_count(job, "total"));
        if (job && !ended)
            clock_sleep_ms(300);
    }
    progress_end(&bar);
    return job;
}

static bool wants_asset(const json_t *body)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(json_object_get(body, "options"), "outputs"), i,
                       one) if (json_object_get(one, "asset")) return true;
    return false;
}

static void print_job(const json_t *job, bool json)
{
    if (json) {
        json_dumpf(job, stdout, JSON_INDENT(2));
        printf("\n");
    } else {
        printf("%s  %s: %lld tasks, %s\n", json_word(job, "id"), json_word(job, "title"),
               (long long)json_count(job, "total"), json_word(job, "state"));
    }
}

static int run(struct command_call *call)
{
    struct house h = {0};
    struct error err;
    const char *named = option_text(call, "project");
    json_t *body = NULL, *project = NULL, *job = NULL;
    if (!named)
        usage(&err, "a job belongs to a project", "say --project NAME");
    else if (house_open(call, 6, &h, &err) && (project = house_project(h.client, named, &err)) &&
             (body = submission(call, &h, json_word(project, "id"), &err)))
        job =
            house_ask(h.client, "POST", body, &err, "/projects/%s/jobs", json_word(project, "id"));
    if (job && option_flag(call, "wait"))
        job = wait_for(&h, job, wants_asset(body), option_flag(call, "json"), &err);
    if (job)
        print_job(job, option_flag(call, "json"));
    bool well =
        job && strcmp(json_word(job, "state"), "done") == 0 && !json_object_get(job, "problem");
    int status = !job ? command_failed(&err) : option_flag(call, "wait") && !well ? 1 : 0;
    json_decref(body);
    json_decref(project);
    json_decref(job);
    house_close(&h);
    return status;
}

static const struct option_row options[] = {
    {"project", OPTION_TEXT, "NAME", "whose job it is"},
    {"name", OPTION_TEXT, "TEXT", "what it is called (as the template says)"},
    {"priority", OPTION_TEXT, "N", "0 lowest, 50 usual, 100 highest"},
    {"tier", OPTION_TEXT, "N", "0 to 5; a higher one goes first, strictly (2)"},
    {"tries", OPTION_TEXT, "N", "of a task that fails (3)"},
    {"pool", OPTION_TEXT, "NAME", "only workers of that pool"},
    {"frames", OPTION_TEXT, "RANGE",
     "of a scene: 1-100 or 1-99:2,100 (a Blender file knows its own)"},
    {"chunk", OPTION_TEXT, "N", "of a scene: frames a task at first; the farm learns better"},
    {"out", OPTION_TEXT, "DIR",
     "of a scene: where frames go (where it says, else render/ beside it)"},
    {"renderer", OPTION_TEXT, "NAME", "of a scene: what renders it (by its ending)"},
    {"without-missing", OPTION_FLAG, NULL, "of a scene: although files that it needs are missing"},
    {"stage", OPTION_FLAG, NULL, "bring what it reads into the house: workers share no disk with it"},
    {"output", OPTION_TEXT, "PATTERN", "where frames are to be: /show/beauty.####.exr"},
    {"size", OPTION_TEXT, "WxH", "of those frames: others do not count"},
    {"after", OPTION_TEXT, "JOB", "begins when that job is done (or those, with commas)"},
    {"after-anyhow", OPTION_TEXT, "JOB", "begins when that job has ended, however it ends"},
    {"deadline", OPTION_TEXT, "TIME", "until when: 2026-11-27T09:00:00Z"},
    {"budget", OPTION_TEXT, "MONEY", "for machines that cost money: '120 USD'"},
    {"not-black", OPTION_FLAG, NULL,
     "a frame that is black or transparent everywhere does not count"},
    {"asset", OPTION_TEXT, "NAME",
     "the frames come into the library under that name when all are done"},
    {"asset-folder", OPTION_TEXT, "PATH", "the library's folder for it: Renders/sh010"},
    {"movie", OPTION_TEXT, "PROFILE",
     "and a movie of them, made by that profile (posthouse profile)"},
    {"rate", OPTION_TEXT, "R", "of those frames, such as 24 or 24000/1001 (the project's)"},
    {"suspended", OPTION_FLAG, NULL, "nothing of it begins before `posthouse job JOB resume`"},
    {"options", OPTION_TEXT, "FILE", "all options of a submission, as JSON"},
    {"wait", OPTION_FLAG, NULL,
     "until it has ended, with its asset; exit status 1 when that is not so then"},
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_submit = {
    "submit",
    "SCENE|TEMPLATE [-p NAME=VALUE...]",
    "give the farm a job",
    "SCENE: a file of Blender, POV-Ray, Maya, Houdini, Nuke, ...: the house knows its renderer and "
    "that\n"
    "one's template; files that the scene needs are found first, and missing ones refused by name\n"
    "(`posthouse scene`). TEMPLATE is a file of Open Job Description (YAML or JSON). -p NAME=VALUE "
    "gives\n"
    "parameters their values. With --output each frame is looked at and brought into its place "
    "whole;\n"
    "the template needs a PATH parameter that leads to that folder. For Blender and POV-Ray "
    "scenes\n"
    "that is done by itself. With --stage everything that the job reads (what the scene needs, "
    "and\nPATH parameters with dataFlow IN) goes into the house first, by its content; workers "
    "fetch\nwhat they lack and send frames back, which the house brings into their place.",
    options,
    1,
    0,
    run,
};
