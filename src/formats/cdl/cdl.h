/*
 * formats/cdl: colour decisions of the American Society of Cinematographers (ASC CDL 1.2): slope,
 * offset and power for each channel, then saturation.
 *
 *   .cdl, .ccc, .cc   XML: ColorDecisionList, ColorCorrectionCollection, one ColorCorrection
 *   EDL               "*ASC_SOP (1 1 1)(0 0 0)(1 1 1)" and "*ASC_SAT 1" below an event
 *   ALE               the columns ASC_SOP and ASC_SAT
 *
 * A correction is named by its XML id, else by its clip, else by its reel.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#define CDL_FILE_BYTES (16 << 20)
#define CDL_MOST 50000 // corrections of a file

struct cdl {
    char id[128]; // "" when the file names none
    char reel[64];
    size_t line;
    double slope[3], offset[3], power[3], saturation; // slope >= 0, power > 0, saturation >= 0
};
struct cdl_list {
    const char *form; // "cdl", "ccc", "cc", "edl", "ale"
    struct cdl *at;
    size_t count;
};
void cdl_list_free(struct cdl_list *list);

// INPUT or DAMAGED with the line and the reason; also when there is no correction in it. `name` is
// for messages. `list` is the caller's to free after a true.
MUST_CHECK bool cdl_read(const char *name, text bytes, struct cdl_list *list, struct error *err);
// The correction of that id, clip or reel (case counts not); "" is the first one. NULL: none.
const struct cdl *cdl_find(const struct cdl_list *list, const char *id);
// As a ColorCorrectionCollection.
void cdl_write(const struct cdl_list *list, struct buf *to);

// Held to 0..1 after slope and offset, and at the end (ASC CDL 1.2); luma by BT.709.
void cdl_apply(const struct cdl *c, const float in[3], float out[3]);
