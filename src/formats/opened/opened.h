/*
 * formats/opened: whether a recording can be read before it has been closed, by its first bytes.
 *
 * MXF (SMPTE ST 377-1: partitions say what is in them where they stand) and MPEG transport streams
 * (ISO/IEC 13818-1, with and without the 4 bytes before each packet of a BDAV stream) can. Of
 * QuickTime and MP4 (ISO/IEC 14496-12) only those in fragments: their moov has an mvex and comes
 * before the media; else the index is written last.
 */
#pragma once
#include "base/text.h"

enum opened { OPENED_NO, OPENED_YES, OPENED_MORE }; // MORE: not seen yet, show it more

enum { OPENED_BYTES = 1 << 20 }; // more than this is never needed
enum opened opened_look(text head);
