// Comments, and links that let others see.
#include "api/inside.h"

#include "house/review/links.h"
#include "house/review/review.h"
#include "house/transfer/line.h"
#include "plat/clock.h"

#include <stdio.h>
#include <string.h>

struct work { // a handler's piece of work in the database
    struct call *c;
    json_t *json;
    struct share_wish share;
    id made;
    secret key;
    struct share_found found;
    const char *visit; // session of a visitor
};

static bool run(struct work *w, bool writing, bool (*work)(struct db_tx *, void *, struct error *),
                struct error *err)
{
    struct db *db = w->c->api->db;
    if (!(writing ? db_write(db, work, w, err) : db_read(db, work, w, err))) {
        json_decref(w->json);
        return false;
    }
    if (w->json)
        call_json(w->c, w->json);
    else
        call_status(w->c, 200);
    return true;
}

// The writer may run a piece of work twice: what the first run made must go.
static void fresh(struct work *w)
{
    json_decref(w->json);
    w->json = NULL;
}

static bool shown(struct db_tx *tx, struct call *c, struct error *err)
{
    bool shows = true;
    if (c->who.kind == WHO_SHARE && !share_shows(tx, c->who.share, c->asset, &shows, err))
        return false;
    if (shows)
        return true;
    error_set(err, ERROR_NOT_FOUND, "this is not shared any more");
    error_why(err, "it was deleted, or taken out of the link");
    return error_fix(err, "ask whoever sent you the link");
}

// ---- status of a version

static bool statuses_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return shown(tx, w->c, err) && status_list(tx, w->c->version, &w->json, err);
}

static bool statuses_get(struct call *c, struct error *err)
{
    return run(&(struct work){.c = c}, false, statuses_in, err);
}

static bool status_post_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    fresh(w);
    const char *note = body_text(w->c, "note"), *status = body_text(w->c, "status");
    return shown(tx, w->c, err) &&
           status_set(tx, w->c->version, &w->c->who, status, note ? note : "", &w->json, err) &&
           call_audit(w->c, tx, "version.status", w->c->version, status, err);
}

static bool status_post(struct call *c, struct error *err)
{
    if (!run(&(struct work){.c = c}, true, status_post_in, err))
        return false;
    call_status(c, 201);
    return true;
}

// ---- notes of the version before

static bool waiting_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    fresh(w);
    return shown(tx, w->c, err) && notes_left(tx, w->c->version, &w->c->who, &w->json, err);
}

static bool waiting_get(struct call *c, struct error *err)
{
    return run(&(struct work){.c = c}, false, waiting_in, err);
}

static bool place_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    fresh(w);
    return shown(tx, w->c, err) && notes_place(tx, w->c->version, body_text(w->c, "comment"),
                                               body_int(w->c, "frame", -1), &w->c->who, &w->json,
                                               err);
}

static bool place_post(struct call *c, struct error *err)
{
    return run(&(struct work){.c = c}, true, place_in, err);
}

// ---- comments

static bool comments_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return shown(tx, w->c, err) && comment_list(tx, w->c->asset, &w->c->who, &w->json, err);
}

static bool comments_get(struct call *c, struct error *err)
{
    return run(&(struct work){.c = c}, false, comments_in, err);
}

static bool comment_post_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    fresh(w);
    return shown(tx, w->c, err) &&
           comment_add(tx, w->c->asset, &w->c->who, w->c->body, &w->json, err);
}

static bool comment_post(struct call *c, struct error *err)
{
    if (!run(&(struct work){.c = c}, true, comment_post_in, err))
        return false;
    call_status(c, 201);
    return true;
}

static bool comment_patch_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    fresh(w);
    return shown(tx, w->c, err) &&
           comment_change(tx, w->c->comment, &w->c->who, w->c->may, w->c->body, &w->json, err);
}

static bool comment_patch(struct call *c, struct error *err)
{
    return run(&(struct work){.c = c}, true, comment_patch_in, err);
}

static bool comment_delete_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return shown(tx, w->c, err) &&
           comment_delete(tx, w->c->comment, &w->c->who, w->c->may, true, err);
}

static bool comment_remove(struct call *c, struct error *err)
{
    return run(&(struct work){.c = c}, true, comment_delete_in, err);
}

// ---- notes for and from editing programs

struct notes_work {
    struct call *c;
    struct notes_wish wish;
    struct notes_file file;
    text bytes;
    json_t *taken;
};

static bool notes_out_in(struct db_tx *tx, void *context, struct error *err)
{
    struct notes_work *w = context;
    return shown(tx, w->c, err) && notes_out(tx, &w->wish, w->c->arena, &w->file, err);
}

static bool notes_get(struct call *c, struct error *err)
{
    const char *version = call_query(c, "version"), *format = call_query(c, "format");
    const char *open = call_query(c, "open");
    struct notes_work w = {.c = c,
                           .wish = {.asset = c->asset,
                                    .version = version ? version : "",
                                    .format = format ? format : "csv",
                                    .open = open && strcmp(open, "1") == 0}};
    if (!db_read(c->api->db, notes_out_in, &w, err))
        return false;
    call_header_set(c, "Posthouse-Notes",
                    arena_format(c->arena, "count=%zu, halves=%zu, reworded=%zu", w.file.count,
                                 w.file.halves, w.file.reworded));
    call_saved_as(c, w.file.name);
    call_bytes(c, w.file.type, w.file.bytes, w.file.size);
    return true;
}

static bool notes_in_in(struct db_tx *tx, void *context, struct error *err)
{
    struct notes_work *w = context;
    json_decref(w->taken);
    w->taken = NULL;
    return shown(tx, w->c, err) &&
           notes_in(tx, &w->wish, w->bytes, &w->c->who, w->c->arena, &w->taken, err);
}

static bool notes_post(struct call *c, struct error *err)
{
    const char *bytes = json_string_value(body_field(c, "file"));
    struct notes_work w = {.c = c,
                           .wish = {.asset = c->asset,
                                    .version = body_text(c, "version"),
                                    .format = body_text(c, "format")},
                           .bytes = text_of(bytes)};
    if (!bytes)
        return error_set(err, ERROR_INPUT, "\"file\" must be the text of a file");
    if (!db_write(c->api->db, notes_in_in, &w, err)) {
        json_decref(w.taken);
        return false;
    }
    call_json(c, w.taken);
    return true;
}

// ---- shares

static bool shares_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return share_list(tx, w->c->project, &w->json, err);
}

static bool shares_get(struct call *c, struct error *err)
{
    return run(&(struct work){.c = c}, false, shares_in, err);
}

static bool share_post_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    fresh(w);
    return share_make(tx, &w->share, &w->made, &w->key, err) &&
           call_audit(w->c, tx, "share.make", w->made.text, w->share.title, err) &&
           share_get(tx, w->made.text, &w->json, err);
}

static bool ends_at(struct call *c, int64_t *at_ms, struct error *err)
{
    const char *expires = body_text(c, "expires");
    *at_ms = 0;
    if (!expires || clock_parse(text_of(expires), at_ms))
        return true;
    error_set(err, ERROR_INPUT, "the end of the share cannot be read");
    return error_fix(err, "write it as 2026-12-24T18:00:00Z");
}

// Guests get no more than whoever lets them in has: checked where rights are, not only on the page.
static bool may_give(struct call *c, const struct share_wish *wish, struct error *err)
{
    bool more = (strcmp(wish->permission, "comment") == 0 && !(c->may & MAY_COMMENT)) ||
                (wish->download && !(c->may & MAY_DOWNLOAD));
    if (!more)
        return true;
    error_set(err, ERROR_DENIED, "you cannot give a right that you do not have");
    error_why(err, "the share would allow more than your role does");
    return error_fix(err, "share without it, or ask an owner of the project");
}

static bool share_post(struct call *c, struct error *err)
{
    char stored[128];
    const char *password = body_text(c, "password"), *kind = body_text(c, "kind");
    bool files = kind && strcmp(kind, "files") == 0, request = kind && strcmp(kind, "request") == 0;
    if (request && !(c->may & MAY_UPLOAD))
        return call_denied(c, MAY_UPLOAD, err);
    struct work w = {.c = c,
                     .share = {.project = c->project,
                               .kind = kind ? kind : "review",
                               .folders = body_field(c, "folders"),
                               .most_uses = body_int(c, "most_uses", 0),
                               .message = body_text(c, "message"),
                               .wants = request ? body_field(c, "wants") : NULL,
                               .title = body_text(c, "title"),
                               .assets = body_field(c, "assets"),
                               .permission = body_text(c, "permission"),
                               .download = files || body_bool(c, "download", false),
                               .person = c->who.person}};
    if (!ends_at(c, &w.share.expires_ms, err) || !may_give(c, &w.share, err))
        return false;
    if (password && *password) {
        if (!password_acceptable(password, "", "", err) ||
            !people_password_hash(c->api->people, password, stored, err))
            return false;
        w.share.password_hash = stored;
    }
    if (!run(&w, true, share_post_in, err))
        return false;
    json_object_set_new(w.json, "url", json_text(arena_format(c->arena, "/s/%s", w.key.text)));
    call_header_set(c, "Cache-Control", "no-store");
    call_status(c, 201);
    return true;
}

static bool share_delete_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return share_revoke(tx, w->c->share, err) &&
           call_audit(w->c, tx, "share.revoke", w->c->share, NULL, err);
}

static bool share_remove(struct call *c, struct error *err)
{
    if (!run(&(struct work){.c = c}, true, share_delete_in, err))
        return false;
    people_changed(c->api->people); // its visitors' connections end now
    if (c->api->wish.rooms.line)    // and what they send or take stops
        traffic_cut(line_traffic(c->api->wish.rooms.line),
                    arena_format(c->arena, "link %s", c->share));
    call_json(c, json_object());
    return true;
}

// ---- coming in by a link

static bool find_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return share_find(tx, body_text(w->c, "key"), w->c->arena, &w->found, err);
}

static bool used_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    // A request is used when files are sent, not when it is looked at.
    return (strcmp(w->found.kind, "request") == 0 || share_used(tx, w->found.id, err)) &&
           share_refresh(tx, w->found.id, err) &&
           audit_add(tx, NULL, w->c->address, "share.open", w->found.id, NULL, err);
}

static bool refresh_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return share_refresh(tx, w->found.id, err);
}

static bool opened_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return link_use_add(tx,
                        &(struct link_use){.share = w->found.id,
                                           .session = w->visit,
                                           .name = body_text(w->c, "name"),
                                           .address = w->c->address,
                                           .act = "opened"},
                        NULL, err);
}

static bool password_right(struct call *c, const struct share_found *found, struct error *err)
{
    bool right = true;
    const char *password = body_text(c, "password");
    if (!found->password_hash)
        return true;
    if (password && *password &&
        !people_link_password(c->api->people, found->id, found->password_hash, password, c->address,
                              &right, err)) {
        if (err->kind == ERROR_TOO_MANY) // it was not looked at
            people_guess_right(c->api->people, c->address);
        return false;
    }
    if (password && *password && right)
        return true;
    bool asked = password && *password;
    if (!asked) // who only knocks has guessed nothing
        people_guess_right(c->api->people, c->address);
    error_set(err, ERROR_PASSWORD, asked ? "this is not the password" : "a password is needed");
    error_why(err, "the link to %s is kept by a password", found->title);
    return error_fix(err, "ask whoever sent you the link for it");
}

// The name is shown beside what the visitor says; without one it is asked for later.
static bool name_good(const char *name, struct error *err)
{
    text t = text_of(name);
    bool good = t.size <= 100;
    for (size_t i = 0; i < t.size; i++)
        good = good && (unsigned char)t.at[i] >= ' ' && t.at[i] != 0x7f;
    if (good)
        return true;
    error_set(err, ERROR_INPUT, "this name cannot be used");
    error_why(err, "a name is one line of at most 100 bytes");
    return error_fix(err, "give a shorter one");
}

// The share as its visitors see it, for somebody of the project who looks at the link.
static bool seen_in(struct db_tx *tx, void *context, struct error *err)
{
    struct work *w = context;
    return share_seen(tx, w->found.id, w->c->who.name, &w->json, err);
}

// Whoever may view the project anyway stays who they are: nobody is logged out by their own link.
static bool open_as_person(struct call *c, struct work *w, struct error *err)
{
    if (!db_read(c->api->db, seen_in, w, err) || !call_me(c, &c->who, err)) {
        json_decref(w->json);
        return false;
    }
    json_object_set_new(c->reply.json, "share", w->json);
    return true;
}

static bool share_open(struct call *c, struct error *err)
{
    struct work w = {.c = c};
    struct session_made made;
    struct who who;
    unsigned may = 0;
    const char *name = body_text(c, "name");
    int wait_s = people_guess(c->api->people, c->address);
    if (wait_s > 0) {
        error_set(err, ERROR_TOO_MANY, "too many tries");
        error_why(err, "from your address came too many keys or passwords that were wrong");
        return error_fix(err, "try again in %s", time_text(wait_s).text);
    }
    if (!name_good(name ? name : "", err) || !db_read(c->api->db, find_in, &w, err))
        return false;
    // Coming back, as when the page is loaded again: still the same visitor, whose comments are
    // theirs.
    bool back = c->who.kind == WHO_SHARE && strcmp(c->who.share, w.found.id) == 0;
    if (c->who.kind == WHO_PERSON && !call_may(c, w.found.project, &may, err))
        return false;
    if (back || may & MAY_VIEW) {
        people_guess_right(c->api->people, c->address);
        if (!db_write(c->api->db, refresh_in, &w, err))
            return false;
        return back ? call_me(c, &c->who, err) : open_as_person(c, &w, err);
    }
    if (!password_right(c, &w.found, err))
        return false;
    people_guess_right(c->api->people, c->address);
    if (c->who.by_cookie && !people_logout(c->api->people, &c->who, err))
        return false;
    struct entry from = {c->address, c->who.device, NULL};
    w.visit = made.session;
    if (!db_write(c->api->db, used_in, &w, err) ||
        !people_visit(c->api->people, w.found.id, name ? name : "", w.found.expires_ms, &from,
                      &made, err) ||
        !db_write(c->api->db, opened_in, &w, err) ||
        !people_who(c->api->people, made.secret, true, c->arena, &who, err))
        return false;
    call_session(c, &made);
    return call_me(c, &who, err);
}

const struct route review_routes[] = {
    {"GET", "/versions/{version}/waiting-notes", MAY_VIEW, waiting_get, NULL, "NoteWaiting[]", 0,
     "notes of the version before whose frame is not in this one", NULL},
    {"POST", "/versions/{version}/waiting-notes", MAY_COMMENT, place_post, "NotePlace", "Comment", 0,
     "places one of them on a frame, or leaves it where it is", NULL},
    {"GET", "/assets/{asset}/comments", MAY_VIEW, comments_get, NULL, "Comment[]", 0,
     "comments in order of frame, replies behind their parent", NULL},
    {"POST", "/assets/{asset}/comments", MAY_COMMENT, comment_post, "NewComment", "Comment", 0,
     "says something about a frame or a range", NULL},
    {"PATCH", "/comments/{comment}", MAY_COMMENT, comment_patch, "CommentChange", "Comment", 0,
     "its author changes what it says; anybody with comment resolves it; deleted:false undoes",
     NULL},
    {"DELETE", "/comments/{comment}", MAY_COMMENT, comment_remove, NULL, NULL, 0,
     "its author or a manager deletes it", NULL},
    {"GET", "/versions/{version}/statuses", MAY_VIEW, statuses_get, NULL, "VersionStatus[]", 0,
     "what people decided about it, newest first", NULL},
    {"POST", "/versions/{version}/statuses", MAY_COMMENT, status_post, "NewVersionStatus",
     "VersionStatus", 0, "decides: in review, changes asked, approved", NULL},
    {"GET", "/assets/{asset}/notes", MAY_VIEW, notes_get, NULL, "bytes", 0,
     "the comments of ?version= as a file for an editing program: ?format=resolve-edl, avid, "
     "xmeml, "
     "fcpxml, otio, csv; open=1: without those resolved",
     NULL},
    {"POST", "/assets/{asset}/notes", MAY_COMMENT, notes_post, "NewNotes", "NotesTaken", 0,
     "comments out of a file of an editing program; those there already are not made again", NULL},
    {"GET", "/projects/{project}/shares", MAY_SHARE, shares_get, NULL, "Share[]", 0,
     "links out of the project", NULL},
    {"POST", "/projects/{project}/shares", MAY_SHARE, share_post, "NewShare", "Share", 0,
     "makes a link; its url is shown this once", NULL},
    {"DELETE", "/shares/{share}", MAY_SHARE, share_remove, NULL, NULL, 0,
     "takes a link back; whoever is in is out at once", NULL},
    {"POST", "/shares/open", NEED_PUBLIC, share_open, "ShareOpen", "Me", 0,
     "comes in by a link: a session for its assets", NULL},
};
const size_t review_route_count = sizeof(review_routes) / sizeof(review_routes[0]);
