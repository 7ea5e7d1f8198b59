#include "captions.h"

CAPTIONS_FUZZ(CAPTION_TTML)
