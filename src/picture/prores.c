/*
 * frame:   u32 size | "icpf" | a header of 20 bytes | a picture, or two: the fields in order of
 * time picture: u8 8 << 3 | u32 size | u16 slices | u8 log2 of a slice's macroblocks << 4 | u16
 * size of each slice | the slices slice:   u8 6 << 3 | u8 quantisation | u16 size of Y | u16 size
 * of Cb | Y, Cb, Cr
 *
 * A slice is at most eight macroblocks of a row of them; what is left of a row is cut in halves. Of
 * a component, first come the means of all blocks, each as its difference from the one before, then
 * the other frequencies, the lowest of all blocks first: how many zeros, a level, and its sign.
 * Numbers are Golomb-Rice codes up to a limit and exponential Golomb codes from there; which it is
 * follows from the number before. (SMPTE RDD 36, 5 and 7.)
 *
 * The weights of all frequencies are 4, the format's own default: with the same step for all of
 * them and for the whole frame the error is least for the size. What size a step comes to is
 * learned from one slice of each row; a frame between two steps takes the finer one for as many
 * slices as it has room for, spread evenly.
 */
#include "picture/prores.h"
#include "picture/blocks.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { MB = 16, SLICE_MB = 8, COMPONENTS = 3, STEPS = 224, RUNS = 64, LEVELS = 256 };
enum { HEADER = 20, PICTURE_HEADER = 8, SLICE_HEADER = 6 };
enum { MOST_BLOCKS = 4 * SLICE_MB, SLICE_MOST = 6 + 3 * MOST_BLOCKS * BLOCK * 5 };

static const uint8_t progressive[BLOCK] = {
    0,  1,  8,  9,  2,  3,  10, 11, 16, 17, 24, 25, 18, 19, 26, 27, 4,  5,  12, 20, 13, 6,
    7,  14, 21, 28, 29, 22, 15, 23, 30, 31, 32, 33, 40, 48, 41, 34, 35, 42, 49, 56, 57, 50,
    43, 36, 37, 44, 51, 58, 59, 52, 45, 38, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};
static const uint8_t interlaced[BLOCK] = {
    0,  8,  1,  9,  16, 24, 17, 25, 2,  10, 3,  11, 18, 26, 19, 27, 32, 40, 33, 34, 41, 48,
    56, 49, 42, 35, 43, 50, 57, 58, 51, 59, 4,  12, 5,  6,  13, 20, 28, 21, 14, 7,  15, 22,
    29, 36, 44, 37, 30, 23, 31, 38, 45, 52, 60, 53, 46, 39, 47, 54, 61, 62, 55, 63,
};

// A way to write numbers: Rice codes of `rice` bits below `limit` << rice, from there exponential
// ones of `exponent` bits.
struct book {
    uint8_t limit, rice, exponent;
};
static const struct book of_mean = {1, 5, 6};
static const struct book of_means[] = {{1, 0, 1}, {1, 1, 2}, {1, 1, 2},
                                       {2, 2, 3}, {2, 2, 3}, {1, 3, 4}};
static const struct book of_runs[] = {
    {3, 0, 1}, {3, 0, 1}, {2, 0, 1}, {2, 0, 1}, {1, 0, 1}, {2, 1, 2}, {2, 1, 2}, {2, 1, 2},
    {2, 1, 2}, {1, 1, 2}, {1, 1, 2}, {1, 1, 2}, {1, 1, 2}, {1, 1, 2}, {1, 1, 2}, {1, 2, 3},
};
static const struct book of_levels[] = {
    {1, 0, 1}, {3, 0, 2}, {2, 0, 1}, {3, 0, 1}, {1, 0, 1},
    {1, 1, 2}, {1, 1, 2}, {1, 1, 2}, {1, 1, 2}, {1, 2, 3},
};
enum { AFTER_RUNS = 16, AFTER_LEVELS = 10, FIRST_RUN = 4, FIRST_LEVEL = 2 };

struct code {
    uint32_t bits;
    uint32_t length;
};

struct part {        // a slice of a picture
    int x, y, count; // in macroblocks
};

struct samples { // of a component of a slice
    const uint16_t *at;
    ptrdiff_t stride;
};

struct prores {
    struct prores_shape s;
    const struct blocks *blocks;
    const uint8_t *scan;
    float flat[BLOCK], scale[BLOCK], bias[BLOCK]; // in the order of the scan; flat: at step 1
    int columns, rows;                            // of a picture, in macroblocks
    int lines;                                    // of a picture
    struct part *parts;
    int part_count;
    size_t target; // of a picture
    struct code runs[AFTER_RUNS][RUNS], levels[AFTER_LEVELS][LEVELS];
    // of a picture
    struct picture_view v; // with the field's first lines and strides
    float *tried;          // frequencies of one slice of each row
    int *tried_parts;
    float *slice;                                  // frequencies of a slice
    uint16_t edge[COMPONENTS][MB * MB * SLICE_MB]; // samples of a slice that reaches over the edge
    int16_t level[MOST_BLOCKS * BLOCK + LANES];
    uint8_t *out;
    size_t size, room;
};

// ---- bits

struct bits {
    uint8_t *at;
    uint64_t held;
    unsigned count; // of bits in `held`, less than 32
};

static inline void put(struct bits *b, uint32_t bits, unsigned length)
{
    b->held = b->held << length | bits;
    b->count += length;
    if (b->count >= 32) {
        b->count -= 32;
        uint32_t four = htobe32((uint32_t)(b->held >> b->count));
        memcpy(b->at, &four, 4);
        b->at += 4;
    }
}

static uint8_t *end_bits(struct bits *b)
{
    for (; b->count >= 8; b->count -= 8)
        *b->at++ = (uint8_t)(b->held >> (b->count - 8));
    if (b->count)
        *b->at++ = (uint8_t)(b->held << (8 - b->count));
    return b->at;
}

static struct code code_of(const struct book *k, unsigned value)
{
    unsigned simple = (unsigned)k->limit << k->rice;
    if (value < simple)
        return (struct code){1u << k->rice | (value & ((1u << k->rice) - 1)),
                             (value >> k->rice) + 1 + k->rice};
    value -= simple - (1u << k->exponent);
    unsigned power = 31 - (unsigned)__builtin_clz(value);
    return (struct code){value, 2 * power + 1 - k->exponent + k->limit};
}

static inline void put_code(struct bits *b, struct code c)
{
    put(b, c.bits, c.length);
}

// ---- coding a component

static void put_means(struct bits *b, const int16_t *level, int count)
{
    int before = level[0], sign = 0;
    unsigned code = 5;
    put_code(b, code_of(&of_mean, (unsigned)(before * 2 ^ before >> 31)));
    for (int i = 1; i < count; i++) {
        int step = level[i] - before, size = abs(step);
        bool turned = (step < 0) != sign;
        const struct book *k = &of_means[code < 5 ? code : 5];
        code = size ? 2 * (unsigned)size - turned : 0;
        put_code(b, code_of(k, code));
        sign = step < 0;
        before = level[i];
    }
}

static void put_rest(const struct prores *p, struct bits *b, const int16_t *level, int count)
{
    int after_run = FIRST_RUN, after_level = FIRST_LEVEL, last = count - 1;
    for (int at = count; at < count * BLOCK; at += 4) {
        uint64_t four;
        memcpy(&four, level + at, 8);
        for (four = le64toh(four); four;) {
            int i = __builtin_ctzll(four) >> 4, position = at + i;
            four &= ~(UINT64_C(0xffff) << (16 * i));
            if (position >= count * BLOCK)
                break;
            unsigned run = (unsigned)(position - last - 1);
            int v = level[position];
            unsigned size = (unsigned)abs(v);
            put_code(b, run < RUNS ? p->runs[after_run][run] : code_of(&of_runs[after_run], run));
            struct code c = size <= LEVELS ? p->levels[after_level][size - 1]
                                           : code_of(&of_levels[after_level], size - 1);
            put(b, c.bits << 1 | (v < 0), c.length + 1);
            after_run = run < AFTER_RUNS ? (int)run : AFTER_RUNS - 1;
            after_level = size < AFTER_LEVELS ? (int)size : AFTER_LEVELS - 1;
            last = position;
        }
    }
}

// ---- a slice

static int blocks_of(const struct prores *p, int component, int macroblocks)
{
    return macroblocks * (component && !p->s.full_chroma ? 2 : 4);
}

// Where in its macroblock a block lies: of luma lines first, of chroma columns first.
static const uint8_t places[2][4][2] = {{{0, 0}, {8, 0}, {0, 8}, {8, 8}},
                                        {{0, 0}, {0, 8}, {8, 0}, {8, 8}}};

static struct samples samples_of(struct prores *p, const struct part *part, int component)
{
    bool half = component && !p->s.full_chroma;
    int wide = half ? MB / 2 : MB, width = half ? (p->s.width + 1) / 2 : p->s.width;
    int x = part->x * wide, y = part->y * MB, across = part->count * wide;
    ptrdiff_t stride = p->v.stride_bytes[component] / 2;
    const uint16_t *from = (const uint16_t *)(const void *)p->v.plane[component];
    if (x + across <= width && y + MB <= p->lines)
        return (struct samples){from + y * stride + x, stride};
    uint16_t *to = p->edge[component];
    for (int i = 0; i < MB; i++) {
        const uint16_t *line = from + (y + i < p->lines ? y + i : p->lines - 1) * stride;
        int there = x + across <= width ? across : width - x;
        memcpy(to + i * MB * SLICE_MB, line + x, (size_t)there * 2);
        for (int k = there; k < across; k++)
            to[i * MB * SLICE_MB + k] = line[width - 1];
    }
    return (struct samples){to, MB * SLICE_MB};
}

// `to`: all components, one after another, in groups of LANES blocks.
static void transform(struct prores *p, const struct part *part, float *to)
{
    for (int c = 0; c < COMPONENTS; c++) {
        struct samples s = samples_of(p, part, c);
        int count = blocks_of(p, c, part->count), each = blocks_of(p, c, 1);
        for (int first = 0; first < count; first += LANES, to += BLOCK * LANES) {
            const uint16_t *at[LANES];
            for (int i = 0; i < LANES; i++) {
                int block = first + i < count ? first + i : count - 1;
                const uint8_t *place = places[c > 0][block % each];
                at[i] = s.at + block / each * (each / 2 * 8) + place[0] + place[1] * s.stride;
            }
            p->blocks->transform(at, s.stride, to);
        }
    }
}

static void put16(uint8_t *to, size_t v)
{
    to[0] = (uint8_t)(v >> 8), to[1] = (uint8_t)v;
}

static void put32(uint8_t *to, size_t v)
{
    put16(to, v >> 16), put16(to + 2, v);
}

static int step_size(int step)
{
    return step <= 128 ? step : 128 + (step - 128) * 4;
}

static void set_step(struct prores *p, int step)
{
    float by = 1.0f / (float)step_size(step);
    for (int i = 0; i < BLOCK; i++)
        p->scale[i] = p->flat[i] * by;
}

// Returns the slice's size in bytes; `to` has SLICE_MOST.
static size_t code_slice(struct prores *p, const struct part *part, const float *from, int step,
                         uint8_t *to)
{
    uint8_t *at = to + SLICE_HEADER;
    size_t sizes[COMPONENTS];
    for (int c = 0; c < COMPONENTS; c++) {
        int count = blocks_of(p, c, part->count);
        for (int first = 0; first < count; first += LANES, from += BLOCK * LANES)
            p->blocks->quantise(from, p->scan, p->scale, p->bias, count, p->level + first);
        struct bits b = {.at = at};
        put_means(&b, p->level, count);
        put_rest(p, &b, p->level, count);
        uint8_t *end = end_bits(&b);
        sizes[c] = (size_t)(end - at);
        at = end;
    }
    to[0] = SLICE_HEADER << 3;
    to[1] = (uint8_t)step;
    put16(to + 2, sizes[0]);
    put16(to + 4, sizes[1]);
    return (size_t)(at - to);
}

// ---- a picture

static bool room(struct prores *p, size_t more)
{
    if (p->size + more <= p->room)
        return true;
    size_t wanted = p->room * 3 / 2 + more;
    uint8_t *at = realloc(p->out, wanted);
    if (!at)
        return false;
    p->out = at, p->room = wanted;
    return true;
}

static float *tried(const struct prores *p, int i)
{
    return p->tried + (size_t)i * COMPONENTS * MOST_BLOCKS * BLOCK;
}

// One of each row, each time from another place.
static void try_slices(struct prores *p)
{
    int each = p->part_count / p->rows;
    int whole = p->columns >= SLICE_MB ? p->columns / SLICE_MB : each;
    for (int i = 0; i < p->rows; i++) {
        p->tried_parts[i] = i * each + i * 7 % whole;
        transform(p, &p->parts[p->tried_parts[i]], tried(p, i));
    }
}

static size_t size_at(struct prores *p, int step)
{
    size_t sum = 0, blocks = 0;
    set_step(p, step);
    for (int i = 0; i < p->rows; i++) {
        const struct part *part = &p->parts[p->tried_parts[i]];
        sum += code_slice(p, part, tried(p, i), step, p->out + p->size);
        blocks += (size_t)part->count;
    }
    return sum * (size_t)(p->columns * p->rows) / blocks;
}

struct steps { // `finer` of `of` slices have the step before
    int step;
    size_t finer, of;
};

// The first step that comes to no more than `most` bytes.
static struct steps choose(struct prores *p, size_t most)
{
    int low = 0, high = STEPS, step = 4; // low is too large, high is not
    size_t size_low = 0, size_high = 0;
    while (high - low > 1) {
        step = step <= low ? low + 1 : step >= high ? high - 1 : step;
        size_t size = size_at(p, step);
        if (size > most)
            low = step, size_low = size;
        else
            high = step, size_high = size;
        size_t next = (size_t)step * size / most;
        step = next > STEPS ? STEPS : (int)next;
        step += size > most;
    }
    struct steps to = {.step = high, .of = 1};
    if (low && size_high && size_low > size_high)
        to.finer = most - size_high, to.of = size_low - size_high;
    return to;
}

static size_t code_slices(struct prores *p, const struct steps *s)
{
    size_t begin = p->size, table = begin + PICTURE_HEADER, turn = 0;
    int now = 0;
    p->size = table + 2 * (size_t)p->part_count;
    for (int i = 0; i < p->part_count; i++) {
        turn += s->finer;
        int step = s->step - (turn >= s->of);
        turn -= turn >= s->of ? s->of : 0;
        if (step != now)
            set_step(p, now = step);
        if (!room(p, SLICE_MOST))
            return 0;
        transform(p, &p->parts[i], p->slice);
        size_t size = code_slice(p, &p->parts[i], p->slice, step, p->out + p->size);
        put16(p->out + table + 2 * (size_t)i, size);
        p->size += size;
    }
    uint8_t *head = p->out + begin;
    head[0] = PICTURE_HEADER << 3;
    put32(head + 1, p->size - begin);
    put16(head + 5, (size_t)p->part_count);
    head[7] = 3 << 4;
    return p->size - begin;
}

// What was tried may have been easier than the rest.
static bool code_picture(struct prores *p)
{
    size_t begin = p->size, more = PICTURE_HEADER + 2 * (size_t)p->part_count + SLICE_MOST;
    size_t around = PICTURE_HEADER + 2 * (size_t)p->part_count;
    size_t most = p->target > 2 * around ? p->target - around : around;
    if (!room(p, more))
        return false;
    try_slices(p);
    for (int tries = 0;; tries++) {
        struct steps s = choose(p, most);
        size_t size = code_slices(p, &s);
        if (!size || size <= p->target + p->target / 32 || s.step == STEPS || tries == 8)
            return size > 0;
        most = most * p->target / size + 1;
        p->size = begin;
    }
}

// ---- a frame

static int rate_code(const struct prores *p)
{
    static const int rates[][2] = {{24000, 1001}, {24, 1},        {25, 1},       {30000, 1001},
                                   {30, 1},       {50, 1},        {60000, 1001}, {60, 1},
                                   {100, 1},      {120000, 1001}, {120, 1}};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
        if ((int64_t)p->s.rate_num * rates[i][1] == (int64_t)p->s.rate_den * rates[i][0])
            return (int)i + 1;
    return 0;
}

static int aspect_code(const struct prores *p)
{
    int64_t x = (int64_t)p->s.width * p->s.aspect_num, y = (int64_t)p->s.height * p->s.aspect_den;
    if (p->s.aspect_num == p->s.aspect_den)
        return p->s.aspect_num ? 1 : 0;
    return x * 3 == y * 4 ? 2 : x * 9 == y * 16 ? 3 : 0;
}

static void put_header(struct prores *p)
{
    uint8_t *at = p->out;
    memset(at, 0, 8 + HEADER);
    memcpy(at + 4, "icpf", 4);
    at += 8;
    put16(at, HEADER);
    put16(at + 2, p->s.full_chroma ? 1 : 0);
    memcpy(at + 4, "phse", 4); // whose encoder it is
    put16(at + 8, (size_t)p->s.width);
    put16(at + 10, (size_t)p->s.height);
    at[12] = (uint8_t)((p->s.full_chroma ? 3 : 2) << 6 | (int)p->s.scan << 2);
    at[13] = (uint8_t)(aspect_code(p) << 4 | rate_code(p));
    at[14] = (uint8_t)p->s.primaries, at[15] = (uint8_t)p->s.transfer;
    at[16] = (uint8_t)p->s.matrix;
    p->size = 8 + HEADER;
}

size_t prores_frame(struct prores *p, const struct picture_view *v, const uint8_t **frame)
{
    int fields = p->s.scan == PRORES_PROGRESSIVE ? 1 : 2;
    p->size = 0;
    if (!room(p, 8 + HEADER))
        return 0;
    put_header(p);
    for (int i = 0; i < fields; i++) {
        int line = fields == 2 && (i == 0) == (p->s.scan == PRORES_BOTTOM_FIRST);
        for (int c = 0; c < COMPONENTS; c++) {
            p->v.plane[c] = v->plane[c] + line * v->stride_bytes[c];
            p->v.stride_bytes[c] = v->stride_bytes[c] * fields;
        }
        p->lines = (p->s.height + fields - 1 - line) / fields;
        if (!code_picture(p))
            return 0;
    }
    put32(p->out, p->size);
    *frame = p->out;
    return p->size;
}

// ---- opening

// Apple's rates (Apple ProRes white paper, target data rates) at 1920 x 1080 in bits a macroblock,
// and by how much more smaller pictures get.
size_t prores_target(enum prores_kind kind, int width, int height)
{
    static const double of_kind[PRORES_KINDS] = {184, 417, 601, 900, 1349, 2044};
    static const double sizes[][2] = {{1395, 1.674}, {3600, 1.132}, {8160, 1}};
    double count = (double)((width + MB - 1) / MB) * ((height + MB - 1) / MB), more = sizes[0][1];
    for (int i = 1; i < 3; i++)
        if (count > sizes[i - 1][0]) {
            double along = (count - sizes[i - 1][0]) / (sizes[i][0] - sizes[i - 1][0]);
            more = sizes[i - 1][1] + (along < 1 ? along : 1) * (sizes[i][1] - sizes[i - 1][1]);
        }
    return (size_t)(of_kind[kind] * more * count / 8);
}

static void make_tables(struct prores *p)
{
    static const double left_out[8] = {1, 1.387039845, 1.306562965, 1.175875602,
                                       1, 0.785694958, 0.541196100, 0.275899379};
    for (int i = 0; i < BLOCK; i++) {
        int at = p->scan[i];
        p->flat[i] = (float)(1 / (8 * left_out[at / 8] * left_out[at % 8]));
        p->bias[i] = at ? 0.37f : 0.5f;
    }
    for (int k = 0; k < AFTER_RUNS; k++)
        for (unsigned i = 0; i < RUNS; i++)
            p->runs[k][i] = code_of(&of_runs[k], i);
    for (int k = 0; k < AFTER_LEVELS; k++)
        for (unsigned i = 0; i < LEVELS; i++)
            p->levels[k][i] = code_of(&of_levels[k], i);
}

static bool make_parts(struct prores *p)
{
    p->parts = calloc((size_t)p->rows * (size_t)(p->columns / SLICE_MB + 3), sizeof(*p->parts));
    for (int y = 0; p->parts && y < p->rows; y++)
        for (int x = 0, count = SLICE_MB; x < p->columns; x += count) {
            while (count > p->columns - x)
                count /= 2;
            p->parts[p->part_count++] = (struct part){x, y, count};
        }
    return p->parts != NULL;
}

struct prores *prores_open(const struct prores_shape *s)
{
    struct prores *p = calloc(1, sizeof(*p));
    int fields = s->scan == PRORES_PROGRESSIVE ? 1 : 2;
    if (!p)
        return NULL;
    p->s = *s;
    p->blocks = blocks_best();
    p->scan = fields == 1 ? progressive : interlaced;
    p->columns = (s->width + MB - 1) / MB;
    p->rows = ((s->height + fields - 1) / fields + MB - 1) / MB;
    size_t target = prores_target(s->kind, s->width, s->height);
    p->target = (target > 8 + HEADER ? target - 8 - HEADER : 0) / (size_t)fields;
    make_tables(p);
    size_t slice = COMPONENTS * MOST_BLOCKS * BLOCK * sizeof(float);
    p->tried = malloc((size_t)p->rows * slice);
    p->tried_parts = calloc((size_t)p->rows, sizeof(*p->tried_parts));
    p->slice = malloc(slice);
    if (p->tried && p->tried_parts && p->slice && make_parts(p))
        return p;
    prores_close(p);
    return NULL;
}

void prores_close(struct prores *p)
{
    if (!p)
        return;
    free(p->parts);
    free(p->tried);
    free(p->tried_parts);
    free(p->slice);
    free(p->out);
    free(p);
}
