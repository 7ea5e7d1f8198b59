/*
 * The character tables of EBU Tech 3264 (appendix 2): 00 Latin (ISO 6937), 01 Cyrillic, 02 Arabic,
 * 03 Greek, 04 Hebrew (ISO 8859-5 to -8). In Latin a letter with a mark is two bytes, the mark
 * first.
 */
#include "formats/captions/ebu_stl.h"

#include <string.h>

// 0xa0 .. 0xbf and 0xd0 .. 0xff; 0: nothing.
static const uint16_t latin_low[32] = {0xa0, 0xa1,   0xa2,   0xa3, '$',    0xa5,   '#',    0xa7,
                                       0xa4, 0x2018, 0x201c, 0xab, 0x2190, 0x2191, 0x2192, 0x2193,
                                       0xb0, 0xb1,   0xb2,   0xb3, 0xd7,   0xb5,   0xb6,   0xb7,
                                       0xf7, 0x2019, 0x201d, 0xbb, 0xbc,   0xbd,   0xbe,   0xbf};
static const uint16_t latin_high[48] = {
    0x2014, 0xb9,   0xae,   0xa9,   0x2122, 0x266a, 0xac,  0xa6,  0,     0,     0,     0,
    0x215b, 0x215c, 0x215d, 0x215e, 0x2126, 0xc6,   0x110, 0xaa,  0x126, 0,     0x132, 0x13f,
    0x141,  0xd8,   0x152,  0xba,   0xde,   0x166,  0x14a, 0x149, 0x138, 0xe6,  0x111, 0xf0,
    0x127,  0x131,  0x133,  0x140,  0x142,  0xf8,   0x153, 0xdf,  0xfe,  0x167, 0x14b, 0xad};

static const struct {
    uint8_t mark;
    const char *bases, *letters;
} marks[] = {
    {0xc1, "AEIOUaeiou", "ÀÈÌÒÙàèìòù"},
    {0xc2, "ACEILNORSUYZaceilnorsuyz", "ÁĆÉÍĹŃÓŔŚÚÝŹáćéíĺńóŕśúýź"},
    {0xc3, "ACEGHIJOSUWYaceghijosuwy", "ÂĈÊĜĤÎĴÔŜÛŴŶâĉêĝĥîĵôŝûŵŷ"},
    {0xc4, "AINOUainou", "ÃĨÑÕŨãĩñõũ"},
    {0xc5, "AEIOUaeiou", "ĀĒĪŌŪāēīōū"},
    {0xc6, "AGUagu", "ĂĞŬăğŭ"},
    {0xc7, "CEGIZcegz", "ĊĖĠİŻċėġż"},
    {0xc8, "AEIOUYaeiouy", "ÄËÏÖÜŸäëïöüÿ"},
    {0xca, "AUau", "ÅŮåů"},
    {0xcb, "CGKLNRSTcgklnrst", "ÇĢĶĻŅŖŞŢçģķļņŗşţ"},
    {0xcd, "OUou", "ŐŰőű"},
    {0xce, "AEIUaeiu", "ĄĘĮŲąęįų"},
    {0xcf, "CDELNRSTZcdelnrstz", "ČĎĚĽŇŘŠŤŽčďěľňřšťž"},
};
#define MARKS (sizeof(marks) / sizeof(marks[0]))

static uint32_t with_mark(uint8_t mark, uint8_t base)
{
    for (size_t i = 0; i < MARKS; i++) {
        const char *at = marks[i].mark == mark && base ? strchr(marks[i].bases, base) : NULL;
        if (!at)
            continue;
        text letters = text_of(marks[i].letters);
        uint32_t l = 0;
        for (long n = at - marks[i].bases; n >= 0; n--)
            l = take_letter(&letters);
        return l;
    }
    return 0;
}

static uint32_t of_8859(int table, uint8_t c)
{
    switch (table) {
    case 1: // Cyrillic
        return c == 0xa0 || c == 0xad ? c
               : c == 0xf0            ? 0x2116
               : c == 0xfd            ? 0xa7
                                      : 0x401 + (uint32_t)(c - 0xa1);
    case 2: // Arabic
        return c == 0xa0 || c == 0xa4 || c == 0xad ? c
               : c == 0xac || c == 0xbb || c == 0xbf || (c >= 0xc1 && c <= 0xda) ||
                       (c >= 0xe0 && c <= 0xf2)
                   ? 0x560 + (uint32_t)c
                   : 0;
    case 3: // Greek
        return c == 0xa1   ? 0x2018
               : c == 0xa2 ? 0x2019
               : c == 0xaf ? 0x2015
               : c == 0xa0 || c == 0xa3 || (c >= 0xa6 && c <= 0xb3 && c != 0xaa && c != 0xae) ||
                       c == 0xb7 || c == 0xbb || c == 0xbd
                   ? c
               : c >= 0xb4 && c != 0xd2 && c != 0xff ? 0x2d0 + (uint32_t)c
                                                     : 0;
    default: // Hebrew
        return c == 0xaa                             ? 0xd7
               : c == 0xba                           ? 0xf7
               : c >= 0xe0 && c <= 0xfa              ? 0x4f0 + (uint32_t)c
               : c >= 0xa0 && c <= 0xbe && c != 0xa1 ? c
                                                     : 0;
    }
}

uint32_t ebu_letter(int table, text *t)
{
    uint8_t c = (uint8_t)t->at[0];
    t->at++, t->size--;
    if (c < 0x80)
        return c >= 0x20 && c < 0x7f ? c : 0;
    if (c < 0xa0)
        return 0;
    if (table)
        return of_8859(table, c);
    if (c < 0xc0)
        return latin_low[c - 0xa0];
    if (c >= 0xd0)
        return latin_high[c - 0xd0];
    uint32_t l = t->size ? with_mark(c, (uint8_t)t->at[0]) : 0;
    if (l)
        t->at++, t->size--;
    return l; // a mark without its letter is nothing
}

size_t ebu_code(int table, uint32_t letter, uint8_t to[2])
{
    to[0] = (uint8_t)letter;
    if (letter < 0x7f)
        return letter >= 0x20;
    if (table) {
        for (int c = 0xa0; c < 0x100; c++)
            if (of_8859(table, (uint8_t)c) == letter) {
                to[0] = (uint8_t)c;
                return 1;
            }
        return 0;
    }
    for (size_t i = 0; i < 32; i++)
        if (latin_low[i] == letter) {
            to[0] = (uint8_t)(0xa0 + i);
            return 1;
        }
    for (size_t i = 0; i < 48; i++)
        if (latin_high[i] == letter) {
            to[0] = (uint8_t)(0xd0 + i);
            return 1;
        }
    for (size_t i = 0; i < MARKS; i++) {
        text letters = text_of(marks[i].letters);
        for (size_t n = 0; letters.size; n++)
            if (take_letter(&letters) == letter) {
                to[0] = marks[i].mark, to[1] = (uint8_t)marks[i].bases[n];
                return 2;
            }
    }
    return 0;
}

// The codes of appendix 3 that are in use; Welsh and its like are there, most of the others are
// not.
static const struct {
    uint8_t code;
    const char *tag;
} languages[] = {
    {0x01, "sq"}, {0x02, "br"}, {0x03, "ca"}, {0x04, "hr"}, {0x05, "cy"}, {0x06, "cs"},
    {0x07, "da"}, {0x08, "de"}, {0x09, "en"}, {0x0a, "es"}, {0x0b, "eo"}, {0x0c, "et"},
    {0x0d, "eu"}, {0x0e, "fo"}, {0x0f, "fr"}, {0x10, "fy"}, {0x11, "ga"}, {0x12, "gd"},
    {0x13, "gl"}, {0x14, "is"}, {0x15, "it"}, {0x17, "la"}, {0x18, "lv"}, {0x19, "lb"},
    {0x1a, "lt"}, {0x1b, "hu"}, {0x1c, "mt"}, {0x1d, "nl"}, {0x1e, "no"}, {0x1f, "oc"},
    {0x20, "pl"}, {0x21, "pt"}, {0x22, "ro"}, {0x23, "rm"}, {0x24, "sr"}, {0x25, "sk"},
    {0x26, "sl"}, {0x27, "fi"}, {0x28, "sv"}, {0x29, "tr"}, {0x1e, "nb"},
};

const char *ebu_language(int code)
{
    for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++)
        if (languages[i].code == code)
            return languages[i].tag;
    return NULL;
}

int ebu_language_code(text tag)
{
    text primary = text_cut(&tag, '-');
    for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++)
        if (text_is(primary, languages[i].tag))
            return languages[i].code;
    return 0;
}
