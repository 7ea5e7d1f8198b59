/*
 * doors/ftps: the house's tree by FTP over TLS (RFC 959, 4217, 3659, 2428), for machines that speak
 * nothing else. TLS before the log-in and on each data connection; data connections are opened by
 * the client only (passive), and only from where it itself comes from. Bytes are never changed,
 * whatever TYPE says.
 *
 * An upload is a file of the house when the client ends its data connection as TLS wants it
 * (close_notify); when it just breaks off, what came stays for the same person to go on from
 * (REST or APPE).
 */
#pragma once
#include "doors/guard.h"

#include "base/text.h"

struct ftps_wish {
    struct door_wish door;
    const char *certificate, *key; // PEM files
    const char *ports;             // "30000-30099" for data; "" for any free ones
};
// Serves until it is killed. False when it can not begin.
bool ftps_serve(const struct ftps_wish *wish, struct error *err);

// ---- What comes in words

// A line without its end: the verb in capitals, what stands behind it. False when it is no command.
bool ftp_command(text line, char verb[8], char *rest, size_t room);
// A path as a client sends it, from the folder it is in, as one from the top.
bool ftp_path(const char *folder, const char *sent, char *to, size_t room);
// "30000-30099"; "" gives 0 and 0.
bool ftp_ports(const char *written, int *first, int *last);
