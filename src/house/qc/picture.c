/*
 * Checks of the picture. All of them work on numbers of frames and their neighbours. What decides
 * between a fault and a choice is said at each one; where both look alike, nothing is found.
 */
#include "house/qc/inside.h"

#include <stdlib.h>
#include <string.h>

static bool there(const struct judging *j, int64_t i)
{
    return i >= 0 && i < j->frames && !(j->at[i].flags & MEASURE_LOST);
}

// ---- black

static int64_t run_end(const uint8_t *set, int64_t from, int64_t count)
{
    while (from < count && set[from])
        from++;
    return from;
}

// Whether the light goes at once, not by a fade: the last lit frame has most of the light there
// was.
static bool hard_edge(const struct judging *j, int64_t lit, int step)
{
    const uint32_t black = j->at[lit - step].mean;
    uint32_t at = j->at[lit].lit ? j->at[lit].mean : 0, most = at;
    for (int64_t i = lit;
         i >= 0 && i < j->frames && llabs((long long)(i - lit)) < 12 && !j->black[i]; i += step)
        most = j->at[i].mean > most ? j->at[i].mean : most;
    return at > black + 12 * 16 && (at - black) * 2 >= most - black;
}

void check_black(struct judging *j)
{
    int64_t most = frames_of_ms(j, "most_ms");
    for (int64_t i = 1; i < j->frames; i++) {
        if (!j->black[i] || j->black[i - 1])
            continue;
        int64_t end = run_end(j->black, i, j->frames);
        if (end < j->frames && end - i <= most && hard_edge(j, i - 1, -1) && hard_edge(j, end, 1))
            find(j, i, end - 1, "", "no black between pictures without a fade", "%s of black",
                 long_text(j, end - i).text);
        i = end - 1;
    }
}

void check_black_long(struct judging *j)
{
    int64_t most = frames_of_ms(j, "most_ms");
    for (int64_t i = 1; i < j->frames; i++) {
        if (!j->black[i] || j->black[i - 1])
            continue;
        int64_t end = run_end(j->black, i, j->frames);
        if (end < j->frames && end - i > most)
            find(j, i, end - 1, "", texted("%s", long_text(j, most).text).text, "%s of black",
                 long_text(j, end - i).text);
        i = end - 1;
    }
}

// ---- frames that repeat

static bool same(const struct judging *j, int64_t i, double change)
{
    return i > 0 && there(j, i) && j->at[i].change <= change;
}

// The picture moves on its own: not a cut, not a fade of a still, not a title that slides over
// black.
static bool moves(const struct judging *j, int64_t i, double change)
{
    if (i < 1 || !there(j, i) || j->at[i].change <= 4 * change || j->cut[i] ||
        j->at[i].still > 5000)
        return false;
    int64_t level = llabs((long long)j->at[i].mean - (long long)j->at[i - 1].mean) * 1000 / 16;
    return level * 10 < (int64_t)j->at[i].change * 8;
}

static int moving(const struct judging *j, int64_t from, int count, double change)
{
    int found = 0;
    for (int64_t i = from; i < from + count; i++)
        found += moves(j, i, change);
    return found;
}

// A picture that stands still from the start is a still, and one that faded in likewise: frozen is
// what moved before in the same shot.
void check_freeze(struct judging *j)
{
    int64_t least = frames_of_ms(j, "least_ms");
    double change = number(j, "change");
    for (int64_t i = 1; i < j->frames; i++) {
        if (!same(j, i, change) || j->black[i])
            continue;
        int64_t end = i;
        while (end < j->frames && same(j, end, change))
            end++;
        if (end - i >= least && moving(j, i - 5, 5, change) >= 4)
            find(j, i, end - 1, "", texted("less than %s", long_text(j, least).text).text,
                 "the picture stands still for %s", long_text(j, end - i).text);
        i = end;
    }
}

static bool repeats(const struct judging *j, int64_t i, double change)
{
    return there(j, i) && i > 0 && j->at[i].change <= change && !j->black[i];
}

// One or two frames shown again in the midst of movement. Where every second or third repeats it is
// drawn so; where every fifth does it is a cadence.
void check_repeated(struct judging *j)
{
    double change = number(j, "change");
    for (int64_t i = 1; i < j->frames; i++) {
        if (!repeats(j, i, change))
            continue;
        int64_t end = i;
        while (end < j->frames && repeats(j, end, change))
            end++;
        bool alone = end - i <= 2;
        for (int64_t k = i - 12; k < end + 12 && alone; k++)
            alone = (k >= i && k < end) || !repeats(j, k, change);
        if (alone && moving(j, i - 5, 5, change) >= 4 && moving(j, end, 5, change) >= 4)
            find(j, i, end - 1, "", "each frame once", "%s shown again",
                 long_text(j, end - i).text);
        i = end;
    }
}

// ---- frames that are missing

static int rising(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

// Steady movement that makes a step of two at once: as far from the frame before as its neighbours
// are from the frame before that.
static bool skips(const struct judging *j, int64_t i)
{
    uint32_t near[6];
    const struct measure_frame *at = j->at;
    if (i < 4 || i + 3 >= j->frames)
        return false;
    for (int64_t k = i - 3; k <= i + 3; k++)
        if (!there(j, k) || (j->cut[k] && k != i) || at[k].cell_change < 300)
            return false;
    for (int k = 0; k < 3; k++)
        near[k] = at[i - 3 + k].cell_change, near[3 + k] = at[i + 1 + k].cell_change;
    qsort(near, 6, sizeof(near[0]), rising);
    double usual = (near[2] + near[3]) / 2.0;
    double two = (at[i - 1].cell_two + at[i + 3].cell_two) / 2.0;
    double one = at[i].cell_change;
    // Bars that come or go, and areas beyond the levels, are changes of their own.
    const struct measure_frame *a = &at[i - 1], *b = &at[i];
    if (a->top != b->top || a->bottom != b->bottom || a->left != b->left || a->right != b->right ||
        llabs((long long)a->outside - b->outside) > 50)
        return false;
    return near[5] < near[0] * 1.22 && two > usual * 1.4 && one > usual * 1.35 &&
           one > two * 0.87 && one < two * 1.15;
}

void check_dropped(struct judging *j)
{
    for (int64_t i = 1; i < j->frames; i++) {
        if (j->at[i].gap)
            find(j, i, i, "", "a frame for each time", "%s missing before it, by their times",
                 long_text(j, j->at[i].gap).text);
        else if (skips(j, i))
            find(j, i, i, "", "even steps", "the movement skips about a frame");
    }
}

// ---- frames that are broken

void check_decode(struct judging *j)
{
    for (int64_t i = 0; i < j->frames; i++) {
        uint32_t bad = j->at[i].flags & (MEASURE_LOST | MEASURE_HURT);
        int64_t end = i;
        if (!bad)
            continue;
        while (end < j->frames && (j->at[end].flags & (MEASURE_LOST | MEASURE_HURT)) == bad)
            end++;
        find(j, i, end - 1, "", "every frame decodes",
             bad & MEASURE_LOST ? "%s can not be decoded" : "%s decode with errors",
             long_text(j, end - i).text);
        i = end - 1;
    }
}

// Seen from both sides. A flash of light makes everything brighter and is none; what is brighter
// here and darker there, between two frames that are alike, does not belong.
// An error is alone. What comes again within a few frames is movement: titles that roll, lights.
static bool again_near(const struct judging *j, int64_t next, double blocks, double lines)
{
    for (int64_t k = next - 13; k <= next + 13; k++)
        if (k > 0 && k < j->frames && k != next && j->at[k].spike < 6000 &&
            (j->at[k].blocky >= blocks || j->at[k].lines >= lines))
            return true;
    return false;
}

void check_broken(struct judging *j)
{
    double blocks = number(j, "blocks_percent") * 100, lines = number(j, "lines");
    for (int64_t i = 1; i + 1 < j->frames; i++) {
        const struct measure_frame *next = &j->at[i + 1];
        if (!there(j, i - 1) || !there(j, i) || !there(j, i + 1))
            continue;
        bool mixed = next->brighter > 600 && next->brighter < 9400;
        bool alone = next->alike_two > 8500 && next->alike < 6000 && j->at[i].alike < 6000;
        if ((next->spike > 4500 || (alone && next->spike > 1500)) && mixed)
            find(j, i, i, "", "each frame belongs to its neighbours",
                 "a frame that has nothing to do with those around it");
        else if (again_near(j, i + 1, blocks, lines))
            continue;
        else if (next->spike < 6000 && next->blocky >= blocks)
            find(j, i, i, "", "no block errors", "%.1f %% of the picture in wrong blocks",
                 next->spike / 100.0);
        else if (next->lines >= lines)
            find(j, i, i, "", "no broken lines", "%u lines that stand out in this frame alone",
                 next->lines);
    }
}

// ---- flashes

struct turns {
    int64_t at[64]; // the last transitions of the screen
    int count;
    int64_t from, to; // the finding under way; -1: none
    double most;      // of its area
    uint8_t *told;    // frames in and near findings of before
};

static void end_flash(struct judging *j, struct turns *t, const char *what)
{
    if (t->from >= 0)
        find(j, t->from, t->to, "",
             texted("at most %d flashes a second", (int)number(j, "flashes")).text,
             "%s over %.0f %% of the picture (a pre-check, no certificate)", what, t->most / 100);
    int64_t near = (int64_t)j->fps;
    for (int64_t i = t->from - near; t->from >= 0 && i <= t->to + near; i++)
        if (i >= 0 && i < j->frames)
            t->told[i] = 1;
    t->from = -1;
}

static void extend(struct judging *j, struct turns *t, int64_t from, int64_t to, double area,
                   const char *what)
{
    if (t->from >= 0 && from > t->to)
        end_flash(j, t, what);
    if (t->from < 0)
        t->from = from, t->most = 0;
    t->from = from < t->from ? from : t->from;
    t->to = to;
    t->most = area > t->most ? area : t->most;
}

static void take_turn(struct judging *j, struct turns *t, int64_t frame, double area,
                      const char *what)
{
    int needed = 2 * (int)number(j, "flashes") + 1; // a flash is two; one more begins the next
    int64_t second = (int64_t)(j->fps + 0.999);
    if (needed > 63)
        return;
    if (t->count == 64)
        memmove(t->at, t->at + 1, sizeof(t->at[0]) * (size_t)--t->count);
    t->at[t->count++] = frame;
    if (t->count < needed || frame - t->at[t->count - needed] >= second)
        return;
    extend(j, t, t->at[t->count - needed], frame, area, what);
}

// A flash is of the screen when what turns bright, less what turns dark, is of the area; a light
// takes up to three frames to come on. Pictures that move turn as much up as down. And it is one of
// places, whatever the rest does, when the same cells turn too often.
static void flashes(struct judging *j, bool red)
{
    const char *what = red ? "saturated red flashes" : "flashes";
    double least = number(j, "area_percent") * 100, last[3] = {0};
    struct turns t = {.from = -1};
    t.told = calloc((size_t)j->frames + 1, 1);
    for (int64_t i = 0; t.told && i < j->frames; i++) {
        const struct measure_frame *f = &j->at[i];
        last[i % 3] = red ? (double)f->red_in - f->red_out : (double)f->flash_up - f->flash_down;
        double net = last[0] + last[1] + last[2];
        if (net > least || net < -least) {
            take_turn(j, &t, i, net < 0 ? -net : net, what);
            last[0] = last[1] = last[2] = 0;
        }
    }
    end_flash(j, &t, what);
    for (int64_t i = 0; t.told && i < j->frames; i++) {
        const struct measure_frame *f = &j->at[i];
        double often = red ? f->red_flashing : f->flashing;
        if (often > least && !t.told[i])
            extend(j, &t, i - (red ? f->red_flashing_frames : f->flashing_frames), i, often, what);
    }
    end_flash(j, &t, what);
    free(t.told);
}

void check_flash(struct judging *j)
{
    flashes(j, false);
}

void check_red_flash(struct judging *j)
{
    flashes(j, true);
}

// ---- levels

void check_levels(struct judging *j)
{
    double most = number(j, "area_percent") * 100;
    for (int64_t i = 0; i < j->frames; i++) {
        if (j->at[i].outside <= most)
            continue;
        int64_t end = i;
        uint32_t worst = 0;
        for (; end < j->frames && j->at[end].outside > most; end++)
            worst = j->at[end].outside > worst ? j->at[end].outside : worst;
        find(j, i, end - 1, "", texted("%.1f %% of the picture", most / 100).text,
             "up to %.1f %% of the picture is outside -5 to 105 %% in R, G, B or Y", worst / 100.0);
        i = end - 1;
    }
}

// ---- fields

static bool declared_interlaced(const struct judging *j)
{
    const json_t *v =
        json_array_get(json_object_get(json_object_get(j->m->summary, "facts"), "video"), 0);
    const char *order = json_string_value(json_object_get(v, "field_order"));
    int64_t frames = json_integer_value(json_object_get(j->m->summary, "interlaced_frames"));
    return frames * 2 > j->frames ||
           (order && strcmp(order, "progressive") != 0 && strcmp(order, "unknown") != 0);
}

// +1: top field first, -1: bottom first, 0: can not be told or no fields. Movement makes lines
// rougher between those of the frame before than they are in their own frame. In order, the second
// field lies three fields from the frame before's first, the first one but one from its second; in
// a progressive frame both are as far. A progressive frame that follows fields is smoother than
// they.
static int order_of(const struct judging *j, int64_t i, double lean_percent)
{
    const struct measure_frame *f = &j->at[i];
    if (i < 1 || !there(j, i) || j->cut[i] || (f->flags & MEASURE_ROLLS))
        return 0;
    double top = (double)f->weave_top - f->weave_even,
           bottom = (double)f->weave_bottom - f->weave_odd;
    double within = (double)f->weave_even + f->weave_odd;
    const struct measure_frame *b = &j->at[i - 1];
    if (top + bottom < 0.15 * within + 4000 ||
        within < 0.75 * ((double)b->weave_even + b->weave_odd))
        return 0;
    double lean = (bottom - top) * 100 / (bottom + top);
    return lean > lean_percent ? 1 : lean < -lean_percent ? -1 : 0;
}

// One field of it is the frame before's: telecine.
static int field_again(const struct judging *j, int64_t i)
{
    const struct measure_frame *f = &j->at[i];
    if (i < 1 || !there(j, i) || j->cut[i] || f->even + f->odd < 400)
        return 0;
    return f->even * 12 < f->odd ? 1 : f->odd * 12 < f->even ? -1 : 0;
}

// Runs of frames with fields are found as a whole; a few without movement inside do not end one.
void check_fields(struct judging *j)
{
    double lean = number(j, "lean_percent");
    if (declared_interlaced(j))
        return;
    for (int64_t i = 1; i < j->frames; i++) {
        int64_t last = i, frames = 0, again = 0;
        if (!order_of(j, i, lean))
            continue;
        for (int64_t k = i; k < j->frames && k - last <= 3; k++) {
            bool fields = order_of(j, k, lean) != 0;
            frames += fields, again += field_again(j, k) != 0;
            last = fields ? k : last;
        }
        if (frames >= 4 && again * 5 < frames)
            find(j, i, last, "", "progressive, as it says of itself",
                 "two fields in a frame (combing)");
        i = last;
    }
}

void check_field_order(struct judging *j)
{
    int64_t tops = 0, bottoms = 0, first = -1, last = -1;
    if (!declared_interlaced(j))
        return;
    int64_t said = json_integer_value(json_object_get(j->m->summary, "top_first_frames"));
    int64_t interlaced = json_integer_value(json_object_get(j->m->summary, "interlaced_frames"));
    bool top = said * 2 > interlaced;
    if (!interlaced)
        return;
    for (int64_t i = 1; i < j->frames; i++) {
        int order = order_of(j, i, number(j, "lean_percent"));
        tops += order > 0, bottoms += order < 0;
        if (order && (order > 0) != top) {
            first = first < 0 ? i : first;
            last = i;
        }
    }
    int64_t wrong = top ? bottoms : tops, right = top ? tops : bottoms;
    if (wrong >= 8 && wrong > 4 * right)
        find(j, first, last, "",
             top ? "top field first, as it says" : "bottom field first, as it says",
             top ? "the bottom field comes first" : "the top field comes first");
}

// ---- cadence

struct cadence {
    int64_t first, last; // frames of the pattern
    int phase, seen;
};

static void end_cadence(struct judging *j, struct cadence *c, const char *what, bool broken)
{
    if (c->seen >= 4 && !broken)
        find(j, c->first, c->last, "", "each frame of its own", "%s", what);
    *c = (struct cadence){-1, -1, -1, 0};
}

// Whether it has to do with pull-down: a picture, or a field, again every fifth time.
static void pull_down(struct judging *j, bool fields)
{
    struct cadence c = {-1, -1, -1, 0};
    const char *what = fields ? "2:3 pull-down in fields" : "2:3 pull-down by repeated frames";
    for (int64_t i = 1; i < j->frames; i++) {
        bool again = fields ? field_again(j, i) > 0 : repeats(j, i, 60) && !j->cut[i];
        if (c.seen && i - c.last > 15)
            end_cadence(j, &c, what, false);
        if (!again)
            continue;
        int phase = (int)(i % 5);
        if (!fields && c.seen && i - c.last < 4)
            c = (struct cadence){-1, -1, -1, 0}; // more often than that is no pull-down
        if (c.seen >= 4 && phase != c.phase && i - c.last < 10) {
            find(j, c.last + 1, i, "", "one cadence without breaks", "the %s changes its phase",
                 what);
            int64_t first = c.first;
            c = (struct cadence){first, i, phase, c.seen + 1};
            continue;
        }
        if (c.seen && phase != c.phase)
            c = (struct cadence){-1, -1, -1, 0};
        c.first = c.seen ? c.first : i;
        c.last = i, c.phase = phase, c.seen++;
    }
    end_cadence(j, &c, what, false);
}

void check_cadence(struct judging *j)
{
    pull_down(j, true);
    pull_down(j, false);
}

// ---- the rest

void check_pixels(struct judging *j)
{
    const json_t *list = json_object_get(j->m->summary, "pixels"), *p;
    size_t i;
    json_array_foreach(list, i, p)
    {
        find(j, 0, j->frames - 1, "", "none",
             "a dead or stuck pixel at %lld, %lld, in %lld of %lld pictures looked at",
             json_integer_value(json_object_get(p, "x")),
             json_integer_value(json_object_get(p, "y")),
             json_integer_value(json_object_get(p, "seen")),
             json_integer_value(json_object_get(p, "of")));
    }
}

static bool bars_near(const struct measure_frame *a, const struct measure_frame *b, double within)
{
    return llabs((long long)a->top - b->top) <= within &&
           llabs((long long)a->bottom - b->bottom) <= within &&
           llabs((long long)a->left - b->left) <= within &&
           llabs((long long)a->right - b->right) <= within;
}

// The shape of the picture that most frames have is the film's; runs of another one are told.
void check_letterbox(struct judging *j)
{
    double within = number(j, "pixels");
    int64_t least = frames_of_ms(j, "least_ms"), usual = -1, most = 0;
    for (int64_t i = 0; i < j->frames; i++) { // each run's first frame stands for it
        if (!(j->at[i].flags & MEASURE_BARS) || (i && (j->at[i - 1].flags & MEASURE_BARS) &&
                                                 bars_near(&j->at[i], &j->at[i - 1], within)))
            continue;
        int64_t count = 0;
        for (int64_t k = 0; k<j->frames; k += j->frames> 5000 ? j->frames / 2500 : 1)
            count += (j->at[k].flags & MEASURE_BARS) && bars_near(&j->at[k], &j->at[i], within);
        if (count > most)
            most = count, usual = i;
    }
    for (int64_t i = 0; usual >= 0 && i < j->frames; i++) {
        const struct measure_frame *f = &j->at[i], *u = &j->at[usual];
        if (!(f->flags & MEASURE_BARS) || bars_near(f, u, within))
            continue;
        int64_t end = i;
        while (end < j->frames && (j->at[end].flags & MEASURE_BARS) &&
               bars_near(&j->at[end], f, within))
            end++;
        if (end - i >= least)
            find(j, i, end - 1, "",
                 texted("bars of %u %u %u %u", u->top, u->bottom, u->left, u->right).text,
                 "black bars of %u lines above, %u below, %u columns left, %u right", f->top,
                 f->bottom, f->left, f->right);
        i = end - 1;
    }
}
