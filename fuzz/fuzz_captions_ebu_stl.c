#include "captions.h"

CAPTIONS_FUZZ(CAPTION_EBU_STL)
