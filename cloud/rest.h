// What providers whose answers are JSON share.
#pragma once
#include "cloud/cloud.h"

#include <jansson.h>

const char *cloud_setting(const struct cloud *c, const char *name); // a setting's text
json_t *cloud_answer(const struct reply *r); // NULL: it is none; the caller's
// A member of an object from outside: "" when it is not there or no text.
const char *cloud_word(const json_t *of, const char *name);
