// What people ask of a folder whose volume may not answer: each time in a thread that who asked
// does not wait for for ever.
#include "house/places/inside.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct asked {
    struct aside aside; // first
    struct bounds *bounds;
    char path[PATH_MAX], what[40];
    struct places_use use;
    void (*asks)(void *context, const char *place);
    void *context;
    bool list;                 // what is in it, too
    struct place_known *known; // these files, too
    // the answer
    char whole[PATH_MAX];
    struct beneath_folder folder;
    size_t found;
    bool ok;
    struct error err;
};

static void forget(struct aside *a)
{
    struct asked *q = (struct asked *)a;
    beneath_free(&q->folder);
    place_known_free(q->known);
    free(q->bounds);
    free(q);
}

static size_t found_of(const struct place_known *known, const char *root)
{
    size_t found = 0;
    for (size_t i = 0; i < known->count && !found; i++) {
        struct beneath_file is;
        int fd = beneath_open(root, known->list[i].path, &is);
        found += fd >= 0 && is.size == known->list[i].size;
        if (fd >= 0)
            close(fd);
    }
    return found;
}

static void work(struct aside *a)
{
    struct asked *q = (struct asked *)a;
    if (q->asks)
        q->asks(q->context, q->path);
    q->ok = bounds_allow(q->bounds, q->path, &q->use, q->whole, &q->err);
    int code = q->ok && q->list ? beneath_look(q->whole, "", false, &q->folder) : 0;
    if (code < 0)
        q->ok = error_errno(&q->err, -code, "the house can not look into %.200s", q->path);
    if (q->ok && q->known)
        q->found = found_of(q->known, q->whole);
}

static bool plain(const char *path, const struct places_use *use, struct error *err)
{
    size_t size = strlen(path);
    if (path[0] == '/' && size < PATH_MAX / 2 && text_utf8(text_of(path)) &&
        !strstr(path, "/../") && (size < 3 || strcmp(path + size - 3, "/..") != 0))
        return true;
    error_set(err, ERROR_INPUT, "%.200s can not %s", path[0] == '/' ? "this" : path, use->what);
    return error_fix(err, "name the folder by its whole path on the house's machine, such as "
                          "/mnt/nas/show");
}

static bool silent(const struct places *p, const char *path, struct error *err)
{
    error_set(err, ERROR_TIMEOUT, "%.200s does not answer", path);
    error_why(err, "its volume has said nothing for %g s", (double)p->people_ms / 1000);
    return error_fix(err, "is it mounted, and does its server run? `ls` waits there, too. When it "
                          "answers, try again");
}

// Takes `known` over. NULL: it was not answered, and *err says why.
static struct asked *ask(struct places *p, const char *path, const struct places_use *use,
                         bool list, struct place_known *known, struct error *err)
{
    struct asked *q = calloc(1, sizeof(*q));
    if (!q || !(q->bounds = malloc(sizeof(*q->bounds))))
        abort();
    *q->bounds = *p->bounds;
    q->aside.work = work;
    q->aside.forget = forget;
    q->list = list;
    q->known = known;
    q->asks = p->asks;
    q->context = p->context;
    text_copy(text_of(use->what), q->what, sizeof(q->what));
    q->use = (struct places_use){q->what, use->may_be_away};
    if (!plain(path, use, err)) {
        forget(&q->aside);
        return NULL;
    }
    text_copy(text_of(path), q->path, sizeof(q->path));
    if (!aside_do(p->asides, &q->aside, path, p->people_ms)) {
        silent(p, path, err);
        return NULL;
    }
    if (q->ok)
        return q;
    *err = q->err;
    forget(&q->aside);
    return NULL;
}

bool places_allow(struct places *p, const char *path, const struct places_use *use,
                  char whole[PATH_MAX], struct error *err)
{
    struct asked *q = ask(p, path, use, false, NULL, err);
    if (!q)
        return false;
    memcpy(whole, q->whole, PATH_MAX);
    forget(&q->aside);
    return true;
}

bool places_browse(struct places *p, const char *path, const struct places_use *use,
                   char whole[PATH_MAX], struct beneath_folder *f, struct error *err)
{
    struct asked *q = ask(p, path, use, true, NULL, err);
    if (!q)
        return false;
    memcpy(whole, q->whole, PATH_MAX);
    *f = q->folder;
    q->folder = (struct beneath_folder){0};
    forget(&q->aside);
    return true;
}

// ---- is it this place?

struct place_known *place_known_new(void)
{
    struct place_known *known = calloc(1, sizeof(*known));
    if (!known)
        abort();
    known->a = arena_open((size_t)16 << 20);
    return known;
}

void place_known_free(struct place_known *known)
{
    if (!known)
        return;
    arena_close(known->a);
    free(known);
}

bool places_fits(struct places *p, const char *path, const struct places_use *use,
                 struct place_known *known, bool anyway, char whole[PATH_MAX], struct error *err)
{
    struct asked *q = ask(p, path, use, false, known, err);
    if (!q)
        return false;
    memcpy(whole, q->whole, PATH_MAX);
    bool fits = q->found || !known->count || anyway;
    if (!fits) {
        error_set(err, ERROR_CONFLICT, "%.200s does not look like this place", path);
        error_why(err, "none of %zu files that it knows is there, such as %.300s", known->count,
                  place_shown(known->a, known->list[0].path));
        error_fix(err, "name the folder that holds that file; or, if all of it was replaced, say "
                       "so (--anyway): what is not there is then offline, not lost");
    }
    forget(&q->aside);
    return fits;
}
