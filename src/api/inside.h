// Shared by the files of api/ that are not routes.
#pragma once
#include "api/api.h"
#include "api/shapes.h"
#include "plat/hash.h"

#include <pthread.h>
#include <stdatomic.h>

enum { BODY_LIMIT = 1 << 20, DEPTH_LIMIT = 32, TEXT_LIMIT = 10000, LIST_LIMIT = 20000 };
enum { PATH_PARTS = 12 };

// ---- routes.c
size_t route_count(void);
const struct route *route_at(size_t index);
// The route of a method and a path behind /api/v1; *path_known when another method would do.
const struct route *route_find(const char *method, const char *path, bool *path_known);
// Fills the ids of the call from its path. False: an id is not one, so there is no such thing.
bool route_ids(struct call *c, const char *path);

// ---- resolve.c
// Finds project and asset of the thing in the path; NOT_FOUND when it is not there.
bool resolve_call(struct db_tx *tx, struct call *c, struct error *err);

// ---- check.c
// JSON from outside, or that we are about to send (`sending`: no limits of length), against a shape
// name with or without "[]".
bool shape_check(const char *name, const json_t *value, bool sending, struct error *err);
// Text -> JSON with the limits of depth, duplicates refused.
json_t *json_read(text body, struct error *err);

// ---- call.c: a call whose answer is what one transaction makes
// A transaction may run again: what it made before goes.
void json_fresh(json_t **json);
// *json is the answer, or goes when it is not ok. Returns ok.
bool call_answer(struct call *c, json_t **json, bool ok);
// `in` leaves the answer at *json, which lies in `asking`.
MUST_CHECK bool call_read(struct call *c, db_work *in, void *asking, json_t **json,
                          struct error *err);
MUST_CHECK bool call_write(struct call *c, db_work *in, void *asking, json_t **json,
                           struct error *err);
// NOT_FOUND when the house seals nothing.
const struct seal *call_seal(struct call *c, struct error *err);

// ---- asset_routes.c
bool version_answer(struct call *c, struct error *err); // with the version of the path

// ---- look_routes.c
// "p" and the person's id, "s" and the share's.
const char *call_viewer(struct call *c);
// DENIED when the project wants this viewer's name in every picture: for pictures that are kept
// without.
MUST_CHECK bool call_unburnt(struct call *c, struct error *err);
// Versions of one project as the caller may see them: with derived files that carry their name, or
// none of a picture, where the project wants that.
MUST_CHECK bool burn_versions(struct db_tx *tx, struct call *c, const char *project,
                              json_t *const *versions, size_t count, struct error *err);

// ---- link_routes.c
// A transfer was closed: when it came by a request, whoever made that is told, once.
bool request_received(struct call *c, struct error *err);

// A file was taken by a share's visitor: kept, once for each visit.
bool link_taken(struct call *c, const char *name, int64_t bytes, struct error *err);

// ---- link_zip.c
struct link_files_wish;
// Answers with an archive of them, by ranges. `name` is what it is saved as; `share` NULL: of none.
bool zip_answer(struct call *c, const struct link_files_wish *wish, const char *name,
                struct error *err);
// The same of a delivery's files.
bool zip_delivery(struct call *c, const char *delivery, const char *name, struct error *err);
struct link_file;
// What names the archive of these files: the same bytes, the same name.
const char *zip_name_of(struct arena *a, const struct link_file *list, size_t count);

// ---- media.c
struct media;
struct media *media_start(struct api *api);
void media_stop(struct media *m);
bool media_plan(struct api *api, const struct request *r, struct plan *p);

// ---- field_routes.c
// A condition of the query (?where=); NULL: none. The caller's.
bool where_of(struct call *c, json_t **where, struct error *err);

// ---- meter.c
struct stream;
// What moves bytes outside of a request counts against; NULL: nothing is limited here. Leave it.
struct stream *meter_stream(struct api *api, struct arena *a, const struct meter *m, bool in);
// The same for what comes into the call's transfer.
bool call_stream_in(struct call *c, struct stream **stream, struct error *err);

// ---- staging_routes.c: what a worker that shares no disk asks for and brings in a bulk session,
// with the rights of the attempt that each piece names (api/staged_words.h), looked up anew.
struct staged_piece;
// Holds of the attempt that `worker` has; *stream NULL: nothing is limited here. Leave it.
struct staged_by {
    const char *worker, *person, *who; // who: the person's name
};
bool staging_meter(struct api *api, struct arena *a, const struct staged_by *by,
                   const struct staged_piece *p, struct stream **stream, struct error *err);
// A chunk of what was made. Durable when it was the only one.
bool staging_take(struct api *api, struct arena *a, const char *worker,
                  const struct staged_piece *p, const void *at, size_t size, struct error *err);
// p->bytes of what is wanted, the caller's (free); `list`: contents of a pack.
bool staging_give(struct api *api, struct arena *a, const char *worker,
                  const struct staged_piece *p, const void *list, size_t list_size, char **bytes,
                  struct error *err);

// ---- events.c
struct events;
struct events *events_start(struct api *api, struct error *err);
void events_stop(struct events *e);
int events_viewers(struct events *e);
extern const struct route event_routes[];
extern const size_t event_route_count;

// ---- work_socket.c; only with the rooms jobs and flow
struct work;
struct work *work_start(struct api *api, struct error *err);
void work_rest(struct work *w); // gives and takes no more
void work_stop(struct work *w);

// ---- static.c, health.c
bool static_plan(struct api *api, const struct request *r, struct plan *p);
bool health_plan(struct api *api, const struct request *r, struct plan *p);
const char *media_base(struct api *api, const struct request *r, struct arena *a);

enum { FLIGHTS = 64, LATENCY_STEPS = 8 };
struct api_inside {
    struct media *media;
    struct events *events;
    struct work *work;       // NULL: none is handed out
    struct bulk_house *bulk; // NULL: no UDP
    struct shelves *shelves;
    struct runs *runs;
    struct server *server;
    pthread_mutex_t lock; // guards in_flight
    sha256 in_flight[FLIGHTS];
    bool flying[FLIGHTS];
    atomic_llong calls[6];                     // answers by class
    atomic_llong took[LATENCY_STEPS], took_us; // up to 1, 3, 10, 30, 100, 300, 1000 ms, longer
    atomic_llong started_ms;
};

// ---- device.c
// What asks, in a few words: "Firefox 128 on Windows". "" when it does not say.
const char *device_named(struct arena *a, const char *user_agent);

struct call_inside {
    struct request *r;
    const char *const *headers; // of a test
    const char *query;          // of a test
    const char *path;           // behind /api/v1
    const char *method;
    bool prepared, begun, answered;
    sha256 key, body_hash; // Idempotency-Key
    int flight;            // -1: none
    int64_t began_us;
};
bool call_prepare(struct call *c, struct error *err);
