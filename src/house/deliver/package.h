/*
 * house/deliver/package: a deliverable boxed as its outlet wants it.
 *
 * A profile's "package" is how: "file" (alone, captions beside it; a ladder or stems are a "folder"
 * without being asked), "folder" (with manifest.json), "itmsp" (a folder
 * NAME.itmsp with metadata.xml) or "mmc" (a folder with a manifest of MovieLabs). "checksums" are
 * files of digests beside it, in the form that md5sum and its like read; "sidecars" what describes
 * it. The same delivery makes the same package, to the byte but for the time it says.
 */
#pragma once
#include "plat/hash.h"
#include "store/store.h"

#include <jansson.h>

struct content_sums { // hex
    char md5[33], sha1[41], sha256[65], xxh64[17];
};
// Reads a content once, from the store. `moved` may be NULL; false stops it.
MUST_CHECK bool sums_of_content(struct store *s, const sha256 *content,
                                bool (*moved)(void *context, int64_t done, int64_t total),
                                void *context, struct content_sums *sums, struct error *err);
void sums_of_text(text t, struct content_sums *sums);
// Puts them into a row of a package; gives it back.
json_t *sums_into(json_t *row, const struct content_sums *sums);

struct package_media {                        // a file of the delivery
    const char *name, *role, *use, *language; // as Delivery.files; "": none
    sha256 content;
    int64_t size;
    struct content_sums sums;
};
struct package_wish {
    const json_t *profile;  // as it was when the delivery was asked for
    const json_t *delivery; // Delivery
    const json_t *facts;    // of the master; NULL: not known
    const json_t *record;   // what people told of the asset (record.h); NULL: nothing
    const char *rules;      // data/rules/metadata
    const json_t *beside; // what goes along unchanged: [{"name", "content", "size", digests}]; NULL
    const struct package_media *media;
    size_t media_count;
    int64_t now_ms;
    // A device's pass for flashing pictures (QcCertificate); NULL: none. It goes in beside the
    // file, but for layouts that take nothing that they do not know (itmsp, mmc).
    const json_t *certificate;
    struct content_sums certificate_sums;
};
// {"folder": "", or its name, "layout", "files": [{"name", "size", "role": "media", "captions",
// "playlist", "sidecar", "manifest", "checksums", "certificate", "content" or "text", "md5",
// "sha1", "sha256", "xxh64"}]}; a new reference. CONFLICT when a sidecar can not be made: the error
// says what is missing for it.
MUST_CHECK bool package_make(const struct package_wish *wish, json_t **package, struct error *err);
// What it will hold, in words: "Film.mov, Film.mov.md5". In the arena.
const char *package_plan(const json_t *profile, const char *file, struct arena *a);
