/*
 * posthouse nodes: machines for the house's workers, through a launcher (farm/launch).
 *
 * What the house needs is read from it as anybody with a token would; what machines there are is
 * the launcher's to say. So this runs beside the house and may be stopped at any time.
 */
#include "base/log.h"
#include "cmd/client.h"
#include "cmd/local.h"
#include "cmd/money.h"
#include "farm/launch/keep.h"
#include "farm/launch/reap.h"
#include "plat/child.h"
#include "plat/clock.h"
#include "plat/ids.h"

#include <ctype.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENDED_LOOKED_AT = 100, TURN_ARENA = 64 << 20, WANT_MOST = 100000 };

struct nodes {
    struct command_call *call;
    struct config *config;
    char folder[PATH_MAX];
    struct house house;
    struct launch_house told;
    struct launcher *launcher;
    struct launch_rules rules;
    enum launch_kind kind;
    struct keep *keep;
    struct reaper *reaper; // of a provider's machines; NULL: none
};

static atomic_bool stop;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&stop, true);
}

// ---- opening

static bool money_setting(const struct config *c, const char *name, double none, double *value,
                          struct error *err)
{
    const char *said = config_text(c, name);
    struct money m;
    *value = none;
    if (!said[0])
        return true;
    if (money_parse(said, &m)) {
        *value = m.amount;
        return true;
    }
    error_set(err, ERROR_USAGE, "%s can not be '%s'", name, said);
    return error_fix(err, "say an amount such as 0.19");
}

// A short name of this house for the names of its machines, made once.
static bool house_name(struct nodes *n, struct error *err)
{
    char line[64], made[27];
    struct error none;
    if (!local_line_read(n->folder, "launch.id", line, sizeof(line), &none)) {
        memcpy(made, id_new().text, 27);
        snprintf(line, sizeof(line), "%s", made + 18);
        for (char *c = line; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        if (!local_line_write(n->folder, "launch.id", line, err))
            return false;
    }
    n->told.name = arena_text(n->call->arena, line);
    return true;
}

static bool tell(struct nodes *n, struct error *err)
{
    struct config *c = n->config;
    struct arena *a = n->call->arena;
    char own[PATH_MAX];
    const char *url = config_text(c, "launch.url"), *token = config_text(c, "launch.token");
    const char *program = config_text(c, "launch.program");
    if (!program[0] && !child_own_folder(own, sizeof(own)))
        return error_set(err, ERROR_INTERNAL, "cannot find the program itself");
    n->told.url = url[0] ? url : n->house.url;
    n->told.token_file = token[0] ? token : arena_format(a, "%s/worker.token", n->folder);
    n->told.fingerprint = n->house.fingerprint ? n->house.fingerprint : "";
    n->told.program = program[0] ? program : arena_format(a, "%s/posthouse", own);
    n->told.notice = config_text(c, "launch.notice");
    n->told.slots = (int)config_int(c, "launch.slots");
    struct money price;
    if (money_parse(config_text(c, "launch.price"), &price) && price.amount > 0) {
        if (price.currency[0])
            n->told.price = config_text(c, "launch.price");
        else
            log_warn("launch.price", "why=\"it names no currency: budgets of jobs do not see it\"");
    }
    // The keeper gives idle machines back; a worker leaves by itself only when there is no keeper.
    n->told.idle_s = 2 * config_int(c, "launch.idle") / 1000;
    return house_name(n, err);
}

static bool open_launcher(struct nodes *n, struct error *err)
{
    struct config *c = n->config;
    const char *name = config_text(c, "launch"), *kind = config_text(c, "launch.kind");
    if (strcmp(kind, "native") != 0 && strcmp(kind, "glide-in") != 0) {
        error_set(err, ERROR_USAGE, "launch.kind can not be '%s'", kind);
        return error_fix(err, "say glide-in or native");
    }
    n->kind = strcmp(kind, "native") == 0 ? LAUNCH_NATIVE : LAUNCH_GLIDE_IN;
    struct launch_slurm_wish slurm = {.partition = config_text(c, "launch.partition"),
                                      .account = config_text(c, "launch.account"),
                                      .cores = (int)config_int(c, "launch.cores"),
                                      .minutes = (config_int(c, "launch.life") + 59999) / 60000,
                                      .options = config_text(c, "launch.options"),
                                      .log = ""};
    if (strcmp(name, "slurm") == 0)
        return launch_slurm(&n->told, &slurm, &n->launcher, err);
    if (strcmp(name, "local") == 0) {
        n->launcher = launch_local(&n->told);
        return true;
    }
    error_set(err, ERROR_USAGE, "there is no launcher '%s'", name);
    return error_fix(err, "set launch to local or slurm");
}

static bool open_nodes(struct nodes *n, struct error *err)
{
    struct config *c = n->config;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t slots = config_int(c, "launch.slots");
    slots = slots ? slots : config_int(c, "launch.cores");
    if (!local_folder(c, false, n->folder, sizeof(n->folder), err) ||
        !house_open(n->call, 1, &n->house, err) || !tell(n, err) || !open_launcher(n, err))
        return false;
    n->rules = (struct launch_rules){.least = (int)config_int(c, "launch.least"),
                                     .most = (int)config_int(c, "launch.most"),
                                     .slots = n->kind == LAUNCH_NATIVE ? 1
                                              : slots                  ? (int)slots
                                                                       : (int)cores,
                                     .boot_ms = config_int(c, "launch.boot"),
                                     .idle_ms = config_int(c, "launch.idle")};
    // A boot is mostly much shorter than what is waited for at the most. Native tasks boot nothing.
    n->rules.worth_ms = n->kind == LAUNCH_NATIVE ? 0 : n->rules.boot_ms / 3;
    return money_setting(c, "launch.price", 0, &n->rules.price, err) &&
           money_setting(c, "launch.budget", -1, &n->rules.budget, err);
}

// ---- what the house says

static int64_t time_member(const json_t *of, const char *name)
{
    int64_t at_ms = 0;
    clock_parse(text_of(json_word(of, name)), &at_ms);
    return at_ms;
}

// What waits and runs of a job with tasks, in attempts (chunks): `ready` may begin now. Its mean
// time, once it is known, counts for each.
struct tally {
    int64_t known; // attempts whose time is known
    double took_ms;
};

enum { DATES_MOST = 64 };
struct dated { // the earliest first
    struct launch_dated at[DATES_MOST + 1];
    size_t count;
};

static void add_attempts(struct tally *t, int64_t attempts, int64_t each_ms)
{
    t->known += each_ms > 0 ? attempts : 0;
    t->took_ms += each_ms > 0 ? (double)attempts * (double)each_ms : 0;
}

// How many attempts more the job's own budget pays for; INT64_MAX: any number.
static int64_t paid_attempts(const struct nodes *n, const json_t *job, int64_t each_ms)
{
    const json_t *budget = json_object_get(job, "budget"), *spent = json_object_get(job, "spent");
    int slots = n->rules.slots > 0 ? n->rules.slots : 1;
    double price = n->rules.price / slots * (double)each_ms / 3600000;
    double left = json_number_value(json_object_get(budget, "amount")) -
                  json_number_value(json_object_get(spent, "amount"));
    if (!budget || n->rules.price <= 0)
        return INT64_MAX;
    return left <= 0            ? 0
           : price <= 0         ? 1
           : left / price > 1e9 ? INT64_MAX
                                : (int64_t)(left / price);
}

static struct launch_dated *dated_at(struct dated *d, int64_t deadline_ms)
{
    size_t i = 0;
    while (i < d->count && d->at[i].deadline_ms < deadline_ms)
        i++;
    if (i < d->count && d->at[i].deadline_ms == deadline_ms)
        return &d->at[i];
    if (d->count == DATES_MOST)
        return &d->at[d->count - 1];
    memmove(&d->at[i + 1], &d->at[i], (d->count - i) * sizeof(d->at[0]));
    d->at[i] = (struct launch_dated){.deadline_ms = deadline_ms};
    d->count++;
    return &d->at[i];
}

static bool add_steps(struct nodes *n, const char *job, struct launch_need *need, struct tally *t,
                      struct dated *dates, struct error *err)
{
    json_t *whole = house_ask(n->house.client, "GET", NULL, err, "/jobs/%s", job);
    const json_t *one;
    size_t i;
    if (!whole)
        return err->kind == ERROR_NOT_FOUND; // it was removed meanwhile
    int64_t deadline_ms = time_member(whole, "deadline"), paid = INT64_MAX;
    struct launch_dated *dated = deadline_ms ? dated_at(dates, deadline_ms) : NULL;
    json_array_foreach(json_object_get(whole, "steps"), i, one)
    {
        int64_t chunk = json_count(one, "chunk"), ready = json_count(one, "ready");
        chunk = chunk > 0 ? chunk : 1;
        int64_t each_ms = json_count(one, "mean_ms") * chunk;
        ready = (ready + chunk - 1) / chunk;
        if (paid == INT64_MAX)
            paid = paid_attempts(n, whole, each_ms);
        ready = ready < paid ? ready : paid;
        paid -= paid == INT64_MAX ? 0 : ready;
        need->waiting += ready;
        if (dated) {
            dated->waiting += ready;
            dated->work_ms += (double)json_count(one, "waiting") / (double)chunk * (double)each_ms;
        }
        need->running += (json_count(one, "running") + chunk - 1) / chunk;
        add_attempts(t, ready, each_ms);
    }
    json_decref(whole);
    return true;
}

// The mean of jobs that have ended, for those of which nothing is known yet.
static bool add_ended(struct nodes *n, struct tally *t, struct error *err)
{
    json_t *ended =
        house_ask(n->house.client, "GET", NULL, err, "/jobs?state=ended&limit=%d", ENDED_LOOKED_AT);
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(ended, "items"), i, one)
    {
        int64_t began = time_member(one, "started"), end = time_member(one, "ended");
        if (strcmp(json_word(one, "state"), "done") == 0 && began &&
            strcmp(json_word(one, "kind"), "render") != 0)
            add_attempts(t, 1, end - began);
    }
    json_decref(ended);
    return ended != NULL;
}

static bool ask_need(struct nodes *n, struct launch_need *need, struct dated *dates,
                     struct error *err)
{
    struct tally t = {0};
    *need = (struct launch_need){.deadline_ms = LAUNCH_NO_DEADLINE};
    json_t *active = house_ask(n->house.client, "GET", NULL, err, "/jobs?state=active&limit=200");
    const json_t *one;
    size_t i;
    int64_t listed = 0;
    bool ok = active != NULL;
    json_array_foreach(json_object_get(active, "items"), i, one)
    {
        const char *state = json_word(one, "state");
        listed++;
        bool goes_on = strcmp(state, "waiting") == 0 || strcmp(state, "running") == 0;
        if (!goes_on)
            continue; // a person has to say something first
        if (strcmp(json_word(one, "kind"), "render") == 0)
            ok = ok && add_steps(n, json_word(one, "id"), need, &t, dates, err);
        else
            *(strcmp(state, "waiting") == 0 ? &need->waiting : &need->running) += 1;
    }
    // Those that are not on the first page wait: the house starts the oldest first.
    need->waiting +=
        json_count(active, "total") > listed ? json_count(active, "total") - listed : 0;
    json_decref(active);
    ok = ok && (t.known || add_ended(n, &t, err));
    need->task_ms = t.known ? (int64_t)(t.took_ms / (double)t.known) : 0;
    // Of those whose length nobody knows yet the mean of the others is thought.
    for (size_t k = 0; k < dates->count; k++)
        if (dates->at[k].work_ms <= 0)
            dates->at[k].work_ms = (double)dates->at[k].waiting * (double)need->task_ms;
    need->dated = dates->at;
    need->dated_count = need->task_ms ? dates->count : 0;
    return ok;
}

static bool ask_workers(struct nodes *n, struct arena *a, struct keep_turn *turn,
                        struct launch_need *need, struct error *err)
{
    json_t *all = house_ask(n->house.client, "GET", NULL, err, "/nodes");
    const json_t *one;
    size_t i;
    if (!all)
        return false;
    struct keep_worker *list = ARENA_ARRAY(a, struct keep_worker, json_array_size(all) + 1);
    const char *prefix = arena_format(a, "%s-%s-", n->launcher->name, n->told.name);
    json_array_foreach(all, i, one)
    {
        struct keep_worker w = {.name = arena_text(a, json_word(one, "name")),
                                .here = strcmp(json_word(one, "state"), "away") != 0,
                                .slots = (int)json_count(one, "slots"),
                                .busy = (int)json_count(one, "busy")};
        list[turn->worker_count++] = w;
        if (w.here && strncmp(w.name, prefix, strlen(prefix)) != 0 && w.slots > w.busy)
            need->slots_elsewhere += w.slots - w.busy;
    }
    turn->workers = list;
    json_decref(all);
    return true;
}

static bool turn(struct nodes *n, bool look_only, struct arena *a, struct keep_report *r,
                 struct error *err)
{
    struct launch_need need;
    struct dated *dates = ARENA_NEW(a, struct dated);
    struct keep_turn t = {
        .rules = &n->rules, .need = &need, .kind = n->kind, .look_only = look_only};
    return ask_need(n, &need, dates, err) && ask_workers(n, a, &t, &need, err) &&
           keep_go(n->keep, n->launcher, &t, clock_now_ms(), a, r, err);
}

// A provider's machines that no launched worker is on are counted by Slurm as idle and given back.
// What Slurm has lost sight of nobody gives back: that is reaped here.
static bool reap(struct nodes *n, const struct keep_report *r, struct arena *a, struct error *err)
{
    const char **busy = ARENA_ARRAY(a, const char *, r->count + 1);
    for (size_t i = 0; i < r->count; i++)
        busy[i] = r->machines[i].of.node;
    return !n->reaper || reaper_go(n->reaper, busy, r->count, clock_now_ms(), a, err);
}

// ---- the words

static const char *state_word(const struct keep_line *m)
{
    if (m->of.state == LAUNCH_ENDS)
        return "leaving";
    if (m->facts.draining)
        return "draining";
    if (m->facts.here)
        return m->facts.busy ? "busy" : "idle";
    static const char *const words[] = {"asked for", "boots", "starts", "leaving"};
    return m->facts.lost_since_ms ? "lost" : words[m->of.state];
}

// As the house knows them from whoever moved files over them.
static void print_speeds(const json_t *all)
{
    size_t i;
    const json_t *one;
    json_array_foreach(all, i, one)
    {
        int64_t ago_s = (clock_now_ms() - time_member(one, "measured")) / 1000;
        bool put = strcmp(json_word(one, "kind"), "put") == 0;
        printf("line %s %s %s: %.4g Mbit/s, measured %s ago%s\n",
               strcmp(json_word(one, "direction"), "out") == 0 ? "from the house to"
                                                               : "to the house from",
               put ? "a put on" : "worker", json_word(one, "name"),
               (double)json_count(one, "bytes_s") * 8 / 1e6, time_text(ago_s > 0 ? ago_s : 0).text,
               json_is_true(json_object_get(one, "here")) ? " (the house's own machine)" : "");
    }
}

static bool list(struct nodes *n, struct error *err)
{
    struct arena *a = n->call->arena;
    struct keep_report r;
    if (!turn(n, true, a, &r, err))
        return false;
    json_t *speeds = house_ask(n->house.client, "GET", NULL, err, "/speeds");
    if (!speeds)
        return false;
    json_t *all = json_array();
    for (size_t i = 0; i < r.count; i++) {
        const struct keep_line *m = &r.machines[i];
        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "id", m->of.id,
                                             "worker", m->of.worker, "state", state_word(m), "node",
                                             m->of.node, "why", m->of.why, "slots", m->facts.slots,
                                             "busy", m->facts.busy));
        if (!option_flag(n->call, "json"))
            printf("%-14s %-10s %-20s %d/%d  %s\n", m->of.id, state_word(m), m->of.node,
                   m->facts.busy, m->facts.slots, m->of.why);
    }
    if (option_flag(n->call, "json")) {
        json_t *out = json_pack("{s:s, s:O, s:i, s:s, s:f, s:O}", "launcher", n->launcher->name,
                                "nodes", all, "target", r.decision.target, "held_by",
                                r.decision.want_why, "spent", r.spent, "speeds", speeds);
        json_dumpf(out, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(out);
    } else {
        printf("%zu there or asked for, %d needed (held by: %s)\n", r.count, r.decision.target,
               r.decision.want_why);
        print_speeds(speeds);
    }
    json_decref(speeds);
    json_decref(all);
    return true;
}

static bool launch(struct nodes *n, struct error *err)
{
    int64_t count = 1;
    if (n->call->word_count > 1 &&
        (!text_int(text_of(n->call->words[1]), &count) || count < 1 || count > WANT_MOST)) {
        error_set(err, ERROR_USAGE, "cannot launch '%s' workers", n->call->words[1]);
        return error_fix(err, "say a number from 1 to %d", WANT_MOST);
    }
    if (!n->launcher->want(n->launcher, (int)count, n->kind, err))
        return false;
    fprintf(stderr, "%lld asked for; `posthouse nodes` shows them\n", (long long)count);
    return true;
}

static bool leave(struct nodes *n, bool drain, struct error *err)
{
    struct launched *all;
    size_t count, told = 0;
    const char *named = n->call->word_count > 1 ? n->call->words[1] : "";
    if (!n->launcher->list(n->launcher, n->call->arena, &all, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(named, "all") != 0 && strcmp(named, all[i].id) != 0 &&
            strcmp(named, all[i].worker) != 0)
            continue;
        if (!(drain ? n->launcher->drain : n->launcher->end)(n->launcher, all[i].id, err))
            return false;
        told++;
    }
    if (told || strcmp(named, "all") == 0)
        return true;
    error_set(err, named[0] ? ERROR_NOT_FOUND : ERROR_USAGE, "there is no node '%s'", named);
    return error_fix(err, "`posthouse nodes` shows them; `all` means each of them");
}

static bool drain(struct nodes *n, struct error *err)
{
    return leave(n, true, err);
}

static bool end(struct nodes *n, struct error *err)
{
    return leave(n, false, err);
}

static bool keep(struct nodes *n, struct error *err)
{
    int64_t every_s, turns;
    if (!option_int(n->call, "every", 10, &every_s) || !option_int(n->call, "turns", 0, &turns) ||
        every_s < 1)
        return error_set(err, ERROR_USAGE, "--every and --turns are whole numbers above 0");
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    if (!n->rules.most)
        log_warn("launch.none", "launch.most is 0: nothing will be asked for");
    for (int64_t i = 0; (!turns || i < turns) && !atomic_load(&stop); i++) {
        struct arena *a = arena_open(TURN_ARENA);
        struct keep_report r;
        bool ok = turn(n, false, a, &r, err) && reap(n, &r, a, err);
        arena_close(a);
        if (!ok && turns == 1)
            return false;
        if (!ok) // the house or Slurm is away: they come back
            log_problem("launch.turn", err);
        for (int64_t slept = 0; slept < every_s * 10 && !atomic_load(&stop) && i + 1 != turns;
             slept++)
            clock_sleep_ms(100);
    }
    return true;
}

static bool check(struct nodes *n, struct error *err)
{
    struct launch_finding *list;
    size_t count;
    int most = n->rules.most > 0 ? n->rules.most : 1;
    bool bad = false;
    if (!n->launcher->preflight(n->launcher, most, n->call->arena, &list, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        printf("%s: %s\n  why: %s\n  fix: %s\n", list[i].bad ? "bad" : "note", list[i].what,
               list[i].why, list[i].fix);
        bad |= list[i].bad;
    }
    if (!count)
        printf("Nothing is in the way of %d workers by %s.\n", most, n->launcher->name);
    if (!bad)
        return true;
    error_set(err, ERROR_CONFLICT, "%s is not ready for %d workers", n->launcher->name, most);
    return false;
}

static const struct {
    const char *word;
    bool (*run)(struct nodes *n, struct error *err);
    size_t words;
} acts[] = {{"list", list, 1}, {"launch", launch, 2}, {"drain", drain, 2},
            {"end", end, 2},   {"keep", keep, 1},     {"check", check, 1}};
enum { ACTS = sizeof(acts) / sizeof(acts[0]) };

static int run(struct command_call *call)
{
    struct nodes n = {.call = call, .config = call->config};
    struct error err;
    const char *word = call->word_count ? call->words[0] : "list";
    size_t i = 0;
    while (i < ACTS && strcmp(acts[i].word, word) != 0)
        i++;
    if (i == ACTS || call->word_count > acts[i].words) {
        error_set(&err, ERROR_USAGE, "posthouse nodes can not '%s' so", word);
        error_fix(&err, "say list, launch [COUNT], drain NODE, end NODE, keep or check");
        return command_failed(&err);
    }
    bool ok = open_nodes(&n, &err);
    n.keep = ok ? keep_open(arena_format(call->arena, "%s/launch.money", n.folder)) : NULL;
    if (ok && config_text(n.config, "launch.cloud")[0])
        n.reaper =
            reaper_open(config_text(n.config, "launch.cloud"), n.rules.boot_ms + n.rules.idle_ms);
    ok = ok && acts[i].run(&n, &err);
    reaper_close(n.reaper);
    keep_close(n.keep);
    if (n.launcher)
        n.launcher->close(n.launcher);
    house_close(&n.house);
    return ok ? 0 : command_failed(&err);
}

static const struct option_row options[] = {
    {"every", OPTION_INT, "SECONDS", "keep: between looks (10)"},
    {"turns", OPTION_INT, "N", "keep: looks so often and ends (for ever)"},
    {"json", OPTION_FLAG, NULL, "list: print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_nodes = {
    "nodes",
    "[list | launch [COUNT] | drain NODE | end NODE | keep | check]",
    "machines for the house's workers",
    "list          those there are, how many are needed, and how fast lines to the house were\n"
    "launch COUNT  asks for workers now\n"
    "drain NODE    it leaves when its work is done; `all` for each\n"
    "end NODE      it is given back now; what it did is done again elsewhere\n"
    "keep          asks for machines and gives them back as queue and budget say, until it is "
    "stopped\n"
    "check         what of the site's settings is in the way\n"
    "Who starts them is the setting launch (local, slurm); see `posthouse config`, launch.*",
    options,
    0,
    2,
    run,
};
