/*
 * posthouse: one program, a table of subcommands. Settings come from house.conf in the house's
 * folder, the environment and --name=value; options of the subcommand from its own table.
 */
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/settings.h"
#include "plat/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

extern const struct command command_mount, command_door, command_sync;
extern const struct command command_probe, command_transcode, command_profile, command_config,
    command_man, command_user, command_api, command_put, command_get, command_ls, command_original, command_notes, command_mhl, command_check, command_backup, command_restore, command_store,
    command_serve, command_work, command_deliver, command_jobs, command_submit, command_job,
    command_openjd, command_nodes, command_scene, command_plan, command_caption, command_qc,
    command_map, command_destination, command_watch_rule, command_link, command_traffic, command_place,
    command_offload, command_receipt, command_watch, command_fields;
extern const struct command command_house, command_send, command_fetch;
extern const struct command command_colour, command_growing;
const struct command *const commands[] = {
    &command_deliver, &command_jobs,    &command_submit, &command_job,   &command_nodes,
    &command_plan,    &command_serve,   &command_work,   &command_put,   &command_get,
    &command_ls,      &command_original, &command_notes,   &command_mhl,   &command_check,   &command_backup,  &command_restore, &command_store,   &command_user,   &command_probe, &command_transcode,
    &command_profile, &command_config,  &command_man,    &command_api,   &command_openjd,
    &command_scene,   &command_caption, &command_qc,
    &command_map,
    &command_offload, &command_receipt, &command_fields,
    &command_destination, &command_watch_rule, &command_link, &command_traffic, &command_place,
    &command_mount, &command_door, &command_sync,
    &command_watch, &command_growing,
    &command_house, &command_send, &command_fetch, &command_colour,
};
const struct option_row own_arguments[] = {{0}};
const size_t command_count = sizeof(commands) / sizeof(commands[0]);

int command_failed(const struct error *err)
{
    fprintf(stderr, "posthouse: %s\n", err->what);
    if (err->why[0])
        fprintf(stderr, "  why: %s\n", err->why);
    if (err->fix[0])
        fprintf(stderr, "  fix: %s\n", err->fix);
    return error_facts(err->kind)->exit_status;
}

static size_t option_index(const struct command_call *call, const char *name)
{
    size_t i = 0;
    while (call->options[i].name && strcmp(call->options[i].name, name) != 0)
        i++;
    if (!call->options[i].name)
        abort(); // our own mistake: not in the table
    return i;
}

const char *option_text(const struct command_call *call, const char *name)
{
    return call->values[option_index(call, name)];
}

bool option_flag(const struct command_call *call, const char *name)
{
    return option_text(call, name) != NULL;
}

bool option_int(const struct command_call *call, const char *name, int64_t none, int64_t *value)
{
    const char *given = option_text(call, name);
    *value = none;
    if (!given || text_int(text_of(given), value))
        return true;
    fprintf(stderr, "posthouse: --%s can not be '%s'\n  why: it takes a whole number\n", name,
            given);
    return false;
}

static void print_help(const struct command *command)
{
    printf("posthouse %s%s%s%s\n\n%s\n", command->name, command->words[0] ? " " : "",
           command->words, command->options[0].name ? " [options]" : "", command->about);
    for (const struct option_row *o = command->options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof(left), o->type == OPTION_MAYBE ? "--%s[=%s%s]" : "--%s%s%s", o->name,
                 o->value && o->type != OPTION_MAYBE ? " " : "", o->value ? o->value : "");
        printf("%s  %-24s %s", o == command->options ? "\n" : "", left, o->help);
        printf("\n");
    }
}

static void print_commands(void)
{
    printf("posthouse COMMAND ...: a post-production house that you host yourself\n\n");
    for (size_t i = 0; i < command_count; i++)
        printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
    printf(
        "\n`posthouse COMMAND --help` tells more. Exit status: 0 done, 1 the answer is no, 2 used\n"
        "wrongly, 3 could not be done. Any setting may be given as --name=value (`posthouse "
        "config`).\n");
}

static bool unknown_option(const struct command *command, struct config *config, const char *name,
                           struct error *err)
{
    const char *names[128];
    size_t count = 0;
    for (const struct option_row *o = command->options; o->name; o++)
        names[count++] = o->name;
    for (size_t i = 0; i < config_count(config); i++)
        names[count++] = config_row(config, i)->name;
    const char *near = text_nearest(name, names, count);
    error_set(err, ERROR_USAGE, "%s has no option --%s", command->name, name);
    return near ? error_fix(err, "did you mean --%s? `posthouse %s --help` lists all", near,
                            command->name)
                : error_fix(err, "`posthouse %s --help` lists all", command->name);
}

// Takes options and words apart. "--" ends the options.
static bool read_arguments(struct command_call *call, int argc, char **argv, struct error *err)
{
    const struct command *command = call->command;
    const char **words = ARENA_ARRAY(call->arena, const char *, (size_t)argc + 1);
    call->words = words;
    bool only_words = command->options == own_arguments;
    for (int i = 0; i < argc; i++) {
        if (only_words || strncmp(argv[i], "--", 2) != 0 || !argv[i][2]) {
            if (strcmp(argv[i], "--") == 0 && !only_words)
                only_words = true;
            else
                words[call->word_count++] = argv[i];
            continue;
        }
        text value = text_of(argv[i] + 2);
        text name_part = text_cut(&value, '=');
        bool joined = argv[i][2 + name_part.size] == '=';
        const char *name = arena_copy(call->arena, name_part.at, name_part.size);
        const struct option_row *o = command->options;
        while (o->name && strcmp(o->name, name) != 0)
            o++;
        bool setting = false;
        for (size_t k = 0; k < config_count(call->config) && !o->name; k++)
            setting |= strcmp(config_row(call->config, k)->name, name) == 0;
        if (!o->name && !setting)
            return unknown_option(command, call->config, name, err);
        if (o->name && o->type == OPTION_FLAG) {
            if (joined)
                return error_set(err, ERROR_USAGE, "--%s takes no value", name);
            call->values[o - command->options] = "";
            continue;
        }
        if (o->name && o->type == OPTION_MAYBE && !joined) {
            call->values[o - command->options] = "";
            continue;
        }
        if (!joined && i + 1 == argc) {
            error_set(err, ERROR_USAGE, "--%s needs a value", name);
            return error_fix(err, "write --%s=%s", name, o->name ? o->value : "VALUE");
        }
        const char *given = joined ? argv[i] + 3 + name_part.size : argv[++i];
        const char **room = o->name ? &call->values[o - command->options] : NULL;
        if (room && o->type == OPTION_LIST && *room)
            *room = arena_format(call->arena, "%s\n%s", *room, given);
        else if (room)
            *room = given;
        else if (!config_set(call->config, name, given, "flag", err))
            return false;
    }
    if (call->word_count < command->least_words ||
        (command->most_words && call->word_count > command->most_words)) {
        error_set(err, ERROR_USAGE, "posthouse %s %s", command->name,
                  call->word_count < command->least_words ? "needs more" : "takes fewer words");
        error_why(err, "its form is: posthouse %s %s", command->name, command->words);
        return error_fix(err, "`posthouse %s --help` tells more", command->name);
    }
    return true;
}

// house.conf in the house's folder, then the environment. Flags came before, since one of them may
// name the folder; they are laid over at the end again.
static bool read_settings(struct config *config, int argc, char **argv, struct error *err)
{
    if (!config_environment(config, environ, err))
        return false;
    const char *folder = config_text(config, "house.folder");
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "--house.folder=", 15) == 0)
            folder = argv[i] + 15;
    char path[4096];
    struct buf content = BUF_LIMIT(1 << 20);
    struct error missing;
    bool ok = path_join(path, sizeof(path), folder, "house.conf");
    if (ok && file_read(path, &content, &missing))
        ok = config_read(config, path, (text){content.at, content.size}, err) &&
             config_environment(config, environ, err);
    else
        ok = true;
    buf_free(&content);
    return ok;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        printf("posthouse %s\n", POSTHOUSE_VERSION);
        return 0;
    }
    const char *topic = strcmp(name, "help") == 0 ? (argc > 2 ? argv[2] : "") : NULL;
    if ((topic && !topic[0]) || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_commands();
        return argc > 1 ? 0 : 2;
    }
    const struct command *command = NULL;
    const char *names[64];
    for (size_t i = 0; i < command_count; i++) {
        names[i] = commands[i]->name;
        if (strcmp(names[i], topic ? topic : name) == 0)
            command = commands[i];
    }
    struct error err;
    if (!command) {
        const char *near = text_nearest(topic ? topic : name, names, command_count);
        error_set(&err, ERROR_USAGE, "there is no command %s", topic ? topic : name);
        if (near)
            error_fix(&err, "did you mean posthouse %s? `posthouse help` lists all", near);
        else
            error_fix(&err, "`posthouse help` lists all");
        return command_failed(&err);
    }
    bool help = topic != NULL;
    for (int i = 2; i < argc && command->options != own_arguments && strcmp(argv[i], "--") != 0;
         i++)
        help |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    if (help) {
        print_help(command);
        return 0;
    }
    size_t option_count = 0;
    while (command->options[option_count].name)
        option_count++;
    struct command_call call = {.command = command, .options = command->options};
    call.arena = arena_open((size_t)1 << 30);
    call.config = config_open(settings, setting_count);
    call.values = ARENA_ARRAY(call.arena, const char *, option_count + 1);
    enum log_level level;
    int status;
    if (!read_settings(call.config, argc - 2, argv + 2, &err) ||
        !read_arguments(&call, argc - 2, argv + 2, &err)) {
        status = command_failed(&err);
    } else {
        if (log_level_named(config_text(call.config, "log.level"), &level))
            log_set_level(level);
        if (*config_text(call.config, "engine.helpers")) // for the engines that it, or a worker, runs
            setenv("POSTHOUSE_ENGINE_HELPERS", config_text(call.config, "engine.helpers"), 1);
        status = command->run(&call);
    }
    config_close(call.config);
    arena_close(call.arena);
    return status;
}
