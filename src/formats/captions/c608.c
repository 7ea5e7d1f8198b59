// Letters and codes of CTA-608-E (tables 5 to 10 of the standard).
#include "formats/captions/c608.h"

#include "formats/captions/inside.h"

static const uint16_t special[16] = {0xae, 0xb0, 0xbd, 0xbf, 0x2122, 0xa2, 0xa3, 0x266a,
                                     0xe0, 0x20, 0xe8, 0xe2, 0xea,   0xee, 0xf4, 0xfb};
static const uint16_t extended[2][32] = {
    {0xc1, 0xc9,   0xd3,   0xda,   0xdc,   0xfc, 0x2018, 0xa1, '*',  0x2019, 0x2014,
     0xa9, 0x2120, 0x2022, 0x201c, 0x201d, 0xc0, 0xc2,   0xc7, 0xc8, 0xca,   0xcb,
     0xeb, 0xce,   0xcf,   0xef,   0xd4,   0xd9, 0xf9,   0xdb, 0xab, 0xbb},
    {0xc3, 0xe3, 0xcd, 0xcc, 0xec, 0xd2, 0xf2,   0xd5,   0xf5,   '{',   '}',
     '\\', '^',  '_',  '|',  '~',  0xc4, 0xe4,   0xd6,   0xf6,   0xdf,  0xa5,
     0xa4, 0xa6, 0xc5, 0xe5, 0xd8, 0xf8, 0x250c, 0x2510, 0x2514, 0x2518}};
static const struct {
    uint8_t code;
    uint16_t letter;
} basic[] = {{0x27, 0x2019}, {0x2a, 0xe1}, {0x5c, 0xe9}, {0x5e, 0xed}, {0x5f, 0xf3},  {0x60, 0xfa},
             {0x7b, 0xe7},   {0x7c, 0xf7}, {0x7d, 0xd1}, {0x7e, 0xf1}, {0x7f, 0x2588}};

uint32_t c608_basic(uint8_t code)
{
    if (code == 0x27)
        return '\''; // drawn as either; people write the straight one
    for (size_t i = 0; i < sizeof(basic) / sizeof(basic[0]); i++)
        if (basic[i].code == code)
            return basic[i].letter;
    return code;
}

uint32_t c608_special(uint8_t code)
{
    return special[code & 15];
}

uint32_t c608_extended(int set, uint8_t code)
{
    return extended[set][code & 31];
}

uint8_t c608_parity(uint8_t code)
{
    return (uint8_t)(code & 0x7f) | (uint8_t)(__builtin_parity(code & 0x7f) ? 0 : 0x80);
}

uint16_t c608_code(uint32_t letter)
{
    if (letter == '\'')
        return 0x27;
    for (size_t i = 1; i < sizeof(basic) / sizeof(basic[0]); i++)
        if (basic[i].letter == letter)
            return basic[i].code;
    for (uint16_t set = 0; set < 2; set++)
        for (uint16_t i = 0; i < 32; i++)
            if (extended[set][i] == letter)
                return (uint16_t)(0x1220 + set * 0x100 + i);
    if (letter >= 0x20 && letter < 0x7f && c608_basic((uint8_t)letter) == letter)
        return (uint16_t)letter;
    for (uint16_t i = 0; i < 16; i++)
        if (special[i] == letter)
            return (uint16_t)(0x1130 + i);
    return 0;
}

static const uint32_t colours[8] = {0xffffffff, 0x00ff00ff, 0x0000ffff, 0x00ffffff,
                                    0xff0000ff, 0xffff00ff, 0xff00ffff, 0x000000ff};

uint32_t c608_rgba(int colour)
{
    return colours[colour & 7];
}

int c608_colour(uint32_t rgba)
{
    static const uint8_t of[8] = {C608_BLACK, C608_RED,     C608_GREEN, C608_YELLOW,
                                  C608_BLUE,  C608_MAGENTA, C608_CYAN,  C608_WHITE};
    return rgba ? of[colour_index8(rgba)] : C608_WHITE;
}

static const uint8_t pac_first[16] = {0,    0x11, 0x11, 0x12, 0x12, 0x15, 0x15, 0x16,
                                      0x16, 0x17, 0x17, 0x10, 0x13, 0x13, 0x14, 0x14};
static const uint8_t pac_second[16] = {0,    0x40, 0x60, 0x40, 0x60, 0x40, 0x60, 0x40,
                                       0x60, 0x40, 0x60, 0x40, 0x40, 0x60, 0x40, 0x60};

void c608_pac(int row, uint8_t *first, uint8_t *plus)
{
    *first = pac_first[row];
    *plus = pac_second[row];
}

int c608_pac_row(uint8_t first, uint8_t second)
{
    for (int row = 1; row <= 15; row++)
        if (pac_first[row] == first && pac_second[row] == (second & 0x60))
            return row;
    return 0;
}
