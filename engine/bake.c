/*
 * posthouse-colour: a viewing transform made ready, in the engine's sandbox.
 *
 * The ticket's "transform" is {"steps": [...]}, gone through in order, each of them one of
 *   {"correction": INPUT, "id": "A001C003"}    ASC CDL; without an id the first one
 *   {"table": INPUT}                           a .cube
 *   {"config": INPUT, "folder": [{"name", "input"}...], "space", "display", "view", "look"}
 *                                              OpenColorIO
 * With "output" a table is made of it; without, it is only said what is there to choose from.
 */
#include "engine/asked.h"
#include "engine/ocio.h"
#include "engine/output.h"
#include "formats/cdl/cdl.h"
#include "picture/colour.h"
#include "plat/sandbox.h"
#include "tickets/ticket.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STEPS = 8, OPENED = 64, CONFIG_BYTES = 16 << 20, FILES_MOST = 20000 };
#define FILES_BYTES (512LL << 20) // of all tables that a configuration reads

#if defined(__SANITIZE_ADDRESS__)
// Behind the door the leak check can not stop its own threads.
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

struct step {
    const json_t *said;
    const char *name; // of its file
    struct cdl correction;
    struct lut table;
    struct ocio *config;
};

struct baking {
    const struct ticket *t;
    struct step steps[STEPS];
    size_t count;
    json_t *used, *names; // files that the configuration read; what it has to choose from
    // Files of memory, made while they still can be, for tables that OpenColorIO opens.
    int spare[OPENED];
    size_t opened;
    int64_t opened_bytes;
    const json_t *folder;
    struct error refused; // why a table could not be opened
};

static void make_spares(struct baking *b)
{
    for (size_t i = 0; i < OPENED; i++)
        b->spare[i] = memfd_create("table", MFD_CLOEXEC);
}

// ---- inputs

static bool input_of(struct baking *b, const json_t *said, const char *field, size_t *number,
                     struct error *err)
{
    const json_t *value = json_object_get(said, field);
    *number = (size_t)json_integer_value(value);
    return (json_is_integer(value) && *number < b->t->input_count) ||
           error_set(err, ERROR_INPUT, "the ticket's \"%s\" names no input", field);
}

static bool whole_input(struct baking *b, size_t number, int64_t most, struct buf *to,
                        struct error *err)
{
    const struct ticket_input *from = &b->t->inputs[number];
    struct input *in;
    size_t got = 0;
    if (from->size > most) {
        error_set(err, ERROR_TOO_BIG, "%.200s is too large", from->name);
        error_why(err, "it has %s, at most %s are read", size_text(from->size).text,
                  size_text(most).text);
        return error_fix(err, "export it smaller");
    }
    if (!input_open(number, from->size, &in, err))
        return false;
    char *room = buf_reserve(to, (size_t)from->size + 1);
    bool done = (room || error_set(err, ERROR_TOO_BIG, "no memory for %.200s", from->name)) &&
                input_read(in, 0, room, (size_t)from->size, &got, err);
    to->size += got;
    input_close(in);
    return done;
}

// ---- what OpenColorIO asks for

static const json_t *file_named(const struct baking *b, const char *name)
{
    const json_t *row;
    size_t i;
    json_array_foreach(b->folder, i, row)
    {
        const char *own = json_string_value(json_object_get(row, "name"));
        if (own && strcmp(own, name) == 0)
            return row;
    }
    return NULL;
}

static bool is_there(void *context, const char *name)
{
    return file_named(context, name) != NULL;
}

static bool copy_into(struct baking *b, int file, size_t number, struct error *err)
{
    struct buf bytes = BUF_LIMIT(LUT_FILE_BYTES + 1);
    bool done = whole_input(b, number, LUT_FILE_BYTES, &bytes, err);
    b->opened_bytes += (int64_t)bytes.size;
    if (done && b->opened_bytes > FILES_BYTES)
        done = error_set(err, ERROR_TOO_BIG, "the tables of the configuration are over %s",
                         size_text(FILES_BYTES).text);
    done = done && output_write(file, bytes.at, bytes.size, 0, err);
    buf_free(&bytes);
    return done;
}

static int open_table(void *context, const char *name)
{
    struct baking *b = context;
    const json_t *row = file_named(b, name);
    size_t number;
    if (!row || !input_of(b, row, "input", &number, &b->refused))
        return -1;
    if (b->opened == OPENED || b->spare[b->opened] < 0) {
        error_set(&b->refused, ERROR_TOO_BIG, "the configuration opens more than %d tables",
                  OPENED);
        return -1;
    }
    int file = b->spare[b->opened++];
    if (!copy_into(b, file, number, &b->refused))
        return -1;
    json_array_append_new(b->used, json_string(name));
    return file;
}

// ---- steps

static const char *words(const json_t *said, const char *field)
{
    const char *value = json_string_value(json_object_get(said, field));
    return value && *value ? value : NULL;
}

static bool take_correction(struct baking *b, struct step *s, struct buf *bytes, struct error *err)
{
    struct cdl_list list;
    const char *id = words(s->said, "id");
    if (!cdl_read(s->name, (text){bytes->at, bytes->size}, &list, err))
        return false;
    const struct cdl *found = cdl_find(&list, id ? id : "");
    json_t *names = json_array();
    for (size_t i = 0; i < list.count && i < 1000; i++)
        json_array_append_new(names, json_string(*list.at[i].id ? list.at[i].id : list.at[i].reel));
    json_object_set_new(b->names, "corrections", names);
    if (found)
        s->correction = *found;
    else
        error_set(err, ERROR_INPUT, "%.200s has no correction of '%.80s'", s->name, id);
    cdl_list_free(&list);
    return found || error_fix(err, "name one that is in it, or none for the first");
}

static bool config_failed(struct baking *b, const struct step *s, const char *why,
                          struct error *err)
{
    if (b->refused.kind != ERROR_NONE) {
        *err = b->refused;
        return false;
    }
    error_set(err, ERROR_INPUT, "%.200s can not be used", s->name);
    error_why(err, "%s", why);
    return error_fix(err, "check the configuration with ociocheck, and give the whole folder");
}

static bool take_config(struct baking *b, struct step *s, struct buf *bytes, struct error *err)
{
    char why[600] = "";
    struct ocio_way way = {words(s->said, "space"), words(s->said, "display"),
                           words(s->said, "view"), words(s->said, "look")};
    b->folder = json_object_get(s->said, "folder");
    if (json_array_size(b->folder) > FILES_MOST)
        return error_set(err, ERROR_TOO_BIG, "the folder has more than %d files", FILES_MOST);
    s->config = ocio_open(&(struct ocio_wish){.config = bytes->at ? bytes->at : "",
                                              .config_size = bytes->size,
                                              .there = is_there,
                                              .open = open_table,
                                              .context = b},
                          why, sizeof(why));
    if (!s->config)
        return config_failed(b, s, why, err);
    json_object_set_new(b->names, "config", ocio_names(s->config));
    if (!b->t->output && !way.space)
        return true; // it is only asked what there is
    if (!way.space || (!way.view && !way.look) || !way.view != !way.display) {
        error_set(err, ERROR_INPUT, "it is not said what %.200s is to do", s->name);
        return error_fix(err, "say the colour space of the picture, and a display and its view, or "
                              "a look");
    }
    return ocio_choose(s->config, &way, why, sizeof(why)) || config_failed(b, s, why, err);
}

static bool take_table(struct baking *b, struct step *s, struct buf *bytes, struct error *err)
{
    (void)b;
    return lut_read((text){bytes->at, bytes->size}, &s->table, err) ||
           error_while(err, "%.200s", s->name);
}

static const struct {
    const char *field;
    int64_t most;
    bool (*take)(struct baking *b, struct step *s, struct buf *bytes, struct error *err);
} kinds[] = {{"correction", CDL_FILE_BYTES, take_correction},
             {"table", LUT_FILE_BYTES, take_table},
             {"config", CONFIG_BYTES, take_config}};

static bool take_step(struct baking *b, const json_t *said, struct error *err)
{
    struct step *s = &b->steps[b->count++];
    s->said = said;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct buf bytes = BUF_LIMIT((size_t)LUT_FILE_BYTES + 1);
        size_t number;
        if (!json_object_get(said, kinds[i].field))
            continue;
        if (!input_of(b, said, kinds[i].field, &number, err))
            return false;
        s->name = b->t->inputs[number].name;
        bool done =
            whole_input(b, number, kinds[i].most, &bytes, err) && kinds[i].take(b, s, &bytes, err);
        buf_free(&bytes);
        return done;
    }
    return error_set(err, ERROR_INPUT, "a step is neither correction, table nor config");
}

static bool take_steps(struct baking *b, struct error *err)
{
    const json_t *list = json_object_get(b->t->transform, "steps"), *said;
    size_t i;
    if (!json_array_size(list) || json_array_size(list) > STEPS)
        return error_set(err, ERROR_INPUT, "a transform has 1 to %d steps", STEPS);
    json_array_foreach(list, i, said)
    {
        if (!take_step(b, said, err))
            return false;
    }
    return true;
}

// ---- all of them as one table

static void through_all(void *context, float *rgb, size_t count)
{
    struct baking *b = context;
    for (size_t i = 0; i < b->count; i++) {
        struct step *s = &b->steps[i];
        if (s->config) {
            ocio_apply(s->config, rgb, count);
            continue;
        }
        for (size_t k = 0; k < count; k++) {
            if (json_object_get(s->said, "table"))
                lut_apply(&s->table, rgb + k * 3, rgb + k * 3);
            else
                cdl_apply(&s->correction, rgb + k * 3, rgb + k * 3);
        }
    }
}

static bool is_table(const struct step *s)
{
    return json_object_get(s->said, "table") != NULL;
}

// A correction that keeps the channels apart is a table before a cube: the cube stays as it is.
static bool before_a_cube(const struct baking *b)
{
    const struct step *first = &b->steps[0], *second = &b->steps[1];
    return b->count == 2 && json_object_get(first->said, "correction") &&
           first->correction.saturation == 1 && is_table(second) && !second->table.size1;
}

static bool correct_first(struct baking *b, struct lut *made, struct error *err)
{
    struct lut *cube = &b->steps[1].table;
    if (!lut_make(made, 8193, 0, err))
        return false;
    for (size_t i = 0; i < made->size1; i++)
        cdl_apply(&b->steps[0].correction, made->at1 + i * 3, made->at1 + i * 3);
    made->size3 = cube->size3;
    made->at3 = cube->at3;
    memcpy(made->low3, cube->low3, sizeof(cube->low3));
    memcpy(made->high3, cube->high3, sizeof(cube->high3));
    cube->at3 = NULL;
    return true;
}

// Slope, offset and power of a first correction are a table, exactly; the cube has what follows.
static bool split_first(struct baking *b, struct lut *made, struct error *err)
{
    struct cdl *first = &b->steps[0].correction;
    const struct cdl whole = *first;
    struct colour_baked rest;
    struct lut table = {0};
    for (int c = 0; c < 3; c++)
        first->slope[c] = first->power[c] = 1, first->offset[c] = 0;
    bool done = colour_bake(through_all, b, false, made, &rest, err);
    *first = whole;
    if (!done || !made->size3 || made->size1)
        return done;
    first->saturation = 1;
    done = lut_make(&table, 8193, 0, err);
    for (size_t i = 0; done && i < table.size1; i++)
        cdl_apply(first, table.at1 + i * 3, table.at1 + i * 3);
    *first = whole;
    made->size1 = table.size1, made->at1 = table.at1;
    return done || (lut_free(made), false);
}

static bool make(struct baking *b, struct lut *made, struct colour_baked *how, bool *light,
                 struct error *err)
{
    const struct step *first = &b->steps[0];
    *light = first->config && ocio_is_light(first->config);
    *how = (struct colour_baked){0};
    if (b->count == 1 && is_table(first)) {
        *made = first->table;
        b->steps[0].table = (struct lut){0};
        return true;
    }
    if (before_a_cube(b))
        return correct_first(b, made, err);
    bool corrects = json_object_get(first->said, "correction") != NULL;
    if (corrects && (b->count > 1 || first->correction.saturation != 1) &&
        !split_first(b, made, err))
        return false;
    if (made->size3 && corrects)
        return colour_compare(through_all, b, false, made, how, err);
    lut_free(made);
    return colour_bake(through_all, b, *light, made, how, err);
}

static bool write_table(struct baking *b, json_t *result, struct error *err)
{
    struct lut made = {0};
    struct colour_baked how;
    struct buf packed = BUF_LIMIT(LUT_FILE_BYTES);
    bool light;
    json_t *outputs = json_array();
    const char *title = words(b->t->transform, "name");
    if (!make(b, &made, &how, &light, err))
        return json_decref(outputs), false;
    if (title)
        text_copy(text_of(title), made.title, sizeof(made.title));
    bool done = lut_pack(&made, &packed, err) &&
                output_whole(outputs, "look", b->t->output, packed.at, packed.size, err);
    json_object_set_new(result, "outputs", outputs);
    json_object_set_new(result, "most", json_real(how.most));
    json_object_set_new(result, "mean", json_real(how.mean));
    json_object_set_new(result, "light", json_boolean(light));
    json_object_set_new(result, "table", json_integer((json_int_t)made.size1));
    json_object_set_new(result, "cube", json_integer((json_int_t)made.size3));
    lut_free(&made);
    buf_free(&packed);
    return done;
}

static bool bake(struct baking *b, json_t **result, struct error *err)
{
    if (!take_steps(b, err))
        return false;
    *result = b->names;
    json_object_set(b->names, "used", b->used);
    return !b->t->output || write_table(b, *result, err);
}

int main(int argc, char **argv)
{
    struct error err;
    json_t *result = NULL;
    struct ticket *t = NULL;
    const char *sandbox = argc > 1 ? argv[1] : "--sandbox=on";
    static struct baking b;
    error_clear(&err);
    json_t *said = asked_ticket(&err);
    make_spares(&b);
    bool done = said && ticket_parse(said, &t, &err) &&
                (t->kind == TICKET_BAKE || error_set(&err, ERROR_INPUT, "this only bakes")) &&
                (strcmp(sandbox, "--sandbox=off") == 0 ||
                 sandbox_enter(strcmp(sandbox, "--sandbox=inside") == 0, &err));
    b.t = t;
    b.used = json_array();
    b.names = json_object();
    if (done && bake(&b, &result, &err))
        door_say(json_pack("{s:o}", "result", result));
    else
        asked_refuse(&err);
    _exit(0);
}
