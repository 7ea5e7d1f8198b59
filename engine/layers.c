/*
 * Channels are gathered into layers from the header; those of the wanted layer are decoded chunk by
 * chunk straight into planes of the data window, in their own type, and then laid into the display
 * window. What lies outside of the display window (overscan) is read and not shown.
 *
 * Luma and chroma (Y, RY, BY): RY is (R - Y) / Y, BY is (B - Y) / Y; Y is made with the weights of
 * the file's chromaticities, of BT.709 where it says none. Chroma that is subsampled is taken from
 * the nearest sample.
 */
#include "engine/layers.h"
#include "engine/exr_inside.h"
#include "engine/exr_plus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LAYERS_MOST = 2000, KEY_ROOM = 300, SIDE_MOST = 16384 };
#define SAMPLES_MOST ((int64_t)1 << 28)

struct row { // a layer of a header
    int part;
    enum layer_kind kind;
    char name[KEY_ROOM]; // behind the part's number
    int channels[4];     // of the part's list: R, G, B, A or Y, RY, BY; -1: none
};
struct rows {
    struct row *at;
    size_t count, left_out;
};

static size_t prefix_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? (size_t)(dot - name) + 1 : 0;
}

// The channel of the same prefix whose last word is `word`, in capitals or not; -1.
static int beside(const struct part *p, int of, const char *word)
{
    const char *name = p->channels->entries[of].name.str;
    size_t prefix = prefix_of(name);
    for (int i = 0; i < p->channels->num_channels; i++) {
        const char *other = p->channels->entries[i].name.str;
        if (prefix_of(other) == prefix && strncmp(other, name, prefix) == 0 &&
            strcasecmp(other + prefix, word) == 0)
            return i;
    }
    return -1;
}

static bool gather(const struct part *p, int i, struct row *r)
{
    const char *name = p->channels->entries[i].name.str, *word = name + prefix_of(name);
    int red = beside(p, i, "R"), green = beside(p, i, "G"), blue = beside(p, i, "B");
    int luma = beside(p, i, "Y"), ry = beside(p, i, "RY"), by = beside(p, i, "BY");
    bool colour = red >= 0 && green >= 0 && blue >= 0;
    bool vector = beside(p, i, "X") >= 0 || beside(p, i, "Z") >= 0; // a place, no light
    *r = (struct row){.part = p->index, .kind = LAYER_GREY, .channels = {i, -1, -1, -1}};
    snprintf(r->name, sizeof(r->name), "%s", name);
    if (colour && (i == red || i == green || i == blue)) {
        *r = (struct row){.part = p->index,
                          .kind = LAYER_COLOUR,
                          .channels = {red, green, blue, beside(p, i, "A")}};
    } else if (!colour && luma >= 0 && !vector && (i == luma || i == ry || i == by)) {
        bool both = ry >= 0 && by >= 0;
        *r = (struct row){.part = p->index,
                          .kind = LAYER_LUMA,
                          .channels = {luma, both ? ry : -1, both ? by : -1, beside(p, i, "A")}};
        if (!both && i != luma) // chroma by itself is a channel like any other
            *r = (struct row){.part = p->index, .kind = LAYER_GREY, .channels = {i, -1, -1, -1}};
    }
    if (r->kind != LAYER_GREY)
        snprintf(r->name, sizeof(r->name), "%.*s*", (int)(word - name), name);
    else
        snprintf(r->name, sizeof(r->name), "%s", name);
    // Each once: at its first channel of the list.
    for (int k = 0; k < 3 && r->kind != LAYER_GREY; k++)
        if (r->channels[k] >= 0 && r->channels[k] < i)
            return false;
    return true;
}

static void add_part(const struct part *p, struct rows *rows)
{
    struct row r;
    // Colours come first, then what lies beside them.
    for (int grey = 0; grey < 2; grey++)
        for (int i = 0; i < p->channels->num_channels; i++) {
            if (!gather(p, i, &r) || (r.kind == LAYER_GREY) != grey)
                continue;
            if (rows->count == LAYERS_MOST)
                rows->left_out++;
            else
                rows->at[rows->count++] = r;
        }
}

// ---- as facts

static const char *const types[] = {"uint", "half", "float"};
static const char *const storages[] = {"scanline", "tiled", "deep scanline", "deep tiled"};
static const char *const compressions[] = {"none",  "rle", "zips", "zip",  "piz",
                                           "pxr24", "b44", "b44a", "dwaa", "dwab"};

static json_t *box(const exr_attr_box2i_t *b)
{
    return json_pack("[I, I, I, I]", (json_int_t)b->min.x, (json_int_t)b->min.y,
                     (json_int_t)b->max.x - b->min.x + 1, (json_int_t)b->max.y - b->min.y + 1);
}

static bool overscan(const struct part *p)
{
    return p->data.min.x < p->display.min.x || p->data.min.y < p->display.min.y ||
           p->data.max.x > p->display.max.x || p->data.max.y > p->display.max.y;
}

static json_t *utf8(const char *s)
{
    json_t *to = json_string(s);
    return to ? to : json_string("(its name is no text)");
}

static json_t *part_fact(struct exr_file *f, const struct part *p)
{
    float aspect = 1;
    json_t *channels = json_array();
    for (int i = 0; i < p->channels->num_channels; i++) {
        const exr_attr_chlist_entry_t *c = &p->channels->entries[i];
        json_array_append_new(
            channels, json_pack("{s:o, s:s, s:i, s:i}", "name", utf8(c->name.str), "type",
                                types[c->pixel_type < EXR_PIXEL_LAST_TYPE ? c->pixel_type : 0], "x",
                                c->x_sampling, "y", c->y_sampling));
    }
    if (exr_get_pixel_aspect_ratio(f->c, p->index, &aspect) != EXR_ERR_SUCCESS || !(aspect > 0) ||
        isinf(aspect))
        aspect = 1;
    json_t *fact = json_pack(
        "{s:o, s:s, s:s, s:o, s:o, s:f, s:b, s:b, s:o}", "name", utf8(p->name), "storage",
        storages[p->storage < EXR_STORAGE_LAST_TYPE ? p->storage : 0], "compression",
        (size_t)p->compression < sizeof(compressions) / sizeof(compressions[0])
            ? compressions[p->compression]
            : "unknown",
        "data", box(&p->data), "display", box(&p->display), "pixel_aspect", (double)aspect, "deep",
        exr_deep(p), "overscan", overscan(p), "channels", channels);
    return fact;
}

static json_t *names_of(const struct part *p, const struct row *r)
{
    json_t *names = json_array();
    for (int k = 0; k < 4; k++)
        if (r->channels[k] >= 0)
            json_array_append_new(names, utf8(p->channels->entries[r->channels[k]].name.str));
    return names;
}

static json_t *key_of(const struct row *r)
{
    char key[KEY_ROOM + 16];
    snprintf(key, sizeof(key), "%d:%s", r->part, r->name);
    return utf8(key);
}

static json_t *row_fact(const struct part *p, const struct row *r)
{
    static const char *const kinds[] = {"colour", "luma", "grey"};
    const exr_attr_chlist_entry_t *c = &p->channels->entries[r->channels[0]];
    json_t *fact =
        json_pack("{s:o, s:i, s:s, s:o, s:s, s:b}", "key", key_of(r), "part", r->part, "kind",
                  kinds[r->kind], "channels", names_of(p, r), "type",
                  types[c->pixel_type < EXR_PIXEL_LAST_TYPE ? c->pixel_type : 0], "shown", true);
    return fact;
}

// Calls add_part for each; *p is the last one.
static bool read_header(struct exr_file *f, struct rows *rows, struct part **parts, int *count,
                        struct error *err)
{
    rows->at = calloc(LAYERS_MOST, sizeof(*rows->at));
    bool ok = rows->at && exr_parts_count(f, count, err);
    *parts = ok ? calloc((size_t)*count, sizeof(**parts)) : NULL;
    ok = ok && *parts;
    for (int i = 0; ok && i < *count; i++) {
        ok = exr_part_read(f, i, &(*parts)[i], err);
        if (ok)
            add_part(&(*parts)[i], rows);
    }
    return ok;
}

bool layers_list(size_t number, const struct ticket_input *input, json_t **fact, struct error *err)
{
    struct exr_file f;
    struct rows rows = {0};
    struct part *parts = NULL;
    int count = 0;
    bool ok = exr_file_open(&f, number, input, err) && read_header(&f, &rows, &parts, &count, err);
    if (ok) {
        json_t *list = json_array(), *layers = json_array();
        for (int i = 0; i < count; i++)
            json_array_append_new(list, part_fact(&f, &parts[i]));
        for (size_t i = 0; i < rows.count; i++)
            json_array_append_new(layers, row_fact(&parts[rows.at[i].part], &rows.at[i]));
        *fact = json_pack("{s:o, s:o, s:I}", "parts", list, "layers", layers, "left_out",
                          (json_int_t)rows.left_out);
    }
    free(rows.at);
    free(parts);
    exr_file_close(&f);
    return ok;
}

// ---- as samples

struct plane { // of the data window
    int channel;
    int type, size; // bytes a sample
    int step_x, step_y;
    int64_t left, top, width, height; // in samples
    uint8_t *at;
};
struct reading {
    const struct part *part;
    struct plane planes[4];
    int tile_width, tile_height;
};

static int64_t up_to(int64_t at, int step) // the first multiple at or after
{
    int64_t q = at / step;
    return q * step < at ? q + 1 : q;
}

static bool plane_open(struct reading *r, struct plane *p, int channel, struct error *err)
{
    const exr_attr_chlist_entry_t *c = &r->part->channels->entries[channel];
    const exr_attr_box2i_t *b = &r->part->data;
    *p = (struct plane){.channel = channel,
                        .type = c->pixel_type,
                        .size = c->pixel_type == EXR_PIXEL_HALF ? 2 : 4,
                        .step_x = c->x_sampling > 0 ? c->x_sampling : 1,
                        .step_y = c->y_sampling > 0 ? c->y_sampling : 1};
    p->left = up_to(b->min.x, p->step_x);
    p->top = up_to(b->min.y, p->step_y);
    p->width = up_to((int64_t)b->max.x + 1, p->step_x) - p->left;
    p->height = up_to((int64_t)b->max.y + 1, p->step_y) - p->top;
    if (p->width < 1 || p->height < 1 || p->width * p->height > SAMPLES_MOST)
        return error_set(err, ERROR_TOO_BIG, "its layer is too large to be shown");
    p->at = calloc((size_t)(p->width * p->height), (size_t)p->size);
    return p->at || error_set(err, ERROR_TOO_BIG, "no memory for a layer");
}

static bool place_chunk(void *context, struct exr_file *f, const struct part *part,
                        exr_decode_pipeline_t *d, struct error *err)
{
    struct reading *r = context;
    bool level = !exr_tiled(part) || (d->chunk.level_x == 0 && d->chunk.level_y == 0);
    for (int i = 0; i < d->channel_count; i++)
        d->channels[i].decode_to_ptr = NULL;
    for (int k = 0; k < 4 && level; k++) {
        struct plane *p = &r->planes[k];
        if (!p->at || p->channel >= d->channel_count)
            continue;
        exr_coding_channel_info_t *c = &d->channels[p->channel];
        int64_t x = 0, y = up_to(d->chunk.start_y, p->step_y) - p->top;
        if (exr_tiled(part)) {
            x = (int64_t)d->chunk.start_x * r->tile_width;
            y = (int64_t)d->chunk.start_y * r->tile_height;
        }
        if (x < 0 || y < 0 || x + c->width > p->width || y + c->height > p->height ||
            c->bytes_per_element != p->size)
            return exr_damaged(err, f, EXR_ERR_CORRUPT_CHUNK, "a block of its layer");
        if (!c->width || !c->height)
            continue;
        c->decode_to_ptr = p->at + (size_t)(y * p->width + x) * (size_t)p->size;
        c->user_pixel_stride = p->size;
        c->user_line_stride = (int32_t)(p->width * p->size);
    }
    return true;
}

// By OpenEXR's C++ library: what the C library does not unpack.
static bool read_plus(struct reading *r, struct exr_file *f, struct error *err)
{
    const struct part *part = r->part;
    struct exr_plus_file file = exr_file_plus(f);
    struct exr_plus_channel list[4];
    size_t count = 0;
    for (int k = 0; k < 4; k++) {
        const struct plane *p = &r->planes[k];
        if (p->at)
            list[count++] = (struct exr_plus_channel){
                .name = part->channels->entries[p->channel].name.str,
                .type = p->type,
                .step_x = p->step_x,
                .step_y = p->step_y,
                .left = p->left,
                .top = p->top,
                .width = p->width,
                .size = (size_t)p->size,
                .to = p->at,
            };
    }
    return exr_plus_read(&file, part->index, exr_deep(part), list, count, f->said,
                         sizeof(f->said)) ||
           exr_damaged(err, f, EXR_ERR_CORRUPT_CHUNK, "its layer");
}

static bool read_planes(struct reading *r, struct exr_file *f, struct error *err)
{
    const struct part *p = r->part;
    if (exr_deep(p) || p->compression >= EXR_COMPRESSION_DWAA)
        return read_plus(r, f, err);
    if (exr_tiled(p) && exr_get_tile_sizes(f->c, p->index, 0, 0, &r->tile_width, &r->tile_height) !=
                            EXR_ERR_SUCCESS)
        return exr_damaged(err, f, EXR_ERR_CORRUPT_CHUNK, "its tiles");
    return exr_part_walk(f, p, place_chunk, NULL, r, NULL, err);
}

static float half_value(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, part = h & 1023, bits;
    float f;
    if (exponent == 0) {
        f = ldexpf((float)part, -24);
        return sign ? -f : f;
    }
    bits = exponent == 31 ? sign | 0x7f800000 | part << 13
                          : sign | (exponent + 112) << 23 | part << 13;
    memcpy(&f, &bits, 4);
    return f;
}

static float sample_at(const struct plane *p, int64_t x, int64_t y) // of the file's pixels
{
    int64_t px = (x - (x % p->step_x + p->step_x) % p->step_x) / p->step_x - p->left;
    int64_t py = (y - (y % p->step_y + p->step_y) % p->step_y) / p->step_y - p->top;
    px = px < 0 ? 0 : px >= p->width ? p->width - 1 : px;
    py = py < 0 ? 0 : py >= p->height ? p->height - 1 : py;
    const uint8_t *at = p->at + (size_t)(py * p->width + px) * (size_t)p->size;
    uint16_t h;
    uint32_t u;
    float f;
    if (p->type == EXR_PIXEL_HALF) {
        memcpy(&h, at, 2);
        return half_value(h);
    }
    if (p->type == EXR_PIXEL_UINT) {
        memcpy(&u, at, 4);
        return (float)u;
    }
    memcpy(&f, at, 4);
    return f;
}

static void count(struct layer *l, float v)
{
    if (isnan(v)) {
        l->nan++;
    } else if (isinf(v)) {
        l->infinite++;
    } else {
        l->negative += v < 0;
        l->low = v < l->low ? v : l->low;
        l->high = v > l->high ? v : l->high;
    }
}

static void luma_weights(struct exr_file *f, int part, float w[3])
{
    exr_attr_chromaticities_t c;
    w[0] = 0.2126f, w[1] = 0.7152f, w[2] = 0.0722f;
    if (exr_attr_get_chromaticities(f->c, part, "chromaticities", &c) != EXR_ERR_SUCCESS)
        return;
    // Y of each primary so that their sum is the white point's.
    double xr = c.red_x, yr = c.red_y, xg = c.green_x, yg = c.green_y, xb = c.blue_x, yb = c.blue_y;
    double X = c.white_x / c.white_y, Z = (1 - c.white_x - c.white_y) / c.white_y;
    double d = xr * (yb - yg) + xb * (yg - yr) + xg * (yr - yb);
    double r =
        (X * (yb - yg) - xg * ((yb - 1) + yb * (X + Z)) + xb * ((yg - 1) + yg * (X + Z))) / d;
    double g =
        (X * (yr - yb) + xr * ((yb - 1) + yb * (X + Z)) - xb * ((yr - 1) + yr * (X + Z))) / d;
    double b =
        (X * (yg - yr) - xr * ((yg - 1) + yg * (X + Z)) + xg * ((yr - 1) + yr * (X + Z))) / d;
    if (isfinite(r * yr) && isfinite(g * yg) && isfinite(b * yb) && g * yg > 0.01)
        w[0] = (float)(r * yr), w[1] = (float)(g * yg), w[2] = (float)(b * yb);
}

static void lay(struct layer *l, const struct reading *r, enum layer_kind kind, const float w[3])
{
    const struct part *p = r->part;
    bool chroma = kind == LAYER_LUMA && r->planes[1].at && r->planes[2].at;
    l->low = INFINITY, l->high = -INFINITY;
    for (int y = 0; y < l->height; y++)
        for (int x = 0; x < l->width; x++) {
            int64_t fx = (int64_t)p->display.min.x + x, fy = (int64_t)p->display.min.y + y;
            if (fx < p->data.min.x || fx > p->data.max.x || fy < p->data.min.y ||
                fy > p->data.max.y)
                continue;
            size_t at = (size_t)y * (size_t)l->width + (size_t)x;
            float v[3] = {sample_at(&r->planes[0], fx, fy)};
            if (kind == LAYER_COLOUR) {
                v[1] = sample_at(&r->planes[1], fx, fy);
                v[2] = sample_at(&r->planes[2], fx, fy);
            } else if (chroma) {
                float Y = v[0];
                v[0] = (sample_at(&r->planes[1], fx, fy) + 1) * Y;
                v[2] = (sample_at(&r->planes[2], fx, fy) + 1) * Y;
                v[1] = (Y - v[0] * w[0] - v[2] * w[2]) / w[1];
            } else {
                v[1] = v[2] = v[0];
            }
            int planes = kind == LAYER_GREY ? 1 : 3;
            for (int k = 0; k < planes; k++) {
                l->samples[at * (size_t)planes + (size_t)k] = v[k];
                count(l, v[k]);
            }
            if (l->alpha)
                l->alpha[at] = sample_at(&r->planes[3], fx, fy);
        }
    if (!(l->low <= l->high))
        l->low = l->high = 0;
}

static const struct row *find(const struct rows *rows, const char *key)
{
    for (size_t i = 0; i < rows->count; i++) {
        char own[KEY_ROOM + 16];
        snprintf(own, sizeof(own), "%d:%s", rows->at[i].part, rows->at[i].name);
        if (!key || !*key || strcmp(key, own) == 0)
            return &rows->at[i];
    }
    return NULL;
}

static bool not_there(struct error *err, const char *file, const char *key, const struct rows *rows)
{
    char names[400] = "";
    for (size_t i = 0; i < rows->count && strlen(names) < sizeof(names) - 40; i++)
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%d:%.24s", i ? ", " : "",
                 rows->at[i].part, rows->at[i].name);
    error_set(err, ERROR_NOT_FOUND, "%s has no layer %.60s that can be shown", file,
              key && *key ? key : "at all");
    return error_why(err, "its layers are %s", *names ? names : "none");
}

static bool read_layer(struct exr_file *f, const struct part *p, const struct row *row,
                       struct layer *l, struct error *err)
{
    struct reading r = {.part = p};
    int64_t width = (int64_t)p->display.max.x - p->display.min.x + 1;
    int64_t height = (int64_t)p->display.max.y - p->display.min.y + 1;
    size_t planes = row->kind == LAYER_GREY ? 1 : 3;
    float w[3];
    if (width < 1 || height < 1 || width > SIDE_MOST || height > SIDE_MOST ||
        width * height > SAMPLES_MOST / 4)
        return error_set(err, ERROR_TOO_BIG, "%s is too large to be shown", f->name);
    l->kind = row->kind, l->width = (int)width, l->height = (int)height;
    l->samples = calloc((size_t)(width * height), planes * sizeof(float));
    if (row->kind != LAYER_GREY && row->channels[3] >= 0)
        l->alpha = calloc((size_t)(width * height), sizeof(float));
    bool ok = l->samples != NULL || error_set(err, ERROR_TOO_BIG, "no memory for a layer");
    for (int k = 0; ok && k < 4; k++)
        ok = row->channels[k] < 0 || plane_open(&r, &r.planes[k], row->channels[k], err);
    ok = ok && read_planes(&r, f, err);
    if (ok) {
        l->flattened = exr_deep(p);
        luma_weights(f, p->index, w);
        lay(l, &r, row->kind, w);
        l->said = row_fact(p, row);
        json_object_set_new(l->said, "data", box(&p->data));
        json_object_set_new(l->said, "display", box(&p->display));
        json_object_set_new(l->said, "overscan", json_boolean(overscan(p)));
    }
    for (int k = 0; k < 4; k++)
        free(r.planes[k].at);
    return ok;
}

bool layer_read(size_t number, const struct ticket_input *input, const char *key, struct layer *l,
                struct error *err)
{
    struct exr_file f;
    struct rows rows = {0};
    struct part *parts = NULL;
    int parts_count = 0;
    *l = (struct layer){0};
    bool ok =
        exr_file_open(&f, number, input, err) && read_header(&f, &rows, &parts, &parts_count, err);
    const struct row *row = ok ? find(&rows, key) : NULL;
    if (ok && !row)
        ok = not_there(err, f.name, key, &rows);
    ok = ok && read_layer(&f, &parts[row->part], row, l, err);
    free(rows.at);
    free(parts);
    exr_file_close(&f);
    if (!ok)
        layer_free(l);
    return ok;
}

void layer_free(struct layer *l)
{
    free(l->samples);
    free(l->alpha);
    json_decref(l->said);
    *l = (struct layer){0};
}

// ---- a flat file of it, in memory

bool layers_deep(const uint8_t *head, size_t size)
{
    return size >= 8 && memcmp(head, "\x76\x2f\x31\x01", 4) == 0 && (head[5] & 0x08);
}

static int64_t keep_some(exr_const_context_t c, void *user, const void *at, uint64_t size,
                         uint64_t offset, exr_stream_error_func_ptr_t say)
{
    struct buf *to = user;
    uint64_t end = offset + size;
    char *more =
        end > to->size && end <= to->limit ? buf_reserve(to, (size_t)end - to->size) : NULL;
    if (end > to->size && !more) {
        say(c, EXR_ERR_WRITE_IO, "%s", "there is no memory for it");
        return -1;
    }
    if (more) { // the table of chunks comes last and lies in front
        memset(more, 0, (size_t)end - to->size);
        to->size = (size_t)end;
    }
    memcpy(to->at + offset, at, size);
    return (int64_t)size;
}

struct flat {
    const struct layer *l;
    exr_context_t from, out;
    bool grey;
};

// What libav reads of a header beside its windows.
static exr_result_t copy_said(const struct flat *w)
{
    exr_attr_v2f_t center = {0};
    exr_attr_chromaticities_t c;
    exr_attr_rational_t rate;
    float aspect = 1;
    exr_result_t code = EXR_ERR_SUCCESS;
    if (exr_get_pixel_aspect_ratio(w->from, 0, &aspect) != EXR_ERR_SUCCESS || !(aspect > 0))
        aspect = 1;
    if ((code = exr_set_pixel_aspect_ratio(w->out, 0, aspect)) ||
        (code = exr_set_screen_window_center(w->out, 0, &center)) ||
        (code = exr_set_screen_window_width(w->out, 0, 1)))
        return code;
    if (exr_attr_get_chromaticities(w->from, 0, "chromaticities", &c) == EXR_ERR_SUCCESS)
        code = exr_attr_set_chromaticities(w->out, 0, "chromaticities", &c);
    if (!code && exr_attr_get_rational(w->from, 0, "framesPerSecond", &rate) == EXR_ERR_SUCCESS)
        code = exr_attr_set_rational(w->out, 0, "framesPerSecond", &rate);
    return code;
}

static exr_result_t declare_flat(struct flat *w)
{
    static const char *const names[] = {"A", "B", "G", "R"};
    exr_attr_box2i_t box;
    box.min.x = box.min.y = 0;
    box.max.x = w->l->width - 1;
    box.max.y = w->l->height - 1;
    exr_result_t code;
    int at = 0;
    if ((code = exr_add_part(w->out, "flat", EXR_STORAGE_SCANLINE, &at)) ||
        (code = exr_set_compression(w->out, 0, EXR_COMPRESSION_NONE)) ||
        (code = exr_set_data_window(w->out, 0, &box)) ||
        (code = exr_set_display_window(w->out, 0, &box)) ||
        (code = exr_set_lineorder(w->out, 0, EXR_LINEORDER_INCREASING_Y)))
        return code;
    for (int i = 0; i < 4; i++) {
        bool wanted = w->grey ? i == 0 : i || w->l->alpha;
        if (wanted && (code = exr_add_channel(w->out, 0, w->grey ? "Y" : names[i], EXR_PIXEL_FLOAT,
                                              EXR_PERCEPTUALLY_LOGARITHMIC, 1, 1)))
            return code;
    }
    return copy_said(w);
}

// Channels lie in the order of their names: A, B, G, R.
static void give_row(const struct flat *w, exr_encode_pipeline_t *e, int64_t y)
{
    const struct layer *l = w->l;
    size_t row = (size_t)y * (size_t)l->width;
    for (int i = 0; i < e->channel_count; i++) {
        exr_coding_channel_info_t *c = &e->channels[i];
        int planes = w->grey ? 1 : 3;
        const float *from = l->samples + row * (size_t)planes;
        if (!w->grey && strcmp(c->channel_name, "A") == 0)
            from = l->alpha + row, planes = 1;
        else if (!w->grey)
            from += strcmp(c->channel_name, "R") == 0   ? 0
                    : strcmp(c->channel_name, "G") == 0 ? 1
                                                        : 2;
        c->encode_from_ptr = (const uint8_t *)from;
        c->user_pixel_stride = planes * 4;
        c->user_line_stride = planes * 4 * l->width;
    }
}

static exr_result_t write_flat(struct flat *w)
{
    exr_encode_pipeline_t e = EXR_ENCODE_PIPELINE_INITIALIZER;
    exr_chunk_info_t info = {0};
    exr_result_t code = declare_flat(w);
    code = code ? code : exr_write_header(w->out);
    bool begun = false;
    for (int y = 0; !code && y < w->l->height; y++) {
        code = exr_write_scanline_chunk_info(w->out, 0, y, &info);
        if (!code)
            code = begun ? exr_encoding_update(w->out, 0, &info, &e)
                         : exr_encoding_initialize(w->out, 0, &info, &e);
        if (code)
            break;
        begun = true;
        give_row(w, &e, y);
        code = exr_encoding_choose_default_routines(w->out, 0, &e);
        code = code ? code : exr_encoding_run(w->out, 0, &e);
    }
    if (begun)
        exr_encoding_destroy(w->out, &e);
    return code;
}

static bool flat_file(struct exr_file *f, const struct layer *l, uint8_t **at, size_t *size,
                      struct error *err)
{
    struct buf bytes = BUF_LIMIT((size_t)1 << 31);
    struct flat w = {.l = l, .from = f->c, .grey = l->kind == LAYER_GREY};
    exr_context_initializer_t wish = EXR_DEFAULT_CONTEXT_INITIALIZER;
    wish.user_data = &bytes;
    wish.write_fn = keep_some;
    exr_result_t code = exr_start_write(&w.out, "flat", EXR_WRITE_FILE_DIRECTLY, &wish);
    code = code ? code : write_flat(&w);
    exr_result_t finished = w.out ? exr_finish(&w.out) : EXR_ERR_SUCCESS;
    code = code ? code : finished;
    if (code) {
        buf_free(&bytes);
        error_set(err, ERROR_TOO_BIG, "%s can not be made flat", f->name);
        return error_why(err, "%s", exr_get_default_error_message(code));
    }
    *at = (uint8_t *)bytes.at;
    *size = bytes.size;
    return true;
}

bool layers_flat(size_t number, const struct ticket_input *input, uint8_t **at, size_t *size,
                 struct error *err)
{
    struct exr_file f;
    struct layer l = {0};
    *at = NULL;
    bool ok = exr_file_open(&f, number, input, err) && layer_read(number, input, NULL, &l, err) &&
              flat_file(&f, &l, at, size, err);
    layer_free(&l);
    exr_file_close(&f);
    return ok;
}
