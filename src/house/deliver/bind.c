#include "house/deliver/bind.h"
#include "formats/captions/document.h"
#include "formats/ladder/ladder.h"
#include "formats/profile/profile.h"
#include "house/captions/captions.h"
#include "house/deliver/deliver.h"
#include "plat/files.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MOST = 1000, NOTES_SHOWN = 50, TEXT_BYTES = 64 << 20 };

struct bind_made {
    struct store *store;
    struct arena *a;
    struct delivered files[FILES_MOST];
    struct store_bytes *bytes[FILES_MOST]; // NULL: it was in the store before
    size_t count;
    bool several;
    json_t *checks;
};

struct muxed { // a file of a muxer, or of the encoder after it
    struct delivered file;
    json_t *result;
};

struct binding {
    const struct bind_wish *w;
    struct bind_made *made;
    struct arena *a; // of `made`
    struct error *err;
    char name[256];
    json_t *profile, *facts; // of the master
    json_t *plan;            // of the first track; NULL: it has no picture
    struct muxed muxed[FILES_MOST];
    size_t count;
    json_t *checks;
    struct caption_source *captions;
    size_t caption_count;
    json_t *found, *within; // captions in the master, and which of them; NULL: none are taken
};

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

// ---- what there is

static void forget(struct binding *b)
{
    for (size_t i = 0; i < b->count; i++)
        json_decref(b->muxed[i].result);
    b->count = 0;
    json_decref(b->profile);
    json_decref(b->facts);
    json_decref(b->plan);
    json_decref(b->checks);
    json_decref(b->found);
    json_decref(b->within);
    b->profile = b->facts = b->plan = b->checks = b->found = b->within = NULL;
}

static bool read_delivery(struct db_tx *tx, struct binding *b, char asset[27], struct error *err)
{
    struct db_rows *rows = db_query(tx,
                                    "select d.name, d.spec, v.facts, d.asset from deliveries d "
                                    "join versions v on v.id = d.version where d.job = ?1",
                                    "s", b->w->job);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), b->name, sizeof(b->name));
        b->profile = json_loads(db_text(rows, 1), 0, NULL);
        b->facts = db_null(rows, 2) ? NULL : json_loads(db_text(rows, 2), 0, NULL);
        text_copy(text_of(db_text(rows, 3)), asset, 27);
    }
    if (!db_end(rows, err))
        return false;
    if (b->profile && b->facts)
        return true;
    error_set(err, ERROR_CONFLICT, "the deliverable can not be put together");
    error_why(err, "what was asked for, or what it was made of, is not known any more");
    return error_fix(err, "ask for it again");
}

// What an encoder of the operator's made is instead of what it was made of.
static bool read_muxed(struct db_tx *tx, struct binding *b, struct error *err)
{
    struct db_rows *rows =
        db_query(tx,
                 "select name, content, size, result from delivery_pieces where job = ?1 and step "
                 "= (select max(step) from delivery_pieces where job = ?1 and step in ('mux', "
                 "'outside')) order by task",
                 "s", b->w->job);
    while (db_next(rows) && b->count < FILES_MOST) {
        struct muxed *m = &b->muxed[b->count++];
        size_t size;
        const void *at = db_blob(rows, 1, &size);
        *m = (struct muxed){.result = json_loads(db_text(rows, 3), 0, NULL)};
        m->file = (struct delivered){
            .name = arena_text(b->a, db_text(rows, 0)), .role = "media", .size = db_int(rows, 2)};
        if (at && size == SHA256_SIZE)
            memcpy(m->file.content.at, at, SHA256_SIZE);
    }
    if (!db_end(rows, err))
        return false;
    if (b->count)
        return true;
    error_set(err, ERROR_CONFLICT, "what was encoded for %s is not kept any more", b->name);
    return error_fix(err, "ask for the delivery again");
}

static bool read_plan(struct db_tx *tx, struct binding *b, struct error *err)
{
    struct db_rows *rows = db_query(
        tx, "select result from delivery_pieces where job = ?1 and step = 'index' and task = 0",
        "s", b->w->job);
    json_t *result = db_next(rows) ? json_loads(db_text(rows, 0), 0, NULL) : NULL;
    b->plan = json_incref(json_object_get(result, "plan"));
    json_decref(result);
    return db_end(rows, err);
}

static bool read_captions(struct db_tx *tx, struct binding *b, const char *asset, struct error *err)
{
    const json_t *said = json_object_get(b->w->ticket, "caption_versions");
    if (!(said ? captions_thaw(tx, said, b->a, &b->captions, &b->caption_count, err)
               : captions_sources(tx, asset, b->a, &b->captions, &b->caption_count, err)) ||
        !delivery_within(tx, b->w->job, &b->found, err))
        return false;
    if (!b->caption_count && b->found) {
        b->within = profile_within(b->facts);
        captions_within(b->found, b->within, b->name, b->a, &b->captions, &b->caption_count);
    }
    return true;
}

static bool read_in(struct db_tx *tx, void *context, struct error *err)
{
    struct binding *b = context;
    char asset[27] = "";
    forget(b);
    if (!read_delivery(tx, b, asset, err) || !read_muxed(tx, b, err) || !read_plan(tx, b, err) ||
        !read_captions(tx, b, asset, err))
        return false;
    return json_object_get(b->profile, "ladder") ||
           delivery_judged(tx, b->w->job, json_object_get(b->muxed[0].result, "facts"), &b->checks,
                           err);
}

// ---- files

static bool add(struct binding *b, const struct delivered *file, struct store_bytes *bytes)
{
    if (b->made->count == FILES_MOST)
        return error_set(b->err, ERROR_TOO_BIG, "%s is more than %d files", b->name, FILES_MOST);
    b->made->bytes[b->made->count] = bytes;
    b->made->files[b->made->count++] = *file;
    return true;
}

// Something that is written here. `about` is taken over.
static bool add_text(struct binding *b, const char *name, const char *role, text content,
                     json_t *about)
{
    char path[PATH_MAX];
    struct store_bytes *bytes = NULL;
    struct delivered file = {.name = arena_text(b->a, name), .role = role, .about = about};
    bool ok = (path_join(path, sizeof(path), b->w->scratch, name) ||
               error_set(b->err, ERROR_INPUT, "the name %s is too long", name)) &&
              file_write(path, content.at ? content.at : "", content.size, 0640, b->err) &&
              store_adopt(b->w->store, path, &bytes, b->err);
    if (ok) {
        file.content = *store_bytes_content(bytes, 0);
        file.size = store_bytes_size(bytes, 0);
    }
    if (ok && add(b, &file, bytes))
        return true;
    store_settle(b->w->store, bytes, false);
    json_decref(about);
    return false;
}

static bool add_playlist(void *context, const char *name, text content)
{
    return add_text(context, name, "playlist", content, NULL);
}

// ---- captions

static json_t *about_captions(const char *language, const char *role, size_t cues,
                              const struct caption_report *report)
{
    json_t *notes = caption_report_json(report);
    size_t all = json_array_size(notes) + report->more;
    while (json_array_size(notes) > NOTES_SHOWN)
        json_array_remove(notes, json_array_size(notes) - 1);
    json_t *about =
        json_pack("{s:s, s:s, s:I}", "language", language, "use", role, "cues", (json_int_t)cues);
    if (all > json_array_size(notes))
        json_object_set_new(about, "more",
                            json_integer((json_int_t)(all - json_array_size(notes))));
    json_object_set_new(about, "notes", notes);
    return about;
}

static void add_check(struct binding *b, const char *name, const json_t *about)
{
    char seen[120];
    size_t lost = json_array_size(json_object_get(about, "notes")) +
                  (size_t)json_integer_value(json_object_get(about, "more"));
    int used = snprintf(seen, sizeof(seen), "%lld captions",
                        (long long)json_integer_value(json_object_get(about, "cues")));
    if (lost)
        snprintf(seen + used, sizeof(seen) - (size_t)used, ", %zu notes of what it can not say",
                 lost);
    json_array_append_new(b->made->checks, json_pack("{s:s, s:s, s:s, s:b}", "what", name, "wanted",
                                                     "beside it", "seen", seen, "ok", 1));
}

// As they are in the deliverable: its speed is theirs.
static bool open_captions(struct binding *b, const struct caption_source *from, struct arena *a,
                          struct caption_opened_source *o)
{
    struct caption_film said;
    bool known = caption_film_planned(b->plan, &said);
    return captions_open(b->w->store, from, b->facts, a, o, b->err) &&
           caption_conform(o->c, known ? said.rate : o->film.rate.fps, word(b->profile, "conform"),
                           &o->report, b->err);
}

static const char *language_of(const struct caption_source *from, struct arena *a,
                               const struct caption_opened_source *o)
{
    return *from->language       ? from->language
           : o->c->language.size ? arena_copy(a, o->c->language.at, o->c->language.size)
                                 : "";
}

static bool write_captions(struct binding *b, const struct caption_opened_source *o,
                           const struct caption_wish *wish, enum caption_format format,
                           const char *name, const char *role)
{
    struct buf out = BUF_LIMIT(TEXT_BYTES);
    struct caption_report report = {.arena = o->report.arena};
    bool ok = captions_write(o->c, format, wish, &out, &report, b->err);
    json_t *about =
        ok ? about_captions(wish->language ? wish->language : "", role, o->c->count, &report)
           : NULL;
    if (ok) {
        add_check(b, name, about);
        ok = add_text(b, name, "captions", (text){out.at, out.size}, about);
    }
    buf_free(&out);
    return ok;
}

static bool add_ladder_text(struct binding *b, json_t *about, const struct caption_source *from,
                            struct arena *a)
{
    struct caption_opened_source o = {0};
    if (!open_captions(b, from, a, &o))
        return false;
    const char *language = language_of(from, a, &o);
    struct caption_wish wish = {.name = from->v.name,
                                .rate_said = true,
                                .start_said = true,
                                .rate = o.c->rate,
                                .start = o.c->start,
                                .language = *language ? language : NULL};
    return write_captions(b, &o, &wish, CAPTION_VTT, ladder_add_text(about, language, from->role),
                          from->role);
}

// Labels are those of the film that was made.
static bool relabel(struct binding *b, struct caption_opened_source *o)
{
    struct caption_programme film;
    if (!caption_programme_of(json_object_get(b->muxed[0].result, "facts"), &film, b->err))
        return false;
    o->c->rate = film.rate, o->c->start = film.start;
    return true;
}

static bool is_there(const struct binding *b, const char *name)
{
    for (size_t i = 0; i < b->made->count; i++)
        if (strcmp(b->made->files[i].name, name) == 0)
            return true;
    return false;
}

static bool is_asked_for(const json_t *asked, const char *language)
{
    const json_t *list = json_object_get(asked, "languages"), *one;
    size_t i;
    bool found = !json_array_size(list);
    json_array_foreach(list, i, one) found =
        found || strcmp(caption_language_code(text_of(json_string_value(one))),
                        caption_language_code(text_of(language))) == 0;
    return found;
}

static bool add_beside(struct binding *b, const struct caption_source *from, struct arena *a)
{
    const json_t *asked = json_object_get(b->profile, "captions");
    struct caption_opened_source o = {0};
    enum caption_format format;
    char name[256];
    if (!open_captions(b, from, a, &o))
        return false;
    const char *language = language_of(from, a, &o);
    if (!is_asked_for(asked, language) ||
        !caption_sidecar_format(json_object_get(asked, "formats"), o.c->kind, &format))
        return true;
    for (size_t number = 1; number == 1 || is_there(b, name); number++)
        caption_beside_name(json_string_value(json_object_get(asked, "name")), b->name, language,
                            from->role, number, format, name);
    if (!relabel(b, &o))
        return false;
    struct caption_wish wish = {
        .rate_said = true, .rate = o.c->rate, .language = *language ? language : NULL};
    return write_captions(b, &o, &wish, format, name, from->role);
}

// `about`: of a ladder; else they lie beside the film.
static bool add_captions(struct binding *b, json_t *about)
{
    bool ok = true;
    for (size_t i = 0; ok && i < b->caption_count; i++) {
        struct arena *a = arena_open(CAPTIONS_ARENA_BYTES);
        ok = about ? add_ladder_text(b, about, &b->captions[i], a)
                   : add_beside(b, &b->captions[i], a);
        arena_close(a);
    }
    return ok;
}

// ---- all of it

static bool bind_ladder(struct binding *b)
{
    json_t *tracks = ladder_tracks(b->profile, b->facts), *about = ladder_about(b->facts), *track;
    bool ok = true, all;
    size_t i;
    if (json_array_size(tracks) != b->count) {
        ok = error_set(b->err, ERROR_CONFLICT, "not all rungs of %s are kept any more", b->name);
        error_fix(b->err, "ask for the delivery again");
    }
    json_array_foreach(tracks, i, track)
    {
        if (!ok)
            break;
        const json_t *result = b->muxed[i].result;
        ladder_add(about, track, json_object_get(result, "cmaf"),
                   json_integer_value(json_object_get(result, "frames")));
        ok = add(b, &b->muxed[i].file, NULL);
    }
    if (ok)
        b->made->checks = ladder_checks(about, &all);
    ok = ok && add_captions(b, about) && ladder_files(about, add_playlist, b);
    json_decref(tracks);
    json_decref(about);
    return ok;
}

static bool bind_files(struct binding *b)
{
    bool ok = true;
    b->made->checks = json_incref(b->checks);
    for (size_t i = 0; ok && i < b->count; i++) {
        if (!b->made->several) // the muxer's may be called as the encoder's input
            b->muxed[i].file.name = arena_text(b->a, b->name);
        ok = add(b, &b->muxed[i].file, NULL);
    }
    return ok && (b->made->several || add_captions(b, NULL));
}

bool bind_run(const struct bind_wish *w, struct bind_made **made, struct error *err)
{
    struct bind_made *m = calloc(1, sizeof(*m));
    struct binding *b = calloc(1, sizeof(*b));
    if (!m || !b)
        abort();
    m->store = w->store;
    m->a = arena_open(64 << 20);
    b->w = w, b->made = m, b->a = m->a, b->err = err;
    bool ok = db_read(w->db, read_in, b, err);
    if (ok) {
        m->several = profile_several(b->profile);
        ok = json_object_get(b->profile, "ladder") ? bind_ladder(b) : bind_files(b);
    }
    forget(b);
    free(b);
    if (ok)
        *made = m;
    else
        bind_close(m, false);
    return ok;
}

bool bind_done(struct db_tx *tx, const char *job, const struct bind_made *m, struct error *err)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->bytes[i] && !store_record(tx, m->bytes[i], err))
            return false;
    return delivery_done(tx, job, m->files, m->count, m->several, m->checks, err);
}

void bind_close(struct bind_made *m, bool taken)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->count; i++) {
        store_settle(m->store, m->bytes[i], taken);
        json_decref((json_t *)(uintptr_t)m->files[i].about);
    }
    json_decref(m->checks);
    arena_close(m->a);
    free(m);
}
