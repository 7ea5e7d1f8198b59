/*
 * The rows of a picture are taken in strips of eight. Each strip is brought to 10-bit scale, and
 * then all sums are taken while it is in the cache: against the row above and below, against the
 * same row of the picture before. Column sums of a strip fold into cells.
 *
 * A picture that is broken shows only when its successor is there: spikes and lone lines are told
 * with the next one.
 */
#include "picture/measure.h"
#include "picture/flash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELL = 8,
    BLACK = 84,       // above it a pixel is lit: 8-bit 21, so that noise on black is still black
    COMB = 40,        // 10-bit steps
    SPIKE = 40,       // mean of a cell, 10-bit steps
    PIXEL = 70,       // by how much a dead pixel stands out
    PIXEL_EVERY = 12, // pictures
    PIXEL_SAMPLES = 200,
    PIXEL_LEAST = 6,   // pictures that are unlike there
    PIXEL_UNLIKE = 16, // mean of a cell, 10-bit steps
    PIXEL_AROUND = 20, // what is around it when it stands out, 8-bit steps apart
    R103_LOW = 20,
    R103_HIGH = 984, // EBU R103, 10 bit
};

struct picture_measure {
    struct picture_shape s;
    const struct rows *rows;
    int half_w, half_h, cells_w, cells_h, cells;
    int16_t matrix[4];
    uint16_t *luma[2]; // of this picture and of the one before; padded to cells
    int room_w;        // of a row of luma
    uint16_t *cells_y[3], *cells_cb, *cells_cr, *cells_change;
    uint16_t *sum, *change, *lit, *lit_strip, *half_y, *half_cb, *half_cr, *wide[4], *sum_cb,
        *sum_cr;
    uint32_t *rough[3]; // of each line, for this one and two before
    uint8_t *spikes;    // of each cell of the picture before
    uint16_t *lit_before;
    uint16_t *lit_rows; // of each line: lit pixels
    struct flash *flash;
    int64_t count;
    // dead pixels
    uint8_t *hits;
    uint8_t *darkest, *lightest; // of what is around each pixel when it stands out, in 8 bits
    uint16_t *sampled;           // of each cell: when it was last looked at
    uint8_t *looked;             // how often each was
    uint8_t *unlike;             // those that are looked at now
    int samples, every;
    int64_t next_sample;
};

static void set_matrix(struct picture_measure *p)
{
    const struct picture_shape *s = &p->s;
    double kr = s->bt2020 ? 0.2627 : s->bt601 ? 0.299 : 0.2126;
    double kb = s->bt2020 ? 0.0593 : s->bt601 ? 0.114 : 0.0722, kg = 1 - kr - kb;
    double scale = 876.0 / 896 * 8192; // chroma has 896 steps, luma 876
    p->matrix[0] = (int16_t)lround(2 * (1 - kr) * scale);
    p->matrix[1] = (int16_t)lround(-2 * (1 - kb) * kb / kg * scale);
    p->matrix[2] = (int16_t)lround(-2 * (1 - kr) * kr / kg * scale);
    p->matrix[3] = (int16_t)lround(2 * (1 - kb) * scale);
}

static void *room(size_t count, size_t each)
{
    void *at = aligned_alloc(64, (count * each + 127) / 64 * 64);
    if (at)
        memset(at, 0, (count * each + 127) / 64 * 64);
    return at;
}

static bool reserve(struct picture_measure *p)
{
    size_t w = (size_t)p->room_w, h = (size_t)p->s.height, cells = (size_t)p->cells;
    uint16_t **rows[] = {&p->sum,     &p->change,  &p->lit,     &p->lit_strip, &p->half_y,
                         &p->half_cb, &p->half_cr, &p->wide[0], &p->wide[1],   &p->wide[2],
                         &p->wide[3], &p->sum_cb,  &p->sum_cr};
    bool ok = true;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ok = (*rows[i] = room(w, 2)) && ok;
    for (int i = 0; i < 2; i++)
        ok = (p->luma[i] = room(w * (h + CELL), 2)) && ok;
    for (int i = 0; i < 3; i++) {
        ok = (p->cells_y[i] = room(cells, 2)) && ok;
        ok = (p->rough[i] = room(h, 4)) && ok;
    }
    ok = (p->cells_cb = room(cells, 2)) && ok;
    ok = (p->cells_cr = room(cells, 2)) && ok;
    ok = (p->cells_change = room(cells, 2)) && ok;
    ok = (p->sampled = room(cells, 2)) && ok;
    ok = (p->looked = room(cells, 1)) && ok;
    ok = (p->unlike = room(cells, 1)) && ok;
    ok = (p->lit_rows = room(h, 2)) && ok;
    ok = (p->lit_before = room(h, 2)) && ok;
    ok = (p->spikes = room(cells, 1)) && ok;
    ok = (p->darkest = room(w * h, 1)) && ok;
    ok = (p->lightest = room(w * h, 1)) && ok;
    ok = (p->hits = room(w * h, 1)) && ok;
    return (p->flash = flash_open(&p->s, p->cells)) && ok;
}

struct picture_measure *picture_measure_open(const struct picture_shape *s)
{
    struct picture_measure *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->s = *s;
    p->rows = s->rows ? s->rows : rows_best();
    p->half_w = s->width / 2, p->half_h = s->height / 2;
    p->cells_w = s->width / CELL, p->cells_h = s->height / CELL;
    p->cells = p->cells_w * p->cells_h;
    p->room_w = (s->width + 63) / 64 * 64;
    p->every = PIXEL_EVERY;
    set_matrix(p);
    if (reserve(p))
        return p;
    picture_measure_close(p);
    return NULL;
}

void picture_measure_close(struct picture_measure *p)
{
    if (!p)
        return;
    void *all[] = {p->sum,        p->change,     p->lit,        p->lit_strip,    p->half_y,
                   p->half_cb,    p->half_cr,    p->wide[0],    p->wide[1],      p->wide[2],
                   p->wide[3],    p->sum_cb,     p->sum_cr,     p->luma[0],      p->luma[1],
                   p->cells_y[0], p->cells_y[1], p->cells_y[2], p->rough[0],     p->rough[1],
                   p->rough[2],   p->cells_cb,   p->cells_cr,   p->cells_change, p->sampled,
                   p->looked,     p->unlike,     p->lit_rows,   p->hits,         p->spikes,
                   p->lit_before, p->darkest,    p->lightest};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        free(all[i]);
    flash_close(p->flash);
    free(p);
}

// ---- rows

static void widen(const struct picture_measure *p, const struct picture_view *v, int plane, int y,
                  uint16_t *to, int count)
{
    const uint8_t *from = v->plane[plane] + y * v->stride_bytes[plane];
    if (p->s.bits == 8)
        p->rows->widen8(from, to, count);
    else
        p->rows->widen16((const uint16_t *)(const void *)from, to, count, p->s.bits);
}

static uint16_t *line(const struct picture_measure *p, int which, int y)
{
    return p->luma[which] + (ptrdiff_t)y * p->room_w;
}

struct sums {
    int64_t luma, lit, even, odd, comb, weave_even, weave_odd, top, bottom, outside;
};

// Roughness is held against lines of the same field where there is one, so that fields that are
// apart do not look like broken lines.
static void take_row(struct picture_measure *p, int y, struct sums *s)
{
    const struct rows *r = p->rows;
    int w = p->s.width, h = p->s.height;
    const uint16_t *at = line(p, 0, y), *before = line(p, 1, y);
    int64_t change = r->distance(at, before, w);
    *(y % 2 ? &s->odd : &s->even) += change;
    if (y == 0 || y + 1 == h)
        return;
    const uint16_t *over = line(p, 0, y - 1), *under = line(p, 0, y + 1);
    int64_t rough = r->weave(at, over, under, w);
    p->rough[0][y] = (uint32_t)rough;
    *(y % 2 ? &s->weave_odd : &s->weave_even) += rough;
    *(y % 2 ? &s->bottom : &s->top) += r->weave(at, line(p, 1, y - 1), line(p, 1, y + 1), w);
    if (change)
        s->comb += r->comb(at, over, under, before, w, COMB);
}

// Two lines of luma and what chroma belongs to them, as one line of half the size.
static void take_pair(struct picture_measure *p, const struct picture_view *v, int y,
                      struct sums *s)
{
    const struct rows *r = p->rows;
    int w = p->half_w, x = p->s.chroma_x, down = p->s.chroma_y;
    uint16_t *half[2] = {p->half_cb, p->half_cr};
    r->halve(line(p, 0, y), line(p, 0, y + 1), p->half_y, w);
    for (int i = 0; i < 2; i++) {
        if (down) {
            widen(p, v, i + 1, y / 2, half[i], w);
            continue;
        }
        widen(p, v, i + 1, y, p->wide[0], x ? w : 2 * w);
        widen(p, v, i + 1, y + 1, p->wide[1], x ? w : 2 * w);
        if (x)
            r->mean(p->wide[0], p->wide[1], half[i], w);
        else
            r->halve(p->wide[0], p->wide[1], half[i], w);
    }
    s->outside += r->outside(p->half_y, p->half_cb, p->half_cr, w, p->matrix, R103_LOW, R103_HIGH);
    r->add(p->half_cb, w, p->sum_cb);
    r->add(p->half_cr, w, p->sum_cr);
}

static void take_strip(struct picture_measure *p, const struct picture_view *v, int strip,
                       struct sums *s)
{
    const struct rows *r = p->rows;
    int w = p->s.width, h = p->s.height, y0 = strip * CELL, y1 = y0 + CELL < h ? y0 + CELL : h;
    memset(p->sum, 0, (size_t)p->room_w * 2);
    memset(p->change, 0, (size_t)p->room_w * 2);
    memset(p->sum_cb, 0, (size_t)p->room_w * 2);
    memset(p->sum_cr, 0, (size_t)p->room_w * 2);
    // one line more, since each wants the one below it
    for (int y = strip ? y0 + 1 : 0; y <= y1 && y < h; y++)
        widen(p, v, 0, y, line(p, 0, y), w);
    for (int y = y0; y < y1; y++) {
        const uint16_t *at = line(p, 0, y);
        r->columns(at, line(p, 1, y), w, BLACK, p->sum, p->change, p->lit);
        int64_t lit = r->above(at, w, BLACK);
        p->lit_rows[y] = (uint16_t)lit;
        s->lit += lit;
        take_row(p, y, s);
        if (y % 2 && y / 2 < p->half_h)
            take_pair(p, v, y - 1, s);
    }
    for (int x = 0; x < w; x++)
        s->luma += p->sum[x];
    if (y1 - y0 < CELL)
        return;
    size_t at = (size_t)strip * (size_t)p->cells_w;
    r->fold(p->sum, p->cells_w, 8, p->cells_y[0] + at);
    r->fold(p->change, p->cells_w, 8, p->cells_change + at);
    r->fold(p->sum_cb, p->cells_w, 4, p->cells_cb + at);
    r->fold(p->sum_cr, p->cells_w, 4, p->cells_cr + at);
}

// ---- cells

static uint32_t thousandths(int64_t sum, int64_t count)
{
    return count ? (uint32_t)((sum * 1000 + count / 2) / count) : 0;
}

static uint32_t share(int64_t part, int64_t of)
{
    return of ? (uint32_t)(part * 10000 / of) : 0;
}

static uint32_t correlation(const uint16_t *a, const uint16_t *b, int count)
{
    int64_t sa = 0, sb = 0;
    for (int i = 0; i < count; i++)
        sa += a[i], sb += b[i];
    float ma = (float)sa / (float)count, mb = (float)sb / (float)count, aa = 0, bb = 0, ab = 0;
    for (int i = 0; i < count; i++) {
        float x = (float)a[i] - ma, y = (float)b[i] - mb;
        aa += x * x, bb += y * y, ab += x * y;
    }
    float least =
        (float)count * 64 * 64; // a flat picture is alike to nothing, or to another flat one
    if (aa < least || bb < least)
        return aa < least && bb < least ? 10000 : 0;
    float c = ab / sqrtf(aa) / sqrtf(bb);
    return c > 0 ? (uint32_t)(c * 10000) : 0;
}

static int apart(uint16_t a, uint16_t b)
{
    return a > b ? a - b : b - a;
}

// One side of a cell: the mean step across it against the steps just inside and outside of it.
static bool hard_side(const struct picture_measure *p, int x, int y, bool upright)
{
    int across = 0, beside = 0;
    for (int i = 0; i < CELL; i++) {
        const uint16_t *at = upright ? line(p, 1, y + i) + x : line(p, 1, y) + x + i;
        ptrdiff_t step = upright ? 1 : p->room_w;
        across += apart(at[0], at[-step]);
        beside += apart(at[step], at[0]) + apart(at[-step], at[-2 * step]);
    }
    return across > 20 * CELL && across > beside; // more than twice as steep as its surroundings
}

// Wrong blocks end on the grid of blocks: most of the border of the spikes is hard just there. What
// moves has its edges anywhere.
static bool on_the_grid(const struct picture_measure *p)
{
    int sides = 0, hard = 0;
    for (int cy = 1; cy < p->cells_h; cy++)
        for (int cx = 1; cx < p->cells_w; cx++) {
            size_t at = (size_t)cy * (size_t)p->cells_w + (size_t)cx;
            bool left = p->spikes[at] != p->spikes[at - 1];
            bool above = p->spikes[at] != p->spikes[at - (size_t)p->cells_w];
            sides += left + above;
            hard += (left && hard_side(p, cx * CELL, cy * CELL, true)) +
                    (above && hard_side(p, cx * CELL, cy * CELL, false));
        }
    return sides >= 6 && hard * 10 >= sides * 6;
}

// The roughest of a line and those around it: what scrolls was near by.
static uint32_t rough_near(const struct picture_measure *p, int y)
{
    uint32_t most = 0;
    for (int k = y - 8; k <= y + 8; k++)
        if (k > 0 && k + 1 < p->s.height) {
            most = p->rough[0][k] > most ? p->rough[0][k] : most;
            most = p->rough[2][k] > most ? p->rough[2][k] : most;
        }
    return most;
}

// The picture before, seen from both sides.
static void look_back(struct picture_measure *p, struct measure_frame *to)
{
    const uint16_t *now = p->cells_y[0], *was = p->cells_y[1], *first = p->cells_y[2];
    int64_t spikes = 0, brighter = 0, lines = 0;
    if (p->count < 2)
        return;
    for (int i = 0; i < p->cells; i++) {
        int a = apart(was[i], first[i]), b = apart(was[i], now[i]), c = apart(now[i], first[i]);
        int least = a < b ? a : b;
        p->spikes[i] = least >= SPIKE * 64 && c * 2 <= least;
        spikes += p->spikes[i];
        brighter += p->spikes[i] && was[i] > now[i];
    }
    for (int y = 1; y + 1 < p->s.height; y++) {
        if (p->rough[1][y] > (uint32_t)p->s.width * 60)
            lines += p->rough[1][y] > 2 * rough_near(p, y) + (uint32_t)p->s.width * 60;
    }
    to->spike = share(spikes, p->cells);
    to->brighter = share(brighter, spikes);
    to->blocky = spikes && on_the_grid(p) ? to->spike : 0;
    to->lines = (uint32_t)lines;
}

static void take_cells(struct picture_measure *p, struct measure_frame *to)
{
    const uint16_t *now = p->cells_y[0], *was = p->cells_y[1], *first = p->cells_y[2];
    int64_t one = 0, two = 0, still = 0;
    for (int i = 0; i < p->cells; i++) {
        one += apart(now[i], was[i]);
        two += apart(now[i], first[i]);
        still += p->cells_change[i] == 0;
    }
    if (p->count) {
        to->cell_change = thousandths(one, (int64_t)p->cells * 64);
        to->still = share(still, p->cells);
        to->alike = correlation(now, was, p->cells);
    }
    if (p->count > 1) {
        to->cell_two = thousandths(two, (int64_t)p->cells * 64);
        to->alike_two = correlation(now, first, p->cells);
    }
    look_back(p, to);
    flash_frame(p->flash, now, p->cells_cb, p->cells_cr, to);
}

// ---- bars

// Black from an edge inwards. They are sure when the first line of the picture is lit over most of
// its length: a title on black has no edge.
static int bar(const uint16_t *lit, int count, int step, int length, bool *sure)
{
    int black = 0;
    const uint16_t *at = step > 0 ? lit : lit + count - 1;
    while (black < count && at[black * step] * 100 <= length)
        black++;
    int edge = black;
    while (edge < count && edge < black + 4 && at[edge * step] * 10 < length * 6)
        edge++;
    *sure = *sure && edge < count && edge < black + 4;
    return black;
}

static void take_bars(struct picture_measure *p, struct measure_frame *to)
{
    bool sure = true;
    int w = p->s.width, h = p->s.height;
    to->top = (uint32_t)bar(p->lit_rows, h, 1, w, &sure);
    to->bottom = (uint32_t)bar(p->lit_rows, h, -1, w, &sure);
    int high = h - (int)to->top - (int)to->bottom;
    to->left = (uint32_t)bar(p->lit, w, 1, high > 0 ? high : h, &sure);
    to->right = (uint32_t)bar(p->lit, w, -1, high > 0 ? high : h, &sure);
    if (sure && high > h / 4)
        to->flags |= MEASURE_BARS;
}

// How unlike the lines' lit pixels are to those of the frame before, moved by some lines.
static int64_t unlike_moved(const struct picture_measure *p, int by)
{
    int64_t sum = 0;
    for (int y = 16; y + 16 < p->s.height; y++)
        sum += apart(p->lit_rows[y], p->lit_before[y + by]);
    return sum;
}

static void take_rolling(struct picture_measure *p, struct measure_frame *to)
{
    int64_t still = unlike_moved(p, 0), best = still;
    if (!p->count || still < p->s.height)
        return;
    for (int by = -12; by <= 12; by++) {
        int64_t now = unlike_moved(p, by);
        best = now < best ? now : best;
    }
    if (best * 4 < still)
        to->flags |= MEASURE_ROLLS;
}

// ---- dead pixels

static size_t cell_of(const struct picture_measure *p, int x, int y)
{
    int cx = x / CELL < p->cells_w ? x / CELL : p->cells_w - 1;
    int cy = y / CELL < p->cells_h ? y / CELL : p->cells_h - 1;
    return (size_t)cy * (size_t)p->cells_w + (size_t)cx;
}

static void sample_pixels(struct picture_measure *p)
{
    int w = p->s.width, h = p->s.height;
    for (int y = 2; y + 2 < h; y++) {
        const uint16_t *at = line(p, 0, y), *over = line(p, 0, y - 2), *under = line(p, 0, y + 2);
        size_t row = (size_t)y * (size_t)p->room_w;
        uint8_t *hits = p->hits + row, *dark = p->darkest + row, *light = p->lightest + row;
        for (int x = 2; x + 2 < w; x++) {
            size_t cell = cell_of(p, x, y);
            if (!p->unlike[cell])
                continue;
            int most = at[x - 2] > at[x + 2] ? at[x - 2] : at[x + 2];
            int least = at[x - 2] < at[x + 2] ? at[x - 2] : at[x + 2];
            most = most > over[x] ? most : over[x], least = least < over[x] ? least : over[x];
            most = most > under[x] ? most : under[x], least = least < under[x] ? least : under[x];
            if (at[x] <= most + PIXEL && at[x] >= least - PIXEL)
                continue;
            uint8_t around = (uint8_t)(over[x] >> 2);
            dark[x] = hits[x] && dark[x] < around ? dark[x] : around;
            light[x] = hits[x] && light[x] > around ? light[x] : around;
            hits[x]++;
        }
    }
}

// Only pictures that are unlike the last one that was looked at prove anything, and they prove it
// where they are unlike: a bright spot of a room that the camera does not leave is no fault of it.
static void take_pixels(struct picture_measure *p)
{
    if (p->count < p->next_sample)
        return;
    int64_t unlike = 0;
    for (int i = 0; i < p->cells; i++)
        unlike += apart(p->cells_y[0][i], p->sampled[i]) > 8 * 64;
    if (unlike * 10 < p->cells)
        return;
    for (int i = 0; i < p->cells; i++) {
        p->unlike[i] = !p->samples || apart(p->cells_y[0][i], p->sampled[i]) > PIXEL_UNLIKE * 64;
        p->sampled[i] = p->unlike[i] ? p->cells_y[0][i] : p->sampled[i];
        p->looked[i] = (uint8_t)(p->looked[i] + p->unlike[i]);
    }
    sample_pixels(p);
    p->next_sample = p->count + p->every;
    if (++p->samples < PIXEL_SAMPLES)
        return;
    size_t all = (size_t)p->room_w * (size_t)p->s.height;
    for (size_t i = 0; i < all; i++)
        p->hits[i] /= 2;
    for (int i = 0; i < p->cells; i++)
        p->looked[i] /= 2;
    p->samples /= 2;
    p->every *= 2;
}

static bool alone(const struct picture_measure *p, int x, int y, int least)
{
    for (int dy = -12; dy <= 12; dy++)
        for (int dx = -12; dx <= 12; dx++) {
            int px = x + dx, py = y + dy;
            if (px < 0 || py < 0 || px >= p->s.width || py >= p->s.height ||
                (abs(dx) <= 2 && abs(dy) <= 2))
                continue;
            if (p->hits[(size_t)py * (size_t)p->room_w + (size_t)px] * 2 >= least)
                return false;
        }
    return true;
}

int picture_measure_pixels(const struct picture_measure *p, struct picture_pixel *to, int space)
{
    int found = 0;
    for (int y = 0; y < p->s.height; y++)
        for (int x = 0; x < p->s.width && found < space; x++) {
            size_t at = (size_t)y * (size_t)p->room_w + (size_t)x;
            int hits = p->hits[at], looked = p->looked[cell_of(p, x, y)];
            int least = (looked * 6 + 9) / 10;
            // A pixel that is dead is so before whatever is behind it; a dot of a title is not, nor
            // a mark on a road that people walk by.
            if (looked < PIXEL_LEAST || looked * 3 < p->samples || hits < least ||
                p->lightest[at] - p->darkest[at] < PIXEL_AROUND)
                continue;
            bool told = false; // the other pixels of a pair or of four
            for (int i = 0; i < found && !told; i++)
                told = abs(to[i].x - x) <= 2 && abs(to[i].y - y) <= 2;
            if (!told && alone(p, x, y, least))
                to[found++] = (struct picture_pixel){x, y, hits, looked};
        }
    return found;
}

// ---- the whole

static void rotate(struct picture_measure *p)
{
    uint16_t *luma = p->luma[1], *cells = p->cells_y[2];
    uint32_t *rough = p->rough[2];
    uint16_t *lit = p->lit_before;
    p->lit_before = p->lit_rows, p->lit_rows = lit;
    p->luma[1] = p->luma[0], p->luma[0] = luma;
    p->cells_y[2] = p->cells_y[1], p->cells_y[1] = p->cells_y[0], p->cells_y[0] = cells;
    p->rough[2] = p->rough[1], p->rough[1] = p->rough[0], p->rough[0] = rough;
}

void picture_measure_frame(struct picture_measure *p, const struct picture_view *v,
                           struct measure_frame *to)
{
    struct sums s = {0};
    int w = p->s.width, h = p->s.height;
    int64_t pixels = (int64_t)w * h, lines = (int64_t)w * (h / 2);
    rotate(p);
    memset(p->lit, 0, (size_t)p->room_w * 2);
    for (int strip = 0; strip * CELL < h; strip++)
        take_strip(p, v, strip, &s);
    uint32_t flags = to->flags, gap = to->gap, timecode = to->timecode;
    *to = (struct measure_frame){.flags = flags, .gap = gap, .timecode = timecode};
    to->mean = (uint32_t)(s.luma * 16 / pixels);
    to->lit = share(s.lit, pixels);
    to->outside = share(s.outside, (int64_t)p->half_w * p->half_h);
    to->weave_even = thousandths(s.weave_even, lines);
    to->weave_odd = thousandths(s.weave_odd, lines);
    if (p->count) {
        to->change = thousandths(s.even + s.odd, pixels);
        to->even = thousandths(s.even, lines);
        to->odd = thousandths(s.odd, lines);
        to->comb = share(s.comb, pixels);
        to->weave_top = thousandths(s.top, lines);
        to->weave_bottom = thousandths(s.bottom, lines);
    }
    take_cells(p, to);
    take_bars(p, to);
    take_rolling(p, to);
    take_pixels(p);
    p->count++;
}
