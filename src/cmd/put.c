/*
 * posthouse put: files and folders into a house.
 *
 * The paths are walked twice: once to count, so that the bar knows the whole, once to send. What
 * can not be kept under its name, or can not be read, is told at the end; everything else goes on.
 */
#include "cmd/put.h"
#include "cmd/client.h"
#include "cmd/place.h"
#include "cmd/progress.h"
#include "cmd/put_captions.h"
#include "cmd/put_growing.h"
#include "cmd/put_lists.h"
#include "cmd/put_send.h"
#include "house/transfer/lists.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SAID_MOST = 20, EMPTY_MOST = 100000 };

struct root {
    const char *path; // absolute
    const char *name; // its last part: what it is called in the house
};

struct put {
    struct command_call *call;
    bool json;
    json_t **told; // where the result goes; NULL: to standard output
    struct house house;
    const char *project;
    char folder[27], transfer[27];
    const char *asset; // NULL, or whose further version it is
    struct root *roots;
    size_t root_count;
    const struct root *root; // walked now
    struct journal *journal;
    struct way_wish way;
    struct sending *sending;
    struct progress bar;
    int64_t files, bytes;               // counted
    int64_t links, left_behind, others; // not sent
    int64_t had_files, had_bytes;       // marked in the journal
    int64_t unmarked;                   // counted, not marked
    int64_t began_us;
    const char *last_folder; // of the first walk: it may be empty; NULL: it is not
    const char **empty;      // folders without files
    size_t empty_count, empty_room;
    bool second; // walk
    bool listed; // a list of hashes is among them
    struct put_lists *beside; // those that lie beside files which go by themselves
    bool beside_told;
    struct put_choice *choice; // NULL: all is sent
};

const char *put_project(const struct command_call *call)
{
    const char *named = option_text(call, "project");
    return named ? named : option_text(call, "to");
}

static bool find_roots(struct put *p, struct error *err)
{
    p->root_count = p->call->word_count;
    p->roots = ARENA_ARRAY(p->call->arena, struct root, p->root_count);
    for (size_t i = 0; i < p->root_count; i++) {
        struct root *r = &p->roots[i];
        char *whole = realpath(p->call->words[i], NULL);
        if (!whole) {
            error_set(err, ERROR_NOT_FOUND, "there is no %s", p->call->words[i]);
            return error_fix(err, "check the path; quote names with spaces");
        }
        // A symbolic link that was named goes in under its own name.
        text given = text_of(p->call->words[i]);
        while (given.size > 1 && given.at[given.size - 1] == '/')
            given.size--;
        const char *named = arena_copy(p->call->arena, given.at, given.size);
        const char *slash = strrchr(named, '/');
        named = slash ? slash + 1 : named;
        r->path = arena_text(p->call->arena, whole);
        free(whole);
        slash = strrchr(r->path, '/');
        bool plain = named[0] && strcmp(named, ".") != 0 && strcmp(named, "..") != 0;
        r->name = plain ? named : slash + 1;
        if (!r->name[0]) {
            error_set(err, ERROR_USAGE, "the whole disk can not be put");
            return error_fix(err, "name the folders that are wanted");
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(p->roots[k].name, r->name) == 0) {
                error_set(err, ERROR_USAGE, "two of these would be called %s", r->name);
                return error_fix(err, "put them one after the other, into different --folder");
            }
        }
    }
    return true;
}

// What says where everything goes: the same again finds the same journal.
static struct journal *open_journal(struct put *p, struct error *err)
{
    struct buf what = BUF_LIMIT(16 << 20);
    buf_format(&what, "%s%s\n%s\n%s\n%d\n", p->choice ? "chosen\n" : "", p->house.url, p->project, p->asset ? p->asset : p->folder,
               option_flag(p->call, "follow-links"));
    for (size_t i = 0; i < p->root_count; i++)
        buf_format(&what, "%s\n%s\n", p->roots[i].path, p->roots[i].name);
    struct journal *j = (p->choice ? journal_open_lasting : journal_open)(what.at, err);
    buf_free(&what);
    return j;
}

static bool show(struct put *p)
{
    struct sending_numbers n = sending_numbers(p->sending);
    p->bar.what = n.waiting                     ? "waiting for the house"
                  : strcmp(n.via, "UDP") == 0   ? "putting by UDP"
                  : strcmp(n.via, "HTTPS") == 0 ? "putting by HTTPS"
                                                : "putting by TCP";
    progress_show(&p->bar, p->had_bytes + n.bytes + n.moving_bytes, p->bytes);
    return true;
}

static bool send_one(struct put *p, const struct file_seen *f, const char *as, struct error *err)
{
    struct error bad;
    if (journal_has(p->journal, f, as)) {
        p->had_files++;
        p->had_bytes += f->size;
        return true;
    }
    if (!transfer_path_check(text_of(as), &bad)) {
        sending_fail(p->sending, f->path, &bad);
        return true;
    }
    while (!sending_add(p->sending, f, as)) {
        show(p);
        if (sending_stopped(p->sending, err))
            return false;
    }
    show(p);
    return true;
}

// The folder seen last is empty unless what comes next is in it.
static void folder_holds(struct put *p, const char *next)
{
    size_t size = p->last_folder ? strlen(p->last_folder) : 0;
    bool in = size && next && strncmp(next, p->last_folder, size) == 0 && next[size] == '/';
    if (size && !in && p->empty_count < EMPTY_MOST) {
        if (p->empty_count == p->empty_room) {
            p->empty_room = p->empty_room ? p->empty_room * 2 : 16;
            const char **more = ARENA_ARRAY(p->call->arena, const char *, p->empty_room);
            if (p->empty_count)
                memcpy(more, p->empty, p->empty_count * sizeof(*more));
            p->empty = more;
        }
        p->empty[p->empty_count++] = p->last_folder;
    }
    p->last_folder = NULL;
}

// A file that was named, or that lies loose in a watched folder, goes without the folder's lists.
static void look_beside(struct put *p, const struct file_seen *f, const char *as)
{
    if (f->relative[0] && !(p->choice && !strchr(f->relative, '/')))
        return;
    const char *slash = strrchr(f->path, '/');
    if (slash && !list_named(as))
        put_lists_add(p->beside, arena_copy(p->call->arena, f->path, (size_t)(slash - f->path)),
                      slash + 1, as);
}

// Both walks leave the same out: what is chosen does not change in between.
static bool chosen(struct put *p, const struct file_seen *f, const char *as)
{
    bool has = journal_has(p->journal, f, as);
    if (has && !p->second)
        p->choice->has(p->choice->context, f);
    if (!has && !p->second && p->choice->came && p->choice->came(p->choice->context, f)) {
        journal_mark(p->journal, f, as);
        return false;
    }
    return !has && p->choice->takes(p->choice->context, f);
}

static bool seen(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct put *p = context;
    struct error ignored;
    (void)enter;
    char as[PATH_MAX + 256];
    if (f->kind == FILE_FOLDER) {
        snprintf(as, sizeof(as), "%s%s%s", p->root->name, f->relative[0] ? "/" : "", f->relative);
        if (!p->second && !p->choice && transfer_path_check(text_of(as), &ignored)) {
            folder_holds(p, as);
            p->last_folder = arena_text(p->call->arena, as);
        }
        return true;
    }
    if (p->choice)
        snprintf(as, sizeof(as), "%s", f->relative);
    else
        snprintf(as, sizeof(as), "%s%s%s", p->root->name, f->relative[0] ? "/" : "", f->relative);
    bool behind = transfer_path_hidden(text_of(as));
    if (!p->second && !behind)
        folder_holds(p, as);
    if (f->kind != FILE_PLAIN || behind) {
        if (!p->second)
            ++*(f->kind == FILE_LINK ? &p->links : behind ? &p->left_behind : &p->others);
        return true;
    }
    if (p->choice && !chosen(p, f, as))
        return true;
    if (p->second)
        return send_one(p, f, as, err);
    p->listed = p->listed || list_named(as);
    look_beside(p, f, as);
    p->files++;
    p->bytes += f->size;
    p->unmarked += !journal_has(p->journal, f, as);
    return true;
}

static bool walk(struct put *p, bool second, struct error *err)
{
    struct walk_wish wish = {
        .follow_links = option_flag(p->call, "follow-links"), .seen = seen, .context = p};
    p->second = second;
    for (size_t i = 0; i < p->root_count; i++) {
        p->root = &p->roots[i];
        if (!folder_walk(p->root->path, &wish, err))
            return false;
    }
    if (!second)
        folder_holds(p, NULL);
    return true;
}

// Folders without files: a card is kept as it was.
static bool make_folders(struct put *p, struct error *err)
{
    const char *folder = option_text(p->call, "folder");
    char id[27];
    for (size_t i = 0; i < p->empty_count; i++)
        if (!house_folder(p->house.client, p->project,
                          arena_format(p->call->arena, "%s%s%s", folder ? folder : "",
                                       folder && *folder ? "/" : "", p->empty[i]),
                          true, id, err))
            return error_while(err, "keeping the empty folder %s", p->empty[i]);
    return true;
}

static json_t *ask_transfer(struct put *p, struct error *err)
{
    const char *name = option_text(p->call, "name");
    json_t *body = json_pack("{s:s,s:s,s:s}", "name", name ? name : p->roots[0].name, "origin",
                             "put", "key", journal_key(p->journal));
    if (!body) {
        error_set(err, ERROR_INPUT, "the name of %s is not UTF-8", p->roots[0].path);
        error_fix(err, "give the transfer another one with --name");
        return NULL;
    }
    if (p->folder[0])
        json_object_set_new(body, "folder", json_string(p->folder));
    if (p->asset)
        json_object_set_new(body, "asset", json_string(p->asset));
    json_t *t = house_ask(p->house.client, "POST", body, err, "/projects/%s/transfers", p->project);
    json_decref(body);
    return t;
}

// What lists say that stay here. A house of an older version can not be told.
static bool tell_beside(struct put *p, struct error *err)
{
    const json_t *wanted = put_lists_wanted(p->beside);
    if (!json_array_size(wanted) || !p->unmarked)
        return true;
    json_t *body = json_pack("{s:O}", "wanted", wanted);
    json_t *t = house_ask(p->house.client, "POST", body, err, "/transfers/%s/lists", p->transfer);
    bool ok = t || err->kind == ERROR_NOT_FOUND || err->kind == ERROR_USAGE;
    p->beside_told = t != NULL;
    json_decref(t);
    json_decref(body);
    return ok;
}

// The transfer of the journal, or a new one.
static bool begin_transfer(struct put *p, struct error *err)
{
    json_t *t = ask_transfer(p, err);
    if (t && strcmp(json_word(t, "state"), "closed") == 0 && p->unmarked) {
        // All of the last put is there, only its journal was left; what came since is new.
        json_decref(t);
        journal_key_anew(p->journal);
        t = ask_transfer(p, err);
    }
    bool ok = t && text_copy(text_of(json_word(t, "id")), p->transfer, sizeof(p->transfer));
    json_decref(t);
    if (ok)
        journal_transfer(p->journal, p->transfer);
    return ok && tell_beside(p, err);
}

static bool send_all(struct put *p, struct error *err)
{
    int64_t patience;
    if (!option_int(p->call, "patience", 600, &patience))
        return error_set(err, ERROR_USAGE, "nothing was sent");
    p->sending = sending_open(
        &(struct sending_wish){p->house.client, p->journal, p->transfer, patience, p->way});
    p->bar = progress_begin("putting", "bytes", option_flag(p->call, "json"));
    bool ok = walk(p, true, err);
    sending_end(p->sending);
    while (ok && !sending_done(p->sending))
        show(p);
    bool stopped = sending_stopped(p->sending, ok ? err : &(struct error){0});
    sending_halt(p->sending);
    progress_end(&p->bar);
    if (ok && !stopped)
        sending_tell_speed(p->sending);
    return ok && !stopped;
}

static bool close_transfer(struct put *p, struct error *err)
{
    json_t *t = house_ask(p->house.client, "POST", NULL, err, "/transfers/%s/close", p->transfer);
    bool ok = t != NULL;
    json_decref(t);
    return ok;
}

// What the house makes of it as a card: it looks once the transfer is closed. NULL: it has not yet,
// or it is none. *more: the others, when it holds several.
static json_t *card_of(struct put *p, json_t **more)
{
    int64_t until_us = clock_tick_us() + 10 * 1000000LL;
    json_t *card = NULL;
    struct error ignored;
    while (p->files > 1 && !p->choice && !card && clock_tick_us() < until_us) {
        json_t *t = house_ask(p->house.client, "GET", NULL, &ignored, "/transfers/%s", p->transfer);
        if (!t)
            break;
        card = json_object_get(t, "card");
        card = json_is_object(card) ? json_incref(card) : NULL;
        if (card)
            *more = json_incref(json_object_get(t, "more_cards"));
        json_decref(t);
        if (!card)
            usleep(50000);
    }
    if (card && !*json_word(card, "kind")) {
        json_decref(card);
        card = NULL;
    }
    return card;
}

static void tell_card(const json_t *card)
{
    size_t i;
    const json_t *line;
    if (!card)
        return;
    printf("a card: %s, %s clips\n", json_word(card, "title"),
           count_text(json_integer_value(json_object_get(card, "clips"))).text);
    json_array_foreach(json_object_get(card, "missing"), i, line)
        fprintf(stderr, "missing on the card: %s\n", json_string_value(line));
    json_array_foreach(json_object_get(card, "notes"), i, line)
        fprintf(stderr, "note: %s\n", json_string_value(line));
}

// What lists of hashes that came along say: the house reads what it has stored. NULL: nothing yet.
static json_t *lists_of(struct put *p)
{
    enum { BEGINS_MS = 10000, LOOK_MS = 100 };
    int64_t patience_s = 600, since = clock_tick_us() / 1000, waited = 0;
    json_t *found = NULL;
    struct error err;
    if (p->choice || !((p->listed && p->files > 1) || p->beside_told) ||
        !option_int(p->call, "patience", 600, &patience_s))
        return NULL;
    while (waited < patience_s * 1000) {
        found = house_ask(p->house.client, "GET", NULL, &err, "/transfers/%s/lists", p->transfer);
        bool done = found && strcmp(json_word(found, "state"), "done") == 0;
        waited = clock_tick_us() / 1000 - since;
        if (done || (!found && (err.kind != ERROR_NOT_FOUND || waited > BEGINS_MS)))
            break;
        json_decref(found);
        found = NULL;
        clock_sleep_ms(LOOK_MS);
    }
    return found;
}

static void tell_lists(struct put *p, const json_t *found)
{
    size_t i;
    const json_t *one;
    if (!found) {
        if (!p->choice && ((p->listed && p->files > 1) || p->beside_told))
            fprintf(stderr, "the house still compares what came with its lists of hashes; the page "
                            "shows what it finds\n");
        return;
    }
    printf("lists of hashes: %s right, %s wrong\n", files_text(json_count(found, "right")).text,
           files_text((int64_t)json_array_size(json_object_get(found, "wrong"))).text);
    json_array_foreach(json_object_get(found, "wrong"), i, one)
        fprintf(stderr, "wrong: %s is not what %s says: %s was to be %s and is %s\n",
                json_word(one, "path"), json_word(one, "list"), json_word(one, "kind"),
                json_word(one, "said"), json_word(one, "found"));
    json_array_foreach(json_object_get(found, "missing"), i, one)
        fprintf(stderr, "a list names what did not come: %s\n", json_string_value(one));
    json_array_foreach(json_object_get(found, "unread"), i, one)
        fprintf(stderr, "could not be compared: %s\n", json_string_value(one));
}

// ---- telling

static json_t *failures_json(struct put *p)
{
    json_t *list = json_array();
    struct sending_failure f;
    for (size_t i = 0; sending_failure(p->sending, i, &f); i++) {
        json_t *path = json_string(f.path);
        json_array_append_new(list,
                              json_pack("{s:o,s:s,s:s,s:s,s:s}", "path", path ? path : json_null(),
                                        "kind", error_facts(f.err->kind)->name, "what", f.err->what,
                                        "why", f.err->why, "fix", f.err->fix));
    }
    return list;
}

static const char *via_word(const struct sending_numbers *n)
{
    return strcmp(n->via, "UDP") == 0 ? "udp" : strcmp(n->via, "HTTPS") == 0 ? "https" : "tcp";
}

static void tell_json(struct put *p, const struct sending_numbers *n, bool closed,
                      const json_t *card, const json_t *more, const json_t *lists)
{
    json_t *all = json_pack(
        "{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:b,s:o}", "via", via_word(n), "transfer",
        p->transfer, "project", p->project, "files", (json_int_t)(p->had_files + n->files), "bytes",
        (json_int_t)(p->had_bytes + n->bytes), "sent_bytes", (json_int_t)n->sent_bytes,
        "shared_bytes", (json_int_t)n->there_bytes, "resumed_files", (json_int_t)p->had_files,
        "left_out", (json_int_t)(p->links + p->left_behind + p->others), "seconds",
        (double)(clock_tick_us() - p->began_us) / 1e6, "closed", closed, "failed",
        failures_json(p));
    if (card)
        json_object_set(all, "card", (json_t *)(uintptr_t)card);
    if (card && json_array_size(more))
        json_object_set(all, "more_cards", (json_t *)(uintptr_t)more);
    if (lists)
        json_object_set(all, "lists", (json_t *)(uintptr_t)lists);
    if (p->told) {
        *p->told = all;
        return;
    }
    json_dumpf(all, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(all);
}

static void tell(struct put *p, const struct sending_numbers *n)
{
    struct sending_failure f;
    double seconds = (double)(clock_tick_us() - p->began_us) / 1e6;
    for (size_t i = 0; i < SAID_MOST && sending_failure(p->sending, i, &f); i++)
        command_failed(f.err);
    if (n->failed > SAID_MOST)
        fprintf(stderr, "posthouse: and %s more files could not be sent\n",
                count_text(n->failed - SAID_MOST).text);
    if (p->links)
        fprintf(stderr, "left out: symbolic links, %s (--follow-links takes what they point at)\n",
                count_text(p->links).text);
    if (p->left_behind)
        fprintf(stderr, "left out: what file managers leave behind, %s (.DS_Store and the like)\n",
                count_text(p->left_behind).text);
    if (p->others)
        fprintf(stderr, "left out: what is no file, %s (devices, sockets, pipes)\n",
                count_text(p->others).text);
    printf("%s, %s, verified in the house", files_text(p->had_files + n->files).text,
           size_text(p->had_bytes + n->bytes).text);
    if (p->had_bytes + n->there_bytes)
        printf("; %s of it was there already", size_text(p->had_bytes + n->there_bytes).text);
    if (n->sent_bytes && seconds > 0.05)
        printf("; %s by %s", rate_text((int64_t)((double)n->sent_bytes / seconds)).text, n->via);
    printf("\n");
}

// What could not be done: said, or kept for whoever chose.
static int fails(struct put *p, const struct error *err)
{
    if (!p->choice)
        return command_failed(err);
    p->choice->failed = *err;
    return error_facts(err->kind)->exit_status;
}

static int finish(struct put *p, bool sent, struct error *err)
{
    if (p->choice)
        journal_keep(p->journal);
    struct sending_numbers n = sending_numbers(p->sending);
    bool closed = sent && (!n.failed || p->choice) && make_folders(p, err) &&
                  close_transfer(p, err);
    json_t *more = NULL, *card = closed ? card_of(p, &more) : NULL,
           *lists = closed ? lists_of(p) : NULL, *one;
    size_t i;
    bool wrong = json_array_size(json_object_get(lists, "wrong")) > 0;
    if (p->json)
        tell_json(p, &n, closed, card, more, lists);
    else
        tell(p, &n);
    if (!p->json) {
        tell_card(card);
        json_array_foreach(more, i, one)
        {
            tell_card(one);
        }
    }
    if (!p->json && closed)
        tell_lists(p, lists);
    json_decref(card);
    json_decref(more);
    json_decref(lists);
    if (closed)
        return wrong ? 1 : 0;
    if (n.failed && sent) {
        error_set(err, ERROR_IO, "%s of %s could not be put", count_text(n.failed).text,
                  files_text(p->files).text);
        error_fix(err, "mend what is said above, then run the same command again: what is there "
                       "is not sent again");
    } else if (!err->fix[0]) {
        error_fix(err, "run the same command again: it goes on where it stood");
    }
    return fails(p, err);
}

// The asset of --version-of, NULL without one.
static bool find_asset(struct put *p, struct error *err)
{
    const char *named = option_text(p->call, "version-of");
    if (!named)
        return true;
    json_t *asset = house_asset(p->house.client, p->call->arena, named, err);
    if (asset)
        p->asset = arena_text(p->call->arena, json_word(asset, "id"));
    json_decref(asset);
    return p->asset != NULL;
}

static bool start(struct put *p, struct error *err)
{
    const char *folder = option_text(p->call, "folder"), *named = put_project(p->call);
    if (!named) {
        error_set(err, ERROR_USAGE, "put needs a project");
        return error_fix(err, "say --project NAME; `posthouse ls` lists them");
    }
    if (!way_options(p->call, &p->way, err) || !find_roots(p, err) ||
        !house_open(p->call, 6, &p->house, err))
        return false;
    p->way.url = p->house.url;
    json_t *project = house_project(p->house.client, named, err);
    p->project = arena_text(p->call->arena, json_word(project, "id"));
    json_decref(project);
    return project && find_asset(p, err) &&
           house_folder(p->house.client, p->project, folder ? folder : "", true, p->folder, err) &&
           (p->journal = open_journal(p, err)) != NULL;
}

static int put_all(struct command_call *call, struct put_choice *choice, json_t **told)
{
    struct put p = {.call = call,
                    .json = told || option_flag(call, "json"),
                    .told = told,
                    .choice = choice,
                    .beside = put_lists_open(),
                    .began_us = clock_tick_us()};
    struct error err;
    int status;
    error_clear(&err);
    if (told)
        *told = NULL;
    if (!start(&p, &err) || !walk(&p, false, &err)) {
        status = fails(&p, &err);
    } else if (choice && !p.unmarked) {
        journal_keep(p.journal);
        status = 0;
    } else if (!p.files) {
        error_set(&err, ERROR_INPUT, "there is no file to put");
        error_why(&err, "%s has none that can be sent", p.roots[0].path);
        status = fails(&p, &err);
    } else if (!begin_transfer(&p, &err)) {
        status = fails(&p, &err);
    } else {
        if (!journal_kept(p.journal) && !p.json)
            fprintf(stderr, "no place for a journal: a put that is killed begins anew\n");
        bool sent = send_all(&p, &err);
        status = finish(&p, sent, &err);
        sending_close(p.sending);
    }
    if (choice)
        choice->chosen = p.unmarked;
    journal_close(p.journal, status <= 1 && !choice);
    put_lists_close(p.beside);
    house_close(&p.house);
    return status;
}

int put_run(struct command_call *call, json_t **told)
{
    return option_text(call, "captions-of") ? put_captions(call) : put_all(call, NULL, told);
}

int put_chosen(struct command_call *call, struct put_choice *choice, json_t **told)
{
    return put_all(call, choice, told);
}

static int run(struct command_call *call)
{
    if (option_flag(call, "growing") || option_flag(call, "never-closed"))
        return put_growing_run(call);
    return option_flag(call, "in-place") ? put_in_place(call) : put_run(call, NULL);
}

static const struct option_row options[] = {
    {"project", OPTION_TEXT, "NAME", "the project, by its name or id"},
    {"folder", OPTION_TEXT, "PATH", "a folder in it, such as \"Day 1/A001\"; made when missing"},
    {"version-of", OPTION_TEXT, "ASSET",
     "the file is a further version of this asset of the project"},
    {"captions-of", OPTION_TEXT, "FILM[:LANG[:ROLE]]",
     "the files are captions of this asset; role cc, sdh, subtitle or forced"},
    {"in-place", OPTION_FLAG, NULL,
     "take the folder where it lies: nothing is copied (posthouse place --help)"},
    {"to", OPTION_TEXT, "NAME", "the same as --project"},
    {"wait", OPTION_FLAG, NULL, "with --in-place: until all of it was taken and hashed"},
    {"name", OPTION_TEXT, "NAME", "what the transfer is called (the first path's name)"},
    {"growing", OPTION_FLAG, NULL, "a recording that is still being written: it goes as it grows"},
    {"quiet", OPTION_INT, "SECONDS", "growing: it has ended when nobody writes for so long (10)"},
    {"silence", OPTION_INT, "SECONDS",
     "growing: so long without a byte of an open file is said (600)"},
    {"never-closed", OPTION_FLAG, NULL,
     "growing: take it as it is when it is quiet, though its recorder has not closed it"},
    {"follow-links", OPTION_FLAG, NULL, "send what symbolic links point at"},
    {"patience", OPTION_INT, "SECONDS", "how long to wait for a house that is away (600)"},
    {"json", OPTION_FLAG, NULL, "print the result as JSON, for scripts"},
    WAY_OPTIONS,
    CLIENT_OPTIONS,
    {0},
};
const struct command command_put = {
    "put",
    "PATH...",
    "bring files and folders into a house",
    "Sends files and folders, verified at the far end: a file counts only when the house has its\n"
    "exact bytes on disk. Folders keep their structure; numbered pictures become sequences. What\n"
    "the house has already is not sent. A put that was killed, or whose line broke, goes on where\n"
    "it stood when the same command is run again; one whose house is away waits for it.\n"
    "It goes by UDP when that passes, which fills long lines and lines that lose packets, else by\n"
    "several TCP streams; the progress line says which.\n"
    "--growing sends a recording while it is written; MXF, transport streams and MP4 in fragments can\n"
    "be watched in the house meanwhile. When it is closed all is read again, and what its recorder\n"
    "wrote anew goes again: the file in the house is the closed one.\n"
    "Lists of hashes that are among the files (MHL 1, ASC MHL, md5sum, xxhsum and the like) are held\n"
    "against what the house has stored; a file that is not what its list says is named, and its\n"
    "asset shows it. A file that goes by itself is held against MHL 1 and such lists beside it, which\n"
    "stay where they are.\n"
    "Exit status 3: not all of it is there; what failed is said, with the way out. 1: all is there,\n"
    "and a list says that some of it is wrong.",
    options,
    1,
    0,
    run,
};

struct command_call put_call(struct command_call *from, const char *path)
{
    const char **words = ARENA_ARRAY(from->arena, const char *, 1);
    words[0] = path;
    return (struct command_call){
        .command = &command_put,
        .config = from->config,
        .words = words,
        .word_count = 1,
        .options = options,
        .values = ARENA_ARRAY(from->arena, const char *, sizeof(options) / sizeof(options[0])),
        .arena = from->arena};
}

void put_option(struct command_call *put, const char *name, const char *value)
{
    for (size_t i = 0; options[i].name; i++)
        if (strcmp(options[i].name, name) == 0)
            put->values[i] = value;
}
