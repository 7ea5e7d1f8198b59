#include "engine/media.h"
bool proxy(const struct ticket *t, json_t **result, struct error *err)
{
    (void)t, (void)result;
    return error_set(err, ERROR_UNSUPPORTED, "not yet");
}
