#include "make_exr.h"

#include <OpenEXR/openexr.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DO(call)                                                                                   \
    do {                                                                                           \
        exr_result_t code_ = (call);                                                               \
        if (code_ != EXR_ERR_SUCCESS) {                                                            \
            fprintf(stderr, "%s: %s\n", #call, exr_get_default_error_message(code_));              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void add_part(exr_context_t c, int index, const char *name, const struct exr_wish *w)
{
    static const char *const beauty[] = {"R", "G", "B", "A"};
    exr_attr_box2i_t data, display;
    exr_attr_v2f_t centre;
    int at;
    memset(&centre, 0, sizeof(centre));
    display.min.x = display.min.y = 0;
    display.max.x = w->width - 1;
    display.max.y = w->height - 1;
    data = display;
    if (w->columns) {
        data.min.x = w->left;
        data.min.y = w->top;
        data.max.x = w->left + w->columns - 1;
        data.max.y = w->top + w->rows - 1;
    }
    DO(exr_add_part(c, w->one_part ? NULL : name,
                    w->tiled ? EXR_STORAGE_TILED : EXR_STORAGE_SCANLINE, &at));
    DO(exr_initialize_required_attr(c, index, &display, &data, 1.0f, &centre, 1.0f,
                                    EXR_LINEORDER_INCREASING_Y, (exr_compression_t)w->compression));
    if (w->tiled)
        DO(exr_set_tile_descriptor(c, index, 16, 16, EXR_TILE_ONE_LEVEL, EXR_TILE_ROUND_DOWN));
    if (index == 0) {
        for (int i = 0; i < (w->no_alpha ? 3 : 4); i++)
            DO(exr_add_channel(c, index, beauty[i], EXR_PIXEL_HALF, EXR_PERCEPTUALLY_LOGARITHMIC, 1,
                               1));
        DO(exr_attr_set_string(c, index, "owner", "the test"));
        DO(exr_attr_set_float(c, index, "shutter", 0.5f));
        DO(exr_attr_set_int(c, index, "samples", 64));
    } else {
        DO(exr_add_channel(c, index, "Z", EXR_PIXEL_FLOAT, EXR_PERCEPTUALLY_LINEAR, 1, 1));
        DO(exr_add_channel(c, index, "id", EXR_PIXEL_UINT, EXR_PERCEPTUALLY_LINEAR, 1, 1));
        DO(exr_attr_set_string(c, index, "camera", "shot cam"));
    }
}

static void put_value(const struct exr_wish *w, const exr_coding_channel_info_t *c, int channel,
                      int x, int y, uint8_t *to)
{
    bool odd = x == w->left + 2 && y == w->top + 2;
    if (c->data_type == EXR_PIXEL_HALF) {
        uint16_t v = (uint16_t)(w->black ? 0 : 0x3000 + (x * 7 + y * 13 + channel * 101) % 2048);
        v = odd && w->odd == 1 && strcmp(c->channel_name, "G") == 0 ? 0x7e00 : v;
        memcpy(to, &v, 2);
    } else if (c->data_type == EXR_PIXEL_FLOAT) {
        float v = w->black ? 0 : (float)(x * 3 + y) + 0.25f;
        v = odd && w->odd == 2 ? INFINITY : v;
        memcpy(to, &v, 4);
    } else {
        uint32_t v = w->black ? 0 : (uint32_t)(x / 8 + 100 * (y / 8));
        memcpy(to, &v, 4);
    }
}

static void write_chunk(exr_context_t c, int index, const struct exr_wish *w,
                        exr_chunk_info_t *info, int left, int top)
{
    exr_encode_pipeline_t e = EXR_ENCODE_PIPELINE_INITIALIZER;
    uint8_t *rooms[8] = {0};
    DO(exr_encoding_initialize(c, index, info, &e));
    for (int i = 0; i < e.channel_count; i++) {
        exr_coding_channel_info_t *ch = &e.channels[i];
        uint8_t *at = rooms[i] = malloc((size_t)(ch->width * ch->height * ch->bytes_per_element));
        for (int y = 0; y < ch->height; y++)
            for (int x = 0; x < ch->width; x++, at += ch->bytes_per_element)
                put_value(w, ch, i, left + x, top + y, at);
        ch->encode_from_ptr = rooms[i];
        ch->user_pixel_stride = ch->bytes_per_element;
        ch->user_line_stride = ch->width * ch->bytes_per_element;
    }
    DO(exr_encoding_choose_default_routines(c, index, &e));
    DO(exr_encoding_run(c, index, &e));
    DO(exr_encoding_destroy(c, &e));
    for (int i = 0; i < 8; i++)
        free(rooms[i]);
}

static void write_part(exr_context_t c, int index, const struct exr_wish *w)
{
    exr_attr_box2i_t data;
    exr_chunk_info_t info = {0};
    int32_t lines = 1;
    DO(exr_get_data_window(c, index, &data));
    int width = data.max.x - data.min.x + 1, height = data.max.y - data.min.y + 1;
    if (w->tiled) {
        int rows = (height + 15) / 16;
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < (width + 15) / 16; x++) {
                DO(exr_write_tile_chunk_info(c, index, x, y, 0, 0, &info));
                write_chunk(c, index, w, &info, data.min.x + x * 16, data.min.y + y * 16);
            }
        return;
    }
    DO(exr_get_scanlines_per_chunk(c, index, &lines));
    int blocks = (height + lines - 1) / lines;
    for (int i = 0; i < blocks; i++) {
        int y = data.min.y + i * lines;
        DO(exr_write_scanline_chunk_info(c, index, y, &info));
        write_chunk(c, index, w, &info, data.min.x, y);
    }
}

void exr_make(const char *path, const struct exr_wish *w)
{
    exr_context_t c;
    exr_context_initializer_t init = EXR_DEFAULT_CONTEXT_INITIALIZER;
    int parts = w->one_part ? 1 : 2;
    DO(exr_start_write(&c, path, EXR_WRITE_FILE_DIRECTLY, &init));
    add_part(c, 0, "beauty", w);
    if (parts == 2)
        add_part(c, 1, "depth", w);
    DO(exr_write_header(c));
    for (int i = 0; i < parts; i++)
        write_part(c, i, w);
    DO(exr_finish(&c));
}

// ---- with layers

float exr_layer_value(const char *part, const char *channel, int x, int y)
{
    const char *word = strrchr(channel, '.') ? strrchr(channel, '.') + 1 : channel;
    if (strcmp(part, "luma") == 0) // a colour of one hue: R, G, B = 0.5, 0.25, 0.125 at full
        return strcmp(word, "Y") == 0    ? 0.2126f * 0.5f + 0.7152f * 0.25f + 0.0722f * 0.125f
               : strcmp(word, "RY") == 0 ? 0.5f / 0.294125f - 1
                                         : 0.125f / 0.294125f - 1;
    if (strcmp(word, "Z") == 0 && strcmp(part, "ids") == 0)
        return y == 0 && x == 0 ? NAN : y == 0 && x == 1 ? INFINITY : 10 + (float)x;
    if (strcmp(word, "id") == 0)
        return (float)(x / 8);
    if (strcmp(word, "A") == 0)
        return 0.5f;
    float base = strncmp(channel, "diffuse", 7) == 0 ? 0.25f : strncmp(channel, "N", 1) == 0 ? -1 : 0;
    return base + (float)((x + 4) % 32 * (*word == 'R' || *word == 'X')) / 32 +
           (float)(y * (*word == 'G' || *word == 'Y')) / 32;
}

static uint16_t half_of(float f)
{
    uint32_t v;
    memcpy(&v, &f, 4);
    int exponent = (int)(v >> 23 & 255) - 112;
    uint32_t sign = v >> 16 & 0x8000, part = v >> 13 & 1023;
    return (uint16_t)(exponent <= 0 ? sign : sign | (uint32_t)exponent << 10 | part);
}

static void layer_part(exr_context_t c, const char *name, exr_storage_t storage, bool main,
                       int compression)
{
    exr_attr_box2i_t data, display;
    exr_attr_v2f_t centre;
    int at;
    memset(&centre, 0, sizeof(centre));
    display.min.x = display.min.y = 0;
    display.max.x = LAYERS_WIDTH - 1, display.max.y = LAYERS_HEIGHT - 1;
    data = display;
    if (main)
        data.min.x = LAYERS_LEFT, data.max.x = LAYERS_LEFT + LAYERS_COLUMNS - 1;
    DO(exr_add_part(c, name, storage, &at));
    DO(exr_initialize_required_attr(c, at, &display, &data, 2.0f, &centre, 1.0f,
                                    EXR_LINEORDER_INCREASING_Y, (exr_compression_t)compression));
    if (storage == EXR_STORAGE_TILED)
        DO(exr_set_tile_descriptor(c, at, 16, 16, EXR_TILE_ONE_LEVEL, EXR_TILE_ROUND_DOWN));
}

static void layer_chunk(exr_context_t c, int part, const char *name, exr_chunk_info_t *info,
                        int left, int top)
{
    exr_encode_pipeline_t e = EXR_ENCODE_PIPELINE_INITIALIZER;
    uint8_t *rooms[16] = {0};
    DO(exr_encoding_initialize(c, part, info, &e));
    for (int i = 0; i < e.channel_count; i++) {
        exr_coding_channel_info_t *ch = &e.channels[i];
        uint8_t *at = rooms[i] = malloc((size_t)(ch->width * ch->height * ch->bytes_per_element) + 8);
        for (int y = 0; y < ch->height; y++)
            for (int x = 0; x < ch->width; x++, at += ch->bytes_per_element) {
                float v = exr_layer_value(name, ch->channel_name, left + x * ch->x_samples,
                                          top + y * ch->y_samples);
                uint16_t h = half_of(v);
                uint32_t u = (uint32_t)v;
                if (ch->data_type == EXR_PIXEL_HALF)
                    memcpy(at, &h, 2);
                else
                    memcpy(at, ch->data_type == EXR_PIXEL_UINT ? (void *)&u : (void *)&v, 4);
            }
        ch->encode_from_ptr = rooms[i];
        ch->user_pixel_stride = ch->bytes_per_element;
        ch->user_line_stride = ch->width * ch->bytes_per_element;
    }
    DO(exr_encoding_choose_default_routines(c, part, &e));
    DO(exr_encoding_run(c, part, &e));
    DO(exr_encoding_destroy(c, &e));
    for (int i = 0; i < 16; i++)
        free(rooms[i]);
}

static void layer_write(exr_context_t c, int part, const char *name, int left, int columns)
{
    exr_chunk_info_t info = {0};
    exr_storage_t storage;
    int32_t lines = 1;
    DO(exr_get_storage(c, part, &storage));
    if (storage == EXR_STORAGE_TILED) {
        for (int y = 0; y < (LAYERS_HEIGHT + 15) / 16; y++)
            for (int x = 0; x < (columns + 15) / 16; x++) {
                DO(exr_write_tile_chunk_info(c, part, x, y, 0, 0, &info));
                layer_chunk(c, part, name, &info, left + x * 16, y * 16);
            }
        return;
    }
    DO(exr_get_scanlines_per_chunk(c, part, &lines));
    for (int y = 0; y < LAYERS_HEIGHT; y += lines) {
        DO(exr_write_scanline_chunk_info(c, part, y, &info));
        layer_chunk(c, part, name, &info, left, y);
    }
}

void exr_make_layers(const char *path, bool tiled, int compression)
{
    static const char *const mains[] = {"R",         "G",   "B",   "A",  "diffuse.R", "diffuse.G",
                                        "diffuse.B", "N.X", "N.Y", "N.Z"};
    exr_context_t c;
    exr_context_initializer_t init = EXR_DEFAULT_CONTEXT_INITIALIZER;
    DO(exr_start_write(&c, path, EXR_WRITE_FILE_DIRECTLY, &init));
    layer_part(c, "main", tiled ? EXR_STORAGE_TILED : EXR_STORAGE_SCANLINE, true, compression);
    layer_part(c, "luma", EXR_STORAGE_SCANLINE, false, compression);
    layer_part(c, "ids", EXR_STORAGE_SCANLINE, false, compression);
    for (size_t i = 0; i < sizeof(mains) / sizeof(mains[0]); i++)
        DO(exr_add_channel(c, 0, mains[i], EXR_PIXEL_HALF, EXR_PERCEPTUALLY_LOGARITHMIC, 1, 1));
    DO(exr_add_channel(c, 1, "Y", EXR_PIXEL_HALF, EXR_PERCEPTUALLY_LOGARITHMIC, 1, 1));
    DO(exr_add_channel(c, 1, "RY", EXR_PIXEL_HALF, EXR_PERCEPTUALLY_LINEAR, 2, 2));
    DO(exr_add_channel(c, 1, "BY", EXR_PIXEL_HALF, EXR_PERCEPTUALLY_LINEAR, 2, 2));
    DO(exr_add_channel(c, 2, "Z", EXR_PIXEL_FLOAT, EXR_PERCEPTUALLY_LINEAR, 1, 1));
    DO(exr_add_channel(c, 2, "id", EXR_PIXEL_UINT, EXR_PERCEPTUALLY_LINEAR, 1, 1));
    DO(exr_write_header(c));
    layer_write(c, 0, "main", LAYERS_LEFT, LAYERS_COLUMNS);
    layer_write(c, 1, "luma", 0, LAYERS_WIDTH);
    layer_write(c, 2, "ids", 0, LAYERS_WIDTH);
    DO(exr_finish(&c));
}
