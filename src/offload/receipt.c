#include "offload/receipt.h"
#include "plat/hash.h"

#include <stdlib.h>
#include <string.h>

void receipt_key_text(const uint8_t key[SIGN_PUBLIC], char to[RECEIPT_KEY_TEXT])
{
    if (!base64url_format(key, SIGN_PUBLIC, to, RECEIPT_KEY_TEXT))
        abort();
}

bool receipt_key_read(text said, char to[RECEIPT_KEY_TEXT])
{
    uint8_t key[SIGN_PUBLIC];
    size_t size;
    said = text_trim(said);
    if (!(base64url_parse(said, key, sizeof(key), &size) && size == SIGN_PUBLIC) &&
        !(text_starts(said, "-----BEGIN ") && sign_public_pem(said, key)))
        return false;
    receipt_key_text(key, to);
    return true;
}

static char *signed_bytes(const json_t *receipt)
{
    char *bytes = json_dumps(receipt, JSON_COMPACT | JSON_SORT_KEYS);
    if (!bytes)
        abort();
    return bytes;
}

bool receipt_sign(const struct sign_key *key, const json_t *receipt, json_t **whole,
                  struct error *err)
{
    uint8_t public[SIGN_PUBLIC], signature[SIGN_SIZE];
    char key_text[RECEIPT_KEY_TEXT], value[100];
    char *bytes = signed_bytes(receipt);
    bool ok = sign_bytes(key, bytes, strlen(bytes), signature, err);
    free(bytes);
    *whole = NULL;
    if (!ok)
        return false;
    sign_public(key, public);
    receipt_key_text(public, key_text);
    if (!base64url_format(signature, sizeof(signature), value, sizeof(value)))
        abort();
    *whole = json_pack("{s:O, s:{s:s, s:s, s:s}}", "receipt", (json_t *)(uintptr_t)receipt,
                       "signature", "algorithm", "Ed25519", "key", key_text, "value", value);
    return true;
}

static bool no_receipt(struct error *err)
{
    error_set(err, ERROR_DAMAGED, "this is no signed receipt");
    return error_fix(err, "give the file that ends in .receipt.json, as it was written");
}

bool receipt_check(text file, json_t **receipt, char key[RECEIPT_KEY_TEXT], bool *fits,
                   struct error *err)
{
    uint8_t public[SIGN_PUBLIC], signature[SIGN_SIZE];
    size_t sizes[2] = {0, 0};
    *receipt = NULL;
    json_t *whole = json_loadb(file.at ? file.at : "", file.size, JSON_REJECT_DUPLICATES, NULL);
    json_t *inside = json_object_get(whole, "receipt"), *by = json_object_get(whole, "signature");
    const char *algorithm = json_string_value(json_object_get(by, "algorithm"));
    const char *said = json_string_value(json_object_get(by, "key"));
    const char *value = json_string_value(json_object_get(by, "value"));
    bool ok = json_is_object(inside) && algorithm && strcmp(algorithm, "Ed25519") == 0 && said &&
              value && base64url_parse(text_of(said), public, sizeof(public), &sizes[0]) &&
              base64url_parse(text_of(value), signature, sizeof(signature), &sizes[1]) &&
              sizes[0] == SIGN_PUBLIC && sizes[1] == SIGN_SIZE;
    if (ok) {
        char *bytes = signed_bytes(inside);
        *fits = sign_fits(public, bytes, strlen(bytes), signature);
        free(bytes);
        receipt_key_text(public, key);
        *receipt = json_incref(inside);
    }
    json_decref(whole);
    return ok || no_receipt(err);
}
