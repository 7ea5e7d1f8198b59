// Descriptions of cards: any bytes give one or an error; one that holds may be used on a card.
#include "formats/cards/cards.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
static bool no_index(void *context, const char *path, struct buf *to)
{
    (void)context;
    (void)path;
    (void)to;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    static const struct card_file files[] = {{"A001.RDM/A001_C001.RDC", true, 0},
                                             {"A001.RDM/A001_C001.RDC/A001_C001_001.R3D", false, 1},
                                             {"DCIM/100GOPRO/GX020042.MP4", false, 5},
                                             {"CONTENTS/VIDEO/0001AB.MXF", false, 0}};
    struct card_kind *kind;
    struct card card;
    struct error err;
    if (!card_kind_read("x.json", (text){(const char *)at, size}, &kind, &err))
        return 0;
    struct arena *a = arena_open((size_t)64 << 20);
    card_recognise(
        &(struct card_wish){
            .kinds = &kind, .kind_count = 1, .files = files, .file_count = 4, .read = no_index},
        a, &card);
    arena_close(a);
    card_kind_close(kind);
    return 0;
}
