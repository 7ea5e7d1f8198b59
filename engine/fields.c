#include "engine/fields.h"
#include "engine/ahead.h"
#include "engine/picture.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 32 };

struct fields {
    const json_t *list;          // top, bottom, top, bottom, ...; bottom -1: deinterlaced
    size_t next;                 // frame
    int64_t first, count, taken; // places: the segment's first, how many it has, were taken
    AVFrame *window[WINDOW];     // the last ones, by place
    bool top_first;
    int scan; // 0 progressive, 1 top, 2 bottom
    // the deinterlacer
    AVFilterGraph *graph;
    AVFilterContext *in, *out;
    int width, height, format;
    int64_t given, fed; // frames that went in; the place of the last one, -1: none
};

bool fields_open(const json_t *row, bool top_first, const char *scan, struct fields **to,
                 struct error *err)
{
    const json_t *list = json_object_get(row, "fields");
    struct fields *f = *to = calloc(1, sizeof(*f));
    if (!f)
        abort();
    f->list = list;
    f->first = json_integer_value(json_object_get(row, "place"));
    f->count = json_integer_value(json_object_get(row, "places"));
    f->top_first = top_first;
    f->scan = strcmp(scan, "top") == 0 ? 1 : strcmp(scan, "bottom") == 0 ? 2 : 0;
    f->fed = -1;
    return (json_array_size(list) % 2 == 0 && f->count > 0) ||
           error_set(err, ERROR_INPUT, "the plan of the segment can not be used");
}

void fields_again(struct fields *f)
{
    for (int i = 0; i < WINDOW; i++)
        av_frame_free(&f->window[i]);
    f->taken = 0;
    f->next = 0;
    f->fed = -1;
}

void fields_close(struct fields *f)
{
    if (!f)
        return;
    fields_again(f);
    if (f->graph)
        ahead_filters()->graph_free(&f->graph);
    free(f);
}

bool fields_take(struct fields *f, const AVFrame *frame, struct error *err)
{
    AVFrame **to = &f->window[(f->first + f->taken) % WINDOW];
    av_frame_free(to);
    *to = av_frame_clone(frame);
    f->taken++;
    return *to || error_set(err, ERROR_TOO_BIG, "no memory for a frame");
}

static const AVFrame *at(const struct fields *f, int64_t place)
{
    int64_t last = f->first + f->taken - 1;
    return place >= f->first && place <= last && place > last - WINDOW ? f->window[place % WINDOW]
                                                                       : NULL;
}

// ---- weaving

static AVFrame *weave(const AVFrame *top, const AVFrame *bottom)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(top->format);
    if (top == bottom || top->format != bottom->format || top->width != bottom->width ||
        top->height != bottom->height || !(d->flags & AV_PIX_FMT_FLAG_PLANAR))
        return av_frame_clone(top);
    AVFrame *to = frame_new(top->format, top->width, top->height);
    if (!to || av_frame_copy_props(to, top) < 0) {
        av_frame_free(&to);
        return NULL;
    }
    for (int i = 0; i < 4 && to->data[i]; i++) {
        int height = i == 1 || i == 2 ? AV_CEIL_RSHIFT(to->height, d->log2_chroma_h) : to->height;
        int size = av_image_get_linesize(to->format, to->width, i);
        for (int y = 0; y < height; y++) {
            const AVFrame *from = y % 2 ? bottom : top;
            memcpy(to->data[i] + (ptrdiff_t)y * to->linesize[i],
                   from->data[i] + (ptrdiff_t)y * from->linesize[i], (size_t)size);
        }
    }
    return to;
}

// ---- deinterlacing

static bool open_graph(struct fields *f, const AVFrame *like, struct error *err)
{
    const struct ahead_filters *a = ahead_filters();
    char source[200], how[80];
    AVFilterContext *lace = NULL;
    if (f->graph && like->width == f->width && like->height == f->height &&
        like->format == f->format)
        return true;
    if (!a)
        return error_set(err, ERROR_INTERNAL, "the deinterlacer was not loaded");
    a->graph_free(&f->graph);
    f->fed = -1, f->given = 0;
    f->width = like->width, f->height = like->height, f->format = like->format;
    snprintf(source, sizeof(source), "video_size=%dx%d:pix_fmt=%d:time_base=1/1:pixel_aspect=1/1",
             f->width, f->height, f->format);
    snprintf(how, sizeof(how), "mode=send_frame:parity=%s:deint=all", f->top_first ? "tff" : "bff");
    f->graph = a->graph_alloc();
    if (f->graph)
        f->graph->nb_threads = 1;
    if (f->graph &&
        a->create(&f->in, a->get_by_name("buffer"), "in", source, NULL, f->graph) >= 0 &&
        a->create(&lace, a->get_by_name("bwdif"), "lace", how, NULL, f->graph) >= 0 &&
        a->create(&f->out, a->get_by_name("buffersink"), "out", NULL, NULL, f->graph) >= 0 &&
        a->link(f->in, 0, lace, 0) >= 0 && a->link(lace, 0, f->out, 0) >= 0 &&
        a->config(f->graph, NULL) >= 0)
        return true;
    error_set(err, ERROR_UNSUPPORTED, "its pictures can not be made progressive");
    return error_why(err, "%s of %d x %d is not taken by the deinterlacer",
                     av_get_pix_fmt_name(f->format), f->width, f->height);
}

static AVFrame *through(struct fields *f, const AVFrame *frame, int64_t place)
{
    const struct ahead_filters *a = ahead_filters();
    AVFrame *in = av_frame_clone(frame), *out = av_frame_alloc();
    bool done = in && out;
    if (done) {
        in->pts = f->given++;
        in->interlaced_frame = 1;
        in->top_field_first = f->top_first;
        done = a->give(f->in, in, 0) >= 0 && a->take(f->out, out) >= 0;
    }
    av_frame_free(&in);
    if (!done)
        av_frame_free(&out);
    f->fed = place;
    return out;
}

// A frame comes out when the next one goes in. When frames follow each other one goes in for each.
static bool unlaced(struct fields *f, int64_t place, AVFrame **made, struct error *err)
{
    const AVFrame *now = at(f, place), *before = at(f, place - 1), *after = at(f, place + 1);
    before = before ? before : now, after = after ? after : now;
    if (!open_graph(f, now, err))
        return false;
    AVFrame *out = NULL;
    if (f->fed != place) {
        out = through(f, before, place - 1);
        av_frame_free(&out);
        out = through(f, now, place);
        av_frame_free(&out);
    }
    *made = through(f, after, place + 1);
    return *made || error_set(err, ERROR_TOO_BIG, "no memory for a frame");
}

// ---- the next one

static int64_t number(const struct fields *f, size_t i)
{
    return json_integer_value(json_array_get(f->list, i));
}

bool fields_next(struct fields *f, AVFrame **made, int64_t *source, struct error *err)
{
    *made = NULL;
    if (2 * f->next >= json_array_size(f->list))
        return true;
    int64_t top = number(f, 2 * f->next), bottom = number(f, 2 * f->next + 1);
    int64_t last = f->first + f->count - 1, need = bottom < 0     ? top + 1
                                                   : top > bottom ? top
                                                                  : bottom;
    if (f->first + f->taken - 1 < (need < last ? need : last))
        return true;
    const AVFrame *a = at(f, top), *b = bottom < 0 ? a : at(f, bottom);
    if (!a || !b)
        return error_set(err, ERROR_INPUT, "the plan of the segment can not be used");
    f->next++;
    *source = bottom < 0 ? top : top < bottom ? top : bottom;
    if (bottom < 0) {
        if (!unlaced(f, top, made, err))
            return false;
    } else {
        *made = weave(a, b);
    }
    if (!*made)
        return error_set(err, ERROR_TOO_BIG, "no memory for a frame");
    (*made)->interlaced_frame = f->scan != 0;
    (*made)->top_field_first = f->scan == 1;
    return true;
}
