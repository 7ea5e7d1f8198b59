// Shared by the files of the SFTP door.
#pragma once
#include "doors/guard.h"
#include "doors/sftp.h"

#include <libssh/libssh.h>
#include <libssh/server.h>

// A session; the context is the ssh_bind with the host's key. Ends the process.
void sftp_guest(void *context, const struct door_guest *g);
