/*
 * tests/qc/clips: films made of nothing, without faults or with one that is known to the frame.
 *
 * A clip is a row of a table: what is seen, what is heard, what is wrong, and what must be found.
 * The pictures are textures that move, with grain, cuts, discs; the sound is tones and noise.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum scene {
    PAN,
    ZOOM,
    DISCS,
    SHOTS,
    DARK,
    SLOW,
    WHIP,
    FAST_CUTS,
    STILLS,
    CREDITS,
    CARDS,
    TITLE,
    TWOS,
    THREES,
    CONCERT,
    CAMERAS,
    LIMIT,
    SMALL_AREA,
    SMALL_STEP,
    BRIGHT_STEP,
    FADES,
    BLACK_HOLD,
    STARS,
    LOGO,
    VENETIAN,
    COLOURS,
    RED_SLOW,
    LEADER,
    LIGHTNING,
    BARS_WHITE,
    PLAIN_DARK,
};
enum fault {
    NONE,
    BLACK,
    FREEZE,
    REPEAT,
    DROP,
    GAP,
    GREY,
    GREEN,
    FOREIGN,
    SNOW,
    NEGATIVE,
    HALF,
    BLOCKS,
    LINES,
    FLASH,
    CHECKER,
    RED,
    ABOVE,
    BELOW,
    CHROMA,
    COMB,
    TELECINE,
    BREAK,
    PULLDOWN,
    PIXEL,
    LETTERBOX,
    // of the sound
    SILENCE,
    DEAD,
    HOLE,
    CLIP,
    CLICK,
    STEP,
    INVERT,
    MONO,
    SWAP_LFE,
    SWAP_IDENT,
    OFFSET,
    GAIN,
    PEAK,
    SHORTER,
    LONGER,
    SYNC,
};
enum sound { MUSIC, DRUMS, SPEECH, QUIET, SURROUND, TONE, POP, NO_SOUND };
enum file { FFV1, FFV1_422_10, FFV1_444_12, PRORES, PRORES_TFF, PRORES_BFF, H264, TAGS, MPEG2_TC };

struct clip {
    const char *name;
    int frames;
    enum scene scene;
    double grain; // in 8-bit steps
    enum sound sound;
    enum file file;
    enum fault fault;
    int at, count, a, b;  // of the fault: first frame, frames; what a and b mean is said in clips.c
    const char *rule;     // that must be found; NULL: nothing may be
    int from, to;         // to the frame; -1: of the whole file; -2: anywhere
    const char *also;     // rules that may follow from the same fault
    int width, height;    // 0: 480 x 270
    int fps_num, fps_den; // 0: 25
    bool quick;
};
extern const struct clip clips[];
extern const int clip_count;

int clip_width(const struct clip *c);
int clip_height(const struct clip *c);
// 8-bit Y, Cb, Cr as 16-bit words in 1/16 steps, each of the full size.
void clip_picture(const struct clip *c, int frame, uint16_t *y, uint16_t *u, uint16_t *v);
int clip_channels(const struct clip *c);
// A new array, interleaved at 48 kHz; at about -23 LUFS before `scale` is put on it. The fault
// comes after.
float *clip_sound(const struct clip *c, int64_t *count);
void clip_sound_fault(const struct clip *c, float *at, int64_t *count);
