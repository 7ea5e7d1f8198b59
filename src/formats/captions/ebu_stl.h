// formats/captions: letters and languages as EBU Tech 3264 numbers them.
#pragma once
#include "formats/captions/inside.h"

// The next letter of a text field in a table (0 Latin .. 4 Hebrew); 0 when it is none. t not empty.
uint32_t ebu_letter(int table, text *t);
size_t ebu_code(int table, uint32_t letter, uint8_t to[2]); // bytes; 0: it is not in the table
const char *ebu_language(int code);                         // "fr"; NULL when not known
int ebu_language_code(text tag);                            // of "fr-CA"; 0 when it has none
