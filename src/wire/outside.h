/*
 * wire/outside: one transfer with somebody else's server: HTTP (with AWS' signature when asked),
 * SFTP, SMTP. The house's own servers are asked through wire/client.
 *
 * Nothing is kept between calls, nothing is repeated, and no redirect is followed: a request that
 * is signed or carries bytes goes where it was sent. HTTPS certificates and SSH host keys are
 * checked, always.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct outside_wish {
    const char *url;            // http, https, sftp, smtp, smtps
    const char *method;         // of HTTP; NULL: GET, POST with a body, PUT with an upload
    const char *const *headers; // "Name: value", ends in NULL; NULL: none
    const char *user, *password;
    const char *sigv4;   // "aws:amz:REGION:s3": user and password sign the request
    const char *ca_file; // PEM; NULL: the system's
    text body;           // from memory, or
    bool (*upload)(void *context, int64_t offset, void *to, size_t size, struct error *err);
    int64_t upload_size; // bytes that follow `upload_from`
    int64_t upload_from; // the first offset asked of `upload`; of SFTP: where the file goes on
    // Of SFTP: "SHA256:..." of the server's key; key: a private key in PEM with its passphrase.
    const char *host_key, *key, *passphrase;
    const char *const *after; // commands when the transfer is over ("rename a b"), ends in NULL
    const char *const *before;
    bool head;             // nothing is transferred but what is said about it
    const char *from;      // of SMTP
    const char *const *to; // ends in NULL
    bool (*download)(void *context, const void *at, size_t size, struct error *err);
    bool (*moved)(void *context, int64_t sent); // now and then; false cancels
    void *context;
    int64_t timeout_ms; // of all; 0: none, but a line on which nothing moves is cut
};
struct outside_reply {
    int status;      // of HTTP; 0 otherwise
    struct buf body; // without a download; 4 MiB at most
    struct buf headers;
    int64_t size; // of what lies there, as far as is known; else -1
};

// False when it could not be done: NETWORK, TIMEOUT, DENIED (log-in, host key), NOT_FOUND... A
// status of HTTP is not judged. The reply is freed by outside_free, also after a false.
MUST_CHECK bool outside_call(const struct outside_wish *wish, struct outside_reply *reply,
                             struct error *err);
void outside_free(struct outside_reply *reply);
// Of the reply's headers, 0-ended; "" when there is none.
bool outside_header(const struct outside_reply *reply, const char *name, char *to, size_t room);
// As a part of a path ('/' stays) or of a query, percent-encoded as AWS wants it.
void outside_encode(const char *plain, bool path, struct buf *to);
