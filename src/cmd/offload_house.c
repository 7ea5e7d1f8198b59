#include "cmd/offload_house.h"
#include "cmd/client.h"
#include "cmd/put.h"
#include "house/transfer/transfer.h"

#include <stdlib.h>
#include <string.h>

static void fails(struct offload_work *w, const struct error *err)
{
    w->house_problem = ARENA_NEW(w->call->arena, struct error);
    *w->house_problem = *err;
}

// Its path, with '/' between percent-escaped letters, for a query.
static const char *escaped(struct arena *a, const char *path)
{
    static const char digits[] = "0123456789ABCDEF";
    char *to = arena_take(a, 3 * strlen(path) + 1), *at = to;
    for (const unsigned char *c = (const unsigned char *)path; *c; c++)
        *at++ = '%', *at++ = digits[*c >> 4], *at++ = digits[*c & 15];
    *at = 0;
    return to;
}

static bool kept_by_houses(const char *path)
{
    return !transfer_path_hidden(text_of(path));
}

struct comparing {
    struct offload_work *w;
    int64_t same;
    struct error *err;
};

// One row of the transfer's list.
static bool compare(struct comparing *c, const json_t *row)
{
    const char *path = json_word(row, "path"), *slash = strchr(path, '/');
    const struct offload_file *f = slash ? offload_file_at(&c->w->plan, slash + 1) : NULL;
    if (!f || f->folder) // a generation of its list of hashes
        return true;
    if (strcmp(json_word(row, "state"), "stored") == 0 &&
        strcmp(json_word(row, "content"), sha256_text(&f->content).text) == 0) {
        c->same++;
        return true;
    }
    if (text_ends(text_of(f->path), "ascmhl/ascmhl_chain.xml")) { // it goes on in the copy
        c->same++;
        return true;
    }
    error_set(c->err, ERROR_DAMAGED, "%s is not the same in the house", f->path);
    return error_fix(c->err, "run `posthouse mhl verify` on the copy, then put it again");
}

static bool compare_all(struct offload_work *w, struct house *h, const char *transfer,
                        struct error *err)
{
    struct comparing c = {.w = w, .err = err};
    const char *after = "";
    bool ok = true, more = true;
    while (ok && more) {
        json_t *rows = house_ask(h->client, "GET", NULL, err, "/transfers/%s/files?limit=1000%s%s",
                                 transfer, *after ? "&after=" : "", after),
               *row;
        size_t i;
        ok = rows != NULL;
        more = json_array_size(rows) > 0;
        json_array_foreach(rows, i, row)
        {
            ok = ok && compare(&c, row);
            after = escaped(w->call->arena, json_word(row, "path"));
        }
        json_decref(rows);
    }
    int64_t wanted = 0;
    for (size_t i = 0; i < w->plan.count; i++)
        wanted += !w->plan.files[i].folder && kept_by_houses(w->plan.files[i].path);
    if (!ok || c.same >= wanted)
        return ok;
    error_set(err, ERROR_NOT_FOUND, "the house has %s of %s files of the card",
              count_text(c.same).text, count_text(wanted).text);
    return error_fix(err, "run the same again");
}

// Folders without files are kept, too.
static bool make_folders(struct offload_work *w, struct house *h, const char *project,
                         struct error *err)
{
    const char *folder = option_text(w->call, "folder");
    const struct offload *o = &w->plan;
    char id[27];
    bool ok = true;
    for (size_t i = 0; i < o->count && ok; i++) {
        size_t size = strlen(o->files[i].path);
        bool empty = i + 1 == o->count ||
                     strncmp(o->files[i + 1].path, o->files[i].path, size) != 0 ||
                     o->files[i + 1].path[size] != '/';
        if (o->files[i].folder && empty)
            ok = house_folder(h->client, project,
                              arena_format(w->call->arena, "%s%s%s/%s", folder ? folder : "",
                                           folder ? "/" : "", o->name, o->files[i].path),
                              true, id, err);
    }
    return ok;
}

void offload_to_house(struct offload_work *w, const char *from)
{
    struct command_call put = put_call(w->call, from);
    struct house h = {0};
    struct error err;
    json_t *told = NULL;
    static const char *const same[] = {"project", "folder", "house", "token-file", "fingerprint"};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        put_option(&put, same[i], option_text(w->call, same[i]));
    put_option(&put, "name", w->plan.name);
    if (option_flag(w->call, "json"))
        put_option(&put, "json", "");
    w->house = "the house";
    int status = put_run(&put, &told);
    error_set(&err, ERROR_IO, "the card could not be put into the house");
    bool ok = status == 0 && told && house_open(w->call, 1, &h, &err);
    if (ok)
        w->house = h.url;
    if (ok && compare_all(w, &h, json_word(told, "transfer"), &err) &&
        make_folders(w, &h, json_word(told, "project"), &err))
        w->house_whole = true;
    else
        fails(w, &err);
    house_close(&h);
    json_decref(told);
}
