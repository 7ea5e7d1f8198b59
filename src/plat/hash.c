#include "plat/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

sha256 sha256_of(const void *at, size_t size)
{
    sha256 out;
    SHA256(at, size, out.at);
    return out;
}

bool sha256_equal(const sha256 *a, const sha256 *b)
{
    return memcmp(a->at, b->at, SHA256_SIZE) == 0;
}

bool hex_text(const void *at, size_t size, char *to, size_t room)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = at;
    if (room <= 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        to[2 * i] = digits[b[i] >> 4];
        to[2 * i + 1] = digits[b[i] & 15];
    }
    to[2 * size] = 0;
    return true;
}

sha256_hex sha256_text(const sha256 *hash)
{
    sha256_hex out;
    hex_text(hash->at, SHA256_SIZE, out.text, sizeof(out.text));
    return out;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool sha256_parse(text hex, sha256 *hash)
{
    if (hex.size != 64)
        return false;
    for (int i = 0; i < SHA256_SIZE; i++) {
        int high = hex_digit(hex.at[2 * i]), low = hex_digit(hex.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        hash->at[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

struct hasher { // one of these
    EVP_MD_CTX *md;
    XXH64_state_t *xxh64;
    XXH3_state_t *xxh3;
    bool wide; // 128 bits of xxh3
};

static bool open_xxhash(struct hasher *h, const char *name)
{
    if (strcmp(name, "xxh64") == 0) {
        h->xxh64 = XXH64_createState();
        return h->xxh64 && XXH64_reset(h->xxh64, 0) == XXH_OK;
    }
    h->wide = strcmp(name, "xxh128") == 0;
    h->xxh3 = XXH3_createState();
    return h->xxh3 &&
           (h->wide ? XXH3_128bits_reset(h->xxh3) : XXH3_64bits_reset(h->xxh3)) == XXH_OK;
}

struct hasher *hasher_open(const char *name)
{
    const EVP_MD *type = strcmp(name, "sha256") == 0   ? EVP_sha256()
                         : strcmp(name, "sha512") == 0 ? EVP_sha512()
                         : strcmp(name, "sha1") == 0   ? EVP_sha1()
                         : strcmp(name, "md5") == 0    ? EVP_md5()
                                                       : NULL;
    bool xxhash = !strcmp(name, "xxh64") || !strcmp(name, "xxh3") || !strcmp(name, "xxh128");
    if (!type && !xxhash)
        return NULL;
    struct hasher *h = calloc(1, sizeof(*h));
    if (!h || (xxhash ? !open_xxhash(h, name)
                      : !(h->md = EVP_MD_CTX_new()) || !EVP_DigestInit_ex(h->md, type, NULL)))
        abort();
    return h;
}

void hasher_add(struct hasher *h, const void *at, size_t size)
{
    if (!size)
        return;
    bool ok = h->md      ? EVP_DigestUpdate(h->md, at, size) == 1
              : h->xxh64 ? XXH64_update(h->xxh64, at, size) == XXH_OK
              : h->wide  ? XXH3_128bits_update(h->xxh3, at, size) == XXH_OK
                         : XXH3_64bits_update(h->xxh3, at, size) == XXH_OK;
    if (!ok)
        abort();
}

size_t hasher_end(struct hasher *h, uint8_t digest[64])
{
    unsigned size = 0;
    if (h->md && !EVP_DigestFinal_ex(h->md, digest, &size))
        abort();
    if (!h->md && h->wide) {
        XXH128_canonical_t wide;
        XXH128_canonicalFromHash(&wide, XXH3_128bits_digest(h->xxh3));
        memcpy(digest, &wide, size = sizeof(wide));
    } else if (!h->md) {
        XXH64_canonical_t plain;
        XXH64_canonicalFromHash(&plain,
                                h->xxh64 ? XXH64_digest(h->xxh64) : XXH3_64bits_digest(h->xxh3));
        memcpy(digest, &plain, size = sizeof(plain));
    }
    hasher_close(h);
    return size;
}

void hasher_close(struct hasher *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->md);
    XXH64_freeState(h->xxh64);
    XXH3_freeState(h->xxh3);
    free(h);
}

uint64_t xxh3_of(const void *at, size_t size)
{
    return XXH3_64bits(at, size);
}

sha256 hmac_sha256(const void *key, size_t key_size, const void *at, size_t size)
{
    sha256 out;
    unsigned out_size = SHA256_SIZE;
    if (!HMAC(EVP_sha256(), key, (int)key_size, at, size, out.at, &out_size))
        abort();
    return out;
}

void hmac_sha1(const void *key, size_t key_size, const void *at, size_t size, uint8_t mac[20])
{
    unsigned mac_size = 20;
    if (!HMAC(EVP_sha1(), key, (int)key_size, at, size, mac, &mac_size))
        abort();
}

bool same_secret(const void *a, const void *b, size_t size)
{
    return CRYPTO_memcmp(a, b, size) == 0;
}

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool base64url_format(const void *at, size_t size, char *to, size_t room)
{
    const uint8_t *b = at;
    size_t need = (size * 8 + 5) / 6, used = 0;
    if (room <= need)
        return false;
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | b[i];
        for (have += 8; have >= 6; have -= 6)
            to[used++] = letters[bits >> (have - 6) & 63];
    }
    if (have)
        to[used++] = letters[bits << (6 - have) & 63];
    to[used] = 0;
    return true;
}

bool base64url_parse(text t, void *to, size_t room, size_t *size)
{
    uint8_t *b = to;
    uint32_t bits = 0;
    int have = 0;
    *size = 0;
    for (size_t i = 0; i < t.size; i++) {
        const char *found = t.at[i] ? strchr(letters, t.at[i]) : NULL;
        if (!found)
            return false;
        bits = bits << 6 | (uint32_t)(found - letters);
        have += 6;
        if (have >= 8) {
            have -= 8;
            if (*size == room)
                return false;
            b[(*size)++] = (uint8_t)(bits >> have);
        }
    }
    return have < 6 && (bits & ((1u << have) - 1)) == 0;
}
