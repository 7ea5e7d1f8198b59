#include "cmd/media.h"
#include "cmd/progress.h"
#include "cmd/settings.h"
#include "formats/profile/profile.h"
#include "formats/sequence/sequence.h"
#include "house/qc/qc.h"
#include "plat/files.h"
#include "tickets/make.h"
#include "tickets/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_FRAMES = 1000000 };

struct found {
    struct command_call *call;
    struct sequence_name like; // of the sequence that is looked for; no number yet: any
    bool any;
    struct frame {
        int64_t number;
        const char *path;
    } * frames;
    size_t count, room;
};

static bool seen(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct found *found = context;
    struct sequence_name parts;
    const char *name = strrchr(f->path, '/');
    *enter = f->relative[0] == 0;
    if (f->kind != FILE_PLAIN ||
        !sequence_name_parse(text_of(arena_text(found->call->arena, name ? name + 1 : f->path)),
                             &parts))
        return true;
    if (found->any) {
        found->like = parts;
        found->any = false;
    }
    if (!sequence_same(&found->like, &parts))
        return true;
    if (found->count == MOST_FRAMES)
        return error_set(err, ERROR_TOO_BIG, "a sequence of more than %d files", MOST_FRAMES);
    if (found->count == found->room) {
        found->room = found->room ? found->room * 2 : 256;
        found->frames = realloc(found->frames, found->room * sizeof(*found->frames));
        if (!found->frames)
            abort();
    }
    found->frames[found->count++] =
        (struct frame){parts.number, arena_text(found->call->arena, f->path)};
    return true;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = ((const struct frame *)a)->number, y = ((const struct frame *)b)->number;
    return x < y ? -1 : x > y;
}

static json_t *sequence_fact(const struct found *found)
{
    json_t *missing = json_array();
    int64_t first = found->frames[0].number, last = found->frames[found->count - 1].number;
    for (size_t i = 1; i < found->count; i++)
        for (int64_t n = found->frames[i - 1].number + 1;
             n < found->frames[i].number && json_array_size(missing) < MOST_FRAMES; n++)
            json_array_append_new(missing, json_integer(n));
    char pattern[300];
    if (!sequence_pattern(&found->like, pattern, sizeof(pattern)))
        pattern[0] = 0;
    return json_pack("{s:I, s:I, s:I, s:o, s:i, s:s}", "first", (json_int_t)first, "last",
                     (json_int_t)last, "count", (json_int_t)found->count, "missing", missing,
                     "padding", (int)found->like.padding, "pattern", pattern);
}

bool media_open(struct command_call *call, const char *path, struct media *m, struct error *err)
{
    struct stat is;
    *m = (struct media){.name = path};
    struct found found = {.call = call};
    char folder[4096];
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    bool there = stat(path, &is) == 0;
    if (!there && !strchr(name, '#'))
        return error_errno(err, 2, "cannot open %s", path);
    if (there && S_ISDIR(is.st_mode)) {
        snprintf(folder, sizeof(folder), "%s", path);
        found.any = true;
    } else {
        char *example = arena_text(call->arena, name);
        for (char *c = example; *c; c++)
            if (*c == '#')
                *c = '0';
        path_folder(path, folder, sizeof(folder));
        if (!sequence_name_parse(text_of(example), &found.like)) {
            if (!there)
                return error_errno(err, 2, "cannot open %s", path);
            goto single;
        }
    }
    if (!folder_walk(folder, &(struct walk_wish){.depth = 1, .seen = seen, .context = &found},
                     err)) {
        free(found.frames);
        return false;
    }
    if (found.count > 1 || (found.count == 1 && !(there && S_ISREG(is.st_mode)))) {
        qsort(found.frames, found.count, sizeof(*found.frames), by_number);
        m->paths = ARENA_ARRAY(call->arena, const char *, found.count);
        m->count = found.count;
        for (size_t i = 0; i < found.count; i++)
            m->paths[i] = found.frames[i].path;
        m->sequence = sequence_fact(&found);
        m->name = json_string_value(json_object_get(m->sequence, "pattern"));
        free(found.frames);
        return true;
    }
    free(found.frames);
    if (!there || S_ISDIR(is.st_mode)) {
        error_set(err, ERROR_NOT_FOUND, "no media in %s", path);
        error_why(err,
                  "a folder is read as an image sequence, and it has no files like name.0001.exr");
        return error_fix(err, "name a file");
    }
single:
    m->paths = ARENA_ARRAY(call->arena, const char *, 1);
    m->paths[0] = path;
    m->count = 1;
    return true;
}

void media_close(struct media *m)
{
    json_decref(m->sequence);
}

// What is measured in frames may have bytes to read at its end: that is a bar of its own.
static void turn(struct progress *bar, const char *unit)
{
    if (!unit || strcmp(unit, "bytes") != 0 || strcmp(bar->unit, "bytes") == 0)
        return;
    progress_end(bar);
    *bar = progress_begin("reading the rest of its bytes", "bytes", bar->quiet);
}

static bool tell(void *context, const json_t *line)
{
    const json_t *progress = json_object_get(line, "progress");
    if (progress && context)
        turn(context, json_string_value(json_object_get(progress, "unit")));
    if (progress && context)
        progress_show(context, json_integer_value(json_object_get(progress, "done")),
                      json_integer_value(json_object_get(progress, "total")));
    return true;
}

// `bar` may be NULL, and so may `folder` when nothing is written.
static bool run_engine(struct command_call *call, const struct media *m, json_t *ticket,
                       const char *folder, struct progress *bar, json_t **result, struct error *err)
{
    if (m->sequence)
        json_object_set(ticket, "sequence", m->sequence);
    struct buf said = BUF_LIMIT(64 << 10);
    struct engine_wish wish = {
        .ticket = ticket,
        .sandbox = config_bool(call->config, "sandbox") ? SANDBOX_ON : SANDBOX_OFF,
        .output_folder = folder,
        .heard = tell,
        .context = bar,
        .log = &said,
    };
    bool ok = engine_run_files(&wish, m->paths, m->count, result, err);
    if (!ok && err->kind == ERROR_CHILD && said.size)
        fprintf(stderr, "%.*s\n", (int)said.size, said.at);
    buf_free(&said);
    json_decref(ticket);
    return ok;
}

bool media_captions(struct command_call *call, const struct media *m, json_t **result,
                    struct error *err)
{
    return run_engine(call, m, json_pack("{s:s}", "kind", "captions"), NULL, NULL, result, err);
}

bool media_retag(struct command_call *call, const struct media *m, json_t *metadata,
                 const char *folder, const char *output, bool quiet, json_t **result,
                 struct error *err)
{
    json_t *ticket =
        json_pack("{s:s, s:O, s:s}", "kind", "retag", "metadata", metadata, "output", output);
    struct progress bar = progress_begin("writing", "bytes", quiet);
    bool ok = run_engine(call, m, ticket, folder, &bar, result, err);
    progress_end(&bar);
    return ok;
}

bool media_probe(struct command_call *call, const struct media *m, json_t **facts,
                 struct error *err)
{
    json_t *ticket = json_pack("{s:s}", "kind", "probe");
    if (m->sequence)
        json_object_set_new(ticket, "sequence_rate", json_string("24/1"));
    return run_engine(call, m, ticket, NULL, NULL, facts, err);
}

bool media_probe_picture(struct command_call *call, const struct media *m, const char *folder,
                         const char *name, json_t **facts, struct error *err)
{
    json_t *ticket = json_pack("{s:s, s:s}", "kind", "probe", "output", name);
    if (m->sequence)
        json_object_set_new(ticket, "sequence_rate", json_string("24/1"));
    return run_engine(call, m, ticket, folder, NULL, facts, err);
}

static bool show(void *context, int64_t done, int64_t total)
{
    progress_show(context, done, total);
    return true;
}

bool media_encode(struct command_call *call, const struct media *m, const struct media_encode *wish,
                  json_t **result, struct error *err)
{
    json_t *ticket =
        json_pack("{s:O, s:O}", "facts", (json_t *)wish->facts, "profile", (json_t *)wish->profile);
    if (m->sequence)
        json_object_set(ticket, "sequence", m->sequence);
    if (wish->metadata)
        json_object_set(ticket, "metadata", wish->metadata);
    struct progress bar = progress_begin(wish->output, "frames", wish->quiet);
    struct buf said = BUF_LIMIT(64 << 10);
    bool ok =
        make_file(&(struct make_wish){.ticket = ticket,
                                      .paths = m->paths,
                                      .count = m->count,
                                      .folder = wish->folder,
                                      .output = wish->output,
                                      .workers = wish->workers,
                                      .sandbox = config_bool(call->config, "sandbox") ? SANDBOX_ON
                                                                                      : SANDBOX_OFF,
                                      .heard = show,
                                      .context = &bar,
                                      .log = &said,
                                      .captions = wish->captions,
                                      .captions_context = wish->captions_context},
                  result, err);
    progress_end(&bar);
    if (!ok && err->kind == ERROR_CHILD && said.size)
        fprintf(stderr, "%.*s\n", (int)said.size, said.at);
    buf_free(&said);
    json_decref(ticket);
    return ok;
}

static bool one_name(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    (void)err;
    struct buf *names = context;
    *enter = true;
    if (f->kind == FILE_PLAIN && text_ends(text_of(f->relative), ".json"))
        buf_format(names, "%s%.*s", names->size ? ", " : "", (int)strlen(f->relative) - 5,
                   f->relative);
    return true;
}

bool media_measure(struct command_call *call, const struct media *m, const json_t *facts,
                   const char *folder, bool quiet, json_t **result, struct error *err)
{
    json_t *ticket =
        json_pack("{s:s, s:O}", "kind", "measure", "facts", (json_t *)(uintptr_t)facts);
    struct progress bar = progress_begin("measuring", "frames", quiet);
    bool ok = run_engine(call, m, ticket, folder, &bar, result, err);
    progress_end(&bar);
    return ok;
}

bool media_stills(struct command_call *call, const struct media *m, const json_t *facts,
                  const json_t *frames, const char *folder, bool quiet, json_t **result,
                  struct error *err)
{
    json_t *ticket = json_pack("{s:s, s:O, s:O}", "kind", "stills", "facts",
                               (json_t *)(uintptr_t)facts, "frames", (json_t *)(uintptr_t)frames);
    struct progress bar = progress_begin("pictures", "frames", quiet);
    bool ok = run_engine(call, m, ticket, folder, &bar, result, err);
    progress_end(&bar);
    return ok;
}

// data/<place>/NAME.json, or a file when the name has a / or ends in .json.
static bool read_data(struct command_call *call, const char *place, const char *things,
                      const char *thing, const char *name,
                      bool (*read)(const char *, text, json_t **, struct error *), json_t **to,
                      struct error *err)
{
    char folder[4096], path[4600];
    bool file = strchr(name, '/') || text_ends(text_of(name), ".json");
    if (!file && !settings_data_folder(call->config, folder, sizeof(folder))) {
        error_set(err, ERROR_NOT_FOUND, "the house's %s are missing", things);
        return error_fix(err, "set data.folder to where data/ lies");
    }
    if (file)
        snprintf(path, sizeof(path), "%s", name);
    else
        snprintf(path, sizeof(path), "%s/%s/%s.json", folder, place, name);
    struct buf content = BUF_LIMIT(1 << 20);
    bool ok = file_read(path, &content, err);
    if (ok) {
        ok = read(path, (text){content.at, content.size}, to, err);
    } else if (!file && err->kind == ERROR_NOT_FOUND) {
        struct buf names = BUF_LIMIT(4096);
        struct error ignored;
        snprintf(path, sizeof(path), "%s/%s", folder, place);
        bool walked =
            folder_walk(path, &(struct walk_wish){.seen = one_name, .context = &names}, &ignored);
        error_set(err, ERROR_NOT_FOUND, "there is no %s %s", thing, name);
        if (walked && names.size)
            error_fix(err, "choose one of %s", names.at);
        buf_free(&names);
    }
    buf_free(&content);
    return ok;
}

bool media_profile(struct command_call *call, const char *name, json_t **profile, struct error *err)
{
    return read_data(call, "profiles", "profiles", "profile", name, profile_read, profile, err);
}

bool media_rules(struct command_call *call, const char *name, json_t **rules, struct error *err)
{
    static const char place[] = "rules/qc", thing[] = "set of rules";
    json_t *set, *base = NULL;
    if (!read_data(call, place, "rules", thing, name, qc_rules_read, &set, err))
        return false;
    const char *from = json_string_value(json_object_get(set, "base"));
    bool ok = !from || (read_data(call, place, "rules", thing, from, qc_rules_read, &base, err) &&
                        qc_rules_on(base, &set, err));
    json_decref(base);
    if (ok)
        *rules = set;
    else
        json_decref(set);
    return ok;
}
