#include "picture/cadence.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// ---- looking

enum { STANDS_OUT = 6, STANDS_FAR_OUT = 20, MOVES = 4 }; // luma in 8-bit steps

static void load(uint16_t *to, const uint8_t *plane, ptrdiff_t stride, int y, int width, int bits)
{
    const uint8_t *row = plane + stride * y;
    if (bits > 8)
        memcpy(to, row, (size_t)width * 2);
    else
        for (int x = 0; x < width; x++)
            to[x] = row[x];
}

// Without branches: eight and more pixels are looked at at once.
static int apart(int v, int a, int b, int by)
{
    return ((v > a + by) & (v > b + by)) | ((v < a - by) & (v < b - by));
}

struct looking {
    const struct cadence_view *v;
    uint16_t *row[6];
    int stands_out[2], moves;
};

static const uint16_t *line(struct looking *l, int slot, int before, int y)
{
    const struct cadence_view *v = l->v;
    load(l->row[slot], before ? v->before : v->now, before ? v->before_stride : v->now_stride, y,
         v->width, v->bits);
    return l->row[slot];
}

static uint32_t share(int64_t of, int64_t all)
{
    return all > 0 && of > 0 ? (uint32_t)(of * 1000000 / all) : 0;
}

// How many more there are of one than of the other, beyond what chance makes of grain.
static int64_t more(int64_t combed, int64_t rough)
{
    int64_t chance = (int64_t)sqrt((double)(combed + rough));
    return combed - rough > chance ? combed - rough - chance : 0;
}

// Of a field's lines (this frame's, of parity `odd`) between those of the field before it, which
// are of this frame or the one before. What stands out from its own field's lines too is detail or
// grain and no comb.
static uint32_t combs(struct looking *l, int odd, int other_before)
{
    const struct cadence_view *v = l->v;
    int64_t combed[2] = {0}, rough[2] = {0}, all = 0;
    for (int y = odd + 2; y + 2 < v->height; y += 2) {
        const uint16_t *at = line(l, 0, 0, y), *was = line(l, 1, 1, y);
        const uint16_t *up = line(l, 2, other_before, y - 1),
                       *down = line(l, 3, other_before, y + 1);
        const uint16_t *up2 = line(l, 4, 0, y - 2), *down2 = line(l, 5, 0, y + 2);
        int found[4] = {0};
        for (int x = 0; x < v->width; x++) {
            int now = at[x], moved = (now > was[x] + l->moves) | (now < was[x] - l->moves);
            found[0] += moved & apart(now, up[x], down[x], l->stands_out[0]);
            found[1] += moved & apart(now, up[x], down[x], l->stands_out[1]);
            found[2] += moved & apart(now, up2[x], down2[x], l->stands_out[0]);
            found[3] += moved & apart(now, up2[x], down2[x], l->stands_out[1]);
        }
        for (int i = 0; i < 2; i++)
            combed[i] += found[i], rough[i] += found[2 + i];
        all += v->width;
    }
    return share(more(combed[0], rough[0]) + 2 * more(combed[1], rough[1]), all);
}

static uint32_t differs(struct looking *l, int odd)
{
    const struct cadence_view *v = l->v;
    int64_t many = 0, all = 0;
    for (int y = odd; y < v->height; y += 2) {
        const uint16_t *at = line(l, 0, 0, y), *was = line(l, 1, 1, y);
        int moved = 0;
        for (int x = 0; x < v->width; x++)
            moved += (at[x] > was[x] + l->moves) | (at[x] < was[x] - l->moves);
        many += moved;
        all += v->width;
    }
    return share(many, all);
}

void cadence_look(const struct cadence_view *v, struct cadence_field *first)
{
    int up = v->bits > 8 ? v->bits - 8 : 0;
    struct looking l = {
        .v = v, .stands_out = {STANDS_OUT << up, STANDS_FAR_OUT << up}, .moves = MOVES << up};
    int early = v->top_first ? 0 : 1; // parity of the field that comes first
    first[0] = first[1] = (struct cadence_field){0, 0};
    if (!v->before)
        return;
    uint16_t *rows = malloc((size_t)v->width * 2 * 6);
    if (!rows)
        abort();
    for (int i = 0; i < 6; i++)
        l.row[i] = rows + (ptrdiff_t)i * v->width;
    first[-2].again = differs(&l, early);
    first[-1].again = differs(&l, !early);
    first[-1].comb = combs(&l, early, 1); // this one's first between the second of the one before
    first[0].comb = combs(&l, !early, 0);
    free(rows);
}

// ---- solving

// Of an advanced pull-down each of its four runs is a state: 2, 3, 3, 2.
enum state { FREE, FILM_2, FILM_3, ADV_2, ADV_3, ADV_3B, ADV_2B, WHOLE, FIELDS, STATES };
static const double a_break = 1.5, a_field_left = 0.2, a_second_left = 0.1, a_field_alone = 0.25;

static const struct step { // from a state by a run to a state
    enum state from, to;
    int length;
} steps[] = {
    {FREE, WHOLE, 2},
    {FREE, FILM_2, 2},
    {FREE, FILM_3, 3},
    {FREE, FIELDS, 1},
    {FILM_2, FILM_3, 3},
    {FILM_3, FILM_2, 2},
    {WHOLE, WHOLE, 2},
    {FIELDS, FIELDS, 1},
    {FREE, ADV_2, 2},
    {FREE, ADV_3, 3},
    {FREE, ADV_3B, 3},
    {FREE, ADV_2B, 2},
    {ADV_2, ADV_3, 3},
    {ADV_3, ADV_3B, 3},
    {ADV_3B, ADV_2B, 2},
    {ADV_2B, ADV_2, 2},
    // an edit leaves two fields of three: the last, the first
    {FREE, FILM_3, 2},
    {FILM_2, FREE, 2},
    {FREE, ADV_3, 2},
    {FREE, ADV_3B, 2},
    {ADV_2, FREE, 2},
    {ADV_3, FREE, 2},
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

struct mark { // the cheapest way to a state
    double cost;
    uint8_t from, length; // length 0: a break
};

static double soft(uint32_t share, double half)
{
    return share / (share + half);
}

// Of taking a field and the next one for one moment. A comb counts as it stands beside those of the
// pairs before and after: of two ways to pair fields one is clean when they are of film, and none
// when each is of its own moment, however little moves.
static double joined(const struct cadence_field *all, int64_t i, int64_t count)
{
    double around = (i > 0 ? all[i - 1].comb : 0) + (double)(i + 1 < count ? all[i + 1].comb : 0);
    return soft(all[i].comb, 300 + around / 4);
}

// Of taking a field and the one after the next for the same one: beside what the others change.
static double repeated(const struct cadence_field *all, int64_t i, int64_t count)
{
    uint32_t before = i > 0 ? all[i - 1].again : 0, after = i + 1 < count ? all[i + 1].again : 0;
    return soft(all[i].again, 10000 + (double)(before > after ? before : after) / 2);
}

static double cost_of(const struct cadence_field *all, int64_t i, int64_t count,
                      const struct step *s)
{
    if (s->length == 1)
        return a_field_alone;
    double cost = joined(all, i, count) + (s->to == FREE && i + 2 < count ? a_break : 0);
    if (s->from == FREE && s->length == 2 && (s->to == FILM_3 || s->to == ADV_3 || s->to == ADV_3B))
        cost += a_second_left;
    if (s->length == 3)
        cost += joined(all, i + 1, count) + 0.5 * repeated(all, i, count);
    return cost;
}

static void better(struct mark *to, double cost, enum state from, int length)
{
    if (cost < to->cost)
        *to = (struct mark){cost, (uint8_t)from, (uint8_t)length};
}

static void reach(struct mark (*marks)[STATES], const struct cadence_field *fields, int64_t at,
                  int64_t count)
{
    for (int s = FREE + 1; s < STATES; s++)
        better(&marks[at][FREE], marks[at][s].cost + a_break, (enum state)s, 0);
    for (int s = 0; s < STATES && at < count; s++)
        better(&marks[at + 1][FREE],
               marks[at][s].cost + a_field_left +
                   (at + 1 == count ? 0
                    : s != FREE     ? a_break
                    : at            ? a_second_left
                                    : 0),
               (enum state)s, 1);
    for (size_t i = 0; i < STEPS; i++)
        if (at + steps[i].length <= count)
            better(&marks[at + steps[i].length][steps[i].to],
                   marks[at][steps[i].from].cost + cost_of(fields, at, count, &steps[i]),
                   steps[i].from, steps[i].length);
}

// ---- frames that are there twice

enum { CYCLE = 5, NO_CYCLE = CYCLE, PLACES, DOUBLED_LEAST = 2 * CYCLE };
static const double another_place = 1.5, a_repeat_unexplained = 0.4;

// What tells against a frame being the one before once more, and for it: both only where the frames
// around it move.
static double moved(const int64_t *differ, int64_t i, int64_t count, double *repeats)
{
    int64_t before = i > 0 ? differ[i - 1] : 0, after = i + 1 < count ? differ[i + 1] : 0;
    int64_t around = before > after ? before : after;
    *repeats = around > 4 * differ[i]
                   ? soft((uint32_t)around, 10000) * (1 - 4 * (double)differ[i] / (double)around)
                   : 0;
    return soft((uint32_t)differ[i], 10000 + (double)around / 2);
}

// For each frame its place in a cycle of five, of which the last is the one before once more, or
// NO_CYCLE: the cheapest way, as above. `differ`: from each frame to the next.
static void find_cycle(const int64_t *differ, int64_t count, uint8_t *places)
{
    uint8_t(*from)[PLACES] = malloc((size_t)count * sizeof(*from));
    double cost[PLACES], next[PLACES], repeats;
    if (!from)
        abort();
    for (int s = 0; s < PLACES; s++)
        cost[s] = s == NO_CYCLE ? 0 : 0.5;
    for (int64_t i = 0; i + 1 < count; i++) {
        double against = moved(differ, i, count - 1, &repeats);
        int best = 0;
        for (int s = 0; s < PLACES; s++)
            best = cost[s] < cost[best] ? s : best;
        for (int s = 0; s < PLACES; s++) {
            int before = s == NO_CYCLE ? NO_CYCLE : (s + CYCLE - 1) % CYCLE;
            bool jump = cost[best] + another_place < cost[before];
            from[i + 1][s] = (uint8_t)(jump ? best : before);
            next[s] = (jump ? cost[best] + another_place : cost[before]) +
                      (s == CYCLE - 1 ? against : a_repeat_unexplained * repeats);
        }
        memcpy(cost, next, sizeof(cost));
    }
    int state = NO_CYCLE;
    for (int s = 0; s < PLACES; s++)
        state = cost[s] < cost[state] ? s : state;
    for (int64_t i = count; i-- > 0;) {
        places[i] = (uint8_t)state;
        state = i ? from[i][state] : 0;
    }
    free(from);
}

// Frames that are whole and lie one behind the other: those that are there twice become one run.
static size_t double_up(const struct cadence_field *fields, struct cadence_run *runs, size_t count)
{
    int64_t *differ = malloc((count + 1) * sizeof(*differ));
    uint8_t *places = malloc(count + 1);
    size_t used = 0;
    if (!differ || !places)
        abort();
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i; end < count && runs[end].mode == CADENCE_WHOLE && runs[end].length == 2 &&
                      (end == i || runs[end].field == runs[end - 1].field + 2);
             end++) {
            const struct cadence_field *f = &fields[runs[end].field];
            differ[end - i] = f[0].again > f[1].again ? f[0].again : f[1].again;
        }
        if (end - i < DOUBLED_LEAST) {
            end = end > i ? end : i + 1;
            memmove(runs + used, runs + i, (end - i) * sizeof(*runs));
            used += end - i;
            continue;
        }
        find_cycle(differ, (int64_t)(end - i), places);
        for (size_t k = i; k < end; k++) {
            struct cadence_run r = runs[k];
            int place = places[k - i], before = k > i ? places[k - i - 1] : NO_CYCLE;
            bool again = place == CYCLE - 1 && before == CYCLE - 2;
            r.mode = place == NO_CYCLE ? CADENCE_WHOLE : CADENCE_DOUBLED;
            r.edit = place != (before + 1) % CYCLE;
            if (again)
                runs[used - 1].length += 2;
            else
                runs[used++] = r;
        }
    }
    free(differ);
    free(places);
    return used;
}

struct cadence_run *cadence_solve(const struct cadence_field *fields, int64_t count, size_t *runs)
{
    static const enum cadence_mode modes[STATES] = {
        CADENCE_LEFT,     CADENCE_FILM,     CADENCE_FILM,  CADENCE_ADVANCED, CADENCE_ADVANCED,
        CADENCE_ADVANCED, CADENCE_ADVANCED, CADENCE_WHOLE, CADENCE_FIELDS};
    struct mark(*marks)[STATES] = malloc((size_t)(count + 1) * sizeof(*marks));
    struct cadence_run *to = malloc((size_t)(count + 1) * sizeof(*to));
    size_t used = 0;
    if (!marks || !to)
        abort();
    for (int64_t i = 0; i <= count; i++)
        for (int s = 0; s < STATES; s++)
            marks[i][s] = (struct mark){1e30, 0, 0};
    marks[0][FREE].cost = 0;
    for (int64_t i = 0; i <= count; i++)
        reach(marks, fields, i, count);
    int state = FREE;
    for (int s = 0; s < STATES; s++)
        state = marks[count][s].cost < marks[count][state].cost ? s : state;
    for (int64_t at = count; at > 0;) {
        const struct mark *m = &marks[at][state];
        enum cadence_mode mode = modes[m->length == 2 && state == FREE ? m->from : state];
        if (m->length)
            to[used++] = (struct cadence_run){at - m->length, m->length, mode, 0};
        at -= m->length;
        state = m->from;
    }
    for (size_t i = 0; i < used / 2; i++) {
        struct cadence_run swap = to[i];
        to[i] = to[used - 1 - i];
        to[used - 1 - i] = swap;
    }
    free(marks);
    *runs = double_up(fields, to, used);
    return to;
}

// ---- frames

static struct cadence_frame frame_of(const struct cadence_run *r, int top_first)
{
    // Of three fields or four the two that the source has as one frame.
    int64_t a = r->length >= 3 && r->field % 2 ? r->field + 1 : r->field, b = a + 1;
    int64_t early = a % 2 ? b : a, late = a % 2 ? a : b; // first and second field of their frames
    return top_first ? (struct cadence_frame){early / 2, late / 2, 0}
                     : (struct cadence_frame){late / 2, early / 2, 0};
}

// Of a field that is left over the nearest run that is a whole frame, the next one before the last.
static const struct cadence_run *nearest(const struct cadence_run *runs, size_t count, size_t at)
{
    for (size_t step = 1; runs[at].mode == CADENCE_LEFT && step < count; step++) {
        size_t after = at + step, before = at - step;
        bool behind = after < count && runs[after].mode != CADENCE_LEFT,
             ahead = step <= at && runs[before].mode != CADENCE_LEFT;
        if (behind || ahead)
            return behind ? &runs[after] : &runs[before];
    }
    return &runs[at];
}

int cadence_is_film(enum cadence_mode mode)
{
    return mode == CADENCE_FILM || mode == CADENCE_ADVANCED || mode == CADENCE_DOUBLED;
}

static int64_t middle(int64_t frame, int film)
{
    return film ? (10 * frame + 5) / 4 : 2 * frame + 1;
}

static bool goes_on(const struct cadence_run *a, const struct cadence_run *b)
{
    return a->mode == b->mode && a->field + a->length == b->field && !b->edit &&
           (a->mode != CADENCE_FILM || a->length != b->length);
}

// Of film each run is taken once, in order: the middles of the frames that are made can miss one
// and meet the next one twice. After an edit that was not seen it is what is on screen then, again.
static void one_to_one(const struct cadence_run *runs, size_t count, int64_t made,
                       const struct cadence_run **taken)
{
    int64_t k = 0;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && goes_on(&runs[end - 1], &runs[end]); end++)
            ;
        if (!cadence_is_film(runs[i].mode))
            continue;
        while (k < made && middle(k, 1) < runs[i].field)
            k++;
        int64_t last = runs[end - 1].field + runs[end - 1].length;
        for (size_t at = i, seen = i; k < made && middle(k, 1) < last; k++, at++) {
            while (seen + 1 < end && runs[seen + 1].field <= middle(k, 1))
                seen++;
            at = at >= end ? end - 1 : at + 1 < seen || at > seen + 1 ? seen : at;
            taken[k] = &runs[at];
        }
    }
}

struct cadence_frame *cadence_frames(const struct cadence_run *runs, size_t count, int64_t frames,
                                     int top_first, int film, int64_t *made)
{
    *made = film ? (4 * frames + 2) / 5 : frames;
    struct cadence_frame *to = malloc((size_t)(*made + 1) * sizeof(*to));
    const struct cadence_run **taken =
        calloc((size_t)*made + 1, sizeof(const struct cadence_run *));
    size_t at = 0;
    if (!to || !taken)
        abort();
    if (film)
        one_to_one(runs, count, *made, taken);
    for (int64_t k = 0; k < *made; k++) {
        int64_t field = middle(k, film);
        while (at + 1 < count && runs[at + 1].field <= field)
            at++;
        const struct cadence_run *r = taken[k] ? taken[k] : nearest(runs, count, at);
        to[k] = r->mode == CADENCE_FIELDS || r->length < 2
                    ? (struct cadence_frame){field / 2, field / 2, 1}
                    : frame_of(r, top_first);
    }
    free(taken);
    return to;
}
