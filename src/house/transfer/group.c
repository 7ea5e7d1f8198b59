/*
 * What stored files become: assets, and numbered pictures together a sequence.
 *
 * Members of one sequence lie in one folder and have the same text around the number, and a padding
 * that fits (formats/sequence). Missing numbers are kept as facts; they are no error here, because
 * a render may still be going on and somebody may have wanted it so.
 */
#include "house/transfer/inside.h"

#include "formats/camera/camera.h"
#include "formats/sequence/sequence.h"
#include "house/assets/assets.h"
#include "house/assets/spans.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WAITING_MOST = 200000, MISSING_MOST = 1000 };

static text name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return text_of(slash ? slash + 1 : path);
}

static text folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (text){path, (size_t)(slash - path)} : (text){"", 0};
}

// What people will call it, before anything has looked inside: the probe may know better.
static const char *kind_of(text name)
{
    static const struct {
        const char *ending, *kind;
    } kinds[] = {
        {"mov", "clip"},     {"mp4", "clip"},      {"m4v", "clip"},      {"mxf", "clip"},
        {"mkv", "clip"},     {"webm", "clip"},     {"avi", "clip"},      {"ts", "clip"},
        {"mts", "clip"},     {"m2ts", "clip"},     {"m2t", "clip"},      {"mpg", "clip"},
        {"mpeg", "clip"},    {"vob", "clip"},      {"3gp", "clip"},      {"wmv", "clip"},
        {"flv", "clip"},     {"dv", "clip"},       {"y4m", "clip"},      {"ogv", "clip"},
        {"r3d", "clip"},     {"braw", "clip"},     {"ari", "clip"},      {"arx", "clip"},
        {"crm", "clip"},     {"h264", "clip"},     {"h265", "clip"},     {"hevc", "clip"},
        {"264", "clip"},     {"265", "clip"},      {"gif", "clip"},      {"wav", "sound"},
        {"bwf", "sound"},    {"rf64", "sound"},    {"w64", "sound"},     {"aif", "sound"},
        {"aiff", "sound"},   {"flac", "sound"},    {"mp3", "sound"},     {"m4a", "sound"},
        {"aac", "sound"},    {"ogg", "sound"},     {"opus", "sound"},    {"ac3", "sound"},
        {"eac3", "sound"},   {"ec3", "sound"},     {"caf", "sound"},     {"exr", "still"},
        {"dpx", "still"},    {"cin", "still"},     {"tif", "still"},     {"tiff", "still"},
        {"png", "still"},    {"jpg", "still"},     {"jpeg", "still"},    {"jp2", "still"},
        {"j2k", "still"},    {"tga", "still"},     {"bmp", "still"},     {"webp", "still"},
        {"heic", "still"},   {"dng", "still"},     {"psd", "still"},     {"srt", "captions"},
        {"vtt", "captions"}, {"scc", "captions"},  {"mcc", "captions"},  {"stl", "captions"},
        {"itt", "captions"}, {"ttml", "captions"}, {"dfxp", "captions"},
    };
    size_t dot = name.size;
    while (dot > 0 && name.at[dot - 1] != '.')
        dot--;
    if (dot < 2)
        return "document";
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strlen(kinds[i].ending) == name.size - dot &&
            strncasecmp(name.at + dot, kinds[i].ending, name.size - dot) == 0)
            return kinds[i].kind;
    return "document";
}

bool file_waits(const char *path)
{
    struct sequence_name parts;
    struct camera_span span;
    return sequence_name_parse(name_of(path), &parts) || camera_span(path, &span);
}

// The folder that a file belongs in; "" for the top.
static bool place_folder(struct db_tx *tx, struct grow_place *p, text folder, const char **found,
                         struct error *err)
{
    *found = p->folder ? p->folder : "";
    if (!folder.size || p->asset)
        return true;
    if (p->last_folder[0] && text_is(folder, p->last_path)) {
        *found = p->last_folder;
        return true;
    }
    char path[sizeof(p->last_path)];
    id made;
    if (!text_copy(folder, path, sizeof(path)))
        return error_set(err, ERROR_INPUT, "a folder's path is too long");
    if (!folder_ensure(tx, p->project, *found, path, &made, err))
        return false;
    memcpy(p->last_path, path, sizeof(p->last_path));
    memcpy(p->last_folder, made.text, sizeof(p->last_folder));
    *found = p->last_folder;
    return true;
}

static bool add(struct db_tx *tx, const struct grow_place *p, const struct asset_wish *wish,
                struct asset_made *made, struct error *err)
{
    char asset[27] = "";
    if (!p->asset &&
        !asset_by_version_name(tx, wish->project, wish->folder, wish->name, asset, err))
        return false;
    const char *of = p->asset ? p->asset : asset[0] ? asset : NULL;
    return of ? version_add(tx, of, wish, made, err) : asset_add(tx, wish, made, err);
}

static bool mark(struct db_tx *tx, const char *file, const char *asset, struct error *err)
{
    return db_run(tx, err, "update transfer_files set asset = ?2 where id = ?1", "ss", file, asset);
}

bool grow_one(struct db_tx *tx, struct grow_place *p, const struct grown *f, struct error *err)
{
    text name = name_of(f->path);
    const char *folder;
    char plain[256];
    struct asset_made made;
    if (!place_folder(tx, p, folder_of(f->path), &folder, err) ||
        !text_copy(name, plain, sizeof(plain)))
        return false;
    struct asset_file file = {
        .name = plain, .content = f->content, .size = f->size, .modified_ms = f->modified_ms};
    struct asset_wish wish = {.project = p->project,
                              .folder = folder,
                              .name = plain,
                              .kind = f->size ? kind_of(name) : "document",
                              .by = p->person,
                              .files = &file,
                              .file_count = 1};
    return add(tx, p, &wish, &made, err) && mark(tx, f->file, made.asset.text, err);
}

// ---- recordings that a camera cut into files

static int text_order(text a, text b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.at, b.at, size) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

struct part {
    struct grown file;
    text folder;
    struct camera_span span;
};

static int by_span(const void *one, const void *two)
{
    const struct part *a = one, *b = two;
    int order = text_order(a->folder, b->folder);
    order = order ? order : strcmp(a->span.key, b->span.key);
    return order ? order : a->span.part - b->span.part;
}

static int by_part(const void *one, const void *two)
{
    struct camera_span a = {.part = 0}, b = {.part = 0};
    camera_span(((const struct asset_file *)one)->name, &a);
    camera_span(((const struct asset_file *)two)->name, &b);
    return a.part - b.part;
}

// The parts that came, with those that came before; what comes again takes its place.
static size_t all_parts(const struct part *list, size_t count, struct asset_file *all,
                        size_t before)
{
    for (size_t i = 0; i < count; i++) {
        const char *slash = strrchr(list[i].file.path, '/');
        struct asset_file f = {.name = slash ? slash + 1 : list[i].file.path,
                               .content = list[i].file.content,
                               .size = list[i].file.size,
                               .modified_ms = list[i].file.modified_ms};
        size_t k = 0;
        while (k < before && by_part(&all[k], &f) != 0)
            k++;
        all[k] = f;
        before += k == before;
    }
    qsort(all, before, sizeof(*all), by_part);
    return before;
}

static json_t *missing_parts(const struct asset_file *all, size_t count, int first)
{
    json_t *missing = json_array();
    struct camera_span s;
    for (size_t i = 0; i < count && camera_span(all[i].name, &s); first = s.part + 1, i++)
        for (int n = first; n < s.part && json_array_size(missing) < MISSING_MOST; n++)
            json_array_append_new(missing, json_sprintf("part %d", n));
    return missing;
}

static bool grow_span(struct db_tx *tx, struct grow_place *p, const struct part *list, size_t count,
                      struct error *err)
{
    const char *folder;
    char asset[27] = "";
    struct arena *a = arena_open(64 << 20);
    struct asset_file *had = NULL;
    size_t before = 0;
    bool ok = place_folder(tx, p, list[0].folder, &folder, err) &&
              (p->asset ||
               span_find(tx, p->project, folder, list[0].span.key, asset, a, &had, &before, err));
    if (ok) {
        struct asset_file *all = ARENA_ARRAY(a, struct asset_file, before + count + 1);
        if (before)
            memcpy(all, had, before * sizeof(*all));
        size_t total = all_parts(list, count, all, before);
        json_t *missing = missing_parts(all, total, list[0].span.first);
        bool one = total == 1 && !json_array_size(missing);
        char *facts = one ? NULL : span_facts("follow", total, missing);
        struct asset_wish wish = {.project = p->project,
                                  .folder = folder,
                                  .name = total > 1 ? list[0].span.name : all[0].name,
                                  .kind = "clip",
                                  .by = p->person,
                                  .files = all,
                                  .file_count = total,
                                  .facts = facts};
        struct asset_made made;
        ok = *asset ? version_add(tx, asset, &wish, &made, err) : add(tx, p, &wish, &made, err);
        // The first part's name, unless a person called it otherwise.
        struct camera_span named;
        if (ok && *asset && camera_span(made.name, &named))
            ok = asset_change(tx, asset, total > 1 ? list[0].span.name : NULL, NULL, err);
        for (size_t i = 0; ok && i < count; i++)
            ok = mark(tx, list[i].file.file, made.asset.text, err) &&
                 (p->asset || span_note(tx, p->project, folder, list[0].span.key, list[i].span.part,
                                        made.asset.text, err));
        json_decref(missing);
        free(facts);
    }
    arena_close(a);
    return ok;
}

static bool grow_spans(struct db_tx *tx, struct grow_place *p, struct part *list, size_t count,
                       struct error *err)
{
    if (count)
        qsort(list, count, sizeof(*list), by_span);
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && text_order(list[i].folder, list[next].folder) == 0 &&
                           strcmp(list[i].span.key, list[next].span.key) == 0;
             next++)
            ;
        if (!grow_span(tx, p, list + i, next - i, err))
            return false;
    }
    return true;
}

// ---- sequences

struct waiting {
    struct grown file;
    text folder, name;
    struct sequence_name parts;
};

static int by_sequence(const void *one, const void *two)
{
    const struct waiting *a = one, *b = two;
    int order = text_order(a->folder, b->folder);
    if (!order)
        order = text_order(a->parts.before, b->parts.before);
    if (!order)
        order = text_order(a->parts.after, b->parts.after);
    if (!order)
        order = (a->parts.number > b->parts.number) - (a->parts.number < b->parts.number);
    return order ? order : text_order(a->name, b->name);
}

static int by_number(const void *one, const void *two)
{
    const struct asset_file *a = one, *b = two;
    struct sequence_name x = {.number = 0}, y = {.number = 0};
    sequence_name_parse(text_of(a->name), &x);
    sequence_name_parse(text_of(b->name), &y);
    int order = (x.number > y.number) - (x.number < y.number);
    return order ? order : strcmp(a->name, b->name);
}

static json_t *sequence_fact(const struct asset_file *files, size_t count)
{
    char pattern[256] = "";
    struct sequence_name first = {.number = 0}, last, next;
    sequence_name_parse(text_of(files[0].name), &first);
    if (!sequence_pattern(&first, pattern, sizeof(pattern)))
        text_copy(text_of(files[0].name), pattern, sizeof(pattern));
    json_t *missing = json_array();
    last = first;
    for (size_t i = 1; i < count && sequence_name_parse(text_of(files[i].name), &next); i++) {
        for (int64_t n = last.number + 1;
             n < next.number && json_array_size(missing) < MISSING_MOST; n++)
            json_array_append_new(missing, json_integer(n));
        last = next;
    }
    return json_pack("{s:I,s:I,s:I,s:o,s:i,s:s}", "first", (json_int_t)first.number, "last",
                     (json_int_t)last.number, "count", (json_int_t)count, "missing", missing,
                     "padding", first.padding, "pattern", pattern);
}

bool sequence_known(struct db_tx *tx, const char *project, struct asset_file *files, size_t count,
                    char **facts, struct error *err)
{
    struct sequence_name parts;
    char rate[32] = "24/1";
    *facts = NULL;
    for (size_t i = 0; i < count; i++)
        if (!sequence_name_parse(text_of(files[i].name), &parts))
            return error_set(err, ERROR_INPUT, "%.200s is no frame of a sequence", files[i].name);
    if (!count)
        return error_set(err, ERROR_INPUT, "a sequence has no frames");
    qsort(files, count, sizeof(*files), by_number);
    struct db_rows *rows =
        db_query(tx, "select sequence_rate from projects where id = ?1", "s", project);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), rate, sizeof(rate));
    if (!db_end(rows, err))
        return false;
    // Until the probe has looked inside: what the names say.
    json_t *known =
        json_pack("{s:s,s:s,s:I,s:s,s:b,s:s,s:[],s:[],s:[],s:o,s:[],s:s,s:{}}", "container",
                  "image sequence", "kind", "sequence", "duration_frames", (json_int_t)count,
                  "rate", rate, "vfr", 0, "rate_from", "project", "video", "audio", "captions",
                  "sequence", sequence_fact(files, count), "damage", "duration_text", "", "tags");
    *facts = json_dumps(known, JSON_COMPACT);
    json_decref(known);
    return true;
}

static bool grow_sequence(struct db_tx *tx, struct grow_place *p, const struct waiting *list,
                          size_t count, struct error *err)
{
    const char *folder;
    char pattern[256], *facts = NULL;
    struct asset_made made;
    if (!place_folder(tx, p, list[0].folder, &folder, err))
        return false;
    struct asset_file *files = calloc(count, sizeof(*files));
    if (!files)
        return error_set(err, ERROR_INTERNAL, "no memory for a sequence");
    for (size_t i = 0; i < count; i++) // names end their paths, so they are 0-ended
        files[i] = (struct asset_file){.name = list[i].name.at,
                                       .content = list[i].file.content,
                                       .size = list[i].file.size,
                                       .modified_ms = list[i].file.modified_ms};
    bool ok = sequence_known(tx, p->project, files, count, &facts, err);
    if (!sequence_pattern(&list[0].parts, pattern, sizeof(pattern)))
        text_copy(list[0].name, pattern, sizeof(pattern));
    struct asset_wish wish = {.project = p->project,
                              .folder = folder,
                              .name = pattern,
                              .kind = "sequence",
                              .by = p->person,
                              .files = files,
                              .file_count = count,
                              .facts = facts};
    ok = ok && add(tx, p, &wish, &made, err);
    for (size_t i = 0; ok && i < count; i++)
        ok = mark(tx, list[i].file.file, made.asset.text, err);
    free(facts);
    free(files);
    return ok;
}

static bool grow_sorted(struct db_tx *tx, struct grow_place *p, const struct waiting *list,
                        size_t count, struct error *err)
{
    for (size_t i = 0, next; i < count; i = next) {
        next = i + 1;
        while (next < count && text_order(list[i].folder, list[next].folder) == 0 &&
               sequence_same(&list[next - 1].parts, &list[next].parts) &&
               list[next].parts.number != list[next - 1].parts.number)
            next++;
        bool ok = next - i > 1 ? grow_sequence(tx, p, list + i, next - i, err)
                               : grow_one(tx, p, &list[i].file, err);
        if (!ok)
            return false;
    }
    return true;
}

bool grow_waiting(struct db_tx *tx, struct grow_place *p, struct error *err)
{
    if (p->no_assets)
        return true;
    struct arena *a = arena_open((size_t)512 << 20);
    struct waiting *list = NULL;
    struct part *parts = NULL;
    size_t count = 0, room = 0, part_count = 0, part_room = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select id, path, content, size, modified_ms from transfer_files where transfer = "
                 "?1 and state = 'stored' and asset is null order by path limit ?2",
                 "si", p->transfer, (int64_t)WAITING_MOST);
    while (db_next(rows)) {
        if (count == room) {
            room = room ? room * 2 : 64;
            struct waiting *more = realloc(list, room * sizeof(*list));
            if (!more)
                break;
            list = more;
        }
        struct waiting *w = &list[count++];
        size_t size;
        memset(w, 0, sizeof(*w));
        w->file.file = arena_text(a, db_text(rows, 0));
        w->file.path = arena_text(a, db_text(rows, 1));
        const void *content = db_blob(rows, 2, &size);
        if (content && size == SHA256_SIZE)
            memcpy(w->file.content.at, content, SHA256_SIZE);
        w->file.size = db_int(rows, 3);
        w->file.modified_ms = db_int(rows, 4);
        w->name = name_of(w->file.path);
        w->folder = folder_of(w->file.path);
        struct camera_span span;
        if (camera_span(w->file.path, &span)) {
            if (part_count == part_room) {
                part_room = part_room ? part_room * 2 : 64;
                struct part *more = realloc(parts, part_room * sizeof(*parts));
                if (!more)
                    break;
                parts = more;
            }
            parts[part_count++] = (struct part){w->file, w->folder, span};
            count--;
            continue;
        }
        if (!sequence_name_parse(w->name, &w->parts)) // waits for nobody
            w->parts.before = w->name;
    }
    bool ok = db_end(rows, err);
    if (ok && count)
        qsort(list, count, sizeof(*list), by_sequence);
    ok = ok && grow_sorted(tx, p, list, count, err) && grow_spans(tx, p, parts, part_count, err);
    free(parts);
    free(list);
    arena_close(a);
    return ok;
}

// ---- who may know a chunk

bool chunk_known(struct db_tx *tx, const struct who *who, const sha256 *hash, bool *known,
                 struct error *err)
{
    enum { PROJECTS = 32 };
    char projects[PROJECTS][27];
    size_t count = 0;
    *known = false;
    struct db_rows *rows = db_query(
        tx,
        "select distinct a.project from content_chunks k join version_files f on f.content "
        "= k.content join versions v on v.id = f.version join assets a on a.id = v.asset "
        "where k.hash = ?1 union select distinct j.project from content_chunks k join job_files f "
        "on f.content = k.content join jobs j on j.id = f.job where k.hash = ?1 limit ?2",
        "bi", hash->at, (size_t)SHA256_SIZE, (int64_t)PROJECTS);
    while (db_next(rows) && count < PROJECTS)
        text_copy(text_of(db_text(rows, 0)), projects[count++], sizeof(projects[0]));
    if (!db_end(rows, err))
        return false;
    for (size_t i = 0; i < count && !*known; i++) {
        unsigned may = 0;
        if (!people_may(tx, who, projects[i], &may, err))
            return false;
        *known = (may & MAY_DOWNLOAD) != 0;
    }
    return true;
}
