// Paths and names as they come from other systems.
#include "house/tree/tree.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

enum { PART_MOST = 255, PATH_MOST = 4096 };

static char *mapped(struct arena *a, const char *name, utf8proc_option_t how)
{
    utf8proc_uint8_t *made = NULL;
    utf8proc_ssize_t size = utf8proc_map(
        (const utf8proc_uint8_t *)name, 0, &made,
        (utf8proc_option_t)(UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | how));
    char *kept = size < 0 ? arena_text(a, name) : arena_copy(a, (const char *)made, (size_t)size);
    free(made);
    return kept;
}

const char *tree_fold(struct arena *a, const char *name)
{
    return mapped(a, name, UTF8PROC_CASEFOLD);
}

static bool refuse(struct error *err, const char *why)
{
    error_set(err, ERROR_INPUT, "this path can not be used");
    error_why(err, "%s", why);
    return error_fix(err, "give it a plain name and try again");
}

static bool part_fine(const char *part, struct error *err)
{
    if (strcmp(part, ".") == 0 || strcmp(part, "..") == 0)
        return refuse(err, "it has \".\" or \"..\" as a part");
    if (strlen(part) > PART_MOST)
        return refuse(err, "a part of it is longer than 255 bytes");
    for (const unsigned char *at = (const unsigned char *)part; *at; at++)
        if (*at < ' ' || *at == 127 || (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0))
            return refuse(err, "it has a control character in it, such as a line end or tab");
    return true;
}

bool tree_path(text raw, struct arena *a, const char **path, struct error *err)
{
    struct buf to = BUF_LIMIT(PATH_MOST);
    bool ok = true;
    if (raw.size > 4 * PATH_MOST || !text_utf8(raw))
        return refuse(err, "it is too long, not valid UTF-8, or has a NUL in it");
    for (text rest = raw; ok && rest.size;) {
        text part = text_cut(&rest, '/');
        if (!part.size)
            continue;
        const char *name = mapped(a, arena_copy(a, part.at, part.size), 0);
        ok = part_fine(name, err);
        buf_text(&to, "/");
        buf_text(&to, name);
    }
    if (ok && to.over)
        ok = refuse(err, "the whole path is longer than 4,096 bytes");
    *path = to.size ? arena_copy(a, to.at, to.size) : "/";
    buf_free(&to);
    return ok;
}

// Of operating systems and file managers; of Avid, Premiere, Office and the like while a file is
// open; of programs that write beside and rename (rsync, rclone, WinSCP, browsers, editors).
bool tree_name_passing(const char *name)
{
    static const char *const whole[] = {"Thumbs.db", "desktop.ini", "Icon\r"};
    static const char *const begins[] = {".", "~"};
    static const char *const ends[] = {"~",     ".tmp",      ".temp", ".lck",
                                       ".lock", ".prlock",   ".part", ".partial",
                                       ".swp",  ".filepart", ".lk",   ".crdownload"};
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        if (strcasecmp(name, whole[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
        if (strncmp(name, begins[i], strlen(begins[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (size > strlen(ends[i]) && strcasecmp(name + size - strlen(ends[i]), ends[i]) == 0)
            return true;
    return strstr(name, ".sb-") != NULL; // of the Mac's safe saving
}

const char *tree_name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *tree_parent_of(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash > path ? arena_copy(a, path, (size_t)(slash - path)) : "/";
}

const char *tree_below(struct arena *a, const char *path, const char *name)
{
    return arena_format(a, "%s/%s", strcmp(path, "/") == 0 ? "" : path, name);
}
