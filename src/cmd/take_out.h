// cmd/take_out: a deliverable out of a house, all of its files, each proven by its hash.
#pragma once
#include "cmd/client.h"

// Where a Delivery will lie: folder/NAME, a file, or a folder when it has several. CONFLICT when
// that is there already, unless `over`. Makes `folder`.
MUST_CHECK bool take_out_place(struct command_call *call, const json_t *delivery,
                               const char *folder, bool over, const char **final,
                               struct error *err);
// It is done. All files come under a hidden name first; a folder gets its name in one step, of a
// film with captions beside it the film comes last. CONFLICT as above, for any of them.
MUST_CHECK bool take_out(struct command_call *call, struct house *house, const json_t *delivery,
                         const char *folder, bool over, struct error *err);
// Names what there is besides one file, and what its captions can not say.
void take_out_print(const json_t *delivery);
