/*
 * Tiles become frames.
 *
 * As soon as all tiles of a frame are done the frame is made: in a hidden folder beside its place,
 * and renamed there when it is whole. So frames appear while the job runs, and when it is done only
 * the last ones are left. What tiles a frame was made of is kept as a stamp: of a shared job from
 * what the disk says of their files, of a staged job from their contents. A tile that is rendered
 * again gives another stamp, and the frame is made again; the stamp is taken before the tiles are
 * read, so one that changes meanwhile only costs that.
 *
 * Tiles of a staged job are read from the store, where they are for as long as the job's files are
 * kept, whatever becomes of the copies in their places.
 */
#include "base/log.h"
#include "formats/sequence/sequence.h"
#include "house/flow/inside.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "tickets/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TURN_MS = 5000, LOOK_MS = 1000, LOOKS_REST = 20, TROUBLE_MS = 30000 };

struct tiling_run {
    const struct tiles_wish *wish;
    struct arena *a;
    const json_t *output, *tiles;
    bool staged;
    struct job_tile *list;
    size_t count, each; // tiles; of a frame
    uint8_t *done;      // by task; NULL: all are
    int64_t tasks;
    struct job_file *files; // of a staged job, by path
    size_t file_count;
    struct tile_frame *frames; // that were made, by number
    size_t frame_count;
    const char *making; // the hidden folder
    struct tile_frame now;
    int64_t *bad; // frames whose tiles do not fit
    size_t bad_count;
    const char *why; // of the first of them
    struct tiles_made *made;
};

// ---- what there is

static bool read_in(struct db_tx *tx, void *context, struct error *err)
{
    struct tiling_run *r = context;
    const struct tiles_wish *w = r->wish;
    return (w->all || job_output_done(tx, w->job, w->document, (size_t)w->position, r->a, &r->done,
                                      &r->tasks, err)) &&
           (!r->staged || job_files(tx, w->job, r->a, &r->files, &r->file_count, err)) &&
           tile_frames(tx, w->job, w->position, r->a, &r->frames, &r->frame_count, err);
}

static int by_path(const void *path, const void *file)
{
    return strcmp(path, ((const struct job_file *)file)->path);
}

static const struct job_file *file_of(const struct tiling_run *r, const struct job_tile *t)
{
    return r->file_count ? bsearch(t->path, r->files, r->file_count, sizeof(*r->files), by_path)
                         : NULL;
}

// False: one is not there.
static bool stamp_of(const struct tiling_run *r, const struct job_tile *tiles, int64_t *stamp)
{
    enum { PIECE = 32 };
    uint8_t *all = ARENA_ARRAY(r->a, uint8_t, r->each * PIECE);
    for (size_t i = 0; i < r->each; i++) {
        struct stat seen;
        const struct job_file *f = r->staged ? file_of(r, &tiles[i]) : NULL;
        if (f)
            memcpy(all + i * PIECE, f->content.at, SHA256_SIZE);
        if (r->staged && !f)
            return false;
        if (r->staged)
            continue;
        if (stat(tiles[i].path, &seen) != 0 || !S_ISREG(seen.st_mode))
            return false;
        int64_t facts[] = {(int64_t)seen.st_ino, seen.st_size, seen.st_mtim.tv_sec,
                           seen.st_mtim.tv_nsec};
        memcpy(all + i * PIECE, facts, sizeof(facts));
    }
    *stamp = (int64_t)xxh3_of(all, r->each * PIECE);
    return true;
}

static bool tiles_done(const struct tiling_run *r, const struct job_tile *tiles)
{
    for (size_t i = 0; r->done && i < r->each; i++)
        if (tiles[i].task >= r->tasks || !r->done[tiles[i].task])
            return false;
    return true;
}

static int by_frame(const void *number, const void *frame)
{
    int64_t a = *(const int64_t *)number, b = ((const struct tile_frame *)frame)->frame;
    return (a > b) - (a < b);
}

static const struct tile_frame *made_before(const struct tiling_run *r, int64_t frame)
{
    return r->frame_count ? bsearch(&frame, r->frames, r->frame_count, sizeof(*r->frames), by_frame)
                          : NULL;
}

static const char *place_of(const struct tiling_run *r, int64_t frame)
{
    const char *into = json_string_value(json_object_get(r->tiles, "into"));
    const char *slash = strrchr(into, '/');
    return arena_format(r->a, "%.*s/%s", (int)(slash - into), into,
                        sequence_frame(r->a, slash + 1, frame));
}

// A frame that is made needs its tiles no more: who clears them away while the job runs may.
static bool is_made(const struct tiling_run *r, int64_t frame)
{
    const struct tile_frame *before = made_before(r, frame);
    struct stat seen;
    return before && !before->bad && stat(place_of(r, frame), &seen) == 0 && S_ISREG(seen.st_mode);
}

static bool tiles_are_there(struct tiling_run *r, struct error *err)
{
    int64_t *missing = ARENA_ARRAY(r->a, int64_t, r->count / r->each + 1), stamp;
    size_t gone = 0;
    for (size_t i = 0; i + r->each <= r->count; i += r->each)
        if (!stamp_of(r, &r->list[i], &stamp) && !is_made(r, r->list[i].frame))
            missing[gone++] = r->list[i].frame;
    return !gone ||
           gather_refuses(r->output, missing, gone, gone > 1 ? "lack tiles" : "lacks a tile",
                          r->staged ? "they were not brought back, or are not kept any more"
                                    : "their files are not at their place any more",
                          err);
}

// ---- one frame

struct framing {
    const struct tiles_wish *wish;
    struct store *store;
    const sha256 *contents;
};

static bool heard(void *context, const json_t *line)
{
    const struct framing *f = context;
    (void)line;
    return !f->wish->on || f->wish->on(f->wish->context);
}

static bool open_stored(void *context, size_t number, struct engine_pieces *pieces,
                        struct error *err)
{
    const struct framing *f = context;
    const struct store_map *map;
    if (!store_map_open(f->store, &f->contents[number], &map, err))
        return false;
    pieces->at = calloc(map->count + 1, sizeof(*pieces->at));
    bool ok = pieces->at != NULL;
    for (size_t i = 0; ok && i < map->count; i++) {
        int own = fcntl(map->runs[i].fd, F_DUPFD_CLOEXEC, 0); // the map's are the store's
        pieces->at[i] = (struct engine_run_piece){own, map->runs[i].offset, map->runs[i].length};
        pieces->count = i + 1;
        ok = own >= 0;
    }
    if (!ok)
        error_errno(err, errno, "cannot open a tile");
    store_map_close(f->store, map);
    return ok;
}

// Its inputs are named for the ticket; their bytes come from the store.
static bool run_stored(const struct tiling_run *r, const struct job_tile *tiles,
                       struct engine_wish *wish, struct framing *f, json_t **result,
                       struct error *err)
{
    sha256 *contents = ARENA_ARRAY(r->a, sha256, r->each);
    json_t *inputs = json_array();
    for (size_t i = 0; i < r->each; i++) {
        const struct job_file *file = file_of(r, &tiles[i]);
        contents[i] = file->content;
        json_array_append_new(inputs, json_pack("{s:s, s:I}", "name", strrchr(file->path, '/') + 1,
                                                "size", (json_int_t)file->size));
    }
    json_object_set_new(wish->ticket, "inputs", inputs);
    f->contents = contents;
    wish->open_input = open_stored;
    return engine_run(wish, result, err);
}

static bool make_frame(struct tiling_run *r, const struct job_tile *tiles, const char *to,
                       struct error *err)
{
    const struct tiles_wish *w = r->wish;
    const char **paths = ARENA_ARRAY(r->a, const char *, r->each);
    const char *name = strrchr(to, '/') + 1;
    json_t *result = NULL;
    json_t *ticket =
        json_pack("{s:s, s:s, s:{s:O, s:O, s:O}}", "kind", "assemble", "output", name, "grid",
                  "columns", json_object_get(r->tiles, "columns"), "rows",
                  json_object_get(r->tiles, "rows"), "crop", json_object_get(r->tiles, "crop"));
    struct framing f = {.wish = w, .store = w->f->store};
    struct engine_wish wish = {.ticket = ticket,
                               .sandbox = w->sandbox ? SANDBOX_ON : SANDBOX_OFF,
                               .output_folder = r->making,
                               .heard = heard,
                               .context = &f};
    for (size_t i = 0; i < r->each; i++)
        paths[i] = tiles[i].path;
    bool ok = r->staged ? run_stored(r, tiles, &wish, &f, &result, err)
                        : engine_run_files(&wish, paths, r->each, &result, err);
    json_decref(result);
    json_decref(ticket);
    if (ok && rename(arena_format(r->a, "%s/%s", r->making, name), to) != 0)
        ok = error_errno(err, errno, "cannot bring %s into its place", to);
    return ok;
}

static bool set_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct tiling_run *r = context;
    return tile_frame_set(tx, r->wish->job, r->wish->position, &r->now, err);
}

struct telling {
    const char *job;
    const struct error *why;
};

static bool warn_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct telling *t = context;
    return job_warn(tx, t->job, t->why, err);
}

static bool refuse_bad(const struct tiling_run *r, struct error *err)
{
    return gather_refuses(r->output, r->bad, r->bad_count, "can not be put together of its tiles",
                          r->why, err);
}

// What is wrong with the tiles stays wrong until one of them is rendered again; the other frames go
// on. Of a job that runs the person hears it now.
static bool frame_failed(struct tiling_run *r, struct error *err)
{
    struct error told;
    struct telling t = {r->wish->job, &told};
    if (err->kind != ERROR_DAMAGED && err->kind != ERROR_UNSUPPORTED)
        return false;
    if (!r->bad_count)
        r->why = arena_format(r->a, "%s: %s", err->what, err->why);
    r->bad[r->bad_count++] = r->now.frame;
    r->now.bad = true;
    if (!db_write(r->wish->f->db, set_in, r, err))
        return false;
    if (r->wish->all)
        return true;
    refuse_bad(r, &told);
    return db_write(r->wish->f->db, warn_in, &t, err);
}

static bool one_frame(struct tiling_run *r, const struct job_tile *tiles, struct error *err)
{
    r->now = (struct tile_frame){.frame = tiles[0].frame};
    if (!tiles_done(r, tiles) || !stamp_of(r, tiles, &r->now.stamp))
        return true;
    const struct tile_frame *before = made_before(r, tiles[0].frame);
    if (before && before->stamp == r->now.stamp &&
        (before->bad ? !r->wish->all : is_made(r, tiles[0].frame)))
        return true;
    if (!folder_make(r->making, 0775, err))
        return false;
    r->made->frames++;
    if (!make_frame(r, tiles, place_of(r, tiles[0].frame), err))
        return frame_failed(r, err);
    return db_write(r->wish->f->db, set_in, r, err);
}

// ---- all of them

static bool goes_on(const struct tiling_run *r, struct error *err)
{
    const struct tiles_wish *w = r->wish;
    return !w->on || w->on(w->context) || error_set(err, ERROR_CANCELLED, "the house closes");
}

static bool each_frame(struct tiling_run *r, struct error *err)
{
    const char *into = json_string_value(json_object_get(r->tiles, "into"));
    const char *slash = strrchr(into, '/');
    int64_t began_ms = clock_tick_us() / 1000;
    r->making = arena_format(r->a, "%.*s/.gathering-%s-%lld", (int)(slash - into), into,
                             r->wish->job, (long long)r->wish->position);
    r->bad = ARENA_ARRAY(r->a, int64_t, r->count / r->each + 1);
    bool ok = folder_remove(r->making, err); // of an earlier life
    for (size_t i = 0; ok && i + r->each <= r->count; i += r->each) {
        r->made->rest = r->wish->most_ms && clock_tick_us() / 1000 - began_ms > r->wish->most_ms;
        if (r->made->rest)
            break;
        ok = goes_on(r, err) && one_frame(r, r->list + i, err);
    }
    struct error ignored;
    ok = folder_remove(r->making, ok ? err : &ignored) && ok;
    return ok && (!r->wish->all || !r->bad_count || refuse_bad(r, err));
}

bool tiles_together(const struct tiles_wish *wish, struct tiles_made *made, struct error *err)
{
    struct tiling_run r = {.wish = wish, .made = made, .a = arena_open((size_t)1 << 31)};
    const json_t *options = json_object_get(wish->document, "options");
    const char *data = json_string_value(json_object_get(options, "data"));
    r.output = json_array_get(json_object_get(options, "outputs"), (size_t)wish->position);
    r.tiles = json_object_get(r.output, "tiles");
    r.staged = data && strcmp(data, "staged") == 0;
    r.each = (size_t)(json_integer_value(json_object_get(r.tiles, "columns")) *
                      json_integer_value(json_object_get(r.tiles, "rows")));
    *made = (struct tiles_made){0};
    bool ok = r.each || error_set(err, ERROR_INTERNAL, "the output of a job can not be understood");
    ok = ok &&
         job_output_tiles(wish->document, (size_t)wish->position, r.a, &r.list, &r.count, err) &&
         db_read(wish->f->db, read_in, &r, err) && (!wish->all || tiles_are_there(&r, err)) &&
         each_frame(&r, err);
    arena_close(r.a);
    return ok;
}

// ---- jobs that run

struct turning {
    struct arena *a;
    struct tiling t;
    json_t *document;
    bool found, all;
};

static bool next_in(struct db_tx *tx, void *context, struct error *err)
{
    struct turning *w = context;
    json_decref(w->document);
    w->document = NULL;
    return tiling_next(tx, w->a, &w->t, &w->found, err) &&
           (!w->found || job_document(tx, w->t.job, &w->document, err));
}

static bool looked_in(struct db_tx *tx, void *context, struct error *err)
{
    const struct turning *w = context;
    return tiling_looked(tx, &w->t, w->all, clock_now_ms(), err);
}

bool tiles_turn(struct flow *f, bool sandbox, bool (*on)(void *context), void *context, bool *more,
                struct error *err)
{
    int64_t began_ms = clock_tick_us() / 1000;
    struct turning w = {.a = arena_open(64 << 20)};
    struct tiles_made made = {0};
    bool ok = true;
    *more = false;
    if (began_ms >= f->tiles_after_ms)
        ok = db_read(f->db, next_in, &w, err);
    if (w.found) {
        struct tiles_wish wish = {.f = f,
                                  .job = w.t.job,
                                  .position = w.t.position,
                                  .document = w.document,
                                  .sandbox = sandbox,
                                  .most_ms = TURN_MS,
                                  .on = on,
                                  .context = context};
        ok = tiles_together(&wish, &made, err);
        w.all = ok && !made.rest;
        struct error second;
        if (!db_write(f->db, looked_in, &w, ok ? err : &second))
            ok = false;
        // Looking at a job of many frames takes its time: most of it is left to others.
        int64_t now_ms = clock_tick_us() / 1000;
        int64_t looked_ms = made.frames ? 0 : (now_ms - began_ms) * LOOKS_REST;
        f->tiles_after_ms = now_ms + (ok ? LOOK_MS + looked_ms : TROUBLE_MS);
        if (made.rest)
            f->tiles_after_ms = now_ms;
        *more = made.rest;
    }
    json_decref(w.document);
    arena_close(w.a);
    return ok;
}
