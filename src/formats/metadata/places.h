/*
 * formats/metadata: what stands in a file itself, where libav does not keep it: the boxes of MP4
 * and QuickTime, the chunks of WAV, XMP.
 *
 * A reader gives pairs, [{"at", "track"?, "value"}]: where it stands ("ilst/©nam", "bext/UMID",
 * "xmp/dc:title", "trak/elng" of a track), and the text. An edit takes the same pairs, null where
 * something is to go (chapters of MP4 and QuickTime as {"at": "chapters", "list": [{"start",
 * "title"}]}), and says what the new file is made of: ranges of the old one and new bytes.
 * Essence is always a range of the old one; it is never read.
 *
 * Standards: ISO/IEC 14496-12, QuickTime File Format, ISO/IEC 14496-12:2015 8.4.6 (elng), 8.10.4
 * (kind), Adobe XMP part 3, RIFF/WAVE, EBU Tech 3285 (bext), 3306 (RF64), iXML 2.10, BS.2088.
 */
#pragma once
#include "base/arena.h"

#include <jansson.h>

struct place_file {
    bool (*read)(void *context, int64_t offset, void *to, size_t size, size_t *got,
                 struct error *err);
    void *context;
    int64_t size;
    const char *name; // for messages
};

struct place_part { // of the new file, in order
    int64_t from;   // of the old one, when `bytes` is NULL
    const uint8_t *bytes;
    int64_t size;
};
struct place_edit {
    struct place_part *parts;
    size_t count;
};

// Whether it is one of ours, by its first bytes (16 are enough).
bool boxes_is(const uint8_t *head, size_t size);
bool wave_is(const uint8_t *head, size_t size);

// Adds to the list `pairs`. A file that is damaged gives what can be read of it: only reading
// itself is an error.
MUST_CHECK bool boxes_pairs(const struct place_file *f, struct arena *a, json_t *pairs,
                            struct error *err);
MUST_CHECK bool wave_pairs(const struct place_file *f, struct arena *a, json_t *pairs,
                           struct error *err);

// `stay`: essence keeps its place, so that the edit can be made where the file lies. DAMAGED when
// the file can not be taken apart, UNSUPPORTED for one of fragments without room.
MUST_CHECK bool boxes_edit(const struct place_file *f, struct arena *a, const json_t *pairs,
                           bool stay, struct place_edit *edit, struct error *err);
MUST_CHECK bool wave_edit(const struct place_file *f, struct arena *a, const json_t *pairs,
                          struct place_edit *edit, struct error *err);

// ---- XMP packets (Adobe XMP part 1): "xmp/dc:title", "xmp/dc:title@fr" of another language
void xmp_pairs(text packet, json_t *pairs);
// The packet with these pairs in it ("xmp/..." alone are looked at); what it had besides stays.
// NULL: nothing is left in it. In the arena.
const char *xmp_edit(text packet, const json_t *pairs, struct arena *a);
// ---- iXML: "ixml/PROJECT"; a / parts elements
void ixml_pairs(text document, json_t *pairs);
const char *ixml_edit(text document, const json_t *pairs, struct arena *a);
