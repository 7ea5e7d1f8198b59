/*
 * What a lane sends, and what it learns from reports.
 *
 * Packets under way lie in a ring by their numbers, from the oldest that may still be heard of. A
 * report says which came; those before the newest that came, by more than packets change places,
 * are lost and their bytes queue to go again, ahead of new ones. Frames that must arrive are kept
 * in a list until a packet that carried them came.
 *
 * At the end there is room on the line and nothing left to send: the bytes that went out last go
 * once more, the newest first, as far back as this is sooner than waiting for a report. So the
 * last hole is not mended a round trip after everything else.
 */
#include "wire/bulk/lane_inside.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH_MOST = 60, TRIALS = 3, COPIES_LEAST = 256 << 10, TOKENS_LEAST = 48 << 10 };
static const size_t trial_sizes[] = {1280, 1372, 1452, 1472, 4052, 8972};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

// ---- the ring

static struct sent *sent_at(const struct lane *l, uint64_t number)
{
    return &l->ring[number & (l->ring_room - 1)];
}

static void ring_grow(struct lane *l)
{
    size_t room = l->ring_room * 2;
    struct sent *more = must(calloc(room, sizeof(*more)));
    for (uint64_t n = l->first; n < l->next; n++)
        more[n & (room - 1)] = *sent_at(l, n);
    free(l->ring);
    l->ring = more;
    l->ring_room = room;
}

// Seals what lies in the room as the next packet; returns the datagram's size.
static size_t emit(struct lane *l, int64_t now_us, struct frame_room *plain, struct sent as)
{
    if (l->next - l->first == l->ring_room)
        ring_grow(l);
    size_t size =
        packet_seal(l->out_keys, l->connection, l->next, plain->at - PACKET_HEAD, plain->size);
    l->total += size;
    as.at_us = now_us;
    as.total = l->total;
    as.size = (uint16_t)size;
    as.starved = l->starved;
    as.state = as.kind ? SENT_WAITING : SENT_CAME;
    *sent_at(l, l->next++) = as;
    if (as.kind) {
        l->flight += size;
        l->elicit_us = now_us;
    }
    l->tokens -= (double)size;
    l->spoke_us = now_us;
    l->numbers.sent_packets++;
    l->numbers.sent_bytes += (int64_t)size;
    return size;
}

static struct frame_room room_in(uint8_t *at, size_t datagram)
{
    return (struct frame_room){at + PACKET_HEAD, 0, datagram - PACKET_OVER};
}

static void pad(struct frame_room *to)
{
    memset(to->at + to->size, FRAME_PAD, to->room - to->size);
    to->size = to->room;
}

// ---- bytes that go again

static void again_add(struct lane *l, struct again what)
{
    if (l->again_count == l->again_room) {
        size_t room = l->again_room * 2;
        struct again *more = must(malloc(room * sizeof(*more)));
        for (size_t i = 0; i < l->again_count; i++)
            more[i] = l->agains[(l->again_first + i) & (l->again_room - 1)];
        free(l->agains);
        l->agains = more;
        l->again_room = room;
        l->again_first = 0;
    }
    l->agains[(l->again_first + l->again_count++) & (l->again_room - 1)] = what;
}

static void again_drop(struct lane *l)
{
    l->again_first = (l->again_first + 1) & (l->again_room - 1);
    l->again_count--;
}

// The next bytes that are still wanted; NULL: none.
static struct again *again_next(struct lane *l, struct out **item)
{
    while (l->again_count) {
        struct again *a = &l->agains[l->again_first];
        *item = table_get(&l->outs, a->item);
        if (*item && !ranges_hold(&(*item)->came, a->offset, a->offset + a->length))
            return a;
        again_drop(l);
    }
    return NULL;
}

// ---- items

void out_free(struct out *o)
{
    if (o->open)
        o->open->open = NULL;
    ranges_free(&o->came);
    free(o);
}

void out_answered(struct lane *l, const struct frame *f)
{
    struct out *o = table_get(&l->outs, f->item), *before = NULL;
    if (!o)
        return;
    if (o->first < o->size) { // refused before all of it was sent
        for (struct out *at = l->out_first; at && at != o; at = at->next)
            before = at;
        if (before)
            before->next = o->next;
        else
            l->out_first = o->next;
        if (l->out_last == o)
            l->out_last = before;
        l->first_bytes += (uint64_t)(o->size - o->first);
    }
    void *user = o->user;
    table_take(&l->outs, f->item);
    out_free(o);
    if (l->calls.answered && !l->leaving)
        l->calls.answered(l->calls.context, user, f->code, f->bytes);
}

// ---- frames that must arrive

// A packet that carried some came, or was lost.
static void controls_heard(struct lane *l, uint64_t number, bool came)
{
    struct control **at = &l->controls;
    while (*at) {
        struct control *c = *at;
        bool carried = false;
        size_t kept = 0;
        for (size_t i = 0; i < c->tries; i++) {
            if (c->numbers[i] == number)
                carried = true;
            else
                c->numbers[kept++] = c->numbers[i];
        }
        c->tries = kept;
        if (carried && came) {
            *at = c->next;
            if (!c->next)
                l->control_end = at;
            l->control_waiting -= c->waiting;
            control_free(c);
            continue;
        }
        if (carried && !kept && !c->waiting) {
            c->waiting = true;
            l->control_waiting++;
        }
        at = &c->next;
    }
}

static bool controls_write(struct lane *l, int64_t now_us, struct frame_room *to)
{
    bool any = false;
    for (struct control *c = l->controls; c && l->control_waiting; c = c->next) {
        if (!c->waiting)
            continue;
        if (c->size > to->room - to->size)
            break;
        memcpy(to->at + to->size, c->at, c->size);
        to->size += c->size;
        if (c->tries == CONTROL_TRIES)
            memmove(c->numbers, c->numbers + 1, --c->tries * sizeof(c->numbers[0]));
        c->numbers[c->tries++] = l->next;
        c->waiting = false;
        c->last_us = now_us;
        l->control_waiting--;
        any = true;
    }
    return any;
}

// The bytes of an item are of no use before it was opened: while that was not heard, it is said
// again.
static void open_again(struct lane *l, int64_t now_us)
{
    struct control *c = l->out_first ? l->out_first->open : NULL;
    int64_t wait = l->rate.rtt_us / 8 > 2 * MS ? l->rate.rtt_us / 8 : 2 * MS;
    if (c && !c->waiting && c->tries < CONTROL_TRIES && now_us - c->last_us > wait) {
        c->waiting = true;
        l->control_waiting++;
    }
}

// ---- reports

static void sent_came(struct lane *l, int64_t now_us, uint64_t number, struct sent *s)
{
    uint64_t fresh;
    if (s->state == SENT_WAITING)
        l->flight -= s->size;
    s->state = SENT_CAME;
    if (s->size > PACKET_LEAST)
        l->big_lost = 0, l->big_came_us = now_us;
    if (s->kind & SENT_DATA) {
        struct out *o = table_get(&l->outs, s->item);
        if (o)
            (void)!ranges_add(&o->came, s->offset, s->offset + s->length, &fresh);
    }
    if (s->kind & SENT_CONTROL)
        controls_heard(l, number, true);
    if (s->kind & SENT_TRIAL && s->size > l->datagram)
        l->datagram = s->size;
}

static void sent_lost(struct lane *l, uint64_t number, struct sent *s)
{
    l->flight -= s->size;
    s->state = SENT_LOST;
    if (s->kind & SENT_CONTROL)
        controls_heard(l, number, false);
    if (s->kind & SENT_TRIAL)
        return;
    l->numbers.lost_packets++;
    l->big_lost += s->size > PACKET_LEAST;
    if (s->kind & SENT_DATA && !s->copied)
        again_add(l, (struct again){s->item, s->offset, number, s->length});
}

// Marks what the report says; returns how many packets it speaks of for the first time.
static uint64_t runs_heard(struct lane *l, int64_t now_us, struct report *r)
{
    uint64_t came, missing, at = r->newest, fresh = 0;
    while (report_run(r, &came, &missing)) {
        for (uint64_t n = 0; n < came && at - n >= l->first; n++) {
            struct sent *s = sent_at(l, at - n);
            if (s->state == SENT_CAME)
                continue;
            if (s->state ==
                SENT_LOST) { // it only came late: packets change places more than thought
                int64_t late = l->newest_sent_us - s->at_us;
                int64_t most = l->rate.rtt_us > 4 * MS ? l->rate.rtt_us : 4 * MS;
                late = late + late / 4 < most ? late + late / 4 : most;
                l->disorder_us = late > l->disorder_us ? late : l->disorder_us;
                l->numbers.lost_packets -= !(s->kind & SENT_TRIAL);
            }
            fresh += !(s->kind & SENT_TRIAL);
            sent_came(l, now_us, at - n, s);
        }
        if (at < l->first + came + missing)
            break;
        at -= came + missing;
    }
    return fresh;
}

static uint64_t losses_find(struct lane *l)
{
    uint64_t lost = 0;
    for (uint64_t n = l->first; n + 3 <= l->newest_came; n++) {
        struct sent *s = sent_at(l, n);
        if (s->state != SENT_WAITING)
            continue;
        if (s->at_us + l->disorder_us > l->newest_sent_us)
            break;
        lost += !(s->kind & SENT_TRIAL);
        sent_lost(l, n, s);
    }
    return lost;
}

// What is settled leaves; lost ones stay a little, in case they only come late.
static void ring_trim(struct lane *l, int64_t now_us)
{
    int64_t keep = l->rate.rtt_us * 3 / 2 + 5 * MS;
    for (; l->first < l->next; l->first++) {
        const struct sent *s = sent_at(l, l->first);
        if (s->state == SENT_WAITING || (s->state == SENT_LOST && now_us - s->at_us < keep))
            break;
    }
}

// Large packets vanish and small ones come: somewhere they are too large, and nobody says so.
static void black_hole(struct lane *l, int64_t now_us)
{
    if (l->datagram == PACKET_LEAST || l->big_lost < 60 ||
        now_us - l->big_came_us < 500 * MS + 3 * l->rate.rtt_us)
        return;
    l->datagram = PACKET_LEAST;
    l->big_lost = 0;
    l->trial_round = 0;
    l->trial_us = now_us + 10 * 1000 * MS;
}

void sent_reported(struct lane *l, int64_t now_us, struct report *r)
{
    if (r->newest >= l->next) {
        lane_end(l, &(struct error){.kind = ERROR_DAMAGED,
                                    .what = "the other side reports what was never sent"});
        return;
    }
    if (r->credit > l->credit)
        l->credit = r->credit;
    l->numbers.peer_twice_bytes = (int64_t)r->twice;
    struct rate_news news = {.now_us = now_us};
    bool newer = r->newest > l->newest_came && r->newest >= l->first;
    if (newer) {
        const struct sent *s = sent_at(l, r->newest);
        l->newest_came = r->newest;
        l->newest_sent_us = s->at_us;
        news.clock_us = (int64_t)r->clock_us;
        news.delay_us = (int64_t)r->clock_us - s->at_us;
        news.rtt_us = now_us - s->at_us - (int64_t)(r->age_us < 10000 * MS ? r->age_us : 0);
        news.came = r->bytes;
        news.train_bytes = r->train_bytes;
        news.train_us = r->train_us;
        news.sent = s->total;
        news.idle = s->starved != l->starved_heard;
        l->starved_heard = s->starved;
    }
    news.arrived = runs_heard(l, now_us, r);
    news.lost = losses_find(l);
    if (news.arrived) {
        l->probes = 0;
        l->floor_due = true;
    }
    if (newer && news.rtt_us > 0)
        rate_heard(&l->rate, &news);
    black_hole(l, now_us);
    ring_trim(l, now_us);
}

// ---- what there is to send

struct piece { // of an item
    struct out *item;
    uint64_t offset, length; // length: what there is, not what fits
    enum piece_kind { PIECE_NONE, PIECE_AGAIN, PIECE_FIRST, PIECE_COPY } kind;
    uint64_t number; // PIECE_COPY: the packet that carried it
};

// The next packet whose bytes go out once more though nothing is known of it.
static bool copy_next(struct lane *l, int64_t now_us, struct piece *p)
{
    if (l->rate.loss <= 0.0005 || l->copied_bytes > l->first_bytes / 125 + COPIES_LEAST)
        return false;
    if (l->copy_at < l->first || l->copy_at <= l->copied_to) {
        // All that was there is seen; what came after it may follow.
        if (l->copy_top + 1 >= l->next)
            return false;
        l->copied_to = l->copy_top;
        l->copy_at = l->copy_top = l->next - 1;
    }
    for (; l->copy_at >= l->first && l->copy_at > l->copied_to; l->copy_at--) {
        const struct sent *s = sent_at(l, l->copy_at);
        if (now_us - s->at_us > l->rate.rtt_us / 2 + report_every_us(l))
            break;
        struct out *o = s->kind & SENT_DATA ? table_get(&l->outs, s->item) : NULL;
        if (!o || s->state != SENT_WAITING || s->copied || s->copy ||
            ranges_hold(&o->came, s->offset, s->offset + s->length))
            continue;
        *p = (struct piece){o, s->offset, s->length, PIECE_COPY, l->copy_at};
        return true;
    }
    l->copied_to = l->copy_top;
    return false;
}

static bool piece_next(struct lane *l, int64_t now_us, struct piece *p)
{
    struct out *o = l->out_first, *item;
    if (l->leaving)
        return false;
    const struct again *a = again_next(l, &item);
    bool window = (double)(l->flight + l->datagram) <= rate_window(&l->rate) &&
                  l->next - l->first < SENT_MOST;
    if (a && window)
        *p = (struct piece){item, a->offset, a->length, PIECE_AGAIN, a->number};
    else if (!a && o && window && l->first_bytes < l->credit)
        *p = (struct piece){o, (uint64_t)o->first, (uint64_t)(o->size - o->first), PIECE_FIRST, 0};
    else if (a || o || !copy_next(l, now_us, p))
        return false;
    return true;
}

static void piece_sent(struct lane *l, const struct piece *p, uint64_t length)
{
    if (p->kind == PIECE_AGAIN) {
        struct again *a = &l->agains[l->again_first];
        if (length == a->length) {
            again_drop(l);
        } else { // datagrams have become smaller
            a->offset += length;
            a->length -= (uint32_t)length;
        }
    } else if (p->kind == PIECE_FIRST) {
        p->item->first += (int64_t)length;
        l->first_bytes += length;
        if (p->item->first == p->item->size) {
            l->out_first = p->item->next;
            if (!l->out_first)
                l->out_last = NULL;
        }
    } else {
        if (l->copy_at >= l->first && l->copy_at == p->number)
            sent_at(l, p->number)->copied = true;
        l->copied_bytes += length;
        l->copy_at--;
    }
}

// ---- datagrams with data

static size_t data_write(struct lane *l, int64_t now_us, uint8_t *at, size_t room,
                         const struct piece *p)
{
    struct frame f = {.kind = FRAME_DATA, .item = p->item->id, .number = p->offset};
    struct frame_room to = room_in(at, room);
    (void)!frame_write(&to, &f);
    size_t length = to.room - to.size;
    if (length > p->length)
        length = (size_t)p->length;
    if (!l->calls.read(l->calls.context, p->item->user, (int64_t)p->offset, to.at + to.size,
                       length)) {
        lane_end(l, &(struct error){.kind = ERROR_IO, .what = "what is sent can not be read"});
        return 0;
    }
    to.size += length;
    piece_sent(l, p, length);
    return emit(l, now_us, &to,
                (struct sent){.kind = SENT_DATA,
                              .item = f.item,
                              .offset = f.number,
                              .length = (uint16_t)length,
                              .copy = p->kind == PIECE_COPY});
}

static size_t piece_size(const struct lane *l, const struct piece *p)
{
    struct frame f = {.kind = FRAME_DATA, .item = p->item->id, .number = p->offset};
    uint64_t size = frame_size(&f) + p->length + PACKET_OVER;
    return size < l->datagram ? (size_t)size : l->datagram;
}

static double quantum(const struct lane *l)
{
    double pace = rate_pace(&l->rate, INT64_MAX), ms = pace / 1000;
    return ms < (double)l->datagram ? (double)l->datagram : ms > 65000 ? 65000 : ms;
}

static size_t data_fill(struct lane *l, int64_t now_us, uint8_t *at, size_t room, size_t *segment)
{
    size_t size = 0;
    struct piece p;
    if (l->tokens < quantum(l) / 2)
        return 0;
    for (int count = 0; count < BATCH_MOST && l->tokens > 0; count++) {
        if (!piece_next(l, now_us, &p)) {
            l->starved++;
            break;
        }
        size_t next = piece_size(l, &p);
        if (size + next > room || (count && next > *segment))
            break;
        if (!count)
            *segment = next;
        next = data_write(l, now_us, at + size, l->datagram, &p);
        size += next;
        if (next < *segment || l->ended)
            break;
    }
    return size;
}

// ---- other datagrams

static size_t one(size_t size, size_t *segment)
{
    *segment = size;
    return size;
}

static size_t hello_fill(struct lane *l, int64_t now_us, uint8_t *at, size_t *segment)
{
    struct frame_room to = room_in(at, PACKET_LEAST);
    if (l->server || now_us < l->hello_us)
        return 0;
    (void)!frame_write(&to, &(struct frame){.kind = FRAME_HELLO, .number = 1});
    pad(&to);
    if (!l->hellos++)
        l->hello_sent_us = now_us;
    l->hello_us = now_us + (int64_t)(250 * MS) * l->hellos;
    return one(emit(l, now_us, &to, (struct sent){0}), segment);
}

static size_t challenge_fill(struct lane *l, int64_t now_us, uint8_t *at, size_t *segment,
                             struct lane_peer *to_peer)
{
    struct frame_room to = room_in(at, PACKET_LEAST);
    text cookie = {(const char *)l->cookie, PACKET_COOKIE};
    l->challenge = false;
    *to_peer = l->candidate;
    (void)!frame_write(&to, &(struct frame){.kind = FRAME_CHALLENGE, .bytes = cookie});
    return one(emit(l, now_us, &to, (struct sent){0}), segment);
}

static int64_t report_due(const struct lane *l)
{
    return l->report_wanted || l->left ? l->report_us + report_every_us(l) : INT64_MAX;
}

static size_t report_fill(struct lane *l, int64_t now_us, uint8_t *at, size_t *segment)
{
    struct frame_room to = room_in(at, PACKET_LEAST);
    struct run_room runs = {.room = PACKET_LEAST - PACKET_OVER - 96};
    struct frame f = {.kind = FRAME_REPORT};
    struct sent as = {0};
    l->report_us = now_us;
    l->report_wanted = false;
    if (report_make(l, now_us, &runs, &f.report))
        (void)!frame_write(&to, &f);
    (void)!frame_write(&to, &(struct frame){.kind = FRAME_FLOOR, .number = l->first});
    if (controls_write(l, now_us, &to))
        as.kind |= SENT_CONTROL;
    if (l->left)
        lane_end(l, &(struct error){0});
    return one(emit(l, now_us, &to, as), segment);
}

static int64_t patience_us(const struct lane *l)
{
    int64_t wait = l->rate.rtt_us * 5 / 4 + 2 * report_every_us(l) + 5 * MS;
    wait <<= l->probes < 6 ? l->probes : 6;
    return wait < 2000 * MS ? wait : 2000 * MS;
}

// Who waits for answers wants to know soon that nobody is there any more.
static int64_t alive_us(const struct lane *l)
{
    return l->outs.count ? 1000 * MS : ALIVE_US;
}

static size_t ping_fill(struct lane *l, int64_t now_us, uint8_t *at, size_t *segment)
{
    struct frame_room to = room_in(at, PACKET_LEAST);
    bool silent = l->flight && now_us - l->elicit_us >= patience_us(l);
    if (!silent && now_us - l->spoke_us < alive_us(l))
        return 0;
    if (silent && ++l->probes == 4)
        rate_silent(&l->rate);
    (void)!frame_write(&to, &(struct frame){.kind = FRAME_PING});
    (void)!frame_write(&to, &(struct frame){.kind = FRAME_FLOOR, .number = l->first});
    return one(emit(l, now_us, &to, (struct sent){.kind = SENT_PING}), segment);
}

static size_t trial_fill(struct lane *l, int64_t now_us, uint8_t *at, size_t room, size_t *segment)
{
    size_t rows = sizeof(trial_sizes) / sizeof(trial_sizes[0]);
    if (now_us < l->trial_us)
        return 0;
    while (l->trial_row < rows) {
        size_t size = trial_sizes[l->trial_row++];
        if (size <= l->datagram || size > room)
            continue;
        struct frame_room to = room_in(at, size);
        (void)!frame_write(&to, &(struct frame){.kind = FRAME_PING});
        pad(&to);
        return one(emit(l, now_us, &to, (struct sent){.kind = SENT_TRIAL}), segment);
    }
    int64_t wait = l->rate.rtt_us * 2 > 200 * MS ? l->rate.rtt_us * 2 : 200 * MS;
    l->trial_row = 0;
    l->trial_us = ++l->trial_round < TRIALS ? now_us + wait : INT64_MAX;
    return 0;
}

static size_t control_fill(struct lane *l, int64_t now_us, uint8_t *at, size_t *segment)
{
    struct frame_room to = room_in(at, PACKET_LEAST);
    if (l->floor_due)
        (void)!frame_write(&to, &(struct frame){.kind = FRAME_FLOOR, .number = l->first});
    bool any = controls_write(l, now_us, &to);
    if (!any && !l->floor_due)
        return 0;
    l->floor_due = false;
    return one(emit(l, now_us, &to, (struct sent){.kind = any ? SENT_CONTROL : 0}), segment);
}

static void tokens_add(struct lane *l, int64_t now_us)
{
    double pace = rate_pace(&l->rate, now_us), most = pace * 0.025;
    if (most < TOKENS_LEAST)
        most = TOKENS_LEAST;
    if (now_us > l->tokens_us)
        l->tokens += pace * (double)(now_us - l->tokens_us) / 1e6;
    if (l->tokens > most && !l->first_flight)
        l->tokens = most;
    l->tokens_us = now_us;
}

static bool over(struct lane *l, int64_t now_us)
{
    if (!l->ended && l->leaving && (now_us >= l->bye_us || (!l->controls && l->met)))
        lane_end(l, &(struct error){0});
    if (!l->ended && now_us - l->heard_us > IDLE_US) {
        struct error err;
        error_set(&err, ERROR_TIMEOUT, "nothing was heard of the other side for 30 s");
        lane_end(l, &err);
    }
    return l->ended;
}

size_t lane_fill(struct lane *l, int64_t now_us, uint8_t *at, size_t room, size_t *segment,
                 struct lane_peer *to)
{
    size_t size = 0;
    *to = l->peer;
    if (over(l, now_us))
        return 0;
    if (l->challenge)
        return challenge_fill(l, now_us, at, segment, to);
    if (!l->met)
        return hello_fill(l, now_us, at, segment);
    tokens_add(l, now_us);
    if (now_us >= report_due(l))
        return report_fill(l, now_us, at, segment);
    if ((size = ping_fill(l, now_us, at, segment)))
        return size;
    if ((size = trial_fill(l, now_us, at, room, segment)))
        return size;
    open_again(l, now_us);
    if ((l->control_waiting || l->floor_due) && (size = control_fill(l, now_us, at, segment)))
        return size;
    size = data_fill(l, now_us, at, room, segment);
    if (!size)
        l->first_flight = false;
    return size;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t lane_due(struct lane *l, int64_t now_us)
{
    struct piece p;
    int64_t due = l->heard_us + IDLE_US + 1;
    if (l->ended)
        return INT64_MAX;
    if (l->leaving)
        due = sooner(due, l->controls ? l->bye_us : now_us);
    if (l->challenge)
        return now_us;
    if (!l->met)
        return l->server ? due : sooner(due, l->hello_us);
    if (l->control_waiting || l->floor_due)
        return now_us;
    due = sooner(due, sooner(report_due(l), l->trial_us));
    due = sooner(due, l->spoke_us + alive_us(l));
    if (l->flight)
        due = sooner(due, l->elicit_us + patience_us(l));
    if (now_us < l->rate.pause_until_us) {
        due = sooner(due, l->rate.pause_until_us);
    } else if (piece_next(l, now_us, &p)) {
        double lacks = quantum(l) - l->tokens, pace = rate_pace(&l->rate, now_us);
        due = sooner(due,
                     lacks <= 0 || pace <= 0 ? now_us : now_us + (int64_t)(lacks * 1e6 / pace) + 1);
    }
    return due;
}

void lane_too_large(struct lane *l, size_t size)
{
    if (size <= l->datagram && size > PACKET_LEAST) {
        l->datagram = PACKET_LEAST;
        l->trial_us = INT64_MAX;
    }
}
