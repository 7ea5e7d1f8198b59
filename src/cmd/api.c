// posthouse api: the API's description, for programs that call it.
#include "api/api.h"
#include "api/shapes.h"
#include "cmd/command.h"

#include <stdio.h>
#include <string.h>

static int run(struct command_call *call)
{
    struct buf out = BUF_LIMIT(8 << 20);
    struct error err;
    if (strcmp(call->words[0], "openapi") == 0) {
        api_openapi(&out, POSTHOUSE_VERSION);
    } else if (strcmp(call->words[0], "reference") == 0) {
        api_reference(&out);
    } else if (strcmp(call->words[0], "types") == 0) {
        shapes_typescript(&out);
    } else {
        error_set(&err, ERROR_USAGE, "posthouse api %s is nothing it can print", call->words[0]);
        error_fix(&err, "say openapi, types or reference");
        return command_failed(&err);
    }
    bool whole = fwrite(out.at, 1, out.size, stdout) == out.size && fflush(stdout) == 0;
    buf_free(&out);
    return whole ? 0 : 3;
}

static const struct option_row options[] = {{0}};
const struct command command_api = {
    "api",
    "openapi|types|reference",
    "print the API's description",
    "openapi    the OpenAPI 3.1 document of all addresses under /api/v1\n"
    "types      the TypeScript types of everything that goes over the wire\n"
    "reference  all addresses as a Markdown table",
    options,
    1,
    1,
    run,
};
