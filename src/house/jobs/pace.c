// How fast running attempts go: kept in memory, told now and then.
#include "house/jobs/inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TELL_MS = 250 }; // an event of a job's progress at most so often

static struct pace *find(struct jobs *j, const char *attempt)
{
    struct pace *p = j->paces;
    while (p && strcmp(p->attempt, attempt) != 0)
        p = p->next;
    return p;
}

void pace_set(struct jobs *j, const char *job, const struct beat *beat, int64_t now_ms)
{
    pthread_mutex_lock(&j->lock);
    struct pace *p = find(j, beat->attempt);
    if (!p && strlen(beat->attempt) < sizeof(p->attempt)) {
        p = calloc(1, sizeof(*p));
        assert(p);
        strcpy(p->attempt, beat->attempt);
        strcpy(p->job, job);
        p->first_done = beat->done;
        p->first_ms = now_ms;
        p->told_ms = now_ms - TELL_MS;
        p->next = j->paces;
        j->paces = p;
    }
    if (p) {
        p->done = beat->done;
        p->total = beat->total;
        p->now_ms = now_ms;
    }
    pthread_mutex_unlock(&j->lock);
}

void pace_drop(struct jobs *j, const char *attempt)
{
    pthread_mutex_lock(&j->lock);
    for (struct pace **at = &j->paces; *at; at = &(*at)->next)
        if (strcmp((*at)->attempt, attempt) == 0) {
            struct pace *gone = *at;
            *at = gone->next;
            free(gone);
            break;
        }
    pthread_mutex_unlock(&j->lock);
}

void pace_tidy(struct jobs *j, int64_t before_ms)
{
    pthread_mutex_lock(&j->lock);
    for (struct pace **at = &j->paces; *at;) {
        struct pace *p = *at;
        if (p->now_ms < before_ms) {
            *at = p->next;
            free(p);
        } else {
            at = &p->next;
        }
    }
    pthread_mutex_unlock(&j->lock);
}

bool pace_tell(struct jobs *j, const char *attempt, int64_t now_ms)
{
    pthread_mutex_lock(&j->lock);
    struct pace *p = find(j, attempt);
    bool tell = p != NULL;
    for (struct pace *other = j->paces; other && tell; other = other->next)
        if (strcmp(other->job, p->job) == 0 && now_ms - other->told_ms < TELL_MS)
            tell = false;
    if (tell)
        p->told_ms = now_ms;
    pthread_mutex_unlock(&j->lock);
    return tell;
}

int64_t pace_rate(struct jobs *j, const char *job)
{
    int64_t rate = 0;
    pthread_mutex_lock(&j->lock);
    for (struct pace *p = j->paces; p; p = p->next)
        if (strcmp(p->job, job) == 0 && p->now_ms > p->first_ms && p->done > p->first_done)
            rate += (p->done - p->first_done) * 1000000 / (p->now_ms - p->first_ms);
    pthread_mutex_unlock(&j->lock);
    return rate;
}
