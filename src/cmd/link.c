// posthouse link: links by which others take files, look at them, or send some.
#include "cmd/client.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS (24 * 3600 * 1000LL)

static bool show(struct command_call *call, json_t *json, void (*print)(const json_t *one),
                 const char *nothing)
{
    json_t *one;
    size_t i;
    if (!json)
        return false;
    if (option_flag(call, "json")) {
        json_dumpf(json, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        json_array_foreach(json, i, one) print(one);
        if (json_is_array(json) && !json_array_size(json))
            printf("%s\n", nothing);
    }
    json_decref(json);
    return true;
}

static const char *project_id(struct command_call *call, struct house *h, const char *named,
                              struct error *err)
{
    json_t *project = house_project(h->client, named, err);
    const char *id = project ? arena_text(call->arena, json_word(project, "id")) : NULL;
    json_decref(project);
    return id;
}

// ---- making

static bool password_of(struct command_call *call, json_t *body, struct error *err)
{
    const char *path = option_text(call, "password-file");
    struct buf b = BUF_LIMIT(4096);
    if (!path)
        return true;
    bool ok = file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &b, err);
    text secret = text_trim((text){b.at, b.size});
    if (ok)
        json_object_set_new(body, "password", json_stringn(secret.at ? secret.at : "", secret.size));
    if (b.at)
        explicit_bzero(b.at, b.size);
    buf_free(&b);
    return ok;
}

// What all links may have.
static bool usual(struct command_call *call, json_t *body, struct error *err)
{
    int64_t days, uses;
    const char *message = option_text(call, "message");
    if (!option_int(call, "days", 14, &days) || !option_int(call, "uses", 0, &uses))
        return error_set(err, ERROR_USAGE, "this is no number");
    if (days > 0)
        json_object_set_new(body, "expires",
                            json_string(clock_text(clock_now_ms() + days * DAY_MS).text));
    json_object_set_new(body, "most_uses", json_integer(uses));
    if (message)
        json_object_set_new(body, "message", json_string(message));
    return password_of(call, body, err);
}

static bool mailed(struct command_call *call, struct house *h, const json_t *share, const char *url,
                   struct error *err)
{
    const char *all = option_text(call, "mail");
    json_t *to = json_array();
    for (text rest = text_of(all); rest.size;) {
        text one = text_trim(text_cut(&rest, '\n'));
        json_array_append_new(to, json_stringn(one.at, one.size));
    }
    json_t *body = json_pack("{s:o, s:s}", "to", to, "url", url);
    json_t *said = all ? house_ask(h->client, "POST", body, err, "/shares/%s/mail",
                                   json_word(share, "id"))
                       : json_null();
    json_decref(body);
    if (all && said && !json_is_true(json_object_get(said, "sent")))
        printf("\nNo mail was sent: the house has no mail server (mail.server). The words:\n\n%s\n",
               json_word(said, "text"));
    bool ok = said != NULL;
    json_decref(said);
    return ok;
}

static bool made(struct command_call *call, struct house *h, const char *project, json_t *body,
                 struct error *err)
{
    json_t *share = usual(call, body, err)
                        ? house_ask(h->client, "POST", body, err, "/projects/%s/shares", project)
                        : NULL;
    json_decref(body);
    if (!share)
        return false;
    const char *url = arena_format(call->arena, "%s%s", h->url, json_word(share, "url"));
    if (option_flag(call, "json")) {
        json_object_set_new(share, "url", json_string(url));
        json_dumpf(share, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        printf("%s\n", url);
    }
    bool ok = mailed(call, h, share, url, err);
    json_decref(share);
    return ok;
}

// A word is PROJECT/PATH: a folder when there is one of that path, else an asset.
static bool word_into(struct command_call *call, struct house *h, const char *word,
                      const char **project, json_t *assets, json_t *folders, struct error *err)
{
    text rest = text_of(word), name = text_cut(&rest, '/');
    char folder[27];
    struct error none;
    const char *id = project_id(call, h, arena_copy(call->arena, name.at, name.size), err);
    if (!id)
        return false;
    if (*project && strcmp(*project, id) != 0) {
        error_set(err, ERROR_USAGE, "a link holds things of one project");
        return error_fix(err, "make a link for each");
    }
    *project = id;
    const char *path = rest.size ? arena_copy(call->arena, rest.at, rest.size) : "";
    if (house_folder(h->client, id, path, false, folder, &none)) {
        json_array_append_new(folders, json_string(folder));
        return true;
    }
    json_t *asset = house_asset(h->client, call->arena, word, err);
    if (asset)
        json_array_append_new(assets, json_string(json_word(asset, "id")));
    json_decref(asset);
    return asset != NULL;
}

static bool make(struct command_call *call, struct house *h, struct error *err)
{
    const char *project = NULL, *title = option_text(call, "title");
    json_t *assets = json_array(), *folders = json_array();
    bool look = option_flag(call, "look"), comment = option_flag(call, "comment");
    bool ok = call->word_count > 1 ||
              error_set(err, ERROR_USAGE, "say what the link is to: PROJECT/FOLDER or PROJECT/FILE");
    for (size_t i = 1; ok && i < call->word_count; i++)
        ok = word_into(call, h, call->words[i], &project, assets, folders, err);
    if (!ok) {
        json_decref(assets);
        json_decref(folders);
        return false;
    }
    const char *last = strrchr(call->words[1], '/');
    json_t *body = json_pack("{s:s, s:s, s:o, s:o, s:s, s:b}", "title",
                             title            ? title
                             : last && last[1] ? last + 1
                                               : call->words[1],
                             "kind", look || comment ? "review" : "files", "assets", assets,
                             "folders", folders, "permission", comment ? "comment" : "view",
                             "download", !(look || comment));
    return made(call, h, project, body, err);
}

// ---- requests

// "Scene", "Scene!" (has to be answered), "Camera!=A|B|C" (a choice).
static json_t *field_of(struct command_call *call, text said)
{
    text choices = said, name = text_cut(&choices, '=');
    bool required = text_ends(name, "!");
    name.size -= required;
    json_t *list = json_array();
    while (choices.size) {
        text one = text_trim(text_cut(&choices, '|'));
        json_array_append_new(list, json_stringn(one.at, one.size));
    }
    name = text_trim(name);
    return json_pack("{s:s, s:s, s:b, s:o}", "name", arena_copy(call->arena, name.at, name.size),
                     "kind", json_array_size(list) ? "choice" : "text", "required", required,
                     "choices", list);
}

static bool request(struct command_call *call, struct house *h, struct error *err)
{
    const char *word = call->word_count > 1 ? call->words[1] : "";
    const char *title = option_text(call, "title"), *most = option_text(call, "most");
    text rest = text_of(word), name = text_cut(&rest, '/');
    char folder[27] = "";
    int64_t bytes = 0;
    const char *project = project_id(call, h, arena_copy(call->arena, name.at, name.size), err);
    if (!project || !house_folder(h->client, project, rest.size ? rest.at : "", true, folder, err))
        return false;
    if (most && !config_size(text_of(most), &bytes))
        return error_set(err, ERROR_USAGE, "--most can not be '%s': write 100 GB", most);
    json_t *types = json_array(), *fields = json_array();
    for (text all = text_of(option_text(call, "types")); all.size;) {
        text one = text_trim(text_cut(&all, ','));
        json_array_append_new(types, json_stringn(one.at, one.size));
    }
    for (text all = text_of(option_text(call, "field")); all.size;)
        json_array_append_new(fields, field_of(call, text_cut(&all, '\n')));
    json_t *wants = json_pack("{s:I, s:o, s:o}", "most_bytes", (json_int_t)bytes, "types", types,
                              "fields", fields);
    if (*folder)
        json_object_set_new(wants, "folder", json_string(folder));
    json_t *body = json_pack("{s:s, s:s, s:[], s:s, s:b, s:o}", "title",
                             title ? title : "Files for us", "kind", "request", "assets",
                             "permission", "view", "download", 0, "wants", wants);
    return made(call, h, project, body, err);
}

// ---- looking, and taking back

static void print_share(const json_t *s)
{
    const char *expires = json_word(s, "expires");
    printf("%s  %-7s %5s uses  %-12s %s\n", json_word(s, "id"), json_word(s, "kind"),
           count_text(json_count(s, "uses")).text,
           json_is_true(json_object_get(s, "revoked")) ? "revoked"
           : *expires                                  ? expires
                                                       : "does not end",
           json_word(s, "title"));
}

static bool list(struct command_call *call, struct house *h, struct error *err)
{
    const char *id = call->word_count > 1 ? project_id(call, h, call->words[1], err) : NULL;
    if (call->word_count < 2)
        error_set(err, ERROR_USAGE, "say of which project");
    return id && show(call, house_ask(h->client, "GET", NULL, err, "/projects/%s/shares", id),
                      print_share, "There are no links. posthouse link make PROJECT/FOLDER makes one.");
}

static void print_use(const json_t *u)
{
    printf("%.19s  %-8s %-20s %-16s %10s  %s\n", json_word(u, "at"), json_word(u, "act"),
           *json_word(u, "name") ? json_word(u, "name") : "-", json_word(u, "address"),
           size_text(json_count(u, "bytes")).text, json_word(u, "detail"));
}

static bool uses(struct command_call *call, struct house *h, struct error *err)
{
    return show(call, house_ask(h->client, "GET", NULL, err, "/shares/%s/uses", call->words[1]),
                print_use, "Nobody has used it.");
}

static void print_drop(const json_t *d)
{
    const char *name;
    json_t *value;
    printf("%.19s  %s of %s files, %s  %s%s%s\n", json_word(d, "created"),
           count_text(json_count(d, "files_done")).text, count_text(json_count(d, "files")).text,
           size_text(json_count(d, "bytes_done")).text, json_word(d, "name"),
           *json_word(d, "by") ? "  by " : "", json_word(d, "by"));
    json_object_foreach(json_object_get(d, "answers"), name, value)
        printf("    %s: %s\n", name, json_string_value(value));
}

static bool drops(struct command_call *call, struct house *h, struct error *err)
{
    return show(call, house_ask(h->client, "GET", NULL, err, "/shares/%s/drops", call->words[1]),
                print_drop, "Nothing has come.");
}

static bool revoke(struct command_call *call, struct house *h, struct error *err)
{
    json_t *said = house_ask(h->client, "DELETE", NULL, err, "/shares/%s", call->words[1]);
    json_decref(said);
    return said != NULL;
}

static int run(struct command_call *call)
{
    static const struct {
        const char *name;
        bool (*run)(struct command_call *call, struct house *h, struct error *err);
        size_t words;
    } verbs[] = {{"make", make, 2},   {"request", request, 2}, {"list", list, 2},
                 {"uses", uses, 2},   {"drops", drops, 2},     {"revoke", revoke, 2}};
    struct error err;
    struct house h = {0};
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, call->words[0]) != 0 || call->word_count < verbs[i].words)
            continue;
        bool ok = house_open(call, 1, &h, &err) && verbs[i].run(call, &h, &err);
        house_close(&h);
        return ok ? 0 : command_failed(&err);
    }
    error_set(&err, ERROR_USAGE, "posthouse link does not know '%s'", call->words[0]);
    error_fix(&err, "write make, request, list, uses, drops or revoke, and of what");
    return command_failed(&err);
}

static const struct option_row options[] = {
    {"title", OPTION_TEXT, "TEXT", "what the visitor reads above it"},
    {"days", OPTION_INT, "N", "it ends after so many days (14; 0: never)"},
    {"uses", OPTION_INT, "N", "visits, or of a request sendings, that it is good for (0: any)"},
    {"password-file", OPTION_TEXT, "FILE", "a file with a password that visitors need; - reads standard input"},
    {"message", OPTION_TEXT, "TEXT", "what else the visitor reads"},
    {"mail", OPTION_LIST, "ADDRESS", "send the link there; again for more"},
    {"look", OPTION_FLAG, NULL, "make: visitors look, and can not take the files"},
    {"comment", OPTION_FLAG, NULL, "make: visitors look and comment, and can not take the files"},
    {"types", OPTION_TEXT, "LIST", "request: ends of names that may come, as mov,wav"},
    {"most", OPTION_TEXT, "SIZE", "request: so much at once, as '100 GB'"},
    {"field", OPTION_LIST, "NAME[!][=A|B]", "request: what is asked; ! has to be answered; choices behind ="},
    {"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_link = {
    "link",
    "make PROJECT/PATH... | request PROJECT[/FOLDER] | list PROJECT | uses ID | drops ID | revoke ID",
    "links for people without an account: to take files, to look, to send files",
    "`make` gives folders and files away as they are when somebody looks; a visitor takes them one "
    "by one or\nall as one zip, which goes on after a cut. `request` is a link by which somebody "
    "sends files, answers\nquestions and gets a receipt with hashes. The address is shown once: it "
    "holds the key. `uses` says who\nhas used a link, `drops` what came by a request. A link that "
    "is revoked ends at once, with whatever it\nis sending.",
    options,
    1,
    0,
    run,
};
