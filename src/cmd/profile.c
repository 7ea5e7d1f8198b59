// posthouse profile: the outlets' specifications, which are data.
#include "cmd/media.h"
#include "cmd/settings.h"
#include "plat/files.h"

#include <stdio.h>
#include <string.h>

static bool list_one(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct command_call *call = context;
    json_t *profile;
    *enter = true;
    if (f->kind != FILE_PLAIN || !text_ends(text_of(f->relative), ".json"))
        return true;
    if (!media_profile(call, f->path, &profile, err))
        return false;
    printf("%-22s %s\n%22s %s\n", json_string_value(json_object_get(profile, "name")),
           json_string_value(json_object_get(profile, "title")), "",
           json_string_value(json_object_get(profile, "description")));
    json_decref(profile);
    return true;
}

static int run(struct command_call *call)
{
    struct error err;
    char folder[4096];
    json_t *profile;
    const char *verb = call->words[0];
    if (strcmp(verb, "list") == 0 && call->word_count == 1) {
        if (!settings_data_folder(call->config, folder, sizeof(folder))) {
            error_set(&err, ERROR_NOT_FOUND, "the house's profiles are missing");
            error_fix(&err, "set data.folder to where data/ lies");
            return command_failed(&err);
        }
        const char *profiles = arena_format(call->arena, "%s/profiles", folder);
        bool ok =
            folder_walk(profiles, &(struct walk_wish){.seen = list_one, .context = call}, &err);
        return ok ? 0 : command_failed(&err);
    }
    if (strcmp(verb, "check") == 0 && call->word_count > 1) {
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
    error_set(&err, ERROR_USAGE, "posthouse profile does not know '%s'", verb);
    error_fix(&err, "write `posthouse profile list` or `posthouse profile check FILE...`");
    return command_failed(&err);
}

static const struct option_row options[] = {{0}};
const struct command command_profile = {
    "profile",
    "list | check FILE...",
    "list the outlets' profiles, or check one",
    "A profile is a file in data/profiles: what a deliverable must be. `check` names the line and "
    "the\n"
    "field of each mistake; the exit status is 1 when there is one.",
    options,
    1,
    0,
    run,
};
