// posthouse mount: a house's projects as a folder of this machine.
#include "doors/mount.h"
#include "cmd/client.h"
#include "doors/far.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 12 };

static void say_ready(void *context)
{
    fprintf(stderr, "posthouse: %s is there; unmount it, or press Ctrl-C, to end\n",
            (const char *)context);
}

// Where blocks and what is being written lie: a folder of this mount alone.
static bool cache_folder(struct command_call *call, char *to, size_t room, struct error *err)
{
    const char *given = config_text(call->config, "mount.cache.folder"),
               *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int size = given[0]          ? snprintf(to, room, "%s/%d", given, (int)getpid())
               : base && base[0] ? snprintf(to, room, "%s/posthouse/mount/%d", base, (int)getpid())
               : home && home[0]
                   ? snprintf(to, room, "%s/.cache/posthouse/mount/%d", home, (int)getpid())
                   : snprintf(to, room, "/tmp/posthouse-mount-%d", (int)getpid());
    if (size > 0 && (size_t)size < room)
        return true;
    error_set(err, ERROR_INPUT, "the folder of the cache has too long a name");
    return error_fix(err, "set mount.cache.folder to another one");
}

static bool mount_it(struct command_call *call, struct house *h, struct error *err)
{
    char cache[PATH_MAX];
    const char *project = option_text(call, "project");
    const char *root = project ? arena_format(call->arena, "/%s", project) : "/";
    struct far_node node;
    if (!cache_folder(call, cache, sizeof(cache), err) ||
        !far_find(h->client, root, call->arena, &node, err))
        return false;
    if (!node.folder)
        return error_set(err, ERROR_INPUT, "%s is a file, no folder of the house", root);
    struct mount_wish wish = {.house = h->client,
                              .folder = call->words[0],
                              .root = node.path,
                              .cache = cache,
                              .cache_bytes = config_int(call->config, "mount.cache"),
                              .ahead_bytes = config_int(call->config, "mount.ahead"),
                              .read_only = option_flag(call, "read-only"),
                              .allow_other = option_flag(call, "allow-other"),
                              .ready = say_ready,
                              .context = (void *)(uintptr_t)call->words[0]};
    bool ok = mount_serve(&wish, err);
    rmdir(cache);
    return ok;
}

static int run(struct command_call *call)
{
    struct house h = {0};
    struct error err;
    error_clear(&err);
    bool ok = house_open(call, LINES, &h, &err) && mount_it(call, &h, &err);
    house_close(&h);
    return ok ? 0 : command_failed(&err);
}

static const struct option_row options[] = {
    {"project", OPTION_TEXT, "PATH",
     "a project, or a folder of it as PROJECT/FOLDER (all of them)"},
    {"read-only", OPTION_FLAG, NULL, "nothing can be written"},
    {"allow-other", OPTION_FLAG, NULL,
     "other users of this machine see it too (user_allow_other in /etc/fuse.conf), for Samba"},
    CLIENT_OPTIONS,
    {0},
};
const struct command command_mount = {
    "mount",
    "DIR",
    "a house's projects as a folder of this machine",
    "Shows projects, folders and the newest versions of assets in DIR, which is there and empty.\n"
    "Files open at once: what is read is fetched then, ahead of who reads on, and kept in a cache\n"
    "of at most mount.cache in mount.cache.folder. What is written is in the house, durable and a\n"
    "further version, when the program's close returns; docs/doors.md says more. It stays in the\n"
    "foreground until it is unmounted (fusermount3 -u DIR) or stopped.",
    options,
    1,
    1,
    run,
};
