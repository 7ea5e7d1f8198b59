#include "cmd/money.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool money_parse(const char *said, struct money *m)
{
    char *end;
    *m = (struct money){.amount = strtod(said, &end)};
    text rest = text_trim(text_of(end));
    if (end == said || !isfinite(m->amount) || m->amount < 0)
        return false;
    for (size_t i = 0; i < rest.size; i++)
        if (!isalpha((unsigned char)rest.at[i]))
            return false;
    return rest.size < sizeof(m->currency) && text_copy(rest, m->currency, sizeof(m->currency));
}
