// posthouse fields: what people add to assets, from the command line.
#include "cmd/client.h"
#include "formats/table/table.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "wire/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct fields_call {
    struct command_call *call;
    struct house house;
    char project[27];
    json_t *fields; // of the project
};

static bool print_json(struct fields_call *f, const json_t *json)
{
    if (!option_flag(f->call, "json"))
        return false;
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
    return true;
}

static bool usage(struct error *err, const char *fix)
{
    error_set(err, ERROR_USAGE, "posthouse fields does not know what to do");
    return error_fix(err, "%s", fix);
}

// ---- fields

static void print_fields(const json_t *list)
{
    size_t i, k;
    json_t *one, *choice, *choices;
    json_array_foreach(list, i, one)
    {
        printf("%-4s  %-20s  %s", json_word(one, "key"), json_word(one, "name"),
               json_word(one, "type"));
        choices = json_object_get(one, "choices");
        json_array_foreach(choices, k, choice)
            printf("%s%s", k ? ", " : ": ", json_string_value(choice));
        putchar('\n');
    }
    if (!json_array_size(list))
        printf("The project has no fields.\n");
}

static bool show_fields(struct fields_call *f, json_t *list)
{
    if (list && !print_json(f, list))
        print_fields(list);
    json_decref(list);
    return list != NULL;
}

static bool list(struct fields_call *f, int *status, struct error *err)
{
    (void)status;
    return show_fields(
        f, house_ask(f->house.client, "GET", NULL, err, "/projects/%s/fields", f->project));
}

static bool add(struct fields_call *f, int *status, struct error *err)
{
    const char *type = option_text(f->call, "type"), *choices = option_text(f->call, "choices");
    (void)status;
    if (f->call->word_count < 3)
        return usage(err, "posthouse fields add PROJECT NAME --type text");
    json_t *body = json_pack("{s:s, s:s}", "name", f->call->words[2], "type",
                             type      ? type
                             : choices ? "choice"
                                       : "text");
    json_t *texts = json_array();
    for (text rest = text_of(choices); rest.size;) {
        text one = text_trim(text_cut(&rest, ','));
        json_array_append_new(texts, json_stringn(one.at, one.size));
    }
    json_object_set_new(body, "choices", texts);
    json_t *all = house_ask(f->house.client, "POST", body, err, "/projects/%s/fields", f->project);
    json_decref(body);
    return show_fields(f, all);
}

// By its name or key.
static const json_t *field_called(struct fields_call *f, text name, struct error *err)
{
    size_t i;
    json_t *one;
    if (!f->fields)
        f->fields = house_ask(f->house.client, "GET", NULL, err, "/projects/%s/fields", f->project);
    if (!f->fields)
        return NULL;
    json_array_foreach(f->fields, i, one)
    {
        const char *called = json_word(one, "name");
        if (text_is(name, json_word(one, "key")) ||
            (strlen(called) == name.size && strncasecmp(called, name.at, name.size) == 0))
            return one;
    }
    error_set(err, ERROR_NOT_FOUND, "the project has no field \"%.*s\"", (int)name.size, name.at);
    error_fix(err, "posthouse fields list PROJECT shows them; add makes one");
    return NULL;
}

static bool drop(struct fields_call *f, int *status, struct error *err)
{
    (void)status;
    if (f->call->word_count < 3)
        return usage(err, "posthouse fields remove PROJECT FIELD");
    const json_t *field = field_called(f, text_of(f->call->words[2]), err);
    return field && show_fields(f, house_ask(f->house.client, "DELETE", NULL, err,
                                             "/projects/%s/fields/%lld", f->project,
                                             (long long)json_count(field, "number")));
}

// ---- values

static void print_change(const json_t *change)
{
    if (!json_count(change, "number")) {
        printf("Nothing changed.\n");
        return;
    }
    printf("%lld value%s changed; change %lld, which `posthouse fields undo` takes back\n",
           (long long)json_count(change, "count"), json_count(change, "count") == 1 ? "" : "s",
           (long long)json_count(change, "number"));
    if (json_count(change, "left"))
        printf("%lld values were set again since and stay as they are\n",
               (long long)json_count(change, "left"));
}

static bool show_change(struct fields_call *f, json_t *change)
{
    if (change && !print_json(f, change))
        print_change(change);
    json_decref(change);
    return change != NULL;
}

// "Scene=24A" of the words; assets are those named behind.
static bool set(struct fields_call *f, int *status, struct error *err)
{
    json_t *wish = json_array(), *assets = json_array();
    bool ok = true;
    (void)status;
    for (size_t i = 2; ok && i < f->call->word_count; i++) {
        text word = text_of(f->call->words[i]);
        if (!memchr(word.at, '=', word.size)) {
            json_t *asset = house_asset(f->house.client, f->call->arena, word.at, err);
            ok = asset != NULL;
            if (ok)
                json_array_append_new(assets, json_string(json_word(asset, "id")));
            json_decref(asset);
            continue;
        }
        const json_t *field = field_called(f, text_cut(&word, '='), err);
        ok = field != NULL;
        if (ok)
            json_array_append_new(wish, json_pack("{s:s, s:s%}", "field", json_word(field, "key"),
                                                  "value", word.at, word.size));
    }
    if (ok && (!json_array_size(wish) || !json_array_size(assets)))
        ok = usage(err, "posthouse fields set PROJECT ASSET... FIELD=VALUE...");
    json_t *body = json_pack("{s:o, s:o}", "assets", assets, "set", wish);
    ok = ok && show_change(f, house_ask(f->house.client, "POST", body, err, "/projects/%s/values",
                                        f->project));
    json_decref(body);
    return ok;
}

static bool changes(struct fields_call *f, int *status, struct error *err)
{
    size_t i;
    json_t *one, *all = house_ask(f->house.client, "GET", NULL, err, "/projects/%s/value-changes",
                                  f->project);
    (void)status;
    if (!all || print_json(f, all)) {
        json_decref(all);
        return all != NULL;
    }
    json_array_foreach(all, i, one) printf(
        "%5lld  %s  %-12s  %lld values  %s%s\n", (long long)json_count(one, "number"),
        json_word(one, "at"), json_word(one, "by"), (long long)json_count(one, "count"),
        json_word(one, "title"), json_is_true(json_object_get(one, "undone")) ? " (undone)" : "");
    json_decref(all);
    return true;
}

static bool undo(struct fields_call *f, int *status, struct error *err)
{
    int64_t number;
    (void)status;
    if (f->call->word_count < 3 || !text_int(text_of(f->call->words[2]), &number))
        return usage(err, "posthouse fields undo PROJECT NUMBER");
    return show_change(f, house_ask(f->house.client, "POST", NULL, err,
                                    "/projects/%s/value-changes/%lld/undo", f->project,
                                    (long long)number));
}

// ---- in

static void print_rows(const json_t *plan, const char *name, const char *title)
{
    size_t i, k;
    json_t *one, *of, *list = json_object_get(plan, name);
    json_array_foreach(list, i, one)
    {
        if (i == 20) {
            printf("  and more: --json has %zu of them\n", json_array_size(list));
            break;
        }
        printf("  line %lld %s \"%s\": %s\n", (long long)json_count(one, "line"), title,
               json_word(one, "name"), json_word(one, "why"));
        json_t *candidates = json_object_get(one, "candidates");
        json_array_foreach(candidates, k, of)
            printf("      %s  %s  %s\n", json_word(of, "asset"), json_word(of, "name"),
                   json_word(of, "timecode"));
    }
}

static void print_columns(const json_t *plan)
{
    size_t i;
    json_t *one, *columns = json_object_get(plan, "columns");
    printf("columns:");
    json_array_foreach(columns, i, one)
        printf("%s %s (%s)", i ? "," : "", json_word(one, "name"),
               *json_word(one, "as") ? json_word(one, "as") : "not taken");
    putchar('\n');
}

static void print_plan(const json_t *plan, bool done)
{
    size_t i;
    json_t *one, *list = json_object_get(plan, "changes");
    printf("%s: %s, %s, %lld rows\n", json_word(plan, "file"), json_word(plan, "format"),
           json_word(plan, "encoding"), (long long)json_count(plan, "rows"));
    print_columns(plan);
    printf(
        "%lld rows match, %lld do not, %lld are ambiguous; %lld values %s, %lld are so already\n",
        (long long)json_count(plan, "matched"), (long long)json_count(plan, "unmatched_count"),
        (long long)json_count(plan, "ambiguous_count"), (long long)json_count(plan, "change_count"),
        done ? "changed" : "would change", (long long)json_count(plan, "same"));
    json_array_foreach(list, i, one)
    {
        if (i == 20) {
            printf("  and %lld more\n", (long long)json_count(plan, "change_count") - 20);
            break;
        }
        printf("  line %lld %s: %s \"%s\" -> \"%s\"\n", (long long)json_count(one, "line"),
               json_word(one, "name"), json_word(one, "field"), json_word(one, "was"),
               json_word(one, "to"));
    }
    print_rows(plan, "ambiguous", "is ambiguous");
    print_rows(plan, "unmatched", "matches nothing");
    list = json_object_get(plan, "bad");
    json_array_foreach(list, i, one)
        printf("  line %lld, %s \"%s\": %s\n", (long long)json_count(one, "line"),
               json_word(one, "column"), json_word(one, "value"), json_word(one, "why"));
    list = json_object_get(plan, "said");
    json_array_foreach(list, i, one)
        printf("  line %lld: %s\n", (long long)json_count(one, "line"), json_word(one, "why"));
    if (done)
        printf("change %lld, which `posthouse fields undo` takes back\n",
               (long long)json_count(plan, "change"));
}

// "Column=field" lines as JSON.
static void add_pairs(struct buf *query, const char *name, const char *lines)
{
    json_t *object = json_object();
    for (text rest = text_of(lines); rest.size;) {
        text line = text_cut(&rest, '\n'), key = text_trim(text_cut(&line, '='));
        line = text_trim(line);
        char column[256];
        text_copy(key, column, sizeof(column));
        json_object_set_new(object, column, json_stringn(line.at, line.size));
    }
    char *written = json_dumps(object, JSON_COMPACT);
    if (json_object_size(object))
        query_add(query, name, written);
    free(written);
    json_decref(object);
}

static json_t *send_table(struct fields_call *f, const char *file, text bytes, const char *plan,
                          struct error *err)
{
    struct buf query = BUF_LIMIT(1 << 20);
    const char *base = strrchr(file, '/'), *mark = option_text(f->call, "mark");
    struct reply reply;
    json_t *answer = NULL;
    query_add(&query, "name", base ? base + 1 : file);
    query_add(&query, "mark", mark);
    if (option_flag(f->call, "headless"))
        query_add(&query, "headless", "1");
    if (option_flag(f->call, "make"))
        query_add(&query, "make", "1");
    if (option_flag(f->call, "blanks"))
        query_add(&query, "blanks", "1");
    add_pairs(&query, "columns", option_text(f->call, "column"));
    add_pairs(&query, "choose", option_text(f->call, "choose"));
    query_add(&query, "plan", plan);
    struct call call = {
        .method = "POST",
        .path = arena_format(f->call->arena, "/api/v1/projects/%s/table%s", f->project, query.at),
        .content_type = "application/octet-stream",
        .body = bytes,
        .repeatable = !plan};
    if (client_call(f->house.client, &call, f->call->arena, &reply, err) &&
        !(answer = json_loadb(reply.body.at, reply.body.size, 0, NULL)))
        error_set(err, ERROR_NETWORK, "cannot understand the house's answer");
    buf_free(&query);
    return answer;
}

// Waits until all of a change is set, which of many values takes a while; says how far it is.
static bool wait_set(struct fields_call *f, int64_t number, struct error *err)
{
    bool told = false, ended = false;
    while (!ended) {
        struct reply reply;
        struct call call = {.method = "GET",
                            .path = arena_format(f->call->arena,
                                                 "/api/v1/projects/%s/value-changes/%lld",
                                                 f->project, (long long)number),
                            .repeatable = true};
        if (!client_call(f->house.client, &call, f->call->arena, &reply, err))
            return false;
        json_t *change = json_loadb(reply.body.at, reply.body.size, 0, NULL);
        const json_t *run = json_object_get(change, "run");
        ended = !json_is_object(run) || json_is_true(json_object_get(run, "ended"));
        told = told || !ended;
        if (told && isatty(STDERR_FILENO))
            fprintf(stderr, "\r%lld of %lld values, %.0f a second, %.0f s left %s ",
                    (long long)json_count(run, "done"), (long long)json_count(run, "total"),
                    json_number_value(json_object_get(run, "rate")),
                    json_number_value(json_object_get(run, "left_s")), json_word(run, "problem"));
        if (ended && json_count(run, "stayed"))
            fprintf(stderr, "%lld values that others set meanwhile stay\n",
                    (long long)json_count(run, "stayed"));
        json_decref(change);
        if (!ended)
            clock_sleep_ms(300);
    }
    if (told && isatty(STDERR_FILENO))
        fprintf(stderr, "\n");
    return true;
}

// First what it would do, then that and nothing else.
static bool bring(struct fields_call *f, int *status, struct error *err)
{
    struct buf bytes = BUF_LIMIT(TABLE_BYTES);
    if (f->call->word_count < 3)
        return usage(err, "posthouse fields import PROJECT FILE --dry-run");
    const char *file = f->call->words[2];
    bool ok = file_read(file, &bytes, err), dry = option_flag(f->call, "dry-run");
    text all = {bytes.at ? bytes.at : "", bytes.size};
    json_t *plan = ok ? send_table(f, file, all, NULL, err) : NULL;
    if (plan && !dry && json_count(plan, "change_count")) {
        const char *name = arena_text(f->call->arena, json_word(plan, "plan"));
        json_decref(plan);
        plan = send_table(f, file, all, name, err);
    }
    if (plan && !print_json(f, plan))
        print_plan(plan, !dry && json_count(plan, "change") > 0);
    if (plan)
        *status = json_count(plan, "unmatched_count") || json_count(plan, "ambiguous_count") ||
                  json_count(plan, "bad_count");
    ok = plan != NULL &&
         (!json_count(plan, "change") || wait_set(f, json_count(plan, "change"), err));
    json_decref(plan);
    buf_free(&bytes);
    return ok;
}

// ---- out

static bool take(struct fields_call *f, int *status, struct error *err)
{
    const char *file = f->call->word_count > 2 ? f->call->words[2] : NULL;
    const char *format = option_text(f->call, "format"), *where = option_text(f->call, "where");
    (void)status;
    if (!format)
        format = file && text_ends(text_of(file), ".ale") ? "ale" : "csv";
    json_t *body = json_pack("{s:s}", "format", format);
    if (where) {
        json_t *condition = json_loads(where, 0, NULL);
        if (!condition) {
            json_decref(body);
            error_set(err, ERROR_USAGE, "--where is no JSON");
            return error_fix(err, "{\"of\": \"f1\", \"is\": \"equals\", \"value\": \"24A\"}");
        }
        json_object_set_new(body, "where", condition);
    }
    char *written = json_dumps(body, JSON_COMPACT);
    struct reply reply;
    struct call call = {
        .method = "POST",
        .path = arena_format(f->call->arena, "/api/v1/projects/%s/table/export", f->project),
        .body = text_of(written),
        .answer_limit = 256 << 20,
        .repeatable = true};
    bool ok = client_call(f->house.client, &call, f->call->arena, &reply, err);
    free(written);
    json_decref(body);
    if (!ok)
        return false;
    if (!file || strcmp(file, "-") == 0)
        return (fwrite(reply.body.at, 1, reply.body.size, stdout) == reply.body.size &&
                fflush(stdout) == 0) ||
               error_set(err, ERROR_IO, "the table cannot be written");
    if (!file_write(file, reply.body.at, reply.body.size, 0644, err))
        return false;
    size_t rows = 0, changed = 0;
    const char *said = reply_header(&reply, f->call->arena, "Posthouse-Table");
    if (said)
        sscanf(said, "rows=%zu, changed=%zu", &rows, &changed);
    fprintf(stderr, "%zu asset%s in %s\n", rows, rows == 1 ? "" : "s", file);
    if (changed)
        fprintf(stderr,
                strcmp(format, "ale") == 0
                    ? "%zu cells had tabs or line ends: they are spaces now\n"
                    : "%zu cells look like formulas: they have a ' before them, which "
                      "import takes away\n",
                changed);
    return true;
}

static const struct {
    const char *verb;
    bool (*act)(struct fields_call *f, int *status, struct error *err);
} verbs[] = {{"list", list},    {"add", add},     {"remove", drop},     {"set", set},
             {"import", bring}, {"export", take}, {"changes", changes}, {"undo", undo}};

static int run(struct command_call *call)
{
    struct error err;
    struct fields_call f = {.call = call};
    int status = 0;
    bool ok = false, known = false;
    json_t *project = NULL;
    error_clear(&err);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(call->words[0], verbs[i].verb) != 0)
            continue;
        known = true;
        ok = house_open(call, 0, &f.house, &err) &&
             (project = house_project(f.house.client, call->words[1], &err)) != NULL;
        if (ok) {
            text_copy(text_of(json_word(project, "id")), f.project, sizeof(f.project));
            ok = verbs[i].act(&f, &status, &err);
        }
    }
    if (!known)
        usage(&err, "list, add, remove, set, import, export, changes or undo, and a PROJECT");
    json_decref(project);
    json_decref(f.fields);
    house_close(&f.house);
    return ok ? status : command_failed(&err);
}

static const struct option_row options[] = {
    {"type", OPTION_TEXT, "TYPE", "add: text, number, choice, date, yesno or timecode"},
    {"choices", OPTION_TEXT, "A,B", "add: what a choice chooses from"},
    {"dry-run", OPTION_FLAG, NULL, "import: only say what would change"},
    {"column", OPTION_LIST, "NAME=AS", "import: take a column as id, name, reel, start or a field"},
    {"choose", OPTION_LIST, "LINE=ID", "import: which asset an ambiguous row is of"},
    {"make", OPTION_FLAG, NULL, "import: a field of each column that is none"},
    {"blanks", OPTION_FLAG, NULL, "import: an empty cell takes the value away"},
    {"mark", OPTION_TEXT, "C", "import: what stands between cells (else found out); tab is one"},
    {"headless", OPTION_FLAG, NULL, "import: the first line is data; columns are 1, 2, 3, ..."},
    {"format", OPTION_TEXT, "csv|ale", "export: of the table (else by the file's ending)"},
    {"where", OPTION_TEXT, "JSON", "export: only what this finds (docs/formats/fields.md)"},
    {"json", OPTION_FLAG, NULL, "the answer as JSON"},
    CLIENT_OPTIONS,
    {0},
};

const struct command command_fields = {
    .name = "fields",
    .words = "VERB PROJECT [WHAT...]",
    .summary = "what people add to assets: scene, take, reel and fields of your own",
    .about =
        "list, add NAME and remove FIELD are about the fields of a project. set ASSET... "
        "FIELD=VALUE... sets values. changes shows what was set together; undo NUMBER takes one "
        "such step back.\n\n"
        "import FILE brings in a CSV (any mark between cells, UTF-8, UTF-16 or Windows-1252) or an "
        "Avid log (ALE). Rows find their assets by Id, else by name, reel and start timecode. "
        "--dry-run says what matches, what is ambiguous and what would change; without it exactly "
        "that is done, in one step. Rows that match nothing or more than one asset are left out; "
        "the exit status is 1 then.\n\n"
        "export [FILE] writes CSV (UTF-8, as spreadsheets read it; what would be a formula there "
        "has a ' before it) or ALE.",
    .options = options,
    .least_words = 2,
    .most_words = 0,
    .run = run,
};
