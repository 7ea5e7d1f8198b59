#include "farm/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 400 };
#define HOUR_S 3600.0
#define GB 1e9
#define MONTH_DAYS 30.0
#define LIKELY 0.9

// ---- draws: the same each time

struct draw { // factors and values for one run of the world
    double frame, line;
    double boot_s, interruptions, spot; // spot: 0..1 between low and high
};

static uint64_t next_random(uint64_t *state) // splitmix64
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double uniform(uint64_t *state)
{
    return (double)(next_random(state) >> 11) * 0x1p-53;
}

static double normal(uint64_t *state)
{
    double u = uniform(state), v = uniform(state);
    return sqrt(-2 * log(1 - u)) * cos(2 * M_PI * v);
}

// By a triangle between low, usual and high.
static double drawn(price_range r, double u)
{
    double width = r.high - r.low, cut = width > 0 ? (r.usual - r.low) / width : 1;
    if (width <= 0)
        return r.usual;
    return u < cut ? r.low + sqrt(u * width * (r.usual - r.low))
                   : r.high - sqrt((1 - u) * width * (r.high - r.usual));
}

static double mean_of(const struct plan_ask *a)
{
    double sum = 0;
    for (size_t i = 0; i < a->frame_count; i++)
        sum += a->frame_s[i];
    return sum / (double)a->frame_count;
}

// Of the mean: by the spread of the previews; one alone may be off by half.
static double mean_error(const struct plan_ask *a, double mean)
{
    double sum = 0;
    for (size_t i = 0; i < a->frame_count; i++)
        sum += (a->frame_s[i] - mean) * (a->frame_s[i] - mean);
    double n = (double)a->frame_count;
    if (a->frame_count < 2)
        return 0.5 * mean;
    double sigma = sqrt(sum / (n - 1));
    return sigma * sqrt(1 / n + 1 / (double)(a->frames > 0 ? a->frames : 1));
}

static struct draw draw_world(const struct plan_ask *a, const struct prices *p, double mean,
                              uint64_t *state)
{
    struct draw d;
    double error = mean > 0 ? mean_error(a, mean) / mean : 0;
    d.frame = exp(normal(state) * error - error * error / 2);
    d.line = fmax(0.05, 1 + normal(state) * a->line_spread / 1.645); // +-spread holds 9 times in 10
    d.boot_s = drawn(p->boot_s, uniform(state));
    d.interruptions = drawn(p->interruptions, uniform(state));
    d.spot = uniform(state);
    return d;
}

static struct draw usual_world(const struct prices *p)
{
    return (struct draw){.frame = 1,
                         .line = 1,
                         .boot_s = p->boot_s.usual,
                         .interruptions = p->interruptions.usual,
                         .spot = -1};
}

// ---- the model

struct outcome {
    double time_s, cost, frames_there;
    struct plan_terms terms;
};

static double licence_price(const struct plan_ask *a, const struct prices *p)
{
    for (size_t i = 0; i < p->licence_count; i++)
        if (a->licence && strcmp(a->licence, p->licences[i].name) == 0)
            return p->licences[i].an_hour;
    return 0;
}

static struct outcome play(const struct plan_ask *a, const struct prices *p,
                           const struct price_machine *m, bool spot, int n, double mean,
                           const struct draw *d)
{
    struct outcome o = {0};
    struct plan_terms *t = &o.terms;
    double frames = (double)a->frames, here_s = mean * d->frame,
           here_rate = here_s > 0 ? a->here / here_s : 0;
    double there_rate = 0, there_s = 0, retry = 0, h = spot ? d->interruptions / HOUR_S : 0;
    if (m && n > 0) {
        double plain = here_s * a->frame_cores / (m->cores * m->speed);
        t->stage_s = a->bytes_in > 0 ? a->bytes_in / (a->up * d->line) : 0;
        t->boot_s = d->boot_s;
        there_s = plain * (1 + h * plain / 2) + h * plain * d->boot_s;
        retry = there_s - plain;
        there_rate = n / there_s;
    }
    double t0 = t->stage_s + t->boot_s, rate = here_rate + there_rate;
    double T = here_rate > 0 && (rate <= 0 || frames / here_rate <= t0)
                   ? frames / here_rate
                   : (frames + there_rate * t0) / rate;
    o.frames_there = T > t0 ? there_rate * (T - t0) : 0;
    // Machines end their last frame at different times: half a frame of the slowest kind.
    double tail = o.frames_there > 0 ? there_s / 2 : here_s / 2;
    T = fmax(T, o.frames_there > 0 ? t0 + there_s : here_s) + (frames > 1 ? tail : 0);
    t->retry_s = there_s > 0 ? fmax(0, T - t0) * retry / there_s : 0;
    t->render_s = o.frames_there > 0 ? T - t0 - t->retry_s : T;
    if (o.frames_there <= 0)
        t->stage_s = t->boot_s = 0;
    // Results come down while others render; what the line can not keep up with comes after.
    double out = o.frames_there * a->bytes_out,
           flow = fmax(0, T - t0 - there_s) * a->down * d->line;
    t->down_s = o.frames_there > 0 && a->bytes_out > 0
                    ? fmax(out - flow, fmin(out, a->bytes_out * n)) / (a->down * d->line)
                    : 0;
    o.time_s = T + t->down_s;
    double hours = o.frames_there > 0 ? n * (T - t->stage_s) / HOUR_S : 0;
    double price = !m            ? 0
                   : !spot       ? m->on_demand
                   : d->spot < 0 ? m->spot.usual
                                 : drawn(m->spot, d->spot);
    t->machine = hours * price;
    t->licence = hours * licence_price(a, p);
    t->fee = hours * p->worker_fee;
    t->egress = out / GB * p->egress_gb;
    t->storage = o.frames_there > 0
                     ? (a->bytes_in + out) / GB * p->storage_gb_month * a->kept_days / MONTH_DAYS
                     : 0;
    t->power = a->here * a->here_kw * T / HOUR_S * p->power_kwh;
    o.cost = t->machine + t->licence + t->fee + t->egress + t->storage + t->power;
    return o;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static struct plan_choice expected(const struct plan_ask *a, const struct prices *p,
                                   const struct price_machine *m, bool spot, int n)
{
    struct draw usual = usual_world(p);
    struct outcome o = play(a, p, m, spot, n, mean_of(a), &usual);
    return (struct plan_choice){.machine = m,
                                .spot = spot,
                                .count = m ? n : 0,
                                .terms = o.terms,
                                .frames_there = o.frames_there,
                                .time_s = o.time_s,
                                .cost = o.cost};
}

void plan_price(const struct plan_ask *a, const struct prices *p, const struct price_machine *m,
                bool spot, int n, struct plan_choice *c)
{
    double times[DRAWS], costs[DRAWS], mean = mean_of(a);
    uint64_t state = 1; // the same worlds for each choice: they differ by the choice alone
    int in_time = 0, in_budget = 0;
    struct outcome o;
    *c = expected(a, p, m, spot, n);
    for (int i = 0; i < DRAWS; i++) {
        struct draw d = draw_world(a, p, mean, &state);
        o = play(a, p, m, spot, n, mean, &d);
        times[i] = o.time_s;
        costs[i] = o.cost;
        in_time += a->deadline_s <= 0 || o.time_s <= a->deadline_s;
        in_budget += a->budget < 0 || o.cost <= a->budget;
    }
    qsort(times, DRAWS, sizeof(double), ascending);
    qsort(costs, DRAWS, sizeof(double), ascending);
    c->time_p95_s = times[DRAWS * 95 / 100];
    c->cost_p95 = costs[DRAWS * 95 / 100];
    c->meets_deadline = (double)in_time / DRAWS;
    c->within_budget = (double)in_budget / DRAWS;
}

// ---- choosing

static bool sensible(const struct plan_ask *a, struct error *err)
{
    bool ok = a->frames > 0 && a->frames <= 1000000000 && a->frame_count > 0 &&
              a->frame_cores > 0 && a->up > 0 && a->down > 0 && a->here >= 0 && a->bytes_in >= 0 &&
              a->bytes_out >= 0 && a->line_spread >= 0 && a->line_spread <= 1 &&
              a->kept_days >= 0 && a->here_kw >= 0;
    for (size_t i = 0; ok && i < a->frame_count; i++)
        ok = isfinite(a->frame_s[i]) && a->frame_s[i] > 0;
    if (ok)
        return true;
    error_set(err, ERROR_INPUT, "there is nothing to plan with");
    error_why(err, "frames, seconds a frame, cores and the line must be numbers above 0");
    return error_fix(err,
                     "render a few preview frames and say --frames, --frame-seconds and --link");
}

// The table keeps what nothing beats in both; equal ones count once.
static void keep_better(struct plan_choice *c, size_t *count, size_t most,
                        const struct plan_choice *one)
{
    for (size_t i = 0; i < *count; i++)
        if (c[i].machine && c[i].time_s <= one->time_s && c[i].cost <= one->cost)
            return;
    size_t n = 0;
    for (size_t i = 0; i < *count; i++)
        if (!c[i].machine || !(one->time_s <= c[i].time_s && one->cost <= c[i].cost))
            c[n++] = c[i];
    *count = n;
    if (n < most)
        c[(*count)++] = *one;
}

static int by_cost(const void *a, const void *b)
{
    const struct plan_choice *x = a, *y = b;
    return x->cost < y->cost       ? -1
           : x->cost > y->cost     ? 1
           : x->time_s < y->time_s ? -1
                                   : x->time_s > y->time_s;
}

int plan_advice(const struct plan_ask *a, const struct plan_choice *c, size_t count)
{
    (void)a;
    int best = -1;
    for (size_t i = 0; i < count; i++)
        if (c[i].meets_deadline >= LIKELY && c[i].within_budget >= LIKELY &&
            (best < 0 || c[i].cost < c[best].cost))
            best = (int)i;
    return best;
}

// Of many, as few as a person reads: here, the advised one, the ends, and those between evenly.
static size_t thin(const struct plan_ask *a, struct plan_choice *all, size_t count,
                   struct plan_choice *to)
{
    int advised = plan_advice(a, all, count);
    size_t n = 0, last = (size_t)-1;
    for (size_t i = 0; i < count; i++) {
        size_t place = count > PLAN_CHOICES_MOST ? i * (PLAN_CHOICES_MOST - 2) / count : i;
        bool wanted = place != last || (int)i == advised || !all[i].machine || i + 1 == count;
        if (wanted && n < PLAN_CHOICES_MOST &&
            (n + 1 < PLAN_CHOICES_MOST || i + 1 == count || (int)i == advised)) {
            to[n++] = all[i];
            last = place;
        }
    }
    return n;
}

bool plan_choose(const struct plan_ask *a, const struct prices *p,
                 struct plan_choice choices[PLAN_CHOICES_MOST], size_t *count, struct error *err)
{
    enum { MOST = 400 };
    *count = 0;
    if (!sensible(a, err))
        return false;
    if (a->licence && a->licence[0] && licence_price(a, p) <= 0) {
        error_set(err, ERROR_NOT_FOUND, "the licence %s has no price", a->licence);
        return error_fix(err, "add it to the file of prices (--prices)");
    }
    struct plan_choice *all = calloc(MOST, sizeof(*all));
    if (!all)
        abort();
    size_t n = 0;
    if (a->here > 0)
        all[n++] = expected(a, p, NULL, false, 0);
    for (size_t i = 0; i < p->machine_count; i++)
        for (int spot = 0; spot < 2; spot++) {
            const struct price_machine *m = &p->machines[i];
            if (m->memory_gib < a->memory_gib || (spot ? m->spot.usual : m->on_demand) <= 0)
                continue;
            for (int k = 1; k <= PLAN_MACHINES_MOST && k / 2 < a->frames;
                 k = k < 4 ? k + 1 : k * 5 / 4) {
                struct plan_choice one = expected(a, p, m, spot, k);
                if (one.frames_there > 0)
                    keep_better(all, &n, MOST, &one);
            }
        }
    qsort(all, n, sizeof(*all), by_cost);
    for (size_t i = 0; i < n; i++)
        plan_price(a, p, all[i].machine, all[i].spot, all[i].count, &all[i]);
    *count = thin(a, all, n, choices);
    free(all);
    return true;
}
