// Write locks (RFC 4918, 6 and 7), in memory.
#include "dav/inside.h"

#include "plat/clock.h"
#include "plat/ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOCKS_MOST = 4096, OF_ONE_MOST = 64 };

struct locks {
    pthread_mutex_t mutex; // guards the rest
    struct lock *list;
    size_t count;
};

struct locks *locks_open(void)
{
    struct locks *l = calloc(1, sizeof(*l));
    struct lock *list = calloc(LOCKS_MOST, sizeof(*list));
    if (!l || !list)
        abort();
    l->list = list;
    pthread_mutex_init(&l->mutex, NULL);
    return l;
}

static void drop(struct locks *l, size_t i)
{
    free(l->list[i].path);
    free(l->list[i].owner);
    free(l->list[i].root);
    l->list[i] = l->list[--l->count];
}

void locks_close(struct locks *l)
{
    if (!l)
        return;
    while (l->count)
        drop(l, 0);
    pthread_mutex_destroy(&l->mutex);
    free(l->list);
    free(l);
}

static void enter(struct locks *l)
{
    pthread_mutex_lock(&l->mutex);
    int64_t now = clock_now_ms();
    for (size_t i = 0; i < l->count;)
        if (l->list[i].until_ms < now)
            drop(l, i);
        else
            i++;
}

static void leave(struct locks *l)
{
    pthread_mutex_unlock(&l->mutex);
}

static bool below(const char *path, const char *folder)
{
    size_t size = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    return strncmp(path, folder, size) == 0 && path[size] == '/' && path[size + 1];
}

static bool covers(const struct lock *k, const char *path)
{
    return strcmp(k->path, path) == 0 || (k->deep && below(path, k->path));
}

bool locks_take(struct locks *l, const struct lock_wish *w, char token[64], struct error *err)
{
    uint8_t u[16];
    bool free_way = true;
    enter(l);
    for (size_t i = 0; i < l->count && free_way; i++) {
        const struct lock *k = &l->list[i];
        bool meet = covers(k, w->path) || (w->deep && below(k->path, w->path));
        free_way = !meet || (k->shared && w->shared);
    }
    if (!free_way) {
        error_set(err, ERROR_CONFLICT, "%.200s is locked", w->root);
        error_fix(err, "wait until the other has finished");
    } else if (l->count == LOCKS_MOST) {
        free_way = error_set(err, ERROR_TOO_MANY, "there are too many locks");
        error_why(err, "4,096 are held");
    } else {
        random_bytes(u, sizeof(u));
        u[6] = (uint8_t)((u[6] & 0x0f) | 0x40), u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
        snprintf(token, 64,
                 "urn:uuid:%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
                 u[13], u[14], u[15]);
        struct lock *k = &l->list[l->count++];
        *k = (struct lock){.path = strdup(w->path),
                           .root = strdup(w->root),
                           .owner = strdup(w->owner),
                           .shared = w->shared,
                           .deep = w->deep,
                           .until_ms = clock_now_ms() + (int64_t)w->seconds * 1000};
        if (!k->path || !k->root || !k->owner)
            abort();
        memcpy(k->token, token, 64);
        text_copy(text_of(w->person), k->person, sizeof(k->person));
    }
    leave(l);
    return free_way;
}

bool locks_refresh(struct locks *l, const char *path, const char *token, int seconds)
{
    bool found = false;
    enter(l);
    for (size_t i = 0; i < l->count && !found; i++)
        if (strcmp(l->list[i].token, token) == 0 && covers(&l->list[i], path)) {
            l->list[i].until_ms = clock_now_ms() + (int64_t)seconds * 1000;
            found = true;
        }
    leave(l);
    return found;
}

bool locks_give_back(struct locks *l, const char *path, const char *token, const char *person)
{
    bool found = false;
    enter(l);
    for (size_t i = 0; i < l->count && !found; i++)
        if (strcmp(l->list[i].token, token) == 0 && covers(&l->list[i], path) &&
            strcmp(l->list[i].person, person) == 0) {
            drop(l, i);
            found = true;
        }
    leave(l);
    return found;
}

void locks_forget(struct locks *l, const char *path)
{
    enter(l);
    for (size_t i = 0; i < l->count;)
        if (strcmp(l->list[i].path, path) == 0 || below(l->list[i].path, path))
            drop(l, i);
        else
            i++;
    leave(l);
}

size_t locks_of(struct locks *l, const char *path, struct arena *a, struct lock **list)
{
    size_t count = 0;
    *list = ARENA_ARRAY(a, struct lock, OF_ONE_MOST);
    enter(l);
    for (size_t i = 0; i < l->count && count < OF_ONE_MOST; i++)
        if (covers(&l->list[i], path)) {
            struct lock *k = &(*list)[count++];
            *k = l->list[i];
            k->path = arena_text(a, k->path);
            k->owner = arena_text(a, k->owner);
            k->root = arena_text(a, k->root);
        }
    leave(l);
    return count;
}

bool locks_hold(struct locks *l, const char *path, const char *token)
{
    bool found = false;
    enter(l);
    for (size_t i = 0; i < l->count && !found; i++)
        found = strcmp(l->list[i].token, token) == 0 && covers(&l->list[i], path);
    leave(l);
    return found;
}

static bool submitted(const struct lock *k, const struct lock_question *q)
{
    for (size_t i = 0; i < q->token_count; i++)
        if (strcmp(k->token, q->tokens[i]) == 0 && strcmp(k->person, q->person) == 0)
            return true;
    return false;
}

bool locks_allow(struct locks *l, const struct lock_question *q, struct arena *a, const char **root)
{
    const char *folder = tree_parent_of(a, q->path);
    *root = NULL;
    enter(l);
    for (size_t i = 0; i < l->count && !*root; i++) {
        const struct lock *k = &l->list[i];
        bool meets = covers(k, q->path) || (q->below && below(k->path, q->path)) ||
                     (q->member && strcmp(k->path, folder) == 0);
        bool mine = !meets || submitted(k, q);
        // Of shared locks on one thing, one of the asker's own is enough.
        for (size_t j = 0; !mine && k->shared && j < l->count; j++)
            mine = strcmp(l->list[j].path, k->path) == 0 && submitted(&l->list[j], q);
        if (!mine)
            *root = arena_text(a, k->root);
    }
    leave(l);
    return !*root;
}
