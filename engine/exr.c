/*
 * A file is walked part by part, chunk by chunk (a block of lines, or a tile of a level). To look
 * at it each chunk is decoded into a buffer of its own; to put a frame together the wanted lines of
 * it go into planes, one a channel, from which the chunks of the new file are made.
 *
 * Deep parts have a number of samples a pixel: a chunk is then, line by line and channel by
 * channel, all samples of that line.
 */
#include "engine/exr.h"
#include "engine/exr_inside.h"
#include "engine/exr_plus.h"
#include "engine/output.h"

#include <OpenEXR/openexr.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PLANES_MOST ((int64_t)3 << 30)

// Why a part can not be put together with others to a frame; NULL: it can. DWA loses: a frame of
// its tiles would have lost twice, and OpenEXR's C library does not write it.
static const char *no_tile(const struct exr_file *f, const struct part *p)
{
    uint32_t x, y;
    exr_tile_level_mode_t mode = EXR_TILE_ONE_LEVEL;
    exr_tile_round_mode_t round;
    if (exr_deep(p))
        return "it has deep samples";
    if (p->storage == EXR_STORAGE_TILED &&
        (exr_get_tile_descriptor(f->c, p->index, &x, &y, &mode, &round) != EXR_ERR_SUCCESS ||
         mode != EXR_TILE_ONE_LEVEL))
        return "it has several levels";
    if (p->compression >= EXR_COMPRESSION_DWAA)
        return "its compression (DWA) would lose a second time";
    for (int i = 0; i < p->channels->num_channels; i++)
        if (p->channels->entries[i].x_sampling != 1 || p->channels->entries[i].y_sampling != 1)
            return "a channel has fewer samples than pixels";
    return NULL;
}

// ---- what is in it

struct looking {
    struct exr_seen *seen;
    bool colours; // one of its channels is a colour: only those can light it
    uint8_t *room;
    size_t room_size;
};

// "R", "beauty.G", ... The last part of the name counts.
static bool is_colour(const char *name)
{
    static const char *const colours[] = {"R", "G", "B", "Y", "RY", "BY", "r", "g", "b", "y"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
        if (strcmp(dot ? dot + 1 : name, colours[i]) == 0)
            return true;
    return false;
}

static void sample(struct looking *l, const struct part *p, const char *channel, int type,
                   const uint8_t *at, int64_t x, int64_t y)
{
    bool zero, odd = false;
    if (type == EXR_PIXEL_HALF) {
        uint16_t v;
        memcpy(&v, at, 2);
        zero = !(v & 0x7fff);
        odd = (v & 0x7c00) == 0x7c00;
    } else {
        uint32_t v;
        memcpy(&v, at, 4);
        zero = type == EXR_PIXEL_FLOAT ? !(v & 0x7fffffff) : !v;
        odd = type == EXR_PIXEL_FLOAT && (v & 0x7f800000) == 0x7f800000;
    }
    l->seen->lit |= !zero && (!l->colours || is_colour(channel));
    if (odd && !l->seen->odd++)
        snprintf(l->seen->odd_at, sizeof(l->seen->odd_at),
                 "part %d%s%.40s, channel %.60s, %lld,%lld", p->index + 1, *p->name ? " " : "",
                 p->name, channel, (long long)x, (long long)y);
}

static bool room_for_chunk(void *context, struct exr_file *f, const struct part *p,
                           exr_decode_pipeline_t *d, struct error *err)
{
    struct looking *l = context;
    size_t need = 0;
    if (exr_deep(p)) // the library keeps what it has unpacked
        return true;
    for (int i = 0; i < d->channel_count; i++)
        need += (size_t)d->channels[i].width * (size_t)d->channels[i].height *
                (size_t)d->channels[i].bytes_per_element;
    if (need > l->room_size) {
        free(l->room);
        l->room_size = need;
        if (!(l->room = malloc(need)))
            return error_set(err, ERROR_TOO_BIG, "no memory for a block of %s", f->name);
    }
    need = 0;
    for (int i = 0; i < d->channel_count; i++) {
        exr_coding_channel_info_t *c = &d->channels[i];
        c->decode_to_ptr = l->room + need;
        c->user_pixel_stride = c->bytes_per_element;
        c->user_line_stride = c->width * c->bytes_per_element;
        need += (size_t)c->width * (size_t)c->height * (size_t)c->bytes_per_element;
    }
    return true;
}

static void look_at_flat(struct looking *l, const struct part *p, const exr_decode_pipeline_t *d)
{
    int64_t left = p->data.min.x, top = d->chunk.start_y;
    if (exr_tiled(p)) { // start is a tile's number
        left = (int64_t)d->chunk.start_x * d->chunk.width;
        top = (int64_t)d->chunk.start_y * d->chunk.height;
    }
    for (int i = 0; i < d->channel_count; i++) {
        const exr_coding_channel_info_t *c = &d->channels[i];
        const uint8_t *at = c->decode_to_ptr;
        for (int y = 0; y < c->height; y++)
            for (int x = 0; x < c->width; x++, at += c->bytes_per_element)
                sample(l, p, c->channel_name, c->data_type, at, left + x, top + y);
    }
}

static bool look_at_deep(struct looking *l, struct exr_file *f, const struct part *p,
                         const exr_decode_pipeline_t *d, struct error *err)
{
    const uint8_t *at = d->unpacked_buffer ? d->unpacked_buffer : d->packed_buffer;
    uint64_t left = d->chunk.unpacked_size;
    for (int y = 0; at && y < d->chunk.height; y++) {
        int64_t samples = 0;
        for (int x = 0; x < d->chunk.width; x++) {
            int32_t count = d->sample_count_table[y * d->chunk.width + x];
            samples += count > 0 ? count : 0;
        }
        for (int i = 0; i < d->channel_count; i++) {
            const exr_coding_channel_info_t *c = &d->channels[i];
            if ((uint64_t)samples * (uint64_t)c->bytes_per_element > left)
                return exr_damaged(err, f, EXR_ERR_CORRUPT_CHUNK, "its deep samples");
            left -= (uint64_t)samples * (uint64_t)c->bytes_per_element;
            for (int64_t k = 0; k < samples; k++, at += c->bytes_per_element)
                sample(l, p, c->channel_name, c->data_type, at, p->data.min.x,
                       d->chunk.start_y + y);
        }
    }
    return true;
}

static bool look_at_chunk(void *context, struct exr_file *f, const struct part *p,
                          exr_decode_pipeline_t *d, struct error *err)
{
    if (exr_deep(p))
        return look_at_deep(context, f, p, d, err);
    look_at_flat(context, p, d);
    return true;
}

struct unpacking {
    struct looking *l;
    const struct part *p;
};

static void look_at_piece(void *context, const struct exr_plus_piece *piece)
{
    struct unpacking *u = context;
    const uint8_t *at = piece->at;
    for (int64_t y = 0; y < piece->rows; y++)
        for (int64_t x = 0; x < piece->columns; x++, at += piece->type == EXR_PIXEL_HALF ? 2 : 4)
            sample(u->l, u->p, piece->channel, piece->type, at, piece->x + x * piece->step_x,
                   piece->y + y * piece->step_y);
}

// What OpenEXR's C library does not unpack its C++ library does.
static bool look_at_packed(struct looking *l, struct exr_file *f, const struct part *p,
                           struct error *err)
{
    char where[48];
    struct unpacking u = {l, p};
    struct exr_plus_file file = exr_file_plus(f);
    snprintf(where, sizeof(where), "part %d", p->index + 1);
    return exr_plus_walk(&file, p->index, look_at_piece, &u, f->said, sizeof(f->said)) ||
           exr_damaged(err, f, EXR_ERR_CORRUPT_CHUNK, where);
}

static void describe(struct buf *form, const struct part *p)
{
    static const char *const storages[] = {"scanlines", "tiles", "deep scanlines", "deep tiles"};
    static const char *const types[] = {"uint", "half", "float"};
    buf_format(form, "%s%s%s%s:", form->size ? "; " : "exr ", p->name, *p->name ? " " : "",
               storages[p->storage < EXR_STORAGE_LAST_TYPE ? p->storage : 0]);
    for (int i = 0; i < p->channels->num_channels; i++) {
        const exr_attr_chlist_entry_t *c = &p->channels->entries[i];
        buf_format(form, " %s %s", c->name.str,
                   types[c->pixel_type < EXR_PIXEL_LAST_TYPE ? c->pixel_type : 0]);
        if (c->x_sampling != 1 || c->y_sampling != 1)
            buf_format(form, "/%dx%d", c->x_sampling, c->y_sampling);
    }
}

bool exr_look(size_t number, const struct ticket_input *input, struct exr_seen *seen,
              struct error *err)
{
    struct exr_file f;
    struct looking l = {.seen = seen};
    struct part p;
    int parts = 0;
    *seen = (struct exr_seen){.form = BUF_LIMIT(1 << 20)};
    bool ok = exr_file_open(&f, number, input, err) && exr_parts_count(&f, &parts, err);
    for (int i = 0; ok && i < parts; i++) {
        ok = exr_part_read(&f, i, &p, err);
        for (int k = 0; ok && k < p.channels->num_channels; k++)
            l.colours |= is_colour(p.channels->entries[k].name.str);
    }
    for (int i = 0; ok && i < parts; i++) {
        ok = exr_part_read(&f, i, &p, err);
        if (ok && i == 0) {
            seen->width = (int64_t)p.display.max.x - p.display.min.x + 1;
            seen->height = (int64_t)p.display.max.y - p.display.min.y + 1;
        }
        if (ok)
            describe(&seen->form, &p);
        if (ok && !seen->no_tile)
            seen->no_tile = no_tile(&f, &p);
        bool packed = false;
        ok = ok && exr_part_walk(&f, &p, room_for_chunk, look_at_chunk, &l, &packed, err) &&
             (!packed || look_at_packed(&l, &f, &p, err));
    }
    free(l.room);
    exr_file_close(&f);
    return ok;
}

// ---- a frame of tiles

struct writing {
    int file;
    const char *name;
    char said[300];
    struct error *err;
};

static int64_t write_some(exr_const_context_t c, void *user, const void *at, uint64_t size,
                          uint64_t offset, exr_stream_error_func_ptr_t say)
{
    struct writing *w = user;
    if (output_write(w->file, at, size, (int64_t)offset, w->err))
        return (int64_t)size;
    say(c, EXR_ERR_WRITE_IO, "%s", "it can not be written");
    return -1;
}

static void hear_writing(exr_const_context_t c, exr_result_t code, const char *message)
{
    void *user = NULL;
    (void)code;
    if (exr_get_user_data(c, &user) == EXR_ERR_SUCCESS && user)
        snprintf(((struct writing *)user)->said, sizeof(((struct writing *)user)->said), "%s",
                 message);
}

static bool unwritten(struct writing *w, exr_result_t code, struct error *err)
{
    if (w->err->kind != ERROR_NONE) { // the disk's own words
        *err = *w->err;
        return false;
    }
    error_set(err, ERROR_INTERNAL, "%s can not be put together", w->name);
    return error_why(err, "%s", w->said[0] ? w->said : exr_get_default_error_message(code));
}

struct assembling {
    const struct ticket *t;
    const struct grid *grid;
    struct exr_file *tiles;
    size_t count;
    exr_context_t out;
    struct writing w;
    // of the part that is made
    struct part part;   // as it will be
    struct box whole;   // of its data window
    struct box *boxes;  // what is taken of each tile, in the frame's coordinates
    struct box *shifts; // of each tile: added to its own coordinates
    uint8_t **planes;   // one a channel
    size_t tile;        // that is read
    uint8_t *room;      // a chunk of it
    size_t room_size;
};

static int bytes_of(const exr_attr_chlist_entry_t *c)
{
    return c->pixel_type == EXR_PIXEL_HALF ? 2 : 4;
}

static bool differs(const struct assembling *a, size_t tile, const char *what, struct error *err)
{
    error_set(err, ERROR_DAMAGED, "the tiles can not be put together");
    return error_why(err, "%s and %s have different %s", a->tiles[0].name, a->tiles[tile].name,
                     what);
}

static bool same_window(const exr_attr_box2i_t *a, const exr_attr_box2i_t *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static struct box box_of(const exr_attr_box2i_t *w)
{
    return (struct box){w->min.x, w->min.y, (int64_t)w->max.x - w->min.x + 1,
                        (int64_t)w->max.y - w->min.y + 1};
}

static bool same_part(const struct assembling *a, size_t tile, const struct part *first,
                      const struct part *p, struct error *err)
{
    if (strcmp(first->name, p->name) != 0 || first->storage != p->storage)
        return differs(a, tile, "parts", err);
    bool same = first->channels->num_channels == p->channels->num_channels;
    for (int i = 0; same && i < first->channels->num_channels; i++) {
        const exr_attr_chlist_entry_t *x = &first->channels->entries[i],
                                      *y = &p->channels->entries[i];
        same = strcmp(x->name.str, y->name.str) == 0 && x->pixel_type == y->pixel_type;
    }
    if (!same)
        return differs(a, tile, "channels", err);
    if (first->compression != p->compression)
        return differs(a, tile, "compression", err);
    if (a->grid->crop != GRID_PART && !same_window(&first->display, &p->display))
        return differs(a, tile, "display windows", err);
    if (a->grid->crop == GRID_WHOLE && !same_window(&first->data, &p->data))
        return differs(a, tile, "data windows", err);
    return true;
}

static bool can_assemble(const struct assembling *a, const struct part *p, struct error *err)
{
    const char *why = no_tile(&a->tiles[0], p);
    if (!why)
        return true;
    error_set(err, ERROR_UNSUPPORTED, "%s can not be a tile of a frame", a->tiles[0].name);
    error_why(err, "part %d: %s", p->index + 1, why);
    return error_fix(err, "render whole frames, or flat parts of one level without DWA");
}

// Where each tile's pixels go; a->part and a->whole as they will be.
static bool plan_part(struct assembling *a, int index, struct error *err)
{
    struct part p;
    for (size_t i = 0; i < a->count; i++) {
        if (!exr_part_read(&a->tiles[i], index, &p, err))
            return false;
        if (i == 0) {
            a->part = p;
            if (!can_assemble(a, &p, err))
                return false;
        }
        if (!same_part(a, i, &a->part, &p, err))
            return false;
        a->boxes[i] = box_of(&p.data);
        a->shifts[i] = (struct box){0, 0, 0, 0};
    }
    if (a->grid->crop == GRID_WHOLE) {
        a->whole = box_of(&a->part.data);
        struct box display = box_of(&a->part.display);
        for (size_t i = 0; i < a->count; i++) {
            a->boxes[i] = grid_box(a->grid, i, display.width, display.height);
            a->boxes[i].x += display.x;
            a->boxes[i].y += display.y;
        }
        if (!same_window(&a->part.data, &a->part.display)) {
            error_set(err, ERROR_UNSUPPORTED, "the tiles can not be put together");
            error_why(err,
                      "each is the whole frame, and its data window is not the display window");
            return error_fix(err, "say that they are cropped to their data windows (\"window\")");
        }
        return true;
    }
    if (a->grid->crop == GRID_WINDOW)
        return boxes_fit(a->boxes, a->count, &a->whole, err);
    for (size_t i = 0; i < a->count; i++)
        a->shifts[i] = a->boxes[i];
    if (!grid_lay(a->grid, a->boxes, &a->whole, err))
        return false;
    for (size_t i = 0; i < a->count; i++) {
        a->shifts[i].x = a->boxes[i].x - a->shifts[i].x;
        a->shifts[i].y = a->boxes[i].y - a->shifts[i].y;
    }
    return true;
}

static exr_attr_box2i_t window_of(const struct box *b)
{
    exr_attr_box2i_t w;
    w.min.x = (int32_t)b->x;
    w.min.y = (int32_t)b->y;
    w.max.x = (int32_t)(b->x + b->width - 1);
    w.max.y = (int32_t)(b->y + b->height - 1);
    return w;
}

static bool declare_part(struct assembling *a, int index, struct error *err)
{
    const struct part *p = &a->part;
    exr_attr_box2i_t data = window_of(&a->whole);
    exr_attr_box2i_t display = a->grid->crop == GRID_PART ? data : p->display;
    exr_lineorder_t order = EXR_LINEORDER_INCREASING_Y;
    exr_result_t code;
    int at = 0;
    if ((code = exr_add_part(a->out, *p->name ? p->name : NULL, p->storage, &at)) ||
        (code = exr_set_data_window(a->out, index, &data)) ||
        (code = exr_set_display_window(a->out, index, &display)) ||
        (code = exr_copy_unset_attributes(a->out, index, a->tiles[0].c, index)) ||
        (code = exr_get_lineorder(a->out, index, &order)) ||
        // The library writes downwards only.
        (order == EXR_LINEORDER_DECREASING_Y &&
         (code = exr_set_lineorder(a->out, index, EXR_LINEORDER_INCREASING_Y))))
        return unwritten(&a->w, code, err);
    return true;
}

static bool room_for_tile(void *context, struct exr_file *f, const struct part *p,
                          exr_decode_pipeline_t *d, struct error *err)
{
    struct assembling *a = context;
    struct looking l = {.room = a->room, .room_size = a->room_size};
    bool ok = room_for_chunk(&l, f, p, d, err);
    a->room = l.room;
    a->room_size = l.room_size;
    return ok;
}

static bool copy_chunk(void *context, struct exr_file *f, const struct part *p,
                       exr_decode_pipeline_t *d, struct error *err)
{
    struct assembling *a = context;
    const struct box *to = &a->boxes[a->tile], *shift = &a->shifts[a->tile];
    int64_t left = p->data.min.x + shift->x, top = d->chunk.start_y + shift->y;
    (void)f, (void)err;
    if (exr_tiled(p)) {
        int32_t w = 0, h = 0;
        if (exr_get_tile_sizes(f->c, p->index, 0, 0, &w, &h) != EXR_ERR_SUCCESS)
            return exr_damaged(err, f, EXR_ERR_CORRUPT_CHUNK, "its tiles");
        left += (int64_t)d->chunk.start_x * w;
        top = p->data.min.y + shift->y + (int64_t)d->chunk.start_y * h;
    }
    for (int i = 0; i < d->channel_count; i++) {
        const exr_coding_channel_info_t *c = &d->channels[i];
        int bytes = c->bytes_per_element;
        int64_t from = left > to->x ? left : to->x;
        int64_t end = left + c->width < to->x + to->width ? left + c->width : to->x + to->width;
        for (int64_t y = 0; y < c->height && from < end; y++) {
            int64_t row = top + y;
            if (row < to->y || row >= to->y + to->height)
                continue;
            memcpy(a->planes[i] +
                       ((row - a->whole.y) * a->whole.width + (from - a->whole.x)) * bytes,
                   c->decode_to_ptr + (y * c->width + (from - left)) * bytes,
                   (size_t)((end - from) * bytes));
        }
    }
    return true;
}

static bool make_planes(struct assembling *a, struct error *err)
{
    int64_t pixels = a->whole.width * a->whole.height, bytes = 0;
    int count = a->part.channels->num_channels;
    for (int i = 0; i < count; i++)
        bytes += pixels * bytes_of(&a->part.channels->entries[i]);
    a->planes = calloc((size_t)count + 1, sizeof(*a->planes));
    bool ok = a->planes && bytes <= PLANES_MOST;
    for (int i = 0; ok && i < count; i++)
        ok = (a->planes[i] =
                  calloc((size_t)pixels, (size_t)bytes_of(&a->part.channels->entries[i]))) != NULL;
    if (ok)
        return true;
    error_set(err, ERROR_TOO_BIG, "%s is too large to be put together", a->w.name);
    return error_why(err, "part %d has %s of samples", a->part.index + 1, size_text(bytes).text);
}

static void free_planes(struct assembling *a)
{
    for (int i = 0; a->planes && i < a->part.channels->num_channels; i++)
        free(a->planes[i]);
    free(a->planes);
    a->planes = NULL;
}

static exr_result_t encode(struct assembling *a, exr_encode_pipeline_t *e, bool *begun,
                           exr_chunk_info_t *info, int64_t x, int64_t y)
{
    int index = a->part.index;
    exr_result_t code = *begun ? exr_encoding_update(a->out, index, info, e)
                               : exr_encoding_initialize(a->out, index, info, e);
    if (code != EXR_ERR_SUCCESS)
        return code;
    *begun = true;
    for (int i = 0; i < e->channel_count; i++) {
        exr_coding_channel_info_t *c = &e->channels[i];
        c->encode_from_ptr = a->planes[i] + (y * a->whole.width + x) * c->bytes_per_element;
        c->user_pixel_stride = c->bytes_per_element;
        c->user_line_stride = (int32_t)(a->whole.width * c->bytes_per_element);
    }
    code = exr_encoding_choose_default_routines(a->out, index, e);
    return code == EXR_ERR_SUCCESS ? exr_encoding_run(a->out, index, e) : code;
}

static exr_result_t write_lines(struct assembling *a, exr_encode_pipeline_t *e, bool *begun)
{
    int32_t lines = 1;
    exr_chunk_info_t info = {0};
    exr_result_t code;
    if ((code = exr_get_scanlines_per_chunk(a->out, a->part.index, &lines)))
        return code;
    int64_t blocks = (a->whole.height + lines - 1) / lines;
    for (int64_t i = 0; i < blocks; i++) {
        int64_t y = i * lines;
        if ((code = exr_write_scanline_chunk_info(a->out, a->part.index, (int)(a->whole.y + y),
                                                  &info)) ||
            (code = encode(a, e, begun, &info, 0, y)))
            return code;
    }
    return EXR_ERR_SUCCESS;
}

static exr_result_t write_tiles(struct assembling *a, exr_encode_pipeline_t *e, bool *begun)
{
    int32_t w, h;
    exr_chunk_info_t info = {0};
    exr_result_t code;
    if ((code = exr_get_tile_sizes(a->out, a->part.index, 0, 0, &w, &h)))
        return code;
    int64_t rows = (a->whole.height + h - 1) / h, columns = (a->whole.width + w - 1) / w;
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < columns; x++) {
            if ((code = exr_write_tile_chunk_info(a->out, a->part.index, (int)x, (int)y, 0, 0,
                                                  &info)) ||
                (code = encode(a, e, begun, &info, x * w, y * h)))
                return code;
        }
    return EXR_ERR_SUCCESS;
}

static bool make_part(struct assembling *a, int index, struct error *err)
{
    exr_encode_pipeline_t e = EXR_ENCODE_PIPELINE_INITIALIZER;
    bool begun = false;
    bool ok = plan_part(a, index, err) && make_planes(a, err);
    for (a->tile = 0; ok && a->tile < a->count; a->tile++) {
        struct part p;
        ok = exr_part_read(&a->tiles[a->tile], index, &p, err) &&
             exr_part_walk(&a->tiles[a->tile], &p, room_for_tile, copy_chunk, a, NULL, err);
    }
    if (ok) {
        exr_result_t code =
            exr_tiled(&a->part) ? write_tiles(a, &e, &begun) : write_lines(a, &e, &begun);
        ok = code == EXR_ERR_SUCCESS || unwritten(&a->w, code, err);
    }
    if (begun)
        exr_encoding_destroy(a->out, &e);
    free_planes(a);
    return ok;
}

static bool begin_frame(struct assembling *a, int *parts, struct error *err)
{
    exr_context_initializer_t wish = EXR_DEFAULT_CONTEXT_INITIALIZER;
    wish.user_data = &a->w;
    wish.write_fn = write_some;
    wish.error_handler_fn = hear_writing;
    for (size_t i = 0; i < a->count; i++) {
        int count = 0;
        if (!exr_file_open(&a->tiles[i], i, &a->t->inputs[i], err) ||
            !exr_parts_count(&a->tiles[i], &count, err))
            return false;
        if (i && count != *parts)
            return differs(a, i, "numbers of parts", err);
        *parts = count;
    }
    exr_result_t code = exr_start_write(&a->out, a->w.name, EXR_WRITE_FILE_DIRECTLY, &wish);
    if (code != EXR_ERR_SUCCESS)
        return unwritten(&a->w, code, err);
    for (int i = 0; i < *parts; i++)
        if (!plan_part(a, i, err) || !declare_part(a, i, err))
            return false;
    code = exr_write_header(a->out);
    return code == EXR_ERR_SUCCESS || unwritten(&a->w, code, err);
}

bool exr_assemble(const struct ticket *t, const struct grid *grid, int file, struct exr_seen *made,
                  struct error *err)
{
    struct error disk;
    struct assembling a = {.t = t, .grid = grid, .count = t->input_count};
    int parts = 0;
    error_clear(&disk);
    *made = (struct exr_seen){.form = BUF_LIMIT(1 << 20)};
    a.w = (struct writing){.file = file, .name = t->output, .err = &disk};
    a.tiles = calloc(a.count, sizeof(*a.tiles));
    a.boxes = calloc(a.count, sizeof(*a.boxes));
    a.shifts = calloc(a.count, sizeof(*a.shifts));
    bool ok = (a.tiles && a.boxes && a.shifts) ||
              error_set(err, ERROR_TOO_BIG, "no memory for %zu tiles", a.count);
    ok = ok && begin_frame(&a, &parts, err);
    for (int i = 0; ok && i < parts; i++) {
        ok = make_part(&a, i, err);
        if (ok)
            describe(&made->form, &a.part);
        if (ok && i == 0) {
            struct box display = grid->crop == GRID_PART ? a.whole : box_of(&a.part.display);
            made->width = display.width;
            made->height = display.height;
        }
    }
    if (a.out) {
        exr_result_t code = exr_finish(&a.out); // writes the table of chunks
        ok = ok && (code == EXR_ERR_SUCCESS || unwritten(&a.w, code, err));
    }
    for (size_t i = 0; a.tiles && i < a.count; i++)
        exr_file_close(&a.tiles[i]);
    free(a.room);
    free(a.tiles);
    free(a.boxes);
    free(a.shifts);
    return ok;
}
