/*
 * cmd/client: reaching a house from the command line.
 *
 * Which house: --house URL, else POSTHOUSE_URL, else `url` in ~/.config/posthouse/client (or
 * $XDG_CONFIG_HOME/posthouse/client), else the one that runs on this machine out of house.folder
 * (cmd/local.h).
 * With what token: --token-file FILE, else POSTHOUSE_TOKEN, else the one kept beside the address.
 * A token that was kept for one house is never shown to another.
 */
#pragma once
#include "cmd/command.h"
#include "wire/client.h"

#include <jansson.h>

// Rows for the option table of a command that reaches a house.
#define CLIENT_OPTIONS                                                                             \
    {"house", OPTION_TEXT, "URL", "the house to talk to (else POSTHOUSE_URL, or the one here)"},   \
        {"token-file", OPTION_TEXT, "FILE", "a file with a token (else POSTHOUSE_TOKEN)"},         \
    {                                                                                              \
        "fingerprint", OPTION_TEXT, "HEX", "trust the certificate with this SHA-256 only"          \
    }

struct house {
    struct client *client;
    const char *url, *fingerprint, *token; // in the call's arena; fingerprint NULL: none
};
// At most `lines` connections at once (0: 2). Asks nothing yet.
MUST_CHECK bool house_open(struct command_call *call, int lines, struct house *h,
                           struct error *err);
void house_close(struct house *h); // fine when it was not opened

// One call with JSON both ways to a path under /api/v1, repeated when the line breaks: only for
// what may be repeated. `body` may be NULL. The answer is the caller's; NULL with *err.
json_t *house_ask(struct client *c, const char *method, const json_t *body, struct error *err,
                  const char *path, ...) PRINTF_LIKE(5, 6);

// Members of an object from outside: "" and 0 when they are not there or of another kind.
const char *json_word(const json_t *object, const char *name);
int64_t json_count(const json_t *object, const char *name);

// "1 file", "1,284 files".
short_text files_text(int64_t count);

// A project by its id or its name (in any case when only one fits). The JSON is the caller's.
json_t *house_project(struct client *c, const char *named, struct error *err);
// The id of a folder at "A/B/C" in a project; "" for the top. `make`: those missing are made.
MUST_CHECK bool house_folder(struct client *c, const char *project, const char *path, bool make,
                             char id[27], struct error *err);
// Adds the assets of a folder ("": the top) to a list, as the API says them.
MUST_CHECK bool house_assets(struct client *c, const char *project, const char *folder,
                             json_t *list, struct error *err);
// An asset by its id, or PROJECT/FOLDER/NAME. The JSON is the caller's; texts for it live in `a`.
json_t *house_asset(struct client *c, struct arena *a, const char *named, struct error *err);
