// Loops that the compiler turns into vectors; what is left over after the last sixteen is done
// alone.
#include "sound/lines.h"

#include <math.h>

#define NAMED_(a, b) a##b
#define NAMED(a, b) NAMED_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
enum { L = LINES_LANES };

static inline float size(float v)
{
    return __builtin_fabsf(v);
}

static float largest(const float lanes[L])
{
    float best = 0;
    for (int k = 0; k < L; k++)
        best = lanes[k] > best ? lanes[k] : best;
    return best;
}

static float most(const float *at, int count)
{
    float lanes[L] = {0};
    int i = 0;
    for (; i + L <= count; i += L)
        for (int k = 0; k < L; k++) {
            float v = size(at[i + k]);
            lanes[k] = v > lanes[k] ? v : lanes[k];
        }
    for (; i < count; i++)
        lanes[0] = size(at[i]) > lanes[0] ? size(at[i]) : lanes[0];
    return largest(lanes);
}

static void sums(const float *at, int count, double *square, double *sum)
{
    float a[L] = {0}, b[L] = {0};
    int i = 0;
    for (; i + L <= count; i += L)
        for (int k = 0; k < L; k++)
            a[k] += at[i + k] * at[i + k], b[k] += at[i + k];
    for (; i < count; i++)
        a[0] += at[i] * at[i], b[0] += at[i];
    *square = *sum = 0;
    for (int k = 0; k < L; k++)
        *square += a[k], *sum += b[k];
}

static double product(const float *x, const float *y, int count)
{
    float a[L] = {0};
    int i = 0;
    for (; i + L <= count; i += L)
        for (int k = 0; k < L; k++)
            a[k] += x[i + k] * y[i + k];
    for (; i < count; i++)
        a[0] += x[i] * y[i];
    double all = 0;
    for (int k = 0; k < L; k++)
        all += a[k];
    return all;
}

static float between(const float *at, int count, const float taps[PEAK_PHASES][PEAK_TAPS])
{
    float best[L] = {0}, alone = 0;
    int i = 0;
    for (; i + L <= count; i += L)
        for (int p = 0; p < PEAK_PHASES; p++) {
            float sum[L] = {0};
            for (int t = 0; t < PEAK_TAPS; t++)
                for (int k = 0; k < L; k++)
                    sum[k] += taps[p][t] * at[i + t + k];
            for (int k = 0; k < L; k++) {
                float v = size(sum[k]);
                best[k] = v > best[k] ? v : best[k];
            }
        }
    for (; i < count; i++)
        for (int p = 0; p < PEAK_PHASES; p++) {
            float sum = 0;
            for (int t = 0; t < PEAK_TAPS; t++)
                sum += taps[p][t] * at[i + t];
            alone = size(sum) > alone ? size(sum) : alone;
        }
    float all = largest(best);
    return alone > all ? alone : all;
}

static float surprise(const float *at, int count)
{
    float lanes[L] = {0};
    int i = 0;
    for (; i + L <= count; i += L)
        for (int k = 0; k < L; k++) {
            const float *x = at + i + k;
            float v = size(x[0] * 6 - 4 * (x[-1] + x[1]) + (x[-2] + x[2]));
            lanes[k] = v > lanes[k] ? v : lanes[k];
        }
    for (; i < count; i++) {
        const float *x = at + i;
        float v = size(x[0] * 6 - 4 * (x[-1] + x[1]) + (x[-2] + x[2]));
        lanes[0] = v > lanes[0] ? v : lanes[0];
    }
    return largest(lanes) / 6;
}

typedef double lanes __attribute__((vector_size(LINES_GROUP * sizeof(double))));

static inline __attribute__((always_inline)) void biquad(const double f[5], lanes state[2],
                                                         const lanes *x, lanes *y)
{
    lanes in = *x, out = f[0] * in + state[0];
    state[0] = f[1] * in - f[3] * out + state[1];
    state[1] = f[2] * in - f[4] * out;
    *y = out;
}

static void filter(const double filters[3][5], struct biquads *b,
                   const float *const at[LINES_GROUP], int count, double square[LINES_GROUP],
                   double beside[LINES_GROUP])
{
    lanes s[3][2], sum = {0}, other = {0}, x, y;
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < LINES_GROUP; k++)
            s[i / 2][i % 2][k] = b->state[i / 2][i % 2][k];
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < LINES_GROUP; k++)
            x[k] = at[k][i];
        biquad(filters[0], s[0], &x, &y);
        biquad(filters[1], s[1], &y, &y);
        sum += y * y;
        biquad(filters[2], s[2], &x, &y);
        other += y * y;
    }
    // What has died away is nothing: numbers too small cost time.
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < LINES_GROUP; k++) {
            double v = s[i / 2][i % 2][k];
            b->state[i / 2][i % 2][k] = v < 1e-30 && v > -1e-30 ? 0 : v;
        }
    for (int k = 0; k < LINES_GROUP; k++)
        square[k] = sum[k], beside[k] = other[k];
}

const struct lines NAMED(lines_, LINES) = {TEXT(LINES), most,     sums,  product,
                                           between,     surprise, filter};
