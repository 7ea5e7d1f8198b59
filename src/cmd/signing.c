#include "cmd/signing.h"
#include "cmd/local.h"
#include "plat/files.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct sign_key *signing_key(const struct command_call *call, bool make, struct error *err)
{
    char folder[PATH_MAX], path[PATH_MAX + 16];
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    struct error none;
    bool is_folder, here = local_folder(call->config, false, folder, sizeof(folder), &none);
    int64_t bytes;
    snprintf(path, sizeof(path), "%s/house.db", here ? folder : "");
    if (!here || !file_look(path, &is_folder, &bytes)) {
        int size = base && base[0] == '/' ? snprintf(folder, sizeof(folder), "%s/posthouse", base)
                   : home && home[0]
                       ? snprintf(folder, sizeof(folder), "%s/.config/posthouse", home)
                       : -1;
        if (size < 0 || size >= (int)sizeof(folder)) {
            error_set(err, ERROR_NOT_FOUND, "there is no place for the key that signs");
            error_fix(err, "set HOME or XDG_CONFIG_HOME");
            return NULL;
        }
        if (!folder_make(folder, 0700, err))
            return NULL;
    }
    snprintf(path, sizeof(path), "%s/sign.key", folder);
    if (!make && !file_look(path, &is_folder, &bytes)) {
        error_set(err, ERROR_NOT_FOUND, "this machine has signed nothing yet");
        error_fix(err, "give the signer's key with --key, or ask the house: --house");
        return NULL;
    }
    return sign_open(path, err);
}
