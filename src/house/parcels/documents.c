// Documents on their way, and which versions are wanted where they go.
#include "house/parcels/carry.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct packed {
    struct carry *c;
    const char *asset;
    const char *const *assets; // some
    size_t count;
    const json_t *documents, *versions, *taking;
    json_t *parcel, *places, *taken;
};

static bool pack_in(struct db_tx *tx, void *context, struct error *err)
{
    struct packed *k = context;
    return parcel_pack(tx, k->c->self, k->c->w->house_name, k->asset, &k->parcel, err);
}

static bool wants_in(struct db_tx *tx, void *context, struct error *err)
{
    struct packed *k = context;
    return parcel_wants(tx, k->c->self, k->c->project, k->versions, &k->places, err);
}

json_t *carry_document(struct carry *c, const char *asset, struct error *err)
{
    struct packed k = {.c = c, .asset = asset};
    if (!c->in)
        return db_read(c->w->db, pack_in, &k, err) ? k.parcel : NULL;
    json_t *came = carry_ask_json(c, NULL, err, "/assets/%s/parcel", asset);
    char *bytes = came ? must(json_dumps(came, JSON_COMPACT)) : NULL;
    if (came && !parcel_read(text_of(bytes), &k.parcel, err))
        error_while(err, "%s", c->other.name);
    free(bytes);
    json_decref(came);
    return k.parcel;
}

// ---- several

static bool pack_some_in(struct db_tx *tx, void *context, struct error *err)
{
    struct packed *k = context;
    json_decref(k->parcel);
    k->parcel = json_array();
    for (size_t i = 0; i < k->count; i++) {
        json_t *one;
        if (!parcel_pack(tx, k->c->self, k->c->w->house_name, k->assets[i], &one, err))
            return false;
        json_array_append_new(k->parcel, one);
    }
    return true;
}

// Of very large ones it gives fewer than were asked for, but one at least.
static bool ask_some(struct carry *c, const char *const *assets, size_t count, json_t *to,
                     struct error *err)
{
    size_t i, had = json_array_size(to);
    json_t *list = json_array(), *one;
    for (i = had; i < count; i++)
        json_array_append_new(list, json_string(assets[i]));
    json_t *body = json_pack("{s:o}", "assets", list);
    json_t *came = carry_ask_json(c, body, err, "/projects/%s/parcels/documents", c->there);
    bool ok = came != NULL;
    json_array_foreach(came, i, one)
    {
        ok = ok && json_array_size(to) < count &&
             (parcel_check(one, err) || error_while(err, "%s", c->other.name));
        if (ok)
            json_array_append(to, one);
    }
    if (ok && json_array_size(to) == had)
        ok = error_set(err, ERROR_NETWORK, "cannot understand the answer of %s", c->other.name);
    json_decref(body);
    json_decref(came);
    return ok;
}

json_t *carry_documents(struct carry *c, const char *const *assets, size_t count, struct error *err)
{
    struct packed k = {.c = c, .assets = assets, .count = count};
    bool ok = true;
    if (!c->in) {
        ok = db_read(c->w->db, pack_some_in, &k, err);
    } else {
        k.parcel = json_array();
        while (ok && c->together && json_array_size(k.parcel) < count)
            ok = ask_some(c, assets, count, k.parcel, err);
        for (size_t i = json_array_size(k.parcel); ok && i < count; i++) {
            json_t *one = carry_document(c, assets[i], err);
            ok = one && json_array_append_new(k.parcel, one) == 0;
        }
    }
    if (!ok)
        json_decref(k.parcel), k.parcel = NULL;
    return k.parcel;
}

// ---- what is wanted

static bool unseen_in(struct db_tx *tx, void *context, struct error *err)
{
    struct packed *k = context;
    const struct carry *c = k->c;
    struct parcel_wish w = {.self = c->self, .project = c->project, .may = c->may};
    return parcel_unseen(tx, &w, k->documents, &k->places, err);
}

json_t *carry_unseen(struct carry *c, const json_t *documents, struct error *err)
{
    struct packed k = {.c = c, .documents = documents};
    if (c->in)
        return db_read(c->w->db, unseen_in, &k, err) ? k.places : NULL;
    json_t *body = json_pack("{s:[], s:O}", "versions", "documents", documents);
    json_t *answer = carry_ask_json(c, body, err, "/projects/%s/parcels/wanted", c->there);
    json_t *places = answer ? json_incref(json_object_get(answer, "documents")) : NULL;
    if (answer && !places)
        error_set(err, ERROR_NETWORK, "cannot understand the answer of %s", c->other.name);
    json_decref(answer);
    json_decref(body);
    return places;
}

static bool wants_there(struct carry *c, const json_t *versions, json_t *places, struct error *err)
{
    size_t all = json_array_size(versions), k;
    for (size_t from = 0; from < all; from += PARCEL_WANTS_MOST) {
        json_t *list = json_array(), *one;
        for (size_t i = from; i < all && i < from + PARCEL_WANTS_MOST; i++) {
            const json_t *v = json_array_get(versions, i);
            json_array_append_new(list, json_pack("{s:s, s:s}", "house", parcel_word(v, "house"),
                                                  "thing", parcel_word(v, "thing")));
        }
        json_t *body = json_pack("{s:o}", "versions", list);
        json_t *answer = carry_ask_json(c, body, err, "/projects/%s/parcels/wanted", c->there);
        json_array_foreach(json_object_get(answer, "wanted"), k, one)
            json_array_append_new(places, json_integer(json_integer_value(one) + (json_int_t)from));
        bool ok = answer != NULL;
        json_decref(answer);
        json_decref(body);
        if (!ok)
            return false;
    }
    return true;
}

json_t *carry_wanted(struct carry *c, const json_t *versions, struct error *err)
{
    struct packed k = {.c = c, .versions = versions};
    if (c->in)
        return db_read(c->w->db, wants_in, &k, err) ? k.places : NULL;
    json_t *places = json_array();
    if (wants_there(c, versions, places, err))
        return places;
    json_decref(places);
    return NULL;
}

static bool put_document(struct carry *c, const json_t *parcel, char path[64], struct error *err)
{
    char *bytes = must(json_dumps(parcel, JSON_COMPACT | JSON_SORT_KEYS)), id[27];
    size_t size = strlen(bytes), count = (size + (size_t)STORE_CHUNK - 1) / (size_t)STORE_CHUNK;
    sha256 *hashes = must(calloc(count, sizeof(*hashes)));
    struct hasher *all = hasher_open("sha256");
    for (size_t i = 0; i < count; i++) {
        size_t from = i * (size_t)STORE_CHUNK;
        hashes[i] = sha256_of(
            bytes + from, size - from < (size_t)STORE_CHUNK ? size - from : (size_t)STORE_CHUNK);
        hasher_add(all, hashes[i].at, SHA256_SIZE);
    }
    uint8_t digest[64];
    hasher_end(all, digest);
    sha256 content;
    memcpy(content.at, digest, SHA256_SIZE);
    snprintf(path, 64, "document-%.40s", sha256_text(&content).text);
    bool stored = false, ok = carry_begin_file(c, path, (int64_t)size, id, &stored, err);
    for (size_t i = 0; ok && !stored && i < count; i++) {
        size_t from = i * (size_t)STORE_CHUNK;
        ok =
            carry_chunk(c, id, (int64_t)i, &hashes[i], bytes + from,
                        size - from < (size_t)STORE_CHUNK ? size - from : (size_t)STORE_CHUNK, err);
    }
    ok = ok && (stored || carry_commit_file(c, id, &content, count, err));
    free(hashes);
    free(bytes);
    return ok;
}

static bool take_some_in(struct db_tx *tx, void *context, struct error *err)
{
    struct packed *k = context;
    const struct carry *c = k->c;
    struct parcel_wish w = {.self = c->self,
                            .project = c->project,
                            .transfer = c->transfer,
                            .who = &c->who,
                            .may = c->may};
    size_t i;
    json_decref(k->taken);
    k->taken = json_array();
    json_array_foreach(k->taking, i, w.parcel)
    {
        json_t *one;
        w.digest = parcel_digest(w.parcel, NULL);
        if (!parcel_take(tx, &w, &one, err))
            return false;
        json_array_append_new(k->taken, one);
    }
    return true;
}

json_t *carry_take_together(struct carry *c, const json_t *documents, struct error *err)
{
    struct packed k = {.c = c, .taking = documents};
    if (!c->in) {
        json_t *body = json_pack("{s:O}", "documents", documents);
        k.taken = carry_ask_json(c, body, err, "/transfers/%s/parcels/together", c->transfer);
        json_decref(body);
    } else if (!db_write(c->w->db, take_some_in, &k, err)) {
        json_decref(k.taken), k.taken = NULL;
    }
    return k.taken;
}

json_t *carry_take(struct carry *c, const json_t *parcel, struct error *err)
{
    char path[64];
    json_t *taken = NULL;
    if (c->in) {
        json_t *one = json_pack("[O]", parcel), *list = carry_take_together(c, one, err);
        taken = json_incref(json_array_get(list, 0));
        json_decref(list);
        json_decref(one);
        return taken;
    }
    if (!put_document(c, parcel, path, err))
        return NULL;
    json_t *body = json_pack("{s:s}", "path", path);
    taken = carry_ask_json(c, body, err, "/transfers/%s/parcels", c->transfer);
    json_decref(body);
    return taken;
}
