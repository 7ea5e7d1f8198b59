/*
 * cmd/offload_account: what became of an offload, as JSON, as a table, on paper.
 *
 * The account is one object, made once: `--json` prints it, the receipt signs it, the papers are
 * made from it (docs/formats/offload.md has its members).
 */
#pragma once
#include "cmd/command.h"
#include "cmd/mhl_folder.h"
#include "formats/cards/cards.h"
#include "offload/offload.h"

#include <jansson.h>

struct offload_policy {
    int64_t copies, places;
    bool anyway; // a card that its index calls incomplete is taken as it is
};
struct offload_work {
    struct command_call *call;
    struct offload plan;
    struct card card;
    bool kinds[MHL_KINDS];
    struct offload_policy policy;
    struct mhl_result lists[COPIES_PLACES]; // of the generation at each place
    const char *house;                      // where it went, too; NULL: nowhere
    bool house_whole;
    struct error *house_problem;
    const struct error *stopped; // it did not come to its end; NULL: it did
    int64_t began_ms, took_ms;
};

// A new reference. `clips` (an object by the clip's name, or NULL): what the engine found.
json_t *offload_account(const struct offload_work *w, const json_t *clips);
// One line a file, with a line of names on top (RFC 4180).
void offload_table(const json_t *account, struct buf *to);
// `picture` gives the JPEG of a clip, or NULL.
typedef const struct buf *offload_picture(void *context, const char *clip);
void offload_paper(const json_t *account, offload_picture *picture, void *context, struct buf *to);
