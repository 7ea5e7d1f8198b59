// posthouse door: doors of a house that are processes of their own. `serve` starts them.
#include "cmd/command.h"
#include "cmd/local.h"
#include "doors/ftps.h"
#include "doors/sftp.h"
#include "wire/tls.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool serve_sftp(struct command_call *call, const char *folder, const struct door_wish *door,
                       struct error *err)
{
    struct sftp_wish wish = {.door = *door,
                             .host_key = arena_format(call->arena, "%s/sftp.key", folder)};
    wish.door.port = (int)config_int(call->config, "sftp.port");
    return sftp_serve(&wish, err);
}

// The certificate is the page's; where the page speaks no TLS, one of the house's own.
static bool serve_ftps(struct command_call *call, const char *folder, const struct door_wish *door,
                       struct error *err)
{
    const char *certificate = config_text(call->config, "tls.certificate"),
               *key = config_text(call->config, "tls.key");
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    const char *names[] = {"localhost", "127.0.0.1", host[0] ? host : NULL, NULL};
    struct tls_wish tls = {.certificate_file = certificate, .key_file = key};
    if (!certificate[0])
        tls = (struct tls_wish){.certificate_file =
                                    arena_format(call->arena, "%s/tls.certificate.pem", folder),
                                .key_file = arena_format(call->arena, "%s/tls.key.pem", folder),
                                .self_signed_for = names};
    struct tls *made = tls_open(&tls, err); // proves it, and makes it where there is none
    if (!made)
        return false;
    tls_close(made);
    struct ftps_wish wish = {.door = *door,
                             .certificate = tls.certificate_file,
                             .key = tls.key_file,
                             .ports = config_text(call->config, "ftps.ports")};
    wish.door.port = (int)config_int(call->config, "ftps.port");
    return ftps_serve(&wish, err);
}

static int run(struct command_call *call)
{
    char folder[PATH_MAX], token[256];
    struct local_ready ready;
    struct error err;
    const char *name = call->words[0];
    bool sftp = strcmp(name, "sftp") == 0;
    if (!sftp && strcmp(name, "ftps") != 0) {
        error_set(&err, ERROR_USAGE, "there is no door %s", name);
        error_fix(&err, "say sftp or ftps");
        return command_failed(&err);
    }
    if (!local_folder(call->config, false, folder, sizeof(folder), &err) ||
        !local_ready_read(folder, &ready, &err) ||
        !local_line_read(folder, "local.token", token, sizeof(token), &err))
        return command_failed(&err);
    struct door_wish door = {.address = config_text(call->config, "listen"),
                             .port_file = arena_format(call->arena, "%s/%s.ready", folder, name),
                             .url = ready.url,
                             .fingerprint = ready.fingerprint[0] ? ready.fingerprint : NULL,
                             .token = token};
    bool ok = sftp ? serve_sftp(call, folder, &door, &err) : serve_ftps(call, folder, &door, &err);
    return ok ? 0 : command_failed(&err);
}

const struct command command_door = {
    "door",
    "sftp|ftps",
    "a door of a house that serves here; serve starts it by itself",
    "`posthouse serve --sftp=on` or `--ftps=on` starts it and keeps it; by hand it is of use to\n"
    "look for faults. It serves the house of --house.folder on sftp.port or ftps.port until it is\n"
    "stopped. The key by which clients of SFTP know the host is sftp.key in the house's folder,\n"
    "made at the first start; FTPS has the page's certificate.",
    (const struct option_row[]){{0}},
    1,
    1,
    run,
};
