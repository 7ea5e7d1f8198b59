/*
 * Again: jobs that failed because the bytes of a place could not be had are asked for again, once,
 * when these are there.
 *
 * Which they are is written down in the transaction that says that a place or a file is back; the
 * thread that looks asks for them afterwards, so that none is forgotten when the house dies
 * between.
 */
#include "house/places/inside.h"

#include "base/log.h"
#include "plat/clock.h"

enum { AGAIN_SOME = 100 };

// What is no media at all is none when it is there, either.
#define FOR_WANT_OF_BYTES                                                                          \
    "state = 'failed' and coalesce(problem, '') not like '%\"kind\":\"unsupported\"%' "

bool again_place(struct db_tx *tx, int64_t place, int64_t since_ms, bool back, struct error *err)
{
    return db_run(tx, err,
                  "insert into place_again (job, at_ms) select j.id, ?4 from (select id, version, "
                  "problem from jobs where ended = 1 and ended_ms >= ?2 and " FOR_WANT_OF_BYTES
                  ") j join place_versions v on v.version = j.version where v.place = ?1 and "
                  "v.state = 'here' and (?3 = 1 or j.problem like '%\"kind\":\"not_found\"%') on "
                  "conflict (job) do nothing",
                  "iiii", place, since_ms, (int64_t)back, clock_now_ms());
}

bool again_version(struct db_tx *tx, const char *version, int64_t since_ms, struct error *err)
{
    return db_run(tx, err,
                  "insert into place_again (job, at_ms) select id, ?3 from jobs where version = ?1 "
                  "and ended_ms >= ?2 and " FOR_WANT_OF_BYTES "on conflict (job) do nothing",
                  "sii", version, since_ms, clock_now_ms());
}

struct again {
    char jobs[AGAIN_SOME][27];
    size_t count;
};

static bool list_in(struct db_tx *tx, void *context, struct error *err)
{
    struct again *w = context;
    w->count = 0;
    struct db_rows *rows = db_query(tx, "select job from place_again order by at_ms limit ?1", "i",
                                    (int64_t)AGAIN_SOME);
    while (db_next(rows) && w->count < AGAIN_SOME)
        text_copy(text_of(db_text(rows, 0)), w->jobs[w->count++], sizeof(w->jobs[0]));
    return db_end(rows, err);
}

static bool done_in(struct db_tx *tx, void *context, struct error *err)
{
    return db_run(tx, err, "delete from place_again where job = ?1", "s", context);
}

bool places_again(struct places *p, struct error *err)
{
    struct again w;
    if (!db_read(p->db, list_in, &w, err))
        return false;
    for (size_t i = 0; i < w.count && places_go_on(p); i++) {
        struct error why;
        error_clear(&why);
        if (p->again && !p->again(p->context, w.jobs[i], &why)) {
            if (why.kind != ERROR_CONFLICT && why.kind != ERROR_NOT_FOUND) { // it goes on already
                *err = why;
                return false;
            }
        } else {
            log_info("place.again", "job=%s", w.jobs[i]);
        }
        if (!db_write(p->db, done_in, w.jobs[i], err))
            return false;
    }
    return true;
}
