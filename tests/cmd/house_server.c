/*
 * A house in one process, without workers: house_server FOLDER MIGRATIONS [PORT [RESERVE_BYTES]].
 * Writes FOLDER/local.token (an administrator's) and, once it listens, FOLDER/ready with its
 * address. SIGTERM ends it. For the stories of bringing in, where it is killed and started often.
 */
#include "api/api.h"
#include "house/transfer/transfer.h"
#include "plat/files.h"
#include "store/store.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct error err;

static void need(bool ok)
{
    if (ok)
        return;
    fprintf(stderr, "house_server: %s (%s) %s\n", err.what, err.why, err.fix);
    exit(3);
}

static char *below(const char *folder, const char *name)
{
    static char paths[4][PATH_MAX];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return path;
}

static void write_token(const char *folder, struct people *people)
{
    char person[27], token[27], secret[44];
    if (access(below(folder, "local.token"), F_OK) == 0)
        return;
    need(people_house(people, person, &err));
    need(token_make(people, person, "local", "all", 0, "here", token, secret, &err));
    need(file_write(below(folder, "local.token"), secret, strlen(secret), 0600, &err));
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    const char *folder = argv[1];
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    need(folder_make(folder, 0700, &err));
    unlink(below(folder, "ready"));
    struct db_wish db_wish = {.path = below(folder, "house.db"), .migrations = argv[2]};
    struct db *db = db_open(&db_wish, &err);
    need(db != NULL);
    struct store *store =
        store_open(&(struct store_wish){.folder = below(folder, "store"),
                                        .db = db,
                                        .reserve_bytes = argc > 4 ? atoll(argv[4]) : -1},
                   &err);
    need(store != NULL);
    struct people *people = people_open(&(struct people_wish){.db = db, .quick_hash = true}, &err);
    need(people != NULL);
    struct transfers *transfers = transfers_open(&(struct transfers_wish){db, store}, &err);
    need(transfers != NULL);
    struct api *api = api_open(&(struct api_wish){.db = db,
                                                  .store = store,
                                                  .people = people,
                                                  .check_answers = true,
                                                  .version = "test",
                                                  .house_name = "Test",
                                                  .rooms = {.transfer = transfers}},
                               &err);
    need(api != NULL);
    struct listener_wish listener = {
        .tag = "page", .address = "127.0.0.1", .port = argc > 3 ? atoi(argv[3]) : 0};
    struct server *server = server_open(&(struct server_wish){.listeners = &listener,
                                                              .listener_count = 1,
                                                              .context = api,
                                                              .plan = api_plan,
                                                              .problem = api_problem,
                                                              .decorate = api_decorate},
                                        &err);
    need(server != NULL);
    api_server(api, server);
    write_token(folder, people);
    char url[64];
    int size = snprintf(url, sizeof(url), "http://127.0.0.1:%d\n", server_port(server, 0));
    need(file_write(below(folder, "ready"), url, (size_t)size, 0600, &err));
    int got;
    sigwait(&ends, &got);
    server_close(server, 2000);
    api_close(api);
    transfers_close(transfers);
    people_close(people);
    store_close(store);
    db_close(db);
    return 0;
}
