// Is it alive, is it ready, and numbers for Prometheus. Numbers only: no names, no addresses.
#include "api/inside.h"
#include "plat/clock.h"

#include <string.h>
#include <unistd.h>

static struct api *api_of(struct request *r)
{
    return (struct api *)(uintptr_t)r->route;
}

static void live(struct request *r, struct answer *a)
{
    (void)r;
    answer_header(a, "Cache-Control", "no-store");
    answer_bytes(a, 200, "text/plain; charset=utf-8", "live\n", 5);
}

static bool ready_in(struct db_tx *tx, void *context, struct error *err)
{
    return db_one_int(tx, context, 0, err, "select count(*) from house_values", "");
}

static void ready(struct request *r, struct answer *a)
{
    struct error err;
    error_clear(&err);
    int64_t count = 0;
    answer_header(a, "Cache-Control", "no-store");
    if (db_read(api_of(r)->db, ready_in, &count, &err))
        answer_bytes(a, 200, "text/plain; charset=utf-8", "ready\n", 6);
    else
        answer_bytes(a, 503, "text/plain; charset=utf-8", "the database does not answer\n", 29);
}

static int64_t resident_bytes(void)
{
    long long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%lld %lld", &size, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return resident * sysconf(_SC_PAGESIZE);
}

static void metrics(struct request *r, struct answer *a)
{
    static const char *const steps[LATENCY_STEPS] = {"0.001", "0.003", "0.01", "0.03",
                                                     "0.1",   "0.3",   "1",    "+Inf"};
    struct api *api = api_of(r);
    struct api_inside *in = api->inside;
    struct buf b = BUF_LIMIT(64 << 10);
    buf_text(&b, "# TYPE posthouse_api_answers_total counter\n");
    for (int i = 1; i < 6; i++)
        buf_format(&b, "posthouse_api_answers_total{class=\"%dxx\"} %lld\n", i,
                   (long long)atomic_load(&in->calls[i]));
    buf_text(&b, "# TYPE posthouse_api_seconds histogram\n");
    long long sum = 0;
    for (int i = 0; i < LATENCY_STEPS; i++) {
        sum += atomic_load(&in->took[i]);
        buf_format(&b, "posthouse_api_seconds_bucket{le=\"%s\"} %lld\n", steps[i], sum);
    }
    buf_format(&b, "posthouse_api_seconds_count %lld\nposthouse_api_seconds_sum %.6f\n", sum,
               (double)atomic_load(&in->took_us) / 1e6);
    buf_format(&b, "# TYPE posthouse_viewers gauge\nposthouse_viewers %d\n",
               events_viewers(in->events));
    buf_format(&b, "# TYPE posthouse_last_event counter\nposthouse_last_event %lld\n",
               (long long)db_event_last(api->db));
    buf_format(&b,
               "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %lld\n",
               (long long)resident_bytes());
    buf_format(&b, "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %.3f\n",
               (double)atomic_load(&in->started_ms) / 1000);
    if (in->server) {
        struct server_numbers n = server_numbers(in->server);
        buf_format(
            &b,
            "# TYPE posthouse_http_requests_total counter\nposthouse_http_requests_total %lld\n",
            (long long)n.requests);
        buf_format(&b,
                   "# TYPE posthouse_http_received_bytes_total "
                   "counter\nposthouse_http_received_bytes_total %lld\n",
                   (long long)n.bytes_in);
        buf_format(&b, "# TYPE posthouse_http_connections gauge\nposthouse_http_connections %d\n",
                   n.connections);
        buf_format(&b,
                   "# TYPE posthouse_http_handlers_busy gauge\nposthouse_http_handlers_busy %d\n",
                   n.handlers_busy);
        buf_format(
            &b,
            "# TYPE posthouse_http_handlers_waiting gauge\nposthouse_http_handlers_waiting %d\n",
            n.handlers_waiting);
    }
    answer_header(a, "Cache-Control", "no-store");
    answer_copy(a, 200, "text/plain; version=0.0.4; charset=utf-8", b.at, b.size);
    buf_free(&b);
}

bool health_plan(struct api *api, const struct request *r, struct plan *p)
{
    static const struct {
        const char *path;
        void (*handle)(struct request *, struct answer *);
        bool quick;
    } pages[] = {{"/health/live", live, true},
                 {"/health/ready", ready, false},
                 {"/metrics", metrics, false}};
    if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0)
        return false;
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        if (strcmp(pages[i].path, r->path) == 0) {
            *p = (struct plan){.quick = pages[i].quick, .handle = pages[i].handle, .route = api};
            return true;
        }
    return false;
}
