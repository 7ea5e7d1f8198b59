/*
 * formats/zip: one archive of many files that is never written down.
 *
 * Members are stored, not compressed (media is already), so that the place of every byte follows
 * from names, sizes and dates alone: an archive has a size before its first byte is read, and any
 * range of it can be made again, the same each time. CRCs are the one thing that is known only
 * after a member was read: they stand behind it, in a data descriptor, and in the catalogue at the
 * end.
 *
 * APPNOTE.TXT 6.3.10 (PKWARE): local header 4.3.7, data descriptor 4.3.9, central directory 4.3.12,
 * zip64 4.3.14, 4.3.15 and 4.5.3, UTF-8 names (bit 11) appendix D. Times are UTC, in the extended
 * timestamp (0x5455) that Info-ZIP made, and in the DOS fields.
 */
#pragma once
#include "base/arena.h"
#include "base/error.h"
#include <stdint.h>

enum { ZIP_MEMBERS_MOST = 200000, ZIP_NAME_MOST = 4096 };

struct zip_member {
    const char *name; // UTF-8, relative, '/' between
    int64_t size, modified_ms;
};

struct zip;
// Names become NFC, as the rest of the world writes them, and are told apart when two are the same
// in upper and lower case: "a (2).mov". The list is read, not kept; all else lives in the arena.
// INPUT for a name that could leave the folder it is unpacked in; TOO_BIG past ZIP_MEMBERS_MOST.
MUST_CHECK bool zip_lay_out(struct arena *a, const struct zip_member *list, size_t count,
                            struct zip **made, struct error *err);
int64_t zip_size(const struct zip *z);
const char *zip_name(const struct zip *z, size_t member); // as it stands in the archive

enum zip_kind {
    ZIP_HEAD,      // zip_head of the member
    ZIP_BYTES,     // the member's own
    ZIP_TAIL,      // zip_tail of the member
    ZIP_CATALOGUE, // zip_catalogue
    ZIP_END        // there is nothing more
};
struct zip_part {
    enum zip_kind kind;
    size_t member;
    int64_t at, size; // of the part: the byte asked for, and all of it
};
// Which part a byte of the archive is in.
struct zip_part zip_part_at(const struct zip *z, int64_t offset);
// Write exactly the part's size.
void zip_head(const struct zip *z, size_t member, uint8_t *to);
void zip_tail(const struct zip *z, size_t member, uint32_t crc, uint8_t *to);
// crcs: of all members. `to` has room for the part's size.
void zip_catalogue(const struct zip *z, const uint32_t *crcs, uint8_t *to);

// The CRC-32 of what came before (0 at a start) and these bytes.
uint32_t zip_crc(uint32_t crc, const void *at, size_t size);
