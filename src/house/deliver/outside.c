#include "house/deliver/outside.h"
#include "house/deliver/deliver.h"
#include "plat/child.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "tickets/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORDS_MOST = 64, PIECE = 1 << 20, SAID_MOST = 4096 };

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

bool outside_wanted(const json_t *profile)
{
    return json_is_object(json_object_get(json_object_get(profile, "video"), "encoder"));
}

json_t *outside_between(const json_t *profile)
{
    json_t *between = json_deep_copy(profile);
    json_object_del(json_object_get(between, "video"), "encoder");
    json_object_set_new(between, "container", json_string("mov"));
    json_object_set_new(between, "extension", json_string(".mov"));
    return between;
}

// ---- the way in

struct running {
    const struct outside_wish *w;
    struct arena *a;
    json_t *profile;
    char output_name[256];
    sha256 content;
    const char *input, *output, *said; // paths
};

static bool read_in(struct db_tx *tx, void *context, struct error *err)
{
    struct running *r = context;
    size_t size = 0;
    bool there = false;
    json_decref(r->profile);
    r->profile = NULL;
    struct db_rows *rows =
        db_query(tx,
                 "select p.content, d.spec, d.name from delivery_pieces p join "
                 "deliveries d on d.job = p.job where p.job = ?1 and p.step = 'mux'",
                 "s", r->w->job);
    if (db_next(rows)) {
        const void *at = db_blob(rows, 0, &size);
        there = at && size == SHA256_SIZE;
        if (there)
            memcpy(r->content.at, at, SHA256_SIZE);
        r->profile = json_loads(db_text(rows, 1), 0, NULL);
        text_copy(text_of(db_text(rows, 2)), r->output_name, sizeof(r->output_name));
    }
    if (!db_end(rows, err))
        return false;
    if (there)
        return true;
    error_set(err, ERROR_CONFLICT, "what was made for the encoder is not kept any more");
    return error_fix(err, "ask for the delivery again");
}

static bool lay_down(struct running *r, struct error *err)
{
    const struct store_map *map;
    if (!store_map_open(r->w->store, &r->content, &map, err))
        return false;
    int fd = open(r->input, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    char *piece = malloc(PIECE);
    if (!piece)
        abort();
    bool ok = fd >= 0 || error_errno(err, errno, "cannot write %s", r->input);
    for (int64_t at = 0; ok && at < map->size; at += PIECE) {
        size_t size = map->size - at < PIECE ? (size_t)(map->size - at) : PIECE;
        ok = store_map_read(map, at, piece, size, err) &&
             (pwrite(fd, piece, size, (off_t)at) == (ssize_t)size ||
              error_errno(err, errno ? errno : ENOSPC, "cannot write %s", r->input));
        if (ok && !r->w->going(r->w->context))
            ok = error_set(err, ERROR_CANCELLED, "it was stopped");
    }
    free(piece);
    if (fd >= 0)
        close(fd);
    store_map_close(r->w->store, map);
    return ok;
}

// ---- the program

static const char *filled(struct running *r, const char *pattern)
{
    struct buf b = BUF_LIMIT(16 << 10);
    for (const char *c = pattern; *c;) {
        bool in = strncmp(c, "{input}", 7) == 0, out = strncmp(c, "{output}", 8) == 0;
        if (in || out)
            buf_text(&b, in ? r->input : r->output);
        else
            buf_add(&b, c, 1);
        c += in ? 7 : out ? 8 : 1;
    }
    const char *made = arena_text(r->a, b.at ? b.at : "");
    buf_free(&b);
    return made;
}

static const char *last_line(struct running *r)
{
    struct buf b = BUF_LIMIT(16 << 20);
    struct error ignored;
    const char *line = "nothing";
    if (file_read(r->said, &b, &ignored) && b.size) {
        text all = text_trim((text){b.at, b.size});
        const char *at = all.size ? memrchr(all.at, '\n', all.size) : NULL;
        text last = at ? (text){at + 1, all.size - (size_t)(at + 1 - all.at)} : all;
        line = arena_copy(r->a, last.at, last.size < 400 ? last.size : 400);
    }
    buf_free(&b);
    return line;
}

static bool run_program(struct running *r, struct error *err)
{
    const json_t *encoder = json_object_get(json_object_get(r->profile, "video"), "encoder"), *one;
    const char *words[WORDS_MOST + 2], *path = getenv("PATH");
    const char *environment[] = {arena_format(r->a, "PATH=%s", path ? path : "/usr/bin:/bin"),
                                 "LANG=C.UTF-8", arena_format(r->a, "HOME=%s", r->w->scratch),
                                 arena_format(r->a, "TMPDIR=%s", r->w->scratch), NULL};
    size_t i, count = 0;
    int status = 0;
    pid_t pid;
    words[count++] = word(encoder, "program");
    json_array_foreach(json_object_get(encoder, "arguments"), i, one) if (count < WORDS_MOST)
        words[count++] = filled(r, json_string_value(one));
    words[count] = NULL;
    int log = open(r->said, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (log < 0)
        return error_errno(err, errno, "cannot write %s", r->said);
    struct child_wish wish = {.arguments = words,
                              .environment = environment,
                              .pass = (const int[]){-1, log, log},
                              .pass_count = 3,
                              .folder = r->w->scratch,
                              .limits = {.no_core = true}};
    bool ok = child_start(&wish, &pid, err);
    close(log);
    if (!ok)
        return error_while(err, "starting the encoder of the profile");
    while (!child_wait(pid, 200, &status))
        if (!r->w->going(r->w->context)) {
            child_end(pid, 3000);
            return error_set(err, ERROR_CANCELLED, "it was stopped");
        }
    struct stat seen;
    if (status == 0 && stat(r->output, &seen) == 0 && S_ISREG(seen.st_mode) && seen.st_size > 0)
        return true;
    error_set(err, ERROR_OUTPUT, "the encoder %s made nothing that can be delivered", words[0]);
    error_why(err, "%s%s; it says: %s", child_status_text(status).text,
              status == 0 ? ", but there is no file" : "", last_line(r));
    return error_fix(err, "run it by hand with the same arguments; look at its licence");
}

static bool look_at_it(struct running *r, json_t **facts, struct error *err)
{
    json_t *ticket = json_pack("{s:s}", "kind", "probe");
    struct engine_wish wish = {.ticket = ticket,
                               .sandbox = r->w->sandbox ? SANDBOX_ON : SANDBOX_OFF};
    bool ok = engine_run_files(&wish, &r->output, 1, facts, err);
    json_decref(ticket);
    return ok || error_while(err, "looking at what the encoder made");
}

bool outside_run(const struct outside_wish *w, struct outside_made *made, struct error *err)
{
    struct running r = {.w = w, .a = arena_open(32 << 20)};
    *made = (struct outside_made){0};
    bool ok = db_read(w->db, read_in, &r, err);
    if (ok) {
        const char *folder = arena_format(r.a, "%s/made", w->scratch);
        r.input = arena_format(r.a, "%s/input.mov", w->scratch);
        r.said = arena_format(r.a, "%s/said.log", w->scratch);
        r.output = arena_format(r.a, "%s/%s", folder, r.output_name);
        ok = folder_make(folder, 0750, err) && lay_down(&r, err) && run_program(&r, err) &&
             look_at_it(&r, &made->facts, err) &&
             store_adopt(w->store, r.output, &made->bytes, err);
    }
    json_decref(r.profile);
    arena_close(r.a);
    if (!ok) {
        json_decref(made->facts);
        made->facts = NULL;
    }
    return ok;
}

static bool keep(struct db_tx *tx, const char *job, const struct outside_made *made,
                 struct error *err)
{
    json_t *result = json_pack("{s:O}", "facts", made->facts);
    const struct delivery_piece piece = {.job = job,
                                         .step = "outside",
                                         .has_content = true,
                                         .content = *store_bytes_content(made->bytes, 0),
                                         .size = store_bytes_size(made->bytes, 0),
                                         .result = result};
    bool ok = delivery_piece_add(tx, &piece, clock_now_ms(), err);
    json_decref(result);
    return ok;
}

bool outside_done(struct db_tx *tx, const char *job, const struct outside_made *made,
                  struct error *err)
{
    bool on;
    if (!store_record(tx, made->bytes, err) || !delivery_goes_on(tx, job, "outside", &on, err))
        return false;
    return on ? keep(tx, job, made, err)
              : delivery_done_one(tx, job, store_bytes_content(made->bytes, 0),
                                  store_bytes_size(made->bytes, 0), made->facts, err);
}
