/*
 * cmd/settings: the table of the house's settings, and where its parts lie.
 */
#pragma once
#include "base/config.h"

extern const struct setting settings[];
extern const size_t setting_count;

// Where data/ lies: the setting data.folder, else ../data beside a build tree's program, else
// ../share/posthouse of an installed one.
bool settings_data_folder(const struct config *c, char *to, size_t room);
// Where the built page lies: web.folder, else web/ beside the program, else ../share/posthouse/web.
bool settings_web_folder(const struct config *c, char *to, size_t room);
