/*
 * engine/cmaf: one track in fragments with an index in front, for players that read it from a web
 * server in parts (ISO/IEC 23000-19, 14496-12 8.16.3). A fragment is a group of pictures, or as
 * much sound.
 *
 *   ftyp, moov | sidx | free | moof, mdat | moof, mdat ...
 *
 * libavformat writes the boxes, and is told when one ends; the room for the index is left between
 * what it wrote first and the rest, which refers only to itself.
 */
#pragma once
#include "engine/deliverable.h"

struct cmaf;
// `most`: fragments at most. `head`: what was written before the first packet.
struct cmaf *cmaf_open(const AVStream *stream, AVRational base, int64_t most, const void *head,
                       size_t size);
void cmaf_close(struct cmaf *c);
int64_t cmaf_room(const struct cmaf *c); // bytes to leave between the head and the rest
// The last fragment ends at `end` in the file; it lasted `duration` in the packets' base.
void cmaf_add(struct cmaf *c, int64_t end, int64_t duration);
// {"head", "index", "codecs", "timescale", "fragments": [[offset, size, duration]...]}: offsets and
// sizes in bytes, head of [0, head), index as [offset, size].
MUST_CHECK bool cmaf_finish(struct cmaf *c, int file, json_t **about, struct error *err);
