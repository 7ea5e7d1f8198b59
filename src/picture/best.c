#include "picture/rows.h"

const struct rows *rows_best(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return &rows_avx2;
#endif
    return &rows_plain;
}
