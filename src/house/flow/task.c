// Work as it goes out to a worker, and what comes back.
#include "base/log.h"
#include "formats/profile/profile.h"
#include "house/captions/captions.h"
#include "house/deliver/deliver.h"
#include "house/deliver/looks.h"
#include "house/deliver/parts.h"
#include "house/deliver/record.h"
#include "house/flow/burnt.h"
#include "house/flow/colour.h"
#include "house/flow/frames.h"
#include "house/flow/inside.h"
#include "house/qc/reports.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "tickets/make.h"
#include "tickets/ticket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_AT_ONCE = 1000, OUTPUTS_MOST = 20000, GROWN_EVERY_S = 10 };
#define PIECES_REST_MS (7LL * 24 * 3600 * 1000)

// ---- going out

struct giving {
    struct flow *f;
    struct arena *a;
    const struct claim *claim;
    struct version_source v;
    json_t *files;                   // VersionFile[]
    struct delivery_part part;       // of a delivery; its profile NULL: none
    json_t *pieces;                  // of the part: what was made before; or NULL
    struct caption_source *captions; // that its muxer puts in
    size_t caption_count;
    json_t *found, *within; // captions in the master, and which of them; NULL: none are taken
    json_t *told;           // of a delivery: what people told of the master; or NULL
};

static bool is_part(const struct claim *c, const char *part)
{
    return strcmp(c->kind, "encode") == 0 && strcmp(c->part, part) == 0;
}

// Which track of a delivery it is about.
static bool find_part(struct giving *g, struct error *err)
{
    json_t *facts = g->v.facts ? json_loads(g->v.facts, 0, NULL) : NULL;
    delivery_part_close(&g->part);
    bool ok = strcmp(g->claim->kind, "encode") != 0 ||
              delivery_part_of(json_object_get(g->claim->ticket, "profile"), facts, g->claim->part,
                               g->claim->first, &g->part);
    json_decref(facts);
    if (ok)
        return true;
    error_set(err, ERROR_CONFLICT, "%s is not what it was when it was asked for", g->v.name);
    return error_fix(err, "ask for the delivery again");
}

// A deliverable that somebody wants to look at is read in its master's place.
static bool look_in(struct db_tx *tx, struct giving *g, struct error *err)
{
    struct look_source s;
    if (!look_source(tx, g->claim->job, g->a, &s, err))
        return false;
    delivery_part_close(&g->part); // of no track
    g->v = (struct version_source){.name = s.name, .facts = s.facts};
    json_decref(g->files);
    g->files = json_pack("[{s:s, s:I, s:s}]", "name", s.name, "size", (json_int_t)s.size, "content",
                         sha256_text(&s.content).text);
    return true;
}

// Nobody brought any: those that were found in the master.
static bool within_in(struct db_tx *tx, struct giving *g, struct error *err)
{
    json_t *facts = g->v.facts ? json_loads(g->v.facts, 0, NULL) : NULL;
    json_decref(g->found);
    json_decref(g->within);
    g->within = NULL;
    bool ok = delivery_within(tx, g->claim->job, &g->found, err);
    if (ok && g->found) {
        g->within = profile_within(facts);
        captions_within(g->found, g->within, g->v.name, g->a, &g->captions, &g->caption_count);
    }
    json_decref(facts);
    return ok;
}

static bool source_in(struct db_tx *tx, void *context, struct error *err)
{
    struct giving *g = context;
    if (strcmp(g->claim->kind, "look") == 0)
        return look_in(tx, g, err);
    if (!version_source(tx, g->claim->version ? g->claim->version : "", g->a, &g->v, err) ||
        !find_part(g, err))
        return false;
    json_decref(g->files);
    g->files = json_array();
    for (int64_t after = 0; after < g->v.file_count; after += FILES_AT_ONCE) {
        json_t *some;
        int64_t total;
        if (!version_files(tx, g->v.id, after, FILES_AT_ONCE, &some, &total, err))
            return false;
        json_array_extend(g->files, some);
        json_decref(some);
    }
    json_decref(g->pieces);
    g->pieces = NULL;
    bool mux = is_part(g->claim, "mux");
    json_decref(g->told);
    g->told = NULL;
    if (mux && !record_told_get(tx, g->v.asset, &g->told, err))
        return false;
    // Who asked for it said which; what a watch rule asked for takes those that there are.
    const json_t *said = json_object_get(g->claim->ticket, "caption_versions");
    if (mux &&
        !(said ? captions_thaw(tx, said, g->a, &g->captions, &g->caption_count, err)
               : captions_sources(tx, g->v.asset, g->a, &g->captions, &g->caption_count, err)))
        return false;
    if (mux && !g->caption_count && !within_in(tx, g, err))
        return false;
    return (!mux && !is_part(g->claim, "segment") && !is_part(g->claim, "weigh")) ||
           delivery_pieces(tx, g->claim->job, &g->part, mux, &g->pieces, err);
}

static json_t *runs_of(const struct store_map *map)
{
    json_t *runs = json_array();
    for (size_t i = 0; i < map->count; i++)
        json_array_append_new(runs, json_pack("{s:s, s:I, s:I}", "path", map->runs[i].path,
                                              "offset", (json_int_t)map->runs[i].offset, "length",
                                              (json_int_t)map->runs[i].length));
    return runs;
}

static bool add_inputs(struct giving *g, json_t *inputs, json_t *named, struct error *err)
{
    size_t i;
    json_t *file;
    json_t *files = is_part(g->claim, "mux") ? json_object_get(g->pieces, "files") : g->files;
    json_array_foreach(files, i, file)
    {
        const char *content = json_string_value(json_object_get(file, "content"));
        const char *name = json_string_value(json_object_get(file, "name"));
        const struct store_map *map;
        sha256 hash;
        if (!content || !name || !sha256_parse(text_of(content), &hash))
            return error_set(err, ERROR_INTERNAL, "a file of %s has no content", g->v.name);
        if (!store_map_open(g->f->store, &hash, &map, err))
            return error_while(err, "%s", name);
        const char *last = strrchr(name, '/');
        last = last ? last + 1 : name;
        json_array_append_new(inputs, json_pack("{s:s, s:I, s:s, s:o}", "name", last, "size",
                                                (json_int_t)map->size, "content", content, "runs",
                                                runs_of(map)));
        json_array_append_new(named,
                              json_pack("{s:s, s:I}", "name", last, "size", (json_int_t)map->size));
        store_map_close(g->f->store, map);
    }
    return true;
}

// The table of a viewing transform is the last input.
static bool add_transform(struct giving *g, json_t *all, json_t *inputs, json_t *named,
                          struct error *err)
{
    json_t *transform = json_object_get(all, "transform");
    const char *content = json_string_value(json_object_get(transform, "content"));
    const struct store_map *map;
    sha256 hash;
    if (!transform)
        return true;
    if (!content || !sha256_parse(text_of(content), &hash) ||
        !store_map_open(g->f->store, &hash, &map, err)) {
        error_set(err, ERROR_CONFLICT, "the viewing transform of %s is not there any more",
                  g->v.name);
        return error_fix(err, "set it again");
    }
    json_array_append_new(inputs, json_pack("{s:s, s:I, s:s, s:o}", "name", "look.phlu", "size",
                                            (json_int_t)map->size, "content", content, "runs",
                                            runs_of(map)));
    json_array_append_new(
        named, json_pack("{s:s, s:I}", "name", "look.phlu", "size", (json_int_t)map->size));
    store_map_close(g->f->store, map);
    return true;
}

// What the ticket says besides what the job was asked with.
static bool fill_ticket(struct giving *g, json_t *ticket, struct error *err)
{
    json_t *facts = g->v.facts ? json_loads(g->v.facts, 0, NULL) : NULL;
    json_t *known = g->v.known ? json_loads(g->v.known, 0, NULL) : NULL;
    json_t *sequence = json_object_get(known, "sequence");
    bool probe = strcmp(g->claim->kind, "probe") == 0;
    if (json_is_object(sequence)) {
        json_object_set(ticket, "sequence", sequence);
        json_object_set_new(ticket, "sequence_rate", json_string(g->v.sequence_rate));
    }
    json_t *kind = json_object_get(json_object_get(known, "span"), "kind");
    json_t *parts = json_object_get(json_object_get(known, "span"), "parts");
    if (json_is_string(kind))
        json_object_set(ticket, "span", kind);
    if (json_is_array(parts))
        json_object_set(ticket, "span_parts", parts);
    if (!probe && json_is_object(facts))
        json_object_set(ticket, "facts", facts);
    bool ok = probe || json_is_object(facts);
    if (!ok) {
        error_set(err, ERROR_CONFLICT, "%s has not been looked at", g->v.name);
        error_fix(err, "try its first job again");
    }
    json_decref(known);
    json_decref(facts);
    return ok;
}

// What is known of the master goes into the file. The delivery was refused when the profile
// required what is not known; nothing else of it is a reason to stop.
static void carry_metadata(const struct giving *g, json_t *all)
{
    char rules[PATH_MAX];
    struct error err;
    json_t *carried = NULL;
    if (!g->f->profiles[0] || !path_join(rules, sizeof(rules), g->f->profiles, "../rules/metadata"))
        return;
    if (record_carried(rules, json_object_get(all, "profile"), json_object_get(all, "facts"),
                       g->told, g->v.name, &carried, &err))
        json_object_set_new(all, "metadata", carried);
    else
        log_warn("delivery.metadata", "job=%s why=%s", g->claim->job, err.what);
}

static bool add_captions(struct giving *g, json_t *all, struct error *err)
{
    json_t *plan;
    json_object_del(all, "caption_versions");
    if (!g->caption_count || *g->part.name) // a ladder has them beside its rungs
        return true;
    struct arena *a = arena_open(CAPTIONS_ARENA_BYTES);
    bool ok = captions_plan(g->f->store, g->captions, g->caption_count,
                            json_object_get(all, "profile"), json_object_get(all, "facts"),
                            json_object_get(g->pieces, "plan"), a, &plan, err);
    if (ok && plan)
        json_object_set_new(all, "captions", plan);
    arena_close(a);
    return ok;
}

// A delivery's step asks an engine for what it is named after.
static json_t *step_ticket(const struct giving *g, json_t *all)
{
    const json_t *plan = json_object_get(g->pieces, "plan");
    const char *output = *g->part.name ? arena_format(g->a, "%s.mp4", g->part.name)
                                       : json_string_value(json_object_get(all, "output"));
    plan = json_is_object(plan) ? plan : NULL;
    if (g->part.profile)
        json_object_set(all, "profile", g->part.profile);
    if (is_part(g->claim, "index"))
        return make_index_ticket(all);
    if (is_part(g->claim, "segment"))
        return make_segment_ticket(all, plan, (size_t)g->part.number,
                                   json_object_get(g->pieces, "measures"), "segment.packets");
    if (is_part(g->claim, "weigh"))
        return make_weigh_ticket(all, plan, (size_t)g->part.number);
    if (is_part(g->claim, "captions"))
        return make_captions_ticket(all);
    if (is_part(g->claim, "sound"))
        return make_sound_ticket(all, "sound.packets");
    if (is_part(g->claim, "mux") && !*g->part.name)
        carry_metadata(g, all);
    return is_part(g->claim, "mux") ? make_mux_ticket(all, plan, output)
                                    : json_incref((json_t *)(uintptr_t)all);
}

// What reads something else than the version's files, a deliverable of it, has no parts.
static void drop_parts(json_t *ticket, const json_t *inputs)
{
    const json_t *one, *parts = json_object_get(ticket, "span_parts");
    size_t i, left = json_array_size(inputs) - (json_object_get(ticket, "transform") != NULL);
    json_array_foreach(parts, i, one)
        left -= (size_t)json_integer_value(one);
    if (left)
        json_object_del(ticket, "span_parts");
}

bool flow_task(struct flow *f, const struct claim *claim, json_t **task, struct error *err)
{
    char outputs[PATH_MAX];
    struct giving g = {.f = f, .claim = claim, .a = arena_open(256 << 20)};
    json_t *all = json_deep_copy(claim->ticket), *ticket = NULL;
    json_t *inputs = json_array(), *named = json_array();
    bool ok = path_join(outputs, sizeof(outputs), f->scratch, claim->attempt) ||
              error_set(err, ERROR_INPUT, "the scratch folder's name is too long");
    ok = ok && db_read(f->db, source_in, &g, err) && fill_ticket(&g, all, err) &&
         add_captions(&g, all, err) && add_inputs(&g, inputs, named, err) &&
         add_transform(&g, all, inputs, named, err) && folder_make(outputs, 0750, err);
    if (ok) {
        ticket = step_ticket(&g, all);
        json_object_set(ticket, "inputs", named);
        drop_parts(ticket, named);
    }
    if (ok)
        *task = json_pack("{s:s, s:I, s:s, s:s, s:i, s:O, s:O, s:s}", "attempt", claim->attempt,
                          "token", (json_int_t)claim->token, "job", claim->job, "title",
                          claim->title, "lease_ms", JOBS_LEASE_MS, "ticket", ticket, "inputs",
                          inputs, "outputs", outputs);
    ok = ok && (*task || error_set(err, ERROR_INTERNAL, "%s can not be written down for a worker",
                                   claim->title));
    json_decref(all);
    json_decref(ticket);
    json_decref(inputs);
    json_decref(named);
    json_decref(g.files);
    json_decref(g.pieces);
    json_decref(g.told);
    json_decref(g.found);
    json_decref(g.within);
    delivery_part_close(&g.part);
    arena_close(g.a);
    return ok;
}

// ---- coming back

struct taking {
    struct flow *f;
    struct arena *a;
    const json_t *result;
    struct derived_file *files;
    struct store_bytes **bytes;
    size_t count;
    bool used;      // the bytes are wanted
    json_t *report; // of quality control, or NULL
};

static bool bad_result(struct error *err, const char *why)
{
    error_set(err, ERROR_CHILD, "the result can not be used");
    return error_why(err, "%s", why);
}

// The worker's file stays where it is until all is committed: when the house dies in between, the
// worker says "done" again and it is all still there.
static bool adopt(struct taking *t, const char *attempt, const json_t *output, struct error *err)
{
    const char *name = json_string_value(json_object_get(output, "name"));
    const char *kind = json_string_value(json_object_get(output, "kind"));
    if (!name || !ticket_output_name(text_of(name)))
        return bad_result(err, "an output has no name");
    const char *path = arena_format(t->a, "%s/%s/%s", t->f->scratch, attempt, name);
    const char *second = arena_format(t->a, "%s/%s/.%s.kept", t->f->scratch, attempt, name);
    if (unlink(second) != 0 && errno != ENOENT)
        return error_errno(err, errno, "cannot take over %s", name);
    if (link(path, second) != 0) {
        if (errno == ENOENT)
            return bad_result(err, "a file that it names is not there");
        second = path; // a file system without links
    }
    struct store_bytes *b;
    if (!store_adopt(t->f->store, second, &b, err))
        return error_while(err, "taking over %s", name);
    // What was made on a worker without our disks came over a wire.
    const char *said = json_string_value(json_object_get(output, "content"));
    sha256 content;
    if (said && (!sha256_parse(text_of(said), &content) ||
                 !sha256_equal(&content, store_bytes_content(b, 0)))) {
        store_settle(t->f->store, b, false);
        return bad_result(err, "an output is not what its worker made");
    }
    t->bytes[t->count] = b;
    t->files[t->count++] = (struct derived_file){.kind = kind ? kind : "",
                                                 .name = name,
                                                 .content = *store_bytes_content(b, 0),
                                                 .size = store_bytes_size(b, 0)};
    return true;
}

static bool record_all(struct db_tx *tx, struct taking *t, struct error *err)
{
    for (size_t i = 0; i < t->count; i++)
        if (!store_record(tx, t->bytes[i], err))
            return false;
    return true;
}

static bool apply_probe(struct db_tx *tx, void *context, const struct ended *e, struct error *err)
{
    struct taking *t = context;
    struct version_source v;
    if (!version_source(tx, e->version, t->a, &v, err))
        return false;
    // How its files go together nobody has to look for in them.
    json_t *known = v.known ? json_loads(v.known, 0, NULL) : NULL;
    json_t *span = json_object_get(known, "span");
    if (json_is_object(span))
        json_object_set((json_t *)(uintptr_t)t->result, "span", span);
    json_decref(known);
    return version_facts_set(tx, e->version, t->result, err);
}

// The facts of probing, and what only decoding all of it could tell.
static json_t *facts_after(const struct version_source *v, const json_t *result)
{
    json_t *facts = v->facts ? json_loads(v->facts, 0, NULL) : NULL;
    json_t *sprite = json_object_get(result, "sprite"), *damage = json_object_get(result, "damage");
    json_t *frames = json_object_get(result, "frames");
    bool picture = json_array_size(json_object_get(facts, "video")) > 0;
    if (!json_is_object(facts))
        return facts;
    if (json_is_object(sprite))
        json_object_set(facts, "sprite", sprite);
    if (picture && json_is_integer(frames))
        json_object_set(facts, "duration_frames", frames);
    if (json_array_size(damage)) {
        json_t *all = json_object_get(facts, "damage");
        if (!json_is_array(all)) {
            json_object_set_new(facts, "damage", json_array());
            all = json_object_get(facts, "damage");
        }
        json_array_extend(all, damage);
    }
    return facts;
}

// Proxies of a version that has some already: through another transform, or as it is.
static bool add_look(struct db_tx *tx, struct taking *t, const struct version_source *v,
                     const char *recipe, struct error *err)
{
    return derived_add(tx, &v->content, recipe, t->files, t->count, &t->used, err) &&
           (!t->used || record_all(tx, t, err)) &&
           db_event(tx, "colour.made", v->project, v->id,
                    arena_format(t->a, "{\"asset\":\"%s\",\"version\":\"%s\"}", v->asset, v->id),
                    err);
}

static bool apply_proxy(struct db_tx *tx, void *context, const struct ended *e, struct error *err)
{
    struct taking *t = context;
    struct version_source v;
    if (!version_source(tx, e->version, t->a, &v, err))
        return false;
    json_t *facts = facts_after(&v, t->result);
    bool ok = facts || bad_result(err, "nothing is known of the file");
    const char *recipe = ok ? recipe_of(t->a, facts) : "";
    if (e->subject && *e->subject)
        recipe = arena_format(t->a, "%s+%s", recipe, e->subject);
    if (ok && strcmp(v.state, "ready") == 0 && v.recipe)
        ok = add_look(tx, t, &v, recipe, err);
    else
        ok = ok && derived_set(tx, e->version, recipe, t->files, t->count, &t->used, err) &&
             (!t->used || record_all(tx, t, err)) &&
             version_facts_set(tx, e->version, facts, err) &&
             version_state_set(tx, e->version, "ready", NULL, err);
    json_decref(facts);
    // Another transform may have been set meanwhile.
    return ok && flow_look_through(tx, e->version, NULL, t->a, clock_now_ms(), err);
}

static bool apply_look(struct db_tx *tx, void *context, const struct ended *e, struct error *err)
{
    struct taking *t = context;
    return look_made(tx, e->job, t->files, t->count, &t->used, err) &&
           (!t->used || record_all(tx, t, err));
}

// Of proxies that are there: the recipe is the job's subject.
static bool apply_prints(struct db_tx *tx, void *context, const struct ended *e, struct error *err)
{
    struct taking *t = context;
    struct version_source v;
    if (t->count != 1 || strcmp(t->files[0].kind, "prints") != 0)
        return bad_result(err, "it holds no prints");
    return version_source(tx, e->version, t->a, &v, err) &&
           derived_more(tx, &v.content, e->subject ? e->subject : "", &t->files[0], &t->used,
                        err) &&
           (!t->used || record_all(tx, t, err));
}

static bool apply_burnt(struct db_tx *tx, void *context, const struct ended *e, struct error *err)
{
    struct taking *t = context;
    return burnt_made(tx, e->job, t->files, t->count, &t->used, err) &&
           (!t->used || record_all(tx, t, err));
}

// The plan, or a piece that the muxer will want, or a courier after it. Of several files of one
// task each is one, and all say the same of it.
static bool apply_piece(struct db_tx *tx, void *context, const struct ended *e, struct error *err)
{
    struct taking *t = context;
    bool ok = record_all(tx, t, err);
    for (size_t i = 0; ok && i < (t->count ? t->count : 1); i++) {
        struct delivery_piece piece = {.job = e->job,
                                       .step = e->part,
                                       .task = e->first + (int64_t)i,
                                       .has_content = t->count > 0,
                                       .result = t->result};
        if (t->count) {
            piece.name = t->files[i].name;
            piece.content = t->files[i].content;
            piece.size = t->files[i].size;
        }
        ok = delivery_piece_add(tx, &piece, clock_now_ms(), err);
    }
    t->used = true;
    return ok;
}

bool forget_pieces(struct db_tx *tx, const char *job, int64_t before_ms, struct error *err)
{
    struct arena *a = arena_open(64 << 20);
    sha256 *contents;
    size_t count;
    int64_t bytes;
    bool ok = delivery_pieces_forget(tx, job, before_ms, a, &contents, &count, err);
    for (size_t i = 0; ok && i < count; i++)
        ok = flow_forget(tx, &contents[i], &bytes, err);
    arena_close(a);
    return ok;
}

static bool apply_mux(struct db_tx *tx, void *context, const struct ended *e, struct error *err)
{
    struct taking *t = context;
    bool on;
    if (!delivery_goes_on(tx, e->job, "mux", &on, err))
        return false;
    if (on)
        return apply_piece(tx, context, e, err);
    t->used = true;
    return record_all(tx, t, err) &&
           delivery_done_one(tx, e->job, &t->files[0].content, t->files[0].size,
                             json_object_get(t->result, "facts"), err) &&
           forget_pieces(tx, e->job, 0, err);
}

static bool apply_qc(struct db_tx *tx, void *context, const struct ended *e, struct error *err)
{
    struct taking *t = context;
    t->used = true;
    return record_all(tx, t, err) &&
           qc_done(tx, e->job, e->version, t->report, &t->files[0].content, t->files[0].size,
                   clock_now_ms(), err);
}

static bool judge(struct taking *t, const struct ended *what, struct error *err)
{
    const char *path = arena_format(t->a, "%s/%s/%s", t->f->scratch, what->attempt,
                                    t->count ? t->files[0].name : "");
    bool ok = t->count == 1 && strcmp(t->files[0].kind, "measure") == 0;
    return (ok || bad_result(err, "it holds no measurement")) &&
           quality_judge(t->f, what->job, what->version, path, t->result, &t->report, err);
}

// Pictures of findings, named by their frames.
static bool apply_stills(struct db_tx *tx, void *context, const struct ended *e, struct error *err)
{
    struct taking *t = context;
    struct qc_picture_file *list = ARENA_ARRAY(t->a, struct qc_picture_file, t->count + 1);
    for (size_t i = 0; i < t->count; i++) {
        long long frame;
        if (sscanf(t->files[i].name, "frame-%lld.jpg", &frame) != 1)
            return bad_result(err, "a picture is of no frame");
        list[i] = (struct qc_picture_file){frame, t->files[i].content, t->files[i].size};
    }
    t->used = true;
    return record_all(tx, t, err) && qc_pictures_done(tx, e->subject, list, t->count, err);
}

// What the kinds of jobs (of a delivery: its steps) bring back, and who knows what it means.
static const struct kind {
    const char *name, *outputs; // field of the result
    jobs_apply *apply;
} kinds[] = {
    {"probe", NULL, apply_probe},        {"proxy", "outputs", apply_proxy},
    {"index", NULL, apply_piece},        {"segment", "output", apply_piece},
    {"weigh", NULL, apply_piece},        {"captions", NULL, apply_piece},
    {"sound", "output", apply_piece},    {"mux", "output", apply_mux},
    {"qc", "outputs", apply_qc},         {"stills", "outputs", apply_stills},
    {"look", "outputs", apply_look},     {"burn", "outputs", apply_burnt},
    {"prints", "outputs", apply_prints},
};

static const struct kind *kind_of(const struct ended *e)
{
    const char *name = strcmp(e->kind, "encode") == 0 ? e->part : e->kind;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static bool adopt_all(struct taking *t, const struct kind *k, const char *attempt,
                      struct error *err)
{
    const json_t *outputs = k->outputs ? json_object_get(t->result, k->outputs) : NULL;
    bool one = json_is_object(outputs);
    size_t count = one ? 1 : json_array_size(outputs);
    if (!k->outputs)
        return true;
    if (!count && k->apply == apply_stills) // none of these frames could be decoded
        return true;
    if (!count || count > OUTPUTS_MOST)
        return bad_result(err, "it names no outputs, or too many");
    t->files = ARENA_ARRAY(t->a, struct derived_file, count);
    t->bytes = ARENA_ARRAY(t->a, struct store_bytes *, count);
    for (size_t i = 0; i < count; i++)
        if (!adopt(t, attempt, one ? outputs : json_array_get(outputs, i), err))
            return false;
    return true;
}

static void clear_folder(struct flow *f, const char *attempt)
{
    char path[PATH_MAX];
    struct error ignored; // flow_tidy comes by
    if (id_valid(text_of(attempt)) && path_join(path, sizeof(path), f->scratch, attempt))
        (void)!folder_remove(path, &ignored);
}

// What was made of a file that lies in a place counts only while the file is what it was: somebody
// may have written to it while it was read.
enum { IN_PLACE_MOST = 2000 };
struct in_place {
    const char *version;
    sha256 *list;
    size_t count;
};

static bool in_place_in(struct db_tx *tx, void *context, struct error *err)
{
    struct in_place *w = context;
    w->count = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select f.content from place_versions p join version_files f on f.version = "
                 "p.version where p.version = ?1 order by f.number limit ?2",
                 "si", w->version, (int64_t)IN_PLACE_MOST);
    while (db_next(rows) && w->count < IN_PLACE_MOST) {
        size_t size;
        const void *at = db_blob(rows, 0, &size);
        if (at && size == SHA256_SIZE)
            memcpy(w->list[w->count++].at, at, SHA256_SIZE);
    }
    return db_end(rows, err);
}

static bool is_what_was_read(struct taking *t, const char *version, struct error *err)
{
    struct in_place w = {.version = version};
    w.list = ARENA_ARRAY(t->a, sha256, IN_PLACE_MOST);
    if (version && !db_read(t->f->db, in_place_in, &w, err))
        return false;
    for (size_t i = 0; i < w.count; i++) {
        const struct store_map *map;
        if (!store_map_open(t->f->store, &w.list[i], &map, err))
            return false;
        store_map_close(t->f->store, map);
    }
    return true;
}

bool flow_done(struct flow *f, const char *attempt, int64_t token, const json_t *result,
               enum outcome *outcome, struct error *err)
{
    struct taking t = {.f = f, .a = arena_open(256 << 20), .result = result};
    struct ended what;
    bool current = false, taken = false;
    *outcome = OUTCOME_STALE;
    bool ok = jobs_attempt(f->jobs, attempt, token, t.a, &what, &current, &taken, err);
    if (ok && current) {
        const struct kind *k = kind_of(&what);
        ok = (k && json_is_object(result)) || bad_result(err, "it is of no known kind");
        ok = ok && is_what_was_read(&t, what.version, err) && adopt_all(&t, k, attempt, err) &&
             (k->apply != apply_qc || judge(&t, &what, err)) &&
             jobs_finish(f->jobs, attempt, token, k->apply, &t, clock_now_ms(), outcome, err);
    } else if (ok && taken) {
        *outcome = OUTCOME_TAKEN;
    }
    for (size_t i = 0; i < t.count; i++)
        store_settle(f->store, t.bytes[i], ok && *outcome == OUTCOME_TAKEN && t.used);
    struct error ignored; // the sweep of the store comes by
    if (ok && *outcome == OUTCOME_TAKEN && what.part && strcmp(what.part, "mux") == 0)
        (void)!store_tidy(f->store, NULL, &ignored); // the pieces' space
    if (ok)
        clear_folder(f, attempt);
    json_decref(t.report);
    arena_close(t.a);
    return ok;
}

bool flow_failed(struct flow *f, const char *attempt, int64_t token, const struct error *why,
                 enum outcome *outcome, struct error *err)
{
    bool ok = jobs_fail(f->jobs, attempt, token, -1, why, clock_now_ms(), outcome, err);
    if (ok)
        clear_folder(f, attempt);
    return ok;
}

// ---- workers that see none of our disks

bool flow_output_path(struct flow *f, const char *attempt, const char *name, char *to, size_t room,
                      struct error *err)
{
    int size = ticket_output_name(text_of(name))
                   ? snprintf(to, room, "%s/%s/%s", f->scratch, attempt, name)
                   : -1;
    return (size > 0 && (size_t)size < room) ||
           error_set(err, ERROR_INPUT, "an output can not have that name");
}

bool flow_reads(struct db_tx *tx, const char *job, const sha256 *content, int64_t *size, bool *has,
                struct error *err)
{
    struct db_rows *rows = db_query(
        tx,
        "select f.size from jobs j join version_files f on f.version = j.version where j.id = ?1 "
        "and (f.content = ?2 or f.content = (select content from place_was where was = ?2)) union "
        "all "
        "select size from delivery_pieces where job = ?1 and content "
        "= ?2 union all select d.size from delivery_looks l join deliveries d on d.id = l.delivery "
        "where l.job = ?1 and d.content = ?2 union all select t.size from jobs j join transforms t "
        "on t.project = j.project where j.id = ?1 and j.kind in ('proxy', "
        "'burn') and t.content = ?2",
        "sb", job, (const void *)content->at, (size_t)SHA256_SIZE);
    *has = db_next(rows);
    if (*has)
        *size = db_int(rows, 0);
    return db_end(rows, err);
}

// ---- growing

struct growing {
    const struct ended *what;
    const json_t *outputs;
};

// The scrub proxy and its index, which are played while they grow, are told of with each beat; the
// others when they begin and now and then: not all that grows is news.
static bool growing_due(struct db_tx *tx, const struct growing *g, const char *kind,
                        const char *name, bool *due, struct error *err)
{
    int64_t shown = 0;
    *due = strncmp(kind, "scrub", 5) == 0 || clock_now_ms() / 1000 % GROWN_EVERY_S == 0;
    if (*due)
        return true;
    bool ok = db_one_int(tx, &shown, 0, err,
                         "select count(*) from derived_growing where version = ?1 and name = ?2",
                         "ss", g->what->version, name);
    *due = shown == 0;
    return ok;
}

static bool growing_in(struct db_tx *tx, void *context, struct error *err)
{
    struct growing *g = context;
    size_t i;
    json_t *o;
    json_array_foreach(g->outputs, i, o)
    {
        const char *kind = json_string_value(json_object_get(o, "kind"));
        const char *name = json_string_value(json_object_get(o, "name"));
        char path[320];
        bool due;
        if (!kind || !name || !ticket_output_name(text_of(name)))
            continue;
        if (!growing_due(tx, g, kind, name, &due, err))
            return false;
        if (!due)
            continue;
        snprintf(path, sizeof(path), "%s/%s", g->what->attempt, name);
        if (!derived_growing(tx, g->what->version, kind, name, path,
                             json_integer_value(json_object_get(o, "size")), err))
            return false;
    }
    return true;
}

bool flow_growing(struct flow *f, const char *attempt, int64_t token, const json_t *outputs,
                  struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    struct ended what;
    bool current, taken;
    bool ok = jobs_attempt(f->jobs, attempt, token, a, &what, &current, &taken, err);
    if (ok && current && what.version && strcmp(what.kind, "proxy") == 0) {
        struct growing g = {&what, outputs};
        ok = db_write(f->db, growing_in, &g, err);
    }
    arena_close(a);
    return ok;
}

// ---- what was left lying

struct tidying {
    const char **running;
    size_t count;
    int64_t before_ms;
    struct arena *a;
    const char **dead;
    size_t dead_count;
};

static bool tidy_one(void *context, const struct file_seen *s, bool *enter, struct error *err)
{
    (void)err;
    struct tidying *t = context;
    *enter = !s->relative[0];
    bool alive = s->modified_ms > t->before_ms || !s->relative[0] ||
                 strcmp(s->relative, FRAMES_FOLDER) == 0 ||     // of its own keeping
                 text_starts(text_of(s->relative), "growing."); // growers see to theirs
    for (size_t i = 0; i < t->count && !alive; i++)
        alive = strcmp(t->running[i], s->relative) == 0;
    if (!alive && t->dead_count < FILES_AT_ONCE)
        t->dead[t->dead_count++] = arena_text(t->a, s->path);
    return true;
}

// Who has not tried again for a week does not mean to.
static bool old_pieces_in(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    return forget_pieces(tx, NULL, clock_now_ms() - PIECES_REST_MS, err);
}

bool flow_tidy(struct flow *f, int64_t rest_ms, struct error *err)
{
    if (!db_write(f->db, old_pieces_in, f, err) || !burnt_sweep(f, err))
        return false;
    struct tidying t = {.before_ms = clock_now_ms() - rest_ms, .a = arena_open(64 << 20)};
    t.dead = ARENA_ARRAY(t.a, const char *, FILES_AT_ONCE);
    bool ok = jobs_running(f->jobs, t.a, &t.running, &t.count, err) &&
              folder_walk(f->scratch,
                          &(struct walk_wish){.depth = 2, .seen = tidy_one, .context = &t}, err);
    for (size_t i = 0; ok && i < t.dead_count; i++)
        ok = folder_remove(t.dead[i], err);
    arena_close(t.a);
    return ok;
}
