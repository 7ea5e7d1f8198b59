// posthouse config: every setting, its value and where it came from.
#include "cmd/command.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static int run(struct command_call *call)
{
    if (option_flag(call, "json")) {
        json_t *all = json_array();
        for (size_t i = 0; i < config_count(call->config); i++) {
            const struct setting *s = config_row(call->config, i);
            json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s}", "name", s->name, "value",
                                                 s->value, "source", s->source, "help", s->help));
        }
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(all);
        return 0;
    }
    for (size_t i = 0; i < config_count(call->config); i++) {
        const struct setting *s = config_row(call->config, i);
        printf("%-18s %-14s %-12s %s\n", s->name, s->value[0] ? s->value : "-", s->source, s->help);
    }
    return 0;
}

static const struct option_row options[] = {{"json", OPTION_FLAG, NULL, "print JSON, for scripts"},
                                            {0}};
const struct command command_config = {
    "config",
    "",
    "show every setting and where it came from",
    "Settings come from house.conf in the house's folder (lines `name = value`), then the "
    "environment\n"
    "(POSTHOUSE_MEDIA_PORT for media.port), then --name=value, each over the one before.",
    options,
    0,
    1,
    run,
};
