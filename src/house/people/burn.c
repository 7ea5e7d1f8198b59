// Whose name stands in the pictures that somebody is shown.
#include "house/people/people.h"

#include <string.h>

static bool wanted(struct db_tx *tx, const char *project, char to[16], struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select burn_names from projects where id = ?1", "s", project);
    text_copy(text_of(db_next(rows) ? db_text(rows, 0) : ""), to, 16);
    return db_end(rows, err);
}

bool people_burn(struct db_tx *tx, const struct who *who, const char *project, bool *burns,
                 struct error *err)
{
    char rule[16];
    *burns = false;
    if (!wanted(tx, project, rule, err))
        return false;
    *burns = strcmp(rule, "all") == 0 || (rule[0] && who->kind == WHO_SHARE);
    if (*burns || !rule[0] || !who->person || who->admin)
        return true;
    struct db_rows *rows =
        db_query(tx, "select role from members where project = ?1 and person = ?2", "ss", project,
                 who->person);
    const char *role = db_next(rows) ? db_text(rows, 0) : "guest";
    *burns = strcmp(role, "guest") == 0 || strcmp(role, "reviewer") == 0;
    return db_end(rows, err);
}

bool people_burn_words(struct db_tx *tx, const struct who *who, struct arena *a, const char **words,
                       struct error *err)
{
    *words = "unknown viewer";
    struct db_rows *rows =
        who->kind == WHO_SHARE
            ? db_query(tx, "select title from shares where id = ?1", "s", who->share)
            : db_query(tx, "select name || ' <' || email || '>' from people where id = ?1", "s",
                       who->person);
    if (db_next(rows))
        *words = who->kind == WHO_SHARE ? arena_format(a, "link: %s", db_text(rows, 0))
                                        : arena_text(a, db_text(rows, 0));
    return db_end(rows, err);
}
