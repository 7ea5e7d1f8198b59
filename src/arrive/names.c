#include "arrive/arrive.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool ends(const char *name, const char *with)
{
    size_t size = strlen(name), tail = strlen(with);
    return size >= tail && strcasecmp(name + size - tail, with) == 0;
}

// ".clip.mov.Xa91Zq": what rsync calls a file until it is whole.
static bool of_rsync(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (name[0] != '.' || !dot || dot == name || strlen(dot + 1) != 6)
        return false;
    for (const char *c = dot + 1; *c; c++)
        if (!isalnum((unsigned char)*c))
            return false;
    return strchr(name + 1, '.') != dot; // a name with an ending of its own before that
}

static const char *const locks[] = {".prlock", ".lck", ".lock", ".idlk", ".aelock", NULL};

bool arrive_name_lock(const char *name, char *stem, size_t room)
{
    const char *from = name[0] == '~' ? name + 1 : name;
    for (size_t i = 0; locks[i]; i++)
        if (ends(name, locks[i]) && strlen(name) > strlen(locks[i]) + (size_t)(from - name)) {
            snprintf(stem, room, "%.*s", (int)(strlen(from) - strlen(locks[i])), from);
            return true;
        }
    return false;
}

bool arrive_name_unfinished(const char *name)
{
    static const char *const endings[] = {
        ".part",      ".partial",     ".tmp",      ".temp",       ".crdownload",
        ".download",  ".half",        ".filepart", ".opdownload", ".aspera-ckpt",
        ".uploading", ".in-progress", "~",         NULL};
    char stem[256];
    for (size_t i = 0; endings[i]; i++)
        if (ends(name, endings[i]))
            return true;
    return strncmp(name, "~$", 2) == 0 || strncmp(name, ".~lock.", 7) == 0 || of_rsync(name) ||
           arrive_name_lock(name, stem, sizeof(stem));
}

static bool matches(const char *patterns, const char *path)
{
    char pattern[1024];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (text rest = text_of(patterns); rest.size;) {
        text one = text_cut(&rest, '\n');
        if (!one.size || !text_copy(one, pattern, sizeof(pattern)))
            continue;
        bool whole = strchr(pattern, '/') != NULL;
        if (fnmatch(pattern, whole ? path : name, FNM_CASEFOLD) == 0)
            return true;
    }
    return false;
}

bool arrive_wanted(const struct arrive_rules *rules, const char *path)
{
    return (!rules->include || matches(rules->include, path)) &&
           !(rules->exclude && matches(rules->exclude, path));
}

const char *arrive_why(enum arrive_state state)
{
    static const char *const words[] = {
        [ARRIVE_READY] = "may be taken",
        [ARRIVE_CHANGING] = "is still changing, or was seen too few times",
        [ARRIVE_YOUNG] = "has changed a short while ago",
        [ARRIVE_WRITTEN] = "is open for writing in another program",
        [ARRIVE_NAMED] = "has the name of something unfinished",
        [ARRIVE_LOCKED] = "is locked: it is open in an editing program",
        [ARRIVE_LEFT_OUT] = "is left out by the rules",
    };
    return words[state];
}
