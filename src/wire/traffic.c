/*
 * A bucket fills with its rate up to a tenth of a second's worth, and a stream takes from all of
 * its buckets at once. Pieces are not smaller than a fiftieth of a second, so that a slow line does
 * not wake for every packet.
 *
 * Who gives way gets only what lies above half of the bucket. That is whoever shares it with a
 * stream of a higher priority that has asked within half a second, and among equals whoever has had
 * more than another. One that goes first and takes all it can keeps the bucket below the half; one
 * that is slow for a reason of its own lets it fill, and nothing is lost. Whoever got nothing for a
 * second goes before all others once, so that no connection dies of it.
 */
#include "wire/traffic.h"

#include "plat/clock.h"
#include "plat/hash.h"
#include "plat/ids.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHAINS = 1024,
    SLOTS = 8,  // seconds of a stream's own rate
    RATE_S = 4, // it is the mean over so many
    PIECE_MIN = 1024,
    PIECE_MOST = 256 << 10,
    BURST_MIN = 8 << 10,
    WAIT_LEAST_MS = 2,
    WAIT_MOST_MS = 250,
    PAUSED_MS = 200,
};
#define SECOND_US 1000000LL
#define ASKED_US 500000LL
#define FORGET_US (600 * SECOND_US)

struct side {
    int64_t rate;    // bytes a second, 0: any
    int64_t tokens;  // bytes
    int64_t counted; // bytes since there is a rate
    int64_t left_us; // microseconds * rate that made no whole byte yet
    int64_t at_us;
};

struct bucket {
    struct bucket *next; // in its chain
    char *name;
    int users;
    struct side side[2];
};

struct stream {
    struct traffic *t;
    struct stream *next, *newer; // in its chain; among all
    char id[27];
    char *key, *kind, *title, *who, *project, *subject;
    enum traffic_way way;
    struct bucket *buckets[TRAFFIC_BUCKETS];
    size_t bucket_count;
    int64_t total, moved, told, peak; // told: `moved` when the history was last given it
    int64_t began_ms, moved_ms, moved_us, granted_us, asked_us, joined_us;
    int64_t had[TRAFFIC_BUCKETS]; // bytes of each bucket, comparable among those that ask
    int64_t slot_s[SLOTS], slot[SLOTS];
    int priority, users, joined, users_most;
    char via[12]; // "": by requests
    bool paused, cut;
};

struct recall {
    struct recall *next; // in its chain
    char *key;
    int priority;
    bool paused;
};

struct traffic {
    pthread_mutex_t lock; // all below
    struct recall *recalls[CHAINS];
    struct bucket *buckets[CHAINS];
    struct stream *streams[CHAINS], *newest;
    int64_t line_s[2][TRAFFIC_HISTORY_S + 1], line[2][TRAFFIC_HISTORY_S + 1];
    int64_t (*now_us)(void);
};

struct traffic *traffic_open(void)
{
    struct traffic *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    pthread_mutex_init(&t->lock, NULL);
    t->now_us = clock_tick_us;
    return t;
}

static void stream_free(struct stream *s)
{
    char *const texts[] = {s->key, s->kind, s->title, s->who, s->project, s->subject};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        free(texts[i]);
    free(s);
}

void traffic_close(struct traffic *t)
{
    if (!t)
        return;
    for (struct stream *s = t->newest, *next; s; s = next) {
        next = s->newer;
        stream_free(s);
    }
    for (int i = 0; i < CHAINS; i++)
        for (struct bucket *b = t->buckets[i], *next; b; b = next) {
            next = b->next;
            free(b->name);
            free(b);
        }
    for (int i = 0; i < CHAINS; i++)
        for (struct recall *r = t->recalls[i], *next; r; r = next) {
            next = r->next;
            free(r->key);
            free(r);
        }
    pthread_mutex_destroy(&t->lock);
    free(t);
}

void traffic_clock(struct traffic *t, int64_t (*now_us)(void))
{
    t->now_us = now_us;
}

// ---- buckets, under the lock

static size_t chain_of(const char *name)
{
    return (size_t)(xxh3_of(name, strlen(name)) % CHAINS);
}

static struct bucket *bucket_find(struct traffic *t, const char *name)
{
    struct bucket *b = t->buckets[chain_of(name)];
    while (b && strcmp(b->name, name) != 0)
        b = b->next;
    return b;
}

static struct bucket *bucket_made(struct traffic *t, const char *name)
{
    struct bucket *b = bucket_find(t, name);
    if (b)
        return b;
    struct bucket **chain = &t->buckets[chain_of(name)];
    b = calloc(1, sizeof(*b));
    if (!b || !(b->name = strdup(name)))
        abort();
    b->next = *chain;
    *chain = b;
    return b;
}

static void bucket_drop(struct traffic *t, struct bucket *b)
{
    if (b->users || b->side[0].rate || b->side[1].rate)
        return;
    struct bucket **at = &t->buckets[chain_of(b->name)];
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    free(b->name);
    free(b);
}

static int64_t burst_of(const struct side *d)
{
    return d->rate / 10 > BURST_MIN ? d->rate / 10 : BURST_MIN;
}

static int64_t piece_of(const struct side *d)
{
    int64_t piece = d->rate / 50;
    return piece < PIECE_MIN ? PIECE_MIN : piece > PIECE_MOST ? PIECE_MOST : piece;
}

static void fill(struct side *d, int64_t now_us)
{
    int64_t passed = now_us - d->at_us;
    d->at_us = now_us;
    if (passed <= 0 || !d->rate)
        return;
    __int128 grown = (__int128)(passed > SECOND_US ? SECOND_US : passed) * d->rate + d->left_us;
    d->tokens += (int64_t)(grown / SECOND_US);
    d->left_us = (int64_t)(grown % SECOND_US);
    if (d->tokens > burst_of(d))
        d->tokens = burst_of(d);
}

void traffic_cap(struct traffic *t, const char *bucket, enum traffic_way way, int64_t bytes_s)
{
    pthread_mutex_lock(&t->lock);
    struct bucket *b = bucket_made(t, bucket);
    struct side *d = &b->side[way];
    int64_t now = t->now_us();
    fill(d, now);
    d->rate = bytes_s < 0 ? 0 : bytes_s;
    d->counted = d->rate ? d->counted : 0;
    if (d->tokens > burst_of(d) || !d->rate)
        d->tokens = d->rate ? burst_of(d) : 0;
    bucket_drop(t, b);
    pthread_mutex_unlock(&t->lock);
}

int64_t traffic_cap_of(struct traffic *t, const char *bucket, enum traffic_way way)
{
    pthread_mutex_lock(&t->lock);
    const struct bucket *b = bucket_find(t, bucket);
    int64_t rate = b ? b->side[way].rate : 0;
    pthread_mutex_unlock(&t->lock);
    return rate;
}

int64_t traffic_counted(struct traffic *t, const char *bucket, enum traffic_way way)
{
    pthread_mutex_lock(&t->lock);
    const struct bucket *b = bucket_find(t, bucket);
    int64_t counted = b ? b->side[way].counted : 0;
    pthread_mutex_unlock(&t->lock);
    return counted;
}

// ---- streams

static char *copy(const char *from)
{
    char *made = strdup(from ? from : "");
    if (!made)
        abort();
    return made;
}

static struct recall **recall_at(struct traffic *t, const char *key)
{
    struct recall **at = &t->recalls[chain_of(key)];
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

void traffic_recall(struct traffic *t, const char *key, int priority, bool paused)
{
    pthread_mutex_lock(&t->lock);
    struct recall **at = recall_at(t, key), *r = *at;
    if (priority == TRAFFIC_PRIORITY && !paused && r) {
        *at = r->next;
        free(r->key);
        free(r);
    } else if (priority != TRAFFIC_PRIORITY || paused) {
        if (!r && !(r = *at = calloc(1, sizeof(*r))))
            abort();
        if (!r->key)
            r->key = copy(key);
        r->priority = priority < 0 ? 0 : priority > 100 ? 100 : priority;
        r->paused = paused;
    }
    pthread_mutex_unlock(&t->lock);
}

// What went by UDP once is said to go by UDP.
static void say_via(struct stream *s, const char *via)
{
    if (via && strcmp(s->via, "udp") != 0)
        (void)!text_copy(text_of(via), s->via, sizeof(s->via));
}

void stream_goes_by(struct stream *s, const char *via)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->t->lock);
    say_via(s, via);
    pthread_mutex_unlock(&s->t->lock);
}

struct stream *traffic_join(struct traffic *t, const struct stream_wish *w)
{
    pthread_mutex_lock(&t->lock);
    struct stream **chain = &t->streams[chain_of(w->key)];
    struct stream *s = *chain;
    while (s && (strcmp(s->key, w->key) != 0 || s->cut))
        s = s->next;
    if (!s) {
        s = calloc(1, sizeof(*s));
        if (!s)
            abort();
        s->t = t;
        memcpy(s->id, id_new().text, sizeof(s->id));
        s->key = copy(w->key);
        s->kind = copy(w->kind);
        s->title = copy(w->title);
        s->who = copy(w->who);
        s->project = copy(w->project);
        s->subject = copy(w->subject);
        s->way = w->way;
        s->priority = w->priority < 0 ? 0 : w->priority > 100 ? 100 : w->priority;
        const struct recall *said = *recall_at(t, w->key);
        s->priority = said ? said->priority : s->priority;
        s->paused = said && said->paused;
        s->began_ms = s->moved_ms = clock_now_ms();
        s->moved_us = s->granted_us = t->now_us();
        s->asked_us = s->granted_us - ASKED_US;
        for (size_t i = 0; i < TRAFFIC_BUCKETS && w->buckets[i]; i++) {
            struct bucket *b = bucket_made(t, w->buckets[i]);
            b->users++;
            s->buckets[s->bucket_count++] = b;
        }
        s->next = *chain;
        *chain = s;
        s->newer = t->newest;
        t->newest = s;
    }
    s->total = w->total_bytes;
    s->users++;
    if (s->users > s->users_most)
        s->users_most = s->users;
    say_via(s, w->via);
    s->joined++;
    s->joined_us = t->now_us();
    pthread_mutex_unlock(&t->lock);
    return s;
}

void stream_leave(struct stream *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->t->lock);
    s->users--;
    pthread_mutex_unlock(&s->t->lock);
}

// What another one has had of a bucket of ours; NULL: it wants none of it just now.
static const int64_t *had_of(const struct stream *o, const struct stream *s, size_t i,
                             int64_t now_us)
{
    if (o == s || o->way != s->way || !o->users || o->paused || now_us - o->asked_us >= ASKED_US)
        return NULL;
    for (size_t k = 0; k < o->bucket_count; k++)
        if (o->buckets[k] == s->buckets[i])
            return &o->had[k];
    return NULL;
}

static bool gives_way(const struct stream *s, size_t i, int64_t piece, int64_t now_us)
{
    for (const struct stream *o = s->t->newest; o; o = o->newer) {
        const int64_t *had = had_of(o, s, i, now_us);
        if (had && (now_us - o->granted_us >= SECOND_US || o->priority > s->priority ||
                    (o->priority == s->priority && *had + piece < s->had[i])))
            return true;
    }
    return false;
}

// Who asks anew begins level with whoever had least: old debts and credits are forgotten.
static void level(struct stream *s, int64_t now_us)
{
    for (size_t i = 0; i < s->bucket_count; i++) {
        int64_t least = -1;
        for (const struct stream *o = s->t->newest; o; o = o->newer) {
            const int64_t *had = had_of(o, s, i, now_us);
            if (had && o->priority == s->priority && (least < 0 || *had < least))
                least = *had;
        }
        s->had[i] = least < 0 ? 0 : least;
    }
}

static int wait_for(const struct side *d, int64_t tokens)
{
    __int128 ms = (__int128)tokens * 1000 / d->rate;
    return ms < WAIT_LEAST_MS ? WAIT_LEAST_MS : ms > WAIT_MOST_MS ? WAIT_MOST_MS : (int)ms;
}

static void count(struct stream *s, int64_t bytes, int64_t now_us)
{
    struct traffic *t = s->t;
    int64_t second = now_us / SECOND_US;
    int at = (int)(second % SLOTS), place = (int)(second % (TRAFFIC_HISTORY_S + 1));
    if (s->slot_s[at] != second) {
        s->slot_s[at] = second;
        s->slot[at] = 0;
    }
    s->slot[at] += bytes;
    if (t->line_s[s->way][place] != second) {
        t->line_s[s->way][place] = second;
        t->line[s->way][place] = 0;
    }
    t->line[s->way][place] += bytes;
    s->moved += bytes;
}

static int64_t rate_of(struct stream *s, int64_t now_us)
{
    int64_t second = now_us / SECOND_US, sum = 0;
    for (int i = 0; i < SLOTS; i++)
        if (s->slot_s[i] < second && s->slot_s[i] >= second - RATE_S)
            sum += s->slot[i];
    sum /= RATE_S;
    if (sum > s->peak)
        s->peak = sum;
    return sum;
}

static size_t take(struct stream *s, size_t want, int *wait_ms)
{
    int64_t now = s->t->now_us(), may = (int64_t)want;
    *wait_ms = s->cut ? -1 : PAUSED_MS;
    if (s->cut || s->paused)
        return 0;
    *wait_ms = 0;
    if (now - s->asked_us >= ASKED_US)
        level(s, now);
    s->asked_us = now;
    for (size_t i = 0; i < s->bucket_count; i++) {
        struct side *d = &s->buckets[i]->side[s->way];
        if (!d->rate)
            continue;
        int64_t piece = piece_of(d), floor = 0;
        fill(d, now);
        if (now - s->granted_us < SECOND_US && gives_way(s, i, piece, now))
            floor = burst_of(d) / 2;
        int64_t need = piece < (int64_t)want ? piece : (int64_t)want, free = d->tokens - floor;
        if (free < need) {
            int wait = wait_for(d, need - free);
            *wait_ms = wait > *wait_ms ? wait : *wait_ms;
            may = 0;
        }
        may = may < free ? may : free;
    }
    if (may <= 0)
        return 0;
    *wait_ms = 0;
    for (size_t i = 0; i < s->bucket_count; i++)
        if (s->buckets[i]->side[s->way].rate) {
            s->buckets[i]->side[s->way].tokens -= may;
            s->buckets[i]->side[s->way].counted += may;
            s->had[i] += may;
        }
    s->granted_us = s->moved_us = now;
    s->moved_ms = clock_now_ms();
    count(s, may, now);
    rate_of(s, now);
    return (size_t)may;
}

size_t stream_take(struct stream *s, size_t want, int *wait_ms)
{
    pthread_mutex_lock(&s->t->lock);
    size_t may = want ? take(s, want, wait_ms) : 0;
    pthread_mutex_unlock(&s->t->lock);
    return may;
}

void stream_give_back(struct stream *s, size_t unused)
{
    if (!unused)
        return;
    pthread_mutex_lock(&s->t->lock);
    for (size_t i = 0; i < s->bucket_count; i++)
        if (s->buckets[i]->side[s->way].rate) {
            s->buckets[i]->side[s->way].tokens += (int64_t)unused;
            s->buckets[i]->side[s->way].counted -= (int64_t)unused;
            s->had[i] -= (int64_t)unused;
        }
    count(s, -(int64_t)unused, s->t->now_us());
    pthread_mutex_unlock(&s->t->lock);
}

// ---- looking

static struct stream_seen seen_of(struct stream *s, struct arena *a, int64_t now_us)
{
    return (struct stream_seen){.id = arena_text(a, s->id),
                                .key = arena_text(a, s->key),
                                .kind = arena_text(a, s->kind),
                                .title = arena_text(a, s->title),
                                .who = arena_text(a, s->who),
                                .project = arena_text(a, s->project),
                                .subject = arena_text(a, s->subject),
                                .via = arena_text(a, *s->via             ? s->via
                                                     : s->users_most > 1 ? "tcp"
                                                                         : "https"),
                                .way = s->way,
                                .total_bytes = s->total,
                                .moved_bytes = s->moved,
                                .bytes_s = rate_of(s, now_us),
                                .peak_bytes_s = s->peak,
                                .began_ms = s->began_ms,
                                .moved_ms = s->moved_ms,
                                .priority = s->priority,
                                .joined = s->joined,
                                .paused = s->paused,
                                .moving = s->users > 0};
}

static size_t count_all(const struct traffic *t)
{
    size_t count = 0;
    for (const struct stream *s = t->newest; s; s = s->newer)
        count++;
    return count;
}

void traffic_list(struct traffic *t, struct arena *a, struct stream_seen **list, size_t *count)
{
    pthread_mutex_lock(&t->lock);
    *list = ARENA_ARRAY(a, struct stream_seen, count_all(t) + 1);
    *count = 0;
    for (struct stream *s = t->newest; s; s = s->newer)
        if (!s->cut)
            (*list)[(*count)++] = seen_of(s, a, t->now_us());
    pthread_mutex_unlock(&t->lock);
}

bool traffic_change(struct traffic *t, const char *id, int priority, int paused)
{
    pthread_mutex_lock(&t->lock);
    struct stream *s = t->newest;
    while (s && strcmp(s->id, id) != 0)
        s = s->newer;
    if (s && priority >= 0)
        s->priority = priority > 100 ? 100 : priority;
    if (s && paused >= 0)
        s->paused = paused != 0;
    pthread_mutex_unlock(&t->lock);
    return s != NULL;
}

void traffic_cut(struct traffic *t, const char *bucket)
{
    pthread_mutex_lock(&t->lock);
    const struct bucket *b = bucket_find(t, bucket);
    for (struct stream *s = b ? t->newest : NULL; s; s = s->newer)
        for (size_t i = 0; i < s->bucket_count; i++)
            s->cut = s->cut || s->buckets[i] == b;
    pthread_mutex_unlock(&t->lock);
}

static void forget(struct traffic *t, struct stream **from)
{
    struct stream *s = *from;
    struct stream **chain = &t->streams[chain_of(s->key)];
    *from = s->newer;
    while (*chain != s)
        chain = &(*chain)->next;
    *chain = s->next;
    for (size_t i = 0; i < s->bucket_count; i++) {
        s->buckets[i]->users--;
        bucket_drop(t, s->buckets[i]);
    }
    stream_free(s);
}

void traffic_rested(struct traffic *t, int64_t rest_ms, struct arena *a, struct stream_seen **list,
                    size_t *count)
{
    pthread_mutex_lock(&t->lock);
    int64_t now = t->now_us();
    *list = ARENA_ARRAY(a, struct stream_seen, count_all(t) + 1);
    *count = 0;
    for (struct stream **at = &t->newest; *at;) {
        struct stream *s = *at;
        int64_t rest_us = now - (s->moved_us > s->joined_us ? s->moved_us : s->joined_us);
        bool rests = !s->users && rest_us >= rest_ms * 1000;
        if (rests && s->told != s->moved) {
            s->told = s->moved;
            (*list)[(*count)++] = seen_of(s, a, now);
        }
        if (rests && (s->cut || (!s->paused && rest_us > FORGET_US)))
            forget(t, at);
        else
            at = &s->newer;
    }
    pthread_mutex_unlock(&t->lock);
}

void traffic_line(struct traffic *t, enum traffic_way way, int64_t *bytes, int seconds)
{
    pthread_mutex_lock(&t->lock);
    int64_t now_s = t->now_us() / SECOND_US;
    for (int i = 0; i < seconds; i++) {
        int64_t second = now_s - seconds + i;
        int place = (int)(second % (TRAFFIC_HISTORY_S + 1));
        bytes[i] = second >= 0 && t->line_s[way][place] == second ? t->line[way][place] : 0;
        bytes[i] = bytes[i] < 0 ? 0 : bytes[i];
    }
    pthread_mutex_unlock(&t->lock);
}
