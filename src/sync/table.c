#include "sync/table.h"

#include <stdlib.h>
#include <string.h>

struct sync_table {
    struct sync_path **slots;
    size_t slot_count, count;
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

struct sync_table *sync_table_open(void)
{
    struct sync_table *t = must(calloc(1, sizeof(*t)));
    t->slot_count = 1024;
    t->slots = must(calloc(t->slot_count, sizeof(*t->slots)));
    return t;
}

static void path_free(struct sync_path *p)
{
    free(p->key);
    free(p->here);
    free(p->there);
    free(p->held);
    free(p);
}

void sync_table_close(struct sync_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->slot_count; i++)
        for (struct sync_path *p = t->slots[i], *next; p; p = next) {
            next = p->next;
            path_free(p);
        }
    free(t->slots);
    free(t);
}

size_t sync_table_count(const struct sync_table *t)
{
    return t->count;
}

static struct sync_path **slot(struct sync_table *t, const char *key)
{
    return &t->slots[xxh3_of(key, strlen(key)) & (t->slot_count - 1)];
}

static void grow(struct sync_table *t)
{
    struct sync_path **old = t->slots;
    size_t count = t->slot_count;
    t->slot_count *= 2;
    t->slots = must(calloc(t->slot_count, sizeof(*t->slots)));
    for (size_t i = 0; i < count; i++)
        for (struct sync_path *p = old[i], *next; p; p = next) {
            next = p->next;
            struct sync_path **to = slot(t, p->key);
            p->next = *to;
            *to = p;
        }
    free(old);
}

static struct sync_path *by_key(struct sync_table *t, const char *key, bool folder, bool make)
{
    for (struct sync_path *p = *slot(t, key); p; p = p->next)
        if (strcmp(p->key, key) == 0)
            return p;
    if (!make)
        return NULL;
    if (t->count >= t->slot_count)
        grow(t);
    struct sync_path *p = must(calloc(1, sizeof(*p))), **to = slot(t, key);
    p->key = must(strdup(key));
    p->folder = folder;
    p->next = *to;
    *to = p;
    t->count++;
    return p;
}

struct sync_path *sync_table_at(struct sync_table *t, const char *path, bool folder, bool make)
{
    struct arena *a = arena_open(1 << 17);
    const char *key = sync_key(a, path);
    struct sync_path *p = by_key(t, folder ? arena_format(a, "%s/", key) : key, folder, make);
    arena_close(a);
    return p;
}

struct sync_path *sync_table_above(struct sync_table *t, const struct sync_path *p)
{
    char *key = must(strdup(p->key));
    size_t size = strlen(key) - p->folder; // without its own '/'
    while (size && key[size - 1] != '/')
        size--;
    key[size] = 0;
    struct sync_path *above = size ? by_key(t, key, true, false) : NULL;
    free(key);
    return above;
}

// *at holds the slot, and in its lowest 20 bits the place in that.
struct sync_path *sync_table_next(struct sync_table *t, size_t *at)
{
    size_t index = *at >> 20, place = *at & ((1 << 20) - 1);
    for (; index < t->slot_count; index++, place = 0) {
        struct sync_path *p = t->slots[index];
        for (size_t i = 0; p && i < place; i++)
            p = p->next;
        if (p) {
            *at = index << 20 | (place + 1);
            return p;
        }
    }
    return NULL;
}

void sync_table_tidy(struct sync_table *t)
{
    for (size_t i = 0; i < t->slot_count; i++)
        for (struct sync_path **at = &t->slots[i]; *at;) {
            struct sync_path *p = *at;
            if (p->known || p->is_here || p->is_there) {
                at = &p->next;
                continue;
            }
            *at = p->next;
            path_free(p);
            t->count--;
        }
}

// ---- seeing

static void spell(char **to, const char *path)
{
    if (*to && strcmp(*to, path) == 0)
        return;
    free(*to);
    *to = must(strdup(path));
}

// Whether names differ in their own part: what a folder above is called does not matter.
static bool other_name(const char *one, const char *two)
{
    return one && strcmp(sync_name_of(one), sync_name_of(two)) != 0;
}

static bool same_seen(const struct here_seen *a, const struct here_seen *b)
{
    return a->size == b->size && a->changed_ns == b->changed_ns && a->inode == b->inode;
}

bool sync_path_here(struct sync_path *p, const struct here_item *item, unsigned round)
{
    // The spelling that was seen first keeps its place until the round is over.
    if (p->seen_here == round && p->is_here && strcmp(p->here, item->path) != 0)
        return false;
    if (p->known && other_name(p->here, item->path))
        p->respelled_here = true;
    struct here_seen now = {item->size, item->changed_ns, item->inode};
    if (!p->is_here || !same_seen(&now, &p->now)) {
        p->hashed = false;
        sync_path_hold(p, 0, NULL);
    }
    p->now = now;
    p->is_here = true;
    p->gone_us = 0;
    p->seen_here = round;
    spell(&p->here, item->path);
    return true;
}

bool sync_path_there(struct sync_path *p, const struct sync_there *n, unsigned round)
{
    if (p->seen_there == round && p->is_there && strcmp(p->there, n->path) != 0)
        return false;
    if (p->known && other_name(p->there, n->path))
        p->respelled_there = true;
    if (!p->is_there || !sha256_equal(&p->there_content, &n->content))
        sync_path_hold(p, 0, NULL);
    p->is_there = true;
    p->seen_there = round;
    p->there_content = n->content;
    p->there_size = n->size;
    p->there_ms = n->modified_ms;
    p->number = n->number;
    text_copy(text_of(n->thing), p->thing, sizeof(p->thing));
    text_copy(text_of(n->version), p->version, sizeof(p->version));
    spell(&p->there, n->path);
    return true;
}

void sync_path_follow(struct sync_path *from, struct sync_path *to, const char *path, bool there,
                      unsigned round)
{
    if (there) {
        struct sync_there n = {.path = path,
                               .thing = from->thing,
                               .version = from->version,
                               .folder = from->folder,
                               .number = from->number,
                               .size = from->there_size,
                               .modified_ms = from->there_ms,
                               .content = from->there_content};
        to->seen_there = 0; // its new name counts
        sync_path_there(to, &n, round);
        from->is_there = false;
    } else {
        struct here_item item = {path, from->folder, from->now.size, from->now.changed_ns,
                                 from->now.inode};
        to->seen_here = 0;
        sync_path_here(to, &item, round);
        to->hashed = from->hashed;
        to->here_content = from->here_content;
        from->is_here = false;
    }
    to->gone_us = from->gone_us;
    if (!to->here)
        spell(&to->here, path);
    if (!to->there)
        spell(&to->there, path);
    if (from->known) {
        to->known = true;
        to->last = from->last;
        to->content = from->content;
        from->known = false;
    }
}

void sync_path_equal(struct sync_path *p)
{
    p->known = p->is_here = p->is_there = true;
    p->respelled_here = p->respelled_there = false;
    p->last = p->now;
    p->content = p->here_content = p->there_content;
    p->hashed = !p->folder;
    p->what = SYNC_NOTHING;
    sync_path_hold(p, 0, NULL);
}

struct sync_row sync_path_row(const struct sync_path *p)
{
    struct sync_row r = {.key = p->key};
    if (!p->known)
        return r;
    r.here = p->here;
    r.there = p->there;
    memcpy(r.thing, p->thing, sizeof(r.thing));
    memcpy(r.version, p->version, sizeof(r.version));
    r.number = p->number;
    r.content = p->content;
    r.size = p->last.size;
    r.here_ns = p->last.changed_ns;
    r.inode = p->last.inode;
    return r;
}

void sync_path_load(struct sync_table *t, const struct sync_row *r)
{
    size_t size = strlen(r->key);
    struct sync_path *p = by_key(t, r->key, size && r->key[size - 1] == '/', true);
    p->known = true;
    spell(&p->here, r->here);
    spell(&p->there, r->there);
    memcpy(p->thing, r->thing, sizeof(p->thing));
    memcpy(p->version, r->version, sizeof(p->version));
    p->number = r->number;
    p->content = p->there_content = r->content;
    p->there_size = r->size;
    p->last = (struct here_seen){r->size, r->here_ns, r->inode};
    p->is_there = true; // until the house is asked
}

// ---- deciding

static enum sync_now now_here(const struct sync_path *p)
{
    if (!p->is_here)
        return SYNC_GONE;
    bool same =
        p->known &&
        (p->folder || same_seen(&p->now, &p->last) ||
         (p->hashed && p->now.size == p->last.size && sha256_equal(&p->here_content, &p->content)));
    return same ? SYNC_SAME : SYNC_OTHER;
}

static enum sync_now now_there(const struct sync_path *p)
{
    if (!p->is_there)
        return SYNC_GONE;
    return p->known && sha256_equal(&p->there_content, &p->content) ? SYNC_SAME : SYNC_OTHER;
}

enum sync_do sync_path_decide(struct sync_path *p)
{
    struct sync_case c = {.known = p->known, .here = now_here(p), .there = now_there(p)};
    c.alike = p->folder                                           ? SYNC_ALIKE
              : p->now.size != p->there_size                      ? SYNC_UNLIKE
              : !p->hashed                                        ? SYNC_UNKNOWN
              : sha256_equal(&p->here_content, &p->there_content) ? SYNC_ALIKE
                                                                  : SYNC_UNLIKE;
    return p->what = sync_decide(&c);
}

void sync_path_hold(struct sync_path *p, int64_t until_us, const char *why)
{
    free(p->held);
    p->held = why ? must(strdup(why)) : NULL;
    p->tries = why ? p->tries + 1 : 0;
    p->again_us = until_us;
}
