/*
 * house/deliver/watch: "what lands here becomes these deliverables and goes there".
 *
 * A rule watches a folder of a project, with those in it, or all of the project. It looks at a
 * version when that is ready: whole, looked into, its proxies made. An outlet that wants a report of
 * quality control gets one: it is asked for, and the deliverable when it has passed or was approved.
 * Nothing is looked at twice:
 * what became of it is a row. What the house itself has delivered does not trigger, wherever it
 * comes in again: a file is known by its content.
 */
#pragma once
#include "db/db.h"
#include "plat/ids.h"

#include <jansson.h>

struct watch_wish {
    const char *project, *folder; // folder NULL: all of the project
    const char *name, *by;
    const json_t *profiles;  // names, all there
    const char *destination; // NULL: they stay in the house
};
MUST_CHECK bool watch_rule_make(struct db_tx *tx, const struct watch_wish *wish, int64_t now_ms,
                                id *made, struct error *err);
MUST_CHECK bool watch_rule_set(struct db_tx *tx, const char *rule, bool enabled, struct error *err);
MUST_CHECK bool watch_rule_drop(struct db_tx *tx, const char *rule, struct error *err);
// WatchRule[] of a project.
MUST_CHECK bool watch_rule_list(struct db_tx *tx, const char *project, json_t **list,
                                struct error *err);
// WatchRun[] newest first; `rule` NULL: of all rules of the project; `bad`: those with a problem.
MUST_CHECK bool watch_run_list(struct db_tx *tx, const char *project, const char *rule, bool bad,
                               int64_t limit, json_t **list, struct error *err);
// What could not be asked for is asked for again (the master was mended, the report approved).
MUST_CHECK bool watch_again(struct db_tx *tx, const char *profiles_folder, const char *rule,
                            int64_t now_ms, struct error *err);

// For flow: quality control of a version has come to something, or captions have come for it: what
// waited for that is asked for again.
MUST_CHECK bool watch_checked(struct db_tx *tx, const char *profiles_folder, const char *version,
                              int64_t now_ms, struct error *err);
// For flow: a version is ready. `profiles_folder` NULL: the house has none.
MUST_CHECK bool watch_follow(struct db_tx *tx, const char *profiles_folder, const char *version,
                             int64_t now_ms, struct error *err);
