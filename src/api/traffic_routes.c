// What moves, how fast it may, and how much may come.
#include "api/inside.h"

#include "house/transfer/line.h"
#include "house/transfer/transfer.h"
#include "plat/clock.h"

#include <string.h>

enum { GRAPH_S = 300, COUNTED_MOST = 100 };

static struct line *line_of(struct call *c)
{
    return c->api->wish.rooms.line;
}

static bool no_line(struct error *err)
{
    return error_set(err, ERROR_UNSUPPORTED, "this house counts no traffic");
}

// ---- now

static json_t *graph(struct traffic *t, enum traffic_way way)
{
    int64_t bytes[GRAPH_S];
    json_t *list = json_array();
    traffic_line(t, way, bytes, GRAPH_S);
    for (int i = 0; i < GRAPH_S; i++)
        json_array_append_new(list, json_integer(bytes[i]));
    return list;
}

// May the caller see it (change it)? Administrators all; members what is of their projects; what
// somebody sends, they may change themselves.
static bool may_touch(struct call *c, const struct stream_seen *s, bool change, bool *may,
                      struct error *err)
{
    unsigned rights = 0;
    *may = c->who.admin;
    if (*may || !*s->project)
        return true;
    if (!call_may(c, s->project, &rights, err))
        return false;
    bool own = c->who.name && strcmp(s->who, c->who.name) == 0 && rights & MAY_VIEW;
    *may = own || rights & (change ? MAY_MANAGE : MAY_UPLOAD);
    return true;
}

// How long an upload is, is known by its files.
static int64_t total_of(struct call *c, const struct stream_seen *s, int64_t *done)
{
    struct transfer t;
    struct error none;
    *done = s->moved_bytes;
    if (s->way != TRAFFIC_IN || strcmp(s->kind, "upload") != 0 || !*s->subject ||
        !transfer_get(c->api->wish.rooms.transfer, s->subject, c->arena, &t, &none))
        return s->total_bytes;
    // What is durable is told piece by piece; what has moved is nearer to now.
    int64_t moved = s->moved_bytes < t.bytes ? s->moved_bytes : t.bytes;
    *done = t.bytes_done > moved ? t.bytes_done : moved;
    return t.bytes;
}

static json_t *stream_json(struct call *c, const struct stream_seen *s, bool counted)
{
    int64_t done = s->moved_bytes, total = counted ? total_of(c, s, &done) : s->total_bytes;
    int64_t left = total > done && s->bytes_s > 0 ? (total - done) / s->bytes_s : -1;
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:i, s:i, s:b, s:b, s:s}",
        "id", s->id, "kind", s->kind, "way", s->way == TRAFFIC_IN ? "in" : "out", "subject",
        s->subject, "title", json_text(s->title), "who", json_text(s->who), "project",
        *s->project ? json_string(s->project) : json_null(), "total", (json_int_t)total, "done",
        (json_int_t)done, "bytes_s", (json_int_t)s->bytes_s, "peak_bytes_s",
        (json_int_t)s->peak_bytes_s, "left_s", left >= 0 ? json_integer(left) : json_null(),
        "began", json_time(s->began_ms), "moved", json_time(s->moved_ms), "priority", s->priority,
        "requests", s->joined, "paused", s->paused, "moving", s->moving, "via", s->via);
}

static bool traffic_get(struct call *c, struct error *err)
{
    struct stream_seen *list;
    size_t count, counted = 0;
    const char *project = call_query(c, "project");
    if (!line_of(c))
        return no_line(err);
    struct traffic *t = line_traffic(line_of(c));
    traffic_list(t, c->arena, &list, &count);
    json_t *streams = json_array();
    for (size_t i = 0; i < count; i++) {
        bool may = false, playback = strcmp(list[i].kind, "playback") == 0;
        if ((project && strcmp(project, list[i].project) != 0) || (playback && !list[i].bytes_s))
            continue;
        if (!may_touch(c, &list[i], false, &may, err)) {
            json_decref(streams);
            return false;
        }
        if (may)
            json_array_append_new(streams, stream_json(c, &list[i], counted++ < COUNTED_MOST));
    }
    call_json(c, json_pack("{s:o, s:o, s:o, s:I, s:I}", "streams", streams, "in",
                           graph(t, TRAFFIC_IN), "out", graph(t, TRAFFIC_OUT), "in_cap",
                           (json_int_t)traffic_cap_of(t, "line", TRAFFIC_IN), "out_cap",
                           (json_int_t)traffic_cap_of(t, "line", TRAFFIC_OUT)));
    call_header_set(c, "Cache-Control", "no-store");
    return true;
}

static bool stream_patch(struct call *c, struct error *err)
{
    struct stream_seen *list, *found = NULL;
    size_t count;
    bool may = false;
    json_t *paused = body_field(c, "paused");
    int64_t priority = body_int(c, "priority", -1);
    if (!line_of(c))
        return no_line(err);
    struct traffic *t = line_traffic(line_of(c));
    if (priority > 100 || priority < -1)
        return error_set(err, ERROR_INPUT, "a priority is 0 to 100; 50 is the usual one");
    traffic_list(t, c->arena, &list, &count);
    for (size_t i = 0; i < count && !found; i++)
        if (strcmp(list[i].id, c->stream) == 0)
            found = &list[i];
    if (found && !may_touch(c, found, false, &may, err))
        return false;
    if (!found || !may) {
        error_set(err, ERROR_NOT_FOUND, "this transfer does not move any more");
        return error_fix(err, "look at the history");
    }
    if (!may_touch(c, found, true, &may, err))
        return false;
    if (!may)
        return call_denied(c, MAY_MANAGE, err);
    bool pause = paused ? json_is_true(paused) : found->paused;
    if (!line_order(line_of(c), found->key, (int)(priority >= 0 ? priority : found->priority),
                    pause, clock_now_ms(), err))
        return false;
    traffic_change(t, c->stream, (int)priority, paused ? json_is_true(paused) : -1);
    found->priority = priority >= 0 ? (int)priority : found->priority;
    found->paused = paused ? json_is_true(paused) : found->paused;
    call_json(c, stream_json(c, found, true));
    return true;
}

// ---- the history

struct work {
    struct call *c;
    json_t *json;
    id made;
    int limit;
};

static bool moves_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return move_list(tx, w->c->project, call_query(w->c, "before"), w->limit, &w->json, err);
}

static bool moves_get(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    if (!call_limit(c, &w.limit, err) || !db_read(c->api->db, moves_in, &w, err))
        return false;
    call_json(c, w.json);
    return true;
}

// ---- caps

static bool caps_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return cap_list(tx, clock_now_ms(), &w->json, err);
}

static const char *said(const json_t *cap, const char *name)
{
    return json_string_value(json_object_get(cap, name));
}

// Rows of one scope and subject share what was counted.
static void add_counted(struct call *c, json_t *caps)
{
    size_t i;
    json_t *cap;
    json_array_foreach(caps, i, cap)
    {
        const char *subject = said(cap, "subject");
        const char *bucket = arena_format(c->arena, "%s%s%s", said(cap, "scope"),
                                          *subject ? " " : "", subject);
        struct traffic *t = line_of(c) ? line_traffic(line_of(c)) : NULL;
        json_object_set_new(cap, "in_bytes",
                            json_integer(t ? traffic_counted(t, bucket, TRAFFIC_IN) : 0));
        json_object_set_new(cap, "out_bytes",
                            json_integer(t ? traffic_counted(t, bucket, TRAFFIC_OUT) : 0));
    }
}

static bool caps_get(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    if (!db_read(c->api->db, caps_in, &w, err))
        return false;
    add_counted(c, w.json);
    call_json(c, w.json);
    return true;
}

// They count at once, for what is on its way too.
static bool caps_changed(struct call *c, struct error *err)
{
    return (!line_of(c) || line_turn(line_of(c), clock_now_ms(), err)) && caps_get(c, err);
}

static bool cap_post_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    struct call *c = w->c;
    const char *subject = body_text(c, "subject");
    struct cap_wish wish = {.scope = body_text(c, "scope"),
                            .subject = subject ? subject : "",
                            .in_bits = body_int(c, "in_bits", 0),
                            .out_bits = body_int(c, "out_bits", 0),
                            .days = (int)body_int(c, "days", 127),
                            .from_minute = (int)body_int(c, "from", 0),
                            .to_minute = (int)body_int(c, "to", 0)};
    return cap_add(tx, &wish, &w->made, err) &&
           call_audit(c, tx, "cap.add", wish.subject, wish.scope, err);
}

static bool cap_post(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    return db_write(c->api->db, cap_post_in, &w, err) && caps_changed(c, err);
}

static bool cap_delete_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return cap_drop(tx, w->c->cap, err) &&
           call_audit(w->c, tx, "cap.drop", w->c->cap, NULL, err);
}

static bool cap_delete(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    return db_write(c->api->db, cap_delete_in, &w, err) && caps_changed(c, err);
}

// ---- quotas

static bool quotas_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return quota_list(tx, &w->json, err);
}

static bool quotas_get(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    if (!db_read(c->api->db, quotas_in, &w, err))
        return false;
    call_json(c, w.json);
    return true;
}

static bool quota_put_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    const char *subject = body_text(w->c, "subject"), *scope = body_text(w->c, "scope");
    return quota_set(tx, scope, subject ? subject : "", body_int(w->c, "bytes", 0), err) &&
           call_audit(w->c, tx, "quota.set", subject, scope, err);
}

static bool quota_put(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    return db_write(c->api->db, quota_put_in, &w, err) && quotas_get(c, err);
}

const struct route traffic_routes[] = {
    {"GET", "/traffic", NEED_PERSON, traffic_get, NULL, "Traffic", 0,
     "what moves now, and bytes a second of the line in the last five minutes; ?project=", NULL},
    {"PATCH", "/traffic/{stream}", NEED_PERSON, stream_patch, "StreamChange", "TrafficStream", 0,
     "pauses it, lets it go on, or before or behind others", NULL},
    {"GET", "/traffic/history", NEED_ADMIN, moves_get, NULL, "TrafficMove[]", 0,
     "what has moved, newest first; ?before=ID", NULL},
    {"GET", "/projects/{project}/traffic", MAY_UPLOAD, moves_get, NULL, "TrafficMove[]", 0,
     "what has moved of a project, newest first; ?before=ID", NULL},
    {"GET", "/caps", NEED_ADMIN, caps_get, NULL, "Cap[]", 0, "limits of bits a second", NULL},
    {"POST", "/caps", NEED_ADMIN, cap_post, "NewCap", "Cap[]", 0,
     "adds one, with the hours in which it holds; it counts at once", NULL},
    {"DELETE", "/caps/{cap}", NEED_ADMIN, cap_delete, NULL, "Cap[]", 0, "takes one away", NULL},
    {"GET", "/quotas", NEED_ADMIN, quotas_get, NULL, "Quota[]", 0,
     "how much may be brought in, and what of it is used", NULL},
    {"PUT", "/quotas", NEED_ADMIN, quota_put, "NewQuota", "Quota[]", 0,
     "sets one; 0 bytes: none any more", NULL},
};
const size_t traffic_route_count = sizeof(traffic_routes) / sizeof(traffic_routes[0]);
