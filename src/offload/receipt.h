/*
 * offload/receipt: signed receipts of what was moved: offloads and deliveries.
 *
 *   {"receipt": {...}, "signature": {"algorithm": "Ed25519", "key": "...", "value": "..."}}
 *
 * What is signed are the bytes of "receipt" as JSON without spaces and line ends, members in the
 * order of their names, in UTF-8 (`jq -jcS .receipt`). Key and value are base64url without padding.
 * A signature says that who has the key wrote this; whose key it is must be known otherwise.
 */
#pragma once
#include "plat/sign.h"

#include <jansson.h>

enum { RECEIPT_BYTES = 512 << 20, RECEIPT_KEY_TEXT = 44 };

// A new reference; `receipt` stays the caller's.
MUST_CHECK bool receipt_sign(const struct sign_key *key, const json_t *receipt, json_t **whole,
                             struct error *err);
// *receipt: a new reference, also when the signature does not fit (*fits false). DAMAGED: it is no
// signed receipt.
MUST_CHECK bool receipt_check(text file, json_t **receipt, char key[RECEIPT_KEY_TEXT], bool *fits,
                              struct error *err);
void receipt_key_text(const uint8_t key[SIGN_PUBLIC], char to[RECEIPT_KEY_TEXT]);
// A key as its 43 letters or in PEM. False when it is none.
bool receipt_key_read(text said, char to[RECEIPT_KEY_TEXT]);
