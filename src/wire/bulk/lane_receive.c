#include "wire/bulk/lane_inside.h"

#include "plat/ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- which packets came

static bool came(const struct lane *l, uint64_t number)
{
    return l->came[number % CAME_BITS / 8] >> (number & 7) & 1;
}

static void floor_raise(struct lane *l, uint64_t floor)
{
    if (floor > l->came_newest + 1)
        floor = l->came_newest + 1;
    if (floor > l->came_floor + CAME_BITS)
        memset(l->came, 0, CAME_BITS / 8), l->came_floor = floor;
    for (; l->came_floor < floor; l->came_floor++)
        l->came[l->came_floor % CAME_BITS / 8] &= (uint8_t) ~(1 << (l->came_floor & 7));
}

static void mark(struct lane *l, uint64_t number, int64_t arrived_us, uint64_t came_bytes)
{
    if (number >= l->came_floor + CAME_BITS) {
        // What lies so far back is given up; its sender asks again.
        l->came_newest = number;
        floor_raise(l, number - CAME_BITS + 1);
    }
    l->came[number % CAME_BITS / 8] |= (uint8_t)(1 << (number & 7));
    if (number >= l->came_newest) {
        l->came_newest = number;
        l->came_newest_us = arrived_us;
        l->came_newest_bytes = came_bytes;
    }
}

static void train_add(struct lane *l, int64_t arrived_us, size_t size)
{
    if (l->train_over || size < 1000)
        return;
    if (!l->train_from_us) {
        l->train_from_us = l->train_last_us = arrived_us;
    } else if (arrived_us - l->train_last_us > 5 * MS || l->train_bytes > TRAIN_BYTES) {
        l->train_over = true;
    } else {
        l->train_bytes += size;
        l->train_last_us = arrived_us > l->train_last_us ? arrived_us : l->train_last_us;
    }
}

// How many from `number` down are alike, `bit` being that of the first.
static uint64_t alike(const struct lane *l, uint64_t number, bool bit)
{
    uint64_t count = 0;
    while (number >= l->came_floor + count) {
        uint64_t at = number - count;
        uint8_t byte = l->came[at % CAME_BITS / 8];
        if ((at & 7) == 7 && at >= l->came_floor + 8 && byte == (bit ? 0xff : 0)) {
            count += 8;
            continue;
        }
        if ((byte >> (at & 7) & 1) != bit)
            break;
        count++;
    }
    return count;
}

bool report_make(struct lane *l, int64_t now_us, struct run_room *runs, struct report *r)
{
    if (!l->came_newest || !came(l, l->came_newest))
        return false;
    runs->size = 0;
    runs->count = 0;
    for (uint64_t at = l->came_newest; at >= l->came_floor;) {
        uint64_t here = alike(l, at, true), missing = 0;
        if (here && at - here + 1 > l->came_floor)
            missing = alike(l, at - here, false);
        if (!here || !run_add(runs, here, missing) || at < here + missing)
            break;
        at -= here + missing;
    }
    *r = (struct report){
        .newest = l->came_newest,
        .clock_us = (uint64_t)(l->came_newest_us - l->began_us),
        .age_us = (uint64_t)(now_us > l->came_newest_us ? now_us - l->came_newest_us : 0),
        .bytes = l->came_newest_bytes,
        .credit = l->consumed + l->calls.window_bytes,
        .twice = (uint64_t)l->numbers.twice_bytes,
        .train_bytes = l->train_bytes,
        .train_us = (uint64_t)(l->train_last_us - l->train_from_us),
        .runs = {(const char *)runs->at, runs->size},
        .run_count = runs->count};
    return true;
}

// ---- items that come

void in_free(struct in *i)
{
    ranges_free(&i->came);
    free(i);
}

static void refuse(struct lane *l, uint64_t item, const struct error *err)
{
    uint64_t fresh;
    char why[400];
    int size = snprintf(why, sizeof(why), "%s", err->what);
    control_add(l,
                &(struct frame){.kind = FRAME_DONE,
                                .item = item,
                                .code = err->kind ? err->kind : ERROR_DENIED,
                                .bytes = {why, (size_t)size}},
                NULL);
    (void)!ranges_add(&l->finished, item, item + 1, &fresh);
}

static void whole(struct lane *l, struct in *i)
{
    i->whole = true;
    ranges_free(&i->came);
    l->calls.whole(l->calls.context, i->id, i->user);
}

// False: there is no place for it now; it will come again.
static bool item_opened(struct lane *l, const struct frame *f)
{
    struct error err;
    if (l->leaving || ranges_hold(&l->finished, f->item, f->item + 1) ||
        table_get(&l->ins, f->item))
        return true;
    struct in *i = calloc(1, sizeof(*i));
    if (!i)
        abort();
    i->id = f->item;
    i->size = (int64_t)f->number;
    if (!table_put(&l->ins, i->id, i)) {
        free(i);
        return false;
    }
    error_clear(&err);
    i->user =
        l->calls.open ? l->calls.open(l->calls.context, i->id, i->size, f->bytes, &err) : NULL;
    if (!i->user) {
        l->consumed += (uint64_t)i->size;
        table_take(&l->ins, i->id);
        in_free(i);
        refuse(l, f->item, &err);
    } else if (!i->size) {
        whole(l, i);
    }
    return true;
}

static bool data_came(struct lane *l, const struct frame *f)
{
    struct in *i = table_get(&l->ins, f->item);
    uint64_t until = f->number + f->bytes.size, fresh;
    if (l->leaving)
        return true;
    if (!i) {
        // Not opened yet: as good as lost. Answered already: nobody wants it any more.
        bool finished = ranges_hold(&l->finished, f->item, f->item + 1);
        l->numbers.twice_bytes += finished ? (int64_t)f->bytes.size : 0;
        return finished;
    }
    if (until > (uint64_t)i->size) {
        lane_end(l, &(struct error){.kind = ERROR_DAMAGED,
                                    .what = "the other side sent more than it said it would"});
        return false;
    }
    if (i->whole || ranges_hold(&i->came, f->number, until)) {
        l->numbers.twice_bytes += (int64_t)f->bytes.size;
        return true;
    }
    if (!ranges_add(&i->came, f->number, until, &fresh))
        return false;
    // The same bytes again do no harm where some of them were missing.
    if (!l->calls.place(l->calls.context, i->user, (int64_t)f->number, f->bytes.at,
                        f->bytes.size)) {
        lane_end(l, &(struct error){.kind = ERROR_IO, .what = "what came can not be kept"});
        return false;
    }
    l->numbers.twice_bytes += (int64_t)(f->bytes.size - fresh);
    l->numbers.came_bytes += (int64_t)fresh;
    if (!l->calls.keeps) {
        i->counted += (int64_t)fresh;
        l->consumed += fresh;
    }
    if (i->came.total == (uint64_t)i->size)
        whole(l, i);
    return true;
}

// ---- meeting

static bool same_peer(const struct lane_peer *a, const struct lane_peer *b)
{
    return a->size == b->size && memcmp(a->at, b->at, a->size) == 0;
}

// Somebody who has the key speaks from another address than before: it counts once he has shown
// that he hears us there. So nobody makes us send to where nobody asked.
static void challenge(struct lane *l, int64_t now_us, const struct lane_peer *from)
{
    if (!l->server || (same_peer(from, &l->candidate) && now_us - l->challenge_us < 20 * MS))
        return;
    if (!same_peer(from, &l->candidate)) {
        random_bytes(l->cookie, sizeof(l->cookie));
        l->cookie_us = now_us;
    }
    l->candidate = *from;
    l->challenge_us = now_us;
    l->challenge = true;
}

static void begin(struct lane *l, int64_t now_us, int64_t rtt_us)
{
    l->met = true;
    rate_open(&l->rate, now_us, rtt_us);
    l->tokens_us = now_us;
    l->tokens = 48 * 1400.0;
    l->trial_us = now_us;
    l->first_flight = true;
    l->spoke_us = now_us;
}

static void response(struct lane *l, int64_t now_us, const struct lane_peer *from, text cookie)
{
    if (!l->server || !same_peer(from, &l->candidate) ||
        memcmp(cookie.at, l->cookie, PACKET_COOKIE) != 0)
        return;
    l->peer = *from;
    if (!l->met)
        begin(l, now_us, now_us - l->cookie_us);
}

static void challenged(struct lane *l, int64_t now_us, const struct lane_peer *from, text cookie)
{
    if (l->server)
        return;
    memcpy(l->their_cookie, cookie.at, PACKET_COOKIE);
    l->peer = *from;
    if (!l->met)
        begin(l, now_us, now_us - l->hello_sent_us); // of the first one: at most too long
    control_add(l, &(struct frame){.kind = FRAME_RESPONSE, .bytes = cookie}, NULL);
}

// ---- frames

struct arrival {
    int64_t now_us;
    const struct lane_peer *from;
    bool elicits; // to be reported
    bool data;
};

// False: the packet counts as lost.
static bool frame_came(struct lane *l, struct frame *f, struct arrival *a)
{
    struct error none;
    a->elicits =
        a->elicits || (f->kind != FRAME_REPORT && f->kind != FRAME_PAD && f->kind != FRAME_FLOOR &&
                       f->kind != FRAME_HELLO && f->kind != FRAME_CHALLENGE);
    switch (f->kind) {
    case FRAME_CHALLENGE:
        challenged(l, a->now_us, a->from, f->bytes);
        break;
    case FRAME_RESPONSE:
        response(l, a->now_us, a->from, f->bytes);
        break;
    case FRAME_REPORT:
        sent_reported(l, a->now_us, &f->report);
        break;
    case FRAME_OPEN:
        return item_opened(l, f);
    case FRAME_DATA:
        a->data = true;
        return data_came(l, f);
    case FRAME_DONE:
        out_answered(l, f);
        break;
    case FRAME_WISH:
        l->their_policy = f->code <= BULK_BACKGROUND ? (enum bulk_policy)f->code : BULK_FAIR;
        l->their_cap = f->number > INT64_MAX ? 0 : (int64_t)f->number;
        rate_choose(l);
        break;
    case FRAME_FLOOR:
        floor_raise(l, f->number);
        break;
    case FRAME_CLOSE:
        error_clear(&none);
        l->left = true; // one last report, then nothing more
        l->report_us = INT64_MIN / 2;
        break;
    case FRAME_PAD:
    case FRAME_PING:
    case FRAME_HELLO:
    case FRAME_KINDS:
        break;
    }
    return true;
}

void lane_datagram(struct lane *l, int64_t now_us, int64_t arrived_us, const struct lane_peer *from,
                   uint8_t *at, size_t size)
{
    uint64_t number;
    text rest;
    struct frame f;
    bool bad = false, kept = true;
    struct arrival a = {now_us, from, false, false};
    if (l->ended || !packet_open(l->in_keys, l->came_newest, at, size, &number, &rest)) {
        l->numbers.bad_packets++;
        return;
    }
    l->came_bytes += size;
    l->numbers.came_packets++;
    if (number < l->came_floor || (number < l->came_floor + CAME_BITS && came(l, number)))
        return; // a second time
    l->heard_us = now_us;
    if (!same_peer(from, &l->peer) && number > l->came_newest)
        challenge(l, now_us, from);
    while (!l->ended && kept && frame_read(&rest, &f, &bad))
        kept = frame_came(l, &f, &a);
    if (bad)
        lane_end(l, &(struct error){.kind = ERROR_DAMAGED,
                                    .what = "the other side sent what can not be read"});
    if (kept && !bad) {
        mark(l, number, arrived_us, l->came_bytes);
        if (a.data)
            train_add(l, arrived_us, size);
        l->report_wanted = l->report_wanted || a.elicits;
    }
}
