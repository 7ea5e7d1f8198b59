/*
 * A helper as a maker's SDK would have it, for files of a format that only the tests know:
 * "TSTRAW01", then width, height, rate (numerator, denominator) and number of frames as u32
 * little-endian, a timecode of 12 bytes, and for each frame one byte: how bright it is, from left
 * (0) to right (that).
 */
#include "engine/maker.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD = 40 };

struct open_file {
    struct input *in;
    struct maker_clip clip;
};

static bool tst_knows(const uint8_t *head, size_t size)
{
    return size >= HEAD && memcmp(head, "TSTRAW01", 8) == 0;
}

static uint32_t number(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static bool tst_open(struct input *in, struct maker_clip *clip, void **state, struct error *err)
{
    uint8_t head[HEAD];
    size_t got;
    struct open_file *f = calloc(1, sizeof(*f));
    if (!f || !input_read(in, 0, head, sizeof(head), &got, err) || got < HEAD) {
        free(f);
        return error_set(err, ERROR_DAMAGED, "the file is cut off");
    }
    *clip = (struct maker_clip){.width = (int)(number(head + 8) & 0xffff),
                                .height = (int)(number(head + 12) & 0xffff),
                                .rate = {number(head + 16), number(head + 20)},
                                .frames = number(head + 24),
                                .reel = "T001"};
    memcpy(clip->timecode, head + 28, 11);
    f->in = in;
    f->clip = *clip;
    *state = f;
    return true;
}

static bool tst_frame(void *state, int64_t frame, uint16_t *rgb, struct error *err)
{
    const struct open_file *f = state;
    uint8_t bright;
    size_t got;
    if (!input_read(f->in, HEAD + frame, &bright, 1, &got, err) || !got)
        return error_set(err, ERROR_DAMAGED, "frame %lld is not in the file", (long long)frame);
    for (int y = 0; y < f->clip.height; y++)
        for (int x = 0; x < f->clip.width; x++, rgb += 3)
            rgb[0] = rgb[1] = rgb[2] = (uint16_t)(257 * bright * x / f->clip.width);
    return true;
}

int main(int argc, char **argv)
{
    static const struct maker tst = {"TST", tst_knows, tst_open, tst_frame, free};
    return engine_main(argc, argv, &tst);
}
