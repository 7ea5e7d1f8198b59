#include "picture/blocks.h"

const struct blocks *blocks_best(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return &blocks_avx2;
#endif
    return &blocks_plain;
}
