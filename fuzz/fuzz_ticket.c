#include "tickets/ticket.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ticket *t, *again;
    struct error err;
    json_t *from = json_loadb((const char *)data, size, 0, NULL);
    if (from && ticket_parse(from, &t, &err)) {
        json_t *to = ticket_format(t);
        if (!to || !ticket_parse(to, &again, &err) || again->kind != t->kind ||
            again->input_count != t->input_count)
            abort();
        ticket_close(again);
        json_decref(to);
        ticket_close(t);
    }
    json_decref(from);
    return 0;
}
