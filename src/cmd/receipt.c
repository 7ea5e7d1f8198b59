// posthouse receipt: signed receipts of offloads and deliveries.
#include "offload/receipt.h"
#include "cmd/client.h"
#include "cmd/signing.h"
#include "plat/files.h"

#include <stdio.h>
#include <string.h>

// The key that it must be signed with: of --key, of the house, or this machine's own.
static bool known_key(struct command_call *call, char key[RECEIPT_KEY_TEXT], const char **whose,
                      struct error *err)
{
    const char *said = option_text(call, "key");
    struct buf bytes = BUF_LIMIT(8192);
    struct house h = {0};
    uint8_t own[SIGN_PUBLIC];
    struct error none;
    if (said) {
        *whose = "the key that was given";
        bool ok =
            receipt_key_read(text_of(said), key) ||
            (file_read(said, &bytes, &none) && receipt_key_read((text){bytes.at, bytes.size}, key));
        buf_free(&bytes);
        if (ok)
            return true;
        error_set(err, ERROR_INPUT, "%s is no key", said);
        return error_fix(err, "43 letters as `posthouse receipt key` prints them, or a file with "
                              "them or with a public key in PEM");
    }
    if (option_text(call, "house")) {
        *whose = "the house's key";
        json_t *j = house_open(call, 1, &h, err)
                        ? house_ask(h.client, "GET", NULL, err, "/receipts/key")
                        : NULL;
        bool ok = j && (receipt_key_read(text_of(json_word(j, "key")), key) ||
                        error_set(err, ERROR_NETWORK, "the house says no key"));
        json_decref(j);
        house_close(&h);
        return ok;
    }
    *whose = "this machine's key";
    struct sign_key *k = signing_key(call, strcmp(call->words[0], "key") == 0, err);
    if (!k)
        return false;
    sign_public(k, own);
    receipt_key_text(own, key);
    sign_close(k);
    return true;
}

static void say_receipt(const json_t *r)
{
    const json_t *by = json_object_get(r, "by"), *card = json_object_get(r, "card"),
                 *delivery = json_object_get(r, "delivery");
    size_t files = json_array_size(json_object_get(r, "files"));
    printf("%s of %s, %s, %zu files", json_word(r, "kind"),
           card ? json_word(card, "name") : json_word(delivery, "name"), json_word(r, "made"),
           files);
    if (json_is_object(by))
        printf(", by %s on %s", json_word(by, "person"), json_word(by, "host"));
    printf(", %s\n", rate_text(json_count(r, "bytes_a_second")).text);
    if (card)
        printf("%s\n", json_is_true(json_object_get(r, "safe_to_format")) ? "SAFE TO FORMAT"
                                                                          : "NOT SAFE TO FORMAT");
}

static bool verify(struct command_call *call, int *status, struct error *err)
{
    struct buf bytes = BUF_LIMIT(RECEIPT_BYTES);
    json_t *receipt = NULL;
    char key[RECEIPT_KEY_TEXT], known[RECEIPT_KEY_TEXT];
    const char *whose;
    bool fits = false;
    bool ok = file_read(call->words[1], &bytes, err) &&
              receipt_check((text){bytes.at, bytes.size}, &receipt, key, &fits, err) &&
              known_key(call, known, &whose, err);
    if (ok) {
        bool meant = strcmp(key, known) == 0;
        *status = fits && meant ? 0 : 1;
        if (!fits)
            printf("NOT GENUINE: it was changed after it was signed\n");
        else if (!meant)
            printf(
                "NOT KNOWN: signed with %s, which is not %s\n  fix: get the signer's key in a way "
                "that you trust and give it with --key, or ask the house: --house\n",
                key, whose);
        else
            printf("genuine, signed with %s\n", whose);
        if (fits)
            say_receipt(receipt);
    }
    json_decref(receipt);
    buf_free(&bytes);
    return ok;
}

static bool work(struct command_call *call, int *status, struct error *err)
{
    char key[RECEIPT_KEY_TEXT];
    const char *whose;
    bool has_file = call->word_count == 2;
    if (strcmp(call->words[0], "verify") == 0 && has_file)
        return verify(call, status, err);
    if (strcmp(call->words[0], "key") == 0 && !has_file) {
        if (!known_key(call, key, &whose, err))
            return false;
        printf("%s\n", key);
        return true;
    }
    error_set(err, ERROR_USAGE, "posthouse receipt does not know what to do");
    return error_fix(err, "write verify FILE, or key");
}

static int run(struct command_call *call)
{
    struct error err;
    int status = 0;
    error_clear(&err);
    return work(call, &status, &err) ? status : command_failed(&err);
}

static const struct option_row options[] = {
    {"key", OPTION_TEXT, "KEY", "the signer's public key: 43 letters, or a file with it"},
    {"house", OPTION_MAYBE, "URL", "it must be the key of this house"},
    {"token-file", OPTION_TEXT, "FILE", "a file with a token (else POSTHOUSE_TOKEN)"},
    {"fingerprint", OPTION_TEXT, "HEX", "trust the certificate with this SHA-256 only"},
    {0},
};
const struct command command_receipt = {
    "receipt",
    "verify FILE | key",
    "check a signed receipt of an offload or a delivery, or print the key that signs here",
    "verify: status 0 when nothing in it was changed since and it was signed with the key that is\n"
    "meant: --key, the house's (--house), else this machine's own. A receipt tells its key "
    "itself;\n"
    "that proves nothing, so get the key another way.\n\n"
    "key: the public key of this machine, or with --house of the house. Its secret half is "
    "sign.key\n"
    "in the house's folder, else in ~/.config/posthouse.",
    options,
    1,
    2,
    run,
};
