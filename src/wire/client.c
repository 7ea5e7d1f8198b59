#include "wire/client.h"

#include "plat/clock.h"
#include "wire/inside.h"
#include "wire/traffic.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct client {
    struct client_wish wish;
    char *url, *bearer, *fingerprint, *ca_file;
    pthread_mutex_t lock; // idle, idle_count, lines
    pthread_cond_t more;
    CURL **idle;
    int idle_count, lines;
    atomic_bool interrupted;
    struct traffic *traffic; // NULL: no limit
    struct stream *pace[2];  // by enum traffic_way
};

// ---- Trust ---------------------------------------------------------------------------------

static bool fingerprint_matches(X509 *cert, const char *wanted)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!cert || X509_digest(cert, EVP_sha256(), digest, &size) != 1)
        return false;
    char text[65] = "";
    for (unsigned i = 0; i < 32 && i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    size_t at = 0;
    for (; *wanted; wanted++)
        if (*wanted != ':' && *wanted != ' ') {
            if (at >= 64 || strncasecmp(wanted, &text[at], 1) != 0)
                return false;
            at++;
        }
    return at == 64;
}

static int verify_pinned(X509_STORE_CTX *store, void *fingerprint)
{
    bool good = fingerprint_matches(X509_STORE_CTX_get0_cert(store), fingerprint);
    X509_STORE_CTX_set_error(store, good ? X509_V_OK : X509_V_ERR_CERT_UNTRUSTED);
    return good;
}

SSL_CTX *trust_open(const char *fingerprint, const char *ca_file, struct error *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx)
        abort();
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (fingerprint) {
        SSL_CTX_set_cert_verify_callback(ctx, verify_pinned, (void *)(uintptr_t)fingerprint);
    } else if (!(ca_file ? SSL_CTX_load_verify_locations(ctx, ca_file, NULL)
                         : SSL_CTX_set_default_verify_paths(ctx))) {
        ERR_clear_error();
        error_set(err, ERROR_INPUT, "cannot use the certificates in %s", ca_file ? ca_file : "");
        error_why(err, "it is not a PEM file of certificates");
        error_fix(err, "give the CA's certificate as PEM");
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static CURLcode pin(CURL *curl, void *ctx, void *fingerprint)
{
    (void)curl;
    SSL_CTX_set_cert_verify_callback(ctx, verify_pinned, fingerprint);
    return CURLE_OK;
}

// ---- Opening -------------------------------------------------------------------------------

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static void curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

struct client *client_open(const struct client_wish *wish, struct error *err)
{
    if (!wish->url ||
        (strncasecmp(wish->url, "http://", 7) != 0 && strncasecmp(wish->url, "https://", 8) != 0)) {
        error_set(err, ERROR_USAGE, "%s is not the address of a server",
                  wish->url ? wish->url : "\"\"");
        error_why(err, "it must begin with http:// or https://");
        error_fix(err, "write it as https://house.example:8480");
        return NULL;
    }
    pthread_once(&curl_once, curl_start);
    struct client *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->wish = *wish;
    c->wish.lines = wish->lines > 0 ? wish->lines : 8;
    c->wish.connect_timeout_ms = wish->connect_timeout_ms > 0 ? wish->connect_timeout_ms : 10000;
    c->wish.stall_timeout_s = wish->stall_timeout_s > 0 ? wish->stall_timeout_s : 60;
    c->wish.attempts = wish->attempts > 0 ? wish->attempts : 5;
    c->url = copy(wish->url);
    size_t size = strlen(c->url);
    while (size && c->url[size - 1] == '/')
        c->url[--size] = 0;
    c->bearer = copy(wish->bearer);
    c->fingerprint = copy(wish->fingerprint);
    c->ca_file = copy(wish->ca_file);
    c->idle = calloc((size_t)c->wish.lines, sizeof(*c->idle));
    if (!c->idle)
        abort();
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->more, NULL);
    return c;
}

void client_close(struct client *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->idle_count; i++)
        curl_easy_cleanup(c->idle[i]);
    free(c->idle);
    free(c->url);
    if (c->bearer)
        explicit_bzero(c->bearer, strlen(c->bearer));
    free(c->bearer);
    free(c->fingerprint);
    free(c->ca_file);
    stream_leave(c->pace[TRAFFIC_IN]);
    stream_leave(c->pace[TRAFFIC_OUT]);
    traffic_close(c->traffic);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->more);
    free(c);
}

void client_interrupt(struct client *c)
{
    c->interrupted = true;
    pthread_mutex_lock(&c->lock);
    pthread_cond_broadcast(&c->more);
    pthread_mutex_unlock(&c->lock);
}

void client_pace(struct client *c, int64_t bytes_a_second)
{
    if (bytes_a_second <= 0 || c->traffic)
        return;
    c->traffic = traffic_open();
    for (enum traffic_way way = TRAFFIC_IN; way <= TRAFFIC_OUT; way++) {
        traffic_cap(c->traffic, "line", way, bytes_a_second);
        c->pace[way] = traffic_join(c->traffic, &(struct stream_wish){.key = way ? "out" : "in",
                                                                      .kind = "call",
                                                                      .way = way,
                                                                      .buckets = {"line"},
                                                                      .total_bytes = -1});
    }
}

// How many of these bytes may move now: waits until it is one at least. 0: it was interrupted.
static size_t pace(struct client *c, enum traffic_way way, size_t size)
{
    size_t may = c->pace[way] ? 0 : size;
    while (!may && !c->interrupted) {
        int wait_ms = 0;
        may = stream_take(c->pace[way], size, &wait_ms);
        if (!may)
            clock_sleep_ms(wait_ms > 0 && wait_ms < 100 ? wait_ms : 100);
    }
    return may;
}

static CURL *line_take(struct client *c)
{
    CURL *line = NULL;
    pthread_mutex_lock(&c->lock);
    while (!c->interrupted && !c->idle_count && c->lines >= c->wish.lines)
        pthread_cond_wait(&c->more, &c->lock);
    if (c->interrupted)
        ;
    else if (c->idle_count)
        line = c->idle[--c->idle_count];
    else if ((line = curl_easy_init()))
        c->lines++;
    pthread_mutex_unlock(&c->lock);
    return line;
}

static void line_give_back(struct client *c, CURL *line)
{
    curl_easy_reset(line); // keeps the connection
    pthread_mutex_lock(&c->lock);
    c->idle[c->idle_count++] = line;
    pthread_cond_signal(&c->more);
    pthread_mutex_unlock(&c->lock);
}

// ---- One try -------------------------------------------------------------------------------

struct
try {
    struct client *client;
    const struct call *call;
    CURL *curl;
    struct buf body, headers;
    int64_t sent, received;
    bool failed, cancelled; // by one of the caller's functions: err is its
    struct error err;
};

static size_t take_header(char *at, size_t one, size_t size, void *context)
{
    struct try *t = context;
    size *= one;
    if (size > 5 && strncmp(at, "HTTP/", 5) == 0) // 100 Continue came before
        t->headers.size = 0;
    return buf_add(&t->headers, at, size) ? size : 0;
}

static size_t take_body(char *at, size_t one, size_t size, void *context)
{
    struct try *t = context;
    long status = 0;
    size *= one;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    for (size_t left = size; left && !t->client->interrupted;)
        left -= pace(t->client, TRAFFIC_IN, left);
    if (!t->call->download || status / 100 != 2)
        return buf_add(&t->body, at, size) ? size : 0;
    if (!t->call->download(t->call->context, t->received, at, size, &t->err)) {
        t->failed = true;
        return 0;
    }
    t->received += (int64_t)size;
    return size;
}

static size_t give_body(char *to, size_t one, size_t room, void *context)
{
    struct try *t = context;
    const struct call *call = t->call;
    room *= one;
    if (!call->upload) {
        size_t left = call->body.size - (size_t)t->sent;
        room = room < left ? room : left;
        if (room && !(room = pace(t->client, TRAFFIC_OUT, room)))
            return CURL_READFUNC_ABORT;
        if (room)
            memcpy(to, call->body.at + t->sent, room);
        t->sent += (int64_t)room;
        return room;
    }
    if (call->upload_size >= 0 && (int64_t)room > call->upload_size - t->sent)
        room = (size_t)(call->upload_size - t->sent);
    if (room && !(room = pace(t->client, TRAFFIC_OUT, room)))
        return CURL_READFUNC_ABORT;
    int64_t got = room ? call->upload(call->context, t->sent, to, room, &t->err) : 0;
    if (got < 0) {
        t->failed = true;
        return CURL_READFUNC_ABORT;
    }
    t->sent += got;
    return (size_t)got;
}

static int seek_body(void *context, curl_off_t offset, int origin)
{
    struct try *t = context;
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    t->sent = offset;
    return CURL_SEEKFUNC_OK;
}

static int show_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                         curl_off_t up)
{
    struct try *t = context;
    (void)down_total;
    (void)up_total;
    t->cancelled = t->client->interrupted ||
                   (t->call->progress && !t->call->progress(t->call->context, up, down));
    return t->cancelled;
}

static struct curl_slist *headers_of(const struct client *c, const struct call *call, bool body)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    struct buf b = BUF_LIMIT(64 << 10);
    if (body) {
        buf_format(&b, "Content-Type: %s",
                   call->content_type ? call->content_type : "application/json");
        list = curl_slist_append(list, b.at);
    }
    if (c->bearer) {
        b.size = 0;
        buf_format(&b, "Authorization: Bearer %s", c->bearer);
        list = curl_slist_append(list, b.at);
        explicit_bzero(b.at, b.size);
    }
    for (size_t i = 0; i < call->header_count; i++) {
        b.size = 0;
        const char *value = call->headers[i].value;
        if (buf_format(&b, "%s%s%s", call->headers[i].name, *value ? ": " : ";", value))
            list = curl_slist_append(list, b.at);
    }
    buf_free(&b);
    return list;
}

static CURLcode try_once(struct try *t, const char *url, struct curl_slist *headers, long *status,
                         char why[CURL_ERROR_SIZE])
{
    const struct call *call = t->call;
    struct client *c = t->client;
    CURL *curl = t->curl;
    bool body = call->upload || call->body.size;
    const char *method = call->method ? call->method : body ? "POST" : "GET";
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); // a house is reached directly
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)c->wish.connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)c->wish.stall_timeout_s);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, show_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (c->fingerprint) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L); // the pin says more than a name
        curl_easy_setopt(curl, CURLOPT_CAINFO, NULL); // each line would read all authorities first
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
        curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, pin);
        curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, c->fingerprint);
    } else if (c->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, c->ca_file);
    }
    if (body) {
        int64_t size = call->upload ? call->upload_size : (int64_t)call->body.size;
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
        curl_easy_setopt(curl, CURLOPT_READDATA, t);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_body);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, t);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
    } else if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
               strcmp(method, "PATCH") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ""); // says Content-Length: 0
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    return code;
}

static bool line_error(struct client *c, CURLcode code, const char *why, struct error *err)
{
    bool slow = code == CURLE_OPERATION_TIMEDOUT;
    bool trust = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
    error_set(err,
              slow    ? ERROR_TIMEOUT
              : trust ? ERROR_DENIED
                      : ERROR_NETWORK,
              trust ? "%s is not the server that is trusted" : "cannot reach %s", c->url);
    error_why(err, "%s", *why ? why : curl_easy_strerror(code));
    return error_fix(err, "%s",
                     trust ? "compare the certificate's fingerprint with what the server shows"
                           : "check the address, that the server runs, and the network between");
}

static bool kept_text(json_t *from, const char *name, char *to, size_t room)
{
    const char *value = json_string_value(json_object_get(from, name));
    if (value)
        snprintf(to, room, "%s", value);
    return value != NULL;
}

bool problem_read(int status, text body, struct error *err)
{
    static const struct {
        int status;
        enum error_kind kind;
    } kinds[] = {{400, ERROR_USAGE},       {401, ERROR_LOGIN},    {403, ERROR_DENIED},
                 {404, ERROR_NOT_FOUND},   {409, ERROR_CONFLICT}, {413, ERROR_TOO_BIG},
                 {415, ERROR_UNSUPPORTED}, {422, ERROR_INPUT},    {429, ERROR_TOO_MANY},
                 {502, ERROR_NETWORK},     {503, ERROR_TOO_MANY}, {504, ERROR_TIMEOUT},
                 {507, ERROR_NO_SPACE}};
    enum error_kind kind = ERROR_INTERNAL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].status == status)
            kind = kinds[i].kind;
    error_set(err, kind, "the server answered %d", status);
    error_why(err, "it gave no reason");
    error_fix(err, "look at the server's log");
    json_t *json = body.size ? json_loadb(body.at, body.size, 0, NULL) : NULL;
    bool problem = kept_text(json, "title", err->what, sizeof(err->what));
    if (problem) {
        kept_text(json, "detail", err->why, sizeof(err->why));
        kept_text(json, "fix", err->fix, sizeof(err->fix));
        const char *name = json_string_value(json_object_get(json, "kind"));
        for (int k = 1; name && k < ERROR_KIND_COUNT; k++)
            if (strcmp(error_facts((enum error_kind)k)->name, name) == 0)
                err->kind = (enum error_kind)k;
    }
    json_decref(json);
    return problem;
}

// ---- The call ------------------------------------------------------------------------------

const char *reply_header(const struct reply *reply, struct arena *arena, const char *name)
{
    text rest = reply->headers;
    while (rest.size) {
        text value = text_cut(&rest, '\n');
        text key = text_trim(text_cut(&value, ':'));
        if (key.size == strlen(name) && strncasecmp(key.at, name, key.size) == 0) {
            value = text_trim(value);
            return arena_copy(arena, value.size ? value.at : "", value.size);
        }
    }
    return NULL;
}

static bool line_may_work_later(CURLcode code)
{
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
           code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING ||
           code == CURLE_PARTIAL_FILE || code == CURLE_OPERATION_TIMEDOUT ||
           code == CURLE_SSL_CONNECT_ERROR;
}

static bool status_may_change(long status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}

static void back_off(struct client *c, int attempt, int64_t wanted_s)
{
    int64_t wait_ms = (int64_t)250 << (attempt < 5 ? attempt - 1 : 4);
    if (wanted_s > 0)
        wait_ms = wanted_s < 30 ? wanted_s * 1000 : 30000;
    for (int64_t until = clock_tick_us() / 1000 + wait_ms;
         !c->interrupted && clock_tick_us() / 1000 < until;)
        clock_sleep_ms(20);
}

static bool cancelled(struct error *err)
{
    error_set(err, ERROR_CANCELLED, "the request was cancelled");
    error_why(err, "somebody stopped it");
    return error_fix(err, "start it again");
}

bool client_call(struct client *c, const struct call *call, struct arena *arena,
                 struct reply *reply, struct error *err)
{
    struct try t = {.client = c, .call = call};
    char why[CURL_ERROR_SIZE];
    long status = 0;
    CURLcode code;
    bool body = call->upload || call->body.size, done = false;
    *reply = (struct reply){0};
    t.body.limit = call->answer_limit ? call->answer_limit : 64 << 20;
    t.headers.limit = 256 << 10;
    char *url = arena_format(arena, "%s%s", c->url, call->path);
    struct curl_slist *headers = headers_of(c, call, body);
    for (;;) {
        t.curl = line_take(c);
        if (!t.curl) {
            cancelled(err);
            break;
        }
        t.body.size = t.headers.size = 0;
        t.sent = t.received = 0;
        why[0] = 0;
        status = 0;
        reply->attempts++;
        code = try_once(&t, url, headers, &status, why);
        line_give_back(c, t.curl);
        reply->status = code == CURLE_OK ? (int)status : 0;
        reply->headers = (text){
            arena_copy(arena, t.headers.size ? t.headers.at : "", t.headers.size), t.headers.size};
        const char *after = reply_header(reply, arena, "Retry-After");
        int64_t after_s = 0;
        if (after && !text_int(text_of(after), &after_s))
            after_s = 0;
        bool again = call->repeatable && reply->attempts < c->wish.attempts && !t.failed &&
                     !t.cancelled &&
                     (code == CURLE_OK ? status_may_change(status) : line_may_work_later(code));
        if (again && !c->interrupted) {
            back_off(c, reply->attempts, after_s);
            continue;
        }
        if (t.failed)
            *err = t.err;
        else if (t.cancelled)
            cancelled(err);
        else if (t.body.over) {
            error_set(err, ERROR_TOO_BIG, "the server's answer is too big");
            error_why(err, "at most %s are taken here", size_text((int64_t)t.body.limit).text);
            error_fix(err, "ask for less at once");
        } else if (code != CURLE_OK)
            line_error(c, code, why, err);
        else
            done = true;
        break;
    }
    reply->body = (text){arena_copy(arena, t.body.size ? t.body.at : "", t.body.size), t.body.size};
    if (done && status / 100 != 2 && !call->any_status) {
        done = false;
        reply->problem_status = (int)status;
        problem_read((int)status, reply->body, err);
    }
    curl_slist_free_all(headers);
    buf_free(&t.body);
    buf_free(&t.headers);
    return done;
}

bool client_piece_came(void *context, int64_t offset, const void *at, size_t size,
                       struct error *err)
{
    struct client_piece *p = context;
    if (offset < 0 || (uint64_t)offset > p->size || size > p->size - (size_t)offset) {
        error_set(err, ERROR_DAMAGED, "the house sent more than it was asked for");
        error_why(err, "%zu bytes were asked for", p->size);
        return error_fix(err, "look at what stands between here and the house, and try again");
    }
    memcpy(p->at + offset, at, size);
    p->have = (size_t)offset + size;
    return true;
}
