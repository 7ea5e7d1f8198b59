// Files that are one clip, as far as their bytes say it.
#include "formats/camera/camera.h"
#include "formats/cards/cards.h"
#include "house/assets/originals.h"
#include "house/assets/spans.h"
#include "house/flow/inside.h"
#include "house/transfer/lists.h"
#include "plat/clock.h"
#include "plat/files.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool set_named(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && strcasecmp(dot, ".mxf") == 0;
}

// The beginning of a stored file.
static bool head_of(struct store *store, const sha256 *content, struct buf *to, size_t most,
                    struct error *err)
{
    const struct store_map *map;
    if (!store_map_open(store, content, &map, err))
        return false;
    for (size_t i = 0; i < map->count; i++) {
        int64_t left = map->runs[i].length, at = map->runs[i].offset;
        char *room;
        while (left > 0 && to->size < most && (room = buf_reserve(to, 65536)) != NULL) {
            ssize_t got = pread(map->runs[i].fd, room, left < 65536 ? (size_t)left : 65536, at);
            if (got <= 0)
                break;
            to->size += (size_t)got, at += got, left -= got;
        }
    }
    store_map_close(store, map);
    return true;
}

// Files of one track each say the same number for their own: the kind goes before it.
static int64_t track_number(char kind, uint32_t number)
{
    return (kind == 'v' ? 0 : 1000) + (int64_t)number;
}

static bool track_came(struct db_tx *tx, struct store *store, const char *asset,
                       const sha256 *content, struct span_set set, struct error *err)
{
    struct buf head = BUF_LIMIT(CAMERA_HEAD_BYTES + 65536);
    struct mxf_head m;
    struct error ignored;
    struct span_track tracks[MXF_TRACKS_MOST];
    char package[4 + 2 * sizeof(m.package) + 1] = "mxf ";
    bool ok = head_of(store, content, &head, CAMERA_HEAD_BYTES, err);
    bool track = ok && mxf_read((text){head.at, head.size}, &m, &ignored) && m.atom &&
                 m.has_package && m.track;
    buf_free(&head);
    if (!track)
        return ok;
    for (size_t i = 0; i < sizeof(m.package); i++)
        snprintf(package + 4 + 2 * i, 3, "%02x", m.package[i]);
    for (int i = 0; i < m.track_count; i++)
        tracks[i] = (struct span_track){track_number(m.tracks[i].kind, m.tracks[i].number),
                                        m.tracks[i].kind == 'v'};
    set.package = package;
    set.track = track_number(m.kind, m.track);
    set.tracks = tracks;
    set.count = (size_t)m.track_count;
    return span_atom(tx, asset, &set, err);
}

bool set_found(struct db_tx *tx, struct store *store, const char *asset,
               const struct asset_file *file, struct error *err)
{
    return track_came(tx, store, asset, &file->content, (struct span_set){.over = false}, err);
}

// ---- what lies beside clips

static json_t *row_json(const struct camera_row *row)
{
    json_t *said = json_object();
    const struct {
        const char *name;
        const struct camera_word *word;
    } words[] = {{"reel", &row->reel}, {"timecode", &row->timecode}, {"model", &row->model}};
    for (size_t i = 0; i < 3; i++)
        if (words[i].word->from)
            json_object_set_new(said, words[i].name, json_string(words[i].word->text));
    if (row->rate.num)
        json_object_set_new(said, "rate", json_string(rational_text(row->rate).text));
    if (row->width && row->height) {
        json_object_set_new(said, "width", json_integer(row->width));
        json_object_set_new(said, "height", json_integer(row->height));
    }
    if (row->frames)
        json_object_set_new(said, "frames", json_integer(row->frames));
    return said;
}

bool sidecar_came(struct db_tx *tx, struct store *store, const char *project,
                  const struct asset_file *file, struct error *err)
{
    enum camera_sidecar kind = camera_sidecar_of(file->name);
    struct buf bytes = BUF_LIMIT(CAMERA_SIDECAR_BYTES + 65536);
    struct arena *a = arena_open(256 << 20);
    struct camera_row *rows;
    size_t count;
    struct error ignored; // a document like any other, then
    bool ok = kind == CAMERA_NO_SIDECAR || file->size > CAMERA_SIDECAR_BYTES ||
              head_of(store, &file->content, &bytes, CAMERA_SIDECAR_BYTES, err);
    if (ok && bytes.size &&
        camera_sidecar_read(kind, file->name, (text){bytes.at, bytes.size}, a, &rows, &count,
                            &ignored))
        for (size_t i = 0; ok && i < count; i++) {
            char key[96];
            json_t *row = row_json(&rows[i]);
            camera_key(rows[i].clip.text, key);
            ok = !*key || !json_object_size(row) || original_told(tx, project, key, row, err);
            json_decref(row);
        }
    buf_free(&bytes);
    arena_close(a);
    return ok;
}

// ---- cards

/*
 * A transfer may hold several cards, and a card may come in several transfers. So what came before
 * from the same folder, and was a card or more, is looked at with it: a part that was missing then
 * goes where it belongs, and the index that came first says what is still not there.
 */
enum { KINDS_MOST = 200, CARD_FILES_MOST = 200000, EARLIER_MOST = 20000, CARDS_MOST = 100 };

struct stored {
    const char *path, *asset; // asset NULL: none
    int64_t size;
    sha256 content;
    bool earlier; // came in another transfer
    size_t order;
};

struct coming {
    struct flow *f;
    struct arena *a;
    struct card_kind *kinds[KINDS_MOST];
    size_t kind_count;
    struct stored *all;      // in the order of their paths
    size_t count, own, room; // own: of this transfer
    struct card_file *files;
    size_t *of; // files that are of no card so far: their places in `all`
    size_t left;
};

static bool read_kind(void *context, const struct file_seen *s, bool *enter, struct error *err)
{
    struct coming *c = context;
    struct buf json = BUF_LIMIT(1 << 20);
    *enter = !*s->relative;
    if (s->kind != FILE_PLAIN || !text_ends(text_of(s->relative), ".json") ||
        c->kind_count == KINDS_MOST)
        return true;
    bool ok =
        file_read(s->path, &json, err) &&
        card_kind_read(s->relative, (text){json.at, json.size}, &c->kinds[c->kind_count], err);
    c->kind_count += ok;
    buf_free(&json);
    return ok;
}

static int by_path(const void *path, const void *file)
{
    return strcmp(path, ((const struct stored *)file)->path);
}

static const struct stored *stored_at(const struct coming *c, const char *path)
{
    return bsearch(path, c->all, c->count, sizeof(*c->all), by_path);
}

static int in_order(const void *a, const void *b)
{
    const struct stored *x = a, *y = b;
    int way = strcmp(x->path, y->path);
    return way ? way : x->order < y->order ? -1 : x->order > y->order;
}

static bool read_stored(void *context, const char *path, struct buf *to)
{
    const struct coming *c = context;
    const struct stored *f = stored_at(c, path);
    struct error ignored;
    return f && f->size <= CARD_INDEX_BYTES &&
           head_of(c->f->store, &f->content, to, CARD_INDEX_BYTES, &ignored);
}

static void stored_row(struct coming *c, struct db_rows *rows, bool earlier)
{
    size_t size;
    if (c->count == c->room) {
        size_t room = c->room ? 2 * c->room : 256;
        struct stored *more = ARENA_ARRAY(c->a, struct stored, room);
        if (c->count)
            memcpy(more, c->all, c->count * sizeof(*more));
        c->all = more, c->room = room;
    }
    struct stored *f = &c->all[c->count++];
    const void *content = db_blob(rows, 2, &size);
    *f = (struct stored){.path = arena_text(c->a, db_text(rows, 0)),
                         .size = db_int(rows, 1),
                         .asset = db_text(rows, 3) ? arena_text(c->a, db_text(rows, 3)) : NULL,
                         .earlier = earlier};
    if (content && size == SHA256_SIZE)
        memcpy(f->content.at, content, SHA256_SIZE);
}

// What cards in this folder had before, below one of the folders that this transfer brought.
static bool earlier_in(struct db_tx *tx, struct coming *c, const char *transfer,
                       const char *project, const char *top, const char *folder, struct error *err)
{
    size_t size = strlen(folder);
    char *end = arena_text(c->a, folder); // the first path behind all that are below it
    end[size - 1] = '/' + 1;
    size_t most = c->count + EARLIER_MOST;
    struct db_rows *rows = db_query(
        tx,
        "select f.path, f.size, f.content, f.asset from transfers t join transfer_files f on "
        "f.transfer = t.id join assets a on a.id = f.asset and a.deleted = 0 where t.project = ?1 "
        "and coalesce(t.folder, '') = ?2 and t.id <> ?3 and t.card is not null and t.card not like "
        "'{\"kind\":\"\"%' and f.state = 'stored' and f.path >= ?4 and f.path < ?5 order by "
        "t.created_ms desc, f.path limit ?6",
        "sssssi", project, top, transfer, folder, end, (int64_t)EARLIER_MOST);
    while (db_next(rows) && c->count < most)
        stored_row(c, rows, true);
    return db_end(rows, err);
}

// The same path twice: what came last counts.
static void sort_stored(struct coming *c)
{
    size_t kept = 0;
    // Those of earlier transfers stand newest first; a stable sort keeps that.
    for (size_t i = 0; i < c->count; i++)
        c->all[i].order = i;
    if (c->count)
        qsort(c->all, c->count, sizeof(*c->all), in_order);
    for (size_t i = 0; i < c->count; i++)
        if (!kept || strcmp(c->all[kept - 1].path, c->all[i].path) != 0)
            c->all[kept++] = c->all[i];
    c->count = kept;
}

static bool files_in(struct db_tx *tx, struct coming *c, const char *transfer, const char *project,
                     const char *top, struct error *err)
{
    enum { FOLDERS_MOST = 100 };
    const char *folders[FOLDERS_MOST];
    size_t folder_count = 0;
    c->count = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select path, size, content, asset from transfer_files where transfer = ?1 and "
                 "state = 'stored' order by path limit ?2",
                 "si", transfer, (int64_t)CARD_FILES_MOST);
    while (db_next(rows) && c->count < CARD_FILES_MOST) {
        stored_row(c, rows, false);
        const char *path = c->all[c->count - 1].path, *slash = strchr(path, '/');
        size_t size = slash ? (size_t)(slash - path) + 1 : 0;
        bool known = folder_count && strncmp(folders[folder_count - 1], path, size) == 0;
        if (size && !known && folder_count < FOLDERS_MOST)
            folders[folder_count++] = arena_copy(c->a, path, size);
    }
    bool ok = db_end(rows, err);
    c->own = c->count;
    for (size_t i = 0; ok && i < folder_count; i++)
        ok = earlier_in(tx, c, transfer, project, top, folders[i], err);
    sort_stored(c);
    return ok;
}

static json_t *lines_json(const struct card_lines *lines)
{
    json_t *list = json_array();
    for (size_t i = 0; i < lines->count; i++)
        json_array_append_new(list, json_string(lines->at[i]));
    return list;
}

// Tracks of MXF sets of which some did not come with this transfer; those that are whole are
// versions of several files.
static bool close_sets(struct db_tx *tx, struct coming *c, const char *transfer, struct error *err)
{
    enum { MOST = 2000 };
    struct open_track {
        char asset[27];
        sha256 content;
    } *list = ARENA_ARRAY(c->a, struct open_track, MOST);
    size_t count = 0;
    bool ok = true;
    struct db_rows *rows = db_query(
        tx,
        "select distinct f.asset, f.content from transfer_files f join span_parts s on s.asset = "
        "f.asset join assets a on a.id = f.asset and a.deleted = 0 join versions v on v.id = "
        "a.newest where f.transfer = ?1 and f.state = 'stored' and s.folder = '' and s.span like "
        "'mxf %' and v.file_count = 1 order by f.asset limit ?2",
        "si", transfer, (int64_t)MOST);
    while (db_next(rows) && count < MOST) {
        size_t size;
        const void *content = db_blob(rows, 1, &size);
        if (!content || size != SHA256_SIZE)
            continue;
        text_copy(text_of(db_text(rows, 0)), list[count].asset, sizeof(list[count].asset));
        memcpy(list[count++].content.at, content, SHA256_SIZE);
    }
    ok = db_end(rows, err);
    for (size_t i = 0; ok && i < count; i++)
        ok = track_came(tx, c->f->store, list[i].asset, &list[i].content,
                        (struct span_set){.over = true, .several = c->own > 1}, err);
    return ok;
}

// P2: a recording is clips, here and on other cards.
static bool join_shots(struct db_tx *tx, const struct coming *c, const char *project,
                       const struct card *card, struct error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < card->shot_count; i++) {
        const struct card_shot *s = &card->shots[i];
        const struct stored *f = s->picture ? stored_at(c, s->picture) : NULL;
        const char *asset = f ? f->asset : NULL;
        ok = !asset || span_shot_note(tx, project,
                                      &(struct span_clip){.shot = s->shot,
                                                          .clip = s->clip,
                                                          .id = s->id,
                                                          .offset = s->offset,
                                                          .frames = s->frames,
                                                          .before_id = s->before_id,
                                                          .before = s->before,
                                                          .after_id = s->after_id,
                                                          .after = s->after},
                                      asset, err);
    }
    for (size_t i = 0; ok && i < card->shot_count; i++)
        if (!i || strcmp(card->shots[i].shot, card->shots[i - 1].shot) != 0)
            ok = span_shot(tx, project, card->shots[i].shot, err);
    return ok;
}

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// An asset that is called as one of the clip's files is called as the first of them.
static bool name_clip(struct db_tx *tx, const struct coming *c, const struct card_clip *clip,
                      const char *asset, struct error *err)
{
    bool as_file = false;
    struct db_rows *rows = db_query(tx, "select name from assets where id = ?1", "s", asset);
    const char *name = db_next(rows) ? db_text(rows, 0) : "", *first = NULL;
    if (clip->picture && strcmp(name, last_name(clip->picture)) != 0)
        first = last_name(clip->picture);
    for (size_t i = 0; first && i < clip->file_count && !as_file; i++)
        as_file = strcmp(name, last_name(c->all[c->of[clip->files[i]]].path)) == 0;
    return db_end(rows, err) && (!as_file || asset_change(tx, asset, first, NULL, err));
}

// With the one that was here before: it keeps what people made of it, and has all files in order.
static bool join_later(struct db_tx *tx, struct coming *c, const struct card_clip *clip,
                       const char **list, size_t count, size_t before, const json_t *missing,
                       struct error *err)
{
    sha256 *order = ARENA_ARRAY(c->a, sha256, clip->file_count + 1);
    const char *into = list[before];
    memmove(list + 1, list, before * sizeof(*list));
    list[0] = into;
    for (size_t i = 0; i < clip->file_count; i++)
        order[i] = c->all[c->of[clip->files[i]]].content;
    return span_join_in_order(tx, list, count, "follow", missing, order, clip->file_count, err) &&
           name_clip(tx, c, clip, into, err);
}

// Parts that a camera cut one recording into. RED and GoPro are put together by their names when
// they come, P2 by its material packages and shots.
static bool join_clip(struct db_tx *tx, struct coming *c, const struct card_clip *clip,
                      struct error *err)
{
    const char **list = ARENA_ARRAY(c->a, const char *, clip->file_count + 1);
    size_t count = 0, before = SIZE_MAX, own = 0;
    for (size_t i = 0; i < clip->file_count; i++) {
        const struct stored *f = &c->all[c->of[clip->files[i]]];
        int64_t picture = 0;
        bool again = !f->asset;
        for (size_t k = 0; k < count && !again; k++)
            again = strcmp(list[k], f->asset) == 0;
        if (!again && !db_one_int(tx, &picture, 0, err,
                                  "select count(*) from assets where id = ?1 and kind = 'clip' and "
                                  "deleted = 0",
                                  "s", f->asset))
            return false;
        if (!picture)
            continue;
        own += !f->earlier;
        before = f->earlier && before == SIZE_MAX ? count : before;
        list[count++] = f->asset;
    }
    json_t *missing = lines_json(clip->missing);
    bool lacks = false;
    bool ok = count < 2     ? !count || span_lacks(tx, list[0], &lacks, err)
              : !own        ? true // nothing came of it
              : own < count ? join_later(tx, c, clip, list, count, before, missing, err)
                            : span_join(tx, list, count, "follow", missing, err);
    if (ok && count == 1 && own && !lacks && json_array_size(missing)) // else it knows by itself
        ok = span_say(tx, list[0], "follow", missing, err);
    json_decref(missing);
    return ok;
}

// The folder that the card begins in; "" for the project's top.
static bool card_folder(struct db_tx *tx, const char *project, const char *top,
                        const struct card *card, char folder[27], struct error *err)
{
    size_t size = card->kind ? strlen(card->base) : 0;
    char path[4100];
    id made;
    text_copy(text_of(top), folder, 27);
    if (!size || !text_copy((text){card->base, size - 1}, path, sizeof(path)))
        return true;
    return folder_ensure(tx, project, *top ? top : NULL, path, &made, err) &&
           text_copy(text_of(made.text), folder, 27);
}

static bool card_json(struct db_tx *tx, const char *project, const char *top,
                      const struct card *card, json_t **said, struct error *err)
{
    char folder[27];
    *said = NULL;
    if (!card_folder(tx, project, top, card, folder, err))
        return false;
    *said =
        json_pack("{s:s, s:s, s:I, s:o, s:o, s:s}", "kind", card->kind ? card->kind : "", "title",
                  card->title ? card->title : "", "clips", (json_int_t)card->clip_count, "missing",
                  lines_json(&card->missing), "notes", lines_json(&card->notes), "folder", folder);
    return true;
}

// One card as an object, several as an array.
static bool note_cards(struct db_tx *tx, const char *transfer, json_t *cards, struct error *err)
{
    const json_t *said = json_array_size(cards) == 1 ? json_array_get(cards, 0) : cards;
    char *written = json_dumps(said, JSON_COMPACT);
    bool ok = written ? db_run(tx, err, "update transfers set card = ?2 where id = ?1", "ss",
                               transfer, written)
                      : error_set(err, ERROR_INTERNAL, "what a card lacks can not be written down");
    free(written);
    return ok;
}

static bool join_card(struct db_tx *tx, struct coming *c, const char *project,
                      const struct card *card, struct error *err)
{
    bool ok = true;
    if (strcmp(card->kind, "p2") == 0)
        return join_shots(tx, c, project, card, err);
    bool joins = strcmp(card->kind, "sound") != 0;
    for (size_t i = 0; ok && joins && i < card->clip_count; i++)
        ok = join_clip(tx, c, &card->clips[i], err);
    return ok;
}

// Whether something of it came now.
static bool is_ours(const struct coming *c, const struct card *card)
{
    size_t size = strlen(card->base);
    bool ours = false;
    for (size_t i = 0; i < c->left && !ours; i++)
        ours = !c->all[c->of[i]].earlier && strncmp(c->files[i].path, card->base, size) == 0;
    return ours;
}

static void leave_card(struct coming *c, const struct card *card)
{
    size_t size = strlen(card->base), left = 0;
    for (size_t i = 0; i < c->left; i++) {
        if (strncmp(c->files[i].path, card->base, size) == 0)
            continue;
        c->files[left] = c->files[i];
        c->of[left++] = c->of[i];
    }
    c->left = left;
}

// One card after another, as long as what is of none so far makes one.
static bool each_card(struct db_tx *tx, struct coming *c, const char *project, const char *top,
                      json_t *cards, struct error *err)
{
    bool ok = true, more = true;
    c->files = ARENA_ARRAY(c->a, struct card_file, c->count + 1);
    c->of = ARENA_ARRAY(c->a, size_t, c->count + 1);
    for (c->left = 0; c->left < c->count; c->left++) {
        c->files[c->left] =
            (struct card_file){.path = c->all[c->left].path, .size = c->all[c->left].size};
        c->of[c->left] = c->left;
    }
    while (ok && more && c->kind_count && json_array_size(cards) < CARDS_MOST) {
        struct card card = {.kind = NULL};
        json_t *said;
        card_recognise(&(struct card_wish){.kinds = c->kinds,
                                           .kind_count = c->kind_count,
                                           .files = c->files,
                                           .file_count = c->left,
                                           .read = read_stored,
                                           .context = c},
                       c->a, &card);
        more = card.kind && c->left;
        if (more && is_ours(c, &card)) {
            ok = join_card(tx, c, project, &card, err) &&
                 card_json(tx, project, top, &card, &said, err);
            if (ok)
                json_array_append_new(cards, said);
        }
        if (more)
            leave_card(c, &card);
    }
    return ok;
}

bool card_came(struct flow *f, struct db_tx *tx, const char *transfer, struct error *err)
{
    char place[PATH_MAX];
    struct coming c = {.f = f, .a = arena_open(512 << 20)};
    if (!f->profiles[0] || !path_join(place, sizeof(place), f->profiles, "../cards")) {
        arena_close(c.a);
        return true;
    }
    char project[27] = "", top[27] = "";
    json_t *cards = json_array(), *none = NULL;
    struct db_rows *rows = db_query(
        tx, "select project, coalesce(folder, '') from transfers where id = ?1", "s", transfer);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), project, sizeof(project));
        text_copy(text_of(db_text(rows, 1)), top, sizeof(top));
    }
    // Sets first: what is a file of one then is known by the asset that it went into.
    bool ok = db_end(rows, err) && files_in(tx, &c, transfer, project, top, err) &&
              close_sets(tx, &c, transfer, err) && files_in(tx, &c, transfer, project, top, err);
    // A file alone is no card.
    if (ok && c.count > 1)
        ok = folder_walk(place, &(struct walk_wish){.seen = read_kind, .context = &c}, err);
    ok = ok && each_card(tx, &c, project, top, cards, err);
    if (ok && !json_array_size(cards)) {
        ok = card_json(tx, project, top, &(struct card){.kind = NULL}, &none, err);
        json_array_append_new(cards, none ? none : json_null());
    }
    ok = ok && note_cards(tx, transfer, cards, err);
    json_decref(cards);
    bool listed = false;
    for (size_t i = 0; ok && c.own > 1 && !listed && i < c.count; i++)
        listed = !c.all[i].earlier && list_named(c.all[i].path);
    ok = ok && (listed || lists_lie_beside(tx, transfer, &listed, err)) &&
         (!listed || lists_want(tx, transfer, clock_now_ms(), err));
    for (size_t i = 0; i < c.kind_count; i++)
        card_kind_close(c.kinds[i]);
    arena_close(c.a);
    return ok;
}
