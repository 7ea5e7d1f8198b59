// posthouse openjd import: job files of Deadline and Tractor as a template, options, and a list of
// what was not carried over.
#include "cmd/command.h"
#include "cmd/openjd.h"
#include "formats/deadline/deadline.h"
#include "formats/tractor/tractor.h"
#include "plat/files.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 16 << 20 };

static bool read_whole(struct openjd_call *c, const char *path, text *content, struct error *err)
{
    struct buf b = BUF_LIMIT(FILE_MOST);
    bool ok = file_read(path, &b, err);
    if (ok)
        *content = (text){arena_copy(c->arena, b.size ? b.at : "", b.size), b.size};
    buf_free(&b);
    return ok;
}

static bool import_files(struct openjd_call *c, struct import *im, struct error *err)
{
    text files[2] = {{"", 0}, {"", 0}};
    if (c->path_count > 2) {
        error_set(err, ERROR_USAGE, "one job is imported at a time");
        return error_fix(err, "give a .alf file, or Deadline's job info and plugin info files");
    }
    for (size_t i = 0; i < c->path_count; i++)
        if (!read_whole(c, c->paths[i], &files[i], err))
            return false;
    if (c->path_count == 1 && tractor_is_job(files[0]))
        return tractor_import(c->arena, files[0], im, err);
    // The two may come in any order: the job info file names the plugin.
    bool second = !deadline_is_job(c->arena, files[0]) && deadline_is_job(c->arena, files[1]);
    return deadline_import(c->arena, files[second], files[!second], im, err);
}

static bool write_json(const char *folder, const char *name, const json_t *what, struct error *err)
{
    char path[PATH_MAX];
    char *text = json_dumps(what, JSON_INDENT(2));
    bool ok = path_join(path, sizeof(path), folder, name) ||
              error_set(err, ERROR_INPUT, "the path of %s is too long", folder);
    ok = ok && file_write(path, text, strlen(text), 0644, err);
    free(text);
    return ok;
}

static void say_lost(const struct import *im)
{
    size_t i;
    const json_t *one;
    if (json_array_size(im->lost))
        fprintf(stderr, "Not carried over:\n");
    json_array_foreach(im->lost, i, one)
    {
        const char *value = json_string_value(json_object_get(one, "value"));
        fprintf(stderr, "  %s%s%.60s%s: %s\n", json_string_value(json_object_get(one, "what")),
                value[0] ? " (" : "", value, value[0] ? ")" : "",
                json_string_value(json_object_get(one, "why")));
    }
}

static int run(struct openjd_call *c)
{
    struct import im = {0};
    struct error err;
    const char *folder = openjd_given_text(c, "--out");
    bool ok = import_files(c, &im, &err);
    if (ok && folder) {
        ok = folder_make(folder, 0755, &err) &&
             write_json(folder, "template.json", im.template_json, &err) &&
             write_json(folder, "options.json", im.options, &err) &&
             write_json(folder, "not_carried.json", im.lost, &err);
    } else if (ok) {
        json_t *all = import_json(&im);
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(all);
    }
    if (ok)
        say_lost(&im);
    import_free(&im);
    return ok ? 0 : command_failed(&err);
}

static const struct openjd_option options[] = {
    {"--out", NULL, "FOLDER", "write template.json, options.json and not_carried.json there", NULL},
    {0},
};
const struct openjd_verb openjd_import = {
    .name = "import",
    .summary = "a job of Deadline (job info and plugin info) or Tractor (.alf) as a template",
    .options = options,
    .run = run,
};
