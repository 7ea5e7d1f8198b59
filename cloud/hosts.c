// Lists of machines as Slurm hands them to its programs.
#include "cloud/cloud.h"

#include <string.h>

static bool host_wrong(text list, struct error *err)
{
    error_set(err, ERROR_INPUT, "'%.*s' is no list of machines",
              (int)(list.size < 100 ? list.size : 100), list.at);
    return error_fix(err, "write names, or c[1-4,7]");
}

bool host_name(text t)
{
    for (size_t i = 0; i < t.size; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", t.at[i]) ||
            !t.at[i])
            return false;
    return t.size && t.size <= 63 && t.at[0] != '-';
}

static bool host_add(struct arena *a, text name, const char **names, size_t room, size_t *count,
                     struct error *err)
{
    if (!host_name(name))
        return host_wrong(name, err);
    if (*count == room)
        return error_set(err, ERROR_TOO_BIG, "there are more than %zu machines in the list", room);
    names[(*count)++] = arena_copy(a, name.at, name.size);
    return true;
}

// "1-4,07-09" between the brackets of "c[...]x".
static bool host_ranges(struct arena *a, text prefix, text ranges, text suffix, const char **names,
                        size_t room, size_t *count, struct error *err)
{
    while (ranges.size) {
        text last = text_cut(&ranges, ','), first = text_cut(&last, '-');
        int64_t from, to;
        size_t width = first.size;
        last = last.size ? last : first;
        if (!text_int(first, &from) || !text_int(last, &to) || from < 0 || to < from ||
            to - from > (int64_t)room || width > 18)
            return host_wrong(prefix, err);
        for (int64_t i = from; i <= to; i++) {
            const char *name = arena_format(a, "%.*s%0*lld%.*s", (int)prefix.size, prefix.at,
                                            (int)width, (long long)i, (int)suffix.size, suffix.at);
            if (!host_add(a, text_of(name), names, room, count, err))
                return false;
        }
    }
    return true;
}

bool hosts_expand(struct arena *a, text list, const char **names, size_t room, size_t *count,
                  struct error *err)
{
    text whole = list;
    *count = 0;
    if (list.size > 60000)
        return host_wrong(whole, err);
    while (list.size) {
        size_t end = 0, depth = 0;
        for (; end < list.size && (depth || list.at[end] != ','); end++)
            depth = list.at[end] == '['            ? depth + 1
                    : list.at[end] == ']' && depth ? depth - 1
                                                   : depth;
        text one = {list.at, end};
        list = (text){list.at + end + (end < list.size), list.size - end - (end < list.size)};
        const char *open = one.size ? memchr(one.at, '[', one.size) : NULL;
        const char *close = open ? memchr(open, ']', (size_t)(one.at + one.size - open)) : NULL;
        if (open && (!close || close == open + 1))
            return host_wrong(whole, err);
        bool ok = open ? host_ranges(a, (text){one.at, (size_t)(open - one.at)},
                                     (text){open + 1, (size_t)(close - open - 1)},
                                     (text){close + 1, (size_t)(one.at + one.size - close - 1)},
                                     names, room, count, err)
                       : host_add(a, one, names, room, count, err);
        if (!ok)
            return false;
    }
    return *count || host_wrong(whole, err);
}
