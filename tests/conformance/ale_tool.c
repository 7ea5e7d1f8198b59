// ale_tool write | read FILE: an Avid log of ours, and the cells of another's, for ale_compare.py.
#include "formats/table/table.h"

#include <stdio.h>
#include <string.h>

static int write_log(struct error *err)
{
    const char *heads[] = {"Name", "Tracks", "Start", "End", "Tape", "Scene", "Take", "Comments"};
    const char *one[] = {"A001C001", "VA1A2", "01:00:00:00", "01:00:10:00",
                         "A001",     "24A",   "3",           "good, \"soft\" start"};
    const char *two[] = {"A001C002", "V", "01:00:10:00", "01:00:12:12", "A001", "24A", "4", ""};
    struct table_row rows[] = {{1, one}, {2, two}};
    struct table_pair about[] = {{"VIDEO_FORMAT", "1080"}, {"AUDIO_FORMAT", "48khz"}, {"FPS", "24"}};
    struct table t = {.heads = heads,
                      .columns = 8,
                      .rows = rows,
                      .count = 2,
                      .about = about,
                      .about_count = 3};
    struct buf to = BUF_LIMIT(1 << 16);
    size_t reworded;
    if (!ale_write(&t, &to, &reworded, err))
        return 1;
    fwrite(to.at, 1, to.size, stdout);
    buf_free(&to);
    return 0;
}

static int read_log(const char *path, struct error *err)
{
    static char bytes[1 << 20];
    struct table t;
    FILE *f = fopen(path, "rb");
    size_t size = f ? fread(bytes, 1, sizeof(bytes), f) : 0;
    if (f)
        fclose(f);
    struct arena *a = arena_open(64 << 20);
    if (!ale_read((text){bytes, size}, a, &t, err)) {
        fprintf(stderr, "%s: %s\n", err->what, err->why);
        return 1;
    }
    for (size_t i = 0; i < t.count; i++)
        for (size_t k = 0; k < t.columns; k++)
            printf("%zu\t%s\t%s\n", i, t.heads[k], t.rows[i].cells[k]);
    arena_close(a);
    return 0;
}

int main(int argc, char **argv)
{
    struct error err;
    return argc > 2 && strcmp(argv[1], "read") == 0 ? read_log(argv[2], &err) : write_log(&err);
}
