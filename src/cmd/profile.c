// posthouse profile: the outlets' specifications, which are data.
#include "formats/profile/profile.h"
#include "cmd/beside.h"
#include "cmd/master.h"
#include "cmd/media.h"
#include "cmd/settings.h"
#include "cmd/supplied.h"
#include "plat/files.h"

#include <stdio.h>
#include <string.h>

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

struct each { // profile of the house
    struct command_call *call;
    const json_t *facts; // to be fitted; NULL: only listed
    json_t *list;        // with --json
    json_t *beside;      // rows of what goes with it; NULL: nothing
    bool beside_fits;
    const struct supplied *supplied;
    const char *name; // of the master
    size_t fitting;
};

static void print_fit(const json_t *fit, bool all)
{
    static const char *const marks[] = {"NO", "??", "ok"};
    size_t i;
    const json_t *row;
    json_array_foreach(fit, i, row)
    {
        const char *state = word(row, "state");
        int mark = strcmp(state, "ok") == 0 ? 2 : strcmp(state, "unknown") == 0;
        if (mark == 2 && !all)
            continue;
        printf("  %s  %-24s wanted %-28s seen %s\n", marks[mark], word(row, "what"),
               word(row, "wanted"), word(row, "seen"));
        if (mark != 2)
            printf("      %-24s %s\n", "", word(row, "fix"));
    }
}

static void show_fit(struct each *e, const json_t *profile, bool all)
{
    bool fits;
    json_t *fit = profile_fit(profile, e->facts, &fits);
    const char *checks_only = word(profile, "checks_only");
    json_array_extend(fit, e->beside);
    fits = supplied_rows(e->call, e->supplied, profile, e->facts, e->name, fit) && fits &&
           (!e->beside || e->beside_fits);
    e->fitting += fits;
    if (e->list) {
        json_t *row = json_pack("{s:s, s:b, s:O}", "profile", word(profile, "name"), "fits", fits,
                                "fit", fit);
        if (*checks_only)
            json_object_set_new(row, "checks_only", json_string(checks_only));
        json_array_append_new(e->list, row);
    } else {
        printf("%-28s %s%s%s\n", word(profile, "name"), fits ? "fits" : "does not fit",
               *checks_only ? "; " : "", checks_only);
        print_fit(fit, all);
    }
    json_decref(fit);
}

static bool each_one(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct each *e = context;
    json_t *profile;
    *enter = true;
    if (f->kind != FILE_PLAIN || !text_ends(text_of(f->relative), ".json"))
        return true;
    if (!media_profile(e->call, f->path, &profile, err))
        return false;
    if (e->facts) {
        show_fit(e, profile, false);
    } else if (e->list) {
        json_array_append(e->list, profile);
    } else {
        const char *standing = profile_standing(profile);
        printf("%-28s %s%s%s%s\n%28s %s\n", word(profile, "name"), word(profile, "title"),
               *standing ? " [" : "", standing, *standing ? "]" : "", "",
               word(profile, "description"));
    }
    json_decref(profile);
    return true;
}

static bool each_profile(struct each *e, struct error *err)
{
    char folder[4096];
    if (!settings_data_folder(e->call->config, folder, sizeof(folder))) {
        error_set(err, ERROR_NOT_FOUND, "the house's profiles are missing");
        return error_fix(err, "set data.folder to where data/ lies");
    }
    return folder_walk(arena_format(e->call->arena, "%s/profiles", folder),
                       &(struct walk_wish){.seen = each_one, .context = e}, err);
}

static void print_json(json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
}

static int list(struct command_call *call)
{
    struct error err;
    struct each e = {.call = call, .list = option_flag(call, "json") ? json_array() : NULL};
    bool ok = each_profile(&e, &err);
    if (ok && e.list)
        print_json(e.list);
    json_decref(e.list);
    return ok ? 0 : command_failed(&err);
}

static int check(struct command_call *call)
{
    struct error err;
    json_t *profile;
    int status = 0;
    for (size_t i = 1; i < call->word_count; i++) {
        const char *path = strchr(call->words[i], '/')
                               ? call->words[i]
                               : arena_format(call->arena, "./%s", call->words[i]);
        if (media_profile(call, path, &profile, &err)) {
            printf("%s: ok\n", call->words[i]);
            json_decref(profile);
        } else {
            command_failed(&err);
            status = 1;
        }
    }
    return status;
}

static int show(struct command_call *call)
{
    struct error err;
    json_t *profile;
    if (!media_profile(call, call->words[1], &profile, &err))
        return command_failed(&err);
    print_json(profile);
    json_decref(profile);
    return 0;
}

static int fit(struct command_call *call)
{
    struct error err;
    struct media m = {0};
    struct supplied supplied = {0};
    json_t *facts = NULL, *profile = NULL;
    const char *wanted = option_text(call, "profile");
    struct each e = {.call = call, .list = option_flag(call, "json") ? json_array() : NULL};
    bool ok = (!wanted || media_profile(call, wanted, &profile, &err)) &&
              media_open(call, call->words[1], &m, &err) && media_probe(call, &m, &facts, &err) &&
              master_state(call, &m, NULL, facts, &err) &&
              beside_fit(call, facts, &e.beside, &e.beside_fits, &err) &&
              supplied_read(call, facts, &supplied, &err);
    if (ok) {
        e.facts = facts, e.supplied = &supplied, e.name = m.name;
        if (!e.list)
            supplied_print(call, &supplied);
        if (wanted)
            show_fit(&e, profile, true);
        else
            ok = each_profile(&e, &err);
    }
    if (ok && e.list)
        print_json(e.list);
    json_decref(e.list);
    json_decref(e.beside);
    supplied_close(&supplied);
    json_decref(profile);
    json_decref(facts);
    media_close(&m);
    return !ok ? command_failed(&err) : e.fitting ? 0 : 1;
}

static int run(struct command_call *call)
{
    struct error err;
    const char *verb = call->words[0];
    if (strcmp(verb, "list") == 0 && call->word_count == 1)
        return list(call);
    if (strcmp(verb, "check") == 0 && call->word_count > 1)
        return check(call);
    if (strcmp(verb, "show") == 0 && call->word_count == 2)
        return show(call);
    if (strcmp(verb, "fit") == 0 && call->word_count == 2)
        return fit(call);
    error_set(&err, ERROR_USAGE, "posthouse profile does not know '%s'", verb);
    error_fix(&err, "write `posthouse profile list`, `show NAME`, `check FILE...` or `fit MASTER`");
    return command_failed(&err);
}

static const struct option_row options[] = {
    {"profile", OPTION_TEXT, "NAME", "fit: this one alone, with what is well too"},
    MASTER_OPTIONS,
    BESIDE_OPTIONS,
    SUPPLIED_OPTIONS,
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    {0},
};
const struct command command_profile = {
    "profile",
    "list | show NAME | check FILE... | fit MASTER",
    "the outlets' profiles: what there is, mistakes in one, what a master lacks",
    "A profile is a file in data/profiles: what a deliverable must be, with where that stands\n"
    "written. `check` names the line and the field of each mistake; the exit status is 1 when\n"
    "there is one. `fit` looks into a film, a sound or a sequence and says of every profile what\n"
    "keeps the master from becoming it; 1 when there is none that fits. What the file does not say "
    "can\n"
    "be stated; what goes beside it is held against it: captions, Dolby Vision metadata, an Atmos\n"
    "master, and with --record whether the profile's sidecars and required metadata can be "
    "written.\n"
    "It says first what it was told of, and what not.",
    options,
    1,
    0,
    run,
};
