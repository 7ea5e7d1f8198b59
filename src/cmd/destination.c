// posthouse destination: where deliverables go.
#include "cmd/client.h"
#include "plat/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MOST = 256 << 10 };

static void print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
}

static bool list(struct command_call *call, struct house *h, struct error *err)
{
    json_t *all = house_ask(h->client, "GET", NULL, err, "/destinations"), *one;
    size_t i;
    if (!all)
        return false;
    if (option_flag(call, "json"))
        print_json(all);
    json_array_foreach(all, i, one) if (!option_flag(call, "json")) printf(
        "%s  %-8s %s\n", json_word(one, "id"), json_word(one, "kind"), json_word(one, "name"));
    if (!json_array_size(all) && !option_flag(call, "json"))
        printf("There are no destinations. posthouse destination kinds shows what they can be.\n");
    json_decref(all);
    return true;
}

static bool kinds(struct command_call *call, struct house *h, struct error *err)
{
    json_t *all = house_ask(h->client, "GET", NULL, err, "/destination-kinds"), *kind, *field;
    size_t i, k;
    if (!all)
        return false;
    if (option_flag(call, "json"))
        print_json(all);
    json_array_foreach(all, i, kind)
    {
        if (option_flag(call, "json"))
            break;
        printf("%s: %s\n", json_word(kind, "name"), json_word(kind, "title"));
        json_array_foreach(json_object_get(kind, "settings"), k, field)
            printf("  %-14s %s%s%s\n", json_word(field, "name"), json_word(field, "title"),
                   json_is_true(json_object_get(field, "needed")) ? "" : " (optional)",
                   json_is_true(json_object_get(field, "secret")) ? " [secret]" : "");
    }
    json_decref(all);
    return true;
}

// Secrets come from a file, so that they are on nobody's command line: a JSON object.
static bool secrets_of(struct command_call *call, json_t **secrets, struct error *err)
{
    const char *path = option_text(call, "secrets");
    struct buf b = BUF_LIMIT(TEXT_MOST);
    *secrets = NULL;
    if (!path)
        return true;
    bool ok = file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &b, err);
    if (ok)
        *secrets = json_loadb(b.at ? b.at : "", b.size, JSON_REJECT_DUPLICATES, NULL);
    if (b.at)
        explicit_bzero(b.at, b.size);
    buf_free(&b);
    if (!ok || json_is_object(*secrets))
        return ok;
    json_decref(*secrets);
    *secrets = NULL;
    error_set(err, ERROR_INPUT, "%s holds no secrets", path);
    return error_fix(err, "it is JSON: {\"access_key\": \"...\", \"secret_key\": \"...\"}");
}

// A whole number as one, {...} and [...] as JSON, anything else as text.
static json_t *value_of(const char *text)
{
    int64_t number;
    if (*text == '{' || *text == '[') {
        json_t *json = json_loads(text, 0, NULL);
        if (json)
            return json;
    }
    return text_int(text_of(text), &number) ? json_integer(number) : json_string(text);
}

static bool settings_of(struct command_call *call, size_t first, json_t **settings,
                        struct error *err)
{
    *settings = json_object();
    for (size_t i = first; i < call->word_count; i++) {
        const char *equals = strchr(call->words[i], '=');
        if (!equals || equals == call->words[i]) {
            json_decref(*settings), *settings = NULL;
            error_set(err, ERROR_USAGE, "%s is no setting", call->words[i]);
            return error_fix(err, "write NAME=VALUE, such as bucket=masters");
        }
        const char *name =
            arena_copy(call->arena, call->words[i], (size_t)(equals - call->words[i]));
        json_object_set_new(*settings, name, value_of(equals + 1));
    }
    return true;
}

static bool add(struct command_call *call, struct house *h, struct error *err)
{
    json_t *settings, *secrets;
    if (call->word_count < 3) {
        error_set(err, ERROR_USAGE, "a destination needs a name and a kind");
        return error_fix(err, "posthouse destination add NAME s3 bucket=masters ...");
    }
    if (!secrets_of(call, &secrets, err))
        return false;
    if (!settings_of(call, 3, &settings, err)) {
        json_decref(secrets);
        return false;
    }
    json_t *body = json_pack("{s:s, s:s, s:o, s:o*}", "name", call->words[1], "kind",
                             call->words[2], "settings", settings, "secrets", secrets);
    json_t *made = house_ask(h->client, "POST", body, err, "/destinations");
    json_decref(body);
    if (!made)
        return false;
    if (option_flag(call, "json"))
        print_json(made);
    else
        printf("%s\n", json_word(made, "id"));
    json_decref(made);
    return true;
}

// By its id or its name.
static const char *find(struct command_call *call, struct house *h, struct error *err)
{
    const char *named = call->word_count > 1 ? call->words[1] : "", *found = NULL;
    json_t *all = house_ask(h->client, "GET", NULL, err, "/destinations"), *one;
    size_t i;
    if (!all)
        return NULL;
    json_array_foreach(all, i, one) if (strcmp(json_word(one, "id"), named) == 0 ||
                                        strcmp(json_word(one, "name"), named) == 0) found =
        arena_text(call->arena, json_word(one, "id"));
    json_decref(all);
    if (!found) {
        error_set(err, ERROR_NOT_FOUND, "there is no destination \"%s\"", named);
        error_fix(err, "`posthouse destination list` shows them");
    }
    return found;
}

static bool test(struct command_call *call, struct house *h, struct error *err)
{
    const char *id = find(call, h, err);
    json_t *said = id ? house_ask(h->client, "POST", NULL, err, "/destinations/%s/test", id) : NULL;
    if (said)
        printf("%s\n", json_word(said, "answer"));
    json_decref(said);
    return said != NULL;
}

static bool removed(struct command_call *call, struct house *h, struct error *err)
{
    const char *id = find(call, h, err);
    json_t *said = id ? house_ask(h->client, "DELETE", NULL, err, "/destinations/%s", id) : NULL;
    json_decref(said);
    return said != NULL;
}

static int run(struct command_call *call)
{
    static const struct {
        const char *name;
        bool (*run)(struct command_call *call, struct house *h, struct error *err);
    } verbs[] = {
        {"list", list}, {"kinds", kinds}, {"add", add}, {"test", test}, {"remove", removed}};
    struct error err;
    struct house h = {0};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, call->words[0]) != 0)
            continue;
        bool ok = house_open(call, 1, &h, &err) && verbs[i].run(call, &h, &err);
        house_close(&h);
        return ok ? 0 : command_failed(&err);
    }
    error_set(&err, ERROR_USAGE, "posthouse destination does not know '%s'", call->words[0]);
    error_fix(&err, "write list, kinds, add, test or remove");
    return command_failed(&err);
}

static const struct option_row options[] = {
    {"secrets", OPTION_TEXT, "FILE", "add: JSON with the secrets; - reads standard input"},
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_destination = {
    "destination",
    "list | kinds | add NAME KIND [SETTING=VALUE]... | test NAME | remove NAME",
    "where deliverables go: folders, S3, SFTP, an outlet's own program, links, by hand",
    "`kinds` shows what each kind wants to know. Secrets are read from a file, sealed by the house "
    "and "
    "never\nshown again. `test` goes there and looks whether it could write.",
    options,
    1,
    0,
    run,
};
