// Shared inside offload/ only.
#pragma once
#include "offload/offload.h"

// Takes in what lists on the card say of its files.
void offload_lists(struct offload *o);
