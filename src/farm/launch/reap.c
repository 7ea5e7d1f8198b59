#include "farm/launch/reap.h"
#include "base/log.h"
#include "farm/launch/ask.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_BYTES = 4 << 20, ANSWER_MS = 120000, MACHINES_MOST = 10000 };

struct resting { // a machine without work, by its id: a name may come again as another machine
    char *id;
    int64_t since_ms;
    bool seen;
};

struct reaper {
    char *program;
    int64_t rest_ms;
    struct resting *list;
    size_t count;
};

struct reaper *reaper_open(const char *program, int64_t rest_ms)
{
    struct reaper *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    r->program = strdup(program);
    r->rest_ms = rest_ms;
    return r;
}

void reaper_close(struct reaper *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++)
        free(r->list[i].id);
    free(r->list);
    free(r->program);
    free(r);
}

static bool ask(struct reaper *r, const char *verb, const char *name, const char *doing,
                struct buf *said, struct error *err)
{
    const char *const words[] = {r->program, verb, name, NULL};
    return program_ask(
        &(struct program_wish){.arguments = words, .timeout_ms = ANSWER_MS, .doing = doing}, said,
        NULL, err);
}

static struct resting *resting_of(struct reaper *r, text id, int64_t now_ms)
{
    for (size_t i = 0; i < r->count; i++)
        if (text_is(id, r->list[i].id))
            return &r->list[i];
    r->list = realloc(r->list, (r->count + 1) * sizeof(*r->list));
    if (!r->list)
        abort();
    r->list[r->count] = (struct resting){.id = strndup(id.at, id.size), .since_ms = now_ms};
    return &r->list[r->count++];
}

static bool is_busy(text name, const char *const *busy, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_is(name, busy[i]))
            return true;
    return false;
}

static void forget_unseen(struct reaper *r)
{
    for (size_t i = 0; i < r->count;)
        if (r->list[i].seen) {
            r->list[i++].seen = false;
        } else {
            free(r->list[i].id);
            r->list[i] = r->list[--r->count];
        }
}

// "NAME ID STATE BEGAN TYPE"
static bool look(struct reaper *r, text line, const char *const *busy, size_t busy_count,
                 int64_t now_ms, struct arena *a, struct error *err)
{
    text name = text_cut(&line, ' '), id = text_cut(&line, ' '), state = text_cut(&line, ' ');
    struct buf said = BUF_LIMIT(64 << 10);
    if (!name.size || name.at[0] == '-' || !id.size || text_is(state, "leaving") ||
        r->count >= MACHINES_MOST || is_busy(name, busy, busy_count))
        return true;
    struct resting *m = resting_of(r, id, now_ms);
    m->seen = true;
    if (now_ms - m->since_ms < r->rest_ms)
        return true;
    const char *named = arena_copy(a, name.at, name.size);
    bool ok = ask(r, "down", named, "taking down a machine that nobody works on", &said, err);
    if (ok)
        log_warn("launch.reaped", "machine=%s id=%s rested_ms=%lld", named, m->id,
                 (long long)(now_ms - m->since_ms));
    buf_free(&said);
    return ok;
}

bool reaper_go(struct reaper *r, const char *const *busy, size_t busy_count, int64_t now_ms,
               struct arena *a, struct error *err)
{
    struct buf said = BUF_LIMIT(LIST_BYTES);
    bool ok = ask(r, "list", NULL, "asking for a provider's machines", &said, err);
    for (text rest = {said.at ? said.at : "", ok ? said.size : 0}; rest.size;) {
        struct error why;
        if (!look(r, text_trim(text_cut(&rest, '\n')), busy, busy_count, now_ms, a, &why))
            log_problem("launch.reap", &why); // the others may be reaped all the same
    }
    if (ok)
        forget_unseen(r);
    buf_free(&said);
    return ok;
}
