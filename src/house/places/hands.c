/*
 * Hands: who does the work of a lane, when volumes may not answer.
 *
 * One hand works. Before a call to a volume it says so in the run of the place, and after it that
 * it was answered. The thread that was given to the lane only watches: when a call is out for too
 * long it gives that hand up and begins another, which leaves alone what is held. A hand that was
 * given up ends its piece of work when it is answered, lets go of the place, and ends.
 *
 * When the house closes, a hand may still wait. It must not touch anything then, since all is being
 * closed around it: answered or not, it waits for the end of the process.
 */
#include "house/places/inside.h"

#include "base/log.h"
#include "plat/clock.h"

#include <stdlib.h>
#include <unistd.h>

enum { WATCH_MS = 50, MUCH = 20 };

struct hand {
    struct places *p;
    enum lane lane;
    void (*work)(struct places *p, struct hand *h);
    // guarded by the lock of places
    struct place_run *at; // whose volume is asked; NULL: none
    int64_t asked_us;
    bool given_up, ended; // ended: freed by the thread that watches, unless it was given up
};

static _Thread_local struct hand *own; // the hand that this thread is

static void ask(struct places *p, struct place_run *r, enum lane lane, int64_t allow_us)
{
    pthread_mutex_lock(&p->lock);
    r->asked_us[lane] = clock_tick_us() + allow_us;
    if (own) {
        own->at = r;
        own->asked_us = r->asked_us[lane];
        p->asking[lane]++;
    }
    pthread_mutex_unlock(&p->lock);
    if (p->asks)
        p->asks(p->context, r->id);
}

void volume_ask(struct places *p, struct place_run *r, enum lane lane)
{
    ask(p, r, lane, 0);
}

void volume_ask_much(struct places *p, struct place_run *r, enum lane lane)
{
    ask(p, r, lane, MUCH * p->answer_us);
}

void volume_answered(struct places *p, struct place_run *r, enum lane lane)
{
    pthread_mutex_lock(&p->lock);
    bool over = own && p->over[lane];
    if (!over)
        r->asked_us[lane] = 0;
    if (own && !over) {
        own->at = NULL;
        p->asking[lane]--;
    }
    pthread_mutex_unlock(&p->lock);
    while (over)
        pause();
}

bool place_held(struct places *p, struct place_run *r, enum lane lane)
{
    pthread_mutex_lock(&p->lock);
    bool is = r->held[lane];
    pthread_mutex_unlock(&p->lock);
    return is;
}

bool place_hold(struct places *p, struct place_run *r, enum lane lane)
{
    pthread_mutex_lock(&p->lock);
    bool got = !r->held[lane];
    r->held[lane] = true;
    pthread_mutex_unlock(&p->lock);
    return got;
}

void place_let_go(struct places *p, struct place_run *r, enum lane lane)
{
    pthread_mutex_lock(&p->lock);
    r->held[lane] = false;
    pthread_mutex_unlock(&p->lock);
}

int64_t place_silent_since(struct places *p, struct place_run *r)
{
    int64_t now = clock_tick_us(), since = 0;
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < LANES; i++)
        if (r->asked_us[i] && now - r->asked_us[i] > p->answer_us &&
            (!since || r->asked_us[i] < since))
            since = r->asked_us[i];
    pthread_mutex_unlock(&p->lock);
    return since ? clock_now_ms() - (now - since) / 1000 : 0;
}

bool given_up(struct hand *h)
{
    pthread_mutex_lock(&h->p->lock);
    bool is = h->given_up;
    pthread_mutex_unlock(&h->p->lock);
    return is;
}

static void *hand_work(void *context)
{
    struct hand *h = context;
    struct places *p = h->p;
    own = h;
    thread_yields();
    h->work(p, h);
    pthread_mutex_lock(&p->lock);
    bool alone = h->given_up;
    h->ended = true;
    p->hands[h->lane]--;
    pthread_mutex_unlock(&p->lock);
    if (alone)
        free(h);
    return NULL;
}

static struct hand *hand_begin(struct places *p, enum lane lane,
                               void (*work)(struct places *p, struct hand *h))
{
    pthread_t thread;
    pthread_attr_t attr;
    struct hand *h = calloc(1, sizeof(*h));
    if (!h)
        abort();
    *h = (struct hand){.p = p, .lane = lane, .work = work};
    pthread_mutex_lock(&p->lock);
    p->hands[lane]++;
    pthread_mutex_unlock(&p->lock);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, hand_work, h) != 0) {
        pthread_mutex_lock(&p->lock);
        p->hands[lane]--;
        pthread_mutex_unlock(&p->lock);
        free(h);
        h = NULL; // it is tried again
    }
    pthread_attr_destroy(&attr);
    return h;
}

static bool say_in(struct db_tx *tx, void *context, struct error *err)
{
    struct place_row row;
    return place_row(tx, context, &row, err) && place_say(tx, &row, err);
}

static void say_silent(struct places *p, const struct place_run *r, enum lane lane)
{
    struct error err;
    log_warn("place.silent", "place=%s while=%s", r->id, lane == LANE_LOOK ? "looking" : "hashing");
    if (!db_write(p->db, say_in, (void *)(uintptr_t)r->id, &err))
        log_problem("place.silent", &err);
}

// Gives the hand up when its volume does not answer.
static bool hand_watch(struct places *p, struct hand *h)
{
    pthread_mutex_lock(&p->lock);
    struct place_run *silent =
        !h->ended && h->at && clock_tick_us() - h->asked_us > p->answer_us ? h->at : NULL;
    h->given_up = silent != NULL;
    pthread_mutex_unlock(&p->lock);
    if (silent)
        say_silent(p, silent, h->lane);
    return silent != NULL;
}

// All hands have ended, or wait for volumes that do not answer.
static void hands_end(struct places *p, enum lane lane, struct hand *h)
{
    int64_t until = clock_tick_us() + p->answer_us;
    for (bool waits = true; waits; clock_sleep_ms(waits ? 10 : 0)) {
        pthread_mutex_lock(&p->lock);
        waits = p->hands[lane] > p->asking[lane] || (p->hands[lane] > 0 && clock_tick_us() < until);
        if (!waits)
            p->over[lane] = p->hands[lane] > 0;
        bool ended = h && h->ended;
        pthread_mutex_unlock(&p->lock);
        if (ended) {
            free(h);
            h = NULL;
        }
    }
}

void hands_work(struct places *p, enum lane lane, void (*work)(struct places *p, struct hand *h))
{
    struct hand *h = NULL;
    while (places_go_on(p)) {
        if (!h)
            h = hand_begin(p, lane, work);
        else if (hand_watch(p, h))
            h = NULL;
        clock_sleep_ms(WATCH_MS);
    }
    hands_end(p, lane, h);
}
