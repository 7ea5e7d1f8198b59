/*
 * Renders come into the library.
 *
 * When a job is done each of its outputs that asks for an asset is a row (jobs: gathers). The files
 * are copied beside the store first, since who wrote them may write them again; the copies are
 * looked at by an engine, all of them and beside each other; then they are taken into the store.
 * The transaction that makes the asset (or its next version) ends the row, and only if the job has
 * not run again meanwhile: so each time that it is done makes one version, whoever dies when.
 *
 * A movie of it is a delivery of that version; its file is an asset of its own.
 */
#include "formats/profile/profile.h"
#include "formats/sequence/sequence.h"
#include "house/deliver/deliver.h"
#include "house/flow/inside.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "tickets/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NUMBERS_SHOWN = 12, MISSING_MOST = 1000 };

struct gathering {
    struct flow *f;
    struct arena *a;
    struct gather g;
    json_t *document;
    const json_t *output, *asset, *tiles; // of the document; the latter two may be NULL
    struct job_frame *frames;
    size_t count;
    const char **copies; // paths
    int64_t *modified_ms;
    struct store_bytes **bytes;
    bool done, stale;
    bool (*on)(void *context);
    void *context;
};

bool gather_ask_for(struct db_tx *tx, const char *job, int64_t now_ms, struct error *err)
{
    bool any;
    return gather_ask(tx, job, now_ms, &any, err);
}

// ---- numbers for people: "7, 9-12 and 40 more"

static void numbers_text(const int64_t *numbers, size_t count, struct buf *to)
{
    size_t shown = 0;
    for (size_t i = 0; i < count;) {
        size_t next = i + 1;
        while (next < count && numbers[next] == numbers[next - 1] + 1)
            next++;
        if (shown++ == NUMBERS_SHOWN) {
            buf_format(to, " and %zu more", count - i);
            return;
        }
        buf_format(to, "%s%lld", i ? ", " : "", (long long)numbers[i]);
        if (next - i > 1)
            buf_format(to, "-%lld", (long long)numbers[next - 1]);
        i = next;
    }
}

bool gather_refuses(const json_t *output, const int64_t *numbers, size_t count, const char *what,
                    const char *why, struct error *err)
{
    struct buf list = BUF_LIMIT(300);
    const json_t *asset = json_object_get(output, "asset");
    const char *name =
        json_string_value(asset ? json_object_get(asset, "name")
                                : json_object_get(json_object_get(output, "tiles"), "into"));
    const char *step = json_string_value(json_object_get(output, "step"));
    numbers_text(numbers, count, &list);
    error_set(err, ERROR_OUTPUT, "%s can not be brought together: frame%s %s %s", name,
              count > 1 ? "s" : "", list.at, what);
    error_why(err, "%s", why);
    error_fix(err, "render frame%s %s%s%s again (requeue); it is gathered when the job is done",
              count > 1 ? "s" : "", list.at, step ? " of " : "", step ? step : "");
    buf_free(&list);
    return false;
}

static bool bad_frames(const struct gathering *w, const int64_t *numbers, size_t count,
                       const char *what, const char *why, struct error *err)
{
    return gather_refuses(w->output, numbers, count, what, why, err);
}

// ---- the files

static bool read_in(struct db_tx *tx, void *context, struct error *err)
{
    struct gathering *w = context;
    bool found;
    if (!gather_next(tx, w->a, &w->g, &found, err))
        return false;
    w->done = !found;
    if (!found || !w->g.current)
        return true;
    json_decref(w->document);
    w->document = NULL;
    return job_document(tx, w->g.job, &w->document, err);
}

static bool find_output(struct gathering *w, struct error *err)
{
    const json_t *outputs = json_object_get(json_object_get(w->document, "options"), "outputs");
    w->output = json_array_get(outputs, (size_t)w->g.position);
    w->asset = json_object_get(w->output, "asset");
    w->tiles = json_object_get(w->output, "tiles");
    return w->asset || w->tiles ||
           error_set(err, ERROR_INTERNAL, "the output of a job can not be understood");
}

static bool find_files(struct gathering *w, struct error *err)
{
    if (!job_output_frames(w->document, (size_t)w->g.position, w->a, &w->frames, &w->count, err))
        return false;
    int64_t *missing = ARENA_ARRAY(w->a, int64_t, w->count + 1);
    size_t gone = 0;
    for (size_t i = 0; i < w->count; i++) {
        struct stat seen;
        if (stat(w->frames[i].path, &seen) != 0 || !S_ISREG(seen.st_mode))
            missing[gone++] = w->frames[i].number;
    }
    if (gone)
        return bad_frames(w, missing, gone, gone > 1 ? "are missing" : "is missing",
                          "their files are not at their place any more", err);
    return w->count || error_set(err, ERROR_INPUT, "the job has no frames to gather");
}

static bool copy_bytes(int from, int to, const char *name, struct error *err)
{
    char part[1 << 16];
    for (;;) { // shares blocks where the file system can
        ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)1 << 30, 0);
        if (n == 0)
            return true;
        if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
            break;
        if (n < 0 && errno != EINTR)
            return error_errno(err, errno, "cannot copy %s", name);
    }
    for (;;) {
        ssize_t n = read(from, part, sizeof(part));
        if (n == 0)
            return true;
        if (n > 0 && write(to, part, (size_t)n) != n)
            return error_errno(err, errno ? errno : ENOSPC, "cannot copy %s", name);
        if (n < 0 && errno != EINTR)
            return error_errno(err, errno, "cannot read %s", name);
    }
}

static bool copy_one(struct gathering *w, size_t i, struct error *err)
{
    const char *path = w->frames[i].path;
    const char *to = arena_format(w->a, "%s/%s", w->f->gathered, strrchr(path, '/') + 1);
    struct stat seen;
    int in = open(path, O_RDONLY | O_CLOEXEC), out = -1;
    bool ok = in >= 0 && fstat(in, &seen) == 0;
    if (!ok)
        error_errno(err, errno, "cannot read %s", path);
    if (ok && (out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640)) < 0)
        ok = error_errno(err, errno, "cannot copy %s", path);
    ok = ok && copy_bytes(in, out, path, err) &&
         (fsync(out) == 0 || error_errno(err, errno, "cannot copy %s", path));
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    w->copies[i] = to;
    w->modified_ms[i] =
        ok ? (int64_t)seen.st_mtim.tv_sec * 1000 + seen.st_mtim.tv_nsec / 1000000 : 0;
    return ok;
}

static bool goes_on(const struct gathering *w, struct error *err)
{
    return !w->on || w->on(w->context) || error_set(err, ERROR_CANCELLED, "the house closes");
}

static bool copy_all(struct gathering *w, struct error *err)
{
    w->copies = ARENA_ARRAY(w->a, const char *, w->count);
    w->modified_ms = ARENA_ARRAY(w->a, int64_t, w->count);
    if (!folder_remove(w->f->gathered, err) || !folder_make(w->f->gathered, 0750, err))
        return false;
    for (size_t i = 0; i < w->count; i++)
        if (!goes_on(w, err) || !copy_one(w, i, err))
            return false;
    return true;
}

static bool in_place(struct gathering *w)
{
    w->copies = ARENA_ARRAY(w->a, const char *, w->count);
    for (size_t i = 0; i < w->count; i++)
        w->copies[i] = w->frames[i].path;
    return true;
}

// ---- looking at them

static bool heard(void *context, const json_t *line)
{
    const struct gathering *w = context;
    (void)line;
    return !w->on || w->on(w->context);
}

struct seen {
    json_int_t width, height;
    const char *form;
};

static struct seen seen_in(const json_t *row)
{
    const char *form = json_string_value(json_object_get(row, "form"));
    return (struct seen){json_integer_value(json_object_get(row, "width")),
                         json_integer_value(json_object_get(row, "height")), form ? form : ""};
}

static bool same(const struct seen *a, const struct seen *b)
{
    return a->width == b->width && a->height == b->height && strcmp(a->form, b->form) == 0;
}

// What most of them are: what outlives pairing each with one that differs.
static struct seen usual(const json_t *rows)
{
    struct seen most = {0};
    size_t i, lead = 0;
    const json_t *row;
    json_array_foreach(rows, i, row)
    {
        struct seen s = seen_in(row);
        if (!lead)
            most = s;
        lead = same(&s, &most) ? lead + 1 : lead - 1;
    }
    return most;
}

static bool alike(struct gathering *w, const json_t *rows, struct error *err)
{
    int64_t *numbers = ARENA_ARRAY(w->a, int64_t, w->count + 1);
    size_t odd = 0, i;
    const json_t *row;
    const char *why = NULL;
    struct seen most = usual(rows);
    json_array_foreach(rows, i, row)
    {
        const json_t *problem = json_object_get(row, "problem");
        struct seen s = seen_in(row);
        if (i >= w->count || (!problem && same(&s, &most)))
            continue;
        numbers[odd++] = w->frames[i].number;
        if (!why && problem)
            why = json_string_value(json_object_get(problem, "why"));
        else if (!why)
            why = arena_format(w->a, "frame %lld is %lld x %lld, %s; most are %lld x %lld, %s",
                               (long long)w->frames[i].number, (long long)s.width,
                               (long long)s.height, s.form, (long long)most.width,
                               (long long)most.height, most.form);
    }
    return !odd || bad_frames(w, numbers, odd,
                              odd > 1 ? "are not as they should be" : "is not as it should be",
                              why ? why : "", err);
}

static bool look_at_all(struct gathering *w, bool sandbox, struct error *err)
{
    static const char *const asked[] = {"width", "height", "not_black", "nan"};
    json_t *wanted = json_object(), *result = NULL;
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
        if (json_object_get(w->output, asked[i]))
            json_object_set(wanted, asked[i], json_object_get(w->output, asked[i]));
    json_t *ticket = json_pack("{s:s, s:o}", "kind", "verify", "asked", wanted);
    struct engine_wish wish = {.ticket = ticket,
                               .sandbox = sandbox ? SANDBOX_ON : SANDBOX_OFF,
                               .heard = heard,
                               .context = w};
    bool ok = engine_run_files(&wish, w->copies, w->count, &result, err) &&
              alike(w, json_object_get(result, "frames"), err);
    json_decref(result);
    json_decref(ticket);
    return ok;
}

// All that were not put together while the job ran.
static bool assemble_all(struct gathering *w, bool sandbox, struct error *err)
{
    struct tiles_made made;
    struct tiles_wish wish = {.f = w->f,
                              .job = w->g.job,
                              .position = w->g.position,
                              .document = w->document,
                              .all = true,
                              .sandbox = sandbox,
                              .on = w->on,
                              .context = w->context};
    return tiles_together(&wish, &made, err);
}

static bool store_all(struct gathering *w, struct error *err)
{
    w->bytes = ARENA_ARRAY(w->a, struct store_bytes *, w->count);
    for (size_t i = 0; i < w->count; i++)
        if (!goes_on(w, err) || !store_adopt(w->f->store, w->copies[i], &w->bytes[i], err))
            return false;
    return true;
}

// ---- the asset

static json_t *sequence_fact(const struct gathering *w, const struct sequence_name *name,
                             const char *pattern)
{
    json_t *missing = json_array();
    for (size_t i = 1; i < w->count; i++)
        for (int64_t n = w->frames[i - 1].number + 1;
             n < w->frames[i].number && json_array_size(missing) < MISSING_MOST; n++)
            json_array_append_new(missing, json_integer(n));
    return json_pack("{s:I,s:I,s:I,s:o,s:i,s:s}", "first", (json_int_t)w->frames[0].number, "last",
                     (json_int_t)w->frames[w->count - 1].number, "count", (json_int_t)w->count,
                     "missing", missing, "padding", name->padding, "pattern", pattern);
}

// What is known before anything has looked inside. A rate that was asked for stays (rate_from
// "given"), else it is the project's.
static bool known_facts(struct db_tx *tx, const struct gathering *w, char **text, struct error *err)
{
    char rate[32] = "24/1", pattern[256] = "";
    struct sequence_name name = {0};
    const char *given = json_string_value(json_object_get(w->asset, "rate"));
    const char *first = strrchr(w->frames[0].path, '/') + 1;
    *text = NULL;
    if (w->count < 2 || !sequence_name_parse(text_of(first), &name))
        return true;
    struct db_rows *rows =
        db_query(tx, "select sequence_rate from projects where id = ?1", "s", w->g.project);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), rate, sizeof(rate));
    if (!db_end(rows, err))
        return false;
    if (given)
        snprintf(rate, sizeof(rate), "%s%s", given, strchr(given, '/') ? "" : "/1");
    if (!sequence_pattern(&name, pattern, sizeof(pattern)))
        text_copy(text_of(first), pattern, sizeof(pattern));
    json_t *facts = json_pack(
        "{s:s,s:s,s:I,s:s,s:b,s:s,s:[],s:[],s:[],s:o,s:[],s:s,s:{}}", "container", "image sequence",
        "kind", "sequence", "duration_frames", (json_int_t)w->count, "rate", rate, "vfr", 0,
        "rate_from", given ? "given" : "project", "video", "audio", "captions", "sequence",
        sequence_fact(w, &name, pattern), "damage", "duration_text", "", "tags");
    *text = json_dumps(facts, JSON_COMPACT);
    json_decref(facts);
    return true;
}

static bool add_asset(struct db_tx *tx, const struct gather *g, const json_t *asset, bool movie,
                      struct asset_wish *wish, struct asset_made *made, struct error *err)
{
    char before[27];
    id folder = {""};
    const char *path = json_string_value(json_object_get(asset, "folder"));
    if (!gather_before(tx, g, movie, before, err))
        return false;
    wish->project = g->project;
    wish->by = g->by;
    if (before[0])
        return version_add(tx, before, wish, made, err);
    if (path && *path && !folder_ensure(tx, g->project, NULL, path, &folder, err))
        return false;
    wish->folder = folder.text;
    return asset_add(tx, wish, made, err);
}

static bool make_asset(struct gathering *w, struct db_tx *tx, struct error *err)
{
    struct asset_file *files = ARENA_ARRAY(w->a, struct asset_file, w->count);
    struct asset_made made;
    char *facts = NULL;
    for (size_t i = 0; i < w->count; i++) {
        files[i] = (struct asset_file){.name = strrchr(w->frames[i].path, '/') + 1,
                                       .content = *store_bytes_content(w->bytes[i], 0),
                                       .size = store_bytes_size(w->bytes[i], 0),
                                       .modified_ms = w->modified_ms[i]};
        if (!store_record(tx, w->bytes[i], err))
            return false;
    }
    if (!known_facts(tx, w, &facts, err))
        return false;
    struct asset_wish wish = {.name = json_string_value(json_object_get(w->asset, "name")),
                              .kind = w->count > 1 ? "sequence" : asset_kind_of_name(files[0].name),
                              .files = files,
                              .file_count = w->count,
                              .facts = facts};
    bool ok = add_asset(tx, &w->g, w->asset, false, &wish, &made, err) &&
              gather_made(tx, &w->g, made.asset.text, made.version.text, err);
    free(facts);
    return ok;
}

static bool end_in(struct db_tx *tx, void *context, struct error *err)
{
    struct gathering *w = context;
    struct gather now;
    bool found;
    if (!gather_get(tx, w->g.id, w->a, &now, &found, err))
        return false;
    w->stale = !found || !now.waits || !now.current;
    if (!w->stale && !w->asset) // frames in their place are all that was asked
        return gather_made(tx, &w->g, NULL, NULL, err);
    if (!w->stale)
        return make_asset(w, tx, err);
    return !found || !now.waits || gather_stale(tx, &w->g, err);
}

struct telling {
    const struct gather *g;
    const struct error *why;
    int64_t again_ms;
};

static bool tell_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct telling *t = context;
    return gather_problem(tx, t->g, t->why, t->again_ms, err);
}

static bool stale_in(struct db_tx *tx, void *context, struct error *err)
{
    return gather_stale(tx, &((struct gathering *)context)->g, err);
}

static bool bring_in(struct gathering *w, bool sandbox, struct error *err)
{
    if (!w->g.current) // it runs again: the next time counts
        return db_write(w->f->db, stale_in, w, err);
    bool ok = find_output(w, err) && (!w->tiles || assemble_all(w, sandbox, err)) &&
              find_files(w, err) && (w->asset ? copy_all(w, err) : in_place(w)) &&
              look_at_all(w, sandbox, err) && (!w->asset || store_all(w, err)) &&
              db_write(w->f->db, end_in, w, err);
    for (size_t i = 0; w->bytes && i < w->count; i++)
        store_settle(w->f->store, w->bytes[i], ok && !w->stale);
    return ok;
}

bool flow_gather(struct flow *f, bool sandbox, bool (*on)(void *context), void *context, bool *more,
                 struct error *err)
{
    struct error second;
    struct gathering w = {.f = f, .a = arena_open((size_t)1 << 30), .on = on, .context = context};
    bool ok = db_read(f->db, read_in, &w, err);
    *more = ok && !w.done;
    if (ok && w.done)
        ok = tiles_turn(f, sandbox, on, context, more, err);
    else if (*more && !bring_in(&w, sandbox, err)) {
        ok = false;
        *more = false;
        // What the disk did may pass by itself; what a file is, or does to an engine, does not.
        bool again = err->kind == ERROR_NO_SPACE || err->kind == ERROR_IO ||
                     err->kind == ERROR_TIMEOUT || err->kind == ERROR_NETWORK;
        struct telling t = {&w.g, err, again ? clock_now_ms() : 0};
        if (err->kind != ERROR_CANCELLED && !db_write(f->db, tell_in, &t, &second))
            error_while(err, "%s", second.what);
        *more = err->kind != ERROR_CANCELLED && !again;
    }
    if (f->gathered[0] && !folder_remove(f->gathered, &second))
        ok = ok && error_while(&second, "clearing up") && false;
    json_decref(w.document);
    arena_close(w.a);
    return ok;
}

// ---- the movie of it

static const json_t *asset_of(struct db_tx *tx, const struct gather *g, json_t **document,
                              struct error *err)
{
    if (!job_document(tx, g->job, document, err))
        return NULL;
    const json_t *outputs = json_object_get(json_object_get(*document, "options"), "outputs");
    return json_object_get(json_array_get(outputs, (size_t)g->position), "asset");
}

bool gather_deliver(struct flow *f, struct db_tx *tx, const char *version, int64_t now_ms,
                    struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    struct gather g;
    struct error why;
    bool found;
    json_t *document = NULL, *profile = NULL;
    id delivery;
    bool ok = gather_of_version(tx, version, a, &g, &found, err);
    const json_t *asset = ok && found ? asset_of(tx, &g, &document, err) : NULL;
    const char *as = json_string_value(json_object_get(asset, "as"));
    if (ok && as && strcmp(as, "movie") == 0) {
        const char *name = json_string_value(json_object_get(asset, "profile"));
        struct delivery_wish wish = {.version = version, .by = g.by};
        error_set(&why, ERROR_INTERNAL, "this house makes no movies");
        bool there = f->profiles[0] && name && profile_load(f->profiles, name, &profile, &why);
        if (there && profile_several(profile)) {
            error_set(&why, ERROR_UNSUPPORTED, "%s makes several files, and a movie is one", name);
            error_fix(&why, "deliver the sequence by it");
            ok = gather_problem(tx, &g, &why, 0, err);
        } else if (there) {
            wish.profile = profile;
            ok = delivery_make(tx, &wish, now_ms, &delivery, err) &&
                 gather_delivers(tx, &g, delivery.text, err);
        } else { // the sequence stays; the person hears why there is no movie
            ok = gather_problem(tx, &g, &why, 0, err);
        }
    }
    json_decref(profile);
    json_decref(document);
    arena_close(a);
    return ok;
}

static bool as_asked(const json_t *checks, struct error *why)
{
    size_t i;
    const json_t *one;
    json_array_foreach(checks, i, one)
    {
        if (json_is_true(json_object_get(one, "ok")))
            continue;
        const char *what = json_string_value(json_object_get(one, "what"));
        const char *wanted = json_string_value(json_object_get(one, "wanted"));
        const char *seen = json_string_value(json_object_get(one, "seen"));
        error_set(why, ERROR_OUTPUT, "the movie is not what its profile says");
        return error_why(why, "%s is %s; wanted is %s", what ? what : "something",
                         seen ? seen : "?", wanted ? wanted : "?");
    }
    return true;
}

static bool take_movie(struct db_tx *tx, struct arena *a, const struct gather *g,
                       const json_t *asset, const char *delivery, struct error *err)
{
    struct delivery_file file;
    struct asset_made made;
    if (!delivery_file(tx, delivery, -1, a, &file, err))
        return false;
    const char *dot = strrchr(file.name, '.');
    const char *name =
        arena_format(a, "%s%s", json_string_value(json_object_get(asset, "name")), dot ? dot : "");
    struct asset_file one = {.name = file.name, .content = file.content, .size = file.size};
    struct asset_wish wish = {
        .name = name, .kind = asset_kind_of_name(file.name), .files = &one, .file_count = 1};
    return add_asset(tx, g, asset, true, &wish, &made, err) &&
           gather_movie(tx, g, made.asset.text, made.version.text, err);
}

bool gather_delivered(struct db_tx *tx, const char *delivery, const json_t *body, int64_t now_ms,
                      struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    struct gather g;
    struct error why;
    bool found;
    json_t *document = NULL;
    (void)now_ms;
    bool ok = gather_of_delivery(tx, delivery, a, &g, &found, err);
    const json_t *asset = ok && found ? asset_of(tx, &g, &document, err) : NULL;
    const char *state = json_string_value(json_object_get(body, "state"));
    if (ok && asset && state && strcmp(state, "failed") == 0) {
        const json_t *problem = json_object_get(body, "problem");
        const char *title = json_string_value(json_object_get(problem, "title"));
        error_set(&why, ERROR_CHILD, "the movie of the frames was not made");
        error_why(&why, "%s", title ? title : "its job failed");
        error_fix(&why, "try its job again");
        ok = gather_problem(tx, &g, &why, 0, err);
    } else if (ok && asset) {
        ok = as_asked(json_object_get(body, "checks"), &why)
                 ? take_movie(tx, a, &g, asset, delivery, err)
                 : gather_problem(tx, &g, &why, 0, err);
    }
    json_decref(document);
    arena_close(a);
    return ok;
}
