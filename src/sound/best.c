#include "sound/lines.h"

const struct lines *lines_best(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return &lines_avx2;
#endif
    return &lines_plain;
}
