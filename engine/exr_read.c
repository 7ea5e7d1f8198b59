// An OpenEXR file part by part, chunk by chunk: a block of lines, or a tile of a level.
#include "engine/exr_inside.h"

#include <stdio.h>
#include <string.h>

enum { SIDE_MOST = 65536 };

// ---- a file that is read

// The library asks every part of a file that is marked as having deep ones for what only deep ones
// have to say, and so refuses flat parts beside them (3.1.5). Parts say themselves what they are:
// in a file of several the mark is not shown to it.
static void hide_deep(uint8_t *bytes, uint64_t offset, size_t got)
{
    enum { FLAGS = 5, DEEP = 0x08, SEVERAL = 0x10 };
    if (offset <= FLAGS && offset + got > FLAGS && (bytes[FLAGS - offset] & SEVERAL))
        bytes[FLAGS - offset] &= (uint8_t)~DEEP;
}

static int64_t read_some(exr_const_context_t c, void *user, void *to, uint64_t size,
                         uint64_t offset, exr_stream_error_func_ptr_t say)
{
    struct exr_file *f = user;
    struct error err;
    size_t got = 0;
    if (offset <= INT64_MAX && input_read(f->in, (int64_t)offset, to, size, &got, &err)) {
        hide_deep(to, offset, got);
        return (int64_t)got;
    }
    say(c, EXR_ERR_READ_IO, "%s", "it can not be read");
    return -1;
}

static int64_t size_of(exr_const_context_t c, void *user)
{
    (void)c;
    return input_size(((const struct exr_file *)user)->in);
}

static void hear(exr_const_context_t c, exr_result_t code, const char *message)
{
    void *user = NULL;
    (void)code;
    if (exr_get_user_data(c, &user) == EXR_ERR_SUCCESS && user)
        snprintf(((struct exr_file *)user)->said, sizeof(((struct exr_file *)user)->said), "%s",
                 message);
}

bool exr_damaged(struct error *err, const struct exr_file *f, exr_result_t code, const char *where)
{
    error_set(err, ERROR_DAMAGED, "%s can not be read whole", f->name);
    return error_why(err, "%s: %s", where,
                     f->said[0] ? f->said : exr_get_default_error_message(code));
}

bool exr_file_open(struct exr_file *f, size_t number, const struct ticket_input *input,
                   struct error *err)
{
    exr_context_initializer_t wish = EXR_DEFAULT_CONTEXT_INITIALIZER;
    *f = (struct exr_file){.name = input->name};
    wish.error_handler_fn = hear;
    wish.user_data = f;
    wish.read_fn = read_some;
    wish.size_fn = size_of;
    wish.max_image_width = wish.max_image_height = SIDE_MOST;
    wish.max_tile_width = wish.max_tile_height = SIDE_MOST;
    // What a writer that died left without a table is no whole file.
    wish.flags = EXR_CONTEXT_FLAG_DISABLE_CHUNK_RECONSTRUCTION;
    if (!input_open(number, input->size, &f->in, err))
        return false;
    exr_result_t code = exr_start_read(&f->c, input->name, &wish);
    return code == EXR_ERR_SUCCESS || exr_damaged(err, f, code, "its header");
}

void exr_file_close(struct exr_file *f)
{
    if (f->c)
        exr_finish(&f->c);
    input_close(f->in);
    *f = (struct exr_file){0};
}

static bool read_more(void *context, int64_t offset, void *to, size_t size, size_t *got)
{
    struct error ignored;
    return input_read(((struct exr_file *)context)->in, offset, to, size, got, &ignored);
}

struct exr_plus_file exr_file_plus(struct exr_file *f)
{
    return (struct exr_plus_file){read_more, f, input_size(f->in), f->name};
}

bool exr_part_read(struct exr_file *f, int index, struct part *p, struct error *err)
{
    char where[48];
    exr_result_t code;
    *p = (struct part){.index = index, .name = ""};
    snprintf(where, sizeof(where), "part %d", index + 1);
    if (exr_get_name(f->c, index, &p->name) != EXR_ERR_SUCCESS || !p->name)
        p->name = "";
    f->said[0] = 0;                                           // a single part needs no name
    if ((code = exr_get_storage(f->c, index, &p->storage)) || //
        (code = exr_get_compression(f->c, index, &p->compression)) ||
        (code = exr_get_data_window(f->c, index, &p->data)) ||
        (code = exr_get_display_window(f->c, index, &p->display)) ||
        (code = exr_get_channels(f->c, index, &p->channels)))
        return exr_damaged(err, f, code, where);
    int64_t width = (int64_t)p->data.max.x - p->data.min.x + 1;
    int64_t height = (int64_t)p->data.max.y - p->data.min.y + 1;
    if (width < 1 || height < 1 || width > SIDE_MOST || height > SIDE_MOST ||
        p->channels->num_channels < 1 || p->channels->num_channels > EXR_CHANNELS_MOST) {
        error_set(err, ERROR_DAMAGED, "%s can not be read whole", f->name);
        return error_why(err, "%s is %lld x %lld with %d channels", where, (long long)width,
                         (long long)height, p->channels->num_channels);
    }
    return true;
}

// ---- its chunks

struct walk {
    struct exr_file *f;
    const struct part *p;
    exr_decode_pipeline_t d;
    bool begun;
    exr_on_chunk *before, *after; // of the decoding; before gives the channels their places
    void *context;
    bool *packed; // NULL: what can not be unpacked is an error
    struct error *err;
};

static bool take_chunk(struct walk *w, exr_result_t code, exr_chunk_info_t *info, int x, int y)
{
    char where[96];
    struct exr_file *f = w->f;
    int index = w->p->index;
    snprintf(where, sizeof(where),
             exr_tiled(w->p) ? "part %d, tile %d in column %d" : "part %d, row %d", index + 1, y,
             x);
    if (code == EXR_ERR_SUCCESS)
        code = w->begun ? exr_decoding_update(f->c, index, info, &w->d)
                        : exr_decoding_initialize(f->c, index, info, &w->d);
    w->begun |= code == EXR_ERR_SUCCESS;
    if (code == EXR_ERR_SUCCESS && !w->before(w->context, f, w->p, &w->d, w->err))
        return false;
    if (code == EXR_ERR_SUCCESS)
        code = exr_decoding_choose_default_routines(f->c, index, &w->d);
    if (code == EXR_ERR_SUCCESS)
        code = exr_decoding_run(f->c, index, &w->d);
    if (code == EXR_ERR_FEATURE_NOT_IMPLEMENTED && w->packed) { // its bytes are there
        *w->packed = true;
        return true;
    }
    if (code != EXR_ERR_SUCCESS)
        return exr_damaged(w->err, f, code, where);
    return !w->after || w->after(w->context, f, w->p, &w->d, w->err);
}

static bool walk_lines(struct walk *w)
{
    const struct part *p = w->p;
    int32_t lines = 1;
    exr_chunk_info_t info = {0};
    exr_result_t code = exr_get_scanlines_per_chunk(w->f->c, p->index, &lines);
    if (code != EXR_ERR_SUCCESS || lines < 1)
        return exr_damaged(w->err, w->f, code, "its blocks");
    for (int64_t y = p->data.min.y; y <= p->data.max.y; y += lines) {
        code = exr_read_scanline_chunk_info(w->f->c, p->index, (int)y, &info);
        if (!take_chunk(w, code, &info, 0, (int)y))
            return false;
    }
    return true;
}

static bool walk_level(struct walk *w, int level_x, int level_y)
{
    int32_t width, height, tile_width, tile_height;
    exr_chunk_info_t info = {0};
    exr_result_t code;
    int index = w->p->index;
    if ((code = exr_get_level_sizes(w->f->c, index, level_x, level_y, &width, &height)) ||
        (code = exr_get_tile_sizes(w->f->c, index, level_x, level_y, &tile_width, &tile_height)) ||
        tile_width < 1 || tile_height < 1)
        return exr_damaged(w->err, w->f, code, "its levels");
    for (int y = 0; y <= (height - 1) / tile_height; y++)
        for (int x = 0; x <= (width - 1) / tile_width; x++) {
            code = exr_read_tile_chunk_info(w->f->c, index, x, y, level_x, level_y, &info);
            if (!take_chunk(w, code, &info, x, y))
                return false;
        }
    return true;
}

static bool walk_tiles(struct walk *w)
{
    uint32_t width, height;
    int32_t levels_x, levels_y;
    exr_tile_level_mode_t mode;
    exr_tile_round_mode_t round;
    exr_result_t code;
    if ((code = exr_get_tile_descriptor(w->f->c, w->p->index, &width, &height, &mode, &round)) ||
        (code = exr_get_tile_levels(w->f->c, w->p->index, &levels_x, &levels_y)))
        return exr_damaged(w->err, w->f, code, "its tiles");
    for (int y = 0; y < levels_y; y++)
        for (int x = 0; x < levels_x; x++)
            if ((mode == EXR_TILE_RIPMAP_LEVELS || x == y) && !walk_level(w, x, y))
                return false;
    return true;
}

bool exr_part_walk(struct exr_file *f, const struct part *p, exr_on_chunk *before,
                   exr_on_chunk *after, void *context, bool *packed, struct error *err)
{
    struct walk w = {.f = f,
                     .p = p,
                     .d = EXR_DECODE_PIPELINE_INITIALIZER,
                     .before = before,
                     .after = after,
                     .context = context,
                     .packed = packed,
                     .err = err};
    w.d.decode_flags = exr_deep(p) ? EXR_DECODE_SAMPLE_COUNTS_AS_INDIVIDUAL : 0;
    bool ok = exr_tiled(p) ? walk_tiles(&w) : walk_lines(&w);
    if (w.begun)
        exr_decoding_destroy(f->c, &w.d);
    return ok;
}

bool exr_parts_count(struct exr_file *f, int *count, struct error *err)
{
    exr_result_t code = exr_get_count(f->c, count);
    return (code == EXR_ERR_SUCCESS && *count > 0 && *count <= EXR_PARTS_MOST) ||
           exr_damaged(err, f, code, "its parts");
}
