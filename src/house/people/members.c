// Roles in projects, and what each of them may do.
#include "inside.h"
#include "plat/clock.h"

#include <stdio.h>
#include <string.h>

const char *const permission_names[PERMISSION_COUNT] = {"view", "comment", "download", "upload",
                                                        "edit", "share",   "deliver",  "manage"};

static const struct {
    const char *name;
    unsigned may;
} roles[] = {
    {"guest", MAY_VIEW},
    {"reviewer", MAY_VIEW | MAY_COMMENT},
    {"editor", MAY_ALL & ~(unsigned)MAY_MANAGE},
    {"owner", MAY_ALL},
};

unsigned role_permissions(const char *role)
{
    for (size_t i = 0; role && i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strcmp(roles[i].name, role) == 0)
            return roles[i].may;
    return 0;
}

bool role_valid(const char *role)
{
    return role_permissions(role) != 0;
}

bool people_role(struct db_tx *tx, const char *person, const char *project, struct arena *a,
                 const char **role, struct error *err)
{
    *role = NULL;
    struct db_rows *rows = db_query(
        tx, "select role from members where project = ?1 and person = ?2", "ss", project, person);
    if (db_next(rows))
        *role = arena_text(a, db_text(rows, 0));
    return db_end(rows, err);
}

// What the project asks of whoever takes files away.
static bool downloads_fit(struct db_tx *tx, const struct who *who, const char *project,
                          unsigned *may, struct error *err)
{
    struct db_rows *rows =
        db_query(tx, "select downloads_need from projects where id = ?1", "s", project);
    if (db_next(rows)) {
        const char *need = db_text(rows, 0);
        if ((strcmp(need, "factor") == 0 && !who->factor) ||
            (strcmp(need, "owner") == 0 && !(*may & MAY_MANAGE)))
            *may &= ~(unsigned)MAY_DOWNLOAD;
    }
    return db_end(rows, err);
}

bool people_may(struct db_tx *tx, const struct who *who, const char *project, unsigned *may,
                struct error *err)
{
    *may = 0;
    if (who->kind == WHO_SHARE) {
        if (who->project && strcmp(who->project, project) == 0)
            *may = who->share_may;
        return !(*may & MAY_DOWNLOAD) || downloads_fit(tx, who, project, may, err);
    }
    if (who->kind != WHO_PERSON || who->scope == SCOPE_WORKER)
        return true;
    if (who->admin) {
        *may = MAY_ALL;
    } else {
        struct db_rows *rows =
            db_query(tx, "select role from members where project = ?1 and person = ?2", "ss",
                     project, who->person);
        if (db_next(rows))
            *may = role_permissions(db_text(rows, 0));
        if (!db_end(rows, err))
            return false;
    }
    if (who->scope == SCOPE_READ)
        *may &= MAY_VIEW | MAY_DOWNLOAD;
    return !(*may & MAY_DOWNLOAD) || downloads_fit(tx, who, project, may, err);
}

struct listing {
    const char *project;
    struct arena *a;
    struct member *list;
    size_t count;
};

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct listing *l = context;
    int64_t count = 0;
    if (!db_one_int(tx, &count, 0, err, "select count(*) from members where project = ?1", "s",
                    l->project))
        return false;
    l->list = ARENA_ARRAY(l->a, struct member, (size_t)count + 1);
    struct db_rows *rows =
        db_query(tx,
                 "select p.id, p.name, p.email, p.admin, p.disabled, p.created_ms, m.role "
                 "from members m join people p on p.id = m.person where m.project = ?1 "
                 "order by p.name, p.id",
                 "s", l->project);
    while (db_next(rows))
        l->list[l->count++] = (struct member){
            .person = {.id = arena_text(l->a, db_text(rows, 0)),
                       .name = arena_text(l->a, db_text(rows, 1)),
                       .email = arena_text(l->a, db_text(rows, 2)),
                       .admin = db_int(rows, 3) != 0,
                       .disabled = db_int(rows, 4) != 0,
                       .created_ms = db_int(rows, 5)},
            .role = arena_text(l->a, db_text(rows, 6)),
        };
    return db_end(rows, err);
}

bool members_list(struct people *p, const char *project, struct arena *a, struct member **list,
                  size_t *count, struct error *err)
{
    struct listing l = {.project = project, .a = a};
    bool ok = db_read(p->db, list_in, &l, err);
    *list = l.list;
    *count = l.count;
    return ok;
}

bool members_first(struct db_tx *tx, const char *project, const char *person, struct error *err)
{
    return db_run(tx, err, "insert into members values (?1, ?2, 'owner', ?3)", "ssi", project,
                  person, clock_now_ms());
}

struct setting_role {
    const char *project, *person, *role; // role NULL: away
    bool must_exist;
    const struct who *by;
    const char *address;
};

static bool set_in(struct db_tx *tx, void *context, struct error *err)
{
    struct setting_role *s = context;
    int64_t there = 0, others = 0, was_owner = 0;
    if (!db_one_int(tx, &there, 0, err,
                    "select count(*) from members where project = ?1 and person = ?2", "ss",
                    s->project, s->person) ||
        !db_one_int(
            tx, &was_owner, 0, err,
            "select count(*) from members where project = ?1 and person = ?2 and role = 'owner'",
            "ss", s->project, s->person) ||
        !db_one_int(
            tx, &others, 0, err,
            "select count(*) from members m join people p on p.id = m.person "
            "where m.project = ?1 and m.person <> ?2 and m.role = 'owner' and p.disabled = 0",
            "ss", s->project, s->person))
        return false;
    if (s->must_exist && !there) {
        error_set(err, ERROR_NOT_FOUND, "this person is not in the project");
        return error_fix(err, "add them first");
    }
    bool stays_owner = s->role && strcmp(s->role, "owner") == 0;
    if (was_owner && !stays_owner && !others) {
        error_set(err, ERROR_CONFLICT, "the last owner can not leave the project");
        error_why(err, "nobody could manage it afterwards");
        return error_fix(err, "make somebody else owner first");
    }
    bool ok = true;
    if (!s->role)
        ok = db_run(tx, err, "delete from members where project = ?1 and person = ?2", "ss",
                    s->project, s->person);
    else if (there)
        ok = db_run(tx, err, "update members set role = ?3 where project = ?1 and person = ?2",
                    "sss", s->project, s->person, s->role);
    else
        ok = db_run(tx, err, "insert into members values (?1, ?2, ?3, ?4)", "sssi", s->project,
                    s->person, s->role, clock_now_ms());
    char detail[80];
    snprintf(detail, sizeof(detail), "%s %s", s->person, s->role ? s->role : "");
    return ok &&
           audit_add(tx, s->by, s->address, s->role ? "member.set" : "member.dropped", s->project,
                     detail, err) &&
           db_event(tx, "project.changed", s->project, s->project, NULL, err);
}

bool members_set(struct people *p, const char *project, const char *person, const char *role,
                 bool must_exist, const struct who *by, const char *address, struct error *err)
{
    if (!role_valid(role)) {
        error_set(err, ERROR_INPUT, "there is no role %s", role);
        return error_fix(err, "use owner, editor, reviewer or guest");
    }
    struct setting_role s = {project, person, role, must_exist, by, address};
    bool ok = db_write(p->db, set_in, &s, err);
    people_changed(p);
    return ok;
}

bool members_drop(struct people *p, const char *project, const char *person, const struct who *by,
                  const char *address, struct error *err)
{
    struct setting_role s = {project, person, NULL, true, by, address};
    bool ok = db_write(p->db, set_in, &s, err);
    people_changed(p);
    return ok;
}
