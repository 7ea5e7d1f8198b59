// Signature Version 4: a canonical request, its hash in a text to sign, and a key that is derived
// from the secret, the day, the region and the service.
#include "cloud/cloud.h"
#include "plat/clock.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

static const char *hex(struct arena *a, const unsigned char *at, size_t size)
{
    char *out = arena_take(a, size * 2 + 1);
    for (size_t i = 0; i < size; i++)
        snprintf(out + 2 * i, 3, "%02x", at[i]);
    return out;
}

static const char *sha256(struct arena *a, text t)
{
    unsigned char hash[32];
    EVP_Digest(t.size ? t.at : "", t.size, hash, NULL, EVP_sha256(), NULL);
    return hex(a, hash, 32);
}

static void hmac(const void *key, size_t size, const char *said, unsigned char out[32])
{
    unsigned n = 32;
    HMAC(EVP_sha256(), key, (int)size, (const unsigned char *)said, strlen(said), out, &n);
}

void aws_sign(struct arena *a, const struct aws_key *key, const struct aws_request *r,
              const char **authorization, const char **date)
{
    short_text t = clock_text(r->at_ms); // 2015-08-30T12:36:00.000Z
    *date = arena_format(a, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", t.text, t.text + 5, t.text + 8,
                         t.text + 11, t.text + 14, t.text + 17);
    const char *names =
        arena_format(a, "%shost;x-amz-date%s", r->content_type ? "content-type;" : "",
                     key->token ? ";x-amz-security-token" : "");
    const char *headers = arena_format(
        a, "%s%s%shost:%s\nx-amz-date:%s\n%s%s%s", r->content_type ? "content-type:" : "",
        r->content_type ? r->content_type : "", r->content_type ? "\n" : "", r->host, *date,
        key->token ? "x-amz-security-token:" : "", key->token ? key->token : "",
        key->token ? "\n" : "");
    const char *request = arena_format(a, "%s\n%s\n%s\n%s\n%s\n%s", r->method, r->path, r->query,
                                       headers, names, sha256(a, r->body));
    const char *scope = arena_format(a, "%.8s/%s/%s/aws4_request", *date, r->region, r->service);
    const char *sign =
        arena_format(a, "AWS4-HMAC-SHA256\n%s\n%s\n%s", *date, scope, sha256(a, text_of(request)));
    const char *first = arena_format(a, "AWS4%s", key->secret);
    unsigned char k[32], next[32];
    hmac(first, strlen(first), arena_format(a, "%.8s", *date), k);
    const char *const parts[] = {r->region, r->service, "aws4_request", sign};
    for (size_t i = 0; i < 4; i++) {
        hmac(k, 32, parts[i], next);
        memcpy(k, next, 32);
    }
    *authorization =
        arena_format(a, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                     key->id, scope, names, hex(a, k, 32));
}
