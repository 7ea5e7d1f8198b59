// Captions of films: bringing them, the editor's document, checks, retiming, taking them out.
#include "api/inside.h"
#include "formats/captions/document.h"
#include "house/captions/captions.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "store/store.h"

#include <string.h>

enum { BODY_BYTES = 8 << 20, OUTPUT_BYTES = 32 << 20, RULES_BYTES = 1 << 20 };

struct asking {
    struct call *c;
    struct arena *a; // of what is parsed; the call's own is small
    json_t *json;
    struct caption_source source;
    struct caption_opened_source opened;
    // of a new version, or a new asset
    const char *film, *name, *language, *role, *base;
    struct asset_file file;
    struct store_bytes *bytes;
    struct asset_made made;
    json_t *facts;
};

static void fresh(struct asking *q)
{
    json_decref(q->json);
    q->json = NULL;
}

static bool with_arena(struct call *c, bool (*act)(struct asking *, struct error *),
                       struct error *err)
{
    struct asking q = {.c = c, .a = arena_open(CAPTIONS_ARENA_BYTES)};
    bool ok = act(&q, err);
    arena_close(q.a);
    return ok;
}

// ---- bodies that may be larger than the JSON of other routes

struct body {
    struct buf bytes;
};

static bool body_begin(struct call *c, struct error *err)
{
    struct body *b = c->own = ARENA_NEW(c->arena, struct body);
    b->bytes = (struct buf)BUF_LIMIT(BODY_BYTES);
    (void)err;
    return true;
}

static bool body_piece(struct call *c, const void *at, size_t size, struct error *err)
{
    struct body *b = c->own;
    return buf_add(&b->bytes, at, size) ||
           error_set(err, ERROR_TOO_BIG, "captions have at most %s", size_text(BODY_BYTES).text);
}

static void body_done(struct call *c)
{
    struct body *b = c->own;
    buf_free(&b->bytes);
}

static const struct stream_calls body_stream = {
    .limit = BODY_BYTES, .begin = body_begin, .piece = body_piece, .done = body_done};

static text body_of(struct call *c)
{
    struct body *b = c->own;
    return (text){b->bytes.at ? b->bytes.at : "", b->bytes.size};
}

static const char *word_of(struct call *c, const char *name)
{
    const char *value = call_query(c, name);
    return value ? value : "";
}

// ---- looking

// A visitor sees captions of what the share holds.
static bool may_see(struct call *c, const char *film, struct error *err)
{
    bool own, of_film = false;
    if (!call_share_holds(c, c->asset, &own, err) ||
        (!own && film && !call_share_holds(c, film, &of_film, err)))
        return false;
    return own || of_film || error_set(err, ERROR_NOT_FOUND, "this is not shared");
}

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return captions_list(tx, q->c->asset, &q->json, err);
}

static bool answer(struct asking *q, bool ok)
{
    if (ok)
        call_json(q->c, q->json);
    else
        json_decref(q->json);
    return ok;
}

static bool captions_get(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return may_see(c, NULL, err) && answer(&q, db_read(c->api->db, list_in, &q, err));
}

static bool source_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    const char *version = q->c->version;
    json_t *asset = NULL;
    if (!version) { // of an asset: its newest
        if (!asset_get(tx, q->c->asset, &asset, err))
            return false;
        version =
            arena_text(q->c->arena,
                       json_string_value(json_object_get(json_object_get(asset, "version"), "id")));
        json_decref(asset);
    }
    return captions_source(tx, version, q->c->arena, &q->source, err);
}

static bool open_it(struct asking *q, struct error *err)
{
    return db_read(q->c->api->db, source_in, q, err) && may_see(q->c, q->source.film, err) &&
           captions_open(q->c->api->store, &q->source, NULL, q->a, &q->opened, err);
}

static bool show_cues(struct asking *q, struct error *err)
{
    if (!open_it(q, err))
        return false;
    json_t *to = caption_document(q->opened.c);
    json_object_set_new(to, "version", json_string(q->source.v.id));
    json_object_set_new(to, "number", json_integer(q->source.v.number));
    json_object_set_new(to, "format", json_string(caption_format_facts(q->opened.format)->name));
    json_object_set_new(to, "frames", json_integer(q->opened.film.frames));
    json_object_set_new(to, "notes", caption_report_json(&q->opened.report));
    call_json(q->c, to);
    return true;
}

static bool cues_get(struct call *c, struct error *err)
{
    return with_arena(c, show_cues, err);
}

// ---- as another format

static bool format_asked(struct asking *q, enum caption_format *format, struct error *err)
{
    const char *asked = word_of(q->c, "format");
    *format = q->opened.format;
    if (!*asked || caption_format_named(text_of(asked), format))
        return true;
    error_set(err, ERROR_INPUT, "captions can not be '%.40s'", asked);
    return error_fix(err, "one of srt, vtt, scc, mcc, ttml, dfxp, imsc, itt, ebu-stl, spruce-stl");
}

static bool write_as(struct asking *q, const struct captions *c, enum caption_format format,
                     struct buf *to, struct error *err)
{
    struct caption_wish wish = {.name = q->source.v.name,
                                .rate_said = c->rate_said,
                                .rate = c->rate,
                                .made_ms = clock_now_ms(),
                                .language = *q->source.language ? q->source.language : NULL};
    q->opened.report = (struct caption_report){.arena = q->a};
    return captions_write(c, format, &wish, to, &q->opened.report, err);
}

// "Film.en.srt" as SCC is "Film.en.scc".
static const char *name_as(struct asking *q, enum caption_format format)
{
    const char *name = q->source.v.name, *dot = strrchr(name, '.');
    int size = (int)(dot && dot != name ? (size_t)(dot - name) : strlen(name));
    return arena_format(q->c->arena, "%.*s%s", size, name, caption_format_facts(format)->ending);
}

static bool write_it(struct asking *q, bool bytes, struct error *err)
{
    struct call *c = q->c;
    struct buf out = BUF_LIMIT(OUTPUT_BYTES);
    enum caption_format format;
    bool ok = open_it(q, err) && format_asked(q, &format, err) &&
              write_as(q, q->opened.c, format, &out, err);
    if (ok && bytes) {
        call_header_set(c, "Content-Disposition",
                        arena_format(c->arena, "attachment; filename=\"captions%s\"",
                                     caption_format_facts(format)->ending));
        call_bytes(c, "application/octet-stream",
                   arena_copy(c->arena, out.at ? out.at : "", out.size), out.size);
    } else if (ok) {
        call_json(c,
                  json_pack("{s:s, s:s, s:o}", "format", caption_format_facts(format)->name, "name",
                            name_as(q, format), "notes", caption_report_json(&q->opened.report)));
    }
    buf_free(&out);
    return ok;
}

static bool give_file(struct asking *q, struct error *err)
{
    return write_it(q, true, err);
}

static bool give_report(struct asking *q, struct error *err)
{
    return write_it(q, false, err);
}

static bool file_get(struct call *c, struct error *err)
{
    return with_arena(c, give_file, err);
}

static bool report_get(struct call *c, struct error *err)
{
    return with_arena(c, give_report, err);
}

// ---- keeping

static bool store_it(struct asking *q, const char *name, const struct buf *bytes, struct error *err)
{
    text one = {bytes->at ? bytes->at : "", bytes->size};
    if (!store_put_small(q->c->api->store, &one, 1, &q->bytes, err))
        return false;
    q->file = (struct asset_file){.name = name,
                                  .content = *store_bytes_content(q->bytes, 0),
                                  .size = store_bytes_size(q->bytes, 0)};
    return true;
}

static bool facts_and_ready(struct db_tx *tx, struct asking *q, struct error *err)
{
    return version_facts_set(tx, q->made.version.text, q->facts, err) &&
           version_state_set(tx, q->made.version.text, "ready", NULL, err);
}

// A further version. Who began from an older one is told, so that nobody's work is written over.
static bool version_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    struct asset_wish wish = {.by = q->c->who.name, .files = &q->file, .file_count = 1};
    struct version_source newest;
    struct asking now = {.c = q->c};
    const char *own = q->c->version;
    q->c->version = NULL;
    bool ok = source_in(tx, &now, err);
    q->c->version = own;
    newest = now.source.v;
    if (ok && q->base && strcmp(q->base, newest.id) != 0) {
        error_set(err, ERROR_CONFLICT, "somebody else has saved %s meanwhile", newest.name);
        error_why(err, "it is at version %lld now", (long long)newest.number);
        ok = error_fix(err, "look at the newest version, and save again on top of it");
    }
    return ok && store_record(tx, q->bytes, err) &&
           version_add(tx, q->c->asset, &wish, &q->made, err) && facts_and_ready(tx, q, err) &&
           call_audit(q->c, tx, "captions.saved", q->c->asset, q->made.version.text, err);
}

static bool keep_version(struct asking *q, const struct captions *c, enum caption_format format,
                         struct error *err)
{
    struct buf out = BUF_LIMIT(BODY_BYTES);
    bool ok = write_as(q, c, format, &out, err) && store_it(q, name_as(q, format), &out, err);
    if (ok) {
        q->facts = captions_facts((text){out.at, out.size}, q->file.name, NULL);
        ok = db_write(q->c->api->db, version_in, q, err);
    }
    store_settle(q->c->api->store, q->bytes, ok);
    json_decref(q->facts);
    buf_free(&out);
    if (ok)
        call_json(q->c, json_pack("{s:s, s:I, s:s, s:o}", "version", q->made.version.text, "number",
                                  (json_int_t)q->made.number, "format",
                                  caption_format_facts(format)->name, "notes",
                                  caption_report_json(&q->opened.report)));
    return ok;
}

static bool document_of(struct asking *q, struct captions **c, struct error *err)
{
    json_t *body = json_read(body_of(q->c), err);
    const struct captions *was = q->opened.c;
    bool ok = body && caption_document_read(q->a, body, &was->rate, was->start, c, err);
    json_decref(body);
    if (ok)
        (*c)->rate_said = was->rate_said || q->opened.film.frames > 0;
    return ok;
}

static bool save_cues(struct asking *q, struct error *err)
{
    enum caption_format format;
    struct captions *edited;
    q->base = call_query(q->c, "base");
    return open_it(q, err) && format_asked(q, &format, err) && document_of(q, &edited, err) &&
           keep_version(q, edited, format, err);
}

static bool cues_post(struct call *c, struct error *err)
{
    return with_arena(c, save_cues, err);
}

static bool retime(struct asking *q, struct error *err)
{
    struct caption_retime how = {0};
    const char *from = body_text(q->c, "from"), *to = body_text(q->c, "to");
    if (!open_it(q, err) || (from && to &&
                             (!rational_parse(text_of(from), &how.speed_from, err) ||
                              !rational_parse(text_of(to), &how.speed_to, err))))
        return false;
    struct captions *c = q->opened.c;
    struct tc_rate film = c->rate;
    int64_t start = c->start;
    how.offset = caption_ticks(body_int(q->c, "offset", 0), film.fps);
    if (!captions_retime(c, &how, &q->opened.report, err))
        return false;
    c->rate = film, c->start = start; // its times are the film's
    return keep_version(q, c, q->opened.format, err);
}

static bool retime_post(struct call *c, struct error *err)
{
    return with_arena(c, retime, err);
}

// ---- bringing

static bool bring_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    json_t *film = NULL;
    if (!asset_get(tx, q->c->asset, &film, err))
        return false;
    const char *folder = json_string_value(json_object_get(film, "folder"));
    struct asset_wish wish = {.project = q->c->project,
                              .folder =
                                  folder ? arena_copy(q->c->arena, folder, strlen(folder)) : "",
                              .name = q->name,
                              .kind = "captions",
                              .by = q->c->who.name,
                              .files = &q->file,
                              .file_count = 1};
    json_decref(film);
    fresh(q);
    return store_record(tx, q->bytes, err) && asset_add(tx, &wish, &q->made, err) &&
           facts_and_ready(tx, q, err) &&
           captions_link(tx, q->made.asset.text, q->c->asset, q->language, q->role, q->c->who.name,
                         clock_now_ms(), err) &&
           call_audit(q->c, tx, "captions.brought", q->made.asset.text, q->name, err) &&
           captions_list(tx, q->made.asset.text, &q->json, err);
}

static bool film_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return asset_get(tx, q->c->asset, &q->json, err);
}

// Those that the film can not have are refused: they are another programme's.
static bool fits_film(struct asking *q, text bytes, struct error *err)
{
    const json_t *film = json_object_get(json_object_get(q->json, "version"), "facts");
    struct caption_programme p;
    struct caption_report report = {.arena = q->a};
    enum caption_format format;
    if (!caption_format_of(bytes, q->name, &format)) {
        error_set(err, ERROR_UNSUPPORTED, "%s is no caption file that the house knows", q->name);
        return error_fix(err, "bring SRT, WebVTT, SCC, MCC, TTML, iTT, EBU STL or Spruce STL");
    }
    bool known = json_is_object(film) && caption_programme_of(film, &p, err);
    struct caption_given g = {q->name, q->language, q->role, NULL};
    struct caption_wish wish = {.name = q->name, .language = *q->language ? q->language : NULL};
    if (known)
        wish.rate_said = wish.start_said = true, wish.rate = p.rate, wish.start = p.start;
    if (!captions_read(q->a, bytes, format, &wish, &g.c, &report, err) ||
        (known && !caption_fits(g.c, p.frames, q->name, err)))
        return false;
    caption_given_complete(&g, format);
    q->language = g.language, q->role = g.role;
    return true;
}

static bool bring(struct asking *q, struct error *err)
{
    struct call *c = q->c;
    text bytes = body_of(c);
    struct buf *held = &((struct body *)c->own)->bytes;
    q->name = word_of(c, "name"), q->language = word_of(c, "language"),
    q->role = word_of(c, "role");
    bool ok = name_acceptable("caption file", q->name, err) &&
              db_read(c->api->db, film_in, q, err) && fits_film(q, bytes, err) &&
              store_it(q, q->name, held, err);
    if (ok) {
        q->facts = captions_facts(bytes, q->name,
                                  json_object_get(json_object_get(q->json, "version"), "facts"));
        ok = db_write(c->api->db, bring_in, q, err);
    }
    store_settle(c->api->store, q->bytes, ok);
    json_decref(q->facts);
    if (ok)
        call_json(c, json_incref(json_array_get(q->json, 0)));
    json_decref(q->json);
    return ok;
}

static bool captions_post(struct call *c, struct error *err)
{
    return with_arena(c, bring, err);
}

static bool link_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    fresh(q);
    return captions_link(tx, q->c->asset, body_text(q->c, "film"), body_text(q->c, "language"),
                         body_text(q->c, "role"), q->c->who.name, clock_now_ms(), err) &&
           captions_list(tx, q->c->asset, &q->json, err);
}

static bool link_put(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    bool ok = db_write(c->api->db, link_in, &q, err);
    if (ok)
        call_json(c, json_incref(json_array_get(q.json, 0)));
    json_decref(q.json);
    return ok;
}

static bool unlink_in(struct db_tx *tx, void *context, struct error *err)
{
    struct asking *q = context;
    return captions_unlink(tx, q->c->asset, err);
}

static bool link_delete(struct call *c, struct error *err)
{
    struct asking q = {.c = c};
    return db_write(c->api->db, unlink_in, &q, err);
}

// ---- rules

// They lie beside those of quality control.
static const char *rules_folder(struct call *c, struct error *err)
{
    const char *folder = c->api->wish.rules_folder;
    if (folder)
        return arena_format(c->arena, "%s/../captions", folder);
    error_set(err, ERROR_NOT_FOUND, "this house has no rules");
    return NULL;
}

static bool read_rules(struct arena *a, const char *path, struct caption_rules **rules,
                       struct error *err)
{
    struct buf content = BUF_LIMIT(RULES_BYTES);
    bool ok = file_read(path, &content, err);
    if (ok)
        ok = caption_rules_read(
            a, path,
            (text){arena_copy(a, content.at ? content.at : "", content.size), content.size}, rules,
            err);
    buf_free(&content);
    return ok;
}

struct listing {
    struct arena *a;
    json_t *list;
};

static bool list_rules(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct listing *l = context;
    struct caption_rules *rules;
    *enter = !f->relative[0];
    if (f->kind != FILE_PLAIN || !text_ends(text_of(f->relative), ".json"))
        return true;
    if (!read_rules(l->a, f->path, &rules, err))
        return false;
    json_array_append_new(l->list,
                          json_pack("{s:s%, s:s}", "name", f->relative, strlen(f->relative) - 5,
                                    "title", caption_rules_title(rules)));
    return true;
}

static bool all_rules(struct asking *q, struct error *err)
{
    struct listing l = {q->a, json_array()};
    struct walk_wish walk = {.depth = 2, .seen = list_rules, .context = &l};
    const char *folder = rules_folder(q->c, err);
    bool ok = folder && folder_walk(folder, &walk, err);
    if (ok)
        call_json(q->c, l.list);
    else
        json_decref(l.list);
    return ok;
}

static bool rules_get(struct call *c, struct error *err)
{
    return with_arena(c, all_rules, err);
}

static bool check(struct asking *q, struct error *err)
{
    struct call *c = q->c;
    struct captions *edited;
    struct caption_rules *rules;
    struct caption_findings f = {0};
    struct error missing;
    const char *name = *word_of(c, "rules") ? word_of(c, "rules") : "house";
    const char *folder = rules_folder(c, err);
    if (!folder || !open_it(q, err))
        return false;
    bool plain = *name != '.' && strlen(name) < 100 && !strpbrk(name, "/\\");
    if (!plain ||
        !read_rules(q->a, arena_format(q->a, "%s/%s.json", folder, name), &rules, &missing)) {
        error_set(err, ERROR_NOT_FOUND, "there are no rules %.100s", name);
        return error_fix(err, "GET /caption-rules lists them");
    }
    edited = q->opened.c;
    if (body_of(c).size && !document_of(q, &edited, err))
        return false;
    captions_check(edited, rules, &(struct caption_check){.duration = q->opened.film.frames}, q->a,
                   &f);
    call_json(c, caption_findings_json(edited, &f));
    return true;
}

static bool check_post(struct call *c, struct error *err)
{
    return with_arena(c, check, err);
}

#define A "/assets/{asset}"
#define V "/versions/{version}"
const struct route caption_routes[] = {
    {"GET", "/caption-rules", NEED_PERSON, rules_get, NULL, "CaptionRules[]", 0,
     "what captions can be checked by", NULL},
    {"GET", A "/captions", MAY_VIEW, captions_get, NULL, "Caption[]", 0,
     "the captions of a film, closed captions first", NULL},
    {"POST", A "/captions", MAY_UPLOAD, captions_post, NULL, "Caption", ROUTE_STREAM,
     "brings a caption file (the body; ?name=, language, role) for a film", &body_stream},
    {"PUT", A "/captions-of", MAY_EDIT, link_put, "CaptionOf", "Caption", 0,
     "says of which film a caption file is, in which language and role", NULL},
    {"DELETE", A "/captions-of", MAY_EDIT, link_delete, NULL, NULL, 0, "takes it off its film",
     NULL},
    {"GET", V "/cues", MAY_VIEW, cues_get, NULL, "CaptionDocument", 0,
     "captions in frames of their film", NULL},
    {"POST", A "/cues", MAY_EDIT, cues_post, NULL, "CaptionSaved", ROUTE_STREAM,
     "saves a document as a new version (?base= the version it was made from, format)",
     &body_stream},
    {"POST", A "/caption-retime", MAY_EDIT, retime_post, "CaptionRetime", "CaptionSaved", 0,
     "makes a version that is faster or later", NULL},
    {"POST", V "/cues/check", MAY_VIEW, check_post, NULL, "CaptionFinding[]", ROUTE_STREAM,
     "lays ?rules= on a document (the body), or on the version when there is none", &body_stream},
    {"GET", V "/caption-file", MAY_DOWNLOAD, file_get, NULL, "bytes", 0, "as any ?format=", NULL},
    {"GET", V "/caption-report", MAY_VIEW, report_get, NULL, "CaptionReport", 0,
     "what that ?format= can not say", NULL},
};
const size_t caption_route_count = sizeof(caption_routes) / sizeof(caption_routes[0]);
