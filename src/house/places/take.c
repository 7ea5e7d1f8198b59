/*
 * Taking: what was seen becomes assets, and versions of them.
 *
 * A folder is planned at a time: its rows are read, numbered pictures of one name are put together,
 * and what rests is taken, some files in one transaction. Each row is looked at again there: if it
 * is not what the plan saw, the next plan sees what it is.
 *
 * A new file that may be one that is gone from elsewhere is that one when inode, size and time are
 * the same; when only its size is, it is hashed before anything is made of it, and is that one when
 * the content is. So an asset keeps its notes wherever its file goes. Where inodes do not last only
 * the content tells.
 *
 * The rest of the house hears of new versions a portion at a time: a million files must not be a
 * million jobs at once.
 */
#include "house/places/inside.h"

#include "formats/sequence/sequence.h"
#include "house/assets/assets.h"
#include "plat/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FOLDER_MOST = 200000,
    MISSING_MOST = 1000,
    TELL_SOME = 100,
    JOBS_WAITING = 200,
    LEAVE_SOME = 200,
    OLD_NAMES_MOST = 20000
};
#define WRITTEN_LONG_AGO_MS 60000
#define SEQUENCE_RESTS_MS 20000 // a render brings its frames one by one

struct seen_file { // a row
    const char *name;
    int64_t size, mtime_ns, inode, since_ms, hashed, member;
    const char *state, *version; // version "": of none
    sha256 content;
    bool has_content;
    struct sequence_name parts; // of numbered pictures
    bool numbered;
};

struct planning {
    struct places *p;
    struct place_run *run;
    const struct place_row *row;
    struct arena *a;
    int64_t after, folder; // folder 0: none is left
    bool listed;           // its files have no rows yet
    bool inodes_last;      // a file can be told by its inode
    const char *path;      // of it
    struct seen_file *list;
    size_t count;
};

static const char *bytes_of(struct arena *a, struct db_rows *rows, int column)
{
    size_t size;
    const void *at = db_blob(rows, column, &size);
    return arena_copy(a, at ? at : "", at ? size : 0);
}

static void file_of(struct arena *a, struct db_rows *rows, struct seen_file *f)
{
    size_t size;
    const void *content = db_blob(rows, 8, &size);
    *f = (struct seen_file){.name = bytes_of(a, rows, 0),
                            .size = db_int(rows, 1),
                            .mtime_ns = db_int(rows, 2),
                            .inode = db_int(rows, 3),
                            .since_ms = db_int(rows, 4),
                            .hashed = db_int(rows, 5),
                            .state = arena_text(a, db_text(rows, 6)),
                            .version = arena_text(a, db_text(rows, 7) ? db_text(rows, 7) : ""),
                            .member = db_int(rows, 9),
                            .has_content = content && size == SHA256_SIZE};
    if (f->has_content)
        memcpy(f->content.at, content, SHA256_SIZE);
    f->numbered = sequence_name_parse(text_of(f->name), &f->parts);
}

static bool next_folder(struct db_tx *tx, void *context, struct error *err)
{
    struct planning *w = context;
    int64_t listed = 0;
    if (!db_one_int(tx, &w->folder, 0, err,
                    "select folder from place_files where place = ?1 and state in ('new', "
                    "'changed') and folder > ?2 order by folder limit 1",
                    "ii", w->row->number, w->after) ||
        !db_one_int(tx, &listed, 0, err,
                    "select folder from place_lists where place = ?1 and folder > ?2 order by "
                    "folder limit 1",
                    "ii", w->row->number, w->after))
        return false;
    w->listed = listed && (!w->folder || listed <= w->folder);
    w->folder = w->listed ? listed : w->folder;
    return true;
}

static bool unpack_in(struct db_tx *tx, void *context, struct error *err)
{
    return list_unpack(tx, ((struct planning *)context)->folder, err);
}

static bool plan_in(struct db_tx *tx, void *context, struct error *err)
{
    struct planning *w = context;
    int64_t count = 0;
    struct db_rows *rows =
        db_query(tx, "select path from place_folders where number = ?1", "i", w->folder);
    w->path = db_next(rows) ? bytes_of(w->a, rows, 0) : "";
    if (!db_end(rows, err) ||
        !db_one_int(tx, &count, 0, err, "select count(*) from place_files where folder = ?1", "i",
                    w->folder))
        return false;
    count = count < FOLDER_MOST ? count : FOLDER_MOST;
    w->list = ARENA_ARRAY(w->a, struct seen_file, (size_t)count + 1);
    w->count = 0;
    rows = db_query(tx,
                    "select name, size, mtime_ns, inode, since_ms, hashed, state, version, "
                    "content, member from place_files where folder = ?1 and state <> 'gone' order "
                    "by state = 'here', name limit ?2",
                    "ii", w->folder, count);
    while (db_next(rows) && (int64_t)w->count < count) {
        struct seen_file *f = &w->list[w->count];
        file_of(w->a, rows, f);
        // Of those that are assets already only numbered pictures matter: they may grow.
        w->count += f->numbered || strcmp(f->state, "here") != 0;
    }
    return db_end(rows, err);
}

// ---- what rests

static int64_t modified_of(const struct seen_file *f) // 0: not known
{
    return f->mtime_ns > 0 ? f->mtime_ns / 1000000 : 0;
}

static bool fresh(const struct seen_file *f)
{
    return strcmp(f->state, "here") != 0;
}

// The clock of a server may be wrong, and ours may jump: what was seen in the future counts as seen
// long ago, since the file itself is looked at once more too.
static bool rests(const struct seen_file *f, int64_t now_ms, int64_t settle_ms)
{
    int64_t written = now_ms - f->mtime_ns / 1000000, seen = now_ms - f->since_ms;
    return written > WRITTEN_LONG_AGO_MS || seen >= settle_ms || seen < 0;
}

static bool still_so(const struct planning *w, const struct seen_file *f)
{
    struct beneath_file is;
    char path[PATH_MAX];
    if (!fresh(f) || clock_now_ms() - f->mtime_ns / 1000000 > WRITTEN_LONG_AGO_MS)
        return true;
    snprintf(path, sizeof(path), "%.3000s%s%.1000s", w->path, *w->path ? "/" : "", f->name);
    volume_ask(w->p, w->run, LANE_LOOK);
    int fd = beneath_open(w->row->path, path, &is);
    volume_answered(w->p, w->run, LANE_LOOK);
    if (fd < 0)
        return fd == -EACCES || fd == -EPERM; // it is seen, if not read
    close(fd);
    return is.size == f->size && is.mtime_ns == f->mtime_ns;
}

// ---- taking, in a transaction

struct old_name { // where a file lay, if it is one that moved
    const struct seen_file *of;
    int64_t folder;
    const char *name, *path;
};

struct taking {
    struct planning *plan;
    const struct seen_file *files; // of one sequence, or each for itself
    size_t count;
    bool together, moves; // moves: something is gone
    struct place_counts counts;
    char folder[27]; // of the project
    struct arena *a;
    struct old_name *old; // those that are not there any more
    size_t old_count;
    bool any;
};

// Names that people and the API can not take are changed as little as they can be.
static const char *name_for(struct arena *a, const char *name)
{
    const char *shown = place_shown(a, name);
    size_t size = strlen(shown);
    if (size > 255) {
        const char *dot = strrchr(shown, '.');
        size_t tail = dot && size - (size_t)(dot - shown) < 32 ? size - (size_t)(dot - shown) : 0;
        size_t keep = 255 - tail;
        while (keep > 0 && ((unsigned char)shown[keep] & 0xc0) == 0x80)
            keep--;
        shown = arena_format(a, "%.*s%s", (int)keep, shown, tail ? dot : "");
    }
    return text_trim(text_of(shown)).size ? shown : arena_format(a, "_%s", shown);
}

static const char *path_of(struct arena *a, const char *folder, const char *name)
{
    return *folder ? arena_format(a, "%s/%s", folder, name) : name;
}

static bool folder_there(struct db_tx *tx, const char *project, const char *folder, bool *there,
                         struct error *err)
{
    int64_t count = 0;
    bool ok = !*folder ||
              db_one_int(tx, &count, 0, err, "select 1 from folders where id = ?1 and project = ?2",
                         "ss", folder, project);
    *there = count > 0;
    return ok;
}

// The project's folder that shows a folder of the place; made where it is missing, also after
// somebody has removed it.
static bool folder_in(struct db_tx *tx, struct taking *w, int64_t number, char folder[27],
                      struct error *err)
{
    const struct place_row *row = w->plan->row;
    char above[27] = "", known[27] = "", name[256] = "";
    int64_t parent = 0;
    bool there;
    id made;
    struct db_rows *rows = db_query(
        tx, "select folder, coalesce(parent, 0), name from place_folders where number = ?1", "i",
        number);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), known, sizeof(known));
        parent = db_int(rows, 1);
        text_copy(text_of(name_for(w->a, bytes_of(w->a, rows, 2))), name, sizeof(name));
    }
    if (!db_end(rows, err))
        return false;
    if (!parent)
        memcpy(known, row->folder, sizeof(known));
    if (!folder_there(tx, row->project, known, &there, err))
        return false;
    memcpy(folder, there ? known : "", there ? 27 : 1);
    if (there || !parent)
        return true;
    if (!folder_in(tx, w, parent, above, err) ||
        !folder_ensure(tx, row->project, above, name, &made, err))
        return false;
    memcpy(folder, made.text, 27);
    return db_run(tx, err, "update place_folders set folder = ?2 where number = ?1", "is", number,
                  folder);
}

// Is the row what the plan saw?
static bool row_same(struct db_tx *tx, const struct taking *w, const struct seen_file *f,
                     bool *same, struct error *err)
{
    int64_t count = 0;
    bool ok = db_one_int(tx, &count, 0, err,
                         "select count(*) from place_files where folder = ?1 and name = ?2 and "
                         "size = ?3 and mtime_ns = ?4 and state = ?5 and hashed = ?6",
                         "ibiisi", w->plan->folder, f->name, strlen(f->name), f->size, f->mtime_ns,
                         f->state, f->hashed);
    *same = count > 0;
    return ok;
}

// The content that stands for the file, or is its own.
static bool content_for(struct db_tx *tx, const struct taking *w, const struct seen_file *f,
                        sha256 *content, bool *hashed, struct error *err)
{
    const struct place_row *row = w->plan->row;
    struct place_hash none = {.content = sha256_of("", 0)};
    *hashed = f->has_content || !f->size;
    *content = f->has_content ? f->content
               : !f->size     ? none.content
                          : place_content(row->id, path_of(w->a, w->plan->path, f->name), f->size,
                                          f->mtime_ns, (uint64_t)f->inode);
    return f->has_content || (!f->size ? place_record_hashed(tx, row->id, &none, err)
                                       : place_record(tx, content, f->size, err));
}

static bool row_is(struct db_tx *tx, struct taking *w, const struct seen_file *f,
                   const sha256 *content, int64_t hashed, const char *version, int64_t member,
                   struct error *err)
{
    place_counted(&w->counts, f->state, f->hashed, f->size, -1);
    place_counted(&w->counts, "here", hashed, f->size, 1);
    return db_run(tx, err,
                  "update place_files set state = 'here', content = ?3, hashed = ?4, version = ?5, "
                  "member = ?6 where folder = ?1 and name = ?2",
                  "ibbisi", w->plan->folder, f->name, strlen(f->name), (const void *)content->at,
                  (size_t)SHA256_SIZE, hashed, version, member);
}

static bool version_placed(struct db_tx *tx, struct taking *w, const struct asset_made *made,
                           const char *name, int64_t bytes, int64_t unhashed, struct error *err)
{
    return db_run(tx, err,
                  "insert into place_versions (version, asset, place, path, bytes, unhashed, "
                  "state, since_ms, seen_ms, told, keep) values (?1, ?2, ?3, ?4, ?5, ?6, 'here', "
                  "?7, 0, 0, 0)",
                  "ssisiii", made->version.text, made->asset.text, w->plan->row->number,
                  place_shown(w->a, path_of(w->a, w->plan->path, name)), bytes, unhashed,
                  clock_now_ms()) &&
           db_run(tx, err, "update projects set place_bytes = place_bytes + ?2 where id = ?1", "si",
                  w->plan->row->project, bytes);
}

// ---- what was moved

struct gone_file {
    int64_t folder, place, hashed, member;
    const char *name, *version;
    sha256 content;
    bool found, here; // here: it was not missed yet
    bool maybe;       // one of the same size is gone; the content will tell
};

static void gone_row(struct taking *w, struct db_rows *rows, struct gone_file *g)
{
    size_t size;
    const void *content = db_blob(rows, 5, &size);
    *g = (struct gone_file){.folder = db_int(rows, 0),
                            .name = bytes_of(w->a, rows, 1),
                            .hashed = db_int(rows, 2),
                            .member = db_int(rows, 3),
                            .version = arena_text(w->a, db_text(rows, 4)),
                            .place = db_int(rows, 8),
                            .found = true};
    if (content && size == SHA256_SIZE)
        memcpy(g->content.at, content, SHA256_SIZE);
}

// The same file under its old name, which nobody has missed yet: the folder that it came to was
// looked at first. Whether it is there was looked at before the transaction.
static bool moved_just_now(struct db_tx *tx, struct taking *w, const struct seen_file *f,
                           struct gone_file *g, struct error *err)
{
    for (size_t i = 0; i < w->old_count && !g->found; i++) {
        const struct old_name *o = &w->old[i];
        if (o->of != f)
            continue;
        struct db_rows *rows = db_query(
            tx,
            "select folder, name, hashed, member, version, content, mtime_ns, inode, place from "
            "place_files where folder = ?1 and name = ?2 and inode = ?3 and size = ?4 and mtime_ns "
            "= ?5 and state = 'here' and content is not null and version is not null",
            "ibiii", o->folder, o->name, strlen(o->name), f->inode, f->size, f->mtime_ns);
        if (db_next(rows)) {
            gone_row(w, rows, g);
            g->here = true;
        }
        if (!db_end(rows, err))
            return false;
    }
    return true;
}

static bool old_names_in(struct db_tx *tx, void *context, struct error *err)
{
    struct taking *w = context;
    bool ok = true;
    w->old_count = 0;
    for (size_t i = 0; ok && i < w->count; i++) {
        const struct seen_file *f = &w->files[i];
        if (!f->size || *f->version)
            continue;
        struct db_rows *rows = db_query(
            tx,
            "select g.folder, g.name, d.path from place_files g join place_folders d on d.number = "
            "g.folder where g.inode = ?1 and g.content is not null and g.version is not null and "
            "g.size = ?2 and g.mtime_ns = ?3 and g.place = ?4 and g.state = 'here'",
            "iiii", f->inode, f->size, f->mtime_ns, w->plan->row->number);
        while (w->old_count < OLD_NAMES_MOST && db_next(rows)) {
            const char *name = bytes_of(w->a, rows, 1);
            w->old[w->old_count++] = (struct old_name){
                f, db_int(rows, 0), name, path_of(w->a, bytes_of(w->a, rows, 2), name)};
        }
        ok = db_end(rows, err);
    }
    return ok;
}

// Files of this place that are known under other names, and are not there under these: while the
// place is what it was.
static bool old_names(struct taking *w, struct error *err)
{
    const struct planning *plan = w->plan;
    size_t missed = 0;
    uint64_t inode;
    if (!plan->inodes_last)
        return true;
    w->old = ARENA_ARRAY(w->a, struct old_name, OLD_NAMES_MOST);
    if (!db_read(plan->p->db, old_names_in, w, err))
        return false;
    for (size_t i = 0; i < w->old_count && places_go_on(plan->p); i++) {
        struct beneath_file is;
        volume_ask(plan->p, plan->run, LANE_LOOK);
        int fd = beneath_open(plan->row->path, w->old[i].path, &is);
        if (fd >= 0)
            close(fd);
        volume_answered(plan->p, plan->run, LANE_LOOK);
        if (fd == -ENOENT)
            w->old[missed++] = w->old[i];
    }
    w->old_count = missed;
    if (!missed)
        return true;
    volume_ask(plan->p, plan->run, LANE_LOOK);
    int code = beneath_ask(plan->row->path, &inode);
    volume_answered(plan->p, plan->run, LANE_LOOK);
    if (code < 0 || (plan->row->root_inode && (int64_t)inode != plan->row->root_inode))
        w->old_count = 0;
    return true;
}

static bool gone_like(struct db_tx *tx, struct taking *w, const struct seen_file *f,
                      struct gone_file *g, struct error *err)
{
    *g = (struct gone_file){0};
    if (!moved_just_now(tx, w, f, g, err))
        return false;
    if (g->found || !w->moves)
        return true;
    struct db_rows *rows = db_query(
        tx,
        "select g.folder, g.name, g.hashed, g.member, g.version, g.content, g.mtime_ns, g.inode, "
        "g.place from place_files g join places p on p.number = g.place where g.state = 'gone' and "
        "g.size = ?1 and g.content is not null and g.version is not null and p.project = ?2 order "
        "by g.since_ms desc limit 1000", // of several names of one file the one that went last
        "is", f->size, w->plan->row->project);
    while (!g->found && db_next(rows)) {
        size_t size;
        const void *content = db_blob(rows, 5, &size);
        bool hashed = db_int(rows, 2) == 1;
        bool same_one = w->plan->inodes_last && db_int(rows, 6) == f->mtime_ns &&
                        db_int(rows, 7) == f->inode && db_int(rows, 8) == w->plan->row->number;
        bool same_bytes = hashed && f->has_content && content && size == SHA256_SIZE &&
                          memcmp(content, f->content.at, SHA256_SIZE) == 0;
        g->maybe = g->maybe || hashed;
        if (same_one || same_bytes)
            gone_row(w, rows, g);
    }
    return db_end(rows, err);
}

// The asset goes where its file went, under the new name if it still had the old one.
static bool asset_follows(struct db_tx *tx, struct taking *w, const struct gone_file *g,
                          const struct seen_file *f, struct error *err)
{
    char asset[27] = "", name[256] = "";
    int64_t files = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select a.id, a.name, v.file_count from versions v join assets a on a.id = "
                 "v.asset where v.id = ?1 and a.newest = v.id",
                 "s", g->version);
    if (db_next(rows)) {
        text_copy(text_of(db_text(rows, 0)), asset, sizeof(asset));
        text_copy(text_of(db_text(rows, 1)), name, sizeof(name));
        files = db_int(rows, 2);
    }
    if (!db_end(rows, err))
        return false;
    if (!*asset || (files > 1 && g->member > 1))
        return true;
    bool named = files == 1 && strcmp(name, name_for(w->a, g->name)) == 0;
    return asset_change(tx, asset, named ? name_for(w->a, f->name) : NULL, w->folder, err);
}

static bool take_moved(struct db_tx *tx, struct taking *w, const struct gone_file *g,
                       const struct seen_file *f, struct error *err)
{
    struct place_counts gone = {0};
    place_counted(&gone, g->here ? "here" : "gone", g->hashed, f->size, -1);
    return place_count(tx, g->place, &gone, err) &&
           db_run(tx, err, "delete from place_files where folder = ?1 and name = ?2", "ib",
                  g->folder, g->name, strlen(g->name)) &&
           row_is(tx, w, f, &g->content, g->hashed == 8 ? 0 : g->hashed, g->version, g->member,
                  err) &&
           db_run(tx, err, "update version_files set name = ?3 where version = ?1 and number = ?2",
                  "sis", g->version, g->member, name_for(w->a, f->name)) &&
           db_run(tx, err,
                  "update place_versions set place = ?2, path = case ?4 when 1 then ?3 else path "
                  "end where version = ?1",
                  "sisi", g->version, w->plan->row->number,
                  place_shown(w->a, path_of(w->a, w->plan->path, f->name)), g->member) &&
           db_run(tx, err,
                  "update place_versions set state = 'here', since_ms = ?2 where version = ?1 and "
                  "state = 'gone' and not exists (select 1 from place_files f where f.version = "
                  "?1 and f.state = 'gone')",
                  "si", g->version, clock_now_ms()) &&
           asset_follows(tx, w, g, f, err);
}

// ---- assets and versions

static struct asset_wish wish_of(const struct taking *w)
{
    return (struct asset_wish){.project = w->plan->row->project,
                               .folder = w->folder,
                               .by = w->plan->row->made_by,
                               .untold = true};
}

static bool asset_of(struct db_tx *tx, const char *version, char asset[27], struct error *err)
{
    struct db_rows *rows = db_query(tx, "select asset from versions where id = ?1", "s", version);
    text_copy(text_of(db_next(rows) ? db_text(rows, 0) : ""), asset, 27);
    return db_end(rows, err);
}

// `of`: whose further version it is; "": by its name, or of none.
static bool add(struct db_tx *tx, const char *of, const struct asset_wish *wish,
                struct asset_made *made, struct error *err)
{
    char asset[27] = "";
    if (!*of && !asset_by_version_name(tx, wish->project, wish->folder, wish->name, asset, err))
        return false;
    of = *of ? of : asset;
    return *of ? version_add(tx, of, wish, made, err) : asset_add(tx, wish, made, err);
}

static bool take_one(struct db_tx *tx, struct taking *w, const struct seen_file *f,
                     struct error *err)
{
    struct asset_wish wish = wish_of(w);
    struct asset_file file = {
        .name = name_for(w->a, f->name), .size = f->size, .modified_ms = modified_of(f)};
    struct asset_made made;
    char asset[27] = "";
    bool hashed;
    if (!content_for(tx, w, f, &file.content, &hashed, err) ||
        (*f->version && !asset_of(tx, f->version, asset, err)))
        return false;
    wish.name = file.name;
    wish.kind = f->size ? asset_kind_of_name(file.name) : "document";
    wish.files = &file;
    wish.file_count = 1;
    return add(tx, asset, &wish, &made, err) &&
           row_is(tx, w, f, &file.content, hashed, made.version.text, 1, err) &&
           version_placed(tx, w, &made, f->name, f->size, !hashed, err);
}

static json_t *sequence_fact(const struct seen_file *list, size_t count)
{
    char pattern[256] = "";
    json_t *missing = json_array();
    (void)!sequence_pattern(&list[0].parts, pattern, sizeof(pattern));
    for (size_t i = 1; i < count; i++)
        for (int64_t n = list[i - 1].parts.number + 1;
             n < list[i].parts.number && json_array_size(missing) < MISSING_MOST; n++)
            json_array_append_new(missing, json_integer(n));
    return json_pack("{s:I,s:I,s:I,s:o,s:i,s:s}", "first", (json_int_t)list[0].parts.number, "last",
                     (json_int_t)list[count - 1].parts.number, "count", (json_int_t)count,
                     "missing", missing, "padding", list[0].parts.padding, "pattern", pattern);
}

static bool sequence_facts(struct db_tx *tx, const struct taking *w, char **written,
                           struct error *err)
{
    char rate[32] = "24/1";
    struct db_rows *rows = db_query(tx, "select sequence_rate from projects where id = ?1", "s",
                                    w->plan->row->project);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), rate, sizeof(rate));
    if (!db_end(rows, err))
        return false;
    json_t *facts = json_pack(
        "{s:s,s:s,s:I,s:s,s:b,s:s,s:[],s:[],s:[],s:o,s:[],s:s,s:{}}", "container", "image sequence",
        "kind", "sequence", "duration_frames", (json_int_t)w->count, "rate", rate, "vfr", 0,
        "rate_from", "project", "video", "audio", "captions", "sequence",
        sequence_fact(w->files, w->count), "damage", "duration_text", "", "tags");
    *written = facts ? json_dumps(facts, JSON_COMPACT) : NULL;
    json_decref(facts);
    return *written || error_set(err, ERROR_INPUT, "the name of a sequence is not UTF-8");
}

// Frames that are an asset's already, with those that came or changed, are its next version.
static bool take_sequence(struct db_tx *tx, struct taking *w, struct error *err)
{
    struct asset_wish wish = wish_of(w);
    struct asset_file *files = ARENA_ARRAY(w->a, struct asset_file, w->count);
    bool *hashed = ARENA_ARRAY(w->a, bool, w->count), ok = true;
    char pattern[256], asset[27] = "", *facts = NULL;
    struct asset_made made;
    int64_t bytes = 0, unhashed = 0;
    for (size_t i = 0; ok && i < w->count; i++) {
        const struct seen_file *f = &w->files[i];
        files[i] = (struct asset_file){
            .name = name_for(w->a, f->name), .size = f->size, .modified_ms = modified_of(f)};
        ok = content_for(tx, w, f, &files[i].content, &hashed[i], err) &&
             (!*f->version || *asset || asset_of(tx, f->version, asset, err));
        hashed[i] = fresh(f) ? hashed[i] : f->hashed == 1;
        bytes += f->size;
        unhashed += !hashed[i];
    }
    if (!sequence_pattern(&w->files[0].parts, pattern, sizeof(pattern)))
        text_copy(text_of(w->files[0].name), pattern, sizeof(pattern));
    ok = ok && sequence_facts(tx, w, &facts, err);
    wish.name = name_for(w->a, pattern);
    wish.kind = "sequence";
    wish.files = files;
    wish.file_count = w->count;
    wish.facts = facts;
    ok = ok && add(tx, asset, &wish, &made, err) &&
         version_placed(tx, w, &made, w->files[0].name, bytes, unhashed, err);
    for (size_t i = 0; ok && i < w->count; i++)
        ok = row_is(tx, w, &w->files[i], &files[i].content, hashed[i], made.version.text,
                    (int64_t)i + 1, err);
    free(facts);
    return ok;
}

static bool hash_first(struct db_tx *tx, const struct taking *w, const struct seen_file *f,
                       struct error *err)
{
    return db_run(tx, err,
                  "update place_files set hashed = 2, wanted = 1 where folder = ?1 and name = ?2",
                  "ib", w->plan->folder, f->name, strlen(f->name));
}

static bool take_each(struct db_tx *tx, struct taking *w, struct error *err)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct seen_file *f = &w->files[i];
        struct gone_file g = {0};
        bool same;
        if (!row_same(tx, w, f, &same, err))
            return false;
        if (!same)
            continue;
        if (f->size && !*f->version && !gone_like(tx, w, f, &g, err))
            return false;
        bool wait = !g.found && g.maybe && !f->has_content && f->hashed != -1;
        w->any = true;
        if (!(g.found ? take_moved(tx, w, &g, f, err)
              : wait  ? hash_first(tx, w, f, err)
                      : take_one(tx, w, f, err)))
            return false;
    }
    return true;
}

// When frames of it were moved here, only they are taken now: the others then join them.
static bool take_together(struct db_tx *tx, struct taking *w, struct error *err)
{
    bool same = true, moved = false;
    for (size_t i = 0; same && i < w->count; i++)
        if (!row_same(tx, w, &w->files[i], &same, err))
            return false;
    for (size_t i = 0; same && i < w->count; i++) {
        struct gone_file g = {0};
        if (*w->files[i].version)
            continue;
        if (!gone_like(tx, w, &w->files[i], &g, err) ||
            (g.found && !take_moved(tx, w, &g, &w->files[i], err)))
            return false;
        moved = moved || g.found;
    }
    w->any = same;
    return !same || moved || take_sequence(tx, w, err);
}

static bool take_in(struct db_tx *tx, void *context, struct error *err)
{
    struct taking *w = context;
    struct place_row now;
    int64_t gone = 0;
    w->counts = (struct place_counts){0};
    w->any = false;
    if (!place_row(tx, w->plan->row->id, &now, err) ||
        !db_one_int(tx, &gone, 0, err,
                    "select count(*) from places where project = ?1 and gone > 0", "s",
                    now.project) ||
        !folder_in(tx, w, w->plan->folder, w->folder, err))
        return false;
    w->moves = gone > 0;
    return (w->together ? take_together(tx, w, err) : take_each(tx, w, err)) &&
           place_count(tx, now.number, &w->counts, err) && place_say(tx, &now, err);
}

static bool take_some(struct planning *plan, const struct seen_file *files, size_t count,
                      bool together, bool *any, struct error *err)
{
    struct taking w = {.plan = plan,
                       .files = files,
                       .count = count,
                       .together = together,
                       .a = arena_open((size_t)512 << 20)};
    bool ok = !count || (old_names(&w, err) && db_write(plan->p->db, take_in, &w, err));
    *any = *any || (ok && w.any);
    arena_close(w.a);
    return ok;
}

// ---- planning a folder

static int text_order(text a, text b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.at, b.at, size) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

// Numbered pictures first, those of one name beside each other in the order of their numbers.
static int by_sequence(const void *one, const void *two)
{
    const struct seen_file *a = one, *b = two;
    if (!a->numbered || !b->numbered)
        return a->numbered != b->numbered ? b->numbered - a->numbered : strcmp(a->name, b->name);
    int order = text_order(a->parts.before, b->parts.before);
    if (!order)
        order = text_order(a->parts.after, b->parts.after);
    if (!order)
        order = (a->parts.number > b->parts.number) - (a->parts.number < b->parts.number);
    return order ? order : strcmp(a->name, b->name);
}

static bool may_be_taken(const struct planning *w, const struct seen_file *f, int64_t now_ms,
                         int64_t settle_ms)
{
    return f->hashed != 2 && rests(f, now_ms, settle_ms) && still_so(w, f);
}

// Pictures list[from..to) are of one name. A picture that is an asset by itself stays one.
static bool take_run(struct planning *w, size_t from, size_t to, struct seen_file *rest,
                     size_t *rest_count, bool *any, struct error *err)
{
    int64_t now = clock_now_ms();
    size_t kept = from, news = 0, taken = 0;
    bool rest_all = true;
    for (size_t i = from; i < to; i++) {
        news += fresh(&w->list[i]);
        taken += *w->list[i].version && w->list[i].member > 1;
        rest_all = rest_all &&
                   (!fresh(&w->list[i]) || may_be_taken(w, &w->list[i], now, SEQUENCE_RESTS_MS));
    }
    // It is of several files already, or is all new.
    for (size_t i = from; i < to; i++)
        if (taken || !*w->list[i].version)
            w->list[kept++] = w->list[i];
        else if (fresh(&w->list[i]) && may_be_taken(w, &w->list[i], now, w->p->settle_ms))
            rest[(*rest_count)++] = w->list[i];
    if (!news || !rest_all || kept == from)
        return true;
    if (kept - from > 1)
        return take_some(w, w->list + from, kept - from, true, any, err);
    rest[(*rest_count)++] = w->list[from];
    return true;
}

static bool take_folder(struct planning *w, bool *any, struct error *err)
{
    struct seen_file *rest = ARENA_ARRAY(w->a, struct seen_file, w->count + 1);
    size_t rest_count = 0, next;
    int64_t now = clock_now_ms();
    bool ok = true;
    qsort(w->list, w->count, sizeof(*w->list), by_sequence);
    for (size_t i = 0; ok && i < w->count; i = next) {
        next = i + 1;
        while (w->list[i].numbered && next < w->count && w->list[next].numbered &&
               sequence_same(&w->list[next - 1].parts, &w->list[next].parts) &&
               w->list[next].parts.number != w->list[next - 1].parts.number)
            next++;
        if (next - i > 1)
            ok = take_run(w, i, next, rest, &rest_count, any, err);
        else if (fresh(&w->list[i]) && may_be_taken(w, &w->list[i], now, w->p->settle_ms))
            rest[rest_count++] = w->list[i];
    }
    for (size_t i = 0; ok && i < rest_count && places_go_on(w->p); i += TAKE_FILES)
        ok = take_some(w, rest + i, rest_count - i < TAKE_FILES ? rest_count - i : TAKE_FILES,
                       false, any, err);
    return ok;
}

bool places_take(struct places *p, const char *place, bool *more, struct error *err)
{
    struct place_row row;
    struct place_run *run = place_run(p, place);
    *more = false;
    if (!run)
        return error_set(err, ERROR_TOO_MANY, "the house has too many places");
    struct planning w = {.p = p, .row = &row, .run = run, .a = arena_open((size_t)1 << 30)};
    bool any = false, ok = place_row_read(p, place, &row, err);
    w.after = run->take_after;
    volume_ask(p, run, LANE_LOOK);
    w.inodes_last = ok && beneath_inodes_last(row.path);
    volume_answered(p, run, LANE_LOOK);
    ok = ok && db_read(p->db, next_folder, &w, err) &&
         (!w.listed || db_write(p->db, unpack_in, &w, err)) &&
         (!w.folder || (db_read(p->db, plan_in, &w, err) && take_folder(&w, &any, err)));
    run->take_after = w.folder; // one that could not be taken does not hold up the others
    *more = w.folder != 0;
    arena_close(w.a);
    return ok;
}

// ---- telling the rest of the house

struct telling {
    struct arena *a;
    int64_t waiting;
    const char *list[TELL_SOME];
    size_t count;
};

static bool tell_look(struct db_tx *tx, void *context, struct error *err)
{
    struct telling *w = context;
    w->count = 0;
    if (!db_one_int(tx, &w->waiting, 0, err,
                    "select count(*) from (select 1 from jobs where state = 'waiting' and kind in "
                    "('probe', 'proxy') limit ?1) some",
                    "i", (int64_t)JOBS_WAITING))
        return false;
    struct db_rows *rows = db_query(
        tx,
        "select v.version from place_versions v join places p on p.number = v.place where v.told = "
        "0 and p.state = 'online' limit ?1",
        "i", (int64_t)TELL_SOME);
    while (db_next(rows) && w->count < TELL_SOME)
        w->list[w->count++] = arena_text(w->a, db_text(rows, 0));
    return db_end(rows, err);
}

static bool tell_in(struct db_tx *tx, void *context, struct error *err)
{
    struct telling *w = context;
    for (size_t i = 0; i < w->count; i++)
        if (!version_tell(tx, w->list[i], err) ||
            !db_run(tx, err, "update place_versions set told = 1 where version = ?1", "s",
                    w->list[i]))
            return false;
    return true;
}

bool places_tell(struct places *p, struct error *err)
{
    struct telling w = {.a = arena_open((size_t)1 << 20)};
    bool ok = db_read(p->db, tell_look, &w, err) &&
              (!w.count || w.waiting >= JOBS_WAITING || db_write(p->db, tell_in, &w, err));
    arena_close(w.a);
    return ok;
}

// ---- forgetting

struct leaving {
    const struct place_row *row;
    bool more;
};

static bool leave_assets(struct db_tx *tx, const struct place_row *row, bool *any,
                         struct error *err)
{
    json_t *assets = json_array(), *versions = json_array();
    int64_t count;
    struct db_rows *rows =
        db_query(tx, "select asset, version from place_versions where place = ?1 limit ?2", "ii",
                 row->number, (int64_t)LEAVE_SOME);
    while (db_next(rows)) {
        json_array_append_new(assets, json_string(db_text(rows, 0)));
        json_array_append_new(versions, json_string(db_text(rows, 1)));
    }
    *any = json_array_size(assets) > 0;
    bool ok = db_end(rows, err) && assets_delete(tx, row->project, assets, true, &count, err);
    for (size_t i = 0; ok && i < json_array_size(versions); i++)
        ok = db_run(tx, err, "delete from place_versions where version = ?1", "s",
                    json_string_value(json_array_get(versions, i)));
    json_decref(assets);
    json_decref(versions);
    return ok;
}

static bool leave_in(struct db_tx *tx, void *context, struct error *err)
{
    struct leaving *w = context;
    int64_t folder = 0;
    if (!leave_assets(tx, w->row, &w->more, err) || w->more)
        return err->kind == ERROR_NONE;
    if (!db_one_int(
            tx, &folder, 0, err,
            "select number from place_folders where place = ?1 order by number desc limit 1", "i",
            w->row->number))
        return false;
    w->more = folder != 0;
    if (folder)
        return db_run(tx, err, "delete from place_files where folder = ?1", "i", folder) &&
               db_run(tx, err, "delete from place_lists where folder = ?1", "i", folder) &&
               db_run(tx, err, "delete from place_folders where number = ?1", "i", folder);
    return place_say(tx, w->row, err) &&
           db_run(tx, err, "delete from places where number = ?1", "i", w->row->number);
}

bool places_leave(struct places *p, const struct place_row *row, bool *more, struct error *err)
{
    struct leaving w = {.row = row};
    bool ok = db_write(p->db, leave_in, &w, err);
    *more = ok && w.more;
    return ok;
}
