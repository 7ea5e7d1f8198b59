// posthouse work: this machine's worker.
#include "base/log.h"
#include "cmd/command.h"
#include "cmd/local.h"
#include "farm/worker.h"
#include "plat/child.h"
#include "plat/clock.h"
#include "plat/ids.h"

#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct working {
    char folder[PATH_MAX];
    struct worker *worker;
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
    sigwait(&set, &signal_number);
    worker_stop(w->worker);
    return NULL;
}

static int run(struct command_call *call)
{
    struct working w = {0};
    struct error err;
    char own[27], line[64], name[256] = "worker";
    pthread_t waiter;
    sigset_t set;
    mallopt(M_ARENA_MAX, 4);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL); // of all threads; one waits for them
    signal(SIGPIPE, SIG_IGN);
    if (!local_folder(call->config, false, w.folder, sizeof(w.folder), &err) ||
        !local_lock(w.folder, "worker.lock", "a worker of this house runs here already", &err) ||
        !own_id(w.folder, own, &err))
        return command_failed(&err);
    snprintf(line, sizeof(line), "%d %lld", (int)getpid(), (long long)child_began(getpid()));
    if (!local_line_write(w.folder, "worker.pid", line, &err))
        return command_failed(&err);
    gethostname(name, sizeof(name) - 1);
    struct worker_wish wish = {
        .id = own,
        .name = name,
        .slots = (int)config_int(call->config, "worker.slots"),
        .orphan_ms = config_int(call->config, "worker.orphan"),
        .sandbox = config_bool(call->config, "sandbox") ? SANDBOX_ON : SANDBOX_OFF,
        .find_house = find_house,
        .context = &w,
    };
    if (!worker_open(&wish, &w.worker, &err))
        return command_failed(&err);
    if (pthread_create(&waiter, NULL, wait_for_signal, &w) != 0) {
        worker_close(w.worker);
        error_set(&err, ERROR_INTERNAL, "cannot start the worker's threads");
        return command_failed(&err);
    }
    log_info("worker.started", "id=%s folder=%s", own, log_quote(w.folder).text);
    bool ok = worker_run(w.worker, &err);
    if (!ok)
        log_problem("worker.leaves", &err);
    pthread_kill(waiter, SIGTERM);
    pthread_join(waiter, NULL);
    worker_close(w.worker);
    log_info("worker.stopped", "id=%s", own);
    return 0;
}

static const struct option_row options[] = {{0}};
const struct command command_work = {
    "work",
    "",
    "do the house's work on this machine",
    "Runs engines for the house whose folder is here (--house.folder). `posthouse serve` starts "
    "one "
    "by itself.\nIt goes on when the house is away, and leaves after worker.orphan.",
    options,
    0,
    0,
    run,
};
