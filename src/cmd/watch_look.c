#include "cmd/watch_look.h"
#include "cmd/mhl_folder.h"
#include "cmd/offload_cards.h"
#include "house/transfer/transfer.h"
#include "plat/hash.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { CARD_DEPTH = 3 };

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void watch_look_wait(struct watch_look *w, const char *path, const char *why, const char *fix,
                     bool soon)
{
    w->waiting++;
    json_t *name = json_string(path);
    if (json_array_size(w->waits) < WATCH_WAITS_MOST)
        json_array_append_new(w->waits,
                              json_pack("{s:o, s:s, s:s, s:b}", "path",
                                        name ? name : json_string("(a name that is not UTF-8)"),
                                        "why", why, "fix", fix, "soon", soon));
    else
        json_decref(name);
}

// ---- the walk

static bool seen(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct watch_look *w = context;
    (void)err;
    if (!f->relative[0])
        return true;
    if (w->done && strcmp(f->relative, w->done) == 0) {
        *enter = false;
        return true;
    }
    if ((f->kind == FILE_PLAIN || f->kind == FILE_FOLDER) &&
        !transfer_path_hidden(text_of(f->relative)))
        arrive_see(w->arrive, f);
    return true;
}

// ---- one file

// Time alone brings it further.
static bool is_coming(enum arrive_state s)
{
    return s == ARRIVE_CHANGING || s == ARRIVE_YOUNG;
}

static const char *fix_of(enum arrive_state s)
{
    return s == ARRIVE_WRITTEN ? "end the recording, or close it there"
           : s == ARRIVE_LOCKED
               ? "close it in the editing program; a lock that was left behind may be deleted"
           : s == ARRIVE_NAMED ? "it goes when it has its final name"
                               : "nothing: it is looked at again";
}

static void wait_for_state(struct watch_look *w, const struct arrive_file *f)
{
    w->coming += is_coming(f->state);
    watch_look_wait(w, f->path, arrive_why(f->state), fix_of(f->state), is_coming(f->state));
}

static bool ready(struct watch_look *w, const struct arrive_file *f, int64_t now_ms)
{
    if (f->problem)
        watch_look_wait(w, f->path, f->problem, "it is tried again by itself", false);
    return !f->problem || now_ms >= f->again_ms;
}

static void unit_add(struct watch_look *w, const char *path, size_t first, size_t count, bool whole)
{
    w->units[w->unit_count++] = (struct watch_unit){path, first, count, whole};
}

// ---- what is taken as a whole

static bool ordered(const struct watch_look *w, const char *path)
{
    for (size_t i = 0; i < w->as_it_is_count; i++)
        if (strcmp(w->as_it_is[i], path) == 0 || strcmp(w->as_it_is[i], name_of(path)) == 0)
            return true;
    return false;
}

static const char *signature(struct watch_look *w, const struct arrive_file *f, size_t count)
{
    struct hasher *h = hasher_open("sha256");
    uint8_t digest[64];
    sha256 all;
    for (size_t i = 0; i < count; i++) {
        int64_t facts[] = {f[i].size, f[i].modified_ns, (int64_t)f[i].inode};
        if (f[i].folder || strstr(f[i].path, "/ascmhl/") || strncmp(f[i].path, "ascmhl/", 7) == 0)
            continue; // a list of its own making changes nothing
        hasher_add(h, f[i].path, strlen(f[i].path) + 1);
        hasher_add(h, facts, sizeof(facts));
    }
    hasher_end(h, digest);
    memcpy(all.at, digest, SHA256_SIZE);
    return arena_text(w->call->arena, sha256_text(&all).text);
}

static bool has_history(const struct arrive_file *f, size_t count, const char *path)
{
    size_t skip = *path ? strlen(path) + 1 : 0;
    for (size_t i = 0; i < count; i++)
        if (f[i].folder && strcmp(f[i].path + skip, "ascmhl") == 0)
            return true;
    return false;
}

// A list of MHL 1 beside the files, at the top of the folder or anywhere in it.
static bool is_list(const struct arrive_file *f)
{
    const char *name = name_of(f->path), *dot = strrchr(name, '.');
    return !f->folder && name[0] != '.' && dot && strcasecmp(dot, ".mhl") == 0 &&
           !strstr(f->path, "ascmhl/");
}

static bool has_legacy(const struct arrive_file *f, size_t count, size_t skip, bool top)
{
    for (size_t i = 0; i < count; i++)
        if (is_list(&f[i]) && (!top || !strchr(f[i].path + skip, '/')))
            return true;
    return false;
}

static bool has_list(const struct arrive_file *f, size_t count, const char *path)
{
    return has_history(f, count, path) || has_legacy(f, count, *path ? strlen(path) + 1 : 0, true);
}

// Reads it all once. *why "" when it is as its list says; *never: no order changes that.
static void prove(struct watch_look *w, const char *path, bool listed, const char **why,
                  bool *never)
{
    char folder[8192];
    struct error err;
    struct mhl_result r = {0};
    struct mhl_wish wish = {
        .record = !listed, .version = POSTHOUSE_VERSION, .quiet = true, .process = "in-place"};
    wish.folder = folder;
    *why = "";
    *never = false;
    if (!listed && !mhl_kinds_read(NULL, wish.kinds, &err)) {
        *why = arena_text(w->call->arena, err.what);
        return;
    }
    if (*path ? !path_join(folder, sizeof(folder), w->root, path)
              : !text_copy(text_of(w->root), folder, sizeof(folder)))
        return;
    if (!mhl_folder(&wish, w->call->arena, &r, &err)) {
        *why = arena_format(w->call->arena, "%s: %s",
                            listed ? "its list of hashes can not be used"
                                   : "no list of hashes could be made",
                            err.what);
        *never = listed;
    } else if (r.failed.count) {
        *why = arena_format(w->call->arena, "%s is not what its list of hashes says%s",
                            r.failed.at[0], r.failed.count > 1 ? ", and others are not" : "");
        *never = true;
    } else if (listed && r.missing.count) {
        *why = arena_format(w->call->arena, "its list of hashes names %s, which is not there%s",
                            r.missing.at[0], r.missing.count > 1 ? ", and others" : "");
    }
}

// Lists of MHL 1, each of the files beside it.
static void prove_legacy(struct watch_look *w, const struct arrive_file *f, size_t count,
                         const char **why, bool *never)
{
    struct arena *a = w->call->arena;
    char path[8192];
    struct error err;
    *why = "";
    *never = false;
    for (size_t i = 0; i < count && !**why; i++) {
        struct mhl_result r;
        if (!is_list(&f[i]) || !path_join(path, sizeof(path), w->root, f[i].path))
            continue;
        const char *list = name_of(f[i].path);
        if (!mhl_verify_list(path, true, a, &r, &err)) {
            *why = arena_format(a, "its list of hashes %s can not be used: %s", list, err.what);
            *never = true;
        } else if (r.failed.count) {
            *why = arena_format(a, "%s is not what its list of hashes says: by %s %s%s",
                                r.failed.at[0], list, r.failed_how.at[0],
                                r.failed.count > 1 ? "; others are not, too" : "");
            *never = true;
        } else if (r.missing.count) {
            *why = arena_format(a, "its list of hashes %s names %s, which is not there%s", list,
                                r.missing.at[0], r.missing.count > 1 ? ", and others" : "");
        }
    }
}

// What is known of it from the look before, or found out now.
static const char *proven(struct watch_look *w, const char *path, const struct arrive_file *f,
                          size_t count, bool *never)
{
    bool listed = has_history(f, count, path), legacy = has_legacy(f, count, 0, false);
    *never = false;
    if (w->lists == LISTS_OFF || (!listed && !legacy && w->lists != LISTS_MAKE))
        return "";
    const char *now = signature(w, f, count);
    json_t *known = json_object_get(w->proven, *path ? path : ".");
    if (!known || strcmp(json_string_value(json_object_get(known, "of")), now) != 0) {
        const char *why = "";
        if (legacy)
            prove_legacy(w, f, count, &why, never);
        if (!*why && (listed || w->lists == LISTS_MAKE))
            prove(w, path, listed, &why, never);
        known = json_pack("{s:s, s:s, s:b}", "of", now, "why", why, "never", *never);
        json_object_set_new(w->proven, *path ? path : ".", known);
    }
    *never = json_is_true(json_object_get(known, "never"));
    return arena_text(w->call->arena, json_string_value(json_object_get(known, "why")));
}

static const char *card_lacks(struct watch_look *w, const struct card *card)
{
    if (!card->missing.count)
        return NULL;
    const char *more = card->missing.count > 1
                           ? arena_format(w->call->arena, ", and %s more",
                                          count_text((int64_t)card->missing.count - 1).text)
                           : "";
    return arena_format(w->call->arena, "the card (%s) is not complete: %s is not there%s",
                        card->title, card->missing.at[0], more);
}

// A folder's files as formats/cards wants them.
static bool card_of(struct watch_look *w, const char *path, const struct arrive_file *f,
                    size_t count, struct card *card, struct error *err)
{
    struct card_file *files = ARENA_ARRAY(w->call->arena, struct card_file, count + 1);
    size_t skip = *path ? strlen(path) + 1 : 0;
    char folder[8192];
    for (size_t i = 0; i < count; i++)
        files[i] = (struct card_file){f[i].path + skip, f[i].folder, f[i].size};
    if (*path ? !path_join(folder, sizeof(folder), w->root, path)
              : !text_copy(text_of(w->root), folder, sizeof(folder)))
        return error_set(err, ERROR_TOO_BIG, "the path of %s is too long", path);
    return card_in_folder(w->call, arena_text(w->call->arena, folder), files, count, card, err);
}

static void judge_unit(struct watch_look *w, const char *path, size_t first, size_t count,
                       const struct card *card, int64_t now_ms)
{
    size_t all;
    const struct arrive_file *f = arrive_files(w->arrive, &all) + first;
    const char *named = *path ? path : ".", *lacks = card_lacks(w, card);
    size_t wanted = 0, taken = 0;
    bool never = false;
    for (size_t i = 0; i < count; i++) {
        wanted += !f[i].folder && f[i].state != ARRIVE_LEFT_OUT;
        taken += !f[i].folder && f[i].taken;
    }
    unit_add(w, path, first, count, wanted && taken == wanted);
    if (taken == wanted)
        return;
    for (size_t i = 0; i < count; i++) {
        if (f[i].state == ARRIVE_READY || f[i].state == ARRIVE_LEFT_OUT || f[i].taken)
            continue;
        w->coming += is_coming(f[i].state);
        watch_look_wait(
            w, named, arena_format(w->call->arena, "%s %s", f[i].path, arrive_why(f[i].state)),
            "it is taken as a whole when all of it has come to rest", is_coming(f[i].state));
        return;
    }
    if (lacks && !ordered(w, path)) {
        watch_look_wait(
            w, named, lacks,
            arena_format(w->call->arena,
                         "copy the rest of the card, or order it in as it is: --as-it-is \"%s\"",
                         named),
            false);
        return;
    }
    const char *wrong = proven(w, path, f, count, &never);
    if (*wrong && (never || !ordered(w, path))) {
        watch_look_wait(
            w, named, wrong,
            never
                ? "copy it again from where it came; it is not taken like this"
                : arena_format(w->call->arena,
                               "copy the rest, or order it in as it is: --as-it-is \"%s\"", named),
            false);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (!f[i].folder && !f[i].taken && f[i].state == ARRIVE_READY && ready(w, &f[i], now_ms)) {
            w->go[first + i] = true;
            w->going++;
        }
}

static int depth_of(const char *path)
{
    int depth = *path != 0;
    for (; *path; path++)
        depth += *path == '/';
    return depth;
}

static bool all_taken(const struct arrive_file *f, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!f[i].folder && !f[i].taken && f[i].state != ARRIVE_LEFT_OUT)
            return false;
    return true;
}

// Whether a folder is a unit; the watched folder itself only when it is a card with an index.
static bool is_unit(struct watch_look *w, const char *path, size_t first, size_t count,
                    struct card *card, bool *unit, struct error *err)
{
    size_t all;
    const struct arrive_file *f = arrive_files(w->arrive, &all) + first;
    *card = (struct card){0};
    *unit = false;
    if (depth_of(path) > CARD_DEPTH || !count || (w->stays && all_taken(f, count)))
        return true;
    if (!card_of(w, path, f, count, card, err))
        return false;
    if (card->kind && card->base[0])
        *card = (struct card){0}; // it begins further down
    *unit = *path ? card->kind || has_list(f, count, path) : card->kind && card->indexed;
    return true;
}

// ---- loose files

static const char *folder_of(struct watch_look *w, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_copy(w->call->arena, path, (size_t)(slash - path)) : ".";
}

static void judge_file(struct watch_look *w, size_t i, const json_t *busy, int64_t now_ms)
{
    size_t all;
    const struct arrive_file *f = &arrive_files(w->arrive, &all)[i];
    if (f->state == ARRIVE_LEFT_OUT)
        return;
    unit_add(w, f->path, i, 1, f->taken);
    if (f->taken)
        return;
    if (f->state != ARRIVE_READY) {
        wait_for_state(w, f);
    } else if (transfer_alone_waits(name_of(f->path)) &&
               json_object_get(busy, folder_of(w, f->path))) {
        w->coming++;
        watch_look_wait(w, f->path,
                        "others of its folder are still coming: they may be one sequence",
                        "nothing: it goes with them", true);
    } else if (ready(w, f, now_ms)) {
        w->go[i] = true;
        w->going++;
    }
}

// Folders in which numbered pictures are still coming.
static json_t *busy_folders(struct watch_look *w)
{
    size_t count;
    const struct arrive_file *f = arrive_files(w->arrive, &count);
    json_t *busy = json_object();
    for (size_t i = 0; i < count; i++)
        if (!f[i].folder && !f[i].taken && f[i].state != ARRIVE_READY &&
            f[i].state != ARRIVE_LEFT_OUT && transfer_alone_waits(name_of(f[i].path)))
            json_object_set_new(busy, folder_of(w, f[i].path), json_true());
    return busy;
}

static bool judge(struct watch_look *w, int64_t now_ms, struct error *err)
{
    size_t count;
    struct arrive_file *f = arrive_files(w->arrive, &count);
    struct card card;
    bool unit, ok;
    w->go = ARENA_ARRAY(w->call->arena, bool, count + 1);
    w->units = ARENA_ARRAY(w->call->arena, struct watch_unit, count + 1);
    ok = is_unit(w, "", 0, count, &card, &unit, err);
    if (ok && unit) {
        judge_unit(w, "", 0, count, &card, now_ms);
        return true;
    }
    json_t *busy = busy_folders(w);
    for (size_t i = 0; ok && i < count; i++) {
        size_t inside = f[i].folder ? arrive_inside(w->arrive, i) : 0;
        if (!f[i].folder) {
            judge_file(w, i, busy, now_ms);
            continue;
        }
        ok = is_unit(w, f[i].path, i + 1, inside, &card, &unit, err);
        if (ok && unit) {
            judge_unit(w, f[i].path, i + 1, inside, &card, now_ms);
            i += inside;
        }
    }
    json_decref(busy);
    return ok;
}

bool watch_look(struct watch_look *w, int64_t now_ms, struct error *err)
{
    struct walk_wish wish = {.seen = seen, .context = w};
    w->going = w->coming = w->waiting = w->unit_count = 0;
    json_decref(w->waits);
    w->waits = json_array();
    arrive_begin(w->arrive);
    if (!folder_walk(w->root, &wish, err)) {
        arrive_undo(w->arrive);
        return false;
    }
    arrive_end(w->arrive, w->root, now_ms);
    return judge(w, now_ms, err);
}
