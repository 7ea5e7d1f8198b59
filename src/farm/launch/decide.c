#include "farm/launch/decide.h"

#include <math.h>
#include <string.h>

#define HOUR_MS 3600000.0
#define LOST_MS 60000 // a worker's line may be cut for a while without harm

static int64_t whole(double n) // up, within what fits
{
    return n >= 1e9 ? 1000000000 : n <= 0 ? 0 : (int64_t)ceil(n - 1e-9);
}

// ---- what must go whatever the queue says

static void judge_each(const struct launch_rules *r, const struct launch_machine *m, int64_t now_ms,
                       enum launch_act *act, const char **why)
{
    *act = LAUNCH_KEEP;
    *why = "";
    if (m->state == LAUNCH_ENDS)
        return;
    if (m->notice && !m->draining) {
        *act = LAUNCH_DRAIN;
        *why = "notice";
    }
    if (m->state == LAUNCH_RUNS && !m->was_here && m->began_ms &&
        now_ms - m->began_ms > r->boot_ms) {
        *act = LAUNCH_END;
        *why = "never_came";
    }
    if (m->state == LAUNCH_BOOTS && m->began_ms && now_ms - m->began_ms > 2 * r->boot_ms) {
        *act = LAUNCH_END;
        *why = "never_booted";
    }
    if (m->lost_since_ms && now_ms - m->lost_since_ms > LOST_MS) {
        *act = LAUNCH_END;
        *why = "lost";
    }
}

static bool counts(const struct launch_machine *m, enum launch_act act)
{
    return m->state != LAUNCH_ENDS && act == LAUNCH_KEEP && !m->draining;
}

// ---- how many

struct sums {
    int there;      // machines that count
    int64_t busy;   // their tasks
    double work_ms; // of one slot, for all that waits; < 0: not known
};

static int64_t wanted_by_queue(const struct launch_rules *r, const struct launch_need *n,
                               const struct sums *s, const char **why)
{
    double slots = r->slots > 0 ? r->slots : 1;
    int64_t left = n->waiting - n->slots_elsewhere;
    left = left > 0 ? left : 0;
    int64_t most = whole((double)(left + s->busy) / slots);
    *why = "queue";
    if (r->worth_ms <= 0)
        return most;
    if (s->work_ms < 0) { // nobody knows whether one is worth it: two machines find out
        *why = "estimate";
        return most < 2 || most <= s->there ? most : s->there > 2 ? s->there : 2;
    }
    int64_t worth = whole(s->work_ms / slots / (double)r->worth_ms);
    worth = worth < 1 && left ? 1 : worth;
    worth += whole((double)s->busy / slots);
    if (worth < most)
        *why = "worth";
    return worth < most ? worth : most;
}

// The fewest that meet the deadline; those beyond what is there lose a boot first.
static int64_t wanted_by_deadline(const struct launch_rules *r, const struct launch_need *n,
                                  const struct sums *s, int64_t most, int64_t now_ms)
{
    double slots = r->slots > 0 ? r->slots : 1, left_ms = (double)(n->deadline_ms - now_ms);
    double here = (s->there * slots + n->slots_elsewhere) * left_ms;
    if (left_ms <= 0)
        return most;
    if (here >= s->work_ms)
        return whole((s->work_ms - n->slots_elsewhere * left_ms) / (slots * left_ms));
    double each = slots * (left_ms - (double)r->boot_ms);
    if (each <= 0)
        return most; // too late for new ones; all there are help a little
    return s->there + whole((s->work_ms - here) / each);
}

// What is dated, by itself: the most that any of the deadlines needs.
static int64_t wanted_by_dates(const struct launch_rules *r, const struct launch_need *n,
                               const struct sums *s, int64_t most, int64_t now_ms)
{
    struct sums upto = *s;
    int64_t target = 0;
    upto.work_ms = 0;
    for (size_t i = 0; i < n->dated_count; i++) {
        struct launch_need one = *n;
        one.deadline_ms = n->dated[i].deadline_ms;
        upto.work_ms += n->dated[i].work_ms;
        int64_t wanted = wanted_by_deadline(r, &one, &upto, most, now_ms);
        target = wanted > target ? wanted : target;
    }
    return target;
}

// Deadlines first, and for what has none as many as the queue is worth.
static int64_t wanted_with_dates(const struct launch_rules *r, const struct launch_need *n,
                                 const struct sums *s, int64_t now_ms, const char **why)
{
    double slots = r->slots > 0 ? r->slots : 1;
    int64_t all = whole((double)(n->waiting + s->busy) / slots), dated = 0;
    for (size_t i = 0; i < n->dated_count; i++)
        dated += n->dated[i].waiting;
    struct launch_need rest = *n;
    struct sums of_rest = *s;
    rest.waiting = n->waiting > dated ? n->waiting - dated : 0;
    of_rest.work_ms = s->work_ms < 0 ? -1 : (double)rest.waiting * (double)n->task_ms;
    int64_t queue = rest.waiting ? wanted_by_queue(r, &rest, &of_rest, why) : 0;
    int64_t timely = wanted_by_dates(r, n, s, all, now_ms);
    if (timely >= queue)
        *why = "deadline";
    return timely + queue < all ? timely + queue : all;
}

// Hours of one machine until the work is done, when there are `count`; the last task's tail and the
// boot are paid as well.
static double hours_with(const struct launch_rules *r, const struct launch_need *n,
                         const struct sums *s, int64_t count)
{
    double slots = r->slots > 0 ? r->slots : 1;
    double work = s->work_ms < 0 ? (double)r->boot_ms * (double)(n->waiting + s->busy) : s->work_ms;
    return (work / (slots * (double)(count ? count : 1)) + (double)r->boot_ms +
            (double)n->task_ms) /
           HOUR_MS;
}

static int64_t paid_by_budget(const struct launch_rules *r, const struct launch_need *n,
                              const struct sums *s, int64_t count)
{
    double left = r->budget - r->spent;
    if (r->budget < 0 || r->price <= 0)
        return count;
    // Fewer machines boot less for the same work: the dearest part that can be spared goes first.
    while (count > 0 && (double)count * hours_with(r, n, s, count) * r->price > left)
        count--;
    return count;
}

// What giving all back costs: each runs its task to the end.
static bool money_is_over(const struct launch_rules *r, const struct launch_need *n,
                          const struct sums *s)
{
    double tail = ((double)n->task_ms + 60000) / HOUR_MS;
    return r->budget >= 0 && r->price > 0 && s->there > 0 &&
           r->budget - r->spent <= s->there * tail * r->price;
}

// ---- which

// How dear it is to let one go: not come yet, idle, busy.
static int dearness(const struct launch_machine *m)
{
    return m->state == LAUNCH_ASKED ? 0 : m->state == LAUNCH_BOOTS ? 1 : m->busy == 0 ? 2 : 3;
}

static void give_back(const struct launch_rules *r, const struct launch_machine *m, size_t count,
                      int64_t over, bool money, int64_t now_ms, enum launch_act *acts,
                      const char **whys)
{
    for (int dear = 0; dear <= 3 && over > 0; dear++)
        for (size_t i = 0; i < count && over > 0; i++) {
            if (!counts(&m[i], acts[i]) || dearness(&m[i]) != dear)
                continue;
            bool rested =
                m[i].here && m[i].idle_since_ms && now_ms - m[i].idle_since_ms >= r->idle_ms;
            if (dear == 3 && !money)
                continue;
            if (dear == 1 && !money)
                continue; // a boot that is paid for is waited for; then it is idle
            if (dear == 2 && !money && !rested)
                continue;
            acts[i] = dear == 3 ? LAUNCH_DRAIN : LAUNCH_END;
            whys[i] = money ? "budget" : dear == 0 ? "not_needed" : "idle";
            over--;
        }
}

void launch_decide(const struct launch_rules *rules, const struct launch_need *need,
                   const struct launch_machine *machines, size_t count, int64_t now_ms,
                   struct launch_decision *d, enum launch_act *acts, const char **whys)
{
    struct sums s = {.work_ms = -1};
    *d = (struct launch_decision){.want_why = "queue"};
    for (size_t i = 0; i < count; i++) {
        judge_each(rules, &machines[i], now_ms, &acts[i], &whys[i]);
        s.there += counts(&machines[i], acts[i]);
        s.busy += counts(&machines[i], acts[i]) ? machines[i].busy : 0;
    }
    if (need->task_ms > 0)
        s.work_ms = (double)need->waiting * (double)need->task_ms;
    int64_t most = rules->most > 0 ? rules->most : 0;
    int64_t target = wanted_by_queue(rules, need, &s, &d->want_why);
    if (need->deadline_ms != LAUNCH_NO_DEADLINE && s.work_ms >= 0) {
        double slots = rules->slots > 0 ? rules->slots : 1;
        int64_t all = whole((double)(need->waiting + s.busy) / slots);
        int64_t timely = wanted_by_deadline(rules, need, &s, all, now_ms);
        target = timely < all ? timely : all;
        d->want_why = "deadline";
    } else if (need->dated_count) {
        target = wanted_with_dates(rules, need, &s, now_ms, &d->want_why);
    }
    if (target < rules->least) {
        target = rules->least;
        d->want_why = "least";
    }
    if (target > most) {
        target = most;
        d->want_why = "most";
    }
    bool over = money_is_over(rules, need, &s);
    int64_t paid = over ? 0 : paid_by_budget(rules, need, &s, target);
    if (paid < target) {
        target = paid;
        d->want_why = "budget";
    }
    // A machine that works is not stopped because the queue is short: only money ends it.
    d->target = (int)target;
    d->want = target > s.there ? (int)(target - s.there) : 0;
    if (s.there > target)
        give_back(rules, machines, count, s.there - target, over, now_ms, acts, whys);
}
