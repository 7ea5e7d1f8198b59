/*
 * posthouse serve: the house. Opens its rooms from the ground up, serves, and closes them in the
 * other order. Whatever it was doing when it last ended, starting is recovery: there is no other
 * kind of start.
 */
#include "api/api.h"
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/local.h"
#include "cmd/serve_watch.h"
#include "cmd/settings.h"
#include "dav/dav.h"
#include "house/deliver/hooks.h"
#include "house/deliver/sending.h"
#include "house/flow/flow.h"
#include "house/flow/frames.h"
#include "house/flow/growing.h"
#include "house/jobs/jobs.h"
#include "house/places/places.h"
#include "house/transfer/lists.h"
#include "house/transfer/line.h"
#include "house/transfer/transfer.h"
#include "house/tree/tree.h"
#include "plat/child.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "plat/sign.h"
#include "store/store.h"
#include "wire/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DRAIN_MS = 3000, WORKER_GRACE_MS = 5000, PROXIES_MOST = 64, COURIERS = 2 };
#define MINUTE_MS 60000LL
#define HOUR_MS (60 * MINUTE_MS)
#define EVENTS_KEPT_MS (30 * 24 * HOUR_MS)
#define SCRATCH_REST_MS (10 * MINUTE_MS)
#define GATHER_AGAIN_MS 15000 // after a full disk and the like
#define WORKER_LOG_BYTES (16 << 20)

extern char **environ;

struct serving {
    struct command_call *call;
    struct config *config;
    char folder[PATH_MAX], data[PATH_MAX], web[PATH_MAX], scratch[PATH_MAX];
    struct db *db;
    struct store *store;
    struct people *people;
    struct transfers *transfers;
    struct traffic *traffic;
    struct line *line;
    struct jobs *jobs;
    struct flow *flow;
    struct frames *frames;
    struct growers *growers;
    struct tree *tree;
    struct places *places;
    struct dav *dav;
    struct seal *seal;
    struct sign_key *sign;
    struct sockets *sockets, *work_sockets;
    struct api *api;
    struct tls *tls;
    struct server *server;
    struct local_ready ready;
    pthread_t flower, sweeper, gatherer, looker, hasher;
    bool looking, hashing;
    bool flowing, sweeping, gathering, telling;
    pthread_t watcher, prover;
    bool watching, proving;
    struct sender { // a courier and its thread
        struct serving *serving;
        struct courier *courier;
        pthread_t thread;
        bool going;
    } senders[COURIERS];
    pthread_t teller;
    atomic_bool stop;
    _Atomic pid_t worker; // 0: none
    bool worker_is_child; // else it was here before us
    int64_t worker_next_ms, worker_wait_ms, worker_began_ms;
    pid_t keeper; // of launched workers, our child; 0: none
    int64_t keeper_next_ms;
    struct serve_watch *watchers;
    struct { // of SFTP and FTPS, our children; 0: none
        pid_t pid;
        int64_t next_ms;
    } doors[2];
};

static char *below(struct serving *s, const char *folder, const char *name)
{
    return arena_format(s->call->arena, "%s/%s", folder, name);
}

// ---- the rooms

static bool open_state(struct serving *s, struct error *err)
{
    if (!settings_data_folder(s->config, s->data, sizeof(s->data))) {
        error_set(err, ERROR_NOT_FOUND, "cannot find the house's data folder");
        return error_fix(err, "set data.folder to where profiles and migrations lie");
    }
    int64_t reserve = config_int(s->config, "store.reserve");
    s->db = db_open(&(struct db_wish){.path = below(s, s->folder, "house.db"),
                                      .migrations = below(s, s->data, "migrations"),
                                      .readers = 6},
                    err);
    if (!s->db)
        return false;
    s->store = store_open(&(struct store_wish){.folder = below(s, s->folder, "store"),
                                               .db = s->db,
                                               .reserve_bytes = reserve > 0 ? reserve : -1},
                          err);
    s->seal = s->store ? seal_open(below(s, s->folder, "seal.key"), err) : NULL;
    s->sign = s->seal ? sign_open(below(s, s->folder, "sign.key"), err) : NULL;
    struct people_wish people = {.db = s->db, .seal = s->seal};
    if (!s->sign || !factor_for_named(config_text(s->config, "people.second_factor"),
                                      &people.factor_for, err))
        return false;
    s->people = people_open(&people, err);
    struct flow_wish flow = {.db = s->db,
                             .store = s->store,
                             .scratch = s->scratch,
                             .profiles = below(s, s->data, "profiles"),
                             .gathered = below(s, s->folder, "gathered")};
    s->transfers =
        s->people ? transfers_open(&(struct transfers_wish){.db = s->db, .store = s->store}, err)
                  : NULL;
    s->traffic = traffic_open();
    s->line = s->transfers ? line_open(s->db, s->traffic, clock_now_ms(), err) : NULL;
    if (!s->line || !jobs_open(s->db, clock_now_ms(), &s->jobs, err))
        return false;
    flow.jobs = s->jobs;
    s->tree = tree_open(&(struct tree_wish){.db = s->db, .store = s->store}, err);
    if (s->tree && config_bool(s->config, "dav"))
        s->dav = dav_open(&(struct dav_wish){.tree = s->tree, .people = s->people});
    s->growers = growers_open(&(struct growers_wish){.db = s->db,
                                                     .store = s->store,
                                                     .transfers = s->transfers,
                                                     .scratch = s->scratch,
                                                     .lost_ms =
                                                         config_int(s->config, "growing.lost"),
                                                     .sandbox =
                                                         config_bool(s->config, "sandbox")});
    return s->tree && flow_open(&flow, &s->flow, err) &&
           frames_open(s->store, s->scratch, config_bool(s->config, "sandbox"), &s->frames, err);
}

static bool open_api(struct serving *s, struct error *err)
{
#ifdef __SANITIZE_ADDRESS__
    bool check = true; // the build for tests
#else
    bool check = false;
#endif
    s->sockets = sockets_open(&(struct sockets_wish){0}, err);
    // Facts of a damaged film, and the places of a long sequence, are large messages.
    s->work_sockets = s->sockets
                          ? sockets_open(&(struct sockets_wish){.message_limit = (size_t)256 << 20,
                                                                .waiting_limit = (size_t)256 << 20,
                                                                .pool_threads = 2},
                                         err)
                          : NULL;
    if (!s->work_sockets)
        return false;
    bool web = settings_web_folder(s->config, s->web, sizeof(s->web));
    if (!web)
        log_warn("serve.no_page", "the built page was not found; set web.folder");
    s->api = api_open(
        &(struct api_wish){.db = s->db,
                           .store = s->store,
                           .people = s->people,
                           .config = s->config,
                           .sockets = s->sockets,
                           .work_sockets = s->work_sockets,
                           .web_folder = web ? s->web : NULL,
                           .house_name = config_text(s->config, "house.name"),
                           .version = POSTHOUSE_VERSION,
                           .media_port = (int)config_int(s->config, "media.port"),
                           .check_answers = check,
                           .rooms = {.transfer = s->transfers,
                                     .jobs = s->jobs,
                                     .flow = s->flow,
                                     .frames = s->frames,
                                     .line = s->line},
                           .mail = config_text(s->config, "mail.server")[0] != 0,
                           .profiles_folder = below(s, s->data, "profiles"),
                           .rules_folder = below(s, s->data, "rules/qc"),
                           .senders_folder = below(s, s->data, "senders"),
                           .seal = s->seal,
                           .sign = s->sign,
                           .logs_folder = below(s, s->folder, "logs"),
                           .scratch_folder = s->scratch,
                           .house_folder = s->folder,
                           .bulk_rate = config_int(s->config, "bulk.rate"),
                           .pictures_folder = below(s, s->folder, "pictures"),
                           .renderers_folder = below(s, s->data, "renderers")},
        err);
    if (!s->api)
        return false;
    api_media_folder(s->api, s->scratch);
    s->api->wish.rooms.tree = s->tree;
    s->api->wish.rooms.growers = s->growers;
    s->api->wish.rooms.dav = s->dav;
    s->api->wish.rooms.places = s->places;
    if (s->dav)
        dav_moves(s->dav, api_dav_moves, s->api);
    return true;
}

// ---- the door

static bool any_address(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

static bool open_tls(struct serving *s, struct error *err)
{
    const char *certificate = config_text(s->config, "tls.certificate");
    const char *key = config_text(s->config, "tls.key"),
               *address = config_text(s->config, "listen");
    static char host[256];
    gethostname(host, sizeof(host) - 1);
    const char *names[] = {
        "localhost", "127.0.0.1", host[0] ? host : NULL,
        any_address(address) || strcmp(address, "127.0.0.1") == 0 ? NULL : address, NULL};
    if (!host[0])
        names[2] = names[3], names[3] = NULL;
    if (!config_bool(s->config, "tls"))
        return true;
    if (!certificate[0] != !key[0]) {
        error_set(err, ERROR_USAGE, "tls.certificate and tls.key belong together");
        return error_fix(err, "set both, or neither: then the house makes a certificate");
    }
    struct tls_wish wish = {.certificate_file = certificate, .key_file = key};
    if (!certificate[0])
        wish = (struct tls_wish){.certificate_file = below(s, s->folder, "tls.certificate.pem"),
                                 .key_file = below(s, s->folder, "tls.key.pem"),
                                 .self_signed_for = names};
    s->tls = tls_open(&wish, err);
    return s->tls != NULL;
}

static const char *const *proxies_of(struct serving *s)
{
    const char **list = ARENA_ARRAY(s->call->arena, const char *, PROXIES_MOST + 1);
    size_t count = 0;
    for (text rest = text_of(config_text(s->config, "trusted.proxies"));
         rest.size && count < PROXIES_MOST;) {
        text one = text_trim(text_cut(&rest, ','));
        if (one.size)
            list[count++] = arena_copy(s->call->arena, one.at, one.size);
    }
    return count ? list : NULL;
}

static bool open_door(struct serving *s, struct error *err)
{
    const char *address = config_text(s->config, "listen");
    if (!open_tls(s, err))
        return false;
    struct listener_wish listeners[] = {
        {"page", address, (int)config_int(s->config, "port"), s->tls},
        {"media", address, (int)config_int(s->config, "media.port"), s->tls}};
    s->server = server_open(&(struct server_wish){.listeners = listeners,
                                                  .listener_count = 2,
                                                  .context = s->api,
                                                  .plan = api_plan,
                                                  .problem = api_problem,
                                                  .decorate = api_decorate,
                                                  .trusted_proxies = proxies_of(s)},
                            err);
    if (!s->server)
        return false;
    s->api->wish.media_port = server_port(s->server, 1); // a port 0 is any free one
    api_server(s->api, s->server);
    const char *host = strcmp(address, "0.0.0.0") == 0 ? "127.0.0.1"
                       : strcmp(address, "::") == 0    ? "::1"
                                                       : address;
    bool six = strchr(host, ':') != NULL;
    snprintf(s->ready.url, sizeof(s->ready.url), "%s://%s%s%s:%d", s->tls ? "https" : "http",
             six ? "[" : "", host, six ? "]" : "", server_port(s->server, 0));
    if (s->tls)
        text_copy(text_of(tls_fingerprint_of(s->tls).text), s->ready.fingerprint,
                  sizeof(s->ready.fingerprint));
    s->ready.pid = getpid();
    return true;
}

// A house that can not listen for UDP is open all the same.
static void open_bulk(struct serving *s)
{
    struct error err;
    const char *address = config_text(s->config, "listen");
    int port = (int)config_int(s->config, "bulk.port");
    if (!config_bool(s->config, "bulk"))
        return;
    if (!api_bulk_open(s->api, address, port ? port : server_port(s->server, 0), &err) &&
        (port || !api_bulk_open(s->api, address, 0, &err)))
        log_problem("serve.bulk", &err);
}

// ---- media in place

enum { PEOPLE_S = 2, PEOPLE_BYTES_S = 1 << 20 };

static bool places_on(void *context)
{
    return !atomic_load(&((struct serving *)context)->stop);
}

// People bring or take bytes just now.
static bool people_busy(void *context)
{
    struct serving *s = context;
    int64_t in[PEOPLE_S], out[PEOPLE_S], all = 0;
    traffic_line(s->traffic, TRAFFIC_IN, in, PEOPLE_S);
    traffic_line(s->traffic, TRAFFIC_OUT, out, PEOPLE_S);
    for (int i = 0; i < PEOPLE_S; i++)
        all += in[i] + out[i];
    return all > (int64_t)PEOPLE_S * PEOPLE_BYTES_S;
}

static void *look(void *context)
{
    places_look_on(((struct serving *)context)->places);
    return NULL;
}

static void *hash(void *context)
{
    places_hash_on(((struct serving *)context)->places);
    return NULL;
}

static bool try_again(void *context, const char *job, struct error *err)
{
    struct serving *s = context;
    return jobs_order(s->jobs, &(struct job_order){.kind = ORDER_RETRY, .job = job}, NULL, NULL,
                      clock_now_ms(), err);
}

static bool open_places(struct serving *s, struct error *err)
{
    const char **roots = ARENA_ARRAY(s->call->arena, const char *, PROXIES_MOST + 1);
    size_t count = 0;
    for (text rest = text_of(config_text(s->config, "places.roots"));
         rest.size && count < PROXIES_MOST;) {
        text one = text_trim(text_cut(&rest, ','));
        if (one.size)
            roots[count++] = arena_copy(s->call->arena, one.at, one.size);
    }
    return places_open(&(struct places_wish){.db = s->db,
                                             .store = s->store,
                                             .roots = roots,
                                             .house = s->folder,
                                             .every_ms = config_int(s->config, "places.every"),
                                             .on = places_on,
                                             .busy = people_busy,
                                             .again = try_again,
                                             .context = s},
                       &s->places, err);
}

// ---- the house's own tokens

static bool keep_token(struct serving *s, const char *file, const char *scope, struct error *err)
{
    char secret[128], house[27], id_made[27];
    struct error none;
    struct who who;
    enum who_scope wanted;
    if (!people_house(s->people, house, err) || !scope_named(scope, &wanted))
        return false;
    if (local_line_read(s->folder, file, secret, sizeof(secret), &none)) {
        if (!people_who(s->people, secret, false, s->call->arena, &who, err))
            return false;
        if (who.kind == WHO_PERSON && who.scope == wanted)
            return true;
    }
    return token_make(s->people, house, file, scope, 0, true, "this machine", id_made, secret, err) &&
           local_line_write(s->folder, file, secret, err);
}

// ---- what goes on all the time

static void *follow(void *context)
{
    struct serving *s = context;
    struct error err;
    while (!atomic_load(&s->stop)) {
        bool more = false;
        error_clear(&err);
        if (!flow_turn(s->flow, &more, &err)) {
            log_problem("flow", &err);
            clock_sleep_ms(500);
        } else if (!more) {
            flow_wait(s->flow, 200);
        }
    }
    return NULL;
}

static bool open_still(void *context)
{
    return !atomic_load(&((struct serving *)context)->stop);
}

// Renders come into the library on a thread of their own: the bytes of a film are copied there.
static void *gather(void *context)
{
    struct serving *s = context;
    struct error err;
    bool sandbox = config_bool(s->config, "sandbox");
    while (!atomic_load(&s->stop)) {
        bool more = false;
        int rest_ms = 500;
        error_clear(&err);
        if (!flow_gather(s->flow, sandbox, open_still, s, &more, &err) &&
            err.kind != ERROR_CANCELLED) {
            log_problem("gather", &err);
            rest_ms = more ? 0 : GATHER_AGAIN_MS;
        }
        for (int slept = 0; !more && slept < rest_ms && !atomic_load(&s->stop); slept += 100)
            clock_sleep_ms(100);
    }
    return NULL;
}

// Deliverables go out; the bytes of a film are read and sent there.
static void *send_out(void *context)
{
    struct sender *sender = context;
    struct serving *s = sender->serving;
    struct error err;
    while (!atomic_load(&s->stop)) {
        bool more = false;
        error_clear(&err);
        if (!courier_turn(sender->courier, &more, &err))
            log_problem("courier", &err);
        for (int slept = 0; !more && slept < 400 && !atomic_load(&s->stop); slept += 100)
            clock_sleep_ms(100);
    }
    return NULL;
}

static void *tell_others(void *context)
{
    struct serving *s = context;
    struct error err;
    struct teller_wish w = {.db = s->db,
                            .seal = s->seal,
                            .mail = {.server = config_text(s->config, "mail.server"),
                                     .from = config_text(s->config, "mail.from"),
                                     .user = config_text(s->config, "mail.user"),
                                     .password_file = config_text(s->config, "mail.password.file")},
                            .house_name = config_text(s->config, "house.name"),
                            .on = open_still,
                            .context = s};
    while (!atomic_load(&s->stop)) {
        bool more = false;
        error_clear(&err);
        if (!hooks_turn(&w, &more, &err))
            log_problem("hooks", &err);
        for (int slept = 0; !more && slept < 500 && !atomic_load(&s->stop); slept += 100)
            clock_sleep_ms(100);
    }
    return NULL;
}

// Recordings are looked at while they come in.
static void *watch_growing(void *context)
{
    struct serving *s = context;
    struct error err;
    while (!atomic_load(&s->stop)) {
        if (!growers_turn(s->growers, &err))
            log_problem("growing", &err);
        clock_sleep_ms(300);
    }
    return NULL;
}

// Lists of hashes that came with media are held against it.
static void *prove(void *context)
{
    struct serving *s = context;
    struct lists_wish wish = {.db = s->db, .store = s->store, .on = places_on, .context = s};
    struct error err;
    while (!atomic_load(&s->stop)) {
        bool any = false, ok = lists_turn(&wish, &any, &err);
        if (!ok && err.kind != ERROR_CANCELLED)
            log_problem("lists", &err);
        for (int ms = 0; (!any || !ok) && ms < (ok ? 300 : 10000) && !atomic_load(&s->stop);
             ms += 100)
            clock_sleep_ms(100);
    }
    return NULL;
}

static bool start_senders(struct serving *s, struct error *err)
{
    for (int i = 0; i < COURIERS; i++) {
        struct sender *sender = &s->senders[i];
        struct courier_wish w = {.db = s->db,
                                 .store = s->store,
                                 .jobs = s->jobs,
                                 .seal = s->seal,
                                 .scratch = below(s, s->folder, "sending"),
                                 .senders = below(s, s->data, "senders"),
                                 .rules = below(s, s->data, "rules/metadata"),
                                 .transfers = s->transfers,
                                 .traffic = s->traffic,
                                 .sign = s->sign,
                                 .house_name = config_text(s->config, "house.name"),
                                 .version = POSTHOUSE_VERSION,
                                 .sandbox = config_bool(s->config, "sandbox"),
                                 .number = i,
                                 .on = open_still,
                                 .context = s};
        sender->serving = s;
        if (!courier_open(&w, &sender->courier, err))
            return false;
        sender->going = pthread_create(&sender->thread, NULL, send_out, sender) == 0;
        if (!sender->going)
            return error_set(err, ERROR_INTERNAL, "cannot start the house's threads");
    }
    s->telling = pthread_create(&s->teller, NULL, tell_others, s) == 0;
    return s->telling || error_set(err, ERROR_INTERNAL, "cannot start the house's threads");
}

static void end_senders(struct serving *s)
{
    for (int i = 0; i < COURIERS; i++) {
        if (s->senders[i].going)
            pthread_join(s->senders[i].thread, NULL);
        courier_close(s->senders[i].courier);
    }
    if (s->telling)
        pthread_join(s->teller, NULL);
}

static void told(bool ok, const char *what, const struct error *err)
{
    if (!ok)
        log_problem(what, err);
}

static bool compact_in(struct db_tx *tx, void *context, struct error *err)
{
    (void)context;
    return db_events_compact(tx, clock_now_ms() - EVENTS_KEPT_MS, err);
}

// Each turn is a small transaction: others write in between.
static void sweep_staged(struct serving *s, int64_t keep_ms)
{
    struct flow_dropped d, all = {0};
    struct error err;
    int64_t freed = 0;
    for (bool more = true; more && !atomic_load(&s->stop);) {
        if (!flow_drop_staged(s->flow, keep_ms, &d, &more, &err)) {
            log_problem("sweep.staged", &err);
            break;
        }
        all.files += d.files;
        all.bytes += d.bytes;
    }
    if (!all.files)
        return;
    told(store_tidy(s->store, &freed, &err), "sweep.store", &err);
    log_info("sweep.staged", "files=%lld bytes=%lld freed=%lld", (long long)all.files,
             (long long)all.bytes, (long long)freed);
}

static void *sweep(void *context)
{
    struct serving *s = context;
    struct error err;
    const char *logs = below(s, s->folder, "logs"), *pictures = below(s, s->folder, "pictures");
    int64_t keep_ms = config_int(s->config, "staged.keep");
    int64_t minute_ms = 0, hour_ms = clock_tick_us() / 1000 + MINUTE_MS;
    while (!atomic_load(&s->stop)) {
        int64_t now = clock_tick_us() / 1000, lost = 0, freed = 0;
        told(line_turn(s->line, clock_now_ms(), &err), "sweep.line", &err);
        told(jobs_sweep(s->jobs, clock_now_ms(), &lost, &err), "sweep.jobs", &err);
        if (lost)
            log_warn("sweep.lost", "attempts=%lld", (long long)lost);
        if (now >= minute_ms) {
            told(transfers_sweep(s->transfers, &err), "sweep.transfers", &err);
            told(tree_sweep(s->tree, &err), "sweep.doors", &err);
            told(flow_tidy(s->flow, SCRATCH_REST_MS, &err), "sweep.scratch", &err);
            sweep_staged(s, keep_ms);
            job_logs_forget(s->jobs, logs);
            job_pictures_forget(pictures, JOBS_PICTURES_MOST);
            minute_ms = now + MINUTE_MS;
        }
        if (now >= hour_ms) {
            told(people_tidy(s->people, &err), "sweep.people", &err);
            told(store_tidy(s->store, &freed, &err), "sweep.store", &err);
            told(db_write(s->db, compact_in, NULL, &err), "sweep.events", &err);
            hour_ms = now + HOUR_MS;
        }
        for (int i = 0; i < 10 && !atomic_load(&s->stop); i++)
            clock_sleep_ms(100);
    }
    return NULL;
}

// ---- the worker

static int worker_log(struct serving *s)
{
    const char *path = below(s, s->folder, "worker.log");
    struct stat seen;
    bool full = stat(path, &seen) == 0 && seen.st_size > WORKER_LOG_BYTES;
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (full ? O_TRUNC : O_APPEND), 0640);
}

static bool worker_start(struct serving *s, struct error *err)
{
    static const char *const passed[] = {"house.folder",   "sandbox",       "worker.slots",
                                         "worker.tickets", "worker.orphan", "worker.gpus",
                                         "worker.price",   "log.level"};
    enum { PASSED = sizeof(passed) / sizeof(passed[0]) };
    char own[PATH_MAX];
    const char *arguments[PASSED + 3];
    size_t count = 0;
    if (!child_own_folder(own, sizeof(own)))
        return error_set(err, ERROR_INTERNAL, "cannot find the program itself");
    arguments[count++] = below(s, own, "posthouse");
    arguments[count++] = "work";
    for (size_t i = 0; i < PASSED; i++)
        arguments[count++] = arena_format(s->call->arena, "--%s=%s", passed[i],
                                          i ? config_text(s->config, passed[i]) : s->folder);
    arguments[count] = NULL;
    int log = worker_log(s);
    struct child_wish wish = {.arguments = arguments,
                              .environment = (const char *const *)environ,
                              .pass = (const int[]){-1, log, log},
                              .pass_count = 3,
                              .outlive = true,
                              .session = true};
    pid_t worker = 0;
    bool ok = child_start(&wish, &worker, err);
    if (log >= 0)
        close(log);
    if (!ok)
        return false;
    s->worker = worker;
    s->worker_is_child = true;
    s->worker_began_ms = clock_tick_us() / 1000;
    log_info("serve.worker_started", "pid=%d", (int)s->worker);
    return true;
}

static bool worker_alive(struct serving *s)
{
    int status;
    if (!s->worker)
        return false;
    bool gone = s->worker_is_child ? child_wait(s->worker, 0, &status)
                                   : local_worker(s->folder) != s->worker;
    if (!gone)
        return true;
    log_warn("serve.worker_ended", "pid=%d status=%s", (int)s->worker,
             log_quote(s->worker_is_child ? child_status_text(status).text : "not known").text);
    s->worker = 0;
    return false;
}

// Starts one when there is none; one that dies young is started again ever more slowly.
static void worker_look(struct serving *s)
{
    struct error err;
    int64_t now = clock_tick_us() / 1000;
    bool had = s->worker != 0;
    if (!config_bool(s->config, "worker") || worker_alive(s))
        return;
    if (had) {
        bool young = now - s->worker_began_ms < MINUTE_MS;
        s->worker_wait_ms = !young                      ? 100
                            : s->worker_wait_ms < 100   ? 100
                            : s->worker_wait_ms > 15000 ? 30000
                                                        : s->worker_wait_ms * 2;
        s->worker_next_ms = now + s->worker_wait_ms;
    }
    if (now < s->worker_next_ms)
        return;
    pid_t there = local_worker(s->folder);
    if (there) {
        s->worker = there;
        s->worker_is_child = false;
        s->worker_began_ms = now;
        log_info("serve.worker_adopted", "pid=%d", (int)there);
    } else if (!worker_start(s, &err)) {
        log_problem("serve.worker", &err);
        s->worker_next_ms = now + 5000;
    }
}

// ---- the keeper of launched workers (`posthouse nodes keep`), when there may be any

static bool keeper_start(struct serving *s, struct error *err)
{
    char own[PATH_MAX];
    size_t rows = config_count(s->config), count = 0;
    const char **words = ARENA_ARRAY(s->call->arena, const char *, rows + 8);
    if (!child_own_folder(own, sizeof(own)))
        return error_set(err, ERROR_INTERNAL, "cannot find the program itself");
    words[count++] = below(s, own, "posthouse");
    words[count++] = "nodes";
    words[count++] = "keep";
    words[count++] = arena_format(s->call->arena, "--house.folder=%s", s->folder);
    words[count++] = arena_format(s->call->arena, "--house=%s", s->ready.url);
    words[count++] = arena_format(s->call->arena, "--token-file=%s/local.token", s->folder);
    if (s->ready.fingerprint[0])
        words[count++] = arena_format(s->call->arena, "--fingerprint=%s", s->ready.fingerprint);
    // What the file and the environment say it reads by itself.
    for (size_t i = 0; i < rows; i++) {
        const struct setting *row = config_row(s->config, i);
        if (strncmp(row->name, "launch", 6) == 0 && strcmp(row->source, "flag") == 0)
            words[count++] = arena_format(s->call->arena, "--%s=%s", row->name, row->value);
    }
    words[count] = NULL;
    struct child_wish wish = {.arguments = words,
                              .environment = (const char *const *)environ,
                              .pass = (const int[]){-1, -1, 2},
                              .pass_count = 3,
                              .session = true};
    return child_start(&wish, &s->keeper, err);
}

static void keeper_look(struct serving *s)
{
    struct error err;
    int status;
    int64_t now = clock_tick_us() / 1000;
    if (config_int(s->config, "launch.most") < 1)
        return;
    if (s->keeper && child_wait(s->keeper, 0, &status)) {
        log_warn("serve.keeper_ended", "status=%s", log_quote(child_status_text(status).text).text);
        s->keeper = 0;
    }
    if (s->keeper || now < s->keeper_next_ms)
        return;
    s->keeper_next_ms = now + 15000;
    if (!keeper_start(s, &err))
        log_problem("serve.keeper", &err);
}

// ---- doors with ports of their own

static const char *const door_names[] = {"sftp", "ftps"};
enum { DOORS = sizeof(door_names) / sizeof(door_names[0]) };

static bool door_start(struct serving *s, int i, struct error *err)
{
    char own[PATH_MAX];
    static const char *const passed[] = {"listen",  "sftp.port",       "ftps.port", "ftps.ports",
                                         "tls.key", "tls.certificate", "log.level"};
    enum { PASSED = sizeof(passed) / sizeof(passed[0]) };
    const char *words[PASSED + 5];
    size_t count = 0;
    if (!child_own_folder(own, sizeof(own)))
        return error_set(err, ERROR_INTERNAL, "cannot find the program itself");
    words[count++] = below(s, own, "posthouse");
    words[count++] = "door";
    words[count++] = door_names[i];
    words[count++] = arena_format(s->call->arena, "--house.folder=%s", s->folder);
    for (size_t k = 0; k < PASSED; k++)
        words[count++] = arena_format(s->call->arena, "--%s=%s", passed[k],
                                      config_text(s->config, passed[k]));
    words[count] = NULL;
    struct child_wish wish = {.arguments = words,
                              .environment = (const char *const *)environ,
                              .pass = (const int[]){-1, -1, 2},
                              .pass_count = 3,
                              .session = true};
    return child_start(&wish, &s->doors[i].pid, err);
}

static void doors_look(struct serving *s)
{
    struct error err;
    int status;
    int64_t now = clock_tick_us() / 1000;
    for (int i = 0; i < DOORS; i++) {
        if (!config_bool(s->config, door_names[i]))
            continue;
        if (s->doors[i].pid && child_wait(s->doors[i].pid, 0, &status)) {
            log_warn("serve.door_ended", "door=%s status=%s", door_names[i],
                     log_quote(child_status_text(status).text).text);
            s->doors[i].pid = 0;
        }
        if (s->doors[i].pid || now < s->doors[i].next_ms)
            continue;
        s->doors[i].next_ms = now + 5000;
        if (!door_start(s, i, &err))
            log_problem("serve.door", &err);
    }
}

static void doors_forget(struct serving *s)
{
    for (int i = 0; i < DOORS; i++)
        unlink(arena_format(s->call->arena, "%s/%s.ready", s->folder, door_names[i]));
}

static void doors_end(struct serving *s)
{
    for (int i = 0; i < DOORS; i++)
        if (s->doors[i].pid)
            child_end(s->doors[i].pid, 1000);
    if (s->folder[0])
        doors_forget(s);
}

static void keeper_end(struct serving *s)
{
    if (s->keeper)
        child_end(s->keeper, WORKER_GRACE_MS);
    s->keeper = 0;
}

static void worker_end(struct serving *s)
{
    if (!worker_alive(s))
        return;
    if (s->worker_is_child) {
        child_end(s->worker, WORKER_GRACE_MS);
    } else {
        kill(s->worker, SIGTERM);
        for (int i = 0; i < WORKER_GRACE_MS / 20 && local_worker(s->folder) == s->worker; i++)
            clock_sleep_ms(20);
        if (local_worker(s->folder) == s->worker)
            child_signal(s->worker, SIGKILL);
    }
    s->worker = 0;
}

// ---- starting and stopping

static void say_where(struct serving *s)
{
    const char *address = config_text(s->config, "listen");
    char token[44];
    struct error err;
    bool needed = false;
    printf("%s is open at %s\n", config_text(s->config, "house.name"), s->ready.url);
    if (any_address(address))
        printf("It listens on all addresses of this machine, port %d (media: %d).\n",
               server_port(s->server, 0), server_port(s->server, 1));
    if (s->tls)
        printf("The certificate's SHA-256 fingerprint: %s%s\n", s->ready.fingerprint,
               tls_is_self_signed(s->tls) ? "\n(made by the house itself: compare it when the "
                                            "browser asks)"
                                          : "");
    if (!people_setup_needed(s->people, &needed, &err) ||
        (needed && !people_setup_link(s->people, token, &err)))
        log_problem("serve.setup", &err);
    else if (needed)
        printf("Nobody is in yet. This link makes the first administrator, once:\n%s/setup#%s\n",
               s->ready.url, token);
    fflush(stdout);
}

static bool open_all(struct serving *s, struct error *err)
{
    int64_t began = clock_tick_us();
    if (!local_folder(s->config, true, s->folder, sizeof(s->folder), err) ||
        !local_lock(s->folder, "serve.lock", "the house is open already", err))
        return false;
    text_copy(text_of(below(s, s->folder, "scratch")), s->scratch, sizeof(s->scratch));
    local_ready_remove(s->folder);
    if (!open_state(s, err) || !keep_token(s, "worker.token", "worker", err) ||
        !keep_token(s, "local.token", "all", err) || !open_places(s, err) || !open_api(s, err) || !open_door(s, err))
        return false;
    open_bulk(s);
    s->flowing = pthread_create(&s->flower, NULL, follow, s) == 0;
    s->sweeping = pthread_create(&s->sweeper, NULL, sweep, s) == 0;
    s->gathering = pthread_create(&s->gatherer, NULL, gather, s) == 0;
    s->looking = pthread_create(&s->looker, NULL, look, s) == 0;
    s->hashing = pthread_create(&s->hasher, NULL, hash, s) == 0;
    s->watching = pthread_create(&s->watcher, NULL, watch_growing, s) == 0;
    s->proving = pthread_create(&s->prover, NULL, prove, s) == 0;
    if (!s->flowing || !s->sweeping || !s->gathering || !s->looking || !s->hashing ||
        !s->watching || !s->proving)
        return error_set(err, ERROR_INTERNAL, "cannot start the house's threads");
    doors_forget(s); // of one that was killed
    if (!start_senders(s, err) || !local_ready_write(s->folder, &s->ready, err))
        return false;
    log_info("serve.open", "url=%s took_ms=%lld", s->ready.url,
             (long long)((clock_tick_us() - began) / 1000));
    return true;
}

static void close_all(struct serving *s)
{
    atomic_store(&s->stop, true);
    if (s->folder[0] && s->ready.pid)
        local_ready_remove(s->folder);
    if (s->api)
        api_rest(s->api);
    doors_end(s);
    serve_watch_close(s->watchers);
    keeper_end(s);
    worker_end(s);
    if (s->flowing)
        pthread_join(s->flower, NULL);
    if (s->sweeping)
        pthread_join(s->sweeper, NULL);
    if (s->gathering)
        pthread_join(s->gatherer, NULL);
    if (s->looking)
        pthread_join(s->looker, NULL);
    if (s->proving)
        pthread_join(s->prover, NULL);
    if (s->hashing)
        pthread_join(s->hasher, NULL);
    if (s->watching)
        pthread_join(s->watcher, NULL);
    end_senders(s);
    sockets_close(s->work_sockets, 200);
    sockets_close(s->sockets, 500);
    if (s->server)
        server_close(s->server, DRAIN_MS);
    api_bulk_close(s->api);
    api_close(s->api);
    growers_close(s->growers);
    dav_close(s->dav);
    tree_close(s->tree);
    places_close(s->places);
    frames_close(s->frames);
    flow_close(s->flow);
    jobs_close(s->jobs);
    line_close(s->line);
    traffic_close(s->traffic);
    transfers_close(s->transfers);
    people_close(s->people);
    store_close(s->store);
    db_close(s->db);
    seal_close(s->seal);
    sign_close(s->sign);
    tls_close(s->tls);
}

// A second signal while closing: at once. Nothing that was acknowledged is lost by it.
static void *hurry(void *context)
{
    struct serving *s = context;
    sigset_t set;
    int signal_number;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigwait(&set, &signal_number);
    pid_t worker = s->worker;
    if (worker)
        child_signal(worker, SIGKILL);
    _exit(130);
}

static void more_files(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max < 65536 ? l.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

static int run(struct command_call *call)
{
    struct serving s = {.call = call, .config = call->config};
    struct error err;
    sigset_t set;
    pthread_t second;
    mallopt(M_ARENA_MAX, 4); // many threads, little memory
    more_files();
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    struct sigaction hang_up;
    if (sigaction(SIGHUP, NULL, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN) // not under nohup
        sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL); // here and in all threads to come
    error_clear(&err);
    if (!open_all(&s, &err)) {
        close_all(&s);
        return command_failed(&err);
    }
    say_where(&s);
    s.watchers = serve_watch_open(s.db, s.folder, s.data, &s.ready, s.places);
    struct timespec often = {.tv_nsec = 100000000};
    int caught;
    do {
        worker_look(&s);
        keeper_look(&s);
        doors_look(&s);
        serve_watch_look(s.watchers);
        caught = sigtimedwait(&set, NULL, &often);
    } while (caught < 0);
    fprintf(stderr, "The house is closing; once more hurries it.\n");
    log_info("serve.closing", "signal=%d", caught);
    bool hurried = pthread_create(&second, NULL, hurry, &s) == 0;
    close_all(&s);
    (void)hurried; // it waits for a signal, and ends with us
    log_info("serve.closed", "pid=%d", (int)getpid());
    return 0;
}

static const struct option_row options[] = {{0}};
const struct command command_serve = {
    "serve",
    "",
    "open the house",
    "Serves page, API and media out of --house.folder, and starts this machine's worker. Ctrl-C "
    "closes it; kill -9 loses nothing.\nSettings: `posthouse config`.",
    options,
    0,
    0,
    run,
};
