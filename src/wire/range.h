// wire/range: which bytes of a file a request asks for (RFC 9110, 13 and 14). Inside wire only.
#pragma once
#include "base/text.h"
#include <stdint.h>

enum range_kind {
    RANGE_WHOLE, // no range, a malformed one, another unit, or more than one: all of it, 200
    RANGE_PART,  // bytes first .. last, both within the file: 206
    RANGE_OUT    // none of it is in the file: 416
};
enum range_kind range_parse(text header, int64_t size, int64_t *first, int64_t *last);

// RFC 9110 8.8.3.2: does a list ("*", or entity tags) name this tag? Weak comparison for
// If-None-Match, strong for If-Match.
bool etag_listed(text list, const char *etag, bool weak);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7; the only form we write; read too).
short_text http_date(int64_t at_ms);
bool http_date_parse(text t, int64_t *at_ms); // whole seconds
