// colour_tool TABLE: colours (three floats each) on standard input through a table of the house's
// own form, to standard output; how they were judged is the caller's.
#include "formats/lut/lut.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    static char bytes[8 << 20];
    struct error err;
    struct lut l;
    float rgb[3];
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    size_t size = f ? fread(bytes, 1, sizeof(bytes), f) : 0;
    if (f)
        fclose(f);
    if (!lut_unpack((text){bytes, size}, &l, &err)) {
        fprintf(stderr, "%s: %s\n", err.what, err.why);
        return 1;
    }
    while (fread(rgb, sizeof(float), 3, stdin) == 3) {
        lut_apply(&l, rgb, rgb);
        fwrite(rgb, sizeof(float), 3, stdout);
    }
    lut_free(&l);
    return 0;
}
