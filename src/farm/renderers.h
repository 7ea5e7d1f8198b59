/*
 * farm/renderers: the renderers of a folder of data (data/renderers), read once.
 */
#pragma once
#include "formats/renderlog/renderlog.h"

struct renderers;

// All of them, or an error that names the file and the line. May be shared by threads.
MUST_CHECK struct renderers *renderers_open(const char *folder, struct error *err);
void renderers_close(struct renderers *all); // NULL is fine
// NULL when there is none.
const struct renderer *renderers_named(const struct renderers *all, const char *name);
const struct renderer *renderers_of_command(const struct renderers *all, const char *argv0);
// The first choice for a scene, else any that can. The error lists what there is.
MUST_CHECK const struct renderer *renderers_of_scene(const struct renderers *all, const char *scene,
                                                     struct error *err);
