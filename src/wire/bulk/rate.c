#include "wire/bulk/rate.h"

#include <math.h>
#include <string.h>

#define MS 1000
enum { FIRST_PACKETS = 48 };
#define FIRST_BYTES (FIRST_PACKETS * 1400.0)
#define SPAN_US (10 * 1000 * MS) // of a base
#define SECOND_US (1000 * MS)
#define PAUSE_EVERY_US (5 * 1000 * MS)
#define LEAST_PACE (64 * 1024.0)
#define MOST_PACE 4e9
#define GAIN 0.5 // of the queue's error, in RTTs: above 1.5 it would swing

// How much may wait in the line. The slower a flow, the more it may keep: two that see the same
// queue come to the same rate by it.
static double target_us(const struct rate *r)
{
    double rate = r->pace > LEAST_PACE ? r->pace : LEAST_PACE;
    if (r->policy == BULK_BACKGROUND)
        return 2 * MS;
    double wish = 30e6 / sqrt(rate);
    return wish < 3 * MS ? 3 * MS : wish > 18 * MS ? 18 * MS : wish;
}

void rate_open(struct rate *r, int64_t now_us, int64_t rtt_us)
{
    enum bulk_policy policy = r->policy;
    double cap = r->cap;
    memset(r, 0, sizeof(*r));
    r->policy = policy;
    r->cap = cap;
    r->starting = true;
    r->rtt_us = r->least_rtt_us = rtt_us > 100 ? rtt_us : 100;
    r->base_us[0] = r->base_us[1] = INT64_MAX;
    r->base_since_us = r->paused_us = r->round_us = r->opened_us = now_us;
    r->round_queue_us = 1e12;
    r->boost = 0.02;
    r->pace = FIRST_BYTES * 1e6 / (double)r->rtt_us;
}

void rate_wish(struct rate *r, enum bulk_policy policy, double bytes_a_second)
{
    r->policy = policy;
    r->cap = bytes_a_second;
}

static int64_t base_of(const struct rate *r)
{
    return r->base_us[0] < r->base_us[1] ? r->base_us[0] : r->base_us[1];
}

static void delay_add(struct rate *r, const struct rate_news *n)
{
    if (n->now_us - r->base_since_us > SPAN_US) {
        r->base_us[1] = r->base_us[0];
        r->base_us[0] = n->delay_us;
        r->base_since_us = n->now_us;
    }
    if (n->delay_us < r->base_us[0])
        r->base_us[0] = n->delay_us;
    int64_t base = base_of(r),
            since = n->now_us - (r->rtt_us / 2 > 20 * MS ? r->rtt_us / 2 : 20 * MS);
    r->delays[r->delay_count++ % RATE_HISTORY] = (struct delay_seen){n->now_us, n->delay_us};
    int64_t least = n->delay_us;
    size_t have = r->delay_count < RATE_HISTORY ? r->delay_count : RATE_HISTORY;
    for (size_t i = 1; i <= have; i++) {
        const struct delay_seen *d = &r->delays[(r->delay_count - i) % RATE_HISTORY];
        if (d->at_us < since)
            break;
        if (d->delay_us < least)
            least = d->delay_us;
    }
    r->queue_us = (double)(least - base);
    if (r->queue_us < r->round_queue_us)
        r->round_queue_us = r->queue_us;
}

// Bytes a second over about the last RTT: that came, and with those that were lost.
static bool speeds(const struct rate *r, double *came, double *sent, bool *idle)
{
    int64_t span = r->starting ? r->rtt_us / 4 : r->rtt_us;
    span = span > 10 * MS ? span : 10 * MS;
    size_t have = r->point_count < RATE_HISTORY ? r->point_count : RATE_HISTORY;
    if (have < 2)
        return false;
    const struct rate_point *last = &r->points[(r->point_count - 1) % RATE_HISTORY], *first = last;
    *idle = false;
    for (size_t i = 2; i <= have && last->clock_us - first->clock_us < span; i++) {
        *idle = *idle || first->idle;
        first = &r->points[(r->point_count - i) % RATE_HISTORY];
    }
    double took = (double)(last->clock_us - first->clock_us) / 1e6;
    if (took < (double)span / 3e6 || took <= 0)
        return false;
    *came = (double)(last->came - first->came) / took;
    *sent = (double)(last->sent - first->sent) / took;
    return true;
}

static void point_add(struct rate *r, const struct rate_news *n)
{
    r->points[r->point_count++ % RATE_HISTORY] =
        (struct rate_point){n->now_us, n->clock_us, n->came, n->sent, n->idle};
}

// The first packets left all at once: how far apart they came says how fast the line is.
static void guess_line(struct rate *r, const struct rate_news *n)
{
    if (r->guess <= 0 && n->train_bytes > (uint64_t)(FIRST_BYTES / 3))
        r->guess = (double)n->train_bytes * 1e6 / (double)(n->train_us > 50 ? n->train_us : 50);
}

// One step of starting; at the end of a round that was sent at the present pace. That less came
// than was to go, without a queue, says that we were too busy to send it.
static void start_step(struct rate *r, double came, bool full)
{
    double most = r->guess > 1 ? r->guess * 0.95 : 0;
    if (full && came > LEAST_PACE)
        r->pace = came;
    if (full || (most > 0 && r->pace >= most) || (came < r->pace * 0.6 && ++r->stuck > 4)) {
        r->starting = false;
        r->stuck = 0;
    } else if (came >= r->pace * 0.6) {
        r->pace = most > 0 ? most : r->pace * 2;
    }
}

// What the line loses by itself is told from what an overfull one drops: the first stays when less
// is sent.
static void loss_step(struct rate *r)
{
    double all = (double)(r->loss_arrived + r->loss_lost), lost = (double)r->loss_lost;
    double loss = lost / all, noise = 0.005 + 3 * sqrt(lost + 1) / all;
    bool more = loss > r->loss + noise;
    if (r->suspect && r->suspect < 3) { // what is sent less now is heard of in two rounds
        r->suspect++;
        r->loss_arrived = r->loss_lost = 0;
        return;
    }
    if (more && r->suspect && loss > r->last_loss * 0.75) {
        r->loss = loss < r->last_loss ? loss : r->last_loss; // it did not help
        more = false;
    } else if (loss < r->loss - noise) {
        r->loss += (loss - r->loss) / 2;
    } else if (!more) {
        r->loss += (loss - r->loss) / 8;
    }
    if (r->loss > 0.6)
        r->loss = 0.6;
    if (more && !r->suspect)
        r->suspect_pace = r->pace * (1 - (loss - r->loss));
    r->suspect = more;
    r->last_loss = loss;
    r->loss_arrived = r->loss_lost = 0;
}

// The queue runs empty for a moment, so that the least delay is known: to us, and to others of our
// kind, who may have come when it stood and take it for the line's length.
static void pause_now(struct rate *r, int64_t now_us)
{
    double pause = 1.5 * r->queue_us + 3 * MS;
    r->pause_until_us = now_us + (int64_t)(pause < 60 * MS ? pause : 60 * MS);
    r->paused_us = now_us;
    // Two that take each other for such a one would fill the line for ever: now and then one gives
    // way, and has its pace back if the other does not.
    if (r->rival) {
        r->rival = false;
        r->stuck = 0;
        r->rival_pace = r->pace;
    }
}

// The queue did not fall though we sent less: somebody else fills it, and would be left alone.
static void rival_step(struct rate *r, int64_t now_us, double target, double queue)
{
    double due = GAIN * (r->last_queue_us - target);
    if (queue < target)
        r->rival = false, r->stuck = 0, r->rival_pace = 0;
    else if (queue > 2 * target && queue > r->last_queue_us - 0.3 * due)
        r->stuck++;
    else if (r->stuck)
        r->stuck--;
    if (r->rival || r->stuck < 4)
        return;
    if (r->stuck == 4 && now_us - r->paused_us > SECOND_US) {
        pause_now(r, now_us);
    } else if (r->stuck >= 8) {
        r->rival = true;
        if (r->rival_pace > r->pace)
            r->pace = r->rival_pace;
        r->rival_pace = 0;
    }
}

static void round_end(struct rate *r, int64_t now_us, double came, bool idle)
{
    double target = target_us(r), queue = r->round_queue_us;
    uint64_t all = r->loss_arrived + r->loss_lost;
    bool full = queue > target || (all > 200 && r->loss_lost > all / 4);
    if (r->starting && !idle) {
        start_step(r, came, full);
    } else if (!r->starting && !idle && r->rounds % 2 == 0) {
        // What was sent faster in one round is heard of in the next.
        r->boost = queue < target / 3 && !r->suspect ? r->boost * 2 : 0.02;
        if (r->boost > 0.25)
            r->boost = 0.25;
    }
    r->peaks[++r->rounds % RATE_ROUNDS] = 0;
    if (all > 200)
        loss_step(r);
    if (!r->starting && r->policy == BULK_FAIR)
        rival_step(r, now_us, target, queue);
    r->last_queue_us = queue;
    r->round_us = now_us;
    r->round_queue_us = 1e12;
}

static double gain_of(const struct rate *r, double target)
{
    double scale = r->rtt_us > 20 * MS ? (double)r->rtt_us : 20.0 * MS;
    double gain = 1 + GAIN * (target - r->queue_us) / scale;
    double least = r->policy == BULK_BACKGROUND ? 0.6 : 0.75;
    if (r->rival)
        return r->last_loss > r->loss + 0.02 ? 0.9 : 1.01;
    if (r->queue_us < target / 3 && gain < 1 + r->boost)
        gain = 1 + r->boost;
    return gain < least ? least : gain > 1.25 ? 1.25 : gain;
}

static void steer(struct rate *r, const struct rate_news *n, double sent, bool idle)
{
    double target = target_us(r);
    // The fastest of a few rounds: a machine that was too busy to send all says nothing of the
    // line. A queue that grows does.
    double *peak = &r->peaks[r->rounds % RATE_ROUNDS], line = sent;
    if (sent > *peak)
        *peak = sent;
    for (int i = 0; i < RATE_ROUNDS && r->queue_us < 4 * target; i++)
        line = r->peaks[i] > line ? r->peaks[i] : line;
    if (!idle) {
        double wish = line * gain_of(r, target);
        if (r->suspect && wish > r->suspect_pace)
            wish = r->suspect_pace;
        r->pace += (wish - r->pace) / 4;
    }
    if (n->now_us - r->paused_us > PAUSE_EVERY_US && r->policy != BULK_FIXED)
        pause_now(r, n->now_us);
}

void rate_heard(struct rate *r, const struct rate_news *n)
{
    double came, sent;
    bool idle;
    r->rtt_us += (n->rtt_us - r->rtt_us) / 4;
    if (n->rtt_us < r->least_rtt_us)
        r->least_rtt_us = n->rtt_us;
    if (r->rtt_us < 100)
        r->rtt_us = 100;
    delay_add(r, n);
    point_add(r, n);
    r->loss_arrived += n->arrived;
    r->loss_lost += n->lost;
    if (r->starting) {
        bool knew = r->guess > 0;
        guess_line(r, n);
        if (!knew && r->guess <= 0 && n->now_us - r->opened_us > r->rtt_us * 3 / 2 + 50 * MS)
            r->guess = 1;
        if (!knew && r->guess > 0) {
            double some = r->guess * 0.7;
            r->pace = some > r->pace ? some : r->pace;
            r->round_us = n->now_us;
        }
    }
    bool known = speeds(r, &came, &sent, &idle);
    int64_t span = r->rtt_us > 5 * MS ? r->rtt_us : 5 * MS;
    // What is heard now tells of what was sent a round trip ago.
    if (known && n->now_us - r->round_us >= span * (r->starting ? 6 : 4) / 4)
        round_end(r, n->now_us, came, idle);
    if (known && !r->starting)
        steer(r, n, sent, idle);
    if (r->pace < LEAST_PACE)
        r->pace = LEAST_PACE;
    if (r->pace > MOST_PACE)
        r->pace = MOST_PACE;
}

void rate_silent(struct rate *r)
{
    double pace = r->pace / 4;
    rate_open(r, r->round_us, r->least_rtt_us);
    if (pace > r->pace)
        r->pace = pace;
    r->guess = 1;
}

double rate_pace(const struct rate *r, int64_t now_us)
{
    if (r->policy == BULK_FIXED && r->cap > 0)
        return r->cap;
    // Nothing follows the first packets before it is known how they came.
    if (now_us < r->pause_until_us || (r->starting && r->guess <= 0 && now_us != INT64_MAX))
        return 0;
    return r->cap > 0 && r->cap < r->pace ? r->cap : r->pace;
}

double rate_window(const struct rate *r)
{
    double pace = rate_pace(r, INT64_MAX), room = r->starting ? 2.5 : 1.5;
    return FIRST_BYTES + pace * room * ((double)r->rtt_us + 30 * MS) / 1e6;
}
