// A ticket to probe that names an output wants to see the file, too: a small picture of its first
// frame. One that can not be made is left out: the facts are what was asked for. Of an interlaced
// film a few pieces are looked at, so that its cadence is known before it is delivered.
#include "engine/cadence.h"
#include "engine/media.h"
#include "engine/picture.h"
#include "engine/stills.h"

enum { PICTURE_WIDTH = 480, PICTURE_HEIGHT = 270 };

static void make_picture(const struct ticket *t, const AVFrame *frame)
{
    struct error ignored;
    struct shape shape = {.full = true};
    picture_fit(frame->width, frame->height, PICTURE_WIDTH, PICTURE_HEIGHT, &shape.width,
                &shape.height);
    struct shaper *shaper = shaper_open(&shape);
    json_t *list = json_array();
    AVFrame *upright = shaper_make(shaper, frame);
    if (upright)
        (void)!jpeg_write(list, "poster", t->output, upright, &ignored);
    json_decref(list);
    av_frame_free(&upright);
    shaper_close(shaper);
}

bool probe_and_look(const struct ticket *t, json_t **facts, struct error *err)
{
    if (!probe_seeing(t, t->output ? make_picture : NULL, facts, err))
        return false;
    json_t *cadence = cadence_glance(t, *facts);
    if (cadence)
        json_object_set_new(json_array_get(json_object_get(*facts, "video"), 0), "cadence",
                            cadence);
    return true;
}
