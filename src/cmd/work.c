/*
 * posthouse work: this machine's worker; or, with --house, one of a house elsewhere.
 *
 * The house's own worker finds it by the files in its folder and keeps one id for all its lives. A
 * worker that a launcher put on some machine knows an address and a file with a token, has a new id
 * each time, and leaves when it is idle, told to (SIGUSR1), or when the machine has notice to go.
 */
#include "base/log.h"
#include "cmd/client.h"
#include "cmd/local.h"
#include "cmd/money.h"
#include "cmd/settings.h"
#include "farm/desk.h"
#include "farm/launch/ask.h"
#include "farm/renderers.h"
#include "farm/stage.h"
#include "farm/worker.h"
#include "plat/child.h"
#include "plat/clock.h"
#include "plat/files.h"
#include "plat/hidden.h"
#include "plat/ids.h"

#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { NOTICE_EVERY_MS = 5000, DESK_EVERY_MS = 1000 };

struct working {
    char folder[PATH_MAX];
    const char *url, *token_file, *fingerprint; // url NULL: the house of `folder`
    const char *notice;   // a program that tells of the machine's end; or NULL
    struct desk *desk;    // NULL: nobody works at this machine
    int64_t give_back_ms; // after so long of a pause; 0: never
    struct worker *worker;
    struct renderers *renderers;
    struct hidden *own; // the scratch folder of a worker that has a new id each time
    struct stage *stage;
    struct openjd_path_rules paths;
    char scratch[PATH_MAX];
    atomic_bool over;
};

static bool find_house(void *context, struct worker_house *house, struct error *err)
{
    struct working *w = context;
    struct local_ready ready;
    if (!local_ready_read(w->folder, &ready, err) ||
        !local_line_read(w->folder, "worker.token", house->bearer, sizeof(house->bearer), err))
        return false;
    text_copy(text_of(ready.url), house->url, sizeof(house->url));
    text_copy(text_of(ready.fingerprint), house->fingerprint, sizeof(house->fingerprint));
    return true;
}

// The token is read each time: it may have been renewed.
static bool house_given(void *context, struct worker_house *house, struct error *err)
{
    struct working *w = context;
    struct buf content = BUF_LIMIT(4096);
    bool ok = file_read(w->token_file, &content, err);
    text token = text_trim((text){content.at ? content.at : "", content.size});
    if (!ok)
        error_while(err, "the worker's token");
    else if (!token.size || !text_copy(token, house->bearer, sizeof(house->bearer)))
        ok = error_set(err, ERROR_DAMAGED, "there is no token in %s", w->token_file);
    buf_free(&content);
    return ok && text_copy(text_of(w->url), house->url, sizeof(house->url)) &&
           text_copy(text_of(w->fingerprint), house->fingerprint, sizeof(house->fingerprint));
}

static bool own_id(const char *folder, char own[27], struct error *err)
{
    char line[64];
    struct error none;
    if (local_line_read(folder, "worker.id", line, sizeof(line), &none) && id_valid(text_of(line)))
        return text_copy(text_of(line), own, 27);
    memcpy(own, id_new().text, 27);
    return local_line_write(folder, "worker.id", own, err);
}

static void *wait_for_signal(void *context)
{
    struct working *w = context;
    sigset_t set;
    int signal_number;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    while (sigwait(&set, &signal_number) == 0 && signal_number == SIGUSR1) {
        log_info("worker.drains", "why=signal");
        worker_drain(w->worker);
    }
    worker_stop(w->worker);
    return NULL;
}

// Asks every few seconds whether this machine is about to be taken away (docs/operating.md, cloud
// programs). What runs may end in the time that is left.
static void *watch_notice(void *context)
{
    struct working *w = context;
    struct error err;
    bool told = false;
    while (!atomic_load(&w->over)) {
        struct buf said = BUF_LIMIT(4096);
        const char *const words[] = {w->notice, "notice", NULL};
        struct program_wish wish = {.arguments = words,
                                    .timeout_ms = 4000,
                                    .doing = "asking whether this machine goes away"};
        bool ok = program_ask(&wish, &said, NULL, &err);
        if (!ok && !told)
            log_problem("worker.notice", &err);
        told = !ok;
        if (ok && said.size) {
            log_warn("worker.drains", "why=notice said=%s", log_quote(said.at).text);
            worker_drain(w->worker);
            buf_free(&said);
            return NULL;
        }
        buf_free(&said);
        for (int slept = 0; slept < NOTICE_EVERY_MS && !atomic_load(&w->over); slept += 100)
            clock_sleep_ms(100);
    }
    return NULL;
}

// While its user is there, or it is not its hour, the machine is his: what runs is stopped, and
// given back when he stays.
static void *watch_desk(void *context)
{
    static const char *const words[] = {"free", "user_back", "out_of_hours"};
    struct working *w = context;
    enum desk_state was = DESK_FREE;
    int64_t since_ms = 0;
    while (!atomic_load(&w->over)) {
        int64_t now_ms = clock_tick_us() / 1000;
        enum desk_state is = desk_look(w->desk, clock_now_ms());
        if (is != was) {
            log_info("worker.desk", "state=%s", words[is]);
            worker_desk(w->worker, is == DESK_USER    ? WORKER_USER_BACK
                                   : is == DESK_HOURS ? WORKER_OUT_OF_HOURS
                                                      : WORKER_FREE);
            since_ms = is == DESK_FREE ? 0 : since_ms ? since_ms : now_ms;
        }
        was = is;
        if (since_ms && w->give_back_ms && now_ms - since_ms >= w->give_back_ms)
            worker_give_back(w->worker);
        for (int slept = 0; slept < DESK_EVERY_MS && !atomic_load(&w->over); slept += 100)
            clock_sleep_ms(100);
    }
    return NULL;
}

static bool find_desk(struct command_call *call, struct working *w, struct error *err)
{
    const struct config *c = call->config;
    if (!option_flag(call, "desk"))
        return true;
    w->give_back_ms = config_int(c, "worker.give_back");
    return desk_open(&(struct desk_wish){.hours = config_text(c, "worker.hours"),
                                         .idle_ms = config_int(c, "worker.away"),
                                         .command = config_text(c, "worker.idle_command")},
                     &w->desk, err);
}

// A token must not cross a network in the clear.
static bool far_and_open(const char *url)
{
    const char *host = url + 7;
    return strncmp(url, "http://", 7) == 0 && strncmp(host, "127.", 4) != 0 &&
           strncmp(host, "localhost", 9) != 0 && strncmp(host, "[::1]", 5) != 0;
}

static bool find_place(struct command_call *call, struct working *w, char own[27],
                       struct error *err)
{
    char line[64];
    w->url = option_text(call, "house");
    w->token_file = option_text(call, "token-file");
    w->fingerprint = option_text(call, "fingerprint");
    w->fingerprint = w->fingerprint ? w->fingerprint : "";
    if (w->url) {
        memcpy(own, id_new().text, 27);
        if (!w->token_file) {
            error_set(err, ERROR_USAGE, "a worker for a house elsewhere needs a token");
            return error_fix(err,
                             "make one with `posthouse user token EMAIL --scope worker`, put it "
                             "into a file and say --token-file FILE");
        }
        if (far_and_open(w->url)) {
            error_set(err, ERROR_USAGE, "a worker does not call %s", w->url);
            error_why(err, "its token would cross the network in the clear");
            return error_fix(err, "serve with --tls=on, and say https:// and --fingerprint");
        }
        return true;
    }
    if (!local_folder(call->config, false, w->folder, sizeof(w->folder), err) ||
        !local_lock(w->folder, "worker.lock", "a worker of this house runs here already", err) ||
        !own_id(w->folder, own, err))
        return false;
    snprintf(line, sizeof(line), "%d %lld", (int)getpid(), (long long)child_began(getpid()));
    return local_line_write(w->folder, "worker.pid", line, err);
}

// Where renders work, and what is known of renderers. Without the house's data folder any renderer
// runs, but nobody understands what it says.
static bool find_tools(struct command_call *call, struct working *w, const char *own,
                       struct error *err)
{
    char data[PATH_MAX - 16];
    const char *temporary = getenv("TMPDIR");
    if (w->url) {
        // What those have left that were killed here goes now.
        w->own = hidden_open_as(temporary && *temporary ? temporary : "/tmp", "posthouse-worker-",
                                own, err);
        if (!w->own)
            return false;
        snprintf(w->scratch, sizeof(w->scratch), "%s", hidden_path(w->own));
    } else { // nobody else works there: we have worker.lock
        snprintf(w->scratch, sizeof(w->scratch), "%s/sessions", w->folder);
        if (!folder_remove(w->scratch, err))
            return false;
    }
    if (!settings_data_folder(call->config, data, sizeof(data)))
        return true;
    w->renderers = renderers_open(arena_format(call->arena, "%s/renderers", data), err);
    return w->renderers != NULL;
}

// What tasks may ask of this machine, and what it costs.
static bool find_worth(struct command_call *call, struct worker_wish *wish, struct error *err)
{
    const char *price = config_text(call->config, "worker.price");
    struct money *m = ARENA_NEW(call->arena, struct money);
    if (price[0] && (!money_parse(price, m) || !m->currency[0])) {
        error_set(err, ERROR_USAGE, "worker.price can not be '%s'", price);
        return error_fix(err, "say what an hour costs, and in which money: '0.19 USD'");
    }
    wish->price = m->amount;
    wish->currency = m->currency;
    return gpus_find(config_text(call->config, "worker.gpus"), &wish->gpus, err);
}

// "/show=/mnt/show, /lib=/mnt/lib": of shared folders, where this machine sees them.
static bool find_paths(struct command_call *call, struct working *w, struct error *err)
{
    text rest = text_of(config_text(call->config, "worker.paths"));
    struct openjd_path_rule *list =
        ARENA_ARRAY(call->arena, struct openjd_path_rule, rest.size / 2 + 1);
    size_t count = 0;
    while (rest.size) {
        text to = text_trim(text_cut(&rest, ',')), from = text_trim(text_cut(&to, '='));
        to = text_trim(to);
        if (!from.size && !to.size)
            continue;
        if (!from.size || !to.size || to.at[0] != '/') {
            error_set(err, ERROR_USAGE, "worker.paths can not be read");
            return error_fix(err, "write it as /where/others/see/it=/where/it/is/here, more with "
                                  "commas");
        }
        // A machine of another system may have submitted it: "C:\\" and "\\\\server\\".
        bool windows = from.at[0] != '/';
        list[count++] =
            (struct openjd_path_rule){windows ? OPENJD_WINDOWS : OPENJD_POSIX,
                                      text_of(arena_copy(call->arena, from.at, from.size)),
                                      text_of(arena_copy(call->arena, to.at, to.size))};
    }
    w->paths = (struct openjd_path_rules){list, count};
    return true;
}

// Without a cache staged jobs can not run here; that is no reason not to do others, unless somebody
// said where it is to be.
static bool find_stage(struct command_call *call, struct working *w, const char *own,
                       struct error *err)
{
    const char *said = config_text(call->config, "worker.cache.folder");
    const char *temporary = getenv("TMPDIR"), *folder = said;
    if (!said[0])
        folder = w->url ? arena_format(call->arena, "%s/posthouse-cache-%u",
                                       temporary && *temporary ? temporary : "/tmp", getuid())
                        : arena_format(call->arena, "%s/cache", w->folder);
    w->stage =
        stage_open(&(struct stage_wish){.worker = own,
                                        .cache_folder = folder,
                                        .cache_bytes = config_int(call->config, "worker.cache"),
                                        .find_house = w->url ? house_given : find_house,
                                        .context = w},
                   err);
    if (!w->stage && !said[0])
        log_problem("worker.cache", err);
    return w->stage || !said[0];
}

static int run(struct command_call *call)
{
    struct working w = {0};
    struct error err;
    char own[27], name[256] = "worker";
    pthread_t waiter, watcher, desk;
    sigset_t set;
    mallopt(M_ARENA_MAX, 4);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL); // of all threads; one waits for them
    signal(SIGPIPE, SIG_IGN);
    if (!find_place(call, &w, own, &err))
        return command_failed(&err);
    gethostname(name, sizeof(name) - 1);
    if (!find_tools(call, &w, own, &err) || !find_paths(call, &w, &err) ||
        !find_stage(call, &w, own, &err))
        return command_failed(&err);
    const char *named = option_text(call, "name");
    w.notice = option_text(call, "notice");
    struct worker_wish wish = {
        .id = own,
        .name = named ? named : name,
        .slots = (int)config_int(call->config, "worker.slots"),
        .orphan_ms = config_int(call->config, "worker.orphan"),
        .idle_ms = config_int(call->config, "worker.idle"),
        .tasks = config_int(call->config, "worker.tasks"),
        .sandbox = config_bool(call->config, "sandbox") ? SANDBOX_ON : SANDBOX_OFF,
        .scratch = w.scratch,
        .renderers = w.renderers,
        .no_disks = !config_bool(call->config, "worker.disks"),
        .no_tickets = !config_bool(call->config, "worker.tickets"),
        .stage = w.stage,
        .paths = &w.paths,
        .find_house = w.url ? house_given : find_house,
        .context = &w,
    };
    if (!find_worth(call, &wish, &err) || !find_desk(call, &w, &err) ||
        !worker_open(&wish, &w.worker, &err))
        return command_failed(&err);
    bool watching = w.notice && pthread_create(&watcher, NULL, watch_notice, &w) == 0;
    bool at_desk = w.desk && pthread_create(&desk, NULL, watch_desk, &w) == 0;
    if (pthread_create(&waiter, NULL, wait_for_signal, &w) != 0 || (w.notice && !watching) ||
        (w.desk && !at_desk)) {
        worker_close(w.worker);
        error_set(&err, ERROR_INTERNAL, "cannot start the worker's threads");
        return command_failed(&err);
    }
    log_info("worker.started", "id=%s name=%s house=%s gpus=%d", own, log_quote(wish.name).text,
             log_quote(w.url ? w.url : w.folder).text, wish.gpus.count);
    bool ok = worker_run(w.worker, &err);
    if (!ok)
        log_problem("worker.leaves", &err);
    atomic_store(&w.over, true);
    pthread_kill(waiter, SIGTERM);
    pthread_join(waiter, NULL);
    if (watching)
        pthread_join(watcher, NULL);
    if (at_desk)
        pthread_join(desk, NULL);
    desk_close(w.desk);
    worker_close(w.worker);
    stage_close(w.stage);
    if (!hidden_close(w.own, &err))
        log_problem("worker.scratch", &err);
    renderers_close(w.renderers);
    log_info("worker.stopped", "id=%s", own);
    return 0;
}

static const struct option_row options[] = {
    CLIENT_OPTIONS,
    {"name", OPTION_TEXT, "NAME", "what the house calls it (this machine's name)"},
    {"desk", OPTION_FLAG, NULL, "somebody works at this machine: he comes first"},
    {"notice", OPTION_TEXT, "PROGRAM", "asked every 5 s whether this machine is about to go"},
    {0},
};
const struct command command_work = {
    "work",
    "",
    "do the house's work on this machine",
    "Runs engines for the house whose folder is here (--house.folder). `posthouse serve` starts "
    "one by itself.\nIt goes on when the house is away, and leaves after worker.orphan.\n"
    "With --house and --token-file it works for a house elsewhere; the token has the scope worker. "
    "With\n"
    "--worker.disks=off it sees none of the house's disks: what staged jobs, proxies, deliverables "
    "and\nchecks read is fetched into worker.cache.folder, what they make is sent back. Else it "
    "must see\nthe house's folder at the same path, and shared folders there too or where "
    "worker.paths says.\nIt then leaves after worker.idle without a "
    "task, "
    "and on\nSIGUSR1 as soon as what it has is done.\n"
    "With --desk it works in worker.hours alone, and while nobody has touched keyboard or mouse "
    "for\n"
    "worker.away; what runs is stopped in between, and given back after worker.give_back.",
    options,
    0,
    0,
    run,
};
