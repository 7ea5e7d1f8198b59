// notes_tool FORMAT: three notes at 23.976 from 01:00:00:00 on standard output, for other people's readers.
#include "formats/notes/notes.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct note said[] = {
        {.frame = 0, .frames = 1, .number = 1, .author = "Anna", .text = "too dark"},
        {.frame = 240, .frames = 1, .number = 2, .author = "Bo", .text = "lines & <marks>", .resolved = true},
        {.frame = 480, .frames = 48, .number = 3, .author = "Anna", .text = "caf\xc3\xa9, too long"},
    };
    struct notes n = {.title = "Show", .file = "show.mov", .frames = 2400, .width = 1920, .height = 1080, .notes = said, .count = 3};
    enum notes_format format;
    struct notes_changed changed;
    struct error err;
    struct buf to = BUF_LIMIT(1 << 20);
    if (argc != 2 || !notes_format_named(argv[1], &format) ||
        !tc_rate_make((rational){24000, 1001}, false, &n.rate, &err) ||
        !tc_parse(text_of("01:00:00:00"), &n.rate, &n.start, &err) || !notes_write(format, &n, &to, &changed, &err))
        return 1;
    fwrite(to.at, 1, to.size, stdout);
    buf_free(&to);
    return 0;
}
