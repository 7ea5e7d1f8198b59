#include "cmd/client.h"

#include "cmd/local.h"
#include "plat/files.h"
#include "plat/ids.h"
#include "wire/address.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ANSWER_ARENA = 160 << 20 };

static const struct setting kept_rows[] = {
    {.name = "url", .type = SETTING_TEXT, .value = "", .help = "the house's address"},
    {.name = "token", .type = SETTING_TEXT, .value = "", .help = "a token of it"},
    {.name = "fingerprint", .type = SETTING_TEXT, .value = "", .help = "of its certificate"},
};

// What says which house it is: an address and what goes with it. NULL: not said.
struct place {
    const char *url, *token, *fingerprint;
};

static const char *given_or_null(const char *value)
{
    return value && value[0] ? value : NULL;
}

// The text of a small file without spaces at its ends; NULL when there is none.
static const char *file_text(struct command_call *call, const char *path)
{
    struct buf content = BUF_LIMIT(64 << 10);
    struct error err;
    const char *out = NULL;
    if (file_read(path, &content, &err)) {
        text t = text_trim((text){content.at, content.size});
        out = arena_copy(call->arena, t.size ? t.at : "", t.size);
    }
    buf_free(&content);
    return given_or_null(out);
}

static bool place_kept(struct command_call *call, struct place *p, struct error *err)
{
    char path[PATH_MAX];
    const char *base = given_or_null(getenv("XDG_CONFIG_HOME")), *home = getenv("HOME");
    int size = base   ? snprintf(path, sizeof(path), "%s/posthouse/client", base)
               : home ? snprintf(path, sizeof(path), "%s/.config/posthouse/client", home)
                      : -1;
    const char *content = size > 0 && size < PATH_MAX ? file_text(call, path) : NULL;
    if (!content)
        return true;
    struct config *c = config_open(kept_rows, sizeof(kept_rows) / sizeof(kept_rows[0]));
    bool ok = config_read(c, path, text_of(content), err);
    if (ok) {
        p->url = given_or_null(arena_text(call->arena, config_text(c, "url")));
        p->token = given_or_null(arena_text(call->arena, config_text(c, "token")));
        p->fingerprint = given_or_null(arena_text(call->arena, config_text(c, "fingerprint")));
    }
    config_close(c);
    return ok;
}

static void place_here(struct command_call *call, struct place *p)
{
    struct local_ready ready;
    struct error none;
    char token[256];
    const char *folder = config_text(call->config, "house.folder");
    if (!local_ready_read(folder, &ready, &none))
        return;
    p->url = arena_text(call->arena, ready.url);
    p->fingerprint = given_or_null(arena_text(call->arena, ready.fingerprint));
    if (local_line_read(folder, "local.token", token, sizeof(token), &none))
        p->token = arena_text(call->arena, token);
}

static bool same_house(const char *a, const char *b)
{
    size_t one = strlen(a), two = strlen(b);
    while (one && a[one - 1] == '/')
        one--;
    while (two && b[two - 1] == '/')
        two--;
    return one == two && strncasecmp(a, b, one) == 0;
}

static bool find_place(struct command_call *call, struct place *p, struct error *err)
{
    struct place kept = {0}, here = {0};
    if (!place_kept(call, &kept, err))
        return false;
    place_here(call, &here);
    p->url = given_or_null(option_text(call, "house"));
    if (!p->url)
        p->url = given_or_null(getenv("POSTHOUSE_URL"));
    if (!p->url)
        p->url = kept.url ? kept.url : here.url;
    if (!p->url) {
        error_set(err, ERROR_NOT_FOUND, "no house to talk to");
        error_why(err, "none was named, and none runs here out of %s",
                  config_text(call->config, "house.folder"));
        return error_fix(err, "name it: --house https://house.example:8480, or start one with "
                              "`posthouse serve`");
    }
    const struct place *from = kept.url && same_house(p->url, kept.url)   ? &kept
                               : here.url && same_house(p->url, here.url) ? &here
                                                                          : NULL;
    p->token = given_or_null(getenv("POSTHOUSE_TOKEN"));
    p->fingerprint = given_or_null(option_text(call, "fingerprint"));
    if (!p->token && from)
        p->token = from->token;
    if (!p->fingerprint && from)
        p->fingerprint = from->fingerprint;
    const char *file = option_text(call, "token-file");
    if (file && !(p->token = file_text(call, file))) {
        error_set(err, ERROR_NOT_FOUND, "there is no token in %s", file);
        return error_fix(err, "make one with `posthouse user token EMAIL` and keep it in a file");
    }
    if (p->token)
        return true;
    error_set(err, ERROR_LOGIN, "no token for %s", p->url);
    return error_fix(err, "have one made (`posthouse user token EMAIL`), then give it with "
                          "--token-file FILE or POSTHOUSE_TOKEN");
}

bool house_open(struct command_call *call, int lines, struct house *h, struct error *err)
{
    struct place p = {0};
    *h = (struct house){0};
    if (!find_place(call, &p, err))
        return false;
    struct client_wish wish = {.url = p.url,
                               .bearer = p.token,
                               .fingerprint = p.fingerprint,
                               .lines = lines > 0 ? lines : 2};
    h->client = client_open(&wish, err);
    h->url = arena_text(call->arena, p.url);
    h->fingerprint = arena_text(call->arena, p.fingerprint);
    h->token = p.token;
    return h->client != NULL;
}

void house_close(struct house *h)
{
    client_close(h->client);
    h->client = NULL;
}

json_t *house_ask(struct client *c, const char *method, const json_t *body, struct error *err,
                  const char *path, ...)
{
    struct arena *a = arena_open(ANSWER_ARENA);
    struct buf at = BUF_LIMIT(32 << 10);
    va_list list;
    va_start(list, path);
    char *below = NULL;
    int size = vasprintf(&below, path, list);
    va_end(list);
    char *written = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_t *answer = NULL;
    struct reply reply;
    if (size < 0 || (body && !written))
        abort();
    buf_format(&at, "/api/v1%s", below);
    struct call call = {
        .method = method, .path = at.at, .body = text_of(written), .repeatable = true};
    if (client_call(c, &call, a, &reply, err)) {
        answer = json_loadb(reply.body.at, reply.body.size, JSON_DECODE_ANY, NULL);
        if (!answer) {
            error_set(err, ERROR_NETWORK, "cannot understand the house's answer");
            error_why(err, "%s is not answered with JSON", below);
            error_fix(err, "check that the address is a Posthouse of this version");
        }
    }
    free(written);
    free(below);
    buf_free(&at);
    arena_close(a);
    return answer;
}

const char *json_word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

int64_t json_count(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

short_text files_text(int64_t count)
{
    short_text t = count_text(count);
    size_t size = strlen(t.text);
    snprintf(t.text + size, sizeof(t.text) - size, count == 1 ? " file" : " files");
    return t;
}

json_t *house_project(struct client *c, const char *named, struct error *err)
{
    json_t *list = house_ask(c, "GET", NULL, err, "/projects"), *one, *found = NULL;
    size_t i, exact = 0, alike = 0;
    struct buf names = BUF_LIMIT(200);
    if (!list)
        return NULL;
    json_array_foreach(list, i, one)
    {
        const char *name = json_word(one, "name");
        bool same = strcmp(named, json_word(one, "id")) == 0 || strcmp(named, name) == 0;
        exact += same;
        alike += !same && strcasecmp(named, name) == 0;
        if (same || (!exact && strcasecmp(named, name) == 0))
            found = one;
        buf_format(&names, "%s%s", names.size ? ", " : "", name);
    }
    if (exact > 1 || (!exact && alike > 1)) {
        error_set(err, ERROR_USAGE, "more than one project is called %s", named);
        error_fix(err, "name it by its id; `posthouse ls --json` shows the ids");
        found = NULL;
    } else if (!found) {
        error_set(err, ERROR_NOT_FOUND, "there is no project %s", named);
        if (names.size)
            error_why(err, "there are: %s%s", names.at, names.over ? ", ..." : "");
        else
            error_why(err, "you are in no project of this house");
        error_fix(err, "make it on the page, or name another one");
    }
    json_incref(found);
    json_decref(list);
    buf_free(&names);
    return found;
}

static const char *folder_below(json_t *list, const char *parent, const char *name)
{
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        if (strcmp(json_word(one, "parent"), parent) == 0 &&
            strcmp(json_word(one, "name"), name) == 0)
            return json_word(one, "id");
    }
    return NULL;
}

static bool folder_make_there(struct client *c, const char *project, const char *parent,
                              const char *name, char id[27], struct error *err)
{
    json_t *body = json_pack("{s:s}", "name", name);
    if (!body)
        return error_set(err, ERROR_INPUT, "a folder's name must be UTF-8");
    if (parent[0])
        json_object_set_new(body, "parent", json_string(parent));
    json_t *made = house_ask(c, "POST", body, err, "/projects/%s/folders", project);
    json_decref(body);
    bool ok = made && text_copy(text_of(json_word(made, "id")), id, 27);
    json_decref(made);
    return ok;
}

bool house_folder(struct client *c, const char *project, const char *path, bool make, char id[27],
                  struct error *err)
{
    id[0] = 0;
    text rest = text_of(path);
    json_t *list = NULL;
    bool ok = true;
    while (ok && rest.size) {
        char name[256], parent[27];
        text part = text_cut(&rest, '/');
        if (!part.size)
            continue;
        if (!text_copy(part, name, sizeof(name))) {
            ok = error_set(err, ERROR_INPUT, "a folder's name has at most 255 bytes");
            break;
        }
        if (!list && !(list = house_ask(c, "GET", NULL, err, "/projects/%s/folders", project)))
            return false;
        memcpy(parent, id, sizeof(parent));
        const char *found = folder_below(list, parent, name);
        if (found) {
            ok = text_copy(text_of(found), id, 27);
        } else if (!make) {
            error_set(err, ERROR_NOT_FOUND, "there is no folder %s in the project", path);
            ok = error_fix(err, "see `posthouse ls PROJECT`");
        } else if (!folder_make_there(c, project, parent, name, id, err)) {
            ok = err->kind == ERROR_CONFLICT; // somebody else made it just now
            json_decref(list);
            list = ok ? house_ask(c, "GET", NULL, err, "/projects/%s/folders", project) : NULL;
            found = ok ? folder_below(list, parent, name) : NULL;
            ok = found && text_copy(text_of(found), id, 27);
        }
    }
    json_decref(list);
    return ok;
}

bool house_assets(struct client *c, const char *project, const char *folder, json_t *list,
                  struct error *err)
{
    struct arena *a = arena_open((size_t)4 << 20);
    const char *cursor = "";
    bool more = true;
    while (more) {
        json_t *page =
            house_ask(c, "GET", NULL, err, "/projects/%s/assets?folder=%s&limit=1000%s%s", project,
                      folder[0] ? folder : "top", cursor[0] ? "&cursor=" : "",
                      address_encode(a, text_of(cursor)));
        if (!page)
            break;
        json_array_extend(list, json_object_get(page, "items"));
        cursor = arena_text(a, json_word(page, "cursor"));
        more = cursor[0] != 0;
        json_decref(page);
    }
    arena_close(a);
    return !more;
}

// An asset by PROJECT/FOLDER/NAME.
static json_t *asset_at(struct client *c, struct arena *a, const char *path, struct error *err)
{
    text rest = text_of(path), named = text_cut(&rest, '/');
    const char *below = arena_copy(a, rest.size ? rest.at : "", rest.size);
    const char *slash = strrchr(below, '/'), *name = slash ? slash + 1 : below;
    char folder[27];
    json_t *project = house_project(c, arena_copy(a, named.at, named.size), err);
    if (!project)
        return NULL;
    const char *id = json_word(project, "id");
    text above = {below, slash ? (size_t)(slash - below) : 0};
    json_t *list = json_array(), *asset, *found = NULL;
    size_t i;
    bool ok = house_folder(c, id, arena_copy(a, above.at, above.size), false, folder, err) &&
              house_assets(c, id, folder, list, err);
    json_array_foreach(list, i, asset)
    {
        if (strcmp(json_word(asset, "name"), name) == 0)
            found = asset;
    }
    if (ok && !found) {
        error_set(err, ERROR_NOT_FOUND, "there is no asset %s", path);
        error_fix(err, "see `posthouse ls %.*s`", (int)named.size, named.at);
    }
    json_incref(found);
    json_decref(list);
    json_decref(project);
    return ok ? found : NULL;
}

json_t *house_asset(struct client *c, struct arena *a, const char *named, struct error *err)
{
    if (strchr(named, '/'))
        return asset_at(c, a, named, err);
    if (id_valid(text_of(named)))
        return house_ask(c, "GET", NULL, err, "/assets/%s", named);
    error_set(err, ERROR_USAGE, "%s is not an asset", named);
    error_why(err, "it is neither an id nor a path such as PROJECT/FOLDER/NAME");
    error_fix(err, "see `posthouse ls PROJECT`");
    return NULL;
}
