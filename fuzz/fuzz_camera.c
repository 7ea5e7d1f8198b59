// Headers of camera originals, and what lies beside them: any bytes give values that hold, or none.
#include "formats/camera/camera.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    text bytes = {(const char *)at, size};
    struct camera c;
    struct mxf_head m;
    struct error err;
    if (camera_read("A001_C002_0101AB_001.R3D", bytes, &c) &&
        (!c.format || c.width < 0 || c.width > 65535 || c.rate.num < 0 ||
         (c.rate.num && c.rate.den <= 0) || c.frames < 0))
        abort();
    if (mxf_read(bytes, &m, &err) && (m.duration < 0 || m.start < -1))
        abort();
    for (int kind = CAMERA_ALE; kind <= CAMERA_CPF; kind++) {
        struct arena *a = arena_open((size_t)1 << 30);
        struct camera_row *rows;
        size_t count;
        if (camera_sidecar_read((enum camera_sidecar)kind, "A001M01.XML", bytes, a, &rows, &count,
                                &err))
            for (size_t i = 0; i < count; i++)
                if (!rows[i].clip.from || !text_utf8(text_of(rows[i].timecode.text)))
                    abort();
        arena_close(a);
    }
    return 0;
}
