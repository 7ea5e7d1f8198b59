// A whole server on loopback: plain and TLS, asked by our clients, by curl and by raw bytes.
#include "test.h"

#include "plat/clock.h"
#include "plat/hash.h"
#include "wire/client.h"
#include "wire/server.h"
#include "wire/socket.h"
#include "wire/socket_client.h"
#include "wire/tls.h"
#include "wire/traffic.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_SIZE = 3 << 20 };

static struct house {
    char folder[64], path[128], cert[128], key[128];
    int fd;
    uint8_t *bytes;
    struct tls *tls;
    struct sockets *sockets;
    struct server *server;
    int plain, secure;
    atomic_int opened, closed, released, done;
    atomic_int last_code;
    pthread_mutex_t lock; // viewers
    struct socket *viewers[512];
    size_t viewer_count;
} house;

// ---- The handlers --------------------------------------------------------------------------

static void hello(struct request *r, struct answer *a)
{
    char *body = arena_format(r->arena, "%s %s q=%s c=%s peer=%s %s %s", r->method, r->path,
                              request_query(r, "q"), request_cookie(r, "c"), r->peer, r->listener,
                              r->secure ? "secure" : "plain");
    answer_bytes(a, 200, "text/plain", body, strlen(body));
}

static void echo(struct request *r, struct answer *a)
{
    answer_copy(a, 200, "application/octet-stream", r->body.at, r->body.size);
}

static void release(void *context)
{
    (void)context;
    house.released++;
}

static void file_answer(struct request *r, struct answer *a)
{
    // "two" is the same file in two runs: ranges over the border go another way.
    int64_t half = strcmp(r->path, "/two") == 0 ? 1000001 : FILE_SIZE;
    struct file_run runs[] = {{house.fd, 0, half}, {house.fd, half, FILE_SIZE - half}};
    answer_files(a, &(struct file_answer){.runs = runs,
                                          .count = half == FILE_SIZE ? 1 : 2,
                                          .type = "video/mp4",
                                          .etag = "\"abc\"",
                                          .modified_ms = 784111777000,
                                          .release = release});
}

static void slow(struct request *r, struct answer *a)
{
    (void)r;
    clock_sleep_ms(400);
    answer_bytes(a, 200, "text/plain", "slept", 5);
}

static bool piece(struct request *r, const void *at, size_t size, struct error *err)
{
    if (!r->user)
        r->user = hasher_open("sha256");
    hasher_add(r->user, at, size);
    if (strcmp(r->path, "/refuse") == 0) {
        error_set(err, ERROR_NO_SPACE, "cannot store it");
        error_why(err, "the disk is full");
        return error_fix(err, "free space");
    }
    return true;
}

static void streamed(struct request *r, struct answer *a)
{
    uint8_t digest[64];
    char hex[65];
    hasher_end(r->user, digest);
    r->user = NULL;
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    answer_copy(a, 200, "text/plain", hex, 64);
}

static void done(struct request *r)
{
    if (r->user)
        hasher_close(r->user);
    house.done++;
}

static int64_t pull(void *context, void *to, size_t room, struct error *err)
{
    int64_t *left = context;
    (void)err;
    if (*left < 0)
        return -1;
    int64_t give = *left < (int64_t)room ? *left : (int64_t)room;
    memset(to, 'z', (size_t)give);
    *left -= give;
    return give;
}

static void pulled(struct request *r, struct answer *a)
{
    int64_t *left = ARENA_NEW(r->arena, int64_t);
    *left = 1000000;
    answer_pull(a, &(struct pull_answer){.size = strcmp(r->path, "/chunks") == 0 ? -1 : *left,
                                         .type = "application/zip",
                                         .pull = pull,
                                         .close = release,
                                         .context = left});
}

// The bytes of the house's file from a function that can begin anywhere.
struct sought {
    int64_t at;
    int turn;
};

static void seek_to(void *context, int64_t at)
{
    ((struct sought *)context)->at = at;
}

static int64_t pull_sought(void *context, void *to, size_t room, struct error *err)
{
    struct sought *s = context;
    (void)err;
    if (s->turn++ % 3 == 0)
        return PULL_AGAIN;
    int64_t give = FILE_SIZE - s->at < (int64_t)room ? FILE_SIZE - s->at : (int64_t)room;
    memcpy(to, house.bytes + s->at, (size_t)give);
    s->at += give;
    return give;
}

static void sought(struct request *r, struct answer *a)
{
    answer_pull(a, &(struct pull_answer){.size = FILE_SIZE,
                                         .type = "application/zip",
                                         .seek = seek_to,
                                         .etag = "\"abc\"",
                                         .pull = pull_sought,
                                         .close = release,
                                         .context = ARENA_NEW(r->arena, struct sought)});
}

// The same as of a stream: of one that goes as it likes, or of one that has been cut.
static struct traffic *traffic;

static void metered(struct request *r, struct answer *a)
{
    struct stream_wish w = {.key = r->path,
                            .kind = "download",
                            .way = TRAFFIC_OUT,
                            .buckets = {"line", r->path},
                            .total_bytes = FILE_SIZE,
                            .priority = TRAFFIC_PRIORITY};
    struct stream *s = traffic_join(traffic, &w);
    if (strcmp(r->path, "/cut") == 0)
        traffic_cut(traffic, "/cut");
    request_meter(r, s);
    sought(r, a);
}

static void deny(struct request *r, struct answer *a)
{
    struct error err;
    (void)r;
    error_set(&err, ERROR_LOGIN, "nobody is logged in");
    error_why(&err, "no session");
    error_fix(&err, "log in");
    answer_error(a, &err);
}

static void on_opened(struct socket *s)
{
    pthread_mutex_lock(&house.lock);
    house.viewers[house.viewer_count++] = socket_hold(s);
    pthread_mutex_unlock(&house.lock);
    house.opened++;
}

static void on_message(struct socket *s, text message)
{
    if (text_is(message, "finish"))
        socket_finish(s, 4001, "as asked");
    else
        socket_send(s, message.at, message.size);
}

static void on_closed(struct socket *s, int code)
{
    (void)s;
    house.last_code = code;
    house.closed++;
}

static const struct socket_calls calls = {on_opened, on_message, on_closed};

static void upgrade(struct request *r, struct answer *a)
{
    answer_socket(a, r, house.sockets, &calls, NULL, NULL);
}

static bool plan(void *context, const struct request *r, struct plan *p)
{
    static const struct {
        const char *path;
        struct plan plan;
    } routes[] = {
        {"/hello", {.handle = hello}},
        {"/quick", {.handle = hello, .quick = true}},
        {"/echo", {.handle = echo, .body = BODY_COLLECT, .limit = 2 << 20}},
        {"/one", {.handle = file_answer, .quick = true}},
        {"/two", {.handle = file_answer}},
        {"/slow", {.handle = slow}},
        {"/stream", {.handle = streamed, .body = BODY_STREAM, .piece = piece}},
        {"/refuse", {.handle = streamed, .body = BODY_STREAM, .piece = piece}},
        {"/deny", {.handle = echo, .body = BODY_COLLECT, .begin = deny}},
        {"/sought", {.handle = sought}},
        {"/metered", {.handle = metered}},
        {"/cut", {.handle = metered}},
        {"/sized", {.handle = pulled}},
        {"/chunks", {.handle = pulled}},
        {"/socket", {.handle = upgrade}},
    };
    (void)context;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (strcmp(routes[i].path, r->path) == 0) {
            *p = routes[i].plan;
            p->done = done;
            return true;
        }
    return false;
}

static void problem(void *context, const struct request *r, int status, const struct error *err,
                    struct answer *a)
{
    (void)context;
    (void)r;
    char body[2000];
    snprintf(body, sizeof(body),
             "{\"status\":%d,\"title\":\"%s\",\"detail\":\"%s\",\"fix\":\"%s\",\"kind\":\"%s\"}",
             status, err->what, err->why, err->fix, error_facts(err->kind)->name);
    answer_copy(a, status, "application/problem+json", body, strlen(body));
}

static void dress(void *context, const struct request *r, struct answer *a)
{
    (void)context;
    (void)r;
    answer_header(a, "X-Content-Type-Options", "nosniff");
}

static int open_house(void **state)
{
    (void)state;
    struct error err;
    static const char *const names[] = {"localhost", "127.0.0.1", NULL};
    static const char *const proxies[] = {"10.0.0.0/8", NULL};
    snprintf(house.folder, sizeof(house.folder), "/tmp/wire-test-XXXXXX");
    if (!mkdtemp(house.folder))
        return -1;
    snprintf(house.path, sizeof(house.path), "%s/file", house.folder);
    snprintf(house.cert, sizeof(house.cert), "%s/cert.pem", house.folder);
    snprintf(house.key, sizeof(house.key), "%s/key.pem", house.folder);
    house.bytes = malloc(FILE_SIZE);
    uint64_t seed = 42;
    for (size_t i = 0; i < FILE_SIZE; i++)
        house.bytes[i] = (uint8_t)((seed = seed * 6364136223846793005u + 1) >> 56);
    house.fd = open(house.path, O_RDWR | O_CREAT, 0600);
    if (write(house.fd, house.bytes, FILE_SIZE) != FILE_SIZE)
        return -1;
    pthread_mutex_init(&house.lock, NULL);
    house.tls = tls_open(&(struct tls_wish){house.cert, house.key, names}, &err);
    house.sockets = sockets_open(
        &(struct sockets_wish){.message_limit = 10000, .waiting_limit = 256 << 10}, &err);
    const struct listener_wish listeners[] = {{"page", "127.0.0.1", 0, NULL},
                                              {"page", "127.0.0.1", 0, house.tls}};
    static struct server_wish wish;
    wish = (struct server_wish){.listeners = listeners,
                                .listener_count = 2,
                                .plan = plan,
                                .problem = problem,
                                .decorate = dress,
                                .body_buffers = 2,
                                .trusted_proxies = proxies,
                                .header_timeout_s = 2};
    house.server = server_open(&wish, &err);
    if (!house.tls || !house.sockets || !house.server) {
        print_message("%s: %s\n", err.what, err.why);
        return -1;
    }
    house.plain = server_port(house.server, 0);
    house.secure = server_port(house.server, 1);
    return 0;
}

static int close_house(void **state)
{
    (void)state;
    for (size_t i = 0; i < house.viewer_count; i++)
        socket_let_go(house.viewers[i]);
    sockets_close(house.sockets, 2000);
    server_close(house.server, 2000);
    tls_close(house.tls);
    close(house.fd);
    unlink(house.path);
    unlink(house.cert);
    unlink(house.key);
    rmdir(house.folder);
    free(house.bytes);
    return house.opened == house.closed ? 0 : -1;
}

// ---- Helpers -------------------------------------------------------------------------------

static struct client *client_to(bool secure, char fingerprint[96])
{
    struct error err;
    char url[64];
    snprintf(url, sizeof(url), "%s://127.0.0.1:%d", secure ? "https" : "http",
             secure ? house.secure : house.plain);
    strcpy(fingerprint, tls_fingerprint_of(house.tls).text);
    struct client *c = client_open(
        &(struct client_wish){.url = url, .fingerprint = secure ? fingerprint : NULL}, &err);
    assert_non_null(c);
    return c;
}

// Sends bytes as they are and reads until the other side closes (or 3 s).
static size_t raw(int port, const char *send_bytes, size_t size, char *to, size_t room)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {6, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)!send(fd, send_bytes, size, MSG_NOSIGNAL);
    size_t got = 0;
    ssize_t now;
    while (got + 1 < room && (now = read(fd, to + got, room - 1 - got)) > 0)
        got += (size_t)now;
    to[got] = 0;
    close(fd);
    return got;
}

static text run(struct arena *a, const char *command)
{
    struct buf b = BUF_LIMIT(16 << 20);
    FILE *p = popen(command, "r");
    char piece_of[8192];
    size_t got;
    while ((got = fread(piece_of, 1, sizeof(piece_of), p)) > 0)
        buf_add(&b, piece_of, got);
    pclose(p);
    text out = {arena_copy(a, b.size ? b.at : "", b.size), b.size};
    buf_free(&b);
    return out;
}

// ---- Tests ---------------------------------------------------------------------------------

static void requests_are_seen_as_they_were_sent(void **state)
{
    (void)state;
    char fp[96];
    for (int secure = 0; secure < 2; secure++) {
        struct client *c = client_to(secure, fp);
        struct arena *a = arena_open(16 << 20);
        struct reply reply;
        struct error err;
        const struct client_header headers[] = {{"Cookie", "x=1; c=biscuit"},
                                                {"X-Forwarded-For", "1.2.3.4"}};
        const char *const paths[] = {"/hello?q=a%20b", "/quick?q=a+b"};
        for (int i = 0; i < 2; i++) {
            struct call call = {.path = paths[i], .headers = headers, .header_count = 2};
            assert_true(client_call(c, &call, a, &reply, &err));
            const char *wanted = arena_format(
                a, "GET %s q=a b c=biscuit peer=127.0.0.1 page %s", i ? "/quick" : "/hello",
                secure ? "secure" : "plain"); // the header of a stranger counts for nothing
            assert_string_equal(reply.body.at, wanted);
            assert_string_equal(reply_header(&reply, a, "x-content-type-options"), "nosniff");
        }
        assert_false(client_call(c, &(struct call){.path = "/absent"}, a, &reply, &err));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
        assert_string_equal(err.what, "there is nothing at this address");
        arena_close(a);
        client_close(c);
    }
}

static void every_range_gives_the_bytes_it_names(void **state)
{
    (void)state;
    static const struct {
        const char *range;
        int status;
        int64_t first, last;
    } cases[] = {{"0-0", 206, 0, 0},
                 {"1000000-1000001", 206, 1000000, 1000001}, // over the border of the runs
                 {"999000-1200000", 206, 999000, 1200000},
                 {"-500", 206, FILE_SIZE - 500, FILE_SIZE - 1},
                 {"3000000-", 206, 3000000, FILE_SIZE - 1},
                 {"5-2", 200, 0, FILE_SIZE - 1},
                 {"0-", 206, 0, FILE_SIZE - 1}};
    char fp[96];
    for (int secure = 0; secure < 2; secure++)
        for (int two = 0; two < 2; two++)
            for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct arena *a = arena_open(64 << 20);
                const char *scheme = secure ? "https" : "http";
                text out =
                    run(a, arena_format(a,
                                        "curl -sk -H 'Range: bytes=%s' "
                                        "%s://127.0.0.1:%d/%s",
                                        cases[i].range, scheme, secure ? house.secure : house.plain,
                                        two ? "two" : "one"));
                assert_int_equal(out.size, cases[i].last - cases[i].first + 1);
                assert_memory_equal(out.at, house.bytes + cases[i].first, out.size);
                arena_close(a);
            }
    struct client *c = client_to(false, fp);
    struct arena *a = arena_open(16 << 20);
    struct reply reply;
    struct error err;
    struct client_header h[2] = {{"Range", "bytes=9999999-"}};
    struct call call = {.path = "/one", .headers = h, .header_count = 1, .any_status = true};
    assert_true(client_call(c, &call, a, &reply, &err));
    assert_int_equal(reply.status, 416);
    assert_string_equal(reply_header(&reply, a, "Content-Range"), "bytes */3145728");
    h[0] = (struct client_header){"If-None-Match", "\"abc\""};
    assert_true(client_call(c, &call, a, &reply, &err));
    assert_int_equal(reply.status, 304);
    h[0] = (struct client_header){"Range", "bytes=0-9"};
    h[1] = (struct client_header){"If-Range", "\"other\""};
    call.header_count = 2;
    assert_true(client_call(c, &call, a, &reply, &err));
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.size, FILE_SIZE);
    h[1] = (struct client_header){"If-Range", "\"abc\""};
    assert_true(client_call(c, &call, a, &reply, &err));
    assert_int_equal(reply.status, 206);
    call.method = "HEAD";
    assert_true(client_call(c, &call, a, &reply, &err));
    assert_int_equal(reply.body.size, 0);
    assert_string_equal(reply_header(&reply, a, "Content-Length"), "10");
    arena_close(a);
    client_close(c);
}

static void a_handler_that_sleeps_stalls_nobody(void **state)
{
    (void)state;
    struct arena *a = arena_open(16 << 20);
    char *sleepers = arena_format(
        a, "for i in 1 2 3 4 5 6 7 8; do curl -s http://127.0.0.1:%d/slow & done; wait",
        house.plain);
    int64_t begun = clock_tick_us();
    FILE *p = popen(sleepers, "r");
    clock_sleep_ms(100);
    char fp[96];
    struct client *c = client_to(false, fp);
    struct reply reply;
    struct error err;
    int64_t asked = clock_tick_us();
    assert_true(client_call(c, &(struct call){.path = "/quick"}, a, &reply, &err));
    assert_true(clock_tick_us() - asked < 250000);
    char out[100] = "";
    size_t got = fread(out, 1, sizeof(out) - 1, p);
    pclose(p);
    assert_int_equal(got, 40); // eight times "slept"
    assert_true(clock_tick_us() - begun < 2500000);
    client_close(c);
    arena_close(a);
}

static int64_t upload(void *context, int64_t offset, void *to, size_t room, struct error *err)
{
    int64_t size = *(int64_t *)context;
    (void)err;
    int64_t left = size - offset;
    room = (int64_t)room < left ? room : (size_t)left;
    for (size_t i = 0; i < room; i++)
        ((uint8_t *)to)[i] = house.bytes[((size_t)offset + i) % FILE_SIZE];
    return (int64_t)room;
}

static void bodies_arrive_whole_or_are_refused_with_a_reason(void **state)
{
    (void)state;
    char fp[96];
    for (int secure = 0; secure < 2; secure++) {
        struct client *c = client_to(secure, fp);
        struct arena *a = arena_open(64 << 20);
        struct reply reply;
        struct error err;
        struct call call = {.path = "/echo", .body = {(char *)house.bytes, 1500000}};
        assert_true(client_call(c, &call, a, &reply, &err));
        assert_int_equal(reply.body.size, 1500000);
        assert_memory_equal(reply.body.at, house.bytes, 1500000);
        call.body.size = FILE_SIZE; // over 2 MiB
        assert_false(client_call(c, &call, a, &reply, &err));
        assert_int_equal(err.kind, ERROR_TOO_BIG);
        assert_string_equal(err.what, "the request is too big");
        call = (struct call){.path = "/hello", .body = {"x", 1}};
        assert_false(client_call(c, &call, a, &reply, &err));
        assert_int_equal(err.kind, ERROR_TOO_BIG);
        call = (struct call){.path = "/deny", .body = {(char *)house.bytes, 3000000}};
        assert_false(client_call(c, &call, a, &reply, &err));
        assert_int_equal(err.kind, ERROR_LOGIN);
        for (int chunked = 0; chunked < 2; chunked++) {
            int64_t size = 20 << 20;
            struct hasher *h = hasher_open("sha256");
            for (int64_t at = 0; at < size; at += 1 << 20)
                hasher_add(h, house.bytes + at % FILE_SIZE, 1 << 20);
            uint8_t digest[64];
            sha256 whole;
            hasher_end(h, digest);
            memcpy(whole.at, digest, 32);
            call = (struct call){.path = "/stream",
                                 .upload = upload,
                                 .context = &size,
                                 .upload_size = chunked ? -1 : size};
            assert_true(client_call(c, &call, a, &reply, &err));
            assert_string_equal(reply.body.at, sha256_text(&whole).text);
        }
        int64_t size = 20 << 20;
        call = (struct call){
            .path = "/refuse", .upload = upload, .context = &size, .upload_size = size};
        assert_false(client_call(c, &call, a, &reply, &err));
        assert_int_equal(err.kind, ERROR_NO_SPACE);
        assert_string_equal(err.why, "the disk is full");
        arena_close(a);
        client_close(c);
    }
    assert_int_equal(server_numbers(house.server).body_buffers_in_use, 0);
}

static void more_uploads_than_buffers_wait_their_turn(void **state)
{
    (void)state;
    struct arena *a = arena_open(16 << 20);
    text out = run(a, arena_format(a,
                                   "for i in 1 2 3 4 5 6 7 8; do curl -s -o /dev/null -w "
                                   "'%%{http_code}' --data-binary @%s -H 'Transfer-Encoding: "
                                   "chunked' http://127.0.0.1:%d/stream & done; wait",
                                   house.path, house.plain));
    assert_string_equal(out.at, "200200200200200200200200");
    arena_close(a);
}

static void pulled_answers_come_whole_sized_or_in_chunks(void **state)
{
    (void)state;
    char fp[96];
    struct client *c = client_to(true, fp);
    struct arena *a = arena_open(16 << 20);
    struct reply reply;
    struct error err;
    assert_true(client_call(c, &(struct call){.path = "/sized"}, a, &reply, &err));
    assert_int_equal(reply.body.size, 1000000);
    assert_true(client_call(c, &(struct call){.path = "/chunks"}, a, &reply, &err));
    assert_int_equal(reply.body.size, 1000000);
    assert_int_equal(reply.body.at[999999], 'z');
    arena_close(a);
    client_close(c);
}

static void what_can_be_sought_obeys_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *range;
        int status;
        int64_t first, last;
    } cases[] = {{"bytes=0-0", 206, 0, 0},
                 {"bytes=1000000-1300001", 206, 1000000, 1300001},
                 {"bytes=-500", 206, FILE_SIZE - 500, FILE_SIZE - 1},
                 {"bytes=3000000-", 206, 3000000, FILE_SIZE - 1},
                 {"bytes=9-4", 200, 0, FILE_SIZE - 1},
                 {"bytes=99999999-", 416, 0, -1}};
    char fp[96];
    struct error err;
    for (int secure = 0; secure < 2; secure++) {
        struct client *c = client_to(secure, fp);
        struct arena *a = arena_open(64 << 20);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct reply reply;
            struct client_header h = {"Range", cases[i].range};
            struct call call = {
                .path = "/sought", .headers = &h, .header_count = 1, .any_status = true};
            assert_true(client_call(c, &call, a, &reply, &err));
            assert_int_equal(reply.status, cases[i].status);
            assert_int_equal(reply.body.size, cases[i].last - cases[i].first + 1);
            if (reply.body.size)
                assert_memory_equal(reply.body.at, house.bytes + cases[i].first, reply.body.size);
        }
        arena_close(a);
        client_close(c);
    }
}

static void a_stream_is_counted_slowed_down_and_cut(void **state)
{
    (void)state;
    char fp[96];
    struct error err;
    struct reply reply;
    struct stream_seen *list;
    size_t count;
    struct client *c = client_to(false, fp);
    struct arena *a = arena_open(64 << 20);
    traffic = traffic_open();
    assert_true(client_call(c, &(struct call){.path = "/metered"}, a, &reply, &err));
    assert_memory_equal(reply.body.at, house.bytes, FILE_SIZE);
    traffic_cap(traffic, "line", TRAFFIC_OUT, 20 * FILE_SIZE); // held again and again
    assert_true(client_call(c, &(struct call){.path = "/metered"}, a, &reply, &err));
    assert_memory_equal(reply.body.at, house.bytes, FILE_SIZE);
    traffic_list(traffic, a, &list, &count);
    assert_int_equal(count, 1);
    assert_int_equal(list[0].moved_bytes, 2 * FILE_SIZE);
    assert_int_equal(list[0].joined, 2);
    struct client *other = client_to(false, fp);
    assert_false(client_call(other, &(struct call){.path = "/cut"}, a, &reply, &err));
    client_close(other);
    client_close(c);
    arena_close(a);
}

static void malformed_and_ambiguous_requests_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *answer;
    } cases[] = {
        {"GET /../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", " 400 "},
        {"GET /a%2fb HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", " 400 "},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
         " 400 "},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n",
         " 400 "},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc", " 400 "},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc", " 501 "},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc", " 400 "},
        {"GET /hello HTTP/1.1\r\n\r\n", " 400 "},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: "
         "chunked\r\n\r\nzz\r\n",
         " 400 "},
        {"\r\nGET /hello\r\n\r\n", " 400 "},
        {"GET /hello HTTP/1.1\nHost: a\n\n", " 400 "},
        {"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", " 400 "},
        {"GET /hello HTTP/1.1\r\nHost: a\r\nX: 1\r\n goes on\r\n\r\n", " 400 "},
        {"GET /hello HTTP/1.1\r\nHost: a\r\nX\x01: 1\r\n\r\n", " 400 "},
        {"GET /hel\tlo HTTP/1.1\r\nHost: a\r\n\r\n", " 400 "},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", " 400 "},
        {"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", " 400 "},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", " 505 "},
        {"GET /hello HTTP/1.1\r\nHost: a\r\n\r\nrubbish\r\n\r\n", " 400 "},
        {"POST /deny HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n",
         "HTTP/1.1 401 "},
    };
    char out[8192];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        raw(house.plain, cases[i].bytes, strlen(cases[i].bytes), out, sizeof(out));
        if (!strstr(out, cases[i].answer))
            fail_msg("case %zu: %s", i, out);
        if (!strstr(out, " 401 ") && !strstr(out, "application/problem+json"))
            fail_msg("case %zu is no problem: %s", i, out);
    }
    char big[40000], *at = big + sprintf(big, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ");
    memset(at, 'x', 26000);
    strcpy(at + 26000, "\r\n\r\n");
    raw(house.plain, big, strlen(big), out, sizeof(out));
    assert_non_null(strstr(out, " 431 "));
    assert_non_null(strstr(out, "problem+json"));
    at = big + sprintf(big, "GET /hello HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 300; i++)
        at += sprintf(at, "X%d: y\r\n", i);
    strcpy(at, "\r\n");
    raw(house.plain, big, strlen(big), out, sizeof(out));
    assert_non_null(strstr(out, " 431 "));
    at = big + sprintf(big, "GET /");
    memset(at, 'x', 30000);
    raw(house.plain, big, 30005, out, sizeof(out));
    assert_non_null(strstr(out, " 414 "));
    assert_non_null(strstr(out, "problem+json"));
    // Garbage, and a head that never ends: cut after header_timeout_s, here 2.
    uint8_t noise[4096];
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = house.bytes[i];
    raw(house.plain, (char *)noise, sizeof(noise), out, sizeof(out));
    raw(house.secure, (char *)noise, sizeof(noise), out, sizeof(out));
    raw(house.secure, "GET / HTTP/1.1\r\n\r\n", 18, out, sizeof(out));
    assert_non_null(strstr(out, "this port speaks TLS"));
    int64_t begun = clock_tick_us();
    raw(house.plain, "GET /hello HTTP/1.1\r\nHost:", 26, out, sizeof(out));
    assert_true(clock_tick_us() - begun < 5000000);
    assert_non_null(strstr(out, " 408 "));
    assert_non_null(strstr(out, "problem+json"));
}

static int times(const char *in, const char *what)
{
    int n = 0;
    for (const char *at = in; (at = strstr(at, what)); at++)
        n++;
    return n;
}

// RFC 9112, 9.3.2: one line, several requests sent ahead, with bodies of both kinds between them.
static void requests_sent_ahead_are_answered_in_order(void **state)
{
    (void)state;
    static const char many[] =
        "GET /hello?q=first HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nsecond"
        "HEAD /hello?q=third HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3;ext=1\r\nfou\r\n002\r\nrt\r\n1\r\nh\r\n0\r\nTrailer: x\r\n\r\n"
        "GET /hello?q=fifth HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        "GET /hello?q=never HTTP/1.1\r\nHost: a\r\n\r\n";
    static char out[16384];
    raw(house.plain, many, sizeof(many) - 1, out, sizeof(out));
    assert_int_equal(times(out, "HTTP/1.1 200 OK"), 5);
    char *first = strstr(out, "q=first"), *second = strstr(out, "\r\n\r\nsecond"),
         *fourth = strstr(out, "\r\n\r\nfourth"), *fifth = strstr(out, "q=fifth");
    assert_true(first && second && fourth && fifth);
    assert_true(first < second && second < fourth && fourth < fifth);
    assert_null(strstr(out, "q=third"));
    assert_null(strstr(out, "q=never"));
    // HTTP/1.0 closes, unless it asks not to.
    raw(house.plain, "GET /hello HTTP/1.0\r\n\r\n", 23, out, sizeof(out));
    assert_non_null(strstr(out, "Connection: close"));
}

// However the bytes of a request are cut into segments, it is the same request.
static void a_request_may_come_in_any_pieces(void **state)
{
    (void)state;
    static const char one[] =
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: "
        "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)house.plain),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {6, 0};
    char out[4096];
    for (size_t step = 1; step < sizeof(one); step += step < 4 ? 1 : 13) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
        assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        for (size_t i = 0; i < sizeof(one) - 1; i += step)
            (void)!send(fd, one + i, i + step < sizeof(one) ? step : sizeof(one) - 1 - i,
                        MSG_NOSIGNAL);
        size_t got = 0;
        ssize_t now;
        while ((now = read(fd, out + got, sizeof(out) - 1 - got)) > 0)
            got += (size_t)now;
        out[got] = 0;
        close(fd);
        if (!strstr(out, "\r\n\r\nhello"))
            fail_msg("in steps of %zu: %s", step, out);
    }
}

static void tls_is_1_2_or_1_3_and_as_others_see_it(void **state)
{
    (void)state;
    struct arena *a = arena_open(16 << 20);
    struct stat key;
    assert_int_equal(stat(house.key, &key), 0);
    assert_int_equal(key.st_mode & 0777, 0600);
    text out = run(a, arena_format(a, "curl -s --cacert %s https://localhost:%d/quick", house.cert,
                                   house.secure));
    assert_true(text_starts(out, "GET /quick"));
    out = run(a, arena_format(a, "openssl x509 -in %s -noout -fingerprint -sha256", house.cert));
    assert_non_null(strstr(out.at, tls_fingerprint_of(house.tls).text));
    static const struct {
        const char *option, *seen;
    } versions[] = {{"-tls1_1 -cipher ALL:@SECLEVEL=0", "Cipher is (NONE)"},
                    {"-tls1_2", "TLSv1.2"},
                    {"-tls1_3", "TLSv1.3"}};
    for (size_t i = 0; i < 3; i++) {
        out = run(a, arena_format(a,
                                  "openssl s_client -connect 127.0.0.1:%d %s -alpn "
                                  "h2,http/1.1 </dev/null 2>&1",
                                  house.secure, versions[i].option));
        if (!strstr(out.at, versions[i].seen))
            fail_msg("%s: %s", versions[i].option, out.at);
        if (i)
            assert_non_null(strstr(out.at, "ALPN protocol: http/1.1"));
    }
    struct error err;
    assert_true(tls_reload(house.tls, &err));
    // A wrong pin is refused by both clients.
    char url[64], wrong[96];
    snprintf(url, sizeof(url), "https://127.0.0.1:%d", house.secure);
    strcpy(wrong, tls_fingerprint_of(house.tls).text);
    wrong[0] = wrong[0] == 'A' ? 'B' : 'A';
    struct client *c = client_open(&(struct client_wish){.url = url, .fingerprint = wrong}, &err);
    struct reply reply;
    assert_false(client_call(c, &(struct call){.path = "/hello"}, a, &reply, &err));
    client_close(c);
    assert_null(
        socket_client_open(&(struct socket_client_wish){.url = url, .fingerprint = wrong}, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    arena_close(a);
}

static struct socket_client *viewer(bool secure)
{
    struct error err;
    char url[64];
    tls_fingerprint f = tls_fingerprint_of(house.tls);
    snprintf(url, sizeof(url), "%s://127.0.0.1:%d/socket", secure ? "wss" : "ws",
             secure ? house.secure : house.plain);
    struct socket_client *c = socket_client_open(
        &(struct socket_client_wish){.url = url, .fingerprint = secure ? f.text : NULL}, &err);
    if (!c)
        fail_msg("%s: %s", err.what, err.why);
    return c;
}

static void sockets_carry_messages_both_ways_and_close_with_codes(void **state)
{
    (void)state;
    for (int secure = 0; secure < 2; secure++) {
        struct error err;
        text m;
        struct socket_client *c = viewer(secure);
        char big[9000];
        memset(big, 'b', sizeof(big));
        for (int i = 0; i < 50; i++) {
            size_t size = i % 2 ? sizeof(big) : 5;
            assert_true(socket_client_send(c, big, size, &err));
        }
        for (int i = 0; i < 50; i++) {
            assert_true(socket_client_receive(c, 5000, &m, &err));
            assert_int_equal(m.size, i % 2 ? sizeof(big) : 5);
        }
        assert_false(socket_client_receive(c, 20, &m, &err));
        assert_int_equal(err.kind, ERROR_TIMEOUT);
        assert_true(socket_client_send(c, "finish", 6, &err));
        assert_false(socket_client_receive(c, 5000, &m, &err));
        assert_non_null(strstr(err.why, "4001"));
        socket_client_close(c);
        c = viewer(secure);
        char huge[20000];
        memset(huge, 'h', sizeof(huge));
        assert_true(socket_client_send(c, huge, sizeof(huge), &err));
        assert_false(socket_client_receive(c, 5000, &m, &err));
        assert_non_null(strstr(err.why, "1009"));
        socket_client_close(c);
        for (int i = 0; i < 400 && house.opened != house.closed; i++)
            clock_sleep_ms(5);
        assert_int_equal(house.opened, house.closed);
    }
    char out[4096];
    static const char foreign[] =
        "GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade, "
        "close\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Origin: http://evil.example\r\n\r\n";
    raw(house.plain, foreign, sizeof(foreign) - 1, out, sizeof(out));
    assert_non_null(strstr(out, " 403 "));
    // RFC 6455, 1.3 and 5.7: the sample key, then "Hello" masked, in two fragments.
    static const char sample[] =
        "GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        "\x01\x83\x37\xfa\x21\x3d\x7f\x9f\x4d\x80\x82\x37\xfa\x21\x3d\x5b\x95";
    // And a close directly behind it: the answer comes first.
    char both[sizeof(sample) + 6];
    memcpy(both, sample, sizeof(sample) - 1);
    memcpy(both + sizeof(sample) - 1, "\x88\x80\x37\xfa\x21\x3d", 6);
    for (int i = 0; i < 100; i++) {
        size_t got = raw(house.plain, both, sizeof(sample) + 5, out, sizeof(out));
        assert_non_null(strstr(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        char *answer = memmem(out, got, "\x81\x05Hello", 7);
        assert_non_null(answer);
        assert_memory_equal(answer + 7, "\x88", 1);
    }
}

static void a_message_reaches_200_viewers_and_one_that_sleeps_is_dropped(void **state)
{
    (void)state;
    for (int secure = 0; secure < 2; secure++) {
        struct error err;
        text m;
        pthread_mutex_lock(&house.lock);
        for (size_t i = 0; i < house.viewer_count; i++)
            socket_let_go(house.viewers[i]);
        house.viewer_count = 0;
        pthread_mutex_unlock(&house.lock);
        struct socket_client *all[200];
        int before = house.opened;
        for (int i = 0; i < 200; i++)
            all[i] = viewer(secure);
        for (int i = 0; i < 1000 && house.opened < before + 200; i++)
            clock_sleep_ms(5);
        assert_int_equal(house.opened, before + 200);
        char message[600];
        memset(message, 'm', sizeof(message));
        struct frame *f = frame_text(message, sizeof(message));
        int64_t begun = clock_tick_us();
        socket_send_many(f, house.viewers, house.viewer_count);
        for (int i = 0; i < 200; i++) {
            assert_true(socket_client_receive(all[i], 5000, &m, &err));
            assert_int_equal(m.size, 600);
        }
        print_message("# 200 viewers %s: %lld us\n", secure ? "TLS" : "plain",
                      (long long)(clock_tick_us() - begun));
        // Nobody reads now: kernel buffers fill, then ours, then all are dropped with 1013.
        char lots[60000];
        memset(lots, 'l', sizeof(lots));
        struct frame *large = frame_text(lots, sizeof(lots));
        for (int i = 0; i < 400 && socket_is_open(house.viewers[0]); i++) {
            socket_send_many(large, house.viewers, 1);
            clock_sleep_ms(1);
        }
        assert_false(socket_is_open(house.viewers[0]));
        frame_let_go(large);
        frame_let_go(f);
        for (int i = 0; i < 200; i++)
            socket_client_close(all[i]);
        for (int i = 0; i < 2000 && house.opened != house.closed; i++)
            clock_sleep_ms(5);
        assert_int_equal(house.opened, house.closed);
    }
}

static int descriptors(void)
{
    int count = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        count++;
    closedir(d);
    return count;
}

static void a_thousand_connections_leave_nothing_behind(void **state)
{
    (void)state;
    char out[4096];
    static const char ask[] = "GET /one HTTP/1.1\r\nHost: a\r\nRange: bytes=0-99\r\nConnection: "
                              "close\r\n\r\n";
    for (int i = 0; i < 400 && server_numbers(house.server).connections; i++)
        clock_sleep_ms(10);
    int before = descriptors(), released = house.released;
    for (int i = 0; i < 1000; i++)
        assert_true(raw(house.plain, ask, sizeof(ask) - 1, out, sizeof(out)) > 100);
    for (int i = 0; i < 400 && server_numbers(house.server).connections; i++)
        clock_sleep_ms(10);
    assert_int_equal(house.released, released + 1000);
    assert_true(descriptors() <= before + 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_seen_as_they_were_sent),
        cmocka_unit_test(every_range_gives_the_bytes_it_names),
        cmocka_unit_test(a_handler_that_sleeps_stalls_nobody),
        cmocka_unit_test(bodies_arrive_whole_or_are_refused_with_a_reason),
        cmocka_unit_test(more_uploads_than_buffers_wait_their_turn),
        cmocka_unit_test(pulled_answers_come_whole_sized_or_in_chunks),
        cmocka_unit_test(what_can_be_sought_obeys_ranges),
        cmocka_unit_test(a_stream_is_counted_slowed_down_and_cut),
        cmocka_unit_test(malformed_and_ambiguous_requests_are_refused),
        cmocka_unit_test(requests_sent_ahead_are_answered_in_order),
        cmocka_unit_test(a_request_may_come_in_any_pieces),
        cmocka_unit_test(tls_is_1_2_or_1_3_and_as_others_see_it),
        cmocka_unit_test(sockets_carry_messages_both_ways_and_close_with_codes),
        cmocka_unit_test(a_message_reaches_200_viewers_and_one_that_sleeps_is_dropped),
        cmocka_unit_test(a_thousand_connections_leave_nothing_behind),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, open_house, close_house);
}
