/*
 * Folders that got another name or place: known here by the inode, in the house by the id. The
 * folder is moved on the other side as a whole: one call for 20,000 files, and what lies in it that
 * is not synced goes along.
 *
 * Nothing is risked by it: what is known of each path follows under its new name, and every file is
 * decided anew after that. Inodes are given to others again: a folder is only taken for another one
 * here when something that lay in it lies in it still.
 */
#include "cmd/sync_inside.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_ARENA = 1 << 20 };

static int by_key(const void *one, const void *two)
{
    const struct sync_path *a = *(struct sync_path *const *)one,
                           *b = *(struct sync_path *const *)two;
    return strcmp(a->key, b->key);
}

static bool below(const struct sync_path *p, const struct sync_path *folder)
{
    return strncmp(p->key, folder->key, strlen(folder->key)) == 0;
}

// All that is known of a folder and below it, under its new name; `there`: on the house's side,
// else here. `to` is where it lies on that side now.
static bool follow(struct sync_run *r, struct sync_path *from, const char *to, bool there,
                   struct error *err)
{
    struct sync_list old = {0}, all = {0};
    struct arena *a = arena_open((size_t)1 << 30);
    size_t at = 0, size = strlen(there ? from->there : from->here);
    for (struct sync_path *p; (p = sync_table_next(r->table, &at));)
        if (below(p, from) && (there ? p->is_there : p->is_here))
            sync_list_add(&old, p);
    for (size_t i = 0; i < old.count; i++) {
        struct sync_path *p = old.at[i];
        const char *was = there ? p->there : p->here;
        if (strlen(was) < size)
            continue; // spelled otherwise: it is looked at again
        const char *path = arena_format(a, "%s%s", to, was + size);
        struct sync_path *now = sync_table_at(r->table, path, p->folder, true);
        if (now == p)
            continue;
        sync_path_follow(p, now, path, there, r->round);
        sync_list_add(&all, p);
        sync_list_add(&all, now);
    }
    bool ok = sync_keep(r, all.at, all.count, err);
    free(old.at);
    free(all.at);
    arena_close(a);
    return ok;
}

static bool move_there(struct sync_run *r, struct sync_path *from, struct sync_path *to,
                       struct error *err)
{
    struct sync_path *above = sync_table_above(r->table, to);
    struct arena *a = arena_open(PATH_ARENA);
    struct sync_there moved;
    const char *path = NULL;
    bool ok = !above || sync_folder_there(r, above, err);
    if (ok && !(path = sync_path_to_there(r, to, a)))
        ok = error_set(err, ERROR_NOT_FOUND, "there is no folder for %s", to->key);
    ok = ok && sync_house_move(&r->root, from->there, path, NULL, a, &moved, err) &&
         follow(r, from, moved.path, true, err);
    arena_close(a);
    return ok;
}

static bool move_here(struct sync_run *r, struct sync_path *from, struct sync_path *to,
                      struct error *err)
{
    struct sync_path *above = sync_table_above(r->table, to);
    struct arena *a = arena_open(PATH_ARENA);
    const char *path = NULL;
    bool ok = !above || sync_folder_here(r, above, err);
    if (ok && !(path = sync_path_to_here(r, to, a)))
        ok = error_set(err, ERROR_NOT_FOUND, "there is no folder for %s", to->key);
    ok = ok && here_move(r->wish->dir, from->here, path, NULL, err) &&
         follow(r, from, path, false, err);
    arena_close(a);
    return ok;
}

static bool holds_still(struct sync_run *r, const struct sync_path *from,
                        const struct sync_path *to)
{
    struct arena *a = arena_open((size_t)256 << 20);
    size_t at = 0, size = strlen(from->key);
    bool holds = false;
    for (struct sync_path *p; !holds && (p = sync_table_next(r->table, &at));) {
        if (p == from || !p->known || !below(p, from))
            continue;
        const char *path = arena_format(a, "%s%s", to->key, p->key + size);
        text name = text_of(path);
        if (p->folder)
            path = arena_copy(a, name.at, name.size - 1); // without its own '/'
        const struct sync_path *now = sync_table_at(r->table, path, p->folder, false);
        holds = now && now->is_here && now->now.inode == p->last.inode;
    }
    arena_close(a);
    return holds;
}

static bool went(const struct sync_path *p, bool here)
{
    return p->folder && p->known && !p->unsure &&
           (here ? !p->is_here && p->is_there : p->is_here && !p->is_there);
}

static bool came(const struct sync_path *p, bool here)
{
    return p->folder && !p->known && !p->unsure &&
           (here ? p->is_here && !p->is_there : p->is_there && !p->is_here);
}

static struct sync_path *came_as(struct sync_run *r, const struct sync_list *l,
                                 const struct sync_path *gone, bool here)
{
    for (size_t i = 0; i < l->count; i++) {
        struct sync_path *p = l->at[i];
        if (came(p, here) &&
            (here ? gone->last.inode && p->now.inode == gone->last.inode && holds_still(r, gone, p)
                  : gone->thing[0] && strcmp(p->thing, gone->thing) == 0))
            return p;
    }
    return NULL;
}

// Of one side, the outer ones first.
static bool moved(struct sync_run *r, bool here, int64_t *done, struct error *err)
{
    struct sync_list gone = {0}, new = {0};
    size_t at = 0;
    bool ok = true;
    for (struct sync_path *p; (p = sync_table_next(r->table, &at));)
        if (went(p, here))
            sync_list_add(&gone, p);
        else if (came(p, here))
            sync_list_add(&new, p);
    if (gone.count && new.count) // a list of none has no place
        qsort(gone.at, gone.count, sizeof(*gone.at), by_key);
    for (size_t i = 0; ok && new.count &&i < gone.count; i++) {
        struct sync_path *from = gone.at[i],
                         *to = went(from, here) ? came_as(r, &new, from, here) : NULL;
        if (!to)
            continue;
        error_clear(err);
        if (here ? move_there(r, from, to, err) : move_here(r, from, to, err)) {
            r->numbers.moved++;
            (*done)++;
        } else {
            ok = sync_go_on(r, from, err); // then each file by itself
        }
    }
    free(gone.at);
    free(new.at);
    return ok;
}

bool sync_folders_moved(struct sync_run *r, int64_t *done, struct error *err)
{
    return moved(r, true, done, err) && moved(r, false, done, err);
}
