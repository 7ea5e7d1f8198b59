#include "cmd/master.h"
#include "formats/profile/hdr.h"
#include "plat/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool measured(struct command_call *call, const struct media *m, const char *folder,
                     const json_t *facts, struct hdr_light *to, struct error *err)
{
    json_t *result = NULL;
    const char *temporary = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    const char *work = arena_format(call->arena, "%s/.posthouse-light-%d",
                                    folder ? folder : temporary, (int)getpid());
    struct error ignored;
    bool done = folder_make(work, 0755, err) &&
                media_measure(call, m, facts, work, option_flag(call, "json"), &result, err);
    const json_t *light = json_object_get(result, "light");
    *to = (struct hdr_light){(int)json_integer_value(json_object_get(light, "max_cll")),
                             (int)json_integer_value(json_object_get(light, "max_fall"))};
    if (done && !light) {
        error_set(err, ERROR_INPUT, "the light levels of %s can not be measured", m->name);
        error_why(err, "they are of PQ pictures (SMPTE ST 2084), and it does not say it is one");
        done = error_fix(err, "leave --light out");
    }
    if (!folder_remove(work, &ignored))
        fprintf(stderr, "posthouse: %s is left behind: %s\n", work, ignored.why);
    json_decref(result);
    return done;
}

bool master_state(struct command_call *call, const struct media *m, const char *folder,
                  json_t *facts, struct error *err)
{
    const char *display = option_text(call, "mastering-display"),
               *light = option_text(call, "light");
    struct hdr_display d;
    struct hdr_light l;
    if (display) {
        if (!hdr_display_parse(display, &d, err))
            return false;
        hdr_state(facts, &d, NULL);
    }
    if (!light)
        return true;
    if (!(strcmp(light, "measure") == 0 ? measured(call, m, folder, facts, &l, err)
                                        : hdr_light_parse(light, &l, err)))
        return false;
    hdr_state(facts, NULL, &l);
    return true;
}
