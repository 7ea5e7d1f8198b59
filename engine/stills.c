#include "engine/stills.h"
#include "engine/jpeg.h"
#include "engine/output.h"
#include "engine/picture.h"

#include <stdlib.h>
#include <string.h>

#define TILES 10 // a side of a sheet

struct stills {
    int width, height, every, tiles, sheets;
    int64_t frames;
    json_t *list;
    AVFrame *sheet;
    struct SwsContext *tile, *poster;
    bool poster_done;
};

struct stills *stills_open(int width, int height, int every, json_t *list)
{
    struct stills *s = calloc(1, sizeof(*s));
    s->width = width, s->height = height;
    s->every = every > 0 ? every : 1;
    s->list = list;
    return s;
}

void stills_close(struct stills *s)
{
    if (!s)
        return;
    av_frame_free(&s->sheet);
    sws_freeContext(s->tile);
    sws_freeContext(s->poster);
    free(s);
}

bool jpeg_write(json_t *list, const char *kind, const char *name, AVFrame *f, struct error *err)
{
    AVPacket *packet = av_packet_alloc();
    bool done = jpeg_encode(f, packet, err) &&
                output_whole(list, kind, name, packet->data, (size_t)packet->size, err);
    av_packet_free(&packet);
    return done;
}

// ---- sprites

static void new_sheet(struct stills *s)
{
    av_frame_free(&s->sheet);
    s->sheet = frame_new(AV_PIX_FMT_YUVJ420P, s->width * TILES, s->height * TILES);
    for (int i = 0; s->sheet && i < 3; i++)
        memset(s->sheet->data[i], i ? 128 : 0,
               (size_t)s->sheet->linesize[i] * (size_t)(s->sheet->height >> (i > 0)));
}

static void lay(AVFrame *sheet, const AVFrame *tile, int x, int y)
{
    for (int i = 0; i < 3; i++)
        for (int row = 0; row < tile->height >> (i > 0); row++)
            memcpy(sheet->data[i] + ((y >> (i > 0)) + row) * sheet->linesize[i] + (x >> (i > 0)),
                   tile->data[i] + row * tile->linesize[i], (size_t)(tile->width >> (i > 0)));
}

static bool write_sheet(struct stills *s, struct error *err)
{
    char name[32];
    snprintf(name, sizeof(name), "sprite-%04d.jpg", s->sheets++);
    return jpeg_write(s->list, "sprites", name, s->sheet, err);
}

static bool add_tile(struct stills *s, const AVFrame *f, struct error *err)
{
    int at = s->tiles % (TILES * TILES);
    AVFrame *tile = frame_new(AV_PIX_FMT_YUVJ420P, s->width, s->height);
    if (at == 0)
        new_sheet(s);
    bool done = tile && s->sheet && scale_into(&s->tile, f, tile, true);
    if (done)
        lay(s->sheet, tile, at % TILES * s->width, at / TILES * s->height);
    av_frame_free(&tile);
    s->tiles++;
    if (!done)
        return error_set(err, ERROR_TOO_BIG, "no memory for its sprites");
    return s->tiles % (TILES * TILES) != 0 || write_sheet(s, err);
}

// ---- poster

static bool is_black(const AVFrame *f)
{
    int64_t sum = 0, count = 0;
    for (int y = 0; y < f->height; y += 8)
        for (int x = 0; x < f->width; x += 8, count++)
            sum += f->data[0][y * f->linesize[0] + x];
    return sum < count * 28;
}

static bool make_poster(struct stills *s, const AVFrame *f, struct error *err)
{
    int w, h;
    picture_fit(f->width, f->height, 640, 360, &w, &h);
    AVFrame *small = frame_new(AV_PIX_FMT_YUVJ420P, w, h);
    s->poster_done = true;
    bool done = small && scale_into(&s->poster, f, small, true)
                    ? jpeg_write(s->list, "poster", "poster.jpg", small, err)
                    : error_set(err, ERROR_TOO_BIG, "no memory for its poster");
    av_frame_free(&small);
    return done;
}

// ---- both

bool stills_add(struct stills *s, const AVFrame *large, const AVFrame *small, struct error *err)
{
    return (s->frames++ % s->every != 0 || add_tile(s, small, err)) &&
           (s->poster_done || is_black(large) || make_poster(s, large, err));
}

bool stills_finish(struct stills *s, const AVFrame *last, struct error *err)
{
    return (s->poster_done || !last || make_poster(s, last, err)) &&
           (s->tiles % (TILES * TILES) == 0 || write_sheet(s, err));
}

json_t *stills_fact(const struct stills *s)
{
    return s->tiles ? json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "width", s->width, "height",
                                s->height, "columns", TILES, "rows", TILES, "every_frames",
                                s->every, "count", s->tiles)
                    : NULL;
}
