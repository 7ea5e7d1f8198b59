// What Slurm's commands say: any bytes give a list or an error.
#include "farm/launch/launcher.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct arena *a = arena_open(256 << 20);
    struct launched *list;
    struct launch_finding *findings;
    struct error err;
    size_t count;
    text said = {(const char *)at, size};
    if (slurm_queue_read(a, said, "h", &list, &count, &err))
        for (size_t i = 0; i < count; i++)
            if (!list[i].id[0] || strncmp(list[i].worker, "slurm-h-", 8) != 0)
                abort();
    slurm_config_judge(a, said, 5000, &findings, &count);
    if (count > 4)
        abort();
    arena_close(a);
    return 0;
}
