/*
 * house/deliver/hooks: telling others what happens to deliveries.
 *
 * A hook is an address: of a web server (webhook) or of a person (mail). What is to be told is
 * written in the same transaction as what happened, and told by a thread of the house until the
 * other side has answered well: at least once, each time with the same id, waiting longer and
 * longer for a day. A webhook is signed: Posthouse-Signature: t=SECONDS,v1=HEX, the HMAC-SHA256 of
 * "SECONDS.BODY" under its secret.
 */
#pragma once
#include "base/arena.h"
#include "db/db.h"
#include "plat/ids.h"
#include "plat/seal.h"

#include <jansson.h>

struct hook_wish {
    const char *kind, *target; // webhook: http(s) address; mail: name@host
    const char *project;       // NULL: all
    const char *by;
};
// *secret: of a webhook, told this once; else "".
MUST_CHECK bool hook_make(struct db_tx *tx, const struct seal *seal, const struct hook_wish *wish,
                          int64_t now_ms, id *made, char secret[44], struct error *err);
MUST_CHECK bool hook_drop(struct db_tx *tx, const char *hook, struct error *err);
MUST_CHECK bool hook_list(struct db_tx *tx, json_t **list, struct error *err); // Hook[]
// Notice[] newest first; `hook` NULL: of all.
MUST_CHECK bool notice_list(struct db_tx *tx, const char *hook, int64_t limit, json_t **list,
                            struct error *err);
// It is tried again now. CONFLICT when it was told.
MUST_CHECK bool notice_again(struct db_tx *tx, const char *notice, int64_t now_ms,
                             struct error *err);

// In the transaction of what happened: "delivery.done", "delivery.sent", ... `extra` is merged into
// the body beside the Delivery; may be NULL.
MUST_CHECK bool hooks_tell(struct db_tx *tx, const char *event, const char *delivery,
                           const json_t *extra, int64_t now_ms, struct error *err);

// In the transaction of what happened: mail to one address that no hook asked for, sent like those.
MUST_CHECK bool mail_add(struct db_tx *tx, const char *to, const char *event, const char *subject,
                         const char *words, int64_t now_ms, struct error *err);

struct mail_wish {      // how mail goes out; server "" : none
    const char *server; // smtp://host:587 or smtps://host:465
    const char *from, *user, *password_file;
};
struct teller_wish {
    struct db *db;
    const struct seal *seal;
    struct mail_wish mail;
    const char *house_name;
    bool (*on)(void *context); // NULL: always
    void *context;
};
// Tells one of those whose time has come; *more: there was one. One thread.
MUST_CHECK bool hooks_turn(const struct teller_wish *wish, bool *more, struct error *err);
