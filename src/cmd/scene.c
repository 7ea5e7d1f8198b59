// posthouse scene: what a scene needs, before it is sent anywhere.
#include "farm/scene.h"
#include "cmd/command.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const struct option_row options[] = {
    {"json", OPTION_FLAG, NULL, "print the result as JSON, for scripts"},
    {"missing", OPTION_FLAG, NULL, "list only what is not there"},
    {0},
};

static const char *there_name(enum scene_there there)
{
    return there == SCENE_THERE ? "there" : there == SCENE_MISSING ? "missing" : "perhaps";
}

static void print_json(const struct scene_files *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->count; i++) {
        const struct scene_file *f = &s->files[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "path", f->path,
                                              "written", f->written, "kind", f->kind, "of", f->of,
                                              "state", there_name(f->there), "size",
                                              (json_int_t)f->size));
    }
    json_t *all = json_pack("{s:o, s:I, s:I}", "files", list, "missing", (json_int_t)s->missing,
                            "bytes", (json_int_t)s->bytes);
    if (s->width)
        json_object_set_new(all, "renders",
                            json_pack("{s:i, s:i, s:i, s:i, s:i, s:s, s:b}", "first", s->first,
                                      "last", s->last, "step", s->step, "width", s->width,
                                      "height", s->height, "output", s->output, "camera",
                                      s->has_camera));
    json_dumpf(all, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(all);
}

static void print_list(const struct scene_files *s, bool only_missing)
{
    if (s->width && !only_missing)
        printf("frames %d to %d by %d, %d x %d, to %s%s\n", s->first, s->last, s->step, s->width,
               s->height, s->output, s->has_camera ? "" : "; there is no camera");
    for (size_t i = 0; i < s->count; i++) {
        const struct scene_file *f = &s->files[i];
        if (only_missing && f->there != SCENE_MISSING)
            continue;
        printf("%-8s %-10s %10s  %s\n", there_name(f->there), f->kind,
               f->there == SCENE_THERE ? size_text(f->size).text : "", f->path);
    }
    if (!only_missing)
        printf("%s files, %s; %zu missing\n", count_text((int64_t)s->count).text,
               size_text(s->bytes).text, s->missing);
}

static int run(struct command_call *call)
{
    struct scene_files files;
    struct error err;
    if (!scene_files(call->arena, call->words[0], &files, &err))
        return command_failed(&err);
    if (option_flag(call, "json"))
        print_json(&files);
    else
        print_list(&files, option_flag(call, "missing"));
    return files.missing ? 1 : 0;
}

const struct command command_scene = {
    "scene",
    "FILE",
    "say which files a scene needs, and which are missing",
    "Reads Blender's files exactly, with the libraries that they link; searches others (Maya ASCII,\n"
    "Arnold, V-Ray, RenderMan, USD, POV-Ray, Nuke, MLT, Houdini) for the paths of files, with the\n"
    "scenes that they include. Tiles and numbered names are the files that are there. `perhaps`: not\n"
    "there, but the renderer may have it itself or make it. Exit status 1: something is missing.",
    options,
    1,
    1,
    run,
};
