/*
 * wire/address: paths, queries, cookies and signed addresses, as they stand in HTTP.
 */
#pragma once
#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include <stdint.h>

// Percent encoding, RFC 3986 2.1. Encoding leaves letters, digits, "-._~" as they are; address_path
// also leaves '/'. Decoding refuses a broken %XX; '+' becomes a space only in queries.
char *address_encode(struct arena *a, text t);
char *address_path(struct arena *a, text t);
MUST_CHECK bool address_decode(struct arena *a, text t, bool query, text *decoded);

// A path as sent -> decoded: begins with '/', valid UTF-8, no NUL or other control character, no
// "." or ".." segment, no encoded '/' or '\'. Repeated slashes stay. NULL: refuse it (400).
char *address_safe_path(struct arena *a, text raw);
// The segments of a decoded path: "/a/b" -> "a", "b"; a slash at the end gives an empty last one.
// Returns how many; over `room` of them: room + 1.
size_t address_split(const char *path, text *segments, size_t room);

// The value of a name in a query ("a=1&b=2", as sent), decoded into the arena; NULL when absent or
// broken. The first one counts.
const char *query_value(struct arena *a, text query, const char *name);
// Adds name=value to b, with '?' before the first and '&' before others. NULL values are left out.
void query_add(struct buf *b, const char *name, const char *value);

// The value of a cookie in a Cookie header (RFC 6265, 4.2), NULL when absent. Quotes are taken off.
const char *cookie_value(struct arena *a, text header, const char *name);
struct cookie {
    const char *name, *value;
    const char *path;                      // NULL: "/"
    int64_t max_age_s;                     // 0: until the browser closes; < 0: delete it
    bool secure, http_only, same_site_lax; // SameSite is Strict unless lax
};
// A Set-Cookie value. NULL when name or value has characters that a cookie can not have.
char *cookie_format(struct arena *a, const struct cookie *c);

// Signed addresses: what `extra` says may be read until it expires, by whoever has the address.
//   <prefix>/<base64url of: u8 version 1, 16 bytes HMAC-SHA-256, i64be expires, extra>/<name>
// The name is for people and the type of the file; it is signed too. `extra` is the caller's
// (ids, a place): at most 512 bytes, readable by whoever has the address.
struct address_key {
    uint8_t at[32];
};
char *address_sign(struct arena *a, const struct address_key *key, const char *prefix, text extra,
                   const char *name, int64_t expires_ms);
// Takes `signature` and decoded `name` of such an address; *extra lies in the arena. False when it
// was not signed by us or has expired (*expired tells which). Compares in constant time.
MUST_CHECK bool address_verify(struct arena *a, const struct address_key *key, text signature,
                               text name, int64_t now_ms, text *extra, bool *expired);
