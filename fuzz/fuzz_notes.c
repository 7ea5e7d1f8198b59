// Notes of editing programs: any bytes give notes inside the programme or an error; what was read is
// written in every format, and what is written can be read again.
#include "formats/notes/notes.h"

#include <stdlib.h>
#include <string.h>

static void again(enum notes_format format, const struct notes *n, struct arena *a)
{
    struct error err;
    struct notes_changed changed;
    struct notes_read read;
    struct buf to = BUF_LIMIT(64 << 20);
    bool ok = notes_write(format, n, &to, &changed, &err);
    if (ok && n->count && notes_facts(format)->read && to.size <= NOTES_INPUT_BYTES) {
        if (!notes_read(format, (text){to.at, to.size}, n, a, &read, &err))
            abort();
        if (format == NOTES_CSV && read.count + read.left_count != n->count)
            abort();
    }
    buf_free(&to);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    static const enum notes_format formats[] = {NOTES_RESOLVE_EDL, NOTES_AVID, NOTES_CSV};
    struct notes programme = {.title = "Show", .file = "show.mov", .frames = 100000, .start = 86400};
    struct error err;
    struct notes_read read;
    if (!tc_rate_make((rational){24000, 1001}, false, &programme.rate, &err))
        abort();
    for (size_t f = 0; f < 3; f++) {
        struct arena *a = arena_open((size_t)1 << 30);
        if (notes_read(formats[f], (text){(const char *)at, size}, &programme, a, &read, &err)) {
            for (size_t i = 0; i < read.count; i++)
                if (read.notes[i].frame < 0 || read.notes[i].frames < 1 ||
                    read.notes[i].frame + read.notes[i].frames > programme.frames)
                    abort();
            struct notes n = programme;
            n.notes = read.notes, n.count = read.count;
            for (int to = 0; to < NOTES_FORMATS; to++)
                again((enum notes_format)to, &n, a);
        } else if (!err.what[0]) {
            abort();
        }
        arena_close(a);
    }
    return 0;
}
