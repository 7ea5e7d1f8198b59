// A .cube, and the house's own form of one: any bytes give a table or an error; what was read is
// written in both forms and is the same when it is read again.
#include "formats/lut/lut.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void same(const struct lut *a, const struct lut *b)
{
    size_t nodes = a->size3 * a->size3 * a->size3;
    if (a->size1 != b->size1 || a->size3 != b->size3 || a->scale != b->scale ||
        memcmp(a->low1, b->low1, 12) || memcmp(a->high3, b->high3, 12))
        abort();
    for (size_t i = 0; i < a->size1 * 3; i++)
        if (a->at1[i] != b->at1[i])
            abort();
    for (size_t i = 0; i < nodes * 3; i++)
        if (a->at3[i] != b->at3[i])
            abort();
}

static void again(const struct lut *l)
{
    struct error err;
    struct lut other;
    struct buf words = BUF_LIMIT(LUT_FILE_BYTES), packed = BUF_LIMIT(LUT_FILE_BYTES);
    if (l->scale == LUT_PLAIN && lut_write(l, &words, &err)) {
        if (!lut_read((text){words.at, words.size}, &other, &err))
            abort();
        same(l, &other);
        lut_free(&other);
    }
    if (!lut_pack(l, &packed, &err) || !lut_unpack((text){packed.at, packed.size}, &other, &err))
        abort();
    same(l, &other);
    lut_free(&other);
    buf_free(&words);
    buf_free(&packed);
    static const float odd[4][3] = {
        {0, .5f, 1}, {-3, 7, .25f}, {NAN, INFINITY, -INFINITY}, {1, 1, 1}};
    for (int i = 0; i < 4; i++) {
        float out[3];
        lut_apply(l, odd[i], out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct error err;
    struct lut l;
    error_clear(&err);
    bool (*const readers[])(text, struct lut *, struct error *) = {lut_read, lut_unpack};
    for (int i = 0; i < 2; i++) {
        if (readers[i]((text){(const char *)at, size}, &l, &err)) {
            if (l.size1 + l.size3 < 5000 && l.size3 < 18)
                again(&l);
            lut_free(&l);
        } else if (!err.what[0]) {
            abort();
        }
    }
    return 0;
}
