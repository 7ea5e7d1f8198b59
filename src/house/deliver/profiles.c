// Profiles, read from the folder they lie in each time: a new one is a new file.
#include "formats/profile/profile.h"
#include "house/deliver/deliver.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <limits.h>
#include <string.h>

enum { PROFILE_BYTES = 1 << 20, NAMES_BYTES = 4096 };

static bool read_one(const char *path, json_t **profile, struct error *err)
{
    struct buf content = BUF_LIMIT(PROFILE_BYTES);
    bool ok = file_read(path, &content, err) &&
              profile_read(path, (text){content.at, content.size}, profile, err);
    buf_free(&content);
    return ok;
}

struct listing {
    json_t *list;
    const json_t *facts; // of a master, or NULL
    struct buf names;
};

static bool list_one(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct listing *l = context;
    json_t *profile;
    *enter = !f->relative[0];
    if (f->kind != FILE_PLAIN || !text_ends(text_of(f->relative), ".json"))
        return true;
    if (!read_one(f->path, &profile, err))
        return false;
    json_t *row = json_object();
    static const char *const fields[] = {"name",      "title",       "description",
                                         "container", "checks_only", "source",
                                         "notes",     "loudness",    "captions",
                                         "qc"};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (json_object_get(profile, fields[i]))
            json_object_set(row, fields[i], json_object_get(profile, fields[i]));
    json_object_set_new(row, "standing", json_string(profile_standing(profile)));
    if (l->facts) {
        bool fits;
        json_object_set_new(row, "fit", profile_fit(profile, l->facts, &fits));
        bool makes = fits && !json_object_get(row, "checks_only");
        json_object_set_new(row, "state", json_string(makes ? "ready" : fits ? "checks" : "no"));
    }
    json_array_append_new(l->list, row);
    buf_format(&l->names, "%s%s", l->names.size ? ", " : "",
               json_string_value(json_object_get(profile, "name")));
    json_decref(profile);
    return true;
}

static bool list_all(const char *folder, struct listing *l, struct error *err)
{
    return folder_walk(folder, &(struct walk_wish){.depth = 2, .seen = list_one, .context = l},
                       err);
}

static bool list(const char *folder, const json_t *facts, json_t **list, struct error *err)
{
    struct listing l = {.list = json_array(), .facts = facts, .names = BUF_LIMIT(NAMES_BYTES)};
    bool ok = list_all(folder, &l, err);
    buf_free(&l.names);
    if (ok)
        *list = l.list;
    else
        json_decref(l.list);
    return ok;
}

bool profile_list(const char *folder, json_t **found, struct error *err)
{
    return list(folder, NULL, found, err);
}

bool profile_readiness(const char *folder, const json_t *facts, json_t **found, struct error *err)
{
    return list(folder, facts, found, err);
}

static bool plain_name(const char *name)
{
    return *name && *name != '.' && strlen(name) < 100 && !strpbrk(name, "/\\");
}

bool profile_load(const char *folder, const char *name, json_t **profile, struct error *err)
{
    char path[PATH_MAX], file[128];
    struct error missing;
    snprintf(file, sizeof(file), "%.100s.json", name);
    if (plain_name(name) && path_join(path, sizeof(path), folder, file)) {
        if (read_one(path, profile, &missing))
            return true;
        if (missing.kind != ERROR_NOT_FOUND) {
            *err = missing;
            return false;
        }
    }
    struct listing l = {.list = json_array(), .names = BUF_LIMIT(NAMES_BYTES)};
    error_set(err, ERROR_NOT_FOUND, "there is no profile %.100s", name);
    if (list_all(folder, &l, &missing) && l.names.size)
        error_fix(err, "choose one of %s", l.names.at);
    buf_free(&l.names);
    json_decref(l.list);
    return false;
}

bool profile_requested(const char *folder, const struct profile_request *r, int64_t now_ms,
                       json_t **profile, struct error *err)
{
    json_t *plain;
    char when[40];
    text_copy(text_of(clock_text(now_ms).text), when, sizeof(when));
    if (!profile_load(folder, r->name, &plain, err))
        return false;
    const struct profile_wish wish = {r->map, r->loudness, r->limiter, when, r->conform, r->pitch};
    bool ok = profile_ask(plain, &wish, profile, err);
    json_decref(plain);
    return ok;
}
