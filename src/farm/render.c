#include "farm/render.h"
#include "base/log.h"
#include "farm/gpus.h"
#include "farm/session.h"
#include "farm/stage.h"
#include "formats/sequence/sequence.h"
#include "plat/disk.h"
#include "plat/files.h"
#include "plat/hidden.h"
#include "tickets/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

enum { OUTPUTS_MOST = 64, PICTURE_MOST = 256 << 10, ROOM_LEAST_BYTES = 1 << 20 };
#define PICTURE "picture.jpg"

struct output {
    int64_t index;              // among the job's
    const char *folder, *name;  // of the pattern, as the house sees it
    const char *said_in;        // the hidden folder, likewise
    const char *here, *made_in; // the same as this machine sees them
    struct hidden *hidden;      // NULL: that of one before
    int64_t width, height, min_bytes;
    bool not_black;
    const char *nan, *tile; // NULL: not said; the parameter that counts its tiles
};

struct render {
    struct render_wish wish;
    char *scratch, *mark;
    char *pictures; // the folder in which the engine makes a small one
    // of the session
    struct arena *a; // NULL: there is none
    char job[27];
    int64_t step_number;
    uint64_t gpus;
    struct openjd_job *made;
    const struct openjd_step *step;
    struct openjd_path_rules rules;
    struct staged *staged; // NULL: its files are on disks that we share
    bool cold;             // frames wait for frames: what a session has is old at its next task
    struct session_wish session_wish;
    struct session *session;
    struct output outputs[OUTPUTS_MOST];
    size_t output_count;
    bool failed;
    // of the attempt that runs
    const struct render_calls *calls;
    char attempt[27];
    int64_t token, done, total;
};

struct render *render_open(const struct render_wish *wish)
{
    struct render *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    r->wish = *wish;
    r->scratch = strdup(wish->scratch);
    r->mark = strdup(wish->mark);
    if (!r->scratch || !r->mark ||
        asprintf(&r->pictures, "%s/pictures-%s", wish->scratch, wish->mark) < 0)
        abort();
    return r;
}

void render_rest(struct render *r)
{
    struct error err;
    while (r->session && session_depth(r->session))
        if (!session_leave(r->session, &err))
            log_problem("render.leave", &err);
    session_close(r->session);
    r->session = NULL;
    for (size_t i = 0; i < r->output_count; i++)
        if (!hidden_close(r->outputs[i].hidden, &err))
            log_problem("render.folder", &err);
    r->output_count = 0;
    staged_close(r->staged);
    r->staged = NULL;
    arena_close(r->a);
    r->a = NULL;
    r->job[0] = 0;
    r->failed = false;
}

void render_close(struct render *r)
{
    if (!r)
        return;
    render_rest(r);
    struct error ignored; // it is scratch
    (void)!folder_remove(r->pictures, &ignored);
    free(r->pictures);
    free(r->scratch);
    free(r->mark);
    free(r);
}

// ---- what the session hears and says

static void on_said(void *context, enum session_voice voice, text line)
{
    struct render *r = context;
    if (voice != SESSION_DETAIL && r->calls && r->calls->said)
        r->calls->said(r->calls->context, line);
}

static void on_news(void *context, const struct session_news *news)
{
    struct render *r = context;
    if (r->calls && news->progress >= 0)
        r->calls->progress(r->calls->context, r->done * 100 + (int64_t)news->progress,
                           r->total * 100);
}

static enum process_ask on_ask(void *context)
{
    struct render *r = context;
    const struct render_calls *c = r->calls;
    return c && !c->asked(c->context)                ? PROCESS_CANCEL_NOW
           : c && c->paused && c->paused(c->context) ? PROCESS_PAUSE
                                                     : PROCESS_GO_ON;
}

// ---- opening a session

static const char *word(const json_t *from, const char *name)
{
    return json_string_value(json_object_get(from, name));
}

static bool parse(struct arena *a, const char *words, struct openjd_template **to,
                  struct error *err)
{
    struct openjd_mistakes *m = ARENA_NEW(a, struct openjd_mistakes);
    const char *first = words ? words + strspn(words, " \t\r\n") : "";
    struct openjd_wish wish = {*first == '{' ? OPENJD_JSON : OPENJD_YAML, OPENJD_ALL_EXTENSIONS};
    if (words && openjd_parse(a, text_of(words), &wish, to, m))
        return true;
    error_set(err, ERROR_INPUT, "the template can not be read");
    return error_why(err, "line %lld: %s", (long long)m->at[0].line, m->at[0].rule);
}

// "/a/b" is "/a/b" itself or lies below it.
static bool leads_to(text path, const char *folder)
{
    size_t size = strlen(folder);
    return path.size >= size && memcmp(path.at, folder, size) == 0 &&
           (path.size == size || path.at[size] == '/');
}

// The value of a PATH parameter that leads to an output's folder, led to the hidden one. A folder
// that is no output by what the template says is turned only when it is that very folder.
static const char *turned(const struct render *r, const struct openjd_job_parameter *p)
{
    if (p->merged.type != OPENJD_T_PATH)
        return NULL;
    bool out = text_is(p->merged.data_flow, "OUT") || text_is(p->merged.data_flow, "INOUT");
    for (size_t i = 0; i < r->output_count; i++) {
        const struct output *o = &r->outputs[i];
        text path = p->value.words;
        if (!leads_to(path, o->folder) || (!out && path.size != strlen(o->folder)))
            continue;
        return arena_format(r->a, "%s%.*s", o->said_in, (int)(path.size - strlen(o->folder)),
                            path.at + strlen(o->folder));
    }
    return NULL;
}

// Outputs of other steps are none of ours: they may be what this one reads.
static void drop_others(struct render *r, const json_t *options)
{
    size_t i, kept = 0;
    const json_t *one;
    json_array_foreach(json_object_get(options, "outputs"), i, one)
    {
        const char *step = word(one, "step");
        if (i < r->output_count && (!step || text_is(r->step->name, step)))
            r->outputs[kept++] = r->outputs[i];
    }
    r->output_count = kept;
}

// Outputs may share a folder.
static bool open_hidden(struct render *r, struct error *err)
{
    for (size_t i = 0; i < r->output_count; i++) {
        struct output *o = &r->outputs[i];
        size_t k = 0;
        while (k < i && strcmp(r->outputs[k].here, o->here) != 0)
            k++;
        if (k == i && !(o->hidden = hidden_open(o->here, r->mark, err)))
            return error_while(err, "the folder of the output");
        o->made_in = hidden_path(r->outputs[k].hidden);
    }
    return true;
}

static bool turn_outputs(struct render *r, struct openjd_submission *s, struct error *err)
{
    size_t count = s->given_count;
    struct openjd_given *all =
        ARENA_ARRAY(r->a, struct openjd_given, count + r->made->parameter_count + 1);
    for (size_t i = 0; i < count; i++)
        all[i] = s->given[i];
    for (size_t i = 0; i < r->made->parameter_count; i++) {
        const char *to = turned(r, &r->made->parameters[i]);
        if (to)
            all[count++] = (struct openjd_given){r->made->parameters[i].merged.name,
                                                 openjd_string(text_of(to))};
    }
    if (r->output_count && count == s->given_count) {
        error_set(err, ERROR_INPUT, "the frames can not be brought to %s", r->outputs[0].folder);
        error_why(err, "no PATH parameter of the template leads there");
        return error_fix(err, "give the template a PATH parameter with dataFlow OUT for it");
    }
    s->given = all;
    s->given_count = count;
    return open_hidden(r, err);
}

static bool find_step(struct render *r, int64_t step, const json_t *document, struct error *err)
{
    const json_t *index = json_array_get(json_object_get(document, "steps"), (size_t)step - 1);
    size_t at = (size_t)json_integer_value(index);
    if (!index || at >= r->made->step_count)
        return error_set(err, ERROR_INPUT, "the job has no step %lld", (long long)step);
    r->step = &r->made->steps[at];
    return true;
}

static bool make(struct render *r, int64_t step, const json_t *document, struct error *err)
{
    const json_t *rest = json_object_get(document, "rest"), *one;
    const json_t *environments = json_object_get(rest, "environments");
    size_t i, count = json_array_size(environments), given_count = 0;
    struct openjd_template *template;
    struct openjd_template **others = ARENA_ARRAY(r->a, struct openjd_template *, count + 1);
    struct openjd_given *given = NULL;
    if (!parse(r->a, word(document, "template"), &template, err))
        return false;
    json_array_foreach(environments, i,
                       one) if (!parse(r->a, json_string_value(one), &others[i], err)) return false;
    const json_t *values = json_object_get(rest, "parameters");
    char *text = values ? json_dumps(values, JSON_COMPACT) : NULL;
    bool ok = !text || openjd_given_parse(r->a, text_of(arena_text(r->a, text)), OPENJD_JSON,
                                          &given, &given_count, err);
    free(text);
    struct openjd_submission s = {.job = template,
                                  .environments = (const struct openjd_template *const *)others,
                                  .environment_count = count,
                                  .given = given,
                                  .given_count = given_count,
                                  .template_folder = "/",
                                  .work_folder = "/",
                                  .defaults_may_leave = true};
    if (!ok || !openjd_job_make(r->a, &s, &r->made, err) || !find_step(r, step, document, err))
        return false;
    drop_others(r, json_object_get(document, "options"));
    return !r->output_count ||
           (turn_outputs(r, &s, err) && openjd_job_make(r->a, &s, &r->made, err) &&
            find_step(r, step, document, err));
}

static void find_outputs(struct render *r, const json_t *options)
{
    size_t i;
    const json_t *one;
    r->output_count = 0;
    json_array_foreach(json_object_get(options, "outputs"), i, one)
    {
        const char *path = word(one, "path"), *slash = path ? strrchr(path, '/') : NULL;
        if (!slash || slash == path || r->output_count == OUTPUTS_MOST)
            continue;
        struct output *o = &r->outputs[r->output_count];
        *o = (struct output){.index = (int64_t)i,
                             .folder = arena_copy(r->a, path, (size_t)(slash - path)),
                             .name = arena_text(r->a, slash + 1),
                             .width = json_integer_value(json_object_get(one, "width")),
                             .height = json_integer_value(json_object_get(one, "height")),
                             .min_bytes = json_integer_value(json_object_get(one, "min_bytes")),
                             .not_black = json_is_true(json_object_get(one, "not_black"))};
        const json_t *tiles = json_object_get(one, "tiles");
        o->nan = word(one, "nan") ? arena_text(r->a, word(one, "nan")) : NULL;
        o->tile = tiles ? arena_text(r->a, word(tiles, "parameter")) : NULL;
        // Sizes and light are of the whole frame.
        if (tiles && strcmp(word(tiles, "crop"), "part") == 0)
            o->width = o->height = 0;
        o->not_black = o->not_black && !tiles;
        o->said_in = arena_format(r->a, "%s/.posthouse-%s", o->folder, r->mark);
        r->output_count++;
    }
}

static bool enter(struct render *r, struct error *err)
{
    for (size_t i = 0; i < r->made->environment_count; i++)
        if (!session_enter(r->session, r->made->environments[i], NULL, err))
            return false;
    for (size_t i = 0; i < r->step->of->environment_count; i++)
        if (!session_enter(r->session, &r->step->of->environments[i], r->step, err))
            return false;
    return true;
}

// ---- where files are

// Those of the job, then those of this machine; of two for one folder the first holds. `more` are
// from a staged job's own files.
static bool find_rules(struct render *r, const json_t *job_rules,
                       const struct openjd_path_rules *more, struct error *err)
{
    struct openjd_path_rules said = {NULL, 0};
    if (json_array_size(job_rules)) {
        json_t *all =
            json_pack("{s:s, s:O}", "version", "pathmapping-1.0", "path_mapping_rules", job_rules);
        char *text = json_dumps(all, JSON_COMPACT);
        json_decref(all);
        bool ok = openjd_path_rules_parse(r->a, text_of(arena_text(r->a, text)), &said, err);
        free(text);
        if (!ok)
            return false;
    }
    struct openjd_path_rule *list =
        ARENA_ARRAY(r->a, struct openjd_path_rule, said.count + more->count + 1);
    if (said.count)
        memcpy(list, said.at, said.count * sizeof(*list));
    if (more->count)
        memcpy(list + said.count, more->at, more->count * sizeof(*list));
    r->rules = (struct openjd_path_rules){list, said.count + more->count};
    return true;
}

// Where outputs go as this machine sees it.
static void map_outputs(struct render *r)
{
    for (size_t i = 0; i < r->output_count; i++) {
        text here;
        openjd_path_map(r->a, &r->rules, text_of(r->outputs[i].folder), OPENJD_POSIX, &here);
        r->outputs[i].here = arena_copy(r->a, here.at, here.size);
    }
}

static struct stage_of stage_of(struct render *r)
{
    return (struct stage_of){r->attempt, r->token, r->calls->asked, r->calls->said,
                             r->calls->context};
}

static bool open_files(struct render *r, const json_t *options, const json_t *rules,
                       struct error *err)
{
    const char *data = word(options, "data");
    static const struct openjd_path_rules none;
    if (!data || strcmp(data, "staged") != 0)
        return find_rules(r, rules, r->wish.paths ? r->wish.paths : &none, err);
    if (!r->wish.stage) {
        error_set(err, ERROR_UNSUPPORTED, "this worker can not fetch the job's files");
        return error_fix(err, "give it a cache: worker.cache");
    }
    struct stage_of of = stage_of(r);
    const char *folder = arena_format(r->a, "%s/files-%s", r->scratch, r->mark);
    const char **more = ARENA_ARRAY(r->a, const char *, r->output_count + 1);
    for (size_t i = 0; i < r->output_count; i++)
        more[i] = r->outputs[i].folder;
    if (!folder_remove(folder, err) || // of an earlier life
        !(r->staged = staged_open(r->wish.stage, &of, folder, err)))
        return false;
    r->cold = json_array_size(json_object_get(options, "frames_after")) > 0;
    return find_rules(r, rules, staged_rules(r->staged, r->a, more, r->output_count), err);
}

static bool open_session(struct render *r, const char *job, int64_t step, uint64_t gpus,
                         const json_t *document, struct error *err)
{
    const json_t *options = json_object_get(document, "options");
    const json_t *rules = json_object_get(json_object_get(document, "rest"), "path_mapping");
    const json_t *silence = json_object_get(options, "silence_minutes");
    r->a = arena_open(OPENJD_ARENA_BYTES);
    r->failed = true; // until it stands
    r->cold = false;
    find_outputs(r, options);
    if (!folder_make(r->scratch, 0750, err) || !folder_make(r->pictures, 0750, err) ||
        !open_files(r, options, rules, err))
        return false;
    map_outputs(r);
    if (!make(r, step, document, err))
        return false;
    r->session_wish = (struct session_wish){
        .job = r->made,
        .rules = &r->rules,
        .scratch = r->scratch,
        .environment = (const char *const *)environ,
        .gpus = gpus ? arena_text(r->a, gpus_text(gpus).text) : NULL,
        .renderers = r->wish.renderers,
        .renderer = word(options, "renderer") ? arena_text(r->a, word(options, "renderer")) : NULL,
        .silence_s = !silence                          ? 0
                     : json_number_value(silence) <= 0 ? -1
                                                       : (int)(json_number_value(silence) * 60),
        .said = on_said,
        .news = on_news,
        .ask = on_ask,
        .context = r};
    r->session = session_open(&r->session_wish, err);
    if (!r->session || !enter(r, err))
        return false;
    text_copy(text_of(job), r->job, sizeof(r->job));
    r->step_number = step;
    r->gpus = gpus;
    r->failed = false;
    return true;
}

// ---- outputs

static bool bad_output(struct error *err, int64_t frame, const char *name, const char *why)
{
    error_set(err, ERROR_OUTPUT, "frame %lld is not what was asked (%s)", (long long)frame, name);
    error_why(err, "%s", why);
    return error_fix(err, "see what the renderer says in the log of this attempt");
}

// The engine decodes it whole; nobody else opens what a program wrote. It also makes the small
// picture.
static bool is_as_asked(struct render *r, const struct output *o, const char *path, int64_t frame,
                        const char *name, struct error *err)
{
    json_t *result = NULL;
    json_t *asked = json_pack("{s:b, s:I, s:I, s:b, s:s*}", "tile", o->tile != NULL, "width",
                              (json_int_t)o->width, "height", (json_int_t)o->height, "not_black",
                              o->not_black, "nan", o->nan);
    json_t *ticket = json_pack("{s:s, s:o, s:s*}", "kind", "verify", "asked", asked, "output",
                               r->calls->pictured ? PICTURE : NULL);
    struct engine_wish wish = {.ticket = ticket,
                               .engine = r->wish.engine,
                               .sandbox = r->wish.sandbox,
                               .output_folder = r->pictures};
    bool ok = engine_run_files(&wish, &path, 1, &result, err);
    json_decref(ticket);
    if (!ok) {
        err->kind = ERROR_CHILD; // another try may make a good one
        return error_while(err, "looking at %s", name);
    }
    const json_t *row = json_array_get(json_object_get(result, "frames"), 0);
    const json_t *problem = json_object_get(row, "problem");
    ok = row && !problem;
    if (!ok)
        bad_output(err, frame, name, problem ? word(problem, "why") : "the engine does not tell");
    json_decref(result);
    return ok;
}

static bool sync_path(const char *path, int flags, struct error *err)
{
    int f = open(path, flags | O_CLOEXEC);
    bool ok = f >= 0 && fsync(f) == 0;
    if (!ok)
        error_errno(err, errno, "cannot make %s durable", path);
    if (f >= 0)
        close(f);
    return ok;
}

struct made_file {
    int64_t task, frame, tile; // tile -1: none
    const struct output *output;
    const char *name, *from, *to;
};
struct made_files {
    struct made_file *at;
    size_t count, room;
};

// Only for people to see: one that is not there is left out.
static void tell_picture(struct render *r, struct arena *a, int64_t task, int64_t output)
{
    const char *path = arena_format(a, "%s/" PICTURE, r->pictures);
    int f = r->calls->pictured ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char *at = f >= 0 ? malloc(PICTURE_MOST + 1) : NULL;
    ssize_t size = at ? read(f, at, PICTURE_MOST + 1) : 0;
    if (size > 0 && size <= PICTURE_MOST)
        r->calls->pictured(r->calls->context, task, output, at, (size_t)size);
    free(at);
    if (f >= 0) {
        close(f);
        unlink(path);
    }
}

static bool check_file(struct render *r, struct arena *a, struct made_file f,
                       struct made_files *files, struct error *err)
{
    const struct output *o = f.output;
    const char *name = f.name;
    struct stat seen;
    f.from = arena_format(a, "%s/%s", o->made_in, name);
    f.to = arena_format(a, "%s/%s", o->here, name);
    if (stat(f.from, &seen) != 0 || !S_ISREG(seen.st_mode))
        return bad_output(err, f.frame, name, "it was not made");
    if (seen.st_size == 0 || seen.st_size < o->min_bytes)
        return bad_output(err, f.frame, name,
                          seen.st_size
                              ? arena_format(a, "it has %lld bytes; asked were %lld at least",
                                             (long long)seen.st_size, (long long)o->min_bytes)
                              : "it is empty");
    if (!is_as_asked(r, o, f.from, f.frame, name, err) || !sync_path(f.from, O_RDONLY, err))
        return false;
    tell_picture(r, a, f.task, o - r->outputs);
    if (files->count == files->room) {
        files->room = files->room ? files->room * 2 : 16;
        files->at = realloc(files->at, files->room * sizeof(*files->at));
        if (!files->at)
            abort();
    }
    files->at[files->count++] = f;
    return true;
}

// The number of the task's tile; -1: the output has none.
static int64_t tile_of(const struct output *o, const struct openjd_task *t)
{
    for (size_t i = 0; o->tile && i < t->count; i++)
        if (text_is(t->values[i].name, o->tile))
            return t->values[i].value.whole;
    return -1;
}

static bool check_task(struct render *r, struct arena *a, const struct openjd_task *t,
                       int64_t number, struct made_files *files, struct error *err)
{
    const struct openjd_task_value *frame = openjd_task_frame(t);
    bool range = frame && frame->type == OPENJD_T_RANGE;
    uint64_t count = range ? frame->value.range->count : 1;
    for (size_t i = 0; i < r->output_count; i++)
        for (uint64_t k = 0; k < count; k++) {
            int64_t frame_number = range   ? openjd_range_at(frame->value.range, k)
                                   : frame ? frame->value.whole
                                           : 0;
            struct made_file f = {
                .task = number + (int64_t)k, .frame = frame_number, .output = &r->outputs[i]};
            f.tile = tile_of(f.output, t);
            f.name = f.output->name;
            if (f.tile >= 0)
                f.name = sequence_tile(a, f.name, f.tile);
            f.name = sequence_frame(a, f.name, frame_number);
            if (!check_file(r, a, f, files, err))
                return false;
        }
    return true;
}

static bool place(struct render *r, const struct made_files *files, struct error *err)
{
    for (size_t i = 0; i < files->count; i++) {
        enum render_place may = r->calls->may_place(r->calls->context, files->at[i].task);
        if (may == RENDER_STOP)
            return error_set(err, ERROR_CANCELLED, "another attempt counts, or it was stopped");
        if (may == RENDER_LEAVE)
            unlink(files->at[i].from); // nobody takes it for a later one's
        else if (rename(files->at[i].from, files->at[i].to) != 0)
            return error_errno(err, errno, "cannot bring %s into its place", files->at[i].name);
    }
    for (size_t i = 0; i < r->output_count; i++)
        if (!sync_path(r->outputs[i].here, O_RDONLY | O_DIRECTORY, err))
            return false;
    return true;
}

// Through the house, which has the place.
static bool hand_over(struct render *r, const struct made_files *files, struct error *err)
{
    struct stage_of of = stage_of(r);
    for (size_t i = 0; i < files->count; i++)
        if (!stage_send(r->wish.stage, &of,
                        &(struct stage_made){.output = files->at[i].output->index,
                                             .frame = files->at[i].frame,
                                             .task = files->at[i].task,
                                             .tile = files->at[i].tile,
                                             .path = files->at[i].from},
                        err))
            return false;
    if (!stage_place(r->wish.stage, &of, err))
        return false;
    for (size_t i = 0; i < files->count; i++)
        unlink(files->at[i].from);
    return true;
}

static bool bring(struct render *r, const struct made_files *files, struct error *err)
{
    if (r->staged)
        return hand_over(r, files, err);
    return place(r, files, err);
}

// A program seldom says that the disk was full; the disk does. It is no fault of the frame, of the
// scene or of this machine, so the frame waits until there is room.
static void ask_disks(const struct render *r, struct error *err)
{
    struct disk *d = disk_system();
    int64_t free_bytes, total_bytes;
    for (size_t i = 0; i < r->output_count && !r->staged; i++) {
        if (d->space(d, r->outputs[i].here, &free_bytes, &total_bytes) < 0 ||
            free_bytes >= ROOM_LEAST_BYTES)
            continue;
        error_set(err, ERROR_STORAGE, "there is no room in %s", r->outputs[i].folder);
        error_why(err, "its disk has %s free of %s", size_text(free_bytes).text,
                  size_text(total_bytes).text);
        error_fix(err, "free space there; the frames are tried again by themselves");
        return;
    }
}

// ---- an attempt

static bool run_tasks(struct render *r, struct arena *a, int64_t first, int64_t last,
                      struct made_files *files, struct error *err)
{
    int64_t row_tasks = (int64_t)openjd_space_row_tasks(r->step->space);
    r->done = 0;
    r->total = last - first + 1;
    for (int64_t t = first; t <= last;) {
        struct openjd_task task;
        int64_t row_end = (t / row_tasks + 1) * row_tasks - 1;
        int64_t end = last < row_end ? last : row_end;
        openjd_space_cut(a, r->step->space, (uint64_t)(t / row_tasks), (uint64_t)(t % row_tasks),
                         (uint64_t)(end - t + 1), &task);
        if (!session_task(r->session, r->step, &task, err) ||
            !check_task(r, a, &task, t, files, err))
            return false;
        t += (int64_t)task.task_count;
        r->done = t - first;
        r->calls->progress(r->calls->context, r->done * 100, r->total * 100);
    }
    return true;
}

bool render_run(struct render *r, const json_t *task, const json_t *document,
                const struct render_calls *calls, struct error *err)
{
    const char *job = word(task, "job");
    int64_t step = json_integer_value(json_object_get(task, "step"));
    int64_t first = json_integer_value(json_object_get(task, "first"));
    int64_t last = json_integer_value(json_object_get(task, "last"));
    uint64_t gpus = (uint64_t)json_integer_value(json_object_get(task, "gpus"));
    struct arena *a = arena_open((size_t)256 << 20);
    struct made_files files = {0};
    r->calls = calls;
    text_copy(text_of(word(task, "attempt")), r->attempt, sizeof(r->attempt));
    r->token = json_integer_value(json_object_get(task, "token"));
    if (r->a && (r->failed || r->cold || strcmp(r->job, job) != 0 || r->step_number != step ||
                 r->gpus != gpus)) // what is warm holds others
        render_rest(r);
    bool ok = r->a || open_session(r, job, step, gpus, document, err);
    uint64_t tasks = ok ? openjd_space_tasks(r->step->space) : 0;
    if (ok && (first < 0 || first > last || (uint64_t)last >= tasks))
        ok = error_set(err, ERROR_INPUT, "the step has no tasks %lld to %lld", (long long)first,
                       (long long)last);
    ok = ok && run_tasks(r, a, first, last, &files, err);
    if (ok && files.count)
        ok = bring(r, &files, err);
    if (!ok && (err->kind == ERROR_CHILD || err->kind == ERROR_DAMAGED || err->kind == ERROR_IO ||
                err->kind == ERROR_NO_SPACE))
        ask_disks(r, err);
    r->failed |= !ok;
    if (!ok && r->a)
        render_rest(r); // after a failure only leaving is allowed
    r->calls = NULL;
    free(files.at);
    arena_close(a);
    return ok;
}
