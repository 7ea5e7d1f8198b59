// A renderer's facts from any bytes; when they parse, the rest of the bytes is its log.
#include "formats/renderlog/renderlog.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct renderer *r;
    struct error err;
    const uint8_t *mark = size ? memchr(at, 0, size) : NULL;
    size_t facts = mark ? (size_t)(mark - at) : size;
    if (!renderer_parse("fuzz", (text){(const char *)at, facts}, &r, &err))
        return 0;
    struct renderlog *l = renderlog_open(r, 3);
    struct renderlog_heard heard;
    struct render_verdict v;
    double before = 0;
    for (text rest = {(const char *)at + facts, size - facts}; rest.size;) {
        renderlog_line(l, text_cut(&rest, '\n'), &heard);
        double now = renderlog_progress(l);
        if (!(now >= before && now <= 100))
            abort();
        before = now;
    }
    if (!renderlog_verdict(l, true, false, &v) && !v.says[0])
        abort();
    renderlog_close(l);
    renderer_close(r);
    return 0;
}
