#include "house/deliver/package.h"
#include "base/arena.h"
#include "formats/metadata/sidecar.h"
#include "formats/profile/profile.h"
#include "house/deliver/record.h"
#include "plat/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ = 1 << 20, TEXT_MOST = 4 << 20 };

static const char *word(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

// ---- digests

static const struct algorithm {
    const char *name, *extension;
    size_t at, room;
} algorithms[] = {
    {"md5", ".md5", offsetof(struct content_sums, md5), 33},
    {"sha1", ".sha1", offsetof(struct content_sums, sha1), 41},
    {"sha256", ".sha256", offsetof(struct content_sums, sha256), 65},
    {"xxh64", ".xxh64", offsetof(struct content_sums, xxh64), 17},
};
enum { ALGORITHMS = sizeof(algorithms) / sizeof(algorithms[0]) };

static void begin(struct hasher *h[ALGORITHMS])
{
    for (size_t i = 0; i < ALGORITHMS; i++)
        h[i] = hasher_open(algorithms[i].name);
}

static void end(struct hasher *h[ALGORITHMS], struct content_sums *sums)
{
    uint8_t digest[64];
    for (size_t i = 0; i < ALGORITHMS; i++) {
        size_t size = hasher_end(h[i], digest);
        hex_text(digest, size, (char *)sums + algorithms[i].at, algorithms[i].room);
    }
}

void sums_of_text(text t, struct content_sums *sums)
{
    struct hasher *h[ALGORITHMS];
    begin(h);
    for (size_t i = 0; i < ALGORITHMS; i++)
        hasher_add(h[i], t.at ? t.at : "", t.size);
    end(h, sums);
}

bool sums_of_content(struct store *s, const sha256 *content,
                     bool (*moved)(void *context, int64_t done, int64_t total), void *context,
                     struct content_sums *sums, struct error *err)
{
    const struct store_map *map;
    struct hasher *h[ALGORITHMS];
    if (!store_map_open(s, content, &map, err))
        return false;
    char *room = malloc(READ);
    if (!room)
        abort();
    bool ok = true;
    begin(h);
    for (int64_t at = 0; ok && at < map->size; at += READ) {
        size_t size = map->size - at < READ ? (size_t)(map->size - at) : READ;
        ok = store_map_read(map, at, room, size, err);
        for (size_t i = 0; ok && i < ALGORITHMS; i++)
            hasher_add(h[i], room, size);
        if (ok && moved && !moved(context, at + (int64_t)size, map->size))
            ok = error_set(err, ERROR_CANCELLED, "it was stopped");
    }
    end(h, sums);
    free(room);
    store_map_close(s, map);
    return ok;
}

// ---- names

static const char *stem_of(struct arena *a, const char *file)
{
    const char *dot = strrchr(file, '.');
    return arena_copy(a, file, dot && dot != file ? (size_t)(dot - file) : strlen(file));
}

static const char *layout_of(const json_t *profile)
{
    const char *layout = word(profile, "package");
    return *layout && (strcmp(layout, "file") != 0 || !profile_several(profile)) ? layout
           : profile_several(profile)                                            ? "folder"
                                                                                 : "file";
}

static const char *folder_of(struct arena *a, const json_t *profile, const char *file)
{
    const char *layout = layout_of(profile);
    if (strcmp(layout, "file") == 0)
        return "";
    return arena_format(a, "%s%s", profile_several(profile) ? file : stem_of(a, file),
                        strcmp(layout, "itmsp") == 0 ? ".itmsp" : "");
}

// ---- files

json_t *sums_into(json_t *row, const struct content_sums *sums)
{
    for (size_t i = 0; i < ALGORITHMS; i++)
        json_object_set_new(row, algorithms[i].name,
                            json_string((const char *)sums + algorithms[i].at));
    return row;
}

static void add_text(json_t *files, const char *name, const char *role, text t)
{
    struct content_sums sums;
    sums_of_text(t, &sums);
    json_t *row = json_pack("{s:s, s:I, s:s, s:s%}", "name", name, "size", (json_int_t)t.size,
                            "role", role, "text", t.at ? t.at : "", t.size);
    if (row)
        json_array_append_new(files, sums_into(row, &sums));
}

// As md5sum writes it: two spaces, and the name as it is in the package.
static void add_checksums(json_t *files, const struct algorithm *al, const char *layout,
                          const char *file)
{
    struct buf b = BUF_LIMIT(TEXT_MOST);
    char name[300];
    size_t i;
    const json_t *row;
    json_array_foreach(files, i, row) if (strcmp(word(row, "role"), "checksums") != 0)
        buf_format(&b, "%s  %s\n", word(row, al->name), word(row, "name"));
    if (strcmp(layout, "file") == 0)
        snprintf(name, sizeof(name), "%.255s%s", file, al->extension);
    else
        snprintf(name, sizeof(name), "checksums%s", al->extension);
    add_text(files, name, "checksums", (text){b.at, b.size});
    buf_free(&b);
}

static void add_manifest(json_t *files, const struct package_wish *w)
{
    size_t i;
    const json_t *row;
    json_t *list = json_array();
    json_array_foreach(files, i, row)
    {
        json_t *one = json_copy((json_t *)(uintptr_t)row);
        json_object_del(one, "content");
        json_object_del(one, "text");
        json_array_append_new(list, one);
    }
    json_t *all = json_pack(
        "{s:i, s:O?, s:O?, s:O?, s:s, s:O?, s:O*, s:o}", "posthouse_manifest", 1, "delivery",
        json_object_get(w->delivery, "id"), "profile", json_object_get(w->profile, "name"), "title",
        json_object_get(w->profile, "title"), "made", clock_text(w->now_ms).text, "checks",
        json_object_get(w->delivery, "checks"), "certificate", w->certificate, "files", list);
    char *written = json_dumps(all, JSON_INDENT(2));
    struct buf b = BUF_LIMIT(TEXT_MOST);
    if (written && buf_format(&b, "%s\n", written))
        add_text(files, "manifest.json", "manifest", (text){b.at, b.size});
    free(written);
    buf_free(&b);
    json_decref(all);
}

// Named after the film: what a device calls its papers says nothing of it.
static void add_certificate(json_t *files, const struct package_wish *w, const char *layout,
                            struct arena *a)
{
    const char *file = word(w->delivery, "name"), *own = word(w->certificate, "name");
    const char *dot = strrchr(own, '.');
    if (!w->certificate || (strcmp(layout, "file") && strcmp(layout, "folder")))
        return;
    json_t *row = json_pack("{s:s, s:O, s:s, s:O}", "name",
                            arena_format(a, "%s.pse%s", stem_of(a, file), dot ? dot : ""), "size",
                            json_object_get(w->certificate, "size"), "role", "certificate",
                            "content", json_object_get(w->certificate, "content"));
    if (row)
        json_array_append_new(files, sums_into(row, &w->certificate_sums));
}

static bool wants(const json_t *list, const char *name)
{
    size_t i;
    const json_t *one;
    bool found = false;
    json_array_foreach(list, i, one) found =
        found || (json_is_string(one) && strcmp(json_string_value(one), name) == 0);
    return found;
}

// What the profile asks for, and what its layout can not do without.
static bool sidecar_wanted(const json_t *profile, enum sidecar_kind kind)
{
    const char *layout = layout_of(profile);
    size_t i;
    const json_t *one;
    enum sidecar_kind named;
    json_array_foreach(json_object_get(profile, "sidecars"), i, one)
    {
        if (json_is_string(one) && sidecar_named(text_of(json_string_value(one)), &named) &&
            named == kind)
            return true;
    }
    return (kind == SIDECAR_ITUNES && !strcmp(layout, "itmsp")) ||
           (kind == SIDECAR_MMC && !strcmp(layout, "mmc"));
}

// In a folder of its own a sidecar has the name that its outlet looks for.
static const char *sidecar_name(struct arena *a, enum sidecar_kind kind, const char *layout,
                                const char *file)
{
    const char *name = sidecar_facts(kind)->file;
    return strcmp(layout, "file") ? name : arena_format(a, "%s.%s", stem_of(a, file), name);
}

// As sidecars speak of it.
static const char *use_of(const struct package_media *m)
{
    if (strcmp(m->role, "captions") != 0)
        return "source";
    return strcmp(m->use, "cc") == 0 || strcmp(m->use, "sdh") == 0 ? "captions" : "subtitles";
}

static bool add_sidecar(json_t *files, enum sidecar_kind kind, const struct package_wish *w,
                        const struct metadata *m, struct arena *a, struct error *err)
{
    const char *file = word(w->delivery, "name"), *provider = metadata_text(m, "work.provider", 0);
    struct sidecar_file *files_of = ARENA_ARRAY(a, struct sidecar_file, w->media_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < w->media_count; i++) {
        const struct package_media *one = &w->media[i];
        if (strcmp(one->role, "playlist") == 0)
            continue;
        files_of[count++] = (struct sidecar_file){.name = one->name,
                                                  .use = use_of(one),
                                                  .language = *one->language ? one->language : NULL,
                                                  .role = *one->use ? one->use : NULL,
                                                  .size = one->size,
                                                  .md5 = one->sums.md5,
                                                  .sha256 = one->sums.sha256};
    }
    struct sidecar_wish wish = {.files = files_of,
                                .file_count = count,
                                .made_ms = w->now_ms,
                                .provider = *provider ? provider : NULL};
    struct buf said = BUF_LIMIT(TEXT_MOST);
    bool ok = sidecar_write(kind, m, &wish, &said, err);
    if (ok)
        add_text(files, sidecar_name(a, kind, layout_of(w->profile), file), "sidecar",
                 (text){said.at, said.size});
    else
        err->kind = ERROR_CONFLICT;
    buf_free(&said);
    return ok;
}

// What the certificate says, where people told nothing.
static void certificate_into(struct metadata *m, const struct package_wish *w)
{
    const char *by = word(w->certificate, "by"), *at = word(w->certificate, "attached");
    struct metadata_source from = {.person = by, .at = at};
    if (!w->certificate || *metadata_text(m, "broadcast.pse", 0))
        return;
    (void)metadata_put(m, "broadcast.pse", 0, "yes", &from);
    (void)metadata_put(m, "broadcast.pse_device", 0, word(w->certificate, "device"), &from);
}

static bool add_sidecars(json_t *files, const struct package_wish *w, struct arena *a,
                         struct error *err)
{
    struct metadata *m = NULL;
    bool ok = true;
    for (int kind = 0; ok && kind < SIDECAR_KINDS; kind++) {
        if (!sidecar_wanted(w->profile, (enum sidecar_kind)kind))
            continue;
        ok = m ||
             record_of_master(w->rules, w->facts, w->record, word(w->delivery, "name"), a, &m, err);
        if (ok)
            certificate_into(m, w);
        ok = ok && add_sidecar(files, (enum sidecar_kind)kind, w,
                               record_for_profile(a, m, w->profile, w->facts), a, err);
    }
    return ok;
}

bool package_make(const struct package_wish *w, json_t **package, struct error *err)
{
    struct arena *a = arena_open(64 << 20);
    const char *layout = layout_of(w->profile), *file = word(w->delivery, "name");
    json_t *files = json_array();
    bool ok = true;
    for (size_t i = 0; ok && i < w->media_count; i++) {
        const struct package_media *m = &w->media[i];
        json_t *row =
            json_pack("{s:s, s:I, s:s, s:s}", "name", m->name, "size", (json_int_t)m->size, "role",
                      m->role, "content", sha256_text(&m->content).text);
        ok = row != NULL || error_set(err, ERROR_INTERNAL, "a package can not be written down");
        if (ok)
            json_array_append_new(files, sums_into(row, &m->sums));
    }
    json_array_extend(files, (json_t *)(uintptr_t)w->beside);
    ok = ok && add_sidecars(files, w, a, err);
    if (ok)
        add_certificate(files, w, layout, a);
    if (ok && strcmp(layout, "folder") == 0)
        add_manifest(files, w);
    for (size_t i = 0; ok && i < ALGORITHMS; i++)
        if (wants(json_object_get(w->profile, "checksums"), algorithms[i].name))
            add_checksums(files, &algorithms[i], layout, file);
    *package = ok ? json_pack("{s:s, s:s, s:O}", "folder", folder_of(a, w->profile, file), "layout",
                              layout, "files", files)
                  : NULL;
    json_decref(files);
    arena_close(a);
    return ok;
}

const char *package_plan(const json_t *profile, const char *file, struct arena *a)
{
    const char *layout = layout_of(profile), *folder = folder_of(a, profile, file);
    const json_t *checksums = json_object_get(profile, "checksums");
    bool ladder = json_object_get(profile, "ladder") != NULL, several = profile_several(profile);
    const char *plan = arena_format(a, "%s%s%s", folder, *folder ? "/: " : "",
                                    ladder    ? "a file for each rung and the sound, playlists"
                                    : several ? "a file for each track of the sound"
                                              : file);
    size_t i;
    if (ladder || json_object_get(json_object_get(profile, "captions"), "formats"))
        plan = arena_format(a, "%s, captions of the film", plan);
    for (int kind = 0; kind < SIDECAR_KINDS; kind++)
        if (sidecar_wanted(profile, (enum sidecar_kind)kind))
            plan = arena_format(a, "%s, %s", plan,
                                sidecar_name(a, (enum sidecar_kind)kind, layout, file));
    if (strcmp(layout, "folder") == 0)
        plan = arena_format(a, "%s, manifest.json", plan);
    for (i = 0; i < ALGORITHMS; i++)
        if (wants(checksums, algorithms[i].name))
            plan = arena_format(a, "%s, %s%s", plan, *folder ? "checksums" : file,
                                algorithms[i].extension);
    return plan;
}
