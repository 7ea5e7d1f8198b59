/*
 * formats/layouts: the channels of sound by name, the layouts that they make, the orders in which
 * people lay them on tracks, and the rules by which more of them become fewer.
 *
 * Everything is a table here, so that the mapping of tracks, the labels in containers, loudness'
 * weights and the words for people agree. A layout lists its channels in the order of SMPTE ST
 * 428-12 (5.1: L R C LFE Ls Rs).
 */
#pragma once
#include "base/text.h"

enum channel {
    CHANNEL_L,
    CHANNEL_R,
    CHANNEL_C,
    CHANNEL_LFE,
    CHANNEL_LS,
    CHANNEL_RS,
    CHANNEL_LSS, // side, of 7.1
    CHANNEL_RSS,
    CHANNEL_LRS, // rear, of 7.1
    CHANNEL_RRS,
    CHANNEL_CS,
    CHANNEL_LC,
    CHANNEL_RC,
    CHANNEL_LTF, // top front
    CHANNEL_RTF,
    CHANNEL_LTR, // top rear
    CHANNEL_RTR,
    CHANNEL_LT, // matrixed
    CHANNEL_RT,
    CHANNEL_M,  // mono
    CHANNEL_NO, // no label: a discrete channel
    CHANNEL_COUNT
};

struct channel_row {
    const char *label, *title;
    const char *mca; // tag symbol, SMPTE ST 2067-8 (ST 377-4); "" none
    int mask_bit;    // of a WAVEFORMATEXTENSIBLE's mask and of libav's; -1: none
    int core_audio;  // CoreAudio's channel label (QuickTime "chan"); 0: unknown
    int speaker;     // ISO/IEC 23091-3 output channel position ("chnl"); -1: none
    double weight;   // in loudness, ITU-R BS.1770-5 table 4
};
const struct channel_row *channel_row(enum channel c);
// By its label in any case, "SL" and "BL" and their like included; false: unknown.
bool channel_named(text label, enum channel *c);

#define LAYOUT_CHANNELS 16 // of a layout with labels
#define LAYOUT_DISCRETE 64 // of a track without

struct layout {
    const char *name, *title;
    const char *mca; // soundfield group, ST 2067-8; "" none
    int count;       // 0: "discrete", any
    enum channel at[LAYOUT_CHANNELS];
};
const struct layout *layout_named(const char *name); // NULL: unknown
const char *layout_names(void);                      // " mono stereo ... ", for checks of data
// Its mask; 0 when a channel has no bit. Channels in a file with a mask are in order of the bits:
// place[i] is where the layout's channel i lies among them.
uint64_t layout_mask(const struct layout *l, int place[LAYOUT_CHANNELS]);
// The i-th of a file's channels, laid in an order ("smpte", "film", "dts", "mpeg"), is channel
// to[i] of the layout; false: no such order. "itu" is smpte's.
bool layout_order(const struct layout *l, const char *order, int to[LAYOUT_CHANNELS]);

// What a file says: libav's name ("5.1(side)", "6 channels (FL+FR+...)", "unknown") and the count.
// Fills `at` with each channel's label, CHANNEL_NO where there is none. *said: the file said it;
// else it is what so many channels usually are. NULL: none that we have a name for.
const struct layout *layout_seen(const char *said_name, int count, enum channel at[LAYOUT_DISCRETE],
                                 bool *said);

// ---- fewer out of more

struct mix_row { // channel `from` goes into `to`, `gain` times, turned by `quarter` x 90 degrees
    enum channel to, from;
    double gain;
    int quarter;
};
struct mix_rule {
    const char *name, *title, *source; // source: where the numbers stand
    const char *layout;                // that it makes
    const struct mix_row *rows;
    size_t count;
};
const struct mix_rule *mix_rule(const char *name); // NULL: unknown
