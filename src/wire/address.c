#include "wire/address.h"

#include "plat/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

// ---- Percent encoding ----------------------------------------------------------------------

static char *encode(struct arena *a, text t, bool keep_slash)
{
    char *to = arena_take(a, t.size * 3 + 1), *at = to;
    for (size_t i = 0; i < t.size; i++) {
        unsigned char c = (unsigned char)t.at[i];
        if (unreserved(c) || (keep_slash && c == '/')) {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = "0123456789ABCDEF"[c >> 4];
            *at++ = "0123456789ABCDEF"[c & 15];
        }
    }
    *at = 0;
    return to;
}

char *address_encode(struct arena *a, text t)
{
    return encode(a, t, false);
}

char *address_path(struct arena *a, text t)
{
    return encode(a, t, true);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool address_decode(struct arena *a, text t, bool query, text *decoded)
{
    char *to = arena_take(a, t.size + 1);
    size_t size = 0;
    for (size_t i = 0; i < t.size; i++) {
        char c = t.at[i];
        if (c == '%') {
            if (t.size - i < 3 || hex_digit(t.at[i + 1]) < 0 || hex_digit(t.at[i + 2]) < 0)
                return false;
            c = (char)(hex_digit(t.at[i + 1]) << 4 | hex_digit(t.at[i + 2]));
            i += 2;
        } else if (c == '+' && query) {
            c = ' ';
        }
        to[size++] = c;
    }
    to[size] = 0;
    *decoded = (text){to, size};
    return true;
}

// ---- Paths ---------------------------------------------------------------------------------

static bool has_control(text t)
{
    for (size_t i = 0; i < t.size; i++)
        if ((unsigned char)t.at[i] < 0x20 || t.at[i] == 0x7f)
            return true;
    return false;
}

char *address_safe_path(struct arena *a, text raw)
{
    // An encoded slash would make another tree of the path than the one that a proxy saw.
    for (size_t i = 0; i + 2 < raw.size; i++)
        if (raw.at[i] == '%' && ((raw.at[i + 1] == '2' && (raw.at[i + 2] | 32) == 'f') ||
                                 (raw.at[i + 1] == '5' && (raw.at[i + 2] | 32) == 'c')))
            return NULL;
    text path;
    if (raw.size == 0 || raw.at[0] != '/' || !address_decode(a, raw, false, &path) ||
        !text_utf8(path) || has_control(path) || memchr(path.at, '\\', path.size))
        return NULL;
    text rest = path;
    while (rest.size) {
        text part = text_cut(&rest, '/');
        if (text_is(part, ".") || text_is(part, ".."))
            return NULL;
    }
    return (char *)path.at; // from address_decode: ours, with a 0 behind it
}

size_t address_split(const char *path, text *segments, size_t room)
{
    size_t count = 0;
    while (*path == '/') {
        const char *end = strchrnul(path + 1, '/');
        if (count == room)
            return room + 1;
        segments[count++] = (text){path + 1, (size_t)(end - path - 1)};
        path = end;
    }
    return count;
}

// ---- Queries -------------------------------------------------------------------------------

const char *query_value(struct arena *a, text query, const char *name)
{
    size_t name_size = strlen(name);
    while (query.size) {
        text value = text_cut(&query, '&');
        text key = text_cut(&value, '=');
        // Names in our addresses are plain, but a client may encode any letter of them.
        text decoded = key;
        if (memchr(key.at, '%', key.size) && !address_decode(a, key, true, &decoded))
            continue;
        if (decoded.size != name_size || memcmp(decoded.at, name, name_size) != 0)
            continue;
        text plain;
        if (!address_decode(a, value, true, &plain) || !text_utf8(plain))
            return NULL;
        return plain.at;
    }
    return NULL;
}

void query_add(struct buf *b, const char *name, const char *value)
{
    if (!value)
        return;
    bool first = b->size == 0 || !memchr(b->at, '?', b->size);
    buf_text(b, first ? "?" : "&");
    buf_text(b, name);
    buf_text(b, "=");
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;
        if (unreserved(c))
            buf_add(b, value, 1);
        else
            buf_format(b, "%%%02X", c);
    }
}

// ---- Cookies -------------------------------------------------------------------------------

static bool token_char(unsigned char c) // RFC 9110 5.6.2
{
    return c > 0x20 && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static bool cookie_char(unsigned char c) // RFC 6265 4.1.1 cookie-octet
{
    return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

const char *cookie_value(struct arena *a, text header, const char *name)
{
    while (header.size) {
        text value = text_cut(&header, ';');
        text key = text_trim(text_cut(&value, '='));
        if (!text_is(key, name))
            continue;
        value = text_trim(value);
        if (value.size >= 2 && value.at[0] == '"' && value.at[value.size - 1] == '"')
            value = (text){value.at + 1, value.size - 2};
        for (size_t i = 0; i < value.size; i++)
            if (!cookie_char((unsigned char)value.at[i]))
                return NULL;
        return arena_copy(a, value.at ? value.at : "", value.size);
    }
    return NULL;
}

char *cookie_format(struct arena *a, const struct cookie *c)
{
    const char *path = c->path ? c->path : "/";
    if (!*c->name)
        return NULL;
    for (const char *at = c->name; *at; at++)
        if (!token_char((unsigned char)*at))
            return NULL;
    for (const char *at = c->value; *at; at++)
        if (!cookie_char((unsigned char)*at))
            return NULL;
    for (const char *at = path; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f || *at == ';')
            return NULL;
    const char *age = c->max_age_s < 0   ? "; Max-Age=0"
                      : c->max_age_s > 0 ? arena_format(a, "; Max-Age=%" PRId64, c->max_age_s)
                                         : "";
    return arena_format(a, "%s=%s; Path=%s%s; SameSite=%s%s%s", c->name, c->value, path, age,
                        c->same_site_lax ? "Lax" : "Strict", c->secure ? "; Secure" : "",
                        c->http_only ? "; HttpOnly" : "");
}

// ---- Signed addresses ----------------------------------------------------------------------

enum { VERSION = 1, MAC_SIZE = 16, HEAD_SIZE = 1 + MAC_SIZE + 8, EXTRA_LIMIT = 512 };

// What is signed: version, expiry, the size of extra (so that it can not flow into the name), both.
static sha256 mac(struct arena *a, const struct address_key *key, const uint8_t expires[8],
                  text extra, text name)
{
    size_t size = 1 + 8 + 2 + extra.size + name.size;
    uint8_t *all = arena_take(a, size);
    all[0] = VERSION;
    memcpy(all + 1, expires, 8);
    all[9] = (uint8_t)(extra.size >> 8);
    all[10] = (uint8_t)extra.size;
    if (extra.size)
        memcpy(all + 11, extra.at, extra.size);
    if (name.size)
        memcpy(all + 11 + extra.size, name.at, name.size);
    return hmac_sha256(key->at, sizeof(key->at), all, size);
}

char *address_sign(struct arena *a, const struct address_key *key, const char *prefix, text extra,
                   const char *name, int64_t expires_ms)
{
    if (extra.size > EXTRA_LIMIT)
        extra.size = EXTRA_LIMIT; // our own mistake: then it does not verify as meant, never more
    uint8_t raw[HEAD_SIZE + EXTRA_LIMIT];
    raw[0] = VERSION;
    for (int i = 0; i < 8; i++)
        raw[1 + MAC_SIZE + i] = (uint8_t)((uint64_t)expires_ms >> (56 - 8 * i));
    if (extra.size)
        memcpy(raw + HEAD_SIZE, extra.at, extra.size);
    sha256 m = mac(a, key, raw + 1 + MAC_SIZE, extra, text_of(name));
    memcpy(raw + 1, m.at, MAC_SIZE);
    char coded[(HEAD_SIZE + EXTRA_LIMIT) * 4 / 3 + 8];
    if (!base64url_format(raw, HEAD_SIZE + extra.size, coded, sizeof(coded)))
        return NULL; // can not be: the room was counted above
    return arena_format(a, "%s/%s/%s", prefix, coded, address_encode(a, text_of(name)));
}

bool address_verify(struct arena *a, const struct address_key *key, text signature, text name,
                    int64_t now_ms, text *extra, bool *expired)
{
    uint8_t raw[HEAD_SIZE + EXTRA_LIMIT];
    size_t size;
    *expired = false;
    *extra = (text){NULL, 0};
    if (!base64url_parse(signature, raw, sizeof(raw), &size) || size < HEAD_SIZE ||
        raw[0] != VERSION)
        return false;
    text inside = {arena_copy(a, (const char *)raw + HEAD_SIZE, size - HEAD_SIZE),
                   size - HEAD_SIZE};
    sha256 m = mac(a, key, raw + 1 + MAC_SIZE, inside, name);
    if (!same_secret(m.at, raw + 1, MAC_SIZE))
        return false;
    uint64_t expires = 0;
    for (int i = 0; i < 8; i++)
        expires = expires << 8 | raw[1 + MAC_SIZE + i];
    *expired = now_ms >= (int64_t)expires;
    *extra = inside;
    return !*expired;
}
