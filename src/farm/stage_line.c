#include "farm/stage_inside.h"
#include "plat/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A chunk that is wanted counts as two in the house (it takes 64 of a session) until it is sent.
enum { LINES = 8, UDP_LINES = 6, PIECES_MOST = 24, RETRY_MOST_MS = 5000, PATIENCE_MS = 600000 };

struct stage *stage_open(const struct stage_wish *wish, struct error *err)
{
    struct stage *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->wish = *wish;
    pthread_mutex_init(&s->opening, NULL);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    snprintf(s->ask, sizeof(s->ask), "{\"worker\":\"%.26s\"}", wish->worker);
    s->cache = cache_open(&(struct cache_wish){wish->cache_folder, wish->cache_bytes}, err);
    if (s->cache)
        return s;
    stage_close(s);
    return NULL;
}

void stage_close(struct stage *s)
{
    if (!s)
        return;
    way_close(s->way);
    client_close(s->client);
    cache_close(s->cache);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->opening);
    free(s);
}

int64_t stage_most_bytes(const struct stage *s)
{
    return s->wish.cache_bytes;
}

// ---- how fast it goes

bool stage_speed(struct stage *s, bool out, int64_t *bytes, int64_t *ms)
{
    pthread_mutex_lock(&s->lock);
    bool enough = speed_take(&s->speed[out], clock_tick_us(), bytes, ms);
    pthread_mutex_unlock(&s->lock);
    return enough;
}

bool stage_moves(struct stage *s, bool out, int64_t bytes)
{
    pthread_mutex_lock(&s->lock);
    bool counts = speed_begin(&s->speed[out], bytes, clock_tick_us());
    pthread_mutex_unlock(&s->lock);
    return counts;
}

void stage_moved(struct stage *s, bool out, int64_t bytes)
{
    pthread_mutex_lock(&s->lock);
    speed_add(&s->speed[out], bytes);
    pthread_mutex_unlock(&s->lock);
}

void stage_moves_no_more(struct stage *s, bool out)
{
    pthread_mutex_lock(&s->lock);
    speed_end(&s->speed[out], clock_tick_us());
    pthread_mutex_unlock(&s->lock);
}

// ---- the line to the house

// The house may have moved, or the token been renewed: then a new client, once nobody uses the old.
static struct client *client_take(struct stage *s, struct error *err)
{
    struct worker_house now = {0};
    if (!s->wish.find_house(s->wish.context, &now, err)) {
        err->kind = ERROR_NETWORK; // it is away, or just starting
        return NULL;
    }
    pthread_mutex_lock(&s->lock);
    bool same = s->client && strcmp(now.url, s->house.url) == 0 &&
                strcmp(now.bearer, s->house.bearer) == 0 &&
                strcmp(now.fingerprint, s->house.fingerprint) == 0;
    if (!same && !s->users) {
        way_close(s->way);
        s->way = NULL;
        client_close(s->client);
        s->house = now;
        s->client = client_open(&(struct client_wish){.url = s->house.url,
                                                      .bearer = s->house.bearer,
                                                      .fingerprint = s->house.fingerprint[0]
                                                                         ? s->house.fingerprint
                                                                         : NULL,
                                                      .lines = LINES,
                                                      .connect_timeout_ms = 5000,
                                                      .attempts = 1},
                                err);
    }
    struct client *c = s->client;
    s->users += c != NULL;
    pthread_mutex_unlock(&s->lock);
    return c;
}

static void client_give_back(struct stage *s)
{
    pthread_mutex_lock(&s->lock);
    s->users--;
    pthread_mutex_unlock(&s->lock);
}

// A try, for those that go on by themselves. What the house can not do just now counts as away.
bool stage_try(struct stage *s, struct call *call, struct arena *a, struct reply *reply,
               struct error *err)
{
    struct client *c = client_take(s, err);
    if (!c)
        return false;
    bool ok = client_call(c, call, a, reply, err);
    client_give_back(s);
    if (!ok && (reply->problem_status == 429 || reply->problem_status >= 502))
        err->kind = ERROR_NETWORK;
    return ok;
}

bool stage_passes(struct error *err)
{
    return err->kind == ERROR_TOO_MANY || err->kind == ERROR_NETWORK || err->kind == ERROR_TIMEOUT;
}

bool stage_wait_again(const struct stage_of *of, int64_t since_ms, int64_t *wait_ms)
{
    if (clock_tick_us() / 1000 - since_ms > PATIENCE_MS)
        return false;
    for (int64_t slept = 0; slept < *wait_ms; slept += 50) {
        if (!of->asked(of->context))
            return false;
        clock_sleep_ms(50);
    }
    *wait_ms = *wait_ms * 2 < RETRY_MOST_MS ? *wait_ms * 2 : RETRY_MOST_MS;
    return true;
}

// A call whose answer is JSON, until there is one. The JSON is the caller's.
json_t *stage_ask(struct stage *s, const struct stage_of *of, const struct call *wanted,
                  struct error *err)
{
    int64_t since_ms = clock_tick_us() / 1000, wait_ms = STAGE_RETRY_FIRST_MS;
    json_t *json = NULL;
    do {
        struct arena *a = arena_open(STAGE_LIST_BYTES);
        struct reply reply = {0};
        struct call call = *wanted;
        call.answer_limit = STAGE_LIST_BYTES / 2;
        if (stage_try(s, &call, a, &reply, err)) {
            json = json_loadb(reply.body.at, reply.body.size, 0, NULL);
            if (!json)
                error_set(err, ERROR_NETWORK, "the house's answer can not be read");
        }
        arena_close(a);
    } while (!json && stage_passes(err) && stage_wait_again(of, since_ms, &wait_ms));
    if (!json && stage_passes(err) && !of->asked(of->context))
        error_set(err, ERROR_CANCELLED, "it was stopped");
    return json;
}

const char *stage_path(struct stage *s, const struct stage_of *of, struct arena *a,
                       const char *what, const char *more)
{
    return arena_format(a, "/api/v1/work/%s?worker=%s&attempt=%s&token=%" PRId64 "%s", what,
                        s->wish.worker, of->attempt, of->token, more);
}

// ---- pieces

// The session of the client that is taken, opened by who wants it first.
static struct way *way_take(struct stage *s)
{
    pthread_mutex_lock(&s->opening);
    if (!s->way) {
        struct way *opened = way_open(&(struct way_wish){.client = s->client,
                                                         .url = s->house.url,
                                                         .path = "/work/bulk",
                                                         .ask = text_of(s->ask),
                                                         .moving = &s->moving});
        pthread_mutex_lock(&s->lock);
        s->way = opened;
        pthread_mutex_unlock(&s->lock);
    }
    struct way *way = s->way;
    pthread_mutex_unlock(&s->opening);
    return way;
}

static void piece_begins(struct stage *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->pieces >= PIECES_MOST)
        pthread_cond_wait(&s->changed, &s->lock);
    s->pieces++;
    pthread_mutex_unlock(&s->lock);
}

static void piece_ends(struct stage *s)
{
    pthread_mutex_lock(&s->lock);
    s->pieces--;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    client_give_back(s);
}

enum way_end stage_item(struct stage *s, const struct stage_of *of, const struct way_item *item,
                        struct error *err)
{
    struct way_item own = *item;
    if (!client_take(s, err))
        return WAY_FAILED;
    piece_begins(s);
    own.asked = of->asked;
    own.context = of->context;
    enum way_end end = way_run(way_take(s), &own, err);
    piece_ends(s);
    return end;
}

bool stage_piece(struct stage *s, const struct stage_of *of, struct way_piece *piece, void *to,
                 size_t size, struct error *err)
{
    piece->client = client_take(s, err);
    if (!piece->client)
        return false;
    piece_begins(s);
    piece->way = way_take(s);
    piece->once = true;
    piece->asked = of->asked;
    piece->context = of->context;
    bool ok = way_piece_get(piece, to, size, err);
    piece_ends(s);
    if (!ok && err->kind == ERROR_TOO_MANY)
        err->kind = ERROR_NETWORK;
    return ok;
}

const char *stage_way(struct stage *s)
{
    pthread_mutex_lock(&s->lock);
    const char *word = s->way ? way_word(s->way) : "HTTPS";
    pthread_mutex_unlock(&s->lock);
    return word;
}

int stage_lines(struct stage *s)
{
    pthread_mutex_lock(&s->lock);
    int lines = s->way && !way_udp(s->way) ? way_lines(s->way, UDP_LINES) : UDP_LINES;
    pthread_mutex_unlock(&s->lock);
    return lines;
}
