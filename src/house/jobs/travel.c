/*
 * Which work may go to which workers, as words that the scheduler compares.
 *
 * "no=disks"       the worker sees none of the house's disks: jobs with a template must be staged
 * "no=cache"       it has nowhere to keep what it would fetch: no staged jobs
 * "no=tickets"     it takes nothing for engines
 * "hands=courier"  it does the jobs that ask for these hands, and they go to nobody else
 * "cache<64 GiB"   of one without disks: a ticket that reads more than 32 GiB is not for it
 *
 * Sizes are told in steps of two, so that a worker has a few such words and a step names one: it
 * says what a person reads when no worker is left ("a worker without ...").
 */
#include "house/jobs/inside.h"

#include <stdio.h>
#include <string.h>

enum { LEAST_MIB = 64, MOST_MIB = JOBS_TRAVELS_MOST >> 20 };

static void size_word(int64_t mib, char to[32])
{
    const char *unit = mib >= 1 << 20 ? "TiB" : mib >= 1 << 10 ? "GiB" : "MiB";
    int64_t count = mib >= 1 << 20 ? mib >> 20 : mib >= 1 << 10 ? mib >> 10 : mib;
    snprintf(to, 32, "cache<%lld %s", (long long)count, unit);
}

json_t *travel_clause(const struct job_wish *w, const struct job_step *step)
{
    int64_t bytes = step->reads_bytes ? step->reads_bytes : w->reads_bytes, mib = LEAST_MIB;
    char word[32];
    const char *hands = json_string_value(json_object_get(step->plan, "hands"));
    hands = hands ? hands : w->hands;
    if (hands) {
        snprintf(word, sizeof(word), "hands=%.20s", hands);
        return json_pack("{s:[s]}", "any", word);
    }
    if (w->transfer)
        return json_pack("{s:[s]}", "none", "no=cache");
    if (w->template || bytes > JOBS_TRAVELS_MOST)
        return json_pack(w->template ? "{s:[s]}" : "{s:[s, s]}", "none", "no=disks", "no=tickets");
    while (mib << 20 < bytes)
        mib *= 2;
    size_word(mib, word);
    return json_pack("{s:[s, s]}", "none", word, "no=tickets");
}

size_t travel_words(struct jobs *j, const json_t *has, sched_word_id *words, size_t count,
                    size_t room)
{
    int64_t cache_mib = json_integer_value(json_object_get(has, "cache_mib"));
    const json_t *word;
    size_t i;
    bool disks = true;
    char name[32];
    json_array_foreach(json_object_get(has, "words"), i, word)
    {
        const char *said = json_string_value(word);
        disks &= !said || strcmp(said, "no=disks") != 0;
    }
    for (int64_t mib = LEAST_MIB; mib <= MOST_MIB && !disks && count < room; mib *= 2)
        if (cache_mib < mib) {
            size_word(mib, name);
            words[count++] = sched_word(j->sched, name);
        }
    return count;
}
