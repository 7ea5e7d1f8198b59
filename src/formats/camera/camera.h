/*
 * formats/camera: camera originals that only their maker's software decodes: what they are, and
 * what their headers, names and the papers beside them say.
 *
 * The first bytes of a file decide what it is; a name alone decides only where a maker's files have
 * no public beginning (Canon's RMF). Of a header only those places are read whose meaning is known:
 *
 *   RED R3D       the block RED1 or RED2 and its list of tags: size, rate, timecode, reel, name
 *   ARRIRAW .ari  SMPTE RDD 30: size, camera, rate, timecode, reel, clip, as far as they hold
 *   MXF           the header metadata of SMPTE ST 377-1 (mxf.c): operational pattern, material
 *                 package, its tracks, coding of the picture (Sony RAW and X-OCN, ARRIRAW)
 *   QuickTime     BRAW, ProRes RAW and Canon RAW are QuickTime or ISO files; whoever opened the
 *                 container says its sample entry (camera_of_entry); Canon's say here which they
 *                 are and the model
 *   CinemaDNG     the tags TimeCodes, FrameRate and ReelName of a DNG (CinemaDNG 1.1)
 *
 * No value is guessed: what is not said is empty (0, ""), and with each value stands who said it.
 * Readers take bytes and give structs; they are safe from rubbish.
 */
#pragma once
#include "base/arena.h"
#include "time/timecode.h"

enum { CAMERA_HEAD_BYTES = 1 << 20 }; // so much of a file's beginning is enough

struct camera_word {
    char text[96];
    const char *from; // "header", "file name", "sidecar"; NULL: nobody
};
struct camera {
    const char *format; // "RED R3D"; NULL: nothing that is known here
    const char *codec;  // "r3d": one word
    const char *sdk;    // whose software decodes it: "the RED SDK"; NULL: others do too
    struct camera_word reel, clip, model;
    struct camera_word timecode; // of its first frame, as written: "01:00:00:00"
    rational rate;               // num 0: not said
    const char *rate_from;
    int width, height; // 0: not said
    const char *size_from;
    int64_t frames; // 0: not said
    int part;       // of a spanned clip, from its name; -1: it names none
};

// By its first bytes, its name (without folders) and nothing else. False: no camera's format, or
// one in a container that others open. `*c` is filled either way with what the name says
// (camera_name) and, of Canon's files, what is in front of the container.
bool camera_read(const char *name, text head, struct camera *c);
// The maker's format of a picture track by its sample entry or codec tag ("brxq", "aprn", "CRAW").
bool camera_of_entry(const char entry[4], struct camera *c);
// Reel, clip and part by the makers' rules for names; false: it follows none of them.
bool camera_name(const char *name, struct camera *c);

// ---- MXF (SMPTE ST 377-1), its header partition

enum { MXF_TRACKS_MOST = 64 };
struct mxf_head {
    bool atom;           // OP-Atom (ST 390)
    uint8_t package[32]; // UMID of the material package
    bool has_package;
    int pictures, sounds, others; // tracks of the material package
    struct {
        uint32_t number;
        char kind;             // 'v', 'a'
    } tracks[MXF_TRACKS_MOST]; // those of picture and sound, in its order
    int track_count;
    char kind;          // of the essence in this file: 'v', 'a' or 0
    uint8_t coding[16]; // picture essence coding of its descriptor; 0: none
    uint32_t track;     // number of the material package's track that this file is of; 0: not known
    int width, height;
    rational rate;    // edit rate of the material package's first picture or sound track
    int64_t duration; // in these; 0: not known
    int64_t start;    // frames from midnight; -1: no timecode
    int base;
    bool drop;
    char name[96]; // of the material package
    char reel[96]; // name of a physical source package (tape, roll); "" : none
};
// DAMAGED: it begins as MXF and goes on as none; INPUT: it does not begin as one.
MUST_CHECK bool mxf_read(text head, struct mxf_head *m, struct error *err);

// ---- What lies beside a clip

enum camera_sidecar {
    CAMERA_NO_SIDECAR,
    CAMERA_ALE, // Avid log: a row a clip
    CAMERA_RMD, // RED: XML beside an R3D
    CAMERA_XML, // Sony's NonRealTimeMeta, Panasonic's P2 clip metadata
    CAMERA_CPF, // Canon: clip metadata, XML
};
enum camera_sidecar camera_sidecar_of(const char *name); // by its ending

struct camera_row { // about one clip
    struct camera_word reel, clip, timecode, model;
    rational rate;
    int width, height;
    int64_t frames;
};
enum { CAMERA_SIDECAR_BYTES = 16 << 20, CAMERA_ROWS_MOST = 20000 };
// `name`: of the file. Rows in `a`. DAMAGED when it is not what its ending says.
MUST_CHECK bool camera_sidecar_read(enum camera_sidecar kind, const char *name, text bytes,
                                    struct arena *a, struct camera_row **rows, size_t *count,
                                    struct error *err);

// ---- Names that are compared

// Without folders and ending, upper case; a span's number at its end is left out when `part` says
// that there is one. "" when it does not fit.
void camera_key(const char *name, char key[96]);
// The same word without a tail that says what was made of it ("_PROXY", " h264"); false: it has no
// further tail.
bool camera_key_shorter(char key[96]);

// ---- Files that a camera cut a recording into, by their names alone

struct camera_span {
    char key[120];   // the same for all of one recording
    char name[256];  // what the whole is called
    int part, first; // its number; the number that they begin with
};
bool camera_span(const char *name, struct camera_span *s);
