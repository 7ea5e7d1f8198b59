/*
 * formats/profile/lines: on which line of a JSON text something stands, for messages.
 */
#pragma once
#include "base/text.h"

// The line (from 1) of "a.b[2].c" in a text that a JSON parser took; of the nearest thing around
// it that is there when it is not. "" is the whole.
int json_line(text content, const char *path);
