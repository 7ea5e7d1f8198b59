/*
 * doors/sftp: the house's tree by SFTP, version 3 (draft-ietf-secsh-filexfer-02), by libssh.
 *
 * Three kinds of processes. The listener accepts, and knows the host key. For each connection it
 * starts a guard, which holds the house's own token and asks the house whether a password or a key
 * is right; and below that a session, which has neither: it speaks SSH with the stranger as an
 * ordinary user without rights, behind seccomp, and afterwards with the house as that person, by a
 * token that ends with it. What a stranger may break is the session.
 *
 * Writing goes in order (a little disorder of parallel writers is put right), and is a file of the
 * house when the client closes it. When the line is cut before that, what came stays for the same
 * person to go on from (reput, put -c). A client that closes says that the file is whole: whoever
 * wants to be sure that half a file is never taken for one uploads to name.part and renames.
 */
#pragma once
#include "base/error.h"

struct sftp_wish {
    const char *address;
    int port;              // 0: any free one
    const char *host_key;  // file; made when it is not there
    const char *port_file; // where the port is written once it listens; NULL: nowhere
    const char *url, *fingerprint, *token; // of the house
};
// Serves until it is killed. False when it can not begin.
bool sftp_serve(const struct sftp_wish *wish, struct error *err);

// ---- For tests: what of a client's words is taken apart here

// A path as clients send it (relative to the top, with "." and "..") as one from the top. False
// when it does not fit or is no text.
bool sftp_path(const char *sent, char *to, size_t room);
