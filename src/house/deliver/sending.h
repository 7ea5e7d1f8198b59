/*
 * house/deliver/sending: a deliverable on its way out, and what became of it there.
 *
 * A destination is where something goes (farend.h says what kinds there are); its secrets lie
 * sealed in the database and nobody reads them again. A sending is a delivery, a destination and a
 * job of the queue. The job is done by couriers, threads of the house itself: only they hold the
 * key to the secrets, and no worker ever sees one. First the package is made: names, digests,
 * sidecars and manifest, exactly once, so that what is tried again is the same. Then it is sent and
 * compared at the far end. What a cut try had come to is kept with the sending.
 *
 * After that people say what the outlet says: received, in inspection, redelivery asked, accepted.
 * Who, when and why is kept; nothing is overwritten.
 */
#pragma once
#include "base/arena.h"
#include "db/db.h"
#include "plat/hash.h"
#include "plat/ids.h"
#include "plat/seal.h"

#include <jansson.h>

struct jobs;
struct sign_key;
struct store;
struct traffic;
struct transfers;

// ---- Destinations

struct destination_wish {
    const char *name, *kind;
    const json_t *settings; // NULL: {} (with destination_change: as they are)
    const json_t *secrets;  // NULL: none (as they are)
    const char *by;
};
// Both are checked against their kind. CONFLICT: another one has this name.
MUST_CHECK bool destination_make(struct db_tx *tx, const struct seal *seal, const char *senders,
                                 const struct destination_wish *wish, int64_t now_ms, id *made,
                                 struct error *err);
MUST_CHECK bool destination_change(struct db_tx *tx, const struct seal *seal, const char *senders,
                                   const char *destination, const struct destination_wish *wish,
                                   int64_t now_ms, struct error *err);
// CONFLICT while something is on its way to it, or a watch rule names it.
MUST_CHECK bool destination_drop(struct db_tx *tx, const char *destination, struct error *err);
// Destination, Destination[] by name; `settings` false: without them, for who may not administer.
MUST_CHECK bool destination_get(struct db_tx *tx, const char *destination, json_t **json,
                                struct error *err);
MUST_CHECK bool destination_list(struct db_tx *tx, bool settings, json_t **list, struct error *err);

struct destination {
    const char *id, *name, *kind;
    json_t *settings, *secrets; // new references
};
// With its secrets, opened. Also one that is gone.
MUST_CHECK bool destination_open(struct db_tx *tx, const struct seal *seal, const char *destination,
                                 struct arena *a, struct destination *d, struct error *err);
void destination_close(struct destination *d);

// ---- Sending

struct sent_by {
    const char *name;   // for people
    const char *person; // whose caps its bytes count against; NULL: a rule sends
};
// CONFLICT: it is not made, a check is not ok (`anyway`: sent all the same, and that is written
// down), quality control that its profile asks for is missing, or it is on its way there already.
// *pickup: of a link, its key, told this once; else "".
MUST_CHECK bool sending_make(struct db_tx *tx, const char *delivery, const char *destination,
                             bool anyway, const struct sent_by *by, int64_t now_ms, id *made,
                             char pickup[44], struct error *err);
MUST_CHECK bool sending_get(struct db_tx *tx, const char *sending, json_t **json,
                            struct error *err);
// Sending[] of a delivery, newest first.
MUST_CHECK bool sending_list(struct db_tx *tx, const char *delivery, json_t **list,
                             struct error *err);
// Adds to a Delivery: "sendings", "standing" (the last thing that was said of it, or "") and, when
// it was ordered with one, "destination".
MUST_CHECK bool sendings_into(struct db_tx *tx, json_t *delivery, struct error *err);
// What goes, as the far end will see it: {"folder", "files": [{"name", "size", "role", "md5",
// "sha1", "sha256", "xxh64"}]}. CONFLICT until it is made.
MUST_CHECK bool sending_package(struct db_tx *tx, const char *sending, json_t **json,
                                struct error *err);
// A file of it: its content in the store, or its text (in the arena). NOT_FOUND.
struct sending_file {
    const char *name;
    int64_t size;
    bool stored;
    sha256 content;
    text text;
};
MUST_CHECK bool sending_file(struct db_tx *tx, const char *sending, int64_t number, struct arena *a,
                             struct sending_file *file, struct error *err);
// A person has brought it to a destination of the kind hand, or it was fetched by its link.
MUST_CHECK bool sending_by_hand(struct db_tx *tx, const char *sending, const char *note,
                                const char *by, int64_t now_ms, struct error *err);
// The sending of a link's key; EXPIRED, NOT_FOUND.
MUST_CHECK bool sending_of_pickup(struct db_tx *tx, const char *key, int64_t now_ms,
                                  char sending[27], struct error *err);

// For flow, by job.
MUST_CHECK bool sending_state_set(struct db_tx *tx, const char *job, const char *state,
                                  const char *problem, struct error *err);
// A delivery is done: it goes where it was ordered to. What keeps it is said with the delivery.
MUST_CHECK bool sending_follow(struct db_tx *tx, const char *delivery, int64_t now_ms,
                               struct error *err);

// ---- States of a delivery

// received, in_inspection, redelivery_asked (with a note), accepted. CONFLICT when it was never
// sent.
MUST_CHECK bool delivery_state_add(struct db_tx *tx, const char *delivery, const char *state,
                                   const char *note, const char *sending, const char *by,
                                   int64_t now_ms, struct error *err);
// DeliveryState[], oldest first.
MUST_CHECK bool delivery_states(struct db_tx *tx, const char *delivery, json_t **list,
                                struct error *err);
// Receipt: what, when, by whom, to where, hashes, rate. CONFLICT until it was sent.
MUST_CHECK bool sending_receipt(struct db_tx *tx, const char *sending, json_t **json,
                                struct error *err);

// ---- Couriers

struct courier_wish {
    struct db *db;
    struct store *store;
    struct jobs *jobs;
    const struct seal *seal;
    const char *scratch;       // absolute folder of its own; made
    const char *senders;       // data/senders, or NULL
    const char *rules;         // data/rules/metadata
    // Of parcels to other houses (house/parcels); traffic and sign may be NULL.
    struct transfers *transfers;
    struct traffic *traffic;
    const struct sign_key *sign;
    const char *house_name, *version;
    bool sandbox;              // of engines that look at what licensed encoders made
    int number;                // which courier of the house: 0, 1, ...
    bool (*on)(void *context); // NULL: always
    void *context;
};
struct courier;
MUST_CHECK bool courier_open(const struct courier_wish *wish, struct courier **courier,
                             struct error *err);
void courier_close(struct courier *c); // NULL is fine
// Does one job when there is one; *more: there was. One thread.
MUST_CHECK bool courier_turn(struct courier *c, bool *more, struct error *err);
