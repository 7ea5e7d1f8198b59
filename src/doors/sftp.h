/*
 * doors/sftp: the house's tree by SFTP, version 3 (draft-ietf-secsh-filexfer-02), by libssh.
 *
 * Writing goes in order (a little disorder of parallel writers is put right), and is a file of the
 * house when the client closes it. When the line is cut before that, what came stays for the same
 * person to go on from (reput, put -c). A client that closes says that the file is whole: whoever
 * wants to be sure that half a file is never taken for one uploads to name.part and renames.
 */
#pragma once
#include "doors/guard.h"

struct sftp_wish {
    struct door_wish door;
    const char *host_key; // file; made when it is not there
};
// Serves until it is killed. False when it can not begin.
bool sftp_serve(const struct sftp_wish *wish, struct error *err);

// ---- For tests: what of a client's words is taken apart here

// A path as clients send it (relative to the top, with "." and "..") as one from the top. False
// when it does not fit or is no text.
bool sftp_path(const char *sent, char *to, size_t room);
