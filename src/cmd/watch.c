/*
 * posthouse watch: what comes to rest in a folder goes into a house, once.
 *
 * A round is a look (cmd/watch_look), then a put of what may go (cmd/put, with its journal, which
 * is what makes it once: it is written when the house has said that it has the file, and asked
 * before anything is sent), then what the person wants to become of what was taken. Nothing else is
 * kept: a watcher that was killed looks, asks the journal, and goes on.
 */
#include "plat/watch.h"
#include "cmd/client.h"
#include "cmd/put.h"
#include "cmd/watch_look.h"
#include "cmd/watch_recordings.h"
#include "cmd/way.h"
#include "plat/clock.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ARRIVALS_KEPT = 20,
    AGAIN_MS = 30000,
    AWAY_MS = 5000,
    AWAY_MOST_MS = 60000,
    TICK_MS = 100,
    REPORT_MS = 2000,
    IDLE_MS = 60000,
    IDLE_REPORTED_MS = 20000
};

enum watch_after { AFTER_LEAVE, AFTER_MOVE, AFTER_DELETE };
static const char *const after_words[] = {"leave", "move", "delete", NULL};
static const char *const list_words[] = {"verify", "make", "off", NULL};

struct watching {
    struct command_call *call;
    char root[PATH_MAX];
    const char *project, *folder; // folder "": the project's top
    struct arrive_rules rules;
    struct arrive *arrive;
    enum watch_after after;
    enum watch_lists lists;
    int64_t every_s;
    const char **as_it_is;
    size_t as_it_is_count;
    json_t *proven;
    struct watch_look look;
    json_t *arrivals, *problem, *said; // said: path: why, of what was printed that waits
    json_t *empty;                     // folders without files that the house has
    int64_t files, bytes, again_ms, away_ms, reported_ms;
    bool asked;                    // the journal, since it was started
    struct watch *news;            // NULL: it is only looked at intervals
    struct recordings *recordings; // NULL: what grows waits until it is closed
};

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number)
{
    (void)number;
    asked_to_stop = 1;
}

// ---- what is asked

static bool one_of(const char *said, const char *const *words, int *which, struct error *err,
                   const char *option)
{
    for (*which = 0; said && words[*which]; (*which)++)
        if (strcmp(said, words[*which]) == 0)
            return true;
    *which = 0;
    if (!said)
        return true;
    error_set(err, ERROR_USAGE, "--%s can not be %s", option, said);
    return error_fix(err, "%s, %s or %s", words[0], words[1], words[2]);
}

static bool read_place(struct watching *w, struct error *err)
{
    const char *to = option_text(w->call, "to");
    char *whole = realpath(w->call->words[0], NULL);
    if (!to || !*to) {
        free(whole);
        error_set(err, ERROR_USAGE, "watch needs to know where to bring what comes");
        return error_fix(err, "say --to PROJECT or --to PROJECT/FOLDER");
    }
    // A folder that is away now (a disk that is not mounted) may come.
    bool ok = text_copy(text_of(whole ? whole : w->call->words[0]), w->root, sizeof(w->root));
    free(whole);
    bool folder = true;
    if (ok && file_look(w->root, &folder, NULL) && !folder) {
        error_set(err, ERROR_USAGE, "%s is not a folder", w->root);
        return error_fix(err, "name the folder in which it lies");
    }
    if (!ok || strcmp(w->root, "/") == 0 || w->root[0] != '/') {
        error_set(err, ERROR_NOT_FOUND, "%s can not be watched", w->call->words[0]);
        return error_fix(err, "name a folder that is there, or one by its whole path");
    }
    text rest = text_of(to), project = text_cut(&rest, '/');
    w->project = arena_copy(w->call->arena, project.at, project.size);
    w->folder = arena_copy(w->call->arena, rest.at, rest.size);
    return true;
}

static void order(struct watching *w, const char *name)
{
    for (size_t i = 0; i < w->as_it_is_count; i++)
        if (strcmp(w->as_it_is[i], name) == 0)
            return;
    const char **more = ARENA_ARRAY(w->call->arena, const char *, w->as_it_is_count + 1);
    for (size_t i = 0; i < w->as_it_is_count; i++)
        more[i] = w->as_it_is[i];
    more[w->as_it_is_count++] = arena_text(w->call->arena, name);
    w->as_it_is = more;
}

static bool read_rules(struct watching *w, struct error *err)
{
    int64_t looks, age_s;
    int after, lists;
    if (!option_int(w->call, "looks", 5, &looks) || !option_int(w->call, "every", 2, &w->every_s) ||
        !option_int(w->call, "age", 0, &age_s))
        return error_set(err, ERROR_USAGE, "nothing is watched");
    if (looks < 1 || looks > 100000 || w->every_s < 0 || w->every_s > 86400 || age_s < 0) {
        error_set(err, ERROR_USAGE, "these rules can not be kept");
        return error_fix(err, "--looks is 1 or more, --every and --age are 0 or more");
    }
    if (!one_of(option_text(w->call, "after"), after_words, &after, err, "after") ||
        !one_of(option_text(w->call, "lists"), list_words, &lists, err, "lists"))
        return false;
    w->after = (enum watch_after)after;
    w->lists = (enum watch_lists)lists;
    w->rules = (struct arrive_rules){.include = option_text(w->call, "include"),
                                     .exclude = option_text(w->call, "exclude"),
                                     .looks = (int)looks,
                                     .age_ms = age_s * 1000,
                                     .writer = file_writer};
    for (text rest = text_of(option_text(w->call, "as-it-is")); rest.size;) {
        text one = text_cut(&rest, '\n');
        order(w, arena_copy(w->call->arena, one.at, one.size));
    }
    return true;
}

// ---- telling

static void say(struct watching *w, const char *event, const char *path, const char *text_)
{
    static pthread_mutex_t one_line = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one_line);
    json_t *name = json_string(path);
    if (option_flag(w->call, "json")) {
        json_t *line =
            json_pack("{s:s, s:o, s:s}", "event", event, "path",
                      name ? name : json_string("(a name that is not UTF-8)"), "what", text_);
        char *written = json_dumps(line, JSON_COMPACT);
        printf("%s\n", written);
        free(written);
        json_decref(line);
    } else {
        printf("%s  %s: %s%s%s\n", clock_text(clock_now_ms()).text, event, path, *text_ ? ": " : "",
               text_);
        json_decref(name);
    }
    fflush(stdout);
    pthread_mutex_unlock(&one_line);
}

static void say_recording(void *context, const char *event, const char *path, const char *words)
{
    say(context, event, path, words);
}

// What waits for another reason than time is printed when that changes.
static void tell_waits(struct watching *w)
{
    json_t *now = json_object(), *row;
    size_t i;
    json_array_foreach(w->look.waits, i, row)
    {
        const char *path = json_word(row, "path"), *why = json_word(row, "why");
        const char *before = json_word(w->said, path);
        if (json_is_true(json_object_get(row, "soon")))
            continue;
        if (strcmp(before, why) != 0)
            say(w, "waits", path, why);
        json_object_set_new(now, path, json_string(why));
    }
    json_decref(w->said);
    w->said = now;
}

static json_t *problem_json(const struct error *err)
{
    return json_pack("{s:s, s:s, s:s}", "what", err->what, "why", err->why, "fix", err->fix);
}

static void set_problem(struct watching *w, const struct error *err)
{
    if (err && strcmp(json_word(w->problem, "what"), err->what) != 0) {
        say(w, "problem", w->root, err->what);
        if (err->why[0])
            say(w, "why", w->root, err->why);
        if (err->fix[0])
            say(w, "fix", w->root, err->fix);
    }
    json_decref(w->problem);
    w->problem = err ? problem_json(err) : NULL;
}

// ---- sending

struct chosen {
    struct watching *w;
    int64_t files, bytes;
    char first[PATH_MAX];
};

static bool takes(void *context, const struct file_seen *f)
{
    struct chosen *c = context;
    struct watch_look *l = &c->w->look;
    size_t count;
    const struct arrive_file *all = arrive_files(c->w->arrive, &count);
    const struct arrive_file *one = arrive_file(c->w->arrive, f->relative);
    // What has changed since the look is for the next one.
    return one && c->w->asked && l->go[one - all] && one->size == f->size &&
           one->modified_ns == f->modified_ns && one->inode == f->inode;
}

static void has(void *context, const struct file_seen *f)
{
    struct chosen *c = context;
    struct arrive_file *one = arrive_file(c->w->arrive, f->relative);
    if (!one || one->taken || one->size != f->size || one->modified_ns != f->modified_ns)
        return;
    one->taken = true;
    free(one->problem);
    one->problem = NULL;
    if (c->w->recordings)
        recordings_forget(c->w->recordings, f->relative);
    if (!c->w->asked) // it came before this watcher was started
        return;
    if (!c->files)
        text_copy(text_of(f->relative), c->first, sizeof(c->first));
    c->files++;
    c->bytes += f->size;
}

static bool came(void *context, const struct file_seen *f)
{
    struct chosen *c = context;
    return c->w->recordings && recordings_came(c->w->recordings, f);
}

static void keep_arrival(struct watching *w, const struct chosen *c)
{
    char what[PATH_MAX + 64];
    if (!c->files)
        return;
    w->files += c->files;
    w->bytes += c->bytes;
    if (c->files > 1)
        snprintf(what, sizeof(what), "%s and %s more", c->first, count_text(c->files - 1).text);
    else
        snprintf(what, sizeof(what), "%s", c->first);
    say(w, "taken", what, size_text(c->bytes).text);
    json_t *name = json_string(what);
    json_array_insert_new(w->arrivals, 0,
                          json_pack("{s:s, s:o, s:I, s:I}", "at", clock_text(clock_now_ms()).text,
                                    "what", name ? name : json_string("(a name that is not UTF-8)"),
                                    "files", (json_int_t)c->files, "bytes", (json_int_t)c->bytes));
    while (json_array_size(w->arrivals) > ARRIVALS_KEPT)
        json_array_remove(w->arrivals, ARRIVALS_KEPT);
}

// Files that could not be sent wait a while; one that is gone is no news.
static void keep_failures(struct watching *w, const json_t *told)
{
    size_t i;
    const json_t *row;
    json_array_foreach(json_object_get(told, "failed"), i, row)
    {
        const char *path = json_word(row, "path");
        struct arrive_file *f =
            strncmp(path, w->root, strlen(w->root)) == 0 && path[strlen(w->root)] == '/'
                ? arrive_file(w->arrive, path + strlen(w->root) + 1)
                : NULL;
        if (!f || strcmp(json_word(row, "kind"), "not_found") == 0)
            continue;
        free(f->problem);
        f->problem = NULL;
        if (asprintf(&f->problem, "%s%s%s", json_word(row, "what"),
                     *json_word(row, "why") ? ": " : "", json_word(row, "why")) < 0)
            abort();
        f->again_ms = clock_now_ms() + AGAIN_MS;
        say(w, "problem", f->path, f->problem);
    }
}

static int put_once(struct watching *w, struct command_call *round, struct chosen *c, int64_t *sent)
{
    static const char *const same[] = {"house",  "token-file", "fingerprint", "via",
                                       "policy", "rate",       "patience"};
    struct command_call put = put_call(round, w->root);
    struct put_choice choice = {.takes = takes, .has = has, .came = came, .context = c};
    json_t *told = NULL;
    const char *name = strrchr(w->root, '/') + 1;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        put_option(&put, same[i], option_text(w->call, same[i]));
    put_option(&put, "project", w->project);
    put_option(&put, "folder", *w->folder ? w->folder : NULL);
    put_option(&put, "name", name);
    int status = put_chosen(&put, &choice, &told);
    *sent = choice.chosen;
    // Single files that failed are theirs to tell; all else concerns the round.
    bool single = json_array_size(json_object_get(told, "failed")) > 0;
    keep_failures(w, told);
    set_problem(w, status && !single ? &choice.failed : NULL);
    json_decref(told);
    return single ? 0 : status;
}

static void send(struct watching *w, struct command_call *round)
{
    struct chosen c = {.w = w};
    int64_t sent = 0;
    // Nothing goes before the journal was asked what has come; and when something went, it is asked
    // again.
    bool grown = w->recordings && recordings_any_came(w->recordings);
    bool ok = put_once(w, round, &c, &sent) == 0;
    if (ok && (sent || grown))
        ok = put_once(w, round, &c, &sent) == 0;
    w->asked = w->asked || ok;
    keep_arrival(w, &c);
    w->away_ms = ok ? 0 : w->away_ms ? w->away_ms * 2 : AWAY_MS;
    w->away_ms = w->away_ms > AWAY_MOST_MS ? AWAY_MOST_MS : w->away_ms;
    w->again_ms = ok ? 0 : clock_now_ms() + w->away_ms;
}

// ---- folders without files

static void make_empty(struct watching *w, struct command_call *round)
{
    size_t count;
    const struct arrive_file *f = arrive_files(w->arrive, &count);
    struct house h = {0};
    json_t *project = NULL;
    struct error err;
    bool ok = true;
    char id[27];
    for (size_t i = 0; ok && i < count; i++) {
        if (!f[i].folder || f[i].state != ARRIVE_READY || arrive_inside(w->arrive, i) ||
            json_object_get(w->empty, f[i].path))
            continue;
        if (!project)
            ok = house_open(round, 1, &h, &err) &&
                 (project = house_project(h.client, w->project, &err));
        ok = ok && house_folder(h.client, json_word(project, "id"),
                                arena_format(round->arena, "%s%s%s", w->folder,
                                             *w->folder ? "/" : "", f[i].path),
                                true, id, &err);
        if (ok)
            json_object_set_new(w->empty, f[i].path, json_true());
    }
    if (!ok) {
        set_problem(w, &err);
        w->again_ms = clock_now_ms() + AWAY_MS;
    }
    json_decref(project);
    house_close(&h);
}

// ---- what becomes of what was taken

// A name below done/ that is not taken yet.
static bool free_place(struct watching *w, const char *path, char to[PATH_MAX])
{
    for (int n = 1; n < 1000; n++) {
        int size = n == 1 ? snprintf(to, PATH_MAX, "%.2000s/done/%.1800s", w->root, path)
                          : snprintf(to, PATH_MAX, "%.2000s/done/%.1800s (%d)", w->root, path, n);
        if (size < PATH_MAX && access(to, F_OK) != 0)
            return true;
    }
    return false;
}

static bool move_away(struct watching *w, const char *path, struct error *err)
{
    char from[PATH_MAX], to[PATH_MAX], above[PATH_MAX];
    if (!path_join(from, sizeof(from), w->root, path) || !free_place(w, path, to))
        return error_set(err, ERROR_CONFLICT, "%s can not be moved to done/", path);
    path_folder(to, above, sizeof(above));
    if (!folder_make(above, 0777, err))
        return false;
    return rename(from, to) == 0 || error_errno(err, errno, "%s can not be moved to done/", path);
}

// Only as it was when the house said that it has it.
static bool delete_one(struct watching *w, const struct arrive_file *f, struct error *err)
{
    char path[PATH_MAX];
    struct stat now;
    if (!path_join(path, sizeof(path), w->root, f->path) || lstat(path, &now) != 0 ||
        !S_ISREG(now.st_mode) || now.st_size != f->size || now.st_ino != f->inode ||
        (int64_t)now.st_mtim.tv_sec * 1000000000 + now.st_mtim.tv_nsec != f->modified_ns)
        return true;
    return unlink(path) == 0 || error_errno(err, errno, "%s can not be deleted", f->path);
}

static void tidy_above(struct watching *w, const char *path)
{
    char folder[PATH_MAX], above[PATH_MAX];
    if (!path_join(folder, sizeof(folder), w->root, path))
        return;
    for (;;) {
        path_folder(folder, above, sizeof(above));
        if (strlen(above) <= strlen(w->root) || rmdir(above) != 0)
            return;
        text_copy(text_of(above), folder, sizeof(folder));
    }
}

static bool finish_unit(struct watching *w, const struct watch_unit *u, struct error *err)
{
    size_t count;
    const struct arrive_file *f = arrive_files(w->arrive, &count) + u->first;
    bool ok = true;
    if (w->after == AFTER_MOVE && *u->path)
        return move_away(w, u->path, err);
    for (size_t i = 0; ok && i < u->count; i++)
        if (!f[i].folder && f[i].taken)
            ok = w->after == AFTER_MOVE ? move_away(w, f[i].path, err) : delete_one(w, &f[i], err);
    // Folders, from the innermost.
    char path[PATH_MAX];
    for (size_t i = u->count; i-- > 0;)
        if (f[i].folder && path_join(path, sizeof(path), w->root, f[i].path))
            rmdir(path);
    if (*u->path && path_join(path, sizeof(path), w->root, u->path))
        rmdir(path);
    return ok;
}

static bool finish(struct watching *w)
{
    struct error err;
    for (size_t i = 0; w->after != AFTER_LEAVE && i < w->look.unit_count; i++) {
        const struct watch_unit *u = &w->look.units[i];
        if (!u->whole)
            continue;
        if (!finish_unit(w, u, &err)) {
            error_fix(&err,
                      "give the watcher the right to change the folder, or use --after leave");
            set_problem(w, &err);
            return false;
        }
        tidy_above(w, u->path);
    }
    return true;
}

// ---- recordings

// Those that go while they are written are left out of what goes as a whole.
static void look_for_recordings(struct watching *w, struct command_call *round)
{
    size_t count;
    const struct arrive_file *f = arrive_files(w->arrive, &count);
    for (size_t i = 0; w->recordings && i < w->look.unit_count; i++) {
        const struct watch_unit *u = &w->look.units[i];
        const struct arrive_file *one = &f[u->first];
        const char *why;
        if (u->whole || u->count != 1 || strcmp(u->path, one->path) != 0 || one->taken ||
            !recordings_has(w->recordings, one, round->arena, &why))
            continue;
        w->look.going -= w->look.go[u->first];
        w->look.go[u->first] = false;
        w->look.coming++;
        watch_look_wait(&w->look, one->path, why, "nothing: it goes on by itself", true);
    }
}

// ---- rounds

static void look(struct watching *w, struct command_call *round)
{
    struct error err;
    w->look = (struct watch_look){.call = round,
                                  .root = w->root,
                                  .done = w->after == AFTER_MOVE ? "done" : NULL,
                                  .stays = w->after == AFTER_LEAVE,
                                  .arrive = w->arrive,
                                  .lists = w->lists,
                                  .as_it_is = w->as_it_is,
                                  .as_it_is_count = w->as_it_is_count,
                                  .proven = w->proven,
                                  .waits = w->look.waits};
    if (!watch_look(&w->look, clock_now_ms(), &err)) {
        if (err.kind == ERROR_NOT_FOUND) {
            error_set(&err, ERROR_NOT_FOUND, "the folder %s is not there", w->root);
            error_fix(&err, "mount its disk: it is looked at again, and nothing is forgotten");
        }
        w->look.going = w->look.unit_count = 0;
        set_problem(w, &err);
        return;
    }
    if (!w->asked) {
        if (clock_now_ms() >= w->again_ms)
            send(w, round);
        return;
    }
    look_for_recordings(w, round);
    tell_waits(w);
    bool finished = finish(w);
    bool any = w->look.going || (w->recordings && recordings_any_came(w->recordings));
    if (any && clock_now_ms() >= w->again_ms)
        send(w, round);
    else if (!any && finished)
        set_problem(w, NULL);
    if (clock_now_ms() >= w->again_ms)
        make_empty(w, round);
}

// To the house, which shows it; what it answers are orders of persons.
static void report(struct watching *w, struct command_call *round)
{
    const char *id = option_text(w->call, "report");
    struct house h = {0};
    struct error err;
    int64_t now = clock_tick_us() / 1000;
    if (!id || now - w->reported_ms < REPORT_MS)
        return;
    json_t *state = json_pack("{s:I, s:I, s:O, s:O, s:I}", "files", (json_int_t)w->files, "bytes",
                              (json_int_t)w->bytes, "arrivals", w->arrivals, "waits", w->look.waits,
                              "waiting", (json_int_t)w->look.waiting),
           *answer = NULL, *one;
    size_t i;
    if (w->problem)
        json_object_set(state, "problem", w->problem);
    if (house_open(round, 1, &h, &err))
        answer = house_ask(h.client, "POST", state, &err, "/watched/%s/said", id);
    json_array_foreach(json_object_get(answer, "take"), i, one) order(w, json_string_value(one));
    w->reported_ms = answer ? now : 0;
    json_decref(answer);
    json_decref(state);
    house_close(&h);
}

static void rest(struct watching *w)
{
    // Where nothing is on its way the kernel tells when something comes; a scan follows all the
    // same.
    bool idle = w->news && watch_whole(w->news) && !w->look.coming && !w->look.going &&
                !w->look.waiting && !w->problem;
    int64_t idle_ms = option_text(w->call, "report") ? IDLE_REPORTED_MS : IDLE_MS;
    int64_t ms = 0, most = idle && w->every_s * 1000 < idle_ms ? idle_ms : w->every_s * 1000;
    struct watch_news news;
    struct error err;
    do {
        if (!idle)
            clock_sleep_ms(TICK_MS);
        else if (watch_next(w->news, TICK_MS * 1000000LL, &news, &err) != 0)
            break;
    } while ((ms += TICK_MS) < most && !asked_to_stop);
    while (w->news && watch_next(w->news, 0, &news, &err) > 0)
        continue; // all of it is seen by the look that follows
}

// Whether time alone brings nothing further.
static bool settled(const struct watching *w)
{
    size_t whole = 0;
    for (size_t i = 0; i < w->look.unit_count; i++)
        whole += w->look.units[i].whole;
    return w->asked && !w->look.coming && !w->look.going && (w->after == AFTER_LEAVE || !whole);
}

static int watch_on(struct watching *w)
{
    bool once = option_flag(w->call, "once");
    while (!asked_to_stop) {
        struct command_call round = *w->call;
        round.arena = arena_open((size_t)1 << 30);
        bool asked = w->asked;
        look(w, &round);
        report(w, &round);
        bool over = once && (w->problem || (asked && settled(w)));
        arena_close(round.arena);
        if (over)
            return w->problem ? 3 : w->look.waiting ? 1 : 0;
        rest(w);
    }
    return 0;
}

static int run(struct command_call *call)
{
    struct watching *w = ARENA_NEW(call->arena, struct watching);
    struct way_wish way = {0};
    struct error err;
    w->call = call;
    error_clear(&err);
    int64_t patience_s;
    if (!option_int(call, "patience", 600, &patience_s))
        return 2;
    if (!read_place(w, &err) || !read_rules(w, &err) || !way_options(call, &way, &err))
        return command_failed(&err);
    struct sigaction stop = {.sa_handler = on_signal};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    w->arrive = arrive_open(&w->rules);
    w->proven = json_object();
    w->said = json_object();
    w->empty = json_object();
    w->arrivals = json_array();
    if (!watch_open(w->root, &w->news, &err))
        w->news = NULL;
    if (option_flag(call, "growing"))
        w->recordings = recordings_open(
            &(struct recordings_wish){.call = call,
                                      .root = w->root,
                                      .project = w->project,
                                      .folder = w->folder,
                                      .way = way,
                                      .patience_ms = patience_s * 1000,
                                      .quiet_ms = w->rules.looks * (w->every_s * 1000 + TICK_MS),
                                      .say = say_recording,
                                      .context = w});
    say(w, "watching", w->root, "");
    int status = watch_on(w);
    recordings_close(w->recordings);
    watch_close(w->news);
    json_decref(w->proven);
    json_decref(w->said);
    json_decref(w->empty);
    json_decref(w->arrivals);
    json_decref(w->problem);
    json_decref(w->look.waits);
    arrive_close(w->arrive);
    return status;
}

static const struct option_row options[] = {
    {"to", OPTION_TEXT, "PROJECT[/FOLDER]", "where what comes goes; folders are made when missing"},
    {"looks", OPTION_INT, "N", "a file is taken when so many looks saw it the same (5)"},
    {"every", OPTION_INT, "SECONDS", "from look to look (2); 0: at once"},
    {"age", OPTION_INT, "SECONDS", "and its last change is so long ago (0)"},
    {"include", OPTION_LIST, "PATTERN", "only such files: \"*.mov\", \"A/*\"; again and again"},
    {"exclude", OPTION_LIST, "PATTERN", "not such files; again and again"},
    {"lists", OPTION_TEXT, "WHAT",
     "ASC MHL of cards: verify one that is there, make one where there is none, off"},
    {"as-it-is", OPTION_LIST, "NAME", "take this card though it is not complete"},
    {"after", OPTION_TEXT, "WHAT",
     "of what the house has, verified: leave it, move it to done/, delete it"},
    {"growing", OPTION_FLAG, NULL, "recordings that are still being written go as they grow"},
    {"report", OPTION_TEXT, "ID", "of a folder that the house itself watches: say there how it is"},
    {"once", OPTION_FLAG, NULL, "end when nothing more can be taken; 1: something waits"},
    {"patience", OPTION_INT, "SECONDS",
     "how long a file under way waits for a house that is away (600)"},
    {"json", OPTION_FLAG, NULL, "what happens as lines of JSON, for scripts"},
    WAY_OPTIONS,
    CLIENT_OPTIONS,
    {0},
};
const struct command command_watch = {
    "watch",
    "FOLDER",
    "what comes to rest in a folder goes into a house",
    "Looks at the folder again and again. A file is taken, once, when it has been the same for "
    "some\n"
    "looks, nobody has it open for writing and its name is not one of something unfinished "
    "(.part,\n"
    ".tmp, ~; what lies beside a lock of Premiere or Avid waits too). A camera card, and a folder "
    "with\n"
    "an ASC MHL, is taken as a whole: when all of it has come to rest, its index misses no clip "
    "and its\n"
    "hashes are right; else it says what is missing. Structure, empty folders and dates are kept.\n"
    "One that was killed and is started again takes nothing twice and leaves nothing out. A "
    "folder\n"
    "that goes away (a disk) is waited for, as is a house.\n"
    "`posthouse watch-rule` makes deliverables of what arrives.",
    options,
    1,
    1,
    run,
};
