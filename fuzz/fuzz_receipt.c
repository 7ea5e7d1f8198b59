// Receipts: any bytes give one or an error, and nothing but what was signed fits its signature.
#include "offload/receipt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    json_t *receipt = NULL;
    char key[RECEIPT_KEY_TEXT], again[RECEIPT_KEY_TEXT];
    bool fits;
    struct error err;
    text bytes = {(const char *)at, size};
    if (receipt_check(bytes, &receipt, key, &fits, &err) &&
        (!json_is_object(receipt) || !receipt_key_read(text_of(key), again) ||
         strcmp(key, again) != 0))
        abort();
    json_decref(receipt);
    receipt_key_read(bytes, key);
    return 0;
}
