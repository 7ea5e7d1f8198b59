// A settings file: whatever is read must leave every row with a value of its type.
#include "base/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct setting table[] = {
        {.name = "house.folder", .type = SETTING_TEXT, .value = "./house", .help = "x"},
        {.name = "port", .type = SETTING_INT, .value = "8480", .help = "x"},
        {.name = "tls", .type = SETTING_BOOL, .value = "off", .help = "x"},
        {.name = "store.reserve", .type = SETTING_SIZE, .value = "1 GB", .help = "x"},
        {.name = "worker.orphan", .type = SETTING_TIME_MS, .value = "12 h", .help = "x"},
    };
    struct config *c = config_open(table, 5);
    struct error err;
    if (!config_read(c, "seed", (text){(const char *)data, size}, &err) &&
        !(err.what[0] && err.fix[0]))
        abort();
    (void)config_int(c, "port");
    config_close(c);
    return 0;
}
