// engine-ask KIND OUT FILE...: runs one ticket on plain files and prints the answer; for bench and
// tests. KIND is probe, proxy, encode:PROFILE.json:NAME, or a whole ticket as JSON.
#include "tickets/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static bool print_line(void *context, const json_t *line)
{
    (void)context;
    if (line && getenv("VERBOSE"))
        json_dumpf(line, stderr, JSON_COMPACT), fputc('\n', stderr);
    return true;
}

static json_t *make_ticket(const char *kind, int files)
{
    if (kind[0] == '{')
        return json_loads(kind, 0, NULL);
    json_t *ticket = json_pack("{s:s, s:s}", "kind", kind, "sequence_rate", "24");
    if (files > 1)
        json_object_set_new(ticket, "sequence", json_object());
    if (strncmp(kind, "encode:", 7) == 0) {
        char path[512] = "", name[256] = "";
        sscanf(kind, "encode:%511[^:]:%255s", path, name);
        json_object_set_new(ticket, "kind", json_string("encode"));
        json_object_set_new(ticket, "profile", json_load_file(path, 0, NULL));
        json_object_set_new(ticket, "output", json_string(name));
    }
    return ticket;
}

int main(int argc, char **argv)
{
    struct error err;
    struct buf log = BUF_LIMIT(1 << 20);
    json_t *result = NULL;
    if (argc < 4)
        return 2;
    // The sandbox leaves its inner process to whoever reaps: we do, so that its CPU time is ours.
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    struct engine_wish wish = {
        .ticket = make_ticket(argv[1], argc - 3),
        .sandbox = getenv("NO_SANDBOX") ? SANDBOX_OFF : SANDBOX_ON,
        .output_folder = strcmp(argv[2], "-") ? argv[2] : NULL,
        .heard = print_line,
        .log = &log,
    };
    error_clear(&err);
    bool done = wish.ticket && engine_run_files(&wish, (const char *const *)argv + 3,
                                                (size_t)argc - 3, &result, &err);
    if (log.size)
        fprintf(stderr, "%s", log.at);
    if (done)
        json_dumpf(result, stdout, JSON_INDENT(2)), putchar('\n');
    else
        printf("%s: %s\n  why: %s\n  fix: %s\n", error_facts(err.kind)->name, err.what, err.why,
               err.fix);
    json_decref(result);
    json_decref(wish.ticket);
    buf_free(&log);
    while (wait(NULL) > 0)
        ;
    return done ? 0 : 1;
}
