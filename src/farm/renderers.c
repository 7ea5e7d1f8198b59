#include "farm/renderers.h"
#include "plat/files.h"

#include <stdlib.h>
#include <string.h>

enum { RENDERERS_MOST = 256, FACTS_BYTES = 1 << 20 };

struct renderers {
    struct renderer *at[RENDERERS_MOST];
    size_t count;
};

static bool read_one(void *context, const struct file_seen *f, bool *enter, struct error *err)
{
    struct renderers *all = context;
    struct buf content = BUF_LIMIT(FACTS_BYTES);
    *enter = !f->relative[0];
    if (f->kind != FILE_PLAIN || !text_ends(text_of(f->relative), ".json"))
        return true;
    if (all->count == RENDERERS_MOST)
        return error_set(err, ERROR_TOO_MANY, "there are over %d renderers", RENDERERS_MOST);
    bool good =
        file_read(f->path, &content, err) &&
        renderer_parse(f->relative, (text){content.at, content.size}, &all->at[all->count], err);
    all->count += good;
    buf_free(&content);
    return good;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(renderer_name(*(struct renderer *const *)a),
                  renderer_name(*(struct renderer *const *)b));
}

struct renderers *renderers_open(const char *folder, struct error *err)
{
    struct renderers *all = calloc(1, sizeof(*all));
    if (!all)
        abort();
    if (!folder_walk(folder, &(struct walk_wish){.seen = read_one, .context = all}, err)) {
        renderers_close(all);
        return NULL;
    }
    if (all->count)
        qsort(all->at, all->count, sizeof(*all->at), by_name);
    return all;
}

void renderers_close(struct renderers *all)
{
    for (size_t i = 0; all && i < all->count; i++)
        renderer_close(all->at[i]);
    free(all);
}

const struct renderer *renderers_named(const struct renderers *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(renderer_name(all->at[i]), name) == 0)
            return all->at[i];
    return NULL;
}

const struct renderer *renderers_of_command(const struct renderers *all, const char *argv0)
{
    for (size_t i = 0; i < all->count; i++)
        if (renderer_runs(all->at[i], argv0))
            return all->at[i];
    return NULL;
}

const struct renderer *renderers_of_scene(const struct renderers *all, const char *scene,
                                          struct error *err)
{
    struct buf names = BUF_LIMIT(512);
    for (int wanted = 2; wanted > 0; wanted--)
        for (size_t i = 0; i < all->count; i++)
            if (renderer_fits(all->at[i], scene) == wanted)
                return all->at[i];
    for (size_t i = 0; i < all->count; i++)
        buf_format(&names, "%s%s", i ? ", " : "", renderer_name(all->at[i]));
    error_set(err, ERROR_UNSUPPORTED, "no renderer takes %s", scene);
    error_why(err, "its ending is none of theirs: %s", names.at ? names.at : "there are none");
    error_fix(err, "name one (--renderer), or write a job template");
    buf_free(&names);
    return NULL;
}
