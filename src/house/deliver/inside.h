// What the files of this room share.
#pragma once
#include "house/deliver/deliver.h"

// Event delivery.changed with the Delivery as it is now.
bool delivery_say(struct db_tx *tx, const char *delivery, struct error *err);
