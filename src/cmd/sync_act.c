/*
 * One pass: every path is decided, then what is to be done is done in an order in which nothing is
 * in the way of anything: folders, moves, conflicts, what goes to the house, what comes from it,
 * and deletions last.
 *
 * What went on one side and came on the same side under another name, with the same bytes, is a
 * move: nothing is sent or fetched for it.
 */
#include "cmd/sync_inside.h"

#include "house/tree/tree.h"
#include "plat/clock.h"
#include "plat/content.h"
#include "plat/files.h"
#include "store/store.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEEP_AT_ONCE = 500, PATH_ARENA = 1 << 20 };
#define HOLD_US ((int64_t)600 * 1000000)

void sync_bar(struct sync_run *r, const char *what, int64_t all)
{
    progress_end(&r->bar);
    r->bar = progress_begin(what, "bytes", r->wish->json);
    r->bar_before = 0;
    r->bar_all = all;
}

void sync_bar_show(struct sync_run *r, int64_t done)
{
    progress_show(&r->bar, r->bar_before + done, r->bar_all);
}

bool sync_offline(const struct error *err)
{
    return err->kind == ERROR_NETWORK || err->kind == ERROR_TIMEOUT ||
           err->kind == ERROR_TOO_MANY || err->kind == ERROR_CANCELLED;
}

bool sync_keep(struct sync_run *r, struct sync_path **list, size_t count, struct error *err)
{
    struct sync_row *rows = calloc(KEEP_AT_ONCE, sizeof(*rows));
    bool ok = rows != NULL;
    for (size_t i = 0; ok && i < count;) {
        size_t some = 0;
        for (; i < count && some < KEEP_AT_ONCE; i++)
            rows[some++] = sync_path_row(list[i]);
        ok = sync_state_write(r->state, rows, some, err);
    }
    free(rows);
    return ok;
}

void sync_hold(struct sync_run *r, struct sync_path *p, const struct error *err)
{
    char why[1000];
    // What somebody else was quicker with is looked at again at once, and then less and less often.
    bool race = err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND;
    int64_t for_us = race && p->tries < 10 ? (int64_t)1000000 << p->tries : HOLD_US;
    if (race)
        r->list_due = r->scan_due = true;
    snprintf(why, sizeof(why), "%s%s%s", err->what, err->why[0] ? ": " : "", err->why);
    sync_path_hold(p, clock_tick_us() + for_us, why);
}

static const char *placed(const char *above, const char *name, struct arena *a)
{
    return above && *above ? arena_format(a, "%s/%s", above, name) : name;
}

static bool at_top(const struct sync_path *p)
{
    size_t size = strlen(p->key) - p->folder;
    return !memchr(p->key, '/', size);
}

const char *sync_path_to_there(struct sync_run *r, const struct sync_path *p, struct arena *a)
{
    const struct sync_path *above = sync_table_above(r->table, p);
    const char *name = sync_name_of(p->here);
    return at_top(p) ? name : above && above->is_there ? placed(above->there, name, a) : NULL;
}

const char *sync_path_to_here(struct sync_run *r, const struct sync_path *p, struct arena *a)
{
    const struct sync_path *above = sync_table_above(r->table, p);
    const char *name = sync_name_of(p->there);
    return at_top(p) ? name : above && above->is_here ? placed(above->here, name, a) : NULL;
}

// ---- folders

// The folder, and those above it, in the house.
bool sync_folder_there(struct sync_run *r, struct sync_path *p, struct error *err)
{
    struct sync_path *above = sync_table_above(r->table, p);
    if (p->is_there)
        return true;
    if (!p->here || (!at_top(p) && !above))
        return error_set(err, ERROR_NOT_FOUND, "there is no folder for %s", p->key);
    if (above && !sync_folder_there(r, above, err))
        return false;
    struct arena *a = arena_open(PATH_ARENA);
    struct sync_there made;
    const char *to = sync_path_to_there(r, p, a);
    bool ok = to && sync_house_folder(&r->root, to, a, &made, err);
    if (ok) {
        sync_path_there(p, &made, r->round);
        r->numbers.folders++;
        if (p->is_here) {
            sync_path_equal(p);
            ok = sync_keep(r, &p, 1, err);
        }
    }
    arena_close(a);
    return ok;
}

bool sync_folder_here(struct sync_run *r, struct sync_path *p, struct error *err)
{
    struct sync_path *above = sync_table_above(r->table, p);
    if (p->is_here)
        return true;
    if (!p->there || (!at_top(p) && !above))
        return error_set(err, ERROR_NOT_FOUND, "there is no folder for %s", p->key);
    if (above && !sync_folder_here(r, above, err))
        return false;
    struct arena *a = arena_open(PATH_ARENA);
    const char *to = sync_path_to_here(r, p, a);
    struct here_item item = {.path = to, .folder = true};
    bool ok = to && here_folder_make(r->wish->dir, to, &item.inode, err);
    if (ok) {
        sync_path_here(p, &item, r->round);
        r->numbers.folders++;
        if (p->is_there) {
            sync_path_equal(p);
            ok = sync_keep(r, &p, 1, err);
        }
    }
    arena_close(a);
    return ok;
}

static int deeper_last(const void *one, const void *two)
{
    const struct sync_path *a = *(struct sync_path *const *)one,
                           *b = *(struct sync_path *const *)two;
    return strcmp(a->key, b->key);
}

static int deeper_first(const void *one, const void *two)
{
    return -deeper_last(one, two);
}

static void sort(struct sync_list *l, int (*order)(const void *, const void *))
{
    if (l->count)
        qsort(l->at, l->count, sizeof(*l->at), order);
}

bool sync_go_on(struct sync_run *r, struct sync_path *p, const struct error *err)
{
    if (sync_offline(err) || err->kind == ERROR_LOGIN)
        return false;
    sync_hold(r, p, err);
    return true;
}

static bool make_folders(struct sync_run *r, struct sync_list *l,
                         bool (*make)(struct sync_run *, struct sync_path *, struct error *),
                         int64_t *done, struct error *err)
{
    sort(l, deeper_last);
    for (size_t i = 0; i < l->count; i++) {
        error_clear(err);
        if (make(r, l->at[i], err))
            (*done)++;
        else if (!sync_go_on(r, l->at[i], err))
            return false;
    }
    return true;
}

// ---- the lists of a pass

struct pass {
    struct sync_run *r;
    struct sync_list send, fetch, conflict, gone_here, gone_there, compare, equal, forget,
        respelled;
    struct sync_list folders_send, folders_fetch, folders_gone;
};

static void pass_free(struct pass *p)
{
    struct sync_list *all[] = {&p->send,         &p->fetch,         &p->conflict,
                               &p->gone_here,    &p->gone_there,    &p->compare,
                               &p->equal,        &p->forget,        &p->respelled,
                               &p->folders_send, &p->folders_fetch, &p->folders_gone};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        free(all[i]->at);
}

static bool is_quiet(struct sync_run *r, const struct sync_path *p)
{
    struct here_item item = {p->here, false, p->now.size, p->now.changed_ns, p->now.inode};
    return !p->is_here || here_quiet(r->wish->dir, &item, r->wish->quiet_ms);
}

static void enlist(struct pass *s, struct sync_path *p)
{
    struct sync_list *files[] = {[SYNC_FORGET] = &s->forget,
                                 [SYNC_COMPARE] = &s->compare,
                                 [SYNC_ADOPT] = &s->equal,
                                 [SYNC_SEND] = &s->send,
                                 [SYNC_FETCH] = &s->fetch,
                                 [SYNC_DELETE_THERE] = &s->gone_here,
                                 [SYNC_DELETE_HERE] = &s->gone_there,
                                 [SYNC_CONFLICT] = &s->conflict};
    struct sync_list *folders[] = {[SYNC_FORGET] = &s->forget,
                                   [SYNC_ADOPT] = &s->equal,
                                   [SYNC_SEND] = &s->folders_send,
                                   [SYNC_FETCH] = &s->folders_fetch,
                                   [SYNC_DELETE_THERE] = &s->folders_gone,
                                   [SYNC_DELETE_HERE] = &s->folders_gone};
    if (p->what == SYNC_WRONG)
        abort(); // our own mistake
    if (p->what == SYNC_NOTHING) {
        if (p->respelled_here || p->respelled_there)
            sync_list_add(&s->respelled, p);
        return;
    }
    sync_list_add(p->folder ? folders[p->what] : files[p->what], p);
}

// A file that was saved again with the same bytes, or touched: cheap to find out when it is small.
static bool worth_a_look(const struct sync_path *p)
{
    return p->known && p->what == SYNC_SEND && p->is_here && !p->hashed &&
           p->now.size == p->last.size && p->now.size < STORE_SMALL;
}

static void decide_all(struct pass *s)
{
    struct sync_run *r = s->r;
    int64_t now = clock_tick_us();
    size_t at = 0;
    r->waiting = r->held = 0;
    json_array_clear(r->waits);
    for (struct sync_path *p; (p = sync_table_next(r->table, &at));) {
        if (p->unsure)
            continue;
        sync_path_decide(p);
        if (p->what != SYNC_NOTHING && p->held && now < p->again_us) {
            r->held++;
            sync_say(r->waits, p->is_here ? p->here : p->there ? p->there : p->key, p->held);
            continue;
        }
        // Programs save by removing and writing anew: what is gone is given a moment.
        bool moment = p->what == SYNC_DELETE_THERE && !r->wish->once &&
                      now - p->gone_us < r->wish->quiet_ms * 1000;
        bool works = !p->folder && p->what != SYNC_NOTHING && p->what != SYNC_FORGET &&
                     p->what != SYNC_DELETE_THERE;
        if (moment || (works && !is_quiet(r, p)))
            r->waiting++;
        else if (!p->folder && worth_a_look(p))
            sync_list_add(&s->compare, p);
        else
            enlist(s, p);
    }
}

static bool compare(struct pass *s, int64_t *done, struct error *err)
{
    struct sync_run *r = s->r;
    int64_t all = 0, so_far = 0;
    char whole[PATH_MAX];
    for (size_t i = 0; i < s->compare.count; i++)
        all += s->compare.at[i]->now.size;
    if (s->compare.count)
        sync_bar(r, "comparing", all);
    for (size_t i = 0; i < s->compare.count; i++) {
        struct sync_path *p = s->compare.at[i];
        struct here_item item;
        struct here_wish look = {.root = r->wish->dir, .ignore = r->ignore};
        int64_t size;
        sync_bar_show(r, so_far);
        so_far += p->now.size;
        if (!path_join(whole, sizeof(whole), r->wish->dir, p->here) ||
            !content_of_file(whole, &p->here_content, &size, err)) {
            sync_hold(r, p, err);
            continue;
        }
        // A file that changed while it was read is looked at again.
        if (!here_look(&look, p->here, &item) || item.size != p->now.size || size != item.size ||
            item.changed_ns != p->now.changed_ns || item.inode != p->now.inode) {
            r->scan_due = true;
            r->waiting++;
            continue;
        }
        p->hashed = true;
        if (sync_path_decide(p) == SYNC_NOTHING)
            p->what = SYNC_ADOPT; // only its time is another: that is remembered
        enlist(s, p);
        (*done)++;
    }
    return true;
}

static bool adopt(struct pass *s, int64_t *done, struct error *err)
{
    sort(&s->equal, deeper_last);
    for (size_t i = 0; i < s->equal.count; i++)
        sync_path_equal(s->equal.at[i]);
    for (size_t i = 0; i < s->forget.count; i++)
        s->forget.at[i]->known = false;
    *done += (int64_t)(s->equal.count + s->forget.count);
    return sync_keep(s->r, s->equal.at, s->equal.count, err) &&
           sync_keep(s->r, s->forget.at, s->forget.count, err);
}

// ---- moves

static int by_inode(const void *one, const void *two)
{
    const struct sync_path *a = *(struct sync_path *const *)one,
                           *b = *(struct sync_path *const *)two;
    return (a->now.inode > b->now.inode) - (a->now.inode < b->now.inode);
}

static int by_content(const void *one, const void *two)
{
    const struct sync_path *a = *(struct sync_path *const *)one,
                           *b = *(struct sync_path *const *)two;
    return memcmp(a->content.at, b->content.at, SHA256_SIZE);
}

static struct sync_path *came_as(const struct sync_list *sorted, const struct sync_path *gone)
{
    size_t low = 0, high = sorted->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sorted->at[middle]->now.inode < gone->last.inode)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < sorted->count && sorted->at[low]->now.inode == gone->last.inode; low++) {
        struct sync_path *p = sorted->at[low];
        if (!p->known && !p->is_there && p->now.size == gone->last.size &&
            p->now.changed_ns == gone->last.changed_ns)
            return p;
    }
    return NULL;
}

static bool move_there(struct sync_run *r, struct sync_path *from, struct sync_path *to,
                       struct error *err)
{
    struct sync_path *above = sync_table_above(r->table, to);
    if (above && !sync_folder_there(r, above, err))
        return false;
    struct arena *a = arena_open(PATH_ARENA);
    struct sync_there moved;
    const char *path = sync_path_to_there(r, to, a);
    bool ok = (path || error_set(err, ERROR_NOT_FOUND, "there is no folder for %s", to->key)) &&
              sync_house_move(&r->root, from->there, path, &from->content, a, &moved, err);
    if (ok) {
        from->is_there = from->known = false;
        sync_path_there(to, &moved, r->round);
        sync_path_equal(to);
        struct sync_path *both[] = {from, to};
        ok = sync_keep(r, both, 2, err);
    }
    arena_close(a);
    return ok;
}

static bool moves_there(struct pass *s, int64_t *done, struct error *err)
{
    struct sync_list left = {0}, sent = {0};
    bool ok = true;
    sort(&s->send, by_inode);
    for (size_t i = 0; ok && i < s->gone_here.count; i++) {
        struct sync_path *from = s->gone_here.at[i], *to = came_as(&s->send, from);
        error_clear(err);
        if (to && move_there(s->r, from, to, err)) {
            s->r->numbers.moved++;
            (*done)++;
            continue;
        }
        ok = !to || sync_go_on(s->r, from, err);
        if (!to)
            sync_list_add(&left, from);
    }
    for (size_t i = 0; i < s->send.count; i++)
        if (!s->send.at[i]->known || s->send.at[i]->what != SYNC_NOTHING)
            sync_list_add(&sent, s->send.at[i]);
    free(s->gone_here.at);
    free(s->send.at);
    s->gone_here = left;
    s->send = sent;
    return ok;
}

static bool move_here(struct sync_run *r, struct sync_path *from, struct sync_path *to,
                      struct error *err)
{
    struct sync_path *above = sync_table_above(r->table, to);
    if (above && !sync_folder_here(r, above, err))
        return false;
    struct arena *a = arena_open(PATH_ARENA);
    const char *path = sync_path_to_here(r, to, a);
    bool ok = (path || error_set(err, ERROR_NOT_FOUND, "there is no folder for %s", to->key)) &&
              here_move(r->wish->dir, from->here, path, &from->now, err);
    if (ok) {
        struct here_item item = {path, false, from->now.size, from->now.changed_ns,
                                 from->now.inode};
        from->is_here = from->known = false;
        sync_path_here(to, &item, r->round);
        sync_path_equal(to);
        struct sync_path *both[] = {from, to};
        ok = sync_keep(r, both, 2, err);
    }
    arena_close(a);
    return ok;
}

// Of those that went there with these bytes, one of the same name before others: many files may be
// equal.
static struct sync_path *went_as(const struct sync_list *sorted, const struct sync_path *to)
{
    size_t low = 0, high = sorted->count;
    struct sync_path *found = NULL;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memcmp(sorted->at[middle]->content.at, to->there_content.at, SHA256_SIZE) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < sorted->count && sha256_equal(&sorted->at[low]->content, &to->there_content);
         low++) {
        struct sync_path *p = sorted->at[low];
        if (!p->known)
            continue;
        if (strcmp(sync_name_of(p->here), sync_name_of(to->there)) == 0)
            return p;
        found = found ? found : p;
    }
    return found;
}

static bool moves_here(struct pass *s, int64_t *done, struct error *err)
{
    struct sync_list left = {0};
    bool ok = true;
    sort(&s->gone_there, by_content);
    for (size_t i = 0; ok && i < s->fetch.count; i++) {
        struct sync_path *to = s->fetch.at[i], *from = NULL;
        if (!to->known && !to->is_here && to->there_size)
            from = went_as(&s->gone_there, to);
        error_clear(err);
        if (from && move_here(s->r, from, to, err)) {
            s->r->numbers.moved++;
            (*done)++;
            continue;
        }
        ok = !from || sync_go_on(s->r, to, err);
        if (!from)
            sync_list_add(&left, to);
    }
    free(s->fetch.at);
    s->fetch = left;
    struct sync_list still = {0};
    for (size_t i = 0; i < s->gone_there.count; i++)
        if (s->gone_there.at[i]->known)
            sync_list_add(&still, s->gone_there.at[i]);
    free(s->gone_there.at);
    s->gone_there = still;
    return ok;
}

// ---- the same thing under another spelling of its name

static const char *composed(const char *name, struct arena *a)
{
    struct error none;
    const char *path;
    return tree_path(text_of(name), a, &path, &none) ? path + 1 : name;
}

static bool respell(struct pass *s, struct sync_path *p, struct error *err)
{
    struct sync_run *r = s->r;
    struct arena *a = arena_open(PATH_ARENA);
    const char *here = sync_name_of(p->here), *there = sync_name_of(p->there);
    const sha256 *content = p->folder ? NULL : &p->content;
    bool ok = true;
    if (strcmp(composed(here, a), there) == 0) {
        p->respelled_here = p->respelled_there = false;
    } else if (p->respelled_there) {
        const char *path = placed(
            arena_copy(a, p->here, here > p->here ? (size_t)(here - p->here) - 1 : 0), there, a);
        ok = here_move(r->wish->dir, p->here, path, p->folder ? NULL : &p->now, err);
        r->scan_due |= ok;
        p->respelled_there = !ok;
    } else {
        struct sync_there moved;
        const char *path =
            placed(arena_copy(a, p->there, there > p->there ? (size_t)(there - p->there) - 1 : 0),
                   here, a);
        ok = sync_house_move(&r->root, p->there, path, content, a, &moved, err);
        r->list_due |= ok;
        p->respelled_here = !ok;
    }
    ok = ok && sync_keep(r, &p, 1, err);
    arena_close(a);
    return ok;
}

// ---- conflicts

static const char *user_name(void)
{
    const char *named = getenv("USER");
    struct passwd *entry = named && *named ? NULL : getpwuid(geteuid());
    return named && *named ? named : entry ? entry->pw_name : "somebody";
}

static bool set_beside(struct pass *s, struct sync_path *p, struct error *err)
{
    struct sync_run *r = s->r;
    struct arena *a = arena_open(PATH_ARENA);
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    host[strcspn(host, ".")] = 0;
    const char *name = sync_name_of(p->here), *to = NULL;
    const char *above = arena_copy(a, p->here, name > p->here ? (size_t)(name - p->here) - 1 : 0);
    bool ok = false;
    for (int number = 1; !ok && number < 100; number++) {
        to = placed(above, sync_conflict_name(a, name, user_name(), host, clock_now_ms(), number),
                    a);
        ok = here_move(r->wish->dir, p->here, to, &p->now, err);
        bool taken = !ok && err->kind == ERROR_CONFLICT && strstr(err->what, " (conflict of ");
        if (!ok && !taken)
            break;
    }
    if (ok) {
        struct here_item item = {to, false, p->now.size, p->now.changed_ns, p->now.inode};
        struct sync_path *other = sync_table_at(r->table, to, false, true);
        sync_path_here(other, &item, r->round);
        p->is_here = p->known = false;
        r->numbers.conflicts++;
        if (!r->wish->json)
            fprintf(stderr, "conflict: %s was changed here and in the house; yours is now %s\n",
                    p->here, to);
        sync_list_add(&s->send, other);
        sync_list_add(&s->fetch, p);
        sync_path_decide(other);
        sync_path_decide(p);
        ok = sync_keep(r, &p, 1, err);
    }
    arena_close(a);
    return ok;
}

static bool each(struct pass *s, struct sync_list *l,
                 bool (*one)(struct pass *, struct sync_path *, struct error *), int64_t *done,
                 struct error *err)
{
    for (size_t i = 0; i < l->count; i++) {
        error_clear(err);
        if (one(s, l->at[i], err))
            (*done)++;
        else if (!sync_go_on(s->r, l->at[i], err))
            return false;
    }
    return true;
}

// ---- deletions

static bool delete_there(struct pass *s, struct sync_path *p, struct error *err)
{
    if (!sync_house_delete(&s->r->root, p->there, &p->content, err))
        return false;
    p->is_there = p->known = false;
    s->r->numbers.deleted_there++;
    return sync_keep(s->r, &p, 1, err);
}

static bool delete_here(struct pass *s, struct sync_path *p, struct error *err)
{
    bool moved;
    if (!sync_moved_there(s->r, p, &moved, err))
        return false;
    if (moved)
        return error_set(err, ERROR_CONFLICT, "%.200s is being moved in the house", p->here);
    if (!here_trash(s->r->wish->dir, p->here, &p->now, clock_now_ms(), err))
        return false;
    p->is_here = p->known = false;
    s->r->numbers.deleted_here++;
    return sync_keep(s->r, &p, 1, err);
}

static void count_kids(struct sync_run *r)
{
    size_t at = 0;
    for (struct sync_path *p; (p = sync_table_next(r->table, &at));)
        p->kids_here = p->kids_there = 0;
    at = 0;
    for (struct sync_path *p; (p = sync_table_next(r->table, &at));) {
        struct sync_path *above = sync_table_above(r->table, p);
        if (above) {
            above->kids_here += p->is_here;
            above->kids_there += p->is_there;
        }
    }
}

static bool folder_delete(struct sync_run *r, struct sync_path *p, struct error *err)
{
    struct sync_path *above = sync_table_above(r->table, p);
    bool there = p->what == SYNC_DELETE_THERE;
    if (!(there ? sync_house_delete(&r->root, p->there, NULL, err)
                : here_folder_remove(r->wish->dir, p->here, err)))
        return false;
    if (above)
        (*(there ? &above->kids_there : &above->kids_here))--;
    *(there ? &p->is_there : &p->is_here) = p->known = false;
    return sync_keep(r, &p, 1, err);
}

// One that still holds something on the side where it is stays, and comes back on the other; not
// when that only waits to be deleted too.
static bool folder_go(struct pass *s, struct sync_path *p, int64_t *done, struct error *err)
{
    struct sync_run *r = s->r;
    sync_path_decide(p);
    bool there = p->what == SYNC_DELETE_THERE;
    if (!there && p->what != SYNC_DELETE_HERE)
        return true; // it was made again meanwhile
    bool holds = there ? p->kids_there : p->kids_here;
    if (holds && (r->asks || r->held || r->waiting))
        return true;
    bool ok = !holds  ? folder_delete(r, p, err)
              : there ? sync_folder_here(r, p, err)
                      : sync_folder_there(r, p, err);
    *done += ok;
    return ok;
}

static bool may_delete(struct pass *s)
{
    struct sync_run *r = s->r;
    int64_t known = 0;
    size_t at = 0;
    r->deletes = (int64_t)(s->gone_here.count + s->gone_there.count);
    for (struct sync_path *p; (p = sync_table_next(r->table, &at));)
        known += p->known && !p->folder;
    r->asks = !r->allowed && r->deletes && (r->distrust || sync_deletes_many(r->deletes, known));
    if (!r->deletes)
        r->distrust = false;
    return !r->asks;
}

static bool delete_all(struct pass *s, int64_t *done, struct error *err)
{
    struct sync_run *r = s->r;
    bool ok = !may_delete(s) || (each(s, &s->gone_here, delete_there, done, err) &&
                                 each(s, &s->gone_there, delete_here, done, err));
    if (ok && s->folders_gone.count) {
        count_kids(r);
        sort(&s->folders_gone, deeper_first);
        for (size_t i = 0; ok && i < s->folders_gone.count; i++) {
            error_clear(err);
            ok = folder_go(s, s->folders_gone.at[i], done, err) ||
                 sync_go_on(r, s->folders_gone.at[i], err);
        }
    }
    return ok;
}

// ---- the pass

// Of what goes to a folder, the folder first.
static bool folders_above(struct pass *s, const struct sync_list *l, bool there, struct error *err)
{
    struct sync_path *last = NULL;
    for (size_t i = 0; i < l->count; i++) {
        struct sync_path *above = sync_table_above(s->r->table, l->at[i]);
        if (!above || above == last)
            continue;
        last = above;
        error_clear(err);
        if (!(there ? sync_folder_there(s->r, above, err) : sync_folder_here(s->r, above, err)) &&
            !sync_go_on(s->r, l->at[i], err))
            return false;
    }
    return true;
}

bool sync_act(struct sync_run *r, int64_t *done, struct error *err)
{
    struct pass s = {.r = r};
    *done = 0;
    if (!sync_folders_moved(r, done, err))
        return false;
    decide_all(&s);
    bool ok = compare(&s, done, err) && adopt(&s, done, err) &&
              make_folders(r, &s.folders_send, sync_folder_there, done, err) &&
              make_folders(r, &s.folders_fetch, sync_folder_here, done, err) &&
              moves_there(&s, done, err) && moves_here(&s, done, err) &&
              each(&s, &s.respelled, respell, done, err) &&
              each(&s, &s.conflict, set_beside, done, err);
    if (ok) {
        sort(&s.send, deeper_last);
        sort(&s.fetch, deeper_last);
    }
    ok = ok && folders_above(&s, &s.send, true, err) && sync_send_all(r, &s.send, done, err) &&
         folders_above(&s, &s.fetch, false, err) && sync_fetch_all(r, &s.fetch, done, err) &&
         delete_all(&s, done, err);
    pass_free(&s);
    if (ok)
        sync_table_tidy(r->table);
    return ok;
}
