/*
 * plat/ids: names that machines give, and unguessable secrets.
 *
 * An id is 26 letters and digits (Crockford base32): 48 bits of milliseconds, then 80 random bits.
 * Ids of one process sort in the order in which they were made. It is made by whoever makes the
 * thing, so that a repeated request is recognised.
 */
#pragma once
#include "base/text.h"

typedef struct {
    char text[27];
} id;

id id_new(void);
bool id_valid(text t); // 26 characters of the alphabet, upper case

void random_bytes(void *to, size_t size);
// 32 random bytes as 43 letters, digits, - and _ (base64url): tokens, keys, passwords of links.
typedef struct {
    char text[44];
} secret;
secret secret_new(void);
