// What the files of this folder share.
#pragma once
#include "formats/metadata/metadata.h"

// A value as a row's place takes it, in the arena; NULL: it takes none. *cut: it was too long.
const char *metadata_out(struct arena *a, const struct metadata_row *row, const char *value,
                         bool *cut);
// What a reader makes of it; NULL: nothing. Not in its field's form yet.
const char *metadata_in(struct arena *a, const struct metadata_row *row, const char *written);
