#include "offload/inside.h"
#include "plat/files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

void offload_path_add(struct offload_paths *p, struct arena *a, const char *path)
{
    if (p->count == p->room) {
        size_t room = p->room ? p->room * 2 : 16;
        const char **more = ARENA_ARRAY(a, const char *, room);
        if (p->count)
            memcpy(more, p->at, p->count * sizeof(*more));
        p->at = more, p->room = room;
    }
    p->at[p->count++] = path;
}

// ---- places

// The disk that a folder is on: two partitions of one are one piece of hardware. What is no disk of
// its own (a network, memory) is called by its number.
static const char *disk_of(struct arena *a, dev_t device)
{
    char link[64], real[PATH_MAX], part[PATH_MAX];
    snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(device), minor(device));
    if (!realpath(link, real))
        return arena_format(a, "file system %u:%u", major(device), minor(device));
    if (path_join(part, sizeof(part), real, "partition") && access(part, F_OK) == 0)
        *strrchr(real, '/') = 0;
    return arena_format(a, "disk %s", strrchr(real, '/') + 1);
}

bool offload_place_add(struct offload *o, const char *said, struct error *err)
{
    struct stat st;
    char real[PATH_MAX];
    const char *equals = strchr(said, '='), *slash = strchr(said, '/');
    bool named = equals && equals != said && (!slash || slash > equals);
    const char *folder = named ? equals + 1 : said;
    if (o->place_count == COPIES_PLACES)
        return error_set(err, ERROR_INPUT, "more than %d places at once", COPIES_PLACES);
    if (!realpath(folder, real) || stat(real, &st)) {
        error_errno(err, errno, "there is no folder %s to copy to", folder);
        return error_fix(err, "attach the disk or make the folder first: a missing one may be a "
                              "disk that is not there");
    }
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ERROR_INPUT, "%s is no folder", folder);
    struct offload_place *p = &o->places[o->place_count++];
    *p = (struct offload_place){.folder = arena_text(o->a, real), .named = named};
    p->disk = disk_of(o->a, st.st_dev);
    p->name = named ? arena_copy(o->a, said, (size_t)(equals - said)) : p->disk;
    return true;
}

static bool within(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 &&
           (path[size] == '/' || !path[size] || (size && folder[size - 1] == '/'));
}

static bool places_apart(struct offload *o, struct error *err)
{
    for (size_t i = 0; i < o->place_count; i++) {
        struct offload_place *p = &o->places[i];
        char target[PATH_MAX], real[PATH_MAX];
        if (!path_join(target, sizeof(target), p->folder, o->name))
            return error_set(err, ERROR_INPUT, "a path is too long");
        if (realpath(target, real)) // a link leads elsewhere
            text_copy(text_of(real), target, sizeof(target));
        p->target = arena_text(o->a, target);
        if (within(p->target, o->card) || within(o->card, p->target)) {
            error_set(err, ERROR_INPUT, "%s is on the card itself", p->folder);
            error_why(err, "the card is %s", o->card);
            return error_fix(err, "name a folder on another disk");
        }
        for (size_t k = 0; k < i; k++)
            if (within(p->target, o->places[k].target) || within(o->places[k].target, p->target)) {
                error_set(err, ERROR_INPUT, "two of the places are the same folder");
                error_why(err, "both copies would be %s", p->target);
                return error_fix(err, "name folders on different disks");
            }
    }
    return true;
}

// ---- what is on the card

struct walking {
    struct offload *o;
    size_t room;
};

static bool see(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct walking *w = context;
    struct offload *o = w->o;
    (void)enter;
    if (!*f->relative) {
        o->device = f->device;
        return true;
    }
    if (f->kind != FILE_PLAIN && f->kind != FILE_FOLDER) {
        offload_path_add(&o->skipped, o->a, arena_text(o->a, f->relative));
        return true;
    }
    if (o->count == OFFLOAD_FILES)
        return error_set(err, ERROR_TOO_BIG, "the card has more than %d files", OFFLOAD_FILES);
    if (o->count == w->room) {
        w->room = w->room ? w->room * 2 : 1024;
        o->files = realloc(o->files, w->room * sizeof(*o->files));
        if (!o->files)
            abort();
    }
    struct offload_file *n = &o->files[o->count++];
    *n = (struct offload_file){.path = arena_text(o->a, f->relative),
                               .folder = f->kind == FILE_FOLDER,
                               .size = f->size,
                               .modified_ns = f->modified_ns};
    if (!n->folder) {
        n->copies = ARENA_ARRAY(o->a, struct copy, o->place_count + 1);
        o->file_count++;
        o->bytes += f->size;
    }
    return true;
}

static int by_path(const void *a, const void *b)
{
    const struct offload_file *const *x = a, *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

struct offload_file *offload_file_at(const struct offload *o, const char *path)
{
    struct offload_file key = {.path = path}, *at = &key, **found;
    found = o->count ? bsearch(&at, o->by_path, o->count, sizeof(*o->by_path), by_path) : NULL;
    return found ? *found : NULL;
}

static bool look_at_card(struct offload *o, struct error *err)
{
    struct walking w = {o, 0};
    if (!folder_walk(o->card, &(struct walk_wish){.seen = see, .context = &w}, err))
        return error_fix(err, "look at the card and its reader, then run it again");
    // The rows stay where they are from here on; they go with the arena.
    struct offload_file *rows = ARENA_ARRAY(o->a, struct offload_file, o->count + 1);
    if (o->count)
        memcpy(rows, o->files, o->count * sizeof(*rows));
    free(o->files);
    o->files = rows;
    o->by_path = ARENA_ARRAY(o->a, struct offload_file *, o->count + 1);
    for (size_t i = 0; i < o->count; i++)
        o->by_path[i] = &rows[i];
    qsort(o->by_path, o->count, sizeof(*o->by_path), by_path);
    if (o->file_count)
        return true;
    error_set(err, ERROR_INPUT, "there is no file on %s", o->card);
    return error_fix(err, "look whether the card is mounted");
}

// ---- what is at the places already

struct at_place {
    struct offload *o;
    const char *target;
    int64_t there; // bytes of the card's files
    const char *stranger;
    int64_t strangers;
};

static bool left_by_finders(const char *name)
{
    return strcmp(name, ".DS_Store") == 0 || strcmp(name, "Thumbs.db") == 0 ||
           strcmp(name, "desktop.ini") == 0 || strncmp(name, "._", 2) == 0;
}

static bool see_copy(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct at_place *w = context;
    const char *slash = strrchr(f->relative, '/'), *name = slash ? slash + 1 : f->relative;
    (void)err;
    if (f->kind == FILE_FOLDER) {
        *enter = strcmp(name, "ascmhl") != 0; // it has generations of its own
        return true;
    }
    if (copies_half(name)) { // of a run that was killed
        unlink(f->path);
        return true;
    }
    const struct offload_file *on_card = offload_file_at(w->o, f->relative);
    if (on_card && !on_card->folder) {
        w->there += f->size;
    } else if (!left_by_finders(name)) {
        w->strangers++;
        if (!w->stranger)
            w->stranger = arena_text(w->o->a, f->relative);
    }
    return true;
}

static bool look_at_place(struct offload *o, const struct offload_place *p, int64_t *there,
                          struct error *err)
{
    struct at_place w = {.o = o, .target = p->target};
    struct stat st;
    *there = 0;
    if (lstat(p->target, &st))
        return errno == ENOENT || error_errno(err, errno, "cannot look at %s", p->target);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ERROR_CONFLICT, "%s is there and is no folder", p->target);
    if (!folder_walk(p->target, &(struct walk_wish){.seen = see_copy, .context = &w}, err))
        return false;
    *there = w.there;
    if (!w.strangers)
        return true;
    error_set(err, ERROR_CONFLICT, "%s has files of another card", p->target);
    error_why(err, "%s (%s such) is not on this card", w.stranger, count_text(w.strangers).text);
    return error_fix(err, "give this copy a name of its own: --name %s-2", o->name);
}

// Places on one file system need their room together. What is there already needs none.
static bool room_enough(struct offload *o, const int64_t *there, struct error *err)
{
    for (size_t i = 0; i < o->place_count; i++) {
        int64_t need = 0, have;
        for (size_t k = 0; k < o->place_count; k++)
            if (same_file_system(o->places[i].folder, o->places[k].folder) && there[k] < o->bytes)
                need += o->bytes - there[k];
        if (!disk_space(o->places[i].folder, &have, NULL, err))
            return false;
        if (need <= have)
            continue;
        error_set(err, ERROR_NO_SPACE, "there is no room for the card at %s", o->places[i].folder);
        error_why(err, "it needs %s and has %s", size_text(need).text, size_text(have).text);
        return error_fix(err, "make room there, or name another disk");
    }
    return true;
}

bool offload_plan(struct offload *o, const char *card, const char *name, struct error *err)
{
    char real[PATH_MAX];
    struct stat st;
    int64_t there[COPIES_PLACES];
    if (!realpath(card, real) || stat(real, &st)) {
        error_errno(err, errno, "there is no card at %s", card);
        return error_fix(err, "look whether it is mounted");
    }
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ERROR_INPUT, "%s is no folder", card);
    o->card = arena_text(o->a, real);
    o->name = name ? name : strrchr(o->card, '/') + 1;
    if (!*o->name || strchr(o->name, '/') || o->name[0] == '.') {
        error_set(err, ERROR_INPUT, "a copy cannot be called \"%s\"", o->name);
        return error_fix(err, "give it a name: --name A001");
    }
    if (!places_apart(o, err) || !look_at_card(o, err))
        return false;
    for (size_t i = 0; i < o->place_count; i++)
        if (!look_at_place(o, &o->places[i], &there[i], err))
            return false;
    if (!room_enough(o, there, err))
        return false;
    offload_lists(o);
    return true;
}
