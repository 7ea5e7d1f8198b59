// A sealed text: one byte of version, 12 of nonce, the cipher text, 16 of tag.
#include "plat/seal.h"
#include "plat/files.h"
#include "plat/ids.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { KEY = 32, NONCE = 12, TAG = 16, HEAD = 1 + NONCE, PLAIN_MOST = 1 << 20 };

struct seal {
    uint8_t key[KEY];
};

struct seal *seal_open(const char *key_file, struct error *err)
{
    struct buf b = BUF_LIMIT(KEY + 1);
    struct seal *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    bool ok = file_read(key_file, &b, err);
    if (!ok && err->kind == ERROR_NOT_FOUND) {
        random_bytes(s->key, KEY);
        ok = file_write(key_file, s->key, KEY, 0600, err);
    } else if (ok && b.size == KEY) {
        memcpy(s->key, b.at, KEY);
    } else if (ok) {
        ok = error_set(err, ERROR_DAMAGED, "%s is no key", key_file);
        error_fix(err, "bring it back from a backup; without it secrets must be entered again");
    }
    if (b.at)
        explicit_bzero(b.at, b.size);
    buf_free(&b);
    if (ok)
        return s;
    seal_close(s);
    return NULL;
}

void seal_close(struct seal *s)
{
    if (s)
        explicit_bzero(s, sizeof(*s));
    free(s);
}

bool seal_put(const struct seal *s, const char *about, text plain, struct buf *sealed,
              struct error *err)
{
    uint8_t head[HEAD] = {1};
    int size = 0;
    if (plain.size > PLAIN_MOST)
        return error_set(err, ERROR_TOO_BIG, "a secret of %zu bytes is too long", plain.size);
    random_bytes(head + 1, NONCE);
    sealed->size = 0;
    uint8_t *to =
        buf_add(sealed, head, HEAD) ? (uint8_t *)buf_reserve(sealed, plain.size + TAG) : NULL;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = to && c && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, s->key, head + 1) == 1 &&
              EVP_EncryptUpdate(c, NULL, &size, (const uint8_t *)about, (int)strlen(about)) == 1 &&
              EVP_EncryptUpdate(c, to, &size, (const uint8_t *)(plain.at ? plain.at : ""),
                                (int)plain.size) == 1 &&
              EVP_EncryptFinal_ex(c, to + size, &size) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, to + plain.size) == 1;
    EVP_CIPHER_CTX_free(c);
    if (ok)
        sealed->size += plain.size + TAG;
    return ok || error_set(err, ERROR_INTERNAL, "a secret can not be sealed");
}

bool seal_take(const struct seal *s, const char *about, const void *sealed, size_t size,
               struct buf *plain, struct error *err)
{
    const uint8_t *at = sealed;
    bool ok = at && size >= HEAD + TAG && at[0] == 1;
    size_t inside = ok ? size - HEAD - TAG : 0;
    int part = 0;
    plain->size = 0;
    uint8_t *to = ok ? (uint8_t *)buf_reserve(plain, inside + 1) : NULL;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    ok = to && c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, s->key, at + 1) == 1 &&
         EVP_DecryptUpdate(c, NULL, &part, (const uint8_t *)about, (int)strlen(about)) == 1 &&
         EVP_DecryptUpdate(c, to, &part, at + HEAD, (int)inside) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG,
                             (void *)(uintptr_t)(at + HEAD + inside)) == 1 &&
         EVP_DecryptFinal_ex(c, to + part, &part) == 1;
    EVP_CIPHER_CTX_free(c);
    if (ok) {
        plain->size = inside;
        to[inside] = 0;
        return true;
    }
    error_set(err, ERROR_DAMAGED, "a secret can not be opened");
    error_why(err, "it was changed, or sealed with another key than this house's");
    return error_fix(err, "enter it again");
}
