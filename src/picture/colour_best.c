#include "picture/colour_inside.h"

static const struct colour_rows *best(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return &colour_rows_avx2;
#endif
    return &colour_rows_plain;
}

void colour_row(const struct colour *c, const uint16_t *from, uint8_t *to, size_t count)
{
    best()->words(c, from, to, count);
}

void colour_row_light(const struct colour *c, const float *const from[3], uint8_t *to, size_t count)
{
    best()->light(c, from, to, count);
}

void colour_pair(const struct colour *c, const struct colour_codes *codes,
                 const struct colour_line from[2], const struct colour_pair *to, int width)
{
    best()->pair(c, codes, from, to, width);
}
