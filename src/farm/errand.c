#include "farm/errand.h"
#include "base/log.h"
#include "plat/files.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct errand {
    struct stage *s;
    struct stage_of of;
    struct cache_file *list;
    size_t count;
    char folder[PATH_MAX];
    bool pinned;
};

static bool read_inputs(struct errand *e, const json_t *inputs, struct error *err)
{
    size_t i;
    const json_t *one;
    e->list = calloc(json_array_size(inputs) + 1, sizeof(*e->list));
    if (!e->list)
        abort();
    json_array_foreach(inputs, i, one)
    {
        const char *content = json_string_value(json_object_get(one, "content"));
        struct cache_file *f = &e->list[e->count++];
        f->size = json_integer_value(json_object_get(one, "size"));
        if (!content || f->size < 0 || !sha256_parse(text_of(content), &f->content))
            return error_set(err, ERROR_UNSUPPORTED, "the house does not say what is to be read");
    }
    return true;
}

bool errand_open(struct stage *s, const struct stage_of *of, const json_t *task,
                 const char *scratch, struct errand **errand, struct error *err)
{
    struct errand *e = calloc(1, sizeof(*e));
    if (!e)
        abort();
    e->s = s;
    e->of = *of;
    int size = snprintf(e->folder, sizeof(e->folder), "%s/errand-%s", scratch, of->attempt);
    bool ok = size < (int)sizeof(e->folder) ||
              error_set(err, ERROR_INPUT, "the scratch folder's name is too long");
    ok = ok && read_inputs(e, json_object_get(task, "inputs"), err) &&
         folder_remove(e->folder, err) && folder_make(e->folder, 0700, err) &&
         stage_bring(s, of, e->list, e->count, err);
    e->pinned = ok;
    if (ok)
        *errand = e;
    else
        errand_close(e);
    return ok;
}

void errand_close(struct errand *e)
{
    struct error err;
    if (!e)
        return;
    if (e->pinned)
        stage_let_go(e->s, e->list, e->count);
    if (e->folder[0] && !folder_remove(e->folder, &err))
        log_problem("errand.folder", &err);
    free(e->list);
    free(e);
}

const char *errand_folder(const struct errand *e)
{
    return e->folder;
}

bool errand_input(struct errand *e, size_t number, struct engine_pieces *pieces, struct error *err)
{
    int descriptor;
    pieces->count = 0;
    pieces->at = calloc(1, sizeof(*pieces->at));
    if (!pieces->at)
        abort();
    if (number >= e->count)
        return error_set(err, ERROR_INTERNAL, "there is no input %zu", number);
    if (!stage_read(e->s, &e->of, &e->list[number], &descriptor, err))
        return false;
    pieces->count = 1;
    pieces->at[0] = (struct engine_run_piece){descriptor, 0, e->list[number].size};
    return true;
}

static bool send_one(struct errand *e, json_t *output, struct error *err)
{
    const char *name = json_string_value(json_object_get(output, "name"));
    char path[PATH_MAX];
    sha256 content;
    if (!name || !path_join(path, sizeof(path), e->folder, name))
        return error_set(err, ERROR_CHILD, "the engine names an output that can not be");
    return stage_send_named(e->s, &e->of, name, path, &content, err) &&
           (json_object_set_new(output, "content", json_string(sha256_text(&content).text)) == 0 ||
            error_set(err, ERROR_INTERNAL, "a result can not be written down"));
}

bool errand_send(struct errand *e, json_t *result, struct error *err)
{
    json_t *output = json_object_get(result, "output"), *all = json_object_get(result, "outputs");
    if (json_is_object(output) && !send_one(e, output, err))
        return false;
    for (size_t i = 0; i < json_array_size(output); i++)
        if (!send_one(e, json_array_get(output, i), err))
            return false;
    for (size_t i = 0; i < json_array_size(all); i++)
        if (!send_one(e, json_array_get(all, i), err))
            return false;
    return true;
}
