#include "cmd/serve_watch.h"
#include "base/arena.h"
#include "base/log.h"
#include "house/places/places.h"
#include "house/transfer/watched.h"
#include "plat/child.h"
#include "plat/clock.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 1000, AGAIN_MS = 15000, GRACE_MS = 2000, ENVIRONMENT_MOST = 500 };

extern char **environ;

struct watcher {
    char id[27];
    pid_t pid; // 0: none now
    int64_t next_ms;
    bool wanted;
};
struct serve_watch {
    struct db *db;
    const char *house, *data;
    const struct local_ready *ready;
    struct places *places;
    struct watcher at[WATCHED_MOST];
    int64_t looked_ms;
};

struct serve_watch *serve_watch_open(struct db *db, const char *house_folder,
                                     const char *data_folder, const struct local_ready *ready,
                                     struct places *places)
{
    struct serve_watch *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    *s = (struct serve_watch){
        .db = db, .house = house_folder, .data = data_folder, .ready = ready, .places = places};
    return s;
}

static void end(struct watcher *w)
{
    if (w->pid)
        child_end(w->pid, GRACE_MS);
    *w = (struct watcher){0};
}

void serve_watch_close(struct serve_watch *s)
{
    for (int i = 0; s && i < WATCHED_MOST; i++)
        end(&s->at[i]);
    free(s);
}

// ---- its words

struct words {
    struct arena *a;
    const char *at[400];
    size_t count;
};

static void word(struct words *w, const char *format, ...) PRINTF_LIKE(2, 3);
static void word(struct words *w, const char *format, ...)
{
    char line[5000];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof(line), format, list);
    va_end(list);
    if (w->count + 1 < sizeof(w->at) / sizeof(w->at[0]))
        w->at[w->count++] = arena_text(w->a, line);
}

static const char *member(const json_t *o, const char *name)
{
    const char *value = json_string_value(json_object_get(o, name));
    return value ? value : "";
}

static void rule_words(struct words *w, const json_t *rules)
{
    static const char *const texts[] = {"after", "lists"},
                             *const numbers[] = {"looks", "every", "age"},
                             *const patterns[] = {"include", "exclude"};
    for (size_t i = 0; i < 2; i++)
        if (*member(rules, texts[i]))
            word(w, "--%s=%s", texts[i], member(rules, texts[i]));
    for (size_t i = 0; i < 3; i++)
        if (json_is_integer(json_object_get(rules, numbers[i])))
            word(w, "--%s=%lld", numbers[i],
                 (long long)json_integer_value(json_object_get(rules, numbers[i])));
    for (size_t i = 0; i < 2; i++) {
        size_t k;
        const json_t *one;
        json_array_foreach(json_object_get(rules, patterns[i]), k, one)
            word(w, "--%s=%s", patterns[i], json_string_value(one));
    }
    if (json_is_true(json_object_get(rules, "growing")))
        word(w, "--growing");
}

// Its journal lies in the house's folder.
static const char *const *environment(struct serve_watch *s, struct arena *a)
{
    const char **list = ARENA_ARRAY(a, const char *, ENVIRONMENT_MOST + 2);
    size_t count = 0;
    list[count++] = arena_format(a, "XDG_STATE_HOME=%s/watching", s->house);
    for (char **e = environ; *e && count <= ENVIRONMENT_MOST; e++)
        if (strncmp(*e, "XDG_STATE_HOME=", 15) != 0 && strncmp(*e, "POSTHOUSE_", 10) != 0)
            list[count++] = *e;
    return list;
}

static bool start(struct serve_watch *s, struct watcher *w, const json_t *row, struct error *err)
{
    char own[4096];
    if (!child_own_folder(own, sizeof(own)))
        return error_set(err, ERROR_INTERNAL, "cannot find the program itself");
    struct words words = {.a = arena_open((size_t)8 << 20)};
    const char *folder = member(row, "folder");
    word(&words, "%s/posthouse", own);
    word(&words, "watch");
    word(&words, "--to=%s%s%s", member(row, "project"), *folder ? "/" : "", folder);
    word(&words, "--report=%s", w->id);
    word(&words, "--house.folder=%s", s->house);
    word(&words, "--data.folder=%s", s->data);
    word(&words, "--house=%s", s->ready->url);
    word(&words, "--token-file=%s/local.token", s->house);
    if (s->ready->fingerprint[0])
        word(&words, "--fingerprint=%s", s->ready->fingerprint);
    rule_words(&words, json_object_get(row, "rules"));
    word(&words, "--");
    word(&words, "%s", member(row, "path"));
    struct child_wish wish = {.arguments = words.at,
                              .environment = environment(s, words.a),
                              .pass = (const int[]){-1, -1, 2},
                              .pass_count = 3,
                              .session = true};
    bool ok = child_start(&wish, &w->pid, err);
    arena_close(words.a);
    return ok;
}

// ---- looking

struct refusing {
    const char *id;
    const struct error *why;
};

static bool refused_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct refusing *r = context;
    json_t *take = NULL,
           *state = json_pack("{s:i, s:i, s:[], s:[], s:i, s:{s:s, s:s, s:s}}", "files", 0, "bytes",
                              0, "arrivals", "waits", "waiting", 0, "problem", "what", r->why->what,
                              "why", r->why->why, "fix", r->why->fix);
    bool ok = watched_said(tx, r->id, state, clock_now_ms(), &take, err);
    json_decref(take);
    json_decref(state);
    return ok;
}

// The setting may have changed since the folder was named, or a link may lead out of it now.
static bool allowed(struct serve_watch *s, const json_t *row)
{
    static const struct places_use use = {"be watched", true};
    char whole[PATH_MAX];
    struct error why, err;
    if (places_allow(s->places, member(row, "path"), &use, whole, &why))
        return true;
    struct refusing r = {member(row, "id"), &why};
    if (!db_write(s->db, refused_in, &r, &err))
        log_problem("serve.watched", &err);
    return false;
}

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    json_t **list = context;
    json_decref(*list), *list = NULL;
    return watched_list(tx, clock_now_ms(), list, err);
}

static struct watcher *watcher_of(struct serve_watch *s, const char *id)
{
    struct watcher *free_one = NULL;
    for (int i = 0; i < WATCHED_MOST; i++) {
        if (strcmp(s->at[i].id, id) == 0)
            return &s->at[i];
        if (!s->at[i].id[0] && !free_one)
            free_one = &s->at[i];
    }
    if (free_one)
        text_copy(text_of(id), free_one->id, sizeof(free_one->id));
    return free_one;
}

static void look_at(struct serve_watch *s, const json_t *row, int64_t now)
{
    struct watcher *w = watcher_of(s, member(row, "id"));
    struct error err;
    int status;
    if (!w)
        return;
    w->wanted = true;
    if (w->pid && child_wait(w->pid, 0, &status)) {
        log_warn("serve.watcher_ended", "path=%s status=%s", log_quote(member(row, "path")).text,
                 log_quote(child_status_text(status).text).text);
        w->pid = 0;
    }
    if (w->pid || now < w->next_ms)
        return;
    w->next_ms = now + AGAIN_MS;
    if (!allowed(s, row))
        return;
    if (!start(s, w, row, &err))
        log_problem("serve.watcher", &err);
}

void serve_watch_look(struct serve_watch *s)
{
    json_t *list = NULL, *row;
    struct error err;
    size_t i;
    int64_t now = clock_tick_us() / 1000;
    if (now - s->looked_ms < LOOK_MS)
        return;
    s->looked_ms = now;
    if (!db_read(s->db, list_in, &list, &err)) {
        log_problem("serve.watched", &err);
        json_decref(list);
        return;
    }
    for (int k = 0; k < WATCHED_MOST; k++)
        s->at[k].wanted = false;
    json_array_foreach(list, i, row) if (json_is_true(json_object_get(row, "enabled")))
        look_at(s, row, now);
    for (int k = 0; k < WATCHED_MOST; k++)
        if (s->at[k].id[0] && !s->at[k].wanted)
            end(&s->at[k]);
    json_decref(list);
}
