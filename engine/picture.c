#include "engine/media.h"
