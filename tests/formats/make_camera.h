/*
 * Files as cameras begin them: the places that are known hold what is asked, the rest is nothing.
 */
#pragma once
#include "base/text.h"

struct camera_made {
    const char *reel, *name, *timecode; // name: that the camera gave it
    int width, height, rate_num, rate_den;
};
void make_red(struct buf *to, char version, const struct camera_made *m); // '1' or '2'
void make_arri(struct buf *to, const struct camera_made *m);
// The beginning of a file of Canon's: CNCV and the model.
void make_crx(struct buf *to, const char *version, const char *model);
void make_dng(struct buf *to, const struct camera_made *m);
struct mxf_made {
    bool atom;
    uint8_t package; // another number: another material package
    int track;       // that this file is of, from 0
    int pictures, sounds;
    const uint8_t *coding; // 16 bytes; NULL: none
    int width, height, rate, start, duration;
    const char *tape; // NULL: none
};
void make_mxf(struct buf *to, const struct mxf_made *m);
// A QuickTime file of one picture track with this sample entry, and a timecode track; of CRAW with
// Canon's brand and box.
void make_mov(struct buf *to, const char *entry, const struct camera_made *m, int frames);
