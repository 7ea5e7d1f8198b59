// Which assets are meant, what of them is wanted where they go, and how many bytes that is.
#include "house/parcels/carry.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 4 }; // of documents that are asked for at once

struct size { // of a version
    int64_t bytes, largest;
    size_t files;
};

static struct size size_of(const json_t *version)
{
    const json_t *files = json_object_get(version, "files"), *one;
    struct size s = {.files = json_array_size(files)};
    size_t i;
    json_array_foreach(files, i, one)
    {
        int64_t bytes = parcel_count(one, "size");
        s.bytes += bytes;
        s.largest = bytes > s.largest ? bytes : s.largest;
    }
    return s;
}

static bool meant(const struct carry *c, const json_t *parcel)
{
    char path[4400];
    size_t i;
    json_t *one;
    const json_t *asset = json_object_get(parcel, "asset");
    const char *folder = parcel_word(asset, "folder");
    snprintf(path, sizeof(path), "%s%s%s", folder, *folder ? "/" : "", parcel_word(asset, "name"));
    json_array_foreach(c->paths, i, one)
    {
        const char *at = json_string_value(one);
        size_t size = at ? strlen(at) : 0;
        while (size && at[size - 1] == '/')
            size--;
        if (strncmp(path, at ? at : "", size) == 0 && (!path[size] || path[size] == '/'))
            return true;
    }
    return !json_array_size(c->paths);
}

// Versions and documents of many assets are asked for together.
struct asked {
    json_t *versions, *documents; // [{house, thing}], and with their digest
    struct {
        size_t asset, place;
        struct size size;
    } of[PARCEL_WANTS_MOST];
    size_t documents_of[PARCEL_WANTS_MOST];
};

static void is_wanted(struct carry *c, struct planned *p, size_t place, const struct size *s)
{
    c->total += s->bytes;
    p->bytes += s->bytes;
    p->files += s->files;
    p->small = p->small && s->largest < STORE_SMALL;
    json_array_append_new(p->places, json_integer((json_int_t)place));
}

static bool ask_wanted(struct carry *c, struct asked *q, struct error *err)
{
    size_t i, count = json_array_size(q->versions);
    json_t *place, *places = count ? carry_wanted(c, q->versions, err) : json_array();
    json_array_foreach(places, i, place)
    {
        size_t at = (size_t)json_integer_value(place);
        if (at < count)
            is_wanted(c, &c->plan[q->of[at].asset], q->of[at].place, &q->of[at].size);
    }
    json_array_clear(q->versions);
    bool ok = places != NULL;
    json_decref(places);
    return ok;
}

static bool ask_unseen(struct carry *c, struct asked *q, struct error *err)
{
    size_t i, count = json_array_size(q->documents);
    json_t *place, *places = count ? carry_unseen(c, q->documents, err) : json_array();
    for (i = 0; i < count; i++)
        c->plan[q->documents_of[i]].unchanged = true;
    json_array_foreach(places, i, place)
    {
        size_t at = (size_t)json_integer_value(place);
        if (at < count)
            c->plan[q->documents_of[at]].unchanged = false;
    }
    json_array_clear(q->documents);
    bool ok = places != NULL;
    json_decref(places);
    return ok;
}

static json_t *thing_of(const json_t *object)
{
    return json_pack("{s:s, s:s}", "house", parcel_word(object, "house"), "thing",
                     parcel_word(object, "thing"));
}

static bool plan_document(struct carry *c, const json_t *parcel, size_t at, struct asked *q,
                          struct error *err)
{
    if (!c->together && !c->in) // that house keeps no account of documents
        return true;
    size_t count = json_array_size(q->documents);
    json_t *thing = thing_of(json_object_get(parcel, "asset"));
    sha256 digest = parcel_digest(parcel, &c->plan[at].document_bytes);
    json_object_set_new(thing, "document", json_string(sha256_text(&digest).text));
    json_array_append_new(q->documents, thing);
    q->documents_of[count] = at;
    return count + 1 < PARCEL_WANTS_MOST || ask_unseen(c, q, err);
}

static bool plan_asset(struct carry *c, const char *asset, const json_t *parcel, struct asked *q,
                       struct error *err)
{
    size_t i, at = c->plan_count;
    const json_t *v, *versions = json_object_get(parcel, "versions");
    if (!meant(c, parcel))
        return true;
    c->plan_count++;
    c->plan[at] = (struct planned){
        .id = asset, .versions = json_array_size(versions), .places = json_array(), .small = true};
    bool ok = plan_document(c, parcel, at, q, err);
    json_array_foreach(versions, i, v)
    {
        size_t count = json_array_size(q->versions);
        q->of[count].asset = at;
        q->of[count].place = i;
        q->of[count].size = size_of(v);
        json_array_append_new(q->versions, thing_of(v));
        if (count + 1 == PARCEL_WANTS_MOST)
            ok = ok && ask_wanted(c, q, err);
        if (!ok)
            return false;
    }
    return ok;
}

// Some documents, asked for by a thread of its own while others ask for theirs.
struct group {
    struct carry *c;
    const char *ids[PARCEL_TOGETHER_MOST];
    size_t count;
    pthread_t thread;
    bool alone; // no thread could be had for it
    json_t *documents;
    struct error err;
};

static void *group_ask(void *context)
{
    struct group *g = context;
    error_clear(&g->err);
    g->documents = carry_documents(g->c, g->ids, g->count, &g->err);
    return NULL;
}

static size_t groups_ask(struct carry *c, size_t from, struct group *groups)
{
    size_t all = json_array_size(c->ids), count = 0;
    for (; count < GROUPS && from < all; count++) {
        struct group *g = &groups[count];
        *g = (struct group){.c = c};
        while (g->count < PARCEL_TOGETHER_MOST && from < all)
            g->ids[g->count++] = json_string_value(json_array_get(c->ids, from++));
        g->alone = pthread_create(&g->thread, NULL, group_ask, g) != 0;
    }
    for (size_t i = 0; i < count; i++)
        if (groups[i].alone)
            group_ask(&groups[i]);
        else
            pthread_join(groups[i].thread, NULL);
    return count;
}

static bool plan_group(struct carry *c, struct group *g, struct asked *q, struct error *err)
{
    size_t i;
    const json_t *one;
    bool ok = g->documents != NULL;
    if (!ok)
        *err = g->err;
    json_array_foreach(g->documents, i, one) ok = ok && plan_asset(c, g->ids[i], one, q, err);
    return ok;
}

static bool plan_some(struct carry *c, size_t from, struct asked *q, struct error *err)
{
    struct group *groups = must(calloc(GROUPS, sizeof(*groups)));
    size_t count = groups_ask(c, from, groups);
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        ok = ok && plan_group(c, &groups[i], q, err);
        json_decref(groups[i].documents);
    }
    free(groups);
    return ok;
}

bool carry_plan(struct carry *c, struct error *err)
{
    size_t all = json_array_size(c->ids);
    struct asked *q = must(calloc(1, sizeof(*q)));
    bool ok = true;
    q->versions = json_array();
    q->documents = json_array();
    c->plan = must(calloc(all + 1, sizeof(*c->plan)));
    for (size_t i = 0; ok && i < all; i += (size_t)GROUPS * PARCEL_TOGETHER_MOST)
        ok = plan_some(c, i, q, err);
    ok = ok && ask_wanted(c, q, err) && ask_unseen(c, q, err);
    json_decref(q->versions);
    json_decref(q->documents);
    free(q);
    return ok;
}
