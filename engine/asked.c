#include "engine/asked.h"
#include "base/text.h"
#include "tickets/door.h"

#include <unistd.h>

void asked_refuse(const struct error *err)
{
    door_say(json_pack("{s:{s:s, s:s, s:s, s:s}}", "error", "kind", error_facts(err->kind)->name,
                       "what", err->what, "why", err->why, "fix", err->fix));
}

json_t *asked_ticket(struct error *err)
{
    struct buf all = BUF_LIMIT(256 << 20);
    char *to;
    while ((to = buf_reserve(&all, 65536))) {
        ssize_t got = read(STDIN_FILENO, to, 65536);
        if (got <= 0)
            break;
        all.size += (size_t)got;
    }
    json_error_t why;
    json_t *ticket = json_loadb(all.at ? all.at : "", all.size, 0, &why);
    if (!ticket) {
        error_set(err, ERROR_INPUT, "the ticket is not JSON");
        error_why(err, "%s", why.text);
    }
    buf_free(&all);
    return ticket;
}
