// What the files of this room share.
#pragma once
#include "house/review/review.h"
#include "time/timecode.h"

// A title, or what a visitor wants to be called: 1 to 255 bytes of UTF-8 on one line.
bool title_acceptable(const char *what, const char *title, struct error *err);
json_t *time_or_null(int64_t at_ms);
// The counting of a version's labels; false when it has none (sound, no rate).
bool facts_counting(const json_t *facts, struct tc_rate *counting);

// ---- comments.c
// INPUT for what can not be the text of a comment, with or without a drawing.
bool comment_text_good(const char *written, bool drawn, struct error *err);
// The event about a comment. Its body is what somebody else sees; `shown`, what `who` sees, may be
// NULL.
bool comment_say(struct db_tx *tx, const char *kind, const char *comment, const struct who *who,
                 json_t **shown, struct error *err);
