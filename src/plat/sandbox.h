/*
 * plat/sandbox: closing the door behind a helper that opens strangers' files.
 *
 * Two walls. Outside: the helper is started through bubblewrap where user namespaces work (no
 * network, own processes, /usr read-only, nothing else of the disk). Inside: once its libraries are
 * loaded the helper calls sandbox_enter: no_new_privs, Landlock (no file can be opened) and seccomp
 * (no opening, sockets, ptrace, mounts, new programs, io_uring, bpf, keys, namespaces). What it may
 * read and write comes and goes by descriptors that were handed to it.
 *
 * Either wall alone cuts the network; where neither can be had, starting is refused unless the
 * operator has said sandbox=off.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

enum sandbox_mode {
    SANDBOX_ON, // as strong as the machine allows; refused when the network can not be cut
    SANDBOX_OFF // for machines that can not have one: resource limits only
};

struct sandbox_state {
    bool bwrap, bwrap_proc; // with a /proc of its own
    bool seccomp, landlock;
};

// What this machine can do; tried once, then remembered.
struct sandbox_state sandbox_probe(void);
// One line for `posthouse check`: "bubblewrap, seccomp, Landlock", or what is missing.
short_text sandbox_text(void);

// Puts before `program` what starts it inside bubblewrap: fills `to` (room for at least
// SANDBOX_ARGUMENTS), returns how many. 0: no bubblewrap here.
#define SANDBOX_ARGUMENTS 64
size_t sandbox_prefix(const char *program, const char **to);

// Called by the helper itself, after loading. Threads started later inherit it. `outside` says that
// bubblewrap is around it already, which makes do where the kernel has no seccomp.
MUST_CHECK bool sandbox_enter(bool outside, struct error *err);
