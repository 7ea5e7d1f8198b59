/*
 * house/review/links: what links carry (house/review makes them): files that go out by them, files
 * that come in, how they look, and who has used them.
 *
 * A request is a link by which somebody without an account sends files. It says where they go and
 * what may come, and asks questions whose answers stay with what came (RequestWants):
 *
 *   {"folder": id, "most_bytes": 0, "types": ["mov", "wav"],
 *    "fields": [{"name": "Scene", "kind": "text", "required": true, "choices": []}]}
 */
#pragma once
#include "house/review/review.h"
#include "plat/hash.h"

enum {
    REQUEST_FIELDS_MAX = 20,
    REQUEST_CHOICES_MAX = 50,
    REQUEST_TYPES_MAX = 50,
    REQUEST_ANSWER_MAX = 2000, // bytes
    BRAND_LOGO_MAX = 300000,   // bytes of its data: address
    LINK_FILES_MAX = 200000,
};

// ---- Files that go out

struct link_file {
    const char *path, *asset, *version; // path: folders below what was shared, '/' between
    int64_t number, size, modified_ms;  // number: of the file in its version
    sha256 content;
};
// What a share (or, without one, a project's folders) holds, by path; folders of a share keep their
// structure. The files of an asset are those of its newest version. TOO_BIG past LINK_FILES_MAX.
struct link_files_wish {
    const char *project;
    const char *share;          // NULL: by folder and assets
    const char *folder;         // of the project, "" for its top; NULL: none
    const char *const *assets;  // further ones; ends in NULL; may be NULL
};
MUST_CHECK bool link_files(struct db_tx *tx, const struct link_files_wish *wish, struct arena *a,
                           struct link_file **list, size_t *count, struct error *err);

// How far the CRC-32 of a content is known: of its first *upto bytes.
MUST_CHECK bool content_crc_get(struct db_tx *tx, const sha256 *content, int64_t *upto,
                                uint32_t *crc, struct error *err);
MUST_CHECK bool content_crc_set(struct db_tx *tx, const sha256 *content, int64_t upto, uint32_t crc,
                                struct error *err);

// ---- Files that come in

// INPUT naming the rule.
bool request_wants_good(const json_t *wants, struct error *err);
// The answers (an object of texts by field) are what the request asks for. INPUT naming the field.
MUST_CHECK bool request_answers_good(struct db_tx *tx, const char *share, const json_t *answers,
                                     struct error *err);
struct request_place {
    const char *project, *folder, *person, *title; // folder NULL: the project's top
    const char *email;                             // of whoever made it; NULL: none any more
};
MUST_CHECK bool request_place(struct db_tx *tx, const char *share, struct arena *a,
                              struct request_place *place, struct error *err);
// Drop[] of a request, newest first, at most 1,000.
MUST_CHECK bool request_drops(struct db_tx *tx, const char *share, json_t **list,
                              struct error *err);
// Came: by which request an asset came, and what was answered; null when by none.
MUST_CHECK bool asset_came(struct db_tx *tx, const char *asset, json_t **came, struct error *err);

// ---- Who used it

struct link_use {
    const char *share, *session, *name, *address;
    const char *act;    // "opened", "zip", "file", "received"
    const char *detail; // "" for none
    int64_t bytes;
    const char *id;     // NULL: a new one; else only once
};
// *fresh (may be NULL): it was not there yet.
MUST_CHECK bool link_use_add(struct db_tx *tx, const struct link_use *use, bool *fresh,
                             struct error *err);
// LinkUse[], newest first.
MUST_CHECK bool link_uses(struct db_tx *tx, const char *share, int64_t limit, json_t **list,
                          struct error *err);

// ---- How it looks

// Brand of a project: its own, else the house's; "" where nothing was said.
MUST_CHECK bool brand_of(struct db_tx *tx, const char *project, json_t **brand, struct error *err);
// What was said for a project itself, or, with "", for the house.
MUST_CHECK bool brand_own(struct db_tx *tx, const char *project, json_t **brand, struct error *err);
// INPUT: a colour is #rrggbb, a logo a data: address of a PNG, JPEG, WebP or GIF.
MUST_CHECK bool brand_set(struct db_tx *tx, const char *project, const json_t *brand,
                          struct error *err);
