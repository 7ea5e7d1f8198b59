// What the files of this room share.
#pragma once
#include "house/jobs/jobs.h"

#include <pthread.h>

// An attempt's progress between two writes of it. Guarded by jobs.lock.
struct pace {
    struct pace *next;
    char attempt[27], job[27];
    int64_t done, total;
    int64_t first_done, first_ms; // rate is counted from here
    int64_t told_ms;              // last event
    int64_t now_ms;
};

struct jobs {
    struct db *db;
    pthread_mutex_t lock;
    struct pace *paces;
};

// The event job.changed of a job as it is now in the transaction.
bool job_say(struct db_tx *tx, struct jobs *j, const char *job, struct error *err);
// Works out the state of a job from its ranges, ends it when all have ended, and says so when that
// is news. `problem` (JSON) goes with failing.
bool job_settle(struct db_tx *tx, const char *job, const char *problem, int64_t now_ms,
                struct error *err);

void pace_set(struct jobs *j, const char *job, const struct beat *beat, int64_t now_ms);
void pace_drop(struct jobs *j, const char *attempt);
void pace_tidy(struct jobs *j, int64_t before_ms); // of attempts that have not been heard of since
// True (and remembered) when a job's progress may be told again.
bool pace_tell(struct jobs *j, const char *attempt, int64_t now_ms);
// Progress a second of a job over its running attempts, in thousandths; 0: not known.
int64_t pace_rate(struct jobs *j, const char *job);
