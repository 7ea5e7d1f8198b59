#include "cmd/way.h"

#include <string.h>

bool way_options(const struct command_call *call, struct way_wish *w, struct error *err)
{
    static const char *const kinds[] = {"auto", "udp", "tcp", "https"};
    const char *via = option_text(call, "via"), *policy = option_text(call, "policy");
    int64_t mbit;
    w->kind = WAY_AUTO;
    for (size_t i = 0; via && i < 4; i++)
        if (strcmp(via, kinds[i]) == 0) {
            w->kind = (enum way_kind)i;
            via = NULL;
        }
    if (via) {
        error_set(err, ERROR_USAGE, "there is no way called %s", via);
        return error_fix(err, "say --via auto, udp, tcp or https");
    }
    if (policy && !bulk_policy_named(policy, &w->policy)) {
        error_set(err, ERROR_USAGE, "there is no policy called %s", policy);
        return error_fix(err, "say --policy fair, fixed or background");
    }
    if (!option_int(call, "rate", 0, &mbit) || mbit < 0 || mbit > 1000000)
        return error_set(err, ERROR_USAGE, "--rate must be 1 to 1,000,000 Mbit/s");
    w->bytes_a_second = mbit * 1000000 / 8;
    if (w->policy == BULK_FIXED && !mbit) {
        error_set(err, ERROR_USAGE, "a fixed rate must be said");
        return error_fix(err, "add --rate MBIT");
    }
    return true;
}

