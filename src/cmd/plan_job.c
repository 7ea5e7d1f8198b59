// Times come from attempts that counted: each slot of a worker stands for a machine of one core.
#include "cmd/plan_job.h"
#include "cmd/client.h"
#include "plat/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SAMPLES_MOST = 500, OUTPUTS_LOOKED_AT = 16 };
#define WEEK_MS INT64_C(604800000)

struct asking {
    struct command_call *call;
    struct house house;
    struct config *c;
    const char *job;
    struct error *err;
};

static bool set(struct asking *q, const char *name, const char *value)
{
    return config_set(q->c, name, value, "the job", q->err);
}

static bool left_of_step(const json_t *job, int64_t number)
{
    size_t i;
    const json_t *s;
    json_array_foreach(json_object_get(job, "steps"), i,
                       s) if (json_count(s, "number") == number) return json_count(s, "waiting") +
            json_count(s, "running") >
        0;
    return false;
}

static bool tasks_left(struct asking *q, const json_t *job)
{
    size_t i;
    const json_t *s;
    int64_t left = 0;
    json_array_foreach(json_object_get(job, "steps"), i, s) left +=
        json_count(s, "waiting") + json_count(s, "running");
    if (left)
        return set(q, "frames", arena_format(q->call->arena, "%" PRId64, left));
    error_set(q->err, ERROR_CONFLICT, "nothing of the job is left to do");
    return error_why(q->err, "it is %s", json_word(job, "state"));
}

static int64_t time_of(const json_t *of, const char *name)
{
    int64_t at_ms = 0;
    return clock_parse(text_of(json_word(of, name)), &at_ms) ? at_ms : 0;
}

// Of steps that have something left; `done` is a task that is done, for a look at its outputs.
static bool frame_times(struct asking *q, const json_t *job, int64_t *step, int64_t *done)
{
    json_t *all =
        house_ask(q->house.client, "GET", NULL, q->err, "/jobs/%s/attempts?limit=1000", q->job);
    struct buf list = BUF_LIMIT(64 << 10);
    size_t i;
    const json_t *t;
    int count = 0;
    *step = 0;
    json_array_foreach(all, i, t)
    {
        int64_t took = time_of(t, "ended") - time_of(t, "began");
        int64_t tasks = json_count(t, "last") - json_count(t, "first") + 1;
        if (count == SAMPLES_MOST || strcmp(json_word(t, "state"), "committed") != 0 || took <= 0 ||
            tasks < 1 || !left_of_step(job, json_count(t, "step")))
            continue;
        buf_format(&list, "%s%.3f", count++ ? "," : "", (double)took / 1000 / (double)tasks);
        *step = json_count(t, "step");
        *done = json_count(t, "first");
    }
    bool ok = all != NULL;
    json_decref(all);
    if (ok && count) {
        ok = set(q, "frame-seconds", list.at);
        if (!option_flag(q->call, "json"))
            printf("%d attempts that are done say how long a frame takes.\n", count);
    } else if (ok && !option_text(q->call, "frame-seconds")) {
        error_set(q->err, ERROR_NOT_FOUND, "nobody knows how long a frame of it takes");
        ok = error_fix(q->err, "let it render previews first (the option preview_every), or say "
                               "--frame-seconds");
    }
    buf_free(&list);
    return ok;
}

// Of a staged job the house knows the sizes; of others they are looked at here. Paths that can not
// be seen from here are counted, not guessed.
static bool bytes_in(struct asking *q)
{
    json_t *all = house_ask(q->house.client, "GET", NULL, q->err, "/jobs/%s/reads", q->job);
    json_t *staged =
        all ? house_ask(q->house.client, "GET", NULL, q->err, "/jobs/%s/inputs", q->job) : NULL;
    json_t *sizes = json_object(), *path;
    const json_t *file;
    size_t i, unseen = 0;
    int64_t bytes = 0;
    json_array_foreach(json_object_get(staged, "files"), i, file)
        json_object_set(sizes, json_word(file, "path"), json_object_get(file, "size"));
    json_array_foreach(json_object_get(all, "inputs"), i, path)
    {
        struct stat seen;
        const char *name = json_is_string(path) ? json_string_value(path) : "";
        if (json_object_get(sizes, name))
            bytes += json_count(sizes, name);
        else if (stat(name, &seen) == 0)
            bytes += S_ISREG(seen.st_mode) ? seen.st_size : 0;
        else
            unseen++;
    }
    bool ok = staged != NULL;
    json_decref(all);
    json_decref(staged);
    json_decref(sizes);
    if (ok && unseen)
        fprintf(stderr, "%zu files that it reads can not be seen from here; --bytes says better\n",
                unseen);
    return ok && set(q, "bytes", arena_format(q->call->arena, "%" PRId64, bytes));
}

static bool bytes_out(struct asking *q, int64_t step, int64_t task)
{
    json_t *whole = step
                        ? house_ask(q->house.client, "GET", NULL, q->err,
                                    "/jobs/%s/steps/%" PRId64 "/tasks/%" PRId64, q->job, step, task)
                        : NULL;
    size_t i;
    const json_t *output;
    int64_t bytes = 0;
    if (step && !whole)
        return false;
    json_array_foreach(json_object_get(whole, "outputs"), i, output)
    {
        struct stat seen;
        if (i < OUTPUTS_LOOKED_AT && stat(json_word(output, "path"), &seen) == 0)
            bytes += seen.st_size;
    }
    json_decref(whole);
    return set(q, "frame-bytes", arena_format(q->call->arena, "%" PRId64, bytes));
}

static bool slots_here(struct asking *q)
{
    json_t *farm = house_ask(q->house.client, "GET", NULL, q->err, "/farm");
    if (!farm)
        return false;
    const char *slots = arena_format(q->call->arena, "%" PRId64, json_count(farm, "slots"));
    json_decref(farm);
    return set(q, "here", slots) && set(q, "frame-cores", "1");
}

// Of machines elsewhere, if there are any; never of the house's own machine. Several that move
// files at the same time share the line: so the fastest counts, of those of the last week, else the
// newest.
static const json_t *speed_of(const json_t *all, const char *direction, bool elsewhere)
{
    const json_t *one, *best = NULL;
    int64_t now_ms = clock_now_ms(), best_ms = 0;
    size_t i;
    json_array_foreach(all, i, one)
    {
        int64_t at_ms = time_of(one, "measured");
        if (strcmp(json_word(one, "direction"), direction) != 0 ||
            json_is_true(json_object_get(one, "here")) ||
            json_is_true(json_object_get(one, "elsewhere")) != elsewhere)
            continue;
        bool recent = now_ms - at_ms < WEEK_MS, best_recent = best && now_ms - best_ms < WEEK_MS;
        if (!best || (recent && json_count(one, "bytes_s") > json_count(best, "bytes_s")) ||
            (!recent && !best_recent && at_ms > best_ms)) {
            best = one;
            best_ms = at_ms;
        }
    }
    return best || !elsewhere ? best : speed_of(all, direction, false);
}

static bool set_speed(struct asking *q, const char *name, const json_t *speed)
{
    struct arena *a = q->call->arena;
    if (!speed)
        return true;
    int64_t age_s = (clock_now_ms() - time_of(speed, "measured")) / 1000;
    const char *source = arena_format(
        a, "%s of %s, %s ago", strcmp(json_word(speed, "kind"), "put") == 0 ? "a put" : "worker",
        json_word(speed, "name"), time_text(age_s > 0 ? age_s : 0).text);
    const char *mbit = arena_format(a, "%.1f", (double)json_count(speed, "bytes_s") * 8 / 1e6);
    return config_set(q->c, name, mbit, source, q->err);
}

// What goes out of the house goes up its line.
static bool line_of(struct asking *q)
{
    json_t *all = house_ask(q->house.client, "GET", NULL, q->err, "/speeds");
    bool ok = all && set_speed(q, "link", speed_of(all, "out", true)) &&
              set_speed(q, "link-down", speed_of(all, "in", true));
    json_decref(all);
    return ok;
}

static bool policy(struct asking *q, const json_t *job, const char **currency)
{
    const json_t *budget = json_object_get(job, "budget"), *spent = json_object_get(job, "spent");
    double left = json_number_value(json_object_get(budget, "amount")) -
                  json_number_value(json_object_get(spent, "amount"));
    *currency = arena_text(q->call->arena, json_word(budget, "currency"));
    return set(q, "deadline", json_word(job, "deadline")) &&
           (!budget ||
            set(q, "budget", arena_format(q->call->arena, "%.6f", left > 0 ? left : 0.0)));
}

bool plan_job(struct command_call *call, const char *job, struct config *c, const char **currency,
              struct error *err)
{
    struct asking q = {.call = call, .c = c, .job = job, .err = err};
    int64_t step, done = 0;
    json_t *whole = house_open(call, 1, &q.house, err)
                        ? house_ask(q.house.client, "GET", NULL, err, "/jobs/%s", job)
                        : NULL;
    bool ok = whole && tasks_left(&q, whole) && frame_times(&q, whole, &step, &done) &&
              bytes_in(&q) && bytes_out(&q, step, done) && slots_here(&q) && line_of(&q) &&
              policy(&q, whole, currency);
    json_decref(whole);
    house_close(&q.house);
    return ok;
}
