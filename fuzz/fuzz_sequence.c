#include "formats/sequence/sequence.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sequence_name s, again;
    char name[300];
    if (size > 255 || !text_utf8((text){(const char *)data, size}) ||
        !sequence_name_parse((text){(const char *)data, size}, &s))
        return 0;
    if (sequence_file(&s, s.number, name, sizeof(name)) &&
        (!sequence_name_parse(text_of(name), &again) || again.number != s.number ||
         !sequence_same(&s, &again)))
        abort();
    return 0;
}
