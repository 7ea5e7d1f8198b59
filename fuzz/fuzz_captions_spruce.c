#include "captions.h"

CAPTIONS_FUZZ(CAPTION_SPRUCE_STL)
