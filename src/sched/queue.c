/*
 * Shares, and the steps that have work to give, in order.
 *
 *   tier > project > user > lane (a class of needs) > steps by priority, age, place in the job
 *
 * Every level knows by a mask which classes there is work of below it. A walk for a worker (pick.c)
 * asks at every level for the least served project or user of which the mask meets what the worker
 * can do, so what nobody can serve now costs nothing, however much of it there is.
 *
 * How well served a project is: (machines it holds + their average over the last hours) / weight.
 * What it holds makes shares right at once, the average makes them right over time (three machines
 * for four projects) and gives credit to who had little. An attempt holds the part of its worker
 * that it fills most: half of the memory and a quarter of the cores are half a machine.
 */
#include "sched/inside.h"

#include <math.h>

// ---- shares

static bool mask_any(const struct mask *m)
{
    uint64_t any = 0;
    for (int i = 0; i < MASK_BITS / 64; i++)
        any |= m->w[i];
    return any;
}

static struct mask mask_or(struct mask a, const struct mask *b)
{
    for (int i = 0; i < MASK_BITS / 64; i++)
        a.w[i] |= b->w[i];
    return a;
}

static double weight_of(const struct sched *s, const struct party *p)
{
    sched_word_id word = p->user ? p->user : p->project;
    double weight = word < s->weights.count ? s->weights.at[word] : 0;
    return weight > 0 ? weight : 1;
}

static void party_age(struct sched *s, struct party *p)
{
    int64_t gone = s->now_ms - p->p.at_ms;
    if (gone > 0)
        p->p.average = p->p.held + (p->p.average - p->p.held) *
                                       exp2(-(double)gone / (double)s->rules.share_half_life_ms);
    p->p.at_ms = s->now_ms;
}

static void party_weigh(struct sched *s, struct party *p)
{
    p->key = (p->p.held + p->p.average) / weight_of(s, p);
}

void party_hold(struct sched *s, struct party *p, double by)
{
    KEEP(s, p);
    party_age(s, p);
    p->p.held += by;
    if (p->p.held < 1e-9)
        p->p.held = 0; // sums of fractions
    party_weigh(s, p);
}

double party_key(struct sched *s, struct party *p)
{
    // An average moves by less than one in a hundred in so short a time.
    if (s->now_ms - p->p.at_ms > s->rules.share_half_life_ms / 128) {
        party_age(s, p);
        party_weigh(s, p);
    }
    return p->key;
}

struct party *party_of(struct sched *s, sched_word_id project, sched_word_id user)
{
    for (size_t i = 0; i < s->parties.count; i++)
        if (s->parties.at[i]->project == project && s->parties.at[i]->user == user)
            return s->parties.at[i];
    struct party *p = calloc(1, sizeof(*p));
    assert(p);
    p->project = project;
    p->user = user;
    p->p.at_ms = s->now_ms;
    ADD(s->parties, p);
    return p;
}

void sched_weight(struct sched *s, sched_word_id word, double weight)
{
    while (s->weights.count <= word)
        ADD(s->weights, 0);
    s->weights.at[word] = weight;
    for (size_t i = 0; i < s->parties.count; i++)
        party_weigh(s, s->parties.at[i]);
}

void sched_share_look(struct sched *s, sched_word_id project, int64_t now_ms,
                      struct sched_share_look *look)
{
    struct party *p = party_of(s, project, 0);
    double gone = (double)(now_ms > p->p.at_ms ? now_ms - p->p.at_ms : 0);
    look->held = p->p.held;
    look->average =
        p->p.held + (p->p.average - p->p.held) * exp2(-gone / (double)s->rules.share_half_life_ms);
    look->weight = weight_of(s, p);
}

// ---- nodes

static struct project_node *project_node_of(struct sched *s, int tier, struct party *project)
{
    struct tier *t = &s->tiers[tier];
    for (size_t i = 0; i < t->projects.count; i++)
        if (t->projects.at[i]->party == project)
            return t->projects.at[i];
    struct project_node *n = calloc(1, sizeof(*n));
    assert(n);
    n->party = project;
    n->tier = tier;
    ADD(t->projects, n);
    return n;
}

struct user_node *node_of(struct sched *s, int tier, struct party *project, struct party *user)
{
    struct project_node *up = project_node_of(s, tier, project);
    for (size_t i = 0; i < up->users.count; i++)
        if (up->users.at[i]->party == user)
            return up->users.at[i];
    struct user_node *n = calloc(1, sizeof(*n));
    assert(n);
    n->party = user;
    n->up = up;
    ADD(up->users, n);
    return n;
}

// In or out of the list of those that have work.
#define ACTIVATE(list, node)                                                                       \
    do {                                                                                           \
        if (!(node)->active) {                                                                     \
            (node)->active = true;                                                                 \
            (node)->active_at = (list).count;                                                      \
            ADD(list, node);                                                                       \
        }                                                                                          \
    } while (0)
#define DEACTIVATE(list, node)                                                                     \
    do {                                                                                           \
        if ((node)->active) {                                                                      \
            (node)->active = false;                                                                \
            (list).at[(node)->active_at] = (list).at[--(list).count];                              \
            (list).at[(node)->active_at]->active_at = (node)->active_at;                           \
        }                                                                                          \
    } while (0)

static void lane_filled(struct sched *s, struct user_node *n, uint32_t class)
{
    struct tier *tier = &s->tiers[n->up->tier];
    uint64_t bit = 1ull << (class % 64);
    int word = class % MASK_BITS / 64;
    n->mask.w[word] |= bit;
    n->up->mask.w[word] |= bit;
    tier->mask.w[word] |= bit;
    ACTIVATE(n->up->active_users, n);
    ACTIVATE(tier->active_projects, n->up);
}

static void lane_emptied(struct sched *s, struct user_node *n)
{
    struct project_node *p = n->up;
    struct tier *tier = &s->tiers[p->tier];
    n->mask = p->mask = tier->mask = (struct mask){0};
    for (size_t i = 0; i < n->lanes.count; i++)
        if (n->lanes.at[i].steps.count > n->lanes.at[i].head)
            n->mask.w[n->lanes.at[i].class % MASK_BITS / 64] |= 1ull << (n->lanes.at[i].class % 64);
    if (!mask_any(&n->mask))
        DEACTIVATE(p->active_users, n);
    for (size_t i = 0; i < p->active_users.count; i++)
        p->mask = mask_or(p->mask, &p->active_users.at[i]->mask);
    if (!mask_any(&p->mask))
        DEACTIVATE(tier->active_projects, p);
    for (size_t i = 0; i < tier->active_projects.count; i++)
        tier->mask = mask_or(tier->mask, &tier->active_projects.at[i]->mask);
}

// ---- lanes: an array in order, with room at the front, as what is first in goes first

bool job_before(const struct sched *s, sched_step a, sched_step b)
{
    const struct step *x = s->steps.at[a], *y = s->steps.at[b];
    const struct job *i = s->jobs.at[x->job], *j = s->jobs.at[y->job];
    if (i->p.priority != j->p.priority)
        return i->p.priority > j->p.priority;
    return i->seq != j->seq ? i->seq < j->seq : x->index < y->index;
}

static size_t lane_place(const struct sched *s, const struct lane *l, sched_step step)
{
    size_t low = l->head, high = l->steps.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (job_before(s, l->steps.at[middle], step))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void lane_put(const struct sched *s, struct lane *l, sched_step step)
{
    size_t at = lane_place(s, l, step);
    if (at == l->head && l->head > 0) {
        l->steps.at[--l->head] = step;
        return;
    }
    if (l->steps.count == l->steps.room && l->head > l->steps.count / 2) {
        l->steps.count -= l->head;
        memmove(l->steps.at, l->steps.at + l->head, l->steps.count * sizeof(step));
        at -= l->head;
        l->head = 0;
    }
    GROW(l->steps);
    memmove(l->steps.at + at + 1, l->steps.at + at, (l->steps.count - at) * sizeof(step));
    l->steps.at[at] = step;
    l->steps.count++;
}

static void lane_drop(const struct sched *s, struct lane *l, sched_step step)
{
    size_t at = lane_place(s, l, step);
    assert(at < l->steps.count && l->steps.at[at] == step);
    if (at == l->head) {
        l->head++;
    } else {
        l->steps.count--;
        memmove(l->steps.at + at, l->steps.at + at + 1, (l->steps.count - at) * sizeof(step));
    }
    if (l->head == l->steps.count)
        l->head = l->steps.count = 0;
}

static struct lane *lane_of(struct user_node *n, uint32_t class)
{
    for (size_t i = 0; i < n->lanes.count; i++)
        if (n->lanes.at[i].class == class)
            return &n->lanes.at[i];
    ADD(n->lanes, (struct lane){.class = class});
    return &n->lanes.at[n->lanes.count - 1];
}

static void class_counts(struct sched *s, uint32_t c, int by)
{
    struct class *class = s->classes.at[c];
    if (class->queued == 0) {
        class->active_at = s->active.count;
        class->placed_ms = s->now_ms;
        ADD(s->active, c);
    }
    class->queued += by;
    if (class->queued > 0)
        return;
    uint32_t last = s->active.at[--s->active.count];
    s->active.at[class->active_at] = last;
    s->classes.at[last]->active_at = class->active_at;
}

void step_unqueue(struct sched *s, sched_step step)
{
    struct step *t = s->steps.at[step];
    if (!t->queued)
        return;
    struct user_node *n = s->jobs.at[t->job]->node;
    struct lane *l = lane_of(n, t->class);
    lane_drop(s, l, step);
    t->queued = false;
    class_counts(s, t->class, -1);
    if (l->steps.count == 0)
        lane_emptied(s, n);
}

void step_queue(struct sched *s, sched_step step)
{
    struct step *t = s->steps.at[step];
    const struct job *j = s->jobs.at[t->job];
    bool wanted = j->p.started && !j->p.suspended && !j->p.stopped && t->ready.members > 0;
    if (!wanted)
        step_unqueue(s, step);
    if (!wanted || t->queued)
        return;
    struct lane *l = lane_of(j->node, t->class);
    lane_put(s, l, step);
    t->queued = true;
    t->queued_ms = s->now_ms;
    class_counts(s, t->class, 1);
    lane_filled(s, j->node, t->class);
    class_wake(s, t->class);
}

void job_queue(struct sched *s, struct job *j)
{
    for (size_t i = 0; i < j->steps.count; i++)
        step_unqueue(s, j->steps.at[i]);
    j->node = node_of(s, j->p.tier, j->project, j->user);
    for (size_t i = 0; i < j->steps.count; i++)
        step_queue(s, j->steps.at[i]);
}

void queue_close(struct sched *s)
{
    for (int tier = 0; tier < SCHED_TIERS; tier++) {
        struct tier *t = &s->tiers[tier];
        for (size_t i = 0; i < t->projects.count; i++) {
            struct project_node *p = t->projects.at[i];
            for (size_t k = 0; k < p->users.count; k++) {
                for (size_t l = 0; l < p->users.at[k]->lanes.count; l++)
                    free(p->users.at[k]->lanes.at[l].steps.at);
                free(p->users.at[k]->lanes.at);
                free(p->users.at[k]);
            }
            free(p->users.at);
            free(p->active_users.at);
            free(p);
        }
        free(t->projects.at);
        free(t->active_projects.at);
    }
    for (size_t i = 0; i < s->parties.count; i++)
        free(s->parties.at[i]);
    free(s->parties.at);
}
