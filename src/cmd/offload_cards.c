#include "cmd/offload_cards.h"
#include "cmd/settings.h"
#include "plat/files.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { KINDS_MOST = 200 };

struct kinds {
    struct card_kind *at[KINDS_MOST];
    size_t count;
};

static bool read_kind(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct kinds *k = context;
    struct buf json = BUF_LIMIT(1 << 20);
    *enter = !*f->relative;
    if (f->kind != FILE_PLAIN || !text_ends(text_of(f->relative), ".json") ||
        k->count == KINDS_MOST)
        return true;
    bool ok = file_read(f->path, &json, err) &&
              card_kind_read(f->relative, (text){json.at, json.size}, &k->at[k->count], err);
    k->count += ok;
    buf_free(&json);
    return ok;
}

static bool read_index(void *context, const char *path, struct buf *to)
{
    char full[4096];
    struct error none;
    return path_join(full, sizeof(full), context, path) && file_read(full, to, &none);
}

bool card_in_folder(struct command_call *call, const char *folder, const struct card_file *files,
                    size_t count, struct card *card, struct error *err)
{
    char data[4096], place[4200];
    struct kinds kinds = {.count = 0};
    struct walk_wish walk = {.seen = read_kind, .context = &kinds};
    bool ok = settings_data_folder(call->config, data, sizeof(data));
    if (!ok) {
        error_set(err, ERROR_NOT_FOUND, "the descriptions of cards are missing");
        return error_fix(err, "set data.folder to where data/ lies");
    }
    ok = path_join(place, sizeof(place), data, "cards") && folder_walk(place, &walk, err);
    if (ok)
        card_recognise(&(struct card_wish){.kinds = kinds.at,
                                           .kind_count = kinds.count,
                                           .files = files,
                                           .file_count = count,
                                           .read = read_index,
                                           .context = (void *)(uintptr_t)folder},
                       call->arena, card);
    for (size_t i = 0; i < kinds.count; i++)
        card_kind_close(kinds.at[i]);
    return ok;
}

static bool film_named(const char *path)
{
    static const char *const endings[] = {".mov",  ".mp4", ".mxf", ".m4v",  ".mts",
                                          ".m2ts", ".avi", ".mkv", ".braw", ".r3d",
                                          ".ari",  ".crm", ".wav", ".bwf",  NULL};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path,
               *dot = strrchr(name, '.');
    for (size_t i = 0; name[0] != '.' && dot && endings[i]; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

void card_plain_clips(const struct card_file *files, size_t count, struct arena *a,
                      struct card *card)
{
    size_t room = 0;
    for (size_t i = 0; i < count; i++)
        room += !files[i].folder && film_named(files[i].path);
    card->clips = ARENA_ARRAY(a, struct card_clip, room + 1);
    card->clip_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (files[i].folder || !film_named(files[i].path))
            continue;
        struct card_clip *c = &card->clips[card->clip_count++];
        *c = (struct card_clip){.name = files[i].path,
                                .files = ARENA_ARRAY(a, size_t, 1),
                                .file_count = 1,
                                .parts = 1,
                                .bytes = files[i].size,
                                .picture = files[i].path};
        c->files[0] = i;
    }
}
