#include "formats/layouts/layouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SIDE 1.41253754462275 // +1.5 dB

static const struct channel_row channels[CHANNEL_COUNT] = {
    [CHANNEL_L] = {"L", "Left", "chL", 0, 1, 0, 1},
    [CHANNEL_R] = {"R", "Right", "chR", 1, 2, 1, 1},
    [CHANNEL_C] = {"C", "Center", "chC", 2, 3, 2, 1},
    [CHANNEL_LFE] = {"LFE", "LFE", "chLFE", 3, 4, 3, 0},
    [CHANNEL_LS] = {"Ls", "Left Surround", "chLs", 4, 5, 4, SIDE},
    [CHANNEL_RS] = {"Rs", "Right Surround", "chRs", 5, 6, 5, SIDE},
    [CHANNEL_LSS] = {"Lss", "Left Side Surround", "chLss", 9, 10, 13, SIDE},
    [CHANNEL_RSS] = {"Rss", "Right Side Surround", "chRss", 10, 11, 14, SIDE},
    [CHANNEL_LRS] = {"Lrs", "Left Rear Surround", "chLrs", 4, 33, 8, 1},
    [CHANNEL_RRS] = {"Rrs", "Right Rear Surround", "chRrs", 5, 34, 9, 1},
    [CHANNEL_CS] = {"Cs", "Center Surround", "chCs", 8, 9, 10, 1},
    [CHANNEL_LC] = {"Lc", "Left Center", "chLc", 6, 7, 6, 1},
    [CHANNEL_RC] = {"Rc", "Right Center", "chRc", 7, 8, 7, 1},
    [CHANNEL_LTF] = {"Ltf", "Left Top Front", "chTFL", 12, 13, 17, 1},
    [CHANNEL_RTF] = {"Rtf", "Right Top Front", "chTFR", 14, 15, 18, 1},
    [CHANNEL_LTR] = {"Ltr", "Left Top Rear", "chTBL", 15, 16, 20, 1},
    [CHANNEL_RTR] = {"Rtr", "Right Top Rear", "chTBR", 17, 18, 21, 1},
    [CHANNEL_LT] = {"Lt", "Left Total", "chLt", 29, 38, -1, 1},
    [CHANNEL_RT] = {"Rt", "Right Total", "chRt", 30, 39, -1, 1},
    [CHANNEL_M] = {"M", "Mono", "chM1", 2, 42, 2, 1},
    [CHANNEL_NO] = {"", "Discrete", "", -1, 400, -1, 1},
};

const struct channel_row *channel_row(enum channel c)
{
    return &channels[c < CHANNEL_COUNT ? c : CHANNEL_NO];
}

bool channel_named(text label, enum channel *c)
{
    // libav's names for the same.
    static const struct {
        const char *name;
        enum channel c;
    } others[] = {{"FL", CHANNEL_L},    {"FR", CHANNEL_R},    {"FC", CHANNEL_C},
                  {"BL", CHANNEL_LRS},  {"BR", CHANNEL_RRS},  {"SL", CHANNEL_LSS},
                  {"SR", CHANNEL_RSS},  {"BC", CHANNEL_CS},   {"FLC", CHANNEL_LC},
                  {"FRC", CHANNEL_RC},  {"TFL", CHANNEL_LTF}, {"TFR", CHANNEL_RTF},
                  {"TBL", CHANNEL_LTR}, {"TBR", CHANNEL_RTR}, {"DL", CHANNEL_LT},
                  {"DR", CHANNEL_RT},   {"MONO", CHANNEL_M}};
    for (int i = 0; i < CHANNEL_NO; i++)
        if (label.size == strlen(channels[i].label) &&
            strncasecmp(label.at, channels[i].label, label.size) == 0) {
            *c = (enum channel)i;
            return true;
        }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (label.size == strlen(others[i].name) &&
            strncasecmp(label.at, others[i].name, label.size) == 0) {
            *c = others[i].c;
            return true;
        }
    return false;
}

#define FRONT CHANNEL_L, CHANNEL_R, CHANNEL_C
#define FIVE FRONT, CHANNEL_LFE, CHANNEL_LS, CHANNEL_RS
#define SEVEN FRONT, CHANNEL_LFE, CHANNEL_LSS, CHANNEL_RSS, CHANNEL_LRS, CHANNEL_RRS
#define TOP_FRONT CHANNEL_LTF, CHANNEL_RTF
#define TOP TOP_FRONT, CHANNEL_LTR, CHANNEL_RTR

// Heights as in ITU-R BS.2051: 2+5+0, 4+5+0, 4+7+0.
static const struct layout layouts[] = {
    {"mono", "Mono", "sgM", 1, {CHANNEL_M}},
    {"stereo", "Stereo", "sgST", 2, {CHANNEL_L, CHANNEL_R}},
    {"lt-rt", "Lt/Rt", "sgLtRt", 2, {CHANNEL_LT, CHANNEL_RT}},
    {"lcr", "LCR", "", 3, {FRONT}},
    {"quad", "Quad", "", 4, {CHANNEL_L, CHANNEL_R, CHANNEL_LS, CHANNEL_RS}},
    {"5.0", "5.0", "", 5, {FRONT, CHANNEL_LS, CHANNEL_RS}},
    {"5.1", "5.1", "sg51", 6, {FIVE}},
    {"6.1", "6.1", "sg61", 7, {FIVE, CHANNEL_CS}},
    {"7.1", "7.1", "sg71", 8, {SEVEN}},
    {"7.1sds", "7.1 SDS", "sgSDS", 8, {FIVE, CHANNEL_LC, CHANNEL_RC}},
    {"5.1.2", "5.1.2", "", 8, {FIVE, TOP_FRONT}},
    {"5.1.4", "5.1.4", "", 10, {FIVE, TOP}},
    {"7.1.4", "7.1.4", "", 12, {SEVEN, TOP}},
    {"discrete", "Discrete", "", 0, {CHANNEL_L}},
};
enum { LAYOUTS = sizeof(layouts) / sizeof(layouts[0]) };

const struct layout *layout_named(const char *name)
{
    for (int i = 0; name && i < LAYOUTS; i++)
        if (strcmp(layouts[i].name, name) == 0)
            return &layouts[i];
    return NULL;
}

const char *layout_names(void)
{
    return " mono stereo lt-rt lcr quad 5.0 5.1 6.1 7.1 7.1sds 5.1.2 5.1.4 7.1.4 discrete ";
}

uint64_t layout_mask(const struct layout *l, int place[LAYOUT_CHANNELS])
{
    uint64_t mask = 0;
    for (int i = 0; i < l->count; i++) {
        int bit = channels[l->at[i]].mask_bit;
        if (bit < 0)
            return 0;
        mask |= (uint64_t)1 << bit;
        place[i] = 0;
        for (int k = 0; k < l->count; k++)
            place[i] += channels[l->at[k]].mask_bit < bit;
    }
    return mask;
}

bool layout_order(const struct layout *l, const char *order, int to[LAYOUT_CHANNELS])
{
    // What is not named here follows in the layout's own order.
    static const struct {
        const char *name;
        enum channel at[10];
        int count;
    } orders[] = {
        {"smpte", {CHANNEL_L}, 0},
        {"itu", {CHANNEL_L}, 0},
        {"film",
         {CHANNEL_L, CHANNEL_C, CHANNEL_R, CHANNEL_LSS, CHANNEL_RSS, CHANNEL_LRS, CHANNEL_RRS,
          CHANNEL_LS, CHANNEL_RS, CHANNEL_LFE},
         10},
        {"dts",
         {CHANNEL_L, CHANNEL_R, CHANNEL_LSS, CHANNEL_RSS, CHANNEL_LS, CHANNEL_RS, CHANNEL_C,
          CHANNEL_LFE, CHANNEL_LRS, CHANNEL_RRS},
         10},
        {"mpeg",
         {CHANNEL_C, CHANNEL_L, CHANNEL_R, CHANNEL_LSS, CHANNEL_RSS, CHANNEL_LRS, CHANNEL_RRS,
          CHANNEL_LS, CHANNEL_RS, CHANNEL_LFE},
         10},
    };
    for (size_t k = 0; k < sizeof(orders) / sizeof(orders[0]); k++) {
        bool taken[LAYOUT_CHANNELS] = {false};
        int count = 0;
        if (strcmp(orders[k].name, order) != 0)
            continue;
        for (int i = 0; i < orders[k].count; i++)
            for (int c = 0; c < l->count; c++)
                if (l->at[c] == orders[k].at[i])
                    to[count++] = c, taken[c] = true;
        for (int c = 0; c < l->count; c++)
            if (!taken[c])
                to[count++] = c;
        return true;
    }
    return false;
}

// ---- what a file says

static const struct layout *same_channels(const enum channel *at, int count)
{
    for (int i = 0; i < LAYOUTS; i++) {
        int found = 0;
        for (int k = 0; k < layouts[i].count && layouts[i].count == count; k++)
            for (int c = 0; c < count; c++)
                found += at[c] == layouts[i].at[k];
        if (found == count && layouts[i].count == count)
            return &layouts[i];
    }
    return NULL;
}

// Left and right surround are at the back, or at the side, unless there are both.
static void settle_surrounds(enum channel *at, int count)
{
    bool side = false, back = false;
    for (int i = 0; i < count; i++) {
        side |= at[i] == CHANNEL_LSS;
        back |= at[i] == CHANNEL_LRS;
    }
    for (int i = 0; i < count && side != back; i++)
        if (at[i] == CHANNEL_LSS || at[i] == CHANNEL_LRS)
            at[i] = CHANNEL_LS;
        else if (at[i] == CHANNEL_RSS || at[i] == CHANNEL_RRS)
            at[i] = CHANNEL_RS;
}

// "FL+FR+FC" within `list`.
static bool labels_of(text list, enum channel *at, int count)
{
    for (int i = 0; i < count; i++)
        if (!channel_named(text_trim(text_cut(&list, '+')), &at[i]))
            return false;
    return !list.size;
}

static void usual(enum channel *at, int count)
{
    static const char *const names[] = {"",
                                        "FC",
                                        "FL+FR",
                                        "FL+FR+FC",
                                        "FL+FR+BL+BR",
                                        "FL+FR+FC+BL+BR",
                                        "FL+FR+FC+LFE+BL+BR",
                                        "FL+FR+FC+LFE+BL+BR+BC",
                                        "FL+FR+FC+LFE+BL+BR+SL+SR"};
    if (count > 8 || !labels_of(text_of(names[count]), at, count))
        for (int i = 0; i < count && i < LAYOUT_DISCRETE; i++)
            at[i] = CHANNEL_NO;
}

const struct layout *layout_seen(const char *said_name, int count, enum channel at[LAYOUT_DISCRETE],
                                 bool *said)
{
    static const char *const known[][2] = {
        {"mono", "FC"},
        {"stereo", "FL+FR"},
        {"downmix", "DL+DR"},
        {"lt-rt", "DL+DR"},
        {"3.0", "FL+FR+FC"},
        {"quad", "FL+FR+BL+BR"},
        {"quad(side)", "FL+FR+SL+SR"},
        {"5.0", "FL+FR+FC+BL+BR"},
        {"5.0(side)", "FL+FR+FC+SL+SR"},
        {"5.1", "FL+FR+FC+LFE+BL+BR"},
        {"5.1(side)", "FL+FR+FC+LFE+SL+SR"},
        {"6.1", "FL+FR+FC+LFE+BC+SL+SR"},
        {"6.1(back)", "FL+FR+FC+LFE+BL+BR+BC"},
        {"7.1", "FL+FR+FC+LFE+BL+BR+SL+SR"},
        {"7.1(wide)", "FL+FR+FC+LFE+BL+BR+FLC+FRC"},
        {"7.1(wide-side)", "FL+FR+FC+LFE+FLC+FRC+SL+SR"},
        {"5.1.4", "FL+FR+FC+LFE+BL+BR+TFL+TFR+TBL+TBR"},
        {"7.1.4", "FL+FR+FC+LFE+BL+BR+SL+SR+TFL+TFR+TBL+TBR"},
    };
    text list = {0};
    *said = false;
    count = count < LAYOUT_DISCRETE ? count : LAYOUT_DISCRETE;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i][0], said_name) == 0)
            list = text_of(known[i][1]);
    const char *open = strchr(said_name, '(');
    if (!list.size && open && strstr(said_name, " channels ("))
        list = (text){open + 1, strcspn(open + 1, ")")};
    *said = list.size && labels_of(list, at, count);
    if (!*said)
        usual(at, count);
    if (count == 1 && at[0] == CHANNEL_C && (!*said || strcmp(said_name, "mono") == 0))
        at[0] = CHANNEL_M;
    settle_surrounds(at, count);
    return same_channels(at, count);
}

// ---- fewer out of more

#define HALF 0.5
#define ROOT 0.70710678118654752 // -3 dB
#define BOTH(to, left, right, gain, quarter)                                                       \
    {to, left, gain, quarter},                                                                     \
    {                                                                                              \
        to, right, gain, quarter                                                                   \
    }

// The recommendation speaks of 3/2; rear and height channels are taken as the surround of their
// side.
static const struct mix_row lo_ro[] = {
    {CHANNEL_L, CHANNEL_L, 1, 0},      {CHANNEL_R, CHANNEL_R, 1, 0},
    {CHANNEL_L, CHANNEL_LT, 1, 0},     {CHANNEL_R, CHANNEL_RT, 1, 0},
    {CHANNEL_L, CHANNEL_C, ROOT, 0},   {CHANNEL_R, CHANNEL_C, ROOT, 0},
    {CHANNEL_L, CHANNEL_M, ROOT, 0},   {CHANNEL_R, CHANNEL_M, ROOT, 0},
    {CHANNEL_L, CHANNEL_LS, ROOT, 0},  {CHANNEL_R, CHANNEL_RS, ROOT, 0},
    {CHANNEL_L, CHANNEL_LSS, ROOT, 0}, {CHANNEL_R, CHANNEL_RSS, ROOT, 0},
    {CHANNEL_L, CHANNEL_LRS, ROOT, 0}, {CHANNEL_R, CHANNEL_RRS, ROOT, 0},
    {CHANNEL_L, CHANNEL_CS, HALF, 0},  {CHANNEL_R, CHANNEL_CS, HALF, 0},
    {CHANNEL_L, CHANNEL_LC, 1, 0},     {CHANNEL_R, CHANNEL_RC, 1, 0},
    {CHANNEL_L, CHANNEL_LTF, ROOT, 0}, {CHANNEL_R, CHANNEL_RTF, ROOT, 0},
    {CHANNEL_L, CHANNEL_LTR, ROOT, 0}, {CHANNEL_R, CHANNEL_RTR, ROOT, 0},
};
#define MATRIXED(near, far)                                                                        \
    {CHANNEL_LT, CHANNEL_L, 1, 0}, {CHANNEL_RT, CHANNEL_R, 1, 0},                                  \
        {CHANNEL_LT, CHANNEL_C, ROOT, 0}, {CHANNEL_RT, CHANNEL_C, ROOT, 0},                        \
        BOTH(CHANNEL_LT, CHANNEL_LS, CHANNEL_LSS, near, -1),                                       \
        BOTH(CHANNEL_LT, CHANNEL_RS, CHANNEL_RSS, far, -1),                                        \
        BOTH(CHANNEL_RT, CHANNEL_LS, CHANNEL_LSS, far, 1),                                         \
        BOTH(CHANNEL_RT, CHANNEL_RS, CHANNEL_RSS, near, 1), {CHANNEL_LT, CHANNEL_LRS, near, -1},   \
        {CHANNEL_LT, CHANNEL_RRS, far, -1}, {CHANNEL_RT, CHANNEL_LRS, far, 1},                     \
    {                                                                                              \
        CHANNEL_RT, CHANNEL_RRS, near, 1                                                           \
    }
static const struct mix_row lt_rt[] = {MATRIXED(ROOT, ROOT)};
static const struct mix_row lt_rt_2[] = {MATRIXED(0.8718, 0.4899)};
static const struct mix_row mono[] = {
    {CHANNEL_M, CHANNEL_L, ROOT, 0},   {CHANNEL_M, CHANNEL_R, ROOT, 0},
    {CHANNEL_M, CHANNEL_LT, ROOT, 0},  {CHANNEL_M, CHANNEL_RT, ROOT, 0},
    {CHANNEL_M, CHANNEL_C, 1, 0},      {CHANNEL_M, CHANNEL_M, 1, 0},
    {CHANNEL_M, CHANNEL_LS, HALF, 0},  {CHANNEL_M, CHANNEL_RS, HALF, 0},
    {CHANNEL_M, CHANNEL_LSS, HALF, 0}, {CHANNEL_M, CHANNEL_RSS, HALF, 0},
    {CHANNEL_M, CHANNEL_LRS, HALF, 0}, {CHANNEL_M, CHANNEL_RRS, HALF, 0},
};
static const struct mix_row surround[] = {
    {CHANNEL_L, CHANNEL_L, 1, 0},       {CHANNEL_R, CHANNEL_R, 1, 0},
    {CHANNEL_C, CHANNEL_C, 1, 0},       {CHANNEL_LFE, CHANNEL_LFE, 1, 0},
    {CHANNEL_LS, CHANNEL_LS, 1, 0},     {CHANNEL_RS, CHANNEL_RS, 1, 0},
    {CHANNEL_LS, CHANNEL_LSS, 1, 0},    {CHANNEL_RS, CHANNEL_RSS, 1, 0},
    {CHANNEL_LS, CHANNEL_LRS, 1, 0},    {CHANNEL_RS, CHANNEL_RRS, 1, 0},
    {CHANNEL_LS, CHANNEL_CS, ROOT, 0},  {CHANNEL_RS, CHANNEL_CS, ROOT, 0},
    {CHANNEL_L, CHANNEL_LTF, ROOT, 0},  {CHANNEL_R, CHANNEL_RTF, ROOT, 0},
    {CHANNEL_LS, CHANNEL_LTR, ROOT, 0}, {CHANNEL_RS, CHANNEL_RTR, ROOT, 0},
};
#define ROWS(list) list, sizeof(list) / sizeof(list[0])
static const struct mix_rule rules[] = {
    {"lo-ro", "Lo/Ro", "ITU-R BS.775-3 table 2; LFE is left out", "stereo", ROWS(lo_ro)},
    {"lt-rt", "Lt/Rt",
     "surrounds at -3 dB, turned by 90 degrees against each other, as a matrix decoder wants it",
     "lt-rt", ROWS(lt_rt)},
    {"lt-rt-ii", "Lt/Rt for a second-generation matrix decoder",
     "surrounds at 0.8718 and 0.4899, turned", "lt-rt", ROWS(lt_rt_2)},
    {"mono", "Mono", "ITU-R BS.775-3 table 2", "mono", ROWS(mono)},
    {"surround", "5.1", "rears and sides together at 0 dB, heights at -3 dB", "5.1",
     ROWS(surround)},
};

const struct mix_rule *mix_rule(const char *name)
{
    for (size_t i = 0; name && i < sizeof(rules) / sizeof(rules[0]); i++)
        if (strcmp(rules[i].name, name) == 0)
            return &rules[i];
    return NULL;
}

