// What a submission says of its files, and which files those are.
#include "formats/openjd/openjd.h"
#include "formats/sequence/sequence.h"
#include "house/jobs/inside.h"

#include <stdlib.h>
#include <string.h>

enum { FRAMES_MOST = 1000000, GRID_MOST = 1000 };

static bool bad(struct error *err, const char *field, const char *why)
{
    error_set(err, ERROR_INPUT, "the job can not be taken: an output's \"%s\"", field);
    error_why(err, "%s", why);
    return error_fix(err, "its form: docs/formats/submission.md");
}

static bool fields(const json_t *from, const char *of, const char *const *known, struct error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)from, name, value)
    {
        bool found = false;
        struct buf all = BUF_LIMIT(400);
        for (size_t i = 0; known[i]; i++) {
            found |= strcmp(known[i], name) == 0;
            buf_format(&all, "%s%s", i ? ", " : "", known[i]);
        }
        if (!found) {
            error_set(err, ERROR_INPUT, "%s can not have \"%s\"", of, name);
            error_fix(err, "it has %s", all.at);
        }
        buf_free(&all);
        if (!found)
            return false;
    }
    return true;
}

static bool is_path(const char *path)
{
    return path && path[0] == '/' && strchr(path + 1, '/') && strlen(path) <= 3000;
}

static bool one_of(const char *value, const char *const *list)
{
    for (size_t i = 0; list[i]; i++)
        if (strcmp(value, list[i]) == 0)
            return true;
    return false;
}

// "24", "24000/1001"
static bool is_rate(const char *rate)
{
    size_t whole = strspn(rate, "0123456789");
    size_t rest = rate[whole] == '/' ? 1 + strspn(rate + whole + 1, "0123456789") : 0;
    return whole > 0 && whole < 7 && rest != 1 && rest < 7 && !rate[whole + rest] &&
           atoi(rate) > 0 && (!rest || atoi(rate + whole + 1) > 0);
}

static bool check_asset(const json_t *asset, struct error *err)
{
    static const char *const known[] = {"name", "folder", "as", "rate", "profile", NULL};
    static const char *const forms[] = {"sequence", "movie", NULL};
    const char *as = json_string_value(json_object_get(asset, "as"));
    const char *name = json_string_value(json_object_get(asset, "name"));
    const json_t *rate = json_object_get(asset, "rate"),
                 *profile = json_object_get(asset, "profile");
    if (!json_is_object(asset) || !fields(asset, "an output's asset", known, err))
        return json_is_object(asset) ? false : bad(err, "asset", "it is not an object");
    if (!name || !*name || strlen(name) > 255 || strchr(name, '/'))
        return bad(err, "asset", "its name is what people will see: 1 to 255 bytes without '/'");
    if (json_object_get(asset, "folder") && !json_is_string(json_object_get(asset, "folder")))
        return bad(err, "asset", "its folder is a path such as Renders/sh010");
    if (as && !one_of(as, forms))
        return bad(err, "asset", "it comes as \"sequence\" or as \"movie\"");
    if (rate && (!json_is_string(rate) || !is_rate(json_string_value(rate))))
        return bad(err, "asset", "its rate is like \"24\" or \"24000/1001\"");
    if (profile && !json_is_string(profile))
        return bad(err, "asset", "its profile is a name (posthouse profile)");
    if (as && strcmp(as, "movie") == 0 && !profile)
        return bad(err, "asset", "a movie needs a profile to be made by (posthouse profile)");
    return true;
}

static bool check_tiles(const json_t *tiles, const char *path, struct error *err)
{
    static const char *const known[] = {"parameter", "columns",  "rows", "crop",
                                        "into",      "anywhere", NULL};
    static const char *const crops[] = {"part", "whole", "window", NULL};
    const char *crop = json_string_value(json_object_get(tiles, "crop"));
    json_int_t columns = json_integer_value(json_object_get(tiles, "columns"));
    json_int_t rows = json_integer_value(json_object_get(tiles, "rows"));
    if (!json_is_object(tiles) || !fields(tiles, "an output's tiles", known, err))
        return json_is_object(tiles) ? false : bad(err, "tiles", "they are not an object");
    if (!json_is_string(json_object_get(tiles, "parameter")))
        return bad(err, "tiles", "\"parameter\" names the task parameter that counts them");
    if (columns < 1 || rows < 1 || columns > GRID_MOST || rows > GRID_MOST || columns * rows < 2)
        return bad(err, "tiles", "columns and rows are 1 to 1000, and two tiles at least");
    if (!crop || !one_of(crop, crops))
        return bad(err, "tiles", "\"crop\" is part, whole or window");
    if (!is_path(json_string_value(json_object_get(tiles, "into"))))
        return bad(err, "tiles", "\"into\" is the frames' absolute path: /show/beauty.####.exr");
    const char *name = strrchr(path, '/');
    return (name && strstr(name, "{tile}")) ||
           bad(err, "path", "a tile's file name has {tile} in it: /show/beauty.####.t{tile}.exr");
}

static bool check_output(const json_t *one, struct error *err)
{
    static const char *const known[] = {"step",      "path", "width", "height", "min_bytes",
                                        "not_black", "nan",  "asset", "tiles",  NULL};
    static const char *const nans[] = {"refuse", "allow", NULL};
    const char *path = json_string_value(json_object_get(one, "path"));
    const json_t *black = json_object_get(one, "not_black"), *nan = json_object_get(one, "nan");
    if (!fields(one, "an output", known, err))
        return false;
    if (!is_path(path))
        return bad(err, "path", "it is absolute and names a file in a folder");
    if (black && !json_is_boolean(black))
        return bad(err, "not_black", "it is true or false");
    if (nan && (!json_is_string(nan) || !one_of(json_string_value(nan), nans)))
        return bad(err, "nan", "it is \"refuse\" or \"allow\"");
    return (!json_object_get(one, "asset") || check_asset(json_object_get(one, "asset"), err)) &&
           (!output_tiles(one) || check_tiles(output_tiles(one), path, err));
}

bool outputs_check(const json_t *options, struct error *err)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(options, "outputs"), i,
                       one) if (!check_output(one, err)) return false;
    return true;
}

const json_t *output_tiles(const json_t *output)
{
    return json_object_get(output, "tiles");
}

// ---- the files

struct listing {
    struct arena *a;
    const char *folder, *name;
    struct job_frame *at;
    size_t count, room;
};

static void add_frame(struct listing *l, int64_t number)
{
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 256;
        struct job_frame *more = ARENA_ARRAY(l->a, struct job_frame, l->room);
        if (l->count)
            memcpy(more, l->at, l->count * sizeof(*more));
        l->at = more;
    }
    l->at[l->count++] = (struct job_frame){
        number, arena_format(l->a, "%s/%s", l->folder, sequence_frame(l->a, l->name, number))};
}

static int by_number(const void *one, const void *two)
{
    const struct job_frame *a = one, *b = two;
    return (a->number > b->number) - (a->number < b->number);
}

static void list_step(struct listing *l, struct arena *work, const struct openjd_step *step)
{
    uint64_t tasks = openjd_space_tasks(step->space), row = openjd_space_row_tasks(step->space);
    for (uint64_t t = 0; t < tasks && l->count < FRAMES_MOST;) {
        struct openjd_task task;
        openjd_space_cut(work, step->space, t / row, t % row, row - t % row, &task);
        const struct openjd_task_value *v = openjd_task_frame(&task);
        bool range = v && v->type == OPENJD_T_RANGE;
        for (uint64_t k = 0; range && k < v->value.range->count; k++)
            add_frame(l, openjd_range_at(v->value.range, k));
        if (!range)
            add_frame(l, v ? v->value.whole : 0);
        t += task.task_count;
    }
}

static void each_once(struct listing *l)
{
    size_t kept = 0;
    if (l->count)
        qsort(l->at, l->count, sizeof(*l->at), by_number);
    for (size_t i = 0; i < l->count; i++)
        if (!kept || l->at[kept - 1].number != l->at[i].number)
            l->at[kept++] = l->at[i];
    l->count = kept;
}

// ---- tiles

static int by_frame(const void *one, const void *two)
{
    const struct job_tile *a = one, *b = two;
    int order = (a->frame > b->frame) - (a->frame < b->frame);
    return order ? order : (a->tile > b->tile) - (a->tile < b->tile);
}

static const struct openjd_task_value *value_of(const struct openjd_task *task, const char *name)
{
    for (size_t i = 0; i < task->count; i++)
        if (text_is(task->values[i].name, name))
            return &task->values[i];
    return NULL;
}

static bool no_tiles(struct error *err, const char *why)
{
    error_set(err, ERROR_INPUT, "the job can not be taken: its tiles are not as its template says");
    error_why(err, "%s", why);
    return error_fix(err, "tiles of an output: docs/formats/submission.md");
}

// Every frame has as many tiles as the grid.
static bool grid_is_full(const struct job_tile *list, size_t count, size_t each, struct arena *a,
                         struct error *err)
{
    for (size_t i = 0, next; i < count; i = next) {
        next = i;
        while (next < count && list[next].frame == list[i].frame)
            next++;
        if (next - i != each)
            return no_tiles(err, arena_format(a, "frame %lld has %zu tiles, the grid %zu",
                                              (long long)list[i].frame, next - i, each));
    }
    return count > 0 || no_tiles(err, "there are none");
}

bool outputs_tiles(struct arena *a, const struct openjd_job *job, const json_t *output,
                   struct job_tile **list, size_t *count, struct error *err)
{
    const json_t *tiles = output_tiles(output);
    const char *named = json_string_value(json_object_get(output, "step"));
    const char *path = json_string_value(json_object_get(output, "path"));
    const char *parameter = json_string_value(json_object_get(tiles, "parameter"));
    size_t each = (size_t)(json_integer_value(json_object_get(tiles, "columns")) *
                           json_integer_value(json_object_get(tiles, "rows")));
    const char *slash = strrchr(path, '/');
    const struct openjd_step *step = NULL;
    for (size_t i = 0; i < job->step_count; i++)
        if (named ? text_is(job->steps[i].name, named) : job->step_count == 1)
            step = &job->steps[i];
    if (!step)
        return no_tiles(err, "say which step makes them: \"step\"");
    uint64_t tasks = openjd_space_tasks(step->space), row = openjd_space_row_tasks(step->space);
    if (tasks > FRAMES_MOST)
        return no_tiles(err, "there are more than a million");
    *list = ARENA_ARRAY(a, struct job_tile, tasks + 1);
    *count = 0;
    for (uint64_t t = 0; t < tasks; t++) {
        struct openjd_task task;
        openjd_space_cut(a, step->space, t / row, t % row, 1, &task);
        const struct openjd_task_value *tile = value_of(&task, parameter);
        const struct openjd_task_value *frame = value_of(&task, "Frame");
        if (!tile || tile->type != OPENJD_T_INT)
            return no_tiles(
                err, arena_format(a, "the step has no parameter %s of the type INT", parameter));
        if (!frame || frame->type == OPENJD_T_STRING || frame->type == OPENJD_T_FLOAT)
            return no_tiles(err, "the step has no parameter Frame of whole numbers");
        struct job_tile *to = &(*list)[(*count)++];
        to->frame = frame->type == OPENJD_T_RANGE ? openjd_range_at(frame->value.range, 0)
                                                  : frame->value.whole;
        to->tile = tile->value.whole;
        to->task = (int64_t)t;
        to->path =
            arena_format(a, "%.*s/%s", (int)(slash - path), path,
                         sequence_frame(a, sequence_tile(a, slash + 1, to->tile), to->frame));
    }
    qsort(*list, *count, sizeof(**list), by_frame);
    return grid_is_full(*list, *count, each, a, err);
}

bool outputs_fit(struct arena *a, const struct openjd_job *job, const json_t *options,
                 struct error *err)
{
    struct job_tile *list;
    size_t i, count;
    const json_t *one;
    json_array_foreach(json_object_get(options, "outputs"), i, one)
    {
        if (!output_tiles(one))
            continue;
        if (!outputs_tiles(a, job, one, &list, &count, err))
            return false;
    }
    return true;
}

bool job_output_tiles(const json_t *document, size_t output, struct arena *a,
                      struct job_tile **list, size_t *count, struct error *err)
{
    const json_t *one =
        json_array_get(json_object_get(json_object_get(document, "options"), "outputs"), output);
    struct openjd_job *job;
    return document_job(a, document, &job, err) && outputs_tiles(a, job, one, list, count, err);
}

bool job_output_frames(const json_t *document, size_t output, struct arena *a,
                       struct job_frame **list, size_t *count, struct error *err)
{
    const json_t *one =
        json_array_get(json_object_get(json_object_get(document, "options"), "outputs"), output);
    const char *step = json_string_value(json_object_get(one, "step"));
    const char *path = output_tiles(one)
                           ? json_string_value(json_object_get(output_tiles(one), "into"))
                           : json_string_value(json_object_get(one, "path"));
    const char *slash = path ? strrchr(path, '/') : NULL;
    struct arena *work = arena_open((size_t)1 << 31);
    struct openjd_job *job;
    bool ok = slash || error_set(err, ERROR_INPUT, "the job has no such output");
    ok = ok && document_job(work, document, &job, err);
    if (ok) {
        struct listing l = {.a = a,
                            .folder = arena_copy(a, path, (size_t)(slash - path)),
                            .name = arena_text(a, slash + 1)};
        for (size_t i = 0; i < job->step_count; i++)
            if (!step || text_is(job->steps[i].name, step))
                list_step(&l, work, &job->steps[i]);
        each_once(&l);
        *list = l.at;
        *count = l.count;
    }
    arena_close(work);
    return ok;
}
