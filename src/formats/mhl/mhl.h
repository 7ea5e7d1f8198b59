/*
 * formats/mhl: media hash lists.
 *
 * ASC MHL 2.0 (ascmitc/mhl-specification, namespace urn:ASC:MHL:v2.0): a folder of media has a
 * folder "ascmhl" with generations NNNN_NAME_DATE.mhl, which are never changed, and a chain that
 * names each with its C4 ID. Read too: MHL 1.0 and 1.1 (mediahashlist.org), a list beside the
 * files.
 *
 * Digests are texts here: lower-case hex, and C4 IDs as they are. Paths have '/' between and begin
 * below the folder that holds "ascmhl" (of MHL 1: below the folder of the list). Everything that
 * was read lives in the arena that it was given; a path that leads out of the folder is refused.
 */
#pragma once
#include "base/arena.h"

enum { MHL_INPUT_BYTES = 256 << 20, MHL_ENTRIES = 2000000, C4_SIZE = 91 };

// In the order in which a list holds them.
enum mhl_kind { MHL_C4, MHL_MD5, MHL_SHA1, MHL_XXH128, MHL_XXH3, MHL_XXH64, MHL_KINDS };
extern const char *const mhl_names[MHL_KINDS]; // "c4", "md5", ...
bool mhl_kind_named(text name, enum mhl_kind *kind);
// "xxh64,md5" sets those of MHL_KINDS; NULL: xxh64.
MUST_CHECK bool mhl_kinds_read(const char *said, bool *kinds, struct error *err);

enum mhl_action { MHL_NONE, MHL_ORIGINAL, MHL_VERIFIED, MHL_FAILED };

struct mhl_digest {
    const char *text; // NULL: none of this kind
    enum mhl_action action;
    const char *date; // RFC 3339 when it was made; NULL: not said
};

struct mhl_entry {
    const char *path; // "" for the folder itself, whose digests are the root's
    bool folder;
    int64_t size;                           // -1: not said
    const char *modified;                   // RFC 3339; NULL: not said
    const char *previous;                   // path before it was renamed; NULL: the same
    struct mhl_digest digests[MHL_KINDS];   // of a file, or of what is in a folder
    struct mhl_digest structure[MHL_KINDS]; // of a folder: names too
};

struct mhl_reference {
    const char *path, *c4; // of a generation of a folder inside, below this one
};

struct mhl_list {
    bool legacy; // MHL 1
    const char *created, *host, *tool, *tool_version, *process;
    const char *author, *location, *comment; // NULL: not said
    const char **ignore;
    size_t ignore_count;
    struct mhl_entry root; // digests of the folder itself
    struct mhl_entry *entries;
    size_t count, room;
    struct mhl_reference *references;
    size_t reference_count;
};
// Adds an empty one.
struct mhl_entry *mhl_add(struct mhl_list *list, struct arena *a);

MUST_CHECK bool mhl_read(text bytes, struct arena *a, struct mhl_list *list, struct error *err);
// TOO_BIG when `to` is full.
MUST_CHECK bool mhl_write(const struct mhl_list *list, struct buf *to, struct error *err);

struct mhl_chain_row {
    int64_t number;
    const char *path, *c4;
};
MUST_CHECK bool mhl_chain_read(text bytes, struct arena *a, struct mhl_chain_row **rows,
                               size_t *count, struct error *err);
void mhl_chain_write(const struct mhl_chain_row *rows, size_t count, struct buf *to);

// A C4 ID of a SHA-512 (64 bytes), 90 letters, and back.
void c4_text(const uint8_t sha512[64], char to[C4_SIZE]);
bool c4_bytes(text id, uint8_t sha512[64]);
// A digest's text as bytes: hex or C4. False when it is none of this kind.
bool mhl_digest_bytes(enum mhl_kind kind, text digest, uint8_t to[64], size_t *size);
// A path below the folder that stays in it.
bool mhl_path_good(const char *path);
