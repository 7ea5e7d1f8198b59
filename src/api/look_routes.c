// Looking closely: frames of originals, layers, proxies with their viewer's name.
#include "api/inside.h"
#include "house/assets/assets.h"
#include "house/colour/colour.h"
#include "house/flow/burnt.h"
#include "house/flow/frames.h"
#include "house/review/review.h"
#include "plat/clock.h"

#include <string.h>

enum { INPUTS_MOST = 1000, FRAME_MOST = 100000000 };

struct asking {
    struct call *c;
    struct version_source v;
    const char *words; // to burn in; NULL: nothing
    json_t *ticket;
    struct asset_file *files;
    size_t count;
    struct transform_wanted through; // id NULL or "": nothing
    bool held; // of a sequence: the file is missing, this is the one before it
};

static bool shown(struct db_tx *tx, struct call *c, struct error *err)
{
    bool shows = true;
    if (c->who.kind == WHO_SHARE && !share_shows(tx, c->who.share, c->asset, &shows, err))
        return false;
    return shows || error_set(err, ERROR_NOT_FOUND, "this is not shared any more");
}

const char *call_viewer(struct call *c)
{
    bool share = c->who.kind == WHO_SHARE;
    const char *id = share ? c->who.share : c->who.person;
    return arena_format(c->arena, "%c%s", share ? 's' : 'p', id ? id : "");
}

// ---- whose pictures carry their name

static bool unburnt_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    bool burns;
    if (!people_burn(tx, &q->c->who, q->c->project, &burns, err))
        return false;
    q->words = burns ? "" : NULL;
    return true;
}

static bool without_name(struct error *err)
{
    error_set(err, ERROR_DENIED, "this picture can not be shown to you");
    error_why(err, "the project wants your name in every picture, and this one is kept without");
    return error_fix(err, "look at the film itself, or ask an owner of the project for it");
}

bool call_unburnt(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    if (!c->project)
        return true;
    if (!db_read(c->api->db, unburnt_in, &q, err))
        return false;
    return !q.words || without_name(err);
}

// Derived files without a picture.
static bool harmless(const char *kind)
{
    return kind && (strcmp(kind, "audio") == 0 || strcmp(kind, "peaks") == 0);
}

bool burn_versions(struct db_tx *tx, struct call *c, const char *project, json_t *const *versions,
                   size_t count, struct error *err)
{
    bool burns;
    if (!people_burn(tx, &c->who, project, &burns, err))
        return false;
    for (size_t i = 0; burns && i < count; i++) {
        json_t *burn, *kept = json_array(), *file;
        struct derived_file *files;
        size_t found, k;
        const char *id = json_string_value(json_object_get(versions[i], "id"));
        if (!burnt_get(tx, id ? id : "", call_viewer(c), c->arena, &burn, &files, &found, err)) {
            json_decref(kept);
            return false;
        }
        for (k = 0; k < found; k++)
            json_array_append_new(kept, json_pack("{s:s, s:s, s:I, s:b, s:s, s:b}", "kind",
                                                  files[k].kind, "name", files[k].name, "size",
                                                  (json_int_t)files[k].size, "growing", 0, "url",
                                                  sha256_text(&files[k].content).text, "burnt", 1));
        json_array_foreach(json_object_get(versions[i], "derived"), k, file)
        {
            if (found || json_is_true(json_object_get(file, "growing")) ||
                !harmless(json_string_value(json_object_get(file, "kind"))))
                continue;
            json_object_set_new(file, "burnt", json_true()); // of no harm
            json_array_append(kept, file);
        }
        json_object_set_new(versions[i], "derived", kept);
        json_object_set_new(versions[i], "burn", burn);
    }
    return true;
}

static bool ask_burnt_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    bool burns;
    const char *who;
    return shown(tx, q->c, err) && people_burn(tx, &q->c->who, q->c->project, &burns, err) &&
           (!burns || (people_burn_words(tx, &q->c->who, q->c->arena, &who, err) &&
                       burnt_ask(tx, q->c->version, call_viewer(q->c), who, q->c->arena, err)));
}

static bool burnt_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return db_write(c->api->db, ask_burnt_in, &q, err) && version_answer(c, err);
}

// ---- frames of originals

// Of numbered pictures the one file; what is missing is held, as in the proxies.
static bool pick_file(struct db_tx *tx, struct asking *q, const json_t *sequence, int64_t *frame,
                      struct error *err)
{
    const json_t *missing = json_object_get(sequence, "missing"), *one;
    int64_t number = json_integer_value(json_object_get(sequence, "first")) + *frame, before = 0;
    size_t i;
    json_array_foreach(missing, i, one)
    {
        before += json_integer_value(one) < number;
        q->held = q->held || json_integer_value(one) == number;
    }
    int64_t at = *frame - before + (q->held ? 0 : 1); // from 1
    *frame = 0;
    q->count = 1;
    q->files = ARENA_NEW(q->c->arena, struct asset_file);
    return version_file(tx, q->v.id, at < 1 ? 1 : at, q->c->arena, q->files, err);
}

static bool pick_files(struct db_tx *tx, struct asking *q, struct error *err)
{
    if (q->v.file_count > INPUTS_MOST)
        return error_set(err, ERROR_UNSUPPORTED, "%s has too many files for this", q->v.name);
    q->count = (size_t)q->v.file_count;
    q->files = ARENA_ARRAY(q->c->arena, struct asset_file, q->count + 1);
    for (size_t i = 0; i < q->count; i++)
        if (!version_file(tx, q->v.id, (int64_t)i + 1, q->c->arena, &q->files[i], err))
            return false;
    return true;
}

// A viewing transform that is asked for must be of this project.
static bool find_transform(struct db_tx *tx, struct asking *q, struct error *err)
{
    struct call *c = q->c;
    const char *id = body_text(c, "transform");
    int64_t here = 1;
    if (!id)
        return true;
    if (!db_one_int(tx, &here, 0, err,
                    "select count(*) from transforms where id = ?1 and project = ?2", "ss", id,
                    c->project))
        return false;
    return (here || error_set(err, ERROR_NOT_FOUND, "there is no such viewing transform")) &&
           transform_one(tx, id, c->arena, &q->through, err);
}

static bool frame_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct call *c = q->c;
    bool burns;
    const char *who, *layer = body_text(c, "layer");
    int64_t frame = body_int(c, "frame", 0);
    json_decref(q->ticket);
    q->ticket = NULL;
    if (!shown(tx, c, err) || !version_source(tx, c->version, c->arena, &q->v, err) ||
        !find_transform(tx, q, err) || !people_burn(tx, &c->who, c->project, &burns, err) ||
        (burns && !people_burn_words(tx, &c->who, c->arena, &who, err)))
        return false;
    json_t *facts = q->v.facts ? json_loads(q->v.facts, 0, NULL) : NULL;
    json_t *sequence = json_object_get(facts, "sequence");
    if (!json_array_size(json_object_get(facts, "video"))) {
        json_decref(facts);
        error_set(err, ERROR_CONFLICT, "%s has no picture to show", q->v.name);
        return error_why(err, facts ? "it is sound, or a document" : "it has not been looked at");
    }
    bool ok = sequence ? pick_file(tx, q, sequence, &frame, err) : pick_files(tx, q, err);
    if (burns)
        q->words = arena_format(c->arena, "%s %.10s", who, clock_text(clock_now_ms()).text);
    bool plain = body_bool(c, "plain", false);
    if (burns && plain) {
        json_decref(facts);
        return without_name(err);
    }
    q->ticket =
        json_pack("{s:s, s:O, s:{s:I, s:s, s:b, s:b}, s:i}", "kind", "picture", "facts", facts,
                  "picture", "frame", (json_int_t)frame, "layer", layer ? layer : "", "save",
                  (int)body_bool(c, "save", false), "samples", !burns, "threads", 2);
    if (plain)
        json_object_set_new(json_object_get(q->ticket, "picture"), "plain", json_true());
    if (burns)
        json_object_set_new(q->ticket, "burn", burn_list(who, q->words));
    json_decref(facts);
    return ok;
}

static void name_inputs(struct asking *q, sha256 *contents)
{
    json_t *inputs = json_array();
    for (size_t i = 0; i < q->count; i++) {
        const char *slash = strrchr(q->files[i].name, '/');
        contents[i] = q->files[i].content;
        json_array_append_new(inputs,
                              json_pack("{s:s, s:I}", "name", slash ? slash + 1 : q->files[i].name,
                                        "size", (json_int_t)q->files[i].size));
    }
    if (q->through.id && *q->through.id) { // its table comes last
        contents[q->count] = q->through.content;
        json_array_append_new(inputs, json_pack("{s:s, s:I}", "name", "look.phlu", "size",
                                                (json_int_t)q->through.size));
        json_object_set_new(q->ticket, "transform", json_pack("{s:s}", "name", q->through.name));
    }
    json_object_set_new(q->ticket, "inputs", inputs);
}

static json_t *files_of(struct asking *q, const struct frame_answer *a)
{
    json_t *list = json_array(), *file;
    size_t i;
    json_array_foreach(json_object_get(a->result, "outputs"), i, file)
    {
        const char *name = json_string_value(json_object_get(file, "name"));
        const char *path = arena_format(q->c->arena, "%s/%s", a->folder, name);
        json_array_append_new(list, json_pack("{s:O, s:s, s:O, s:s}", "kind",
                                              json_object_get(file, "kind"), "name", name, "size",
                                              json_object_get(file, "size"), "url",
                                              media_made(q->c, q->c->project, path, name)));
    }
    return list;
}

static bool frame_post(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    struct frame_answer a = {0};
    struct frames *frames = c->api->wish.rooms.frames;
    int64_t frame = body_int(c, "frame", 0);
    if (frame < 0 || frame > FRAME_MOST)
        return error_set(err, ERROR_INPUT, "a frame's number is from 0 to %d", FRAME_MOST);
    if (body_bool(c, "save", false) && !(c->may & MAY_DOWNLOAD))
        return call_denied(c, MAY_DOWNLOAD, err);
    if (!frames)
        return error_set(err, ERROR_UNSUPPORTED, "this house makes no pictures of originals");
    bool ok = db_read(c->api->db, frame_in, &q, err);
    if (ok) {
        sha256 *contents = ARENA_ARRAY(c->arena, sha256, q.count + 1);
        name_inputs(&q, contents);
        ok = frames_ask(frames, q.ticket, contents,
                        json_array_size(json_object_get(q.ticket, "inputs")), &a, err);
    }
    if (ok) {
        json_t *seen = json_object_get(a.result, "seen");
        if (q.held && seen)
            json_object_set_new(seen, "held", json_true());
        json_t *answer =
            json_pack("{s:s, s:I, s:I, s:I, s:b, s:o}", "state", a.state, "done",
                      (json_int_t)a.done, "total", (json_int_t)a.total, "frame", (json_int_t)frame,
                      "burnt", q.words != NULL, "files", files_of(&q, &a));
        if (seen)
            json_object_set(answer, "seen", seen);
        if (json_object_get(a.result, "samples"))
            json_object_set(answer, "samples", json_object_get(a.result, "samples"));
        if (strcmp(a.state, "failed") == 0)
            json_object_set_new(answer, "problem", problem_json(&a.problem));
        call_json(c, answer);
    }
    json_decref(a.result);
    json_decref(q.ticket);
    return ok;
}

const struct route look_routes[] = {
    {"POST", "/versions/{version}/frames", MAY_VIEW, frame_post, "FrameWish", "FrameShown", 0,
     "a frame of the original, or of a layer of it, as large and deep as it is: asks for it; asked "
     "again, twice a second, it says how far it is, and in the end where its files are read",
     NULL},
    {"POST", "/versions/{version}/burnt", MAY_VIEW, burnt_post, NULL, "Version", 0,
     "asks for the proxies that carry the viewer's name, where the project wants that", NULL},
};
const size_t look_route_count = sizeof(look_routes) / sizeof(look_routes[0]);
