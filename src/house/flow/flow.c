// The table, and the thread's walk along the event log.
#include "house/assets/originals.h"
#include "house/captions/captions.h"
#include "house/deliver/deliver.h"
#include "house/deliver/looks.h"
#include "house/deliver/sending.h"
#include "house/deliver/watch.h"
#include "house/fields/fields.h"
#include "house/flow/burnt.h"
#include "house/flow/inside.h"
#include "house/qc/reports.h"
#include "house/review/review.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "store/store.h"
#include "tickets/run.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 200, TRIES = 5, KEEP_EVERY = 1000 };

// ---- what rules look at

struct news {
    struct flow *f;
    struct db_tx *tx;
    const struct db_event *event;
    struct arena *a;
    json_t *body;
    int64_t now_ms;
};

static const char *said(const struct news *n, const char *field)
{
    const char *value = json_string_value(json_object_get(n->body, field));
    return value ? value : "";
}

static bool job_is(const struct news *n, const char *kinds, const char *states)
{
    const char *kind = said(n, "kind"), *state = said(n, "state");
    return *kind && *state && strstr(kinds, kind) && strstr(states, state);
}

static bool always(const struct news *n)
{
    (void)n;
    return true;
}

static bool making_failed(const struct news *n)
{
    return job_is(n, "probe proxy", "failed cancelled");
}

static bool making_waits(const struct news *n)
{
    return job_is(n, "probe proxy", "waiting");
}

static bool making_runs(const struct news *n)
{
    return job_is(n, "probe proxy", "running");
}

static bool qc_moves(const struct news *n)
{
    return job_is(n, "qc", "waiting running failed cancelled");
}

static bool delivery_moves(const struct news *n)
{
    return job_is(n, "encode", "waiting running failed cancelled");
}

static bool look_moves(const struct news *n)
{
    return job_is(n, "look", "waiting running failed cancelled");
}

static bool burnt_moves(const struct news *n)
{
    return job_is(n, "burn", "waiting running failed cancelled");
}

static bool prints_end(const struct news *n)
{
    return job_is(n, "prints", "done failed cancelled");
}

static bool sending_moves(const struct news *n)
{
    return job_is(n, "send", "waiting running failed cancelled");
}

// ---- what they do

static bool version_of(struct news *n, const char *id, struct version_source *v, bool *there,
                       struct error *err)
{
    *there = version_source(n->tx, id, n->a, v, err);
    return *there || err->kind == ERROR_NOT_FOUND;
}

static bool queue(struct news *n, const struct version_source *v, const char *kind,
                  const char *title, const char *state, int priority,
                  const struct transform_wanted *through, struct error *err)
{
    id job;
    json_t *ticket = through ? ticket_through(through) : NULL;
    struct job_wish wish = {.project = v->project,
                            .kind = kind,
                            .title = arena_format(n->a, title, v->name),
                            .by = "Posthouse",
                            .asset = v->asset,
                            .version = v->id,
                            .subject = through ? subject_through(n->a, through) : NULL,
                            .ticket = ticket,
                            .cause = arena_format(n->a, "%s %s", kind, v->id),
                            .priority = priority,
                            .reads_bytes = v->size};
    bool ok = job_make(n->tx, &wish, n->now_ms, &job, err) &&
              version_job_set(n->tx, v->id, job.text, err) &&
              version_state_set(n->tx, v->id, state, NULL, err);
    json_decref(ticket);
    return ok;
}

static bool take_over(struct news *n, const struct version_source *v, bool *found,
                      struct error *err)
{
    struct transform_wanted w;
    *found = false;
    if (!transform_for(n->tx, v->asset, n->a, &w, err))
        return false;
    const char *lent = recipe_through(n->a, recipe_at(n->a, v->sequence_rate), &w);
    if (v->file_count > 1 && !derived_use(n->tx, v->id, lent, found, err))
        return false;
    return (*found || derived_use(n->tx, v->id, recipe_through(n->a, RECIPE, &w), found, err)) &&
           (!*found || version_state_set(n->tx, v->id, "ready", NULL, err));
}

// Captions are read by our own readers, here: they are small.
static bool look_at_captions(struct news *n, const struct version_source *v, struct error *err)
{
    struct asset_file file;
    json_t *facts = NULL;
    bool ok = version_file(n->tx, v->id, 1, n->a, &file, err) &&
              captions_look(n->f->store, v, &file, &facts, err) &&
              version_facts_set(n->tx, v->id, facts, err) &&
              version_state_set(n->tx, v->id, "ready", NULL, err);
    json_decref(facts);
    return ok;
}

// Documents are as ready as they will be; what was made from the same bytes before is taken over;
// everything else is looked at, before any proxies are made of other things.
static bool look_at_it(struct news *n, struct error *err)
{
    struct version_source v;
    bool there, found;
    if (!version_of(n, n->event->subject, &v, &there, err))
        return false;
    if (!there || strcmp(v.state, "stored") != 0)
        return true;
    if (strcmp(v.kind, "captions") == 0)
        return look_at_captions(n, &v, err);
    // What only a maker's helper knows may be of any name.
    if (strcmp(v.kind, "document") == 0 && !engine_helps(v.name))
        return version_state_set(n->tx, v.id, "ready", NULL, err);
    return take_over(n, &v, &found, err) &&
           (found || queue(n, &v, "probe", "Looking at %s", "probing", 60, NULL, err));
}

// A track of an MXF OP-Atom set says so in its header.
static bool find_set(struct news *n, struct error *err)
{
    struct version_source v;
    struct asset_file file;
    bool there;
    if (!version_of(n, n->event->subject, &v, &there, err))
        return false;
    if (!there || v.file_count != 1 || strcmp(v.kind, "clip") != 0 || !set_named(v.name))
        return true;
    return version_file(n->tx, v.id, 1, n->a, &file, err) &&
           set_found(n->tx, n->f->store, v.asset, &file, err);
}

static bool read_sidecar(struct news *n, struct error *err)
{
    struct version_source v;
    struct asset_file file;
    bool there;
    if (!version_of(n, n->event->subject, &v, &there, err))
        return false;
    if (!there || v.file_count != 1 || strcmp(v.kind, "document") != 0)
        return true;
    return version_file(n->tx, v.id, 1, n->a, &file, err) &&
           sidecar_came(n->tx, n->f->store, v.project, &file, err);
}

static bool find_card(struct news *n, struct error *err)
{
    return card_came(n->f, n->tx, n->event->subject, err);
}

static bool find_original(struct news *n, struct error *err)
{
    return original_found(n->tx, n->event->subject, err);
}

static bool make_proxies(struct news *n, struct error *err)
{
    struct version_source v;
    struct transform_wanted w;
    bool there;
    if (!version_of(n, n->event->subject, &v, &there, err))
        return false;
    if (!there || strcmp(v.state, "probing") != 0)
        return true;
    // What only its maker's software decodes is as ready as it will be; a transcode shows it.
    if (strcmp(v.kind, "document") == 0 || original_without_picture(v.facts))
        return version_state_set(n->tx, v.id, "ready", NULL, err);
    return transform_for(n->tx, v.asset, n->a, &w, err) &&
           queue(n, &v, "proxy", "Proxies of %s", "proxying", 50, &w, err);
}

static bool look_through(struct news *n, struct error *err)
{
    return follow_transform(n->tx, n->event->project ? n->event->project : "", said(n, "kind"),
                            n->event->subject, said(n, "after"), n->a, n->now_ms, err);
}

// What lies in another folder is looked at through what is set there.
static bool look_again(struct news *n, struct error *err)
{
    const char *kind = strcmp(n->event->kind, "folder.moved") == 0 ? "folder" : "asset";
    const char *project = n->event->project ? n->event->project : "";
    int64_t set;
    return db_one_int(n->tx, &set, 0, err,
                      "select count(*) from transform_places where project = ?1", "s", project) &&
           (!set ||
            follow_transform(n->tx, project, kind, n->event->subject, "", n->a, n->now_ms, err));
}

// Names that promise nothing, such as the many small files of a camera card, are documents when
// nobody can read them as media.
static bool promises_media(const char *name)
{
    static const char endings[] =
        " mov mp4 m4v mxf mkv webm avi ts m2ts mts mpg mpeg m2v 3gp dv vob wmv flv ogv mxv r3d "
        "braw "
        "ari arx crm cine y4m wav bwf rf64 w64 flac mp3 aac m4a aif aiff caf ogg opus ac3 eac3 ec3 "
        "wma exr dpx cin tif tiff png jpg jpeg jp2 j2k tga bmp gif webp heic psd ";
    const char *dot = strrchr(name, '.');
    char word[16];
    if (!dot || !dot[1] || strlen(dot) > 8)
        return false;
    snprintf(word, sizeof(word), " %s ", dot + 1);
    for (char *c = word; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    return strstr(endings, word) != NULL;
}

static bool give_up(struct news *n, struct error *err)
{
    struct version_source v;
    bool there;
    json_t *problem = json_object_get(n->body, "problem");
    const char *kind = json_string_value(json_object_get(problem, "kind"));
    if (!version_of(n, said(n, "version"), &v, &there, err))
        return false;
    if (!there || strcmp(v.state, "ready") == 0 || strcmp(v.state, "failed") == 0)
        return true;
    if (!derived_end(n->tx, v.id, err))
        return false;
    if (job_is(n, "probe", "failed") && kind && !promises_media(v.name) &&
        (strcmp(kind, "unsupported") == 0 || strcmp(kind, "damaged") == 0))
        return version_state_set(n->tx, v.id, "ready", NULL, err);
    struct error why;
    error_set(&why, ERROR_CANCELLED, "%s was cancelled", said(n, "title"));
    error_fix(&why, "try the job again");
    char *text = json_is_object(problem) ? json_dumps(problem, JSON_COMPACT) : problem_text(&why);
    bool ok = version_state_set(n->tx, v.id, "failed", text, err);
    free(text);
    return ok;
}

// Asked for again after it had failed, or its attempt was lost: what grew is nothing any more.
static bool begin_again(struct news *n, struct error *err)
{
    struct version_source v;
    bool there, probe = strcmp(said(n, "kind"), "probe") == 0;
    if (!version_of(n, said(n, "version"), &v, &there, err))
        return false;
    if (!there || strcmp(v.state, "ready") == 0)
        return true;
    return derived_end(n->tx, v.id, err) &&
           (strcmp(v.state, "failed") != 0 ||
            version_state_set(n->tx, v.id, probe ? "probing" : "proxying", NULL, err));
}

// One that is given to a worker at once was never heard to wait.
static bool go_on_again(struct news *n, struct error *err)
{
    struct version_source v;
    bool there;
    return version_of(n, said(n, "version"), &v, &there, err) &&
           (!there || strcmp(v.state, "failed") != 0 || begin_again(n, err));
}

typedef bool state_set(struct db_tx *tx, const char *subject, const char *state,
                       const char *problem, struct error *err);

static bool tell(struct news *n, state_set *set, struct error *err)
{
    const char *state = said(n, "state");
    json_t *problem = json_object_get(n->body, "problem");
    struct error why;
    error_set(&why, ERROR_CANCELLED, "%s was cancelled", said(n, "title"));
    error_fix(&why, "try the job again");
    char *text = json_is_object(problem) ? json_dumps(problem, JSON_COMPACT) : problem_text(&why);
    bool ended = strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
    bool ok = set(n->tx, n->event->subject, ended ? "failed" : state, ended ? text : NULL, err);
    free(text);
    return ok;
}

static bool tell_delivery(struct news *n, struct error *err)
{
    return tell(n, delivery_state_set, err);
}

static bool tell_qc(struct news *n, struct error *err)
{
    return tell(n, qc_state_set, err);
}

static bool tell_look(struct news *n, struct error *err)
{
    return tell(n, look_state_set, err);
}

// By its job: one set a viewer.
static bool tell_burnt(struct news *n, struct error *err)
{
    const char *state = said(n, "state");
    json_t *problem = json_object_get(n->body, "problem");
    char *text = json_is_object(problem) ? json_dumps(problem, JSON_COMPACT) : NULL;
    bool ended = strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0;
    bool ok = burnt_state_set(n->tx, n->event->subject, ended ? "failed" : state, text, err);
    free(text);
    return ok;
}

static bool tell_sending(struct news *n, struct error *err)
{
    return tell(n, sending_state_set, err);
}

static bool encode_done(const struct news *n)
{
    return job_is(n, "encode", "done");
}

static bool drop_pieces(struct news *n, struct error *err)
{
    return forget_pieces(n->tx, n->event->subject, 0, err);
}

static bool send_it(struct news *n, struct error *err)
{
    return strcmp(said(n, "state"), "done") != 0 ||
           sending_follow(n->tx, n->event->subject, n->now_ms, err);
}

static bool watch_it(struct news *n, struct error *err)
{
    return watch_follow(n->tx, n->f->profiles[0] ? n->f->profiles : NULL, said(n, "version"),
                        n->now_ms, err);
}

static bool report_done(const struct news *n)
{
    return strcmp(said(n, "state"), "done") == 0;
}

static bool captions_came(const struct news *n)
{
    return json_is_true(json_object_get(n->body, "captions"));
}

static bool file_said(struct news *n, struct error *err)
{
    return values_of_file(n->tx, said(n, "asset"), err);
}

// Notes go on to the frame that shows what they were written on.
static bool carry_notes(struct news *n, struct error *err)
{
    return prints_carry(n->f, n->tx, n->event->subject, n->a, n->now_ms, err);
}

static bool carry_on(struct news *n, struct error *err)
{
    return prints_ended(n->f, n->tx, said(n, "version"), n->a, n->now_ms, err);
}

static bool watch_on(struct news *n, struct error *err)
{
    return watch_checked(n->tx, n->f->profiles[0] ? n->f->profiles : NULL, said(n, "version"),
                         n->now_ms, err);
}

// ---- renders

static bool render_done(const struct news *n)
{
    return job_is(n, "render", "done");
}

static bool gather_it(struct news *n, struct error *err)
{
    return gather_ask_for(n->tx, n->event->subject, n->now_ms, err);
}

static bool deliver_it(struct news *n, struct error *err)
{
    return gather_deliver(n->f, n->tx, said(n, "version"), n->now_ms, err);
}

static bool delivery_ended(const struct news *n)
{
    return strcmp(said(n, "state"), "done") == 0 || strcmp(said(n, "state"), "failed") == 0;
}

static bool take_movie(struct news *n, struct error *err)
{
    return gather_delivered(n->tx, n->event->subject, n->body, n->now_ms, err);
}

// ---- the table

static const struct rule {
    const char *event;
    bool (*holds)(const struct news *n); // by what the event says alone
    bool (*act)(struct news *n, struct error *err);
} rules[] = {
    {"version.stored", always, find_set},
    {"version.stored", always, read_sidecar},
    {"transfer.closed", always, find_card},
    {"version.stored", always, look_at_it},
    {"version.probed", always, make_proxies},
    {"version.probed", always, find_original},
    {"version.probed", always, file_said},
    {"colour.changed", always, look_through},
    {"asset.moved", always, look_again},
    {"folder.moved", always, look_again},
    {"job.changed", making_failed, give_up},
    {"job.changed", making_waits, begin_again},
    {"job.changed", making_runs, go_on_again},
    {"job.changed", delivery_moves, tell_delivery},
    {"job.changed", qc_moves, tell_qc},
    {"job.changed", look_moves, tell_look},
    {"job.changed", burnt_moves, tell_burnt},
    {"job.changed", sending_moves, tell_sending},
    {"job.changed", encode_done, drop_pieces},
    {"job.changed", render_done, gather_it},
    {"version.ready", always, carry_notes},
    {"job.changed", prints_end, carry_on},
    {"version.ready", always, deliver_it},
    {"version.ready", always, watch_it},
    {"qc.changed", report_done, watch_on},
    {"asset.changed", captions_came, watch_on},
    {"delivery.changed", delivery_ended, take_movie},
    {"delivery.changed", delivery_ended, send_it},
};
enum { RULES = sizeof(rules) / sizeof(rules[0]) };

const char *flow_recipe(void)
{
    return RECIPE;
}

const char *recipe_at(struct arena *a, const char *sequence_rate)
{
    return arena_format(a, RECIPE "@%s", sequence_rate);
}

const char *recipe_of(struct arena *a, const json_t *facts)
{
    const char *from = json_string_value(json_object_get(facts, "rate_from"));
    const char *rate = json_string_value(json_object_get(facts, "rate"));
    bool lent = from && rate && strcmp(from, "project") == 0;
    return lent ? recipe_at(a, rate) : RECIPE;
}

// ---- following

struct following {
    struct flow *f;
    struct arena *a;
    struct db_event *events;
    size_t count, from, to; // those to follow now: [from, to)
    bool any;               // a rule looked at one
};

static bool load_in(struct db_tx *tx, void *context, struct error *err)
{
    struct following *w = context;
    return db_events_after(tx, w->f->at, BATCH, w->a, &w->events, &w->count, err);
}

static bool concerns(const struct db_event *e)
{
    for (size_t i = 0; i < RULES; i++)
        if (strcmp(rules[i].event, e->kind) == 0)
            return true;
    return false;
}

static bool keep(struct db_tx *tx, int64_t number, struct error *err)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)number);
    return db_value_set(tx, "flow.at", text, err);
}

static bool follow_in(struct db_tx *tx, void *context, struct error *err)
{
    struct following *w = context;
    struct arena *a = arena_open(256 << 20);
    bool ok = true;
    for (size_t i = w->from; ok && i < w->to; i++) {
        struct news n = {
            .f = w->f, .tx = tx, .event = &w->events[i], .a = a, .now_ms = clock_now_ms()};
        n.body = concerns(n.event) ? json_loads(n.event->body, 0, NULL) : NULL;
        for (size_t k = 0; ok && k < RULES; k++)
            if (strcmp(rules[k].event, n.event->kind) == 0 && rules[k].holds(&n))
                ok = rules[k].act(&n, err);
        json_decref(n.body);
    }
    arena_close(a);
    return ok && (w->to == w->from || keep(tx, w->events[w->to - 1].number, err));
}

// Most news is of no concern to any rule: they cost no transaction.
static bool idle(const struct following *w)
{
    struct arena *a = arena_open(16 << 20);
    bool any = false;
    for (size_t i = 0; i < w->count && !any; i++) {
        struct news n = {.event = &w->events[i], .a = a};
        if (!concerns(n.event))
            continue;
        n.body = json_loads(n.event->body, 0, NULL);
        for (size_t k = 0; k < RULES && !any; k++)
            any = strcmp(rules[k].event, n.event->kind) == 0 && rules[k].holds(&n);
        json_decref(n.body);
    }
    arena_close(a);
    return !any && w->events[w->count - 1].number - w->f->kept < KEEP_EVERY;
}

static bool follow(struct following *w, struct error *err)
{
    struct flow *f = w->f;
    if (!idle(w)) {
        // One by one once something would not go, so that only that one is left.
        w->to = f->tries ? 1 : w->count;
        if (!db_write(f->db, follow_in, w, err)) {
            if (++f->tries <= TRIES)
                return false;
            f->at = w->events[0].number;
            f->tries = 0;
            return error_while(err, "left what follows from %s of %s", w->events[0].kind,
                               w->events[0].subject);
        }
        f->tries = 0;
        f->kept = w->events[w->to - 1].number;
        f->at = f->kept;
        return true;
    }
    f->at = w->events[w->count - 1].number;
    return true;
}

bool flow_turn(struct flow *f, bool *more, struct error *err)
{
    struct arena *a = arena_open(256 << 20);
    struct following w = {.f = f, .a = a};
    bool ok = db_read(f->db, load_in, &w, err) && (!w.count || follow(&w, err));
    *more = w.count > 0;
    arena_close(a);
    return ok;
}

void flow_wait(struct flow *f, int timeout_ms)
{
    (void)db_event_wait(f->db, f->at, timeout_ms);
}

// ---- the whole

static bool where_in(struct db_tx *tx, void *context, struct error *err)
{
    struct flow *f = context;
    struct arena *a = arena_open(1 << 16);
    const char *value = NULL;
    bool ok = db_value_get(tx, "flow.at", a, &value, err);
    f->at = f->kept = ok && value ? strtoll(value, NULL, 10) : 0;
    arena_close(a);
    return ok;
}

bool flow_open(const struct flow_wish *wish, struct flow **flow, struct error *err)
{
    struct flow *f = calloc(1, sizeof(*f));
    if (!f)
        abort();
    f->db = wish->db;
    f->store = wish->store;
    f->jobs = wish->jobs;
    if (!text_copy(text_of(wish->scratch), f->scratch, sizeof(f->scratch)) ||
        !text_copy(text_of(wish->profiles), f->profiles, sizeof(f->profiles)) ||
        !text_copy(text_of(wish->gathered), f->gathered, sizeof(f->gathered)))
        error_set(err, ERROR_INPUT, "the name of a folder of the house is too long");
    else if (folder_make(wish->scratch, 0750, err) && db_read(f->db, where_in, f, err)) {
        *flow = f;
        return true;
    }
    flow_close(f);
    return false;
}

void flow_close(struct flow *f)
{
    free(f);
}
