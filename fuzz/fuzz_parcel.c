// What another house says of an asset: what is read once is read again, and refused with a reason else.
#include "house/parcels/parcels.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    json_t *parcel, *again;
    if (!parcel_read((text){(const char *)data, size}, &parcel, &err)) {
        if (parcel || !err.what[0])
            abort();
        return 0;
    }
    char *bytes = json_dumps(parcel, JSON_COMPACT);
    if (!bytes || !parcel_read(text_of(bytes), &again, &err) || !json_equal(parcel, again))
        abort();
    json_decref(again);
    json_decref(parcel);
    free(bytes);
    return 0;
}
