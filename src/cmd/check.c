/*
 * posthouse check: is everything there, and is it what it was?
 *
 * Looks only: beside a running house too, nothing is made, mended or swept.
 */
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/progress.h"
#include "cmd/state.h"
#include "house/flow/flow.h"
#include "plat/files.h"
#include "plat/sandbox.h"
#include "store/store.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SAID_MOST = 100 };

struct check {
    struct command_call *call;
    bool json;
    struct db *db;
    struct store *store;
    struct progress bar;
    json_t *damage; // told, the first hundred
    int64_t damaged;
    int64_t lost;        // rows that name a content which is not in the store
    char lost_table[32]; // of the first of them
};

static bool is_there(const char *path)
{
    struct stat seen;
    return stat(path, &seen) == 0;
}

// Opening a database makes one where there is none: here that would be a wrong answer.
static bool open_house(struct check *c, struct error *err)
{
    char path[PATH_MAX], store[PATH_MAX];
    const char *folder = config_text(c->call->config, "house.folder");
    if (!path_join(path, sizeof(path), folder, "house.db") ||
        !path_join(store, sizeof(store), folder, "store"))
        return error_set(err, ERROR_INPUT, "the path of the house is too long");
    if (!is_there(path)) {
        bool media = is_there(store);
        error_set(err, ERROR_NOT_FOUND,
                  media ? "the house in %s has lost its database" : "there is no house in %s",
                  folder);
        if (!media)
            return error_fix(err, "name it: --house.folder=DIR");
        error_why(err, "%s is there, house.db is not", store);
        return error_fix(err, "bring house.db back from a backup before anything else is started");
    }
    c->db = state_open(c->call->config, path, 2, err);
    if (!c->db)
        return false;
    c->store = store_open(
        &(struct store_wish){.folder = store,
                             .db = c->db,
                             .reserve_bytes = config_int(c->call->config, "store.reserve"),
                             .look_only = true},
        err);
    return c->store != NULL;
}

static bool show(void *context, int64_t done, int64_t total)
{
    struct check *c = context;
    progress_show(&c->bar, done, total);
    return true;
}

static void told(void *context, const struct store_damage *d)
{
    struct check *c = context;
    if (json_array_size(c->damage) == SAID_MOST)
        return;
    json_array_append_new(c->damage, json_pack("{s:s,s:I,s:s,s:I,s:I,s:s}", "content", d->content,
                                               "chunk", (json_int_t)d->chunk, "path", d->path,
                                               "offset", (json_int_t)d->offset, "length",
                                               (json_int_t)d->length, "what", d->what));
    if (c->json)
        return;
    progress_end(&c->bar);
    fprintf(stderr, "damaged: %s at %lld, %lld bytes: %s\n", d->path, (long long)d->offset,
            (long long)d->length, d->what);
}

// What a table names is in the store. (versions names all files of a version by one content: its
// files have rows of their own.)
static bool find_lost(struct db_tx *tx, void *context, struct error *err)
{
    struct check *c = context;
    c->lost = 0;
    for (const char *const *t = flow_holders(); *t; t++) {
        char words[200];
        int64_t lost = 0;
        snprintf(words, sizeof(words),
                 "select count(*) from %s t where t.content is not null and not exists (select 1 "
                 "from contents c where c.content = t.content)",
                 *t);
        if (strcmp(*t, "versions") != 0 && !db_one_int(tx, &lost, 0, err, words, ""))
            return false;
        if (lost && !c->lost)
            text_copy(text_of(*t), c->lost_table, sizeof(c->lost_table));
        c->lost += lost;
    }
    return true;
}

static void tell(const struct check *c, const struct store_numbers *n, const struct error *state)
{
    struct sandbox_state sandbox = sandbox_probe();
    bool off = !config_bool(c->call->config, "sandbox");
    bool cut = sandbox.bwrap || sandbox.seccomp;
    bool full = n->free_bytes < n->reserve_bytes;
    if (c->json) {
        json_t *all = json_pack(
            "{s:b,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:O,s:s,s:b,s:I,s:I,s:I,s:I}", "database_ok",
            state->kind == ERROR_NONE, "database", state->kind == ERROR_NONE ? "" : state->why,
            "files", (json_int_t)n->files, "chunks", (json_int_t)n->chunks, "bytes",
            (json_int_t)n->bytes, "uploads", (json_int_t)n->uploads, "damaged",
            (json_int_t)c->damaged, "lost", (json_int_t)c->lost, "damage", c->damage, "sandbox",
            sandbox_text().text, "sandbox_used", !off, "free_bytes", (json_int_t)n->free_bytes,
            "reserve_bytes", (json_int_t)n->reserve_bytes, "place_files",
            (json_int_t)n->place_files, "place_bytes", (json_int_t)n->place_bytes);
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(all);
        return;
    }
    printf("database  %s\n", state->kind == ERROR_NONE ? "whole" : "damaged");
    printf("media     %s%s, %s, %s\n", count_text(n->files).text,
           n->files == 1 ? " file" : " files", size_text(n->bytes).text,
           c->damaged || c->lost           ? "damaged"
           : option_flag(c->call, "quick") ? "every byte read, no rot found"
                                           : "every byte proven");
    if (n->place_files)
        printf("in place  %s, %s, read where they lie: not proven here\n",
               files_text(n->place_files).text, size_text(n->place_bytes).text);
    if (n->uploads)
        printf("uploads   %s under way or broken off\n", count_text(n->uploads).text);
    printf("disk      %s free%s\n", size_text(n->free_bytes).text,
           full ? ": under the reserve, nothing can be brought in" : "");
    printf("sandbox   %s%s\n", sandbox_text().text,
           off    ? "; switched off by the setting sandbox"
           : !cut ? "; media can not be opened here (see the setting sandbox)"
                  : "");
}

static int prove(struct check *c, struct error *err)
{
    struct error state;
    struct store_numbers n;
    error_clear(&state);
    bool whole = db_check(c->db, &state);
    c->bar = progress_begin("checking", "bytes", c->json);
    struct store_check wish = {
        .quick = option_flag(c->call, "quick"), .progress = show, .damaged = told, .context = c};
    bool ok = store_check(c->store, &wish, &c->damaged, err) && store_numbers(c->store, &n, err) &&
              db_read(c->db, find_lost, c, err);
    progress_end(&c->bar);
    if (!ok)
        return command_failed(err);
    tell(c, &n, &state);
    if (!whole)
        command_failed(&state);
    if (c->damaged) {
        error_set(err, ERROR_DAMAGED, "%s pieces of media are not what was brought in",
                  count_text(c->damaged).text);
        error_fix(err, "look at the disk, then bring those files in again: what is whole is not "
                       "sent");
        command_failed(err);
    }
    if (c->lost) {
        error_set(err, ERROR_DAMAGED, "%s files that the house knows are not in its store",
                  count_text(c->lost).text);
        error_why(err, "the table %s names the first of them", c->lost_table);
        error_fix(err, "bring house.db and the store back from one backup, made at one time");
        command_failed(err);
    }
    return whole && !c->damaged && !c->lost ? 0 : 1;
}

static int run(struct command_call *call)
{
    struct check c = {.call = call, .json = option_flag(call, "json"), .damage = json_array()};
    struct error err;
    error_clear(&err);
    int status;
    if (call->word_count) {
        error_set(&err, ERROR_USAGE, "check takes no words");
        status = command_failed(&err);
    } else {
        status = open_house(&c, &err) ? prove(&c, &err) : command_failed(&err);
    }
    store_close(c.store);
    db_close(c.db);
    json_decref(c.damage);
    return status;
}

static const struct option_row options[] = {
    {"quick", OPTION_FLAG, NULL, "read every byte, but look for rot only (XXH3, not SHA-256)"},
    {"json", OPTION_FLAG, NULL, "print the result as JSON, for scripts"},
    {0},
};
const struct command command_check = {
    "check",
    "",
    "prove that a house is whole: its database and every byte of its media",
    "Reads the database and all media of the house in house.folder, and says whether each byte is\n"
    "what was brought in and all that the house knows is there, what is damaged, how full the "
    "disk\n"
    "is, and how media is opened here (the sandbox). Works beside a running house, and changes\n"
    "nothing.\n"
    "Exit status: 0 all is whole, 1 something is damaged, 3 it could not be checked.",
    options,
    0,
    0,
    run,
};
