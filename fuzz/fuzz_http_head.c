#include "wire/head.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

// The end of a head is where it is, whether the bytes come at once or one by one.
static int64_t find_by_bytes(text all, struct head_fault *fault)
{
    size_t seen = 0;
    int64_t found = 0;
    for (size_t size = 1; size <= all.size && !found; size++)
        found = head_find((text){all.at, size}, &seen, fault);
    return found;
}

static void read_again(struct arena *a, const struct head *h)
{
    struct buf b = BUF_LIMIT(1 << 20);
    struct head again;
    struct head_fault fault;
    buf_format(&b, "%s %s HTTP/1.%d\r\n", h->method, h->uri, h->minor);
    for (size_t i = 0; i < h->count; i++)
        buf_format(&b, "%s: %s\r\n", h->fields[i].name, h->fields[i].value);
    buf_text(&b, "\r\n");
    must(head_read(a, (text){b.at, b.size}, &again, &fault) || fault.status == 431);
    if (!fault.status) {
        must(again.count == h->count && again.length == h->length && again.close == h->close);
        must(!strcmp(again.method, h->method) && !strcmp(again.uri, h->uri));
    }
    buf_free(&b);
}

// What is behind the head, as chunks: in one piece, and through a small room byte by byte.
static void chunks(text in)
{
    struct chunks whole = {0}, slow = {0};
    char *all = malloc(in.size + 1), *bits = malloc(in.size + 1);
    size_t taken, given, got = 0, at = 0;
    must(all && bits);
    bool sound = chunks_read(&whole, in, &taken, all, in.size, &given), sound_slow = true;
    must(taken <= in.size && given <= taken);
    while (sound_slow && at < in.size && !chunks_ended(&slow)) {
        size_t used, now;
        sound_slow = chunks_read(&slow, (text){in.at + at, 1}, &used, bits + got, 1, &now);
        at += used;
        got += now;
    }
    must(sound == sound_slow && got == given && at == taken && memcmp(all, bits, got) == 0);
    free(all);
    free(bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    text in = {(const char *)at, size};
    struct head_fault fault, slow_fault = {0};
    struct head h;
    size_t seen = 0;
    int64_t found = head_find(in, &seen, &fault);
    if (size < 5000)
        must(find_by_bytes(in, &slow_fault) == found && slow_fault.status == fault.status);
    must((found < 0) == (fault.status != 0) && found <= (int64_t)size);
    struct arena *a = arena_open(64 << 20);
    if (found > 0 && head_read(a, (text){in.at, (size_t)found}, &h, &fault)) {
        must(!fault.status && h.length >= -1);
        read_again(a, &h);
    } else if (found > 0) {
        must(fault.status >= 400 && h.method && h.uri);
    }
    if (found > 0)
        chunks((text){in.at + found, size - (size_t)found});
    chunks(in);
    arena_close(a);
    return 0;
}
