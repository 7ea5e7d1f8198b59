// Paths that others say, below a folder with links that lead out of it: whatever is opened or
// listed lies below the root, and nothing that is opened is a link, a pipe or a folder.
#include "plat/beneath.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

static char top[64], root[PATH_MAX];

static void file_at(const char *name)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", top, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) != 0)
        abort();
}

static void link_at(const char *to, const char *name)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", top, name);
    if (symlink(to, path) != 0)
        abort();
}

static void folder_at(const char *name)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", top, name);
    if (mkdir(path, 0700) != 0)
        abort();
}

static void clear(void)
{
    static const char *const all[] = {"root/a/b/deep", "root/a/b",    "root/a/clip", "root/a/out",
                                      "root/a/up",     "root/a",      "root/abs",    "root/loop",
                                      "root/proc",     "root/secret", "root/pipe",   "root/clip",
                                      "root/\xff\xfe", "root",        "secret",      ""};
    char path[PATH_MAX + 64];
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", top, all[i]);
        (void)!remove(path);
    }
}

static void make(void)
{
    char path[PATH_MAX + 64];
    snprintf(top, sizeof(top), "/tmp/fuzz-beneath-XXXXXX");
    if (!mkdtemp(top))
        abort();
    atexit(clear);
    folder_at("root");
    folder_at("root/a");
    folder_at("root/a/b");
    file_at("secret");
    file_at("root/clip");
    file_at("root/\xff\xfe");
    file_at("root/a/clip");
    file_at("root/a/b/deep");
    link_at("../../..", "root/a/out");
    link_at("..", "root/a/up");
    link_at("/", "root/abs");
    link_at("loop", "root/loop");
    link_at("/proc/self/root", "root/proc");
    link_at("../secret", "root/secret");
    snprintf(path, sizeof(path), "%s/root/pipe", top);
    if (mkfifo(path, 0600) != 0)
        abort();
    snprintf(path, sizeof(path), "%s/root", top);
    if (!realpath(path, root))
        abort();
}

static void opened(const char *path)
{
    char own[64], is[PATH_MAX];
    struct beneath_file seen;
    struct stat s;
    int fd = beneath_open(root, path, &seen);
    if (fd < 0)
        return;
    snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
    ssize_t got = readlink(own, is, sizeof(is) - 1);
    size_t below = strlen(root);
    if (got < 0 || (size_t)got <= below || strncmp(is, root, below) != 0 || is[below] != '/' ||
        fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || seen.size != 1)
        abort();
    close(fd);
}

// All that a folder below the root can hold is what was made there.
static void listed(const char *path)
{
    static const char *const names[] = {"a",   "abs",  "b",    "clip",   "deep", "loop",
                                        "out", "pipe", "proc", "secret", "up",   "\xff\xfe"};
    struct beneath_folder f;
    if (beneath_look(root, path, false, &f) < 0)
        return;
    for (size_t i = 0; i < f.count; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            known = known || strcmp(names[k], f.entries[i].name) == 0;
        if (!known || (i && strcmp(f.entries[i - 1].name, f.entries[i].name) >= 0))
            abort();
    }
    beneath_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    char path[PATH_MAX];
    if (!*top)
        make();
    if (size >= sizeof(path))
        size = sizeof(path) - 1;
    if (size)
        memcpy(path, at, size);
    path[size] = 0;
    opened(path);
    listed(path);
    return 0;
}
