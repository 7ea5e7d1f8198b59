// Viewing transforms: made ready by an engine, and what follows when another one is to be looked
// through.
#include "house/flow/colour.h"
#include "house/flow/inside.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "tickets/run.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 200, BAKE_S = 120 };
#define BAKE_MEMORY_BYTES (3LL << 30)

// ---- making one ready

struct baking {
    struct flow *f;
    const struct flow_transform *wish;
    struct transform_wish row;
    struct store_bytes *bytes;
    id made;
};

static const struct transform_file *file_named(const struct flow_transform *w, const char *name,
                                               size_t *number)
{
    for (size_t i = 0; name && i < w->file_count; i++)
        if (strcmp(w->files[i].name, name) == 0) {
            *number = i;
            return &w->files[i];
        }
    return NULL;
}

// The folder of a configuration is the folder that it lies in, with all that was given below it.
static json_t *folder_of(const struct flow_transform *w, const char *config)
{
    const char *slash = strrchr(config, '/');
    size_t skip = slash ? (size_t)(slash - config) + 1 : 0;
    json_t *list = json_array();
    for (size_t i = 0; i < w->file_count; i++)
        if (strncmp(w->files[i].name, config, skip) == 0)
            json_array_append_new(list, json_pack("{s:s, s:I}", "name", w->files[i].name + skip,
                                                  "input", (json_int_t)i));
    return list;
}

static bool number_step(const struct flow_transform *w, const json_t *said, json_t *steps,
                        struct error *err)
{
    static const char *const fields[] = {"correction", "table", "config"};
    json_t *step = json_copy((json_t *)(uintptr_t)said);
    bool any = false;
    json_array_append_new(steps, step);
    for (size_t i = 0; i < 3; i++) {
        const char *name = json_string_value(json_object_get(said, fields[i]));
        size_t number;
        if (!json_object_get(said, fields[i]))
            continue;
        if (any || !file_named(w, name, &number)) {
            error_set(err, ERROR_INPUT, "the viewing transform can not be made");
            return error_why(err, "the file '%.200s' of its steps is not among those given",
                             name ? name : "");
        }
        any = true;
        json_object_set_new(step, fields[i], json_integer((json_int_t)number));
        if (i == 2)
            json_object_set_new(step, "folder", folder_of(w, name));
    }
    return any || error_set(err, ERROR_INPUT, "a step is neither correction, table nor config");
}

static bool number_steps(const struct flow_transform *w, json_t *steps, struct error *err)
{
    const json_t *said;
    size_t i;
    if (!json_array_size(w->steps))
        return error_set(err, ERROR_INPUT, "the viewing transform has no steps");
    json_array_foreach(w->steps, i, said)
    {
        if (!number_step(w, said, steps, err))
            return false;
    }
    return true;
}

static bool open_stored(void *context, size_t number, struct engine_pieces *pieces,
                        struct error *err)
{
    const struct baking *b = context;
    const struct store_map *map;
    if (number >= b->wish->file_count)
        return error_set(err, ERROR_INTERNAL, "there is no input %zu", number);
    if (!store_map_open(b->f->store, &b->wish->files[number].content, &map, err))
        return error_while(err, "%s", b->wish->files[number].name);
    pieces->at = calloc(map->count + 1, sizeof(*pieces->at));
    for (size_t i = 0; pieces->at && i < map->count; i++)
        pieces->at[pieces->count++] = (struct engine_run_piece){
            fcntl(map->runs[i].fd, F_DUPFD_CLOEXEC, 0), map->runs[i].offset, map->runs[i].length};
    store_map_close(b->f->store, map);
    return true;
}

static bool ask(struct baking *b, const char *folder, json_t **result, struct error *err)
{
    json_t *steps = json_array(), *inputs = json_array();
    const struct flow_transform *w = b->wish;
    for (size_t i = 0; i < w->file_count; i++)
        json_array_append_new(inputs, json_pack("{s:s, s:I}", "name", w->files[i].name, "size",
                                                (json_int_t)w->files[i].size));
    json_t *ticket =
        json_pack("{s:s, s:o, s:{s:s, s:O}, s:{s:I, s:i}}", "kind", "bake", "inputs", inputs,
                  "transform", "name", w->name ? w->name : "", "steps", steps, "limits",
                  "memory_bytes", (json_int_t)BAKE_MEMORY_BYTES, "cpu_s", BAKE_S);
    bool ok = number_steps(w, steps, err);
    if (ok && folder)
        json_object_set_new(ticket, "output", json_string("look.phlu"));
    ok = ok && engine_run(&(struct engine_wish){.ticket = ticket,
                                                .sandbox = w->sandbox ? SANDBOX_ON : SANDBOX_OFF,
                                                .output_folder = folder,
                                                .open_input = open_stored,
                                                .context = b,
                                                .wall_s = 2 * BAKE_S},
                          result, err);
    json_decref(steps);
    json_decref(ticket);
    return ok;
}

bool flow_transform_check(struct flow *f, const struct flow_transform *wish, json_t **found,
                          struct error *err)
{
    struct baking b = {.f = f, .wish = wish};
    return ask(&b, NULL, found, err);
}

static bool keep_in(struct db_tx *tx, void *context, struct error *err)
{
    struct baking *b = context;
    return store_record(tx, b->bytes, err) && transform_make(tx, &b->row, &b->made, err);
}

bool flow_transform_make(struct flow *f, const struct flow_transform *wish, id *made,
                         struct error *err)
{
    struct baking b = {.f = f, .wish = wish};
    char folder[PATH_MAX], path[PATH_MAX];
    json_t *how = NULL;
    id work = id_new();
    struct error ignored;
    if (!path_join(folder, sizeof(folder), f->scratch, work.text) ||
        !path_join(path, sizeof(path), folder, "look.phlu"))
        return error_set(err, ERROR_INPUT, "the scratch folder's name is too long");
    bool ok = folder_make(folder, 0750, err) && ask(&b, folder, &how, err) &&
              store_adopt(f->store, path, &b.bytes, err);
    if (ok) {
        b.row = (struct transform_wish){.project = wish->project,
                                        .name = wish->name,
                                        .by = wish->by,
                                        .steps = wish->steps,
                                        .files = wish->files,
                                        .file_count = wish->file_count,
                                        .how = how,
                                        .content = *store_bytes_content(b.bytes, 0),
                                        .size = store_bytes_size(b.bytes, 0),
                                        .now_ms = clock_now_ms()};
        ok = db_write(f->db, keep_in, &b, err);
    }
    store_settle(f->store, b.bytes, ok);
    (void)!folder_remove(folder, &ignored);
    json_decref(how);
    *made = b.made;
    return ok;
}

// ---- proxies through it

const char *recipe_through(struct arena *a, const char *recipe, const struct transform_wanted *w)
{
    return w->id && *w->id ? arena_format(a, "%s+%s", recipe, sha256_text(&w->content).text)
                           : recipe;
}

const char *subject_through(struct arena *a, const struct transform_wanted *w)
{
    return w->id && *w->id ? arena_text(a, sha256_text(&w->content).text) : NULL;
}

json_t *ticket_through(const struct transform_wanted *w)
{
    return w->id && *w->id ? json_pack("{s:{s:s, s:s}}", "transform", "name", w->name, "content",
                                       sha256_text(&w->content).text)
                           : NULL;
}

static bool seen_by_eyes(const struct version_source *v, const json_t *facts)
{
    return strcmp(v->state, "ready") == 0 && json_array_size(json_object_get(facts, "video")) > 0;
}

static bool queue_proxies(struct db_tx *tx, const struct version_source *v,
                          const struct transform_wanted *w, const char *recipe, struct arena *a,
                          int64_t now_ms, struct error *err)
{
    id job;
    json_t *ticket = ticket_through(w);
    struct job_wish wish = {
        .project = v->project,
        .kind = "proxy",
        .title = w->id && *w->id ? arena_format(a, "Proxies of %s through %s", v->name, w->name)
                                 : arena_format(a, "Proxies of %s as it is", v->name),
        .by = "Posthouse",
        .asset = v->asset,
        .version = v->id,
        .subject = subject_through(a, w),
        .ticket = ticket,
        .cause = arena_format(a, "proxy %s %s", v->id, recipe),
        .priority = 40,
        .reads_bytes = v->size};
    bool ok = job_make(tx, &wish, now_ms, &job, err);
    json_decref(ticket);
    return ok;
}

bool flow_look_through(struct db_tx *tx, const char *version, const struct transform_wanted *asked,
                       struct arena *a, int64_t now_ms, struct error *err)
{
    struct version_source v;
    struct transform_wanted wanted;
    bool found = false, there = false;
    if (!version_source(tx, version, a, &v, err) || !transform_for(tx, v.asset, a, &wanted, err))
        return false;
    json_t *facts = v.facts ? json_loads(v.facts, 0, NULL) : NULL;
    bool seen = seen_by_eyes(&v, facts);
    const char *plain = recipe_of(a, facts);
    json_decref(facts);
    const char *recipe = recipe_through(a, plain, asked ? asked : &wanted);
    if (!seen || (!asked && v.recipe && strcmp(v.recipe, recipe) == 0))
        return true;
    struct derived_file *files;
    size_t count;
    if (!derived_find(tx, &v.content, recipe, a, &files, &count, err))
        return false;
    there = count > 0;
    if (there)
        return asked || derived_use(tx, version, recipe, &found, err);
    return queue_proxies(tx, &v, asked ? asked : &wanted, recipe, a, now_ms, err);
}

// Those of a place, some at a time: the next come by another event.
bool follow_transform(struct db_tx *tx, const char *project, const char *kind, const char *place,
                      const char *after, struct arena *a, int64_t now_ms, struct error *err)
{
    const char *assets[AT_ONCE], *versions[AT_ONCE];
    size_t count = 0;
    struct db_rows *rows = db_query(
        tx,
        "with recursive inside (id) as (select ?2 union all select f.id from folders f join inside "
        "i on f.parent = i.id) select a.id, a.newest from assets a where a.project = ?1 and "
        "a.deleted = 0 and a.id > ?3 and a.kind in ('clip', 'sequence', 'still') and (?4 = "
        "'project' or a.id = ?2 or a.folder in (select id from inside)) order by a.id limit ?5",
        "ssssi", project, place, after, kind, (int64_t)AT_ONCE);
    while (db_next(rows) && count < AT_ONCE) {
        assets[count] = arena_text(a, db_text(rows, 0));
        versions[count++] = arena_text(a, db_text(rows, 1));
    }
    bool ok = db_end(rows, err);
    for (size_t i = 0; ok && i < count; i++)
        ok = flow_look_through(tx, versions[i], NULL, a, now_ms, err);
    if (!ok || count < AT_ONCE)
        return ok;
    return db_event(tx, "colour.changed", project, place,
                    arena_format(a, "{\"kind\":\"%s\",\"after\":\"%s\"}", kind, assets[count - 1]),
                    err);
}

// ---- what is there to look at

static const char *making(struct db_tx *tx, const char *cause, char job[27], struct error *err)
{
    const char *state = "none";
    *job = 0;
    struct db_rows *rows = db_query(tx, "select id, state from jobs where cause = ?1", "s", cause);
    if (db_next(rows)) {
        const char *is = db_text(rows, 1);
        bool bad = strcmp(is, "failed") == 0 || strcmp(is, "cancelled") == 0;
        text_copy(text_of(db_text(rows, 0)), job, 27);
        state = bad ? "failed" : strcmp(is, "done") == 0 ? "none" : "making";
    }
    return db_end(rows, err) ? state : NULL;
}

static bool add_set(struct db_tx *tx, const struct version_source *v, const char *plain,
                    const struct transform_wanted *w, struct arena *a, json_t *sets,
                    struct error *err)
{
    const char *recipe = recipe_through(a, plain, w);
    struct derived_file *files;
    size_t count;
    char job[27];
    if (!derived_find(tx, &v->content, recipe, a, &files, &count, err))
        return false;
    const char *state =
        count ? "ready" : making(tx, arena_format(a, "proxy %s %s", v->id, recipe), job, err);
    if (!state)
        return false;
    json_t *derived = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(derived,
                              json_pack("{s:s, s:s, s:I, s:b, s:s}", "kind", files[i].kind, "name",
                                        files[i].name, "size", (json_int_t)files[i].size, "growing",
                                        0, "url", sha256_text(&files[i].content).text));
    bool none = !*w->id;
    json_array_append_new(sets,
                          json_pack("{s:o, s:o, s:s, s:b, s:o, s:o, s:o}", "transform",
                                    none ? json_null() : json_string(w->id), "name",
                                    none ? json_null() : json_string(w->name), "state", state,
                                    "shown", v->recipe && strcmp(v->recipe, recipe) == 0, "job",
                                    !count && *job ? json_string(job) : json_null(), "table",
                                    none ? json_null() : json_string(sha256_text(&w->content).text),
                                    "derived", derived));
    return true;
}

static json_t *stated_of(const json_t *facts)
{
    const json_t *v = json_array_get(json_object_get(facts, "video"), 0);
    const char *words[4], *names[4] = {"primaries", "transfer", "matrix", "range"};
    json_t *to = json_object();
    for (size_t i = 0; i < 4; i++) {
        words[i] = json_string_value(json_object_get(v, names[i]));
        json_object_set_new(to, names[i], json_string(words[i] ? words[i] : "unknown"));
    }
    json_object_set_new(to, "stated", json_boolean(words[1] && strcmp(words[1], "unknown") != 0));
    return to;
}

bool flow_colour(struct db_tx *tx, const char *version, struct arena *a, json_t **to,
                 struct error *err)
{
    struct version_source v;
    struct transform_wanted w, none = {.id = ""};
    json_t *list, *sets = json_array(), *one;
    size_t i;
    if (!version_source(tx, version, a, &v, err) || !transform_for(tx, v.asset, a, &w, err) ||
        !transform_list(tx, v.project, &list, err))
        return json_decref(sets), false;
    json_t *facts = v.facts ? json_loads(v.facts, 0, NULL) : NULL;
    const char *plain = recipe_of(a, facts);
    bool ok = add_set(tx, &v, plain, &none, a, sets, err);
    json_array_foreach(list, i, one)
    {
        struct transform_wanted each;
        ok = ok &&
             transform_one(tx, json_string_value(json_object_get(one, "id")), a, &each, err) &&
             add_set(tx, &v, plain, &each, a, sets, err);
    }
    json_decref(list);
    if (ok)
        *to = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:O}", "version", v.id, "colour",
                        stated_of(facts), "transform",
                        w.id && *w.id ? json_string(w.id) : json_null(), "name",
                        w.id && *w.id ? json_string(w.name) : json_null(), "from",
                        w.kind ? json_string(w.kind) : json_null(), "by",
                        w.by ? json_string(w.by) : json_null(), "at",
                        w.by ? json_string(clock_text(w.set_ms).text) : json_null(), "sets", sets);
    json_decref(sets);
    json_decref(facts);
    return ok;
}
