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

static bool write_text(struct laddering *x, const char *name, struct buf *text, struct error *err)
{
    bool done = file_write(path_in(x, x->made, name), text->at, text->size, 0644, err) &&
                add_sum(x, name, err);
    buf_free(text);
    *text = (struct buf)BUF_LIMIT(64 << 20);
    return done;
}

// A rung or the sound: NAME.mp4.
static bool make_track(struct laddering *x, const char *name, const json_t *profile, json_t **track,
                       struct error *err)
{
    const char *folder = path_in(x, x->work, arena_format(x->call->arena, "at-%s", name));
    const char *file = arena_format(x->call->arena, "%s.mp4", name);
    json_t *result = NULL;
    struct media_encode wish = {.facts = x->wish->facts,
                                .profile = profile,
                                .folder = folder,
                                .output = file,
                                .workers = x->wish->workers,
                                .quiet = x->wish->quiet};
    if (!folder_make(folder, 0755, err) || !media_encode(x->call, x->m, &wish, &result, err))
        return false;
    *track =
        json_pack("{s:s, s:s, s:O, s:O}", "name", name, "file", file, "cmaf",
                  json_object_get(result, "cmaf"), "frames", json_object_get(result, "frames"));
    json_decref(result);
    if (rename(path_in(x, folder, file), path_in(x, x->made, file)) != 0)
        return error_errno(err, errno, "cannot give %s its name", file);
    return add_sum(x, file, err);
}

static bool make_pictures(struct laddering *x, struct error *err)
{
    const json_t *fact = json_array_get(json_object_get(x->wish->facts, "video"), 0), *rung;
    bool sdr = json_is_true(json_object_get(json_object_get(x->wish->profile, "video"), "sdr"));
    json_t *list = json_array();
    json_t *rungs = ladder_rungs(
        x->wish->profile,
        (int)json_integer_value(json_object_get(fact, sdr ? "display_width" : "width")),
        (int)json_integer_value(json_object_get(fact, sdr ? "display_height" : "height")));
    bool done = true;
    size_t i;
    json_object_set_new(x->about, "picture", list);
    json_array_foreach(rungs, i, rung)
    {
        json_t *track = NULL;
        done = done && make_track(x, json_string_value(json_object_get(rung, "name")),
                                  json_object_get(rung, "profile"), &track, err);
        if (done)
            json_array_append_new(list, track);
    }
    json_decref(rungs);
    return done;
}

static bool make_sound(struct laddering *x, struct error *err)
{
    const json_t *fact = json_array_get(json_object_get(x->wish->facts, "audio"), 0);
    json_t *profile = ladder_sound(x->wish->profile), *track = NULL;
    bool done = true;
    if (profile && fact) {
        done = make_track(x, "sound", profile, &track, err);
        if (done) {
            json_object_set(track, "language", json_object_get(fact, "language"));
            json_object_set_new(x->about, "sound", track);
        }
    }
    json_decref(profile);
    return done;
}

static bool make_text(struct laddering *x, struct error *err)
{
    const struct film_captions *given = x->wish->captions;
    if (!given->count)
        return true;
    const struct caption_given *g = &given->list[0];
    struct caption_wish wish = {.name = g->file,
                                .rate_said = true,
                                .start_said = true,
                                .rate = given->film.rate,
                                .start = given->film.start,
                                .language = *g->language ? g->language : NULL};
    struct caption_report report = {.arena = x->call->arena};
    struct buf out = BUF_LIMIT(64 << 20);
    if (!captions_write(g->c, CAPTION_VTT, &wish, &out, &report, err))
        return buf_free(&out), false;
    json_object_set_new(x->about, "text",
                        json_pack("{s:s, s:s}", "file", "text.vtt", "language",
                                  *g->language ? g->language : "und"));
    return write_text(x, "text.vtt", &out, err);
}

static bool write_playlist(struct laddering *x, const json_t *track, struct error *err)
{
    struct buf text = BUF_LIMIT(64 << 20);
    ladder_hls_file(x->about, track, &text);
    return write_text(
        x,
        arena_format(x->call->arena, "%s.m3u8", json_string_value(json_object_get(track, "name"))),
        &text, err);
}

static bool write_manifests(struct laddering *x, struct error *err)
{
    struct buf text = BUF_LIMIT(64 << 20);
    const json_t *sound = json_object_get(x->about, "sound"), *track;
    size_t i;
    bool done = true;
    json_array_foreach(json_object_get(x->about, "picture"), i, track) done =
        done && write_playlist(x, track, err);
    done = done && (!sound || write_playlist(x, sound, err));
    if (done && json_object_get(x->about, "text")) {
        ladder_hls_text(x->about, &text);
        done = write_text(x, "text.m3u8", &text, err);
    }
    ladder_hls(x->about, &text);
    done = done && write_text(x, "master.m3u8", &text, err);
    ladder_dash(x->about, &text);
    done = done && write_text(x, "manifest.mpd", &text, err);
    buf_free(&text);
    return done &&
           file_write(path_in(x, x->made, "SHA256SUMS"), x->sums.at, x->sums.size, 0644, err);
}

static void check(json_t *list, bool *all, const char *what, bool ok, const char *wanted,
                  const char *seen)
{
    json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s}", "what", what, "ok", ok, "wanted",
                                          wanted, "seen", seen));
    *all = *all && ok;
}

static void add_checks(struct laddering *x, bool *all)
{
    json_t *list = json_array();
    const json_t *track;
    size_t i;
    char wanted[32], seen[64];
    json_int_t frames = json_integer_value(json_object_get(x->about, "frames"));
    *all = true;
    json_array_foreach(json_object_get(x->about, "picture"), i, track)
    {
        const json_t *cmaf = json_object_get(track, "cmaf");
        json_int_t have = json_integer_value(json_object_get(track, "frames"));
        int64_t most, average;
        ladder_rates(track, &most, &average);
        snprintf(wanted, sizeof(wanted), "%lld frames", (long long)frames);
        snprintf(seen, sizeof(seen), "%lld frames, %lld x %lld, %s, %.2f Mb/s", (long long)have,
                 (long long)json_integer_value(json_object_get(cmaf, "width")),
                 (long long)json_integer_value(json_object_get(cmaf, "height")),
                 json_string_value(json_object_get(cmaf, "codecs")), (double)average / 1e6);
        check(list, all, json_string_value(json_object_get(track, "name")), have == frames, wanted,
              seen);
    }
    bool aligned = ladder_aligned(x->about);
    check(list, all, "key frames", aligned, "at the same frames", aligned ? "so" : "not so");
    json_object_set_new(x->about, "checks", list);
}

bool ladder_make(struct command_call *call, const struct media *m, const struct ladder_wish *wish,
                 json_t **about, bool *all, struct error *err)
{
    struct laddering x = {.call = call, .m = m, .wish = wish, .sums = BUF_LIMIT(1 << 20)};
    const json_t *constant = json_object_get(wish->facts, "constant");
    x.work = arena_format(call->arena, "%s/.posthouse-%s", wish->folder, wish->name);
    x.made = path_in(&x, x.work, wish->name);
    x.about = json_pack("{s:O, s:O}", "rate",
                        json_object_get(constant ? constant : wish->facts, "rate"), "frames",
                        json_object_get(constant ? constant : wish->facts,
                                        constant ? "frames" : "duration_frames"));
    bool done = folder_remove(x.made, err) && folder_make(x.made, 0755, err) &&
                make_pictures(&x, err) && make_sound(&x, err) && make_text(&x, err) &&
                write_manifests(&x, err);
    if (done) {
        add_checks(&x, all);
        *about = json_incref(x.about);
    }
    json_decref(x.about);
    buf_free(&x.sums);
    return done;
}
