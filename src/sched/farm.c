/*
 * The farm: words, limits, hosts, workers, and what fits whom.
 *
 * Workers with the same words and amounts are of one kind; steps with the same needs are of one
 * class; whether a kind fits a class is found once. A worker that asks and was given nothing is
 * parked in the bucket of those of its kind that have as much left, and is looked at again when a
 * class that fits the bucket is woken: new work of it, or a limit that it needs has room again.
 */
#include "sched/inside.h"

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}

static uint64_t hash_of(const void *at, size_t size, uint64_t h)
{
    const unsigned char *b = at;
    for (size_t i = 0; i < size; i++)
        h = (h ^ b[i]) * 0x100000001b3ull;
    return mix(h, size);
}

// ---- words

static uint32_t *word_slot(struct sched *s, const char *text)
{
    size_t i = hash_of(text, strlen(text), 7) & (s->word_room - 1);
    while (s->word_table[i] && strcmp(s->words.at[s->word_table[i]], text) != 0)
        i = (i + 1) & (s->word_room - 1);
    return &s->word_table[i];
}

sched_word_id sched_word(struct sched *s, const char *text)
{
    if (s->words.count * 2 >= s->word_room) {
        free(s->word_table);
        s->word_room = s->word_room ? s->word_room * 2 : 64;
        s->word_table = calloc(s->word_room, sizeof(*s->word_table));
        assert(s->word_table);
        for (uint32_t i = 1; i < s->words.count; i++)
            *word_slot(s, s->words.at[i]) = i;
    }
    if (s->words.count == 0)
        ADD(s->words, NULL); // 0 is none
    uint32_t *slot = word_slot(s, text);
    if (!*slot) {
        *slot = (uint32_t)s->words.count;
        ADD(s->words, strdup(text));
        assert(s->words.at[*slot]);
    }
    return *slot;
}

const char *sched_word_text(const struct sched *s, sched_word_id word)
{
    return word && word < s->words.count ? s->words.at[word] : "";
}

// ---- limits

struct limit *limit_of(const struct sched *s, sched_word_id name)
{
    return name < s->limit_of.count && s->limit_of.at[name] ? s->limits.at[s->limit_of.at[name] - 1]
                                                            : NULL;
}

static int64_t limit_most(const struct limit *l)
{
    int64_t most = l->total - l->outside;
    return l->p.learned < most ? l->p.learned : most;
}

int64_t limit_free(const struct limit *l)
{
    int64_t most = limit_most(l);
    return most > l->p.used ? most - l->p.used : 0;
}

static struct limit *limit_make(struct sched *s, sched_word_id name, enum sched_scope scope)
{
    struct limit *l = calloc(1, sizeof(*l));
    assert(l);
    l->name = name;
    l->scope = scope;
    l->p.learned = INT64_MAX;
    while (s->limit_of.count <= name)
        ADD(s->limit_of, 0);
    ADD(s->limits, l);
    s->limit_of.at[name] = (uint32_t)s->limits.count;
    return l;
}

static bool class_needs(const struct class *c, sched_word_id limit)
{
    for (int i = 0; i < c->limit_count; i++)
        if (c->limits[i].limit == limit)
            return true;
    return false;
}

// For those that are parked: who is fresh looks at everything.
void class_wake(struct sched *s, uint32_t c)
{
    if (!s->parked)
        return;
    if (!s->classes.at[c]->woken)
        ADD(s->woken, c);
    s->classes.at[c]->woken = true;
}

void limit_wake(struct sched *s, sched_word_id limit)
{
    for (size_t i = 0; i < s->active.count && s->parked; i++)
        if (class_needs(s->classes.at[s->active.at[i]], limit))
            class_wake(s, s->active.at[i]);
}

// The newest attempts give way until what is left is enough for the others outside.
static void limit_yields(struct sched *s, struct limit *l)
{
    int64_t over = l->p.used - (l->total - l->outside);
    for (; over > 0; over--) {
        struct attempt *newest = NULL;
        for (size_t i = 0; i < s->attempt_room; i++) {
            struct attempt *a = s->attempts[i];
            if (a && !a->p.dropped && (!newest || a->fence > newest->fence) &&
                class_needs(s->classes.at[s->steps.at[a->step]->class], l->name))
                newest = a;
        }
        if (!newest)
            return;
        attempt_drop(s, newest, SCHED_DROP_PREEMPTED);
    }
}

void sched_limit_set(struct sched *s, const struct sched_limit_wish *wish, int64_t now_ms)
{
    s->now_ms = now_ms;
    struct limit *l = limit_of(s, wish->name);
    if (!l)
        l = limit_make(s, wish->name, wish->scope);
    if (l->total == 0 && l->p.used == 0)
        l->scope = wish->scope; // a step may have named it before
    l->total = wish->total;
    l->outside = wish->outside;
    l->yields = wish->yields;
    l->p.learned = INT64_MAX;
    l->p.heal_ms = 0;
    limit_wake(s, l->name);
    if (l->yields)
        limit_yields(s, l);
    settle(s);
}

bool sched_limit_look(const struct sched *s, sched_word_id name, struct sched_limit_look *look)
{
    const struct limit *l = limit_of(s, name);
    if (!l)
        return false;
    *look = (struct sched_limit_look){.scope = l->scope,
                                      .total = l->total,
                                      .outside = l->outside,
                                      .learned = l->p.learned < l->total ? l->p.learned : l->total,
                                      .used = l->p.used,
                                      .free = limit_free(l)};
    return true;
}

// ---- classes

static bool same_class(const struct class *a, const struct class *b)
{
    return a->hash == b->hash && memcmp(&a->needs, &b->needs, sizeof(a->needs)) == 0 &&
           a->words.count == b->words.count &&
           (a->words.count == 0 ||
            memcmp(a->words.at, b->words.at, a->words.count * sizeof(*a->words.at)) == 0) &&
           a->clause_count == b->clause_count &&
           memcmp(a->clauses, b->clauses, sizeof(a->clauses)) == 0 &&
           a->limit_count == b->limit_count && memcmp(a->limits, b->limits, sizeof(a->limits)) == 0;
}

static struct class *class_make(struct sched *s, const struct sched_step_wish *wish)
{
    struct class *c = calloc(1, sizeof(*c));
    assert(c);
    c->needs = wish->needs;
    for (int i = 0; i < wish->clause_count; i++) {
        c->clauses[i].count = wish->clauses[i].count;
        c->clauses[i].none = wish->clauses[i].none;
        for (int k = 0; k < wish->clauses[i].count; k++)
            ADD(c->words, wish->clauses[i].words[k]);
    }
    c->clause_count = wish->clause_count;
    for (int i = 0; i < wish->limit_count; i++) {
        if (!limit_of(s, wish->limits[i].limit))
            limit_make(s, wish->limits[i].limit, SCHED_A_TASK); // of 0, until somebody says more
        c->limits[i].limit = wish->limits[i].limit;             // by member: no padding to compare
        c->limits[i].amount = wish->limits[i].amount;
    }
    c->limit_count = wish->limit_count;
    c->hash = hash_of(&c->needs, sizeof(c->needs), 1);
    if (c->words.count)
        c->hash = hash_of(c->words.at, c->words.count * sizeof(*c->words.at), c->hash);
    c->hash = hash_of(c->limits, sizeof(c->limits), c->hash);
    return c;
}

static void class_free(struct class *c)
{
    if (c)
        free(c->words.at);
    free(c);
}

uint32_t class_take(struct sched *s, const struct sched_step_wish *wish)
{
    struct class *c = class_make(s, wish);
    size_t place = s->classes.count;
    for (size_t i = 0; i < s->classes.count; i++) {
        if (s->classes.at[i]->refs > 0 && same_class(s->classes.at[i], c)) {
            class_free(c);
            s->classes.at[i]->refs++;
            return (uint32_t)i;
        }
        if (s->classes.at[i]->refs == 0 && !s->classes.at[i]->woken)
            place = i;
    }
    c->refs = 1;
    if (place == s->classes.count) {
        ADD(s->classes, c);
        ADD(s->fit, 0);
    } else {
        class_free(s->classes.at[place]);
        s->classes.at[place] = c;
    }
    for (size_t i = 0; i < s->kinds.count; i++)
        if (place < s->kinds.at[i]->fits.count)
            s->kinds.at[i]->fits.at[place] = 0;
    return (uint32_t)place;
}

void class_give_back(struct sched *s, uint32_t c)
{
    s->classes.at[c]->refs--;
}

bool amounts_fit(const struct sched_amounts *left, const struct sched_amounts *n)
{
    return left->milli_cpus >= n->milli_cpus && left->memory_mib >= n->memory_mib &&
           left->scratch_mib >= n->scratch_mib && left->gpus >= n->gpus &&
           left->gpu_memory_mib >= n->gpu_memory_mib && left->extra[0] >= n->extra[0] &&
           left->extra[1] >= n->extra[1] && left->extra[2] >= n->extra[2];
}

static bool has_word(const struct kind *k, sched_word_id word)
{
    size_t low = 0, high = k->words.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (k->words.at[middle] < word)
            low = middle + 1;
        else
            high = middle;
    }
    return low < k->words.count && k->words.at[low] == word;
}

bool clause_holds(const struct class *c, int clause, const struct kind *k)
{
    size_t at = 0;
    bool any = false;
    for (int i = 0; i < clause; i++)
        at += (size_t)c->clauses[i].count;
    for (int i = 0; i < c->clauses[clause].count && !any; i++)
        any = has_word(k, c->words.at[at + (size_t)i]);
    return any != c->clauses[clause].none;
}

bool kind_fits(struct sched *s, struct kind *k, uint32_t class)
{
    const struct class *c = s->classes.at[class];
    while (k->fits.count <= class)
        ADD(k->fits, 0);
    if (!k->fits.at[class]) {
        bool fits = amounts_fit(&k->has, &c->needs);
        for (int i = 0; i < c->clause_count && fits; i++)
            fits = clause_holds(c, i, k);
        k->fits.at[class] = fits ? 2 : 1;
    }
    return k->fits.at[class] == 2;
}

bool host_holds(const struct host *h, sched_word_id limit)
{
    for (int i = 0; i < HOLDS; i++)
        if (h->p.holds[i].limit == limit && h->p.holds[i].count > 0)
            return true;
    return false;
}

static int hold_place(const struct host *h, sched_word_id limit)
{
    int empty = -1;
    for (int i = 0; i < HOLDS; i++)
        if (h->p.holds[i].count > 0 && h->p.holds[i].limit == limit)
            return i;
        else if (h->p.holds[i].count == 0)
            empty = i;
    return empty;
}

bool limits_shut(const struct sched *s, const struct class *c)
{
    for (int i = 0; i < c->limit_count; i++) {
        const struct limit *l = limit_of(s, c->limits[i].limit);
        if (l->scope == SCHED_A_TASK && limit_free(l) < c->limits[i].amount)
            return true;
    }
    return false;
}

bool limits_fit(const struct sched *s, const struct class *c, const struct host *h)
{
    for (int i = 0; i < c->limit_count; i++) {
        const struct limit *l = limit_of(s, c->limits[i].limit);
        int64_t amount = l->scope == SCHED_A_TASK ? c->limits[i].amount : 1;
        bool fits = limit_free(l) >= amount;
        // A host that has it may go on with it, but not when there are too many already.
        if (l->scope == SCHED_A_HOST)
            fits = host_holds(h, l->name) ? l->p.used <= limit_most(l)
                                          : fits && hold_place(h, l->name) >= 0;
        if (!fits)
            return false;
    }
    return true;
}

// ---- what an attempt holds

static void amounts_add(struct sched_amounts *left, const struct sched_amounts *n, int64_t by)
{
    left->milli_cpus += by * n->milli_cpus;
    left->memory_mib += by * n->memory_mib;
    left->scratch_mib += by * n->scratch_mib;
    left->gpus += by * n->gpus;
    for (int i = 0; i < 3; i++)
        left->extra[i] += by * n->extra[i];
}

static double part(int64_t need, int64_t has)
{
    return need > 0 && has > 0 ? (double)need / (double)has : 0;
}

// The part of the worker that it fills most.
static double cost_of(const struct worker *w, const struct sched_amounts *has,
                      const struct sched_amounts *n)
{
    const double parts[] = {w->slots > 0 ? 1.0 / w->slots : 1, part(n->milli_cpus, has->milli_cpus),
                            part(n->memory_mib, has->memory_mib), part(n->gpus, has->gpus),
                            part(n->scratch_mib, has->scratch_mib)};
    double most = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        most = parts[i] > most ? parts[i] : most;
    return most;
}

static void limits_hold(struct sched *s, const struct class *c, struct host *h, int by)
{
    for (int i = 0; i < c->limit_count; i++) {
        struct limit *l = limit_of(s, c->limits[i].limit);
        KEEP(s, l);
        if (l->scope == SCHED_A_TASK) {
            l->p.used += by * c->limits[i].amount;
        } else {
            int at = hold_place(h, l->name);
            assert(at >= 0);
            bool held = h->p.holds[at].count > 0;
            h->p.holds[at].limit = l->name;
            h->p.holds[at].count += by;
            l->p.used += (h->p.holds[at].count > 0) - held;
        }
        if (by < 0)
            limit_wake(s, l->name);
    }
}

void resources_take(struct sched *s, struct attempt *a)
{
    struct worker *w = s->workers.at[a->worker];
    struct host *h = s->hosts.at[w->host];
    const struct step *t = s->steps.at[a->step];
    const struct job *j = s->jobs.at[t->job];
    const struct class *c = s->classes.at[t->class];
    worker_touch(s, a->worker);
    KEEP(s, h);
    // One that is loaded has some already: it runs there and nobody else gets them.
    int64_t taken = __builtin_popcountll(a->gpus);
    w->p.gpus &= ~a->gpus;
    for (int64_t i = taken; i < c->needs.gpus && w->p.gpus; i++) {
        uint64_t lowest = w->p.gpus & -w->p.gpus;
        a->gpus |= lowest;
        w->p.gpus &= ~lowest;
    }
    amounts_add(&w->p.left, &c->needs, -1);
    a->cost = cost_of(w, &s->kinds.at[w->kind]->has, &c->needs);
    w->p.running++;
    w->p.last_step = a->step;
    h->p.running++;
    limits_hold(s, c, h, 1);
    party_hold(s, j->project, a->cost);
    party_hold(s, j->user, a->cost);
}

void resources_give_back(struct sched *s, struct attempt *a)
{
    struct worker *w = s->workers.at[a->worker];
    struct host *h = s->hosts.at[w->host];
    const struct step *t = s->steps.at[a->step];
    const struct job *j = s->jobs.at[t->job];
    const struct class *c = s->classes.at[t->class];
    worker_touch(s, a->worker);
    KEEP(s, h);
    w->p.gpus |= a->gpus;
    amounts_add(&w->p.left, &c->needs, 1);
    w->p.running--;
    h->p.running--;
    limits_hold(s, c, h, -1);
    party_hold(s, j->project, -a->cost);
    party_hold(s, j->user, -a->cost);
}

// ---- what is warm where

struct data *data_of(struct sched *s, uint64_t key)
{
    struct data *d = s->data ? &s->data[mix(3, key) & (DATA_PLACES - 1)] : NULL;
    return d && d->key == key ? d : NULL;
}

bool host_warm(const struct host *h, uint64_t data)
{
    for (int i = 0; i < WARM && data; i++)
        if (h->warm[i] == data)
            return true;
    return false;
}

void host_warms(struct sched *s, sched_host host, sched_step step)
{
    struct host *h = s->hosts.at[host];
    uint64_t key = s->steps.at[step]->data;
    if (!key || h->warm[0] == key)
        return;
    int at = 1;
    while (at < WARM - 1 && h->warm[at] != key)
        at++;
    memmove(&h->warm[1], &h->warm[0], (size_t)at * sizeof(h->warm[0]));
    h->warm[0] = key;
    if (!s->data)
        s->data = calloc(DATA_PLACES, sizeof(*s->data));
    assert(s->data);
    struct data *d = &s->data[mix(3, key) & (DATA_PLACES - 1)];
    if (d->key != key)
        *d = (struct data){.key = key};
    for (at = 0; at < DATA_HOSTS - 1 && d->hosts[at] != host; at++)
        ;
    memmove(&d->hosts[1], &d->hosts[0], (size_t)at * sizeof(d->hosts[0]));
    d->hosts[0] = host;
}

// ---- hosts and workers

sched_host sched_host_add(struct sched *s)
{
    struct host *h = calloc(1, sizeof(*h));
    assert(h);
    if (s->hosts.count == 0)
        ADD(s->hosts, NULL);
    ADD(s->hosts, h);
    return (sched_host)(s->hosts.count - 1);
}

static int by_word(const void *a, const void *b)
{
    sched_word_id x = *(const sched_word_id *)a, y = *(const sched_word_id *)b;
    return (x > y) - (x < y);
}

// What few workers have counts more.
static bool poorer(const struct kind *a, const struct kind *b)
{
    if (a->has.gpus != b->has.gpus)
        return a->has.gpus < b->has.gpus;
    if (a->words.count != b->words.count)
        return a->words.count < b->words.count;
    if (a->has.memory_mib != b->has.memory_mib)
        return a->has.memory_mib < b->has.memory_mib;
    return a->has.milli_cpus < b->has.milli_cpus;
}

static uint32_t kind_of(struct sched *s, const struct sched_worker_wish *wish)
{
    sched_word_id words[SCHED_WORDS_MOST];
    size_t count =
        wish->word_count < SCHED_WORDS_MOST ? (size_t)wish->word_count : SCHED_WORDS_MOST;
    if (count)
        memcpy(words, wish->words, count * sizeof(words[0]));
    qsort(words, count, sizeof(words[0]), by_word);
    uint64_t hash =
        hash_of(words, count * sizeof(words[0]), hash_of(&wish->has, sizeof(wish->has), 5));
    for (size_t i = 0; i < s->kinds.count; i++) {
        const struct kind *k = s->kinds.at[i];
        if (k->hash == hash && memcmp(&k->has, &wish->has, sizeof(k->has)) == 0 &&
            k->words.count == count &&
            (!count || memcmp(k->words.at, words, count * sizeof(words[0])) == 0))
            return (uint32_t)i;
    }
    struct kind *k = calloc(1, sizeof(*k));
    assert(k);
    k->hash = hash;
    k->has = wish->has;
    for (size_t i = 0; i < count; i++)
        ADD(k->words, words[i]);
    ADD(s->kinds, k);
    ADD(s->by_worth, (uint32_t)(s->kinds.count - 1));
    for (size_t i = s->by_worth.count - 1; i > 0 && poorer(k, s->kinds.at[s->by_worth.at[i - 1]]);
         i--) {
        s->by_worth.at[i] = s->by_worth.at[i - 1];
        s->by_worth.at[i - 1] = (uint32_t)(s->kinds.count - 1);
    }
    return (uint32_t)(s->kinds.count - 1);
}

sched_worker sched_worker_add(struct sched *s, const struct sched_worker_wish *wish)
{
    struct worker *w = calloc(1, sizeof(*w));
    assert(w && wish->host && wish->host < s->hosts.count);
    w->host = wish->host;
    w->price = wish->price;
    s->priced |= wish->price > 0;
    w->currency = wish->currency;
    w->kind = kind_of(s, wish);
    w->p.left = wish->has;
    w->p.gpus = wish->has.gpus >= 64 ? ~0ull : (1ull << wish->has.gpus) - 1;
    if (s->workers.count == 0)
        ADD(s->workers, NULL);
    sched_worker id = (sched_worker)s->workers.count;
    ADD(s->workers, w);
    ADD(s->hosts.at[w->host]->workers, id);
    s->kinds.at[w->kind]->workers++;
    return id;
}

bool worker_works(const struct sched *s, const struct worker *w)
{
    return w->up && w->pause == SCHED_GOES_ON && !s->hosts.at[w->host]->p.quarantined_until_ms;
}

void worker_unplace(struct sched *s, sched_worker id)
{
    struct worker *w = s->workers.at[id];
    if (w->place == PLACE_PARKED) {
        struct bucket *b = &s->kinds.at[w->kind]->buckets.at[w->bucket];
        sched_worker last = b->workers.at[--b->workers.count];
        b->workers.at[w->bucket_at] = last;
        s->workers.at[last]->bucket_at = w->bucket_at;
        s->parked--;
    }
    s->hungry -= w->place != PLACE_NONE;
    w->place = PLACE_NONE;
}

void worker_look_again(struct sched *s, sched_worker id)
{
    struct worker *w = s->workers.at[id];
    worker_unplace(s, id);
    if (w->asks <= 0 || !worker_works(s, w))
        return;
    if (s->fresh.count == s->fresh.room && s->fresh_head > s->fresh.count / 2) {
        s->fresh.count -= s->fresh_head;
        memmove(s->fresh.at, s->fresh.at + s->fresh_head, s->fresh.count * sizeof(id));
        s->fresh_head = 0;
    }
    ADD(s->fresh, id);
    w->place = PLACE_FRESH;
    s->hungry++;
}

void worker_park(struct sched *s, sched_worker id)
{
    struct worker *w = s->workers.at[id];
    struct kind *k = s->kinds.at[w->kind];
    size_t at = k->buckets.count, empty = at;
    worker_unplace(s, id);
    for (size_t i = 0; i < k->buckets.count && at == k->buckets.count; i++)
        if (memcmp(&k->buckets.at[i].left, &w->p.left, sizeof(w->p.left)) == 0)
            at = i;
        else if (k->buckets.at[i].workers.count == 0)
            empty = i;
    if (at == k->buckets.count)
        at = empty;
    if (at == k->buckets.count)
        ADD(k->buckets, (struct bucket){0});
    struct bucket *b = &k->buckets.at[at];
    b->left = w->p.left;
    w->bucket = (uint32_t)at;
    w->bucket_at = (uint32_t)b->workers.count;
    ADD(b->workers, id);
    w->place = PLACE_PARKED;
    s->hungry++;
    s->parked++;
}

void sched_worker_up(struct sched *s, sched_worker id, int64_t now_ms)
{
    struct worker *w = s->workers.at[id];
    s->now_ms = now_ms;
    if (w->up)
        return;
    w->up = true;
    w->asks = 0;
    s->kinds.at[w->kind]->up++;
    s->hosts_up += s->hosts.at[w->host]->up++ == 0;
}

void sched_worker_asks(struct sched *s, sched_worker id, int count, int64_t now_ms)
{
    struct worker *w = s->workers.at[id];
    s->now_ms = now_ms;
    w->asks = count > 0 ? w->asks + count : 0;
    if (w->p.running + w->asks > w->slots)
        w->slots = w->p.running + w->asks;
    worker_look_again(s, id);
}

void sched_worker_gone(struct sched *s, sched_worker id, int64_t now_ms)
{
    struct worker *w = s->workers.at[id];
    s->now_ms = now_ms;
    if (w->up) {
        w->up = false;
        s->kinds.at[w->kind]->up--;
        s->hosts_up -= --s->hosts.at[w->host]->up == 0;
    }
    w->asks = 0;
    w->held_for = 0;
    worker_unplace(s, id);
    while (w->attempts) // the last end takes itself out
        sched_ended(s, w->attempts, &(struct sched_end){.how = SCHED_LOST, .task = -1}, now_ms);
    settle(s);
}

bool sched_worker_forget(struct sched *s, sched_worker id)
{
    struct worker *w = s->workers.at[id];
    if (w->up || w->attempts || s->journal.count)
        return false;
    struct host *h = s->hosts.at[w->host];
    for (size_t i = 0; i < h->workers.count; i++)
        if (h->workers.at[i] == id)
            h->workers.at[i] = h->workers.at[--h->workers.count];
    s->kinds.at[w->kind]->workers--;
    free(w);
    s->workers.at[id] = NULL;
    return true;
}

void sched_worker_pause(struct sched *s, sched_worker id, enum sched_pause why, bool drop,
                        int64_t now_ms)
{
    struct worker *w = s->workers.at[id];
    s->now_ms = now_ms;
    w->pause = why;
    worker_look_again(s, id);
    sched_fence next;
    for (sched_fence f = w->attempts; f && drop && why != SCHED_GOES_ON; f = next) {
        struct attempt *a = attempt_of(s, f);
        next = a->worker_next;
        attempt_drop(s, a, SCHED_DROP_PREEMPTED);
    }
    settle(s);
}

void host_set_quarantine(struct sched *s, sched_host id, int64_t until_ms)
{
    struct host *h = s->hosts.at[id];
    KEEP(s, h);
    s->quarantined += (until_ms != 0) - (h->p.quarantined_until_ms != 0);
    h->p.quarantined_until_ms = until_ms;
    if (until_ms)
        when_add(s, until_ms, WHEN_QUARANTINE, id);
    for (size_t i = 0; i < h->workers.count; i++) {
        worker_touch(s, h->workers.at[i]);
        worker_look_again(s, h->workers.at[i]);
    }
}

void sched_host_quarantine(struct sched *s, sched_host id, int64_t until_ms, int64_t now_ms)
{
    s->now_ms = now_ms;
    host_set_quarantine(s, id, until_ms);
    if (!until_ms) {
        struct host *h = s->hosts.at[id];
        h->p.failures = h->p.quarantines = 0;
        memset(h->p.avoids, 0, sizeof(h->p.avoids));
    }
}

void sched_host_load(struct sched *s, sched_host id, int64_t until_ms, int quarantines)
{
    host_set_quarantine(s, id, until_ms);
    s->hosts.at[id]->p.quarantines = quarantines;
}

void sched_host_look(const struct sched *s, sched_host id, struct sched_host_look *look)
{
    const struct host *h = s->hosts.at[id];
    *look = (struct sched_host_look){.workers = (int)h->workers.count,
                                     .running = h->p.running,
                                     .failures_in_a_row = h->p.failures,
                                     .quarantines_in_a_row = h->p.quarantines,
                                     .quarantined_until_ms = h->p.quarantined_until_ms};
}
