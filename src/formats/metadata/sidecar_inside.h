// What the writers of sidecars share.
#pragma once
#include "formats/metadata/sidecar.h"
#include "formats/metadata/xml.h"

struct sidecar {
    const struct metadata *m;
    const struct sidecar_wish *wish; // never NULL
    struct sidecar_wish said;        // the same with what the record says of who delivers
    struct arena *a;
    struct xml x;
};

const char *sidecar_get(const struct sidecar *s, const char *field); // "" when there is none
const char *sidecar_item(const struct sidecar *s, const char *field, size_t item);
// The date alone, "2026-11-23"; "" when the field says less.
const char *sidecar_day(const struct sidecar *s, const char *field);
// Cut at a letter's end to at most so many characters.
const char *sidecar_short(const struct sidecar *s, const char *value, size_t letters);
// Each part of a value of many, parted by ";": an element of that name.
void sidecar_each(struct sidecar *s, const char *name, const char *values);
// "00:01:02.500" of ticks.
const char *sidecar_clock(const struct sidecar *s, int64_t ticks);
// "PT1H2M3.5S" of the film; "" when it is not known.
const char *sidecar_length(const struct sidecar *s);
const char *sidecar_made(const struct sidecar *s); // "2026-11-23T10:20:30Z"

void sidecar_itunes(struct sidecar *s);
void sidecar_mec(struct sidecar *s);
void sidecar_mmc(struct sidecar *s);
void sidecar_ebucore(struct sidecar *s);
void sidecar_mediarss(struct sidecar *s);
void sidecar_as11(struct sidecar *s);
