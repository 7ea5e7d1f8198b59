#include "cmd/state.h"
#include "cmd/settings.h"

#include <limits.h>
#include <stdio.h>

struct db *state_open(const struct config *c, const char *path, int readers, struct error *err)
{
    char data[PATH_MAX], migrations[PATH_MAX + 16];
    if (!settings_data_folder(c, data, sizeof(data))) {
        error_set(err, ERROR_NOT_FOUND, "cannot find the house's data folder");
        error_fix(err, "set data.folder to where profiles and migrations lie");
        return NULL;
    }
    snprintf(migrations, sizeof(migrations), "%s/migrations", data);
    return db_open(&(struct db_wish){.path = path, .migrations = migrations, .readers = readers},
                   err);
}
