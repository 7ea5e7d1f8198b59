// Prints the page's types (TypeScript) from the table of shapes: a step of the build.
#include "api/shapes.h"

#include <stdio.h>

int main(void)
{
    struct buf out = BUF_LIMIT(1 << 20);
    shapes_typescript(&out);
    size_t wrote = fwrite(out.at, 1, out.size, stdout);
    bool whole = wrote == out.size;
    buf_free(&out);
    return whole ? 0 : 1;
}
