// What the files share that carry a parcel (carrier.c).
#pragma once
#include "house/parcels/inside.h"
#include "wire/client.h"
#include "wire/traffic.h"
#include "wire/way.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static inline void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

struct planned { // an asset that is meant
    const char *id;
    size_t versions;              // when it was looked at
    json_t *places;               // of those that are wanted
    size_t files, document_bytes; // of those; of what is known of it
    int64_t bytes;
    bool small, unchanged; // each file is; its document was taken before
    bool done;
};

struct carry {
    const struct carrier_wish *w;
    struct arena *a; // of the whole parcel
    char self[27], project[27], house[27], person[27], transfer[27], by[300];
    char there[27];            // the other house's project
    const char *asked, *named; // what it was called in the order, ""; else as ours
    char there_name[300];
    bool in;
    json_t *ids; // of the assets that are asked for; empty: all
    struct planned *plan;
    size_t plan_count;
    bool together;        // the other house takes many at once
    pthread_mutex_t lock; // guards result and via while several assets go at once
    json_t *paths;        // of those only what is there
    struct who who;
    unsigned may;
    struct other_house other;
    struct client *client;
    struct way *way;
    struct stream *stream;
    pthread_mutex_t turn; // of those who wait for room: one after another, so that chunks end early
    const char *version;  // in: whose files come
    json_t *result;
    const char *via;
    _Atomic int64_t done, moved, moving;
    int64_t total;
};

// ---- carry.c: asking the other house, and how fast bytes may go
MUST_CHECK bool carry_ask(struct carry *c, struct call *call, struct arena *a, struct reply *reply,
                          struct error *err);
// POST of `body`, else GET; the path behind /api/v1. A new reference, NULL with the reason.
json_t *carry_ask_json(struct carry *c, const json_t *body, struct error *err, const char *form,
                       ...) PRINTF_LIKE(4, 5);
bool carry_still(void *context); // false: it was stopped
// Waits until so many bytes may go. CANCELLED when it was stopped.
MUST_CHECK bool carry_room(struct carry *c, size_t size, struct error *err);
void carry_count(struct carry *c, int64_t bytes, bool moved);

// ---- files.c: files by chunks
// The way for bytes of the transfer, or (in) of a version.
void carry_way(struct carry *c, const char *version);
// All files of a version of a document.
MUST_CHECK bool carry_version(struct carry *c, const json_t *version, struct error *err);
// Of a file of the transfer there, one after another.
MUST_CHECK bool carry_begin_file(struct carry *c, const char *path, int64_t size, char id[27],
                                 bool *stored, struct error *err);
MUST_CHECK bool carry_chunk(struct carry *c, const char *file, int64_t chunk, const sha256 *hash,
                            const void *at, size_t size, struct error *err);
MUST_CHECK bool carry_commit_file(struct carry *c, const char *file, const sha256 *content,
                                  size_t chunks, struct error *err);

// ---- documents.c
// What is known of an asset where it is: a new reference, NULL with the reason.
json_t *carry_document(struct carry *c, const char *asset, struct error *err);
// The same of some, in their order.
json_t *carry_documents(struct carry *c, const char *const *assets, size_t count,
                        struct error *err);
// Of [{house, thing}] those whose files are to move: places in the list, a new reference.
json_t *carry_wanted(struct carry *c, const json_t *versions, struct error *err);
// Has the document taken where it goes: ParcelTaken, a new reference.
json_t *carry_take(struct carry *c, const json_t *parcel, struct error *err);
// Of many: ParcelTaken[], a new reference. All of them or none.
json_t *carry_take_together(struct carry *c, const json_t *documents, struct error *err);
// Of [{house, thing, document}] those that were not taken as they are: places in the list.
json_t *carry_unseen(struct carry *c, const json_t *documents, struct error *err);

// ---- plan.c: fills plan, plan_count and total
MUST_CHECK bool carry_plan(struct carry *c, struct error *err);

// ---- bundle.c: small assets, many together
struct bundle {
    struct planned *of[PARCEL_TOGETHER_MOST];
    size_t count, files, document_bytes;
    int64_t bytes;
};
bool bundle_fits(const struct carry *c, const struct planned *p); // small enough for one
bool bundle_add(struct bundle *b, struct planned *p);             // false: it is full
// Marks what is done. What can not go together is left undone: to be carried one by one.
MUST_CHECK bool bundle_carry(struct carry *c, const struct bundle *b, struct error *err);

// ---- carrier.c: adds a ParcelTaken to the result. With the lock
void carry_said(struct carry *c, const json_t *taken);
