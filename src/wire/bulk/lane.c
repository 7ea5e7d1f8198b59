#include "wire/bulk/lane_inside.h"

#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

// ---- tables: items are numbered upwards, so that the low bits of the number are the place

void *table_get(const struct table *t, uint64_t id)
{
    void *found = t->room ? t->at[id & (t->room - 1)] : NULL;
    return found && *(const uint64_t *)found == id ? found : NULL; // the number comes first
}

static bool table_grow(struct table *t)
{
    struct table more = {.room = t->room ? t->room * 2 : 64, .count = t->count};
    if (more.room > ITEMS_MOST)
        return false;
    more.at = must(calloc(more.room, sizeof(*more.at)));
    for (size_t i = 0; i < t->room; i++)
        if (t->at[i])
            more.at[*(const uint64_t *)t->at[i] & (more.room - 1)] = t->at[i];
    free(t->at);
    *t = more;
    return true;
}

bool table_put(struct table *t, uint64_t id, void *item)
{
    while (!t->room || t->at[id & (t->room - 1)])
        if (!table_grow(t))
            return false;
    t->at[id & (t->room - 1)] = item;
    t->count++;
    return true;
}

void table_take(struct table *t, uint64_t id)
{
    t->at[id & (t->room - 1)] = NULL;
    t->count--;
}

// ---- frames that must arrive

void control_add(struct lane *l, const struct frame *frame, struct out *open)
{
    struct control *c = must(calloc(1, sizeof(*c)));
    struct frame_room to = {.room = frame_size(frame)};
    to.at = c->at = must(malloc(to.room));
    (void)!frame_write(&to, frame);
    c->size = to.size;
    c->waiting = true;
    c->open = open;
    if (open)
        open->open = c;
    *l->control_end = c;
    l->control_end = &c->next;
    l->control_waiting++;
}

void control_free(struct control *c)
{
    if (c->open)
        c->open->open = NULL;
    free(c->at);
    free(c);
}

// ---- open and close

struct lane *lane_open(const struct lane_wish *wish)
{
    struct lane *l = must(calloc(1, sizeof(*l)));
    l->server = wish->server;
    l->connection = wish->meeting.connection;
    l->calls = *wish->calls;
    if (!l->calls.window_bytes)
        l->calls.window_bytes = (uint64_t)64 << 20;
    if (l->calls.window_bytes < CREDIT_FIRST)
        l->calls.window_bytes = CREDIT_FIRST;
    l->credit = CREDIT_FIRST;
    l->out_keys = packet_keys_open(wish->meeting.secret, wish->server);
    l->in_keys = packet_keys_open(wish->meeting.secret, !wish->server);
    l->began_us = l->heard_us = l->tokens_us = wish->now_us;
    l->hello_us = wish->now_us;
    rate_open(&l->rate, wish->now_us, 100 * MS);
    l->ring_room = 4096;
    l->ring = must(calloc(l->ring_room, sizeof(*l->ring)));
    l->first = l->next = 1;
    l->again_room = 1024;
    l->agains = must(calloc(l->again_room, sizeof(*l->agains)));
    l->control_end = &l->controls;
    l->datagram = PACKET_LEAST;
    l->came = must(calloc(CAME_BITS / 8, 1));
    l->came_floor = 1;
    l->report_us = INT64_MIN / 2;
    l->disorder_us = 2 * MS;
    l->out_next = 1;
    l->trial_us = INT64_MAX;
    return l;
}

static void drop(struct lane *l, void *user)
{
    if (l->calls.dropped && user)
        l->calls.dropped(l->calls.context, user);
}

void lane_close(struct lane *l)
{
    if (!l)
        return;
    for (struct control *c = l->controls, *next; c; c = next) {
        next = c->next;
        control_free(c);
    }
    for (size_t i = 0; i < l->outs.room; i++)
        if (l->outs.at[i])
            out_free(l->outs.at[i]);
    for (size_t i = 0; i < l->ins.room; i++)
        if (l->ins.at[i]) {
            drop(l, ((struct in *)l->ins.at[i])->user);
            in_free(l->ins.at[i]);
        }
    free(l->outs.at);
    free(l->ins.at);
    ranges_free(&l->finished);
    packet_keys_close(l->out_keys);
    packet_keys_close(l->in_keys);
    free(l->ring);
    free(l->agains);
    free(l->came);
    free(l);
}

void lane_end(struct lane *l, const struct error *why)
{
    if (l->ended)
        return;
    l->ended = true;
    if (!l->leaving && l->calls.ended)
        l->calls.ended(l->calls.context, why);
}

bool lane_met(const struct lane *l)
{
    return l->met;
}

bool lane_ended(const struct lane *l)
{
    return l->ended;
}

void lane_bye(struct lane *l, int64_t now_us)
{
    if (l->leaving)
        return;
    l->leaving = true;
    l->bye_us = now_us + BYE_US;
    if (l->ended || !l->met) {
        l->ended = true;
        return;
    }
    control_add(l, &(struct frame){.kind = FRAME_CLOSE}, NULL);
}

// ---- how fast

void rate_choose(struct lane *l)
{
    int64_t cap = l->own_cap;
    enum bulk_policy policy = l->own_policy;
    if (l->their_cap && (!cap || l->their_cap < cap))
        cap = l->their_cap;
    if (l->their_policy == BULK_BACKGROUND && policy == BULK_FAIR)
        policy = BULK_BACKGROUND;
    rate_wish(&l->rate, policy, (double)cap);
}

void lane_policy(struct lane *l, enum bulk_policy policy, int64_t bytes_a_second)
{
    if (policy == l->own_policy && bytes_a_second == l->own_cap)
        return;
    l->own_policy = policy;
    l->own_cap = bytes_a_second > 0 ? bytes_a_second : 0;
    rate_choose(l);
    control_add(l,
                &(struct frame){.kind = FRAME_WISH, .code = policy, .number = (uint64_t)l->own_cap},
                NULL);
}

int64_t report_every_us(const struct lane *l)
{
    int64_t every = l->rate.rtt_us / 8;
    return every < MS ? MS : every > 25 * MS ? 25 * MS : every;
}

// ---- items

bool lane_send(struct lane *l, int64_t size, text meta, void *user)
{
    if (l->ended || l->leaving || meta.size > PACKET_META_MOST || size < 0 || size >> 48)
        return false;
    struct out *o = must(calloc(1, sizeof(*o)));
    *o = (struct out){.id = l->out_next, .size = size, .user = user};
    if (!table_put(&l->outs, o->id, o)) {
        free(o);
        return false;
    }
    l->out_next++;
    control_add(
        l,
        &(struct frame){.kind = FRAME_OPEN, .item = o->id, .number = (uint64_t)size, .bytes = meta},
        o);
    if (!size)
        return true;
    if (l->out_last)
        l->out_last->next = o;
    else
        l->out_first = o;
    l->out_last = o;
    return true;
}

void lane_answer(struct lane *l, uint64_t item, unsigned code, text answer)
{
    struct in *i = table_get(&l->ins, item);
    uint64_t fresh;
    if (!i)
        return;
    if (answer.size > PACKET_META_MOST)
        answer.size = PACKET_META_MOST;
    control_add(l, &(struct frame){.kind = FRAME_DONE, .item = item, .code = code, .bytes = answer},
                NULL);
    l->consumed += (uint64_t)(i->size - i->counted);
    table_take(&l->ins, item);
    in_free(i);
    if (!ranges_add(&l->finished, item, item + 1, &fresh))
        lane_end(l, &(struct error){.kind = ERROR_TOO_MANY, .what = "too many items are open"});
    l->report_wanted = true;
}

struct bulk_numbers lane_numbers(const struct lane *l, int64_t now_us)
{
    struct bulk_numbers n = l->numbers;
    n.silent_us = l->flight && now_us > l->heard_us ? now_us - l->heard_us : 0;
    n.bytes_a_second = (int64_t)rate_pace(&l->rate, INT64_MAX);
    n.rtt_us = (int)l->rate.rtt_us;
    n.queue_us = (int)l->rate.queue_us;
    n.datagram_bytes = (int)l->datagram;
    n.policy = l->rate.policy;
    return n;
}
