#include "cmd/ladder.h"
#include "formats/captions/captions.h"
#include "formats/ladder/ladder.h"
#include "plat/files.h"
#include "plat/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct laddering {
    struct command_call *call;
    const struct media *m;
    const struct ladder_wish *wish;
    const char *work, *made; // made: work/NAME
    json_t *about;
    struct buf sums;
    struct error *err; // of who asked
};

static const char *path_in(const struct laddering *x, const char *folder, const char *name)
{
    return arena_format(x->call->arena, "%s/%s", folder, name);
}

static bool add_sum(struct laddering *x, const char *name, struct error *err)
{
    uint8_t digest[64], bytes[1 << 16];
    FILE *f = fopen(path_in(x, x->made, name), "re");
    struct hasher *h = hasher_open("sha256");
    size_t n;
    while (f && (n = fread(bytes, 1, sizeof(bytes), f)) > 0)
        hasher_add(h, bytes, n);
    bool bad = !f || ferror(f);
    int code = errno;
    if (f)
        fclose(f);
    size_t size = hasher_end(h, digest);
    for (size_t i = 0; i < size; i++)
        buf_format(&x->sums, "%02x", digest[i]);
    buf_format(&x->sums, "  %s\n", name);
    return !bad || error_errno(err, code, "cannot read %s", name);
}

static bool write_text(void *context, const char *name, text content)
{
    struct laddering *x = context;
    return file_write(path_in(x, x->made, name), content.at ? content.at : "", content.size, 0644,
                      x->err) &&
           add_sum(x, name, x->err);
}

// A rung or the sound: NAME.mp4.
static bool make_track(struct laddering *x, const json_t *track, struct error *err)
{
    const char *name = json_string_value(json_object_get(track, "name"));
    const char *folder = path_in(x, x->work, arena_format(x->call->arena, "at-%s", name));
    const char *file = arena_format(x->call->arena, "%s.mp4", name);
    json_t *result = NULL;
    struct media_encode wish = {.facts = x->wish->facts,
                                .profile = json_object_get(track, "profile"),
                                .folder = folder,
                                .output = file,
                                .workers = x->wish->workers,
                                .quiet = x->wish->quiet};
    if (!folder_make(folder, 0755, err) || !media_encode(x->call, x->m, &wish, &result, err))
        return false;
    ladder_add(x->about, track, json_object_get(result, "cmaf"),
               json_integer_value(json_object_get(result, "frames")));
    json_decref(result);
    if (rename(path_in(x, folder, file), path_in(x, x->made, file)) != 0)
        return error_errno(err, errno, "cannot give %s its name", file);
    return add_sum(x, file, err);
}

static bool make_tracks(struct laddering *x, struct error *err)
{
    json_t *tracks = ladder_tracks(x->wish->profile, x->wish->facts), *track;
    bool done = true;
    size_t i;
    json_array_foreach(tracks, i, track) done = done && make_track(x, track, err);
    json_decref(tracks);
    return done;
}

static bool make_text(struct laddering *x, const struct caption_given *g, struct error *err)
{
    const struct film_captions *given = x->wish->captions;
    struct caption_wish wish = {.name = g->file,
                                .rate_said = true,
                                .start_said = true,
                                .rate = given->film.rate,
                                .start = given->film.start,
                                .language = *g->language ? g->language : NULL};
    struct caption_report report = {.arena = x->call->arena};
    struct buf out = BUF_LIMIT(64 << 20);
    bool done =
        captions_write(g->c, CAPTION_VTT, &wish, &out, &report, err) &&
        write_text(x, ladder_add_text(x->about, g->language, g->role), (text){out.at, out.size});
    buf_free(&out);
    return done;
}

static bool make_texts(struct laddering *x, struct error *err)
{
    bool done = true;
    for (size_t i = 0; done && i < x->wish->captions->count; i++)
        done = make_text(x, &x->wish->captions->list[i], err);
    return done;
}

static bool write_manifests(struct laddering *x, struct error *err)
{
    return ladder_files(x->about, write_text, x) &&
           file_write(path_in(x, x->made, "SHA256SUMS"), x->sums.at, x->sums.size, 0644, err);
}

bool ladder_make(struct command_call *call, const struct media *m, const struct ladder_wish *wish,
                 json_t **about, bool *all, struct error *err)
{
    struct laddering x = {
        .call = call, .m = m, .wish = wish, .sums = BUF_LIMIT(1 << 20), .err = err};
    x.work = arena_format(call->arena, "%s/.posthouse-%s", wish->folder, wish->name);
    x.made = path_in(&x, x.work, wish->name);
    x.about = ladder_about(wish->facts);
    bool done = folder_remove(x.made, err) && folder_make(x.made, 0755, err) &&
                make_tracks(&x, err) && make_texts(&x, err) && write_manifests(&x, err);
    if (done) {
        json_object_set_new(x.about, "checks", ladder_checks(x.about, all));
        *about = json_incref(x.about);
    }
    json_decref(x.about);
    buf_free(&x.sums);
    return done;
}
