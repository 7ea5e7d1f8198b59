#include "house/deliver/watch.h"
#include "house/assets/assets.h"
#include "house/deliver/deliver.h"
#include "house/deliver/hooks.h"
#include "house/jobs/jobs.h"
#include "house/qc/reports.h"
#include "plat/clock.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { PROFILES_MOST = 32, RULES_MOST = 64, AGAIN_MOST = 500, DEPTH_MOST = 64 };

static bool no_rule(struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "there is no such watch rule");
}

// ---- administering

static bool wish_fits(struct db_tx *tx, const struct watch_wish *w, struct error *err)
{
    int64_t there = 1;
    text name = text_of(w->name);
    size_t count = json_array_size(w->profiles);
    if (!text_trim(name).size || name.size > 100 || !count || count > PROFILES_MOST) {
        error_set(err, ERROR_INPUT, "the rule can not be made");
        return error_fix(err, "it needs a name of 100 bytes at most, and 1 to %d profiles",
                         PROFILES_MOST);
    }
    if (w->folder && !db_one_int(tx, &there, 0, err,
                                 "select count(*) from folders where id = ?1 and project = ?2",
                                 "ss", w->folder, w->project))
        return false;
    if (!there)
        return error_set(err, ERROR_NOT_FOUND, "the project has no such folder");
    if (w->destination &&
        !db_one_int(tx, &there, 0, err,
                    "select count(*) from destinations where id = ?1 and gone = 0", "s",
                    w->destination))
        return false;
    return there || error_set(err, ERROR_NOT_FOUND, "there is no such destination");
}

static bool say(struct db_tx *tx, const char *project, const char *rule, struct error *err)
{
    return db_event(tx, "watch.changed", project, rule, NULL, err);
}

bool watch_rule_make(struct db_tx *tx, const struct watch_wish *w, int64_t now_ms, id *made,
                     struct error *err)
{
    char *profiles = json_dumps(w->profiles, JSON_COMPACT);
    *made = id_new();
    bool ok = profiles && wish_fits(tx, w, err) &&
              db_run(tx, err, "insert into watch_rules values (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8)",
                     "sssssssi", made->text, w->project, w->folder ? w->folder : "", w->name,
                     profiles, w->destination, w->by, now_ms) &&
              say(tx, w->project, made->text, err);
    free(profiles);
    return ok;
}

static bool project_of(struct db_tx *tx, const char *rule, char project[27], struct error *err)
{
    *project = 0;
    struct db_rows *rows = db_query(tx, "select project from watch_rules where id = ?1", "s", rule);
    if (db_next(rows))
        text_copy(text_of(db_text(rows, 0)), project, 27);
    return db_end(rows, err) && (*project || no_rule(err));
}

bool watch_rule_set(struct db_tx *tx, const char *rule, bool enabled, struct error *err)
{
    char project[27];
    return project_of(tx, rule, project, err) &&
           db_run(tx, err, "update watch_rules set enabled = ?2 where id = ?1", "si", rule,
                  (int64_t)enabled) &&
           say(tx, project, rule, err);
}

bool watch_rule_drop(struct db_tx *tx, const char *rule, struct error *err)
{
    char project[27];
    return project_of(tx, rule, project, err) &&
           db_run(tx, err, "delete from watch_runs where rule = ?1", "s", rule) &&
           db_run(tx, err, "delete from watch_rules where id = ?1", "s", rule) &&
           say(tx, project, rule, err);
}

bool watch_rule_list(struct db_tx *tx, const char *project, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows =
        db_query(tx,
                 "select w.id, w.folder, coalesce(f.name, ''), w.name, w.profiles, w.destination, "
                 "coalesce(d.name, ''), w.enabled, w.made_by, w.created_ms, (select count(*) from "
                 "watch_runs r "
                 "where r.rule = w.id), (select count(*) from watch_runs r where r.rule = w.id and "
                 "r.problem is "
                 "not null) from watch_rules w left join folders f on f.id = w.folder left join "
                 "destinations d "
                 "on d.id = w.destination where w.project = ?1 order by w.created_ms, w.id",
                 "s", project);
    while (db_next(rows)) {
        json_t *row = json_pack(
            "{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:I, s:I, s:o}", "id", db_text(rows, 0), "project",
            project, "where", *db_text(rows, 1) ? db_text(rows, 2) : "all of the project", "name",
            db_text(rows, 3), "enabled", (int)db_int(rows, 7), "by", db_text(rows, 8), "created",
            clock_text(db_int(rows, 9)).text, "runs", (json_int_t)db_int(rows, 10), "problems",
            (json_int_t)db_int(rows, 11), "profiles", json_loads(db_text(rows, 4), 0, NULL));
        if (*db_text(rows, 1))
            json_object_set_new(row, "folder", json_string(db_text(rows, 1)));
        if (!db_null(rows, 5)) {
            json_object_set_new(row, "destination", json_string(db_text(rows, 5)));
            json_object_set_new(row, "to", json_string(db_text(rows, 6)));
        }
        json_array_append_new(*list, row);
    }
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

bool watch_run_list(struct db_tx *tx, const char *project, const char *rule, bool bad,
                    int64_t limit, json_t **list, struct error *err)
{
    *list = json_array();
    struct db_rows *rows = db_query(
        tx,
        "select r.rule, w.name, r.version, r.profile, r.delivery, r.problem, r.at_ms, a.id, "
        "a.name from watch_runs r join watch_rules w on w.id = r.rule join versions v on v.id "
        "= r.version join assets a on a.id = v.asset where w.project = ?1 and (?2 is null or "
        "r.rule = ?2) and (?3 = 0 or r.problem is not null) order by r.at_ms desc limit ?4",
        "ssii", project, rule, (int64_t)bad, limit);
    while (db_next(rows)) {
        json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:s}", "rule",
                                db_text(rows, 0), "rule_name", db_text(rows, 1), "version",
                                db_text(rows, 2), "profile", db_text(rows, 3), "delivery",
                                db_text(rows, 4), "at", clock_text(db_int(rows, 6)).text, "asset",
                                db_text(rows, 7), "name", db_text(rows, 8));
        if (!db_null(rows, 5))
            json_object_set_new(row, "problem", json_loads(db_text(rows, 5), 0, NULL));
        json_array_append_new(*list, row);
    }
    if (db_end(rows, err))
        return true;
    json_decref(*list), *list = NULL;
    return false;
}

// ---- following

struct rule {
    char id[27], name[128], destination[27];
    json_t *profiles;
};

static bool write_run(struct db_tx *tx, const struct rule *r, const char *version,
                      const char *profile, const char *delivery, const char *problem,
                      int64_t now_ms, struct error *err)
{
    return db_run(
        tx, err,
        "insert into watch_runs values (?1, ?2, ?3, ?4, ?5, ?6) on conflict (rule, version, "
        "profile) do update set delivery = ?4, problem = ?5, at_ms = ?6",
        "sssssi", r->id, version, profile, delivery, problem, now_ms);
}

// An outlet that wants quality control gets it: a report is asked for when there is none. The
// deliverable is asked for again when it is done (watch_checked).
static bool ask_for_report(struct db_tx *tx, const char *folder, const json_t *profile,
                           const char *version, const char *by, int64_t now_ms, struct error *err)
{
    const char *name = json_string_value(json_object_get(profile, "qc"));
    char rules_folder[PATH_MAX];
    int64_t there = 1;
    json_t *rules;
    id report;
    if (name && !db_one_int(tx, &there, 0, err,
                            "select count(*) from qc_reports where version = ?1 and rules = ?2",
                            "ss", version, name))
        return false;
    if (there)
        return true;
    snprintf(rules_folder, sizeof(rules_folder), "%s/../rules/qc", folder);
    if (!qc_rules_load(rules_folder, name, &rules, err))
        return false;
    bool ok = qc_report_make(tx, version, rules, by, now_ms, &report, err);
    json_decref(rules);
    return ok;
}

// What keeps the deliverable from being asked for is the run's answer, not an error of ours.
static bool one(struct db_tx *tx, const char *folder, const struct rule *r, const char *version,
                const char *profile, int64_t now_ms, struct error *err)
{
    json_t *p = NULL;
    struct error why;
    id made;
    char by[160], rules[PATH_MAX];
    snprintf(by, sizeof(by), "rule %.120s", r->name);
    snprintf(rules, sizeof(rules), "%s/../rules/metadata", folder ? folder : "");
    struct delivery_wish w = {.version = version,
                              .by = by,
                              .destination = *r->destination ? r->destination : NULL,
                              .rule = r->id,
                              .rules = folder ? rules : NULL};
    bool ok = folder ? profile_load(folder, profile, &p, &why)
                     : error_set(&why, ERROR_NOT_FOUND, "this house has no profiles");
    w.profile = p;
    ok = ok && ask_for_report(tx, folder, p, version, by, now_ms, &why) &&
         delivery_order(tx, &w, now_ms, &made, &why);
    json_decref(p);
    if (ok)
        return write_run(tx, r, version, profile, made.text, NULL, now_ms, err);
    if (why.kind == ERROR_IO || why.kind == ERROR_INTERNAL) {
        *err = why;
        return false;
    }
    char *text = problem_text(&why);
    ok = write_run(tx, r, version, profile, NULL, text, now_ms, err);
    free(text);
    return ok;
}

static bool seen_before(struct db_tx *tx, const char *rule, const char *version,
                        const char *profile, bool *seen, struct error *err)
{
    int64_t count;
    bool ok =
        db_one_int(tx, &count, 0, err,
                   "select count(*) from watch_runs where rule = ?1 and version = ?2 and profile "
                   "= ?3",
                   "sss", rule, version, profile);
    *seen = count > 0;
    return ok;
}

// The folders that an asset lies in, from its own to the top, as "id id ".
static bool folders_of(struct db_tx *tx, const char *asset, char ids[DEPTH_MOST * 28],
                       struct error *err)
{
    char folder[27] = "";
    size_t used = 0;
    *ids = 0;
    struct db_rows *rows =
        db_query(tx, "select folder from assets where id = ?1 and deleted = 0", "s", asset);
    bool there = db_next(rows);
    if (there)
        text_copy(text_of(db_text(rows, 0)), folder, sizeof(folder));
    if (!db_end(rows, err))
        return false;
    if (there)
        used = (size_t)snprintf(ids, DEPTH_MOST * 28, " "); // not empty: it is there
    for (int i = 0; *folder && i < DEPTH_MOST - 1; i++) {
        used += (size_t)snprintf(ids + used, DEPTH_MOST * 28 - used, "%s ", folder);
        rows = db_query(tx, "select parent from folders where id = ?1", "s", folder);
        folder[0] = 0;
        if (db_next(rows))
            text_copy(text_of(db_text(rows, 0)), folder, sizeof(folder));
        if (!db_end(rows, err))
            return false;
    }
    return true;
}

static bool rules_for(struct db_tx *tx, const char *project, const char *folders,
                      struct rule rules[RULES_MOST], size_t *count, struct error *err)
{
    *count = 0;
    struct db_rows *rows =
        db_query(tx,
                 "select id, name, folder, profiles, destination from watch_rules "
                 "where project = ?1 and enabled = 1 order by created_ms, id",
                 "s", project);
    while (db_next(rows) && *count < RULES_MOST) {
        struct rule *r = &rules[*count];
        if (*db_text(rows, 2) && !strstr(folders, db_text(rows, 2)))
            continue;
        text_copy(text_of(db_text(rows, 0)), r->id, sizeof(r->id));
        text_copy(text_of(db_text(rows, 1)), r->name, sizeof(r->name));
        text_copy(text_of(db_text(rows, 4)), r->destination, sizeof(r->destination));
        r->profiles = json_loads(db_text(rows, 3), 0, NULL);
        (*count)++;
    }
    return db_end(rows, err);
}

// No loops: what was delivered is known by its bytes.
static bool is_delivered(struct db_tx *tx, const sha256 *content, bool *is, struct error *err)
{
    int64_t count;
    bool ok =
        db_one_int(tx, &count, 0, err, "select count(*) from delivery_files where content = ?1",
                   "b", (const void *)content->at, (size_t)SHA256_SIZE);
    *is = count > 0;
    return ok;
}

bool watch_follow(struct db_tx *tx, const char *profiles_folder, const char *version,
                  int64_t now_ms, struct error *err)
{
    int64_t any;
    struct version_source v;
    struct rule rules[RULES_MOST] = {0};
    char folders[DEPTH_MOST * 28];
    size_t count = 0;
    bool delivered = false;
    if (!db_one_int(tx, &any, 0, err, "select count(*) from watch_rules where enabled = 1", "") ||
        !any)
        return any == 0;
    struct arena *a = arena_open(64 << 20);
    bool ok = version_source(tx, version, a, &v, err);
    if (!ok && err->kind == ERROR_NOT_FOUND) {
        arena_close(a);
        return true;
    }
    ok = ok && is_delivered(tx, &v.content, &delivered, err) &&
         folders_of(tx, v.asset, folders, err);
    bool looked = ok && v.facts && !v.deleted && !delivered && *folders;
    ok = ok && (!looked || rules_for(tx, v.project, folders, rules, &count, err));
    for (size_t i = 0; i < count; i++) {
        size_t k;
        const json_t *profile;
        json_array_foreach(rules[i].profiles, k, profile)
        {
            bool seen = false;
            const char *name = json_string_value(profile);
            ok = ok && seen_before(tx, rules[i].id, version, name, &seen, err) &&
                 (seen || one(tx, profiles_folder, &rules[i], version, name, now_ms, err));
        }
        ok = ok && say(tx, v.project, rules[i].id, err);
        json_decref(rules[i].profiles);
    }
    arena_close(a);
    return ok;
}

struct again {
    struct rule r;
    char project[27], version[27], profile[128];
};

// What could not be asked for, of one rule or of one version ("": any).
static bool could_not(struct db_tx *tx, const char *rule, const char *version, struct again *list,
                      size_t *count, struct error *err)
{
    *count = 0;
    struct db_rows *rows = db_query(
        tx,
        "select w.id, w.name, coalesce(w.destination, ''), w.project, r.version, r.profile from "
        "watch_runs r join watch_rules w on w.id = r.rule where (r.rule = ?1 or ?1 = '') and "
        "(r.version = ?2 or ?2 = '') and (w.enabled = 1 or ?1 <> '') and r.problem is not null "
        "order by w.id limit ?3",
        "ssi", rule, version, (int64_t)AGAIN_MOST);
    while (db_next(rows) && *count < AGAIN_MOST) {
        struct again *to = &list[(*count)++];
        text_copy(text_of(db_text(rows, 0)), to->r.id, sizeof(to->r.id));
        text_copy(text_of(db_text(rows, 1)), to->r.name, sizeof(to->r.name));
        text_copy(text_of(db_text(rows, 2)), to->r.destination, sizeof(to->r.destination));
        text_copy(text_of(db_text(rows, 3)), to->project, sizeof(to->project));
        text_copy(text_of(db_text(rows, 4)), to->version, sizeof(to->version));
        text_copy(text_of(db_text(rows, 5)), to->profile, sizeof(to->profile));
    }
    return db_end(rows, err);
}

static bool ask_again(struct db_tx *tx, const char *folder, const char *rule, const char *version,
                      int64_t now_ms, struct error *err)
{
    struct again *list = calloc(AGAIN_MOST, sizeof(*list));
    size_t count;
    if (!list)
        abort();
    bool ok = could_not(tx, rule, version, list, &count, err);
    for (size_t i = 0; ok && i < count; i++)
        ok = one(tx, folder, &list[i].r, list[i].version, list[i].profile, now_ms, err);
    for (size_t i = 0; ok && i < count; i++)
        if (!i || strcmp(list[i].r.id, list[i - 1].r.id) != 0)
            ok = say(tx, list[i].project, list[i].r.id, err);
    free(list);
    return ok;
}

bool watch_again(struct db_tx *tx, const char *profiles_folder, const char *rule, int64_t now_ms,
                 struct error *err)
{
    char project[27];
    return project_of(tx, rule, project, err) &&
           ask_again(tx, profiles_folder, rule, "", now_ms, err) && say(tx, project, rule, err);
}

bool watch_checked(struct db_tx *tx, const char *profiles_folder, const char *version,
                   int64_t now_ms, struct error *err)
{
    return ask_again(tx, profiles_folder, "", version, now_ms, err);
}
