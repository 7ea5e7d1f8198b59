#include "cmd/put_growing.h"
#include "cmd/client.h"
#include "cmd/put_journal.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SENDERS = 4, CLAIM_MOST = 1024, TICK_MS = 100, SAY_MS = 1000, PASSES_MOST = 20 };

struct growing {
    const struct put_growing *wish;
    struct house house;
    struct journal *journal;
    struct way *way;
    _Atomic int64_t moving;
    char transfer[27], file[27];
    int fd;
    int64_t stored_size;
    struct stat seen; // at the last look
    int64_t changed_ms, said_ms;
    bool silent, stored, shrunk;
    char content[65]; // of the house's file when it is stored
    // What the house is told, also while a chunk takes long: guarded by telling
    pthread_mutex_t telling;
    const char *state;
    int64_t written, rate_ms, rate_bytes, rate;
    bool ends;                             // it is taken though somebody has it open
    atomic_bool finish, teller_stop, full; // full: the house has no room, and that was said
    pthread_t teller;
    bool tells;   // the thread runs
    sha256 *sums; // of chunks that the house has
    bool *has;
    size_t room, next; // next: whole chunks before it were sent
};

static void say(const struct growing *g, const char *event, const char *words)
{
    if (g->wish->say)
        g->wish->say(g->wish->context, event, words);
}

static bool stopped(const struct growing *g)
{
    return g->wish->stop && atomic_load(g->wish->stop);
}

static bool cancelled(struct error *err)
{
    error_set(err, ERROR_CANCELLED, "it was stopped");
    return error_fix(err, "run the same again: it goes on where it stood");
}

static bool away(const struct error *err)
{
    return err->kind == ERROR_NETWORK || err->kind == ERROR_TIMEOUT || err->kind == ERROR_TOO_MANY;
}

// Repeats a call while the house is away.
static json_t *ask(struct growing *g, const char *method, json_t *body, struct error *err,
                   const char *path)
{
    int64_t since = clock_tick_us() / 1000;
    json_t *answer;
    while (!(answer = house_ask(g->house.client, method, body, err, "%s", path)) && away(err) &&
           clock_tick_us() / 1000 - since < g->wish->patience_ms && !stopped(g))
        clock_sleep_ms(500);
    json_decref(body);
    return answer;
}

// ---- beginning

static void journal_name(const struct put_growing *w, const char *url, struct buf *what)
{
    buf_format(what, "growing\n%s\n%s\n%s\n%s\n%s\n", url, w->project, w->folder, w->path, w->name);
}

static bool replaced(const struct growing *g, struct error *err)
{
    error_set(err, ERROR_CONFLICT, "%s was replaced by another file while it grew", g->wish->path);
    error_why(err, "what lies there now is not what was begun");
    return error_fix(err,
                     "put the new one by itself; what came of the old one is dropped in a week");
}

static bool look(struct growing *g, struct error *err)
{
    struct stat now, named;
    if (fstat(g->fd, &now) != 0)
        return error_errno(err, errno, "%s can not be looked at", g->wish->path);
    if (stat(g->wish->path, &named) != 0 || named.st_ino != now.st_ino ||
        named.st_dev != now.st_dev)
        return replaced(g, err);
    bool same = now.st_size == g->seen.st_size && now.st_ctim.tv_sec == g->seen.st_ctim.tv_sec &&
                now.st_ctim.tv_nsec == g->seen.st_ctim.tv_nsec;
    if (!same || !g->changed_ms)
        g->changed_ms = clock_tick_us() / 1000;
    size_t whole = (size_t)(now.st_size / STORE_CHUNK);
    if (whole < g->next) { // what was sent of it is not in it any more
        if (!g->shrunk)
            say(g, "shorter",
                "the file became shorter than what was sent; its end is looked at again");
        g->shrunk = true;
        g->next = whole;
    }
    g->silent = g->silent && same;
    g->seen = now;
    return true;
}

static const char *below_api(struct arena *a, const char *format, const char *id)
{
    return arena_format(a, format, id);
}

static bool begin(struct growing *g, struct arena *a, struct error *err)
{
    const struct put_growing *w = g->wish;
    char folder[27];
    json_t *project = house_project(g->house.client, w->project, err);
    if (!project)
        return false;
    const char *id = arena_text(a, json_word(project, "id"));
    json_decref(project);
    if (!house_folder(g->house.client, id, w->folder, true, folder, err))
        return false;
    json_t *body = json_pack("{s:s, s:s, s:s}", "name", w->name, "origin", "put", "key",
                             journal_key(g->journal));
    if (!body)
        return error_set(err, ERROR_INPUT, "the name of %s is not UTF-8", w->path);
    if (*folder)
        json_object_set_new(body, "folder", json_string(folder));
    json_t *t = ask(g, "POST", body, err, below_api(a, "/projects/%s/transfers", id));
    if (!t || !text_copy(text_of(json_word(t, "id")), g->transfer, sizeof(g->transfer))) {
        json_decref(t);
        return false;
    }
    json_decref(t);
    body = json_pack("{s:s, s:i, s:b, s:s}", "path", w->name, "size", -1, "growing", true, "key",
                     journal_key(g->journal));
    json_t *f = ask(g, "POST", body, err, below_api(a, "/transfers/%s/files", g->transfer));
    bool ok = f && text_copy(text_of(json_word(f, "id")), g->file, sizeof(g->file));
    g->stored = ok && strcmp(json_word(f, "state"), "stored") == 0;
    g->stored_size = json_count(f, "size");
    (void)!text_copy(text_of(json_word(f, "content")), g->content, sizeof(g->content));
    json_decref(f);
    if (ok)
        journal_transfer(g->journal, g->transfer);
    return ok;
}

// Tells the house how far it is. With the lock.
static json_t *tell_now(struct growing *g, struct error *err)
{
    int64_t now = clock_tick_us() / 1000;
    if (now - g->rate_ms >= 3000 || !g->rate_ms) {
        g->rate = g->rate_ms ? (g->written - g->rate_bytes) * 1000 / (now - g->rate_ms) : 0;
        g->rate = g->rate < 0 ? 0 : g->rate;
        g->rate_ms = now;
        g->rate_bytes = g->written;
    }
    json_t *word = json_pack("{s:I, s:I, s:s, s:b}", "written", (json_int_t)g->written, "rate",
                             (json_int_t)g->rate, "state", g->state, "unclosed", g->ends);
    json_t *said = house_ask(g->house.client, "POST", word, err, "/files/%s/growing", g->file);
    json_decref(word);
    return said;
}

static bool tell(struct growing *g, const char *state, struct error *err)
{
    int64_t since = clock_tick_us() / 1000;
    json_t *said = NULL;
    for (bool again = true; !said && again;) {
        pthread_mutex_lock(&g->telling);
        g->state = state;
        g->written = g->seen.st_size;
        g->ends = atomic_load(&g->finish) && file_writer(g->wish->path) != WRITER_NONE;
        said = tell_now(g, err);
        pthread_mutex_unlock(&g->telling);
        again = !said && away(err) && clock_tick_us() / 1000 - since < g->wish->patience_ms &&
                !stopped(g);
        if (again)
            clock_sleep_ms(500);
    }
    if (json_is_true(json_object_get(said, "finish")))
        atomic_store(&g->finish, true);
    g->said_ms = clock_tick_us() / 1000;
    json_decref(said);
    return said != NULL;
}

// What begins with "no such file" once it was begun: a person has thrown it away.
static void say_dropped(const struct growing *g, struct error *err)
{
    if (!g->file[0] || err->kind != ERROR_NOT_FOUND)
        return;
    error_set(err, ERROR_NOT_FOUND, "%s was dropped in the house", g->wish->path);
    error_why(err, "a person has said so there");
    error_fix(err, "bring it as a whole when it is closed, if it is wanted after all");
}

// A chunk on a slow line, or reading all at the end, takes longer than the house waits for a word.
static void *tell_on(void *context)
{
    struct growing *g = context;
    struct error ignored;
    while (!atomic_load(&g->teller_stop)) {
        struct stat now;
        pthread_mutex_lock(&g->telling);
        if (fstat(g->fd, &now) == 0 && strcmp(g->state, "growing") == 0)
            g->written = now.st_size;
        json_t *said = tell_now(g, &ignored);
        pthread_mutex_unlock(&g->telling);
        if (json_is_true(json_object_get(said, "finish")))
            atomic_store(&g->finish, true);
        json_decref(said);
        for (int ms = 0; ms < 2 * SAY_MS && !atomic_load(&g->teller_stop); ms += TICK_MS)
            clock_sleep_ms(TICK_MS);
    }
    return NULL;
}

static void teller_end(struct growing *g)
{
    atomic_store(&g->teller_stop, true);
    if (g->tells)
        pthread_join(g->teller, NULL);
    g->tells = false;
}

// ---- chunks

static void make_room(struct growing *g, size_t count)
{
    if (count <= g->room)
        return;
    size_t room = count * 2 + 64;
    g->sums = realloc(g->sums, room * sizeof(*g->sums));
    g->has = realloc(g->has, room * sizeof(*g->has));
    if (!g->sums || !g->has)
        abort();
    memset(g->has + g->room, 0, (room - g->room) * sizeof(*g->has));
    g->room = room;
}

// Some chunks, by a few threads.
struct sending_some {
    struct growing *g;
    const size_t *numbers; // in order
    size_t count;
    bool known; // their sums are in g->sums and the house lacks them
    size_t next;
    bool failed, changed; // changed: a chunk is not what its sum says
    struct error err;
    pthread_mutex_t lock; // guards the five above, and g->sums
};

static size_t size_of(const struct growing *g, size_t number)
{
    int64_t left = g->seen.st_size - (int64_t)number * STORE_CHUNK;
    return (size_t)(left < STORE_CHUNK ? left : STORE_CHUNK);
}

// False with *err untouched when it is not all there.
static bool read_chunk(const struct growing *g, size_t number, char *to, size_t size, bool *short_,
                       struct error *err)
{
    int64_t got = fd_read_all(g->fd, to, size, (int64_t)number * STORE_CHUNK);
    *short_ = got >= 0 && got < (int64_t)size;
    if (got < 0) {
        error_errno(err, errno, "cannot read %s", g->wish->path);
        return error_fix(err, "look at the disk it is on");
    }
    return !*short_;
}

static bool put_by_http(struct growing *g, size_t number, const sha256 *sum, const char *at,
                        size_t size, struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    sha256_hex hex = sha256_text(sum);
    struct client_header header = {"Chunk-Sha256", hex.text};
    struct call call = {.method = "PUT",
                        .path = arena_format(a, "/api/v1/files/%s/chunks/%zu", g->file, number),
                        .headers = &header,
                        .header_count = 1,
                        .content_type = "application/octet-stream",
                        .body = {at, size},
                        .repeatable = true};
    struct reply reply;
    int64_t since = clock_tick_us() / 1000;
    bool ok;
    while (!(ok = client_call(g->house.client, &call, a, &reply, err)) &&
           (away(err) || err->kind == ERROR_NO_SPACE || err->kind == ERROR_CONFLICT ||
            err->kind == ERROR_DAMAGED) &&
           clock_tick_us() / 1000 - since < g->wish->patience_ms && !stopped(g)) {
        bool full = err->kind == ERROR_NO_SPACE;
        if (full && !atomic_exchange(&g->full, true))
            say(g, "waits", arena_format(a, "%s: %s", err->what, err->why));
        clock_sleep_ms(full ? 2000 : 500);
    }
    if (ok && atomic_exchange(&g->full, false))
        say(g, "goes on", "the house has room again");
    arena_close(a);
    return ok;
}

static bool put_chunk(struct growing *g, size_t number, const sha256 *sum, const char *at,
                      size_t size, struct error *err)
{
    char meta[128];
    int length =
        snprintf(meta, sizeof(meta), "chunk %s %zu %s", g->file, number, sha256_text(sum).text);
    enum way_end end = way_put(g->way, (text){meta, (size_t)length}, at, size, err);
    return end == WAY_DONE || put_by_http(g, number, sum, at, size, err);
}

static void send_one(struct sending_some *s, size_t number, char *buffer)
{
    struct growing *g = s->g;
    struct error err;
    bool short_ = false;
    size_t size = size_of(g, number);
    bool ok = read_chunk(g, number, buffer, size, &short_, &err);
    sha256 sum = ok ? sha256_of(buffer, size) : (sha256){{0}};
    pthread_mutex_lock(&s->lock);
    bool same = ok && (!s->known || sha256_equal(&sum, &g->sums[number]));
    s->changed = s->changed || short_ || (ok && !same);
    pthread_mutex_unlock(&s->lock);
    bool sent = same && put_chunk(g, number, &sum, buffer, size, &err);
    pthread_mutex_lock(&s->lock);
    if (sent) {
        g->sums[number] = sum;
        g->has[number] = true;
    } else if (!short_ && (same || !ok) && !s->failed) {
        s->failed = true;
        s->err = err;
    }
    pthread_mutex_unlock(&s->lock);
}

static void *send_thread(void *context)
{
    struct sending_some *s = context;
    char *buffer = NULL;
    if (posix_memalign((void **)&buffer, 4096, (size_t)STORE_CHUNK) != 0)
        abort();
    for (;;) {
        pthread_mutex_lock(&s->lock);
        bool more = !s->failed && s->next < s->count && !stopped(s->g);
        size_t number = more ? s->numbers[s->next++] : 0;
        pthread_mutex_unlock(&s->lock);
        if (!more)
            break;
        send_one(s, number, buffer);
    }
    free(buffer);
    return NULL;
}

static bool send_some(struct growing *g, const size_t *numbers, size_t count, bool known,
                      bool *changed, struct error *err)
{
    struct sending_some s = {.g = g, .numbers = numbers, .count = count, .known = known};
    pthread_t threads[SENDERS];
    int begun = 0;
    pthread_mutex_init(&s.lock, NULL);
    for (; begun < SENDERS && (size_t)begun < count; begun++)
        if (pthread_create(&threads[begun], NULL, send_thread, &s) != 0)
            break;
    if (count && !begun)
        send_thread(&s);
    for (int i = 0; i < begun; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&s.lock);
    *changed = s.changed;
    if (s.failed)
        *err = s.err;
    return !s.failed && (!stopped(g) || cancelled(err));
}

// Which of the chunks from `from` to `to`, whose sums are known, the house lacks.
static bool lacks(struct growing *g, size_t from, size_t to, size_t *numbers, size_t *count,
                  struct error *err)
{
    json_t *chunks = json_array(), *one;
    struct arena *a = arena_open(1 << 20);
    size_t i;
    for (size_t n = from; n < to; n++)
        json_array_append_new(chunks, json_pack("{s:I, s:s}", "number", (json_int_t)n, "hash",
                                                sha256_text(&g->sums[n]).text));
    json_t *answer = ask(g, "POST", json_pack("{s:o}", "chunks", chunks), err,
                         below_api(a, "/files/%s/claim", g->file));
    json_array_foreach(json_object_get(answer, "missing"), i, one) numbers[(*count)++] =
        (size_t)json_integer_value(one);
    for (size_t n = from; n < to && answer; n++)
        g->has[n] = true;
    for (i = 0; i < *count; i++)
        g->has[numbers[i]] = false;
    arena_close(a);
    json_decref(answer);
    return answer != NULL;
}

static bool sum_of(struct growing *g, size_t number, char *buffer, bool *short_, struct error *err)
{
    size_t size = size_of(g, number);
    if (!read_chunk(g, number, buffer, size, short_, err))
        return false;
    sha256 sum = sha256_of(buffer, size);
    g->has[number] = g->has[number] && sha256_equal(&sum, &g->sums[number]);
    g->sums[number] = sum;
    return true;
}

// All chunks before `count` are read; what the house has not like that goes. *again: the file
// changed meanwhile.
static bool pass(struct growing *g, size_t count, bool *again, struct error *err)
{
    size_t *numbers = calloc(CLAIM_MOST + 1, sizeof(*numbers));
    char *buffer = malloc((size_t)STORE_CHUNK);
    bool ok = numbers && buffer;
    make_room(g, count);
    *again = false;
    for (size_t from = 0; ok && !*again && from < count;) {
        size_t to = from, missing = 0;
        for (; ok && !*again && to < count && to - from < CLAIM_MOST; to++)
            ok = (!stopped(g) || cancelled(err)) && (sum_of(g, to, buffer, again, err) || *again);
        ok = ok && (*again || (lacks(g, from, to, numbers, &missing, err) &&
                               send_some(g, numbers, missing, true, again, err)));
        from = to;
    }
    free(numbers);
    free(buffer);
    return ok;
}

// ---- while it grows

static bool send_new(struct growing *g, struct error *err)
{
    size_t whole = (size_t)(g->seen.st_size / STORE_CHUNK), numbers[64], count = 0;
    bool changed;
    make_room(g, whole);
    for (size_t n = g->next; n < whole && count < 64; n++)
        numbers[count++] = n;
    if (!count)
        return true;
    if (!send_some(g, numbers, count, false, &changed, err))
        return false;
    g->next += count;
    g->next = changed ? g->next - count : g->next;
    return true;
}

// *over: it has ended.
static bool watch_end(struct growing *g, bool *over)
{
    int64_t quiet = clock_tick_us() / 1000 - g->changed_ms;
    *over = false;
    if (quiet < g->wish->quiet_ms)
        return true;
    enum file_writer writer = file_writer(g->wish->path);
    if (g->wish->unclosed)
        atomic_store(&g->finish, true);
    *over = writer != WRITER_SOME || atomic_load(&g->finish);
    if (!*over && !g->silent && quiet >= g->wish->silence_ms) {
        g->silent = true;
        say(g, "silent",
            "nothing comes any more, and its recorder has not closed it: close it there, or say "
            "that it "
            "is over: on the page, or with --never-closed");
    }
    return true;
}

static bool follow(struct growing *g, struct error *err)
{
    bool over = false;
    while (!over) {
        if (stopped(g))
            return cancelled(err);
        if (!look(g, err) || !send_new(g, err) || !watch_end(g, &over))
            return false;
        if (clock_tick_us() / 1000 - g->said_ms >= SAY_MS &&
            !tell(g, g->silent ? "silent" : "growing", err))
            return false;
        if (!over && (size_t)(g->seen.st_size / STORE_CHUNK) <= g->next)
            clock_sleep_ms(TICK_MS);
    }
    return true;
}

static bool unchanged(const struct growing *g)
{
    struct stat now;
    return fstat(g->fd, &now) == 0 && now.st_size == g->seen.st_size &&
           now.st_mtim.tv_sec == g->seen.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == g->seen.st_mtim.tv_nsec;
}

static size_t chunk_count(const struct growing *g)
{
    return (size_t)((g->seen.st_size + STORE_CHUNK - 1) / STORE_CHUNK);
}

static sha256 content_of(const struct growing *g)
{
    struct hasher *h = hasher_open("sha256");
    uint8_t digest[64];
    sha256 content;
    for (size_t i = 0; i < chunk_count(g); i++)
        hasher_add(h, g->sums[i].at, SHA256_SIZE);
    hasher_end(h, digest);
    memcpy(content.at, digest, SHA256_SIZE);
    return content;
}

static bool commit(struct growing *g, struct error *err)
{
    size_t count = chunk_count(g);
    struct arena *a = arena_open(1 << 20);
    sha256 content = content_of(g);
    int64_t ms = (int64_t)g->seen.st_mtim.tv_sec * 1000 + g->seen.st_mtim.tv_nsec / 1000000;
    json_t *said = ask(g, "POST",
                       json_pack("{s:s, s:I, s:I, s:s}", "content", sha256_text(&content).text,
                                 "chunks", (json_int_t)count, "size", (json_int_t)g->seen.st_size,
                                 "modified", clock_text(ms).text),
                       err, below_api(a, "/files/%s/commit", g->file));
    bool ok = said && strcmp(json_word(said, "state"), "stored") == 0;
    if (said && !ok)
        error_set(err, ERROR_DAMAGED, "%s was not stored", g->wish->path);
    json_decref(said);
    arena_close(a);
    return ok;
}

// All is read again and compared with what is there; as long as it changes, again.
static bool settle(struct growing *g, struct error *err)
{
    for (int passes = 0; passes < PASSES_MOST; passes++) {
        bool again;
        if (!look(g, err) || !tell(g, "closing", err) || !pass(g, chunk_count(g), &again, err))
            return false;
        if (!again && unchanged(g))
            return commit(g, err);
        say(g, "changed", "it changed while it was read for the last time; it is read once more");
    }
    error_set(err, ERROR_CONFLICT, "%s does not come to rest", g->wish->path);
    return error_fix(err, "end what writes to it, then run the same again");
}

static bool open_journal(struct growing *g, struct error *err)
{
    struct buf what = BUF_LIMIT(1 << 16);
    journal_name(g->wish, g->house.url, &what);
    g->journal = journal_open(what.at, err);
    buf_free(&what);
    return g->journal != NULL;
}

static bool close_transfer(struct growing *g, struct error *err)
{
    struct arena *a = arena_open(1 << 20);
    json_t *t = ask(g, "POST", NULL, err, below_api(a, "/transfers/%s/close", g->transfer));
    arena_close(a);
    json_decref(t);
    return t != NULL;
}

// The house has a file of this transfer: by one of us that was killed behind it, or by a person's
// word while nothing was heard of us.
static bool is_stored(struct growing *g, struct error *err)
{
    char *buffer = malloc((size_t)STORE_CHUNK);
    bool short_ = false, same = fstat(g->fd, &g->seen) == 0 && g->seen.st_size == g->stored_size;
    struct error ignored;
    if (!buffer)
        abort();
    make_room(g, chunk_count(g));
    for (size_t n = 0; same && n < chunk_count(g); n++)
        same = sum_of(g, n, buffer, &short_, &ignored);
    free(buffer);
    if (same) {
        sha256 content = content_of(g);
        same = strcmp(sha256_text(&content).text, g->content) == 0;
    }
    if (same)
        return close_transfer(g, err);
    json_t *row = house_ask(g->house.client, "GET", NULL, &ignored, "/files/%s/growing", g->file);
    bool taken = row && json_is_string(json_object_get(row, "unclosed_by"));
    if (taken) {
        error_set(err, ERROR_CONFLICT, "the house has taken %s as it was: %s", g->wish->path,
                  size_text(g->stored_size).text);
        error_why(err, "by the word of %s, while nothing was heard of its sender",
                  json_word(row, "unclosed_by"));
        error_fix(
            err,
            "when it is closed bring it as a further version: posthouse put FILE --version-of %s",
            json_word(row, "asset"));
    } else {
        (void)replaced(g, err);
    }
    json_decref(row);
    return false;
}

static bool run(struct growing *g, struct arena *a, struct error *err)
{
    bool again;
    g->fd = open(g->wish->path, O_RDONLY | O_CLOEXEC);
    if (g->fd < 0)
        return error_errno(err, errno, "cannot read %s", g->wish->path);
    if (!begin(g, a, err))
        return false;
    if (g->stored)
        return is_stored(g, err);
    struct way_wish way = g->wish->way;
    way.client = g->house.client;
    way.url = g->house.url;
    way.moving = &g->moving;
    snprintf(way.path, sizeof(way.path), "/transfers/%.26s/bulk", g->transfer);
    if (!look(g, err) || !tell(g, "growing", err))
        return false;
    g->way = way_open(&way);
    g->tells = pthread_create(&g->teller, NULL, tell_on, g) == 0;
    // What an earlier one has sent is there.
    size_t whole = (size_t)(g->seen.st_size / STORE_CHUNK);
    if (journal_resumes(g->journal)) {
        if (!pass(g, whole, &again, err))
            return false;
        g->next = again ? 0 : whole;
    }
    return follow(g, err) && settle(g, err) && close_transfer(g, err);
}

bool put_growing(const struct put_growing *w, struct put_grown *closed, struct error *err)
{
    struct growing g = {.wish = w, .fd = -1, .state = "growing"};
    struct command_call call = *w->call;
    call.arena = arena_open((size_t)64 << 20);
    pthread_mutex_init(&g.telling, NULL);
    bool ok = house_open(&call, SENDERS + 3, &g.house, err) && open_journal(&g, err) &&
              run(&g, call.arena, err);
    if (!ok)
        say_dropped(&g, err);
    closed->size = g.seen.st_size;
    closed->modified_ns = (int64_t)g.seen.st_mtim.tv_sec * 1000000000 + g.seen.st_mtim.tv_nsec;
    teller_end(&g);
    way_close(g.way);
    journal_close(g.journal, false);
    house_close(&g.house);
    pthread_mutex_destroy(&g.telling);
    if (g.fd >= 0)
        close(g.fd);
    free(g.sums);
    free(g.has);
    arena_close(call.arena);
    return ok;
}

// ---- the journal from outside

static void with_journal(const struct put_growing *w, bool forget, bool *begun)
{
    struct house house = {0};
    struct error err;
    struct command_call call = *w->call;
    struct buf what = BUF_LIMIT(1 << 16);
    call.arena = arena_open((size_t)16 << 20);
    *begun = false;
    if (house_open(&call, 1, &house, &err)) {
        journal_name(w, house.url, &what);
        struct journal *j = forget ? journal_open(what.at, &err) : NULL;
        *begun = forget ? j != NULL : journal_there(what.at);
        journal_close(j, true);
    }
    house_close(&house);
    buf_free(&what);
    arena_close(call.arena);
}

void put_growing_forget(const struct put_growing *w)
{
    bool ignored;
    with_journal(w, true, &ignored);
}

bool put_growing_begun(const struct put_growing *w)
{
    bool begun;
    with_journal(w, false, &begun);
    return begun;
}

// ---- the command

static void print(void *context, const char *event, const char *words)
{
    const char *path = context;
    fprintf(stderr, "posthouse: %s: %s: %s\n", path, event, words);
}

int put_growing_run(struct command_call *call)
{
    struct error err;
    int64_t quiet_s, silence_s, patience_s;
    struct put_grown closed;
    struct put_growing w = {.call = call,
                            .project = option_text(call, "project"),
                            .folder =
                                option_text(call, "folder") ? option_text(call, "folder") : "",
                            .unclosed = option_flag(call, "never-closed"),
                            .say = print};
    char *path = call->word_count == 1 ? realpath(call->words[0], NULL) : NULL;
    bool folder = true;
    if (!w.project || !path || !file_look(path, &folder, NULL) || folder) {
        error_set(&err, ERROR_USAGE, "--growing takes one file that is there, and --project");
        error_fix(
            &err,
            "posthouse put --growing FILE --project NAME; `posthouse watch --growing` takes all of "
            "a folder");
        free(path);
        return command_failed(&err);
    }
    const char *slash = strrchr(path, '/');
    w.path = path;
    w.name = slash + 1;
    w.context = path;
    bool ok = option_int(call, "quiet", 10, &quiet_s) &&
              option_int(call, "silence", 600, &silence_s) &&
              option_int(call, "patience", 600, &patience_s);
    if (!ok)
        error_set(&err, ERROR_USAGE, "nothing was sent");
    w.quiet_ms = quiet_s * 1000;
    w.silence_ms = silence_s * 1000;
    w.patience_ms = patience_s * 1000;
    ok = ok && way_options(call, &w.way, &err) && put_growing(&w, &closed, &err);
    if (ok) {
        put_growing_forget(&w);
        printf("%s is in the house as it was closed, verified\n", w.name);
    } else if (!err.fix[0]) {
        error_fix(&err, "run the same command again: it goes on where it stood");
    }
    free(path);
    return ok ? 0 : command_failed(&err);
}
