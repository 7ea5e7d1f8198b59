#include "cmd/openjd.h"
#include "cmd/command.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct openjd_verb *const verbs[] = {&openjd_run, &openjd_check, &openjd_summary,
                                                  &openjd_import, NULL};
const char *const openjd_outputs[] = {"human-readable", "json", "yaml", NULL};

int openjd_wrong_use(const struct openjd_verb *verb, const char *format, ...)
{
    va_list list;
    fprintf(stderr,
            "usage: openjd %s JOB_TEMPLATE_PATH [arguments]\nopenjd %s: error: ", verb->name,
            verb->name);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, "\n");
    return 2;
}

const char *openjd_given_text(const struct openjd_call *call, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < call->given_count; i++)
        if (strcmp(call->given[i].option->name, name) == 0)
            value = call->given[i].value ? call->given[i].value : "";
    return value;
}

// ---- taking arguments apart

// The option that `word` (of `size` bytes) names, whole or shortened; *several when more fit.
static const struct openjd_option *option_named(const struct openjd_verb *verb, const char *word,
                                                size_t size, bool *several)
{
    const struct openjd_option *found = NULL;
    *several = false;
    for (const struct openjd_option *o = verb->options; o->name; o++)
        for (int i = 0; i < 2; i++) {
            const char *name = i ? o->other : o->name;
            if (!name || strncmp(name, word, size) != 0)
                continue;
            if (!name[size])
                return o;
            if (word[1] != '-' || found == o)
                continue; // short ones are not shortened
            *several |= found != NULL;
            found = o;
        }
    return *several ? NULL : found;
}

// "-pKEY=VALUE"
static const struct openjd_option *short_joined(const struct openjd_verb *verb, const char *word,
                                                const char **value)
{
    for (const struct openjd_option *o = verb->options; o->name; o++)
        for (int i = 0; i < 2; i++) {
            const char *name = i ? o->other : o->name;
            size_t size = name ? strlen(name) : 0;
            if (size > 1 && name[1] != '-' && o->value && strncmp(word, name, size) == 0) {
                *value = word + size;
                return o;
            }
        }
    return NULL;
}

static bool fits(const struct openjd_option *o, const char *value)
{
    for (const char *const *c = o->choices; c && *c; c++)
        if (strcmp(*c, value) == 0)
            return true;
    return !o->choices;
}

static int read_arguments(struct openjd_call *call, const char *const *words, size_t count)
{
    struct openjd_given_option *given =
        ARENA_ARRAY(call->arena, struct openjd_given_option, count + 1);
    const char **paths = ARENA_ARRAY(call->arena, const char *, count + 1);
    bool only_words = false;
    call->given = given;
    call->paths = paths;
    for (size_t i = 0; i < count; i++) {
        const char *word = words[i];
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        if (only_words || word[0] != '-' || !word[1]) {
            if (call->path && call->verb != &openjd_import)
                return openjd_wrong_use(call->verb, "unrecognized arguments: %s", word);
            paths[call->path_count++] = word;
            call->path = paths[0];
            continue;
        }
        const char *equals = strchr(word, '='), *value = NULL;
        size_t size = word[1] == '-' && equals ? (size_t)(equals - word) : strlen(word);
        bool several;
        const struct openjd_option *o = option_named(call->verb, word, size, &several);
        if (several)
            return openjd_wrong_use(call->verb, "ambiguous option: %s could match several", word);
        if (o && word[1] == '-' && equals)
            value = equals + 1;
        if (!o && word[1] != '-')
            o = short_joined(call->verb, word, &value);
        if (!o)
            return openjd_wrong_use(call->verb, "unrecognized arguments: %s", word);
        if (!o->value && value)
            return openjd_wrong_use(call->verb, "argument %s: ignored explicit argument '%s'",
                                    o->name, value);
        if (o->value && !value) {
            bool there = i + 1 < count && (words[i + 1][0] != '-' || !words[i + 1][1]);
            // a negative number or words with spaces are no options
            if (!there && i + 1 < count)
                there = isdigit((unsigned char)words[i + 1][1]) || strchr(words[i + 1], ' ');
            if (!there)
                return openjd_wrong_use(call->verb, "argument %s: expected one argument", o->name);
            value = words[++i];
        }
        if (o->value && !fits(o, value))
            return openjd_wrong_use(call->verb,
                                    "argument %s: invalid choice: '%s' (choose from %s)", o->name,
                                    value, o->value);
        given[call->given_count++] = (struct openjd_given_option){o, value};
    }
    if (!call->path)
        return openjd_wrong_use(call->verb, "the following arguments are required: path");
    return 0;
}

// ---- results

// "3" and "true" are text in single quotes.
static bool is_plain_quotable(const char *words)
{
    return strspn(words, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-") ==
           strlen(words);
}

// Plain where YAML can take it for nothing but these words; else as in JSON.
static void yaml_scalar(const json_t *value)
{
    const char *words = json_string_value(value);
    bool plain =
        words && (isalpha((unsigned char)words[0]) || words[0] == '/') &&
        strspn(words, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _./;()'[]") ==
            strlen(words) &&
        words[strlen(words) - 1] != ' ';
    static const char *const words_of_yaml[] = {"true", "false", "yes", "no", "on",
                                                "off",  "null",  "y",   "n"};
    for (size_t i = 0; plain && i < sizeof(words_of_yaml) / sizeof(words_of_yaml[0]); i++)
        plain = strcasecmp(words, words_of_yaml[i]) != 0;
    if (words && !plain && is_plain_quotable(words)) {
        printf("'%s'\n", words);
        return;
    }
    char *text = plain ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    printf("%s\n", plain ? words : text);
    free(text);
}

static void yaml_object(json_t *object, const char *first, int depth);

// The items of a list stand under their name, not further in.
static void yaml_list(json_t *list, int depth)
{
    json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        if (json_is_object(item)) {
            yaml_object(item, "- ", depth + 1);
            continue;
        }
        printf("%*s- ", depth * 2, "");
        yaml_scalar(item);
    }
}

static void yaml_object(json_t *object, const char *first, int depth)
{
    const char *name;
    json_t *value;
    size_t count = 0;
    json_object_foreach(object, name, value)
    {
        bool leads = count++ == 0 && first[0];
        printf("%*s%s%s:", (leads ? depth - 1 : depth) * 2, "", leads ? first : "", name);
        if (!json_is_array(value)) {
            printf(" ");
            yaml_scalar(value);
            continue;
        }
        printf("\n");
        yaml_list(value, depth);
    }
}

static bool is_nothing(const json_t *value)
{
    return json_is_null(value) || (json_is_number(value) && json_number_value(value) == 0) ||
           (json_is_string(value) && !json_string_length(value)) || json_is_false(value) ||
           (json_is_array(value) && !json_array_size(value));
}

static void leave_out_nothing(json_t *object)
{
    const char *name;
    json_t *value, *item;
    void *next;
    size_t i;
    json_object_foreach_safe(object, next, name, value)
    {
        json_array_foreach(value, i, item) leave_out_nothing(item);
        if (is_nothing(value))
            json_object_del(object, name);
    }
}

void openjd_print(const struct openjd_call *call, const char *human, json_t *result)
{
    const char *form = openjd_given_text(call, "--output");
    if (!form || strcmp(form, "human-readable") == 0) {
        printf("%s\n", human);
        return;
    }
    leave_out_nothing(result);
    if (strcmp(form, "yaml") == 0) {
        yaml_object(result, "", 0);
        printf("\n");
        return;
    }
    char *text = json_dumps(result, JSON_INDENT(4) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
    printf("%s\n", text ? text : "{}");
    free(text);
}

// ---- the command

static void print_option(const struct openjd_option *o)
{
    char left[200];
    snprintf(left, sizeof(left), "%s%s%s%s%s", o->name, o->other ? ", " : "",
             o->other ? o->other : "", o->value ? " " : "", o->value ? o->value : "");
    printf("  %-30s %s\n", left, o->help);
}

static int help(const struct openjd_verb *verb)
{
    if (!verb) {
        printf("usage: openjd <command> [arguments]\n\ncommands:\n");
        for (size_t i = 0; verbs[i]; i++)
            printf("  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
        printf("\noptions:\n  --version  print the version\n  --help     print this\n");
        return 0;
    }
    printf("usage: openjd %s JOB_TEMPLATE_PATH [arguments]\n\n%s\n\n", verb->name, verb->summary);
    for (const struct openjd_option *o = verb->options; o->name; o++)
        print_option(o);
    return 0;
}

static int run(struct command_call *call)
{
    const char *const *words = call->words;
    const struct openjd_verb *verb = NULL;
    if (call->word_count == 0 || strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0)
        return help(NULL);
    if (strcmp(words[0], "--version") == 0) {
        printf("Open Job Description CLI, Posthouse %s\n", POSTHOUSE_VERSION);
        return 0;
    }
    for (size_t i = 0; verbs[i]; i++)
        if (strcmp(verbs[i]->name, words[0]) == 0)
            verb = verbs[i];
    if (!verb) {
        fprintf(stderr,
                "usage: openjd <command> [arguments]\nopenjd: error: there is no command "
                "'%s'; `openjd --help` lists all\n",
                words[0]);
        return 2;
    }
    for (size_t i = 1; i < call->word_count && strcmp(words[i], "--") != 0; i++)
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
            return help(verb);
    struct openjd_call c = {.arena = call->arena, .verb = verb};
    int wrong = read_arguments(&c, words + 1, call->word_count - 1);
    return wrong ? wrong : verb->run(&c);
}

const struct command command_openjd = {
    .name = "openjd",
    .words = "run TEMPLATE [options]",
    .summary = "Open Job Description: run a job's tasks here, without a server",
    .about = "Speaks as the reference command line `openjd` does: options, output and exit status\n"
             "are its own. A script of that name stands in for it with one line:\n\n"
             "    exec posthouse openjd \"$@\"\n\n"
             "`posthouse openjd run --help` lists the options.",
    .options = own_arguments,
    .run = run,
};
