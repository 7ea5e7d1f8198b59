#include "sync/names.h"

#include "house/tree/tree.h"
#include "plat/clock.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NAME_MOST = 255 };

static bool plain(const char *name) // ASCII without controls
{
    for (const unsigned char *at = (const unsigned char *)name; *at; at++)
        if (*at < ' ' || *at > '~')
            return false;
    return true;
}

const char *sync_key(struct arena *a, const char *path)
{
    if (!plain(path))
        return tree_fold(a, path);
    char *key = arena_text(a, path);
    for (char *at = key; *at; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
    return key;
}

const char *sync_name_of(const char *path)
{
    return tree_name_of(path);
}

const char *sync_name_bad(const char *name)
{
    struct error err;
    const char *path;
    if (plain(name))
        return strlen(name) > NAME_MOST ? "its name is longer than 255 bytes" : "";
    if (!text_utf8(text_of(name)))
        return "its name is not UTF-8";
    struct arena *a = arena_open(1 << 16);
    bool fine = tree_path(text_of(name), a, &path, &err);
    arena_close(a);
    return fine ? "" : "its name is longer than 255 bytes or has a control character in it";
}

const char *sync_name_awkward(const char *name)
{
    static const char *const devices[] = {"CON", "PRN", "AUX", "NUL", "COM", "LPT"};
    size_t size = strlen(name), stem = strcspn(name, ".");
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        bool numbered = i >= 4;
        if (strncasecmp(name, devices[i], 3) == 0 && stem == (numbered ? 4u : 3u) &&
            (!numbered || (name[3] >= '1' && name[3] <= '9')))
            return "Windows keeps this name for a device";
    }
    if (strpbrk(name, "<>:\"|?*\\"))
        return "Windows has no < > : \" | ? * \\ in names";
    if (size && (name[size - 1] == '.' || name[size - 1] == ' '))
        return "Windows drops a dot or space at the end of a name";
    return "";
}

const char *sync_conflict_name(struct arena *a, const char *name, const char *user,
                               const char *host, int64_t at_ms, int number)
{
    const char *dot = strrchr(name, '.'), *again = "";
    short_text when = clock_text(at_ms);
    size_t ending = dot && dot > name && strlen(dot) <= 16 ? strlen(dot) : 0;
    char at[24];
    snprintf(at, sizeof(at), "%.10s %.2s.%.2s.%.2s", when.text, when.text + 11, when.text + 14,
             when.text + 17);
    if (number > 1)
        again = arena_format(a, " %d", number);
    const char *behind =
        arena_format(a, " (conflict of %.40s at %.40s %s%s)", user, host, at, again);
    size_t stem = strlen(name) - ending, room = NAME_MOST - strlen(behind) - ending;
    while (stem > room || (stem && ((unsigned char)name[stem] & 0xc0) == 0x80))
        stem--; // whole letters
    return arena_format(a, "%.*s%s%s", (int)stem, name, behind, name + strlen(name) - ending);
}
