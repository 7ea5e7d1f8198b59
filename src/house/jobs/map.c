// Open addressing, linear probing; what is dropped leaves no mark: those behind it move up.
#include "house/jobs/inside.h"

#include <stdlib.h>
#include <string.h>

static size_t place(const struct map *m, uint64_t key)
{
    return (size_t)((key * 0x9E3779B97F4A7C15u) >> 20) & (m->room - 1);
}

static size_t find(const struct map *m, uint64_t key)
{
    size_t i = place(m, key);
    while (m->values[i] && m->keys[i] != key)
        i = (i + 1) & (m->room - 1);
    return i;
}

void *map_get(const struct map *m, uint64_t key)
{
    return m->room ? m->values[find(m, key)] : NULL;
}

static void grow(struct map *m)
{
    struct map more = {.room = m->room ? m->room * 2 : 64};
    more.keys = calloc(more.room, sizeof(*more.keys));
    more.values = calloc(more.room, sizeof(*more.values));
    if (!more.keys || !more.values)
        abort();
    for (size_t i = 0; i < m->room; i++)
        if (m->values[i])
            map_put(&more, m->keys[i], m->values[i]);
    map_close(m);
    *m = more;
}

void map_put(struct map *m, uint64_t key, void *value)
{
    if (m->count * 2 >= m->room)
        grow(m);
    size_t i = find(m, key);
    m->count += !m->values[i];
    m->keys[i] = key;
    m->values[i] = value;
}

void map_drop(struct map *m, uint64_t key)
{
    size_t i = m->room ? find(m, key) : 0;
    if (!m->room || !m->values[i])
        return;
    m->count--;
    for (size_t k = i;;) {
        k = (k + 1) & (m->room - 1);
        if (!m->values[k])
            break;
        size_t home = place(m, m->keys[k]);
        if (((k - home) & (m->room - 1)) >= ((k - i) & (m->room - 1))) {
            m->keys[i] = m->keys[k];
            m->values[i] = m->values[k];
            i = k;
        }
    }
    m->values[i] = NULL;
}

void map_close(struct map *m)
{
    free(m->keys);
    free(m->values);
    *m = (struct map){0};
}

uint64_t text_key(const char *text) // FNV-1a
{
    uint64_t key = 0xCBF29CE484222325u;
    for (; *text; text++)
        key = (key ^ (uint8_t)*text) * 0x100000001B3u;
    return key;
}

void *grown(void *at, size_t *room, size_t need, size_t size)
{
    if (need <= *room)
        return at;
    size_t more = *room ? *room : 16;
    while (more < need)
        more *= 2;
    at = realloc(at, more * size);
    if (!at)
        abort();
    memset((char *)at + *room * size, 0, (more - *room) * size);
    *room = more;
    return at;
}
