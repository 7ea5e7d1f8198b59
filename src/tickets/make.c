#include "tickets/make.h"
#include "formats/profile/profile.h"
#include "plat/files.h"
#include "tickets/run.h"
#include "time/rational.h"

#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 4, WORKERS_MOST = 256 };

// ---- tickets

static json_t *ticket_of(const json_t *all, const char *kind, const char *output)
{
    json_t *t = json_copy((json_t *)(uintptr_t)all);
    json_object_set_new(t, "kind", json_string(kind));
    json_object_del(t, "inputs");
    if (strcmp(kind, "mux") != 0) {
        json_object_del(t, "metadata");
        json_object_del(t, "captions");
    }
    if (output)
        json_object_set_new(t, "output", json_string(output));
    else
        json_object_del(t, "output");
    return t;
}

static json_t *without_segments(const json_t *plan)
{
    json_t *head = json_copy((json_t *)(uintptr_t)plan);
    json_object_del(head, "segments");
    return head;
}

json_t *make_index_ticket(const json_t *all)
{
    return ticket_of(all, "index", NULL);
}

static json_t *of_segment(const json_t *all, const char *kind, const json_t *plan, size_t number,
                          const char *output)
{
    json_t *t = ticket_of(all, kind, output);
    json_object_set_new(t, "plan", without_segments(plan));
    json_object_set_new(t, "segment",
                        json_copy(json_array_get(json_object_get(plan, "segments"), number)));
    return t;
}

json_t *make_weigh_ticket(const json_t *all, const json_t *plan, size_t number)
{
    return of_segment(all, "weigh", plan, number, NULL);
}

static double measured(const json_t *of, const char *name)
{
    return (double)json_integer_value(json_object_get(of, name));
}

// Bits of a segment at a constant rate factor: what came of the quick way, by as much as the way
// that it will be encoded was off on the first frames, which were tried at CRF 18, 26 and 34.
static double bits_at(const json_t *m, double crf)
{
    const json_t *first = json_object_get(m, "first");
    double quick = measured(m, "quick"), quick_first = measured(m, "quick_first");
    size_t low = crf < 26 ? 0 : 1;
    double a = (double)json_integer_value(json_array_get(first, low));
    double b = (double)json_integer_value(json_array_get(first, low + 1));
    if (quick_first <= 0 || a <= 0 || b <= 0) // nothing was learned: half as much every 6
        return quick * exp2((23 - crf) / 6);
    double slope = log2(a / b) / 8;
    return quick * a / quick_first * exp2((18 + 8 * (double)low - crf) * slope);
}

// Decibels of luma for a mean squared error of 8 bits.
static double decibels(double error, double samples)
{
    return error > 0 && samples > 0 ? 10 * log10(255.0 * 255 * samples / error) : 100;
}

// The error of a segment at a constant rate factor: as the first frames', which were tried, by as
// much as the quick way was better or worse on all of them.
static double error_at(const json_t *m, double crf)
{
    const json_t *e = json_object_get(m, "error"), *first = json_object_get(e, "first");
    double samples = measured(e, "samples"), few = measured(e, "first_samples"), db[3];
    for (size_t i = 0; i < 3; i++)
        db[i] = decibels((double)json_integer_value(json_array_get(first, i)), few);
    size_t low = crf < 26 ? 0 : 1;
    double along = (crf - 18 - 8 * (double)low) / 8;
    double is = db[low] + along * (db[low + 1] - db[low]) +
                decibels(measured(e, "quick"), samples) - decibels(measured(e, "quick_first"), few);
    return 255.0 * 255 * samples / pow(10, is / 10);
}

static bool too_much(const json_t *video, const json_t *measures, double crf, double bits)
{
    double sum = 0, error = 0, samples = 0,
           db = json_number_value(json_object_get(video, "psnr_db"));
    size_t i;
    const json_t *m;
    json_array_foreach(measures, i, m)
    {
        sum += bits_at(m, crf);
        error += db > 0 ? error_at(m, crf) : 0;
        samples += measured(json_object_get(m, "error"), "samples");
    }
    return db > 0 ? decibels(error, samples) > db : sum > bits;
}

// The one quality at which all segments come to the bit rate, or to the likeness, together: shots
// that need more get more, wherever they are cut. In hundredths.
static double quality(const json_t *profile, const json_t *plan, const json_t *measures)
{
    rational rate;
    struct error err;
    const json_t *video = json_object_get(profile, "video");
    double low = 0, high = 51, wanted;
    const char *text = json_string_value(json_object_get(plan, "rate"));
    if (!rational_parse(text_of(text), &rate, &err) || rate.num <= 0)
        return 23;
    wanted = measured(video, "bit_rate") * measured(plan, "frames") * (double)rate.den /
             (double)rate.num;
    for (int step = 0; step < 40; step++) {
        double crf = (low + high) / 2;
        if (too_much(video, measures, crf, wanted))
            low = crf;
        else
            high = crf;
    }
    return round(low * 100) / 100;
}

json_t *make_segment_ticket(const json_t *all, const json_t *plan, size_t number,
                            const json_t *measures, const char *output)
{
    json_t *t = of_segment(all, "segment", plan, number, output);
    char crf[16];
    if (json_array_size(measures)) {
        snprintf(crf, sizeof(crf), "%.2f",
                 quality(json_object_get(all, "profile"), plan, measures));
        json_object_set_new(json_object_get(t, "segment"), "crf", json_string(crf));
    }
    return t;
}

json_t *make_sound_ticket(const json_t *all, const char *output)
{
    return ticket_of(all, "sound", output);
}

json_t *make_captions_ticket(const json_t *all)
{
    return ticket_of(all, "captions", NULL);
}

json_t *make_mux_ticket(const json_t *all, const json_t *plan, const char *output)
{
    json_t *t = ticket_of(all, "mux", output);
    json_object_del(t, "sequence"); // its inputs are no pictures
    json_object_del(t, "span");
    json_object_del(t, "span_parts");
    if (plan)
        json_object_set_new(t, "plan", without_segments(plan));
    return t;
}

bool make_has_picture(const json_t *profile, const json_t *facts)
{
    return json_object_get(profile, "video") && json_array_size(json_object_get(facts, "video"));
}

bool make_has_sound(const json_t *profile, const json_t *facts)
{
    return json_object_get(profile, "audio") && json_array_size(json_object_get(facts, "audio"));
}

json_t *make_result(const json_t *mux, const json_t *plan, json_t *const *segments, size_t count,
                    const json_t *sound)
{
    json_t *to = json_copy((json_t *)(uintptr_t)mux), *damage = json_array();
    json_t *constant = json_object_get(plan, "constant");
    for (size_t i = 0; i < count; i++)
        json_array_extend(damage, json_object_get(segments[i], "damage"));
    json_object_set_new(to, "damage", damage);
    if (constant)
        json_object_set(to, "constant", constant);
    if (json_object_get(plan, "cadence"))
        json_object_set(to, "cadence", json_object_get(plan, "cadence"));
    if (!plan)
        json_object_set(to, "frames", json_object_get(sound, "samples"));
    if (json_object_get(sound, "tracks"))
        json_object_set(to, "tracks", json_object_get(sound, "tracks"));
    return to;
}

// When a file's sound begins, in samples from midnight, or null.
static json_t *begins(const json_t *facts)
{
    json_t *at = json_object_get(json_object_get(facts, "tags"), "time_reference");
    return at ? json_incref(at) : json_null();
}

void make_facts_add(json_t **all, json_t *one)
{
    if (!*all)
        json_object_set_new(*all = json_incref(one), "begins", json_array());
    else
        json_array_extend(json_object_get(*all, "audio"), json_object_get(one, "audio"));
    json_array_append_new(json_object_get(*all, "begins"), begins(one));
    json_decref(one);
}

// ---- making it

struct piece { // a segment, or the sound
    bool sound;
    char file[32];
    json_t *ticket, *result; // result NULL: not made yet
    int64_t done;            // frames, of a segment that is being made
    int64_t weight;          // how much work it may be: bytes of its source
};

struct making {
    const struct make_wish *wish;
    char folder[PATH_MAX]; // of the pieces
    json_t *plan;          // NULL: no picture
    json_t *measures;      // of all segments; NULL: they are not measured
    bool same;             // pieces of an earlier run are of this plan
    int64_t before;        // frames of the pass before
    struct piece *pieces;
    struct piece **order; // as they are taken
    size_t count, segments;
    int64_t total;
    pthread_mutex_t lock; // guards what follows, and done and result of pieces
    size_t next, last;    // the pieces before `last` are taken in turn
    bool failed;
    struct error *err;
};

struct running { // an engine
    struct making *m;
    struct piece *p; // NULL: none of them
};

static bool path_of(const struct making *m, const char *name, const char *ending,
                    char path[PATH_MAX], struct error *err)
{
    char whole[300];
    snprintf(whole, sizeof(whole), "%.255s%s", name, ending);
    return path_join(path, PATH_MAX, m->folder, whole) ||
           error_set(err, ERROR_INPUT, "the name of the folder %s is too long", m->wish->folder);
}

static bool tell(struct making *m)
{
    int64_t done = m->before;
    for (size_t i = 0; i < m->count; i++)
        done += m->pieces[i].done;
    return !m->wish->heard ||
           m->wish->heard(m->wish->context, done < m->total ? done : m->total, m->total);
}

static bool heard(void *context, const json_t *line)
{
    struct running *r = context;
    struct making *m = r->m;
    const json_t *progress = json_object_get(line, "progress");
    const json_t *unit = json_object_get(progress, "unit");
    pthread_mutex_lock(&m->lock);
    if (r->p && !r->p->sound && json_is_string(unit))
        r->p->done = json_integer_value(json_object_get(progress, "done"));
    bool on = !m->failed && (!m->count || tell(m));
    pthread_mutex_unlock(&m->lock);
    return on;
}

static bool run_once(struct making *m, struct piece *p, json_t *ticket, const char *const *paths,
                     size_t count, json_t **result, struct error *err)
{
    struct running r = {.m = m, .p = p};
    struct buf said = BUF_LIMIT(64 << 10);
    struct engine_wish wish = {.ticket = ticket,
                               .engine = m->wish->engine,
                               .sandbox = m->wish->sandbox,
                               .output_folder = p ? m->folder : m->wish->folder,
                               .heard = heard,
                               .context = &r,
                               .log = &said};
    bool done = engine_run_files(&wish, paths, count, result, err);
    pthread_mutex_lock(&m->lock);
    if (said.size && m->wish->log)
        buf_add(m->wish->log, said.at, said.size);
    pthread_mutex_unlock(&m->lock);
    buf_free(&said);
    return done;
}

// What died with its engine is tried again; what an engine refuses it refuses again.
static bool run(struct making *m, struct piece *p, json_t *ticket, const char *const *paths,
                size_t count, json_t **result, struct error *err)
{
    bool done = false;
    for (int i = 0; i < TRIES && !done; i++) {
        done = run_once(m, p, ticket, paths, count, result, err);
        if (!done && err->kind != ERROR_CHILD)
            break;
    }
    json_decref(ticket);
    return done;
}

static bool keep_result(const struct making *m, const struct piece *p, struct error *err)
{
    char path[PATH_MAX];
    char *text = json_dumps(p->result, JSON_COMPACT);
    bool done = text && path_of(m, p->file, ".json", path, err) &&
                file_write(path, text, strlen(text), 0644, err);
    free(text);
    return done;
}

static bool make_piece(struct making *m, struct piece *p, struct error *err)
{
    json_t *result = NULL;
    if (!run(m, p, p->ticket, m->wish->paths, m->wish->count, &result, err)) {
        p->ticket = NULL;
        return false;
    }
    p->ticket = NULL;
    pthread_mutex_lock(&m->lock);
    p->result = result;
    p->done = p->sound ? 0 : json_integer_value(json_object_get(result, "frames"));
    pthread_mutex_unlock(&m->lock);
    return keep_result(m, p, err);
}

// With the lock, which it gives back meanwhile.
static void work_off(struct making *m, struct piece *p)
{
    struct error err;
    if (p->result)
        return;
    pthread_mutex_unlock(&m->lock);
    error_clear(&err);
    bool done = make_piece(m, p, &err);
    pthread_mutex_lock(&m->lock);
    if (!done && !m->failed) {
        m->failed = true;
        *m->err = err;
    }
}

static void *work(void *context)
{
    struct making *m = context;
    pthread_mutex_lock(&m->lock);
    while (!m->failed && m->next < m->last)
        work_off(m, m->order[m->next++]);
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

static void *work_beside(void *context)
{
    struct making *m = context;
    pthread_mutex_lock(&m->lock);
    work_off(m, &m->pieces[m->count - 1]);
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

static int heavier_first(const void *a, const void *b)
{
    const struct piece *x = *(struct piece *const *)a, *y = *(struct piece *const *)b;
    return x->weight != y->weight ? (x->weight < y->weight) - (x->weight > y->weight)
                                  : (x > y) - (x < y);
}

// What takes longest is begun first, so that no worker is left alone with it at the end. The sound,
// the last one, has its own place.
static void order_pieces(struct making *m)
{
    const json_t *rows = json_object_get(m->plan, "segments");
    m->order = calloc(m->count, sizeof(struct piece *));
    if (!m->order)
        abort();
    for (size_t i = 0; i < m->count; i++) {
        struct piece *p = m->order[i] = &m->pieces[i];
        const json_t *row = json_array_get(rows, i), *bytes = json_object_get(row, "bytes");
        p->weight =
            p->sound ? 0 : json_integer_value(bytes ? bytes : json_object_get(row, "count"));
    }
    size_t segments = m->count - (m->count && m->pieces[m->count - 1].sound);
    qsort(m->order, segments, sizeof(struct piece *), heavier_first);
}

static bool make_pieces(struct making *m, struct error *err)
{
    pthread_t threads[WORKERS_MOST], beside;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int wanted = m->wish->workers > 0 ? m->wish->workers : cores > 0 ? (int)cores : 1, count = 0;
    wanted = wanted < WORKERS_MOST ? wanted : WORKERS_MOST;
    m->err = err;
    order_pieces(m);
    // Of several workers none is to sit over the sound, all of it, when the others are done: it
    // goes on beside them.
    bool sound = wanted > 1 && m->count > 1 && m->pieces[m->count - 1].sound &&
                 pthread_create(&beside, NULL, work_beside, m) == 0;
    m->last = m->count - sound;
    // Each thread lives as long as its engines: they die with it.
    while (count < wanted && pthread_create(&threads[count], NULL, work, m) == 0)
        count++;
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    if (sound)
        pthread_join(beside, NULL);
    return count ? !m->failed : error_set(err, ERROR_IO, "cannot start a thread");
}

// ---- what an earlier run left

// What the pieces are pieces of.
static json_t *subject(const struct making *m)
{
    json_t *files = json_array();
    for (size_t i = 0; i < m->wish->count; i++) {
        struct stat s = {0};
        (void)!stat(m->wish->paths[i], &s);
        json_array_append_new(files, json_pack("{s:I, s:I, s:I}", "size", (json_int_t)s.st_size,
                                               "changed_s", (json_int_t)s.st_mtim.tv_sec,
                                               "changed_ns", (json_int_t)s.st_mtim.tv_nsec));
    }
    return json_pack("{s:o, s:O, s:O?}", "files", files, "profile",
                     json_object_get(m->wish->ticket, "profile"), "plan", m->plan);
}

static void take_up(struct making *m)
{
    for (size_t i = 0; m->same && i < m->count; i++) {
        struct piece *p = &m->pieces[i];
        struct buf text = BUF_LIMIT(16 << 20);
        char path[PATH_MAX];
        struct error none;
        if (path_of(m, p->file, ".json", path, &none) && file_read(path, &text, &none))
            p->result = json_loadb(text.at, text.size, 0, NULL);
        p->done = p->sound ? 0 : json_integer_value(json_object_get(p->result, "frames"));
        buf_free(&text);
    }
}

static bool go_on(struct making *m, struct error *err)
{
    char path[PATH_MAX];
    struct buf before = BUF_LIMIT(256 << 20);
    struct error none;
    json_t *now = subject(m);
    char *text = json_dumps(now, JSON_COMPACT | JSON_SORT_KEYS);
    bool done = text && path_of(m, "plan.json", "", path, err);
    m->same = done && file_read(path, &before, &none) && before.size == strlen(text) &&
              memcmp(before.at, text, before.size) == 0;
    if (!m->same)
        done = done && folder_remove(m->folder, err) && folder_make(m->folder, 0755, err) &&
               file_write(path, text, strlen(text), 0644, err);
    buf_free(&before);
    free(text);
    json_decref(now);
    return done;
}

// ---- all of it

static void forget_pieces(struct making *m)
{
    for (size_t i = 0; i < m->count; i++) {
        json_decref(m->pieces[i].ticket);
        json_decref(m->pieces[i].result);
    }
    free(m->pieces);
    free(m->order);
    m->pieces = NULL, m->order = NULL;
    m->count = m->next = 0;
}

// The first pass of two.
static bool make_measures(struct making *m, struct error *err)
{
    size_t count = json_array_size(json_object_get(m->plan, "segments"));
    if (!m->plan || !profile_measured(json_object_get(m->wish->ticket, "profile")))
        return true;
    m->total *= 2;
    m->pieces = calloc(count, sizeof(*m->pieces));
    if (!m->pieces)
        abort();
    for (; m->count < count; m->count++) {
        struct piece *p = &m->pieces[m->count];
        snprintf(p->file, sizeof(p->file), "weigh-%06zu", m->count + 1);
        p->ticket = make_weigh_ticket(m->wish->ticket, m->plan, m->count);
    }
    take_up(m);
    bool done = make_pieces(m, err);
    m->measures = json_array();
    for (size_t i = 0; done && i < count; i++)
        json_array_append(m->measures, m->pieces[i].result);
    m->before = m->total / 2;
    forget_pieces(m);
    return done;
}

static void list_pieces(struct making *m)
{
    const json_t *all = m->wish->ticket;
    bool sound = make_has_sound(json_object_get(all, "profile"), json_object_get(all, "facts"));
    m->segments = json_array_size(json_object_get(m->plan, "segments"));
    m->pieces = calloc(m->segments + 1, sizeof(*m->pieces));
    if (!m->pieces)
        abort();
    for (size_t i = 0; i < m->segments; i++) {
        struct piece *p = &m->pieces[m->count++];
        snprintf(p->file, sizeof(p->file), "segment-%06zu.packets", i + 1);
        p->ticket = make_segment_ticket(all, m->plan, i, m->measures, p->file);
    }
    if (!sound && m->segments)
        return;
    struct piece *p = &m->pieces[m->count++];
    p->sound = true;
    snprintf(p->file, sizeof(p->file), "sound.packets");
    p->ticket = make_sound_ticket(all, p->file);
}

static bool put_together(struct making *m, json_t **result, struct error *err)
{
    const char **paths = calloc(m->count, sizeof(*paths));
    char(*names)[PATH_MAX] = calloc(m->count, sizeof(*names));
    json_t *mux = NULL, **segments = calloc(m->count, sizeof(json_t *)), *captions = NULL;
    bool done = paths && names && segments &&
                (!m->plan || !m->wish->captions ||
                 m->wish->captions(m->wish->captions_context, m->plan, &captions, err));
    for (size_t i = 0; done && i < m->count; i++) {
        done = path_of(m, m->pieces[i].file, "", names[i], err);
        paths[i] = names[i];
        segments[i] = m->pieces[i].result;
    }
    json_t *ticket = make_mux_ticket(m->wish->ticket, m->plan, m->wish->output);
    if (captions)
        json_object_set_new(ticket, "captions", captions);
    if (done)
        done = run(m, NULL, ticket, paths, m->count, &mux, err);
    else
        json_decref(ticket);
    if (done)
        *result = make_result(mux, m->plan, segments, m->segments,
                              m->count > m->segments ? segments[m->segments] : NULL);
    json_decref(mux);
    free(segments);
    free(paths);
    free(names);
    return done;
}

bool make_file(const struct make_wish *wish, json_t **result, struct error *err)
{
    struct making m = {.wish = wish};
    json_t *index = NULL;
    bool done = path_join(m.folder, sizeof(m.folder), wish->folder, "pieces") ||
                error_set(err, ERROR_INPUT, "the name of the folder %s is too long", wish->folder);
    pthread_mutex_init(&m.lock, NULL);
    if (done && make_has_picture(json_object_get(wish->ticket, "profile"),
                                 json_object_get(wish->ticket, "facts"))) {
        done =
            run(&m, NULL, make_index_ticket(wish->ticket), wish->paths, wish->count, &index, err);
        m.plan = json_incref(json_object_get(index, "plan"));
        m.total = json_integer_value(json_object_get(m.plan, "frames"));
    }
    if (done && go_on(&m, err) && make_measures(&m, err)) {
        list_pieces(&m);
        take_up(&m);
        done = make_pieces(&m, err) && put_together(&m, result, err);
    } else {
        done = false;
    }
    forget_pieces(&m);
    json_decref(m.measures);
    json_decref(index);
    json_decref(m.plan);
    pthread_mutex_destroy(&m.lock);
    return done;
}
