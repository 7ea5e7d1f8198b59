// formats/captions: letters and codes of CTA-608-E, for its decoder and its encoder.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Colours as the codes number them.
enum {
    C608_WHITE,
    C608_GREEN,
    C608_BLUE,
    C608_CYAN,
    C608_RED,
    C608_YELLOW,
    C608_MAGENTA,
    C608_BLACK
};
uint32_t c608_rgba(int colour);
int c608_colour(uint32_t rgba); // the nearest; 0 (not said) is white

uint32_t c608_basic(uint8_t code);             // 0x20 .. 0x7f
uint32_t c608_special(uint8_t code);           // 0x30 .. 0x3f behind 0x11
uint32_t c608_extended(int set, uint8_t code); // 0x20 .. 0x3f behind 0x12 (set 0), 0x13 (set 1)
uint8_t c608_parity(uint8_t code);             // with its odd parity
// The code of a letter: 0x00XX basic, 0x11XX special, 0x12XX/0x13XX extended; 0 when it has none.
uint16_t c608_code(uint32_t letter);

// PAC of a row (1..15): its first byte and the 0x00 or 0x20 that is added to the second.
void c608_pac(int row, uint8_t *first, uint8_t *plus);
int c608_pac_row(uint8_t first, uint8_t second); // 1..15; 0: no PAC
