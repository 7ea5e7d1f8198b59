/*
 * A comment's event, from handing it to the database until the LAST of 200 viewers has it: durable
 * commit, rights, fan-out, over plain HTTP and TLS. One JSON line each. Viewers are tokens of one
 * member who looks at the project; they live in this process and are read in turn.
 *   bench-api-news MIGRATIONS
 */
#include "api/api.h"
#include "plat/clock.h"
#include "wire/socket_client.h"
#include "wire/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VIEWERS = 200, ROUNDS = 200 };
#define PROJECT "01J0000000000000000000PR01"

static struct error err;
static struct db *db;

static void must(bool ok)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n%s\n", err.what, err.why, err.fix);
    exit(3);
}

static bool tell_in(struct db_tx *tx, void *context, struct error *e)
{
    return db_event(tx, "comment.made", PROJECT, "01J0000000000000000000CM01", context, e);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void measure(const char *kind, int port, const char *fingerprint, const char *secret)
{
    static struct socket_client *viewers[VIEWERS];
    static char body[700];
    int64_t took_us[ROUNDS];
    char url[80];
    text got;
    const char *say = "{\"subscribe\":{\"project\":\"" PROJECT "\"}}";
    snprintf(url, sizeof(url), "%s://127.0.0.1:%d/api/v1/events", fingerprint ? "wss" : "ws", port);
    for (int i = 0; i < VIEWERS; i++) {
        viewers[i] = socket_client_open(
            &(struct socket_client_wish){.url = url, .bearer = secret, .fingerprint = fingerprint},
            &err);
        must(viewers[i] != NULL);
        must(socket_client_send(viewers[i], say, strlen(say), &err));
        must(socket_client_receive(viewers[i], 5000, &got, &err)); // {"now":..}
    }
    snprintf(body, sizeof(body), "{\"text\":\"%0500d\"}", 7);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t begun = clock_tick_us();
        must(db_write(db, tell_in, body, &err));
        for (int i = 0; i < VIEWERS; i++)
            must(socket_client_receive(viewers[i], 5000, &got, &err));
        took_us[round] = clock_tick_us() - begun;
        clock_sleep_ms(5);
    }
    qsort(took_us, ROUNDS, sizeof(took_us[0]), by_size);
    printf("{\"bench\":\"comments\",\"what\":\"a comment, durable, to the last of %d viewers, %s\","
           "\"ours\":%.1f,\"unit\":\"ms p95\",\"at_most\":30,\"p50_ms\":%.1f}\n",
           VIEWERS, kind, (double)took_us[ROUNDS * 95 / 100] / 1000,
           (double)took_us[ROUNDS / 2] / 1000);
    fflush(stdout);
    for (int i = 0; i < VIEWERS; i++)
        socket_client_close(viewers[i]);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"127.0.0.1", NULL};
    char folder[] = "/tmp/posthouse-bench-XXXXXX", path[80], cert[64], key[64], id[27], token[44],
         command[100];
    struct session_made made;
    if (argc != 2 || !mkdtemp(folder))
        return 2;
    snprintf(path, sizeof(path), "%s/house.db", folder);
    snprintf(cert, sizeof(cert), "%s/cert.pem", folder);
    snprintf(key, sizeof(key), "%s/key.pem", folder);
    must((db = db_open(&(struct db_wish){.path = path, .migrations = argv[1]}, &err)) != NULL);
    struct people *people = people_open(&(struct people_wish){.db = db}, &err);
    must(people != NULL);
    must(people_add(people, "Viewer", "v@example.org", false, NULL, "", id, token, &err));
    must(people_welcome(people, token, "four words and some", &(struct entry){0}, &made, &err));
    must(members_set(people, PROJECT, id, "guest", false, NULL, "", &err));
    must(token_make(people, made.person, "ear", "read", 0, false, "", id, token, &err));
    struct sockets *sockets = sockets_open(&(struct sockets_wish){0}, &err);
    struct tls *tls = tls_open(&(struct tls_wish){cert, key, names}, &err);
    must(tls && sockets);
    struct api *api =
        api_open(&(struct api_wish){.db = db, .people = people, .sockets = sockets}, &err);
    must(api != NULL);
    const struct listener_wish listeners[] = {{"page", "127.0.0.1", 0, NULL},
                                              {"page", "127.0.0.1", 0, tls}};
    struct server *s = server_open(&(struct server_wish){.listeners = listeners,
                                                         .listener_count = 2,
                                                         .context = api,
                                                         .plan = api_plan,
                                                         .problem = api_problem,
                                                         .decorate = api_decorate},
                                   &err);
    must(s != NULL);
    measure("plain", server_port(s, 0), NULL, token);
    measure("tls", server_port(s, 1), tls_fingerprint_of(tls).text, token);
    sockets_close(sockets, 1000);
    server_close(s, 1000);
    api_close(api);
    people_close(people);
    db_close(db);
    tls_close(tls);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}
