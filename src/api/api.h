/*
 * api: the house's door. A table of routes; for each one who may, what goes in, what comes out.
 *
 * A routes file is a table and its handlers. Before a handler runs, the api has found out who asks,
 * looked up the thing named in the path and its project, checked the permission (404 when the
 * caller may not even view it, 403 when only this is not allowed), the CSRF header, and the body
 * against its shape. A handler therefore only asks its room and answers with JSON:
 *
 *   static bool comment_list(struct call *c, struct error *err)
 *   {
 *       ... comments_of(c->api->db, c->asset, ...) ...
 *       call_json(c, list);
 *       return true;
 *   }
 *   const struct route review_routes[] = {
 *       {"GET", "/assets/{asset}/comments", MAY_VIEW, comment_list, NULL, "Comment[]", 0,
 *        "comments in order of frame"}, ...
 *
 * A false from a handler becomes a Problem with the status of the error's kind.
 */
#pragma once
#include "base/arena.h"
#include "base/config.h"
#include "db/db.h"
#include "house/people/people.h"
#include "wire/address.h"
#include "wire/bulk/bulk.h"
#include "wire/server.h"
#include "wire/socket.h"

#include <jansson.h>

struct call;
struct seal;
struct sign_key;
struct store;

// ---- What a route needs: one of `enum permission` (in the project of the thing in its path), or
enum {
    NEED_PUBLIC = 1 << 8,   // anybody
    NEED_PERSON = 1 << 9,   // somebody logged in (a token of scope all or read counts)
    NEED_VISITOR = 1 << 10, // a person or a share's visitor
    NEED_ADMIN = 1 << 11,
    NEED_WORKER = 1 << 12, // a token of scope worker
};

// ---- Flags of a route
enum {
    // A body that is not JSON: `stream` gets its pieces (wire/server.h, BODY_STREAM).
    ROUTE_STREAM = 1 << 0,
    // The path names a project, and a share's visitor may call it too: the handler shows only what
    // the share holds (c->who.share).
    ROUTE_SHARES = 1 << 1,
    // A POST that changes nothing: read tokens may call it, no audit, no Idempotency-Key.
    ROUTE_READS = 1 << 2,
    // The path names a transfer or a file of one, and the visitor of a request by whose visit it
    // came may call it too.
    ROUTE_REQUESTS = 1 << 5,
    // Opens a WebSocket: the Origin is checked.
    ROUTE_SOCKET = 1 << 3,
    // Open to somebody who owes a second factor.
    ROUTE_ENROLS = 1 << 4,
};

struct stream_calls {
    int64_t limit; // bytes in all; 0: any
    // Optional, before the body is read; may answer already (call_status and so on, or false).
    bool (*begin)(struct call *c, struct error *err);
    bool (*piece)(struct call *c, const void *at, size_t size, struct error *err);
    void (*done)(struct call *c); // optional, exactly once when begin was called
};

struct route {
    const char *method;  // GET routes answer HEAD too, unless there is a HEAD route
    const char *pattern; // under /api/v1: "/assets/{asset}/comments"; names as in resolve.c
    unsigned need;
    bool (*handle)(struct call *c, struct error *err);
    const char *in;  // shape of the JSON body, NULL: none. Unknown fields were refused already
    const char *out; // "Comment", "Comment[]", "bytes", "socket", or NULL for {}
    unsigned flags;
    const char *summary;
    const struct stream_calls *stream; // with ROUTE_STREAM
};

// The tables that the api joins; each is in <name>_routes.c.
extern const struct route people_routes[], asset_routes[], transfer_routes[], job_routes[],
    review_routes[], delivery_routes[], work_routes[], renderer_routes[], staging_routes[],
    qc_routes[], sending_routes[];
extern const size_t people_route_count, asset_route_count, transfer_route_count, job_route_count,
    review_route_count, delivery_route_count, work_route_count, renderer_route_count,
    staging_route_count, qc_route_count, sending_route_count;
extern const struct route link_routes[], traffic_routes[];
extern const size_t link_route_count, traffic_route_count;
extern const struct route caption_routes[], record_routes[], tree_routes[], door_routes[];
extern const size_t caption_route_count, record_route_count, tree_route_count,
    door_route_count;
extern const struct route place_routes[];
extern const size_t place_route_count;
extern const struct route look_routes[];
extern const size_t look_route_count;
extern const struct route beside_routes[];
extern const size_t beside_route_count;
extern const struct route field_routes[];
extern const size_t field_route_count;
extern const struct route parcel_routes[];
extern const size_t parcel_route_count;
extern const struct route colour_routes[];
extern const size_t colour_route_count;

// ---- The api itself

struct api_wish {
    struct db *db;
    struct store *store;
    struct people *people;
    const struct config *config; // may be NULL in tests
    struct sockets *sockets;     // may be NULL in tests: then no sockets
    // Those of workers, whose messages may be large; NULL: the same as the others.
    struct sockets *work_sockets;
    const char *web_folder; // built page; NULL: none
    const char *house_name;
    const char *version;
    // "https://host:8481" of the media listener as browsers reach it; NULL: made from the request's
    // host and media_port.
    const char *media_base;
    int media_port;
    bool check_answers; // output shapes are checked: a mismatch is an internal error
    // Rooms that routes need and the api itself does not know; set before serving.
    struct {
        void *transfer, *jobs, *flow; // struct transfers, jobs, flow
        void *tree, *dav;             // struct tree, dav; dav NULL: no WebDAV
        void *places;                 // struct places; NULL: no media in place
        void *frames;                 // struct frames; NULL: none are made
        void *line;                   // struct line; NULL: nothing is counted or capped
        void *growers;                // struct growers; NULL: nothing is watched while it grows
    } rooms;
    const char *profiles_folder;  // of deliverables
    const char *rules_folder;     // of quality control
    const char *senders_folder;   // of programs that send; NULL: none
    const struct seal *seal;      // of secrets; NULL: none are kept
    bool mail;                    // a mail server is set
    const struct sign_key *sign;  // of receipts; NULL: none are signed
    const char *logs_folder;      // of the workers\' attempts; NULL: none are kept
    const char *scratch_folder;   // where what staged attempts make arrives; NULL: nothing may
    const char *house_folder;     // where no frames are brought; NULL: none
    const char *pictures_folder;  // of what attempts made; NULL: none are kept
    const char *renderers_folder; // what the farm can run, with job templates
    int64_t bulk_rate;            // bytes a second of one bulk session; 0: as the line can
};

struct api {
    struct api_wish wish; // as given
    struct db *db;
    struct store *store;
    struct people *people;
    const struct config *config;
    struct address_key key; // of signed addresses; kept in the database
    struct api_inside *inside;
};

MUST_CHECK struct api *api_open(const struct api_wish *wish, struct error *err);
// Gives workers nothing more and takes nothing; before the sockets are closed.
void api_rest(struct api *api);
void api_close(struct api *api); // after the server and sockets were closed; NULL is fine

// For struct server_wish; the context is the api. Listeners tagged "media" serve media only, all
// others the page, the API, health and (when there is no media listener) media too.
bool api_plan(void *api, const struct request *r, struct plan *p);
void api_problem(void *api, const struct request *r, int status, const struct error *err,
                 struct answer *a);
void api_decorate(void *api, const struct request *r, struct answer *a);
// Readiness for /health/ready and numbers for /metrics: the server, once it is open.
void api_server(struct api *api, struct server *server);

// ---- Bulk sessions (bulk_routes.c)
extern const struct route bulk_routes[];
extern const struct route watched_routes[];
extern const size_t watched_route_count;
extern const struct route growing_routes[];
extern const size_t growing_route_count;
extern const size_t bulk_route_count;
// Listens for UDP; without it the house is reached by HTTP only.
MUST_CHECK bool api_bulk_open(struct api *api, const char *address, int port, struct error *err);
void api_bulk_close(struct api *api); // before the rooms; NULL is fine

// ---- One request

enum reply_kind { REPLY_NONE, REPLY_JSON, REPLY_BYTES, REPLY_FILES, REPLY_PULL, REPLY_SOCKET };
struct reply { // filled by the call_ functions below
    enum reply_kind kind;
    int status;
    json_t *json;
    const char *type;
    const void *bytes;
    size_t size;
    struct file_answer files;
    struct pull_answer pull;
    const struct socket_calls *socket;
    void *socket_user;
    struct sockets *sockets; // NULL: the api's
    struct {
        const char *name, *value;
    } headers[16];
    size_t header_count;
};

struct call {
    struct api *api;
    const struct route *route;
    struct request *request; // NULL in tests without a server: use the functions below
    struct arena *arena;     // lives until the answer is gone
    struct who who;
    unsigned may;        // permissions in the project of the path's thing, 0 without one
    const char *address; // of the peer
    json_t *body;        // checked against route->in; borrowed; NULL without one
    // Ids from the path, NULL where it has none. project and asset are also those of the thing
    // named in the path (a version's asset, a comment's project, ...).
    const char *project, *asset, *version, *comment, *job, *folder, *transfer, *file, *share,
        *delivery, *report, *person, *token, *session, *worker, *destination, *sending, *hook, *notice, *rule, *stream, *cap, *place;
    const char *house, *parcel, *transform;
    const char *watched;
    int64_t number, task; // {number}, {task} of the path, -1 without one
    // Set by a handler that holds something until the answer is gone or the line was cut; called
    // once. A socket's context is freed here unless its `opened` was called (wire/server.h).
    void (*done)(struct call *c);
    void *own; // the handler's, for streams
    struct reply reply;
    struct call_inside *inside;
};

const char *call_header(struct call *c, const char *name); // NULL when absent
const char *call_query(struct call *c, const char *name);  // decoded; NULL when absent or empty

// ---- Answers
void call_json(struct call *c, json_t *take_over); // 200, or what call_status said
void call_status(struct call *c, int status);      // 201, 204: before or after
void call_header_set(struct call *c, const char *name, const char *value); // copied
void call_bytes(struct call *c, const char *type, const void *in_arena, size_t size);
void call_saved_as(struct call *c, const char *name); // a browser keeps it under this; NULL: shown
// The original bytes of something: ranges, ETag. `name` is what a browser saves it as, NULL: shown.
void call_files(struct call *c, const struct file_answer *f, const char *name);
void call_pull(struct call *c, const struct pull_answer *p, const char *name);
void call_socket(struct call *c, const struct socket_calls *calls, void *context);

// ---- Lists by cursor
// `limit` of the query: 100 unless given, 1..1000; false for anything else.
MUST_CHECK bool call_limit(struct call *c, int *limit, struct error *err);
// A cursor is what a handler made of the last row's keys: up to `count` texts, not readable from
// outside. Reads them from ?cursor=; *had false without one. INPUT when it is not ours.
MUST_CHECK bool call_cursor(struct call *c, const char **keys, size_t count, bool *had,
                            struct error *err);
// A new one, to answer as "cursor".
json_t *call_cursor_next(struct call *c, const char *const *keys, size_t count);

// ---- JSON in handlers
const char *body_text(struct call *c, const char *field); // NULL when absent or null
int64_t body_int(struct call *c, const char *field, int64_t none);
bool body_bool(struct call *c, const char *field, bool none);
json_t *body_field(struct call *c, const char *field); // NULL when absent or null
json_t *json_time(int64_t at_ms);                      // RFC 3339; null for 0
json_t *json_text(const char *t);                      // null for NULL; broken UTF-8 is mended
json_t *problem_json(const struct error *err);         // a Problem, for things that failed earlier

// ---- Rights in handlers that look at other things than the path's
MUST_CHECK bool call_may(struct call *c, const char *project, unsigned *may, struct error *err);
// true when the share of a visitor holds the asset; true for persons.
MUST_CHECK bool call_share_holds(struct call *c, const char *asset, bool *holds, struct error *err);
// DENIED with words for people.
bool call_denied(struct call *c, unsigned need, struct error *err);
MUST_CHECK bool call_audit(struct call *c, struct db_tx *tx, const char *action,
                           const char *subject, const char *detail, struct error *err);
// The bytes of this call's body that are still to come, or of its answer, count against the caps,
// and are seen as a transfer (meter.c). Texts may be NULL.
struct meter {
    const char *kind;    // "upload", "download", "zip", "playback"
    const char *key;     // the same one: the same transfer
    const char *title, *who, *subject;
    const char *project, *person, *share; // ids
    const char *via;                      // "udp"; NULL: by requests
    int64_t total_bytes; // -1: not known
    int priority;
};
void call_meter(struct call *c, const struct meter *m);
// For a piece of a file that comes in; `transfer` NULL: that of the file.
MUST_CHECK bool call_meter_in(struct call *c, const char *file, const char *transfer,
                              struct error *err);
// Of an answer without a call (media.c).
struct dav_move;
void api_dav_moves(void *api, struct request *r, const struct dav_move *m); // for dav_moves
void request_metered(struct api *api, struct request *r, const struct meter *m, bool in);
// Sets the cookie of a session just made, or takes it away (NULL).
void call_session(struct call *c, const struct session_made *made);
// The projects that `who` may view, as Project[] (asset_routes.c).
MUST_CHECK bool projects_json(struct call *c, const struct who *who, json_t **list,
                              struct error *err);
// The caller as Me, `who` being who it is from now on (after logging in).
MUST_CHECK bool call_me(struct call *c, const struct who *who, struct error *err);

// ---- Signed media addresses (media.c)
// An address on the media listener for whoever this call is from; ends with the rights of that
// person or share, at the latest after 12 to 13 hours; the same for an hour, so that it is cached.
// `content` is the SHA-256 content of a stored file; for a file that grows, a path below a folder
// given by api_media_folder. In the arena.
const char *media_address(struct call *c, const char *project, const char *content, int64_t size,
                          const char *name);
const char *media_growing(struct call *c, const char *project, const char *path, const char *name);
// Of a stored file that carries the viewer's name, or no picture: the two above are refused to whom
// the project wants that of. And of a file below that folder that was made for this viewer.
const char *media_burnt(struct call *c, const char *project, const char *content,
                        const char *name);
const char *media_made(struct call *c, const char *project, const char *path, const char *name);
// How bytes of a content are opened: gives runs (with descriptors) that `release` closes; may wait.
// From the store unless another is set, before serving.
typedef bool media_open(void *context, const char *content, struct arena *a, struct file_answer *f,
                        struct error *err);
void api_media_opener(struct api *api, media_open *open, void *context);
void api_media_folder(struct api *api, const char *scratch_folder); // growing files lie below

// The OpenAPI 3.1 document of all routes.
void api_openapi(struct buf *out, const char *version);
void api_reference(struct buf *out); // all routes as a Markdown table

// A body from outside: JSON within the limits, of this shape; NULL with the reason. The caller's.
json_t *api_body_read(const char *shape, text body, struct error *err);

// ---- Tests
struct test_answer {
    int status;
    const char *type;
    char *text; // the body; "" when it is not JSON or bytes
    json_t *json;
    const char *cookie; // the session's secret when one was set
    struct arena *arena;
};
// A call without sockets. headers: "Name: value" lines, NULL-ended; may be NULL. body may be NULL.
// Close with test_answer_free.
struct test_answer api_call_for_test(struct api *api, const char *method, const char *path,
                                     const char *const *headers, const char *body);
// Only what comes before the handler (who, permission, CSRF): 200 or the problem's status. The path
// is behind /api/v1.
int api_prepare_for_test(struct api *api, const struct route *route, const char *path,
                         const char *const *headers);
// The same, and then the handler of a GET.
int api_run_for_test(struct api *api, const struct route *route, const char *path,
                     const char *const *headers);
// All routes in turn; NULL behind the last.
const struct route *api_route(size_t index);
void test_answer_free(struct test_answer *t);
