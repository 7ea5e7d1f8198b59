// What asks, told in a few words from its User-Agent: for the list of sessions and the audit log.
#include "api/inside.h"

#include <ctype.h>
#include <string.h>

struct word {
    const char *mark, *name;
};
// The first that fits counts: the others carry the marks of those they want to be taken for.
static const struct word browsers[] = {{"Edg/", "Edge"},       {"OPR/", "Opera"},
                                       {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
                                       {"CriOS/", "Chrome"},    {"Chrome/", "Chrome"},
                                       {"Version/", "Safari"}};
static const struct word systems[] = {{"iPhone", "iPhone"},   {"iPad", "iPad"},
                                      {"Android", "Android"}, {"Windows", "Windows"},
                                      {"Mac OS X", "macOS"},  {"CrOS", "ChromeOS"},
                                      {"Linux", "Linux"}};

const char *device_named(struct arena *a, const char *user_agent)
{
    if (!user_agent)
        return "";
    const char *system = NULL;
    for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]) && !system; i++)
        if (strstr(user_agent, systems[i].mark))
            system = systems[i].name;
    for (size_t i = 0; i < sizeof(browsers) / sizeof(browsers[0]); i++) {
        const char *at = strstr(user_agent, browsers[i].mark);
        if (!at)
            continue;
        at += strlen(browsers[i].mark);
        return arena_format(a, "%s %.*s%s%s", browsers[i].name, (int)strspn(at, "0123456789"), at,
                            system ? " on " : "", system ? system : "");
    }
    // A program: "curl/7.88.1". Only its first word, and only what prints.
    char name[48];
    size_t size = 0;
    for (const char *at = user_agent; *at && *at != ' ' && size + 1 < sizeof(name); at++)
        if (isprint((unsigned char)*at))
            name[size++] = *at == '/' ? ' ' : *at;
    name[size] = 0;
    return arena_text(a, name);
}
