// Which assets are meant, what of them is wanted where they go, and how many bytes that is.
#include "house/parcels/carry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t bytes_of(const json_t *version)
{
    int64_t bytes = 0;
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(version, "files"), i, one) bytes +=
        parcel_count(one, "size");
    return bytes;
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

// Versions of many assets are asked for together.
struct asked {
    json_t *versions; // [{house, thing}]
    struct {
        size_t asset, place;
        int64_t bytes;
    } of[PARCEL_WANTS_MOST];
};

static bool ask_wanted(struct carry *c, struct asked *q, struct error *err)
{
    json_t *places =
               json_array_size(q->versions) ? carry_wanted(c, q->versions, err) : json_array(),
           *place;
    size_t i;
    json_array_foreach(places, i, place)
    {
        size_t at = (size_t)json_integer_value(place);
        if (at >= json_array_size(q->versions))
            continue;
        c->total += q->of[at].bytes;
        json_array_append_new(c->plan[q->of[at].asset].places,
                              json_integer((json_int_t)q->of[at].place));
    }
    json_array_clear(q->versions);
    bool ok = places != NULL;
    json_decref(places);
    return ok;
}

static bool plan_asset(struct carry *c, const char *asset, struct asked *q, struct error *err)
{
    size_t i;
    json_t *v, *parcel = carry_document(c, asset, err);
    const json_t *versions = json_object_get(parcel, "versions");
    bool ok = parcel != NULL;
    if (ok && meant(c, parcel)) {
        size_t at = c->plan_count++;
        c->plan[at] = (struct planned){asset, json_array_size(versions), json_array()};
        json_array_foreach(versions, i, v)
        {
            size_t count = json_array_size(q->versions);
            q->of[count].asset = at;
            q->of[count].place = i;
            q->of[count].bytes = bytes_of(v);
            json_array_append_new(q->versions,
                                  json_pack("{s:s, s:s}", "house", parcel_word(v, "house"), "thing",
                                            parcel_word(v, "thing")));
            if (count + 1 == PARCEL_WANTS_MOST)
                ok = ok && ask_wanted(c, q, err);
        }
    }
    json_decref(parcel);
    return ok;
}

bool carry_plan(struct carry *c, struct error *err)
{
    size_t i;
    json_t *id;
    struct asked *q = must(calloc(1, sizeof(*q)));
    bool ok = true;
    q->versions = json_array();
    c->plan = must(calloc(json_array_size(c->ids) + 1, sizeof(*c->plan)));
    json_array_foreach(c->ids, i, id) ok = ok && plan_asset(c, json_string_value(id), q, err);
    ok = ok && ask_wanted(c, q, err);
    json_decref(q->versions);
    free(q);
    return ok;
}
