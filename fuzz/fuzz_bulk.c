#include "wire/bulk/packet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static void same_again(const struct frame *f)
{
    uint8_t written[PACKET_MOST + 64];
    struct frame_room to = {written, 0, sizeof(written)};
    struct frame again;
    bool bad;
    if (f->kind == FRAME_PAD || !frame_write(&to, f))
        return;
    text rest = {(const char *)written, to.size};
    if (frame_size(f) != to.size || !frame_read(&rest, &again, &bad) || bad || rest.size ||
        again.kind != f->kind || again.item != f->item || again.number != f->number ||
        again.code != f->code || again.bytes.size != f->bytes.size ||
        (f->bytes.size && memcmp(again.bytes.at, f->bytes.at, f->bytes.size) != 0) ||
        again.report.newest != f->report.newest || again.report.credit != f->report.credit ||
        again.report.run_count != f->report.run_count)
        abort();
}

// What is read is written and read alike; runs never reach below 0.
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    text rest = {(const char *)at, size};
    struct frame f;
    bool bad;
    while (frame_read(&rest, &f, &bad)) {
        uint64_t came, missing, below = 0;
        struct report r = f.report;
        same_again(&f);
        while (f.kind == FRAME_REPORT && report_run(&r, &came, &missing))
            if (!came || (below += came + missing) > f.report.newest + 1)
                abort();
    }
    // A datagram that nobody with the key has made is never opened.
    static const uint8_t secret[PACKET_SECRET] = {1};
    uint8_t *copy = malloc(size + 1);
    struct packet_keys *keys = packet_keys_open(secret, true);
    uint64_t number;
    text plain;
    memcpy(copy, at, size);
    if (packet_open(keys, 5, copy, size, &number, &plain))
        abort();
    packet_keys_close(keys);
    free(copy);
    return 0;
}
