/*
 * Serves one file through wire, nothing else: what benchmarks/range_serving.sh compares with nginx.
 *   bench-range-serving FILE PORT TLS-PORT CERT KEY     until standard input ends
 */
#include "wire/server.h"
#include "wire/tls.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *file;

static void close_file(void *context)
{
    close((int)(intptr_t)context);
}

// Opens the file for each request, as nginx does.
static void serve(struct request *r, struct answer *a)
{
    struct stat st;
    (void)r;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        answer_empty(a, 500);
        return;
    }
    struct file_run run = {fd, 0, st.st_size};
    answer_files(a, &(struct file_answer){.runs = &run,
                                          .count = 1,
                                          .type = "video/mp4",
                                          .etag = "\"bench\"",
                                          .modified_ms = (int64_t)st.st_mtime * 1000,
                                          .release = close_file,
                                          .context = (void *)(intptr_t)fd});
}

static bool plan(void *context, const struct request *r, struct plan *p)
{
    (void)context;
    (void)r;
    *p = (struct plan){.quick = true, .handle = serve};
    return true;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"localhost", "127.0.0.1", NULL};
    struct error err;
    if (argc != 6) {
        fprintf(stderr, "usage: %s FILE PORT TLS-PORT CERT KEY\n", argv[0]);
        return 2;
    }
    file = argv[1];
    struct tls *tls = tls_open(&(struct tls_wish){argv[4], argv[5], names}, &err);
    const struct listener_wish listeners[] = {{"media", "127.0.0.1", atoi(argv[2]), NULL},
                                              {"media", "127.0.0.1", atoi(argv[3]), tls}};
    struct server *s = tls ? server_open(&(struct server_wish){.listeners = listeners,
                                                               .listener_count = 2,
                                                               .plan = plan,
                                                               .event_threads = 2},
                                         &err)
                           : NULL;
    if (!s) {
        fprintf(stderr, "%s: %s\n%s\n", err.what, err.why, err.fix);
        return 3;
    }
    while (getchar() != EOF)
        ;
    server_close(s, 100);
    tls_close(tls);
    return 0;
}
