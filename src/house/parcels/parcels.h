/*
 * house/parcels: projects and assets on their way to another Posthouse, and from one.
 *
 * A house is another Posthouse that this one may reach: an address, the certificate that is
 * trusted, and a token of an account there, which lies sealed. What that account may do there is
 * all that this house may do there.
 *
 * A parcel is an order that a courier carries out: assets out to a house or in from one. Each asset
 * travels as its files and one document (pack) that says what is known of it: its versions in
 * order, their decisions, the notes on them, what people told of it, its folder. Files go as those
 * of any transfer, so a chunk that is there is not sent, and each is proved by its hash; the
 * document is last, and taking it (take) makes all of it in one transaction.
 *
 * Each asset, version and note is told again by the house where it was made and its id there
 * (origins): sending again adds what is new, and what comes home is known. Versions are never
 * overwritten or deleted by a parcel; names, places and what became of notes follow the later
 * change. Names of people are words here ("Anna Berg (at House A)"): never an account.
 *
 * docs/formats/parcel.md describes the document.
 */
#pragma once
#include "base/arena.h"
#include "db/db.h"
#include "house/people/people.h"
#include "plat/hash.h"
#include "plat/ids.h"
#include "plat/seal.h"
#include "plat/sign.h"

#include <jansson.h>

struct store;
struct traffic;
struct transfers;

enum {
    PARCEL_FORMAT = 1,          // of the document, and of what houses say to each other about it
    PARCEL_WANTS_MOST = 1000,   // versions in one question
    PARCEL_TOGETHER_MOST = 100, // documents in one call
    PARCEL_BYTES = 256 << 20,   // of a document
    PARCEL_ASSETS_MOST = 20000  // of one order
};

// This house's own id, which other houses know it by; made when it is asked for first.
MUST_CHECK bool houses_self(struct db *db, char self[27], struct error *err);

// ---- Other houses

struct house_wish {
    const char *name, *url;
    const char *fingerprint; // SHA-256 of its certificate, 64 hex digits with or without ':'; ""
    const char *token, *by;
};
// INPUT: an address without TLS that is not this machine's; CONFLICT: the name is taken.
MUST_CHECK bool houses_add(struct db_tx *tx, const struct seal *seal, const struct house_wish *wish,
                           int64_t now_ms, id *made, struct error *err);
// Its secret is gone at once; what was sent still says its name. CONFLICT while a parcel is on its
// way.
MUST_CHECK bool houses_forget(struct db_tx *tx, const char *house, struct error *err);
MUST_CHECK bool houses_get(struct db_tx *tx, const char *house, json_t **json, struct error *err);
// House[] by name; `whole` false: without address and fingerprint.
MUST_CHECK bool houses_list(struct db_tx *tx, bool whole, json_t **list, struct error *err);

struct other_house { // in the arena
    const char *id, *name, *url, *fingerprint, *token;
};
MUST_CHECK bool houses_open(struct db_tx *tx, const struct seal *seal, const char *house,
                            struct arena *a, struct other_house *h, struct error *err);
// {"house", "name", "version", "account", "together"}: who it says it is, whose token this is, and
// how many documents it takes in one call (0: one by one). UNSUPPORTED when it is of a version that
// takes no parcels, or other ones.
MUST_CHECK bool houses_try(const struct other_house *h, const char *own_version, json_t **said,
                           struct error *err);

// ---- The document

// What is known of an asset. `name` is this house's, for people.
MUST_CHECK bool parcel_pack(struct db_tx *tx, const char *self, const char *name, const char *asset,
                            json_t **parcel, struct error *err);
// From outside: INPUT names what does not fit. *parcel is a new reference.
MUST_CHECK bool parcel_read(text bytes, json_t **parcel, struct error *err);
MUST_CHECK bool parcel_check(const json_t *parcel, struct error *err); // the same of one in a body
sha256 parcel_digest(const json_t *parcel, size_t *bytes); // bytes: of the text; may be NULL
// Which of [{"house", "thing"}] are no versions of the project yet: their places in the list.
MUST_CHECK bool parcel_wants(struct db_tx *tx, const char *self, const char *project,
                             const json_t *versions, json_t **places, struct error *err);
// The path of a version's file in a transfer, from 1.
void parcel_path(const char *thing, int64_t number, char to[64]);

struct parcel_wish {
    const char *self, *project;
    const char *transfer; // that brought the files
    const struct who *who;
    unsigned may; // of who in the project
    const json_t *parcel;
    sha256 digest; // parcel_digest of it
};
// ParcelTaken. CONFLICT while a file is missing; DENIED for what may not be written. The same again
// changes nothing.
MUST_CHECK bool parcel_take(struct db_tx *tx, const struct parcel_wish *wish, json_t **taken,
                            struct error *err);
// Which of [{"house", "thing", "document"}] (assets, and the digest of what is known of each) are
// not what was taken last: their places in the list. Of the wish only self, project and may.
MUST_CHECK bool parcel_unseen(struct db_tx *tx, const struct parcel_wish *wish,
                              const json_t *documents, json_t **places, struct error *err);
// What a transfer's parcels brought, signed by this house. `from` is the other one, by name.
MUST_CHECK bool parcel_receipt(struct db_tx *tx, const struct sign_key *sign, const char *transfer,
                               const char *house_name, const char *from, json_t **receipt,
                               struct error *err);

// ---- Orders

struct parcel_order {
    const char *project, *house;
    bool in;              // else out
    const char *there;    // the other house's project: its id or its name
    const json_t *assets; // id[]: of the house that they are in; NULL or empty: all
    const json_t *paths;  // text[]: only those at "FOLDER/NAME" or below "FOLDER"; NULL: any
    const char *person, *by;
};
MUST_CHECK bool parcel_make(struct db_tx *tx, const struct parcel_order *order, int64_t now_ms,
                            id *made, struct error *err);
MUST_CHECK bool parcel_get(struct db_tx *tx, const char *parcel, json_t **json, struct error *err);
// Parcel[] of a project, newest first.
MUST_CHECK bool parcel_list(struct db_tx *tx, const char *project, json_t **list,
                            struct error *err);
// The signed receipt of one that is there. CONFLICT until then.
MUST_CHECK bool parcel_receipt_of(struct db_tx *tx, const char *parcel, json_t **receipt,
                                  struct error *err);

// ---- Carrying one

struct carrier_wish {
    struct db *db;
    struct store *store;
    struct transfers *transfers;
    struct traffic *traffic; // NULL: nothing is limited
    const struct seal *seal;
    const struct sign_key *sign; // NULL: nothing is signed
    const char *house_name, *version;
    const char *parcel;
    // How far it is; false ends it.
    bool (*moved)(void *context, int64_t done, int64_t total);
    void *context;
};
// Carries one parcel as far as it is not there yet: *result and *receipt (NULL: none) are kept with
// parcel_done. What fails for a while (a line, a house that is away) may be tried again.
MUST_CHECK bool parcel_carry(const struct carrier_wish *wish, json_t **result, json_t **receipt,
                             struct error *err);
MUST_CHECK bool parcel_done(struct db_tx *tx, const char *parcel, const json_t *result,
                            const json_t *receipt, struct error *err);
