#include "plat/sign.h"
#include "plat/files.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

struct sign_key {
    EVP_PKEY *key;
};

static bool write_new(struct sign_key *k, const char *path, struct error *err)
{
    char *pem;
    BIO *to = BIO_new(BIO_s_mem());
    k->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (!to || !k->key || PEM_write_bio_PKCS8PrivateKey(to, k->key, NULL, NULL, 0, NULL, NULL) != 1)
        abort();
    long size = BIO_get_mem_data(to, &pem);
    bool ok = file_write(path, pem, (size_t)size, 0600, err);
    explicit_bzero(pem, (size_t)size);
    BIO_free(to);
    return ok;
}

static EVP_PKEY *from_pem(text pem, bool secret)
{
    BIO *from = BIO_new_mem_buf(pem.at ? pem.at : "", (int)pem.size);
    if (!from)
        abort();
    EVP_PKEY *key = secret ? PEM_read_bio_PrivateKey(from, NULL, NULL, (void *)"")
                           : PEM_read_bio_PUBKEY(from, NULL, NULL, (void *)"");
    BIO_free(from);
    if (key && EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

struct sign_key *sign_open(const char *key_file, struct error *err)
{
    struct buf pem = BUF_LIMIT(8192);
    struct sign_key *k = calloc(1, sizeof(*k));
    if (!k)
        abort();
    bool ok = file_read(key_file, &pem, err);
    if (!ok && err->kind == ERROR_NOT_FOUND) {
        ok = write_new(k, key_file, err);
    } else if (ok && !(k->key = from_pem((text){pem.at, pem.size}, true))) {
        ok = error_set(err, ERROR_DAMAGED, "%s is no key that signs", key_file);
        error_fix(err, "bring it back from a backup, or move it away: then a new one is made, and "
                       "receipts of the old one must be checked with its public key");
    }
    if (pem.at)
        explicit_bzero(pem.at, pem.size);
    buf_free(&pem);
    if (ok)
        return k;
    sign_close(k);
    return NULL;
}

void sign_close(struct sign_key *k)
{
    if (k)
        EVP_PKEY_free(k->key);
    free(k);
}

void sign_public(const struct sign_key *k, uint8_t to[SIGN_PUBLIC])
{
    size_t size = SIGN_PUBLIC;
    if (EVP_PKEY_get_raw_public_key(k->key, to, &size) != 1 || size != SIGN_PUBLIC)
        abort();
}

bool sign_bytes(const struct sign_key *k, const void *at, size_t size, uint8_t signature[SIGN_SIZE],
                struct error *err)
{
    size_t made = SIGN_SIZE;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestSignInit(c, NULL, NULL, NULL, k->key) == 1 &&
              EVP_DigestSign(c, signature, &made, at, size) == 1 && made == SIGN_SIZE;
    EVP_MD_CTX_free(c);
    return ok || error_set(err, ERROR_INTERNAL, "it cannot be signed");
}

bool sign_fits(const uint8_t key[SIGN_PUBLIC], const void *at, size_t size,
               const uint8_t signature[SIGN_SIZE])
{
    EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, SIGN_PUBLIC);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = k && c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) == 1 &&
              EVP_DigestVerify(c, signature, SIGN_SIZE, at, size) == 1;
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(k);
    return ok;
}

bool sign_public_pem(text pem, uint8_t to[SIGN_PUBLIC])
{
    EVP_PKEY *k = from_pem(pem, false);
    size_t size = SIGN_PUBLIC;
    bool ok = k && EVP_PKEY_get_raw_public_key(k, to, &size) == 1 && size == SIGN_PUBLIC;
    EVP_PKEY_free(k);
    return ok;
}
