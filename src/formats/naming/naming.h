/*
 * formats/naming: names of files by a pattern, as outlets ask for them.
 *
 *   {"pattern": "{title}[_S{season:2}E{episode:2}]_{language}_{size}_{date}", "characters":
 *    "A-Za-z0-9_-", "replace": "_", "case": "upper", "length": 64}
 *
 * {field} is filled in, {field:3} as a number of three digits at least; what is between [ and ] is
 * left out when one of its fields has no value. Letters with accents lose them where only the
 * letter is allowed; what is not allowed becomes `replace`, once for several in a row. `length`
 * counts bytes of the name with its ending. Without "characters" all is allowed that a file's name
 * may hold.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

#include <jansson.h>

enum { NAMING_LENGTH_MOST = 255 };

// All fields that there are, ends in NULL; what each stands for.
struct naming_field {
    const char *name, *help;
};
extern const struct naming_field naming_fields[];

// Whether a profile's "naming" can be used; *why when it can not.
bool naming_check(const json_t *naming, char why[200]);
// `values`: texts by field. INPUT names the fields without a value, or how much it is too long.
// `extension`: with its dot, as it is.
MUST_CHECK bool naming_make(const json_t *naming, const json_t *values, const char *extension,
                            char name[256], struct error *err);
