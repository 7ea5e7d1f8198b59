/*
 * formats/metadata/sidecar: files beside a film that say what it is, written from the record.
 *
 * Each is made whole from the record and from what is known of the files that it speaks of. What a
 * kind can not do without is in the error, all of it at once: fields by their names.
 *
 * iTunes: Apple's film and TV specification (importer 5.x). MEC, MMC: MovieLabs Media Entertainment
 * Core 2.12 and Media Manifest 1.13 with Common Metadata 2.12. EBUCore 1.10 (EBU Tech 3293).
 * MediaRSS 1.5.1. AS-11: the fields of AMWA AS-11 UK DPP as bmx reads and writes them.
 */
#pragma once
#include "formats/metadata/metadata.h"

enum sidecar_kind {
    SIDECAR_JSON, // the record as it is
    SIDECAR_CSV,  // a row a value
    SIDECAR_ITUNES,
    SIDECAR_MEC,
    SIDECAR_MMC,
    SIDECAR_EBUCORE,
    SIDECAR_MEDIARSS,
    SIDECAR_AS11,
    SIDECAR_KINDS
};
struct sidecar_facts {
    const char *name, *title, *file; // "itunes", "iTunes metadata.xml", "metadata.xml"
};
const struct sidecar_facts *sidecar_facts(enum sidecar_kind kind);
bool sidecar_named(text name, enum sidecar_kind *kind);

struct sidecar_file { // beside which it lies; all texts borrowed
    const char *name; // as it is in the package
    const char *use;  // "source" (the film), "audio", "captions", "subtitles", "trailer", "image"
    const char *language;     // BCP 47, or NULL
    const char *role;         // of captions: "cc", "sdh", "subtitle", "forced"; or NULL
    const char *url;          // where it can be had; or NULL
    int64_t size;             // bytes; 0: not known
    const char *md5, *sha256; // hex; NULL: not known
    size_t track;             // item of the record's tracks when it holds one alone
    bool one_track;
};
struct sidecar_wish {
    const struct sidecar_file *files;
    size_t file_count;
    int64_t made_ms;      // when, since 1970 UTC
    const char *provider; // NULL: work.provider. iTunes: the provider's short name; MovieLabs: the
                          // organisation; or NULL
    const char *profile;  // title of what was made; or NULL
};
// INPUT when the record lacks what the kind needs; the error names the fields. `wish` may be NULL.
MUST_CHECK bool sidecar_write(enum sidecar_kind kind, const struct metadata *m,
                              const struct sidecar_wish *wish, struct buf *to, struct error *err);
// Whether a sidecar of that kind has a place for the field.
bool sidecar_keeps(enum sidecar_kind kind, const struct metadata_field *field);
