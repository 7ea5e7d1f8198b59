// make_camera KIND FILE NAME [TIMECODE [REEL]]: a file as a camera begins it, for stories. KIND:
// red, arri, dng, or a sample entry of QuickTime.
#include "make_camera.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    struct buf b = BUF_LIMIT(1 << 20);
    if (argc < 4)
        return 2;
    struct camera_made m = {.name = argv[3],
                            .timecode = argc > 4 ? argv[4] : "01:00:00:00",
                            .reel = argc > 5 ? argv[5] : "A001",
                            .width = 64,
                            .height = 36,
                            .rate_num = 25,
                            .rate_den = 1};
    if (strcmp(argv[1], "red") == 0)
        make_red(&b, '2', &m);
    else if (strcmp(argv[1], "arri") == 0)
        make_arri(&b, &m);
    else if (strcmp(argv[1], "dng") == 0)
        make_dng(&b, &m);
    else
        make_mov(&b, argv[1], &m, 12);
    FILE *f = fopen(argv[2], "wb");
    bool ok = f && fwrite(b.at, 1, b.size, f) == b.size;
    ok = f && fclose(f) == 0 && ok;
    buf_free(&b);
    return !ok;
}
