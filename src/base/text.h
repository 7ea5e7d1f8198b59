/*
 * base/text: views on text, growing buffers with a limit, and numbers as people read them.
 *
 * A `text` owns nothing and need not end in 0. A `buf` owns its bytes, keeps a 0 behind them and
 * never grows over its limit: then `over` is true and what came last is missing.
 */
#pragma once
#include "base/error.h"
#include <stdint.h>

typedef struct {
    const char *at;
    size_t size;
} text;

text text_of(const char *zero_ended); // NULL gives an empty view
bool text_is(text t, const char *zero_ended);
bool text_starts(text t, const char *with);
bool text_ends(text t, const char *with);
// Cuts t at the first `mark`: returns what is before it and leaves what is after it in *t.
// Without a mark all of t is returned and *t is empty.
text text_cut(text *t, char mark);
text text_trim(text t);                        // without spaces, tabs and line ends at both ends
bool text_int(text t, int64_t *value);         // whole text is one decimal number that fits
bool text_utf8(text t);                        // valid UTF-8 without NUL
bool text_copy(text t, char *to, size_t room); // 0-ended; false when it had to be cut

struct buf {
    char *at; // 0-ended once something was added; NULL before
    size_t size, room, limit;
    bool over;
};

#define BUF_LIMIT(limit_bytes)                                                                     \
    {                                                                                              \
        .limit = (limit_bytes)                                                                     \
    }
bool buf_add(struct buf *b, const void *at, size_t size); // false and over set at the limit
bool buf_text(struct buf *b, const char *zero_ended);
// Escaped for XML 1.0 and HTML, in an element or an attribute. What XML can not hold (controls,
// U+FFFE, U+FFFF) is a space.
bool buf_xml(struct buf *b, const char *zero_ended);
bool buf_format(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
// Room for `size` more bytes at b->at + b->size, or NULL at the limit; the caller adds to b->size.
char *buf_reserve(struct buf *b, size_t size);
void buf_drop_front(struct buf *b, size_t size); // forget the first bytes
void buf_free(struct buf *b);                    // and ready for use again, same limit

// "1.2 GB" (decimal, as disks are sold), "3 min 20 s", "1,284": into a small value to copy.
typedef struct {
    char text[32];
} short_text;
short_text size_text(int64_t size_bytes);
short_text rate_text(int64_t bytes_a_second);
short_text time_text(int64_t seconds);
short_text count_text(int64_t count);

// How alike two words are: edits needed to make one from the other (for "did you mean").
int text_distance(const char *a, const char *b);
// The nearest of `count` names, or NULL when none is near enough to be meant.
const char *text_nearest(const char *wrong, const char *const *names, size_t count);
