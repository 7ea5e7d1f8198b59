// Names that say which version they are: "sc010_comp_v002.mov", "Reel 3 V4.mxf",
// "plate.v001.####.exr".
#include "house/assets/inside.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct version_name {
    text before, after; // of the version with its separator: "sc010_comp", ".mov"
};

static bool separates(char c)
{
    return c == '_' || c == '-' || c == '.' || c == ' ';
}

// The last "v" with one to four digits that stands by itself.
static bool version_name_parse(text name, struct version_name *parts)
{
    bool found = false;
    for (size_t at = 1; at + 1 < name.size; at++) {
        size_t digits = 0;
        if ((name.at[at] != 'v' && name.at[at] != 'V') || !separates(name.at[at - 1]))
            continue;
        while (at + 1 + digits < name.size && isdigit((unsigned char)name.at[at + 1 + digits]))
            digits++;
        size_t end = at + 1 + digits;
        if (!digits || digits > 4 || (end < name.size && !separates(name.at[end])))
            continue;
        *parts = (struct version_name){{name.at, at - 1}, {name.at + end, name.size - end}};
        found = true;
    }
    return found;
}

static bool same(text a, text b)
{
    return a.size == b.size && strncasecmp(a.at, b.at, a.size) == 0;
}

bool asset_by_version_name(struct db_tx *tx, const char *project, const char *folder,
                           const char *name, char asset[27], struct error *err)
{
    struct version_name mine, other;
    char before[256];
    int64_t wanted = 0;
    asset[0] = 0;
    if (!version_name_parse(text_of(name), &mine) || !mine.before.size ||
        !text_copy(mine.before, before, sizeof(before)))
        return true;
    if (!db_one_int(tx, &wanted, 0, err, "select version_names from projects where id = ?1", "s",
                    project))
        return false;
    if (!wanted)
        return true;
    // The keys of names that begin so: a number ends where the separator stands.
    struct arena *a = arena_open(1 << 16);
    char *key = arena_text(a, name_sort_key(a, before));
    key[strcspn(key, "\x01")] = 0;
    const char *end = arena_format(a, "%s\xf4\x8f\xbf\xbf", key);
    struct db_rows *rows = db_query(
        tx,
        "select id, name from assets where project = ?1 and folder = ?2 and deleted = 0 and "
        "sort_name >= ?3 and sort_name < ?4 order by created_ms desc, sort_name desc",
        "ssss", project, folder ? folder : "", key, end);
    while (db_next(rows))
        if (!asset[0] && version_name_parse(text_of(db_text(rows, 1)), &other) &&
            same(mine.before, other.before) && same(mine.after, other.after))
            text_copy(text_of(db_text(rows, 0)), asset, 27);
    arena_close(a);
    return db_end(rows, err);
}
