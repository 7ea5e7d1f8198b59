/*
 * farend: bringing the files of a package to where somebody else takes them.
 *
 * A destination is a kind and settings, which anybody who administers may read, and secrets, which
 * nobody reads again. Each kind keeps the same promises: what lies at the far end under its name is
 * whole and was compared by its hash; until then it has a name of its own there; what is there
 * already and is something else is not written over; a try that was cut goes on where the last one
 * stood (`state`, kept by the caller); the same package sent again changes nothing.
 *
 *   folder   path                                         copied, read back, renamed
 *   s3       endpoint, bucket, region, prefix, ...        multipart; each part and the whole
 * compared sftp     host, port, user, path, host_key, ...        read back, renamed program sender,
 * program, values                      the operator's own ascp, Transporter, ... link     days
 * fetched from the house (house/deliver) hand     checklist                                    a
 * person does it (house/deliver)
 */
#pragma once
#include "base/arena.h"
#include "base/text.h"

#include <jansson.h>

struct farend_file {
    const char *name; // in the package, '/' between; ids_safe: no "..", no leading '/'
    int64_t size;
    const char *md5, *sha256; // hex
};

struct farend_wish {
    const char *kind;
    const json_t *settings, *secrets;
    const char *folder; // the package's folder there; "": its files lie free
    const char *mark;   // of this sending: letters, digits, '-'; names what is not whole yet
    const struct farend_file *files;
    size_t count;
    // All of `size` bytes at `offset` of file `number`, or false.
    bool (*read)(void *context, size_t number, int64_t offset, void *to, size_t size,
                 struct error *err);
    json_t *state; // {} at first: what an earlier try came to; changed
    bool (*keep)(void *context, const json_t *state, struct error *err); // durable when it returns
    bool (*moved)(void *context, int64_t done, int64_t total);           // false: stop, CANCELLED
    void *context;
    const char *scratch; // a folder of the caller's, for programs
    const char *senders; // folder of data/senders; NULL: none
};
// *result: {"place": where it lies, "proof": in words how it was compared, "files": [{"name",
// "proof"}]}; a new reference. `place` may be an address, never a secret.
MUST_CHECK bool farend_send(const struct farend_wish *wish, json_t **result, struct error *err);

// Takes away what a sending that was given up has left there unseen (parts of an upload): `state` as
// farend_send kept it, emptied. Nothing to take away is well.
MUST_CHECK bool farend_forget(const char *kind, const json_t *settings, const json_t *secrets,
                              const char *folder, json_t *state, struct error *err);

// Whether settings and secrets are what the kind wants. INPUT names the field.
MUST_CHECK bool farend_check(const char *kind, const json_t *settings, const json_t *secrets,
                             const char *senders, struct error *err);
// Goes there and looks whether it could write: *answer in words, in the arena. Leaves nothing.
MUST_CHECK bool farend_test(const char *kind, const json_t *settings, const json_t *secrets,
                            const char *senders, struct arena *a, const char **answer,
                            struct error *err);
// [{"name", "title", "settings": [{"name", "title", "needed", "secret", "example"}]}]: for forms.
json_t *farend_kinds(void);
// Whether a package may have a file or folder of this name.
bool farend_name_ok(const char *name);
