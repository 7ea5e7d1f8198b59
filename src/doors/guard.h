/*
 * doors/guard: what doors with a port of their own share.
 *
 * Three kinds of processes. The listener accepts. For each connection it starts a guard, which
 * holds the house's own token and asks the house whether a password or a key is right; and below
 * that a session, which does not have it: it speaks with the stranger as an ordinary user without
 * rights, behind seccomp, and afterwards with the house as that person, by a token that ends with
 * the session. What a stranger may break is the session.
 */
#pragma once
#include "base/error.h"

enum { GUARD_USER = 256, GUARD_SECRET = 4096, GUARD_TRIES = 12 };
enum guard_ask { ASK_PASSWORD, ASK_KEY_KNOWN, ASK_KEY_PROVEN };

struct door_guest { // a session, in its own process
    int fd, guard;
    const char *peer, *url, *fingerprint;
};
struct door_wish {
    const char *name; // "SFTP": for people
    const char *address;
    int port;                      // 0: any free one
    const char *port_file;         // where the port is written once it listens; NULL: nowhere
    const char *url, *fingerprint; // of the house
    char *token;                   // of the house; wiped in sessions
    // Speaks with the client until it leaves; must call door_give_up_rights before it reads.
    void (*guest)(void *context, const struct door_guest *g);
    void *context;
};
// Serves until it is killed. False when it can not begin.
bool door_serve(const struct door_wish *wish, struct error *err);

// Takes from this process what a session does not need: other users, new programs, writing to
// files of this machine. Sockets stay.
void door_give_up_rights(void);
// Asks the guard; with ASK_KEY_KNOWN nobody is in yet and *token is "". At most GUARD_TRIES times.
bool guard_ask(int guard, enum guard_ask kind, const char *user, const char *secret,
               char token[44]);
