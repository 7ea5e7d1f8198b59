/*
 * The folder and the house are looked at, what differs is done, and again: at once when the watch
 * or the house's news say so, in full at intervals, because neither is told everything.
 *
 * All that must not be lost is in the state and on both sides: a kill at any moment leaves a folder
 * that the next start looks at and goes on with.
 */
#include "cmd/sync_inside.h"

#include "plat/clock.h"
#include "plat/files.h"
#include "plat/ids.h"
#include "plat/watch.h"
#include "wire/address.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 12, TOUCHED_ROOM = 512, TICK_MS = 300, LIVE_MS = 15000, OFFLINE_MS = 2000 };
#define ONCE_WAIT_US ((int64_t)120 * 1000000) // for files that are being written
#define HELD_WAIT_US ((int64_t)5 * 1000000)   // for what somebody was quicker with
#define SAY_US 1000000
#define KEEP_EVENT_US ((int64_t)2 * 1000000)

static bool state_has(const struct sync_run *r, const char *name)
{
    char path[PATH_MAX];
    return path_join(path, sizeof(path), r->wish->state, name) && access(path, F_OK) == 0;
}

static void state_drop(const struct sync_run *r, const char *name)
{
    char path[PATH_MAX];
    if (path_join(path, sizeof(path), r->wish->state, name))
        unlink(path);
}

// A disk that is not mounted looks like a folder in which everything was deleted.
static bool is_the_folder(struct sync_run *r, struct error *err)
{
    char path[PATH_MAX];
    struct buf content = BUF_LIMIT(4096);
    bool ok =
        path_join(path, sizeof(path), r->wish->dir, SYNC_MARKER) && file_read(path, &content, err);
    text rest = {content.at ? content.at : "", content.size};
    ok = ok && text_is(text_trim(text_cut(&rest, '\n')), r->wish->id);
    buf_free(&content);
    if (ok)
        return true;
    error_set(err, ERROR_CONFLICT, "%s is not the folder that is synced", r->wish->dir);
    error_why(err, "its marker %s is missing or is another one: a disk may not be mounted",
              SYNC_MARKER);
    return error_fix(err, "mount it; or begin anew: posthouse sync forget, then sync DIR --with "
                          "PROJECT");
}

// ---- saying how it stands

static const char *state_word(const struct sync_run *r, bool over)
{
    return over         ? "stopped"
           : r->paused  ? "paused"
           : r->offline ? "offline"
           : r->asks    ? "asks"
           : r->waiting ? "waiting"
           : r->stirred ? "working"
                        : "equal";
}

static json_t *status_json(const struct sync_run *r, bool over)
{
    const struct sync_numbers *n = &r->numbers;
    json_t *all =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b}", "id", r->wish->id,
                  "dir", r->wish->dir, "house", r->house.url ? r->house.url : "", "root",
                  r->root.path ? r->root.path : r->wish->root, "state", state_word(r, over), "at",
                  clock_text(clock_now_ms()).text, "paths", (json_int_t)sync_table_count(r->table),
                  "waiting", (json_int_t)r->waiting, "held", (json_int_t)r->held, "deletes",
                  (json_int_t)(r->asks ? r->deletes : 0), "links", (json_int_t)r->left[HERE_LINK],
                  "watched", r->watch && watch_whole(r->watch));
    json_t *counts = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "sent", (json_int_t)n->sent, "sent_bytes",
        (json_int_t)n->sent_bytes, "fetched", (json_int_t)n->fetched, "fetched_bytes",
        (json_int_t)n->fetched_bytes, "moved", (json_int_t)n->moved, "deleted_there",
        (json_int_t)n->deleted_there, "deleted_here", (json_int_t)n->deleted_here, "folders",
        (json_int_t)n->folders, "conflicts", (json_int_t)n->conflicts);
    json_object_set_new(counts, "listed", json_integer((json_int_t)r->lists));
    json_object_update(all, counts);
    json_decref(counts);
    json_object_set(all, "left_out", r->said);
    json_object_set_new(all, "left_count", json_integer((json_int_t)sync_left_count(r)));
    json_object_set_new(all, "left", sync_left_json(r));
    json_object_set(all, "held_paths", r->waits);
    json_object_set_new(all, "why", json_string(r->what));
    return all;
}

static void tell_status(struct sync_run *r, bool over)
{
    char path[PATH_MAX];
    struct error none;
    json_t *all = status_json(r, over);
    char *written = json_dumps(all, JSON_INDENT(1));
    if (written && path_join(path, sizeof(path), r->wish->state, "status"))
        (void)!file_write(path, written, strlen(written), 0600, &none);
    free(written);
    json_decref(all);
}

static void say_asks(struct sync_run *r)
{
    fprintf(stderr,
            "posthouse: %s files would be deleted: nothing is deleted until you say so\n"
            "  why: %s\n"
            "  fix: look at both sides; then `posthouse sync resume %s --allow-deletes`\n",
            count_text(r->deletes).text,
            r->distrust ? "the house is older than it was: it may have been restored from a backup"
                        : "so many at once may be a mistake",
            r->wish->dir);
}

static void say_watches(struct sync_run *r)
{
    if (r->watch_said || !r->watch || watch_whole(r->watch))
        return;
    r->watch_said = true;
    fprintf(stderr,
            "posthouse: not all folders of %s can be watched; it is looked through at intervals\n"
            "  why: the system's number of watches is used up\n"
            "  fix: sysctl fs.inotify.max_user_watches=1048576, then start again\n",
            r->wish->dir);
}

static void print_left(const struct sync_run *r, const char *before)
{
    struct buf line = BUF_LIMIT(64 << 10);
    sync_left_text(r, &line);
    if (line.size)
        fprintf(stderr, "%s%.*s\n", before, (int)line.size, line.at);
    buf_free(&line);
}

// Once for each whole look that finds more or fewer: programs make and remove such names all day.
static void say_left(struct sync_run *r)
{
    if (r->scan_due || r->left_said_us == r->scanned_us)
        return;
    r->left_said_us = r->scanned_us;
    if (r->left_said != sync_left_count(r))
        print_left(r, "posthouse: ");
    r->left_said = sync_left_count(r);
}

// ---- what the watch tells

static void touched(struct sync_run *r, const struct watch_news *news)
{
    if (news->what == WATCH_LOST) {
        r->scan_due = true;
        return;
    }
    if (strcmp(news->path, SYNC_IGNORE) == 0) {
        sync_read_ignore(r);
        r->scan_due = r->list_due = true;
    }
    if (!*news->path || r->touched_count == TOUCHED_ROOM) {
        r->scan_due = true;
        return;
    }
    for (size_t i = 0; i < r->touched_count; i++)
        if (strcmp(r->touched[i], news->path) == 0)
            return;
    char *kept = strdup(news->path);
    if (!kept)
        abort();
    r->touched[r->touched_count++] = kept;
}

static void wait_for_news(struct sync_run *r, int64_t wait_ms)
{
    struct watch_news news;
    struct error err;
    int64_t wait_ns = wait_ms * 1000000;
    if (!r->watch) {
        clock_sleep_ms(wait_ms);
        return;
    }
    for (int i = 0; i < 100000; i++, wait_ns = 0) {
        int got = watch_next(r->watch, wait_ns, &news, &err);
        if (got < 0) {
            watch_close(r->watch);
            r->watch = NULL;
            r->scan_due = true;
        }
        if (got <= 0)
            return;
        touched(r, &news);
    }
}

// ---- starting

static void row_came(void *context, const struct sync_row *row)
{
    sync_path_load(context, row);
}

// ---- the folder in the house: found by its path once, and by its id since, whatever it is called

static const char *ids_path(const struct sync_run *r, char path[PATH_MAX])
{
    return path_join(path, PATH_MAX, r->wish->state, "root") ? path : NULL;
}

static void ids_read(struct sync_run *r)
{
    char path[PATH_MAX];
    struct error none;
    struct buf content = BUF_LIMIT(4096);
    bool ok = ids_path(r, path) && file_read(path, &content, &none);
    text rest = {ok ? content.at : "", ok ? content.size : 0}, project = text_cut(&rest, '\n'),
         folder = text_cut(&rest, '\n');
    if (id_valid(project) && (!folder.size || id_valid(folder))) {
        text_copy(project, r->project, sizeof(r->project));
        text_copy(folder, r->folder, sizeof(r->folder));
    }
    buf_free(&content);
}

static void ids_write(const struct sync_run *r)
{
    char path[PATH_MAX];
    struct error none;
    struct buf content = BUF_LIMIT(4096);
    buf_format(&content, "%s\n%s\n", r->project, r->folder);
    if (ids_path(r, path)) // without it a renamed folder is not found again at the next start
        (void)!file_write(path, content.at, content.size, 0600, &none);
    buf_free(&content);
}

static json_t *node_at(struct sync_run *r, const char *path, struct error *err)
{
    struct arena *a = arena_open(1 << 17);
    json_t *node = house_ask(r->house.client, "GET", NULL, err, "/tree?path=%s",
                             address_encode(a, text_of(path)));
    arena_close(a);
    return node;
}

// Names may be taken by others since: the ids count.
static bool root_by_path(struct sync_run *r, const char *root, struct error *err)
{
    struct arena *a = r->wish->call->arena;
    text rest = text_of(root + 1), first = text_cut(&rest, '/');
    json_t *project = node_at(r, arena_format(a, "/%.*s", (int)first.size, first.at), err);
    json_t *node = project ? node_at(r, root, err) : NULL;
    bool ok = node && strcmp(json_word(node, "kind"), "file") != 0;
    if (node && !ok)
        error_set(err, ERROR_INPUT, "%s is a file of the house, no folder", root);
    const char *id = rest.size ? json_word(node, "id") : "";
    if (ok && r->project[0] &&
        (strcmp(json_word(project, "id"), r->project) != 0 || strcmp(id, r->folder) != 0))
        ok = error_set(err, ERROR_NOT_FOUND, "%s is another folder by now", root);
    if (ok) {
        text_copy(text_of(json_word(project, "id")), r->project, sizeof(r->project));
        text_copy(text_of(id), r->folder, sizeof(r->folder));
        r->root = (struct sync_root){r->house.client, arena_text(a, json_word(node, "path"))};
    }
    json_decref(project);
    json_decref(node);
    return ok;
}

static const json_t *by_id(const json_t *list, const char *id)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one) if (strcmp(json_word(one, "id"), id) == 0) return one;
    return NULL;
}

static bool root_by_ids(struct sync_run *r, struct error *err)
{
    struct arena *a = r->wish->call->arena;
    const char *path = "";
    json_t *tops = house_ask(r->house.client, "GET", NULL, err, "/tree/list?path=/");
    json_t *folders = tops && r->folder[0] ? house_ask(r->house.client, "GET", NULL, err,
                                                       "/projects/%s/folders", r->project)
                                           : NULL;
    bool asked = tops && (!r->folder[0] || folders);
    const json_t *top = by_id(tops, r->project), *at = NULL;
    const char *id = r->folder;
    for (int depth = 0; top && *id && depth < 100 && (at = by_id(folders, id)); depth++) {
        path = arena_format(a, "/%s%s", json_word(at, "name"), path);
        id = json_word(at, "parent");
    }
    bool ok = top && (!r->folder[0] || (at && !*id));
    if (ok)
        r->root = (struct sync_root){r->house.client,
                                     arena_format(a, "%s%s", json_word(top, "path"), path)};
    else if (asked) {
        error_set(err, ERROR_NOT_FOUND, "the house's folder %s is gone", r->wish->root);
        error_why(err, "it was deleted there, or is not yours to see any more");
        error_fix(err, "have it restored; or begin anew: posthouse sync forget, then sync DIR "
                       "--with PROJECT");
    }
    json_decref(tops);
    json_decref(folders);
    return ok;
}

bool sync_root_still(struct sync_run *r, struct error *err)
{
    const char *was = r->root.path;
    bool ok = (was && root_by_path(r, was, err)) ||
              ((!was || err->kind == ERROR_NOT_FOUND) && root_by_ids(r, err));
    if (ok && was && strcmp(was, r->root.path) != 0)
        fprintf(stderr, "posthouse: %s is called %s in the house now\n", was, r->root.path);
    if (ok)
        error_clear(err);
    return ok;
}

static bool find_root(struct sync_run *r, struct error *err)
{
    ids_read(r);
    bool ok = root_by_path(r, r->wish->root, err) ||
              (r->project[0] && err->kind == ERROR_NOT_FOUND && root_by_ids(r, err));
    if (ok) {
        error_clear(err);
        ids_write(r);
    }
    return ok;
}

static bool open_state(struct sync_run *r, struct error *err)
{
    char path[PATH_MAX];
    r->table = sync_table_open();
    r->said = json_array();
    r->waits = json_array();
    r->left_out = json_object();
    r->touched = calloc(TOUCHED_ROOM, sizeof(*r->touched));
    if (!r->touched)
        abort();
    return path_join(path, sizeof(path), r->wish->state, "paths.db") &&
           (r->state = sync_state_open(path, r->wish->migrations, err)) &&
           sync_state_load(r->state, row_came, r->table, err) &&
           sync_state_event(r->state, &r->event_kept, err);
}

static bool open_watch(struct sync_run *r, struct error *err)
{
    r->scan_due = true;
    sync_read_ignore(r);
    here_trash_sweep(r->wish->dir, (int)r->wish->trash_days, clock_now_ms());
    if (r->wish->once || watch_open(r->wish->dir, &r->watch, err))
        return true;
    fprintf(stderr, "posthouse: %s is looked through at intervals, it can not be watched (%s)\n",
            r->wish->dir, err->why);
    return true;
}

// The house is reached for the first time: news from where the state stands.
static bool meet_house(struct sync_run *r, struct error *err)
{
    if (r->events)
        return true;
    if (!find_root(r, err))
        return false;
    r->list_due = !r->event_kept;
    r->listed_us = clock_tick_us();
    r->events = sync_events_open(&(struct sync_events_wish){.url = r->house.url,
                                                            .token = r->house.token,
                                                            .fingerprint = r->house.fingerprint,
                                                            .project = r->project,
                                                            .after = r->event_kept});
    for (int64_t ms = 0; ms < LIVE_MS && !sync_events_live(r->events); ms += 20)
        clock_sleep_ms(20);
    r->list_due |= !sync_events_live(r->events);
    return true;
}

static void close_all(struct sync_run *r)
{
    sync_events_close(r->events);
    watch_close(r->watch);
    house_close(&r->house);
    sync_state_close(r->state);
    sync_table_close(r->table);
    sync_ignore_close(r->ignore);
    for (size_t i = 0; i < r->touched_count; i++)
        free(r->touched[i]);
    free(r->touched);
    free(r->unsure.at);
    json_decref(r->said);
    json_decref(r->waits);
    json_decref(r->left_out);
}

// ---- a pass

static bool keep_event(struct sync_run *r, struct error *err)
{
    if (r->event == r->event_kept)
        return true;
    r->event_kept = r->event;
    return sync_state_event_set(r->state, r->event, err);
}

// *done: how much was done.
static bool pass(struct sync_run *r, int64_t *done, struct error *err)
{
    *done = 0;
    r->allowed = r->wish->allow_deletes || state_has(r, "allow-deletes");
    if (!is_the_folder(r, err) || !sync_look_here(r, err) || !meet_house(r, err) ||
        !sync_look_there(r, err))
        return false;
    if (!r->stirred && !r->waiting && !r->held && !(r->asks && r->allowed))
        return true;
    bool asked = r->asks;
    // Somebody may have unmounted it while it was looked through.
    if (!is_the_folder(r, err) || !sync_act(r, done, err))
        return false;
    progress_end(&r->bar);
    r->stirred = *done != 0;
    if (r->asks && !asked)
        say_asks(r);
    if (!r->asks && r->allowed)
        state_drop(r, "allow-deletes");
    bool all = !*done && !r->waiting && !r->held && !r->asks && !r->scan_due && !r->list_due;
    return !all || keep_event(r, err);
}

static void say_offline(struct sync_run *r, const struct error *err)
{
    r->scan_due = true;
    if (r->offline)
        return;
    r->offline = true;
    snprintf(r->what, sizeof(r->what), "%.199s", err->what);
    fprintf(stderr, "posthouse: the house is away (%s); it goes on by itself\n", err->what);
}

static int run_once(struct sync_run *r, struct error *err)
{
    int64_t began = clock_tick_us(), done = 0;
    for (;;) {
        if (!pass(r, &done, err))
            return command_failed(err);
        int64_t spent = clock_tick_us() - began;
        bool waits = (r->waiting && spent < ONCE_WAIT_US) || (r->held && spent < HELD_WAIT_US);
        if (!done && !waits && !r->scan_due && !r->list_due)
            break;
        if (done)
            began = clock_tick_us();
        r->scan_due |= r->waiting || done; // there is no watch to tell
        if (!done)
            clock_sleep_ms(200);
    }
    return r->held || r->asks || r->waiting ? 1 : 0;
}

static int run_on(struct sync_run *r, struct error *err)
{
    int64_t done = 0, told_us = 0;
    for (bool first = true;; first = false) {
        r->paused = state_has(r, "paused");
        bool ok = r->paused || pass(r, &done, err);
        if (!ok && !sync_offline(err))
            return command_failed(err);
        if (!ok)
            say_offline(r, err);
        else if (r->offline && !r->paused) {
            fprintf(stderr, "posthouse: the house is back\n");
            r->offline = false;
            r->what[0] = 0;
        }
        say_watches(r);
        say_left(r);
        if (first && ok && !r->wish->json)
            fprintf(stderr, "posthouse: %s and %s are kept the same; press Ctrl-C to end\n",
                    r->wish->dir, r->root.path);
        if (clock_tick_us() - told_us > SAY_US || done) {
            tell_status(r, false);
            told_us = clock_tick_us();
        }
        wait_for_news(r, !ok ? OFFLINE_MS : done ? 10 : TICK_MS);
        if (r->waiting)
            r->stirred = true;
    }
}

static void print_once(struct sync_run *r, int status)
{
    const struct sync_numbers *n = &r->numbers;
    if (r->wish->json) {
        json_t *all = status_json(r, true);
        json_object_set_new(all, "equal", json_boolean(status == 0));
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(all);
        return;
    }
    json_t *one;
    size_t i;
    json_array_foreach(r->said, i, one)
    {
        fprintf(stderr, "note: %s: %s\n", json_word(one, "path"), json_word(one, "why"));
    }
    print_left(r, "note: ");
    json_array_foreach(r->waits, i, one)
    {
        fprintf(stderr, "waits: %s: %s\n", json_word(one, "path"), json_word(one, "why"));
    }
    printf("%s sent (%s), %s fetched (%s), %s moved, %s deleted; %s\n", files_text(n->sent).text,
           size_text(n->sent_bytes).text, files_text(n->fetched).text,
           size_text(n->fetched_bytes).text, count_text(n->moved).text,
           count_text(n->deleted_here + n->deleted_there).text,
           status != 0          ? "not all is equal yet"
           : sync_left_count(r) ? "both sides are equal, without what is left out"
                                : "both sides are equal");
}

int sync_run(const struct sync_wish *wish)
{
    struct sync_run r = {.wish = wish};
    struct error err;
    error_clear(&err);
    int status = 3;
    r.bar = progress_begin("syncing", "bytes", wish->json);
    if (!open_state(&r, &err) || !open_watch(&r, &err) ||
        !house_open(wish->call, LINES, &r.house, &err))
        status = command_failed(&err);
    else
        status = wish->once ? run_once(&r, &err) : run_on(&r, &err);
    progress_end(&r.bar);
    if (r.table && r.said)
        tell_status(&r, true);
    if (wish->once && r.events && status < 2)
        print_once(&r, status);
    close_all(&r);
    return status;
}
