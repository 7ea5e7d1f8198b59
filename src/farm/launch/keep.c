#include "farm/launch/keep.h"
#include "base/log.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AWAY_MOST_MS 600000 // a gap between turns that is longer was not counted as it went by

struct memory { // of a worker, by its name
    char *name;
    bool was_here, draining, seen;
    int64_t idle_since_ms, lost_since_ms, counted_ms;
};

struct keep {
    char *money_file;
    struct memory *known;
    size_t count;
    char month[8]; // "2026-11"
    double spent;
    int64_t saved_ms;
};

// ---- money

static void money_read(struct keep *k)
{
    struct buf content = BUF_LIMIT(4096);
    struct error none;
    if (k->money_file && file_read(k->money_file, &content, &none) && content.size) {
        text rest = {content.at, content.size}, month = text_cut(&rest, ' ');
        if (text_copy(month, k->month, sizeof(k->month)))
            k->spent = strtod(rest.at, NULL);
    }
    buf_free(&content);
}

static void money_write(struct keep *k, int64_t now_ms)
{
    char line[64];
    struct error err;
    if (!k->money_file || now_ms - k->saved_ms < 5000)
        return;
    int size = snprintf(line, sizeof(line), "%s %.6f\n", k->month, k->spent);
    if (!file_write(k->money_file, line, (size_t)size, 0640, &err))
        log_problem("launch.money", &err);
    k->saved_ms = now_ms;
}

static void month_of(struct keep *k, int64_t now_ms)
{
    char month[8];
    snprintf(month, sizeof(month), "%.7s", clock_text(now_ms).text);
    if (strcmp(month, k->month) == 0)
        return;
    memcpy(k->month, month, sizeof(month));
    k->spent = 0;
}

struct keep *keep_open(const char *money_file)
{
    struct keep *k = calloc(1, sizeof(*k));
    if (!k)
        abort();
    k->money_file = money_file ? strdup(money_file) : NULL;
    money_read(k);
    return k;
}

void keep_close(struct keep *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->count; i++)
        free(k->known[i].name);
    free(k->known);
    free(k->money_file);
    free(k);
}

double keep_spent(struct keep *k, int64_t now_ms)
{
    month_of(k, now_ms);
    return k->spent;
}

// ---- what is remembered

static struct memory *memory_of(struct keep *k, const char *name)
{
    for (size_t i = 0; i < k->count; i++)
        if (strcmp(k->known[i].name, name) == 0)
            return &k->known[i];
    k->known = realloc(k->known, (k->count + 1) * sizeof(*k->known));
    if (!k->known)
        abort();
    k->known[k->count] = (struct memory){.name = strdup(name)};
    return &k->known[k->count++];
}

static void forget_unseen(struct keep *k)
{
    for (size_t i = 0; i < k->count;)
        if (k->known[i].seen) {
            k->known[i++].seen = false;
        } else {
            free(k->known[i].name);
            k->known[i] = k->known[--k->count];
        }
}

// A machine costs from when it was given. The first time it is seen here the time before is
// counted too, unless it is so long that an earlier keeper has done it.
static void count_money(struct keep *k, const struct launched *of, struct memory *m, double price,
                        int64_t now_ms)
{
    if (!of->began_ms)
        return;
    int64_t since = m->counted_ms ? m->counted_ms : of->began_ms;
    if (!m->counted_ms && now_ms - since > AWAY_MOST_MS)
        since = now_ms;
    if (now_ms > since)
        k->spent += price * (double)(now_ms - since) / 3600000.0;
    m->counted_ms = now_ms;
}

static struct launch_machine facts_of(struct memory *m, const struct launched *of,
                                      const struct keep_worker *w, int64_t now_ms)
{
    bool here = w && w->here;
    m->seen = true;
    m->was_here |= here;
    m->lost_since_ms = here || !m->was_here ? 0 : m->lost_since_ms ? m->lost_since_ms : now_ms;
    bool idle = here && w->busy == 0;
    m->idle_since_ms = !idle ? 0 : m->idle_since_ms ? m->idle_since_ms : now_ms;
    return (struct launch_machine){.state = of->state,
                                   .asked_ms = of->asked_ms,
                                   .began_ms = of->began_ms,
                                   .here = here,
                                   .was_here = m->was_here,
                                   .slots = w ? w->slots : 0,
                                   .busy = here ? w->busy : 0,
                                   .idle_since_ms = m->idle_since_ms,
                                   .lost_since_ms = m->lost_since_ms,
                                   .draining = m->draining};
}

static const struct keep_worker *worker_named(const struct keep_turn *t, const char *name)
{
    const struct keep_worker *found = NULL;
    for (size_t i = 0; i < t->worker_count; i++) // an earlier one of the name may be listed as away
        if (strcmp(t->workers[i].name, name) == 0 && (!found || t->workers[i].here))
            found = &t->workers[i];
    return found;
}

// ---- a turn

static void act(struct keep *k, struct launcher *l, struct keep_line *m, struct keep_report *r)
{
    struct error err;
    bool drain = m->act == LAUNCH_DRAIN, ok = false;
    if (m->act == LAUNCH_KEEP)
        return;
    ok = drain ? l->drain(l, m->of.id, &err) : l->end(l, m->of.id, &err);
    if (!ok) {
        log_problem("launch.end", &err);
        return;
    }
    log_info(drain ? "launch.drain" : "launch.end", "id=%s worker=%s why=%s", m->of.id,
             m->of.worker, m->act_why);
    memory_of(k, m->of.worker)->draining = true;
    r->drained += drain;
    r->ended += !drain;
}

bool keep_go(struct keep *k, struct launcher *l, const struct keep_turn *turn, int64_t now_ms,
             struct arena *a, struct keep_report *r, struct error *err)
{
    struct launched *list;
    *r = (struct keep_report){0};
    if (!l->list(l, a, &list, &r->count, err))
        return false;
    struct launch_machine *facts = ARENA_ARRAY(a, struct launch_machine, r->count + 1);
    enum launch_act *acts = ARENA_ARRAY(a, enum launch_act, r->count + 1);
    const char **whys = ARENA_ARRAY(a, const char *, r->count + 1);
    struct launch_rules rules = *turn->rules;
    month_of(k, now_ms);
    for (size_t i = 0; i < r->count; i++) {
        struct memory *m = memory_of(k, list[i].worker);
        facts[i] = facts_of(m, &list[i], worker_named(turn, list[i].worker), now_ms);
        count_money(k, &list[i], m, rules.price, now_ms);
    }
    forget_unseen(k);
    money_write(k, now_ms);
    rules.spent = r->spent = k->spent;
    launch_decide(&rules, turn->need, facts, r->count, now_ms, &r->decision, acts, whys);
    r->machines = ARENA_ARRAY(a, struct keep_line, r->count + 1);
    for (size_t i = 0; i < r->count; i++) {
        r->machines[i] = (struct keep_line){list[i], facts[i], acts[i], whys[i]};
        if (!turn->look_only)
            act(k, l, &r->machines[i], r);
    }
    if (turn->look_only || !r->decision.want)
        return true;
    if (!l->want(l, r->decision.want, turn->kind, err))
        return false;
    r->asked = r->decision.want;
    log_info("launch.want", "count=%d held_by=%s there=%zu waiting=%lld", r->asked,
             r->decision.want_why, r->count, (long long)turn->need->waiting);
    return true;
}
