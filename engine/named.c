#include "engine/named.h"
#include "plat/content.h"

#include <stdlib.h>

enum { ROOM = 1 << 20, HOLE_MOST = 16 << 20 };

struct input_named {
    struct content content;
    struct hasher *plain; // NULL: nothing of it yet, or it ended
    int64_t at;           // all bytes before it are in
    bool ended;
    sha256 name;
    char hex[65];
};
struct named {
    const struct ticket *t;
    struct input_named *at;
    struct input *in; // of holes; NULL: none was met yet
    size_t in_number;
    uint8_t *room;
};

struct named *named_open(const struct ticket *t)
{
    struct named *n = calloc(1, sizeof(*n));
    if (!n)
        abort();
    n->t = t;
    n->at = calloc(t->input_count + 1, sizeof(*n->at));
    n->room = malloc(ROOM);
    if (!n->at || !n->room)
        abort();
    return n;
}

static void end(struct input_named *i)
{
    uint8_t digest[64];
    i->name = content_end(&i->content);
    hex_text(digest, hasher_end(i->plain, digest), i->hex, sizeof(i->hex));
    i->plain = NULL;
    i->ended = true;
}

void named_close(struct named *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->t->input_count; i++)
        if (n->at[i].plain)
            end(&n->at[i]);
    input_close(n->in);
    free(n->room);
    free(n->at);
    free(n);
}

// The next bytes of it.
static void add(struct named *n, size_t number, const uint8_t *at, size_t size)
{
    struct input_named *i = &n->at[number];
    if (!i->plain) {
        content_begin(&i->content);
        i->plain = hasher_open("sha256");
    }
    content_add(&i->content, at, size);
    hasher_add(i->plain, at, size);
    i->at += (int64_t)size;
    if (i->at >= n->t->inputs[number].size)
        end(i);
}

struct telling {
    named_reads *reads;
    void *context;
    int64_t done, total;
};

// Reads up to `to` what nobody else has read. `told` NULL: nobody is.
static bool fill(struct named *n, size_t number, int64_t to, struct telling *told,
                 struct error *err)
{
    const struct ticket_input *from = &n->t->inputs[number];
    struct input_named *i = &n->at[number];
    if (!n->in || n->in_number != number) {
        input_close(n->in);
        n->in = NULL;
        if (!input_open(number, from->size, &n->in, err))
            return false;
        n->in_number = number;
    }
    for (size_t got; i->at < to;) {
        size_t some = to - i->at < ROOM ? (size_t)(to - i->at) : ROOM;
        input_expect(n->in, i->at, ROOM * 4);
        if (!input_read(n->in, i->at, n->room, some, &got, err) ||
            (!got && !error_set(err, ERROR_DAMAGED, "%s ends too early", from->name)))
            return false;
        add(n, number, n->room, got);
        if (told && told->reads)
            told->reads(told->context, told->done += (int64_t)got, told->total);
    }
    return true;
}

void named_saw(void *named, size_t number, int64_t offset, const uint8_t *at, size_t size)
{
    struct named *n = named;
    struct error ignored; // is met again at the end
    struct input_named *i = &n->at[number];
    int64_t end_at = offset + (int64_t)size;
    if (i->ended || n->t->inputs[number].size < 0 || end_at <= i->at ||
        offset - i->at > HOLE_MOST || (offset > i->at && !fill(n, number, offset, NULL, &ignored)))
        return;
    add(n, number, at + (i->at - offset), (size_t)(end_at - i->at));
}

bool named_finish(struct named *n, named_reads *reads, void *context, json_t **list,
                  struct error *err)
{
    struct telling t = {.reads = reads, .context = context};
    for (size_t i = 0; i < n->t->input_count; i++)
        t.total += n->t->inputs[i].size - n->at[i].at;
    *list = json_array();
    for (size_t i = 0; i < n->t->input_count; i++) {
        const struct ticket_input *from = &n->t->inputs[i];
        struct input_named *is = &n->at[i];
        if (!is->ended && !fill(n, i, from->size, &t, err)) {
            json_decref(*list);
            *list = NULL;
            return false;
        }
        if (!is->ended) // it is empty
            add(n, i, n->room, 0);
        json_array_append_new(*list, json_pack("{s:s, s:I, s:s, s:s}", "name", from->name, "size",
                                               (json_int_t)from->size, "content",
                                               sha256_text(&is->name).text, "sha256", is->hex));
    }
    return true;
}
