/*
 * Which loudspeakers the channels of an MP4's sound are for ("chnl"): libavformat writes it
 * nowhere. AAC has the order of its own table, in which the layouts of ISO/IEC 23091-3 are listed;
 * FLAC that of its standard (RFC 9639, 9.1.3), which is libav's. AC-3 and Opus say it in boxes of
 * their own.
 */
#include "engine/metadata.h"

#include <libavutil/channel_layout.h>
#include <string.h>

static const struct {
    uint64_t mask;
    int number; // ISO/IEC 23091-3, table 8
} layouts[] = {{AV_CH_LAYOUT_MONO, 1},          {AV_CH_LAYOUT_STEREO, 2},
               {AV_CH_LAYOUT_SURROUND, 3},      {AV_CH_LAYOUT_4POINT0, 4},
               {AV_CH_LAYOUT_5POINT0_BACK, 5},  {AV_CH_LAYOUT_5POINT0, 5},
               {AV_CH_LAYOUT_5POINT1_BACK, 6},  {AV_CH_LAYOUT_5POINT1, 6},
               {AV_CH_LAYOUT_7POINT1_WIDE, 7},  {AV_CH_LAYOUT_7POINT1_WIDE_BACK, 7},
               {AV_CH_LAYOUT_6POINT1_BACK, 11}, {AV_CH_LAYOUT_6POINT1, 11},
               {AV_CH_LAYOUT_7POINT1, 12}};

// A channel's place (table 7) by libav's number of it; the surrounds of 5.1 are at 4 and 5,
// whatever they are called.
static int place_of(enum AVChannel c, bool seven)
{
    static const struct {
        enum AVChannel channel;
        int place, of_seven;
    } places[] = {{AV_CHAN_FRONT_LEFT, 0, 0},
                  {AV_CHAN_FRONT_RIGHT, 1, 1},
                  {AV_CHAN_FRONT_CENTER, 2, 2},
                  {AV_CHAN_LOW_FREQUENCY, 3, 3},
                  {AV_CHAN_BACK_LEFT, 4, 8},
                  {AV_CHAN_BACK_RIGHT, 5, 9},
                  {AV_CHAN_SIDE_LEFT, 4, 13},
                  {AV_CHAN_SIDE_RIGHT, 5, 14},
                  {AV_CHAN_FRONT_LEFT_OF_CENTER, 6, 6},
                  {AV_CHAN_FRONT_RIGHT_OF_CENTER, 7, 7},
                  {AV_CHAN_BACK_CENTER, 10, 10}};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (places[i].channel == c)
            return seven ? places[i].of_seven : places[i].place;
    return -1;
}

static int number_of(const AVChannelLayout *l)
{
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        if (l->order == AV_CHANNEL_ORDER_NATIVE && l->u.mask == layouts[i].mask)
            return layouts[i].number;
    return 0;
}

static bool text_for(const AVCodecParameters *p, char *to, size_t room)
{
    const AVChannelLayout *l = &p->ch_layout;
    int number = number_of(l);
    bool seven = av_channel_layout_index_from_channel(l, AV_CHAN_BACK_LEFT) >= 0 &&
                 av_channel_layout_index_from_channel(l, AV_CHAN_SIDE_LEFT) >= 0;
    size_t used = 0;
    if (p->codec_id == AV_CODEC_ID_AAC || (p->codec_id == AV_CODEC_ID_FLAC && number < 3)) {
        snprintf(to, room, "%d", number);
        return number > 0;
    }
    for (int i = 0; p->codec_id == AV_CODEC_ID_FLAC && i < l->nb_channels && used + 4 < room; i++) {
        int place = place_of(av_channel_layout_channel_from_index(l, (unsigned)i), seven);
        if (place < 0)
            return false;
        used += (size_t)snprintf(to + used, room - used, "%s%d", used ? " " : "", place);
    }
    return used > 0;
}

void channels_pairs(const AVFormatContext *out, json_t *pairs)
{
    char words[300];
    for (unsigned i = 0; i < out->nb_streams; i++)
        if (out->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO &&
            text_for(out->streams[i]->codecpar, words, sizeof(words)))
            json_array_append_new(pairs, json_pack("{s:s, s:i, s:s}", "at", "trak/chnl", "track",
                                                   (int)i, "value", words));
}
