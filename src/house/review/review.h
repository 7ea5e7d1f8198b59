/*
 * house/review: what people say about a picture, and links that let others see it.
 *
 * A comment sits on a frame of a version, or on a range from frame to end_frame, both in it.
 * Frames are counted from 0 at the version's rate; the timecode beside it is made from the
 * version's facts when it is shown. A comment may have a drawing, in picture coordinates, and
 * replies, which have none themselves. Its id is made by whoever writes it: sending it again, after
 * a line was cut, changes nothing. Deleting keeps it, so that it can be brought back.
 *
 * A share is a link to some assets of a project, for people without an account. Its key is shown
 * once and kept hashed.
 *
 * Things come as JSON in the API's shapes. `who` is whoever asks; whether they may was checked by
 * the caller, but that a text is changed by its author only, and deleted by its author or a
 * manager, is checked here.
 */
#pragma once
#include "db/db.h"
#include "formats/prints/prints.h"
#include "house/people/people.h"
#include "plat/ids.h"

#include <jansson.h>

enum {
    COMMENT_TEXT_MAX = 10000,   // bytes
    COMMENTS_MAX = 10000,       // of one asset
    STROKES_MAX = 200,          // of one drawing
    DRAWING_NUMBERS_MAX = 30000 // x, y, pressure of all its points
};

// A drawing as sent: tools, colours (#rrggbb), widths and points within bounds. INPUT names the
// stroke and the rule.
MUST_CHECK bool drawing_acceptable(const json_t *drawing, struct error *err);

// Comment[] in order of frame, then of writing; replies right behind their parent. Replies to a
// deleted comment are not shown. `who` may be NULL: then nothing is `mine`.
MUST_CHECK bool comment_list(struct db_tx *tx, const char *asset, const struct who *who,
                             json_t **list, struct error *err);
// Also a deleted one.
MUST_CHECK bool comment_get(struct db_tx *tx, const char *comment, const struct who *who,
                            json_t **json, struct error *err);
// `wish` is a NewComment. Event comment.made with the Comment as its body. INPUT when the frames
// are not in the version; CONFLICT when the id is another's.
MUST_CHECK bool comment_add(struct db_tx *tx, const char *asset, const struct who *who,
                            const json_t *wish, json_t **made, struct error *err);
// `change` is a CommentChange. DENIED for another's text; `may` are the caller's permissions.
// Event comment.changed.
MUST_CHECK bool comment_change(struct db_tx *tx, const char *comment, const struct who *who,
                               unsigned may, const json_t *change, json_t **changed,
                               struct error *err);
// deleted false brings it back. By its author or a manager. Events comment.deleted,
// comment.changed.
MUST_CHECK bool comment_delete(struct db_tx *tx, const char *comment, const struct who *who,
                               unsigned may, bool deleted, struct error *err);
// Sets comments and open_comments (those not resolved; replies count as comments only) in each
// Asset of a list.
MUST_CHECK bool comments_count(struct db_tx *tx, json_t *const *assets, size_t count,
                               struct error *err);
// A comment that was written at another house, as it is there. Its author is a name here, nobody's
// account. Event comment.made. INPUT for a text or a drawing that no comment has.
struct comment_brought {
    const char *id, *asset, *version, *parent; // parent NULL: none
    int64_t frame, end_frame;                  // end_frame -1: none
    const char *text, *name;
    const json_t *drawing; // NULL: none
    bool resolved;
    const char *resolved_by;
    int64_t created_ms, edited_ms; // edited_ms 0: never
    int64_t resolved_ms, deleted_ms; // when that it is resolved, or deleted, last changed; 0: never
};
MUST_CHECK bool comment_bring(struct db_tx *tx, const struct comment_brought *c, struct error *err);
// The same comes again: what its author changed there later (`words`), and that it was resolved,
// opened again or brought back there later than here, is taken over. *changed: something was. Event
// comment.changed.
MUST_CHECK bool comment_bring_again(struct db_tx *tx, const char *comment, bool words,
                                    const struct comment_brought *c, bool *changed,
                                    struct error *err);
// It was deleted there; here too, unless it was brought back here later. Event comment.deleted.
MUST_CHECK bool comment_bring_gone(struct db_tx *tx, const char *comment, int64_t deleted_ms,
                                   bool *changed, struct error *err);
// Decisions about a version from another house, in order; those that are here already (by what,
// why and when) are left. *added: how many were new; the last one by its time is what counts.
struct decision_brought {
    const char *status, *name, *note;
    int64_t at_ms;
};
MUST_CHECK bool decisions_bring(struct db_tx *tx, const char *version,
                                const struct decision_brought *list, size_t count, int64_t *added,
                                struct error *err);
// "01:00:10;12" of a frame by facts (shape Facts or NULL): hours to milliseconds when they have
// samples, "frame 12" when they have no rate.
short_text comment_label(const json_t *facts, int64_t frame);

// ---- Notes: comments for and from editing programs (formats/notes)

struct notes_wish {
    const char *asset, *version;
    const char *format; // "resolve-edl", "avid", "xmeml", "fcpxml", "otio", "csv"
    bool open;          // out: only those not resolved
};
struct notes_file {
    const char *bytes, *type, *name; // in the arena
    size_t size, count;              // count: notes in it
    size_t halves, reworded;         // that lost something (formats/notes/notes.h)
};
// The comments on one version, a thread a note. NOT_FOUND, INPUT (format), CONFLICT (no counting).
MUST_CHECK bool notes_out(struct db_tx *tx, const struct notes_wish *wish, struct arena *a,
                          struct notes_file *file, struct error *err);
// Adds what is not there yet, all or nothing: NotesTaken. Who wrote them stands before the words.
MUST_CHECK bool notes_in(struct db_tx *tx, const struct notes_wish *wish, text bytes,
                         const struct who *who, struct arena *a, json_t **answer,
                         struct error *err);

// ---- Notes of the version before, carried to a new one (carry.c)

// Has the version before notes that are not resolved, and were they not carried yet?
MUST_CHECK bool notes_carry_wanted(struct db_tx *tx, const char *version, bool *wanted,
                                   struct error *err);
// Carries them, once: to the frame of the same timecode when both versions state it and the picture
// does not say otherwise, else to the frame that looks the same. Prints (count 0: none) are of the
// version before and of this one. What has no place is listed. Event comments.carried.
MUST_CHECK bool notes_carry(struct db_tx *tx, const char *version, const struct prints *before,
                            const struct prints *now, int64_t *carried, struct error *err);
// NoteLeft[]: those that have no place in this version, and why.
MUST_CHECK bool notes_left(struct db_tx *tx, const char *version, const struct who *who,
                           json_t **list, struct error *err);
// Puts one of them on a frame by hand; frame -1: it stays on its own version. Comment.
MUST_CHECK bool notes_place(struct db_tx *tx, const char *version, const char *comment,
                            int64_t frame, const struct who *who, json_t **made,
                            struct error *err);

// ---- Status of a version: none, review, changes, approved

// VersionStatus[], newest first: every decision stays.
MUST_CHECK bool status_list(struct db_tx *tx, const char *version, json_t **list,
                            struct error *err);
// Events version.status, asset.changed. CONFLICT when nothing would be new.
MUST_CHECK bool status_set(struct db_tx *tx, const char *version, const struct who *who,
                           const char *status, const char *note, json_t **made, struct error *err);

// ---- Shares

// What a link is for: to look and comment ("review"), to take files away ("files"), to bring files
// in ("request": see house/review/links.h).
struct share_wish {
    const char *project, *title;
    const char *kind;          // NULL: review
    const json_t *assets;      // id[] of the project
    const json_t *folders;     // id[] of the project, "" for its top; NULL: none
    const char *permission;    // "view", "comment"
    bool download;
    int64_t expires_ms;        // 0: never
    int64_t most_uses;         // visits; of a request: times that files are sent. 0: any number
    const char *message;       // for the visitor; "" for none
    const json_t *wants;       // of a request: RequestWants
    const char *password_hash; // people_password_hash; NULL: none
    const char *person;        // who makes it
};
// `key` is what the link ends with. Event share.made.
MUST_CHECK bool share_make(struct db_tx *tx, const struct share_wish *wish, id *made, secret *key,
                           struct error *err);
// Share, without url.
MUST_CHECK bool share_get(struct db_tx *tx, const char *share, json_t **json, struct error *err);
// ShareSeen: what its visitors get, without assets that were deleted. `name` may be NULL.
MUST_CHECK bool share_seen(struct db_tx *tx, const char *share, const char *name, json_t **json,
                           struct error *err);
// Share[], newest first.
MUST_CHECK bool share_list(struct db_tx *tx, const char *project, json_t **list, struct error *err);
// Again is fine. Event share.revoked; the caller tells people_changed.
MUST_CHECK bool share_revoke(struct db_tx *tx, const char *share, struct error *err);

struct share_found {
    const char *id, *project, *title, *kind;
    const char *password_hash; // NULL: none is needed
    int64_t expires_ms;
};
// By the key of a link. NOT_FOUND, REVOKED, EXPIRED say why not. The password is the caller's to
// check.
MUST_CHECK bool share_find(struct db_tx *tx, const char *key, struct arena *a,
                           struct share_found *found, struct error *err);
// Somebody comes in, or sends files: counted, and EXPIRED when it was used as often as it may be.
MUST_CHECK bool share_used(struct db_tx *tx, const char *share, struct error *err);
// What is in its folders now is what it holds now. Call it before visitors look at a list.
MUST_CHECK bool share_refresh(struct db_tx *tx, const char *share, struct error *err);
// The share holds the asset, and it is not deleted.
MUST_CHECK bool share_shows(struct db_tx *tx, const char *share, const char *asset, bool *shows,
                            struct error *err);
