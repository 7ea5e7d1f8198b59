#include "cmd/put_lists.h"
#include "formats/mhl/mhl.h"
#include "formats/sums/sums.h"
#include "house/transfer/lists.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTS_MOST = 200, LIST_BYTES = 64 << 20, WANTED_MOST = 5000 };

struct line { // of a list: what a file of its folder is to be
    const char *list, *name, *kind, *digest;
};

struct put_lists {
    struct arena *a;
    const char *folder; // whose lists were read; NULL: none yet
    struct line *lines;
    size_t count, room;
    json_t *wanted;
};

struct put_lists *put_lists_open(void)
{
    struct arena *a = arena_open((size_t)4 << 30);
    struct put_lists *l = ARENA_NEW(a, struct put_lists);
    l->a = a;
    l->wanted = json_array();
    return l;
}

void put_lists_close(struct put_lists *l)
{
    if (!l)
        return;
    json_decref(l->wanted);
    arena_close(l->a);
}

const json_t *put_lists_wanted(const struct put_lists *l)
{
    return l->wanted;
}

static void add_line(struct put_lists *l, const struct line *line)
{
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 64;
        struct line *more = ARENA_ARRAY(l->a, struct line, l->room);
        if (l->count)
            memcpy(more, l->lines, l->count * sizeof(*more));
        l->lines = more;
    }
    l->lines[l->count++] = *line;
}

// NULL when it can not be read, or is none: nobody asked for it.
static char *read_all(struct put_lists *l, const char *path, size_t *size)
{
    struct stat st;
    char *at = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= LIST_BYTES) {
        at = arena_take(l->a, (size_t)st.st_size + 1);
        ssize_t got = 0;
        *size = 0;
        while (*size < (size_t)st.st_size &&
               (got = read(fd, at + *size, (size_t)st.st_size - *size)) > 0)
            *size += (size_t)got;
        at = got < 0 ? NULL : at;
    }
    if (fd >= 0)
        close(fd);
    return at;
}

static void read_mhl(struct put_lists *l, const char *name, text bytes)
{
    struct mhl_list list;
    struct error ignored;
    if (!mhl_read(bytes, l->a, &list, &ignored))
        return;
    for (size_t i = 0; i < list.count; i++) {
        const struct mhl_entry *e = &list.entries[i];
        for (int k = 0; k < MHL_KINDS && !e->folder && !strchr(e->path, '/'); k++)
            if (e->digests[k].text && e->digests[k].action != MHL_FAILED)
                add_line(l, &(struct line){name, e->path, mhl_names[k], e->digests[k].text});
    }
}

static void read_sums(struct put_lists *l, const char *name, const char *kind, text bytes)
{
    struct sum *rows;
    struct error ignored;
    size_t count;
    const char *dot = strrchr(name, '.');
    if (!sums_read(bytes, kind, l->a, &rows, &count, &ignored))
        return;
    for (size_t i = 0; i < count; i++) {
        const char *of = rows[i].path;
        if (!of && dot && count == 1) // a sidecar: clip.mov.md5
            of = arena_copy(l->a, name, (size_t)(dot - name));
        if (of && strncmp(of, "./", 2) == 0)
            of += 2;
        if (of && !strchr(of, '/'))
            add_line(l, &(struct line){name, of, rows[i].kind, rows[i].digest});
    }
}

static void read_folder(struct put_lists *l, const char *folder)
{
    struct dirent *e;
    DIR *dir = opendir(folder);
    int lists = 0;
    l->folder = arena_text(l->a, folder);
    l->count = 0;
    while (dir && lists < LISTS_MOST && (e = readdir(dir))) {
        size_t size = 0;
        const char *kind = NULL, *name = arena_text(l->a, e->d_name);
        if (!list_named(name))
            continue;
        lists++;
        const char *at = read_all(l, arena_format(l->a, "%s/%s", folder, name), &size);
        if (at && sums_named(name, &kind))
            read_sums(l, name, kind, (text){at, size});
        else if (at)
            read_mhl(l, name, (text){at, size});
    }
    if (dir)
        closedir(dir);
}

void put_lists_add(struct put_lists *l, const char *folder, const char *name, const char *as)
{
    if (!l->folder || strcmp(l->folder, folder) != 0)
        read_folder(l, folder);
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->lines[i].name, name) == 0 && json_array_size(l->wanted) < WANTED_MOST)
            json_array_append_new(l->wanted, json_pack("{s:s, s:s, s:s, s:s}", "path", as, "list",
                                                       l->lines[i].list, "kind", l->lines[i].kind,
                                                       "digest", l->lines[i].digest));
}
