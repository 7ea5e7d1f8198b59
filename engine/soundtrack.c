/*
 * All sound of a deliverable, encoded once from its first sample to its last: an encoder that
 * begins anew in the middle adds its run-up and clicks.
 *
 * Channels go where the routes say. When loudness is asked, or the codec carries it, all of it is
 * heard once before it is encoded; what came out of the encoder is measured again. Nothing changes
 * a level unless the profile's "apply" says so, and no limiter works without somebody's name.
 */
#include "engine/hear.h"
#include "engine/stretch.h"
#include "engine/tracks.h"
#include "plat/clock.h"
#include "sound/limit.h"
#include "sound/loudness.h"
#include "sound/mix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 65536, ROOM = PIECE + TURN_REACH + LIMIT_AHEAD };

struct group { // routes that are one programme
    size_t first, count;
    int channels;
    enum channel labels[LAYOUT_DISCRETE];
    struct levels_found before, after;
    struct levels *levels;
    struct sound_limit *limit;
    double gain_db;
    int dialnorm;
    struct sound_mix *mix;
    float *out[LAYOUT_DISCRETE], *limited[LAYOUT_DISCRETE];
};

struct track {
    struct order o;
    struct routes *routes;
    struct group groups[ROUTES_MOST];
    size_t group_count;
    struct encoded *encoded[ROUTES_MOST];
    struct hear *hear;
    struct stretch *stretch; // NULL: as it is heard
    bool wanted[ROUTES_MOST];
    struct { // inputs of the mixes
        int track, channel;
    } inputs[LAYOUT_DISCRETE * 4];
    int input_count;
    struct hear_length lengths[ROUTES_MOST];
    const json_t *loudness; // of the profile, or NULL
    bool dialogue, dolby;
    int rate, file, passes, pass;
    struct packets_writer *writer;
    int64_t said_us;
};

// ---- what goes where

static bool take_routes(struct track *x, struct error *err)
{
    size_t i;
    const json_t *row;
    x->routes = routes_make(x->o.profile, x->o.facts);
    if (x->routes->whole)
        return true;
    json_array_foreach(x->routes->seen, i, row)
    {
        if (strcmp(order_word(row, "state"), "no") != 0)
            continue;
        error_set(err, ERROR_INPUT, "%s has no %s", x->o.t->inputs[0].name,
                  order_word(row, "what"));
        error_why(err, "wanted %s, seen %s", order_word(row, "wanted"), order_word(row, "seen"));
        return error_fix(err, "%s", order_word(row, "fix"));
    }
    return false;
}

static int input_of(struct track *x, int track, int channel, struct error *err)
{
    int i = 0;
    while (i < x->input_count && (x->inputs[i].track != track || x->inputs[i].channel != channel))
        i++;
    if (i == (int)(sizeof(x->inputs) / sizeof(x->inputs[0]))) {
        error_set(err, ERROR_TOO_BIG, "it has too many channels of sound");
        return -1;
    }
    x->inputs[i].track = track, x->inputs[i].channel = channel;
    x->input_count += i == x->input_count;
    x->wanted[track] = true;
    return i;
}

static bool open_group(struct track *x, struct group *g, struct error *err)
{
    struct mix_part parts[LAYOUT_DISCRETE][ROUTE_FROM];
    struct mix_output outputs[LAYOUT_DISCRETE];
    for (size_t r = g->first; r < g->first + g->count; r++)
        for (int c = 0; c < x->routes->at[r].channels && g->channels < LAYOUT_DISCRETE; c++) {
            const struct route *route = &x->routes->at[r];
            const struct route_channel *ch = &route->at[c];
            for (size_t k = 0; k < ch->count; k++) {
                const struct route_from *from = &ch->from[k];
                int input = input_of(x, from->track, from->channel, err);
                if (input < 0)
                    return false;
                parts[g->channels][k] = (struct mix_part){input, (float)from->gain, from->quarter};
            }
            outputs[g->channels] = (struct mix_output){parts[g->channels], (int)ch->count};
            g->labels[g->channels++] = route->split != CHANNEL_NO ? route->split : ch->label;
        }
    g->mix = sound_mix_open((int)(sizeof(x->inputs) / sizeof(x->inputs[0])), outputs, g->channels);
    return true;
}

static bool open_groups(struct track *x, struct error *err)
{
    const char *method = order_word(x->loudness, "method");
    x->dialogue = strcmp(method, "bs1770-1-dialogue") == 0;
    for (size_t r = 0; r < x->routes->count; r++) {
        const struct route *route = &x->routes->at[r];
        struct group *g = &x->groups[x->group_count];
        if (!r || route->group != x->routes->at[r - 1].group)
            g = &x->groups[x->group_count++], g->first = r;
        else
            g--;
        g->count++;
        const char *codec = *order_word(route->row, "codec") ? order_word(route->row, "codec")
                                                             : order_word(x->o.audio, "codec");
        x->dolby |= strcmp(codec, "ac3") == 0 || strcmp(codec, "eac3") == 0;
    }
    for (size_t i = 0; i < x->group_count; i++) {
        struct group *g = &x->groups[i];
        if (!open_group(x, g, err))
            return false;
        for (int c = 0; c < g->channels; c++) {
            g->out[c] = malloc(ROOM * sizeof(float));
            g->limited[c] = malloc(ROOM * sizeof(float));
            if (!g->out[c] || !g->limited[c])
                return error_set(err, ERROR_TOO_BIG, "no memory for sound");
        }
    }
    return true;
}

// ---- a pass over all of it

static void progress(struct track *x)
{
    int64_t now = clock_tick_us(), size = 0;
    if (now - x->said_us < 200000)
        return;
    x->said_us = now;
    for (size_t i = 0; i < x->o.t->input_count; i++)
        size += x->o.t->inputs[i].size;
    door_say(json_pack("{s:{s:I, s:I, s:s}}", "progress", "done",
                       (json_int_t)(hear_at(x->hear) + x->pass * size), "total",
                       (json_int_t)(size * x->passes), "unit", "bytes"));
}

typedef bool pass_sink(struct track *x, struct group *g, float *const *planes, int64_t count,
                       struct error *err);

static bool run_group(struct track *x, struct group *g, const float *const *in, int64_t count,
                      pass_sink *sink, struct error *err)
{
    float gain = (float)pow(10, g->gain_db / 20);
    float *const *planes = g->out;
    int64_t made = sound_mix_run(g->mix, in, count, g->out);
    for (int c = 0; c < g->channels && g->gain_db != 0; c++)
        for (int64_t i = 0; i < made; i++)
            g->out[c][i] *= gain;
    if (g->limit) {
        // The mix's last samples go before the limiter's.
        const float *at[LAYOUT_DISCRETE];
        for (int c = 0; c < g->channels; c++)
            at[c] = g->out[c];
        made = sound_limit_run(g->limit, at, made, g->limited);
        planes = g->limited;
        if (!in) {
            if (made && !sink(x, g, planes, made, err))
                return false;
            made = sound_limit_run(g->limit, NULL, 0, g->limited);
        }
    }
    return !made || sink(x, g, planes, made, err);
}

static bool run_groups(struct track *x, const float *const *in, int64_t count, pass_sink *sink,
                       struct error *err)
{
    bool done = true;
    for (size_t g = 0; done && g < x->group_count; g++)
        done = run_group(x, &x->groups[g], in, count, sink, err);
    return done;
}

// `in` NULL: that was all.
static bool run_stretched(struct track *x, const float *const *in, int64_t count, pass_sink *sink,
                          struct error *err)
{
    const float *const *planes;
    bool done = true;
    int64_t some;
    stretch_add(x->stretch, in, count);
    while (done && (some = stretch_take(x->stretch, &planes)) > 0)
        done = run_groups(x, planes, some, sink, err);
    return done && (in || run_groups(x, NULL, 0, sink, err));
}

static bool open_stretch(struct track *x, struct error *err)
{
    const struct order *o = &x->o;
    const rational rate = {x->rate, 1};
    stretch_close(x->stretch);
    x->stretch = NULL;
    return !o->keep_pitch || !x->input_count ||
           stretch_open(x->input_count, x->rate, rescale(o->total, o->rate, rate, ROUND_NEAREST),
                        rescale(o->total, o->shown, rate, ROUND_NEAREST), &x->stretch, err);
}

static bool run_pass(struct track *x, pass_sink *sink, struct error *err)
{
    const float *in[sizeof(x->inputs) / sizeof(x->inputs[0])] = {0};
    int64_t count = 1;
    bool done = hear_open(&x->o, x->wanted, x->rate, &x->hear, err) && open_stretch(x, err);
    while (done && count) {
        done = hear_next(x->hear, &count, err);
        for (int i = 0; i < x->input_count && count; i++)
            in[i] = hear_plane(x->hear, x->inputs[i].track, x->inputs[i].channel);
        const float *const *all = count ? in : NULL;
        done = done && (x->stretch ? run_stretched(x, all, count, sink, err)
                                   : run_groups(x, all, count, sink, err));
        if (done && count)
            hear_drop(x->hear, count);
        progress(x);
    }
    for (size_t i = 0; done && i < ROUTES_MOST; i++)
        if (x->wanted[i])
            x->lengths[i] = hear_length(x->hear, (int)i);
    hear_close(x->hear);
    x->hear = NULL;
    x->pass++;
    return done;
}

// ---- levels

static double number(const json_t *object, const char *name, double otherwise)
{
    const json_t *v = json_object_get(object, name);
    return v ? json_number_value(v) : otherwise;
}

static bool enough_dialogue(const struct track *x, const struct levels_found *f)
{
    return f->dialogue > LOUDNESS_NONE && f->speech * 100 >= number(x->loudness, "speech", 15);
}

// By the profile's method; LOUDNESS_NONE: it can not be said.
static double loudness_by_method(const struct track *x, const struct levels_found *f)
{
    if (!x->dialogue)
        return f->integrated;
    return enough_dialogue(x, f) ? f->dialogue : LOUDNESS_NONE;
}

static bool is_programme(const struct track *x, const struct group *g)
{
    const char *role = order_word(x->routes->at[g->first].row, "role");
    return !*role || strcmp(role, "main") == 0;
}

static bool no_level(struct track *x, const struct group *g, struct error *err)
{
    error_set(err, ERROR_INPUT, "the sound of %s can not be brought to its level",
              x->o.t->inputs[0].name);
    if (x->dialogue && g->before.integrated > LOUDNESS_NONE) {
        error_why(err, "there is too little dialogue in it: %.0f %% of at least %.0f",
                  g->before.speech * 100, number(x->loudness, "speech", 15));
        return error_fix(err, "have it mixed to level, or use a profile that measures all of it");
    }
    error_why(err, "it is silent");
    return error_fix(err, "look whether these are the right channels");
}

// As near to the target as the true peak allows without a limiter.
static bool gain_of(struct track *x, struct group *g, struct error *err)
{
    double target = number(x->loudness, "target", 0), within = number(x->loudness, "within", 0.5);
    double seen = loudness_by_method(x, &g->before), gain = target - seen;
    const json_t *peak = json_object_get(x->loudness, "true_peak");
    if (seen <= LOUDNESS_NONE)
        return no_level(x, g, err);
    double most = peak ? json_number_value(peak) - 0.05 - g->before.true_peak : 100;
    if (!json_object_get(x->loudness, "limiter") && gain > most)
        gain = most;
    if (seen + gain < target - within - 0.05) {
        error_set(err, ERROR_INPUT, "the sound of %s can not be brought to %g LUFS",
                  x->o.t->inputs[0].name, target);
        error_why(err, "it is at %.1f; raised that far, its true peaks of %.1f dBTP would pass %g",
                  seen, g->before.true_peak, json_number_value(peak));
        return error_fix(err, "have it mixed to level, or consent to a limiter: --limiter NAME");
    }
    g->gain_db = fabs(gain) < 0.05 ? 0 : gain;
    return true;
}

// Music and effects, descriptions and the like go with the programme that they belong to.
static void follow_programme(struct track *x)
{
    const struct group *main = NULL;
    for (size_t i = 0; !main && i < x->group_count; i++)
        main = is_programme(x, &x->groups[i]) ? &x->groups[i] : NULL;
    for (size_t i = 0; main && i < x->group_count; i++)
        if (!is_programme(x, &x->groups[i]))
            x->groups[i].gain_db = main->gain_db;
}

static bool applies(const struct track *x)
{
    return strcmp(order_word(x->loudness, "apply"), "gain") == 0;
}

static bool limits(const struct track *x)
{
    return json_object_get(x->loudness, "limiter") && json_object_get(x->loudness, "true_peak");
}

static int dialnorm_of(double lufs)
{
    long norm = lround(lufs);
    return lufs <= LOUDNESS_NONE ? -31 : (int)(norm < -31 ? -31 : norm > -1 ? -1 : norm);
}

static bool set_gains(struct track *x, struct error *err)
{
    for (size_t i = 0; applies(x) && i < x->group_count; i++)
        if (is_programme(x, &x->groups[i]) && !gain_of(x, &x->groups[i], err))
            return false;
    if (applies(x))
        follow_programme(x);
    for (size_t i = 0; i < x->group_count; i++) {
        struct group *g = &x->groups[i];
        double seen = loudness_by_method(x, &g->before);
        seen = seen > LOUDNESS_NONE ? seen : g->before.integrated;
        g->dialnorm = dialnorm_of(seen > LOUDNESS_NONE ? seen + g->gain_db : seen);
    }
    return true;
}

static bool measure_group(struct track *x, struct group *g, float *const *planes, int64_t count,
                          struct error *err)
{
    (void)x, (void)err;
    levels_add(g->levels, (const float *const *)planes, count);
    return true;
}

// What holds samples begins anew with each pass: a mix that turns, a limiter, a meter.
static bool begin_again(struct track *x, struct error *err)
{
    for (size_t i = 0; i < x->group_count; i++) {
        struct group *g = &x->groups[i];
        sound_mix_close(g->mix);
        sound_limit_close(g->limit);
        levels_close(g->levels);
        g->mix = NULL, g->limit = NULL, g->levels = NULL;
        g->channels = 0;
        if (!open_group(x, g, err))
            return false;
        g->levels = levels_open(g->channels, g->labels, x->rate, x->dialogue);
        if (limits(x))
            g->limit = sound_limit_open(
                g->channels, x->rate,
                json_number_value(json_object_get(x->loudness, "true_peak")) - 0.1, 150);
    }
    return true;
}

// A limiter takes loudness away with the peaks: what is missing is added, and heard again.
static bool settle(struct track *x, struct error *err)
{
    enum { ROUNDS = 3 };
    double target = number(x->loudness, "target", 0);
    bool again = limits(x) && applies(x);
    for (int round = 0; again && round < ROUNDS; round++) {
        x->passes++;
        if (!begin_again(x, err) || !run_pass(x, measure_group, err))
            return false;
        again = false;
        for (size_t i = 0; i < x->group_count; i++) {
            struct group *g = &x->groups[i];
            struct levels_found found = levels_end(g->levels);
            double seen = loudness_by_method(x, &found);
            if (!is_programme(x, g) || seen <= LOUDNESS_NONE)
                continue;
            g->dialnorm = dialnorm_of(seen);
            if (fabs(target - seen) <= 0.1)
                continue;
            g->gain_db += target - seen;
            g->dialnorm = dialnorm_of(target);
            again = true;
        }
        follow_programme(x);
    }
    return true;
}

static bool measure_all(struct track *x, struct error *err)
{
    if (!x->loudness && !x->dolby)
        return true;
    for (size_t i = 0; i < x->group_count; i++)
        x->groups[i].levels =
            levels_open(x->groups[i].channels, x->groups[i].labels, x->rate, x->dialogue);
    if (!run_pass(x, measure_group, err))
        return false;
    for (size_t i = 0; i < x->group_count; i++)
        x->groups[i].before = levels_end(x->groups[i].levels);
    return set_gains(x, err) && settle(x, err) && begin_again(x, err);
}

// ---- encoding

static bool write_packet(void *context, int number, const AVPacket *p, struct error *err)
{
    struct track *x = context;
    return packets_add(x->writer,
                       &(struct packets_row){.stream = (uint16_t)number,
                                             .key = p->flags & AV_PKT_FLAG_KEY,
                                             .pts = p->pts,
                                             .dts = p->dts,
                                             .duration = p->duration,
                                             .at = p->data,
                                             .size = (size_t)p->size},
                       err);
}

// A mix, a gain or a master of more than 16 bits leaves nothing whole at 16.
static bool is_exact16(const struct track *x, const struct group *g, const struct route *r)
{
    const json_t *facts = json_object_get(x->o.facts, "audio");
    bool exact = g->gain_db == 0 && !g->limit && x->o.speed.num == x->o.speed.den;
    for (int c = 0; c < r->channels; c++)
        for (size_t k = 0; k < r->at[c].count; k++) {
            const json_t *fact = json_array_get(facts, (size_t)r->at[c].from[k].track);
            int bits = order_number(fact, "bits", 0);
            exact = exact && r->at[c].count == 1 && r->at[c].from[k].gain == 1 && bits > 0 &&
                    bits <= 16 && order_number(fact, "sample_rate", 0) == x->rate;
        }
    return exact;
}

static bool open_encoders(struct track *x, struct error *err)
{
    bool done = true;
    for (size_t i = 0; i < x->group_count; i++) {
        const struct group *g = &x->groups[i];
        for (size_t r = g->first; done && r < g->first + g->count; r++)
            done =
                encoded_open(&(struct encoded_wish){.o = &x->o,
                                                    .route = &x->routes->at[r],
                                                    .number = (int)r,
                                                    .rate = x->rate,
                                                    .exact16 = is_exact16(x, g, &x->routes->at[r]),
                                                    .dialnorm = g->dialnorm,
                                                    .measured = g->levels != NULL,
                                                    .sink = write_packet,
                                                    .context = x},
                             &x->encoded[r], err);
    }
    return done;
}

// "5.1-eng", "5.1.Ls-eng", "stereo-fra-music-and-effects": what a file of its own is called; the
// same name once more gets a number.
static json_t *stem_of(const struct route *r, const json_t *before)
{
    const char *layout = *order_word(r->row, "layout") ? order_word(r->row, "layout")
                         : r->layout                   ? r->layout->name
                                                       : "sound";
    const char *role = order_word(r->row, "role");
    bool split = r->split != CHANNEL_NO, speaks = r->language != NULL;
    char name[120], numbered[130];
    role = strcmp(role, "main") == 0 ? "" : role;
    snprintf(name, sizeof(name), "%.20s%s%s%s%.16s%s%.30s", layout, split ? "." : "",
             split ? channel_row(r->split)->label : "", speaks ? "-" : "",
             speaks ? r->language : "", *role ? "-" : "", role);
    for (char *c = name; *c; c++) // a master's language is what its file says
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", *c))
            *c = '-';
    snprintf(numbered, sizeof(numbered), "%s", name);
    for (int number = 2, found = 1; found; number++) {
        size_t i;
        const json_t *one;
        found = 0;
        json_array_foreach(before, i, one) found |= strcmp(order_word(one, "stem"), numbered) == 0;
        if (found)
            snprintf(numbered, sizeof(numbered), "%s-%d", name, number);
    }
    return json_string(numbered);
}

static bool open_writer(struct track *x, struct error *err)
{
    json_t *streams = json_array();
    for (size_t i = 0; i < x->routes->count; i++) {
        const struct route *r = &x->routes->at[i];
        json_t *stream = stream_describe(encoded_coder(x->encoded[i]), NULL, r->language);
        json_object_set_new(stream, "title",
                            json_string(r->title ? r->title
                                        : r->row ? route_name(r).text
                                                 : ""));
        json_object_set_new(stream, "role", json_string(order_word(r->row, "role")));
        json_object_set_new(stream, "stem", stem_of(r, streams));
        json_array_append_new(streams, stream);
    }
    json_t *head = json_pack("{s:o}", "streams", streams);
    bool done =
        output_open(x->o.t->output, &x->file, err) && packets_begin(x->file, head, &x->writer, err);
    json_decref(head);
    return done;
}

// What the decoders give back, as far as all tracks of the group have it.
static bool measure_again(struct track *x, struct group *g, struct error *err)
{
    const float *planes[LAYOUT_DISCRETE];
    int64_t count = 0;
    int at = 0;
    (void)err;
    if (!g->levels)
        return true;
    // Tracks of a group have one codec, and so give back equally much.
    for (size_t r = g->first; r < g->first + g->count; r++) {
        count = encoded_again(x->encoded[r], planes + at);
        at += x->routes->at[r].channels;
    }
    levels_add(g->levels, planes, count);
    return true;
}

static bool encode_group(struct track *x, struct group *g, float *const *planes, int64_t count,
                         struct error *err)
{
    int at = 0;
    bool done = true;
    for (size_t r = g->first; done && r < g->first + g->count; r++) {
        done = encoded_add(x->encoded[r], (const float *const *)planes + at, count, err);
        at += x->routes->at[r].channels;
    }
    return done && measure_again(x, g, err);
}

static bool encode_all(struct track *x, struct error *err)
{
    bool done = run_pass(x, encode_group, err);
    for (size_t i = 0; done && i < x->group_count; i++) {
        struct group *g = &x->groups[i];
        for (size_t r = g->first; done && r < g->first + g->count; r++)
            done = encoded_end(x->encoded[r], err);
        if (done && g->levels) {
            done = measure_again(x, g, err);
            g->after = levels_end(g->levels);
        }
    }
    return done;
}

// ---- the report

static json_t *loudness_report(const struct track *x, const struct group *g)
{
    json_t *to = json_object();
    const json_t *limiter = json_object_get(x->loudness, "limiter");
    json_object_set_new(to, "before", levels_json(&g->before, x->dialogue));
    json_object_set_new(to, "after", levels_json(&g->after, x->dialogue));
    json_object_set_new(to, "method",
                        json_string(x->loudness ? order_word(x->loudness, "method") : "bs1770-5"));
    json_object_set_new(to, "gain_db", json_real(round(g->gain_db * 100) / 100));
    if (x->dialogue) {
        json_object_set_new(to, "approximate", json_true());
        json_object_set_new(to, "too_little_dialogue",
                            json_boolean(!enough_dialogue(x, &g->after)));
    }
    if (g->limit)
        json_object_set_new(to, "limiter",
                            json_pack("{s:O, s:O, s:f, s:I}", "by", json_object_get(limiter, "by"),
                                      "when", json_object_get(limiter, "when"), "most_db",
                                      round(sound_limit_most_db(g->limit) * 10) / 10, "samples",
                                      (json_int_t)sound_limit_samples(g->limit)));
    return to;
}

// The longest silence at the end and the most that was cut, of the tracks that it is made of.
static struct hear_length length_of(const struct track *x, const struct group *g)
{
    struct hear_length most = {0};
    for (size_t r = g->first; r < g->first + g->count; r++)
        for (int c = 0; c < x->routes->at[r].channels; c++)
            for (size_t k = 0; k < x->routes->at[r].at[c].count; k++) {
                struct hear_length one = x->lengths[x->routes->at[r].at[c].from[k].track];
                most.filled = one.filled > most.filled ? one.filled : most.filled;
                most.cut = one.cut > most.cut ? one.cut : most.cut;
            }
    return most;
}

static json_t *group_report(const struct track *x, const struct group *g)
{
    const struct route *r = &x->routes->at[g->first];
    struct hear_length length = length_of(x, g);
    const AVCodecContext *coder = encoded_coder(x->encoded[g->first]);
    int64_t clipped = 0;
    for (size_t i = g->first; i < g->first + g->count; i++)
        clipped += encoded_clipped(x->encoded[i]);
    json_t *to = json_pack(
        "{s:I, s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "first", (json_int_t)g->first, "tracks",
        (json_int_t)g->count, "name",
        *order_word(r->row, "layout") ? order_word(r->row, "layout") : route_name(r).text, "how",
        r->how, "codec", avcodec_get_name(coder->codec_id), "samples",
        (json_int_t)encoded_samples(x->encoded[g->first]), "filled", (json_int_t)length.filled,
        "cut", (json_int_t)length.cut, "clipped", (json_int_t)clipped);
    json_object_set_new(to, "rate", json_integer(x->rate));
    if (x->o.speed.num != x->o.speed.den)
        json_object_set_new(to, "speed",
                            json_pack("{s:s, s:s}", "ratio", rational_text(x->o.speed).text,
                                      "pitch", x->o.keep_pitch ? "kept" : "follows"));
    if (coder->codec_id == AV_CODEC_ID_AC3 || coder->codec_id == AV_CODEC_ID_EAC3)
        json_object_set_new(to, "dialnorm", json_integer(g->dialnorm));
    if (*order_word(r->row, "role"))
        json_object_set_new(to, "role", json_string(order_word(r->row, "role")));
    if (g->levels)
        json_object_set_new(to, "loudness", loudness_report(x, g));
    return to;
}

static json_t *report(const struct track *x)
{
    json_t *list = json_array();
    for (size_t i = 0; i < x->group_count; i++)
        json_array_append_new(list, group_report(x, &x->groups[i]));
    return list;
}

static void close_all(struct track *x)
{
    hear_close(x->hear);
    stretch_close(x->stretch);
    for (size_t i = 0; i < ROUTES_MOST; i++)
        encoded_close(x->encoded[i]);
    for (size_t i = 0; i < x->group_count; i++) {
        struct group *g = &x->groups[i];
        levels_close(g->levels);
        sound_limit_close(g->limit);
        sound_mix_close(g->mix);
        for (int c = 0; c < LAYOUT_DISCRETE; c++) {
            free(g->out[c]);
            free(g->limited[c]);
        }
    }
    packets_writer_close(x->writer);
    routes_close(x->routes);
    if (x->file >= 0)
        close(x->file);
    order_close(&x->o);
}

bool soundtrack(const struct ticket *t, json_t **result, struct error *err)
{
    struct track *x = calloc(1, sizeof(*x));
    int64_t size = 0;
    if (!x)
        return error_set(err, ERROR_TOO_BIG, "no memory for sound");
    x->file = -1;
    bool done = order_open(t, &x->o, err);
    x->loudness = json_object_get(t->profile, "loudness");
    x->rate = order_number(x->o.audio, "rate", 48000);
    done = done && take_routes(x, err) && open_groups(x, err);
    x->passes = x->loudness || x->dolby ? 2 : 1;
    done = done && measure_all(x, err) && open_encoders(x, err) && open_writer(x, err) &&
           encode_all(x, err) && packets_finish(x->writer, 0, &size, err);
    if (done)
        *result = json_pack("{s:{s:s, s:I}, s:I, s:o}", "output", "name", t->output, "size",
                            (json_int_t)size, "samples",
                            x->routes->count ? (json_int_t)encoded_samples(x->encoded[0]) : 0,
                            "tracks", report(x));
    close_all(x);
    free(x);
    return done;
}
