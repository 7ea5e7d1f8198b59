#include "farm/scene.h"
#include "formats/blend/blend.h"
#include "formats/scenepaths/scenepaths.h"
#include "plat/files.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct looking {
    struct arena *a;
    struct scene_files *to;
    struct scene_file *files;
    size_t room;
    size_t *slots; // index + 1 of a file, by the hash of its path
    size_t slot_count;
};

// ---- the list

static size_t *slot_of(struct looking *l, const char *path)
{
    size_t at = 5381;
    for (const char *c = path; *c; c++)
        at = at * 33 + (unsigned char)*c;
    at %= l->slot_count;
    while (l->slots[at] && strcmp(l->files[l->slots[at] - 1].path, path) != 0)
        at = (at + 1) % l->slot_count;
    return &l->slots[at];
}

static void grow(struct looking *l)
{
    size_t room = l->room ? l->room * 2 : 64;
    struct scene_file *files = ARENA_ARRAY(l->a, struct scene_file, room);
    if (l->to->count)
        memcpy(files, l->files, l->to->count * sizeof(*files));
    l->files = files;
    l->room = room;
    l->slot_count = room * 2;
    l->slots = ARENA_ARRAY(l->a, size_t, l->slot_count);
    for (size_t i = 0; i < l->to->count; i++)
        *slot_of(l, files[i].path) = i + 1;
}

static void add(struct looking *l, const struct scene_file *file)
{
    if (l->to->count == l->room)
        grow(l);
    size_t *slot = slot_of(l, file->path);
    if (*slot)
        return;
    l->files[l->to->count++] = *file;
    *slot = l->to->count;
    l->to->bytes += file->size;
    l->to->missing += file->there == SCENE_MISSING;
}

// ---- where a path is

// "/a/b/../c//./d" -> "/a/c/d", by the words alone.
static const char *tidied(struct arena *a, const char *path)
{
    char *out = arena_text(a, path), *end = out;
    for (text rest = text_of(path), part; rest.size;) {
        part = text_cut(&rest, '/');
        if (part.size == 2 && memcmp(part.at, "..", 2) == 0) {
            while (end > out && *--end != '/')
                ;
        } else if (part.size && !(part.size == 1 && *part.at == '.')) {
            *end++ = '/';
            memcpy(end, part.at, part.size);
            end += part.size;
        }
    }
    *end = 0;
    return *out ? out : "/";
}

static const char *below(struct arena *a, const char *scene, const char *written)
{
    char folder[PATH_MAX];
    path_folder(scene, folder, sizeof(folder));
    if (strncmp(written, "//", 2) == 0) // Blender's "beside me"
        return tidied(a, arena_format(a, "%s/%s", folder, written + 2));
    return tidied(a, *written == '/' ? written : arena_format(a, "%s/%s", folder, written));
}

struct many {
    struct looking *l;
    struct scene_file file;
    size_t found;
};

static void one_of_many(void *context, const char *path, int64_t size)
{
    struct many *m = context;
    struct scene_file f = m->file;
    f.path = arena_text(m->l->a, path);
    f.size = size;
    f.there = SCENE_THERE;
    add(m->l, &f);
    m->found++;
}

// The files that fit a pattern; the pattern itself, missing, when there are none.
static void add_like(struct looking *l, struct scene_file file, const char *pattern)
{
    struct many m = {.l = l, .file = file};
    files_like(pattern, one_of_many, &m);
    if (!m.found)
        add(l, &file);
}

static void add_one(struct looking *l, struct scene_file file)
{
    bool folder;
    if (file_look(file.path, &folder, &file.size))
        file.there = SCENE_THERE;
    add(l, &file);
}

static bool add_in_folder(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct many *m = context;
    (void)enter;
    (void)err;
    if (f->kind == FILE_PLAIN)
        one_of_many(m, f->path, f->size);
    return true;
}

// ---- Blender

static const char *escaped(struct arena *a, const char *path)
{
    struct buf b = BUF_LIMIT(PATH_MAX * 2);
    for (; *path; path++) {
        if (strchr("*?[\\", *path))
            buf_text(&b, "\\");
        buf_add(&b, path, 1);
    }
    const char *out = arena_text(a, b.at ? b.at : "");
    buf_free(&b);
    return out;
}

// The last digits of the name stand for the number: "tex/seq.0001.png" -> "tex/seq.[0-9]*.png".
static const char *sequence_pattern(struct arena *a, const char *path)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path,
               *dot = strrchr(name, '.');
    const char *end = dot ? dot : name + strlen(name);
    while (end > name && !isdigit((unsigned char)end[-1]))
        end--;
    const char *start = end;
    while (start > name && isdigit((unsigned char)start[-1]))
        start--;
    const char *front = arena_copy(a, path, (size_t)(start - path));
    return start == end ? escaped(a, path)
                        : arena_format(a, "%s[0-9]*%s", escaped(a, front), escaped(a, end));
}

static void add_tiles(struct looking *l, struct scene_file file, const struct blend_needs *n)
{
    const char *mark = strstr(file.path, "<UDIM>");
    size_t size = 6;
    if (!mark) {
        mark = strstr(file.path, "<UVTILE>");
        size = 8;
    }
    if (!mark) { // older files name the first tile
        file.path = sequence_pattern(l->a, file.path);
        add_like(l, file, file.path);
        return;
    }
    const char *front = arena_copy(l->a, file.path, (size_t)(mark - file.path));
    for (size_t i = 0; i < n->tile_count; i++) {
        struct scene_file f = file;
        int tile = n->tiles[i] - 1001;
        f.path = size == 6 ? arena_format(l->a, "%s%d%s", front, n->tiles[i], mark + size)
                           : arena_format(l->a, "%su%d_v%d%s", front, tile % 10 + 1, tile / 10 + 1,
                                          mark + size);
        add_one(l, f);
    }
}

static bool look_into(struct looking *l, const char *path, int depth, struct error *err);

static bool add_need(struct looking *l, const char *scene, const struct blend_needs *n, int depth,
                     struct error *err)
{
    struct scene_file file = {.path = below(l->a, scene, n->path),
                              .written = n->path,
                              .kind = blend_kind_name(n->kind),
                              .of = scene,
                              .there = SCENE_MISSING};
    const char *own = strstr(file.path, "<NAME>");
    if (own) { // "//blendcache_<NAME>"
        const char *name = strrchr(scene, '/') + 1;
        file.path = arena_format(
            l->a, "%.*s%.*s%s", (int)(own - file.path), file.path,
            (int)(strlen(name) - (strrchr(name, '.') ? strlen(strrchr(name, '.')) : 0)), name,
            own + 6);
    }
    if (n->many == BLEND_FOLDER) {
        // Blender names a folder for each simulation, baked or not: what is not there may be made.
        bool folder;
        file.there = SCENE_PERHAPS;
        struct many m = {.l = l, .file = file};
        struct walk_wish walk = {.seen = add_in_folder, .context = &m};
        if (file_look(file.path, &folder, &file.size) && folder)
            return folder_walk(file.path, &walk, err);
        file.size = 0;
        add(l, &file);
        return true;
    }
    size_t before = l->to->count;
    if (n->many == BLEND_TILES)
        add_tiles(l, file, n);
    else if (n->many == BLEND_NUMBERS)
        add_like(l, file, sequence_pattern(l->a, file.path));
    else
        add_one(l, file);
    bool there = l->to->count > before && l->files[before].there == SCENE_THERE;
    return n->kind != BLEND_LIBRARY || !there || look_into(l, file.path, depth + 1, err);
}

static bool look_into_blend(struct looking *l, const char *path, const uint8_t *at, size_t size,
                            int depth, struct error *err)
{
    struct blend blend;
    if (!blend_read(l->a, at, size, &blend, err))
        return error_while(err, "cannot find what %s needs", path);
    if (depth == 0 && blend.scene_count) {
        const struct blend_scene *s = &blend.scenes[0];
        l->to->first = s->first;
        l->to->last = s->last;
        l->to->step = s->step;
        l->to->width = s->width;
        l->to->height = s->height;
        l->to->output = s->output;
        l->to->has_camera = s->has_camera;
    }
    for (size_t i = 0; i < blend.need_count; i++)
        if (!add_need(l, path, &blend.needs[i], depth, err))
            return false;
    return true;
}

// ---- others

static bool look_into_text(struct looking *l, const char *path, const char *ending,
                           const uint8_t *at, size_t size, int depth, struct error *err)
{
    const struct scenepath *paths;
    size_t count;
    scenepaths_find(l->a, ending, at, size < SCENE_TEXT_MOST ? size : SCENE_TEXT_MOST, &paths,
                    &count);
    for (size_t i = 0; i < count; i++) {
        const struct scenepath *p = &paths[i];
        bool drive = isalpha((unsigned char)p->path[0]) && p->path[1] == ':';
        struct scene_file file = {.path = drive ? p->path : below(l->a, path, p->path),
                                  .written = p->path,
                                  .kind = p->scene ? "scene" : "file",
                                  .of = path,
                                  .there = p->found_by_name ? SCENE_PERHAPS : SCENE_MISSING};
        size_t before = l->to->count;
        if (p->numbered)
            add_like(l, file, scenepath_glob(l->a, file.path));
        else
            add_one(l, file);
        bool there = l->to->count > before && l->files[before].there == SCENE_THERE;
        if (p->scene && !p->numbered && there && !look_into(l, file.path, depth + 1, err))
            return false;
    }
    return true;
}

static bool look_into(struct looking *l, const char *path, int depth, struct error *err)
{
    char ending[16] = "";
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && dot[i + 1] && i + 1 < sizeof(ending); i++)
        ending[i] = (char)tolower((unsigned char)dot[i + 1]);
    const uint8_t *at;
    size_t size;
    if (depth > SCENE_DEPTH_MOST) {
        error_set(err, ERROR_TOO_BIG, "%s is too deep inside other scenes", path);
        return error_why(err, "%d scenes name one another", SCENE_DEPTH_MOST);
    }
    if (!file_map(path, &at, &size, err))
        return false;
    bool ok = strcmp(ending, "blend") == 0 ? look_into_blend(l, path, at, size, depth, err)
                                           : look_into_text(l, path, ending, at, size, depth, err);
    file_unmap(at, size);
    return ok;
}

bool scene_files(struct arena *a, const char *path, struct scene_files *to, struct error *err)
{
    struct looking l = {.a = a, .to = to};
    *to = (struct scene_files){0};
    char *whole = realpath(path, NULL);
    if (!whole)
        return error_errno(err, 2, "cannot read %s", path);
    const char *scene = arena_text(a, whole);
    free(whole);
    add_one(&l, (struct scene_file){.path = scene, .written = scene, .kind = "scene", .of = ""});
    bool ok = look_into(&l, scene, 0, err);
    to->files = l.files;
    return ok;
}

bool scene_missing(const struct scene_files *files, struct error *err)
{
    char some[sizeof(err->why)] = "";
    size_t said = 0, used = 0;
    for (size_t i = 0; i < files->count && said < 5; i++) {
        const struct scene_file *f = &files->files[i];
        if (f->there != SCENE_MISSING || used + strlen(f->written) + 60 > sizeof(some))
            continue;
        used += (size_t)snprintf(some + used, sizeof(some) - used, "%s%s (%s)", said ? ", " : "",
                                 f->written, f->kind);
        said++;
    }
    error_set(err, ERROR_NOT_FOUND, "%zu file%s that the scene needs %s not there", files->missing,
              files->missing == 1 ? "" : "s", files->missing == 1 ? "is" : "are");
    error_why(err, "%s%s", some, said < files->missing ? ", and more" : "");
    return error_fix(err, "bring them to where the scene looks for them, or say --without-missing");
}
