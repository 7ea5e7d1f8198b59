// Shared by the files of the SFTP door: what the session asks its guard.
#pragma once
#include "doors/sftp.h"

#include <libssh/libssh.h>
#include <libssh/server.h>

enum { GUARD_USER = 256, GUARD_SECRET = 4096, GUARD_TRIES = 12 };
enum guard_ask { ASK_PASSWORD, ASK_KEY_KNOWN, ASK_KEY_PROVEN };
struct guard_question {
    enum guard_ask kind;
    char user[GUARD_USER], secret[GUARD_SECRET]; // a password, or a key's body in base64
};
struct guard_answer {
    bool right;
    char secret[44]; // of a token, when somebody is in
};

// Never returns: speaks with the client on `fd` until it leaves. `guard` is the guard's end.
void sftp_guest(ssh_bind bind, int fd, int guard, const struct sftp_wish *wish)
    __attribute__((noreturn));
// Takes from this process what a session does not need.
void sftp_give_up_rights(void);
