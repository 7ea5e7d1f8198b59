/*
 * formats/cards: camera and sound cards: which one it is, which clips are on it, whether all is
 * there.
 *
 * What a card looks like is data (data/cards, docs/formats/cards.md): paths that must be there, and
 * expressions that say which clip a file belongs to and which part of it it is. A clip that a
 * camera cut into several files is one clip with parts. Where the card has an index of its own,
 * what it lists is looked for:
 *
 *   p2      CONTENTS/CLIP/NAME.XML, one a clip (P2 clip metadata): its video and audio files, and
 *           the clips that it goes on in, perhaps on other cards
 *   sony    MEDIAPRO.XML of XDCAM EX and XAVC: all files of its materials
 *   avchd   BDMV/PLAYLIST/NNNNN.MPL: the streams that it plays, with their CLIPINF; streams that go
 *           on without a seam (connection condition 6) are one clip
 *   ale     an Avid log beside the clips (ALEXA): its Name column
 *
 * An index can lie: what it lists and is not there is missing, what is there and it does not list
 * is a note.
 *
 * Paths compare without case, since cards do.
 */
#pragma once
#include "base/arena.h"

enum { CARD_INDEX_BYTES = 32 << 20, CARD_LISTED = 200000 };

struct card_kind;
// From JSON. INPUT naming the member that is wrong.
MUST_CHECK bool card_kind_read(const char *name, text json, struct card_kind **kind,
                               struct error *err);
void card_kind_close(struct card_kind *kind); // NULL is fine

struct card_file {
    const char *path; // below the folder, '/' between
    bool folder;
    int64_t size;
};
struct card_lines {
    const char **at;
    size_t count, room;
};
// A clip of a recording that goes on in other clips, perhaps on other cards (p2).
struct card_shot {
    const char *clip, *shot; // its name; the same in all of the recording. NULL: it stands alone
    const char *picture;     // its first file of picture; NULL: it is not here
    int64_t offset, frames;  // where it begins in the recording; its length, 0: not said
    const char *id;          // of the clip, "" when not said
    // Of the clips that it goes on with: their id ("" when not said), and a name for people. NULL:
    // there is none.
    const char *before_id, *before, *after_id, *after;
};
struct card_clip {
    const char *name, *key; // key: that of all its files
    size_t *files;          // of card_wish.files, in their order
    size_t file_count;
    int64_t parts; // files of picture or sound that follow each other; 1: in one piece
    int64_t bytes;
    const char *picture;              // the first file to look at; NULL: none
    const struct card_lines *missing; // those of the card's that are about it
};
struct card {
    const char *kind, *title; // NULL: none that we know
    const char *base;         // the folder it begins in, with '/' behind; "" for the top
    struct card_clip *clips;  // in the order of their first files
    size_t clip_count;
    bool indexed;              // an index of its own was read
    struct card_lines missing; // what must be there and is not, in words
    struct card_lines notes;   // what a person should know
    struct card_shot *shots;
    size_t shot_count;
};
struct card_wish {
    struct card_kind *const *kinds; // the first that fits is taken, by their "order"
    size_t kind_count;
    const struct card_file *files; // a folder before what is in it
    size_t file_count;
    // The bytes of a file (an index); false: it cannot be read.
    bool (*read)(void *context, const char *path, struct buf *to);
    void *context;
};
// Whether the recording has another clip between these two, of which one begins before the other.
bool card_shot_gap(const struct card_shot *one, const struct card_shot *next);
// Everything in *card lives in the arena.
void card_recognise(const struct card_wish *wish, struct arena *a, struct card *card);

// ---- The indexes by themselves

struct card_listed {
    const char *name; // of the clip
    const char *file; // below the index's folder (sony), the base (p2, avchd); NULL: of any ending
    const char *shot; // the same in several clips: they are one; NULL: it stands alone
    int64_t offset;   // of the clip in its shot
    bool before_it, after_it; // goes on in a clip before or after (p2)
};
struct card_index {
    struct card_listed *rows;
    size_t count, room;
    struct card_shot shot; // p2
};
// By "p2", "sony", "avchd", "ale". DAMAGED when it is not one.
MUST_CHECK bool card_index_read(const char *kind, text bytes, struct arena *a,
                                struct card_index *index, struct error *err);
