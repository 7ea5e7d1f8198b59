// posthouse job: one job, why it does not run, and what people do to it.
#include "cmd/client.h"
#include "plat/clock.h"
#include "plat/content.h"
#include "plat/ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_steps(const json_t *job)
{
    size_t i;
    const json_t *s;
    json_array_foreach(json_object_get(job, "steps"), i, s)
        printf("  %lld. %s: %lld tasks, %lld done, %lld run, %lld wait, %lld failed, %lld "
               "cancelled\n",
               (long long)json_count(s, "number"), json_word(s, "name"),
               (long long)json_count(s, "tasks"), (long long)json_count(s, "done"),
               (long long)json_count(s, "running"), (long long)json_count(s, "waiting"),
               (long long)json_count(s, "failed"), (long long)json_count(s, "cancelled"));
}

static void print_policy(const json_t *job)
{
    const json_t *budget = json_object_get(job, "budget"), *spent = json_object_get(job, "spent");
    const json_t *after = json_object_get(job, "after_jobs"), *one;
    const char *deadline = json_word(job, "deadline");
    int64_t at_ms;
    size_t i;
    if (clock_parse(text_of(deadline), &at_ms)) {
        int64_t left_s = (at_ms - clock_now_ms()) / 1000;
        printf("  deadline %s, %s%s\n", deadline, left_s < 0 ? "over for " : "in ",
               time_text(left_s < 0 ? -left_s : left_s).text);
    }
    if (budget || spent)
        printf("  %.2f %s spent", json_number_value(json_object_get(spent, "amount")),
               json_word(budget ? budget : spent, "currency"));
    if (budget)
        printf(" of %.2f", json_number_value(json_object_get(budget, "amount")));
    if (budget || spent)
        printf("\n");
    json_array_foreach(after, i, one) printf("%s%s", i ? ", " : "  after ", json_string_value(one));
    printf("%s", json_array_size(after) ? "\n" : "");
}

static void print_job(const json_t *job)
{
    const json_t *problem = json_object_get(job, "problem");
    int64_t left = json_count(job, "left_s");
    printf("%s  %s\n  %s, %lld of %lld %s, tier %lld, priority %lld%s%s\n", json_word(job, "id"),
           json_word(job, "title"), json_word(job, "state"), (long long)json_count(job, "done"),
           (long long)json_count(job, "total"), json_word(job, "unit"),
           (long long)json_count(job, "tier"), (long long)json_count(job, "priority"),
           left ? ", left: " : "", left ? time_text(left).text : "");
    print_policy(job);
    print_steps(job);
    if (json_is_object(problem))
        printf("  %s%s%s\n", json_word(problem, "title"),
               json_word(problem, "detail")[0] ? ": " : "", json_word(problem, "detail"));
}

static json_t *requeue(struct command_call *call, struct house *h, struct error *err)
{
    json_t *body =
        json_pack("{s:s*, s:s*, s:b}", "step", option_text(call, "step"), "frames",
                  option_text(call, "frames"), "dependants", (int)option_flag(call, "dependants"));
    json_t *answer = house_ask(h->client, "POST", body, err, "/jobs/%s/requeue", call->words[0]);
    json_decref(body);
    return answer;
}

// `posthouse job requeue JOB` is as good as `posthouse job JOB requeue`.
static void order_words(struct command_call *call)
{
    const char *first = call->words[0];
    if (call->word_count < 2 || id_valid(text_of(first)) || !id_valid(text_of(call->words[1])))
        return;
    const char **words = ARENA_ARRAY(call->arena, const char *, call->word_count);
    memcpy(words, call->words, call->word_count * sizeof(*words));
    words[0] = call->words[1];
    words[1] = first;
    call->words = words;
}

static json_t *act(struct command_call *call, struct house *h, struct error *err)
{
    static const char *const orders[] = {"suspend", "resume", "approve", "cancel", "retry"};
    const char *job = call->words[0], *verb = call->word_count > 1 ? call->words[1] : "";
    if (!*verb)
        return house_ask(h->client, "GET", NULL, err, "/jobs/%s", job);
    if (strcmp(verb, "why") == 0)
        return house_ask(h->client, "GET", NULL, err, "/jobs/%s/why", job);
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (strcmp(verb, orders[i]) != 0)
            continue;
        json_t *body = i ? NULL : json_pack("{s:b}", "drop", option_flag(call, "drop"));
        json_t *answer = house_ask(h->client, "POST", body, err, "/jobs/%s/%s", job, verb);
        json_decref(body);
        return answer;
    }
    if (strcmp(verb, "requeue") == 0)
        return requeue(call, h, err);
    error_set(err, ERROR_USAGE, "posthouse job does not know '%s'", verb);
    error_fix(err, "say why, inputs, suspend, resume, approve, cancel, retry or requeue, or nothing");
    return NULL;
}

// The log of the attempt that began last, or of the one with this token; goes on while it runs.
static bool show_log(struct command_call *call, struct house *h, struct error *err)
{
    const char *job = call->words[0];
    int64_t token = call->word_count > 2 ? strtoll(call->words[2], NULL, 10) : 0, after = 0;
    for (bool runs = true;;) {
        json_t *all = house_ask(h->client, "GET", NULL, err, "/jobs/%s/attempts?limit=1000", job);
        const json_t *one = NULL, *t;
        size_t i;
        if (!all)
            return false;
        json_array_foreach(all, i, t) if (!one && (!token || json_count(t, "token") == token)) one =
            t;
        runs = strcmp(json_word(one, "state"), "running") == 0;
        token = one ? json_count(one, "token") : 0;
        json_decref(all);
        if (!token)
            return error_set(err, ERROR_NOT_FOUND, "nothing of it has begun yet");
        json_t *part;
        do {
            part = house_ask(h->client, "GET", NULL, err, "/jobs/%s/attempts/%lld/log?after=%lld",
                             job, (long long)token, (long long)after);
            if (!part && !(runs && err->kind == ERROR_NOT_FOUND))
                return false;
            fputs(json_word(part, "text"), stdout);
            bool more = json_word(part, "text")[0];
            after = part ? json_count(part, "next") : after;
            json_decref(part);
            if (!more)
                break;
        } while (true);
        if (!runs)
            return true;
        fflush(stdout);
        clock_sleep_ms(1000);
    }
}

// How a file that the job reads is here now: "" as it was submitted.
static const char *as_here(const json_t *file)
{
    sha256 content;
    int64_t size;
    struct error err;
    if (!content_of_file(json_word(file, "path"), &content, &size, &err))
        return err.kind == ERROR_NOT_FOUND ? "not here" : "can not be read";
    return strcmp(sha256_text(&content).text, json_word(file, "content")) == 0 ? "" : "changed";
}

// Files of a staged job; with --check, whether they are still what the job was given.
static int show_inputs(struct command_call *call, const json_t *said)
{
    bool check = option_flag(call, "check");
    size_t i, other = 0;
    json_t *one;
    json_array_foreach(json_object_get(said, "files"), i, one)
    {
        const char *how = check ? as_here(one) : "";
        other += how[0] != 0;
        if (option_flag(call, "json") && check)
            json_object_set_new(one, "here", json_string(how[0] ? how : "same"));
        else if (!option_flag(call, "json") && (!check || how[0]))
            printf("%.16s  %s%s%s\n", json_word(one, "content"), json_word(one, "path"),
                   how[0] ? "  " : "", how);
    }
    if (option_flag(call, "json")) {
        json_dumpf(said, stdout, JSON_INDENT(2));
        printf("\n");
    } else if (check && !other) {
        printf("all %zu are as the job was given them\n", i);
    }
    return other ? 1 : 0;
}

static int inputs(struct command_call *call)
{
    struct house h = {0};
    struct error err;
    json_t *said = house_open(call, 1, &h, &err)
                       ? house_ask(h.client, "GET", NULL, &err, "/jobs/%s/inputs", call->words[0])
                       : NULL;
    int status = said ? show_inputs(call, said) : command_failed(&err);
    json_decref(said);
    house_close(&h);
    return status;
}

static int run(struct command_call *call)
{
    struct house h = {0};
    struct error err;
    order_words(call);
    if (call->word_count > 1 && strcmp(call->words[1], "inputs") == 0)
        return inputs(call);
    if (call->word_count > 1 && strcmp(call->words[1], "log") == 0) {
        bool ok = house_open(call, 1, &h, &err) && show_log(call, &h, &err);
        house_close(&h);
        return ok ? 0 : command_failed(&err);
    }
    json_t *answer = house_open(call, 1, &h, &err) ? act(call, &h, &err) : NULL;
    size_t i;
    const json_t *reason;
    if (answer && option_flag(call, "json")) {
        json_dumpf(answer, stdout, JSON_INDENT(2));
        printf("\n");
    } else if (json_is_array(answer)) {
        json_array_foreach(answer, i, reason) printf("%s\n", json_word(reason, "text"));
    } else if (answer) {
        print_job(answer);
    }
    int status = answer ? 0 : command_failed(&err);
    json_decref(answer);
    house_close(&h);
    return status;
}

static const struct option_row options[] = {
    {"drop", OPTION_FLAG, NULL, "with suspend: what runs is stopped, too"},
    {"step", OPTION_TEXT, "NAME", "with requeue: the step (all)"},
    {"frames", OPTION_TEXT, "RANGE", "with requeue: 1-10,20 (all)"},
    {"dependants", OPTION_FLAG, NULL, "with requeue: also what was made from them"},
    {"check", OPTION_FLAG, NULL,
     "with inputs: compare with what is here; exit status 1: not the same"},
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_job = {
    "job",
    "JOB [why|log [TOKEN]|inputs|suspend|resume|approve|cancel|retry|requeue]",
    "one job of the house",
    "Without a second word: its state and its steps.\nwhy      why it does not run\nlog      what "
    "its newest attempt prints, or the one with this token\n"
    "inputs   of a staged job: its files with their contents\nsuspend  "
    "nothing "
    "more of it begins\nresume   after that, or when the house stopped it\napprove  its preview is "
    "good: the rest follows\ncancel   stops it\nretry    does again what failed or was "
    "cancelled\nrequeue  does frames again, "
    "whatever they are: --step, --frames",
    options,
    1,
    3,
    run,
};
