// posthouse plan: stay here, or go out? (farm/plan)
#include "farm/plan.h"
#include "cmd/client.h"
#include "cmd/plan_job.h"
#include "cmd/settings.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "plat/ids.h"

#include <dirent.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAMPLES_MOST = 1000, OLD_DAYS = 90 };
#define DAY_MS 86400000LL

// What a file of inputs may say, and each option of the same name.
static const struct setting rows[] = {
    {.name = "frames", .type = SETTING_INT, .value = "0", .help = "frames to render"},
    {.name = "frame-seconds", .type = SETTING_TEXT, .value = "", .help = "of preview frames"},
    {.name = "frame-cores", .type = SETTING_INT, .value = "0", .help = "cores they had"},
    {.name = "memory", .type = SETTING_SIZE, .value = "0", .help = "that a frame needs"},
    {.name = "bytes", .type = SETTING_SIZE, .value = "0", .help = "that are not there yet"},
    {.name = "frame-bytes", .type = SETTING_SIZE, .value = "0", .help = "of one frame's results"},
    {.name = "link", .type = SETTING_TEXT, .value = "", .help = "up, measured, Mbit/s"},
    {.name = "link-down", .type = SETTING_TEXT, .value = "", .help = "down, Mbit/s"},
    {.name = "here",
     .type = SETTING_INT,
     .value = "1",
     .help = "machines here that are free for it"},
    {.name = "watts", .type = SETTING_INT, .value = "0", .help = "that one of them takes"},
    {.name = "within", .type = SETTING_TIME_MS, .value = "0 s", .help = "time there is"},
    {.name = "deadline", .type = SETTING_TEXT, .value = "", .help = "RFC 3339"},
    {.name = "budget", .type = SETTING_TEXT, .value = "", .help = "money there is"},
    {.name = "kept", .type = SETTING_INT, .value = "7", .help = "days that things stay there"},
    {.name = "licence", .type = SETTING_TEXT, .value = "", .help = "that each machine needs"},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static bool number_of(const char *said, const char *name, double none, double *value,
                      struct error *err)
{
    char *end;
    *value = none;
    if (!said[0])
        return true;
    *value = strtod(said, &end);
    if (!*end && isfinite(*value) && *value >= 0)
        return true;
    return error_set(err, ERROR_USAGE, "--%s can not be '%s'", name, said);
}

static bool samples(struct arena *a, const char *said, struct plan_ask *ask, struct error *err)
{
    double *at = ARENA_ARRAY(a, double, SAMPLES_MOST);
    for (text rest = text_of(said); rest.size;) {
        text one = text_trim(text_cut(&rest, ','));
        if (ask->frame_count == SAMPLES_MOST ||
            !number_of(arena_copy(a, one.at, one.size), "frame-seconds", 0, &at[ask->frame_count++],
                       err))
            return error_set(err, ERROR_USAGE, "--frame-seconds can not be '%s'", said);
    }
    ask->frame_s = at;
    return true;
}

static bool read_ask(struct command_call *call, const struct config *c, struct plan_ask *ask,
                     struct error *err)
{
    double up, down;
    int64_t at_ms = 0, cores = config_int(c, "frame-cores");
    const char *deadline = config_text(c, "deadline");
    *ask = (struct plan_ask){.frames = config_int(c, "frames"),
                             .frame_cores = (double)(cores ? cores : sysconf(_SC_NPROCESSORS_ONLN)),
                             .memory_gib = (double)config_int(c, "memory") / (1 << 30),
                             .bytes_in = (double)config_int(c, "bytes"),
                             .bytes_out = (double)config_int(c, "frame-bytes"),
                             .line_spread = 0.25,
                             .here = (double)config_int(c, "here"),
                             .here_kw = (double)config_int(c, "watts") / 1000,
                             .deadline_s = (double)config_int(c, "within") / 1000,
                             .kept_days = (double)config_int(c, "kept"),
                             .licence = config_text(c, "licence")};
    if (!samples(call->arena, config_text(c, "frame-seconds"), ask, err) ||
        !number_of(config_text(c, "link"), "link", 100, &up, err) ||
        !number_of(config_text(c, "link-down"), "link-down", up, &down, err) ||
        !number_of(config_text(c, "budget"), "budget", -1, &ask->budget, err))
        return false;
    ask->up = up * 1e6 / 8;
    ask->down = down * 1e6 / 8;
    if (deadline[0] && !clock_parse(text_of(deadline), &at_ms)) {
        error_set(err, ERROR_USAGE, "--deadline can not be '%s'", deadline);
        return error_fix(err, "write it like 2026-11-27T09:00:00Z, or say --within '10 h'");
    }
    if (deadline[0])
        ask->deadline_s = fmax(1, (double)(at_ms - clock_now_ms()) / 1000);
    return true;
}

static bool read_flags(struct command_call *call, struct config *c, struct error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < ROWS; i++) {
        const char *given = option_text(call, rows[i].name);
        ok = !given || config_set(c, rows[i].name, given, "flag", err);
    }
    return ok;
}

// *currency: of the job's budget; "": of the prices.
static bool read_inputs(struct command_call *call, struct config *c, const char **currency,
                        struct error *err)
{
    *currency = "";
    struct buf content = BUF_LIMIT(1 << 20);
    bool ok = true;
    if (call->word_count && id_valid(text_of(call->words[0])) && access(call->words[0], F_OK) != 0)
        return plan_job(call, call->words[0], c, currency, err) && read_flags(call, c, err);
    if (call->word_count)
        ok =
            file_read(call->words[0], &content, err) &&
            config_read(c, call->words[0], (text){content.at ? content.at : "", content.size}, err);
    buf_free(&content);
    return ok && read_flags(call, c, err);
}

// The newest file of data/prices, by its name; or the one given.
static bool find_prices(struct command_call *call, char *path, size_t room, struct error *err)
{
    char data[PATH_MAX - 300], newest[256] = "";
    const char *given = option_text(call, "prices");
    if (given)
        return text_copy(text_of(given), path, room);
    DIR *d = NULL;
    if (settings_data_folder(call->config, data, sizeof(data))) {
        snprintf(path, room, "%s/prices", data);
        d = opendir(path);
    }
    for (struct dirent *e; d && (e = readdir(d));)
        if (text_ends(text_of(e->d_name), ".json") && strcmp(e->d_name, newest) > 0)
            snprintf(newest, sizeof(newest), "%s", e->d_name);
    if (d)
        closedir(d);
    if (newest[0] && (size_t)snprintf(path, room, "%s/prices/%s", data, newest) < room)
        return true;
    error_set(err, ERROR_NOT_FOUND, "there is no file of prices");
    return error_fix(err, "say --prices FILE (docs/formats/prices.md)");
}

static bool load_prices(struct command_call *call, char *path, size_t room, struct prices *p,
                        struct error *err)
{
    struct buf content = BUF_LIMIT(PRICES_BYTES_MOST);
    bool ok =
        find_prices(call, path, room, err) && file_read(path, &content, err) &&
        prices_read(call->arena, path, (text){content.at ? content.at : "", content.size}, p, err);
    buf_free(&content);
    return ok;
}

// ---- saying it

static const char *span(struct arena *a, double seconds)
{
    return arena_text(a, time_text((int64_t)(seconds + 0.5)).text);
}

static const char *what(struct arena *a, const struct plan_ask *ask, const struct plan_choice *c)
{
    if (!c->machine)
        return arena_format(a, "here only (%g)", ask->here);
    return arena_format(a, "%s%d %s %s", ask->here > 0 ? "here + " : "", c->count, c->machine->name,
                        c->spot ? "spot" : "on demand");
}

static void print_choice(struct arena *a, const struct plan_ask *ask, const struct plan_choice *c,
                         bool advised)
{
    const struct plan_terms *t = &c->terms;
    printf("%s %-34s %14s  %14s  %9.2f  %9.2f", advised ? ">" : " ", what(a, ask, c),
           span(a, c->time_s), span(a, c->time_p95_s), c->cost, c->cost_p95);
    if (ask->deadline_s > 0)
        printf("  %4.0f %%", 100 * c->meets_deadline);
    if (ask->budget >= 0)
        printf("  %4.0f %%", 100 * c->within_budget);
    printf("\n      time: ");
    if (c->machine)
        printf("bring %s, boot %s, ", span(a, t->stage_s), span(a, t->boot_s));
    printf("render %s", span(a, t->render_s));
    if (c->spot)
        printf(", lost to interruptions %s", span(a, t->retry_s));
    if (t->down_s > 0)
        printf(", fetch %s", span(a, t->down_s));
    printf("; cost: ");
    const struct {
        const char *name;
        double value;
    } costs[] = {{"machines", t->machine}, {"licences", t->licence}, {"fee", t->fee},
                 {"egress", t->egress},    {"storage", t->storage},  {"power", t->power}};
    const char *between = "";
    for (size_t i = 0; i < 6; i++)
        if (costs[i].value >= 0.005) {
            printf("%s%s %.2f", between, costs[i].name, costs[i].value);
            between = ", ";
        }
    printf("%s\n", between[0] ? "" : "nothing");
}

// Where the speed of the line comes from: "default", "flag", "file", or who measured it.
static const char *source_of(const struct config *c, const char *name)
{
    for (size_t i = 0; i < config_count(c); i++)
        if (strcmp(config_row(c, i)->name, name) == 0)
            return config_row(c, i)->source;
    return "default";
}

static const char *said_by(struct arena *a, const char *source, const char *none)
{
    bool said = strcmp(source, "flag") == 0 || strcmp(source, "file") == 0;
    return strcmp(source, "default") == 0 ? none
           : said                         ? "as you said"
                                          : arena_format(a, "measured by %s", source);
}

static void print_line(struct arena *a, const struct config *c, const struct plan_ask *ask)
{
    printf("Line up %.4g Mbit/s (%s), down %.4g Mbit/s (%s).\n", ask->up * 8 / 1e6,
           said_by(a, source_of(c, "link"), "assumed: nobody has measured it, say --link"),
           ask->down * 8 / 1e6, said_by(a, source_of(c, "link-down"), "taken to be as up"));
}

static void print_table(struct command_call *call, const struct config *config,
                        const struct plan_ask *ask, const struct prices *p, const char *path,
                        const struct plan_choice *c, size_t count)
{
    int advised = plan_advice(ask, c, count);
    int64_t day_ms = 0;
    printf("  %-34s %14s  %14s  %9s  %9s%s%s\n", "", "time", "19 of 20", p->currency, "19 of 20",
           ask->deadline_s > 0 ? " in time" : "", ask->budget >= 0 ? "  in budget" : "");
    for (size_t i = 0; i < count; i++)
        print_choice(call->arena, ask, &c[i], (int)i == advised);
    if (advised >= 0)
        printf("> the cheapest that %s with 9 chances in 10\n",
               ask->deadline_s > 0 || ask->budget >= 0 ? "keeps deadline and budget" : "does it");
    else
        printf("None keeps deadline and budget with 9 chances in 10.\n");
    print_line(call->arena, config, ask);
    printf("Prices of %s (%s)", p->date, path);
    if (p->unchecked)
        printf("; %d of them nobody has checked", p->unchecked);
    if (clock_parse(text_of(arena_format(call->arena, "%sT00:00:00Z", p->date)), &day_ms) &&
        clock_now_ms() - day_ms > OLD_DAYS * DAY_MS)
        printf("; they are %lld days old", (long long)((clock_now_ms() - day_ms) / DAY_MS));
    printf(".\n");
}

static json_t *choice_json(const struct plan_choice *c, bool advised)
{
    const struct plan_terms *t = &c->terms;
    return json_pack("{s:s?, s:b, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:b, s:{s:f, s:f, s:f, "
                     "s:f, s:f}, s:{s:f, s:f, s:f, s:f, s:f, s:f}}",
                     "machine", c->machine ? c->machine->name : NULL, "spot", c->spot, "count",
                     c->count, "frames_there", c->frames_there, "time_s", c->time_s, "time_p95_s",
                     c->time_p95_s, "cost", c->cost, "cost_p95", c->cost_p95, "meets_deadline",
                     c->meets_deadline, "within_budget", c->within_budget, "advised", advised,
                     "time_terms", "stage_s", t->stage_s, "boot_s", t->boot_s, "render_s",
                     t->render_s, "retry_s", t->retry_s, "down_s", t->down_s, "cost_terms",
                     "machine", t->machine, "licence", t->licence, "fee", t->fee, "egress",
                     t->egress, "storage", t->storage, "power", t->power);
}

static void print_json(const struct config *config, const struct plan_ask *ask,
                       const struct prices *p, const struct plan_choice *c, size_t count)
{
    int advised = plan_advice(ask, c, count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, choice_json(&c[i], (int)i == advised));
    json_t *line = json_pack("{s:f, s:s, s:f, s:s}", "up_bytes_s", ask->up, "up_source",
                             source_of(config, "link"), "down_bytes_s", ask->down, "down_source",
                             source_of(config, "link-down"));
    json_t *out =
        json_pack("{s:s, s:s, s:i, s:o, s:o}", "prices_date", p->date, "currency", p->currency,
                  "unchecked_prices", p->unchecked, "line", line, "choices", list);
    json_dumpf(out, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(8));
    printf("\n");
    json_decref(out);
}

static bool same_money(struct command_call *call, const char *currency, const struct prices *p,
                       struct error *err)
{
    if (!currency[0] || option_text(call, "budget") || strcmp(currency, p->currency) == 0)
        return true;
    error_set(err, ERROR_CONFLICT, "the job's budget is in %s, the prices are in %s", currency,
              p->currency);
    return error_fix(err, "say the budget in %s with --budget, or give --prices FILE", p->currency);
}

static int run(struct command_call *call)
{
    struct config *c = config_open(rows, ROWS);
    struct plan_choice choices[PLAN_CHOICES_MOST];
    struct plan_ask ask;
    struct prices prices;
    struct error err;
    char path[PATH_MAX];
    const char *currency;
    size_t count;
    int advised = -1;
    bool ok = read_inputs(call, c, &currency, &err) && read_ask(call, c, &ask, &err) &&
              load_prices(call, path, sizeof(path), &prices, &err) &&
              same_money(call, currency, &prices, &err) &&
              plan_choose(&ask, &prices, choices, &count, &err);
    if (ok) {
        advised = plan_advice(&ask, choices, count);
        if (option_flag(call, "json"))
            print_json(c, &ask, &prices, choices, count);
        else
            print_table(call, c, &ask, &prices, path, choices, count);
    }
    config_close(c);
    return !ok ? command_failed(&err) : advised >= 0 ? 0 : 1;
}

static const struct option_row options[] = {
    {"frames", OPTION_TEXT, "N", "frames to render"},
    {"frame-seconds", OPTION_TEXT, "S,S,...", "what preview frames took on one machine here"},
    {"frame-cores", OPTION_TEXT, "N", "cores of that machine (this one's)"},
    {"memory", OPTION_TEXT, "SIZE", "that a frame needs"},
    {"bytes", OPTION_TEXT, "SIZE", "that are not there yet"},
    {"frame-bytes", OPTION_TEXT, "SIZE", "of one frame's results"},
    {"link", OPTION_TEXT, "MBIT", "line up, in Mbit/s (JOB: as workers measured it; 100)"},
    {"link-down", OPTION_TEXT, "MBIT", "line down (JOB: as measured; as up)"},
    {"here", OPTION_TEXT, "N", "machines here that are free for it (1)"},
    {"watts", OPTION_TEXT, "N", "that one of them takes"},
    {"within", OPTION_TEXT, "TIME", "time there is: '10 h'"},
    {"deadline", OPTION_TEXT, "TIME", "or until when: 2026-11-27T09:00:00Z"},
    {"budget", OPTION_TEXT, "MONEY", "money there is"},
    {"kept", OPTION_TEXT, "DAYS", "that things stay there (7)"},
    {"licence", OPTION_TEXT, "NAME", "that each machine needs"},
    {"prices", OPTION_TEXT, "FILE", "prices (the newest of data/prices)"},
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_plan = {
    "plan",
    "[FILE|JOB]",
    "stay here or go out: time and cost of the choices",
    "Says what rendering here, and on machines of a provider beside those here, would take and "
    "cost,\n"
    "with the spread of both and each term. FILE has lines `frames = 1000` with the names of the\n"
    "options. JOB is one of the house: tasks left, times of those that are done, its deadline and "
    "what is\n"
    "left of its budget are asked of it, and how fast the line was when workers fetched files of "
    "staged\n"
    "jobs and sent frames; files that it reads are looked at here. Options count more.\n"
    "The prices are data with a date; nothing is ordered.\n"
    "Exit status 1: no choice keeps deadline and budget.",
    options,
    0,
    1,
    run,
};
