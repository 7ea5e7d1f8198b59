/*
 * formats/adm: the Audio Definition Model in a Broadcast Wave file (ITU-R BS.2088: RIFF, RF64 or
 * BW64 with chunks chna and axml; BS.2076), as which a Dolby Atmos master comes. It goes beside a
 * picture unchanged; it is read to be held against itself and against the picture.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include "time/rational.h"

#include <jansson.h>

struct adm_uid {
    int track;    // from 1; of axml: 0
    char uid[13]; // ATU_00000001
    char track_format[15], pack_format[12];
};
struct adm {
    int channels, sample_rate, bits;
    int64_t samples;
    int64_t time_reference;              // samples since midnight; -1: there is no bext
    bool atmos;                          // has Dolby's chunk dbmd
    size_t chna_count, axml_count, said; // said: how many chna claims
    struct adm_uid *chna, *axml;
    int programmes, objects;
    int64_t lost_refs; // of objects, to track UIDs that nothing declares
};

// `bytes`: the whole file (mapped). DAMAGED when its chunks do not hold together, UNSUPPORTED when
// it is no such file.
MUST_CHECK bool adm_read(const char *name, text bytes, struct adm **to, struct error *err);
void adm_close(struct adm *a);

// Beside a picture with these Facts, as dolby_fit.
json_t *adm_fit(const struct adm *a, const json_t *facts, bool *fits);
