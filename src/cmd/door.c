// posthouse door: doors of a house that are processes of their own. `serve` starts them.
#include "cmd/command.h"
#include "cmd/local.h"
#include "doors/sftp.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int run(struct command_call *call)
{
    char folder[PATH_MAX], key[PATH_MAX + 16], port[PATH_MAX + 16], token[256];
    struct local_ready ready;
    struct error err;
    if (strcmp(call->words[0], "sftp") != 0) {
        error_set(&err, ERROR_USAGE, "there is no door %s", call->words[0]);
        error_fix(&err, "say sftp");
        return command_failed(&err);
    }
    if (!local_folder(call->config, false, folder, sizeof(folder), &err) ||
        !local_ready_read(folder, &ready, &err) ||
        !local_line_read(folder, "local.token", token, sizeof(token), &err))
        return command_failed(&err);
    snprintf(key, sizeof(key), "%s/sftp.key", folder);
    snprintf(port, sizeof(port), "%s/sftp.ready", folder);
    struct sftp_wish wish = {.address = config_text(call->config, "listen"),
                             .port = (int)config_int(call->config, "sftp.port"),
                             .host_key = key,
                             .port_file = port,
                             .url = ready.url,
                             .fingerprint = ready.fingerprint[0] ? ready.fingerprint : NULL,
                             .token = token};
    return sftp_serve(&wish, &err) ? 0 : command_failed(&err);
}

const struct command command_door = {
    "door",
    "sftp",
    "a door of a house that serves here; serve starts it by itself",
    "`posthouse serve --sftp` starts it and keeps it; by hand it is of use to look for faults.\n"
    "It serves the house of --house.folder on sftp.port until it is stopped. The key by which\n"
    "clients know the host is sftp.key in the house's folder, made at the first start.",
    (const struct option_row[]){{0}},
    1,
    1,
    run,
};
