/*
 * Looking at both sides: all of it when that is due, else only what the watch and the house's news
 * have named.
 *
 * Not to be found is never taken for deleted when it may have another reason: a folder that can not
 * be read, a symbolic link in the file's place, a pattern that leaves it out now, a listing that
 * did not come whole.
 */
#include "cmd/sync_inside.h"

#include "house/tree/tree.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "plat/watch.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_MOST = 5,
    TOUCHED_MOST = 500,
    UNKNOWN_MOST = 100,
    LIST_ARENA = 1 << 30,
    BLIND_SCAN_S = 30
};

void sync_list_add(struct sync_list *l, struct sync_path *p)
{
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 64;
        l->at = realloc(l->at, l->room * sizeof(*l->at));
        if (!l->at)
            abort();
    }
    l->at[l->count++] = p;
}

void sync_say(json_t *list, const char *path, const char *why)
{
    if (json_array_size(list) == SYNC_SAID_MOST)
        return;
    json_t *name = json_string(path); // NULL: not UTF-8
    json_array_append_new(
        list, json_pack("{s:o, s:s}", "path", name ? name : json_string("?"), "why", why));
}

void sync_read_ignore(struct sync_run *r)
{
    char path[PATH_MAX];
    struct buf lines = BUF_LIMIT(1 << 20);
    struct error none;
    if (!path_join(path, sizeof(path), r->wish->dir, SYNC_IGNORE) ||
        !file_read(path, &lines, &none))
        buf_free(&lines);
    sync_ignore_close(r->ignore);
    r->ignore = sync_ignore_open((text){lines.at ? lines.at : "", lines.size});
    buf_free(&lines);
}

bool sync_left_out(struct sync_run *r, const char *path, bool folder)
{
    char part[PATH_MAX];
    for (size_t i = 0;; i++) {
        if (path[i] && path[i] != '/')
            continue;
        if (i >= sizeof(part))
            return true;
        memcpy(part, path, i);
        part[i] = 0;
        bool is_folder = path[i] || folder;
        if (tree_name_passing(sync_name_of(part)) || sync_ignored(r->ignore, part, is_folder))
            return true;
        if (!path[i])
            return false;
    }
}

// ---- what is left out here: the count, and the first by name, of each reason

static const char *const left_words[HERE_LEFT_COUNT] = {
    [HERE_PASSING] = "hidden, lock or temporary names",
    [HERE_IGNORED] = "by patterns",
    [HERE_LINK] = "symbolic links",
    [HERE_DEVICE] = "devices, sockets or pipes",
    [HERE_NAME] = "names that the house can not have",
    [HERE_UNREAD] = "folders that can not be read",
    [HERE_TWIN] = "names that another differs from only in case or accents",
};

static void left_drop(struct sync_run *r, const char *path)
{
    const json_t *was = json_object_get(r->left_out, path);
    if (was) {
        r->left[json_integer_value(was)]--;
        json_object_del(r->left_out, path);
    }
}

static void left_note(struct sync_run *r, const char *path, enum here_left what)
{
    left_drop(r, path);
    r->left[what]++;
    json_object_set_new_nocheck(r->left_out, path, json_integer(what)); // it may not be UTF-8
}

// It is looked at again, with all that lies below it.
static void left_forget(struct sync_run *r, const char *path)
{
    size_t size = strlen(path);
    const char *one;
    json_t *what;
    void *next;
    left_drop(r, path);
    json_object_foreach_safe(r->left_out, next, one, what)
    {
        if (strncmp(one, path, size) == 0 && one[size] == '/')
            left_drop(r, one);
    }
}

int64_t sync_left_count(const struct sync_run *r)
{
    return (int64_t)json_object_size(r->left_out);
}

static json_t *left_first(const struct sync_run *r, int what)
{
    json_t *first = json_array(), *is;
    const char *path;
    json_object_foreach(r->left_out, path, is)
    {
        if (json_integer_value(is) != what)
            continue;
        json_t *name = json_string(path); // NULL: not UTF-8
        json_array_append_new(first, name ? name : json_string("?"));
        if (json_array_size(first) == FIRST_MOST)
            break;
    }
    return first;
}

json_t *sync_left_json(const struct sync_run *r)
{
    json_t *list = json_array();
    for (int i = 0; i < HERE_LEFT_COUNT; i++)
        if (r->left[i])
            json_array_append_new(list,
                                  json_pack("{s:s, s:I, s:o}", "why", left_words[i], "count",
                                            (json_int_t)r->left[i], "first", left_first(r, i)));
    return list;
}

void sync_left_text(const struct sync_run *r, struct buf *to)
{
    json_t *list = sync_left_json(r), *one, *name;
    size_t i, k;
    if (sync_left_count(r))
        buf_format(to, "%s left out", count_text(sync_left_count(r)).text);
    json_array_foreach(list, i, one)
    {
        const json_t *first = json_object_get(one, "first");
        buf_format(to, "%s%s %s (", i ? "; " : ": ", count_text(json_count(one, "count")).text,
                   json_word(one, "why"));
        json_array_foreach(first, k, name)
        {
            buf_format(to, "%s%s", k ? ", " : "", json_string_value(name));
        }
        buf_format(to, "%s)",
                   json_count(one, "count") > (int64_t)json_array_size(first) ? ", ..." : "");
    }
    json_decref(list);
}

// ---- here

// Two spellings of one name on a disk that tells them apart: the one that was there first counts.
static bool takes_a_turn(struct sync_run *r, const struct sync_path *p, const char *path)
{
    char other[PATH_MAX], whole[PATH_MAX];
    bool folder;
    if (!p->here || strcmp(sync_name_of(p->here), sync_name_of(path)) == 0)
        return false;
    size_t above = (size_t)(sync_name_of(path) - path);
    if (above + strlen(sync_name_of(p->here)) >= sizeof(other))
        return false;
    memcpy(other, path, above);
    strcpy(other + above, sync_name_of(p->here));
    if (!path_join(whole, sizeof(whole), r->wish->dir, other) || !file_look(whole, &folder, NULL))
        return false;
    // A disk that does not tell them apart finds the same one by both.
    struct here_item one, two;
    struct here_wish wish = {.root = r->wish->dir, .ignore = r->ignore};
    return folder == p->folder && here_look(&wish, other, &one) && here_look(&wish, path, &two) &&
           one.inode != two.inode;
}

static void found_here(void *context, const struct here_item *item)
{
    struct sync_run *r = context;
    struct sync_path *p = sync_table_at(r->table, item->path, item->folder, true);
    p->unsure = false;
    const char *awkward = sync_name_awkward(sync_name_of(item->path));
    if (takes_a_turn(r, p, item->path) || !sync_path_here(p, item, r->round)) {
        left_note(r, item->path, HERE_TWIN);
        sync_say(r->said, item->path,
                 "another file here has this name in another spelling: rename one");
    } else if (*awkward)
        sync_say(r->said, item->path, awkward); // it is kept all the same
}

static void left_here(void *context, enum here_left what, const char *path, const char *why)
{
    struct sync_run *r = context;
    static const char *const words[] = {
        [HERE_LINK] = "a symbolic link is not followed",
        [HERE_DEVICE] = "a device, socket or pipe is no file",
        [HERE_NAME] = "",
        [HERE_UNREAD] = "the folder can not be read",
    };
    left_note(r, path, what);
    if (what == HERE_PASSING || what == HERE_IGNORED)
        return;
    sync_say(r->said, path, *why ? why : words[what]);
    if (!text_utf8(text_of(path)))
        return;
    for (int folder = 0; folder < 2; folder++) {
        struct sync_path *p = sync_table_at(r->table, path, folder, false);
        if (p)
            sync_list_add(&r->unsure, p);
    }
}

// Whether it is one of those, or lies below.
static bool is_unsure(const struct sync_run *r, const struct sync_path *p)
{
    for (size_t i = 0; i < r->unsure.count; i++) {
        const char *key = r->unsure.at[i]->key;
        if (strcmp(key, p->key) == 0 ||
            (r->unsure.at[i]->folder && strncmp(p->key, key, strlen(key)) == 0))
            return true;
    }
    return false;
}

static void went_here(struct sync_run *r, struct sync_path *p)
{
    // A pattern that names it now, or something else in its place, is no deletion.
    p->unsure = is_unsure(r, p) || sync_left_out(r, p->here, p->folder);
    if (p->unsure)
        return;
    if (p->is_here || !p->gone_us)
        p->gone_us = clock_tick_us();
    p->is_here = false;
}

static bool within(const char *path, const char *above)
{
    size_t size = strlen(above);
    return !size || (strncmp(path, above, size) == 0 && (!path[size] || path[size] == '/'));
}

// Of all below one of the paths, what this round has not met is gone.
static void settle_here(struct sync_run *r, char *const *below, size_t count)
{
    size_t at = 0;
    for (struct sync_path *p; (p = sync_table_next(r->table, &at));) {
        if (p->seen_here == r->round || !p->here || (!p->is_here && !p->known))
            continue;
        for (size_t i = 0; i < count; i++)
            if (within(p->here, below[i])) {
                went_here(r, p);
                break;
            }
    }
    r->unsure.count = 0;
}

static void touched_forget(struct sync_run *r)
{
    for (size_t i = 0; i < r->touched_count; i++)
        free(r->touched[i]);
    r->touched_count = 0;
}

static bool scan_here(struct sync_run *r, struct error *err)
{
    char *all[] = {""};
    struct here_wish wish = {.root = r->wish->dir,
                             .ignore = r->ignore,
                             .found = found_here,
                             .left = left_here,
                             .context = r};
    memset(r->left, 0, sizeof(r->left));
    json_object_clear(r->left_out);
    json_array_clear(r->said);
    touched_forget(r);
    if (!here_scan(&wish, "", err))
        return false;
    settle_here(r, all, 1);
    r->scan_due = false;
    r->scanned_us = clock_tick_us();
    return true;
}

bool sync_look_here(struct sync_run *r, struct error *err)
{
    struct here_wish wish = {.root = r->wish->dir,
                             .ignore = r->ignore,
                             .found = found_here,
                             .left = left_here,
                             .context = r};
    struct error none;
    // Without a watch on all of it, looking is the only way to hear of changes.
    int64_t every_s = r->watch && watch_whole(r->watch) ? r->wish->scan_s
                      : r->wish->scan_s < BLIND_SCAN_S  ? r->wish->scan_s
                                                        : BLIND_SCAN_S;
    r->round++;
    if (clock_tick_us() - r->scanned_us > every_s * 1000000 || r->touched_count >= TOUCHED_MOST)
        r->scan_due = true;
    r->stirred |= r->scan_due || r->touched_count;
    if (r->scan_due)
        return scan_here(r, err);
    for (size_t i = 0; i < r->touched_count; i++) {
        struct here_item item;
        left_forget(r, r->touched[i]);
        if (!here_look(&wish, r->touched[i], &item))
            continue;
        found_here(r, &item);
        if (item.folder && !here_scan(&wish, item.path, &none))
            left_here(r, HERE_UNREAD, item.path, none.why);
    }
    if (r->touched_count)
        settle_here(r, r->touched, r->touched_count);
    touched_forget(r);
    return true;
}

// ---- there

static void found_there(struct sync_run *r, const struct sync_there *n, bool known)
{
    if (sync_left_out(r, n->path, n->folder))
        return;
    struct sync_path *p = sync_table_at(r->table, n->path, n->folder, !known);
    // Those that are spelled as they were go first: two names never take turns.
    if (known && (!p || !p->there || strcmp(p->there, n->path) != 0))
        return;
    if (!sync_path_there(p, n, r->round))
        sync_say(r->said, n->path, "the house has another file of this name in another spelling");
}

// Folders of the house that are to be listed: paths, "" the top. In `a`.
struct anew {
    struct arena *a;
    const char **at;
    size_t count, room;
};

static void anew_put(struct anew *l, const char *path)
{
    if (l->count == l->room) {
        size_t room = l->room ? l->room * 2 : 256;
        const char **more = ARENA_ARRAY(l->a, const char *, room);
        if (l->count)
            memcpy(more, l->at, l->count * sizeof(*more));
        l->at = more;
        l->room = room;
    }
    l->at[l->count++] = arena_text(l->a, path);
}

static void anew_add(struct anew *l, const char *path)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->at[i], path) == 0)
            return;
    anew_put(l, path);
}

static const char *folder_of(struct arena *a, const char *path)
{
    size_t above = (size_t)(sync_name_of(path) - path);
    return arena_copy(a, path, above ? above - 1 : 0);
}

// One that was not there by this name and id: what lies in it is not known.
static bool is_new_folder(struct sync_run *r, const struct sync_there *n)
{
    const struct sync_path *p = sync_table_at(r->table, n->path, true, false);
    return !p || !p->is_there || strcmp(p->thing, n->thing) != 0 || strcmp(p->there, n->path) != 0;
}

// Adds folders in it to `more`: those that are new, or (`whole`) all. *gone: there is no such
// folder any more.
static bool list_one(struct sync_run *r, const char *path, bool whole, struct anew *more,
                     bool *gone, struct error *err)
{
    struct arena *a = arena_open(LIST_ARENA);
    struct sync_there *list;
    size_t listed;
    bool ok = sync_house_list(&r->root, path, a, &list, &listed, err);
    for (size_t i = 0; ok && i < listed; i++)
        if (list[i].folder && !sync_left_out(r, list[i].path, true)) {
            if (whole)
                anew_put(more, list[i].path);
            else if (is_new_folder(r, &list[i]))
                anew_add(more, list[i].path);
        }
    for (int known = 1; ok && known >= 0; known--)
        for (size_t i = 0; i < listed; i++)
            found_there(r, &list[i], known);
    r->lists++;
    arena_close(a);
    *gone = !ok && *path && err->kind == ERROR_NOT_FOUND;
    return ok || *gone;
}

enum { FOLDERS_MOST = 1 << 19, LIST_TRIES = 5, SOME_MOST = 5000 };

static bool list_whole(struct sync_run *r, bool *gone, struct error *err)
{
    struct anew folders = {.a = arena_open((size_t)1 << 30)};
    bool ok = true;
    anew_put(&folders, "");
    *gone = false;
    r->round++;
    ok = !r->root.path || sync_root_still(r, err);
    for (size_t i = 0; ok && !*gone && i < folders.count; i++)
        ok = (folders.count < FOLDERS_MOST ||
              error_set(err, ERROR_TOO_BIG, "the house's folder has too many folders in it")) &&
             list_one(r, folders.at[i], true, &folders, gone, err);
    size_t at = 0;
    for (struct sync_path *p; ok && !*gone && (p = sync_table_next(r->table, &at));)
        if (p->seen_there != r->round)
            p->is_there = false;
    arena_close(folders.a);
    return ok;
}

// A folder that goes while all are listed may have gone to one that was listed before: once more.
static bool list_all(struct sync_run *r, struct error *err)
{
    bool gone = true, ok = true;
    for (int i = 0; ok && gone && i < LIST_TRIES; i++)
        ok = list_whole(r, &gone, err);
    if (ok && gone)
        ok =
            error_set(err, ERROR_TIMEOUT, "the house's folders change faster than they are listed");
    if (ok) {
        r->list_due = false;
        r->listed = true;
        r->listed_round = r->round;
        r->listed_us = clock_tick_us();
    }
    return ok;
}

static struct sync_path *thing_at(struct sync_run *r, const char *id, bool folder)
{
    size_t at = 0;
    for (struct sync_path *p; (p = sync_table_next(r->table, &at));)
        if (p->folder == folder && p->is_there && strcmp(p->thing, id) == 0)
            return p;
    return NULL;
}

static bool is_top(const struct sync_run *r, const char *folder)
{
    return strcmp(folder, r->folder) == 0 || (!r->folder[0] && strcmp(folder, r->project) == 0);
}

// The folder of an id ("": the project's top), when it is one of ours.
static bool anew_folder(struct sync_run *r, struct anew *l, const char *id)
{
    if (is_top(r, id)) {
        anew_add(l, "");
        return true;
    }
    const struct sync_path *p = *id ? thing_at(r, id, true) : NULL;
    if (p)
        anew_add(l, p->there);
    return p != NULL;
}

// What is known of the news: the folders that it lies in, in one look through the table.
// `seen[i]`: asset i is known.
static void anew_known(struct sync_run *r, const struct sync_news *n, bool *seen, struct anew *l)
{
    size_t at = 0;
    bool any = n->asset_count || n->turned_count;
    for (struct sync_path *p; any && (p = sync_table_next(r->table, &at));) {
        for (int i = 0; i < n->asset_count && p->is_there && !p->folder; i++)
            if (strcmp(n->assets[i], p->thing) == 0) {
                anew_add(l, folder_of(l->a, p->there));
                seen[i] = true;
            }
        for (int i = 0; i < n->turned_count && p->is_there && p->folder; i++)
            if (strcmp(n->turned[i].folder, p->thing) == 0)
                anew_add(l, folder_of(l->a, p->there));
    }
}

// Folders that came, or got another name or place: where they are now. One that is ours nowhere may
// be above all of ours.
static bool anew_turned(struct sync_run *r, const struct sync_news *n, struct anew *l,
                        struct error *err)
{
    bool outside = n->root;
    for (int i = 0; i < n->turned_count; i++)
        outside |= is_top(r, n->turned[i].folder) ||
                   (!anew_folder(r, l, n->turned[i].above) && r->folder[0]);
    return !outside || sync_root_still(r, err);
}

// Of what was listed in folders (`listed` says so of a path's folder), what was not there is gone,
// and all below a folder that is gone. A file may have moved to a folder that was not listed: that
// is added. *more: there was something.
static bool settle_there(struct sync_run *r, const struct sync_news *n, struct anew *l, bool *more,
                         struct error *err)
{
    int asked = 0;
    size_t at = 0;
    *more = false;
    for (struct sync_path *p; (p = sync_table_next(r->table, &at));) {
        if (!p->is_there || p->seen_there == r->round)
            continue;
        const struct sync_path *above = sync_table_above(r->table, p);
        bool top = !above && !memchr(p->key, '/', strlen(p->key) - p->folder);
        if (!(top ? r->top_listed == r->round : above && above->listed == r->round))
            continue;
        p->is_there = false;
        *more = true;
        if (p->folder) {
            p->listed = r->round; // with all that is in it
            continue;
        }
        // What went with its folder is asked for only when it was told of by itself.
        bool asks = top || above->is_there;
        for (int i = 0; i < n->asset_count && !asks; i++)
            asks = strcmp(n->assets[i], p->thing) == 0;
        if (!asks || !p->thing[0])
            continue;
        char place[27];
        bool there;
        r->list_due |= ++asked > UNKNOWN_MOST;
        if (r->list_due)
            return true;
        if (!sync_house_place_of(&r->root, p->thing, place, &there, err))
            return false;
        if (there)
            anew_folder(r, l, place);
    }
    return true;
}

// Lists the folders again, and those that are new in them with all that is in them.
static bool list_some(struct sync_run *r, const struct sync_news *n, struct anew *l,
                      struct error *err)
{
    bool more = l->count;
    for (size_t done = 0; more;) {
        for (; done < l->count; done++) {
            bool gone;
            struct sync_path *p = sync_table_at(r->table, l->at[done], true, false);
            r->list_due |= done >= SOME_MOST;
            if (r->list_due)
                return true;
            if (!list_one(r, l->at[done], false, l, &gone, err))
                return false;
            if (!*l->at[done])
                r->top_listed = r->round;
            p = p ? p : sync_table_at(r->table, l->at[done], true, false);
            if (p)
                p->listed = r->round;
            if (p && gone)
                p->is_there = false;
        }
        if (!settle_there(r, n, l, &more, err) || r->list_due)
            return r->list_due;
        more |= done < l->count;
    }
    return true;
}

static bool refresh(struct sync_run *r, const struct sync_news *n, struct error *err)
{
    struct anew l = {.a = arena_open((size_t)1 << 30)};
    bool *seen = ARENA_ARRAY(l.a, bool, SYNC_NEWS_MOST), ok = true;
    int unknown = 0;
    anew_known(r, n, seen, &l);
    for (int i = 0; i < n->folder_count; i++)
        anew_folder(r, &l, n->folders[i]);
    ok = anew_turned(r, n, &l, err);
    for (int i = 0; ok && i < n->asset_count && !r->list_due; i++) {
        char place[27];
        bool there;
        if (seen[i])
            continue;
        r->list_due = ++unknown > UNKNOWN_MOST;
        ok = sync_house_place_of(&r->root, n->assets[i], place, &there, err);
        if (ok && there)
            anew_folder(r, &l, place);
    }
    ok = ok && (r->list_due || list_some(r, n, &l, err));
    arena_close(l.a);
    return ok;
}

bool sync_look_there(struct sync_run *r, struct error *err)
{
    static const int64_t without_news_us = 60 * 1000000;
    int64_t now = clock_tick_us();
    struct sync_news *n = calloc(1, sizeof(*n));
    if (!n)
        abort();
    bool ok = true;
    // Listing costs the house something: it is left alone for some times as long as it took.
    if (now - r->refreshed_us < 4 * r->refresh_cost_us && r->listed && !r->wish->once)
        goto out;
    sync_events_take(r->events, n);
    r->distrust |= n->back;
    r->list_due |=
        n->all || now - r->listed_us > (n->live ? r->wish->scan_s * 1000000 : without_news_us);
    r->round++;
    bool some = n->asset_count || n->folder_count || n->turned_count || n->root;
    r->stirred |= r->list_due || some;
    if (!r->list_due && some)
        ok = refresh(r, n, err);
    if (ok && r->list_due)
        ok = list_all(r, err);
    if (ok) {
        r->event = n->number;
        r->refreshed_us = clock_tick_us();
        r->refresh_cost_us = r->refreshed_us - now;
    } else {
        r->list_due = true; // what was taken is lost
    }
out:
    free(n);
    return ok;
}

bool sync_moved_there(struct sync_run *r, const struct sync_path *p, bool *moved, struct error *err)
{
    char place[27];
    *moved = false;
    if (!p->version[0] || thing_at(r, p->thing, false)) // where it is now is known
        return true;
    if (!sync_house_place_of(&r->root, p->thing, place, moved, err))
        return false;
    // In a folder that is not known: it may be one of ours that was not listed yet.
    bool known = is_top(r, place) || thing_at(r, place, true);
    *moved = *moved && (known || r->listed_round != r->round);
    return true;
}
