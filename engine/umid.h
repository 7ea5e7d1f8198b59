/*
 * engine/umid: the packages of an MXF file, named apart from those of any other.
 *
 * libavformat gives the packages of every file that is to be the same each time the same material
 * number, nought (SMPTE ST 330, ST 377-1: a package is told from others by its UMID alone, and
 * tools relink by it). Here the number follows from what the file is: its essence and what it says of
 * itself. The same made again, under whatever name, has the same, another has another.
 */
#pragma once
#include "base/error.h"
#include "plat/hash.h"

// Writes the material number of all UMIDs in the header of a finished MXF file: of all that the
// hasher was given, which it closes. Track numbers and instance stay. The file's length stays.
MUST_CHECK bool umid_number(int file, struct hasher *of, struct error *err);
