// Rules of captions: any bytes give rules or an error; rules can be used.
#include "formats/captions/captions.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    static const char srt[] =
        "1\n00:00:01,000 --> 00:00:02,000\n\n\n2\n00:00:01,900 --> 00:00:09,000\n"
        "Words \xe2\x99\xa5 of a line that is rather long for one\n";
    static const int64_t cuts[] = {10, 50, 90};
    struct arena *a = arena_open((size_t)1 << 28);
    struct caption_wish wish = {.name = "it"};
    struct caption_report report = {0};
    struct caption_rules *rules;
    struct captions *c;
    struct error err;
    if (!captions_read(a, text_of(srt), CAPTION_SRT, &wish, &c, &report, &err))
        abort();
    if (caption_rules_read(a, "it", (text){(const char *)at, size}, &rules, &err)) {
        struct caption_findings f = {0};
        captions_check(c, rules, &(struct caption_check){cuts, 3, 100, size % 2}, a, &f);
    }
    arena_close(a);
    return 0;
}
