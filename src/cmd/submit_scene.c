#include "cmd/submit_scene.h"
#include "farm/scene.h"
#include "plat/files.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *ending_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    return dot ? dot : "";
}

bool submit_is_template(const char *word)
{
    const char *ending = ending_of(word);
    return strcasecmp(ending, ".yaml") == 0 || strcasecmp(ending, ".yml") == 0 ||
           strcasecmp(ending, ".json") == 0;
}

// ---- which renderer

static bool takes(const json_t *renderer, const char *ending)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(renderer, "extensions"), i,
                       one) if (strcasecmp(json_string_value(one), ending) == 0) return true;
    return false;
}

// Of those that the house knows; a new reference.
static json_t *choose(struct command_call *call, struct house *h, const char *scene,
                      struct error *err)
{
    const char *named = option_text(call, "renderer"), *ending = ending_of(scene);
    json_t *all = house_ask(h->client, "GET", NULL, err, "/renderers"), *found = NULL;
    size_t i;
    json_t *one;
    if (!all)
        return NULL;
    json_array_foreach(all, i, one) if (!found && (named ? strcmp(json_word(one, "name"), named) == 0
                                                         : takes(one, ending)))
        found = json_incref(one);
    if (!found) {
        struct buf names = BUF_LIMIT(500);
        json_array_foreach(all, i, one)
            buf_format(&names, "%s%s", i ? ", " : "", json_word(one, "name"));
        error_set(err, ERROR_NOT_FOUND, "no renderer is known for %s", named ? named : scene);
        error_fix(err, "say --renderer NAME: %s", names.at ? names.at : "");
        buf_free(&names);
    } else if (strcmp(json_word(found, "needs"), "windows") == 0) {
        error_set(err, ERROR_UNSUPPORTED, "%s can not be rendered here", json_word(found, "title"));
        error_why(err, "it needs a worker on Windows, which there is not yet");
        json_decref(found);
        found = NULL;
    }
    json_decref(all);
    return found;
}

// ---- what its template asks for

static bool asks_for(const char *template, const char *parameter)
{
    char mark[64];
    snprintf(mark, sizeof(mark), "{name: %s,", parameter);
    return strstr(template, mark) != NULL;
}

struct filling {
    struct command_call *call;
    const char *template;
    json_t *values;
};

static void fill(struct filling *f, const char *name, const char *value)
{
    if (value && *value && asks_for(f->template, name) && !json_object_get(f->values, name))
        json_object_set_new(f->values, name, json_string(value));
}

static void fill_number(struct filling *f, const char *name, int64_t value)
{
    fill(f, name, arena_format(f->call->arena, "%lld", (long long)value));
}

static const char *filled(const struct filling *f, const char *name)
{
    return json_string_value(json_object_get(f->values, name));
}

// "1-100" from the scene or the command line; its first and last number.
static bool frames(struct filling *f, const struct scene_files *s, struct error *err)
{
    const char *said = option_text(f->call, "frames");
    long long first = 0, last = 0;
    if (!said && s->width)
        said = arena_format(f->call->arena, s->step > 1 ? "%d-%d:%d" : "%d-%d", s->first, s->last,
                            s->step);
    fill(f, "Frames", said);
    if (!filled(f, "Frames")) {
        error_set(err, ERROR_USAGE, "which frames is not said");
        return error_fix(err, "say --frames 1-100");
    }
    const char *whole = filled(f, "Frames"), *end = strrchr(whole, ',');
    sscanf(whole, "%lld", &first);
    end = end ? end + 1 : whole;
    const char *dash = strchr(*end == '-' ? end + 1 : end, '-');
    sscanf(dash ? dash + 1 : end, "%lld", &last);
    fill_number(f, "FirstFrame", first);
    fill_number(f, "LastFrame", last);
    return true;
}

// Where frames go: --out, else where the scene says, else `render` beside it.
static void places(struct filling *f, const char *scene, const struct scene_files *s)
{
    struct arena *a = f->call->arena;
    char above[PATH_MAX], whole[PATH_MAX];
    const char *out = option_text(f->call, "out"), *front = NULL;
    path_folder(scene, above, sizeof(above));
    if (out) {
        out = out[0] == '/' || !realpath(".", whole) ? out : arena_format(a, "%s/%s", whole, out);
    } else if (s->output && s->output[0]) {
        const char *at = s->output, *slash = strrchr(at, '/');
        bool beside = strncmp(at, "//", 2) == 0;
        const char *folder = slash ? arena_copy(a, at, (size_t)(slash - at)) : "";
        front = slash ? slash + 1 : at;
        out = beside ? arena_format(a, "%s/%s", above, strlen(folder) > 2 ? folder + 2 : "")
                     : folder;
        front = arena_copy(a, front, strcspn(front, "#"));
    }
    fill(f, "OutputDir", out && *out ? out : arena_format(a, "%s/render", above));
    fill(f, "OutputName", front);
}

// What is looked at before a frame counts: where we know how the renderer names its files.
static void outputs(struct filling *f, const char *renderer, const struct scene_files *s,
                    json_t *options)
{
    static const char *const endings[][2] = {{"OPEN_EXR", ".exr"}, {"OPEN_EXR_MULTILAYER", ".exr"},
                                             {"PNG", ".png"},      {"TIFF", ".tif"},
                                             {"JPEG", ".jpg"},     {"DPX", ".dpx"}};
    struct arena *a = f->call->arena;
    const char *folder = filled(f, "OutputDir"), *name = filled(f, "OutputName"), *end = ".png";
    const char *digits = "####";
    int64_t width = s->width, height = s->height;
    if (json_object_get(options, "outputs") || !folder)
        return;
    if (strcmp(renderer, "blender") == 0) {
        const char *format = filled(f, "Format");
        end = ".exr";
        for (size_t i = 0; format && i < sizeof(endings) / sizeof(endings[0]); i++)
            end = strcmp(endings[i][0], format) == 0 ? endings[i][1] : end;
    } else if (strcmp(renderer, "povray") == 0) { // as many digits as the last frame has
        digits = arena_copy(a, "########", strlen(filled(f, "LastFrame")));
        width = filled(f, "Width") ? strtoll(filled(f, "Width"), NULL, 10) : 1920;
        height = filled(f, "Height") ? strtoll(filled(f, "Height"), NULL, 10) : 1080;
    } else {
        return;
    }
    json_t *one = json_pack("{s:s, s:s}", "step", "Render", "path",
                            arena_format(a, "%s/%s%s%s", folder, name ? name : "frame_", digits,
                                         end));
    if (width > 0 && height > 0) {
        json_object_set_new(one, "width", json_integer(width));
        json_object_set_new(one, "height", json_integer(height));
    }
    json_object_set_new(options, "outputs", json_pack("[o]", one));
}

static bool check_files(struct command_call *call, const char *scene, struct scene_files *s,
                        json_t *options, struct error *err)
{
    if (!scene_files(call->arena, scene, s, err))
        return false;
    if (s->missing && !option_flag(call, "without-missing"))
        return scene_missing(s, err);
    if (s->width && !s->has_camera) {
        error_set(err, ERROR_INPUT, "%s has no camera", scene);
        return error_fix(err, "add one in the scene and make it the active camera");
    }
    json_t *inputs = json_array();
    for (size_t i = 0; i < s->count; i++)
        if (s->files[i].there == SCENE_THERE)
            json_array_append_new(inputs, json_string(s->files[i].path));
    json_object_set_new(options, "inputs", inputs);
    return true;
}

// Renderers that look for included files in folders of a list, and not beside the scene (POV-Ray).
static void library(struct filling *f, const char *scene)
{
    char above[PATH_MAX];
    if (!asks_for(f->template, "LibraryUsed") || filled(f, "Library"))
        return;
    path_folder(scene, above, sizeof(above));
    fill(f, "Library", above);
    fill(f, "LibraryUsed", "true");
}

bool submit_scene(struct command_call *call, struct house *h, const char *scene, json_t *values,
                  json_t *options, const char **template, const char **name, struct error *err)
{
    struct scene_files s;
    char whole[PATH_MAX];
    if (!realpath(scene, whole)) {
        error_set(err, ERROR_NOT_FOUND, "%s is not there", scene);
        return error_fix(err, "see that the path is right");
    }
    json_t *renderer = choose(call, h, scene, err);
    if (!renderer)
        return false;
    bool ok = check_files(call, whole, &s, options, err);
    struct filling f = {call, arena_text(call->arena, json_word(renderer, "template")), values};
    if (ok) {
        const char *slash = strrchr(whole, '/') + 1;
        *template = f.template;
        *name = arena_copy(call->arena, slash, strlen(slash) - strlen(ending_of(whole)));
        fill(&f, "JobName", option_text(call, "name") ? option_text(call, "name") : *name);
        fill(&f, "Scene", whole);
        fill(&f, "ChunkSize", option_text(call, "chunk"));
        library(&f, whole);
        places(&f, whole, &s);
        ok = frames(&f, &s, err);
    }
    if (ok) {
        outputs(&f, json_word(renderer, "name"), &s, options);
        json_object_set(options, "renderer", json_object_get(renderer, "name"));
    }
    json_decref(renderer);
    return ok;
}
