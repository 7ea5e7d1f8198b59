// posthouse submit, for scenes: which renderer, which files, which values of its template.
#pragma once
#include "cmd/client.h"

// Is the word a template itself? By its ending: yaml, yml, json.
bool submit_is_template(const char *word);
// Finds the renderer that the house knows for a scene, refuses a scene whose files are missing, and
// fills in the template's parameters and the outputs that are looked at. What `values` and `options`
// have already counts more. *template and *name live in the call's arena.
MUST_CHECK bool submit_scene(struct command_call *call, struct house *h, const char *scene,
                             json_t *values, json_t *options, const char **template,
                             const char **name, struct error *err);
