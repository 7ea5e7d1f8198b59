// posthouse colour: viewing transforms: what a project has, where they are set, and what is wrong
// with a file of one.
#include "cmd/client.h"
#include "cmd/settings.h"
#include "plat/files.h"
#include "tickets/run.h"
#include "wire/address.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { FILES = 2000 };

// ---- files of a transform

struct given {
    struct command_call *call;
    json_t *steps; // as the house takes them: files by name
    size_t count;
    const char *paths[FILES], *names[FILES];
};

static const char *kind_of(const char *path)
{
    static const char *const kinds[][2] = {{".cube", "table"},     {".cdl", "correction"},
                                           {".cc", "correction"},  {".ccc", "correction"},
                                           {".edl", "correction"}, {".ale", "correction"},
                                           {".ocio", "config"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcasecmp(dot, kinds[i][0]) == 0)
            return kinds[i][1];
    return NULL;
}

static bool add_file(struct given *g, const char *path, const char *name, struct error *err)
{
    if (g->count == FILES) {
        error_set(err, ERROR_TOO_BIG, "a viewing transform has at most %d files", FILES);
        return error_fix(err, "give a folder that holds the configuration and its tables only");
    }
    g->paths[g->count] = arena_text(g->call->arena, path);
    g->names[g->count++] = arena_text(g->call->arena, name);
    return true;
}

static bool walked(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct given *g = context;
    *enter = f->relative[0] != '.';
    if (f->kind != FILE_PLAIN || f->relative[0] == '.' || !text_utf8(text_of(f->relative)))
        return true;
    for (size_t i = 0; i < g->count; i++)
        if (strcmp(g->names[i], f->relative) == 0)
            return true;
    return add_file(g, f->path, f->relative, err);
}

// A configuration brings its folder: the tables that it names lie there.
static bool take_file(struct given *g, const char *path, struct error *err)
{
    const char *kind = kind_of(path), *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (!kind) {
        error_set(err, ERROR_UNSUPPORTED, "%s is nothing that a viewing transform is made of",
                  path);
        return error_fix(err, "give .cube, .cdl, .cc, .ccc, .edl, .ale or a config.ocio");
    }
    json_t *step = json_pack("{s:s}", kind, name);
    json_array_append_new(g->steps, step);
    if (!add_file(g, path, name, err))
        return false;
    if (strcmp(kind, "correction") == 0 && option_text(g->call, "correction"))
        json_object_set_new(step, "id", json_string(option_text(g->call, "correction")));
    if (strcmp(kind, "config") != 0)
        return true;
    static const char *const words[] = {"space", "display", "view", "look"};
    for (size_t i = 0; i < 4; i++)
        if (option_text(g->call, words[i]))
            json_object_set_new(step, words[i], json_string(option_text(g->call, words[i])));
    const char *folder = slash ? arena_copy(g->call->arena, path, (size_t)(slash - path)) : ".";
    return folder_walk(*folder ? folder : "/", &(struct walk_wish){.seen = walked, .context = g},
                       err);
}

static bool take_files(struct given *g, size_t first, struct error *err)
{
    bool ok = true;
    for (size_t i = first; ok && i < g->call->word_count; i++)
        ok = take_file(g, g->call->words[i], err);
    return ok;
}

// The same steps for an engine here, which counts files.
static json_t *numbered(const struct given *g)
{
    json_t *steps = json_deep_copy(g->steps), *step;
    size_t i;
    json_array_foreach(steps, i, step)
    {
        static const char *const kinds[] = {"table", "correction", "config"};
        for (size_t k = 0; k < 3; k++) {
            const char *name = json_string_value(json_object_get(step, kinds[k]));
            for (size_t n = 0; name && n < g->count; n++)
                if (strcmp(g->names[n], name) == 0) {
                    json_object_set_new(step, kinds[k], json_integer((json_int_t)n));
                    break;
                }
        }
        if (!json_object_get(step, "config"))
            continue;
        json_t *folder = json_array();
        for (size_t n = 0; n < g->count; n++)
            json_array_append_new(
                folder, json_pack("{s:s, s:I}", "name", g->names[n], "input", (json_int_t)n));
        json_object_set_new(step, "folder", folder);
    }
    return steps;
}

// Reads them here, in the engine's sandbox: what they hold, and which files are used.
static bool look_into(struct given *g, json_t **found, struct error *err)
{
    json_t *ticket = json_pack("{s:s, s:{s:o}}", "kind", "bake", "transform", "steps", numbered(g));
    bool ok = engine_run_files(
        &(struct engine_wish){.ticket = ticket,
                              .sandbox = config_bool(g->call->config, "sandbox") ? SANDBOX_ON
                                                                                 : SANDBOX_OFF,
                              .wall_s = 300},
        g->paths, g->count, found, err);
    json_decref(ticket);
    return ok;
}

// ---- check

static void print_names(const char *what, const char *of, const json_t *list)
{
    const json_t *one;
    size_t i;
    if (!json_array_size(list))
        return;
    printf("  %-12s%s%s", what, *of ? " " : "", of);
    json_array_foreach(list, i, one)
        printf("%s%s", i ? ", " : " ",
               json_is_object(one) ? json_word(one, "name") : json_string_value(one));
    putchar('\n');
}

static void print_found(struct arena *a, const char *path, const json_t *found)
{
    const json_t *config = json_object_get(found, "config"), *display;
    size_t i;
    printf("%s can be used\n", path);
    print_names("corrections", "", json_object_get(found, "corrections"));
    if (!config)
        return;
    printf("  %-12s %s\n", "OpenColorIO", json_word(config, "version"));
    print_names("spaces", "", json_object_get(config, "spaces"));
    json_array_foreach(json_object_get(config, "displays"), i, display)
    {
        print_names("display", arena_format(a, "%s:", json_word(display, "name")),
                    json_object_get(display, "views"));
    }
    print_names("looks", "", json_object_get(config, "looks"));
    print_names("opens", "", json_object_get(found, "used"));
}

static int check(struct command_call *call)
{
    struct error err;
    int status = 0;
    json_t *all = json_array();
    for (size_t i = 1; i < call->word_count; i++) {
        struct given *g = ARENA_NEW(call->arena, struct given);
        json_t *found = NULL;
        *g = (struct given){.call = call, .steps = json_array()};
        if (take_file(g, call->words[i], &err) && look_into(g, &found, &err)) {
            if (!option_flag(call, "json"))
                print_found(call->arena, call->words[i], found);
            json_array_append(all, found);
        } else {
            int own = command_failed(&err);
            // What is wrong with a file is an answer.
            own = err.kind == ERROR_INPUT || err.kind == ERROR_DAMAGED || err.kind == ERROR_TOO_BIG
                      ? 1
                      : own;
            status = own > status ? own : status;
        }
        json_decref(found);
        json_decref(g->steps);
    }
    if (option_flag(call, "json"))
        json_dumpf(all, stdout, JSON_INDENT(2)), putchar('\n');
    json_decref(all);
    return status;
}

// ---- a project's

static void print_list(const json_t *transforms, const json_t *places)
{
    const json_t *one, *place;
    size_t i, k;
    json_array_foreach(transforms, i, one)
    {
        printf("%s  off by %.2g at most, by %s\n", json_word(one, "name"),
               json_number_value(json_object_get(one, "error")), json_word(one, "by"));
        json_array_foreach(places, k, place)
        {
            if (strcmp(json_word(place, "transform"), json_word(one, "id")) == 0)
                printf("    set for the %s %s by %s, %.10s\n", json_word(place, "kind"),
                       json_word(place, "name"), json_word(place, "by"), json_word(place, "at"));
        }
    }
    json_array_foreach(places, k, place)
    {
        if (!*json_word(place, "transform"))
            printf("none is set for the %s %s by %s, %.10s\n", json_word(place, "kind"),
                   json_word(place, "name"), json_word(place, "by"), json_word(place, "at"));
    }
    if (!json_array_size(transforms))
        printf("The project has no viewing transforms.\n");
}

static bool list(struct command_call *call, struct house *h, const char *project, struct error *err)
{
    json_t *all = house_ask(h->client, "GET", NULL, err, "/projects/%s/transforms", project);
    json_t *places =
        all ? house_ask(h->client, "GET", NULL, err, "/projects/%s/transforms/places", project)
            : NULL;
    bool ok = all && places;
    if (ok && option_flag(call, "json")) {
        json_t *both = json_pack("{s:O, s:O}", "transforms", all, "places", places);
        json_dumpf(both, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(both);
    } else if (ok) {
        print_list(all, places);
    }
    json_decref(all);
    json_decref(places);
    return ok;
}

static const char *named(struct command_call *call, struct house *h, const char *project,
                         const char *name, struct error *err)
{
    const char *found = NULL;
    json_t *all = house_ask(h->client, "GET", NULL, err, "/projects/%s/transforms", project), *one;
    size_t i;
    json_array_foreach(all, i, one) if (strcmp(json_word(one, "name"), name) == 0 ||
                                        strcmp(json_word(one, "id"), name) == 0) found =
        arena_text(call->arena, json_word(one, "id"));
    if (all && !found) {
        error_set(err, ERROR_NOT_FOUND, "there is no viewing transform '%s'", name);
        error_fix(err, "posthouse colour list shows what there is");
    }
    json_decref(all);
    return found;
}

static bool send_file(struct command_call *call, struct house *h, const char *project,
                      const char *path, const char *name, json_t *sent, struct error *err)
{
    struct buf content = BUF_LIMIT(64 << 20);
    struct reply reply;
    bool ok = file_read(path, &content, err);
    struct call ask = {.method = "POST",
                       .path =
                           arena_format(call->arena, "/api/v1/projects/%s/transforms/files?name=%s",
                                        project, address_encode(call->arena, text_of(name))),
                       .content_type = "application/octet-stream",
                       .body = {content.at ? content.at : "", content.size}};
    ok = ok && client_call(h->client, &ask, call->arena, &reply, err);
    buf_free(&content);
    json_t *said = ok ? json_loadb(reply.body.at, reply.body.size, 0, NULL) : NULL;
    if (said)
        json_array_append_new(
            sent, json_pack("{s:s, s:s}", "name", name, "content", json_word(said, "content")));
    else if (ok)
        ok = error_set(err, ERROR_IO, "the house gave no answer that can be read");
    json_decref(said);
    return ok;
}

static bool is_used(const struct given *g, const json_t *used, size_t number)
{
    const json_t *one;
    size_t i;
    json_array_foreach(g->steps, i, one)
    {
        static const char *const kinds[] = {"table", "correction", "config"};
        for (size_t k = 0; k < 3; k++)
            if (strcmp(json_word(one, kinds[k]), g->names[number]) == 0)
                return true;
    }
    json_array_foreach(used, i, one)
    {
        if (strcmp(json_string_value(one), g->names[number]) == 0)
            return true;
    }
    return false;
}

// Only what is opened is sent: an ACES folder has hundreds of tables.
static bool add(struct command_call *call, struct house *h, const char *project, struct error *err)
{
    struct given *g = ARENA_NEW(call->arena, struct given);
    json_t *found = NULL, *sent = json_array(), *made = NULL;
    *g = (struct given){.call = call, .steps = json_array()};
    bool ok = take_files(g, 3, err) && look_into(g, &found, err);
    for (size_t i = 0; ok && i < g->count; i++)
        ok = !is_used(g, json_object_get(found, "used"), i) ||
             send_file(call, h, project, g->paths[i], g->names[i], sent, err);
    if (ok) {
        json_t *body =
            json_pack("{s:s, s:O, s:O}", "name", call->words[2], "steps", g->steps, "files", sent);
        made = house_ask(h->client, "POST", body, err, "/projects/%s/transforms", project);
        json_decref(body);
    }
    if (made && option_flag(call, "json"))
        json_dumpf(made, stdout, JSON_INDENT(2)), putchar('\n');
    else if (made)
        printf("%s: a table of %lld, off by %.2g at most\n", json_word(made, "name"),
               (long long)(json_count(made, "cube") ? json_count(made, "cube")
                                                    : json_count(made, "table")),
               json_number_value(json_object_get(made, "error")));
    ok = made != NULL;
    json_decref(made);
    json_decref(found);
    json_decref(sent);
    json_decref(g->steps);
    return ok;
}

// PROJECT, PROJECT/FOLDER, PROJECT/FOLDER/ASSET.
static bool place_of(struct command_call *call, struct house *h, const char *words,
                     const char *project, const char **kind, const char **place, struct error *err)
{
    char folder[27];
    struct error not_a_folder;
    const char *slash = strchr(words, '/');
    *kind = "project", *place = project;
    if (!slash || !slash[1])
        return true;
    *kind = "folder";
    if (house_folder(h->client, project, slash + 1, false, folder, &not_a_folder)) {
        *place = arena_text(call->arena, folder);
        return true;
    }
    json_t *asset = house_asset(h->client, call->arena, words, err);
    *kind = "asset";
    *place = asset ? arena_text(call->arena, json_word(asset, "id")) : "";
    json_decref(asset);
    return **place != 0;
}

static bool set(struct command_call *call, struct house *h, const char *project, struct error *err)
{
    const char *kind, *place, *id = NULL, *name = call->words[2];
    bool none = strcmp(name, "none") == 0;
    if (!place_of(call, h, call->words[1], project, &kind, &place, err) ||
        (!none && !(id = named(call, h, project, name, err))))
        return false;
    json_t *body = json_pack("{s:s, s:s, s:s*}", "kind", kind, "place", place, "transform", id);
    json_t *said =
        house_ask(h->client, "PUT", body, err, "/projects/%s/transforms/places", project);
    if (said)
        printf("%s is looked at %s%s%s\n", call->words[1], none ? "as it is" : "through '",
               none ? "" : name, none ? "" : "'");
    json_decref(body);
    json_decref(said);
    return said != NULL;
}

static bool unset(struct command_call *call, struct house *h, const char *project,
                  struct error *err)
{
    const char *kind, *place;
    if (!place_of(call, h, call->words[1], project, &kind, &place, err))
        return false;
    json_t *said =
        house_ask(h->client, "DELETE", NULL, err, "/projects/%s/transforms/places?kind=%s&place=%s",
                  project, kind, place);
    json_decref(said);
    return said != NULL;
}

static bool drop(struct command_call *call, struct house *h, const char *project, struct error *err)
{
    const char *id = named(call, h, project, call->words[2], err);
    json_t *said = id ? house_ask(h->client, "DELETE", NULL, err, "/transforms/%s", id) : NULL;
    json_decref(said);
    return said != NULL;
}

static const struct {
    const char *name;
    size_t least;
    bool (*act)(struct command_call *, struct house *, const char *, struct error *);
} verbs[] = {
    {"list", 2, list}, {"add", 4, add}, {"set", 3, set}, {"unset", 2, unset}, {"remove", 3, drop}};

static bool in_project(struct command_call *call, size_t verb, struct error *err)
{
    struct house h = {0};
    if (!house_open(call, 1, &h, err))
        return house_close(&h), false;
    text words = text_of(call->words[1]), project_name = text_cut(&words, '/');
    json_t *project =
        house_project(h.client, arena_copy(call->arena, project_name.at, project_name.size), err);
    bool ok = project && verbs[verb].act(call, &h, json_word(project, "id"), err);
    json_decref(project);
    house_close(&h);
    return ok;
}

static int run(struct command_call *call)
{
    struct error err;
    if (strcmp(call->words[0], "check") == 0 && call->word_count > 1)
        return check(call);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(verbs[i].name, call->words[0]) == 0 && call->word_count >= verbs[i].least)
            return in_project(call, i, &err) ? 0 : command_failed(&err);
    error_set(&err, ERROR_USAGE, "posthouse colour does not know what to do");
    error_fix(&err, "write list PROJECT, add PROJECT NAME FILE..., set WHERE NAME, unset WHERE, "
                    "remove PROJECT NAME or check FILE...");
    return command_failed(&err);
}

static const struct option_row options[] = {
    {"correction", OPTION_TEXT, "ID", "add: which one of a list of corrections (the first)"},
    {"space", OPTION_TEXT, "NAME", "add, of a configuration: the colour space of the pictures"},
    {"display", OPTION_TEXT, "NAME", "what they are shown on"},
    {"view", OPTION_TEXT, "NAME", "and which of its views"},
    {"look", OPTION_TEXT, "NAMES", "looks before the view, or alone"},
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_colour = {
    "colour",
    "list PROJECT | add PROJECT NAME FILE... | set WHERE NAME | unset WHERE | remove PROJECT NAME "
    "| check FILE...",
    "viewing transforms: how pictures are shown",
    "A viewing transform is made of tables (.cube), corrections (.cdl, .cc, .ccc, or ASC CDL "
    "lines\n"
    "of .edl and .ale) and an OpenColorIO configuration (config.ocio, with the folder that it "
    "lies\n"
    "in), used in the order given. WHERE is PROJECT, PROJECT/FOLDER or PROJECT/FOLDER/NAME; the\n"
    "nearest counts, and `set WHERE none` is a choice as well. Proxies are made again in the\n"
    "background. Deliverables never get a viewing transform.\n"
    "`check` needs no house: it says what a file holds, or its mistake with the line; its exit\n"
    "status is 1 when one can not be used.",
    options,
    2,
    0,
    run,
};
